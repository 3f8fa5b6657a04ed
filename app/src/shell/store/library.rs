//! The library without a thread: it takes whole batches, and is opened anew after one that failed.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use quire_crdt::sync::{Seal, Seals};
use quire_crdt::{DocumentId, ReplicaId};
use redb::{Database, Durability, ReadableTable, StorageBackend, WriteTransaction};

use super::database::{
    self, CHECKPOINTS, DOCUMENTS, KEY_BYTES, LOG, SEAL_KEY_BYTES, SEALS, Stored, log_key, position_of, seal_key,
    seal_keys, with_checksum,
};
use super::error::StoreError;
use super::record::DocumentRecord;

/// What errors call a storage that has no path.
const STORAGE: &str = "(storage)";

/// What can be written about a document.
#[derive(Debug)]
pub enum Action {
    /// Put this envelope at this position of the document's log. Below the log's end it is taken for what is there, and behind its end
    /// it is left out: see [`Library::head`].
    Append {
        /// The position.
        position: u64,
        /// The envelope.
        envelope: Bytes,
        /// Whose it is and what proves it, if another replica made it and it was sealed.
        seal: Option<(ReplicaId, Box<Seal>)>,
    },
    /// Put this checkpoint of the log below the position beside the sound one that it was made from; all others go, and what that one
    /// holds of the log. It is left out when it is not newer than what is there, was made from what is not there, or names what is not in
    /// the log.
    Checkpoint {
        /// The position.
        position: u64,
        /// The position of the checkpoint that it was made from; 0: from the log alone.
        from: u64,
        /// Its bytes.
        checkpoint: Bytes,
    },
    /// Replace the document's record, and its log by this one. Checkpoints go.
    Replace {
        /// The record.
        record: Box<DocumentRecord>,
        /// The log, from position 0 on.
        log: Vec<Logged>,
    },
    /// Replace the document's record.
    Record(Box<DocumentRecord>),
    /// Forget the document.
    Remove,
}

/// An envelope of a log, and whose it is and what proves it, if another replica made it and it was sealed.
pub type Logged = (Bytes, Option<(ReplicaId, Seal)>);

type Opener = Box<dyn Fn() -> Result<Database, StoreError> + Send + Sync>;

/// The library's database, and where its logs end. Everything here waits for the disk.
pub struct Library {
    path: PathBuf,
    shared: Shared,
    opener: Opener,
    /// The durable length of each log that was written to: nothing may be put behind a gap that a failed write left.
    heads: BTreeMap<DocumentId, u64>,
}

/// The database as readers and the library share it: `None` after a failed write, until it is opened again.
type Shared = Arc<RwLock<Option<Database>>>;

/// Reads an open library, on whatever thread; it does not keep the library open.
#[derive(Clone, Debug)]
pub struct Reader {
    path: PathBuf,
    pub(super) shared: Shared,
}

impl Library {
    /// Opens the library in this file, or makes one where none is.
    ///
    /// # Errors
    /// A [`StoreError`] when the file is in use, damaged, foreign or from a newer program.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let database = database::open(path)?;
        let again = path.to_owned();
        Ok(Self::new(path, database, Box::new(move || database::open_existing(&again, u64::MAX))))
    }

    /// Opens the library on the storage that `storage` gives, or makes one if that has no bytes. It is asked for the storage again after
    /// every write that failed.
    ///
    /// # Errors
    /// A [`StoreError`] when what is there is damaged, foreign or from a newer program: it is never replaced.
    pub fn with_backend<B: StorageBackend>(
        storage: impl Fn() -> B + Send + Sync + 'static,
    ) -> Result<Self, StoreError> {
        let path = Path::new(STORAGE);
        let database = database::open_on(path, storage(), true)?;
        Ok(Self::new(path, database, Box::new(move || database::open_on(Path::new(STORAGE), storage(), false))))
    }

    fn new(path: &Path, database: Database, opener: Opener) -> Self {
        Self { path: path.to_owned(), shared: Arc::new(RwLock::new(Some(database))), opener, heads: BTreeMap::new() }
    }

    /// A way to read this library.
    pub fn reader(&self) -> Reader {
        Reader { path: self.path.clone(), shared: Arc::clone(&self.shared) }
    }

    /// The position below which everything is on disk, of a log that was written to since the library was opened or a write
    /// failed; 0 of any other.
    pub fn head(&self, document: DocumentId) -> u64 {
        self.heads.get(&document).copied().unwrap_or(0)
    }

    /// Does all of this in this order, and returns when the disk has it. After a failure the library is opened anew first.
    ///
    /// # Errors
    /// Why nothing of it is known to be on disk, in words. The caller has it still, and may ask again.
    pub fn commit<'a>(&mut self, batch: impl IntoIterator<Item = (DocumentId, &'a Action)>) -> Result<(), String> {
        let result = self.write(batch);
        if result.is_err() {
            // The database refuses everything after a failed write: it must be opened anew, and what it holds be read anew.
            self.heads.clear();
            self.close();
        }
        result
    }

    fn write<'a>(&mut self, batch: impl IntoIterator<Item = (DocumentId, &'a Action)>) -> Result<(), String> {
        self.reopen()?;
        let shared = Arc::clone(&self.shared);
        let database = shared.read().unwrap_or_else(PoisonError::into_inner);
        let database = database.as_ref().ok_or("the library is closed")?;
        let heads = transact(database, self.heads.clone(), batch).map_err(|error| error.to_string())?;
        self.heads = heads;
        Ok(())
    }

    fn reopen(&self) -> Result<(), String> {
        // A reader may hold the library for long: who only looks does not wait for it.
        if self.shared.read().unwrap_or_else(PoisonError::into_inner).is_some() {
            return Ok(());
        }
        let mut database = self.shared.write().unwrap_or_else(PoisonError::into_inner);
        if database.is_none() {
            *database = Some((self.opener)().map_err(|error| error.to_string())?);
        }
        Ok(())
    }

    fn close(&self) {
        *self.shared.write().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Drop for Library {
    fn drop(&mut self) {
        self.close();
    }
}

impl fmt::Debug for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Library").field("path", &self.path).field("heads", &self.heads).finish_non_exhaustive()
    }
}

