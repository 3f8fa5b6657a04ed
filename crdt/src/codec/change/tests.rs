//! Payloads of both versions: what is written reads back, and nothing else is taken for it.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::*;
use crate::change::{Op, Value};
use crate::clock::VersionVector;
use crate::envelope::SEQ_MAX;

const A: ReplicaId = ReplicaId::from_bytes([1; 16]);
const B: ReplicaId = ReplicaId::from_bytes([2; 16]);
const C: ReplicaId = ReplicaId::from_bytes([3; 16]);

fn encode(header: &Header, names: &Names, ops: &[Op]) -> Vec<u8> {
    let mut writer = Writer::default();
    encode_ops(&mut writer, header, names, None, ops.iter().map(Coded::from));
    writer.finish()
}

fn decode(header: &Header, bytes: &[u8], earlier: Earlier<'_>) -> Result<Vec<Op>, DecodeError> {
    let (mut ops, mut all) = (Ops::new(header, bytes, earlier)?, Vec::new());
    while let Some(op) = ops.next()? {
        match op {
            Coded::Whole(op) => all.push(op.into()),
            Coded::Further(text) => all.push(Op::Insert { left: None, right: None, text: text.into() }),
        }
    }
    Ok(all)
}

fn header(ops: &[Op]) -> Header {
    let len = ops.iter().map(Op::len).sum();
    Header { replica: B, first_seq: 1000, len, deps: VersionVector::new(), heads: false }
}

