//! The payload of a change: its operations.

use alloc::vec::Vec;

use super::{DecodeError, DecodeErrorKind, Reader, Writer, unzigzag, zigzag};
use crate::change::{Header, OpRef, ValueRef};
use crate::id::{ID_BYTES, OpId, ReplicaId};

/// The version of the payload's layout.
const PAYLOAD_VERSION: u64 = 1;

const INSERT: u8 = 0;
const DELETE: u8 = 1;
const DELETE_BACKWARDS: u8 = 2;
const SET: u8 = 3;
const REMOVE: u8 = 4;

const TEXT: u8 = 0;
const INTEGER: u8 = 1;
const NO: u8 = 2;
const YES: u8 = 3;
const BYTES: u8 = 4;

/// The replicas that the operations of a change name: the author first, then the others in the order of their ids.
struct Names {
    author: ReplicaId,
    others: Vec<ReplicaId>,
}

impl Names {
    fn of<'a>(author: ReplicaId, ops: impl Iterator<Item = OpRef<'a>>) -> Self {
        let mut others = Vec::new();
        let mut name = |id: Option<OpId>| {
            if let Some(OpId { replica, .. }) = id
                && replica != author
                && others.last() != Some(&replica)
            {
                others.push(replica);
            }
        };
        for op in ops {
            match op {
                OpRef::Insert { left, right, .. } => [left, right].into_iter().for_each(&mut name),
                OpRef::Delete { first, .. } => name(Some(first)),
                OpRef::Set { .. } => {}
            }
        }
        others.sort_unstable();
        others.dedup();
        Self { author, others }
    }

    fn index(&self, replica: ReplicaId) -> u64 {
        if replica == self.author {
            return 0;
        }
        self.others.binary_search(&replica).map_or(0, |at| at as u64 + 1)
    }
}

/// Writes the operations of a change. Ids are written relative to the unit that names them.
pub(crate) fn encode_ops<'a>(writer: &mut Writer, header: &Header, ops: impl Iterator<Item = OpRef<'a>> + Clone) {
    let names = Names::of(header.replica, ops.clone());
    writer.varint(PAYLOAD_VERSION);
    writer.varint(names.others.len() as u64);
    for replica in &names.others {
        writer.raw(replica.as_bytes());
    }
    let mut seq = header.first_seq;
    for op in ops {
        encode_op(writer, &names, seq, op);
        seq += op.len();
    }
}

fn encode_op(writer: &mut Writer, names: &Names, seq: u64, op: OpRef<'_>) {
    match op {
        OpRef::Insert { left, right, text } => {
            writer.byte(INSERT);
            encode_origin(writer, names, seq, left);
            encode_origin(writer, names, seq, right);
            writer.text(text);
        }
        OpRef::Delete { first, len, backwards } => {
            writer.byte(if backwards { DELETE_BACKWARDS } else { DELETE });
            encode_origin(writer, names, seq, Some(first));
            writer.varint(len);
        }
        OpRef::Set { key, value: Some(value) } => {
            writer.byte(SET);
            writer.text(key);
            encode_value(writer, value);
        }
        OpRef::Set { key, value: None } => {
            writer.byte(REMOVE);
            writer.text(key);
        }
    }
}

