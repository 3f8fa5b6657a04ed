//! Version 1 of the payload: the replicas that it names are listed in front.

use super::read::{Ops, decode_value};
use super::{DecodeError, DecodeErrorKind, Reader};
use crate::change::OpRef;
use crate::envelope::SEQ_MAX;
use crate::id::{ID_BYTES, OpId, ReplicaId};

const INSERT: u8 = 0;
const DELETE: u8 = 1;
const DELETE_BACKWARDS: u8 = 2;
const SET: u8 = 3;
const REMOVE: u8 = 4;

/// Reads the list, which ascends; the bytes of its ids.
pub(super) fn replicas<'a>(
    reader: &mut Reader<'a>,
    bytes: &'a [u8],
    author: ReplicaId,
) -> Result<&'a [u8], DecodeError> {
    let count = reader.count("replicas", ID_BYTES)?;
    let mut previous = None;
    let start = bytes.len() - reader.remaining();
    for _ in 0..count {
        let replica = reader.replica()?;
        if previous.is_some_and(|previous| previous >= replica) || replica == author {
            return Err(reader.error(DecodeErrorKind::Order { field: "replicas" }));
        }
        previous = Some(replica);
    }
    Ok(&bytes[start..start + count * ID_BYTES])
}

impl<'a> Ops<'a, '_> {
    pub(super) fn first_op(&mut self, listed: &[u8]) -> Result<OpRef<'a>, DecodeError> {
        match self.reader.byte()? {
            INSERT => {
                let (left, right) = (self.first_origin(listed)?, self.first_origin(listed)?);
                let text = self.reader.text("text")?;
                if text.is_empty() {
                    return Err(self.range("length of the text", 0));
                }
                Ok(OpRef::Insert { left, right, text })
            }
            tag @ (DELETE | DELETE_BACKWARDS) => {
                let first = self.first_origin(listed)?;
                let len = self.reader.varint()?;
                match first {
                    Some(first) if (1..=SEQ_MAX).contains(&len) => {
                        Ok(OpRef::Delete { first, len, backwards: tag == DELETE_BACKWARDS })
                    }
                    _ => Err(self.range("deletion", len)),
                }
            }
            SET => Ok(OpRef::Set { key: self.reader.text("key")?, value: Some(decode_value(&mut self.reader)?) }),
            REMOVE => Ok(OpRef::Set { key: self.reader.text("key")?, value: None }),
            tag => Err(self.range("kind of operation", u64::from(tag))),
        }
    }

    /// 0 for no id; 1 for the author, else two more than the replica's place in the list; then the distance.
    fn first_origin(&mut self, listed: &[u8]) -> Result<Option<OpId>, DecodeError> {
        let index = self.reader.varint()?;
        let replica = match index {
            0 => return Ok(None),
            1 => self.author,
            _ => {
                let other = usize::try_from(index - 2).ok().and_then(|at| listed.chunks_exact(ID_BYTES).nth(at));
                let Some(other) = other.and_then(|bytes| bytes.first_chunk::<ID_BYTES>()) else {
                    return Err(self.range("replica index", index));
                };
                ReplicaId::from_bytes(*other)
            }
        };
        self.at_distance(replica).map(Some)
    }
}
