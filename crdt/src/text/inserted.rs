//! Everything that was ever inserted, deleted letters included, in the order of delivery: who reads history, puts deleted text back
//! or passes changes on looks here.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use super::weave::byte_of;
use crate::units::{Directory, Unit, run_near};

/// A run of characters that were inserted as one, or one after the other.
///
/// The left origin of every character but the first is the character before it; the right origin is the same for all.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct InsertedRun {
    /// The first character.
    pub(crate) start: Unit,
    /// How many there are.
    pub(crate) len: usize,
    /// The left origin of the first; `None` is the start of the text.
    pub(crate) left: Option<Unit>,
    /// The right origin; `None` is the end of the text.
    pub(crate) right: Option<Unit>,
}

impl InsertedRun {
    /// The characters from `from` up to `to`, as a run of their own.
    pub(crate) fn part(&self, from: usize, to: usize) -> Self {
        let left = from.checked_sub(1).map_or(self.left, |before| Some(self.start.plus(before)));
        Self { start: self.start.plus(from), len: to - from, left, right: self.right }
    }
}

/// The runs and their letters.
#[derive(Clone, Debug, Default)]
pub(crate) struct Inserted {
    runs: Vec<Packed>,
    directory: Directory,
    /// The letters of all runs, in the same order.
    text: String,
}

/// A run in twenty bytes.
#[derive(Clone, Copy, Debug)]
struct Packed {
    start: u32,
    len: u32,
    left: u32,
    right: u32,
    /// Where its letters start in the text.
    byte: u32,
}

/// No origin: the start, or the end, of the text.
const NONE: u32 = u32::MAX;

fn pack(unit: Option<Unit>) -> u32 {
    unit.map_or(NONE, |unit| unit.0)
}

const fn unpack(unit: u32) -> Option<Unit> {
    if unit == NONE { None } else { Some(Unit(unit)) }
}

impl Packed {
    const fn run(&self) -> InsertedRun {
        let (left, right) = (unpack(self.left), unpack(self.right));
        InsertedRun { start: Unit(self.start), len: self.len as usize, left, right }
    }
}

impl Inserted {
    /// These runs, their numbers ascending, still without their letters.
    pub(super) fn of(runs: impl Iterator<Item = InsertedRun>) -> Self {
        let packed = |run: InsertedRun| Packed {
            start: run.start.0,
            len: u32::try_from(run.len).unwrap_or(u32::MAX),
            left: pack(run.left),
            right: pack(run.right),
            byte: 0,
        };
        let runs: Vec<Packed> = runs.map(packed).collect();
        let mut directory = Directory::default();
        runs.iter().enumerate().for_each(|(at, run)| directory.push(at, run.start));
        Self { runs, directory, text: String::new() }
    }

    /// Adds the letters of all runs, and where those of each start.
    pub(super) fn with_letters(mut self, text: String, starts: &[u32]) -> Self {
        for (run, byte) in self.runs.iter_mut().zip(starts) {
            run.byte = *byte;
        }
        self.text = text;
        self
    }

