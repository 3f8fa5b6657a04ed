//! What can be wrong with a library, in words that say where, what, and what to do.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use quire_crdt::DocumentId;
use thiserror::Error;

/// A library that cannot be opened, read or written.
#[derive(Debug, Error)]
pub enum StoreError {
    /// Another copy of the program has it.
    #[error("the library in {} is in use by another copy of Quire{}; close that one, or name another folder with --library", folder.display(), ProcessName(*process))]
    InUse {
        /// The library's folder.
        folder: PathBuf,
        /// The other copy's process, if it said so.
        process: Option<u32>,
    },
    /// The file belongs to another program.
    #[error("{} is not a Quire library ({found}); nothing was changed: move it away, or name another folder with --library", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        found: String,
    },
    /// Bytes are not as they were written.
    #[error("the library {} is damaged: {damage}; nothing was changed. {RESCUE}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        damage: Damage,
    },
    /// A newer program wrote it.
    #[error("the library {} has format {found}, this program knows up to {known}; nothing was changed: update Quire", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// The format of the file.
        found: u64,
        /// The newest format that this program knows.
        known: u64,
    },
    /// The system refused.
    #[error("cannot {doing} {}: {error}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// What the system says.
        error: io::Error,
    },
    /// A write failed; it is tried again on request.
    #[error("cannot write the library {}: {error}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the store says.
        error: String,
    },
}

const RESCUE: &str = "Put back a copy of the file from a backup; or move the file away and open the links of your documents \
                      again, and the relays and the other devices bring back everything that they hold";

/// How a library is damaged.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum Damage {
    /// The file has no bytes.
    #[error("the file is empty")]
    Empty,
    /// What proves somebody's change is not as it was written.
    #[error("what proves a change of document {document} is not as it was written")]
    Seal {
        /// The document.
        document: DocumentId,
    },
    /// The store under the library says so.
    #[error("{detail}")]
    File {
        /// In its words.
        detail: String,
    },
    /// The facts about a document are not as they were written.
    #[error("the record of document {document} is not as it was written")]
    Record {
        /// The document, as far as its id can be read.
        document: DocumentId,
    },
    /// A change is not as it was written.
    #[error("change {position} of document {document} is not as it was written")]
    Change {
        /// The document.
        document: DocumentId,
        /// Its position in the log.
        position: u64,
    },
    /// A checkpoint cannot be used.
    #[error("the checkpoint at position {position} of document {document} cannot be used: {why}")]
    Checkpoint {
        /// The document.
        document: DocumentId,
        /// The position in its log.
        position: u64,
        /// Why.
        why: String,
    },
    /// A change is missing.
    #[error("change {position} of document {document} is missing, though a later one is there")]
    Gap {
        /// The document.
        document: DocumentId,
        /// The position that is missing.
        position: u64,
    },
}

impl StoreError {
    pub(crate) fn io(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::Io { path: path.to_owned(), doing, error }
    }

    pub(crate) fn damaged(path: &Path, damage: Damage) -> Self {
        Self::Damaged { path: path.to_owned(), damage }
    }

    /// What an error of the store under the library means while reading or opening `path`.
    pub(crate) fn of(path: &Path, error: impl Into<redb::Error>) -> Self {
        let path = path.to_owned();
        match error.into() {
            redb::Error::DatabaseAlreadyOpen | redb::Error::LockProtocolMismatch => {
                let folder = path.parent().map(Path::to_owned).unwrap_or_default();
                Self::InUse { folder, process: None }
            }
            redb::Error::Io(error) if error.kind() == io::ErrorKind::InvalidData => {
                Self::Foreign { path, found: format!("no database: {error}") }
            }
            redb::Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Self::Damaged { path, damage: Damage::File { detail: format!("it is cut off ({error})") } }
            }
            redb::Error::Io(error) => Self::Io { path, doing: "use", error },
            redb::Error::TableDoesNotExist(name) => {
                Self::Foreign { path, found: format!("a database without {name:?}") }
            }
            error @ (redb::Error::TableTypeMismatch { .. } | redb::Error::TypeDefinitionChanged { .. }) => {
                Self::Foreign { path, found: format!("a database of another program: {error}") }
            }
            error => Self::Damaged { path, damage: Damage::File { detail: error.to_string() } },
        }
    }
}

/// `" (process 12)"`, or nothing.
struct ProcessName(Option<u32>);

impl fmt::Display for ProcessName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |process| write!(f, " (process {process})"))
    }
}
