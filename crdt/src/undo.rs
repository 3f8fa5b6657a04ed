//! What a replica can undo: its own edits, in groups, as new operations.
//!
//! Undo deletes what this replica inserted and is still there, and puts back what it deleted; what others wrote is never touched.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;

use crate::id::OpId;

/// The most groups that can be undone; older ones are forgotten.
pub const UNDO_GROUPS_MAX: usize = 10_000;

/// The most bytes of deleted text that are kept to be put back; older groups are forgotten.
pub const UNDO_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The most runs of which it is remembered as what they were put back; of more, the oldest are forgotten.
const REPLACED_RUNS_MAX: usize = 65_536;

/// One thing that was done.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Step {
    /// These characters were inserted.
    Inserted {
        /// The id of the first.
        first: OpId,
        /// How many.
        len: u64,
    },
    /// A run of characters was deleted.
    Deleted {
        /// The id of the last of them: what is put back stands right behind it.
        last: OpId,
        /// The characters.
        text: String,
    },
}

impl Step {
    fn bytes(&self) -> usize {
        match self {
            Self::Inserted { .. } => 0,
            Self::Deleted { text, .. } => text.len(),
        }
    }
}

/// What is undone at once.
pub(crate) type Group = Vec<Step>;

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
    /// Runs that were deleted and put back: their first id, how many, and the first id that they have now.
    replaced: BTreeMap<OpId, (u64, OpId)>,
}

#[derive(Clone, Debug, Default)]
struct Stack {
    groups: VecDeque<Group>,
    bytes: usize,
}

impl Stack {
    fn push(&mut self, step: Step, join: bool) {
        self.bytes += step.bytes();
        match self.groups.back_mut() {
            Some(group) if join => push_joined(group, step),
            _ => self.groups.push_back(Vec::from([step])),
        }
        while self.groups.len() > UNDO_GROUPS_MAX || (self.bytes > UNDO_BYTES_MAX && self.groups.len() > 1) {
            self.groups.pop_front().inspect(|group| self.bytes -= bytes(group));
        }
    }

    fn pop(&mut self) -> Option<Group> {
        self.groups.pop_back().inspect(|group| self.bytes -= bytes(group))
    }
}

fn bytes(group: &[Step]) -> usize {
    group.iter().map(Step::bytes).sum()
}

fn push_joined(group: &mut Group, step: Step) {
    if let (Some(Step::Inserted { first, len }), Step::Inserted { first: next, len: more }) = (group.last_mut(), &step)
        && first.plus(*len) == *next
    {
        *len += more;
        return;
    }
    group.push(step);
}

impl UndoLog {
    /// Notes what was just done.
    pub(crate) fn record(&mut self, step: Step) {
        let join = core::mem::replace(&mut self.open, true);
        match self.recording {
            Recording::Edit => {
                self.redo = Stack::default();
                self.undo.push(step, join);
            }
            Recording::Redo => self.undo.push(step, join),
            Recording::Undo => self.redo.push(step, join),
        }
    }

    /// The next step starts a new group.
    pub(crate) fn end_group(&mut self) {
        self.open = false;
    }

    /// Takes the newest group to undo; what is recorded until [`Self::finish`] can be redone.
    pub(crate) fn start_undo(&mut self) -> Option<Group> {
        let group = self.undo.pop()?;
        self.open = false;
        self.recording = Recording::Undo;
        Some(group)
    }

    /// Takes the newest group to redo; what is recorded until [`Self::finish`] can be undone.
    pub(crate) fn start_redo(&mut self) -> Option<Group> {
        let group = self.redo.pop()?;
        self.open = false;
        self.recording = Recording::Redo;
        Some(group)
    }

    /// Ends an undo or redo.
    pub(crate) fn finish(&mut self) {
        self.recording = Recording::Edit;
        self.open = false;
    }

    /// Notes that deleted characters were put back under other ids.
    pub(crate) fn replace(&mut self, first: OpId, len: u64, by: OpId) {
        self.replaced.insert(first, (len, by));
        if self.replaced.len() > REPLACED_RUNS_MAX {
            self.replaced.pop_first();
        }
    }

    /// The run, and what parts of it were put back as, however often.
    pub(crate) fn with_replacements(&self, first: OpId, len: u64) -> Vec<(OpId, u64)> {
        let mut runs = Vec::from([(first, len)]);
        let mut done = 0;
        while let Some((first, len)) = runs.get(done).copied() {
            done += 1;
            // Replaced runs do not overlap: at most the nearest one in front reaches into this one.
            let in_front = self.replaced.range(..first).next_back();
            let inside = self.replaced.range(first..first.plus(len));
            for (old, (old_len, by)) in in_front.into_iter().chain(inside) {
                let start = first.seq.max(old.seq);
                let end = (first.seq + len).min(old.seq + old_len);
                if old.replica == first.replica && start < end {
                    runs.push((by.plus(start - old.seq), end - start));
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
    use crate::id::ReplicaId;

    fn id(seq: u64) -> OpId {
        OpId::new(ReplicaId::from_bytes([1; 16]), seq)
    }

    #[test]
    fn what_was_put_back_is_found_by_its_first_ids() {
        let mut log = UndoLog::default();
        log.replace(id(2), 3, id(10));
        log.replace(id(11), 1, id(20));
        let check = |first, len, expected: &[(u64, u64)]| {
            let expected: Vec<_> = expected.iter().map(|(seq, len)| (id(*seq), *len)).collect();
            assert_eq!(log.with_replacements(id(first), len), expected);
        };
        check(0, 2, &[(0, 2)]);
        check(0, 8, &[(0, 8), (10, 3), (20, 1)]);
        check(4, 9, &[(4, 9), (12, 1), (20, 1)]);
        check(3, 1, &[(3, 1), (11, 1), (20, 1)]);
    }

    #[test]
    fn old_groups_are_forgotten() {
        let mut log = UndoLog::default();
        for seq in 0..UNDO_GROUPS_MAX as u64 + 5 {
            log.record(Step::Inserted { first: id(2 * seq), len: 1 });
            log.end_group();
        }
        assert_eq!(log.undo.groups.len(), UNDO_GROUPS_MAX);
        let megabyte = "x".repeat(1024 * 1024);
        for _ in 0..70 {
            log.record(Step::Deleted { last: id(0), text: megabyte.clone() });
            log.end_group();
        }
        assert!(log.undo.bytes <= UNDO_BYTES_MAX && log.undo.groups.len() == 64);
    }
}
