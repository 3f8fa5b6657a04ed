//! Carets and selections, as anchors: remote edits move nothing of them.

use std::ops::Range;

use quire_crdt::{Anchor, Bias, Succession, Text};

use super::motion::Spot;

/// The most carets that are kept; further ones are not added.
pub const CARETS_MAX: usize = 4096;

/// A caret and what is selected up to it, in chars of the text as it is now.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Selection {
    /// Where the selection began.
    pub tail: usize,
    /// Where the caret is.
    pub head: usize,
}

impl Selection {
    /// A caret that selects nothing.
    pub const fn caret(at: usize) -> Self {
        Self { tail: at, head: at }
    }

    /// What is selected.
    pub fn range(&self) -> Range<usize> {
        self.tail.min(self.head)..self.tail.max(self.head)
    }

    /// Whether nothing is selected.
    pub const fn is_empty(&self) -> bool {
        self.tail == self.head
    }
}

/// A caret as it is kept.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Caret {
    tail: Anchor,
    head: Anchor,
    upstream: bool,
    goal_x: Option<f32>,
}

impl Caret {
    fn new(text: &Text, selection: Selection, spot: Spot) -> Self {
        let (tail, head) = anchors(text, selection);
        Self { tail, head, upstream: spot.upstream, goal_x: spot.goal_x }
    }

    fn selection(&self, text: &Text) -> Selection {
        let at = |anchor| text.position(anchor).unwrap_or(0);
        Selection { tail: at(self.tail), head: at(self.head) }
    }
}

/// The anchors of a selection: text that comes exactly at its edges is not part of it, and a lone caret stays behind the
/// character on its left.
pub fn anchors(text: &Text, selection: Selection) -> (Anchor, Anchor) {
    let (tail, head) = match selection.tail.cmp(&selection.head) {
        std::cmp::Ordering::Equal => (Bias::Left, Bias::Left),
        std::cmp::Ordering::Less => (Bias::Right, Bias::Left),
        std::cmp::Ordering::Greater => (Bias::Left, Bias::Right),
    };
    (text.anchor(selection.tail, tail), text.anchor(selection.head, head))
}

/// One or more carets; the one that was added last leads.
#[derive(Clone, Debug, PartialEq)]
pub struct Carets {
    list: Vec<Caret>,
}

impl Default for Carets {
    fn default() -> Self {
        let start = Anchor::Start;
        Self { list: vec![Caret { tail: start, head: start, upstream: false, goal_x: None }] }
    }
}

impl Carets {
    /// How many there are; at least one.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Ids of units are others, and the text is the same.
    pub fn succeed(&mut self, succession: Succession) {
        for caret in &mut self.list {
            (caret.tail, caret.head) = (succession.anchor(caret.tail), succession.anchor(caret.head));
        }
    }

    /// Never.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// All selections, the leading one last. O(log n) each.
    pub fn selections(&self, text: &Text) -> Vec<Selection> {
        self.list.iter().map(|caret| caret.selection(text)).collect()
    }

    /// The leading selection. O(log n).
    pub fn leading(&self, text: &Text) -> Selection {
        self.list.last().map(|caret| caret.selection(text)).unwrap_or_default()
    }

    /// Where the carets stand, the leading one last. O(log n) each.
    pub fn spots(&self, text: &Text) -> Vec<Spot> {
        let spot =
            |caret: &Caret| Spot { at: caret.selection(text).head, upstream: caret.upstream, goal_x: caret.goal_x };
        self.list.iter().map(spot).collect()
    }

    /// One caret with this selection.
    pub fn set(&mut self, text: &Text, selection: Selection, spot: Spot) {
        self.list = vec![Caret::new(text, selection, spot)];
    }

