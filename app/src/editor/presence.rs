//! Where other people are: what a replica says of itself while it is here, in at most [`PRESENCE_BYTES_MAX`] bytes.
//!
//! The payload is transient and best effort; it comes from anyone, so that reading it never panics and never believes a length.
//!
//! | field | bytes |
//! | --- | --- |
//! | version | 1 byte, now 1 |
//! | colour | 1 byte, an index |
//! | person's name, device's name | 1 byte of length, then UTF-8, each |
//! | caret, start of its selection | an anchor each: 1 byte of kind (0 start, 1 end, 2 after, 3 before); for 2 and 3 the replica in 16 bytes and the seq in 8, big endian |

use quire_crdt::{Anchor, ID_BYTES, OpId, ReplicaId, SEQ_MAX};
use thiserror::Error;

/// The most bytes that a presence payload may have.
pub const PRESENCE_BYTES_MAX: usize = 1024;

/// The most bytes of a name; longer ones are cut at a character.
pub const NAME_BYTES_MAX: usize = 128;

/// The version that is written, and the only one that is read.
pub const PRESENCE_VERSION: u8 = 1;

/// A person at a device, and where their caret is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Presence {
    /// The person's name.
    pub person: String,
    /// The device's name.
    pub device: String,
    /// The index of their colour.
    pub colour: u8,
    /// Where their caret is.
    pub caret: Anchor,
    /// Where their selection began.
    pub tail: Anchor,
}

/// Bytes that are no presence.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum PresenceError {
    /// There are more than allowed.
    #[error("a presence of {bytes} bytes; the limit is {limit}")]
    TooLong {
        /// How many there are.
        bytes: usize,
        /// How many there may be.
        limit: usize,
    },
    /// They end in the middle.
    #[error("the presence ends in the middle of a field")]
    Truncated,
    /// Something follows the last field.
    #[error("{extra} bytes follow the presence")]
    Trailing {
        /// How many.
        extra: usize,
    },
    /// Another version.
    #[error("presence of version {found}; this program reads {known}")]
    Version {
        /// What it claims.
        found: u8,
        /// What is read here.
        known: u8,
    },
    /// A name that is too long or not UTF-8.
    #[error("a name in the presence is not valid")]
    Name,
    /// An anchor of an unknown kind, or beyond all ids.
    #[error("an anchor in the presence is not valid")]
    Anchor,
}

impl Presence {
    /// The payload; names that are too long are cut.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![PRESENCE_VERSION, self.colour];
        for name in [&self.person, &self.device] {
            let name = &name[..name.floor_char_boundary(NAME_BYTES_MAX)];
            bytes.push(u8::try_from(name.len()).unwrap_or(0));
            bytes.extend_from_slice(name.as_bytes());
        }
        encode_anchor(&mut bytes, self.caret);
        encode_anchor(&mut bytes, self.tail);
        bytes
    }

    /// Reads a payload. Names are freed of control characters: they are shown.
    ///
    /// # Errors
    /// A [`PresenceError`] when the bytes are anything else.
    pub fn decode(bytes: &[u8]) -> Result<Self, PresenceError> {
        if bytes.len() > PRESENCE_BYTES_MAX {
            return Err(PresenceError::TooLong { bytes: bytes.len(), limit: PRESENCE_BYTES_MAX });
        }
        let mut reader = Reader { bytes };
        let [version, colour] = reader.array()?;
        if version != PRESENCE_VERSION {
            return Err(PresenceError::Version { found: version, known: PRESENCE_VERSION });
        }
        let presence = Self {
            colour,
            person: reader.name()?,
            device: reader.name()?,
            caret: reader.anchor()?,
            tail: reader.anchor()?,
        };
        match reader.bytes.len() {
            0 => Ok(presence),
            extra => Err(PresenceError::Trailing { extra }),
        }
    }
}

fn encode_anchor(bytes: &mut Vec<u8>, anchor: Anchor) {
    let (kind, id) = match anchor {
        Anchor::Start => (0, None),
        Anchor::End => (1, None),
        Anchor::After(id) => (2, Some(id)),
        Anchor::Before(id) => (3, Some(id)),
    };
    bytes.push(kind);
    if let Some(id) = id {
        bytes.extend_from_slice(id.replica.as_bytes());
        bytes.extend_from_slice(&id.seq.to_be_bytes());
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
}

impl Reader<'_> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], PresenceError> {
        let (array, rest) = self.bytes.split_first_chunk::<N>().ok_or(PresenceError::Truncated)?;
        self.bytes = rest;
        Ok(*array)
    }

    fn name(&mut self) -> Result<String, PresenceError> {
        let length = usize::from(self.array::<1>()?[0]);
        if length > NAME_BYTES_MAX {
            return Err(PresenceError::Name);
        }
        let (name, rest) = self.bytes.split_at_checked(length).ok_or(PresenceError::Truncated)?;
        self.bytes = rest;
        let name = std::str::from_utf8(name).map_err(|_| PresenceError::Name)?;
        Ok(name.chars().filter(|char| !char.is_control()).collect())
    }

    fn anchor(&mut self) -> Result<Anchor, PresenceError> {
        match self.array::<1>()?[0] {
            0 => Ok(Anchor::Start),
            1 => Ok(Anchor::End),
            2 => self.id().map(Anchor::After),
            3 => self.id().map(Anchor::Before),
            _ => Err(PresenceError::Anchor),
        }
    }

    fn id(&mut self) -> Result<OpId, PresenceError> {
        let replica = ReplicaId::from_bytes(self.array::<ID_BYTES>()?);
        let seq = u64::from_be_bytes(self.array()?);
        if seq > SEQ_MAX { Err(PresenceError::Anchor) } else { Ok(OpId::new(replica, seq)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Presence {
        let id = OpId::new(ReplicaId::from_bytes([7; 16]), 300);
        Presence {
            person: "Ána".to_owned(),
            device: "laptop".to_owned(),
            colour: 3,
            caret: Anchor::After(id),
            tail: Anchor::Start,
        }
    }

    #[test]
    fn it_reads_back_what_it_wrote() {
        let presence = example();
        assert_eq!(Presence::decode(&presence.encode()), Ok(presence));
        let mut long = example();
        long.person = "é".repeat(1000);
        long.device = "x".repeat(1000);
        let bytes = long.encode();
        assert!(bytes.len() <= PRESENCE_BYTES_MAX);
        assert_eq!(Presence::decode(&bytes).expect("valid").person, "é".repeat(64));
    }

    #[test]
    fn anything_else_is_an_error_and_never_a_panic() {
        let bytes = example().encode();
        for end in 0..bytes.len() {
            assert!(Presence::decode(&bytes[..end]).is_err(), "the first {end} bytes");
        }
        for (at, bit) in (0..bytes.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << bit;
            if let Ok(presence) = Presence::decode(&flipped) {
                assert!(presence.person.chars().all(|char| !char.is_control()));
            }
        }
        let check = |bytes: &[u8], error| assert_eq!(Presence::decode(bytes), Err(error));
        check(&[2, 0], PresenceError::Version { found: 2, known: 1 });
        check(&[1; 2000], PresenceError::TooLong { bytes: 2000, limit: 1024 });
        check(&[1, 0, 255], PresenceError::Name);
        check(&[1, 0, 1, 0xff], PresenceError::Name);
        check(&[1, 0, 0, 0, 9], PresenceError::Anchor);
        check(&[1, 0, 0, 0, 0, 0, 0], PresenceError::Trailing { extra: 1 });
    }
}
