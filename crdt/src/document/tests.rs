use super::*;
use crate::change::{Change, Header, Op};
use alloc::vec;

mod limits;
mod told;

const ID: DocumentId = DocumentId::from_bytes([9; 16]);

fn replica(name: u8) -> ReplicaId {
    ReplicaId::from_bytes([name; 16])
}

fn document(name: u8) -> Document {
    Document::new(ID, replica(name))
}

fn text(document: &Document) -> String {
    document.text().assert_invariants();
    document.text().slice(0..usize::MAX)
}

/// Delivers everything in `from` to `to`, twice and the last first.
fn pull(to: &mut Document, from: &mut Document) -> Received {
    from.commit();
    let mut received = Received::default();
    for envelope in from.log().iter().rev().chain(from.log().iter()) {
        to.receive(envelope, &mut received).unwrap();
    }
    assert_eq!((to.held_back(), received.refused.len()), (0, 0));
    received
}

fn exchange(a: &mut Document, b: &mut Document) {
    pull(a, b);
    pull(b, a);
    assert_eq!((text(a), a.map(), a.version()), (text(b), b.map(), b.version()));
}

#[test]
fn concurrent_edits_meet() {
    let (mut a, mut b) = (document(1), document(2));
    a.insert(0, "milk, eggs").unwrap();
    exchange(&mut a, &mut b);
    a.insert(4, " and honey").unwrap();
    b.delete(0..6).unwrap();
    b.insert(0, "two ").unwrap();
    exchange(&mut a, &mut b);
    assert_eq!(text(&a), "two  and honeyeggs");
}

#[test]
fn typing_is_one_change_until_the_commit_and_knows_what_was_delivered_before() {
    let (mut a, mut b) = (document(1), document(2));
    for (at, char) in ["h", "e", "y"].into_iter().enumerate() {
        a.insert(at, char).unwrap();
    }
    assert_eq!((a.commit(), a.commit(), a.log().len()), (1, 0, 1));
    assert_eq!((a.log().header(0).unwrap().len, a.log().header(0).unwrap().deps.len()), (3, 0));
    pull(&mut b, &mut a);
    b.insert(3, "!").unwrap();
    b.commit();
    assert_eq!(b.log().header(1).unwrap().deps.iter().collect::<Vec<_>>(), [(replica(1), 3)]);
    b.insert(4, "!").unwrap();
    b.commit();
    assert!(b.log().header(2).unwrap().deps.is_empty(), "nothing moved since");
}

#[test]
fn own_edits_are_committed_before_a_delivery_that_they_did_not_know() {
    let (mut a, mut b) = (document(1), document(2));
    b.insert(0, "b").unwrap();
    a.insert(0, "a").unwrap();
    pull(&mut a, &mut b);
    assert_eq!(a.log().len(), 2);
    assert!(a.log().header(0).unwrap().deps.is_empty());
    assert_eq!(a.commit(), 0);
}

#[test]
fn the_map_shows_the_winner_and_the_conflict() {
    let (mut a, mut b) = (document(1), document(2));
    a.set("title", Some(Value::Text(String::from("Sea")))).unwrap();
    b.set("title", Some(Value::Text(String::from("Lake")))).unwrap();
    exchange(&mut a, &mut b);
    assert_eq!(a.map().get("title"), Some(&Value::Text(String::from("Lake"))));
    assert_eq!(a.map().conflicts().collect::<Vec<_>>(), ["title"]);
    a.set("title", Some(Value::Text(String::from("Sea")))).unwrap();
    exchange(&mut a, &mut b);
    assert_eq!(b.map().conflicts().count(), 0);
    assert_eq!(b.map().get("title"), Some(&Value::Text(String::from("Sea"))));
}

#[test]
fn a_timestamp_is_one_more_than_the_largest_in_the_past() {
    let (mut a, mut b) = (document(1), document(2));
    a.insert(0, "12345").unwrap();
    b.insert(0, "1").unwrap();
    pull(&mut b, &mut a);
    b.insert(0, "x").unwrap();
    assert_eq!(b.lamport(OpId::new(replica(2), 1)), Some(Lamport(6)), "not yet committed");
    exchange(&mut a, &mut b);
    for document in [&a, &b] {
        assert_eq!(document.lamport(OpId::new(replica(2), 0)), Some(Lamport(1)));
        assert_eq!(document.lamport(OpId::new(replica(1), 4)), Some(Lamport(5)));
        assert_eq!(document.lamport(OpId::new(replica(2), 1)), Some(Lamport(6)));
        assert_eq!(document.lamport(OpId::new(replica(2), 2)), None);
    }
}

