//! Whether replicas that delivered the same hold the same. Each says now and then what it holds at its version, in two digests; who
//! has been at the same version compares.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use bytes::Bytes;

use super::announce::{self, Paced};
use super::{LinkState, Output, Replica};
use crate::digest::StateDigest;
use crate::id::ReplicaId;
use crate::sync::frame::{DIGEST_BYTES_MAX, Frame};
use crate::sync::time::Now;

/// So long nothing must have been delivered or written, in microseconds, before a replica says what it holds.
pub const DIGEST_QUIET_US: u64 = 2_000_000;

/// The shortest time between two digests, in microseconds.
pub const DIGEST_INTERVAL_US: u64 = 10_000_000;

/// The most own digests that are remembered, of as many versions: older ones are compared with nothing any more.
pub const DIGESTS_MAX: usize = 8;

/// The most [`Divergence`]s that are told of, in the life of a [`Replica`].
pub const DIVERGENCES_MAX: usize = 64;

/// The first byte of the payload of a [`Frame::Digest`]. What begins otherwise is somebody else's way of saying it.
const LAYOUT: u8 = 1;

/// The bytes of that payload.
const PAYLOAD_BYTES: usize = 25;
const _: () = assert!(PAYLOAD_BYTES <= DIGEST_BYTES_MAX);

/// What a replica holds at a version.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct StateAt {
    /// The digest of the version: [`VersionVector::digest`](crate::VersionVector::digest).
    pub version: u64,
    /// The digest of the text and the map.
    pub state: StateDigest,
}

/// A replica that delivered the same changes as this one says that it holds something else: one of the two copies is wrong.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Divergence {
    /// The other replica.
    pub peer: ReplicaId,
    /// The digest of the version at which both were.
    pub version: u64,
    /// What this one holds there.
    pub ours: StateDigest,
    /// What the other one says it holds there.
    pub theirs: StateDigest,
}

/// What was said, here and by others, and what came of it.
#[derive(Debug, Default)]
pub(super) struct Agreement {
    /// The newest last.
    own: VecDeque<StateAt>,
    diverged: Vec<Divergence>,
    /// How many units there were when the clock was read last.
    units: usize,
    pace: Paced,
}

impl StateAt {
    fn to_bytes(self) -> [u8; PAYLOAD_BYTES] {
        let mut bytes = [LAYOUT; PAYLOAD_BYTES];
        let numbers = [self.version, self.state.text, self.state.map];
        for (place, number) in bytes[1..].chunks_exact_mut(8).zip(numbers) {
            place.copy_from_slice(&number.to_be_bytes());
        }
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let [LAYOUT, numbers @ ..] = bytes else { return None };
        let (numbers, []) = numbers.as_chunks::<8>() else { return None };
        let [version, text, map] = *numbers else { return None };
        let [version, text, map] = [version, text, map].map(u64::from_be_bytes);
        Some(Self { version, state: StateDigest { text, map } })
    }
}

impl Agreement {
    /// There are so many units now.
    pub(super) const fn notice(&mut self, units: usize, now_us: u64) {
        if units != self.units {
            self.units = units;
            self.restart(now_us);
        }
    }

    /// There is something to say, when it has been quiet.
    pub(super) const fn restart(&mut self, now_us: u64) {
        self.pace.mark();
        self.pace.put_off(now_us.saturating_add(DIGEST_QUIET_US));
    }

    fn remember(&mut self, own: StateAt) {
        if self.own.len() == DIGESTS_MAX {
            self.own.pop_front();
        }
        self.own.push_back(own);
    }

    /// Compares what another replica says with what was here; tells of each replica and version once.
    fn compare(&mut self, peer: ReplicaId, theirs: StateAt) -> Option<Divergence> {
        let ours = self.own.iter().rfind(|own| own.version == theirs.version)?.state;
        let is_told = |other: &Divergence| other.peer == peer && other.version == theirs.version;
        if ours == theirs.state || self.diverged.len() == DIVERGENCES_MAX || self.diverged.iter().any(is_told) {
            return None;
        }
        let divergence = Divergence { peer, version: theirs.version, ours, theirs: theirs.state };
        self.diverged.push(divergence);
        Some(divergence)
    }
}

