//! What nobody in the run knows: who made which change after having seen what. It is taken down where a change is made, and from
//! nothing that a change says of itself.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use bytes::Bytes;
use quire_crdt::keys::SIGNATURE_BYTES;
use quire_crdt::sealed::Author;
use quire_crdt::{Header, OpId, ReplicaId, VersionVector};

use crate::story::hash_of;

/// A change, as it was made.
#[derive(Clone, Debug)]
struct Made {
    content: u64,
    /// Where its units end.
    end_seq: u64,
    /// What its author had delivered before.
    past: VersionVector,
    /// Whether it is on its author's disk: its ids are used up.
    kept: bool,
    /// Whether somebody else has it: its ids are used up whatever becomes of that disk.
    told: bool,
    /// What its author's program makes of it, signed and as part of a run, and what is known of the author with it, where links are sealed.
    sealed: Option<([u64; 2], Proved)>,
}

/// What proves a change, if it is signed.
pub type Proved = (Author, Option<[u8; SIGNATURE_BYTES]>);

impl Made {
    const fn is_fixed(&self) -> bool {
        self.kept || self.told
    }
}

/// All changes of a run.
#[derive(Clone, Debug, Default)]
pub struct Truth {
    made: BTreeMap<OpId, Made>,
}

impl Truth {
    /// A replica has made this change, after this. One that its author lost before it was on any disk may be made anew.
    ///
    /// # Errors
    /// When its ids stand for another change already.
    pub fn make(&mut self, header: &Header, bytes: &Bytes, past: &VersionVector) -> Result<(), String> {
        let first = header.first_id();
        let content = hash_of(bytes);
        let end_seq = header.end_seq();
        match self.made.entry(first) {
            Entry::Occupied(known) if known.get().is_fixed() && known.get().content == content => return Ok(()),
            Entry::Occupied(known) if known.get().is_fixed() => return Err(format!("two contents of one id: {first}")),
            _ => {}
        }
        let lost: Vec<OpId> = self.of(first).filter(|(_, made)| !made.is_fixed()).map(|(id, _)| *id).collect();
        for id in lost {
            self.made.remove(&id);
        }
        if let Some((id, _)) = self.of(first).next() {
            return Err(format!("made again: {first}, behind it {id} is known to others"));
        }
        self.made.insert(first, Made { content, end_seq, past: past.clone(), kept: false, told: false, sealed: None });
        Ok(())
    }

    /// The change is on its author's disk.
    ///
    /// # Errors
    /// When it is not what its author made.
    pub fn keep(&mut self, header: &Header, bytes: &Bytes) -> Result<(), String> {
        self.find(header, bytes).map(|made| made.into_iter().for_each(|made| made.kept = true))
    }

    /// The change is sent.
    ///
    /// # Errors
    /// When it is not what its author made.
    pub fn send(&mut self, header: &Header, bytes: &Bytes) -> Result<(), String> {
        self.find(header, bytes).map(drop)
    }

    /// The change is at a relay, or at another replica.
    ///
    /// # Errors
    /// When it is not what its author made.
    pub fn tell(&mut self, header: &Header, bytes: &Bytes) -> Result<(), String> {
        self.find(header, bytes).map(|made| made.into_iter().for_each(|made| made.told = true))
    }

    /// What is known of the author in front of a change; nothing in front of the first.
    pub fn chain_before(&self, first: OpId) -> Option<&Author> {
        let (before, made) = self.made.range(..first).next_back()?;
        let is_before = before.replica == first.replica && made.end_seq == first.seq;
        made.sealed.as_ref().filter(|_| is_before).map(|(_, (author, _))| author)
    }

    /// What proves a change.
    pub fn sealed(&self, first: OpId) -> Option<&Proved> {
        self.made.get(&first)?.sealed.as_ref().map(|(_, proved)| proved)
    }

    /// The author's program makes one of these of a change.
    pub fn set_sealed(&mut self, first: OpId, either: [&Bytes; 2], proved: Proved) {
        if let Some(made) = self.made.get_mut(&first) {
            made.sealed = Some((either.map(|bytes| hash_of(bytes)), proved));
        }
    }

    /// The change is sent, sealed.
    ///
    /// # Errors
    /// When it is not what its author's program made.
    pub fn check_sealed(&self, header: &Header, bytes: &Bytes) -> Result<(), String> {
        let first = header.first_id();
        match self.made.get(&first).and_then(|made| made.sealed.as_ref()) {
            Some((either, _)) if !either.contains(&hash_of(bytes)) => {
                Err(format!("not what its author sealed: {first}"))
            }
            _ => Ok(()),
        }
    }

    /// The change is at a relay, sealed.
    ///
    /// # Errors
    /// When it is not what its author's program made.
    pub fn tell_sealed(&mut self, header: &Header, bytes: &Bytes) -> Result<(), String> {
        self.check_sealed(header, bytes)?;
        if let Some(made) = self.made.get_mut(&header.first_id()) {
            made.told = true;
        }
        Ok(())
    }

    /// A disk of this author is lost, or an older one: what nobody else has may be made anew.
    pub fn lose_disk(&mut self, author: ReplicaId) {
        self.made.retain(|id, made| id.replica != author || made.told);
    }

    fn find(&mut self, header: &Header, bytes: &Bytes) -> Result<Option<&mut Made>, String> {
        let first = header.first_id();
        match self.made.get_mut(&first) {
            Some(made) if made.content != hash_of(bytes) => Err(format!("two contents of one id: {first}")),
            made => Ok(made),
        }
    }

    /// What the author of a change had delivered before it, if the author is one of the devices.
    pub fn past(&self, first: OpId) -> Option<&VersionVector> {
        self.made.get(&first).map(|made| &made.past)
    }

    /// What its author had delivered before the change that this unit is in, if one of the devices made it and was no copy then.
    pub fn past_of_unit(&self, id: OpId) -> Option<&VersionVector> {
        let (first, made) = self.made.range(..=id).next_back()?;
        (first.replica == id.replica && id.seq < made.end_seq).then_some(&made.past)
    }

    /// Whether it is one of the devices.
    pub fn is_known(&self, replica: ReplicaId) -> bool {
        self.of(OpId::new(replica, 0)).next().is_some()
    }

    /// The changes of a replica from this unit on.
    fn of(&self, first: OpId) -> impl Iterator<Item = (&OpId, &Made)> {
        self.made.range(first..=OpId::new(first.replica, u64::MAX))
    }
}
