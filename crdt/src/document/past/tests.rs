//! Pasts are what the definition says, wherever and in whatever order changes are delivered; and they are small.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::causal::Delivery;
use crate::change::{Change, Op, Value};
use crate::document::Received;
use crate::envelope::{Envelope, seal};
use crate::id::DocumentId;

const DOCUMENT: DocumentId = DocumentId::from_bytes([9; 16]);

fn id(at: usize) -> ReplicaId {
    ReplicaId::from_bytes((((at as u128) << 64) | 7).to_be_bytes())
}

fn document(at: usize) -> Document {
    Document::new(DOCUMENT, id(at))
}

/// A change by somebody: how many units, what it names of what was there, and as what.
#[derive(Clone, Debug)]
struct Made {
    author: usize,
    len: u64,
    /// Others, and how far from their newest unit.
    named: Vec<(usize, u64)>,
    heads: bool,
}

fn made(authors: usize) -> impl Strategy<Value = Made> {
    let named = proptest::collection::vec((0..authors, 0..6_u64), 0..5);
    (0..authors, 1..4_u64, named, any::<bool>()).prop_map(|(author, len, named, heads)| Made {
        author,
        len,
        named,
        heads,
    })
}

/// The same, as envelopes, and what the author of each had seen, from the definition, with what it made itself. Whoever named something without its
/// past did not keep to the rules.
fn play(all: &[Made]) -> (Vec<Envelope>, Vec<VersionVector>) {
    let (mut version, mut changes) = (VersionVector::new(), Vec::<Change>::new());
    let mut pasts: Vec<VersionVector> = Vec::new();
    for Made { author, len, named, heads } in all {
        let replica = id(*author);
        let others = named.iter().filter(|(other, _)| other != author);
        let deps: VersionVector =
            others.map(|(other, behind)| (id(*other), version.get(id(*other)).saturating_sub(*behind))).collect();
        let newest = changes.iter().rposition(|change| change.header.replica == replica);
        let mut past = newest.map_or_else(VersionVector::new, |at| pasts[at].clone());
        past.join(&deps);
        for (other, count) in deps.iter().filter(|_| *heads) {
            let is_in = |change: &Change| change.header.replica == other && change.header.first_seq < count;
            let named = changes.iter().rposition(is_in).expect("a change that was made");
            let own = past.get(other);
            past.join(&pasts[named]);
            // Of the change itself, only so much.
            past = past.iter().filter(|(replica, _)| *replica != other).collect();
            past.observe(other, own.max(count));
        }
        let first_seq = version.get(replica);
        version.observe(replica, first_seq + len);
        past.observe(replica, first_seq + len);
        pasts.push(past);
        let heads = *heads && !deps.is_empty();
        let text = "x".repeat(usize::try_from(*len).unwrap());
        let ops = vec![Op::Insert { left: None, right: None, text }];
        changes.push(Change { header: Header { replica, first_seq, len: *len, deps, heads }, ops });
    }
    (changes.iter().map(|change| seal(DOCUMENT, change)).collect(), pasts)
}

