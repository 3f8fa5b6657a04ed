//! One link: opens the websocket, then moves frames both ways until either side ends it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use quire_crdt::sync::frame::FRAME_BYTES_MAX;
use tokio::net::{TcpStream, lookup_host};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::tls::{Trust, Wire, secure};
use super::{INBOUND_KIBIBYTES_MAX, LinkEnd, LinkEvent, LinkHappening, OUTBOUND_FRAMES_MAX, Opening, Received};
use crate::editor::link::{RelayAddress, Security};
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

/// Opens the link and keeps it until it ends. Nobody is told of the end of a link whose owner has dropped it.
pub(super) async fn run(opening: Opening, places: Places, trust: Trust) {
    let Opening { document, number, relay, mut frames, starved, mut closing } = opening;
    let teller = Teller { places, document, number };
    let opened = tokio::select! {
        opened = open_within(&relay, &trust, OPEN_TIME_MAX) => opened,
        _ = &mut closing => return,
    };
    let end = match opened {
        Err(end) => end,
        Ok(socket) => {
            let (mut sink, stream) = socket.split();
            let ended = tokio::select! {
                end = serve(&relay, stream, &mut sink, &mut frames, &starved, &teller) => Some(end),
                _ = &mut closing => None,
            };
            say_goodbye(&mut sink, &mut frames).await;
            let Some(end) = ended else { return };
            end
        }
    };
    tokio::select! {
        // False: nobody listens any more.
        _ = teller.tell(LinkHappening::Ended(end)) => {}
        _ = &mut closing => {}
    }
}

/// Moves frames both ways until the link ends.
async fn serve(
    relay: &RelayAddress,
    stream: SplitStream<Socket>,
    sink: &mut SplitSink<Socket, Message>,
    frames: &mut mpsc::Receiver<Bytes>,
    starved: &AtomicBool,
    teller: &Teller,
) -> LinkEnd {
    if !teller.tell(LinkHappening::Opened).await {
        return LinkEnd::Closed { relay: relay.clone() };
    }
    tokio::select! {
        end = receive(relay, stream, teller) => end,
        end = send(relay, sink, frames, starved, teller) => end,
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

async fn receive(relay: &RelayAddress, mut stream: SplitStream<Socket>, teller: &Teller) -> LinkEnd {
    let room = Arc::new(Semaphore::new(INBOUND_KIBIBYTES_MAX as usize));
    loop {
        let frame = match stream.next().await {
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
        if !teller.tell(LinkHappening::Frame(Received { frame, _permit: permit })).await {
            return LinkEnd::Closed { relay: relay.clone() };
        }
    }
}

/// Sends whatever waits as one batch and one flush, then says that there is place if somebody found none.
async fn send(
    relay: &RelayAddress,
    sink: &mut SplitSink<Socket, Message>,
    frames: &mut mpsc::Receiver<Bytes>,
    starved: &AtomicBool,
    teller: &Teller,
) -> LinkEnd {
    let mut batch = Vec::with_capacity(OUTBOUND_FRAMES_MAX);
    loop {
        if frames.recv_many(&mut batch, OUTBOUND_FRAMES_MAX).await == 0 {
            return LinkEnd::Closed { relay: relay.clone() };
        }
        for frame in batch.drain(..) {
            if let Err(error) = sink.feed(Message::Binary(frame)).await {
                return broken(relay, &error);
            }
        }
        if let Err(error) = sink.flush().await {
            return broken(relay, &error);
        }
        if starved.swap(false, Ordering::SeqCst) && !teller.tell(LinkHappening::Writable).await {
            return LinkEnd::Closed { relay: relay.clone() };
        }
    }
}

/// Sends what is still queued and closes politely; a relay that does not listen is left alone.
async fn say_goodbye(sink: &mut SplitSink<Socket, Message>, frames: &mut mpsc::Receiver<Bytes>) {
    let goodbye = async {
        while let Ok(frame) = frames.try_recv() {
            sink.feed(Message::Binary(frame)).await?;
        }
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
