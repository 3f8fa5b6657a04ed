//! Bytes: a reader that never panics and never allocates more than its input could fill, and a writer.
//!
//! Integers are LEB128 varints, minimal or refused, so that a value has one encoding. `docs/FORMAT.md` has every layout.

use alloc::vec::Vec;

use bytes::Bytes;
use thiserror::Error;

use crate::id::{DocumentId, ID_BYTES, ReplicaId};

pub(crate) mod change;
pub(crate) mod names;

/// Bytes that are not what they should be, and where.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("byte {at}: {kind}")]
pub struct DecodeError {
    /// The offset at which reading stopped, in bytes from the start of what was decoded.
    pub at: usize,
    /// What is wrong there.
    pub kind: DecodeErrorKind,
}

/// What is wrong with the bytes.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum DecodeErrorKind {
    /// They end in the middle of a value.
    #[error("the bytes end in the middle of a value")]
    Truncated,
    /// Something follows the last value.
    #[error("{extra} bytes follow the last value")]
    Trailing {
        /// How many bytes.
        extra: usize,
    },
    /// They are of a version that this program does not know.
    #[error("version {found} is not known here (the newest known is {newest})")]
    Version {
        /// The version that they claim.
        found: u64,
        /// The newest version that this program reads.
        newest: u64,
    },
    /// A varint is longer than it need be, or does not fit 64 bits.
    #[error("an integer is not in its shortest form or does not fit 64 bits")]
    Varint,
    /// A value is outside the range that its field allows.
    #[error("{field} is {value}, outside its range")]
    Range {
        /// Which field.
        field: &'static str,
        /// What it says.
        value: u64,
    },
    /// Text that is not UTF-8.
    #[error("the text is not UTF-8")]
    Utf8,
    /// Entries that must ascend, each once, do not.
    #[error("{field} are not in ascending order, each once")]
    Order {
        /// Which list.
        field: &'static str,
    },
}

/// Reads values off the front of a byte slice.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(crate) const fn error(&self, kind: DecodeErrorKind) -> DecodeError {
        DecodeError { at: self.at, kind }
    }

    pub(crate) const fn remaining(&self) -> usize {
        self.bytes.len() - self.at
    }

    #[inline]
    pub(crate) fn byte(&mut self) -> Result<u8, DecodeError> {
        Ok(self.array::<1>()?[0])
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let truncated = self.error(DecodeErrorKind::Truncated);
        let rest = self.bytes.get(self.at..).ok_or(truncated)?;
        let array = rest.first_chunk::<N>().ok_or(truncated)?;
        self.at += N;
        Ok(*array)
    }

    #[inline]
    pub(crate) fn varint(&mut self) -> Result<u64, DecodeError> {
        // Most are small.
        match self.bytes.get(self.at) {
            Some(byte @ ..=0x7f) => {
                self.at += 1;
                Ok(u64::from(*byte))
            }
            _ => self.long_varint(),
        }
    }

    /// One of several bytes.
    fn long_varint(&mut self) -> Result<u64, DecodeError> {
        let start = self.at;
        let bad = DecodeError { at: start, kind: DecodeErrorKind::Varint };
        let mut value: u64 = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return Err(bad);
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return if byte == 0 { Err(bad) } else { Ok(value) };
            }
        }
        Err(bad)
    }

    /// A count of things that take at least `bytes_each` bytes each, so that it can be allocated for.
    #[inline]
    pub(crate) fn count(&mut self, field: &'static str, bytes_each: usize) -> Result<usize, DecodeError> {
        let start = self.at;
        let value = self.varint()?;
        let fits = (self.remaining() / bytes_each) as u64;
        if value > fits {
            return Err(DecodeError { at: start, kind: DecodeErrorKind::Range { field, value } });
        }
        usize::try_from(value).map_err(|_| DecodeError { at: start, kind: DecodeErrorKind::Range { field, value } })
    }

    pub(crate) fn bytes(&mut self, field: &'static str) -> Result<&'a [u8], DecodeError> {
        let len = self.count(field, 1)?;
        let bytes = &self.bytes[self.at..self.at + len];
        self.at += len;
        Ok(bytes)
    }

    pub(crate) fn text(&mut self, field: &'static str) -> Result<&'a str, DecodeError> {
        let start = self.at;
        let len = self.count(field, 1)?;
        self.text_of(len).map_err(|error| DecodeError { at: start, ..error })
    }

    /// Text of so many bytes.
    pub(crate) fn text_of(&mut self, len: usize) -> Result<&'a str, DecodeError> {
        let rest = &self.bytes[self.at..];
        let bytes = rest.get(..len).ok_or_else(|| self.error(DecodeErrorKind::Truncated))?;
        let text = core::str::from_utf8(bytes).map_err(|_| self.error(DecodeErrorKind::Utf8))?;
        self.at += len;
        Ok(text)
    }

    pub(crate) fn replica(&mut self) -> Result<ReplicaId, DecodeError> {
        self.array::<ID_BYTES>().map(ReplicaId::from_bytes)
    }

    pub(crate) fn document(&mut self) -> Result<DocumentId, DecodeError> {
        self.array::<ID_BYTES>().map(DocumentId::from_bytes)
    }

    /// A version from 1 up to the newest.
    pub(crate) fn version(&mut self, newest: u64) -> Result<u64, DecodeError> {
        let start = self.at;
        let found = self.varint()?;
        if found == 0 || found > newest {
            return Err(DecodeError { at: start, kind: DecodeErrorKind::Version { found, newest } });
        }
        Ok(found)
    }

    pub(crate) fn finish(self) -> Result<(), DecodeError> {
        match self.remaining() {
            0 => Ok(()),
            extra => Err(self.error(DecodeErrorKind::Trailing { extra })),
        }
    }
}

