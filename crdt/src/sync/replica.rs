//! The replica's half: a document, what of it is on disk here, what of it the relay has, and the link between the two.
//!
//! The caller drives it: verbs and `handle_*` for what happened, then [`Replica::poll_output`] until it is empty, and
//! [`Replica::poll_transmit`] whenever the socket can take a frame. The page above the module, [`crate::sync`], tells the protocol.

mod agreement;
mod announce;
mod carried;
mod frames;
mod link;
mod outbox;
mod set_aside;
mod tracing;
mod waiting;

#[cfg(test)]
mod tests;

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use bytes::Bytes;

use self::agreement::Agreement;
pub use self::agreement::{DIGEST_INTERVAL_US, DIGEST_QUIET_US, DIGESTS_MAX, DIVERGENCES_MAX, Divergence, StateAt};
use self::announce::Announcements;
pub use self::announce::{HELD_ENTRIES_MAX, HELD_INTERVAL_US, PEERS_MAX, PRESENCE_INTERVAL_US};
use self::link::Link;
pub use self::link::{CONNECT_WITHIN_US, GREET_WITHIN_US, LinkError, MISSING_FRAMES_MAX, PONGS_OWED_MAX, RelayNotice};
use self::outbox::Outbox;
pub use self::set_aside::{SET_ASIDE_AUTHORS_MAX, SetAside, SetAsideReason};
pub use self::tracing::HeirError;
use self::tracing::Tracing;
use self::waiting::Waiting;
use super::frame::{PRESENCE_BYTES_MAX, Refusal, Resume};
use super::seals::{Seal, Seals};
use super::time::Now;
use crate::change::Value;
use crate::clock::VersionVector;
use crate::document::{Document, EditError, Patch};
use crate::envelope::Envelope;
use crate::id::ReplicaId;
use crate::sealed::Author;
use crate::text::Splice;

/// Where the link to the relay stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LinkState {
    /// It is kept off: by the user, by a refusal that trying again would not change, or because this replica was cloned.
    Off,
    /// The last attempt failed; the next one comes.
    Waiting {
        /// When, on the monotonic clock, in microseconds.
        until_us: u64,
    },
    /// The caller is opening the transport.
    Connecting,
    /// The transport is open, and the relay has not welcomed this replica yet.
    Greeting,
    /// Welcome: what was written elsewhere meanwhile is coming.
    CatchingUp {
        /// Up to which position of the relay's log this replica is served.
        position: u64,
        /// Where that log ends.
        head: u64,
    },
    /// Everything the relay had was received; changes come and go as they are made.
    Live,
}

/// What the caller must act on or may show. Outputs are in order: apply each before the next one is asked for.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// The visible text changed, here or elsewhere.
    Patched(Patch),
    /// A key of the map was written, here or elsewhere.
    MapChanged {
        /// Which one.
        key: String,
    },
    /// Append this envelope to the document's log on disk and make it durable, then call [`Replica::handle_persisted`] with
    /// `position + 1`; one call may cover many. When it fails: [`Replica::handle_persist_failed`].
    Persist {
        /// Its position in this replica's own log, from 0; positions come without gaps.
        position: u64,
        /// The envelope.
        envelope: Bytes,
        /// Whose change it is and what proves it, if another replica made it and the link seals: to be made durable with it, and given
        /// back in [`Replica::with_seals`].
        seal: Option<(ReplicaId, Box<Seal>)>,
    },
    /// Remember this with the document, in no hurry and without an answer: how far the own chain is known. It comes back in
    /// [`Replica::with_seals`].
    PersistChain {
        /// How far.
        own: Author,
    },
    /// Remember this with the document, in no hurry and without an answer, together with what
    /// [`Replica::units_saved_at_relay`] says; both come back in [`ReplicaConfig`]. It comes again with the same place when the
    /// relay has saved everything that was made.
    PersistResume {
        /// Up to where this replica has the relay's log on its own disk.
        resume: Resume,
    },
    /// Open a transport to the relay, then call [`Replica::handle_connected`] or [`Replica::handle_disconnected`].
    Connect,
    /// Close the transport, or stop opening it. Nothing of that transport may be handed in any more.
    Disconnect,
    /// A replica that delivered the same changes holds something else: one of the two copies is wrong. Of each replica and version it
    /// comes once. The link goes on.
    Diverged(Divergence),
    /// It is known what the relay has of this replica's id: [`Replica::heir`] takes its place.
    Traced,
    /// The relay ends the link and says why. [`Replica::refusal`] keeps it until the next welcome.
    Refused(Refusal),
    /// A getter about the link, the peers or where the edits are says something new.
    StatusChanged,
}

