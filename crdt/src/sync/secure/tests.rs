//! Replicas and a relay with everything between them: sealed links, a gate, and somebody in the middle who may do what he likes.

mod attacks;
mod bundles;
mod closing;
mod copies;
mod linking;
mod quotas;
mod runs;

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use bytes::Bytes;

use super::{Credentials, SecureLink};
use crate::clock::VersionVector;
use crate::document::{Document, Received};
use crate::envelope::Envelope;
use crate::id::{DocumentId, ReplicaId};
use crate::keys::{DocumentKeys, ReplicaKey, ReplicaSeed, RootSecret};
use crate::sealed::Author;
use crate::sync::frame::{Frame, RefusalReason, Resume};
use crate::sync::seals::{Seal, Seals};
use crate::sync::{
    ConnId, Gate, Incoming, LinkError, LinkState, Network, Now, Output, RelayLimits, RelayOutput, RelayPolicy, Replica,
    ReplicaConfig,
};

const ADDRESS: &str = "relay.example.org:4870";

fn keys() -> DocumentKeys {
    DocumentKeys::editor(&RootSecret::from_bytes([7; 16]))
}

fn key(at: usize) -> ReplicaKey {
    ReplicaKey::new(&ReplicaSeed::from_bytes([u8::try_from(at).unwrap() + 1; 32]))
}

/// What a device has on its disk.
#[derive(Clone, Default)]
struct Disk {
    log: Vec<Bytes>,
    seals: Vec<(ReplicaId, Seal)>,
    own: Option<Author>,
    resume: Option<Resume>,
}

impl Disk {
    fn load(&self, document: DocumentId, own: ReplicaId) -> Replica {
        let mut loaded = Document::new(document, own);
        for bytes in &self.log {
            loaded.receive(Envelope::decode(bytes.clone()).unwrap(), &mut Received::default()).unwrap();
        }
        let mut seals = Seals::default();
        for (replica, seal) in &self.seals {
            seals.insert(*replica, seal);
        }
        if let Some(own) = self.own {
            seals.set_own(own);
        }
        let config = ReplicaConfig { resume: self.resume, ..ReplicaConfig::default() };
        Replica::new(loaded, config).with_seals(seals)
    }
}

struct Device {
    credentials: Credentials,
    /// The key that takes the place of its own, if that is used twice.
    heir: Option<ReplicaKey>,
    replica: Replica,
    disk: Disk,
    link: Option<(ConnId, SecureLink)>,
    /// Whether its changes reach the relay's disk at once.
    errors: Vec<LinkError>,
}

/// What a relay has on its disk.
#[derive(Clone, Default)]
struct Store {
    log: Vec<Bytes>,
    authors: BTreeMap<ReplicaId, Author>,
}

struct World {
    now: Now,
    devices: Vec<Device>,
    gate: Gate,
    store: Store,
    conns: u64,
    /// What somebody between relay and replicas does to the relay's messages.
    tamper_down: fn(usize, Bytes) -> Option<Bytes>,
    /// And to a replica's.
    tamper_up: fn(usize, Bytes) -> Option<Bytes>,
    /// Everything that crossed a wire.
    wire: Vec<Bytes>,
    refused: Vec<RefusalReason>,
    /// From where links are made.
    network: Option<Network>,
}

impl World {
    fn new(devices: usize) -> Self {
        Self::with(devices, RelayPolicy { names: Vec::from([ADDRESS.to_string()]), ..RelayPolicy::default() })
    }

    fn with(devices: usize, policy: RelayPolicy) -> Self {
        let keys = keys();
        Self {
            now: Now { monotonic_us: 1_000_000, wall_us: 1_790_000_000_000_000 },
            devices: (0..devices).map(|at| Device::new(keys.clone(), key(at))).collect(),
            gate: Gate::new([0xe1; 16], RelayLimits::default(), policy, 0),
            store: Store::default(),
            conns: 0,
            tamper_down: |_, frame| Some(frame),
            tamper_up: |_, frame| Some(frame),
            wire: Vec::new(),
            refused: Vec::new(),
            network: None,
        }
    }

    fn online(devices: usize) -> Self {
        let mut world = Self::new(devices);
        (0..devices).for_each(|at| world.go_online(at));
        world
    }

