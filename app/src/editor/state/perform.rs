//! Doing what the user wants.

use std::ops::Range;

use quire_crdt::{EditError, Text};

use super::{EditorState, Last, Preedit, ZOOM_STEP};
use crate::editor::buffer::Buffer;
use crate::editor::command::{Action, Command, Motion, Unit};
use crate::editor::edit::{self, Plan};
use crate::editor::motion::{self, Page, Rows, Spot};
use crate::editor::selection::Selection;

/// What came of a command.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// It is done.
    Done,
    /// It is done, and this goes to the clipboard.
    Copied(String),
    /// It is not the text area's: the window does it.
    NotMine,
}

impl EditorState {
    /// Does what a command wants, of the document, the carets or the look. O(log n + what is edited) for each caret.
    ///
    /// # Errors
    /// An [`EditError`] when the document refuses an edit.
    pub fn perform<B: Buffer + ?Sized>(
        &mut self,
        command: &Command,
        buffer: &mut B,
        rows: &mut dyn Rows,
    ) -> Result<Outcome, EditError> {
        self.sync(buffer);
        match command {
            Command::Do(action) => return self.act(*action, buffer, rows),
            Command::Insert(text) => {
                self.preedit = None;
                self.type_text(buffer, text)?;
            }
            Command::Paste(text) => {
                let plan = edit::paste(&self.carets.selections(buffer.text()), text);
                self.edit(buffer, plan, Last::Other)?;
            }
            Command::Place { at, unit, upstream } => self.place(buffer, *at, *unit, *upstream),
            Command::Extend { at, unit, upstream } => self.extend(buffer.text(), *at, *unit, *upstream),
            Command::AddCaret { at } => {
                buffer.end_undo_group();
                self.carets.toggle(buffer.text(), *at);
                self.last = Last::Other;
            }
            Command::Select(range) => {
                let range = clamped(buffer.text(), range);
                self.select(buffer.text(), Selection { tail: range.start, head: range.end });
            }
            Command::Replace { range, text } => {
                let range = clamped(buffer.text(), range);
                let selections = self.carets.selections(buffer.text());
                let edits = vec![edit::Edit::new(range, edit::with_newlines(text))];
                self.edit(buffer, Plan::following(edits, &selections), Last::Other)?;
            }
            Command::Preedit { text, active } => self.compose(buffer, text, active.clone())?,
            Command::DeleteAround { before, after } => {
                let (before, after) = (*before, *after);
                let plan = Plan::for_each(&self.carets.selections(buffer.text()), |_, selection| {
                    let range = selection.range();
                    edit::Change::new(range.start.saturating_sub(before)..range.end.saturating_add(after), "")
                });
                let plan = Plan { edits: within(plan.edits, buffer.text()), ..plan };
                self.edit(buffer, plan, Last::Deleted)?;
            }
            Command::Scroll { by } => self.scroll_by += by,
            Command::GoToLine { line } => {
                let at = buffer.text().line_to_char(*line);
                self.select(buffer.text(), Selection::caret(at));
            }
        }
        Ok(Outcome::Done)
    }

    fn act<B: Buffer + ?Sized>(
        &mut self,
        action: Action,
        buffer: &mut B,
        rows: &mut dyn Rows,
    ) -> Result<Outcome, EditError> {
        match action {
            Action::Move(motion) => self.go(buffer, rows, motion, false),
            Action::Select(motion) => self.go(buffer, rows, motion, true),
            Action::Copy => return Ok(Outcome::Copied(self.copied(buffer.text()))),
            Action::Cut => return self.cut(buffer).map(Outcome::Copied),
            Action::Undo | Action::Redo => self.undo(buffer, action == Action::Redo),
            Action::ZoomIn => self.zoom(ZOOM_STEP),
            Action::ZoomOut => self.zoom(1.0 / ZOOM_STEP),
            Action::ZoomReset => self.set_look(super::Look { zoom: 1.0, ..self.look }),
            Action::ToggleWrap => self.look.wrap = !self.look.wrap,
            Action::ToggleLineNumbers => self.look.line_numbers = !self.look.line_numbers,
            Action::ToggleMonospace => self.look.monospace = !self.look.monospace,
            Action::FindNext | Action::FindPrevious => return Ok(self.go_to_match(buffer.text(), action)),
            Action::SelectAll
            | Action::SelectLine
            | Action::ClearSelection
            | Action::AddNextOccurrence
            | Action::SelectAllOccurrences
            | Action::AddCaretAbove
            | Action::AddCaretBelow => self.select_by(action, buffer.text(), rows),
            _ => return self.change(action, buffer, rows),
        }
        Ok(Outcome::Done)
    }

