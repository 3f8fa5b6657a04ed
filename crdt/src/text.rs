#![doc = include_str!("text/README.md")]

mod index;
mod integrate;
mod rope;
mod span;
mod spans;
mod tree;

#[cfg(test)]
mod tests;

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use crate::id::OpId;

use self::integrate::Slot;
pub use self::rope::Chunks;
use self::rope::Rope;
use self::span::{Authors, Character, Id, Span};
use self::spans::{Cursor, Spans};

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

/// A run of characters with consecutive ids of one replica, all deleted or all visible.
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
    /// The position, in chars, the same before and after.
    pub at: usize,
    /// How many chars went.
    pub deleted: usize,
    /// How many chars came.
    pub inserted: usize,
}

/// A text that replicas edit at once. Positions and lengths count chars (Unicode scalar values); a line ends with `\n` only.
#[derive(Clone, Debug, Default)]
pub struct Text {
    authors: Authors,
    spans: Spans,
    rope: Rope,
}

impl Text {
    /// The empty text.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many chars are visible. O(1).
    pub fn len_chars(&self) -> usize {
        self.rope.sum().chars
    }

    /// The length of the visible text in bytes of UTF-8. O(1).
    pub fn len_bytes(&self) -> usize {
        self.rope.sum().bytes
    }

    /// How many lines there are: one more than there are `\n`. O(1).
    pub fn len_lines(&self) -> usize {
        self.rope.sum().line_ends + 1
    }

