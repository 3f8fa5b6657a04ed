//! Own operations that are not sealed yet.

use alloc::vec::Vec;

use crate::change::{Change, Header, Op};
use crate::clock::VersionVector;
use crate::id::{OpId, ReplicaId};

/// The most bytes of text in one operation; a longer insert becomes several.
const OP_TEXT_BYTES_MAX: usize = 128 * 1024;

/// A change is closed once its operations have about so many bytes. With one more operation, and deps on ten thousand replicas, it
/// still fits [`crate::ENVELOPE_BYTES_MAX`].
const CHANGE_BYTES_MAX: usize = 64 * 1024;

/// What an operation takes besides its text: two ids with their replicas, and lengths.
const OP_BYTES: usize = 72;

/// The text in pieces that fit an operation each; none if it is empty.
pub(super) fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    core::iter::from_fn(move || {
        let (piece, behind) = rest.split_at(rest.floor_char_boundary(OP_TEXT_BYTES_MAX));
        rest = behind;
        (!piece.is_empty()).then_some(piece)
    })
}

/// Operations in the order in which they were made, joined where one continues another.
#[derive(Clone, Debug, Default)]
pub(super) struct Pending {
    ops: Vec<Op>,
    units: u64,
}

impl Pending {
    /// The `seq` of the first unit, if there is one, when the replica has made `made` units in all.
    pub(super) fn first_seq(&self, made: u64) -> Option<u64> {
        (self.units > 0).then(|| made - self.units)
    }

    /// Adds an operation whose first unit has this id.
    pub(super) fn push(&mut self, id: OpId, op: Op) {
        self.units += op.len();
        let op = match self.ops.last_mut() {
            Some(last) => match join(last, id, op) {
                None => return,
                Some(op) => op,
            },
            None => op,
        };
        self.ops.push(op);
    }

    /// Everything as changes; the first has these deps, and nothing moved between it and the others.
    pub(super) fn take(&mut self, replica: ReplicaId, first_seq: u64, deps: VersionVector) -> Vec<Change> {
        self.units = 0;
        let mut changes = Vec::new();
        let mut header = Header { replica, first_seq, len: 0, deps };
        let mut ops = Vec::new();
        let mut bytes = 0;
        for op in self.ops.drain(..) {
            header.len += op.len();
            bytes += op_bytes(&op);
            ops.push(op);
            if bytes >= CHANGE_BYTES_MAX {
                bytes = 0;
                let next = Header { replica, first_seq: header.end_seq(), len: 0, deps: VersionVector::new() };
                let header = core::mem::replace(&mut header, next);
                changes.push(Change { header, ops: core::mem::take(&mut ops) });
            }
        }
        if !ops.is_empty() {
            changes.push(Change { header, ops });
        }
        changes
    }
}

fn op_bytes(op: &Op) -> usize {
    OP_BYTES
        + match op {
            Op::Insert { text, .. } => text.len(),
            Op::Delete { .. } => 0,
            Op::Set { key, value } => super::validate::entry_bytes(key, value.as_ref()),
        }
}

/// Lets `last` go on with `op` where that is the same as both in turn; otherwise gives `op` back.
fn join(last: &mut Op, id: OpId, op: Op) -> Option<Op> {
    match (last, op) {
        (Op::Insert { right, text, .. }, Op::Insert { left: Some(left), right: next_right, text: next })
            if left.plus(1) == id && *right == next_right && text.len() + next.len() <= OP_TEXT_BYTES_MAX =>
        {
            text.push_str(&next);
            None
        }
        (Op::Delete { first, len, backwards: false }, Op::Delete { first: next, len: more, backwards: false })
            if first.plus(*len) == next =>
        {
            *len += more;
            None
        }
        (Op::Delete { first, len, backwards }, Op::Delete { first: next, len: 1, backwards: false })
            if (*backwards || *len == 1) && next.plus(1) == *first =>
        {
            *first = next;
            *len += 1;
            *backwards = true;
            None
        }
        (_, op) => Some(op),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;

    const A: ReplicaId = ReplicaId::from_bytes([1; 16]);

    fn a(seq: u64) -> OpId {
        OpId::new(A, seq)
    }

    fn delete(first: u64, len: u64, backwards: bool) -> Op {
        Op::Delete { first: a(first), len, backwards }
    }

    fn insert(left: Option<u64>, text: &str) -> Op {
        Op::Insert { left: left.map(a), right: None, text: String::from(text) }
    }

    fn check(start: u64, ops: &[Op], expected: &[Op]) {
        let mut pending = Pending::default();
        let mut seq = start;
        for op in ops {
            pending.push(a(seq), op.clone());
            seq += op.len();
        }
        assert_eq!(pending.first_seq(seq), Some(start));
        let changes = pending.take(A, start, VersionVector::new());
        assert_eq!(changes.len(), 1);
        assert_eq!(changes[0].header.end_seq(), seq);
        assert_eq!(changes[0].ops, expected);
    }

    #[test]
    fn typing_on_is_one_operation() {
        check(0, &[insert(None, "a"), insert(Some(0), "b")], &[insert(None, "ab")]);
        check(5, &[insert(None, "a"), insert(Some(0), "b")], &[insert(None, "a"), insert(Some(0), "b")]);
    }

    #[test]
    fn deleting_on_is_one_operation_in_either_direction() {
        check(9, &[delete(3, 1, false), delete(4, 2, false)], &[delete(3, 3, false)]);
        check(9, &[delete(5, 1, false), delete(4, 1, false), delete(3, 1, false)], &[delete(3, 3, true)]);
        check(9, &[delete(5, 2, false), delete(4, 1, false)], &[delete(5, 2, false), delete(4, 1, false)]);
    }

    #[test]
    fn a_long_insert_becomes_pieces_and_changes_of_bounded_size() {
        let text = "å".repeat(10 * OP_TEXT_BYTES_MAX / 2 + 1);
        let pieces: Vec<&str> = pieces(&text).collect();
        assert!(pieces.iter().all(|piece| piece.len() <= OP_TEXT_BYTES_MAX));
        assert_eq!(pieces.concat(), text);
        let mut pending = Pending::default();
        let mut seq = 0;
        for piece in &pieces {
            pending.push(a(seq), insert(seq.checked_sub(1), piece));
            seq += piece.chars().count() as u64;
        }
        let changes = pending.take(A, 0, VersionVector::new());
        assert_eq!(changes.len(), pieces.len());
        assert_eq!(changes.iter().map(|change| change.header.len).sum::<u64>(), seq);
    }
}
