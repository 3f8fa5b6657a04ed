use super::*;
use crate::change::{Change, Header, Op};
use crate::clock::VersionVector;
use crate::envelope;
use crate::keys::{ReplicaSeed, RootSecret};
use alloc::string::String;
use alloc::vec;
use bytes::Bytes;

fn keys() -> DocumentKeys {
    DocumentKeys::editor(&RootSecret::from_bytes([7; 16]))
}

fn replica(seed: u8) -> ReplicaKey {
    ReplicaKey::new(&ReplicaSeed::from_bytes([seed; 32]))
}

/// A change of one letter behind the author's last.
fn plain(keys: &DocumentKeys, author: &ReplicaKey, seq: u64, letter: char) -> Envelope {
    let left = seq.checked_sub(1).map(|seq| crate::OpId::new(author.id(), seq));
    let ops = vec![Op::Insert { left, right: None, text: String::from(letter) }];
    let header = Header { replica: author.id(), first_seq: seq, len: 1, deps: VersionVector::new(), heads: false };
    envelope::seal(keys.document(), &Change { header, ops })
}

/// A chain of so many changes; who signs which.
struct Chain {
    keys: DocumentKeys,
    author: ReplicaKey,
    plain: Vec<Envelope>,
    sealed: Vec<Envelope>,
    authors: Vec<Author>,
}

fn sealed_chain(letters: &str, signed: impl Fn(usize) -> bool) -> Chain {
    let (keys, author) = (keys(), replica(1));
    let certificate = keys.certify(&author).unwrap();
    let (mut plains, mut sealed, mut authors) = (vec![], vec![], vec![]);
    for (at, letter) in letters.chars().enumerate() {
        let plain = plain(&keys, &author, at as u64, letter);
        let before = authors.last().map_or(Before::Nothing(&certificate), Before::Author);
        let proof = if signed(at) { Proof::Sign(&author) } else { Proof::None };
        let (envelope, known) = seal(&plain, &keys, before, proof).unwrap();
        plains.push(plain);
        sealed.push(envelope);
        authors.push(known);
    }
    Chain { keys, author, plain: plains, sealed, authors }
}

impl Chain {
    fn before(&self, at: usize) -> Option<&Author> {
        at.checked_sub(1).map(|at| &self.authors[at])
    }

    fn take(&self, at: usize, bytes: Vec<u8>) -> Result<Envelope, SealError> {
        self.take_behind(self.before(at), bytes)
    }

    fn take_behind(&self, before: Option<&Author>, bytes: Vec<u8>) -> Result<Envelope, SealError> {
        let envelope = Envelope::decode(Bytes::from(bytes))?;
        let sealed = Sealed::new(&envelope, self.keys.write_public(), before)?;
        sealed.verify()?;
        open(&envelope, &self.keys, before)
    }
}

#[test]
fn what_is_sealed_and_signed_opens_to_what_it_was() {
    let chain = sealed_chain("abc", |_| true);
    for (at, envelope) in chain.sealed.iter().enumerate() {
        assert_eq!(chain.take(at, envelope.bytes().to_vec()), Ok(chain.plain[at].clone()));
        let sealed = Sealed::new(envelope, chain.keys.write_public(), chain.before(at)).unwrap();
        assert_eq!((sealed.author(), sealed.verify()), (&chain.authors[at], Ok(true)));
    }
    let overhead = chain.sealed[1].bytes().len() - chain.plain[1].bytes().len();
    assert_eq!(overhead, SEAL_BYTES);
    assert!(overhead <= 120, "{overhead} bytes");
}

#[test]
fn one_signature_vouches_for_the_run_before_it() {
    let chain = sealed_chain("abc", |at| at == 2);
    let links: Vec<Sealed> =
        (0..3).map(|at| Sealed::new(&chain.sealed[at], chain.keys.write_public(), chain.before(at)).unwrap()).collect();
    assert_eq!(links.iter().map(Sealed::verify).collect::<Vec<_>>(), [Ok(false), Ok(false), Ok(true)]);
    assert_eq!(chain.sealed[1].bytes().len() - chain.plain[1].bytes().len(), SEAL_BYTES - SIGNATURE_BYTES);
}

#[test]
fn whether_it_is_signed_does_not_change_the_chain() {
    let (signed, not) = (sealed_chain("abc", |_| true), sealed_chain("abc", |_| false));
    assert_eq!(signed.authors, not.authors);
}

