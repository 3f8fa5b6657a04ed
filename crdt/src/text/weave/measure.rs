//! The visible text in bytes, chars, units of UTF-16 and lines.

use core::ops::Range;

use super::nodes::{Above, Inner, Leaf};
use super::{LeafId, Weave};

/// How many bytes are counted at once.
const BLOCK_BYTES: usize = 192;

/// Measures of a stretch of text.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(in super::super) struct Measure {
    pub(in super::super) chars: u32,
    pub(in super::super) bytes: u32,
    /// How many chars take two units of UTF-16.
    pub(in super::super) pairs: u32,
    /// How many `\n`.
    pub(in super::super) line_ends: u32,
}

impl Measure {
    pub(in super::super) fn of(text: &str) -> Self {
        if let [byte @ ..=0x7f] = text.as_bytes() {
            return Self { bytes: 1, chars: 1, pairs: 0, line_ends: u32::from(*byte == b'\n') };
        }
        let mut sum = Self { bytes: fit(text.len()), ..Self::default() };
        // Counts of a block fit a byte: many are added up at a time.
        for block in text.as_bytes().chunks(BLOCK_BYTES) {
            let count = |counted: fn(u8) -> bool| {
                let count = block.iter().fold(0, |count: u8, byte| count + u8::from(counted(*byte)));
                u32::from(count)
            };
            sum.line_ends += count(|byte| byte == b'\n');
            // Each char has one byte that does not continue another, the first; those from 0xf0 on start a pair.
            if block.is_ascii() {
                sum.chars += fit(block.len());
            } else {
                sum.chars += count(|byte| byte & 0xc0 != 0x80);
                sum.pairs += count(|byte| byte >= 0xf0);
            }
        }
        sum
    }

    pub(super) const fn add(&mut self, other: &Self) {
        self.chars += other.chars;
        self.bytes += other.bytes;
        self.pairs += other.pairs;
        self.line_ends += other.line_ends;
    }

    pub(super) const fn take(&mut self, other: &Self) {
        self.chars -= other.chars;
        self.bytes -= other.bytes;
        self.pairs -= other.pairs;
        self.line_ends -= other.line_ends;
    }

    const fn utf16(&self) -> u32 {
        self.chars + self.pairs
    }
}

impl Weave {
    /// The leaf that a metric reaches first, what is in front of it, and how far into it the goal lies.
    fn reach(&self, goal: usize, metric: impl Fn(&Measure) -> u32) -> (Measure, &Leaf, usize) {
        let (id, rest) = self.seek(goal, |inner, slot| metric(&inner.shown[slot]));
        (self.shown_before(id), self.leaf(id), rest)
    }

    /// The measures of everything in front of a leaf.
    fn shown_before(&self, leaf: LeafId) -> Measure {
        let (mut sum, mut above) = (Measure::default(), self.leaf(leaf).above);
        while above != Above::NONE {
            let inner: &Inner = self.inners.get(above.parent);
            inner.shown[..above.slot as usize].iter().for_each(|other| sum.add(other));
            above = inner.above;
        }
        sum
    }

    /// The byte at which a char starts; the end if there is no such char. O(log n).
    pub(in super::super) fn char_to_byte(&self, char: usize) -> usize {
        let (before, leaf, rest) = self.reach(char, |sum| sum.chars);
        before.bytes as usize + leaf.byte(rest)
    }

    /// The char that a byte is part of; the end if there is none. O(log n).
    pub(in super::super) fn byte_to_char(&self, byte: usize) -> usize {
        let (before, leaf, rest) = self.reach(byte, |sum| sum.bytes);
        let start = leaf.text.floor_char_boundary(rest);
        (before.chars + Measure::of(&leaf.text[..start]).chars) as usize
    }

    /// How many units of UTF-16 are in front of a char; all if there is no such char. O(log n).
    pub(in super::super) fn char_to_utf16(&self, char: usize) -> usize {
        let (before, leaf, rest) = self.reach(char, |sum| sum.chars);
        (before.utf16() + Measure::of(&leaf.text[..leaf.byte(rest)]).utf16()) as usize
    }

    /// The char that a unit of UTF-16 is part of; the end if there is none. O(log n).
    pub(in super::super) fn utf16_to_char(&self, unit: usize) -> usize {
        let (before, leaf, rest) = self.reach(unit, Measure::utf16);
        let mut units = 0;
        let behind = |char: char| {
            units += char.len_utf16();
            units <= rest
        };
        before.chars as usize + leaf.text.chars().map(behind).take_while(|behind| *behind).count()
    }

    /// How many line ends are in front of a char. O(log n).
    pub(in super::super) fn char_to_line(&self, char: usize) -> usize {
        let (before, leaf, rest) = self.reach(char, |sum| sum.chars);
        (before.line_ends + Measure::of(&leaf.text[..leaf.byte(rest)]).line_ends) as usize
    }

    /// The char behind the `line`-th line end; the end if there are fewer. O(log n).
    pub(in super::super) fn line_to_char(&self, line: usize) -> usize {
        let Some(nth) = line.checked_sub(1) else {
            return 0;
        };
        let (before, leaf, rest) = self.reach(nth, |sum| sum.line_ends);
        let end = leaf.text.match_indices('\n').nth(rest);
        let within = end.map_or(leaf.visible, |(byte, _)| Measure::of(&leaf.text[..=byte]).chars as usize);
        before.chars as usize + within
    }

    /// The text of a range of bytes, both ends being boundaries of chars, in pieces. O(log n) to the first piece.
    pub(in super::super) fn chunks(&self, bytes: Range<usize>) -> Chunks<'_> {
        let (leaf, skip) = self.seek(bytes.start, |inner, slot| inner.shown[slot].bytes);
        Chunks { weave: self, leaf: Some(leaf), skip, bytes: bytes.len() }
    }
}

/// Pieces of the visible text, in order; see [`Text::chunks`](super::super::Text::chunks).
#[derive(Clone, Debug)]
pub struct Chunks<'a> {
    weave: &'a Weave,
    leaf: Option<LeafId>,
    skip: usize,
    bytes: usize,
}

impl<'a> Iterator for Chunks<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        while self.bytes > 0 {
            let leaf = self.weave.leaf(self.leaf?);
            let rest = leaf.text.get(self.skip..)?;
            let piece = &rest[..rest.len().min(self.bytes)];
            (self.leaf, self.skip) = (leaf.next, 0);
            if !piece.is_empty() {
                self.bytes -= piece.len();
                return Some(piece);
            }
        }
        None
    }
}

/// The byte at which a char starts; the end if there is no such char. O(n), many bytes at a time.
pub(in super::super) fn byte_of(text: &str, char: usize) -> usize {
    let mut chars = text.chars();
    if let Some(last) = char.checked_sub(1) {
        chars.nth(last);
    }
    text.len() - chars.as_str().len()
}

#[expect(clippy::cast_possible_truncation, reason = "letters are kept in fewer than 2³² bytes")]
const fn fit(bytes: usize) -> u32 {
    bytes as u32
}
