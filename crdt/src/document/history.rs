//! What was: the text at any version, who wrote what, how two versions differ, and the way back to one.

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use super::past::Closure;
use super::unit_set::UnitSet;
use super::{Document, EditError, Log, Patch};
use crate::clock::VersionVector;
use crate::id::{OpId, ReplicaId};
use crate::text::Splice;
use crate::units::Unit;

/// A place where two versions of the text differ: `deleted` in the one stands where `inserted` does in the other.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Difference {
    /// The position in the first version, in chars.
    pub at: usize,
    /// What only the first version has.
    pub deleted: String,
    /// What only the second version has.
    pub inserted: String,
}

/// Visible characters that one change inserted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Blame {
    /// Who wrote them.
    pub author: ReplicaId,
    /// The change's position in the log; `None`: it is not yet committed.
    pub change: Option<usize>,
    /// How many characters.
    pub len: usize,
}

/// Characters of one replica, one behind the other.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Written {
    /// Who wrote them.
    pub author: ReplicaId,
    /// How many characters.
    pub len: usize,
}

/// Changes of one replica, one behind the other in the log.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Turn {
    /// Who made them.
    pub author: ReplicaId,
    /// Their positions.
    pub changes: Range<usize>,
}

/// Characters that only one of two versions has.
#[derive(Clone, Copy, Debug)]
struct Piece {
    /// The position in the first version.
    at: usize,
    first: Unit,
    len: usize,
    /// Whether it is the second version that has them.
    came: bool,
}

impl Piece {
    /// What of it concerns a range of the first version: what came at its edges does, too.
    fn within(self, range: &Range<usize>) -> Option<Self> {
        if self.came {
            return (range.start <= self.at && self.at <= range.end).then_some(self);
        }
        let (start, end) = (self.at.max(range.start), (self.at + self.len).min(range.end));
        (start < end).then(|| Self { at: start, first: self.first.plus(start - self.at), len: end - start, ..self })
    }
}

