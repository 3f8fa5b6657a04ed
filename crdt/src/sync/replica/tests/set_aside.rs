//! Authors whose changes cannot be taken: theirs are set aside, everybody else's come.

use alloc::vec::Vec;

use bytes::Bytes;

use super::harness::{DOCUMENT, World, id};
use crate::causal::HELD_BACK_CHANGES_MAX;
use crate::change::{Change, Header, Op};
use crate::document::ReceiveError;
use crate::envelope::{Envelope, seal};
use crate::id::OpId;
use crate::sync::{LinkState, Output, SetAsideReason};

/// What the payload of [`change`] begins with stands here: its version.
const PAYLOAD_AT: usize = 36;

/// Two characters behind this one.
fn change(author: u8, first_seq: u64, deps: &[(u8, u64)], left: Option<OpId>) -> Bytes {
    let deps = deps.iter().map(|(other, units)| (id(*other), *units)).collect();
    let header = Header { replica: id(author), first_seq, len: 2, deps, heads: false };
    let ops = Vec::from([Op::Insert { left, right: None, text: "no".into() }]);
    seal(DOCUMENT, &Change { header, ops }).bytes().clone()
}

/// One that names a character that its author cannot have seen.
fn forged(author: u8, first_seq: u64) -> Bytes {
    change(author, first_seq, &[], Some(OpId::new(id(77), 0)))
}

fn of_the_future(author: u8) -> Bytes {
    let mut bytes = change(author, 0, &[], None).to_vec();
    bytes[PAYLOAD_AT] = 99;
    bytes.into()
}

/// The link is live, and this was set aside: the authors, and how many changes.
fn assert_set_aside(world: &World, at: usize, authors: &[u8], changes: u64) {
    let replica = &world.nodes[at].replica;
    assert_eq!((replica.link(), replica.link_error()), (&LinkState::Live, None), "replica {at}");
    let expected: Vec<_> = authors.iter().map(|author| id(*author)).collect();
    let named: Vec<_> = replica.set_aside().authors().map(|(author, _)| author).collect();
    assert_eq!((named, replica.set_aside().changes()), (expected, changes), "replica {at}");
    assert_eq!(replica.document().held_back(), 0, "replica {at}");
}

#[test]
fn one_authors_forgery_keeps_nobody_elses_changes_from_coming() {
    let mut world = World::online(2);
    world.write(0, "kept");
    world.smuggle(id(9), &[forged(9, 0), forged(9, 2)]);
    world.write(0, " and");
    world.write(1, " on");
    for at in 0..2 {
        assert_eq!(world.text(at), "kept and on");
        assert_set_aside(&world, at, &[9], 2);
        assert_eq!(world.nodes[at].replica.units_waiting(), 0);
        let reason = world.nodes[at].replica.set_aside().authors().next().map(|(_, reason)| reason);
        assert!(matches!(reason, Some(SetAsideReason::Refused(ReceiveError::Unknown { .. }))), "{reason:?}");
        assert!(!world.nodes[at].replica.set_aside().needs_newer());
        assert!(world.nodes[at].outputs.contains(&Output::StatusChanged));
    }
}

#[test]
fn a_newcomer_is_served_past_a_forgery_and_not_over_and_over() {
    let mut world = World::online(1);
    world.smuggle(id(9), &[forged(9, 0)]);
    for _ in 0..10 {
        world.write(0, "word ");
    }
    world.nodes.push(super::harness::Node::new(id(2)));
    world.go_online(1);
    assert_eq!(world.text(1), world.text(0));
    assert_set_aside(&world, 1, &[9], 1);
    let attempts = world.nodes[1].outputs.iter().filter(|output| **output == Output::Connect).count();
    assert_eq!(attempts, 1);
}

