//! What the relay knows of one document that is open: its log's ends, and who follows it.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use bytes::Bytes;

use super::limits::RelayLimits;
use super::output::ConnId;
use super::ring::{Entry, Ring};
use crate::clock::VersionVector;
use crate::id::ReplicaId;
use crate::sealed::Author;
use crate::sync::frame::Replicas;

/// One open document.
#[derive(Debug, Default)]
pub(super) struct OpenLog {
    /// Links that said Hello while the store was asked; `None` once it has answered.
    pub(super) waiting: Option<Vec<ConnId>>,
    /// What is in the log, on disk or not yet.
    pub(super) version: VersionVector,
    /// What is in the log on disk.
    pub(super) durable_version: VersionVector,
    /// The position at which the log on disk ends.
    pub(super) durable: u64,
    /// The bytes of all envelopes in the log.
    pub(super) bytes: u64,
    pub(super) ring: Ring,
    /// Who has a number in the entries: replicas of the log, and no others.
    pub(super) replicas: Replicas,
    pub(super) links: BTreeMap<ReplicaId, ConnId>,
    /// What a [`Gate`](super::Gate) knows of the authors of what is in the log.
    pub(super) authors: BTreeMap<ReplicaId, Author>,
    /// The newest presence frame of each linked replica that has one.
    pub(super) presences: BTreeMap<ReplicaId, Bytes>,
    /// The newest Held frame of each linked replica that sent one.
    pub(super) held: BTreeMap<ReplicaId, Bytes>,
    /// The newest Digest frame of each linked replica that sent one.
    pub(super) digests: BTreeMap<ReplicaId, Bytes>,
}

impl OpenLog {
    /// A log that the store is asked about, for the sake of one link.
    pub(super) fn loading(conn: ConnId) -> Self {
        Self { waiting: Some(Vec::from([conn])), ..Self::default() }
    }

    /// Takes the store's answer; the links that wait for it.
    pub(super) fn load(&mut self, version: VersionVector, head: u64, bytes: u64) -> Vec<ConnId> {
        self.durable_version.clone_from(&version);
        self.version = version;
        self.durable = head;
        self.bytes = bytes;
        self.ring = Ring::new(head);
        self.waiting.take().unwrap_or_default()
    }

    /// The position at which the log ends, on disk or not yet.
    pub(super) fn head(&self) -> u64 {
        self.ring.end()
    }

    /// How many links it has or will have.
    pub(super) fn links_len(&self) -> usize {
        self.links.len() + self.waiting.as_ref().map_or(0, Vec::len)
    }

    /// Whether nobody follows it and nothing of it is in memory only.
    pub(super) fn is_idle(&self) -> bool {
        self.links_len() == 0 && self.durable == self.head()
    }

    /// Takes in that everything below `head` is on disk: the entries that became durable.
    pub(super) fn mark_durable(&mut self, head: u64) -> Vec<(ReplicaId, ConnId, usize)> {
        let mut marked = Vec::new();
        while self.durable < head {
            let Some(entry) = self.ring.get(self.durable) else { break };
            self.durable_version.observe(entry.replica, entry.end_seq);
            marked.push((entry.replica, entry.source, entry.envelope_bytes));
            self.durable += 1;
        }
        marked
    }

    /// Adds an entry at the log's end.
    pub(super) fn push(&mut self, entry: Entry) {
        self.version.observe(entry.replica, entry.end_seq);
        self.bytes += entry.envelope_bytes as u64;
        self.ring.push(entry);
    }

    /// Drops old entries that are on disk while the ring, or all rings together, are over their limits; the bytes dropped.
    pub(super) fn trim(&mut self, limits: &RelayLimits, rings_bytes: usize) -> usize {
        let mut dropped = 0;
        while self.ring.bytes() > limits.ring_bytes_max
            || self.ring.len() > limits.ring_changes_max
            || rings_bytes.saturating_sub(dropped) > limits.rings_bytes_max
        {
            match self.ring.drop_oldest_below(self.durable) {
                Some(bytes) => dropped += bytes,
                None => break,
            }
        }
        dropped
    }

    /// Drops entries below `cursor` that are on disk; the bytes dropped.
    pub(super) fn trim_sent(&mut self, cursor: u64) -> usize {
        let below = cursor.min(self.durable);
        core::iter::from_fn(|| self.ring.drop_oldest_below(below)).sum()
    }
}
