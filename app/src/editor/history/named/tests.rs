use quire_crdt::{DocumentId, MAP_ENTRY_BYTES_MAX, Received};

use super::*;
use crate::editor::rng::Rng;

const ANA: ReplicaId = ReplicaId::from_bytes([1; 16]);
const BEN: ReplicaId = ReplicaId::from_bytes([2; 16]);

fn document(replica: ReplicaId) -> Document {
    Document::new(DocumentId::from_bytes([9; 16]), replica)
}

fn write(document: &mut Document, at: usize, text: &str) {
    assert_eq!(document.insert(at, text), Ok(()));
    document.commit();
}

fn set(document: &mut Document, key: &str, value: Option<Value>) {
    assert_eq!(document.set(key, value), Ok(()));
    document.commit();
}

fn name(document: &mut Document, key: &str, name: &str, version: &VersionVector) {
    set(document, key, encode_named_version(name, version));
}

fn send(from: &Document, to: &mut Document) {
    for envelope in from.log() {
        assert!(to.receive(envelope, &mut Received::default()).is_ok());
    }
}

fn names(document: &Document) -> Vec<(String, Option<usize>)> {
    named_versions(document).into_iter().map(|named| (named.name, named.changes)).collect()
}

fn vector(entries: &[(ReplicaId, u64)]) -> VersionVector {
    entries.iter().copied().collect()
}

#[test]
fn a_value_is_these_bytes_and_reads_back() {
    let version = vector(&[(ANA, 300), (BEN, 1)]);
    let value = encode_named_version("Über uns", &version).expect("it is a name");
    let expected = [
        &b"\x01\x00\x09\xc3\x9cber uns"[..],
        &[1; 16],
        &[0, 0, 0, 0, 0, 0, 1, 44],
        &[2; 16],
        &[0, 0, 0, 0, 0, 0, 0, 1],
    ];
    assert_eq!(value, Value::Bytes(expected.concat()));
    assert_eq!(decode(&value), Some(("Über uns".to_owned(), version)));
    let nothing = encode_named_version(" The start ", &VersionVector::new()).expect("it is a name");
    assert_eq!(decode(&nothing), Some(("The start".to_owned(), VersionVector::new())));
    for none in ["", " \n\t ", "\u{202e}\u{200b}", "\u{200d} \u{200d}"] {
        assert_eq!(encode_named_version(none, &VersionVector::new()), None, "{none:?}");
    }
}

#[test]
fn a_name_is_one_line_that_can_be_read() {
    let check = |name: &str, expected: &str| assert_eq!(clean_version_name(name), expected);
    check("  Draft\t2\r\nsent\u{2028}off ", "Draft 2 sent off");
    check("\u{1b}[31mred\u{7}", "[31mred");
    check("\u{202e}tfarD\u{2069}", "tfarD");
    check("👩\u{200d}🚀 اسم می\u{200c}خواهم", "👩\u{200d}🚀 اسم می\u{200c}خواهم");
    check(&"é".repeat(1_000), &"é".repeat(VERSION_NAME_CHARS_MAX));
}

#[test]
fn any_other_value_names_nothing_and_never_panics() {
    let Some(Value::Bytes(bytes)) = encode_named_version("Draft", &vector(&[(ANA, 3), (BEN, 2)])) else {
        panic!("it is a name")
    };
    let read = |bytes: &[u8]| decode(&Value::Bytes(bytes.to_vec()));
    let end_of_name = 3 + "Draft".len();
    for end in 0..bytes.len() {
        // Without its last entries, it is another version.
        let is_whole = end >= end_of_name && (end - end_of_name).is_multiple_of(24);
        assert_eq!(read(&bytes[..end]).is_some(), is_whole, "the first {end} bytes");
    }
    for (at, bit) in (0..bytes.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << bit;
        assert!(read(&flipped).is_none_or(|(name, _)| name == clean_version_name(&name)));
    }
    let entry = |replica: u8, count: u64| [&[replica; 16][..], &count.to_be_bytes()].concat();
    let with = |entries: &[Vec<u8>]| read(&[b"\x01\x00\x01x".to_vec(), entries.concat()].concat());
    assert!(with(&[entry(1, SEQ_MAX)]).is_some());
    for wrong in [[entry(1, 1), entry(1, 2)], [entry(2, 1), entry(1, 1)], [entry(1, 0), entry(2, 1)]] {
        assert_eq!(with(&wrong), None);
    }
    assert_eq!((with(&[entry(1, SEQ_MAX + 1)]), with(&[entry(1, u64::MAX)])), (None, None));
    assert_eq!(read(b"\x02\x00\x01x"), None, "another layout");
    assert_eq!(read(b"\x01\x00\x01\xff"), None, "no UTF-8");
    assert_eq!(read(&[b"\x01\x02\x00".to_vec(), vec![b'x'; 512]].concat()), None, "a name that is far too long");
    for value in [Value::Text("Draft".to_owned()), Value::Integer(1), Value::Flag(true)] {
        assert_eq!(decode(&value), None);
    }
    let mut rng = Rng::new(1);
    for _ in 0..2_000 {
        let mut noise: Vec<u8> = (0..rng.below(120)).map(|_| u8::try_from(rng.below(256)).unwrap_or(0)).collect();
        if let [layout, high, ..] = noise.as_mut_slice() {
            (*layout, *high) = (LAYOUT, 0);
        }
        assert!(read(&noise).is_none_or(|(name, _)| !name.is_empty()));
    }
}

