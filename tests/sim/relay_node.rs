//! A relay with its disk and its clock.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use quire_crdt::VersionVector;
use quire_crdt::sync::{ConnId, Now, RelayLimits, RelayOutput, RelayPolicy};
use quire_crdt::{DocumentId, Envelope};

use crate::backing::{Backing, Batch};
use crate::clock::Clock;
use crate::disk::{Disk, Proof, Synced};
use crate::keyring;
use crate::machine::{Machine, Stored};
use crate::plan::{Knobs, RelayPlan};
use crate::rng::Rng;
use crate::storage;

/// When a relay that is overloaded or failed asks to be tried again, in milliseconds.
const RETRY_AFTER_MS: u32 = 500;

/// What a relay's disk holds: the log of each document.
#[derive(Clone, Debug)]
pub struct Image {
    logs: BTreeMap<DocumentId, (Vec<Bytes>, Vec<Proof>)>,
    device: Option<storage::Image>,
}

/// What time did to a relay.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ticked {
    /// A sync has failed: the program says so to everybody and stops.
    pub broken: bool,
    /// The log of the first document is on disk up to here, as the relay was told.
    pub durable: Option<u64>,
}

/// What a relay asked for.
#[derive(Clone, Debug)]
pub enum Drained {
    /// Nothing more.
    Nothing,
    /// To have this in its log, at this position.
    Appended(u64, Bytes),
    /// Something else.
    Other,
}

/// A relay's machine.
#[derive(Debug)]
pub struct RelayNode {
    /// Its process, while it runs.
    pub relay: Option<Machine>,
    /// Its clocks.
    pub clock: Clock,
    /// Connections that have something to send.
    pub woken: BTreeSet<ConnId>,
    /// Connections that it wants closed once they are drained.
    pub closing: BTreeSet<ConnId>,
    /// When its process starts again.
    pub starts_us: Option<u64>,
    /// For how long it is down after its disk has failed, in microseconds.
    pub stays_down_us: u64,
    /// When it has come to its end after it was told to stop, and for how long it is down then.
    pub stops_us: Option<(u64, u64)>,
    /// Until when it sleeps.
    pub paused_us: Option<u64>,
    /// How many effects its process still has before the machine stops, and for how long it is down then.
    pub fuel: Option<(u8, u64)>,
    /// Its disk as it was at the last backup.
    pub backup: Option<Image>,
    /// Whether it lies.
    pub is_hostile: bool,
    /// The connections on which it keeps changes to itself.
    pub withheld: BTreeSet<ConnId>,
    /// Whether its store is an older one, and positions of its log mean something else than they did.
    pub has_lost: bool,
    /// Its own chance.
    pub rng: Rng,
    disks: BTreeMap<DocumentId, Disk>,
    /// The store of the program under the disks, if the run has it.
    backing: Option<Backing>,
    limits: RelayLimits,
    /// What it asks of those who link to it, if links are sealed.
    policy: Option<RelayPolicy>,
    sync_us: u64,
    epoch: u64,
    /// What it asked of its disk besides writing, with the time of the answer.
    asked: Vec<(u64, RelayOutput)>,
    /// A sync has failed.
    broken: bool,
}

impl RelayNode {
    /// A relay with an empty disk, which runs; it asks for proofs if there is a policy for that.
    ///
    /// # Errors
    /// Why its store cannot be made.
    pub fn new(plan: &RelayPlan, knobs: &Knobs, policy: Option<RelayPolicy>, mut rng: Rng) -> Result<Self, String> {
        let (ring_changes_max, read_bytes_max, progress_changes) = knobs.relay;
        let limits = RelayLimits {
            ring_changes_max,
            read_bytes_max,
            progress_changes,
            link_unappended_bytes_max: knobs.unappended_bytes,
            retry_after_ms: RETRY_AFTER_MS,
            ..RelayLimits::default()
        };
        let mut node = Self {
            relay: None,
            clock: Clock::new(plan.clock),
            woken: BTreeSet::new(),
            closing: BTreeSet::new(),
            starts_us: None,
            stays_down_us: 1_000_000,
            stops_us: None,
            paused_us: None,
            fuel: None,
            backup: None,
            is_hostile: plan.hostile,
            withheld: BTreeSet::new(),
            has_lost: false,
            disks: BTreeMap::new(),
            backing: None,
            limits,
            policy,
            sync_us: knobs.sync_us,
            epoch: rng.next_u64(),
            asked: Vec::new(),
            broken: false,
            rng,
        };
        if knobs.real_stores {
            node.backing = Some(Backing::of_relay(node.epoch())?);
        }
        node.start();
        Ok(node)
    }

