//! What one network address may take of a relay, so that nobody uses it up for all others.
//!
//! Links are counted at once; bytes that are stored and documents that are made by the hour, each as a bucket that fills as they come and
//! drains evenly (Turner, *New directions in communications*, IEEE Communications Magazine 24(10), 1986). Addresses are remembered in
//! bounded room: of those without links, the ones that were heard of longest ago are forgotten, and their buckets with them.

use alloc::collections::{BTreeMap, BTreeSet};
use core::net::{IpAddr, Ipv6Addr};

use super::super::frame::RefusalReason;
use super::super::time::Now;

/// Over which time bytes and documents are counted, in microseconds.
pub const QUOTA_WINDOW_US: u64 = 3_600_000_000;

/// An address is told to come back when a sixtieth of what it may take in an hour is free again: not for each change anew.
const FREE_PARTS: u64 = 60;

/// Who counts as one: an IPv4 address, or the 64 leading bits of an IPv6 address, which are what one customer is given.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Network(u128);

impl Network {
    /// Of this address; `None` for this computer, which no quota counts: a proxy is there, or whoever runs the relay.
    pub fn of(address: IpAddr) -> Option<Self> {
        match address.to_canonical() {
            address if address.is_loopback() => None,
            IpAddr::V4(address) => Some(Self(u128::from(address.to_ipv6_mapped()))),
            IpAddr::V6(address) => Some(Self(u128::from(address) & !u128::from(u64::MAX))),
        }
    }

    /// The lowest address of it.
    pub fn address(self) -> IpAddr {
        IpAddr::V6(Ipv6Addr::from(self.0)).to_canonical()
    }
}

/// The quotas of each [`Network`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct QuotaLimits {
    /// How many links it may have at once, those included that have not proved anything.
    pub links_max: usize,
    /// How many bytes of envelopes may be stored for it in an hour.
    pub bytes_per_hour_max: u64,
    /// How many documents it may make in an hour.
    pub documents_per_hour_max: u64,
    /// How many networks are remembered, besides those that have links.
    pub networks_max: usize,
}

impl Default for QuotaLimits {
    fn default() -> Self {
        Self {
            links_max: 4096,
            bytes_per_hour_max: 4 * 1024 * 1024 * 1024,
            documents_per_hour_max: 10_000,
            networks_max: 65_536,
        }
    }
}

/// Why something is refused: the reason, the limit, the value, and when to come again, in milliseconds.
pub(super) type OverQuota = (RefusalReason, u64, u64, u32);

/// What the networks have taken.
#[derive(Debug)]
pub(super) struct Quotas {
    limits: QuotaLimits,
    networks: BTreeMap<Network, Usage>,
    /// Those without links, by when they were last heard of.
    idle: BTreeSet<(u64, Network)>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Usage {
    links: usize,
    heard_us: u64,
    bytes: Bucket,
    documents: Bucket,
}

impl Quotas {
    pub(super) const fn new(limits: QuotaLimits) -> Self {
        Self { limits, networks: BTreeMap::new(), idle: BTreeSet::new() }
    }

    /// How many networks are remembered.
    pub(super) fn len(&self) -> usize {
        self.networks.len()
    }

    /// One more link, until [`Quotas::leave`]; it is counted also if it is refused. O(log n).
    pub(super) fn enter(&mut self, now: Now, network: Network, retry_after_ms: u32) -> Result<(), OverQuota> {
        let limit = self.limits.links_max;
        let usage = self.networks.entry(network).or_default();
        self.idle.remove(&(usage.heard_us, network));
        usage.heard_us = now.monotonic_us;
        usage.links += 1;
        let value = usage.links;
        if value > limit {
            return Err((RefusalReason::AddressLinks, limit as u64, value as u64, retry_after_ms));
        }
        Ok(())
    }

    /// One link less. O(log n).
    pub(super) fn leave(&mut self, now: Now, network: Network) {
        let Some(usage) = self.networks.get_mut(&network) else { return };
        usage.links = usage.links.saturating_sub(1);
        usage.heard_us = now.monotonic_us;
        if usage.links == 0 {
            self.idle.insert((usage.heard_us, network));
        }
        while self.idle.len() > self.limits.networks_max {
            if let Some((_, oldest)) = self.idle.pop_first() {
                self.networks.remove(&oldest);
            }
        }
    }

    /// Whether so many bytes more may be stored for a network, and in a new document if they begin one. O(log n).
    pub(super) fn check(
        &mut self,
        now: Now,
        network: Network,
        bytes: u64,
        is_new_document: bool,
    ) -> Result<(), OverQuota> {
        let QuotaLimits { bytes_per_hour_max, documents_per_hour_max, .. } = self.limits;
        let Some(usage) = self.networks.get_mut(&network) else { return Ok(()) };
        let over = |reason, (value, after_ms), limit| Err((reason, limit, value, after_ms));
        if is_new_document && let Some(full) = usage.documents.lacks_room(now, 1, documents_per_hour_max) {
            return over(RefusalReason::AddressDocuments, full, documents_per_hour_max);
        }
        match usage.bytes.lacks_room(now, bytes, bytes_per_hour_max) {
            Some(full) => over(RefusalReason::AddressBytes, full, bytes_per_hour_max),
            None => Ok(()),
        }
    }

    /// So many bytes and documents were stored for a network that [`Quotas::check`] let through. O(log n).
    pub(super) fn spend(&mut self, network: Network, bytes: u64, documents: u64) {
        if let Some(usage) = self.networks.get_mut(&network) {
            usage.bytes.level += bytes;
            usage.documents.level += documents;
        }
    }
}

/// What was taken and has not drained yet: as much in an hour as it holds.
#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    level: u64,
    /// Until when it was drained.
    at_us: u64,
}

impl Bucket {
    /// If so much more does not fit: what would be in it, and after how many milliseconds it is worth coming again. What is larger than the
    /// whole bucket fits into an empty one.
    fn lacks_room(&mut self, now: Now, more: u64, size: u64) -> Option<(u64, u32)> {
        self.drain(now.monotonic_us, size);
        let value = self.level.saturating_add(more);
        if value <= size || (self.level == 0 && size > 0) {
            return None;
        }
        let excess = (value - size).saturating_add(size / FREE_PARTS).min(self.level.max(1));
        let us = u128::from(excess) * u128::from(QUOTA_WINDOW_US) / u128::from(size.max(1));
        let ms = us.min(u128::from(QUOTA_WINDOW_US)).div_ceil(1000);
        Some((value, u32::try_from(ms).unwrap_or(u32::MAX)))
    }

    /// Lets out what has drained by now. What is less than a whole unit is kept for the next time.
    fn drain(&mut self, now_us: u64, size: u64) {
        let passed_us = u128::from(now_us.saturating_sub(self.at_us));
        let drained = passed_us * u128::from(size) / u128::from(QUOTA_WINDOW_US);
        match u64::try_from(drained) {
            Ok(drained) if drained < self.level => {
                self.level -= drained;
                let used_us = (u128::from(drained) * u128::from(QUOTA_WINDOW_US)).div_ceil(u128::from(size.max(1)));
                self.at_us = self.at_us.saturating_add(u64::try_from(used_us).unwrap_or(u64::MAX)).min(now_us);
            }
            _ => *self = Self { level: 0, at_us: now_us },
        }
    }
}

#[cfg(test)]
mod tests;
