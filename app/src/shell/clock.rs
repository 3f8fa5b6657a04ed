//! The two clocks of this machine.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use quire_crdt::sync::Now;

/// Tells the time: a monotonic clock that starts with this object, and the wall clock.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: Instant,
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock {
    /// Starts the monotonic clock at 0.
    pub fn new() -> Self {
        Self { origin: Instant::now() }
    }

    /// What both clocks say.
    pub fn now(&self) -> Now {
        let monotonic_us = u64::try_from(self.origin.elapsed().as_micros()).unwrap_or(u64::MAX);
        Now { monotonic_us, wall_us: wall_us() }
    }
}

/// The wall clock, in microseconds since the Unix epoch; negative before it.
fn wall_us() -> i64 {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_micros()).map_or(i64::MIN, |us| -us),
    }
}
