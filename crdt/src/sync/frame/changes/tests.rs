//! Two ends of a link: what one writes the other reads, and nothing else.

use alloc::string::String;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::document::{Document, Received};
use crate::sync::frame::Frame;

const DOCUMENT: DocumentId = DocumentId::from_bytes([0xdd; 16]);

fn id(at: u8) -> ReplicaId {
    ReplicaId::from_bytes([at; 16])
}

fn envelope(author: u8, first_seq: u64, len: u64, deps: &[(u8, u64)], payload: &[u8]) -> Envelope {
    let deps = deps.iter().map(|(other, count)| (id(*other), *count)).collect();
    Envelope::put_together(DOCUMENT, Header { replica: id(author), first_seq, len, deps, heads: false }, payload)
        .unwrap()
}

/// The same, with deps that are heads.
fn after_heads(envelope: &Envelope) -> Envelope {
    let header = Header { heads: !envelope.header().deps.is_empty(), ..envelope.header().clone() };
    Envelope::put_together(DOCUMENT, header, envelope.payload()).unwrap()
}

/// The change of a frame, as its receiver reads it.
fn read(reader: &mut ChangeReader, frame: &Bytes) -> Result<Envelope, FrameError> {
    match Frame::decode(frame) {
        Ok(Frame::Change(body)) => reader.read(body),
        other => panic!("{other:?}"),
    }
}

/// One direction of the link of replica 1.
fn ends() -> (ChangeWriter, ChangeReader) {
    (ChangeWriter::new(id(1)), ChangeReader::new(DOCUMENT, id(1)))
}

#[test]
fn what_is_known_is_not_said_again() {
    let (mut writer, mut reader) = ends();
    let mut check = |change: Envelope, expected: &[&[u8]]| {
        let frame = writer.frame(&change);
        assert_eq!(frame, expected.concat());
        assert_eq!(read(&mut reader, &frame), Ok(change));
    };
    let (two, three) = (id(2), id(3));
    check(envelope(1, 5, 1, &[], b"p"), &[&[2, 0b011, 5], b"p"]);
    check(envelope(1, 6, 1, &[], b"p"), &[&[2, 0b001], b"p"]);
    check(envelope(1, 7, 300, &[], b"p"), &[&[2, 0b000, 0xac, 2], b"p"]);
    check(envelope(1, 307, 1, &[(2, 4)], b"p"), &[&[2, 0b101, 1, 0], two.as_bytes(), &[8], b"p"]);
    check(envelope(1, 308, 1, &[(2, 6)], b"p"), &[&[2, 0b101, 1, 2, 4], b"p"]);
    check(envelope(2, 6, 1, &[(1, 309)], b"p"), &[&[2, 1 << 3 | 0b101, 1, 1, 0], b"p"]);
    check(envelope(3, 0, 2, &[], b"p"), &[&[2, 31 << 3], three.as_bytes(), &[2], b"p"]);
    check(envelope(3, 2, 1, &[(1, 1), (2, 7)], b""), &[&[2, 2 << 3 | 0b101, 2, 1, 0xe7, 4, 2, 0]]);
    check(after_heads(&envelope(3, 3, 1, &[(1, 1), (2, 8)], b"")), &[&[2, 2 << 3 | 0b101, 0, 2, 1, 0, 2, 2]]);
}

#[test]
fn there_may_be_more_replicas_than_the_first_byte_can_number() {
    let (mut writer, mut reader) = ends();
    for round in 0..2 {
        for author in 1..=250 {
            let change = envelope(author, round, 1, &[], b"payload");
            let frame = writer.frame(&change);
            assert!(round == 0 || frame.len() <= 2 + 2 + 7, "{author}: {} bytes", frame.len());
            assert_eq!(read(&mut reader, &frame), Ok(change));
        }
    }
}

