//! What the disk has to do with what is sent and said.

use super::harness::{Disk, World, id};
use crate::sync::{HELD_INTERVAL_US, LinkState, Output};

#[test]
fn nothing_is_sent_before_it_is_on_this_disk() {
    let mut world = World::online(2);
    world.nodes[0].disk = Disk::Slow;
    world.write(0, "early");
    assert!(world.changes_sent(0).is_empty());
    assert_eq!((world.nodes[0].replica.units_made(), world.nodes[0].replica.units_saved_here()), (5, 0));
    world.nodes[0].disk = Disk::Good;
    world.settle();
    assert_eq!(world.text(1), "early");
    assert_eq!(world.nodes[0].replica.units_saved_at_relay(), 5);
    world.assert_equal();
}

#[test]
fn a_failing_disk_stops_the_sending_and_not_the_writing() {
    let mut world = World::online(2);
    world.write(0, "before ");
    world.nodes[0].disk = Disk::Failing;
    world.write(0, "during ");
    world.write(0, "still ");
    world.write(1, "[other]");
    assert!(world.nodes[0].replica.persist_failed());
    assert_eq!(world.changes_sent(0).len(), 1);
    assert_eq!(world.text(0).chars().count(), "before during still [other]".len());
    assert_eq!(*world.nodes[0].replica.link(), LinkState::Live);
    world.nodes[0].disk = Disk::Good;
    world.settle();
    assert_eq!(world.changes_sent(0).len(), 1, "it waits to be told");
    world.nodes[0].replica.retry_persist();
    world.settle();
    assert_eq!(world.nodes[0].stored.len(), 4);
    assert_eq!(world.nodes[0].replica.units_saved_at_relay(), "before during still ".len() as u64);
    world.assert_equal();
}

#[test]
fn what_was_not_on_the_disk_of_a_relay_is_sent_again() {
    let mut world = World::online(2);
    world.write(0, "kept ");
    let before = world.relay_stored.clone();
    world.write(0, "lost ");
    world.restart_relay(super::harness::EPOCH, before);
    world.pass(5_000_000);
    world.assert_equal();
    assert_eq!(world.nodes[0].replica.units_saved_at_relay(), 10);
}

#[test]
fn a_place_in_the_relays_log_is_remembered_only_when_all_before_it_is_on_this_disk() {
    let mut world = World::online(2);
    world.nodes[1].disk = Disk::Slow;
    for word in ["one ", "two ", "three "] {
        world.write(0, word);
    }
    world.pass(20_000_000);
    assert_eq!(world.text(1), "one two three ");
    assert_eq!(world.nodes[1].resume.map_or(0, |resume| resume.position), 0);
    world.nodes[1].disk = Disk::Good;
    world.pass(20_000_000);
    assert_eq!(world.nodes[1].resume.map(|resume| resume.position), Some(3));
}

#[test]
fn others_are_told_what_is_on_this_disk_and_not_too_often() {
    let mut world = World::online(2);
    for _ in 0..50 {
        world.write(0, "x");
        world.pass(10_000);
    }
    world.pass(HELD_INTERVAL_US);
    assert_eq!(world.nodes[0].replica.holders(), [id(2)]);
    let held = |frame: &bytes::Bytes| matches!(super::Frame::decode(frame), Ok(super::Frame::Held { .. }));
    let announced = world.sent.iter().filter(|(at, frame)| *at == 1 && held(frame)).count();
    assert!((3..=5).contains(&announced), "{announced} in 0.7 s");
    world.nodes[1].disk = Disk::Slow;
    world.write(0, "y");
    world.pass(1_000_000);
    assert!(world.nodes[0].replica.holders().is_empty());
}

#[test]
fn a_restart_goes_on_from_the_disk() {
    let mut world = World::online(2);
    world.write(0, "first ");
    world.nodes[0].disk = Disk::Slow;
    world.write(0, "unsynced ");
    world.nodes[0].stored.truncate(1);
    world.nodes[0].disk = Disk::Good;
    world.restart(0);
    assert_eq!(world.text(0), "first ");
    world.write(1, "meanwhile ");
    world.go_online(0);
    world.write(0, "again ");
    world.assert_equal();
    assert_eq!(world.text(0), "first meanwhile again ");
    assert!(!world.nodes[0].replica.clone_detected());
}

#[test]
fn every_change_is_persisted_once_and_in_order() {
    let mut world = World::online(3);
    for round in 0..6 {
        world.write(round % 3, "ab");
    }
    let persisted = |output: &Output| matches!(output, Output::Persist { .. });
    for node in &world.nodes {
        assert_eq!(node.outputs.iter().filter(|output| persisted(output)).count(), 6);
    }
    world.assert_equal();
}
