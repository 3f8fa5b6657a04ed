//! A simulated disk: a list of which a prefix is durable.

use bytes::Bytes;

use crate::rng::Rng;

/// A log on a disk. What was written and not synced may be lost in a crash, from the end on.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    entries: Vec<Bytes>,
    durable: usize,
    /// When the sync under way ends, and how many entries it makes durable.
    sync: Option<(u64, usize)>,
}

impl FromIterator<Bytes> for Disk {
    /// A disk on which these entries are durable.
    fn from_iter<I: IntoIterator<Item = Bytes>>(entries: I) -> Self {
        let entries: Vec<Bytes> = entries.into_iter().collect();
        Self { durable: entries.len(), entries, sync: None }
    }
}

impl Disk {
    /// What is written, durable or not.
    pub fn entries(&self) -> &[Bytes] {
        &self.entries
    }

    /// What survives whatever happens.
    pub fn durable(&self) -> &[Bytes] {
        &self.entries[..self.durable]
    }

    /// Writes an entry at a position; what stood there and behind it is gone. Whether there is no gap before it.
    pub fn write(&mut self, position: u64, entry: Bytes) -> bool {
        let at = usize::try_from(position).unwrap_or(usize::MAX);
        if at > self.entries.len() || at < self.durable {
            return false;
        }
        self.entries.truncate(at);
        self.entries.push(entry);
        true
    }

    /// Begins to sync, if something is to be synced and no sync is under way.
    pub fn start_sync(&mut self, now_us: u64, rng: &mut Rng, longest_us: u64) {
        if self.sync.is_none() && self.entries.len() > self.durable {
            let takes_us = 1 + rng.next_u64() % longest_us;
            self.sync = Some((now_us + takes_us, self.entries.len()));
        }
    }

    /// When the sync under way ends.
    pub fn sync_ends_us(&self) -> Option<u64> {
        self.sync.map(|(at, _)| at)
    }

    /// Ends the sync if its time has come: how many entries are durable then.
    pub fn finish_sync(&mut self, now_us: u64) -> Option<u64> {
        let (_, head) = self.sync.filter(|(at, _)| *at <= now_us)?;
        self.sync = None;
        self.durable = self.durable.max(head.min(self.entries.len()));
        Some(self.durable as u64)
    }

    /// Fails: the sync under way never ends, and what was not durable is gone.
    pub fn fail(&mut self) {
        self.sync = None;
        self.entries.truncate(self.durable);
    }

    /// The machine stops: some of what was not durable is lost, and the rest is what the next start finds.
    pub fn crash(&mut self, rng: &mut Rng) {
        self.sync = None;
        let survivors = rng.below(self.entries.len() - self.durable + 1);
        self.entries.truncate(self.durable + survivors);
        self.durable = self.entries.len();
    }

    /// Everything is lost.
    pub fn wipe(&mut self) {
        *self = Self::default();
    }
}
