//! The order of characters that were inserted at one place: `FugueMax`, and nothing else.
//!
//! Weidner and Kleppmann, *The Art of the Fugue: minimizing interleaving in collaborative text editing*, 2023. The algorithm's
//! page beside this file says why levels find the place.

use core::cmp::Ordering;
use core::ops::Range;

use super::span::{Authors, Character, Id, Level};
use super::spans::{Cursor, Spans};

/// Where a run belongs, and its first character.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Slot {
    pub(super) gap: Cursor,
    pub(super) first: Character,
}

/// The gap for a run that its author inserted between `left` and `right`; a `right` that does not stand behind `left` counts as
/// the end. The same on every replica that has delivered the two, whichever characters they are and whatever else was
/// delivered. O(log n) if nothing stands between them here, else O(log² n).
pub(super) fn find_slot(spans: &Spans, authors: &Authors, id: Id, left: Option<Cursor>, right: Option<Cursor>) -> Slot {
    let gap = spans.gap_behind(left);
    if spans.behind(gap) == right {
        return Slot { gap, first: between(spans, id, left, right) };
    }
    let start = left.map_or(0, |left| spans.position(left) + 1);
    let right = right.map(|right| (right, spans.position(right))).filter(|(_, position)| *position >= start);
    let first = between(spans, id, left, right.map(|(right, _)| right));
    let siblings = match right {
        Some((parent, position)) if first.level.right > 0 => {
            start_of_children(spans, spans.level(parent), position, start)..position
        }
        _ => {
            let parent = left.map_or(Level::START, |left| spans.level(left));
            start..end_of_subtree(spans, parent, start)
        }
    };
    let right_position = right.map_or(usize::MAX, |(_, position)| position);
    let precedes = |sibling: Character| {
        let by_id = || authors.op_id(sibling.id).cmp(&authors.op_id(id));
        let other = if sibling.right == first.right { right_position } else { position_or_end(spans, sibling.right) };
        right_position.cmp(&other).then_with(by_id) == Ordering::Less
    };
    let at = behind_siblings(spans, siblings, first.level, precedes);
    Slot { gap: spans.at(at), first }
}

/// The first character of a run between two others: a child on the left of `right` if both have the same left origin, else a
/// child on the right of `left`.
pub(super) fn between(spans: &Spans, id: Id, left: Option<Cursor>, right: Option<Cursor>) -> Character {
    let character = |cursor: Option<Cursor>| cursor.and_then(|cursor| spans.character(cursor));
    let (left, right) = (character(left), character(right));
    let left_id = left.map(|left| left.id);
    let level = match right {
        Some(parent) if parent.left == left_id => Level { right: parent.level.right + 1, ..parent.level },
        _ => Level { left: left.map_or(Level::START, |parent| parent.level).left + 1, right: 0 },
    };
    Character { id, left: left_id, right: right.map(|right| right.id), level }
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
    let outside = Level { right: u64::MAX, ..level };
    spans.first_up_to(outside, start).map_or(spans.sum().chars, |next| spans.position(next))
}

/// The gap behind the last sibling that precedes, and behind all that follows it. The siblings are the characters in `range` at
/// `level`; nothing there is less deep, and those that precede come first, so the range can be halved.
fn behind_siblings(spans: &Spans, range: Range<usize>, level: Level, precedes: impl Fn(Character) -> bool) -> usize {
    let (mut at, mut end) = (range.start, range.end);
    while at < end {
        let middle = at + (end - at) / 2;
        let next = spans.first_up_to(level, middle).map(|sibling| (sibling, spans.position(sibling)));
        match next.filter(|(_, position)| *position < range.end) {
            Some((sibling, position)) if spans.character(sibling).is_some_and(&precedes) => {
                at = end_of_subtree(spans, level, position + 1);
            }
            _ => end = middle,
        }
    }
    at
}

/// The position of a right origin; the end of the text is further away than any character.
fn position_or_end(spans: &Spans, id: Option<Id>) -> usize {
    id.and_then(|id| spans.find(id)).map_or(usize::MAX, |cursor| spans.position(cursor))
}
