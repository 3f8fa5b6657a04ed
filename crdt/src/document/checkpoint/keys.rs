//! The map's state: for each key everything that stands there, the winner first.

use alloc::string::String;
use alloc::vec::Vec;

use super::CheckpointError;
use super::history::History;
use super::sections::{Head, Section};
use crate::change::Value;
use crate::clock::Lamport;
use crate::codec::change::{decode_value, encode_value};
use crate::codec::{DecodeError, DecodeErrorKind, Reader, Writer};
use crate::id::OpId;
use crate::map::{Entry, LwwMap};

/// What is left of a key and its entries, and of an entry, at least.
const KEY_BYTES_MIN: usize = 2;
const ENTRY_BYTES_MIN: usize = 4;

pub(super) fn encode(map: &LwwMap, history: &History) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.varint(map.all().count() as u64);
    for (key, entries) in map.all() {
        writer.text(key);
        writer.varint(entries.len() as u64);
        for Entry { id, lamport, value } in entries {
            writer.varint(history.index(id.replica) as u64);
            writer.varint(id.seq);
            writer.varint(lamport.0);
            encode_written(&mut writer, value.as_ref());
        }
    }
    writer.finish()
}

pub(super) fn decode(head: &Head, raw: &[u8]) -> Result<LwwMap, CheckpointError> {
    decode_map(head, raw).map_err(Section::Map.error())
}

fn decode_map(head: &Head, raw: &[u8]) -> Result<LwwMap, DecodeError> {
    let mut reader = Reader::new(raw);
    let mut map = LwwMap::default();
    for _ in 0..reader.count("keys", KEY_BYTES_MIN)? {
        let key = String::from(reader.text("key")?);
        let count = reader.count("entries of a key", ENTRY_BYTES_MIN)?;
        let mut entries = Vec::with_capacity(count);
        for _ in 0..count {
            let value = reader.varint()?;
            let error = reader.error(DecodeErrorKind::Range { field: "author", value });
            let (replica, _) = usize::try_from(value).ok().and_then(|at| head.authors.get(at)).ok_or(error)?;
            let (seq, lamport) = (reader.varint()?, Lamport(reader.varint()?));
            entries.push(Entry { id: OpId::new(*replica, seq), lamport, value: decode_written(&mut reader)? });
        }
        if !map.append(key, entries) {
            return Err(reader.error(DecodeErrorKind::Order { field: "keys and what stands there" }));
        }
    }
    reader.finish()?;
    Ok(map)
}

/// What was written to a key: 0 for nothing, or 1 and the value.
pub(super) fn encode_written(writer: &mut Writer, value: Option<&Value>) {
    writer.byte(u8::from(value.is_some()));
    if let Some(value) = value {
        encode_value(writer, value.as_ref());
    }
}

pub(super) fn decode_written(reader: &mut Reader<'_>) -> Result<Option<Value>, DecodeError> {
    match reader.byte()? {
        0 => Ok(None),
        1 => Ok(Some(decode_value(reader)?.into())),
        tag => Err(reader.error(DecodeErrorKind::Range { field: "kind of write", value: u64::from(tag) })),
    }
}
