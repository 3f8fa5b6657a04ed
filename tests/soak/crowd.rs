//! A crowd of clients in one process: real replicas on real websockets, whose disks never refuse.
//!
//! Every second it writes a line of JSON: how many links are live, how often one was opened, how many units were made. A line `finish` on the
//! standard input ends the writing; when everybody has everything, the last line says whether the texts are equal.

use std::collections::BTreeMap;
use std::io::BufRead as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::{SinkExt as _, StreamExt as _};
use quire_crdt::keys::{DocumentKeys, ReplicaKey, ReplicaSeed, RootSecret};
use quire_crdt::sync::{Credentials, LinkState, Now, Output, Replica, ReplicaConfig, Seals, SecureLink};
use quire_crdt::{Document, DocumentId};
use serde_json::json;
use sim::rng::Rng;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::net::RELAY;

/// How many clients share a document.
const CLIENTS_PER_DOCUMENT: usize = 50;
/// The longest time between two edits of a client, in milliseconds.
const EDIT_INTERVAL_MS_MAX: usize = 120_000;
/// How long opening a link, or handing frames to the system, may take.
const SOCKET_TIME_MAX: Duration = Duration::from_secs(10);
/// How long the crowd may take to have everything, when it is asked to finish.
const FINISH_TIME_MAX: Duration = Duration::from_mins(5);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// What one client lets others see.
#[derive(Default)]
struct Seen {
    is_live: AtomicBool,
    /// Whether it has heard that the writing is over: what it made does not grow any more.
    is_done: AtomicBool,
    /// How many units it made, how many of them the relay has, and how many of all authors it has.
    made: AtomicU64,
    saved: AtomicU64,
    has: AtomicU64,
}

/// What all clients share.
struct Crowd {
    begun: Instant,
    clients: Vec<Seen>,
    links_opened: AtomicU64,
}

/// How far the end has come.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Phase {
    Writing,
    Settling,
    Over,
}

/// A socket, and this end of the sealed link on it.
struct Link {
    socket: Socket,
    secure: SecureLink,
}

struct Client {
    number: usize,
    replica: Replica,
    credentials: Credentials,
    link: Option<Link>,
    rng: Rng,
    edits_at: Instant,
    crowd: Arc<Crowd>,
}

/// Runs the crowd until it is told to finish, and has.
pub(crate) fn run(clients: usize, seed: u64) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| format!("the crowd: {error}"))?.block_on(live(clients, seed))
}

async fn live(clients: usize, seed: u64) -> Result<(), String> {
    let (phase, phases) = watch::channel(Phase::Writing);
    let crowd = Arc::new(Crowd {
        begun: Instant::now(),
        clients: (0..clients).map(|_| Seen::default()).collect(),
        links_opened: AtomicU64::new(0),
    });
    let mut rng = Rng::new(seed);
    let mut tasks = JoinSet::new();
    for number in 0..clients {
        let client = Client::new(number, rng.fork(), Arc::clone(&crowd));
        tasks.spawn(client.run(phases.clone()));
    }
    let (ask, mut asked) = watch::channel(false);
    std::thread::spawn(move || {
        // Whoever started the crowd is gone when the input ends.
        let mut lines = std::io::stdin().lock().lines().map_while(Result::ok);
        drop(lines.find(|line| line == "finish"));
        ask.send_replace(true);
    });
    let mut settles_until = None;
    loop {
        println!("{}", crowd.state());
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
            _ = asked.changed(), if settles_until.is_none() => {
                phase.send_replace(Phase::Settling);
                settles_until = Some(Instant::now() + FINISH_TIME_MAX);
            }
        }
        match settles_until {
            Some(_) if crowd.is_settled() => break,
            Some(until) if Instant::now() > until => {
                println!("{}", crowd.state());
                return Err("the crowd does not settle".to_owned());
            }
            _ => {}
        }
    }
    phase.send_replace(Phase::Over);
    let mut ends: BTreeMap<DocumentId, Vec<Document>> = BTreeMap::new();
    while let Some(ended) = tasks.join_next().await {
        let document = ended.map_err(|error| format!("a client: {error}"))??;
        ends.entry(document.id()).or_default().push(document);
    }
    compare(&ends)
}

