//! Ours. The only file that knows quire-crdt's names.

use std::ops::Range;

use anyhow::{Context as _, Result, bail, ensure};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use quire_crdt::sync::frame::ChangeWriter;
use quire_crdt::{Checkpoint, Document, DocumentId, Envelope, Received, ReplicaId};

use super::{Edit, Outbox, Peer, Stored, Synced, Unit};

const DOCUMENT: DocumentId = DocumentId::from_bytes([0x51; 16]);

/// Ids in the order of the agents, which breaks ties.
const FIRST_REPLICA: u128 = 0xa5e5_a5e5_a5e5_a5e5_a5e5_a5e5_a5e5_a500;

/// A document. Saved, and sent to whoever has nothing, it is a checkpoint; sent to others, the log of its envelopes.
#[derive(Clone, Debug)]
pub struct Ours {
    state: State,
    /// What the last change that was received changed, its memory kept for the next.
    received: Received,
    /// What was sent on its link.
    link: ChangeWriter,
}

#[derive(Clone, Debug)]
enum State {
    Open(Document),
    /// Nobody has edited it yet: the text is there, and the history is not decoded.
    Saved(Checkpoint, ReplicaId),
}

fn replica(agent: usize) -> ReplicaId {
    ReplicaId::from_bytes((FIRST_REPLICA + agent as u128).to_be_bytes())
}

impl Ours {
    fn from(agent: usize) -> Self {
        Self {
            state: State::Open(Document::new(DOCUMENT, replica(agent))),
            received: Received::default(),
            link: ChangeWriter::new(replica(agent)),
        }
    }

    fn document(&self) -> Result<&Document> {
        match &self.state {
            State::Open(document) => Ok(document),
            State::Saved(..) => bail!("nobody has edited it since it was loaded"),
        }
    }

    /// The document, with its history decoded.
    fn opened(&mut self) -> Result<&mut Document> {
        if let State::Saved(checkpoint, replica) = &self.state {
            self.state = State::Open(checkpoint.document(*replica)?);
        }
        match &mut self.state {
            State::Open(document) => Ok(document),
            State::Saved(..) => bail!("it was just opened"),
        }
    }

    fn receive_envelope(&mut self, bytes: Bytes) -> Result<()> {
        let mut received = std::mem::take(&mut self.received);
        received.patches.clear();
        self.opened()?.receive(Envelope::decode(bytes)?, &mut received)?;
        self.received = received;
        Ok(())
    }

    /// The log, each envelope behind its length.
    fn log(&self) -> Result<Bytes> {
        let mut log = BytesMut::new();
        for envelope in self.document()?.log() {
            log.put_u64(envelope.bytes().len() as u64);
            log.put_slice(envelope.bytes());
        }
        Ok(log.freeze())
    }

    fn receive_log(&mut self, mut log: Bytes) -> Result<()> {
        while log.has_remaining() {
            let len = usize::try_from(log.get_u64())?;
            ensure!(len <= log.len(), "the log is cut off");
            self.receive_envelope(log.split_to(len))?;
        }
        Ok(())
    }

    /// Own envelopes of these places of the log. On the link each is a frame that says only what the relay does not know yet.
    fn send(document: &Document, link: &mut ChangeWriter, places: Range<usize>, outbox: &mut Outbox) {
        for envelope in document.log().from(places.start).take(places.len()) {
            outbox.push_framed(envelope.bytes(), link.frame(&envelope).len());
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
        let document = self.opened()?;
        if edit.deleted > 0 {
            document.delete(edit.at..edit.at + edit.deleted)?;
        }
        if !edit.inserted.is_empty() {
            document.insert(edit.at, edit.inserted)?;
        }
        Ok(())
    }

    fn edit_all<'a>(&mut self, row: impl Iterator<Item = Edit<'a>>) -> Result<()> {
        let mut edits = self.opened()?.edits();
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
        self.opened()?.commit();
        Ok(())
    }

    fn text(&self) -> Result<String> {
        match &self.state {
            State::Open(document) => Ok(document.text().slice(0..usize::MAX)),
            State::Saved(checkpoint, _) => Ok(checkpoint.text()?),
        }
    }
}

impl Synced for Ours {
    fn transact<'a>(&mut self, edits: impl Iterator<Item = Edit<'a>>, outbox: &mut Outbox) -> Result<()> {
        let before = self.opened()?.log().len();
        for edit in edits {
            self.edit(edit)?;
        }
        self.opened()?.commit();
        if let State::Open(document) = &self.state {
            Self::send(document, &mut self.link, before..document.log().len(), outbox);
        }
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
        self.log()
    }

    fn receive_history(&mut self, history: &Bytes) -> Result<()> {
        self.receive_log(history.clone())
    }

    fn whole(&self) -> Result<Bytes> {
        self.save()
    }

    fn receive_whole(&mut self, whole: &Bytes) -> Result<()> {
        ensure!(self.document()?.version().is_empty(), "it has something already");
        let replica = self.document()?.replica();
        self.state = State::Saved(Checkpoint::decode(whole.clone())?, replica);
        Ok(())
    }

    fn save(&self) -> Result<Bytes> {
        Ok(self.document()?.checkpoint().context("edits wait for their commit")?.into())
    }

    fn load(saved: &Bytes, agent: usize) -> Result<Self> {
        let state = State::Saved(Checkpoint::decode(saved.clone())?, replica(agent));
        Ok(Self { state, received: Received::default(), link: ChangeWriter::new(replica(agent)) })
    }
}
