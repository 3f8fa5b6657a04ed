//! Strong eventual consistency: the same changes give the same document, whatever came when and how often.

use quire_crdt::{
    Change, Delivery, Document, Envelope, Header, LwwMap, Op, OpId, Received, ReplicaId, VersionVector, open, seal,
};
use sim::rng::Rng;

use crate::history::{DOCUMENT, History, Plan, assert_patched, missing, visible};
use crate::oracle_agrees::order;
use crate::payloads::{changes, written};

fn reader(id: u8) -> Document {
    Document::new(DOCUMENT, ReplicaId::from_bytes([id; 16]))
}

/// Fails unless two replicas hold the same.
pub(crate) fn assert_same(a: &Document, b: &Document) {
    assert_eq!(a.version(), b.version());
    assert_eq!(visible(a.text()), visible(b.text()));
    assert_eq!(order(a), order(b));
    assert_eq!(a.map(), b.map());
    assert!(a.map().conflicts().eq(b.map().conflicts()));
}

/// A random order with a third of the envelopes twice.
fn shuffled_with_duplicates(envelopes: &[Envelope], rng: &mut Rng) -> Vec<Envelope> {
    let mut order = envelopes.to_vec();
    order.extend(envelopes.iter().filter(|_| rng.chance(33)).cloned());
    rng.shuffle(&mut order);
    order
}

#[test]
fn any_order_and_duplication_converges() {
    for seed in 0..600 {
        let mut rng = Rng::new(seed);
        let mut history = History::play(Plan::of(seed + 30_000, 60));
        let envelopes = history.envelopes();
        let mut received = Received::default();
        for id in 101..104 {
            let mut document = reader(id);
            for envelope in shuffled_with_duplicates(&envelopes, &mut rng) {
                let before = document.version().clone();
                let delivery = document.receive(envelope, &mut received).expect("a sound change is taken");
                assert_eq!(delivery == Delivery::Delivered, *document.version() != before);
            }
            assert_eq!((document.held_back(), &received.refused), (0, &Vec::new()), "seed {seed}");
            assert_eq!(document.log().len(), envelopes.len(), "each is in the log once");
            assert_same(&document, &history.documents[0]);
        }
    }
}

/// The log of a replica is causally closed at every prefix: replayed from its start, nothing is ever held back.
#[test]
fn every_prefix_of_a_log_is_causally_closed() {
    for seed in 0..200 {
        let history = History::play(Plan::of(seed + 40_000, 80));
        for document in &history.documents {
            let mut replayed = reader(101);
            for envelope in document.log() {
                let delivery = replayed.receive(envelope, &mut Received::default());
                assert_eq!(delivery, Ok(Delivery::Delivered), "seed {seed}");
            }
        }
    }
}

/// Edits made between two deliveries: the patches of a whole burst lead from the text before to the text after.
#[test]
fn patches_of_held_back_bursts_lead_to_the_text() {
    for seed in 0..400 {
        let mut rng = Rng::new(seed);
        let mut history = History::play(Plan::of(seed + 50_000, 60));
        let mut envelopes = history.envelopes();
        rng.shuffle(&mut envelopes);
        let mut document = reader(101);
        for envelope in envelopes {
            let before = visible(document.text());
            let mut received = Received::default();
            assert!(document.receive(envelope, &mut received).is_ok());
            assert_patched(&before, received.patches.iter().map(|patch| patch.splice), document.text());
        }
    }
}

/// Merging two whole states of the map gives what delivering the changes gives, in both directions and again.
#[test]
fn merging_maps_is_delivering_changes() {
    for seed in 0..600 {
        let mut history = History::play(Plan::of(seed + 60_000, 90));
        for document in &mut history.documents {
            document.commit();
        }
        let (a, b) = (&history.documents[0], &history.documents[1]);
        let mut both = a.clone();
        for envelope in missing(b, a) {
            assert_eq!(both.receive(envelope, &mut Received::default()), Ok(Delivery::Delivered));
        }
        let merged = |ours: &Document, theirs: &Document| -> LwwMap {
            let mut map = ours.map().clone();
            map.merge(ours.version(), theirs.map(), theirs.version());
            map
        };
        assert_eq!(&merged(a, b), both.map(), "seed {seed}");
        assert_eq!(&merged(b, a), both.map(), "seed {seed}");
        assert_eq!(&merged(&both, a), both.map(), "seed {seed}: merging again changes nothing");
    }
}

