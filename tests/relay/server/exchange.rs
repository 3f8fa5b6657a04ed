//! What the relay is there for.

use quire_crdt::sync::frame::Frame;
use quire_server::Limits;
use tempfile::TempDir;

use super::client::{Client, get, metric};
use super::who::Who;
use super::{A, B, Relay};

#[tokio::test]
async fn two_links_exchange_changes_and_presence() {
    let data = TempDir::new().unwrap();
    let relay = Relay::start(data.path(), Limits::default()).await;
    let (mut ana, mut ben) = (Who::new(A), Who::new(B));
    let mut a = Client::join(relay.address, &ana).await;
    let mut b = Client::join(relay.address, &ben).await;

    let change = ana.write("one");
    a.send_change(&change).await;
    assert_eq!(b.next_change().await, change, "the very envelope");
    a.until_durable(3).await;
    b.send_change(&ben.write("two words")).await;
    assert_eq!(a.changes_until(9).await, [9]);

    let presence = Frame::Presence { replica: ben.id(), payload: b"here" }.encode();
    b.send(&presence).await;
    assert_eq!(a.next().await, presence);
    drop(b);
    assert_eq!(a.next().await, Frame::Presence { replica: ben.id(), payload: b"" }.encode(), "gone with its owner");
    relay.stop().await;
}

#[tokio::test]
async fn a_link_that_was_away_is_sent_what_it_lacks() {
    let data = TempDir::new().unwrap();
    let relay = Relay::start(data.path(), Limits::default()).await;
    let mut ana = Who::new(A);
    let mut a = Client::join(relay.address, &ana).await;
    for _ in 0..50 {
        a.send_change(&ana.write("x")).await;
    }
    a.until_durable(50).await;
    let mut b = Client::connect(relay.address).await;
    b.say_hello(&Who::new(B), [(ana.id(), 40)].into_iter().collect()).await;
    assert_eq!(b.changes_until(50).await, (41..=50).collect::<Vec<_>>());
    relay.stop().await;
}

#[tokio::test]
async fn a_restart_keeps_everything() {
    let data = TempDir::new().unwrap();
    let mut epochs = Vec::new();
    let mut ana = Who::new(A);
    for round in 0..3 {
        let relay = Relay::start(data.path(), Limits::default()).await;
        let mut a = Client::connect(relay.address).await;
        a.say_hello(&ana, [(ana.id(), round)].into_iter().collect()).await;
        let welcome = a.next().await;
        let Ok(Frame::Welcome(welcome)) = Frame::decode(&welcome) else { panic!("no welcome") };
        assert_eq!((welcome.durable, welcome.head), (round, round));
        epochs.push(welcome.epoch);
        a.send_change(&ana.write("x")).await;
        a.until_durable(round + 1).await;
        let mut newcomer = Client::connect(relay.address).await;
        newcomer.say_hello(&Who::new(B), [].into_iter().collect()).await;
        assert_eq!(newcomer.changes_until(round + 1).await, (1..=round + 1).collect::<Vec<_>>());
        relay.stop().await;
    }
    assert!(epochs.windows(2).all(|pair| pair[0] == pair[1]), "one store, one epoch");
}

#[tokio::test]
async fn it_says_how_it_is() {
    let data = TempDir::new().unwrap();
    let relay = Relay::start(data.path(), Limits::default()).await;
    let mut ana = Who::new(A);
    let mut a = Client::join(relay.address, &ana).await;
    a.send_change(&ana.write("one")).await;
    a.until_durable(3).await;
    let check = async |path: &str, status: &str| {
        let answer = get(relay.address, path).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{path}: {answer}");
    };
    check("/healthz", "200").await;
    check("/readyz", "200").await;
    check("/", "200").await;
    check("/sync", "426").await;
    check("/etc/passwd", "404").await;
    assert_eq!(metric(relay.address, "quire_relay_links").await, 1);
    assert_eq!(metric(relay.address, "quire_relay_changes_appended_total").await, 1);
    assert_eq!(metric(relay.address, "quire_relay_commit_changes_total").await, 1);
    assert_eq!(metric(relay.address, "quire_relay_unappended_bytes").await, 0);
    assert_eq!(metric(relay.address, "quire_relay_commit_seconds_count").await, 1);
    assert_eq!(metric(relay.address, "quire_relay_documents_stored").await, 1);
    relay.stop().await;
}