    fn go_online(&mut self, at: usize) {
        self.devices[at].replica.go_online(self.now);
        self.settle();
    }

    fn go_offline(&mut self, at: usize) {
        self.devices[at].replica.go_offline(self.now);
        self.settle();
    }

    fn write(&mut self, at: usize, text: &str) {
        let replica = &mut self.devices[at].replica;
        for letter in text.chars() {
            replica.insert(replica.document().text().len_chars(), &letter.to_string()).unwrap();
            replica.commit();
        }
        self.settle();
    }

    fn text(&self, at: usize) -> String {
        let text = self.devices[at].replica.document().text();
        text.slice(0..text.len_chars())
    }

    /// A device's program ends, and another one begins with what is on this disk.
    fn restart(&mut self, at: usize, disk: Disk) {
        self.drop_link(at);
        let device = &mut self.devices[at];
        device.replica = disk.load(device.credentials.keys.document(), device.credentials.replica.id());
        device.disk = disk;
    }

    fn drop_link(&mut self, at: usize) {
        if let Some((conn, _)) = self.devices[at].link.take() {
            self.gate.handle_closed(self.now, conn);
            self.devices[at].replica.handle_disconnected(self.now);
        }
    }

    /// The relay's program ends, and another one begins with this store.
    fn restart_relay(&mut self, epoch: [u8; 16], store: Store) {
        (0..self.devices.len()).for_each(|at| self.drop_link(at));
        let policy = RelayPolicy { names: Vec::from([ADDRESS.to_string()]), ..RelayPolicy::default() };
        self.gate = Gate::new(epoch, RelayLimits::default(), policy, 0);
        self.store = store;
    }

    fn settle(&mut self) {
        let mut rounds = 0;
        while self.settle_devices() | self.settle_relay() {
            rounds += 1;
            assert!(rounds < 10_000, "it never settles");
        }
    }

    fn settle_devices(&mut self) -> bool {
        let mut moved = false;
        for at in 0..self.devices.len() {
            while let Some(output) = self.devices[at].replica.poll_output() {
                moved = true;
                self.act(at, output);
            }
            moved |= self.transmit(at);
        }
        moved
    }

    fn transmit(&mut self, at: usize) -> bool {
        let (now, mut moved) = (self.now, false);
        while let Device { replica, link: Some((conn, link)), .. } = &mut self.devices[at] {
            if let Some(transmit) = replica.poll_transmit(now) {
                moved = true;
                link.seal(now, transmit);
                self.hand_in(at);
            } else if let Some(message) = link.poll_transmit() {
                moved = true;
                let conn = *conn;
                if let Some(message) = (self.tamper_up)(at, message) {
                    self.wire.push(message.clone());
                    self.gate.handle_frame(now, conn, &message);
                }
            } else {
                break;
            }
        }
        self.hand_in(at);
        moved
    }

    fn act(&mut self, at: usize, output: Output) {
        let device = &mut self.devices[at];
        match output {
            Output::Connect => {
                self.conns += 1;
                let conn = ConnId(self.conns);
                let mut credentials = device.credentials.clone();
                if let Some(heir) = device.heir.as_ref().filter(|_| device.replica.is_tracing()) {
                    credentials.replica = heir.clone();
                }
                let link = SecureLink::new(credentials, device.replica.verified());
                device.link = Some((conn, link));
                let challenge = [u8::try_from(self.conns).unwrap(); 32];
                self.gate.handle_connected_from(self.now, conn, challenge, Vec::new(), self.network);
                device.replica.handle_connected(self.now);
            }
            Output::Disconnect => {
                if let Some((conn, _)) = device.link.take() {
                    self.gate.handle_closed(self.now, conn);
                }
            }
            Output::Persist { position, envelope, seal } => {
                assert_eq!(device.disk.log.len() as u64, position);
                device.disk.log.push(envelope);
                device.disk.seals.extend(seal.map(|(replica, seal)| (replica, *seal)));
                device.replica.handle_persisted(self.now, position + 1);
            }
            Output::Traced => self.succeed(at),
            Output::PersistChain { own } => device.disk.own = Some(own),
            Output::PersistResume { resume } => device.disk.resume = Some(resume),
            Output::Refused(refusal) => self.refused.push(refusal.reason),
            _ => {}
        }
    }

