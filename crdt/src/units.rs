//! Units by number: every unit delivered here has one, in the order of delivery, so that trees and logs hold four bytes where an
//! [`OpId`] has twenty-four.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::ops::Range;

use crate::clock::VersionVector;
use crate::id::{OpId, ReplicaId};

/// The most units that a document may have here: numbers fit 31 bits.
pub const UNITS_MAX: usize = (1 << 31) - 1;

/// A unit's number. Another replica may have delivered in another order: numbers never leave this one.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Unit(pub(crate) u32);

impl Unit {
    /// The unit `count` later.
    #[must_use]
    pub(crate) const fn plus(self, count: usize) -> Self {
        // Below UNITS_MAX, which whoever adds units checks.
        #[expect(clippy::cast_possible_truncation, reason = "there are at most UNITS_MAX units")]
        Self(self.0 + count as u32)
    }

    /// The unit's number as an index.
    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A directory has an entry for so many units; few in tests.
const PAGE_BITS: u32 = if cfg!(test) { 2 } else { 9 };

/// Where to look in a list of runs, ordered by their starts, for the one that a unit is part of.
#[derive(Clone, Debug, Default)]
pub(crate) struct Directory {
    /// For the first unit of each page, up to the start of the last run: how many runs start in front of it or there.
    counts: Vec<u32>,
}

impl Directory {
    /// Takes in that a run is added as the `at`-th, from 0, which starts at this unit. O(1) amortised over the units.
    pub(crate) fn push(&mut self, at: usize, start: u32) {
        while (self.counts.len() as u64) << PAGE_BITS < u64::from(start) {
            // There are no more runs than units.
            self.counts.push(u32::try_from(at).unwrap_or(u32::MAX));
        }
    }

    /// The last of the runs that does not start behind a unit: it holds the unit if any does. O(log n) in the runs of the unit's
    /// page, O(1) at the end.
    pub(crate) fn find<T>(&self, runs: &[T], unit: Unit, start: impl Fn(&T) -> u32) -> Option<usize> {
        let last = runs.len().checked_sub(1)?;
        if start(&runs[last]) <= unit.0 {
            return Some(last);
        }
        let page = (unit.0 >> PAGE_BITS) as usize;
        let from = self.counts.get(page).or(self.counts.last()).map_or(0, |count| *count as usize);
        let to = self.counts.get(page + 1).map_or(last, |count| *count as usize);
        let found = runs.get(from..to)?.partition_point(|run| start(run) <= unit.0);
        (from + found).checked_sub(1)
    }
}

/// The last of some runs, ordered by their starts, that does not start behind a unit, for who goes through them in order: `near` is
/// the index of the run that was found last. O(1) at the next runs, else O(log n).
pub(crate) fn run_near<T>(runs: &[T], unit: Unit, near: &mut usize, start: impl Fn(&T) -> u32) -> Option<usize> {
    let from = runs.get(*near).filter(|run| start(run) <= unit.0).map_or(0, |_| *near);
    let is_behind = |at: usize| runs.get(at).is_none_or(|run| start(run) > unit.0);
    let last = runs.len().checked_sub(1)?;
    *near = if start(&runs[last]) <= unit.0 {
        // Most that is asked for is new.
        last
    } else if let Some(behind) = (from..from + 3).find(|at| is_behind(*at)) {
        behind.checked_sub(1)?
    } else {
        runs.partition_point(|run| start(run) <= unit.0).checked_sub(1)?
    };
    Some(*near)
}

/// Which replica, by its number here.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Author(u32);

/// Consecutive units of one author with consecutive `seq`s. They end where the next run starts.
#[derive(Clone, Copy, Debug)]
struct UnitRun {
    start: Unit,
    author: Author,
    seq: u64,
}

/// All units delivered, and whose they are.
#[derive(Clone, Debug, Default)]
pub(crate) struct Units {
    replicas: Vec<ReplicaId>,
    numbers: BTreeMap<ReplicaId, Author>,
    runs: Vec<UnitRun>,
    directory: Directory,
    /// For each author the runs that are its, by their index, in ascending order of `seq`.
    runs_of: Vec<Vec<u32>>,
    len: usize,
}

impl Units {
    /// How many units there are; the next one's number.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// The unit behind the last one.
    pub(crate) const fn end(&self) -> Unit {
        Unit(0).plus(self.len)
    }

    /// Whether more than one replica made them.
    pub(crate) const fn has_many_authors(&self) -> bool {
        self.replicas.len() > 1
    }

