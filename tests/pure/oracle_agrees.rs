//! The engine against the oracle: the same changes give the same text, order, map and Lamport timestamps.

use quire_crdt::{Document, Op, OpId, Received};
use sim::oracle::OracleDocument;
use sim::oracle::text::OracleText;
use sim::rng::Rng;

use crate::history::{DOCUMENT, History, Plan, visible};
use crate::payloads::changes;

/// The ids of all characters in document order, and whether each is deleted.
pub(crate) fn order(document: &Document) -> Vec<(OpId, bool)> {
    document.text().runs().flat_map(|run| (0..run.len).map(move |unit| (run.first.plus(unit), run.deleted))).collect()
}

/// Fails unless the two hold the same.
pub(crate) fn assert_agree(document: &Document, oracle: &OracleDocument) {
    document.text().assert_invariants();
    assert_eq!(document.version(), oracle.version());
    assert_eq!(visible(document.text()), oracle.text().visible());
    let expected: Vec<(OpId, bool)> = oracle.text().characters().map(|(id, _, deleted)| (id, deleted)).collect();
    assert_eq!(order(document), expected);
    for key in oracle.map().keys() {
        assert_eq!(document.map().entries(key), oracle.map().entries(key), "{key}");
        assert_eq!(document.map().get(key).cloned(), oracle.map().value(key), "{key}");
    }
    let conflicts: Vec<&str> =
        oracle.map().keys().into_iter().filter(|key| oracle.map().entries(key).len() > 1).collect();
    assert_eq!(document.map().conflicts().collect::<Vec<_>>(), conflicts);
    for (replica, count) in oracle.version().iter() {
        for id in (0..count).map(|seq| OpId::new(replica, seq)) {
            assert_eq!(document.lamport(id).map(|lamport| lamport.0), oracle.lamport(id), "{id}");
        }
    }
}

fn check(plan: Plan) {
    let mut history = History::play(plan);
    let envelopes = history.envelopes();
    let mut all: Vec<_> = envelopes.into_iter().zip(changes(&history.documents[0])).collect();
    let mut rng = Rng::new(plan.seed);
    rng.shuffle(&mut all);
    let mut oracle = OracleDocument::new();
    let mut stranger = Document::new(DOCUMENT, quire_crdt::ReplicaId::from_bytes([99; 16]));
    let mut received = Received::default();
    for (envelope, change) in all {
        oracle.receive(change);
        assert!(stranger.receive(envelope, &mut received).is_ok());
        assert_eq!(stranger.held_back(), oracle.held_back());
        assert_eq!(stranger.version(), oracle.version());
    }
    assert_agree(&stranger, &oracle);
    for document in &history.documents {
        assert_agree(document, &oracle);
    }
}

fn check_seeds(seeds: std::ops::Range<u64>) {
    for seed in seeds {
        let plan = Plan::of(seed, 80);
        let outcome = std::panic::catch_unwind(|| check(plan));
        assert!(outcome.is_ok(), "{plan:?}");
    }
}

/// 10,000 histories in two halves, one for each core.
#[test]
fn oracle_agrees_on_random_histories_first_half() {
    check_seeds(0..5_000);
}

#[test]
fn oracle_agrees_on_random_histories_second_half() {
    check_seeds(5_000..10_000);
}

#[test]
fn oracle_agrees_on_a_long_history() {
    for seed in 0..3 {
        check(Plan { seed, replicas: 4, steps: 1_500 });
    }
}

/// What an insert names as its neighbours are neighbours in its author's text at the time, tombstones included.
#[test]
fn origins_are_neighbours() {
    for seed in 20_000..20_300 {
        let mut history = History::play(Plan::of(seed, 80));
        history.merge_all();
        for document in &history.documents {
            check_origins(document);
        }
    }
}

fn check_origins(document: &Document) {
    let mut text = OracleText::new();
    for change in changes(document) {
        let mut id = change.header.first_id();
        for op in &change.ops {
            if let Op::Insert { left, right, .. } = op
                && id.replica == document.replica()
            {
                let order = text.order();
                let place = |id: OpId| order.iter().position(|other| *other == id).expect("an origin is known");
                let behind_left = left.map_or(0, |left| place(left) + 1);
                assert_eq!(behind_left, right.map_or(order.len(), place), "{id} names neighbours");
            }
            text.apply(id, op);
            id = id.plus(op.len());
        }
    }
}
