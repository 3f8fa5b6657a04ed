//! One run after the other, each from a seed of its own, until time or seeds are up or a promise is broken.

use std::collections::BTreeMap;

use crate::plan::Plan;
use crate::world::{Breach, Summary, run};

/// What many runs did.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    /// How many.
    pub runs: u64,
    /// How often time went on in them.
    pub steps: u64,
    /// For how long devices were switched on, added up, in microseconds.
    pub device_us: u128,
    /// Changes in the relays' logs at the ends.
    pub changes: u64,
    /// The longest that a run took after healing until all were equal, in microseconds.
    pub converged_us_max: u64,
}

impl Totals {
    /// Adds a run.
    pub fn add(&mut self, summary: &Summary) {
        self.runs += 1;
        self.steps += summary.steps;
        self.device_us += u128::from(summary.device_us);
        self.changes += summary.changes as u64;
        self.converged_us_max = self.converged_us_max.max(summary.converged_us);
    }

    /// For how long devices were switched on, in hours.
    pub const fn device_hours(&self) -> u128 {
        self.device_us / 3_600_000_000
    }
}

/// Runs these seeds while `goes_on` says so.
///
/// # Errors
/// The first seed that broke a promise, and which.
pub fn swarm(
    seeds: impl Iterator<Item = u64>,
    mut goes_on: impl FnMut(&Totals) -> bool,
) -> Result<Totals, (u64, Breach, Totals)> {
    let mut totals = Totals::default();
    for seed in seeds {
        if !goes_on(&totals) {
            break;
        }
        match run(&Plan::of(seed), false).result {
            Ok(summary) => totals.add(&summary),
            Err(breach) => return Err((seed, breach, totals)),
        }
    }
    Ok(totals)
}

/// Seeds that once found something, with what they found: lines `seed what`, and comments that begin with `#`.
///
/// # Errors
/// The first line that begins with no number.
pub fn kept_seeds(text: &str) -> Result<BTreeMap<u64, String>, String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let (seed, what) = line.split_once(' ').ok_or_else(|| format!("{line}: no seed and what it found"))?;
            let seed = seed.parse().map_err(|error| format!("{line}: {error}"))?;
            Ok((seed, what.to_owned()))
        })
        .collect()
}
