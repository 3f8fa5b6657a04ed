//! What a payload rests on, its author's earlier changes: wherever they are delivered, a change is written again as its author
//! wrote it, and logs of version 1 are gone on with.

use std::collections::BTreeMap;

use bytes::Bytes;
use quire_crdt::{
    Change, Delivery, Document, Envelope, Op, OpId, ReceiveError, Received, ReplicaId, Value, VersionVector, open, seal,
};
use sim::rng::Rng;

use crate::convergence::assert_same;
use crate::history::{DOCUMENT, History, Plan};

const STRANGER: ReplicaId = ReplicaId::from_bytes([101; 16]);

/// The changes of a log by the ids of their first units, as they are written.
pub(crate) fn written(document: &Document) -> BTreeMap<OpId, Bytes> {
    document.log().iter().map(|envelope| (envelope.header().first_id(), envelope.bytes().clone())).collect()
}

/// The changes of a log, in its order.
pub(crate) fn changes(document: &Document) -> Vec<Change> {
    (0..document.log().len()).filter_map(|position| document.log().change(position)).collect()
}

#[test]
fn every_replica_writes_a_change_as_its_author_did_at_first() {
    for seed in 0..300 {
        let plan = Plan::of(seed + 50_000, 80);
        let mut history = History::new(plan);
        let mut at_first = BTreeMap::new();
        let note = |history: &History, at_first: &mut BTreeMap<OpId, Bytes>| {
            for document in &history.documents {
                let own = written(document).into_iter().filter(|(id, _)| id.replica == document.replica());
                for (id, bytes) in own {
                    at_first.entry(id).or_insert(bytes);
                }
            }
        };
        for _ in 0..plan.steps {
            history.step();
            note(&history, &mut at_first);
        }
        for document in &mut history.documents {
            document.commit();
        }
        note(&history, &mut at_first);
        history.merge_all();
        for document in &history.documents {
            assert_eq!(written(document), at_first, "seed {seed}: replica {}", document.replica());
        }
    }
}

/// The bytes of version 1 of the payload, from docs/FORMAT.md: no program writes them any more.
mod version_1 {
    use super::{Bytes, Change, Op, OpId, ReplicaId, Value};
    use crate::history::DOCUMENT;

    fn varint(bytes: &mut Vec<u8>, mut value: u64) {
        while value > 0x7f {
            bytes.push(u8::try_from(value & 0x7f).unwrap_or(0) | 0x80);
            value >>= 7;
        }
        bytes.push(u8::try_from(value).unwrap_or(0));
    }

    fn signed(bytes: &mut Vec<u8>, value: i64) {
        varint(bytes, ((value << 1) ^ (value >> 63)).cast_unsigned());
    }

    fn text(bytes: &mut Vec<u8>, text: &[u8]) {
        varint(bytes, text.len() as u64);
        bytes.extend(text);
    }

    fn named(op: &Op) -> Vec<ReplicaId> {
        let ids = match op {
            Op::Insert { left, right, .. } => [*left, *right],
            Op::Delete { first, .. } => [Some(*first), None],
            Op::Set { .. } => [None, None],
        };
        ids.into_iter().flatten().map(|id| id.replica).collect()
    }

    pub(super) fn envelope(change: &Change) -> Bytes {
        let header = &change.header;
        let mut bytes = vec![1];
        bytes.extend(DOCUMENT.as_bytes());
        bytes.extend(header.replica.as_bytes());
        varint(&mut bytes, header.first_seq);
        varint(&mut bytes, header.len);
        varint(&mut bytes, header.deps.len() as u64);
        for (replica, count) in header.deps.iter() {
            bytes.extend(replica.as_bytes());
            varint(&mut bytes, count);
        }
        bytes.push(1);
        let mut names: Vec<ReplicaId> = change.ops.iter().flat_map(named).filter(|id| *id != header.replica).collect();
        names.sort_unstable();
        names.dedup();
        varint(&mut bytes, names.len() as u64);
        for replica in &names {
            bytes.extend(replica.as_bytes());
        }
        let mut seq = header.first_seq;
        for op in &change.ops {
            let id = |bytes: &mut Vec<u8>, id: Option<OpId>| match id {
                None => varint(bytes, 0),
                Some(id) => {
                    let at = names.binary_search(&id.replica).map_or(1, |at| at as u64 + 2);
                    varint(bytes, at);
                    signed(bytes, seq.cast_signed() - id.seq.cast_signed());
                }
            };
            operation(&mut bytes, op, id);
            seq += op.len();
        }
        bytes.into()
    }

