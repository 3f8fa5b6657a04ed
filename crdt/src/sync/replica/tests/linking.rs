//! How links begin, end, and begin again.

use alloc::vec::Vec;

use super::Frame;
use super::harness::{DOCUMENT, EPOCH, World, id, loaded};
use crate::id::OpId;
use crate::sync::SUSPECT_AFTER_FIRST_US;
use crate::sync::frame::{Refusal, RefusalReason};
use crate::sync::{
    BACKOFF_LONGEST_US, CONNECT_WITHIN_US, GREET_WITHIN_US, LinkError, LinkState, Output, RelayNotice, Replica,
    ReplicaConfig, Transmit,
};

const SECOND_US: u64 = 1_000_000;

#[test]
fn both_sides_get_what_the_other_wrote_off_line() {
    let mut world = World::online(2);
    world.write(0, "Both. ");
    world.go_offline(0);
    world.write(0, "Here. ");
    world.write(1, "There. ");
    assert_ne!(world.text(0), world.text(1));
    world.go_online(0);
    world.assert_equal();
    assert_eq!(world.text(0).len(), "Both. Here. There. ".len());
    assert_eq!(*world.nodes[0].replica.link(), LinkState::Live);
    assert_eq!(world.nodes[0].replica.units_waiting(), 0);
}

#[test]
fn a_change_is_sent_once() {
    let mut world = World::online(2);
    for at in [0, 1, 0, 1] {
        world.write(at, "word ");
        world.go_offline(at);
        world.write(at, "more ");
        world.go_online(at);
    }
    assert_eq!(world.changes_sent(0).len() + world.changes_sent(1).len(), 8);
    world.assert_equal();
}

#[test]
fn what_the_relay_says_it_lacks_is_sent_again() {
    let mut world = World::online(2);
    world.write(0, "a");
    world.write(1, "b");
    world.write(0, "c");
    world.sent.clear();
    world.go_offline(0);
    world.go_online(0);
    assert_eq!(world.changes_sent(0), []);
    world.say(0, &Frame::Missing { version: [(id(1), 1)].into_iter().collect() });
    let sent: Vec<OpId> = world.changes_sent(0).iter().map(|change| change.header().first_id()).collect();
    assert_eq!(sent, [OpId::new(id(2), 0), OpId::new(id(1), 1)], "in the order of the log");
    assert_eq!(*world.nodes[0].replica.link(), LinkState::Live);
    world.assert_equal();
}

#[test]
fn a_change_that_comes_twice_is_taken_once() {
    let mut world = World::online(2);
    world.write(0, "once");
    let change = world.relay_stored[0].clone();
    world.nodes[1].outputs.clear();
    world.say_change(1, &change);
    assert_eq!((world.text(1).as_str(), world.nodes[1].stored.len()), ("once", 1));
    assert!(!world.nodes[1].outputs.iter().any(|output| matches!(output, Output::Patched(_) | Output::Persist { .. })));
    assert_eq!(*world.nodes[1].replica.link(), LinkState::Live);
}

#[test]
fn a_relay_that_lost_everything_is_refilled_with_everybodys_changes_by_one_replica() {
    let mut world = World::online(3);
    for at in [0, 1, 2, 0, 1, 2] {
        world.write(at, "word ");
    }
    world.go_offline(0);
    world.go_offline(2);
    world.restart_relay([0xe2; 16], Vec::new());
    world.pass(5 * SECOND_US);
    assert_eq!(world.relay_stored.len(), 6);
    assert_eq!(world.nodes[1].replica.relay_notice(), Some(RelayNotice::Replaced));
    assert_eq!(world.nodes[1].replica.units_saved_at_relay(), 10);
    world.go_online(0);
    assert_eq!(world.nodes[0].replica.relay_notice(), Some(RelayNotice::Replaced));
    assert_eq!(world.nodes[0].replica.units_saved_at_relay(), 10);
    world.go_online(2);
    world.write(2, "on");
    world.assert_equal();
    world.go_offline(2);
    world.go_online(2);
    assert_eq!(world.nodes[2].replica.relay_notice(), None);
}

#[test]
fn that_the_relay_keeps_what_others_wrote_is_known_when_it_is_greeted_again() {
    let mut world = World::online(2);
    world.write(0, "theirs ");
    world.write(1, "mine");
    world.go_offline(0);
    world.restart_relay([0xe2; 16], Vec::new());
    world.pass(5 * SECOND_US);
    let kept = |world: &World| world.nodes[1].replica.version_at_relay().iter().collect::<Vec<_>>();
    assert_eq!(kept(&world), [(id(2), 4)], "as it has acknowledged");
    let now = world.now;
    world.nodes[1].replica.greet_again(now);
    world.settle();
    let replica = &world.nodes[1].replica;
    assert_eq!((replica.link(), replica.version_at_relay()), (&LinkState::Live, replica.document().version()));
    assert_eq!(world.changes_sent(1).len(), 3, "its own twice, the other's once");
}

