#![doc = include_str!("text/README.md")]

mod build;
mod index;
mod inserted;
mod integrate;
mod loom;
mod span;
mod weave;

#[cfg(test)]
mod tests;

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use crate::id::OpId;
use crate::units::{Unit, Units};

pub(crate) use self::inserted::{Inserted, InsertedRun};
use self::integrate::{Known, Slot};
pub(crate) use self::loom::{Loom, Node};
use self::span::Span;
pub use self::weave::Chunks;
use self::weave::{Cursor, End, Weave};

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
    units: Units,
    inserted: Inserted,
    weave: Weave,
    typing: Option<Typing>,
}

/// A character: its number and where it is. Good until the text changes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Spot {
    /// The number.
    pub(crate) unit: Unit,
    cursor: Cursor,
}

/// Where the newest characters end: whoever types on lengthens their span, their run and their piece, and searches nothing.
#[derive(Clone, Copy, Debug)]
struct Typing {
    place: End,
    /// The visible position behind them.
    at: usize,
    /// The unit behind them.
    end: Unit,
    /// Whether their right origin stands right behind them.
    joins: bool,
}

impl Text {
    /// The empty text.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many chars are visible. O(1).
    pub fn len_chars(&self) -> usize {
        self.weave.sum().shown.chars as usize
    }

    /// The length of the visible text in bytes of UTF-8. O(1).
    pub fn len_bytes(&self) -> usize {
        self.weave.sum().shown.bytes as usize
    }

    /// How many lines there are: one more than there are `\n`. O(1).
    pub fn len_lines(&self) -> usize {
        self.weave.sum().shown.line_ends as usize + 1
    }

