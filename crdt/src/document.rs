//! A document: text and map, the causal buffer in front of them, and the log of everything that was delivered.

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use thiserror::Error;

use crate::causal::{self, CausalBuffer, CausalError, Delivery};
use crate::change::{Change, Op, Value};
use crate::clock::{Lamport, VersionVector};
use crate::codec::DecodeError;
use crate::envelope::{self, Envelope};
use crate::id::{DocumentId, OpId, ReplicaId};
use crate::map::{Entry, LwwMap};
use crate::text::{Splice, Text};
use crate::undo::{Group, Step, UndoLog};
use authors::Authors;
use pending::Pending;

mod authors;
mod pending;
mod validate;

/// The most bytes that a key and its value may have together.
pub const MAP_ENTRY_BYTES_MAX: usize = 64 * 1024;

/// A change of the visible text, and whose it was.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Patch {
    /// What changed.
    pub splice: Splice,
    /// Who changed it.
    pub author: ReplicaId,
}

/// A local edit that cannot be made; nothing was changed.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum EditError {
    /// A range outside the text.
    #[error("the range {start}..{end} is outside the text of {len} characters")]
    Range {
        /// Its start, in chars.
        start: usize,
        /// Its end, in chars.
        end: usize,
        /// How many chars the text has.
        len: usize,
    },
    /// A key and value that are too long.
    #[error("{bytes} bytes of key and value; the limit is {limit}")]
    TooLong {
        /// How many bytes they have.
        bytes: usize,
        /// [`MAP_ENTRY_BYTES_MAX`].
        limit: usize,
    },
}

/// An envelope that cannot be taken; nothing was changed.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum ReceiveError {
    /// It belongs to another document.
    #[error("the change belongs to document {found}, not to {expected}")]
    Document {
        /// The document that it names.
        found: DocumentId,
        /// This document.
        expected: DocumentId,
    },
    /// Its payload cannot be read.
    #[error("the payload cannot be read: {0}")]
    Payload(#[from] DecodeError),
    /// Its author used ids twice, or too much is held back.
    #[error(transparent)]
    Causal(#[from] CausalError),
    /// It names a character that its author cannot have seen.
    #[error("the change {change} names {id}, which is not a character in its past")]
    Unknown {
        /// The id of the change's first unit.
        change: OpId,
        /// What it names.
        id: OpId,
    },
    /// A key and value that are too long.
    #[error("the change {change} has {bytes} bytes of key and value; the limit is {limit}")]
    TooLong {
        /// The id of the change's first unit.
        change: OpId,
        /// How many bytes they have.
        bytes: usize,
        /// [`MAP_ENTRY_BYTES_MAX`].
        limit: usize,
    },
}

/// What [`Document::receive`] changed.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Received {
    /// The changes of the visible text, in the order in which they were made.
    pub patches: Vec<Patch>,
    /// The keys of the map that were written.
    pub keys: Vec<String>,
    /// Changes that had been held back and turned out to be unusable when their past was here.
    pub refused: Vec<ReceiveError>,
}

/// One replica's copy of a document.
///
/// Edits change it at once; [`commit`](Self::commit) seals them into envelopes at the end of [`log`](Self::log), to be stored and
/// broadcast. Envelopes of other replicas go through [`receive`](Self::receive), in any order and any number of times. Replicas
/// that delivered the same changes hold the same text and map.
#[derive(Clone, Debug)]
pub struct Document {
    id: DocumentId,
    replica: ReplicaId,
    text: Text,
    map: LwwMap,
    version: VersionVector,
    authors: Authors,
    held: CausalBuffer<Envelope>,
    log: Vec<Envelope>,
    pending: Pending,
    undo: UndoLog,
}

impl Document {
    /// An empty document, written by `replica`, which no other copy of it may use.
    pub fn new(id: DocumentId, replica: ReplicaId) -> Self {
        Self {
            id,
            replica,
            text: Text::new(),
            map: LwwMap::default(),
            version: VersionVector::new(),
            authors: Authors::default(),
            held: CausalBuffer::default(),
            log: Vec::new(),
            pending: Pending::default(),
            undo: UndoLog::default(),
        }
    }

    /// The document's id, the same at every replica.
    pub const fn id(&self) -> DocumentId {
        self.id
    }

    /// The replica whose edits this copy takes.
    pub const fn replica(&self) -> ReplicaId {
        self.replica
    }

    /// The text.
    pub const fn text(&self) -> &Text {
        &self.text
    }

    /// The map.
    pub const fn map(&self) -> &LwwMap {
        &self.map
    }

    /// What is delivered, own edits included, those not yet committed too.
    pub const fn version(&self) -> &VersionVector {
        &self.version
    }

    /// Everything delivered and committed, in the order of delivery: at every prefix, a change stands behind its causal past.
    pub fn log(&self) -> &[Envelope] {
        &self.log
    }

