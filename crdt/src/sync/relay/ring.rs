//! The recent changes of one log, ready to be sent: for each link only the few bytes in front of the payload are made anew.

use alloc::collections::VecDeque;

use bytes::Bytes;

use super::output::ConnId;
use crate::envelope::Envelope;
use crate::id::ReplicaId;
use crate::sync::frame::{Replicas, Short};

/// One change of a log, with as much of its header as is needed to see who has it already.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// What is said of it in front of the payload; the numbers are those of the document's replicas.
    pub(super) short: Short,
    /// The payload, in the memory of the envelope.
    pub(super) payload: Bytes,
    pub(super) envelope_bytes: usize,
    pub(super) replica: ReplicaId,
    pub(super) end_seq: u64,
    /// The link that brought it.
    pub(super) source: ConnId,
}

impl Entry {
    /// The entry of an envelope that a link brought. O(log n) for each of its deps.
    pub(super) fn new(envelope: &Envelope, replicas: &mut Replicas, source: ConnId) -> Self {
        let header = envelope.header();
        Self {
            short: Short::of(header, replicas),
            payload: envelope.share_payload(),
            envelope_bytes: envelope.bytes().len(),
            replica: header.replica,
            end_seq: header.end_seq(),
            source,
        }
    }
}

/// The last entries of a log, positions `start..end`.
#[derive(Clone, Debug, Default)]
pub(super) struct Ring {
    start: u64,
    entries: VecDeque<Entry>,
    bytes: usize,
}

impl Ring {
    /// An empty ring at the end of a log of `start` entries.
    pub(super) fn new(start: u64) -> Self {
        Self { start, ..Self::default() }
    }

    /// The position after the last entry: the log's head.
    pub(super) fn end(&self) -> u64 {
        self.start + self.entries.len() as u64
    }

    /// The bytes of all entries' envelopes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn get(&self, position: u64) -> Option<&Entry> {
        let index = usize::try_from(position.checked_sub(self.start)?).ok()?;
        self.entries.get(index)
    }

    pub(super) fn push(&mut self, entry: Entry) {
        self.bytes += entry.envelope_bytes;
        self.entries.push_back(entry);
    }

    /// Drops the oldest entry if it is below `position`; its bytes.
    pub(super) fn drop_oldest_below(&mut self, position: u64) -> Option<usize> {
        if self.start >= position {
            return None;
        }
        let bytes = self.entries.pop_front()?.envelope_bytes;
        self.start += 1;
        self.bytes -= bytes;
        Some(bytes)
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}
