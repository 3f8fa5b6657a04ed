//! Links that are up to date.

use super::*;

#[test]
fn a_change_is_fanned_out_at_once_and_acknowledged_when_it_is_on_disk() {
    let mut shell = Shell::new(RelayLimits::default());
    let (a, b) = (shell.join_live(A, &[]), shell.join_live(B, &[]));
    shell.send(a, &change(A, 0, 5, &[]));
    assert_eq!(shell.fetch_changes(b), [(A, 5)]);
    assert_eq!(shell.fetch(a), [] as [Bytes; 0]);
    shell.write();
    assert_eq!(shell.fetch(a), [Frame::Ack { count: 5 }.encode()]);
}

#[test]
fn acknowledgements_that_nobody_has_fetched_become_one() {
    let mut shell = Shell::new(RelayLimits::default());
    let a = shell.join_live(A, &[]);
    for seq in 0..10 {
        shell.send(a, &change(A, seq, 1, &[]));
        shell.write();
    }
    assert_eq!(shell.fetch(a), [Frame::Ack { count: 10 }.encode()]);
}

#[test]
fn a_duplicate_is_acknowledged_again_and_neither_stored_nor_sent() {
    let mut shell = Shell::new(RelayLimits::default());
    let (a, b) = (shell.join_live(A, &[]), shell.join_live(B, &[]));
    shell.send(a, &change(A, 0, 5, &[]));
    shell.write();
    shell.fetch(a);
    shell.fetch(b);
    shell.send(a, &change(A, 0, 5, &[]));
    assert_eq!(shell.fetch(a), [Frame::Ack { count: 5 }.encode()]);
    assert!(shell.unwritten.is_empty() && shell.fetch(b).is_empty());
    assert_eq!(shell.relay.stats().changes_duplicate, 1);
}

#[test]
fn the_author_is_acknowledged_when_somebody_else_refills_the_relay() {
    let mut shell = Shell::new(RelayLimits::default());
    let (a, b) = (shell.join_live(A, &[(A, 3)]), shell.join_live(B, &[(A, 3)]));
    shell.send(b, &change(A, 0, 3, &[]));
    shell.write();
    assert_eq!(shell.fetch(a), [Frame::Ack { count: 3 }.encode()]);
}

#[test]
fn what_a_link_sent_or_named_in_its_hello_is_not_sent_back() {
    let mut shell = Shell::new(RelayLimits::default());
    let (a, b) = (shell.join_live(A, &[(C, 4)]), shell.join_live(B, &[]));
    shell.send(a, &change(A, 0, 1, &[]));
    shell.send(b, &change(C, 0, 4, &[]));
    shell.send(b, &change(B, 0, 1, &[(A, 1)]));
    assert_eq!(shell.fetch_changes(a), [(B, 1)]);
    assert_eq!(shell.fetch_changes(b), [(A, 1)]);
}

#[test]
fn a_change_without_its_past_is_answered_with_what_is_here() {
    let mut shell = Shell::new(RelayLimits::default());
    let a = shell.join_live(A, &[]);
    shell.send(a, &change(A, 0, 2, &[]));
    shell.send(a, &change(A, 5, 1, &[]));
    shell.send(a, &change(A, 6, 1, &[]));
    assert_eq!(shell.fetch(a), [Frame::Missing { version: version(&[(A, 2)]) }.encode()]);
    shell.send(a, &change(A, 7, 1, &[(B, 1)]));
    assert_eq!(shell.fetch(a), [] as [Bytes; 0], "changes that were on their way are not answered");
    shell.send(a, &change(A, 2, 3, &[]));
    shell.send(a, &change(A, 5, 1, &[]));
    assert_eq!(shell.relay.stats().changes_appended, 3);
}

#[test]
fn a_link_that_never_sends_the_past_is_refused() {
    let mut shell = Shell::new(RelayLimits { missing_repeats_max: 3, ..RelayLimits::default() });
    let a = shell.join_live(A, &[]);
    for _ in 0..3 {
        shell.send(a, &change(A, 5, 1, &[]));
        assert_eq!(shell.fetch(a), [Frame::Missing { version: VersionVector::new() }.encode()]);
    }
    shell.send(a, &change(A, 5, 1, &[]));
    shell.check_refused(a, RefusalReason::Missing, 3, 4);
}

