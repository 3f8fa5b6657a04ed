//! What sealing costs: one who types, a relay that verifies, and one who reads, each with its end of a link, a change at a time.
//!
//! `cargo bench -p quire-crdt --bench sealed`. Every change is one typed letter. *Live* each is sealed and signed by itself, which is the dearest way
//! there is; *in a run* [`BATCH`] that wait are sealed before any is sent, and signed once. Prints the least and the median of [`RUNS`] runs, in
//! microseconds of one core for each change: to frame, seal and sign it; to take it in at the relay, verified; to verify and open it where it is
//! read; and how many bytes it has on the link. Replicas, disks and sockets are not on the clock.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use quire_crdt::keys::{DocumentKeys, ReplicaKey, ReplicaSeed, RootSecret};
use quire_crdt::sync::{
    ConnId, Credentials, Gate, Incoming, Now, Output, RelayLimits, RelayOutput, RelayPolicy, Replica, ReplicaConfig,
    Seals, SecureLink,
};
use quire_crdt::{Document, DocumentId};

/// Runs.
const RUNS: usize = 7;

/// Changes of one run.
const CHANGES: usize = 10_000;

/// Changes of which the relay says at once that its disk has them.
const BATCH: usize = 100;

const ADDRESS: &str = "relay.example.org:4870";

/// When a change is sealed.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Sealing {
    /// When the one before it is on its way.
    Live,
    /// When the one before it is sealed.
    InARun,
}

/// What one run took in all.
#[derive(Clone, Copy, Default)]
struct Cost {
    seal: Duration,
    relay: Duration,
    open: Duration,
    bytes: usize,
}

struct Device {
    replica: Replica,
    link: SecureLink,
    conn: ConnId,
}

struct World {
    now: Now,
    gate: Gate,
    devices: Vec<Device>,
    appended: Option<(DocumentId, u64)>,
    sealing: Sealing,
    cost: Cost,
}

impl Device {
    fn new(number: u8) -> Self {
        let keys = DocumentKeys::editor(&RootSecret::from_bytes([7; 16]));
        let key = ReplicaKey::new(&ReplicaSeed::from_bytes([number; 32]));
        let document = Document::new(keys.document(), key.id());
        let replica = Replica::new(document, ReplicaConfig::default()).with_seals(Seals::default());
        let credentials = Credentials { keys, replica: key, address: ADDRESS.to_owned(), token: Vec::new() };
        let link = SecureLink::new(credentials, replica.verified());
        Self { replica, link, conn: ConnId(u64::from(number)) }
    }
}

impl World {
    fn new(sealing: Sealing) -> Result<Self> {
        let policy = RelayPolicy { names: vec![ADDRESS.to_owned()], ..RelayPolicy::default() };
        let mut world = Self {
            now: Now { monotonic_us: 1_000_000, wall_us: 1_790_000_000_000_000 },
            gate: Gate::new([1; 16], RelayLimits::default(), policy, 0),
            devices: vec![Device::new(1), Device::new(2)],
            appended: None,
            sealing,
            cost: Cost::default(),
        };
        for at in 0..world.devices.len() {
            world.devices[at].replica.go_online(world.now);
            world.settle()?;
        }
        Ok(world)
    }

    /// Lets everything go on until nothing moves.
    fn settle(&mut self) -> Result<()> {
        loop {
            let mut moved = false;
            for at in 0..self.devices.len() {
                moved |= self.drive(at)?;
            }
            while let Some(output) = self.gate.poll_output() {
                moved = true;
                self.act(&output)?;
            }
            if !moved {
                match self.appended.take() {
                    None => return Ok(()),
                    Some((document, count)) => self.gate.relay().handle_appended(self.now, document, count),
                }
            }
        }
    }

