//! Everything that was delivered, in the order of delivery: characters are with the text, the rest is here. What a change said is
//! put together from both when it is asked for.

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use super::authors::Authors;
use super::deletions::{Deletion, Deletions};
use super::times::Times;
use crate::change::{Change, Header, Op, OpRef, Value};
use crate::clock::VersionVector;
use crate::codec::change::Coded;
use crate::envelope::{self, Envelope};
use crate::id::{DocumentId, OpId};
use crate::text::Text;
use crate::units::Unit;

/// The deps of a change that names any.
#[derive(Clone, Debug)]
pub(super) struct Named {
    /// Twice the number of the change, and one more if they are heads.
    place: u32,
    pub(super) deps: VersionVector,
}

impl Named {
    pub(super) fn new(change: usize, deps: VersionVector, heads: bool) -> Self {
        // There are no more changes than units, and those fit 31 bits.
        let place = u32::try_from(2 * change + usize::from(heads)).unwrap_or(u32::MAX);
        Self { place, deps }
    }

    /// The number of the change.
    pub(super) const fn change(&self) -> usize {
        self.place as usize / 2
    }

    /// Whether they are heads.
    pub(super) const fn heads(&self) -> bool {
        self.place % 2 == 1
    }
}

/// Changes, and the operations that are no inserts.
#[derive(Clone, Debug, Default)]
pub(super) struct Record {
    pub(super) deletions: Deletions,
    /// Writes to the map, each with its unit.
    sets: Vec<(Unit, String, Option<Value>)>,
    /// The first unit of each change.
    starts: Vec<Unit>,
    /// What deps they name, for those that name any.
    named: Vec<Named>,
    /// When the changes were made.
    times: Times,
    /// The unit behind the last change.
    end: Option<Unit>,
}

impl Record {
    /// All that was delivered: where each change ends, and what deps are named in those that name any.
    pub(super) fn of(
        deletions: Deletions,
        sets: Vec<(Unit, String, Option<Value>)>,
        ends: &[Unit],
        named: Vec<Named>,
        times: Times,
    ) -> Self {
        let mut starts = Vec::with_capacity(ends.len());
        starts.extend(core::iter::once(Unit(0)).chain(ends.iter().copied()).take(ends.len()));
        Self { deletions, sets, starts, named, times, end: ends.last().copied() }
    }

    /// How many changes there are.
    pub(super) const fn len(&self) -> usize {
        self.starts.len()
    }

    /// The unit behind the last change: from here on, units wait to be committed.
    pub(super) fn end(&self) -> Unit {
        self.end.unwrap_or(Unit(0))
    }

    /// Adds a change; it goes from the end of the last one up to `end`.
    pub(super) fn push(&mut self, end: Unit, deps: VersionVector, heads: bool, time: Option<i64>) {
        self.times.push(self.starts.len(), time);
        if !deps.is_empty() {
            self.named.push(Named::new(self.starts.len(), deps, heads));
        }
        self.push_plain(end);
    }

    /// The same, without deps, of a change that was made when the last one was.
    pub(super) fn push_plain(&mut self, end: Unit) {
        self.starts.push(self.end());
        self.end = Some(end);
    }

    /// Adds a write to the map, whose number is larger than all others'.
    pub(super) fn push_set(&mut self, unit: Unit, key: String, value: Option<Value>) {
        self.sets.push((unit, key, value));
    }

    /// All writes to the map, each with its unit.
    pub(super) fn sets(&self) -> &[(Unit, String, Option<Value>)] {
        &self.sets
    }

    /// Whether a unit from this one on wrote to the map.
    pub(super) fn has_set_from(&self, unit: Unit) -> bool {
        self.sets.last().is_some_and(|(last, ..)| *last >= unit)
    }

    /// What deps the changes name that name any.
    pub(super) fn named(&self) -> &[Named] {
        &self.named
    }

    /// When the changes were made.
    pub(super) const fn times(&self) -> &Times {
        &self.times
    }

