//! What must hold of a tree: for tests.

use super::{Above, CHILDREN_MAX, Item, LeafId, Place, Sum, Tree};

impl<T: Item> Tree<T> {
    /// Asserts that parents, sums and heights agree, and calls `visit` with every item in order.
    pub(in super::super) fn assert_invariants(&self, mut visit: impl FnMut(Place, &T)) {
        let sum = self.assert_node(self.root, self.height, Above::NONE, &mut visit);
        assert!(sum == self.sum, "the sum of the tree is stale");
    }

    fn assert_node(&self, id: u32, height: u32, above: Above, visit: &mut impl FnMut(Place, &T)) -> T::Sum {
        let mut sum = T::Sum::default();
        if height == 0 {
            let leaf = self.leaf(LeafId(id));
            assert!(leaf.above == above, "a leaf does not know its parent");
            assert!(!leaf.items.is_empty() || above == Above::NONE, "an empty leaf");
            for (slot, item) in leaf.items.iter().enumerate() {
                visit(Place { leaf: LeafId(id), slot }, item);
                sum.add(&item.sum());
            }
            return sum;
        }
        let inner = self.inner(id);
        assert!(inner.above == above, "an inner node does not know its parent");
        assert!(inner.children.len() == inner.sums.len(), "as many sums as children");
        assert!((1..=CHILDREN_MAX).contains(&inner.children.len()), "an empty inner node");
        assert!(inner.children.len() > 1 || above != Above::NONE, "a root with one child");
        for (slot, (child, expected)) in inner.children.iter().zip(&inner.sums).enumerate() {
            let above = Above { parent: id, slot: u32::try_from(slot).unwrap_or(u32::MAX) };
            assert!(self.assert_node(*child, height - 1, above, visit) == *expected, "the sum of a subtree is stale");
            sum.add(expected);
        }
        sum
    }
}
