//! What a replica can undo: its own edits, in groups, as new operations.
//!
//! Undo deletes what this replica inserted and is still there, and puts back what it deleted; what others wrote is never touched.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::ops::Range;

use crate::units::Unit;

/// The most groups that can be undone; older ones are forgotten.
pub const UNDO_GROUPS_MAX: usize = 10_000;

/// The most runs of which it is remembered as what they were put back; of more, the oldest are forgotten.
const REPLACED_RUNS_MAX: usize = 65_536;

/// What is undone at once: units of this replica, whose history says what they did.
pub(crate) type Group = Vec<Range<Unit>>;

/// Where a step is noted.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Recording {
    /// An edit: it can be undone, and what was undone before can no longer be redone.
    #[default]
    Edit,
    /// An undo: it can be redone.
    Undo,
    /// A redo: it can be undone.
    Redo,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct UndoLog {
    undo: Stack,
    redo: Stack,
    recording: Recording,
    /// Whether the next edit joins the newest group.
    open: bool,
    /// Runs that were deleted and put back: their first character, how many, and the first that they are now.
    replaced: BTreeMap<Unit, (usize, Unit)>,
}

#[derive(Clone, Debug, Default)]
struct Stack {
    groups: VecDeque<Group>,
}

impl Stack {
    fn newest_len(&self) -> usize {
        let group = self.groups.back().into_iter().flatten();
        group.map(|units| units.end.index() - units.start.index()).sum()
    }

    fn push(&mut self, units: Range<Unit>, join: bool) {
        match self.groups.back_mut() {
            Some(group) if join => match group.last_mut() {
                Some(last) if last.end == units.start => last.end = units.end,
                _ => group.push(units),
            },
            _ => self.groups.push_back(Vec::from([units])),
        }
        if self.groups.len() > UNDO_GROUPS_MAX {
            self.groups.pop_front();
        }
    }
}

impl UndoLog {
    /// Notes which units were just made.
    pub(crate) fn record(&mut self, units: Range<Unit>) {
        let join = core::mem::replace(&mut self.open, true);
        match self.recording {
            Recording::Edit => {
                if !self.redo.groups.is_empty() {
                    self.redo.groups.clear();
                }
                self.undo.push(units, join);
            }
            Recording::Redo => self.undo.push(units, join),
            Recording::Undo => self.redo.push(units, join),
        }
    }

    /// The next step starts a new group.
    pub(crate) fn end_group(&mut self) {
        self.open = false;
    }

    /// How many units the newest group to undo has.
    pub(crate) fn units_to_undo(&self) -> usize {
        self.undo.newest_len()
    }

    /// How many units the newest group to redo has.
    pub(crate) fn units_to_redo(&self) -> usize {
        self.redo.newest_len()
    }

    /// Takes the newest group to undo; what is recorded until [`Self::finish`] can be redone.
    pub(crate) fn start_undo(&mut self) -> Option<Group> {
        let group = self.undo.groups.pop_back()?;
        self.open = false;
        self.recording = Recording::Undo;
        Some(group)
    }

    /// Takes the newest group to redo; what is recorded until [`Self::finish`] can be undone.
    pub(crate) fn start_redo(&mut self) -> Option<Group> {
        let group = self.redo.groups.pop_back()?;
        self.open = false;
        self.recording = Recording::Redo;
        Some(group)
    }

    /// Ends an undo or redo.
    pub(crate) fn finish(&mut self) {
        self.recording = Recording::Edit;
        self.open = false;
    }

    /// Notes that deleted characters were put back under other numbers.
    pub(crate) fn replace(&mut self, first: Unit, len: usize, by: Unit) {
        self.replaced.insert(first, (len, by));
        if self.replaced.len() > REPLACED_RUNS_MAX {
            self.replaced.pop_first();
        }
    }

