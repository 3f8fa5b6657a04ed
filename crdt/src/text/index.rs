//! Which leaf holds which character: unit → leaf of the tree.

use alloc::vec::Vec;

use super::weave::LeafId;
use crate::units::Unit;

/// A page has the entries of so many units; few in tests.
const PAGE_UNITS: u32 = 1 << PAGE_BITS;
const PAGE_BITS: u32 = if cfg!(test) { 3 } else { 9 };

/// Stretches of units that lie in one leaf, as their starts. Each page begins with one: a unit's page needs no search. What is no
/// character may be part of any stretch; behind the last page, the last stretch goes on.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    pages: Vec<Vec<Entry>>,
}

/// A stretch, by where it starts in its page.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Entry {
    start: u32,
    leaf: LeafId,
}

const fn page_of(unit: u32) -> usize {
    (unit >> PAGE_BITS) as usize
}

/// The entry of a unit, by its place in the page. There is one: each page starts with one.
fn slot_of(page: &[Entry], within: u32) -> usize {
    match page.last() {
        // Most units looked for are new.
        Some(last) if last.start <= within => page.len() - 1,
        _ => page.partition_point(|entry| entry.start <= within).saturating_sub(1),
    }
}

impl Index {
    /// The leaf of a character. O(log n) in the stretches of its page.
    pub(super) fn leaf(&self, unit: Unit) -> Option<LeafId> {
        match self.pages.get(page_of(unit.0)) {
            Some(page) => page.get(slot_of(page, unit.0 % PAGE_UNITS)).map(|entry| entry.leaf),
            None => self.last(),
        }
    }

    /// The leaf of the last stretch.
    fn last(&self) -> Option<LeafId> {
        self.pages.last()?.last().map(|entry| entry.leaf)
    }

    /// Puts new characters, whose numbers are larger than all others', into a leaf. O(1) amortised over the units.
    pub(super) fn append(&mut self, first: Unit, leaf: LeafId) {
        let old = self.last();
        if old == Some(leaf) {
            return;
        }
        self.fill(page_of(first.0), old.unwrap_or(leaf));
        let within = first.0 % PAGE_UNITS;
        if let Some(page) = self.pages.last_mut() {
            match page.last_mut() {
                Some(last) if last.start == within => last.leaf = leaf,
                _ => page.push(Entry { start: within, leaf }),
            }
        }
    }

    /// Sees to it that a page is there: up to it, all is in this leaf.
    fn fill(&mut self, page: usize, leaf: LeafId) {
        while self.pages.len() <= page {
            self.pages.push(Vec::from([Entry { start: 0, leaf }]));
        }
    }

    /// Moves the characters from `first` up to `end`, which were all in one leaf, to another one. O(log n) in the stretches of a
    /// page, for each page that they touch.
    pub(super) fn assign(&mut self, first: Unit, end: Unit, leaf: LeafId) {
        let Some(old) = self.leaf(first) else { return };
        // What follows stays where it is.
        if page_of(end.0) >= self.pages.len() {
            self.fill(page_of(end.0), self.last().unwrap_or(old));
        }
        let mut start = first.0;
        while start < end.0 {
            let page = page_of(start);
            let stop = end.0.min((start | (PAGE_UNITS - 1)) + 1);
            let from = start % PAGE_UNITS;
            assign_in(&mut self.pages[page], from, from + (stop - start), leaf);
            start = stop;
        }
    }

    /// Asserts that the entries ascend and that each page starts with one. For tests.
    pub(super) fn assert_invariants(&self) {
        for page in &self.pages {
            assert!(page.first().is_some_and(|entry| entry.start == 0), "a page does not start with an entry");
            assert!(page.is_sorted_by(|a, b| a.start < b.start), "the index is out of order");
            assert!(page.last().is_some_and(|entry| entry.start < PAGE_UNITS), "an entry is in another page");
        }
    }
}

/// The units of a page from `from` up to `to`.
fn assign_in(page: &mut Vec<Entry>, from: u32, to: u32, leaf: LeafId) {
    let slot = slot_of(page, from);
    let old = page[slot].leaf;
    // Most stretches are moved whole.
    let behind = page.get(slot + 1).map_or(PAGE_UNITS, |next| next.start);
    if page[slot].start == from && behind == to {
        page[slot].leaf = leaf;
        return;
    }
    let mut next = slot + 1;
    let mut last = old;
    while page.get(next).is_some_and(|entry| entry.start < to) {
        last = page[next].leaf;
        next += 1;
    }
    let keeps_start = page[slot].start < from;
    let goes_on = to < page.get(next).map_or(PAGE_UNITS, |next| next.start);
    let head = keeps_start.then_some(page[slot]);
    let moved = Entry { start: from, leaf };
    let tail = goes_on.then_some(Entry { start: to, leaf: last });
    page.splice(slot..next, head.into_iter().chain([moved]).chain(tail));
}