    /// How many changes wait for their past.
    pub fn held_back(&self) -> usize {
        self.held.len()
    }

    /// The Lamport timestamp of a delivered operation. O(log n).
    pub fn lamport(&self, id: OpId) -> Option<Lamport> {
        let made = self.version.get(id.replica);
        if id.seq >= made {
            return None;
        }
        let pending = self.pending.first_seq(made).filter(|first| id.replica == self.replica && id.seq >= *first);
        if pending.is_some() { self.authors.pending_lamport(made - id.seq) } else { self.authors.lamport(id) }
    }

    /// Inserts text before the char at `at`. O(log n) in the document, O(n) in the text.
    ///
    /// # Errors
    /// [`EditError::Range`] when `at` is behind the end.
    pub fn insert(&mut self, at: usize, text: &str) -> Result<(), EditError> {
        self.check_range(at..at)?;
        let mut at = at;
        for piece in pending::pieces(text) {
            let first = self.next_id();
            let (left, right) = self.text.insert(at, first, piece);
            at += self.made_insert(first, left, right, piece);
        }
        Ok(())
    }

    /// Deletes a range of chars. O(log n) in the document, O(n) in the range.
    ///
    /// # Errors
    /// [`EditError::Range`] when the range is not inside the text.
    pub fn delete(&mut self, range: Range<usize>) -> Result<(), EditError> {
        self.check_range(range.clone())?;
        if !range.is_empty() {
            self.delete_inside(range);
        }
        Ok(())
    }

    /// Writes a value to a key of the map, or removes the key. O(log n).
    ///
    /// # Errors
    /// [`EditError::TooLong`] above [`MAP_ENTRY_BYTES_MAX`].
    pub fn set(&mut self, key: &str, value: Option<Value>) -> Result<(), EditError> {
        let bytes = validate::entry_bytes(key, value.as_ref());
        if bytes > MAP_ENTRY_BYTES_MAX {
            return Err(EditError::TooLong { bytes, limit: MAP_ENTRY_BYTES_MAX });
        }
        let entry = Entry { id: self.next_id(), lamport: self.authors.next_lamport(), value: value.clone() };
        self.map.apply(key, entry, &self.version);
        self.made(Op::Set { key: String::from(key), value });
        Ok(())
    }

    /// Undoes the newest group of own edits that is not undone: a new edit. The patches that it made, none if there is no group.
    pub fn undo(&mut self) -> Vec<Patch> {
        let group = self.undo.start_undo();
        self.invert(group)
    }

    /// Redoes what was undone last, if nothing was edited since: a new edit. The patches that it made.
    pub fn redo(&mut self) -> Vec<Patch> {
        let group = self.undo.start_redo();
        self.invert(group)
    }

    /// Whether there is something to undo.
    pub fn can_undo(&self) -> bool {
        self.undo.can_undo()
    }

    /// Whether there is something to redo.
    pub fn can_redo(&self) -> bool {
        self.undo.can_redo()
    }

    /// The next edit starts a new undo group.
    pub fn end_undo_group(&mut self) {
        self.undo.end_group();
    }

    /// Seals the edits made since the last commit into changes at the end of [`log`](Self::log); how many changes.
    pub fn commit(&mut self) -> usize {
        let Some(first_seq) = self.pending.first_seq(self.version.get(self.replica)) else { return 0 };
        let changes = self.pending.take(self.replica, first_seq, self.authors.moved(self.replica, &self.version));
        for change in &changes {
            let deps = change.header.deps.clone();
            self.authors.deliver(self.replica, change.header.first_seq, change.header.len, &deps);
            self.log.push(envelope::seal(self.id, change));
        }
        changes.len()
    }

    /// Takes an envelope from another replica, or from the disk. What was changed is added to `received`.
    ///
    /// If its past is here, it is delivered together with everything that waited for it; own edits are committed before, since
    /// they were made without knowing it. If not, it is held back. O(log n) for each of its operations.
    ///
    /// # Errors
    /// A [`ReceiveError`] when the envelope cannot be taken: nothing was changed by it.
    pub fn receive(&mut self, envelope: Envelope, received: &mut Received) -> Result<Delivery, ReceiveError> {
        if envelope.document() != self.id {
            return Err(ReceiveError::Document { found: envelope.document(), expected: self.id });
        }
        let delivery = causal::classify(envelope.header(), &self.version)?;
        match delivery {
            Delivery::Duplicate => {}
            Delivery::HeldBack => {
                envelope::open(&envelope)?;
                self.held.hold(envelope.header().clone(), envelope.bytes().len(), envelope)?;
            }
            Delivery::Delivered => {
                self.deliver(envelope, received)?;
                while let Some(waiting) = self.held.take_ready(&self.version) {
                    if let Err(error) = self.deliver(waiting, received) {
                        received.refused.push(error);
                    }
                }
            }
        }
        Ok(delivery)
    }

