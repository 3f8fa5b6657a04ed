//! Cutting text into segments.

use std::ops::Range;

use quire_crdt::Text;
use unicode_segmentation::GraphemeCursor;

use super::{Estimate, FenceLine, Segment};

/// The most bytes that a segment may have besides its `\n`, unless one grapheme alone is longer.
pub const PIECE_BYTES_MAX: usize = 2048;

/// The segments of a range of chars; `starts_line`: its first char begins a line. What follows the last `\n` is the last
/// segment, even if it is empty.
pub(super) fn cut(text: &Text, range: Range<usize>, starts_line: bool, estimate: &Estimate) -> Vec<Segment> {
    let mut cutter = Cutter { estimate, starts_line, segments: Vec::new() };
    let mut held = String::new();
    for chunk in text.chunks(range) {
        let mut rest = chunk;
        while let Some(end) = rest.find('\n') {
            let (line, behind) = rest.split_at(end);
            if held.is_empty() {
                cutter.line(line, true);
            } else {
                held.push_str(line);
                cutter.line(&held, true);
                held.clear();
            }
            rest = &behind[1..];
        }
        held.push_str(rest);
    }
    cutter.line(&held, false);
    cutter.segments
}

struct Cutter<'a> {
    estimate: &'a Estimate,
    starts_line: bool,
    segments: Vec<Segment>,
}

impl Cutter<'_> {
    fn line(&mut self, line: &str, ends_line: bool) {
        let mut rest = line;
        while rest.len() > PIECE_BYTES_MAX {
            let (piece, behind) = rest.split_at(piece_end(rest));
            self.push(piece, false);
            rest = behind;
        }
        self.push(rest, ends_line);
    }

    fn push(&mut self, content: &str, ends_line: bool) {
        let chars = content.chars().count() + usize::from(ends_line);
        let chars = u32::try_from(chars).unwrap_or(u32::MAX);
        let fence = if self.starts_line { FenceLine::of(content) } else { FenceLine::default() };
        let height = self.estimate.height(chars);
        self.segments.push(Segment { chars, height, fence, ends_line, measured: false, dirty: false });
        self.starts_line = ends_line;
    }
}

/// Where the first piece of a long line ends, in bytes: behind a space if there is one, else at a grapheme boundary.
fn piece_end(line: &str) -> usize {
    let limit = line.floor_char_boundary(PIECE_BYTES_MAX);
    let is_boundary = |at: usize| GraphemeCursor::new(at, line.len(), true).is_boundary(line, 0) == Ok(true);
    let half = line.floor_char_boundary(PIECE_BYTES_MAX / 2);
    let space = line[half..limit].rfind(' ').map(|at| half + at + 1);
    if let Some(end) = space.filter(|at| is_boundary(*at)) {
        return end;
    }
    if is_boundary(limit) {
        return limit;
    }
    let before = GraphemeCursor::new(limit, line.len(), true).prev_boundary(line, 0);
    match before {
        Ok(Some(end)) if end > 0 => end,
        _ => limit,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_cut_behind_a_space_or_between_graphemes() {
        let words = "word ".repeat(1000);
        assert_eq!(piece_end(&words) % 5, 0);
        let family = "👩‍👩‍👧";
        let families = family.repeat(200);
        assert_eq!(piece_end(&families) % family.len(), 0);
        let tower = format!("a{}", "\u{301}".repeat(3000));
        assert_eq!(piece_end(&tower), tower.floor_char_boundary(PIECE_BYTES_MAX));
    }
}
