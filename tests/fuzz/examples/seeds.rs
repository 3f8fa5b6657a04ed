//! `seeds TARGET FOLDER` writes sound inputs for a target into a folder, for the fuzzer to begin with.

use std::fs;
use std::io::{Error, Result};
use std::path::Path;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(target), Some(folder)) = (arguments.next(), arguments.next()) else {
        return Err(Error::other("usage: seeds TARGET FOLDER"));
    };
    for (number, seed) in sim::targets::seeds(&target).iter().enumerate() {
        fs::write(Path::new(&folder).join(format!("seed-{number}")), seed)?;
    }
    Ok(())
}
