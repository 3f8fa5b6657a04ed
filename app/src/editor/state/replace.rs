//! Selecting by content, and find and replace.

use quire_crdt::{EditError, Text};

use super::{EditorState, Last, Outcome};
use crate::editor::buffer::Buffer;
use crate::editor::command::{Action, Motion};
use crate::editor::edit::Plan;
use crate::editor::find::{Find, Query};
use crate::editor::motion::{self, Page, Rows, Spot};
use crate::editor::selection::{CARETS_MAX, Selection};

impl EditorState {
    pub(super) fn select_by(&mut self, action: Action, text: &Text, rows: &mut dyn Rows) {
        let leading = self.carets.leading(text);
        match action {
            Action::SelectAll => {
                let everything = Selection { tail: 0, head: text.len_chars() };
                self.carets.set(text, everything, Spot::at(everything.head));
            }
            Action::SelectLine => {
                let range = leading.range();
                let tail = motion::line_at(text, range.start).start;
                self.select(text, Selection { tail, head: motion::line_at(text, range.end).end });
            }
            Action::ClearSelection => {
                self.preedit = None;
                self.put(text, Selection::caret(leading.head), Spot::at(leading.head));
            }
            Action::AddCaretAbove | Action::AddCaretBelow => self.add_caret(action, text, rows),
            Action::AddNextOccurrence | Action::SelectAllOccurrences => {
                self.select_occurrences(text, action == Action::SelectAllOccurrences);
            }
            _ => {}
        }
        self.last = Last::Other;
    }

    fn add_caret(&mut self, action: Action, text: &Text, rows: &mut dyn Rows) {
        let motion = if action == Action::AddCaretAbove { Motion::Up } else { Motion::Down };
        let page = Page { text, segments: &self.segments };
        let (selections, spots) = (self.carets.selections(text), self.carets.spots(text));
        let Some(from) = spots.last() else {
            return;
        };
        let spot = motion::moved(page, rows, *from, motion);
        let all = selections.into_iter().zip(spots.clone()).chain([(Selection::caret(spot.at), spot)]);
        self.carets.set_all(text, all);
        self.reveal = true;
    }

    /// Without a selection: selects the word. With one: adds the next place that reads the same, or all of them.
    fn select_occurrences(&mut self, text: &Text, all: bool) {
        let leading = self.carets.leading(text);
        let range = if leading.is_empty() { motion::word_at(text, leading.head) } else { leading.range() };
        let word = Selection { tail: range.start, head: range.end };
        if range.is_empty() || (leading.is_empty() && !all) {
            self.select(text, word);
            return;
        }
        let pattern = text.slice(range.clone());
        let query = Query { pattern, match_case: true, whole_word: false, regex: false, within: None };
        let Ok(mut find) = Find::new(query, text) else {
            return;
        };
        find.read(text, usize::MAX);
        let mut selections = self.carets.selections(text);
        let is_new = |found: &std::ops::Range<usize>| !selections.iter().any(|known| known.range() == *found);
        let found: Vec<_> = if all {
            find.matches().iter().take(CARETS_MAX).filter(|found| **found != range).cloned().collect()
        } else {
            let behind = find.matches().iter().filter(|found| found.start >= range.end);
            let around = find.matches().iter().filter(|found| found.start < range.end);
            behind.chain(around).find(|found| is_new(found)).cloned().into_iter().collect()
        };
        if all {
            selections.clear();
        }
        let found = found.into_iter().map(|found| Selection { tail: found.start, head: found.end });
        let together =
            if all { found.chain([word]).collect::<Vec<_>>() } else { selections.into_iter().chain(found).collect() };
        self.carets.set_all(text, together.into_iter().map(|selection| (selection, Spot::at(selection.head))));
        self.reveal = true;
    }

    pub(super) fn go_to_match(&mut self, text: &Text, action: Action) -> Outcome {
        let range = self.carets.leading(text).range();
        let Some(find) = &mut self.find else {
            return Outcome::NotMine;
        };
        let found = if action == Action::FindPrevious {
            find.read(text, usize::MAX);
            find.previous(range.start)
        } else {
            let at = if find.number_of(&range).is_some() { range.end } else { range.start };
            find.read_next(text, at)
        };
        if let Some(found) = found {
            self.select(text, Selection { tail: found.start, head: found.end });
        }
        Outcome::Done
    }

    /// Replaces the match that is selected and selects the next one; if none is selected, only does that.
    ///
    /// # Errors
    /// An [`EditError`] when the document refuses the edit.
    pub fn replace_match<B: Buffer + ?Sized>(&mut self, buffer: &mut B, by: &str) -> Result<(), EditError> {
        self.sync(buffer);
        let text = buffer.text();
        let range = self.carets.leading(text).range();
        let Some(find) = &self.find else {
            return Ok(());
        };
        if find.number_of(&range).is_some() {
            let edit = find.replacement(text, &range, by);
            let behind = range.start + edit.text.chars().count();
            let plan = Plan { edits: vec![edit], selections: vec![Selection::caret(behind)] };
            self.edit(buffer, plan, Last::Other)?;
        }
        self.go_to_match(buffer.text(), Action::FindNext);
        Ok(())
    }

    /// Replaces every match, as one step of undo; how many there were. O(n).
    ///
    /// # Errors
    /// An [`EditError`] when the document refuses an edit.
    pub fn replace_all<B: Buffer + ?Sized>(&mut self, buffer: &mut B, by: &str) -> Result<usize, EditError> {
        self.sync(buffer);
        let text = buffer.text();
        let selections = self.carets.selections(text);
        let edits = self.find.as_mut().map(|find| find.replacements(text, by)).unwrap_or_default();
        let count = edits.len();
        if count > 0 {
            self.edit(buffer, Plan::following(edits, &selections), Last::Other)?;
        }
        Ok(count)
    }
}