#[test]
fn a_replica_that_uses_ids_twice_is_refused() {
    let mut shell = Shell::new(RelayLimits::default());
    let a = shell.join_live(A, &[]);
    shell.send(a, &change(A, 0, 5, &[]));
    shell.send(a, &change(A, 3, 5, &[]));
    shell.check_refused(a, RefusalReason::Malformed, 5, 3);
}

#[test]
fn the_newest_presence_waits_in_a_slot_and_goes_with_its_owner() {
    let mut shell = Shell::new(RelayLimits::default());
    let (a, b) = (shell.join_live(A, &[]), shell.join_live(B, &[]));
    for payload in [b"one", b"two", b"six"] {
        shell.send(a, &Frame::Presence { replica: A, payload }.encode());
    }
    let newest = Frame::Presence { replica: A, payload: b"six" }.encode();
    assert_eq!(shell.fetch(b), core::slice::from_ref(&newest));
    let c = shell.join(hello(C, &[]));
    assert!(shell.fetch(c).contains(&newest), "a newcomer is told who is here");
    shell.close(a);
    let gone = Frame::Presence { replica: A, payload: &[] }.encode();
    assert_eq!(shell.fetch(b), core::slice::from_ref(&gone));
    assert_eq!(shell.fetch(c), [gone]);
}

#[test]
fn what_replicas_hold_is_passed_on_and_told_to_newcomers() {
    let mut shell = Shell::new(RelayLimits::default());
    let (a, b) = (shell.join_live(A, &[]), shell.join_live(B, &[]));
    let held = |count| Frame::Held { replica: A, version: version(&[(B, count)]) }.encode();
    shell.send(a, &held(1));
    shell.send(a, &held(2));
    assert_eq!(shell.fetch(b), [held(2)]);
    let c = shell.join(hello(C, &[]));
    assert!(shell.fetch(c).contains(&held(2)));
}

#[test]
fn what_replicas_say_they_hold_is_passed_on_and_gone_with_them() {
    let mut shell = Shell::new(RelayLimits::default());
    let (a, b) = (shell.join_live(A, &[]), shell.join_live(B, &[]));
    let digest = |payload| Frame::Digest { replica: A, payload }.encode();
    for payload in [b"one", b"two", b"six"] {
        shell.send(a, &digest(payload));
    }
    assert_eq!(shell.fetch(b), [digest(b"six")], "the newest alone, whatever is in it");
    assert_eq!(shell.fetch(a), [] as [Bytes; 0]);
    let c = shell.join(hello(C, &[]));
    assert!(shell.fetch(c).contains(&digest(b"six")), "a newcomer is told");
    shell.send(a, &digest(b"never fetched"));
    shell.close(a);
    let late = shell.join(hello(replica(9), &[]));
    let frames = [shell.fetch(b), shell.fetch(c), shell.fetch(late)].concat();
    assert!(frames.iter().all(|frame| !matches!(Frame::decode(frame), Ok(Frame::Digest { .. }))), "{frames:?}");
}

#[test]
fn a_second_link_of_a_replica_replaces_the_first() {
    let mut shell = Shell::new(RelayLimits::default());
    let (first, b) = (shell.join_live(A, &[]), shell.join_live(B, &[]));
    let second = shell.join_live(A, &[]);
    shell.check_refused(first, RefusalReason::Replaced, 0, 0);
    shell.send(b, &change(B, 0, 1, &[]));
    assert_eq!(shell.fetch_changes(second), [(B, 1)]);
    shell.close(first);
    shell.send(b, &change(B, 1, 1, &[]));
    assert_eq!(shell.fetch_changes(second), [(B, 2)]);
}

#[test]
fn the_only_replica_of_a_document_that_links_anew_is_welcomed_at_once() {
    let mut shell = Shell::new(RelayLimits::default());
    let first = shell.join_live(A, &[]);
    let second = shell.join(hello(A, &[]));
    shell.check_refused(first, RefusalReason::Replaced, 0, 0);
    let frame = shell.fetch_one(second).expect("a welcome");
    assert!(matches!(Frame::decode(&frame), Ok(Frame::Welcome(_))));
}

#[test]
fn a_ping_is_answered_with_the_relays_two_times() {
    let mut shell = Shell::new(RelayLimits::default());
    let a = shell.join_live(A, &[]);
    shell.send(a, &Frame::Ping { id: 9, sent_us: 77 }.encode());
    let received_us = shell.now.wall_us;
    shell.now = shell.now.plus_us(300);
    let pong = Frame::Pong { id: 9, sent_us: 77, received_us, replied_us: received_us + 300 };
    assert_eq!(shell.fetch(a), [pong.encode()]);
}

