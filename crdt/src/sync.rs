//! The sync protocol, both halves, without IO.

mod backoff;
mod clock_offset;
mod detector;
pub mod frame;
mod relay;
mod replica;
mod time;

pub use backoff::{BACKOFF_FIRST_US, BACKOFF_LONGEST_US, BACKOFF_SHORTEST_US, RETRY_AFTER_LONGEST_US};
pub use clock_offset::CLOCK_SAMPLES_MAX;
pub use detector::{HEARTBEAT_LONGEST_US, HEARTBEAT_SHORTEST_US, SUSPECT_AFTER_FIRST_US, SUSPECT_AFTER_LONGEST_US};
pub use relay::{ConnId, Relay, RelayLimits, RelayOutput, RelayStats};
pub use replica::{
    CONNECT_WITHIN_US, GREET_WITHIN_US, HELD_ENTRIES_MAX, HELD_INTERVAL_US, LinkError, LinkState, MISSING_FRAMES_MAX,
    Output, PEERS_MAX, PONGS_OWED_MAX, PRESENCE_INTERVAL_US, Peer, RelayNotice, Replica, ReplicaConfig,
};
pub use time::Now;
