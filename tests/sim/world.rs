//! One run: replicas, a relay, disks, a network, and what goes wrong, all out of one seed.

use quire_crdt::sync::frame::RefusalReason;
use quire_crdt::sync::{ConnId, LinkState, Now, Output, RelayLimits, Replica};
use quire_crdt::{Document, DocumentId, Envelope, Received, ReplicaId, VersionVector};

use self::forged::is_forged;
use crate::checker::{Breach, Checker};
use crate::faults::{Fault, Faults};
use crate::network::{Network, Way};
use crate::node::Node;
use crate::oracle::OracleDocument;
use crate::relay_node::RelayNode;
use crate::rng::Rng;

mod forged;
mod strike;

const DOCUMENT: DocumentId = DocumentId::from_bytes([0x51; 16]);

/// When a run begins, on the wall clock.
const BEGAN_WALL_US: i64 = 1_790_000_000_000_000;

/// For how long things go wrong, in microseconds.
const FAULTY_US: u64 = 40_000_000;

/// Within this time after everything is healed all replicas must be equal, in microseconds: the longest suspicion and the longest
/// delay between attempts, twice.
const CONVERGE_WITHIN_US: u64 = 300_000_000;

/// A run.
#[derive(Debug)]
pub struct World {
    now_us: u64,
    rng: Rng,
    faults: Faults,
    fault_us: Option<u64>,
    nodes: Vec<Node>,
    relay: RelayNode,
    network: Network,
    checker: Checker,
    /// The newest connection of the time before the relay lost its store.
    last_of_former_store: Option<ConnId>,
}

/// What a run did, so that a test can see that it did something.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Summary {
    /// Changes in the relay's log at the end.
    pub changes: usize,
    /// Characters of the text at the end.
    pub characters: usize,
    /// How long it took after healing until all were equal, in microseconds.
    pub converged_us: u64,
}

