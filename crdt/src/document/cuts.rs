//! Where own edits are cut into changes.

use alloc::vec::Vec;
use core::ops::Range;

use super::log::{Edit, Record, Step};
use super::validate::entry_bytes;
use crate::change::Value;
use crate::text::Text;
use crate::units::Unit;

/// The most bytes of text in one operation of an own change; a longer insert becomes several changes.
const OP_TEXT_BYTES_MAX: usize = 128 * 1024;

/// A change is closed once its operations have about so many bytes. With one more operation, and deps on ten thousand replicas, it
/// still fits [`crate::ENVELOPE_BYTES_MAX`].
const CHANGE_BYTES_MAX: usize = 64 * 1024;

/// What an operation takes besides its text: two ids with their replicas, and lengths.
const OP_BYTES: usize = 72;

/// With fewer units, none of which wrote to the map, a change cannot be too long.
const UNITS_WITHOUT_CUT: usize = CHANGE_BYTES_MAX / (OP_BYTES + 4);

impl Record {
    /// Whether these units surely fit one change.
    pub(super) fn fit_one(&self, units: &Range<Unit>) -> bool {
        units.end.index() - units.start.index() < UNITS_WITHOUT_CUT && !self.has_set_from(units.start)
    }

    /// The units behind the changes that these units become, in order.
    pub(super) fn cuts(&self, text: &Text, units: Range<Unit>) -> Vec<Unit> {
        let end = units.end;
        let (mut cuts, mut bytes, mut next) = (Vec::new(), 0, units.start);
        for step in self.steps(text, units) {
            match step {
                // Short enough, whatever its letters are.
                Step::Edited(Edit::Inserted { len, .. }) if len < CHANGE_BYTES_MAX / 4 => {
                    bytes += OP_BYTES + 4 * len;
                    next = next.plus(len);
                    close(&mut cuts, &mut bytes, next);
                }
                Step::Edited(Edit::Inserted { first, len }) => {
                    for piece in pieces(text.inserted().text(first, len)) {
                        bytes += OP_BYTES + piece.len();
                        next = next.plus(piece.chars().count());
                        close(&mut cuts, &mut bytes, next);
                    }
                }
                Step::Edited(Edit::Deleted(mut deletion)) => {
                    // Neighbours here may be of many authors.
                    while deletion.len > 0 {
                        let len = deletion.operation(text.units());
                        bytes += OP_BYTES;
                        next = next.plus(len);
                        close(&mut cuts, &mut bytes, next);
                        deletion = deletion.part(len, deletion.len);
                    }
                }
                Step::Set { key, value } => {
                    bytes += OP_BYTES + entry_bytes(key, value.map(Value::as_ref));
                    next = next.plus(1);
                    close(&mut cuts, &mut bytes, next);
                }
            }
        }
        if cuts.last() != Some(&end) {
            cuts.push(end);
        }
        cuts
    }
}

/// Ends the change here, if it has enough bytes.
fn close(cuts: &mut Vec<Unit>, bytes: &mut usize, next: Unit) {
    if *bytes >= CHANGE_BYTES_MAX {
        cuts.push(next);
        *bytes = 0;
    }
}

/// The text in pieces that fit an operation each; none if it is empty.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    core::iter::from_fn(move || {
        let (piece, behind) = rest.split_at(rest.floor_char_boundary(OP_TEXT_BYTES_MAX));
        rest = behind;
        (!piece.is_empty()).then_some(piece)
    })
}

#[cfg(test)]
mod tests {
    use alloc::string::String;
    use alloc::vec;

    use super::*;
    use crate::document::{Document, MAP_ENTRY_BYTES_MAX};
    use crate::id::{DocumentId, ReplicaId};

    fn document() -> Document {
        Document::new(DocumentId::from_bytes([9; 16]), ReplicaId::from_bytes([1; 16]))
    }

    /// Commits; fails if a change is longer than where it should be closed and one more operation. How many changes there are.
    fn changes(document: &mut Document, op_bytes_max: usize) -> usize {
        let count = document.commit();
        for envelope in document.log() {
            let bytes = envelope.bytes().len();
            assert!(bytes <= CHANGE_BYTES_MAX + op_bytes_max + OP_BYTES, "{bytes} bytes");
        }
        count
    }

    #[test]
    fn writes_to_the_map_become_changes_of_bounded_size() {
        let mut longest = document();
        for _ in 0..20 {
            longest.set("k", Some(Value::Bytes(vec![7; MAP_ENTRY_BYTES_MAX - 1]))).unwrap();
        }
        assert_eq!(changes(&mut longest, MAP_ENTRY_BYTES_MAX), 20);
        let mut short = document();
        for _ in 0..40 {
            short.set("k", Some(Value::Bytes(vec![7; 1_000]))).unwrap();
        }
        assert_eq!(changes(&mut short, 1_000), 1, "what fits one change is one");
        // After those, which had room for themselves, too.
        short.insert(0, "x").unwrap();
        assert_eq!(changes(&mut short, 1_000), 1);
    }

    /// All in front of each other: each is an operation.
    fn pasted(count: usize, text: &str) -> Document {
        let mut document = document();
        for _ in 0..count {
            document.insert(0, text).unwrap();
        }
        document
    }

    #[test]
    fn what_is_typed_and_pasted_becomes_changes_of_bounded_size() {
        let long = "🙂".repeat(16_000);
        assert_eq!(changes(&mut pasted(20, &long), long.len()), 10, "two are as long as a change");
        let longer = "🙂".repeat(200_000);
        assert!(changes(&mut pasted(1, &longer), OP_TEXT_BYTES_MAX) > 1);
        assert_eq!(changes(&mut pasted(1_000, "x"), 1), 2);
        assert_eq!(changes(&mut pasted(6_000, &"x".repeat(100)), 100), 44);
        assert_eq!(changes(&mut pasted(2, &"x".repeat(20_000)), 20_000), 1, "what fits one change is one");
    }

    #[test]
    fn deleting_what_stands_together_is_one_change_however_long_it_is() {
        let mut document = document();
        document.insert(0, &String::from("x").repeat(5_000)).unwrap();
        document.commit();
        document.delete(0..5_000).unwrap();
        assert_eq!(document.commit(), 1);
    }
}
