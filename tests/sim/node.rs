//! A device: a replica with its disk and its clock, and somebody who writes.

mod person;

use bytes::Bytes;
use quire_crdt::sealed::Author;
use quire_crdt::sync::frame::{Refusal, Resume};
use quire_crdt::sync::{ConnId, Now, Output, Replica, ReplicaConfig};
use quire_crdt::{Checkpoint, Document, DocumentId, Envelope, Received, ReplicaId};

pub use self::person::Recording;
use self::person::Typing;
use crate::backing::Backing;
use crate::clock::Clock;
use crate::disk::{Disk, Proof, Synced};
use crate::keyring::Keys;
use crate::link::{Link, Said};
use crate::plan::DevicePlan;
use crate::rng::Rng;
use crate::storage;

/// What a device remembers beside its log, as the program writes it: in no hurry.
#[derive(Clone, Copy, Debug, Default)]
struct Facts {
    resume: Option<Resume>,
    saved_at_relay: u64,
    /// How far the own chain is known.
    chain: Option<Author>,
}

/// What a disk of a device holds.
#[derive(Clone, Debug, Default)]
pub struct Image {
    entries: Vec<Bytes>,
    proofs: Vec<Proof>,
    facts: Facts,
    checkpoint: Option<(usize, Bytes)>,
    device: Option<storage::Image>,
}

/// A device.
#[derive(Debug)]
pub struct Node {
    /// Its replica's id.
    pub id: ReplicaId,
    /// Which document it has.
    pub document: DocumentId,
    /// Its keys, if links are sealed.
    pub keys: Option<Keys>,
    /// Its process, while it runs.
    pub replica: Option<Replica>,
    /// Its disk.
    pub disk: Disk,
    /// The store of the program under the disk, if the run has it.
    pub backing: Option<Backing>,
    /// Its clocks.
    pub clock: Clock,
    /// Which relay it links to.
    pub relay: usize,
    /// Its connection, once it is open.
    pub conn: Option<ConnId>,
    /// Its end of that connection.
    link: Option<Link>,
    /// When the connection that it asked for is open, or has failed.
    pub connects_us: Option<u64>,
    /// When its process starts.
    pub starts_us: Option<u64>,
    /// Until when it sleeps.
    pub paused_us: Option<u64>,
    /// Until when its disk refuses.
    pub refuses_us: Option<u64>,
    /// How many effects its process still has before the machine stops, and for how long it is down then.
    pub fuel: Option<(u8, u64)>,
    /// Its disk as it was at the last backup.
    pub backup: Option<Image>,
    /// Whether its disk is an older one, or there is a copy of it: what it makes from then on is nobody's promise.
    pub is_copy: bool,
    /// Its own chance.
    pub rng: Rng,
    typing: Option<Typing>,
    facts: Facts,
    /// The facts that the next sync makes durable.
    facts_written: Option<Facts>,
    checkpoint: Option<(usize, Bytes)>,
}

/// What a replica wants from the world outside its machine.
#[derive(Clone, Copy, Debug)]
pub enum Ask {
    /// A connection.
    Connect,
    /// None any more.
    Disconnect,
    /// It was refused.
    Refused(Refusal),
    /// It says up to where it has a relay's log on its disk.
    Resumes(Resume),
    /// Nothing.
    Nothing,
}

impl Node {
    /// A device whose disk is empty and that is switched on later.
    pub fn new(document: DocumentId, id: ReplicaId, plan: &DevicePlan, rng: Rng) -> Self {
        Self {
            id,
            document,
            keys: None,
            replica: None,
            disk: Disk::default(),
            backing: None,
            clock: Clock::new(plan.clock),
            relay: plan.relay,
            conn: None,
            connects_us: None,
            starts_us: Some(plan.joins_us),
            paused_us: None,
            refuses_us: None,
            fuel: None,
            backup: None,
            is_copy: false,
            link: None,
            rng,
            typing: None,
            facts: Facts::default(),
            facts_written: None,
            checkpoint: None,
        }
    }

    /// Whether it can do anything at all.
    pub const fn is_awake(&self) -> bool {
        self.paused_us.is_none()
    }

    /// When something happens there next without anybody else.
    pub fn next_us(&self) -> Option<u64> {
        if let Some(until_us) = self.paused_us {
            return Some(until_us);
        }
        let timer = self.replica.as_ref().and_then(Replica::poll_timeout);
        let timer = timer.map(|monotonic_us| self.clock.moment_us(monotonic_us));
        let typing = self.typing.as_ref().map(|typing| typing.next_us);
        let others = [self.connects_us, self.starts_us, self.refuses_us, self.disk.sync_ends_us()];
        [timer, typing].into_iter().chain(others).flatten().min()
    }

