//! What the changes did: runs of inserts and of deletions in the order of delivery, and writes to the map.
//!
//! Where a step is, is told from where its author's last one was, by as many visible characters as are between; [`Loom`] counts
//! them, in the same way when it is written and when it is read.

use alloc::string::String;
use alloc::vec::Vec;

use super::super::Document;
use super::super::deletions::{Deletion, Deletions};
use super::history::History;
use super::keys::{decode_written, encode_written};
use super::sections::Section;
use super::{Checkpoint, CheckpointError};
use crate::change::Value;
use crate::codec::{DecodeError, DecodeErrorKind, Reader, Writer, unzigzag, zigzag};
use crate::text::{InsertedRun, Loom, Node};
use crate::units::{UNITS_MAX, Unit};

/// Kinds of steps; a step is three times its length and its kind.
const KINDS: u64 = 3;
const INSERT: u64 = 0;
const DELETE: u64 = 1;
const DELETE_BACKWARDS: u64 = 2;

/// The columns, and the letters of what is deleted.
pub(super) struct Columns {
    pub(super) deleted: String,
    pub(super) steps: Vec<u8>,
    pub(super) near: Vec<u8>,
    pub(super) far: Vec<u8>,
    pub(super) rights: Vec<u8>,
    pub(super) writes: Vec<u8>,
}

/// The author of each step, asked for in order.
struct Authors<'a> {
    history: &'a History,
    turn: usize,
}

impl Authors<'_> {
    fn of(&mut self, unit: Unit) -> usize {
        while self.history.turns.get(self.turn + 1).is_some_and(|next| next.start <= unit) {
            self.turn += 1;
        }
        self.history.turns.get(self.turn).map_or(0, |turn| turn.author)
    }
}

pub(super) fn encode(document: &Document, history: &History) -> Columns {
    let (text, record) = (&document.text, &document.record);
    let mut encoder = Encoder {
        loom: Loom::new(text.inserted().iter().map(|run| run.len).sum(), history.authors.len()),
        authors: Authors { history, turn: 0 },
        steps: Writer::default(),
        near: Writer::default(),
        far: Writer::default(),
        rights: Writer::default(),
        since_right: 0,
    };
    let (mut writes, mut since_write) = (Writer::default(), 0);
    let mut runs = text.inserted().iter().peekable();
    let mut deletions = record.deletions.iter().peekable();
    let mut sets = record.sets().iter().peekable();
    loop {
        let run = runs.peek().map(|run| run.start);
        let deletion = deletions.peek().map(|deletion| deletion.start);
        let set = sets.peek().map(|(unit, ..)| *unit);
        let Some(first) = [run, deletion, set].into_iter().flatten().min() else { break };
        if let Some((_, key, value)) = sets.next_if(|(unit, ..)| *unit == first) {
            writes.varint(since_write);
            writes.text(key);
            encode_written(&mut writes, value.as_ref());
            since_write = 0;
            continue;
        }
        if let Some(run) = runs.next_if(|run| run.start == first) {
            encoder.insert(&run);
        } else if let Some(deletion) = deletions.next() {
            encoder.delete(&deletion);
        }
        since_write += 1;
    }
    Columns {
        deleted: deleted_letters(document, &encoder.loom),
        steps: encoder.steps.finish(),
        near: encoder.near.finish(),
        far: encoder.far.finish(),
        rights: encoder.rights.finish(),
        writes: writes.finish(),
    }
}

/// The letters of deleted characters, in the order in which they were inserted.
fn deleted_letters(document: &Document, loom: &Loom) -> String {
    let (mut letters, mut node) = (String::new(), 0);
    for run in document.text.inserted().iter() {
        for letter in document.text.inserted().text(run.start, run.len).chars() {
            node += 1;
            if loom.is_deleted(node) {
                letters.push(letter);
            }
        }
    }
    letters
}

struct Encoder<'a> {
    loom: Loom,
    authors: Authors<'a>,
    steps: Writer,
    near: Writer,
    far: Writer,
    rights: Writer,
    /// How many inserts there were since the last right origin that was told.
    since_right: u64,
}

