//! Sets of units as ranges of their numbers.

use alloc::vec::Vec;
use core::ops::Range;

use crate::units::Unit;

/// A set of units: ranges in ascending order, none empty, none touching the next.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct UnitSet {
    ranges: Vec<Range<Unit>>,
}

impl UnitSet {
    /// The union of ranges in any order. O(n log n).
    pub(super) fn of(mut ranges: Vec<Range<Unit>>) -> Self {
        ranges.sort_unstable_by_key(|range| range.start);
        ranges.into_iter().collect()
    }

    /// A range in the parts that are in the set and those that are not, in turn. O(log n) to the first, O(1) to each other one.
    pub(super) fn parts(&self, range: Range<Unit>) -> impl Iterator<Item = (Range<Unit>, bool)> + '_ {
        let mut next = self.ranges.partition_point(|other| other.end <= range.start);
        let mut start = range.start;
        core::iter::from_fn(move || {
            if start >= range.end {
                return None;
            }
            let (end, inside) = match self.ranges.get(next) {
                Some(here) if here.start <= start => {
                    next += 1;
                    (here.end.min(range.end), true)
                }
                Some(behind) => (behind.start.min(range.end), false),
                None => (range.end, false),
            };
            let part = start..end;
            start = end;
            Some((part, inside))
        })
    }

    /// The units of this set that are not in the other.
    pub(super) fn without(&self, other: &Self) -> Self {
        let parts = self.ranges.iter().flat_map(|range| other.parts(range.clone()));
        parts.filter_map(|(part, inside)| (!inside).then_some(part)).collect()
    }
}

/// From ranges ordered by their starts.
impl FromIterator<Range<Unit>> for UnitSet {
    fn from_iter<I: IntoIterator<Item = Range<Unit>>>(ranges: I) -> Self {
        let mut joined: Vec<Range<Unit>> = Vec::new();
        for range in ranges {
            match joined.last_mut() {
                Some(last) if last.end >= range.start => last.end = last.end.max(range.end),
                _ => joined.push(range),
            }
        }
        Self { ranges: joined }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(ranges: &[(u32, u32)]) -> UnitSet {
        UnitSet::of(ranges.iter().map(|(start, end)| Unit(*start)..Unit(*end)).collect())
    }

    #[test]
    fn ranges_that_touch_or_overlap_are_one() {
        assert_eq!(set(&[(7, 9), (0, 2), (2, 4), (8, 8), (1, 3)]), set(&[(0, 4), (7, 9)]));
    }

    #[test]
    fn a_range_falls_into_what_is_inside_and_what_is_not() {
        let check = |range: Range<u32>, expected: &[(u32, u32, bool)]| {
            let parts = set(&[(2, 4), (6, 9)]);
            let parts = parts.parts(Unit(range.start)..Unit(range.end));
            let parts: Vec<_> = parts.map(|(part, inside)| (part.start.0, part.end.0, inside)).collect();
            assert_eq!(parts, expected);
        };
        check(0..10, &[(0, 2, false), (2, 4, true), (4, 6, false), (6, 9, true), (9, 10, false)]);
        check(3..7, &[(3, 4, true), (4, 6, false), (6, 7, true)]);
        check(4..6, &[(4, 6, false)]);
        check(9..12, &[(9, 12, false)]);
        check(5..5, &[]);
    }

    #[test]
    fn what_is_taken_away_is_gone() {
        let check = |other: &[(u32, u32)], expected: &[(u32, u32)]| {
            assert_eq!(set(&[(2, 6), (8, 9)]).without(&set(other)), set(expected));
        };
        check(&[], &[(2, 6), (8, 9)]);
        check(&[(0, 3), (4, 5)], &[(3, 4), (5, 6), (8, 9)]);
        check(&[(2, 9)], &[]);
    }
}