    /// The visible text of a range of chars, in pieces of at most 2 KiB. The range is clamped to the text. O(log n) to the
    /// first piece, O(1) amortised to each further one.
    pub fn chunks(&self, range: Range<usize>) -> Chunks<'_> {
        let start = self.char_to_byte(range.start);
        self.weave.chunks(start..self.char_to_byte(range.end).max(start))
    }

    /// The visible text of a range of chars, which is clamped to the text. O(log n + its length).
    pub fn slice(&self, range: Range<usize>) -> String {
        self.chunks(range).collect()
    }

    /// The byte at which a char starts; the text's length in bytes if there is no such char. O(log n).
    pub fn char_to_byte(&self, char: usize) -> usize {
        self.weave.char_to_byte(char)
    }

    /// The char that a byte is part of; the text's length in chars if there is no such byte. O(log n).
    pub fn byte_to_char(&self, byte: usize) -> usize {
        self.weave.byte_to_char(byte)
    }

    /// The line, from 0, that a char position is on; a `\n` is part of the line that it ends. O(log n).
    pub fn char_to_line(&self, char: usize) -> usize {
        self.weave.char_to_line(char)
    }

    /// The first char of a line; the text's length in chars behind the last line. O(log n).
    pub fn line_to_char(&self, line: usize) -> usize {
        self.weave.line_to_char(line)
    }

    /// How many units of UTF-16 are in front of a char position; all if it is behind the end. O(log n).
    pub fn char_to_utf16(&self, char: usize) -> usize {
        self.weave.char_to_utf16(char)
    }

    /// The char that a unit of UTF-16 is part of; the text's length in chars if there is no such unit. O(log n).
    pub fn utf16_to_char(&self, unit: usize) -> usize {
        self.weave.utf16_to_char(unit)
    }

    /// The id of the visible char at a position. O(log n).
    pub fn id_at(&self, char: usize) -> Option<OpId> {
        let unit = self.weave.at_visible(char).and_then(|cursor| self.weave.unit(cursor))?;
        Some(self.units.id(unit))
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
            let cursor = self.find(self.units.unit(id)?)?;
            Some(self.weave.visible_position(cursor))
        };
        match anchor {
            Anchor::Start => Some(0),
            Anchor::End => Some(self.len_chars()),
            Anchor::Before(id) => stood_at(id).map(|(position, _)| position),
            Anchor::After(id) => stood_at(id).map(|(position, visible)| position + usize::from(visible)),
        }
    }

    /// All characters in document order, deleted ones included. Neighbouring runs may belong together. O(1) amortised each, O(log n)
    /// where the author changes.
    pub fn runs(&self) -> impl Iterator<Item = Run> + '_ {
        self.weave.spans().flat_map(|span| self.runs_of(span.first, span.len(), span.is_deleted()))
    }

    /// Who wrote a range of chars, which is clamped to the text: its visible characters in order. O(log n) to the first run.
    pub fn visible_runs(&self, range: Range<usize>) -> impl Iterator<Item = Run> + '_ {
        self.visible_parts(range).flat_map(|(first, len)| self.runs_of(first, len, false))
    }

    /// The visible characters of a range, which is clamped to the text, in order: runs of consecutive numbers. O(log n) to the
    /// first.
    pub(crate) fn visible_parts(&self, range: Range<usize>) -> impl Iterator<Item = (Unit, usize)> + '_ {
        let start = self.weave.at_visible(range.start);
        let mut skip = start.map_or(0, |cursor| cursor.offset);
        let mut left = range.len();
        let visible = self.weave.from(start).filter(|span| !span.is_deleted());
        visible.map_while(move |span| {
            let end = span.len().min(skip.saturating_add(left));
            let part = (end > skip).then(|| span.part(skip, end))?;
            left -= part.len();
            skip = 0;
            Some((part.first, part.len()))
        })
    }

    /// All characters in document order, deleted ones included: runs of consecutive numbers.
    pub(crate) fn in_order(&self) -> impl Iterator<Item = (Unit, usize)> + '_ {
        self.weave.spans().map(|span| (span.first, span.len()))
    }

    /// All units by number.
    pub(crate) const fn units(&self) -> &Units {
        &self.units
    }

    /// Everything that was inserted.
    pub(crate) const fn inserted(&self) -> &Inserted {
        &self.inserted
    }

    /// Numbers units that are not characters.
    pub(crate) fn pass(&mut self, first: OpId, len: usize) -> Unit {
        self.units.push(first, len)
    }

    /// A character, deleted or not; `None`: the unit is none. O(log n), O(1) near the last edit.
    pub(crate) fn spot(&self, unit: Unit) -> Option<Spot> {
        self.find(unit).map(|cursor| Spot { unit, cursor })
    }

    /// The same for one that is likely to stand right behind another one, or at the start. O(1) if it does.
    pub(crate) fn spot_behind(&self, left: Option<Spot>, unit: Unit) -> Option<Spot> {
        let behind = self.weave.behind(self.weave.gap_behind(left.map(|left| left.cursor)));
        let cursor = behind.filter(|behind| self.weave.unit(*behind) == Some(unit)).or_else(|| self.find(unit))?;
        Some(Spot { unit, cursor })
    }

    /// The first of these characters, if there are so many, all in one span: deleted or not. O(log n), O(1) near the last edit.
    pub(crate) fn together(&self, unit: Unit, len: usize) -> Option<Spot> {
        let (cursor, part) = self.part(unit, len)?;
        (part.len() == len).then_some(Spot { unit, cursor })
    }

    /// Whether all of these characters were inserted here, deleted or not. O(log n) for characters that lie together.
    pub(crate) fn contains(&self, first: OpId, len: u64) -> bool {
        let mut left = usize::try_from(len).unwrap_or(usize::MAX);
        let mut next = first;
        while left > 0 {
            let Some((unit, run)) = self.units.run(next) else { return false };
            let part = run.min(left);
            // Those of one span are all characters if the first is.
            let together = self.part(unit, part).map_or(0, |(_, span)| span.len());
            if together == 0 || (together < part && !self.inserted.contains(unit, part)) {
                return false;
            }
            (next, left) = (next.plus(part as u64), left - part);
        }
        true
    }

    /// Where those of these characters that are visible stand now: ranges of chars in document order. O(log n) for each span
    /// that holds some of them.
    pub(crate) fn visible_ranges(&self, first: Unit, len: usize) -> Vec<Range<usize>> {
        let mut ranges: Vec<Range<usize>> = Vec::new();
        for (cursor, part) in self.parts(first, len).filter(|(_, part)| !part.is_deleted()) {
            let (at, _) = self.weave.visible_position(cursor);
            match ranges.last_mut() {
                Some(last) if last.end == at => last.end += part.len(),
                _ => ranges.push(at..at + part.len()),
            }
        }
        ranges.sort_unstable_by_key(|range| range.start);
        ranges
    }

    /// These characters as they lie together now: for each run of neighbours its first and how many there are.
    pub(crate) fn neighbours(&self, first: Unit, len: usize) -> Vec<(Unit, usize)> {
        self.parts(first, len).map(|(_, part)| (part.first, part.len())).collect()
    }

    /// Inserts an own run of so many chars at a visible position, which is not behind the end. The ids must be new.
    /// O(log n + length of the text), O(length of the text) where the last insert ended.
    pub(crate) fn insert(&mut self, at: usize, first: OpId, text: &str, len: usize) {
        let goes_on = |typing: &Typing| typing.at == at && typing.joins && typing.end == self.units.end();
        if let Some(typing) = self.typing.filter(goes_on) {
            self.type_on(typing, first, text, len);
        } else {
            let left = at.checked_sub(1).and_then(|left| self.weave.go_to(left));
            self.put_behind(left, at, first, text, len);
        }
    }

    /// Inserts an own run right behind a character that is here, deleted or not; gives its visible position and length in chars.
    /// The ids must be new. O(log n + length of the text).
    pub(crate) fn insert_behind(&mut self, behind: Unit, first: OpId, text: &str) -> (usize, usize) {
        let left = self.find(behind);
        let at = left.map_or(0, |left| {
            let (position, visible) = self.weave.visible_position(left);
            position + usize::from(visible)
        });
        let len = text.chars().count();
        self.put_behind(left, at, first, text, len);
        (at, len)
    }

    /// Deletes a range of visible chars, which ends in the text; tells what it deleted as runs of ascending numbers, in document
    /// order. O(log n) for each span that it touches.
    pub(crate) fn delete(&mut self, range: Range<usize>, deleted: impl FnMut(Unit, usize)) {
        self.typing = None;
        self.weave.delete(range.start, range.len(), deleted);
    }

    /// Inserts somebody's run; gives the visible change. The ids must be new, and the origins must be here. A `right` that does
    /// not stand behind `left` counts as `None`. O(log n + length of the text), O(log² n) where others wrote at the same place,
    /// O(length of the text) where the run goes on with the newest one.
    pub(crate) fn integrate_insert(
        &mut self,
        first: OpId,
        left: Option<OpId>,
        right: Option<OpId>,
        text: &str,
    ) -> Splice {
        let unit = |id: Option<OpId>| id.and_then(|id| self.units.unit(id));
        let left = unit(left).and_then(|left| self.spot(left));
        let right = unit(right).and_then(|right| self.spot_behind(left, right));
        self.integrate_at(first, left, right, text)
    }

    /// The same between characters that were looked for before.
    pub(crate) fn integrate_at(&mut self, first: OpId, left: Option<Spot>, right: Option<Spot>, text: &str) -> Splice {
        match left.and_then(|left| self.typing_behind(left.unit)) {
            Some(typing) if self.inserted.last_right() == right.map(|right| right.unit) => {
                self.integrate_behind(typing, first, text)
            }
            _ => self.integrate_between(first, left, right, text),
        }
    }

    /// Inserts somebody's run that goes on behind a character and in front of what that one was inserted in front of; gives the
    /// visible change. The ids must be new. O(length of the text) where that is the newest character, else as
    /// [`Self::integrate_insert`].
    pub(crate) fn integrate_further(&mut self, first: OpId, previous: Unit, text: &str) -> Splice {
        if let Some(typing) = self.typing_behind(previous) {
            return self.integrate_behind(typing, first, text);
        }
        let right = self.inserted.right(previous).and_then(|right| self.spot(right));
        self.integrate_between(first, self.spot(previous), right, text)
    }

    /// Where the newest characters end, if this is the last of them and what is typed behind it joins it.
    fn typing_behind(&self, left: Unit) -> Option<Typing> {
        let end = self.units.end();
        self.typing.filter(|typing| typing.joins && typing.end == end && left.plus(1) == end)
    }

    /// The same where that is the newest unit of all, if it is a character that what is typed behind it joins. O(length of the text).
    pub(crate) fn integrate_typed(&mut self, first: OpId, text: &str) -> Option<Splice> {
        let typing = self.typing.filter(|typing| typing.joins && typing.end == self.units.end())?;
        Some(self.integrate_behind(typing, first, text))
    }

    /// Inserts somebody's run that goes on with the newest one.
    fn integrate_behind(&mut self, typing: Typing, first: OpId, text: &str) -> Splice {
        let inserted = count(text);
        self.type_on(typing, first, text, inserted);
        Splice { at: typing.at, deleted: 0, inserted }
    }

    fn integrate_between(&mut self, first: OpId, left: Option<Spot>, right: Option<Spot>, text: &str) -> Splice {
        let (left_unit, left) = (left.map(|left| left.unit), left.map(|left| left.cursor));
        let right = right.map(|right| right.cursor);
        let known = Known { weave: &self.weave, units: &self.units, inserted: &self.inserted };
        let slot = integrate::find_slot(known, first, left, right);
        let (at, _) = self.weave.visible_position(slot.gap);
        let joins = self.weave.behind(slot.gap).and_then(|behind| self.weave.unit(behind)) == slot.right;
        let inserted = count(text);
        self.put(slot, left_unit, at, first, text, inserted);
        if let Some(typing) = &mut self.typing {
            typing.joins = joins;
        }
        Splice { at, deleted: 0, inserted }
    }

    /// Deletes characters of somebody's choice, which must be here; those that are deleted already stay so. Tells the visible
    /// changes in the order in which they were applied. O(log n) for each span that it touches.
    pub(crate) fn integrate_delete(&mut self, first: Unit, len: usize, mut deleted: impl FnMut(Splice)) {
        self.typing = None;
        let mut last: Option<Splice> = None;
        let mut next = self.part(first, len);
        while let Some((cursor, part)) = next {
            if let Some(at) = self.weave.delete_part(cursor, part.len()) {
                let splice = Splice { at, deleted: part.len(), inserted: 0 };
                match &mut last {
                    Some(last) if last.at == at => last.deleted += part.len(),
                    _ => last.replace(splice).into_iter().for_each(&mut deleted),
                }
            }
            let done = part.end().index() - first.index();
            next = self.part(first.plus(done), len - done);
        }
        last.into_iter().for_each(deleted);
    }

    /// Panics if an inner invariant is broken: for tests. O(n).
    #[doc(hidden)]
    pub fn assert_invariants(&self) {
        self.weave.assert_invariants();
    }

    /// Deletes characters that are all in one span; gives the visible change, if they were not deleted before. O(log n).
    pub(crate) fn delete_together(&mut self, first: Spot, len: usize) -> Option<Splice> {
        self.typing = None;
        let at = self.weave.delete_part(first.cursor, len)?;
        Some(Splice { at, deleted: len, inserted: 0 })
    }

    /// Lets the newest characters, where the last insert ended, go on.
    fn type_on(&mut self, typing: Typing, first: OpId, text: &str, len: usize) {
        let place = self.weave.lengthen(typing.place, text).unwrap_or_else(|| {
            let gap = self.weave.gap_at(typing.place);
            self.weave.insert(gap, Span::new(typing.end, len, self.weave.level(gap)), text)
        });
        self.units.push(first, len);
        self.inserted.lengthen(len, text);
        self.typing = Some(Typing { place, at: typing.at + len, end: typing.end.plus(len), ..typing });
    }

    /// Puts an own run right behind a character, or at the start.
    fn put_behind(&mut self, left: Option<Cursor>, at: usize, first: OpId, text: &str, len: usize) {
        let gap = self.weave.gap_behind(left);
        let behind = self.weave.behind(gap);
        let level = integrate::level_between(&self.weave, left, behind);
        let unit = |cursor: Option<Cursor>| cursor.and_then(|cursor| self.weave.unit(cursor));
        let (left, right) = (unit(left), unit(behind));
        self.put(Slot { gap, level, right }, left, at, first, text, len);
    }

    /// Puts a run in its gap.
    fn put(&mut self, slot: Slot, left: Option<Unit>, at: usize, first: OpId, text: &str, len: usize) {
        if len > 0 {
            let start = self.units.push(first, len);
            let place = self.weave.insert(slot.gap, Span::new(start, len, slot.level), text);
            self.inserted.push(InsertedRun { start, len, left, right: slot.right }, text);
            self.typing = Some(Typing { place, at: at + len, end: start.plus(len), joins: true });
        }
    }

    /// A character by its number, if the unit is one.
    fn find(&self, unit: Unit) -> Option<Cursor> {
        self.weave.find(unit)
    }

    /// The first of these characters and those that follow it in its span, if there are any and it is here.
    fn part(&self, first: Unit, len: usize) -> Option<(Cursor, Span)> {
        let cursor = if len == 0 { None } else { self.find(first) }?;
        let (span, _) = self.weave.span(cursor)?;
        let end = cursor.offset.saturating_add(len);
        Some((cursor, span.part(cursor.offset, end.min(span.len()))))
    }

    /// These characters, as [`Self::part`] gives them.
    fn parts(&self, first: Unit, len: usize) -> impl Iterator<Item = (Cursor, Span)> + '_ {
        core::iter::successors(self.part(first, len), move |(_, part)| {
            let done = part.end().index() - first.index();
            self.part(first.plus(done), len - done)
        })
    }

    /// Characters with consecutive numbers as runs of one author each.
    fn runs_of(&self, first: Unit, len: usize, deleted: bool) -> impl Iterator<Item = Run> + '_ {
        let mut done = 0;
        core::iter::from_fn(move || {
            let left = len.checked_sub(done).filter(|left| *left > 0)?;
            let (id, run) = self.units.id_run(first.plus(done));
            let part = run.min(left);
            done += part;
            Some(Run { first: id, len: part as u64, deleted })
        })
    }
}

/// How many chars a text has. Most texts are typed.
fn count(text: &str) -> usize {
    if text.len() == 1 { 1 } else { text.chars().count() }
}
