//! What this replica says of itself and hears of others, best effort: presence, and what is on whose disk.

use alloc::collections::BTreeMap;

use bytes::Bytes;

use super::{Peer, StateAt};
use crate::clock::VersionVector;
use crate::id::ReplicaId;
use crate::sync::frame::{Frame, PRESENCE_BYTES_MAX};
use crate::sync::time::Now;

/// The shortest time between two announcements of what is on this disk, in microseconds.
pub const HELD_INTERVAL_US: u64 = 200_000;

/// The shortest time between two presences, in microseconds.
pub const PRESENCE_INTERVAL_US: u64 = 50_000;

/// The most other replicas that are remembered; what further ones say is not.
pub const PEERS_MAX: usize = 1024;

/// The most entries that the version vectors of all peers may have together; what would exceed it is not remembered.
pub const HELD_ENTRIES_MAX: usize = 65_536;

/// Something that is said again only after a while, and then the newest.
#[derive(Debug, Default)]
pub(super) struct Paced {
    changed: bool,
    not_before_us: u64,
}

impl Paced {
    /// There is something new to say.
    pub(super) const fn mark(&mut self) {
        self.changed = true;
    }

    /// Nothing new is to be said.
    pub(super) const fn clear(&mut self) {
        self.changed = false;
    }

    /// It is not to be said before this.
    pub(super) const fn put_off(&mut self, not_before_us: u64) {
        if self.not_before_us < not_before_us {
            self.not_before_us = not_before_us;
        }
    }

    /// Whether to say it now; then it is said.
    pub(super) fn take(&mut self, now: Now, interval_us: u64) -> bool {
        let due = self.changed && now.monotonic_us >= self.not_before_us;
        if due {
            self.changed = false;
            self.not_before_us = now.monotonic_us.saturating_add(interval_us);
        }
        due
    }

    /// When it may be said, if it may not yet.
    pub(super) fn timeout_us(&self, now_us: u64) -> Option<u64> {
        (self.changed && self.not_before_us > now_us).then_some(self.not_before_us)
    }
}

/// What this replica says of itself.
#[derive(Debug, Default)]
pub(super) struct Announcements {
    presence: Option<Bytes>,
    presence_pace: Paced,
    pub(super) held: Paced,
}

impl Announcements {
    pub(super) fn set_presence(&mut self, payload: Option<Bytes>) {
        if self.presence != payload {
            self.presence = payload;
            self.presence_pace.mark();
        }
    }

    /// A link was welcomed: say everything there is.
    pub(super) const fn restart(&mut self) {
        self.held.mark();
        if self.presence.is_some() {
            self.presence_pace.mark();
        } else {
            self.presence_pace.clear();
        }
    }

    /// The next announcement that is due, as a frame.
    pub(super) fn next_frame(&mut self, now: Now, own: ReplicaId, durable: &VersionVector) -> Option<Bytes> {
        if self.presence_pace.take(now, PRESENCE_INTERVAL_US) {
            let payload = self.presence.as_deref().unwrap_or_default();
            return Some(Frame::Presence { replica: own, payload }.encode());
        }
        let held = self.held.take(now, HELD_INTERVAL_US);
        held.then(|| Frame::Held { replica: own, version: durable.clone() }.encode())
    }

    /// When an announcement becomes due, if one waits.
    pub(super) fn timeout_us(&self, now_us: u64) -> Option<u64> {
        let timeouts = [self.presence_pace.timeout_us(now_us), self.held.timeout_us(now_us)];
        timeouts.into_iter().flatten().min()
    }
}

/// Takes in somebody's presence; empty when it is gone. Longer ones than [`PRESENCE_BYTES_MAX`] are not remembered: presence is
/// best effort.
pub(super) fn see(peers: &mut BTreeMap<ReplicaId, Peer>, replica: ReplicaId, payload: &[u8]) {
    if payload.len() <= PRESENCE_BYTES_MAX
        && let Some(peer) = peer(peers, replica)
    {
        // A copy: a slice would keep the whole frame alive.
        peer.presence = (!payload.is_empty()).then(|| Bytes::copy_from_slice(payload));
    }
}

