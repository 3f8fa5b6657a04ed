//! A run: devices, relays, disks, a network, and what is done to them, all out of one plan.

mod acts;
mod cast;
mod drain;
mod ending;
mod fates;

use quire_crdt::sync::{ConnId, Replica};
use quire_crdt::{DocumentId, ReplicaId};

use self::cast::Cast;
pub use crate::checker::Breach;
use crate::checker::Checker;
use crate::hostile::Stranger;
use crate::keyring::Documents;
use crate::model::{Conformance, Observed};
use crate::network::{Connection, Network, Way};
use crate::node::{Node, Recording};
use crate::plan::{Act, Deed, Plan};
use crate::relay_node::RelayNode;
use crate::rng::Rng;
use crate::story::Story;
use crate::tamper::Tamperer;

/// For how long after the last act a run goes on as it is, before everything is healed.
const AFTERMATH_US: u64 = 3_000_000;

/// The most steps of a run: beyond them something goes round in circles.
const STEPS_MAX: u64 = 1_000_000;

/// What a step is, in a story.
mod code {
    pub(super) const ACT: u64 = 1;
    pub(super) const FRAME: u64 = 2;
    pub(super) const START: u64 = 3;
    pub(super) const STOP: u64 = 4;
    pub(super) const LINK: u64 = 5;
    pub(super) const DISK: u64 = 6;
    pub(super) const KEY: u64 = 7;
    pub(super) const HEAL: u64 = 8;
}

/// A run.
#[derive(Debug)]
pub struct World {
    plan: Plan,
    /// The documents, by their numbers.
    documents: Documents,
    now_us: u64,
    next_act: usize,
    devices: Vec<Node>,
    relays: Vec<RelayNode>,
    strangers: Vec<Stranger>,
    /// Who stands between devices and relays, if somebody does.
    tamperer: Option<Tamperer>,
    network: Network,
    checker: Checker,
    recording: Recording,
    story: Story,
    rng: Rng,
    steps: u64,
    device_us: u64,
    /// When everything was healed.
    healed_us: Option<u64>,
    /// The model of the protocol, beside a run that it knows.
    conformance: Option<Conformance>,
}

/// What a run did.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Summary {
    /// How often time went on; everything was checked each time.
    pub steps: u64,
    /// For how long devices were switched on, added up, in microseconds.
    pub device_us: u64,
    /// Changes in the first relay's logs at the end.
    pub changes: usize,
    /// How long it took after healing until all were equal, in microseconds.
    pub converged_us: u64,
    /// Stands for everything that happened.
    pub hash: u64,
}

/// How a run ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What it did, or the first promise that was broken.
    pub result: Result<Summary, Breach>,
    /// The lines that tell it, if they were asked for.
    pub lines: Vec<String>,
}

/// The id of a document of a run.
pub(crate) const fn document_id(number: u8) -> DocumentId {
    DocumentId::from_bytes([0x51 + number; 16])
}

fn replica_id(rng: &mut Rng, device: usize) -> ReplicaId {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&rng.next_u64().to_be_bytes());
    id[15] = u8::try_from(device).unwrap_or(u8::MAX);
    ReplicaId::from_bytes(id)
}

/// Runs a plan to its end; its lines are kept if they are to be told.
pub fn run(plan: &Plan, is_told: bool) -> Outcome {
    let mut world = match World::new(plan, is_told) {
        Ok(world) => world,
        Err(what) => return Outcome { result: Err(Breach { at_us: 0, what }), lines: Vec::new() },
    };
    let result = world.run().map_err(|what| Breach { at_us: world.now_us, what });
    let summary = |()| Summary {
        steps: world.steps,
        device_us: world.device_us,
        changes: world.changes(),
        converged_us: world.now_us - world.healed_us.unwrap_or(world.now_us),
        hash: world.story.hash(),
    };
    Outcome { result: result.map(summary), lines: world.story.lines().to_vec() }
}

