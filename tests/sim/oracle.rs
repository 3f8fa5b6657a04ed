//! The second judge: a document that is slow and obvious, written from the papers and not from the engine.
//!
//! It takes the same changes as [`quire_crdt::Document`] does and knows no trick: causal delivery looks through all that waits,
//! a Lamport timestamp is looked up unit by unit, the map keeps every write ever made, the text is the tree of the paper.

pub mod map;
pub mod text;

use std::collections::BTreeMap;

use quire_crdt::{Change, OpId, ReplicaId, VersionVector};

use map::OracleMap;
use text::OracleText;

/// A document as the papers define it.
#[derive(Clone, Debug, Default)]
pub struct OracleDocument {
    waiting: Vec<Change>,
    delivered: VersionVector,
    /// For each replica the causal past of its latest delivered change, that change included.
    past: BTreeMap<ReplicaId, VersionVector>,
    /// For each delivered change, by its first unit, its causal past.
    pasts: BTreeMap<OpId, VersionVector>,
    lamport: BTreeMap<OpId, u64>,
    text: OracleText,
    map: OracleMap,
}

impl OracleDocument {
    /// An empty document.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a change in any order and any number of times; delivers whatever has all its past, until nothing more has.
    pub fn receive(&mut self, change: Change) {
        self.waiting.push(change);
        while let Some(at) = self.waiting.iter().position(|change| self.is_next(change)) {
            let change = self.waiting.remove(at);
            self.deliver(&change);
        }
        let delivered = &self.delivered;
        self.waiting.retain(|change| change.header.end_seq() > delivered.get(change.header.replica));
    }

    /// What is delivered.
    pub const fn version(&self) -> &VersionVector {
        &self.delivered
    }

    /// How many different changes wait for their past.
    pub fn held_back(&self) -> usize {
        let mut ids: Vec<OpId> = self.waiting.iter().map(|change| change.header.first_id()).collect();
        ids.sort_unstable();
        ids.dedup();
        ids.len()
    }

    /// The text.
    pub const fn text(&self) -> &OracleText {
        &self.text
    }

    /// The map.
    pub const fn map(&self) -> &OracleMap {
        &self.map
    }

    /// The Lamport timestamp of a delivered unit.
    pub fn lamport(&self, id: OpId) -> Option<u64> {
        self.lamport.get(&id).copied()
    }

    fn is_next(&self, change: &Change) -> bool {
        let header = &change.header;
        header.first_seq == self.delivered.get(header.replica)
            && header.deps.iter().all(|(replica, count)| self.delivered.get(replica) >= count)
    }

    fn deliver(&mut self, change: &Change) {
        let replica = change.header.replica;
        let mut past = self.past.remove(&replica).unwrap_or_default();
        past.join(&change.header.deps);
        if change.header.heads {
            self.add_pasts(&mut past, &change.header.deps);
        }
        self.pasts.insert(change.header.first_id(), past.clone());
        let mut id = change.header.first_id();
        for op in &change.ops {
            let first = self.latest_in(&past) + 1;
            self.map.apply(id, first, op, &past);
            self.text.apply(id, op);
            for unit in 0..op.len() {
                self.lamport.insert(id.plus(unit), first + unit);
            }
            id = id.plus(op.len());
            past.observe(replica, id.seq);
        }
        self.delivered.observe(replica, id.seq);
        self.past.insert(replica, past);
    }

    /// Adds the pasts of the changes in which these units are.
    fn add_pasts(&self, past: &mut VersionVector, heads: &VersionVector) {
        for (replica, count) in heads.iter() {
            let change = self.pasts.range(..OpId::new(replica, count)).next_back();
            if let Some((_, other)) = change.filter(|(first, _)| first.replica == replica) {
                past.join(other);
            }
        }
    }

    /// The largest Lamport timestamp in a causal past; 0 when it is empty.
    fn latest_in(&self, past: &VersionVector) -> u64 {
        self.lamport.iter().filter(|(id, _)| past.contains(**id)).map(|(_, lamport)| *lamport).max().unwrap_or(0)
    }
}