/// Fails unless the document knows the pasts of all changes.
fn assert_pasts(document: &Document, envelopes: &[Envelope], pasts: &[VersionVector]) {
    assert_eq!(document.log().len(), envelopes.len());
    for position in 0..envelopes.len() {
        let first = document.log().header(position).unwrap().first_id();
        let made = envelopes.iter().position(|envelope| envelope.header().first_id() == first).unwrap();
        assert_eq!(document.log().version_of(position).as_ref(), Some(&pasts[made]), "{:?}", envelopes[made].header());
    }
    for (replica, _) in document.version().iter() {
        let newest = envelopes.iter().rposition(|envelope| envelope.header().replica == replica).unwrap();
        let past = &document.authors.pasts(replica).newest;
        for (other, count) in document.version().iter().filter(|(other, _)| *other != replica) {
            let seen = (0..count).filter(|seq| past.contains(OpId::new(other, *seq), document.text.units()));
            assert_eq!(seen.count() as u64, pasts[newest].get(other), "{replica} {count} of {other}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn pasts_are_as_defined_in_every_order_of_delivery(
        all in prop_oneof![proptest::collection::vec(made(5), 1..40), proptest::collection::vec(made(60), 100..160)],
        order in any::<prop::sample::Index>(),
    ) {
        let (envelopes, pasts) = play(&all);
        let mut in_order = document(1000);
        for envelope in &envelopes {
            prop_assert_eq!(in_order.receive(envelope.clone(), &mut Received::default()), Ok(Delivery::Delivered));
        }
        assert_pasts(&in_order, &envelopes, &pasts);
        // From the middle on, and then what was missing; the newest first.
        let mut otherwise = document(1001);
        let turn = order.index(envelopes.len());
        for envelope in envelopes[turn..].iter().rev().chain(envelopes[..turn].iter().rev()) {
            otherwise.receive(envelope.clone(), &mut Received::default()).unwrap();
        }
        assert_pasts(&otherwise, &envelopes, &pasts);
        let lamport = |document: &Document| -> Vec<_> {
            pasts.iter().flat_map(VersionVector::iter).map(|(replica, count)| document.lamport(OpId::new(replica, count - 1))).collect()
        };
        prop_assert_eq!(lamport(&in_order), lamport(&otherwise));
        let checkpoint = crate::Checkpoint::decode(in_order.checkpoint().unwrap().into()).unwrap();
        let read = checkpoint.document(id(1000)).unwrap();
        assert_pasts(&read, &envelopes, &pasts);
        prop_assert_eq!(&read.moved, &in_order.moved);
    }
}

/// Numbers that look random, by a seed: Marsaglia, *Xorshift RNGs*, 2003.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % bound
    }
}

/// Many who write, read what others wrote, and write again; and what each had seen at each of its changes.
fn honest(replicas: usize, steps: usize, seed: u64) -> (Vec<Document>, BTreeMap<OpId, VersionVector>) {
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut documents: Vec<Document> = (0..replicas).map(document).collect();
    let mut had_seen = BTreeMap::new();
    for _ in 0..steps {
        let at = dice.below(replicas);
        if dice.below(3) == 0 {
            let from = dice.below(replicas);
            let envelopes: Vec<Envelope> = documents[from].log().iter().collect();
            for envelope in envelopes {
                documents[at].receive(envelope, &mut Received::default()).unwrap();
            }
            continue;
        }
        let writer = &mut documents[at];
        let len = writer.text().len_chars();
        match dice.below(4) {
            0 => writer.set(["a", "b"][dice.below(2)], Some(Value::Integer(i64::try_from(at).unwrap()))).unwrap(),
            1 if len > 0 => {
                let start = dice.below(len);
                writer.delete(start..(start + 2).min(len)).unwrap();
            }
            _ => writer.insert(dice.below(len + 1), "ab").unwrap(),
        }
        let first = OpId::new(writer.replica(), writer.committed());
        had_seen.insert(first, writer.version().clone());
        writer.commit();
    }
    for from in 1..replicas {
        let envelopes: Vec<Envelope> = documents[from].log().iter().collect();
        for envelope in envelopes {
            documents[0].receive(envelope, &mut Received::default()).unwrap();
        }
    }
    (documents, had_seen)
}

fn state(document: &Document) -> (String, &crate::map::LwwMap, &VersionVector) {
    (document.text().slice(0..usize::MAX), document.map(), document.version())
}

/// The same changes with other deps: exact ones as heads, heads as exact ones, or in turns.
fn told_otherwise(document: &Document, replica: usize, heads: impl Fn(usize) -> bool) -> Document {
    let mut other = Document::new(DOCUMENT, id(replica));
    for (position, envelope) in document.log().iter().enumerate() {
        let header = envelope.header();
        let past = document.log().version_of(position).unwrap();
        let known = &other.authors.pasts(header.replica).newest;
        let moved = |(replica, count): &(ReplicaId, u64)| {
            *replica != header.replica && !known.contains(OpId::new(*replica, count - 1), other.text.units())
        };
        let moved: VersionVector = past.iter().filter(moved).collect();
        let heads = heads(position) && !moved.is_empty();
        let closure = Closure::new(&other.authors, &other.record, other.text.units(), known.below);
        let deps = if heads { closure.heads(&moved) } else { moved };
        let told = Header { deps, heads, ..header.clone() };
        let told = Envelope::put_together(DOCUMENT, told, envelope.payload()).unwrap();
        assert_eq!(other.receive(told, &mut Received::default()), Ok(Delivery::Delivered));
    }
    other
}