#[test]
fn a_link_is_pinged_and_a_silent_one_is_refused() {
    let limits = RelayLimits::default();
    let mut shell = Shell::new(limits.clone());
    let (a, b) = (shell.join_live(A, &[]), shell.join_live(B, &[]));
    let mut waited = 0;
    while shell.closed.is_empty() {
        shell.wait(limits.ping_interval_us);
        waited += limits.ping_interval_us;
        let ping = Frame::Ping { id: waited / limits.ping_interval_us, sent_us: shell.now.wall_us };
        assert_eq!(shell.fetch(a), [ping.encode()]);
        shell.send(a, &Frame::Pong { id: 1, sent_us: 0, received_us: 0, replied_us: 0 }.encode());
    }
    assert_eq!(waited, limits.silence_timeout_us);
    shell.check_refused(b, RefusalReason::Silent, 45_000, 45_000);
}

#[test]
fn a_link_without_a_hello_is_refused_in_time() {
    let mut shell = Shell::new(RelayLimits::default());
    let conn = shell.connect();
    assert_eq!(shell.relay.poll_timeout(), Some(shell.now.monotonic_us + 10_000_000));
    shell.wait(10_000_000);
    shell.check_refused(conn, RefusalReason::Silent, 10_000, 10_000);
}

#[test]
fn after_the_disk_failed_nothing_is_acknowledged_and_nobody_is_let_in() {
    let mut shell = Shell::new(RelayLimits::default());
    let a = shell.join_live(A, &[]);
    shell.send(a, &change(A, 0, 5, &[]));
    shell.relay.handle_storage_failed(shell.now);
    shell.settle();
    shell.write();
    let frames = shell.fetch(a);
    assert!(matches!(Frame::decode(&frames[0]), Ok(Frame::Refused(Refusal { reason: RefusalReason::Storage, .. }))));
    assert_eq!(frames.len(), 1);
    let late = shell.connect();
    shell.check_refused(late, RefusalReason::Storage, 0, 0);
}

#[test]
fn at_the_end_everybody_is_told_and_what_came_is_still_written() {
    let mut shell = Shell::new(RelayLimits::default());
    let a = shell.join_live(A, &[]);
    shell.send(a, &change(A, 0, 5, &[]));
    shell.relay.shut_down(shell.now);
    shell.settle();
    let refusal = shell.refusal(a).unwrap();
    assert_eq!((refusal.reason, refusal.retry_after_ms), (RefusalReason::ShuttingDown, 2_000));
    shell.close(a);
    shell.write();
    assert_eq!(shell.logs[&DOCUMENT].len(), 1);
    assert_eq!(shell.relay.stats().documents_open, 0);
}

