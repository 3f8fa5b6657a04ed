//! The keys of a run whose links are sealed: one set for each document, one key for each device, all out of the run's seed.

use quire_crdt::DocumentId;
use quire_crdt::keys::{DocumentKeys, ReplicaKey, ReplicaSeed, RootSecret};
use quire_crdt::sync::{Credentials, RelayPolicy};

use crate::rng::Rng;

/// What somebody has who takes part in a document.
#[derive(Clone, Debug)]
pub struct Keys {
    /// The keys of the document that the link gave.
    pub document: DocumentKeys,
    /// The own key.
    pub own: ReplicaKey,
}

impl Keys {
    /// What it takes to link to a relay.
    pub fn credentials(&self, relay: usize) -> Credentials {
        let (keys, replica) = (self.document.clone(), self.own.clone());
        Credentials { keys, replica, address: address(relay), token: Vec::new() }
    }

    /// The same with no more than a viewer's link.
    #[must_use]
    pub fn as_viewer(&self) -> Self {
        let (read, write_public) = (self.document.read().clone(), *self.document.write_public());
        // A write key that was just made is one.
        let document = DocumentKeys::viewer(read, write_public).unwrap_or_else(|_| self.document.clone());
        Self { document, own: self.own.clone() }
    }
}

/// The keys of a document, by its number in the run.
pub fn document_keys(rng: &mut Rng) -> DocumentKeys {
    DocumentKeys::editor(&RootSecret::from_bytes(bytes(rng)))
}

/// The key of a replica.
pub fn replica_key(rng: &mut Rng) -> ReplicaKey {
    ReplicaKey::new(&ReplicaSeed::from_bytes(bytes(rng)))
}

/// How a relay is reached.
pub fn address(relay: usize) -> String {
    format!("relay-{relay}.example.org:4870")
}

/// What a relay asks of those who link to it.
pub fn policy(relay: usize) -> RelayPolicy {
    RelayPolicy { names: vec![address(relay)], ..RelayPolicy::default() }
}

/// Random bytes.
pub fn bytes<const N: usize>(rng: &mut Rng) -> [u8; N] {
    std::array::from_fn(|_| rng.next_u64().to_le_bytes()[0])
}

/// The documents of a run, by their numbers.
pub type Documents = [DocumentId; 2];
