//! yrs, the Rust port of Yjs: a linked list of blocks. Garbage collection is off, so that deleted text is kept.

use anyhow::{Result, anyhow};
use bytes::Bytes;
use yrs::block::ClientID;
use yrs::updates::decoder::Decode;
use yrs::{Doc, GetString, OffsetKind, Options, ReadTxn, StateVector, Text, TextRef, Transact, TransactionMut, Update};

use super::{Edit, Outbox, Peer, Stored, Synced, Unit};

/// Ids as long as those that yrs makes by chance: 53 bits.
const FIRST_CLIENT: u64 = 0x001b_a5e5_a5e5_a500;

/// A document with one text.
pub struct Yrs {
    doc: Doc,
    text: TextRef,
    agent: usize,
}

impl Yrs {
    fn with(agent: usize) -> Self {
        let options = Options {
            client_id: ClientID::new(FIRST_CLIENT + agent as u64),
            offset_kind: OffsetKind::Utf16,
            skip_gc: true,
            ..Options::default()
        };
        let doc = Doc::with_options(options);
        let text = doc.get_or_insert_text("text");
        Self { doc, text, agent }
    }

    fn edit_in(&self, transaction: &mut TransactionMut<'_>, edit: Edit<'_>) -> Result<()> {
        let at = u32::try_from(edit.at)?;
        if edit.deleted > 0 {
            self.text.remove_range(transaction, at, u32::try_from(edit.deleted)?);
        }
        if !edit.inserted.is_empty() {
            self.text.insert(transaction, at, edit.inserted);
        }
        Ok(())
    }

    fn apply(&self, update: &[u8]) -> Result<()> {
        let update = Update::decode_v1(update).map_err(|error| anyhow!("{error}"))?;
        self.doc.transact_mut().apply_update(update).map_err(|error| anyhow!("{error}"))
    }
}

impl Peer for Yrs {
    const NAME: &'static str = "yrs";
    const UNIT: Unit = Unit::Utf16;

    fn new(agent: usize) -> Result<Self> {
        Ok(Self::with(agent))
    }

    fn edit(&mut self, edit: Edit<'_>) -> Result<()> {
        self.edit_in(&mut self.doc.transact_mut(), edit)
    }

    fn text(&self) -> Result<String> {
        Ok(self.text.get_string(&self.doc.transact()))
    }
}

impl Synced for Yrs {
    fn transact<'a>(&mut self, edits: impl Iterator<Item = Edit<'a>>, outbox: &mut Outbox) -> Result<()> {
        let mut transaction = self.doc.transact_mut();
        for edit in edits {
            self.edit_in(&mut transaction, edit)?;
        }
        outbox.push(&transaction.encode_update_v1());
        Ok(())
    }

    fn receive(&mut self, change: &Bytes) -> Result<()> {
        self.apply(change)
    }

    fn copy(&self) -> Result<Self> {
        Self::load(&self.save()?, self.agent)
    }
}

impl Stored for Yrs {
    fn history(&self) -> Result<Bytes> {
        self.save()
    }

    fn receive_history(&mut self, history: &Bytes) -> Result<()> {
        self.apply(history)
    }

    /// Its first format: larger than its second, quicker to read.
    fn save(&self) -> Result<Bytes> {
        Ok(self.doc.transact().encode_state_as_update_v1(&StateVector::default()).into())
    }

    fn load(saved: &Bytes, agent: usize) -> Result<Self> {
        let loaded = Self::with(agent);
        loaded.apply(saved)?;
        Ok(loaded)
    }

    fn smallest(&self) -> Result<usize> {
        let second = self.doc.transact().encode_state_as_update_v2(&StateVector::default());
        Ok(second.len().min(self.save()?.len()))
    }
}
