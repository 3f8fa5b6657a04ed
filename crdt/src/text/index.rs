//! Which leaf holds which character: unit → leaf of the tree.

use alloc::vec::Vec;

use super::weave::LeafId;
use crate::units::Unit;

/// A page has the entries of so many units; few in tests.
const PAGE_UNITS: u32 = 1 << PAGE_BITS;
const PAGE_BITS: u32 = if cfg!(test) { 3 } else { 9 };

/// Stretches of units that lie in one leaf, as their starts. A unit's page needs no search. What is no character may be part of any
/// stretch; behind the last page, the last stretch goes on.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    pages: Vec<Page>,
    /// The stretches of the pages that have several. Each begins with one that starts at 0.
    lists: Vec<Vec<Entry>>,
    /// The leaf of the last stretch.
    last: Option<LeafId>,
}

/// What a page has, in four bytes: there may be far more units than characters, as whoever deletes the same run again and again
/// makes units without end. One leaf's number with [`Page::WHOLE`] on top, or the number of its list.
#[derive(Clone, Copy, Debug)]
struct Page(u32);

impl Page {
    /// There are fewer leaves, and fewer lists, than that: either has more than a byte.
    const WHOLE: u32 = 1 << 31;

    const fn whole(leaf: LeafId) -> Self {
        Self(leaf.0 | Self::WHOLE)
    }

    /// The one leaf of all its units, or the number of its list.
    const fn read(self) -> Result<LeafId, usize> {
        if self.0 & Self::WHOLE == 0 { Err(self.0 as usize) } else { Ok(LeafId(self.0 & !Self::WHOLE)) }
    }
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
        let Some(page) = self.pages.get(page_of(unit.0)) else { return self.last };
        match page.read() {
            Ok(leaf) => Some(leaf),
            Err(at) => {
                let stretches = self.lists.get(at)?;
                stretches.get(slot_of(stretches, unit.0 % PAGE_UNITS)).map(|entry| entry.leaf)
            }
        }
    }

    /// Puts new characters, whose numbers are larger than all others', into a leaf. O(1) amortised over the units.
    pub(super) fn append(&mut self, first: Unit, leaf: LeafId) {
        if self.last == Some(leaf) {
            return;
        }
        let page = page_of(first.0);
        self.fill(page, self.last.unwrap_or(leaf));
        self.last = Some(leaf);
        let within = first.0 % PAGE_UNITS;
        if within == 0 && self.pages[page].read().is_ok() {
            self.pages[page] = Page::whole(leaf);
            return;
        }
        let stretches = self.list_of(page);
        match stretches.last_mut() {
            Some(last) if last.start == within => last.leaf = leaf,
            _ => stretches.push(Entry { start: within, leaf }),
        }
    }

    /// Sees to it that a page is there: up to it, all is in this leaf.
    fn fill(&mut self, page: usize, leaf: LeafId) {
        if self.pages.len() <= page {
            self.pages.resize(page + 1, Page::whole(leaf));
        }
    }

    /// The stretches of a page, which has a list from now on.
    fn list_of(&mut self, page: usize) -> &mut Vec<Entry> {
        let at = match self.pages[page].read() {
            Err(at) => at,
            Ok(leaf) => {
                self.lists.push(Vec::from([Entry { start: 0, leaf }]));
                let at = self.lists.len() - 1;
                // There are no more lists than pages.
                self.pages[page] = Page(u32::try_from(at).unwrap_or(u32::MAX));
                at
            }
        };
        &mut self.lists[at]
    }

    /// Moves the characters from `first` up to `end`, which were all in one leaf, to another one. O(log n) in the stretches of a
    /// page, for each page that they touch.
    pub(super) fn assign(&mut self, first: Unit, end: Unit, leaf: LeafId) {
        let Some(last) = self.last else { return };
        // What follows stays where it is.
        self.fill(page_of(end.0), last);
        let mut start = first.0;
        while start < end.0 {
            let page = page_of(start);
            let stop = end.0.min((start | (PAGE_UNITS - 1)) + 1);
            let from = start % PAGE_UNITS;
            let to = from + (stop - start);
            if to - from == PAGE_UNITS && self.pages[page].read().is_ok() {
                self.pages[page] = Page::whole(leaf);
            } else {
                assign_in(self.list_of(page), from, to, leaf);
            }
            start = stop;
        }
    }

    /// Asserts that the stretches ascend and that each list starts with one. For tests.
    pub(super) fn assert_invariants(&self) {
        let (mut with_lists, mut last) = (0, self.last);
        for page in &self.pages {
            last = page.read().ok();
            if let Err(at) = page.read() {
                with_lists += 1;
                let stretches = &self.lists[at];
                last = stretches.last().map(|entry| entry.leaf);
                assert!(
                    stretches.first().is_some_and(|entry| entry.start == 0),
                    "a page does not start with a stretch"
                );
                assert!(stretches.is_sorted_by(|a, b| a.start < b.start), "the index is out of order");
                assert!(stretches.last().is_some_and(|entry| entry.start < PAGE_UNITS), "a stretch is in another page");
            }
        }
        assert!(with_lists == self.lists.len(), "a list of no page, or of two");
        assert!(last == self.last, "the last stretch is another one");
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_character_takes_four_bytes_a_page() {
        let (near, far) = (LeafId(1), LeafId(2));
        let mut index = Index::default();
        index.append(Unit(0), near);
        // A thousand pages of deletions, and then one more character in another leaf.
        index.append(Unit(1_000 * PAGE_UNITS + 3), far);
        assert_eq!((index.pages.len(), index.lists.len()), (1_001, 1));
        assert_eq!(size_of::<Page>(), 4);
        // The pages of a leaf that is split are still whole.
        index.assign(Unit(0), Unit(600 * PAGE_UNITS), far);
        assert_eq!((index.pages.len(), index.lists.len()), (1_001, 1));
        let leaves = [0, 600 * PAGE_UNITS - 1, 600 * PAGE_UNITS, 1_000 * PAGE_UNITS + 3, u32::MAX];
        assert_eq!(leaves.map(|unit| index.leaf(Unit(unit))), [far, far, near, far, far].map(Some));
        index.assert_invariants();
    }

    #[test]
    fn a_part_of_a_stretch_moves_without_the_rest() {
        let [near, far, new] = [1, 2, 3].map(LeafId);
        let page = [Entry { start: 0, leaf: near }, Entry { start: 4, leaf: far }];
        let leaf_at = |from: u32, to: u32, unit: u32| {
            let old = if unit < 4 { near } else { far };
            if (from..to).contains(&unit) { new } else { old }
        };
        for (from, to) in (0..PAGE_UNITS).flat_map(|from| (from + 1..=PAGE_UNITS).map(move |to| (from, to))) {
            let mut page = page.to_vec();
            assign_in(&mut page, from, to, new);
            assert!(page.is_sorted_by(|a, b| a.start < b.start), "{from}..{to}: {page:?}");
            for unit in 0..PAGE_UNITS {
                assert_eq!(
                    page[slot_of(&page, unit)].leaf,
                    leaf_at(from, to, unit),
                    "{unit} in {from}..{to}: {page:?}"
                );
            }
        }
    }
}