impl Encoder<'_> {
    fn insert(&mut self, run: &InsertedRun) {
        let author = self.authors.of(run.start);
        let node = |unit: Option<Unit>| unit.and_then(|unit| self.loom.node(unit)).unwrap_or(0);
        let (left, right) = (node(run.left), node(run.right));
        self.steps.varint(run.len as u64 * KINDS + INSERT);
        self.place(author, left);
        if self.loom.behind(left) == right {
            self.since_right += 1;
        } else {
            self.rights.varint(self.since_right);
            self.rights.varint(zigzag(i64::from(right) - i64::from(left)));
            self.since_right = 0;
        }
        self.loom.insert(author, run.start, run.len, [left, right]);
    }

    fn delete(&mut self, deletion: &Deletion) {
        let author = self.authors.of(deletion.start);
        let last = deletion.first.plus(deletion.len - 1);
        let (kind, unit) = if deletion.backwards { (DELETE_BACKWARDS, last) } else { (DELETE, deletion.first) };
        self.steps.varint(deletion.len as u64 * KINDS + kind);
        let place = self.loom.node(unit).unwrap_or(0);
        self.place(author, place);
        self.loom.delete(author, self.loom.node(deletion.first).unwrap_or(0), deletion.len);
    }

    fn place(&mut self, author: usize, place: Node) {
        let caret = self.loom.caret(author);
        if let Some(hops) = self.loom.hops(caret, place) {
            self.near.varint(zigzag(hops) + 1);
        } else {
            self.near.varint(0);
            self.far.varint(zigzag(i64::from(place) - i64::from(caret)));
        }
    }
}

/// What the columns say.
pub(super) struct Steps {
    pub(super) loom: Loom,
    pub(super) deletions: Deletions,
    pub(super) sets: Vec<(Unit, String, Option<Value>)>,
    /// The first unit of each step.
    pub(super) starts: Vec<Unit>,
}

/// Reads the columns; `chars` is how many characters there must be.
pub(super) fn decode(checkpoint: &Checkpoint, history: &History, chars: usize) -> Result<Steps, CheckpointError> {
    let end = history.ends.last().copied().unwrap_or(Unit(0));
    if chars > end.index() {
        return Err(CheckpointError::Claim { claim: "length" });
    }
    let columns = [Section::Steps, Section::Near, Section::Far, Section::Rights, Section::Writes];
    let [steps, near, far, rights, writes] = columns.map(|section| checkpoint.raw(section));
    let (steps, near, far, rights, writes) = (steps?, near?, far?, rights?, writes?);
    let mut decoder = Decoder {
        steps: Reader::new(&steps),
        near: Reader::new(&near),
        far: Reader::new(&far),
        rights: Reader::new(&rights),
        writes: Reader::new(&writes),
        next_right: None,
        next_write: None,
        authors: Authors { history, turn: 0 },
        chars,
        unit: Unit(0),
        inserted: None,
        made: Steps {
            loom: Loom::new(chars, history.authors.len()),
            deletions: Deletions::default(),
            sets: Vec::new(),
            starts: Vec::new(),
        },
    };
    decoder.run(end)?;
    Ok(decoder.made)
}

struct Decoder<'a> {
    steps: Reader<'a>,
    near: Reader<'a>,
    far: Reader<'a>,
    rights: Reader<'a>,
    writes: Reader<'a>,
    /// How many inserts, and how many steps, there are before the next right origin, or write, that is told.
    next_right: Option<u64>,
    next_write: Option<u64>,
    authors: Authors<'a>,
    chars: usize,
    /// The next unit.
    unit: Unit,
    /// The right origin of the step before, if that inserted.
    inserted: Option<Node>,
    made: Steps,
}

fn range(reader: &Reader<'_>, field: &'static str, value: u64) -> DecodeError {
    reader.error(DecodeErrorKind::Range { field, value })
}

