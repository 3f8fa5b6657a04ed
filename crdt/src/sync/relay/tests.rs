//! The relay without a socket or a disk: what goes in, what comes out.

mod bounds;
mod catch_up;
mod hostile;
mod live;
mod random;

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;

use super::link::Stage;
use super::{ConnId, Relay, RelayLimits, RelayOutput, RelayStats};
use crate::change::{Change, Header, Op};
use crate::clock::VersionVector;
use crate::envelope::{Envelope, seal};
use crate::id::{DocumentId, ReplicaId};
use crate::sync::frame::{ChangeReader, ChangeWriter, Frame, Hello, PROTOCOL_VERSION, Refusal, RefusalReason, Resume};
use crate::sync::time::Now;

const EPOCH: [u8; 16] = [7; 16];
const DOCUMENT: DocumentId = DocumentId::from_bytes([0xd0; 16]);
const A: ReplicaId = replica(1);
const B: ReplicaId = replica(2);
const C: ReplicaId = replica(3);

const fn replica(number: u8) -> ReplicaId {
    ReplicaId::from_bytes([number; 16])
}

fn version(entries: &[(ReplicaId, u64)]) -> VersionVector {
    entries.iter().copied().collect()
}

/// A change of `len` units whose author had seen `deps`.
fn envelope(replica: ReplicaId, first_seq: u64, len: u64, deps: &[(ReplicaId, u64)]) -> Bytes {
    let text: String = (0..len).map(|_| 'x').collect();
    let header = Header { replica, first_seq, len, deps: version(deps), heads: false };
    seal(DOCUMENT, &Change { header, ops: Vec::from([Op::Insert { left: None, right: None, text }]) }).bytes().clone()
}

/// A change as the tests hand it to a [`Shell`] and get it from there: a frame with its whole envelope. What travels is shorter.
fn change(replica: ReplicaId, first_seq: u64, len: u64, deps: &[(ReplicaId, u64)]) -> Bytes {
    Frame::Change(&envelope(replica, first_seq, len, deps)).encode()
}

fn hello(replica: ReplicaId, has: &[(ReplicaId, u64)]) -> Hello {
    Hello { protocol: PROTOCOL_VERSION, document: DOCUMENT, replica, version: version(has), resume: None }
}

/// The shell of a relay, with a disk that answers when it is told to.
struct Shell {
    relay: Relay,
    now: Now,
    logs: BTreeMap<DocumentId, Vec<Bytes>>,
    /// Appends that the disk has not got yet.
    unwritten: VecDeque<(DocumentId, u64, Bytes)>,
    /// Whether reads are answered at once.
    reads: bool,
    unread: VecDeque<(ConnId, DocumentId, u64, usize)>,
    awake: BTreeSet<ConnId>,
    closed: BTreeMap<ConnId, RefusalReason>,
    conns: u64,
    /// What the other ends of links keep of the changes that they sent and were sent.
    ends: BTreeMap<ConnId, (ChangeWriter, ChangeReader)>,
}

impl Shell {
    fn new(limits: RelayLimits) -> Self {
        Self {
            relay: Relay::new(EPOCH, limits),
            now: Now { monotonic_us: 1_000_000, wall_us: 5_000_000 },
            logs: BTreeMap::new(),
            unwritten: VecDeque::new(),
            reads: true,
            unread: VecDeque::new(),
            awake: BTreeSet::new(),
            closed: BTreeMap::new(),
            conns: 0,
            ends: BTreeMap::new(),
        }
    }

    /// A relay whose log holds these.
    fn with_log(limits: RelayLimits, envelopes: &[Bytes]) -> Self {
        let mut shell = Self::new(limits);
        shell.logs.insert(DOCUMENT, envelopes.to_vec());
        shell
    }

    fn connect(&mut self) -> ConnId {
        self.conns += 1;
        let conn = ConnId(self.conns);
        self.relay.handle_connected(self.now, conn);
        self.settle();
        conn
    }

