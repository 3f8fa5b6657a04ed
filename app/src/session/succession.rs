//! A document whose library was copied or restored goes on under another id: nothing is lost, and nobody need do anything.

use quire_crdt::keys::{ReplicaKey, ReplicaSeed};
use quire_crdt::sync::{Now, ReplicaConfig};
use quire_crdt::{Document, DocumentId, ReplicaId};

use super::documents::random;
use super::open::{Heir, OpenDocument, RecordState};
use super::{Notice, Session, SessionError};
use crate::editor::link::LinkKeys;
use crate::shell::store::{DocumentRecord, Logged};

/// The most keys that are made to find one whose id stands where the former one stood.
const TRIES_MAX: usize = 10_000;

impl Session {
    /// Somebody else has this device's id in a document: finds out what both have, under an id that nobody has.
    pub(super) fn trace(&mut self, now: Now, id: DocumentId) {
        let has_key = |record: &DocumentRecord| record.keys.is_some() && record.seed.is_some();
        if !self.records.get(&id).is_some_and(has_key) {
            return;
        }
        let Some(open) = self.open.get_mut(&id) else { return };
        match heir_of(open.replica.document()) {
            Ok(seed) => {
                let heir = ReplicaKey::new(&seed).id();
                tracing::info!(document = %id, former = %open.replica.document().replica(), %heir, "this device's id is used twice");
                open.heir = Heir::Chosen(seed);
                open.replica.trace(now, heir);
            }
            Err(error) => tracing::warn!(document = %id, %error, "there can be no other id"),
        }
    }

    /// Lets the other id take the place of the one that is used twice, once it is known what both have and everything is on disk. Waits for the disk.
    pub(super) fn succeed(&mut self, now: Now, id: DocumentId) {
        let Some(open) = self.open.get_mut(&id).filter(|open| open.replica.is_traced()) else { return };
        open.replica.commit();
        if !open.has_log_on_disk() || open.write_failed() {
            return;
        }
        let Some(record) = self.records.get(&id) else { return };
        let (Some(Ok(keys)), Some(former), Heir::Chosen(seed)) =
            (record.keys.as_ref().map(LinkKeys::document_keys), record.seed.as_ref(), &open.heir)
        else {
            return;
        };
        let config = ReplicaConfig { seed: now.monotonic_us, ..ReplicaConfig::default() };
        let (replica, succession) = match open.replica.heir(config, &keys, &ReplicaKey::new(former)) {
            Ok(heir) => heir,
            Err(error) => {
                tracing::warn!(document = %id, %error, "no other id can take the place of the one that is used twice");
                open.heir = Heir::Impossible;
                open.replica.stop_tracing(now);
                self.notices.push(Notice::Cloned { document: id });
                return;
            }
        };
        let record = DocumentRecord {
            replica: succession.heir,
            seed: Some(seed.clone()),
            chain: None,
            resume: None,
            units_at_relay: 0,
            waiting_since_us: None,
            ..record.clone()
        };
        let log: Vec<Logged> = replica.stored().collect();
        if let Err(error) = self.store.replace_now(id, record.clone(), log) {
            open.write_refused(now, error.to_string());
            self.notices.push(Notice::WriteFailed { document: id, error: error.to_string() });
            return;
        }
        let wanted = open.wanted;
        let version = replica.document().version().clone();
        self.records.insert(id, record);
        let mut successor = OpenDocument::new(replica, wanted, 0, None);
        successor.heir = Heir::Impossible;
        self.open.insert(id, successor);
        self.forget_held_frames(id);
        self.jobs.want_instead(id, &version);
        self.notices.push(Notice::Succeeded { document: id, succession });
        self.notices.push(Notice::StatusChanged { document: id });
        self.link_open(id);
    }
}

impl OpenDocument {
    /// Whether the own id is used twice, and nothing was done about it yet.
    pub(super) const fn must_trace(&self) -> bool {
        self.replica.clone_detected() && self.may_trace()
    }

    /// Whether another id may take the place of the own one.
    pub(super) const fn may_trace(&self) -> bool {
        !self.replica.is_tracing() && !matches!(self.heir, Heir::Impossible)
    }

    /// Whether every change is on disk, and every edit in a change.
    fn has_log_on_disk(&self) -> bool {
        self.replica.units_made() == self.replica.units_saved_here()
            && self.head() >= self.replica.document().log().len() as u64
            && self.record != RecordState::Asked
    }
}

/// A new key, whose id stands where the document's own one stands among those of all who wrote, if one is found soon: then concurrent edits stay
/// in the order in which they are shown.
fn heir_of(document: &Document) -> Result<ReplicaSeed, SessionError> {
    let own = document.replica();
    let others = || document.version().iter().map(|(replica, _)| replica).filter(|replica| *replica != own);
    let (below, above) = (others().filter(|other| *other < own).max(), others().filter(|other| *other > own).min());
    let stands_there = |id: ReplicaId| below.is_none_or(|below| below < id) && above.is_none_or(|above| id < above);
    let mut seed = ReplicaSeed::from_bytes(random()?);
    for _ in 0..TRIES_MAX {
        if stands_there(ReplicaKey::new(&seed).id()) {
            break;
        }
        seed = ReplicaSeed::from_bytes(random()?);
    }
    Ok(seed)
}
