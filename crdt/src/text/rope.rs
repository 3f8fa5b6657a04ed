//! The visible text: small pieces of UTF-8 in a tree that counts bytes, chars and line ends.

use alloc::string::String;
use core::ops::Range;

use super::tree::{Item, Place, Sum, Tree};

/// The most bytes of a piece; tiny in tests, but room for any char.
const PIECE_BYTES_MAX: usize = if cfg!(test) { 7 } else { 1024 };

/// A piece with fewer bytes is joined with a neighbour if both fit one.
const PIECE_BYTES_MIN: usize = PIECE_BYTES_MAX / 2;

/// How many bytes a piece of a text has that is built at once, so that the first edits split none; any char fits.
const PIECE_BYTES_FILLED: usize = PIECE_BYTES_MAX / 5 * 4;

/// Measures of a stretch of text.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct TextSum {
    pub(super) bytes: u32,
    pub(super) chars: u32,
    /// How many chars take two units of UTF-16.
    pub(super) pairs: u32,
    /// How many `\n`.
    pub(super) line_ends: u32,
}

impl TextSum {
    pub(super) fn of(text: &str) -> Self {
        if let [byte @ ..=0x7f] = text.as_bytes() {
            return Self { bytes: 1, chars: 1, pairs: 0, line_ends: u32::from(*byte == b'\n') };
        }
        let mut sum = Self { bytes: fit(text.len()), ..Self::default() };
        for byte in text.bytes() {
            // Each char has one byte that does not continue another, the first; those from 0xf0 on start a pair.
            sum.chars += u32::from(byte & 0xc0 != 0x80);
            sum.pairs += u32::from(byte >= 0xf0);
            sum.line_ends += u32::from(byte == b'\n');
        }
        sum
    }
}

impl Sum for TextSum {
    fn add(&mut self, other: &Self) {
        self.bytes += other.bytes;
        self.chars += other.chars;
        self.pairs += other.pairs;
        self.line_ends += other.line_ends;
    }

    fn exchange(&mut self, old: &Self, new: &Self) {
        self.bytes = self.bytes + new.bytes - old.bytes;
        self.chars = self.chars + new.chars - old.chars;
        self.pairs = self.pairs + new.pairs - old.pairs;
        self.line_ends = self.line_ends + new.line_ends - old.line_ends;
    }
}

#[derive(Clone, Debug)]
struct Piece {
    text: String,
    sum: TextSum,
}

impl Item for Piece {
    type Sum = TextSum;

    fn sum(&self) -> TextSum {
        self.sum
    }
}

impl Piece {
    fn new(text: &str) -> Self {
        let mut owned = String::with_capacity(PIECE_BYTES_MAX);
        owned.push_str(text);
        Self { sum: TextSum::of(text), text: owned }
    }

    /// The byte at which a char starts, or the end.
    fn byte(&self, char: usize) -> usize {
        if self.sum.bytes == self.sum.chars {
            return char.min(self.text.len());
        }
        byte_of(&self.text, char)
    }

    fn insert(&mut self, byte: usize, text: &str, sum: &TextSum) {
        if byte == self.text.len() {
            self.text.push_str(text);
        } else {
            self.text.insert_str(byte, text);
        }
        self.sum.add(sum);
    }

    fn remove(&mut self, bytes: Range<usize>) {
        let gone = TextSum::of(&self.text[bytes.clone()]);
        self.text.drain(bytes);
        self.sum.exchange(&gone, &TextSum::default());
    }
}

/// The visible text.
#[derive(Clone, Debug, Default)]
pub(super) struct Rope {
    tree: Tree<Piece>,
    /// The piece of the last edit and how many chars stand in front of it: the next edit is likely near.
    near: Option<(Place, usize)>,
}

impl Rope {
    /// A rope of this text. O(n).
    pub(super) fn filled(text: &str) -> Self {
        let mut rest = text;
        let pieces = core::iter::from_fn(|| {
            let (piece, behind) = rest.split_at(rest.floor_char_boundary(PIECE_BYTES_FILLED));
            rest = behind;
            (!piece.is_empty()).then(|| Piece::new(piece))
        });
        Self { tree: Tree::filled(pieces), near: None }
    }

    /// The measures of the whole text. O(1).
    pub(super) const fn sum(&self) -> &TextSum {
        self.tree.sum()
    }

    /// The piece that a char position is in, or at whose end it is, and how many of its chars are in front of it.
    fn piece_at(&mut self, at: usize) -> (Place, usize) {
        if let Some((place, before)) = self.near
            && let (Some(offset), Some(piece)) = (at.checked_sub(before), self.tree.get(place))
            && offset <= piece.sum.chars as usize
        {
            return (place, offset);
        }
        // A position between two pieces is the end of the first one.
        let (place, offset) = self.tree.seek(goal(at.saturating_sub(1)), |sum| sum.chars);
        let offset = offset as usize + at.min(1);
        self.near = Some((place, at - offset));
        (place, offset)
    }

