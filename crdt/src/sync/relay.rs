//! The relay's half: envelopes in, a log for each document, envelopes out.
//!
//! It judges a change by its envelope's header alone and never looks at the payload. What it received is fanned out at once and
//! acknowledged when it is on disk. A link is a cursor into a log, with a few slots besides: a slow reader lags, and what has
//! left the memory meanwhile is read back from the log for it.
//!
//! The calling contract: after every `handle_*` and after every poll that returned something, drain
//! [`poll_output`](Relay::poll_output); pull [`poll_transmit`](Relay::poll_transmit) only as the socket takes it; call
//! [`handle_timeout`](Relay::handle_timeout) when [`poll_timeout`](Relay::poll_timeout) says so.

mod append;
mod gate;
mod greet;
mod limits;
mod link;
mod log;
mod output;
mod quotas;
mod ring;
#[cfg(test)]
mod tests;

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;

use self::link::{Fetch, Link, Next, Pinged, ProgressDue, Stage};
use self::log::OpenLog;
use super::frame::{
    DIGEST_BYTES_MAX, FRAME_BYTES_MAX, Frame, PRESENCE_BYTES_MAX, PROTOCOL_VERSION, RefusalReason, SIGNAL_BYTES,
    hello_protocol,
};
use super::time::Now;
use crate::clock::VersionVector;
use crate::id::{DocumentId, ReplicaId};

pub use self::gate::{Creation, Gate, RelayPolicy};
pub use self::limits::{RelayLimits, RelayStats};
pub use self::output::{ConnId, RelayOutput};
pub use self::quotas::{Network, QUOTA_WINDOW_US, QuotaLimits};

/// The relay: the logs of the documents that are open, and the links that follow them.
#[derive(Debug)]
pub struct Relay {
    epoch: [u8; 16],
    limits: RelayLimits,
    logs: BTreeMap<DocumentId, OpenLog>,
    links: BTreeMap<ConnId, Link>,
    /// How many links were opened.
    opened: u64,
    timers: BTreeSet<(u64, ConnId)>,
    /// Links that wait until fewer bytes are read for others.
    read_queue: VecDeque<ConnId>,
    outputs: VecDeque<RelayOutput>,
    /// Why every link is refused, once it is so.
    ending: Option<RefusalReason>,
    stats: RelayStats,
}

impl Relay {
    /// A relay over a store with this epoch.
    pub fn new(epoch: [u8; 16], limits: RelayLimits) -> Self {
        Self {
            epoch,
            limits,
            logs: BTreeMap::new(),
            links: BTreeMap::new(),
            opened: 0,
            timers: BTreeSet::new(),
            read_queue: VecDeque::new(),
            outputs: VecDeque::new(),
            ending: None,
            stats: RelayStats::default(),
        }
    }

    /// The same relay over a store that holds so many documents already.
    #[must_use]
    pub fn with_documents_stored(mut self, documents: u64) -> Self {
        self.stats.documents_stored = documents;
        self
    }

    /// What it has done and what it holds. O(1).
    pub fn stats(&self) -> RelayStats {
        RelayStats { links: self.links.len(), documents_open: self.logs.len(), ..self.stats }
    }

    /// How many changes the link that lags most has not been sent. O(links).
    pub fn lag_changes_max(&self) -> u64 {
        let lag = |link: &Link| match &link.stage {
            Stage::Linked(member) => Some(self.logs.get(&member.document)?.head().saturating_sub(member.cursor)),
            _ => None,
        };
        self.links.values().filter_map(lag).max().unwrap_or(0)
    }

    /// Whether the shell should read from this link: not while the store is asked about its document, nor while too much of
    /// what it (or all together) gave is not on disk. A [`RelayOutput::Wake`] follows when the answer has become yes.
    pub fn can_read(&self, conn: ConnId) -> bool {
        self.links.get(&conn).is_some_and(|link| {
            !matches!(link.stage, Stage::Loading(_) | Stage::Closing)
                && link.unappended_bytes < self.limits.link_unappended_bytes_max
                && self.stats.unappended_bytes < self.limits.unappended_bytes_max
        })
    }

    /// A link was opened; its first frame must be a Hello.
    pub fn handle_connected(&mut self, now: Now, conn: ConnId) {
        let timer_us = now.monotonic_us.saturating_add(self.limits.hello_timeout_us);
        self.timers.insert((timer_us, conn));
        self.links.insert(conn, Link::new(now, self.opened, timer_us));
        self.opened += 1;
        if let Some(reason) = self.ending {
            self.refuse(conn, reason, 0, 0);
        }
    }

