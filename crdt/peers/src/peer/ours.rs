//! Ours. The only file that knows quire-crdt's names.

use std::ops::Range;

use anyhow::{Result, ensure};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use quire_crdt::{Document, DocumentId, Envelope, Received, ReplicaId};

use super::{Edit, Outbox, Peer, Stored, Synced, Unit};

const DOCUMENT: DocumentId = DocumentId::from_bytes([0x51; 16]);

/// Ids in the order of the agents, which breaks ties.
const FIRST_REPLICA: u128 = 0xa5e5_a5e5_a5e5_a5e5_a5e5_a5e5_a5e5_a500;

/// A document. Saved, or sent as a whole, it is the log of its envelopes.
#[derive(Clone, Debug)]
pub struct Ours {
    document: Document,
    /// What the last change that was received changed, its memory kept for the next.
    received: Received,
}

impl Ours {
    fn from(agent: usize) -> Self {
        let replica = ReplicaId::from_bytes((FIRST_REPLICA + agent as u128).to_be_bytes());
        Self { document: Document::new(DOCUMENT, replica), received: Received::default() }
    }

    fn receive_envelope(&mut self, bytes: Bytes) -> Result<()> {
        self.received.patches.clear();
        self.document.receive(Envelope::decode(bytes)?, &mut self.received)?;
        Ok(())
    }

    /// The log, each envelope behind its length.
    fn log(&self) -> Bytes {
        let mut log = BytesMut::new();
        for envelope in self.document.log() {
            log.put_u64(envelope.bytes().len() as u64);
            log.put_slice(envelope.bytes());
        }
        log.freeze()
    }

    fn receive_log(&mut self, mut log: Bytes) -> Result<()> {
        while log.has_remaining() {
            let len = usize::try_from(log.get_u64())?;
            ensure!(len <= log.len(), "the log is cut off");
            self.receive_envelope(log.split_to(len))?;
        }
        Ok(())
    }

    /// Own envelopes of these places of the log.
    fn send(&self, places: Range<usize>, outbox: &mut Outbox) {
        for envelope in self.document.log().from(places.start).take(places.len()) {
            outbox.push(envelope.bytes());
        }
    }
}

impl Peer for Ours {
    const NAME: &'static str = crate::OURS;
    const UNIT: Unit = Unit::Chars;

    fn new(agent: usize) -> Result<Self> {
        Ok(Self::from(agent))
    }

    fn edit(&mut self, edit: Edit<'_>) -> Result<()> {
        if edit.deleted > 0 {
            self.document.delete(edit.at..edit.at + edit.deleted)?;
        }
        if !edit.inserted.is_empty() {
            self.document.insert(edit.at, edit.inserted)?;
        }
        Ok(())
    }

    fn edit_all<'a>(&mut self, row: impl Iterator<Item = Edit<'a>>) -> Result<()> {
        let mut edits = self.document.edits();
        for edit in row {
            if edit.deleted > 0 {
                edits.delete(edit.at..edit.at + edit.deleted)?;
            }
            if !edit.inserted.is_empty() {
                edits.insert(edit.at, edit.inserted)?;
            }
        }
        Ok(())
    }

    fn settle(&mut self) -> Result<()> {
        self.document.commit();
        Ok(())
    }

    fn text(&self) -> Result<String> {
        Ok(self.document.text().slice(0..usize::MAX))
    }
}

impl Synced for Ours {
    fn transact<'a>(&mut self, edits: impl Iterator<Item = Edit<'a>>, outbox: &mut Outbox) -> Result<()> {
        let before = self.document.log().len();
        for edit in edits {
            self.edit(edit)?;
        }
        self.document.commit();
        self.send(before..self.document.log().len(), outbox);
        Ok(())
    }

    fn receive(&mut self, change: &Bytes) -> Result<()> {
        self.receive_envelope(change.clone())
    }

    fn copy(&self) -> Result<Self> {
        Ok(self.clone())
    }
}

impl Stored for Ours {
    fn history(&self) -> Result<Bytes> {
        Ok(self.log())
    }

    fn receive_history(&mut self, history: &Bytes) -> Result<()> {
        self.receive_log(history.clone())
    }

    fn save(&self) -> Result<Bytes> {
        Ok(self.log())
    }

    fn load(saved: &Bytes, agent: usize) -> Result<Self> {
        let mut loaded = Self::from(agent);
        loaded.receive_log(saved.clone())?;
        Ok(loaded)
    }

    fn smallest(&self) -> Result<usize> {
        Ok(self.document.log().iter().map(|envelope| envelope.bytes().len()).sum())
    }
}