fn every_kind() -> Vec<Op> {
    let set = |key: &str, value| Op::Set { key: String::from(key), value };
    let insert = |left, right, text| Op::Insert { left, right, text: String::from(text) };
    let id = |replica, seq| Some(OpId::new(replica, seq));
    vec![
        insert(None, id(C, 7), "çà et là"),
        insert(id(B, 1007), None, "!"),
        insert(id(C, 5), id(C, 6), "longer than seven"),
        insert(
            id(A, 5),
            id(C, 6),
            "more than a hundred and twenty-seven bytes, so that the length takes more than one of them: that is what this text is for, and it goes on",
        ),
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

/// Whom [`every_kind`] names, as the document that delivered it knows them.
fn names(of_before: &[ReplicaId]) -> Names {
    let mut names = Names::new();
    for replica in of_before {
        names.name(*replica, 0);
    }
    names.name(C, 1000);
    names.name(A, 1000);
    names
}

#[test]
fn every_kind_of_operation_reads_back_whoever_was_named_before() {
    let ops = every_kind();
    let header = header(&ops);
    for before in [&[][..], &[A], &[C], &[A, C], &[ReplicaId::from_bytes([9; 16]), C]] {
        let mut earlier = Names::new();
        for replica in before {
            earlier.name(*replica, 0);
        }
        let bytes = encode(&header, &names(before), &ops);
        assert_eq!(decode(&header, &bytes, Earlier::Known(&earlier)), Ok(ops.clone()), "{before:?}");
        for replica in [A, C] {
            let by_bytes = bytes.windows(16).filter(|part| part == replica.as_bytes()).count();
            assert_eq!(
                by_bytes,
                usize::from(!before.contains(&replica)),
                "with its bytes only where it is named first"
            );
        }
        let alone = decode(&header, &bytes, Earlier::Unknown);
        assert!(alone.is_err(), "a number tells nothing to whoever does not know the author's changes");
        assert_eq!(decode(&header, &bytes, Earlier::Awaited).map(|ops| ops.len()), Ok(ops.len()));
    }
}

#[test]
fn without_numbers_a_payload_reads_alone_and_names_keep_theirs() {
    let ops = every_kind();
    let header = header(&ops);
    let bytes = encode(&header, &Names::new(), &ops);
    for earlier in [Earlier::Unknown, Earlier::Known(&names(&[A])), Earlier::Known(&Names::new())] {
        assert_eq!(decode(&header, &bytes, earlier), Ok(ops.clone()));
    }
}

#[test]
fn every_prefix_is_an_error() {
    let ops = every_kind();
    let header = header(&ops);
    let bytes = encode(&header, &names(&[A]), &ops);
    for end in 0..bytes.len() {
        assert!(decode(&header, &bytes[..end], Earlier::Awaited).is_err(), "{end} of {} bytes", bytes.len());
    }
}

#[test]
fn lengths_that_do_not_sum_up_are_errors() {
    let ops = every_kind();
    let good = header(&ops);
    let bytes = encode(&good, &Names::new(), &ops);
    for len in [good.len - 1, good.len + 1, 1, SEQ_MAX] {
        assert!(decode(&Header { len, ..good.clone() }, &bytes, Earlier::Unknown).is_err(), "{len} units");
    }
}

fn kind(bytes: &[u8], len: u64) -> DecodeErrorKind {
    let header = Header { replica: B, first_seq: 1000, len, deps: VersionVector::new(), heads: false };
    decode(&header, bytes, Earlier::Known(&names(&[]))).unwrap_err().kind
}

#[test]
fn what_no_writer_writes_is_an_error() {
    let range = |field, value| DecodeErrorKind::Range { field, value };
    assert_eq!(kind(&[4], 1), DecodeErrorKind::Version { found: 4, newest: 3 });
    assert_eq!(kind(&[3], 1), DecodeErrorKind::Truncated);
    assert_eq!(kind(&[3, 0x80, 0], 1), DecodeErrorKind::Varint);
    assert_eq!(kind(&[2, 5], 1), range("kind of operation", 5));
    assert_eq!(kind(&[2, SET | 8, 0, YES], 1), range("kind of operation", 11));
    assert_eq!(kind(&[2, DELETE | 32, 1, 0], 1), range("kind of operation", 34));
    assert_eq!(kind(&[2, DELETE, 0], 1), range("deletion", 1));
    assert_eq!(kind(&[2, DELETE | SEVERAL, 1, 0, 0], 1), range("deletion", 0));
    assert_eq!(kind(&[2, FURTHER, 0], 1), range("length of the text", 0));
    assert_eq!(kind(&[2, INSERT | RIGHT_NEXT, 0, 0], 1), range("right neighbour", 17));
    assert_eq!(kind(&[2, INSERT | RIGHT_NEXT | RIGHT_NONE, 1, 0], 1), range("right neighbour", 25));
    assert_eq!(kind(&[2, DELETE, 5, 0], 1), range("number of a replica", 5));
    assert_eq!(kind(&[2, FURTHER | 8, b'a', FURTHER | 8, b'b'], 2), range("kind of operation", 8));
    let own = [&[2, DELETE, 2][..], B.as_bytes(), &[0]].concat();
    assert_eq!(kind(&own, 1), DecodeErrorKind::Order { field: "replicas" });
}

/// So far in front of the first unit, which has the number 1000, stands this one.
fn back_to(seq: u64) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.varint(zigzag(1000 - seq.cast_signed()));
    writer.finish()
}

#[test]
fn an_id_is_read_up_to_the_largest_that_may_be() {
    let distance = |seq: u64| zigzag(1000 - seq.cast_signed());
    let range = |field, value| DecodeErrorKind::Range { field, value };
    let delete = |seq: u64| [&[2, DELETE, 1][..], &back_to(seq)].concat();
    let of_one = header(&[Op::Delete { first: OpId::new(B, 0), len: 1, backwards: false }]);
    let largest = Op::Delete { first: OpId::new(B, SEQ_MAX), len: 1, backwards: false };
    assert_eq!(decode(&of_one, &delete(SEQ_MAX), Earlier::Unknown), Ok(vec![largest]));
    assert_eq!(kind(&delete(SEQ_MAX + 1), 1), range("distance of an id", distance(SEQ_MAX + 1)));
    let between = |seq: u64| [&[2, INSERT | RIGHT_NEXT | 1 << INSERT_LEN_AT, 1][..], &back_to(seq), b"x"].concat();
    let left = OpId::new(B, SEQ_MAX - 1);
    let neighbours = Op::Insert { left: Some(left), right: Some(left.plus(1)), text: String::from("x") };
    assert_eq!(decode(&of_one, &between(SEQ_MAX - 1), Earlier::Unknown), Ok(vec![neighbours]));
    assert_eq!(kind(&between(SEQ_MAX), 1), range("right neighbour", 0x31));
}

#[test]
fn a_deletion_of_nothing_or_of_more_than_there_can_be_is_an_error_in_version_1_too() {
    let deletion = |len: u64| {
        let mut writer = Writer::default();
        writer.varint(len);
        [&[1, 0, 1, 1, 0][..], &writer.finish()].concat()
    };
    for len in [0, SEQ_MAX + 1] {
        assert_eq!(kind(&deletion(len), 1), DecodeErrorKind::Range { field: "deletion", value: len });
    }
}

#[test]
fn only_short_text_that_goes_on_and_is_whole_is_taken_as_typed() {
    let letters = [b'x'; 64];
    assert_eq!(typed(&[2, 0x08, b'x']), Some("x"));
    assert_eq!(typed(&[&[2, 31 << 3][..], &letters[..31]].concat()), str::from_utf8(&letters[..31]).ok());
    let long = [&[2, 0, 64][..], &letters].concat();
    let other = [&[2, 0x08][..], &letters].concat();
    for payload in
        [&long[..], &other, &[2, 0x08], &[2, 0x10, b'x'], &[2, 0x08, 0xff], &[2, 0x0f, b'x'], &[3, 0x08, b'x']]
    {
        assert_eq!(typed(payload), None, "{payload:?}");
    }
}

#[test]
fn a_typed_character_is_few_bytes() {
    let bytes = |op: Coded<'_>| {
        let mut writer = Writer::default();
        let header = Header { replica: B, first_seq: 1000, len: 1, deps: VersionVector::new(), heads: false };
        let mut names = Names::new();
        names.name(A, 0);
        encode_ops(&mut writer, &header, &names, None, [op]);
        writer.finish()
    };
    let insert = |left, right| Coded::Whole(OpRef::Insert { left: Some(left), right, text: "x" });
    let own = OpId::new(B, 999);
    assert_eq!(bytes(Coded::Further("x")), [2, 0x08, b'x']);
    assert_eq!(bytes(insert(own, None)), [2, 0x29, 1, 2, b'x']);
    assert_eq!(bytes(insert(OpId::new(A, 998), Some(OpId::new(A, 999)))), [2, 0x31, 3, 4, b'x']);
    assert_eq!(bytes(insert(own, Some(OpId::new(A, 999)))), [2, 0x21, 1, 2, 3, 2, b'x']);
}