#[test]
fn who_holds_the_history_makes_the_same_envelopes_again() {
    let chain = sealed_chain("abc", |_| true);
    let certificate = chain.keys.certify(&chain.author).unwrap();
    let viewer = DocumentKeys::viewer(chain.keys.read().clone(), *chain.keys.write_public()).unwrap();
    for at in 0..3 {
        let link = Sealed::new(&chain.sealed[at], chain.keys.write_public(), chain.before(at)).unwrap();
        let before = chain.before(at).map_or(Before::Nothing(&certificate), Before::Author);
        let again = seal(&chain.plain[at], &viewer, before, Proof::Known(link.signature().unwrap())).unwrap();
        assert_eq!(again, (chain.sealed[at].clone(), chain.authors[at]));
    }
}

#[test]
fn every_bit_that_is_altered_is_noticed() {
    let chain = sealed_chain("ab", |_| true);
    for at in 0..2 {
        let bytes = chain.sealed[at].bytes();
        for bit in 0..8 * bytes.len() {
            let mut flipped = bytes.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(chain.take(at, flipped).is_err(), "bit {bit} of change {at}");
        }
        for end in 0..bytes.len() {
            assert!(chain.take(at, bytes[..end].to_vec()).is_err(), "change {at}, {end} bytes");
        }
        assert!(chain.take(at, [bytes, &[0][..]].concat()).is_err());
    }
}

#[test]
fn a_change_of_somebody_without_the_write_key_is_none() {
    let chain = sealed_chain("a", |_| true);
    let viewer = DocumentKeys::viewer(chain.keys.read().clone(), *chain.keys.write_public()).unwrap();
    let intruder = replica(2);
    let own = DocumentKeys::editor(&RootSecret::from_bytes([8; 16])).certify(&intruder).unwrap();
    let plain = plain(&viewer, &intruder, 0, 'x');
    let (envelope, _) = seal(&plain, &viewer, Before::Nothing(&own), Proof::Sign(&intruder)).unwrap();
    let refused = SealError::Key(KeyError::Certificate { replica: intruder.id() });
    assert_eq!(chain.take(0, envelope.bytes().to_vec()), Err(refused));
}

#[test]
fn somebody_else_s_signature_is_forged() {
    let chain = sealed_chain("ab", |_| true);
    let other = replica(2);
    let plain = plain(&chain.keys, &chain.author, 1, 'x');
    let (genuine, author) =
        seal(&plain, &chain.keys, Before::Author(&chain.authors[0]), Proof::Sign(&chain.author)).unwrap();
    let unsigned = &genuine.payload()[..genuine.payload().len() - SIGNATURE_BYTES];
    let payload = [unsigned, &other.sign(&signed_text(&author.hash))].concat();
    let envelope = Envelope::put_together(genuine.document(), genuine.header().clone(), &payload).unwrap();
    let forged = SealError::Forged { replica: chain.author.id(), first_seq: 1 };
    assert_eq!(chain.take(1, envelope.bytes().to_vec()), Err(forged));
}

#[test]
fn what_does_not_belong_together_is_not_sealed() {
    let chain = sealed_chain("ab", |_| true);
    let (certificate, first) = (chain.keys.certify(&chain.author).unwrap(), &chain.authors[0]);
    let check = |plain: &Envelope, keys: &DocumentKeys, before, proof, refused| {
        assert_eq!(seal(plain, keys, before, proof).unwrap_err(), refused);
    };
    let gap = |first_seq| SealError::Gap { replica: chain.author.id(), first_seq };
    let (own, other) = (Proof::Sign(&chain.author), replica(2));
    check(&chain.plain[1], &chain.keys, Before::Nothing(&certificate), own, gap(1));
    check(&chain.plain[0], &chain.keys, Before::Author(first), own, gap(0));
    let elsewhere = DocumentKeys::editor(&RootSecret::from_bytes([9; 16]));
    let document = KeyError::Document { found: elsewhere.document(), expected: chain.keys.document() };
    check(&chain.plain[1], &elsewhere, Before::Author(first), own, document.into());
    let found = KeyError::Replica { found: chain.author.id(), expected: other.id() };
    check(&chain.plain[1], &chain.keys, Before::Author(first), Proof::Sign(&other), found.into());
    let theirs = Author { key: other.public(), ..*first };
    let found = KeyError::Replica { found: other.id(), expected: chain.author.id() };
    check(&chain.plain[1], &chain.keys, Before::Author(&theirs), Proof::None, found.into());
}

