//! One link: what it is owed. Slots and a cursor, never a queue.

use alloc::boxed::Box;
use alloc::collections::{BTreeSet, VecDeque};

use bytes::Bytes;

use super::super::frame::{ChangeReader, Frame, Hello, Sent};
use super::super::time::Now;
use super::limits::RelayLimits;
use super::log::OpenLog;
use super::ring::Entry;
use crate::clock::VersionVector;
use crate::id::{DocumentId, OpId, ReplicaId};

/// Where a link stands.
#[derive(Debug)]
pub(super) enum Stage {
    /// It has not said Hello.
    Greeting,
    /// It has, and the store is asked about its document.
    Loading(Hello),
    /// It follows a document.
    Linked(Box<Member>),
    /// It was refused; the shell closes it.
    Closing,
}

/// A Ping that waits for its Pong.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pinged {
    pub(super) id: u64,
    pub(super) sent_us: i64,
    pub(super) received_us: i64,
}

/// One link.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) stage: Stage,
    /// How many links were opened before it.
    pub(super) opened: u64,
    /// Whether the shell was told to poll and has not come to the end yet.
    pub(super) woken: bool,
    pub(super) timer_us: u64,
    pub(super) heard_us: u64,
    /// Bytes it gave that are not on disk yet.
    pub(super) unappended_bytes: usize,
    /// The frame that must go first: the Welcome, or the refusal.
    pub(super) first: Option<Bytes>,
    pub(super) pong: Option<Pinged>,
    pub(super) ping_due: bool,
    pings: u64,
}

impl Link {
    pub(super) fn new(now: Now, opened: u64, timer_us: u64) -> Self {
        Self {
            stage: Stage::Greeting,
            opened,
            woken: false,
            timer_us,
            heard_us: now.monotonic_us,
            unappended_bytes: 0,
            first: None,
            pong: None,
            ping_due: false,
            pings: 0,
        }
    }

    /// The next frame that is about the link and not about its document.
    pub(super) fn next_control(&mut self, now: Now) -> Option<Bytes> {
        if let Some(frame) = self.first.take() {
            return Some(frame);
        }
        if matches!(self.stage, Stage::Closing) {
            return None;
        }
        if let Some(Pinged { id, sent_us, received_us }) = self.pong.take() {
            return Some(Frame::Pong { id, sent_us, received_us, replied_us: now.wall_us }.encode());
        }
        if self.ping_due {
            self.ping_due = false;
            self.pings += 1;
            return Some(Frame::Ping { id: self.pings, sent_us: now.wall_us }.encode());
        }
        None
    }
}

/// What a link that follows a document is owed next.
#[derive(Debug)]
pub(super) enum Next {
    /// This change.
    Change(Bytes),
    /// This presence.
    Presence(Bytes),
    /// This other frame.
    Frame(Bytes),
    /// Entries that are no longer in memory.
    Read,
    /// Nothing.
    Nothing,
}

/// How far a link has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    /// Its cursor rests on the position that the replica named, and on nothing that this relay sent. A store that was put back
    /// from a copy has other changes at the same positions: a gap, on the way or at the log's end, shows that.
    Trusting,
    /// It is being sent what it lacks.
    CatchingUp,
    /// It has come to the log's end once.
    Live,
}

/// Whether a Progress is due.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum ProgressDue {
    /// After [`RelayLimits::progress_changes`] changes.
    Later,
    /// If the position has moved.
    IfMoved,
    /// Even if the position is the one sent last.
    Now,
}

/// A link's reads of the log.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Fetch {
    /// None is under way.
    Idle,
    /// It stands in the line for one.
    Queued,
    /// It has come to the head of the line: there is room for one, which begins when the link is polled.
    Granted,
    /// One is under way.
    Reading,
}

/// A link's place in a document.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) document: DocumentId,
    pub(super) replica: ReplicaId,
    /// Its changes, as they come.
    pub(super) changes: ChangeReader,
    /// What it was sent of changes.
    sent: Sent,
    /// What the replica has besides what was sent from the log since: such changes are not sent.
    pub(super) known: VersionVector,
    /// Everything in the log below this was sent or is known.
    pub(super) cursor: u64,
    phase: Phase,
    /// Entries read for it, from `cursor` on.
    pub(super) chunk: VecDeque<Entry>,
    /// What `chunk`, or the read that will fill it, counts against the limit.
    pub(super) chunk_bytes: usize,
    pub(super) fetch: Fetch,
    /// Whether the chunk has moved since the last heartbeat.
    pub(super) chunk_moved: bool,
    pub(super) ack_due: bool,
    pub(super) progress_due: ProgressDue,
    progress_sent: u64,
    pub(super) missing_due: bool,
    /// The change that was answered with the last Missing, and how often.
    missing: Option<(OpId, u32)>,
    pub(super) presences_due: BTreeSet<ReplicaId>,
    pub(super) held_due: BTreeSet<ReplicaId>,
    pub(super) digests_due: BTreeSet<ReplicaId>,
}