    /// The visible text of a range of chars, in pieces of at most 1 KiB. The range is clamped to the text. O(log n) to the
    /// first piece, O(1) amortised to each further one.
    pub fn chunks(&self, range: Range<usize>) -> Chunks<'_> {
        let start = self.char_to_byte(range.start);
        self.rope.chunks(start..self.char_to_byte(range.end).max(start))
    }

    /// The visible text of a range of chars, which is clamped to the text. O(log n + its length).
    pub fn slice(&self, range: Range<usize>) -> String {
        self.chunks(range).collect()
    }

    /// The byte at which a char starts; the text's length in bytes if there is no such char. O(log n).
    pub fn char_to_byte(&self, char: usize) -> usize {
        self.rope.char_to_byte(char)
    }

    /// The char that a byte is part of; the text's length in chars if there is no such byte. O(log n).
    pub fn byte_to_char(&self, byte: usize) -> usize {
        self.rope.byte_to_char(byte)
    }

    /// The line, from 0, that a char position is on; a `\n` is part of the line that it ends. O(log n).
    pub fn char_to_line(&self, char: usize) -> usize {
        self.rope.char_to_line(char)
    }

    /// The first char of a line; the text's length in chars behind the last line. O(log n).
    pub fn line_to_char(&self, line: usize) -> usize {
        self.rope.line_to_char(line)
    }

    /// The id of the visible char at a position. O(log n).
    pub fn id_at(&self, char: usize) -> Option<OpId> {
        let character = self.spans.at_visible(char).and_then(|cursor| self.spans.character(cursor))?;
        Some(self.authors.op_id(character.id))
    }

    /// The anchor of a char position, which is clamped to the text. With [`Bias::Left`] the start of the text is
    /// [`Anchor::Start`], with [`Bias::Right`] its end is [`Anchor::End`]. O(log n).
    pub fn anchor(&self, char: usize, bias: Bias) -> Anchor {
        let char = char.min(self.len_chars());
        match bias {
            Bias::Left => char.checked_sub(1).and_then(|left| self.id_at(left)).map_or(Anchor::Start, Anchor::After),
            Bias::Right => self.id_at(char).map_or(Anchor::End, Anchor::Before),
        }
    }

    /// The char position of an anchor, `None` if its character was never inserted here. O(log n).
    pub fn position(&self, anchor: Anchor) -> Option<usize> {
        let stood_at = |id| {
            let cursor = self.spans.find(self.authors.known(id)?)?;
            Some(self.spans.visible_position(cursor))
        };
        match anchor {
            Anchor::Start => Some(0),
            Anchor::End => Some(self.len_chars()),
            Anchor::Before(id) => stood_at(id).map(|(position, _)| position),
            Anchor::After(id) => stood_at(id).map(|(position, visible)| position + usize::from(visible)),
        }
    }

    /// All characters in document order, deleted ones included. Neighbouring runs may belong together. O(1) amortised each.
    pub fn runs(&self) -> impl Iterator<Item = Run> + '_ {
        self.spans.from(self.spans.first()).map(|(_, span)| self.run(span))
    }

    /// Who wrote a range of chars, which is clamped to the text: its visible characters in order. O(log n) to the first run.
    pub fn visible_runs(&self, range: Range<usize>) -> impl Iterator<Item = Run> + '_ {
        let start = self.spans.at_visible(range.start);
        let mut skip = start.map_or(0, |cursor| cursor.offset);
        let mut left = range.len();
        let visible = self.spans.from(start.map(|cursor| cursor.place)).filter(|(_, span)| !span.deleted);
        visible.map_while(move |(_, span)| {
            let end = span.len.min(skip.saturating_add(left));
            let part = (end > skip).then(|| span.part(skip, end))?;
            left -= part.len;
            skip = 0;
            Some(self.run(&part))
        })
    }

    /// Whether all of these characters were inserted here, deleted or not. O(log n) for characters that lie together.
    pub(crate) fn contains(&self, first: OpId, len: u64) -> bool {
        len == 0 || self.authors.known(first).is_some_and(|first| self.spans.contains(first, len))
    }

    /// Where those of these characters that are visible stand now: ranges of chars in document order. O(log n) for each span
    /// that holds some of them.
    pub(crate) fn visible_ranges(&self, first: OpId, len: u64) -> Vec<Range<usize>> {
        let mut ranges: Vec<Range<usize>> = Vec::new();
        for (cursor, part) in self.parts(first, len).filter(|(_, part)| !part.deleted) {
            let (at, _) = self.spans.visible_position(cursor);
            match ranges.last_mut() {
                Some(last) if last.end == at => last.end += part.len,
                _ => ranges.push(at..at + part.len),
            }
        }
        ranges.sort_unstable_by_key(|range| range.start);
        ranges
    }

    /// Inserts an own run at a visible position, which is not behind the end; gives its origins. The ids must be new.
    /// O(log n + length of the text).
    pub(crate) fn insert(&mut self, at: usize, first: OpId, text: &str) -> (Option<OpId>, Option<OpId>) {
        let left = at.checked_sub(1).and_then(|left| self.spans.at_visible(left));
        let first = self.insert_in_gap(left, at, first, text);
        (self.op_id(first.left), self.op_id(first.right))
    }

    /// Inserts an own run right behind a character that is here, deleted or not; gives its visible position and its right
    /// origin. The ids must be new. O(log n + length of the text).
    pub(crate) fn insert_behind(&mut self, behind: OpId, first: OpId, text: &str) -> (usize, Option<OpId>) {
        let left = self.authors.known(behind).and_then(|left| self.spans.find(left));
        let at = left.map_or(0, |left| {
            let (position, visible) = self.spans.visible_position(left);
            position + usize::from(visible)
        });
        let first = self.insert_in_gap(left, at, first, text);
        (at, self.op_id(first.right))
    }

    /// Deletes a range of visible chars, which ends in the text; gives what it deleted as runs of ascending ids, in document
    /// order; a run has no tombstone inside, so that it can be put back behind its last character. O(log n) for each span
    /// that it touches.
    pub(crate) fn delete(&mut self, range: Range<usize>) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        let mut left = range.len();
        while left > 0 {
            let Some((cursor, span)) =
                self.spans.at_visible(range.start).and_then(|at| Some((at, self.spans.span(at.place)?)))
            else {
                break;
            };
            let part = span.part(cursor.offset, span.len.min(cursor.offset + left));
            self.spans.delete(cursor, part.len);
            left -= part.len;
            runs.push(Run { deleted: true, ..self.run(&part) });
        }
        self.rope.remove(range.start..range.end - left);
        runs
    }

    /// Inserts somebody's run; gives the visible change. The ids must be new, and the origins must be here. A `right` that does
    /// not stand behind `left` counts as `None`. O(log n + length of the text), O(log² n) where others wrote at the same place.
    pub(crate) fn integrate_insert(
        &mut self,
        first: OpId,
        left: Option<OpId>,
        right: Option<OpId>,
        text: &str,
    ) -> Splice {
        let find = |id| self.authors.known(id).and_then(|id| self.spans.find(id));
        let (left, right) = (left.and_then(find), right.and_then(find));
        let first = self.authors.number(first);
        let Slot { gap, first } = integrate::find_slot(&self.spans, &self.authors, first, left, right);
        let (at, _) = self.spans.visible_position(gap);
        Splice { at, deleted: 0, inserted: self.put(gap, at, first, text) }
    }

    /// Deletes characters of somebody's choice, which must be here; those that are deleted already stay so. Pushes the visible
    /// changes in the order in which they were applied. O(log n) for each span that it touches.
    pub(crate) fn integrate_delete(&mut self, first: OpId, len: u64, splices: &mut Vec<Splice>) {
        let own = splices.len();
        let mut next = self.part(first, len);
        while let Some((cursor, part)) = next {
            if !part.deleted {
                let (at, _) = self.spans.visible_position(cursor);
                self.spans.delete(cursor, part.len);
                self.rope.remove(at..at + part.len);
                match splices[own..].last_mut() {
                    Some(last) if last.at == at => last.deleted += part.len,
                    _ => splices.push(Splice { at, deleted: part.len, inserted: 0 }),
                }
            }
            let done = part.end().seq - first.seq;
            next = self.part(first.plus(done), len - done);
        }
    }

    /// Panics if an inner invariant is broken: for tests. O(n).
    #[doc(hidden)]
    pub fn assert_invariants(&self) {
        self.spans.assert_invariants();
        self.rope.assert_invariants();
        assert!(self.spans.sum().visible == self.len_chars(), "spans and text differ in length");
    }

    /// Inserts an own run behind a character, or at the start; gives its first character.
    fn insert_in_gap(&mut self, left: Option<Cursor>, at: usize, first: OpId, text: &str) -> Character {
        let gap = self.spans.gap_behind(left);
        let id = self.authors.number(first);
        let first = integrate::between(&self.spans, id, left, self.spans.behind(gap));
        self.put(gap, at, first, text);
        first
    }

    /// Puts a run in its gap and its text where it is visible; gives its length.
    fn put(&mut self, gap: Cursor, at: usize, first: Character, text: &str) -> usize {
        let len = text.chars().count();
        if len > 0 {
            self.spans.insert(gap, Span::new(first, len, false));
            self.rope.insert(at, text);
        }
        len
    }

    fn op_id(&self, id: Option<Id>) -> Option<OpId> {
        id.map(|id| self.authors.op_id(id))
    }

    /// The first of these characters and those that follow it in its span, if there are any and it is here.
    fn part(&self, first: OpId, len: u64) -> Option<(Cursor, Span)> {
        let cursor = self.spans.find(self.authors.known(first)?)?;
        let span = self.spans.span(cursor.place)?;
        let end = cursor.offset.saturating_add(usize::try_from(len).unwrap_or(usize::MAX));
        (len > 0).then(|| (cursor, span.part(cursor.offset, end.min(span.len))))
    }

    /// These characters, as [`Self::part`] gives them.
    fn parts(&self, first: OpId, len: u64) -> impl Iterator<Item = (Cursor, Span)> + '_ {
        core::iter::successors(self.part(first, len), move |(_, part)| {
            let done = part.end().seq - first.seq;
            self.part(first.plus(done), len - done)
        })
    }

    fn run(&self, span: &Span) -> Run {
        Run { first: self.authors.op_id(span.first), len: span.len as u64, deleted: span.deleted }
    }
}
