//! What of others cannot be taken. It is set aside, so that nobody's changes keep everybody else's from coming.

use alloc::collections::BTreeMap;

use crate::causal::{Delivery, classify};
use crate::change::Header;
use crate::clock::VersionVector;
use crate::codec::{DecodeError, DecodeErrorKind};
use crate::document::ReceiveError;
use crate::id::{OpId, ReplicaId};

/// The most authors that are remembered as set aside; the changes of further ones are set aside too, and counted.
pub const SET_ASIDE_AUTHORS_MAX: usize = 64;

/// Why somebody's changes are set aside.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SetAsideReason {
    /// One of them is written in a newer format than this program reads.
    Newer,
    /// One of them cannot have been made by a program that keeps to the rules: every replica refuses it.
    Refused(ReceiveError),
}

/// What came on the newest link and was set aside.
///
/// A change that cannot be taken leaves a gap in its author's sequence, and nothing behind a gap can ever be delivered: neither
/// the author's further changes nor what others wrote after they had seen them. A relay sends in causal order, so from the first
/// such change on whatever lacks its past lacks it for good. All of it is counted and dropped; the relay keeps it, and sends it
/// again to a program that can read it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SetAside {
    authors: BTreeMap<ReplicaId, SetAsideReason>,
    changes: u64,
    newer: bool,
}

impl SetAside {
    /// Whether everything that came could be taken.
    pub const fn is_empty(&self) -> bool {
        self.changes == 0
    }

    /// How many changes were set aside, those that build upon others' included.
    pub const fn changes(&self) -> u64 {
        self.changes
    }

    /// Whose changes could not be taken and why, in the order of their ids: at most [`SET_ASIDE_AUTHORS_MAX`]. Who only built upon
    /// such changes is not among them.
    pub fn authors(&self) -> impl ExactSizeIterator<Item = (ReplicaId, SetAsideReason)> + '_ {
        self.authors.iter().map(|(replica, reason)| (*replica, *reason))
    }

    /// Whether some of them are written in a newer format than this program reads.
    pub const fn needs_newer(&self) -> bool {
        self.newer
    }

    /// Whether this change goes with what is set aside already: then it is counted.
    pub(super) fn takes(&mut self, header: &Header, delivered: &VersionVector) -> bool {
        let fate = classify(header, delivered);
        let by_author = self.authors.contains_key(&header.replica) && fate != Ok(Delivery::Duplicate);
        let goes_with = by_author || (!self.is_empty() && fate == Ok(Delivery::HeldBack));
        self.changes += u64::from(goes_with);
        goes_with
    }

    /// Sets an author aside, for this change of theirs.
    pub(super) fn add(&mut self, change: OpId, error: ReceiveError) {
        let reason = match error {
            ReceiveError::Payload(error) if is_newer(&error) => SetAsideReason::Newer,
            error => SetAsideReason::Refused(error),
        };
        self.changes += 1;
        self.newer |= reason == SetAsideReason::Newer;
        if self.authors.len() < SET_ASIDE_AUTHORS_MAX {
            self.authors.entry(change.replica).or_insert(reason);
        }
    }
}

/// Whether it is only for its version that something cannot be read.
const fn is_newer(error: &DecodeError) -> bool {
    matches!(error.kind, DecodeErrorKind::Version { found, newest } if found > newest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(at: usize) -> ReplicaId {
        ReplicaId::from_bytes((at as u128).to_be_bytes())
    }

    fn refused(at: usize) -> (OpId, ReceiveError) {
        let change = OpId::new(id(at), 0);
        (change, ReceiveError::Unknown { change, id: change })
    }

    fn header(at: usize, first_seq: u64, deps: &[(usize, u64)]) -> Header {
        let deps = deps.iter().map(|(at, units)| (id(*at), *units)).collect();
        Header { replica: id(at), first_seq, len: 1, deps, heads: false }
    }

    #[test]
    fn while_nothing_is_set_aside_nothing_goes_with_it() {
        let mut set_aside = SetAside::default();
        assert!(!set_aside.takes(&header(1, 5, &[]), &VersionVector::new()));
        assert!(set_aside.is_empty());
    }

    #[test]
    fn what_lacks_its_past_goes_with_it_and_the_rest_does_not() {
        let mut set_aside = SetAside::default();
        let (change, error) = refused(1);
        set_aside.add(change, error);
        let delivered = [(id(1), 4), (id(2), 1)].into_iter().collect();
        let mut check =
            |header: Header, expected| assert_eq!(set_aside.takes(&header, &delivered), expected, "{header:?}");
        check(header(1, 4, &[]), true);
        check(header(1, 9, &[]), true);
        check(header(1, 3, &[]), false);
        check(header(2, 1, &[]), false);
        check(header(2, 1, &[(1, 4)]), false);
        check(header(2, 1, &[(1, 5)]), true);
        check(header(2, 2, &[]), true);
        assert_eq!(set_aside.changes(), 5);
    }

    #[test]
    fn authors_are_bounded_and_changes_are_counted() {
        let mut set_aside = SetAside::default();
        for at in 0..=SET_ASIDE_AUTHORS_MAX {
            let (change, error) = refused(at);
            set_aside.add(change, error);
        }
        assert_eq!((set_aside.authors().len(), set_aside.changes()), (SET_ASIDE_AUTHORS_MAX, 65));
        assert!(!set_aside.needs_newer());
    }
}
