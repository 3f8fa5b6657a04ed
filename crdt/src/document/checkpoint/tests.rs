//! What stands behind the checksums is checked, too.

mod claims;

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::ToString;
use alloc::vec;

use super::sections::SECTIONS;
use super::*;
use crate::causal::Delivery;
use crate::change::Value;
use crate::document::Received;
use crate::units::Unit;

const ALL: [Section; SECTIONS] = [
    Section::Letters,
    Section::Map,
    Section::Changes,
    Section::Deps,
    Section::Steps,
    Section::Near,
    Section::Far,
    Section::Rights,
    Section::Writes,
    Section::Times,
];

/// A checkpoint in parts, to be changed and put together again with checksums that fit.
#[derive(Clone, Debug)]
struct Parts {
    version: u64,
    document: DocumentId,
    authors: Vec<(ReplicaId, u64)>,
    counts: [usize; 2],
    raw: [Vec<u8>; SECTIONS],
}

impl Parts {
    fn of(document: &Document) -> Self {
        let checkpoint = Checkpoint::decode(document.checkpoint().unwrap().into()).unwrap();
        let raw = ALL.map(|section| checkpoint.raw(section).unwrap());
        let Head { version, document, authors, changes, shown, .. } = checkpoint.head;
        Self { version, document, authors, counts: [changes, shown], raw }
    }

    fn read(&self) -> Result<Document, CheckpointError> {
        let bytes = sections::encode(self.version, self.document, &self.authors, self.counts, &self.raw);
        Checkpoint::decode(bytes.into())?.document(self.authors[0].0)
    }

    fn column(&mut self, section: Section) -> &mut Vec<u8> {
        &mut self.raw[section as usize]
    }
}

fn new(name: u8) -> Document {
    Document::new(DocumentId::from_bytes([9; 16]), ReplicaId::from_bytes([name; 16]))
}

fn deliver(from: &mut Document, to: &mut Document) {
    from.commit();
    for envelope in from.log() {
        to.receive(envelope, &mut Received::default()).unwrap();
    }
}

/// Numbers that look random, by a seed: Marsaglia, *Xorshift RNGs*, 2003.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % bound
    }
}

/// Three who write, delete, undo, and set keys, mostly at the same places.
fn history(seed: u64, steps: usize) -> Document {
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut documents = [new(3), new(1), new(2)];
    for _ in 0..steps {
        let (at, kind) = (dice.below(3), dice.below(12));
        let document = &mut documents[at];
        let len = document.text().len_chars();
        if seed.is_multiple_of(2) && dice.below(3) == 0 {
            document.set_time([0, 5, 1_790_000_000, i64::MIN][dice.below(4)]);
        }
        match kind {
            0..6 => {
                let at = dice.below(len.min(3) + 1);
                document.insert(at, ["a", "né", "quire", "\u{1f33f}"][dice.below(4)]).unwrap();
            }
            6..8 => {
                let start = dice.below(len + 1);
                document.delete(start..(start + dice.below(4)).min(len)).unwrap();
            }
            8 => {
                document.undo();
            }
            9 => {
                let value = [None, Some(Value::Flag(true)), Some(Value::Text(format!("{len}")))][dice.below(3)].clone();
                document.set(["title", "x"][dice.below(2)], value).unwrap();
            }
            _ => {
                let from = dice.below(3);
                let mut other = documents[from].clone();
                deliver(&mut other, &mut documents[at]);
                documents[from] = other;
            }
        }
    }
    let [mut first, mut second, mut third] = documents;
    deliver(&mut second, &mut first);
    deliver(&mut third, &mut first);
    first
}

/// Fails unless a document is what its own changes, received one by one, give.
fn assert_received(document: &Document) {
    document.text().assert_invariants();
    let mut other = Document::new(document.id(), document.replica());
    for envelope in document.log() {
        assert_eq!(other.receive(envelope, &mut Received::default()), Ok(Delivery::Delivered));
    }
    let text = |document: &Document| document.text().slice(0..usize::MAX);
    assert_eq!((text(document), document.map()), (text(&other), other.map()));
    assert_eq!((document.version(), &document.moved), (other.version(), &other.moved));
    let times = |document: &Document| (0..document.log().len()).map(|at| document.log().time(at)).collect::<Vec<_>>();
    assert_eq!((times(document), document.time), (times(&other), other.time));
    let authors = document.version.iter().map(|(replica, _)| replica);
    for id in authors.map(|replica| OpId::new(replica, document.version.get(replica) - 1)) {
        assert_eq!(document.lamport(id), other.lamport(id));
    }
    let all = |document: &Document| -> Vec<OpId> {
        let runs = document.text().in_order();
        let units = runs.flat_map(|(first, len)| (0..len).map(move |at| first.plus(at)));
        units.map(|unit: Unit| document.text().units().id(unit)).collect()
    };
    assert_eq!(all(document), all(&other));
}

