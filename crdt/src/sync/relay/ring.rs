//! The recent changes of one log, ready to be sent.

use alloc::collections::VecDeque;

use bytes::Bytes;

use super::output::ConnId;
use crate::id::ReplicaId;

/// One change of a log, with as much of its header as is needed to see who has it already.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// The encoded frame that carries the change.
    pub(super) frame: Bytes,
    pub(super) envelope_bytes: usize,
    pub(super) replica: ReplicaId,
    pub(super) first_seq: u64,
    pub(super) end_seq: u64,
    /// The link that brought it.
    pub(super) source: ConnId,
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

    /// The bytes of all entries' frames.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn get(&self, position: u64) -> Option<&Entry> {
        let index = usize::try_from(position.checked_sub(self.start)?).ok()?;
        self.entries.get(index)
    }

    pub(super) fn push(&mut self, entry: Entry) {
        self.bytes += entry.frame.len();
        self.entries.push_back(entry);
    }

    /// Drops the oldest entry if it is below `position`; its bytes.
    pub(super) fn drop_oldest_below(&mut self, position: u64) -> Option<usize> {
        if self.start >= position {
            return None;
        }
        let bytes = self.entries.pop_front()?.frame.len();
        self.start += 1;
        self.bytes -= bytes;
        Some(bytes)
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}
