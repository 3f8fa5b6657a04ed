//! The payload of a change: its operations.

use alloc::vec::Vec;

use super::{DecodeError, DecodeErrorKind, Reader, Writer, owned, unzigzag, zigzag};
use crate::change::{Header, Op, Value};
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

/// The replicas that the operations name: the author first, then the others in the order of their ids.
struct Names {
    replicas: Vec<ReplicaId>,
}

impl Names {
    fn of(header: &Header, ops: &[Op]) -> Self {
        let mut others: Vec<ReplicaId> = ops.iter().flat_map(named).collect();
        others.sort_unstable();
        others.dedup();
        others.retain(|replica| *replica != header.replica);
        let mut replicas = Vec::with_capacity(1 + others.len());
        replicas.push(header.replica);
        replicas.append(&mut others);
        Self { replicas }
    }

    fn index(&self, replica: ReplicaId) -> u64 {
        if replica == self.replicas[0] {
            return 0;
        }
        self.replicas[1..].binary_search(&replica).map_or(0, |at| at as u64 + 1)
    }
}

fn named(op: &Op) -> impl Iterator<Item = ReplicaId> {
    let ids = match op {
        Op::Insert { left, right, .. } => [*left, *right],
        Op::Delete { first, .. } => [Some(*first), None],
        Op::Set { .. } => [None, None],
    };
    ids.into_iter().flatten().map(|id| id.replica)
}

/// The operations as bytes. Ids are written relative to the unit that names them.
pub(crate) fn encode_ops(header: &Header, ops: &[Op]) -> Vec<u8> {
    let names = Names::of(header, ops);
    let mut writer = Writer::default();
    writer.varint(PAYLOAD_VERSION);
    writer.varint(names.replicas.len() as u64 - 1);
    for replica in &names.replicas[1..] {
        writer.raw(replica.as_bytes());
    }
    let mut seq = header.first_seq;
    for op in ops {
        encode_op(&mut writer, &names, seq, op);
        seq += op.len();
    }
    writer.finish()
}

