//! What is known of each replica that wrote: the pasts of its changes, whom they name, and the Lamport timestamps of all its
//! operations.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::Document;
use super::past::Pasts;
use crate::clock::{Lamport, VersionVector};
use crate::codec::names::Names;
use crate::id::{OpId, ReplicaId};
use crate::units::Units;

#[derive(Clone, Debug, Default)]
pub(super) struct Authors {
    authors: BTreeMap<ReplicaId, Author>,
    /// The largest timestamp of anything delivered or made here.
    clock: Lamport,
}

/// A replica that wrote.
#[derive(Clone, Debug)]
pub(super) struct Author {
    /// What it had delivered of the *others* when it made its changes.
    pub(super) pasts: Pasts,
    /// When it made its newest change, as it says.
    pub(super) time: Option<i64>,
    /// Whom its changes name.
    pub(super) names: Names,
    /// Where runs of consecutive timestamps start, and with which one.
    runs: Vec<(u64, Lamport)>,
}

/// What is known of a replica before its first change.
static NEW: Author = Author { pasts: Pasts::new(), time: None, names: Names::new(), runs: Vec::new() };

impl Default for Author {
    fn default() -> Self {
        NEW.clone()
    }
}

impl Author {
    fn lamport(&self, seq: u64) -> Option<Lamport> {
        let (start, lamport) = match self.runs.last() {
            Some((start, lamport)) if *start <= seq => (start, lamport),
            _ => {
                let behind = self.runs.partition_point(|(start, _)| *start <= seq);
                let (start, lamport) = self.runs.get(behind.checked_sub(1)?)?;
                (start, lamport)
            }
        };
        Some(lamport.plus(seq - start))
    }
}

impl Authors {
    /// The timestamp of a delivered operation.
    pub(super) fn lamport(&self, id: OpId) -> Option<Lamport> {
        self.authors.get(&id.replica)?.lamport(id.seq)
    }

    /// The timestamp of the next operation made here: its past is everything delivered.
    pub(super) const fn next_lamport(&self) -> Lamport {
        self.clock.plus(1)
    }

    /// The timestamp of the operation that is the `from_end`-th last made here, 1 for the newest.
    pub(super) const fn pending_lamport(&self, from_end: u64) -> Option<Lamport> {
        match (self.clock.0 + 1).checked_sub(from_end) {
            Some(lamport) => Some(Lamport(lamport)),
            None => None,
        }
    }

    /// Takes in that `units` operations were made here.
    pub(super) const fn advance_clock(&mut self, units: u64) {
        self.clock = self.clock.plus(units);
    }

    /// Takes in a change whose timestamps go on behind those of its author's previous one, which is also the newest here, up to this
    /// one.
    pub(super) fn go_on(&mut self, lamport: Lamport) {
        self.clock = self.clock.max(lamport);
    }

    /// What is known of a replica.
    pub(super) fn author(&self, replica: ReplicaId) -> &Author {
        self.authors.get(&replica).unwrap_or(&NEW)
    }

    /// Whom a replica's changes name. Nothing else of it changes with them.
    pub(super) fn names_mut(&mut self, replica: ReplicaId) -> &mut Names {
        &mut self.authors.entry(replica).or_default().names
    }

    /// Whether the author of an operation in its newest change had seen another one, which is delivered. O(log n).
    pub(super) fn had_seen(&self, id: OpId, other: OpId, units: &Units) -> bool {
        if other.replica == id.replica {
            other.seq < id.seq
        } else {
            self.pasts(id.replica).newest.contains(other, units)
        }
    }

    /// Takes in when a replica made its newest change, if that is known. Only who has written has one.
    #[inline]
    pub(super) fn set_time(&mut self, replica: ReplicaId, time: Option<i64>) {
        if time.is_some()
            && let Some(author) = self.authors.get_mut(&replica)
        {
            author.time = time;
        }
    }

    /// The pasts of a replica's changes.
    pub(super) fn pasts(&self, replica: ReplicaId) -> &Pasts {
        &self.author(replica).pasts
    }

    /// The same, to take in a change that names deps.
    pub(super) fn pasts_mut(&mut self, replica: ReplicaId) -> &mut Pasts {
        &mut self.authors.entry(replica).or_default().pasts
    }

    /// Takes in the units of a change whose past is here; the timestamp of the first: one more than the largest in its past. That is
    /// one of those that it names, or its author's previous one.
    pub(super) fn deliver(&mut self, replica: ReplicaId, first_seq: u64, len: u64, deps: &VersionVector) -> Lamport {
        let others = deps.iter().filter_map(|(other, count)| Some(OpId::new(other, count.checked_sub(1)?)));
        let largest = others.filter_map(|id| self.lamport(id)).max().unwrap_or_default();
        let author = self.authors.entry(replica).or_default();
        let previous = first_seq.checked_sub(1).and_then(|seq| author.lamport(seq));
        let lamport = largest.max(previous.unwrap_or_default()).plus(1);
        self.clock = self.clock.max(lamport.plus(len - 1));
        if previous.is_none_or(|previous| previous.plus(1) != lamport) {
            author.runs.push((first_seq, lamport));
        }
        lamport
    }
}

impl Document {
    /// The Lamport timestamp of a delivered operation. O(log n).
    pub fn lamport(&self, id: OpId) -> Option<Lamport> {
        let made = self.version.get(id.replica);
        if id.seq >= made {
            return None;
        }
        let from_end = made - id.seq;
        let pending = id.replica == self.replica && from_end <= self.pending() as u64;
        if pending { self.authors.pending_lamport(from_end) } else { self.authors.lamport(id) }
    }
}
