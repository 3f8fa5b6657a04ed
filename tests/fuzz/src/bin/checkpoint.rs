//! Gives bytes to `sim::targets::checkpoint`.
#![no_main]

use quire_fuzz::{COMPRESSED, bounded};

libfuzzer_sys::fuzz_target!(|data: &[u8]| bounded(data, COMPRESSED, sim::targets::checkpoint));
