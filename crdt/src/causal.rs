//! Causal broadcast: changes are delivered after everything that their authors had seen.
//!
//! Birman, Schiper and Stephenson, *Lightweight causal and atomic group multicast*, ACM TOCS 9(3), 1991; counted in units of
//! `seq` here. Delivery follows from the header alone, so the relay judges by the same rule as every replica.
//!
//! Deps that are heads leave out what is in the past of a head. That is delivered wherever the head is: whatever is delivered has its
//! past delivered, by induction over the order of delivery. So nobody but who asks for the past itself need take their closure.

use alloc::collections::BTreeMap;

use thiserror::Error;

use crate::change::Header;
use crate::clock::VersionVector;
use crate::id::OpId;

/// The most changes that may be held back at once.
pub const HELD_BACK_CHANGES_MAX: usize = 16_384;

/// The most bytes (as their caller counts them) that held-back changes may have together.
pub const HELD_BACK_BYTES_MAX: usize = 64 * 1024 * 1024;

/// What becomes of a change that was received.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Delivery {
    /// All its past is here: it is (or may be) delivered now.
    Delivered,
    /// Some of its past is missing: it waits.
    HeldBack,
    /// Every unit of it was delivered before.
    Duplicate,
}

/// A change that causal broadcast cannot take.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum CausalError {
    /// It starts in the middle of a change that was delivered: its author used ids twice.
    #[error(
        "the change {first} overlaps one that was delivered (its replica is at {delivered}): its author used ids twice"
    )]
    Overlap {
        /// The id of its first unit.
        first: OpId,
        /// How many units of that replica are delivered.
        delivered: u64,
    },
    /// Too many changes wait for their past.
    #[error(
        "{changes} changes of {bytes} bytes are held back; the limits are {HELD_BACK_CHANGES_MAX} and {HELD_BACK_BYTES_MAX}"
    )]
    Full {
        /// How many changes wait.
        changes: usize,
        /// How many bytes they have.
        bytes: usize,
    },
}

/// Whether a change with this header is next in its author's sequence and has its past in `delivered`.
///
/// # Errors
/// [`CausalError::Overlap`] when it is partly delivered and partly not.
pub fn classify(header: &Header, delivered: &VersionVector) -> Result<Delivery, CausalError> {
    let count = delivered.get(header.replica);
    if header.end_seq() <= count {
        return Ok(Delivery::Duplicate);
    }
    if header.first_seq < count {
        return Err(CausalError::Overlap { first: header.first_id(), delivered: count });
    }
    let ready = header.first_seq == count && header.deps.iter().all(|(replica, units)| units <= delivered.get(replica));
    Ok(if ready { Delivery::Delivered } else { Delivery::HeldBack })
}

/// Changes that wait for their past, at most one for each id. `T` is whatever stands for a change at its caller.
#[derive(Clone, Debug)]
pub struct CausalBuffer<T> {
    held: BTreeMap<OpId, Held<T>>,
    bytes: usize,
}

#[derive(Clone, Debug)]
struct Held<T> {
    header: Header,
    bytes: usize,
    item: T,
}

impl<T> Default for CausalBuffer<T> {
    fn default() -> Self {
        Self { held: BTreeMap::new(), bytes: 0 }
    }
}

impl<T> CausalBuffer<T> {
    /// Keeps a change until its past is here. The same change again is kept once.
    ///
    /// # Errors
    /// [`CausalError::Full`] at [`HELD_BACK_CHANGES_MAX`] changes or [`HELD_BACK_BYTES_MAX`] bytes; nothing is kept then.
    pub fn hold(&mut self, header: Header, bytes: usize, item: T) -> Result<(), CausalError> {
        let id = header.first_id();
        if self.held.contains_key(&id) {
            return Ok(());
        }
        if self.held.len() >= HELD_BACK_CHANGES_MAX || self.bytes + bytes > HELD_BACK_BYTES_MAX {
            return Err(CausalError::Full { changes: self.held.len() + 1, bytes: self.bytes + bytes });
        }
        self.bytes += bytes;
        self.held.insert(id, Held { header, bytes, item });
        Ok(())
    }

    /// A change whose past is in `delivered` by now, if there is one; changes that have become duplicates, or overlap with what
    /// was delivered, are dropped on the way. O(held back × replicas).
    pub fn take_ready(&mut self, delivered: &VersionVector) -> Option<T> {
        loop {
            let (id, fate) = self.held.iter().find_map(|(id, held)| match classify(&held.header, delivered) {
                Ok(Delivery::HeldBack) => None,
                fate => Some((*id, fate)),
            })?;
            let held = self.held.remove(&id)?;
            self.bytes -= held.bytes;
            if fate == Ok(Delivery::Delivered) {
                return Some(held.item);
            }
        }
    }

    /// How many changes wait.
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// Whether no change waits.
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ReplicaId;

    const A: ReplicaId = ReplicaId::from_bytes([1; 16]);

    fn header(first_seq: u64) -> Header {
        Header { replica: A, first_seq, len: 1, deps: VersionVector::new(), heads: false }
    }

    #[test]
    fn as_many_bytes_are_held_back_as_the_limit_says_and_room_comes_back() {
        let mut buffer = CausalBuffer::default();
        assert!(buffer.is_empty());
        assert_eq!(buffer.hold(header(1), HELD_BACK_BYTES_MAX - 10, "long"), Ok(()));
        assert_eq!(buffer.hold(header(2), 10, "short"), Ok(()), "exactly the limit");
        let full = |changes| Err(CausalError::Full { changes, bytes: HELD_BACK_BYTES_MAX + 1 });
        assert_eq!(buffer.hold(header(3), 1, "one more"), full(3));
        assert!((buffer.len(), buffer.is_empty()) == (2, false), "what is refused is not kept");
        let delivered = VersionVector::from_iter([(A, 1)]);
        assert_eq!(buffer.take_ready(&delivered), Some("long"));
        assert_eq!(buffer.hold(header(3), HELD_BACK_BYTES_MAX - 9, "too long still"), full(2));
        assert_eq!(buffer.hold(header(3), HELD_BACK_BYTES_MAX - 10, "as long as before"), Ok(()));
    }
}