    fn drive(&mut self, at: usize) -> Result<bool> {
        let (now, mut moved, mut is_sealed) = (self.now, false, false);
        let Device { replica, link, conn } = &mut self.devices[at];
        loop {
            if let Some(output) = replica.poll_output() {
                match output {
                    Output::Connect => {
                        self.gate.handle_connected(now, *conn, [3; 32], Vec::new());
                        replica.handle_connected(now);
                    }
                    Output::Persist { position, .. } => replica.handle_persisted(now, position + 1),
                    Output::Disconnect | Output::Refused(_) => bail!("the link ended: {:?}", replica.link_error()),
                    _ => {}
                }
            } else if let Some(transmit) = (!is_sealed).then(|| replica.poll_transmit(now)).flatten() {
                let started = Instant::now();
                link.seal(now, transmit);
                self.cost.seal += started.elapsed();
                is_sealed = self.sealing == Sealing::Live;
                hand_in(replica, link, now)?;
            } else {
                let started = Instant::now();
                let message = link.poll_transmit();
                self.cost.seal += started.elapsed();
                let Some(message) = message else {
                    if core::mem::take(&mut is_sealed) {
                        continue;
                    }
                    return Ok(moved);
                };
                self.cost.bytes += message.len();
                let started = Instant::now();
                self.gate.handle_frame(now, *conn, &message);
                self.cost.relay += started.elapsed();
            }
            moved = true;
        }
    }

    fn act(&mut self, output: &RelayOutput) -> Result<()> {
        match *output {
            RelayOutput::Load { document } => {
                self.gate.handle_loaded(self.now, document, std::collections::BTreeMap::new(), 0, 0);
            }
            RelayOutput::Append { document, position, .. } => self.appended = Some((document, position + 1)),
            RelayOutput::Wake { conn } => {
                while let Some(message) = self.gate.poll_transmit(self.now, conn) {
                    let device = self.devices.iter_mut().find(|device| device.conn == conn).context("nobody's link")?;
                    let started = Instant::now();
                    device.link.open(&message);
                    self.cost.open += started.elapsed();
                    hand_in(&mut device.replica, &mut device.link, self.now)?;
                }
            }
            RelayOutput::Read { .. } | RelayOutput::Close { .. } => bail!("the relay reads or ends a link"),
        }
        Ok(())
    }

    fn run(sealing: Sealing) -> Result<Cost> {
        let mut world = Self::new(sealing)?;
        world.cost = Cost::default();
        for at in 0..CHANGES {
            let writer = &mut world.devices[0].replica;
            writer.insert(at, "x")?;
            writer.commit();
            if at % BATCH == BATCH - 1 {
                world.now = world.now.plus_us(3_000);
                world.settle()?;
            }
        }
        ensure!(world.devices[1].replica.document().text().len_chars() == CHANGES, "not everything came");
        Ok(world.cost)
    }
}

fn hand_in(replica: &mut Replica, link: &mut SecureLink, now: Now) -> Result<()> {
    while let Some(incoming) = link.poll_incoming() {
        if let Incoming::Failed(error) = incoming {
            bail!("{error}");
        }
        incoming.hand_to(replica, now);
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "a few thousand")]
fn measure(name: &str, sealing: Sealing) -> Result<()> {
    let costs = (0..RUNS).map(|_| World::run(sealing)).collect::<Result<Vec<_>>>()?;
    println!("{name}");
    let each = |name: &str, of: fn(&Cost) -> Duration| {
        let mut us: Vec<f64> = costs.iter().map(|cost| of(cost).as_secs_f64() * 1e6 / CHANGES as f64).collect();
        us.sort_by(f64::total_cmp);
        println!("  {name:<28} {:>7.1} / {:.1} µs", us[0], us[RUNS / 2]);
        us[0]
    };
    each("frame, seal and sign", |cost| cost.seal);
    let relay = each("take in at the relay", |cost| cost.relay);
    each("verify and open", |cost| cost.open);
    println!("  {:<28} {:>7.0} changes a second on one core", "the relay takes in", 1e6 / relay);
    println!("  {:<28} {:>7.1} bytes", "a typed letter on the link", costs[0].bytes as f64 / CHANGES as f64);
    Ok(())
}

fn main() -> Result<()> {
    measure("live", Sealing::Live)?;
    measure("in a run", Sealing::InARun)
}
