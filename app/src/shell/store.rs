//! The library on disk: one file with every document's changes and facts, and one writer.
//!
//! [`Library`] does the work, on any storage; [`Store`] is it on a thread, in a folder that it locks. Appending never waits: a thread commits whatever is queued, makes it durable, and leaves the answer in the inbox. A write
//! that fails loses nothing: the changes are in memory, and are written again when the caller asks (each commit opens the file
//! anew after a failure). Reading waits for the disk.

mod database;
mod error;
mod library;
mod privacy;
mod record;
mod writer;

#[cfg(test)]
pub(crate) mod tests;

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use bytes::Bytes;
use quire_crdt::sync::Seal;
use quire_crdt::{DocumentId, ReplicaId};

pub use self::database::{FILE_NAME, LIBRARY_VERSION, Stored};
pub use self::error::{Damage, StoreError};
pub use self::library::{Action, Library, Logged, Reader};
pub use self::privacy::exposure;
pub use self::record::DocumentRecord;
use self::writer::{Answer, Request, Writer};
use super::inbox::{Outlet, Places, STORE_PLACES};

/// The most requests that wait for the writer: one for each place that an answer can take, and some that are waited for.
const REQUESTS_MAX: usize = STORE_PLACES + 16;

const LOCK_NAME: &str = "lock";

/// What the writer has done.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum StoreEvent {
    /// What was asked for this document up to here is on disk.
    Written {
        /// Which document.
        document: DocumentId,
        /// The position below which everything is on disk; 0 if only its record was written.
        head: u64,
        /// Whether its record was written.
        record: bool,
    },
    /// Nothing that was asked for this document since the last answer is on disk.
    Failed {
        /// Which document.
        document: DocumentId,
        /// Why, in words.
        error: String,
    },
}

/// [`STORE_PLACES`] requests are not answered, or their answers not looked at: ask again after the next answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Busy;

/// An open library.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    reader: Reader,
    requests: Option<SyncSender<Request>>,
    places: Places,
    writer: Option<JoinHandle<()>>,
    /// Held as long as this is: the library has one writer, also while the file is opened anew.
    lock: Option<File>,
}

impl Store {
    /// Opens the library in `folder`, or makes one where none is, and takes it for this process alone. Reads the whole file
    /// if it is short; waits for the disk.
    ///
    /// # Errors
    /// A [`StoreError`] when another process has the library, or the file is damaged, foreign or from a newer program: it is
    /// never replaced by an empty one.
    pub fn open(folder: &Path, outlet: Outlet) -> Result<Self, StoreError> {
        make_folder(folder)?;
        let lock = take_lock(folder)?;
        let library = Library::open(&folder.join(FILE_NAME))?;
        Self::start(folder, lock, library, outlet)
    }

    fn start(folder: &Path, lock: File, library: Library, outlet: Outlet) -> Result<Self, StoreError> {
        let (sender, requests) = sync_channel(REQUESTS_MAX);
        let places = outlet.clone().places(STORE_PLACES);
        let reader = library.reader();
        let writer = Writer { library, requests, outlet };
        let thread = thread::Builder::new().name("store".to_owned()).spawn(move || writer.run());
        let thread = thread.map_err(StoreError::io(folder, "start a thread to write"))?;
        let (requests, writer, lock) = (Some(sender), Some(thread), Some(lock));
        Ok(Self { folder: folder.to_owned(), reader, requests, places, writer, lock })
    }

    /// The folder that the library is in.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// All documents of the library, in the order of their ids. Waits for the disk.
    ///
    /// # Errors
    /// A [`StoreError`] when they cannot be read.
    pub fn records(&self) -> Result<Vec<(DocumentId, DocumentRecord)>, StoreError> {
        self.reader.records()
    }

    /// A way to read this library on another thread.
    pub fn reader(&self) -> Reader {
        self.reader.clone()
    }

    /// Queues an envelope for this position of the document's log, and what proves it, if it is another replica's; [`StoreEvent`]
    /// answers. Never waits.
    ///
    /// # Errors
    /// [`Busy`] when [`STORE_PLACES`] requests are not answered, or their answers not looked at.
    pub fn append(
        &self,
        document: DocumentId,
        position: u64,
        envelope: Bytes,
        seal: Option<(ReplicaId, Box<Seal>)>,
    ) -> Result<(), Busy> {
        self.queue(document, Action::Append { position, envelope, seal })
    }

