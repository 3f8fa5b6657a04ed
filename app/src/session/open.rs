//! One open document: its replica, its link, and how it stands with the disk.

use std::collections::VecDeque;

use quire_crdt::DocumentId;
use quire_crdt::keys::ReplicaSeed;
use quire_crdt::sync::{LinkState, Now, RelayNotice, Replica};

use super::Notice;
use crate::shell::net::{Link, LinkEnd, LinkHappening, Received};

/// The first delay after a failed write, in microseconds; each further one is twice as long.
const WRITE_RETRY_FIRST_US: u64 = 1_000_000;

/// The longest delay between two attempts to write, in microseconds.
const WRITE_RETRY_LONGEST_US: u64 = 30_000_000;

/// The fewest changes behind a checkpoint that are worth another one.
const CHECKPOINT_CHANGES_MIN: u64 = 1024;

/// How long a record that is in no hurry waits for more to be written with it, in microseconds.
const RECORD_DELAY_US: u64 = 1_000_000;

/// One open document.
#[derive(Debug)]
pub(super) struct OpenDocument {
    pub(super) replica: Replica,
    pub(super) link: Option<Link>,
    /// Whether the websocket of the link is open.
    pub(super) connected: bool,
    /// Frames that came and are not handled yet: each holds a permit of its link.
    pub(super) inbound: VecDeque<Received>,
    /// The link has ended; to be told to the replica after the frames that came before.
    pub(super) ended: Option<LinkEnd>,
    /// Why there is no link, as the network says; until the next one is welcomed.
    pub(super) last_end: Option<LinkEnd>,
    pub(super) writes: Writes,
    /// The position of the log below which a checkpoint on this disk holds everything, or is about to.
    pub(super) checkpointed: u64,
    pub(super) record: RecordState,
    /// Whether the replica had nothing more to send when it was asked last.
    pub(super) has_sent_all: bool,
    /// Whether somebody opened it, and not the background.
    pub(super) wanted: bool,
    /// Until when the relay is not asked anew what it keeps, on the monotonic clock in microseconds.
    pub(super) ask_anew_at_us: u64,
    /// What was said last of changes that were set aside.
    pub(super) set_aside_said: Option<String>,
    /// What takes the place of the own key, if that is used twice.
    pub(super) heir: Heir,
    /// This device's name as the document has it, once that was looked at.
    pub(super) introduced_as: Option<String>,
    /// What was told of the relay's store on this link, or of a clone.
    told: Option<Finding>,
    /// How many units were made before the session, and since when the oldest that the relay lacked had been waiting then, by the wall
    /// clock in microseconds.
    since_before: Option<(u64, i64)>,
}

/// What takes the place of a replica's key that is used twice.
#[derive(Debug)]
pub(super) enum Heir {
    /// Nothing is known of that.
    None,
    /// A key that follows from this.
    Chosen(ReplicaSeed),
    /// No other key can, or this one has just done so: no relay makes a device change its id again and again.
    Impossible,
}

/// What a replica found out that a person should know.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Finding {
    /// The relay's store is not what it was.
    Relay(RelayNotice),
    /// Somebody else writes under this replica's id.
    Cloned,
}

impl Finding {
    pub(super) const fn notice(self, document: DocumentId) -> Notice {
        match self {
            Self::Relay(notice) => Notice::RelayChanged { document, notice },
            Self::Cloned => Notice::Cloned { document },
        }
    }
}

/// How the document's changes get to the disk.
#[derive(Debug, Default)]
pub(super) struct Writes {
    /// Why the last one failed.
    pub(super) error: Option<String>,
    /// The queue was full: ask again when it has moved.
    pub(super) busy: bool,
    /// Whether the store has a record that it has not answered for: the next one waits for that answer.
    pub(super) record_asked: bool,
    /// The position of the log below which everything is on disk.
    head: u64,
    retry_at_us: Option<u64>,
    delay_us: u64,
}

/// How the document's record gets to the disk.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum RecordState {
    /// It is there.
    #[default]
    Saved,
    /// It is to be written at this time, on the monotonic clock.
    Due(u64),
    /// The store has it, and has not answered.
    Asked,
}

impl OpenDocument {
    /// A document whose log is on disk as it is.
    pub(super) fn new(replica: Replica, wanted: bool, checkpointed: u64, waiting_since_us: Option<i64>) -> Self {
        let since_before = waiting_since_us.map(|since_us| (replica.units_made(), since_us));
        let head = replica.document().log().len() as u64;
        Self {
            replica,
            link: None,
            connected: false,
            inbound: VecDeque::new(),
            ended: None,
            last_end: None,
            writes: Writes { head, ..Writes::default() },
            checkpointed,
            record: RecordState::Saved,
            has_sent_all: false,
            wanted,
            ask_anew_at_us: 0,
            set_aside_said: None,
            heir: Heir::None,
            introduced_as: None,
            told: None,
            since_before,
        }
    }

    /// When the oldest unit was made that is not on the relay's disk as far as is known, by the wall clock in microseconds.
    pub(super) fn waiting_since_us(&self, now: Now) -> Option<i64> {
        let saved = self.replica.units_saved_at_relay();
        let before = self.since_before.filter(|(made, _)| saved < *made).map(|(_, since_us)| since_us);
        let waited_us = |since: u64| i64::try_from(now.monotonic_us.saturating_sub(since)).unwrap_or(i64::MAX);
        before.or_else(|| self.replica.oldest_waiting_us().map(|since| now.wall_us.saturating_sub(waited_us(since))))
    }

