//! The bytes of every format ever released are read for ever, and what is written today is what they say.

use quire::editor::link::{Link, LinkError, LinkKeys};
use quire::editor::presence::Presence;
use quire_crdt::keys::RootSecret;
use quire_crdt::{
    Anchor, Change, Checkpoint, Delivery, Document, DocumentId, EditError, Envelope, Header, Op, OpId, Received,
    ReplicaId, Value, open, seal,
};
use sim::frames::hex;

use crate::checkpoints::assert_same;
use crate::golden_frames;

const ENVELOPES: &str = include_str!("../golden/envelopes-v1.txt");
const HEADS: &str = include_str!("../golden/envelopes-v2.txt");
const PAYLOADS: &str = include_str!("../golden/payloads-v2.txt");
const PAYLOADS_3: &str = include_str!("../golden/payloads-v3.txt");
const PRESENCES: &str = include_str!("../golden/presences-v1.txt");
const CHECKPOINTS: &str = include_str!("../golden/checkpoints-v1.txt");
const CHECKPOINTS_2: &str = include_str!("../golden/checkpoints-v2.txt");
const CHECKPOINTS_3: &str = include_str!("../golden/checkpoints-v3.txt");
const LINK: &str = include_str!("../golden/link-v1.txt");
const LINKS_2: &str = include_str!("../golden/links-v2.txt");

const DOCUMENT: DocumentId = DocumentId::from_bytes(*b"a document's id.");
const ANA: ReplicaId = ReplicaId::from_bytes(*b"replica of Ana..");
const BEN: ReplicaId = ReplicaId::from_bytes(*b"replica of Ben..");
const CAI: ReplicaId = ReplicaId::from_bytes(*b"replica of Cai..");

/// A change of every kind, by name.
fn changes() -> Vec<(&'static str, Change)> {
    let id = |replica, seq| Some(OpId::new(replica, seq));
    let insert = |left, right, text: &str| Op::Insert { left, right, text: text.to_owned() };
    let delete = |first: Option<OpId>, len, backwards| Op::Delete { first: first.expect("an id"), len, backwards };
    let set = |key: &str, value| Op::Set { key: key.to_owned(), value };
    let change = |replica, first_seq, deps: &[(ReplicaId, u64)], ops: Vec<Op>| {
        let len = ops.iter().map(Op::len).sum();
        Change { header: Header { replica, first_seq, len, deps: deps.iter().copied().collect(), heads: false }, ops }
    };
    vec![
        ("first-words", change(ANA, 0, &[], vec![insert(None, None, "Grüße, 世界 👋")])),
        (
            "between-others",
            change(BEN, 300, &[(ANA, 12)], vec![insert(id(ANA, 4), id(ANA, 5), "x"), insert(id(BEN, 2), None, "\n")]),
        ),
        ("deletions", change(BEN, 302, &[], vec![delete(id(ANA, 2), 3, false), delete(id(BEN, 300), 1, true)])),
        (
            "every-value",
            change(
                ANA,
                1 << 40,
                &[(BEN, 306)],
                vec![
                    set("title", Some(Value::Text("Über uns".to_owned()))),
                    set("count", Some(Value::Integer(i64::MIN))),
                    set("yes", Some(Value::Flag(true))),
                    set("no", Some(Value::Flag(false))),
                    set("bytes", Some(Value::Bytes(vec![0, 255]))),
                    set("title", None),
                ],
            ),
        ),
    ]
}

#[test]
fn golden_presences_read_and_are_written_as_ever() {
    let presence = |person: &str, device: &str, colour, caret, tail| Presence {
        person: person.to_owned(),
        device: device.to_owned(),
        colour,
        caret,
        tail,
    };
    let presences = [
        ("nobody-at-the-start", presence("", "", 0, Anchor::Start, Anchor::End)),
        (
            "a-selection",
            presence("Ána", "laptop", 5, Anchor::After(OpId::new(ANA, 300)), Anchor::Before(OpId::new(BEN, 1 << 40))),
        ),
    ];
    let written = presences
        .iter()
        .fold(String::new(), |text, (name, presence)| format!("{text}{name} {}\n", hex(&presence.encode())));
    assert!(written == PRESENCES, "tests/golden/presences-v1.txt differs from what is written now:\n{written}");
    for (_, presence) in presences {
        assert_eq!(Presence::decode(&presence.encode()), Ok(presence));
    }
}

