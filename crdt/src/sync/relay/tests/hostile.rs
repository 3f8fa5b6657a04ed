//! Bytes that no replica of ours would send.

use super::*;

#[test]
fn a_hello_of_another_version_is_told_which_one_the_relay_speaks() {
    let mut shell = Shell::new(RelayLimits::default());
    let conn = shell.connect();
    let ours = Frame::Hello(hello(A, &[])).encode();
    let mut newer = Vec::from([0, 9]);
    newer.extend_from_slice(&ours[2..]);
    newer.extend_from_slice(b"fields that only version 9 knows");
    shell.send(conn, &Bytes::from(newer));
    shell.check_refused(conn, RefusalReason::Protocol, u64::from(PROTOCOL_VERSION), 9);
}

#[test]
fn a_frame_out_of_turn_is_refused() {
    let check = |greeted: bool, frame: Bytes| {
        let mut shell = Shell::new(RelayLimits::default());
        let conn = if greeted { shell.join_live(A, &[]) } else { shell.connect() };
        shell.send(conn, &frame);
        shell.check_refused(conn, RefusalReason::Malformed, 0, frame.len() as u64);
    };
    check(false, change(A, 0, 1, &[]));
    check(false, Frame::Held { replica: A, version: VersionVector::new() }.encode());
    check(false, Frame::Digest { replica: A, payload: b"too early" }.encode());
    check(true, Frame::Hello(hello(A, &[])).encode());
    check(true, Frame::Ack { count: 1 }.encode());
    check(true, Frame::Held { replica: B, version: VersionVector::new() }.encode());
    check(true, Frame::Presence { replica: B, payload: b"not mine" }.encode());
    check(true, Frame::Digest { replica: B, payload: b"not mine" }.encode());
    check(true, Bytes::new());
}

#[test]
fn a_change_that_cannot_be_is_refused() {
    let check = |body: &[u8]| {
        let mut shell = Shell::new(RelayLimits::default());
        let (a, bystander) = (shell.join_live(A, &[]), shell.join_live(B, &[]));
        let frame = Frame::Change(body).encode();
        shell.send_bytes(a, &frame);
        shell.check_refused(a, RefusalReason::Malformed, 0, frame.len() as u64);
        assert!(shell.unwritten.is_empty() && !shell.closed.contains_key(&bystander));
    };
    check(&[]);
    check(&[1 << 3 | 1, 2, 8, b'x']);
    check(&[0, 0]);
}

#[test]
fn who_names_too_many_replicas_is_refused() {
    let mut shell = Shell::new(RelayLimits { replicas_per_document_max: 3, ..RelayLimits::default() });
    let a = shell.join_live(A, &[]);
    let deps: Vec<_> = (2..5).map(|other| (replica(other), 1)).collect();
    shell.send(a, &change(A, 0, 1, &deps));
    assert!(shell.closed.is_empty(), "three others may be named, though nobody has heard of them");
    shell.send(a, &change(A, 1, 1, &[(replica(9), 1)]));
    shell.check_refused(a, RefusalReason::Replicas, 3, 4);
}

#[test]
fn no_prefix_and_no_flipped_bit_of_a_frame_breaks_the_relay() {
    let frames = [
        Frame::Hello(Hello { resume: Some(Resume { epoch: EPOCH, position: 3 }), ..hello(A, &[(A, 1), (B, 300)]) })
            .encode(),
        ChangeWriter::new(A).frame(&Envelope::decode(envelope(A, 0, 3, &[(B, 2), (C, 9)])).unwrap()),
        Frame::Held { replica: A, version: version(&[(A, 3)]) }.encode(),
        Frame::Presence { replica: A, payload: b"here" }.encode(),
        Frame::Digest { replica: A, payload: b"this" }.encode(),
        Frame::Ping { id: 1, sent_us: 2 }.encode(),
    ];
    for frame in &frames {
        let prefixes = (0..frame.len()).map(|end| frame.slice(..end));
        let flipped = (0..frame.len() * 8).map(|bit| {
            let mut bytes = frame.to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            Bytes::from(bytes)
        });
        for bytes in prefixes.chain(flipped) {
            for greeted in [false, true] {
                let mut shell = Shell::new(RelayLimits::default());
                let conn = if greeted { shell.join_live(A, &[]) } else { shell.connect() };
                let bystander = shell.join_live(B, &[]);
                shell.send_bytes(conn, &bytes);
                shell.write();
                shell.fetch(conn);
                assert!(!shell.closed.contains_key(&bystander));
            }
        }
    }
}

#[test]
fn a_change_passed_on_has_the_envelope_that_came() {
    for len in [1, 200, 250, 251, 252, 300, 65_500, 65_536, 70_000] {
        let mut shell = Shell::new(RelayLimits::default());
        let (a, b) = (shell.join_live(A, &[]), shell.join_live(B, &[]));
        let frame = change(A, 0, len, &[]);
        shell.send(a, &frame);
        assert_eq!(shell.fetch(b), [frame]);
    }
}
