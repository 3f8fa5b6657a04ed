//! The order of characters that were inserted at one place: `FugueMax`, and nothing else.
//!
//! Weidner and Kleppmann, *The Art of the Fugue: minimizing interleaving in collaborative text editing*, 2023. The algorithm's
//! page beside this file says why levels find the place.

use core::cmp::Ordering;
use core::ops::Range;

use super::inserted::Inserted;
use super::span::Level;
use super::weave::{Cursor, Weave};
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
    pub(super) weave: &'a Weave,
    pub(super) units: &'a Units,
    pub(super) inserted: &'a Inserted,
}

/// The gap for a run that its author inserted between `left` and `right`; a `right` that does not stand behind `left` counts as
/// the end. The same on every replica that has delivered the two, whichever characters they are and whatever else was
/// delivered. O(log n) if nothing stands between them here, else O(log² n).
pub(super) fn find_slot(known: Known<'_>, id: OpId, left: Option<Cursor>, right: Option<Cursor>) -> Slot {
    let weave = known.weave;
    let gap = weave.gap_behind(left);
    if weave.behind(gap) == right {
        let level = level_between(weave, left, right);
        return Slot { gap, level, right: right.and_then(|right| weave.unit(right)) };
    }
    let start = left.map_or(0, |left| weave.position(left) + 1);
    let right = right.map(|right| (right, weave.position(right))).filter(|(_, position)| *position >= start);
    let right_unit = right.and_then(|(right, _)| weave.unit(right));
    let left_unit = left.and_then(|left| weave.unit(left));
    let parent = left.map_or(Level::START, |left| weave.level(left));
    let (level, siblings) = match right {
        Some((parent, position)) if right_unit.is_some_and(|unit| known.inserted.left(unit) == left_unit) => {
            let parent = weave.level(parent);
            let level = Level::new(parent.left(), parent.right() + 1);
            (level, start_of_children(weave, parent, position, start)..position)
        }
        _ => (Level::new(parent.left() + 1, 0), start..end_of_subtree(weave, parent, start)),
    };
    let right_position = right.map_or(usize::MAX, |(_, position)| position);
    let precedes = |sibling: Unit| {
        let by_id = || known.units.id(sibling).cmp(&id);
        let right = known.inserted.right(sibling);
        let other = if right == right_unit { right_position } else { position_or_end(weave, right) };
        right_position.cmp(&other).then_with(by_id) == Ordering::Less
    };
    let at = behind_siblings(weave, siblings, level, precedes);
    Slot { gap: weave.at(at), level, right: right_unit }
}

/// The level of a character between two neighbours.
pub(super) fn level_between(weave: &Weave, left: Option<Cursor>, right: Option<Cursor>) -> Level {
    let left = left.map_or(Level::START, |left| weave.level(left));
    Level::between(left, right.map(|right| weave.level(right)))
}

/// Where the children on the left of the character at `position` start, which has this level. The left origin of them all is the
/// character in front of `behind_left`.
fn start_of_children(weave: &Weave, level: Level, position: usize, behind_left: usize) -> usize {
    let Some(last) = weave.last_up_to(level, position) else {
        return behind_left;
    };
    let behind = weave.position(last) + 1;
    // Either it is the left origin itself; or it is a sibling of the parent, or of the parent's parent and so on: then the
    // children stand behind all that follows it.
    if behind == behind_left { behind_left } else { end_of_subtree(weave, weave.level(last), behind) }
}

/// Where the characters end whose left origins lead to the one in front of `start`, which has this level.
fn end_of_subtree(weave: &Weave, level: Level, start: usize) -> usize {
    let outside = Level::new(level.left(), u32::MAX);
    weave.first_up_to(outside, start).map_or(weave.len(), |next| weave.position(next))
}

/// The gap behind the last sibling that precedes, and behind all that follows it. The siblings are the characters in `range` at
/// `level`; nothing there is less deep, and those that precede come first, so the range can be halved.
fn behind_siblings(weave: &Weave, range: Range<usize>, level: Level, precedes: impl Fn(Unit) -> bool) -> usize {
    let (mut at, mut end) = (range.start, range.end);
    while at < end {
        let middle = at + (end - at) / 2;
        let next = weave.first_up_to(level, middle).map(|sibling| (sibling, weave.position(sibling)));
        match next.filter(|(_, position)| *position < range.end) {
            Some((sibling, position)) if weave.unit(sibling).is_some_and(&precedes) => {
                at = end_of_subtree(weave, level, position + 1);
            }
            _ => end = middle,
        }
    }
    at
}

/// The position of a right origin; the end of the text is further away than any character.
fn position_or_end(weave: &Weave, unit: Option<Unit>) -> usize {
    unit.and_then(|unit| weave.find(unit)).map_or(usize::MAX, |cursor| weave.position(cursor))
}
