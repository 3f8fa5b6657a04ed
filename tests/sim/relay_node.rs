//! The relay with its disk.

use std::collections::BTreeSet;

use quire_crdt::DocumentId;
use quire_crdt::sync::{ConnId, Now, Relay, RelayLimits, RelayOutput};

use crate::checker::version_of;
use crate::disk::Disk;
use crate::rng::Rng;

/// The relay's machine.
#[derive(Debug)]
pub struct RelayNode {
    /// Its process, while it runs.
    pub relay: Option<Relay>,
    /// Its disk.
    pub disk: Disk,
    /// Connections that have something to send.
    pub woken: BTreeSet<ConnId>,
    /// Connections that it wants closed once they are drained.
    pub closing: BTreeSet<ConnId>,
    /// When its process starts again.
    pub recovers_us: Option<u64>,
    document: DocumentId,
    limits: RelayLimits,
    epoch: u64,
    /// What it asked of its disk besides writing, with the time of the answer.
    asked: Vec<(u64, RelayOutput)>,
}

impl RelayNode {
    /// A relay with an empty disk.
    pub fn new(document: DocumentId, limits: RelayLimits, epoch: u64) -> Self {
        let mut node = Self {
            relay: None,
            disk: Disk::default(),
            woken: BTreeSet::new(),
            closing: BTreeSet::new(),
            recovers_us: None,
            document,
            limits,
            epoch,
            asked: Vec::new(),
        };
        node.start();
        node
    }

    /// The process starts from the disk.
    pub fn start(&mut self) {
        let mut epoch = [0; 16];
        epoch[..8].copy_from_slice(&self.epoch.to_be_bytes());
        self.relay = Some(Relay::new(epoch, self.limits.clone()));
        self.recovers_us = None;
    }

    /// The process ends.
    pub fn crash(&mut self, rng: &mut Rng) {
        self.relay = None;
        self.disk.crash(rng);
        self.woken.clear();
        self.closing.clear();
        self.asked.clear();
    }

    /// The store is lost, and the next start makes another one.
    pub fn reset(&mut self, rng: &mut Rng) {
        self.crash(rng);
        self.disk.wipe();
        self.epoch += 1;
    }

    /// When it wants to be called next.
    pub fn next_us(&self) -> Option<u64> {
        let timer = self.relay.as_ref().and_then(Relay::poll_timeout);
        let asked = self.asked.iter().map(|(at, _)| *at).min();
        [timer, asked, self.disk.sync_ends_us(), self.recovers_us].into_iter().flatten().min()
    }

    /// Does what the relay asks for. Whether it asked for anything.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn drain(&mut self, now: Now, rng: &mut Rng, longest_us: u64) -> Result<bool, String> {
        let mut moved = false;
        while let Some(output) = self.relay.as_mut().and_then(Relay::poll_output) {
            moved = true;
            match output {
                RelayOutput::Append { position, envelope, .. } => {
                    if !self.disk.write(position, envelope) {
                        return Err(format!("the relay asks to append at {position}, which does not fit"));
                    }
                }
                RelayOutput::Wake { conn } => {
                    self.woken.insert(conn);
                }
                RelayOutput::Close { conn, .. } => {
                    self.closing.insert(conn);
                }
                output @ (RelayOutput::Load { .. } | RelayOutput::Read { .. }) => {
                    self.asked.push((now.monotonic_us + 1 + rng.next_u64() % longest_us, output));
                }
            }
        }
        self.disk.start_sync(now.monotonic_us, rng, longest_us);
        Ok(moved)
    }

    /// Answers what is due, and lets time pass.
    pub fn tick(&mut self, now: Now) {
        let Some(relay) = &mut self.relay else { return };
        if let Some(head) = self.disk.finish_sync(now.monotonic_us) {
            relay.handle_appended(now, self.document, head);
        }
        let (due, later) = std::mem::take(&mut self.asked).into_iter().partition(|(at, _)| *at <= now.monotonic_us);
        self.asked = later;
        for (_, output) in due {
            match output {
                RelayOutput::Load { document } => {
                    let stored = self.disk.durable();
                    let bytes = stored.iter().map(|entry| entry.len() as u64).sum();
                    relay.handle_loaded(now, document, version_of(stored), stored.len() as u64, bytes);
                }
                RelayOutput::Read { conn, from, bytes_max, .. } => {
                    let mut bytes = 0;
                    let rest = self.disk.durable().iter().skip(usize::try_from(from).unwrap_or(usize::MAX));
                    let some = rest.take_while(|entry| {
                        let fits = bytes == 0 || bytes + entry.len() <= bytes_max;
                        bytes += entry.len();
                        fits
                    });
                    relay.handle_read(now, conn, from, some.cloned().collect());
                }
                RelayOutput::Append { .. } | RelayOutput::Wake { .. } | RelayOutput::Close { .. } => {}
            }
        }
        relay.handle_timeout(now);
    }
}
