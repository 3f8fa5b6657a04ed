//! The stores of the two programs on simulated devices: their own code, called from one thread.

use std::collections::BTreeMap;

use bytes::Bytes;
use quire::shell::loader::{self, Read};
use quire::shell::store::{Action, DocumentRecord, Library, Stored};
use quire_crdt::sealed::Author;
use quire_crdt::{DocumentId, ReplicaId};
use quire_server::{Append, Log, LogEnd};

use crate::disk::Proof;
use crate::storage::Storage;

/// The editor's library. After an append that failed it goes on with the next one, opened anew, as the program does.
#[derive(Debug)]
pub struct ReplicaStore {
    library: Library,
}

/// The relay's log. After an append that failed it refuses: the program ends then, and is started again.
#[derive(Debug)]
pub struct RelayStore {
    log: Log,
}

impl ReplicaStore {
    /// Opens the library on this device, or makes one if the device is empty. Whoever opens it is the only one: what had it open
    /// before was closed or [killed](Storage::kill).
    ///
    /// # Errors
    /// Why there is no library, in the program's words.
    pub fn open(storage: &Storage) -> Result<Self, String> {
        make(storage, |fresh| {
            let fresh = fresh.clone();
            Library::with_backend(move || fresh.device()).map(drop).map_err(|error| error.to_string())
        })?;
        let storage = storage.clone();
        let library = Library::with_backend(move || storage.device()).map_err(|error| error.to_string())?;
        Ok(Self { library })
    }

    /// Writes these envelopes at these positions of the document's log, in one commit: the position below which everything is on disk
    /// then.
    ///
    /// # Errors
    /// Why nothing of it is known to be on disk; it may be there all the same.
    pub fn append(&mut self, document: DocumentId, envelopes: &[(u64, Bytes)]) -> Result<u64, String> {
        let proofs = vec![Proof::None; envelopes.len()];
        self.append_proved(document, envelopes, &proofs)
    }

    /// The same with what proves each.
    ///
    /// # Errors
    /// As [`ReplicaStore::append`].
    pub fn append_proved(
        &mut self,
        document: DocumentId,
        envelopes: &[(u64, Bytes)],
        proofs: &[Proof],
    ) -> Result<u64, String> {
        let append = |((position, envelope), proof): (&(u64, Bytes), &Proof)| Action::Append {
            position: *position,
            envelope: envelope.clone(),
            seal: match proof {
                Proof::Seal(replica, seal) => Some((*replica, seal.clone())),
                Proof::None | Proof::Run | Proof::Author(..) => None,
            },
        };
        self.write(document, &envelopes.iter().zip(proofs).map(append).collect::<Vec<_>>())?;
        Ok(self.library.head(document))
    }

    /// Puts a checkpoint of the document's log below `position`, made from the sound one at `from` (0: from the log alone).
    ///
    /// # Errors
    /// As [`ReplicaStore::append`].
    pub fn put_checkpoint(
        &mut self,
        document: DocumentId,
        position: u64,
        from: u64,
        checkpoint: Bytes,
    ) -> Result<(), String> {
        self.write(document, &[Action::Checkpoint { position, from, checkpoint }])
    }

    /// Puts the document's record.
    ///
    /// # Errors
    /// As [`ReplicaStore::append`].
    pub fn put_record(&mut self, document: DocumentId, record: DocumentRecord) -> Result<(), String> {
        self.write(document, &[Action::Record(Box::new(record))])
    }

    /// The records of all documents.
    ///
    /// # Errors
    /// Why they cannot be read, in the program's words.
    pub fn records(&self) -> Result<Vec<(DocumentId, DocumentRecord)>, String> {
        self.library.reader().records().map_err(|error| error.to_string())
    }

    /// The document, from its newest sound checkpoint and the log behind that.
    ///
    /// # Errors
    /// Why it cannot be read, in the program's words.
    pub fn load(&self, document: DocumentId, replica: ReplicaId) -> Result<Read, String> {
        loader::read(&self.library.reader(), document, replica).map_err(|error| error.to_string())
    }