    /// Numbers `len` units of one replica that follow all it made so far; gives the first.
    pub(crate) fn push(&mut self, first: OpId, len: usize) -> Unit {
        let start = self.end();
        self.len += len;
        if let Some(last) = self.runs.last()
            && self.replicas[last.author.0 as usize] == first.replica
            && last.seq + u64::from(start.0 - last.start.0) == first.seq
        {
            return start;
        }
        let author = self.author(first.replica);
        // There are no more runs than units.
        self.runs_of[author.0 as usize].push(u32::try_from(self.runs.len()).unwrap_or(u32::MAX));
        self.directory.push(self.runs.len(), start.0);
        self.runs.push(UnitRun { start, author, seq: first.seq });
        start
    }

    /// The unit with this id, if it was delivered, and how many units from it on follow each other here and there. O(log n).
    pub(crate) fn run(&self, id: OpId) -> Option<(Unit, usize)> {
        let last = self.runs.last()?;
        let author = if self.replicas[last.author.0 as usize] == id.replica {
            last.author
        } else {
            *self.numbers.get(&id.replica)?
        };
        let runs = &self.runs_of[author.0 as usize];
        let newest = *runs.last()? as usize;
        let at = if self.runs[newest].seq <= id.seq {
            newest
        } else {
            *runs.get(runs.partition_point(|run| self.runs[*run as usize].seq <= id.seq).checked_sub(1)?)? as usize
        };
        let run = &self.runs[at];
        let end = self.run_end(at);
        let offset = usize::try_from(id.seq - run.seq).ok()?;
        let len = (end - run.start.index()).checked_sub(offset).filter(|len| *len > 0)?;
        Some((run.start.plus(offset), len))
    }

    /// The unit with this id, if it was delivered. O(log n).
    pub(crate) fn unit(&self, id: OpId) -> Option<Unit> {
        self.run(id).map(|(unit, _)| unit)
    }

    /// The id of a unit, which was delivered. O(log n).
    pub(crate) fn id(&self, unit: Unit) -> OpId {
        self.id_run(unit).0
    }

    /// The id of a unit, which was delivered, and how many units from it on are its author's with consecutive `seq`s. O(log n).
    pub(crate) fn id_run(&self, unit: Unit) -> (OpId, usize) {
        let at = self.run_of(unit);
        let run = &self.runs[at];
        let end = self.run_end(at);
        let id = OpId::new(self.replicas[run.author.0 as usize], run.seq + u64::from(unit.0 - run.start.0));
        (id, end - unit.index())
    }

    /// How many units up to and including this one, which was delivered, are its author's with consecutive `seq`s. O(log n).
    pub(crate) fn run_up_to(&self, unit: Unit) -> usize {
        let at = self.run_of(unit);
        unit.index() + 1 - self.runs[at].start.index()
    }

    /// Who made which units, in the order of delivery: whoever goes on comes once.
    pub(crate) fn turns(&self) -> impl Iterator<Item = (ReplicaId, Range<Unit>)> + '_ {
        self.runs.iter().enumerate().map(|(at, run)| {
            let end = Unit(0).plus(self.run_end(at));
            (self.replicas[run.author.0 as usize], run.start..end)
        })
    }