    /// What the replica has found out, once for each link; of a clone once.
    pub(super) fn found_out(&mut self) -> Option<Finding> {
        let is_welcome = matches!(self.replica.link(), LinkState::CatchingUp { .. } | LinkState::Live);
        let finding = match self.replica.relay_notice() {
            _ if self.replica.clone_detected() => Some(Finding::Cloned),
            notice => notice.filter(|_| is_welcome).map(Finding::Relay),
        };
        let is_news = finding != self.told;
        self.told = finding;
        finding.filter(|_| is_news)
    }

    /// The record differs from the one on disk; it is written soon.
    pub(super) fn touch_record(&mut self, now: Now) {
        if !matches!(self.record, RecordState::Due(_)) {
            self.record = RecordState::Due(now.monotonic_us.saturating_add(RECORD_DELAY_US));
        }
    }

    /// The position of the log below which everything is on disk.
    pub(super) const fn head(&self) -> u64 {
        self.writes.head
    }

    /// Whether opening would take long because of what the log has behind its checkpoint. As the threshold grows with the log, all
    /// checkpoints together cost as much as a few of the last one.
    pub(super) fn needs_checkpoint(&self) -> bool {
        let behind = self.writes.head.saturating_sub(self.checkpointed);
        behind >= CHECKPOINT_CHANGES_MIN.max(self.writes.head / 4) && self.writes.error.is_none()
    }

    pub(super) fn is_on_disk(&self) -> bool {
        self.replica.units_made() == self.replica.units_saved_here()
            && self.writes.head >= self.replica.document().log().len() as u64
            && self.record == RecordState::Saved
    }

    /// Whether everything that the relay has is here and on this disk.
    pub(super) fn has_received(&self) -> bool {
        *self.replica.link() == LinkState::Live && self.inbound.is_empty() && self.is_on_disk()
    }

    /// Whether, besides, everything that the relay lacked was sent, and it has acknowledged what this device wrote.
    pub(super) fn has_sent(&self) -> bool {
        self.has_received() && self.has_sent_all && self.replica.units_waiting() == 0
    }

    pub(super) fn write_failed(&self) -> bool {
        self.writes.error.is_some()
    }

    pub(super) fn next_timer_us(&self) -> Option<u64> {
        let record = match self.record {
            RecordState::Due(at) => Some(at).filter(|_| !self.writes.record_asked),
            RecordState::Saved | RecordState::Asked => None,
        };
        [self.replica.poll_timeout(), self.writes.retry_at_us, record].into_iter().flatten().min()
    }

    /// The link that is spoken of says something.
    pub(super) fn handle_link(&mut self, now: Now, number: u64, what: LinkHappening) {
        if self.link.as_ref().is_none_or(|link| link.number() != number) {
            return;
        }
        match what {
            LinkHappening::Opened => {
                self.connected = true;
                self.replica.handle_connected(now);
            }
            LinkHappening::Received(received) => self.inbound.push_back(received),
            // The places are filled by the pump that follows every event.
            LinkHappening::Writable => {}
            LinkHappening::Ended(end) => self.ended = Some(end),
        }
    }

    /// Ends the link, and forgets what came by it and is not handled.
    pub(super) fn drop_link(&mut self) {
        self.link = None;
        self.connected = false;
        self.inbound.clear();
        self.ended = None;
    }

    /// Frames for the link, as many as it has places for.
    pub(super) fn transmit(&mut self, now: Now) {
        if let Some(link) = self.link.as_ref().filter(|_| self.connected && self.ended.is_none()) {
            self.has_sent_all = false;
            link.send(|| {
                let transmit = self.replica.poll_transmit(now);
                self.has_sent_all = transmit.is_none();
                transmit
            });
        }
    }

    /// The disk refused; a later attempt is planned.
    pub(super) fn write_refused(&mut self, now: Now, error: String) {
        self.replica.handle_persist_failed();
        self.writes.delay_us = (self.writes.delay_us * 2).clamp(WRITE_RETRY_FIRST_US, WRITE_RETRY_LONGEST_US);
        self.writes.retry_at_us = Some(now.monotonic_us.saturating_add(self.writes.delay_us));
        self.writes.error = Some(error);
        self.writes.record_asked = false;
        self.record = RecordState::Due(now.monotonic_us.saturating_add(self.writes.delay_us));
    }

    /// Everything below `head` is on disk; whether that ends a failure.
    pub(super) fn written(&mut self, now: Now, head: u64, record: bool) -> bool {
        if head > 0 {
            self.replica.handle_persisted(now, head);
        }
        if record {
            self.writes.record_asked = false;
            if self.record == RecordState::Asked {
                self.record = RecordState::Saved;
            }
        }
        self.writes.head = self.writes.head.max(head);
        let mended = self.writes.error.is_some() && self.writes.head >= self.replica.document().log().len() as u64;
        if mended {
            let Writes { busy, record_asked, head, .. } = self.writes;
            self.writes = Writes { busy, record_asked, head, ..Writes::default() };
        }
        mended
    }

    /// Asks the disk again.
    pub(super) fn retry_write(&mut self, now: Now) {
        self.writes.retry_at_us = None;
        self.writes.busy = false;
        self.replica.retry_persist();
        if matches!(self.record, RecordState::Due(_)) {
            self.record = RecordState::Due(now.monotonic_us);
        }
    }

    /// Timers of the disk and of the replica.
    pub(super) fn handle_timers(&mut self, now: Now) {
        if self.writes.retry_at_us.is_some_and(|at| now.monotonic_us >= at) {
            self.retry_write(now);
        }
        if self.replica.poll_timeout().is_some_and(|at| now.monotonic_us >= at) {
            self.replica.handle_timeout(now);
        }
    }
}