/// How a replica is set up.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ReplicaConfig {
    /// Seeds the jitter of the delays between attempts.
    pub seed: u64,
    /// What [`Output::PersistResume`] said last.
    pub resume: Option<Resume>,
    /// What [`Replica::units_saved_at_relay`] said last. It is shown until the relay says what it has.
    pub saved_at_relay: u64,
}

/// Another replica, as far as it showed itself.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Peer {
    /// Its newest presence, while it is linked.
    pub presence: Option<Bytes>,
    /// What it said it has on its disk.
    pub held: VersionVector,
    /// What it said last that it holds.
    pub state: Option<StateAt>,
}

/// One device's copy of a document with its link to the relay.
///
/// Reading and writing never wait for the link or the disk. A change is sent only after the disk has it, and counts as saved at the
/// relay only after the relay's disk has it.
#[derive(Debug)]
pub struct Replica {
    document: Document,
    outbox: Outbox,
    waiting: Waiting,
    link: Link,
    announcements: Announcements,
    agreement: Agreement,
    set_aside: SetAside,
    peers: BTreeMap<ReplicaId, Peer>,
    /// What proves others' changes, if its links seal.
    seals: Option<Seals>,
    /// What becomes of it, if its id is used twice.
    tracing: Option<Tracing>,
    outputs: VecDeque<Output>,
    status_changed: bool,
    /// The newest reading of the monotonic clock that the caller gave.
    now_us: u64,
}

impl Replica {
    /// A replica, off line. Everything in the document's log is on disk already.
    pub fn new(document: Document, config: ReplicaConfig) -> Self {
        Self {
            outbox: Outbox::new(&document, config.resume),
            waiting: Waiting::new(config.saved_at_relay),
            link: Link::new(config.seed),
            announcements: Announcements::default(),
            agreement: Agreement::default(),
            set_aside: SetAside::default(),
            peers: BTreeMap::new(),
            seals: None,
            tracing: None,
            outputs: VecDeque::new(),
            status_changed: false,
            now_us: 0,
            document,
        }
    }

    /// The same replica, whose links are sealed: with the proofs of everything in its document that others made.
    #[must_use]
    pub fn with_seals(mut self, seals: Seals) -> Self {
        self.seals = Some(seals);
        self
    }

    /// What proves others' changes, if its links are sealed.
    pub const fn seals(&self) -> Option<&Seals> {
        self.seals.as_ref()
    }

    /// How far the changes of each other author are verified that are delivered here.
    pub fn verified(&self) -> BTreeMap<ReplicaId, Author> {
        let Some(seals) = &self.seals else { return BTreeMap::new() };
        let author = |(replica, count)| Some((replica, seals.get(replica, 0, count)?.author));
        self.document.version().iter().filter_map(author).collect()
    }

    /// The document.
    pub const fn document(&self) -> &Document {
        &self.document
    }

    /// Inserts text at a position in chars; [`Output::Patched`] follows.
    ///
    /// # Errors
    /// [`EditError::Range`] when the position is behind the end of the text.
    pub fn insert(&mut self, at: usize, text: &str) -> Result<(), EditError> {
        self.document.insert(at, text)?;
        self.patched(Splice { at, deleted: 0, inserted: text.chars().count() });
        Ok(())
    }

    /// Deletes a range of chars; [`Output::Patched`] follows.
    ///
    /// # Errors
    /// [`EditError::Range`] when the range is not inside the text.
    pub fn delete(&mut self, range: Range<usize>) -> Result<(), EditError> {
        let splice = Splice { at: range.start, deleted: range.len(), inserted: 0 };
        self.document.delete(range)?;
        self.patched(splice);
        Ok(())
    }

