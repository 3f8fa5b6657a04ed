//! The relay's store: one append-only log for each document, in one redb file.
//!
//! Four tables. `header`: what the file is, its format's version and the store's epoch. `entries`: (document, position) → a
//! CRC-32 and the envelope. `ends`: document → where its log ends and what it holds; `authors`: (document, replica) → its public key and
//! how far its chain goes; both written with the entries that they speak of.

mod committer;
mod end;
mod error;
mod open;
#[cfg(test)]
pub(crate) mod tests;
mod verify;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use bytes::Bytes;
use quire_crdt::sealed::Author;
use quire_crdt::{DocumentId, Envelope, ID_BYTES, ReplicaId};
use redb::{Database, Durability, ReadableDatabase, ReadableTable, ReadableTableMetadata, TableDefinition};

pub(crate) use self::committer::{CommitQueue, Commits, Committed};
pub use self::end::LogEnd;
pub use self::error::StoreError;
pub use self::verify::LogSummary;

const KEY_BYTES: usize = ID_BYTES + 8;
const CHECK_BYTES: usize = 4;
const HEADER: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("header");
const ENTRIES: TableDefinition<'_, &[u8; KEY_BYTES], &[u8]> = TableDefinition::new("entries");
const ENDS: TableDefinition<'_, &[u8; ID_BYTES], &[u8]> = TableDefinition::new("ends");
const AUTHORS: TableDefinition<'_, &[u8; AUTHOR_KEY_BYTES], &[u8]> = TableDefinition::new("authors");
const AUTHOR_KEY_BYTES: usize = 2 * ID_BYTES;

/// One envelope on its way into a log.
#[derive(Clone, Debug)]
pub struct Append {
    /// The document.
    pub document: DocumentId,
    /// Where in the document's log: at its end.
    pub position: u64,
    /// The envelope, as it came.
    pub envelope: Bytes,
    /// What is known of its author with it, if it was verified.
    pub author: Option<Author>,
}

/// The store. All of its methods block on the disk.
#[derive(Debug)]
pub struct Log {
    db: Database,
    path: PathBuf,
    epoch: [u8; 16],
}

impl Log {
    /// The store's epoch: chosen at random when it was created.
    pub const fn epoch(&self) -> [u8; 16] {
        self.epoch
    }

    /// How many documents have a log.
    ///
    /// # Errors
    /// A [`StoreError`] when the store cannot be read.
    pub fn documents(&self) -> Result<u64, StoreError> {
        self.guarded(|| Ok(self.db.begin_read()?.open_table(ENDS)?.len()?))
    }

    /// Where a document's log ends; all zeros for a document without one.
    ///
    /// # Errors
    /// A [`StoreError`] when the store cannot be read or is damaged.
    pub fn end(&self, document: DocumentId) -> Result<LogEnd, StoreError> {
        self.guarded(|| {
            let ends = self.db.begin_read()?.open_table(ENDS)?;
            ends.get(document.as_bytes())?.map_or_else(
                || Ok(LogEnd::default()),
                |value| LogEnd::decode(document, value.value()).ok_or_else(|| self.damaged_end(document)),
            )
        })
    }

    /// What is known of the authors of a document's log.
    ///
    /// # Errors
    /// A [`StoreError`] when the store cannot be read or is damaged.
    pub fn authors(&self, document: DocumentId) -> Result<BTreeMap<ReplicaId, Author>, StoreError> {
        self.guarded(|| {
            let authors = self.db.begin_read()?.open_table(AUTHORS)?;
            let [first, last] =
                [[0; ID_BYTES], [0xff; ID_BYTES]].map(|id| author_key(document, ReplicaId::from_bytes(id)));
            let mut known = BTreeMap::new();
            for entry in authors.range::<&[u8; AUTHOR_KEY_BYTES]>(&first..=&last)? {
                let (found, value) = entry?;
                let replica = found.value().last_chunk().copied().map(ReplicaId::from_bytes);
                let author = unpack(found.value(), value.value()).and_then(Author::from_bytes);
                let (Some(replica), Some(author)) = (replica, author) else {
                    return Err(self.damaged(format!("document {document}: what is known of an author")));
                };
                known.insert(replica, author);
            }
            Ok(known)
        })
    }

    /// The envelopes of a document's log from position `from` on: as many as are there and begin within `bytes_max` bytes.
    ///
    /// # Errors
    /// A [`StoreError`] when the store cannot be read or is damaged.
    pub fn read(&self, document: DocumentId, from: u64, bytes_max: usize) -> Result<Vec<Bytes>, StoreError> {
        self.guarded(|| {
            let entries = self.db.begin_read()?.open_table(ENTRIES)?;
            let mut envelopes = Vec::new();
            let mut bytes = 0;
            let range = entries.range::<&[u8; KEY_BYTES]>(&key(document, from)..=&key(document, u64::MAX))?;
            for (position, entry) in (from..).zip(range) {
                let (found, value) = entry?;
                let envelope = unpack(found.value(), value.value())
                    .filter(|_| *found.value() == key(document, position))
                    .ok_or_else(|| self.damaged(format!("document {document}: the entry at position {position}")))?;
                bytes += envelope.len();
                envelopes.push(Bytes::copy_from_slice(envelope));
                if bytes >= bytes_max {
                    break;
                }
            }
            Ok(envelopes)
        })
    }

