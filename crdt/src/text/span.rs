//! Spans: runs of characters with consecutive ids of one author, stored as one.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::ops::AddAssign;

use super::tree::Item;
use crate::id::{OpId, ReplicaId};

/// A character: an [`OpId`] whose replica is known by a small number here.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Id {
    pub(super) author: u32,
    pub(super) seq: u64,
}

impl Id {
    /// The same author's character `count` units later.
    pub(super) const fn plus(self, count: usize) -> Self {
        Self { author: self.author, seq: self.seq + count as u64 }
    }
}

/// The replicas that have written here, in order of appearance.
#[derive(Clone, Debug, Default)]
pub(super) struct Authors {
    replicas: Vec<ReplicaId>,
    numbers: BTreeMap<ReplicaId, u32>,
}

impl Authors {
    /// The id as it is known here, if anything of its replica is.
    pub(super) fn known(&self, id: OpId) -> Option<Id> {
        self.numbers.get(&id.replica).map(|author| Id { author: *author, seq: id.seq })
    }

    /// The id as it is known here from now on.
    pub(super) fn number(&mut self, id: OpId) -> Id {
        if let Some(known) = self.known(id) {
            return known;
        }
        let author = u32::try_from(self.replicas.len()).unwrap_or(u32::MAX);
        self.replicas.push(id.replica);
        self.numbers.insert(id.replica, author);
        Id { author, seq: id.seq }
    }

    /// The id as everybody knows it.
    pub(super) fn op_id(&self, id: Id) -> OpId {
        OpId::new(self.replicas[id.author as usize], id.seq)
    }
}

/// How deep a character stands below the start of the text; see the algorithm's page. Fixed when it is inserted, the same
/// everywhere, and ordered by `left` first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Level {
    /// How many steps from left origin to left origin lead to the start; 0 is the start itself.
    pub(super) left: u64,
    /// How many steps from right origin to right origin lead out of the characters with the same left origin.
    pub(super) right: u64,
}

impl Level {
    /// The start of the text.
    pub(super) const START: Self = Self { left: 0, right: 0 };
    /// Deeper than any character.
    pub(super) const DEEPEST: Self = Self { left: u64::MAX, right: u64::MAX };
}

/// A character with what it was inserted with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Character {
    pub(super) id: Id,
    /// Its left origin; `None` is the start.
    pub(super) left: Option<Id>,
    /// Its right origin; `None` is the end.
    pub(super) right: Option<Id>,
    pub(super) level: Level,
}

/// A run of characters as the tree holds it: all of them deleted or none, and nothing between them.
///
/// The left origin of every character but the first is the character before it; the right origin is the same for all.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Span {
    pub(super) first: Id,
    pub(super) len: usize,
    pub(super) deleted: bool,
    pub(super) left: Option<Id>,
    pub(super) right: Option<Id>,
    pub(super) level: Level,
}

impl Span {
    /// A run with this first character.
    pub(super) const fn new(first: Character, len: usize, deleted: bool) -> Self {
        let Character { id, left, right, level } = first;
        Self { first: id, len, deleted, left, right, level }
    }

    /// The id behind the last character's.
    pub(super) const fn end(&self) -> Id {
        self.first.plus(self.len)
    }

    /// How many characters are visible.
    pub(super) const fn visible(&self) -> usize {
        if self.deleted { 0 } else { self.len }
    }

    /// The offset of a character in this span.
    pub(super) fn offset(&self, id: Id) -> Option<usize> {
        let offset = usize::try_from(id.seq.checked_sub(self.first.seq)?).ok()?;
        (id.author == self.first.author && offset < self.len).then_some(offset)
    }

    /// A character of this span, or the one that would go on with it.
    pub(super) const fn character(&self, offset: usize) -> Character {
        let (id, right) = (self.first.plus(offset), self.right);
        match offset.checked_sub(1) {
            None => Character { id, left: self.left, right, level: self.level },
            Some(before) => {
                let level = Level { left: self.level.left + offset as u64, right: 0 };
                Character { id, left: Some(self.first.plus(before)), right, level }
            }
        }
    }

    /// The offset of the last of the first `len` characters that is no deeper than `level`.
    pub(super) fn last_up_to(&self, level: Level, len: usize) -> Option<usize> {
        // Every character but the first is one step deeper than the one before it, and has nothing to its right.
        let steps = level.left.checked_sub(self.level.left).map(|steps| usize::try_from(steps).unwrap_or(usize::MAX));
        match steps?.min(len.checked_sub(1)?) {
            0 => (self.level <= level).then_some(0),
            offset => Some(offset),
        }
    }

    /// The part of this span with the characters from `from` up to `to`.
    pub(super) const fn part(&self, from: usize, to: usize) -> Self {
        Self::new(self.character(from), to - from, self.deleted)
    }

    /// Whether `next`, which stands right behind this span, goes on with it.
    pub(super) fn goes_on_with(&self, next: &Self) -> bool {
        *next == Self::new(self.character(self.len), next.len, self.deleted)
    }
}

/// What is added up over spans.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct SpanSum {
    /// Characters, deleted ones included.
    pub(super) chars: usize,
    /// Visible characters.
    pub(super) visible: usize,
    /// The level that is least deep.
    pub(super) level: Level,
}

impl Default for SpanSum {
    fn default() -> Self {
        Self { chars: 0, visible: 0, level: Level::DEEPEST }
    }
}

impl AddAssign for SpanSum {
    fn add_assign(&mut self, other: Self) {
        self.chars += other.chars;
        self.visible += other.visible;
        self.level = self.level.min(other.level);
    }
}

impl Item for Span {
    type Sum = SpanSum;

    fn sum(&self) -> SpanSum {
        SpanSum { chars: self.len, visible: self.visible(), level: self.level }
    }
}
