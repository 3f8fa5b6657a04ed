//! The file `library.redb`: its tables, and how it is opened.
//!
//! | table | key | value |
//! | --- | --- | --- |
//! | `header` | 0: whose file; 1: version of this layout | [`MAGIC`]; eight bytes, little-endian |
//! | `documents` | document id, 16 bytes | checksum, record |
//! | `checkpoints` | document id, 16 bytes, then position, 8 bytes, big-endian | checksum, checkpoint of the log below the position |
//! | `seals` | document id and replica, 16 bytes each, then units with the change, 8 bytes, big-endian | checksum, proof |
//! | `log` | document id, 16 bytes, then position, 8 bytes, big-endian | checksum, envelope |
//!
//! Of each document the newest checkpoint and the sound one that it was made from are kept, and of its log what is not in the older of
//! the two: should the newer one be damaged, nothing is missing.
//!
//! A checksum is the CRC-32 of key and value, four bytes, little-endian: the store under the library checks its pages only
//! when it was not closed properly, and bit rot has no such manners.

use std::fs::{self, OpenOptions};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use bytes::Bytes;
use quire_crdt::sync::{Seal, Seals};
use quire_crdt::{DocumentId, ID_BYTES, ReplicaId};
use redb::{Builder, Database, ReadableDatabase, ReadableTable, StorageBackend, TableDefinition};

use super::error::{Damage, StoreError};
use super::record::DocumentRecord;
use crate::editor::checksum::crc32_of_parts;
use crate::shell::files::sync_folder;

/// What is stored of a document.
#[derive(Debug)]
pub struct Stored<T> {
    /// The newest checkpoint that can be used, and the position of the log below which it holds everything.
    pub checkpoint: Option<(u64, T)>,
    /// The envelopes of the log from there on, or from position 0.
    pub log: Vec<Bytes>,
    /// Newer checkpoints that cannot be used.
    pub damaged: Vec<Damage>,
}

/// The version of the layout that this program writes, and the newest that it reads.
pub const LIBRARY_VERSION: u64 = 3;

/// The file's name in the library's folder.
pub const FILE_NAME: &str = "library.redb";

/// The most memory that the store under the library may take for pages, in bytes.
const CACHE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A file up to this length, in bytes, is checked page by page whenever it is opened (a few milliseconds). A longer one only
/// after a crash: its values are checked when they are read.
const CHECKED_WHOLE_BYTES_MAX: u64 = 16 * 1024 * 1024;

const MAGIC: &[u8] = b"quire library";
pub(super) const KEY_BYTES: usize = ID_BYTES + 8;
pub(super) const SEAL_KEY_BYTES: usize = 2 * ID_BYTES + 8;
const CHECKSUM_BYTES: usize = 4;

pub(super) const HEADER: TableDefinition<'static, u64, &[u8]> = TableDefinition::new("header");
pub(super) const CHECKPOINTS: TableDefinition<'static, &[u8; KEY_BYTES], &[u8]> = TableDefinition::new("checkpoints");
pub(super) const DOCUMENTS: TableDefinition<'static, &[u8; ID_BYTES], &[u8]> = TableDefinition::new("documents");
pub(super) const SEALS: TableDefinition<'static, &[u8; SEAL_KEY_BYTES], &[u8]> = TableDefinition::new("seals");
pub(super) const LOG: TableDefinition<'static, &[u8; KEY_BYTES], &[u8]> = TableDefinition::new("log");

/// Opens the library file, or makes one where none is.
pub(super) fn open(path: &Path) -> Result<Database, StoreError> {
    match fs::metadata(path) {
        Ok(found) if found.len() == 0 => Err(StoreError::damaged(path, Damage::Empty)),
        Ok(found) => open_existing(path, found.len()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            create(path)?;
            open_existing(path, 0)
        }
        Err(error) => Err(StoreError::io(path, "read")(error)),
    }
}

/// Opens the file again after a failed write, when the store refuses to go on.
pub(super) fn open_existing(path: &Path, length: u64) -> Result<Database, StoreError> {
    let builder = builder(length <= CHECKED_WHOLE_BYTES_MAX);
    let database = guarded(path, || builder.open(path).map_err(|error| StoreError::of(path, error)))?;
    known(path, database)
}

/// Opens the library on a storage, or makes one if that has no bytes; with `check`, it is checked as a file is that is opened first.
pub(super) fn open_on(path: &Path, backend: impl StorageBackend, check: bool) -> Result<Database, StoreError> {
    let length = backend.len().map_err(StoreError::io(path, "read"))?;
    let builder = builder(check && length > 0 && length <= CHECKED_WHOLE_BYTES_MAX);
    let made = || builder.create_with_backend(backend).map_err(|error| StoreError::of(path, error));
    let database = guarded(path, made)?;
    if length == 0 {
        write_header(&database).map_err(|error| StoreError::of(path, error))?;
    }
    known(path, database)
}

