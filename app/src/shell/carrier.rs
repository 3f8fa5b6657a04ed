//! Makes and reads bundles: changes as files. Each on a thread of its own, so that nobody who writes waits for a disk, or for the signatures
//! of a long history.

use std::fs;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::thread;

use bytes::Bytes;
use quire_crdt::keys::{DocumentKeys, ReplicaKey};
use quire_crdt::sync::{BUNDLE_BYTES_MAX, Bundle, BundleError, Opened, bundle};
use quire_crdt::{Document, DocumentId, VersionVector};
use thiserror::Error;

use super::files::{FileError, write_whole};
use super::inbox::{Event, Outlet, Places};
use super::loader::{self, LoadError};
use super::store::{DocumentRecord, Reader, StoreError};

/// Why a bundle cannot be made or taken; nothing was changed.
#[derive(Debug, Error)]
pub enum CarryError {
    /// The file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The library cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The document cannot be read.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The file is not a bundle that can be taken, or none can be made.
    #[error("{}: {error}; nothing was changed", path.display())]
    Bundle {
        /// The file.
        path: PathBuf,
        /// Why.
        error: BundleError,
    },
    /// The document of the bundle is not in the library.
    #[error(
        "{} has changes of document {document}, which is not here: bring it here first, with `quire join` and its link, \
         since the file has no keys",
        path.display()
    )]
    NotHere {
        /// The file.
        path: PathBuf,
        /// The document.
        document: DocumentId,
    },
    /// The bundle is of another document.
    #[error("{} has changes of document {found}, not of {expected}", path.display())]
    Another {
        /// The file.
        path: PathBuf,
        /// Its document.
        found: DocumentId,
        /// The one that is asked for.
        expected: DocumentId,
    },
    /// The document has no keys.
    #[error(
        "document {document} was made before documents had keys, and its changes cannot be sealed: make a new one of its text, \
         with `quire cat {document} | quire import - --title TITLE`"
    )]
    NoKeys {
        /// Which document.
        document: DocumentId,
    },
    /// The program stumbled.
    #[error("{}: the program stumbled over it, which is a fault of the program; nothing was changed", path.display())]
    Stumbled {
        /// The file.
        path: PathBuf,
    },
}

/// What somebody has already.
#[derive(Clone, Debug)]
pub enum Since {
    /// This.
    Version(VersionVector),
    /// What the maker of this bundle had.
    File(PathBuf),
}

/// What is to be done.
#[derive(Clone, Debug)]
pub enum Task {
    /// Put changes into a file: those below a position of the log, all on the disk, that somebody lacks.
    Make {
        /// Of which document.
        document: DocumentId,
        /// The position.
        log_end: u64,
        /// What need not be in it.
        since: Since,
        /// The file; one that is there is replaced.
        file: PathBuf,
    },
    /// Read a file, and verify and open what is in it.
    Read {
        /// The file.
        file: PathBuf,
    },
}

/// What was done.
#[derive(Debug)]
pub enum Carried {
    /// A bundle is in the file.
    Made {
        /// How many changes it has.
        changes: usize,
        /// How many bytes.
        bytes: usize,
        /// What was on the disk.
        version: VersionVector,
    },
    /// These changes are to be taken.
    Opened {
        /// Of which document.
        document: DocumentId,
        /// They.
        opened: Opened,
    },
}

/// Has bundles made and read, one at a time.
#[derive(Debug)]
pub struct Carrier {
    reader: Reader,
    places: Places,
}

impl Carrier {
    /// One for this library; what comes of the tasks is left at the outlet.
    pub fn new(reader: Reader, outlet: Outlet) -> Self {
        Self { reader, places: outlet.places(1) }
    }

