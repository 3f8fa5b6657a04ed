//! Another replica takes the place of this one, and authors its newest changes again.

use alloc::vec::Vec;

use thiserror::Error;

use super::{Document, ReceiveError, Received};
use crate::causal::Delivery;
use crate::change::{Change, Header, Op};
use crate::codec::change::Coded;
use crate::envelope;
use crate::id::{OpId, ReplicaId};
use crate::text::Anchor;

/// Why a replica's changes cannot be authored again.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum SuccessionError {
    /// Edits wait for a commit.
    #[error("{units} units wait for a commit")]
    Uncommitted {
        /// How many.
        units: usize,
    },
    /// The changes cannot be divided there.
    #[error("unit {from} is in the middle of a change")]
    Inside {
        /// Where.
        from: u64,
    },
    /// Somebody else's change builds upon one of those that are to be authored again: others have it as it was.
    #[error("change {position} of the log builds upon what was to be written again")]
    BuiltUpon {
        /// Its position in the log.
        position: usize,
    },
    /// A change does not fit its new place.
    #[error(transparent)]
    Change(#[from] ReceiveError),
}

impl Document {
    /// The same document as the replica `heir` has it, which did what this one did from its unit `from` on: those changes are `heir`'s from its
    /// unit 0 on, and everything else stays as it is, in the same order. It is for a replica whose id turned out to be used twice:
    /// nobody else may have what is authored again, and nobody may have used `heir`.
    ///
    /// The text is the same if `heir` stands, among the ids of all replicas that wrote, where this replica stands: concurrent
    /// edits at one place are in the order of their authors.
    ///
    /// # Errors
    /// A [`SuccessionError`]; this document stays as it is in any case.
    ///
    /// # Cost
    /// That of receiving the whole log.
    pub fn succeeded_by(&self, heir: ReplicaId, from: u64) -> Result<Self, SuccessionError> {
        let units = self.pending();
        if units > 0 {
            return Err(SuccessionError::Uncommitted { units });
        }
        let (log, mut received) = (self.log(), Received::default());
        let mut document = Self::new(self.id, heir);
        for position in 0..log.len() {
            let (Some(header), Some(envelope)) = (log.header(position), log.envelope(position)) else { continue };
            let delivery = if header.replica != self.replica || header.end_seq() <= from {
                document.receive(envelope, &mut received)?
            } else if let (Some(change), true) = (log.change(position), header.first_seq >= from) {
                let succession = Succession { former: self.replica, heir, from };
                document.author_again(succession.change(change), log.time(position), &mut received)?
            } else {
                return Err(SuccessionError::Inside { from });
            };
            if delivery != Delivery::Delivered {
                return Err(SuccessionError::BuiltUpon { position });
            }
        }
        Ok(document)
    }

    /// Takes a change of this replica's own that was made at this time, behind everything that is here.
    fn author_again(
        &mut self,
        change: Change,
        time: Option<i64>,
        received: &mut Received,
    ) -> Result<Delivery, ReceiveError> {
        let Change { header: Header { replica, first_seq, len, .. }, ops } = change;
        let (deps, heads) = self.deps();
        let author = self.authors.author(replica);
        let later = time.filter(|_| time != author.time).map(|time| time.wrapping_sub(author.time.unwrap_or(0)));
        let header = Header { replica, first_seq, len, deps, heads };
        let envelope = envelope::seal_ops(self.id, header, &author.names, later, ops.iter().map(Coded::from));
        self.receive(envelope, received)
    }
}

/// Whose units become whose.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Succession {
    /// The replica whose units they were.
    pub former: ReplicaId,
    /// The replica that takes its place.
    pub heir: ReplicaId,
    /// The first unit of the former that becomes one of the heir's.
    pub from: u64,
}

impl Succession {
    fn change(self, change: Change) -> Change {
        let Change { header, ops } = change;
        let first = self.id(header.first_id());
        let header = Header { replica: first.replica, first_seq: first.seq, ..header };
        Change { header, ops: ops.into_iter().flat_map(|op| self.ops(op)).collect() }
    }

    /// What becomes of the id of a unit.
    pub fn id(self, id: OpId) -> OpId {
        match id.seq.checked_sub(self.from).filter(|_| id.replica == self.former) {
            Some(seq) => OpId::new(self.heir, seq),
            None => id,
        }
    }

    /// What becomes of a place in the text.
    pub fn anchor(self, anchor: Anchor) -> Anchor {
        match anchor {
            Anchor::Start | Anchor::End => anchor,
            Anchor::After(id) => Anchor::After(self.id(id)),
            Anchor::Before(id) => Anchor::Before(self.id(id)),
        }
    }

    /// What an operation becomes: two of them if it deletes both what stays the former's and what does not.
    fn ops(self, op: Op) -> Vec<Op> {
        match op {
            Op::Insert { left, right, text } => {
                let (left, right) = (left.map(|id| self.id(id)), right.map(|id| self.id(id)));
                Vec::from([Op::Insert { left, right, text }])
            }
            Op::Delete { first, len, backwards } => {
                let is_former = first.replica == self.former;
                let stay = if is_former { self.from.saturating_sub(first.seq).min(len) } else { len };
                let part =
                    |first: OpId, len: u64| Op::Delete { first: self.id(first), len, backwards: backwards && len > 1 };
                let parts = [part(first, stay), part(first.plus(stay), len - stay)];
                let mut parts: Vec<Op> = parts.into_iter().filter(|part| !part.is_empty()).collect();
                if backwards {
                    parts.reverse();
                }
                parts
            }
            Op::Set { key, value } => Vec::from([Op::Set { key, value }]),
        }
    }
}

#[cfg(test)]
mod tests;
