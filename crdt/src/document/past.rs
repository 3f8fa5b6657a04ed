//! What authors had delivered when they made their changes. Numbers are given in the order of delivery, and whoever goes on has mostly seen
//! everything up to some place in it: so a past is that place, and what little lies behind it.

use alloc::collections::{BTreeMap, BTreeSet, BinaryHeap};
use alloc::vec::Vec;

use super::Document;
use super::authors::Authors;
use super::log::Record;
use crate::change::Header;
use crate::clock::VersionVector;
use crate::id::{OpId, ReplicaId};
use crate::units::{Unit, Units};

/// With at most so many entries that moved, a change names all of them. In a document of few authors all changes are like that, and
/// need no other one to be understood; in one of thousands, a change names 300 bytes of replicas at most where their pasts do not
/// say it shorter.
pub(super) const DEPS_EXACT_MAX: usize = 16;

/// With at most so many entries behind the place, it is not looked for one further on.
const BEYOND_MIN: usize = 32;

/// What an author had delivered of others.
#[derive(Clone, Debug)]
pub(super) struct Past {
    /// Every unit in front of this one.
    below: Unit,
    /// And of each replica so many units. Entries that say no more than `below` does may be missing.
    beyond: VersionVector,
    /// With more entries than this, a place further on is looked for.
    enough: usize,
}

impl Past {
    /// Nothing.
    pub(super) const fn new() -> Self {
        Self::all_before(Unit(0))
    }

    /// Every unit in front of this one.
    pub(super) const fn all_before(below: Unit) -> Self {
        Self { below, beyond: VersionVector::new(), enough: BEYOND_MIN }
    }

    /// Whether a unit, which must be delivered here and not the author's own, is part of it. O(log n).
    pub(super) fn contains(&self, id: OpId, units: &Units) -> bool {
        self.beyond.get(id.replica) > id.seq
            || (self.below > Unit(0) && units.unit(id).is_some_and(|unit| unit < self.below))
    }

    /// Whether that is told by the number alone: every unit in front of this one is part of it.
    pub(super) const fn below(&self) -> Unit {
        self.below
    }

    /// The same of one whose number is known. O(log n) in what is behind the place.
    pub(super) fn contains_unit(&self, unit: Unit, id: OpId) -> bool {
        unit < self.below || self.beyond.get(id.replica) > id.seq
    }

    /// How many units of each replica it contains, of those of the author perhaps too few. O(log n) for each replica.
    pub(super) fn version(&self, units: &Units) -> VersionVector {
        let mut version = units.version_before(self.below);
        version.join(&self.beyond);
        version
    }

    /// Takes in what a change of this author names, to which it goes back; `end` is the number of the change's first unit. How
    /// much was looked at.
    fn join(&mut self, deps: &VersionVector, author: ReplicaId, units: &Units, end: Unit) -> usize {
        self.beyond.join(deps);
        let raised = if self.beyond.len() > self.enough { self.raise(author, units, end) } else { 0 };
        deps.len() + raised
    }

    /// Moves the place on as far as everything in front of it is contained; how much was looked at. O(log n) for each run of ids that it
    /// passes, which happens once for each author, and for each entry.
    fn raise(&mut self, author: ReplicaId, units: &Units, end: Unit) -> usize {
        let mut steps = self.beyond.len();
        while self.below < end {
            steps += 1;
            let (id, run) = units.id_run(self.below);
            let run = run.min(end.index() - self.below.index());
            let has = self.beyond.get(id.replica).saturating_sub(id.seq);
            let has = if id.replica == author { run } else { usize::try_from(has).map_or(run, |has| has.min(run)) };
            self.below = self.below.plus(has);
            if has < run {
                break;
            }
        }
        let below = self.below;
        let is_beyond = |(replica, count): &(ReplicaId, u64)| {
            *replica != author && last(units, *replica, *count).is_none_or(|unit| unit >= below)
        };
        self.beyond = core::mem::take(&mut self.beyond).into_iter().filter(is_beyond).collect();
        self.enough = BEYOND_MIN.max(2 * self.beyond.len());
        steps
    }
}