    fn operation(bytes: &mut Vec<u8>, op: &Op, id: impl Fn(&mut Vec<u8>, Option<OpId>)) {
        match op {
            Op::Insert { left, right, text: letters } => {
                bytes.push(0);
                id(bytes, *left);
                id(bytes, *right);
                text(bytes, letters.as_bytes());
            }
            Op::Delete { first, len, backwards } => {
                bytes.push(if *backwards { 2 } else { 1 });
                id(bytes, Some(*first));
                varint(bytes, *len);
            }
            Op::Set { key, value } => {
                bytes.push(if value.is_some() { 3 } else { 4 });
                text(bytes, key.as_bytes());
                match value {
                    None => {}
                    Some(Value::Text(value)) => {
                        bytes.push(0);
                        text(bytes, value.as_bytes());
                    }
                    Some(Value::Integer(value)) => {
                        bytes.push(1);
                        signed(bytes, *value);
                    }
                    Some(Value::Flag(value)) => bytes.push(if *value { 3 } else { 2 }),
                    Some(Value::Bytes(value)) => {
                        bytes.push(4);
                        text(bytes, value);
                    }
                }
            }
        }
    }
}

/// A log that was written by an older program, or in turns by older and newer ones, is the same log; its authors go on in
/// version 2, and what they write is taken by whoever has it in whichever version.
#[test]
fn a_log_of_version_1_is_gone_on_with_in_version_2() {
    for seed in 0..200 {
        let mut history = History::play_untimed(Plan::of(seed + 51_000, 60));
        history.merge_all();
        let mut rng = Rng::new(seed);
        let mut loaded = Document::new(DOCUMENT, STRANGER);
        let older = |rng: &mut Rng| seed % 3 == 0 || rng.chance(50);
        for (envelope, change) in history.documents[0].log().iter().zip(changes(&history.documents[0])) {
            let first = Envelope::decode(version_1::envelope(&change)).expect("an envelope");
            assert_eq!(open(&first), Ok(change), "version 1 says everything itself");
            let taken = if older(&mut rng) { first } else { envelope };
            assert_eq!(loaded.receive(taken, &mut Received::default()), Ok(Delivery::Delivered), "seed {seed}");
        }
        assert_eq!(written(&loaded), written(&history.documents[0]), "seed {seed}");
        for _ in 0..20 {
            history.step();
        }
        history.merge_all();
        let news: Vec<Envelope> = history.documents[0].log().from(loaded.log().len()).collect();
        for envelope in news {
            assert_eq!(loaded.receive(envelope, &mut Received::default()), Ok(Delivery::Delivered), "seed {seed}");
        }
        assert_same(&loaded, &history.documents[0]);
    }
}

#[test]
fn what_goes_on_behind_no_character_is_refused_whole() {
    let (mut author, mut reader) =
        (Document::new(DOCUMENT, ReplicaId::from_bytes([1; 16])), Document::new(DOCUMENT, STRANGER));
    author.insert(0, "ab").expect("room");
    author.commit();
    author.insert(2, "c").expect("room");
    author.commit();
    let further: Vec<Envelope> = author.log().iter().collect();
    assert_eq!(further[1].bytes()[36..], [2, 0x08, b'c'], "it goes on");
    // The same author's same units, of which the one in front is no character.
    let header = further[0].header().clone();
    let set = |key: &str| Op::Set { key: key.to_owned(), value: None };
    let keys = seal(DOCUMENT, &Change { header, ops: vec![set("a"), set("b")] });
    assert_eq!(reader.receive(keys, &mut Received::default()), Ok(Delivery::Delivered));
    let before = reader.clone();
    let refused = reader.receive(further[1].clone(), &mut Received::default());
    let id = |seq| OpId::new(author.replica(), seq);
    assert_eq!(refused, Err(ReceiveError::Unknown { change: id(2), id: id(1) }));
    assert_same(&before, &reader);
    assert!(open(&further[1]).is_err(), "it does not say where it goes on");
}

