//! Relays that are not there, are none, or say too much.

use std::collections::BTreeMap;
use std::future::Future;
use std::io::Write;
use std::net::TcpListener;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use quire_crdt::keys::{DocumentKeys, ReplicaKey, ReplicaSeed, RootSecret};
use quire_crdt::sealed::{self, Before, Proof};
use quire_crdt::sync::Credentials;
use quire_crdt::sync::frame::{ChangeWriter, Frame, Refusal, RefusalReason, Welcome};
use quire_crdt::{Change, Header, Op, ReplicaId, Value, VersionVector, seal};
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::Message;

use super::*;
use crate::shell::inbox::{Event, Inbox};

const DOCUMENT: DocumentId = DocumentId::from_bytes([3; 16]);

/// What a replica puts between itself and this relay.
fn secure(relay: &RelayAddress) -> SecureLink {
    let keys = DocumentKeys::editor(&RootSecret::from_bytes([1; 16]));
    let replica = ReplicaKey::new(&ReplicaSeed::from_bytes([2; 32]));
    SecureLink::new(Credentials { keys, replica, address: relay.proved(), token: Vec::new() }, BTreeMap::new())
}

/// A frame that a link passes on at any time.
fn numbered(number: u32) -> Bytes {
    let (reason, value) = (RefusalReason::Silent, u64::from(number));
    Frame::Refused(Refusal { reason, limit: 0, value, retry_after_ms: 0 }).encode()
}

type Server = tokio_tungstenite::WebSocketStream<tokio::net::TcpStream>;

fn address(listener: &TcpListener) -> RelayAddress {
    let port = listener.local_addr().unwrap().port();
    RelayAddress::new("127.0.0.1", port).unwrap()
}

/// A websocket server for one client, on a thread of its own.
fn server<F: Future<Output = ()>>(serve: impl FnOnce(Server) -> F + Send + 'static) -> RelayAddress {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let relay = address(&listener);
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            listener.set_nonblocking(true).unwrap();
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            let (stream, _) = listener.accept().await.unwrap();
            serve(accept_async(stream).await.unwrap()).await;
        });
    });
    relay
}

fn next(inbox: &Inbox) -> LinkHappening {
    match inbox.wait(Duration::from_secs(20)) {
        Some(Event::Link(event)) if event.document == DOCUMENT => event.what,
        other => panic!("nothing happened to the link: {other:?}"),
    }
}

/// How the link to this relay ends, whatever came before.
fn end_of(relay: &RelayAddress) -> LinkEnd {
    let inbox = Inbox::new();
    let mut net = Net::start(inbox.outlet()).unwrap();
    let _link = net.open(DOCUMENT, relay.clone(), secure(relay)).unwrap();
    loop {
        if let LinkHappening::Ended(end) = next(&inbox) {
            return end;
        }
    }
}

#[test]
fn a_relay_that_is_not_there_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let relay = address(&listener);
    drop(listener);
    assert!(matches!(end_of(&relay), LinkEnd::Unreachable { .. }));
}

#[test]
fn a_host_that_nobody_knows_is_unknown() {
    let end = end_of(&RelayAddress::new("no-such-host.invalid", 4870).unwrap());
    assert!(matches!(end, LinkEnd::Unknown { .. }), "{end}");
    assert!(end.to_string().contains("no-such-host.invalid"), "{end}");
}

#[test]
fn a_web_server_is_no_relay() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let relay = address(&listener);
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi").unwrap();
        drop(stream);
    });
    assert!(matches!(end_of(&relay), LinkEnd::NoRelay { .. }));
}

#[test]
fn text_is_no_frame() {
    let relay = server(|mut socket| async move {
        socket.send(Message::text("hello")).await.unwrap();
    });
    assert!(matches!(end_of(&relay), LinkEnd::NoRelay { .. }));
}

