use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, RwLockWriteGuard};
use std::time::Duration;

use bytes::Bytes;
use quire_crdt::{DocumentId, ReplicaId};
use redb::{Database, ReadableTable as _, StorageBackend};

use super::database::{self, FILE_NAME, HEADER};
use super::*;
use crate::shell::inbox::{Event, Inbox};

const DOCUMENT: DocumentId = DocumentId::from_bytes([1; 16]);
/// How many bits are flipped, one at a time.
const FLIPS: usize = 60;

const OTHER: DocumentId = DocumentId::from_bytes([2; 16]);

fn record() -> DocumentRecord {
    DocumentRecord::new(ReplicaId::from_bytes([7; 16]), 5)
}

fn envelope(position: u64) -> Bytes {
    Bytes::from(format!("the change number {position}"))
}

/// The log of a document that has no checkpoint.
fn log(store: &Store, document: DocumentId) -> Result<Vec<Bytes>, StoreError> {
    let none = |position, _| panic!("a checkpoint at {position}");
    store.reader().stored(document, none).map(|stored: Stored<()>| stored.log)
}

/// The next answer of the store.
fn answer(inbox: &Inbox) -> StoreEvent {
    match inbox.wait(Duration::from_secs(20)) {
        Some(Event::Store(event)) => event,
        other => panic!("no answer of the store: {other:?}"),
    }
}

/// Waits until the document's log is on disk up to `head`.
fn wait_for(inbox: &Inbox, document: DocumentId, head: u64) {
    let is_it = |event: StoreEvent| matches!(event, StoreEvent::Written { document: of, head: to, .. } if (of, to) == (document, head));
    while !is_it(answer(inbox)) {}
}

fn library_of(changes: u64) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let inbox = Inbox::new();
    let store = Store::open(folder.path(), inbox.outlet()).unwrap();
    store.put_now(DOCUMENT, record()).unwrap();
    for position in 0..changes {
        store.append(DOCUMENT, position, envelope(position), None).unwrap();
    }
    if changes > 0 {
        wait_for(&inbox, DOCUMENT, changes);
    }
    drop(store);
    folder
}

/// What is wrong with the library in `folder`: opening it, or reading it, says so. If nothing is, it has so many changes.
fn error_of(folder: &Path, changes: u64) -> Option<StoreError> {
    let inbox = Inbox::new();
    let store = match Store::open(folder, inbox.outlet()) {
        Ok(store) => store,
        Err(error) => return Some(error),
    };
    let records = match store.records() {
        Ok(records) => records,
        Err(error) => return Some(error),
    };
    assert_eq!(records, [(DOCUMENT, record())]);
    match log(&store, DOCUMENT) {
        Ok(log) => assert_eq!(log, (0..changes).map(envelope).collect::<Vec<_>>()),
        Err(error) => return Some(error),
    }
    None
}

#[test]
fn what_was_written_is_there_when_it_is_opened_again() {
    let folder = library_of(300);
    let inbox = Inbox::new();
    let store = Store::open(folder.path(), inbox.outlet()).unwrap();
    assert_eq!(store.records().unwrap(), [(DOCUMENT, record())]);
    assert_eq!(log(&store, DOCUMENT).unwrap(), (0..300).map(envelope).collect::<Vec<_>>());
    assert!(log(&store, OTHER).unwrap().is_empty());
    store.append(DOCUMENT, 300, envelope(300), None).unwrap();
    wait_for(&inbox, DOCUMENT, 301);
    store.remove_now(DOCUMENT).unwrap();
    assert!(store.records().unwrap().is_empty() && log(&store, DOCUMENT).unwrap().is_empty());
}

#[test]
fn a_position_behind_a_gap_is_not_written() {
    let folder = library_of(2);
    let inbox = Inbox::new();
    let store = Store::open(folder.path(), inbox.outlet()).unwrap();
    store.append(DOCUMENT, 3, envelope(3), None).unwrap();
    assert_eq!(answer(&inbox), StoreEvent::Written { document: DOCUMENT, head: 2, record: false });
    store.append(DOCUMENT, 1, envelope(9), None).unwrap();
    assert_eq!(answer(&inbox), StoreEvent::Written { document: DOCUMENT, head: 2, record: false });
    assert_eq!(log(&store, DOCUMENT).unwrap(), [envelope(0), envelope(1)]);
}

