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
    /// What its author had delivered, only the entries of *other* replicas that moved since the author's previous change. The
    /// rest follows from first-in-first-out order.
    pub deps: VersionVector,
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
