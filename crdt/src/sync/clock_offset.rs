//! How far this clock is from the relay's, and how sure that is.
//!
//! The four timestamps and the choice of the sample with the least delay are those of NTP (Mills, RFC 5905, sections 8 and 10).
//! The result is shown and decides nothing.

use alloc::collections::VecDeque;

use super::time::Now;

/// How many samples are remembered; the one with the least delay among them counts.
pub const CLOCK_SAMPLES_MAX: usize = 8;

/// By how much the wall clock may run away from the monotonic one between two samples before the older ones are forgotten, in
/// microseconds: it was set.
const STEP_US: i64 = 50_000;

/// What the clocks said at one question and its answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exchange {
    /// Here, when the question went.
    pub(crate) sent: Now,
    /// There, when it came, in microseconds since the Unix epoch.
    pub(crate) received_us: i64,
    /// There, when the answer went.
    pub(crate) replied_us: i64,
    /// Here, when the answer came.
    pub(crate) returned: Now,
}

/// The offset of this clock against another.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClockOffset {
    samples: VecDeque<Sample>,
    /// The wall clock minus the monotonic one, at the last sample.
    base_us: Option<i64>,
}

#[derive(Clone, Copy, Debug)]
struct Sample {
    /// This clock minus the other.
    ahead_us: i64,
    delay_us: u64,
}

impl ClockOffset {
    /// Takes in an exchange. One that no two honest clocks can produce is not used.
    pub(crate) fn observe(&mut self, exchange: &Exchange) {
        let base = |now: Now| now.wall_us.saturating_sub_unsigned(now.monotonic_us);
        let was_set = |since: i64| base(exchange.returned).saturating_sub(since).saturating_abs() > STEP_US;
        if self.base_us.is_some_and(was_set) {
            self.samples.clear();
        }
        self.base_us = Some(base(exchange.returned));
        if was_set(base(exchange.sent)) {
            return;
        }
        if let Some(sample) = Sample::of(exchange) {
            if self.samples.len() == CLOCK_SAMPLES_MAX {
                self.samples.pop_front();
            }
            self.samples.push_back(sample);
        }
    }

    /// This clock minus the other and the uncertainty of that (half the delay of the best sample), in microseconds.
    pub(crate) fn best_us(&self) -> Option<(i64, u64)> {
        let best = self.samples.iter().min_by_key(|sample| sample.delay_us)?;
        Some((best.ahead_us, best.delay_us.div_ceil(2)))
    }
}

impl Sample {
    fn of(exchange: &Exchange) -> Option<Self> {
        let elapsed_us = exchange.returned.monotonic_us.checked_sub(exchange.sent.monotonic_us)?;
        let held_us = u64::try_from(exchange.replied_us.checked_sub(exchange.received_us)?).ok()?;
        let delay_us = elapsed_us.checked_sub(held_us)?;
        let there = exchange.sent.wall_us.checked_sub(exchange.received_us)?;
        let back = exchange.sent.wall_us.checked_add_unsigned(elapsed_us)?.checked_sub(exchange.replied_us)?;
        Some(Self { ahead_us: there.midpoint(back), delay_us })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_US: i64 = 3_600_000_000;

    fn now(monotonic_us: u64, wall_us: i64) -> Now {
        Now { monotonic_us, wall_us }
    }

    /// An exchange in which the other clock is the true one, this one is `ahead_us` ahead, and the ways take so long.
    fn exchange(at_us: u64, ahead_us: i64, there_us: u64, back_us: u64) -> Exchange {
        let held_us = 300;
        let here = |elapsed: u64| now(at_us + elapsed, i64::try_from(at_us + elapsed).unwrap() + ahead_us);
        let other = |elapsed: u64| i64::try_from(at_us + elapsed).unwrap();
        Exchange {
            sent: here(0),
            received_us: other(there_us),
            replied_us: other(there_us + held_us),
            returned: here(there_us + held_us + back_us),
        }
    }

    fn check(exchanges: &[Exchange], expected: Option<(i64, u64)>) {
        let mut offset = ClockOffset::default();
        for exchange in exchanges {
            offset.observe(exchange);
        }
        assert_eq!(offset.best_us(), expected);
    }

    #[test]
    fn the_sample_with_the_least_delay_counts() {
        check(&[], None);
        check(&[exchange(0, 500, 10_000, 10_000)], Some((500, 10_000)));
        let skewed = exchange(5_000_000, 500, 90_000, 1_000);
        check(&[exchange(0, 500, 10_000, 10_000), skewed], Some((500, 10_000)));
    }

    #[test]
    fn the_truth_is_within_the_uncertainty() {
        for (there, back) in [(1, 40_000), (40_000, 1), (0, 0), (20_000, 20_001)] {
            for ahead in [0, 3 * HOUR_US, -3 * HOUR_US] {
                let mut offset = ClockOffset::default();
                offset.observe(&exchange(77, ahead, there, back));
                let (shown, uncertainty) = offset.best_us().expect("a sample");
                assert!(shown.abs_diff(ahead) <= uncertainty, "{shown} is not {ahead} ± {uncertainty}");
            }
        }
    }

    #[test]
    fn a_clock_that_is_set_starts_over() {
        let before = exchange(0, 3 * HOUR_US, 1_000, 1_000);
        let after = exchange(9_000_000, 0, 20_000, 20_000);
        check(&[before, after], Some((0, 20_000)));
        let across = Exchange { returned: exchange(5_000_000, 0, 0, 0).returned, ..exchange(4_000_000, HOUR_US, 5, 5) };
        check(&[before, across], None);
    }

    #[test]
    fn nonsense_is_not_used() {
        let honest = exchange(0, 0, 1_000, 1_000);
        check(&[Exchange { replied_us: i64::MAX, ..honest }], None);
        check(&[Exchange { received_us: i64::MIN, ..honest }], None);
        check(&[Exchange { received_us: i64::MAX, replied_us: i64::MIN, ..honest }], None);
        check(&[Exchange { received_us: honest.replied_us + 1, ..honest }], None);
    }

    #[test]
    fn only_so_many_samples_are_remembered() {
        let mut offset = ClockOffset::default();
        offset.observe(&exchange(0, 7, 1, 1));
        for round in 1..=u64::try_from(CLOCK_SAMPLES_MAX).unwrap() {
            offset.observe(&exchange(round * 1_000_000, 9, 50, 50));
        }
        assert_eq!(offset.best_us(), Some((9, 50)));
    }

    #[test]
    fn a_clock_that_drifts_within_reason_was_not_set() {
        let before = exchange(0, 0, 1_000, 1_000);
        let drifted = |by_us| exchange(9_000_000, by_us, 20_000, 20_000);
        check(&[before, drifted(STEP_US)], Some((0, 1_000)));
        check(&[before, drifted(STEP_US + 1)], Some((STEP_US + 1, 20_000)));
    }
}
