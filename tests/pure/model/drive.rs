//! Real replicas and real relays, driven by chance, with the model beside them.

use std::collections::VecDeque;

use bytes::Bytes;
use quire_crdt::sync::frame::{RefusalReason, Resume};
use quire_crdt::sync::{
    ConnId, LinkState, Now, Output, PlainLink, Relay, RelayLimits, RelayOutput, Replica, ReplicaConfig,
};
use quire_crdt::{Document, DocumentId, Envelope, Received, ReplicaId, VersionVector};
use sim::model::{Conformance, Observed};
use sim::network::Way;
use sim::rng::Rng;

pub(super) const DOCUMENT: DocumentId = DocumentId::from_bytes([0xdd; 16]);

/// A device: its process, and its disk, of which a prefix is durable.
pub(super) struct Device {
    pub(super) id: ReplicaId,
    pub(super) replica: Replica,
    pub(super) disk: Vec<Bytes>,
    pub(super) durable: usize,
    resume: Option<Resume>,
    /// The relay that it links to.
    pub(super) relay: usize,
}

/// A relay: its process, and its disk, of which a prefix is durable.
pub(super) struct Host {
    pub(super) relay: Relay,
    pub(super) disk: Vec<Bytes>,
    pub(super) durable: usize,
    epoch: [u8; 16],
}

/// A transport.
pub(super) struct Conn {
    pub(super) id: ConnId,
    pub(super) device: usize,
    pub(super) host: usize,
    pub(super) up: VecDeque<Bytes>,
    pub(super) down: VecDeque<Bytes>,
    pub(super) open_here: bool,
    pub(super) open_there: bool,
    link: PlainLink,
}

/// What a run did.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Did {
    pub(super) frames: u64,
    pub(super) crashes: u64,
    pub(super) replaced: u64,
    pub(super) resumed: u64,
}

pub(super) struct Drive {
    pub(super) now: Now,
    pub(super) devices: Vec<Device>,
    pub(super) hosts: Vec<Host>,
    pub(super) conns: Vec<Conn>,
    pub(super) conform: Conformance,
    pub(super) did: Did,
    opened: u64,
    epochs: u8,
}

fn limits() -> RelayLimits {
    RelayLimits { progress_changes: 2, ring_changes_max: 4, ..RelayLimits::default() }
}

fn version(disk: &[Bytes]) -> VersionVector {
    let envelopes = disk.iter().map(|bytes| Envelope::decode(bytes.clone()).expect("an envelope"));
    envelopes.map(|envelope| (envelope.header().replica, envelope.header().end_seq())).collect()
}

impl Drive {
    pub(super) fn new(devices: u8) -> Self {
        let ids: Vec<_> = (1..=devices).map(|at| ReplicaId::from_bytes([at; 16])).collect();
        let device = |id: &ReplicaId| Device {
            id: *id,
            replica: Replica::new(Document::new(DOCUMENT, *id), ReplicaConfig::default()),
            disk: Vec::new(),
            durable: 0,
            resume: None,
            relay: 0,
        };
        let host = |at: u8| Host {
            relay: Relay::new([0xe0 + at; 16], limits()),
            disk: Vec::new(),
            durable: 0,
            epoch: [0xe0 + at; 16],
        };
        Self {
            now: Now { monotonic_us: 1_000_000, wall_us: 1_790_000_000_000_000 },
            conform: Conformance::new(DOCUMENT, &ids).expect("room for the replicas"),
            devices: ids.iter().map(device).collect(),
            hosts: [0, 1].map(host).into(),
            conns: Vec::new(),
            did: Did::default(),
            opened: 0,
            epochs: 0,
        }
    }

    pub(super) fn observe(&mut self, observed: Observed<'_>) -> Result<(), String> {
        self.conform.observe(observed)
    }

