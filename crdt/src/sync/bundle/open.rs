//! Verifies and opens a bundle: what of it is to be taken here.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::{Bundle, BundleError, Sealer};
use crate::change::Header;
use crate::clock::VersionVector;
use crate::document::Document;
use crate::envelope::Envelope;
use crate::id::ReplicaId;
use crate::keys::{DocumentKeys, ReplicaKey};
use crate::sealed::{self, Author, RUN_BYTES_MAX, RUN_CHANGES_MAX, SealError, Sealed};
use crate::sync::seals::{Seal, Seals};

/// What of a bundle is to be taken, and what is not.
#[derive(Clone, Debug, Default)]
pub struct Opened {
    /// The changes that are new here, verified and opened, each behind its causal past: for
    /// [`Replica::handle_bundled`](super::super::Replica::handle_bundled).
    pub changes: Vec<(Envelope, Seal)>,
    /// How many changes were here already, the same.
    pub known: usize,
    /// How many follow upon something that is neither here nor in the bundle: they can be taken once that is here.
    pub waiting: usize,
}

impl Bundle {
    /// Verifies the bundle against a copy of its document that is on the disk as it is, and opens what is new. Everything of it is
    /// verified that can be: what is here already must be the same, and one change that is not its author's spoils the whole.
    ///
    /// # Errors
    /// A [`BundleError`] when the keys or the copy are another document's, or something in it does not verify.
    ///
    /// # Cost
    /// For each change O(its bytes), a signature to verify, and O(log n) for each of its deps; if it has changes of this replica, O(n) in
    /// all that this replica wrote.
    pub fn open(
        &self,
        document: &Document,
        seals: &Seals,
        keys: &DocumentKeys,
        replica: &ReplicaKey,
    ) -> Result<Opened, BundleError> {
        keys.check(self.document)?;
        keys.check(document.id())?;
        let own = self.own_chain(document, seals, keys, replica)?;
        let mut opening = Opening {
            keys,
            seals,
            own: (replica.id(), own),
            delivered: document.version().clone(),
            chains: BTreeMap::new(),
            run: Vec::new(),
            run_bytes: 0,
            opened: Opened::default(),
        };
        for envelope in &self.changes {
            opening.take(envelope)?;
        }
        opening.run.last().map_or(Ok(()), |(last, _)| Err(unsigned(last.header())))?;
        Ok(opening.opened)
    }

    /// The own chain after each of the own changes, if the bundle has any of them.
    fn own_chain(
        &self,
        document: &Document,
        seals: &Seals,
        keys: &DocumentKeys,
        replica: &ReplicaKey,
    ) -> Result<BTreeMap<u64, Author>, BundleError> {
        let own = replica.id();
        let last = self.changes.iter().rev().find(|change| change.header().replica == own);
        let Some(there) = last.map(|change| change.header().end_seq()) else { return Ok(BTreeMap::new()) };
        let here = document.committed();
        if there > here {
            return Err(BundleError::Copied { here, there });
        }
        let (nothing, mut chain) = (VersionVector::new(), BTreeMap::new());
        let mut sealer = Sealer::new(keys, replica, seals, &nothing);
        for envelope in document.log().iter().filter(|envelope| envelope.header().replica == own) {
            sealer.seal_own(&envelope, None).map_err(BundleError::Unproved)?;
            chain.extend(sealer.own.map(|own| (own.count, own)));
            if envelope.header().end_seq() >= there {
                break;
            }
        }
        Ok(chain)
    }
}

struct Opening<'a> {
    keys: &'a DocumentKeys,
    seals: &'a Seals,
    /// This replica, and its chain after each of its changes.
    own: (ReplicaId, BTreeMap<u64, Author>),
    /// What is here, with what is taken.
    delivered: VersionVector,
    /// How far each author's chain goes in the bundle; `None`: it follows upon nothing that is here, or waits.
    chains: BTreeMap<ReplicaId, Option<Author>>,
    /// Changes of one author of which none is signed yet.
    run: Vec<(Envelope, Seal)>,
    run_bytes: usize,
    opened: Opened,
}

impl Opening<'_> {
    fn take(&mut self, envelope: &Envelope) -> Result<(), BundleError> {
        let header = envelope.header();
        if let Some((last, _)) = self.run.last().filter(|(last, _)| last.header().replica != header.replica) {
            return Err(unsigned(last.header()));
        }
        let before = match self.chains.get(&header.replica) {
            Some(Some(author)) => Some(*author),
            None if header.first_seq == 0 => None,
            None if header.first_seq <= self.delivered.get(header.replica) => {
                Some(self.known(header.replica, header.first_seq).ok_or_else(|| forked(header))?)
            }
            Some(None) | None => {
                self.chains.insert(header.replica, None);
                self.opened.waiting += 1;
                return Ok(());
            }
        };
        let sealed = Sealed::new(envelope, self.keys.write_public(), before.as_ref())?;
        let is_signed = sealed.verify()?;
        let plain = sealed::open(envelope, self.keys, before.as_ref())?;
        let (author, certificate, signature) =
            (*sealed.author(), sealed.certificate().copied(), sealed.signature().copied());
        self.chains.insert(header.replica, Some(author));
        self.run.push((plain, Seal { author, certificate, signature }));
        if is_signed {
            return self.settle();
        }
        self.run_bytes += envelope.bytes().len();
        if self.run.len() >= RUN_CHANGES_MAX || self.run_bytes > RUN_BYTES_MAX {
            return Err(unsigned(header));
        }
        Ok(())
    }

    /// A run is whole and its author's: all of it is taken that is new, or all of that waits.
    fn settle(&mut self) -> Result<(), BundleError> {
        self.run_bytes = 0;
        let run = core::mem::take(&mut self.run);
        let has_past = |header: &Header| header.deps.iter().all(|(other, units)| units <= self.delivered.get(other));
        let is_ready = run.iter().all(|(envelope, _)| has_past(envelope.header()));
        for (envelope, seal) in run {
            let header = envelope.header();
            let (replica, here) = (header.replica, self.delivered.get(header.replica));
            if header.end_seq() <= here {
                if self.known(replica, header.end_seq()) != Some(seal.author) {
                    return Err(forked(header));
                }
                self.opened.known += 1;
            } else if header.first_seq < here {
                return Err(forked(header));
            } else if is_ready {
                self.delivered.observe(replica, header.end_seq());
                self.opened.changes.push((envelope, seal));
            } else {
                self.chains.insert(replica, None);
                self.opened.waiting += 1;
            }
        }
        Ok(())
    }

    /// What is known here of an author with so many of its units.
    fn known(&self, replica: ReplicaId, count: u64) -> Option<Author> {
        let (own, chain) = &self.own;
        if replica == *own { chain.get(&count).copied() } else { self.seals.author(replica, count) }
    }
}

fn forked(header: &Header) -> BundleError {
    SealError::Forked { replica: header.replica, first_seq: header.first_seq }.into()
}

fn unsigned(header: &Header) -> BundleError {
    BundleError::Unsigned { replica: header.replica, first_seq: header.first_seq }
}