    /// Which units a version contains, in ascending order. O(n) in runs.
    pub(crate) fn contained_in(&self, version: &VersionVector) -> impl Iterator<Item = Range<Unit>> + '_ {
        let counts: Vec<u64> = self.replicas.iter().map(|replica| version.get(*replica)).collect();
        self.runs.iter().enumerate().filter_map(move |(at, run)| {
            let len = self.run_end(at) - run.start.index();
            let contained = counts[run.author.0 as usize].saturating_sub(run.seq);
            let len = usize::try_from(contained).map_or(len, |contained| contained.min(len));
            (len > 0).then(|| run.start..run.start.plus(len))
        })
    }

    /// The version that contains all units before this one and no other. O(log n) for each author.
    pub(crate) fn version_before(&self, end: Unit) -> VersionVector {
        let count = |(replica, runs): (&ReplicaId, &Vec<u32>)| {
            let newest = runs.partition_point(|run| self.runs[*run as usize].start < end).checked_sub(1)?;
            let at = runs[newest] as usize;
            let run = &self.runs[at];
            let len = self.run_end(at).min(end.index()) - run.start.index();
            Some((*replica, run.seq + len as u64))
        };
        self.replicas.iter().zip(&self.runs_of).filter_map(count).collect()
    }

    /// The run of a unit, by its index.
    fn run_of(&self, unit: Unit) -> usize {
        self.directory.find(&self.runs, unit, |run| run.start.0).unwrap_or(0)
    }

    /// Where a run ends, as an index.
    fn run_end(&self, at: usize) -> usize {
        self.runs.get(at + 1).map_or(self.len, |next| next.start.index())
    }

    fn author(&mut self, replica: ReplicaId) -> Author {
        if let Some(author) = self.numbers.get(&replica) {
            return *author;
        }
        // There are no more authors than units.
        let author = Author(u32::try_from(self.replicas.len()).unwrap_or(u32::MAX));
        self.replicas.push(replica);
        self.runs_of.push(Vec::new());
        self.numbers.insert(replica, author);
        author
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: ReplicaId = ReplicaId::from_bytes([1; 16]);
    const B: ReplicaId = ReplicaId::from_bytes([2; 16]);

    #[test]
    fn a_directory_finds_what_a_search_of_all_finds() {
        let (mut directory, mut runs) = (Directory::default(), Vec::new());
        for start in [0_u32, 1, 2, 3, 4, 5, 9, 10, 30, 31, 32, 36, 37, 90] {
            directory.push(runs.len(), start);
            runs.push(start);
            for unit in 0..100 {
                let expected = runs.partition_point(|start| *start <= unit).checked_sub(1);
                assert_eq!(directory.find(&runs, Unit(unit), |start| *start), expected, "{unit} in {runs:?}");
            }
        }
        assert_eq!(Directory::default().find(&[], Unit(3), |start: &u32| *start), None);
    }

    #[test]
    fn a_unit_is_found_by_its_id_and_the_other_way_round() {
        let mut units = Units::default();
        let pushed = [(A, 0, 3), (A, 3, 2), (B, 0, 4), (A, 5, 1), (B, 7, 2)];
        for (replica, seq, len) in pushed {
            units.push(OpId::new(replica, seq), len);
        }
        assert_eq!((units.len(), units.runs.len()), (12, 4), "what goes on is one run");
        let check = |replica, seq, expected: Option<(u32, usize)>| {
            let found = units.run(OpId::new(replica, seq));
            assert_eq!(found, expected.map(|(unit, len)| (Unit(unit), len)), "{seq}");
            if let Some((unit, len)) = found {
                assert_eq!(units.id_run(unit), (OpId::new(replica, seq), len));
                let first = units.id(Unit(unit.0 + 1 - u32::try_from(units.run_up_to(unit)).unwrap()));
                assert_eq!((first.replica, units.run(first).unwrap().1 - len), (replica, units.run_up_to(unit) - 1));
            }
        };
        check(A, 0, Some((0, 5)));
        check(A, 4, Some((4, 1)));
        check(B, 0, Some((5, 4)));
        check(B, 3, Some((8, 1)));
        check(A, 5, Some((9, 1)));
        check(A, 6, None);
        check(B, 4, None);
        check(B, 6, None);
        check(B, 8, Some((11, 1)));
        check(B, 9, None);
        check(ReplicaId::from_bytes([3; 16]), 0, None);
    }

    #[test]
    fn a_version_and_the_units_it_contains_go_both_ways() {
        let mut units = Units::default();
        for (replica, seq, len) in [(A, 0, 3), (B, 0, 2), (A, 3, 2), (B, 2, 4)] {
            units.push(OpId::new(replica, seq), len);
        }
        let contained = |a: u64, b: u64| {
            let version: VersionVector = [(A, a), (B, b)].into_iter().filter(|(_, count)| *count > 0).collect();
            units.contained_in(&version).map(|range| (range.start.0, range.end.0)).collect::<Vec<_>>()
        };
        assert_eq!(contained(0, 0), []);
        assert_eq!(contained(2, 1), [(0, 2), (3, 4)]);
        assert_eq!(contained(4, 2), [(0, 3), (3, 5), (5, 6)]);
        assert_eq!(contained(99, 99), [(0, 3), (3, 5), (5, 7), (7, 11)]);
        let before = |end: u32| {
            let version = units.version_before(Unit(end));
            (version.iter().count(), version.get(A), version.get(B))
        };
        assert_eq!([0, 2, 3, 4, 5, 6].map(before), [(0, 0, 0), (1, 2, 0), (1, 3, 0), (2, 3, 1), (2, 3, 2), (2, 4, 2)]);
        assert_eq!(before(11), (2, 5, 6));
        let turns = units.turns().map(|(replica, range)| (replica, range.start.0, range.end.0));
        assert_eq!(turns.collect::<Vec<_>>(), [(A, 0, 3), (B, 3, 5), (A, 5, 7), (B, 7, 11)]);
    }
}
