//! Connections: two ordered byte links each, slow, of bounded capacity, and mortal.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use quire_crdt::sync::ConnId;

use crate::rng::Rng;

/// Which way a frame goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Way {
    /// From the replica to the relay.
    Up,
    /// From the relay to the replica.
    Down,
}

/// One connection between a replica and the relay.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Which replica.
    pub node: usize,
    /// Whether the relay knows of it: it was opened there and not closed.
    pub open_at_relay: bool,
    /// Whether the replica knows of it.
    pub open_at_node: bool,
    black_hole: bool,
    up: Pipe,
    down: Pipe,
}

#[derive(Clone, Debug, Default)]
struct Pipe {
    frames: VecDeque<(u64, Bytes)>,
    bytes: usize,
    /// When the other end learns that nothing more comes.
    ends_us: Option<u64>,
}

/// All connections.
#[derive(Clone, Debug)]
pub struct Network {
    connections: BTreeMap<ConnId, Connection>,
    next: u64,
    latency_us: u64,
    window_bytes: usize,
}

impl Pipe {
    fn last_us(&self) -> u64 {
        self.frames.back().map_or(0, |(at, _)| *at)
    }
}

impl Connection {
    fn pipe(&mut self, way: Way) -> &mut Pipe {
        match way {
            Way::Up => &mut self.up,
            Way::Down => &mut self.down,
        }
    }
}

impl Network {
    /// No connections; frames take up to `latency_us`, and each direction holds `window_bytes`.
    pub const fn new(latency_us: u64, window_bytes: usize) -> Self {
        Self { connections: BTreeMap::new(), next: 0, latency_us, window_bytes }
    }

    /// Opens a connection.
    pub fn open(&mut self, node: usize) -> ConnId {
        self.next += 1;
        let conn = ConnId(self.next);
        let (up, down) = (Pipe::default(), Pipe::default());
        let connection = Connection { node, open_at_relay: true, open_at_node: true, black_hole: false, up, down };
        self.connections.insert(conn, connection);
        conn
    }

    /// The connections, in the order in which they were opened.
    pub fn conns(&self) -> Vec<ConnId> {
        self.connections.keys().copied().collect()
    }

    /// The connection that was opened last.
    pub fn newest(&self) -> Option<ConnId> {
        (self.next > 0).then_some(ConnId(self.next))
    }

    /// A connection.
    pub fn get(&self, conn: ConnId) -> Option<&Connection> {
        self.connections.get(&conn)
    }

    /// Whether a connection takes a frame now.
    pub fn takes(&self, conn: ConnId, way: Way) -> bool {
        let pipe_bytes = |connection: &Connection| match way {
            Way::Up => connection.up.bytes,
            Way::Down => connection.down.bytes,
        };
        self.connections.get(&conn).is_some_and(|connection| pipe_bytes(connection) < self.window_bytes)
    }

    /// Sends a frame.
    pub fn send(&mut self, now_us: u64, rng: &mut Rng, conn: ConnId, way: Way, frame: Bytes) {
        let takes_us = 1 + rng.next_u64() % self.latency_us;
        let Some(connection) = self.connections.get_mut(&conn) else { return };
        let pipe = connection.pipe(way);
        let arrives_us = pipe.last_us().max(now_us + takes_us);
        pipe.bytes += frame.len();
        pipe.frames.push_back((arrives_us, frame));
    }

    /// The next frame that has arrived.
    pub fn receive(&mut self, now_us: u64, conn: ConnId, way: Way) -> Option<Bytes> {
        let connection = self.connections.get_mut(&conn).filter(|connection| !connection.black_hole)?;
        let pipe = connection.pipe(way);
        pipe.frames.front().filter(|(at, _)| *at <= now_us)?;
        let (_, frame) = pipe.frames.pop_front()?;
        pipe.bytes -= frame.len();
        Some(frame)
    }

    /// One end closes: what it sent before still arrives, and then the other end learns of it.
    pub fn close(&mut self, now_us: u64, conn: ConnId, by: Way) {
        let latency_us = self.latency_us;
        let Some(connection) = self.connections.get_mut(&conn) else { return };
        match by {
            Way::Up => connection.open_at_node = false,
            Way::Down => connection.open_at_relay = false,
        }
        let pipe = connection.pipe(by);
        let ends_us = pipe.last_us().max(now_us + latency_us);
        pipe.ends_us.get_or_insert(ends_us);
        self.forget_closed();
    }

    /// Breaks a connection: what is on its way is lost, and both ends learn of it.
    pub fn cut(&mut self, now_us: u64, conn: ConnId) {
        let Some(connection) = self.connections.get_mut(&conn) else { return };
        for way in [Way::Up, Way::Down] {
            let pipe = connection.pipe(way);
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
            let pipe = if way == Way::Up { &connection.up } else { &connection.down };
            !connection.black_hole && pipe.frames.is_empty() && pipe.ends_us.is_some_and(|at| at <= now_us)
        })
    }

    /// When something arrives next, of those connections that are heard.
    pub fn next_us(&self, hears: impl Fn(ConnId, Way) -> bool) -> Option<u64> {
        let of_pipe = |pipe: &Pipe| pipe.frames.front().map(|(at, _)| *at).or(pipe.ends_us);
        let of_connection = |(conn, connection): (&ConnId, &Connection)| {
            let up = of_pipe(&connection.up).filter(|_| connection.open_at_relay && hears(*conn, Way::Up));
            let down = of_pipe(&connection.down).filter(|_| connection.open_at_node && hears(*conn, Way::Down));
            [up, down].into_iter().flatten().min().filter(|_| !connection.black_hole)
        };
        self.connections.iter().filter_map(of_connection).min()
    }

    fn forget_closed(&mut self) {
        self.connections.retain(|_, connection| connection.open_at_relay || connection.open_at_node);
    }
}