    fn join(&mut self, hello: Hello) -> ConnId {
        let conn = self.connect();
        self.send(conn, &Frame::Hello(hello).encode());
        conn
    }

    /// A link that has been served all that it is owed by now.
    fn join_live(&mut self, replica: ReplicaId, has: &[(ReplicaId, u64)]) -> ConnId {
        let conn = self.join(hello(replica, has));
        self.fetch(conn);
        conn
    }

    fn send(&mut self, conn: ConnId, frame: &Bytes) {
        let short = match (Frame::decode(frame), self.ends.get_mut(&conn)) {
            (Ok(Frame::Change(envelope)), Some((writer, _))) => {
                Some(writer.frame(&Envelope::decode(frame.slice_ref(envelope)).unwrap()))
            }
            (Ok(Frame::Hello(Hello { document, replica, .. })), _) => {
                let ends = (ChangeWriter::new(replica), ChangeReader::new(document, replica));
                self.ends.insert(conn, ends);
                None
            }
            _ => None,
        };
        self.send_bytes(conn, short.as_ref().unwrap_or(frame));
    }

    /// Sends these very bytes.
    fn send_bytes(&mut self, conn: ConnId, frame: &Bytes) {
        self.relay.handle_frame(self.now, conn, frame);
        self.settle();
    }

    /// The next frame for a link.
    fn fetch_one(&mut self, conn: ConnId) -> Option<Bytes> {
        let frame = self.relay.poll_transmit(self.now, conn);
        if frame.is_none() {
            self.awake.remove(&conn);
        }
        self.settle();
        let frame = frame?;
        match (Frame::decode(&frame), self.ends.get_mut(&conn)) {
            (Ok(Frame::Change(body)), Some((_, reader))) => {
                Some(Frame::Change(reader.read(body).unwrap().bytes()).encode())
            }
            _ => Some(frame),
        }
    }

    /// All frames for a link.
    fn fetch(&mut self, conn: ConnId) -> Vec<Bytes> {
        let mut frames = Vec::new();
        loop {
            match self.fetch_one(conn) {
                Some(frame) => frames.push(frame),
                None if self.awake.contains(&conn) => {}
                None => return frames,
            }
        }
    }

    /// The changes among all frames for a link: whose, and where they end.
    fn fetch_changes(&mut self, conn: ConnId) -> Vec<(ReplicaId, u64)> {
        self.fetch(conn).iter().filter_map(ends).collect()
    }

    /// The disk gets everything that was appended.
    fn write(&mut self) {
        self.write_some(self.unwritten.len());
    }

    /// The disk gets so many of the changes that were appended.
    fn write_some(&mut self, count: usize) {
        let mut heads = BTreeMap::new();
        for (document, position, envelope) in self.unwritten.drain(..count) {
            let log = self.logs.entry(document).or_default();
            assert_eq!(position, log.len() as u64, "positions are consecutive");
            log.push(envelope);
            heads.insert(document, position + 1);
        }
        for (document, head) in heads {
            self.relay.handle_appended(self.now, document, head);
            self.settle();
        }
    }

    fn read(&mut self) {
        while let Some((conn, document, from, bytes_max)) = self.unread.pop_front() {
            let log = self.logs.get(&document).map_or(&[][..], Vec::as_slice);
            let mut bytes = 0;
            let fits = |envelope: &&Bytes| {
                bytes += envelope.len();
                bytes - envelope.len() < bytes_max
            };
            let chunk = log[usize::try_from(from).unwrap()..].iter().take_while(fits).cloned().collect();
            self.relay.handle_read(self.now, conn, from, chunk);
            self.settle();
        }
    }

    fn wait(&mut self, us: u64) {
        self.now = self.now.plus_us(us);
        self.relay.handle_timeout(self.now);
        self.settle();
    }

    fn close(&mut self, conn: ConnId) {
        self.relay.handle_closed(self.now, conn);
        self.settle();
    }

