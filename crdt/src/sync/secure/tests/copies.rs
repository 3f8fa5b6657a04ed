//! A library that was copied or restored goes on under another id.

use super::*;
use crate::sync::HeirError;

/// Two devices with the disk that the first one had: the second is its copy, and a third that is nobody's.
fn copied(world: &mut World, disk: &Disk) {
    world.devices[1].credentials.replica = key(0);
    world.restart(1, disk.clone());
}

fn detected(world: &World, at: usize) -> bool {
    world.devices[at].replica.clone_detected()
}

#[test]
fn what_each_copy_wrote_is_there_once() {
    let mut world = World::new(3);
    world.go_online(0);
    world.go_online(2);
    world.write(0, "both");
    world.go_offline(0);
    world.write(0, " unsent");
    let disk = world.devices[0].disk.clone();
    copied(&mut world, &disk);
    world.write(0, "-mine");
    world.go_online(0);
    world.write(2, "!");
    world.go_offline(0);
    world.write(1, "+ours");
    world.go_online(1);
    assert!(detected(&world, 1), "{:?}", world.devices[1].errors);
    assert_eq!(world.text(1), "both unsent+ours");
    world.write(1, " and more");
    world.trace(1, key(7));
    assert!(!detected(&world, 1), "{:?}", world.devices[1].errors);
    world.go_online(0);
    world.assert_equal();
    let text = world.text(1);
    for (part, times) in [("both", 1), (" unsent", 1), ("-mine!", 1), ("+ours and more", 1)] {
        assert_eq!(text.matches(part).count(), times, "{part} in {text}");
    }
    for (at, letters) in [(0, "x"), (1, "y"), (2, "z")] {
        world.write(at, letters);
    }
    world.assert_equal();
}

#[test]
fn a_library_that_was_restored_and_not_written_in_takes_nothing_for_its_own() {
    let mut world = World::new(2);
    world.go_online(0);
    world.write(0, "old");
    world.go_offline(0);
    world.write(0, " unsent");
    let backup = world.devices[0].disk.clone();
    world.go_online(0);
    world.write(0, " new");
    world.restart(0, backup);
    world.go_online(0);
    assert!(detected(&world, 0));
    world.trace(0, key(7));
    world.go_online(1);
    world.write(0, "!");
    world.assert_equal();
    assert_eq!(world.text(0), "old unsent new!");
    assert_eq!(world.devices[0].replica.units_made(), 1);
}

#[test]
fn what_a_relay_has_lost_stays_what_it_was() {
    // Both copies are on line, and the relay has forgotten nearly everything that the first wrote.
    let mut world = World::new(3);
    world.go_online(0);
    world.write(0, "ab");
    let old = world.store.clone();
    world.write(0, "cd");
    world.go_online(2);
    world.go_offline(2);
    let disk = world.devices[0].disk.clone();
    let mut copy = disk.load(keys().document(), key(0).id());
    assert_eq!(copy.units_saved_at_relay(), 0, "how much the relay had is kept elsewhere");
    world.restart_relay([0xe2; 16], old);
    copied(&mut world, &disk);
    copy = Replica::new(copy.document().clone(), ReplicaConfig { saved_at_relay: 4, ..ReplicaConfig::default() })
        .with_seals(copy.seals().unwrap().clone());
    world.devices[1].replica = copy;
    world.trace(1, key(7));
    assert_eq!(world.devices[1].replica.units_made(), 0, "it is at the other device as it was");
    world.go_online(2);
    world.write(1, "e");
    world.write(2, "f");
    assert_eq!((world.text(1), world.text(2)), ("abcdef".to_string(), "abcdef".to_string()));
}

#[test]
fn nothing_is_sent_or_delivered_while_the_id_is_traced() {
    let mut world = World::new(2);
    world.go_online(0);
    world.write(0, "a");
    world.go_offline(0);
    let disk = world.devices[0].disk.clone();
    world.write(0, "mine");
    world.go_online(0);
    world.go_online(1);
    world.write(1, "!");
    world.go_offline(0);
    world.restart(0, disk);
    world.write(0, "ours");
    world.go_online(0);
    let kept = world.store.log.len();
    // The relay does not say that it has sent everything.
    world.tamper_down = |at, frame| match Frame::decode(&frame) {
        Ok(Frame::Progress { .. }) if at == 0 => None,
        _ => Some(frame),
    };
    world.trace(0, key(7));
    world.write(0, "!");
    let replica = &world.devices[0].replica;
    assert!(replica.is_tracing() && replica.poll_timeout().is_some());
    assert_eq!((world.text(0).as_str(), world.store.log.len()), ("aours!", kept));
    let (keys, former) = (keys(), key(0));
    let early = replica.heir(ReplicaConfig::default(), &keys, &former);
    assert_eq!(early.err(), Some(HeirError::NotTraced));
    world.tamper_down = |_, frame| Some(frame);
    world.drop_link(0);
    world.now.monotonic_us += 60_000_000;
    world.devices[0].replica.handle_timeout(world.now);
    world.settle();
    world.go_offline(0);
    world.go_online(0);
    world.assert_equal();
    assert_eq!(world.text(0).len(), "amine!ours!".len());
}
