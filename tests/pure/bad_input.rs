//! Bytes that are not what they should be: refused whole, or a different change that is taken whole; never a panic, and a
//! document is never left half changed.

use quire_crdt::{
    CausalError, Change, DecodeErrorKind, Delivery, Document, DocumentId, ENVELOPE_BYTES_MAX, Envelope,
    HELD_BACK_BYTES_MAX, HELD_BACK_CHANGES_MAX, Header, Op, OpId, ReceiveError, Received, ReplicaId, SEQ_MAX, Value,
    VersionVector, open, seal,
};
use sim::rng::Rng;

use crate::convergence::assert_same;
use crate::history::{DOCUMENT, History, Plan};

const A: ReplicaId = ReplicaId::from_bytes([1; 16]);
const B: ReplicaId = ReplicaId::from_bytes([2; 16]);
const C: ReplicaId = ReplicaId::from_bytes([3; 16]);
const D: ReplicaId = ReplicaId::from_bytes([4; 16]);

fn reader() -> Document {
    Document::new(DOCUMENT, ReplicaId::from_bytes([101; 16]))
}

fn insert(replica: ReplicaId, first_seq: u64, left: Option<OpId>, text: &str) -> Change {
    let op = Op::Insert { left, right: None, text: text.to_owned() };
    change(replica, first_seq, &[], vec![op])
}

fn change(replica: ReplicaId, first_seq: u64, deps: &[(ReplicaId, u64)], ops: Vec<Op>) -> Change {
    let len = ops.iter().map(Op::len).sum();
    Change { header: Header { replica, first_seq, len, deps: deps.iter().copied().collect(), heads: false }, ops }
}

/// Gives the document these bytes as they would come off the wire. An error must leave it as it was.
fn receive_bytes(document: &mut Document, bytes: Vec<u8>) -> Option<Delivery> {
    let envelope = Envelope::decode(bytes.into()).ok()?;
    let before = document.clone();
    let mut received = Received::default();
    match document.receive(envelope, &mut received) {
        Ok(delivery) => {
            document.text().assert_invariants();
            Some(delivery)
        }
        Err(error) => {
            assert_same(&before, document);
            assert_eq!(
                (before.held_back(), envelopes(&before)),
                (document.held_back(), envelopes(document)),
                "{error}"
            );
            assert_eq!(received, Received::default(), "{error}");
            None
        }
    }
}

/// Everything that a document passes on.
fn envelopes(document: &Document) -> Vec<Envelope> {
    document.log().iter().collect()
}

/// A document, and the change that comes next.
fn next_changes(seed: u64) -> (Document, Vec<Envelope>) {
    let mut envelopes = History::play(Plan::of(seed, 30)).envelopes();
    let rest = envelopes.split_off(envelopes.len() / 2);
    let mut document = reader();
    for envelope in envelopes {
        assert_eq!(document.receive(envelope, &mut Received::default()), Ok(Delivery::Delivered));
    }
    (document, rest)
}

#[test]
fn every_truncated_prefix_is_refused() {
    for seed in 0..60 {
        let (mut document, rest) = next_changes(seed);
        for envelope in rest {
            for len in 0..envelope.bytes().len() {
                let taken = receive_bytes(&mut document, envelope.bytes()[..len].to_vec());
                assert_eq!(taken, None, "seed {seed}: {len} of {} bytes", envelope.bytes().len());
            }
            let mut longer = envelope.bytes().to_vec();
            longer.push(0);
            assert_eq!(receive_bytes(&mut document, longer), None);
            assert_eq!(receive_bytes(&mut document, envelope.bytes().to_vec()), Some(Delivery::Delivered));
        }
    }
}

#[test]
fn every_flipped_bit_is_refused_or_another_change() {
    let (mut refused, mut other) = (0, 0);
    for seed in 0..60 {
        let (document, rest) = next_changes(seed);
        let Some(envelope) = rest.first() else { continue };
        for bit in 0..envelope.bytes().len() * 8 {
            let mut bytes = envelope.bytes().to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let mut victim = document.clone();
            match receive_bytes(&mut victim, bytes) {
                None => refused += 1,
                Some(_) => other += 1,
            }
            // Whatever came of it, the document goes on: what follows is taken or refused, and its text stays sound.
            for next in &rest {
                receive_bytes(&mut victim, next.bytes().to_vec());
            }
        }
    }
    assert!(refused > 1_000 && other > 100, "{refused} refused, {other} other changes");
}

