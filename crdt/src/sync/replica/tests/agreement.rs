//! Replicas say what they hold, and compare.

use alloc::vec;
use alloc::vec::Vec;

use bytes::Bytes;

use super::Frame;
use super::harness::{DOCUMENT, World, id, loaded};
use crate::document::Document;
use crate::sync::{
    DIGEST_INTERVAL_US, DIGEST_QUIET_US, Divergence, LinkState, Output, PEERS_MAX, Replica, ReplicaConfig,
};

/// The digests that a replica sent so far.
fn said(world: &World, by: usize) -> Vec<Bytes> {
    let frames = world.sent.iter().filter(|(at, _)| *at == by).map(|(_, frame)| frame.clone());
    frames.filter(|frame| matches!(Frame::decode(frame), Ok(Frame::Digest { .. }))).collect()
}

fn alarms(world: &World, at: usize) -> Vec<Divergence> {
    let diverged = |output: &Output| if let Output::Diverged(divergence) = output { Some(*divergence) } else { None };
    world.nodes[at].outputs.iter().filter_map(diverged).collect()
}

/// What a replica said last, with one bit of its state another one, in another's name.
fn lie(world: &World, by: usize, replica: u8) -> Bytes {
    let said = said(world, by).pop().expect("something was said");
    let Ok(Frame::Digest { payload, .. }) = Frame::decode(&said) else { panic!("no digest") };
    let mut payload = payload.to_vec();
    *payload.last_mut().unwrap() ^= 1;
    Frame::Digest { replica: id(replica), payload: &payload }.encode()
}

#[test]
fn what_is_held_is_said_when_it_has_been_quiet_and_once() {
    let mut world = World::online(2);
    world.pass(DIGEST_QUIET_US);
    assert_eq!((said(&world, 0).len(), said(&world, 1).len()), (1, 1), "what the link begins with");
    world.pass(DIGEST_INTERVAL_US);
    for _ in 0..20 {
        world.write(0, "x");
        world.pass(DIGEST_QUIET_US - 1);
    }
    assert_eq!((said(&world, 0).len(), said(&world, 1).len()), (1, 1), "while somebody writes");
    world.pass(1);
    assert_eq!((said(&world, 0).len(), said(&world, 1).len()), (2, 2));
    world.write(1, "y");
    world.pass(DIGEST_INTERVAL_US - 1);
    assert_eq!((said(&world, 0).len(), said(&world, 1).len()), (2, 2), "not again so soon");
    world.pass(1);
    assert_eq!((said(&world, 0).len(), said(&world, 1).len()), (3, 3));
    world.pass(100 * DIGEST_INTERVAL_US);
    assert_eq!((said(&world, 0).len(), said(&world, 1).len()), (3, 3), "nothing moved");
    let of = |world: &World, at: usize| world.nodes[at].replica.peers()[&id(2 - u8::try_from(at).unwrap())].state;
    assert_eq!(of(&world, 0), of(&world, 1), "who delivered the same holds the same");
    assert!(alarms(&world, 0).is_empty() && alarms(&world, 1).is_empty());
}

#[test]
fn it_is_known_when_it_has_been_quiet() {
    let mut world = World::online(1);
    world.pass(10 * DIGEST_INTERVAL_US);
    world.write(0, "x");
    let written_us = world.now.monotonic_us;
    world.pass(DIGEST_QUIET_US / 2);
    let answered = world.nodes[0].replica.poll_timeout();
    assert_eq!(answered, Some(written_us + DIGEST_QUIET_US), "before the next heartbeat");
}

#[test]
fn a_new_link_is_told_what_is_held() {
    let mut world = World::online(2);
    world.write(0, "abc");
    world.pass(DIGEST_INTERVAL_US);
    world.go_offline(1);
    world.go_online(1);
    let before = said(&world, 1).len();
    assert!(world.nodes[1].replica.peers()[&id(1)].state.is_some(), "the relay knows it still");
    world.pass(DIGEST_INTERVAL_US);
    assert_eq!(said(&world, 1).len(), before + 1);
}

#[test]
fn edits_that_are_in_no_change_yet_are_not_spoken_of() {
    let mut world = World::online(1);
    world.pass(DIGEST_INTERVAL_US);
    world.nodes[0].replica.insert(0, "not yet").unwrap();
    world.pass(10 * DIGEST_INTERVAL_US);
    assert_eq!(said(&world, 0).len(), 1);
    world.nodes[0].replica.commit();
    world.pass(DIGEST_QUIET_US);
    assert_eq!(said(&world, 0).len(), 2);
}

