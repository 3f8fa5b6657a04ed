//! What a replica broadcasts at once: a header that anyone may read, and operations.

use alloc::string::String;
use alloc::vec::Vec;

use crate::clock::VersionVector;
use crate::id::{OpId, ReplicaId};

/// The plain part of a change: what causal broadcast and the relay need to know of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Header {
    /// The replica that made the change.
    pub replica: ReplicaId,
    /// The `seq` of its first unit: how many units that replica had made before.
    pub first_seq: u64,
    /// How many units it has; never 0.
    pub len: u64,
    /// What its author had delivered, only of *other* replicas, and only what moved since the author's previous change. The rest
    /// follows from first-in-first-out order. [`heads`](Self::heads) tells whether every entry that moved is named.
    pub deps: VersionVector,
    /// Whether deps are heads. If not, they name every entry that moved. If so, each named unit stands for the past of the change
    /// that it is in as well, and what follows from other entries in that way is left out.
    pub heads: bool,
}

impl Header {
    /// The number of the replica's units once this change is delivered.
    pub const fn end_seq(&self) -> u64 {
        self.first_seq.saturating_add(self.len)
    }

    /// The id of its first unit.
    pub const fn first_id(&self) -> OpId {
        OpId::new(self.replica, self.first_seq)
    }
}

/// A change: a run of operations with one header, the unit of causal broadcast.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Change {
    /// Who, where in its sequence, after what.
    pub header: Header,
    /// What it does, in order; their lengths sum up to `header.len`.
    pub ops: Vec<Op>,
}

/// An operation: one or more units done at one place.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Op {
    /// A run of characters. The first stands between `left` and `right`, each further one between its predecessor and `right`.
    Insert {
        /// The neighbour on the left in the author's text at the time, tombstones included; `None` is the start.
        left: Option<OpId>,
        /// The neighbour on the right in the author's text at the time, tombstones included; `None` is the end.
        right: Option<OpId>,
        /// The characters, at least one; each is one unit.
        text: String,
    },
    /// A run of deletions of characters with consecutive ids; each is one unit.
    Delete {
        /// The lowest id deleted.
        first: OpId,
        /// How many characters, at least one.
        len: u64,
        /// Whether the deletions were made from the highest id down (backspace) and not from the lowest up.
        backwards: bool,
    },
    /// A write to one key of the map; one unit.
    Set {
        /// The key.
        key: String,
        /// The value; `None` removes the key.
        value: Option<Value>,
    },
}

impl Op {
    /// How many units the operation has. O(n) in the text of an insert.
    pub fn len(&self) -> u64 {
        match self {
            Self::Insert { text, .. } => text.chars().count() as u64,
            Self::Delete { len, .. } => *len,
            Self::Set { .. } => 1,
        }
    }

    /// Whether it has no units: such an operation is never made and refused when received.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What a key of the map holds.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Value {
    /// Text.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// Yes or no.
    Flag(bool),
    /// Bytes whose meaning the key tells.
    Bytes(Vec<u8>),
}

impl Value {
    /// The value, with its text or bytes where they are.
    pub(crate) fn as_ref(&self) -> ValueRef<'_> {
        match self {
            Self::Text(text) => ValueRef::Text(text),
            Self::Integer(integer) => ValueRef::Integer(*integer),
            Self::Flag(flag) => ValueRef::Flag(*flag),
            Self::Bytes(bytes) => ValueRef::Bytes(bytes),
        }
    }
}

/// An [`Op`] whose letters are elsewhere.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum OpRef<'a> {
    /// As [`Op::Insert`].
    Insert { left: Option<OpId>, right: Option<OpId>, text: &'a str },
    /// As [`Op::Delete`].
    Delete { first: OpId, len: u64, backwards: bool },
    /// As [`Op::Set`].
    Set { key: &'a str, value: Option<ValueRef<'a>> },
}

/// A [`Value`] whose letters or bytes are elsewhere.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum ValueRef<'a> {
    Text(&'a str),
    Integer(i64),
    Flag(bool),
    Bytes(&'a [u8]),
}

impl OpRef<'_> {
    /// How many units the operation has. O(n) in the text of an insert.
    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Insert { text, .. } if text.len() == 1 => 1,
            Self::Insert { text, .. } => text.chars().count() as u64,
            Self::Delete { len, .. } => *len,
            Self::Set { .. } => 1,
        }
    }
}

impl ValueRef<'_> {
    /// How many bytes the value has.
    pub(crate) const fn bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Bytes(bytes) => bytes.len(),
            Self::Integer(_) => 8,
            Self::Flag(_) => 1,
        }
    }
}

impl<'a> From<&'a Op> for OpRef<'a> {
    fn from(op: &'a Op) -> Self {
        match op {
            Op::Insert { left, right, text } => Self::Insert { left: *left, right: *right, text },
            Op::Delete { first, len, backwards } => Self::Delete { first: *first, len: *len, backwards: *backwards },
            Op::Set { key, value } => Self::Set { key, value: value.as_ref().map(Value::as_ref) },
        }
    }
}

impl From<OpRef<'_>> for Op {
    fn from(op: OpRef<'_>) -> Self {
        match op {
            OpRef::Insert { left, right, text } => Self::Insert { left, right, text: text.into() },
            OpRef::Delete { first, len, backwards } => Self::Delete { first, len, backwards },
            OpRef::Set { key, value } => Self::Set { key: key.into(), value: value.map(Value::from) },
        }
    }
}

impl From<ValueRef<'_>> for Value {
    fn from(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Text(text) => Self::Text(text.into()),
            ValueRef::Integer(integer) => Self::Integer(integer),
            ValueRef::Flag(flag) => Self::Flag(flag),
            ValueRef::Bytes(bytes) => Self::Bytes(bytes.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_is_empty_when_it_has_no_units() {
        let id = OpId::new(ReplicaId::from_bytes([1; 16]), 0);
        let check = |op: Op, units| assert_eq!((op.len(), op.is_empty()), (units, units == 0), "{op:?}");
        check(Op::Insert { left: None, right: None, text: String::new() }, 0);
        check(Op::Insert { left: None, right: None, text: "é".into() }, 1);
        check(Op::Delete { first: id, len: 0, backwards: false }, 0);
        check(Op::Delete { first: id, len: 3, backwards: true }, 3);
        check(Op::Set { key: String::new(), value: None }, 1);
    }
}
