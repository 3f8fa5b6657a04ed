//! Two editors and a relay, any of them killed at random moments: nothing that was said to be on a disk is lost, and no id ever
//! stands for two things.

use std::collections::BTreeMap;
use std::path::Path;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use quire::editor::link::Link;
use quire::shell::inbox::Inbox;
use quire::shell::loader;
use quire::shell::store::Store;
use quire_crdt::keys::DocumentKeys;
use quire_crdt::sealed::{self, Sealed};
use quire_crdt::{Change, DocumentId, Envelope, Header, Op, ReplicaId, VersionVector, seal};
use quire_server::Log;
use serde_json::{Value as Json, json};
use sim::rng::Rng;

use crate::processes::{Device, Editor, Relay, seed};

const ROUNDS: usize = 200;
/// The longest that is written before somebody dies, in microseconds.
const ROUND_US_MAX: usize = 60_000;

/// Every envelope ever found on a disk, by its author and its first unit.
#[derive(Default)]
struct Seen {
    envelopes: BTreeMap<ReplicaId, BTreeMap<u64, Envelope>>,
}

/// What a relay's log says to whoever has the document's keys; every change is its author's next one.
fn opened(keys: &DocumentKeys, log: Vec<Bytes>) -> Vec<Bytes> {
    let mut authors = BTreeMap::new();
    let mut open = |bytes| {
        let envelope = Envelope::decode(bytes).expect("what is on a disk can be read");
        let before = authors.get(&envelope.header().replica);
        let sealed = Sealed::new(&envelope, keys.write_public(), before).expect("a chain without a gap");
        sealed.verify().expect("its author's signature");
        let plain = sealed::open(&envelope, keys, before).expect("it opens");
        authors.insert(envelope.header().replica, *sealed.author());
        plain.bytes().clone()
    };
    log.into_iter().map(&mut open).collect()
}

impl Seen {
    /// Takes in an envelope; an error when one of its ids was seen with another meaning.
    fn note(&mut self, envelope: Envelope) -> Result<(), String> {
        let Header { replica, first_seq, .. } = *envelope.header();
        let of_replica = self.envelopes.entry(replica).or_default();
        let before = of_replica.range(..envelope.header().end_seq()).next_back().map(|(_, before)| before);
        match before.filter(|before| before.header().end_seq() > first_seq) {
            Some(before) if *before == envelope => Ok(()),
            Some(before) => Err(format!("ids twice: {:?} and {:?}", before.header(), envelope.header())),
            None => {
                of_replica.insert(first_seq, envelope);
                Ok(())
            }
        }
    }

    /// Takes in a whole log; what it holds.
    fn note_log(&mut self, log: Vec<Bytes>) -> VersionVector {
        let mut version = VersionVector::new();
        for bytes in log {
            let envelope = Envelope::decode(bytes).expect("what is on a disk can be read");
            let header = envelope.header().clone();
            assert_eq!(header.first_seq, version.get(header.replica), "a log has no gap and nothing twice");
            assert!(header.deps <= version, "a log is causally closed");
            version.observe(header.replica, header.end_seq());
            self.note(envelope).expect("no id is used twice");
        }
        version
    }
}

/// A device, its editor while it lives, and what that said.
struct Writer {
    device: Device,
    replica: ReplicaId,
    editor: Option<Editor>,
    /// How many units were said to be on this disk, and on the relay's.
    saved: Saved,
}

#[derive(Clone, Copy, Default)]
struct Saved {
    here: u64,
    at_relay: u64,
}

impl Saved {
    fn note(&mut self, answer: &Json) {
        assert!(answer.get("error").is_none(), "{answer}");
        self.here = self.here.max(answer["saved_here"].as_u64().unwrap_or(0));
        self.at_relay = self.at_relay.max(answer["saved_at_relay"].as_u64().unwrap_or(0));
    }
}

