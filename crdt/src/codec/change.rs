//! The payload of a change: when it was made and its operations. Versions 2 and 3 are written; version 1 is read for ever.

use super::names::Names;
use super::{DecodeError, DecodeErrorKind, Reader, Writer, unzigzag, zigzag};
use crate::change::{Header, Op, OpRef, ValueRef};
use crate::id::{OpId, ReplicaId};

pub(crate) use self::read::{Earlier, Ops, decode_value, typed};

mod first;
mod read;
#[cfg(test)]
mod tests;

/// The newest version of the payload's layout.
const PAYLOAD_VERSION: u64 = 3;

/// The change was made when its author's previous one was, as far as is known.
const AT_ONCE: u64 = 2;
/// How much later it was made comes first.
const LATER: u64 = 3;

/// The bits of a tag that tell the kind of the operation.
const KIND: u8 = 0b111;

const FURTHER: u8 = 0;
const INSERT: u8 = 1;
const DELETE: u8 = 2;
const SET: u8 = 3;
const REMOVE: u8 = 4;

/// Of an insert: there is no right neighbour.
const RIGHT_NONE: u8 = 1 << 3;
/// Of an insert: the right neighbour is the next character of the left one's author.
const RIGHT_NEXT: u8 = 1 << 4;
/// Of an insert: from this bit on stands the length of the text, if it is short.
const INSERT_LEN_AT: u8 = 5;
/// Of text that goes on: the same.
const FURTHER_LEN_AT: u8 = 3;
/// Of a deletion: from the highest id down.
const BACKWARDS: u8 = 1 << 3;
/// Of a deletion: the number of characters follows the id. It is one otherwise.
const SEVERAL: u8 = 1 << 4;

/// How an id names its replica, or else its number: one more than [`HERE`] for the one that the author named first.
const NOBODY: u64 = 0;
const AUTHOR: u64 = 1;
/// By its 16 bytes; with that it has the next number, unless it has one.
const HERE: u64 = 2;

const TEXT: u8 = 0;
const INTEGER: u8 = 1;
const NO: u8 = 2;
const YES: u8 = 3;
const BYTES: u8 = 4;

/// An operation as a payload tells it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Coded<'a> {
    /// As it is.
    Whole(OpRef<'a>),
    /// Text behind the author's previous unit, a character, and in front of that one's own right neighbour.
    Further(&'a str),
}

impl Coded<'_> {
    /// How many units the operation has. O(n) in the text of an insert.
    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Whole(op) => op.len(),
            Self::Further(text) if text.len() == 1 => 1,
            Self::Further(text) => text.chars().count() as u64,
        }
    }
}

impl<'a> From<&'a Op> for Coded<'a> {
    fn from(op: &'a Op) -> Self {
        Self::Whole(OpRef::from(op))
    }
}

/// Writes the operations of a change, made so many seconds `later` than its author's previous one. Ids are written relative to the unit that names them, and replicas by their numbers in
/// `names`: those that the author's changes up to and including this one name.
pub(crate) fn encode_ops<'a>(
    writer: &mut Writer,
    header: &Header,
    names: &Names,
    later: Option<i64>,
    ops: impl IntoIterator<Item = Coded<'a>>,
) {
    let mut ids = Ids { author: header.replica, names, known: names.before(header.first_seq), seq: header.first_seq };
    match later {
        None => writer.varint(AT_ONCE),
        Some(seconds) => {
            writer.varint(LATER);
            writer.varint(zigzag(seconds));
        }
    }
    for op in ops {
        ids.encode_op(writer, &op);
        ids.seq += op.len();
    }
}

/// Writes text that goes on behind the author's previous unit, typed at once: all that a change does.
pub(crate) fn encode_further(writer: &mut Writer, text: &str) {
    writer.varint(AT_ONCE);
    encode_tag_and(writer, FURTHER, FURTHER_LEN_AT, |_| {}, text);
}

/// How ids are written.
struct Ids<'n> {
    author: ReplicaId,
    names: &'n Names,
    /// How many of the names have a number by now.
    known: usize,
    /// The `seq` of the operation's first unit.
    seq: u64,
}

impl Ids<'_> {
    fn encode_op(&mut self, writer: &mut Writer, op: &Coded<'_>) {
        match *op {
            Coded::Further(text) => encode_tag_and(writer, FURTHER, FURTHER_LEN_AT, |_| {}, text),
            Coded::Whole(OpRef::Insert { left, right, text }) => {
                let right_is = match right {
                    None => RIGHT_NONE,
                    Some(right) if left.is_some_and(|left| left.plus(1) == right) => RIGHT_NEXT,
                    Some(_) => 0,
                };
                let origins = |writer: &mut Writer| {
                    self.encode(writer, left);
                    if right_is == 0 {
                        self.encode(writer, right);
                    }
                };
                encode_tag_and(writer, INSERT | right_is, INSERT_LEN_AT, origins, text);
            }
            Coded::Whole(OpRef::Delete { first, len, backwards }) => {
                let order = if backwards { BACKWARDS } else { 0 };
                writer.byte(DELETE | order | if len == 1 { 0 } else { SEVERAL });
                self.encode(writer, Some(first));
                if len != 1 {
                    writer.varint(len);
                }
            }
            Coded::Whole(OpRef::Set { key, value: Some(value) }) => {
                writer.byte(SET);
                writer.text(key);
                encode_value(writer, value);
            }
            Coded::Whole(OpRef::Set { key, value: None }) => {
                writer.byte(REMOVE);
                writer.text(key);
            }
        }
    }

    /// Who, and the distance from the operation's first unit.
    fn encode(&mut self, writer: &mut Writer, id: Option<OpId>) {
        let Some(id) = id else { return writer.varint(NOBODY) };
        if id.replica == self.author {
            writer.varint(AUTHOR);
        } else {
            match self.names.place(id.replica) {
                Some(place) if place < self.known => writer.varint(HERE + 1 + place as u64),
                place => {
                    self.known += usize::from(place == Some(self.known));
                    writer.varint(HERE);
                    writer.raw(id.replica.as_bytes());
                }
            }
        }
        writer.varint(zigzag(self.seq.cast_signed() - id.seq.cast_signed()));
    }
}

/// A tag with the length of the text in its upper bits, or 0 there and the length in front of the text; between them, what else.
fn encode_tag_and(writer: &mut Writer, tag: u8, len_at: u8, between: impl FnOnce(&mut Writer), text: &str) {
    match u8::try_from(text.len()) {
        Ok(len) if len <= u8::MAX >> len_at => {
            writer.byte(tag | (len << len_at));
            between(writer);
            writer.raw(text.as_bytes());
        }
        _ => {
            writer.byte(tag);
            between(writer);
            writer.text(text);
        }
    }
}

pub(crate) fn encode_value(writer: &mut Writer, value: ValueRef<'_>) {
    match value {
        ValueRef::Text(text) => {
            writer.byte(TEXT);
            writer.text(text);
        }
        ValueRef::Integer(integer) => {
            writer.byte(INTEGER);
            writer.varint(zigzag(integer));
        }
        ValueRef::Flag(flag) => writer.byte(if flag { YES } else { NO }),
        ValueRef::Bytes(bytes) => {
            writer.byte(BYTES);
            writer.bytes(bytes);
        }
    }
}
