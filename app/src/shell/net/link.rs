//! One link: opens the websocket, then moves frames both ways until either side ends it.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use quire_crdt::sync::frame::FRAME_BYTES_MAX;
use quire_crdt::sync::{Incoming, SecureLink, Transmit};
use tokio::net::{TcpStream, lookup_host};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::tls::{Trust, Wire, secure};
use super::{INBOUND_KIBIBYTES_MAX, LinkEnd, LinkEvent, LinkHappening, OUTBOUND_FRAMES_MAX, Opening, Received};
use crate::editor::link::{RelayAddress, Security};
use crate::shell::clock::Clock;
use crate::shell::inbox::{Event, Places};

/// How long finding the host, connecting, encrypting and the websocket's handshake may take together.
const OPEN_TIME_MAX: Duration = Duration::from_secs(10);

/// How long the last frames and the closing handshake may take.
pub(super) const CLOSE_TIME_MAX: Duration = Duration::from_secs(2);

const READ_BUFFER_BYTES: usize = 4 * 1024;
const WRITE_BUFFER_BYTES: usize = 16 * 1024;
const WRITE_BUFFER_BYTES_MAX: usize = 1024 * 1024;

pub(super) type Socket = WebSocketStream<Wire>;

/// Where the events of one link go.
struct Teller {
    places: Places,
    document: quire_crdt::DocumentId,
    number: u64,
}

impl Teller {
    /// Waits for a place in the inbox; false when nobody listens any more.
    async fn tell(&self, what: LinkHappening) -> bool {
        self.places.leave(Event::Link(LinkEvent { document: self.document, number: self.number, what })).await
    }
}

/// This end of a link.
struct End {
    teller: Teller,
    /// Never held while anything is waited for.
    secure: Mutex<SecureLink>,
    /// The link may have something to say itself.
    answers: Notify,
    /// Something may have come of what was sealed.
    sealed: Notify,
    clock: Clock,
}

impl End {
    fn secure(&self) -> MutexGuard<'_, SecureLink> {
        self.secure.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_message(&self) -> Option<Bytes> {
        self.secure().poll_transmit()
    }

    fn next_incoming(&self) -> Option<Incoming> {
        self.secure().poll_incoming()
    }

    /// Tells all that came of what was received; the last of it holds the permit. False when nobody listens any more. Only
    /// [`receive`] does so: two who told at once would tell out of order.
    async fn tell_incoming(&self, permit: &mut Option<OwnedSemaphorePermit>) -> bool {
        let mut next = self.next_incoming();
        while let Some(what) = next {
            next = self.next_incoming();
            let permit = if next.is_none() { permit.take() } else { None };
            if !self.teller.tell(LinkHappening::Received(Received { what, _permit: permit })).await {
                return false;
            }
        }
        true
    }
}

/// Opens the link and keeps it until it ends. Nobody is told of the end of a link whose owner has dropped it.
pub(super) async fn run(opening: Opening, places: Places, trust: Trust) {
    let Opening { document, number, relay, secure, mut frames, starved, mut closing } = opening;
    let end = End {
        teller: Teller { places, document, number },
        secure: Mutex::new(secure),
        answers: Notify::new(),
        sealed: Notify::new(),
        clock: Clock::new(),
    };
    let opened = tokio::select! {
        opened = open_within(&relay, &trust, OPEN_TIME_MAX) => opened,
        _ = &mut closing => return,
    };
    let why = match opened {
        Err(why) => why,
        Ok(socket) => {
            let (mut sink, stream) = socket.split();
            let ended = tokio::select! {
                why = serve(&relay, stream, &mut sink, &mut frames, &starved, &end) => Some(why),
                _ = &mut closing => None,
            };
            say_goodbye(&mut sink, &mut frames, &end).await;
            let Some(why) = ended else { return };
            why
        }
    };
    tokio::select! {
        // False: nobody listens any more.
        _ = end.teller.tell(LinkHappening::Ended(why)) => {}
        _ = &mut closing => {}
    }
}

/// Moves frames both ways until the link ends.
async fn serve(
    relay: &RelayAddress,
    stream: SplitStream<Socket>,
    sink: &mut SplitSink<Socket, Message>,
    frames: &mut mpsc::Receiver<Transmit>,
    starved: &AtomicBool,
    end: &End,
) -> LinkEnd {
    if !end.teller.tell(LinkHappening::Opened).await {
        return LinkEnd::Closed { relay: relay.clone() };
    }
    tokio::select! {
        why = receive(relay, stream, end) => why,
        why = send(relay, sink, frames, starved, end) => why,
    }
}

/// Opens the websocket, or gives up after so long.
pub(super) async fn open_within(relay: &RelayAddress, trust: &Trust, at_most: Duration) -> Result<Socket, LinkEnd> {
    let late = || LinkEnd::Timeout { relay: relay.clone(), seconds: at_most.as_secs() };
    timeout(at_most, open(relay, trust)).await.unwrap_or_else(|_| Err(late()))
}

async fn open(relay: &RelayAddress, trust: &Trust) -> Result<Socket, LinkEnd> {
    let host = relay.host().trim_start_matches('[').trim_end_matches(']');
    let unknown = |error: io::Error| LinkEnd::Unknown { relay: relay.clone(), error: error.to_string() };
    let addresses: Vec<_> = lookup_host((host, relay.port())).await.map_err(unknown)?.collect();
    let stream = TcpStream::connect(addresses.as_slice()).await;
    let unreachable = |error: io::Error| LinkEnd::Unreachable { relay: relay.clone(), error: in_words(&error) };
    let stream = stream.map_err(unreachable)?;
    stream.set_nodelay(true).map_err(unreachable)?;
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(WRITE_BUFFER_BYTES)
        .max_write_buffer_size(WRITE_BUFFER_BYTES_MAX)
        .max_message_size(Some(FRAME_BYTES_MAX))
        .max_frame_size(Some(FRAME_BYTES_MAX));
    let wire = secure(relay, stream, trust).await?;
    let shaken = client_async_with_config(relay.url(), wire, Some(config)).await;
    shaken.map(|(socket, _)| socket).map_err(|error| no_relay(relay, &error))
}