    fn change<B: Buffer + ?Sized>(
        &mut self,
        action: Action,
        buffer: &mut B,
        rows: &mut dyn Rows,
    ) -> Result<Outcome, EditError> {
        let text = buffer.text();
        let selections = self.carets.selections(text);
        let reach = |rows: &mut dyn Rows, motion| self.reaches(text, rows, &selections, motion);
        let (plan, last) = match action {
            Action::NewLine => {
                let in_code = |line| self.segments.at_char(text.line_to_char(line)).fence.is_inside();
                (edit::new_line(text, &selections, in_code), Last::Other)
            }
            Action::PlainNewLine => (edit::insert(&selections, "\n"), Last::Other),
            Action::NewLineBelow => {
                let plan = Plan::for_each(&selections, |_, selection| {
                    let end = motion::line_end(text, text.char_to_line(selection.head));
                    edit::Change::new(end..end, "\n")
                });
                (plan, Last::Other)
            }
            Action::Backspace => {
                let pairs = self.bracket_pairs.then(|| edit::delete_pairs(text, &selections)).flatten();
                (pairs.unwrap_or_else(|| reach(rows, Motion::Left)), Last::Deleted)
            }
            Action::Delete => (reach(rows, Motion::Right), Last::Deleted),
            Action::DeleteWordLeft => (reach(rows, Motion::WordLeft), Last::Deleted),
            Action::DeleteWordRight => (reach(rows, Motion::WordRight), Last::Deleted),
            Action::DeleteToLineStart => {
                (edit::delete(&selections, |at| motion::before_in_line(text, at)), Last::Other)
            }
            Action::DeleteToLineEnd => (edit::delete(&selections, |at| motion::behind_in_line(text, at)), Last::Other),
            Action::DeleteLine => (edit::delete_lines(text, &selections), Last::Other),
            Action::DuplicateLine => (edit::duplicate_lines(text, &selections), Last::Other),
            Action::MoveLineUp => (edit::move_lines(text, &selections, false), Last::Other),
            Action::MoveLineDown => (edit::move_lines(text, &selections, true), Last::Other),
            Action::Indent => (edit::indent(text, &selections), Last::Other),
            Action::Outdent => (edit::outdent(text, &selections), Last::Other),
            _ => return Ok(Outcome::NotMine),
        };
        self.edit(buffer, plan, last)?;
        Ok(Outcome::Done)
    }

    /// Deletes what is selected, or from each caret to where a motion leads.
    fn reaches(&self, text: &Text, rows: &mut dyn Rows, selections: &[Selection], motion: Motion) -> Plan {
        let page = Page { text, segments: &self.segments };
        let ranges: Vec<Range<usize>> = selections
            .iter()
            .map(|selection| {
                if !selection.is_empty() {
                    return selection.range();
                }
                let to = motion::moved(page, rows, Spot::at(selection.head), motion).at;
                selection.head.min(to)..selection.head.max(to)
            })
            .collect();
        let ranges: Vec<Selection> =
            ranges.into_iter().map(|range| Selection { tail: range.start, head: range.end }).collect();
        edit::delete(&ranges, |at| at..at)
    }

    fn go<B: Buffer + ?Sized>(&mut self, buffer: &mut B, rows: &mut dyn Rows, motion: Motion, selects: bool) {
        buffer.end_undo_group();
        let text = buffer.text();
        let page = Page { text, segments: &self.segments };
        let (selections, spots) = (self.carets.selections(text), self.carets.spots(text));
        let moved: Vec<(Selection, Spot)> = selections
            .into_iter()
            .zip(spots)
            .map(|(selection, from)| {
                let range = selection.range();
                let spot = match motion {
                    // Without shift an arrow goes to the edge of what is selected.
                    Motion::Left if !selects && !selection.is_empty() => Spot::at(range.start),
                    Motion::Right if !selects && !selection.is_empty() => Spot::at(range.end),
                    _ => motion::moved(page, rows, from, motion),
                };
                let tail = if selects { selection.tail } else { spot.at };
                (Selection { tail, head: spot.at }, spot)
            })
            .collect();
        self.carets.set_all(text, moved);
        self.reveal = true;
        self.last = Last::Other;
    }

    fn place<B: Buffer + ?Sized>(&mut self, buffer: &mut B, at: usize, unit: Unit, upstream: bool) {
        buffer.end_undo_group();
        let text = buffer.text();
        let range = unit_at(text, at, unit);
        self.set_origin(text, &range);
        let spot = Spot { upstream: upstream && unit == Unit::Grapheme, ..Spot::at(range.end) };
        self.put(text, Selection { tail: range.start, head: range.end }, spot);
        self.reveal = false;
    }

