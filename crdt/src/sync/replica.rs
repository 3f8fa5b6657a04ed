//! The replica's half. STUB (owner: replica helper).

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;
use bytes::Bytes;
use crate::change::Value;
use crate::clock::VersionVector;
use crate::document::{Document, EditError, Patch};
use crate::id::ReplicaId;
use super::frame::{Refusal, Resume};
use super::time::Now;

/// Where the link to the relay stands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum LinkState {
    /// The user (or the absence of a relay) keeps it offline.
    Off,
    /// Waiting to try again.
    Waiting { /// on the monotonic clock, microseconds
        until_us: u64 },
    /// The shell is opening the transport.
    Connecting,
    /// Hello was sent.
    Greeting,
    /// Catching up: position of head.
    CatchingUp { /// served up to
        position: u64, /// log end
        head: u64 },
    /// Live.
    Live,
}

/// What happened that the caller must act on or may show, in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// The visible text changed (by this replica or another): carets and line index follow.
    Patched(Patch),
    /// A key of the map changed.
    MapChanged { /// which
        key: String },
    /// Append this envelope to this document's log on disk at this position, fsync, then `handle_persisted(position + 1)`.
    Persist { /// position in the replica's own log, from 0, consecutive
        position: u64, /// the envelope
        envelope: Bytes },
    /// Remember this on disk with the document (no hurry, no answer); give it back in `ReplicaConfig::resume`.
    PersistResume { /// where
        resume: Resume },
    /// Open a transport to the relay, then `handle_connected` or `handle_disconnected`.
    Connect,
    /// Close the transport.
    Disconnect,
    /// The relay refused; the text says it all by its numbers.
    Refused(Refusal),
    /// Something of the status getters (link, saved, peers, offset) changed.
    StatusChanged,
}

/// How a replica is set up.
#[derive(Clone, Debug, Default)]
pub struct ReplicaConfig {
    /// seeds the jitter
    pub seed: u64,
    /// what PersistResume said last
    pub resume: Option<Resume>,
}

/// Another replica as far as it showed itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Peer {
    /// Newest presence payload, if it is here now.
    pub presence: Option<Bytes>,
    /// what it said is on its disk
    pub held: VersionVector,
}

/// A document, its outbox and its link.
#[derive(Debug)]
pub struct Replica { document: Document }

#[allow(unused_variables, reason = "stub")]
impl Replica {
    /// `document`: everything in its log is on disk already.
    pub fn new(document: Document, config: ReplicaConfig) -> Self { Self { document } }
    /// the document
    pub fn document(&self) -> &Document { &self.document }
    /// verbs: as Document's, patches come by poll_output
    pub fn insert(&mut self, at: usize, text: &str) -> Result<(), EditError> { Ok(()) }
    /// delete
    pub fn delete(&mut self, range: Range<usize>) -> Result<(), EditError> { Ok(()) }
    /// set
    pub fn set(&mut self, key: &str, value: Option<Value>) -> Result<(), EditError> { Ok(()) }
    /// undo; false: nothing to undo
    pub fn undo(&mut self) -> bool { false }
    /// redo
    pub fn redo(&mut self) -> bool { false }
    /// the next edit starts a new undo group
    pub fn end_undo_group(&mut self) {}
    /// seals pending operations into changes and asks to persist them: call at the end of each batch of verbs (a frame)
    pub fn commit(&mut self) {}
    /// own presence (payload), sent when linked, coalesced; None: gone
    pub fn set_presence(&mut self, payload: Option<Bytes>) {}
    /// start linking (Output::Connect follows)
    pub fn go_online(&mut self, now: Now) {}
    /// stop linking
    pub fn go_offline(&mut self, now: Now) {}
    /// transport is open
    pub fn handle_connected(&mut self, now: Now) {}
    /// transport failed or ended
    pub fn handle_disconnected(&mut self, now: Now) {}
    /// a frame came; a bad one ends the link (Output::Disconnect)
    pub fn handle_frame(&mut self, now: Now, frame: &Bytes) {}
    /// everything below this position of the own log is on disk
    pub fn handle_persisted(&mut self, now: Now, head: u64) {}
    /// the disk refused: nothing more is sent until retry_persist
    pub fn handle_persist_failed(&mut self) {}
    /// asks again to persist everything that is not on disk
    pub fn retry_persist(&mut self) {}
    /// timer
    pub fn handle_timeout(&mut self, now: Now) {}
    /// next effect
    pub fn poll_output(&mut self) -> Option<Output> { None }
    /// next frame for the socket
    pub fn poll_transmit(&mut self, now: Now) -> Option<Bytes> { None }
    /// next timer, monotonic microseconds
    pub fn poll_timeout(&self) -> Option<u64> { None }
    /// link
    pub fn link(&self) -> &LinkState { &LinkState::Off }
    /// own units made / durable here / durable at relay
    pub fn units_made(&self) -> u64 { 0 }
    /// durable here
    pub fn units_saved_here(&self) -> u64 { 0 }
    /// acked by relay
    pub fn units_saved_at_relay(&self) -> u64 { 0 }
    /// others
    pub fn peers(&self) -> &BTreeMap<ReplicaId, Peer> { const EMPTY: &BTreeMap<ReplicaId, Peer> = &BTreeMap::new(); EMPTY }
    /// others that hold all of this replica's own units on their disk
    pub fn holders(&self) -> Vec<ReplicaId> { Vec::new() }
    /// smoothed round trip, microseconds
    pub fn round_trip_us(&self) -> Option<u64> { None }
    /// (offset of this clock against the relay's, uncertainty), microseconds; positive: this clock is ahead
    pub fn clock_offset_us(&self) -> Option<(i64, u64)> { None }
}
