//! The life of the link: opening it, greeting, watching it, ending it, trying again.

use alloc::boxed::Box;
use alloc::collections::VecDeque;

use bytes::Bytes;
use thiserror::Error;

use super::{LinkState, Output, Replica};
use crate::document::ReceiveError;
use crate::envelope::Envelope;
use crate::id::ReplicaId;
use crate::sealed::SealError;
use crate::sync::backoff::Backoff;
use crate::sync::clock_offset::ClockOffset;
use crate::sync::detector::Detector;
use crate::sync::frame::{Frame, FrameError, Hello, PROTOCOL_VERSION, Refusal};
use crate::sync::time::Now;
use crate::sync::transmit::{Outgoing, Transmit};

/// How long the caller may take to open a transport, in microseconds.
pub const CONNECT_WITHIN_US: u64 = 30_000_000;

/// How long the relay may take to welcome, in microseconds.
pub const GREET_WITHIN_US: u64 = 15_000_000;

/// The most [`Frame::Missing`] that are answered between two acks; the next one ends the link.
pub const MISSING_FRAMES_MAX: u32 = 64;

/// The most answers to heartbeats that wait to be sent; of more, the oldest are dropped.
pub const PONGS_OWED_MAX: usize = 4;

/// For so long a link must have been live, in microseconds, for the delays between attempts to start over.
const GOOD_LINK_US: u64 = 10_000_000;

/// Why a link ended.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum LinkError {
    /// The transport was not open in time.
    #[error("no connection within {} s", CONNECT_WITHIN_US / 1_000_000)]
    Connect,
    /// The relay did not welcome in time.
    #[error("the relay did not answer within {} s", GREET_WITHIN_US / 1_000_000)]
    Greet,
    /// The relay fell silent.
    #[error("the relay has fallen silent")]
    Silent,
    /// It sent what is no frame.
    #[error("the relay sent {0}")]
    Frame(#[from] FrameError),
    /// It sent a frame that does not belong there.
    #[error("the relay sent a {frame} frame, which is not allowed at this point")]
    Unexpected {
        /// The frame's name.
        frame: &'static str,
    },
    /// It sent a number that cannot be.
    #[error("the relay says {field} is {value}, which is more than {limit}")]
    Impossible {
        /// Which number.
        field: &'static str,
        /// What the relay says.
        value: u64,
        /// The most that it can be.
        limit: u64,
    },
    /// It speaks another version of the protocol.
    #[error("the relay speaks version {theirs} of the protocol, this program version {PROTOCOL_VERSION}")]
    Protocol {
        /// The relay's version.
        theirs: u16,
    },
    /// It sent a change that cannot be taken.
    #[error("the relay sent a change that cannot be taken: {0}")]
    Change(ReceiveError),
    /// It sent a change that nobody can have made, or something in its place.
    #[error("the relay sent what its author did not write: {0}")]
    Sealed(#[from] SealError),
    /// It has changes under this replica's id that this replica did not make.
    #[error(
        "the relay has other changes of this replica than this device, from unit {count} back: its store was copied or restored"
    )]
    Forked {
        /// Up to how many units they go.
        count: u64,
    },
    /// It lacks something of an author, and this device cannot prove yet where that author's changes go on there.
    #[error("the relay lacks changes of {replica} that this device cannot prove at once")]
    Unproved {
        /// The author.
        replica: ReplicaId,
    },
    /// It keeps saying that it lacks the past of what it is sent.
    #[error("the relay said {frames} times in a row that it lacks the past of a change")]
    Missing {
        /// How often.
        frames: u32,
    },
    /// It has more of this replica than this replica can have sent.
    #[error("the relay has {there} units of this replica, which sent at most {sent}: its store was copied or restored")]
    Cloned {
        /// How many of its own units this replica has sent, or may have sent before it was started.
        sent: u64,
        /// How many the relay has, at least.
        there: u64,
    },
}

/// What a replica found out about the relay's store when it was welcomed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RelayNotice {
    /// The store is another one than last time: the relay was replaced, or its store was reset or restored.
    Replaced,
    /// The store is the same one, and lacks something that it had: an old copy of it was put back.
    Lost {
        /// How many own units it had.
        had: u64,
        /// How many it has now.
        has: u64,
    },
}

/// The link's state and everything that watches over it.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) state: LinkState,
    pub(super) error: Option<LinkError>,
    pub(super) refusal: Option<Refusal>,
    pub(super) notice: Option<RelayNotice>,
    pub(super) cloned: bool,
    pub(super) detector: Detector,
    pub(super) clock_offset: ClockOffset,
    pub(super) missing_frames: u32,
    /// Whether the start of the own chain is to be handed out before changes are.
    pub(super) chain_due: bool,
    /// The epoch that the relay named last, on this link or an earlier one.
    pub(super) epoch: Option<[u8; 16]>,
    backoff: Backoff,
    /// When connecting or greeting has taken too long.
    deadline_us: u64,
    hello_sent: bool,
    live_since_us: Option<u64>,
    pongs_owed: VecDeque<PongOwed>,
}