#[test]
fn random_bytes_are_refused() {
    let mut rng = Rng::new(1);
    let (mut document, _) = next_changes(1);
    for _ in 0..20_000 {
        let len = rng.below(120);
        let mut bytes: Vec<u8> = (0..len).map(|_| rng.next_u64().to_le_bytes()[0]).collect();
        if rng.chance(70) {
            // With the right start, so that reading goes on.
            let start: Vec<u8> = std::iter::once(1).chain(DOCUMENT.as_bytes().iter().copied()).collect();
            bytes.splice(0..0, start);
        }
        assert_eq!(receive_bytes(&mut document, bytes), None);
    }
}

#[test]
fn an_envelope_above_the_limit_is_refused() {
    let whole = seal(DOCUMENT, &insert(A, 0, None, &"x".repeat(ENVELOPE_BYTES_MAX)));
    assert!(Envelope::decode(whole.bytes().clone()).is_err());
}

/// What a writer pastes is cut into envelopes that fit.
#[test]
fn a_large_paste_fits_the_limit() {
    let text = "line of text\n".repeat(800_000);
    let mut writer = reader();
    assert_eq!(writer.insert(0, &text), Ok(()));
    assert!(writer.commit() > 1);
    let mut other = Document::new(DOCUMENT, B);
    for envelope in writer.log() {
        let decoded = Envelope::decode(envelope.bytes().clone()).expect("an own envelope is within the limits");
        assert_eq!(other.receive(decoded, &mut Received::default()), Ok(Delivery::Delivered));
    }
    assert_eq!(other.text().len_bytes(), text.len());
}

#[test]
fn held_back_changes_are_bounded_by_number() {
    let mut document = reader();
    let mut received = Received::default();
    let count = HELD_BACK_CHANGES_MAX as u64;
    for seq in 1..=count {
        let change = insert(A, seq, Some(OpId::new(A, seq - 1)), "x");
        assert_eq!(document.receive(seal(DOCUMENT, &change), &mut received), Ok(Delivery::HeldBack));
    }
    let one_more = seal(DOCUMENT, &insert(A, count + 1, None, "x"));
    let full = document.receive(one_more, &mut received);
    assert!(matches!(full, Err(ReceiveError::Causal(CausalError::Full { .. }))), "{full:?}");
    assert_eq!(document.held_back(), HELD_BACK_CHANGES_MAX);
    let missing = seal(DOCUMENT, &insert(A, 0, None, "x"));
    assert_eq!(document.receive(missing, &mut received), Ok(Delivery::Delivered));
    assert_eq!((document.held_back(), document.text().len_chars()), (0, HELD_BACK_CHANGES_MAX + 1));
}

#[test]
fn held_back_changes_are_bounded_by_bytes() {
    let mut document = reader();
    let text = "x".repeat(ENVELOPE_BYTES_MAX - 200);
    let len = text.len() as u64;
    let mut bytes = 0;
    for at in 1..1_000 {
        let envelope = seal(DOCUMENT, &insert(A, at * len, None, &text));
        let size = envelope.bytes().len();
        match document.receive(envelope, &mut Received::default()) {
            Ok(delivery) => assert_eq!(delivery, Delivery::HeldBack),
            Err(ReceiveError::Causal(CausalError::Full { .. })) => break,
            Err(error) => panic!("{error}"),
        }
        bytes += size;
    }
    assert!(
        bytes <= HELD_BACK_BYTES_MAX && bytes + ENVELOPE_BYTES_MAX > HELD_BACK_BYTES_MAX,
        "{bytes} bytes held back"
    );
}

#[test]
fn a_change_of_another_document_is_refused() {
    let other = DocumentId::from_bytes([8; 16]);
    let error = reader().receive(seal(other, &insert(A, 0, None, "x")), &mut Received::default());
    assert_eq!(error, Err(ReceiveError::Document { found: other, expected: DOCUMENT }));
}

