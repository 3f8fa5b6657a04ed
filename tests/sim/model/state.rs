//! What the model remembers: who has which changes, on disk and in memory, and what is on its way.
//!
//! A change is one unit here: its author and how many that one made before. Version vectors count changes.

use std::collections::VecDeque;
use std::hash::{Hash, Hasher};

/// The relays of the model.
pub const RELAYS: usize = 2;

/// A change: of whom, and how many came before.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ChangeId {
    /// Its author.
    pub author: usize,
    /// How many changes its author made before.
    pub seq: u32,
}

/// A version vector: how many changes of each replica.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Version<const N: usize>(pub [u32; N]);

impl<const N: usize> Default for Version<N> {
    fn default() -> Self {
        Self([0; N])
    }
}

impl<const N: usize> Version<N> {
    /// How many changes of this replica.
    pub const fn get(&self, author: usize) -> u32 {
        self.0[author]
    }

    /// Whether this change is in it.
    pub const fn has(&self, change: ChangeId) -> bool {
        change.seq < self.0[change.author]
    }

    /// Whether this change is the next one of its author.
    pub const fn is_next(&self, change: ChangeId) -> bool {
        change.seq == self.0[change.author]
    }

    /// Takes in a change and its author's earlier ones.
    pub fn observe(&mut self, change: ChangeId) {
        let count = &mut self.0[change.author];
        *count = (*count).max(change.seq + 1);
    }

    /// Takes in whatever is in the other.
    pub fn join(&mut self, other: &Self) {
        for (count, theirs) in self.0.iter_mut().zip(other.0) {
            *count = (*count).max(theirs);
        }
    }

    /// Whether everything in it is in the other.
    pub fn within(&self, other: &Self) -> bool {
        self.0.iter().zip(other.0).all(|(ours, theirs)| *ours <= theirs)
    }
}

/// Changes in an order, of which a prefix is on disk.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Log<const N: usize> {
    /// The changes.
    pub entries: Vec<ChangeId>,
    /// What they add up to.
    pub version: Version<N>,
    /// The entries below this position are on disk.
    pub durable: usize,
    /// What those add up to.
    pub durable_version: Version<N>,
}

impl<const N: usize> Default for Log<N> {
    fn default() -> Self {
        Self { entries: Vec::new(), version: Version::default(), durable: 0, durable_version: Version::default() }
    }
}

impl<const N: usize> Hash for Log<N> {
    /// The versions follow from the rest.
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.entries.hash(hasher);
        self.durable.hash(hasher);
    }
}

impl<const N: usize> Log<N> {
    /// How many changes are in it.
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing is in it.
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Adds a change at the end, in memory.
    pub fn push(&mut self, change: ChangeId) {
        self.entries.push(change);
        self.version.observe(change);
    }

    /// The entries below `head` are on disk.
    pub fn sync(&mut self, head: usize) {
        for change in &self.entries[self.durable..head] {
            self.durable_version.observe(*change);
        }
        self.durable = head;
    }

    /// What the entries below a position add up to. O(entries from there on).
    pub fn version_at(&self, position: usize) -> Version<N> {
        let mut version = self.version;
        for change in self.entries[position..].iter().rev() {
            version.0[change.author] = version.0[change.author].min(change.seq);
        }
        version
    }

    /// A new start finds so many entries, all of them on disk.
    pub fn keep(&mut self, kept: usize) {
        self.version = self.version_at(kept);
        self.durable_version = self.version;
        self.entries.truncate(kept);
        self.durable = kept;
    }
}

/// A place in the log of a relay's store.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Resume {
    /// Whose log.
    pub relay: usize,
    /// The store's epoch.
    pub epoch: u32,
    /// Everything below this position is on the replica's disk.
    pub position: usize,
    /// How often the relay had lost something by then. No end of a link knows that: properties ask for it.
    pub losses: u32,
}

impl Resume {
    /// Whether both name the same place, as far as a replica and a relay can tell.
    pub fn is(&self, other: &Self) -> bool {
        (self.relay, self.epoch, self.position) == (other.relay, other.epoch, other.position)
    }
}

/// A place that will be on disk once the replica's own log is, up to a position.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Reached {
    /// The place.
    pub resume: Resume,
    /// The length that the own log had.
    pub needs: usize,
}

/// A replica.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct Replica<const N: usize> {
    /// What it wrote and what was delivered to it, in that order.
    pub log: Log<N>,
    /// What waits for its past, in ascending order.
    pub held: Vec<ChangeId>,
    /// How many own changes anybody else can have.
    pub sent: u32,
    /// How many own changes are shown as saved at the relay.
    pub saved: u32,
    /// Which relay said so, and how often that one had lost something by then.
    pub saved_by: Option<(usize, u32)>,
    /// The store that it spoke to last: relay and epoch.
    pub seen: Option<(usize, u32)>,
    /// The newest place in a relay's log that is on disk here.
    pub resume: Option<Resume>,
    /// Places that will be: the one waited for, and the newest behind it.
    pub reached: [Option<Reached>; 2],
    /// The place that its disk remembers.
    pub stored: Option<Resume>,
    /// It was refused for good: it stays off line until somebody asks.
    pub stopped: bool,
}