#[derive(Debug)]
struct PongOwed {
    id: u64,
    sent_us: i64,
    received_us: i64,
}

/// What comes after a link.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Next {
    /// Another attempt, after a delay.
    Retry,
    /// Another attempt, not before so many milliseconds.
    RetryAfter(u32),
    /// Nothing, until the user wants it.
    Stop,
}

impl Link {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            state: LinkState::Off,
            error: None,
            refusal: None,
            notice: None,
            cloned: false,
            detector: Detector::new(),
            clock_offset: ClockOffset::default(),
            missing_frames: 0,
            chain_due: false,
            epoch: None,
            backoff: Backoff::new(seed),
            deadline_us: 0,
            hello_sent: false,
            live_since_us: None,
            pongs_owed: VecDeque::new(),
        }
    }

    /// Whether the relay has welcomed this replica.
    pub(super) const fn is_welcomed(&self) -> bool {
        matches!(self.state, LinkState::CatchingUp { .. } | LinkState::Live)
    }

    /// Served up to `position` of `head`.
    pub(super) fn catch_up(&mut self, now: Now, position: u64, head: u64) {
        if position >= head {
            self.state = LinkState::Live;
            self.live_since_us.get_or_insert(now.monotonic_us);
        } else if self.state != LinkState::Live {
            self.state = LinkState::CatchingUp { position, head };
        }
    }

    pub(super) fn owe_pong(&mut self, now: Now, id: u64, sent_us: i64) {
        if self.pongs_owed.len() == PONGS_OWED_MAX {
            self.pongs_owed.pop_front();
        }
        self.pongs_owed.push_back(PongOwed { id, sent_us, received_us: now.wall_us });
    }

    fn next_heartbeat(&mut self, now: Now) -> Option<Bytes> {
        if let Some(PongOwed { id, sent_us, received_us }) = self.pongs_owed.pop_front() {
            return Some(Frame::Pong { id, sent_us, received_us, replied_us: now.wall_us }.encode());
        }
        let id = self.detector.ask(now)?;
        Some(Frame::Ping { id, sent_us: now.wall_us }.encode())
    }

    fn timeout_us(&self) -> Option<u64> {
        match self.state {
            LinkState::Off => None,
            LinkState::Waiting { until_us } => Some(until_us),
            LinkState::Connecting | LinkState::Greeting => Some(self.deadline_us),
            LinkState::CatchingUp { .. } | LinkState::Live => self.detector.timeout_us(),
        }
    }

    fn delay_us(&mut self, now: Now, next: Next) -> Option<u64> {
        let was_good = |since: u64| now.monotonic_us.saturating_sub(since) >= GOOD_LINK_US;
        if self.live_since_us.take().is_some_and(was_good) {
            self.backoff.reset();
        }
        match next {
            Next::Retry => Some(self.backoff.next_us()),
            Next::RetryAfter(hint_ms) => Some(self.backoff.after_hint_us(hint_ms)),
            Next::Stop => None,
        }
    }
}

impl Replica {
    /// Links to the relay from now on: at once, even if an attempt is due later. [`Output::Connect`] follows. A replica that was
    /// cloned stays off line, unless it [traces](Replica::trace).
    pub fn go_online(&mut self, now: Now) {
        self.hear_clock(now);
        let may_link = !self.link.cloned || self.tracing.is_some();
        if may_link && matches!(self.link.state, LinkState::Off | LinkState::Waiting { .. }) {
            self.connect(now);
        }
    }

    /// Ends the link and makes no other.
    pub fn go_offline(&mut self, now: Now) {
        self.hear_clock(now);
        if self.link.state != LinkState::Off {
            self.link.backoff.reset();
            self.end_link(now, Next::Stop);
        }
    }

    /// Makes the link anew if it is welcomed, so that the relay says what is on its disk: [`Replica::version_at_relay`].
    pub fn greet_again(&mut self, now: Now) {
        self.hear_clock(now);
        if self.link.is_welcomed() {
            self.end_link(now, Next::Stop);
            self.connect(now);
        }
    }

    /// The transport is open.
    pub fn handle_connected(&mut self, now: Now) {
        self.hear_clock(now);
        if self.link.state == LinkState::Connecting {
            self.link.state = LinkState::Greeting;
            self.link.deadline_us = now.monotonic_us.saturating_add(GREET_WITHIN_US);
            self.link.hello_sent = false;
            self.link.chain_due = false;
            self.status_changed = true;
        }
    }

    /// The transport could not be opened, or has ended.
    pub fn handle_disconnected(&mut self, now: Now) {
        self.hear_clock(now);
        if !matches!(self.link.state, LinkState::Off | LinkState::Waiting { .. }) {
            self.close(now, Next::Retry);
        }
    }

