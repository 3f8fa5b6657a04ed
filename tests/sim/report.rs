//! A report of two copies that differ, replayed: the history in it, delivered in several causal orders and with a checkpoint on the
//! way, and judged by the oracle.

use std::fmt;

use quire::editor::report::Report;
use quire_crdt::{
    Checkpoint, Delivery, Document, Envelope, OpId, Received, ReplicaId, StateDigest, VersionVector, classify, open,
};

use crate::oracle::OracleDocument;
use crate::rng::Rng;

/// How many causal orders are tried beside that of the report, and as many with a checkpoint on the way.
const ORDERS: u64 = 8;

/// The oracle is slow: it judges histories of at most so many units.
const ORACLE_UNITS_MAX: u64 = 20_000;

/// Whom the replayed copies belong to.
const READER: ReplicaId = ReplicaId::from_bytes([0xfe; 16]);

/// What a replay has found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Verdict {
    /// How many changes were delivered, of how many.
    pub changes: (usize, usize),
    /// Whether the version at which the copies differ was passed on the way.
    pub passes_version: bool,
    /// The digest at the end, in the order of the report.
    pub digest: StateDigest,
    /// The orders that end otherwise, in words.
    pub disagreements: Vec<String>,
    /// Whether the oracle judged.
    pub judged: bool,
}

impl Verdict {
    /// Whether everything ends alike: then the history alone does not make copies differ.
    pub const fn agrees(&self) -> bool {
        self.disagreements.is_empty()
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { changes: (delivered, all), passes_version, digest, disagreements, judged } = self;
        writeln!(f, "{delivered} of {all} changes delivered; digest {digest} at the end")?;
        let passed = if *passes_version { "was passed" } else { "was not passed" };
        writeln!(f, "the version at which the copies differ {passed}")?;
        let judge = if *judged { "and the oracle" } else { "(too many units for the oracle)" };
        if self.agrees() {
            return writeln!(f, "all orders of delivery {judge} agree: this history alone does not make copies differ");
        }
        disagreements.iter().try_for_each(|words| writeln!(f, "{words}"))
    }
}

/// Replays a report's history.
///
/// # Errors
/// In words, when a change of it cannot be delivered in the order in which it stands there.
pub fn replay(report: &Report) -> Result<Verdict, String> {
    let (first, passes_version) = as_it_stands(report)?;
    let mut disagreements = Vec::new();
    for seed in 1..=ORDERS {
        let order = another_order(&report.envelopes, seed);
        for with_checkpoint in [false, true] {
            let how = format!("order {seed}{}", if with_checkpoint { " with a checkpoint on the way" } else { "" });
            match delivered(report, &order, with_checkpoint.then_some(order.len() / 2)) {
                Ok(other) => disagreements.extend(difference(&first, &other).map(|what| format!("{how}: {what}"))),
                Err(error) => disagreements.push(format!("{how}: {error}")),
            }
        }
    }
    let units: u64 = report.envelopes.iter().map(|envelope| envelope.header().len).sum();
    let judged = units <= ORACLE_UNITS_MAX;
    if judged {
        disagreements.extend(judge(&first, &report.envelopes)?.map(|what| format!("the oracle: {what}")));
    }
    let changes = (first.log().len(), report.changes);
    Ok(Verdict { changes, passes_version, digest: first.digest(), disagreements, judged })
}

/// The document in the order of the report, and whether it was at the version at which the copies differ.
fn as_it_stands(report: &Report) -> Result<(Document, bool), String> {
    let mut document = Document::new(report.document, READER);
    let mut passes = document.version().digest() == report.divergence.version;
    for (at, envelope) in report.envelopes.iter().enumerate() {
        receive(&mut document, envelope).map_err(|error| format!("change {at}: {error}"))?;
        passes |= document.version().digest() == report.divergence.version;
    }
    Ok((document, passes))
}