    /// Appends all of these, or nothing, and returns when the disk has them: where the logs that grew end now.
    ///
    /// # Errors
    /// A [`StoreError`] when the disk refuses, or an envelope is not the next of its log. What is on disk then is what was there
    /// before, or all of it.
    pub fn append(&self, batch: &[Append]) -> Result<Vec<(DocumentId, u64)>, StoreError> {
        self.guarded(|| {
            let mut transaction = self.db.begin_write()?;
            transaction.set_durability(Durability::Immediate)?;
            transaction.set_quick_repair(true);
            let mut grown: BTreeMap<DocumentId, LogEnd> = BTreeMap::new();
            {
                let mut entries = transaction.open_table(ENTRIES)?;
                let mut ends = transaction.open_table(ENDS)?;
                let mut authors = transaction.open_table(AUTHORS)?;
                for append in batch {
                    let end = match grown.entry(append.document) {
                        Entry::Occupied(end) => end.into_mut(),
                        Entry::Vacant(place) => place.insert(self.end_in(&ends, append.document)?),
                    };
                    let envelope = Envelope::decode(append.envelope.clone())
                        .ok()
                        .filter(|_| append.position == end.head)
                        .ok_or(StoreError::NotNext { position: append.position, head: end.head })?;
                    end.extend(envelope.header(), append.envelope.len());
                    let key = key(append.document, append.position);
                    entries.insert(&key, pack(&key, &append.envelope).as_slice())?;
                    if let Some(author) = &append.author {
                        let key = author_key(append.document, envelope.header().replica);
                        authors.insert(&key, pack(&key, &author.to_bytes()).as_slice())?;
                    }
                }
                for (document, end) in &grown {
                    ends.insert(document.as_bytes(), end.encode(*document).as_slice())?;
                }
            }
            transaction.commit()?;
            Ok(grown.into_iter().map(|(document, end)| (document, end.head)).collect())
        })
    }

    fn end_in(
        &self,
        ends: &impl ReadableTable<&'static [u8; ID_BYTES], &'static [u8]>,
        document: DocumentId,
    ) -> Result<LogEnd, StoreError> {
        match ends.get(document.as_bytes())? {
            None => Ok(LogEnd::default()),
            Some(value) => LogEnd::decode(document, value.value()).ok_or_else(|| self.damaged_end(document)),
        }
    }

    fn damaged(&self, detail: String) -> StoreError {
        StoreError::Damaged { path: self.path.clone(), detail }
    }

    fn damaged_end(&self, document: DocumentId) -> StoreError {
        self.damaged(format!("document {document}: the record of where its log ends"))
    }

    fn guarded<T>(&self, work: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
        guarded(&self.path, work)
    }
}

/// Does `work` on the file. The database may panic over pages that something else has written to: that is damage as well.
fn guarded<T>(path: &std::path::Path, work: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    let result = catch_unwind(AssertUnwindSafe(work));
    let panicked =
        |_| Err(StoreError::Damaged { path: path.to_owned(), detail: "its pages contradict each other".into() });
    result.unwrap_or_else(panicked).map_err(|error| error.at(path))
}

fn key(document: DocumentId, position: u64) -> [u8; KEY_BYTES] {
    let mut key = [0; KEY_BYTES];
    key[..ID_BYTES].copy_from_slice(document.as_bytes());
    key[ID_BYTES..].copy_from_slice(&position.to_be_bytes());
    key
}

fn author_key(document: DocumentId, replica: ReplicaId) -> [u8; AUTHOR_KEY_BYTES] {
    let mut key = [0; AUTHOR_KEY_BYTES];
    key[..ID_BYTES].copy_from_slice(document.as_bytes());
    key[ID_BYTES..].copy_from_slice(replica.as_bytes());
    key
}

fn pack(key: &[u8], content: &[u8]) -> Vec<u8> {
    let mut value = Vec::with_capacity(CHECK_BYTES + content.len());
    value.extend_from_slice(&checksum(key, content).to_le_bytes());
    value.extend_from_slice(content);
    value
}

/// What was packed under this key, if it is what was packed.
fn unpack<'a>(key: &[u8], value: &'a [u8]) -> Option<&'a [u8]> {
    let (check, content) = value.split_first_chunk::<CHECK_BYTES>()?;
    (u32::from_le_bytes(*check) == checksum(key, content)).then_some(content)
}

/// CRC-32 as in ISO 3309 over the key and what is stored under it.
fn checksum(key: &[u8], content: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| CRC_TABLE[usize::from(crc.to_le_bytes()[0] ^ byte)] ^ (crc >> 8);
    !key.iter().chain(content).fold(u32::MAX, step)
}

const CRC_TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut index: u32 = 0;
    while index < 256 {
        let mut crc = index;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { 0xedb8_8320 ^ (crc >> 1) } else { crc >> 1 };
            bit += 1;
        }
        table[index as usize] = crc;
        index += 1;
    }
    table
};
