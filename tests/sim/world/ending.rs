//! How everything comes back, and what must hold when it has.

use quire_crdt::sync::{LinkState, Replica};
use quire_crdt::{DocumentId, ReplicaId, VersionVector};

use super::{World, code};
use crate::node::Node;
use crate::tamper::Tamperer;

/// Within this time after everything is healed all must be equal, in microseconds: the longest suspicion and the longest delay between
/// attempts, a few times over.
const CONVERGE_WITHIN_US: u64 = 400_000_000;

impl World {
    /// Nothing goes wrong and nobody writes any more; whoever is down, asleep or off line comes back, and all go to the first relay.
    pub(super) fn heal(&mut self) -> Result<(), String> {
        self.story.note(self.now_us, [code::HEAL], || "everything is healed".to_owned());
        self.healed_us = Some(self.now_us);
        self.network.heal();
        for conn in self.tamperer.iter_mut().flat_map(Tamperer::leave) {
            // The two connections were joined by the one who has gone.
            self.network.cut(self.now_us, conn);
        }
        for at in 0..self.relays.len() {
            let node = &mut self.relays[at];
            (node.paused_us, node.fuel) = (None, None);
            self.start_relay(at)?;
        }
        for at in 0..self.devices.len() {
            let node = &mut self.devices[at];
            (node.paused_us, node.fuel) = (None, None);
            if node.refuses_us.is_some() {
                node.retry();
            }
            if node.is_cloned() && !node.is_copy && self.plan.has_liars() {
                // Who lies can make a device believe that it has a double, until it is started anew.
                self.crash_and_wait(at, 0)?;
            }
            if self.devices[at].starts_us.is_some_and(|starts_us| starts_us < u64::MAX) {
                self.start_device(at)?;
            }
            self.go_home(at)?;
        }
        self.settle()?;
        self.check()
    }

    fn go_home(&mut self, at: usize) -> Result<(), String> {
        let node = &mut self.devices[at];
        node.rest();
        let now = node.clock.now(self.now_us);
        if let Some(replica) = &mut node.replica {
            if node.relay != 0 {
                replica.go_offline(now);
            }
            replica.go_online(now);
        }
        node.relay = 0;
        self.see(at)
    }

    /// Goes on until all have met.
    pub(super) fn meet(&mut self) -> Result<(), String> {
        let healed_us = self.now_us;
        while !self.have_met() {
            if self.now_us > healed_us + CONVERGE_WITHIN_US {
                return Err(self.why_not_met());
            }
            self.step(u64::MAX)?;
        }
        Ok(())
    }

    /// The devices of a document that can be expected to meet.
    fn of_document(&self, document: DocumentId) -> impl Iterator<Item = &Node> {
        self.devices.iter().filter(move |node| node.document == document && !node.is_left_out())
    }

    fn have_met(&self) -> bool {
        self.documents.iter().all(|document| self.has_met(*document))
    }

    fn has_met(&self, document: DocumentId) -> bool {
        let Some(first) = self.of_document(document).next().and_then(|node| node.replica.as_ref()) else { return true };
        let version = first.document().version();
        let stored = self.relays[0].durable_version(document);
        let known = |(replica, count): (ReplicaId, u64)| !self.is_device(replica) || stored.get(replica) == count;
        if !version.iter().all(known)
            || !stored.iter().all(|(replica, count)| !self.is_device(replica) || version.get(replica) == count)
        {
            return false;
        }
        self.of_document(document).all(|node| {
            node.replica.as_ref().is_some_and(|replica| {
                *replica.link() == LinkState::Live
                    && *replica.document().version() == *version
                    && replica.units_waiting() == 0
                    && replica.units_saved_here() == replica.units_made()
                    && self.is_held_by_all(document, replica)
            })
        })
    }

    /// Whether a replica knows that all others have what it wrote.
    fn is_held_by_all(&self, document: DocumentId, replica: &Replica) -> bool {
        let (own, holders) = (replica.document().replica(), replica.holders());
        self.of_document(document).all(|other| other.id == own || holders.binary_search(&other.id).is_ok())
    }

    fn is_device(&self, replica: ReplicaId) -> bool {
        self.devices.iter().any(|node| node.id == replica)
    }

    fn why_not_met(&self) -> String {
        let state = |node: &Node| {
            node.replica.as_ref().map(|replica| {
                let units = (replica.units_made(), replica.units_saved_here(), replica.units_saved_at_relay());
                let version: VersionVector = replica.document().version().clone();
                (*replica.link(), units, replica.holders().len(), version, replica.refusal())
            })
        };
        let devices: Vec<_> = self.devices.iter().map(state).collect();
        let stored: Vec<_> = self.documents.iter().map(|document| self.relays[0].durable_version(*document)).collect();
        format!("not equal in time: {devices:?}; the relay has {stored:?}")
    }

    /// Everything that was ever on a disk for sure is everywhere now, and all show what the oracle makes of it.
    pub(super) fn check_end(&mut self) -> Result<(), String> {
        for document in self.documents {
            let shown = self.of_document(document).find_map(|node| node.replica.as_ref()).map(Replica::document);
            let Some(shown) = shown.cloned() else { continue };
            for node in self.devices.iter().filter(|node| node.document == document && !node.is_copy) {
                let (kept, has) = (node.disk.durable_version().get(node.id), shown.version().get(node.id));
                if has < kept && !node.is_left_out() {
                    return Err(format!("lost for good: {kept} units of {} were on its disk, {has} are left", node.id));
                }
            }
            let log = self.relays[0].durable(document).to_vec();
            let strangers = self.plan.has_strangers();
            let read = self.checker.read(&shown, &log, strangers)?;
            let (text, theirs) = (shown.text().slice(0..usize::MAX), read.text().slice(0..usize::MAX));
            if *read.version() == *shown.version() && text != theirs {
                return Err(format!("who comes last reads another text: {theirs:?} and {text:?}"));
            }
            self.checker.check_runs(&shown)?;
            self.checker.check_text(&shown, &mut self.rng)?;
        }
        Ok(())
    }
}

impl Node {
    /// Whether it has found out that it is not the only one with its id.
    fn is_cloned(&self) -> bool {
        self.replica.as_ref().is_some_and(Replica::clone_detected)
    }

    /// Whether it cannot be expected to meet the others: it was never switched on, or another one has its id.
    fn is_left_out(&self) -> bool {
        self.starts_us == Some(u64::MAX) || self.is_copy || self.is_cloned()
    }
}
