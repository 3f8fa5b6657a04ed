//! A text's history step by step, without letters: which characters were inserted behind and in front of which, and which are
//! deleted. It tells where the next step is likely to be, so that saying where it is takes few bytes, and a text can be built from it.

use alloc::vec;
use alloc::vec::Vec;

use super::inserted::InsertedRun;
use crate::units::{Directory, Unit};

/// A character, by how many were inserted up to and including it. 0 is the start of the text, and its end: the list is a ring.
pub(crate) type Node = u32;

/// How far from a caret a place is looked for, in visible characters.
const HOPS_MAX: u64 = 63;

/// Characters that were inserted as one.
#[derive(Clone, Copy, Debug)]
pub(super) struct LoomRun {
    pub(super) unit: Unit,
    pub(super) node: Node,
    pub(super) len: usize,
    pub(super) left: Node,
    pub(super) right: Node,
}

/// The history so far.
#[derive(Debug)]
pub(crate) struct Loom {
    pub(super) runs: Vec<LoomRun>,
    directory: Directory,
    /// For each node, the run that it is part of, by its index.
    pub(super) run_of: Vec<u32>,
    /// For each node, what stands behind it, if every run stands right behind its left origin.
    pub(super) next: Vec<Node>,
    /// The same, and the other way round, without what is deleted. A deleted character has what stood in front of it.
    next_shown: Vec<Node>,
    last_shown: Vec<Node>,
    pub(super) deleted: Vec<bool>,
    len: usize,
    deleted_len: usize,
    /// For each author, the character behind which it made its last step.
    carets: Vec<Node>,
    /// Whether every run stands right behind its left origin.
    pub(super) is_list: bool,
}

#[expect(clippy::cast_possible_truncation, reason = "there are at most UNITS_MAX units, which fit 31 bits")]
const fn fit(count: usize) -> u32 {
    count as u32
}

impl Loom {
    /// Nothing, with room for so many characters.
    pub(crate) fn new(chars: usize, authors: usize) -> Self {
        // As if all were one run: where runs meet is told when they are inserted.
        let next: Vec<Node> = (1..=fit(chars) + 1).collect();
        let mut loom = Self {
            runs: Vec::new(),
            directory: Directory::default(),
            run_of: vec![0; chars + 1],
            next_shown: next.clone(),
            next,
            last_shown: core::iter::once(0).chain(0..fit(chars)).collect(),
            deleted: vec![false; chars + 1],
            len: 0,
            deleted_len: 0,
            carets: vec![0; authors],
            is_list: true,
        };
        (loom.next[0], loom.next_shown[0]) = (0, 0);
        loom
    }

    /// How many characters there are, and how many of them are deleted.
    pub(crate) const fn len(&self) -> (usize, usize) {
        (self.len, self.deleted_len)
    }

    /// Whether a character is deleted.
    pub(crate) fn is_deleted(&self, node: usize) -> bool {
        self.deleted.get(node).is_some_and(|deleted| *deleted)
    }

    /// The last character inserted.
    pub(crate) const fn last(&self) -> Node {
        fit(self.len)
    }

    /// What is likely to be the right origin of the next run with this left origin.
    pub(crate) fn behind(&self, left: Node) -> Node {
        self.next[left as usize]
    }

    /// The number of a character.
    pub(crate) fn unit(&self, node: Node) -> Unit {
        let run = &self.runs[self.run_of[node as usize] as usize];
        run.unit.plus((node - run.node) as usize)
    }

    /// A character, by its number.
    pub(crate) fn node(&self, unit: Unit) -> Option<Node> {
        let run = &self.runs[self.directory.find(&self.runs, unit, |run| run.unit.0)?];
        let offset = unit.index() - run.unit.index();
        (offset < run.len).then(|| run.node + fit(offset))
    }

    /// The visible character behind which an author's next step is likely to be.
    pub(crate) fn caret(&self, author: usize) -> Node {
        self.shown(self.carets.get(author).copied().unwrap_or(0))
    }

