//! The simulator: reproducible chance, and the oracle that judges the engine.

pub mod oracle;
pub mod rng;