#[test]
fn undo_takes_back_what_is_mine_and_leaves_what_is_not() {
    let (mut a, mut b) = (document(1), document(2));
    a.insert(0, "one two three").unwrap();
    a.end_undo_group();
    exchange(&mut a, &mut b);
    a.delete(3..7).unwrap();
    a.end_undo_group();
    b.insert(5, "-B-").unwrap();
    exchange(&mut a, &mut b);
    assert_eq!(text(&a), "one-B- three");
    let patches = a.undo();
    // Each character stands where it stood, also beside what was written meanwhile.
    assert_eq!((text(&a).as_str(), patches.len()), ("one t-B-wo three", 2));
    a.undo();
    exchange(&mut a, &mut b);
    assert_eq!(text(&b), "-B-");
}

#[test]
fn redo_brings_back_what_undo_took() {
    let mut a = document(1);
    a.insert(0, "fish").unwrap();
    a.end_undo_group();
    a.delete(1..3).unwrap();
    a.insert(1, "re").unwrap();
    assert_eq!(text(&a), "freh");
    a.undo();
    assert_eq!(text(&a), "fish");
    a.redo();
    assert_eq!(text(&a), "freh");
    a.undo();
    a.undo();
    assert_eq!((text(&a).as_str(), a.can_undo(), a.can_redo()), ("", false, true));
    a.redo();
    a.redo();
    assert_eq!((text(&a).as_str(), a.can_redo()), ("freh", false));
    a.undo();
    a.insert(0, "x").unwrap();
    assert!(!a.can_redo());
}

#[test]
fn a_range_outside_the_text_is_an_error_and_changes_nothing() {
    let mut a = document(1);
    a.insert(0, "abc").unwrap();
    assert_eq!(a.insert(4, "x"), Err(EditError::Range { start: 4, end: 4, len: 3 }));
    assert_eq!(a.delete(1..4), Err(EditError::Range { start: 1, end: 4, len: 3 }));
    assert_eq!(a.insert(0, ""), Ok(()));
    let long = Some(Value::Bytes(vec![0; MAP_ENTRY_BYTES_MAX]));
    assert_eq!(a.set("k", long), Err(EditError::TooLong { bytes: 65537, limit: 65536 }));
    assert_eq!((a.version().get(replica(1)), text(&a).as_str()), (3, "abc"));
}

#[test]
fn a_change_that_names_what_its_author_cannot_have_seen_is_refused_whole() {
    let (author, other) = (replica(3), replica(1));
    let insert = |left| Op::Insert { left: Some(left), right: None, text: String::from("x") };
    let delete = |first, len| Op::Delete { first, len, backwards: false };
    let set = Op::Set { key: String::from("k"), value: None };
    let check = |ops: Vec<Op>, unknown: OpId| {
        let mut a = document(1);
        a.insert(0, "abc").unwrap();
        a.set("k", None).unwrap();
        a.commit();
        let header = Header {
            replica: author,
            first_seq: 0,
            len: ops.iter().map(Op::len).sum(),
            deps: [(other, 2)].into_iter().collect(),
            heads: false,
        };
        let envelope = envelope::seal(ID, &Change { header, ops });
        let before = (text(&a), a.version().clone());
        let change = OpId::new(author, 0);
        let mut received = Received::default();
        assert_eq!(a.receive(envelope, &mut received), Err(ReceiveError::Unknown { change, id: unknown }));
        assert_eq!((text(&a), a.version().clone(), received), (before.0, before.1, Received::default()));
    };
    check(vec![insert(OpId::new(other, 2))], OpId::new(other, 2));
    check(vec![insert(OpId::new(other, 0)), insert(OpId::new(author, 1))], OpId::new(author, 1));
    check(vec![delete(OpId::new(other, 1), 2)], OpId::new(other, 1));
    check(vec![set.clone(), delete(OpId::new(author, 0), 1)], OpId::new(author, 0));
    let behind = vec![set.clone(), insert(OpId::new(other, 0)), set.clone(), delete(OpId::new(author, 0), 1)];
    check(behind, OpId::new(author, 0));
    check(vec![delete(OpId::new(other, 0), u64::from(u32::MAX))], OpId::new(other, 0));
    check(vec![insert(OpId::new(replica(7), 0))], OpId::new(replica(7), 0));
}

