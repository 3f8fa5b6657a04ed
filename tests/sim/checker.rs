//! What must hold at every step of a run. The checker stands beside the machines and sees everything, and takes nobody's word.

mod end;
mod seals;
mod wire;

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use quire_crdt::sync::{ConnId, LinkError, Replica};
use quire_crdt::{Document, DocumentId, ENVELOPE_BYTES_MAX, Envelope, HELD_BACK_CHANGES_MAX, ReplicaId, VersionVector};

use self::seals::Authors;
use self::wire::Wires;
use crate::disk::Proof;
use crate::node::Node;
use crate::relay_node::RelayNode;
use crate::story::{hash_of, mix};
use crate::truth::Truth;

/// A promise that was broken.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Breach {
    /// When, in microseconds of the run.
    pub at_us: u64,
    /// What was found.
    pub what: String,
}

impl Breach {
    /// What kind of thing was found: the words, without the numbers and texts that differ from run to run.
    pub fn kind(&self) -> String {
        self.what.split_once(':').map_or(self.what.as_str(), |(kind, _)| kind).to_owned()
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {}.{:06} s: {}", self.at_us / 1_000_000, self.at_us % 1_000_000, self.what)
    }
}

/// How far the log of a device was looked at.
#[derive(Clone, Debug, Default)]
struct Seen {
    position: usize,
    version: VersionVector,
    /// The version whose state was compared.
    compared: VersionVector,
}

/// Remembers everything that was ever made, shown or sent, so that whatever comes later is compared with it.
#[derive(Debug)]
pub struct Checker {
    /// For each version that a device had, the hash of what it showed, and which device that was.
    states: BTreeMap<u64, (u64, usize)>,
    truth: Truth,
    /// Who may have written, if links are sealed.
    authors: Option<Authors>,
    seen: Vec<Seen>,
    wires: Wires,
    /// How many units of a replica a relay's store, by its epoch, has promised to have.
    promised: BTreeMap<([u8; 16], ReplicaId), (DocumentId, u64)>,
    /// How many units of each device a relay has ever promised to have.
    saved: BTreeMap<ReplicaId, u64>,
    /// How many units of each device were on its disk.
    kept: BTreeMap<ReplicaId, u64>,
    text: String,
    /// Whether links may fall silent or cannot be made in this run.
    silence: bool,
    /// Whether a device may find out that it is not the only one with its id.
    clones: bool,
}

impl Checker {
    /// A checker of a run with so many devices, in which links may fall silent or not, and devices be copies or not.
    pub fn new(devices: usize, silence: bool, clones: bool) -> Self {
        Self {
            states: BTreeMap::new(),
            truth: Truth::default(),
            authors: None,
            seen: vec![Seen::default(); devices],
            wires: Wires::default(),
            promised: BTreeMap::new(),
            saved: BTreeMap::new(),
            kept: BTreeMap::new(),
            text: String::new(),
            silence,
            clones,
        }
    }

    /// A connection is gone.
    pub fn forget_connection(&mut self, conn: ConnId) {
        self.wires.forget(conn);
    }

    /// A relay's store is an older one, or another one.
    pub fn forget_relay(&mut self, relay: &RelayNode) {
        self.promised.retain(|(epoch, _), _| *epoch != relay.epoch());
        self.wires.forget_logs();
    }

    /// A relay's log may be shorter than it was.
    pub fn forget_log(&mut self) {
        self.wires.forget_logs();
    }

    /// A device's disk is an older one, or a copy.
    pub fn forget_promises(&mut self, replica: ReplicaId) {
        self.kept.remove(&replica);
        self.truth.lose_disk(replica);
        self.authors.iter_mut().for_each(|authors| authors.set_free(replica));
        // What only that disk had may come to be something else.
        self.states.clear();
    }

    /// A device has started: what was on its disk is there (G5).
    ///
    /// # Errors
    /// What is not.
    pub fn check_started(&mut self, at: usize, node: &Node) -> Result<(), String> {
        self.seen[at] = Seen::default();
        let kept = self.kept.get(&node.id).copied().unwrap_or(0);
        let has = node.replica.as_ref().map_or(0, Replica::units_saved_here);
        if has < kept {
            return Err(format!("lost from a disk: device {at} had {kept} units and finds {has}"));
        }
        Ok(())
    }

