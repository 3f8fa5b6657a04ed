//! Recovery files on disk, for their owner alone.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::files::{self, FileError};
use crate::editor::recovery::{Contents, Cost, NONCE_BYTES, RECOVERY_BYTES_MAX, RecoveryError, SALT_BYTES, open, seal};
use crate::editor::secret::Secret;

/// Why a recovery file was not written or read.
#[derive(Debug, Error)]
pub enum RecoveryFileError {
    /// The system refused to write it.
    #[error(transparent)]
    File(#[from] FileError),
    /// The system refused to read it.
    #[error("{} cannot be read: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// It is longer than [`RECOVERY_BYTES_MAX`].
    #[error("{} has more than {RECOVERY_BYTES_MAX} bytes: it is no recovery file", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
    },
    /// The system gives no random numbers.
    #[error("the system gives no random numbers: {0}")]
    Random(getrandom::Error),
    /// It cannot be made, or opened.
    #[error("{}: {error}", path.display())]
    Recovery {
        /// The file.
        path: PathBuf,
        /// Why.
        error: RecoveryError,
    },
}

/// Writes a recovery file that its owner alone can read, in the place of one that is there. Takes about 0.2 s, and waits for the disk.
///
/// # Errors
/// A [`RecoveryFileError`]; a file that was there is untouched then.
pub fn write(path: &Path, contents: &Contents, passphrase: &Secret) -> Result<(), RecoveryFileError> {
    let (mut salt, mut nonce) = ([0; SALT_BYTES], [0; NONCE_BYTES]);
    getrandom::fill(&mut salt).and_then(|()| getrandom::fill(&mut nonce)).map_err(RecoveryFileError::Random)?;
    let bytes = seal(contents, passphrase, Cost::DEFAULT, salt, nonce);
    let bytes = bytes.map_err(|error| RecoveryFileError::Recovery { path: path.to_owned(), error })?;
    Ok(files::write_private(path, &bytes)?)
}

/// What is in a recovery file. Takes about 0.2 s.
///
/// # Errors
/// A [`RecoveryFileError`].
pub fn read(path: &Path, passphrase: &Secret) -> Result<Contents, RecoveryFileError> {
    let unreadable = |error| RecoveryFileError::Read { path: path.to_owned(), error };
    let mut bytes = Vec::new();
    File::open(path).map_err(unreadable)?.take(RECOVERY_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > RECOVERY_BYTES_MAX {
        return Err(RecoveryFileError::TooLong { path: path.to_owned() });
    }
    open(&bytes, passphrase).map_err(|error| RecoveryFileError::Recovery { path: path.to_owned(), error })
}
