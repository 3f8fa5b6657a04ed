//! A replica with its disk, and somebody who writes.

use bytes::Bytes;
use quire_crdt::sync::frame::Resume;
use quire_crdt::sync::{ConnId, Now, Output, Replica, ReplicaConfig};
use quire_crdt::{Document, DocumentId, Envelope, Received, ReplicaId, Value};

use crate::disk::Disk;
use crate::rng::Rng;

const WORDS: [&str; 8] = ["choir ", "sheet\n", "é", "quire ", "a", "many voices ", "𝄞 ", "one text "];
const KEYS: [&str; 2] = ["title", "tags"];

/// A device.
#[derive(Debug)]
pub struct Node {
    /// Its replica's id.
    pub id: ReplicaId,
    /// Its process, while it runs.
    pub replica: Option<Replica>,
    /// Its disk.
    pub disk: Disk,
    /// Whether its disk refuses.
    pub disk_fails: bool,
    /// Its connection, once it is open.
    pub conn: Option<ConnId>,
    /// When the connection that it asked for is open, or has failed.
    pub connects_us: Option<u64>,
    /// When its process starts again, or its disk is good again.
    pub recovers_us: Option<u64>,
    /// When somebody does something there next.
    pub acts_us: u64,
    /// By how much its clock is wrong.
    pub clock_us: i64,
    /// How many of its units the relay said it has on disk, up to the last crash of either.
    pub acked: u64,
    /// Whether it was the store that the relay has now that the relay spoke of.
    pub acked_by_this_store: bool,
    document: DocumentId,
    starts: u64,
    resume: Option<Resume>,
}

impl Node {
    /// A device whose disk is empty and whose process runs.
    pub fn new(document: DocumentId, id: ReplicaId, clock_us: i64) -> Self {
        Self {
            id,
            replica: Some(Replica::new(Document::new(document, id), ReplicaConfig::default())),
            disk: Disk::default(),
            disk_fails: false,
            conn: None,
            connects_us: None,
            recovers_us: None,
            acts_us: 0,
            clock_us,
            acked: 0,
            acked_by_this_store: false,
            document,
            starts: 0,
            resume: None,
        }
    }

    /// Its process ends. What it had on disk for sure is still there afterwards.
    pub fn crash(&mut self, rng: &mut Rng) {
        if let Some(replica) = self.replica.take() {
            self.acked = replica.units_saved_at_relay();
        }
        self.disk.crash(rng);
        self.disk_fails = false;
        self.connects_us = None;
    }

    /// Its process starts from the disk.
    ///
    /// # Errors
    /// What the disk holds and the document does not take.
    pub fn start(&mut self) -> Result<(), String> {
        let mut document = Document::new(self.document, self.id);
        for entry in self.disk.entries() {
            let envelope = Envelope::decode(entry.clone()).map_err(|error| format!("on disk: {error}"))?;
            document.receive(envelope, &mut Received::default()).map_err(|error| format!("on disk: {error}"))?;
        }
        if document.log().len() != self.disk.entries().len() {
            return Err(format!("{} of {} entries were delivered", document.log().len(), self.disk.entries().len()));
        }
        self.starts += 1;
        let config = ReplicaConfig { seed: self.starts, resume: self.resume, saved_at_relay: self.acked };
        self.replica = Some(Replica::new(document, config));
        self.recovers_us = None;
        Ok(())
    }

    /// Takes what the replica wants from its disk, and gives back the rest.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn act(&mut self, output: Output) -> Result<Option<Output>, String> {
        match output {
            Output::Persist { .. } if self.disk_fails => {
                if let Some(replica) = &mut self.replica {
                    replica.handle_persist_failed();
                }
                Ok(None)
            }
            Output::Persist { position, envelope } => {
                let fits = self.disk.write(position, envelope);
                fits.then_some(None).ok_or_else(|| format!("asks to persist position {position}, which does not fit"))
            }
            Output::PersistResume { resume } => {
                self.resume = Some(resume);
                Ok(None)
            }
            output => Ok(Some(output)),
        }
    }

    /// The entries that a sync made durable; the replica is told.
    pub fn finish_sync(&mut self, now: Now) -> Vec<Bytes> {
        let before = self.disk.durable().len();
        let Some(head) = self.disk.finish_sync(now.monotonic_us) else { return Vec::new() };
        if let Some(replica) = &mut self.replica {
            replica.handle_persisted(now, head);
        }
        self.disk.durable()[before..].to_vec()
    }

    /// The disk refuses from now on.
    pub fn fail_disk(&mut self) {
        self.disk_fails = true;
        self.disk.fail();
        if let Some(replica) = &mut self.replica {
            replica.handle_persist_failed();
        }
    }

    /// The disk is good again, and the replica is told to try.
    pub fn heal_disk(&mut self) {
        self.disk_fails = false;
        self.recovers_us = None;
        if let Some(replica) = &mut self.replica {
            replica.retry_persist();
        }
    }

    /// Somebody does something.
    ///
    /// # Errors
    /// An edit inside the document that is refused.
    pub fn write(&mut self, rng: &mut Rng) -> Result<(), String> {
        let Some(replica) = &mut self.replica else { return Ok(()) };
        for _ in 0..=rng.below(3) {
            let len = replica.document().text().len_chars();
            let start = rng.below(len + 1);
            let end = (start + rng.below(6)).min(len);
            let word = WORDS[rng.below(WORDS.len())];
            let edited = match rng.below(20) {
                0..11 => replica.insert(start, word),
                11..15 => replica.delete(start..end),
                15 => replica.set(KEYS[rng.below(KEYS.len())], Some(Value::Text(word.to_owned()))),
                16 => replica.set(KEYS[rng.below(KEYS.len())], None),
                17 => replica.set_presence(Some(Bytes::from_static(b"here"))),
                18 => {
                    replica.undo();
                    Ok(())
                }
                _ => {
                    replica.redo();
                    Ok(())
                }
            };
            edited.map_err(|error| error.to_string())?;
        }
        if rng.chance(80) {
            replica.end_undo_group();
        }
        if rng.chance(85) {
            replica.commit();
        }
        Ok(())
    }
}
