//! The hub with a disk in memory and no socket.

use std::thread;
use std::time::Duration;

use quire_crdt::sync::frame::{ChangeWriter, Frame, Hello, PROTOCOL_VERSION};
use quire_crdt::{Change, Header, Op, ReplicaId, VersionVector, seal};

use super::*;
use crate::log::tests::Disk;

const EPOCH: [u8; 16] = [7; 16];
const AUTHOR: ReplicaId = ReplicaId::from_bytes([1; 16]);
const DOCUMENT: DocumentId = DocumentId::from_bytes([2; 16]);

fn hub(disk: &Disk) -> (Arc<Hub>, Arc<CommitQueue>, thread::JoinHandle<()>) {
    let log = Arc::new(Log::with_backend(disk.clone(), EPOCH, false).unwrap());
    let commits = Arc::new(CommitQueue::default());
    let hub = Arc::new(Hub::new(Arc::clone(&log), Arc::clone(&commits), &Limits::default()).unwrap());
    let tell = {
        let hub = Arc::clone(&hub);
        move |result| hub.handle_commit(result)
    };
    let thread = commits.start(log, tell).unwrap();
    (hub, commits, thread)
}

/// A change of so many units, one frame; the first of its link, or one that does not begin at 0.
fn change(first_seq: u64, len: u64) -> Bytes {
    let header = Header { replica: AUTHOR, first_seq, len, deps: VersionVector::new(), heads: false };
    let text = (0..len).map(|_| 'x').collect();
    let ops = vec![Op::Insert { left: None, right: None, text }];
    ChangeWriter::new(AUTHOR).frame(&seal(DOCUMENT, &Change { header, ops }))
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
    let (conn, signal) = hub.connect();
    let hello = Hello {
        protocol: PROTOCOL_VERSION,
        document: DOCUMENT,
        replica: AUTHOR,
        version: VersionVector::new(),
        resume: None,
    };
    hub.receive(conn, &Frame::Hello(hello).encode());
    let mut frames = Vec::new();
    let welcome = next(hub, conn, &signal, &mut frames).await;
    assert!(matches!(Frame::decode(&welcome), Ok(Frame::Welcome(_))));
    (conn, signal, frames)
}

#[tokio::test]
async fn a_change_is_acknowledged_when_the_disk_has_it() {
    let disk = Disk::default();
    let (hub, commits, thread) = hub(&disk);
    let (conn, signal, mut frames) = join(&hub).await;
    hub.receive(conn, &change(0, 3));
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
    let mut sent = 0;
    let reason = loop {
        hub.receive(conn, &change(sent, 50_000));
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
    let end = log.end(DOCUMENT).unwrap();
    assert!(end.version.get(AUTHOR) >= acknowledged, "what was acknowledged is there");
}

#[tokio::test]
async fn the_timers_are_run() {
    let disk = Disk::default();
    let log = Arc::new(Log::with_backend(disk, EPOCH, false).unwrap());
    let mut limits = Limits::default();
    limits.relay.hello_timeout_us = 20_000;
    let hub = Arc::new(Hub::new(log, Arc::default(), &limits).unwrap());
    let timers = tokio::spawn(Arc::clone(&hub).keep_time());
    let (_, signal) = hub.connect();
    tokio::time::timeout(Duration::from_secs(10), signal.closing.notified()).await.unwrap();
    assert_eq!(signal.reason(), Some(RefusalReason::Silent));
    timers.abort();
}
