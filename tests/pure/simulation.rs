//! Replicas and a relay on a bad day: one seed is one run, and every run ends with equal texts.

use std::ops::Range;

use sim::world::World;

/// The seeds of every run of the tests, beside those of `tests/seeds.txt`. `QUIRE_SEEDS=FROM..TO` asks for others.
const SEEDS: Range<u64> = 0..200;

/// The seeds of runs at a relay that has changes which no replica can take.
const HOSTILE_SEEDS: Range<u64> = 0..60;

/// Seeds that once found something.
const FOUND: &str = include_str!("../seeds.txt");

/// Seeds in a text of lines `seed what it found`; lines that begin with `#` say something else.
fn seeds(text: &str) -> impl Iterator<Item = u64> + '_ {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.split_whitespace().next().and_then(|seed| seed.parse().ok()).expect("a seed"))
}

fn asked_for() -> Option<Range<u64>> {
    let asked = std::env::var("QUIRE_SEEDS").ok()?;
    let ends = asked.split_once("..").map(|(from, to)| (from.parse(), to.parse()));
    match ends {
        Some((Ok(from), Ok(to))) => Some(from..to),
        _ => panic!("QUIRE_SEEDS is {asked}, and not like 0..200"),
    }
}

fn check(seeds: impl Iterator<Item = u64>, world: impl Fn(u64) -> World) {
    let (mut runs, mut changes) = (0, 0);
    for seed in seeds {
        match world(seed).run() {
            Ok(summary) => changes += summary.changes,
            Err(breach) => panic!("seed {seed}, {breach}"),
        }
        runs += 1;
    }
    println!("{runs} runs, {changes} changes");
    assert!(changes >= runs, "{changes} changes in {runs} runs: nothing happens");
}

#[test]
fn simulation() {
    check(asked_for().unwrap_or(SEEDS), World::new);
}

#[test]
fn simulation_of_seeds_that_found_something() {
    check(seeds(FOUND), World::new);
}

/// A relay stores what no replica can take: that ended every link once, and nobody's changes came any more.
#[test]
fn simulation_beside_a_hostile_writer() {
    check(asked_for().unwrap_or(HOSTILE_SEEDS), World::with_forgeries);
}

#[test]
fn one_seed_is_one_run() {
    assert_eq!(World::new(7).run(), World::new(7).run());
}
