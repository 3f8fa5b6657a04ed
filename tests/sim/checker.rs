//! What must hold at every step of a run.

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use quire_crdt::sync::{LinkError, Replica};
use quire_crdt::{Entry, Envelope, OpId, ReplicaId, VersionVector};

/// A promise that was broken.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Breach {
    /// The virtual time, in microseconds.
    pub at_us: u64,
    /// What was found.
    pub what: String,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {}.{:06} s: {}", self.at_us / 1_000_000, self.at_us % 1_000_000, self.what)
    }
}

/// What a replica shows.
#[derive(Clone, Debug, Eq, PartialEq)]
struct State {
    text: String,
    map: Vec<(String, Vec<Entry>)>,
}

impl State {
    fn of(replica: &Replica) -> Self {
        let (text, map) = (replica.document().text(), replica.document().map());
        let entries = map.iter().map(|(key, _)| (key.to_owned(), map.entries(key).to_vec()));
        Self { text: text.slice(0..text.len_chars()), map: entries.collect() }
    }
}

/// Remembers everything that was ever shown or stored, so that whatever comes later is compared with it.
#[derive(Clone, Debug, Default)]
pub struct Checker {
    states: BTreeMap<Vec<(ReplicaId, u64)>, State>,
    contents: BTreeMap<OpId, Bytes>,
    versions: BTreeMap<usize, VersionVector>,
    /// Whether links may fall silent in this run.
    silence: bool,
}

impl Checker {
    /// A checker of a run in which links may fall silent or not.
    pub fn new(silence: bool) -> Self {
        Self { silence, ..Self::default() }
    }

    /// Between honest ends no link ends by an error, but by silence where links may fall silent.
    ///
    /// Strong eventual consistency (G3): whoever has the same version shows the same, at whatever time. Own units that are not
    /// on disk yet may be lost and their ids used again, so such states are not compared.
    ///
    /// # Errors
    /// What differs.
    pub fn check_replica(&mut self, node: usize, replica: &Replica) -> Result<(), String> {
        if let Some(error) = replica.link_error().filter(|error| !self.silence || **error != LinkError::Silent) {
            return Err(format!("replica {node}: {error}"));
        }
        let version = replica.document().version();
        if self.versions.get(&node) == Some(version) || replica.units_made() != replica.units_saved_here() {
            return Ok(());
        }
        self.versions.insert(node, version.clone());
        let state = State::of(replica);
        let known = self.states.entry(version.iter().collect()).or_insert_with(|| state.clone());
        if *known != state {
            return Err(format!("replica {node} shows {state:?} where another one showed {known:?}"));
        }
        Ok(())
    }

    /// A replica was started anew.
    pub fn forget(&mut self, node: usize) {
        self.versions.remove(&node);
    }

    /// An id stands for one content for ever.
    ///
    /// # Errors
    /// Which id does not.
    pub fn check_stored(&mut self, entry: &Bytes) -> Result<(), String> {
        let envelope = Envelope::decode(entry.clone()).map_err(|error| format!("a stored envelope: {error}"))?;
        let first = envelope.header().first_id();
        let known = self.contents.entry(first).or_insert_with(|| entry.clone());
        if known != entry {
            return Err(format!("{first} stands for two contents"));
        }
        let before = self.contents.range(OpId::new(first.replica, 0)..first).next_back();
        let end =
            before.and_then(|(_, bytes)| Envelope::decode(bytes.clone()).ok()).map(|before| before.header().end_seq());
        match end {
            Some(end) if end > first.seq => Err(format!("{first} stands inside another change")),
            _ => Ok(()),
        }
    }
}

/// What a log adds up to.
pub fn version_of(entries: &[Bytes]) -> VersionVector {
    let envelopes = entries.iter().filter_map(|entry| Envelope::decode(entry.clone()).ok());
    envelopes.map(|envelope| (envelope.header().replica, envelope.header().end_seq())).collect()
}
