//! The store of a program under a simulated disk: it does what the disk's list says, on a simulated device, and what the device has
//! after a crash is what the next start finds.

use std::collections::BTreeMap;

use bytes::Bytes;
use quire_crdt::sealed::Author;
use quire_crdt::sync::Seals;
use quire_crdt::{Document, DocumentId, ReplicaId};

use crate::disk::Proof;
use crate::rng::Rng;
use crate::storage::{Image, Storage};
use crate::stores::{RelayStore, ReplicaStore};

/// The most operations of a device that a crash lets through.
const OPERATIONS_MAX: usize = 40;

#[derive(Debug)]
enum Store {
    Editor(ReplicaStore, ReplicaId),
    Relay(RelayStore),
}

/// A store on its device.
#[derive(Debug)]
pub struct Backing {
    storage: Storage,
    store: Store,
}

/// Envelopes that are to stand in a document's log from a position on, and what is written with them.
pub type Batch<'a> = (DocumentId, (usize, &'a [Bytes], &'a [Proof]));

impl Backing {
    /// The library of an editor whose replicas have this id, on an empty device.
    ///
    /// # Errors
    /// Why it cannot be made.
    pub fn of_editor(replica: ReplicaId) -> Result<Self, String> {
        let storage = Storage::new();
        Ok(Self { store: Store::Editor(ReplicaStore::open(&storage)?, replica), storage })
    }

    /// The store of a relay, on an empty device.
    ///
    /// # Errors
    /// Why it cannot be made.
    pub fn of_relay(epoch: [u8; 16]) -> Result<Self, String> {
        let storage = Storage::new();
        Ok(Self { store: Store::Relay(RelayStore::open(&storage, epoch)?), storage })
    }

    /// Appends these and makes them durable.
    ///
    /// # Errors
    /// Why it is not certain that they are.
    pub fn append(&mut self, (document, (from, entries, proofs)): Batch<'_>) -> Result<(), String> {
        let numbered: Vec<(u64, Bytes)> = (from as u64..).zip(entries.iter().cloned()).collect();
        let head = match &mut self.store {
            Store::Editor(store, _) => store.append_proved(document, &numbered, proofs)?,
            Store::Relay(store) => store.append_proved(document, &numbered, proofs)?,
        };
        let expected = (from + entries.len()) as u64;
        if head < expected { Err(format!("the store says {head} where {expected} are written")) } else { Ok(()) }
    }

    /// Keeps a checkpoint of an editor's document.
    ///
    /// # Errors
    /// Why it is not kept.
    pub fn keep_checkpoint(&mut self, document: DocumentId, position: usize, bytes: Bytes) -> Result<(), String> {
        match &mut self.store {
            Store::Editor(store, replica) => {
                let from = store.load(document, *replica)?.checkpointed;
                store.put_checkpoint(document, position as u64, from, bytes)
            }
            Store::Relay(_) => Ok(()),
        }
    }

    /// The next sync is going to fail.
    pub fn fail_sync(&mut self, rng: &mut Rng) {
        self.storage.fail_sync(0, rng);
    }

    /// The machine stops while these are being written, and starts again.
    ///
    /// # Errors
    /// Why the store cannot be opened then.
    pub fn crash(&mut self, rng: &mut Rng, in_flight: &[Batch<'_>]) -> Result<(), String> {
        self.storage.cut_after(rng.below(OPERATIONS_MAX) as u64);
        for batch in in_flight {
            // What it says is heard by nobody any more.
            drop(self.append(*batch));
        }
        self.storage.kill();
        self.storage.crash(rng);
        self.reopen()
    }

    /// What the device holds.
    pub fn image(&self) -> Image {
        self.storage.image()
    }

    /// The device becomes what it was.
    ///
    /// # Errors
    /// Why the store cannot be opened then.
    pub fn put_back(&mut self, image: &Image) -> Result<(), String> {
        self.storage.restore(image);
        self.reopen()
    }

    fn reopen(&mut self) -> Result<(), String> {
        match &mut self.store {
            Store::Editor(store, _) => *store = ReplicaStore::open(&self.storage)?,
            Store::Relay(store) => {
                let reopened = RelayStore::open(&self.storage, store.epoch())?;
                reopened.verify()?;
                *store = reopened;
            }
        }
        Ok(())
    }

    /// A document as the editor reads it from its library, and what proves the changes of others.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn load(&self, document: DocumentId) -> Result<Option<(Document, Seals)>, String> {
        match &self.store {
            Store::Editor(store, replica) => {
                store.load(document, *replica).map(|read| Some((read.document, read.seals)))
            }
            Store::Relay(_) => Ok(None),
        }
    }

    /// What a relay's store knows of the authors of a document's log.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn authors(&self, document: DocumentId) -> Result<BTreeMap<ReplicaId, Author>, String> {
        match &self.store {
            Store::Editor(..) => Ok(BTreeMap::new()),
            Store::Relay(store) => store.authors(document),
        }
    }

    /// A document's log.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn read(&self, document: DocumentId) -> Result<Vec<Bytes>, String> {
        match &self.store {
            Store::Editor(..) => {
                let loaded = self.load(document)?;
                let log = loaded.iter().flat_map(|(document, _)| document.log().iter());
                Ok(log.map(|envelope| envelope.bytes().clone()).collect())
            }
            Store::Relay(store) => store.read(document, 0, usize::MAX),
        }
    }
}
