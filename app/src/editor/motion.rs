//! Where motions lead: graphemes, words, rows, lines, paragraphs, pages, the document.
//!
//! Rows (visual lines) are known to whoever lays the text out: [`Rows`] asks for them.

use std::ops::Range;

use quire_crdt::Text;
use unicode_segmentation::UnicodeSegmentation;

use super::command::Motion;
use super::segments::Segments;

/// A text and its index.
#[derive(Clone, Copy, Debug)]
pub struct Page<'a> {
    /// The text.
    pub text: &'a Text,
    /// Where its lines are.
    pub segments: &'a Segments,
}

/// A visual line.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Row {
    /// Its chars, without the `\n`.
    pub chars: Range<usize>,
    /// Whether a hard line ends with it; else the next row goes on with the next char.
    pub ends_line: bool,
}

/// Where a caret stands.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spot {
    /// Its position, in chars.
    pub at: usize,
    /// Whether a caret between two rows of one line stands at the end of the upper one.
    pub upstream: bool,
    /// The distance from the left that moving up and down tries to keep, in points.
    pub goal_x: Option<f32>,
}

impl Spot {
    /// A caret at a char position, on the lower row between two.
    pub const fn at(at: usize) -> Self {
        Self { at, upstream: false, goal_x: None }
    }
}

