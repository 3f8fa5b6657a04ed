//! Links that lag.

use super::*;

/// A log of `count` changes of one unit each, A's and B's in turn.
fn log(count: u64) -> Vec<Bytes> {
    (0..count).map(|at| envelope(if at % 2 == 0 { A } else { B }, at / 2, 1, &[])).collect()
}

const fn resume(epoch: [u8; 16], position: u64) -> Resume {
    Resume { epoch, position }
}

fn progress(position: u64, head: u64) -> Bytes {
    Frame::Progress { position, head }.encode()
}

/// Few bytes in the ring and in a read.
fn small() -> RelayLimits {
    RelayLimits { ring_bytes_max: 300, read_bytes_max: 200, ..RelayLimits::default() }
}

#[test]
fn a_newcomer_is_sent_the_log_and_then_what_comes() {
    let mut shell = Shell::with_log(small(), &log(20));
    let conn = shell.join(hello(C, &[]));
    let frames = shell.fetch(conn);
    let Ok(Frame::Welcome(welcome)) = Frame::decode(&frames[0]) else { panic!("no welcome") };
    assert_eq!((welcome.epoch, welcome.head, welcome.durable), (EPOCH, 20, 0));
    assert_eq!(welcome.version, version(&[(A, 10), (B, 10)]));
    let sent: Vec<_> = frames.iter().filter_map(ends).collect();
    let expected: Vec<_> = (0..20).map(|at| (if at % 2 == 0 { A } else { B }, at / 2 + 1)).collect();
    assert_eq!(sent, expected);
    assert_eq!(frames.last(), Some(&progress(20, 20)));
    let a = shell.join_live(A, &[(A, 10), (B, 10)]);
    shell.send(a, &change(A, 10, 1, &[]));
    assert_eq!(shell.fetch_changes(conn), [(A, 11)]);
}

#[test]
fn a_link_is_sent_what_its_hello_lacks_and_nothing_else() {
    let mut shell = Shell::with_log(small(), &log(20));
    let conn = shell.join(hello(C, &[(A, 10), (B, 7)]));
    assert_eq!(shell.fetch_changes(conn), [(B, 8), (B, 9), (B, 10)]);
}

#[test]
fn a_link_that_has_everything_costs_no_read() {
    let mut shell = Shell::with_log(small(), &log(20));
    let conn = shell.join(hello(C, &[(A, 10), (B, 10), (C, 3)]));
    assert_eq!(shell.fetch(conn)[1..], [progress(20, 20)]);
    assert_eq!(shell.relay.stats().reads, 0);
}

#[test]
fn a_replica_that_lost_changes_of_its_own_gets_them_back() {
    let mut shell = Shell::with_log(small(), &log(20));
    let conn = shell.join(hello(A, &[(A, 8), (B, 10)]));
    assert_eq!(shell.fetch_changes(conn), [(A, 9), (A, 10)]);
}

#[test]
fn a_position_is_resumed_and_what_lies_below_it_is_not_read() {
    let mut shell = Shell::with_log(small(), &log(20));
    let conn = shell.join(Hello { resume: Some(resume(EPOCH, 16)), ..hello(C, &[(A, 8), (B, 8)]) });
    assert_eq!(shell.fetch_changes(conn), [(A, 9), (B, 9), (A, 10), (B, 10)]);
    assert_eq!(shell.relay.stats().reads, 1);
}

#[test]
fn a_position_in_another_store_or_beyond_the_log_is_not_resumed() {
    for resume in [resume([8; 16], 16), resume(EPOCH, 21)] {
        let mut shell = Shell::with_log(small(), &log(20));
        let conn = shell.join(Hello { resume: Some(resume), ..hello(C, &[]) });
        assert_eq!(shell.fetch_changes(conn).len(), 20);
    }
}

#[test]
fn a_position_in_a_store_that_was_put_back_from_a_copy_leaves_no_gap() {
    // The replica had read up to 16 when A and B had eight units each; the store was put back and got other changes there.
    let mut restored = log(10);
    restored.extend((0..10).map(|seq| envelope(replica(9), seq, 1, &[])));
    let mut shell = Shell::with_log(small(), &restored);
    let conn = shell.join(Hello { resume: Some(resume(EPOCH, 16)), ..hello(C, &[(A, 8), (B, 8)]) });
    let frames = shell.fetch(conn);
    let mut sent: Vec<_> = frames.iter().filter_map(ends).collect();
    sent.sort_unstable();
    assert_eq!(sent, (1..=10).map(|end| (replica(9), end)).collect::<Vec<_>>());
    let mut has = version(&[(A, 8), (B, 8)]);
    for frame in &frames {
        if let Some((replica, end)) = ends(frame) {
            has.observe(replica, end);
        }
        if let Ok(Frame::Progress { position, .. }) = Frame::decode(frame) {
            for envelope in &restored[..usize::try_from(position).unwrap()] {
                let envelope = Envelope::decode(envelope.clone()).unwrap();
                assert!(envelope.header().end_seq() <= has.get(envelope.header().replica), "served up to {position}");
            }
        }
    }
}

