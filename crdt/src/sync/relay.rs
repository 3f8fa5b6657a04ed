//! The relay's half. STUB (owner: relay helper): envelopes in, a log, envelopes out; it never imports text, map or document.

use alloc::vec::Vec;
use bytes::Bytes;
use crate::clock::VersionVector;
use crate::id::DocumentId;
use super::frame::RefusalReason;
use super::time::Now;

/// One link, named by the shell.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ConnId(pub u64);

/// Named limits
#[derive(Clone, Debug)]
pub struct RelayLimits {}

/// What the shell must do, in order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RelayOutput {
    /// Load what the store knows of this document (its version vector and head), then `handle_loaded`.
    Load { /// which
        document: DocumentId },
    /// Append this envelope at this position, fsync when convenient, then `handle_appended` (one call may cover many).
    Append { /// which
        document: DocumentId, /// log position, from 0, consecutive
        position: u64, /// the envelope
        envelope: Bytes },
    /// Read envelopes `from..` (about `bytes_max` bytes, at least one) and call `handle_read`.
    Read { /// who
        conn: ConnId, /// which
        document: DocumentId, /// from
        from: u64, /// at most
        bytes_max: usize },
    /// `poll_transmit(conn)` has something now.
    Wake { /// who
        conn: ConnId },
    /// After `poll_transmit` is drained: close.
    Close { /// who
        conn: ConnId, /// why
        reason: RefusalReason },
}

/// The relay.
#[derive(Debug)]
pub struct Relay {}

#[allow(unused_variables, reason = "stub")]
impl Relay {
    /// epoch: of the store
    pub fn new(epoch: [u8; 16], limits: RelayLimits) -> Self { Self {} }
    /// a link opened
    pub fn handle_connected(&mut self, now: Now, conn: ConnId) {}
    /// a frame arrived
    pub fn handle_frame(&mut self, now: Now, conn: ConnId, frame: &Bytes) {}
    /// a link ended
    pub fn handle_closed(&mut self, now: Now, conn: ConnId) {}
    /// answer to Load
    pub fn handle_loaded(&mut self, now: Now, document: DocumentId, version: VersionVector, head: u64, bytes: u64) {}
    /// everything below `head` is durable
    pub fn handle_appended(&mut self, now: Now, document: DocumentId, head: u64) {}
    /// the disk failed: nothing is acked from here on, everybody is refused with Storage
    pub fn handle_storage_failed(&mut self, now: Now) {}
    /// answer to Read: consecutive envelopes from `from`
    pub fn handle_read(&mut self, now: Now, conn: ConnId, from: u64, envelopes: Vec<Bytes>) {}
    /// a timer ran out
    pub fn handle_timeout(&mut self, now: Now) {}
    /// refuse everybody with ShuttingDown
    pub fn shut_down(&mut self, now: Now) {}
    /// what to do next
    pub fn poll_output(&mut self) -> Option<RelayOutput> { None }
    /// the next frame for this link; call only when its socket can take more
    pub fn poll_transmit(&mut self, now: Now, conn: ConnId) -> Option<Bytes> { None }
    /// when to call handle_timeout, on the monotonic clock, microseconds
    pub fn poll_timeout(&self) -> Option<u64> { None }
}
