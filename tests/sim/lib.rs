//! The simulator: reproducible chance, worlds of replicas and a relay in which everything may fail, and the oracle that judges
//! the engine.

pub mod cases;
pub mod checker;
pub mod disk;
pub mod faults;
pub mod frames;
pub mod network;
pub mod node;
pub mod oracle;
pub mod relay_node;
pub mod rng;
pub mod storage;
pub mod stores;
pub mod targets;
pub mod trace;
pub mod world;
