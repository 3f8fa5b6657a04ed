//! Reads documents from the library on a thread of its own, so that nobody who writes waits for a disk or for a long history.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use bytes::Bytes;
use quire_crdt::sync::Seals;
use quire_crdt::{
    Checkpoint, DecodeError, Delivery, Document, DocumentId, Envelope, ReceiveError, Received, ReplicaId,
};
use thiserror::Error;

use super::inbox::{Event, Outlet, Place, Places};
use super::store::{Damage, Reader, StoreError, Stored};

/// Why a document cannot be read.
#[derive(Debug, Error)]
pub enum LoadError {
    /// The library cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The program stumbled over it.
    #[error(
        "document {document} cannot be read: the program stumbled over what is stored of it, which is a fault of the program; nothing was changed"
    )]
    Stumbled {
        /// The document.
        document: DocumentId,
    },
    /// A stored change cannot be read.
    #[error(
        "change {position} of document {document} on this disk cannot be read: {error}; the others of the library can"
    )]
    Unreadable {
        /// The document.
        document: DocumentId,
        /// The position in its log.
        position: usize,
        /// Why.
        error: DecodeError,
    },
    /// A stored change cannot be taken.
    #[error("change {position} of document {document} on this disk does not follow from those before it{}", Because(error.as_ref()))]
    Unusable {
        /// The document.
        document: DocumentId,
        /// The position in its log.
        position: usize,
        /// Why, if there is more to say.
        error: Option<ReceiveError>,
    },
}

struct Because<'a>(Option<&'a ReceiveError>);

impl std::fmt::Display for Because<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.map_or(Ok(()), |error| write!(f, ": {error}"))
    }
}

/// What is wanted of a document.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Part {
    /// All of it.
    Whole,
    /// Its visible text alone.
    Text,
    /// A checkpoint of what is on the disk.
    Checkpoint,
}

/// A document as it was on the disk.
#[derive(Debug)]
pub struct Read {
    /// The document.
    pub document: Document,
    /// The position of the log below which a checkpoint holds everything; 0: there is none.
    pub checkpointed: u64,
    /// Checkpoints that could not be used: the log from the one before was read in their place.
    pub damaged: Vec<Damage>,
    /// What proves the changes that others made.
    pub seals: Seals,
}

/// A checkpoint that was made of what is on the disk.
#[derive(Debug)]
pub struct MadeCheckpoint {
    /// The position of the log below which it holds everything.
    pub position: u64,
    /// The position of the sound checkpoint that it was made from; 0: from the log alone.
    pub from: u64,
    /// Its bytes.
    pub bytes: Bytes,
}

/// What the loader has read.
#[derive(Debug)]
pub enum Loaded {
    /// The document.
    Whole(Box<Result<Read, LoadError>>),
    /// Its visible text.
    Text(Result<String, LoadError>),
    /// A checkpoint.
    Checkpoint(Result<MadeCheckpoint, LoadError>),
}

/// The thread that reads. It ends by itself when this is dropped, or the owner of the inbox is gone: nothing is lost with what it
/// read.
#[derive(Debug)]
pub struct Loader {
    requests: SyncSender<Request>,
    places: Places,
}

#[derive(Debug)]
struct Request {
    document: DocumentId,
    replica: ReplicaId,
    part: Part,
    place: Place,
}

impl Loader {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system's, when there can be no thread.
    pub fn start(reader: Reader, outlet: Outlet) -> io::Result<Self> {
        let (sender, requests) = sync_channel(1);
        let places = outlet.clone().places(1);
        thread::Builder::new().name("loader".to_owned()).spawn(move || run(&reader, &requests, &outlet))?;
        Ok(Self { requests: sender, places })
    }

    /// Whether the answer to the last request was taken out of the inbox, so that there can be another.
    pub fn is_free(&self) -> bool {
        self.places.try_take().is_some()
    }

    /// Asks for a document of the library; an event answers. Never waits; false unless [`Loader::is_free`].
    pub fn ask(&self, document: DocumentId, replica: ReplicaId, part: Part) -> bool {
        let Some(place) = self.places.try_take() else { return false };
        self.requests.try_send(Request { document, replica, part, place }).is_ok()
    }
}

fn run(reader: &Reader, requests: &Receiver<Request>, outlet: &Outlet) {
    while let Ok(Request { document, replica, part, place }) = requests.recv() {
        let read = catch_unwind(AssertUnwindSafe(|| read(reader, document, replica)))
            .unwrap_or(Err(LoadError::Stumbled { document }));
        let loaded = match part {
            Part::Whole => Loaded::Whole(Box::new(read)),
            Part::Text => Loaded::Text(read.map(|read| read.document.text().slice(0..usize::MAX))),
            Part::Checkpoint => Loaded::Checkpoint(read.map(|read| checkpoint(&read))),
        };
        if !outlet.leave(place, Event::Loaded(loaded)) {
            return;
        }
    }
}

/// What was read has no edits that wait for a commit, so there is a checkpoint.
fn checkpoint(Read { document, checkpointed, .. }: &Read) -> MadeCheckpoint {
    let bytes = Bytes::from(document.checkpoint().unwrap_or_default());
    MadeCheckpoint { position: document.log().len() as u64, from: *checkpointed, bytes }
}

/// Reads a document: its newest checkpoint that can be used, and what the log has behind it. Waits for the disk. O(n) in what the
/// checkpoint holds, O(n log n) in the rest.
///
/// # Errors
/// A [`LoadError`] when something of the log cannot be read or taken.
pub fn read(reader: &Reader, id: DocumentId, replica: ReplicaId) -> Result<Read, LoadError> {
    let open = |position, bytes| open_checkpoint(bytes, id, replica, position);
    let Stored { checkpoint, log, damaged } = reader.stored(id, open)?;
    let (checkpointed, mut document) = checkpoint.unwrap_or_else(|| (0, Document::new(id, replica)));
    let start = document.log().len();
    for (position, bytes) in (start..).zip(log) {
        let unreadable = |error| LoadError::Unreadable { document: id, position, error };
        let envelope = Envelope::decode(bytes).map_err(unreadable)?;
        let delivery = document.receive(envelope, &mut Received::default());
        if delivery != Ok(Delivery::Delivered) {
            return Err(LoadError::Unusable { document: id, position, error: delivery.err() });
        }
    }
    Ok(Read { document, checkpointed, damaged, seals: reader.seals(id)? })
}

fn open_checkpoint(bytes: Bytes, id: DocumentId, replica: ReplicaId, position: u64) -> Result<Document, String> {
    let checkpoint = Checkpoint::decode(bytes).map_err(|error| error.to_string())?;
    if checkpoint.document_id() != id || checkpoint.changes() as u64 != position {
        return Err("it is of another document or position".to_owned());
    }
    checkpoint.document(replica).map_err(|error| error.to_string())
}
