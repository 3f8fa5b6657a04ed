//! A websocket client that says exactly what it is told to.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use quire_crdt::keys::KEY_BYTES;
use quire_crdt::sync::frame::{ChangeReader, ChangeWriter, Frame, Refusal};
use quire_crdt::{Envelope, VersionVector};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::who::Who;

/// How long the relay may take before the test fails.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// A link to the relay.
#[derive(Debug)]
pub(super) struct Client<S = MaybeTlsStream<TcpStream>> {
    socket: WebSocketStream<S>,
    /// Where the relay was reached, and what it wants signed.
    address: String,
    challenge: [u8; KEY_BYTES],
    /// The changes that were sent and received, from the Hello on.
    changes: Option<(ChangeWriter, ChangeReader)>,
}

impl Client {
    pub(super) async fn connect(address: SocketAddr) -> Self {
        let opened = tokio_tungstenite::connect_async(format!("ws://{address}/sync")).await;
        Self::challenged(opened.expect("the relay takes a websocket").0, address).await
    }

    /// A link of a replica that has nothing, welcomed and served.
    pub(super) async fn join(address: SocketAddr, who: &Who) -> Self {
        let mut client = Self::connect(address).await;
        client.greet(who).await;
        client
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    /// A link over this stream to the relay at an address.
    pub(super) async fn over(stream: S, address: SocketAddr) -> Self {
        let opened = tokio_tungstenite::client_async("ws://relay/sync", stream).await;
        Self::challenged(opened.expect("the relay takes a websocket").0, address).await
    }

    /// A link on which the relay has said what it says first.
    async fn challenged(socket: WebSocketStream<S>, address: SocketAddr) -> Self {
        let mut client = Self { socket, address: address.to_string(), challenge: [0; KEY_BYTES], changes: None };
        let first = client.next().await;
        let Ok(Frame::Challenge { challenge }) = Frame::decode(&first) else { panic!("no challenge: {first:?}") };
        client.challenge = challenge;
        client
    }

    pub(super) const fn challenge(&self) -> &[u8; KEY_BYTES] {
        &self.challenge
    }

    /// Proves access and says Hello for a replica that has nothing, and waits until it is served.
    pub(super) async fn greet(&mut self, who: &Who) {
        self.say_hello(who, VersionVector::new()).await;
        self.until(|frame| matches!(frame, Frame::Progress { .. })).await;
    }

    /// Proves access and says Hello for a replica that has so much.
    pub(super) async fn say_hello(&mut self, who: &Who, version: VersionVector) {
        self.prove(who).await;
        let hello = who.hello(version);
        self.changes = Some((ChangeWriter::new(who.id()), ChangeReader::new(hello.document, who.id())));
        self.send(&Frame::Hello(hello).encode()).await;
    }

    /// Proves access, and says nothing else.
    pub(super) async fn prove(&mut self, who: &Who) {
        let proof = who.proof(&self.challenge, &self.address).encode();
        self.send(&proof).await;
    }

    pub(super) async fn send(&mut self, frame: &Bytes) {
        self.say(Message::Binary(frame.clone())).await;
    }

    pub(super) async fn send_change(&mut self, envelope: &Envelope) {
        let (writer, _) = self.changes.as_mut().expect("a Hello comes first");
        let frame = writer.frame(envelope);
        self.send(&frame).await;
    }

    pub(super) async fn say(&mut self, message: Message) {
        timeout(ANSWER_TIMEOUT, self.socket.send(message)).await.expect("the relay reads").expect("the link is open");
    }

    /// The next frame.
    pub(super) async fn next(&mut self) -> Bytes {
        loop {
            match timeout(ANSWER_TIMEOUT, self.socket.next()).await.expect("the relay answers") {
                Some(Ok(Message::Binary(frame))) => return frame,
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("not a frame: {other:?}"),
            }
        }
    }

    /// All frames up to the first of this kind, which is the last of them.
    pub(super) async fn until(&mut self, last: impl Fn(&Frame<'_>) -> bool) -> Vec<Bytes> {
        let mut frames = Vec::new();
        loop {
            let frame = self.next().await;
            let found = last(&Frame::decode(&frame).expect("the relay speaks the protocol"));
            frames.push(frame);
            if found {
                return frames;
            }
        }
    }

    /// Waits until so many of the replica's units are on the relay's disk.
    pub(super) async fn until_durable(&mut self, units: u64) {
        self.until(|frame| matches!(frame, Frame::Ack { count } if *count >= units)).await;
    }

    /// The next change.
    pub(super) async fn next_change(&mut self) -> Envelope {
        loop {
            let frame = self.next().await;
            if let (Ok(Frame::Change(body)), Some((_, reader))) = (Frame::decode(&frame), &mut self.changes) {
                return reader.read(body).expect("a change");
            }
        }
    }

    /// Waits for a change that ends at this unit; where all changes on the way to it end.
    pub(super) async fn changes_until(&mut self, units: u64) -> Vec<u64> {
        let mut ends = Vec::new();
        while ends.last() != Some(&units) {
            ends.push(self.next_change().await.header().end_seq());
        }
        ends
    }

    /// Waits until the relay ends the link: what it says, and the websocket's reason.
    pub(super) async fn refused(&mut self) -> (Refusal, CloseCode) {
        let frames = self.until(|frame| matches!(frame, Frame::Refused(_))).await;
        let Some(Ok(Frame::Refused(refusal))) = frames.last().map(|frame| Frame::decode(frame)) else { unreachable!() };
        match timeout(ANSWER_TIMEOUT, self.socket.next()).await.expect("the relay closes the link") {
            Some(Ok(Message::Close(Some(close)))) => (refusal, close.code),
            other => panic!("not a close: {other:?}"),
        }
    }
}

/// What the relay answers to a GET.
pub(super) async fn get(address: SocketAddr, path: &str) -> String {
    get_over(TcpStream::connect(address).await.expect("the relay listens"), path).await
}

/// What the relay answers to a GET over this stream.
pub(super) async fn get_over(mut stream: impl AsyncRead + AsyncWrite + Unpin, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: relay\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("the relay reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("the relay answers and closes");
    answer
}

/// The value of one line of `/metrics`.
pub(super) async fn metric(address: SocketAddr, name: &str) -> u64 {
    let page = get(address, "/metrics").await;
    let value = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no {name} in {page}"))
}
