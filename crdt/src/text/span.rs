//! Spans: runs of characters with consecutive numbers, stored as one.

use crate::units::Unit;

/// How deep a character stands below the start of the text; see the algorithm's page. Fixed when it is inserted, the same
/// everywhere, and ordered by `left` first, which is why one number holds both.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Level(u64);

impl Level {
    /// The start of the text.
    pub(super) const START: Self = Self::new(0, 0);
    /// Deeper than any character.
    pub(super) const DEEPEST: Self = Self(u64::MAX);

    pub(super) const fn new(left: u32, right: u32) -> Self {
        Self((left as u64) << 32 | right as u64)
    }

    /// How many steps from left origin to left origin lead to the start; 0 is the start itself.
    pub(super) const fn left(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// How many steps from right origin to right origin lead out of the characters with the same left origin.
    #[expect(clippy::cast_possible_truncation, reason = "the lower half")]
    pub(super) const fn right(self) -> u32 {
        self.0 as u32
    }

    /// The level of the character `offset` behind the first of a run, which has this one.
    pub(super) const fn within(self, offset: usize) -> Self {
        if offset == 0 { self } else { Self::new(self.left() + fit(offset), 0) }
    }

    /// The level of a character between two neighbours: a child on the left of `right` if that has `left` for its left origin,
    /// else a child on the right of `left`. What stands right behind a character and is one step deeper has it for its left origin.
    pub(super) const fn between(left: Self, right: Option<Self>) -> Self {
        match right {
            Some(parent) if parent.left() == left.left() + 1 => Self::new(parent.left(), parent.right() + 1),
            _ => Self::new(left.left() + 1, 0),
        }
    }
}

/// A run of characters as the tree holds it: all of them deleted or none, and nothing between them.
///
/// The left origin of every character but the first is the character before it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Span {
    pub(super) first: Unit,
    /// The number of characters, and in the top bit whether they are deleted.
    len: u32,
    pub(super) level: Level,
}

const DELETED: u32 = 1 << 31;

#[expect(clippy::cast_possible_truncation, reason = "there are at most UNITS_MAX units, which fit 31 bits")]
const fn fit(len: usize) -> u32 {
    len as u32
}

impl Span {
    /// A run of visible characters.
    pub(super) const fn new(first: Unit, len: usize, level: Level) -> Self {
        Self { first, len: fit(len), level }
    }

    /// How many characters there are.
    pub(super) const fn len(&self) -> usize {
        (self.len & !DELETED) as usize
    }

    /// The same, as sums count.
    pub(super) const fn chars(&self) -> u32 {
        self.len & !DELETED
    }

    /// Whether they are deleted.
    pub(super) const fn is_deleted(&self) -> bool {
        self.len & DELETED != 0
    }

    /// The same characters, deleted.
    pub(super) const fn deleted(self) -> Self {
        Self { len: self.len | DELETED, ..self }
    }

    /// Adds characters that go on with it.
    pub(super) const fn lengthen(&mut self, by: usize) {
        self.len += fit(by);
    }

    /// How many characters are visible.
    pub(super) const fn visible(&self) -> usize {
        if self.is_deleted() { 0 } else { self.len() }
    }

    /// The number behind the last character's.
    pub(super) const fn end(&self) -> Unit {
        self.first.plus(self.len())
    }

    /// The offset of a character in this span.
    pub(super) fn offset(&self, unit: Unit) -> Option<usize> {
        let offset = unit.0.checked_sub(self.first.0)? as usize;
        (offset < self.len()).then_some(offset)
    }

    /// The level of a character of this span, or of the one that would go on with it.
    pub(super) const fn level(&self, offset: usize) -> Level {
        self.level.within(offset)
    }

    /// The offset of the last of the first `len` characters that is no deeper than `level`.
    pub(super) fn last_up_to(&self, level: Level, len: usize) -> Option<usize> {
        // Every character but the first is one step deeper than the one before it, and has nothing to its right.
        let steps = level.left().checked_sub(self.level.left())? as usize;
        match steps.min(len.checked_sub(1)?) {
            0 => (self.level <= level).then_some(0),
            offset => Some(offset),
        }
    }

    /// The part of this span with the characters from `from` up to `to`.
    pub(super) const fn part(&self, from: usize, to: usize) -> Self {
        Self { first: self.first.plus(from), len: fit(to - from) | (self.len & DELETED), level: self.level(from) }
    }

    /// Whether `next`, which stands right behind this span, goes on with it. Where levels go on, so do left origins: the
    /// character behind another one and one step deeper has that for its left origin.
    pub(super) fn goes_on_with(&self, next: &Self) -> bool {
        self.end() == next.first && self.is_deleted() == next.is_deleted() && next.level == self.level(self.len())
    }
}
