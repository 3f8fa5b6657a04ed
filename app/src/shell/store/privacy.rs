//! Who else may read the library: its file has the keys of all documents.

use std::path::Path;

/// What is wrong if other accounts of this computer may read or exchange the library's file, and the command that ends it; `None` if
/// they may not, there is no library, or this system has no such permissions. Nothing is changed. Waits for the disk.
pub fn exposure(folder: &Path) -> Option<String> {
    #[cfg(unix)]
    return unix::exposure(folder);
    #[cfg(not(unix))]
    {
        let _ = folder;
        None
    }
}

#[cfg(unix)]
mod unix {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use crate::shell::store::FILE_NAME;

    /// Reading and writing, and looking into a folder, for the others; those for the group are three bits higher.
    const READ: u32 = 0o4;
    const WRITE: u32 = 0o2;
    const ENTER: u32 = 0o1;

    pub(super) fn exposure(folder: &Path) -> Option<String> {
        let file = folder.join(FILE_NAME);
        let mode = |path: &Path| Some(fs::metadata(path).ok()?.permissions().mode());
        let (of_folder, of_file) = (mode(folder)?, mode(&file)?);
        let may = [3, 0].map(|shift| {
            let (folder, file) = (of_folder >> shift, of_file >> shift);
            let enters = folder & ENTER != 0;
            (enters && file & READ != 0, enters && (file & WRITE != 0 || folder & WRITE != 0))
        });
        let does = match (may.iter().any(|(reads, _)| *reads), may.iter().any(|(_, writes)| *writes)) {
            (false, false) => return None,
            (true, false) => "read",
            (false, true) => "exchange",
            (true, true) => "read and exchange",
        };
        Some(format!(
            "other accounts of this computer may {does} your library, which has the keys of your documents: close it to them by \
             `chmod go= {} {}`",
            quoted(folder),
            quoted(&file)
        ))
    }

    /// A path as a shell takes it.
    fn quoted(path: &Path) -> String {
        format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;
    use std::process::Command;

    use super::*;
    use crate::shell::inbox::Inbox;
    use crate::shell::store::{FILE_NAME, Store};

    fn allow(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn who_else_may_read_a_library_is_said_and_the_command_ends_it() {
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().join("Ana's library");
        assert_eq!(exposure(&folder), None, "there is none");
        drop(Store::open(&folder, Inbox::new().outlet()).unwrap());
        let file = folder.join(FILE_NAME);
        assert_eq!(exposure(&folder), None, "made for its owner alone");
        let check = |of_folder: u32, of_file: u32, does: Option<&str>| {
            allow(&folder, of_folder);
            allow(&file, of_file);
            drop(Store::open(&folder, Inbox::new().outlet()).unwrap());
            let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!((mode(&folder), mode(&file)), (of_folder, of_file), "nothing is changed unasked");
            let words = exposure(&folder);
            let said = does.map(|does| format!("may {does} your library"));
            assert_eq!(words.is_some(), said.is_some(), "{of_folder:o} {of_file:o}: {words:?}");
            let Some((words, said)) = words.zip(said) else { return };
            assert!(words.contains(&said), "{of_folder:o} {of_file:o}: {words}");
            let command = words.split('`').nth(1).unwrap();
            assert!(Command::new("sh").arg("-c").arg(command).status().unwrap().success());
            assert_eq!(exposure(&folder), None, "after {command}");
        };
        check(0o755, 0o600, None);
        check(0o700, 0o644, None);
        check(0o755, 0o644, Some("read"));
        check(0o710, 0o640, Some("read"));
        check(0o701, 0o640, None);
        check(0o777, 0o600, Some("exchange"));
        check(0o755, 0o620, Some("exchange"));
        check(0o777, 0o666, Some("read and exchange"));
    }
}
