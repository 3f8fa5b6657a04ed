//! `docs/PROTOCOL.md` is enough to read what travels: a decoder written from that page alone, in another language, reads the
//! golden frames, the page's own examples, and what two replicas and a relay said on a real websocket.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use quire_crdt::keys::{DocumentKeys, ReplicaKey, ReplicaSeed, RootSecret};
use quire_crdt::sync::{Credentials, LinkState, Now, Output, Replica, ReplicaConfig, Seals, SecureLink};
use quire_crdt::{Document, Value};
use serde_json::Value as Json;
use sim::frames::{Reader, To, examples, hex};
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

const PAGE: &str = include_str!("../../docs/PROTOCOL.md");

/// A frame of a link, which has a name.
#[derive(Clone, Debug)]
struct Framed {
    link: &'static str,
    to: To,
    bytes: Vec<u8>,
}

impl Framed {
    fn new(link: &'static str, to: To, bytes: &[u8]) -> Self {
        Self { link, to, bytes: bytes.to_vec() }
    }
}

/// The frames that the examples are, in their order.
fn framed_examples() -> Vec<Framed> {
    let to = |name: &str| if name == "change, to the replica" { To::Replica } else { To::Relay };
    examples().into_iter().map(|(name, bytes)| Framed::new("examples", to(name), &bytes)).collect()
}

/// What the independent decoder makes of these frames.
fn decoded(frames: &[Framed]) -> Vec<Json> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("protocol/decode.py");
    let started = Command::new("python3").arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut child = started.expect("python3 runs the independent decoder");
    let mut lines = String::new();
    for Framed { link, to, bytes } in frames {
        let way = if *to == To::Relay { "up" } else { "down" };
        writeln!(lines, "{link} {way} {}", hex(bytes)).unwrap();
    }
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The frames whose bytes stand in the page, one row a field: `offset  bytes  what it is`.
fn frames_of_the_page() -> Vec<Vec<u8>> {
    let blocks = PAGE.split("```frame\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.map(|block| frame_of_rows(block.lines())).collect()
}

fn frame_of_rows<'a>(rows: impl Iterator<Item = &'a str>) -> Vec<u8> {
    let mut frame = Vec::new();
    for row in rows {
        let mut columns = row.split("  ").filter(|column| !column.is_empty());
        let offset: usize = columns.next().unwrap().trim().parse().unwrap();
        assert_eq!(offset, frame.len(), "{row}");
        let bytes = columns.next().unwrap().split_whitespace();
        frame.extend(bytes.map(|byte| u8::from_str_radix(byte, 16).unwrap()));
    }
    frame
}

fn keys() -> DocumentKeys {
    DocumentKeys::editor(&RootSecret::from_bytes([0x1d; 16]))
}

/// A replica on a websocket, with the messages of both directions.
struct Device {
    replica: Replica,
    key: ReplicaKey,
    began: Instant,
    name: &'static str,
    captured: Vec<Framed>,
}

impl Device {
    fn new(name: &'static str, seed: u8) -> Self {
        let key = ReplicaKey::new(&ReplicaSeed::from_bytes([seed; 32]));
        let document = Document::new(keys().document(), key.id());
        let replica = Replica::new(document, ReplicaConfig::default()).with_seals(Seals::default());
        Self { replica, key, began: Instant::now(), name, captured: Vec::new() }
    }

    fn capture(&mut self, to: To, bytes: &[u8]) {
        self.captured.push(Framed::new(self.name, to, bytes));
    }

    fn now(&self) -> Now {
        let elapsed_us = u64::try_from(self.began.elapsed().as_micros()).unwrap();
        let wall_us = 1_790_000_000_000_000_i64.saturating_add_unsigned(elapsed_us);
        Now { monotonic_us: elapsed_us, wall_us }
    }

    fn drain(&mut self) {
        while let Some(output) = self.replica.poll_output() {
            if let Output::Persist { position, .. } = output {
                self.replica.handle_persisted(self.now(), position + 1);
            }
        }
    }

    async fn link(&mut self, address: &str, mut is_done: impl FnMut(&mut Replica) -> bool) {
        self.replica.go_online(self.now());
        let (mut socket, _) = connect_async(format!("ws://{address}/sync")).await.unwrap();
        let (replica, address) = (self.key.clone(), address.to_owned());
        let credentials = Credentials { keys: keys(), replica, address, token: Vec::new() };
        let mut link = SecureLink::new(credentials, self.replica.verified());
        self.replica.handle_connected(self.now());
        while !is_done(&mut self.replica) {
            self.drain();
            while let Some(transmit) = self.replica.poll_transmit(self.now()) {
                link.seal(self.now(), transmit);
            }
            while let Some(message) = link.poll_transmit() {
                self.capture(To::Relay, &message);
                socket.send(Message::Binary(message)).await.unwrap();
            }
            let message = timeout(Duration::from_secs(20), socket.next()).await.expect("the relay says more");
            if let Message::Binary(message) = message.unwrap().unwrap() {
                self.capture(To::Replica, &message);
                link.open(&message);
            }
            while let Some(incoming) = link.poll_incoming() {
                let now = self.now();
                incoming.hand_to(&mut self.replica, now);
            }
            assert_eq!(self.replica.link_error(), None);
        }
        socket.close(None).await.unwrap();
    }
}