    /// Tells the model what a replica is now, and does what it asks for.
    pub(super) fn see(&mut self, at: usize) -> Result<(), String> {
        self.conform.observe(Observed::Replica { replica: at, is: &self.devices[at].replica })?;
        while let Some(output) = self.devices[at].replica.poll_output() {
            let device = &mut self.devices[at];
            match output {
                Output::Persist { position, envelope, .. } => {
                    device.disk.truncate(usize::try_from(position).expect("a position"));
                    device.disk.push(envelope);
                }
                Output::PersistResume { resume } => {
                    device.resume = Some(resume);
                    self.did.resumed += 1;
                    self.observe(Observed::ResumeKept { replica: at, resume })?;
                }
                Output::Connect => self.connect(at)?,
                Output::Disconnect => self.conns.iter_mut().filter(|conn| conn.device == at).for_each(Conn::close_here),
                Output::Refused(refusal) if refusal.reason == RefusalReason::Replaced => self.did.replaced += 1,
                _ => {}
            }
        }
        Ok(())
    }

    fn connect(&mut self, at: usize) -> Result<(), String> {
        self.opened += 1;
        let (id, host) = (ConnId(self.opened), self.devices[at].relay);
        let (up, down) = (VecDeque::new(), VecDeque::new());
        let document = self.devices[at].replica.document();
        let link = PlainLink::new(document.id(), document.replica());
        self.conns.push(Conn { id, device: at, host, up, down, open_here: true, open_there: true, link });
        self.hosts[host].relay.handle_connected(self.now, id);
        self.devices[at].replica.handle_connected(self.now);
        self.observe(Observed::Connected { conn: id, replica: at, relay: host })?;
        self.conform.observe(Observed::Replica { replica: at, is: &self.devices[at].replica })
    }

    /// Does what a relay asks for.
    pub(super) fn serve(&mut self, at: usize) -> Result<(), String> {
        while let Some(output) = self.hosts[at].relay.poll_output() {
            let (now, host) = (self.now, &mut self.hosts[at]);
            match output {
                RelayOutput::Load { document } => {
                    let stored = &host.disk[..host.durable];
                    host.relay.handle_loaded(now, document, version(stored), stored.len() as u64, 0);
                }
                RelayOutput::Append { position, envelope, .. } => {
                    assert_eq!(position, host.disk.len() as u64, "a relay's positions are consecutive");
                    host.disk.push(envelope.clone());
                    let envelope = Envelope::decode(envelope).map_err(|error| error.to_string())?;
                    self.observe(Observed::Appended { relay: at, position, header: envelope.header() })?;
                }
                RelayOutput::Read { conn, from, .. } => {
                    let stored = host.disk.iter().skip(usize::try_from(from).expect("a position"));
                    let some = stored.take(2).cloned().collect();
                    host.relay.handle_read(now, conn, from, some);
                }
                RelayOutput::Close { conn, .. } => {
                    while self.transmit_down(conn)? {}
                    self.close_there(conn)?;
                }
                RelayOutput::Wake { .. } => {}
            }
        }
        Ok(())
    }

    pub(super) fn conn(&self, id: ConnId) -> Option<usize> {
        self.conns.iter().position(|conn| conn.id == id)
    }

    /// A relay sends a frame, if it has one.
    pub(super) fn transmit_down(&mut self, id: ConnId) -> Result<bool, String> {
        let Some(at) = self.conn(id).filter(|at| self.conns[*at].open_there) else { return Ok(false) };
        let host = self.conns[at].host;
        let Some(frame) = self.hosts[host].relay.poll_transmit(self.now, id) else { return Ok(false) };
        self.observe(Observed::Sent { conn: id, way: Way::Down, frame: &frame })?;
        if self.conns[at].open_here {
            self.conns[at].down.push_back(frame);
        }
        self.did.frames += 1;
        self.serve(host).map(|()| true)
    }

