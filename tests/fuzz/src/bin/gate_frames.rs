//! Gives bytes to `sim::targets::gate_frames`.
#![no_main]

use quire_fuzz::{PLAIN, bounded};

libfuzzer_sys::fuzz_target!(|data: &[u8]| bounded(data, PLAIN, sim::targets::gate_frames));
