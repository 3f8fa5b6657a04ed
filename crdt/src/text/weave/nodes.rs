//! Leaves and inner nodes.

use alloc::string::String;
use core::ops::Range;

use arrayvec::ArrayVec;

use super::measure::{Measure, byte_of};
use super::{CHILDREN_MAX, LEAF_BYTES_MAX, LEAF_SPANS_MAX, LeafId, Sum};
use crate::digest::{Fingerprint, Remembered};
use crate::text::span::{Level, Span};

/// A node's place in its parent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Above {
    pub(super) parent: u32,
    pub(super) slot: u32,
}

impl Above {
    /// The root's.
    pub(super) const NONE: Self = Self { parent: u32::MAX, slot: 0 };
}

#[derive(Clone, Debug)]
pub(super) struct Leaf {
    pub(super) above: Above,
    pub(super) next: Option<LeafId>,
    /// How many visible characters there are.
    pub(super) visible: usize,
    pub(super) spans: ArrayVec<Span, LEAF_SPANS_MAX>,
    /// The letters of the spans that are not deleted. Whoever changes them makes the leaf forget their fingerprint.
    pub(super) text: String,
    fingerprint: Remembered,
}

impl Leaf {
    pub(super) const fn new(above: Above) -> Self {
        Self {
            above,
            next: None,
            visible: 0,
            spans: ArrayVec::new_const(),
            text: String::new(),
            fingerprint: Remembered::nothing(),
        }
    }

    /// How many visible characters stand in front of an offset of the span in a slot.
    pub(super) fn visible_before(&self, slot: usize, offset: usize) -> usize {
        let own = self.spans.get(slot).map_or(0, |span| if span.is_deleted() { 0 } else { offset });
        self.spans.iter().take(slot).map(Span::visible).sum::<usize>() + own
    }

    /// The slot and offset of the visible character behind so many others.
    pub(super) fn at_visible(&self, position: usize) -> Option<(usize, usize)> {
        let mut rest = position;
        for (slot, span) in self.spans.iter().enumerate() {
            let here = span.visible();
            if rest < here {
                return Some((slot, rest));
            }
            rest -= here;
        }
        None
    }

    /// The byte at which a visible character starts, or the end.
    pub(super) fn byte(&self, char: usize) -> usize {
        if self.visible == self.text.len() { char.min(self.visible) } else { byte_of(&self.text, char) }
    }

    /// The fingerprint of its letters.
    pub(super) fn fingerprint(&self) -> u64 {
        self.fingerprint.or_find(|| Fingerprint::of(self.text.as_bytes()).sum())
    }

    /// Inserts letters.
    pub(super) fn insert_text(&mut self, byte: usize, text: &str) {
        self.fingerprint.forget();
        let len = self.text.len() + text.len();
        if len > self.text.capacity() {
            self.text.reserve_exact(room_for(len) - self.text.len());
        }
        if byte == self.text.len() {
            self.text.push_str(text);
        } else {
            self.text.insert_str(byte, text);
        }
    }

    /// Removes letters, and gives back room of which little is used.
    pub(super) fn remove_text(&mut self, bytes: Range<usize>) {
        self.fingerprint.forget();
        self.text.drain(bytes);
        let room = room_for(self.text.len());
        if self.text.capacity() > 2 * room {
            self.text.shrink_to(room);
        }
    }

    /// Removes all letters.
    pub(super) fn clear_text(&mut self) {
        self.fingerprint.forget();
        self.text = String::new();
    }

    /// Takes off the letters from a byte on.
    pub(super) fn split_text(&mut self, byte: usize) -> String {
        self.fingerprint.forget();
        let moved = &self.text[byte..];
        let mut text = String::with_capacity(room_for(moved.len()));
        text.push_str(moved);
        self.text.truncate(byte);
        text
    }

