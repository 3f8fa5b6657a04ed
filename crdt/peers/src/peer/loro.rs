//! loro: a log of changes, and the state of its containers beside it.

use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use bytes::Bytes;
use loro::{ExportMode, LoroDoc, LoroText, Subscription};

use super::{Edit, Outbox, Peer, Stored, Synced, Unit};

/// Ids as long as those that loro makes by chance: 64 bits.
const FIRST_PEER: u64 = 0xa5e5_a5e5_a5e5_a500;

/// A document with one text.
pub struct Loro {
    doc: LoroDoc,
    text: LoroText,
    agent: usize,
    /// What it says it would send, once somebody listens.
    updates: Option<Updates>,
}

struct Updates {
    bytes: Arc<Mutex<Vec<u8>>>,
    /// Listens for as long as it is kept.
    _subscription: Subscription,
}

impl Updates {
    fn of(doc: &LoroDoc) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let written = Arc::clone(&bytes);
        let subscription = doc.subscribe_local_update(Box::new(move |update| {
            written.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(update);
            true
        }));
        Self { bytes, _subscription: subscription }
    }

    fn take(&self) -> Vec<u8> {
        mem::take(&mut self.bytes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Loro {
    fn with(doc: LoroDoc, agent: usize) -> Result<Self> {
        doc.set_peer_id(FIRST_PEER + agent as u64)?;
        let text = doc.get_text("text");
        Ok(Self { doc, text, agent, updates: None })
    }
}

impl Peer for Loro {
    const NAME: &'static str = "loro";
    const UNIT: Unit = Unit::Chars;

    fn new(agent: usize) -> Result<Self> {
        Self::with(LoroDoc::new(), agent)
    }

    fn edit(&mut self, edit: Edit<'_>) -> Result<()> {
        if edit.deleted > 0 {
            self.text.delete(edit.at, edit.deleted)?;
        }
        if !edit.inserted.is_empty() {
            self.text.insert(edit.at, edit.inserted)?;
        }
        Ok(())
    }

    fn settle(&mut self) -> Result<()> {
        self.doc.commit();
        Ok(())
    }

    fn text(&self) -> Result<String> {
        Ok(self.text.to_string())
    }
}

impl Synced for Loro {
    fn transact<'a>(&mut self, edits: impl Iterator<Item = Edit<'a>>, outbox: &mut Outbox) -> Result<()> {
        for edit in edits {
            self.edit(edit)?;
        }
        let updates = self.updates.get_or_insert_with(|| Updates::of(&self.doc));
        self.doc.commit();
        outbox.push(&updates.take());
        Ok(())
    }

    fn receive(&mut self, change: &Bytes) -> Result<()> {
        self.doc.import(change)?;
        Ok(())
    }

    fn copy(&self) -> Result<Self> {
        Self::with(self.doc.fork(), self.agent)
    }
}

impl Stored for Loro {
    fn history(&self) -> Result<Bytes> {
        Ok(self.doc.export(ExportMode::all_updates())?.into())
    }

    fn receive_history(&mut self, history: &Bytes) -> Result<()> {
        self.doc.import(history)?;
        Ok(())
    }

    fn whole(&self) -> Result<Bytes> {
        self.save()
    }

    fn save(&self) -> Result<Bytes> {
        Ok(self.doc.export(ExportMode::Snapshot)?.into())
    }

    fn load(saved: &Bytes, agent: usize) -> Result<Self> {
        Self::with(LoroDoc::from_snapshot(saved)?, agent)
    }

    fn smallest(&self) -> Result<usize> {
        Ok(self.save()?.len().min(self.history()?.len()))
    }
}