impl Log<'_> {
    /// The text at a version: the characters whose insertion it contains and no deletion of which it contains. What was not
    /// delivered here counts as not contained. O(n) in the spans and deletions of the whole history.
    pub fn text_at(&self, version: &VersionVector) -> String {
        self.read_at(version, |_| ())
    }

    /// The text at a version as [`Self::text_at`] gives it, and who wrote it: all of it in order, neighbours of one author
    /// together. O(n) in the spans and deletions of the whole history.
    pub fn text_and_authors_at(&self, version: &VersionVector) -> (String, Vec<Written>) {
        let mut written = Vec::new();
        let text = self.read_at(version, |part| self.add_authors(part, &mut written));
        (text, written)
    }

    /// Who wrote a range of chars, which is clamped to the text: its visible characters in order, neighbours of one author
    /// together. O(log n) for each span in it.
    pub fn authors(&self, range: Range<usize>) -> Vec<Written> {
        let mut written = Vec::new();
        for (first, len) in self.text.visible_parts(range) {
            self.add_authors(first..first.plus(len), &mut written);
        }
        written
    }

    /// Who made the changes from a position on: neighbours of one author together. O(log n) for each time that another goes on.
    pub fn turns(&self, from: usize) -> Vec<Turn> {
        let (mut turns, mut next): (Vec<Turn>, usize) = (Vec::new(), from);
        while let Some(units) = self.record.units(next) {
            let (id, run) = self.text.units().id_run(units.start);
            let end = self.record.change_of(units.start.plus(run)).unwrap_or_else(|| self.len());
            turns.push(Turn { author: id.replica, changes: next..end });
            next = end;
        }
        turns
    }

    /// How many units the changes of a range have, which is clamped to the log. O(1).
    pub fn len_units(&self, changes: Range<usize>) -> usize {
        let start = |change| self.record.units(change).map_or_else(|| self.record.end(), |units| units.start).index();
        start(changes.end).saturating_sub(start(changes.start))
    }

    /// What the author of a change had delivered when it made it, and the change itself. O(log n) for each replica that wrote, and at
    /// most for each change that names deps.
    pub fn version_of(&self, position: usize) -> Option<VersionVector> {
        let header = self.header(position)?;
        let mut closure = Closure::new(self.authors, self.record, self.text.units(), Unit(0));
        closure.add(OpId::new(header.replica, header.end_seq() - 1));
        let mut version = closure.into_version();
        // Everything in front of some place includes the author's own units, and no more of them.
        version.observe(header.replica, header.end_seq());
        Some(version)
    }

    /// What was delivered here once the change at a position was: all changes of the log up to and including it. O(log n) for
    /// each replica that wrote.
    pub fn version_after(&self, position: usize) -> Option<VersionVector> {
        let units = self.record.units(position)?;
        Some(self.text.units().version_before(units.end))
    }

    /// How many changes of the log it takes until everything of a version is there: the version is that of [`Self::version_after`]
    /// the last of them, or lacks something of it that came earlier here. `None`: something of it was not delivered here, or is
    /// not committed. O(log n) for each replica of the version.
    pub fn changes_up_to(&self, version: &VersionVector) -> Option<usize> {
        let change = |(replica, count): (ReplicaId, u64)| {
            let last = OpId::new(replica, count.checked_sub(1)?);
            self.record.change_of(self.text.units().unit(last)?)
        };
        version.iter().try_fold(0, |changes, entry| Some(changes.max(change(entry)? + 1)))
    }

    /// What leads from the text at one version to that at another, in ascending order of the position in the first; between two
    /// differences stands at least one character that both have. Neither version needs to contain the other. O(n) in the spans
    /// and deletions of the whole history.
    pub fn diff(&self, from: &VersionVector, to: &VersionVector) -> Vec<Difference> {
        self.differences(self.pieces(from, to).into_iter())
    }

    /// What of [`Self::diff`] concerns a range of chars of the first version: what only the second has at its edges does, too.
    /// O(n) in the spans and deletions of the whole history.
    pub fn diff_within(&self, range: &Range<usize>, from: &VersionVector, to: &VersionVector) -> Vec<Difference> {
        self.differences(self.pieces(from, to).into_iter().filter_map(|piece| piece.within(range)))
    }

    /// Which change wrote a range of chars, which is clamped to the text: its visible characters in order, neighbours of one
    /// change together. O(log n) for each span and change in it.
    pub fn blame(&self, range: Range<usize>) -> Vec<Blame> {
        let mut blame: Vec<Blame> = Vec::new();
        for (first, len) in self.text.visible_parts(range) {
            let mut done = 0;
            while done < len {
                let unit = first.plus(done);
                let (id, mut run) = self.text.units().id_run(unit);
                let change = self.record.change_of(unit);
                if let Some(units) = change.and_then(|change| self.record.units(change)) {
                    run = run.min(units.end.index() - unit.index());
                }
                let run = run.min(len - done);
                done += run;
                match blame.last_mut() {
                    Some(last) if last.author == id.replica && last.change == change => last.len += run,
                    _ => blame.push(Blame { author: id.replica, change, len: run }),
                }
            }
        }
        blame
    }

    /// The text at a version; each part of it is shown to `see`, too.
    fn read_at(&self, version: &VersionVector, mut see: impl FnMut(Range<Unit>)) -> String {
        let visible = self.visible_at(version);
        let (mut text, mut letters) = (String::new(), self.text.inserted().reader());
        for (first, len) in self.text.in_order() {
            for (part, _) in visible.parts(first..first.plus(len)).filter(|(_, inside)| *inside) {
                letters.read(part.start, part.end.index() - part.start.index(), &mut text);
                see(part);
            }
        }
        text
    }

    /// Adds who wrote these characters to what stands in front of them.
    fn add_authors(&self, mut part: Range<Unit>, written: &mut Vec<Written>) {
        while part.start < part.end {
            let (id, run) = self.text.units().id_run(part.start);
            let len = run.min(part.end.index() - part.start.index());
            part.start = part.start.plus(len);
            match written.last_mut() {
                Some(last) if last.author == id.replica => last.len += len,
                _ => written.push(Written { author: id.replica, len }),
            }
        }
    }

    /// The characters visible at a version (and units of other kinds that it contains).
    fn visible_at(&self, version: &VersionVector) -> UnitSet {
        let delivered: UnitSet = self.text.units().contained_in(version).collect();
        let mut deleted = Vec::new();
        for run in self.record.deletions.iter() {
            for (units, _) in delivered.parts(run.start..run.start.plus(run.len)).filter(|(_, inside)| *inside) {
                let offset = |unit: Unit| unit.index() - run.start.index();
                let part = run.part(offset(units.start), offset(units.end));
                deleted.push(part.first..part.first.plus(part.len));
            }
        }
        delivered.without(&UnitSet::of(deleted))
    }

    /// What only one of two versions has, in document order.
    fn pieces(&self, from: &VersionVector, to: &VersionVector) -> Vec<Piece> {
        let (from, to) = (self.visible_at(from), self.visible_at(to));
        let (mut pieces, mut at) = (Vec::new(), 0);
        for (first, len) in self.text.in_order() {
            for (part, was) in from.parts(first..first.plus(len)) {
                for (part, is) in to.parts(part) {
                    let len = part.end.index() - part.start.index();
                    if was != is {
                        pieces.push(Piece { at, first: part.start, len, came: is });
                    }
                    at += if was { len } else { 0 };
                }
            }
        }
        pieces
    }

    /// Pieces between which no character stands that both versions have, as one difference.
    fn differences(&self, pieces: impl Iterator<Item = Piece>) -> Vec<Difference> {
        let mut differences: Vec<Difference> = Vec::new();
        let (mut end, mut letters) = (None, self.text.inserted().reader());
        for Piece { at, first, len, came } in pieces {
            if end != Some(at) {
                differences.push(Difference { at, ..Difference::default() });
            }
            end = Some(if came { at } else { at + len });
            if let Some(last) = differences.last_mut() {
                let side = if came { &mut last.inserted } else { &mut last.deleted };
                letters.read(first, len, side);
            }
        }
        differences
    }
}

