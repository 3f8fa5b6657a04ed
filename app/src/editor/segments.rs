//! The segment index: where every line is, in chars and in points, without laying anything out.
//!
//! A segment is a hard line with its `\n`, or a piece of at most [`PIECE_BYTES_MAX`] bytes of a longer one, cut at grapheme
//! boundaries. Segments stand in chunks with their sums under a binary tree, so that char → segment, y → segment and back are
//! O(log n). Heights are estimated by arithmetic until the view has measured them.

mod cut;
mod fence;
mod tree;

use std::ops::Range;

use quire_crdt::{Splice, Text};

pub use cut::PIECE_BYTES_MAX;
pub use fence::{Fence, FenceLine};
use tree::{Place, Sum, Tree};

/// One point, in the unit that heights are summed in: integers, so that sums are exact.
const POINT: f64 = 64.0;

/// How tall a segment is guessed to be before it is laid out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The height of a row, in points.
    pub row_height: f32,
    /// How many average characters a row holds; `None`: rows are as long as their segments.
    pub chars_per_row: Option<f32>,
}

impl Default for Estimate {
    fn default() -> Self {
        Self { row_height: 22.5, chars_per_row: Some(76.0) }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small positive numbers of points")]
impl Estimate {
    fn height(&self, chars: u32) -> u32 {
        let rows = match self.chars_per_row {
            Some(columns) => (f64::from(chars) / f64::from(columns.max(1.0))).ceil().max(1.0),
            None => 1.0,
        };
        (rows * f64::from(self.row_height) * POINT) as u32
    }
}

/// A line or a piece of one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Segment {
    chars: u32,
    height: u32,
    fence: FenceLine,
    ends_line: bool,
    measured: bool,
    dirty: bool,
}

impl Segment {
    fn sum(&self) -> Sum {
        Sum {
            segments: 1,
            chars: self.chars as usize,
            line_ends: usize::from(self.ends_line),
            height: u64::from(self.height),
            dirty: usize::from(self.dirty),
            fence: Fence::of(self.fence),
        }
    }
}

/// A segment and where it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Located {
    place: Place,
    /// Its number among all segments, from 0.
    pub number: usize,
    /// Its first char.
    pub start: usize,
    /// The char behind its last one, its `\n` included.
    pub end: usize,
    /// Whether it ends with a `\n`.
    pub ends_line: bool,
    /// Whether it begins a line.
    pub starts_line: bool,
    /// The number of its line, from 0.
    pub line: usize,
    /// Its top, in points from the top of the text.
    pub top: f64,
    /// Its height, in points.
    pub height: f64,
    /// Whether the height was measured.
    pub measured: bool,
    /// In which fenced code block its line begins, if any.
    pub fence: Fence,
}

impl Located {
    /// Its chars without the `\n`.
    pub fn visible(&self) -> Range<usize> {
        self.start..self.end - usize::from(self.ends_line)
    }

    /// Its bottom, in points.
    pub fn bottom(&self) -> f64 {
        self.top + self.height
    }
}

/// The index of a text's segments.
#[derive(Clone, Debug)]
pub struct Segments {
    tree: Tree,
    estimate: Estimate,
}

impl Default for Segments {
    fn default() -> Self {
        Self::new(&Text::new(), Estimate::default())
    }
}

#[expect(clippy::cast_precision_loss, reason = "heights stay far below 2^52")]
impl Segments {
    /// The index of a text. O(n).
    pub fn new(text: &Text, estimate: Estimate) -> Self {
        let segments = cut::cut(text, 0..text.len_chars(), true, &estimate);
        Self { tree: Tree::new(segments), estimate }
    }

    /// How many segments there are; at least one.
    pub fn len(&self) -> usize {
        self.tree.sum().segments
    }

    /// Never: an empty text has one segment.
    pub const fn is_empty(&self) -> bool {
        false
    }

    /// How many chars the indexed text has.
    pub fn len_chars(&self) -> usize {
        self.tree.sum().chars
    }

    /// How many lines it has.
    pub fn len_lines(&self) -> usize {
        self.tree.sum().line_ends + 1
    }

    /// The height of everything, in points.
    pub fn height(&self) -> f64 {
        self.tree.sum().height as f64 / POINT
    }

    /// What heights are guessed from.
    pub const fn estimate(&self) -> Estimate {
        self.estimate
    }

    /// The segment that holds this char; the last one for the end of the text and beyond. O(log n).
    pub fn at_char(&self, char: usize) -> Located {
        let char = char as u64;
        self.located(self.tree.find(char, |sum| sum.chars as u64))
    }

    /// The segment at this height in points from the top, clamped to the text. O(log n).
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the text")]
    pub fn at_y(&self, y: f64) -> Located {
        let y = (y.max(0.0) * POINT) as u64;
        self.located(self.tree.find(y, |sum| sum.height))
    }