impl World {
    fn new(plan: &Plan, is_told: bool) -> Result<Self, String> {
        let Cast { documents, devices, relays, strangers, tamperer, checker } = Cast::of(plan)?;
        let ids: Vec<ReplicaId> = devices.iter().map(|node| node.id).collect();
        let conformance = plan.is_modelled().then(|| Conformance::new(document_id(0), &ids)).transpose()?;
        Ok(Self {
            conformance,
            now_us: 0,
            next_act: 0,
            devices,
            relays,
            strangers,
            tamperer,
            network: Network::new(&plan.knobs, plan.seed),
            checker,
            documents,
            recording: Recording::default(),
            story: Story::new(is_told),
            rng: Self::chance(plan, 4, 0),
            steps: 0,
            device_us: 0,
            healed_us: None,
            plan: plan.clone(),
        })
    }

    /// The chance of one of those who take part, or of the world itself.
    const fn chance(plan: &Plan, kind: u64, number: usize) -> Rng {
        Rng::new(plan.seed.rotate_left(17) ^ (kind << 32) ^ number as u64)
    }

    fn run(&mut self) -> Result<(), String> {
        if self.plan.acts.iter().any(|timed| matches!(timed.act, Act::Person(_, Deed::Replay(_)))) {
            self.recording = Recording::read()?;
        }
        let end_us = self.plan.acts.last().map_or(0, |timed| timed.at_us) + AFTERMATH_US;
        while self.now_us < end_us {
            self.step(end_us)?;
        }
        self.heal()?;
        self.meet()?;
        self.check_end()
    }

    /// To the next moment at which something happens, and everything that happens then.
    fn step(&mut self, not_beyond_us: u64) -> Result<(), String> {
        self.steps += 1;
        if self.steps > STEPS_MAX {
            return Err(format!("round in circles: {STEPS_MAX} steps; next are {:?}", self.sources_us()));
        }
        let next_us = self.next_us().unwrap_or(not_beyond_us).min(not_beyond_us).max(self.now_us + 1);
        let on = self.devices.iter().filter(|node| node.replica.is_some()).count() as u64;
        self.device_us += on * (next_us - self.now_us);
        self.now_us = next_us;
        self.network.tick(self.now_us);
        for at in 0..self.relays.len() {
            self.relay_ticks(at)?;
        }
        for at in 0..self.devices.len() {
            self.device_ticks(at)?;
        }
        while let Some(timed) = self.plan.acts.get(self.next_act).filter(|timed| timed.at_us <= self.now_us).copied() {
            self.next_act += 1;
            self.act(timed.act)?;
        }
        self.settle()?;
        self.check()
    }

    fn check(&mut self) -> Result<(), String> {
        for (at, node) in self.devices.iter().enumerate() {
            self.checker.check_device(at, node)?;
        }
        self.relays.iter().try_for_each(|relay| self.checker.check_relay(relay))
    }

    fn next_us(&self) -> Option<u64> {
        self.sources_us().into_iter().flatten().min()
    }

    /// When the next act is, and when something happens at a device, a relay, or on the network.
    fn sources_us(&self) -> [Option<u64>; 4] {
        let act = self.plan.acts.get(self.next_act).map(|timed| timed.at_us);
        let devices = self.devices.iter().filter_map(Node::next_us).min();
        let relays = self.relays.iter().filter_map(RelayNode::next_us).min();
        let hears = |conn, connection: &Connection, way| match way {
            Way::Up => self.relay_reads(connection.relay, conn),
            Way::Down => match connection.device {
                Some(device) => self.devices[device].is_awake(),
                None => self.strangers[connection.relay].reads(),
            },
        };
        [act, devices, relays, self.network.next_us(hears)]
    }

    /// Something happened that the model is to explain.
    fn observe(&mut self, observed: Observed<'_>) -> Result<(), String> {
        let model = |what| format!("the model does not allow it: {what}");
        self.conformance.as_mut().map_or(Ok(()), |conformance| conformance.observe(observed).map_err(model))
    }

