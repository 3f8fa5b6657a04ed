//! The real stores on simulated devices: whatever happens, what was acknowledged is there, and nothing that was not written.

use std::ops::Range;
use std::sync::OnceLock;

use bytes::Bytes;
use quire_crdt::{Document, DocumentId, ReplicaId};
use sim::rng::Rng;
use sim::storage::{Image, Storage};
use sim::stores::{RelayStore, ReplicaStore};

use crate::simulation::asked_for;

/// The seeds of every run of the tests. `QUIRE_SEEDS=FROM..TO` asks for others.
const SEEDS: Range<u64> = 0..150;
const ROUNDS: usize = 8;
const DOCUMENTS: usize = 2;
/// How many changes there are to write to each document.
const CHANGES: usize = 500;
const LETTERS: &[char] = &['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
/// How many appends of a round come to an end before its fault.
const APPENDS_MAX: usize = 12;
const EPOCH: [u8; 16] = [7; 16];

/// What is written to one document: its log, and how many characters there are at each position.
struct Written {
    id: DocumentId,
    author: ReplicaId,
    log: Vec<Bytes>,
    chars: Vec<usize>,
    text: String,
}

/// The logs that every run writes; now and then a change is long enough for the file to grow.
fn written() -> &'static [Written; DOCUMENTS] {
    static WRITTEN: OnceLock<[Written; DOCUMENTS]> = OnceLock::new();
    WRITTEN.get_or_init(|| [1, 2].map(write))
}

fn write(number: u8) -> Written {
    let (id, author) = (DocumentId::from_bytes([number; 16]), ReplicaId::from_bytes([100 + number; 16]));
    let mut document = Document::new(id, author);
    let mut rng = Rng::new(u64::from(number));
    let mut chars = vec![0];
    for change in 0..CHANGES {
        let len = if change % 10 == 9 { 5_000 + rng.below(40_000) } else { 1 + rng.below(400) };
        let text: String = (0..len).map(|_| *rng.pick(LETTERS).unwrap()).collect();
        document.insert(chars[change], &text).unwrap();
        assert_eq!(document.commit(), 1);
        chars.push(chars[change] + len);
    }
    let log = document.log().iter().map(|envelope| envelope.bytes().clone()).collect();
    let text = document.text().slice(0..usize::MAX);
    Written { id, author, log, chars, text }
}

/// What both stores can do.
trait Store: Sized {
    /// Whether it goes on after an append that failed.
    const GOES_ON: bool;
    fn open(storage: &Storage) -> Result<Self, String>;
    fn append(&mut self, document: DocumentId, envelopes: &[(u64, Bytes)]) -> Result<u64, String>;
    /// How much of what is written to the document is there; fails when anything else is.
    fn head(&self, written: &Written) -> usize;
    /// Puts a checkpoint of what is there, if it can have one: whether the disk has taken it.
    fn checkpoint(&mut self, written: &Written) -> Result<(), String>;
}

impl Store for ReplicaStore {
    const GOES_ON: bool = true;

    fn open(storage: &Storage) -> Result<Self, String> {
        Self::open(storage)
    }

    fn append(&mut self, document: DocumentId, envelopes: &[(u64, Bytes)]) -> Result<u64, String> {
        self.append(document, envelopes)
    }

    fn head(&self, written: &Written) -> usize {
        let read = self.load(written.id, written.author).unwrap();
        let head = read.document.log().len();
        let text = &written.text[..written.chars[head]];
        assert!(read.document.text().slice(0..usize::MAX) == text, "the text at {head} is another one");
        let stored = self.stored(written.id).unwrap();
        let from = stored.checkpoint.map_or(0, |(position, _)| usize::try_from(position).unwrap());
        assert!(stored.damaged.is_empty() && read.damaged.is_empty(), "{:?}", read.damaged);
        assert!(stored.log == written.log[from..head], "the log from {from} to {head} is another one");
        head
    }

    fn checkpoint(&mut self, written: &Written) -> Result<(), String> {
        let read = self.load(written.id, written.author)?;
        let position = read.document.log().len() as u64;
        let bytes = read.document.checkpoint().expect("everything is committed");
        self.put_checkpoint(written.id, position, read.checkpointed, bytes.into())
    }
}

impl Store for RelayStore {
    const GOES_ON: bool = false;

    fn open(storage: &Storage) -> Result<Self, String> {
        Self::open(storage, EPOCH)
    }

    fn append(&mut self, document: DocumentId, envelopes: &[(u64, Bytes)]) -> Result<u64, String> {
        (*self).append(document, envelopes)
    }

    fn head(&self, written: &Written) -> usize {
        self.verify().unwrap();
        assert_eq!(self.epoch(), EPOCH);
        let log = self.read(written.id, 0, usize::MAX).unwrap();
        assert_eq!(self.end(written.id).unwrap().head, log.len() as u64);
        assert!(log == written.log[..log.len()], "the log is another one");
        log.len()
    }

    fn checkpoint(&mut self, _: &Written) -> Result<(), String> {
        Ok(())
    }
}

/// How much of each document is acknowledged, and how much was tried.
type Heads = [usize; DOCUMENTS];

struct Run<S> {
    rng: Rng,
    storage: Storage,
    store: Option<S>,
    acknowledged: Heads,
    tried: Heads,
}

impl<S: Store> Run<S> {
    fn new(seed: u64) -> Self {
        let storage = Storage::new();
        let store = S::open(&storage).ok();
        Self { rng: Rng::new(seed), storage, store, acknowledged: [0; DOCUMENTS], tried: [0; DOCUMENTS] }
    }

    fn store(&mut self) -> &mut S {
        self.store.as_mut().expect("it is open")
    }