impl Member {
    /// A link that joins `log` at the position `resume`, if that one may be used.
    pub(super) fn join(hello: Hello, resume: Option<u64>, log: &OpenLog, limits: &RelayLimits) -> Self {
        let changes = ChangeReader::new(hello.document, hello.replica);
        let up_to_date = log.version <= hello.version;
        let cursor = if up_to_date { log.head() } else { resume.unwrap_or(0) };
        Self {
            document: hello.document,
            replica: hello.replica,
            changes: changes.with_others_max(limits.replicas_per_document_max),
            sent: Sent::new(hello.replica),
            known: hello.version,
            cursor,
            phase: if cursor == 0 { Phase::CatchingUp } else { Phase::Trusting },
            chunk: VecDeque::new(),
            chunk_bytes: 0,
            fetch: Fetch::Idle,
            chunk_moved: false,
            ack_due: false,
            progress_due: ProgressDue::Later,
            progress_sent: 0,
            missing_due: false,
            missing: None,
            presences_due: log.presences.keys().copied().collect(),
            held_due: log.held.keys().copied().collect(),
            digests_due: log.digests.keys().copied().collect(),
        }
    }

    /// Takes in that this change came without its past. The same change again means that the replica did send everything anew,
    /// and only that is answered and counted: how often, if so.
    pub(super) fn note_missing(&mut self, change: OpId) -> Option<u32> {
        let times = match self.missing {
            None => 1,
            Some((first, times)) if first == change => times + 1,
            Some(_) => return None,
        };
        self.missing = Some((change, times));
        self.missing_due = true;
        Some(times)
    }

    /// Takes in that a change of the replica's was appended.
    pub(super) fn note_appended(&mut self) {
        self.missing = None;
        self.missing_due = false;
    }

    /// What the link is owed next: what the replica waits for, then changes, then what may be late, then what may be lost.
    pub(super) fn next(&mut self, log: &OpenLog, limits: &RelayLimits) -> Next {
        if self.ack_due {
            self.ack_due = false;
            return Next::Frame(Frame::Ack { count: log.durable_version.get(self.replica) }.encode());
        }
        if self.missing_due {
            self.missing_due = false;
            return Next::Frame(Frame::Missing { version: log.version.clone() }.encode());
        }
        match self.next_change(log) {
            Next::Nothing => {}
            next => return next,
        }
        if let Some(frame) = self.next_progress(log, limits) {
            return Next::Frame(frame);
        }
        while let Some(replica) = self.held_due.pop_first() {
            if let Some(frame) = log.held.get(&replica) {
                return Next::Frame(frame.clone());
            }
        }
        if let Some(replica) = self.presences_due.pop_first() {
            let gone = || Frame::Presence { replica, payload: &[] }.encode();
            return Next::Presence(log.presences.get(&replica).map_or_else(gone, Bytes::clone));
        }
        while let Some(replica) = self.digests_due.pop_first() {
            if let Some(frame) = log.digests.get(&replica) {
                return Next::Frame(frame.clone());
            }
        }
        Next::Nothing
    }

    fn next_change(&mut self, log: &OpenLog) -> Next {
        loop {
            if self.cursor >= log.head() {
                if self.phase == Phase::Live || self.arrive(log) {
                    return Next::Nothing;
                }
                continue;
            }
            let from_chunk = self.take_from_chunk();
            let entry = match &from_chunk {
                Some(entry) => entry,
                None => match log.ring.get(self.cursor) {
                    Some(entry) => entry,
                    None if matches!(self.fetch, Fetch::Queued | Fetch::Reading) => return Next::Nothing,
                    None => return Next::Read,
                },
            };
            self.cursor += 1;
            let known = self.known.get(entry.replica);
            if known >= entry.end_seq {
                continue;
            }
            if self.phase == Phase::Trusting && known < entry.short.first_seq {
                self.start_over();
                continue;
            }
            if self.phase != Phase::Live {
                self.known.observe(entry.replica, entry.end_seq);
            }
            return Next::Change(self.sent.frame(&log.replicas, &entry.short, &entry.payload));
        }
    }

    fn take_from_chunk(&mut self) -> Option<Entry> {
        let entry = self.chunk.pop_front()?;
        self.chunk_moved = true;
        if self.chunk.is_empty() && self.progress_due == ProgressDue::Later {
            self.progress_due = ProgressDue::IfMoved;
        }
        Some(entry)
    }

    /// The position that the replica named was wrong: the log is gone through from its start.
    fn start_over(&mut self) {
        self.cursor = 0;
        self.chunk.clear();
        self.phase = Phase::CatchingUp;
    }

    /// The cursor has come to the log's end for the first time. False if what the replica had and was sent is less than
    /// the log.
    fn arrive(&mut self, log: &OpenLog) -> bool {
        if self.phase == Phase::Trusting && log.version.missing_from(&self.known).next().is_some() {
            self.start_over();
            return false;
        }
        self.phase = Phase::Live;
        self.progress_due = ProgressDue::Now;
        let ahead = self.known.missing_from(&log.version).map(|(replica, units)| (replica, units.end)).collect();
        self.known = ahead;
        true
    }

    /// Positions that are not on disk may mean other changes after a crash: only durable ones are named.
    fn next_progress(&mut self, log: &OpenLog, limits: &RelayLimits) -> Option<Bytes> {
        let position = self.cursor.min(log.durable);
        let moved = position.saturating_sub(self.progress_sent);
        let due = match self.progress_due {
            ProgressDue::Later => moved >= limits.progress_changes,
            ProgressDue::IfMoved => moved > 0,
            ProgressDue::Now => true,
        };
        if !due || self.phase == Phase::Trusting {
            return None;
        }
        self.progress_due = ProgressDue::Later;
        self.progress_sent = position;
        Some(Frame::Progress { position, head: log.durable }.encode())
    }
}