#[test]
fn exact_deps_and_heads_tell_the_same() {
    let mut shorter = 0;
    for (seed, replicas) in [(1, 3), (2, 8), (3, 40), (4, 60), (5, 60)] {
        let (documents, seen) = honest(replicas, 12 * replicas, seed);
        let merged = &documents[0];
        let exact = told_otherwise(merged, 0, |_| false);
        let others = [told_otherwise(merged, 1, |_| true), told_otherwise(merged, 2, |position| position % 3 > 0)];
        for document in others.iter().chain([merged]) {
            assert_eq!(state(document), state(&exact));
            for position in 0..exact.log().len() {
                let (header, version) = (exact.log().header(position).unwrap(), exact.log().version_of(position));
                let mut expected = seen[&header.first_id()].clone();
                expected.observe(header.replica, header.end_seq());
                assert_eq!(version, Some(expected), "seed {seed}");
                assert_eq!(document.log().version_of(position), version, "seed {seed}");
                assert_eq!(document.lamport(header.first_id()), exact.lamport(header.first_id()), "seed {seed}");
                let told = document.log().header(position).unwrap();
                assert!(told.deps.len() <= header.deps.len());
                shorter += header.deps.len() - told.deps.len();
                if told.heads {
                    assert_minimal(document, position);
                }
            }
        }
        let made: Vec<Header> = (0..merged.log().len()).filter_map(|at| merged.log().header(at)).collect();
        assert_eq!(made.iter().any(|header| header.heads), replicas > DEPS_EXACT_MAX + 1, "seed {seed}");
    }
    assert!(shorter > 3_000, "{shorter} entries less");
}

/// Fails if a head is in the past of another one.
fn assert_minimal(document: &Document, position: usize) {
    let heads = document.log().header(position).unwrap().deps;
    for (replica, count) in heads.iter() {
        let is_in = |at: &usize| {
            let header = document.log().header(*at).unwrap();
            header.replica == replica && header.first_seq < count
        };
        let past = document.log().version_of((0..position).rev().find(is_in).unwrap()).unwrap();
        let mut others = heads.iter().filter(|(other, _)| *other != replica);
        assert!(others.all(|(other, count)| past.get(other) < count), "{replica} says {heads:?}");
    }
}

/// What is kept for the pasts of all: entries and epochs.
fn kept(document: &Document) -> usize {
    let pasts = document.version().iter().map(|(replica, _)| document.authors.pasts(replica));
    let entries: usize = pasts.map(|pasts| pasts.newest.beyond.len() + pasts.epochs.len()).sum();
    entries + document.record.named().iter().map(|named| named.deps.len()).sum::<usize>()
}

/// Everybody joins with what all before wrote, and writes one change: what is kept grows with them, and not with its square.
#[test]
fn what_is_kept_of_replicas_that_join_is_in_proportion() {
    let mut base = document(0);
    base.insert(0, "first").unwrap();
    base.commit();
    for joined in [1_000, 2_000, 10_000] {
        for at in base.version().len()..joined {
            let newest = base.log().header(base.log().len() - 1).unwrap();
            let deps: VersionVector = [(newest.replica, newest.end_seq())].into_iter().collect();
            if at % 500 == 0 {
                let known = Closure::new(&base.authors, &base.record, base.text.units(), Unit(0));
                assert_eq!(known.heads(base.version()), deps, "the newest has seen all others");
            }
            let header = Header { replica: id(at), first_seq: 0, len: 1, deps, heads: true };
            let ops = vec![Op::Insert { left: Some(OpId::new(id(0), 4)), right: None, text: String::from("x") }];
            base.receive(seal(DOCUMENT, &Change { header, ops }), &mut Received::default()).unwrap();
        }
        assert!(kept(&base) <= 2 * joined, "{} for {joined} replicas", kept(&base));
        let checkpoint = base.checkpoint().unwrap();
        assert!(checkpoint.len() <= 30 * joined, "{} bytes for {joined} replicas", checkpoint.len());
        let read = crate::Checkpoint::decode(checkpoint.into()).unwrap().document(id(joined)).unwrap();
        assert!(kept(&read) <= 2 * joined, "{} for {joined} replicas", kept(&read));
    }
}