impl Document {
    /// Makes a range of the text what it was at a version, by new edits that one undo takes back; the patches that they made.
    ///
    /// Characters that stand and stood then stay as they are, and whose they are. What stood at the edges of the range comes
    /// back with it: with the whole range, the text is as [`Log::text_at`] gives it. O(n) in the spans and deletions of the
    /// whole history.
    ///
    /// # Errors
    /// [`EditError::Range`] when the range is not inside the text, [`EditError::Full`] when the history has no room.
    pub fn restore(&mut self, range: Range<usize>, version: &VersionVector) -> Result<Vec<Patch>, EditError> {
        self.check_range(range.clone())?;
        let log = self.log();
        let differences = log.diff_within(&range, self.version(), version);
        self.check_room(differences.iter().map(|each| each.deleted.len() + each.inserted.len()).sum())?;
        self.end_undo_group();
        let author = self.replica;
        let mut patches = Vec::new();
        // From the end, so that the positions in front stay what they are.
        for Difference { at, deleted, inserted } in differences.into_iter().rev() {
            let (deleted, before) = (deleted.chars().count(), self.text.len_chars());
            if deleted > 0 {
                self.delete_inside(at..at + deleted, false);
            }
            self.insert_inside(at, &inserted, inserted.chars().count());
            let inserted = self.text.len_chars() + deleted - before;
            patches.push(Patch { splice: Splice { at, deleted, inserted }, author });
        }
        self.end_undo_group();
        Ok(patches)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::DocumentId;

    #[test]
    fn of_a_difference_only_what_lies_in_the_range_is_told() {
        let mut document = Document::new(DocumentId::from_bytes([9; 16]), ReplicaId::from_bytes([1; 16]));
        document.insert(0, "abcdefgh").unwrap();
        let whole = document.version().clone();
        document.delete(2..6).unwrap();
        document.insert(2, "XY").unwrap();
        let after = document.version().clone();
        let check = |range: Range<usize>, expected: &[(usize, &str, &str)]| {
            let told = document.log().diff_within(&range, &whole, &after);
            let told: Vec<_> =
                told.iter().map(|each| (each.at, each.deleted.as_str(), each.inserted.as_str())).collect();
            assert_eq!(told, expected, "{range:?}");
        };
        check(0..8, &[(2, "cdef", "XY")]);
        check(0..1, &[]);
        check(3..8, &[(3, "def", "")]);
        check(4..5, &[(4, "e", "")]);
        check(6..8, &[]);
    }
}