#[test]
fn a_frame_that_is_too_long_is_refused() {
    let relay = server(|mut socket| async move {
        // The reader hangs up in the middle of it.
        drop(socket.send(Message::binary(vec![0; 2 * quire_crdt::sync::frame::FRAME_BYTES_MAX])).await);
    });
    assert!(matches!(end_of(&relay), LinkEnd::NoRelay { .. }));
}

#[tokio::test]
async fn a_host_that_takes_the_connection_and_says_nothing_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let relay = address(&listener);
    let began = std::time::Instant::now();
    let opened = link::open_within(&relay, &tls::Trust::default(), Duration::ZERO).await;
    assert!(began.elapsed() < Duration::from_secs(5), "it had no time at all");
    assert_eq!(opened.map(|_| "open"), Err(LinkEnd::Timeout { relay, seconds: 0 }));
    drop(listener);
}

#[test]
fn events_that_nobody_takes_are_bounded_and_none_is_lost() {
    let relay = server(|mut socket| async move {
        for number in 0_u32.. {
            if socket.send(Message::Binary(numbered(number))).await.is_err() {
                return;
            }
        }
    });
    let inbox = Inbox::new();
    let (left, leaves) = std::sync::mpsc::channel();
    inbox.on_event(move || left.send(()).unwrap());
    let mut net = Net::start(inbox.outlet()).unwrap();
    let link = net.open(DOCUMENT, relay.clone(), secure(&relay)).unwrap();
    let leaves = &leaves;
    let left_within = |at_most| std::iter::from_fn(move || leaves.recv_timeout(at_most).ok());
    assert_eq!(left_within(Duration::from_secs(20)).take(LINK_PLACES).count(), LINK_PLACES);
    assert_eq!(left_within(Duration::from_millis(300)).count(), 0, "the link waits for a place");

    assert!(matches!(next(&inbox), LinkHappening::Opened));
    for number in 0..3 * LINK_PLACES {
        let LinkHappening::Received(received) = next(&inbox) else { panic!("the link ended") };
        assert_eq!(received.what, Incoming::Frame(numbered(u32::try_from(number).unwrap())));
    }
    // It waits for a place again, or soon will: its end waits for none.
    drop(link);
    drop(net);
    assert!(std::iter::from_fn(|| inbox.take()).count() <= LINK_PLACES);
}

#[test]
fn a_relay_that_says_too_much_has_to_wait() {
    const FRAME_BYTES: usize = 256 * 1024;
    let relay =
        server(|mut socket| async move { while socket.send(Message::binary(vec![7; FRAME_BYTES])).await.is_ok() {} });
    let inbox = Inbox::new();
    let mut net = Net::start(inbox.outlet()).unwrap();
    let _link = net.open(DOCUMENT, relay.clone(), secure(&relay)).unwrap();
    assert!(matches!(next(&inbox), LinkHappening::Opened));
    let at_most = INBOUND_KIBIBYTES_MAX as usize * 1024 / FRAME_BYTES;
    let mut held = Vec::new();
    while let Some(Event::Link(event)) = inbox.wait(Duration::from_millis(300)) {
        held.push(event);
        assert!(held.len() <= at_most, "{} frames are not handled yet", held.len());
    }
    assert!(held.len() > at_most / 2, "{} frames came", held.len());
    held.clear();
    assert!(matches!(next(&inbox), LinkHappening::Received(_)), "the link goes on");
}

