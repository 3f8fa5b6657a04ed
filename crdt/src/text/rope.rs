//! The visible text: small pieces of UTF-8 in a tree that counts bytes, chars and line ends.

use alloc::string::String;
use core::ops::{AddAssign, Range};

use super::tree::{Item, Place, Tree};

/// The most bytes of a piece; tiny in tests, but room for any char.
const PIECE_BYTES_MAX: usize = if cfg!(test) { 7 } else { 1024 };

/// A piece with fewer bytes is joined with a neighbour if both fit one.
const PIECE_BYTES_MIN: usize = PIECE_BYTES_MAX / 2;

/// Measures of a stretch of text.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct TextSum {
    pub(super) bytes: usize,
    pub(super) chars: usize,
    /// How many `\n`.
    pub(super) line_ends: usize,
}

impl TextSum {
    fn of(text: &str) -> Self {
        Self { bytes: text.len(), chars: text.chars().count(), line_ends: text.matches('\n').count() }
    }
}

impl AddAssign for TextSum {
    fn add_assign(&mut self, other: Self) {
        self.bytes += other.bytes;
        self.chars += other.chars;
        self.line_ends += other.line_ends;
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
            return char.min(self.sum.bytes);
        }
        self.text.char_indices().nth(char).map_or(self.sum.bytes, |(byte, _)| byte)
    }

    fn insert(&mut self, byte: usize, text: &str) {
        self.text.insert_str(byte, text);
        self.sum += TextSum::of(text);
    }

    fn remove(&mut self, bytes: Range<usize>) {
        let gone = TextSum::of(&self.text[bytes.clone()]);
        self.text.replace_range(bytes, "");
        self.sum.bytes -= gone.bytes;
        self.sum.chars -= gone.chars;
        self.sum.line_ends -= gone.line_ends;
    }
}

/// The visible text.
#[derive(Clone, Debug, Default)]
pub(super) struct Rope {
    tree: Tree<Piece>,
}

impl Rope {
    /// The measures of the whole text. O(1).
    pub(super) const fn sum(&self) -> TextSum {
        self.tree.sum()
    }

    /// Inserts text at a char position, which is not behind the end. O(log n + length of the text).
    pub(super) fn insert(&mut self, at: usize, text: &str) {
        let (mut place, before) = self.tree.seek(|sum| sum.chars >= at && sum.chars > 0);
        let Some(piece) = self.tree.get(place) else {
            return self.insert_pieces(place, text);
        };
        let byte = piece.byte(at - before.chars);
        if piece.text.len() + text.len() <= PIECE_BYTES_MAX {
            return self.tree.update(place, |piece| piece.insert(byte, text));
        }
        if byte == 0 {
            return self.insert_pieces(place, text);
        }
        if byte < piece.text.len() {
            let tail = Piece::new(&piece.text[byte..]);
            self.tree.update(place, |piece| piece.remove(byte..piece.text.len()));
            let inserted = self.tree.insert(place.behind(), tail);
            // The head may have moved to a new leaf together with its tail, or alone stayed behind.
            place = self.tree.last_before(inserted.place, |_| true).unwrap_or(place);
        }
        let room = self.tree.get(place).map_or(0, |piece| PIECE_BYTES_MAX - piece.text.len());
        let (first, rest) = text.split_at(text.floor_char_boundary(room));
        self.tree.update(place, |piece| piece.insert(piece.text.len(), first));
        self.insert_pieces(place.behind(), rest);
    }

    /// Inserts text of any length as pieces of its own.
    fn insert_pieces(&mut self, mut place: Place, text: &str) {
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
            let (place, before) = self.tree.seek(|sum| sum.chars > range.start);
            let Some(piece) = self.tree.get(place) else {
                return;
            };
            let from = range.start - before.chars;
            let to = (from + left).min(piece.sum.chars);
            left -= to - from;
            if to - from == piece.sum.chars {
                self.tree.remove(place);
                continue;
            }
            let bytes = piece.byte(from)..piece.byte(to);
            self.tree.update(place, |piece| piece.remove(bytes));
            self.join_small(place);
        }
    }

    /// Joins a small piece with a neighbour of its leaf.
    fn join_small(&mut self, place: Place) {
        let items = self.tree.items(place.leaf);
        if items[place.slot].text.len() >= PIECE_BYTES_MIN {
            return;
        }
        let fits = |pair: &[Piece]| pair[0].text.len() + pair[1].text.len() <= PIECE_BYTES_MAX;
        let first = [Some(place.slot), place.slot.checked_sub(1)].into_iter().flatten();
        let found = first.into_iter().find(|slot| items.get(*slot..slot + 2).is_some_and(fits));
        if let Some(slot) = found {
            let head = Place { slot, ..place };
            let tail = self.tree.remove(head.behind());
            self.tree.update(head, |piece| piece.insert(piece.text.len(), &tail.text));
        }
    }

    /// The byte at which a char starts; the end if there is no such char. O(log n).
    pub(super) fn char_to_byte(&self, char: usize) -> usize {
        let (place, before) = self.tree.seek(|sum| sum.chars > char);
        before.bytes + self.tree.get(place).map_or(0, |piece| piece.byte(char - before.chars))
    }

    /// The char that a byte is part of; the end if there is none. O(log n).
    pub(super) fn byte_to_char(&self, byte: usize) -> usize {
        let (place, before) = self.tree.seek(|sum| sum.bytes > byte);
        let within = |piece: &Piece| {
            let start = piece.text.floor_char_boundary(byte - before.bytes);
            if piece.sum.bytes == piece.sum.chars { start } else { piece.text[..start].chars().count() }
        };
        before.chars + self.tree.get(place).map_or(0, within)
    }

    /// How many line ends are in front of a char. O(log n).
    pub(super) fn char_to_line(&self, char: usize) -> usize {
        let (place, before) = self.tree.seek(|sum| sum.chars > char);
        let within = |piece: &Piece| piece.text[..piece.byte(char - before.chars)].matches('\n').count();
        before.line_ends + self.tree.get(place).map_or(0, within)
    }

    /// The char behind the `line`-th line end; the end if there are fewer. O(log n).
    pub(super) fn line_to_char(&self, line: usize) -> usize {
        let Some(nth) = line.checked_sub(1) else {
            return 0;
        };
        let (place, before) = self.tree.seek(|sum| sum.line_ends >= line);
        let within = |piece: &Piece| {
            let end = piece.text.match_indices('\n').nth(nth - before.line_ends);
            end.map_or(piece.sum.chars, |(byte, _)| piece.text[..=byte].chars().count())
        };
        before.chars + self.tree.get(place).map_or(0, within)
    }

    /// The text of a range of bytes, both ends being boundaries of chars, in pieces. O(log n) to the first piece.
    pub(super) fn chunks(&self, bytes: Range<usize>) -> Chunks<'_> {
        let (place, before) = self.tree.seek(|sum| sum.bytes > bytes.start);
        Chunks { tree: &self.tree, place, skip: bytes.start.saturating_sub(before.bytes), bytes: bytes.len() }
    }

    /// Asserts that the pieces are as they must be. For tests.
    pub(super) fn assert_invariants(&self) {
        self.tree.assert_invariants(|_, piece| {
            assert!(!piece.text.is_empty() && piece.text.len() <= PIECE_BYTES_MAX, "an empty or overlong piece");
            assert!(piece.sum == TextSum::of(&piece.text), "the sum of a piece is stale");
        });
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