/// Takes in what somebody has on its disk.
pub(super) fn hold(peers: &mut BTreeMap<ReplicaId, Peer>, replica: ReplicaId, version: VersionVector) {
    let entries: usize = peers.iter().filter(|(other, _)| **other != replica).map(|(_, peer)| peer.held.len()).sum();
    if entries + version.len() > HELD_ENTRIES_MAX {
        return;
    }
    if let Some(peer) = peer(peers, replica) {
        peer.held = version;
    }
}

/// Takes in what somebody says it holds.
pub(super) fn state(peers: &mut BTreeMap<ReplicaId, Peer>, replica: ReplicaId, state: StateAt) {
    if let Some(peer) = peer(peers, replica) {
        peer.state = Some(state);
    }
}

fn peer(peers: &mut BTreeMap<ReplicaId, Peer>, replica: ReplicaId) -> Option<&mut Peer> {
    if peers.len() >= PEERS_MAX && !peers.contains_key(&replica) {
        return None;
    }
    Some(peers.entry(replica).or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(us: u64) -> Now {
        Now { monotonic_us: us, wall_us: 0 }
    }

    #[test]
    fn only_the_newest_is_said_and_not_too_often() {
        let own = ReplicaId::from_bytes([1; 16]);
        let mut announcements = Announcements::default();
        let said = |announcements: &mut Announcements, us| {
            let frame = announcements.next_frame(at(us), own, &VersionVector::new())?;
            match Frame::decode(&frame) {
                Ok(Frame::Presence { payload, .. }) => Some(payload.to_vec()),
                other => panic!("{other:?}"),
            }
        };
        announcements.set_presence(Some(Bytes::from_static(b"a")));
        assert_eq!(said(&mut announcements, 0).as_deref(), Some(&b"a"[..]));
        announcements.set_presence(Some(Bytes::from_static(b"b")));
        announcements.set_presence(Some(Bytes::from_static(b"c")));
        assert_eq!(said(&mut announcements, PRESENCE_INTERVAL_US - 1), None);
        assert_eq!(announcements.timeout_us(PRESENCE_INTERVAL_US - 1), Some(PRESENCE_INTERVAL_US));
        assert_eq!(announcements.timeout_us(PRESENCE_INTERVAL_US), None, "it may be said now");
        assert_eq!(said(&mut announcements, PRESENCE_INTERVAL_US).as_deref(), Some(&b"c"[..]));
        assert_eq!(said(&mut announcements, 9 * PRESENCE_INTERVAL_US), None);
        assert_eq!(announcements.timeout_us(0), None);
    }

    #[test]
    fn peers_are_bounded() {
        let id = |at: usize| ReplicaId::from_bytes((at as u128).to_be_bytes());
        let mut peers = BTreeMap::new();
        for at in 0..=PEERS_MAX {
            see(&mut peers, id(at), b"here");
        }
        assert_eq!(peers.len(), PEERS_MAX);
        let long: VersionVector = (0..HELD_ENTRIES_MAX).map(|at| (id(at), 1)).collect();
        hold(&mut peers, id(0), long.clone());
        hold(&mut peers, id(1), VersionVector::from_iter([(id(0), 1)]));
        assert_eq!((peers[&id(0)].held.len(), peers[&id(1)].held.len()), (HELD_ENTRIES_MAX, 0));
        hold(&mut peers, id(1), long);
        hold(&mut peers, id(0), VersionVector::new());
        assert!(peers.values().all(|peer| peer.held.is_empty()));
        see(&mut peers, id(0), &[1; PRESENCE_BYTES_MAX + 1]);
        assert_eq!(peers[&id(0)].presence.as_deref(), Some(&b"here"[..]));
    }
}