#[test]
fn a_welcome_names_only_what_is_on_disk() {
    let mut shell = Shell::new(RelayLimits::default());
    let a = shell.join_live(A, &[]);
    shell.send(a, &change(A, 0, 2, &[]));
    let welcomed = |shell: &mut Shell| {
        let conn = shell.join(hello(B, &[]));
        let frame = shell.fetch_one(conn).expect("a welcome");
        match Frame::decode(&frame) {
            Ok(Frame::Welcome(welcome)) => welcome.version,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(welcomed(&mut shell), VersionVector::new(), "the disk has not answered");
    shell.write();
    assert_eq!(welcomed(&mut shell), version(&[(A, 2)]));
}

#[test]
fn a_hello_that_comes_late_does_not_end_the_newer_link() {
    let mut shell = Shell::new(RelayLimits::default());
    let b = shell.join_live(B, &[]);
    // A gives up waiting for a welcome and opens another link, whose Hello comes first.
    let first = shell.connect();
    let second = shell.join_live(A, &[]);
    shell.send(first, &Frame::Hello(hello(A, &[])).encode());
    shell.check_refused(first, RefusalReason::Replaced, 0, 0);
    shell.send(b, &change(B, 0, 1, &[]));
    assert_eq!(shell.fetch_changes(second), [(B, 1)]);
}

#[test]
fn only_what_is_on_disk_is_acknowledged() {
    let mut shell = Shell::new(RelayLimits::default());
    let a = shell.join_live(A, &[]);
    (0..2).for_each(|seq| shell.send(a, &change(A, seq, 1, &[])));
    shell.write_some(1);
    assert_eq!(shell.fetch(a), [Frame::Ack { count: 1 }.encode()]);
    shell.send(a, &change(A, 1, 1, &[]));
    assert_eq!(shell.fetch(a), [] as [Bytes; 0], "what comes twice is on its way to the disk once");
    shell.write();
    assert_eq!(shell.fetch(a), [Frame::Ack { count: 2 }.encode()]);
}

#[test]
fn who_has_sent_what_was_missing_is_told_when_something_else_is() {
    let mut shell = Shell::new(RelayLimits::default());
    let a = shell.join_live(A, &[]);
    shell.send(a, &change(A, 5, 1, &[]));
    assert_eq!(shell.fetch(a), [Frame::Missing { version: VersionVector::new() }.encode()]);
    shell.send(a, &change(A, 0, 2, &[]));
    shell.send(a, &change(A, 7, 1, &[]));
    assert_eq!(shell.fetch(a), [Frame::Missing { version: version(&[(A, 2)]) }.encode()]);
}

#[test]
fn a_link_that_does_not_fetch_is_woken_once() {
    let mut shell = Shell::new(RelayLimits::default());
    let (a, b) = (shell.join_live(A, &[]), shell.join_live(B, &[]));
    let held = Frame::Held { replica: A, version: VersionVector::new() };
    for frame in
        [Frame::Presence { replica: A, payload: b"here" }, held, Frame::Digest { replica: A, payload: b"this" }]
    {
        shell.relay.handle_frame(shell.now, a, &frame.encode());
    }
    let outputs: Vec<_> = core::iter::from_fn(|| shell.relay.poll_output()).collect();
    assert_eq!(outputs, [RelayOutput::Wake { conn: b }]);
}

#[test]
fn who_goes_while_the_store_is_asked_takes_nobody_along() {
    let (mut relay, now) = (Relay::new(EPOCH, RelayLimits::default()), Now::default());
    for (conn, replica) in [(ConnId(1), A), (ConnId(2), B)] {
        relay.handle_connected(now, conn);
        relay.handle_frame(now, conn, &Frame::Hello(hello(replica, &[])).encode());
    }
    relay.handle_closed(now, ConnId(1));
    relay.handle_loaded(now, DOCUMENT, VersionVector::new(), 0, 0);
    let frame = relay.poll_transmit(now, ConnId(2)).expect("a welcome");
    assert!(matches!(Frame::decode(&frame), Ok(Frame::Welcome(_))));
}

#[test]
fn a_link_that_was_refused_is_left_alone_until_the_shell_closes_it() {
    let limits = RelayLimits::default();
    let mut shell = Shell::new(limits.clone());
    let a = shell.join_live(A, &[]);
    shell.send(a, &Frame::Ack { count: 1 }.encode());
    assert!(shell.refusal(a).is_some());
    shell.wait(limits.ping_interval_us);
    assert_eq!((shell.awake.contains(&a), shell.relay.poll_timeout()), (false, None));
}

#[test]
fn what_the_relay_did_and_holds_is_counted() {
    let mut shell = Shell::new(RelayLimits::default());
    let (a, b) = (shell.join_live(A, &[]), shell.join_live(B, &[]));
    let silent = shell.connect();
    for (first_seq, len) in [(0, 2), (2, 1), (3, 1), (0, 2), (2, 1), (9, 1), (9, 1)] {
        shell.send(a, &change(A, first_seq, len, &[]));
        shell.send(a, &Frame::Presence { replica: A, payload: b"here" }.encode());
        shell.fetch(b);
    }
    shell.write();
    let bytes = envelope(A, 0, 2, &[]).len() + 2 * envelope(A, 2, 1, &[]).len();
    let expected = RelayStats {
        links: 3,
        networks: 0,
        documents_open: 1,
        documents_stored: 1,
        unappended_bytes: 0,
        rings_bytes: bytes,
        reads_bytes: 0,
        changes_appended: 3,
        bytes_appended: bytes as u64,
        changes_duplicate: 2,
        changes_missing_past: 2,
        changes_sent: 3,
        presences_received: 7,
        presences_sent: 7,
        reads: 0,
    };
    assert_eq!(shell.relay.stats(), expected);
    shell.close(silent);
    assert_eq!(shell.relay.stats(), RelayStats { links: 2, ..expected });
}
