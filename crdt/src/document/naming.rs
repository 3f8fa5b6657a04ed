//! Whom changes name: what is kept of that follows from what they did, so that it is the same wherever they are delivered.

use core::ops::Range;

use super::Document;
use super::authors::Authors;
use super::log::{self, Edit, Record, Step};
use crate::change::OpRef;
use crate::id::OpId;
use crate::text::Text;
use crate::units::Unit;

impl Document {
    /// Takes in whom the newest change names, which has these units, from the one with this id on: nobody, if all it does is to
    /// go on. O(its length × log n).
    #[inline(never)]
    pub(super) fn name_others_unless_going_on(&mut self, first: OpId, units: &Range<Unit>) {
        let further = log::further(&self.text, first, units);
        if further.is_none_or(|(_, len)| units.start.plus(len) < units.end) {
            self.name_others();
        }
    }

    /// Takes in whom the newest change names. O(its length × log n).
    pub(super) fn name_others(&mut self) {
        if let Some(newest) = self.record.len().checked_sub(1) {
            name_others(&mut self.authors, &self.record, &self.text, newest);
        }
    }
}

/// Takes in whom all changes name. O(all runs × log n).
pub(super) fn name_all(authors: &mut Authors, record: &Record, text: &Text) {
    for (author, turn) in text.units().turns() {
        let names = authors.names_mut(author);
        let mut name = |named: Unit, by: Unit| {
            let replica = text.units().id(named).replica;
            if replica != author && names.place(replica).is_none() {
                let change = record.change_of(by).and_then(|change| record.units(change));
                let first = text.units().id(change.map_or(by, |units| units.start));
                names.name(replica, first.seq);
            }
        };
        // Who goes on with a run names nobody that its start has not named.
        for step in record.steps(text, turn) {
            match step {
                Step::Edited(Edit::Inserted { first, .. }) => {
                    let run = text.inserted().find(first).map(|(run, offset)| run.part(offset, run.len));
                    let origins = run.into_iter().flat_map(|run| [run.left, run.right]).flatten();
                    origins.for_each(|origin| name(origin, first));
                }
                Step::Edited(Edit::Deleted(mut deletion)) => {
                    while deletion.len > 0 {
                        let len = deletion.operation(text.units());
                        name(deletion.part(0, len).first, deletion.start);
                        deletion = deletion.part(len, deletion.len);
                    }
                }
                Step::Set { .. } => {}
            }
        }
    }
}

fn name_others(authors: &mut Authors, record: &Record, text: &Text, change: usize) {
    let Some(units) = record.units(change) else { return };
    let OpId { replica: author, seq: first_seq } = text.units().id(units.start);
    let names = authors.names_mut(author);
    for op in record.ops(text, units) {
        let ids = match op {
            OpRef::Insert { left, right, .. } => [left, right],
            OpRef::Delete { first, .. } => [Some(first), None],
            OpRef::Set { .. } => [None, None],
        };
        for id in ids.into_iter().flatten().filter(|id| id.replica != author) {
            names.name(id.replica, first_seq);
        }
    }
}
