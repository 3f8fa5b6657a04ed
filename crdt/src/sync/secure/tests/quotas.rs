//! What one network address may take of a relay, as its devices meet it.

use super::*;
use crate::sync::{QUOTA_WINDOW_US, QuotaLimits, RelayPolicy};

impl World {
    /// A relay with these quotas, and links to it from an address that they count.
    fn with_quotas(devices: usize, quotas: QuotaLimits) -> Self {
        let mut world = Self::new(devices);
        let policy = RelayPolicy { names: Vec::from([ADDRESS.to_string()]), ..RelayPolicy::default() };
        world.gate = Gate::new([0xe1; 16], RelayLimits { quotas, ..RelayLimits::default() }, policy, 0);
        world.network = Network::of([192, 0, 2, 1].into());
        world
    }

    /// Lets so much time pass.
    fn wait(&mut self, us: u64) {
        self.now.monotonic_us += us;
        for at in 0..self.devices.len() {
            let replica = &mut self.devices[at].replica;
            if replica.poll_timeout().is_some_and(|timer| timer <= self.now.monotonic_us) {
                replica.handle_timeout(self.now);
            }
        }
        self.settle();
    }
}

#[test]
fn an_address_that_has_stored_its_share_waits_and_others_do_not() {
    let bytes_per_hour_max = 2_000;
    let mut world = World::with_quotas(2, QuotaLimits { bytes_per_hour_max, ..QuotaLimits::default() });
    world.go_online(0);
    let long: String = (0..20).map(|at| char::from(b'a' + at)).collect();
    // One after the other, so that each is signed and sent by itself.
    long.chars().for_each(|letter| world.write(0, &letter.to_string()));
    assert_eq!(world.refused, [RefusalReason::AddressBytes]);
    let stored: usize = world.store.log.iter().map(Bytes::len).sum();
    assert!((1_800..=2_000).contains(&stored), "{stored}");
    let refusal = world.devices[0].replica.refusal().unwrap();
    let after_us = u64::from(refusal.retry_after_ms) * 1000;
    assert!(after_us > 0 && after_us < QUOTA_WINDOW_US / 5, "{refusal:?}");
    assert_eq!(world.text(0), long, "nothing is lost meanwhile");

    world.network = Network::of([192, 0, 2, 2].into());
    world.go_online(1);
    world.write(1, "!");
    assert_eq!(*world.devices[1].replica.link(), LinkState::Live, "{:?}", world.refused);

    world.network = Network::of([192, 0, 2, 1].into());
    world.wait(after_us - 1);
    assert!(matches!(world.devices[0].replica.link(), LinkState::Waiting { .. }));
    let stored = world.store.log.len();
    world.wait(QUOTA_WINDOW_US / 2);
    assert!(world.store.log.len() > stored, "some of it follows");
    for _ in 0..20 {
        world.wait(QUOTA_WINDOW_US);
        world.devices[1].replica.go_offline(world.now);
        world.devices[1].replica.go_online(world.now);
        world.settle();
    }
    world.wait(QUOTA_WINDOW_US);
    assert_eq!(world.store.log.len(), 21, "and at last all");
}

#[test]
fn what_a_relay_has_already_costs_nothing() {
    let mut world = World::with_quotas(2, QuotaLimits { bytes_per_hour_max: 2_000, ..QuotaLimits::default() });
    world.go_online(0);
    world.write(0, "abcdef");
    let stored: u64 = world.store.log.iter().map(|bytes| bytes.len() as u64).sum();
    for _ in 0..20 {
        world.go_offline(0);
        world.go_online(0);
        world.go_online(1);
        world.go_offline(1);
    }
    assert!(world.refused.is_empty(), "{:?} after {stored} bytes", world.refused);
}

#[test]
fn documents_are_made_no_faster_than_the_relay_allows_and_go_on_when_they_are() {
    let quotas = QuotaLimits { documents_per_hour_max: 0, ..QuotaLimits::default() };
    let mut world = World::with_quotas(1, quotas);
    world.go_online(0);
    world.write(0, "x");
    assert_eq!(world.refused, [RefusalReason::AddressDocuments]);
    assert!(world.store.log.is_empty());
    world.network = None;
    world.wait(QUOTA_WINDOW_US + 60_000_000);
    assert_eq!(world.store.log.len(), 1, "this computer is not counted");
    world.network = Network::of([192, 0, 2, 1].into());
    world.go_offline(0);
    world.go_online(0);
    world.write(0, "y");
    assert_eq!((world.store.log.len(), world.refused.len()), (2, 1), "it is there, and may grow");
}

#[test]
fn links_that_prove_nothing_are_counted_and_end() {
    let mut world = World::with_quotas(1, QuotaLimits { links_max: 1, ..QuotaLimits::default() });
    let stranger = ConnId(1000);
    world.gate.handle_connected_from(world.now, stranger, [9; 32], Vec::new(), world.network);
    world.go_online(0);
    assert_eq!(world.refused, [RefusalReason::AddressLinks]);
    let retry_after_ms = world.devices[0].replica.refusal().unwrap().retry_after_ms;
    assert_eq!(retry_after_ms, RelayLimits::default().retry_after_ms);
    let timeout_us = RelayLimits::default().hello_timeout_us;
    world.now.monotonic_us += timeout_us;
    world.gate.relay().handle_timeout(world.now);
    world.settle();
    world.wait(60_000_000);
    world.write(0, "in");
    assert_eq!(*world.devices[0].replica.link(), LinkState::Live, "{:?}", world.refused);
}