fn encode_op(writer: &mut Writer, names: &Names, seq: u64, op: &Op) {
    match op {
        Op::Insert { left, right, text } => {
            writer.byte(INSERT);
            encode_origin(writer, names, seq, *left);
            encode_origin(writer, names, seq, *right);
            writer.text(text);
        }
        Op::Delete { first, len, backwards } => {
            writer.byte(if *backwards { DELETE_BACKWARDS } else { DELETE });
            encode_origin(writer, names, seq, Some(*first));
            writer.varint(*len);
        }
        Op::Set { key, value: Some(value) } => {
            writer.byte(SET);
            writer.text(key);
            encode_value(writer, value);
        }
        Op::Set { key, value: None } => {
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

fn encode_value(writer: &mut Writer, value: &Value) {
    match value {
        Value::Text(text) => {
            writer.byte(TEXT);
            writer.text(text);
        }
        Value::Integer(integer) => {
            writer.byte(INTEGER);
            writer.varint(zigzag(*integer));
        }
        Value::Flag(flag) => writer.byte(if *flag { YES } else { NO }),
        Value::Bytes(bytes) => {
            writer.byte(BYTES);
            writer.bytes(bytes);
        }
    }
}

/// The operations of a payload; their lengths must sum up to the header's.
pub(crate) fn decode_ops(header: &Header, bytes: &[u8]) -> Result<Vec<Op>, DecodeError> {
    let mut reader = Reader::new(bytes);
    reader.version(PAYLOAD_VERSION)?;
    let names = decode_names(&mut reader, header)?;
    let mut ops = Vec::new();
    let mut done: u64 = 0;
    while done < header.len {
        let op = decode_op(&mut reader, &names, header.first_seq + done)?;
        done = done.saturating_add(op.len());
        ops.push(op);
    }
    if done != header.len {
        return Err(reader.error(DecodeErrorKind::Range { field: "length of the operations", value: done }));
    }
    reader.finish()?;
    Ok(ops)
}

fn decode_names(reader: &mut Reader<'_>, header: &Header) -> Result<Names, DecodeError> {
    let count = reader.count("replicas", ID_BYTES)?;
    let mut replicas = Vec::with_capacity(1 + count);
    replicas.push(header.replica);
    for at in 0..count {
        let replica = reader.replica()?;
        if (at > 0 && replicas[at] >= replica) || replica == header.replica {
            return Err(reader.error(DecodeErrorKind::Order { field: "replicas" }));
        }
        replicas.push(replica);
    }
    Ok(Names { replicas })
}

fn decode_op(reader: &mut Reader<'_>, names: &Names, seq: u64) -> Result<Op, DecodeError> {
    match reader.byte()? {
        INSERT => {
            let left = decode_origin(reader, names, seq)?;
            let right = decode_origin(reader, names, seq)?;
            let text = reader.text("text")?;
            if text.is_empty() {
                return Err(reader.error(DecodeErrorKind::Range { field: "length of the text", value: 0 }));
            }
            Ok(Op::Insert { left, right, text: owned(text) })
        }
        tag @ (DELETE | DELETE_BACKWARDS) => {
            let first = decode_origin(reader, names, seq)?;
            let len = reader.varint()?;
            match first {
                Some(first) if len > 0 && len <= crate::envelope::SEQ_MAX => {
                    Ok(Op::Delete { first, len, backwards: tag == DELETE_BACKWARDS })
                }
                _ => Err(reader.error(DecodeErrorKind::Range { field: "deletion", value: len })),
            }
        }
        SET => {
            let key = owned(reader.text("key")?);
            let value = Some(decode_value(reader)?);
            Ok(Op::Set { key, value })
        }
        REMOVE => Ok(Op::Set { key: owned(reader.text("key")?), value: None }),
        tag => Err(reader.error(DecodeErrorKind::Range { field: "kind of operation", value: u64::from(tag) })),
    }
}

fn decode_origin(reader: &mut Reader<'_>, names: &Names, seq: u64) -> Result<Option<OpId>, DecodeError> {
    let index = reader.varint()?;
    if index == 0 {
        return Ok(None);
    }
    let replica = usize::try_from(index - 1).ok().and_then(|at| names.replicas.get(at));
    let Some(replica) = replica else {
        return Err(reader.error(DecodeErrorKind::Range { field: "replica index", value: index }));
    };
    let distance = reader.varint()?;
    let target = seq.cast_signed().checked_sub(unzigzag(distance)).and_then(|target| u64::try_from(target).ok());
    match target {
        Some(target) if target <= crate::envelope::SEQ_MAX => Ok(Some(OpId::new(*replica, target))),
        _ => Err(reader.error(DecodeErrorKind::Range { field: "distance of an id", value: distance })),
    }
}

fn decode_value(reader: &mut Reader<'_>) -> Result<Value, DecodeError> {
    match reader.byte()? {
        TEXT => Ok(Value::Text(owned(reader.text("value")?))),
        INTEGER => Ok(Value::Integer(unzigzag(reader.varint()?))),
        NO => Ok(Value::Flag(false)),
        YES => Ok(Value::Flag(true)),
        BYTES => Ok(Value::Bytes(reader.bytes("value")?.to_vec())),
        tag => Err(reader.error(DecodeErrorKind::Range { field: "kind of value", value: u64::from(tag) })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::VersionVector;
    use alloc::string::String;
    use alloc::vec;

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
        assert_eq!(decode_ops(&header, &encode_ops(&header, &ops)), Ok(ops));
    }

    #[test]
    fn every_prefix_is_an_error() {
        let ops = every_kind();
        let header = header(&ops);
        let bytes = encode_ops(&header, &ops);
        for end in 0..bytes.len() {
            assert!(decode_ops(&header, &bytes[..end]).is_err(), "{end} of {} bytes", bytes.len());
        }
    }

    #[test]
    fn lengths_that_do_not_sum_up_are_errors() {
        let ops = every_kind();
        let good = header(&ops);
        let bytes = encode_ops(&good, &ops);
        for len in [good.len - 1, good.len + 1, 1, crate::envelope::SEQ_MAX] {
            assert!(decode_ops(&Header { len, ..good.clone() }, &bytes).is_err(), "{len} units");
        }
    }

    #[test]
    fn a_typed_character_is_few_bytes() {
        let ops = [Op::Insert { left: Some(OpId::new(B, 999)), right: None, text: String::from("x") }];
        assert_eq!(encode_ops(&header(&ops), &ops), [1, 0, 0, 1, 2, 0, 1, b'x']);
    }
}
