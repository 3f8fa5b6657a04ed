//! `quire recovery` and `quire restore-library`: a file that brings back what relays keep.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, IsTerminal, Read};
use std::path::Path;

use serde_json::{Value, json};

use super::args::{Recovery, RestoreLibrary};
use super::print::field;
use super::run::{ask, milliseconds};
use super::{ask as asking, say};
use crate::editor::recovery::{Contents, Entry, PASSPHRASE_BYTES_MAX, RecoveryError, check_passphrase};
use crate::editor::secret::Secret;
use crate::editor::words::quantity;
use crate::session::{Failure, Request, SessionOptions};
use crate::shell::clock::Clock;
use crate::shell::recovery::{self, RecoveryFileError};

/// Writes the links of all shared documents into a file, sealed by a passphrase.
pub(super) fn make(options: &SessionOptions, arguments: &Recovery) -> Result<(Value, String), Failure> {
    let file = &arguments.file;
    if !arguments.force && fs::symlink_metadata(file).is_ok() {
        let message = format!("{} is there already; --force writes over it", file.display());
        return Err(Failure::new(Failure::FAILED, message));
    }
    let list = ask(options, &Request::List)?.value;
    let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
    let documents: Vec<Entry> = list.iter().filter_map(entry).collect();
    let left_out = list.len() - documents.len();
    if documents.is_empty() {
        let message = "no document of this library is shared: a recovery file brings back what relays keep";
        return Err(Failure::new(Failure::FAILED, message));
    }
    let passphrase = passphrase(arguments.passphrase_file.as_deref(), true)?;
    let count = documents.len();
    let contents = Contents { made_us: Clock::new().now().wall_us, documents };
    recovery::write(file, &contents, &passphrase).map_err(|error| failure(&error))?;
    if left_out > 0 {
        say(&format!(
            "{} not in it, being on this computer alone: share or export what you do not want to lose",
            were(left_out)
        ));
    }
    let words = format!("{} can be brought back by {}\n", quantity(count as u64, "document"), file.display());
    Ok((json!({ "file": file.to_string_lossy(), "documents": count, "left_out": left_out }), words))
}

fn were(count: usize) -> String {
    format!("{} {}", quantity(count as u64, "document"), if count == 1 { "is" } else { "are" })
}

fn entry(document: &Value) -> Option<Entry> {
    let link = Secret::new(document.get("link").and_then(Value::as_str)?);
    let archived = document.get("archived").and_then(Value::as_bool).unwrap_or(false);
    Some(Entry { link, title: field(document, "title").to_owned(), archived })
}

/// Takes the documents of such a file into the library, and waits for their text.
pub(super) fn restore(options: &SessionOptions, arguments: &RestoreLibrary) -> Result<(Value, String), Failure> {
    // A file that is not there is no reason to ask for a passphrase.
    File::open(&arguments.file)
        .map_err(|error| failure(&RecoveryFileError::Read { path: arguments.file.clone(), error }))?;
    let passphrase = passphrase(arguments.passphrase_file.as_deref(), false)?;
    let contents = recovery::read(&arguments.file, &passphrase).map_err(|error| failure(&error))?;
    let text = serde_json::to_string(&contents).map_err(|error| Failure::new(Failure::FAILED, error.to_string()))?;
    let value = asking::fulfil(options, &Request::Recover, &text)?.value;
    let ids = |name: &str| -> Vec<String> {
        let list = value.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        list.iter().filter_map(|id| Some(id.as_str()?.to_owned())).collect()
    };
    let (added, here) = (ids("added"), ids("here"));
    let brought = quantity(added.len() as u64, "document");
    if !added.is_empty() {
        let sync = Request::Sync { ids: added, timeout_ms: milliseconds(arguments.timeout) };
        ask(options, &sync).map_err(|failure| {
            let words = format!(
                "{brought} came into the library, and not all of their text yet: {}; `quire sync` and the window go on",
                failure.message
            );
            Failure::new(failure.code, words)
        })?;
    }
    let there = if here.is_empty() { String::new() } else { format!("; {} here already", were(here.len())) };
    Ok((value, format!("{brought} came back{there}\n")))
}

fn failure(error: &RecoveryFileError) -> Failure {
    let code = match error {
        RecoveryFileError::Read { error, .. } if error.kind() == io::ErrorKind::NotFound => Failure::NOT_FOUND,
        RecoveryFileError::Recovery { error: RecoveryError::Short { .. } | RecoveryError::Long { .. }, .. } => {
            Failure::USAGE
        }
        _ => Failure::FAILED,
    };
    Failure::new(code, error.to_string())
}

/// The passphrase: the first line of the file that was named, or of the standard input, or what a person types at a terminal, twice for
/// a new one.
fn passphrase(file: Option<&Path>, is_new: bool) -> Result<Secret, Failure> {
    let unreadable =
        |error: io::Error| Failure::new(Failure::FAILED, format!("the passphrase cannot be read: {error}"));
    let usage = |words: &str| Failure::new(Failure::USAGE, words);
    let passphrase = match file {
        Some(path) => first_line(File::open(path).map_err(unreadable)?).map_err(unreadable)?,
        None if io::stdin().is_terminal() => {
            let ask = |words: &str| rpassword::prompt_password(words).map(Secret::new).map_err(unreadable);
            let typed = ask("Passphrase of the recovery file: ")?;
            if is_new {
                check_passphrase(&typed).map_err(|error| usage(&error.to_string()))?;
                if ask("The same again: ")? != typed {
                    return Err(usage("the two passphrases differ: nothing was written"));
                }
            }
            typed
        }
        None => first_line(io::stdin().lock()).map_err(unreadable)?,
    };
    if passphrase.expose().is_empty() {
        return Err(usage("no passphrase: type it on a terminal, or give it as the first line of the standard input"));
    }
    if is_new {
        check_passphrase(&passphrase).map_err(|error| usage(&error.to_string()))?;
    }
    Ok(passphrase)
}

/// The first line without its end; of one that is too long, as much as shows that it is.
fn first_line(input: impl Read) -> io::Result<Secret> {
    let mut line = String::new();
    BufReader::new(input.take(PASSPHRASE_BYTES_MAX as u64 + 8)).read_line(&mut line)?;
    let end = line.trim_end_matches(['\r', '\n']).len();
    line.truncate(end);
    Ok(Secret::new(line))
}
