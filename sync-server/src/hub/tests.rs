//! The hub with a disk in memory and no socket.

use std::thread;
use std::time::Duration;

use quire_crdt::keys::{DocumentKeys, ReplicaKey, ReplicaSeed, RootSecret};
use quire_crdt::sealed::{self, Author, Before};
use quire_crdt::sync::Network;
use quire_crdt::sync::frame::{ChangeWriter, Frame, Hello, PROTOCOL_VERSION, Proof};
use quire_crdt::{Change, Header, Op, VersionVector};

use super::*;
use crate::log::tests::Disk;

const EPOCH: [u8; 16] = [7; 16];
const ADDRESS: &str = "127.0.0.1:4870";
const CHALLENGE: [u8; 32] = [5; 32];

fn keys() -> DocumentKeys {
    DocumentKeys::editor(&RootSecret::from_bytes([2; 16]))
}

fn author() -> ReplicaKey {
    ReplicaKey::new(&ReplicaSeed::from_bytes([1; 32]))
}

fn hub(disk: &Disk) -> (Arc<Hub>, Arc<CommitQueue>, thread::JoinHandle<()>) {
    let log = Arc::new(Log::with_backend(disk.clone(), EPOCH, false).unwrap());
    let commits = Arc::new(CommitQueue::default());
    let hub =
        Arc::new(Hub::new(Arc::clone(&log), Arc::clone(&commits), &Limits::default(), RelayPolicy::default()).unwrap());
    let tell = {
        let hub = Arc::clone(&hub);
        move |result| hub.handle_commit(result)
    };
    let thread = commits.start(log, tell).unwrap();
    (hub, commits, thread)
}

/// Makes sealed changes, one frame each.
struct Sealer {
    writer: ChangeWriter,
    before: Option<Author>,
}

impl Sealer {
    fn new() -> Self {
        Self { writer: ChangeWriter::new(author().id()), before: None }
    }

    /// A change of so many units.
    fn change(&mut self, len: u64) -> Bytes {
        let (keys, author) = (keys(), author());
        let first_seq = self.before.map_or(0, |before| before.count);
        let header = Header { replica: author.id(), first_seq, len, deps: VersionVector::new(), heads: false };
        let text = (0..len).map(|_| 'x').collect();
        let ops = vec![Op::Insert { left: None, right: None, text }];
        let plain = quire_crdt::seal(keys.document(), &Change { header, ops });
        let certificate = keys.certify(&author).unwrap();
        let before = self.before.as_ref().map_or(Before::Nothing(&certificate), Before::Author);
        let (sealed, known) = sealed::seal(&plain, &keys, before, sealed::Proof::Sign(&author)).unwrap();
        self.before = Some(known);
        self.writer.frame(&sealed)
    }
}

/// The next frame for a link.
async fn next(hub: &Arc<Hub>, conn: ConnId, signal: &Signal, frames: &mut Vec<Bytes>) -> Bytes {
    while frames.is_empty() {
        hub.transmit(conn, frames);
        if frames.is_empty() {
            tokio::time::timeout(Duration::from_secs(10), signal.write.notified()).await.unwrap();
        }
    }
    frames.remove(0)
}

async fn join(hub: &Arc<Hub>) -> (ConnId, Arc<Signal>, Vec<Bytes>) {
    let (conn, signal) = hub.connect(CHALLENGE, Peer { reached: vec![ADDRESS.to_owned()], network: None });
    let (document, replica) = (keys().document(), author().id());
    let proof = keys().prove_access(&author(), &CHALLENGE, ADDRESS);
    let proof = Proof::new(document, replica, ADDRESS.to_owned(), Vec::new(), &proof);
    hub.receive(conn, &Frame::Proof(proof).encode());
    let version = VersionVector::new();
    let hello = Hello { protocol: PROTOCOL_VERSION, document, replica, version, resume: None };
    hub.receive(conn, &Frame::Hello(hello).encode());
    let mut frames = Vec::new();
    let challenge = next(hub, conn, &signal, &mut frames).await;
    assert_eq!(Frame::decode(&challenge), Ok(Frame::Challenge { challenge: CHALLENGE }));
    let welcome = next(hub, conn, &signal, &mut frames).await;
    assert!(matches!(Frame::decode(&welcome), Ok(Frame::Welcome(_))));
    (conn, signal, frames)
}