    /// How many seconds later than its author's previous change this one was made, which begins with the unit of this id; `None`: at
    /// once, or nothing is known.
    #[inline]
    fn later(&self, text: &Text, first: OpId, change: usize) -> Option<i64> {
        if self.times.is_empty() {
            return None;
        }
        let time = self.times.get(change)?;
        let previous = first.seq.checked_sub(1).and_then(|seq| text.units().unit(OpId { seq, ..first }));
        let before = previous.and_then(|unit| self.change_of(unit)).and_then(|change| self.times.get(change));
        // Whatever two times are, the difference leads from one to the other.
        (before != Some(time)).then(|| time.wrapping_sub(before.unwrap_or(0)))
    }

    /// The first unit of the change at a place among those that name deps.
    pub(super) fn start_of_named(&self, place: u32) -> Unit {
        self.named.get(place as usize).map_or_else(|| self.end(), |named| self.starts[named.change()])
    }

    /// The change that a unit is part of, if it is in one. O(log n).
    pub(super) fn change_of(&self, unit: Unit) -> Option<usize> {
        if unit >= self.end() {
            return None;
        }
        self.starts.partition_point(|start| *start <= unit).checked_sub(1)
    }

    /// The units of a change.
    pub(super) fn units(&self, change: usize) -> Option<Range<Unit>> {
        let start = *self.starts.get(change)?;
        Some(start..self.starts.get(change + 1).copied().unwrap_or_else(|| self.end()))
    }

    fn header(&self, text: &Text, change: usize) -> Option<Header> {
        let units = self.units(change)?;
        let first = text.units().id(units.start);
        let named = self.named.binary_search_by_key(&change, Named::change).map(|at| &self.named[at]);
        let (deps, heads) = named.map_or_else(|_| Default::default(), |named| (named.deps.clone(), named.heads()));
        let len = (units.end.index() - units.start.index()) as u64;
        Some(Header { replica: first.replica, first_seq: first.seq, len, deps, heads })
    }

    /// What the units of a range did to the text, in order.
    pub(super) fn edits(&self, text: &Text, units: Range<Unit>) -> Vec<Edit> {
        let edit = |step| match step {
            Step::Edited(edit) => Some(edit),
            Step::Set { .. } => None,
        };
        self.steps(text, units).filter_map(edit).collect()
    }

    /// What the units of a range did, in order.
    pub(super) const fn steps<'a>(&'a self, text: &'a Text, units: Range<Unit>) -> Steps<'a> {
        Steps { record: self, text, units, near: (0, 0) }
    }

    /// The operations that units of one change are, one after the other.
    pub(super) const fn ops<'a>(&'a self, text: &'a Text, units: Range<Unit>) -> Ops<'a> {
        Ops { text, steps: self.steps(text, units), rest: None, held: None }
    }
}

/// What consecutive units did, one after the other.
#[derive(Clone, Debug)]
pub(super) struct Steps<'a> {
    record: &'a Record,
    text: &'a Text,
    units: Range<Unit>,
    /// The runs of inserts and of deletions that are likely next, by their index.
    near: (usize, usize),
}

impl<'a> Iterator for Steps<'a> {
    type Item = Step<'a>;

    fn next(&mut self) -> Option<Step<'a>> {
        let next = self.units.start;
        let left = self.units.end.index().checked_sub(next.index()).filter(|left| *left > 0)?;
        let (inserts, deletes) = &mut self.near;
        let (step, len) = if let Some((run, offset)) = self.text.inserted().find_near(inserts, next) {
            let len = left.min(run.len - offset);
            (Step::Edited(Edit::Inserted { first: next, len }), len)
        } else if let Some((run, offset)) = self.record.deletions.find_near(deletes, next) {
            let part = run.part(offset, run.len.min(offset + left));
            (Step::Edited(Edit::Deleted(part)), part.len)
        } else {
            let sets = &self.record.sets;
            let at = sets.binary_search_by_key(&next, |(unit, ..)| *unit).ok()?;
            (Step::Set { key: &sets[at].1, value: sets[at].2.as_ref() }, 1)
        };
        self.units.start = next.plus(len);
        Some(step)
    }
}

/// The operations of a change, one after the other: deletions by number are deletions by id, and those that go on with each other
/// are one.
#[derive(Clone, Debug)]
pub(super) struct Ops<'a> {
    text: &'a Text,
    steps: Steps<'a>,
    /// What is left of a deletion.
    rest: Option<Deletion>,
    /// A deletion that the next one may go on with.
    held: Option<OpRef<'a>>,
}

impl<'a> Iterator for Ops<'a> {
    type Item = OpRef<'a>;

