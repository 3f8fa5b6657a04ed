//! stub document (owner: core)
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;
use thiserror::Error;
use crate::causal::{CausalError, Delivery};
use crate::change::Value;
use crate::clock::VersionVector;
use crate::codec::DecodeError;
use crate::envelope::Envelope;
use crate::id::{DocumentId, OpId, ReplicaId};
use crate::map::LwwMap;
use crate::text::{Splice, Text};

/// A change of the visible text and whose it was.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Patch { /// what
    pub splice: Splice, /// who
    pub author: ReplicaId }

/// A local edit that cannot be made; nothing was changed.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum EditError {
    /// A range outside the text.
    #[error("the range {start}..{end} is outside the text of {len} characters")]
    Range { /// start
        start: usize, /// end
        end: usize, /// chars in the text
        len: usize },
    /// A key or value that is too long.
    #[error("{bytes} bytes of key and value; the limit is {limit}")]
    TooLong { /// bytes
        bytes: usize, /// limit
        limit: usize },
}

/// A received envelope that cannot be taken; nothing was changed.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum ReceiveError {
    /// About another document.
    #[error("the change belongs to document {found}, not to {expected}")]
    Document { /// theirs
        found: DocumentId, /// ours
        expected: DocumentId },
    /// Its payload is unreadable.
    #[error("the payload cannot be read: {0}")]
    Payload(#[from] DecodeError),
    /// ids twice, or too much held back
    #[error(transparent)]
    Causal(#[from] CausalError),
    /// It names a character that is not in its past.
    #[error("the change {change} names {id}, which is not a character in its past")]
    Unknown { /// first id of the change
        change: OpId, /// the id
        id: OpId },
}

/// A document.
#[derive(Clone, Debug)]
pub struct Document { id: DocumentId, replica: ReplicaId, text: Text, map: LwwMap, version: VersionVector, log: Vec<Envelope> }

#[allow(unused_variables, reason = "stub")]
impl Document {
    /// An empty document.
    pub fn new(id: DocumentId, replica: ReplicaId) -> Self { Self { id, replica, text: Text::new(), map: LwwMap::default(), version: VersionVector::new(), log: Vec::new() } }
    /// id
    pub fn id(&self) -> DocumentId { self.id }
    /// own replica
    pub fn replica(&self) -> ReplicaId { self.replica }
    /// text
    pub fn text(&self) -> &Text { &self.text }
    /// map
    pub fn map(&self) -> &LwwMap { &self.map }
    /// delivered, own pending operations included
    pub fn version(&self) -> &VersionVector { &self.version }
    /// delivered changes in the order of delivery (own committed ones included): causally closed at every prefix
    pub fn log(&self) -> &[Envelope] { &self.log }
    /// inserts at a char position
    pub fn insert(&mut self, at: usize, text: &str) -> Result<(), EditError> { Ok(()) }
    /// deletes a char range
    pub fn delete(&mut self, range: Range<usize>) -> Result<(), EditError> { Ok(()) }
    /// writes a key (None removes)
    pub fn set(&mut self, key: &str, value: Option<Value>) -> Result<(), EditError> { Ok(()) }
    /// undoes the newest own group; the patches made
    pub fn undo(&mut self) -> Vec<Patch> { Vec::new() }
    /// redoes
    pub fn redo(&mut self) -> Vec<Patch> { Vec::new() }
    /// can undo
    pub fn can_undo(&self) -> bool { false }
    /// can redo
    pub fn can_redo(&self) -> bool { false }
    /// the next edit starts a new undo group
    pub fn end_undo_group(&mut self) {}
    /// seals pending local operations into changes at the end of the log; how many changes
    pub fn commit(&mut self) -> usize { 0 }
    /// takes an envelope from another replica (or from disk, own ones included); pending operations are committed first
    /// if it is delivered. Delivered changes go to the log's end; patches and changed keys are pushed to `out`
    pub fn receive(&mut self, envelope: Envelope, out: &mut Received) -> Result<Delivery, ReceiveError> { Ok(Delivery::Duplicate) }
    /// how many changes are held back
    pub fn held_back(&self) -> usize { 0 }
}

/// What a delivery changed.
#[derive(Clone, Debug, Default)]
pub struct Received { /// text
    pub patches: Vec<Patch>, /// map
    pub keys: Vec<String> }
