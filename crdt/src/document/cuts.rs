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