    /// The process starts from the disk.
    pub fn start(&mut self) {
        let stored = self.disks.values().filter(|disk| !disk.durable().is_empty()).count();
        self.relay = Some(Machine::new(self.epoch(), self.limits.clone(), self.policy.clone(), stored as u64));
        self.starts_us = None;
    }

    /// A connection was opened.
    pub fn handle_connected(&mut self, at_us: u64, conn: ConnId) {
        let (now, rng) = (self.clock.now(at_us), &mut self.rng);
        if let Some(relay) = &mut self.relay {
            relay.handle_connected(now, conn, || keyring::bytes(rng));
        }
    }

    /// What its store says of itself.
    pub fn epoch(&self) -> [u8; 16] {
        let mut epoch = [0; 16];
        epoch[..8].copy_from_slice(&self.epoch.to_be_bytes());
        epoch
    }

    /// Its limits.
    pub const fn limits(&self) -> &RelayLimits {
        &self.limits
    }

    /// The process ends. What it had on disk for sure is still there afterwards.
    ///
    /// # Errors
    /// What is not.
    pub fn crash(&mut self) -> Result<(), String> {
        self.relay = None;
        if let Some(backing) = &mut self.backing {
            let in_flight = self.disks.iter().map(|(document, disk)| (*document, disk.in_flight()));
            let in_flight: Vec<Batch<'_>> = in_flight.filter(|(_, (_, entries, _))| !entries.is_empty()).collect();
            backing.crash(&mut self.rng, &in_flight)?;
        }
        for (document, disk) in &mut self.disks {
            match &self.backing {
                None => disk.crash(&mut self.rng),
                Some(backing) => {
                    disk.crash_to(&backing.read(*document)?)?;
                    let (authors, kept) = (disk.authors(), backing.authors(*document)?);
                    if authors != kept {
                        return Err(format!(
                            "a store knows other authors than it was told of: {kept:?}, and not {authors:?}"
                        ));
                    }
                }
            }
        }
        self.woken.clear();
        self.closing.clear();
        self.asked.clear();
        (self.stops_us, self.fuel, self.broken) = (None, None, false);
        Ok(())
    }

    /// The store is lost, and the next start makes another one. The process does not run.
    ///
    /// # Errors
    /// Why it cannot be made.
    pub fn forget(&mut self) -> Result<(), String> {
        self.disks.clear();
        self.backup = None;
        self.epoch = self.rng.next_u64();
        self.has_lost = false;
        if self.backing.is_some() {
            self.backing = Some(Backing::of_relay(self.epoch())?);
        }
        Ok(())
    }

    /// What its disk holds for sure.
    pub fn image(&self) -> Image {
        let logs = self
            .disks
            .iter()
            .map(|(document, disk)| (*document, (disk.durable().to_vec(), disk.durable_proofs().to_vec())));
        Image { logs: logs.collect(), device: self.backing.as_ref().map(Backing::image) }
    }

    /// Its disk becomes what it was. The process does not run.
    ///
    /// # Errors
    /// Why the store cannot be opened then.
    pub fn put_back(&mut self, image: Image) -> Result<(), String> {
        self.has_lost = true;
        let disk = |(document, (entries, proofs))| (document, Disk::holding(entries, proofs));
        self.disks = image.logs.into_iter().map(disk).collect();
        match (&mut self.backing, &image.device) {
            (Some(backing), Some(device)) => backing.put_back(device),
            _ => Ok(()),
        }
    }

    /// What of a document is on its disk for sure.
    pub fn durable(&self, document: DocumentId) -> &[Bytes] {
        self.disks.get(&document).map(Disk::durable).unwrap_or_default()
    }

    /// What that adds up to.
    pub fn durable_version(&self, document: DocumentId) -> VersionVector {
        self.disks.get(&document).map(|disk| disk.durable_version().clone()).unwrap_or_default()
    }

    /// A sync is going to fail.
    pub fn break_sync(&mut self) {
        self.disks.values_mut().for_each(Disk::break_sync);
    }

    /// When it wants to be called next.
    pub fn next_us(&self) -> Option<u64> {
        if let Some(until_us) = self.paused_us {
            return Some(until_us);
        }
        let timer = self.relay.as_ref().and_then(Machine::poll_timeout).map(|at| self.clock.moment_us(at));
        let asked = self.asked.iter().map(|(at, _)| *at).min();
        let synced = self.disks.values().filter_map(Disk::sync_ends_us).min();
        let stops = self.stops_us.map(|(at, _)| at);
        [timer, asked, synced, stops, self.starts_us].into_iter().flatten().min()
    }

