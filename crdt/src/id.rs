//! Who and what: the ids of replicas, documents and operations.

use core::cmp::Ordering;
use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The length of a [`ReplicaId`] and of a [`DocumentId`], in bytes.
pub const ID_BYTES: usize = 16;

/// Why a text is not an id.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum ParseIdError {
    /// An id has 32 hexadecimal digits.
    #[error("an id has 32 hexadecimal digits, this one has {length} characters")]
    Length {
        /// How many characters the text has.
        length: usize,
    },
    /// A character is not a hexadecimal digit.
    #[error("character {at} of the id is not a hexadecimal digit")]
    Digit {
        /// The position of the character, from 0.
        at: usize,
    },
}

macro_rules! id_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Eq, Hash, PartialEq, Deserialize, Serialize)]
        pub struct $name([u8; ID_BYTES]);

        impl $name {
            /// The id made of these bytes.
            pub const fn from_bytes(bytes: [u8; ID_BYTES]) -> Self {
                Self(bytes)
            }

            /// The id's bytes; ids are ordered as these are.
            pub const fn as_bytes(&self) -> &[u8; ID_BYTES] {
                &self.0
            }
        }

        impl Ord for $name {
            fn cmp(&self, other: &Self) -> Ordering {
                // As the bytes are ordered, many times quicker: one comparison of two numbers.
                u128::from_be_bytes(self.0).cmp(&u128::from_be_bytes(other.0))
            }
        }

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                parse_hex(text).map(Self)
            }
        }
    };
}

id_type! {
    /// One copy of one document on one device. Never reused, never shared by two writers.
    ///
    /// Ids are ordered; the order breaks ties between concurrent inserts and between equal Lamport timestamps.
    ReplicaId
}

id_type! {
    /// A document, the same on every device.
    DocumentId
}

/// One operation: the `seq`-th unit (from 0) that a replica made. One inserted or deleted character, or one `set`, is one unit.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Deserialize, Serialize)]
pub struct OpId {
    /// Whose operation it is.
    pub replica: ReplicaId,
    /// Its number among that replica's operations, from 0.
    pub seq: u64,
}

impl OpId {
    /// The `seq`-th operation of `replica`.
    pub const fn new(replica: ReplicaId, seq: u64) -> Self {
        Self { replica, seq }
    }

    /// The same replica's operation `count` units later.
    #[must_use]
    pub const fn plus(self, count: u64) -> Self {
        Self { replica: self.replica, seq: self.seq.saturating_add(count) }
    }
}

impl fmt::Display for OpId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.replica, self.seq)
    }
}

fn parse_hex(text: &str) -> Result<[u8; ID_BYTES], ParseIdError> {
    let length = text.chars().count();
    if length != 2 * ID_BYTES {
        return Err(ParseIdError::Length { length });
    }
    let mut bytes = [0; ID_BYTES];
    for (at, digit) in text.chars().enumerate() {
        let value = digit.to_digit(16).ok_or(ParseIdError::Digit { at })?;
        bytes[at / 2] = (bytes[at / 2] << 4) | u8::try_from(value).unwrap_or(0);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn an_id_reads_back_what_it_shows() {
        let id = ReplicaId::from_bytes([0x0f, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 0xff]);
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn a_text_that_is_no_id_says_where() {
        assert_eq!("12".parse::<ReplicaId>(), Err(ParseIdError::Length { length: 2 }));
        let typo = "0123456789abcdef0123456789abcdeg";
        assert_eq!(typo.parse::<DocumentId>(), Err(ParseIdError::Digit { at: 31 }));
    }

    #[test]
    fn an_operation_is_shown_as_its_replica_and_its_number() {
        let id = OpId::new(ReplicaId::from_bytes([0xa1; 16]), 17);
        assert_eq!(id.to_string(), "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1:17");
    }
}