    /// Its process ends. What it had on disk for sure is still there afterwards.
    ///
    /// # Errors
    /// What is not.
    pub fn crash(&mut self) -> Result<(), String> {
        self.replica = None;
        match &mut self.backing {
            None => self.disk.crash(&mut self.rng),
            Some(backing) => {
                backing.crash(&mut self.rng, &[(self.document, self.disk.in_flight())])?;
                self.disk.crash_to(&backing.read(self.document)?)?;
            }
        }
        if let Some(facts) = self.facts_written.take().filter(|_| self.rng.chance(50)) {
            self.facts = facts;
        }
        (self.fuel, self.typing, self.connects_us, self.refuses_us) = (None, None, None, None);
        Ok(())
    }

    /// Its process starts from the disk.
    ///
    /// # Errors
    /// What the disk holds and the document does not take.
    pub fn start(&mut self) -> Result<(), String> {
        let loaded = match &self.backing {
            Some(backing) => backing.load(self.document)?,
            None => self.read_checkpoint()?.map(|document| (document, self.disk.seals())),
        };
        let (mut document, mut seals) =
            loaded.unwrap_or_else(|| (Document::new(self.document, self.id), self.disk.seals()));
        for entry in self.disk.entries().get(document.log().len()..).unwrap_or_default() {
            let envelope = Envelope::decode(entry.clone()).map_err(|error| format!("on disk: {error}"))?;
            document.receive(envelope, &mut Received::default()).map_err(|error| format!("on disk: {error}"))?;
        }
        if document.log().len() != self.disk.entries().len() {
            return Err(format!("{} of {} entries were delivered", document.log().len(), self.disk.entries().len()));
        }
        let Facts { resume, saved_at_relay, chain } = self.facts;
        let replica = Replica::new(document, ReplicaConfig { seed: self.rng.next_u64(), resume, saved_at_relay });
        if let Some(own) = chain {
            seals.set_own(own);
        }
        self.replica = Some(if self.keys.is_some() { replica.with_seals(seals) } else { replica });
        self.starts_us = None;
        Ok(())
    }

    /// The connection that it asked for is open.
    pub fn link_up(&mut self, conn: ConnId, now: Now) {
        let Some(replica) = &mut self.replica else { return };
        replica.handle_connected(now);
        self.conn = Some(conn);
        self.link = Some(Link::new(self.document, self.id, self.keys.as_ref(), self.relay, replica));
    }

    /// What its replica says next on the connection.
    pub fn say(&mut self, now: Now) -> Option<Said> {
        self.link.as_mut()?.poll(self.replica.as_mut()?, now)
    }

    /// A message has come on the connection.
    pub fn hear(&mut self, now: Now, message: &Bytes) {
        if let (Some(link), Some(replica)) = (&mut self.link, &mut self.replica) {
            link.open(replica, now, message);
        }
    }

    /// Whether somebody may write there.
    pub fn can_write(&self) -> bool {
        self.keys.as_ref().is_none_or(|keys| keys.document.can_write())
    }

    fn read_checkpoint(&self) -> Result<Option<Document>, String> {
        let Some((_, bytes)) = &self.checkpoint else { return Ok(None) };
        let read = Checkpoint::decode(bytes.clone()).and_then(|checkpoint| checkpoint.document(self.id));
        read.map(Some).map_err(|error| format!("its checkpoint: {error}"))
    }

    /// Keeps a checkpoint of what is on disk, if all of the document is.
    ///
    /// # Errors
    /// Why the store does not.
    pub fn keep_checkpoint(&mut self) -> Result<(), String> {
        let Some(document) = self.replica.as_ref().map(Replica::document) else { return Ok(()) };
        let position = document.log().len();
        if position == 0 || position > self.disk.durable().len() || self.refuses_us.is_some() {
            return Ok(());
        }
        let Some(bytes) = document.checkpoint().map(Bytes::from) else { return Ok(()) };
        if let Some(backing) = &mut self.backing {
            backing.keep_checkpoint(self.document, position, bytes.clone())?;
        }
        self.checkpoint = Some((position, bytes));
        Ok(())
    }

    /// What its disk holds for sure.
    pub fn image(&self) -> Image {
        let (entries, proofs) = (self.disk.durable().to_vec(), self.disk.durable_proofs().to_vec());
        let device = self.backing.as_ref().map(Backing::image);
        Image { entries, proofs, facts: self.facts, checkpoint: self.checkpoint.clone(), device }
    }