#[test]
fn what_was_written_twice_in_one_place_does_not_follow() {
    let (chain, other) = (sealed_chain("abc", |_| true), sealed_chain("axc", |_| true));
    let forked = SealError::Forked { replica: chain.author.id(), first_seq: 2 };
    assert_eq!(chain.take(2, other.sealed[2].bytes().to_vec()), Err(forked));
    // One that comes twice, or too early, does not follow either.
    let twice = SealError::Forked { replica: chain.author.id(), first_seq: 1 };
    assert_eq!(chain.take_behind(Some(&chain.authors[1]), chain.sealed[1].bytes().to_vec()), Err(twice));
    let gap = |first_seq| Err(SealError::Gap { replica: chain.author.id(), first_seq });
    assert_eq!(chain.take_behind(Some(&chain.authors[0]), chain.sealed[2].bytes().to_vec()), gap(2));
    assert_eq!(chain.take_behind(None, chain.sealed[1].bytes().to_vec()), gap(1));
    let first = SealError::Forked { replica: chain.author.id(), first_seq: 0 };
    assert_eq!(chain.take_behind(Some(&chain.authors[0]), chain.sealed[0].bytes().to_vec()), Err(first));
}

#[test]
fn a_change_of_another_document_does_not_follow() {
    let chain = sealed_chain("ab", |_| true);
    let elsewhere = DocumentKeys::editor(&RootSecret::from_bytes([9; 16]));
    for at in 0..2 {
        let header = chain.sealed[at].header().clone();
        let moved = Envelope::put_together(elsewhere.document(), header, chain.sealed[at].payload()).unwrap();
        let moved = moved.bytes().to_vec();
        let refused = match at {
            0 => SealError::Key(KeyError::Certificate { replica: chain.author.id() }),
            _ => SealError::Forged { replica: chain.author.id(), first_seq: 1 },
        };
        assert_eq!(
            Sealed::new(&Envelope::decode(moved.into()).unwrap(), elsewhere.write_public(), chain.before(at))
                .and_then(|sealed| sealed.verify()),
            Err(refused)
        );
    }
}

#[test]
fn without_the_content_key_it_does_not_open() {
    let chain = sealed_chain("a", |_| true);
    let stranger = DocumentKeys::editor(&RootSecret::from_bytes([9; 16]));
    let unopened = SealError::Unopened { replica: chain.author.id(), first_seq: 0 };
    assert_eq!(open(&chain.sealed[0], &stranger, None), Err(unopened));
}

#[test]
fn no_nonce_is_used_twice() {
    let mut nonces = alloc::collections::BTreeSet::new();
    let mut count = 0;
    // Two copies of one disk that wrote apart, and every place, header and letter.
    for letters in ["aaaa", "aaab", "abaa", "bbbb"] {
        let chain = sealed_chain(letters, |at| at == 3);
        for (at, envelope) in chain.sealed.iter().enumerate() {
            let parts = Parts::read(envelope.payload(), envelope.header().first_seq).unwrap();
            nonces.insert((parts.nonce, envelope.payload()[parts.sealed].to_vec()));
            count += usize::from(at > 0 || letters.starts_with('b'));
        }
    }
    let distinct: alloc::collections::BTreeSet<_> = nonces.iter().map(|(nonce, _)| nonce).collect();
    assert_eq!(distinct.len(), nonces.len(), "one nonce with two texts");
    assert!(distinct.len() > 8, "{count} envelopes, {} nonces", distinct.len());
}

#[test]
fn a_nonce_of_one_s_own_choice_is_refused() {
    let chain = sealed_chain("a", |_| false);
    let certificate = chain.keys.certify(&chain.author).unwrap();
    let plain = &chain.plain[0];
    let hash = chain_start(plain.document(), chain.author.id());
    let nonce = [3; NONCE_BYTES];
    let mut text = plain.payload().to_vec();
    let associated = [&hash[..], plain.head_bytes()].concat();
    let tag = cipher(&chain.keys).encrypt_in_place_detached(XNonce::from_slice(&nonce), &associated, &mut text);
    let head = [&[4, 0][..], &certificate.key, &certificate.signature, &hash[..PREVIOUS_BYTES], &nonce].concat();
    let payload = [&head[..], &text, &tag.unwrap()].concat();
    let envelope = Envelope::put_together(plain.document(), plain.header().clone(), &payload).unwrap();
    let unopened = SealError::Unopened { replica: chain.author.id(), first_seq: 0 };
    assert_eq!(open(&envelope, &chain.keys, None), Err(unopened));
}
