//! What somebody who keeps to no rules has stored at the relay: changes that no replica can take, and one that builds upon them.

use bytes::Bytes;
use quire_crdt::{Change, Envelope, Header, Op, OpId, ReplicaId, VersionVector, seal};

use super::{DOCUMENT, World};

const FORGER: ReplicaId = ReplicaId::from_bytes([0x66; 16]);
const FOLLOWER: ReplicaId = ReplicaId::from_bytes([0x67; 16]);

fn change(replica: ReplicaId, first_seq: u64, deps: VersionVector, left: Option<OpId>) -> Bytes {
    let ops = vec![Op::Insert { left, right: None, text: "evil".to_owned() }];
    seal(DOCUMENT, &Change { header: Header { replica, first_seq, len: 4, deps, heads: false }, ops }).bytes().clone()
}

/// Whether this is one of them.
pub(super) fn is_forged(envelope: &Envelope) -> bool {
    [FORGER, FOLLOWER].contains(&envelope.header().replica)
}

impl World {
    /// The run of a seed at a relay that has such changes from the start.
    pub fn with_forgeries(seed: u64) -> Self {
        let mut world = Self::new(seed);
        let nowhere = Some(OpId::new(FOLLOWER, 9));
        let forgeries = [
            change(FORGER, 0, VersionVector::new(), nowhere),
            change(FORGER, 4, VersionVector::new(), None),
            change(FOLLOWER, 0, [(FORGER, 8)].into_iter().collect(), None),
        ];
        world.relay.disk = forgeries.into_iter().collect();
        world
    }
}