impl World {
    /// The run of a seed.
    pub fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let faults = Faults::of(&mut rng);
        let limits = RelayLimits {
            ring_changes_max: [3, 8_192][rng.below(2)],
            read_bytes_max: [200, 64 * 1024][rng.below(2)],
            progress_changes: [1, 64][rng.below(2)],
            retry_after_ms: 500,
            ..RelayLimits::default()
        };
        let replicas = 1 + rng.below(4);
        let mut node = |at: usize| {
            let mut id = [0; 16];
            id[..8].copy_from_slice(&rng.next_u64().to_be_bytes());
            id[15] = u8::try_from(at).unwrap_or(0);
            let ahead = i64::try_from(rng.next_u64() % (2 * faults.clock_us + 1)).unwrap_or(0);
            let clock_us = ahead.saturating_sub_unsigned(faults.clock_us);
            Node::new(DOCUMENT, ReplicaId::from_bytes(id), clock_us)
        };
        let nodes = (0..replicas).map(&mut node).collect();
        Self {
            now_us: 1_000_000,
            network: Network::new(faults.latency_us, faults.window_bytes),
            relay: RelayNode::new(DOCUMENT, limits, seed),
            checker: Checker::new(faults.kinds.contains(&Fault::BlackHole)),
            last_of_former_store: None,
            fault_us: Some(2_000_000),
            rng,
            faults,
            nodes,
        }
    }

    /// Runs it to the end.
    ///
    /// # Errors
    /// The first promise that was broken.
    pub fn run(mut self) -> Result<Summary, Breach> {
        self.run_all().map_err(|what| Breach { at_us: self.now_us, what })
    }

    fn run_all(&mut self) -> Result<Summary, String> {
        for at in 0..self.nodes.len() {
            self.go_online(at);
        }
        self.settle()?;
        let heals_us = self.now_us + FAULTY_US;
        while self.now_us < heals_us {
            self.step(heals_us)?;
        }
        self.heal()?;
        let healed_us = self.now_us;
        while !self.is_converged() {
            if self.now_us > healed_us + CONVERGE_WITHIN_US {
                return Err(self.why_not_converged());
            }
            self.step(u64::MAX)?;
        }
        self.check_end()?;
        let characters = self.replica(0).map_or(0, |replica| replica.document().text().len_chars());
        let changes = self.relay.disk.durable().len();
        Ok(Summary { changes, characters, converged_us: self.now_us - healed_us })
    }

    /// To the next moment at which something happens, and everything that happens then.
    fn step(&mut self, not_beyond_us: u64) -> Result<(), String> {
        let next_us = self.next_us().unwrap_or(not_beyond_us).min(not_beyond_us);
        self.now_us = next_us.max(self.now_us + 1);
        self.relay_ticks();
        for at in 0..self.nodes.len() {
            self.node_ticks(at)?;
        }
        if self.fault_us.is_some_and(|at| at <= self.now_us) {
            self.fault_us = Some(self.now_us + 1 + self.rng.next_u64() % self.faults.pause_us);
            if let Some(fault) = self.faults.pick(&mut self.rng) {
                self.strike(fault)?;
            }
        }
        self.settle()?;
        for (at, node) in self.nodes.iter_mut().enumerate() {
            if let Some(replica) = &node.replica {
                self.checker.check_replica(at, replica)?;
                let welcomed = matches!(replica.link(), LinkState::CatchingUp { .. } | LinkState::Live);
                node.acked_by_this_store |= welcomed && node.conn > self.last_of_former_store;
            }
        }
        Ok(())
    }

    /// Everything that can happen without time passing.
    fn settle(&mut self) -> Result<(), String> {
        while self.arrivals() | self.drain_nodes()? | self.drain_relay()? {}
        Ok(())
    }

    fn next_us(&self) -> Option<u64> {
        let node = |node: &Node| {
            let timer = node.replica.as_ref().and_then(Replica::poll_timeout);
            let acts = self.fault_us.map(|_| node.acts_us);
            [timer, acts, node.connects_us, node.recovers_us, node.disk.sync_ends_us()].into_iter().flatten().min()
        };
        let nodes = self.nodes.iter().filter_map(node).min();
        let arrivals = self.network.next_us(|conn, way| way == Way::Down || self.relay_reads(conn));
        [nodes, arrivals, self.relay.next_us(), self.fault_us].into_iter().flatten().min()
    }

    fn relay_reads(&self, conn: ConnId) -> bool {
        self.relay.relay.as_ref().is_some_and(|relay| relay.can_read(conn))
    }

    fn now_at(&self, at: usize) -> Now {
        let wall_us = BEGAN_WALL_US.saturating_add_unsigned(self.now_us).saturating_add(self.nodes[at].clock_us);
        Now { monotonic_us: self.now_us, wall_us }
    }

    fn relay_now(&self) -> Now {
        Now { monotonic_us: self.now_us, wall_us: BEGAN_WALL_US.saturating_add_unsigned(self.now_us) }
    }

    fn replica(&mut self, at: usize) -> Option<&mut Replica> {
        self.nodes[at].replica.as_mut()
    }

    fn go_online(&mut self, at: usize) {
        let now = self.now_at(at);
        if let Some(replica) = self.replica(at) {
            replica.go_online(now);
        }
    }

    fn relay_ticks(&mut self) {
        if self.relay.recovers_us.is_some_and(|at| at <= self.now_us) {
            self.relay.start();
        }
        self.relay.tick(self.relay_now());
    }

    fn node_ticks(&mut self, at: usize) -> Result<(), String> {
        let now = self.now_at(at);
        if self.nodes[at].recovers_us.is_some_and(|time_us| time_us <= self.now_us) {
            self.recover(at)?;
        }
        for entry in self.nodes[at].finish_sync(now) {
            self.checker.check_stored(&entry)?;
        }
        if self.nodes[at].connects_us.is_some_and(|time_us| time_us <= self.now_us) {
            self.connect(at, now);
        }
        if let Some(replica) = self.replica(at) {
            replica.handle_timeout(now);
        }
        if self.fault_us.is_some() && self.nodes[at].acts_us <= self.now_us {
            self.nodes[at].acts_us = self.now_us + 50_000 + self.rng.next_u64() % 1_500_000;
            self.nodes[at].write(&mut self.rng)?;
            if self.rng.chance(4) {
                self.go_offline(at, now);
            } else if self.rng.chance(20) {
                self.go_online(at);
            }
        }
        Ok(())
    }

    fn go_offline(&mut self, at: usize, now: Now) {
        if let Some(replica) = self.replica(at) {
            replica.go_offline(now);
        }
    }

    fn recover(&mut self, at: usize) -> Result<(), String> {
        if self.nodes[at].replica.is_some() {
            self.nodes[at].heal_disk();
            return Ok(());
        }
        self.nodes[at].start()?;
        self.checker.forget(at);
        self.go_online(at);
        Ok(())
    }

    fn connect(&mut self, at: usize, now: Now) {
        self.nodes[at].connects_us = None;
        let relay_now = self.relay_now();
        let Some(replica) = &mut self.nodes[at].replica else { return };
        match &mut self.relay.relay {
            None => replica.handle_disconnected(now),
            Some(relay) => {
                let conn = self.network.open(at);
                relay.handle_connected(relay_now, conn);
                replica.handle_connected(now);
                self.nodes[at].conn = Some(conn);
            }
        }
    }

    /// Frames that have arrived are handed in, and ends are told of the ends of their connections. Whether there were any.
    fn arrivals(&mut self) -> bool {
        let mut moved = false;
        for conn in self.network.conns() {
            let Some(connection) = self.network.get(conn) else { continue };
            let (at, open_at_node, open_at_relay) =
                (connection.node, connection.open_at_node, connection.open_at_relay);
            let now = self.now_at(at);
            if open_at_node {
                moved |= self.arrivals_at_node(at, conn, now);
            }
            if open_at_relay {
                moved |= self.arrivals_at_relay(conn);
            }
        }
        moved
    }

    fn arrivals_at_node(&mut self, at: usize, conn: ConnId, now: Now) -> bool {
        let mut moved = false;
        while self.nodes[at].conn == Some(conn)
            && let Some(frame) = self.network.receive(self.now_us, conn, Way::Down)
        {
            moved = true;
            if let Some(replica) = self.replica(at) {
                replica.handle_frame(now, &frame);
            }
        }
        if self.network.has_ended(self.now_us, conn, Way::Down) {
            moved = true;
            self.network.close(self.now_us, conn, Way::Up);
            if self.nodes[at].conn == Some(conn) {
                self.nodes[at].conn = None;
                if let Some(replica) = self.replica(at) {
                    replica.handle_disconnected(now);
                }
            }
        }
        moved
    }

    fn arrivals_at_relay(&mut self, conn: ConnId) -> bool {
        let (mut moved, now) = (false, self.relay_now());
        while let Some(relay) = self.relay.relay.as_mut().filter(|relay| relay.can_read(conn))
            && let Some(frame) = self.network.receive(self.now_us, conn, Way::Up)
        {
            moved = true;
            relay.handle_frame(now, conn, &frame);
        }
        if self.network.has_ended(self.now_us, conn, Way::Up) {
            moved = true;
            self.close_at_relay(conn);
        }
        moved
    }

    fn close_at_relay(&mut self, conn: ConnId) {
        let now = self.relay_now();
        self.network.close(self.now_us, conn, Way::Down);
        self.relay.closing.remove(&conn);
        self.relay.woken.remove(&conn);
        if let Some(relay) = &mut self.relay.relay {
            relay.handle_closed(now, conn);
        }
    }

    /// Does what the replicas ask for, and sends what they have to send as far as their connections take it.
    fn drain_nodes(&mut self) -> Result<bool, String> {
        let mut moved = false;
        for at in 0..self.nodes.len() {
            while let Some(output) = self.replica(at).and_then(Replica::poll_output) {
                moved = true;
                let output = self.nodes[at].act(output).map_err(|what| format!("replica {at} {what}"))?;
                self.act_on_link(at, output.as_ref())?;
            }
            let node = &mut self.nodes[at];
            node.disk.start_sync(self.now_us, &mut self.rng, self.faults.sync_us);
            let now = self.now_at(at);
            while let Some(conn) = self.nodes[at].conn
                && self.network.takes(conn, Way::Up)
                && let Some(frame) = self.replica(at).and_then(|replica| replica.poll_transmit(now))
            {
                moved = true;
                self.network.send(self.now_us, &mut self.rng, conn, Way::Up, frame);
            }
        }
        Ok(moved)
    }

    fn act_on_link(&mut self, at: usize, output: Option<&Output>) -> Result<(), String> {
        match output {
            Some(Output::Connect) => {
                self.nodes[at].connects_us = Some(self.now_us + 1 + self.rng.next_u64() % self.faults.latency_us);
            }
            Some(Output::Disconnect) => {
                self.nodes[at].connects_us = None;
                if let Some(conn) = self.nodes[at].conn.take() {
                    self.network.close(self.now_us, conn, Way::Up);
                }
            }
            // Even a relay that heard nothing cannot say so on a link that carries nothing.
            Some(Output::Refused(refusal)) if refusal.reason != RefusalReason::Storage => {
                return Err(format!("replica {at} is refused: {refusal:?}"));
            }
            _ => {}
        }
        Ok(())
    }

    fn drain_relay(&mut self) -> Result<bool, String> {
        let now = self.relay_now();
        let mut moved = self.relay.drain(now, &mut self.rng, self.faults.sync_us)?;
        for conn in self.relay.woken.clone() {
            while self.network.takes(conn, Way::Down) {
                let Some(relay) = &mut self.relay.relay else { break };
                let Some(frame) = relay.poll_transmit(now, conn) else {
                    self.relay.woken.remove(&conn);
                    break;
                };
                moved = true;
                self.network.send(self.now_us, &mut self.rng, conn, Way::Down, frame);
            }
        }
        for conn in self.relay.closing.clone() {
            if !self.relay.woken.contains(&conn) {
                moved = true;
                self.close_at_relay(conn);
            }
        }
        Ok(moved)
    }

    /// What the relay has that replicas can take.
    fn stored(&self) -> VersionVector {
        let entries = self.relay.disk.durable().iter().filter_map(|entry| Envelope::decode(entry.clone()).ok());
        let taken = entries.filter(|envelope| !is_forged(envelope));
        taken.map(|envelope| (envelope.header().replica, envelope.header().end_seq())).collect()
    }

    fn is_converged(&self) -> bool {
        let stored = self.stored();
        self.nodes.iter().all(|node| {
            node.replica.as_ref().is_some_and(|replica| {
                *replica.link() == LinkState::Live
                    && *replica.document().version() == stored
                    && replica.units_waiting() == 0
                    && replica.units_saved_here() == replica.units_made()
                    && replica.holders().len() == self.nodes.len() - 1
            })
        })
    }

    fn why_not_converged(&self) -> String {
        let state = |node: &Node| {
            node.replica.as_ref().map(|replica| {
                let units = (replica.units_made(), replica.units_saved_here(), replica.units_saved_at_relay());
                (*replica.link(), units, replica.holders().len(), replica.document().version().clone())
            })
        };
        let nodes: Vec<_> = self.nodes.iter().map(state).collect();
        format!("not equal in time: {nodes:?}; relay {:?}", self.stored())
    }

    /// All show what the oracle makes of the relay's log.
    fn check_end(&mut self) -> Result<(), String> {
        let mut reader = Document::new(DOCUMENT, ReplicaId::from_bytes([0xff; 16]));
        for entry in self.relay.disk.durable() {
            self.checker.check_stored(entry)?;
            let envelope = Envelope::decode(entry.clone()).map_err(|error| error.to_string())?;
            if !is_forged(&envelope) {
                reader.receive(envelope, &mut Received::default()).map_err(|error| error.to_string())?;
            }
        }
        let mut oracle = OracleDocument::new();
        for change in (0..reader.log().len()).filter_map(|position| reader.log().change(position)) {
            oracle.receive(change);
        }
        let expected = oracle.text().visible();
        for (at, node) in self.nodes.iter().enumerate() {
            let text = node
                .replica
                .as_ref()
                .map(|replica| replica.document().text())
                .map(|text| text.slice(0..text.len_chars()));
            if text.as_ref() != Some(&expected) {
                return Err(format!("replica {at} shows {text:?}, the oracle {expected:?}"));
            }
        }
        Ok(())
    }
}
