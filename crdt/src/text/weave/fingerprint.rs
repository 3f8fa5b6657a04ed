//! The fingerprint of the visible text, put together from those of the leaves.

use super::Weave;
use crate::digest::Fingerprint;
use crate::text::Text;

impl Text {
    /// The fingerprint of the visible text. O(n) in the leaves that were edited since it was last asked for, and O(1) for each leaf.
    pub(crate) fn fingerprint(&self) -> u64 {
        self.weave.fingerprint().sum()
    }
}

impl Weave {
    fn fingerprint(&self) -> Fingerprint {
        let mut whole = Fingerprint::default();
        let first = self.leaf(self.at(0).place.leaf);
        for leaf in core::iter::successors(Some(first), |leaf| self.next_leaf(leaf)) {
            whole.append(leaf.fingerprint(), leaf.text.len());
        }
        whole
    }
}