    fn deliver(&mut self, envelope: Envelope, received: &mut Received) -> Result<(), ReceiveError> {
        let change = envelope::open(&envelope)?;
        let past = self.authors.past(&change.header);
        validate::check(&change, &past, &self.text)?;
        self.commit();
        let lamport = self.authors.deliver(
            change.header.replica,
            change.header.first_seq,
            change.header.len,
            &change.header.deps,
        );
        self.apply(change, past, lamport, received);
        self.log.push(envelope);
        Ok(())
    }

    /// Applies a change that was checked; cannot fail.
    fn apply(&mut self, change: Change, mut past: VersionVector, lamport: Lamport, received: &mut Received) {
        let author = change.header.replica;
        let mut id = change.header.first_id();
        let mut splices = Vec::new();
        for op in change.ops {
            let len = op.len();
            past.observe(author, id.seq);
            match op {
                Op::Insert { left, right, text } => splices.push(self.text.integrate_insert(id, left, right, &text)),
                Op::Delete { first, len, .. } => self.text.integrate_delete(first, len, &mut splices),
                Op::Set { key, value } => {
                    let lamport = lamport.plus(id.seq - change.header.first_seq);
                    self.map.apply(&key, Entry { id, lamport, value }, &past);
                    received.keys.push(key);
                }
            }
            received.patches.extend(splices.drain(..).map(|splice| Patch { splice, author }));
            id = id.plus(len);
        }
        self.version.observe(author, id.seq);
    }

    /// Deletes a range that is inside the text and not empty.
    fn delete_inside(&mut self, range: Range<usize>) {
        let deleted = self.text.slice(range.clone());
        let mut rest = deleted.as_str();
        for run in self.text.delete(range) {
            let split = rest.char_indices().nth(usize::try_from(run.len).unwrap_or(usize::MAX));
            let (text, behind) = rest.split_at(split.map_or(rest.len(), |(at, _)| at));
            rest = behind;
            self.undo.record(Step::Deleted { last: run.first.plus(run.len - 1), text: String::from(text) });
            self.made(Op::Delete { first: run.first, len: run.len, backwards: false });
        }
    }

    fn next_id(&self) -> OpId {
        OpId::new(self.replica, self.version.get(self.replica))
    }

    fn check_range(&self, range: Range<usize>) -> Result<(), EditError> {
        let len = self.text.len_chars();
        if range.start > range.end || range.end > len {
            return Err(EditError::Range { start: range.start, end: range.end, len });
        }
        Ok(())
    }

    /// Notes an insert that the text has taken; how many chars it has.
    fn made_insert(&mut self, first: OpId, left: Option<OpId>, right: Option<OpId>, text: &str) -> usize {
        let len = text.chars().count();
        self.undo.record(Step::Inserted { first, len: len as u64 });
        self.made(Op::Insert { left, right, text: String::from(text) });
        len
    }

    /// Notes an operation that text or map has taken.
    fn made(&mut self, op: Op) {
        let id = self.next_id();
        let len = op.len();
        self.pending.push(id, op);
        self.authors.advance_clock(len);
        self.version.observe(self.replica, id.seq + len);
    }

    fn invert(&mut self, group: Option<Group>) -> Vec<Patch> {
        let mut splices = Vec::new();
        for step in group.into_iter().flatten().rev() {
            match step {
                Step::Inserted { first, len } => self.take_back(first, len, &mut splices),
                Step::Deleted { last, text } => self.put_back(last, &text, &mut splices),
            }
        }
        self.undo.finish();
        let author = self.replica;
        splices.into_iter().map(|splice| Patch { splice, author }).collect()
    }

    /// Deletes what is still there of a run of own characters, or was put back since.
    fn take_back(&mut self, first: OpId, len: u64, splices: &mut Vec<Splice>) {
        for (first, len) in self.undo.with_replacements(first, len) {
            for range in self.text.visible_ranges(first, len).into_iter().rev() {
                splices.push(Splice { at: range.start, deleted: range.len(), inserted: 0 });
                self.delete_inside(range);
            }
        }
    }

    /// Inserts deleted text again, right behind the last character that was deleted.
    fn put_back(&mut self, last: OpId, text: &str, splices: &mut Vec<Splice>) {
        let (mut old, mut behind) = (OpId::new(last.replica, last.seq + 1 - text.chars().count() as u64), last);
        for piece in pending::pieces(text) {
            let first = self.next_id();
            let (at, right) = self.text.insert_behind(behind, first, piece);
            let inserted = self.made_insert(first, Some(behind), right, piece);
            self.undo.replace(old, inserted as u64, first);
            old = old.plus(inserted as u64);
            splices.push(Splice { at, deleted: 0, inserted });
            behind = first.plus(inserted as u64 - 1);
        }
    }
}

#[cfg(test)]
mod tests;