#[test]
fn nobody_is_greeted_again_who_was_not_greeted() {
    let mut world = World::new(1);
    let now = world.now;
    let replica = &mut world.nodes[0].replica;
    replica.greet_again(now);
    assert_eq!((replica.poll_output(), replica.link()), (None, &LinkState::Off));
}

#[test]
fn an_old_copy_of_the_relays_store_is_noticed_and_refilled() {
    let mut world = World::online(2);
    world.write(0, "old ");
    let copy = world.relay_stored.clone();
    world.write(0, "new ");
    world.write(1, "newer ");
    world.pass(20 * SECOND_US);
    world.restart_relay(EPOCH, copy);
    world.pass(5 * SECOND_US);
    assert_eq!(world.nodes[0].replica.relay_notice(), Some(RelayNotice::Lost { had: 8, has: 4 }));
    world.assert_equal();
}

#[test]
fn a_resumed_link_is_not_sent_what_it_had() {
    let mut world = World::online(2);
    for _ in 0..30 {
        world.write(0, "word ");
    }
    world.pass(20 * SECOND_US);
    world.restart(1);
    world.write(0, "last");
    world.go_online(1);
    let changes = world.nodes[1].outputs.iter().filter(|output| matches!(output, Output::Persist { .. })).count();
    assert_eq!(changes, 31);
    world.assert_equal();
}

#[test]
fn an_unreachable_relay_is_tried_again_and_again_with_longer_pauses() {
    let mut world = World::new(1);
    world.relay_up = false;
    world.go_online(0);
    world.write(0, "offline");
    world.pass(600 * SECOND_US);
    let attempts = world.nodes[0].outputs.iter().filter(|output| **output == Output::Connect).count();
    assert!((12..80).contains(&attempts), "{attempts} attempts in ten minutes");
    assert_eq!(world.nodes[0].replica.units_waiting(), 7);
    assert!(world.nodes[0].replica.oldest_waiting_us().is_some_and(|at| at <= 2 * SECOND_US));
    world.relay_up = true;
    world.pass(BACKOFF_LONGEST_US);
    assert_eq!(*world.nodes[0].replica.link(), LinkState::Live);
    assert_eq!((world.nodes[0].replica.units_waiting(), world.nodes[0].replica.oldest_waiting_us()), (0, None));
}

#[test]
fn the_user_need_not_wait_for_the_next_attempt() {
    let mut world = World::new(1);
    world.relay_up = false;
    world.go_online(0);
    world.relay_up = true;
    assert!(matches!(world.nodes[0].replica.link(), LinkState::Waiting { .. }));
    world.go_online(0);
    assert_eq!(*world.nodes[0].replica.link(), LinkState::Live);
}

#[test]
fn a_relay_that_does_not_welcome_is_left() {
    let mut world = World::new(1);
    world.go_offline(0);
    let now = world.now;
    let replica = &mut world.nodes[0].replica;
    replica.go_online(now);
    assert_eq!(replica.poll_output(), Some(Output::Connect));
    replica.handle_connected(now);
    let Some(Transmit::Frame(hello)) = replica.poll_transmit(now) else { panic!("no Hello") };
    assert!(matches!(Frame::decode(&hello), Ok(Frame::Hello(_))));
    assert_eq!(replica.poll_transmit(now), None);
    replica.handle_timeout(now.plus_us(GREET_WITHIN_US));
    assert_eq!(replica.link_error(), Some(&LinkError::Greet));
    assert!(matches!(replica.link(), LinkState::Waiting { .. }));
}

#[test]
fn a_transport_that_does_not_open_is_given_up() {
    let mut world = World::new(1);
    let now = world.now;
    let replica = &mut world.nodes[0].replica;
    replica.go_online(now);
    assert_eq!(replica.poll_output(), Some(Output::Connect));
    assert_eq!(replica.poll_timeout(), Some(now.monotonic_us + CONNECT_WITHIN_US));
    replica.handle_timeout(now.plus_us(CONNECT_WITHIN_US - 1));
    assert_eq!((replica.link(), replica.link_error()), (&LinkState::Connecting, None));
    replica.handle_timeout(now.plus_us(CONNECT_WITHIN_US));
    assert_eq!(replica.link_error(), Some(&LinkError::Connect));
    assert!(matches!(replica.link(), LinkState::Waiting { .. }));
    let outputs: Vec<_> = core::iter::from_fn(|| replica.poll_output()).collect();
    assert!(outputs.contains(&Output::Disconnect), "{outputs:?}");
    replica.handle_connected(now.plus_us(CONNECT_WITHIN_US));
    assert!(matches!(replica.link(), LinkState::Waiting { .. }), "too late");
}