/// The name of an error without its numbers.
fn kind(error: &CheckpointError) -> alloc::string::String {
    match error {
        CheckpointError::Decode { section, error } => {
            let kind = format!("{:?}", error.kind);
            let field = kind.split("value").next().unwrap_or_default().to_string();
            format!("{section}: {field}")
        }
        CheckpointError::Claim { claim } => format!("claim: {claim}"),
        other => format!("{other:?}").split(' ').next().unwrap_or_default().to_string(),
    }
}

#[test]
fn whatever_its_columns_say_a_checkpoint_is_refused_or_gives_what_its_changes_give() {
    let (mut refused, mut taken, mut kinds) = (0, 0, BTreeSet::new());
    for seed in 1..7 {
        let parts = Parts::of(&history(seed, 60));
        assert_received(&parts.read().unwrap());
        let mut dice = Dice(seed);
        for section in ALL {
            for at in 0..=parts.raw[section as usize].len() {
                for way in 0..5 {
                    let mut other = parts.clone();
                    let column = other.column(section);
                    match (way, column.get_mut(at)) {
                        (0, Some(byte)) => *byte ^= 1 << dice.below(8),
                        (1, Some(byte)) => *byte = byte.wrapping_add(1),
                        (2, Some(byte)) => *byte = byte.wrapping_sub(1),
                        (3, Some(_)) => {
                            column.remove(at);
                        }
                        (4, _) => column.insert(at, u8::try_from(dice.below(256)).unwrap()),
                        _ => continue,
                    }
                    match other.read() {
                        Ok(document) => {
                            assert_received(&document);
                            taken += 1;
                        }
                        Err(error) => {
                            kinds.insert(kind(&error));
                            refused += 1;
                        }
                    }
                }
            }
        }
    }
    assert!(refused > 5000 && taken > 500, "{refused} refused, {taken} taken");
    let expected = [
        "Unknown",
        "claim: length",
        "claim: list of right origins",
        "claim: map",
        "claim: text",
        "claim: version",
        "list of changes: Range { field: \"length of a change\", ",
        "list of steps: Range { field: \"deletion\", ",
        "list of times: Range { field: \"change with a time\", ",
        "list of steps: Range { field: \"insert that goes on\", ",
        "map: Order { field: \"keys and what stands there\" }",
    ];
    for kind in expected {
        assert!(kinds.contains(kind), "{kind} is not in {kinds:#?}");
    }
}

fn assert_claim(parts: &Parts, claim: &'static str) {
    assert_eq!(parts.read().map(|_| ()), Err(CheckpointError::Claim { claim }));
}

#[test]
fn a_checkpoint_that_lies_is_refused() {
    let parts = Parts::of(&history(7, 80));
    let mut other = parts.clone();
    // A letter that was deleted is shown.
    other.counts[1] += 1;
    assert_claim(&other, "text");
    let mut other = parts.clone();
    other.authors[0].1 += 1;
    assert_claim(&other, "version");
    let mut other = parts.clone();
    *other.column(Section::Map) = vec![0];
    assert_claim(&other, "map");
    let mut other = parts.clone();
    // Somebody's id in another's place: what it names is not in its past.
    other.authors.swap(0, 1);
    assert!(other.read().is_err());
    let mut other = parts;
    let letters = other.column(Section::Letters);
    letters.push(b'!');
    assert_claim(&other, "length");
}

#[test]
fn a_right_origin_that_does_not_stand_behind_the_left_one_is_refused() {
    let mut one = new(1);
    one.insert(0, "ab").unwrap();
    one.insert(1, "c").unwrap();
    one.commit();
    let mut parts = Parts::of(&one);
    assert!(parts.raw[Section::Rights as usize].is_empty(), "nothing else was made at the same places");
    // The second run, between the a and itself: the a.
    *parts.column(Section::Rights) = vec![1, 0];
    assert_claim(&parts, "list of right origins");
    // Between the a and the end, as by somebody who had not seen the b.
    *parts.column(Section::Rights) = vec![1, 1];
    assert_received(&parts.read().unwrap());
}