    /// Queues a checkpoint of the document's log below this position, made from the sound one at `from` (0: from the log alone). These
    /// two are kept, and of the log what the older of them does not hold. Never waits, and nothing answers: without it the log is
    /// longer.
    ///
    /// # Errors
    /// [`Busy`] when too many requests are waiting.
    pub fn put_checkpoint(
        &self,
        document: DocumentId,
        position: u64,
        from: u64,
        checkpoint: Bytes,
    ) -> Result<(), Busy> {
        let requests = self.requests.as_ref().ok_or(Busy)?;
        let action = Action::Checkpoint { position, from, checkpoint };
        requests.try_send(Request { document, action, answer: Answer::Nobody }).map_err(|_| Busy)
    }

    /// Queues the document's record; [`StoreEvent`] answers. Never waits.
    ///
    /// # Errors
    /// [`Busy`] when [`STORE_PLACES`] requests are not answered, or their answers not looked at.
    pub fn put(&self, document: DocumentId, record: DocumentRecord) -> Result<(), Busy> {
        self.queue(document, Action::Record(Box::new(record)))
    }

    /// Writes the document's record and waits until it is on disk.
    ///
    /// # Errors
    /// [`StoreError::Write`] when it is not.
    pub fn put_now(&self, document: DocumentId, record: DocumentRecord) -> Result<(), StoreError> {
        self.wait_for(document, Action::Record(Box::new(record)))
    }

    /// Replaces the document's record and its log, and waits until both are on disk: both or nothing.
    ///
    /// # Errors
    /// [`StoreError::Write`] when they are not.
    pub fn replace_now(
        &self,
        document: DocumentId,
        record: DocumentRecord,
        log: Vec<Logged>,
    ) -> Result<(), StoreError> {
        self.wait_for(document, Action::Replace { record: Box::new(record), log })
    }

    /// Forgets the document and waits until that is on disk.
    ///
    /// # Errors
    /// [`StoreError::Write`] when it is not.
    pub fn remove_now(&self, document: DocumentId) -> Result<(), StoreError> {
        self.wait_for(document, Action::Remove)
    }

    /// Writes what is queued, closes the file and lets others have the library.
    pub fn close(&mut self) {
        self.requests = None;
        if let Some(writer) = self.writer.take() {
            // A writer that panicked has nothing more to tell: its requests were never answered, hence never taken for saved.
            drop(writer.join());
        }
        self.lock = None;
    }

    fn queue(&self, document: DocumentId, action: Action) -> Result<(), Busy> {
        let requests = self.requests.as_ref().ok_or(Busy)?;
        let answer = Answer::Event(self.places.try_take().ok_or(Busy)?);
        requests.try_send(Request { document, action, answer }).map_err(|_| Busy)
    }

    fn wait_for(&self, document: DocumentId, action: Action) -> Result<(), StoreError> {
        let (reply, answer) = sync_channel(1);
        let request = Request { document, action, answer: Answer::Reply(reply) };
        let sent = self.requests.as_ref().is_some_and(|requests| requests.send(request).is_ok());
        let ended = || Err("the writer has ended".to_owned());
        let answer = if sent { answer.recv().unwrap_or_else(|_| ended()) } else { ended() };
        answer.map_err(|error| StoreError::Write { path: self.folder.join(FILE_NAME), error })
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.close();
    }
}

/// Makes the folder, for its owner alone, unless it is there: then it keeps its permissions, and [`exposure`] says what they let others do.
fn make_folder(folder: &Path) -> Result<(), StoreError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(StoreError::io(folder, "make the library's folder"))
}

/// Takes the library for this process. The lock goes with the process, however it ends.
fn take_lock(folder: &Path) -> Result<File, StoreError> {
    let path = folder.join(LOCK_NAME);
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    let mut file = options.open(&path).map_err(StoreError::io(&path, "open"))?;
    match file.try_lock() {
        Ok(()) => {
            let named = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
            named.map_err(StoreError::io(&path, "write"))?;
            Ok(file)
        }
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            let process = file.read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok());
            Err(StoreError::InUse { folder: folder.to_owned(), process })
        }
        Err(TryLockError::Error(error)) => Err(StoreError::io(&path, "lock")(error)),
    }
}
