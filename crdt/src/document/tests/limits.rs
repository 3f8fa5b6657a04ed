//! A document in whose history there is hardly any room left.

use super::*;

const SHOWN: &str = "abcdefgh";

/// A document of replica 1 that shows [`SHOWN`], which it wrote first; its history has room for so many more units. Nothing is inserted
/// behind the many units in front: a list of places, of which there are more in tests, would become too long.
fn nearly_full(room: usize) -> Document {
    let mut a = document(1);
    a.insert(0, SHOWN).unwrap();
    a.end_undo_group();
    a.commit();
    // Units that nobody asks what they did.
    let more = UNITS_MAX - room - SHOWN.len();
    a.text.pass(a.next_id(), more);
    a.counted(more);
    a.commit();
    assert_eq!(a.text().units().len(), UNITS_MAX - room);
    a
}

fn shown(document: &Document) -> String {
    document.text().slice(0..usize::MAX)
}

#[test]
fn changes_are_taken_up_to_the_last_number_and_no_further() {
    let mut a = nearly_full(5);
    let mut take = |len| {
        let header = Header { replica: replica(1), first_seq: a.made, len, deps: VersionVector::new(), heads: false };
        let ops = vec![Op::Delete { first: OpId::new(replica(1), 0), len, backwards: false }];
        a.receive(envelope::seal(ID, &Change { header, ops }), &mut Received::default())
    };
    assert_eq!(take(6), Err(ReceiveError::Full { units: UNITS_MAX - 5, more: 6 }));
    assert_eq!(take(5), Ok(Delivery::Delivered));
    assert_eq!(take(1), Err(ReceiveError::Full { units: UNITS_MAX, more: 1 }));
    assert_eq!(shown(&a), "fgh");
}

#[test]
fn own_edits_are_made_up_to_the_last_number_and_no_further() {
    let mut a = nearly_full(3);
    let full = |room, more| Err(EditError::Full { units: UNITS_MAX - room, more });
    assert_eq!((a.insert(0, "1234"), a.delete(0..4)), (full(3, 4), full(3, 4)));
    assert_eq!((a.delete(0..2), a.set("k", None)), (Ok(()), Ok(())));
    assert_eq!((a.insert(0, "3"), a.delete(0..1), a.set("k", None)), (full(0, 1), full(0, 1), full(0, 1)));
    assert_eq!((shown(&a).as_str(), a.commit()), ("cdefgh", 1));
}

#[test]
fn edits_in_a_row_end_where_single_ones_do() {
    let mut a = nearly_full(3);
    let full = |more| Err(EditError::Full { units: UNITS_MAX - 3, more });
    let mut edits = a.edits();
    assert_eq!((edits.insert(0, "1234"), edits.delete(0..4)), (full(4), full(4)));
    assert_eq!((edits.delete(0..1), edits.delete(0..1)), (Ok(()), Ok(())));
    assert_eq!((edits.insert(0, "12"), edits.delete(0..1), edits.delete(0..1)), (full(4), Ok(()), full(4)));
    drop(edits);
    assert_eq!(shown(&a), "defgh");
}

/// Letters have up to four bytes, and what is undone comes back with its letters.
#[test]
fn undo_and_redo_do_nothing_unless_there_is_room_for_the_longest_letters() {
    let group = 4 * SHOWN.len();
    let mut short = nearly_full(group - 1);
    assert_eq!((short.undo(), shown(&short).as_str(), short.can_undo()), (vec![], SHOWN, true));
    let mut a = nearly_full(group);
    assert_eq!((a.undo().len(), shown(&a).as_str()), (1, ""));
    let mut less = nearly_full(group - 1 + SHOWN.len());
    assert_eq!((less.undo().len(), shown(&less).as_str()), (1, ""));
    assert_eq!((less.redo(), shown(&less).as_str(), less.can_redo()), (vec![], "", true));
}

#[test]
fn a_version_is_not_restored_where_there_is_no_room_for_it() {
    let empty = VersionVector::new();
    let mut a = nearly_full(SHOWN.len());
    assert_eq!(a.restore(0..SHOWN.len(), &empty).map(|patches| patches.len()), Ok(1));
    assert_eq!(shown(&a), "");
    let mut short = nearly_full(SHOWN.len() - 1);
    let full = Err(EditError::Full { units: UNITS_MAX - SHOWN.len() + 1, more: SHOWN.len() });
    assert_eq!((short.restore(0..SHOWN.len(), &empty), shown(&short).as_str()), (full, SHOWN));
}
