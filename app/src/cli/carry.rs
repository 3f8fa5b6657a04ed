//! `bundle` and `apply`: changes as files.

use std::path::{Path, PathBuf, absolute};

use serde_json::Value;

use super::args::Bundle;
use super::run::{ask, check_free};
use super::say;
use crate::session::{Failure, Request, SessionOptions};

/// Puts a document's changes into a file.
pub(super) fn bundle(options: &SessionOptions, bundle: Bundle) -> Result<(Value, String), Failure> {
    let Bundle { id, file, since, version, force } = bundle;
    check_free(&file, force)?;
    let since = since.map(|since| whole(&since)).transpose()?;
    let value = ask(options, &Request::Bundle { id, file: whole(&file)?, since, version })?.value;
    let text = format!("{}, {} bytes\n", changes(count(&value, "changes")), count(&value, "bytes"));
    Ok((value, text))
}

/// Takes the changes of a file into their document.
pub(super) fn apply(options: &SessionOptions, file: &Path) -> Result<(Value, String), Failure> {
    let value = ask(options, &Request::Apply { file: whole(file)? })?.value;
    let (taken, known, waiting) = (count(&value, "taken"), count(&value, "known"), count(&value, "waiting"));
    if waiting > 0 {
        say(&format!(
            "{} of it were not taken, since what they follow upon is not here: apply a bundle that goes further back, then this one again",
            changes(waiting)
        ));
    }
    Ok((value, format!("{} taken, {known} were here already\n", changes(taken))))
}

/// The file as another copy of the program finds it, which may stand in another folder.
fn whole(file: &Path) -> Result<PathBuf, Failure> {
    absolute(file).map_err(|error| Failure::new(Failure::FAILED, format!("{}: {error}", file.display())))
}

fn count(value: &Value, name: &str) -> u64 {
    value.get(name).and_then(Value::as_u64).unwrap_or(0)
}

fn changes(count: u64) -> String {
    format!("{count} {}", if count == 1 { "change" } else { "changes" })
}
