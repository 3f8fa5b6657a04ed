//! Checkpoints: a document's whole state, with its history, in few bytes. `docs/FORMAT.md` has the layout, decision 0007 why it is so.

use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;
use thiserror::Error;

use self::history::History;
use self::sections::{Head, Section};
use super::Document;
use crate::clock::VersionVector;
use crate::codec::DecodeError;
use crate::id::{DocumentId, OpId, ReplicaId};
use crate::map::LwwMap;

mod history;
mod keys;
mod rebuild;
mod sections;
mod steps;

/// The newest version of the checkpoint's layout that this program reads. It writes the oldest one that can say what is to be said.
pub const CHECKPOINT_VERSION: u64 = 3;

/// Bytes that are no checkpoint, or one that cannot be: nothing was made of it.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum CheckpointError {
    /// They do not start as a checkpoint does.
    #[error("these bytes are no checkpoint")]
    Magic,
    /// A part of it cannot be read.
    #[error("the {section} cannot be read: {error}")]
    Decode {
        /// Which part.
        section: &'static str,
        /// What is wrong with it; the offset is counted in that part, as it is when decompressed.
        error: DecodeError,
    },
    /// A part of it was damaged.
    #[error("the {section} is damaged: its checksum is another one")]
    Checksum {
        /// Which part.
        section: &'static str,
    },
    /// A part of it does not decompress to what its head says.
    #[error("the {section} does not decompress to {bytes} bytes")]
    Compression {
        /// Which part.
        section: &'static str,
        /// How many bytes its head says.
        bytes: usize,
    },
    /// It would take more memory than a checkpoint of its length may.
    #[error("it would decompress to {bytes} bytes; the limit for its length is {limit}")]
    Expansion {
        /// How many bytes.
        bytes: u64,
        /// How many are allowed.
        limit: u64,
    },
    /// It says something of itself that its own operations do not give.
    #[error("its {claim} is not what its operations give")]
    Claim {
        /// What.
        claim: &'static str,
    },
    /// To check it would take longer than anybody waits.
    #[error("checking it takes more than {limit} look-ups")]
    Effort {
        /// How many are allowed.
        limit: usize,
    },
    /// A change in it names a character that its author cannot have seen.
    #[error("the change {change} names {id}, which is not a character in its past")]
    Unknown {
        /// The id of the change's first unit, or of one before it that its author made in a row with it.
        change: OpId,
        /// What it names.
        id: OpId,
    },
    /// A change in it is so long that no replica takes its envelope.
    #[error("the change {change} has {bytes} bytes; the limit is {limit}")]
    TooLong {
        /// The id of the change's first unit.
        change: OpId,
        /// How many bytes its envelope, or its key and value, has.
        bytes: usize,
        /// How many are allowed.
        limit: usize,
    },
}

/// A checkpoint, of which no more is decoded than was asked for.
///
/// The text can be shown long before the history is needed: [`text`](Self::text) decompresses nothing else.
/// [`document`](Self::document) decodes everything and checks it. Whatever the bytes, what is decoded takes at most 128 bytes of memory for
/// each byte that it decompresses to, which are at most 64 times the checkpoint's bytes and a mebibyte more.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    bytes: Bytes,
    head: Head,
}

impl Checkpoint {
    /// Reads a checkpoint's head; nothing else is looked at, but that there is as much as the head says.
    ///
    /// # Errors
    /// A [`CheckpointError`] when the bytes are no checkpoint of a known version, or the head is damaged.
    pub fn decode(bytes: Bytes) -> Result<Self, CheckpointError> {
        let head = Head::decode(&bytes)?;
        Ok(Self { bytes, head })
    }

    /// The document that it is of.
    pub const fn document_id(&self) -> DocumentId {
        self.head.document
    }

    /// What is in it. Once [`document`](Self::document) has succeeded, this is certain.
    pub fn version(&self) -> VersionVector {
        self.head.authors.iter().copied().collect()
    }

    /// How many changes are in it: it stands for so many positions at the start of the document's log, and the changes from there on
    /// can be received by what [`document`](Self::document) gives. Certain as [`version`](Self::version) is.
    pub const fn changes(&self) -> usize {
        self.head.changes
    }

    /// The visible text. Whether it has as many characters as the history says is known once [`document`](Self::document) has succeeded.
    ///
    /// # Errors
    /// A [`CheckpointError`] when the text is damaged.
    pub fn text(&self) -> Result<String, CheckpointError> {
        self.head.text(&self.bytes)
    }

    /// The map. Certain once [`document`](Self::document) has succeeded.
    ///
    /// # Errors
    /// A [`CheckpointError`] when the map is damaged.
    pub fn map(&self) -> Result<LwwMap, CheckpointError> {
        keys::decode(&self.head, &self.head.raw(&self.bytes, Section::Map)?)
    }

    /// The document, as the replica that made the checkpoint had it, to be written by `replica`: the same text, map, version and log,
    /// envelope by envelope. What could be undone, and what was held back, is not part of it.
    ///
    /// Nothing in it is believed: places are found as by [`Document::receive`], the map is made anew by its writes, and every change is
    /// checked as when it is received. O(n) in the history, and more where changes made at once touch the same places.
    ///
    /// # Errors
    /// A [`CheckpointError`] when it is damaged, or no replica can have made it.
    pub fn document(&self, replica: ReplicaId) -> Result<Document, CheckpointError> {
        rebuild::document(self, replica)
    }

    fn raw(&self, section: Section) -> Result<Vec<u8>, CheckpointError> {
        self.head.raw(&self.bytes, section)
    }
}

impl Document {
    /// The whole state with its history, to be read by [`Checkpoint::decode`]; `None` while own edits wait for a
    /// [`commit`](Self::commit). O(n) in the history, most of it for compression.
    pub fn checkpoint(&self) -> Option<Vec<u8>> {
        if self.pending() > 0 {
            return None;
        }
        let history = History::of(self);
        let steps = steps::encode(self, &history);
        let (changes, deps) = history.encode();
        let mut letters: String = self.text.chunks(0..usize::MAX).collect();
        let counts = [self.record.len(), letters.len()];
        letters.push_str(&steps.deleted);
        let raw = [
            letters.into_bytes(),
            keys::encode(&self.map, &history),
            changes,
            deps,
            steps.steps,
            steps.near,
            steps.far,
            steps.rights,
            steps.writes,
            history.encode_times(),
        ];
        Some(sections::encode(history.version(), self.id, &history.authors, counts, &raw))
    }
}

#[cfg(test)]
mod tests;
