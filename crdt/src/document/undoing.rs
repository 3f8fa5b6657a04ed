//! Undo and redo: new edits that take back own ones.

use alloc::string::String;
use alloc::vec::Vec;

use super::deletions::Deletion;
use super::log::Edit;
use super::{Document, Patch};
use crate::text::Splice;
use crate::undo::Group;
use crate::units::Unit;

/// The most bytes of a char.
const CHAR_BYTES_MAX: usize = 4;

impl Document {
    /// Undoes the newest group of own edits that is not undone: a new edit. The patches that it made, none if there is no group or
    /// the history has no room for so many.
    pub fn undo(&mut self) -> Vec<Patch> {
        if self.check_room(CHAR_BYTES_MAX * self.undo.units_to_undo()).is_err() {
            return Vec::new();
        }
        let group = self.undo.start_undo();
        self.invert(group)
    }

    /// Redoes what was undone last, if nothing was edited since: a new edit. The patches that it made, as [`Self::undo`].
    pub fn redo(&mut self) -> Vec<Patch> {
        if self.check_room(CHAR_BYTES_MAX * self.undo.units_to_redo()).is_err() {
            return Vec::new();
        }
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

    fn invert(&mut self, group: Option<Group>) -> Vec<Patch> {
        let mut splices = Vec::new();
        for units in group.into_iter().flatten().rev() {
            for step in self.record.edits(&self.text, units).into_iter().rev() {
                match step {
                    Edit::Inserted { first, len } => self.take_back(first, len, &mut splices),
                    Edit::Deleted(Deletion { first, len, .. }) => self.put_back(first, len, &mut splices),
                }
            }
        }
        self.undo.finish();
        let author = self.replica;
        splices.into_iter().map(|splice| Patch { splice, author }).collect()
    }

    /// Deletes what is still there of a run of own characters, or was put back since.
    fn take_back(&mut self, first: Unit, len: usize, splices: &mut Vec<Splice>) {
        for (first, len) in self.undo.with_replacements(first, len) {
            for range in self.text.visible_ranges(first, len).into_iter().rev() {
                splices.push(Splice { at: range.start, deleted: range.len(), inserted: 0 });
                self.delete_inside(range, false);
            }
        }
    }

    /// Inserts deleted characters again, each run of neighbours right behind its last one.
    fn put_back(&mut self, first: Unit, len: usize, splices: &mut Vec<Splice>) {
        for (old, len) in self.text.neighbours(first, len).into_iter().rev() {
            let text = String::from(self.text.inserted().text(old, len));
            let start = self.text.units().end();
            let (at, inserted) = self.text.insert_behind(old.plus(len - 1), self.next_id(), &text);
            self.made(start, inserted);
            self.undo.replace(old, inserted, start);
            splices.push(Splice { at, deleted: 0, inserted });
        }
    }
}