#[test]
fn a_second_writer_is_told_who_has_the_library() {
    let folder = library_of(0);
    let inbox = Inbox::new();
    let first = Store::open(folder.path(), inbox.outlet()).unwrap();
    let error = Store::open(folder.path(), inbox.outlet()).unwrap_err();
    assert!(matches!(error, StoreError::InUse { process: Some(id), .. } if id == std::process::id()), "{error}");
    drop(first);
    Store::open(folder.path(), inbox.outlet()).unwrap();
}

#[cfg(unix)]
#[test]
fn only_its_owner_can_read_the_library() {
    use std::os::unix::fs::PermissionsExt;
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("library");
    drop(Store::open(&folder, Inbox::new().outlet()).unwrap());
    assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(fs::metadata(folder.join(FILE_NAME)).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_foreign_file_is_named_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE_NAME);
    for foreign in [b"SQLite format 3\0 and so on".repeat(400), vec![0; 8192], b"short".to_vec()] {
        fs::write(&path, &foreign).unwrap();
        let error = error_of(folder.path(), 40).unwrap();
        assert!(matches!(error, StoreError::Foreign { .. } | StoreError::Damaged { .. }), "{error}");
        assert!(error.to_string().contains(FILE_NAME), "{error}");
        assert_eq!(fs::read(&path).unwrap(), foreign);
    }
    fs::remove_file(&path).unwrap();
    drop(Database::create(&path).unwrap());
    let error = error_of(folder.path(), 40).unwrap();
    assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
}

#[test]
fn an_empty_file_is_damage_and_no_empty_library() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(FILE_NAME), b"").unwrap();
    let error = error_of(folder.path(), 40).unwrap();
    assert!(matches!(error, StoreError::Damaged { damage: Damage::Empty, .. }), "{error}");
}

#[test]
fn a_newer_library_asks_for_a_newer_program() {
    let folder = library_of(1);
    let path = folder.path().join(FILE_NAME);
    let database = Database::open(&path).unwrap();
    let transaction = database.begin_write().unwrap();
    let newer = LIBRARY_VERSION + 1;
    transaction.open_table(HEADER).unwrap().insert(1, newer.to_le_bytes().as_slice()).unwrap();
    transaction.commit().unwrap();
    drop(database);
    let error = error_of(folder.path(), 40).unwrap();
    assert!(matches!(error, StoreError::Newer { found, known: LIBRARY_VERSION, .. } if found == newer), "{error}");
}

/// Whether flipping one bit of the byte at `at` is found. What is read in spite of it is as it was written.
fn flip_is_found(folder: &Path, whole: &[u8], at: usize) -> bool {
    let mut flipped = whole.to_vec();
    flipped[at] ^= 1 << (at % 8);
    fs::write(folder.join(FILE_NAME), &flipped).unwrap();
    let error = error_of(folder, 40);
    let expected = matches!(error, None | Some(StoreError::Damaged { .. } | StoreError::Foreign { .. }));
    assert!(expected, "byte {at}: {error:?}");
    error.is_some()
}

#[test]
fn a_flipped_bit_is_found_or_touches_nothing() {
    let folder = library_of(40);
    let whole = fs::read(folder.path().join(FILE_NAME)).unwrap();
    // Pages that are free keep old bytes: nine of ten flips touch nothing, and how the writer batched decides which.
    let used: Vec<usize> = (0..whole.len()).filter(|at| whole[*at] != 0).collect();
    for at in used.iter().step_by(used.len() / FLIPS) {
        flip_is_found(folder.path(), &whole, *at);
    }
}