    /// The segment behind this one. O(log n).
    pub fn next(&self, located: &Located) -> Option<Located> {
        (located.number + 1 < self.len()).then(|| self.at_number(located.number + 1))
    }

    /// The segment in front of this one. O(log n).
    pub fn previous(&self, located: &Located) -> Option<Located> {
        located.number.checked_sub(1).map(|number| self.at_number(number))
    }

    fn at_number(&self, number: usize) -> Located {
        self.located(self.tree.find(number as u64, |sum| sum.segments as u64))
    }

    /// Notes the height that a segment was laid out with, in points. O(log n).
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "rounded to the unit of sums")]
    pub fn measure(&mut self, located: &Located, height: f32) {
        let height = (f64::from(height.max(0.0)) * POINT).round() as u32;
        self.tree.change(located.place, |segment| {
            segment.height = height;
            segment.measured = true;
        });
    }

    /// Guesses all heights anew, when the width or the size of letters changed. O(n), by arithmetic alone.
    pub fn estimate_anew(&mut self, estimate: Estimate) {
        self.estimate = estimate;
        self.tree.change_all(|segment| {
            segment.height = estimate.height(segment.chars);
            segment.measured = false;
        });
    }

    /// Follows changes of the text, in the order in which they were made; `text` has all of them. O(log n + length of the
    /// lines that were touched).
    pub fn apply(&mut self, splices: impl IntoIterator<Item = Splice>, text: &Text) {
        for splice in splices {
            self.mark(splice);
        }
        while let Some((place, before)) = self.tree.find_dirty() {
            self.read_again(place, before, text);
        }
    }

    /// Makes one unread segment of all that a change touched, so that the sums are right before the text is read.
    fn mark(&mut self, splice: Splice) {
        let end = self.at_char(splice.at + splice.deleted);
        let start = self.at_char(splice.at);
        let chars = (end.end - start.start + splice.inserted).saturating_sub(splice.deleted);
        let unread = Segment {
            chars: u32::try_from(chars).unwrap_or(u32::MAX),
            height: 0,
            fence: FenceLine::default(),
            ends_line: end.ends_line,
            measured: false,
            dirty: true,
        };
        self.tree.replace(start.place, end.number + 1 - start.number, vec![unread]);
    }

    /// Reads an unread segment, with its neighbours on the same line, and cuts it anew.
    fn read_again(&mut self, place: Place, before: Sum, text: &Text) {
        let unread = self.located((place, before));
        let (mut first, mut count, mut end) = (unread, 1, unread.end);
        if !unread.starts_line
            && let Some(previous) = self.previous(&unread)
        {
            first = previous;
            count += 1;
        }
        if !unread.ends_line
            && let Some(next) = self.next(&unread)
        {
            end = next.end;
            count += 1;
        }
        let last = first.number + count == self.len();
        let mut segments = cut::cut(text, first.start..end, first.starts_line, &self.estimate);
        if !last && segments.last().is_some_and(|segment| segment.chars == 0) {
            // The run ended with a `\n`: what follows it is the next segment, not an empty one.
            segments.pop();
        }
        self.tree.replace(first.place, count, segments);
    }

    fn located(&self, (place, before): (Place, Sum)) -> Located {
        let segment = self.tree.segment(place);
        Located {
            place,
            number: before.segments,
            start: before.chars,
            end: before.chars + segment.chars as usize,
            ends_line: segment.ends_line,
            starts_line: self.tree.previous(place).is_none_or(|previous| previous.ends_line),
            line: before.line_ends,
            top: before.height as f64 / POINT,
            height: f64::from(segment.height) / POINT,
            measured: segment.measured,
            fence: before.fence,
        }
    }

    /// Panics unless the index is that of this text; for tests.
    ///
    /// # Panics
    /// When a sum or a cut is wrong.
    #[doc(hidden)]
    pub fn assert_is_of(&self, text: &Text) {
        self.tree.assert_sums();
        assert_eq!(self.len_chars(), text.len_chars(), "chars");
        assert_eq!(self.len_lines(), text.len_lines(), "lines");
        let mut next = Some(self.at_number(0));
        while let Some(located) = next {
            let content = text.slice(located.start..located.end);
            assert!(content.len() <= PIECE_BYTES_MAX + 1, "a piece of {} bytes", content.len());
            assert_eq!(content.ends_with('\n'), located.ends_line, "end of line at {}", located.end);
            assert!(!content.trim_end_matches('\n').contains('\n'), "two lines in one segment: {content:?}");
            assert_eq!(located.line, text.char_to_line(located.start), "line at {}", located.start);
            assert_eq!(self.at_char(located.start).number, located.number, "place of {}", located.start);
            next = self.next(&located);
        }
    }
}

#[cfg(test)]
mod tests;
