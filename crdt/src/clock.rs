//! Logical time: Lamport timestamps and version vectors.
//!
//! Lamport, *Time, clocks and the ordering of events in a distributed system*, CACM 21(7), 1978; Parker et al., *Detection of
//! mutual inconsistency in distributed systems*, IEEE TSE 9(3), 1983 (version vectors).

use alloc::vec::Vec;
use core::cmp::{Ordering, Reverse};
use core::ops::Range;

use serde::{Deserialize, Serialize};

use crate::digest::Fingerprint;
use crate::id::{OpId, ReplicaId};

/// A Lamport timestamp: one more than the largest in the operation's causal past. The first operation of a document has 1.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd, Deserialize, Serialize)]
pub struct Lamport(pub u64);

impl Lamport {
    /// The timestamp of the operation `count` units after this one in the same run.
    #[must_use]
    pub const fn plus(self, count: u64) -> Self {
        Self(self.0.saturating_add(count))
    }
}

/// What a replica has delivered: for each replica the *number* of its units, so that the next one expected has exactly that `seq`.
///
/// A replica of which nothing was delivered has no entry. The partial order is causality: `a <= b` when `b` contains all that
/// `a` does, and vectors that each contain something the other lacks do not compare (they are concurrent).
#[derive(Clone, Debug, Default, Eq, PartialEq, Deserialize, Serialize)]
#[serde(from = "Vec<(ReplicaId, u64)>", into = "Vec<(ReplicaId, u64)>")]
pub struct VersionVector {
    /// In the order of replica ids, each once, none with 0.
    entries: Vec<(ReplicaId, u64)>,
}

impl VersionVector {
    /// Nothing delivered.
    pub const fn new() -> Self {
        Self { entries: Vec::new() }
    }

    /// How many units of `replica` are delivered. O(log n).
    pub fn get(&self, replica: ReplicaId) -> u64 {
        self.find(replica).map_or(0, |at| self.entries[at].1)
    }

    /// Whether this operation is delivered. O(log n).
    pub fn contains(&self, id: OpId) -> bool {
        id.seq < self.get(id.replica)
    }

    /// Takes in that `count` units of `replica` are delivered; never forgets. O(log n), O(n) for a replica without an entry.
    pub fn observe(&mut self, replica: ReplicaId, count: u64) {
        match self.find(replica) {
            Ok(at) => self.entries[at].1 = self.entries[at].1.max(count),
            Err(at) if count > 0 => self.entries.insert(at, (replica, count)),
            Err(_) => {}
        }
    }

    /// Takes in everything that `other` contains: the least upper bound of the two. O(n) in both.
    pub fn join(&mut self, other: &Self) {
        if self.entries.is_empty() {
            self.entries.clone_from(&other.entries);
        } else if other.entries.len() < 8 {
            other.iter().for_each(|(replica, count)| self.observe(replica, count));
        } else {
            self.entries.extend_from_slice(&other.entries);
            // The larger of two entries comes first and stays.
            self.entries.sort_unstable_by_key(|(replica, count)| (*replica, Reverse(*count)));
            self.entries.dedup_by_key(|(replica, _)| *replica);
        }
    }

    /// What this vector contains and `other` lacks, as ranges of `seq` per replica, in the order of replica ids.
    pub fn missing_from<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = (ReplicaId, Range<u64>)> + 'a {
        self.iter().filter_map(|(replica, count)| {
            let has = other.get(replica);
            (has < count).then_some((replica, has..count))
        })
    }

    /// Each replica with a count above 0, in the order of replica ids.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (ReplicaId, u64)> + '_ {
        self.entries.iter().copied()
    }

    /// A fingerprint of what is delivered, the same wherever that is the same. O(n).
    pub fn digest(&self) -> u64 {
        let mut print = Fingerprint::default();
        for (replica, count) in self.iter() {
            print.push(replica.as_bytes());
            print.push_number(count);
        }
        print.sum()
    }

    /// How many replicas have an entry.
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing is delivered.
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Where a replica's entry is, or would be.
    fn find(&self, replica: ReplicaId) -> Result<usize, usize> {
        match self.entries.as_slice() {
            // Most documents have few authors.
            [(only, _)] if *only == replica => Ok(0),
            entries => entries.binary_search_by(|(other, _)| other.cmp(&replica)),
        }
    }
}

impl FromIterator<(ReplicaId, u64)> for VersionVector {
    fn from_iter<I: IntoIterator<Item = (ReplicaId, u64)>>(entries: I) -> Self {
        let mut entries: Vec<_> = entries.into_iter().filter(|(_, count)| *count > 0).collect();
        // The larger of two entries comes first and stays.
        entries.sort_unstable_by_key(|(replica, count)| (*replica, Reverse(*count)));
        entries.dedup_by_key(|(replica, _)| *replica);
        Self { entries }
    }
}

impl From<Vec<(ReplicaId, u64)>> for VersionVector {
    fn from(entries: Vec<(ReplicaId, u64)>) -> Self {
        entries.into_iter().collect()
    }
}

impl From<VersionVector> for Vec<(ReplicaId, u64)> {
    fn from(vector: VersionVector) -> Self {
        vector.entries
    }
}

impl IntoIterator for VersionVector {
    type Item = (ReplicaId, u64);
    type IntoIter = alloc::vec::IntoIter<(ReplicaId, u64)>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}

impl PartialOrd for VersionVector {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        let ahead = self.missing_from(other).next().is_some();
        let behind = other.missing_from(self).next().is_some();
        match (ahead, behind) {
            (false, false) => Some(Ordering::Equal),
            (true, false) => Some(Ordering::Greater),
            (false, true) => Some(Ordering::Less),
            (true, true) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: ReplicaId = ReplicaId::from_bytes([1; 16]);
    const B: ReplicaId = ReplicaId::from_bytes([2; 16]);

    fn vector(entries: &[(ReplicaId, u64)]) -> VersionVector {
        entries.iter().copied().collect()
    }

    #[test]
    fn the_order_is_causality() {
        let check = |a: &[_], b: &[_], expected| assert_eq!(vector(a).partial_cmp(&vector(b)), expected);
        check(&[], &[], Some(Ordering::Equal));
        check(&[(A, 1)], &[(A, 1), (B, 0)], Some(Ordering::Equal));
        check(&[(A, 1)], &[(A, 2)], Some(Ordering::Less));
        check(&[(A, 1), (B, 1)], &[(A, 1)], Some(Ordering::Greater));
        check(&[(A, 2)], &[(A, 1), (B, 1)], None);
    }

    #[test]
    fn a_join_contains_both_and_nothing_more() {
        let mut joined = vector(&[(A, 3)]);
        joined.join(&vector(&[(A, 1), (B, 2)]));
        assert_eq!(joined, vector(&[(A, 3), (B, 2)]));
    }

    #[test]
    fn missing_units_are_named_as_ranges() {
        let ours = vector(&[(A, 3), (B, 2)]);
        let missing: Vec<_> = ours.missing_from(&vector(&[(A, 1), (B, 5)])).collect();
        assert_eq!(missing, [(A, 1..3)]);
        assert!(ours.contains(OpId::new(A, 2)) && !ours.contains(OpId::new(A, 3)));
    }

    #[test]
    fn who_has_no_units_has_no_entry() {
        let mut observed = vector(&[(A, 1)]);
        observed.observe(B, 0);
        assert_eq!((observed.len(), &observed), (1, &vector(&[(A, 1), (B, 0)])));
    }
}
