//! The list of all characters ever inserted, in document order, as spans in a tree.

use alloc::vec::Vec;

use super::index::Index;
use super::span::{Level, Span, SpanSum};
use super::tree::{Item, LeafId, Place, Tree};
use crate::units::Unit;

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
    /// The leaf of the last edit and how many visible characters stand in front of it: the next edit is likely near.
    near: Option<(LeafId, usize)>,
}

impl Spans {
    /// These spans, in document order, with an index that knows the leaves that [`LeafId::of_filled`] tells.
    pub(super) fn filled(spans: Vec<Span>, index: Index) -> Self {
        Self { tree: Tree::filled(spans), index, near: None }
    }

    /// How many characters there are and how many are visible. O(1).
    pub(super) const fn sum(&self) -> &SpanSum {
        self.tree.sum()
    }

    /// How many characters there are, deleted ones included. O(1).
    pub(super) const fn len(&self) -> usize {
        self.tree.sum().chars as usize
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

    /// A character by its number. O(log n).
    pub(super) fn find(&self, unit: Unit) -> Option<Cursor> {
        let leaf = self.index.leaf(unit)?;
        let offsets = self.tree.items(leaf).iter().map(|span| span.offset(unit));
        let (slot, offset) = offsets.enumerate().find_map(|(slot, offset)| Some((slot, offset?)))?;
        Some(Cursor { place: Place { leaf, slot }, offset })
    }

    /// The number of a character.
    pub(super) fn unit(&self, cursor: Cursor) -> Option<Unit> {
        self.span(cursor.place).map(|span| span.first.plus(cursor.offset))
    }

    /// The gap behind a character, or at the start.
    pub(super) fn gap_behind(&self, left: Option<Cursor>) -> Cursor {
        left.map_or_else(|| self.at(0), |left| Cursor { offset: left.offset + 1, ..left })
    }

    /// The character behind a gap. O(1), or O(log n) at the end of a leaf.
    pub(super) fn behind(&self, gap: Cursor) -> Option<Cursor> {
        match self.span(gap.place) {
            Some(span) if gap.offset < span.len() => Some(gap),
            _ => self.tree.settle(gap.place.behind()).map(|place| Cursor { place, offset: 0 }),
        }
    }

    /// The level of a character.
    pub(super) fn level(&self, cursor: Cursor) -> Level {
        self.span(cursor.place).map_or(Level::DEEPEST, |span| span.level(cursor.offset))
    }

    /// The position of a character. O(log n).
    pub(super) fn position(&self, cursor: Cursor) -> usize {
        self.tree.before(cursor.place).chars as usize + cursor.offset
    }

    /// The visible position of a character, or where it would be, and whether it is visible. O(log n).
    pub(super) fn visible_position(&self, cursor: Cursor) -> (usize, bool) {
        let visible = self.span(cursor.place).is_some_and(|span| !span.is_deleted());
        let in_front = match self.near {
            Some((leaf, before)) if leaf == cursor.place.leaf => {
                before + self.tree.items(leaf)[..cursor.place.slot].iter().map(Span::visible).sum::<usize>()
            }
            _ => self.tree.before(cursor.place).visible as usize,
        };
        (in_front + if visible { cursor.offset } else { 0 }, visible)
    }

    /// The character at a position, or the gap at the end. O(log n).
    pub(super) fn at(&self, position: usize) -> Cursor {
        let (place, offset) = self.tree.seek(goal(position), |sum| sum.chars);
        Cursor { place, offset: if self.span(place).is_some() { offset as usize } else { 0 } }
    }

    /// The visible character at a visible position. O(log n), O(1) near the last edit.
    pub(super) fn at_visible(&self, position: usize) -> Option<Cursor> {
        if let Some((leaf, before)) = self.near
            && let Some(rest) = position.checked_sub(before)
        {
            let (place, offset) = self.tree.seek_in(leaf, goal(rest), |sum| sum.visible);
            if self.span(place).is_some() {
                return Some(Cursor { place, offset: offset as usize });
            }
        }
        let (place, offset) = self.tree.seek(goal(position), |sum| sum.visible);
        self.span(place).map(|_| Cursor { place, offset: offset as usize })
    }

    /// An edit comes in this leaf, at a character or gap that stands at this visible position: the next one is likely near.
    fn stay_near(&mut self, cursor: Cursor, position: usize) {
        let Cursor { place, offset } = cursor;
        if self.near.is_none_or(|(leaf, _)| leaf != place.leaf) {
            let items = &self.tree.items(place.leaf)[..place.slot];
            let in_front = items.iter().map(Span::visible).sum::<usize>();
            let own = if self.span(place).is_some_and(|span| !span.is_deleted()) { offset } else { 0 };
            self.near = Some((place.leaf, position.saturating_sub(in_front + own)));
        }
    }

    /// The first character at or behind a position that is no deeper than `level`. O(log n).
    pub(super) fn first_up_to(&self, level: Level, position: usize) -> Option<Cursor> {
        let Cursor { place, offset } = self.at(position);
        let span = self.span(place)?;
        if span.level(offset) <= level {
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
            within(place, self.span(place)?.len())
        })
    }

    /// Inserts a span of new characters, the newest of all, in a gap that stands at this visible position; gives where the span
    /// that holds them is. O(log n).
    pub(super) fn insert(&mut self, gap: Cursor, at: usize, span: Span) -> Place {
        self.stay_near(gap, at);
        let Cursor { place, offset } = gap;
        let Some(here) = self.span(place).copied() else {
            // The end of the text, or of a leaf.
            return self.insert_behind(place.in_front(), place, span);
        };
        match offset {
            0 => self.insert_behind(place.in_front(), place, span),
            _ if offset == here.len() => self.insert_behind(Some(place), place.behind(), span),
            _ => {
                let parts = [here.part(0, offset), span, here.part(offset, here.len())];
                let place = self.replace(place, parts).behind();
                self.index.append(span.first, place.leaf);
                place
            }
        }
    }

