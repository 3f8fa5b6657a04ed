//! automerge: columns of operations, and changes that know their predecessors by hash.

use anyhow::{Context, Result};
use automerge::transaction::{CommitOptions, Transactable};
use automerge::{ActorId, AutoCommit, Change, ObjId, ObjType, ROOT, ReadDoc};
use bytes::Bytes;

use super::{Edit, Outbox, Peer, Stored, Synced, Unit};

/// Ids as long as those that automerge makes by chance: 128 bits.
const FIRST_ACTOR: u128 = 0xa5e5_a5e5_a5e5_a5e5_a5e5_a5e5_a5e5_a500;

/// A document with one text.
#[derive(Clone, Debug)]
pub struct Automerge {
    doc: AutoCommit,
    text: ObjId,
    agent: usize,
    /// Whether there is nothing yet but the empty text.
    is_new: bool,
}

impl Automerge {
    fn with(mut doc: AutoCommit, agent: usize) -> Result<Self> {
        let (_, text) = doc.get(ROOT, "text")?.context("the document has no text")?;
        doc.set_actor(ActorId::from((FIRST_ACTOR + agent as u128).to_be_bytes().as_slice()));
        Ok(Self { doc, text, agent, is_new: false })
    }

    /// The empty text is everybody's first change, made by nobody: the same at every replica.
    fn empty() -> Result<AutoCommit> {
        let mut doc = AutoCommit::new().with_actor(ActorId::from([0].as_slice()));
        doc.put_object(ROOT, "text", ObjType::Text)?;
        doc.commit_with(CommitOptions::default().with_time(0));
        Ok(doc)
    }
}

impl Peer for Automerge {
    const NAME: &'static str = "automerge";
    const UNIT: Unit = Unit::Chars;

    fn new(agent: usize) -> Result<Self> {
        Ok(Self { is_new: true, ..Self::with(Self::empty()?, agent)? })
    }

    fn edit(&mut self, edit: Edit<'_>) -> Result<()> {
        self.is_new = false;
        self.doc.splice_text(&self.text, edit.at, isize::try_from(edit.deleted)?, edit.inserted)?;
        Ok(())
    }

    fn settle(&mut self) -> Result<()> {
        self.doc.commit();
        Ok(())
    }

    fn text(&self) -> Result<String> {
        Ok(self.doc.text(&self.text)?)
    }
}

impl Synced for Automerge {
    fn transact<'a>(&mut self, edits: impl Iterator<Item = Edit<'a>>, outbox: &mut Outbox) -> Result<()> {
        for edit in edits {
            self.edit(edit)?;
        }
        let change = self.doc.get_last_local_change().context("no change was made")?;
        outbox.push(change.raw_bytes());
        Ok(())
    }

    fn receive(&mut self, change: &Bytes) -> Result<()> {
        self.is_new = false;
        self.doc.apply_changes([Change::from_bytes(change.to_vec())?])?;
        Ok(())
    }

    fn copy(&self) -> Result<Self> {
        Ok(self.clone())
    }
}

impl Stored for Automerge {
    fn history(&self) -> Result<Bytes> {
        self.save()
    }

    /// A replica that has nothing loads, which is quicker than merging.
    fn receive_history(&mut self, history: &Bytes) -> Result<()> {
        if self.is_new {
            *self = Self::load(history, self.agent)?;
        } else {
            self.doc.load_incremental(history)?;
        }
        Ok(())
    }

    fn save(&self) -> Result<Bytes> {
        Ok(self.doc.clone().save().into())
    }

    fn load(saved: &Bytes, agent: usize) -> Result<Self> {
        Self::with(AutoCommit::load(saved)?, agent)
    }
}
