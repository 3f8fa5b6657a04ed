//! What the getters say to whoever shows it.

use alloc::vec;
use alloc::vec::Vec;

use bytes::Bytes;

use super::harness::{DOCUMENT, World, id};
use crate::document::{Document, EditError};
use crate::sync::frame::PRESENCE_BYTES_MAX;
use crate::sync::{LinkState, Now, Output, Replica, ReplicaConfig};

const HOUR_US: i64 = 3_600_000_000;

#[test]
fn a_clock_three_hours_wrong_is_shown_and_changes_nothing() {
    for clock_us in [3 * HOUR_US, -3 * HOUR_US] {
        let mut world = World::new(2);
        world.nodes[0].clock_us = clock_us;
        world.frame_us = 700;
        world.go_online(0);
        world.go_online(1);
        world.write(0, "The same ");
        world.write(1, "text.");
        world.pass(5_000_000);
        let (offset_us, uncertainty_us) = world.nodes[0].replica.clock_offset_us().expect("an offset");
        assert!(
            offset_us.abs_diff(clock_us) <= uncertainty_us && uncertainty_us < 10_000,
            "{offset_us} ± {uncertainty_us}"
        );
        let (offset_us, uncertainty_us) = world.nodes[1].replica.clock_offset_us().expect("an offset");
        assert!(offset_us.unsigned_abs() <= uncertainty_us);
        world.assert_equal();
        assert_eq!(world.text(0), "The same text.");
    }
}

#[test]
fn presence_comes_and_goes() {
    let mut world = World::online(2);
    world.nodes[0].replica.set_presence(Some(Bytes::from_static(b"Ana"))).unwrap();
    world.pass(100_000);
    let seen = |world: &World| world.nodes[1].replica.peers().get(&id(1)).and_then(|peer| peer.presence.clone());
    assert_eq!(seen(&world).as_deref(), Some(&b"Ana"[..]));
    world.nodes[0].replica.set_presence(None).unwrap();
    world.pass(100_000);
    assert_eq!(seen(&world), None);
    world.nodes[0].replica.set_presence(Some(Bytes::from_static(b"Ana again"))).unwrap();
    world.pass(100_000);
    assert_eq!(seen(&world).as_deref(), Some(&b"Ana again"[..]));
    world.go_offline(0);
    assert_eq!(seen(&world), None);
    world.go_online(0);
    world.pass(100_000);
    assert_eq!(seen(&world).as_deref(), Some(&b"Ana again"[..]));
    world.go_offline(1);
    assert_eq!(seen(&world), None);
    world.go_online(1);
    assert_eq!(seen(&world).as_deref(), Some(&b"Ana again"[..]));
}

#[test]
fn a_presence_that_is_too_long_is_refused_where_it_is_made() {
    let mut world = World::online(1);
    let payload = Bytes::from(vec![0; PRESENCE_BYTES_MAX + 1]);
    let error = EditError::TooLong { bytes: PRESENCE_BYTES_MAX + 1, limit: PRESENCE_BYTES_MAX };
    assert_eq!(world.nodes[0].replica.set_presence(Some(payload.slice(1..))), Ok(()));
    assert_eq!(world.nodes[0].replica.set_presence(Some(payload)), Err(error));
}

#[test]
fn where_the_last_edit_is() {
    let mut world = World::online(3);
    world.go_offline(0);
    world.write(0, "abc");
    let replica = &world.nodes[0].replica;
    assert_eq!((replica.units_made(), replica.units_saved_here(), replica.units_saved_at_relay()), (3, 3, 0));
    assert_eq!((replica.units_waiting(), replica.holders()), (3, vec![]));
    let made_us = world.now.monotonic_us;
    world.pass(180_000_000);
    assert_eq!(world.nodes[0].replica.oldest_waiting_us(), Some(made_us));
    world.go_online(0);
    world.pass(1_000_000);
    let replica = &world.nodes[0].replica;
    assert_eq!((replica.units_saved_at_relay(), replica.units_waiting()), (3, 0));
    assert_eq!((replica.oldest_waiting_us(), replica.holders()), (None, vec![id(2), id(3)]));
    assert_eq!(*replica.link(), LinkState::Live);
}

#[test]
fn what_the_relay_saved_is_known_after_a_restart() {
    let mut world = World::online(1);
    world.write(0, "abc");
    world.nodes[0].outputs.clear();
    world.write(0, "de");
    let remembered = |output: &Output| matches!(output, Output::PersistResume { .. });
    assert!(world.nodes[0].outputs.iter().any(remembered), "without waiting for a heartbeat");
    world.restart(0);
    assert_eq!(world.nodes[0].replica.units_waiting(), 0);
}