fn builder(check: bool) -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE_BYTES_MAX);
    builder.set_check_integrity_on_open(check);
    builder
}

/// The database, if it is a library that this program knows.
fn known(path: &Path, database: Database) -> Result<Database, StoreError> {
    match guarded(path, || check_header(path, &database))? {
        LIBRARY_VERSION => {}
        // Version 1 had no checkpoints and version 2 no seals; a program that knows only those must not take a log that begins later for
        // a damaged one, nor change a document without its proofs.
        _ => guarded(path, || write_header(&database).map_err(|error| StoreError::of(path, error)))?,
    }
    Ok(database)
}

/// Makes the file under another name first, so that one with the right name is always complete.
fn create(path: &Path) -> Result<(), StoreError> {
    let fresh = path.with_extension("redb.new");
    match fs::remove_file(&fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(StoreError::io(&fresh, "remove")(error)),
        Ok(()) | Err(_) => {}
    }
    create_private(&fresh).map_err(StoreError::io(&fresh, "create"))?;
    let database = Builder::new().create(&fresh).map_err(|error| StoreError::of(&fresh, error))?;
    write_header(&database).map_err(|error| StoreError::of(&fresh, error))?;
    drop(database);
    fs::rename(&fresh, path).map_err(StoreError::io(path, "create"))?;
    sync_folder(path).map_err(StoreError::io(path, "create"))
}

fn create_private(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

pub(super) fn write_header(database: &Database) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    let mut header = transaction.open_table(HEADER)?;
    header.insert(0, MAGIC)?;
    header.insert(1, LIBRARY_VERSION.to_le_bytes().as_slice())?;
    drop(header);
    transaction.open_table(DOCUMENTS)?;
    transaction.open_table(CHECKPOINTS)?;
    transaction.open_table(SEALS)?;
    transaction.open_table(LOG)?;
    Ok(transaction.commit()?)
}

/// The version of the file, which this program knows.
pub(super) fn check_header(path: &Path, database: &Database) -> Result<u64, StoreError> {
    let of = |error: redb::Error| StoreError::of(path, error);
    let transaction = database.begin_read().map_err(|error| of(error.into()))?;
    let header = transaction.open_table(HEADER).map_err(|error| of(error.into()))?;
    let field = |key: u64| header.get(key).map_err(|error| of(error.into()));
    if field(0)?.is_none_or(|magic| magic.value() != MAGIC) {
        return Err(StoreError::Foreign { path: path.to_owned(), found: "a database of another program".to_owned() });
    }
    let version = field(1)?.and_then(|version| version.value().try_into().ok().map(u64::from_le_bytes));
    match version {
        Some(found @ 1..=LIBRARY_VERSION) => Ok(found),
        Some(found) => Err(StoreError::Newer { path: path.to_owned(), found, known: LIBRARY_VERSION }),
        None => Err(StoreError::damaged(path, Damage::File { detail: "it has no version".to_owned() })),
    }
}

/// All documents of the library, in the order of their ids.
pub(super) fn records(path: &Path, database: &Database) -> Result<Vec<(DocumentId, DocumentRecord)>, StoreError> {
    guarded(path, || {
        let of = |error: redb::Error| StoreError::of(path, error);
        let transaction = database.begin_read().map_err(|error| of(error.into()))?;
        let table = transaction.open_table(DOCUMENTS).map_err(|error| of(error.into()))?;
        let mut records = Vec::new();
        for entry in table.iter().map_err(|error| of(error.into()))? {
            let (key, value) = entry.map_err(|error| of(error.into()))?;
            let document = DocumentId::from_bytes(*key.value());
            let record = unwrap_checked(key.value(), value.value()).and_then(DocumentRecord::decode);
            let damaged = || StoreError::damaged(path, Damage::Record { document });
            records.push((document, record.ok_or_else(damaged)?));
        }
        Ok(records)
    })
}

