//! Everything that was ever deleted, in the order of delivery.

use alloc::vec::Vec;

use crate::units::{Unit, Units, run_near};

/// A run of deletions: each unit deletes one character, their numbers ascending or descending by one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Deletion {
    /// The first unit.
    pub(crate) start: Unit,
    /// How many units there are.
    pub(crate) len: usize,
    /// The character deleted with the lowest number.
    pub(crate) first: Unit,
    /// Whether the characters were deleted from the highest number down.
    pub(crate) backwards: bool,
}

impl Deletion {
    /// The units from `from` up to `to`, as a run of their own.
    pub(crate) const fn part(&self, from: usize, to: usize) -> Self {
        let skip = if self.backwards { self.len - to } else { from };
        Self { start: self.start.plus(from), len: to - from, first: self.first.plus(skip), backwards: self.backwards }
    }

    /// How many of its units come first and delete characters that follow each other by id too: they are one operation. O(log n).
    pub(crate) fn operation(&self, units: &Units) -> usize {
        let run = if self.backwards {
            units.run_up_to(self.first.plus(self.len.saturating_sub(1)))
        } else {
            units.id_run(self.first).1
        };
        self.len.min(run)
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Deletions {
    runs: Vec<Packed>,
}

/// A run in twelve bytes.
#[derive(Clone, Copy, Debug)]
struct Packed {
    start: u32,
    first: u32,
    /// The length, and in the top bit whether it goes backwards.
    len: u32,
}

const BACKWARDS: u32 = 1 << 31;

impl Packed {
    const fn len(&self) -> u32 {
        self.len & !BACKWARDS
    }

    const fn run(&self) -> Deletion {
        let backwards = self.len & BACKWARDS != 0;
        Deletion { start: Unit(self.start), len: self.len() as usize, first: Unit(self.first), backwards }
    }
}

impl Deletions {
    /// Adds a run, whose numbers are larger than all others'; it becomes part of the last one if it goes on with that.
    pub(crate) fn push(&mut self, run: Deletion) {
        let Deletion { start: Unit(start), first: Unit(first), backwards, .. } = run;
        // There are at most UNITS_MAX units.
        let len = u32::try_from(run.len).unwrap_or(u32::MAX) & !BACKWARDS;
        if let Some(last) = self.runs.last_mut().filter(|last| last.start + last.len() == start) {
            let (was_backwards, one) = (last.len & BACKWARDS != 0, last.len() == 1);
            if !backwards && (!was_backwards || one) && last.first + last.len() == first {
                last.len = last.len() + len;
                return;
            }
            if (backwards || len == 1) && (was_backwards || one) && first + len == last.first {
                (last.first, last.len) = (first, (last.len() + len) | BACKWARDS);
                return;
            }
        }
        self.runs.push(Packed { start, first, len: if backwards { len | BACKWARDS } else { len } });
    }

    /// How many runs there are.
    pub(crate) const fn len(&self) -> usize {
        self.runs.len()
    }

    /// All runs, in the order of delivery.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Deletion> + '_ {
        self.runs.iter().map(Packed::run)
    }

    /// The run that a unit is part of, if it is a deletion, with the unit's offset in it, for who goes through the units in order, and
    /// keeps where it was. O(1) there, else O(log n).
    pub(crate) fn find_near(&self, near: &mut usize, unit: Unit) -> Option<(Deletion, usize)> {
        let run = &self.runs[run_near(&self.runs, unit, near, |run| run.start)?];
        let offset = unit.0 - run.start;
        (offset < run.len()).then(|| (run.run(), offset as usize))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(start: u32, len: usize, first: u32, backwards: bool) -> Deletion {
        Deletion { start: Unit(start), len, first: Unit(first), backwards }
    }

    fn check(pushed: &[Deletion], expected: &[Deletion]) {
        let mut deletions = Deletions::default();
        for run in pushed {
            deletions.push(*run);
        }
        assert_eq!(deletions.runs.iter().map(Packed::run).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn deleting_on_is_one_run_in_either_direction() {
        check(&[run(9, 1, 3, false), run(10, 2, 4, false)], &[run(9, 3, 3, false)]);
        check(&[run(9, 1, 5, false), run(10, 1, 4, false), run(11, 1, 3, false)], &[run(9, 3, 3, true)]);
        check(&[run(9, 2, 5, true), run(11, 3, 2, true)], &[run(9, 5, 2, true)]);
        check(&[run(9, 2, 3, false), run(11, 2, 5, false)], &[run(9, 4, 3, false)]);
        let apart = [run(9, 2, 5, false), run(11, 1, 4, false), run(13, 1, 3, false)];
        check(&apart, &apart);
    }

    #[test]
    fn a_part_deletes_what_its_units_did() {
        let backwards = run(9, 5, 20, true);
        assert_eq!(backwards.part(0, 2), run(9, 2, 23, true));
        assert_eq!(backwards.part(3, 5), run(12, 2, 20, true));
        assert_eq!(run(9, 5, 20, false).part(3, 5), run(12, 2, 23, false));
    }

    #[test]
    fn a_unit_is_found_in_its_run() {
        let mut deletions = Deletions::default();
        deletions.push(run(4, 3, 0, false));
        deletions.push(run(9, 1, 1, false));
        assert_eq!(deletions.find_near(&mut 0, Unit(6)), Some((run(4, 3, 0, false), 2)));
        assert_eq!(deletions.find_near(&mut 0, Unit(9)), Some((run(9, 1, 1, false), 0)));
        assert!([3, 7, 8, 10].iter().all(|unit| deletions.find_near(&mut 1, Unit(*unit)).is_none()));
    }
}