    /// All runs, in the order of delivery.
    pub(crate) fn iter(&self) -> impl Iterator<Item = InsertedRun> + '_ {
        self.runs.iter().map(Packed::run)
    }

    /// Whether the letters of one more run of so many bytes can be kept.
    pub(crate) fn has_room(&self, bytes: usize) -> bool {
        u32::try_from(self.text.len() + bytes).is_ok()
    }

    /// Adds a run, whose numbers are larger than all others'; it becomes part of the last one if it goes on with that.
    pub(crate) fn push(&mut self, run: InsertedRun, text: &str) {
        let byte = u32::try_from(self.text.len()).unwrap_or(u32::MAX);
        self.text.push_str(text);
        let len = u32::try_from(run.len).unwrap_or(u32::MAX);
        let (start, left, right) = (run.start.0, pack(run.left), pack(run.right));
        match self.runs.last_mut() {
            Some(last) if last.start + last.len == start && left == start - 1 && last.right == right => last.len += len,
            _ => {
                self.directory.push(self.runs.len(), start);
                self.runs.push(Packed { start, len, left, right, byte });
            }
        }
    }

    /// Lets the last run go on.
    pub(crate) fn lengthen(&mut self, len: usize, text: &str) {
        if let Some(last) = self.runs.last_mut() {
            last.len += u32::try_from(len).unwrap_or(u32::MAX);
            self.text.push_str(text);
        }
    }

    /// The right origin of the last run.
    pub(crate) fn last_right(&self) -> Option<Unit> {
        self.runs.last().and_then(|run| unpack(run.right))
    }

    /// The run that a unit is part of, if it is a character, with the unit's offset in it. O(log n).
    pub(crate) fn find(&self, unit: Unit) -> Option<(InsertedRun, usize)> {
        let run = self.runs[self.index(unit)?].run();
        Some((run, unit.index() - run.start.index()))
    }

    /// The same for who goes through the units in order, and keeps where it was. O(1) there.
    pub(crate) fn find_near(&self, near: &mut usize, unit: Unit) -> Option<(InsertedRun, usize)> {
        let run = self.runs[run_near(&self.runs, unit, near, |run| run.start)?];
        let offset = unit.0 - run.start;
        (offset < run.len).then(|| (run.run(), offset as usize))
    }

    /// The left origin of a character. O(log n).
    pub(crate) fn left(&self, unit: Unit) -> Option<Unit> {
        self.find(unit).and_then(|(run, offset)| run.part(offset, run.len).left)
    }

    /// The right origin of a character. O(log n).
    pub(crate) fn right(&self, unit: Unit) -> Option<Unit> {
        self.find(unit).and_then(|(run, _)| run.right)
    }

    /// The origins of a run of characters that is part of one run, and their letters. O(log n), and O(length of the run) where
    /// there is more than ASCII.
    pub(crate) fn origins_and_text(&self, first: Unit, len: usize) -> Option<(Option<Unit>, Option<Unit>, &str)> {
        let (part, letters, _) = self.part(first, len)?;
        Some((part.left, part.right, letters))
    }

    /// At most `len` characters from this one on that are part of one run, their letters, and their offset in it. O(log n), and O(length of the run)
    /// where there is more than ASCII; at its end O(their length).
    pub(crate) fn part(&self, first: Unit, len: usize) -> Option<(InsertedRun, &str, usize)> {
        let at = self.index(first)?;
        let run = self.runs[at].run();
        let letters = self.letters(at);
        let offset = first.index() - run.start.index();
        let part = run.part(offset, run.len.min(offset + len));
        let bytes = if letters.len() == run.len {
            offset..offset + part.len
        } else if part.len < offset && offset + part.len == run.len {
            letters.char_indices().nth_back(part.len - 1)?.0..letters.len()
        } else {
            let start = byte_of(letters, offset);
            start..start + byte_of(&letters[start..], part.len)
        };
        Some((part, letters.get(bytes)?, offset))
    }

    /// Whether these units are all characters. O(log n + runs).
    pub(crate) fn contains(&self, first: Unit, len: usize) -> bool {
        let (mut next, end) = (first, first.plus(len));
        // What one types on behind, or in front of.
        if len == 1 && self.runs.last().is_some_and(|run| run.start + run.len == end.0 || run.right == first.0) {
            return true;
        }
        while next < end {
            match self.find(next) {
                Some((run, offset)) => next = next.plus(run.len - offset),
                None => return false,
            }
        }
        true
    }

    /// The letters of characters with consecutive numbers. O(log n), and O(length of the run) where there is more than ASCII.
    pub(crate) fn text(&self, first: Unit, len: usize) -> &str {
        let (Some(from), Some(to)) = (self.byte(first), self.byte_behind(first, len)) else { return "" };
        &self.text[from..to]
    }

    /// For reading many parts in document order.
    pub(crate) const fn reader(&self) -> Reader<'_> {
        Reader { inserted: self, places: BTreeMap::new() }
    }

    fn index(&self, unit: Unit) -> Option<usize> {
        let at = self.directory.find(&self.runs, unit, |run| run.start)?;
        let run = &self.runs[at];
        (unit.0 - run.start < run.len).then_some(at)
    }

    /// Where the letter of a character starts.
    fn byte(&self, unit: Unit) -> Option<usize> {
        let at = self.index(unit)?;
        let run = &self.runs[at];
        let (letters, start, offset) = (self.letters(at), run.byte as usize, (unit.0 - run.start) as usize);
        if letters.len() == run.len as usize {
            return Some(start + offset);
        }
        Some(start + byte_of(letters, offset))
    }

    /// The letters of a run, by its index.
    fn letters(&self, at: usize) -> &str {
        let end = self.runs.get(at + 1).map_or(self.text.len(), |next| next.byte as usize);
        &self.text[self.runs[at].byte as usize..end]
    }

    /// Where the letters of `len` characters end.
    fn byte_behind(&self, first: Unit, len: usize) -> Option<usize> {
        let last = self.byte(first.plus(len.checked_sub(1)?))?;
        self.text[last..].chars().next().map(|char| last + char.len_utf8())
    }
}

/// Reads letters part by part. The characters of a run stand in the text as they do in the run, whatever stands between them: who
/// reads in document order passes each letter once.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a> {
    inserted: &'a Inserted,
    /// For each run with more than ASCII that was read, by its index: up to which character and which byte of it.
    places: BTreeMap<usize, (usize, usize)>,
}