    /// Makes a range of the text what it was at a version, as [`Document::restore`] does; [`Output::Patched`] follows for each change.
    ///
    /// # Errors
    /// As [`Document::restore`].
    pub fn restore(&mut self, range: Range<usize>, version: &VersionVector) -> Result<(), EditError> {
        let patches = self.document.restore(range, version)?;
        self.outputs.extend(patches.into_iter().map(Output::Patched));
        Ok(())
    }

    /// Writes a key of the map, or removes it (`None`); [`Output::MapChanged`] follows.
    ///
    /// # Errors
    /// [`EditError::TooLong`] when key and value do not fit a change.
    pub fn set(&mut self, key: &str, value: Option<Value>) -> Result<(), EditError> {
        self.document.set(key, value)?;
        self.outputs.push_back(Output::MapChanged { key: key.into() });
        Ok(())
    }

    /// Undoes this replica's newest group of edits. Whether there was one.
    pub fn undo(&mut self) -> bool {
        let possible = self.document.can_undo();
        let patches = self.document.undo();
        self.outputs.extend(patches.into_iter().map(Output::Patched));
        possible
    }

    /// Makes again what was undone last. Whether there was something.
    pub fn redo(&mut self) -> bool {
        let possible = self.document.can_redo();
        let patches = self.document.redo();
        self.outputs.extend(patches.into_iter().map(Output::Patched));
        possible
    }

    /// The next edit starts a new group for undo.
    pub fn end_undo_group(&mut self) {
        self.document.end_undo_group();
    }

    /// Says what time it is, in seconds since the start of 1970 in UTC; see [`Document::set_time`].
    pub const fn set_time(&mut self, seconds: i64) {
        self.document.set_time(seconds);
    }

    /// Seals the edits since the last commit into changes and asks for them to be persisted. Call it after each batch of verbs.
    pub fn commit(&mut self) {
        if self.document.commit() > 0 {
            self.status_changed = true;
        }
    }

    /// What the other replicas may show of this one (a caret, a name); `None` when it is gone. Only the newest is sent.
    ///
    /// # Errors
    /// [`EditError::TooLong`] when the payload is longer than [`PRESENCE_BYTES_MAX`]; the one before stays.
    pub fn set_presence(&mut self, payload: Option<Bytes>) -> Result<(), EditError> {
        let bytes = payload.as_ref().map_or(0, Bytes::len);
        if bytes > PRESENCE_BYTES_MAX {
            return Err(EditError::TooLong { bytes, limit: PRESENCE_BYTES_MAX });
        }
        self.announcements.set_presence(payload);
        Ok(())
    }

    /// Everything below this position of the own log is on disk.
    pub fn handle_persisted(&mut self, now: Now, head: u64) {
        self.hear_clock(now);
        let saved_before = self.units_saved_here();
        if self.outbox.persisted(&self.document, head) {
            self.announcements.held.mark();
        }
        self.status_changed |= self.units_saved_here() != saved_before;
        self.persist_resume();
    }

    /// The disk refused. Writing goes on, and no change is sent until [`Replica::retry_persist`].
    pub fn handle_persist_failed(&mut self) {
        self.outbox.fail();
        self.status_changed = true;
    }

    /// Asks again to persist everything that is not on disk, from the first such position.
    pub fn retry_persist(&mut self) {
        self.outbox.retry();
        self.status_changed = true;
    }

    /// What to do next, if anything.
    pub fn poll_output(&mut self) -> Option<Output> {
        if let Some(output) = self.outputs.pop_front() {
            return Some(output);
        }
        if let Some((position, envelope)) = self.outbox.next_persist(&self.document) {
            let seal = self.seal_of(&envelope).map(|(replica, seal)| (replica, Box::new(seal)));
            return Some(Output::Persist { position, envelope: envelope.bytes().clone(), seal });
        }
        core::mem::take(&mut self.status_changed).then_some(Output::StatusChanged)
    }

    /// Whose change it is and what proves it, if another replica made it.
    fn seal_of(&self, envelope: &Envelope) -> Option<(ReplicaId, Seal)> {
        let header = envelope.header();
        let seal = self.seals.as_ref()?.get(header.replica, header.first_seq, header.end_seq())?;
        Some((header.replica, seal))
    }

    /// Where the link stands.
    pub const fn link(&self) -> &LinkState {
        &self.link.state
    }

