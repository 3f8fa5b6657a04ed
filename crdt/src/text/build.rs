//! A text built at once from its history, without applying one operation after the other.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::index::Index;
use super::inserted::Inserted;
use super::integrate::{self, Known};
use super::loom::{Loom, Node};
use super::rope::{Rope, byte_of};
use super::span::{Level, Span};
use super::spans::{Cursor, Spans};
use super::tree::LeafId;
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
    /// The index of the span that it is part of.
    span: u32,
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
        let (parts, spans) = split(loom, &order, shown);
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
            index.append(loom.unit(part.node), LeafId::of_filled(part.span as usize));
            node += len;
        }
        Some(Self {
            units,
            inserted: inserted.with_letters(letters, &starts),
            spans: Spans::filled(spans, index),
            rope: Rope::filled(shown),
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
    let (mut spans, mut levels) = (Spans::default(), Vec::with_capacity(loom.runs.len()));
    for run in &loom.runs {
        let find = |spans: &Spans, node: Node| (node > 0).then(|| spans.find(loom.unit(node))).flatten();
        let (left, right): (Option<Cursor>, Option<Cursor>) = (find(&spans, run.left), find(&spans, run.right));
        let known = Known { spans: &spans, units, inserted };
        let slot = integrate::find_slot(known, units.id(run.unit), left, right);
        if slot.right != (run.right > 0).then(|| loom.unit(run.right)) {
            return None;
        }
        let (at, _) = spans.visible_position(slot.gap);
        spans.insert(slot.gap, at, Span::new(run.unit, run.len, slot.level));
        levels.push(slot.level);
    }
    let mut stretches = Vec::new();
    for (_, span) in spans.from(spans.first()) {
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

/// The characters in document order in parts, and as spans.
fn split(loom: &Loom, order: &Order, shown: &str) -> (Vec<Part>, Vec<Span>) {
    let count = order.stretches.len();
    let (mut parts, mut spans): (Vec<Part>, Vec<Span>) = (Vec::with_capacity(count), Vec::with_capacity(count));
    let mut shown = Cut::new(shown);
    for (first, len) in &order.stretches {
        let run_at = loom.run_of[*first as usize] as usize;
        let run = &loom.runs[run_at];
        let (mut start, end) = (*first as usize, *first as usize + len);
        while start < end {
            let deleted = loom.deleted[start];
            let len = loom.deleted[start..end].iter().take_while(|other| **other == deleted).count();
            let offset = start - run.node as usize;
            let span = Span::new(run.unit.plus(offset), len, order.levels[run_at].within(offset));
            let span = if deleted { span.deleted() } else { span };
            match spans.last_mut() {
                Some(last) if last.goes_on_with(&span) => last.lengthen(len),
                _ => spans.push(span),
            }
            let from = shown.at;
            if !deleted {
                shown.take(len);
            }
            let bytes = (fit(from), fit(shown.at));
            parts.push(Part { node: fit(start), len: fit(len), bytes, span: fit(spans.len() - 1), deleted });
            start += len;
        }
    }
    (parts, spans)
}
