//! The store on good disks and bad ones.

mod disk;
mod faults;

use std::path::Path;

use bytes::Bytes;
use quire_crdt::{Change, DocumentId, Header, Op, ReplicaId, VersionVector, seal};
use redb::{Database, TableDefinition};
use tempfile::TempDir;

pub(crate) use self::disk::Disk;
use super::{Append, HEADER, Log, LogSummary, StoreError, checksum, key};

const CACHE_BYTES: usize = 1024 * 1024;
const EPOCH: [u8; 16] = [7; 16];
const CHECK: u64 = u64::MAX;

fn document(number: u8) -> DocumentId {
    DocumentId::from_bytes([number; 16])
}

fn append(number: u8, position: u64) -> Append {
    let header = Header {
        replica: ReplicaId::from_bytes([9; 16]),
        first_seq: position,
        len: 1,
        deps: VersionVector::new(),
        heads: false,
    };
    let text = char::from(b'a' + (position % 26) as u8).to_string();
    let ops = vec![Op::Insert { left: None, right: None, text }];
    let envelope = seal(document(number), &Change { header, ops }).bytes().clone();
    Append { document: document(number), position, envelope, author: None }
}

/// A store in this directory with so many changes in each of three documents, in commits of five.
fn store(directory: &Path, changes: u64) -> Log {
    let log = Log::open(directory, CACHE_BYTES, CHECK).unwrap();
    let all: Vec<Append> = (0..changes).flat_map(|at| (1..=3).map(move |number| append(number, at))).collect();
    all.chunks(5).for_each(|batch| assert!(log.append(batch).is_ok()));
    log
}

fn envelopes(number: u8, positions: std::ops::Range<u64>) -> Vec<Bytes> {
    positions.map(|at| append(number, at).envelope).collect()
}

#[test]
fn what_was_appended_is_there_after_reopening() {
    let directory = TempDir::new().unwrap();
    let log = store(directory.path(), 20);
    let epoch = log.epoch();
    drop(log);
    let log = Log::open(directory.path(), CACHE_BYTES, CHECK).unwrap();
    assert_eq!(log.epoch(), epoch);
    assert_eq!(log.documents().unwrap(), 3);
    let end = log.end(document(2)).unwrap();
    assert_eq!((end.head, end.version.get(ReplicaId::from_bytes([9; 16]))), (20, 20));
    assert_eq!(end.bytes, envelopes(2, 0..20).iter().map(|envelope| envelope.len() as u64).sum::<u64>());
    assert_eq!(log.read(document(2), 5, usize::MAX).unwrap(), envelopes(2, 5..20));
    assert_eq!(log.end(document(7)).unwrap(), super::LogEnd::default());
    assert_eq!(log.verify().unwrap(), LogSummary { documents: 3, changes: 60, bytes: 3 * end.bytes });
}

#[test]
fn a_read_ends_when_it_has_enough_bytes_and_has_at_least_one_entry() {
    let directory = TempDir::new().unwrap();
    let log = store(directory.path(), 10);
    let one = envelopes(1, 0..1)[0].len();
    assert_eq!(log.read(document(1), 3, 1).unwrap(), envelopes(1, 3..4));
    assert_eq!(log.read(document(1), 3, 2 * one + 1).unwrap(), envelopes(1, 3..6));
    assert_eq!(log.read(document(1), 10, 1).unwrap(), [] as [Bytes; 0]);
}

#[test]
fn an_entry_that_is_not_the_next_is_refused_and_nothing_of_its_batch_is_kept() {
    let directory = TempDir::new().unwrap();
    let log = store(directory.path(), 2);
    let error = log.append(&[append(1, 2), append(1, 4)]).unwrap_err();
    assert!(matches!(error, StoreError::NotNext { position: 4, head: 3 }), "{error}");
    assert_eq!(log.end(document(1)).unwrap().head, 2);
    log.append(&[append(1, 2)]).unwrap();
}

#[test]
fn two_processes_cannot_have_one_store() {
    let directory = TempDir::new().unwrap();
    let _first = store(directory.path(), 1);
    let error = Log::open(directory.path(), CACHE_BYTES, CHECK).unwrap_err();
    assert!(matches!(error, StoreError::InUse { .. }), "{error}");
    assert!(error.to_string().contains("relay.redb is in use by another process: stop that relay first"), "{error}");
}

/// What opening a directory with this file in it says; the file is left as it is.
fn check_refused(bytes: &[u8], expected: &str) {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("relay.redb");
    std::fs::write(&path, bytes).unwrap();
    let error = Log::open(directory.path(), CACHE_BYTES, CHECK).unwrap_err().to_string();
    assert!(error.contains(expected) && error.contains("relay.redb"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), bytes, "the file was changed");
}

#[test]
fn another_programs_file_is_refused() {
    check_refused(b"# my notes\nbuy milk", "is not a store of quire-server (its first bytes are not a database's)");
    check_refused(b"", "is damaged: it has 0 bytes");
    check_refused(b"redb", "is damaged: it has 4 bytes");
}

#[test]
fn another_programs_database_is_refused() {
    let directory = TempDir::new().unwrap();
    let db = Database::create(directory.path().join("relay.redb")).unwrap();
    let write = db.begin_write().unwrap();
    write.open_table(TableDefinition::<u64, u64>::new("header")).unwrap().insert(1, 2).unwrap();
    write.commit().unwrap();
    drop(db);
    let error = Log::open(directory.path(), CACHE_BYTES, CHECK).unwrap_err().to_string();
    assert!(error.contains("is not a store of quire-server (a database of another program)"), "{error}");
}

#[test]
fn a_newer_format_is_refused() {
    let directory = TempDir::new().unwrap();
    let log = store(directory.path(), 1);
    let write = log.db.begin_write().unwrap();
    write.open_table(HEADER).unwrap().insert("version", 3_u32.to_le_bytes().as_slice()).unwrap();
    write.commit().unwrap();
    drop(log);
    let error = Log::open(directory.path(), CACHE_BYTES, CHECK).unwrap_err().to_string();
    assert!(error.contains("has format version 3, this program reads up to 2: run a newer quire-server"), "{error}");
}

#[test]
fn a_store_that_was_never_finished_is_made_anew() {
    let directory = TempDir::new().unwrap();
    std::fs::write(directory.path().join("relay.redb.new"), b"redb and then the power went").unwrap();
    assert_eq!(store(directory.path(), 1).documents().unwrap(), 3);
    assert!(!directory.path().join("relay.redb.new").exists());
}

#[test]
fn a_store_that_is_not_there_is_not_made_when_it_should_be_there() {
    let directory = TempDir::new().unwrap();
    let error = Log::open_existing(directory.path(), CACHE_BYTES, CHECK).unwrap_err();
    assert!(matches!(error, StoreError::Io { .. }), "{error}");
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn the_checksum_is_crc_32() {
    assert_eq!(checksum(b"1234", b"56789"), 0xcbf4_3926);
}

#[test]
fn keys_are_in_the_order_of_positions() {
    assert!(key(document(1), 255) < key(document(1), 256) && key(document(1), u64::MAX) < key(document(2), 0));
}