    fn refusal(&mut self, conn: ConnId) -> Option<Refusal> {
        let frames = self.fetch(conn);
        match Frame::decode(frames.last()?) {
            Ok(Frame::Refused(refusal)) => {
                assert_eq!(self.closed.get(&conn), Some(&refusal.reason));
                Some(refusal)
            }
            _ => None,
        }
    }

    fn check_refused(&mut self, conn: ConnId, reason: RefusalReason, limit: u64, value: u64) {
        let refusal = self.refusal(conn).expect("refused");
        assert_eq!((refusal.reason, refusal.limit, refusal.value), (reason, limit, value));
    }

    fn settle(&mut self) {
        while let Some(output) = self.relay.poll_output() {
            match output {
                RelayOutput::Load { document } => self.load(document),
                RelayOutput::Append { document, position, envelope, .. } => {
                    self.unwritten.push_back((document, position, envelope));
                }
                RelayOutput::Read { conn, document, from, bytes_max } => {
                    self.unread.push_back((conn, document, from, bytes_max));
                    if self.reads {
                        self.read();
                    }
                }
                RelayOutput::Wake { conn } => {
                    self.awake.insert(conn);
                }
                RelayOutput::Close { conn, reason } => {
                    self.closed.insert(conn, reason);
                }
            }
        }
        self.relay.assert_invariants();
    }

    fn load(&mut self, document: DocumentId) {
        let log = self.logs.get(&document).map_or(&[][..], Vec::as_slice);
        let mut version = VersionVector::new();
        for envelope in log {
            let envelope = Envelope::decode(envelope.clone()).unwrap();
            version.observe(envelope.header().replica, envelope.header().end_seq());
        }
        let bytes = log.iter().map(|envelope| envelope.len() as u64).sum();
        self.relay.handle_loaded(self.now, document, version, log.len() as u64, bytes);
    }
}

/// Whose change a frame carries, and where it ends; `None` for any other frame.
fn ends(frame: &Bytes) -> Option<(ReplicaId, u64)> {
    match Frame::decode(frame).unwrap() {
        Frame::Change(part) => {
            let envelope = Envelope::decode(frame.slice_ref(part)).unwrap();
            Some((envelope.header().replica, envelope.header().end_seq()))
        }
        _ => None,
    }
}

impl Relay {
    /// What is true between any two calls.
    fn assert_invariants(&self) {
        let sum = |count: &dyn Fn(&super::OpenLog) -> usize| -> usize { self.logs.values().map(count).sum() };
        assert_eq!(self.stats.rings_bytes, sum(&|log| log.ring.bytes()));
        let unwritten = |log: &super::OpenLog| -> usize {
            (log.durable..log.head())
                .map(|at| log.ring.get(at).expect("in memory until it is on disk").envelope_bytes)
                .sum()
        };
        assert_eq!(self.stats.unappended_bytes, sum(&unwritten));
        let members = || {
            self.links.values().filter_map(|link| match &link.stage {
                Stage::Linked(member) => Some(member),
                _ => None,
            })
        };
        assert_eq!(self.stats.reads_bytes, members().map(|member| member.chunk_bytes).sum::<usize>());
        assert!(self.logs.len() <= self.limits.documents_open_max);
        assert!(self.timers.len() <= self.links.len());
        for log in self.logs.values() {
            assert!(log.durable <= log.head());
            assert!(log.links_len() <= self.limits.links_per_document_max);
            assert!(log.version.len() <= self.limits.replicas_per_document_max);
            let said = log.presences.keys().chain(log.held.keys()).chain(log.digests.keys());
            assert!(said.copied().all(|replica| log.links.contains_key(&replica)));
            assert!(log.waiting.is_some() || !log.is_idle(), "an idle document stays open");
        }
        for member in members() {
            let log = &self.logs[&member.document];
            assert!(member.cursor <= log.head());
            assert!(self.links.contains_key(&log.links[&member.replica]));
        }
    }
}