    /// Does the next thing that the relay asks for.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn drain(&mut self, at_us: u64) -> Result<Drained, String> {
        let Some(output) = self.relay.as_mut().and_then(Machine::poll_output) else { return Ok(Drained::Nothing) };
        match output {
            RelayOutput::Append { document, position, envelope, author } => {
                let writer = Envelope::decode(envelope.clone()).map_err(|error| format!("asks to append {error}"))?;
                let proof = match (author, &self.policy) {
                    (Some(author), Some(_)) => Proof::Author(writer.header().replica, author),
                    (None, None) => Proof::None,
                    (None, Some(_)) => Proof::Run,
                    (Some(_), None) => return Err("knows an author by no proof".to_owned()),
                };
                if !self.disks.entry(document).or_default().write(position, envelope.clone(), proof) {
                    return Err(format!("asks to append at {position}, which does not fit"));
                }
                return Ok(Drained::Appended(position, envelope));
            }
            RelayOutput::Wake { conn } => {
                self.woken.insert(conn);
            }
            RelayOutput::Close { conn, .. } => {
                self.closing.insert(conn);
            }
            output @ (RelayOutput::Load { .. } | RelayOutput::Read { .. }) => {
                self.asked.push((at_us + 1 + self.rng.next_u64() % self.sync_us, output));
            }
        }
        Ok(Drained::Other)
    }

    /// Begins to sync what is to be synced.
    pub fn start_syncs(&mut self, at_us: u64) {
        for disk in self.disks.values_mut() {
            disk.start_sync(at_us, &mut self.rng, self.sync_us);
        }
    }

    /// Answers what is due, and lets time pass.
    ///
    /// # Errors
    /// What the store under the disks says otherwise.
    pub fn tick(&mut self, at_us: u64) -> Result<Ticked, String> {
        let now = self.clock.now(at_us);
        let mut durable = None;
        let Some(relay) = &mut self.relay else { return Ok(Ticked::default()) };
        for (document, disk) in &mut self.disks {
            let (from, entries, proofs) = disk.in_flight();
            let written = self.backing.as_ref().map(|_| (entries.to_vec(), proofs.to_vec()));
            let Some(synced) = disk.finish_sync(at_us) else { continue };
            if let (Some(backing), Some((entries, proofs))) = (&mut self.backing, written) {
                if synced == Synced::Failed {
                    backing.fail_sync(&mut self.rng);
                }
                let appended = backing.append((*document, (from, &entries, &proofs)));
                if let (Synced::Durable(_), Err(error), false) = (synced, appended, self.broken) {
                    return Err(format!("a relay's store fails: {error}"));
                }
            }
            match synced {
                Synced::Durable(head) if !self.broken => {
                    relay.relay().handle_appended(now, *document, head);
                    durable = Some(head);
                }
                Synced::Failed => self.broken = true,
                Synced::Durable(_) => {}
            }
        }
        let (due, later) = std::mem::take(&mut self.asked).into_iter().partition(|(at, _)| *at <= at_us);
        self.asked = later;
        for (_, output) in due {
            answer(relay, now, &self.disks, &output);
        }
        if relay.poll_timeout().is_some_and(|timer_us| timer_us <= now.monotonic_us) {
            relay.relay().handle_timeout(now);
        }
        Ok(Ticked { broken: self.broken, durable })
    }
}

/// The disk's answer to a question.
fn answer(relay: &mut Machine, now: Now, disks: &BTreeMap<DocumentId, Disk>, output: &RelayOutput) {
    match *output {
        RelayOutput::Load { document } => {
            let stored = disks.get(&document).map(|disk| Stored {
                version: disk.durable_version().clone(),
                authors: disk.authors(),
                head: disk.durable().len() as u64,
                bytes: disk.durable().iter().map(|entry| entry.len() as u64).sum(),
            });
            relay.handle_loaded(now, document, stored.unwrap_or_default());
        }
        RelayOutput::Read { conn, document, from, bytes_max } => {
            let stored = disks.get(&document).map(Disk::durable).unwrap_or_default();
            let mut bytes = 0;
            let rest = stored.iter().skip(usize::try_from(from).unwrap_or(usize::MAX));
            let some = rest.take_while(|entry| {
                let fits = bytes == 0 || bytes + entry.len() <= bytes_max;
                bytes += entry.len();
                fits
            });
            relay.relay().handle_read(now, conn, from, some.cloned().collect());
        }
        RelayOutput::Append { .. } | RelayOutput::Wake { .. } | RelayOutput::Close { .. } => {}
    }
}
