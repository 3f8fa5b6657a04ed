//! Gives bytes to `sim::targets::envelope`.
#![no_main]

use quire_fuzz::{PLAIN, bounded};

libfuzzer_sys::fuzz_target!(|data: &[u8]| bounded(data, PLAIN, sim::targets::envelope));
