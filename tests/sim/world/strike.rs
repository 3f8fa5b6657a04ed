//! What goes wrong, and how everything comes back.

use quire_crdt::sync::{LinkState, Replica};

use super::World;
use crate::checker::version_of;
use crate::faults::Fault;
use crate::network::Way;

impl World {
    pub(super) fn strike(&mut self, fault: Fault) -> Result<(), String> {
        let at = self.rng.below(self.nodes.len());
        let pause_us = 200_000 + self.rng.next_u64() % 4_000_000;
        match fault {
            Fault::Drop => {
                if let Some(conn) = self.nodes[at].conn {
                    self.network.cut(self.now_us, conn);
                }
            }
            // Only links that were welcomed, so that a replica that waits for its welcome in vain is a breach.
            Fault::BlackHole => {
                let welcomed =
                    |replica: &Replica| matches!(replica.link(), LinkState::CatchingUp { .. } | LinkState::Live);
                let node = &self.nodes[at];
                if let Some(conn) = node.conn.filter(|_| node.replica.as_ref().is_some_and(welcomed)) {
                    self.network.silence(conn);
                }
            }
            Fault::ReplicaCrash => self.crash_replica(at, pause_us)?,
            Fault::RelayCrash => self.crash_relay(pause_us)?,
            Fault::ReplicaDisk if self.nodes[at].replica.is_some() => {
                self.nodes[at].fail_disk();
                self.nodes[at].recovers_us = Some(self.now_us + pause_us);
            }
            Fault::ReplicaDisk => {}
            Fault::RelayDisk => {
                let now = self.relay_now();
                if let Some(relay) = &mut self.relay.relay {
                    relay.handle_storage_failed(now);
                    self.drain_relay()?;
                }
                self.crash_relay(pause_us)?;
            }
            Fault::RelayReset => {
                self.crash_relay(pause_us)?;
                self.relay.reset(&mut self.rng);
                self.last_of_former_store = self.network.newest();
                for node in &mut self.nodes {
                    node.acked_by_this_store = false;
                }
            }
        }
        Ok(())
    }

    /// Nothing that was on this disk is lost (G5).
    fn crash_replica(&mut self, at: usize, pause_us: u64) -> Result<(), String> {
        let saved = self.replica(at).map_or(0, |replica| replica.units_saved_here());
        self.nodes[at].crash(&mut self.rng);
        self.nodes[at].recovers_us = Some(self.now_us + pause_us);
        if let Some(conn) = self.nodes[at].conn.take() {
            self.network.close(self.now_us, conn, Way::Up);
        }
        let left = version_of(self.nodes[at].disk.entries()).get(self.nodes[at].id);
        if left < saved {
            return Err(format!("replica {at} had {saved} units on its disk and finds {left}"));
        }
        for entry in self.nodes[at].disk.entries() {
            self.checker.check_stored(entry)?;
        }
        Ok(())
    }

    /// Nothing that was acknowledged is lost (G5).
    fn crash_relay(&mut self, pause_us: u64) -> Result<(), String> {
        if self.relay.relay.is_none() {
            return Ok(());
        }
        self.relay.crash(&mut self.rng);
        self.relay.recovers_us = Some(self.now_us + pause_us);
        for conn in self.network.conns() {
            self.network.cut(self.now_us, conn);
            self.network.close(self.now_us, conn, Way::Down);
        }
        let left = version_of(self.relay.disk.entries());
        for (at, node) in self.nodes.iter_mut().enumerate() {
            node.acked = node.replica.as_ref().map_or(node.acked, Replica::units_saved_at_relay);
            let acked = node.acked;
            if node.acked_by_this_store && acked > left.get(node.id) {
                return Err(format!(
                    "replica {at} was told that {acked} units are safe, and {} are",
                    left.get(node.id)
                ));
            }
        }
        for entry in self.relay.disk.entries() {
            self.checker.check_stored(entry)?;
        }
        Ok(())
    }

    /// Nothing goes wrong and nobody writes any more; whoever is down or off line comes back.
    pub(super) fn heal(&mut self) -> Result<(), String> {
        self.fault_us = None;
        if self.relay.relay.is_none() {
            self.relay.start();
        }
        for at in 0..self.nodes.len() {
            if self.nodes[at].recovers_us.is_some() {
                self.recover(at)?;
            }
            if let Some(replica) = self.replica(at) {
                replica.commit();
            }
            self.go_online(at);
        }
        self.settle()
    }
}