#[test]
fn a_position_at_the_end_of_a_store_that_was_put_back_hides_nothing() {
    // The replica had read all of a log that was as long as this one is, and had B's change where A's second one is now.
    let restored = [envelope(A, 0, 1, &[]), envelope(A, 1, 1, &[])];
    let mut shell = Shell::with_log(small(), &restored);
    let conn = shell.join(Hello { resume: Some(resume(EPOCH, 2)), ..hello(C, &[(A, 1), (B, 1)]) });
    let sent: Vec<_> = shell.fetch(conn).iter().filter_map(ends).collect();
    assert_eq!(sent, [(A, 2)]);
}

#[test]
fn a_slow_reader_costs_no_memory_and_misses_nothing() {
    let mut shell = Shell::new(small());
    let (a, slow) = (shell.join_live(A, &[]), shell.join_live(B, &[]));
    for seq in 0..500 {
        shell.send(a, &change(A, seq, 1, &[]));
        shell.write();
        assert!(shell.relay.stats().rings_bytes <= 300);
    }
    assert_eq!(shell.relay.lag_changes_max(), 500);
    assert_eq!(shell.fetch_changes(slow), (1..=500).map(|end| (A, end)).collect::<Vec<_>>());
    assert!(shell.relay.stats().reads > 10);
}

#[test]
fn what_is_not_on_disk_stays_in_memory_whatever_the_limit() {
    let mut shell = Shell::new(small());
    let (a, slow) = (shell.join_live(A, &[]), shell.join_live(B, &[]));
    (0..100).for_each(|seq| shell.send(a, &change(A, seq, 1, &[])));
    assert_eq!(shell.fetch_changes(slow).len(), 100);
    shell.write();
    assert!(shell.relay.stats().rings_bytes <= 300);
}

#[test]
fn only_positions_on_disk_are_named() {
    let mut shell = Shell::new(RelayLimits { progress_changes: 1, ..RelayLimits::default() });
    let (a, b) = (shell.join_live(A, &[]), shell.join_live(B, &[]));
    shell.send(a, &change(A, 0, 1, &[]));
    assert_eq!(shell.fetch(b), [change(A, 0, 1, &[])]);
    let late = shell.join(hello(C, &[]));
    assert_eq!(shell.fetch(late)[1..], [change(A, 0, 1, &[]), progress(0, 0)]);
    shell.write();
    shell.send(a, &change(A, 1, 1, &[]));
    assert_eq!(shell.fetch(b), [change(A, 1, 1, &[]), progress(1, 1)]);
}

#[test]
fn a_live_link_is_told_its_position_after_some_changes_and_at_each_heartbeat() {
    let limits = RelayLimits { progress_changes: 4, ..RelayLimits::default() };
    let mut shell = Shell::new(limits.clone());
    let (a, b) = (shell.join_live(A, &[]), shell.join_live(B, &[]));
    let mut told = Vec::new();
    for seq in 0..6 {
        shell.send(a, &change(A, seq, 1, &[]));
        shell.write();
        told.extend(shell.fetch(b).into_iter().filter(|frame| ends(frame).is_none()));
    }
    assert_eq!(told, [progress(4, 4)]);
    shell.wait(limits.ping_interval_us);
    assert_eq!(shell.fetch(b)[1..], [progress(6, 6)]);
}

#[test]
fn one_read_at_a_time_for_a_link_and_an_old_answer_is_ignored() {
    let mut shell = Shell::with_log(small(), &log(20));
    shell.reads = false;
    let conn = shell.join(hello(C, &[]));
    shell.fetch(conn);
    assert_eq!(shell.fetch(conn), [] as [Bytes; 0]);
    assert_eq!(shell.unread.len(), 1);
    shell.relay.handle_read(shell.now, conn, 5, Vec::from([envelope(A, 5, 1, &[])]));
    shell.settle();
    assert_eq!(shell.fetch(conn), [] as [Bytes; 0]);
    shell.read();
    assert!(!shell.fetch(conn).is_empty());
}

#[test]
fn a_store_without_the_entries_it_promised_ends_the_link() {
    let mut shell = Shell::with_log(small(), &log(20));
    shell.reads = false;
    let conn = shell.join(hello(C, &[]));
    shell.fetch(conn);
    shell.relay.handle_read(shell.now, conn, 0, Vec::new());
    shell.settle();
    shell.check_refused(conn, RefusalReason::Storage, 0, 0);
}

#[test]
fn reads_wait_in_line_and_one_that_nobody_fetches_is_let_go() {
    let limits = RelayLimits { reads_bytes_max: 300, ..small() };
    let mut shell = Shell::with_log(limits.clone(), &log(20));
    let (stalled, second) = (shell.join(hello(B, &[])), shell.join(hello(C, &[])));
    for _ in 0..3 {
        shell.fetch_one(stalled);
    }
    assert!(shell.relay.stats().reads_bytes > 100);
    assert!(shell.fetch_changes(second).is_empty(), "it waits in line");
    for _ in 0..2 {
        shell.wait(limits.ping_interval_us);
    }
    assert_eq!(shell.fetch_changes(second).len(), 20);
    assert_eq!(shell.fetch_changes(stalled).len(), 19, "and the other goes on where it was");
}

