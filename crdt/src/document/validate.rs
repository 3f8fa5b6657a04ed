//! Whether a received change can have been made: it names only characters that its author had seen.

use alloc::vec::Vec;
use core::ops::Range;

use super::{MAP_ENTRY_BYTES_MAX, ReceiveError};
use crate::change::{Header, Op, Value};
use crate::clock::VersionVector;
use crate::id::OpId;
use crate::text::Text;

/// The bytes of a key and its value.
pub(super) fn entry_bytes(key: &str, value: Option<&Value>) -> usize {
    key.len()
        + match value {
            Some(Value::Text(text)) => text.len(),
            Some(Value::Bytes(bytes)) => bytes.len(),
            Some(Value::Integer(_)) => 8,
            Some(Value::Flag(_)) => 1,
            None => 0,
        }
}

/// Checks a whole change before anything of it is applied. The judgement depends on the change and its past alone, so that every
/// replica comes to the same.
pub(super) fn check(header: &Header, ops: &[Op], past: &VersionVector, text: &Text) -> Result<(), ReceiveError> {
    let mut checker = Checker { header, past, text, inserted: Vec::new() };
    let mut seq = header.first_seq;
    for op in ops {
        checker.check_op(op)?;
        let end = seq + op.len();
        if matches!(op, Op::Insert { .. }) {
            checker.inserted.push(seq..end);
        }
        seq = end;
    }
    Ok(())
}

struct Checker<'a> {
    header: &'a Header,
    past: &'a VersionVector,
    text: &'a Text,
    /// The `seq`s of the characters that the change itself has inserted so far, in ascending order.
    inserted: Vec<Range<u64>>,
}

impl Checker<'_> {
    fn check_op(&self, op: &Op) -> Result<(), ReceiveError> {
        match op {
            Op::Insert { left, right, .. } => left.iter().chain(right).try_for_each(|id| self.check_run(*id, 1)),
            Op::Delete { first, len, .. } => self.check_run(*first, *len),
            Op::Set { key, value } => self.check_entry(key, value.as_ref()),
        }
    }

    fn check_run(&self, first: OpId, len: u64) -> Result<(), ReceiveError> {
        let unknown = ReceiveError::Unknown { change: self.header.first_id(), id: first };
        let end = first.seq.checked_add(len).ok_or(unknown)?;
        let (mut seq, own) = (first.seq, first.replica == self.header.replica);
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

    fn check_entry(&self, key: &str, value: Option<&Value>) -> Result<(), ReceiveError> {
        let bytes = entry_bytes(key, value);
        if bytes > MAP_ENTRY_BYTES_MAX {
            let change = self.header.first_id();
            return Err(ReceiveError::TooLong { change, bytes, limit: MAP_ENTRY_BYTES_MAX });
        }
        Ok(())
    }
}