impl Reader<'_> {
    /// Adds the letters of characters with consecutive numbers to a text. O(log n + their length) for each run, and in a run with
    /// more than ASCII O(what was skipped since the last part).
    pub(crate) fn read(&mut self, first: Unit, len: usize, text: &mut String) {
        let (mut next, end) = (first, first.plus(len));
        while let Some(at) = self.inserted.index(next).filter(|_| next < end) {
            let run = self.inserted.runs[at].run();
            let letters = self.inserted.letters(at);
            let from = next.index() - run.start.index();
            let to = run.len.min(end.index() - run.start.index());
            next = run.start.plus(to);
            if letters.len() == run.len {
                text.push_str(&letters[from..to]);
                continue;
            }
            let place = self.places.entry(at).or_default();
            let (read, byte) = if place.0 <= from { *place } else { (0, 0) };
            let start = byte + byte_of(&letters[byte..], from - read);
            let stop = start + byte_of(&letters[start..], to - from);
            *place = (to, stop);
            text.push_str(&letters[start..stop]);
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    fn run(start: u32, len: usize, left: Option<u32>, right: Option<u32>) -> InsertedRun {
        InsertedRun { start: Unit(start), len, left: left.map(Unit), right: right.map(Unit) }
    }

    /// Characters 0 to 4; 5 is none; 6 to 8 at the start, in front of 0; 9 is none; 10 to 12 at the end.
    fn three_runs() -> Inserted {
        let mut inserted = Inserted::default();
        inserted.push(run(0, 5, None, None), "abcde");
        inserted.push(run(6, 3, None, Some(0)), "fgh");
        inserted.push(run(10, 3, Some(4), None), "ijk");
        inserted
    }

    #[test]
    fn what_is_no_character_is_told_from_what_is() {
        let inserted = three_runs();
        for (first, len) in (0..40).flat_map(|first| (1..15).map(move |len| (first, len))) {
            let expected = (first..first + len).all(|unit| unit < 13 && unit != 5 && unit != 9);
            assert_eq!(inserted.contains(Unit(first), len as usize), expected, "{len} from {first}");
        }
    }

    #[test]
    fn a_run_that_goes_on_is_kept_as_one() {
        let mut inserted = Inserted::default();
        inserted.push(run(2, 3, None, Some(0)), "abc");
        inserted.push(run(5, 2, Some(4), Some(0)), "de");
        assert_eq!(inserted.iter().collect::<Vec<_>>(), vec![run(2, 5, None, Some(0))]);
        let others =
            [(run(8, 1, Some(6), Some(0)), "not the next one"), (run(9, 1, Some(6), Some(0)), "not behind the last")];
        for (count, (other, why)) in
            others.into_iter().chain([(run(10, 1, Some(9), None), "not in front of the same")]).enumerate()
        {
            inserted.push(other, "x");
            assert_eq!(inserted.iter().skip(1 + count).collect::<Vec<_>>(), vec![other], "{why}");
        }
        assert_eq!(inserted.text(Unit(2), 5), "abcde");
    }

    #[test]
    fn each_part_of_a_run_has_its_letters() {
        let mut inserted = Inserted::default();
        for (start, letters) in [(3, "aβ→💡éz"), (20, "plain!")] {
            inserted.push(run(start, 6, Some(1), None), letters);
            let chars: Vec<char> = letters.chars().collect();
            for (from, len) in (0..6).flat_map(|from| (1..=6 - from).map(move |len| (from, len))) {
                let first = Unit(start).plus(from);
                let expected: String = chars[from..from + len].iter().collect();
                let whole = run(start, 6, Some(1), None);
                let part = inserted.part(first, len);
                assert_eq!(part, Some((whole.part(from, from + len), expected.as_str(), from)), "{len} from {from}");
                assert_eq!(inserted.text(first, len), expected);
            }
        }
    }

    #[test]
    fn letters_are_read_in_any_order() {
        let mut inserted = Inserted::default();
        inserted.push(run(3, 6, None, None), "aβ→💡éz");
        inserted.push(run(9, 3, None, None), "fgh");
        let read = |parts: &[(u32, usize)]| {
            let (mut reader, mut text) = (Reader { inserted: &inserted, places: BTreeMap::new() }, String::new());
            for (first, len) in parts {
                reader.read(Unit(*first), *len, &mut text);
            }
            text
        };
        assert_eq!(read(&[(3, 9)]), "aβ→💡ézfgh");
        assert_eq!(read(&[(6, 2), (3, 2), (5, 1), (7, 4), (11, 1)]), "💡éaβ→ézfgh");
    }
}