/// The changes of [`log`] that one read of [`small`] has.
fn changes_per_read() -> usize {
    small().read_bytes_max.div_ceil(log(1)[0].len())
}

#[test]
fn a_link_that_catches_up_is_told_its_position_after_each_read() {
    let mut shell = Shell::with_log(small(), &log(20));
    let conn = shell.join(hello(C, &[]));
    let told = shell.fetch(conn).into_iter().filter(|frame| matches!(Frame::decode(frame), Ok(Frame::Progress { .. })));
    let ends = (changes_per_read() as u64..20).step_by(changes_per_read()).chain([20]);
    assert_eq!(told.collect::<Vec<_>>(), ends.map(|end| progress(end, 20)).collect::<Vec<_>>());
}

#[test]
fn what_was_read_for_a_link_is_let_go_when_nobody_fetches_it() {
    let limits = small();
    let mut shell = Shell::with_log(limits.clone(), &log(20));
    let conn = shell.join(hello(C, &[]));
    let mut sent = Vec::new();
    while sent.is_empty() {
        sent.extend(shell.fetch_one(conn).as_ref().and_then(ends));
    }
    shell.wait(limits.ping_interval_us);
    assert!(shell.relay.stats().reads_bytes > 0, "it has moved since it was read");
    shell.wait(limits.ping_interval_us);
    assert_eq!(shell.relay.stats().reads_bytes, 0);
    sent.extend(shell.fetch_changes(conn));
    assert_eq!(sent.len(), 20, "it is read again when it is wanted");
}

/// Newcomers to a log of twenty changes that have fetched what there is without a read, and whose reads are not answered.
fn newcomers<const COUNT: usize>(reads_bytes_max: usize) -> (Shell, [ConnId; COUNT]) {
    let mut shell = Shell::with_log(RelayLimits { reads_bytes_max, ..small() }, &log(20));
    shell.reads = false;
    let conns = core::array::from_fn(|at| shell.join_live(replica(10 + u8::try_from(at).unwrap()), &[]));
    (shell, conns)
}

/// For whom the store is asked to read.
fn reading(shell: &Shell) -> Vec<ConnId> {
    shell.unread.iter().map(|(conn, ..)| *conn).collect()
}

/// The store answers the oldest read, and its link fetches all of that.
fn use_up_one_read(shell: &mut Shell, conn: ConnId) {
    let others = shell.unread.split_off(1);
    shell.read();
    shell.unread = others;
    (0..changes_per_read()).for_each(|_| assert!(shell.fetch_one(conn).is_some()));
}

#[test]
fn links_stand_in_line_for_reads_and_who_goes_keeps_nobody_waiting() {
    let (mut shell, [first, second, third, fourth]) = newcomers(2 * small().read_bytes_max);
    assert_eq!(reading(&shell), [first, second], "as many as the limit allows");
    shell.close(third);
    assert!(!shell.awake.contains(&fourth));
    use_up_one_read(&mut shell, first);
    assert!(shell.awake.contains(&fourth));
    shell.fetch(fourth);
    assert_eq!(reading(&shell), [second, fourth]);
}

#[test]
fn a_read_beyond_what_all_may_have_together_goes_alone() {
    let (mut shell, [first, second]) = newcomers(small().read_bytes_max / 2);
    assert_eq!(reading(&shell), [first]);
    use_up_one_read(&mut shell, first);
    shell.fetch(second);
    assert_eq!(reading(&shell), [second]);
}

#[test]
fn who_has_used_up_a_read_stands_behind_who_waits() {
    let (mut shell, [first, second]) = newcomers(small().read_bytes_max);
    assert_eq!(reading(&shell), [first]);
    use_up_one_read(&mut shell, first);
    // It is polled on before the other one is.
    while shell.fetch_one(first).is_some() {}
    assert!(reading(&shell).is_empty(), "the room is the other one's");
    shell.fetch(second);
    assert_eq!(reading(&shell), [second]);
    use_up_one_read(&mut shell, second);
    shell.fetch(second);
    shell.fetch(first);
    assert_eq!(reading(&shell), [first]);
}

#[test]
fn room_that_is_kept_for_a_link_is_let_go_when_nobody_polls_it() {
    let limits = small();
    let (mut shell, [first, second]) = newcomers(limits.read_bytes_max);
    use_up_one_read(&mut shell, first);
    assert_eq!(shell.relay.stats().reads_bytes, limits.read_bytes_max, "it is kept for the second");
    for _ in 0..2 {
        shell.wait(limits.ping_interval_us);
    }
    shell.fetch(first);
    assert_eq!(reading(&shell), [first]);
    shell.fetch(second);
    assert_eq!(reading(&shell), [first], "it stands in line anew");
}
