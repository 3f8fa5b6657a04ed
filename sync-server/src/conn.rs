//! One websocket: frames from it into the hub, frames from the hub into it, both at once.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use hyper_tungstenite::HyperWebsocketStream;
use hyper_tungstenite::tungstenite::error::CapacityError;
use hyper_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use hyper_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use hyper_tungstenite::tungstenite::{Error, Message};
use quire_crdt::sync::frame::{FRAME_BYTES_MAX, RefusalReason};
use quire_crdt::sync::{ConnId, Network};
use tokio::time::sleep;

use crate::hub::{Hub, Signal};

/// How much is read from a socket at once, and allocated for that, in bytes.
const READ_BUFFER_BYTES: usize = 4 * 1024;
/// From how many buffered bytes on a socket is written to, before the flush that follows every batch.
const WRITE_BUFFER_BYTES: usize = 16 * 1024;
/// How many bytes may be buffered for a socket that takes none.
const WRITE_BUFFER_BYTES_MAX: usize = 1024 * 1024;
/// A frame of up to so many bytes is copied out of the read buffer, which it would keep alive for as long as the ring keeps it.
const COPIED_BYTES_MAX: usize = 4 * 1024;
/// How long the other end may take to answer a Close.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(1);

/// How every websocket is set up.
pub(crate) fn websocket_config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(WRITE_BUFFER_BYTES)
        .max_write_buffer_size(WRITE_BUFFER_BYTES_MAX)
        .max_message_size(Some(FRAME_BYTES_MAX))
        .max_frame_size(Some(FRAME_BYTES_MAX))
}

/// Tells the hub of a link's end, however it ends.
struct Link {
    hub: Arc<Hub>,
    conn: ConnId,
    signal: Arc<Signal>,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.hub.disconnect(self.conn);
    }
}

/// Who is at the other end of a connection, as far as the network says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Peer {
    /// Under which addresses it can have reached the relay.
    pub(crate) reached: Vec<String>,
    /// From where it came; `None`: from this computer.
    pub(crate) network: Option<Network>,
}

/// Serves a websocket until it ends.
pub(crate) async fn serve(socket: HyperWebsocketStream, hub: &Arc<Hub>, close_timeout: Duration, peer: Peer) {
    let mut challenge = [0; 32];
    if let Err(error) = getrandom::fill(&mut challenge) {
        tracing::error!(%error, "the system gives no random bytes: a link is closed");
        return;
    }
    let (conn, signal) = hub.connect(challenge, peer);
    let link = Link { hub: Arc::clone(hub), conn, signal };
    let (sink, stream) = socket.split();
    let reading = read(&link, stream);
    let writing = async {
        if let Err(error) = write(&link, sink).await {
            tracing::debug!(conn = conn.0, %error, "a link's socket failed");
            return;
        }
        sleep(GOODBYE_TIMEOUT).await;
    };
    let closing = async {
        link.signal.closing.notified().await;
        sleep(close_timeout).await;
    };
    tokio::select! {
        () = reading => {}
        () = writing => {}
        () = closing => {}
    }
}

/// Frames from the socket into the hub, until the other end has closed it.
async fn read(link: &Link, mut stream: SplitStream<HyperWebsocketStream>) {
    let Link { hub, conn, signal } = link;
    let mut welcome = true;
    loop {
        while !welcome && signal.reason().is_none() {
            welcome = hub.can_read(*conn);
            if !welcome {
                signal.read.notified().await;
            }
        }
        match stream.next().await {
            _ if signal.reason().is_some() => return drain(stream).await,
            Some(Ok(Message::Binary(frame))) => welcome = hub.receive(*conn, &owned(frame)),
            Some(Ok(Message::Text(text))) => hub.receive_unreadable(*conn, text.len()),
            Some(Ok(Message::Close(_)) | Err(Error::ConnectionClosed)) | None => return,
            Some(Ok(_)) => {}
            Some(Err(Error::Capacity(CapacityError::MessageTooLong { size, .. }))) => {
                hub.receive_unreadable(*conn, size);
                return std::future::pending().await;
            }
            Some(Err(error)) => {
                tracing::debug!(conn = conn.0, %error, "a link's socket failed");
                return;
            }
        }
    }
}

/// Reads what still comes of a link that is refused, so that the reason is not lost with it.
async fn drain(mut stream: SplitStream<HyperWebsocketStream>) {
    while let Some(Ok(_)) = stream.next().await {}
}

/// Frames from the hub into the socket: as many as there are, then one flush. Ends when the link is refused and knows why.
async fn write(link: &Link, mut sink: SplitSink<HyperWebsocketStream, Message>) -> Result<(), Error> {
    let Link { hub, conn, signal } = link;
    let mut frames = Vec::new();
    loop {
        hub.transmit(*conn, &mut frames);
        if frames.is_empty() {
            if let Some(reason) = signal.reason() {
                sink.send(Message::Close(Some(close_frame(reason)))).await?;
                return sink.close().await;
            }
            signal.write.notified().await;
            continue;
        }
        for frame in frames.drain(..) {
            sink.feed(Message::Binary(frame)).await?;
        }
        sink.flush().await?;
    }
}

fn owned(frame: Bytes) -> Bytes {
    if frame.len() <= COPIED_BYTES_MAX { Bytes::copy_from_slice(&frame) } else { frame }
}

fn close_frame(reason: RefusalReason) -> CloseFrame {
    let (code, reason) = match reason {
        RefusalReason::ShuttingDown => (CloseCode::Away, "the relay is shutting down"),
        RefusalReason::Storage => (CloseCode::Error, "the relay's disk failed"),
        RefusalReason::FrameBytes => (CloseCode::Size, "a frame was too long"),
        RefusalReason::Malformed => (CloseCode::Protocol, "a frame could not be read"),
        RefusalReason::Protocol => (CloseCode::Protocol, "another version of the protocol"),
        RefusalReason::Replaced => (CloseCode::Policy, "the same replica opened another link"),
        RefusalReason::Silent => (CloseCode::Policy, "the link was silent"),
        RefusalReason::Missing => (CloseCode::Policy, "changes came without their past"),
        RefusalReason::Access => (CloseCode::Policy, "access to the document was not proved"),
        RefusalReason::Address => (CloseCode::Policy, "the relay is not known by that address"),
        RefusalReason::Create => (CloseCode::Policy, "documents may not be made here"),
        RefusalReason::Forged => (CloseCode::Policy, "a change is not its author's"),
        RefusalReason::Closed => (CloseCode::Policy, "the document is closed here"),
        RefusalReason::Forked => (CloseCode::Policy, "an author made two changes in one place"),
        RefusalReason::LinksPerDocument
        | RefusalReason::Documents
        | RefusalReason::DocumentBytes
        | RefusalReason::Replicas
        | RefusalReason::AddressLinks
        | RefusalReason::AddressBytes
        | RefusalReason::AddressDocuments => (CloseCode::Policy, "a limit of the relay was met"),
    };
    CloseFrame { code, reason: reason.into() }
}