    /// Begins with a task; [`Event::Carried`] with this number says what came of it. Whether it is begun: one is done at a time.
    ///
    /// # Errors
    /// When there can be no thread.
    pub fn begin(&self, number: u64, task: Task) -> io::Result<bool> {
        let Some(place) = self.places.try_take() else { return Ok(false) };
        let (reader, outlet) = (self.reader.clone(), self.places.outlet());
        let work = move || {
            let (Task::Make { file: path, .. } | Task::Read { file: path }) = task.clone();
            let done = catch_unwind(AssertUnwindSafe(|| done(&reader, task)));
            let done = done.unwrap_or(Err(CarryError::Stumbled { path }));
            if !outlet.leave(place, Event::Carried(number, done)) {
                tracing::debug!("the library was closed before a bundle was made or read");
            }
        };
        thread::Builder::new().name("carrier".to_owned()).spawn(work).map(|_detached| true)
    }
}

fn done(reader: &Reader, task: Task) -> Result<Carried, CarryError> {
    match task {
        Task::Make { document, log_end, since, file } => make(reader, document, log_end, since, &file),
        Task::Read { file } => open(reader, &file),
    }
}

fn make(reader: &Reader, document: DocumentId, log_end: u64, since: Since, path: &Path) -> Result<Carried, CarryError> {
    let since = match since {
        Since::Version(version) => version,
        Since::File(of) => {
            let other = read(&of)?;
            if other.document() != document {
                return Err(CarryError::Another { path: of, found: other.document(), expected: document });
            }
            other.version().clone()
        }
    };
    let copy = copy_of(reader, path, document)?;
    let log_end = usize::try_from(log_end).unwrap_or(usize::MAX);
    let refused = |error| CarryError::Bundle { path: path.to_owned(), error };
    let bytes = bundle(&copy.document, log_end, &copy.seals, &copy.keys, &copy.replica, &since).map_err(refused)?;
    let bytes = Bytes::from(bytes);
    let made = Bundle::decode(&bytes).map_err(refused)?;
    write_whole(path, &bytes)?;
    Ok(Carried::Made { changes: made.len(), bytes: bytes.len(), version: made.version().clone() })
}

fn open(reader: &Reader, path: &Path) -> Result<Carried, CarryError> {
    let bundle = read(path)?;
    let document = bundle.document();
    let copy = copy_of(reader, path, document)?;
    let opened = bundle.open(&copy.document, &copy.seals, &copy.keys, &copy.replica);
    let opened = opened.map_err(|error| CarryError::Bundle { path: path.to_owned(), error })?;
    Ok(Carried::Opened { document, opened })
}

fn read(path: &Path) -> Result<Bundle, CarryError> {
    let unreadable = |error| FileError::Read { path: path.to_owned(), error };
    let refused = |error| CarryError::Bundle { path: path.to_owned(), error };
    let length = fs::metadata(path).map_err(unreadable)?.len();
    let limit = BUNDLE_BYTES_MAX as u64;
    if length > limit {
        return Err(refused(BundleError::TooLong { bytes: length, limit }));
    }
    let bytes = Bytes::from(fs::read(path).map_err(unreadable)?);
    Bundle::decode(&bytes).map_err(refused)
}

/// This device's copy of a document, as it is on the disk, with what it takes to seal and to open.
struct Copy {
    document: Document,
    seals: quire_crdt::sync::Seals,
    keys: DocumentKeys,
    replica: ReplicaKey,
}

fn copy_of(reader: &Reader, path: &Path, document: DocumentId) -> Result<Copy, CarryError> {
    let records = reader.records()?;
    let record = records.into_iter().find(|(id, _)| *id == document).map(|(_, record)| record);
    let record = record.ok_or_else(|| CarryError::NotHere { path: path.to_owned(), document })?;
    let DocumentRecord { keys: Some(keys), seed: Some(seed), chain, replica, .. } = record else {
        return Err(CarryError::NoKeys { document });
    };
    let refused = |error| CarryError::Bundle { path: path.to_owned(), error };
    let keys = keys.document_keys().map_err(|error| refused(error.into()))?;
    let loader::Read { document, mut seals, .. } = loader::read(reader, document, replica)?;
    if let Some(chain) = chain {
        seals.set_own(chain);
    }
    Ok(Copy { document, seals, keys, replica: ReplicaKey::new(&seed) })
}