    fn next(&mut self) -> Option<OpRef<'a>> {
        loop {
            let Some(op) = self.part() else { return self.held.take() };
            if self.held.as_mut().is_some_and(|held| goes_on(held, &op)) {
                continue;
            }
            if let Some(done) = self.held.replace(op) {
                return Some(done);
            }
        }
    }
}

impl<'a> Ops<'a> {
    fn part(&mut self) -> Option<OpRef<'a>> {
        if let Some(rest) = self.rest.take() {
            return Some(self.deletion(rest));
        }
        match self.steps.next()? {
            Step::Edited(Edit::Inserted { first, len }) => {
                let (left, right, text) = self.text.inserted().origins_and_text(first, len)?;
                let id = |unit: Option<Unit>| unit.map(|unit| self.text.units().id(unit));
                Some(OpRef::Insert { left: id(left), right: id(right), text })
            }
            Step::Edited(Edit::Deleted(deletion)) => Some(self.deletion(deletion)),
            Step::Set { key, value } => Some(OpRef::Set { key, value: value.map(Value::as_ref) }),
        }
    }

    /// The deletions that come first and whose characters follow each other by id; the others are left.
    fn deletion(&mut self, deletion: Deletion) -> OpRef<'a> {
        let units = self.text.units();
        let len = deletion.operation(units);
        let part = deletion.part(0, len);
        self.rest = (len < deletion.len).then(|| deletion.part(len, deletion.len));
        delete(units.id(part.first), len, deletion.backwards)
    }
}

const fn delete<'a>(first: OpId, len: usize, backwards: bool) -> OpRef<'a> {
    OpRef::Delete { first, len: len as u64, backwards: backwards && len > 1 }
}

/// Lets a deletion go on with the next one, if that is the same as both in turn.
fn goes_on(held: &mut OpRef<'_>, next: &OpRef<'_>) -> bool {
    let (OpRef::Delete { first, len, backwards: was }, OpRef::Delete { first: next, len: more, backwards }) =
        (held, next)
    else {
        return false;
    };
    if !*backwards && (!*was || *len == 1) && first.plus(*len) == *next {
        (*len, *was) = (*len + more, false);
        return true;
    }
    if (*backwards || *more == 1) && (*was || *len == 1) && next.plus(*more) == *first {
        (*first, *len, *was) = (*next, *len + more, true);
        return true;
    }
    false
}

/// What consecutive units did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Step<'a> {
    /// They changed the text.
    Edited(Edit),
    /// One wrote to the map.
    Set {
        /// The key.
        key: &'a str,
        /// The value; `None` removes the key.
        value: Option<&'a Value>,
    },
}

/// What consecutive units did to the text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Edit {
    /// They inserted these characters, which are they themselves.
    Inserted {
        /// The first.
        first: Unit,
        /// How many.
        len: usize,
    },
    /// They deleted characters.
    Deleted(Deletion),
}

/// Everything that a document delivered and committed, in the order of delivery: at every prefix, a change stands behind its causal
/// past. An envelope is made when it is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Log<'a> {
    pub(super) document: DocumentId,
    pub(super) record: &'a Record,
    pub(super) authors: &'a Authors,
    pub(super) text: &'a Text,
}

impl<'a> IntoIterator for Log<'a> {
    type Item = Envelope;
    type IntoIter = Envelopes<'a>;

    fn into_iter(self) -> Envelopes<'a> {
        self.from(0)
    }
}

