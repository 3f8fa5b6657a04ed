//! Time as an input.

/// What the clocks of the caller say.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Now {
    /// A monotonic clock with any origin, in microseconds. Timers run on it.
    pub monotonic_us: u64,
    /// The wall clock, in microseconds since the Unix epoch. It is shown and compared, and decides nothing.
    pub wall_us: i64,
}

impl Now {
    /// The wall clock in whole seconds, as [`Document::set_time`](crate::Document::set_time) takes them.
    pub const fn wall_s(self) -> i64 {
        self.wall_us.div_euclid(1_000_000)
    }

    /// The moment `us` microseconds later on both clocks.
    #[must_use]
    pub const fn plus_us(self, us: u64) -> Self {
        Self { monotonic_us: self.monotonic_us.saturating_add(us), wall_us: self.wall_us.saturating_add_unsigned(us) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wall_clock_in_seconds_is_rounded_down() {
        let check = |wall_us, expected| assert_eq!(Now { monotonic_us: 0, wall_us }.wall_s(), expected, "{wall_us}");
        check(1_790_000_000_999_999, 1_790_000_000);
        check(0, 0);
        check(-1, -1);
        check(-1_000_001, -2);
    }
}
