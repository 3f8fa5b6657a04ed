//! What the library knows about a document besides its changes.

use std::collections::BTreeSet;

use data_encoding::BASE64URL_NOPAD;
use quire_crdt::keys::{ReplicaKey, ReplicaSeed};
use quire_crdt::sealed::Author;
use quire_crdt::sync::frame::Resume;
use quire_crdt::{DocumentId, ReplicaId};
use serde::{Deserialize, Serialize};

use crate::editor::link::{LinkKeys, RelayAddress};

/// The version of a record's layout: JSON whose unknown fields are ignored, so that it grows without a new version.
const RECORD_VERSION: u32 = 1;

/// What the library knows about a document besides its changes.
#[derive(Clone, Debug, PartialEq)]
pub struct DocumentRecord {
    /// The id of this copy: made at random for it alone, and on disk before it is used.
    pub replica: ReplicaId,
    /// What the document's keys follow from; `None`: it is from before documents had keys, and cannot be shared.
    pub keys: Option<LinkKeys>,
    /// What this copy's own key follows from, if the document has keys.
    pub seed: Option<ReplicaSeed>,
    /// How far the chain of this copy's changes is known to be at the relay.
    pub chain: Option<Author>,
    /// The relay where the document is shared, if it is.
    pub relay: Option<RelayAddress>,
    /// When this copy was made: wall clock, microseconds since the Unix epoch.
    pub created_us: i64,
    /// The title when it was last seen.
    pub title: String,
    /// When the document last changed here: wall clock, microseconds since the Unix epoch.
    pub edited_us: i64,
    /// Who made that change; empty: this device.
    pub edited_by: String,
    /// Whether the document is put away.
    pub archived: bool,
    /// Up to where the relay's log was read.
    pub resume: Option<Resume>,
    /// How many units of this copy were on the relay's disk when it last said so.
    pub units_at_relay: u64,
    /// When the oldest of the units that were not there was made: wall clock, microseconds since the Unix epoch.
    pub waiting_since_us: Option<i64>,
    /// Of a library's list: the documents that were removed from this device, and that it does not bring back.
    pub left: BTreeSet<DocumentId>,
}

impl DocumentRecord {
    /// The record of a new copy of a document with these keys, whose own key follows from `seed`.
    pub fn sealed(keys: LinkKeys, seed: ReplicaSeed, now_us: i64) -> Self {
        let replica = ReplicaKey::new(&seed).id();
        Self { keys: Some(keys), seed: Some(seed), ..Self::new(replica, now_us) }
    }

    /// The record of a new copy of a document without keys.
    pub fn new(replica: ReplicaId, now_us: i64) -> Self {
        Self {
            replica,
            keys: None,
            seed: None,
            chain: None,
            relay: None,
            created_us: now_us,
            title: String::new(),
            edited_us: now_us,
            edited_by: String::new(),
            archived: false,
            resume: None,
            units_at_relay: 0,
            waiting_since_us: None,
            left: BTreeSet::new(),
        }
    }

    /// Whether it is linked to a relay: it has one, and keys to prove that it may.
    pub const fn is_shared(&self) -> bool {
        self.relay.is_some() && self.keys.is_some()
    }

    /// Whether it is that of a library's list, which is no document that a person writes.
    pub fn is_library(&self) -> bool {
        self.keys.as_ref().is_some_and(LinkKeys::is_library)
    }

    /// The record's bytes.
    pub(super) fn encode(&self) -> Vec<u8> {
        let stored = Stored {
            v: RECORD_VERSION,
            replica: self.replica.to_string(),
            relay: self.relay.as_ref().map(ToString::to_string),
            created_us: self.created_us,
            title: self.title.clone(),
            edited_us: self.edited_us,
            edited_by: self.edited_by.clone(),
            archived: self.archived,
            resume: self.resume.map(|resume| (ReplicaId::from_bytes(resume.epoch).to_string(), resume.position)),
            units_at_relay: self.units_at_relay,
            waiting_since_us: self.waiting_since_us,
            keys: self.keys.as_ref().map(LinkKeys::expose),
            seed: self.seed.as_ref().map(|seed| BASE64URL_NOPAD.encode(seed.expose())),
            left: self.left.iter().map(ToString::to_string).collect(),
            chain: self.chain.map(|chain| BASE64URL_NOPAD.encode(&chain.to_bytes())),
        };
        serde_json::to_vec(&stored).unwrap_or_default()
    }

