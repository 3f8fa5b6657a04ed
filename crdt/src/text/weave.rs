//! The text and the order of everything ever inserted, in one B-tree.
//!
//! A leaf has some spans, neighbours in document order, and the letters of those that are not deleted. A node knows its place in its
//! parent, so that an edit adjusts one entry on each level. Spans are found from above (by what stands in front of them) or
//! from below (by leaf and slot). Nothing ever leaves: what is deleted becomes a tombstone, and a leaf that is full is split.

mod arena;
mod check;
mod edit;
mod fingerprint;
mod grow;
mod levels;
mod measure;
mod nodes;

use self::arena::Arena;
pub(super) use self::grow::Packing;
pub use self::measure::Chunks;
use self::measure::Measure;
pub(super) use self::measure::byte_of;
use self::nodes::{Above, Inner, Leaf};
use super::index::Index;
use super::span::{Level, Span};
use crate::units::Unit;

/// The most spans of a leaf; tiny in tests, so that small texts take every path.
const LEAF_SPANS_MAX: usize = if cfg!(test) { 6 } else { 32 };

/// The most bytes of letters of a leaf; tiny in tests, but room for any char.
const LEAF_BYTES_MAX: usize = if cfg!(test) { 7 } else { 2048 };

/// Longer text comes in leaves of its own.
const SHORT_BYTES_MAX: usize = LEAF_BYTES_MAX / 2;

/// The most children of an inner node.
const CHILDREN_MAX: usize = if cfg!(test) { 4 } else { 32 };

/// A leaf, by its number in the arena.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct LeafId(pub(super) u32);

/// Where a span is. Good until the next change.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Place {
    leaf: LeafId,
    slot: usize,
}

/// A character: its span's place and its offset in the span. As a gap, it is the one in front of that character, and an
/// offset as large as the span's length is the one behind the span. Good until the next change.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Cursor {
    place: Place,
    pub(super) offset: usize,
}

/// Where the newest characters end. Good until the next change that is not made there.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    place: Place,
    /// The byte of the leaf's letters behind them.
    byte: usize,
}

/// What is added up over subtrees.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Sum {
    /// Characters, deleted ones included.
    pub(super) chars: u32,
    /// The level that is least deep.
    level: Level,
    /// The visible text.
    pub(super) shown: Measure,
}

impl Default for Sum {
    fn default() -> Self {
        Self { chars: 0, level: Level::DEEPEST, shown: Measure::default() }
    }
}

impl Sum {
    fn add(&mut self, other: &Self) {
        self.chars += other.chars;
        self.level = self.level.min(other.level);
        self.shown.add(&other.shown);
    }
}

/// The tree. Positions count deleted characters, unless they are called visible.
#[derive(Clone, Debug)]
pub(super) struct Weave {
    leaves: Arena<Leaf>,
    inners: Arena<Inner>,
    /// The number of the root: a leaf's at height 0, else an inner node's.
    root: u32,
    height: u32,
    sum: Sum,
    index: Index,
    /// The leaf of the last edit and how many visible characters stand in front of it: the next edit is likely near.
    near: (LeafId, usize),
}

impl Default for Weave {
    fn default() -> Self {
        let mut leaves = Arena::new();
        let root = leaves.add(Leaf::new(Above::NONE));
        let near = (LeafId(root), 0);
        Self { leaves, inners: Arena::new(), root, height: 0, sum: Sum::default(), index: Index::default(), near }
    }
}

impl Weave {
    /// The sum of everything. O(1).
    pub(super) const fn sum(&self) -> &Sum {
        &self.sum
    }

    /// How many characters there are, deleted ones included. O(1).
    pub(super) const fn len(&self) -> usize {
        self.sum.chars as usize
    }

    /// The span that a character is part of, and the character's offset in it.
    pub(super) fn span(&self, cursor: Cursor) -> Option<(&Span, usize)> {
        Some((self.leaf(cursor.place.leaf).spans.get(cursor.place.slot)?, cursor.offset))
    }

    /// All spans in order, from the one of a character on.
    pub(super) fn from(&self, start: Option<Cursor>) -> impl Iterator<Item = &Span> {
        let first = start.map(|cursor| (self.leaf(cursor.place.leaf), cursor.place.slot));
        core::iter::successors(first, |(leaf, _)| Some((self.next_leaf(leaf)?, 0)))
            .flat_map(|(leaf, slot)| leaf.spans.get(slot..).unwrap_or_default())
    }

    /// All spans in order.
    pub(super) fn spans(&self) -> impl Iterator<Item = &Span> {
        self.from(Some(self.at(0)))
    }

    /// A character by its number. O(log n), O(1) near the last edit.
    pub(super) fn find(&self, unit: Unit) -> Option<Cursor> {
        self.find_in(self.near.0, unit).or_else(|| self.find_in(self.index.leaf(unit)?, unit))
    }

    fn find_in(&self, leaf: LeafId, unit: Unit) -> Option<Cursor> {
        let offsets = self.leaf(leaf).spans.iter().map(|span| span.offset(unit));
        let (slot, offset) = offsets.enumerate().find_map(|(slot, offset)| Some((slot, offset?)))?;
        Some(Cursor { place: Place { leaf, slot }, offset })
    }

    /// The number of a character.
    pub(super) fn unit(&self, cursor: Cursor) -> Option<Unit> {
        self.span(cursor).map(|(span, offset)| span.first.plus(offset))
    }