#[test]
fn a_document_is_its_log() {
    let (mut a, mut b) = (document(1), document(2));
    a.insert(0, "quire").unwrap();
    exchange(&mut a, &mut b);
    b.delete(0..2).unwrap();
    b.set("k", Some(Value::Flag(true))).unwrap();
    exchange(&mut a, &mut b);
    let mut again = document(1);
    for envelope in a.log() {
        let stored = Envelope::decode(envelope.bytes().clone()).unwrap();
        assert_eq!(again.receive(stored, &mut Received::default()), Ok(Delivery::Delivered));
    }
    assert_eq!((text(&again), again.map(), again.version()), (text(&a), a.map(), a.version()));
    again.insert(0, "!").unwrap();
    assert_eq!(again.commit(), 1);
    assert_eq!(again.log().header(again.log().len() - 1).map(|header| header.first_seq), Some(5));
}

#[test]
fn a_paste_of_ten_megabytes_becomes_envelopes_of_bounded_size() {
    let mut a = document(1);
    let paste = "quire and choir, many voices, one text.\n".repeat(262_144);
    a.insert(0, &paste).unwrap();
    a.commit();
    assert!(a.log().iter().all(|envelope| envelope.bytes().len() <= crate::ENVELOPE_BYTES_MAX));
    let mut b = document(2);
    pull(&mut b, &mut a);
    assert_eq!(b.text().len_bytes(), paste.len());
    a.end_undo_group();
    a.undo();
    assert_eq!(a.text().len_chars(), 0);
}

#[test]
fn edits_in_a_row_are_those_one_at_a_time() {
    let mut seed: usize = 7;
    let mut below = |limit: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % limit
    };
    let (mut single, mut gathered) = (document(1), document(1));
    for _ in 0..40 {
        let mut edits = gathered.edits();
        let (mut at, mut len) = (0, edits.text().len_chars());
        for _ in 0..below(30) {
            if below(4) == 0 {
                at = below(len + 1);
            }
            let steps: &[(usize, usize, &str)] = match below(4) {
                0 if at > 0 => &[(1, 1, "")],
                1 if at + 2 <= len => &[(0, 2, "")],
                _ => &[(0, 0, "é"), (0, 0, "xy")],
            };
            for (back, deleted, inserted) in steps {
                at -= back;
                edits.delete(at..at + deleted).unwrap();
                edits.insert(at, inserted).unwrap();
                single.delete(at..at + deleted).unwrap();
                single.insert(at, inserted).unwrap();
                at += inserted.chars().count();
                len = len + inserted.chars().count() - deleted;
            }
        }
        assert_eq!(edits.insert(len + 1, "x"), Err(EditError::Range { start: len + 1, end: len + 1, len }));
        assert_eq!(edits.delete(0..len + 1), Err(EditError::Range { start: 0, end: len + 1, len }));
        drop(edits);
        assert_eq!(text(&gathered), text(&single));
        single.commit();
        gathered.commit();
    }
    assert_eq!(gathered.version(), single.version());
    assert!(gathered.log().iter().eq(single.log()), "both say the same to others");
    let mut other = document(2);
    pull(&mut other, &mut gathered);
    assert_eq!(text(&other), text(&single));
    gathered.undo();
    single.undo();
    assert_eq!(text(&gathered), text(&single));
}

#[test]
fn deleting_what_many_wrote_becomes_changes_of_bounded_size() {
    let check = |backwards: bool| {
        let (mut a, mut b) = (document(1), document(2));
        for at in 0..2_000 {
            let (writer, reader) = if at % 2 == 0 { (&mut a, &mut b) } else { (&mut b, &mut a) };
            writer.insert(at, "x").unwrap();
            writer.commit();
            let newest = writer.log().envelope(at).unwrap();
            reader.receive(newest, &mut Received::default()).unwrap();
        }
        if backwards {
            let mut edits = a.edits();
            (0..2_000).rev().for_each(|at| edits.delete(at..at + 1).unwrap());
        } else {
            a.delete(0..2_000).unwrap();
        }
        assert!(a.commit() > 1);
        for change in 2_000..a.log().len() {
            assert!(a.log().change(change).unwrap().ops.len() < 1_000, "an operation for each run of ids");
        }
        pull(&mut b, &mut a);
        assert_eq!((text(&b), b.version()), (String::new(), a.version()));
    };
    check(false);
    check(true);
}