#[test]
fn what_builds_upon_a_forgery_is_not_held_back() {
    let mut world = World::online(1);
    world.say_change(0, &forged(9, 0));
    let now = world.now;
    for seq in 0..=HELD_BACK_CHANGES_MAX as u64 {
        let envelope = Envelope::decode(change(8, seq * 2, &[(9, 2)], None)).unwrap();
        let frame = world.nodes[0].heard.1.frame(&envelope);
        let node = &mut world.nodes[0];
        node.link.open(&frame).hand_to(&mut node.replica, now);
    }
    world.say_change(0, &change(7, 0, &[], None));
    assert_eq!(world.text(0), "no");
    assert_set_aside(&world, 0, &[9], HELD_BACK_CHANGES_MAX as u64 + 2);
}

#[test]
fn a_change_that_turns_out_forged_when_its_past_is_here_is_set_aside() {
    let mut world = World::online(1);
    world.say_change(0, &change(8, 0, &[(7, 2)], Some(OpId::new(id(7), 5))));
    assert_eq!(world.nodes[0].replica.document().held_back(), 1);
    world.say_change(0, &change(7, 0, &[], None));
    assert_eq!(world.text(0), "no");
    assert_set_aside(&world, 0, &[8], 1);
}

#[test]
fn an_author_that_uses_ids_twice_is_set_aside() {
    let mut world = World::online(1);
    world.say_change(0, &change(9, 0, &[], None));
    world.say_change(0, &change(9, 1, &[], None));
    world.say_change(0, &change(9, 2, &[], None));
    assert_eq!(world.text(0), "no");
    assert_set_aside(&world, 0, &[9], 2);
}

#[test]
fn a_payload_that_is_torn_or_too_new_is_told_apart() {
    let mut world = World::online(1);
    let mut torn = change(8, 0, &[], None).to_vec();
    torn.pop();
    world.smuggle(id(8), &[torn.into()]);
    assert!(!world.nodes[0].replica.set_aside().needs_newer());
    world.smuggle(id(9), &[of_the_future(9), change(9, 2, &[], None)]);
    assert!(world.nodes[0].replica.set_aside().needs_newer());
    assert_set_aside(&world, 0, &[8, 9], 3);
    let reasons: Vec<_> = world.nodes[0].replica.set_aside().authors().map(|(_, reason)| reason).collect();
    assert!(matches!(reasons[0], SetAsideReason::Refused(ReceiveError::Payload(_))), "{reasons:?}");
    assert_eq!(reasons[1], SetAsideReason::Newer);
}

#[test]
fn what_was_set_aside_comes_again_to_whoever_may_be_able_to_read_it() {
    let mut world = World::online(2);
    world.write(0, "before ");
    world.pass(20_000_000);
    assert_eq!(world.nodes[1].resume.map(|resume| resume.position), Some(1));
    world.smuggle(id(9), &[of_the_future(9)]);
    for _ in 0..200 {
        world.write(0, "behind ");
    }
    world.pass(20_000_000);
    assert_eq!(world.nodes[1].resume.map(|resume| resume.position), Some(1), "not beyond what was set aside");
    let stored = world.nodes[1].stored.len();
    world.restart(1);
    assert!(world.nodes[1].replica.set_aside().is_empty());
    world.go_online(1);
    assert_set_aside(&world, 1, &[9], 1);
    assert_eq!(world.nodes[1].stored.len(), stored, "the rest is not taken again");
    world.restart_relay([0xe2; 16], Vec::new());
    world.pass(5_000_000);
    assert!(world.nodes[1].replica.set_aside().is_empty(), "this relay has no such change");
    world.assert_equal();
}

#[test]
fn what_the_relay_saved_is_remembered_beside_what_was_set_aside() {
    let mut world = World::new(1);
    world.smuggle(id(9), &[of_the_future(9)]);
    world.go_online(0);
    world.write(0, "abc");
    assert_eq!(world.nodes[0].resume.map(|resume| resume.position), Some(0));
    world.restart(0);
    assert_eq!(world.nodes[0].replica.units_waiting(), 0);
}
