//! What changes the text.

use super::measure::Measure;
use super::nodes::Above;
use super::{Cursor, End, LEAF_BYTES_MAX, LeafId, Place, SHORT_BYTES_MAX, Sum, Weave};
use crate::text::span::Span;
use crate::units::Unit;

impl Weave {
    /// Inserts new characters, the newest of all, in a gap: a visible span and its letters, or a deleted one without. Gives where
    /// they end. O(log n + their length).
    pub(in super::super) fn insert(&mut self, gap: Cursor, span: Span, text: &str) -> End {
        self.come(gap.place.leaf);
        if text.len() > SHORT_BYTES_MAX {
            return self.insert_long(gap, span, text);
        }
        let Cursor { place: Place { leaf: id, slot }, offset } = self.make_room(gap, 2, text.len());
        self.index.append(span.first, id);
        let leaf = self.leaves.get_mut(id.0);
        let byte = leaf.byte(leaf.visible_before(slot, offset));
        leaf.insert_text(byte, text);
        leaf.visible += span.visible();
        let slot = leaf.put(slot, offset, span);
        self.grow(id, &Sum { chars: span.chars(), level: span.level, shown: Measure::of(text) });
        End { place: Place { leaf: id, slot }, byte: byte + text.len() }
    }

    /// Inserts long text as leaves of its own.
    fn insert_long(&mut self, gap: Cursor, span: Span, text: &str) -> End {
        let Cursor { place: Place { leaf: mut id, slot }, offset } = gap;
        let leaf = self.leaf(id);
        let slot = slot.min(leaf.spans.len());
        let (slot, offset) = match leaf.spans.get(slot) {
            Some(span) if offset == span.len() => (slot + 1, 0),
            _ => (slot, offset),
        };
        if slot < leaf.spans.len() {
            self.split(id, slot, offset);
        }
        let (mut rest, mut done, mut bytes) = (text, 0, 0);
        while !rest.is_empty() {
            let (piece, behind) = rest.split_at(rest.floor_char_boundary(LEAF_BYTES_MAX));
            rest = behind;
            let shown = Measure::of(piece);
            let part = span.part(done, done + shown.chars as usize);
            done += part.len();
            if !self.leaf(id).spans.is_empty() {
                let len = self.leaf(id).spans.len();
                id = self.split(id, len, 0);
                self.come(id);
            }
            self.index.append(part.first, id);
            let leaf = self.leaves.get_mut(id.0);
            leaf.insert_text(0, piece);
            leaf.visible = part.len();
            leaf.spans.push(part);
            self.grow(id, &Sum { chars: part.chars(), level: part.level, shown });
            bytes = piece.len();
        }
        End { place: Place { leaf: id, slot: 0 }, byte: bytes }
    }

    /// Lets the newest characters go on, as many as there are letters; gives where they end now, or nothing if their leaf has no room.
    pub(in super::super) fn lengthen(&mut self, end: End, text: &str) -> Option<End> {
        let End { place: Place { leaf: id, slot }, byte } = end;
        let leaf = self.leaves.get_mut(id.0);
        if leaf.text.len() + text.len() > LEAF_BYTES_MAX {
            return None;
        }
        let shown = Measure::of(text);
        leaf.insert_text(byte, text);
        leaf.visible += shown.chars as usize;
        leaf.spans.get_mut(slot)?.lengthen(shown.chars as usize);
        let sum = Sum { chars: shown.chars, shown, ..Sum::default() };
        self.grow(id, &sum);
        Some(End { byte: byte + text.len(), ..end })
    }

    /// The gap behind the newest characters.
    pub(in super::super) fn gap_at(&self, end: End) -> Cursor {
        let offset = self.leaf(end.place.leaf).spans.get(end.place.slot).map_or(0, Span::len);
        Cursor { place: end.place, offset }
    }

