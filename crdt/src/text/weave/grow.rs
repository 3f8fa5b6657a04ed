//! How the tree grows: built at once, or a leaf split in two.

use alloc::string::String;
use alloc::vec::Vec;

use arrayvec::ArrayVec;

use super::arena::Arena;
use super::nodes::{Above, Inner, Leaf};
use super::{CHILDREN_MAX, Cursor, LEAF_BYTES_MAX, LEAF_SPANS_MAX, LeafId, Place, Sum, Weave};
use crate::text::index::Index;
use crate::text::span::Span;

/// How many spans and bytes of a leaf, and children of an inner node, there are after [`Weave::filled`]: there is room for the
/// first edits. Any char fits.
const LEAF_SPANS_FILLED: usize = LEAF_SPANS_MAX / 4 * 3;
const LEAF_BYTES_FILLED: usize = LEAF_BYTES_MAX / 5 * 4;
const CHILDREN_FILLED: usize = CHILDREN_MAX / 4 * 3;

/// Spans that come to lie in leaves one after the other.
#[derive(Debug, Default)]
pub(in super::super) struct Packing {
    spans: Vec<Span>,
    /// For each leaf but the last, how many spans and bytes are in front of its end.
    ends: Vec<(usize, usize)>,
    /// How many bytes there are.
    bytes: usize,
}

impl Packing {
    pub(in super::super) fn with_capacity(spans: usize) -> Self {
        Self { spans: Vec::with_capacity(spans), ..Self::default() }
    }

    /// How many bytes of letters the next span may have; a leaf is begun for it where it needs one.
    pub(in super::super) fn room(&mut self) -> usize {
        let (spans, bytes) = self.ends.last().copied().unwrap_or_default();
        let room = (bytes + LEAF_BYTES_FILLED).saturating_sub(self.bytes);
        if self.spans.len() - spans < LEAF_SPANS_FILLED && room >= char::MAX.len_utf8() {
            return room;
        }
        self.ends.push((self.spans.len(), self.bytes));
        LEAF_BYTES_FILLED
    }

    /// Adds a span, for whose letters there is room; gives its leaf.
    pub(in super::super) fn push(&mut self, span: Span, bytes: usize) -> LeafId {
        let (start, count) = (self.ends.last().map_or(0, |end| end.0), self.spans.len());
        self.bytes += bytes;
        match self.spans.last_mut() {
            Some(last) if start < count && last.goes_on_with(&span) => last.lengthen(span.len()),
            _ => self.spans.push(span),
        }
        // There are no more leaves than spans, which are no more than units.
        LeafId(u32::try_from(self.ends.len()).unwrap_or(u32::MAX))
    }
}

impl Weave {
    /// These spans, with their visible text, and an index that knows the leaves they were told to lie in. O(n).
    pub(in super::super) fn filled(packing: Packing, text: &str, index: Index) -> Self {
        let Packing { spans, mut ends, .. } = packing;
        ends.push((spans.len(), text.len()));
        let (mut leaves, mut nodes) = (Arena::new(), Vec::with_capacity(ends.len()));
        let mut start = (0, 0);
        for (at, end) in ends.iter().enumerate() {
            let mut leaf = Leaf::new(Above::NONE);
            leaf.spans.extend(spans[start.0..end.0].iter().copied());
            leaf.text = String::from(&text[start.1..end.1]);
            leaf.visible = leaf.spans.iter().map(Span::visible).sum();
            leaf.next = (at + 1 < ends.len()).then(|| LeafId(u32::try_from(at + 1).unwrap_or(u32::MAX)));
            let sum = leaf.sum();
            nodes.push((leaves.add(leaf), sum));
            start = *end;
        }
        let near = (LeafId(nodes[0].0), 0);
        let mut weave = Self { leaves, inners: Arena::new(), root: 0, height: 0, sum: Sum::default(), index, near };
        while nodes.len() > 1 {
            let mut parents = Vec::with_capacity(nodes.len() / CHILDREN_FILLED + 1);
            for group in nodes.chunks(CHILDREN_FILLED) {
                let inner = Inner::new(Above::NONE, group);
                let sum = inner.sum();
                let id = weave.inners.add(inner);
                weave.adopt(id, 0, weave.height);
                parents.push((id, sum));
            }
            nodes = parents;
            weave.height += 1;
        }
        (weave.root, weave.sum) = nodes[0];
        weave
    }

    /// Sees to it that the leaf of a gap has room for so many more spans, at most half of what a leaf holds, and bytes; gives where
    /// the gap is now.
    pub(super) fn make_room(&mut self, mut gap: Cursor, spans: usize, bytes: usize) -> Cursor {
        loop {
            let Cursor { place: Place { leaf: id, slot }, offset } = gap;
            if self.has_room(id, spans, bytes) {
                return gap;
            }
            let leaf = self.leaf(id);
            let len = leaf.spans.len();
            let is_end = slot >= len || (slot + 1 == len && offset == leaf.spans[slot].len());
            if is_end {
                // Whoever writes on at the end leaves full leaves behind.
                let leaf = self.split(id, len, 0);
                return self.come_to(Cursor { place: Place { leaf, slot: 0 }, offset: 0 });
            }
            let (cut, within) = if len > 1 { (len / 2, 0) } else { (0, leaf.spans[0].len() / 2) };
            let new = self.split(id, cut, within);
            if (slot, offset) > (cut, within) {
                let place = Place { leaf: new, slot: slot - cut };
                gap = self.come_to(Cursor { place, offset: offset - if slot == cut { within } else { 0 } });
            }
        }
    }