#[test]
fn how_much_later_a_change_was_made_stands_in_front() {
    let ops = every_kind();
    let header = header(&ops);
    let at_once = encode(&header, &Names::new(), &ops);
    for (seconds, bytes) in [(0, 1), (1, 1), (63, 1), (64, 2), (8_191, 2), (-64, 1), (1_790_000_000, 5), (i64::MIN, 10)]
    {
        let mut writer = Writer::default();
        encode_ops(&mut writer, &header, &Names::new(), Some(seconds), ops.iter().map(Coded::from));
        let later = writer.finish();
        assert_eq!((later[0], later.len(), &later[1 + bytes..]), (3, at_once.len() + bytes, &at_once[1..]));
        assert_eq!(decode(&header, &later, Earlier::Unknown), Ok(ops.clone()));
        assert_eq!(Ops::new(&header, &later, Earlier::Unknown).unwrap().later(), Some(seconds));
    }
    assert_eq!(Ops::new(&header, &at_once, Earlier::Unknown).unwrap().later(), None);
}

/// The bytes of version 1, which are written no more.
#[test]
fn version_1_is_read() {
    let list = [[1, 2].as_slice(), A.as_bytes(), C.as_bytes()].concat();
    let bytes = [&list[..], &[0, 3, 20, 0, 2, 0xc3, 0xa9, 0, 1, 2, 2, 0, 1, b'x', 2, 1, 4, 2, 4, 1, b'k']].concat();
    let ops = vec![
        Op::Insert { left: Some(OpId::new(C, 990)), right: None, text: String::from("é") },
        Op::Insert { left: Some(OpId::new(B, 1000)), right: Some(OpId::new(A, 1001)), text: String::from("x") },
        Op::Delete { first: OpId::new(B, 1000), len: 2, backwards: true },
        Op::Set { key: String::from("k"), value: None },
    ];
    let header = header(&ops);
    for earlier in [Earlier::Unknown, Earlier::Awaited, Earlier::Known(&names(&[C, A]))] {
        assert_eq!(decode(&header, &bytes, earlier), Ok(ops.clone()));
    }
    for end in 0..bytes.len() {
        assert!(decode(&header, &bytes[..end], Earlier::Unknown).is_err(), "{end} of {} bytes", bytes.len());
    }
    let unsorted = [[1, 2].as_slice(), C.as_bytes(), A.as_bytes(), &bytes[34..]].concat();
    let error = decode(&header, &unsorted, Earlier::Unknown).unwrap_err();
    assert_eq!(error.kind, DecodeErrorKind::Order { field: "replicas" });
}
