//! The list of all characters ever inserted, in document order, as spans in a tree.

use super::index::Index;
use super::span::{Character, Id, Level, Span, SpanSum};
use super::tree::{Place, Tree};

/// A character: its span's place and its offset in the span. As a gap, it is the one in front of that character, and an
/// offset as large as the span's length is the one behind the span. Good until the next change.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Cursor {
    pub(super) place: Place,
    pub(super) offset: usize,
}

/// The list. Positions in it count deleted characters, unless they are called visible.
#[derive(Clone, Debug, Default)]
pub(super) struct Spans {
    tree: Tree<Span>,
    index: Index,
}

impl Spans {
    /// How many characters there are and how many are visible. O(1).
    pub(super) const fn sum(&self) -> SpanSum {
        self.tree.sum()
    }

    /// Whether all of these characters are here.
    pub(super) fn contains(&self, first: Id, len: u64) -> bool {
        self.index.contains(first, len)
    }

    /// The span at a place.
    pub(super) fn span(&self, place: Place) -> Option<&Span> {
        self.tree.get(place)
    }

    /// All spans in order, from a place on, each with its place.
    pub(super) fn from(&self, place: Option<Place>) -> impl Iterator<Item = (Place, &Span)> {
        let settle = |place| self.tree.settle(place);
        core::iter::successors(place.and_then(settle), move |place| settle(place.behind()))
            .filter_map(|place| Some((place, self.tree.get(place)?)))
    }

    /// Where the first span is.
    pub(super) fn first(&self) -> Option<Place> {
        self.tree.first()
    }

    /// A character by its id. O(log n).
    pub(super) fn find(&self, id: Id) -> Option<Cursor> {
        let leaf = self.index.leaf(id)?;
        let offsets = self.tree.items(leaf).iter().map(|span| span.offset(id));
        let (slot, offset) = offsets.enumerate().find_map(|(slot, offset)| Some((slot, offset?)))?;
        Some(Cursor { place: Place { leaf, slot }, offset })
    }

    /// A character by its place.
    pub(super) fn character(&self, cursor: Cursor) -> Option<Character> {
        self.span(cursor.place).map(|span| span.character(cursor.offset))
    }

    /// The gap behind a character, or at the start.
    pub(super) fn gap_behind(&self, left: Option<Cursor>) -> Cursor {
        left.map_or_else(|| self.at(0), |left| Cursor { offset: left.offset + 1, ..left })
    }

    /// The character behind a gap. O(1), or O(log n) at the end of a leaf.
    pub(super) fn behind(&self, gap: Cursor) -> Option<Cursor> {
        match self.span(gap.place) {
            Some(span) if gap.offset < span.len => Some(gap),
            _ => self.tree.settle(gap.place.behind()).map(|place| Cursor { place, offset: 0 }),
        }
    }

    /// The level of a character.
    pub(super) fn level(&self, cursor: Cursor) -> Level {
        self.span(cursor.place).map_or(Level::DEEPEST, |span| span.character(cursor.offset).level)
    }

    /// The position of a character. O(log n).
    pub(super) fn position(&self, cursor: Cursor) -> usize {
        self.tree.before(cursor.place).chars + cursor.offset
    }

    /// The visible position of a character, or where it would be, and whether it is visible. O(log n).
    pub(super) fn visible_position(&self, cursor: Cursor) -> (usize, bool) {
        let visible = self.span(cursor.place).is_some_and(|span| !span.deleted);
        (self.tree.before(cursor.place).visible + if visible { cursor.offset } else { 0 }, visible)
    }

    /// The character at a position, or the gap at the end. O(log n).
    pub(super) fn at(&self, position: usize) -> Cursor {
        let (place, before) = self.tree.seek(|sum| sum.chars > position);
        Cursor { place, offset: if self.span(place).is_some() { position - before.chars } else { 0 } }
    }

    /// The visible character at a visible position. O(log n).
    pub(super) fn at_visible(&self, position: usize) -> Option<Cursor> {
        let (place, before) = self.tree.seek(|sum| sum.visible > position);
        self.span(place).map(|_| Cursor { place, offset: position - before.visible })
    }

    /// The first character at or behind a position that is no deeper than `level`. O(log n).
    pub(super) fn first_up_to(&self, level: Level, position: usize) -> Option<Cursor> {
        let Cursor { place, offset } = self.at(position);
        let span = self.span(place)?;
        if span.character(offset).level <= level {
            return Some(Cursor { place, offset });
        }
        let place = self.tree.first_from(place.behind(), |sum| sum.level <= level)?;
        Some(Cursor { place, offset: 0 })
    }

