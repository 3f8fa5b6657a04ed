//! The relay's named limits, and what it counts.

use super::quotas::QuotaLimits;

/// Everything that a relay holds in memory or on disk for others has one of these limits. `docs/OPERATING.md` says how an operator sets them.
///
/// A frame is limited by [`FRAME_BYTES_MAX`](super::super::frame::FRAME_BYTES_MAX) and a presence by
/// [`PRESENCE_BYTES_MAX`](super::super::frame::PRESENCE_BYTES_MAX): those two belong to the protocol.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RelayLimits {
    /// How many documents may be open (have links, or changes that are not on disk yet) at once.
    pub documents_open_max: usize,
    /// How many documents the store may hold.
    pub documents_stored_max: u64,
    /// How many links one document may have.
    pub links_per_document_max: usize,
    /// How many replicas one document's log, or a version vector that a link sends, may name.
    pub replicas_per_document_max: usize,
    /// How many bytes of envelopes one document's log may have.
    pub document_bytes_max: u64,
    /// How many bytes one link may have given that are not on disk yet, before it is no longer read.
    pub link_unappended_bytes_max: usize,
    /// How many bytes all links may have given that are not on disk yet, before no link is read.
    pub unappended_bytes_max: usize,
    /// How many bytes of recent changes one open document keeps in memory. Those that are not on disk yet are kept beyond it.
    pub ring_bytes_max: usize,
    /// How many recent changes one open document keeps in memory. Those that are not on disk yet are kept beyond it.
    pub ring_changes_max: usize,
    /// How many bytes of recent changes all open documents keep in memory together. The same exception.
    pub rings_bytes_max: usize,
    /// About how many bytes one read of the log for a lagging link has; a single longer envelope is read all the same.
    pub read_bytes_max: usize,
    /// About how many bytes, read for lagging links and not sent yet, may be in memory at once.
    pub reads_bytes_max: usize,
    /// How many times in a row a link may send the same change without its past.
    pub missing_repeats_max: u32,
    /// After so many changes a live link is told its position in the log; it is told on every heartbeat as well.
    pub progress_changes: u64,
    /// How long a link may take to say Hello, in microseconds.
    pub hello_timeout_us: u64,
    /// How often a link is pinged, in microseconds.
    pub ping_interval_us: u64,
    /// How long a link may be silent, in microseconds; looked at on every ping.
    pub silence_timeout_us: u64,
    /// What one network address may take, where a [`Gate`](super::Gate) is told of it.
    pub quotas: QuotaLimits,
    /// When a link that was refused for a passing reason should try again, in milliseconds.
    pub retry_after_ms: u32,
}

impl Default for RelayLimits {
    fn default() -> Self {
        const MIB: usize = 1024 * 1024;
        Self {
            documents_open_max: 10_000,
            documents_stored_max: 1_000_000,
            links_per_document_max: 1_000,
            replicas_per_document_max: 1_024,
            document_bytes_max: 1024 * MIB as u64,
            link_unappended_bytes_max: 2 * MIB,
            unappended_bytes_max: 64 * MIB,
            ring_bytes_max: MIB,
            ring_changes_max: 8_192,
            rings_bytes_max: 128 * MIB,
            read_bytes_max: 64 * 1024,
            reads_bytes_max: 128 * MIB,
            missing_repeats_max: 8,
            progress_changes: 64,
            hello_timeout_us: 10_000_000,
            ping_interval_us: 15_000_000,
            silence_timeout_us: 45_000_000,
            quotas: QuotaLimits::default(),
            retry_after_ms: 2_000,
        }
    }
}

/// What a relay has done since it began, and what it holds now.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct RelayStats {
    /// Links that are open now, those that have not said Hello included.
    pub links: usize,
    /// Network addresses whose use is remembered.
    pub networks: usize,
    /// Documents that are open now.
    pub documents_open: usize,
    /// Documents that have at least one change.
    pub documents_stored: u64,
    /// Bytes of envelopes that are not on disk yet.
    pub unappended_bytes: usize,
    /// Bytes of recent changes in memory.
    pub rings_bytes: usize,
    /// Bytes in memory, being read, or kept free for who is next in line, for lagging links.
    pub reads_bytes: usize,
    /// Changes that were appended to a log.
    pub changes_appended: u64,
    /// Bytes of those.
    pub bytes_appended: u64,
    /// Changes that the log had already.
    pub changes_duplicate: u64,
    /// Changes that came without their past.
    pub changes_missing_past: u64,
    /// Changes sent to links.
    pub changes_sent: u64,
    /// Presences received.
    pub presences_received: u64,
    /// Presences sent to links. Those that a newer one replaced before they were sent are not counted.
    pub presences_sent: u64,
    /// Reads of the log for lagging links.
    pub reads: u64,
}
