//! What honest replicas and relays do.

use super::*;

#[test]
fn two_devices_write_and_read_through_a_relay_that_cannot() {
    let mut world = World::online(2);
    world.write(0, "over the hills");
    world.write(1, " and far away");
    world.write(0, "!");
    world.assert_equal();
    assert_eq!(world.text(1), "over the hills and far away!");
    let words = [&b"over"[..], b"hills", b"away"];
    let has_words = |bytes: &Bytes| words.iter().any(|word| bytes.windows(word.len()).any(|window| window == *word));
    assert!(!world.store.log.iter().any(has_words), "the relay has words");
    let typed = world.store.log.iter().map(Bytes::len).max();
    assert!(
        typed < Some(320),
        "{typed:?}: an envelope has at most 120 bytes more, and its author's first a certificate"
    );
}

#[test]
fn who_was_away_is_caught_up_in_batches() {
    let mut world = World::online(2);
    world.go_offline(1);
    let long: String = (0..700).map(|at| char::from(b'a' + u8::try_from(at % 26).unwrap())).collect();
    world.write(0, &long);
    world.write(0, "end");
    world.go_online(1);
    world.assert_equal();
    assert_eq!(world.text(1).len(), 703);
    assert_eq!(world.devices[1].replica.verified().len(), 1);
}

#[test]
fn who_starts_again_goes_on_where_it_was() {
    let mut world = World::online(2);
    world.write(0, "one");
    world.write(1, " two");
    for at in [0, 1] {
        let disk = world.devices[at].disk.clone();
        world.restart(at, disk);
    }
    world.write(0, " three");
    world.write(1, " four");
    world.go_online(0);
    world.go_online(1);
    world.assert_equal();
    world.write(1, " five");
    world.assert_equal();
}

#[test]
fn a_relay_that_lost_everything_is_refilled_with_everyone_s_by_whoever_comes() {
    let mut world = World::online(3);
    world.write(0, "ana");
    world.write(1, "ben");
    world.write(0, "ana again");
    world.write(2, "cem");
    let before = world.store.clone();
    world.go_offline(0);
    world.go_offline(1);
    world.restart_relay([2; 16], Store::default());
    world.go_online(2);
    assert_eq!(world.store.authors, before.authors);
    assert_eq!(world.store.log, before.log, "the very bytes that it had");
    world.go_online(0);
    world.go_online(1);
    world.write(1, "and on");
    world.assert_equal();
}

#[test]
fn a_relay_that_was_put_back_to_an_old_copy_is_refilled() {
    let mut world = World::online(2);
    world.write(0, "ana");
    world.write(1, "ben");
    let old = world.store.clone();
    world.write(0, "more of ana");
    world.write(1, "more of ben");
    let newest = world.store.authors.clone();
    world.restart_relay([0xe1; 16], old);
    world.go_online(0);
    assert_eq!(world.store.authors, newest);
    world.go_online(1);
    world.write(0, "!");
    world.assert_equal();
}

#[test]
fn a_viewer_reads_and_refills() {
    let mut world = World::new(2);
    let keys = keys();
    let viewer = DocumentKeys::viewer(keys.read().clone(), *keys.write_public()).unwrap();
    world.devices[1] = Device::new(viewer, key(1));
    world.go_online(0);
    world.go_online(1);
    world.write(0, "read this");
    assert_eq!(world.text(1), "read this");
    world.go_offline(0);
    world.restart_relay([2; 16], Store::default());
    world.go_online(1);
    assert_eq!(world.store.log.len(), 9);
}

#[test]
fn presence_and_digests_reach_the_others_and_nobody_else() {
    let mut world = World::online(2);
    world.write(0, "text");
    world.devices[0].replica.set_presence(Some(Bytes::from_static(b"Ana is here"))).unwrap();
    world.now = world.now.plus_us(3_000_000);
    for at in [0, 1] {
        world.devices[at].replica.handle_timeout(world.now);
    }
    world.settle();
    let id = world.devices[0].credentials.replica.id();
    let peer = &world.devices[1].replica.peers()[&id];
    assert_eq!(peer.presence, Some(Bytes::from_static(b"Ana is here")));
    assert!(peer.state.is_some(), "its digest came");
    assert!(!world.wire.iter().any(|message| message.windows(7).any(|window| window == b"is here")));
}
