//! Who made which changes after what.

use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;

use super::super::Document;
use super::super::log::Named;
use super::super::times::Times;
use super::CheckpointError;
use super::sections::{Head, Section};
use crate::clock::VersionVector;
use crate::codec::{DecodeError, DecodeErrorKind, Reader, Writer, unzigzag, zigzag};
use crate::id::ReplicaId;
use crate::units::{UNITS_MAX, Unit};

/// Since this version deps may be heads.
pub(super) const HEADS_SINCE: u64 = 2;

/// Since this version there may be times.
pub(super) const TIMES_SINCE: u64 = 3;

/// In front of the number of deps that are heads.
const HEADS_FOLLOW: u64 = 0;

/// Changes of one author in a row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    /// The author's index.
    pub(super) author: usize,
    /// Its first unit.
    pub(super) start: Unit,
    /// The change that it starts with.
    pub(super) change: usize,
}

/// All changes, without what they did.
#[derive(Debug, Default)]
pub(super) struct History {
    /// Who wrote, in the order in which they came, and how many units.
    pub(super) authors: Vec<(ReplicaId, u64)>,
    indices: BTreeMap<ReplicaId, usize>,
    pub(super) turns: Vec<Turn>,
    /// The unit behind each change.
    pub(super) ends: Vec<Unit>,
    /// What deps they name, for those that name any.
    pub(super) named: Vec<Named>,
    /// When they were made.
    pub(super) times: Times,
}

impl History {
    /// The history of a document that has no uncommitted edits.
    pub(super) fn of(document: &Document) -> Self {
        let mut history = Self::default();
        let units = document.text.units();
        let mut start = Unit(0);
        for change in 0..document.record.len() {
            let Some(range) = document.record.units(change) else { break };
            let replica = units.id(start).replica;
            let author = *history.indices.entry(replica).or_insert_with(|| {
                history.authors.push((replica, document.version.get(replica)));
                history.authors.len() - 1
            });
            if history.turns.last().is_none_or(|turn| turn.author != author) {
                history.turns.push(Turn { author, start, change });
            }
            history.ends.push(range.end);
            start = range.end;
        }
        history.named = document.record.named().to_vec();
        history.times = document.record.times().clone();
        history
    }

    /// The oldest version of the layout that can tell it.
    pub(super) fn version(&self) -> u64 {
        match self.named.iter().any(Named::heads) {
            _ if !self.times.is_empty() => TIMES_SINCE,
            true => HEADS_SINCE,
            false => 1,
        }
    }

    /// The index of an author.
    pub(super) fn index(&self, replica: ReplicaId) -> usize {
        self.indices.get(&replica).copied().unwrap_or(0)
    }

    /// Where a turn ends: with which change, and with which unit.
    pub(super) fn end_of_turn(&self, turn: usize) -> (usize, Unit) {
        let end = self.ends.last().copied().unwrap_or(Unit(0));
        self.turns.get(turn + 1).map_or((self.ends.len(), end), |next| (next.change, next.start))
    }

    /// The columns of changes and of deps.
    pub(super) fn encode(&self) -> (Vec<u8>, Vec<u8>) {
        let (mut changes, mut deps) = (Writer::default(), Writer::default());
        let (mut named, mut next, mut start) = (self.named.iter().peekable(), 0, Unit(0));
        let mut delivered = vec![0; self.authors.len()];
        for (at, turn) in self.turns.iter().enumerate() {
            let (end, _) = self.end_of_turn(at);
            changes.varint(turn.author as u64);
            changes.varint((end - turn.change) as u64);
            for change in turn.change..end {
                if let Some(named) = named.next_if(|named| named.change() == change) {
                    deps.varint((change - next) as u64);
                    if named.heads() {
                        deps.varint(HEADS_FOLLOW);
                    }
                    deps.varint(named.deps.len() as u64);
                    for (replica, count) in named.deps.iter() {
                        let index = self.index(replica);
                        deps.varint(index as u64);
                        deps.varint(delivered[index] - count);
                    }
                    next = change + 1;
                }
                let len = (self.ends[change].index() - start.index()) as u64;
                changes.varint(len);
                delivered[turn.author] += len;
                start = self.ends[change];
            }
        }
        (changes.finish(), deps.finish())
    }

    /// Reads the columns.
    pub(super) fn decode(head: &Head, changes: &[u8], deps: &[u8], times: &[u8]) -> Result<Self, CheckpointError> {
        let indices = head.authors.iter().enumerate().map(|(index, (replica, _))| (*replica, index)).collect();
        let mut history = Self { authors: head.authors.clone(), indices, ..Self::default() };
        history.decode_changes(head.changes, changes).map_err(Section::Changes.error())?;
        let delivered = history.decode_deps(head.version >= HEADS_SINCE, deps).map_err(Section::Deps.error())?;
        let claimed = history.authors.iter().map(|(_, units)| *units);
        if !claimed.eq(delivered) {
            return Err(CheckpointError::Claim { claim: "version" });
        }
        history.decode_times(times).map_err(Section::Times.error())?;
        if !history.times_go_on() {
            return Err(CheckpointError::Claim { claim: "list of times" });
        }
        Ok(history)
    }

