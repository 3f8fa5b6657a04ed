//! Whether a received change can have been made: it names only characters that its author had seen.

use alloc::vec::Vec;
use core::ops::Range;

use super::past::Past;
use super::{MAP_ENTRY_BYTES_MAX, ReceiveError};
use crate::change::{Header, OpRef, ValueRef};
use crate::codec::change::{Coded, Ops};
use crate::id::OpId;
use crate::text::{Spot, Text};
use crate::units::{Unit, Units};

/// The bytes of a key and its value.
pub(super) fn entry_bytes(key: &str, value: Option<ValueRef<'_>>) -> usize {
    key.len() + value.map_or(0, |value| value.bytes())
}

/// What the author of a change had delivered when it made the change.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen<'a> {
    pub(super) header: &'a Header,
    /// What it had delivered of others when it made its change before, or this one.
    pub(super) known: &'a Past,
}

impl Seen<'_> {
    /// Whether it had seen a unit before it made the change, whose number and id are these. O(log n).
    fn contains_unit(&self, unit: Unit, id: OpId) -> bool {
        if id.replica == self.header.replica {
            return id.seq < self.header.first_seq;
        }
        self.known.contains_unit(unit, id) || self.header.deps.contains(id)
    }

    /// Whether it had seen a unit of another replica, which is delivered here, before it made the change. O(log n).
    pub(super) fn contains(&self, id: OpId, units: &Units) -> bool {
        self.header.deps.contains(id) || self.known.contains(id, units)
    }
}

/// What an operation names, where it was found; good until the text changes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Found {
    /// It must be looked for anew.
    Nothing,
    /// The neighbours of text that is inserted.
    Between([Option<Spot>; 2]),
    /// The first of characters that are deleted, all of which are in one span.
    Together(Spot),
}

/// What a change that was checked is like.
#[derive(Clone, Copy, Debug)]
pub(super) struct Checked<'a> {
    /// Its operation, if it has one only.
    pub(super) only: Option<Coded<'a>>,
    /// The character that it goes on behind, if it goes on.
    pub(super) previous: Option<Unit>,
    /// What its last operation names.
    pub(super) found: Found,
    /// How many seconds later than its author's previous change it was made, if that is told.
    pub(super) later: Option<i64>,
    /// Whether it names replicas that its author may not have named before.
    pub(super) names: bool,
}

/// Checks a whole change before anything of it is applied. The judgement depends on the change and its past alone, so that every
/// replica comes to the same.
pub(super) fn check<'a>(seen: Seen<'_>, mut ops: Ops<'a, '_>, text: &Text) -> Result<Checked<'a>, ReceiveError> {
    let mut only = None;
    let mut checker = Checker { seen, text, inserted: Vec::new(), previous: None, found: Found::Nothing };
    let mut seq = seen.header.first_seq;
    while let Some(op) = ops.next()? {
        let inserts = checker.check_op(&op)?;
        let end = seq + op.len();
        only = (seq == seen.header.first_seq).then_some(op);
        // Nobody asks what the last operation inserted.
        if inserts && end < seen.header.end_seq() {
            checker.inserted.push(seq..end);
        }
        seq = end;
    }
    let Checker { previous, found, .. } = checker;
    Ok(Checked { only, previous, found, later: ops.later(), names: ops.names_replicas() })
}

struct Checker<'a> {
    seen: Seen<'a>,
    text: &'a Text,
    /// The `seq`s of the characters that the change itself has inserted so far, in ascending order.
    inserted: Vec<Range<u64>>,
    /// The author's unit before the change, once something went on behind it.
    previous: Option<Unit>,
    /// What the last operation names.
    found: Found,
}