    /// Its disk becomes another one's. Its process does not run.
    ///
    /// # Errors
    /// Why the store cannot be opened then.
    pub fn put_back(&mut self, image: Image) -> Result<(), String> {
        if let Some(device) = &image.device {
            let mut backing = Backing::of_editor(self.id)?;
            backing.put_back(device)?;
            self.backing = Some(backing);
        }
        self.disk = Disk::holding(image.entries, image.proofs);
        (self.facts, self.facts_written, self.checkpoint) = (image.facts, None, image.checkpoint);
        self.is_copy = true;
        Ok(())
    }

    /// Takes what the replica wants from its disk, and gives back the rest.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn act(&mut self, output: Output) -> Result<Ask, String> {
        match output {
            Output::Persist { .. } if self.refuses_us.is_some() => {
                if let Some(replica) = &mut self.replica {
                    replica.handle_persist_failed();
                }
            }
            Output::Persist { position, envelope, seal } => {
                let proof = seal.map_or(Proof::None, |(replica, seal)| Proof::Seal(replica, seal));
                if !self.disk.write(position, envelope, proof) {
                    return Err(format!("asks to persist position {position}, which does not fit"));
                }
            }
            Output::PersistResume { resume } => {
                let saved_at_relay = self.replica.as_ref().map_or(0, Replica::units_saved_at_relay);
                let facts = self.facts_written.unwrap_or(self.facts);
                self.facts_written = Some(Facts { resume: Some(resume), saved_at_relay, ..facts });
                return Ok(Ask::Resumes(resume));
            }
            Output::Connect => return Ok(Ask::Connect),
            Output::Disconnect => return Ok(Ask::Disconnect),
            Output::Refused(refusal) => return Ok(Ask::Refused(refusal)),
            Output::Diverged(divergence) => return Err(format!("has an alarm: {divergence:?}")),
            Output::PersistChain { .. } if self.keys.is_none() => {
                return Err("seals a link that has no seals".to_owned());
            }
            Output::PersistChain { own } => {
                let facts = self.facts_written.unwrap_or(self.facts);
                self.facts_written = Some(Facts { chain: Some(own), ..facts });
            }
            Output::Traced => return Err("was not asked to trace its id".to_owned()),
            Output::Patched(_) | Output::MapChanged { .. } | Output::StatusChanged => {}
        }
        Ok(Ask::Nothing)
    }

    /// What a sync that has ended made durable; the replica is told.
    ///
    /// # Errors
    /// What the store under the disk says otherwise.
    pub fn finish_sync(&mut self, at_us: u64, now: Now) -> Result<Option<Vec<Bytes>>, String> {
        let before = self.disk.durable().len();
        let (_, entries, proofs) = self.disk.in_flight();
        let written = self.backing.as_ref().map(|_| (entries.to_vec(), proofs.to_vec()));
        let Some(synced) = self.disk.finish_sync(at_us) else { return Ok(None) };
        if let (Some(backing), Some((entries, proofs))) = (&mut self.backing, written) {
            if synced == Synced::Failed {
                backing.fail_sync(&mut self.rng);
            }
            let appended = backing.append((self.document, (before, &entries, &proofs)));
            if let (Synced::Durable(_), Err(error)) = (synced, appended) {
                return Err(format!("a store fails: {error}"));
            }
        }
        match synced {
            Synced::Durable(head) => {
                self.facts = self.facts_written.take().unwrap_or(self.facts);
                if let Some(replica) = &mut self.replica {
                    replica.handle_persisted(now, head);
                }
            }
            // The program opens its store anew and tries again.
            Synced::Failed => {
                self.refuses_us = Some(at_us + 250_000);
                if let Some(replica) = &mut self.replica {
                    replica.handle_persist_failed();
                }
            }
        }
        Ok(Some(self.disk.durable()[before..].to_vec()))
    }

    /// The disk refuses until this moment.
    pub fn refuse(&mut self, until_us: u64) {
        self.refuses_us = Some(until_us);
        self.disk.refuse();
        if let Some(replica) = &mut self.replica {
            replica.handle_persist_failed();
        }
    }

    /// The disk is good again, and the replica is told to try.
    pub fn retry(&mut self) {
        self.refuses_us = None;
        if let Some(replica) = &mut self.replica {
            replica.retry_persist();
        }
    }

    /// What its disk remembers beside the log: a place in a relay's log, and how many of its units are saved there.
    pub const fn remembered(&self) -> (Option<Resume>, u64) {
        (self.facts.resume, self.facts.saved_at_relay)
    }

    /// One effect of the process more; whether it was the last one.
    pub const fn burn(&mut self) -> bool {
        match &mut self.fuel {
            Some((0, _)) => true,
            Some((left, _)) => {
                *left -= 1;
                false
            }
            None => false,
        }
    }
}
