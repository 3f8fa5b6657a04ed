//! Every limit, with its numbers.

use super::*;

fn other(document: u8, replica: ReplicaId) -> Hello {
    Hello { document: DocumentId::from_bytes([document; 16]), ..hello(replica, &[]) }
}

#[test]
fn links_per_document() {
    let mut shell = Shell::new(RelayLimits { links_per_document_max: 2, ..RelayLimits::default() });
    shell.join_live(A, &[]);
    shell.join_live(B, &[]);
    let c = shell.join(hello(C, &[]));
    shell.check_refused(c, RefusalReason::LinksPerDocument, 2, 2);
    let again = shell.join(hello(B, &[]));
    assert_eq!(shell.refusal(again), None, "a link that replaces another is let in");
}

#[test]
fn documents_open() {
    let mut shell = Shell::new(RelayLimits { documents_open_max: 2, ..RelayLimits::default() });
    let first = shell.join(other(1, A));
    shell.join(other(2, A));
    let third = shell.join(other(3, A));
    shell.check_refused(third, RefusalReason::Documents, 2, 2);
    shell.close(first);
    let again = shell.join(other(3, A));
    assert_eq!(shell.refusal(again), None);
}

#[test]
fn documents_stored() {
    let mut shell = Shell::new(RelayLimits { documents_stored_max: 7, ..RelayLimits::default() });
    shell.relay = shell.relay.with_documents_stored(7);
    let a = shell.join_live(A, &[]);
    shell.send(a, &change(A, 0, 1, &[]));
    shell.check_refused(a, RefusalReason::Documents, 7, 7);
}

#[test]
fn bytes_of_a_document() {
    let one = envelope(A, 0, 1, &[]).len() as u64;
    let mut shell = Shell::new(RelayLimits { document_bytes_max: 2 * one, ..RelayLimits::default() });
    let a = shell.join_live(A, &[]);
    (0..3).for_each(|seq| shell.send(a, &change(A, seq, 1, &[])));
    shell.check_refused(a, RefusalReason::DocumentBytes, 2 * one, 3 * one);
}

#[test]
fn replicas_of_a_document() {
    let limits = RelayLimits { replicas_per_document_max: 2, ..RelayLimits::default() };
    let mut shell = Shell::new(limits.clone());
    let a = shell.join_live(A, &[]);
    shell.send(a, &change(A, 0, 1, &[]));
    shell.send(a, &change(B, 0, 1, &[]));
    shell.send(a, &change(C, 0, 1, &[]));
    shell.check_refused(a, RefusalReason::Replicas, 2, 3);

    let greedy = shell.join(hello(A, &[(A, 1), (B, 1), (C, 1)]));
    shell.check_refused(greedy, RefusalReason::Replicas, 2, 3);

    let b = shell.join_live(B, &[]);
    shell.send(b, &Frame::Held { replica: B, version: version(&[(A, 1), (B, 1), (C, 1)]) }.encode());
    shell.check_refused(b, RefusalReason::Replicas, 2, 3);
}

#[test]
fn what_is_kept_of_a_held_is_what_the_limit_counts() {
    let mut shell = Shell::new(RelayLimits::default());
    let (a, b) = (shell.join_live(A, &[]), shell.join_live(B, &[]));
    // Ten thousand replicas with no units, and one that is named as often: 340 KB that mean one entry.
    let entries = (0..10_000_u32).flat_map(|number| {
        let mut id = [0; 16];
        id[..4].copy_from_slice(&number.to_be_bytes());
        [(ReplicaId::from_bytes(id), 0_u64), (A, 1)]
    });
    let padded = (6_u32, A, entries.collect::<Vec<_>>());
    let padded = bincode::serde::encode_to_vec(padded, bincode::config::standard()).expect("it can be written");
    let held = Frame::Held { replica: A, version: version(&[(A, 1)]) };
    assert_eq!(Frame::decode(&padded).as_ref(), Ok(&held));
    shell.send(a, &Bytes::from(padded));
    assert_eq!(shell.refusal(a), None);
    assert_eq!(shell.fetch(b), [held.encode()]);
}

