//! The sync protocol, both halves, without IO: what a replica and a relay say to each other, and when.
//!
//! A link is one ordered transport between one [`Replica`] (a device's copy of one document) and one [`Relay`]; what travels is
//! [`frame::Frame`]s, one a message. `docs/PROTOCOL.md` has their bytes. Both halves are state machines: time, randomness, bytes
//! and the results of disks are inputs, and what is to be done comes out of `poll_output`, `poll_transmit` and `poll_timeout`.
//!
//! | [`LinkState`] | how it gets there | the replica sends | the relay sends |
//! | --- | --- | --- | --- |
//! | `Off` | at first; `go_offline`; a refusal for good; a clone was noticed | | |
//! | `Waiting` | a link failed: backoff with full jitter, and the relay's own hint | | |
//! | `Connecting` | `go_online`, or the wait is over: [`Output::Connect`] | | |
//! | `Greeting` | `handle_connected` | `Hello` | `Welcome` or `Refused` |
//! | `CatchingUp` | `Welcome` | `Change`s that the relay lacks | `Change`s that the replica lacks, `Progress` |
//! | `Live` | `Progress` up to the head | `Change`, `Held`, `Presence`, `Digest`, `Ping`, `Pong` | those and `Ack`, `Missing`, `Progress`, `Refused` |
//!
//! What both rely on:
//!
//! - **Durable before sent, durable before acked** (G2). A replica sends what [`Replica::handle_persisted`] has reported; a relay
//!   acks what [`Relay::handle_appended`] has. The relay fans a change out before that: a receiver makes it durable itself.
//! - **Cursors, not queues.** A replica's outbox is a position in its document's log, a relay's subscriber a position in the
//!   relay's. What waits is never copied, and whoever lags reads on from the log.
//! - **Version vectors both ways.** Each side sends what the other's vector lacks, in causal order, so that a relay that lost
//!   everything is refilled by the same loop that sends a keystroke. Doubles are told by `(replica, seq)` and dropped.
//! - **Anything a peer says may be nonsense.** A frame that is wrong in form or place ends the link and changes nothing. A change
//!   that is wrong in content is its author's doing and not the relay's: the author is [set aside](SetAside), and the link goes on.
//!
//! ```
//! use quire_crdt::sync::{LinkState, Now, Output, Replica, ReplicaConfig};
//! use quire_crdt::{Document, DocumentId, ReplicaId};
//!
//! let document = Document::new(DocumentId::from_bytes([1; 16]), ReplicaId::from_bytes([2; 16]));
//! let mut replica = Replica::new(document, ReplicaConfig::default());
//! let now = Now::default();
//! replica.insert(0, "Written before there is any network.")?;
//! replica.commit();
//! replica.go_online(now);
//! while let Some(output) = replica.poll_output() {
//!     match output {
//!         Output::Connect => replica.handle_connected(now), // once the transport is open
//!         Output::Persist { position, .. } => replica.handle_persisted(now, position + 1), // once it is on disk
//!         _ => {}
//!     }
//! }
//! assert_eq!(*replica.link(), LinkState::Greeting);
//! assert!(replica.poll_transmit(now).is_some()); // the Hello
//! # Ok::<(), quire_crdt::EditError>(())
//! ```

mod backoff;
mod bundle;
mod clock_offset;
mod detector;
pub mod frame;
mod relay;
mod replica;
mod runs;
mod sealing;
mod seals;
mod secure;
mod time;
mod transmit;

pub use backoff::{BACKOFF_FIRST_US, BACKOFF_LONGEST_US, BACKOFF_SHORTEST_US, RETRY_AFTER_LONGEST_US};
pub use bundle::{BUNDLE_BYTES_MAX, BUNDLE_VERSION, Bundle, BundleError, Opened, bundle};
pub use clock_offset::CLOCK_SAMPLES_MAX;
pub use detector::{HEARTBEAT_LONGEST_US, HEARTBEAT_SHORTEST_US, SUSPECT_AFTER_FIRST_US, SUSPECT_AFTER_LONGEST_US};
pub use relay::{
    ConnId, Creation, Gate, Network, QUOTA_WINDOW_US, QuotaLimits, Relay, RelayLimits, RelayOutput, RelayPolicy,
    RelayStats,
};
pub use replica::{
    CONNECT_WITHIN_US, DIGEST_INTERVAL_US, DIGEST_QUIET_US, DIGESTS_MAX, DIVERGENCES_MAX, Divergence, GREET_WITHIN_US,
    HELD_ENTRIES_MAX, HELD_INTERVAL_US, HeirError, LinkError, LinkState, MISSING_FRAMES_MAX, Output, PEERS_MAX,
    PONGS_OWED_MAX, PRESENCE_INTERVAL_US, Peer, RelayNotice, Replica, ReplicaConfig, SET_ASIDE_AUTHORS_MAX, SetAside,
    SetAsideReason, StateAt,
};
pub use seals::{Seal, Seals};
pub use secure::{Credentials, SecureLink};
pub use time::Now;
pub use transmit::{Incoming, Outgoing, PlainLink, Transmit};