/// Changes that name what their authors cannot have seen, and headers at the edges of their ranges.
#[test]
fn hostile_changes_are_refused_whole() {
    let delete = |replica, seq, len| Op::Delete { first: OpId::new(replica, seq), len, backwards: false };
    let word = |left| Op::Insert { left, right: None, text: "x".to_owned() };
    let key = |bytes: usize| Op::Set { key: "k".repeat(bytes), value: Some(Value::Flag(true)) };
    let cases: Vec<(&str, Change)> = vec![
        ("an unknown left origin", change(B, 0, &[], vec![word(Some(OpId::new(A, 900)))])),
        ("an origin that is here but not in its past", change(B, 0, &[], vec![word(Some(OpId::new(A, 0)))])),
        ("an origin of its own future", change(B, 0, &[], vec![word(Some(OpId::new(B, 7)))])),
        ("itself as its origin", change(B, 0, &[], vec![word(Some(OpId::new(B, 0)))])),
        ("an unknown deletion", change(B, 0, &[(A, 3)], vec![delete(A, 2, 2)])),
        ("a deletion of a key's write", change(B, 0, &[(A, 4)], vec![delete(A, 3, 1)])),
        ("a deletion without end", change(B, 0, &[(A, 3)], vec![delete(A, 0, SEQ_MAX - 5)])),
        ("a good operation before a bad one", change(B, 0, &[(A, 3)], vec![word(None), key(3), delete(B, 50, 1)])),
        ("a key above the limit", change(B, 0, &[], vec![key(70_000)])),
    ];
    for (what, change) in cases {
        let mut document = reader();
        let known = vec![word(None), word(Some(OpId::new(A, 0))), word(Some(OpId::new(A, 1))), key(1)];
        let known = seal(DOCUMENT, &self::change(A, 0, &[], known));
        assert_eq!(receive_bytes(&mut document, known.bytes().to_vec()), Some(Delivery::Delivered));
        let taken = receive_bytes(&mut document, seal(DOCUMENT, &change).bytes().to_vec());
        assert_eq!(taken, None, "{what} is refused");
        assert_eq!(document.version().get(B), 0, "{what} leaves the version");
    }
}

/// The same, when they had to wait for their past: they are refused when it is here, and nothing behind them is delivered.
#[test]
fn a_hostile_change_that_waited_is_refused_when_its_past_comes() {
    let mut document = reader();
    let mut received = Received::default();
    let hostile = change(B, 0, &[(A, 1)], vec![Op::Delete { first: OpId::new(A, 5), len: 1, backwards: false }]);
    assert_eq!(document.receive(seal(DOCUMENT, &hostile), &mut received), Ok(Delivery::HeldBack));
    let past = seal(DOCUMENT, &insert(A, 0, None, "x"));
    assert_eq!(document.receive(past, &mut received), Ok(Delivery::Delivered));
    assert_eq!((document.held_back(), received.refused.len(), document.log().len()), (0, 1, 1));
    assert_eq!(document.version().get(B), 0);
}

#[test]
fn an_author_that_uses_ids_twice_is_refused() {
    let mut document = reader();
    let first = seal(DOCUMENT, &insert(A, 0, None, "abc"));
    assert_eq!(document.receive(first, &mut Received::default()), Ok(Delivery::Delivered));
    let again = seal(DOCUMENT, &insert(A, 1, None, "other words"));
    let error = document.receive(again, &mut Received::default());
    assert!(matches!(error, Err(ReceiveError::Causal(CausalError::Overlap { delivered: 3, .. }))), "{error:?}");
    assert_eq!(document.text().len_chars(), 3);
}

