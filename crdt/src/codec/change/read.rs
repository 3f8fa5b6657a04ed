//! Reading a payload, operation by operation.

use super::first;
use super::{
    AT_ONCE, AUTHOR, BACKWARDS, BYTES, Coded, DELETE, FURTHER, FURTHER_LEN_AT, HERE, INSERT, INSERT_LEN_AT, INTEGER,
    KIND, LATER, NO, NOBODY, PAYLOAD_VERSION, REMOVE, RIGHT_NEXT, RIGHT_NONE, SET, SEVERAL, TEXT, YES, unzigzag,
};
use super::{DecodeError, DecodeErrorKind, Names, Reader};
use crate::change::{Header, OpRef, ValueRef};
use crate::envelope::SEQ_MAX;
use crate::id::{OpId, ReplicaId};

/// The version of a payload that tells no time, as the byte that it is.
const VERSION: u8 = AT_ONCE.to_le_bytes()[0];

/// What is known of the author's earlier changes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Earlier<'n> {
    /// Whom all of them named.
    Known(&'n Names),
    /// Nothing, nor will it be: what rests on them cannot be read.
    Unknown,
    /// Nothing yet: any number is taken, and stands for the author until then.
    Awaited,
}

/// The operations of a payload, read one after the other; their letters stay where they are.
#[derive(Clone, Debug)]
pub(crate) struct Ops<'a, 'n> {
    pub(super) reader: Reader<'a>,
    pub(super) author: ReplicaId,
    replicas: Replicas<'a, 'n>,
    /// How many seconds later than its author's previous change it was made, if that is told.
    later: Option<i64>,
    first_seq: u64,
    /// The `seq` of the next unit, and the one behind the last.
    pub(super) seq: u64,
    end: u64,
}

/// Where the replicas are that ids name by number.
#[derive(Clone, Debug)]
enum Replicas<'a, 'n> {
    /// In a list in front, as in version 1.
    Listed(&'a [u8]),
    /// With the author's earlier changes; and in this payload, up to here.
    Named(Earlier<'n>, Names),
}

impl<'a, 'n> Ops<'a, 'n> {
    /// Reads what stands in front of the operations.
    pub(crate) fn new(header: &Header, bytes: &'a [u8], earlier: Earlier<'n>) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let version = reader.version(PAYLOAD_VERSION)?;
        let replicas = match version {
            1 => Replicas::Listed(first::replicas(&mut reader, bytes, header.replica)?),
            _ => Replicas::Named(earlier, Names::new()),
        };
        let later = if version == LATER { Some(unzigzag(reader.varint()?)) } else { None };
        let (first_seq, end) = (header.first_seq, header.end_seq());
        Ok(Self { reader, author: header.replica, replicas, later, first_seq, seq: first_seq, end })
    }

    /// The next operation. Behind the last one, whether the payload ends where it should: the lengths must sum up to the header's.
    pub(crate) fn next(&mut self) -> Result<Option<Coded<'a>>, DecodeError> {
        if self.seq == self.end {
            return self.reader.clone().finish().map(|()| None);
        }
        let op = match self.replicas {
            Replicas::Listed(listed) => Coded::Whole(self.first_op(listed)?),
            Replicas::Named(..) => self.op()?,
        };
        let value = self.seq.saturating_add(op.len());
        if value > self.end {
            return Err(self.range("length of the operations", value));
        }
        self.seq = value;
        Ok(Some(op))
    }

    /// How many seconds later than its author's previous change this one was made, if that is told.
    pub(crate) const fn later(&self) -> Option<i64> {
        self.later
    }

    /// Whether a replica other than the author is named with its bytes, as far as was read: the author may not have named it
    /// before.
    pub(crate) fn names_replicas(&self) -> bool {
        match &self.replicas {
            Replicas::Listed(listed) => !listed.is_empty(),
            Replicas::Named(_, here) => here.len() > 0,
        }
    }

    /// The error of whoever reads a payload alone that goes on with the author's earlier changes.
    pub(crate) const fn rests_on_earlier(&self) -> DecodeError {
        self.range("kind of operation", FURTHER as u64)
    }

