//! Counts the live heap of every library after replay; `peers` starts it and reads what it prints.

use std::panic;

use anyhow::Result;
use cap::Cap;
use clap::Parser;
use mimalloc::MiMalloc;
use peers::options::Options;
use peers::{memory, trace};

#[global_allocator]
static ALLOCATOR: Cap<MiMalloc> = Cap::new(MiMalloc, usize::MAX);

fn main() -> Result<()> {
    panic::set_hook(Box::new(|panic| eprintln!("{panic}")));
    let options = Options::parse();
    let traces = trace::read_all(&trace::folder()?)?;
    let counted = memory::count(&options, &traces, &|| ALLOCATOR.allocated());
    println!("{}", serde_json::to_string(&counted)?);
    Ok(())
}