    /// A replica sends a frame, if it has one.
    pub(super) fn transmit_up(&mut self, id: ConnId) -> Result<bool, String> {
        let Some(at) = self.conn(id).filter(|at| self.conns[*at].open_here) else { return Ok(false) };
        let device = self.conns[at].device;
        let replica = &mut self.devices[device].replica;
        let Some(frame) = self.conns[at].link.poll_transmit(replica, self.now) else { return Ok(false) };
        self.observe(Observed::Sent { conn: id, way: Way::Up, frame: &frame })?;
        if self.conns[at].open_there {
            self.conns[at].up.push_back(frame);
        }
        self.did.frames += 1;
        Ok(true)
    }

    /// The next frame arrives at a relay, or the end of the transport.
    pub(super) fn arrive_up(&mut self, id: ConnId) -> Result<bool, String> {
        let Some(at) = self.conn(id).filter(|at| self.conns[*at].open_there) else { return Ok(false) };
        let host = self.conns[at].host;
        if let Some(frame) = self.conns[at].up.pop_front() {
            self.observe(Observed::Received { conn: id, way: Way::Up, frame: &frame })?;
            self.hosts[host].relay.handle_frame(self.now, id, &frame);
            self.serve(host)?;
            return Ok(true);
        }
        if !self.conns[at].open_here {
            self.close_there(id)?;
            self.serve(host)?;
        }
        Ok(false)
    }

    /// The next frame arrives at a replica, or the end of the transport.
    pub(super) fn arrive_down(&mut self, id: ConnId) -> Result<bool, String> {
        let Some(at) = self.conn(id).filter(|at| self.conns[*at].open_here) else { return Ok(false) };
        let device = self.conns[at].device;
        let frame = self.conns[at].down.pop_front();
        if let Some(frame) = &frame {
            self.observe(Observed::Received { conn: id, way: Way::Down, frame })?;
            self.conns[at].link.open(frame).hand_to(&mut self.devices[device].replica, self.now);
        } else if !self.conns[at].open_there {
            self.conns[at].close_here();
            self.devices[device].replica.handle_disconnected(self.now);
        }
        self.see(device).map(|()| frame.is_some())
    }

    pub(super) fn close_there(&mut self, id: ConnId) -> Result<(), String> {
        let Some(at) = self.conn(id).filter(|at| self.conns[*at].open_there) else { return Ok(()) };
        self.conns[at].close_there();
        self.hosts[self.conns[at].host].relay.handle_closed(self.now, id);
        self.observe(Observed::ClosedAtRelay { conn: id })
    }

    pub(super) fn write(&mut self, at: usize, text: &str) -> Result<(), String> {
        let replica = &mut self.devices[at].replica;
        replica.insert(0, text).map_err(|error| error.to_string())?;
        replica.commit();
        self.see(at)
    }

    pub(super) fn sync(&mut self, at: usize) -> Result<(), String> {
        let device = &mut self.devices[at];
        device.durable = device.disk.len();
        let head = device.durable as u64;
        device.replica.handle_persisted(self.now, head);
        self.observe(Observed::Durable { replica: at, head })?;
        self.see(at)
    }

    pub(super) fn relay_sync(&mut self, at: usize) -> Result<(), String> {
        let host = &mut self.hosts[at];
        host.durable = host.disk.len();
        let head = host.durable as u64;
        host.relay.handle_appended(self.now, DOCUMENT, head);
        self.observe(Observed::RelayDurable { relay: at, head })?;
        self.serve(at)
    }

    pub(super) fn go_online(&mut self, at: usize) -> Result<(), String> {
        self.devices[at].replica.go_online(self.now);
        self.see(at)
    }

    pub(super) fn go_offline(&mut self, at: usize) -> Result<(), String> {
        self.devices[at].replica.go_offline(self.now);
        self.see(at)
    }

    pub(super) fn pass(&mut self, us: u64) -> Result<(), String> {
        self.now = self.now.plus_us(us);
        for at in 0..self.devices.len() {
            self.devices[at].replica.handle_timeout(self.now);
            self.see(at)?;
        }
        for at in 0..self.hosts.len() {
            self.hosts[at].relay.handle_timeout(self.now);
            self.serve(at)?;
        }
        Ok(())
    }