/// The document that somebody who has all of this one writes in, once he has.
fn written_by(document: &Document, at: usize) -> Document {
    let mut next = document.clone();
    next.replica = id(at);
    next.made = next.version.get(id(at));
    next.moved = next.moved_of(&next.version);
    next.insert(0, "x").unwrap();
    next.commit();
    next
}

/// The same, where each goes on writing: everybody has seen all before.
#[test]
fn what_is_kept_of_replicas_that_go_on_is_in_proportion() {
    for replicas in [50, 100, 200] {
        let (mut document, rounds) = (document(0), 6);
        for _ in 0..rounds {
            document = (0..replicas).fold(document, |document, at| written_by(&document, at));
        }
        let mut reader = Document::new(DOCUMENT, id(replicas));
        for envelope in document.log() {
            reader.receive(envelope, &mut Received::default()).unwrap();
        }
        let most = 4 * rounds * replicas;
        assert!(kept(&reader) <= most, "{} for {replicas} replicas, of {most}", kept(&reader));
    }
}

/// Eight who are always there name each newcomer exactly, and what they know of all of them stays small.
#[test]
fn exact_deps_do_not_add_up() {
    let mut document = document(0);
    for newcomer in 8..200 {
        document = (0..8).chain([newcomer]).fold(document, |document, at| written_by(&document, at));
    }
    let mut reader = Document::new(DOCUMENT, id(1_000));
    for envelope in document.log() {
        assert!(!envelope.header().heads || envelope.header().first_seq == 0, "only newcomers have much to name");
        reader.receive(envelope, &mut Received::default()).unwrap();
    }
    let entries = |at| reader.authors.pasts(id(at)).newest.beyond.len();
    assert!((0..8).all(|at| entries(at) <= BEYOND_MIN), "{:?}", (0..8).map(entries).collect::<Vec<_>>());
}

/// Whoever reads a checkpoint of somebody else's bounds the effort by it.
#[test]
fn what_is_looked_at_for_a_past_is_counted() {
    let mut reader = document(0);
    for at in 1..=50 {
        let header = Header { replica: id(at), first_seq: 0, len: 1, deps: VersionVector::new(), heads: false };
        let ops = vec![Op::Insert { left: None, right: None, text: String::from("x") }];
        reader.receive(seal(DOCUMENT, &Change { header, ops }), &mut Received::default()).unwrap();
    }
    let (units, end) = (reader.text.units(), reader.text.units().end());
    let header = |authors: core::ops::RangeInclusive<usize>, heads| {
        let deps = authors.map(|at| (id(at), 1)).collect();
        Header { replica: id(99), first_seq: 0, len: 1, deps, heads }
    };
    let check = |named: &[core::ops::RangeInclusive<usize>], expected: &[(usize, usize)]| {
        let mut pasts = Pasts::new();
        let go_on = |(place, authors): (usize, &core::ops::RangeInclusive<usize>)| {
            let steps = pasts.go_on(&header(authors.clone(), false), None, place, units, end);
            (steps, pasts.newest.beyond.len())
        };
        assert_eq!(named.iter().enumerate().map(go_on).collect::<Vec<_>>(), expected);
    };
    // So many entries are kept as they are; with more, each is looked at, and each run in front of the place that is found.
    check(&[1..=BEYOND_MIN], &[(BEYOND_MIN, BEYOND_MIN)]);
    check(&[1..=40], &[(40 + 40 + 41, 0)]);
    // Where the first is not among them there is no such place; it is looked for again when they are twice as many.
    check(&[2..=41, 42..=45], &[(40 + 40 + 1, 40), (4, 44)]);
    // Two heads, a unit of each, the entries of both, and three runs.
    let (past, steps) = of_heads(&header(1..=2, true), &reader.authors, &reader.record, units, end);
    assert_eq!((past.below, past.beyond.len(), steps), (Unit(2), 0, 2 + 2 + 2 + 3));
}
