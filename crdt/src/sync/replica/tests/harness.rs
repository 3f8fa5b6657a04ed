//! Some replicas, one relay, their disks and the links between them: everything moves when `settle` is called.

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;

use crate::clock::VersionVector;
use crate::document::{Document, Received};
use crate::envelope::Envelope;
use crate::id::{DocumentId, ReplicaId};
use crate::sync::frame::{ChangeReader, ChangeWriter, Frame, Hello, PROTOCOL_VERSION, Resume};
use crate::sync::{ConnId, Now, Output, PlainLink, Relay, RelayLimits, RelayOutput, Replica, ReplicaConfig};

pub(super) const DOCUMENT: DocumentId = DocumentId::from_bytes([0xdd; 16]);
pub(super) const EPOCH: [u8; 16] = [0xe1; 16];

pub(super) fn id(at: u8) -> ReplicaId {
    ReplicaId::from_bytes([at; 16])
}

/// What a disk does with what it is given.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Disk {
    #[default]
    Good,
    /// It takes its time: nothing is durable until it is good again.
    Slow,
    Failing,
}

pub(super) struct Node {
    pub(super) replica: Replica,
    pub(super) disk: Disk,
    pub(super) stored: Vec<Bytes>,
    unanswered: bool,
    pub(super) resume: Option<Resume>,
    pub(super) outputs: Vec<Output>,
    pub(super) conn: Option<ConnId>,
    /// The changes that it was sent on its link, and how the next one would be sent.
    pub(super) heard: (ChangeReader, ChangeWriter),
    pub(super) link: PlainLink,
    /// By how much its wall clock is wrong.
    pub(super) clock_us: i64,
}

pub(super) struct World {
    pub(super) now: Now,
    pub(super) nodes: Vec<Node>,
    pub(super) relay: Relay,
    pub(super) relay_up: bool,
    pub(super) relay_stored: Vec<Bytes>,
    conns: u64,
    /// Frames that replicas sent.
    pub(super) sent: Vec<(usize, Bytes)>,
    /// How long every frame takes, in microseconds.
    pub(super) frame_us: u64,
}

fn version(stored: &[Bytes]) -> VersionVector {
    let envelopes = stored.iter().map(|bytes| Envelope::decode(bytes.clone()).unwrap());
    envelopes.map(|envelope| (envelope.header().replica, envelope.header().end_seq())).collect()
}

pub(super) fn loaded(own: ReplicaId, stored: &[Bytes]) -> Document {
    let mut document = Document::new(DOCUMENT, own);
    for bytes in stored {
        document.receive(Envelope::decode(bytes.clone()).unwrap(), &mut Received::default()).unwrap();
    }
    document
}

impl World {
    pub(super) fn new(replicas: u8) -> Self {
        let nodes = (0..replicas).map(|at| Node::new(id(at + 1))).collect();
        Self {
            now: Now { monotonic_us: 1_000_000, wall_us: 1_790_000_000_000_000 },
            nodes,
            relay: Relay::new(EPOCH, RelayLimits::default()),
            relay_up: true,
            relay_stored: Vec::new(),
            conns: 0,
            sent: Vec::new(),
            frame_us: 0,
        }
    }

    /// All replicas on line and live.
    pub(super) fn online(replicas: u8) -> Self {
        let mut world = Self::new(replicas);
        for at in 0..world.nodes.len() {
            world.go_online(at);
        }
        world
    }

    pub(super) fn go_online(&mut self, at: usize) {
        let now = self.now_at(at);
        self.nodes[at].replica.go_online(now);
        self.settle();
    }

    pub(super) fn go_offline(&mut self, at: usize) {
        let now = self.now_at(at);
        self.nodes[at].replica.go_offline(now);
        self.settle();
    }

    pub(super) fn write(&mut self, at: usize, text: &str) {
        let replica = &mut self.nodes[at].replica;
        replica.insert(replica.document().text().len_chars(), text).unwrap();
        replica.commit();
        self.settle();
    }

    pub(super) fn text(&self, at: usize) -> String {
        let text = self.nodes[at].replica.document().text();
        text.slice(0..text.len_chars())
    }

    pub(super) fn now_at(&self, at: usize) -> Now {
        Now { wall_us: self.now.wall_us + self.nodes[at].clock_us, ..self.now }
    }

    /// Lets time pass, with every timer on the way.
    pub(super) fn pass(&mut self, us: u64) {
        let end_us = self.now.monotonic_us + us;
        loop {
            self.settle();
            let timers = self.nodes.iter().filter_map(|node| node.replica.poll_timeout());
            let next_us = timers.chain(self.relay.poll_timeout()).min().unwrap_or(u64::MAX);
            let step_us = next_us.min(end_us).saturating_sub(self.now.monotonic_us);
            self.now = self.now.plus_us(step_us);
            for at in 0..self.nodes.len() {
                let now = self.now_at(at);
                self.nodes[at].replica.handle_timeout(now);
            }
            if self.relay_up {
                self.relay.handle_timeout(self.now);
            }
            if self.now.monotonic_us >= end_us && next_us > end_us {
                return self.settle();
            }
        }
    }