    /// These selections, of which the last leads. Ones that overlap become one; without any nothing changes.
    pub fn set_all(&mut self, text: &Text, selections: impl IntoIterator<Item = (Selection, Spot)>) {
        let mut all: Vec<(Selection, Spot)> = selections.into_iter().collect();
        let excess = all.len().saturating_sub(CARETS_MAX);
        all.drain(..excess);
        let Some((leading, _)) = all.last().copied() else {
            return;
        };
        all.sort_by_key(|(selection, _)| (selection.range().start, selection.range().end));
        let mut merged: Vec<(Selection, Spot)> = Vec::with_capacity(all.len());
        for next in all {
            match merged.last_mut() {
                Some(last) if overlap(&last.0, &next.0) => last.0 = join(last.0, next.0),
                _ => merged.push(next),
            }
        }
        let leads = merged.iter().position(|(selection, _)| covers(selection, &leading)).unwrap_or(0);
        let last = merged.remove(leads);
        merged.push(last);
        self.list = merged.into_iter().map(|(selection, spot)| Caret::new(text, selection, spot)).collect();
    }

    /// Adds a caret that then leads, or takes the one away that is exactly there, if it is not the only one.
    pub fn toggle(&mut self, text: &Text, at: usize) {
        let mut all = self.selections(text);
        let before = all.len();
        all.retain(|selection| *selection != Selection::caret(at));
        if all.len() == before || all.is_empty() {
            all.push(Selection::caret(at));
        }
        self.set_all(text, all.into_iter().map(|selection| (selection, Spot::at(selection.head))));
    }
}

fn overlap(first: &Selection, next: &Selection) -> bool {
    let (first, next) = (first.range(), next.range());
    next.start < first.end || (next.start == first.end && (first.is_empty() || next.is_empty()))
}

fn covers(whole: &Selection, part: &Selection) -> bool {
    whole.range().start <= part.range().start && part.range().end <= whole.range().end
}

fn join(first: Selection, next: Selection) -> Selection {
    let (start, end) = (first.range().start.min(next.range().start), first.range().end.max(next.range().end));
    let backwards = next.head < next.tail || (next.is_empty() && first.head < first.tail);
    if backwards { Selection { tail: end, head: start } } else { Selection { tail: start, head: end } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::editor::buffer::{Buffer, LocalBuffer};

    fn set_all(carets: &mut Carets, text: &Text, selections: &[(usize, usize)]) {
        let all = selections.iter().map(|(tail, head)| (Selection { tail: *tail, head: *head }, Spot::at(*head)));
        carets.set_all(text, all);
    }

    #[test]
    fn selections_that_overlap_become_one() {
        let buffer = LocalBuffer::new("0123456789");
        let check = |given: &[(usize, usize)], expected: &[(usize, usize)]| {
            let mut carets = Carets::default();
            set_all(&mut carets, buffer.text(), given);
            let found: Vec<_> = carets.selections(buffer.text()).iter().map(|s| (s.tail, s.head)).collect();
            assert_eq!(found, expected, "{given:?}");
        };
        check(&[(0, 2), (1, 4)], &[(0, 4)]);
        check(&[(5, 7), (0, 2)], &[(5, 7), (0, 2)]);
        check(&[(0, 2), (2, 4)], &[(0, 2), (2, 4)]);
        check(&[(0, 2), (2, 2)], &[(0, 2)]);
        check(&[(3, 1), (4, 2)], &[(4, 1)]);
        check(&[], &[(0, 0)]);
    }

    #[test]
    fn other_edits_move_nothing_that_is_selected() {
        let mut buffer = LocalBuffer::new("one two three");
        let mut carets = Carets::default();
        set_all(&mut carets, buffer.text(), &[(4, 7)]);
        buffer.replace(0..0, ">> ").expect("in the text");
        buffer.replace(10..10, "!").expect("in the text");
        buffer.replace(7..7, "!").expect("in the text");
        let range = carets.leading(buffer.text()).range();
        assert_eq!(buffer.text().slice(range), "two");
    }

    #[test]
    fn a_caret_is_added_or_taken_away() {
        let buffer = LocalBuffer::new("0123");
        let mut carets = Carets::default();
        carets.toggle(buffer.text(), 2);
        assert_eq!((carets.len(), carets.leading(buffer.text()).head), (2, 2));
        carets.toggle(buffer.text(), 2);
        assert_eq!((carets.len(), carets.leading(buffer.text()).head), (1, 0));
        carets.toggle(buffer.text(), 0);
        assert_eq!(carets.len(), 1);
    }
}
