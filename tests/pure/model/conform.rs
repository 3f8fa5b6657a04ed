//! What real replicas and relays do is what the model may do, and what they must not do is refused.

use bytes::Bytes;
use quire_crdt::sync::frame::{ChangeWriter, Frame};
use quire_crdt::sync::{LinkState, Now};
use sim::model::Observed;
use sim::network::Way;
use sim::rng::Rng;

use super::drive::Drive;

const RUNS: u64 = 100;
const STEPS: usize = 3_000;

#[test]
fn programs_conform_to_the_model() {
    let (mut steps, mut frames, mut crashes, mut resumed) = (0, 0, 0, 0);
    for seed in 0..RUNS {
        let (mut rng, mut drive) = (Rng::new(seed), Drive::new(3));
        for step in 0..STEPS {
            drive.step(&mut rng, true).unwrap_or_else(|drift| panic!("seed {seed}, step {step}: {drift}"));
        }
        steps += drive.conform.steps();
        frames += drive.did.frames;
        crashes += drive.did.crashes;
        resumed += drive.did.resumed;
    }
    println!(
        "{RUNS} runs: {steps} steps of the model, {frames} frames, {crashes} crashes, {resumed} places remembered"
    );
    assert!(steps > 100_000 && crashes > 5_000 && resumed > 500, "too little happened");
}

/// One replica whose first change is on its disk, welcomed by the first relay; nothing is on its way.
fn linked() -> Drive {
    let mut drive = Drive::new(2);
    drive.write(0, "one").and_then(|()| drive.sync(0)).and_then(|()| drive.go_online(0)).expect("it conforms");
    settle(&mut drive);
    assert_eq!(*drive.devices[0].replica.link(), LinkState::Live);
    drive
}

fn settle(drive: &mut Drive) {
    let id = drive.conns[0].id;
    let mut moves = || -> Result<bool, String> {
        Ok(drive.transmit_up(id)? | drive.arrive_up(id)? | drive.transmit_down(id)? | drive.arrive_down(id)?)
    };
    while moves().expect("it conforms") {}
}

fn check_refused(drive: &mut Drive, way: Way, frame: &Bytes, why: &str) {
    let drift = drive.observe(Observed::Sent { conn: drive.conns[0].id, way, frame }).expect_err("it is refused");
    assert!(drift.contains(why), "{drift}");
}

#[test]
fn an_ack_of_one_unit_too_many_is_refused() {
    let mut drive = linked();
    drive.write(0, "more").and_then(|()| drive.sync(0)).expect("it conforms");
    settle(&mut drive);
    check_refused(&mut drive, Way::Down, &Frame::Ack { count: 3 }.encode(), "its disk has another number");
    drive.relay_sync(0).expect("it conforms");
    check_refused(&mut drive, Way::Down, &Frame::Ack { count: 8 }.encode(), "8 units of replica 0 end in no change");
    check_refused(&mut drive, Way::Down, &Frame::Ack { count: 3 }.encode(), "its disk has another number");
    drive
        .observe(Observed::Sent { conn: drive.conns[0].id, way: Way::Down, frame: &Frame::Ack { count: 7 }.encode() })
        .expect("that is what its disk has");
}

#[test]
fn a_change_that_is_not_on_disk_is_refused() {
    let mut drive = linked();
    drive.write(0, "more").expect("it conforms");
    let log = drive.devices[0].replica.document().log();
    let mut writer = ChangeWriter::new(drive.devices[0].id);
    writer.frame(&log.envelope(0).expect("the first change"));
    let frame = writer.frame(&log.envelope(1).expect("the second change"));
    check_refused(&mut drive, Way::Up, &frame, "it is not on its disk");
}

#[test]
fn what_was_not_seen_is_missed() {
    // The relay's disk is not seen to sync: its ack comes out of nothing.
    let mut drive = linked();
    let head = drive.hosts[0].disk.len() as u64;
    drive.hosts[0].relay.handle_appended(Now::default(), super::drive::DOCUMENT, head);
    let drift = drive.transmit_down(drive.conns[0].id).expect_err("it is refused");
    assert!(drift.contains("its disk has another number"), "{drift}");
    // The relay is not seen to forget: its welcome is another store's.
    let mut drive = linked();
    drive.relay_sync(0).expect("it conforms");
    settle(&mut drive);
    let drift = drive.restart(0, 0, Observed::RelayCrashed { relay: 0, kept: 0 }).expect_err("it is refused");
    assert!(drift.contains("what was on disk stays"), "{drift}");
}

/// A replica gives up waiting for a welcome and links again, and the Hello of its former link comes last.
#[test]
fn a_late_hello_leaves_the_newer_link_alone() {
    let mut drive = Drive::new(1);
    let mut run = || -> Result<(), String> {
        drive.go_online(0)?;
        let first = drive.conns[0].id;
        drive.transmit_up(first)?;
        drive.go_offline(0)?;
        drive.go_online(0)?;
        let second = drive.conns[1].id;
        drive.transmit_up(second)?;
        drive.arrive_up(second)?;
        drive.transmit_down(second)?;
        drive.arrive_down(second)?;
        drive.arrive_up(first)?;
        while drive.transmit_down(second)? {}
        while drive.arrive_down(second)? {}
        Ok(())
    };
    run().expect("it conforms");
    assert_eq!((*drive.devices[0].replica.link(), drive.did.replaced), (LinkState::Live, 0));
}
