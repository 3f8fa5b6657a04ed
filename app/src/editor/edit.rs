//! Edits as plain lists: which chars are replaced by what, and where the carets are afterwards.

mod lines;
mod pairs;

use std::collections::BTreeSet;
use std::ops::Range;

use quire_crdt::Text;

pub use lines::{delete_lines, duplicate_lines, indent, move_lines, new_line, outdent};
pub use pairs::{delete_pairs, type_bracket};

use super::selection::Selection;

/// Chars to replace, and the text for their place.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Edit {
    /// Which chars.
    pub range: Range<usize>,
    /// The text for their place.
    pub text: String,
}

impl Edit {
    /// Puts `text` in the place of these chars.
    pub fn new(range: Range<usize>, text: impl Into<String>) -> Self {
        Self { range, text: text.into() }
    }

    fn inserted(&self) -> usize {
        self.text.chars().count()
    }
}

/// Edits in ascending order, none touching another's chars, to be applied from the last to the first; and the selections
/// afterwards, the leading one last.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Plan {
    /// The edits.
    pub edits: Vec<Edit>,
    /// The selections when all edits are made.
    pub selections: Vec<Selection>,
}

/// One edit for one selection, and where its caret is afterwards.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Change {
    /// The edit.
    pub edit: Edit,
    /// The selection afterwards, in chars from the start of the edit.
    pub selection: Selection,
}

impl Change {
    /// Puts `text` in the place of these chars, and the caret behind it.
    pub fn new(range: Range<usize>, text: impl Into<String>) -> Self {
        let edit = Edit::new(range, text);
        let selection = Selection::caret(edit.inserted());
        Self { edit, selection }
    }
}

impl Plan {
    /// Makes a change for each selection, which `change` is asked for with the selection's number in the order of the text.
    /// Where two would touch the same chars the later gives way.
    pub fn for_each(selections: &[Selection], mut change: impl FnMut(usize, Selection) -> Change) -> Self {
        let mut order: Vec<usize> = (0..selections.len()).collect();
        order.sort_by_key(|at| selections[*at].range().start);
        let mut plan = Self { edits: Vec::new(), selections: selections.to_vec() };
        let (mut free, mut deleted, mut inserted) = (0, 0, 0);
        for (number, at) in order.into_iter().enumerate() {
            let Change { mut edit, selection } = change(number, selections[at]);
            edit.range.start = edit.range.start.max(free);
            edit.range.end = edit.range.end.max(edit.range.start);
            free = edit.range.end;
            let start = edit.range.start - deleted + inserted;
            plan.selections[at] = Selection { tail: start + selection.tail, head: start + selection.head };
            deleted += edit.range.len();
            inserted += edit.inserted();
            plan.edits.push(edit);
        }
        plan
    }

    /// These edits, in ascending order; the selections follow them, what is inserted at a caret comes in front of it.
    pub fn following(edits: Vec<Edit>, selections: &[Selection]) -> Self {
        let follow = |at: usize| {
            let (mut deleted, mut inserted) = (0, 0);
            for edit in edits.iter().take_while(|edit| edit.range.start <= at) {
                deleted += edit.range.end.min(at) - edit.range.start;
                inserted += edit.inserted();
            }
            at - deleted + inserted
        };
        let selections = selections.iter().map(|s| Selection { tail: follow(s.tail), head: follow(s.head) }).collect();
        Self { edits, selections }
    }
}

/// Types or pastes `text` at every caret.
pub fn insert(selections: &[Selection], text: &str) -> Plan {
    Plan::for_each(selections, |_, selection| Change::new(selection.range(), text))
}

/// Pastes: with as many lines as carets, each takes one; else each takes all. Line ends become `\n`.
pub fn paste(selections: &[Selection], text: &str) -> Plan {
    let text = with_newlines(text);
    let lines: Vec<&str> = text.strip_suffix('\n').unwrap_or(&text).split('\n').collect();
    if selections.len() < 2 || lines.len() != selections.len() {
        return insert(selections, &text);
    }
    Plan::for_each(selections, |number, selection| Change::new(selection.range(), lines[number]))
}

/// The text with `\r\n` and lone `\r` made `\n`.
pub fn with_newlines(text: &str) -> String {
    if text.contains('\r') { text.replace("\r\n", "\n").replace('\r', "\n") } else { text.to_owned() }
}

/// Deletes what is selected; a caret that selects nothing deletes what `reach` gives for it.
pub fn delete(selections: &[Selection], reach: impl Fn(usize) -> Range<usize>) -> Plan {
    Plan::for_each(selections, |_, selection| {
        let range = if selection.is_empty() { reach(selection.head) } else { selection.range() };
        Change::new(range, "")
    })
}

/// What copying takes: the selections in the order of the text, a line each; without any, the whole lines of the carets, each
/// once.
pub fn copied(text: &Text, selections: &[Selection]) -> String {
    let mut ranges: Vec<Range<usize>> =
        selections.iter().filter(|selection| !selection.is_empty()).map(Selection::range).collect();
    if ranges.is_empty() {
        let lines: BTreeSet<usize> = selections.iter().map(|caret| text.char_to_line(caret.head)).collect();
        return lines
            .into_iter()
            .map(|line| text.slice(text.line_to_char(line)..text.line_to_char(line + 1)))
            .collect();
    }
    ranges.sort_by_key(|range| range.start);
    let parts: Vec<String> = ranges.into_iter().map(|range| text.slice(range)).collect();
    parts.join("\n")
}

#[cfg(test)]
mod tests;
