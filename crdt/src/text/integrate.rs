//! The order of characters that were inserted at one place: `FugueMax`, and nothing else.
//!
//! Weidner and Kleppmann, *The Art of the Fugue: minimizing interleaving in collaborative text editing*, 2023. The algorithm's
//! page beside this file says why levels find the place.

use core::cmp::Ordering;
use core::ops::Range;

use super::inserted::Inserted;
use super::span::Level;
use super::spans::{Cursor, Spans};
use crate::id::OpId;
use crate::units::{Unit, Units};

/// Where a run belongs: its gap, and the level of its first character.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Slot {
    pub(super) gap: Cursor,
    pub(super) level: Level,
    /// The right origin, unless it does not stand behind the left one.
    pub(super) right: Option<Unit>,
}

/// What is known of all characters.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known<'a> {
    pub(super) spans: &'a Spans,
    pub(super) units: &'a Units,
    pub(super) inserted: &'a Inserted,
}

/// The gap for a run that its author inserted between `left` and `right`; a `right` that does not stand behind `left` counts as
/// the end. The same on every replica that has delivered the two, whichever characters they are and whatever else was
/// delivered. O(log n) if nothing stands between them here, else O(log² n).
pub(super) fn find_slot(known: Known<'_>, id: OpId, left: Option<Cursor>, right: Option<Cursor>) -> Slot {
    let spans = known.spans;
    let gap = spans.gap_behind(left);
    if spans.behind(gap) == right {
        let level = level_between(spans, left, right);
        return Slot { gap, level, right: right.and_then(|right| spans.unit(right)) };
    }
    let start = left.map_or(0, |left| spans.position(left) + 1);
    let right = right.map(|right| (right, spans.position(right))).filter(|(_, position)| *position >= start);
    let right_unit = right.and_then(|(right, _)| spans.unit(right));
    let left_unit = left.and_then(|left| spans.unit(left));
    let parent = left.map_or(Level::START, |left| spans.level(left));
    let (level, siblings) = match right {
        Some((parent, position)) if right_unit.is_some_and(|unit| known.inserted.left(unit) == left_unit) => {
            let parent = spans.level(parent);
            let level = Level::new(parent.left(), parent.right() + 1);
            (level, start_of_children(spans, parent, position, start)..position)
        }
        _ => (Level::new(parent.left() + 1, 0), start..end_of_subtree(spans, parent, start)),
    };
    let right_position = right.map_or(usize::MAX, |(_, position)| position);
    let precedes = |sibling: Unit| {
        let by_id = || known.units.id(sibling).cmp(&id);
        let right = known.inserted.right(sibling);
        let other = if right == right_unit { right_position } else { position_or_end(spans, right) };
        right_position.cmp(&other).then_with(by_id) == Ordering::Less
    };
    let at = behind_siblings(spans, siblings, level, precedes);
    Slot { gap: spans.at(at), level, right: right_unit }
}

/// The level of a character between two neighbours.
pub(super) fn level_between(spans: &Spans, left: Option<Cursor>, right: Option<Cursor>) -> Level {
    let left = left.map_or(Level::START, |left| spans.level(left));
    Level::between(left, right.map(|right| spans.level(right)))
}

/// Where the children on the left of the character at `position` start, which has this level. The left origin of them all is the
/// character in front of `behind_left`.
fn start_of_children(spans: &Spans, level: Level, position: usize, behind_left: usize) -> usize {
    let Some(last) = spans.last_up_to(level, position) else {
        return behind_left;
    };
    let behind = spans.position(last) + 1;
    // Either it is the left origin itself; or it is a sibling of the parent, or of the parent's parent and so on: then the
    // children stand behind all that follows it.
    if behind == behind_left { behind_left } else { end_of_subtree(spans, spans.level(last), behind) }
}

/// Where the characters end whose left origins lead to the one in front of `start`, which has this level.
fn end_of_subtree(spans: &Spans, level: Level, start: usize) -> usize {
    let outside = Level::new(level.left(), u32::MAX);
    spans.first_up_to(outside, start).map_or(spans.len(), |next| spans.position(next))
}

/// The gap behind the last sibling that precedes, and behind all that follows it. The siblings are the characters in `range` at
/// `level`; nothing there is less deep, and those that precede come first, so the range can be halved.
fn behind_siblings(spans: &Spans, range: Range<usize>, level: Level, precedes: impl Fn(Unit) -> bool) -> usize {
    let (mut at, mut end) = (range.start, range.end);
    while at < end {
        let middle = at + (end - at) / 2;
        let next = spans.first_up_to(level, middle).map(|sibling| (sibling, spans.position(sibling)));
        match next.filter(|(_, position)| *position < range.end) {
            Some((sibling, position)) if spans.unit(sibling).is_some_and(&precedes) => {
                at = end_of_subtree(spans, level, position + 1);
            }
            _ => end = middle,
        }
    }
    at
}

/// The position of a right origin; the end of the text is further away than any character.
fn position_or_end(spans: &Spans, unit: Option<Unit>) -> usize {
    unit.and_then(|unit| spans.find(unit)).map_or(usize::MAX, |cursor| spans.position(cursor))
}