    pub(super) fn crash(&mut self, at: usize, kept: usize) -> Result<(), String> {
        self.conns.iter_mut().filter(|conn| conn.device == at).for_each(Conn::close_here);
        let device = &mut self.devices[at];
        device.disk.truncate(kept);
        device.durable = kept;
        let mut document = Document::new(DOCUMENT, device.id);
        for bytes in &device.disk {
            let envelope = Envelope::decode(bytes.clone()).map_err(|error| error.to_string())?;
            document.receive(envelope, &mut Received::default()).map_err(|error| error.to_string())?;
        }
        let saved = device.replica.units_saved_at_relay();
        let resume = device.resume;
        device.replica = Replica::new(document, ReplicaConfig { seed: 1, resume, saved_at_relay: saved });
        self.did.crashes += 1;
        self.observe(Observed::ReplicaStarted { replica: at, kept: kept as u64, resume, saved })?;
        self.see(at)
    }

    /// A relay's process ends; the next one finds so many changes.
    pub(super) fn restart(&mut self, at: usize, kept: usize, observed: Observed<'_>) -> Result<(), String> {
        let host = &mut self.hosts[at];
        host.disk.truncate(kept);
        host.durable = kept;
        if let Observed::RelayForgot { .. } = observed {
            self.epochs += 1;
            host.epoch = [self.epochs; 16];
        }
        host.relay = Relay::new(host.epoch, limits());
        self.conns.iter_mut().filter(|conn| conn.host == at).for_each(Conn::close_there);
        self.did.crashes += 1;
        self.observe(observed)
    }

    /// Something happens.
    pub(super) fn step(&mut self, rng: &mut Rng, faults: bool) -> Result<(), String> {
        self.conns.retain(|conn| conn.open_here || conn.open_there);
        let (at, host) = (rng.below(self.devices.len()), rng.below(self.hosts.len()));
        let conn = rng.pick(&self.conns).map(|conn| conn.id);
        match (rng.below(if faults { 104 } else { 96 }), conn) {
            (0..6, _) if faults => self.write(at, ["a", "bc", "choir "][rng.below(3)]),
            (6..14, _) => self.sync(at),
            (14..22, _) => self.relay_sync(host),
            (22..24, _) => {
                if matches!(self.devices[at].replica.link(), LinkState::Off) && rng.chance(20) {
                    self.devices[at].relay = if faults { host } else { 0 };
                }
                self.go_online(at)
            }
            (24..26, _) => self.pass(rng.next_u64() % 1_000_000),
            (26..44, Some(conn)) => self.transmit_up(conn).map(drop),
            (44..62, Some(conn)) => self.transmit_down(conn).map(drop),
            (62..78, Some(conn)) => self.arrive_up(conn).map(drop),
            (78..96, Some(conn)) => self.arrive_down(conn).map(drop),
            (96..98, _) => self.go_offline(at),
            (98, Some(conn)) => self.close_there(conn),
            (99..101, _) => {
                let device = &self.devices[at];
                self.crash(at, device.durable + rng.below(device.disk.len() - device.durable + 1))
            }
            (101, _) => {
                let (durable, len) = (self.hosts[host].durable, self.hosts[host].disk.len());
                let kept = durable + rng.below(len - durable + 1);
                self.restart(host, kept, Observed::RelayCrashed { relay: host, kept: kept as u64 })
            }
            (102, _) if rng.chance(30) => self.restart(host, 0, Observed::RelayForgot { relay: host }),
            (103, _) if rng.chance(30) => {
                let kept = rng.below(self.hosts[host].durable + 1);
                self.restart(host, kept, Observed::RelayRestored { relay: host, kept: kept as u64 })
            }
            _ => Ok(()),
        }
    }
}

impl Conn {
    fn close_here(&mut self) {
        self.open_here = false;
        self.down.clear();
    }

    fn close_there(&mut self) {
        self.open_there = false;
        self.up.clear();
    }
}