/// What is stored of a document: its newest checkpoint that `open` takes, and the envelopes of its log from there on.
pub(super) fn stored<T>(
    path: &Path,
    database: &Database,
    document: DocumentId,
    mut open: impl FnMut(u64, Bytes) -> Result<T, String>,
) -> Result<Stored<T>, StoreError> {
    guarded(path, || {
        let of = |error: redb::Error| StoreError::of(path, error);
        let transaction = database.begin_read().map_err(|error| of(error.into()))?;
        let (first, last) = (log_key(document, 0), log_key(document, u64::MAX));
        let mut stored = Stored { checkpoint: None, log: Vec::new(), damaged: Vec::new() };
        let table = transaction.open_table(CHECKPOINTS).map_err(|error| of(error.into()))?;
        for entry in table.range::<&[u8; KEY_BYTES]>(&first..=&last).map_err(|error| of(error.into()))?.rev() {
            let (key, value) = entry.map_err(|error| of(error.into()))?;
            let position = position_of(key.value());
            let bytes = unwrap_checked(key.value(), value.value()).ok_or("it is not as it was written".to_owned());
            match bytes.and_then(|bytes| open(position, Bytes::copy_from_slice(bytes))) {
                Ok(opened) => stored.checkpoint = Some((position, opened)),
                Err(why) => stored.damaged.push(Damage::Checkpoint { document, position, why }),
            }
            if stored.checkpoint.is_some() {
                break;
            }
        }
        let start = stored.checkpoint.as_ref().map_or(0, |(position, _)| *position);
        let first = log_key(document, start);
        let table = transaction.open_table(LOG).map_err(|error| of(error.into()))?;
        for entry in table.range::<&[u8; KEY_BYTES]>(&first..=&last).map_err(|error| of(error.into()))? {
            let (key, value) = entry.map_err(|error| of(error.into()))?;
            let position = start + stored.log.len() as u64;
            if position_of(key.value()) != position {
                let gap = Damage::Gap { document, position };
                return Err(StoreError::damaged(path, stored.damaged.pop().unwrap_or(gap)));
            }
            let damaged = || StoreError::damaged(path, Damage::Change { document, position });
            stored.log.push(Bytes::copy_from_slice(unwrap_checked(key.value(), value.value()).ok_or_else(damaged)?));
        }
        Ok(stored)
    })
}

/// What proves the changes that others made to a document.
pub(super) fn seals(path: &Path, database: &Database, document: DocumentId) -> Result<Seals, StoreError> {
    guarded(path, || {
        let of = |error: redb::Error| StoreError::of(path, error);
        let transaction = database.begin_read().map_err(|error| of(error.into()))?;
        let table = transaction.open_table(SEALS).map_err(|error| of(error.into()))?;
        let (first, last) = seal_keys(document);
        let mut seals = Seals::default();
        for entry in table.range::<&[u8; SEAL_KEY_BYTES]>(&first..=&last).map_err(|error| of(error.into()))? {
            let (key, value) = entry.map_err(|error| of(error.into()))?;
            let replica = key.value()[ID_BYTES..].first_chunk().copied().map(ReplicaId::from_bytes);
            let seal = unwrap_checked(key.value(), value.value()).and_then(Seal::from_bytes);
            let damaged = || StoreError::damaged(path, Damage::Seal { document });
            let (replica, seal) = replica.zip(seal).ok_or_else(damaged)?;
            seals.insert(replica, &seal);
        }
        Ok(seals)
    })
}

/// The key of the proof of a change: whose, and how many units that replica has made with it.
pub(super) fn seal_key(document: DocumentId, replica: ReplicaId, count: u64) -> [u8; SEAL_KEY_BYTES] {
    let mut key = [0; SEAL_KEY_BYTES];
    key[..ID_BYTES].copy_from_slice(document.as_bytes());
    key[ID_BYTES..2 * ID_BYTES].copy_from_slice(replica.as_bytes());
    key[2 * ID_BYTES..].copy_from_slice(&count.to_be_bytes());
    key
}

/// The least and the greatest that the key of a proof can be.
pub(super) fn seal_keys(document: DocumentId) -> ([u8; SEAL_KEY_BYTES], [u8; SEAL_KEY_BYTES]) {
    let key = |byte: u8, count| seal_key(document, ReplicaId::from_bytes([byte; ID_BYTES]), count);
    (key(0, 0), key(0xff, u64::MAX))
}

/// The key of a position in a document's log; keys sort by document, then position.
pub(super) fn log_key(document: DocumentId, position: u64) -> [u8; KEY_BYTES] {
    let mut key = [0; KEY_BYTES];
    key[..ID_BYTES].copy_from_slice(document.as_bytes());
    key[ID_BYTES..].copy_from_slice(&position.to_be_bytes());
    key
}

/// The position that a key of the log names.
pub(super) fn position_of(key: &[u8; KEY_BYTES]) -> u64 {
    key[ID_BYTES..].iter().fold(0, |position, byte| (position << 8) | u64::from(*byte))
}

/// A value with its checksum in front.
pub(super) fn with_checksum(key: &[u8], value: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(CHECKSUM_BYTES + value.len());
    bytes.extend_from_slice(&crc32_of_parts(&[key, value]).to_le_bytes());
    bytes.extend_from_slice(value);
    bytes
}

fn unwrap_checked<'a>(key: &[u8], stored: &'a [u8]) -> Option<&'a [u8]> {
    let (checksum, value) = stored.split_first_chunk::<CHECKSUM_BYTES>()?;
    (u32::from_le_bytes(*checksum) == crc32_of_parts(&[key, value])).then_some(value)
}

/// The store under the library may panic on pages that were altered behind its back: that is damage, too, and no crash.
pub(super) fn guarded<T>(path: &Path, read: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| {
        let detail = "its pages contradict each other".to_owned();
        Err(StoreError::damaged(path, Damage::File { detail }))
    })
}