impl Reader {
    /// All documents of the library, in the order of their ids. Waits for the disk.
    ///
    /// # Errors
    /// A [`StoreError`] when they cannot be read.
    pub fn records(&self) -> Result<Vec<(DocumentId, DocumentRecord)>, StoreError> {
        self.read(database::records)
    }

    /// What proves the changes that others made to a document. Waits for the disk.
    ///
    /// # Errors
    /// A [`StoreError`] when they cannot be read, or one of them is not as it was written.
    pub fn seals(&self, document: DocumentId) -> Result<Seals, StoreError> {
        self.read(|path, database| database::seals(path, database, document))
    }

    /// What is stored of a document: its newest checkpoint that `open` takes, or else the one before, and its log from there on. Waits
    /// for the disk.
    ///
    /// # Errors
    /// A [`StoreError`] when they cannot be read, one of the changes is not as it was written, or no checkpoint can be used and the
    /// log does not begin at position 0.
    pub fn stored<T>(
        &self,
        document: DocumentId,
        open: impl FnMut(u64, Bytes) -> Result<T, String>,
    ) -> Result<Stored<T>, StoreError> {
        self.read(|path, database| database::stored(path, database, document, open))
    }

    fn read<T>(&self, read: impl FnOnce(&Path, &redb::Database) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let shared = self.shared.read().unwrap_or_else(PoisonError::into_inner);
        let failed = || {
            let error = "the last write failed; it is tried again".to_owned();
            StoreError::Write { path: self.path.clone(), error }
        };
        shared.as_ref().ok_or_else(failed).and_then(|database| read(&self.path, database))
    }
}

/// Where the logs end that were written to, when all of this is on disk.
fn transact<'a>(
    database: &Database,
    mut heads: BTreeMap<DocumentId, u64>,
    batch: impl IntoIterator<Item = (DocumentId, &'a Action)>,
) -> Result<BTreeMap<DocumentId, u64>, redb::Error> {
    let mut transaction = database.begin_write()?;
    transaction.set_durability(Durability::Immediate)?;
    transaction.set_quick_repair(true);
    for (document, action) in batch {
        apply(&transaction, &mut heads, document, action)?;
    }
    transaction.commit()?;
    Ok(heads)
}