/// The devices, the relay, and everything found so far.
struct World {
    document: DocumentId,
    keys: DocumentKeys,
    relay: Relay,
    writers: [Writer; 2],
    seen: Seen,
    rng: Rng,
}

impl World {
    fn new(folder: &Path, seed: u64) -> Self {
        let relay = Relay::start(&folder.join("relay"));
        let (a, b) = (Device::new(folder.join("a")), Device::new(folder.join("b")));
        let id = a.ask(&["new", "--json"])["id"].as_str().expect("an id").to_owned();
        let link = a.run(&["share", &id, "--relay", &relay.url()]);
        a.run(&["sync", "--until-saved"]);
        b.run(&["join", link.trim()]);
        let document: DocumentId = id.parse().expect("an id");
        let writers = [a, b].map(|device| Writer::new(device, document));
        let keys = link.trim().parse::<Link>().expect("a link").keys.document_keys().expect("its keys");
        Self { document, keys, relay, writers, seen: Seen::default(), rng: Rng::new(seed) }
    }

    /// Both write for a moment; then one or two of the three die, are looked at, and start again.
    fn round(&mut self) {
        for writer in &mut self.writers {
            let words = 1 + self.rng.below(5);
            writer.write(words, &mut self.rng);
        }
        let moment = self.rng.below(ROUND_US_MAX) as u64;
        thread::sleep(Duration::from_micros(moment));
        let victim = self.rng.below(8);
        let (relay_dies, writer_dies) = (victim < 3, victim > 1);
        if relay_dies {
            self.relay.kill();
        }
        if writer_dies {
            let at = victim % 2;
            self.writers[at].kill();
            self.look_at_library(at);
            self.writers[at].start(self.document);
        }
        for writer in &mut self.writers {
            writer.listen();
        }
        if relay_dies {
            self.look_at_relay();
            self.relay.start_again();
        }
    }

    fn look_at_relay(&mut self) {
        let log = Log::open_existing(self.relay.data(), 1 << 20, u64::MAX).expect("the relay's store opens");
        let sealed = log.read(self.document, 0, usize::MAX).expect("the relay's store can be read");
        let version = self.seen.note_log(opened(&self.keys, sealed));
        for writer in &self.writers {
            assert!(version.get(writer.replica) >= writer.saved.at_relay, "what the relay had acked is there");
        }
    }

    fn look_at_library(&mut self, at: usize) {
        let writer = &self.writers[at];
        let store = Store::open(writer.device.folder(), Inbox::new().outlet()).expect("the library opens");
        let read = loader::read(&store.reader(), self.document, writer.replica).expect("the library can be read");
        assert!(read.damaged.is_empty());
        let log = read.document.log().iter().map(|envelope| envelope.bytes().clone()).collect();
        let version = self.seen.note_log(log);
        assert!(version.get(writer.replica) >= writer.saved.here, "what was said to be on this disk is there");
    }

    /// Nothing dies any more: all three come to hold the same, and nothing that was ever seen is missing.
    fn heal(&mut self) {
        let texts = [0, 1].map(|at| {
            let editor = self.writers[at].editor.as_mut().expect("the editor lives");
            editor.ask(&json!({ "until_saved": true }));
            let version = editor.ask(&json!({ "version": true }));
            self.writers[at].saved.note(&version);
            let units = version["units"].as_u64().expect("a number");
            assert_eq!(self.writers[at].saved.at_relay, units);
            (self.writers[at].replica, units)
        });
        let all: serde_json::Map<String, Json> =
            texts.iter().map(|(replica, units)| (replica.to_string(), json!(units))).collect();
        let texts = self.writers.each_mut().map(|writer| {
            let mut editor = writer.editor.take().expect("the editor lives");
            editor.ask(&json!({ "until": all }));
            let text = editor.ask(&json!({ "text": true }))["text"].clone();
            editor.quit();
            text
        });
        assert_eq!(texts[0], texts[1]);
        self.relay.kill();
        self.look_at_relay();
        self.look_at_library(0);
        self.look_at_library(1);
        for (replica, units) in self.seen.envelopes.iter().map(|(replica, seen)| (replica, seen.values().next_back())) {
            let units = units.map_or(0, |last| last.header().end_seq());
            assert!(all.get(&replica.to_string()) == Some(&json!(units)), "nothing is missing of {replica}");
        }
    }
}

