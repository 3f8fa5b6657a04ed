//! Everything that can happen without time passing: frames arrive, replicas and relays get what they ask for, frames are sent.

use bytes::Bytes;
use quire_crdt::sync::frame::{Refusal, RefusalReason};
use quire_crdt::sync::{ConnId, Replica};

use super::{World, code};
use crate::hostile::lies;
use crate::link::Said;
use crate::model::Observed;
use crate::network::Way;
use crate::node::{Ask, Node};
use crate::relay_node::Drained;
use crate::story::hash_of;
use crate::tamper::Victim;

impl World {
    pub(super) fn settle(&mut self) -> Result<(), String> {
        // What a replica asks for is done before anything else is handed in, as the program does it.
        while self.drain_devices()? | self.arrivals()? | self.drain_relays()? {}
        for node in &mut self.devices {
            if node.is_awake() && node.refuses_us.is_none() {
                node.disk.start_sync(self.now_us, &mut node.rng, self.plan.knobs.sync_us);
            }
        }
        self.relays.iter_mut().for_each(|node| node.start_syncs(self.now_us));
        Ok(())
    }

    /// Opens the connection that a device asked for, if its relay is there.
    pub(super) fn connect(&mut self, at: usize) -> Result<(), String> {
        let node = &mut self.devices[at];
        node.connects_us = None;
        let (relay, now) = (node.relay, node.clock.now(self.now_us));
        let parted = [Way::Up, Way::Down].into_iter().any(|way| self.network.is_parted(Some(at), relay, way));
        let fails = node.rng.chance(self.plan.knobs.connect_fails) && self.healed_us.is_none();
        let Some(replica) = &mut node.replica else { return Ok(()) };
        let relay_node = &mut self.relays[relay];
        let awake = relay_node.paused_us.is_none();
        match relay_node.relay {
            // An attempt that nobody answers ends by the replica's own patience.
            _ if parted && !fails => {}
            Some(_) if awake && !fails => {
                let conn = self.network.open(Some(at), relay);
                relay_node.handle_connected(self.now_us, conn);
                node.link_up(conn, now);
                if relay_node.is_hostile {
                    self.checker.expect_lies(conn);
                }
                self.story.note(self.now_us, [code::LINK, at as u64, relay as u64], || {
                    format!("device {at} is connected to relay {relay}")
                });
                self.observe(Observed::Connected { conn, replica: at, relay })?;
            }
            _ => {
                replica.handle_disconnected(now);
                self.story.note(self.now_us, [code::LINK, at as u64, u64::MAX], || {
                    format!("device {at} cannot connect to relay {relay}")
                });
            }
        }
        self.see(at)
    }

    /// Frames that have arrived are handed in, and ends are told of the ends of their connections. Whether there were any.
    fn arrivals(&mut self) -> Result<bool, String> {
        let mut moved = false;
        for conn in self.network.due(self.now_us) {
            let Some(connection) = self.network.get(conn) else { continue };
            let (device, relay) = (connection.device, connection.relay);
            let (open_at_device, open_at_relay) = (connection.open_at_device, connection.open_at_relay);
            if open_at_device {
                moved |= match device {
                    Some(at) => self.arrivals_at_device(at, conn)?,
                    None => self.arrivals_at_stranger(relay, conn),
                };
            }
            if open_at_relay {
                moved |= self.arrivals_at_relay(relay, conn)?;
            }
        }
        Ok(moved)
    }

    fn arrivals_at_device(&mut self, at: usize, conn: ConnId) -> Result<bool, String> {
        if !self.devices[at].is_awake() {
            return Ok(false);
        }
        let (mut moved, now) = (false, self.devices[at].clock.now(self.now_us));
        while self.devices[at].conn == Some(conn)
            && let Some(frame) = self.network.receive(self.now_us, conn, Way::Down)
        {
            moved = true;
            self.tell_frame(conn, Way::Down, at, &frame);
            self.commit_for_model(at)?;
            self.observe(Observed::Received { conn, way: Way::Down, frame: &frame })?;
            self.devices[at].hear(now, &frame);
            self.see(at)?;
        }
        if self.network.has_ended(self.now_us, conn, Way::Down) {
            moved = true;
            self.close_at_device(conn);
            if self.devices[at].conn == Some(conn) {
                self.devices[at].conn = None;
                if let Some(replica) = self.replica(at) {
                    replica.handle_disconnected(now);
                }
                self.see(at)?;
            }
        }
        Ok(moved)
    }

    fn arrivals_at_stranger(&mut self, relay: usize, conn: ConnId) -> bool {
        let mut moved = false;
        while self.strangers[relay].reads()
            && let Some(message) = self.network.receive(self.now_us, conn, Way::Down)
        {
            moved = true;
            for answer in self.strangers[relay].hear(&message) {
                self.network.send(self.now_us, conn, Way::Up, answer);
            }
        }
        if self.network.has_ended(self.now_us, conn, Way::Down) {
            moved = true;
            self.close_at_device(conn);
            self.strangers[relay].conn = None;
        }
        moved
    }

