//! What must hold of every sealed change: it is, byte for byte, what its author's program makes of what the author wrote there. The checker
//! has everybody's keys, and seals every change itself when it is made.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use quire_crdt::sealed::{self, Author, Before, Proof as SealProof, Sealed, seal};
use quire_crdt::sync::ConnId;
use quire_crdt::sync::frame::Frame;
use quire_crdt::{Document, Envelope, Header, ReplicaId};

use super::Checker;
use super::wire::Lane;
use crate::disk::Proof;
use crate::keyring::Keys;
use crate::node::Node;

/// Who may have written what, in a run whose links are sealed.
#[derive(Debug)]
pub(super) struct Authors {
    keys: BTreeMap<ReplicaId, Keys>,
    /// Who writes and is not looked at: copies, and editors that keep to no rules.
    free: BTreeSet<ReplicaId>,
}

impl Authors {
    pub(super) fn set_free(&mut self, replica: ReplicaId) {
        self.free.insert(replica);
    }
}

impl Checker {
    /// The links of the run are sealed, if these are the devices' keys.
    pub fn expect_seals(&mut self, keys: Option<BTreeMap<ReplicaId, Keys>>) {
        self.authors = keys.map(|keys| Authors { keys, free: BTreeSet::new() });
    }

    /// Somebody writes as well, who has an editor's link and keeps to no rules.
    pub fn expect_author(&mut self, replica: ReplicaId) {
        self.authors.iter_mut().for_each(|authors| authors.set_free(replica));
    }

    /// A device has made this change: what its program is to make of it is taken down.
    pub(super) fn seal(&mut self, envelope: &Envelope) -> Result<(), String> {
        let first = envelope.header().first_id();
        let Some(authors) = &self.authors else { return Ok(()) };
        if self.truth.sealed(first).is_some() {
            return Ok(());
        }
        let keys = authors.keys.get(&first.replica).ok_or_else(|| format!("no keys: of {}", first.replica))?;
        let certificate = keys.document.certify(&keys.own);
        let before = match (self.truth.chain_before(first), &certificate) {
            (Some(before), Some(_)) => Before::Author(before),
            (None, Some(certificate)) => Before::Nothing(certificate),
            (_, None) => return Err(format!("a viewer has written: {first}")),
        };
        let sealed = |proof| {
            let sealed = seal(envelope, &keys.document, before, proof);
            sealed.map_err(|error| format!("a change that cannot be sealed: {error}"))
        };
        let ((signed, author), (unsigned, _)) = (sealed(SealProof::Sign(&keys.own))?, sealed(SealProof::None)?);
        let signature = signed.payload().last_chunk().copied();
        self.truth.set_sealed(first, [signed.bytes(), unsigned.bytes()], (author, signature));
        Ok(())
    }

    /// This change is not that of a device, or it is one that the device made.
    pub(super) fn check_author(&self, header: &Header) -> Result<(), String> {
        let Some(authors) = &self.authors else { return Ok(()) };
        if authors.free.contains(&header.replica) || self.truth.past(header.first_id()).is_some() {
            return Ok(());
        }
        Err(format!("written by nobody: {}", header.first_id()))
    }

    /// A change is in a relay's log, or a relay sends it.
    pub(super) fn relayed(&mut self, envelope: &Envelope) -> Result<(), String> {
        if self.authors.is_none() {
            return self.truth.tell(envelope.header(), envelope.bytes());
        }
        self.check_author(envelope.header())?;
        self.truth.tell_sealed(envelope.header(), envelope.bytes())
    }

    /// A device sends this message on a sealed link: a change is its own, or what its author sealed.
    ///
    /// # Errors
    /// What does not hold.
    pub fn check_sealed_up(&mut self, conn: ConnId, node: &Node, message: &[u8]) -> Result<(), String> {
        let frame =
            Frame::decode(message).map_err(|error| format!("a message that cannot be read is sent: {error}"))?;
        let Frame::Change(body) = frame else { return Ok(()) };
        let envelope = self.wires.read(conn, Lane::UpSealed, node, body)?;
        if !node.is_copy {
            self.check_author(envelope.header())?;
        }
        self.truth.check_sealed(envelope.header(), envelope.bytes())
    }

    /// What a device has on its disk with a change of another one is what proves it.
    pub(super) fn check_proof(&self, node: &Node, header: &Header, proof: &Proof) -> Result<(), String> {
        let first = header.first_id();
        let expected = self.truth.sealed(first);
        match proof {
            Proof::None if self.authors.is_none() || header.replica == node.id => Ok(()),
            Proof::Seal(replica, seal) if *replica == header.replica && header.replica != node.id => match expected {
                Some((author, _)) if seal.author != *author => Err(format!("another proof than its author's: {first}")),
                Some((_, signature)) if seal.signature.is_some() && seal.signature != *signature => {
                    Err(format!("another signature than its author's: {first}"))
                }
                _ => Ok(()),
            },
            _ => Err(format!("on a disk without what proves it: {first}, at {}", node.id)),
        }
    }

    /// What a relay's log says to whoever has the keys.
    pub(super) fn opened(&self, document: &Document, log: Vec<Envelope>) -> Result<Vec<Envelope>, String> {
        let Some(authors) = &self.authors else { return Ok(log) };
        let keys = authors.keys.values().find(|keys| keys.document.document() == document.id());
        let keys = &keys.ok_or("a document that nobody has the keys of")?.document;
        let mut known: BTreeMap<ReplicaId, Author> = BTreeMap::new();
        let mut unsigned: Option<ReplicaId> = None;
        let open = |envelope: Envelope| {
            let replica = envelope.header().replica;
            let before = known.get(&replica).copied();
            let sealed =
                Sealed::new(&envelope, keys.write_public(), before.as_ref()).map_err(|error| error.to_string())?;
            if unsigned.is_some_and(|author| author != replica) {
                return Err(format!("{} is inside the run of another author", envelope.header().first_id()));
            }
            let is_end = sealed.verify().map_err(|error| error.to_string())?;
            unsigned = (!is_end).then_some(replica);
            known.insert(replica, *sealed.author());
            sealed::open(&envelope, keys, before.as_ref()).map_err(|error| error.to_string())
        };
        let opened: Result<Vec<_>, String> = log.into_iter().map(open).collect();
        match (opened, unsigned) {
            (Ok(_), Some(author)) => Err(format!("a relay's log: the run of {author} has no end")),
            (opened, _) => opened.map_err(|error| format!("a relay's log: {error}")),
        }
    }
}

/// The envelopes of a relay's log.
pub(super) fn decoded(log: &[Bytes]) -> Result<Vec<Envelope>, String> {
    let decode = |entry: &Bytes| Envelope::decode(entry.clone());
    log.iter().map(decode).collect::<Result<_, _>>().map_err(|error| format!("in a relay's log: {error}"))
}
