//! A document from its checkpoint, built at once and checked as if each change had been received.

use alloc::string::String;
use alloc::vec;
use core::ops::Range;

use super::super::authors::Authors;
use super::super::log::{Edit, Record, Step};
use super::super::naming;
use super::super::past;
use super::super::validate::{Seen, entry_bytes};
use super::super::{Document, Log, MAP_ENTRY_BYTES_MAX};
use super::history::History;
use super::sections::Section;
use super::steps::{self, Steps};
use super::{Checkpoint, CheckpointError};
use crate::causal::CausalBuffer;
use crate::change::{Header, Value};
use crate::clock::VersionVector;
use crate::envelope::ENVELOPE_BYTES_MAX;
use crate::id::{OpId, ReplicaId};
use crate::map::{Entry, LwwMap};
use crate::text::Text;
use crate::undo::UndoLog;
use crate::units::{Unit, Units};

/// The most bytes of an operation besides its text: a tag, two ids and a length.
const OP_BYTES_MAX: usize = 64;

/// The most entries and runs of ids that are looked at to hold changes against their past, some seconds' work: a few bytes can ask
/// for more, and years of honest writing by thousands do not. Tiny in tests.
const LOOKUPS_MAX: usize = if cfg!(test) { 1 << 16 } else { 1 << 28 };

pub(super) fn document(checkpoint: &Checkpoint, replica: ReplicaId) -> Result<Document, CheckpointError> {
    let head = &checkpoint.head;
    let [changes, deps, times] =
        [Section::Changes, Section::Deps, Section::Times].map(|section| checkpoint.raw(section));
    let history = History::decode(head, &changes?, &deps?, &times?)?;
    let (shown, deleted) = head.letters(&checkpoint.bytes)?;
    if u32::try_from(shown.len() + deleted.len()).is_err() {
        return Err(CheckpointError::Claim { claim: "text" });
    }
    let (shown_chars, deleted_chars) = (shown.chars().count(), deleted.chars().count());
    let steps = steps::decode(checkpoint, &history, shown_chars + deleted_chars)?;
    if steps.loom.len().1 != deleted_chars {
        return Err(CheckpointError::Claim { claim: "text" });
    }
    let text = Text::woven(&steps.loom, units(&history), &shown, &deleted);
    let text = text.ok_or(CheckpointError::Claim { claim: "list of right origins" })?;
    let Steps { deletions, sets, starts, .. } = steps;
    let record = Record::of(deletions, sets, &history.ends, history.named.clone(), history.times.clone());
    let (mut authors, map) = Check { history: &history, text: &text, record: &record, lookups: 0 }.all()?;
    if history.authors.len() > 1 {
        naming::name_all(&mut authors, &record, &text);
    }
    if !history.times.is_empty() {
        for (author, units) in &history.authors {
            let newest = text.units().unit(OpId::new(*author, units - 1)).and_then(|unit| record.change_of(unit));
            authors.set_time(*author, newest.and_then(|change| history.times.get(change)));
        }
    }
    let time = authors.author(replica).time;
    let log = Log { document: head.document, record: &record, authors: &authors, text: &text };
    check_lengths(&log, &history, &starts)?;
    if map != checkpoint.map()? {
        return Err(CheckpointError::Claim { claim: "map" });
    }
    let version = checkpoint.version();
    let mut document = Document {
        id: head.document,
        replica,
        moved: VersionVector::new(),
        text,
        map,
        made: version.get(replica),
        version,
        authors,
        held: CausalBuffer::default(),
        record,
        undo: UndoLog::default(),
        streak: None,
        time,
        letters: String::new(),
    };
    document.moved = document.moved_of(&document.version);
    Ok(document)
}

/// All units, numbered.
fn units(history: &History) -> Units {
    let (mut units, mut made) = (Units::default(), vec![0; history.authors.len()]);
    for (at, turn) in history.turns.iter().enumerate() {
        let len = history.end_of_turn(at).1.index() - turn.start.index();
        units.push(OpId::new(history.authors[turn.author].0, made[turn.author]), len);
        made[turn.author] += len as u64;
    }
    units
}

/// Holds every change against its past, which the lists themselves do not tell.
struct Check<'a> {
    history: &'a History,
    text: &'a Text,
    record: &'a Record,
    lookups: usize,
}

