//! A document: text and map, the causal buffer in front of them, and the log of everything that was delivered.

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use crate::causal::{self, CausalBuffer, Delivery};
use crate::change::{OpRef, Value};
use crate::clock::{Lamport, VersionVector};
use crate::codec::change::{Coded, Earlier};
use crate::envelope::{self, Envelope};
use crate::id::{DocumentId, OpId, ReplicaId};
use crate::map::{Entry, LwwMap};
use crate::text::{Splice, Text};
use crate::undo::UndoLog;
use crate::units::{UNITS_MAX, Unit};
use authors::Authors;
pub use checkpoint::{CHECKPOINT_VERSION, Checkpoint, CheckpointError};
use deletions::Deletion;
pub use edits::Edits;
pub use error::{EditError, ReceiveError};
pub use history::{Blame, Difference, Turn, Written};
use log::Record;
pub use log::{Envelopes, Log};
use streak::Streak;
pub use succession::{Succession, SuccessionError};
use validate::{Checked, Seen};

mod authors;
mod checkpoint;
mod cuts;
mod deletions;
mod digest;
mod edits;
mod error;
mod history;
mod log;
mod naming;
mod past;
mod streak;
mod succession;
mod times;
mod undoing;
mod unit_set;
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

/// What [`Document::receive`] changed.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Received {
    /// The changes of the visible text, in the order in which they were made.
    pub patches: Vec<Patch>,
    /// The keys of the map that were written.
    pub keys: Vec<String>,
    /// Changes that had been held back and turned out to be unusable when their past was here: the id of the first unit of each,
    /// and why.
    pub refused: Vec<(OpId, ReceiveError)>,
}