    fn decode_changes(&mut self, count: usize, raw: &[u8]) -> Result<(), DecodeError> {
        let (mut reader, mut end) = (Reader::new(raw), 0);
        while self.ends.len() < count {
            let value = reader.varint()?;
            let range = |reader: &Reader<'_>, field, value| reader.error(DecodeErrorKind::Range { field, value });
            let new = |author: &usize| {
                *author < self.authors.len() && self.turns.last().is_none_or(|turn| turn.author != *author)
            };
            let author =
                usize::try_from(value).ok().filter(new).ok_or_else(|| range(&reader, "author of a turn", value))?;
            self.turns.push(Turn { author, start: Unit(0).plus(end), change: self.ends.len() });
            let turn = reader.count("changes of a turn", 1)?;
            if turn == 0 || turn > count - self.ends.len() {
                return Err(range(&reader, "changes of a turn", turn as u64));
            }
            for _ in 0..turn {
                let value = reader.varint()?;
                let room = UNITS_MAX - end;
                let len = usize::try_from(value).ok().filter(|len| (1..=room).contains(len));
                end += len.ok_or_else(|| range(&reader, "length of a change", value))?;
                self.ends.push(Unit(0).plus(end));
            }
        }
        reader.finish()
    }

    /// The column of times.
    pub(super) fn encode_times(&self) -> Vec<u8> {
        let (mut times, mut next, mut before) = (Writer::default(), 0, 0_i64);
        for (change, time) in self.times.iter() {
            times.varint(2 * (change - next) as u64 + u64::from(time.is_none()));
            if let Some(time) = time {
                times.varint(zigzag(time.wrapping_sub(before)));
                before = time;
            }
            next = change + 1;
        }
        times.finish()
    }

    fn decode_times(&mut self, raw: &[u8]) -> Result<(), DecodeError> {
        let (mut reader, mut next, mut before) = (Reader::new(raw), 0, 0_i64);
        while reader.remaining() > 0 {
            let value = reader.varint()?;
            let bad = reader.error(DecodeErrorKind::Range { field: "change with a time", value });
            let change = usize::try_from(value / 2).ok().and_then(|skipped| skipped.checked_add(next));
            let change = change.filter(|change| *change < self.ends.len()).ok_or(bad)?;
            let mut time = None;
            if value % 2 == 0 {
                before = before.wrapping_add(unzigzag(reader.varint()?));
                time = Some(before);
            }
            if self.times.get(change) == time {
                return Err(bad);
            }
            self.times.push(change, time);
            next = change + 1;
        }
        Ok(())
    }

    /// Whether everybody who said when a change was made has said so of all further ones, as it follows from the changes.
    fn times_go_on(&self) -> bool {
        let mut timed = vec![false; self.authors.len()];
        let mut runs = self.times.iter().peekable();
        let mut time = None;
        for (at, turn) in self.turns.iter().enumerate() {
            let (end, _) = self.end_of_turn(at);
            let mut change = turn.change;
            while change < end {
                if let Some((_, next)) = runs.next_if(|(start, _)| *start == change) {
                    time = next;
                }
                if time.is_none() && timed[turn.author] {
                    return false;
                }
                timed[turn.author] |= time.is_some();
                change = runs.peek().map_or(end, |(start, _)| end.min(*start));
            }
        }
        true
    }

    /// Reads the deps; gives how many units of each author there are in the end.
    fn decode_deps(&mut self, may_be_heads: bool, raw: &[u8]) -> Result<Vec<u64>, DecodeError> {
        let mut reader = Reader::new(raw);
        let mut delivered = vec![0; self.authors.len()];
        let (mut next, mut start) = (next_change(&mut reader, 0)?, Unit(0));
        for (at, turn) in self.turns.iter().enumerate() {
            let (end, _) = self.end_of_turn(at);
            for change in turn.change..end {
                if next == Some(change as u64) {
                    let mut count = reader.count("deps", 2)?;
                    let heads = may_be_heads && count as u64 == HEADS_FOLLOW;
                    if heads {
                        count = reader.count("deps", 2)?;
                    }
                    let vector = self.decode_vector(&mut reader, count, turn.author, &delivered)?;
                    self.named.push(Named::new(change, vector, heads));
                    next = next_change(&mut reader, change as u64 + 1)?;
                }
                delivered[turn.author] += (self.ends[change].index() - start.index()) as u64;
                start = self.ends[change];
            }
        }
        match next {
            None => Ok(delivered),
            Some(value) => Err(reader.error(DecodeErrorKind::Range { field: "change with deps", value })),
        }
    }

    fn decode_vector(
        &self,
        reader: &mut Reader<'_>,
        count: usize,
        author: usize,
        delivered: &[u64],
    ) -> Result<VersionVector, DecodeError> {
        let (mut vector, mut previous) = (Vec::with_capacity(count), None);
        for _ in 0..count {
            let (index, behind) = (reader.varint()?, reader.varint()?);
            let other = usize::try_from(index).ok().filter(|index| *index != author);
            let other = other.and_then(|other| Some((self.authors.get(other)?.0, delivered[other])));
            let units = other.and_then(|(replica, units)| Some((replica, units.checked_sub(behind)?)));
            match units.filter(|(replica, units)| *units > 0 && previous < Some(*replica)) {
                Some((replica, units)) => {
                    previous = Some(replica);
                    vector.push((replica, units));
                }
                None => return Err(reader.error(DecodeErrorKind::Range { field: "dep", value: behind })),
            }
        }
        if vector.is_empty() {
            return Err(reader.error(DecodeErrorKind::Range { field: "deps", value: 0 }));
        }
        Ok(vector.into_iter().collect())
    }
}

/// The next change that names deps, if there is one; `from` is the first that may be.
fn next_change(reader: &mut Reader<'_>, from: u64) -> Result<Option<u64>, DecodeError> {
    if reader.remaining() == 0 {
        return Ok(None);
    }
    let skipped = reader.varint()?;
    Ok(Some(from.saturating_add(skipped)))
}