    fn extend(&mut self, text: &Text, at: usize, unit: Unit, upstream: bool) {
        let origin = |anchor| text.position(anchor).unwrap_or(0);
        let range = unit_at(text, at, unit);
        let (start, end) = match unit {
            Unit::Grapheme => {
                let tail = self.carets.leading(text).tail;
                (tail, tail)
            }
            Unit::Word | Unit::Line => (origin(self.origin.0), origin(self.origin.1)),
        };
        let selection = if range.start < start {
            Selection { tail: end, head: range.start }
        } else {
            Selection { tail: start, head: range.end.max(end) }
        };
        let spot = Spot { upstream: upstream && unit == Unit::Grapheme, ..Spot::at(selection.head) };
        self.put(text, selection, spot);
        self.reveal = false;
    }

    fn compose<B: Buffer + ?Sized>(
        &mut self,
        buffer: &mut B,
        text: &str,
        active: Option<Range<usize>>,
    ) -> Result<(), EditError> {
        if text.is_empty() {
            self.preedit = None;
            return Ok(());
        }
        let selections = self.carets.selections(buffer.text());
        if self.preedit.is_none() && selections.iter().any(|selection| !selection.is_empty()) {
            self.edit(buffer, edit::insert(&selections, ""), Last::Other)?;
        }
        self.preedit = Some(Preedit { text: text.to_owned(), active });
        self.reveal = true;
        Ok(())
    }

    fn zoom(&mut self, by: f32) {
        let zoom = self.look.zoom * by;
        let zoom = if (zoom - 1.0).abs() < 0.02 { 1.0 } else { zoom };
        self.set_look(super::Look { zoom, ..self.look });
    }

    fn type_text<B: Buffer + ?Sized>(&mut self, buffer: &mut B, text: &str) -> Result<(), EditError> {
        let space = text.chars().all(char::is_whitespace);
        let selections = self.carets.selections(buffer.text());
        let bracket = self.bracket_pairs.then(|| edit::type_bracket(buffer.text(), &selections, text)).flatten();
        let plan = bracket.unwrap_or_else(|| edit::insert(&selections, &edit::with_newlines(text)));
        self.edit(buffer, plan, Last::Typed { space })
    }

    fn copied(&self, text: &Text) -> String {
        edit::copied(text, &self.carets.selections(text))
    }

    fn cut<B: Buffer + ?Sized>(&mut self, buffer: &mut B) -> Result<String, EditError> {
        let text = buffer.text();
        let copied = self.copied(text);
        let selections = self.carets.selections(text);
        let plan = if selections.iter().all(Selection::is_empty) {
            edit::delete_lines(text, &selections)
        } else {
            edit::insert(&selections, "")
        };
        self.edit(buffer, plan, Last::Other)?;
        Ok(copied)
    }

    fn undo<B: Buffer + ?Sized>(&mut self, buffer: &mut B, redo: bool) {
        let done = if redo { buffer.redo() } else { buffer.undo() };
        let patches = self.sync(buffer);
        if let Some(last) = patches.last().filter(|_| done) {
            let at = last.splice.at + last.splice.inserted;
            self.select(buffer.text(), Selection::caret(at));
        }
    }

    /// Makes the edits of a plan, from the last to the first, and puts the carets where it says.
    pub(super) fn edit<B: Buffer + ?Sized>(&mut self, buffer: &mut B, plan: Plan, last: Last) -> Result<(), EditError> {
        if buffer.refuses() {
            return Ok(());
        }
        let goes_on = match (self.last, last) {
            (Last::Typed { space: was }, Last::Typed { space: is }) => is || !was,
            (Last::Deleted, Last::Deleted) => true,
            _ => false,
        };
        if !goes_on {
            buffer.end_undo_group();
        }
        for edit in plan.edits.iter().rev() {
            if !edit.range.is_empty() || !edit.text.is_empty() {
                buffer.replace(edit.range.clone(), &edit.text)?;
            }
        }
        self.sync(buffer);
        let carets = plan.selections.into_iter().map(|selection| (selection, Spot::at(selection.head)));
        self.carets.set_all(buffer.text(), carets);
        self.reveal = true;
        self.last = last;
        Ok(())
    }
}

fn unit_at(text: &Text, at: usize, unit: Unit) -> Range<usize> {
    let at = motion::floor_grapheme(text, at);
    match unit {
        Unit::Grapheme => at..at,
        Unit::Word => motion::word_at(text, at),
        Unit::Line => motion::line_at(text, at),
    }
}

fn clamped(text: &Text, range: &Range<usize>) -> Range<usize> {
    let end = range.end.min(text.len_chars());
    range.start.min(end)..end
}

fn within(edits: Vec<edit::Edit>, text: &Text) -> Vec<edit::Edit> {
    edits.into_iter().map(|edit| edit::Edit { range: clamped(text, &edit.range), ..edit }).collect()
}
