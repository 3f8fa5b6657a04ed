//! What must hold of every frame at the moment at which it is sent.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use quire_crdt::sync::ConnId;
use quire_crdt::sync::frame::{ChangeReader, Frame, Resume};
use quire_crdt::{DocumentId, Envelope, VersionVector};

use super::{Checker, lacks};
use crate::node::Node;
use crate::relay_node::RelayNode;

/// What the frames of each direction of each connection have said.
#[derive(Debug, Default)]
pub(super) struct Wires {
    readers: BTreeMap<(ConnId, Lane), ChangeReader>,
    /// Connections to relays that lie.
    liars: BTreeSet<ConnId>,
    lied: bool,
    /// The version of a prefix of a relay's log, so that the next one need not be counted from the start.
    prefixes: BTreeMap<(DocumentId, [u8; 16]), (u64, VersionVector)>,
}

/// What changes on a connection refer to each other.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Lane {
    /// What a replica says.
    Up,
    /// What travels of it, sealed.
    UpSealed,
    /// What travels to it.
    Down,
}

impl Wires {
    pub(super) fn forget(&mut self, conn: ConnId) {
        self.readers.retain(|(other, _), _| *other != conn);
        self.liars.remove(&conn);
    }

    pub(super) fn forget_logs(&mut self) {
        self.prefixes.clear();
    }

    pub(super) const fn has_liars(&self) -> bool {
        self.lied
    }

    pub(super) fn read(&mut self, conn: ConnId, lane: Lane, node: &Node, body: &[u8]) -> Result<Envelope, String> {
        let reader = self.readers.entry((conn, lane));
        let reader = reader.or_insert_with(|| ChangeReader::new(node.document, node.id));
        reader.read(body).map_err(|error| format!("a change that cannot be read is sent: {error}"))
    }
}

impl Checker {
    /// From now on this connection's relay says what it likes.
    pub fn expect_lies(&mut self, conn: ConnId) {
        self.wires.liars.insert(conn);
        self.wires.lied = true;
    }

    /// What a device is told need not be what a relay said, from now on.
    pub const fn expect_tampering(&mut self) {
        self.wires.lied = true;
    }

    /// Whether some device may have been told what is not so.
    pub const fn has_liars(&self) -> bool {
        self.wires.lied
    }

    /// A device sends this frame: only what is on its disk (G2), and only what was made.
    ///
    /// # Errors
    /// What does not hold.
    pub fn check_up(&mut self, conn: ConnId, node: &Node, frame: &[u8]) -> Result<(), String> {
        let durable = node.disk.durable_version();
        let claims = |version: &VersionVector| match lacks(durable, version) {
            Some((replica, count, has)) => {
                Err(format!("claims what is not on its disk: {count} units of {replica}, and {has} are"))
            }
            None => Ok(()),
        };
        match Frame::decode(frame).map_err(|error| format!("a frame that cannot be read is sent: {error}"))? {
            Frame::Hello(hello) => claims(&hello.version),
            Frame::Held { version, .. } => claims(&version),
            Frame::Change(body) => {
                let envelope = self.wires.read(conn, Lane::Up, node, body)?;
                let header = envelope.header();
                if durable.get(header.replica) < header.end_seq() {
                    return Err(format!("sent before it is on disk: {}", header.first_id()));
                }
                self.truth.send(header, envelope.bytes())
            }
            _ => Ok(()),
        }
    }

    /// A relay sends this frame to a device: what it says to be safe is on its disk (G5), and it makes nothing up.
    ///
    /// # Errors
    /// What does not hold.
    pub fn check_down(&mut self, conn: ConnId, node: &Node, relay: &RelayNode, frame: &[u8]) -> Result<(), String> {
        if self.wires.liars.contains(&conn) {
            return Ok(());
        }
        let (promised, saved) = (&mut self.promised, &mut self.saved);
        let mut kept = |said: u64| {
            let durable = relay.durable_version(node.document).get(node.id);
            if said > durable {
                return Err(format!("acked before it is on disk: {said} units of {}, and {durable} are", node.id));
            }
            let promise = promised.entry((relay.epoch(), node.id)).or_insert((node.document, 0));
            promise.1 = promise.1.max(said);
            let ever = saved.entry(node.id).or_default();
            *ever = said.max(*ever);
            Ok(())
        };
        match Frame::decode(frame).map_err(|error| format!("a frame that cannot be read is sent: {error}"))? {
            Frame::Ack { count } => kept(count),
            Frame::Welcome(welcome) => {
                let durable = relay.durable_version(node.document);
                if lacks(&durable, &welcome.version).is_some() {
                    return Err(format!("a welcome says too much: {:?}, and {durable:?} is on disk", welcome.version));
                }
                kept(welcome.durable)
            }
            Frame::Change(body) => {
                let envelope = self.wires.read(conn, Lane::Down, node, body)?;
                self.relayed(&envelope)
            }
            _ => Ok(()),
        }
    }

    /// A device asks to remember that it has a relay's log on its disk up to here: it has, but for what it cannot take.
    ///
    /// # Errors
    /// What it lacks.
    pub fn check_resume(&mut self, node: &Node, relays: &[RelayNode], resume: Resume) -> Result<(), String> {
        let Some(relay) = relays.iter().find(|relay| relay.epoch() == resume.epoch && !relay.has_lost) else {
            return Ok(());
        };
        let log = relay.durable(node.document);
        if resume.position > log.len() as u64 || self.wires.lied {
            return Ok(());
        }
        let prefix = self.wires.prefixes.entry((node.document, resume.epoch)).or_default();
        if prefix.0 > resume.position {
            *prefix = (0, VersionVector::new());
        }
        while prefix.0 < resume.position {
            let entry: Option<&Bytes> = usize::try_from(prefix.0).ok().and_then(|at| log.get(at));
            let Some(envelope) = entry.and_then(|entry| Envelope::decode(entry.clone()).ok()) else { break };
            prefix.1.observe(envelope.header().replica, envelope.header().end_seq());
            prefix.0 += 1;
        }
        match lacks(node.disk.durable_version(), &prefix.1) {
            Some((replica, count, has)) if self.truth.is_known(replica) => {
                Err(format!("resumes behind what it lacks: {count} units of {replica}, and {has} are on its disk"))
            }
            _ => Ok(()),
        }
    }
}
