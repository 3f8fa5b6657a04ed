//! What a replica can undo: its own edits, in groups, as new operations.
//!
//! Undo deletes what this replica inserted and is still there, and puts back what it deleted; what others wrote is never touched.

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;

use crate::id::OpId;

/// The most groups that can be undone; older ones are forgotten.
pub const UNDO_GROUPS_MAX: usize = 10_000;

/// The most bytes of deleted text that are kept to be put back; older groups are forgotten.
pub const UNDO_BYTES_MAX: usize = 64 * 1024 * 1024;

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

    pub(crate) fn can_undo(&self) -> bool {
        !self.undo.groups.is_empty()
    }

    pub(crate) fn can_redo(&self) -> bool {
        !self.redo.groups.is_empty()
    }
}