    /// Appends what comes next of some document: whether the store has acknowledged it.
    fn append(&mut self) -> Result<(), String> {
        let which = self.rng.below(DOCUMENTS);
        let (from, written) = (self.acknowledged[which], &written()[which]);
        let to = (from + 1 + self.rng.below(4)).min(CHANGES);
        let batch: Vec<(u64, Bytes)> = (from..to).map(|at| (at as u64, written.log[at].clone())).collect();
        if batch.is_empty() {
            return Ok(());
        }
        self.tried[which] = self.tried[which].max(to);
        let head = usize::try_from(self.store().append(written.id, &batch)?).unwrap();
        assert!(head >= to && head <= self.tried[which], "{head} after {from}..{to}");
        self.acknowledged[which] = head;
        if self.rng.chance(10) { self.store().checkpoint(written) } else { Ok(()) }
    }

    /// So many appends, or until one fails.
    fn append_until_error(&mut self, appends_max: usize) -> Option<String> {
        (0..appends_max).find_map(|_| self.append().err())
    }

    /// Opens the store again, though the power may go meanwhile.
    fn reopen(&mut self) {
        self.store = None;
        while self.rng.chance(25) {
            self.storage.cut_after(self.rng.below(12) as u64);
            drop(S::open(&self.storage));
            self.storage.crash(&mut self.rng);
        }
        self.store = Some(S::open(&self.storage).expect("it can be opened"));
        self.check();
    }

    /// Everything acknowledged is there and nothing else than what was tried, in order.
    fn check(&mut self) {
        for (which, written) in written().iter().enumerate() {
            let head = self.store().head(written);
            let (least, most) = (self.acknowledged[which], self.tried[which]);
            assert!((least..=most).contains(&head), "{head} of {least}, at most {most}");
            (self.acknowledged[which], self.tried[which]) = (head, head);
        }
    }

    fn crash(&mut self) {
        self.storage.cut_after(self.rng.below(30) as u64);
        self.append_until_error(APPENDS_MAX);
        // The process dies with the machine; what it still tries reaches nothing.
        self.storage.crash(&mut self.rng);
        self.reopen();
    }

    fn kill(&mut self) {
        self.append_until_error(self.rng.clone().below(APPENDS_MAX));
        self.storage.kill();
        self.reopen();
    }

    /// After an append that failed: the store goes on, or is opened again.
    fn go_on(&mut self) {
        if S::GOES_ON && self.rng.chance(70) {
            assert_eq!(self.append_until_error(3), None, "it goes on");
            self.check();
        } else {
            self.reopen();
        }
    }

    fn fail_sync(&mut self) {
        self.storage.fail_sync(self.rng.below(4) as u64, &mut self.rng);
        assert!(self.append_until_error(APPENDS_MAX).is_some(), "nobody says that a sync failed");
        self.go_on();
    }

    fn fill(&mut self) {
        self.storage.fill();
        if self.append_until_error(4 * APPENDS_MAX).is_some() {
            assert!(S::GOES_ON || self.append().is_err(), "it goes on though it does not know what is there");
        }
        self.storage.free();
        self.go_on();
    }

    fn restore(&mut self) {
        let (image, then): (Image, Heads) = (self.storage.image(), self.acknowledged);
        self.append_until_error(APPENDS_MAX);
        let mut copy = Self::new(self.rng.next_u64());
        copy.storage.restore(&image);
        (copy.acknowledged, copy.tried) = (then, then);
        copy.reopen();
        if self.rng.chance(50) {
            self.storage.restore(&image);
            (self.acknowledged, self.tried) = (then, then);
            self.reopen();
        }
    }

    fn play(mut self) -> (Image, Heads) {
        for _ in 0..ROUNDS {
            match self.rng.below(6) {
                0 | 1 => self.crash(),
                2 => self.kill(),
                3 => self.fail_sync(),
                4 => self.fill(),
                _ => self.restore(),
            }
        }
        self.reopen();
        (self.storage.image(), self.acknowledged)
    }
}

fn check<S: Store>() {
    let (mut runs, mut acknowledged) = (0, 0);
    for seed in asked_for().unwrap_or(SEEDS) {
        let heads = std::panic::catch_unwind(|| Run::<S>::new(seed).play().1);
        acknowledged += heads.unwrap_or_else(|_| panic!("seed {seed}")).iter().sum::<usize>();
        runs += 1;
    }
    println!("{runs} runs, {acknowledged} changes at their ends");
    assert!(acknowledged > 20 * runs, "{acknowledged} changes: nothing is written");
}

#[test]
fn the_library_keeps_what_it_acknowledged() {
    check::<ReplicaStore>();
}

#[test]
fn the_relays_log_keeps_what_it_acknowledged() {
    check::<RelayStore>();
}

#[test]
fn one_seed_is_one_run() {
    for seed in 0..8 {
        assert!(Run::<ReplicaStore>::new(seed).play() == Run::<ReplicaStore>::new(seed).play(), "seed {seed}");
        assert!(Run::<RelayStore>::new(seed).play() == Run::<RelayStore>::new(seed).play(), "seed {seed}");
    }
}

#[test]
fn no_store_takes_the_place_of_what_cannot_be_read() {
    let foreign = Storage::new();
    drop(ReplicaStore::open(&foreign).unwrap());
    assert!(RelayStore::open(&foreign, EPOCH).is_err(), "an editor's library is no relay's log");
    assert!(ReplicaStore::open(&foreign).is_ok(), "and it is left as it is");
    let relay = Storage::new();
    drop(RelayStore::open(&relay, EPOCH).unwrap());
    assert!(ReplicaStore::open(&relay).is_err(), "nor the other way round");
    assert_eq!(RelayStore::open(&relay, [9; 16]).unwrap().epoch(), EPOCH, "the epoch is the store's");
}