/// The last of so many units of a replica.
fn last(units: &Units, replica: ReplicaId, count: u64) -> Option<Unit> {
    units.unit(OpId::new(replica, count.checked_sub(1)?))
}

/// From which change on an author had which past, up to the next such change.
#[derive(Clone, Copy, Debug)]
pub(super) struct Epoch {
    /// The place among the changes that name deps.
    named: u32,
    /// Everything in front of this unit had been delivered by then.
    below: Unit,
}

/// The pasts of an author's changes.
#[derive(Clone, Debug)]
pub(super) struct Pasts {
    /// That of its newest change.
    pub(super) newest: Past,
    /// One for each of its changes that names deps.
    epochs: Vec<Epoch>,
}

impl Pasts {
    /// Those of nobody.
    pub(super) const fn new() -> Self {
        Self { newest: Past::new(), epochs: Vec::new() }
    }

    /// Takes in the author's newest change, which names deps, as `named` changes in front of it do; `whole` is what
    /// [`of_heads`] gave, and `end` the number of its first unit. How much was looked at.
    pub(super) fn go_on(
        &mut self,
        header: &Header,
        whole: Option<(Past, usize)>,
        named: usize,
        units: &Units,
        end: Unit,
    ) -> usize {
        let steps = match whole {
            Some((past, _)) => {
                self.newest = past;
                0
            }
            None => self.newest.join(&header.deps, header.replica, units, end),
        };
        self.begin(named);
        steps
    }

    /// The same of a change whose author had seen everything in front of this unit.
    pub(super) fn saw_all_before(&mut self, start: Unit, named: usize) {
        self.newest = Past::all_before(start);
        self.begin(named);
    }

    fn begin(&mut self, named: usize) {
        // There are no more changes than units.
        let named = u32::try_from(named).unwrap_or(u32::MAX);
        self.epochs.push(Epoch { named, below: self.newest.below });
    }
}

/// Units together with the pasts of the changes that they are in, taken in from the newest on.
///
/// The past of a change is that of its author's previous one and what its deps name; and if they are heads, the pasts of the changes in
/// which the named units are. It follows from changes alone, so that it is the same at every replica: numbers only say where
/// looking further would give nothing.
pub(super) struct Closure<'a> {
    authors: &'a Authors,
    record: &'a Record,
    units: &'a Units,
    /// Units whose pasts are not yet taken in, the newest on top.
    open: BinaryHeap<(Unit, ReplicaId, u64)>,
    /// Whose units are taken in, from the newest that there is.
    done: BTreeSet<ReplicaId>,
    /// Everything in front of this unit is contained.
    below: Unit,
    /// And of each replica so many units.
    beyond: BTreeMap<ReplicaId, u64>,
    /// How much was looked at.
    steps: usize,
}

impl<'a> Closure<'a> {
    /// Nothing but what stands in front of a unit. Units and changes may go on behind what `authors` has taken in.
    pub(super) fn new(authors: &'a Authors, record: &'a Record, units: &'a Units, below: Unit) -> Self {
        let (open, done, beyond) = (BinaryHeap::new(), BTreeSet::new(), BTreeMap::new());
        Self { authors, record, units, open, done, below, beyond, steps: 0 }
    }

    /// Adds a unit, if it is delivered here, and what belongs to it.
    pub(super) fn add(&mut self, id: OpId) {
        self.steps += 1;
        if let Some(unit) = self.units.unit(id).filter(|unit| *unit >= self.below) {
            self.open.push((unit, id.replica, id.seq));
        }
    }

    /// Takes in the pasts of all units from this one on.
    fn take_down_to(&mut self, lowest: Unit) {
        while let Some((unit, replica, seq)) = self.open.peek().copied().filter(|(unit, ..)| *unit >= lowest) {
            self.open.pop();
            if unit >= self.below {
                self.take(unit, OpId::new(replica, seq));
            }
        }
    }

