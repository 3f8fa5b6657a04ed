//! A B-tree over a sequence of items, with the sum of every subtree: any prefix that a monotone question can tell is found in
//! O(log n), and so is the sum of everything in front of an item.
//!
//! Leaves and inner nodes lie in one arena each and know each other by number; a node knows its place in its parent, so that a
//! change of an item reaches the sums above it without a search. Items are found from above (by sums) or from below (by leaf and
//! slot). A node that overflows is split; a node is dropped when it is empty, so the height follows the most items ever held.

mod arena;
mod balance;
mod check;

use core::fmt::Debug;

use arrayvec::ArrayVec;

use self::arena::Arena;

/// The most items of a leaf; tiny in tests, so that small texts take every path.
const LEAF_ITEMS_MAX: usize = if cfg!(test) { 4 } else { 16 };

/// The most children of an inner node.
const CHILDREN_MAX: usize = if cfg!(test) { 4 } else { 16 };

/// What is added up over subtrees.
pub(super) trait Sum: Copy + Debug + Default + PartialEq {
    /// Adds another sum to this one.
    fn add(&mut self, other: &Self);

    /// Takes in that a part of this sum was `old` and is `new`. A part of a minimum never grows.
    fn exchange(&mut self, old: &Self, new: &Self);
}

/// What a [`Tree`] holds.
pub(super) trait Item {
    type Sum: Sum;

    /// The item's own part of the sum.
    fn sum(&self) -> Self::Sum;
}

/// A leaf, by its number in the arena.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct LeafId(u32);

/// Where an item is, or where one would be inserted. Good until the next insert or removal.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Place {
    pub(super) leaf: LeafId,
    pub(super) slot: usize,
}

impl Place {
    /// The slot behind this one.
    pub(super) const fn behind(self) -> Self {
        Self { leaf: self.leaf, slot: self.slot + 1 }
    }

    /// The slot in front of this one, if the leaf has one.
    pub(super) const fn in_front(self) -> Option<Self> {
        match self.slot.checked_sub(1) {
            Some(slot) => Some(Self { leaf: self.leaf, slot }),
            None => None,
        }
    }
}

/// What an insert did.
#[derive(Clone, Copy, Debug)]
pub(super) struct Inserted {
    /// Where the item is.
    pub(super) place: Place,
    /// The leaf that some items moved to, if the old one was full.
    pub(super) split: Option<LeafId>,
}

/// The tree.
#[derive(Clone, Debug)]
pub(super) struct Tree<T: Item> {
    leaves: Arena<Leaf<T>>,
    inners: Arena<Inner<T::Sum>>,
    /// The number of the root: a leaf's at height 0, else an inner node's.
    root: u32,
    height: u32,
    sum: T::Sum,
}

/// A node's place in its parent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Above {
    parent: u32,
    slot: u32,
}

impl Above {
    /// The root's.
    const NONE: Self = Self { parent: u32::MAX, slot: 0 };
}

#[derive(Clone, Debug)]
struct Leaf<T> {
    above: Above,
    items: ArrayVec<T, LEAF_ITEMS_MAX>,
}

/// An inner node has its children's numbers and sums; whoever looks for a child touches little memory.
#[derive(Clone, Debug)]
struct Inner<S> {
    above: Above,
    children: ArrayVec<u32, CHILDREN_MAX>,
    sums: ArrayVec<S, CHILDREN_MAX>,
}

impl<T: Item> Default for Tree<T> {
    fn default() -> Self {
        let mut leaves = Arena::new();
        let root = leaves.add(Leaf { above: Above::NONE, items: ArrayVec::new() });
        Self { leaves, inners: Arena::new(), root, height: 0, sum: T::Sum::default() }
    }
}

impl<T: Item> Tree<T> {
    /// The sum of all items. O(1).
    pub(super) const fn sum(&self) -> &T::Sum {
        &self.sum
    }

    /// The items of a leaf.
    pub(super) fn items(&self, leaf: LeafId) -> &[T] {
        &self.leaf(leaf).items
    }

    /// The item at a place, if there is one in that very slot.
    pub(super) fn get(&self, place: Place) -> Option<&T> {
        self.items(place.leaf).get(place.slot)
    }

    /// The first item such that the metric of everything up to and with it is above the goal, and how far into it the goal lies;
    /// the end if there is none. O(log n).
    pub(super) fn seek(&self, goal: u32, metric: impl Fn(&T::Sum) -> u32) -> (Place, u32) {
        let (mut node, mut rest) = (self.root, goal);
        for _ in 0..self.height {
            let inner = self.inner(node);
            let last = inner.children.len() - 1;
            let mut at = 0;
            while at < last {
                let here = metric(&inner.sums[at]);
                if rest < here {
                    break;
                }
                rest -= here;
                at += 1;
            }
            node = inner.children[at];
        }
        self.seek_in(LeafId(node), rest, metric)
    }

    /// As [`Self::seek`], in one leaf; the slot behind its last item if the goal lies behind that.
    pub(super) fn seek_in(&self, leaf: LeafId, goal: u32, metric: impl Fn(&T::Sum) -> u32) -> (Place, u32) {
        let (items, mut rest) = (self.items(leaf), goal);
        for (slot, item) in items.iter().enumerate() {
            let here = metric(&item.sum());
            if rest < here {
                return (Place { leaf, slot }, rest);
            }
            rest -= here;
        }
        (Place { leaf, slot: items.len() }, rest)
    }

    /// The sum of everything in front of a place. O(log n).
    pub(super) fn before(&self, place: Place) -> T::Sum {
        let mut sum = T::Sum::default();
        for item in &self.items(place.leaf)[..place.slot] {
            sum.add(&item.sum());
        }
        sum.add(&self.before_leaf(place.leaf));
        sum
    }

