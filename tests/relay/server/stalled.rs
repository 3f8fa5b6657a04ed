//! A reader that stops reading.

use std::time::Duration;

use quire_server::Limits;
use tempfile::TempDir;

use super::client::{Client, metric};
use super::who::Who;
use super::{A, B, Relay};

/// Eight megabytes, far more than sockets and rings hold.
const CHANGES: u64 = 2_000;
const TEXT_CHARS: u64 = 4_000;

#[tokio::test]
async fn a_stalled_reader_costs_little_slows_nobody_and_catches_up_without_a_gap() {
    let data = TempDir::new().unwrap();
    let mut limits = Limits { send_buffer_bytes: 16 * 1024, ..Limits::default() };
    limits.relay.ring_bytes_max = 64 * 1024;
    limits.relay.reads_bytes_max = 1024 * 1024;
    let relay = Relay::start(data.path(), limits.clone()).await;
    let mut ana = Who::new(A);
    let mut stalled = Client::join(relay.address, &Who::new(B)).await;
    let mut author = Client::join(relay.address, &ana).await;

    let text = "x".repeat(usize::try_from(TEXT_CHARS).unwrap());
    let writing = async {
        for number in 0..CHANGES {
            author.send_change(&ana.write(&text)).await;
            if number % 100 == 99 {
                author.until_durable((number + 1) * TEXT_CHARS).await;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), writing).await.expect("the author is not slowed down");

    assert!(metric(relay.address, "quire_relay_lag_changes_max").await > CHANGES / 4, "the reader lags");
    let held =
        metric(relay.address, "quire_relay_rings_bytes").await + metric(relay.address, "quire_relay_reads_bytes").await;
    assert!(held < 64 * 1024 + 1024 * 1024, "{held} bytes are held for the reader");

    let expected: Vec<u64> = (1..=CHANGES).map(|number| number * TEXT_CHARS).collect();
    assert_eq!(stalled.changes_until(CHANGES * TEXT_CHARS).await, expected);
    relay.stop().await;
}