    /// Inserts text at a char position, which is not behind the end; its measures. O(log n + length of the text).
    pub(super) fn insert(&mut self, at: usize, text: &str) -> TextSum {
        let sum = TextSum::of(text);
        let (mut place, offset) = self.piece_at(at);
        let Some(piece) = self.tree.get(place) else {
            self.insert_pieces(place, text);
            return sum;
        };
        let byte = piece.byte(offset);
        if piece.text.len() + text.len() <= PIECE_BYTES_MAX {
            self.tree.grow(place, &sum, |piece| piece.insert(byte, text, &sum));
            return sum;
        }
        if byte == 0 {
            self.insert_pieces(place, text);
            return sum;
        }
        self.near = None;
        if byte < piece.text.len() {
            let tail = Piece::new(&piece.text[byte..]);
            self.tree.update(place, |piece| piece.remove(byte..piece.text.len()));
            let inserted = self.tree.insert(place.behind(), tail);
            // The head may have moved to a new leaf together with its tail, or alone stayed behind.
            place = self.tree.last_before(inserted.place, |_| true).unwrap_or(place);
        }
        let room = self.tree.get(place).map_or(0, |piece| PIECE_BYTES_MAX - piece.text.len());
        let (first, rest) = text.split_at(text.floor_char_boundary(room));
        self.tree.update(place, |piece| piece.insert(piece.text.len(), first, &TextSum::of(first)));
        self.insert_pieces(place.behind(), rest);
        sum
    }

    /// Inserts text of any length as pieces of its own.
    fn insert_pieces(&mut self, mut place: Place, text: &str) {
        self.near = None;
        let mut rest = text;
        while !rest.is_empty() {
            let (piece, behind) = rest.split_at(rest.floor_char_boundary(PIECE_BYTES_MAX));
            place = self.tree.insert(place, Piece::new(piece)).place.behind();
            rest = behind;
        }
    }

    /// Removes a char range, which is not behind the end. O(log n + pieces that it touches × log n).
    pub(super) fn remove(&mut self, range: Range<usize>) {
        let mut left = range.len();
        while left > 0 {
            let (mut place, mut from) = self.piece_at(range.start);
            if self.tree.get(place).is_some_and(|piece| from == piece.sum.chars as usize) {
                let Some(next) = self.tree.settle(place.behind()) else { return };
                (place, from) = (next, 0);
                self.near = Some((place, range.start));
            }
            let Some(piece) = self.tree.get(place) else { return };
            let chars = piece.sum.chars as usize;
            let to = (from + left).min(chars);
            left -= to - from;
            if to - from == chars {
                self.tree.remove(place);
                self.near = None;
                continue;
            }
            let bytes = piece.byte(from)..piece.byte(to);
            let kept = piece.text.len() - bytes.len();
            self.tree.update(place, |piece| piece.remove(bytes));
            if kept < PIECE_BYTES_MIN {
                self.join_small(place);
            }
        }
    }

    /// Joins a small piece with a neighbour of its leaf.
    fn join_small(&mut self, place: Place) {
        let items = self.tree.items(place.leaf);
        let fits = |pair: &[Piece]| pair[0].text.len() + pair[1].text.len() <= PIECE_BYTES_MAX;
        let first = [Some(place.slot), place.slot.checked_sub(1)].into_iter().flatten();
        let found = first.into_iter().find(|slot| items.get(*slot..slot + 2).is_some_and(fits));
        if let Some(slot) = found {
            self.near = None;
            let head = Place { slot, ..place };
            let tail = self.tree.remove(head.behind());
            self.tree.update(head, |piece| piece.insert(piece.text.len(), &tail.text, &tail.sum));
        }
    }

    /// The piece that a metric reaches first, what is in front of it, and how far into it the goal lies.
    fn seek(&self, goal: u32, metric: impl Fn(&TextSum) -> u32) -> (TextSum, Option<&Piece>, usize) {
        let (place, rest) = self.tree.seek(goal, metric);
        (self.tree.before(place), self.tree.get(place), rest as usize)
    }

    /// The byte at which a char starts; the end if there is no such char. O(log n).
    pub(super) fn char_to_byte(&self, char: usize) -> usize {
        let (before, piece, rest) = self.seek(goal(char), |sum| sum.chars);
        before.bytes as usize + piece.map_or(0, |piece| piece.byte(rest))
    }

