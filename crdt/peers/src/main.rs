//! Measures Quire's text engine beside its peers, in one run.

use std::fs;
use std::panic;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use mimalloc::MiMalloc;
use peers::options::Options;
use peers::{bench, plot, report, trace};

/// The same for everybody.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> Result<ExitCode> {
    panic::set_hook(Box::new(|panic| eprintln!("{panic}")));
    let options = Options::parse();
    let traces = trace::read_all(&trace::folder()?)?;
    let results = bench::run(&options, &traces)?;
    let tables = report::tables(&results);
    if options.json {
        println!("{}", serde_json::to_string_pretty(&results.comparisons())?);
    } else {
        print!("{tables}");
    }
    if let Some(file) = &options.table {
        fs::write(file, &tables).with_context(|| file.display().to_string())?;
    }
    if let Some(file) = &options.svg {
        fs::write(file, plot::growth(&results)).with_context(|| file.display().to_string())?;
    }
    for wrong in &results.wrong {
        eprintln!("wrong: {wrong}");
    }
    Ok(if results.wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