impl Checker<'_> {
    /// Whether the operation, which may be applied, inserts text.
    fn check_op(&mut self, op: &Coded<'_>) -> Result<bool, ReceiveError> {
        match op {
            Coded::Further(_) => {
                self.previous = Some(self.check_previous()?);
                Ok(true)
            }
            Coded::Whole(OpRef::Insert { left, right, .. }) => {
                let left = left.map(|id| self.check_char(id, |unit| self.text.spot(unit))).transpose()?;
                let beside = left.flatten();
                let right =
                    right.map(|id| self.check_char(id, |unit| self.text.spot_behind(beside, unit))).transpose()?;
                // An origin that is not here yet has no spot.
                let are_here = left != Some(None) && right != Some(None);
                self.found = if are_here { Found::Between([beside, right.flatten()]) } else { Found::Nothing };
                Ok(true)
            }
            Coded::Whole(OpRef::Delete { first, len, .. }) => {
                let together = self.find_together(*first, *len);
                self.found = together.map_or(Found::Nothing, Found::Together);
                if together.is_none() {
                    self.check_run(*first, *len)?;
                }
                Ok(false)
            }
            Coded::Whole(OpRef::Set { key, value }) => self.check_entry(key, *value).map(|()| false),
        }
    }

    /// The author's unit before the change: a character, if the change goes on behind it.
    fn check_previous(&self) -> Result<Unit, ReceiveError> {
        let change = self.seen.header.first_id();
        let id = OpId::new(change.replica, change.seq.saturating_sub(1));
        let previous = if change.seq == 0 { None } else { self.text.units().unit(id) };
        let character = previous.filter(|unit| self.text.inserted().contains(*unit, 1));
        character.ok_or(ReceiveError::Unknown { change, id })
    }

    /// A character that its author had seen; `None`: it is one of this very change.
    fn check_char(&self, id: OpId, find: impl Fn(Unit) -> Option<Spot>) -> Result<Option<Spot>, ReceiveError> {
        let header = self.seen.header;
        if id.replica == header.replica && id.seq >= header.first_seq {
            return self.check_run(id, 1).map(|()| None);
        }
        let spot = self.text.units().unit(id).filter(|unit| self.seen.contains_unit(*unit, id)).and_then(find);
        spot.map(Some).ok_or(ReceiveError::Unknown { change: header.first_id(), id })
    }

    /// The first of characters that are all in one span, if their author had seen them.
    fn find_together(&self, first: OpId, len: u64) -> Option<Spot> {
        let (unit, run) = self.text.units().run(first)?;
        let len = usize::try_from(len).ok().filter(|len| *len <= run)?;
        let last = len.checked_sub(1)?;
        let seen = self.seen.contains_unit(unit.plus(last), first.plus(last as u64));
        if seen { self.text.together(unit, len) } else { None }
    }

    fn check_run(&self, first: OpId, len: u64) -> Result<(), ReceiveError> {
        let unknown = ReceiveError::Unknown { change: self.seen.header.first_id(), id: first };
        let end = first.seq.checked_add(len).ok_or(unknown)?;
        if first.replica != self.seen.header.replica {
            // Whoever has seen a unit has seen all before it of the same author.
            let seen = self.seen.contains(OpId { seq: end - 1, ..first }, self.text.units());
            return if seen && self.text.contains(first, len) { Ok(()) } else { Err(unknown) };
        }
        let mut seq = first.seq;
        let before = end.min(self.seen.header.first_seq);
        if seq < before {
            if !self.text.contains(first, before - seq) {
                return Err(unknown);
            }
            seq = before;
        }
        // What is left can only be characters of this very change.
        while seq < end {
            let at = self.inserted.partition_point(|range| range.end <= seq);
            match self.inserted.get(at) {
                Some(range) if range.start <= seq => seq = range.end,
                _ => return Err(unknown),
            }
        }
        Ok(())
    }

    fn check_entry(&self, key: &str, value: Option<ValueRef<'_>>) -> Result<(), ReceiveError> {
        let bytes = entry_bytes(key, value);
        if bytes > MAP_ENTRY_BYTES_MAX {
            let change = self.seen.header.first_id();
            return Err(ReceiveError::TooLong { change, bytes, limit: MAP_ENTRY_BYTES_MAX });
        }
        Ok(())
    }
}