    /// Puts a span in a gap, where it has room; gives the slot of the span that holds it: the one in front, if it goes on with that.
    pub(super) fn put(&mut self, slot: usize, offset: usize, span: Span) -> usize {
        let Some(here) = self.spans.get(slot).copied().filter(|_| offset > 0) else {
            return match slot.checked_sub(1).and_then(|before| self.spans.get_mut(before)) {
                Some(before) if before.goes_on_with(&span) => {
                    before.lengthen(span.len());
                    slot - 1
                }
                _ => {
                    self.spans.insert(slot, span);
                    slot
                }
            };
        };
        if offset < here.len() {
            self.spans[slot] = here.part(0, offset);
            self.spans.insert(slot + 1, here.part(offset, here.len()));
        } else if here.goes_on_with(&span) {
            self.spans[slot].lengthen(span.len());
            return slot;
        }
        self.spans.insert(slot + 1, span);
        slot + 1
    }

    /// Cuts the span in a slot at an offset, for which there must be room; gives the slot of what stands behind the cut.
    pub(super) fn cut(&mut self, slot: usize, offset: usize) -> usize {
        match self.spans.get(slot).copied() {
            Some(span) if offset > 0 => {
                if offset < span.len() {
                    self.spans[slot] = span.part(0, offset);
                    self.spans.insert(slot + 1, span.part(offset, span.len()));
                }
                slot + 1
            }
            _ => slot,
        }
    }

    /// Joins the spans of some neighbouring slots that go on with each other.
    pub(super) fn join(&mut self, first: usize, last: usize) {
        for slot in (first..last.min(self.spans.len().saturating_sub(1))).rev() {
            if self.spans[slot].goes_on_with(&self.spans[slot + 1]) {
                let next = self.spans.remove(slot + 1);
                self.spans[slot].lengthen(next.len());
            }
        }
    }

    pub(super) fn sum(&self) -> Sum {
        Sum { shown: Measure::of(&self.text), ..self.sum_of_spans() }
    }

    /// The sum without what is counted of the visible text.
    pub(super) fn sum_of_spans(&self) -> Sum {
        let mut sum = Sum::default();
        for span in &self.spans {
            sum.chars += span.chars();
            sum.level = sum.level.min(span.level);
        }
        sum
    }
}

/// How much room there is for letters, so that there are this many bytes and some more. It is made little by little: a leaf whose
/// spans are many has few letters.
fn room_for(bytes: usize) -> usize {
    (bytes + bytes / 2 + 32).min(LEAF_BYTES_MAX).max(bytes)
}

/// An inner node: for each child its number and the parts of its sum.
#[derive(Clone, Debug)]
pub(super) struct Inner {
    pub(super) above: Above,
    pub(super) len: usize,
    pub(super) children: [u32; CHILDREN_MAX],
    pub(super) chars: [u32; CHILDREN_MAX],
    pub(super) levels: [Level; CHILDREN_MAX],
    pub(super) shown: [Measure; CHILDREN_MAX],
}

impl Inner {
    /// A node with these children, of which there are not too many.
    pub(super) fn new(above: Above, nodes: &[(u32, Sum)]) -> Self {
        let mut inner = Self {
            above,
            len: 0,
            children: [0; CHILDREN_MAX],
            chars: [0; CHILDREN_MAX],
            levels: [Level::DEEPEST; CHILDREN_MAX],
            shown: [Measure::default(); CHILDREN_MAX],
        };
        for (slot, node) in nodes.iter().enumerate() {
            inner.insert(slot, node);
        }
        inner
    }

    /// Inserts a child in front of the one in a slot; there must be room.
    pub(super) fn insert(&mut self, slot: usize, node: &(u32, Sum)) {
        let (from, to) = (slot..self.len, slot + 1);
        self.children.copy_within(from.clone(), to);
        self.chars.copy_within(from.clone(), to);
        self.levels.copy_within(from.clone(), to);
        self.shown.copy_within(from, to);
        self.len += 1;
        self.children[slot] = node.0;
        self.set(slot, &node.1);
    }

    pub(super) const fn set(&mut self, slot: usize, sum: &Sum) {
        (self.chars[slot], self.levels[slot], self.shown[slot]) = (sum.chars, sum.level, sum.shown);
    }

    /// A child's number and sum.
    pub(super) const fn node(&self, slot: usize) -> (u32, Sum) {
        let sum = Sum { chars: self.chars[slot], level: self.levels[slot], shown: self.shown[slot] };
        (self.children[slot], sum)
    }

    pub(super) fn sum(&self) -> Sum {
        let mut sum = Sum::default();
        (0..self.len).for_each(|slot| sum.add(&self.node(slot).1));
        sum
    }
}