    fn arrivals_at_relay(&mut self, at: usize, conn: ConnId) -> Result<bool, String> {
        if self.relays[at].paused_us.is_some() {
            return Ok(false);
        }
        let (mut moved, now) = (false, self.relays[at].clock.now(self.now_us));
        while self.relay_reads(at, conn)
            && let Some(frame) = self.network.receive(self.now_us, conn, Way::Up)
        {
            moved = true;
            self.observe(Observed::Received { conn, way: Way::Up, frame: &frame })?;
            if let Some(relay) = &mut self.relays[at].relay {
                relay.handle_frame(now, conn, &frame);
            }
            let device = self.network.get(conn).and_then(|connection| connection.device);
            self.tell_frame(conn, Way::Up, device.unwrap_or(usize::MAX), &frame);
        }
        if self.network.has_ended(self.now_us, conn, Way::Up) {
            moved = true;
            self.close_at_relay(at, conn)?;
        }
        Ok(moved)
    }

    fn tell_frame(&mut self, conn: ConnId, way: Way, device: usize, frame: &Bytes) {
        self.story.note(self.now_us, [code::FRAME, conn.0, way as u64, hash_of(frame)], || {
            let who = if device == usize::MAX { "a stranger".to_owned() } else { format!("device {device}") };
            let what = crate::hostile::name_of(frame);
            match way {
                Way::Up => format!("{who} → relay: {what}, {} bytes", frame.len()),
                Way::Down => format!("relay → {who}: {what}, {} bytes", frame.len()),
            }
        });
    }

    pub(super) fn close_at_device(&mut self, conn: ConnId) {
        self.network.close(self.now_us, conn, Way::Up);
        self.forget_if_gone(conn);
    }

    pub(super) fn close_at_relay(&mut self, at: usize, conn: ConnId) -> Result<(), String> {
        let node = &mut self.relays[at];
        node.closing.remove(&conn);
        node.woken.remove(&conn);
        if let Some(relay) = &mut node.relay {
            relay.handle_closed(node.clock.now(self.now_us), conn);
        }
        self.network.close(self.now_us, conn, Way::Down);
        self.forget_if_gone(conn);
        self.observe(Observed::ClosedAtRelay { conn })
    }

    fn forget_if_gone(&mut self, conn: ConnId) {
        if self.network.get(conn).is_none() {
            self.checker.forget_connection(conn);
        }
    }

    /// Does what the replicas ask for, and sends what they have to send as far as their connections take it.
    fn drain_devices(&mut self) -> Result<bool, String> {
        let mut moved = false;
        for at in 0..self.devices.len() {
            if self.devices[at].is_awake() {
                moved |= self.drain_device(at)?;
            }
        }
        Ok(moved)
    }

    fn drain_device(&mut self, at: usize) -> Result<bool, String> {
        let mut moved = false;
        while let Some(output) = self.replica(at).and_then(Replica::poll_output) {
            moved = true;
            let ask = self.devices[at].act(output).map_err(|what| format!("device {at} {what}"))?;
            self.act_on_link(at, ask)?;
            if self.devices[at].burn() {
                self.crash_device(at)?;
            }
        }
        let now = self.devices[at].clock.now(self.now_us);
        while let Some(conn) = self.devices[at].conn
            && self.network.takes(conn, Way::Up)
            && let Some(said) = self.devices[at].say(now)
        {
            moved = true;
            self.send_up(at, conn, said)?;
            if self.devices[at].burn() {
                self.crash_device(at)?;
            }
        }
        Ok(moved)
    }

    fn send_up(&mut self, at: usize, conn: ConnId, said: Said) -> Result<(), String> {
        let node = &self.devices[at];
        match said {
            Said::Plain(frame) => {
                self.checker.check_up(conn, node, &frame)?;
                self.observe(Observed::Sent { conn, way: Way::Up, frame: &frame })?;
                self.network.send(self.now_us, conn, Way::Up, frame);
            }
            Said::Sealing(frame) => self.checker.check_up(conn, node, &frame)?,
            Said::Sealed(message) => {
                self.checker.check_sealed_up(conn, node, &message)?;
                self.pass(conn, Way::Up, message);
            }
        }
        Ok(())
    }

    /// A message goes on its way, by whoever stands there.
    fn pass(&mut self, conn: ConnId, way: Way, message: Bytes) {
        let device = self.network.get(conn).and_then(|connection| connection.device);
        let (Some(tamperer), Some(at)) = (&mut self.tamperer, device) else {
            return self.network.send(self.now_us, conn, way, message);
        };
        let Node { document, id, .. } = self.devices[at];
        let (messages, is_altered) = tamperer.pass(conn, way, Victim { device: at, document, replica: id }, message);
        if is_altered {
            self.checker.expect_tampering();
        }
        for message in messages {
            self.network.send(self.now_us, conn, way, message);
        }
    }