/// Writes what [`Reader`] reads.
#[derive(Debug)]
pub(crate) struct Writer {
    bytes: Vec<u8>,
}

impl Default for Writer {
    /// A writer with room for a typed character in its envelope.
    fn default() -> Self {
        Self { bytes: Vec::with_capacity(64) }
    }
}

impl Writer {
    /// A writer with room for so many bytes.
    pub(crate) fn with_room(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes) }
    }

    pub(crate) fn byte(&mut self, byte: u8) {
        self.bytes.push(byte);
    }

    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub(crate) fn varint(&mut self, mut value: u64) {
        while value > 0x7f {
            self.bytes.push(value.to_le_bytes()[0] | 0x80);
            value >>= 7;
        }
        self.bytes.push(value.to_le_bytes()[0]);
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.varint(bytes.len() as u64);
        self.raw(bytes);
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    /// How many bytes were written.
    pub(crate) const fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.bytes
    }

    /// What was written, to be shared: without room for more, it needs no second allocation.
    pub(crate) fn into_bytes(self) -> Bytes {
        Bytes::from(self.bytes.into_boxed_slice())
    }
}

/// How many bytes a varint has.
pub(crate) const fn varint_bytes(value: u64) -> usize {
    (64 - (value | 1).leading_zeros()).div_ceil(7) as usize
}

/// A signed number as an unsigned one with small absolute values small.
pub(crate) const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

/// The inverse of [`zigzag`].
pub(crate) const fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_varint_has_one_encoding() {
        for value in [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX] {
            let mut writer = Writer::default();
            writer.varint(value);
            assert_eq!(writer.len(), varint_bytes(value));
            assert_eq!(Reader::new(&writer.finish()).varint(), Ok(value));
        }
        let check = |bytes: &[u8], kind| assert_eq!(Reader::new(bytes).varint().map_err(|error| error.kind), Err(kind));
        check(&[0x80, 0x00], DecodeErrorKind::Varint);
        check(&[0xff; 11], DecodeErrorKind::Varint);
        check(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02], DecodeErrorKind::Varint);
        check(&[0x80], DecodeErrorKind::Truncated);
    }

    #[test]
    fn a_count_that_the_bytes_cannot_hold_is_refused_before_allocation() {
        let bytes = [0xff, 0xff, 0xff, 0x7f, 1, 2, 3];
        let kind = DecodeErrorKind::Range { field: "ops", value: 0x0fff_ffff };
        assert_eq!(Reader::new(&bytes).count("ops", 1), Err(DecodeError { at: 0, kind }));
    }

    #[test]
    fn text_that_is_none_is_an_error_where_it_begins() {
        let mut reader = Reader::new(&[7, 2, b'a', 0xff]);
        assert_eq!(reader.byte(), Ok(7));
        assert_eq!(reader.text("key"), Err(DecodeError { at: 1, kind: DecodeErrorKind::Utf8 }));
    }

    #[test]
    fn signed_numbers_survive() {
        for value in [0, 1, -1, i64::MAX, i64::MIN] {
            assert_eq!(unzigzag(zigzag(value)), value);
        }
    }
}