#[test]
fn a_refusal_is_kept_and_followed() {
    let refusal = |retry_after_ms| Refusal { reason: RefusalReason::Documents, limit: 3, value: 3, retry_after_ms };
    let mut world = World::online(1);
    world.say(0, &Frame::Refused(refusal(5_000)));
    assert_eq!(world.nodes[0].replica.refusal(), Some(refusal(5_000)));
    let LinkState::Waiting { until_us } = *world.nodes[0].replica.link() else { panic!("not waiting") };
    assert!(until_us >= world.now.monotonic_us + 5 * SECOND_US);
    world.pass(10 * SECOND_US);
    assert_eq!((*world.nodes[0].replica.link(), world.nodes[0].replica.refusal()), (LinkState::Live, None));
    world.say(0, &Frame::Refused(refusal(0)));
    world.pass(600 * SECOND_US);
    assert_eq!(*world.nodes[0].replica.link(), LinkState::Off);
    assert_eq!(world.nodes[0].replica.refusal(), Some(refusal(0)));
    assert!(world.nodes[0].outputs.contains(&Output::Refused(refusal(0))));
}

#[test]
fn the_older_of_two_links_of_a_replica_ends_and_stays_away() {
    let mut world = World::online(2);
    world.write(0, "one");
    let twin = loaded(id(1), &world.nodes[0].stored);
    world.nodes[1].replica = Replica::new(twin, ReplicaConfig::default());
    world.go_online(1);
    assert_eq!(world.nodes[0].replica.refusal().map(|refusal| refusal.reason), Some(RefusalReason::Replaced));
    assert_eq!(*world.nodes[0].replica.link(), LinkState::Off);
    assert_eq!(*world.nodes[1].replica.link(), LinkState::Live);
}

#[test]
fn a_restored_store_is_told_from_a_late_one_and_loses_nothing() {
    let mut world = World::online(2);
    world.write(0, "first ");
    let backup = world.nodes[0].stored.clone();
    world.write(0, "second ");
    world.go_offline(0);
    world.nodes[0].stored = backup;
    world.restart(0);
    world.write(0, "third ");
    world.go_online(0);
    let replica = &world.nodes[0].replica;
    assert!(replica.clone_detected());
    assert_eq!(replica.link_error(), Some(&LinkError::Cloned { sent: 6, there: 13 }));
    assert_eq!(*replica.link(), LinkState::Off);
    assert_eq!(world.text(0), "first third ");
    assert_eq!(world.changes_sent(0).len(), 2);
    world.go_online(0);
    assert_eq!(*world.nodes[0].replica.link(), LinkState::Off);
}

#[test]
fn a_twin_that_writes_meanwhile_is_noticed_by_what_this_one_never_sent() {
    let mut world = World::online(2);
    world.write(0, "ab");
    world.go_offline(0);
    let twin = loaded(id(1), &world.nodes[0].stored);
    world.nodes[1].replica = Replica::new(twin, ReplicaConfig::default());
    world.go_online(1);
    world.nodes[1].stored.truncate(1);
    world.write(1, "c");
    world.go_offline(1);
    world.write(0, "xyz");
    world.go_online(0);
    assert_eq!(world.nodes[0].replica.link_error(), Some(&LinkError::Cloned { sent: 2, there: 3 }));
}

#[test]
fn a_silent_relay_is_suspected_and_the_link_made_anew() {
    let mut world = World::online(1);
    world.pass(60 * SECOND_US);
    assert!(world.nodes[0].replica.round_trip_us().is_some());
    assert!(world.nodes[0].conn.take().is_some());
    world.nodes[0].outputs.clear();
    world.pass(SUSPECT_AFTER_FIRST_US + 5 * SECOND_US);
    let transport = |output: &&Output| matches!(output, Output::Connect | Output::Disconnect);
    let transports: Vec<_> = world.nodes[0].outputs.iter().filter(transport).collect();
    assert_eq!(transports, [&Output::Disconnect, &Output::Connect]);
    assert_eq!((*world.nodes[0].replica.link(), world.nodes[0].replica.link_error()), (LinkState::Live, None));
}

#[test]
fn a_hello_says_what_is_on_disk() {
    let mut world = World::online(2);
    world.write(0, "abc");
    world.pass(20 * SECOND_US);
    world.drop_links();
    world.pass(3 * SECOND_US);
    let hellos = world.sent.iter().filter(|(at, _)| *at == 0);
    let hello = hellos.rev().find_map(|(_, frame)| match Frame::decode(frame) {
        Ok(Frame::Hello(hello)) => Some(hello),
        _ => None,
    });
    let hello = hello.expect("a second Hello");
    assert_eq!((hello.document, hello.version.get(id(1))), (DOCUMENT, 3));
    assert_eq!(hello.resume.map(|resume| (resume.epoch, resume.position)), Some((EPOCH, 1)));
}