    /// A relay has started: what it acknowledged is there (G5).
    ///
    /// # Errors
    /// What is not.
    pub fn check_relay_started(&self, relay: &RelayNode) -> Result<(), String> {
        for ((epoch, replica), (document, promised)) in &self.promised {
            let has = relay.durable_version(*document).get(*replica);
            if *epoch == relay.epoch() && has < *promised {
                return Err(format!("acked and lost: {promised} units of {replica}, and {has} are there"));
            }
        }
        Ok(())
    }

    /// Everything that must hold of a device.
    ///
    /// # Errors
    /// What does not.
    pub fn check_device(&mut self, at: usize, node: &Node) -> Result<(), String> {
        let Some(replica) = &node.replica else { return Ok(()) };
        self.check_link(replica)?;
        let document = replica.document();
        if document.held_back() > HELD_BACK_CHANGES_MAX {
            return Err(format!("too much is held back: {} changes", document.held_back()));
        }
        self.check_saved(node, replica)?;
        self.check_log(at, node, document)?;
        let kept = self.kept.entry(node.id).or_default();
        *kept = (*kept).max(replica.units_saved_here());
        if !node.is_copy
            && self.seen[at].compared != *document.version()
            && replica.units_made() == replica.units_saved_here()
        {
            self.seen[at].compared.clone_from(document.version());
            self.check_state(at, document)?;
        }
        Ok(())
    }

    /// Between honest ends no link ends by an error, but by silence where links may fall silent.
    fn check_link(&self, replica: &Replica) -> Result<(), String> {
        let Some(error) = replica.link_error() else { return Ok(()) };
        let is_expected = match error {
            LinkError::Silent | LinkError::Connect | LinkError::Greet => self.silence || self.wires.has_liars(),
            // The other of two with one id sends something, and the relay confirms it to both.
            LinkError::Cloned { .. } | LinkError::Forked { .. } | LinkError::Impossible { .. } => {
                self.clones || self.wires.has_liars()
            }
            // Only a relay that lies says what cannot be: see `World::act_on_link`.
            _ => self.wires.has_liars(),
        };
        if is_expected { Ok(()) } else { Err(format!("a link ended by an error: {error}")) }
    }

    /// What a device calls saved at a relay was on a relay's disk once (G2).
    fn check_saved(&self, node: &Node, replica: &Replica) -> Result<(), String> {
        let (said, was) = (replica.units_saved_at_relay(), self.saved.get(&node.id).copied().unwrap_or(0));
        if said > was && !self.wires.has_liars() && !node.is_copy {
            return Err(format!("called saved too early: {said} units of {}, and {was} were ever acked", node.id));
        }
        Ok(())
    }

    /// Causal delivery (G4), against what the authors had really delivered; and an id stands for one content for ever.
    fn check_log(&mut self, at: usize, node: &Node, document: &Document) -> Result<(), String> {
        let (log, mut seen) = (document.log(), std::mem::take(&mut self.seen[at]));
        while let Some(header) = log.header(seen.position) {
            let envelope = log.envelope(seen.position).ok_or("a log without one of its envelopes")?;
            if seen.version.get(header.replica) != header.first_seq {
                return Err(format!("a gap or a double in a log: {} at device {at}", header.first_id()));
            }
            if header.replica == node.id {
                // What a copy makes is its own affair, as long as it sends nothing that stands for something else already.
                if !node.is_copy {
                    self.truth.make(&header, envelope.bytes(), &seen.version)?;
                    self.seal(&envelope)?;
                }
            } else {
                self.check_author(&header)?;
                self.truth.tell(&header, envelope.bytes())?;
                let past = self.truth.past(header.first_id()).unwrap_or(&header.deps);
                if lacks(&seen.version, past).is_some() {
                    return Err(format!("delivered before its past: {} at device {at}", header.first_id()));
                }
            }
            seen.version.observe(header.replica, header.end_seq());
            seen.position += 1;
        }
        self.seen[at] = seen;
        Ok(())
    }