    /// The relay's process ends; `stored` is what its next one finds.
    pub(super) fn restart_relay(&mut self, epoch: [u8; 16], stored: Vec<Bytes>) {
        self.drop_links();
        self.relay = Relay::new(epoch, RelayLimits::default());
        self.relay_stored = stored;
    }

    pub(super) fn drop_links(&mut self) {
        for at in 0..self.nodes.len() {
            let now = self.now_at(at);
            if let Some(conn) = self.nodes[at].conn.take() {
                self.nodes[at].replica.handle_disconnected(now);
                self.relay.handle_closed(self.now, conn);
            }
        }
    }

    /// A replica's process ends and starts again from its disk.
    pub(super) fn restart(&mut self, at: usize) {
        if let Some(conn) = self.nodes[at].conn.take() {
            self.relay.handle_closed(self.now, conn);
        }
        let node = &mut self.nodes[at];
        let saved_at_relay = node.replica.units_saved_at_relay();
        let config = ReplicaConfig { seed: 1, resume: node.resume, saved_at_relay };
        node.replica = Replica::new(loaded(node.replica.document().replica(), &node.stored), config);
    }

    /// Moves everything that can move, without time passing (but for `frame_us`).
    pub(super) fn settle(&mut self) {
        let mut rounds = 0;
        while self.settle_nodes() | self.settle_relay() {
            rounds += 1;
            assert!(rounds < 10_000, "it never settles");
        }
    }

    fn settle_nodes(&mut self) -> bool {
        let mut moved = false;
        for at in 0..self.nodes.len() {
            while let Some(output) = self.nodes[at].replica.poll_output() {
                moved = true;
                self.act(at, output);
            }
            self.nodes[at].flush(self.now);
            while let Some(conn) = self.nodes[at].conn {
                let now = self.now_at(at);
                let node = &mut self.nodes[at];
                let Some(frame) = node.link.poll_transmit(&mut node.replica, now) else { break };
                moved = true;
                self.sent.push((at, frame.clone()));
                self.now = self.now.plus_us(self.frame_us);
                self.relay.handle_frame(self.now, conn, &frame);
            }
        }
        moved
    }

    fn act(&mut self, at: usize, output: Output) {
        let now = self.now_at(at);
        let node = &mut self.nodes[at];
        match &output {
            Output::Connect if self.relay_up => {
                self.conns += 1;
                node.conn = Some(ConnId(self.conns));
                node.heard = Node::unheard(node.replica.document().replica());
                node.link = PlainLink::new(DOCUMENT, node.replica.document().replica());
                self.relay.handle_connected(self.now, ConnId(self.conns));
                node.replica.handle_connected(now);
            }
            Output::Connect => node.replica.handle_disconnected(now),
            Output::Disconnect => {
                if let Some(conn) = node.conn.take() {
                    self.relay.handle_closed(self.now, conn);
                }
            }
            Output::Persist { position, envelope, .. } if node.disk != Disk::Failing => {
                node.stored.truncate(usize::try_from(*position).unwrap());
                assert_eq!(node.stored.len() as u64, *position, "positions come without gaps");
                node.stored.push(envelope.clone());
                node.unanswered = true;
            }
            Output::Persist { .. } => node.replica.handle_persist_failed(),
            Output::PersistResume { resume } => node.resume = Some(*resume),
            _ => {}
        }
        self.nodes[at].outputs.push(output);
    }

    fn settle_relay(&mut self) -> bool {
        let mut moved = false;
        while let Some(output) = self.relay.poll_output() {
            moved = true;
            match output {
                RelayOutput::Load { document } => {
                    let (version, head) = (version(&self.relay_stored), self.relay_stored.len() as u64);
                    self.relay.handle_loaded(self.now, document, version, head, 0);
                }
                RelayOutput::Append { document, position, envelope, .. } => {
                    assert_eq!(position, self.relay_stored.len() as u64);
                    self.relay_stored.push(envelope);
                    self.relay.handle_appended(self.now, document, position + 1);
                }
                RelayOutput::Read { conn, from, .. } => {
                    let from_at = usize::try_from(from).unwrap();
                    let some = self.relay_stored[from_at..].iter().take(3).cloned().collect();
                    self.relay.handle_read(self.now, conn, from, some);
                }
                RelayOutput::Wake { conn } => self.deliver(conn),
                RelayOutput::Close { conn, .. } => {
                    self.deliver(conn);
                    self.relay.handle_closed(self.now, conn);
                    if let Some(at) = self.nodes.iter().position(|node| node.conn == Some(conn)) {
                        self.nodes[at].conn = None;
                        let now = self.now_at(at);
                        self.nodes[at].replica.handle_disconnected(now);
                    }
                }
            }
        }
        moved
    }

