//! Whether a received change can have been made: it names only characters that its author had seen.

use alloc::vec::Vec;
use core::ops::Range;

use super::{MAP_ENTRY_BYTES_MAX, ReceiveError};
use crate::change::{Header, OpRef, ValueRef};
use crate::clock::VersionVector;
use crate::codec::change::{Coded, Ops};
use crate::id::{OpId, ReplicaId};
use crate::text::Text;
use crate::units::Unit;

/// The bytes of a key and its value.
pub(super) fn entry_bytes(key: &str, value: Option<ValueRef<'_>>) -> usize {
    key.len() + value.map_or(0, |value| value.bytes())
}

/// What the author of a change had delivered when it made the change.
#[derive(Clone, Copy, Debug)]
pub(super) struct Past<'a> {
    pub(super) header: &'a Header,
    /// What it had delivered of others when it made its change before.
    pub(super) known: &'a VersionVector,
}

impl Past<'_> {
    /// How many units of a replica it had delivered.
    pub(super) fn get(&self, replica: ReplicaId) -> u64 {
        if replica == self.header.replica {
            return self.header.first_seq;
        }
        self.known.get(replica).max(self.header.deps.get(replica))
    }
}

/// What a change that was checked is like.
#[derive(Clone, Copy, Debug)]
pub(super) struct Checked<'a> {
    /// Whether it writes to the map.
    pub(super) writes: bool,
    /// Its operation, if it has one only.
    pub(super) only: Option<Coded<'a>>,
    /// The character that it goes on behind, if it goes on.
    pub(super) previous: Option<Unit>,
    /// Whether it names replicas that its author may not have named before.
    pub(super) names: bool,
}

/// Checks a whole change before anything of it is applied. The judgement depends on the change and its past alone, so that every
/// replica comes to the same.
pub(super) fn check<'a>(past: Past<'_>, mut ops: Ops<'a, '_>, text: &Text) -> Result<Checked<'a>, ReceiveError> {
    let mut only = None;
    let mut checker = Checker { past, text, inserted: Vec::new(), writes: false, previous: None };
    let mut seq = past.header.first_seq;
    while let Some(op) = ops.next()? {
        let inserts = checker.check_op(&op)?;
        let end = seq + op.len();
        only = (seq == past.header.first_seq).then_some(op);
        // Nobody asks what the last operation inserted.
        if inserts && end < past.header.end_seq() {
            checker.inserted.push(seq..end);
        }
        seq = end;
    }
    Ok(Checked { writes: checker.writes, only, previous: checker.previous, names: ops.names_replicas() })
}

struct Checker<'a> {
    past: Past<'a>,
    text: &'a Text,
    /// The `seq`s of the characters that the change itself has inserted so far, in ascending order.
    inserted: Vec<Range<u64>>,
    writes: bool,
    /// The author's unit before the change, once something went on behind it.
    previous: Option<Unit>,
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
                left.iter().chain(right).try_for_each(|id| self.check_run(*id, 1))?;
                Ok(true)
            }
            Coded::Whole(OpRef::Delete { first, len, .. }) => self.check_run(*first, *len).map(|()| false),
            Coded::Whole(OpRef::Set { key, value }) => {
                self.writes = true;
                self.check_entry(key, *value).map(|()| false)
            }
        }
    }

    /// The author's unit before the change: a character, if the change goes on behind it.
    fn check_previous(&self) -> Result<Unit, ReceiveError> {
        let change = self.past.header.first_id();
        let id = OpId::new(change.replica, change.seq.saturating_sub(1));
        let previous = if change.seq == 0 { None } else { self.text.units().unit(id) };
        let character = previous.filter(|unit| self.text.inserted().contains(*unit, 1));
        character.ok_or(ReceiveError::Unknown { change, id })
    }

    fn check_run(&self, first: OpId, len: u64) -> Result<(), ReceiveError> {
        let unknown = ReceiveError::Unknown { change: self.past.header.first_id(), id: first };
        let end = first.seq.checked_add(len).ok_or(unknown)?;
        let (mut seq, own) = (first.seq, first.replica == self.past.header.replica);
        let before = end.min(self.past.get(first.replica));
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
                Some(range) if own && range.start <= seq => seq = range.end,
                _ => return Err(unknown),
            }
        }
        Ok(())
    }

    fn check_entry(&self, key: &str, value: Option<ValueRef<'_>>) -> Result<(), ReceiveError> {
        let bytes = entry_bytes(key, value);
        if bytes > MAP_ENTRY_BYTES_MAX {
            let change = self.past.header.first_id();
            return Err(ReceiveError::TooLong { change, bytes, limit: MAP_ENTRY_BYTES_MAX });
        }
        Ok(())
    }
}
