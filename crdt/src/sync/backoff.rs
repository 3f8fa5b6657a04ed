//! When to try again: exponential backoff with full jitter, and the relay's own hint.
//!
//! Brooker, *Exponential backoff and jitter*, AWS Architecture Blog, 2015: drawing the whole delay at random spreads the replicas
//! that lost the same relay at the same moment better than any fixed part plus noise.

/// The range of the first delay, in microseconds; it doubles with each further one.
pub const BACKOFF_FIRST_US: u64 = 500_000;

/// The longest range that a delay is drawn from, in microseconds.
pub const BACKOFF_LONGEST_US: u64 = 60_000_000;

/// The shortest delay, in microseconds: no draw is a busy loop.
pub const BACKOFF_SHORTEST_US: u64 = 50_000;

/// The longest hint of a relay that is followed, in microseconds.
pub const RETRY_AFTER_LONGEST_US: u64 = 3_600_000_000;

/// Draws the delays before each new attempt.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    attempts: u32,
    random: Random,
}

impl Backoff {
    pub(crate) const fn new(seed: u64) -> Self {
        Self { attempts: 0, random: Random(seed) }
    }

    /// The next delay, in microseconds: at random from [`BACKOFF_SHORTEST_US`] up to a range that doubles with each call.
    pub(crate) fn next_us(&mut self) -> u64 {
        let range = BACKOFF_FIRST_US.saturating_mul(1 << self.attempts.min(16)).min(BACKOFF_LONGEST_US);
        self.attempts = self.attempts.saturating_add(1);
        BACKOFF_SHORTEST_US + self.random.below(range - BACKOFF_SHORTEST_US + 1)
    }

    /// The next delay after a refusal that says when to come back: not before that, and spread behind it.
    pub(crate) fn after_hint_us(&mut self, hint_ms: u32) -> u64 {
        (u64::from(hint_ms) * 1000).min(RETRY_AFTER_LONGEST_US) + self.next_us()
    }

    /// The last attempt went well: the next delay is a first one again.
    pub(crate) const fn reset(&mut self) {
        self.attempts = 0;
    }
}

/// Steele, Lea and Flood, *Fast splittable pseudorandom number generators*, OOPSLA 2014 (`SplitMix64`).
#[derive(Clone, Debug)]
struct Random(u64);

impl Random {
    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, which is not 0. The bias is below 2⁻³⁶ for the ranges used here.
    const fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_stay_in_a_range_that_doubles_up_to_a_limit() {
        for seed in 0..200 {
            let mut backoff = Backoff::new(seed);
            for attempt in 0..40 {
                let range = (BACKOFF_FIRST_US << attempt.min(16)).min(BACKOFF_LONGEST_US);
                let delay = backoff.next_us();
                assert!((BACKOFF_SHORTEST_US..=range).contains(&delay), "seed {seed}, attempt {attempt}: {delay}");
            }
        }
    }

    #[test]
    fn delays_are_spread_over_the_whole_range() {
        let firsts = (0..400).map(|seed| Backoff::new(seed).next_us());
        let low = firsts.clone().filter(|delay| *delay < BACKOFF_FIRST_US / 2).count();
        assert!((120..280).contains(&low), "{low} of 400 in the lower half");
    }

    #[test]
    fn a_hint_is_kept_within_reason_and_a_success_starts_over() {
        let mut backoff = Backoff::new(7);
        let delay = backoff.after_hint_us(10_000);
        assert!((10_000_000..=10_000_000 + BACKOFF_FIRST_US).contains(&delay));
        assert!(backoff.after_hint_us(u32::MAX) <= RETRY_AFTER_LONGEST_US + 2 * BACKOFF_FIRST_US);
        backoff.reset();
        assert!(backoff.next_us() <= BACKOFF_FIRST_US);
    }

    #[test]
    fn both_ends_of_the_range_are_drawn() {
        // Seeds that were searched for.
        assert_eq!(Backoff::new(322_517).next_us(), BACKOFF_SHORTEST_US);
        assert_eq!(Backoff::new(266_170).next_us(), BACKOFF_FIRST_US);
    }

    #[test]
    fn the_random_numbers_are_those_of_splitmix64() {
        let mut random = Random(1_234_567);
        let numbers = [0; 5].map(|_| random.next());
        // As Vigna's splitmix64.c gives them.
        let expected = [
            6_457_827_717_110_365_317,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423,
            4_593_380_528_125_082_431,
            16_408_922_859_458_223_821,
        ];
        assert_eq!(numbers, expected);
    }
}
