//! What is on disk here, and what the relay still lacks: positions in the document's log, and never a queue.

use alloc::collections::VecDeque;

use crate::clock::VersionVector;
use crate::document::Document;
use crate::envelope::Envelope;
use crate::id::ReplicaId;
use crate::sync::frame::Resume;
use crate::sync::runs;
use crate::sync::seals::Seals;

/// Cursors into the document's log.
#[derive(Debug)]
pub(super) struct Outbox {
    /// The entries below this position are on disk.
    durable: usize,
    /// What those entries add up to.
    durable_version: VersionVector,
    /// How many own units those entries have.
    own_durable: u64,
    /// The entries below this position were handed to the disk.
    asked: usize,
    failed: bool,
    /// The entries below this position were sent on this link, or the relay had them.
    cursor: usize,
    /// The rest of the run of another author that is being sent: its changes stay together, whatever stands between them here.
    run: VecDeque<usize>,
    /// What of others the relay has, or will have once it has read what was sent.
    relay_version: VersionVector,
    /// How many own units were sent on this link, or need not be.
    own_known: u64,
    /// What is on the relay's disk for sure: what its newest Welcome and the acks since said.
    relay_durable: VersionVector,
    /// How many own units were sent, on any link; at the start, all that were on disk may have been.
    own_sent: u64,
    /// The newest place in the relay's log that is on disk here.
    resume: Option<Resume>,
    /// Places that will be, once the own log is durable up to a position: the one waited for, and the newest behind it.
    reached: Option<Reached>,
    reached_next: Option<Reached>,
}

#[derive(Clone, Copy, Debug)]
struct Reached {
    resume: Resume,
    /// The length that the own log had when the relay said so.
    needs: usize,
}

impl Outbox {
    pub(super) fn new(document: &Document, resume: Option<Resume>) -> Self {
        let own = document.replica();
        let others = document.version().iter().filter(|(replica, _)| *replica != own);
        let mut durable_version: VersionVector = others.collect();
        let own_sent = document.committed();
        durable_version.observe(own, own_sent);
        let durable = document.log().len();
        Self {
            durable,
            durable_version,
            own_durable: own_sent,
            asked: durable,
            failed: false,
            cursor: durable,
            run: VecDeque::new(),
            relay_version: VersionVector::new(),
            own_known: 0,
            relay_durable: VersionVector::new(),
            own_sent,
            resume,
            reached: None,
            reached_next: None,
        }
    }

    /// What is on disk here.
    pub(super) const fn durable_version(&self) -> &VersionVector {
        &self.durable_version
    }

    /// How many own units anybody else can have.
    pub(super) const fn own_sent(&self) -> u64 {
        self.own_sent
    }

    /// What is on disk is given to somebody otherwise than on a link; up to which position of the log that is.
    pub(super) fn give_out(&mut self) -> u64 {
        self.own_sent = self.own_sent.max(self.own_durable);
        self.durable as u64
    }

    /// How many own units were sent on this link, or need not be.
    pub(super) const fn own_known(&self) -> u64 {
        self.own_known
    }

    /// The newest place in the relay's log that is on disk here.
    pub(super) const fn resume(&self) -> Option<Resume> {
        self.resume
    }

    /// The next entry to hand to the disk, with its position.
    pub(super) fn next_persist(&mut self, document: &Document) -> Option<(u64, Envelope)> {
        if self.failed {
            return None;
        }
        let entry = document.log().envelope(self.asked)?;
        let position = self.asked as u64;
        self.asked += 1;
        Some((position, entry))
    }

    /// The entries below `head` are on disk. Whether that is news; what was never handed to the disk does not count.
    pub(super) fn persisted(&mut self, document: &Document, head: u64) -> bool {
        let head = usize::try_from(head).unwrap_or(usize::MAX).min(self.asked);
        let is_news = head > self.durable;
        while self.durable < head {
            if let Some(header) = document.log().header(self.durable) {
                self.durable_version.observe(header.replica, header.end_seq());
                if header.replica == document.replica() {
                    self.own_durable = header.end_seq();
                }
            }
            self.durable += 1;
        }
        is_news
    }