    /// Strong eventual consistency (G3): whoever has the same version shows the same, at whatever time. Own units that are not on disk
    /// yet may be lost and their ids used again, so such states are not compared.
    fn check_state(&mut self, at: usize, document: &Document) -> Result<(), String> {
        let version = hash_of_version(document.id(), document.version());
        let state = hash_of_state(document, &mut self.text);
        let (known, other) = *self.states.entry(version).or_insert((state, at));
        if known != state {
            let version = document.version();
            return Err(format!(
                "two states of one version: devices {at} and {other} differ at {version:?}: {:?}",
                self.text
            ));
        }
        Ok(())
    }

    /// What a device has on its disk is somewhere for good.
    ///
    /// # Errors
    /// When it is not what was made.
    pub fn check_stored(&mut self, node: &Node, entries: &[Bytes], proofs: &[Proof]) -> Result<(), String> {
        for (entry, proof) in entries.iter().zip(proofs).filter(|_| !node.is_copy) {
            let envelope = Envelope::decode(entry.clone()).map_err(|error| format!("a stored envelope: {error}"))?;
            self.truth.keep(envelope.header(), entry)?;
            self.check_proof(node, envelope.header(), proof)?;
        }
        Ok(())
    }

    /// A relay has taken this into its log.
    ///
    /// # Errors
    /// When it is not what was made.
    pub fn check_appended(&mut self, entry: Bytes) -> Result<Envelope, String> {
        let envelope = Envelope::decode(entry).map_err(|error| format!("an appended envelope: {error}"))?;
        self.relayed(&envelope)?;
        Ok(envelope)
    }

    /// Every queue of a relay is bounded (G9).
    ///
    /// # Errors
    /// Which one is not.
    pub fn check_relay(&self, node: &RelayNode) -> Result<(), String> {
        let Some(relay) = &node.relay else { return Ok(()) };
        let (stats, limits) = (relay.stats(), node.limits());
        let envelope = ENVELOPE_BYTES_MAX;
        let bounds = [
            ("unappended bytes", stats.unappended_bytes, limits.unappended_bytes_max + envelope),
            ("bytes in rings", stats.rings_bytes, limits.rings_bytes_max + limits.unappended_bytes_max + envelope),
            ("bytes read for lagging links", stats.reads_bytes, limits.reads_bytes_max + envelope),
            ("open documents", stats.documents_open, limits.documents_open_max),
        ];
        match bounds.iter().find(|(_, value, limit)| value > limit) {
            Some((name, value, limit)) => Err(format!("a queue beyond its limit: {name}, {value} of {limit}")),
            None => Ok(()),
        }
    }
}

/// What of a version is not in what somebody has: the replica, the units of it that there should be, and those that there are.
fn lacks(has: &VersionVector, version: &VersionVector) -> Option<(ReplicaId, u64, u64)> {
    let pairs = version.iter().map(|(replica, count)| (replica, count, has.get(replica)));
    let mut missing = pairs.filter(|(_, count, has)| has < count);
    missing.next()
}

/// Stands for a version of a document.
fn hash_of_version(document: DocumentId, version: &VersionVector) -> u64 {
    let entry = |hash, (replica, count): (ReplicaId, u64)| mix(mix(hash, hash_of(replica.as_bytes())), count);
    version.iter().fold(hash_of(document.as_bytes()), entry)
}

/// Stands for what a document shows: the text and every value of the map, those in conflict too. `text` is the text then.
fn hash_of_state(document: &Document, text: &mut String) -> u64 {
    text.clear();
    text.extend(document.text().chunks(0..usize::MAX));
    let mut hash = hash_of(text.as_bytes());
    for (key, entries) in document.map().starting_with("") {
        hash = mix(hash, hash_of(key.as_bytes()));
        for entry in entries {
            hash = mix(mix(hash, hash_of(format!("{:?}", entry.value).as_bytes())), entry.lamport.0);
            hash = mix(mix(hash, entry.id.seq), hash_of(entry.id.replica.as_bytes()));
        }
    }
    hash
}