    /// The record that these bytes are, if they are one.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let stored: Stored = serde_json::from_slice(bytes).ok()?;
        if stored.v != RECORD_VERSION {
            return None;
        }
        let resume = match stored.resume {
            None => None,
            Some((epoch, position)) => {
                let epoch: ReplicaId = epoch.parse().ok()?;
                Some(Resume { epoch: *epoch.as_bytes(), position })
            }
        };
        let decode = |text: String| BASE64URL_NOPAD.decode(text.as_bytes()).ok();
        let seed = |bytes: Vec<u8>| Some(ReplicaSeed::from_bytes(bytes.try_into().ok()?));
        // What is there must be readable: a document does not lose its keys because a program does not know them.
        let keys = match stored.keys {
            None => None,
            Some(keys) => Some(LinkKeys::parse(&keys)?),
        };
        let seed = match stored.seed {
            None => None,
            Some(text) => Some(decode(text).and_then(seed)?),
        };
        Some(Self {
            keys,
            seed,
            chain: stored.chain.and_then(decode).and_then(|bytes| Author::from_bytes(&bytes)),
            replica: stored.replica.parse().ok()?,
            relay: stored.relay.map(|relay| relay.parse()).transpose().ok()?,
            created_us: stored.created_us,
            title: stored.title,
            edited_us: stored.edited_us,
            edited_by: stored.edited_by,
            archived: stored.archived,
            resume,
            units_at_relay: stored.units_at_relay,
            waiting_since_us: stored.waiting_since_us,
            left: stored.left.iter().map(|id| id.parse()).collect::<Result<_, _>>().ok()?,
        })
    }
}

#[derive(Deserialize, Serialize)]
struct Stored {
    v: u32,
    replica: String,
    relay: Option<String>,
    created_us: i64,
    title: String,
    edited_us: i64,
    #[serde(default)]
    edited_by: String,
    archived: bool,
    resume: Option<(String, u64)>,
    #[serde(default)]
    units_at_relay: u64,
    #[serde(default)]
    waiting_since_us: Option<i64>,
    #[serde(default)]
    keys: Option<String>,
    #[serde(default)]
    seed: Option<String>,
    #[serde(default)]
    chain: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    left: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_reads_back() {
        let mut record = DocumentRecord::new(ReplicaId::from_bytes([9; 16]), 1_700_000_000_000_000);
        assert_eq!(DocumentRecord::decode(&record.encode()), Some(record.clone()));
        for relay in
            ["[::1]:80", "ws://10.0.0.1", "wss://localhost", "h?pin=q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s"]
        {
            record.relay = Some(relay.parse().unwrap());
            assert_eq!(DocumentRecord::decode(&record.encode()), Some(record.clone()), "{relay}");
        }
        record.title = "Über \"das\"".into();
        record.archived = true;
        record.resume = Some(Resume { epoch: [0xfe; 16], position: 12 });
        record.units_at_relay = 1 << 52;
        record.waiting_since_us = Some(-1);
        assert_eq!(DocumentRecord::decode(&record.encode()), Some(record.clone()));
        record.keys = LinkKeys::parse("e.q6urq6urq6urq6urq6urqw");
        record.seed = Some(ReplicaSeed::from_bytes([7; 32]));
        record.chain = Some(Author { key: [1; 32], count: 9, hash: [2; 32] });
        record.left = [3, 4].map(|byte| DocumentId::from_bytes([byte; 16])).into();
        assert!(record.keys.is_some());
        assert_eq!(DocumentRecord::decode(&record.encode()), Some(record));
    }

    #[test]
    fn a_relay_of_an_older_program_is_reached_as_its_host_is_today() {
        let check = |stored: &str, url: &str| {
            let record = DocumentRecord::new(ReplicaId::from_bytes([9; 16]), 0).encode();
            let text = String::from_utf8(record).unwrap().replace("\"relay\":null", &format!("\"relay\":\"{stored}\""));
            let relay = DocumentRecord::decode(text.as_bytes()).and_then(|record| record.relay);
            assert_eq!(relay.map(|relay| relay.url()).as_deref(), Some(url));
        };
        check("127.0.0.1:4870", "ws://127.0.0.1:4870/sync");
        check("localhost:80", "ws://localhost:80/sync");
        check("192.168.1.5:4870", "wss://192.168.1.5:4870/sync");
    }

    #[test]
    fn cut_off_or_with_a_flipped_bit_it_is_none_or_another_record_that_reads_back() {
        let mut record = DocumentRecord::new(ReplicaId::from_bytes([9; 16]), 1_700_000_000_000_000);
        record.relay = "[::1]:80".parse().ok();
        record.resume = Some(Resume { epoch: [0xfe; 16], position: 12 });
        let bytes = record.encode();
        for at in 0..bytes.len() {
            assert_eq!(DocumentRecord::decode(&bytes[..at]), None, "{at} bytes");
            for bit in 0..8 {
                let mut flipped = bytes.clone();
                flipped[at] ^= 1 << bit;
                if let Some(other) = DocumentRecord::decode(&flipped) {
                    assert_eq!(DocumentRecord::decode(&other.encode()), Some(other), "byte {at} bit {bit}");
                }
            }
        }
    }

    #[test]
    fn what_is_no_record_is_none() {
        assert_eq!(DocumentRecord::decode(b"{}"), None);
        assert_eq!(DocumentRecord::decode(b""), None);
    }
}