/// Says whether all copies of each document are equal.
fn compare(ends: &BTreeMap<DocumentId, Vec<Document>>) -> Result<(), String> {
    let text = |document: &Document| document.text().slice(0..usize::MAX);
    let mut chars = 0;
    let mut differ = Vec::new();
    for copies in ends.values() {
        let first = &copies[0];
        chars += first.text().len_chars();
        for copy in copies.iter().filter(|copy| text(copy) != text(first)) {
            let versions = if copy.version() == first.version() { "at one version" } else { "at two versions" };
            differ.push(format!("{} {} and {} {versions}", first.id(), first.replica(), copy.replica()));
        }
    }
    println!("{}", json!({ "finished": true, "equal": differ.is_empty(), "documents": ends.len(), "chars": chars }));
    if differ.is_empty() { Ok(()) } else { Err(format!("the crowd's texts differ: {}", differ.join("; "))) }
}

impl Crowd {
    fn now(&self) -> Now {
        let since = |duration: Duration| u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).map(since).unwrap_or_default();
        Now { monotonic_us: since(self.begun.elapsed()), wall_us: i64::try_from(wall).unwrap_or(i64::MAX) }
    }

    fn sum(&self, of: impl Fn(&Seen) -> &AtomicU64) -> u64 {
        self.clients.iter().map(|client| of(client).load(Ordering::Relaxed)).sum()
    }

    fn state(&self) -> serde_json::Value {
        let live = self.clients.iter().filter(|client| client.is_live.load(Ordering::Relaxed)).count();
        json!({
            "live": live,
            "links_opened": self.links_opened.load(Ordering::Relaxed),
            "made": self.sum(|client| &client.made),
            "saved": self.sum(|client| &client.saved),
        })
    }

    /// Whether everybody has stopped writing, is linked and has everything that was made in the own document, and the relay has it too.
    fn is_settled(&self) -> bool {
        if !self.clients.iter().all(|client| client.is_done.load(Ordering::Relaxed)) {
            return false;
        }
        let is_saved = |client: &Seen| client.saved.load(Ordering::Relaxed) == client.made.load(Ordering::Relaxed);
        self.clients.chunks(CLIENTS_PER_DOCUMENT).all(|group| {
            let made: u64 = group.iter().map(|client| client.made.load(Ordering::Relaxed)).sum();
            let has_all = |client: &Seen| client.has.load(Ordering::Relaxed) == made;
            group.iter().all(|client| client.is_live.load(Ordering::Relaxed) && is_saved(client) && has_all(client))
        })
    }
}

impl Client {
    fn new(number: usize, mut rng: Rng, crowd: Arc<Crowd>) -> Self {
        let secret = (number / CLIENTS_PER_DOCUMENT + 1) as u128;
        let mut seed = [0xc0; 32];
        seed[24..].copy_from_slice(&(number as u64).to_be_bytes());
        let credentials = Credentials {
            keys: DocumentKeys::editor(&RootSecret::from_bytes(secret.to_be_bytes())),
            replica: ReplicaKey::new(&ReplicaSeed::from_bytes(seed)),
            address: RELAY.to_owned(),
            token: Vec::new(),
        };
        let document = Document::new(credentials.keys.document(), credentials.replica.id());
        let config = ReplicaConfig { seed: rng.next_u64(), ..ReplicaConfig::default() };
        let replica = Replica::new(document, config).with_seals(Seals::default());
        let edits_at = next_edit(&mut rng);
        Self { number, replica, credentials, link: None, rng, edits_at, crowd }
    }

    /// Lives until the end; the document then. An error is a fault of the engine: the network may do what it wants.
    async fn run(mut self, mut phases: watch::Receiver<Phase>) -> Result<Document, String> {
        self.replica.go_online(self.crowd.now());
        loop {
            if self.act()? {
                self.connect().await;
                continue;
            }
            self.transmit().await;
            let phase = *phases.borrow_and_update();
            self.show(phase);
            if phase == Phase::Over {
                return Ok(self.replica.document().clone());
            }
            let wakes_at = self.replica.poll_timeout().map(|us| self.crowd.begun + Duration::from_micros(us));
            let forever = self.edits_at + Duration::from_hours(1);
            let edits_at = self.edits_at;
            tokio::select! {
                message = next(&mut self.link) => self.take(message),
                () = sleep_until(wakes_at.unwrap_or(forever)) => self.replica.handle_timeout(self.crowd.now()),
                () = sleep_until(edits_at), if phase == Phase::Writing => self.edit()?,
                _ = phases.changed() => {}
            }
        }
    }