    /// Why the last link ended, if it ended by an error and no link was welcomed since.
    pub const fn link_error(&self) -> Option<&LinkError> {
        self.link.error.as_ref()
    }

    /// What the relay said when it refused, if no link was welcomed since.
    pub const fn refusal(&self) -> Option<Refusal> {
        self.link.refusal
    }

    /// What this replica found out about the relay's store at the last welcome.
    pub const fn relay_notice(&self) -> Option<RelayNotice> {
        self.link.notice
    }

    /// Whether somebody else writes under this replica's id: this store was copied, or restored from an old backup. It stays off
    /// line then; its text and its unsent changes are here, and want a new replica id: [`Replica::trace`].
    pub const fn clone_detected(&self) -> bool {
        self.link.cloned
    }

    /// Whether the disk refused and [`Replica::retry_persist`] was not called since.
    pub const fn persist_failed(&self) -> bool {
        self.outbox.has_failed()
    }

    /// How many units this replica made, those included that wait for [`Replica::commit`].
    pub fn units_made(&self) -> u64 {
        self.document.version().get(self.document.replica())
    }

    /// How many of them are on this disk.
    pub fn units_saved_here(&self) -> u64 {
        self.outbox.durable_version().get(self.document.replica())
    }

    /// How many of them are on the relay's disk, as it said last.
    pub const fn units_saved_at_relay(&self) -> u64 {
        self.waiting.saved()
    }

    /// What is on the relay's disk for sure, everybody's changes: as it said when it welcomed this replica last, and in its acks
    /// since. Acks are for own changes only: that it has what this replica sent of others' shows after [`Replica::greet_again`].
    pub const fn version_at_relay(&self) -> &VersionVector {
        self.outbox.relay_durable()
    }

    /// How many of them are not on the relay's disk, as far as is known here.
    pub fn units_waiting(&self) -> u64 {
        self.units_made().saturating_sub(self.units_saved_at_relay())
    }

    /// When the oldest of the waiting units was made, on the monotonic clock in microseconds: the first reading of the clock that
    /// the caller gave after it, to the second. Units from before [`Replica::new`] count from its first reading.
    pub fn oldest_waiting_us(&self) -> Option<u64> {
        self.waiting.oldest_us()
    }

    /// The other replicas that have shown themselves, at most [`PEERS_MAX`].
    pub const fn peers(&self) -> &BTreeMap<ReplicaId, Peer> {
        &self.peers
    }

    /// The others that said they have all of this replica's units on their disks, in the order of their ids.
    pub fn holders(&self) -> Vec<ReplicaId> {
        let (own, made) = (self.document.replica(), self.units_made());
        let holds = |(_, peer): &(&ReplicaId, &Peer)| peer.held.get(own) >= made;
        self.peers.iter().filter(holds).map(|(replica, _)| *replica).collect()
    }

    /// What of others came on the newest link and cannot be taken, by this program or by any.
    pub const fn set_aside(&self) -> &SetAside {
        &self.set_aside
    }

    /// The smoothed round trip to the relay and back, in microseconds.
    pub fn round_trip_us(&self) -> Option<u64> {
        self.link.detector.round_trip_us()
    }

    /// By how much this clock is ahead of the relay's (behind it: negative), and the uncertainty of that, in microseconds.
    pub fn clock_offset_us(&self) -> Option<(i64, u64)> {
        self.link.clock_offset.best_us()
    }

    fn patched(&mut self, splice: Splice) {
        if splice.deleted > 0 || splice.inserted > 0 {
            self.outputs.push_back(Output::Patched(Patch { splice, author: self.document.replica() }));
        }
    }

    fn hear_clock(&mut self, now: Now) {
        self.now_us = self.now_us.max(now.monotonic_us);
        let made = self.units_made();
        self.waiting.made(made, self.now_us);
        self.notice_units();
    }

    /// Takes in what was delivered and written since.
    fn notice_units(&mut self) {
        self.agreement.notice(self.document.text().units().len(), self.now_us);
    }

    fn persist_resume(&mut self) {
        if let Some(resume) = self.outbox.take_resume() {
            self.outputs.push_back(Output::PersistResume { resume });
        }
    }
}