    /// Something was done with a replica.
    fn see(&mut self, at: usize) -> Result<(), String> {
        match (&mut self.conformance, &self.devices[at].replica) {
            (Some(conformance), Some(replica)) => {
                let seen = conformance.observe(Observed::Replica { replica: at, is: replica });
                seen.map_err(|what| format!("the model does not allow it: {what}"))
            }
            _ => Ok(()),
        }
    }

    /// In the model, whoever takes something in has nothing half made: a delivery commits what was typed, as one step.
    fn commit_for_model(&mut self, at: usize) -> Result<(), String> {
        if self.conformance.is_some()
            && let Some(replica) = &mut self.devices[at].replica
        {
            replica.commit();
        }
        self.see(at)
    }

    fn relay_reads(&self, relay: usize, conn: ConnId) -> bool {
        let node = &self.relays[relay];
        node.paused_us.is_none() && node.relay.as_ref().is_some_and(|relay| relay.can_read(conn))
    }

    fn replica(&mut self, at: usize) -> Option<&mut Replica> {
        self.devices[at].replica.as_mut()
    }

    fn changes(&self) -> usize {
        self.documents.iter().map(|document| self.relays[0].durable(*document).len()).sum()
    }

    fn relay_ticks(&mut self, at: usize) -> Result<(), String> {
        let (now_us, node) = (self.now_us, &mut self.relays[at]);
        if node.paused_us.is_some_and(|until_us| until_us <= now_us) {
            node.paused_us = None;
        }
        if node.paused_us.is_some() {
            return Ok(());
        }
        if node.starts_us.is_some_and(|starts_us| starts_us <= now_us) {
            self.start_relay(at)?;
        }
        if let Some((_, for_us)) = self.relays[at].stops_us.filter(|(stops_us, _)| *stops_us <= now_us) {
            return self.crash_relay(at, for_us);
        }
        let ticked = self.relays[at].tick(now_us)?;
        if let Some(head) = ticked.durable {
            self.observe(Observed::RelayDurable { relay: at, head })?;
        }
        if ticked.broken {
            self.fail_relay(at)?;
        }
        Ok(())
    }

    fn device_ticks(&mut self, at: usize) -> Result<(), String> {
        let (now_us, node) = (self.now_us, &mut self.devices[at]);
        if node.paused_us.is_some_and(|until_us| until_us <= now_us) {
            node.paused_us = None;
        }
        if node.paused_us.is_some() {
            return Ok(());
        }
        if node.starts_us.is_some_and(|starts_us| starts_us <= now_us) {
            self.start_device(at)?;
        }
        let node = &mut self.devices[at];
        if node.refuses_us.is_some_and(|until_us| until_us <= now_us) {
            node.retry();
        }
        let now = node.clock.now(now_us);
        if let Some(stored) = node.finish_sync(now_us, now)? {
            self.story.note(now_us, [code::DISK, at as u64, stored.len() as u64], || {
                format!("device {at}: {} more changes are on its disk", stored.len())
            });
            let node = &self.devices[at];
            let from = node.disk.durable().len() - stored.len();
            self.checker.check_stored(node, &stored, &node.disk.durable_proofs()[from..])?;
            let head = self.devices[at].disk.durable().len() as u64;
            if !stored.is_empty() {
                self.observe(Observed::Durable { replica: at, head })?;
            }
            self.see(at)?;
        }
        if self.devices[at].connects_us.is_some_and(|connects_us| connects_us <= now_us) {
            self.connect(at)?;
        }
        let node = &mut self.devices[at];
        if let Some(replica) = &mut node.replica
            && replica.poll_timeout().is_some_and(|timer_us| timer_us <= now.monotonic_us)
        {
            replica.handle_timeout(now);
            self.see(at)?;
        }
        if self.devices[at].type_on(now_us, now)? {
            self.see(at)?;
            self.story.note(now_us, [code::KEY, at as u64], || format!("device {at}: a key"));
        }
        Ok(())
    }
}
