//! Edits of whole lines. The lines themselves are touched as little as can be: what others wrote in them, and their carets, stay.

use std::ops::Range;

use quire_crdt::Text;

use super::{Change, Edit, Plan};
use crate::editor::markdown::list_marker;
use crate::editor::motion::{LINE_HEAD_CHARS_MAX, line_end};
use crate::editor::selection::Selection;

/// One step of indent.
const INDENT: &str = "    ";
/// One step of indent in a list: as much as `- ` takes.
const LIST_INDENT: &str = "  ";

/// The lines that selections touch, as ranges of line numbers: ascending, neighbours joined. A selection that ends at the very
/// start of a line does not touch it.
fn blocks(text: &Text, selections: &[Selection]) -> Vec<Range<usize>> {
    let mut touched: Vec<Range<usize>> = selections
        .iter()
        .map(|selection| {
            let range = selection.range();
            let (first, last) = (text.char_to_line(range.start), text.char_to_line(range.end));
            let ends_before = last > first && text.line_to_char(last) == range.end;
            first..last + usize::from(!ends_before)
        })
        .collect();
    touched.sort_by_key(|lines| lines.start);
    let mut blocks: Vec<Range<usize>> = Vec::new();
    for lines in touched {
        match blocks.last_mut() {
            Some(last) if lines.start <= last.end => last.end = last.end.max(lines.end),
            _ => blocks.push(lines),
        }
    }
    blocks
}

fn head_of(text: &Text, line: usize) -> String {
    let start = text.line_to_char(line);
    text.slice(start..line_end(text, line).min(start + LINE_HEAD_CHARS_MAX))
}

/// A new line at every caret, with the indent and the marker of its line; on an item without text the marker goes instead.
/// `in_code` says of a line whether it is code, where nothing is a list.
pub fn new_line(text: &Text, selections: &[Selection], in_code: impl Fn(usize) -> bool) -> Plan {
    Plan::for_each(selections, |_, selection| {
        let range = selection.range();
        let line = text.char_to_line(range.start);
        let start = text.line_to_char(line);
        let head: String = head_of(text, line).chars().take(range.start - start).collect();
        let marker = list_marker(&head).filter(|_| !in_code(line));
        let Some(marker) = marker else {
            let quotes = if in_code(line) { 0 } else { head.len() - head.trim_start_matches(['>', ' ']).len() };
            let indent = head.len() - head.trim_start_matches([' ', '\t']).len();
            return Change::new(range, format!("\n{}", &head[..indent.max(quotes)]));
        };
        let line_is_marker = range.is_empty() && line_end(text, line) == range.end && head[marker.end..].is_empty();
        if line_is_marker {
            return Change::new(start..range.end, "");
        }
        let sign = &head[marker.indent..marker.end];
        let next = match marker.number {
            Some(number) => sign.replacen(&number.to_string(), &number.saturating_add(1).to_string(), 1),
            None => sign.to_owned(),
        };
        let next = if marker.has_box { next.replace("[x]", "[ ]").replace("[X]", "[ ]") } else { next };
        Change::new(range, format!("\n{}{next}", &head[..marker.indent]))
    })
}

/// Indents the lines that are touched; where nothing is selected outside of a list's marker, goes to the next tab stop.
pub fn indent(text: &Text, selections: &[Selection]) -> Plan {
    let in_marker = |selection: &Selection| {
        let line = text.char_to_line(selection.head);
        let column = selection.head - text.line_to_char(line);
        let head = head_of(text, line);
        list_marker(&head).is_some_and(|marker| column <= head[..marker.end].chars().count())
    };
    if selections.iter().all(|selection| selection.is_empty() && !in_marker(selection)) {
        return Plan::for_each(selections, |_, selection| {
            let column = selection.head - text.line_to_char(text.char_to_line(selection.head));
            Change::new(selection.range(), &INDENT[column % INDENT.len()..])
        });
    }
    let lines = blocks(text, selections).into_iter().flatten();
    let edits = lines.filter(|line| line_end(text, *line) > text.line_to_char(*line)).map(|line| {
        let start = text.line_to_char(line);
        let step = if list_marker(&head_of(text, line)).is_some() { LIST_INDENT } else { INDENT };
        Edit::new(start..start, step)
    });
    Plan::following(edits.collect(), selections)
}

/// Takes one step of indent from the lines that are touched.
pub fn outdent(text: &Text, selections: &[Selection]) -> Plan {
    let edits = blocks(text, selections).into_iter().flatten().filter_map(|line| {
        let head = head_of(text, line);
        let step = if list_marker(&head).is_some() { LIST_INDENT.len() } else { INDENT.len() };
        let spaces = head.chars().take(step).take_while(|char| *char == ' ').count();
        let count = if head.starts_with('\t') { 1 } else { spaces };
        let start = text.line_to_char(line);
        (count > 0).then(|| Edit::new(start..start + count, ""))
    });
    Plan::following(edits.collect(), selections)
}

/// Deletes the lines that are touched; the carets go to the lines that come into their places.
pub fn delete_lines(text: &Text, selections: &[Selection]) -> Plan {
    let edits = blocks(text, selections).into_iter().map(|lines| {
        let (mut start, end) = (text.line_to_char(lines.start), text.line_to_char(lines.end));
        if lines.end >= text.len_lines() {
            start = start.saturating_sub(1);
        }
        Edit::new(start..end, "")
    });
    let mut plan = Plan::following(edits.collect(), selections);
    for selection in &mut plan.selections {
        *selection = Selection::caret(selection.head);
    }
    plan
}

/// Copies the lines that are touched in front of themselves: the carets stay with the lower ones.
pub fn duplicate_lines(text: &Text, selections: &[Selection]) -> Plan {
    let edits = blocks(text, selections).into_iter().map(|lines| {
        let (start, end) = (text.line_to_char(lines.start), line_end(text, lines.end - 1));
        Edit::new(start..start, text.slice(start..end) + "\n")
    });
    Plan::following(edits.collect(), selections)
}

/// Moves the lines that are touched up or down by one: it is the line that they change places with that is taken out and put
/// back.
pub fn move_lines(text: &Text, selections: &[Selection], down: bool) -> Plan {
    let mut edits = Vec::new();
    for lines in blocks(text, selections) {
        let (top, bottom) = (text.line_to_char(lines.start), line_end(text, lines.end - 1));
        if down && lines.end < text.len_lines() {
            let passed = line_end(text, lines.end);
            edits.push(Edit::new(top..top, text.slice(bottom + 1..passed) + "\n"));
            edits.push(Edit::new(bottom..passed, ""));
        } else if !down && lines.start > 0 {
            let passed = text.line_to_char(lines.start - 1);
            edits.push(Edit::new(passed..top, ""));
            edits.push(Edit::new(bottom..bottom, format!("\n{}", text.slice(passed..top - 1))));
        }
    }
    let mut plan = Plan::following(edits, selections);
    if !down {
        keep_in_front(text, selections, &mut plan);
    }
    plan
}

/// A caret at the very end of lines that moved up stays there: what is put behind them comes behind it.
fn keep_in_front(text: &Text, selections: &[Selection], plan: &mut Plan) {
    for (selection, after) in selections.iter().zip(&mut plan.selections) {
        for (at, after) in [(selection.tail, &mut after.tail), (selection.head, &mut after.head)] {
            let line = text.char_to_line(at);
            if at == line_end(text, line) {
                let behind = plan.edits.iter().find(|edit| edit.range == (at..at)).map_or(0, Edit::inserted);
                *after -= behind;
            }
        }
    }
}
