//! What the server counts, and how Prometheus reads it.

use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use quire_crdt::sync::RelayStats;
use quire_crdt::sync::frame::RefusalReason;

use crate::hub::Hub;
use crate::log::Committed;

/// The upper bounds of the histogram of commit times, in microseconds.
const COMMIT_BOUNDS_US: [u64; 12] =
    [250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000, 5_000_000];

/// Every reason for which a link may be refused, with its label.
const REASONS: [(RefusalReason, &str); 21] = [
    (RefusalReason::Protocol, "protocol"),
    (RefusalReason::Malformed, "malformed"),
    (RefusalReason::FrameBytes, "frame_bytes"),
    (RefusalReason::LinksPerDocument, "links_per_document"),
    (RefusalReason::Documents, "documents"),
    (RefusalReason::DocumentBytes, "document_bytes"),
    (RefusalReason::Replicas, "replicas"),
    (RefusalReason::Replaced, "replaced"),
    (RefusalReason::Silent, "silent"),
    (RefusalReason::Missing, "missing"),
    (RefusalReason::ShuttingDown, "shutting_down"),
    (RefusalReason::Storage, "storage"),
    (RefusalReason::Access, "access"),
    (RefusalReason::Address, "address"),
    (RefusalReason::Create, "create"),
    (RefusalReason::Forged, "forged"),
    (RefusalReason::Forked, "forked"),
    (RefusalReason::Closed, "closed"),
    (RefusalReason::AddressLinks, "address_links"),
    (RefusalReason::AddressBytes, "address_bytes"),
    (RefusalReason::AddressDocuments, "address_documents"),
];

#[derive(Debug, Default)]
struct CommitTimes {
    within: [u64; COMMIT_BOUNDS_US.len()],
    count: u64,
    changes: u64,
    sum_us: u64,
}

/// What the shell counts; the relay counts the rest itself.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Connections that are open now.
    pub(crate) connections: AtomicUsize,
    /// Connections that a limit turned away.
    pub(crate) connections_refused: AtomicU64,
    /// Connections that were never encrypted as they should be.
    pub(crate) tls_handshakes_failed: AtomicU64,
    refusals: [AtomicU64; REASONS.len()],
    commits: Mutex<CommitTimes>,
}

impl Counters {
    pub(crate) fn note_refusal(&self, reason: RefusalReason) {
        if let Some(index) = REASONS.iter().position(|(known, _)| *known == reason) {
            self.refusals[index].fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn note_commit(&self, committed: &Committed) {
        let us = u64::try_from(committed.took.as_micros()).unwrap_or(u64::MAX);
        let mut commits = self.commits.lock().unwrap_or_else(PoisonError::into_inner);
        commits.count += 1;
        commits.changes += committed.changes as u64;
        commits.sum_us = commits.sum_us.saturating_add(us);
        for (within, bound_us) in commits.within.iter_mut().zip(COMMIT_BOUNDS_US) {
            *within += u64::from(us <= bound_us);
        }
    }
}

/// The text that `/metrics` answers, in Prometheus' exposition format.
pub(crate) fn render(hub: &Hub) -> String {
    let mut page = Page::default();
    let (stats, lag) = hub.stats();
    render_relay(&mut page, &stats);
    let counters = &hub.counters;
    page.gauge("lag_changes_max", "Changes that the slowest link has not been sent", lag);
    page.gauge("connections", "Open connections of any kind", counters.connections.load(Ordering::Relaxed) as u64);
    let refused = counters.connections_refused.load(Ordering::Relaxed);
    page.counter("connections_refused_total", "Connections over a limit, closed at once", refused);
    let failed = counters.tls_handshakes_failed.load(Ordering::Relaxed);
    page.counter("tls_handshakes_failed_total", "TLS handshakes that failed or took too long", failed);
    page.head("refusals_total", "Links refused, by reason", "counter");
    for ((_, label), count) in REASONS.iter().zip(&counters.refusals) {
        page.line(&format!("refusals_total{{reason=\"{label}\"}}"), &count.load(Ordering::Relaxed).to_string());
    }
    render_commits(&mut page, &counters.commits.lock().unwrap_or_else(PoisonError::into_inner));
    page.gauge("healthy", "1 while the store works", u64::from(hub.is_healthy()));
    page.text
}

fn render_relay(page: &mut Page, stats: &RelayStats) {
    page.gauge("links", "Open links", stats.links as u64);
    page.gauge("addresses", "Network addresses whose use is remembered", stats.networks as u64);
    page.gauge("documents_open", "Documents with links or unwritten changes", stats.documents_open as u64);
    page.gauge("documents_stored", "Documents with at least one change", stats.documents_stored);
    page.gauge("unappended_bytes", "Bytes of changes that are not on disk yet", stats.unappended_bytes as u64);
    page.gauge("rings_bytes", "Bytes of recent changes in memory", stats.rings_bytes as u64);
    page.gauge("reads_bytes", "Bytes read from the store for lagging links", stats.reads_bytes as u64);
    page.counter("changes_appended_total", "Changes appended to a log", stats.changes_appended);
    page.counter("bytes_appended_total", "Bytes of the changes appended", stats.bytes_appended);
    page.counter("changes_duplicate_total", "Changes that the log had already", stats.changes_duplicate);
    page.counter("changes_missing_past_total", "Changes that came without their past", stats.changes_missing_past);
    page.counter("changes_sent_total", "Changes sent to links", stats.changes_sent);
    page.counter("presences_received_total", "Presences received", stats.presences_received);
    page.counter("presences_sent_total", "Presences sent to links", stats.presences_sent);
    page.counter("reads_total", "Reads of the store for lagging links", stats.reads);
}

fn render_commits(page: &mut Page, commits: &CommitTimes) {
    page.counter("commit_changes_total", "Changes made durable", commits.changes);
    page.head("commit_seconds", "Time of one durable commit", "histogram");
    for (bound_us, within) in COMMIT_BOUNDS_US.iter().zip(&commits.within) {
        page.line(&format!("commit_seconds_bucket{{le=\"{}\"}}", seconds(*bound_us)), &within.to_string());
    }
    page.line("commit_seconds_bucket{le=\"+Inf\"}", &commits.count.to_string());
    page.line("commit_seconds_sum", &seconds(commits.sum_us));
    page.line("commit_seconds_count", &commits.count.to_string());
}

/// Microseconds as seconds, without rounding.
fn seconds(us: u64) -> String {
    let fraction = format!("{:06}", us % 1_000_000);
    let fraction = fraction.trim_end_matches('0');
    if fraction.is_empty() { (us / 1_000_000).to_string() } else { format!("{}.{fraction}", us / 1_000_000) }
}

#[derive(Debug, Default)]
struct Page {
    text: String,
}

impl Page {
    fn gauge(&mut self, name: &str, help: &str, value: u64) {
        self.head(name, help, "gauge");
        self.line(name, &value.to_string());
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.head(name, help, "counter");
        self.line(name, &value.to_string());
    }

    fn head(&mut self, name: &str, help: &str, kind: &str) {
        self.push(format_args!("# HELP quire_relay_{name} {help}\n# TYPE quire_relay_{name} {kind}\n"));
    }

    fn line(&mut self, name: &str, value: &str) {
        self.push(format_args!("quire_relay_{name} {value}\n"));
    }

    fn push(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing into a String cannot fail.
        self.text.write_fmt(text).unwrap_or_default();
    }
}
