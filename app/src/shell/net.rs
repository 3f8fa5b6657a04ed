//! Links to relays: one websocket per document, on one thread of their own.
//!
//! Nothing here waits for the network and nothing piles up. Frames to send go into a channel of a few places, and the caller
//! makes the next frame only when there is a place; received frames hold permits for their bytes until they are handled, and
//! a link whose permits are used up is not read, so that the relay waits. What is sent is sealed and signed here, and what comes is
//! verified and opened here: none of that on the thread that draws the window.

mod link;
mod tls;

#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use quire_crdt::DocumentId;
use quire_crdt::sync::{Incoming, SecureLink, Transmit};
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::inbox::{LINK_PLACES, Outlet};
use crate::editor::link::{RelayAddress, Security};

/// The most frames that wait for the socket of one link.
pub const OUTBOUND_FRAMES_MAX: usize = 32;

/// The most bytes of received frames of one link that wait to be handled, in KiB.
pub const INBOUND_KIBIBYTES_MAX: u32 = 2048;

/// The most links that wait to be opened.
const OPENINGS_MAX: usize = 256;

/// Something that happened to a link.
#[derive(Debug)]
pub struct LinkEvent {
    /// The document that the link is about.
    pub document: DocumentId,
    /// Which of the document's links it was: an older one may still have something to say.
    pub number: u64,
    /// What happened.
    pub what: LinkHappening,
}

/// What happened to a link.
#[derive(Debug)]
pub enum LinkHappening {
    /// The websocket is open.
    Opened,
    /// Something came.
    Received(Received),
    /// There was no place for a frame, and there is one now.
    Writable,
    /// The link has ended, or was never opened; nothing follows.
    Ended(LinkEnd),
}

/// Something that came. The link gives way to the next ones as these are dropped.
#[derive(Debug)]
pub struct Received {
    /// What it says, opened and verified.
    pub what: Incoming,
    _permit: Option<OwnedSemaphorePermit>,
}

/// Why a link has ended.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum LinkEnd {
    /// Nobody knows the host.
    #[error("the relay {} cannot be found: is the name right, and is there a network? ({error})", relay.place())]
    Unknown {
        /// The relay.
        relay: RelayAddress,
        /// What the system says.
        error: String,
    },
    /// The host does not take the connection.
    #[error("the relay {} cannot be reached: {error}", relay.place())]
    Unreachable {
        /// The relay.
        relay: RelayAddress,
        /// What the system says.
        error: String,
    },
    /// The host took the connection, or did not, and said nothing in time.
    #[error("the relay {} did not answer within {seconds} s", relay.place())]
    Timeout {
        /// The relay.
        relay: RelayAddress,
        /// How long it had, in seconds.
        seconds: u64,
    },
    /// Something else than a relay answered.
    #[error("{} answers, but not as a relay does: {error}", relay.place())]
    NoRelay {
        /// The relay.
        relay: RelayAddress,
        /// What was wrong with the answer.
        error: String,
    },
    /// The address asks for encryption, and what answers knows none.
    #[error(
        "the relay {place} does not speak TLS: if nobody on the way to it can do harm, ws://{place} asks for an unencrypted link by name",
        place = relay.place()
    )]
    NoTls {
        /// The relay.
        relay: RelayAddress,
    },
    /// The address asks for no encryption, and what answers does not speak HTTP.
    #[error(
        "{} answers an unencrypted request, but not in HTTP: if it speaks TLS, write {} instead, or take its link",
        relay.place(),
        relay.clone().reached_by(Security::Tls)
    )]
    NoHttp {
        /// The relay.
        relay: RelayAddress,
    },
    /// The relay's certificate is not to be trusted.
    #[error("the relay {} does not prove that it is the one of that name: {error}", relay.place())]
    Certificate {
        /// The relay.
        relay: RelayAddress,
        /// What is wrong with it.
        error: String,
    },
    /// The relay's certificate is not the one that is pinned.
    #[error(
        "the relay at {} shows another certificate than the link names: somebody may be in between, or its operator made a new key",
        relay.place()
    )]
    OtherCertificate {
        /// The relay.
        relay: RelayAddress,
    },
    /// The two ends did not agree on how to encrypt.
    #[error("the link to the relay {} cannot be encrypted: {error}", relay.place())]
    Tls {
        /// The relay.
        relay: RelayAddress,
        /// What was wrong.
        error: String,
    },
    /// The link broke.
    #[error("the link to the relay {} broke: {error}", relay.place())]
    Broken {
        /// The relay.
        relay: RelayAddress,
        /// What the system says.
        error: String,
    },
    /// One of the two sides closed it.
    #[error("the link to the relay {} was closed", relay.place())]
    Closed {
        /// The relay.
        relay: RelayAddress,
    },
}

