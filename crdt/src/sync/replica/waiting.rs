//! How long the oldest edit has been waiting for the relay.

use alloc::collections::VecDeque;

/// The most moments that are told apart; beyond them, neighbours are joined, and the older moment of the two counts.
const MOMENTS_MAX: usize = 1024;

/// Edits made within so long of each other share a moment at first, in microseconds.
const GRAIN_FIRST_US: u64 = 1_000_000;

/// Own units that are not known to be on the relay's disk, by the moments they were made at.
#[derive(Debug)]
pub(super) struct Waiting {
    saved: u64,
    /// Units up to (not including) a count, made at a moment; both ascend.
    moments: VecDeque<(u64, u64)>,
    grain_us: u64,
}

impl Waiting {
    pub(super) const fn new(saved: u64) -> Self {
        Self { saved, moments: VecDeque::new(), grain_us: GRAIN_FIRST_US }
    }

    /// How many units are on the relay's disk.
    pub(super) const fn saved(&self) -> u64 {
        self.saved
    }

    /// So many units were made by now.
    pub(super) fn made(&mut self, count: u64, now_us: u64) {
        let known = self.moments.back().map_or(self.saved, |(end, _)| *end);
        if count <= known {
            return;
        }
        match self.moments.back_mut() {
            Some((end, at_us)) if now_us.saturating_sub(*at_us) < self.grain_us => *end = count,
            _ => self.moments.push_back((count, now_us)),
        }
        if self.moments.len() > MOMENTS_MAX {
            self.grain_us = self.grain_us.saturating_mul(2);
            self.coarsen();
        }
    }

    /// So many units are on the relay's disk, as it says: more than before, or less when it lost some.
    pub(super) fn set_saved(&mut self, count: u64, now_us: u64) {
        let made = self.moments.back().map_or(self.saved, |(end, _)| *end);
        if count < self.saved {
            let oldest_us = self.oldest_us().unwrap_or(now_us);
            self.moments.push_front((self.saved.min(made), oldest_us));
        }
        self.saved = count;
        while self.moments.front().is_some_and(|(end, _)| *end <= count) {
            self.moments.pop_front();
        }
    }

    /// When the oldest unit that is not saved was made.
    pub(super) fn oldest_us(&self) -> Option<u64> {
        self.moments.front().map(|(_, at_us)| *at_us)
    }

    fn coarsen(&mut self) {
        let mut joined = VecDeque::with_capacity(MOMENTS_MAX);
        while let Some((end, at_us)) = self.moments.pop_front() {
            joined.push_back(self.moments.pop_front().map_or((end, at_us), |(later_end, _)| (later_end, at_us)));
        }
        self.moments = joined;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND_US: u64 = 1_000_000;

    #[test]
    fn the_oldest_unsaved_unit_counts() {
        let mut waiting = Waiting::new(0);
        assert_eq!(waiting.oldest_us(), None);
        waiting.made(3, SECOND_US);
        waiting.made(4, SECOND_US + 10);
        waiting.made(9, 5 * SECOND_US);
        assert_eq!(waiting.oldest_us(), Some(SECOND_US));
        waiting.set_saved(4, 6 * SECOND_US);
        assert_eq!(waiting.oldest_us(), Some(5 * SECOND_US));
        waiting.set_saved(9, 6 * SECOND_US);
        assert_eq!((waiting.oldest_us(), waiting.saved()), (None, 9));
    }

    #[test]
    fn what_a_relay_lost_waits_again() {
        let mut waiting = Waiting::new(0);
        waiting.made(5, SECOND_US);
        waiting.set_saved(5, 2 * SECOND_US);
        waiting.set_saved(0, 3 * SECOND_US);
        assert_eq!((waiting.oldest_us(), waiting.saved()), (Some(3 * SECOND_US), 0));
        waiting.set_saved(5, 4 * SECOND_US);
        assert_eq!(waiting.oldest_us(), None);
    }

    #[test]
    fn the_moments_are_bounded_and_keep_the_oldest() {
        let mut waiting = Waiting::new(0);
        for second in 1..=10_000 {
            waiting.made(second, second * SECOND_US);
            assert!(waiting.moments.len() <= MOMENTS_MAX);
        }
        assert_eq!(waiting.oldest_us(), Some(SECOND_US));
        waiting.set_saved(10_000, 0);
        assert_eq!(waiting.oldest_us(), None);
    }

    #[test]
    fn what_is_made_soon_after_shares_a_moment_and_what_is_not_has_its_own() {
        let check = |later_us, expected| {
            let mut waiting = Waiting::new(0);
            waiting.made(3, SECOND_US);
            waiting.made(4, SECOND_US + later_us);
            waiting.set_saved(3, 9 * SECOND_US);
            assert_eq!(waiting.oldest_us(), Some(expected));
        };
        check(GRAIN_FIRST_US - 1, SECOND_US);
        check(GRAIN_FIRST_US, SECOND_US + GRAIN_FIRST_US);
    }

    #[test]
    fn as_many_moments_are_told_apart_as_the_limit_says() {
        let after_the_first_is_saved = |moments| {
            let mut waiting = Waiting::new(0);
            (1..=moments).for_each(|second| waiting.made(second, second * SECOND_US));
            waiting.set_saved(1, 0);
            waiting.oldest_us()
        };
        assert_eq!(after_the_first_is_saved(MOMENTS_MAX as u64), Some(2 * SECOND_US));
        assert_eq!(after_the_first_is_saved(MOMENTS_MAX as u64 + 1), Some(SECOND_US), "the older of the two counts");
    }
}
