//! What befalls devices and relays.

use super::{World, code};
use crate::model::Observed;
use crate::network::Way;
use crate::plan::{Fate, RelayFate};

impl World {
    pub(super) fn fate(&mut self, at: usize, fate: Fate) -> Result<(), String> {
        let now_us = self.now_us;
        let node = &mut self.devices[at];
        match fate {
            Fate::Cut => {
                if let Some(conn) = node.conn {
                    self.network.cut(now_us, conn);
                }
            }
            Fate::Silence => {
                if let Some(conn) = node.conn {
                    self.network.silence(conn);
                }
            }
            Fate::Crash { effects, for_us } => {
                if node.replica.is_some() {
                    node.fuel = Some((effects, for_us));
                }
            }
            Fate::Disk(for_us) => {
                if node.replica.is_some() {
                    node.refuse(now_us + for_us);
                }
            }
            Fate::Sync => node.disk.break_sync(),
            Fate::Pause(for_us) => node.paused_us = Some(now_us + for_us),
            Fate::Clock(by_us) => node.clock.set(by_us),
            Fate::Timers => {
                let now = node.clock.now(now_us).plus_us(61_000_000);
                if let Some(replica) = node.replica.as_mut().filter(|_| node.paused_us.is_none()) {
                    replica.handle_timeout(now);
                }
                return self.see(at);
            }
            Fate::Checkpoint => return node.keep_checkpoint(),
            Fate::Backup => node.backup = Some(node.image()),
            Fate::Yesterday => return self.put_back(at),
            Fate::Copied => return self.copy(at),
        }
        Ok(())
    }

    /// The machine stops, and its disk is what it was at the last backup.
    fn put_back(&mut self, at: usize) -> Result<(), String> {
        if let Some(image) = self.devices[at].backup.take() {
            self.crash_device(at)?;
            self.devices[at].put_back(image)?;
            self.checker.forget_promises(self.devices[at].id);
            self.start_device(at)?;
        }
        Ok(())
    }

    /// The disk of a device becomes that of the last one as well, which is switched on.
    fn copy(&mut self, at: usize) -> Result<(), String> {
        let (image, id, keys) = (self.devices[at].image(), self.devices[at].id, self.devices[at].keys.clone());
        let last = self.devices.len() - 1;
        let copy = &mut self.devices[last];
        if copy.replica.is_none() && last != at {
            (copy.id, copy.keys) = (id, keys);
            copy.put_back(image)?;
            self.devices[at].is_copy = true;
            self.checker.forget_promises(id);
            self.start_device(last)?;
        }
        Ok(())
    }

    /// A process starts. What was on its disk for sure is there (G5).
    pub(super) fn start_device(&mut self, at: usize) -> Result<(), String> {
        let node = &mut self.devices[at];
        node.starts_us = None;
        if node.replica.is_some() {
            return Ok(());
        }
        node.start().map_err(|what| format!("a device cannot read its disk: device {at}, {what}"))?;
        self.checker.check_started(at, &self.devices[at])?;
        let now = self.devices[at].clock.now(self.now_us);
        self.story.note(self.now_us, [code::START, at as u64], || format!("device {at} starts"));
        if let Some(replica) = self.replica(at) {
            replica.go_online(now);
        }
        let (resume, saved) = self.devices[at].remembered();
        let kept = self.devices[at].disk.entries().len() as u64;
        self.observe(Observed::ReplicaStarted { replica: at, kept, resume, saved })?;
        self.see(at)
    }

    /// A machine stops, and is back when its fuel said.
    pub(super) fn crash_device(&mut self, at: usize) -> Result<(), String> {
        let for_us = self.devices[at].fuel.map_or(1_000_000, |(_, for_us)| for_us);
        self.crash_and_wait(at, for_us)
    }