/// The thread that holds the links.
#[derive(Debug)]
pub struct Net {
    openings: Option<mpsc::Sender<Opening>>,
    thread: Option<JoinHandle<()>>,
    opened: u64,
}

/// One link, as its user sees it; dropping it closes it, once what is queued is sent.
#[derive(Debug)]
pub struct Link {
    number: u64,
    frames: mpsc::Sender<Transmit>,
    starved: Arc<AtomicBool>,
    _closer: oneshot::Sender<()>,
}

/// What the thread needs to open a link.
struct Opening {
    document: DocumentId,
    number: u64,
    relay: RelayAddress,
    secure: SecureLink,
    frames: mpsc::Receiver<Transmit>,
    starved: Arc<AtomicBool>,
    closing: oneshot::Receiver<()>,
}

impl Net {
    /// Starts the thread.
    ///
    /// # Errors
    /// What the system says when there can be no thread or no event loop.
    pub fn start(outlet: Outlet) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (sender, mut openings) = mpsc::channel::<Opening>(OPENINGS_MAX);
        let places = outlet.places(LINK_PLACES);
        let thread = thread::Builder::new().name("net".to_owned()).spawn(move || {
            runtime.block_on(async {
                let (mut links, trust) = (JoinSet::new(), tls::Trust::default());
                while let Some(opening) = openings.recv().await {
                    links.spawn(link::run(opening, places.clone(), trust.clone()));
                    while links.try_join_next().is_some() {}
                }
                // Links that were dropped before take their time to say goodbye; the others are cut.
                drop(timeout(link::CLOSE_TIME_MAX, links.join_all()).await);
            });
        })?;
        Ok(Self { openings: Some(sender), thread: Some(thread), opened: 0 })
    }

    /// Opens a link to the relay for this document; [`LinkHappening::Opened`] or [`LinkHappening::Ended`] follows. Never
    /// waits. `None` when so many links are being opened that this one must come later.
    pub fn open(&mut self, document: DocumentId, relay: RelayAddress, secure: SecureLink) -> Option<Link> {
        self.opened += 1;
        let number = self.opened;
        let (sender, frames) = mpsc::channel(OUTBOUND_FRAMES_MAX);
        let (closer, closing) = oneshot::channel();
        let starved = Arc::new(AtomicBool::new(false));
        let opening = Opening { document, number, relay, secure, frames, starved: Arc::clone(&starved), closing };
        self.openings.as_ref()?.try_send(opening).ok()?;
        Some(Link { number, frames: sender, starved, _closer: closer })
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        self.openings = None;
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has closed its links by that.
            drop(thread.join());
        }
    }
}

impl Link {
    /// Which link it is: its events carry the number.
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// Sends what `next` makes, as long as there are places; `next` is asked only when there is one. When there is none,
    /// [`LinkHappening::Writable`] tells when to call this again.
    pub fn send(&self, mut next: impl FnMut() -> Option<Transmit>) {
        loop {
            let Some(place) = self.place() else { return };
            let Some(frame) = next() else { return };
            place.send(frame);
        }
    }

    fn place(&self) -> Option<mpsc::Permit<'_, Transmit>> {
        if let Ok(place) = self.frames.try_reserve() {
            return Some(place);
        }
        // Said before the second look, so that the link, which looks after making place, cannot miss it.
        self.starved.store(true, Ordering::SeqCst);
        self.frames.try_reserve().ok()
    }
}