/// Why what answers is no relay; one that speaks TLS answers an unencrypted request in no words of HTTP.
fn no_relay(relay: &RelayAddress, error: &Error) -> LinkEnd {
    let relay = relay.clone();
    match error {
        Error::Protocol(ProtocolError::HttparseError(_)) if relay.security() == Security::Plain => {
            LinkEnd::NoHttp { relay }
        }
        error => LinkEnd::NoRelay { relay, error: error.to_string() },
    }
}

/// What the system says about a refused connection, so that a person knows what to do.
fn in_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => {
            "nothing listens there; is the relay running, and the port right?".to_owned()
        }
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => {
            "there is no way to it from here".to_owned()
        }
        _ => error.to_string(),
    }
}

async fn receive(relay: &RelayAddress, mut stream: SplitStream<Socket>, end: &End) -> LinkEnd {
    let room = Arc::new(Semaphore::new(INBOUND_KIBIBYTES_MAX as usize));
    // Of messages that are held until a signature vouches for them.
    let mut held: Option<OwnedSemaphorePermit> = None;
    loop {
        let message = tokio::select! {
            message = stream.next() => message,
            () = end.sealed.notified() => {
                if !end.tell_incoming(&mut None).await {
                    return LinkEnd::Closed { relay: relay.clone() };
                }
                continue;
            }
        };
        let frame = match message {
            Some(Ok(Message::Binary(frame))) => frame,
            Some(Ok(Message::Text(_))) => {
                return LinkEnd::NoRelay { relay: relay.clone(), error: "it sent text".to_owned() };
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
            Some(Ok(Message::Close(_))) | None => return LinkEnd::Closed { relay: relay.clone() },
            Some(Err(error)) => return broken(relay, &error),
        };
        let kibibytes = u32::try_from(frame.len() / 1024 + 1).unwrap_or(u32::MAX).min(INBOUND_KIBIBYTES_MAX);
        let Ok(permit) = Arc::clone(&room).acquire_many_owned(kibibytes).await else {
            return LinkEnd::Closed { relay: relay.clone() };
        };
        match &mut held {
            Some(held) => held.merge(permit),
            None => held = Some(permit),
        }
        end.secure().open(&frame);
        end.answers.notify_one();
        if !end.tell_incoming(&mut held).await {
            return LinkEnd::Closed { relay: relay.clone() };
        }
        // Nothing came of it: it takes no room any more.
        if !end.secure().is_holding() {
            held = None;
        }
    }
}

/// Seals and sends whatever waits as one batch and one flush, then says that there is place if somebody found none.
async fn send(
    relay: &RelayAddress,
    sink: &mut SplitSink<Socket, Message>,
    frames: &mut mpsc::Receiver<Transmit>,
    starved: &AtomicBool,
    end: &End,
) -> LinkEnd {
    let mut batch = Vec::with_capacity(OUTBOUND_FRAMES_MAX);
    loop {
        tokio::select! {
            taken = frames.recv_many(&mut batch, OUTBOUND_FRAMES_MAX) => if taken == 0 {
                return LinkEnd::Closed { relay: relay.clone() };
            },
            () = end.answers.notified() => {}
        }
        if let Err(error) = feed(sink, batch.drain(..), end).await {
            return broken(relay, &error);
        }
        if let Err(error) = sink.flush().await {
            return broken(relay, &error);
        }
        end.sealed.notify_one();
        if starved.swap(false, Ordering::SeqCst) && !end.teller.tell(LinkHappening::Writable).await {
            return LinkEnd::Closed { relay: relay.clone() };
        }
    }
}

/// Seals these, and hands to the socket what came of it and what the link has to say itself.
async fn feed(
    sink: &mut SplitSink<Socket, Message>,
    transmits: impl Iterator<Item = Transmit>,
    end: &End,
) -> Result<(), Error> {
    // All of it first, and nothing sent meanwhile: so its changes are signed once.
    for transmit in transmits {
        end.secure().seal(end.clock.now(), transmit);
    }
    while let Some(message) = end.next_message() {
        sink.feed(Message::Binary(message)).await?;
    }
    Ok(())
}

/// Sends what is still queued and closes politely; a relay that does not listen is left alone.
async fn say_goodbye(sink: &mut SplitSink<Socket, Message>, frames: &mut mpsc::Receiver<Transmit>, end: &End) {
    let goodbye = async {
        feed(sink, std::iter::from_fn(|| frames.try_recv().ok()), end).await?;
        sink.close().await
    };
    if !matches!(timeout(CLOSE_TIME_MAX, goodbye).await, Ok(Ok(()))) {
        // The link ends either way: what was not sent is in the log, and is sent by the next link.
        tracing::debug!("the link ended before its closing handshake did");
    }
}

fn broken(relay: &RelayAddress, error: &Error) -> LinkEnd {
    let relay = relay.clone();
    match error {
        Error::ConnectionClosed | Error::AlreadyClosed => LinkEnd::Closed { relay },
        Error::Protocol(_) | Error::Capacity(_) | Error::Utf8(_) => {
            LinkEnd::NoRelay { relay, error: error.to_string() }
        }
        Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            LinkEnd::Broken { relay, error: "the relay is gone without a word".to_owned() }
        }
        error => LinkEnd::Broken { relay, error: error.to_string() },
    }
}
