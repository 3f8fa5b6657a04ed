//! How items come and go: all at once, or one by one: nodes that overflow are split, nodes that become empty are dropped.

use alloc::vec::Vec;

use arrayvec::ArrayVec;

use super::{Above, CHILDREN_MAX, Inner, Inserted, Item, LEAF_ITEMS_MAX, Leaf, LeafId, Place, Sum, Tree};

/// How many items of a leaf, or children of an inner node, there are after [`Tree::filled`]: there is room for the first edits.
const LEAF_ITEMS_FILLED: usize = LEAF_ITEMS_MAX / 4 * 3;
const CHILDREN_FILLED: usize = CHILDREN_MAX / 4 * 3;

impl LeafId {
    /// The leaf of the item at an index after [`Tree::filled`].
    pub(in super::super) fn of_filled(at: usize) -> Self {
        // There are no more leaves than items, which are no more than units.
        Self(u32::try_from(at / LEAF_ITEMS_FILLED).unwrap_or(u32::MAX))
    }
}

impl<T: Item> Tree<T> {
    /// A tree of these items, in order. O(n).
    pub(in super::super) fn filled(items: impl IntoIterator<Item = T>) -> Self {
        let (mut tree, mut items) = (Self::default(), items.into_iter().peekable());
        let mut nodes = Vec::new();
        while items.peek().is_some() {
            let leaf = Leaf { above: Above::NONE, items: items.by_ref().take(LEAF_ITEMS_FILLED).collect() };
            let id = if nodes.is_empty() {
                // The empty tree's only leaf.
                *tree.leaves.get_mut(tree.root) = leaf;
                tree.root
            } else {
                tree.leaves.add(leaf)
            };
            nodes.push((id, tree.sum_of_leaf(LeafId(id))));
        }
        while nodes.len() > 1 {
            let mut parents = Vec::with_capacity(nodes.len() / CHILDREN_FILLED + 1);
            for group in nodes.chunks(CHILDREN_FILLED) {
                let children = group.iter().map(|(id, _)| *id).collect();
                let sums = group.iter().map(|(_, sum)| *sum).collect();
                let id = tree.inners.add(Inner { above: Above::NONE, children, sums });
                tree.adopt(id, 0, tree.height);
                parents.push((id, tree.sum_of_inner(id)));
            }
            nodes = parents;
            tree.height += 1;
        }
        if let [(root, sum)] = nodes.as_slice() {
            (tree.root, tree.sum) = (*root, *sum);
        }
        tree
    }

    /// Sees to it that the leaf has room for `more` items, at most half of what a leaf holds: gives where the item at `place` is
    /// now, and the leaf that some items moved to, if the old one was too full. O(log n).
    pub(in super::super) fn make_room(&mut self, place: Place, more: usize) -> Inserted {
        let items = &mut self.leaves.get_mut(place.leaf.0).items;
        if items.len() + more <= LEAF_ITEMS_MAX {
            return Inserted { place, split: None };
        }
        let cut = items.len() / 2;
        let moved: ArrayVec<T, LEAF_ITEMS_MAX> = items.drain(cut..).collect();
        let new = LeafId(self.leaves.add(Leaf { above: Above::NONE, items: moved }));
        let sums = [self.sum_of_leaf(place.leaf), self.sum_of_leaf(new)];
        self.attach(self.leaf(place.leaf).above, 0, [place.leaf.0, new.0], sums);
        let slot = place.slot.checked_sub(cut);
        Inserted { place: slot.map_or(place, |slot| Place { leaf: new, slot }), split: Some(new) }
    }

    /// Puts items in the place of the one that is there; the leaf must have room. O(height).
    pub(in super::super) fn replace<const N: usize>(&mut self, place: Place, by: [T; N]) {
        let Place { leaf, mut slot } = place;
        let mut new = T::Sum::default();
        for item in &by {
            new.add(&item.sum());
        }
        let items = &mut self.leaves.get_mut(leaf.0).items;
        let old = items.remove(slot).sum();
        for item in by {
            items.insert(slot, item);
            slot += 1;
        }
        self.exchange(leaf, &old, &new);
    }

