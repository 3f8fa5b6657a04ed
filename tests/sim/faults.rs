//! Everything that can go wrong in a run, in one place.

use crate::rng::Rng;

/// What goes wrong, how often and how badly. The system models of the lectures are these knobs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Faults {
    /// The longest way of a frame, in microseconds.
    pub latency_us: u64,
    /// The longest sync of a disk, in microseconds.
    pub sync_us: u64,
    /// How many bytes a connection holds in each direction before its sender has to wait.
    pub window_bytes: usize,
    /// The longest time between two faults, in microseconds.
    pub pause_us: u64,
    /// What goes wrong.
    pub kinds: Vec<Fault>,
    /// How wrong the clocks of replicas are at most, in microseconds.
    pub clock_us: u64,
}

/// One thing that goes wrong.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// A connection breaks.
    Drop,
    /// A connection falls silent.
    BlackHole,
    /// A replica's process ends.
    ReplicaCrash,
    /// The relay's process ends.
    RelayCrash,
    /// A replica's disk refuses for a while.
    ReplicaDisk,
    /// The relay's disk refuses.
    RelayDisk,
    /// The relay's store is lost.
    RelayReset,
}

/// Every kind, and in how many of 100 runs it is there.
const KINDS: [(Fault, usize); 7] = [
    (Fault::Drop, 60),
    (Fault::BlackHole, 30),
    (Fault::ReplicaCrash, 60),
    (Fault::RelayCrash, 60),
    (Fault::ReplicaDisk, 30),
    (Fault::RelayDisk, 20),
    (Fault::RelayReset, 20),
];

impl Faults {
    /// The faults of a run: each kind is there or not, so that runs differ in kind and not only in degree.
    pub fn of(rng: &mut Rng) -> Self {
        Self {
            latency_us: [500, 20_000, 400_000][rng.below(3)],
            sync_us: [1_000, 15_000, 300_000][rng.below(3)],
            window_bytes: [1, 300, 64 * 1024][rng.below(3)],
            pause_us: [400_000, 3_000_000, 10_000_000][rng.below(3)],
            kinds: KINDS.into_iter().filter(|(_, percent)| rng.chance(*percent)).map(|(fault, _)| fault).collect(),
            clock_us: [0, 3_600_000_000 * 3][rng.below(2)],
        }
    }

    /// One of the faults that this run has.
    pub fn pick(&self, rng: &mut Rng) -> Option<Fault> {
        rng.pick(&self.kinds).copied()
    }
}