    /// Does what the replica wants done: whether it wants a link. An error is a copy that differs.
    fn act(&mut self) -> Result<bool, String> {
        let mut connects = false;
        while let Some(output) = self.replica.poll_output() {
            match output {
                Output::Persist { position, .. } => self.replica.handle_persisted(self.crowd.now(), position + 1),
                Output::Connect => connects = true,
                Output::Disconnect => {
                    connects = false;
                    self.link = None;
                }
                Output::Diverged(divergence) => return Err(format!("client {}: {divergence:?}", self.number)),
                _ => {}
            }
        }
        Ok(connects)
    }

    async fn connect(&mut self) {
        match timeout(SOCKET_TIME_MAX, connect_async(format!("ws://{RELAY}/sync"))).await {
            Ok(Ok((socket, _))) => {
                let secure = SecureLink::new(self.credentials.clone(), self.replica.verified());
                self.link = Some(Link { socket, secure });
                self.crowd.links_opened.fetch_add(1, Ordering::Relaxed);
                self.replica.handle_connected(self.crowd.now());
            }
            Ok(Err(_)) | Err(_) => self.replica.handle_disconnected(self.crowd.now()),
        }
    }

    /// Sends what there is to send, as one batch.
    async fn transmit(&mut self) {
        let Some(Link { secure, .. }) = &mut self.link else { return };
        while let Some(transmit) = self.replica.poll_transmit(self.crowd.now()) {
            secure.seal(self.crowd.now(), transmit);
        }
        self.hand_on();
        let Some(Link { socket, secure }) = &mut self.link else { return };
        let sending = async {
            while let Some(frame) = secure.poll_transmit() {
                socket.feed(Message::Binary(frame)).await?;
            }
            socket.flush().await
        };
        if !matches!(timeout(SOCKET_TIME_MAX, sending).await, Ok(Ok(()))) {
            self.lose();
        }
    }

    fn take(&mut self, message: Option<Message>) {
        match message {
            Some(Message::Binary(frame)) => {
                if let Some(Link { secure, .. }) = &mut self.link {
                    secure.open(&frame);
                }
                self.hand_on();
            }
            Some(Message::Close(_) | Message::Text(_)) | None => self.lose(),
            Some(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => {}
        }
    }

    /// Hands on to the replica what came of what was sealed and opened.
    fn hand_on(&mut self) {
        while let Some(incoming) = self.link.as_mut().and_then(|link| link.secure.poll_incoming()) {
            incoming.hand_to(&mut self.replica, self.crowd.now());
        }
    }

    fn lose(&mut self) {
        self.link = None;
        self.replica.handle_disconnected(self.crowd.now());
    }

    fn edit(&mut self) -> Result<(), String> {
        let len = self.replica.document().text().len_chars();
        let at = self.rng.below(len + 1);
        let edited = if self.rng.chance(70) || len < 40 {
            self.replica.insert(at, &format!("client {} ", self.number))
        } else {
            self.replica.delete(at..len.min(at + 12))
        };
        edited.map_err(|error| format!("an edit of client {}: {error}", self.number))?;
        self.replica.commit();
        self.edits_at = next_edit(&mut self.rng);
        Ok(())
    }

    fn show(&self, phase: Phase) {
        let seen = &self.crowd.clients[self.number];
        let has = self.replica.document().version().iter().map(|(_, units)| units).sum();
        seen.is_live.store(*self.replica.link() == LinkState::Live, Ordering::Relaxed);
        seen.made.store(self.replica.units_made(), Ordering::Relaxed);
        seen.saved.store(self.replica.units_saved_at_relay(), Ordering::Relaxed);
        seen.has.store(has, Ordering::Relaxed);
        seen.is_done.store(phase != Phase::Writing, Ordering::Relaxed);
    }
}

fn next_edit(rng: &mut Rng) -> Instant {
    Instant::now() + Duration::from_millis(1000 + rng.below(EDIT_INTERVAL_MS_MAX) as u64)
}

/// The next message; `None` when the link has ended. Without a link, never.
async fn next(link: &mut Option<Link>) -> Option<Message> {
    match link {
        Some(Link { socket, .. }) => socket.next().await.and_then(Result::ok),
        None => std::future::pending().await,
    }
}
