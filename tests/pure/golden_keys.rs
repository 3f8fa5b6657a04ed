//! The keys of a document and of its replicas, and sealed envelopes, as they will be for ever.
//!
//! `tests/protocol/seal.py`, which was written from `docs/PROTOCOL.md` alone, makes the same from the same secrets;
//! `tests/relay/sealed_page.rs` runs it. A line is `name = bytes`, in hexadecimal.
//!
//! `tests/golden/keys.txt` has the secrets, and of what follows from them all that is not kept secret: for the document the `root
//! secret`, `read secret`, `public write key`, `public access key` and `document id`; a relay's `challenge` and `address`; and for
//! each replica `NAME replica seed`, `public replica key`, `replica id`, `certificate` (key and signature), and the two signatures
//! of its proof of access for that challenge and address.
//!
//! `tests/golden/sealed.txt` has changes in an order in which they may be delivered, each as `NAME WHICH plain`, the envelope as it
//! is before it is sealed; `sealed`, the one that is; and `hash`, its author's chain up to there. NAME is whose key signs it. The
//! content key and the nonce key are secret, and proved by these envelopes.

use quire_crdt::keys::{
    AccessProof, Certificate, DocumentKeys, KeyError, PublicKey, ReadSecret, ReplicaKey, ReplicaSeed, RootSecret,
};
use quire_crdt::sealed::{self, Author, Before, Proof, SealError, Sealed};
use quire_crdt::{Change, Envelope, Header, Op, OpId, ReplicaId, Value};
use sim::frames::hex;

use crate::golden_frames;

const KEYS: &str = include_str!("../golden/keys.txt");
const SEALED: &str = include_str!("../golden/sealed.txt");

const ROOT: RootSecret = RootSecret::from_bytes(*b"the root secret.");
const ANA: ReplicaSeed = ReplicaSeed::from_bytes(*b"the seed of Ana's replica's key.");
const BEN: ReplicaSeed = ReplicaSeed::from_bytes(*b"the seed of Ben's replica's key.");
const CHALLENGE: &[u8; 32] = b"a relay's challenge of 32 bytes.";
const ADDRESS: &str = "relay.example.org:4870";

pub(crate) fn keys() -> DocumentKeys {
    DocumentKeys::editor(&ROOT)
}

fn seed(name: &str) -> ReplicaSeed {
    if name == "ana" { ANA } else { BEN }
}

pub(crate) fn replica(name: &str) -> ReplicaKey {
    ReplicaKey::new(&seed(name))
}

fn certificate(replica: &ReplicaKey) -> Certificate {
    keys().certify(replica).expect("an editor certifies")
}

/// The lines of `tests/golden/keys.txt`.
fn key_lines() -> String {
    let keys = keys();
    let line = |name: &str, bytes: &[u8]| format!("{name} = {}\n", hex(bytes));
    let of_ana = keys.prove_access(&replica("ana"), CHALLENGE, ADDRESS);
    let document = [
        line("root secret", ROOT.expose()),
        line("read secret", keys.read().expose()),
        line("public write key", keys.write_public()),
        line("public access key", &of_ana.access_public),
        line("document id", keys.document().as_bytes()),
        line("challenge", CHALLENGE),
        line("address", ADDRESS.as_bytes()),
    ];
    let of_replica = |name: &str| {
        let key = replica(name);
        let Certificate { key: certified, signature } = certificate(&key);
        let proof = keys.prove_access(&key, CHALLENGE, ADDRESS);
        [
            line(&format!("{name} replica seed"), seed(name).expose()),
            line(&format!("{name} public replica key"), &key.public()),
            line(&format!("{name} replica id"), key.id().as_bytes()),
            line(&format!("{name} certificate"), &[&certified[..], &signature].concat()),
            line(&format!("{name} access key's signature"), &proof.access_signature),
            line(&format!("{name} replica key's signature"), &proof.replica_signature),
        ]
        .concat()
    };
    document.into_iter().chain(["ana", "ben"].map(of_replica)).collect()
}

/// A change that is to be sealed: whose, which, whether it is signed, and what it says.
struct Said {
    author: &'static str,
    which: &'static str,
    is_signed: bool,
    change: Change,
}

/// Of two authors: changes with and without a certificate, signed and in runs, with exact deps and with heads, short and long.
fn said() -> Vec<Said> {
    let (ana, ben) = (replica("ana").id(), replica("ben").id());
    let said = |author, which, is_signed, first_seq, deps: &[(ReplicaId, u64)], op: Op| {
        let deps = deps.iter().copied().collect();
        let header = Header { replica: replica(author).id(), first_seq, len: op.len(), deps, heads: which == "heads" };
        Said { author, which, is_signed, change: Change { header, ops: vec![op] } }
    };
    let insert = |left: Option<OpId>, text: &str| Op::Insert { left, right: None, text: text.to_owned() };
    let behind = |replica, seq| Some(OpId::new(replica, seq));
    let set = |value| Op::Set { key: "title".to_owned(), value: Some(value) };
    let long = "Of all that is sealed, this is the longest. ".repeat(64);
    vec![
        said("ana", "first", true, 0, &[], insert(None, "Grüße")),
        said("ana", "second", true, 5, &[], insert(behind(ana, 4), "!")),
        said("ben", "first, begins a run", false, 0, &[(ana, 6)], insert(behind(ana, 5), "\n")),
        said("ben", "inside a run", false, 1, &[], set(Value::Integer(-1))),
        said("ben", "ends a run", true, 2, &[], insert(behind(ben, 0), "𝄞")),
        said(
            "ana",
            "exact deps",
            true,
            6,
            &[(ben, 3)],
            Op::Delete { first: OpId::new(ben, 2), len: 1, backwards: true },
        ),
        said("ben", "long", true, 3, &[(ana, 7)], insert(behind(ben, 0), &long)),
        said("ana", "heads", true, 7, &[(ben, 300)], insert(behind(ben, 299), "?")),
    ]
}