    /// Time has passed; call it at [`Replica::poll_timeout`]. Earlier or more often does no harm.
    pub fn handle_timeout(&mut self, now: Now) {
        self.hear_clock(now);
        let overdue = now.monotonic_us >= self.link.deadline_us;
        let (late, error) = match self.link.state {
            LinkState::Waiting { until_us } if now.monotonic_us >= until_us => return self.connect(now),
            LinkState::Off | LinkState::Waiting { .. } => return,
            LinkState::Connecting => (overdue, LinkError::Connect),
            LinkState::Greeting => (overdue, LinkError::Greet),
            LinkState::CatchingUp { .. } | LinkState::Live => (self.link.detector.tick(now), LinkError::Silent),
        };
        if late {
            self.fail(now, error);
        }
    }

    /// When to call [`Replica::handle_timeout`], on the monotonic clock in microseconds.
    pub fn poll_timeout(&self) -> Option<u64> {
        let is_heard = self.link.is_welcomed() && self.tracing.is_none();
        let announce = if is_heard { self.announcements.timeout_us(self.now_us) } else { None };
        [self.link.timeout_us(), announce, self.digest_timeout_us()].into_iter().flatten().min()
    }

    /// What goes to the transport next: one message, or the start of the own chain, which goes nowhere. Call it only when the transport
    /// can take one.
    ///
    /// The order is: what keeps the link alive, what others see of this replica, changes, what this replica holds.
    pub fn poll_transmit(&mut self, now: Now) -> Option<Transmit> {
        self.hear_clock(now);
        if self.link.state == LinkState::Greeting && !self.link.hello_sent {
            self.link.hello_sent = true;
            return Some(Transmit::Frame(self.hello().encode()));
        }
        if !self.link.is_welcomed() {
            return None;
        }
        if self.tracing.is_some() {
            return self.link.next_heartbeat(now).map(Transmit::Frame);
        }
        if core::mem::take(&mut self.link.chain_due) {
            let own = self.seals.as_ref().and_then(|seals| seals.own().copied());
            return Some(Transmit::OwnChain(own.filter(|own| own.count <= self.outbox.own_known())));
        }
        if let Some(frame) = self.link.next_heartbeat(now) {
            return Some(Transmit::Frame(frame));
        }
        let (own, durable) = (self.document.replica(), self.outbox.durable_version());
        if let Some(frame) = self.announcements.next_frame(now, own, durable) {
            return Some(Transmit::Frame(frame));
        }
        match self.outbox.next_change(&self.document, self.seals.as_ref()) {
            Some(envelope) => Some(Transmit::Change(Box::new(self.outgoing(envelope)))),
            None => self.next_digest(now).map(Transmit::Frame),
        }
    }

    fn outgoing(&self, envelope: Envelope) -> Outgoing {
        let seal = self.seal_of(&envelope).map(|(_, seal)| Box::new(seal));
        Outgoing { seal, envelope }
    }

    fn hello(&self) -> Frame<'static> {
        if let Some(tracing) = &self.tracing {
            return Frame::Hello(self.tracing_hello(tracing));
        }
        Frame::Hello(Hello {
            protocol: PROTOCOL_VERSION,
            document: self.document.id(),
            replica: self.document.replica(),
            version: self.outbox.durable_version().clone(),
            resume: self.outbox.resume(),
        })
    }

    pub(super) fn connect(&mut self, now: Now) {
        self.link.state = LinkState::Connecting;
        self.link.deadline_us = now.monotonic_us.saturating_add(CONNECT_WITHIN_US);
        self.outputs.push_back(Output::Connect);
        self.status_changed = true;
    }

    /// Ends the link by an error. Trying again helps against most of them sooner or later; a clone and another protocol stay.
    pub(super) fn fail(&mut self, now: Now, error: LinkError) {
        self.link.error = Some(error);
        let next = match error {
            LinkError::Cloned { .. } | LinkError::Forked { .. } if self.tracing.is_none() => {
                self.link.cloned = true;
                Next::Stop
            }
            LinkError::Protocol { .. } => Next::Stop,
            _ => Next::Retry,
        };
        self.end_link(now, next);
    }

    /// Ends the link from this side.
    pub(super) fn end_link(&mut self, now: Now, next: Next) {
        if !matches!(self.link.state, LinkState::Off | LinkState::Waiting { .. }) {
            self.outputs.push_back(Output::Disconnect);
        }
        self.close(now, next);
    }

    fn close(&mut self, now: Now, next: Next) {
        let delay_us = self.link.delay_us(now, next);
        self.link.state = delay_us.map_or(LinkState::Off, |delay_us| LinkState::Waiting {
            until_us: now.monotonic_us.saturating_add(delay_us),
        });
        self.link.detector.stop();
        self.link.pongs_owed.clear();
        for peer in self.peers.values_mut() {
            peer.presence = None;
        }
        self.status_changed = true;
    }
}