/// In the middle of somebody else's text, behind that, and in both.
fn type_into_the_middle(replica: &mut Replica) {
    for at in 9..12 {
        replica.insert(at, "é").unwrap();
        replica.commit();
    }
    replica.delete(5..7).unwrap();
    replica.delete(8..10).unwrap();
    replica.insert(0, "…").unwrap();
    replica.commit();
}

/// What two replicas and a relay say to each other.
async fn captured() -> Vec<Framed> {
    let data = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let config = quire_server::Config::new(data.path());
    let relay = tokio::spawn(quire_server::run(listener, config, async { stopped.await.unwrap_or(()) }));
    let mut ana = Device::new("ana", 0xa1);
    ana.replica.insert(0, "Zwei Stimmen, ein Text: é 𝄞\n").unwrap();
    ana.replica.delete(0..5).unwrap();
    ana.replica.set("title", Some(Value::Text("Quire".to_owned()))).unwrap();
    ana.replica.commit();
    ana.replica.set_presence(Some(Bytes::from_static(b"Ana"))).unwrap();
    let is_saved = |replica: &Replica| replica.units_waiting() == 0 && replica.round_trip_us().is_some();
    ana.link(&address, |replica| is_saved(replica)).await;
    let mut ben = Device::new("ben", 0xb2);
    ben.replica.insert(0, "Ben").unwrap();
    ben.replica.commit();
    let has_both = |replica: &Replica| replica.document().version().len() == 2 && *replica.link() == LinkState::Live;
    let mut has_typed = false;
    ben.link(&address, |replica| {
        if !has_typed && has_both(replica) {
            has_typed = true;
            type_into_the_middle(replica);
        }
        has_typed && is_saved(replica)
    })
    .await;
    stop.send(()).unwrap();
    relay.await.unwrap().unwrap();
    [ana.captured, ben.captured].concat()
}