    /// Another key takes the place of a device's own, whose id is used twice.
    fn trace(&mut self, at: usize, heir: ReplicaKey) {
        let device = &mut self.devices[at];
        device.replica.trace(self.now, heir.id());
        device.heir = Some(heir);
        self.settle();
    }

    fn succeed(&mut self, at: usize) {
        let device = &mut self.devices[at];
        let Credentials { keys, replica: former, .. } = &device.credentials;
        device.replica = device.replica.heir(ReplicaConfig::default(), keys, former).unwrap().0;
        let (log, seals): (Vec<Bytes>, Vec<_>) = device.replica.stored().unzip();
        device.disk = Disk { log, seals: seals.into_iter().flatten().collect(), own: None, resume: None };
        device.credentials.replica = device.heir.take().unwrap();
        // What is on the disk is all that is needed.
        let disk = device.disk.clone();
        self.restart(at, disk);
        self.devices[at].replica.go_online(self.now);
    }

    fn settle_relay(&mut self) -> bool {
        let mut moved = false;
        while let Some(output) = self.gate.poll_output() {
            moved = true;
            match output {
                RelayOutput::Load { document } => {
                    let (authors, head) = (self.store.authors.clone(), self.store.log.len() as u64);
                    self.gate.handle_loaded(self.now, document, authors, head, 0);
                }
                RelayOutput::Append { document, position, envelope, author } => {
                    assert_eq!(position, self.store.log.len() as u64);
                    let replica = Envelope::decode(envelope.clone()).unwrap().header().replica;
                    self.store.log.push(envelope);
                    self.store.authors.extend(author.map(|author| (replica, author)));
                    self.gate.relay().handle_appended(self.now, document, position + 1);
                }
                RelayOutput::Read { conn, from, .. } => {
                    let some = self.store.log[usize::try_from(from).unwrap()..].iter().take(3).cloned().collect();
                    self.gate.relay().handle_read(self.now, conn, from, some);
                }
                RelayOutput::Wake { conn } => self.deliver(conn),
                RelayOutput::Close { conn, .. } => {
                    self.deliver(conn);
                    self.gate.handle_closed(self.now, conn);
                    if let Some(at) = self.device(conn) {
                        self.devices[at].link = None;
                        self.devices[at].replica.handle_disconnected(self.now);
                    }
                }
            }
        }
        moved
    }

    fn device(&self, conn: ConnId) -> Option<usize> {
        self.devices.iter().position(|device| device.link.as_ref().is_some_and(|(own, _)| *own == conn))
    }

    fn deliver(&mut self, conn: ConnId) {
        while let Some(message) = self.gate.poll_transmit(self.now, conn) {
            let Some(at) = self.device(conn) else { return };
            self.wire.push(message.clone());
            if let Some(message) = (self.tamper_down)(at, message) {
                self.say(at, &message);
            }
        }
    }

    /// Gives a device a message as if it had come from the relay.
    fn say(&mut self, at: usize, message: &Bytes) {
        if let Some((_, link)) = &mut self.devices[at].link {
            link.open(message);
        }
        self.hand_in(at);
    }

    fn hand_in(&mut self, at: usize) {
        let Device { replica, link, errors, .. } = &mut self.devices[at];
        while let Some(incoming) = link.as_mut().and_then(|(_, link)| link.poll_incoming()) {
            if let Incoming::Failed(error) = &incoming {
                errors.push(*error);
            }
            incoming.hand_to(replica, self.now);
        }
    }

    /// All devices and the relay have the same.
    fn assert_equal(&self) {
        for at in 0..self.devices.len() {
            assert_eq!(*self.devices[at].replica.link(), LinkState::Live, "device {at}: {:?}", self.devices[at].errors);
            assert_eq!(self.text(at), self.text(0), "device {at}");
        }
        let kept: VersionVector = self.store.authors.iter().map(|(id, author)| (*id, author.count)).collect();
        assert_eq!(&kept, self.devices[0].replica.document().version());
    }
}

impl Device {
    fn new(keys: DocumentKeys, replica: ReplicaKey) -> Self {
        let credentials = Credentials { keys, replica, address: ADDRESS.to_string(), token: Vec::new() };
        let disk = Disk::default();
        let replica = disk.load(credentials.keys.document(), credentials.replica.id());
        Self { credentials, heir: None, replica, disk, link: None, errors: Vec::new() }
    }
}
