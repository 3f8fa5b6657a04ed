//! Random histories: a few replicas that type, delete, undo, write keys and merge, by one seed.

use quire_crdt::{Delivery, Document, DocumentId, Envelope, Received, ReplicaId, Text, Value};
use sim::rng::Rng;

pub(crate) const DOCUMENT: DocumentId = DocumentId::from_bytes([7; 16]);

const KEYS: &[&str] = &["title", "language", "tags"];
const WORDS: &[&str] = &["a", "b", "xy", "né", "\n", "日本", "quire", "👩‍👧", "\r\n", "e\u{301}"];

/// How a replica types: each keeps its way for a while, so that runs appear.
#[derive(Clone, Copy, Debug)]
enum Typing {
    /// Each piece behind the one before.
    Forwards,
    /// Each piece before the one before.
    Backwards,
    /// Everybody at one place.
    HotSpot,
    /// Anywhere.
    Anywhere,
}

/// How a history is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) replicas: usize,
    pub(crate) steps: usize,
}

impl Plan {
    /// The plan of a seed: two to seven replicas, and this many steps at most.
    pub(crate) fn of(seed: u64, steps_max: usize) -> Self {
        let mut rng = Rng::new(seed);
        Self { seed, replicas: 2 + rng.below(6), steps: 1 + rng.below(steps_max) }
    }
}

/// Replicas in the middle of a history; copies of it go on in the same way.
#[derive(Clone)]
pub(crate) struct History {
    pub(crate) documents: Vec<Document>,
    writers: Vec<(Typing, usize)>,
    rng: Rng,
    /// Whether anybody knows what time it is.
    timed: bool,
}

impl History {
    /// Plays a plan to its end; the replicas stay as they are then, each with what it happened to receive.
    pub(crate) fn play(plan: Plan) -> Self {
        Self::new(plan).played(plan)
    }

    /// The same, where nobody knows what time it is.
    pub(crate) fn play_untimed(plan: Plan) -> Self {
        Self { timed: false, ..Self::new(plan) }.played(plan)
    }

    fn played(mut self, plan: Plan) -> Self {
        for _ in 0..plan.steps {
            self.step();
        }
        self
    }

    /// The start of a plan.
    pub(crate) fn new(plan: Plan) -> Self {
        let mut rng = Rng::new(plan.seed ^ 0x9e37_79b9);
        let mut ids: Vec<u8> = (1..=9.max(u8::try_from(plan.replicas).unwrap_or(u8::MAX))).collect();
        rng.shuffle(&mut ids);
        let document = |id: &u8| Document::new(DOCUMENT, ReplicaId::from_bytes([*id; 16]));
        let documents: Vec<Document> = ids.iter().take(plan.replicas).map(document).collect();
        let writers = vec![(Typing::Anywhere, 0); plan.replicas];
        Self { documents, writers, rng, timed: true }
    }

    /// One replica does one thing.
    pub(crate) fn step(&mut self) {
        let at = self.rng.below(self.documents.len());
        match self.rng.below(100) {
            0..48 => self.type_at(at),
            48..63 => self.delete_at(at),
            63..68 => {
                self.documents[at].undo();
            }
            68..71 => {
                self.documents[at].redo();
            }
            71..77 => self.set_at(at),
            77..83 => {
                self.documents[at].commit();
                if self.timed && at.is_multiple_of(2) {
                    // Some know what time it is, and some of those are wrong.
                    let minutes = i64::try_from(self.documents[at].log().len() / 4).expect("a short history");
                    self.documents[at].set_time(1_790_000_000 * i64::from(at == 0) + 60 * minutes);
                }
            }
            83..86 => self.documents[at].end_undo_group(),
            _ => {
                let from = self.rng.below(self.documents.len());
                let part = 1 + self.rng.below(12);
                self.deliver(from, at, part);
            }
        }
    }

    /// Everybody receives everything.
    pub(crate) fn merge_all(&mut self) {
        for from in 0..self.documents.len() {
            for to in 0..self.documents.len() {
                self.deliver(from, to, usize::MAX);
            }
        }
        for to in 1..self.documents.len() {
            self.deliver(0, to, usize::MAX);
        }
        for to in 0..self.documents.len() {
            self.deliver(self.documents.len() - 1, to, usize::MAX);
        }
    }

    /// Every change of every replica, in a causal order.
    pub(crate) fn envelopes(&mut self) -> Vec<Envelope> {
        self.merge_all();
        self.documents[0].log().iter().collect()
    }