    /// Deletes visible characters from a visible position on, as many as there are; tells which, in document order. O(log n) for
    /// each leaf that it touches.
    pub(in super::super) fn delete(&mut self, at: usize, len: usize, mut deleted: impl FnMut(Unit, usize)) {
        let mut left = len.min((self.sum.shown.chars as usize).saturating_sub(at));
        while left > 0 {
            let (id, from) = self.leaf_at(at);
            self.near = (id, at - from);
            let Some((slot, offset)) = self.leaf(id).at_visible(from) else { return };
            let len = left.min(self.leaf(id).visible - from);
            left -= self.delete_in(Cursor { place: Place { leaf: id, slot }, offset }, from, len, &mut deleted);
        }
    }

    /// Deletes these characters, if they are visible, all of which are in one span; gives their visible position. O(log n).
    pub(in super::super) fn delete_part(&mut self, from: Cursor, len: usize) -> Option<usize> {
        let id = from.place.leaf;
        if self.span(from)?.0.is_deleted() {
            return None;
        }
        self.come(id);
        let visible = self.leaf(id).visible_before(from.place.slot, from.offset);
        let at = self.near.1 + visible;
        // Making room may have moved them.
        if self.delete_in(from, visible, len, &mut |_, _| ()) < len {
            self.delete(at, len, |_, _| ());
        }
        Some(at)
    }

    /// Deletes visible characters of the leaf that was come to, the first of which stands behind so many others; how many were
    /// deleted: none, if room had to be made first.
    fn delete_in(&mut self, from: Cursor, visible: usize, len: usize, deleted: &mut impl FnMut(Unit, usize)) -> usize {
        let Cursor { place: Place { leaf: id, slot }, offset } = from;
        if !self.has_room(id, 2, 0) {
            self.make_room(from, 2, 0);
            return 0;
        }
        let leaf = self.leaves.get_mut(id.0);
        let above = leaf.above;
        let shown = if len == leaf.visible {
            leaf.clear_text();
            self.sum_of(above).shown
        } else {
            let bytes = leaf.byte(visible)..leaf.byte(visible + len);
            let shown = Measure::of(&leaf.text[bytes.clone()]);
            leaf.remove_text(bytes);
            shown
        };
        let leaf = self.leaves.get_mut(id.0);
        leaf.visible -= len;
        let first = leaf.cut(slot, offset);
        let (mut at, mut left) = (first, len);
        while left > 0 {
            let span = leaf.spans[at];
            if !span.is_deleted() {
                let part = span.len().min(left);
                leaf.cut(at, part);
                leaf.spans[at] = leaf.spans[at].deleted();
                deleted(span.first, part);
                left -= part;
            }
            at += 1;
        }
        leaf.join(first.saturating_sub(1), at);
        self.shrink(id, &shown);
        len
    }

    /// An edit comes in this leaf: the next one is likely near.
    pub(super) fn come(&mut self, leaf: LeafId) {
        if self.near.0 != leaf {
            self.near = (leaf, self.visible_before(leaf));
        }
    }

    /// Brings the sums above a leaf, and its own, up to date, to which so much came.
    fn grow(&mut self, leaf: LeafId, more: &Sum) {
        let mut above = self.leaf(leaf).above;
        while above != Above::NONE {
            let (inner, slot) = (self.inners.get_mut(above.parent), above.slot as usize);
            inner.chars[slot] += more.chars;
            inner.levels[slot] = inner.levels[slot].min(more.level);
            inner.shown[slot].add(&more.shown);
            above = inner.above;
        }
        self.sum.add(more);
    }

    /// The same, from which so much of the visible text went.
    fn shrink(&mut self, leaf: LeafId, less: &Measure) {
        let mut above = self.leaf(leaf).above;
        while above != Above::NONE {
            let inner = self.inners.get_mut(above.parent);
            inner.shown[above.slot as usize].take(less);
            above = inner.above;
        }
        self.sum.shown.take(less);
    }
}
