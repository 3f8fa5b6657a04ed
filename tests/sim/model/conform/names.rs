//! Real ids and the model's small numbers.

use quire_crdt::sync::frame::Resume as RealResume;
use quire_crdt::{DocumentId, Header, ReplicaId, VersionVector};

use super::super::state::{ChangeId, RELAYS, Resume, Version};
use super::REPLICAS_MAX;
use super::wire::Wire;

/// Who is who, and where each one's changes end.
#[derive(Debug)]
pub(super) struct Names {
    document: DocumentId,
    replicas: Vec<ReplicaId>,
    /// For each replica and each of its changes, how many units it had made with that.
    ends: Vec<Vec<u64>>,
    /// For each relay the epochs of its stores, as its welcomes named them.
    epochs: [Vec<Option<[u8; 16]>>; RELAYS],
}

impl Names {
    pub(super) fn new(document: DocumentId, replicas: &[ReplicaId]) -> Self {
        let ends = vec![Vec::new(); replicas.len()];
        Self { document, replicas: replicas.to_vec(), ends, epochs: std::array::from_fn(|_| Vec::new()) }
    }

    pub(super) const fn replicas(&self) -> usize {
        self.replicas.len()
    }

    pub(super) fn wire(&self, replica: usize) -> Result<Wire, String> {
        let id = self.replicas.get(replica).ok_or("there is no such replica")?;
        Ok(Wire::new(self.document, *id))
    }

    pub(super) fn number(&self, replica: ReplicaId) -> Result<usize, String> {
        let at = self.replicas.iter().position(|known| *known == replica);
        at.ok_or_else(|| format!("{replica} is no replica of this run"))
    }

    /// How many units the first so many changes of a replica have.
    pub(super) fn units(&self, author: usize, changes: u32) -> u64 {
        changes.checked_sub(1).and_then(|last| self.ends[author].get(last as usize)).copied().unwrap_or(0)
    }

    /// How many changes have so many units.
    pub(super) fn count(&self, author: usize, units: u64) -> Result<u32, String> {
        let ends = &self.ends[author];
        let at = match (units, ends.last()) {
            (0, _) => Ok(0),
            (units, Some(last)) if *last == units => Ok(ends.len()),
            _ => ends.binary_search(&units).map(|at| at + 1),
        };
        let count = at.map_err(|_| format!("{units} units of replica {author} end in no change of its own"))?;
        u32::try_from(count).map_err(|error| error.to_string())
    }

    pub(super) fn version(&self, version: &VersionVector) -> Result<Version<REPLICAS_MAX>, String> {
        let mut counts = Version::default();
        for (replica, units) in version.iter() {
            let author = self.number(replica)?;
            counts.0[author] = self.count(author, units)?;
        }
        Ok(counts)
    }

    pub(super) fn change(&self, header: &Header) -> Result<ChangeId, String> {
        let author = self.number(header.replica)?;
        let seq = self.count(author, header.first_seq)?;
        if self.units(author, seq + 1) == header.end_seq() {
            Ok(ChangeId { author, seq })
        } else {
            Err(format!("{:?} is no change that its author made", header.first_id()))
        }
    }

    /// A replica made a change.
    pub(super) fn made(&mut self, author: usize, header: &Header) -> Result<(), String> {
        let before = self.ends[author].last().copied().unwrap_or(0);
        if header.first_seq != before {
            return Err(format!("it made {before} units before, and the change begins at {}", header.first_seq));
        }
        self.ends[author].push(header.end_seq());
        Ok(())
    }

    /// A replica lost all of its changes but so many, which nobody else has.
    pub(super) fn unmade(&mut self, author: usize, changes: usize) {
        self.ends[author].truncate(changes);
    }

    /// A relay's store names its epoch, always the same, and no other store's.
    pub(super) fn name_epoch(&mut self, relay: usize, epoch: u32, bytes: [u8; 16]) -> Result<(), String> {
        let place = self.place_of(&bytes);
        if place == Some((relay, epoch)) {
            return Ok(());
        }
        if let Some((relay, epoch)) = place {
            return Err(format!("that is the epoch of store {epoch} of relay {relay}"));
        }
        let stores = &mut self.epochs[relay];
        stores.resize(stores.len().max(epoch as usize + 1), None);
        match stores[epoch as usize].replace(bytes) {
            None => Ok(()),
            Some(before) => Err(format!("the epoch of this store was {before:02x?}")),
        }
    }

    /// Which store of which relay names this epoch.
    pub(super) fn place_of(&self, epoch: &[u8; 16]) -> Option<(usize, u32)> {
        self.epochs.iter().enumerate().find_map(|(relay, stores)| {
            let store = stores.iter().position(|store| store.as_ref() == Some(epoch))?;
            Some((relay, u32::try_from(store).ok()?))
        })
    }

    pub(super) fn is_place(&self, place: &Resume, resume: &RealResume) -> bool {
        self.place_of(&resume.epoch) == Some((place.relay, place.epoch)) && place.position as u64 == resume.position
    }
}