impl Decoder<'_> {
    fn run(&mut self, end: Unit) -> Result<(), CheckpointError> {
        self.next_right = skipped(&mut self.rights).map_err(Section::Rights.error())?;
        self.next_write = skipped(&mut self.writes).map_err(Section::Writes.error())?;
        loop {
            self.write_all().map_err(Section::Writes.error())?;
            if self.steps.remaining() == 0 {
                break;
            }
            let value = self.steps.varint().map_err(Section::Steps.error())?;
            let room = UNITS_MAX - self.unit.index();
            let len = usize::try_from(value / KINDS).ok().filter(|len| (1..=room).contains(len));
            let len = len.ok_or_else(|| range(&self.steps, "length of a step", value / KINDS));
            let len = len.map_err(Section::Steps.error())?;
            self.made.starts.push(self.unit);
            match value % KINDS {
                INSERT => self.insert(len)?,
                kind => self.delete(len, kind == DELETE_BACKWARDS)?,
            }
            self.unit = self.unit.plus(len);
            self.next_write = self.next_write.map(|next| next.saturating_sub(1));
        }
        self.near.clone().finish().map_err(Section::Near.error())?;
        self.far.clone().finish().map_err(Section::Far.error())?;
        if self.next_right.is_some() {
            return Err(Section::Rights.error()(range(&self.rights, "run with a right origin", 0)));
        }
        if self.next_write.is_some() {
            return Err(Section::Writes.error()(range(&self.writes, "step before a write", 0)));
        }
        if self.unit != end || self.made.loom.len().0 != self.chars {
            return Err(CheckpointError::Claim { claim: "length" });
        }
        Ok(())
    }

    /// The writes in front of the next step.
    fn write_all(&mut self) -> Result<(), DecodeError> {
        while self.next_write == Some(0) {
            let key = String::from(self.writes.text("key")?);
            let value = decode_written(&mut self.writes)?;
            if self.unit.index() == UNITS_MAX {
                return Err(range(&self.writes, "units", UNITS_MAX as u64));
            }
            self.made.sets.push((self.unit, key, value));
            self.unit = self.unit.plus(1);
            self.inserted = None;
            self.next_write = skipped(&mut self.writes)?;
        }
        Ok(())
    }

    fn insert(&mut self, len: usize) -> Result<(), CheckpointError> {
        let (author, left) = self.place()?;
        let last = self.made.loom.last();
        if len > self.chars - self.made.loom.len().0 {
            return Err(Section::Steps.error()(range(&self.steps, "length of an insert", len as u64)));
        }
        let right = match self.next_right {
            Some(0) => {
                let right = distant(&mut self.rights, left, last).map_err(Section::Rights.error())?;
                self.next_right = skipped(&mut self.rights).map_err(Section::Rights.error())?;
                right
            }
            next => {
                self.next_right = next.map(|next| next - 1);
                self.made.loom.behind(left)
            }
        };
        if left == last && self.inserted == Some(right) {
            // It would be part of the step before.
            return Err(Section::Steps.error()(range(&self.steps, "insert that goes on", len as u64)));
        }
        self.made.loom.insert(author, self.unit, len, [left, right]);
        self.inserted = Some(right);
        Ok(())
    }

    fn delete(&mut self, len: usize, backwards: bool) -> Result<(), CheckpointError> {
        let (author, place) = self.place()?;
        let bad = || Section::Steps.error()(range(&self.steps, "deletion", len as u64));
        let before = if backwards { len - 1 } else { 0 };
        let first = usize::try_from(place).ok().and_then(|place| place.checked_sub(before)).unwrap_or(0);
        let loom = &mut self.made.loom;
        if first == 0 || len > loom.len().0 + 1 - first {
            return Err(bad());
        }
        let node = |at: usize| Node::try_from(at).unwrap_or(place);
        let units = (loom.unit(node(first)), loom.unit(node(first + len - 1)));
        if units.1 != units.0.plus(len - 1) {
            return Err(bad());
        }
        loom.delete(author, node(first), len);
        let runs = self.made.deletions.len();
        self.made.deletions.push(Deletion { start: self.unit, len, first: units.0, backwards });
        if self.made.deletions.len() == runs {
            // It would be part of the step before.
            return Err(bad());
        }
        self.inserted = None;
        Ok(())
    }

    /// The author of the next step and its place.
    fn place(&mut self) -> Result<(usize, Node), CheckpointError> {
        let author = self.authors.of(self.unit);
        let loom = &self.made.loom;
        let caret = loom.caret(author);
        let value = self.near.varint().map_err(Section::Near.error())?;
        let place = match value.checked_sub(1) {
            None => distant(&mut self.far, caret, loom.last()).map_err(Section::Far.error())?,
            Some(hops) => {
                let place = loom.walk(caret, unzigzag(hops));
                place.ok_or_else(|| Section::Near.error()(range(&self.near, "near place", value)))?
            }
        };
        Ok((author, place))
    }
}

/// How many there are before the next one that is told, if there is one.
fn skipped(reader: &mut Reader<'_>) -> Result<Option<u64>, DecodeError> {
    if reader.remaining() == 0 { Ok(None) } else { reader.varint().map(Some) }
}

/// A place by its distance from another one.
fn distant(reader: &mut Reader<'_>, from: Node, last: Node) -> Result<Node, DecodeError> {
    let value = reader.varint()?;
    let place = i64::from(from).checked_add(unzigzag(value)).and_then(|place| Node::try_from(place).ok());
    place.filter(|place| *place <= last).ok_or_else(|| range(reader, "distance of a place", value))
}