    /// The last character in front of a position that is no deeper than `level`. O(log n).
    pub(super) fn last_up_to(&self, level: Level, position: usize) -> Option<Cursor> {
        let Cursor { place, offset } = self.at(position);
        let within = |place, len: usize| {
            let span = self.span(place)?;
            Some(Cursor { place, offset: span.last_up_to(level, len)? })
        };
        within(place, offset).or_else(|| {
            let place = self.tree.last_before(place, |sum| sum.level <= level)?;
            within(place, self.span(place)?.len)
        })
    }

    /// Inserts a span, of which nothing is here yet, in a gap. O(log n).
    pub(super) fn insert(&mut self, gap: Cursor, span: Span) {
        let Cursor { place, offset } = gap;
        let Some(here) = self.span(place).copied() else {
            // The end of the text, or of a leaf.
            return self.insert_behind(place.slot.checked_sub(1).map(|slot| Place { slot, ..place }), place, span);
        };
        match offset {
            0 => self.insert_behind(place.slot.checked_sub(1).map(|slot| Place { slot, ..place }), place, span),
            _ if offset == here.len => self.insert_behind(Some(place), place.behind(), span),
            _ => {
                self.tree.update(place, |head| *head = here.part(0, offset));
                let place = self.put(place.behind(), span);
                self.put(place.behind(), here.part(offset, here.len));
            }
        }
    }

    /// Marks `len` characters of one span as deleted, from a character on. O(log n).
    pub(super) fn delete(&mut self, from: Cursor, len: usize) {
        let Cursor { place, offset } = from;
        let Some(span) = self.span(place).copied() else {
            return;
        };
        let end = offset + len;
        let deleted = Span { deleted: true, ..span.part(offset, end) };
        let mut last = place;
        if offset == 0 {
            self.tree.update(place, |span| *span = deleted);
        } else {
            self.tree.update(place, |head| *head = span.part(0, offset));
            last = self.put(place.behind(), deleted);
        }
        if end < span.len {
            self.put(last.behind(), span.part(end, span.len));
        }
        if let Some(cursor) = self.find(deleted.first) {
            self.join_next(cursor.place);
            if let Some(slot) = cursor.place.slot.checked_sub(1) {
                self.join_next(Place { slot, ..cursor.place });
            }
        }
    }

    /// Lets the span in front go on with `span`, if it does, or else puts `span` at `place`.
    fn insert_behind(&mut self, before: Option<Place>, place: Place, span: Span) {
        match before {
            Some(before) if self.span(before).is_some_and(|head| head.goes_on_with(&span)) => {
                self.tree.update(before, |head| head.len += span.len);
                self.index.assign(span.first, span.end().seq, before.leaf);
            }
            _ => {
                self.put(place, span);
            }
        }
    }

    /// Puts a span in front of the one at `place`; gives its place.
    fn put(&mut self, place: Place, span: Span) -> Place {
        let inserted = self.tree.insert(place, span);
        self.index.assign(span.first, span.end().seq, inserted.place.leaf);
        if let Some(leaf) = inserted.split {
            for moved in self.tree.items(leaf) {
                self.index.assign(moved.first, moved.end().seq, leaf);
            }
        }
        inserted.place
    }

    /// Joins the span at `place` with the next one of its leaf, if it goes on with that.
    fn join_next(&mut self, place: Place) {
        if let [span, next, ..] = &self.tree.items(place.leaf)[place.slot..]
            && span.goes_on_with(next)
        {
            let len = next.len;
            self.tree.update(place, |span| span.len += len);
            self.tree.remove(place.behind());
        }
    }

    /// Asserts that tree and index agree and that every span is as it must be. For tests.
    pub(super) fn assert_invariants(&self) {
        let mut previous: Option<(Place, Span)> = None;
        self.tree.assert_invariants(|place, span| {
            assert!(span.len > 0, "an empty span");
            for offset in [0, span.len - 1] {
                let id = span.first.plus(offset);
                assert!(self.find(id) == Some(Cursor { place, offset }), "the index does not find a character");
            }
            if let Some((before, head)) = &previous {
                assert!(before.leaf != place.leaf || !head.goes_on_with(span), "spans of a leaf that should be one");
            }
            previous = Some((place, *span));
        });
        self.index.assert_invariants(self.sum().chars);
    }
}
