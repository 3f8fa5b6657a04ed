//! How a relay ends.

use quire_crdt::sync::frame::RefusalReason;
use quire_server::{Limits, Log};
use tempfile::TempDir;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::client::Client;
use super::who::Who;
use super::{A, B, Relay};

#[tokio::test]
async fn a_relay_that_stops_tells_its_links_and_keeps_what_it_received() {
    let data = TempDir::new().unwrap();
    let relay = Relay::start(data.path(), Limits::default()).await;
    let mut ana = Who::new(A);
    let mut author = Client::join(relay.address, &ana).await;
    let mut reader = Client::join(relay.address, &Who::new(B)).await;
    for _ in 0..20 {
        author.send_change(&ana.write("x")).await;
    }
    // What the reader has seen, the relay has received; whether it was on disk already is not known to anybody.
    reader.changes_until(20).await;
    let stopping = tokio::spawn(relay.stop());
    for link in [&mut author, &mut reader] {
        let (refusal, code) = link.refused().await;
        assert_eq!((refusal.reason, code), (RefusalReason::ShuttingDown, CloseCode::Away));
        assert!(refusal.retry_after_ms > 0, "it may be back soon");
    }
    drop((author, reader));
    stopping.await.unwrap();
    let log = Log::open_existing(data.path(), 1024 * 1024, u64::MAX).unwrap();
    assert_eq!(log.verify().unwrap().changes, 20);
}

#[tokio::test]
async fn a_relay_stops_in_time_though_a_link_reads_nothing() {
    let data = TempDir::new().unwrap();
    let limits = Limits { close_timeout: std::time::Duration::from_millis(300), ..Limits::default() };
    let relay = Relay::start(data.path(), limits).await;
    let _deaf = Client::join(relay.address, &Who::new(A)).await;
    tokio::time::timeout(std::time::Duration::from_secs(5), relay.stop()).await.expect("it stops in time");
}