    pub(super) fn crash_and_wait(&mut self, at: usize, for_us: u64) -> Result<(), String> {
        // What it has made since the last step is still to be looked at.
        self.checker.check_device(at, &self.devices[at])?;
        let node = &mut self.devices[at];
        if node.replica.is_none() {
            return Ok(());
        }
        self.story.note(self.now_us, [code::STOP, at as u64], || format!("device {at} stops"));
        let conn = node.conn.take();
        node.crash()?;
        node.starts_us = Some(self.now_us + for_us);
        let node = &self.devices[at];
        self.checker.check_stored(node, node.disk.durable(), node.disk.durable_proofs())?;
        if let Some(conn) = conn {
            self.close_at_device(conn);
        }
        Ok(())
    }

    pub(super) fn relay_fate(&mut self, at: usize, fate: RelayFate) -> Result<(), String> {
        let node = &mut self.relays[at];
        match fate {
            RelayFate::Crash { effects, for_us } => {
                if node.relay.is_some() {
                    node.fuel = Some((effects, for_us));
                }
            }
            RelayFate::Disk(for_us) => {
                node.break_sync();
                node.stays_down_us = for_us;
            }
            RelayFate::ShutDown(for_us) => {
                if let Some(relay) = &mut node.relay {
                    relay.relay().shut_down(node.clock.now(self.now_us));
                    node.stops_us = Some((self.now_us + 2 * self.plan.knobs.sync_us, for_us));
                }
            }
            RelayFate::Forget => {
                self.crash_relay(at, 1_000_000)?;
                self.checker.forget_relay(&self.relays[at]);
                self.relays[at].forget()?;
                self.observe(Observed::RelayForgot { relay: at })?;
            }
            RelayFate::Backup => node.backup = Some(node.image()),
            RelayFate::Yesterday => {
                if let Some(logs) = node.backup.take() {
                    self.crash_relay(at, 1_000_000)?;
                    self.checker.forget_relay(&self.relays[at]);
                    self.relays[at].put_back(logs)?;
                    let kept = self.relays[at].durable(self.documents[0]).len() as u64;
                    self.observe(Observed::RelayRestored { relay: at, kept })?;
                }
            }
            RelayFate::Pause(for_us) => node.paused_us = Some(self.now_us + for_us),
        }
        Ok(())
    }

    /// A relay's disk has failed: it says so to everybody, and stops.
    pub(super) fn fail_relay(&mut self, at: usize) -> Result<(), String> {
        let node = &mut self.relays[at];
        let for_us = node.stays_down_us;
        if let Some(relay) = &mut node.relay {
            relay.relay().handle_storage_failed(node.clock.now(self.now_us));
        }
        self.settle()?;
        self.crash_relay(at, for_us)
    }

    /// A relay's machine stops.
    pub(super) fn crash_relay(&mut self, at: usize, for_us: u64) -> Result<(), String> {
        let node = &mut self.relays[at];
        if node.relay.is_none() {
            return Ok(());
        }
        self.story.note(self.now_us, [code::STOP, at as u64, 1], || format!("relay {at} stops"));
        node.crash()?;
        node.starts_us = Some(self.now_us + for_us);
        let kept = self.relays[at].durable(self.documents[0]).len() as u64;
        self.observe(Observed::RelayCrashed { relay: at, kept })?;
        self.checker.forget_log();
        for conn in self.network.conns() {
            if self.network.get(conn).is_some_and(|connection| connection.relay == at) {
                self.network.cut(self.now_us, conn);
                self.network.close(self.now_us, conn, Way::Down);
            }
        }
        Ok(())
    }

    /// A relay starts. Nothing that it acknowledged is lost (G5).
    pub(super) fn start_relay(&mut self, at: usize) -> Result<(), String> {
        let node = &mut self.relays[at];
        node.starts_us = None;
        if node.relay.is_none() {
            node.start();
            self.story.note(self.now_us, [code::START, at as u64, 1], || format!("relay {at} starts"));
            self.checker.check_relay_started(&self.relays[at])?;
        }
        Ok(())
    }
}
