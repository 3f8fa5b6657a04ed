//! Everything that the server holds for others, bounded.

use std::time::Duration;

use quire_crdt::sync::RelayLimits;

/// The limits of a server: those of the relay itself, and those of its shell. `docs/OPERATING.md` explains each.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Limits {
    /// What the relay holds in memory and on disk for its links.
    pub relay: RelayLimits,
    /// How many connections may be open, of whatever kind.
    pub connections_max: usize,
    /// How many of them may come from one address.
    pub connections_per_address_max: usize,
    /// How many reads of the store may run at once.
    pub store_reads_max: usize,
    /// How much memory the store may use to remember pages, in bytes.
    pub store_cache_bytes: usize,
    /// The largest store that is read whole and checked before it is used, in bytes.
    pub store_check_bytes_max: u64,
    /// The kernel's send buffer of one connection, in bytes: what a stalled reader can hide.
    pub send_buffer_bytes: usize,
    /// How long what was sent may stay unacknowledged by the other end's kernel before the connection is given up.
    pub tcp_user_timeout: Duration,
    /// How long a TLS handshake may take.
    pub tls_handshake_timeout: Duration,
    /// How long a link that was refused, and every link at shutdown, may take to fetch the reason.
    pub close_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        const KIB: usize = 1024;
        Self {
            relay: RelayLimits::default(),
            connections_max: 16_384,
            connections_per_address_max: 16_384,
            store_reads_max: 8,
            store_cache_bytes: 128 * KIB * KIB,
            store_check_bytes_max: (256 * KIB * KIB) as u64,
            send_buffer_bytes: 128 * KIB,
            tcp_user_timeout: Duration::from_secs(30),
            tls_handshake_timeout: Duration::from_secs(10),
            close_timeout: Duration::from_secs(5),
        }
    }
}