    /// The run, and what parts of it were put back as, however often.
    pub(crate) fn with_replacements(&self, first: Unit, len: usize) -> Vec<(Unit, usize)> {
        let mut runs = Vec::from([(first, len)]);
        let mut done = 0;
        while let Some((first, len)) = runs.get(done).copied() {
            done += 1;
            // Replaced runs do not overlap: at most the nearest one in front reaches into this one.
            let in_front = self.replaced.range(..first).next_back();
            let inside = self.replaced.range(first..first.plus(len));
            for (old, (old_len, by)) in in_front.into_iter().chain(inside) {
                let start = first.max(*old);
                let end = first.plus(len).min(old.plus(*old_len));
                if start < end {
                    runs.push((by.plus(start.index() - old.index()), end.index() - start.index()));
                }
            }
        }
        runs
    }

    pub(crate) fn can_undo(&self) -> bool {
        !self.undo.groups.is_empty()
    }

    pub(crate) fn can_redo(&self) -> bool {
        !self.redo.groups.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_back_is_found_by_its_first_numbers() {
        let mut log = UndoLog::default();
        log.replace(Unit(2), 3, Unit(10));
        log.replace(Unit(11), 1, Unit(20));
        let check = |first, len, expected: &[(u32, usize)]| {
            let expected: Vec<_> = expected.iter().map(|(unit, len)| (Unit(*unit), *len)).collect();
            assert_eq!(log.with_replacements(Unit(first), len), expected);
        };
        check(0, 2, &[(0, 2)]);
        check(0, 8, &[(0, 8), (10, 3), (20, 1)]);
        check(4, 9, &[(4, 9), (12, 1), (20, 1)]);
        check(3, 1, &[(3, 1), (11, 1), (20, 1)]);
    }

    #[test]
    fn old_groups_are_forgotten_and_what_goes_on_is_one_range() {
        let mut log = UndoLog::default();
        for unit in (0..UNDO_GROUPS_MAX + 5).map(|unit| u32::try_from(unit).unwrap()) {
            log.record(Unit(3 * unit)..Unit(3 * unit + 1));
            log.record(Unit(3 * unit + 1)..Unit(3 * unit + 2));
            log.end_group();
        }
        assert_eq!(log.undo.groups.len(), UNDO_GROUPS_MAX);
        assert_eq!(log.undo.groups[0], [Unit(15)..Unit(17)]);
    }

    #[test]
    fn the_units_of_the_newest_group_are_counted() {
        let mut log = UndoLog::default();
        assert_eq!((log.units_to_undo(), log.units_to_redo()), (0, 0));
        log.record(Unit(1)..Unit(3));
        log.end_group();
        log.record(Unit(5)..Unit(9));
        log.record(Unit(20)..Unit(23));
        assert_eq!((log.units_to_undo(), log.units_to_redo()), (7, 0));
        log.start_undo();
        log.record(Unit(30)..Unit(35));
        log.finish();
        assert_eq!((log.units_to_undo(), log.units_to_redo()), (2, 5));
    }

    #[test]
    fn as_many_runs_that_were_put_back_are_known_as_the_limit_says() {
        let mut log = UndoLog::default();
        let unit = |at: usize| Unit(u32::try_from(at).unwrap());
        let back_at = 3 * REPLACED_RUNS_MAX;
        (0..REPLACED_RUNS_MAX).for_each(|at| log.replace(unit(2 * at), 1, unit(back_at + at)));
        assert_eq!(log.with_replacements(unit(0), 1), [(unit(0), 1), (unit(back_at), 1)]);
        log.replace(unit(2 * REPLACED_RUNS_MAX), 1, unit(back_at + REPLACED_RUNS_MAX));
        assert_eq!(log.with_replacements(unit(0), 1), [(unit(0), 1)], "the oldest is forgotten");
        assert_eq!(log.with_replacements(unit(2), 1), [(unit(2), 1), (unit(back_at + 1), 1)]);
    }
}