#[test]
fn bytes_of_a_frame_a_presence_and_a_digest() {
    use crate::sync::frame::{DIGEST_BYTES_MAX, FRAME_BYTES_MAX, PRESENCE_BYTES_MAX, SIGNAL_BYTES};
    let mut shell = Shell::new(RelayLimits::default());
    let a = shell.join_live(A, &[]);
    shell.send(a, &Bytes::from(alloc::vec![2; FRAME_BYTES_MAX + 1]));
    shell.check_refused(a, RefusalReason::FrameBytes, FRAME_BYTES_MAX as u64, FRAME_BYTES_MAX as u64 + 1);

    let b = shell.join_live(B, &[]);
    let payload = [1; PRESENCE_BYTES_MAX + SIGNAL_BYTES + 1];
    shell.send(b, &Frame::Presence { replica: B, payload: &payload }.encode());
    shell.check_refused(b, RefusalReason::FrameBytes, 1184, 1185);

    let d = shell.join_live(replica(9), &[]);
    let payload = [1; DIGEST_BYTES_MAX + SIGNAL_BYTES + 1];
    shell.send(d, &Frame::Digest { replica: replica(9), payload: &payload[1..] }.encode());
    assert_eq!(shell.refusal(d), None);
    shell.send(d, &Frame::Digest { replica: replica(9), payload: &payload }.encode());
    shell.check_refused(d, RefusalReason::FrameBytes, 224, 225);

    let c = shell.connect();
    shell.relay.handle_unreadable(shell.now, c, 1 << 30);
    shell.settle();
    shell.check_refused(c, RefusalReason::FrameBytes, FRAME_BYTES_MAX as u64, 1 << 30);
}

#[test]
fn a_link_that_outruns_the_disk_is_not_read_until_the_disk_has_caught_up() {
    let one = envelope(A, 0, 1, &[]).len();
    let mut shell = Shell::new(RelayLimits { link_unappended_bytes_max: 2 * one, ..RelayLimits::default() });
    let (a, b) = (shell.join_live(A, &[]), shell.join_live(B, &[]));
    shell.send(a, &change(A, 0, 1, &[]));
    assert!(shell.relay.can_read(a));
    shell.send(a, &change(A, 1, 1, &[]));
    assert!(!shell.relay.can_read(a) && shell.relay.can_read(b));
    shell.awake.clear();
    shell.write();
    assert!(shell.relay.can_read(a) && shell.awake.contains(&a));
}

#[test]
fn when_all_together_outrun_the_disk_nobody_is_read() {
    let one = envelope(A, 0, 1, &[]).len();
    let mut shell = Shell::new(RelayLimits { unappended_bytes_max: one, ..RelayLimits::default() });
    let (a, b) = (shell.join_live(A, &[]), shell.join_live(B, &[]));
    shell.send(a, &change(A, 0, 1, &[]));
    assert!(!shell.relay.can_read(a) && !shell.relay.can_read(b));
    shell.awake.clear();
    shell.write();
    assert!(shell.relay.can_read(b) && shell.awake.contains(&b));
}

#[test]
fn a_link_is_not_read_while_the_store_is_asked() {
    let mut relay = Relay::new(EPOCH, RelayLimits::default());
    relay.handle_connected(Now::default(), ConnId(1));
    assert!(relay.can_read(ConnId(1)));
    relay.handle_frame(Now::default(), ConnId(1), &Frame::Hello(hello(A, &[])).encode());
    assert!(!relay.can_read(ConnId(1)));
    assert_eq!(relay.poll_output(), Some(RelayOutput::Load { document: DOCUMENT }));
    relay.handle_loaded(Now::default(), DOCUMENT, VersionVector::new(), 0, 0);
    assert!(relay.can_read(ConnId(1)));
    assert_eq!(relay.poll_output(), Some(RelayOutput::Wake { conn: ConnId(1) }));
}

#[test]
fn a_document_that_nobody_follows_is_closed_when_it_is_on_disk() {
    let mut shell = Shell::new(RelayLimits::default());
    let a = shell.join_live(A, &[]);
    shell.send(a, &change(A, 0, 1, &[]));
    shell.close(a);
    assert_eq!(shell.relay.stats().documents_open, 1);
    shell.write();
    assert_eq!(shell.relay.stats().documents_open, 0);
    let a = shell.join_live(A, &[(A, 1)]);
    shell.close(a);
    assert_eq!(shell.relay.stats().documents_open, 0);
}

