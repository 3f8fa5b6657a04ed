//! Somebody who links: the keys of a document, a key of his own, and what he has made so far.

use quire_crdt::keys::{Certificate, DocumentKeys, KEY_BYTES, ReplicaKey, ReplicaSeed, RootSecret};
use quire_crdt::sealed::{self, Author, Before};
use quire_crdt::sync::frame::{Frame, Hello, PROTOCOL_VERSION, Proof};
use quire_crdt::{Change, Envelope, Header, Op, ReplicaId, VersionVector};

/// A replica that proves what it is asked for and seals what it makes, whatever that is.
#[derive(Clone, Debug)]
pub(crate) struct Who {
    keys: DocumentKeys,
    replica: ReplicaKey,
    certificate: Certificate,
    before: Option<Author>,
}

impl Who {
    /// Of the document that these tests share.
    pub(super) fn new(seed: u8) -> Self {
        Self::of(DocumentKeys::editor(&RootSecret::from_bytes([0xd0; 16])), seed)
    }

    /// Of the document that these keys lead to; they must allow writing.
    pub(crate) fn of(keys: DocumentKeys, seed: u8) -> Self {
        let replica = ReplicaKey::new(&ReplicaSeed::from_bytes([seed; 32]));
        let certificate = keys.certify(&replica).expect("keys of an editor's link");
        Self { keys, replica, certificate, before: None }
    }

    pub(crate) fn id(&self) -> ReplicaId {
        self.replica.id()
    }

    pub(crate) const fn keys(&self) -> &DocumentKeys {
        &self.keys
    }

    pub(crate) const fn replica(&self) -> &ReplicaKey {
        &self.replica
    }

    /// The answer to the challenge of a relay that was reached at this address.
    pub(crate) fn proof(&self, challenge: &[u8; KEY_BYTES], address: &str) -> Frame<'static> {
        let proof = self.keys.prove_access(&self.replica, challenge, address);
        Frame::Proof(Proof::new(self.keys.document(), self.id(), address.to_owned(), Vec::new(), &proof))
    }

    pub(crate) fn hello(&self, version: VersionVector) -> Hello {
        let (document, replica) = (self.keys.document(), self.id());
        Hello { protocol: PROTOCOL_VERSION, document, replica, version, resume: None }
    }

    /// Makes a change of one run of text, sealed and signed.
    pub(super) fn write(&mut self, text: &str) -> Envelope {
        self.make(vec![insert(text)])
    }

    /// Makes a change of these operations, whatever they are, sealed and signed.
    pub(super) fn make(&mut self, ops: Vec<Op>) -> Envelope {
        let plain = self.plain(ops);
        let before = self.before.as_ref().map_or(Before::Nothing(&self.certificate), Before::Author);
        let sealed = sealed::seal(&plain, &self.keys, before, sealed::Proof::Sign(&self.replica));
        let (sealed, author) = sealed.expect("it follows upon what was made before");
        self.before = Some(author);
        sealed
    }

    /// What a change of these operations would be without a seal.
    pub(super) fn plain(&self, ops: Vec<Op>) -> Envelope {
        let first_seq = self.before.map_or(0, |before| before.count);
        let len = ops.iter().map(Op::len).sum();
        let header = Header { replica: self.id(), first_seq, len, deps: VersionVector::new(), heads: false };
        quire_crdt::seal(self.keys.document(), &Change { header, ops })
    }
}

/// Writes this at the start of the text.
pub(super) fn insert(text: &str) -> Op {
    Op::Insert { left: None, right: None, text: text.to_owned() }
}
