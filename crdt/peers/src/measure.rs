//! The clock: processor time of the whole process.

use std::cell::Cell;
use std::error::Error;
use std::fmt;
use std::time::{Duration, Instant};

use anyhow::Result;
use cpu_time::ProcessTime;

/// A run above this is made three times only.
const SLOW: Duration = Duration::from_secs(2);
/// A run above this is made once only.
const VERY_SLOW: Duration = Duration::from_secs(8);
/// Quick runs go on until they have taken this together.
const ENOUGH: Duration = Duration::from_millis(150);
/// … or until there are this many times the runs asked for.
const MORE_RUNS: usize = 8;
/// The most edits that are made between two looks at the deadline.
const UNSEEN_MAX: u32 = 1024;
/// When looks are further apart than this, they come twice as often.
const UNSEEN_TIME: Duration = Duration::from_millis(20);

/// How long and how often.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How many runs at least.
    pub runs: usize,
    /// When a run is given up.
    pub give_up: Duration,
}

/// What the clock said, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// The quickest run.
    pub min: f64,
    /// The run in the middle.
    pub median: f64,
    /// How many runs.
    pub runs: usize,
}

impl Timing {
    /// The same in another unit.
    #[must_use]
    pub fn scaled(self, by: f64) -> Self {
        Self { min: self.min * by, median: self.median * by, ..self }
    }

    /// A figure that is counted and not timed: bytes, once.
    pub fn exactly(count: usize) -> Self {
        let count = u32::try_from(count).map_or(f64::INFINITY, f64::from);
        Self { min: count, median: count, runs: 1 }
    }

    fn of(mut samples: Vec<Duration>) -> Self {
        samples.sort_unstable();
        let millis = |sample: Option<&Duration>| sample.map_or(f64::NAN, |sample| sample.as_secs_f64() * 1e3);
        Self { min: millis(samples.first()), median: millis(samples.get(samples.len() / 2)), runs: samples.len() }
    }
}

/// A run took too long, and was given up.
#[derive(Clone, Copy, Debug)]
pub struct TooSlow {
    /// The limit that it went over.
    pub limit: Duration,
}

impl fmt::Display for TooSlow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "over {} s", self.limit.as_secs())
    }
}

impl Error for TooSlow {}

/// The processor time after which a run is given up.
#[derive(Debug)]
pub struct Deadline {
    start: Instant,
    cpu: ProcessTime,
    limit: Duration,
    last_look: Cell<Instant>,
    /// How many edits are made before the next look, and how many were between the last two.
    unseen: Cell<(u32, u32)>,
}

impl Deadline {
    /// From now on.
    pub fn start(limit: Duration) -> Self {
        let now = Instant::now();
        Self { start: now, cpu: ProcessTime::now(), limit, last_look: Cell::new(now), unseen: Cell::new((1, 1)) }
    }

    /// Called after each edit: looks at the time now and then only, for a look costs as much as an edit.
    ///
    /// # Errors
    /// [`TooSlow`] when it is over.
    pub fn check(&self) -> Result<()> {
        let (left, between) = self.unseen.get();
        self.unseen.set((left - 1, between));
        if left == 1 { self.look(between) } else { Ok(()) }
    }

    fn look(&self, between: u32) -> Result<()> {
        let now = Instant::now();
        let is_far = now - self.last_look.replace(now) > UNSEEN_TIME;
        let next = if is_far { (between / 2).max(1) } else { (between * 2).min(UNSEEN_MAX) };
        self.unseen.set((next, next));
        // The wall's clock is cheaper to look at; once it is over, the processor's says how much of the time was ours.
        if now - self.start > self.limit && self.cpu.elapsed() > self.limit {
            return Err(TooSlow { limit: self.limit }.into());
        }
        Ok(())
    }
}

/// Runs something often enough. What `prepare` makes, and the end of what `run` gives, are not on the clock.
///
/// # Errors
/// What either of them says.
pub fn measure<S, T>(
    limits: Limits,
    mut prepare: impl FnMut() -> Result<S>,
    mut run: impl FnMut(S, &Deadline) -> Result<T>,
) -> Result<(Timing, T)> {
    let mut once = || -> Result<(Duration, T)> {
        let prepared = prepare()?;
        let deadline = Deadline::start(limits.give_up);
        let start = ProcessTime::try_now()?;
        let output = run(prepared, &deadline)?;
        Ok((start.try_elapsed()?, output))
    };
    let (warm, mut output) = once()?;
    let mut samples = Vec::new();
    if warm > SLOW {
        samples.push(warm);
    }
    loop {
        let spent: Duration = samples.iter().sum();
        let is_enough = match warm {
            warm if warm > VERY_SLOW => !samples.is_empty(),
            warm if warm > SLOW => samples.len() >= limits.runs.min(3),
            _ => samples.len() >= limits.runs && (spent > ENOUGH || samples.len() >= limits.runs * MORE_RUNS),
        };
        if is_enough {
            return Ok((Timing::of(samples), output));
        }
        drop(output);
        let (took, again) = once()?;
        samples.push(took);
        output = again;
    }
}
