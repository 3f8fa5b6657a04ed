use super::*;
use alloc::format;

fn keys() -> DocumentKeys {
    DocumentKeys::editor(&RootSecret::from_bytes([7; 16]))
}

fn replica(seed: u8) -> ReplicaKey {
    ReplicaKey::new(&ReplicaSeed::from_bytes([seed; 32]))
}

#[test]
fn a_viewer_has_the_same_document_and_cannot_write() {
    let (editor, me) = (keys(), replica(1));
    let viewer = DocumentKeys::viewer(editor.read().clone(), *editor.write_public()).unwrap();
    assert_eq!(viewer.document(), editor.document());
    assert_eq!((viewer.can_write(), viewer.root()), (false, None));
    assert_eq!(viewer.certify(&me), None);
    assert!(editor.certify(&me).is_some());
    assert_eq!(viewer.content.bytes(), editor.content.bytes());
    let other = DocumentKeys::viewer(ReadSecret::from_bytes([9; 16]), *editor.write_public()).unwrap();
    assert_ne!(other.document(), editor.document());
}

#[test]
fn no_key_is_another_one() {
    let keys = keys();
    let all = [keys.content.bytes(), keys.nonce.bytes(), keys.signal.bytes(), &keys.access.to_bytes()];
    for (at, one) in all.iter().enumerate() {
        assert!(all[..at].iter().all(|other| other != one) && !one.starts_with(keys.read.expose()));
    }
    assert_ne!(keys.write.as_ref().unwrap().to_bytes(), keys.access.to_bytes());
}

#[test]
fn a_certificate_is_for_one_replica_of_one_document() {
    let (keys, me) = (keys(), replica(1));
    let certificate = keys.certify(&me).unwrap();
    let verify = |certificate: &Certificate, document, write: &PublicKey, id| certificate.verify(document, write, id);
    let (document, write) = (keys.document(), keys.write_public());
    assert_eq!(verify(&certificate, document, write, me.id()), Ok(()));
    let forged = KeyError::Certificate { replica: me.id() };
    let elsewhere = DocumentId::from_bytes([1; 16]);
    assert_eq!(verify(&certificate, elsewhere, write, me.id()), Err(forged));
    assert_eq!(verify(&certificate, document, &me.public(), me.id()), Err(forged));
    let other = replica(2);
    let expected = KeyError::Replica { found: me.id(), expected: other.id() };
    assert_eq!(verify(&certificate, document, write, other.id()), Err(expected));
    let taken = Certificate { key: other.public(), ..certificate };
    assert_eq!(verify(&taken, document, write, other.id()), Err(KeyError::Certificate { replica: other.id() }));
    for bit in 0..8 * SIGNATURE_BYTES {
        let mut flipped = certificate;
        flipped.signature[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(verify(&flipped, document, write, me.id()), Err(forged), "bit {bit}");
    }
}

#[test]
fn access_is_proved_to_one_relay_for_one_challenge() {
    let (keys, me, other) = (keys(), replica(1), replica(2));
    let proof = keys.prove_access(&me, &[5; 32], "relay.example.org:4870");
    let verify = |proof: &AccessProof, replica, challenge, address| {
        proof.verify(keys.document(), replica, &[challenge; 32], address)
    };
    assert_eq!(verify(&proof, me.id(), 5, "relay.example.org:4870"), Ok(()));
    assert_eq!(verify(&proof, me.id(), 6, "relay.example.org:4870"), Err(KeyError::Access));
    assert_eq!(verify(&proof, me.id(), 5, "relay.example.org:4871"), Err(KeyError::Access));
    let expected = KeyError::Replica { found: me.id(), expected: other.id() };
    assert_eq!(verify(&proof, other.id(), 5, "relay.example.org:4870"), Err(expected));
    let taken = AccessProof { replica_public: other.public(), ..proof };
    assert_eq!(verify(&taken, other.id(), 5, "relay.example.org:4870"), Err(KeyError::Access));
    let stranger = DocumentKeys::editor(&RootSecret::from_bytes([8; 16]));
    let foreign = stranger.prove_access(&me, &[5; 32], "relay.example.org:4870");
    let expected = KeyError::Document { found: stranger.document(), expected: keys.document() };
    assert_eq!(verify(&foreign, me.id(), 5, "relay.example.org:4870"), Err(expected));
    let lent = AccessProof { access_signature: foreign.access_signature, ..proof };
    assert_eq!(verify(&lent, me.id(), 5, "relay.example.org:4870"), Err(KeyError::Access));
}

#[test]
fn a_key_of_small_order_is_none() {
    let mut small = [0; 32];
    small[0] = 1;
    assert_eq!(DocumentKeys::viewer(ReadSecret::from_bytes([0; 16]), small).unwrap_err(), KeyError::PublicKey);
    assert!(!verify(&small, b"anything", &[0; 64]));
}

#[test]
fn a_key_has_one_encoding() {
    // y = p + 3, which decodes as y = 3 does.
    let mut beyond = [0xff; 32];
    (beyond[0], beyond[31]) = (0xf0, 0x7f);
    assert!(VerifyingKey::from_bytes(&beyond).is_ok());
    assert_eq!(DocumentKeys::viewer(ReadSecret::from_bytes([0; 16]), beyond).unwrap_err(), KeyError::PublicKey);
}

#[test]
fn nothing_shows_a_secret() {
    let (keys, me) = (keys(), ReplicaSeed::from_bytes([0xab; 32]));
    let shown = format!("{keys:?} {:?} {:?} {me:?} {:?}", keys.root(), keys.read(), ReplicaKey::new(&me));
    assert!(!shown.contains("171") && !shown.contains("ab, ab") && !shown.contains(", 7"), "{shown}");
    assert!(shown.contains("RootSecret(…)") && shown.contains("ReadSecret(…)"), "{shown}");
}