/// 0 for no id, else one more than the replica's index, then the distance from `seq`.
fn encode_origin(writer: &mut Writer, names: &Names, seq: u64, id: Option<OpId>) {
    match id {
        None => writer.varint(0),
        Some(id) => {
            writer.varint(names.index(id.replica) + 1);
            writer.varint(zigzag(seq.cast_signed() - id.seq.cast_signed()));
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

/// The operations of a payload, read one after the other; their letters stay where they are.
#[derive(Clone, Debug)]
pub(crate) struct Ops<'a> {
    reader: Reader<'a>,
    author: ReplicaId,
    /// The other replicas that are named.
    others: &'a [u8],
    /// The `seq` of the next unit, and the one behind the last.
    seq: u64,
    end: u64,
}

impl<'a> Ops<'a> {
    /// Reads what stands in front of the operations.
    pub(crate) fn new(header: &Header, bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        reader.version(PAYLOAD_VERSION)?;
        let count = reader.count("replicas", ID_BYTES)?;
        let mut previous = None;
        let start = bytes.len() - reader.remaining();
        for _ in 0..count {
            let replica = reader.replica()?;
            if previous.is_some_and(|previous| previous >= replica) || replica == header.replica {
                return Err(reader.error(DecodeErrorKind::Order { field: "replicas" }));
            }
            previous = Some(replica);
        }
        let others = &bytes[start..start + count * ID_BYTES];
        Ok(Self { reader, author: header.replica, others, seq: header.first_seq, end: header.end_seq() })
    }

    /// The next operation. Behind the last one, whether the payload ends where it should: the lengths must sum up to the header's.
    pub(crate) fn next(&mut self) -> Result<Option<OpRef<'a>>, DecodeError> {
        if self.seq == self.end {
            return self.reader.clone().finish().map(|()| None);
        }
        let op = self.op()?;
        let value = self.seq.saturating_add(op.len());
        if value > self.end {
            return Err(self.reader.error(DecodeErrorKind::Range { field: "length of the operations", value }));
        }
        self.seq = value;
        Ok(Some(op))
    }

    fn op(&mut self) -> Result<OpRef<'a>, DecodeError> {
        match self.reader.byte()? {
            INSERT => {
                let (left, right) = (self.origin()?, self.origin()?);
                let text = self.reader.text("text")?;
                if text.is_empty() {
                    return Err(self.reader.error(DecodeErrorKind::Range { field: "length of the text", value: 0 }));
                }
                Ok(OpRef::Insert { left, right, text })
            }
            tag @ (DELETE | DELETE_BACKWARDS) => {
                let first = self.origin()?;
                let len = self.reader.varint()?;
                match first {
                    Some(first) if len > 0 && len <= crate::envelope::SEQ_MAX => {
                        Ok(OpRef::Delete { first, len, backwards: tag == DELETE_BACKWARDS })
                    }
                    _ => Err(self.reader.error(DecodeErrorKind::Range { field: "deletion", value: len })),
                }
            }
            SET => Ok(OpRef::Set { key: self.reader.text("key")?, value: Some(decode_value(&mut self.reader)?) }),
            REMOVE => Ok(OpRef::Set { key: self.reader.text("key")?, value: None }),
            tag => Err(self.reader.error(DecodeErrorKind::Range { field: "kind of operation", value: u64::from(tag) })),
        }
    }

    fn origin(&mut self) -> Result<Option<OpId>, DecodeError> {
        let index = self.reader.varint()?;
        let replica = match index {
            0 => return Ok(None),
            1 => self.author,
            _ => {
                let other = usize::try_from(index - 2).ok().and_then(|at| self.others.chunks_exact(ID_BYTES).nth(at));
                let Some(other) = other.and_then(|bytes| bytes.first_chunk::<ID_BYTES>()) else {
                    return Err(self.reader.error(DecodeErrorKind::Range { field: "replica index", value: index }));
                };
                ReplicaId::from_bytes(*other)
            }
        };
        let value = self.reader.varint()?;
        let target = self.seq.cast_signed().checked_sub(unzigzag(value)).and_then(|target| u64::try_from(target).ok());
        match target {
            Some(target) if target <= crate::envelope::SEQ_MAX => Ok(Some(OpId::new(replica, target))),
            _ => Err(self.reader.error(DecodeErrorKind::Range { field: "distance of an id", value })),
        }
    }
}

/// Reads what [`encode_value`] wrote.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::{Op, Value};
    use crate::clock::VersionVector;
    use alloc::string::String;
    use alloc::vec;

    fn encode(header: &Header, ops: &[Op]) -> Vec<u8> {
        let mut writer = Writer::default();
        encode_ops(&mut writer, header, ops.iter().map(OpRef::from));
        writer.finish()
    }

    fn decode(header: &Header, bytes: &[u8]) -> Result<Vec<Op>, DecodeError> {
        let (mut ops, mut all) = (Ops::new(header, bytes)?, Vec::new());
        while let Some(op) = ops.next()? {
            all.push(op.into());
        }
        Ok(all)
    }

    const A: ReplicaId = ReplicaId::from_bytes([1; 16]);
    const B: ReplicaId = ReplicaId::from_bytes([2; 16]);
    const C: ReplicaId = ReplicaId::from_bytes([3; 16]);

    fn header(ops: &[Op]) -> Header {
        let len = ops.iter().map(Op::len).sum();
        Header { replica: B, first_seq: 1000, len, deps: VersionVector::new() }
    }

    fn every_kind() -> Vec<Op> {
        let set = |key: &str, value| Op::Set { key: String::from(key), value };
        vec![
            Op::Insert { left: None, right: Some(OpId::new(C, 7)), text: String::from("çà et là") },
            Op::Insert { left: Some(OpId::new(B, 1007)), right: None, text: String::from("!") },
            Op::Delete { first: OpId::new(A, 1_000_000), len: 3, backwards: false },
            Op::Delete { first: OpId::new(B, 0), len: 1, backwards: true },
            set("title", Some(Value::Text(String::from("Ça")))),
            set("n", Some(Value::Integer(i64::MIN))),
            set("yes", Some(Value::Flag(true))),
            set("no", Some(Value::Flag(false))),
            set("raw", Some(Value::Bytes(vec![0, 255]))),
            set("gone", None),
        ]
    }

    #[test]
    fn every_kind_of_operation_reads_back() {
        let ops = every_kind();
        let header = header(&ops);
        assert_eq!(decode(&header, &encode(&header, &ops)), Ok(ops));
    }

    #[test]
    fn every_prefix_is_an_error() {
        let ops = every_kind();
        let header = header(&ops);
        let bytes = encode(&header, &ops);
        for end in 0..bytes.len() {
            assert!(decode(&header, &bytes[..end]).is_err(), "{end} of {} bytes", bytes.len());
        }
    }

    #[test]
    fn lengths_that_do_not_sum_up_are_errors() {
        let ops = every_kind();
        let good = header(&ops);
        let bytes = encode(&good, &ops);
        for len in [good.len - 1, good.len + 1, 1, crate::envelope::SEQ_MAX] {
            assert!(decode(&Header { len, ..good.clone() }, &bytes).is_err(), "{len} units");
        }
    }

    #[test]
    fn a_typed_character_is_few_bytes() {
        let ops = [Op::Insert { left: Some(OpId::new(B, 999)), right: None, text: String::from("x") }];
        assert_eq!(encode(&header(&ops), &ops), [1, 0, 0, 1, 2, 0, 1, b'x']);
    }
}