#[test]
fn who_told_times_does_not_stop() {
    let (mut one, mut two) = (new(1), new(2));
    for time in [7, 8] {
        one.set_time(time);
        one.insert(0, "x").unwrap();
        one.commit();
    }
    deliver(&mut one, &mut two);
    two.insert(0, "y").unwrap();
    two.commit();
    let mut parts = Parts::of(&two);
    // The third change, of the other one, has none.
    assert_eq!(*parts.column(Section::Times), [0, 14, 0, 2, 1]);
    *parts.column(Section::Times) = vec![0, 14, 2, 4];
    assert_received(&parts.read().unwrap());
    *parts.column(Section::Times) = vec![0, 14, 1];
    assert_claim(&parts, "list of times");
    *parts.column(Section::Times) = vec![2, 14];
    assert_received(&parts.read().unwrap());
}

#[test]
fn a_change_that_fits_no_envelope_is_refused() {
    let mut one = new(1);
    let long = "x".repeat(crate::ENVELOPE_BYTES_MAX + 1);
    one.insert(0, &long).unwrap();
    one.commit();
    assert!(one.log().len() > 1);
    let mut parts = Parts::of(&one);
    assert_received(&parts.read().unwrap());
    parts.counts[0] = 1;
    let mut changes = crate::codec::Writer::default();
    for value in [0, 1, long.len() as u64] {
        changes.varint(value);
    }
    *parts.column(Section::Changes) = changes.finish();
    let error = parts.read().map(|_| ()).unwrap_err();
    assert!(matches!(error, CheckpointError::TooLong { bytes, .. } if bytes > long.len()), "{error}");
}

#[test]
fn what_compresses_too_well_is_stored_as_it_is() {
    let mut one = new(1);
    let long = "x".repeat(4 * 1024 * 1024);
    one.insert(0, &long).unwrap();
    one.commit();
    let bytes = one.checkpoint().unwrap();
    assert!(bytes.len() > long.len());
    let checkpoint = Checkpoint::decode(bytes.into()).unwrap();
    assert_eq!(checkpoint.text().unwrap(), long);
    assert_received(&checkpoint.document(one.replica()).unwrap());
}

#[test]
fn what_compresses_as_text_does_is_stored_compressed() {
    let (mut one, mut dice) = (new(1), Dice(1));
    let words: Vec<_> = (0..64).map(|at| format!("word{at} ")).collect();
    let long: alloc::string::String = (0..400_000).map(|_| words[dice.below(words.len())].as_str()).collect();
    one.insert(0, &long).unwrap();
    one.commit();
    let bytes = one.checkpoint().unwrap();
    assert!(long.len() > 2 * 1024 * 1024 && bytes.len() < long.len() / 4, "{} of {}", bytes.len(), long.len());
}

#[test]
fn a_head_that_claims_more_than_its_length_allows_is_refused_before_anything_is_decompressed() {
    let mut head = crate::codec::Writer::default();
    head.raw(b"QCKP\x03");
    head.raw(&[9; 16]);
    for count in [0, 0, 0] {
        head.varint(count);
    }
    for _ in 0..SECTIONS {
        head.varint(u64::from(u32::MAX));
        head.varint(0);
        head.raw(&crc32fast::hash(&[]).to_le_bytes());
    }
    let mut bytes = head.finish();
    bytes.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
    // The head, its checksum and nothing else: 64 bytes for each of these, and a mebibyte.
    let limit = 64 * bytes.len() as u64 + 1024 * 1024;
    let error = Checkpoint::decode(bytes.into()).map(|_| ()).unwrap_err();
    assert_eq!(error, CheckpointError::Expansion { bytes: SECTIONS as u64 * u64::from(u32::MAX), limit });
}

#[test]
fn a_checkpoint_that_takes_too_long_to_check_is_refused() {
    let (mut one, mut two) = (new(1), new(2));
    for _ in 0..300 {
        one.insert(0, "x").unwrap();
        deliver(&mut one, &mut two);
        two.insert(0, "y").unwrap();
        deliver(&mut two, &mut one);
    }
    let others: Vec<Document> = (3..120).map(new).collect();
    let mut whole = one.clone();
    for mut other in others {
        deliver(&mut one, &mut other);
        other.delete(0..600).unwrap();
        other.commit();
        let envelope = other.log().iter().next_back().unwrap();
        whole.receive(envelope, &mut Received::default()).unwrap();
    }
    let error = Parts::of(&whole).read().map(|_| ()).unwrap_err();
    assert!(matches!(error, CheckpointError::Effort { .. }), "{error}");
}
