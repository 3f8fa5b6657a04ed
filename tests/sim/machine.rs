//! A relay's state machine, with a gate in front of it or without.

use std::collections::BTreeMap;

use bytes::Bytes;
use quire_crdt::keys::KEY_BYTES;
use quire_crdt::sealed::Author;
use quire_crdt::sync::{ConnId, Gate, Now, Relay, RelayLimits, RelayOutput, RelayPolicy, RelayStats};
use quire_crdt::{DocumentId, ReplicaId, VersionVector};

/// A relay's process.
#[derive(Debug)]
pub enum Machine {
    /// It takes frames from everybody.
    Plain(Box<Relay>),
    /// It takes nothing that is not proved.
    Sealed(Box<Gate>),
}

/// What a relay's disk has of a document.
#[derive(Clone, Debug, Default)]
pub struct Stored {
    /// What its log adds up to.
    pub version: VersionVector,
    /// What is known of those who wrote it.
    pub authors: BTreeMap<ReplicaId, Author>,
    /// Where its log ends.
    pub head: u64,
    /// How many bytes that has.
    pub bytes: u64,
}

impl Machine {
    /// A process over a store with this epoch and so many documents; it asks for proofs if there is a policy for that.
    pub fn new(epoch: [u8; 16], limits: RelayLimits, policy: Option<RelayPolicy>, documents: u64) -> Self {
        match policy {
            None => Self::Plain(Box::new(Relay::new(epoch, limits).with_documents_stored(documents))),
            Some(policy) => Self::Sealed(Box::new(Gate::new(epoch, limits, policy, documents))),
        }
    }

    /// The relay itself.
    pub fn relay(&mut self) -> &mut Relay {
        match self {
            Self::Plain(relay) => relay,
            Self::Sealed(gate) => gate.relay(),
        }
    }

    /// A connection was opened; this is what it is challenged with, if it is.
    pub fn handle_connected(&mut self, now: Now, conn: ConnId, challenge: impl FnOnce() -> [u8; KEY_BYTES]) {
        match self {
            Self::Plain(relay) => relay.handle_connected(now, conn),
            Self::Sealed(gate) => gate.handle_connected(now, conn, challenge(), Vec::new()),
        }
    }

    /// A message has come.
    pub fn handle_frame(&mut self, now: Now, conn: ConnId, frame: &Bytes) {
        match self {
            Self::Plain(relay) => relay.handle_frame(now, conn, frame),
            Self::Sealed(gate) => gate.handle_frame(now, conn, frame),
        }
    }

    /// The next message for a connection.
    pub fn poll_transmit(&mut self, now: Now, conn: ConnId) -> Option<Bytes> {
        match self {
            Self::Plain(relay) => relay.poll_transmit(now, conn),
            Self::Sealed(gate) => gate.poll_transmit(now, conn),
        }
    }

    /// A connection has ended.
    pub fn handle_closed(&mut self, now: Now, conn: ConnId) {
        match self {
            Self::Plain(relay) => relay.handle_closed(now, conn),
            Self::Sealed(gate) => gate.handle_closed(now, conn),
        }
    }

    /// The store's answer.
    pub fn handle_loaded(&mut self, now: Now, document: DocumentId, stored: Stored) {
        let Stored { version, authors, head, bytes } = stored;
        match self {
            Self::Plain(relay) => relay.handle_loaded(now, document, version, head, bytes),
            Self::Sealed(gate) => gate.handle_loaded(now, document, authors, head, bytes),
        }
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<RelayOutput> {
        self.relay().poll_output()
    }

    /// Whether the process reads from this connection.
    pub fn can_read(&self, conn: ConnId) -> bool {
        match self {
            Self::Plain(relay) => relay.can_read(conn),
            Self::Sealed(gate) => gate.can_read(conn),
        }
    }

    /// When it wants to be called next.
    pub fn poll_timeout(&self) -> Option<u64> {
        match self {
            Self::Plain(relay) => relay.poll_timeout(),
            Self::Sealed(gate) => gate.poll_timeout(),
        }
    }

    /// What it holds.
    pub fn stats(&self) -> RelayStats {
        match self {
            Self::Plain(relay) => relay.stats(),
            Self::Sealed(gate) => gate.stats(),
        }
    }
}
