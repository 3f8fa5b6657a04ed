//! The order of characters that were inserted at one place: FugueMax, and nothing else.
//!
//! Weidner and Kleppmann, *The Art of the Fugue: minimizing interleaving in collaborative text editing*, 2023. The algorithm's
//! page beside this file says why levels find the place.

use core::cmp::Ordering;
use core::ops::Range;

use super::span::{Authors, Id, Level};
use super::spans::Spans;

/// Where a run belongs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Slot {
    /// The gap, as the number of characters in front of it, deleted ones included.
    pub(super) at: usize,
    /// The level of the run's first character.
    pub(super) level: Level,
    /// The right origin, or `None` if the claimed one does not stand behind the left origin.
    pub(super) right: Option<Id>,
}

/// A character that a run names as an origin.
#[derive(Clone, Copy)]
struct Origin {
    position: usize,
    level: Level,
    left: Option<Id>,
}

/// The gap for a run that its author inserted between `left` and `right`. The same on every replica that has delivered the
/// two, whichever two characters they are and whatever else was delivered. O(log n) without concurrent runs, else O(log² n).
pub(super) fn find_slot(spans: &Spans, authors: &Authors, id: Id, left: Option<Id>, right: Option<Id>) -> Slot {
    let left_origin = left.and_then(|left| origin(spans, left));
    let start = left_origin.map_or(0, |origin| origin.position + 1);
    let right_origin = right.and_then(|right| origin(spans, right)).filter(|origin| origin.position >= start);
    let right = right.filter(|_| right_origin.is_some());
    let comes_before = |sibling: Id| authors.op_id(sibling).cmp(&authors.op_id(id));

    match right_origin {
        Some(parent) if parent.left == left => {
            let level = Level { right: parent.level.right + 1, ..parent.level };
            let start = start_of_children(spans, parent, start);
            let precedes = |sibling: Id, _| comes_before(sibling) == Ordering::Less;
            Slot { at: behind_siblings(spans, start..parent.position, level, precedes), level, right }
        }
        _ => {
            let parent = left_origin.map_or(Level::START, |origin| origin.level);
            let level = Level { left: parent.left + 1, right: 0 };
            let end = end_of_subtree(spans, parent, start);
            let distance = |right: Option<Origin>| right.map_or(usize::MAX, |origin| origin.position);
            let precedes = |sibling: Id, other: Option<Id>| {
                let other = other.and_then(|right| origin(spans, right));
                let further_first = distance(right_origin).cmp(&distance(other));
                further_first.then_with(|| comes_before(sibling)) == Ordering::Less
            };
            Slot { at: behind_siblings(spans, start..end, level, precedes), level, right }
        }
    }
}

/// The level of a run between two neighbours: it stands in the gap itself.
pub(super) fn level_between(spans: &Spans, left: Option<Id>, right: Option<Id>) -> Level {
    match right.and_then(|right| origin(spans, right)) {
        Some(parent) if parent.left == left => Level { right: parent.level.right + 1, ..parent.level },
        _ => {
            let parent = left.and_then(|left| origin(spans, left)).map_or(Level::START, |origin| origin.level);
            Level { left: parent.left + 1, right: 0 }
        }
    }
}

fn origin(spans: &Spans, id: Id) -> Option<Origin> {
    let cursor = spans.find(id)?;
    let span = spans.span(cursor.place)?;
    let (level, left) = (span.level_at(cursor.offset), span.left_at(cursor.offset));
    Some(Origin { position: spans.position(cursor), level, left })
}

/// Where the children on the left of `parent` start, the left origin of them all being the one in front of `start`.
fn start_of_children(spans: &Spans, parent: Origin, start: usize) -> usize {
    let Some(last) = spans.last_up_to(parent.level, parent.position) else {
        return start;
    };
    let behind = spans.position(last) + 1;
    // Either their left origin itself, or a character beside `parent`, or beside its parent and so on, with all that follows it.
    if behind == start { start } else { end_of_subtree(spans, spans.level(last), behind) }
}

/// Where the characters end whose left origins lead to the one in front of `start`, which has this level.
fn end_of_subtree(spans: &Spans, level: Level, start: usize) -> usize {
    let outside = Level { right: u64::MAX, ..level };
    spans.first_up_to(outside, start).map_or(spans.sum().chars, |next| spans.position(next))
}

/// The gap behind the last sibling that precedes, with all that follows it; the siblings are the characters in `range` at
/// `level`, nothing there being less deep, and their order never changes: it can be halved.
fn behind_siblings(
    spans: &Spans,
    range: Range<usize>,
    level: Level,
    precedes: impl Fn(Id, Option<Id>) -> bool,
) -> usize {
    let (mut at, mut end) = (range.start, range.end);
    while at < end {
        let middle = at + (end - at) / 2;
        let sibling = spans.first_up_to(level, middle).filter(|next| spans.position(*next) < range.end);
        match sibling.and_then(|sibling| Some((sibling, spans.span(sibling.place)?))) {
            Some((sibling, span)) if precedes(span.first.plus(sibling.offset), span.right) => {
                at = end_of_subtree(spans, span.level_at(sibling.offset), spans.position(sibling) + 1);
            }
            _ => end = middle,
        }
    }
    at
}