#[test]
fn a_key_and_its_value_have_at_most_so_many_bytes() {
    let value = |bytes: usize| Some(Value::Bytes(vec![7; bytes]));
    let (mut a, mut b) = (document(1), document(2));
    assert_eq!(a.set("k", value(MAP_ENTRY_BYTES_MAX - 1)), Ok(()));
    pull(&mut b, &mut a);
    assert_eq!(b.map().get("k"), value(MAP_ENTRY_BYTES_MAX - 1).as_ref());
    let ops = vec![Op::Set { key: String::from("k"), value: value(MAP_ENTRY_BYTES_MAX) }];
    let header = Header { replica: replica(3), first_seq: 0, len: 1, deps: VersionVector::new(), heads: false };
    let longer = envelope::seal(ID, &Change { header, ops });
    let change = OpId::new(replica(3), 0);
    let refused = b.receive(longer, &mut Received::default());
    assert_eq!(refused, Err(ReceiveError::TooLong { change, bytes: 65537, limit: 65536 }));
}

#[test]
fn to_insert_nothing_is_no_edit() {
    let mut a = document(1);
    a.insert(0, "").unwrap();
    assert!(!a.can_undo());
    a.insert(0, "x").unwrap();
    a.undo();
    a.insert(0, "").unwrap();
    assert!(a.can_redo());
}

/// Somebody who lost its disk, and gets its own changes back behind those of others that they did not know.
#[test]
fn the_timestamps_of_whoever_comes_back_are_behind_all_that_came() {
    let (mut before, mut other) = (document(1), document(2));
    before.insert(0, "x").unwrap();
    other.insert(0, "12345").unwrap();
    let mut back = document(1);
    pull(&mut back, &mut other);
    pull(&mut back, &mut before);
    back.insert(0, "y").unwrap();
    back.commit();
    pull(&mut other, &mut back);
    for document in [&back, &other] {
        assert_eq!(document.lamport(OpId::new(replica(1), 1)), Some(Lamport(6)));
    }
}

/// Also where what somebody else wrote right behind lies together with it, and the author had seen that.
#[test]
fn nobody_deletes_more_than_was_written_under_an_id() {
    let (mut a, mut b, mut c) = (document(1), document(2), document(3));
    a.insert(0, "ab").unwrap();
    pull(&mut b, &mut a);
    b.insert(2, "cd").unwrap();
    pull(&mut c, &mut b);
    let delete = |replica, first_seq, heads| {
        let ops = vec![Op::Delete { first: OpId::new(super::tests::replica(1), 0), len: 4, backwards: false }];
        let deps = if heads { [(super::tests::replica(2), 2)].into_iter().collect() } else { VersionVector::new() };
        envelope::seal(ID, &Change { header: Header { replica, first_seq, len: 4, deps, heads }, ops })
    };
    let id = OpId::new(replica(1), 0);
    let unknown = |change| Err(ReceiveError::Unknown { change, id });
    let stranger = c.receive(delete(replica(4), 0, true), &mut Received::default());
    assert_eq!(stranger, unknown(OpId::new(replica(4), 0)));
    c.insert(4, "e").unwrap();
    c.commit();
    let own = c.receive(delete(replica(3), 1, false), &mut Received::default());
    assert_eq!((own, text(&c).as_str()), (unknown(OpId::new(replica(3), 1)), "abcde"));
}

#[test]
fn edits_at_the_same_place_are_made_in_their_order() {
    let mut a = document(1);
    a.insert(0, "abcdefgh").unwrap();
    let mut edits = a.edits();
    edits.insert(1, "x").unwrap();
    edits.insert(1, "y").unwrap();
    assert_eq!(edits.text().slice(0..usize::MAX), "ayxbcdefgh");
    edits.delete(8..9).unwrap();
    edits.delete(5..8).unwrap();
    assert_eq!(edits.text().slice(0..usize::MAX), "ayxbch");
}

#[test]
fn typing_keeps_room_for_more_and_a_paste_does_not() {
    let mut a = document(1);
    a.edits().insert(0, "typed").unwrap();
    let typed = a.letters.capacity();
    a.edits().insert(0, &"pasted".repeat(1_000)).unwrap();
    assert!(typed >= 5 && a.letters.capacity() <= 4_096);
}