#[test]
fn a_flipped_bit_in_a_change_is_found() {
    let folder = library_of(40);
    let whole = fs::read(folder.path().join(FILE_NAME)).unwrap();
    for position in [10, 23, 39] {
        let change = envelope(position);
        // The change itself, and copies of it in pages that are free.
        let mut copies = whole.windows(change.len()).enumerate().filter(|(_, bytes)| *bytes == change);
        assert!(copies.any(|(at, _)| flip_is_found(folder.path(), &whole, at + 4)), "change {position}");
    }
}

/// What is stored of the document: the position of the checkpoint that `sound` accepts, the first change behind it, how many there are,
/// and how many checkpoints were refused.
fn stored(store: &Store, sound: impl Fn(&[u8]) -> bool) -> (Option<u64>, Option<Bytes>, usize, usize) {
    let open = |_, bytes: Bytes| if sound(&bytes) { Ok(()) } else { Err("it is not sound".to_owned()) };
    let Stored { checkpoint, log, damaged } = store.reader().stored(DOCUMENT, open).unwrap();
    (checkpoint.map(|(position, ())| position), log.first().cloned(), log.len(), damaged.len())
}

/// Puts checkpoints of the document, each with the position of the one it was made from, and waits until they are on disk.
fn put_checkpoints(store: &Store, checkpoints: &[(u64, u64, &'static str)]) {
    for (position, from, checkpoint) in checkpoints {
        store.put_checkpoint(DOCUMENT, *position, *from, Bytes::from(*checkpoint)).unwrap();
    }
    store.put_now(DOCUMENT, record()).unwrap();
}

#[test]
fn the_two_newest_checkpoints_stay_and_the_log_from_the_older_one_on() {
    let folder = library_of(40);
    let store = Store::open(folder.path(), Inbox::new().outlet()).unwrap();
    put_checkpoints(&store, &[(10, 0, "first")]);
    assert_eq!(stored(&store, |bytes| bytes == b"first"), (Some(10), Some(envelope(10)), 30, 0));
    assert_eq!(stored(&store, |_| false), (None, Some(envelope(0)), 40, 1), "the whole log is there still");
    put_checkpoints(&store, &[(20, 10, "second"), (30, 20, "third")]);
    assert_eq!(stored(&store, |bytes| bytes == b"third"), (Some(30), Some(envelope(30)), 10, 0));
    assert_eq!(stored(&store, |bytes| bytes == b"second"), (Some(20), Some(envelope(20)), 20, 1));
    let error = store.reader().stored(DOCUMENT, |_, _| Err::<(), _>("no".to_owned())).unwrap_err();
    let named = Damage::Checkpoint { document: DOCUMENT, position: 20, why: "no".into() };
    assert!(matches!(&error, StoreError::Damaged { damage, .. } if *damage == named), "{error}");
    // None that is older than what is there, none of what is not in the log, none made from what is gone.
    put_checkpoints(
        &store,
        &[(30, 20, "again"), (25, 20, "late"), (41, 30, "early"), (35, 10, "lost"), (35, 0, "lost")],
    );
    assert_eq!(stored(&store, |bytes| bytes == b"third"), (Some(30), Some(envelope(30)), 10, 0));
    store.append(DOCUMENT, 40, envelope(40), None).unwrap();
    store.put_now(DOCUMENT, record()).unwrap();
    assert_eq!(stored(&store, |_| true).2, 11, "the log goes on");
    store.remove_now(DOCUMENT).unwrap();
    assert_eq!(stored(&store, |_| true), (None, None, 0, 0));
}

/// Flips a bit of the last checkpoint in the library. Its page's own checksum, which is looked at when a short file is opened, is right.
pub(crate) fn damage_newest_checkpoint(folder: &Path) {
    let database = Database::open(folder.join(FILE_NAME)).unwrap();
    let transaction = database.begin_write().unwrap();
    let mut table = transaction.open_table(database::CHECKPOINTS).unwrap();
    let (key, mut value) = {
        let (key, value) = table.last().unwrap().expect("there is a checkpoint");
        (*key.value(), value.value().to_vec())
    };
    value[9] ^= 1;
    table.insert(&key, value.as_slice()).unwrap();
    drop(table);
    transaction.commit().unwrap();
}

#[test]
fn a_flipped_bit_in_a_checkpoint_leads_to_the_one_before() {
    let folder = library_of(40);
    let store = Store::open(folder.path(), Inbox::new().outlet()).unwrap();
    put_checkpoints(&store, &[(10, 0, "the first checkpoint"), (20, 10, "the second checkpoint")]);
    drop(store);
    damage_newest_checkpoint(folder.path());
    let store = Store::open(folder.path(), Inbox::new().outlet()).unwrap();
    assert_eq!(stored(&store, |_| true), (Some(10), Some(envelope(10)), 30, 1));
    put_checkpoints(&store, &[(40, 10, "a new one")]);
    assert_eq!(stored(&store, |_| true), (Some(40), None, 0, 0));
    let other = |bytes: &[u8]| bytes != b"a new one";
    assert_eq!(
        stored(&store, other),
        (Some(10), Some(envelope(10)), 30, 1),
        "the sound one stays, not the damaged one"
    );
}

#[test]
fn a_library_of_version_1_is_one_of_this_version_once_it_was_opened() {
    let folder = library_of(3);
    let path = folder.path().join(FILE_NAME);
    let database = Database::open(&path).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction.open_table(HEADER).unwrap().insert(1, 1_u64.to_le_bytes().as_slice()).unwrap();
    transaction.delete_table(database::CHECKPOINTS).unwrap();
    transaction.commit().unwrap();
    drop(database);
    for _ in 0..2 {
        let store = Store::open(folder.path(), Inbox::new().outlet()).unwrap();
        assert_eq!(log(&store, DOCUMENT).unwrap().len(), 3);
    }
    let database = Database::open(&path).unwrap();
    assert_eq!(database::check_header(&path, &database).unwrap(), LIBRARY_VERSION);
}

#[test]
fn a_torn_tail_is_found() {
    let folder = library_of(40);
    let path = folder.path().join(FILE_NAME);
    let whole = fs::read(&path).unwrap();
    for length in [whole.len() - 1, whole.len() / 2, 5000, 100, 1] {
        fs::write(&path, &whole[..length]).unwrap();
        let error = error_of(folder.path(), 40).unwrap();
        assert!(matches!(error, StoreError::Damaged { .. } | StoreError::Foreign { .. }), "{length} bytes: {error}");
        assert_eq!(fs::read(&path).unwrap().len(), length, "nothing is changed");
    }
}

/// Nobody reads or writes this library while the guard lives.
pub(crate) fn stop(reader: &Reader) -> RwLockWriteGuard<'_, Option<Database>> {
    reader.shared.write().unwrap()
}

/// A disk in memory: what was synced, what was written since, and a switch that makes it full.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk {
    state: Arc<Mutex<Bytestore>>,
    pub(crate) full: Arc<AtomicBool>,
}

