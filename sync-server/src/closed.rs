//! The documents that the operator has closed: a file with an id on each line.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use quire_crdt::{DocumentId, ParseIdError};
use thiserror::Error;
use tokio::sync::watch;

/// The file's name in the directory of the store.
pub const CLOSED_FILE_NAME: &str = "closed.txt";

/// The most bytes that the file may have: more than a million documents.
const CLOSED_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Why it is not known which documents are closed.
#[derive(Debug, Error)]
pub enum ClosedError {
    /// The file cannot be read.
    #[error("{} cannot be read: {error}; it says which documents are closed", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// It is too long.
    #[error("{} has more than {CLOSED_BYTES_MAX} bytes", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
    },
    /// A line is no document's id.
    #[error(
        "{}, line {line}: {error}; a line of this file is the id of a document that is closed (32 hexadecimal digits), or begins with #",
        path.display()
    )]
    Line {
        /// The file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// What is wrong with it.
        error: ParseIdError,
    },
}

/// The closed documents that a file names; none if there is no file. What follows `#` is for people.
///
/// # Errors
/// A [`ClosedError`] that names the file, and the line that is no id.
fn read_closed(path: &Path) -> Result<BTreeSet<DocumentId>, ClosedError> {
    let unreadable = |error| ClosedError::Read { path: path.to_owned(), error };
    let file = match File::open(path) {
        Ok(file) => file,
        // A link that leads nowhere is there, and says nothing: that is no empty list.
        Err(error) if error.kind() == io::ErrorKind::NotFound && fs::symlink_metadata(path).is_err() => {
            return Ok(BTreeSet::new());
        }
        Err(error) => return Err(unreadable(error)),
    };
    let mut text = String::new();
    file.take(CLOSED_BYTES_MAX + 1).read_to_string(&mut text).map_err(unreadable)?;
    if text.len() as u64 > CLOSED_BYTES_MAX {
        return Err(ClosedError::TooLong { path: path.to_owned() });
    }
    let ids = (1..).zip(text.lines()).map(|(line, said)| (line, said.split('#').next().unwrap_or_default().trim()));
    let parse = |(line, id): (usize, &str)| {
        id.parse().map_err(|error| ClosedError::Line { path: path.to_owned(), line, error })
    };
    ids.filter(|(_, id)| !id.is_empty()).map(parse).collect()
}

/// The documents that are closed now, for whoever has to act on it.
#[derive(Debug)]
pub struct Closed {
    path: PathBuf,
    documents: watch::Sender<BTreeSet<DocumentId>>,
}

impl Closed {
    /// Those that the file in this directory names. Blocks on the disk.
    pub(crate) fn open(folder: &Path) -> Result<Self, ClosedError> {
        let path = folder.join(CLOSED_FILE_NAME);
        let documents = watch::Sender::new(read_closed(&path)?);
        Ok(Self { path, documents })
    }

    /// Reads the file again, and goes on with what it said before, and says so in the log, if that cannot be. Blocks on the disk.
    pub fn reload(&self) {
        match read_closed(&self.path) {
            Ok(documents) => {
                tracing::info!(closed = documents.len(), "the list of closed documents was read again");
                self.documents.send_replace(documents);
            }
            Err(error) => {
                tracing::error!(%error, "the list of closed documents could not be read; the one of before stays");
            }
        }
    }

    /// They, now and whenever they are others.
    pub(crate) fn watch(&self) -> watch::Receiver<BTreeSet<DocumentId>> {
        self.documents.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_names_documents_and_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(CLOSED_FILE_NAME);
        assert!(read_closed(&path).unwrap().is_empty(), "there is none");
        let (one, other) = ("00112233445566778899aabbccddeeff", "ffeeddccbbaa99887766554433221100");
        fs::write(&path, format!("# left the company\n{one}\n\n  {other} # a complaint\n")).unwrap();
        let expected: BTreeSet<DocumentId> = [one, other].map(|id| id.parse().unwrap()).into();
        assert_eq!(read_closed(&path).unwrap(), expected);
    }

    #[test]
    fn a_line_that_is_no_id_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(CLOSED_FILE_NAME);
        fs::write(&path, "\n00112233\n").unwrap();
        let error = read_closed(&path).unwrap_err().to_string();
        assert!(error.contains("closed.txt, line 2: "), "{error}");
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        let error = read_closed(&path).unwrap_err().to_string();
        assert!(error.contains("closed.txt cannot be read: "), "{error}");
    }
}