impl Writer {
    fn new(device: Device, document: DocumentId) -> Self {
        let nobody = ReplicaId::from_bytes([0; 16]);
        let mut writer = Self { device, replica: nobody, editor: None, saved: Saved::default() };
        writer.start(document);
        writer
    }

    /// Starts the editor; it must have everything that was said to be on this disk, and be who it was.
    fn start(&mut self, document: DocumentId) {
        let mut editor = self.device.edit(&document.to_string());
        let answer = editor.ask(&json!({ "version": true }));
        let replica: ReplicaId = answer["replica"].as_str().and_then(|id| id.parse().ok()).expect("an id");
        assert!(self.replica == replica || self.replica.as_bytes() == &[0; 16], "a device keeps its replica");
        assert!(answer["units"].as_u64() >= Some(self.saved.here), "{answer}");
        self.saved.note(&answer);
        self.replica = replica;
        editor.send(&json!({ "deliver": true }));
        self.editor = Some(editor);
    }

    fn write(&mut self, words: usize, rng: &mut Rng) {
        let editor = self.editor.as_mut().expect("the editor lives");
        for _ in 0..words {
            let word = format!("{} ", rng.below(1000));
            editor.send(&json!({ "splice": [0, 0, word] }));
            editor.send(&json!({ "commit": true }));
            if rng.chance(40) {
                editor.send(&json!({ "splice": [0, 1 + rng.below(3), ""] }));
                editor.send(&json!({ "commit": true }));
            }
        }
        editor.send(&json!({ "version": true }));
    }

    fn listen(&mut self) {
        let answers = self.editor.as_mut().map(Editor::answers_so_far).unwrap_or_default();
        for answer in &answers {
            self.saved.note(answer);
        }
    }

    fn kill(&mut self) {
        let answers = self.editor.take().map(Editor::kill).unwrap_or_default();
        for answer in &answers {
            self.saved.note(answer);
        }
    }
}

#[test]
fn two_hundred_kills_lose_nothing_and_use_no_id_twice() {
    let seed = seed();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut world = World::new(folder.path(), seed);
    let mut advances = 0;
    for _ in 0..ROUNDS {
        let before = world.writers.each_ref().map(|writer| writer.saved.at_relay);
        world.round();
        let after = world.writers.each_ref().map(|writer| writer.saved.at_relay);
        advances += usize::from(before != after);
    }
    world.heal();
    let units: u64 = world.writers.iter().map(|writer| writer.saved.here).sum();
    println!("{ROUNDS} rounds, {units} units written, acks moved in {advances} rounds");
    assert!(advances > ROUNDS / 10, "the relay acks between the kills: {advances}");
}

#[test]
fn an_id_that_is_used_twice_would_be_found() {
    let envelope = |first_seq: u64, key: &str| {
        let ops: Vec<Op> = (0..2).map(|_| Op::Set { key: key.to_owned(), value: None }).collect();
        let replica = ReplicaId::from_bytes([1; 16]);
        let header = Header { replica, first_seq, len: 2, deps: VersionVector::new(), heads: false };
        seal(DocumentId::from_bytes([7; 16]), &Change { header, ops })
    };
    let mut seen = Seen::default();
    assert_eq!(seen.note(envelope(0, "a")), Ok(()));
    assert_eq!(seen.note(envelope(0, "a")), Ok(()));
    assert_eq!(seen.note(envelope(2, "a")), Ok(()));
    assert!(seen.note(envelope(0, "b")).is_err());
    assert!(seen.note(envelope(1, "a")).is_err());
    assert!(seen.note(envelope(3, "a")).is_err());
}