    /// The bytes that are stored of a document: its newest checkpoint, and the log behind that.
    ///
    /// # Errors
    /// Why they cannot be read, in the program's words.
    pub fn stored(&self, document: DocumentId) -> Result<Stored<Bytes>, String> {
        self.library.reader().stored(document, |_, bytes| Ok(bytes)).map_err(|error| error.to_string())
    }

    fn write(&mut self, document: DocumentId, actions: &[Action]) -> Result<(), String> {
        self.library.commit(actions.iter().map(|action| (document, action)))
    }
}

impl RelayStore {
    /// Opens the log on this device, or makes one of this epoch if the device is empty. Whoever opens it is the only one: what had it
    /// open before was closed or [killed](Storage::kill).
    ///
    /// # Errors
    /// Why there is no log, in the program's words.
    pub fn open(storage: &Storage, epoch: [u8; 16]) -> Result<Self, String> {
        let open =
            |storage: &Storage| Log::with_backend(storage.device(), epoch, true).map_err(|error| error.to_string());
        make(storage, |fresh| open(fresh).map(drop))?;
        Ok(Self { log: open(storage)? })
    }

    /// The epoch that the store was made with.
    pub const fn epoch(&self) -> [u8; 16] {
        self.log.epoch()
    }

    /// Writes these envelopes at the end of the document's log, in one commit: where it ends then.
    ///
    /// # Errors
    /// Why nothing of it is known to be on disk; all of it may be there all the same.
    pub fn append(&self, document: DocumentId, envelopes: &[(u64, Bytes)]) -> Result<u64, String> {
        let proofs = vec![Proof::None; envelopes.len()];
        self.append_proved(document, envelopes, &proofs)
    }

    /// The same with what is known of each one's author.
    ///
    /// # Errors
    /// As [`RelayStore::append`].
    pub fn append_proved(
        &self,
        document: DocumentId,
        envelopes: &[(u64, Bytes)],
        proofs: &[Proof],
    ) -> Result<u64, String> {
        let append = |((position, envelope), proof): (&(u64, Bytes), &Proof)| Append {
            document,
            position: *position,
            envelope: envelope.clone(),
            author: match proof {
                Proof::Author(_, author) => Some(*author),
                Proof::None | Proof::Run | Proof::Seal(..) => None,
            },
        };
        let batch: Vec<Append> = envelopes.iter().zip(proofs).map(append).collect();
        let heads = self.log.append(&batch).map_err(|error| error.to_string())?;
        Ok(heads.last().map_or(0, |(_, head)| *head))
    }

    /// Where the document's log ends, and what it holds.
    ///
    /// # Errors
    /// Why that cannot be read, in the program's words.
    pub fn end(&self, document: DocumentId) -> Result<LogEnd, String> {
        self.log.end(document).map_err(|error| error.to_string())
    }

    /// What is known of the authors of the document's log.
    ///
    /// # Errors
    /// Why that cannot be read, in the program's words.
    pub fn authors(&self, document: DocumentId) -> Result<BTreeMap<ReplicaId, Author>, String> {
        self.log.authors(document).map_err(|error| error.to_string())
    }

    /// The envelopes of the document's log from position `from` on: as many as are there and begin within `bytes_max` bytes.
    ///
    /// # Errors
    /// Why they cannot be read, in the program's words.
    pub fn read(&self, document: DocumentId, from: u64, bytes_max: usize) -> Result<Vec<Bytes>, String> {
        self.log.read(document, from, bytes_max).map_err(|error| error.to_string())
    }

    /// Holds the whole store against itself.
    ///
    /// # Errors
    /// The first thing that is not as it should be, in the program's words.
    pub fn verify(&self) -> Result<(), String> {
        self.log.verify().map(drop).map_err(|error| error.to_string())
    }
}

/// Makes a store on an empty device as the programs do: under another name, which it loses when it is complete and on the medium.
fn make(storage: &Storage, build: impl FnOnce(&Storage) -> Result<(), String>) -> Result<(), String> {
    if !storage.is_empty() {
        return Ok(());
    }
    let fresh = Storage::new();
    build(&fresh)?;
    storage.rename_from(&fresh).map_err(|error| error.to_string())
}
