//! Reads documents from the library on a thread of its own, so that nobody who writes waits for a disk or for a long history.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use quire_crdt::{DecodeError, Delivery, Document, DocumentId, Envelope, ReceiveError, Received, ReplicaId};
use thiserror::Error;

use super::inbox::{Event, Outlet, Place, Places};
use super::store::{Reader, StoreError};

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
}

/// What the loader has read.
#[derive(Debug)]
pub enum Loaded {
    /// The document.
    Whole(Box<Result<Document, LoadError>>),
    /// Its visible text.
    Text(Result<String, LoadError>),
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
        let document = catch_unwind(AssertUnwindSafe(|| read(reader, document, replica)))
            .unwrap_or(Err(LoadError::Stumbled { document }));
        let loaded = match part {
            Part::Whole => Loaded::Whole(Box::new(document)),
            Part::Text => Loaded::Text(document.map(|document| document.text().slice(0..document.text().len_chars()))),
        };
        if !outlet.leave(place, Event::Loaded(loaded)) {
            return;
        }
    }
}

/// Reads a document's log and gives what it makes. Waits for the disk. O(n log n) in what was written.
///
/// # Errors
/// A [`LoadError`] when something of it cannot be read or taken.
pub fn read(reader: &Reader, id: DocumentId, replica: ReplicaId) -> Result<Document, LoadError> {
    let mut document = Document::new(id, replica);
    for (position, bytes) in reader.log(id)?.into_iter().enumerate() {
        let unreadable = |error| LoadError::Unreadable { document: id, position, error };
        let envelope = Envelope::decode(bytes).map_err(unreadable)?;
        let delivery = document.receive(envelope, &mut Received::default());
        if delivery != Ok(Delivery::Delivered) {
            return Err(LoadError::Unusable { document: id, position, error: delivery.err() });
        }
    }
    Ok(document)
}