/// Headers at the edges: the numbers of ids end where a double does, lists are sorted and have no zero.
#[test]
fn headers_out_of_range_are_no_envelopes() {
    let decode = |first_seq: u64, len: u64, deps: &[(ReplicaId, u64)]| {
        let deps: VersionVector = deps.iter().copied().collect();
        let ops = vec![Op::Set { key: "k".to_owned(), value: None }];
        let change = Change { header: Header { replica: A, first_seq, len, deps, heads: false }, ops };
        Envelope::decode(seal(DOCUMENT, &change).bytes().clone())
    };
    assert!(decode(0, 1, &[(B, 1)]).is_ok());
    assert!(decode(SEQ_MAX - 1, 1, &[]).is_ok());
    assert!(decode(SEQ_MAX, 1, &[]).is_err());
    assert!(decode(u64::MAX - 5, 1, &[]).is_err());
    assert!(decode(1, u64::MAX, &[]).is_err());
    assert!(decode(0, 0, &[]).is_err());
    assert!(decode(0, 1, &[(A, 1)]).is_err(), "an author does not depend on itself");
    assert!(decode(0, 1, &[(B, u64::MAX)]).is_err());
    let lying = decode(0, 2, &[]).expect("only the payload shows it");
    assert!(open(&lying).is_err(), "the operations are shorter than the header says");
}

/// Heads are a list like any other: each once, in order, of others, and not more of them than there are bytes.
#[test]
fn lists_of_heads_that_cannot_be_are_no_envelopes() {
    let deps: VersionVector = [(B, 1), (C, 2)].into_iter().collect();
    let ops = vec![Op::Set { key: "k".to_owned(), value: None }];
    let header = Header { replica: A, first_seq: 0, len: 1, deps, heads: true };
    let sound = seal(DOCUMENT, &Change { header, ops }).bytes().to_vec();
    let check = |at: usize, bytes: &[u8], expected: Option<DecodeErrorKind>| {
        let mut changed = sound.clone();
        changed[at..at + bytes.len()].copy_from_slice(bytes);
        let error = Envelope::decode(changed.into()).err();
        assert_eq!(error.map(|error| error.kind), expected, "{bytes:?} at {at}");
    };
    let (count, first, second) = (35, 36, 53);
    check(count, &[2], None);
    let (order, range) =
        (DecodeErrorKind::Order { field: "deps" }, |field, value| DecodeErrorKind::Range { field, value });
    check(second, B.as_bytes(), Some(order));
    check(first, &[4; 16], Some(order));
    check(first, A.as_bytes(), Some(order));
    check(count, &[0], Some(range("deps", 0)));
    check(count, &[100], Some(range("deps", 100)));
    check(second + 16, &[0], Some(range("dep", 0)));
    let cut_off = Envelope::decode(sound[..second].to_vec().into()).map_err(|error| error.kind);
    assert_eq!(cut_off, Err(range("deps", 2)), "a list that the bytes cannot hold");
}

/// A head in the middle of a change is that change's past, and the change up to there.
#[test]
fn a_head_in_the_middle_of_a_change_stands_for_what_is_in_front_of_it() {
    let mut document = reader();
    let sent = |deps: &[(ReplicaId, u64)], replica, op| {
        let mut change = change(replica, 0, deps, vec![op]);
        change.header.heads = !deps.is_empty();
        seal(DOCUMENT, &change)
    };
    let word = |text: &str| Op::Insert { left: None, right: None, text: text.to_owned() };
    let delete = |replica, seq| Op::Delete { first: OpId::new(replica, seq), len: 1, backwards: false };
    let mut receive = |envelope| document.receive(envelope, &mut Received::default());
    assert_eq!(receive(sent(&[], A, word("abc"))), Ok(Delivery::Delivered));
    assert_eq!(receive(sent(&[(A, 2)], B, word("def"))), Ok(Delivery::Delivered));
    let refused = |id| Err(ReceiveError::Unknown { change: OpId::new(C, 0), id });
    assert_eq!(receive(sent(&[(B, 2)], C, delete(B, 2))), refused(OpId::new(B, 2)));
    assert_eq!(receive(sent(&[(B, 2)], C, delete(A, 2))), refused(OpId::new(A, 2)));
    assert_eq!(receive(sent(&[(B, 2)], C, delete(A, 1))), Ok(Delivery::Delivered));
    assert_eq!(receive(sent(&[(C, 1)], D, delete(B, 1))), Ok(Delivery::Delivered));
    let seen = document.log().version_of(3);
    assert_eq!(seen, Some([(A, 2), (B, 2), (C, 1), (D, 1)].into_iter().collect()));
}