    /// Lets the span at a place go on with new characters, the newest of all. O(height).
    pub(super) fn lengthen(&mut self, place: Place, by: usize) {
        if let Some(span) = self.span(place) {
            let more = Span::new(span.first, by, Level::DEEPEST).sum();
            self.tree.grow(place, &more, |span| span.lengthen(by));
        }
    }

    /// Marks `len` characters of one span as deleted, from the one on that stands at this visible position. O(log n).
    pub(super) fn delete(&mut self, from: Cursor, at: usize, len: usize) {
        self.stay_near(from, at);
        let Cursor { place, offset } = from;
        let Some(span) = self.span(place).copied() else { return };
        let end = offset + len;
        let deleted = span.part(offset, end).deleted();
        let rest = span.part(end, span.len());
        match (offset > 0, end < span.len()) {
            (false, false) => {
                self.tree.update(place, |span| *span = deleted);
                self.join_next(place);
                if let Some(before) = place.in_front() {
                    self.join_next(before);
                }
            }
            (true, false) if self.give_next(place, span, len) => {}
            (false, true) if self.give_previous(place, span, len) => {}
            (true, false) => {
                self.replace(place, [span.part(0, offset), deleted]);
            }
            (false, true) => {
                self.replace(place, [deleted, rest]);
            }
            (true, true) => {
                self.replace(place, [span.part(0, offset), deleted, rest]);
            }
        }
    }

    /// Puts parts in the place of a span; gives where the first of them is.
    fn replace<const N: usize>(&mut self, place: Place, parts: [Span; N]) -> Place {
        let room = self.tree.make_room(place, N - 1);
        self.moved(room.split);
        self.tree.replace(room.place, parts);
        room.place
    }

    /// Spans have moved to a new leaf.
    fn moved(&mut self, to: Option<LeafId>) {
        if let Some(leaf) = to {
            for span in self.tree.items(leaf) {
                self.index.assign(span.first, span.end(), leaf);
            }
        }
    }

    /// Moves the last `len` characters of a span to the tombstone behind it, if they go on with it.
    fn give_next(&mut self, place: Place, span: Span, len: usize) -> bool {
        let kept = span.len() - len;
        let deleted = span.part(kept, span.len()).deleted();
        let Some(next) = self.tree.get(place.behind()).filter(|next| deleted.goes_on_with(next)) else { return false };
        let more = next.len();
        self.tree.update_pair(place, |head, tombstone| {
            *head = span.part(0, kept);
            *tombstone = deleted;
            tombstone.lengthen(more);
        });
        true
    }

    /// Moves the first `len` characters of a span to the tombstone in front of it, if that goes on with them.
    fn give_previous(&mut self, place: Place, span: Span, len: usize) -> bool {
        let deleted = span.part(0, len).deleted();
        let Some(before) = place.in_front() else { return false };
        if !self.tree.get(before).is_some_and(|tombstone| tombstone.goes_on_with(&deleted)) {
            return false;
        }
        self.tree.update_pair(before, |tombstone, rest| {
            tombstone.lengthen(len);
            *rest = span.part(len, span.len());
        });
        true
    }

    /// Lets the span in front go on with new characters, if they do, or else puts them at `place`; gives where they are.
    fn insert_behind(&mut self, before: Option<Place>, place: Place, span: Span) -> Place {
        match before {
            Some(before) if self.span(before).is_some_and(|head| head.goes_on_with(&span)) => {
                self.tree.update(before, |head| head.lengthen(span.len()));
                self.index.append(span.first, before.leaf);
                before
            }
            _ => {
                let inserted = self.tree.insert(place, span);
                self.index.append(span.first, inserted.place.leaf);
                self.moved(inserted.split);
                inserted.place
            }
        }
    }

    /// Joins the span at `place` with the next one of its leaf, if it goes on with that.
    fn join_next(&mut self, place: Place) {
        if let [span, next, ..] = &self.tree.items(place.leaf)[place.slot..]
            && span.goes_on_with(next)
        {
            let len = next.len();
            self.tree.update(place, |span| span.lengthen(len));
            self.tree.remove(place.behind());
        }
    }

    /// Asserts that index and tree agree and that what could be one span is one. For tests.
    pub(super) fn assert_invariants(&self) {
        let mut previous: Option<(Place, Span)> = None;
        let mut before = 0;
        self.tree.assert_invariants(|place, span| {
            assert!(span.len() > 0, "an empty span");
            for unit in [span.first, span.first.plus(span.len() / 2), span.first.plus(span.len() - 1)] {
                assert!(self.index.leaf(unit) == Some(place.leaf), "the index has {unit:?} in another leaf");
            }
            if let Some((_, other)) = previous.filter(|(other, _)| other.leaf == place.leaf) {
                assert!(!other.goes_on_with(span), "two spans that could be one");
            }
            if let Some((leaf, expected)) = self.near
                && leaf == place.leaf
                && place.slot == 0
            {
                assert!(expected == before, "the remembered leaf starts elsewhere");
            }
            before += span.visible();
            previous = Some((place, *span));
        });
        self.index.assert_invariants();
    }
}

/// A position as the tree counts; behind the end if it is larger than any.
fn goal(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}
