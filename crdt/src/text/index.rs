//! Which leaf holds which character: unit → leaf of the span tree.

use alloc::vec::Vec;

use arrayvec::ArrayVec;

use super::weave::LeafId;
use crate::units::Unit;

/// The most entries of a page; tiny in tests.
const PAGE_ENTRIES_MAX: usize = if cfg!(test) { 4 } else { 64 };

/// Stretches of units that lie in one leaf, as their starts, in pages: a new unit has the largest number, so nearly all entries come
/// at the end. What is no character may be part of any stretch.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    /// The start of each page.
    starts: Vec<Unit>,
    pages: Vec<Page>,
}

#[derive(Clone, Debug, Default)]
struct Page {
    starts: ArrayVec<Unit, PAGE_ENTRIES_MAX>,
    leaves: ArrayVec<LeafId, PAGE_ENTRIES_MAX>,
}

/// Where an entry is.
#[derive(Clone, Copy, Debug)]
struct At {
    page: usize,
    slot: usize,
}

impl Index {
    /// The leaf of a character. O(log n).
    pub(super) fn leaf(&self, unit: Unit) -> Option<LeafId> {
        self.at_or_before(unit).map(|at| self.pages[at.page].leaves[at.slot])
    }

    /// Puts new characters, whose numbers are larger than all others', into a leaf. O(1) amortised.
    pub(super) fn append(&mut self, first: Unit, leaf: LeafId) {
        let page = self.pages.len().saturating_sub(1);
        let slot = self.pages.last().map_or(0, |page| page.starts.len());
        if let Some(last) = self.pages.last_mut()
            && let (Some(start), Some(other)) = (last.starts.last(), last.leaves.last_mut())
            && (*start == first || *other == leaf)
        {
            *other = leaf;
        } else {
            self.insert(At { page, slot }, first, leaf);
        }
    }

    /// Moves the characters from `first` up to `end`, which were all in one leaf, to another one. O(log n).
    pub(super) fn assign(&mut self, first: Unit, end: Unit, leaf: LeafId) {
        let Some(mut at) = self.at_or_before(first) else { return };
        let page = &mut self.pages[at.page];
        let mut old = page.leaves[at.slot];
        if page.starts[at.slot] == first {
            page.leaves[at.slot] = leaf;
        } else if old != leaf {
            at = self.insert(At { slot: at.slot + 1, ..at }, first, leaf);
        }
        let mut next = self.next(at);
        while let Some((inside, _, other)) = next.filter(|(_, start, _)| *start < end) {
            old = other;
            self.remove(inside);
            next = self.next(at);
        }
        if old != leaf && next.is_none_or(|(_, start, _)| start > end) {
            self.insert(At { slot: at.slot + 1, ..at }, end, old);
        }
    }

    fn at_or_before(&self, unit: Unit) -> Option<At> {
        let last = self.starts.len().checked_sub(1)?;
        let page = if self.starts[last] <= unit {
            last
        } else {
            self.starts.partition_point(|start| *start <= unit).checked_sub(1)?
        };
        let slot = self.pages[page].starts.partition_point(|start| *start <= unit).checked_sub(1)?;
        Some(At { page, slot })
    }

    /// The entry behind another one.
    fn next(&self, at: At) -> Option<(At, Unit, LeafId)> {
        let here = At { slot: at.slot + 1, ..at };
        let next = if here.slot < self.pages[at.page].starts.len() { here } else { At { page: at.page + 1, slot: 0 } };
        let page = self.pages.get(next.page)?;
        Some((next, page.starts[next.slot], page.leaves[next.slot]))
    }

    /// Inserts an entry in front of the one at `at`; gives where it is.
    fn insert(&mut self, at: At, start: Unit, leaf: LeafId) -> At {
        let At { mut page, mut slot } = at;
        if self.pages.is_empty() {
            self.pages.push(Page::default());
            self.starts.push(start);
        }
        if self.pages[page].starts.is_full() {
            // Whoever writes on at the end leaves full pages behind.
            let cut = if slot == PAGE_ENTRIES_MAX { slot } else { PAGE_ENTRIES_MAX / 2 };
            let full = &mut self.pages[page];
            let tail = Page { starts: full.starts.drain(cut..).collect(), leaves: full.leaves.drain(cut..).collect() };
            self.starts.insert(page + 1, tail.starts.first().copied().unwrap_or(start));
            self.pages.insert(page + 1, tail);
            if slot > cut || cut == PAGE_ENTRIES_MAX {
                (page, slot) = (page + 1, slot - cut);
            }
        }
        self.pages[page].starts.insert(slot, start);
        self.pages[page].leaves.insert(slot, leaf);
        self.starts[page] = self.pages[page].starts[0];
        At { page, slot }
    }

    fn remove(&mut self, at: At) {
        let page = &mut self.pages[at.page];
        page.starts.remove(at.slot);
        page.leaves.remove(at.slot);
        if let Some(first) = page.starts.first() {
            self.starts[at.page] = *first;
        } else {
            self.pages.remove(at.page);
            self.starts.remove(at.page);
        }
    }

    /// Asserts that the entries ascend and that pages know their starts. For tests.
    pub(super) fn assert_invariants(&self) {
        let entries: Vec<Unit> = self.pages.iter().flat_map(|page| page.starts.iter().copied()).collect();
        assert!(entries.is_sorted_by(|a, b| a < b), "the index is out of order");
        for (page, start) in self.pages.iter().zip(&self.starts) {
            assert!(
                page.starts.first() == Some(start) && page.starts.len() == page.leaves.len(),
                "a page is not as told"
            );
        }
    }
}
