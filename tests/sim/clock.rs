//! The clocks of a machine: one that only goes forward, too fast or too slow, and one that is wrong and may be set.

use quire_crdt::sync::Now;

use crate::plan::ClockPlan;

/// When a run begins, on a wall clock that is right.
const BEGAN_WALL_US: i64 = 1_790_000_000_000_000;

const MILLION: u64 = 1_000_000;

/// The clocks of one machine.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    ahead_us: i64,
    drift_ppm: i32,
}

impl Clock {
    /// Clocks that go as planned.
    pub fn new(plan: ClockPlan) -> Self {
        Self { ahead_us: plan.ahead_us, drift_ppm: plan.drift_ppm }
    }

    /// What they say at a moment of the run.
    pub fn now(&self, at_us: u64) -> Now {
        let monotonic_us = self.monotonic_us(at_us);
        let wall_us = BEGAN_WALL_US.saturating_add_unsigned(monotonic_us).saturating_add(self.ahead_us);
        Now { monotonic_us, wall_us }
    }

    /// The first moment of the run at which the monotonic clock says this, or more.
    pub fn moment_us(&self, monotonic_us: u64) -> u64 {
        let rate = MILLION.saturating_add_signed(self.drift_ppm.into());
        let (whole, rest) = (monotonic_us / rate, monotonic_us % rate);
        let mut at_us = whole.saturating_mul(MILLION).saturating_add(rest * MILLION / rate);
        while self.monotonic_us(at_us) < monotonic_us && at_us < u64::MAX {
            at_us += 1;
        }
        at_us
    }

    /// Sets the wall clock.
    pub const fn set(&mut self, by_us: i64) {
        self.ahead_us = self.ahead_us.saturating_add(by_us);
    }

    fn monotonic_us(&self, at_us: u64) -> u64 {
        // In two parts, which fit whatever the moment.
        let drift = |us: u64| us.cast_signed() * i64::from(self.drift_ppm);
        let us = drift(at_us / MILLION) + drift(at_us % MILLION).div_euclid(MILLION.cast_signed());
        at_us.saturating_add_signed(us)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_fires_when_its_clock_says_so_and_not_before() {
        for drift_ppm in [-50_000, -1, 0, 1, 3, 50_000] {
            let clock = Clock::new(ClockPlan { ahead_us: 0, drift_ppm });
            for timer_us in [0, 1, 7, 999_999, 1_000_001, 31_536_000_000_001, u64::MAX / 2] {
                let at_us = clock.moment_us(timer_us);
                assert!(clock.monotonic_us(at_us) >= timer_us, "{drift_ppm} {timer_us}");
                assert!(at_us == 0 || clock.monotonic_us(at_us - 1) < timer_us, "{drift_ppm} {timer_us}");
            }
        }
    }
}
