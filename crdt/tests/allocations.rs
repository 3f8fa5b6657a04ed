//! How often a keystroke asks for memory: what grows, grows in steps.

use allocation_counter::measure;
use quire_crdt::{Document, DocumentId, EditError, Envelope, Received, ReplicaId};

/// How many keys.
const KEYS: u64 = 10_000;

/// A page of text, written by one replica.
fn page() -> Result<Document, EditError> {
    let mut document = Document::new(DocumentId::from_bytes([1; 16]), ReplicaId::from_bytes([2; 16]));
    document.insert(0, &"Lorem ipsum dolor\n".repeat(6_000))?;
    document.commit();
    Ok(document)
}

/// How many allocations so many keys took.
fn count(keys: impl FnOnce()) -> u64 {
    measure(keys).count_total
}

#[test]
fn typing_and_deleting_take_memory_once_in_a_hundred_keys() {
    let mut document = page().unwrap();
    let mut at = 50_000;
    for round in 0..3 {
        let typed = count(|| {
            for _ in 0..KEYS {
                document.insert(at, "x").unwrap();
                document.commit();
                at += 1;
            }
        });
        assert!(typed <= KEYS / 100, "round {round}: {typed} allocations for {KEYS} keys");
        let deleted = count(|| {
            for _ in 0..KEYS {
                at -= 1;
                document.delete(at..at + 1).unwrap();
                document.commit();
            }
        });
        // What was typed took room, which is given back now and then.
        assert!(deleted <= KEYS / 100, "round {round}: {deleted} allocations for {KEYS} deletions");
    }
}

#[test]
fn a_key_at_another_place_each_time_takes_memory_for_its_share_of_a_leaf() {
    let mut document = page().unwrap();
    let typed = count(|| {
        for key in 0..KEYS {
            let at = usize::try_from(key * 7_919 % 90_000).unwrap();
            document.insert(at, "y").unwrap();
            document.commit();
        }
    });
    assert!(typed <= KEYS / 5, "{typed} allocations for {KEYS} keys");
}

#[test]
fn what_somebody_else_types_takes_memory_once_in_a_hundred_keys() {
    let mut ana = page().unwrap();
    let mut ben = Document::new(ana.id(), ReplicaId::from_bytes([3; 16]));
    let mut received = Received::default();
    for envelope in ana.log() {
        ben.receive(envelope, &mut received).unwrap();
    }
    let before = ana.log().len();
    for key in 0..usize::try_from(KEYS).unwrap() {
        ana.insert(700 + key, "x").unwrap();
        ana.commit();
    }
    let envelopes: Vec<Envelope> = ana.log().from(before).collect();
    received.patches.clear();
    received.patches.reserve(envelopes.len());
    let taken = count(|| {
        for envelope in envelopes {
            ben.receive(envelope, &mut received).unwrap();
        }
    });
    assert_eq!(ben.text().len_chars(), ana.text().len_chars());
    assert!(taken <= KEYS / 100, "{taken} allocations for {KEYS} received keys");
}