impl Replica {
    /// The replicas that hold something else than this one though they delivered the same, in the order in which that was noticed:
    /// at most [`DIVERGENCES_MAX`], each with the first that was noticed at a version.
    pub fn divergences(&self) -> &[Divergence] {
        &self.agreement.diverged
    }

    /// What this replica holds is said and compared only where everybody could hold it: without edits that are in no change yet.
    fn can_compare(&self) -> bool {
        self.link.state == LinkState::Live && self.tracing.is_none() && self.document.committed() == self.units_made()
    }

    /// What this replica says it holds, if that is due.
    pub(super) fn next_digest(&mut self, now: Now) -> Option<Bytes> {
        if !self.can_compare() || !self.agreement.pace.take(now, DIGEST_INTERVAL_US) {
            return None;
        }
        let own = StateAt { version: self.document.version().digest(), state: self.document.digest() };
        self.agreement.remember(own);
        let said = self.peers.iter().filter_map(|(peer, said)| Some((*peer, said.state?)));
        let diverged = said.filter_map(|(peer, theirs)| self.agreement.compare(peer, theirs));
        self.outputs.extend(diverged.map(Output::Diverged));
        Some(Frame::Digest { replica: self.document.replica(), payload: &own.to_bytes() }.encode())
    }

    /// When that becomes due.
    pub(super) fn digest_timeout_us(&self) -> Option<u64> {
        if self.can_compare() { self.agreement.pace.timeout_us(self.now_us) } else { None }
    }

    /// Takes in what another replica says it holds.
    pub(super) fn compare_with(&mut self, replica: ReplicaId, payload: &[u8]) {
        if let Some(theirs) = StateAt::from_bytes(payload).filter(|_| replica != self.document.replica()) {
            announce::state(&mut self.peers, replica, theirs);
            let diverged = self.agreement.compare(replica, theirs);
            self.outputs.extend(diverged.map(Output::Diverged));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_said_in_25_bytes() {
        let held = StateAt { version: 0x0102_0304_0506_0708, state: StateDigest { text: 9, map: u64::MAX } };
        let bytes = held.to_bytes();
        assert_eq!(bytes[..10], [1, 1, 2, 3, 4, 5, 6, 7, 8, 0]);
        assert_eq!(StateAt::from_bytes(&bytes), Some(held));
        for nonsense in [&[][..], &[1], &bytes[..24], &[&bytes[..], &[0]].concat(), &[&[2], &bytes[1..]].concat()] {
            assert_eq!(StateAt::from_bytes(nonsense), None, "{nonsense:?}");
        }
    }

    #[test]
    fn the_last_few_versions_are_compared_and_each_is_told_once() {
        let (peer, other) = (ReplicaId::from_bytes([1; 16]), ReplicaId::from_bytes([2; 16]));
        let at = |version, text| StateAt { version, state: StateDigest { text, map: 0 } };
        let mut agreement = Agreement::default();
        (0..=DIGESTS_MAX as u64).for_each(|version| agreement.remember(at(version, 7)));
        assert_eq!(agreement.compare(peer, at(0, 8)), None, "too long ago");
        assert_eq!((agreement.compare(peer, at(1, 7)), agreement.compare(peer, at(99, 8))), (None, None));
        let divergence =
            |peer, version| Some(Divergence { peer, version, ours: at(0, 7).state, theirs: at(0, 8).state });
        assert_eq!(agreement.compare(peer, at(1, 8)), divergence(peer, 1));
        assert_eq!((agreement.compare(peer, at(1, 8)), agreement.compare(peer, at(1, 9))), (None, None));
        assert_eq!(agreement.compare(peer, at(2, 8)), divergence(peer, 2));
        assert_eq!(agreement.compare(other, at(1, 8)), divergence(other, 1));
        for version in 100.. {
            agreement.remember(at(version, 7));
            if agreement.compare(peer, at(version, 8)).is_none() {
                break;
            }
        }
        assert_eq!(agreement.diverged.len(), DIVERGENCES_MAX);
    }
}
