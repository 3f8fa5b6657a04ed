//! A B-tree over a sequence of items, with the sum of every subtree: any prefix that a monotone question can tell is found in
//! O(log n), and so is the sum of everything in front of an item.
//!
//! Nodes lie in one arena and know each other by number. Items are found from above (by sums) or from below (by leaf and slot).
//! A node that overflows is split; a node is dropped when it is empty, so the height follows the most items ever held.

use alloc::vec;
use alloc::vec::Vec;
use core::fmt::Debug;
use core::ops::AddAssign;

/// The most items of a leaf and the most children of an inner node; tiny in tests, so that small texts take every path.
const FANOUT: usize = if cfg!(test) { 4 } else { 16 };

/// What a [`Tree`] holds.
pub(super) trait Item {
    /// What is added up over subtrees.
    type Sum: AddAssign + Copy + Debug + Default + PartialEq;

    /// The item's own part of the sum.
    fn sum(&self) -> Self::Sum;
}

/// A node, by its number in the arena.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct NodeId(u32);

/// Where an item is, or where one would be inserted. Good until the next insert or removal.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Place {
    pub(super) leaf: NodeId,
    pub(super) slot: usize,
}

impl Place {
    /// The slot behind this one.
    pub(super) const fn behind(self) -> Self {
        Self { leaf: self.leaf, slot: self.slot + 1 }
    }
}

/// What an insert did.
#[derive(Clone, Copy, Debug)]
pub(super) struct Inserted {
    /// Where the item is.
    pub(super) place: Place,
    /// The leaf that some items moved to, if the old one was full.
    pub(super) split: Option<NodeId>,
}

/// The tree.
#[derive(Clone, Debug)]
pub(super) struct Tree<T: Item> {
    nodes: Vec<Node<T>>,
    free: Vec<NodeId>,
    root: NodeId,
    sum: T::Sum,
}

/// A leaf has items, an inner node has children and their sums; whoever looks for a child touches little memory.
#[derive(Clone, Debug)]
struct Node<T: Item> {
    parent: Option<NodeId>,
    items: Vec<T>,
    children: Vec<NodeId>,
    sums: Vec<T::Sum>,
}

impl<T: Item> Node<T> {
    const fn leaf(items: Vec<T>) -> Self {
        Self { parent: None, items, children: Vec::new(), sums: Vec::new() }
    }

    const fn inner(children: Vec<NodeId>, sums: Vec<T::Sum>) -> Self {
        Self { parent: None, items: Vec::new(), children, sums }
    }

    const fn is_leaf(&self) -> bool {
        self.children.is_empty()
    }

    fn sum(&self) -> T::Sum {
        if self.is_leaf() { total(self.items.iter().map(Item::sum)) } else { total(self.sums.iter().copied()) }
    }
}

impl<T: Item> Default for Tree<T> {
    fn default() -> Self {
        Self { nodes: vec![Node::leaf(Vec::new())], free: Vec::new(), root: NodeId(0), sum: T::Sum::default() }
    }
}

impl<T: Item> Tree<T> {
    /// The sum of all items. O(1).
    pub(super) const fn sum(&self) -> T::Sum {
        self.sum
    }

    /// The items of a leaf.
    pub(super) fn items(&self, leaf: NodeId) -> &[T] {
        &self.node(leaf).items
    }

    /// The item at a place, if there is one in that very slot.
    pub(super) fn get(&self, place: Place) -> Option<&T> {
        self.items(place.leaf).get(place.slot)
    }

    /// The first item such that the sum up to and with it is `past` the goal, and the sum in front of it; the end if there is
    /// none. O(log n).
    pub(super) fn seek(&self, past: impl Fn(&T::Sum) -> bool) -> (Place, T::Sum) {
        let mut before = T::Sum::default();
        let mut leaf = self.root;
        while let Some(last) = self.node(leaf).children.len().checked_sub(1) {
            let node = self.node(leaf);
            let found = node.sums[..last].iter().position(|sum| !step(&mut before, *sum, &past));
            leaf = node.children[found.unwrap_or(last)];
        }
        let items = self.items(leaf);
        let found = items.iter().position(|item| !step(&mut before, item.sum(), &past));
        (Place { leaf, slot: found.unwrap_or(items.len()) }, before)
    }