    fn op(&mut self) -> Result<Coded<'a>, DecodeError> {
        let tag = self.reader.byte()?;
        let op = match (tag & KIND, tag & !KIND) {
            (FURTHER, _) if self.seq == self.first_seq => return Ok(Coded::Further(self.text(tag >> FURTHER_LEN_AT)?)),
            (INSERT, _) => {
                let left = self.origin()?;
                let right = match (tag & (RIGHT_NONE | RIGHT_NEXT), left) {
                    (0, _) => self.origin()?,
                    (RIGHT_NONE, _) => None,
                    (RIGHT_NEXT, Some(left)) if left.seq < SEQ_MAX => Some(left.plus(1)),
                    _ => return Err(self.range("right neighbour", u64::from(tag))),
                };
                OpRef::Insert { left, right, text: self.text(tag >> INSERT_LEN_AT)? }
            }
            (DELETE, rest) if rest & !(BACKWARDS | SEVERAL) == 0 => {
                let first = self.origin()?;
                let len = if rest & SEVERAL == 0 { 1 } else { self.reader.varint()? };
                match first {
                    Some(first) if (1..=SEQ_MAX).contains(&len) => {
                        OpRef::Delete { first, len, backwards: rest & BACKWARDS != 0 }
                    }
                    _ => return Err(self.range("deletion", len)),
                }
            }
            (SET, 0) => OpRef::Set { key: self.reader.text("key")?, value: Some(decode_value(&mut self.reader)?) },
            (REMOVE, 0) => OpRef::Set { key: self.reader.text("key")?, value: None },
            _ => return Err(self.range("kind of operation", u64::from(tag))),
        };
        Ok(Coded::Whole(op))
    }

    /// Text whose length stands in the tag, or in front of it if that is 0.
    fn text(&mut self, len: u8) -> Result<&'a str, DecodeError> {
        let text = match len {
            0 => self.reader.text("text")?,
            len => self.reader.text_of(usize::from(len))?,
        };
        if text.is_empty() {
            return Err(self.range("length of the text", 0));
        }
        Ok(text)
    }

    fn origin(&mut self) -> Result<Option<OpId>, DecodeError> {
        let replica = match self.reader.varint()? {
            NOBODY => return Ok(None),
            AUTHOR => self.author,
            HERE => self.named_here()?,
            number => self.numbered(number)?,
        };
        self.at_distance(replica).map(Some)
    }

    /// A replica that is named by its bytes: it has the next number from here on, unless it has one.
    fn named_here(&mut self) -> Result<ReplicaId, DecodeError> {
        let replica = self.reader.replica()?;
        if replica == self.author {
            return Err(self.reader.error(DecodeErrorKind::Order { field: "replicas" }));
        }
        if let Replicas::Named(earlier, here) = &mut self.replicas
            && !matches!(earlier, Earlier::Known(names) if names.place(replica).is_some())
        {
            here.name(replica, self.first_seq);
        }
        Ok(replica)
    }

    fn numbered(&self, number: u64) -> Result<ReplicaId, DecodeError> {
        let place = usize::try_from(number - HERE - 1).unwrap_or(usize::MAX);
        let replica = match &self.replicas {
            Replicas::Named(Earlier::Awaited, _) => Some(self.author),
            Replicas::Named(Earlier::Known(names), here) => match place.checked_sub(names.len()) {
                None => names.get(place),
                Some(place) => here.get(place),
            },
            Replicas::Named(Earlier::Unknown, _) | Replicas::Listed(_) => None,
        };
        replica.ok_or_else(|| self.range("number of a replica", number))
    }

    /// The id of this replica that comes next, as the distance from the operation's first unit.
    pub(super) fn at_distance(&mut self, replica: ReplicaId) -> Result<OpId, DecodeError> {
        let value = self.reader.varint()?;
        let target = self.seq.cast_signed().checked_sub(unzigzag(value)).and_then(|target| u64::try_from(target).ok());
        match target {
            Some(target) if target <= SEQ_MAX => Ok(OpId::new(replica, target)),
            _ => Err(self.range("distance of an id", value)),
        }
    }

    pub(super) const fn range(&self, field: &'static str, value: u64) -> DecodeError {
        self.reader.error(DecodeErrorKind::Range { field, value })
    }
}

/// The text of a payload that does nothing but go on behind the author's previous unit, and is short: whoever types makes most.
pub(crate) fn typed(payload: &[u8]) -> Option<&str> {
    match payload {
        [VERSION, tag, text @ ..] if tag & KIND == FURTHER && !text.is_empty() => {
            let is_whole = usize::from(tag >> FURTHER_LEN_AT) == text.len();
            core::str::from_utf8(text).ok().filter(|_| is_whole)
        }
        _ => None,
    }
}

/// Reads what [`encode_value`](super::encode_value) wrote.
pub(crate) fn decode_value<'a>(reader: &mut Reader<'a>) -> Result<ValueRef<'a>, DecodeError> {
    match reader.byte()? {
        TEXT => Ok(ValueRef::Text(reader.text("value")?)),
        INTEGER => Ok(ValueRef::Integer(unzigzag(reader.varint()?))),
        NO => Ok(ValueRef::Flag(false)),
        YES => Ok(ValueRef::Flag(true)),
        BYTES => Ok(ValueRef::Bytes(reader.bytes("value")?)),
        tag => Err(reader.error(DecodeErrorKind::Range { field: "kind of value", value: u64::from(tag) })),
    }
}
