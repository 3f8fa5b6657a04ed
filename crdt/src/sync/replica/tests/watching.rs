//! What the relay's word makes of the link, and when it is tried again.

use alloc::vec::Vec;

use bytes::Bytes;

use super::Frame;
use super::harness::{DOCUMENT, EPOCH, World, id};
use crate::document::Document;
use crate::sync::frame::{PROTOCOL_VERSION, Resume, Welcome};
use crate::sync::{
    BACKOFF_FIRST_US, HELD_INTERVAL_US, LinkState, Now, Output, PONGS_OWED_MAX, RelayNotice, Replica, ReplicaConfig,
    Transmit,
};

/// So long a link must have been live for the delays between attempts to start over.
const GOOD_LINK_US: u64 = 10_000_000;

const NOW: Now = Now { monotonic_us: 1_000_000, wall_us: 5_000_000 };

/// A replica with five units on its disk that has said Hello, and that Hello's place in the relay's log.
fn greeting(config: ReplicaConfig) -> Replica {
    let mut document = Document::new(DOCUMENT, id(1));
    document.insert(0, "12345").unwrap();
    document.commit();
    let mut replica = Replica::new(document, config);
    assert_eq!(greet(&mut replica), config.resume);
    replica
}

/// Links and says Hello: the place in the relay's log that it names.
fn greet(replica: &mut Replica) -> Option<Resume> {
    replica.go_online(NOW);
    replica.handle_connected(NOW);
    let Some(Transmit::Frame(frame)) = replica.poll_transmit(NOW) else { panic!("no Hello") };
    match Frame::decode(&frame) {
        Ok(Frame::Hello(hello)) => hello.resume,
        other => panic!("{other:?}"),
    }
}

fn welcome(epoch: [u8; 16], others: u64, durable: u64, head: u64) -> Bytes {
    let version = [(id(1), 5), (id(2), others)].into_iter().collect();
    Frame::Welcome(Welcome { protocol: PROTOCOL_VERSION, epoch, version, durable, head }).encode()
}

#[test]
fn a_link_is_live_when_everything_that_the_relay_has_is_here() {
    let check = |resume, others, head, expected| {
        let mut replica = greeting(ReplicaConfig { resume, ..ReplicaConfig::default() });
        replica.handle_frame(NOW, &welcome(EPOCH, others, 5, head));
        assert_eq!(*replica.link(), expected);
    };
    let resume = |position| Some(Resume { epoch: EPOCH, position });
    check(None, 0, 3, LinkState::Live);
    check(resume(1), 0, 3, LinkState::Live);
    check(None, 1, 3, LinkState::CatchingUp { position: 0, head: 3 });
    check(resume(1), 1, 3, LinkState::CatchingUp { position: 1, head: 3 });
}

#[test]
fn how_far_a_link_has_come_is_shown_until_it_is_live() {
    let mut replica = greeting(ReplicaConfig::default());
    replica.handle_frame(NOW, &welcome(EPOCH, 9, 5, 5));
    let mut check = |position, head, expected| {
        replica.handle_frame(NOW, &Frame::Progress { position, head }.encode());
        assert_eq!(*replica.link(), expected);
    };
    check(2, 5, LinkState::CatchingUp { position: 2, head: 5 });
    check(3, 6, LinkState::CatchingUp { position: 3, head: 6 });
    check(6, 6, LinkState::Live);
    check(6, 8, LinkState::Live);
}

#[test]
fn a_relay_is_as_it_was_or_has_lost_something_or_is_another_one() {
    let resume = Some(Resume { epoch: EPOCH, position: 3 });
    let check = |saved_at_relay, epoch, durable, head, expected: Option<RelayNotice>| {
        let mut replica = greeting(ReplicaConfig { seed: 0, resume, saved_at_relay });
        replica.handle_frame(NOW, &welcome(epoch, 0, durable, head));
        assert_eq!(replica.relay_notice(), expected);
        replica.handle_disconnected(NOW);
        assert_eq!(greet(&mut replica), resume.filter(|_| expected.is_none()), "a place that still means something");
    };
    check(5, EPOCH, 5, 3, None);
    check(4, EPOCH, 5, 4, None);
    check(5, EPOCH, 4, 3, Some(RelayNotice::Lost { had: 5, has: 4 }));
    check(5, EPOCH, 5, 2, Some(RelayNotice::Lost { had: 5, has: 5 }));
    check(5, [9; 16], 5, 3, Some(RelayNotice::Replaced));
}

