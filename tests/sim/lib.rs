//! The simulator: reproducible chance, worlds of replicas and relays in which everything may fail, and the oracle that judges
//! the engine.

pub mod backing;
pub mod cases;
pub mod checker;
pub mod clock;
pub mod disk;
pub mod frames;
pub mod hostile;
pub mod model;
pub mod network;
pub mod node;
pub mod oracle;
pub mod plan;
pub mod planted;
pub mod relay_node;
pub mod report;
pub mod rng;
pub mod shrink;
pub mod storage;
pub mod stores;
pub mod story;
pub mod swarm;
pub mod targets;
pub mod trace;
pub mod truth;
pub mod world;