    /// The sum of everything in front of a leaf. O(log n).
    pub(super) fn before_leaf(&self, leaf: LeafId) -> T::Sum {
        let mut sum = T::Sum::default();
        let mut above = self.leaf(leaf).above;
        while above != Above::NONE {
            let inner = self.inner(above.parent);
            inner.sums[..above.slot as usize].iter().for_each(|other| sum.add(other));
            above = inner.above;
        }
        sum
    }

    /// The first item at or behind a place whose sum is `wanted`; the sum of a subtree must be wanted exactly if that of one of
    /// its items is. O(log n).
    pub(super) fn first_from(&self, place: Place, wanted: impl Fn(&T::Sum) -> bool) -> Option<Place> {
        let rest = self.items(place.leaf).iter().enumerate().skip(place.slot);
        if let Some((slot, _)) = rest.into_iter().find(|(_, item)| wanted(&item.sum())) {
            return Some(Place { leaf: place.leaf, slot });
        }
        let (mut above, mut height) = (self.leaf(place.leaf).above, 0);
        while above != Above::NONE {
            let (inner, behind) = (self.inner(above.parent), above.slot as usize + 1);
            if let Some(found) = inner.sums[behind..].iter().position(&wanted) {
                return self.first_within(inner.children[behind + found], height, wanted);
            }
            (above, height) = (inner.above, height + 1);
        }
        None
    }

    /// The last item in front of a place whose sum is `wanted`; as [`Self::first_from`].
    pub(super) fn last_before(&self, place: Place, wanted: impl Fn(&T::Sum) -> bool) -> Option<Place> {
        if let Some(slot) = self.items(place.leaf)[..place.slot].iter().rposition(|item| wanted(&item.sum())) {
            return Some(Place { leaf: place.leaf, slot });
        }
        let (mut above, mut height) = (self.leaf(place.leaf).above, 0);
        while above != Above::NONE {
            let inner = self.inner(above.parent);
            if let Some(found) = inner.sums[..above.slot as usize].iter().rposition(&wanted) {
                return self.last_within(inner.children[found], height, wanted);
            }
            (above, height) = (inner.above, height + 1);
        }
        None
    }

    /// Where the next item is: at this place, or at the start of the next leaf. O(1) amortised over a walk.
    pub(super) fn settle(&self, place: Place) -> Option<Place> {
        if place.slot < self.items(place.leaf).len() { Some(place) } else { self.first_from(place, |_| true) }
    }

    /// Where the first item is.
    pub(super) fn first(&self) -> Option<Place> {
        self.first_within(self.root, self.height, |_| true)
    }

    /// Changes the item at a place, which must hold one. O(height).
    pub(super) fn update(&mut self, place: Place, change: impl FnOnce(&mut T)) {
        let item = &mut self.leaf_mut(place.leaf).items[place.slot];
        let old = item.sum();
        change(item);
        let new = item.sum();
        self.exchange(place.leaf, &old, &new);
    }

    /// Changes the item at a place, which must hold one, so that its sum becomes larger by `more`. O(height).
    pub(super) fn grow(&mut self, place: Place, more: &T::Sum, change: impl FnOnce(&mut T)) {
        let leaf = self.leaf_mut(place.leaf);
        change(&mut leaf.items[place.slot]);
        let mut above = leaf.above;
        while above != Above::NONE {
            let inner = self.inners.get_mut(above.parent);
            inner.sums[above.slot as usize].add(more);
            above = inner.above;
        }
        self.sum.add(more);
    }

    /// Changes two neighbours of one leaf at once, the one at the place and the next; their sums together stay the same but
    /// for what is visible. O(height).
    pub(super) fn update_pair(&mut self, place: Place, change: impl FnOnce(&mut T, &mut T)) {
        if let [first, second, ..] = &mut self.leaf_mut(place.leaf).items[place.slot..] {
            let mut old = first.sum();
            old.add(&second.sum());
            change(first, second);
            let mut new = first.sum();
            new.add(&second.sum());
            self.exchange(place.leaf, &old, &new);
        }
    }

    /// Brings the sums above a leaf up to date, of which a part was `old` and is `new`.
    fn exchange(&mut self, leaf: LeafId, old: &T::Sum, new: &T::Sum) {
        let mut above = self.leaf(leaf).above;
        while above != Above::NONE {
            let inner = self.inners.get_mut(above.parent);
            inner.sums[above.slot as usize].exchange(old, new);
            above = inner.above;
        }
        self.sum.exchange(old, new);
    }

    fn leaf(&self, id: LeafId) -> &Leaf<T> {
        self.leaves.get(id.0)
    }

    fn leaf_mut(&mut self, id: LeafId) -> &mut Leaf<T> {
        self.leaves.get_mut(id.0)
    }

    fn inner(&self, id: u32) -> &Inner<T::Sum> {
        self.inners.get(id)
    }

    fn first_within(&self, mut node: u32, height: u32, wanted: impl Fn(&T::Sum) -> bool) -> Option<Place> {
        for _ in 0..height {
            let inner = self.inner(node);
            node = inner.children[inner.sums.iter().position(&wanted)?];
        }
        let leaf = LeafId(node);
        let slot = self.items(leaf).iter().position(|item| wanted(&item.sum()))?;
        Some(Place { leaf, slot })
    }

    fn last_within(&self, mut node: u32, height: u32, wanted: impl Fn(&T::Sum) -> bool) -> Option<Place> {
        for _ in 0..height {
            let inner = self.inner(node);
            node = inner.children[inner.sums.iter().rposition(&wanted)?];
        }
        let leaf = LeafId(node);
        let slot = self.items(leaf).iter().rposition(|item| wanted(&item.sum()))?;
        Some(Place { leaf, slot })
    }
}