/// A relay.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct Relay<const N: usize> {
    /// Its log.
    pub log: Log<N>,
    /// Its store's epoch: how many stores it had before.
    pub epoch: u32,
    /// How often its disk lost something that it had.
    pub losses: u32,
}

/// What travels.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Frame<const N: usize> {
    /// The replica's disk has this, and it had read so far.
    Hello(Version<N>, Option<Resume>),
    /// The relay's disk has this.
    Welcome {
        /// Its store's epoch.
        epoch: u32,
        /// Where its log ends.
        head: usize,
        /// What that adds up to.
        version: Version<N>,
    },
    /// A change.
    Change(ChangeId),
    /// So many of the replica's own changes are on the relay's disk.
    Ack(u32),
    /// The replica was served up to this position.
    Progress(usize),
    /// A change was not taken: the relay has this.
    Missing(Version<N>),
    /// The relay ends the link, and whether for good.
    Refused {
        /// Whether trying again unchanged will not help.
        stop: bool,
    },
}

/// The replica's end of a link.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Here<const N: usize> {
    /// It is closed.
    Closed,
    /// It is open, and nothing was said.
    Open,
    /// Hello was said.
    Greeting,
    /// Welcome came.
    Welcomed {
        /// What the relay has, or will have once it has read what was sent.
        believed: Version<N>,
    },
}

/// What a relay has to say about changes whose past it lacks.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Missing {
    /// Nothing.
    Nothing,
    /// One came, and Missing is due.
    Due,
    /// Missing was said.
    Said,
    /// After that a change was taken.
    Answered,
}

/// What a relay knows of a replica that it serves.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Follower<const N: usize> {
    /// What the replica has, as it said, or will have once it has read what was sent.
    pub told: Version<N>,
    /// It named a place in the log below which it lacks something: the relay finds that out on the way.
    pub misled: bool,
    /// How many own changes it was told to be on disk.
    pub acked: u32,
    /// The last position that it was told.
    pub progress: Option<usize>,
    /// Everything below this position is in `told`.
    pub served: usize,
    /// What is due about missing changes.
    pub missing: Missing,
}

/// The relay's end of a link.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum There<const N: usize> {
    /// It is closed.
    Closed,
    /// A link of the same replica that was opened later took its place: a refusal is all that it will send.
    Replaced,
    /// It is open, and no Hello came.
    Open,
    /// Hello came, and Welcome is due.
    Greeting {
        /// What the Hello said.
        version: Version<N>,
        /// And where it had read to.
        resume: Option<Resume>,
        /// The head of the log on disk when it came.
        head: usize,
    },
    /// Welcome was said.
    Linked(Follower<N>),
}

impl<const N: usize> There<N> {
    /// Whether a Hello came and nothing took the link's place.
    pub const fn is_greeted(&self) -> bool {
        matches!(self, Self::Greeting { .. } | Self::Linked(_))
    }
}

/// A link.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Link<const N: usize> {
    /// Its number, which no other link has.
    pub conn: u64,
    /// Whose it is.
    pub replica: usize,
    /// To whom.
    pub relay: usize,
    /// How often the relay had lost something when it was opened.
    pub losses: u32,
    /// The replica's end.
    pub here: Here<N>,
    /// The relay's end.
    pub there: There<N>,
    /// What the replica sent and the relay has not read.
    pub up: VecDeque<Frame<N>>,
    /// What the relay sent and the replica has not read.
    pub down: VecDeque<Frame<N>>,
}

/// Everything.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct State<const N: usize> {
    /// For each replica the changes that it made: what each one's author had, itself excluded.
    pub made: [Vec<Version<N>>; N],
    /// The replicas.
    pub replicas: [Replica<N>; N],
    /// The relays.
    pub relays: [Relay<N>; RELAYS],
    /// The links, in the order in which they were opened.
    pub links: Vec<Link<N>>,
}

impl<const N: usize> Default for State<N> {
    fn default() -> Self {
        Self {
            made: std::array::from_fn(|_| Vec::new()),
            replicas: std::array::from_fn(|_| Replica::default()),
            relays: std::array::from_fn(|_| Relay::default()),
            links: Vec::new(),
        }
    }
}

impl<const N: usize> State<N> {
    /// The causal past of a change.
    pub fn past(&self, change: ChangeId) -> Option<&Version<N>> {
        self.made[change.author].get(change.seq as usize)
    }

    /// Whether a change is the next of its author for somebody who has this, and its past is there.
    pub fn is_ready(&self, change: ChangeId, version: &Version<N>) -> bool {
        version.is_next(change) && self.past(change).is_some_and(|past| past.within(version))
    }

    /// A change that a replica holds back and need not.
    pub fn ready(&self, replica: usize) -> Option<ChangeId> {
        let replica = &self.replicas[replica];
        replica.held.iter().copied().find(|change| self.is_ready(*change, &replica.log.version))
    }

    /// The link with this number.
    pub fn link(&self, conn: u64) -> Option<&Link<N>> {
        self.links.iter().find(|link| link.conn == conn)
    }

    /// The link whose end at this replica is open.
    pub fn link_of(&self, replica: usize) -> Option<&Link<N>> {
        self.links.iter().find(|link| link.replica == replica && link.here != Here::Closed)
    }
}
