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
    shell.check_refused(conn, RefusalReason::Protocol, 1, 9);
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
    check(true, Frame::Hello(hello(A, &[])).encode());
    check(true, Frame::Ack { count: 1 }.encode());
    check(true, Frame::Held { replica: B, version: VersionVector::new() }.encode());
    check(true, Frame::Presence { replica: B, payload: b"not mine" }.encode());
    check(true, Bytes::new());
}

#[test]
fn a_change_of_another_document_is_refused() {
    let header = Header { replica: A, first_seq: 0, len: 1, deps: VersionVector::new() };
    let ops = Vec::from([Op::Set { key: String::from("title"), value: None }]);
    let foreign = seal(DocumentId::from_bytes([0xee; 16]), &Change { header, ops });
    let mut shell = Shell::new(RelayLimits::default());
    let a = shell.join_live(A, &[]);
    let frame = Frame::Change(foreign.bytes()).encode();
    shell.send(a, &frame);
    shell.check_refused(a, RefusalReason::Malformed, 0, frame.len() as u64);
}

#[test]
fn no_prefix_and_no_flipped_bit_of_a_frame_breaks_the_relay() {
    let frames = [
        Frame::Hello(Hello { resume: Some(Resume { epoch: EPOCH, position: 3 }), ..hello(A, &[(A, 1), (B, 300)]) })
            .encode(),
        change(A, 0, 3, &[]),
        Frame::Held { replica: A, version: version(&[(A, 3)]) }.encode(),
        Frame::Presence { replica: A, payload: b"here" }.encode(),
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
                shell.send(conn, &bytes);
                shell.write();
                shell.fetch(conn);
                assert!(!shell.closed.contains_key(&bystander));
            }
        }
    }
}

#[test]
fn integers_that_are_longer_than_need_be_are_not_passed_on() {
    let envelope = envelope(A, 0, 1, &[]);
    let mut frame = Vec::from([2, 251]);
    frame.extend_from_slice(&u16::try_from(envelope.len()).unwrap().to_le_bytes());
    frame.extend_from_slice(&envelope);
    let mut shell = Shell::new(RelayLimits::default());
    let (a, b) = (shell.join_live(A, &[]), shell.join_live(B, &[]));
    shell.send(a, &Bytes::from(frame));
    assert_eq!(shell.fetch(b), [change(A, 0, 1, &[])]);
}

#[test]
fn a_change_passed_on_has_the_very_bytes_that_came() {
    for len in [1, 200, 250, 251, 252, 300, 65_500, 65_536, 70_000] {
        let mut shell = Shell::new(RelayLimits::default());
        let (a, b) = (shell.join_live(A, &[]), shell.join_live(B, &[]));
        let frame = change(A, 0, len, &[]);
        shell.send(a, &frame);
        let passed = shell.fetch(b).remove(0);
        assert_eq!(passed, frame);
        assert_eq!(passed.as_ptr(), frame.as_ptr(), "{len}: shared, not copied");
    }
}