#[test]
fn what_no_writer_writes_is_refused() {
    let check = |parts: &[&[u8]]| {
        let (mut writer, mut reader) = ends();
        let before = envelope(2, 0, 4, &[], b"p");
        assert_eq!(read(&mut reader, &writer.frame(&before)), Ok(before));
        let body = parts.concat();
        assert_eq!(reader.read(&body), Err(FrameError::Malformed { bytes: body.len() + 1 }), "{parts:?}");
    };
    let (two, three) = (id(2), id(3));
    check(&[]);
    check(&[&[2 << 3 | 1], b"p"]);
    check(&[&[30 << 3 | 1, 2], b"p"]);
    check(&[&[30 << 3 | 1, 0x81, 0], b"p"]);
    check(&[&[31 << 3 | 1], two.as_bytes(), b"p"]);
    check(&[&[31 << 3 | 1], &three.as_bytes()[1..]]);
    check(&[&[0, 0], b"p"]);
    check(&[&[0b011, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f], b"p"]);
    check(&[&[0b101, 0], b"p"]);
    check(&[&[0b101, 0, 0], b"p"]);
    check(&[&[0b101, 0, 2, 2, 2, 2, 2], b"p"]);
    check(&[&[0b101, 100, 2, 2], b"p"]);
    check(&[&[0b101, 1, 2, 7], b"p"]);
    check(&[&[0b101, 1, 1, 2], b"p"]);
    check(&[&[0b101, 2, 2, 2, 2, 2], b"p"]);
    check(&[&[0b101, 1, 3, 2], b"p"]);
    check(&[&[1], &alloc::vec![b'p'; crate::envelope::ENVELOPE_BYTES_MAX]]);
}

#[test]
fn the_units_of_a_replica_are_bounded() {
    let check = |first_seq, len, is_read| {
        let (mut writer, mut reader) = ends();
        let frame = writer.frame(&envelope(1, first_seq, len, &[], b"p"));
        let expected = if is_read { Ok(first_seq + len) } else { Err(FrameError::Malformed { bytes: frame.len() }) };
        assert_eq!(read(&mut reader, &frame).map(|change| change.header().end_seq()), expected);
    };
    check(0, SEQ_MAX, true);
    check(0, SEQ_MAX + 1, false);
    check(SEQ_MAX - 1, 1, true);
    check(SEQ_MAX, 1, false);
}

#[test]
fn the_replicas_of_a_link_are_bounded() {
    let (mut writer, reader) = ends();
    let mut reader = reader.with_others_max(2);
    let change = envelope(1, 0, 1, &[(2, 1), (3, 1)], b"p");
    assert_eq!(read(&mut reader, &writer.frame(&change)), Ok(change));
    let one_more = writer.frame(&envelope(4, 0, 1, &[], b"p"));
    assert_eq!(read(&mut reader, &one_more), Err(FrameError::Replicas { replicas: 3, limit: 2 }));
}

/// A replica that edits, one that reads along, and how many bytes the first one's newest change has on its link.
struct Link {
    here: Document,
    there: Document,
    writer: ChangeWriter,
    reader: ChangeReader,
    sent: usize,
}

impl Link {
    /// Two replicas with a text by the second one.
    fn with_their_text(text: &str) -> Self {
        let (mut here, mut there) = (Document::new(DOCUMENT, id(1)), Document::new(DOCUMENT, id(2)));
        there.insert(0, text).unwrap();
        there.commit();
        for envelope in there.log() {
            here.receive(envelope, &mut Received::default()).unwrap();
        }
        let (writer, reader) = ends();
        let sent = here.log().len();
        Self { here, there, writer, reader, sent }
    }

    fn text(document: &Document) -> String {
        document.text().slice(0..usize::MAX)
    }

    /// Commits what was edited, sends it and has it taken; the frame's bytes.
    fn send(&mut self) -> usize {
        self.here.commit();
        let mut bytes = 0;
        for envelope in self.here.log().from(self.sent) {
            let frame = self.writer.frame(&envelope);
            let arrived = read(&mut self.reader, &frame).unwrap();
            assert_eq!(arrived, envelope);
            self.there.receive(arrived, &mut Received::default()).unwrap();
            bytes += frame.len();
        }
        self.sent = self.here.log().len();
        assert_eq!(Self::text(&self.here), Self::text(&self.there));
        bytes
    }

    fn insert(&mut self, at: usize, text: &str) -> usize {
        self.here.insert(at, text).unwrap();
        self.send()
    }

    fn delete(&mut self, at: usize) -> usize {
        self.here.delete(at..at + 1).unwrap();
        self.send()
    }

    /// The other one writes a word at the end, which this one receives.
    fn hear(&mut self) {
        let from = self.there.log().len();
        self.there.insert(self.there.text().len_chars(), "word").unwrap();
        self.there.commit();
        for envelope in self.there.log().from(from) {
            self.here.receive(envelope, &mut Received::default()).unwrap();
        }
        self.sent = self.here.log().len();
    }
}

/// The most bytes that an edit of one character may have on a link, once everybody in it was named: the whole frame.
const TYPED_BYTES_MAX: usize = 14;