#[derive(Debug, Default)]
struct Bytestore {
    synced: Vec<u8>,
    current: Vec<u8>,
}

impl Disk {
    /// The disk as it is after power was lost: nothing of what was written since the last sync.
    fn after_power_loss(&self) -> Self {
        let synced = self.state.lock().unwrap().synced.clone();
        let state = Bytestore { current: synced.clone(), synced };
        Self { state: Arc::new(Mutex::new(state)), full: Arc::default() }
    }

    fn library(&self) -> Library {
        let disk = self.clone();
        Library::with_backend(move || disk.clone()).unwrap()
    }

    fn check_space(&self) -> Result<(), io::Error> {
        let full = self.full.load(Ordering::SeqCst);
        if full { Err(io::Error::from(io::ErrorKind::StorageFull)) } else { Ok(()) }
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> Result<u64, io::Error> {
        Ok(self.state.lock().unwrap().current.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        let at = usize::try_from(offset).unwrap();
        out.copy_from_slice(&self.state.lock().unwrap().current[at..at + out.len()]);
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<(), io::Error> {
        self.check_space()?;
        self.state.lock().unwrap().current.resize(usize::try_from(len).unwrap(), 0);
        Ok(())
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        self.check_space()?;
        let mut state = self.state.lock().unwrap();
        state.synced = state.current.clone();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        self.check_space()?;
        let at = usize::try_from(offset).unwrap();
        self.state.lock().unwrap().current[at..at + data.len()].copy_from_slice(data);
        Ok(())
    }
}

/// A store on `disk`; its folder holds only the lock.
pub(crate) fn store_on(disk: &Disk, folder: &Path, inbox: &Inbox) -> Store {
    let lock = take_lock(folder).unwrap();
    Store::start(folder, lock, disk.library(), inbox.outlet()).unwrap()
}

#[test]
fn a_full_disk_is_said_and_what_waited_is_written_later() {
    let (disk, folder, inbox) = (Disk::default(), tempfile::tempdir().unwrap(), Inbox::new());
    let store = store_on(&disk, folder.path(), &inbox);
    store.append(DOCUMENT, 0, envelope(0), None).unwrap();
    wait_for(&inbox, DOCUMENT, 1);

    disk.full.store(true, Ordering::SeqCst);
    for position in 1..3 {
        store.append(DOCUMENT, position, envelope(position), None).unwrap();
        let StoreEvent::Failed { document, error } = answer(&inbox) else { panic!("the full disk took it") };
        assert_eq!(document, DOCUMENT);
        assert!(!error.is_empty());
    }
    assert!(store.put_now(OTHER, record()).is_err());
    assert!(log(&store, DOCUMENT).is_err(), "reading says that the last write failed");

    disk.full.store(false, Ordering::SeqCst);
    // A change that was made after the failed one must not get in front of it.
    store.append(DOCUMENT, 2, envelope(2), None).unwrap();
    assert_eq!(answer(&inbox), StoreEvent::Written { document: DOCUMENT, head: 1, record: false });
    for position in 1..3 {
        store.append(DOCUMENT, position, envelope(position), None).unwrap();
    }
    wait_for(&inbox, DOCUMENT, 3);
    assert_eq!(log(&store, DOCUMENT).unwrap(), (0..3).map(envelope).collect::<Vec<_>>());
}

#[test]
fn what_was_answered_survives_power_loss_at_any_moment() {
    let (disk, folder, inbox) = (Disk::default(), tempfile::tempdir().unwrap(), Inbox::new());
    let store = store_on(&disk, folder.path(), &inbox);
    let mut durable: BTreeMap<DocumentId, u64> = BTreeMap::new();
    for round in 0..60 {
        let document = if round % 3 == 0 { OTHER } else { DOCUMENT };
        let position = durable.get(&document).copied().unwrap_or(0);
        store.append(document, position, envelope(position), None).unwrap();
        wait_for(&inbox, document, position + 1);
        durable.insert(document, position + 1);

        let after = disk.after_power_loss().library();
        for (document, head) in &durable {
            let none = |_, _| Err::<(), _>("there is none".to_owned());
            let log = after.reader().stored(*document, none).unwrap().log;
            assert_eq!(log, (0..*head).map(envelope).collect::<Vec<_>>());
        }
    }
}

#[test]
fn who_does_not_look_at_answers_is_busy_and_can_still_wait_for_the_disk() {
    let (disk, folder, inbox) = (Disk::default(), tempfile::tempdir().unwrap(), Inbox::new());
    let store = store_on(&disk, folder.path(), &inbox);
    let append = |position| store.append(DOCUMENT, position, envelope(position), None);
    // Answers are joined, one for each document and commit: each of these has its own.
    let mut unseen = 0;
    while append(unseen).is_ok() {
        unseen += 1;
        store.put_now(OTHER, record()).unwrap();
    }
    assert_eq!(unseen, STORE_PLACES as u64);
    assert!(store.put(OTHER, record()).is_err());
    store.put_now(OTHER, record()).unwrap();

    assert_eq!(answer(&inbox), StoreEvent::Written { document: DOCUMENT, head: 1, record: false });
    append(unseen).unwrap();
    assert!(append(unseen + 1).is_err(), "one place was free");
    wait_for(&inbox, DOCUMENT, unseen + 1);
    assert!(inbox.take().is_none());
}
