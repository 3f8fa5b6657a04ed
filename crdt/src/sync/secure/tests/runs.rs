//! Changes that are sealed together are signed once, and stay together wherever they go.

use alloc::boxed::Box;

use super::*;
use crate::sealed::{RUN_BYTES_MAX, RUN_CHANGES_MAX};
use crate::sync::frame::ChangeWriter;
use crate::sync::transmit::{Outgoing, Transmit};

impl World {
    /// How many of the changes that somebody stored are signed, of how many.
    fn signed(&self) -> (usize, usize) {
        let write_public = *keys().write_public();
        let mut authors: BTreeMap<ReplicaId, Author> = BTreeMap::new();
        let mut signed = 0;
        for bytes in &self.store.log {
            let envelope = Envelope::decode(bytes.clone()).unwrap();
            let replica = envelope.header().replica;
            let sealed = crate::sealed::Sealed::new(&envelope, &write_public, authors.get(&replica)).unwrap();
            signed += usize::from(sealed.verify().unwrap());
            authors.insert(replica, *sealed.author());
        }
        (signed, self.store.log.len())
    }

    /// What proves a change at device 1.
    fn seal(&self, envelope: &Envelope) -> Seal {
        let header = envelope.header();
        let seals = self.devices[1].replica.seals().unwrap();
        seals.get(header.replica, header.first_seq, header.end_seq()).unwrap()
    }

    /// The relay begins with an empty store, and nobody is linked.
    fn forget(&mut self) {
        self.restart_relay([2; 16], Store::default());
        (0..self.devices.len()).for_each(|at| self.go_offline(at));
    }

    /// Each letter is a change, and they are sealed together.
    fn write_offline(&mut self, at: usize, letters: usize) {
        self.go_offline(at);
        self.write(at, &"x".repeat(letters));
        self.go_online(at);
    }
}

#[test]
fn a_long_time_off_line_is_signed_once_for_many() {
    let mut world = World::online(2);
    world.write_offline(0, 600);
    assert_eq!(world.signed(), (600_usize.div_ceil(RUN_CHANGES_MAX), 600));
    assert_eq!(world.refused, []);
    world.assert_equal();
    world.write(0, "y");
    assert_eq!(world.signed(), (600_usize.div_ceil(RUN_CHANGES_MAX) + 1, 601), "who types is signed at once");
    world.assert_equal();
}

#[test]
fn what_came_before_a_run_takes_none_of_its_room() {
    let mut world = World::online(2);
    world.go_offline(1);
    // Each is signed by itself; then a run as long as one may be.
    (0..RUN_CHANGES_MAX - 1).for_each(|_| world.write(0, "x"));
    world.write_offline(0, RUN_CHANGES_MAX);
    assert_eq!(world.signed(), (RUN_CHANGES_MAX, 2 * RUN_CHANGES_MAX - 1));
    world.go_online(1);
    assert_eq!(world.devices[1].errors, []);
    world.assert_equal();
}

#[test]
fn what_is_held_until_it_is_signed_shows_that_the_relay_is_there() {
    let mut world = World::online(2);
    world.tamper_down = |at, frame| (at == 0).then_some(frame);
    world.wire.clear();
    world.write_offline(0, 100);
    let changes = world.wire.iter().filter(|frame| matches!(Frame::decode(frame), Ok(Frame::Change(_))));
    let run: Vec<Bytes> = changes.skip(100).cloned().collect();
    assert_eq!(run.len(), 100);
    // They come slowly, and nothing comes between them.
    for change in &run {
        assert_eq!((world.text(1).as_str(), world.devices[1].replica.link()), ("", &LinkState::Live));
        world.now.monotonic_us += 500_000;
        world.devices[1].replica.handle_timeout(world.now);
        world.settle();
        world.say(1, change);
    }
    assert_eq!(world.text(1), "x".repeat(100));
}

#[test]
fn long_changes_are_signed_before_a_run_is_too_long() {
    let mut world = World::online(2);
    world.go_offline(0);
    for _ in 0..12 {
        let replica = &mut world.devices[0].replica;
        replica.insert(0, &"long ".repeat(2_000)).unwrap();
        replica.commit();
        world.settle();
    }
    world.go_online(0);
    assert_eq!(world.refused, []);
    let (signed, changes) = world.signed();
    let bytes: usize = world.store.log.iter().map(Bytes::len).sum();
    assert!(signed < changes && signed >= bytes / (2 * RUN_BYTES_MAX), "{signed} of {changes}, {bytes} bytes");
    world.assert_equal();
}

