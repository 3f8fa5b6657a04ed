//! What can be wrong with a store, and what to do then.

use std::io;
use std::path::{Path, PathBuf};

use redb::{CommitError, DatabaseError, SetDurabilityError, StorageError, TableError, TransactionError};
use thiserror::Error;

/// Why a store cannot be opened, read or written.
#[derive(Debug, Error)]
pub enum StoreError {
    /// Another process has it open.
    #[error("{} is in use by another process: stop that relay first, or name another directory with --data", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// It is not a relay's store.
    #[error("{} is not a store of quire-server ({detail}): name another directory with --data, or move the file away", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What shows that.
        detail: &'static str,
    },
    /// A newer program made it.
    #[error("{} has format version {found}, this program reads up to {newest}: run a newer quire-server", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// The version that it claims.
        found: u32,
        /// The newest version that this program reads.
        newest: u32,
    },
    /// Its contents are not what was written.
    #[error(
        "{} is damaged: {detail}. It is left as it is: put a backup in its place; or move it away and start with an empty \
         store, which the replicas fill again with everything that they have",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is damaged.
        detail: String,
    },
    /// The disk or the file system refused.
    #[error("{}: {error}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// An envelope is not the next of its log: the relay and its store do not agree.
    #[error("an envelope for position {position} of a log that ends at {head}")]
    NotNext {
        /// The position that was asked for.
        position: u64,
        /// Where the log ends.
        head: u64,
    },
}

impl StoreError {
    pub(super) fn io(path: &Path, error: io::Error) -> Self {
        Self::Io { path: path.to_owned(), error }
    }

    /// The same error, about this file if it did not know which.
    pub(super) fn at(mut self, file: &Path) -> Self {
        if let Self::Io { path, .. } | Self::Damaged { path, .. } | Self::InUse { path } = &mut self
            && path.as_os_str().is_empty()
        {
            file.clone_into(path);
        }
        self
    }
}

/// The database's errors, by what an operator does about them.
impl From<redb::Error> for StoreError {
    fn from(error: redb::Error) -> Self {
        let path = PathBuf::new();
        match error {
            redb::Error::DatabaseAlreadyOpen => Self::InUse { path },
            redb::Error::Io(error) => Self::Io { path, error },
            redb::Error::PreviousIo => Self::Io { path, error: io::Error::other("an earlier write failed") },
            error => Self::Damaged { path, detail: error.to_string() },
        }
    }
}

macro_rules! from_part {
    ($($part:ty),*) => {
        $(impl From<$part> for StoreError {
            fn from(error: $part) -> Self {
                redb::Error::from(error).into()
            }
        })*
    };
}

from_part!(StorageError, DatabaseError, TransactionError, TableError, CommitError, SetDurabilityError);
