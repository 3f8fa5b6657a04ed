//! What others do, and what comes of it.

use super::*;
use crate::keys::SIGNATURE_BYTES;
use crate::sealed::{Before, Proof, SealError, seal};
use crate::sync::Creation;
use crate::sync::frame::{ChangeReader, ChangeWriter, Hello, PROTOCOL_VERSION, Proof as ProofFrame};

fn refused(world: &World, reason: RefusalReason) {
    assert_eq!(world.refused, [reason]);
    assert_eq!(*world.devices[0].replica.link(), LinkState::Off);
    assert!(world.store.log.is_empty());
}

/// What the relay says last to a link that says this and nothing else.
fn answer(world: &mut World, frame: &Bytes) -> RefusalReason {
    let conn = ConnId(99);
    world.gate.handle_connected(world.now, conn, [99; 32], Vec::new());
    world.gate.handle_frame(world.now, conn, frame);
    let frames: Vec<_> = core::iter::from_fn(|| world.gate.poll_transmit(world.now, conn)).collect();
    match Frame::decode(frames.last().unwrap()) {
        Ok(Frame::Refused(refusal)) => refusal.reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_stranger_who_knows_the_id_does_not_get_in() {
    let mut world = World::new(1);
    let (real, own, stranger) = (keys(), DocumentKeys::editor(&RootSecret::from_bytes([9; 16])), key(5));
    // With his own keys, he names a document that those do not hash to.
    let proof = own.prove_access(&stranger, &[99; 32], ADDRESS);
    let claim = ProofFrame::new(real.document(), stranger.id(), ADDRESS.into(), Vec::new(), &proof);
    assert_eq!(answer(&mut world, &Frame::Proof(claim).encode()), RefusalReason::Access);
}

#[test]
fn without_a_proof_there_is_no_welcome() {
    let mut world = World::new(1);
    let (document, replica) = (keys().document(), key(0).id());
    let hello = Hello { protocol: PROTOCOL_VERSION, document, replica, version: VersionVector::new(), resume: None };
    assert_eq!(answer(&mut world, &Frame::Hello(hello).encode()), RefusalReason::Malformed);
}

#[test]
fn a_proof_is_good_for_one_challenge() {
    let mut world = World::online(1);
    let is_proof = |frame: &&Bytes| matches!(Frame::decode(frame), Ok(Frame::Proof(_)));
    let replayed = world.wire.iter().find(is_proof).unwrap().clone();
    assert_eq!(answer(&mut world, &replayed), RefusalReason::Access);
}

#[test]
fn who_proved_one_thing_may_not_say_another() {
    let mut world = World::new(1);
    world.tamper_up = |_, frame| match Frame::decode(&frame) {
        Ok(Frame::Hello(hello)) => Some(Frame::Hello(Hello { replica: key(6).id(), ..hello }).encode()),
        _ => Some(frame),
    };
    world.go_online(0);
    refused(&world, RefusalReason::Access);
}

#[test]
fn a_relay_in_the_middle_gains_nothing() {
    // The person's link leads to the relay in the middle, which passes everything on to the real one.
    let mut world = World::new(1);
    world.devices[0].credentials.address = "evil.example.org:4870".to_string();
    world.go_online(0);
    refused(&world, RefusalReason::Address);

    let mut world = World::new(1);
    world.devices[0].credentials.address = "evil.example.org:4870".to_string();
    world.tamper_up = |_, frame| match Frame::decode(&frame) {
        Ok(Frame::Proof(mut proof)) => {
            proof.address = ADDRESS.into();
            Some(Frame::Proof(proof).encode())
        }
        _ => Some(frame),
    };
    world.go_online(0);
    refused(&world, RefusalReason::Access);
}

#[test]
fn who_may_make_documents_is_the_operator_s_choice() {
    let check = |creation: Creation, token: &[u8], may: bool| {
        let policy = RelayPolicy { names: Vec::from([ADDRESS.to_string()]), creation };
        let mut world = World::with(1, policy.clone());
        world.devices[0].credentials.token = token.to_vec();
        world.go_online(0);
        assert_eq!(*world.devices[0].replica.link(), LinkState::Live);
        world.write(0, "x");
        assert_eq!((world.refused.is_empty(), world.store.log.len()), (may, usize::from(may)));
        if !may {
            assert_eq!(world.refused, [RefusalReason::Create]);
            // In a document that is there, he may write.
            let mut made = World::online(1);
            made.write(0, "a");
            made.drop_link(0);
            made.gate = Gate::new([0xe1; 16], RelayLimits::default(), policy, 1);
            made.go_offline(0);
            made.go_online(0);
            made.write(0, "b");
            assert_eq!(made.store.log.len(), 2);
        }
    };
    check(Creation::Anyone, b"", true);
    check(Creation::Token(b"open sesame".to_vec()), b"open sesame", true);
    check(Creation::Token(b"open sesame".to_vec()), b"", false);
    check(Creation::Token(b"open sesame".to_vec()), b"open sesam", false);
    check(Creation::Nobody, b"", false);
}

/// A change of one letter by device 0, certified by the write key of these keys and signed so.
fn check_forgery(certifier: &DocumentKeys, signer: &ReplicaKey) {
    let mut world = World::online(1);
    let author = key(0);
    let mut document = Document::new(keys().document(), author.id());
    document.insert(0, "x").unwrap();
    document.commit();
    let plain = document.log().envelope(0).unwrap();
    let certificate = certifier.certify(&author).unwrap();
    let (sealed, known) = seal(&plain, &keys(), Before::Nothing(&certificate), Proof::Sign(&author)).unwrap();
    let unsigned = &sealed.payload()[..sealed.payload().len() - SIGNATURE_BYTES];
    let payload = [unsigned, &signer.sign(&[&b"quire v1 envelope"[..], &known.hash].concat())].concat();
    let forged = Envelope::put_together(sealed.document(), sealed.header().clone(), &payload).unwrap();
    let conn = world.devices[0].link.as_ref().unwrap().0;
    world.gate.handle_frame(world.now, conn, &ChangeWriter::new(author.id()).frame(&forged));
    world.settle();
    refused(&world, RefusalReason::Forged);
}

#[test]
fn what_a_viewer_writes_is_refused() {
    let mut world = World::new(1);
    let real = keys();
    let viewer = DocumentKeys::viewer(real.read().clone(), *real.write_public()).unwrap();
    world.devices[0] = Device::new(viewer, key(0));
    world.go_online(0);
    // His own program does not send it: there is no certificate for it.
    world.write(0, "x");
    assert_eq!(world.devices[0].errors, [LinkError::Unproved { replica: key(0).id() }]);
    assert!(world.store.log.is_empty());
    // Another program of his makes a certificate with a key of its own.
    check_forgery(&DocumentKeys::editor(&RootSecret::from_bytes([9; 16])), &key(0));
}

#[test]
fn what_somebody_else_signed_is_refused() {
    check_forgery(&keys(), &key(4));
}

fn is_change_for(device: usize, at: usize, frame: &Bytes) -> bool {
    device == at && matches!(Frame::decode(frame), Ok(Frame::Change(_)))
}

/// A relay, or whoever is between it and device 1, alters the byte that is so far from the end of each change.
fn check_alteration(tamper: fn(usize, Bytes) -> Option<Bytes>) {
    let mut world = World::online(2);
    world.write(0, "before");
    world.tamper_down = tamper;
    world.write(0, "abcd");
    assert_eq!(world.text(1), "before", "nothing wrong is taken");
    let errors = &world.devices[1].errors;
    assert!(!errors.is_empty() && errors.iter().all(|error| matches!(error, LinkError::Sealed(_))), "{errors:?}");
    world.tamper_down = |_, frame| Some(frame);
    world.go_offline(1);
    world.go_online(1);
    assert_eq!(world.text(1), "beforeabcd");
}

fn flip(frame: &Bytes, from_end: usize) -> Bytes {
    let mut bytes = frame.to_vec();
    // A change in a run has no signature, and may be shorter.
    let at = bytes.len().saturating_sub(from_end);
    bytes[at.max(1)] ^= 1;
    bytes.into()
}

#[test]
fn a_relay_that_alters_a_change_is_noticed() {
    check_alteration(|at, frame| Some(if is_change_for(1, at, &frame) { flip(&frame, 1) } else { frame }));
    check_alteration(|at, frame| Some(if is_change_for(1, at, &frame) { flip(&frame, 70) } else { frame }));
}

#[test]
fn a_relay_that_drops_a_change_is_noticed_at_the_next() {
    let mut world = World::online(2);
    world.write(0, "a");
    world.tamper_down = |at, frame| (!is_change_for(1, at, &frame)).then_some(frame);
    world.write(0, "b");
    assert_eq!((world.text(1).as_str(), world.devices[1].errors.len()), ("a", 0));
    world.tamper_down = |_, frame| Some(frame);
    world.write(0, "c");
    // The header says less than it would alone: it goes on where the link's table stands, and the chain does not.
    assert!(matches!(world.devices[1].errors[..], [LinkError::Sealed(SealError::Forked { .. })]));
    assert_eq!(world.text(1), "a", "nothing stands in the place of what was withheld");
}

#[test]
fn a_relay_that_sends_a_change_twice_says_nothing_new() {
    let mut world = World::online(2);
    world.write(0, "ab");
    let sealed = Envelope::decode(world.store.log[0].clone()).unwrap();
    let again = ChangeWriter::new(key(1).id());
    let mut world = World { tamper_down: |_, frame| Some(frame), ..world };
    let Device { link: Some((_, link)), .. } = &mut world.devices[1] else { panic!("no link") };
    link.reader = ChangeReader::new(keys().document(), key(1).id());
    world.say(1, &{ again }.frame(&sealed));
    assert_eq!((world.text(1).as_str(), world.devices[1].errors.len()), ("ab", 0));
}

#[test]
fn a_change_of_another_document_is_noticed() {
    let mut world = World::online(1);
    let (other, author) = (DocumentKeys::editor(&RootSecret::from_bytes([8; 16])), key(3));
    let mut document = Document::new(other.document(), author.id());
    document.insert(0, "elsewhere").unwrap();
    document.commit();
    let certificate = other.certify(&author).unwrap();
    let plain = document.log().envelope(0).unwrap();
    let (sealed, _) = seal(&plain, &other, Before::Nothing(&certificate), Proof::Sign(&author)).unwrap();
    world.say(0, &ChangeWriter::new(key(0).id()).frame(&sealed));
    world.settle();
    assert!(matches!(world.devices[0].errors[..], [LinkError::Sealed(SealError::Key(_))]));
    assert_eq!(world.text(0), "");
}

#[test]
fn a_copied_library_is_noticed() {
    let mut world = World::online(1);
    world.write(0, "both");
    world.go_offline(0);
    let copy = world.devices[0].disk.clone();
    world.write(0, "mine");
    let original = world.devices[0].disk.clone();
    world.go_online(0);
    // The copy wrote as much as the original, and something else.
    world.restart(0, copy);
    world.write(0, "ours");
    let copy = world.devices[0].disk.clone();
    world.restart(0, copy);
    world.go_online(0);
    let replica = &world.devices[0].replica;
    assert_eq!((replica.clone_detected(), replica.link()), (true, &LinkState::Off));
    assert_eq!(world.devices[0].errors, [LinkError::Forked { count: 8 }]);
    assert_eq!(world.text(0), "bothours", "nothing is lost");
    world.restart(0, original);
    world.go_online(0);
    world.write(0, "!");
    world.assert_equal();
}

#[test]
fn what_an_author_wrote_twice_in_one_place_the_relay_takes_once() {
    let mut world = World::online(1);
    world.write(0, "both");
    world.go_offline(0);
    let copy = world.devices[0].disk.clone();
    world.write(0, "mine");
    world.go_online(0);
    let kept = world.store.clone();
    // A program that goes on behind the copy, whatever the relay shows: it takes up the place of the original's next.
    world.restart(0, copy);
    world.write(0, "ours and more");
    let (device, keys) = (&world.devices[0], keys());
    let certificate = keys.certify(&key(0)).unwrap();
    let (mut before, mut frames) = (None::<Author>, Vec::new());
    let mut writer = ChangeWriter::new(key(0).id());
    for plain in device.replica.document().log() {
        let known = before.as_ref().map_or(Before::Nothing(&certificate), Before::Author);
        let (sealed, author) = seal(&plain, &keys, known, Proof::Sign(&key(0))).unwrap();
        before = Some(author);
        frames.push(writer.frame(&sealed));
    }
    let conn = ConnId(77);
    world.gate.handle_connected(world.now, conn, [77; 32], Vec::new());
    let proof = keys.prove_access(&key(0), &[77; 32], ADDRESS);
    let claim = ProofFrame::new(keys.document(), key(0).id(), ADDRESS.into(), Vec::new(), &proof);
    let (document, replica) = (keys.document(), key(0).id());
    let hello = Hello { protocol: PROTOCOL_VERSION, document, replica, version: VersionVector::new(), resume: None };
    for frame in [Frame::Proof(claim).encode(), Frame::Hello(hello).encode()].iter().chain(&frames) {
        world.gate.handle_frame(world.now, conn, frame);
        world.settle();
    }
    assert_eq!(world.store.log, kept.log);
}

#[test]
fn a_relay_that_shows_another_chain_is_noticed() {
    let mut world = World::online(1);
    world.write(0, "ana");
    world.tamper_down = |_, frame| match Frame::decode(&frame) {
        Ok(Frame::Chains(mut chains)) => {
            for chain in &mut chains {
                chain.hash[0] ^= 1;
            }
            Some(Frame::Chains(chains).encode())
        }
        _ => Some(frame),
    };
    world.go_offline(0);
    world.go_online(0);
    assert_eq!(world.devices[0].errors, [LinkError::Forked { count: 3 }]);
}

#[test]
fn hostile_messages_end_the_link_and_nothing_else() {
    let mut world = World::online(2);
    world.write(0, "text");
    let frames: Vec<Bytes> = world.wire.iter().take(12).cloned().collect();
    for frame in &frames {
        let cut = (0..frame.len()).step_by(7).map(|end| frame.slice(..end));
        let flipped = (0..frame.len()).step_by(3).map(|at| flip(frame, frame.len() - at));
        for message in cut.chain(flipped).collect::<Vec<_>>() {
            for at in [0, 1] {
                world.say(at, &message);
                if let Some((conn, _)) = world.devices[at].link {
                    world.gate.handle_frame(world.now, conn, &message);
                }
                world.settle();
                world.go_offline(at);
                world.go_online(at);
            }
            assert_eq!((world.text(0).as_str(), world.text(1).as_str()), ("text", "text"));
            if world.conns > 200 {
                world.conns = 100;
            }
        }
    }
}