    fn act_on_link(&mut self, at: usize, ask: Ask) -> Result<(), String> {
        match ask {
            Ask::Connect => {
                let node = &mut self.devices[at];
                let (shortest_us, longest_us) = self.plan.knobs.latency_us;
                node.connects_us = Some(self.now_us + 1 + shortest_us + node.rng.next_u64() % longest_us);
            }
            Ask::Disconnect => {
                self.devices[at].connects_us = None;
                if let Some(conn) = self.devices[at].conn.take() {
                    self.close_at_device(conn);
                }
            }
            Ask::Refused(refusal) => self.check_refusal(at, refusal)?,
            Ask::Resumes(resume) => {
                self.observe(Observed::ResumeKept { replica: at, resume })?;
                let live = self.devices[at].conn.and_then(|conn| self.network.get(conn));
                if live.is_some_and(|connection| connection.open_at_relay) {
                    self.checker.check_resume(&self.devices[at], &self.relays, resume)?;
                }
            }
            Ask::Nothing => {}
        }
        Ok(())
    }

    /// A relay refuses an honest device only when it stops, or has not heard it, or has a newer link of the same replica.
    fn check_refusal(&mut self, at: usize, refusal: Refusal) -> Result<(), String> {
        let relay = self.devices[at].relay;
        let is_expected = match refusal.reason {
            RefusalReason::Storage | RefusalReason::ShuttingDown => true,
            RefusalReason::Silent => self.plan.has_silence(),
            RefusalReason::Replaced => self.plan.has_clones(),
            _ => false,
        };
        self.story.note(self.now_us, [code::LINK, at as u64, refusal.reason as u64], || {
            format!("device {at} is refused: {:?}", refusal.reason)
        });
        if is_expected || self.relays[relay].is_hostile || self.checker.has_liars() {
            Ok(())
        } else {
            Err(format!("an honest device is refused: device {at}, {refusal:?}"))
        }
    }

    fn drain_relays(&mut self) -> Result<bool, String> {
        let mut moved = false;
        for at in 0..self.relays.len() {
            if self.relays[at].paused_us.is_none() {
                moved |= self.drain_relay(at)?;
            }
        }
        Ok(moved)
    }

    fn drain_relay(&mut self, at: usize) -> Result<bool, String> {
        let mut moved = self.drain_outputs(at)?;
        let now = self.relays[at].clock.now(self.now_us);
        for conn in self.relays[at].woken.clone() {
            while self.network.takes(conn, Way::Down) {
                let Some(frame) = self.relays[at].relay.as_mut().and_then(|relay| relay.poll_transmit(now, conn))
                else {
                    self.relays[at].woken.remove(&conn);
                    break;
                };
                moved = true;
                self.send_down(at, conn, frame)?;
                if self.burn_relay(at)? {
                    return Ok(true);
                }
            }
        }
        for conn in self.relays[at].closing.clone() {
            if !self.relays[at].woken.contains(&conn) {
                moved = true;
                self.close_at_relay(at, conn)?;
            }
        }
        Ok(moved | self.drain_outputs(at)?)
    }

    /// Does what a relay asks for.
    pub(super) fn drain_outputs(&mut self, at: usize) -> Result<bool, String> {
        let mut moved = false;
        loop {
            match self.relays[at].drain(self.now_us).map_err(|what| format!("relay {at} {what}"))? {
                Drained::Nothing => return Ok(moved),
                Drained::Appended(position, envelope) => {
                    let envelope = self.checker.check_appended(envelope)?;
                    self.observe(Observed::Appended { relay: at, position, header: envelope.header() })?;
                }
                Drained::Other => {}
            }
            moved = true;
            self.burn_relay(at)?;
        }
    }

    fn send_down(&mut self, at: usize, conn: ConnId, frame: Bytes) -> Result<(), String> {
        let device = self.network.get(conn).and_then(|connection| connection.device);
        if let Some(device) = device {
            self.checker.check_down(conn, &self.devices[device], &self.relays[at], &frame)?;
        }
        self.observe(Observed::Sent { conn, way: Way::Down, frame: &frame })?;
        if !self.relays[at].is_hostile {
            self.pass(conn, Way::Down, frame);
            return Ok(());
        }
        let ids: Vec<_> = self.devices.iter().map(|node| node.id).collect();
        let node = &mut self.relays[at];
        for frame in lies(&mut node.rng, &mut node.withheld, conn, &ids, frame) {
            self.pass(conn, Way::Down, frame);
        }
        Ok(())
    }

    fn burn_relay(&mut self, at: usize) -> Result<bool, String> {
        let for_us = match &mut self.relays[at].fuel {
            Some((0, for_us)) => *for_us,
            Some((left, _)) => {
                *left -= 1;
                return Ok(false);
            }
            None => return Ok(false),
        };
        self.crash_relay(at, for_us)?;
        Ok(true)
    }
}