    /// Hands at most `count` changes that one replica has and another lacks to that one.
    fn deliver(&mut self, from: usize, to: usize, count: usize) {
        if from == to {
            return;
        }
        self.documents[from].commit();
        let news = missing(&self.documents[from], &self.documents[to]);
        for envelope in news.into_iter().take(count) {
            receive_checked(&mut self.documents[to], envelope);
        }
    }

    fn type_at(&mut self, at: usize) {
        let len = self.documents[at].text().len_chars();
        let (mut typing, mut caret) = self.writers[at];
        if self.rng.chance(30) {
            let ways = [Typing::Forwards, Typing::Backwards, Typing::HotSpot, Typing::Anywhere];
            typing = ways[self.rng.below(ways.len())];
            caret = self.rng.below(len + 1);
        }
        caret = match typing {
            Typing::Forwards | Typing::Backwards => caret.min(len),
            Typing::HotSpot => len / 2,
            Typing::Anywhere => self.rng.below(len + 1),
        };
        let word = WORDS[self.rng.below(WORDS.len())];
        insert_checked(&mut self.documents[at], caret, word);
        let behind = if matches!(typing, Typing::Forwards) { word.chars().count() } else { 0 };
        self.writers[at] = (typing, caret + behind);
    }

    fn delete_at(&mut self, at: usize) {
        let len = self.documents[at].text().len_chars();
        let start = self.rng.below(len + 1);
        let end = (start + self.rng.below(5)).min(len);
        delete_checked(&mut self.documents[at], start, end);
    }

    fn set_at(&mut self, at: usize) {
        let key = KEYS[self.rng.below(KEYS.len())];
        let number = i64::try_from(self.rng.below(1000)).unwrap_or(0);
        let value = match self.rng.below(5) {
            0 => None,
            1 => Some(Value::Text(format!("{number}"))),
            2 => Some(Value::Flag(number % 2 == 0)),
            3 => Some(Value::Bytes(number.to_be_bytes().to_vec())),
            _ => Some(Value::Integer(-number)),
        };
        assert_eq!(self.documents[at].set(key, value.clone()), Ok(()));
        assert_eq!(self.documents[at].map().get(key), value.as_ref());
    }
}

/// The visible text.
pub(crate) fn visible(text: &Text) -> String {
    text.slice(0..text.len_chars())
}

/// The changes that one replica has and another lacks, in a causal order.
pub(crate) fn missing(from: &Document, to: &Document) -> Vec<Envelope> {
    let is_new = |envelope: &Envelope| envelope.header().end_seq() > to.version().get(envelope.header().replica);
    from.log().iter().filter(is_new).collect()
}

/// Delivers an envelope, and holds the patches against what they say changed.
pub(crate) fn receive_checked(document: &mut Document, envelope: Envelope) {
    let before = visible(document.text());
    let mut received = Received::default();
    assert_eq!(document.receive(envelope, &mut received), Ok(Delivery::Delivered));
    assert_eq!(received.refused, []);
    let splices = received.patches.iter().map(|patch| patch.splice);
    assert_patched(&before, splices, document.text());
}

/// Fails unless these splices, one after the other, lead from a text to the other. They do not say what was inserted.
pub(crate) fn assert_patched(before: &str, splices: impl Iterator<Item = quire_crdt::Splice>, after: &Text) {
    let mut chars: Vec<Option<char>> = before.chars().map(Some).collect();
    for splice in splices {
        assert!(splice.deleted > 0 || splice.inserted > 0, "no patch is empty");
        chars.splice(splice.at..splice.at + splice.deleted, vec![None; splice.inserted]);
    }
    let after: Vec<char> = visible(after).chars().collect();
    assert_eq!(chars.len(), after.len(), "the patches lead from {before:?} to {after:?}");
    for (patched, char) in chars.iter().zip(&after) {
        assert!(patched.is_none_or(|patched| patched == *char), "the patches lead from {before:?} to {after:?}");
    }
}

fn insert_checked(document: &mut Document, at: usize, text: &str) {
    let mut expected: Vec<char> = visible(document.text()).chars().collect();
    expected.splice(at..at, text.chars());
    assert_eq!(document.insert(at, text), Ok(()));
    assert_eq!(visible(document.text()), String::from_iter(expected));
}

fn delete_checked(document: &mut Document, start: usize, end: usize) {
    let mut expected: Vec<char> = visible(document.text()).chars().collect();
    expected.drain(start..end);
    assert_eq!(document.delete(start..end), Ok(()));
    assert_eq!(visible(document.text()), String::from_iter(expected));
}
