//! Links that say what no replica would; a bystander notices nothing.

use std::time::Duration;

use bytes::Bytes;
use quire_crdt::VersionVector;
use quire_crdt::sync::frame::{ChangeWriter, FRAME_BYTES_MAX, Frame, PROTOCOL_VERSION, RefusalReason};
use quire_server::Limits;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::client::{Client, metric};
use super::who::{Who, insert};
use super::{A, B, Relay};

const BYSTANDER: u8 = 0xc;

/// Says this on a fresh link, after a Hello or as the first frame; how the link ends.
async fn check(greeted: bool, message: Message, reason: RefusalReason, numbers: (u64, u64), code: CloseCode) {
    let data = TempDir::new().unwrap();
    let relay = Relay::start(data.path(), Limits::default()).await;
    let mut bystander = Client::join(relay.address, &Who::new(BYSTANDER)).await;
    let mut client = Client::connect(relay.address).await;
    if greeted {
        client.greet(&Who::new(A)).await;
    }
    client.say(message).await;
    let (refusal, closed) = client.refused().await;
    assert_eq!((refusal.reason, (refusal.limit, refusal.value), closed), (reason, numbers, code));

    let mut ben = Who::new(B);
    let mut other = Client::join(relay.address, &ben).await;
    other.send_change(&ben.write("still here")).await;
    assert_eq!(bystander.changes_until(10).await, [10]);
    relay.stop().await;
}

fn noise(len: usize) -> Bytes {
    let mut state = 0x1234_5678_u32;
    let byte = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_le_bytes()[3]
    };
    std::iter::repeat_with(byte).take(len).collect()
}

#[tokio::test]
async fn a_truncated_frame_is_refused() {
    let change = ChangeWriter::new(Who::new(B).id()).frame(&Who::new(A).write("one"));
    // In the author's id, and in what is sealed.
    for len in [10, change.len() / 2] {
        let numbers = (0, len as u64);
        let part = Message::Binary(change.slice(..len));
        check(true, part, RefusalReason::Malformed, numbers, CloseCode::Protocol).await;
    }
}

#[tokio::test]
async fn a_truncated_hello_is_refused() {
    let hello = Frame::Hello(Who::new(A).hello(VersionVector::new())).encode();
    let half = hello.slice(..hello.len() - 3);
    let numbers = (0, half.len() as u64);
    check(false, Message::Binary(half), RefusalReason::Malformed, numbers, CloseCode::Protocol).await;
}

#[tokio::test]
async fn random_bytes_are_refused() {
    let noise = noise(10_000);
    check(false, Message::Binary(noise), RefusalReason::Malformed, (0, 10_000), CloseCode::Protocol).await;
}

#[tokio::test]
async fn an_oversized_frame_is_refused_with_its_numbers() {
    let frame = noise(FRAME_BYTES_MAX + 1);
    let numbers = (FRAME_BYTES_MAX as u64, FRAME_BYTES_MAX as u64 + 1);
    check(true, Message::Binary(frame), RefusalReason::FrameBytes, numbers, CloseCode::Size).await;
}

#[tokio::test]
async fn an_old_version_is_told_which_one_is_spoken() {
    let mut old = Frame::Hello(Who::new(A).hello(VersionVector::new())).encode().to_vec();
    old[1] = 0;
    check(
        false,
        Message::Binary(old.into()),
        RefusalReason::Protocol,
        (u64::from(PROTOCOL_VERSION), 0),
        CloseCode::Protocol,
    )
    .await;
}

#[tokio::test]
async fn text_is_refused() {
    check(true, Message::text("hello?"), RefusalReason::Malformed, (0, 6), CloseCode::Protocol).await;
}

#[tokio::test]
async fn a_link_that_never_says_hello_is_refused() {
    let data = TempDir::new().unwrap();
    let mut limits = Limits::default();
    limits.relay.hello_timeout_us = 50_000;
    let relay = Relay::start(data.path(), limits).await;
    let mut client = Client::connect(relay.address).await;
    let (refusal, code) = client.refused().await;
    assert_eq!((refusal.reason, refusal.limit, code), (RefusalReason::Silent, 50, CloseCode::Policy));
    relay.stop().await;
}

#[tokio::test]
async fn a_link_that_answers_no_ping_is_refused() {
    let data = TempDir::new().unwrap();
    let mut limits = Limits::default();
    limits.relay.ping_interval_us = 100_000;
    limits.relay.silence_timeout_us = 200_000;
    let relay = Relay::start(data.path(), limits).await;
    let mut client = Client::join(relay.address, &Who::new(A)).await;
    let (refusal, _) = client.refused().await;
    assert_eq!((refusal.reason, refusal.limit), (RefusalReason::Silent, 200));
    assert!(refusal.retry_after_ms > 0);
    relay.stop().await;
}

