//! What the getters say to whoever shows it.

use alloc::vec;

use bytes::Bytes;

use super::harness::{World, id};
use crate::document::EditError;
use crate::sync::frame::PRESENCE_BYTES_MAX;
use crate::sync::{LinkState, Output};

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