#[test]
fn what_comes_to_nothing_takes_no_room() {
    let relay = server(|mut socket| async move {
        let welcome = Welcome { protocol: 5, epoch: [0; 16], version: VersionVector::new(), durable: 0, head: 0 };
        let greeting = [Frame::Challenge { challenge: [0; 32] }, Frame::Welcome(welcome), Frame::Chains(Vec::new())];
        // Sealed by nobody: whoever said it, nothing of it reaches the replica.
        let nothing = Frame::Presence { replica: ReplicaId::from_bytes([9; 16]), payload: &[1; 64] }.encode();
        let nothings = std::iter::repeat_n(nothing, 2 * INBOUND_KIBIBYTES_MAX as usize);
        for frame in greeting.iter().map(Frame::encode).chain(nothings).chain([numbered(0)]) {
            socket.send(Message::Binary(frame)).await.unwrap();
        }
        while socket.next().await.is_some() {}
    });
    let inbox = Inbox::new();
    let mut net = Net::start(inbox.outlet()).unwrap();
    let _link = net.open(DOCUMENT, relay.clone(), secure(&relay)).unwrap();
    assert!(matches!(next(&inbox), LinkHappening::Opened));
    assert!(matches!(next(&inbox), LinkHappening::Received(_)), "the Welcome");
    let LinkHappening::Received(received) = next(&inbox) else { panic!("the link ended") };
    assert_eq!(received.what, Incoming::Frame(numbered(0)));
}

/// Runs of sealed changes, as a relay says them to the replica that [`secure`] is for.
fn runs(count: u64, changes: u64) -> Vec<Bytes> {
    let keys = DocumentKeys::editor(&RootSecret::from_bytes([1; 16]));
    let author = ReplicaKey::new(&ReplicaSeed::from_bytes([4; 32]));
    let certificate = keys.certify(&author).unwrap();
    let mut writer = ChangeWriter::new(ReplicaKey::new(&ReplicaSeed::from_bytes([2; 32])).id());
    let mut last = None;
    let mut message = |first_seq: u64| {
        let header = Header { replica: author.id(), first_seq, len: 1, deps: VersionVector::new(), heads: false };
        let op = Op::Set { key: "k".to_owned(), value: Some(Value::Integer(1)) };
        let plain = seal(keys.document(), &Change { header, ops: vec![op] });
        let before = last.as_ref().map_or(Before::Nothing(&certificate), Before::Author);
        let proof = if (first_seq + 1).is_multiple_of(changes) { Proof::Sign(&author) } else { Proof::None };
        let (sealed, now) = sealed::seal(&plain, &keys, before, proof).unwrap();
        last = Some(now);
        writer.frame(&sealed)
    };
    (0..count * changes).map(&mut message).collect()
}

#[test]
fn what_comes_stays_in_order_while_much_is_sent() {
    const CHANGES: u64 = 200;
    let relay = server(|mut socket| async move {
        let welcome = Welcome { protocol: 5, epoch: [0; 16], version: VersionVector::new(), durable: 0, head: 0 };
        let greeting = [Frame::Challenge { challenge: [0; 32] }, Frame::Welcome(welcome), Frame::Chains(Vec::new())];
        let all = Frame::Progress { position: 10 * CHANGES, head: 10 * CHANGES }.encode();
        for frame in greeting.iter().map(Frame::encode).chain(runs(10, CHANGES)).chain([all]) {
            socket.send(Message::Binary(frame)).await.unwrap();
        }
        while socket.next().await.is_some() {}
    });
    let inbox = Inbox::new();
    let mut net = Net::start(inbox.outlet()).unwrap();
    let link = net.open(DOCUMENT, relay.clone(), secure(&relay)).unwrap();
    assert!(matches!(next(&inbox), LinkHappening::Opened));
    let mut ping = (0..).map(|id| Transmit::Frame(Frame::Ping { id, sent_us: 0 }.encode()));
    let mut seen = 0;
    while seen < 10 * CHANGES {
        // The link waits for a place for most of what came, and sends meanwhile.
        link.send(|| ping.next());
        match next(&inbox) {
            LinkHappening::Received(Received { what: Incoming::Change(change, _), .. }) => {
                assert_eq!(change.header().first_seq, seen);
                seen += 1;
            }
            LinkHappening::Received(Received { what: Incoming::Failed(error), .. }) => panic!("{error}"),
            LinkHappening::Ended(end) => panic!("{end}"),
            _ => {}
        }
    }
}