#[test]
fn rings_that_nobody_needs_are_let_go_when_memory_is_short() {
    let limits = RelayLimits { rings_bytes_max: 1_000, ..RelayLimits::default() };
    let mut shell = Shell::new(limits.clone());
    let a = shell.join_live(A, &[]);
    for seq in 0..50 {
        shell.send(a, &change(A, seq, 1, &[]));
        shell.write();
        shell.fetch(a);
    }
    let before = shell.relay.stats().rings_bytes;
    assert!((501..=1_000).contains(&before));
    shell.wait(limits.ping_interval_us);
    assert_eq!(shell.relay.stats().rings_bytes, 0);
}

#[test]
fn at_a_limit_nobody_is_refused() {
    use crate::sync::frame::{FRAME_BYTES_MAX, PRESENCE_BYTES_MAX, SIGNAL_BYTES};
    let mut shell = Shell::new(RelayLimits { replicas_per_document_max: 2, ..RelayLimits::default() });
    let a = shell.join_live(A, &[(A, 1), (B, 1)]);
    shell.send(a, &Frame::Held { replica: A, version: version(&[(A, 1), (B, 1)]) }.encode());
    shell.send(a, &Frame::Presence { replica: A, payload: &[1; PRESENCE_BYTES_MAX + SIGNAL_BYTES] }.encode());
    assert_eq!(shell.refusal(a), None);
    assert!(shell.closed.is_empty());

    let longest = FRAME_BYTES_MAX as u64;
    shell.send_bytes(a, &Bytes::from(alloc::vec![2; FRAME_BYTES_MAX]));
    shell.check_refused(a, RefusalReason::Malformed, 0, longest);
    let b = shell.connect();
    shell.relay.handle_unreadable(shell.now, b, FRAME_BYTES_MAX);
    shell.settle();
    shell.check_refused(b, RefusalReason::Malformed, 0, longest);
}

#[test]
fn who_was_not_read_is_told_once_when_the_disk_has_got_below_the_limit() {
    let one = envelope(C, 0, 1, &[]).len();
    let of_a_link = RelayLimits { link_unappended_bytes_max: 2 * one, ..RelayLimits::default() };
    let of_all = RelayLimits { unappended_bytes_max: 2 * one, ..RelayLimits::default() };
    for limits in [of_a_link, of_all] {
        let mut shell = Shell::new(limits);
        // That C's changes are saved is told to nobody here.
        let b = shell.join_live(B, &[]);
        (0..3).for_each(|seq| shell.send(b, &change(C, seq, 1, &[])));
        let read_and_told = [(); 3].map(|()| {
            shell.awake.clear();
            shell.write_some(1);
            (shell.relay.can_read(b), shell.awake.contains(&b))
        });
        assert_eq!(read_and_told, [(false, false), (true, true), (true, false)]);
    }
}

#[test]
fn as_many_recent_changes_stay_in_memory_as_the_limits_say() {
    let one = envelope(A, 0, 1, &[]).len();
    let check = |limits| {
        let mut shell = Shell::new(limits);
        let a = shell.join_live(A, &[]);
        for seq in 0..5 {
            shell.send(a, &change(A, seq, 1, &[]));
            shell.write();
        }
        assert_eq!(shell.relay.stats().rings_bytes, 3 * one);
    };
    check(RelayLimits { ring_changes_max: 3, ..RelayLimits::default() });
    check(RelayLimits { ring_bytes_max: 3 * one, ..RelayLimits::default() });
    check(RelayLimits { rings_bytes_max: 3 * one, ..RelayLimits::default() });
}

#[test]
fn memory_is_short_when_more_than_half_of_it_is_in_use() {
    let one = envelope(A, 0, 1, &[]).len();
    let limits = RelayLimits { rings_bytes_max: 8 * one, ..RelayLimits::default() };
    let mut shell = Shell::new(limits.clone());
    let a = shell.join_live(A, &[]);
    let mut after = |seqs: core::ops::Range<u64>| {
        seqs.for_each(|seq| shell.send(a, &change(A, seq, 1, &[])));
        shell.write();
        shell.fetch(a);
        shell.wait(limits.ping_interval_us);
        shell.relay.stats().rings_bytes
    };
    assert_eq!((after(0..4), after(4..5)), (4 * one, 0));
}