#[test]
fn a_typed_character_is_at_most_fourteen_bytes_on_a_link() {
    let mut link = Link::with_their_text(&"Somebody else's text. ".repeat(20_000));
    let first = link.insert(100, "x");
    assert!(first <= TYPED_BYTES_MAX + 2 * 16, "{first} bytes, with everybody named for the first time");
    let check = |what: &str, at_most: usize, bytes: usize| {
        assert!(bytes <= at_most && at_most <= TYPED_BYTES_MAX, "{what}: {bytes} bytes");
    };
    check("typing on", 5, link.insert(101, "y"));
    check("a letter of two bytes", 6, link.insert(102, "é"));
    check("backspace", 7, link.delete(102));
    check("backspace again", 7, link.delete(101));
    check("typing after backspace", 14, link.insert(101, "z"));
    check("in the middle of somebody else's text", 9, link.insert(200_000, "x"));
    check("typing on there", 5, link.insert(200_001, "x"));
    check("backspace into somebody else's text", 8, link.delete(199_999));
    check("delete forwards", 8, link.delete(300_000));
    check("at the start", 9, link.insert(0, "x"));
    let end = link.here.text().len_chars();
    check("at the end", 9, link.insert(end, "x"));
    check("typing on at the end", 5, link.insert(end + 1, "x"));
    link.hear();
    check("typing on in front of what others wrote", 14, link.insert(end + 2, "x"));
    check("in the middle of what others just wrote", 9, link.insert(end + 5, "x"));
}

/// A change by somebody: who, how many units, what of the others it had seen.
#[derive(Clone, Debug)]
struct Made {
    author: u8,
    len: u64,
    deps: Vec<(u8, u64)>,
    /// Whether the link was made anew before.
    reconnect: bool,
    /// Whether it is sent twice.
    again: bool,
    /// Whether its deps are heads.
    heads: bool,
}

fn made() -> impl Strategy<Value = Made> {
    let deps = proptest::collection::vec((1..40_u8, 1..1_000_u64), 0..4);
    let chance = || (0..6_u8).prop_map(|die| die == 0);
    let len = prop_oneof![Just(1_u64), 1..100_000_u64];
    (1..40_u8, len, deps, chance(), chance(), chance()).prop_map(|(author, len, mut deps, reconnect, again, heads)| {
        deps.retain(|(other, _)| *other != author);
        Made { author, len, deps, reconnect, again, heads }
    })
}

/// The same changes as envelopes, each author's one after the other; some leave a gap, as after what the receiver had.
fn envelopes(all: &[Made]) -> Vec<Envelope> {
    let mut next = [0; 40];
    let change = |made: &Made| {
        let first_seq = next[usize::from(made.author)];
        next[usize::from(made.author)] += made.len;
        let payload = made.len.to_le_bytes();
        let exact = envelope(made.author, first_seq, made.len, &made.deps, &payload[..(made.len % 9) as usize]);
        if made.heads { after_heads(&exact) } else { exact }
    };
    all.iter().map(change).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn changes_read_back_as_they_were_written(all in proptest::collection::vec(made(), 1..60)) {
        let (mut writer, mut reader) = ends();
        for (made, change) in all.iter().zip(envelopes(&all)) {
            if made.reconnect {
                (writer, reader) = ends();
            }
            for _ in 0..=u8::from(made.again) {
                let frame = writer.frame(&change);
                prop_assert_eq!(read(&mut reader, &frame), Ok(change.clone()));
            }
        }
    }

    #[test]
    fn no_prefix_and_no_flipped_bit_breaks_a_reader(all in proptest::collection::vec(made(), 1..8)) {
        let (mut writer, mut reader) = ends();
        for change in envelopes(&all) {
            let frame = writer.frame(&change);
            let header = frame.len() - change.payload().len();
            for end in 1..header {
                prop_assert!(reader.clone().read(&frame[1..end]).is_err(), "{} of {} bytes", end, header);
            }
            for bit in 8..frame.len() * 8 {
                let mut bytes = frame.to_vec();
                bytes[bit / 8] ^= 1 << (bit % 8);
                // Another change, or none; and of what is one, everything is in range.
                if let Ok(other) = reader.clone().read(&bytes[1..]) {
                    prop_assert_eq!(Envelope::decode(other.bytes().clone()), Ok(other));
                }
            }
            prop_assert_eq!(read(&mut reader, &frame), Ok(change));
        }
    }
}
