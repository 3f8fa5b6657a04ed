//! Connections: two ordered byte links each, slow, of bounded capacity, and mortal; and the partitions that hold them up.
//!
//! What the lectures call an arbitrary link is made a fair-loss one by TLS, and a connection makes that a reliable one in order
//! until it breaks. So frames are lost from some point on, with the connection; they are held up; and they come late, by an older
//! connection beside the newer one.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use quire_crdt::sync::ConnId;

use crate::plan::{Knobs, Mask};
use crate::rng::Rng;

/// Which way a frame goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Way {
    /// From the replica to the relay.
    Up,
    /// From the relay to the replica.
    Down,
}

/// One connection between a device and a relay.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Which device; none, a stranger.
    pub device: Option<usize>,
    /// Which relay.
    pub relay: usize,
    /// Whether the relay knows of it: it was opened there and not closed.
    pub open_at_relay: bool,
    /// Whether the device knows of it.
    pub open_at_device: bool,
    black_hole: bool,
    up: Pipe,
    down: Pipe,
    rng: Rng,
}

#[derive(Clone, Debug, Default)]
struct Pipe {
    frames: VecDeque<(u64, Bytes)>,
    bytes: usize,
    /// When the last byte that was sent has left.
    sent_us: u64,
    /// When the other end learns that nothing more comes.
    ends_us: Option<u64>,
}

/// Nothing passes between some devices and some relays.
#[derive(Clone, Copy, Debug)]
struct Partition {
    devices: Mask,
    relays: Mask,
    up: bool,
    down: bool,
    until_us: u64,
}

/// All connections.
#[derive(Clone, Debug)]
pub struct Network {
    connections: BTreeMap<ConnId, Connection>,
    partitions: Vec<Partition>,
    opened: u64,
    latency_us: (u64, u64),
    bytes_per_s: u64,
    window_bytes: usize,
    seed: u64,
}

const fn bit(number: usize) -> Mask {
    1 << (number % 64)
}

impl Pipe {
    fn last_us(&self) -> u64 {
        self.frames.back().map_or(0, |(at, _)| *at)
    }

    /// When the next frame arrives, or behind the last one the end.
    fn next_us(&self) -> Option<u64> {
        self.frames.front().map(|(at, _)| *at).or(self.ends_us)
    }
}

impl Connection {
    const fn pipe(&self, way: Way) -> &Pipe {
        match way {
            Way::Up => &self.up,
            Way::Down => &self.down,
        }
    }

    const fn pipe_mut(&mut self, way: Way) -> &mut Pipe {
        match way {
            Way::Up => &mut self.up,
            Way::Down => &mut self.down,
        }
    }

    /// Whether somebody listens at the end of this way.
    const fn is_open(&self, way: Way) -> bool {
        match way {
            Way::Up => self.open_at_relay,
            Way::Down => self.open_at_device,
        }
    }
}

impl Network {
    /// No connections.
    pub const fn new(knobs: &Knobs, seed: u64) -> Self {
        Self {
            connections: BTreeMap::new(),
            partitions: Vec::new(),
            opened: 0,
            latency_us: knobs.latency_us,
            bytes_per_s: knobs.bytes_per_s,
            window_bytes: knobs.window_bytes,
            seed,
        }
    }

    /// Opens a connection.
    pub fn open(&mut self, device: Option<usize>, relay: usize) -> ConnId {
        self.opened += 1;
        let conn = ConnId(self.opened);
        let connection = Connection {
            device,
            relay,
            open_at_relay: true,
            open_at_device: true,
            black_hole: false,
            up: Pipe::default(),
            down: Pipe::default(),
            rng: Rng::new(self.seed ^ self.opened.rotate_left(32)),
        };
        self.connections.insert(conn, connection);
        conn
    }

    /// The connections, in the order in which they were opened.
    pub fn conns(&self) -> Vec<ConnId> {
        self.connections.keys().copied().collect()
    }

    /// Those of them on which something has arrived, or would have but for a partition.
    pub fn due(&self, now_us: u64) -> Vec<ConnId> {
        let is_due = |pipe: &Pipe| pipe.next_us().is_some_and(|at_us| at_us <= now_us);
        let due = self.connections.iter().filter(|(_, connection)| is_due(&connection.up) || is_due(&connection.down));
        due.map(|(conn, _)| *conn).collect()
    }

    /// A connection.
    pub fn get(&self, conn: ConnId) -> Option<&Connection> {
        self.connections.get(&conn)
    }

    /// Holds up what goes between these.
    pub fn part(&mut self, devices: Mask, relays: Mask, (up, down): (bool, bool), until_us: u64) {
        self.partitions.push(Partition { devices, relays, up, down, until_us });
    }

    /// Ends the partitions whose time has come.
    pub fn tick(&mut self, now_us: u64) {
        self.partitions.retain(|partition| partition.until_us > now_us);
    }