    /// A frame came.
    pub fn handle_frame(&mut self, now: Now, conn: ConnId, frame: &Bytes) {
        let Some(link) = self.links.get_mut(&conn) else { return };
        link.heard_us = now.monotonic_us;
        if matches!(link.stage, Stage::Closing) {
            return;
        }
        if frame.len() > FRAME_BYTES_MAX {
            return self.refuse(conn, RefusalReason::FrameBytes, FRAME_BYTES_MAX as u64, frame.len() as u64);
        }
        let greeting = matches!(link.stage, Stage::Greeting);
        if greeting && let Some(protocol) = hello_protocol(frame).filter(|protocol| *protocol != PROTOCOL_VERSION) {
            let ours = u64::from(PROTOCOL_VERSION);
            return self.refuse(conn, RefusalReason::Protocol, ours, u64::from(protocol));
        }
        match (Frame::decode(frame), greeting) {
            (Ok(Frame::Hello(hello)), true) => self.greet(conn, hello),
            (Ok(Frame::Ping { id, sent_us }), _) => {
                link.pong = Some(Pinged { id, sent_us, received_us: now.wall_us });
                self.wake(conn);
            }
            (Ok(Frame::Pong { .. }), _) => {}
            (Ok(Frame::Change(body)), false) => self.receive_change(conn, frame.len(), body),
            (Ok(Frame::Held { replica, version }), false) => self.receive_held(conn, frame.len(), replica, version),
            (Ok(Frame::Presence { replica, payload }), false) => {
                self.receive_presence(conn, frame.len(), replica, payload);
            }
            (Ok(Frame::Digest { replica, payload }), false) => {
                self.receive_digest(conn, frame.len(), replica, payload);
            }
            _ => self.refuse(conn, RefusalReason::Malformed, 0, frame.len() as u64),
        }
    }

    /// Something came that the transport cannot deliver as a frame, of so many bytes: too long, or of another kind.
    pub fn handle_unreadable(&mut self, now: Now, conn: ConnId, bytes: usize) {
        if let Some(link) = self.links.get_mut(&conn) {
            link.heard_us = now.monotonic_us;
        }
        match bytes {
            bytes if bytes > FRAME_BYTES_MAX => {
                self.refuse(conn, RefusalReason::FrameBytes, FRAME_BYTES_MAX as u64, bytes as u64);
            }
            bytes => self.refuse(conn, RefusalReason::Malformed, 0, bytes as u64),
        }
    }

    /// A link has ended, whoever ended it.
    pub fn handle_closed(&mut self, _now: Now, conn: ConnId) {
        self.detach(conn);
        if let Some(link) = self.links.remove(&conn) {
            self.timers.remove(&(link.timer_us, conn));
        }
    }

    /// The store's answer to [`RelayOutput::Load`]: what the document's log holds, the position at which it ends, and the bytes
    /// of its envelopes; nothing and zeros for a document that it does not know.
    pub fn handle_loaded(&mut self, _now: Now, document: DocumentId, version: VersionVector, head: u64, bytes: u64) {
        let Some(log) = self.logs.get_mut(&document).filter(|log| log.waiting.is_some()) else { return };
        for conn in log.load(version, head, bytes) {
            self.join(conn);
        }
        self.unload_if_idle(document);
    }

    /// The store failed: nothing is acknowledged from here on, and every link is refused.
    pub fn handle_storage_failed(&mut self, _now: Now) {
        self.end(RefusalReason::Storage);
    }

    /// Refuses every link, now and from here on: the relay stops. What was received is still to be appended.
    pub fn shut_down(&mut self, _now: Now) {
        self.end(RefusalReason::ShuttingDown);
    }