    /// The char that a byte is part of; the end if there is none. O(log n).
    pub(super) fn byte_to_char(&self, byte: usize) -> usize {
        let (before, piece, rest) = self.seek(goal(byte), |sum| sum.bytes);
        let within = |piece: &Piece| {
            let start = piece.text.floor_char_boundary(rest);
            TextSum::of(&piece.text[..start]).chars as usize
        };
        before.chars as usize + piece.map_or(0, within)
    }

    /// How many units of UTF-16 are in front of a char; all if there is no such char. O(log n).
    pub(super) fn char_to_utf16(&self, char: usize) -> usize {
        let (before, piece, rest) = self.seek(goal(char), |sum| sum.chars);
        let within = |piece: &Piece| utf16(&TextSum::of(&piece.text[..piece.byte(rest)]));
        utf16(&before) + piece.map_or(0, within)
    }

    /// The char that a unit of UTF-16 is part of; the end if there is none. O(log n).
    pub(super) fn utf16_to_char(&self, unit: usize) -> usize {
        let (before, piece, rest) = self.seek(goal(unit), |sum| sum.chars + sum.pairs);
        let within = |piece: &Piece| {
            let mut units = 0;
            let behind = |char: char| {
                units += char.len_utf16();
                units <= rest
            };
            piece.text.chars().map(behind).take_while(|behind| *behind).count()
        };
        before.chars as usize + piece.map_or(0, within)
    }

    /// How many line ends are in front of a char. O(log n).
    pub(super) fn char_to_line(&self, char: usize) -> usize {
        let (before, piece, rest) = self.seek(goal(char), |sum| sum.chars);
        let within = |piece: &Piece| TextSum::of(&piece.text[..piece.byte(rest)]).line_ends as usize;
        before.line_ends as usize + piece.map_or(0, within)
    }

    /// The char behind the `line`-th line end; the end if there are fewer. O(log n).
    pub(super) fn line_to_char(&self, line: usize) -> usize {
        let Some(nth) = line.checked_sub(1) else {
            return 0;
        };
        let (before, piece, rest) = self.seek(goal(nth), |sum| sum.line_ends);
        let within = |piece: &Piece| {
            let end = piece.text.match_indices('\n').nth(rest);
            end.map_or(piece.sum.chars, |(byte, _)| TextSum::of(&piece.text[..=byte]).chars) as usize
        };
        before.chars as usize + piece.map_or(0, within)
    }

    /// The text of a range of bytes, both ends being boundaries of chars, in pieces. O(log n) to the first piece.
    pub(super) fn chunks(&self, bytes: Range<usize>) -> Chunks<'_> {
        let (place, skip) = self.tree.seek(goal(bytes.start), |sum| sum.bytes);
        Chunks { tree: &self.tree, place, skip: skip as usize, bytes: bytes.len() }
    }

    /// Asserts that the pieces are as they must be. For tests.
    pub(super) fn assert_invariants(&self) {
        self.tree.assert_invariants(|_, piece| {
            assert!(!piece.text.is_empty() && piece.text.len() <= PIECE_BYTES_MAX, "an empty or overlong piece");
            assert!(piece.sum == TextSum::of(&piece.text), "the sum of a piece is stale");
            assert!(piece.text.chars().count() == piece.sum.chars as usize, "chars are miscounted");
        });
        if let Some((place, before)) = self.near
            && self.tree.get(place).is_some()
        {
            assert!(self.tree.before(place).chars as usize == before, "the remembered piece starts elsewhere");
        }
    }
}

/// Pieces of the visible text, in order; see [`Text::chunks`](super::Text::chunks).
#[derive(Clone, Debug)]
pub struct Chunks<'a> {
    tree: &'a Tree<Piece>,
    place: Place,
    skip: usize,
    bytes: usize,
}

impl<'a> Iterator for Chunks<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        if self.bytes == 0 {
            return None;
        }
        let place = self.tree.settle(self.place)?;
        let rest = self.tree.get(place)?.text.get(self.skip..)?;
        let piece = &rest[..rest.len().min(self.bytes)];
        self.bytes -= piece.len();
        self.skip = 0;
        self.place = place.behind();
        Some(piece)
    }
}

/// The byte at which a char starts; the end if there is no such char. O(n), many bytes at a time.
pub(super) fn byte_of(text: &str, char: usize) -> usize {
    let mut chars = text.chars();
    if let Some(last) = char.checked_sub(1) {
        chars.nth(last);
    }
    text.len() - chars.as_str().len()
}

const fn utf16(sum: &TextSum) -> usize {
    sum.chars as usize + sum.pairs as usize
}

/// A position as the tree counts; behind the end if it is larger than any.
fn goal(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}

#[expect(clippy::cast_possible_truncation, reason = "letters are kept in fewer than 2³² bytes")]
const fn fit(bytes: usize) -> u32 {
    bytes as u32
}
