//! What must hold of the tree: for tests.

use super::measure::Measure;
use super::nodes::{Above, Leaf};
use super::{CHILDREN_MAX, LEAF_BYTES_MAX, LeafId, Sum, Weave};
use crate::digest::Fingerprint;
use crate::text::span::Span;

impl Weave {
    /// Asserts that parents, sums and heights agree, that the index knows every leaf and that what could be one span is one.
    pub(in super::super) fn assert_invariants(&self) {
        let mut leaves = alloc::vec::Vec::new();
        let sum = self.assert_node(self.root, self.height, Above::NONE, &mut leaves);
        assert!(sum == self.sum, "the sum of the tree is stale");
        for (at, leaf) in leaves.iter().enumerate() {
            assert!(self.leaf(*leaf).next.as_ref() == leaves.get(at + 1), "a leaf does not know the next one");
        }
        let before: usize =
            leaves.iter().take_while(|leaf| **leaf != self.near.0).map(|leaf| self.leaf(*leaf).visible).sum();
        assert!(leaves.contains(&self.near.0) && before == self.near.1, "the remembered leaf starts elsewhere");
        self.index.assert_invariants();
    }

    fn assert_node(&self, id: u32, height: u32, above: Above, leaves: &mut alloc::vec::Vec<LeafId>) -> Sum {
        if height == 0 {
            leaves.push(LeafId(id));
            return self.assert_leaf(LeafId(id), above);
        }
        let inner = self.inners.get(id);
        assert!(inner.above == above, "an inner node does not know its parent");
        assert!((1..=CHILDREN_MAX).contains(&inner.len), "an empty inner node");
        assert!(inner.len > 1 || above != Above::NONE, "a root with one child");
        for slot in 0..inner.len {
            let (child, expected) = inner.node(slot);
            let above = Above { parent: id, slot: u32::try_from(slot).unwrap_or(u32::MAX) };
            assert!(self.assert_node(child, height - 1, above, leaves) == expected, "the sum of a subtree is stale");
        }
        inner.sum()
    }

    fn assert_leaf(&self, id: LeafId, above: Above) -> Sum {
        let leaf: &Leaf = self.leaf(id);
        assert!(leaf.above == above, "a leaf does not know its parent");
        assert!(!leaf.spans.is_empty() || above == Above::NONE, "an empty leaf");
        assert!(leaf.text.len() <= LEAF_BYTES_MAX, "an overlong leaf");
        let visible: usize = leaf.spans.iter().map(Span::visible).sum();
        assert!(leaf.visible == visible && Measure::of(&leaf.text).chars as usize == visible, "chars are miscounted");
        assert!(leaf.fingerprint() == Fingerprint::of(leaf.text.as_bytes()).sum(), "a leaf remembers another text");
        for span in &leaf.spans {
            assert!(span.len() > 0, "an empty span");
            for unit in [span.first, span.first.plus(span.len() / 2), span.first.plus(span.len() - 1)] {
                assert!(self.index.leaf(unit) == Some(id), "the index has {unit:?} in another leaf");
            }
        }
        assert!(!leaf.spans.windows(2).any(|pair| pair[0].goes_on_with(&pair[1])), "two spans that could be one");
        leaf.sum()
    }
}