    /// Inserts an item in front of the one at `place`. O(log n).
    pub(in super::super) fn insert(&mut self, place: Place, item: T) -> Inserted {
        let Place { leaf, slot } = place;
        let sum = item.sum();
        let items = &mut self.leaf_mut(leaf).items;
        if items.len() < LEAF_ITEMS_MAX {
            items.insert(slot, item);
            self.exchange(leaf, &T::Sum::default(), &sum);
            return Inserted { place, split: None };
        }
        let cut = cut(slot, LEAF_ITEMS_MAX);
        let mut moved: ArrayVec<T, LEAF_ITEMS_MAX> = items.drain(cut..).collect();
        // An item right at the cut stays with what it stands behind.
        let stays = slot <= cut && cut < LEAF_ITEMS_MAX;
        if stays {
            items.insert(slot, item);
        } else {
            moved.insert(slot - cut, item);
        }
        let new = LeafId(self.leaves.add(Leaf { above: Above::NONE, items: moved }));
        let sums = [self.sum_of_leaf(leaf), self.sum_of_leaf(new)];
        self.exchange(leaf, &T::Sum::default(), &sum);
        self.attach(self.leaf(leaf).above, 0, [leaf.0, new.0], sums);
        let place = if stays { place } else { Place { leaf: new, slot: slot - cut } };
        Inserted { place, split: Some(new) }
    }

    /// Takes out the item at a place, which must hold one. O(log n).
    pub(in super::super) fn remove(&mut self, place: Place) -> T {
        let items = &mut self.leaf_mut(place.leaf).items;
        let item = items.remove(place.slot);
        let empty = items.is_empty();
        self.exchange(place.leaf, &item.sum(), &T::Sum::default());
        let above = self.leaf(place.leaf).above;
        if empty && above != Above::NONE {
            self.leaves.drop(place.leaf.0);
            self.detach(above, 0);
        }
        item
    }

    fn sum_of_leaf(&self, leaf: LeafId) -> T::Sum {
        let mut sum = T::Sum::default();
        self.items(leaf).iter().for_each(|item| sum.add(&item.sum()));
        sum
    }

    /// Makes the second node the next sibling of the first, which is at `above` and `height` levels above the leaves.
    fn attach(&mut self, above: Above, height: u32, nodes: [u32; 2], sums: [T::Sum; 2]) {
        if above == Above::NONE {
            let root = Inner { above, children: nodes.into_iter().collect(), sums: sums.into_iter().collect() };
            self.root = self.inners.add(root);
            self.height = height + 1;
            return self.adopt(self.root, 0, height);
        }
        let Above { parent, slot } = above;
        let slot = slot as usize;
        let inner = self.inners.get_mut(parent);
        inner.sums[slot] = sums[0];
        if inner.children.len() < CHILDREN_MAX {
            inner.children.insert(slot + 1, nodes[1]);
            inner.sums.insert(slot + 1, sums[1]);
            return self.adopt(parent, slot + 1, height);
        }
        let cut = cut(slot + 1, CHILDREN_MAX);
        let mut new = Inner {
            above: Above::NONE,
            children: inner.children.drain(cut..).collect(),
            sums: inner.sums.drain(cut..).collect(),
        };
        if slot < cut && cut < CHILDREN_MAX {
            inner.children.insert(slot + 1, nodes[1]);
            inner.sums.insert(slot + 1, sums[1]);
        } else {
            new.children.insert(slot + 1 - cut, nodes[1]);
            new.sums.insert(slot + 1 - cut, sums[1]);
        }
        let (next, above) = (inner.above, self.inners.add(new));
        self.adopt(parent, 0, height);
        self.adopt(above, 0, height);
        let sums = [self.sum_of_inner(parent), self.sum_of_inner(above)];
        self.attach(next, height + 1, [parent, above], sums);
    }

    fn sum_of_inner(&self, id: u32) -> T::Sum {
        let mut sum = T::Sum::default();
        self.inner(id).sums.iter().for_each(|other| sum.add(other));
        sum
    }

    /// Tells the children of a node, from a slot on, where they are; they stand `height` levels above the leaves.
    fn adopt(&mut self, parent: u32, from: usize, height: u32) {
        let Self { leaves, inners, .. } = self;
        for slot in from..inners.get(parent).children.len() {
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

    /// Drops an empty child, which stood `height` levels above the leaves, and whatever becomes empty or needless above it.
    fn detach(&mut self, above: Above, height: u32) {
        let Above { parent, slot } = above;
        let inner = self.inners.get_mut(parent);
        inner.children.remove(slot as usize);
        inner.sums.remove(slot as usize);
        let (next, empty) = (inner.above, inner.children.is_empty());
        if empty && next != Above::NONE {
            self.inners.drop(parent);
            return self.detach(next, height + 1);
        }
        self.adopt(parent, slot as usize, height);
        while self.height > 0 && self.inner(self.root).children.len() == 1 {
            let only = self.inner(self.root).children[0];
            self.inners.drop(self.root);
            self.root = only;
            self.height -= 1;
            if self.height == 0 {
                self.leaf_mut(LeafId(only)).above = Above::NONE;
            } else {
                self.inners.get_mut(only).above = Above::NONE;
            }
        }
    }
}

/// Where a full node is cut for one more entry: in the middle, but whoever writes on at the end leaves full nodes behind.
const fn cut(inserted: usize, max: usize) -> usize {
    if inserted == max { max } else { max / 2 }
}