    fn deliver(&mut self, conn: ConnId) {
        while let Some(frame) = self.relay.poll_transmit(self.now, conn) {
            self.now = self.now.plus_us(self.frame_us);
            self.hand_in(conn, &frame);
        }
    }

    fn hand_in(&mut self, conn: ConnId, frame: &Bytes) {
        if let Some(at) = self.nodes.iter().position(|node| node.conn == Some(conn)) {
            let now = self.now_at(at);
            self.nodes[at].hear(frame);
            let node = &mut self.nodes[at];
            node.link.open(frame).hand_to(&mut node.replica, now);
        }
    }

    /// Somebody who keeps to no rules links to the relay as this author and gives it these envelopes.
    pub(super) fn smuggle(&mut self, author: ReplicaId, envelopes: &[Bytes]) {
        self.conns += 1;
        let conn = ConnId(self.conns);
        let hello = Hello {
            protocol: PROTOCOL_VERSION,
            document: DOCUMENT,
            replica: author,
            version: VersionVector::new(),
            resume: None,
        };
        self.relay.handle_connected(self.now, conn);
        self.relay.handle_frame(self.now, conn, &Frame::Hello(hello).encode());
        self.settle();
        let (stored, mut writer) = (self.relay_stored.len(), ChangeWriter::new(author));
        for envelope in envelopes {
            let frame = writer.frame(&Envelope::decode(envelope.clone()).unwrap());
            self.relay.handle_frame(self.now, conn, &frame);
        }
        self.settle();
        assert_eq!(self.relay_stored.len(), stored + envelopes.len(), "the relay reads no payloads");
        self.relay.handle_closed(self.now, conn);
        self.settle();
    }

    /// Gives a replica a frame as if the relay had sent it.
    pub(super) fn say(&mut self, at: usize, frame: &Frame<'_>) {
        self.say_bytes(at, &frame.encode());
    }

    /// Gives a replica a change as if the relay had sent it.
    pub(super) fn say_change(&mut self, at: usize, envelope: &Bytes) {
        let frame = self.nodes[at].heard.1.frame(&Envelope::decode(envelope.clone()).unwrap());
        self.say_bytes(at, &frame);
    }

    pub(super) fn say_bytes(&mut self, at: usize, frame: &Bytes) {
        let now = self.now_at(at);
        let node = &mut self.nodes[at];
        node.link.open(frame).hand_to(&mut node.replica, now);
        self.settle();
    }

    /// The changes that a replica sent so far.
    pub(super) fn changes_sent(&self, by: usize) -> Vec<Envelope> {
        let frames = self.sent.iter().filter(|(at, _)| *at == by);
        let own = self.nodes[by].replica.document().replica();
        let mut reader = ChangeReader::new(DOCUMENT, own);
        let change = |(_, frame): &(usize, Bytes)| match Frame::decode(frame) {
            Ok(Frame::Change(body)) => reader.read(body).ok(),
            Ok(Frame::Hello(_)) => {
                reader = ChangeReader::new(DOCUMENT, own);
                None
            }
            _ => None,
        };
        frames.filter_map(change).collect()
    }

    /// All replicas and the relay have the same.
    pub(super) fn assert_equal(&self) {
        for at in 0..self.nodes.len() {
            assert_eq!(
                self.nodes[at].replica.document().version(),
                self.nodes[0].replica.document().version(),
                "replica {at}"
            );
            assert_eq!(self.text(at), self.text(0), "replica {at}");
        }
        assert_eq!(&version(&self.relay_stored), self.nodes[0].replica.document().version());
        let stored: BTreeSet<_> = self.relay_stored.iter().collect();
        assert_eq!(stored.len(), self.relay_stored.len(), "the relay has a change twice");
    }
}

impl Node {
    pub(super) fn new(own: ReplicaId) -> Self {
        Self {
            replica: Replica::new(Document::new(DOCUMENT, own), ReplicaConfig::default()),
            disk: Disk::Good,
            stored: Vec::new(),
            unanswered: false,
            resume: None,
            outputs: Vec::new(),
            conn: None,
            heard: Self::unheard(own),
            link: PlainLink::new(DOCUMENT, own),
            clock_us: 0,
        }
    }

    fn unheard(own: ReplicaId) -> (ChangeReader, ChangeWriter) {
        (ChangeReader::new(DOCUMENT, own), ChangeWriter::new(own))
    }

    /// Takes in what the relay sends.
    fn hear(&mut self, frame: &Bytes) {
        if let Ok(Frame::Change(body)) = Frame::decode(frame) {
            let (reader, writer) = &mut self.heard;
            assert_eq!(writer.frame(&reader.read(body).unwrap()), frame, "one change has one frame");
        }
    }

    fn flush(&mut self, now: Now) {
        if self.unanswered && self.disk == Disk::Good {
            self.unanswered = false;
            self.replica.handle_persisted(now, self.stored.len() as u64);
        }
    }
}