#[test]
fn a_ping_is_answered_and_of_too_many_the_newest_are() {
    let mut replica = greeting(ReplicaConfig::default());
    replica.handle_frame(NOW, &welcome(EPOCH, 0, 5, 1));
    let pings = 1..=PONGS_OWED_MAX as u64 + 2;
    for id in pings.clone() {
        replica.handle_frame(NOW.plus_us(id), &Frame::Ping { id, sent_us: 77 }.encode());
    }
    let sent: Vec<_> = (0..PONGS_OWED_MAX).filter_map(|_| replica.poll_transmit(NOW.plus_us(500))).collect();
    let pong = |id: u64| {
        let (received_us, replied_us) = (NOW.plus_us(id).wall_us, NOW.plus_us(500).wall_us);
        Transmit::Frame(Frame::Pong { id, sent_us: 77, received_us, replied_us }.encode())
    };
    assert_eq!(sent, pings.skip(2).map(pong).collect::<Vec<_>>());
    let Some(Transmit::Frame(next)) = replica.poll_transmit(NOW.plus_us(500)) else { panic!("no Ping of its own") };
    assert!(matches!(Frame::decode(&next), Ok(Frame::Ping { .. })));
}

#[test]
fn who_is_on_line_already_stays_so() {
    let mut world = World::online(1);
    world.nodes[0].outputs.clear();
    world.go_online(0);
    assert_eq!((*world.nodes[0].replica.link(), world.nodes[0].outputs.len()), (LinkState::Live, 0));
}

#[test]
fn no_attempt_is_made_before_its_time() {
    let mut world = World::new(1);
    world.relay_up = false;
    world.go_online(0);
    let waiting = *world.nodes[0].replica.link();
    let LinkState::Waiting { until_us } = waiting else { panic!("{waiting:?}") };
    let replica = &mut world.nodes[0].replica;
    replica.handle_timeout(Now { monotonic_us: until_us - 1, ..world.now });
    assert_eq!(*replica.link(), waiting);
    replica.handle_timeout(Now { monotonic_us: until_us, ..world.now });
    assert_eq!((*replica.link(), replica.poll_output()), (LinkState::Connecting, Some(Output::Connect)));
}

#[test]
fn the_pauses_start_over_when_a_link_was_good_and_not_before() {
    let mut world = World::online(1);
    let pause_us = |world: &mut World| {
        assert_eq!(*world.nodes[0].replica.link(), LinkState::Live);
        world.drop_links();
        match *world.nodes[0].replica.link() {
            LinkState::Waiting { until_us } => until_us - world.now.monotonic_us,
            other => panic!("{other:?}"),
        }
    };
    let mut longest_us = 0;
    for _ in 0..12 {
        let us = pause_us(&mut world);
        longest_us = longest_us.max(us);
        world.pass(us);
    }
    assert!(longest_us > 4 * BACKOFF_FIRST_US, "{longest_us} at most");
    world.pass(GOOD_LINK_US);
    let us = pause_us(&mut world);
    assert!(us <= BACKOFF_FIRST_US, "{us}");
}

#[test]
fn what_is_on_this_disk_is_not_told_again_without_news() {
    let mut world = World::online(1);
    world.write(0, "x");
    world.pass(HELD_INTERVAL_US);
    let held = |(_, frame): &&(usize, Bytes)| matches!(Frame::decode(frame), Ok(Frame::Held { .. }));
    let told = world.sent.iter().filter(held).count();
    let now = world.now;
    world.nodes[0].replica.handle_persisted(now, 1);
    world.pass(2 * HELD_INTERVAL_US);
    assert_eq!((told, world.sent.iter().filter(held).count()), (2, 2), "at the start, and when there was news");
}

#[test]
fn that_a_presence_ended_off_line_is_not_told() {
    let mut world = World::online(2);
    world.nodes[0].replica.set_presence(Some(Bytes::from_static(b"Ana"))).unwrap();
    world.pass(100_000);
    world.go_offline(0);
    world.nodes[0].replica.set_presence(None).unwrap();
    world.sent.clear();
    world.go_online(0);
    world.pass(100_000);
    assert!(!world.sent.iter().any(|(_, frame)| matches!(Frame::decode(frame), Ok(Frame::Presence { .. }))));
}
