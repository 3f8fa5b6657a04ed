//! The sync protocol, both halves, without IO.

pub mod frame;
mod relay;
mod replica;
mod time;

pub use relay::{ConnId, Relay, RelayLimits, RelayOutput, RelayStats};
pub use replica::{LinkState, Output, Peer, Replica, ReplicaConfig};
pub use time::Now;