/// One replica's copy of a document.
///
/// Edits change it at once; [`commit`](Self::commit) makes them into changes at the end of [`log`](Self::log), to be stored and
/// broadcast. Envelopes of other replicas go through [`receive`](Self::receive), in any order and any number of times. Replicas
/// that delivered the same changes hold the same text and map.
#[derive(Clone, Debug)]
pub struct Document {
    id: DocumentId,
    replica: ReplicaId,
    text: Text,
    map: LwwMap,
    version: VersionVector,
    /// How many units this replica made: its own entry of the version.
    made: u64,
    /// The entries of others that moved since this replica's newest change.
    moved: VersionVector,
    authors: Authors,
    held: CausalBuffer<Envelope>,
    record: Record,
    undo: UndoLog,
    /// How the newest change ended.
    streak: Option<Streak>,
    /// What time it is, in seconds since the start of 1970 in UTC: what was said last, here or by an own change that came back.
    time: Option<i64>,
    /// Room for the letters of [`Edits`].
    letters: String,
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
            made: 0,
            moved: VersionVector::new(),
            authors: Authors::default(),
            held: CausalBuffer::default(),
            record: Record::default(),
            undo: UndoLog::default(),
            streak: None,
            time: None,
            letters: String::new(),
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
    pub const fn log(&self) -> Log<'_> {
        Log { document: self.id, record: &self.record, authors: &self.authors, text: &self.text }
    }

    /// How many own units are committed.
    pub fn committed(&self) -> u64 {
        self.made - self.pending() as u64
    }

    /// How many changes wait for their past.
    pub fn held_back(&self) -> usize {
        self.held.len()
    }

    /// Inserts text before the char at `at`. O(log n) in the document, O(n) in the text; O(n) in the text alone where the last
    /// insert ended.
    ///
    /// # Errors
    /// [`EditError::Range`] when `at` is behind the end, [`EditError::Full`] when the history has no room.
    pub fn insert(&mut self, at: usize, text: &str) -> Result<(), EditError> {
        self.check_range(at..at)?;
        self.check_room(text.len())?;
        self.insert_inside(at, text, text.chars().count());
        Ok(())
    }

    /// Deletes a range of chars. O(log n) in the document, O(n) in the range.
    ///
    /// # Errors
    /// [`EditError::Range`] when the range is not inside the text, [`EditError::Full`] when the history has no room.
    pub fn delete(&mut self, range: Range<usize>) -> Result<(), EditError> {
        self.check_range(range.clone())?;
        self.check_room(range.len())?;
        if !range.is_empty() {
            self.delete_inside(range, false);
        }
        Ok(())
    }

    /// Many edits in a row, for whoever does not look at the text after each: those that go on with each other are gathered.
    pub fn edits(&mut self) -> Edits<'_> {
        Edits::new(self)
    }

    /// Writes a value to a key of the map, or removes the key. O(log n).
    ///
    /// # Errors
    /// [`EditError::TooLong`] above [`MAP_ENTRY_BYTES_MAX`], [`EditError::Full`] when the history has no room.
    pub fn set(&mut self, key: &str, value: Option<Value>) -> Result<(), EditError> {
        let bytes = validate::entry_bytes(key, value.as_ref().map(Value::as_ref));
        if bytes > MAP_ENTRY_BYTES_MAX {
            return Err(EditError::TooLong { bytes, limit: MAP_ENTRY_BYTES_MAX });
        }
        self.check_room(1)?;
        let id = self.next_id();
        let entry = Entry { id, lamport: self.authors.next_lamport(), value: value.clone() };
        self.map.apply(key, entry, |other| self.version.contains(other));
        let unit = self.text.pass(id, 1);
        self.record.push_set(unit, String::from(key), value);
        self.counted(1);
        Ok(())
    }

    /// Makes the edits since the last commit into changes at the end of [`log`](Self::log); how many changes.
    pub fn commit(&mut self) -> usize {
        let pending = self.record.end()..self.text.units().end();
        if pending.is_empty() {
            return 0;
        }
        let before = self.record.len();
        let (deps, heads) = self.deps();
        if self.record.fit_one(&pending) {
            self.close_change(pending.end, deps, heads);
        } else {
            let mut deps = Some(deps);
            for end in self.record.cuts(&self.text, pending) {
                self.close_change(end, deps.take().unwrap_or_default(), heads);
            }
        }
        self.record.len() - before
    }

    /// Makes the units up to `end` that are in no change yet into one.
    #[inline]
    fn close_change(&mut self, end: Unit, deps: VersionVector, heads: bool) {
        let start = self.record.end();
        let first_seq = self.made - (self.text.units().len() - start.index()) as u64;
        let len = (end.index() - start.index()) as u64;
        let goes_on = |streak: &Streak| streak.replica == self.replica && streak.end_seq == first_seq;
        let lamport = match self.streak.filter(goes_on) {
            Some(streak) if deps.is_empty() => streak.lamport.plus(len),
            _ => self.authors.deliver(self.replica, first_seq, len, &deps).plus(len - 1),
        };
        self.streak = Some(Streak { replica: self.replica, end_seq: first_seq + len, lamport });
        if !deps.is_empty() {
            self.authors.pasts_mut(self.replica).saw_all_before(start, self.record.named().len());
        }
        self.authors.set_time(self.replica, self.time);
        self.record.push(end, deps, heads, self.time);
        if self.text.units().has_many_authors() {
            self.name_others_unless_going_on(OpId::new(self.replica, first_seq), &(start..end));
        }
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
        if self.deliver_typed(&envelope, received) {
            self.deliver_held(received);
            return Ok(Delivery::Delivered);
        }
        let delivery = causal::classify(envelope.header(), &self.version)?;
        match delivery {
            Delivery::Duplicate => {}
            Delivery::HeldBack => {
                let mut ops = envelope::open_ops(&envelope, Earlier::Awaited)?;
                while ops.next()?.is_some() {}
                self.held.hold(envelope.header().clone(), envelope.bytes().len(), envelope)?;
            }
            Delivery::Delivered => {
                self.deliver(&envelope, received)?;
                self.deliver_held(received);
            }
        }
        Ok(delivery)
    }

    /// Delivers what waited for what was just delivered.
    fn deliver_held(&mut self, received: &mut Received) {
        while let Some(waiting) = self.held.take_ready(&self.version) {
            if let Err(error) = self.deliver(&waiting, received) {
                received.refused.push((waiting.header().first_id(), error));
            }
        }
    }

    fn deliver(&mut self, envelope: &Envelope, received: &mut Received) -> Result<(), ReceiveError> {
        let header = envelope.header();
        let author = self.authors.author(header.replica);
        let ops = envelope::open_ops(envelope, Earlier::Known(&author.names))?;
        let (units, end) = (self.text.units(), self.text.units().end());
        let whole = header.heads.then(|| past::of_heads(header, &self.authors, &self.record, units, end));
        let seen = Seen { header, known: whole.as_ref().map_or(&author.pasts.newest, |(past, _)| past) };
        let Checked { only, previous, found, later, names } = validate::check(seen, ops, &self.text)?;
        let time = later.map_or(author.time, |seconds| Some(author.time.unwrap_or(0).wrapping_add(seconds)));
        let (units, more) = (self.text.units().len(), header.len);
        if more > (UNITS_MAX - units) as u64 || !self.text.inserted().has_room(envelope.bytes().len()) {
            return Err(ReceiveError::Full { units, more });
        }
        self.commit();
        let lamport = self.authors.deliver(header.replica, header.first_seq, header.len, &header.deps);
        if !header.deps.is_empty() {
            let (pasts, named, units) =
                (self.authors.pasts_mut(header.replica), self.record.named().len(), self.text.units());
            pasts.go_on(header, whole, named, units, units.end());
        }
        let mut at = At { first_seq: header.first_seq, id: header.first_id(), lamport, previous };
        match only {
            Some(op) if !self.apply_found(&at, op, found, received) => self.apply(&mut at, op, received),
            Some(_) => {}
            None => self.apply_all(&mut at, envelope, received),
        }
        self.record.push(self.text.units().end(), header.deps.clone(), header.heads, time);
        self.authors.set_time(header.replica, later.and(time));
        if names {
            self.name_others();
        }
        self.version.observe(header.replica, header.end_seq());
        let last = lamport.plus(header.len - 1);
        self.streak = Some(Streak { replica: header.replica, end_seq: header.end_seq(), lamport: last });
        if header.replica == self.replica {
            self.made = header.end_seq();
            self.moved = self.moved_of(&self.moved);
            self.time = time.or(self.time);
        } else {
            self.moved.observe(header.replica, header.end_seq());
        }
        Ok(())
    }

    /// Applies the operations of a change that was checked: all of them can be read.
    fn apply_all(&mut self, at: &mut At, envelope: &Envelope, received: &mut Received) {
        let author = envelope.header().replica;
        let names = core::mem::take(self.authors.names_mut(author));
        if let Ok(mut ops) = envelope::open_ops(envelope, Earlier::Known(&names)) {
            while let Ok(Some(op)) = ops.next() {
                self.apply(at, op, received);
            }
        }
        *self.authors.names_mut(author) = names;
    }

    /// Applies an operation of a change that was checked; cannot fail.
    fn apply(&mut self, at: &mut At, op: Coded<'_>, received: &mut Received) {
        let (id, author) = (at.id, at.id.replica);
        match op {
            Coded::Further(text) => {
                if let Some(previous) = at.previous {
                    let splice = self.text.integrate_further(id, previous, text);
                    received.patches.push(Patch { splice, author });
                }
            }
            Coded::Whole(OpRef::Insert { left, right, text }) => {
                let splice = self.text.integrate_insert(id, left, right, text);
                received.patches.push(Patch { splice, author });
            }
            Coded::Whole(OpRef::Delete { first, len, backwards }) => {
                self.integrate_delete(id, OpRun { first, len, backwards }, received);
            }
            Coded::Whole(OpRef::Set { key, value }) => {
                let seen = |other| self.authors.had_seen(id, other, self.text.units());
                let (lamport, value) = (at.lamport.plus(id.seq - at.first_seq), value.map(Value::from));
                self.map.apply(key, Entry { id, lamport, value: value.clone() }, seen);
                let unit = self.text.pass(id, 1);
                self.record.push_set(unit, key.into(), value);
                received.keys.push(key.into());
            }
        }
        at.id = id.plus(op.len());
    }

    /// Deletes a run of ids, and notes which unit deleted what.
    fn integrate_delete(&mut self, id: OpId, run: OpRun, received: &mut Received) {
        let OpRun { first, len, backwards } = run;
        // The units fit, so the characters do.
        let mut left = usize::try_from(len).unwrap_or(usize::MAX);
        let mut start = self.text.pass(id, left);
        let mut next = first;
        let mut parts = Vec::new();
        while let Some((unit, run)) = self.text.units().run(next).filter(|_| left > 0) {
            let len = run.min(left);
            let apart = backwards && len < left;
            (next, left) = (next.plus(len as u64), left - len);
            self.text.integrate_delete(unit, len, |splice| {
                received.patches.push(Patch { splice, author: id.replica });
            });
            if apart || !parts.is_empty() {
                parts.push((unit, len));
            } else {
                self.record.deletions.push(Deletion { start, len, first: unit, backwards });
                start = start.plus(len);
            }
        }
        // Backwards, the part with the largest ids came first.
        for (first, len) in parts.into_iter().rev() {
            self.record.deletions.push(Deletion { start, len, first, backwards });
            start = start.plus(len);
        }
    }

    /// Inserts text of so many chars at a position that is inside the text.
    fn insert_inside(&mut self, at: usize, text: &str, len: usize) {
        let start = self.text.units().end();
        self.text.insert(at, self.next_id(), text, len);
        self.made(start, len);
    }

    /// Deletes a range that is inside the text and not empty, the last character first if it goes backwards.
    fn delete_inside(&mut self, range: Range<usize>, backwards: bool) {
        let len = range.len();
        let start = self.text.pass(self.next_id(), len);
        let mut next = start;
        let deletions = &mut self.record.deletions;
        let mut parts = Vec::new();
        self.text.delete(range, |first, len| {
            if backwards {
                parts.push((first, len));
            } else {
                deletions.push(Deletion { start: next, len, first, backwards });
                next = next.plus(len);
            }
        });
        let mut next = start;
        for (first, len) in parts.into_iter().rev() {
            self.record.deletions.push(Deletion { start: next, len, first, backwards });
            next = next.plus(len);
        }
        self.made(start, len);
    }

    const fn next_id(&self) -> OpId {
        OpId::new(self.replica, self.made)
    }

    /// How many own units wait for a commit.
    fn pending(&self) -> usize {
        self.text.units().len() - self.record.end().index()
    }

    fn check_range(&self, range: Range<usize>) -> Result<(), EditError> {
        let len = self.text.len_chars();
        if range.start > range.end || range.end > len {
            return Err(EditError::Range { start: range.start, end: range.end, len });
        }
        Ok(())
    }

    /// Whether there are numbers for so many units, and room for as many bytes of text.
    fn check_room(&self, more: usize) -> Result<(), EditError> {
        let units = self.text.units().len();
        if more > UNITS_MAX - units || !self.text.inserted().has_room(more) {
            return Err(EditError::Full { units, more });
        }
        Ok(())
    }

    /// Notes own units, from a number on, that can be undone.
    fn made(&mut self, start: Unit, len: usize) {
        if len > 0 {
            self.undo.record(start..start.plus(len));
            self.counted(len);
        }
    }

    /// Takes in that so many own units were made.
    fn counted(&mut self, len: usize) {
        self.made += len as u64;
        self.authors.advance_clock(len as u64);
        self.version.observe(self.replica, self.made);
    }
}

/// Where in a change one is that is being applied.
#[derive(Debug)]
struct At {
    first_seq: u64,
    /// The id of the next unit.
    id: OpId,
    /// The timestamp of the first unit.
    lamport: Lamport,
    /// The character that it goes on behind, if it goes on.
    previous: Option<Unit>,
}

/// Characters by id, and in which order they were deleted.
#[derive(Clone, Copy, Debug)]
struct OpRun {
    first: OpId,
    len: u64,
    backwards: bool,
}

#[cfg(test)]
mod tests;
