//! The map as a set of writes that is never made smaller.
//!
//! A value of a key is what a write left there that no other write had seen. Shapiro, Preguiça, Baquero and Zawirski, *A
//! comprehensive study of convergent and commutative replicated data types*, 2011: the multi-value register; last writer wins
//! among its values.

use std::collections::BTreeSet;

use quire_crdt::{Entry, Lamport, Op, OpId, Value, VersionVector};

#[derive(Clone, Debug)]
struct Write {
    id: OpId,
    lamport: u64,
    key: String,
    value: Option<Value>,
    overwritten: bool,
}

/// Every write to every key.
#[derive(Clone, Debug, Default)]
pub struct OracleMap {
    writes: Vec<Write>,
}

impl OracleMap {
    /// Takes in an operation whose causal past is `past`; only [`Op::Set`] writes.
    pub fn apply(&mut self, id: OpId, lamport: u64, op: &Op, past: &VersionVector) {
        let Op::Set { key, value } = op else { return };
        for write in &mut self.writes {
            write.overwritten |= write.key == *key && past.contains(write.id);
        }
        self.writes.push(Write { id, lamport, key: key.clone(), value: value.clone(), overwritten: false });
    }

    /// Every key ever written.
    pub fn keys(&self) -> BTreeSet<&str> {
        self.writes.iter().map(|write| write.key.as_str()).collect()
    }

    /// The writes to a key that no write had seen, the winner first: the largest (Lamport timestamp, replica).
    pub fn entries(&self, key: &str) -> Vec<Entry> {
        let mut standing: Vec<&Write> =
            self.writes.iter().filter(|write| write.key == key && !write.overwritten).collect();
        standing.sort_by_key(|write| std::cmp::Reverse((write.lamport, write.id.replica)));
        let entry = |write: &Write| Entry { id: write.id, lamport: Lamport(write.lamport), value: write.value.clone() };
        standing.into_iter().map(entry).collect()
    }

    /// The value that wins; `None` when the winner removed the key or nobody wrote it.
    pub fn value(&self, key: &str) -> Option<Value> {
        self.entries(key).into_iter().next()?.value
    }
}