/// Another order in which each change comes behind its past.
fn another_order(envelopes: &[Envelope], seed: u64) -> Vec<Envelope> {
    let (mut rng, mut version) = (Rng::new(seed), VersionVector::new());
    let mut waiting: Vec<Vec<&Envelope>> = Vec::new();
    for envelope in envelopes {
        let author = envelope.header().replica;
        match waiting.iter_mut().find(|queue| queue[0].header().replica == author) {
            Some(queue) => queue.push(envelope),
            None => waiting.push(vec![envelope]),
        }
    }
    for queue in &mut waiting {
        queue.reverse();
    }
    let mut order = Vec::with_capacity(envelopes.len());
    while !waiting.is_empty() {
        let start = rng.below(waiting.len());
        let mut places = (0..waiting.len()).map(|at| (start + at) % waiting.len());
        let found = places.find(|at| next_of(&waiting[*at], &version).is_some());
        let Some(at) = found else { break };
        // Some of its changes in a row, as they come when somebody was off line.
        for _ in 0..=rng.below(6) {
            let Some(next) = next_of(&waiting[at], &version) else { break };
            version.observe(next.header().replica, next.header().end_seq());
            order.push(next.clone());
            waiting[at].pop();
        }
        waiting.retain(|queue| !queue.is_empty());
    }
    order
}

/// The next change of an author, the last in this list, if its past is here.
fn next_of<'a>(waiting: &[&'a Envelope], version: &VersionVector) -> Option<&'a Envelope> {
    waiting.last().copied().filter(|next| classify(next.header(), version) == Ok(Delivery::Delivered))
}

/// A document to which all this was delivered, stored and read back after so many changes if it is to be.
fn delivered(report: &Report, order: &[Envelope], checkpoint_at: Option<usize>) -> Result<Document, String> {
    let mut document = Document::new(report.document, READER);
    for (at, envelope) in order.iter().enumerate() {
        if checkpoint_at == Some(at) {
            let stored = document.checkpoint().ok_or("no checkpoint can be made")?;
            let stored = Checkpoint::decode(stored.into()).map_err(|error| error.to_string())?;
            document = stored.document(READER).map_err(|error| error.to_string())?;
        }
        receive(&mut document, envelope)?;
    }
    Ok(document)
}

fn receive(document: &mut Document, envelope: &Envelope) -> Result<(), String> {
    let mut received = Received::default();
    match document.receive(envelope.clone(), &mut received) {
        Ok(Delivery::Delivered) if received.refused.is_empty() => Ok(()),
        Ok(other) => Err(format!("a change of {} is not delivered: {other:?}", envelope.header().replica)),
        Err(error) => Err(error.to_string()),
    }
}

fn text(document: &Document) -> String {
    document.text().slice(0..usize::MAX)
}

/// How two documents differ, if they do.
fn difference(one: &Document, other: &Document) -> Option<String> {
    let differs = [
        (one.version() != other.version(), "the version"),
        (text(one) != text(other), "the text"),
        (one.map() != other.map(), "the map"),
        (one.digest() != other.digest(), "the digest"),
    ];
    told(&differs)
}

/// What the oracle says of the same changes.
fn judge(document: &Document, envelopes: &[Envelope]) -> Result<Option<String>, String> {
    let mut oracle = OracleDocument::new();
    for (at, envelope) in envelopes.iter().enumerate() {
        // The changes as the document has them: their numbers stand for names that were given before.
        let known = document.log().change(at).filter(|change| change.header == *envelope.header());
        let change = known.map_or_else(|| open(envelope).map_err(|error| error.to_string()), Ok)?;
        oracle.receive(change);
    }
    let keys_differ =
        oracle.map().keys().into_iter().any(|key| document.map().entries(key) != oracle.map().entries(key));
    let characters =
        document.text().runs().flat_map(|run| (0..run.len).map(move |at| (run.first.plus(at), run.deleted)));
    let order: Vec<(OpId, bool)> = oracle.text().characters().map(|(id, _, deleted)| (id, deleted)).collect();
    let differs = [
        (document.version() != oracle.version(), "the version"),
        (text(document) != oracle.text().visible(), "the text"),
        (!characters.eq(order), "the order of all characters"),
        (keys_differ, "the map"),
    ];
    Ok(told(&differs))
}

fn told(differs: &[(bool, &str)]) -> Option<String> {
    let what: Vec<&str> = differs.iter().filter(|(differs, _)| *differs).map(|(_, what)| *what).collect();
    (!what.is_empty()).then(|| format!("{} differs", what.join(", ")))
}
