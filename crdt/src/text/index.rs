//! Which leaf holds which character: id → leaf of the span tree.

use alloc::collections::BTreeMap;

use super::span::Id;
use super::tree::NodeId;

/// Ranges of ids that lie in one leaf, as few as can be. What has no entry was never inserted.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    entries: BTreeMap<Id, Entry>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Entry {
    /// The `seq` behind the last character.
    end: u64,
    leaf: NodeId,
}

impl Index {
    /// The leaf of a character. O(log n).
    pub(super) fn leaf(&self, id: Id) -> Option<NodeId> {
        let (first, entry) = self.entries.range(..=id).next_back()?;
        (first.author == id.author && id.seq < entry.end).then_some(entry.leaf)
    }

    /// Whether all of these characters were inserted. O(log n + entries that hold them).
    pub(super) fn contains(&self, first: Id, len: u64) -> bool {
        let Some(end) = first.seq.checked_add(len) else {
            return false;
        };
        let mut next = first;
        while next.seq < end {
            match self.entries.range(..=next).next_back() {
                Some((start, entry)) if start.author == next.author && next.seq < entry.end => next.seq = entry.end,
                _ => return false,
            }
        }
        true
    }

    /// Puts the characters `first .. end` into a leaf. They are new, or all of them were in one leaf before. O(log n).
    pub(super) fn assign(&mut self, first: Id, end: u64, leaf: NodeId) {
        if let Some((start, entry)) = self.entries.range_mut(..=first).next_back()
            && start.author == first.author
            && first.seq < entry.end
        {
            if entry.leaf == leaf {
                return;
            }
            let rest = *entry;
            entry.end = first.seq;
            if end < rest.end {
                self.entries.insert(Id { seq: end, ..first }, rest);
            }
        }
        self.join(first, Entry { end, leaf });
    }

    /// Enters a range that overlaps no other, joined with its neighbours if they lie in the same leaf.
    fn join(&mut self, first: Id, mut entry: Entry) {
        let next = Id { seq: entry.end, ..first };
        if let Some(after) = self.entries.get(&next).copied()
            && after.leaf == entry.leaf
        {
            self.entries.remove(&next);
            entry.end = after.end;
        }
        if let Some((start, before)) = self.entries.range_mut(..first).next_back()
            && start.author == first.author
            && before.end == first.seq
            && before.leaf == entry.leaf
        {
            before.end = entry.end;
            self.entries.remove(&first);
        } else {
            self.entries.insert(first, entry);
        }
    }

    /// Asserts that the ranges hold `chars` characters, do not overlap, and are as few as can be. For tests.
    pub(super) fn assert_invariants(&self, chars: usize) {
        let lengths = self.entries.iter().map(|(first, entry)| entry.end - first.seq);
        assert!(lengths.sum::<u64>() == chars as u64, "the index holds other characters than the tree");
        for ((first, entry), (next, after)) in self.entries.iter().zip(self.entries.iter().skip(1)) {
            let joined = entry.end == next.seq && entry.leaf == after.leaf;
            assert!(first.author != next.author || (entry.end <= next.seq && !joined), "ranges that overlap or touch");
        }
    }
}
