//! diamond-types: a log of operations and a branch, the text at one version of it.

use anyhow::{Result, anyhow};
use bytes::Bytes;
use diamond_types::AgentId;
use diamond_types::list::ListCRDT;
use diamond_types::list::encoding::{ENCODE_FULL, ENCODE_PATCH};

use super::{Edit, Outbox, Peer, Stored, Synced, Unit};

/// Log and branch. Deletions are kept without the deleted text, which the log has already where it was inserted.
#[derive(Clone, Debug)]
pub struct DiamondTypes {
    list: ListCRDT,
    agent: AgentId,
}

impl DiamondTypes {
    fn with(mut list: ListCRDT, agent: usize) -> Self {
        let agent = list.get_or_create_agent_id(&format!("agent-{agent:06}"));
        Self { list, agent }
    }

    fn merge(&mut self, bytes: &[u8]) -> Result<()> {
        self.list.merge_data_and_ff(bytes).map_err(|error| anyhow!("{error:?}"))?;
        Ok(())
    }
}

impl Peer for DiamondTypes {
    const NAME: &'static str = "diamond-types";
    const UNIT: Unit = Unit::Chars;

    fn new(agent: usize) -> Result<Self> {
        Ok(Self::with(ListCRDT::new(), agent))
    }

    fn edit(&mut self, edit: Edit<'_>) -> Result<()> {
        if edit.deleted > 0 {
            self.list.delete_without_content(self.agent, edit.at..edit.at + edit.deleted);
        }
        if !edit.inserted.is_empty() {
            self.list.insert(self.agent, edit.at, edit.inserted);
        }
        Ok(())
    }

    fn text(&self) -> Result<String> {
        Ok(self.list.branch.content().to_string())
    }
}

impl Synced for DiamondTypes {
    fn transact<'a>(&mut self, edits: impl Iterator<Item = Edit<'a>>, outbox: &mut Outbox) -> Result<()> {
        let before = self.list.oplog.local_version();
        for edit in edits {
            self.edit(edit)?;
        }
        outbox.push(&self.list.oplog.encode_from(ENCODE_PATCH, &before));
        Ok(())
    }

    fn receive(&mut self, change: &Bytes) -> Result<()> {
        self.merge(change)
    }

    fn copy(&self) -> Result<Self> {
        Ok(self.clone())
    }
}

impl Stored for DiamondTypes {
    fn history(&self) -> Result<Bytes> {
        self.save()
    }

    fn receive_history(&mut self, history: &Bytes) -> Result<()> {
        self.merge(history)
    }

    fn save(&self) -> Result<Bytes> {
        Ok(self.list.oplog.encode(ENCODE_FULL).into())
    }

    fn load(saved: &Bytes, agent: usize) -> Result<Self> {
        let list = ListCRDT::load_from(saved).map_err(|error| anyhow!("{error:?}"))?;
        Ok(Self::with(list, agent))
    }
}
