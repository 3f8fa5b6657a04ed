//! The text: STUB, signatures only (owner: text helper).

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use crate::id::OpId;

/// Which neighbour an [`Anchor`] stays with when text is inserted exactly there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Bias {
    /// It stays behind the character on its left.
    Left,
    /// It stays before the character on its right.
    Right,
}

/// A place in the text that survives edits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Anchor {
    /// The start of the text, whatever is inserted.
    Start,
    /// The end of the text, whatever is inserted.
    End,
    /// Right behind this character (or where it stood).
    After(OpId),
    /// Right before this character (or where it stood).
    Before(OpId),
}

/// A run of characters with consecutive ids of one replica, tombstones included.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Run {
    /// The id of the first.
    pub first: OpId,
    /// How many characters.
    pub len: u64,
    /// Whether they are deleted.
    pub deleted: bool,
}

/// What changed in the visible text: `deleted` characters at `at` were replaced by `inserted` ones.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Splice {
    /// Position, in chars, before and after.
    pub at: usize,
    /// How many chars went.
    pub deleted: usize,
    /// How many chars came.
    pub inserted: usize,
}

/// A text that replicas edit at once.
#[derive(Clone, Debug, Default)]
pub struct Text {}

#[allow(unused_variables, reason = "stub")]
impl Text {
    /// Empty.
    pub fn new() -> Self {
        Self {}
    }
    /// visible chars. O(1)
    pub fn len_chars(&self) -> usize {
        0
    }
    /// visible UTF-8 bytes. O(1)
    pub fn len_bytes(&self) -> usize {
        0
    }
    /// number of `\n` plus one. O(1)
    pub fn len_lines(&self) -> usize {
        1
    }
    /// The visible text of a char range, in pieces. Panics never: the range is clamped. O(log n) to the first piece.
    pub fn chunks(&self, range: Range<usize>) -> Chunks<'_> {
        Chunks { stub: core::marker::PhantomData }
    }
    /// collects chunks
    pub fn slice(&self, range: Range<usize>) -> String {
        self.chunks(range).collect()
    }
    /// byte offset of a char position (clamped to the end). O(log n)
    pub fn char_to_byte(&self, char: usize) -> usize {
        0
    }
    /// char position of the char that contains this byte offset (clamped). O(log n)
    pub fn byte_to_char(&self, byte: usize) -> usize {
        0
    }
    /// line (from 0, by `\n` only) that holds this char position. O(log n)
    pub fn char_to_line(&self, char: usize) -> usize {
        0
    }
    /// first char of a line; past the last line: len_chars. O(log n)
    pub fn line_to_char(&self, line: usize) -> usize {
        0
    }
    /// id of the visible char at a position
    pub fn id_at(&self, char: usize) -> Option<OpId> {
        None
    }
    /// anchor at a char position (clamped)
    pub fn anchor(&self, char: usize, bias: Bias) -> Anchor {
        Anchor::Start
    }
    /// char position of an anchor; None if its character is unknown here. O(log n)
    pub fn position(&self, anchor: Anchor) -> Option<usize> {
        None
    }
    /// all runs in document order, tombstones included (maximal runs not required)
    pub fn runs(&self) -> impl Iterator<Item = Run> + '_ {
        core::iter::empty()
    }
    /// runs of visible characters in a range, in order: authorship of a passage
    pub fn visible_runs(&self, range: Range<usize>) -> impl Iterator<Item = Run> + '_ {
        core::iter::empty()
    }

    /// Whether all of these are characters that were inserted (deleted or not).
    pub(crate) fn contains(&self, first: OpId, len: u64) -> bool {
        false
    }
    /// Inserts a local run at a visible position <= len_chars (caller checked); gives its origins.
    pub(crate) fn insert(&mut self, at: usize, first: OpId, text: &str) -> (Option<OpId>, Option<OpId>) {
        (None, None)
    }
    /// Deletes visible chars (range in bounds, caller checked), gives the deleted ids as ascending runs, in document order.
    pub(crate) fn delete(&mut self, range: Range<usize>) -> Vec<Run> {
        Vec::new()
    }
    /// Inserts somebody's run. Origins are known here (caller checked with `contains`). Gives the visible change.
    /// If `right` does not stand behind `left` (a hostile author), `right` counts as None. Total: never fails.
    pub(crate) fn integrate_insert(
        &mut self,
        first: OpId,
        left: Option<OpId>,
        right: Option<OpId>,
        text: &str,
    ) -> Splice {
        Splice { at: 0, deleted: 0, inserted: 0 }
    }
    /// Deletes somebody's choice of chars (known here: `contains`); already deleted ones are skipped.
    /// Pushes the visible changes in the order applied.
    pub(crate) fn integrate_delete(&mut self, first: OpId, len: u64, splices: &mut Vec<Splice>) {}
    /// Panics when an inner invariant is broken; for tests.
    #[doc(hidden)]
    pub fn assert_invariants(&self) {}
}

/// Pieces of the visible text.
#[derive(Clone, Debug)]
pub struct Chunks<'a> {
    stub: core::marker::PhantomData<&'a str>,
}
impl<'a> Iterator for Chunks<'a> {
    type Item = &'a str;
    fn next(&mut self) -> Option<&'a str> {
        None
    }
}
#[allow(unused_variables, reason = "stub")]
impl Text {
    /// NEW, needed by document.rs (undo): where the characters of the id run `first..first+len` that are still visible stand now, as
    /// char ranges in document order (adjacent ones may be merged). O(spans of the run × log n).
    pub(crate) fn visible_ranges(&self, first: OpId, len: u64) -> Vec<Range<usize>> {
        Vec::new()
    }
    /// NEW, needed by document.rs (undo): inserts a local run right behind the character `behind` (known here, usually a tombstone);
    /// gives the visible position where it stands, and its right origin (the next id in the list; its left origin is `behind`).
    pub(crate) fn insert_behind(&mut self, behind: OpId, first: OpId, text: &str) -> (usize, Option<OpId>) {
        (0, None)
    }
}
