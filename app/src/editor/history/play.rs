//! Playing a history: which place it has reached at which moment. The clock is the caller's.

/// How long the whole of a long history takes, in microseconds.
const WHOLE_US: u64 = 25_000_000;

/// The longest that a change is shown, in microseconds: a short history is over sooner.
const CHANGE_US_MAX: u64 = 300_000;

/// The time from one step to the next, in microseconds: each goes over all changes that fall into it.
pub const STEP_US: u64 = 50_000;

/// How fast a history is played.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Speed {
    /// The whole in 25 seconds.
    #[default]
    Once,
    /// Twice as fast.
    Twice,
    /// Four times as fast.
    FourTimes,
}

impl Speed {
    /// How many times as fast.
    pub const fn times(self) -> u64 {
        match self {
            Self::Once => 1,
            Self::Twice => 2,
            Self::FourTimes => 4,
        }
    }

    /// The next one; behind the fastest comes the slowest.
    #[must_use]
    pub const fn next(self) -> Self {
        match self {
            Self::Once => Self::Twice,
            Self::Twice => Self::FourTimes,
            Self::FourTimes => Self::Once,
        }
    }
}

/// A history that is played from a place on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Play {
    from: usize,
    since_us: u64,
    /// So many changes take [`Self::whole_us`].
    total: u64,
    whole_us: u64,
}

impl Play {
    /// From a place in a history of so many changes, at this moment.
    pub(super) fn new(from: usize, total: usize, speed: Speed, now_us: u64) -> Self {
        let total = (total as u64).max(1);
        let whole_us = WHOLE_US.min(total.saturating_mul(CHANGE_US_MAX));
        Self { from, since_us: now_us, total: total.saturating_mul(speed.times()), whole_us }
    }

    /// How many changes are to be shown at a moment.
    pub(super) fn shown_at(&self, now_us: u64) -> usize {
        let elapsed_us = now_us.saturating_sub(self.since_us);
        let played = u128::from(elapsed_us) * u128::from(self.total) / u128::from(self.whole_us);
        self.from.saturating_add(usize::try_from(played).unwrap_or(usize::MAX))
    }

    /// After how many microseconds the next step is due.
    pub(super) fn next_us(&self, now_us: u64) -> u64 {
        let next = u128::from((self.shown_at(now_us) - self.from) as u64) + 1;
        let due_us = (next * u128::from(self.whole_us)).div_ceil(u128::from(self.total));
        let due_us = u64::try_from(due_us).unwrap_or(u64::MAX).saturating_add(self.since_us);
        due_us.saturating_sub(now_us).max(STEP_US)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many steps it takes from a place to the end, and how long, in microseconds.
    fn played(from: usize, total: usize, speed: Speed) -> (usize, u64) {
        let (start_us, mut now_us, mut steps) = (7_000_000, 7_000_000, 0);
        let play = Play::new(from, total, speed, start_us);
        assert_eq!(play.shown_at(start_us), from);
        while play.shown_at(now_us) < total {
            let shown = play.shown_at(now_us);
            now_us += play.next_us(now_us);
            steps += 1;
            assert!(play.shown_at(now_us) > shown, "each step leads on");
        }
        (steps, now_us - start_us)
    }

    #[test]
    fn a_history_takes_25_seconds_however_long_it_is() {
        let check = |from, total, speed, expected| assert_eq!(played(from, total, speed), expected);
        check(0, 260_000, Speed::Once, (500, 25_000_000));
        check(0, 1_000_000_000, Speed::Twice, (250, 12_500_000));
        check(0, 260_000, Speed::FourTimes, (125, 6_250_000));
        check(130_000, 260_000, Speed::Once, (250, 12_500_000));
        check(0, 100, Speed::Once, (100, 25_000_000));
        check(260_000, 260_000, Speed::Once, (0, 0));
    }

    #[test]
    fn a_short_one_keeps_nobody_waiting() {
        let check = |total, speed, expected| assert_eq!(played(0, total, speed), expected);
        check(3, Speed::Once, (3, 900_000));
        check(3, Speed::FourTimes, (3, 225_000));
        check(1, Speed::Once, (1, 300_000));
        let nothing = Play::new(0, 0, Speed::Once, 0);
        assert!(nothing.next_us(0) > 0);
    }

    #[test]
    fn a_clock_that_jumps_does_no_harm() {
        let play = Play::new(5, 1_000, Speed::FourTimes, 1_000_000);
        assert_eq!(play.shown_at(0), 5);
        assert!(play.next_us(0) >= STEP_US);
        assert!(play.shown_at(u64::MAX) > 1_000);
        assert!(play.next_us(u64::MAX) >= STEP_US);
    }
}
