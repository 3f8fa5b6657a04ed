//! A document that the relay's operator closes, and opens again.

use std::fs;

use quire_crdt::VersionVector;
use quire_crdt::keys::{DocumentKeys, RootSecret};
use quire_crdt::sync::frame::{Frame, RefusalReason};
use quire_server::{CLOSED_FILE_NAME, Limits};
use tempfile::TempDir;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::client::{Client, metric};
use super::who::Who;
use super::{A, B, Relay};

/// Somebody who writes another document than the two who meet.
fn elsewhere() -> Who {
    Who::of(DocumentKeys::editor(&RootSecret::from_bytes([0xe1; 16])), A)
}

/// It says that the document is closed, and that trying again will not help.
async fn assert_closed<S>(client: &mut Client<S>)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let (refusal, code) = client.refused().await;
    assert_eq!((refusal.reason, refusal.retry_after_ms, code), (RefusalReason::Closed, 0, CloseCode::Policy));
}

#[tokio::test]
async fn a_closed_document_lets_nobody_in_until_it_is_opened_again() {
    let data = TempDir::new().unwrap();
    let relay = Relay::start(data.path(), Limits::default()).await;
    let (mut ana, mut other) = (Who::new(A), elsewhere());
    let mut author = Client::join(relay.address, &ana).await;
    let mut reader = Client::join(relay.address, &Who::new(B)).await;
    let mut proved = Client::connect(relay.address).await;
    proved.prove(&Who::new(0xc)).await;
    let mut neighbour = Client::join(relay.address, &other).await;
    author.send_change(&ana.write("x")).await;
    author.until_durable(1).await;
    proved.send(&Frame::Ping { id: 1, sent_us: 0 }.encode()).await;
    proved.until(|frame| matches!(frame, Frame::Pong { .. })).await;

    let file = data.path().join(CLOSED_FILE_NAME);
    fs::write(&file, format!("{} # not ours\n", ana.keys().document())).unwrap();
    relay.closed.reload();
    for client in [&mut author, &mut reader, &mut proved] {
        assert_closed(client).await;
    }
    let mut late = Client::connect(relay.address).await;
    late.prove(&ana).await;
    assert_closed(&mut late).await;
    neighbour.send_change(&other.write("y")).await;
    neighbour.until_durable(1).await;
    assert_eq!(metric(relay.address, "quire_relay_refusals_total{reason=\"closed\"}").await, 4);

    fs::write(&file, "what is this?\n").unwrap();
    relay.closed.reload();
    let mut late = Client::connect(relay.address).await;
    late.prove(&ana).await;
    assert_closed(&mut late).await;

    fs::remove_file(&file).unwrap();
    relay.closed.reload();
    let mut back = Client::connect(relay.address).await;
    back.say_hello(&Who::new(B), VersionVector::new()).await;
    assert_eq!(back.changes_until(1).await, [1], "nothing was deleted");
    relay.stop().await;
}

#[tokio::test]
async fn a_closed_document_is_closed_after_a_restart() {
    let data = TempDir::new().unwrap();
    let ana = Who::new(A);
    fs::write(data.path().join(CLOSED_FILE_NAME), ana.keys().document().to_string()).unwrap();
    let relay = Relay::start(data.path(), Limits::default()).await;
    let mut client = Client::connect(relay.address).await;
    client.prove(&ana).await;
    assert_closed(&mut client).await;
    relay.stop().await;
}

#[tokio::test]
async fn a_stranger_is_not_told_what_is_closed() {
    let data = TempDir::new().unwrap();
    let ana = Who::new(A);
    fs::write(data.path().join(CLOSED_FILE_NAME), ana.keys().document().to_string()).unwrap();
    let relay = Relay::start(data.path(), Limits::default()).await;
    let mut client = Client::connect(relay.address).await;
    let proof = ana.proof(&[0; 32], &relay.address.to_string()).encode();
    client.send(&proof).await;
    assert_eq!(client.refused().await.0.reason, RefusalReason::Access);
    relay.stop().await;
}
