//! How many words a text has: counted in blocks, of which an edit leaves all but its own as they were.

use quire_crdt::{Splice, Text};

/// How many characters a block has when it is counted.
const BLOCK_CHARS: usize = 4096;

/// A piece of the text.
#[derive(Clone, Copy, Debug)]
struct Block {
    chars: usize,
    /// What was counted; `None` since it changed, or from the start.
    counted: Option<Counted>,
}

#[derive(Clone, Copy, Debug)]
struct Counted {
    words: u64,
    /// Whether its first and its last character belong to words: such a word may go on in the next block.
    starts: bool,
    ends: bool,
}

/// How many words a text has. A word is what stands between white space.
#[derive(Clone, Debug)]
pub struct WordCount {
    blocks: Vec<Block>,
    /// How many there were when all was counted last.
    words: Option<u64>,
}

impl WordCount {
    /// Nothing of this text is counted yet.
    pub fn new(text: &Text) -> Self {
        Self { blocks: vec![Block { chars: text.len_chars(), counted: None }], words: None }
    }

    /// Follows an edit. O(blocks).
    pub fn apply(&mut self, splice: Splice) {
        let mut start = 0;
        let end = splice.at + splice.deleted;
        let mut touched: Option<(usize, usize)> = None;
        for (number, block) in self.blocks.iter().enumerate() {
            let is_last = number + 1 == self.blocks.len();
            // What comes at a border goes to the block behind it; what comes at the end, to the last one.
            let behind_start = splice.at < start + block.chars || is_last;
            if touched.is_none() && behind_start {
                touched = Some((number, number));
            }
            if let Some((_, last)) = &mut touched
                && start < end
            {
                *last = number;
            }
            start += block.chars;
            if start > end {
                break;
            }
        }
        let Some((first, last)) = touched else { return };
        let chars: usize = self.blocks[first..=last].iter().map(|block| block.chars).sum();
        let chars = (chars + splice.inserted).saturating_sub(splice.deleted);
        self.blocks.splice(first..=last, [Block { chars, counted: None }]);
    }

    /// Counts on, in at most about so many characters of `text` as it is now; whether all is counted. O(blocks), and what is counted.
    pub fn read(&mut self, text: &Text, chars: usize) -> bool {
        let is_done = self.count_on(text, chars);
        if is_done {
            self.words = self.sum();
        }
        is_done
    }

    /// How many words there were when all was counted last; `None` before that.
    pub const fn words(&self) -> Option<u64> {
        self.words
    }

    fn count_on(&mut self, text: &Text, chars: usize) -> bool {
        let (mut start, mut number, mut left) = (0, 0, chars);
        while let Some(block) = self.blocks.get(number).copied() {
            if block.counted.is_none() {
                if left == 0 {
                    return false;
                }
                let taken = if block.chars < 2 * BLOCK_CHARS { block.chars } else { BLOCK_CHARS };
                let counted = Block { chars: taken, counted: Some(count(&text.slice(start..start + taken))) };
                let rest = Block { chars: block.chars - taken, counted: None };
                self.blocks.splice(number..=number, [counted, rest].into_iter().take(1 + usize::from(rest.chars > 0)));
                left = left.saturating_sub(taken);
            }
            start += self.blocks[number].chars;
            number += 1;
        }
        true
    }

    fn sum(&self) -> Option<u64> {
        let (mut words, mut open) = (0, false);
        for block in self.blocks.iter().filter(|block| block.chars > 0) {
            let counted = block.counted?;
            words += counted.words - u64::from(open && counted.starts);
            open = counted.ends;
        }
        Some(words)
    }
}

fn count(piece: &str) -> Counted {
    let is_word = |char: Option<char>| char.is_some_and(|char| !char.is_whitespace());
    Counted {
        words: piece.split_whitespace().count() as u64,
        starts: is_word(piece.chars().next()),
        ends: is_word(piece.chars().next_back()),
    }
}

#[cfg(test)]
mod tests {
    use quire_crdt::{Document, DocumentId, ReplicaId};

    use super::*;
    use crate::editor::rng::Rng;

    fn document(text: &str) -> Document {
        let mut document = Document::new(DocumentId::from_bytes([1; 16]), ReplicaId::from_bytes([2; 16]));
        document.insert(0, text).unwrap();
        document
    }

    fn whole(document: &Document) -> String {
        document.text().slice(0..document.text().len_chars())
    }

    #[test]
    fn a_long_text_is_counted_in_several_reads() {
        let document = document(&"some words\n".repeat(10_000));
        let mut count = WordCount::new(document.text());
        let reads = (1..100).find(|_| count.read(document.text(), 20_000)).unwrap();
        assert_eq!((reads, count.words()), (6, Some(20_000)));
    }

    #[test]
    fn after_any_edits_there_are_as_many_words_as_white_space_parts() {
        let mut rng = Rng::new(7);
        let mut document = document(&"ab c ".repeat(5_000));
        let mut count = WordCount::new(document.text());
        assert_eq!(count.words(), None);
        let mut below = |bound| rng.below(bound);
        for round in 0..400 {
            for _ in 0..=round % 3 {
                let len = document.text().len_chars();
                let at = if below(4) == 0 { BLOCK_CHARS.min(len) } else { below(len + 1) };
                if below(2) == 0 {
                    let most = if below(9) == 0 { 12_000 } else { 9 };
                    let deleted = below(most).min(len - at);
                    document.delete(at..at + deleted).unwrap();
                    count.apply(Splice { at, deleted, inserted: 0 });
                } else {
                    let text = ["x", " ", "yy zz", "\n", "one two three "][below(5)].repeat(1 + below(3) * below(900));
                    document.insert(at, &text).unwrap();
                    count.apply(Splice { at, deleted: 0, inserted: text.chars().count() });
                }
            }
            assert!(count.read(document.text(), usize::MAX));
            assert_eq!(count.words(), Some(whole(&document).split_whitespace().count() as u64), "round {round}");
        }
    }

    #[test]
    fn a_keystroke_has_one_block_counted_again() {
        let mut document = document(&"word ".repeat(100_000));
        let mut count = WordCount::new(document.text());
        assert!(count.read(document.text(), usize::MAX));
        document.insert(250_002, " ").unwrap();
        count.apply(Splice { at: 250_002, deleted: 0, inserted: 1 });
        assert_eq!(count.words(), Some(100_000), "the last count stands until there is another");
        assert!(count.read(document.text(), 1), "a block is counted as a whole");
        assert_eq!(count.words(), Some(100_001));
    }
}
