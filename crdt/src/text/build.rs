//! A text built at once from its history, without applying one operation after the other.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::index::Index;
use super::inserted::Inserted;
use super::integrate::{self, Known};
use super::loom::{Loom, Node};
use super::span::{Level, Span};
use super::weave::{Cursor, LeafId, Packing, Weave, byte_of};
use super::{Text, Units};

/// All characters in document order: neighbours of one run, and the level of the first character of each run.
struct Order {
    stretches: Vec<(Node, usize)>,
    levels: Vec<Level>,
}

/// Neighbours of one run, all of them deleted or none.
struct Part {
    node: Node,
    len: u32,
    /// Where the letters start in the visible text, if they are there, and where they end.
    bytes: (u32, u32),
    leaf: LeafId,
    deleted: bool,
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "there are at most UNITS_MAX units, and fewer than 2³² bytes of letters"
)]
const fn fit(count: usize) -> u32 {
    count as u32
}

impl Text {
    /// The text that a history gives, whose units are numbered already. `shown` are the letters of the characters that are not
    /// deleted, in document order; `deleted` those of the others, in the order in which they were inserted: as many as there are.
    /// `None`: a right origin does not stand behind the left one, as none does that a text keeps. O(n), and as
    /// [`Self::integrate_insert`] for each run if others wrote at the same place.
    pub(crate) fn woven(loom: &Loom, units: Units, shown: &str, deleted: &str) -> Option<Self> {
        let inserted = Inserted::of(loom.inserted());
        let order = if loom.is_list { in_list(loom) } else { in_tree(loom, &units, &inserted)? };
        let (parts, packing) = split(loom, &order, shown);
        let mut part_at = vec![0; loom.len().0 + 1];
        for (at, part) in parts.iter().enumerate() {
            part_at[part.node as usize] = fit(at);
        }
        let mut letters = String::with_capacity(shown.len() + deleted.len());
        let mut starts = Vec::with_capacity(loom.runs.len());
        let (mut index, mut deleted, mut node) = (Index::default(), Cut::new(deleted), 1);
        while let Some(part) = part_at.get(node).and_then(|at| parts.get(*at as usize)) {
            if loom.runs.get(starts.len()).is_some_and(|run| run.node == part.node) {
                starts.push(fit(letters.len()));
            }
            let len = part.len as usize;
            letters.push_str(if part.deleted {
                deleted.take(len)
            } else {
                &shown[part.bytes.0 as usize..part.bytes.1 as usize]
            });
            index.append(loom.unit(part.node), part.leaf);
            node += len;
        }
        Some(Self {
            units,
            inserted: inserted.with_letters(letters, &starts),
            weave: Weave::filled(packing, shown, index),
            typing: None,
        })
    }
}

/// Letters, of which some are taken off the front.
struct Cut<'a> {
    letters: &'a str,
    at: usize,
    is_ascii: bool,
}

impl<'a> Cut<'a> {
    const fn new(letters: &'a str) -> Self {
        Self { letters, at: 0, is_ascii: letters.is_ascii() }
    }

    fn take(&mut self, chars: usize) -> &'a str {
        let start = self.at;
        self.at += if self.is_ascii { chars } else { byte_of(&self.letters[start..], chars) };
        &self.letters[start..self.at]
    }

    /// Takes at most so many chars and bytes, which any char fits; how many chars.
    fn take_within(&mut self, chars: usize, bytes: usize) -> usize {
        let rest = &self.letters[self.at..];
        let most = &rest[..if self.is_ascii { chars.min(bytes) } else { rest.floor_char_boundary(bytes) }];
        let end = if self.is_ascii { most.len() } else { byte_of(most, chars) };
        self.at += end;
        if self.is_ascii { end } else { most[..end].chars().count() }
    }
}

/// The order where every run was put right behind its left origin.
fn in_list(loom: &Loom) -> Order {
    let mut levels: Vec<Level> = Vec::with_capacity(loom.runs.len());
    for run in &loom.runs {
        let level = |node: Node| {
            let at = loom.run_of[node as usize] as usize;
            levels[at].within((node - loom.runs[at].node) as usize)
        };
        let left = if run.left == 0 { Level::START } else { level(run.left) };
        levels.push(Level::between(left, (run.right != 0).then(|| level(run.right))));
    }
    let (mut stretches, mut node) = (Vec::with_capacity(2 * loom.runs.len()), loom.next[0]);
    while node != 0 {
        let run = &loom.runs[loom.run_of[node as usize] as usize];
        let (start, last) = (node as usize, run.node as usize + run.len - 1);
        let ring = &loom.next[start..last];
        let len = 1 + ring.iter().zip(start + 1..).take_while(|(next, here)| **next as usize == *here).count();
        stretches.push((node, len));
        node = loom.next[start + len - 1];
    }
    Order { stretches, levels }
}

/// The order by the tree of origins, where others wrote at the same place.
fn in_tree(loom: &Loom, units: &Units, inserted: &Inserted) -> Option<Order> {
    // Letters do not matter: as if all were deleted.
    let (mut weave, mut levels) = (Weave::default(), Vec::with_capacity(loom.runs.len()));
    for run in &loom.runs {
        let find = |node: Node| (node > 0).then(|| weave.find(loom.unit(node))).flatten();
        let (left, right): (Option<Cursor>, Option<Cursor>) = (find(run.left), find(run.right));
        let known = Known { weave: &weave, units, inserted };
        let slot = integrate::find_slot(known, units.id(run.unit), left, right);
        if slot.right != (run.right > 0).then(|| loom.unit(run.right)) {
            return None;
        }
        weave.insert(slot.gap, Span::new(run.unit, run.len, slot.level).deleted(), "");
        levels.push(slot.level);
    }
    let mut stretches = Vec::new();
    for span in weave.spans() {
        let mut done = 0;
        while done < span.len() {
            let node = loom.node(span.first.plus(done))?;
            let run = &loom.runs[loom.run_of[node as usize] as usize];
            let len = (span.len() - done).min(run.len - (node - run.node) as usize);
            stretches.push((node, len));
            done += len;
        }
    }
    Some(Order { stretches, levels })
}

/// The characters in document order in parts, and as spans in leaves.
fn split(loom: &Loom, order: &Order, shown: &str) -> (Vec<Part>, Packing) {
    let count = order.stretches.len();
    let (mut parts, mut packing): (Vec<Part>, Packing) = (Vec::with_capacity(count), Packing::with_capacity(count));
    let mut shown = Cut::new(shown);
    for (first, len) in &order.stretches {
        let run_at = loom.run_of[*first as usize] as usize;
        let run = &loom.runs[run_at];
        let (mut start, end) = (*first as usize, *first as usize + len);
        while start < end {
            let deleted = loom.deleted[start];
            let stop = start + loom.deleted[start..end].iter().take_while(|other| **other == deleted).count();
            while start < stop {
                let (offset, from, room) = (start - run.node as usize, shown.at, packing.room());
                let len = if deleted { stop - start } else { shown.take_within(stop - start, room) };
                let span = Span::new(run.unit.plus(offset), len, order.levels[run_at].within(offset));
                let leaf = packing.push(if deleted { span.deleted() } else { span }, shown.at - from);
                let bytes = (fit(from), fit(shown.at));
                parts.push(Part { node: fit(start), len: fit(len), bytes, leaf, deleted });
                start += len;
            }
        }
    }
    (parts, packing)
}
