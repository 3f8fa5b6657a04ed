//! Why an edit cannot be made, or an envelope not be taken.

use thiserror::Error;

use crate::causal::CausalError;
use crate::codec::DecodeError;
use crate::id::{DocumentId, OpId};
use crate::units::UNITS_MAX;

/// A local edit that cannot be made; nothing was changed.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum EditError {
    /// A range outside the text.
    #[error("the range {start}..{end} is outside the text of {len} characters")]
    Range {
        /// Its start, in chars.
        start: usize,
        /// Its end, in chars.
        end: usize,
        /// How many chars the text has.
        len: usize,
    },
    /// A key and value that are too long.
    #[error("{bytes} bytes of key and value; the limit is {limit}")]
    TooLong {
        /// How many bytes they have.
        bytes: usize,
        /// [`MAP_ENTRY_BYTES_MAX`](super::MAP_ENTRY_BYTES_MAX).
        limit: usize,
    },
    /// The document is full.
    #[error("the document has {units} units of history; with {more} more it would pass the limit of {UNITS_MAX}")]
    Full {
        /// How many units it has.
        units: usize,
        /// How many would be added.
        more: usize,
    },
}

/// An envelope that cannot be taken; nothing was changed.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum ReceiveError {
    /// It belongs to another document.
    #[error("the change belongs to document {found}, not to {expected}")]
    Document {
        /// The document that it names.
        found: DocumentId,
        /// This document.
        expected: DocumentId,
    },
    /// Its payload cannot be read.
    #[error("the payload cannot be read: {0}")]
    Payload(#[from] DecodeError),
    /// Its author used ids twice, or too much is held back.
    #[error(transparent)]
    Causal(#[from] CausalError),
    /// It names a character that its author cannot have seen.
    #[error("the change {change} names {id}, which is not a character in its past")]
    Unknown {
        /// The id of the change's first unit.
        change: OpId,
        /// What it names.
        id: OpId,
    },
    /// A key and value that are too long.
    #[error("the change {change} has {bytes} bytes of key and value; the limit is {limit}")]
    TooLong {
        /// The id of the change's first unit.
        change: OpId,
        /// How many bytes they have.
        bytes: usize,
        /// [`MAP_ENTRY_BYTES_MAX`](super::MAP_ENTRY_BYTES_MAX).
        limit: usize,
    },
    /// The document is full.
    #[error("the document has {units} units of history; with {more} more it would pass the limit of {UNITS_MAX}")]
    Full {
        /// How many units it has.
        units: usize,
        /// How many the change would add.
        more: u64,
    },
}