    /// How many visible characters lie between two, if it is few.
    pub(crate) fn hops(&self, from: Node, to: Node) -> Option<i64> {
        if from == to {
            return Some(0);
        }
        if self.deleted[to as usize] {
            return None;
        }
        let (mut ahead, mut back) = (from, from);
        for hops in 1..=HOPS_MAX {
            (ahead, back) = (self.next_shown[ahead as usize], self.last_shown[back as usize]);
            if ahead == to {
                return Some(hops.cast_signed());
            }
            if back == to {
                return Some(-hops.cast_signed());
            }
        }
        None
    }

    /// The visible character so many behind another one, or in front of it; `None` if that is not few.
    pub(crate) fn walk(&self, from: Node, hops: i64) -> Option<Node> {
        let ring = if hops < 0 { &self.last_shown } else { &self.next_shown };
        let count = hops.unsigned_abs();
        (count <= HOPS_MAX).then(|| (0..count).fold(from, |node, _| ring[node as usize]))
    }

    /// Inserts a run, whose origins are here, and for which there is room.
    pub(crate) fn insert(&mut self, author: usize, unit: Unit, len: usize, [left, right]: [Node; 2]) {
        let (first, last) = (self.len + 1, self.len + len);
        let (node, end) = (fit(first), fit(last));
        let (behind, left_shown) = (self.behind(left), self.shown(left));
        let behind_shown = self.next_shown[left_shown as usize];
        self.is_list &= behind == right;
        self.run_of[first..=last].fill(fit(self.runs.len()));
        self.directory.push(self.runs.len(), unit.0);
        self.runs.push(LoomRun { unit, node, len, left, right });
        (self.next[last], self.next[left as usize]) = (behind, node);
        (self.next_shown[last], self.next_shown[left_shown as usize]) = (behind_shown, node);
        (self.last_shown[first], self.last_shown[behind_shown as usize]) = (left_shown, end);
        self.len = last;
        self.set_caret(author, end);
    }

    /// Deletes characters that are here, some of which may be deleted already.
    pub(crate) fn delete(&mut self, author: usize, first: Node, len: usize) {
        let (start, end) = (first as usize, first as usize + len);
        let caret = self.shown(self.last_shown[start]);
        let mut next = start;
        while next < end {
            // Many may be deleted already: they are passed in large steps.
            let skip = &self.deleted[next..end.min(next + 64)];
            if skip.iter().fold(true, |all, deleted| all & deleted) {
                next += skip.len();
                continue;
            }
            if self.deleted[next] {
                next += 1;
                continue;
            }
            let part = next;
            next += 1;
            while next < end && self.next_shown[next - 1] as usize == next {
                next += 1;
            }
            self.hide(part, next);
        }
        self.set_caret(author, caret);
    }

    /// Takes visible neighbours out of what is shown.
    fn hide(&mut self, start: usize, end: usize) {
        let (before, behind) = (self.last_shown[start], self.next_shown[end - 1]);
        self.next_shown[before as usize] = behind;
        self.last_shown[behind as usize] = before;
        self.last_shown[start..end].fill(before);
        self.deleted[start..end].fill(true);
        self.deleted_len += end - start;
    }

    /// The character, or what stood in front of it when it was deleted; the start if that is long ago.
    fn shown(&self, node: Node) -> Node {
        let mut node = node;
        for _ in 0..HOPS_MAX {
            if !self.deleted[node as usize] {
                return node;
            }
            node = self.last_shown[node as usize];
        }
        0
    }

    fn set_caret(&mut self, author: usize, node: Node) {
        if let Some(caret) = self.carets.get_mut(author) {
            *caret = node;
        }
    }

    /// The runs as the text keeps them.
    pub(super) fn inserted(&self) -> impl Iterator<Item = InsertedRun> + '_ {
        let unit = |node: Node| (node > 0).then(|| self.unit(node));
        self.runs.iter().map(move |run| InsertedRun {
            start: run.unit,
            len: run.len,
            left: unit(run.left),
            right: unit(run.right),
        })
    }
}
