//! Where in a document's history somebody is: how many of its changes are shown, and where steps lead.

use std::collections::BTreeMap;
use std::ops::Range;

use quire_crdt::{Log, ReplicaId, Turn};

use crate::editor::command::Travel;

/// The most bars that show how much was written when.
pub const BARS_MAX: usize = 80;

/// A part of the history: how much its changes did, and who made most of them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Bar {
    /// How many changes.
    pub changes: usize,
    /// Characters inserted and deleted, and keys written.
    pub units: usize,
    /// Who made most of the changes.
    pub author: ReplicaId,
}

/// The history of a document as a line of changes, and a place on it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Timeline {
    total: usize,
    /// How many changes are shown; `None`: all of them, and those to come.
    shown: Option<usize>,
    turns: Vec<Turn>,
    authors: Vec<(ReplicaId, usize)>,
    bars: Vec<Bar>,
    /// When the first and the last change were made, in seconds since the start of 1970.
    times: (Option<i64>, Option<i64>),
}

impl Timeline {
    /// The history of a log, at its end. O(turns of authors).
    pub fn new(log: Log<'_>) -> Self {
        let mut timeline = Self::default();
        timeline.follow(log);
        timeline
    }

    /// Takes in what was added to the log; whether something was. The place stays where it is.
    pub fn follow(&mut self, log: Log<'_>) -> bool {
        if log.len() == self.total {
            return false;
        }
        // The last turn may go on.
        let from = self.turns.pop().map_or(0, |turn| turn.changes.start);
        self.turns.extend(log.turns(from));
        self.total = log.len();
        self.authors = authors(&self.turns);
        self.bars = bars(log, &self.turns);
        let time = |change: Option<usize>| change.and_then(|change| log.time(change));
        self.times = (time(Some(0)), time(self.total.checked_sub(1)));
        true
    }

    /// How many changes there are.
    pub const fn total(&self) -> usize {
        self.total
    }

    /// How many changes are shown.
    pub fn shown(&self) -> usize {
        self.shown.unwrap_or(self.total)
    }

    /// Whether all changes are shown, and those to come.
    pub const fn is_now(&self) -> bool {
        self.shown.is_none()
    }

    /// When the first and the last change were made, in seconds since the start of 1970 in UTC, as their authors' clocks had it.
    pub const fn times(&self) -> (Option<i64>, Option<i64>) {
        self.times
    }

    /// How much was written when.
    pub fn bars(&self) -> &[Bar] {
        &self.bars
    }

    /// Who made changes, with how many; the most diligent first.
    pub fn authors(&self) -> &[(ReplicaId, usize)] {
        &self.authors
    }

    /// Shows so many changes; whether that moves the place.
    pub fn go_to(&mut self, shown: usize) -> bool {
        let shown = Some(shown).filter(|shown| *shown < self.total);
        std::mem::replace(&mut self.shown, shown) != shown
    }

    /// Takes a step; whether it leads anywhere.
    pub fn travel(&mut self, travel: Travel) -> bool {
        let shown = self.shown();
        let to = match travel {
            Travel::Start => 0,
            Travel::TurnBack => shown.checked_sub(1).map_or(0, |last| self.turn_of(last).start),
            Travel::Back => shown.saturating_sub(1),
            Travel::Forward => shown + 1,
            Travel::TurnForward => self.turn_of(shown).end,
            Travel::Now => self.total,
        };
        self.go_to(to)
    }

    /// The changes that the author of one made in one turn; behind the last change: none.
    fn turn_of(&self, change: usize) -> Range<usize> {
        let at = self.turns.partition_point(|turn| turn.changes.end <= change);
        self.turns.get(at).map_or(self.total..self.total, |turn| turn.changes.clone())
    }
}

fn authors(turns: &[Turn]) -> Vec<(ReplicaId, usize)> {
    let mut counts: BTreeMap<ReplicaId, usize> = BTreeMap::new();
    for turn in turns {
        *counts.entry(turn.author).or_default() += turn.changes.len();
    }
    let mut authors: Vec<_> = counts.into_iter().collect();
    authors.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    authors
}

/// Equal parts of the history. O(turns).
fn bars(log: Log<'_>, turns: &[Turn]) -> Vec<Bar> {
    let count = log.len().min(BARS_MAX);
    let mut next = 0;
    let bar = |at: usize| {
        let changes = at * log.len() / count..(at + 1) * log.len() / count;
        while turns.get(next).is_some_and(|turn| turn.changes.end <= changes.start) {
            next += 1;
        }
        let mut counts: BTreeMap<ReplicaId, usize> = BTreeMap::new();
        for turn in turns[next..].iter().take_while(|turn| turn.changes.start < changes.end) {
            let len = turn.changes.end.min(changes.end) - turn.changes.start.max(changes.start);
            *counts.entry(turn.author).or_default() += len;
        }
        let (author, _) = counts.into_iter().max_by_key(|(_, count)| *count)?;
        Some(Bar { changes: changes.len(), units: log.len_units(changes), author })
    };
    (0..count).filter_map(bar).collect()
}