#[test]
fn each_replica_sees_a_version_in_its_own_place() {
    let (mut ana, mut ben) = (document(ANA), document(BEN));
    write(&mut ana, 0, "one ");
    write(&mut ana, 4, "two ");
    let version = ana.version().clone();
    name(&mut ana, "version/a", "Draft", &version);
    (0..3).for_each(|_| write(&mut ben, 0, "b"));
    send(&ana, &mut ben);
    assert_eq!(names(&ana), [("Draft".to_owned(), Some(2))]);
    assert_eq!(names(&ben), [("Draft".to_owned(), Some(5))]);
    assert_eq!(ben.log().text_at(&named_versions(&ben)[0].version), "one two ", "without what Ana had not seen");
    write(&mut ana, 0, "more");
    let version = ana.version().clone();
    name(&mut ben, "version/b", "To come", &version);
    name(&mut ben, "version/c", "Before all", &VersionVector::new());
    assert_eq!(
        names(&ben),
        [("Before all".to_owned(), Some(0)), ("Draft".to_owned(), Some(5)), ("To come".to_owned(), None)]
    );
    send(&ana, &mut ben);
    assert_eq!(names(&ben)[2], ("To come".to_owned(), Some(9)));
}

#[test]
fn two_names_at_once_are_both_seen_and_a_new_name_settles_it() {
    let (mut ana, mut ben) = (document(ANA), document(BEN));
    write(&mut ana, 0, "text");
    let version = ana.version().clone();
    name(&mut ana, "version/a", "Draft", &version);
    send(&ana, &mut ben);
    name(&mut ana, "version/a", "Sent", &version);
    name(&mut ben, "version/a", "Final", &version);
    send(&ana, &mut ben);
    send(&ben, &mut ana);
    assert_eq!(named_versions(&ana), named_versions(&ben));
    let named = &named_versions(&ana)[0];
    assert_eq!((named.name.as_str(), named.rivals.as_slice(), named.by), ("Final", &["Sent".to_owned()][..], BEN));
    name(&mut ana, "version/a", "Sent", &version);
    assert!(named_versions(&ana)[0].rivals.is_empty());
    send(&ana, &mut ben);
    set(&mut ben, "version/a", None);
    name(&mut ana, "version/a", "Kept", &version);
    send(&ben, &mut ana);
    send(&ana, &mut ben);
    for document in [&mut ana, &mut ben] {
        assert_eq!(names(document), [("Kept".to_owned(), Some(1))], "a new name outlives a removal at the same time");
    }
    set(&mut ana, "version/a", None);
    assert_eq!(names(&ana), []);
}

#[test]
fn hostile_entries_are_harmless_however_many() {
    let mut ana = document(ANA);
    write(&mut ana, 0, "text");
    let many: VersionVector = (0..2_700_u32)
        .map(|at| {
            let mut id = [0; 16];
            id[..4].copy_from_slice(&at.to_be_bytes());
            (ReplicaId::from_bytes(id), u64::from(at) + 1)
        })
        .collect();
    let value = encode_named_version("Enormous", &many).expect("it is a name");
    let Value::Bytes(bytes) = &value else { panic!("they are bytes") };
    assert!(bytes.len() > MAP_ENTRY_BYTES_MAX - 1_000);
    set(&mut ana, "version/", Some(value));
    set(&mut ana, "version/\u{1b}[2J", Some(Value::Bytes(vec![0xff; 60_000])));
    set(&mut ana, "version/x", Some(Value::Text("no bytes".to_owned())));
    assert_eq!(names(&ana), [("Enormous".to_owned(), None)]);
    let version = ana.version().clone();
    for at in 0..NAMED_VERSIONS_MAX + 10 {
        name(&mut ana, &format!("version/{at}"), "One of many", &version);
    }
    assert_eq!(named_versions(&ana).len(), NAMED_VERSIONS_MAX);
}

#[test]
fn the_example_of_the_format_s_page_is_read() {
    let bytes = [&b"\x01\x00\x05Draft"[..], &[1; 16], &[0, 0, 0, 0, 0, 0, 0, 7]].concat();
    assert_eq!(decode(&Value::Bytes(bytes)), Some(("Draft".to_owned(), vector(&[(ANA, 7)]))));
}