/// Two people in turns, so that payloads rest on their authors' earlier ones.
fn conversation() -> Document {
    let (mut ana, mut ben) = (Document::new(DOCUMENT, ANA), Document::new(DOCUMENT, BEN));
    let pass = |from: &mut Document, to: &mut Document| {
        from.commit();
        for envelope in from.log() {
            to.receive(envelope, &mut Received::default()).expect("a sound change is taken");
        }
    };
    let write = |document: &mut Document, edit: &mut dyn FnMut(&mut Document) -> Result<(), EditError>| {
        edit(document).expect("an edit inside the text");
        document.commit();
    };
    write(&mut ana, &mut |ana| ana.insert(0, "Grüße"));
    write(&mut ana, &mut |ana| ana.insert(5, "!"));
    pass(&mut ana, &mut ben);
    write(&mut ben, &mut |ben| ben.insert(2, "x"));
    write(&mut ben, &mut |ben| ben.insert(3, " and on, further than thirty-one bytes"));
    write(&mut ben, &mut |ben| ben.delete(0..2));
    write(&mut ben, &mut |ben| ben.set("title", Some(Value::Integer(-1))));
    pass(&mut ben, &mut ana);
    write(&mut ana, &mut |ana| ana.delete(0..4));
    write(&mut ana, &mut |ana| ana.insert(3, "y"));
    ana
}

#[test]
fn golden_payloads_are_written_as_ever() {
    let line = |name: &str, envelope: &Envelope| format!("{name} {}\n", hex(envelope.bytes()));
    let alone: String = changes().iter().map(|(name, change)| line(name, &seal(DOCUMENT, change))).collect();
    let resting: String = conversation().log().iter().map(|envelope| line("conversation", &envelope)).collect();
    let written = alone + &resting;
    assert!(written == PAYLOADS, "tests/golden/payloads-v2.txt differs from what is written now:\n{written}");
}

/// What two people wrote at times of which some cannot be true, and before they told any.
fn timed() -> Document {
    let mut document = conversation();
    for time in [1_790_000_000, 1_790_000_000, 1_790_000_009, -62_135_596_801, i64::MAX, i64::MIN] {
        document.set_time(time);
        assert_eq!(document.insert(0, "t"), Ok(()));
        document.commit();
    }
    let mut ben = Document::new(DOCUMENT, BEN);
    for envelope in document.log() {
        ben.receive(envelope, &mut Received::default()).expect("a sound change is taken");
    }
    ben.set_time(1_790_000_000);
    assert_eq!(ben.insert(0, "b"), Ok(()));
    ben.commit();
    ben
}

#[test]
fn golden_payloads_of_version_3_are_read_for_ever_and_written_as_ever() {
    let document = timed();
    let before = conversation().log().len();
    let line = |envelope: Envelope| format!("timed {}\n", hex(envelope.bytes()));
    let written: String = document.log().from(before).map(line).collect();
    assert!(written == PAYLOADS_3, "tests/golden/payloads-v3.txt differs from what is written now:\n{written}");
    let mut reader = conversation();
    for (_, bytes) in PAYLOADS_3.lines().filter_map(|line| line.split_once(' ')) {
        let envelope = Envelope::decode(golden_frames::bytes(bytes).into()).expect("an envelope");
        assert_eq!(reader.receive(envelope, &mut Received::default()), Ok(Delivery::Delivered));
    }
    let times: Vec<Option<i64>> = (before - 1..reader.log().len()).map(|at| reader.log().time(at)).collect();
    let told = [1_790_000_000, 1_790_000_000, 1_790_000_009, -62_135_596_801, i64::MAX, i64::MIN, 1_790_000_000];
    assert_eq!(times, [None].into_iter().chain(told.map(Some)).collect::<Vec<_>>());
}

#[test]
fn golden_payloads_are_read_for_ever() {
    let mut reader = Document::new(DOCUMENT, ReplicaId::from_bytes(*b"somebody else..."));
    let mut alone = changes().into_iter();
    for (name, bytes) in PAYLOADS.lines().filter_map(|line| line.split_once(' ')) {
        let envelope = Envelope::decode(golden_frames::bytes(bytes).into()).expect("an envelope");
        if name == "conversation" {
            assert_eq!(reader.receive(envelope, &mut Received::default()), Ok(Delivery::Delivered));
        } else {
            assert_eq!(Some((name, open(&envelope))), alone.next().map(|(name, change)| (name, Ok(change))));
        }
    }
    assert_eq!(reader.text().slice(0..usize::MAX), "d oyn, further than thirty-one bytesüße!");
    assert_eq!((alone.len(), reader.map().get("title")), (0, Some(&Value::Integer(-1))));
}

#[test]
fn golden_envelopes_are_read_for_ever() {
    assert_eq!(ENVELOPES.lines().count(), changes().len());
    for (line, (name, change)) in ENVELOPES.lines().zip(changes()) {
        let (found, bytes) = line.split_once(' ').expect("a name and bytes");
        let envelope = Envelope::decode(golden_frames::bytes(bytes).into()).expect("an envelope of version 1");
        assert_eq!((found, envelope.document()), (name, DOCUMENT));
        assert_eq!(open(&envelope), Ok(change));
    }
}

