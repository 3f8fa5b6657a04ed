//! The soak: the real programs in namespaces of their own, for as long as one likes, while everything goes wrong that can.
//!
//! `soak [MINUTES]`, as root on Linux; `tests/run --soak` builds everything first. `docs/SOAK.md` tells what it does.

mod crowd;
mod disk;
mod net;
mod plot;
mod programs;
mod relay;
mod samples;
mod schedule;
mod wire;
mod world;
mod writer;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::world::World;

/// How many editors there are.
const EDITORS: usize = 4;
const MINUTES: u64 = 30;
/// In less time, the faults of a run would stand on each other's feet.
const MINUTES_MIN: u64 = 3;
const CLIENTS: usize = 1000;

/// How a soak is set up.
#[derive(Clone, Debug)]
struct Options {
    length: Duration,
    clients: usize,
    seed: u64,
    /// The folder for samples, pictures and complaints.
    out: PathBuf,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match words.as_slice() {
        ["wire", seed] => number(seed).and_then(wire::run),
        ["crowd", clients, seed] => {
            number(clients).and_then(|clients| crowd::run(usize::try_from(clients).unwrap_or(CLIENTS), number(seed)?))
        }
        [] => soak(MINUTES),
        [minutes] => number(minutes).and_then(soak),
        _ => Err("soak [MINUTES]; QUIRE_SEED and QUIRE_CLIENTS say more".to_owned()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("soak: {error}");
            ExitCode::FAILURE
        }
    }
}

fn number(word: &str) -> Result<u64, String> {
    word.parse().map_err(|error| format!("{word}: {error}"))
}

fn from_environment(name: &str, otherwise: u64) -> Result<u64, String> {
    std::env::var(name).map_or(Ok(otherwise), |value| number(&value))
}

fn soak(minutes: u64) -> Result<(), String> {
    need_root()?;
    let minutes = minutes.max(MINUTES_MIN);
    let own = std::env::current_exe().map_err(|error| format!("where this program is: {error}"))?;
    let target = own.parent().and_then(Path::parent).unwrap_or(Path::new("."));
    let options = Options {
        length: Duration::from_mins(minutes),
        clients: usize::try_from(from_environment("QUIRE_CLIENTS", CLIENTS as u64)?).unwrap_or(CLIENTS),
        seed: from_environment("QUIRE_SEED", 1)?,
        out: target.join("soak"),
    };
    let work = std::env::temp_dir().join(format!("quire-soak-{}", std::process::id()));
    let in_words = |error: std::io::Error| format!("{}: {error}", options.out.display());
    if options.out.exists() {
        fs::remove_dir_all(&options.out).map_err(in_words)?;
    }
    fs::create_dir_all(&options.out).map_err(in_words)?;
    println!("QUIRE_SEED={} for {minutes} minutes; everything is written to {}", options.seed, options.out.display());
    let result = World::new(&options, &work, interruption()?).and_then(|mut world| {
        let result = world.run();
        if let Err(error) = &result {
            world.remarks.push(format!("it failed after {} s: {error}", world.elapsed_s()));
        }
        result.and(finish(&world, &options))
    });
    match &result {
        Ok(()) => fs::remove_dir_all(&work).map_err(|error| format!("{}: {error}", work.display()))?,
        Err(_) => eprintln!("soak: the libraries are left in {}", work.display()),
    }
    result
}

/// Writes down what was seen, and judges what the processes took.
fn finish(world: &World, options: &Options) -> Result<(), String> {
    let mut report = world.report();
    let mut grew = Vec::new();
    for series in world.series.iter().filter(|series| series.is_judged()) {
        let (of_this, lives) = series.growth(world.calm_ms());
        if lives == 0 {
            grew.push(format!("{}: no life was long enough to be judged", series.name));
        }
        report.push(format!("{}: {lives} lives were long enough to be judged, {} grew", series.name, of_this.len()));
        grew.extend(of_this);
    }
    report.extend(grew.iter().cloned());
    println!("{}", report.join("\n"));
    let files = [
        ("samples.csv", samples::csv(&world.series)),
        ("soak.svg", plot::svg(world, options.length)),
        ("report.txt", report.join("\n") + "\n"),
    ];
    for (name, text) in files {
        fs::write(options.out.join(name), text).map_err(|error| format!("{name}: {error}"))?;
    }
    if grew.is_empty() { Ok(()) } else { Err("memory or descriptors are not flat at the end".to_owned()) }
}

fn need_root() -> Result<(), String> {
    let status = fs::read_to_string("/proc/self/status").map_err(|error| format!("this needs Linux: {error}"))?;
    let user = status.lines().find_map(|line| line.strip_prefix("Uid:")?.split_whitespace().nth(1));
    if user == Some("0") {
        Ok(())
    } else {
        Err("namespaces, their network and small disks need root: run it by `sudo`".to_owned())
    }
}

/// A flag that Ctrl-C raises, so that everything that was made is taken down.
fn interruption() -> Result<Arc<AtomicBool>, String> {
    let flag = Arc::new(AtomicBool::new(false));
    let raised = Arc::clone(&flag);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("signals: {error}"))?;
    thread::spawn(move || {
        let heard = runtime.block_on(tokio::signal::ctrl_c());
        raised.store(heard.is_ok(), Ordering::Relaxed);
    });
    Ok(flag)
}