/// The independent decoder says the same of these frames as the reader of their link; what that is.
fn check(frames: &[Framed], mut reader: impl FnMut(&'static str) -> Reader) -> Vec<Json> {
    let decoded = decoded(frames);
    assert_eq!(decoded.len(), frames.len());
    let mut readers = std::collections::BTreeMap::new();
    for (Framed { link, to, bytes }, decoded) in frames.iter().zip(&decoded) {
        let reader = readers.entry(*link).or_insert_with(|| reader(link));
        assert_eq!(Ok(decoded), reader.to_json(*to, bytes).as_ref(), "{}", hex(bytes));
    }
    decoded
}

#[test]
fn protocol_page_is_enough_for_golden_frames() {
    check(&framed_examples(), |_| Reader::default());
}

#[test]
fn protocol_page_shows_frames_that_are_made_so() {
    let shown = ["hello, first time", "change, one typed character", "change, the next one", "change, a minute later"];
    let named = |wanted: &str| examples().into_iter().find(|(name, _)| *name == wanted).unwrap().1;
    assert_eq!(frames_of_the_page(), shown.map(named));
}

#[test]
fn protocol_page_names_every_limit_as_it_is() {
    use quire_crdt::sync;
    let numbers = [
        ("FRAME_BYTES_MAX", "786,432", sync::frame::FRAME_BYTES_MAX == 786_432),
        ("ENVELOPE_BYTES_MAX", "524,288", quire_crdt::ENVELOPE_BYTES_MAX == 524_288),
        ("PRESENCE_BYTES_MAX", "1,024", sync::frame::PRESENCE_BYTES_MAX == 1_024),
        ("DIGEST_BYTES_MAX", "64", sync::frame::DIGEST_BYTES_MAX == 64),
        ("SIGNAL_BYTES", "160", sync::frame::SIGNAL_BYTES == 160),
        ("ADDRESS_BYTES_MAX", "300", sync::frame::ADDRESS_BYTES_MAX == 300),
        ("TOKEN_BYTES_MAX", "64", sync::frame::TOKEN_BYTES_MAX == 64),
        ("RUN_CHANGES_MAX", "256", quire_crdt::sealed::RUN_CHANGES_MAX == 256),
        ("RUN_BYTES_MAX", "65,536", quire_crdt::sealed::RUN_BYTES_MAX == 65_536),
        ("SEQ_MAX", "2⁵³ − 1", quire_crdt::SEQ_MAX == (1 << 53) - 1),
        ("HELD_BACK_CHANGES_MAX", "16,384", quire_crdt::HELD_BACK_CHANGES_MAX == 16_384),
        ("HELD_BACK_BYTES_MAX", "64 MiB", quire_crdt::HELD_BACK_BYTES_MAX == 64 << 20),
        ("SET_ASIDE_AUTHORS_MAX", "64", sync::SET_ASIDE_AUTHORS_MAX == 64),
        ("DIGEST_QUIET_US", "2 s", sync::DIGEST_QUIET_US == 2_000_000),
        ("DIGEST_INTERVAL_US", "10 s", sync::DIGEST_INTERVAL_US == 10_000_000),
        ("DIGESTS_MAX", "8", sync::DIGESTS_MAX == 8),
        ("DIVERGENCES_MAX", "64", sync::DIVERGENCES_MAX == 64),
        ("MISSING_FRAMES_MAX", "64", sync::MISSING_FRAMES_MAX == 64),
        ("PONGS_OWED_MAX", "4", sync::PONGS_OWED_MAX == 4),
        ("LINK_REPLICAS_MAX", "65,536", sync::frame::LINK_REPLICAS_MAX == 65_536),
        ("PEERS_MAX", "1,024", sync::PEERS_MAX == 1_024),
        ("HELD_ENTRIES_MAX", "65,536", sync::HELD_ENTRIES_MAX == 65_536),
        ("CLOCK_SAMPLES_MAX", "8", sync::CLOCK_SAMPLES_MAX == 8),
        ("CONNECT_WITHIN_US", "30 s", sync::CONNECT_WITHIN_US == 30_000_000),
        ("GREET_WITHIN_US", "15 s", sync::GREET_WITHIN_US == 15_000_000),
        ("HEARTBEAT_SHORTEST_US", "1 s", sync::HEARTBEAT_SHORTEST_US == 1_000_000),
        ("HEARTBEAT_LONGEST_US", "10 s", sync::HEARTBEAT_LONGEST_US == 10_000_000),
        ("SUSPECT_AFTER_FIRST_US", "10 s", sync::SUSPECT_AFTER_FIRST_US == 10_000_000),
        ("SUSPECT_AFTER_LONGEST_US", "60 s", sync::SUSPECT_AFTER_LONGEST_US == 60_000_000),
        ("BACKOFF_SHORTEST_US", "50 ms", sync::BACKOFF_SHORTEST_US == 50_000),
        ("BACKOFF_FIRST_US", "500 ms", sync::BACKOFF_FIRST_US == 500_000),
        ("BACKOFF_LONGEST_US", "60 s", sync::BACKOFF_LONGEST_US == 60_000_000),
        ("RETRY_AFTER_LONGEST_US", "1 h", sync::RETRY_AFTER_LONGEST_US == 3_600_000_000),
    ];
    for (name, number, is_so) in numbers {
        let row = PAGE.lines().find(|line| line.contains(&format!("`{name}`")) && line.starts_with("| `"));
        assert!(is_so && row.is_some_and(|row| row.contains(number)), "{name} is not {number}");
    }
    let (_, table) = PAGE.split_once("\n## Limits\n").unwrap();
    let rows = table.lines().take_while(|line| !line.starts_with("## ")).filter_map(|line| line.strip_prefix("| `"));
    for name in rows.flat_map(|row| row.split('|').next().unwrap_or_default().split("`, `")) {
        let name = name.trim().trim_end_matches('`');
        assert!(numbers.iter().any(|(checked, ..)| *checked == name), "{name} is not checked");
    }
}

#[tokio::test]
async fn protocol_page_is_enough_for_what_was_captured_from_the_wire() {
    let frames = captured().await;
    let said = check(&frames, |_| Reader::new(keys()));
    let kinds = [
        "Challenge",
        "Proof",
        "Hello",
        "Welcome",
        "Chains",
        "Change",
        "Ack",
        "Progress",
        "Held",
        "Presence",
        "Ping",
        "Pong",
    ];
    for name in kinds {
        assert!(said.iter().any(|json| json["frame"] == name), "no {name} was captured");
    }
    let changes = said.iter().filter(|json| json["frame"] == "Change").map(|json| &json["change"]);
    assert!(changes.clone().all(|change| change["sealed"].is_string()), "a change is not sealed");
    assert!(changes.clone().any(|change| change["certificate"].is_object()), "no author is certified");
}

#[test]
fn protocol_page_is_enough_to_refuse_nonsense() {
    let broken = |frame: &[u8]| decoded(&[Framed::new("link", To::Relay, frame)])[0].get("error").is_some();
    let (_, hello) = examples().remove(0);
    assert!(
        broken(&hello[..hello.len() - 1]) && broken(&[&hello[..], &[0]].concat()) && broken(&[15]) && broken(&[254])
    );
}
