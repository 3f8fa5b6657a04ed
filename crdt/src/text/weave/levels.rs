//! Characters by how deep they stand.

use super::nodes::{Above, Inner, Leaf};
use super::{Cursor, LeafId, Place, Weave};
use crate::text::span::Level;

impl Weave {
    /// The first character at or behind a position that is no deeper than `level`. O(log n).
    pub(in super::super) fn first_up_to(&self, level: Level, position: usize) -> Option<Cursor> {
        let start = self.at(position);
        let (span, offset) = self.span(start)?;
        if span.level(offset) <= level {
            return Some(start);
        }
        let Place { leaf, slot } = start.place;
        let found = |leaf: &Leaf, from: usize| (from..leaf.spans.len()).find(|slot| leaf.spans[*slot].level <= level);
        let cursor = |leaf, slot| Cursor { place: Place { leaf, slot }, offset: 0 };
        if let Some(slot) = found(self.leaf(leaf), slot + 1) {
            return Some(cursor(leaf, slot));
        }
        let next = |inner: &Inner, from: usize| (from..inner.len).find(|slot| inner.levels[*slot] <= level);
        let leaf = self.leaf_beside(leaf, |inner, slot| next(inner, slot + 1), |inner| next(inner, 0))?;
        found(self.leaf(leaf), 0).map(|slot| cursor(leaf, slot))
    }

    /// The last character in front of a position that is no deeper than `level`. O(log n).
    pub(in super::super) fn last_up_to(&self, level: Level, position: usize) -> Option<Cursor> {
        let Cursor { place: Place { leaf, slot }, offset } = self.at(position);
        let within = |leaf, slot, len: usize| {
            let place = Place { leaf, slot };
            let (span, _) = self.span(Cursor { place, offset: 0 })?;
            Some(Cursor { place, offset: span.last_up_to(level, len)? })
        };
        let last = |leaf, end: usize| {
            let spans = &self.leaf(leaf).spans;
            let slot = (0..end).rev().find(|slot| spans[*slot].level <= level)?;
            within(leaf, slot, spans[slot].len())
        };
        let before = |inner: &Inner, end: usize| (0..end).rev().find(|slot| inner.levels[*slot] <= level);
        within(leaf, slot, offset).or_else(|| last(leaf, slot)).or_else(|| {
            let leaf = self.leaf_beside(leaf, before, |inner| before(inner, inner.len))?;
            last(leaf, self.leaf(leaf).spans.len())
        })
    }

    /// Another leaf: up from this one to the first node of which `beside` tells a child, then down by `within`.
    fn leaf_beside(
        &self,
        leaf: LeafId,
        beside: impl Fn(&Inner, usize) -> Option<usize>,
        within: impl Fn(&Inner) -> Option<usize>,
    ) -> Option<LeafId> {
        let (mut above, mut height) = (self.leaf(leaf).above, 0);
        while above != Above::NONE {
            let inner = self.inners.get(above.parent);
            if let Some(slot) = beside(inner, above.slot as usize) {
                let mut node = inner.children[slot];
                for _ in 0..height {
                    let inner = self.inners.get(node);
                    node = inner.children[within(inner)?];
                }
                return Some(LeafId(node));
            }
            (above, height) = (inner.above, height + 1);
        }
        None
    }
}
