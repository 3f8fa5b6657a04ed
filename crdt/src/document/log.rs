//! Everything that was delivered, in the order of delivery: characters are with the text, the rest is here. What a change said is
//! put together from both when it is asked for.

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use super::deletions::{Deletion, Deletions};
use crate::change::{Change, Header, Op, Value};
use crate::clock::VersionVector;
use crate::envelope::{self, Envelope};
use crate::id::DocumentId;
use crate::text::Text;
use crate::units::Unit;

/// Changes, and the operations that are no inserts.
#[derive(Clone, Debug, Default)]
pub(super) struct Record {
    pub(super) deletions: Deletions,
    /// Writes to the map, each with its unit.
    sets: Vec<(Unit, String, Option<Value>)>,
    /// The first unit of each change.
    starts: Vec<Unit>,
    /// What deps they name, for those that name any, with the number of the change.
    deps: Vec<(usize, VersionVector)>,
    /// The unit behind the last change.
    end: Option<Unit>,
}

impl Record {
    /// How many changes there are.
    pub(super) const fn len(&self) -> usize {
        self.starts.len()
    }

    /// The unit behind the last change: from here on, units wait to be committed.
    pub(super) fn end(&self) -> Unit {
        self.end.unwrap_or(Unit(0))
    }

    /// Adds a change; it goes from the end of the last one up to `end`.
    pub(super) fn push(&mut self, end: Unit, deps: VersionVector) {
        if !deps.is_empty() {
            self.deps.push((self.starts.len(), deps));
        }
        self.starts.push(self.end());
        self.end = Some(end);
    }

    /// Adds a write to the map, whose number is larger than all others'.
    pub(super) fn push_set(&mut self, unit: Unit, key: String, value: Option<Value>) {
        self.sets.push((unit, key, value));
    }

    /// Whether a unit from this one on wrote to the map.
    pub(super) fn has_set_from(&self, unit: Unit) -> bool {
        self.sets.last().is_some_and(|(last, ..)| *last >= unit)
    }

    fn units(&self, change: usize) -> Option<Range<Unit>> {
        let start = *self.starts.get(change)?;
        Some(start..self.starts.get(change + 1).copied().unwrap_or_else(|| self.end()))
    }

    fn header(&self, text: &Text, change: usize) -> Option<Header> {
        let units = self.units(change)?;
        let first = text.units().id(units.start);
        let deps = self.deps.binary_search_by_key(&change, |(change, _)| *change);
        let deps = deps.map_or_else(|_| VersionVector::new(), |at| self.deps[at].1.clone());
        let len = (units.end.index() - units.start.index()) as u64;
        Some(Header { replica: first.replica, first_seq: first.seq, len, deps })
    }

    /// What the units of a range did to the text, in order.
    pub(super) fn edits(&self, text: &Text, units: Range<Unit>) -> Vec<Edit> {
        let edit = |step| match step {
            Step::Edited(edit) => Some(edit),
            Step::Set { .. } => None,
        };
        self.steps(text, units).into_iter().filter_map(edit).collect()
    }

    /// What the units of a range did, in order.
    pub(super) fn steps(&self, text: &Text, units: Range<Unit>) -> Vec<Step<'_>> {
        let mut steps = Vec::new();
        let mut next = units.start;
        while next < units.end {
            let left = units.end.index() - next.index();
            let (step, len) = if let Some((run, offset)) = text.inserted().find(next) {
                let part = run.part(offset, run.len.min(offset + left));
                (Step::Edited(Edit::Inserted { first: part.start, len: part.len }), part.len)
            } else if let Some((run, offset)) = self.deletions.find(next) {
                let part = run.part(offset, run.len.min(offset + left));
                (Step::Edited(Edit::Deleted(part)), part.len)
            } else {
                match self.sets.binary_search_by_key(&next, |(unit, ..)| *unit) {
                    Ok(at) => (Step::Set { key: &self.sets[at].1, value: self.sets[at].2.as_ref() }, 1),
                    Err(_) => break,
                }
            };
            steps.push(step);
            next = next.plus(len);
        }
        steps
    }

    fn change(&self, text: &Text, change: usize) -> Option<Change> {
        let header = self.header(text, change)?;
        let mut ops = Vec::new();
        for step in self.steps(text, self.units(change)?) {
            match step {
                Step::Edited(Edit::Inserted { first, len }) => ops.push(insert(text, first, len)),
                Step::Edited(Edit::Deleted(deletion)) => delete(text, deletion, &mut ops),
                Step::Set { key, value } => ops.push(Op::Set { key: key.into(), value: value.cloned() }),
            }
        }
        Some(Change { header, ops })
    }
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

fn insert(text: &Text, first: Unit, len: usize) -> Op {
    let id = |unit: Option<Unit>| unit.map(|unit| text.units().id(unit));
    let inserted = text.inserted();
    let (left, right) = (id(inserted.left(first)), id(inserted.right(first)));
    Op::Insert { left, right, text: inserted.text(first, len).into() }
}

/// Deletions by number, as deletions by id; those that go on with each other are one.
fn delete(text: &Text, deletion: Deletion, ops: &mut Vec<Op>) {
    let mut done = 0;
    while done < deletion.len {
        let rest = deletion.part(done, deletion.len);
        let mut part = rest;
        if rest.backwards {
            // The characters at the upper end that follow each other by id too.
            while part.len > 0 && text.units().id_run(part.first).1 < part.len {
                let skip = text.units().id_run(part.first).1;
                part = Deletion { first: part.first.plus(skip), len: part.len - skip, ..part };
            }
        } else {
            part.len = rest.len.min(text.units().id_run(rest.first).1);
        }
        done += part.len;
        push_deletion(text, part, ops);
    }
}

fn push_deletion(text: &Text, part: Deletion, ops: &mut Vec<Op>) {
    let (next, more, backwards) = (text.units().id(part.first), part.len as u64, part.backwards);
    if let Some(Op::Delete { first, len, backwards: was }) = ops.last_mut() {
        if !backwards && (!*was || *len == 1) && first.plus(*len) == next {
            (*len, *was) = (*len + more, false);
            return;
        }
        if (backwards || more == 1) && (*was || *len == 1) && next.plus(more) == *first {
            (*first, *len, *was) = (next, *len + more, true);
            return;
        }
    }
    ops.push(Op::Delete { first: next, len: more, backwards: backwards && more > 1 });
}

/// Everything that a document delivered and committed, in the order of delivery: at every prefix, a change stands behind its causal
/// past. An envelope is made when it is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Log<'a> {
    pub(super) document: DocumentId,
    pub(super) record: &'a Record,
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

    /// A change. O(its length × log n).
    pub fn change(&self, position: usize) -> Option<Change> {
        self.record.change(self.text, position)
    }

    /// A change in its envelope. O(its length × log n).
    pub fn envelope(&self, position: usize) -> Option<Envelope> {
        self.change(position).map(|change| envelope::seal(self.document, &change))
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
