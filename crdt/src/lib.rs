#![doc = include_str!("../README.md")]
#![no_std]

extern crate alloc;

mod causal;
mod change;
mod clock;
mod codec;
mod digest;
mod document;
mod envelope;
mod id;
pub mod keys;
mod map;
pub mod sealed;
pub mod sync;
mod text;
mod undo;
mod units;

pub use causal::{CausalBuffer, CausalError, Delivery, HELD_BACK_BYTES_MAX, HELD_BACK_CHANGES_MAX, classify};
pub use change::{Change, Header, Op, Value};
pub use clock::{Lamport, VersionVector};
pub use codec::{DecodeError, DecodeErrorKind};
pub use digest::StateDigest;
pub use document::{
    Blame, CHECKPOINT_VERSION, Checkpoint, CheckpointError, Difference, Document, EditError, Edits, Envelopes, Log,
    MAP_ENTRY_BYTES_MAX, Patch, ReceiveError, Received, Succession, SuccessionError, Turn, Written,
};
pub use envelope::{ENVELOPE_BYTES_MAX, ENVELOPE_VERSION, Envelope, SEQ_MAX, open, seal};
pub use id::{DocumentId, ID_BYTES, OpId, ParseIdError, ReplicaId};
pub use map::{Entry, LwwMap};
pub use text::{Anchor, Bias, Chunks, Run, Splice, Text};
pub use undo::UNDO_GROUPS_MAX;
pub use units::UNITS_MAX;