#[test]
fn another_s_changes_end_a_run_and_come_in_between() {
    let mut world = World::online(2);
    world.go_offline(0);
    world.write(0, "ab");
    world.write(1, "c");
    world.go_online(0);
    world.write(0, "de");
    world.forget();
    // Device 0 brings everything: its own in runs, with the other's where they stand in its log.
    world.go_online(0);
    world.go_online(1);
    world.assert_equal();
    assert_eq!(world.refused, []);
}

#[test]
fn a_run_goes_on_whole_where_something_was_written_while_it_came() {
    let mut world = World::online(2);
    world.write_offline(0, 3);
    let run: Vec<_> = world.devices[1].replica.document().log().iter().collect();
    let seals: Vec<_> = run.iter().map(|envelope| world.seal(envelope)).collect();
    // Another device gets the same run by hand, and writes in the middle of it.
    let mut third = Device::new(keys(), key(3));
    for (at, (envelope, seal)) in run.iter().zip(&seals).enumerate() {
        third.replica.handle_bundled(world.now, envelope, seal).unwrap();
        if at == 0 {
            third.replica.insert(0, "!").unwrap();
            third.replica.commit();
        }
    }
    let order: Vec<_> = third.replica.document().log().iter().map(|envelope| envelope.header().replica).collect();
    assert_eq!(order, [key(0).id(), key(3).id(), key(0).id(), key(0).id()]);
    world.forget();
    world.devices.push(third);
    world.settle();
    world.go_online(2);
    assert_eq!(world.refused, []);
    assert_eq!(world.store.log.len(), 4, "the relay has all of it");
    world.go_online(0);
    world.go_online(1);
    world.assert_equal();
}

#[test]
fn a_run_whose_end_is_not_here_waits_for_it() {
    let mut world = World::online(2);
    world.write(0, "a");
    world.write_offline(0, 3);
    let run: Vec<_> = world.devices[1].replica.document().log().iter().collect();
    let seals: Vec<_> = run.iter().map(|envelope| world.seal(envelope)).collect();
    assert_eq!(seals.iter().filter(|seal| seal.signature.is_some()).count(), 2);
    let mut third = Device::new(keys(), key(3));
    for (envelope, seal) in run.iter().zip(&seals).take(3) {
        third.replica.handle_bundled(world.now, envelope, seal).unwrap();
    }
    world.forget();
    world.devices.push(third);
    world.settle();
    world.go_online(2);
    assert_eq!((world.refused.len(), world.store.log.len()), (0, 1), "what nobody can verify is not sent");
    world.go_online(0);
    world.go_online(1);
    world.assert_equal();
}

#[test]
fn a_run_that_another_link_overtakes_is_no_other_one() {
    let mut world = World::online(2);
    world.write_offline(0, 3);
    let run: Vec<_> = world.store.log.iter().map(|bytes| Envelope::decode(bytes.clone()).unwrap()).collect();
    world.forget();
    // The end of the run that device 1 brings is long on the way. Meanwhile its author brings all of it, and goes on.
    world.tamper_up = |at, frame| (at != 1 || !is_signed(&frame)).then_some(frame);
    world.go_online(1);
    world.write(0, "more");
    world.go_online(0);
    assert_eq!(world.store.log.len(), 7);
    let mut writer = ChangeWriter::new(key(1).id());
    let end = run.iter().map(|envelope| writer.frame(envelope)).last().unwrap();
    let conn = world.devices[1].link.as_ref().unwrap().0;
    world.gate.handle_frame(world.now, conn, &end);
    world.tamper_up = |_, frame| Some(frame);
    world.settle();
    assert_eq!(world.refused, []);
    world.assert_equal();
}

/// Whether it is a change of one letter with a signature; an author's first one has a certificate besides.
fn is_signed(frame: &Bytes) -> bool {
    matches!(Frame::decode(frame), Ok(Frame::Change(_))) && (110..140).contains(&frame.len())
}

