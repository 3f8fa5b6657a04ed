use super::*;
use crate::editor::buffer::{Buffer, LocalBuffer};
use crate::editor::segments::Estimate;

/// Rows of a fixed number of chars, each a point wide and ten points tall.
pub(crate) struct FixedRows {
    pub(crate) columns: usize,
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "small numbers"
)]
impl Rows for FixedRows {
    fn row(&mut self, page: Page<'_>, spot: Spot) -> Row {
        let line = page.text.char_to_line(spot.at);
        let (start, end) = (page.text.line_to_char(line), line_end(page.text, line));
        let column = spot.at - start;
        let upstream = spot.upstream && column > 0 && column.is_multiple_of(self.columns);
        let mut row_start = start + (column - usize::from(upstream)) / self.columns * self.columns;
        if row_start == end && row_start > start {
            row_start -= self.columns;
        }
        let row_end = (row_start + self.columns).min(end);
        Row { chars: row_start..row_end, ends_line: row_end == end }
    }

    fn x(&mut self, page: Page<'_>, spot: Spot) -> f32 {
        (spot.at - self.row(page, spot).chars.start) as f32
    }

    fn at_x(&mut self, _page: Page<'_>, row: &Row, x: f32) -> Spot {
        let at = (row.chars.start + x.round() as usize).min(row.chars.end);
        Spot { upstream: at == row.chars.end && !row.ends_line, ..Spot::at(at) }
    }

    fn y(&mut self, page: Page<'_>, spot: Spot) -> f64 {
        let (mut y, row) = (0.0, self.row(page, spot));
        let mut at = Spot::at(0);
        while self.row(page, at) != row {
            let passed = self.row(page, at);
            at = Spot::at(passed.chars.end + usize::from(passed.ends_line));
            y += 10.0;
        }
        y
    }

    fn row_at_y(&mut self, page: Page<'_>, y: f64) -> Row {
        let mut row = self.row(page, Spot::at(0));
        for _ in 0..(y / 10.0) as usize {
            row = self.row(page, Spot::at((row.chars.end + usize::from(row.ends_line)).min(page.text.len_chars())));
        }
        row
    }

    fn page_height(&self) -> f64 {
        30.0
    }
}

/// `|` in the text is the caret before and after.
fn check(motion: Motion, before: &str, after: &str) {
    let caret = |marked: &str| marked.chars().take_while(|char| *char != '|').count();
    let buffer = LocalBuffer::new(&before.replacen('|', "", 1));
    let segments = Segments::new(buffer.text(), Estimate { row_height: 10.0, chars_per_row: Some(10.0) });
    let page = Page { text: buffer.text(), segments: &segments };
    let found = moved(page, &mut FixedRows { columns: 10 }, Spot::at(caret(before)), motion);
    assert_eq!(found.at, caret(after), "{motion:?} from {before:?} to {after:?}");
}

#[test]
fn graphemes() {
    check(Motion::Left, "ae\u{301}|", "a|e\u{301}");
    check(Motion::Right, "|👩‍👩‍👧b", "👩‍👩‍👧|b");
    check(Motion::Left, "|a", "|a");
    check(Motion::Right, "a|", "a|");
    check(Motion::Right, "a|\r\nb", "a\r\n|b");
    let long = format!("a{}", "\u{301}".repeat(700));
    check(Motion::Left, &format!("{long}|"), &format!("|{long}"));
}

#[test]
fn words() {
    check(Motion::WordLeft, "one two|", "one |two");
    check(Motion::WordLeft, "one  |two", "|one  two");
    check(Motion::WordLeft, "don't|", "|don't");
    check(Motion::WordLeft, "a.b == |", "a.b |== ");
    check(Motion::WordLeft, "one\n|two", "|one\ntwo");
    check(Motion::WordRight, "|one two", "one| two");
    check(Motion::WordRight, "one| two", "one two|");
    check(Motion::WordRight, "one|\n\ntwo", "one\n\ntwo|");
    check(Motion::WordRight, "a |== b", "a ==| b");
    let long = "x".repeat(3000);
    check(Motion::WordLeft, &format!("a {long}|"), &format!("a |{long}"));
    check(Motion::WordRight, &format!("|{long} a"), &format!("{long}| a"));
}

#[test]
fn rows_lines_and_paragraphs() {
    check(Motion::Down, "ab|c\ndefg", "abc\nde|fg");
    check(Motion::Down, "012345|6789abcdef", "0123456789abcdef|");
    check(Motion::Down, "ab|c", "abc|");
    check(Motion::Up, "abc\nde|fg", "ab|c\ndefg");
    check(Motion::Up, "0123456789ab|c", "01|23456789abc");
    check(Motion::Up, "a|b", "|ab");
    check(Motion::Down, "abcd|\n\nx", "abcd\n|\nx");
    check(Motion::LineStart, "  ab|c", "  |abc");
    check(Motion::LineStart, "  |abc", "|  abc");
    check(Motion::LineEnd, "a|b\nc", "ab|\nc");
    check(Motion::LineEnd, "|0123456789abc", "0123456789|abc");
    check(Motion::ParagraphUp, "a\nbc|", "a\n|bc");
    check(Motion::ParagraphUp, "a\n|bc", "|a\nbc");
    check(Motion::ParagraphDown, "a|a\nbc", "aa|\nbc");
    check(Motion::ParagraphDown, "aa|\nbc", "aa\nbc|");
}

#[test]
fn pages_and_the_document() {
    check(Motion::PageDown, "0\n1|\n2\n3\n4\n5", "0\n1\n2\n3\n4|\n5");
    check(Motion::PageUp, "0\n1\n2\n3\n4|\n5", "0\n1|\n2\n3\n4\n5");
    check(Motion::PageDown, "0\n1\n2\n|3\n4\n5", "0\n1\n2\n3\n4\n5|");
    check(Motion::DocumentStart, "a\nb|", "|a\nb");
    check(Motion::DocumentEnd, "|a\nb", "a\nb|");
}

#[test]
fn what_a_double_click_takes() {
    let buffer = LocalBuffer::new("one, two\nthree");
    let check = |at, expected| assert_eq!(word_at(buffer.text(), at), expected, "at {at}");
    check(0, 0..3);
    check(2, 0..3);
    check(3, 3..4);
    check(6, 5..8);
    check(8, 5..8);
    check(9, 9..14);
    check(14, 9..14);
    assert_eq!(word_at(LocalBuffer::new("").text(), 0), 0..0);
    assert_eq!(line_at(buffer.text(), 4), 0..9);
}

#[test]
fn a_position_within_a_grapheme_is_moved_to_its_start() {
    let buffer = LocalBuffer::new("ae\u{301}b");
    for (at, expected) in [(0, 0), (1, 1), (2, 1), (3, 3), (9, 4)] {
        assert_eq!(floor_grapheme(buffer.text(), at), expected, "at {at}");
    }
}