#[test]
fn honest_replicas_raise_no_alarm_whatever_they_write_at_once() {
    let mut world = World::online(3);
    for round in 0..12 {
        for at in 0..3 {
            let replica = &mut world.nodes[at].replica;
            replica.insert(0, "at once, é\n").unwrap();
            replica.delete(1..3 + at).unwrap();
            replica.set("k", Some(crate::change::Value::Integer(round))).unwrap();
            replica.commit();
        }
        if round % 3 == 0 {
            world.go_offline(2);
        }
        world.settle();
        world.pass(DIGEST_INTERVAL_US);
        world.go_online(2);
        world.pass(DIGEST_INTERVAL_US);
        world.assert_equal();
        let states = world.nodes.iter().flat_map(|node| node.replica.peers().values().filter_map(|peer| peer.state));
        let mut states: Vec<_> = states.map(|said| (said.version, said.state.text, said.state.map)).collect();
        assert_eq!(states.len(), 6);
        states.dedup();
        assert_eq!(states.len(), 1, "all said the same");
    }
    assert!((0..3).all(|at| alarms(&world, at).is_empty() && world.nodes[at].replica.divergences().is_empty()));
}

#[test]
fn replicas_that_hold_something_else_tell_so_once_and_write_on() {
    let mut world = World::new(3);
    // Whoever was copied wrote equally much at both places.
    for (at, text) in ["ab", "ba", "ab"].into_iter().enumerate() {
        let mut copied = Document::new(DOCUMENT, id(9));
        copied.insert(0, text).unwrap();
        copied.commit();
        let stored = vec![copied.log().envelope(0).unwrap().bytes().clone()];
        let own = id(u8::try_from(at).unwrap() + 1);
        world.nodes[at].replica = Replica::new(loaded(own, &stored), ReplicaConfig::default());
        world.nodes[at].stored.clone_from(&stored);
        world.relay_stored = stored;
    }
    (0..3).for_each(|at| world.go_online(at));
    world.pass(10 * DIGEST_INTERVAL_US);
    world.drop_links();
    world.pass(10 * DIGEST_INTERVAL_US);
    let peers = |at| alarms(&world, at).iter().map(|alarm| alarm.peer).collect::<Vec<_>>();
    assert_eq!((peers(0), peers(1), peers(2)), (vec![id(2)], vec![id(1), id(3)], vec![id(2)]));
    for at in 0..3 {
        assert_eq!(world.nodes[at].replica.divergences(), alarms(&world, at));
        let own = world.nodes[at].replica.document().digest();
        assert!(alarms(&world, at).iter().all(|alarm| alarm.ours == own && alarm.theirs != own));
        assert_eq!(*world.nodes[at].replica.link(), LinkState::Live);
    }
    world.write(0, "goes on");
    assert!(world.text(1).ends_with("goes on") && world.text(2).ends_with("goes on"));
}

#[test]
fn a_lie_raises_one_alarm_whether_it_comes_before_or_behind_the_truth() {
    let mut world = World::online(2);
    world.write(0, "abc");
    world.pass(DIGEST_INTERVAL_US);
    let early = lie(&world, 0, 7);
    world.say_bytes(0, &early);
    world.say_bytes(0, &early);
    assert_eq!(alarms(&world, 0).iter().map(|alarm| alarm.peer).collect::<Vec<_>>(), [id(7)]);
    world.say_bytes(0, &lie(&world, 0, 8));
    assert_eq!(world.nodes[0].replica.divergences().len(), 2, "each replica is told of");
    // The other one has not said what it holds on its new link, and never did here.
    world.restart(1);
    world.go_online(1);
    world.say_bytes(1, &early);
    assert!(alarms(&world, 1).is_empty());
    world.pass(DIGEST_INTERVAL_US);
    assert_eq!(alarms(&world, 1).iter().map(|alarm| alarm.peer).collect::<Vec<_>>(), [id(7)]);
    assert_eq!(*world.nodes[0].replica.link(), LinkState::Live);
}

#[test]
fn what_says_nothing_is_passed_over_and_what_is_remembered_is_bounded() {
    let mut world = World::online(1);
    world.write(0, "abc");
    world.pass(DIGEST_INTERVAL_US);
    let frame = said(&world, 0).pop().unwrap();
    let Ok(Frame::Digest { payload, .. }) = Frame::decode(&frame) else { panic!("no digest") };
    let newer = [&[9], &payload[1..]].concat();
    for payload in [&[][..], &payload[..10], &[1; 2000], &newer] {
        world.say(0, &Frame::Digest { replica: id(7), payload });
    }
    world.say_bytes(0, &lie(&world, 0, 1));
    assert!(world.nodes[0].replica.peers().is_empty() && alarms(&world, 0).is_empty(), "nor in its own name");
    for peer in 0..=PEERS_MAX as u128 {
        let replica = crate::id::ReplicaId::from_bytes((peer << 32).to_be_bytes());
        world.say(0, &Frame::Digest { replica, payload });
    }
    assert_eq!(world.nodes[0].replica.peers().len(), PEERS_MAX);
    assert_eq!(*world.nodes[0].replica.link(), LinkState::Live);
}