#[test]
fn a_run_that_was_begun_is_ended_even_if_the_relay_has_it_meanwhile() {
    let mut world = World::online(2);
    world.write(1, "own");
    world.write_offline(0, 3);
    world.forget();
    let Device { replica, credentials, .. } = &mut world.devices[1];
    let mut link = SecureLink::new(credentials.clone(), replica.verified());
    let outgoing = |world: &World, envelope: Envelope| {
        let seal = (envelope.header().replica == key(0).id()).then(|| Box::new(world.seal(&envelope)));
        Transmit::Change(Box::new(Outgoing { seal, envelope }))
    };
    let log: Vec<_> = world.devices[1].replica.document().log().iter().collect();
    let run: Vec<_> = log.iter().filter(|envelope| envelope.header().replica == key(0).id()).cloned().collect();
    assert_eq!(run.len(), 3);
    // The relay has nothing, and two changes of the run go to it.
    link.there.insert(key(0).id(), None);
    (0..2).for_each(|at| link.seal(world.now, outgoing(&world, run[at].clone())));
    let sent = core::iter::from_fn(|| link.poll_transmit()).count();
    assert_eq!(sent, 2);
    // Now it has the whole run from its author, and sends it.
    let whole = world.seal(&run[2]).author;
    link.there.insert(key(0).id(), Some(whole));
    link.seal(world.now, outgoing(&world, run[2].clone()));
    assert!(link.poll_transmit().is_some(), "the run has its end");
    assert_eq!(link.poll_incoming(), None);
}

/// Somebody in the middle alters the signature of each letter that comes to device 1.
fn alter_letters(at: usize, frame: Bytes) -> Bytes {
    if at != 1 || !is_signed(&frame) {
        return frame;
    }
    let mut frame = frame.to_vec();
    *frame.last_mut().unwrap() ^= 1;
    frame.into()
}

#[test]
fn a_signature_that_nobody_verified_is_not_kept() {
    let mut world = World::online(2);
    world.go_offline(1);
    (0..3).for_each(|_| world.write(0, "x"));
    let replica = &mut world.devices[0].replica;
    replica.insert(3, &" and more".repeat(10)).unwrap();
    replica.commit();
    world.settle();
    assert_eq!(world.signed(), (4, 4));
    let signed: Vec<_> = world.store.log.iter().map(|bytes| Envelope::decode(bytes.clone()).unwrap()).collect();
    // It is caught up, and the last signature, which is right, vouches for everything.
    world.tamper_down = |at, frame| Some(alter_letters(at, frame));
    world.go_online(1);
    assert_eq!(world.devices[1].errors, []);
    assert_eq!(world.text(1), world.text(0));
    for (envelope, signed) in world.devices[1].replica.document().log().iter().zip(&signed) {
        let kept = world.seal(&envelope).signature;
        assert!(kept.is_none() || kept.as_ref() == signed.payload().last_chunk(), "an altered signature is kept");
    }
    // So it can be proved to whoever has nothing.
    world.tamper_down = |_, frame| Some(frame);
    world.forget();
    world.go_online(1);
    world.go_online(0);
    assert_eq!(world.refused, []);
    assert_eq!(world.signed().1, 4);
    world.assert_equal();
}

#[test]
fn what_came_in_two_parts_is_a_run_that_is_not_too_long() {
    let mut world = World::online(2);
    world.go_offline(1);
    (0..2 * RUN_CHANGES_MAX).for_each(|_| world.write(0, "x"));
    world.go_online(1);
    // The device had come so far into what one signature vouched for when its program ended.
    let had = Disk { resume: None, ..world.devices[1].disk.clone() };
    let part = Disk { log: had.log[..200].to_vec(), seals: had.seals[..200].to_vec(), ..had };
    assert!(part.seals.iter().all(|(_, seal)| seal.signature.is_none()));
    world.restart(1, part);
    world.go_online(1);
    world.assert_equal();
    world.forget();
    world.go_online(1);
    assert_eq!((world.refused.as_slice(), world.store.log.len()), (&[][..], 2 * RUN_CHANGES_MAX));
    world.go_online(0);
    world.assert_equal();
}