    /// The sum of everything in front of a place. O(log n).
    pub(super) fn before(&self, place: Place) -> T::Sum {
        let mut sum = total(self.items(place.leaf)[..place.slot].iter().map(Item::sum));
        let mut node = place.leaf;
        while let Some((parent, at)) = self.slot(node) {
            sum += total(self.node(parent).sums[..at].iter().copied());
            node = parent;
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
        let mut node = place.leaf;
        while let Some((parent, at)) = self.slot(node) {
            let above = self.node(parent);
            if let Some(found) = above.sums[at + 1..].iter().position(&wanted) {
                return self.first_within(above.children[at + 1 + found], wanted);
            }
            node = parent;
        }
        None
    }

    /// The last item in front of a place whose sum is `wanted`; as [`Self::first_from`].
    pub(super) fn last_before(&self, place: Place, wanted: impl Fn(&T::Sum) -> bool) -> Option<Place> {
        if let Some(slot) = self.items(place.leaf)[..place.slot].iter().rposition(|item| wanted(&item.sum())) {
            return Some(Place { leaf: place.leaf, slot });
        }
        let mut node = place.leaf;
        while let Some((parent, at)) = self.slot(node) {
            let above = self.node(parent);
            if let Some(found) = above.sums[..at].iter().rposition(&wanted) {
                return self.last_within(above.children[found], wanted);
            }
            node = parent;
        }
        None
    }

    /// Where the next item is: at this place, or at the start of the next leaf. O(1) amortised over a walk.
    pub(super) fn settle(&self, place: Place) -> Option<Place> {
        self.first_from(place, |_| true)
    }

    /// Where the first item is.
    pub(super) fn first(&self) -> Option<Place> {
        self.first_within(self.root, |_| true)
    }

    /// Inserts an item in front of the one at `place`. O(log n).
    pub(super) fn insert(&mut self, place: Place, item: T) -> Inserted {
        let Place { leaf, slot } = place;
        let items = &mut self.node_mut(leaf).items;
        items.insert(slot, item);
        if items.len() <= FANOUT {
            self.refresh(leaf);
            return Inserted { place, split: None };
        }
        let cut = cut(slot);
        let moved = split_off(items, cut);
        let new = self.add(Node::leaf(moved));
        self.attach(leaf, new);
        let place = if slot < cut { place } else { Place { leaf: new, slot: slot - cut } };
        Inserted { place, split: Some(new) }
    }

    /// Changes the item at a place, which must hold one. O(log n).
    pub(super) fn update(&mut self, place: Place, change: impl FnOnce(&mut T)) {
        change(&mut self.node_mut(place.leaf).items[place.slot]);
        self.refresh(place.leaf);
    }

    /// Takes out the item at a place, which must hold one. O(log n).
    pub(super) fn remove(&mut self, place: Place) -> T {
        let items = &mut self.node_mut(place.leaf).items;
        let item = items.remove(place.slot);
        if items.is_empty() {
            self.detach(place.leaf);
        } else {
            self.refresh(place.leaf);
        }
        item
    }

    /// Asserts that parents, sums and heights agree, and calls `visit` with every item in order. For tests.
    pub(super) fn assert_invariants(&self, mut visit: impl FnMut(Place, &T)) {
        assert!(self.node(self.root).parent.is_none(), "the root has a parent");
        let sum = self.assert_node(self.root, 0, &mut None, &mut visit);
        assert!(sum == self.sum, "the sum of the tree is stale");
    }

    fn assert_node(
        &self,
        id: NodeId,
        depth: usize,
        leaf_depth: &mut Option<usize>,
        visit: &mut impl FnMut(Place, &T),
    ) -> T::Sum {
        let node = self.node(id);
        assert!(node.items.len().max(node.children.len()) <= FANOUT, "an overfull node");
        assert!(node.items.is_empty() != node.children.is_empty() || id == self.root, "an empty node");
        assert!(node.children.len() == node.sums.len(), "as many sums as children");
        if node.is_leaf() {
            assert!(*leaf_depth.get_or_insert(depth) == depth, "leaves at different depths");
        }
        node.items.iter().enumerate().for_each(|(slot, item)| visit(Place { leaf: id, slot }, item));
        for (child, sum) in node.children.iter().zip(&node.sums) {
            assert!(self.node(*child).parent == Some(id), "a child does not know its parent");
            assert!(self.assert_node(*child, depth + 1, leaf_depth, visit) == *sum, "the sum of a subtree is stale");
        }
        node.sum()
    }

    fn node(&self, id: NodeId) -> &Node<T> {
        &self.nodes[id.0 as usize]
    }

    fn node_mut(&mut self, id: NodeId) -> &mut Node<T> {
        &mut self.nodes[id.0 as usize]
    }

    /// The parent of a node and which of its children the node is.
    fn slot(&self, id: NodeId) -> Option<(NodeId, usize)> {
        let parent = self.node(id).parent?;
        let at = self.node(parent).children.iter().position(|child| *child == id)?;
        Some((parent, at))
    }

    fn first_within(&self, mut id: NodeId, wanted: impl Fn(&T::Sum) -> bool) -> Option<Place> {
        while !self.node(id).is_leaf() {
            let node = self.node(id);
            id = node.children[node.sums.iter().position(&wanted)?];
        }
        let slot = self.items(id).iter().position(|item| wanted(&item.sum()))?;
        Some(Place { leaf: id, slot })
    }

    fn last_within(&self, mut id: NodeId, wanted: impl Fn(&T::Sum) -> bool) -> Option<Place> {
        while !self.node(id).is_leaf() {
            let node = self.node(id);
            id = node.children[node.sums.iter().rposition(&wanted)?];
        }
        let slot = self.items(id).iter().rposition(|item| wanted(&item.sum()))?;
        Some(Place { leaf: id, slot })
    }

    fn add(&mut self, node: Node<T>) -> NodeId {
        if let Some(id) = self.free.pop() {
            *self.node_mut(id) = node;
            return id;
        }
        // Memory ends long before the numbers do: a node has more than a hundred bytes.
        let id = NodeId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        self.nodes.push(node);
        id
    }

    /// Makes `new` the next sibling of `old`, and brings the sums above both up to date.
    fn attach(&mut self, old: NodeId, new: NodeId) {
        let sums = [self.node(old).sum(), self.node(new).sum()];
        let Some((parent, at)) = self.slot(old) else {
            let root = self.add(Node::inner(vec![old, new], sums.to_vec()));
            self.adopt(root);
            self.root = root;
            self.sum = self.node(root).sum();
            return;
        };
        self.node_mut(new).parent = Some(parent);
        let above = self.node_mut(parent);
        above.sums[at] = sums[0];
        above.children.insert(at + 1, new);
        above.sums.insert(at + 1, sums[1]);
        if above.children.len() <= FANOUT {
            self.refresh(parent);
            return;
        }
        let cut = cut(at + 1);
        let moved = Node::inner(split_off(&mut above.children, cut), split_off(&mut above.sums, cut));
        let sibling = self.add(moved);
        self.adopt(sibling);
        self.attach(parent, sibling);
    }

    /// Tells the children of a new node who their parent is.
    fn adopt(&mut self, parent: NodeId) {
        for at in 0..self.node(parent).children.len() {
            let child = self.node(parent).children[at];
            self.node_mut(child).parent = Some(parent);
        }
    }

    /// Drops an empty node, and whatever becomes empty or needless above it.
    fn detach(&mut self, id: NodeId) {
        let Some((parent, at)) = self.slot(id) else {
            self.sum = T::Sum::default();
            return;
        };
        self.drop_node(id);
        let above = self.node_mut(parent);
        above.children.remove(at);
        above.sums.remove(at);
        if above.children.is_empty() {
            self.detach(parent);
        } else {
            self.refresh(parent);
        }
        while let [only] = self.node(self.root).children[..] {
            self.drop_node(self.root);
            self.root = only;
            self.node_mut(only).parent = None;
        }
    }

    fn drop_node(&mut self, id: NodeId) {
        *self.node_mut(id) = Node::leaf(Vec::new());
        self.free.push(id);
    }

    /// Brings the sums above a node up to date.
    fn refresh(&mut self, mut id: NodeId) {
        let mut sum = self.node(id).sum();
        while let Some((parent, at)) = self.slot(id) {
            self.node_mut(parent).sums[at] = sum;
            sum = self.node(parent).sum();
            id = parent;
        }
        self.sum = sum;
    }
}

/// Where an overfull node is cut: in the middle, but whoever writes on at the end leaves full nodes behind.
const fn cut(inserted: usize) -> usize {
    if inserted == FANOUT { FANOUT } else { FANOUT / 2 }
}

/// As [`Vec::split_off`], with room for a whole node in the new vector.
fn split_off<E>(from: &mut Vec<E>, at: usize) -> Vec<E> {
    let mut moved = Vec::with_capacity(FANOUT + 1);
    moved.extend(from.drain(at..));
    moved
}

fn total<S: AddAssign + Default>(sums: impl Iterator<Item = S>) -> S {
    let mut total = S::default();
    sums.for_each(|sum| total += sum);
    total
}

/// Adds `sum` to `before`, unless that goes past the goal; says whether it was added.
fn step<S: AddAssign + Copy>(before: &mut S, sum: S, past: impl Fn(&S) -> bool) -> bool {
    let mut with = *before;
    with += sum;
    let stays = !past(&with);
    if stays {
        *before = with;
    }
    stays
}
