//! Bundles, as they will be for ever.
//!
//! `tests/golden/bundle-v1.txt` has one, as `bundle = bytes` in hexadecimal, and what is in it, opened, as `plain NUMBER = bytes`. It was made with the
//! keys of `tests/golden/keys.txt`; `tests/protocol/bundle.py`, which was written from the documents alone, reads it.

use quire_crdt::keys::{ReplicaKey, ReplicaSeed};
use quire_crdt::sync::{Bundle, Now, Opened, Output, Replica, ReplicaConfig, Seals, bundle};
use quire_crdt::{Document, VersionVector};
use sim::frames::hex;

use crate::golden_keys::{bytes, keys, replica, viewer};

const BUNDLE: &str = include_str!("../golden/bundle-v1.txt");

fn device(key: &ReplicaKey) -> Replica {
    Replica::new(Document::new(keys().document(), key.id()), ReplicaConfig::default()).with_seals(Seals::default())
}

fn write(device: &mut Replica, at: usize, text: &str) {
    device.insert(at, text).expect("a place in the text");
    device.commit();
    while let Some(output) = device.poll_output() {
        if let Output::Persist { position, .. } = output {
            device.handle_persisted(Now::default(), position + 1);
        }
    }
}

fn made_by(key: &ReplicaKey, device: &mut Replica) -> Vec<u8> {
    let log_end = usize::try_from(device.handle_given_out()).expect("a short log");
    let seals = device.seals().expect("seals");
    bundle(device.document(), log_end, seals, &keys(), key, &VersionVector::new()).expect("a bundle")
}

fn opened(bytes: Vec<u8>, device: &Replica, key: &ReplicaKey) -> Opened {
    let bundle = Bundle::decode(&bytes.into()).expect("a bundle");
    bundle.open(device.document(), device.seals().expect("seals"), &viewer(), key).expect("what its authors wrote")
}

/// What Ana wrote by herself, what Ben wrote when he had that, and what Ana wrote then.
fn written() -> String {
    let (ana, ben) = (replica("ana"), replica("ben"));
    let (mut of_ana, mut of_ben) = (device(&ana), device(&ben));
    write(&mut of_ana, 0, "Grüße");
    write(&mut of_ana, 5, "!");
    for (envelope, seal) in opened(made_by(&ana, &mut of_ana), &of_ben, &ben).changes {
        of_ben.handle_bundled(Now::default(), &envelope, &seal).expect("a sound change");
    }
    write(&mut of_ben, 5, ", 世界");
    let (bundle, reader) = (made_by(&ben, &mut of_ben), device(&ana));
    let line = |(at, (envelope, _)): (usize, &(_, _))| {
        let envelope: &quire_crdt::Envelope = envelope;
        format!("plain {at} = {}\n", hex(envelope.bytes()))
    };
    let elsewhere = ReplicaKey::new(&ReplicaSeed::from_bytes([9; 32]));
    let plain = opened(bundle.clone(), &reader, &elsewhere).changes;
    let plain: String = plain.iter().enumerate().map(line).collect();
    format!("bundle = {}\n{plain}", hex(&bundle))
}

#[test]
fn golden_bundle_is_made_as_ever() {
    let written = written();
    assert!(written == BUNDLE, "tests/golden/bundle-v1.txt differs from what is written now:\n{written}");
}

#[test]
fn golden_bundle_opens_as_ever() {
    let reader = ReplicaKey::new(&ReplicaSeed::from_bytes([9; 32]));
    let mut device = device(&reader);
    let opened = opened(bytes(BUNDLE, "bundle"), &device, &reader);
    assert_eq!((opened.changes.len(), opened.known, opened.waiting), (3, 0, 0));
    for (at, (envelope, seal)) in opened.changes.iter().enumerate() {
        assert_eq!(hex(envelope.bytes()), hex(&bytes(BUNDLE, &format!("plain {at}"))));
        device.handle_bundled(Now::default(), envelope, seal).expect("a sound change");
    }
    assert_eq!(device.document().text().slice(0..usize::MAX), "Grüße, 世界!");
}