/// The timestamp of a unit is one more than the largest among all that its author had seen.
#[test]
fn a_lamport_timestamp_is_one_more_than_the_largest_in_its_past() {
    let (mut a, mut b) = (reader(1), reader(2));
    assert_eq!(a.insert(0, "abc"), Ok(()));
    assert_eq!(b.set("title", None), Ok(()));
    let stamp = |document: &Document, id: u8, seq| {
        document.lamport(OpId::new(ReplicaId::from_bytes([id; 16]), seq)).map(|lamport| lamport.0)
    };
    assert_eq!((stamp(&a, 1, 0), stamp(&a, 1, 2), stamp(&a, 1, 3)), (Some(1), Some(3), None), "before the commit too");
    a.commit();
    b.commit();
    for envelope in missing(&a, &b) {
        assert_eq!(b.receive(envelope, &mut Received::default()), Ok(Delivery::Delivered));
    }
    assert_eq!(b.insert(3, "d"), Ok(()));
    assert_eq!((stamp(&b, 2, 0), stamp(&b, 2, 1)), (Some(1), Some(4)));
}

/// Changes whose authors name any known characters as neighbours, as no honest replica would: replicas still agree.
#[test]
fn dishonest_origins_converge() {
    for seed in 0..3_000 {
        let changes = dishonest_changes(&mut Rng::new(seed));
        let mut rng = Rng::new(seed);
        let mut first: Option<Document> = None;
        for id in 101..105 {
            let mut document = reader(id);
            let mut order = changes.clone();
            rng.shuffle(&mut order);
            for change in &order {
                let taken = document.receive(seal(DOCUMENT, change), &mut Received::default());
                assert!(taken.is_ok(), "seed {seed}: {taken:?} of {change:?}");
            }
            document.text().assert_invariants();
            let first = first.get_or_insert_with(|| document.clone());
            assert_same(first, &document);
            assert_eq!(written(first), written(&document), "seed {seed}");
            let mut again = reader(id);
            for envelope in document.log() {
                assert_eq!(again.receive(envelope, &mut Received::default()), Ok(Delivery::Delivered), "seed {seed}");
            }
            assert_same(first, &again);
            assert_eq!(written(first), written(&again), "seed {seed}");
        }
    }
}

fn dishonest_changes(rng: &mut Rng) -> Vec<Change> {
    let mut changes: Vec<Change> = Vec::new();
    let mut inserted: Vec<OpId> = Vec::new();
    let mut made = VersionVector::new();
    for _ in 0..4 + rng.below(12) {
        let replica = ReplicaId::from_bytes([u8::try_from(1 + rng.below(4)).unwrap_or(1); 16]);
        let origin = |rng: &mut Rng| rng.pick(&inserted).copied().filter(|_| rng.chance(85));
        let (left, right) = (origin(rng), origin(rng));
        let text = ["x", "yz"][rng.below(2)].to_owned();
        let first = OpId::new(replica, made.get(replica));
        let deps = [left, right].into_iter().flatten().filter(|id| id.replica != replica);
        let deps: VersionVector = deps.map(|id| (id.replica, id.seq + 1)).collect();
        let op = Op::Insert { left, right, text };
        inserted.extend((0..op.len()).map(|unit| first.plus(unit)));
        let header = Header { replica, first_seq: first.seq, len: op.len(), deps, heads: false };
        made.observe(replica, header.end_seq());
        changes.push(Change { header, ops: vec![op] });
    }
    changes
}

/// A change that was sealed opens to what was sealed.
#[test]
fn envelopes_of_histories_open_to_what_was_sealed() {
    for seed in 0..200 {
        let mut history = History::play(Plan::of(seed + 70_000, 60));
        for (envelope, change) in history.envelopes().into_iter().zip(changes(&history.documents[0])) {
            assert_eq!(&change.header, envelope.header());
            assert_eq!(open(&seal(DOCUMENT, &change)), Ok(change));
            assert_eq!(Envelope::decode(envelope.bytes().clone()), Ok(envelope));
        }
    }
}
