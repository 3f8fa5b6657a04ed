//! What a library must do to be measured, in three steps: edit; send and receive; keep a whole history.

use std::iter;

use anyhow::Result;
use bytes::Bytes;

pub use crate::edits::{Edit, Unit};

pub mod automerge;
pub mod cola;
pub mod crop;
pub mod diamond_types;
pub mod jumprope;
pub mod loro;
pub mod ours;
pub mod ropey;
pub mod yrs;

/// A text that one person edits.
pub trait Peer: Sized {
    /// The library's name.
    const NAME: &'static str;
    /// What its positions count.
    const UNIT: Unit;

    /// An empty text, written by an agent, counted from 0.
    ///
    /// # Errors
    /// What the library says.
    fn new(agent: usize) -> Result<Self>;

    /// Makes an edit that is not sent to anybody yet.
    ///
    /// # Errors
    /// What the library says.
    fn edit(&mut self, edit: Edit<'_>) -> Result<()>;

    /// Makes edits in a row, each at once. A library that gathers what goes on with the edit before overrides this; whoever asks it
    /// for the text in between gets all of it.
    ///
    /// # Errors
    /// What the library says.
    fn edit_all<'a>(&mut self, edits: impl Iterator<Item = Edit<'a>>) -> Result<()> {
        for edit in edits {
            self.edit(edit)?;
        }
        Ok(())
    }

    /// Ends a row of edits: what was held back to be done later is done now.
    ///
    /// # Errors
    /// What the library says.
    fn settle(&mut self) -> Result<()> {
        Ok(())
    }

    /// The text.
    ///
    /// # Errors
    /// What the library says.
    fn text(&self) -> Result<String>;
}

/// A text that replicas edit at once.
pub trait Synced: Peer {
    /// Makes edits, and puts the change or changes to be sent for them into the outbox.
    ///
    /// # Errors
    /// What the library says.
    fn transact<'a>(&mut self, edits: impl Iterator<Item = Edit<'a>>, outbox: &mut Outbox) -> Result<()>;

    /// Applies a change of another replica.
    ///
    /// # Errors
    /// What the library says.
    fn receive(&mut self, change: &Bytes) -> Result<()>;

    /// Another replica that holds the same.
    ///
    /// # Errors
    /// What the library says.
    fn copy(&self) -> Result<Self>;
}

/// A text that is kept and sent with its whole history, deleted text included.
pub trait Stored: Synced {
    /// Everything, for a replica that may have some of it.
    ///
    /// # Errors
    /// What the library says.
    fn history(&self) -> Result<Bytes>;

    /// Applies what [`history`](Self::history) gave.
    ///
    /// # Errors
    /// What the library says.
    fn receive_history(&mut self, history: &Bytes) -> Result<()>;

    /// Everything, for a replica that has nothing, in the form that is quickest there.
    ///
    /// # Errors
    /// What the library says.
    fn whole(&self) -> Result<Bytes> {
        self.history()
    }

    /// Applies what [`whole`](Self::whole) gave.
    ///
    /// # Errors
    /// What the library says; when the replica has something.
    fn receive_whole(&mut self, whole: &Bytes) -> Result<()> {
        self.receive_history(whole)
    }

    /// The document as it is saved to be loaded quickly.
    ///
    /// # Errors
    /// What the library says.
    fn save(&self) -> Result<Bytes>;

    /// Loads what [`save`](Self::save) gave; from now on an agent edits it.
    ///
    /// # Errors
    /// What the library says.
    fn load(saved: &Bytes, agent: usize) -> Result<Self>;

    /// How many bytes the smallest of the library's formats that hold the whole history takes.
    ///
    /// # Errors
    /// What the library says.
    fn smallest(&self) -> Result<usize> {
        Ok(self.save()?.len())
    }
}

/// Changes on their way out.
#[derive(Debug)]
pub struct Outbox {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    /// How many bytes the changes have on a link.
    sent: usize,
    /// Whether they are kept, or forgotten like bytes that a socket took.
    keeps: bool,
}

/// How many bytes a socket takes at once.
const SOCKET_BYTES: usize = 64 * 1024;

impl Outbox {
    /// One that keeps every change.
    pub fn keeping() -> Self {
        Self { bytes: Vec::new(), ends: Vec::new(), sent: 0, keeps: true }
    }

    /// One that empties itself now and then.
    pub fn sending() -> Self {
        Self { bytes: Vec::with_capacity(2 * SOCKET_BYTES), ends: Vec::new(), sent: 0, keeps: false }
    }

    /// Adds a change.
    pub fn push(&mut self, change: &[u8]) {
        self.push_framed(change, change.len());
    }

    /// Adds a change that has so many bytes on a link, where its header is shorter than what whoever has only the change needs.
    pub fn push_framed(&mut self, change: &[u8], frame_bytes: usize) {
        self.bytes.extend_from_slice(change);
        self.sent += frame_bytes;
        self.end();
    }

    /// Adds a change that is written behind the others.
    ///
    /// # Errors
    /// What `write` says.
    pub fn write(&mut self, write: impl FnOnce(&mut Vec<u8>) -> Result<()>) -> Result<()> {
        let before = self.bytes.len();
        write(&mut self.bytes)?;
        self.sent += self.bytes.len() - before;
        self.end();
        Ok(())
    }

    /// How many bytes its changes have on a link.
    pub const fn sent(&self) -> usize {
        self.sent
    }

    /// The changes that were kept.
    pub fn changes(self) -> Vec<Bytes> {
        let bytes = Bytes::from(self.bytes);
        let starts = iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| bytes.slice(start..*end)).collect()
    }

    fn end(&mut self) {
        if self.keeps {
            self.ends.push(self.bytes.len());
        } else if self.bytes.len() >= SOCKET_BYTES {
            self.bytes.clear();
        }
    }
}