#[tokio::test]
async fn what_is_no_http_is_closed_and_a_connection_too_many_is_not_taken() {
    let data = TempDir::new().unwrap();
    let relay = Relay::start(data.path(), Limits { connections_per_address_max: 2, ..Limits::default() }).await;
    let mut stranger = TcpStream::connect(relay.address).await.unwrap();
    stranger.write_all(&noise(4_000)).await.unwrap();
    let mut answer = Vec::new();
    // Either way the connection is over: an answer that it was a bad request, or a reset.
    if stranger.read_to_end(&mut answer).await.is_ok() {
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 400"));
    }
    let _first = Client::join(relay.address, &Who::new(A)).await;
    let _second = Client::join(relay.address, &Who::new(B)).await;
    let mut third = TcpStream::connect(relay.address).await.unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(10), third.read(&mut [0])).await.unwrap();
    assert!(!matches!(ended, Ok(1..)), "{ended:?}");
    relay.stop().await;
}

#[tokio::test]
async fn a_second_link_of_one_replica_ends_the_first() {
    let data = TempDir::new().unwrap();
    let relay = Relay::start(data.path(), Limits::default()).await;
    let mut first = Client::join(relay.address, &Who::new(A)).await;
    let _second = Client::join(relay.address, &Who::new(A)).await;
    let (refusal, _) = first.refused().await;
    assert_eq!((refusal.reason, refusal.retry_after_ms), (RefusalReason::Replaced, 0));
    assert_eq!(metric(relay.address, "quire_relay_refusals_total{reason=\"replaced\"}").await, 1);
    relay.stop().await;
}

#[tokio::test]
async fn a_hello_without_a_proof_is_refused() {
    let hello = Frame::Hello(Who::new(A).hello(VersionVector::new())).encode();
    let numbers = (0, hello.len() as u64);
    check(false, Message::Binary(hello), RefusalReason::Malformed, numbers, CloseCode::Protocol).await;
}

#[tokio::test]
async fn a_proof_holds_for_one_link_one_address_and_one_replica() {
    let data = TempDir::new().unwrap();
    let relay = Relay::start(data.path(), Limits::default()).await;
    let (ana, ben) = (Who::new(A), Who::new(B));
    let at = relay.address.to_string();
    let other = Client::connect(relay.address).await;
    let mut replayed = Client::connect(relay.address).await;
    replayed.send(&ana.proof(other.challenge(), &at).encode()).await;
    let mut passed_on = Client::connect(relay.address).await;
    let proof = ana.proof(passed_on.challenge(), "relay.example.org:4870");
    passed_on.send(&proof.encode()).await;
    let mut pretended = Client::connect(relay.address).await;
    pretended.prove(&ana).await;
    pretended.send(&Frame::Hello(ben.hello(VersionVector::new())).encode()).await;
    let access = RefusalReason::Access;
    for (mut client, reason) in [(replayed, access), (passed_on, RefusalReason::Address), (pretended, access)] {
        let (refusal, code) = client.refused().await;
        assert_eq!((refusal.reason, refusal.retry_after_ms, code), (reason, 0, CloseCode::Policy));
    }
    let mut honest = Client::connect(relay.address).await;
    let proof = ana.proof(honest.challenge(), &at.replace("127.0.0.1", "localhost"));
    honest.send(&proof.encode()).await;
    honest.send(&Frame::Hello(ana.hello(VersionVector::new())).encode()).await;
    honest.until(|frame| matches!(frame, Frame::Welcome(_))).await;
    drop((other, honest));
    relay.stop().await;
}

#[tokio::test]
async fn what_is_not_sealed_or_follows_upon_nothing_here_is_refused_and_not_passed_on() {
    let data = TempDir::new().unwrap();
    let relay = Relay::start(data.path(), Limits::default()).await;
    let mut bystander = Client::join(relay.address, &Who::new(BYSTANDER)).await;
    let (mut ana, mut ben) = (Who::new(A), Who::new(B));
    let mut copied = ana.clone();
    let mut author = Client::join(relay.address, &ana).await;
    author.send_change(&ana.write("one")).await;
    author.until_durable(3).await;
    copied.write("two");
    author.send_change(&copied.write("and another")).await;
    let (refusal, _) = author.refused().await;
    assert_eq!((refusal.reason, refusal.limit, refusal.value), (RefusalReason::Forked, 3, 3));

    let mut altered = ChangeWriter::new(ben.id()).frame(&ben.clone().write("altered")).to_vec();
    *altered.last_mut().unwrap() ^= 1;
    let mut forger = Client::join(relay.address, &ben).await;
    forger.send(&altered.into()).await;
    assert_eq!(forger.refused().await.0.reason, RefusalReason::Forged);
    let mut open = Client::join(relay.address, &ben).await;
    open.send_change(&ben.plain(vec![insert("for everybody")])).await;
    assert_eq!(open.refused().await.0.reason, RefusalReason::Malformed);

    let mut other = Client::join(relay.address, &ben).await;
    other.send_change(&ben.write("still here")).await;
    assert_eq!(bystander.next_change().await.header().replica, ana.id());
    assert_eq!(bystander.next_change().await.header().replica, ben.id());
    relay.stop().await;
}