    /// The gap behind a character, or at the start.
    pub(super) fn gap_behind(&self, left: Option<Cursor>) -> Cursor {
        left.map_or_else(|| self.at(0), |left| Cursor { offset: left.offset + 1, ..left })
    }

    /// The character behind a gap. O(1).
    pub(super) fn behind(&self, gap: Cursor) -> Option<Cursor> {
        let Cursor { place: Place { leaf, slot }, offset } = gap;
        let here = self.leaf(leaf);
        match here.spans.get(slot) {
            Some(span) if offset < span.len() => return Some(gap),
            Some(_) if slot + 1 < here.spans.len() => {
                return Some(Cursor { place: Place { leaf, slot: slot + 1 }, offset: 0 });
            }
            _ => {}
        }
        let next = here.next?;
        Some(Cursor { place: Place { leaf: next, slot: 0 }, offset: 0 })
    }

    /// The level of a character.
    pub(super) fn level(&self, cursor: Cursor) -> Level {
        self.span(cursor).map_or(Level::DEEPEST, |(span, offset)| span.level(offset))
    }

    /// The position of a character. O(log n).
    pub(super) fn position(&self, cursor: Cursor) -> usize {
        let Place { leaf, slot } = cursor.place;
        let in_leaf: usize = self.leaf(leaf).spans.iter().take(slot).map(Span::len).sum();
        self.before(leaf, |inner, slot| inner.chars[slot]) + in_leaf + cursor.offset
    }

    /// The visible position of a character, or where it would be, and whether it is visible. O(log n), O(1) near the last edit.
    pub(super) fn visible_position(&self, cursor: Cursor) -> (usize, bool) {
        let leaf = cursor.place.leaf;
        let visible = self.span(cursor).is_some_and(|(span, _)| !span.is_deleted());
        (self.visible_before(leaf) + self.leaf(leaf).visible_before(cursor.place.slot, cursor.offset), visible)
    }

    /// How many visible characters stand in front of a leaf. O(log n), O(1) for that of the last edit.
    fn visible_before(&self, leaf: LeafId) -> usize {
        let (near, before) = self.near;
        if near == leaf { before } else { self.before(leaf, |inner, slot| inner.shown[slot].chars) }
    }

    /// The character at a position, or the gap at the end. O(log n).
    pub(super) fn at(&self, position: usize) -> Cursor {
        let (leaf, mut rest) = self.seek(position, |inner, slot| inner.chars[slot]);
        let spans = &self.leaf(leaf).spans;
        for (slot, span) in spans.iter().enumerate() {
            if rest < span.len() {
                return Cursor { place: Place { leaf, slot }, offset: rest };
            }
            rest -= span.len();
        }
        Cursor { place: Place { leaf, slot: spans.len() }, offset: 0 }
    }

    /// The visible character at a visible position. O(log n), O(1) near the last edit.
    pub(super) fn at_visible(&self, position: usize) -> Option<Cursor> {
        let (leaf, rest) = self.leaf_at(position);
        self.leaf(leaf).at_visible(rest).map(|(slot, offset)| Cursor { place: Place { leaf, slot }, offset })
    }

    /// The same where an edit is about to come: the next one is likely near.
    pub(super) fn go_to(&mut self, position: usize) -> Option<Cursor> {
        let (leaf, rest) = self.leaf_at(position);
        self.near = (leaf, position - rest);
        self.leaf(leaf).at_visible(rest).map(|(slot, offset)| Cursor { place: Place { leaf, slot }, offset })
    }

    /// The leaf that the visible character at a position is in, and how many of its visible characters stand in front of it.
    fn leaf_at(&self, position: usize) -> (LeafId, usize) {
        let (near, before) = self.near;
        match position.checked_sub(before) {
            Some(rest) if rest < self.leaf(near).visible => (near, rest),
            _ => self.seek(position, |inner, slot| inner.shown[slot].chars),
        }
    }

    /// The first leaf such that the metric of everything up to and with it is above the goal, and how far into it the goal lies;
    /// the last one if there is none. O(log n).
    fn seek(&self, goal: usize, metric: impl Fn(&Inner, usize) -> u32) -> (LeafId, usize) {
        let (mut node, mut rest) = (self.root, goal);
        for _ in 0..self.height {
            let inner = self.inners.get(node);
            let last = inner.len - 1;
            let mut at = 0;
            while at < last {
                let here = metric(inner, at) as usize;
                if rest < here {
                    break;
                }
                rest -= here;
                at += 1;
            }
            node = inner.children[at];
        }
        (LeafId(node), rest)
    }

    /// The metric of everything in front of a leaf. O(log n).
    fn before(&self, leaf: LeafId, metric: impl Fn(&Inner, usize) -> u32) -> usize {
        let (mut sum, mut above) = (0, self.leaf(leaf).above);
        while above != Above::NONE {
            let inner = self.inners.get(above.parent);
            sum += (0..above.slot as usize).map(|slot| metric(inner, slot) as usize).sum::<usize>();
            above = inner.above;
        }
        sum
    }

    fn leaf(&self, id: LeafId) -> &Leaf {
        self.leaves.get(id.0)
    }

    fn leaf_mut(&mut self, id: LeafId) -> &mut Leaf {
        self.leaves.get_mut(id.0)
    }

    fn next_leaf(&self, leaf: &Leaf) -> Option<&Leaf> {
        leaf.next.map(|next| self.leaf(next))
    }
}