#[tokio::test]
async fn a_change_is_acknowledged_when_the_disk_has_it() {
    let disk = Disk::default();
    let (hub, commits, thread) = hub(&disk);
    let (conn, signal, mut frames) = join(&hub).await;
    hub.receive(conn, &Sealer::new().change(3));
    loop {
        let frame = next(&hub, conn, &signal, &mut frames).await;
        if Frame::decode(&frame) == Ok(Frame::Ack { count: 3 }) {
            break;
        }
    }
    commits.close();
    thread.join().unwrap();
    drop(hub);
    let log = Log::with_backend(Disk::holding(disk.bytes()), EPOCH, true).unwrap();
    assert_eq!(log.verify().unwrap().changes, 1);
}

#[tokio::test]
async fn when_the_disk_is_full_nothing_more_is_acknowledged_and_the_relay_says_so() {
    let disk = Disk::default();
    let (hub, _commits, thread) = hub(&disk);
    let (conn, signal, mut frames) = join(&hub).await;
    disk.fill();
    let mut acknowledged = 0;
    let (mut sealer, mut sent) = (Sealer::new(), 0);
    let reason = loop {
        hub.receive(conn, &sealer.change(50_000));
        sent += 50_000;
        let frame = next(&hub, conn, &signal, &mut frames).await;
        match Frame::decode(&frame).unwrap() {
            Frame::Ack { count } => acknowledged = count,
            Frame::Refused(refusal) => break refusal.reason,
            _ => {}
        }
    };
    assert_eq!(reason, RefusalReason::Storage);
    assert!(acknowledged < sent);
    assert_eq!(signal.reason(), Some(RefusalReason::Storage));
    assert!(!hub.is_healthy() && !hub.is_ready());
    hub.failed.notified().await;
    assert!(matches!(hub.failure(), Some(StoreError::Io { .. })));
    thread.join().unwrap();
    drop(hub);
    let log = Log::with_backend(Disk::holding(disk.bytes()), EPOCH, true).unwrap();
    let end = log.end(keys().document()).unwrap();
    assert!(end.version.get(author().id()) >= acknowledged, "what was acknowledged is there");
}

#[tokio::test]
async fn the_timers_are_run() {
    let disk = Disk::default();
    let log = Arc::new(Log::with_backend(disk, EPOCH, false).unwrap());
    let mut limits = Limits::default();
    limits.relay.hello_timeout_us = 20_000;
    let hub = Arc::new(Hub::new(log, Arc::default(), &limits, RelayPolicy::default()).unwrap());
    let timers = tokio::spawn(Arc::clone(&hub).keep_time());
    let (_, signal) = hub.connect(CHALLENGE, Peer::default());
    tokio::time::timeout(Duration::from_secs(10), signal.closing.notified()).await.unwrap();
    assert_eq!(signal.reason(), Some(RefusalReason::Silent));
    timers.abort();
}

#[tokio::test]
async fn one_address_does_not_take_every_link() {
    let log = Arc::new(Log::with_backend(Disk::default(), EPOCH, false).unwrap());
    let mut limits = Limits::default();
    limits.relay.quotas.links_max = 2;
    let hub = Arc::new(Hub::new(log, Arc::default(), &limits, RelayPolicy::default()).unwrap());
    let connect = |address: &str| {
        let network = Network::of(address.parse().unwrap());
        hub.connect(CHALLENGE, Peer { reached: Vec::new(), network })
    };
    let (first, _) = connect("2001:db8::1");
    assert_eq!(connect("2001:db8::2").1.reason(), None);
    assert_eq!(connect("2001:db8::3").1.reason(), Some(RefusalReason::AddressLinks));
    assert_eq!(connect("2001:db8:0:1::1").1.reason(), None, "a neighbour");
    assert!((0..9).all(|_| connect("127.0.0.1").1.reason().is_none()), "a proxy, or the operator");
    hub.disconnect(first);
    assert_eq!(connect("2001:db8::4").1.reason(), Some(RefusalReason::AddressLinks), "until the refused one is gone");
    let page = crate::metrics::render(&hub);
    assert!(page.contains("\nquire_relay_refusals_total{reason=\"address_links\"} 2\n"), "{page}");
    assert!(page.contains("\nquire_relay_addresses 2\n"), "{page}");
}