    /// Takes in a unit that is no newer than those before, all units of the same author in front of it, and their past.
    fn take(&mut self, unit: Unit, id: OpId) {
        if !self.done.insert(id.replica) {
            return;
        }
        self.observe(id.replica, id.seq + 1);
        let Pasts { newest, epochs } = self.authors.pasts(id.replica);
        let reached = epochs.partition_point(|epoch| self.record.start_of_named(epoch.named) <= unit);
        if reached == epochs.len() {
            self.below = self.below.max(newest.below);
            newest.beyond.iter().for_each(|(replica, count)| self.observe(replica, count));
            return;
        }
        for epoch in epochs[..reached].iter().rev() {
            if self.record.start_of_named(epoch.named) < self.below {
                break;
            }
            self.below = self.below.max(epoch.below);
            let Some(named) = self.record.named().get(epoch.named as usize) else { break };
            for (replica, count) in named.deps.iter() {
                if named.heads() {
                    self.add(OpId::new(replica, count - 1));
                } else {
                    self.observe(replica, count);
                }
            }
        }
    }

    fn observe(&mut self, replica: ReplicaId, count: u64) {
        self.steps += 1;
        let entry = self.beyond.entry(replica).or_default();
        *entry = count.max(*entry);
    }

    /// All of it, and what an author had delivered before it made the change whose first unit has the number `end`; and how much was looked at.
    fn into_past(mut self, known: &Past, author: ReplicaId, end: Unit) -> (Past, usize) {
        self.take_down_to(Unit(0));
        let beyond: VersionVector = self.beyond.into_iter().chain(known.beyond.iter()).collect();
        let mut past = Past { below: self.below.max(known.below), beyond, enough: 0 };
        let raised = past.raise(author, self.units, end);
        (past, self.steps + raised)
    }

    /// All of it.
    pub(super) fn into_version(mut self) -> VersionVector {
        self.take_down_to(Unit(0));
        let beyond: VersionVector = self.beyond.into_iter().collect();
        Past { below: self.below, beyond, enough: 0 }.version(self.units)
    }

    /// Of these entries, in which a closure is to be contained: those that do not follow from others.
    fn heads(mut self, moved: &VersionVector) -> VersionVector {
        let entry = |(replica, count)| Some((last(self.units, replica, count)?, replica, count));
        let mut newest: Vec<(Unit, ReplicaId, u64)> = moved.iter().filter_map(entry).collect();
        newest.sort_unstable_by(|one, other| other.cmp(one));
        let mut heads = Vec::new();
        for (unit, replica, count) in newest {
            self.take_down_to(unit);
            if unit < self.below {
                // So are all that follow.
                break;
            }
            if self.beyond.get(&replica).is_none_or(|has| *has < count) {
                heads.push((replica, count));
                self.open.push((unit, replica, count - 1));
            }
        }
        heads.into_iter().collect()
    }
}

/// The past of a change that is next in its author's sequence, and whose deps are heads, and how much was looked at; `end` is the number of its
/// first unit. O(log n) for each unit that is named in it, and each change with deps in it, that the author had not seen before.
pub(super) fn of_heads(header: &Header, authors: &Authors, record: &Record, units: &Units, end: Unit) -> (Past, usize) {
    let known = &authors.pasts(header.replica).newest;
    let mut closure = Closure::new(authors, record, units, known.below);
    for (replica, count) in header.deps.iter() {
        closure.add(OpId::new(replica, count - 1));
    }
    closure.into_past(known, header.replica, end)
}

impl Document {
    /// What the next own change names, which has seen everything here, and whether that are heads.
    pub(super) fn deps(&mut self) -> (VersionVector, bool) {
        let moved = core::mem::take(&mut self.moved);
        if moved.len() <= DEPS_EXACT_MAX {
            return (moved, false);
        }
        let below = self.authors.pasts(self.replica).newest.below;
        (Closure::new(&self.authors, &self.record, self.text.units(), below).heads(&moved), true)
    }

    /// The entries of others that moved since this replica's newest change, of those that are here.
    pub(super) fn moved_of(&self, entries: &VersionVector) -> VersionVector {
        let (known, units) = (&self.authors.pasts(self.replica).newest, self.text.units());
        let moved = |(replica, count): &(ReplicaId, u64)| {
            *replica != self.replica && !known.contains(OpId::new(*replica, count - 1), units)
        };
        entries.iter().filter(moved).collect()
    }
}

#[cfg(test)]
mod tests;