fn apply(
    transaction: &WriteTransaction,
    heads: &mut BTreeMap<DocumentId, u64>,
    document: DocumentId,
    action: &Action,
) -> Result<(), redb::Error> {
    match action {
        Action::Append { position, envelope, seal } => {
            let mut log = transaction.open_table(LOG)?;
            let head = match heads.entry(document) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(unknown) => unknown.insert(head_of(&log, document)?),
            };
            // Below the head it is there already (an answer got lost); behind it, an earlier one failed and comes first.
            if *position == *head {
                let key = log_key(document, *position);
                log.insert(&key, with_checksum(&key, envelope).as_slice())?;
                if let Some((replica, seal)) = seal {
                    put_seal(transaction, document, *replica, seal)?;
                }
                *head += 1;
            }
        }
        Action::Replace { record, log } => {
            forget_log(transaction, document)?;
            put_record(transaction, document, record)?;
            let mut table = transaction.open_table(LOG)?;
            for (position, (envelope, seal)) in (0..).zip(log) {
                let key = log_key(document, position);
                table.insert(&key, with_checksum(&key, envelope).as_slice())?;
                if let Some((replica, seal)) = seal {
                    put_seal(transaction, document, *replica, seal)?;
                }
            }
            heads.insert(document, log.len() as u64);
        }
        Action::Checkpoint { position, from, checkpoint } => {
            put_checkpoint(transaction, document, *position, *from, checkpoint)?;
        }
        Action::Record(record) => put_record(transaction, document, record)?,
        Action::Remove => {
            transaction.open_table(DOCUMENTS)?.remove(document.as_bytes())?;
            forget_log(transaction, document)?;
            heads.remove(&document);
        }
    }
    Ok(())
}

fn put_record(
    transaction: &WriteTransaction,
    document: DocumentId,
    record: &DocumentRecord,
) -> Result<(), redb::Error> {
    let value = with_checksum(document.as_bytes(), &record.encode());
    transaction.open_table(DOCUMENTS)?.insert(document.as_bytes(), value.as_slice())?;
    Ok(())
}

fn put_seal(
    transaction: &WriteTransaction,
    document: DocumentId,
    replica: ReplicaId,
    seal: &Seal,
) -> Result<(), redb::Error> {
    let key = seal_key(document, replica, seal.author.count);
    let value = with_checksum(&key, &seal.to_bytes());
    transaction.open_table(SEALS)?.insert(&key, value.as_slice())?;
    Ok(())
}

/// Removes the changes of a document, its checkpoints, and what proves others' changes.
fn forget_log(transaction: &WriteTransaction, document: DocumentId) -> Result<(), redb::Error> {
    let (first, last) = (log_key(document, 0), log_key(document, u64::MAX));
    transaction.open_table(LOG)?.retain_in::<&[u8; KEY_BYTES], _>(&first..=&last, |_, _| false)?;
    transaction.open_table(CHECKPOINTS)?.retain_in::<&[u8; KEY_BYTES], _>(&first..=&last, |_, _| false)?;
    let (first, last) = seal_keys(document);
    transaction.open_table(SEALS)?.retain_in::<&[u8; SEAL_KEY_BYTES], _>(&first..=&last, |_, _| false)?;
    Ok(())
}

/// Puts a checkpoint beside the one that it was made from, which was found to be sound; all others go, and what that one holds of the log.
/// One that is not newer than what is there, was made from what is not there, or names what is not in the log, is ignored.
fn put_checkpoint(
    transaction: &WriteTransaction,
    document: DocumentId,
    position: u64,
    from: u64,
    checkpoint: &[u8],
) -> Result<(), redb::Error> {
    let (first, last) = (log_key(document, 0), log_key(document, u64::MAX));
    let mut log = transaction.open_table(LOG)?;
    let mut checkpoints = transaction.open_table(CHECKPOINTS)?;
    let newest = checkpoints.range::<&[u8; KEY_BYTES]>(&first..=&last)?.next_back().transpose()?;
    let newest = newest.map(|(key, _)| position_of(key.value()));
    let kept = log_key(document, from);
    let is_there = if from == 0 { log.get(&first)?.is_some() } else { checkpoints.get(&kept)?.is_some() };
    if newest.is_some_and(|newest| position <= newest) || !is_there || position > head_of(&log, document)? {
        return Ok(());
    }
    checkpoints.retain_in::<&[u8; KEY_BYTES], _>(&first..=&last, |key, _| *key == kept)?;
    log.retain_in::<&[u8; KEY_BYTES], _>(&first..&kept, |_, _| false)?;
    let key = log_key(document, position);
    checkpoints.insert(&key, with_checksum(&key, checkpoint).as_slice())?;
    Ok(())
}

fn head_of(
    log: &impl ReadableTable<&'static [u8; KEY_BYTES], &'static [u8]>,
    document: DocumentId,
) -> Result<u64, redb::Error> {
    let (first, last) = (log_key(document, 0), log_key(document, u64::MAX));
    let last = log.range::<&[u8; KEY_BYTES]>(&first..=&last)?.next_back().transpose()?;
    Ok(last.map_or(0, |(key, _)| position_of(key.value()) + 1))
}
