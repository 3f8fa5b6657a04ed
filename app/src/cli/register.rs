//! `quire register`: the desktop opens `quire://` links with this program.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::session::Failure;
use crate::shell::files;

/// The name of the entry among the desktop's applications.
const ENTRY_NAME: &str = "quire.desktop";

/// What says that an entry is of this command, and may be written over and removed by it.
const MARK: &str = "X-Quire-Registered=true";

/// What the desktop calls these links.
const KIND: &str = "x-scheme-handler/quire";

/// Registers this program, with this library if one is named; or takes that back.
pub(super) fn run(remove: bool, library: Option<&Path>) -> Result<(Value, String), Failure> {
    if cfg!(not(target_os = "linux")) {
        let words =
            "links can be registered on Linux only as yet: elsewhere, copy a link and use Open link… in the window";
        return Err(Failure::new(Failure::FAILED, words));
    }
    let failed = |words: String| Failure::new(Failure::FAILED, words);
    let folders = directories::BaseDirs::new().ok_or_else(|| failed("this account has no home folder".to_owned()))?;
    let path = folders.data_dir().join("applications").join(ENTRY_NAME);
    let ours = is_ours(&path).map_err(|error| failed(format!("{} cannot be read: {error}", path.display())))?;
    if ours == Some(false) {
        return Err(failed(format!(
            "{} is not of this command, and is left alone: move it away first",
            path.display()
        )));
    }
    if remove {
        return take_back(&path, ours.is_some());
    }
    let program =
        std::env::current_exe().map_err(|error| failed(format!("this program does not know its place: {error}")))?;
    let entry = entry(&program, library).ok_or_else(|| {
        failed("the path of this program or of the library cannot stand in such an entry: it is not UTF-8, or has a line break".to_owned())
    })?;
    let made = path.parent().map_or(Ok(()), fs::create_dir_all);
    made.map_err(|error| failed(format!("{} cannot be made: {error}", path.display())))?;
    files::write_whole(&path, entry.as_bytes()).map_err(|error| failed(error.to_string()))?;
    let is_default = make_default();
    let words = if is_default {
        "quire:// links open in it now"
    } else {
        "xdg-mime, which makes it the one that opens quire:// links, is not here or refused: choose Quire for them in the settings of your desktop"
    };
    let value =
        json!({ "file": path.to_string_lossy(), "program": program.to_string_lossy(), "is_default": is_default });
    Ok((value, format!("wrote {} for {}\n{words}\n", path.display(), program.display())))
}

/// Whether the entry that is there is of this command; `None`: there is none.
fn is_ours(path: &Path) -> io::Result<Option<bool>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes.split(|byte| *byte == b'\n').any(|line| line == MARK.as_bytes()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn take_back(path: &Path, is_there: bool) -> Result<(Value, String), Failure> {
    let value = json!({ "file": path.to_string_lossy(), "removed": is_there });
    if !is_there {
        return Ok((value, format!("there is no {}: nothing is registered\n", path.display())));
    }
    fs::remove_file(path)
        .map_err(|error| Failure::new(Failure::FAILED, format!("{} cannot be removed: {error}", path.display())))?;
    Ok((value, format!("removed {}: quire:// links do not open in it any more\n", path.display())))
}

/// Whether the desktop took it as the one for these links.
fn make_default() -> bool {
    let mut command = Command::new("xdg-mime");
    command.args(["default", ENTRY_NAME, KIND]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// The entry, as the Desktop Entry Specification has it.
fn entry(program: &Path, library: Option<&Path>) -> Option<String> {
    let library = match library {
        Some(folder) => format!(" --library {}", argument(&std::path::absolute(folder).ok()?)?),
        None => String::new(),
    };
    Some(format!(
        "[Desktop Entry]\nType=Application\nName=Quire\nComment=Write together\nExec={}{library} open %u\nTerminal=false\n\
         Categories=Office;TextEditor;\nStartupWMClass=quire\nMimeType={KIND};\n{MARK}\n",
        argument(&PathBuf::from(program))?
    ))
}

/// A path as an argument of `Exec`: quoted, and what quoting leaves with a meaning escaped, for the argument and again for the line.
fn argument(path: &Path) -> Option<String> {
    let path = path.to_str().filter(|path| !path.chars().any(char::is_control))?;
    let mut quoted = String::from("\"");
    for sign in path.chars() {
        match sign {
            '"' | '`' | '$' => quoted.extend(["\\\\", sign.encode_utf8(&mut [0; 4])]),
            '\\' => quoted.push_str(r"\\\\"),
            '%' => quoted.push_str("%%"),
            _ => quoted.push(sign),
        }
    }
    Some(quoted + "\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_argument_whatever_stands_in_it() {
        assert_eq!(argument(Path::new("/opt/quire")).as_deref(), Some("\"/opt/quire\""));
        let odd = argument(Path::new(r#"/a b/%u "c" $d `e` \f"#));
        assert_eq!(odd.as_deref(), Some(r#""/a b/%%u \\"c\\" \\$d \\`e\\` \\\\f""#));
        assert_eq!(argument(Path::new("/a\nExec=evil")), None);
    }
}