    /// A timer ran out. O(links whose timer did × log links).
    pub fn handle_timeout(&mut self, now: Now) {
        while let Some((timer_us, conn)) = self.timers.first().copied().filter(|(at, _)| *at <= now.monotonic_us) {
            self.timers.remove(&(timer_us, conn));
            self.beat(now, conn);
        }
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<RelayOutput> {
        self.outputs.pop_front()
    }

    /// The next frame for this link; call it only when its socket can take more. Amortised O(log links), and O(n) once in the
    /// replicas of a link that has caught up.
    pub fn poll_transmit(&mut self, now: Now, conn: ConnId) -> Option<Bytes> {
        loop {
            let link = self.links.get_mut(&conn)?;
            if let Some(frame) = link.next_control(now) {
                return Some(frame);
            }
            let next = match &mut link.stage {
                Stage::Linked(member) => match self.logs.get(&member.document) {
                    Some(log) => member.next(log, &self.limits),
                    None => Next::Nothing,
                },
                _ => Next::Nothing,
            };
            self.settle_reads(conn);
            match next {
                Next::Change(frame) => {
                    self.stats.changes_sent += 1;
                    return Some(frame);
                }
                Next::Presence(frame) => {
                    self.stats.presences_sent += 1;
                    return Some(frame);
                }
                Next::Frame(frame) => return Some(frame),
                Next::Read => self.start_read(conn),
                Next::Nothing => {
                    self.links.get_mut(&conn)?.woken = false;
                    return None;
                }
            }
        }
    }

    /// When to call [`handle_timeout`](Self::handle_timeout), in microseconds on the monotonic clock.
    pub fn poll_timeout(&self) -> Option<u64> {
        self.timers.first().map(|(at, _)| *at)
    }

    fn wake(&mut self, conn: ConnId) {
        if let Some(link) = self.links.get_mut(&conn).filter(|link| !link.woken) {
            link.woken = true;
            self.outputs.push_back(RelayOutput::Wake { conn });
        }
    }

    /// The same for a link that may be read again: even if it is awake, since the shell may be waiting just for this.
    fn wake_reader(&mut self, conn: ConnId) {
        if let Some(link) = self.links.get_mut(&conn) {
            link.woken = true;
            self.outputs.push_back(RelayOutput::Wake { conn });
        }
    }

    /// A link's timer ran out: greet in time, be heard, be pinged, let go of what nobody fetches.
    fn beat(&mut self, now: Now, conn: ConnId) {
        let heard = !self.can_read(conn);
        let Some(link) = self.links.get_mut(&conn) else { return };
        if heard {
            link.heard_us = now.monotonic_us;
        }
        let silent_us = now.monotonic_us.saturating_sub(link.heard_us);
        let (greeting, limit_us) = match link.stage {
            Stage::Greeting => (true, self.limits.hello_timeout_us),
            Stage::Closing => return,
            _ => (false, self.limits.silence_timeout_us),
        };
        if greeting || silent_us >= limit_us {
            return self.refuse(conn, RefusalReason::Silent, limit_us / 1000, silent_us / 1000);
        }
        link.timer_us = now.monotonic_us.saturating_add(self.limits.ping_interval_us);
        self.timers.insert((link.timer_us, conn));
        link.ping_due = true;
        if let Stage::Linked(member) = &mut link.stage {
            if member.progress_due == ProgressDue::Later {
                member.progress_due = ProgressDue::IfMoved;
            }
            if !core::mem::take(&mut member.chunk_moved) && matches!(member.fetch, Fetch::Idle | Fetch::Granted) {
                member.fetch = Fetch::Idle;
                member.chunk.clear();
            }
            if self.stats.rings_bytes > self.limits.rings_bytes_max / 2
                && let Some(log) = self.logs.get_mut(&member.document)
            {
                self.stats.rings_bytes -= log.trim_sent(member.cursor);
            }
        }
        self.settle_reads(conn);
        self.wake(conn);
    }

    /// What is kept and passed on is written anew: the frame that came may name replicas twice or with nothing, which no limit
    /// counts, and may share the memory of others that were read with it.
    fn receive_held(&mut self, conn: ConnId, bytes: usize, replica: ReplicaId, version: VersionVector) {
        let (limit, value) = (self.limits.replicas_per_document_max, version.len());
        if value > limit {
            return self.refuse(conn, RefusalReason::Replicas, limit as u64, value as u64);
        }
        let Some(log) = self.log_if_own(conn, replica) else {
            return self.refuse(conn, RefusalReason::Malformed, 0, bytes as u64);
        };
        log.held.insert(replica, Frame::Held { replica, version }.encode());
        self.tell_others(conn, |member| member.held_due.insert(replica));
    }

    /// Kept and passed on as [`receive_held`](Self::receive_held) does.
    fn receive_presence(&mut self, conn: ConnId, bytes: usize, replica: ReplicaId, payload: &[u8]) {
        let limit = PRESENCE_BYTES_MAX + SIGNAL_BYTES;
        if payload.len() > limit {
            return self.refuse(conn, RefusalReason::FrameBytes, limit as u64, payload.len() as u64);
        }
        let Some(log) = self.log_if_own(conn, replica) else {
            return self.refuse(conn, RefusalReason::Malformed, 0, bytes as u64);
        };
        if payload.is_empty() {
            log.presences.remove(&replica);
        } else {
            log.presences.insert(replica, Frame::Presence { replica, payload }.encode());
        }
        self.stats.presences_received += 1;
        self.tell_others(conn, |member| member.presences_due.insert(replica));
    }

    /// Kept and passed on as [`receive_held`](Self::receive_held) does.
    fn receive_digest(&mut self, conn: ConnId, bytes: usize, replica: ReplicaId, payload: &[u8]) {
        let limit = DIGEST_BYTES_MAX + SIGNAL_BYTES;
        if payload.len() > limit {
            return self.refuse(conn, RefusalReason::FrameBytes, limit as u64, payload.len() as u64);
        }
        let Some(log) = self.log_if_own(conn, replica) else {
            return self.refuse(conn, RefusalReason::Malformed, 0, bytes as u64);
        };
        log.digests.insert(replica, Frame::Digest { replica, payload }.encode());
        self.tell_others(conn, |member| member.digests_due.insert(replica));
    }

    /// The log that the link follows, if it speaks for itself.
    fn log_if_own(&mut self, conn: ConnId, replica: ReplicaId) -> Option<&mut OpenLog> {
        match &self.links.get(&conn)?.stage {
            Stage::Linked(member) if member.replica == replica => self.logs.get_mut(&member.document),
            _ => None,
        }
    }
}