    /// Whether a leaf has room for so many more spans and bytes.
    pub(super) fn has_room(&self, id: LeafId, spans: usize, bytes: usize) -> bool {
        let leaf = self.leaf(id);
        leaf.spans.len() + spans <= LEAF_SPANS_MAX && leaf.text.len() + bytes <= LEAF_BYTES_MAX
    }

    fn come_to(&mut self, gap: Cursor) -> Cursor {
        self.come(gap.place.leaf);
        gap
    }

    /// Moves what stands behind a place of a leaf to a new one, which stands behind it.
    pub(super) fn split(&mut self, id: LeafId, slot: usize, offset: usize) -> LeafId {
        let old = self.leaves.get_mut(id.0);
        let visible = old.visible_before(slot, offset);
        let byte = old.byte(visible);
        let mut new = Leaf::new(Above::NONE);
        (new.next, new.visible) = (old.next, old.visible - visible);
        if let Some(span) = old.spans.get(slot).copied().filter(|_| offset > 0) {
            old.spans[slot] = span.part(0, offset);
            new.spans.push(span.part(offset, span.len()));
        }
        let moved: ArrayVec<Span, LEAF_SPANS_MAX> = old.spans.drain(slot + usize::from(offset > 0)..).collect();
        new.spans.extend(moved);
        new.text = old.split_text(byte);
        old.visible = visible;
        let (above, moved) = (old.above, new.sum());
        let mut stays = Sum { shown: self.sum_of(above).shown, ..self.leaf(id).sum_of_spans() };
        stays.shown.take(&moved.shown);
        for span in &new.spans {
            // The number of the new leaf is known: nodes are added one after the other.
            self.index.assign(span.first, span.end(), LeafId(self.leaves.len()));
        }
        let new = LeafId(self.leaves.add(new));
        self.leaf_mut(id).next = Some(new);
        self.attach(above, 0, [(id.0, stays), (new.0, moved)]);
        new
    }

    /// The sum of a node.
    pub(super) fn sum_of(&self, above: Above) -> Sum {
        if above == Above::NONE { self.sum } else { self.inners.get(above.parent).node(above.slot as usize).1 }
    }

    /// Makes the second node the next sibling of the first, which is at `above` and `height` levels above the leaves.
    fn attach(&mut self, above: Above, height: u32, nodes: [(u32, Sum); 2]) {
        if above == Above::NONE {
            self.root = self.inners.add(Inner::new(above, &nodes));
            self.height = height + 1;
            return self.adopt(self.root, 0, height);
        }
        let slot = above.slot as usize;
        let inner = self.inners.get_mut(above.parent);
        inner.set(slot, &nodes[0].1);
        if inner.len < CHILDREN_MAX {
            inner.insert(slot + 1, &nodes[1]);
            return self.adopt(above.parent, slot + 1, height);
        }
        // Whoever writes on at the end leaves full nodes behind.
        let cut = if slot + 1 == CHILDREN_MAX { CHILDREN_MAX } else { CHILDREN_MAX / 2 };
        let moved: ArrayVec<(u32, Sum), CHILDREN_MAX> = (cut..CHILDREN_MAX).map(|slot| inner.node(slot)).collect();
        inner.len = cut;
        let mut new = Inner::new(Above::NONE, &moved);
        if slot < cut && cut < CHILDREN_MAX {
            inner.insert(slot + 1, &nodes[1]);
        } else {
            new.insert(slot + 1 - cut, &nodes[1]);
        }
        let (next, sums) = (inner.above, [inner.sum(), new.sum()]);
        let new = self.inners.add(new);
        self.adopt(above.parent, 0, height);
        self.adopt(new, 0, height);
        self.attach(next, height + 1, [(above.parent, sums[0]), (new, sums[1])]);
    }

    /// Tells the children of a node, from a slot on, where they are; they stand `height` levels above the leaves.
    fn adopt(&mut self, parent: u32, from: usize, height: u32) {
        let Self { leaves, inners, .. } = self;
        for slot in from..inners.get(parent).len {
            let child = inners.get(parent).children[slot];
            // A slot is below CHILDREN_MAX.
            let above = Above { parent, slot: u32::try_from(slot).unwrap_or(u32::MAX) };
            if height == 0 {
                leaves.get_mut(child).above = above;
            } else {
                inners.get_mut(child).above = above;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::span::Level;
    use crate::units::Unit;

    #[test]
    fn leaves_are_filled_one_after_the_other_and_what_goes_on_is_one_span() {
        let mut packing = Packing::default();
        let mut push = |first: usize, len: usize, bytes: usize| {
            let room = packing.room();
            assert!((1..=LEAF_BYTES_FILLED).contains(&room));
            let leaf = packing.push(Span::new(Unit(0).plus(first), len, Level::START), bytes);
            (leaf.0 as usize, packing.spans.len())
        };
        // No two of these are neighbours.
        for at in 0..3 * LEAF_SPANS_FILLED {
            assert_eq!(push(10 * at, 1, 0), (at / LEAF_SPANS_FILLED, at + 1));
        }
        let count = 3 * LEAF_SPANS_FILLED;
        assert_eq!(push(1_000, 2, LEAF_BYTES_FILLED), (3, count + 1), "the leaf is full of letters");
        assert_eq!(push(1_010, 1, 0), (4, count + 2));
        let last = packing.spans[count + 1];
        packing.room();
        packing.push(Span::new(last.end(), 4, last.level(last.len())), 0);
        assert_eq!((packing.spans.len(), packing.spans[count + 1].len()), (count + 2, 5));
    }
}
