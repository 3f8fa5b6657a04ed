//! Devices and relays on a bad day: one seed is one run, and every run ends with equal texts.

use std::ops::Range;
use std::path::Path;

use sim::plan::Plan;
use sim::planted::FAULTS;
use sim::swarm::{kept_seeds, swarm};
use sim::world::run;

/// The seeds of every run of the tests, beside those of `tests/seeds.txt`. `QUIRE_SEEDS=FROM..TO` asks for others.
const SEEDS: Range<u64> = 0..300;

/// Seeds that once found something.
const FOUND: &str = include_str!("../seeds.txt");

/// The seeds that were asked for.
pub(crate) fn asked_for() -> Option<Range<u64>> {
    let asked = std::env::var("QUIRE_SEEDS").ok()?;
    let ends = asked.split_once("..").map(|(from, to)| (from.parse(), to.parse()));
    match ends {
        Some((Ok(from), Ok(to))) => Some(from..to),
        _ => panic!("QUIRE_SEEDS is {asked}, and not like 0..200"),
    }
}

fn check(seeds: impl Iterator<Item = u64>) {
    let totals = match swarm(seeds, |_| true) {
        Ok(totals) => totals,
        Err((seed, breach, _)) => panic!("seed {seed}, {breach}"),
    };
    println!("{totals:?}");
    assert!(totals.changes > 20 * totals.runs, "{totals:?}: nothing happens");
}

/// Those of the seeds that found something before links were sealed: a seed is to go on meaning the run that it meant.
const FOUND_WITHOUT_SEALS: [u64; 7] = [12, 574, 3_000_221, 5_000_816, 7_000_034, 20_000_132, 98_038_241];

#[test]
fn seeds_from_before_seals_have_none() {
    assert!(FOUND_WITHOUT_SEALS.iter().all(|seed| Plan::of(*seed).sealed.is_none()));
    let sealed = SEEDS.filter(|seed| Plan::of(*seed).sealed.is_some()).count();
    assert!((75..150).contains(&sealed), "{sealed} of {} plans are sealed", SEEDS.end);
}

#[test]
fn simulation() {
    check(asked_for().unwrap_or(SEEDS));
}

#[test]
fn simulation_of_seeds_that_found_something() {
    check(kept_seeds(FOUND).unwrap().into_keys());
}

/// A fault that cannot be planted any more judges nothing.
#[test]
fn every_fault_can_be_planted() {
    for fault in FAULTS {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(fault.file);
        let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", fault.file));
        assert_eq!(text.matches(fault.from).count(), 1, "{}: in {}", fault.name, fault.file);
    }
}

#[test]
fn one_seed_is_one_run() {
    for seed in 0..20 {
        let plan = Plan::of(seed);
        let (first, second) = (run(&plan, false).result.unwrap(), run(&plan, true).result.unwrap());
        assert_eq!(first, second, "seed {seed}");
    }
}
