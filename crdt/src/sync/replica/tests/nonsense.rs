//! What a relay must not say.

use alloc::vec::Vec;

use bytes::Bytes;
use proptest::prelude::*;

use super::Frame;
use super::harness::{World, id};
use crate::clock::VersionVector;
use crate::id::DocumentId;
use crate::sync::frame::{FRAME_BYTES_MAX, FrameError, Hello, PROTOCOL_VERSION, Welcome};
use crate::sync::{LinkError, LinkState, MISSING_FRAMES_MAX, Output};

fn welcome() -> Welcome {
    Welcome { protocol: PROTOCOL_VERSION, epoch: [1; 16], version: VersionVector::new(), durable: 0, head: 0 }
}

/// The link ends by an error that `expected` knows, the text stays, and a later link is good again.
fn check(frame: &Bytes, expected: impl Fn(&LinkError) -> bool) {
    let mut world = World::online(2);
    world.write(0, "kept");
    world.say_bytes(0, frame);
    let error = world.nodes[0].replica.link_error().expect("an error");
    assert!(expected(error), "{error}");
    assert!(world.nodes[0].outputs.contains(&Output::Disconnect));
    assert_eq!(world.text(0), "kept");
    world.pass(5_000_000);
    world.write(1, " and on");
    assert_eq!(*world.nodes[0].replica.link(), LinkState::Live);
    world.assert_equal();
}

#[test]
fn what_is_no_frame_ends_the_link() {
    let frame_error = |error: &LinkError| matches!(error, LinkError::Frame(_));
    check(&Bytes::new(), frame_error);
    check(&Bytes::from_static(&[99]), frame_error);
    check(&Bytes::from(alloc::vec![0; FRAME_BYTES_MAX + 1]), frame_error);
    check(&Bytes::from_static(&[3, 1, 0]), frame_error);
}

#[test]
fn a_frame_at_the_wrong_moment_ends_the_link() {
    let unexpected = |error: &LinkError| matches!(error, LinkError::Unexpected { .. });
    let (document, replica) = (DocumentId::from_bytes([1; 16]), id(2));
    let hello = Hello { protocol: PROTOCOL_VERSION, document, replica, version: VersionVector::new(), resume: None };
    check(&Frame::Hello(hello).encode(), unexpected);
    check(&Frame::Welcome(welcome()).encode(), unexpected);
}

#[test]
fn only_a_welcome_answers_a_hello() {
    let mut world = World::new(1);
    let now = world.now;
    let replica = &mut world.nodes[0].replica;
    replica.go_online(now);
    replica.handle_connected(now);
    replica.handle_frame(now, &Frame::Ack { count: 0 }.encode());
    assert_eq!(replica.link_error(), Some(&LinkError::Unexpected { frame: "Ack" }));
}

#[test]
fn numbers_that_cannot_be_end_the_link() {
    let impossible = |error: &LinkError| matches!(error, LinkError::Impossible { .. });
    check(&Frame::Ack { count: 5 }.encode(), impossible);
    check(&Frame::Progress { position: 5, head: 4 }.encode(), impossible);
}

#[test]
fn another_protocol_stops_the_trying() {
    let mut world = World::new(1);
    let now = world.now;
    let replica = &mut world.nodes[0].replica;
    replica.go_online(now);
    replica.handle_connected(now);
    replica.handle_frame(now, &Frame::Welcome(Welcome { protocol: 9, ..welcome() }).encode());
    assert_eq!(replica.link_error(), Some(&LinkError::Protocol { theirs: 9 }));
    assert_eq!(*replica.link(), LinkState::Off);
}

#[test]
fn what_is_no_change_ends_the_link() {
    // A number that nobody has, a replica that is cut off, no units, and no deps where there should be some.
    for body in [&[9 << 3 | 1, 2, 8, b'x'][..], &[31 << 3 | 1, 7, 7], &[0, 0], &[1 << 2 | 1, 0]] {
        check(&Frame::Change(body).encode(), |error| matches!(error, LinkError::Frame(FrameError::Malformed { .. })));
    }
}

#[test]
fn a_relay_that_keeps_missing_is_left() {
    let mut world = World::online(1);
    world.write(0, "a");
    for _ in 0..MISSING_FRAMES_MAX {
        world.say(0, &Frame::Missing { version: VersionVector::new() });
    }
    assert_eq!(*world.nodes[0].replica.link(), LinkState::Live);
    world.say(0, &Frame::Missing { version: VersionVector::new() });
    let frames = MISSING_FRAMES_MAX + 1;
    assert_eq!(world.nodes[0].replica.link_error(), Some(&LinkError::Missing { frames }));
}

#[test]
fn what_is_said_off_line_is_not_heard() {
    let mut world = World::online(1);
    world.go_offline(0);
    world.say_bytes(0, &Bytes::from_static(&[99]));
    assert_eq!(world.nodes[0].replica.link_error(), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn random_bytes_never_change_the_text(tag in 0_u8..13, rest in proptest::collection::vec(any::<u8>(), 0..60)) {
        let mut world = World::online(2);
        world.write(0, "kept");
        let frame: Vec<u8> = core::iter::once(tag).chain(rest).collect();
        world.say_bytes(0, &Bytes::from(frame));
        prop_assert_eq!(world.text(0), "kept");
        prop_assert!(world.nodes[0].replica.units_saved_here() == 4);
    }
}
