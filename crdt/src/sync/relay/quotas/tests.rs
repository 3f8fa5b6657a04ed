use super::*;

const HOUR_MS: u64 = 3_600_000;

fn at(ms: u64) -> Now {
    Now { monotonic_us: ms * 1000, wall_us: 0 }
}

fn network(last: u8) -> Network {
    Network::of(IpAddr::from([192, 0, 2, last])).unwrap()
}

fn quotas(limits: QuotaLimits) -> Quotas {
    let mut quotas = Quotas::new(limits);
    quotas.enter(at(0), network(1), 0).unwrap();
    quotas
}

/// Takes so much if it may.
fn take(quotas: &mut Quotas, ms: u64, bytes: u64) -> Result<(), OverQuota> {
    quotas.check(at(ms), network(1), bytes, false)?;
    quotas.spend(network(1), bytes, 0);
    Ok(())
}

#[test]
fn addresses_of_one_customer_count_as_one_and_this_computer_not_at_all() {
    let of = |text: &str| Network::of(text.parse().unwrap());
    assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
    assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
    assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    assert_eq!(of("192.0.2.1"), of("::ffff:192.0.2.1"));
    assert_eq!([of("127.0.0.1"), of("127.9.9.9"), of("::1"), of("::ffff:127.0.0.1")], [None; 4]);
    assert_eq!(of("2001:db8:1:2::1").map(Network::address), Some("2001:db8:1:2::".parse().unwrap()));
    assert_eq!(of("192.0.2.1").map(Network::address), Some("192.0.2.1".parse().unwrap()));
}

#[test]
fn bytes_drain_evenly_over_an_hour() {
    let mut quotas = quotas(QuotaLimits { bytes_per_hour_max: 3600, ..QuotaLimits::default() });
    take(&mut quotas, 0, 3600).unwrap();
    let (reason, limit, value, after_ms) = take(&mut quotas, 0, 1).unwrap_err();
    assert_eq!((reason, limit, value), (RefusalReason::AddressBytes, 3600, 3601));
    assert_eq!(after_ms, 61_000, "a byte a second, and a minute's more");
    assert!(take(&mut quotas, 999, 1).is_err());
    take(&mut quotas, 1000, 1).unwrap();
    assert!(take(&mut quotas, 1999, 1).is_err());
    take(&mut quotas, 62_000, 61).unwrap();
    take(&mut quotas, 62_000 + HOUR_MS, 3600).unwrap();
}

#[test]
fn who_asks_often_waits_no_longer_than_who_asks_once() {
    let mut quotas = quotas(QuotaLimits { bytes_per_hour_max: 3600, ..QuotaLimits::default() });
    take(&mut quotas, 0, 3600).unwrap();
    let first = (1..2000).find(|ms| take(&mut quotas, *ms, 1).is_ok());
    assert_eq!(first, Some(1000));
    let taken = (1001..10_001).filter(|ms| take(&mut quotas, *ms, 1).is_ok()).count();
    assert_eq!(taken, 9);
}

#[test]
fn what_is_larger_than_all_that_is_left_for_ever_passes_alone() {
    let mut quotas = quotas(QuotaLimits { bytes_per_hour_max: 10, ..QuotaLimits::default() });
    take(&mut quotas, 0, 100).unwrap();
    let (.., after_ms) = take(&mut quotas, 0, 100).unwrap_err();
    assert_eq!(u64::from(after_ms), HOUR_MS, "and nobody is sent away for longer than an hour");
    assert!(take(&mut quotas, 9 * HOUR_MS, 100).is_err());
    take(&mut quotas, 10 * HOUR_MS, 100).unwrap();
    let mut none = self::quotas(QuotaLimits { bytes_per_hour_max: 0, ..QuotaLimits::default() });
    assert!(take(&mut none, 0, 1).is_err(), "nothing is nothing");
}

#[test]
fn documents_are_counted_beside_bytes() {
    let mut quotas = quotas(QuotaLimits { documents_per_hour_max: 2, ..QuotaLimits::default() });
    for _ in 0..2 {
        quotas.check(at(0), network(1), 1, true).unwrap();
        quotas.spend(network(1), 1, 1);
    }
    let (reason, limit, value, _) = quotas.check(at(0), network(1), 1, true).unwrap_err();
    assert_eq!((reason, limit, value), (RefusalReason::AddressDocuments, 2, 3));
    quotas.check(at(0), network(1), 1, false).unwrap();
    assert!(quotas.check(at(HOUR_MS / 2 - 1), network(1), 1, true).is_err());
    quotas.check(at(HOUR_MS / 2), network(1), 1, true).unwrap();
}

#[test]
fn links_are_counted_at_once_and_for_each_network_alone() {
    let mut quotas = Quotas::new(QuotaLimits { links_max: 2, ..QuotaLimits::default() });
    quotas.enter(at(0), network(1), 7).unwrap();
    quotas.enter(at(0), network(1), 7).unwrap();
    assert_eq!(quotas.enter(at(0), network(1), 7), Err((RefusalReason::AddressLinks, 2, 3, 7)));
    quotas.enter(at(0), network(2), 7).unwrap();
    quotas.leave(at(0), network(1));
    quotas.leave(at(0), network(1));
    quotas.enter(at(0), network(1), 7).unwrap();
}

#[test]
fn networks_are_forgotten_that_were_heard_of_longest_ago_and_none_that_has_a_link() {
    let mut quotas = Quotas::new(QuotaLimits { networks_max: 3, bytes_per_hour_max: 10, ..QuotaLimits::default() });
    quotas.enter(at(0), network(1), 0).unwrap();
    take(&mut quotas, 0, 10).unwrap();
    for last in 2..=9 {
        quotas.enter(at(u64::from(last)), network(last), 0).unwrap();
        quotas.check(at(u64::from(last)), network(last), 10, false).unwrap();
        quotas.spend(network(last), 10, 0);
        quotas.leave(at(u64::from(last)), network(last));
    }
    assert_eq!(quotas.len(), 4);
    let mut is_remembered = |last: u8| {
        quotas.enter(at(10), network(last), 0).unwrap();
        let is_full = quotas.check(at(10), network(last), 10, false).is_err();
        quotas.leave(at(10), network(last));
        is_full
    };
    assert!(is_remembered(1), "it is linked");
    assert!(is_remembered(9) && is_remembered(8) && is_remembered(7));
    assert!(!is_remembered(2), "it was heard of longest ago");
}

#[test]
fn a_thousand_networks_that_come_and_go_take_no_more_room() {
    let mut quotas = Quotas::new(QuotaLimits { networks_max: 100, ..QuotaLimits::default() });
    for number in 0..10_000_u32 {
        let network = Network::of(IpAddr::from(number.to_be_bytes().map(|byte| byte | 0x80))).unwrap();
        quotas.enter(at(u64::from(number)), network, 0).unwrap();
        quotas.leave(at(u64::from(number)), network);
        assert!(quotas.len() <= 100 && quotas.idle.len() == quotas.len());
    }
}
