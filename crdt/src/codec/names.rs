//! Whom an author's payloads have named: a number says it again.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::id::ReplicaId;

/// The replicas other than the author that its changes name, in the order in which they name them first.
///
/// What counts is what the changes say, and not how they are written: they are the same wherever the changes are delivered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    /// Each with the first `seq` of the change that names it first.
    names: Vec<(ReplicaId, u64)>,
    places: BTreeMap<ReplicaId, u32>,
}

impl Names {
    /// Nobody.
    pub(crate) const fn new() -> Self {
        Self { names: Vec::new(), places: BTreeMap::new() }
    }

    /// How many there are.
    pub(crate) const fn len(&self) -> usize {
        self.names.len()
    }

    /// The replica that was named after `place` others.
    pub(crate) fn get(&self, place: usize) -> Option<ReplicaId> {
        self.names.get(place).map(|(replica, _)| *replica)
    }

    /// How many replicas were named before this one, if it was named. O(log n).
    pub(crate) fn place(&self, replica: ReplicaId) -> Option<usize> {
        self.places.get(&replica).map(|place| *place as usize)
    }

    /// How many of them were named by changes before the one that begins at `first_seq`. O(log n), O(1) if all were.
    pub(crate) fn before(&self, first_seq: u64) -> usize {
        match self.names.last() {
            Some((_, newest)) if *newest >= first_seq => self.names.partition_point(|(_, seq)| *seq < first_seq),
            _ => self.names.len(),
        }
    }

    /// Takes in that the change that begins at `first_seq`, which is no older than any before, names a replica. O(log n).
    pub(crate) fn name(&mut self, replica: ReplicaId, first_seq: u64) {
        // There are no more replicas than units.
        let place = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.places.entry(replica).or_insert_with(|| {
            self.names.push((replica, first_seq));
            place
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_its_place() {
        let id = |at: u8| ReplicaId::from_bytes([at; 16]);
        let mut names = Names::new();
        for (replica, first_seq) in [(5, 0), (3, 0), (5, 7), (4, 7)] {
            names.name(id(replica), first_seq);
        }
        assert_eq!((names.len(), names.get(1), names.get(3)), (3, Some(id(3)), None));
        assert_eq!([5, 3, 4, 6].map(|at| names.place(id(at))), [Some(0), Some(1), Some(2), None]);
        assert_eq!([0, 1, 7, 8].map(|seq| names.before(seq)), [0, 2, 2, 3]);
    }
}