impl Check<'_> {
    /// What is known of the authors in the end, and the map that their writes give.
    fn all(mut self) -> Result<(Authors, LwwMap), CheckpointError> {
        let (mut authors, mut map) = (Authors::default(), LwwMap::default());
        let mut made = vec![0; self.history.authors.len()];
        let mut sets = self.record.sets().iter().peekable();
        let mut named = self.history.named.iter().enumerate().peekable();
        for (at, turn) in self.history.turns.iter().enumerate() {
            let (end, _) = self.history.end_of_turn(at);
            let replica = self.history.authors[turn.author].0;
            let (mut change, mut start) = (turn.change, turn.start);
            while change < end {
                let here = named.next_if(|(_, named)| named.change() == change);
                // What follows without deps has the same past, but for the author's own units.
                let stop = named.peek().map_or(end, |(_, next)| end.min(next.change()));
                let units = start..self.history.ends[stop - 1];
                let len = (units.end.index() - units.start.index()) as u64;
                let (deps, heads) = here
                    .map_or_else(|| (VersionVector::new(), false), |(_, named)| (named.deps.clone(), named.heads()));
                let header = Header { replica, first_seq: made[turn.author], len, deps, heads };
                let all = self.text.units();
                let whole = header.heads.then(|| past::of_heads(&header, &authors, self.record, all, start));
                self.charge(whole.as_ref().map_or(0, |(_, steps)| *steps))?;
                if self.history.authors.len() > 1 {
                    let known = whole.as_ref().map_or(&authors.pasts(replica).newest, |(past, _)| past);
                    self.check(Seen { header: &header, known }, units.clone())?;
                }
                let lamport = authors.deliver(replica, header.first_seq, len, &header.deps);
                if let Some((at, _)) = here {
                    let steps = authors.pasts_mut(replica).go_on(&header, whole, at, self.text.units(), start);
                    self.charge(steps)?;
                }
                while let Some((unit, key, value)) = sets.next_if(|(unit, ..)| *unit < units.end) {
                    let offset = (unit.index() - start.index()) as u64;
                    let id = header.first_id().plus(offset);
                    check_entry(id, key, value.as_ref())?;
                    self.charge(map.entries(key).len())?;
                    let entry = Entry { id, lamport: lamport.plus(offset), value: value.clone() };
                    map.apply(key, entry, |other| authors.had_seen(id, other, self.text.units()));
                }
                made[turn.author] += len;
                (change, start) = (stop, units.end);
            }
        }
        Ok((authors, map))
    }

    /// Takes in that so much is looked at.
    fn charge(&mut self, count: usize) -> Result<(), CheckpointError> {
        self.lookups += count;
        if self.lookups > LOOKUPS_MAX { Err(CheckpointError::Effort { limit: LOOKUPS_MAX }) } else { Ok(()) }
    }

    /// Whether these units of one author name only what it had seen.
    fn check(&mut self, seen: Seen<'_>, units: Range<Unit>) -> Result<(), CheckpointError> {
        // What an author made itself stands in front, or it would have no number.
        let all = self.text.units();
        let known = |id: OpId| id.replica == seen.header.replica || seen.contains(id, all);
        let unknown = |id: OpId| CheckpointError::Unknown { change: seen.header.first_id(), id };
        for step in self.record.steps(self.text, units) {
            match step {
                Step::Edited(Edit::Inserted { first, len }) => {
                    let origins = self.text.inserted().find(first).map(|(run, offset)| run.part(offset, offset + len));
                    let origins = origins.into_iter().flat_map(|run| [run.left, run.right]).flatten();
                    let mut beyond = origins.filter(|unit| *unit >= seen.known.below()).map(|unit| all.id(unit));
                    if let Some(id) = beyond.find(|id| !known(*id)) {
                        return Err(unknown(id));
                    }
                }
                Step::Edited(Edit::Deleted(deletion)) => {
                    let is_below = deletion.first.plus(deletion.len) <= seen.known.below();
                    let mut done = if is_below { deletion.len } else { 0 };
                    while done < deletion.len {
                        let (id, run) = all.id_run(deletion.first.plus(done));
                        let last = id.plus(run.min(deletion.len - done) as u64 - 1);
                        if !known(last) {
                            return Err(unknown(last));
                        }
                        done += run;
                        self.charge(1)?;
                    }
                }
                Step::Set { .. } => {}
            }
        }
        Ok(())
    }
}

fn check_entry(id: OpId, key: &str, value: Option<&Value>) -> Result<(), CheckpointError> {
    let bytes = entry_bytes(key, value.map(Value::as_ref));
    if bytes > MAP_ENTRY_BYTES_MAX {
        return Err(CheckpointError::TooLong { change: id, bytes, limit: MAP_ENTRY_BYTES_MAX });
    }
    Ok(())
}

/// Whether every change fits an envelope. Envelopes are only made of those that might not.
fn check_lengths(log: &Log<'_>, history: &History, starts: &[Unit]) -> Result<(), CheckpointError> {
    let (mut start, mut named) = (Unit(0), history.named.iter().peekable());
    let mut sets = log.record.sets().iter().peekable();
    let mut step = 0;
    for (change, end) in history.ends.iter().enumerate() {
        let units = end.index() - start.index();
        let deps = named.next_if(|named| named.change() == change).map_or(0, |named| named.deps.len());
        let mut bytes = OP_BYTES_MAX * (deps + 2);
        while let Some((_, key, value)) = sets.next_if(|(unit, ..)| unit < end) {
            bytes += OP_BYTES_MAX + entry_bytes(key, value.as_ref().map(Value::as_ref));
        }
        let first = step;
        while starts.get(step).is_some_and(|next| next < end) {
            step += 1;
        }
        // A deletion next to many authors is many operations.
        let ops = if history.authors.len() == 1 { step - first + 1 } else { units };
        bytes += OP_BYTES_MAX * ops + char::MAX_LEN_UTF8 * units;
        if bytes > ENVELOPE_BYTES_MAX {
            let bytes = log.envelope(change).map_or(0, |envelope| envelope.bytes().len());
            if bytes > ENVELOPE_BYTES_MAX {
                let change = log.text.units().id(start);
                return Err(CheckpointError::TooLong { change, bytes, limit: ENVELOPE_BYTES_MAX });
            }
        }
        start = *end;
    }
    Ok(())
}