/// A number that its author never gave, in a change that had to wait: it is refused when its past is here, and nothing is named.
#[test]
fn a_number_that_nobody_has_is_refused_whole_even_when_it_had_to_wait() {
    let (author, other) = (ReplicaId::from_bytes([1; 16]), ReplicaId::from_bytes([2; 16]));
    let deps: VersionVector = [(other, 1)].into_iter().collect();
    let header = quire_crdt::Header { replica: author, first_seq: 0, len: 1, deps, heads: false };
    let named = |op: Op| seal(DOCUMENT, &Change { header: header.clone(), ops: vec![op] });
    let delete = named(Op::Delete { first: OpId::new(other, 0), len: 1, backwards: false });
    let payload_at = delete.bytes().len() - 20;
    assert_eq!(delete.bytes()[payload_at..payload_at + 3], [2, 2, 2]);
    let by_number = [&delete.bytes()[..payload_at], &[2, 2, 3, 0]].concat();
    let mut reader = Document::new(DOCUMENT, STRANGER);
    let mut received = Received::default();
    let waiting = Envelope::decode(by_number.into()).expect("an envelope");
    assert_eq!(reader.receive(waiting, &mut received), Ok(Delivery::HeldBack));
    let mut past = Document::new(DOCUMENT, other);
    past.insert(0, "x").expect("room");
    past.commit();
    for envelope in past.log() {
        assert_eq!(reader.receive(envelope, &mut received), Ok(Delivery::Delivered));
    }
    assert!(matches!(received.refused[..], [(id, ReceiveError::Payload(_))] if id == OpId::new(author, 0)));
    assert_eq!(reader.version().get(author), 0);
    assert_eq!(reader.receive(delete, &mut received), Ok(Delivery::Delivered), "the author's real change is taken");
}

/// One author who names ten thousand others, and goes on: what it costs grows with what was named, and each is named once.
#[test]
fn ten_thousand_names_are_written_once_each() {
    let mut writer = Document::new(DOCUMENT, STRANGER);
    let other = |at: u32| ReplicaId::from_bytes((u128::from(at) << 64 | 1).to_be_bytes());
    for at in 0..10_000 {
        let header =
            quire_crdt::Header { replica: other(at), first_seq: 0, len: 2, deps: VersionVector::new(), heads: false };
        let op = Op::Insert { left: None, right: None, text: "ab".to_owned() };
        let envelope = seal(DOCUMENT, &Change { header, ops: vec![op] });
        assert_eq!(writer.receive(envelope, &mut Received::default()), Ok(Delivery::Delivered));
    }
    let mut delete_one_of_each = |at: usize| {
        let before = writer.log().len();
        for done in 0..10_000 {
            writer.delete(at * done..at * done + 1).expect("a char");
        }
        writer.commit();
        let payloads = writer.log().from(before).map(|envelope| {
            let deps = envelope.header().deps.len() * 17;
            envelope.bytes().len() - deps
        });
        payloads.sum::<usize>()
    };
    let (named, by_number) = (delete_one_of_each(1), delete_one_of_each(0));
    assert!((160_000..230_000).contains(&named), "{named} bytes");
    assert!(by_number < 80_000, "{by_number} bytes");
    assert_eq!(writer.text().len_chars(), 0);
    let mut reader = Document::new(DOCUMENT, ReplicaId::from_bytes([102; 16]));
    for envelope in writer.log() {
        assert_eq!(reader.receive(envelope, &mut Received::default()), Ok(Delivery::Delivered));
    }
    assert_eq!(written(&reader), written(&writer));
}
