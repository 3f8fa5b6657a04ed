//! A simulated disk with a log on it: a list of which a prefix is durable, over the store of the program if the run has it.

use std::collections::BTreeMap;

use bytes::Bytes;
use quire_crdt::sealed::Author;
use quire_crdt::sync::{Seal, Seals};
use quire_crdt::{Envelope, ReplicaId, VersionVector};

use crate::rng::Rng;

/// What is written with an entry, in the same commit.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Proof {
    /// Nothing.
    #[default]
    None,
    /// At a device: whose change it is, and what proves it.
    Seal(ReplicaId, Box<Seal>),
    /// At a relay: what is known of its author with it.
    Author(ReplicaId, Author),
    /// At a relay: nothing, as the rest of its run comes behind it and is written in the same commit.
    Run,
}

/// A log on a disk. What was written and not synced may be lost in a crash, from the end on; what a failed sync was about may be
/// there or not.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    entries: Vec<Bytes>,
    /// What is written with each entry.
    proofs: Vec<Proof>,
    durable: usize,
    durable_version: VersionVector,
    /// Where what was written last ends, if it is to be synced.
    written: Option<usize>,
    sync: Option<Sync>,
    /// The next sync fails.
    breaks: bool,
}

#[derive(Clone, Copy, Debug)]
struct Sync {
    ends_us: u64,
    /// How many entries it makes durable.
    head: usize,
}

/// What has come of a sync.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Synced {
    /// So many entries are durable.
    Durable(u64),
    /// Nobody knows.
    Failed,
}

impl Disk {
    /// A disk on which these entries are durable.
    pub fn holding(entries: Vec<Bytes>, proofs: Vec<Proof>) -> Self {
        let mut disk = Self { entries, proofs, ..Self::default() };
        disk.keep(disk.entries.len());
        disk
    }

    /// What is written, durable or not.
    pub fn entries(&self) -> &[Bytes] {
        &self.entries
    }

    /// What survives whatever happens.
    pub fn durable(&self) -> &[Bytes] {
        &self.entries[..self.durable]
    }

    /// What is written with those.
    pub fn durable_proofs(&self) -> &[Proof] {
        &self.proofs[..self.durable]
    }

    /// What proves the changes of others that survive whatever happens.
    pub fn seals(&self) -> Seals {
        let mut seals = Seals::default();
        for proof in self.durable_proofs() {
            if let Proof::Seal(replica, seal) = proof {
                seals.insert(*replica, seal);
            }
        }
        seals
    }

    /// What is known of the authors of the entries that survive whatever happens.
    pub fn authors(&self) -> BTreeMap<ReplicaId, Author> {
        let author = |proof: &Proof| match proof {
            Proof::Author(replica, author) => Some((*replica, *author)),
            Proof::None | Proof::Run | Proof::Seal(..) => None,
        };
        self.durable_proofs().iter().filter_map(author).collect()
    }

    /// What that adds up to.
    pub const fn durable_version(&self) -> &VersionVector {
        &self.durable_version
    }

    /// Writes an entry at a position; what stood there and behind it is gone, if it was another one. Whether there is no gap before it
    /// and nothing durable is overwritten.
    pub fn write(&mut self, position: u64, entry: Bytes, proof: Proof) -> bool {
        let at = usize::try_from(position).unwrap_or(usize::MAX);
        self.written = Some(at.saturating_add(1));
        if self.entries.get(at) == Some(&entry) {
            return true;
        }
        if at > self.entries.len() || at < self.durable {
            return false;
        }
        self.truncate(at);
        self.entries.push(entry);
        self.proofs.push(proof);
        true
    }

    /// Begins to sync, if something is to be synced and no sync is under way.
    pub fn start_sync(&mut self, now_us: u64, rng: &mut Rng, longest_us: u64) {
        if self.sync.is_none()
            && let Some(head) = self.written.take_if(|head| self.proofs.get(*head - 1) != Some(&Proof::Run))
        {
            let ends_us = now_us + 1 + rng.next_u64() % longest_us;
            self.sync = Some(Sync { ends_us, head });
        }
    }

    /// When the sync under way ends.
    pub fn sync_ends_us(&self) -> Option<u64> {
        self.sync.map(|sync| sync.ends_us)
    }

    /// Ends the sync if its time has come.
    pub fn finish_sync(&mut self, now_us: u64) -> Option<Synced> {
        let Sync { head, .. } = self.sync.filter(|sync| sync.ends_us <= now_us)?;
        self.sync = None;
        if std::mem::take(&mut self.breaks) {
            self.written = None;
            return Some(Synced::Failed);
        }
        self.keep(head.min(self.entries.len()));
        Some(Synced::Durable(self.durable as u64))
    }

    /// The next sync fails.
    pub const fn break_sync(&mut self) {
        self.breaks = true;
    }

    /// Refuses: the sync under way never ends, and what was not durable is gone.
    pub fn refuse(&mut self) {
        (self.sync, self.written) = (None, None);
        self.truncate(self.durable);
    }

    /// What the sync under way is to make durable, with its proofs, and from which position on.
    pub fn in_flight(&self) -> (usize, &[Bytes], &[Proof]) {
        let head = self.sync.map_or(self.durable, |sync| sync.head.max(self.durable));
        let proofs = self.proofs.get(self.durable..head).unwrap_or_default();
        (self.durable, self.entries.get(self.durable..head).unwrap_or_default(), proofs)
    }

    /// The machine stops, and this is what the next start finds: everything that was durable, and what was written behind it up to some
    /// point.
    ///
    /// # Errors
    /// What is lost, or was never written.
    pub fn crash_to(&mut self, found: &[Bytes]) -> Result<(), String> {
        if found.len() < self.durable {
            return Err(format!(
                "lost from a store: {} entries were durable, and {} are there",
                self.durable,
                found.len()
            ));
        }
        if !self.entries.starts_with(found) {
            return Err(format!("made up by a store: {} entries that are not those that were written", found.len()));
        }
        (self.sync, self.written) = (None, None);
        self.breaks = false;
        self.truncate(found.len());
        self.keep(found.len());
        Ok(())
    }

    /// The machine stops: some of what was not durable is lost, and the rest is what the next start finds.
    pub fn crash(&mut self, rng: &mut Rng) {
        (self.sync, self.written) = (None, None);
        self.breaks = false;
        let mut head = self.durable + rng.below(self.entries.len() - self.durable + 1);
        while head > self.durable && self.proofs[head - 1] == Proof::Run {
            head -= 1;
        }
        self.truncate(head);
        self.keep(self.entries.len());
    }

    fn truncate(&mut self, head: usize) {
        self.entries.truncate(head);
        self.proofs.truncate(head);
    }

    fn keep(&mut self, head: usize) {
        for entry in self.entries.get(self.durable..head).unwrap_or_default() {
            if let Ok(envelope) = Envelope::decode(entry.clone()) {
                self.durable_version.observe(envelope.header().replica, envelope.header().end_seq());
            }
        }
        self.durable = self.durable.max(head);
    }
}