/// The layout, as far as motions need it. Distances are points, heights from the top of the text.
pub trait Rows {
    /// The row that a caret is on.
    fn row(&mut self, page: Page<'_>, spot: Spot) -> Row;

    /// How far from the left a caret is.
    fn x(&mut self, page: Page<'_>, spot: Spot) -> f32;

    /// The place on a row that is nearest to `x`.
    fn at_x(&mut self, page: Page<'_>, row: &Row, x: f32) -> Spot;

    /// The top of the row that a caret is on.
    fn y(&mut self, page: Page<'_>, spot: Spot) -> f64;

    /// The row at a height.
    fn row_at_y(&mut self, page: Page<'_>, y: f64) -> Row;

    /// The height of what can be seen at once.
    fn page_height(&self) -> f64;
}

/// Where a motion leads from `from`. O(log n), and the layout of at most a page.
pub fn moved(page: Page<'_>, rows: &mut dyn Rows, from: Spot, motion: Motion) -> Spot {
    let Page { text, .. } = page;
    match motion {
        Motion::Left => Spot::at(previous_grapheme(text, from.at)),
        Motion::Right => Spot::at(next_grapheme(text, from.at)),
        Motion::WordLeft => Spot::at(word_left(text, from.at)),
        Motion::WordRight => Spot::at(word_right(text, from.at)),
        Motion::LineStart => {
            let row = rows.row(page, from);
            let letters = row.chars.start + indent_chars(text, row.chars.clone());
            Spot::at(if from.at == letters { row.chars.start } else { letters })
        }
        Motion::LineEnd => {
            let row = rows.row(page, from);
            Spot { upstream: !row.ends_line, ..Spot::at(row.chars.end) }
        }
        Motion::ParagraphUp => {
            let line = text.char_to_line(from.at);
            let start = text.line_to_char(line);
            Spot::at(if from.at > start { start } else { text.line_to_char(line.saturating_sub(1)) })
        }
        Motion::ParagraphDown => {
            let line = text.char_to_line(from.at);
            let end = line_end(text, line);
            Spot::at(if from.at < end { end } else { line_end(text, line + 1) })
        }
        Motion::Up | Motion::Down => by_a_row(page, rows, from, motion == Motion::Down),
        Motion::PageUp | Motion::PageDown => by_a_page(page, rows, from, motion == Motion::PageDown),
        Motion::DocumentStart => Spot::at(0),
        Motion::DocumentEnd => Spot::at(text.len_chars()),
    }
}

fn by_a_row(page: Page<'_>, rows: &mut dyn Rows, from: Spot, down: bool) -> Spot {
    let x = from.goal_x.unwrap_or_else(|| rows.x(page, from));
    let row = rows.row(page, from);
    let end = page.text.len_chars();
    let (edge, beyond) = if down {
        let next = row.chars.end + usize::from(row.ends_line);
        (end, (row.chars.end < end).then_some(Spot::at(next)))
    } else {
        let hard = row.chars.start.checked_sub(1);
        // The end of the row above: behind its last char, or in front of its `\n`.
        let soft = hard.map(|last| match page.segments.at_char(row.chars.start) {
            located if located.start == row.chars.start && located.starts_line => Spot::at(last),
            _ => Spot { upstream: true, ..Spot::at(row.chars.start) },
        });
        (0, soft)
    };
    match beyond {
        None => Spot { goal_x: Some(x), ..Spot::at(edge) },
        Some(beyond) => {
            let target = rows.row(page, beyond);
            Spot { goal_x: Some(x), ..rows.at_x(page, &target, x) }
        }
    }
}

fn by_a_page(page: Page<'_>, rows: &mut dyn Rows, from: Spot, down: bool) -> Spot {
    let x = from.goal_x.unwrap_or_else(|| rows.x(page, from));
    let height = rows.page_height();
    let y = rows.y(page, from) + 1.0;
    let target = if down { y + height } else { y - height };
    if target < 0.0 || target > page.segments.height() {
        return Spot { goal_x: Some(x), ..Spot::at(if down { page.text.len_chars() } else { 0 }) };
    }
    let row = rows.row_at_y(page, target);
    Spot { goal_x: Some(x), ..rows.at_x(page, &row, x) }
}

/// The end of a line in chars, in front of its `\n`; the end of the text behind the last line. O(log n).
pub fn line_end(text: &Text, line: usize) -> usize {
    if line + 1 >= text.len_lines() {
        return text.len_chars();
    }
    text.line_to_char(line + 1).saturating_sub(1)
}

/// The part of the line in front of a position; at the start of a line, the break in front of it. O(log n).
pub fn before_in_line(text: &Text, at: usize) -> Range<usize> {
    let start = text.line_to_char(text.char_to_line(at));
    if start < at { start..at } else { previous_grapheme(text, at)..at }
}

/// The part of the line behind a position; at the end of a line, its break. O(log n).
pub fn behind_in_line(text: &Text, at: usize) -> Range<usize> {
    let end = line_end(text, text.char_to_line(at));
    if at < end { at..end } else { at..next_grapheme(text, at) }
}

/// How many spaces and tabs a range begins with. Looks at no more than its first few hundred chars.
pub fn indent_chars(text: &Text, range: Range<usize>) -> usize {
    let end = range.end.min(range.start + LINE_HEAD_CHARS_MAX);
    text.slice(range.start..end).chars().take_while(|char| matches!(char, ' ' | '\t')).count()
}

/// As much of a line's beginning as indents and list markers are looked for in, in chars.
pub const LINE_HEAD_CHARS_MAX: usize = 256;

/// The start of the grapheme in front of a position.
pub fn previous_grapheme(text: &Text, at: usize) -> usize {
    back(text, at, |window| window.grapheme_indices(true).next_back().map_or(0, |(start, _)| start))
}

/// The end of the grapheme behind a position.
pub fn next_grapheme(text: &Text, at: usize) -> usize {
    on(text, at, |window| window.graphemes(true).next().map_or(0, str::len))
}

/// The position itself, or the nearest grapheme boundary in front of it.
pub fn floor_grapheme(text: &Text, at: usize) -> usize {
    if at == 0 || at >= text.len_chars() {
        return at.min(text.len_chars());
    }
    let start = previous_grapheme(text, at);
    if next_grapheme(text, start) > at { start } else { at }
}

fn word_left(text: &Text, at: usize) -> usize {
    back(text, at, |window| {
        let mut found = window.len();
        let mut class = Class::Space;
        for (start, part) in window.split_word_bound_indices().rev() {
            let next = Class::of(part);
            if class != Class::Space && (next != class || class == Class::Word) {
                break;
            }
            found = start;
            class = next;
        }
        found
    })
}

fn word_right(text: &Text, at: usize) -> usize {
    on(text, at, |window| {
        let mut found = 0;
        let mut class = Class::Space;
        for (start, part) in window.split_word_bound_indices() {
            let next = Class::of(part);
            if class != Class::Space && (next != class || class == Class::Word) {
                break;
            }
            found = start + part.len();
            class = next;
        }
        found
    })
}

/// The word, space or sign that a position is in; at the end of a line, the one in front.
pub fn word_at(text: &Text, at: usize) -> Range<usize> {
    let line = text.char_to_line(at);
    let (start, end) = (text.line_to_char(line), line_end(text, line));
    let (from, to) = (start.max(at.saturating_sub(WINDOWS[1])), end.min(at + WINDOWS[1]));
    let mut found = at..at;
    let mut begin = from;
    for part in text.slice(from..to).split_word_bounds() {
        let stop = begin + part.chars().count();
        if begin < at || begin == from {
            found = begin..stop;
        }
        if begin <= at && at < stop {
            return begin..stop;
        }
        begin = stop;
    }
    found
}

/// A line with its `\n`.
pub fn line_at(text: &Text, at: usize) -> Range<usize> {
    let line = text.char_to_line(at);
    text.line_to_char(line)..text.line_to_char(line + 1)
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Class {
    Space,
    Sign,
    Word,
}

impl Class {
    fn of(part: &str) -> Self {
        match part.chars().next() {
            Some(char) if char.is_whitespace() => Self::Space,
            Some(char) if char.is_alphanumeric() || char == '_' || !char.is_ascii() => Self::Word,
            _ => Self::Sign,
        }
    }
}

/// How far is looked, in chars, before looking further.
const WINDOWS: [usize; 4] = [64, 512, 8192, usize::MAX];

/// The char position of what `find` finds in the text in front of `at`, in bytes from the start of what it is given. If that is
/// the very start, it may be that too little was given.
fn back(text: &Text, at: usize, find: impl Fn(&str) -> usize) -> usize {
    for window in WINDOWS {
        let start = at.saturating_sub(window);
        let content = text.slice(start..at);
        let found = find(&content);
        if found > 0 || start == 0 {
            return start + content[..found].chars().count();
        }
    }
    0
}

/// As [`back`], behind `at`.
fn on(text: &Text, at: usize, find: impl Fn(&str) -> usize) -> usize {
    for window in WINDOWS {
        let end = at.saturating_add(window).min(text.len_chars());
        let content = text.slice(at..end);
        let found = find(&content);
        if found < content.len() || end == text.len_chars() {
            return at + content[..found].chars().count();
        }
    }
    text.len_chars()
}

#[cfg(test)]
pub(crate) mod tests;