/// A change of Cai, who had seen what Ana and Ben had, and nothing that they had not.
fn after_heads(ana: u64, ben: u64) -> Change {
    let deps = [(ANA, ana), (BEN, ben)].into_iter().collect();
    let ops = vec![Op::Insert { left: Some(OpId::new(BEN, 0)), right: None, text: "Cai".to_owned() }];
    Change { header: Header { replica: CAI, first_seq: 0, len: 3, deps, heads: true }, ops }
}

#[test]
fn golden_envelopes_of_version_2_are_read_for_ever_and_written_as_ever() {
    let change = after_heads(300, 1 << 40);
    let written = format!("after-heads {}\n", hex(seal(DOCUMENT, &change).bytes()));
    assert!(written == HEADS, "tests/golden/envelopes-v2.txt differs from what is written now:\n{written}");
    let (_, bytes) = HEADS.trim().split_once(' ').expect("a name and bytes");
    let envelope = Envelope::decode(golden_frames::bytes(bytes).into()).expect("an envelope of version 2");
    assert_eq!((envelope.header(), open(&envelope)), (&change.header, Ok(change.clone())));
}

/// Two people who write at once, delete, and name the document.
fn written_by_two() -> Document {
    let (mut ana, mut ben) = (Document::new(DOCUMENT, ANA), Document::new(DOCUMENT, BEN));
    let send = |from: &mut Document, to: &mut Document| {
        from.commit();
        for envelope in from.log() {
            to.receive(envelope, &mut Received::default()).expect("a change");
        }
    };
    assert_eq!(ana.insert(0, "Grüße, 世界 👋 – again, again, again, again, again, again and again"), Ok(()));
    assert_eq!(ana.set("title", Some(Value::Text("Greetings".to_owned()))), Ok(()));
    send(&mut ana, &mut ben);
    assert_eq!((ana.insert(5, "!"), ana.insert(6, "!"), ana.delete(0..2)), (Ok(()), Ok(()), Ok(())));
    assert_eq!((ben.insert(5, "?"), ben.delete(4..7), ben.insert(12, "from Ben")), (Ok(()), Ok(()), Ok(())));
    assert_eq!((ana.set("n", Some(Value::Integer(-1))), ben.set("n", None)), (Ok(()), Ok(())));
    send(&mut ben, &mut ana);
    assert_eq!(ana.insert(0, "Two "), Ok(()));
    ana.commit();
    ana
}

/// What those two wrote, and a third whose deps are heads.
fn written_by_three() -> Document {
    let mut document = written_by_two();
    let units = |replica| document.version().get(replica);
    let envelope = seal(DOCUMENT, &after_heads(units(ANA), units(BEN)));
    assert_eq!(document.receive(envelope, &mut Received::default()), Ok(Delivery::Delivered));
    document
}

#[test]
fn golden_checkpoints_are_read_for_ever_and_written_as_ever() {
    let all = [
        ("two-authors", written_by_two(), CHECKPOINTS),
        ("after-heads", written_by_three(), CHECKPOINTS_2),
        ("timed", timed(), CHECKPOINTS_3),
    ];
    for (version, (name, document, golden)) in (1..).zip(all) {
        let written = format!("{name} {}\n", hex(&document.checkpoint().expect("everything is committed")));
        assert!(
            written == golden,
            "tests/golden/checkpoints-v{version}.txt differs from what is written now:\n{written}"
        );
        let (_, bytes) = golden.trim().split_once(' ').expect("a name and bytes");
        let checkpoint = Checkpoint::decode(golden_frames::bytes(bytes).into()).expect("a checkpoint");
        let read = checkpoint.document(ANA).expect("a whole checkpoint");
        assert_same(&read, &document);
    }
}

#[test]
fn golden_links_are_read_for_ever() {
    assert_eq!(LINK.trim().parse::<Link>(), Err(LinkError::NoKeys), "version 1 leads nowhere, and is told so");
    let links: Vec<Link> = LINKS_2.lines().map(|line| line.parse().expect("a link of version 2")).collect();
    let [editor, viewer] = links.as_slice() else { panic!("not two links: {links:?}") };
    assert_eq!(editor.keys, LinkKeys::Editor(RootSecret::from_bytes(*b"the root secret.")));
    assert_eq!(viewer.keys, editor.keys.to_viewer().expect("sound keys"));
    for (link, line) in links.iter().zip(LINKS_2.lines()) {
        assert_eq!(link.to_string(), line);
        assert_eq!(Ok(link.document), link.keys.document_keys().map(|keys| keys.document()));
        assert_eq!(link.relay.to_string(), "relay.example.org:4871");
    }
}