#[test]
fn edits_of_here_and_elsewhere_come_out_the_same_way() {
    let mut world = World::online(2);
    world.write(0, "abc");
    world.nodes[0].replica.set("title", Some(crate::change::Value::Text("T".into()))).unwrap();
    world.nodes[0].replica.delete(0..1).unwrap();
    world.nodes[0].replica.commit();
    world.settle();
    assert!(world.nodes[0].replica.undo());
    world.nodes[0].replica.commit();
    world.settle();
    for node in &world.nodes {
        let mut len = 0;
        for output in &node.outputs {
            if let Output::Patched(patch) = output {
                len = len - patch.splice.deleted + patch.splice.inserted;
            }
        }
        assert_eq!(len, node.replica.document().text().len_chars());
        assert!(node.outputs.contains(&Output::MapChanged { key: "title".into() }));
    }
    world.assert_equal();
}

fn off_line() -> Replica {
    Replica::new(Document::new(DOCUMENT, id(1)), ReplicaConfig::default())
}

fn outputs(replica: &mut Replica) -> Vec<Output> {
    core::iter::from_fn(|| replica.poll_output()).collect()
}

#[test]
fn edits_that_change_nothing_are_not_told_of() {
    let mut replica = off_line();
    replica.insert(0, "").unwrap();
    replica.delete(0..0).unwrap();
    replica.commit();
    assert_eq!(outputs(&mut replica), []);
}

#[test]
fn it_is_told_when_units_were_made_and_when_they_are_on_this_disk() {
    let (mut replica, now) = (off_line(), Now::default());
    replica.insert(0, "abc").unwrap();
    replica.commit();
    assert!(outputs(&mut replica).contains(&Output::StatusChanged));
    replica.handle_persisted(now, 1);
    assert_eq!((outputs(&mut replica), replica.units_saved_here()), (vec![Output::StatusChanged], 3));
    replica.handle_persisted(now, 1);
    assert_eq!(outputs(&mut replica), [], "nothing new");
}

#[test]
fn whether_the_disk_refused_is_known_until_it_is_tried_again() {
    let mut replica = off_line();
    assert!(!replica.persist_failed());
    replica.handle_persist_failed();
    assert!(replica.persist_failed());
    replica.retry_persist();
    assert!(!replica.persist_failed());
}

#[test]
fn groups_of_edits_are_undone_and_made_again_one_by_one() {
    let mut replica = off_line();
    assert!(!replica.undo() && !replica.redo());
    replica.insert(0, "a").unwrap();
    replica.end_undo_group();
    replica.insert(1, "b").unwrap();
    let text = |replica: &Replica| replica.document().text().slice(0..usize::MAX);
    assert_eq!((replica.undo(), text(&replica).as_str()), (true, "a"));
    assert_eq!((replica.redo(), text(&replica).as_str()), (true, "ab"));
    assert!(!replica.redo());
}

#[test]
fn changes_are_made_at_the_time_that_was_said() {
    let mut replica = off_line();
    replica.set_time(1_790_000_000);
    replica.insert(0, "a").unwrap();
    replica.commit();
    assert_eq!(replica.document().log().time(0), Some(1_790_000_000));
}

#[test]
fn the_round_trip_is_as_long_as_a_frame_there_and_one_back() {
    let mut world = World::new(1);
    world.frame_us = 700;
    world.go_online(0);
    world.pass(60_000_000);
    let round_trip_us = world.nodes[0].replica.round_trip_us().expect("an answer");
    assert!((1_400..2_800).contains(&round_trip_us), "{round_trip_us}");
}

#[test]
fn it_is_told_when_a_change_waits_for_its_past() {
    let mut world = World::online(1);
    let mut other = Document::new(DOCUMENT, id(9));
    for text in ["a", "b", "c"] {
        other.insert(0, text).unwrap();
        other.commit();
    }
    let mut told = |position| {
        world.nodes[0].outputs.clear();
        world.say_change(0, other.log().envelope(position).unwrap().bytes());
        let node = &world.nodes[0];
        (node.replica.document().held_back(), node.outputs.contains(&Output::StatusChanged))
    };
    assert_eq!((told(0), told(2)), ((0, false), (1, true)));
}
