//! `quire-tests`: the simulator's command line. `swarm` looks for a seed that breaks a promise, `replay` tells the story of one.

mod judge;

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use quire::editor::report::Report;
use sim::plan::Plan;
use sim::report;
use sim::shrink::shrink;
use sim::swarm::{Totals, swarm};
use sim::world::{Breach, run};

const USAGE: &str = "\
quire-tests swarm --from SEED (--seconds S | --runs N)   runs fresh seeds; exit code 1 and the seed at the first violation
quire-tests replay SEED [--whole]                        tells the run of a seed line by line; one that fails is made small first
quire-tests replay FILE                                  runs the report of two copies that differed
quire-tests judge [PART [--runs N]]                      plants faults (those whose names hold PART) and tells what notices each";

/// By how many runs a planted fault is looked for.
const JUDGE_RUNS: u64 = 300;

/// The most runs that making a failure small may take.
const SHRINK_RUNS_MAX: usize = 2_000;

/// How often a swarm says how far it is.
const REPORT_EVERY: Duration = Duration::from_secs(30);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        ["swarm", "--from", from, "--seconds", seconds] => {
            number(from).and_then(|from| Ok(run_swarm(from, Some(Duration::from_secs(number(seconds)?)), u64::MAX)))
        }
        ["swarm", "--from", from, "--runs", runs] => {
            number(from).and_then(|from| Ok(run_swarm(from, None, number(runs)?)))
        }
        ["replay", seed, "--whole"] => number(seed).map(|seed| replay(seed, true)),
        ["replay", file] if file.parse::<u64>().is_err() => replay_report(Path::new(file)),
        ["replay", seed] => number(seed).map(|seed| replay(seed, false)),
        ["judge"] => Ok(judge::judge("", JUDGE_RUNS)),
        ["judge", part] => Ok(judge::judge(part, JUDGE_RUNS)),
        ["judge", part, "--runs", runs] => number(runs).map(|runs| judge::judge(part, runs)),
        _ => Err(USAGE.to_owned()),
    };
    done.unwrap_or_else(|error| {
        eprintln!("{error}");
        ExitCode::from(2)
    })
}

fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|error| format!("{text}: {error}\n\n{USAGE}"))
}

fn run_swarm(from: u64, time: Option<Duration>, runs: u64) -> ExitCode {
    let began = Instant::now();
    let mut reported = began;
    let seeds = from..from.saturating_add(runs);
    let goes_on = |totals: &Totals| {
        if reported.elapsed() >= REPORT_EVERY {
            reported = Instant::now();
            println!("{}", summary(totals, began.elapsed()));
        }
        time.is_none_or(|time| began.elapsed() < time)
    };
    match swarm(seeds, goes_on) {
        Ok(totals) => {
            println!("{}", summary(&totals, began.elapsed()));
            println!("no violation; seeds {from}..{}", from + totals.runs);
            ExitCode::SUCCESS
        }
        Err((seed, breach, totals)) => {
            println!("{}", summary(&totals, began.elapsed()));
            println!("seed {seed}, {breach}\nits story: quire-tests replay {seed}");
            ExitCode::FAILURE
        }
    }
}

fn summary(totals: &Totals, took: Duration) -> String {
    let Totals { runs, steps, changes, converged_us_max, .. } = totals;
    let (hours, seconds, met) = (totals.device_hours(), took.as_secs(), converged_us_max / 1_000_000);
    let hours_a_minute = totals.device_us * 60 / 3_600_000 / took.as_millis().max(1);
    format!(
        "{runs} runs in {seconds} s: {steps} steps, {changes} changes, {hours} device-hours ({hours_a_minute} a minute); all met within {met} s"
    )
}

fn replay(seed: u64, whole: bool) -> ExitCode {
    let plan = Plan::of(seed);
    match run(&plan, false).result {
        Ok(summary) => {
            tell(&plan);
            println!("seed {seed} breaks nothing: {summary:?}");
            ExitCode::SUCCESS
        }
        Err(breach) if whole => {
            tell(&plan);
            println!("seed {seed}, {breach}");
            ExitCode::FAILURE
        }
        Err(breach) => {
            tell_small(&plan, breach);
            ExitCode::FAILURE
        }
    }
}

fn replay_report(file: &Path) -> Result<ExitCode, String> {
    let read = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}\n\n{USAGE}", file.display()))?;
    let report = Report::parse(&read).map_err(|error| format!("{}: {error}", file.display()))?;
    let verdict = report::replay(&report)?;
    println!("{verdict}");
    Ok(if verdict.agrees() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn tell(plan: &Plan) {
    println!("{:#?}\n{:?}\n{:?}", plan.knobs, plan.devices, plan.relays);
    run(plan, true).lines.iter().for_each(|line| println!("{line}"));
}

fn tell_small(plan: &Plan, breach: Breach) {
    let shrunk = shrink(plan, breach, SHRINK_RUNS_MAX);
    tell(&shrunk.plan);
    println!(
        "made small by {} runs: {} of {} acts, {} of {} devices\nseed {}, {}",
        shrunk.runs,
        shrunk.plan.acts.len(),
        plan.acts.len(),
        shrunk.plan.devices.len(),
        plan.devices.len(),
        plan.seed,
        shrunk.breach
    );
}