    pub(super) const fn fail(&mut self) {
        self.failed = true;
    }

    pub(super) const fn has_failed(&self) -> bool {
        self.failed
    }

    pub(super) const fn retry(&mut self) {
        self.failed = false;
        self.asked = self.durable;
    }

    /// The relay says what is on its disk.
    pub(super) fn relay_keeps(&mut self, version: VersionVector) {
        self.relay_durable = version;
    }

    /// The relay says that so many units of this replica are on its disk.
    pub(super) fn relay_keeps_own(&mut self, own: ReplicaId, count: u64) {
        self.relay_durable.observe(own, count);
    }

    /// What is on the relay's disk for sure.
    pub(super) const fn relay_durable(&self) -> &VersionVector {
        &self.relay_durable
    }

    /// The relay says what it has: everything else is to be sent, from the start of the log on; of the own, what is behind so many units.
    pub(super) fn rewind(&mut self, relay_version: VersionVector, own_known: u64) {
        let is_up_to_date = self.durable_version <= relay_version && self.own_durable <= own_known;
        self.cursor = if is_up_to_date { self.durable } else { 0 };
        self.run.clear();
        self.relay_version = relay_version;
        self.own_known = own_known;
    }

    /// The relay sent this entry, so it has it.
    pub(super) fn relay_has(&mut self, envelope: &Envelope) {
        self.relay_version.observe(envelope.header().replica, envelope.header().end_seq());
    }

    /// The next entry that is on disk here and that the relay lacks. O(1), and O(entries skipped) after [`Outbox::rewind`].
    ///
    /// Of others, with `seals`, it gives what can be proved to the relay: a run with its end, without anything between its changes. One whose end
    /// is not here yet is left out.
    pub(super) fn next_change(&mut self, document: &Document, seals: Option<&Seals>) -> Option<Envelope> {
        if self.failed {
            return None;
        }
        if let Some(position) = self.run.pop_front() {
            return self.send_known(document, position);
        }
        while self.cursor < self.durable {
            let header = document.log().header(self.cursor)?;
            let position = self.cursor;
            self.cursor += 1;
            let (replica, end_seq) = (header.replica, header.end_seq());
            if replica == document.replica() {
                if self.own_known < end_seq {
                    self.own_known = end_seq;
                    self.own_sent = self.own_sent.max(end_seq);
                    return document.log().envelope(position);
                }
            } else if self.relay_version.get(replica) < end_seq
                && let Some(run) = runs::run_at(&document.log(), self.durable, seals, position)
            {
                self.run = run.into();
                return self.run.pop_front().and_then(|position| self.send_known(document, position));
            }
        }
        None
    }

    fn send_known(&mut self, document: &Document, position: usize) -> Option<Envelope> {
        let envelope = document.log().envelope(position)?;
        self.relay_version.observe(envelope.header().replica, envelope.header().end_seq());
        Some(envelope)
    }

    /// The relay served everything below this place, and all of it is delivered: in the own log, if not on disk yet.
    pub(super) fn reach(&mut self, document: &Document, resume: Resume) {
        let reached = Reached { resume, needs: document.log().len() };
        match self.reached {
            None => self.reached = Some(reached),
            Some(_) => self.reached_next = Some(reached),
        }
    }

    /// Another relay's log: places in the former one mean nothing any more.
    pub(super) fn forget_resume(&mut self) {
        (self.resume, self.reached, self.reached_next) = (None, None, None);
    }

    /// The place in the relay's log that has come to be on disk here, if it is another one than before.
    pub(super) fn take_resume(&mut self) -> Option<Resume> {
        let mut newest = None;
        while let Some(reached) = self.reached.filter(|reached| reached.needs <= self.durable) {
            newest = Some(reached.resume);
            self.reached = self.reached_next.take();
        }
        let news = newest.filter(|resume| self.resume != Some(*resume))?;
        self.resume = Some(news);
        Some(news)
    }
}