/// What is known of each author so far.
#[derive(Default)]
struct Known {
    ana: Option<Author>,
    ben: Option<Author>,
}

impl Known {
    fn of(&mut self, author: &str) -> &mut Option<Author> {
        if author == "ana" { &mut self.ana } else { &mut self.ben }
    }
}

/// The lines of `tests/golden/sealed.txt`.
fn sealed_lines() -> String {
    let (mut known, mut lines) = (Known::default(), String::new());
    for Said { author, which, is_signed, change } in said() {
        let key = replica(author);
        let (plain, certificate) = (quire_crdt::seal(keys().document(), &change), certificate(&key));
        let before = known.of(author).as_ref().map_or(Before::Nothing(&certificate), Before::Author);
        let proof = if is_signed { Proof::Sign(&key) } else { Proof::None };
        let (envelope, after) = sealed::seal(&plain, &keys(), before, proof).expect("a change that is not too long");
        let values = [("plain", &plain.bytes()[..]), ("sealed", envelope.bytes()), ("hash", &after.hash)];
        lines.extend(values.map(|(what, bytes)| format!("{author} {which} {what} = {}\n", hex(bytes))));
        *known.of(author) = Some(after);
    }
    lines
}

/// The bytes in a file of this name.
pub(crate) fn bytes(lines: &str, name: &str) -> Vec<u8> {
    let mut values = lines.lines().filter_map(|line| line.split_once(" = "));
    golden_frames::bytes(values.find(|(found, _)| *found == name).expect("a line of this name").1)
}

fn array<const LEN: usize>(name: &str) -> [u8; LEN] {
    bytes(KEYS, name).try_into().expect("so many bytes")
}

/// The keys in a link of a viewer, who has no key that signs.
pub(crate) fn viewer() -> DocumentKeys {
    let secret = ReadSecret::from_bytes(array("read secret"));
    DocumentKeys::viewer(secret, array("public write key")).expect("a public key")
}

/// Every change of the file, taken and opened as it is read.
fn opened(keys: &DocumentKeys) -> Result<Vec<Envelope>, SealError> {
    let (mut known, mut plain) = (Known::default(), Vec::new());
    for Said { author, which, is_signed, .. } in said() {
        let envelope = Envelope::decode(bytes(SEALED, &format!("{author} {which} sealed")).into())?;
        let sealed = Sealed::new(&envelope, keys.write_public(), known.of(author).as_ref())?;
        assert_eq!(sealed.verify(), Ok(is_signed), "{author} {which}");
        plain.push(sealed::open(&envelope, keys, known.of(author).as_ref())?);
        *known.of(author) = Some(*sealed.author());
    }
    Ok(plain)
}

#[test]
fn golden_keys_are_derived_as_ever() {
    let written = key_lines();
    assert!(written == KEYS, "tests/golden/keys.txt differs from what is written now:\n{written}");
}

#[test]
fn golden_sealed_envelopes_are_made_as_ever() {
    let written = sealed_lines();
    assert!(written == SEALED, "tests/golden/sealed.txt differs from what is written now:\n{written}");
}

#[test]
fn golden_keys_prove_what_they_did() {
    let keys = viewer();
    assert_eq!(keys.document().as_bytes(), &array("document id"));
    for name in ["ana", "ben"] {
        let replica = ReplicaId::from_bytes(array(&format!("{name} replica id")));
        let key: PublicKey = array(&format!("{name} public replica key"));
        let certificate: [u8; 96] = array(&format!("{name} certificate"));
        let (certified, signature) = certificate.split_at(32);
        assert_eq!(certified, key);
        let certificate = Certificate { key, signature: signature.try_into().unwrap() };
        assert_eq!(certificate.verify(keys.document(), keys.write_public(), replica), Ok(()));
        let proof = AccessProof {
            write_public: *keys.write_public(),
            access_public: array("public access key"),
            replica_public: key,
            access_signature: array(&format!("{name} access key's signature")),
            replica_signature: array(&format!("{name} replica key's signature")),
        };
        assert_eq!(proof.verify(keys.document(), replica, CHALLENGE, ADDRESS), Ok(()));
        let elsewhere = proof.verify(keys.document(), replica, CHALLENGE, "relay.example.org:4871");
        assert_eq!(elsewhere, Err(KeyError::Access));
    }
}

#[test]
fn golden_sealed_envelopes_open_as_ever() {
    let plain: Vec<_> = opened(&viewer()).unwrap().iter().map(|plain| hex(plain.bytes())).collect();
    let kept = said().into_iter().map(|Said { author, which, .. }| bytes(SEALED, &format!("{author} {which} plain")));
    assert_eq!(plain, kept.map(|bytes| hex(&bytes)).collect::<Vec<_>>());
}

#[test]
fn golden_sealed_envelopes_do_not_open_with_other_keys() {
    let other = DocumentKeys::viewer(ReadSecret::from_bytes([7; 16]), *keys().write_public()).unwrap();
    let first = said().remove(0).change.header;
    let unopened = SealError::Unopened { replica: first.replica, first_seq: 0 };
    assert_eq!(opened(&other), Err(unopened));
}
