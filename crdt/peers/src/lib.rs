#![doc = include_str!("../README.md")]

pub mod bench;
pub mod edits;
pub mod measure;
pub mod memory;
pub mod options;
pub mod peer;
pub mod plot;
pub mod report;
pub mod results;
pub mod row;
pub mod trace;
pub mod workload;

/// The name of our rows.
pub const OURS: &str = "quire";