impl<'a> Log<'a> {
    /// How many changes there are.
    pub const fn len(&self) -> usize {
        self.record.len()
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Who made a change, where it stands in its author's sequence, and after what. O(log n).
    pub fn header(&self, position: usize) -> Option<Header> {
        self.record.header(self.text, position)
    }

    /// When a change was made as its author says, in seconds since the start of 1970 in UTC; `None` if nothing is known of it. It may be any
    /// number: clocks go wrong, and authors may say what they like. O(log n).
    pub fn time(&self, position: usize) -> Option<i64> {
        self.record.times().get(position).filter(|_| position < self.len())
    }

    /// The time of a change, or of the newest one in front of it of which one is known. O(log n), more where others came between.
    pub fn latest_time(&self, position: usize) -> Option<i64> {
        self.record.times().latest(position)
    }

    /// A change. O(its length × log n).
    pub fn change(&self, position: usize) -> Option<Change> {
        let header = self.header(position)?;
        let ops = self.record.ops(self.text, self.record.units(position)?);
        Some(Change { header, ops: ops.map(Op::from).collect() })
    }

    /// A change in its envelope: the same at every replica that delivered it. O(its length × log n).
    pub fn envelope(&self, position: usize) -> Option<Envelope> {
        let (header, mut units) = (self.header(position)?, self.record.units(position)?);
        let later = self.record.later(self.text, header.first_id(), position);
        let further = further(self.text, header.first_id(), &units);
        if let Some((text, len)) = further {
            units.start = units.start.plus(len);
            if units.is_empty() && later.is_none() {
                return Some(envelope::seal_further(self.document, header, text));
            }
        }
        let further = further.map(|(text, _)| Coded::Further(text));
        let ops = further.into_iter().chain(self.record.ops(self.text, units).map(Coded::Whole));
        let names = &self.authors.author(header.replica).names;
        Some(envelope::seal_ops(self.document, header, names, later, ops))
    }

    /// All changes from a position on, each as [`Self::envelope`] gives it.
    pub const fn from(self, position: usize) -> Envelopes<'a> {
        Envelopes { log: self, next: position, end: self.len() }
    }

    /// All changes, each as [`Self::envelope`] gives it.
    pub const fn iter(self) -> Envelopes<'a> {
        self.from(0)
    }
}

/// The text with which these units, from the one with this id on, begin, and its length in chars, if it goes on behind their
/// author's previous unit: that is a character, which is its left neighbour, and both have the same right neighbour.
pub(super) fn further<'a>(text: &'a Text, first: OpId, units: &Range<Unit>) -> Option<(&'a str, usize)> {
    let previous = OpId { seq: first.seq.checked_sub(1)?, ..first };
    let (run, letters, offset) = text.inserted().part(units.start, units.end.index() - units.start.index())?;
    let left = run.left?;
    let is_previous = if left.plus(1) == units.start {
        text.units().run_up_to(units.start) > 1
    } else {
        text.units().id(left) == previous
    };
    let same_right = || offset > 0 || text.inserted().right(left) == run.right;
    (is_previous && same_right()).then_some((letters, run.len))
}

/// Changes in their envelopes, in the order of delivery; see [`Log::from`].
#[derive(Clone, Debug)]
pub struct Envelopes<'a> {
    log: Log<'a>,
    next: usize,
    end: usize,
}

impl Iterator for Envelopes<'_> {
    type Item = Envelope;

    fn next(&mut self) -> Option<Envelope> {
        if self.next >= self.end {
            return None;
        }
        self.next += 1;
        self.log.envelope(self.next - 1)
    }
}

impl DoubleEndedIterator for Envelopes<'_> {
    fn next_back(&mut self) -> Option<Envelope> {
        if self.next >= self.end {
            return None;
        }
        self.end -= 1;
        self.log.envelope(self.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ReplicaId;

    /// The numbers of the characters that it deletes, one after the other.
    fn order(op: &OpRef<'_>) -> Vec<u64> {
        match *op {
            OpRef::Delete { first, len, backwards: false } => (first.seq..first.seq + len).collect(),
            OpRef::Delete { first, len, backwards: true } => (first.seq..first.seq + len).rev().collect(),
            _ => Vec::new(),
        }
    }

    #[test]
    fn two_deletions_are_one_if_there_is_one_that_does_the_same() {
        let deletion = |seq, len, backwards| delete(OpId::new(ReplicaId::from_bytes([1; 16]), seq), len, backwards);
        let of = |seq| (1..4).flat_map(move |len| [false, true].map(|backwards| deletion(seq, len, backwards)));
        let all: Vec<OpRef<'_>> = (0..7).flat_map(of).collect();
        for (held, next) in all.iter().flat_map(|held| all.iter().map(move |next| (held, next))) {
            let both = [order(held), order(next)].concat();
            let ascend = both.is_sorted_by(|one, other| one + 1 == *other);
            let descend = both.is_sorted_by(|one, other| *one == other + 1);
            let mut one = *held;
            assert_eq!(goes_on(&mut one, next), ascend || descend, "{held:?} and {next:?}");
            assert_eq!(order(&one), if ascend || descend { both } else { order(held) });
        }
    }
}