    /// Ends all partitions.
    pub fn heal(&mut self) {
        self.partitions.clear();
    }

    /// Whether nothing passes this way between a device and a relay.
    pub fn is_parted(&self, device: Option<usize>, relay: usize, way: Way) -> bool {
        self.partitions.iter().any(|partition| {
            device.is_some_and(|device| partition.devices & bit(device) != 0)
                && partition.relays & bit(relay) != 0
                && if way == Way::Up { partition.up } else { partition.down }
        })
    }

    fn is_held_up(&self, connection: &Connection, way: Way) -> bool {
        connection.black_hole || self.is_parted(connection.device, connection.relay, way)
    }

    /// Whether a connection takes a frame now.
    pub fn takes(&self, conn: ConnId, way: Way) -> bool {
        self.connections.get(&conn).is_some_and(|connection| connection.pipe(way).bytes < self.window_bytes)
    }

    /// Sends a frame. On a connection that is broken it is lost, whether its sender knows of that or not.
    pub fn send(&mut self, now_us: u64, conn: ConnId, way: Way, frame: Bytes) {
        let (shortest_us, longest_us) = self.latency_us;
        let bytes_per_s = self.bytes_per_s;
        let Some(connection) = self.connections.get_mut(&conn) else { return };
        let on_its_way_us = shortest_us + connection.rng.next_u64() % (longest_us - shortest_us + 1);
        let pipe = connection.pipe_mut(way);
        if pipe.ends_us.is_some() {
            return;
        }
        pipe.sent_us = pipe.sent_us.max(now_us) + frame.len() as u64 * 1_000_000 / bytes_per_s;
        let arrives_us = pipe.last_us().max(pipe.sent_us + on_its_way_us);
        pipe.bytes += frame.len();
        pipe.frames.push_back((arrives_us, frame));
    }

    /// The next frame that has arrived.
    pub fn receive(&mut self, now_us: u64, conn: ConnId, way: Way) -> Option<Bytes> {
        let connection = self.connections.get(&conn)?;
        connection.pipe(way).frames.front().filter(|(at, _)| *at <= now_us)?;
        if self.is_held_up(connection, way) {
            return None;
        }
        let pipe = self.connections.get_mut(&conn)?.pipe_mut(way);
        let (_, frame) = pipe.frames.pop_front()?;
        pipe.bytes -= frame.len();
        Some(frame)
    }

    /// One end closes: what it sent before still arrives, and then the other end learns of it.
    pub fn close(&mut self, now_us: u64, conn: ConnId, by: Way) {
        let latency_us = self.latency_us.1;
        let Some(connection) = self.connections.get_mut(&conn) else { return };
        match by {
            Way::Up => connection.open_at_device = false,
            Way::Down => connection.open_at_relay = false,
        }
        let pipe = connection.pipe_mut(by);
        let ends_us = pipe.last_us().max(now_us + latency_us);
        pipe.ends_us.get_or_insert(ends_us);
        self.connections.retain(|_, connection| connection.open_at_relay || connection.open_at_device);
    }

    /// Breaks a connection: what is on its way is lost, and both ends learn of it.
    pub fn cut(&mut self, now_us: u64, conn: ConnId) {
        let Some(connection) = self.connections.get_mut(&conn) else { return };
        for way in [Way::Up, Way::Down] {
            let pipe = connection.pipe_mut(way);
            pipe.frames.clear();
            pipe.ends_us = Some(now_us);
        }
        connection.black_hole = false;
    }

    /// Nothing arrives any more, and nobody is told.
    pub fn silence(&mut self, conn: ConnId) {
        if let Some(connection) = self.connections.get_mut(&conn) {
            connection.black_hole = true;
        }
    }

    /// Whether the end that this way leads to has learnt that nothing more comes.
    pub fn has_ended(&self, now_us: u64, conn: ConnId, way: Way) -> bool {
        self.connections.get(&conn).is_some_and(|connection| {
            let pipe = connection.pipe(way);
            pipe.frames.is_empty() && pipe.ends_us.is_some_and(|at| at <= now_us) && !self.is_held_up(connection, way)
        })
    }

    /// When something arrives next, of those connections that are heard, or a partition ends.
    pub fn next_us(&self, hears: impl Fn(ConnId, &Connection, Way) -> bool) -> Option<u64> {
        let mut next_us = self.partitions.iter().map(|partition| partition.until_us).min();
        for (conn, connection) in &self.connections {
            for way in [Way::Up, Way::Down] {
                let Some(at_us) = connection.pipe(way).next_us() else { continue };
                if next_us.is_none_or(|next_us| at_us < next_us)
                    && connection.is_open(way)
                    && hears(*conn, connection, way)
                    && !self.is_held_up(connection, way)
                {
                    next_us = Some(at_us);
                }
            }
        }
        next_us
    }
}
