//! What must hold at the end of a run, when all have met.

use bytes::Bytes;
use quire_crdt::{Document, Envelope, Op, OpId, Received, ReplicaId};

use super::Checker;
use super::seals::decoded;
use crate::oracle::OracleDocument;
use crate::rng::Rng;

/// The longest history that the oracle looks at, in units: it is slow.
const ORACLE_UNITS_MAX: usize = 1_200;

impl Checker {
    /// What somebody reads who comes last and receives a relay's log: all that can be taken of it.
    ///
    /// # Errors
    /// When a change of a device cannot be taken, or is not what its author made.
    pub fn read(&mut self, document: &Document, log: &[Bytes], strangers: bool) -> Result<Document, String> {
        let mut reader = Document::new(document.id(), ReplicaId::from_bytes([0xff; 16]));
        let log = decoded(log)?;
        log.iter().try_for_each(|envelope| self.relayed(envelope))?;
        for envelope in self.opened(document, log)? {
            let received = reader.receive(envelope, &mut Received::default());
            if let Err(error) = received
                && !strangers
            {
                return Err(format!("a relay's log cannot be taken: {error}"));
            }
        }
        Ok(reader)
    }

    /// A document shows what the oracle makes of its changes, and what a document makes of them that receives them in another order.
    ///
    /// # Errors
    /// Where they differ.
    pub fn check_text(&self, document: &Document, rng: &mut Rng) -> Result<(), String> {
        let text = document.text().slice(0..usize::MAX);
        let mut envelopes: Vec<Envelope> = document.log().iter().collect();
        let changes: Vec<_> = (0..envelopes.len()).filter_map(|position| document.log().change(position)).collect();
        rng.shuffle(&mut envelopes);
        let mut other = Document::new(document.id(), ReplicaId::from_bytes([0xfe; 16]));
        for envelope in envelopes {
            other
                .receive(envelope, &mut Received::default())
                .map_err(|error| format!("in another order: a change cannot be taken: {error}"))?;
        }
        let shown = other.text().slice(0..usize::MAX);
        if shown != text {
            return Err(format!("another order, another text: {shown:?} and {text:?}"));
        }
        let units: u64 = changes.iter().flat_map(|change| &change.ops).map(Op::len).sum();
        if units > ORACLE_UNITS_MAX as u64 {
            return Ok(());
        }
        let mut oracle = OracleDocument::new();
        for change in changes {
            oracle.receive(change);
        }
        let expected = oracle.text().visible();
        if expected != text {
            return Err(format!("not what the oracle shows: {text:?}, it {expected:?}"));
        }
        // No silent overwrite (G8): what nobody had seen is still there.
        for key in oracle.map().keys() {
            let (entries, expected) = (document.map().entries(key), oracle.map().entries(key));
            if entries != expected {
                return Err(format!("another map than the oracle's: {key} has {entries:?}, it {expected:?}"));
            }
        }
        Ok(())
    }

    /// Nobody's words are interleaved (G6): between two characters that somebody typed one right after the other stands only what
    /// was written by who had seen the first of them. It is taken from the definition and from who had really seen what.
    ///
    /// # Errors
    /// Which characters are parted, and by which.
    pub fn check_runs(&self, document: &Document) -> Result<(), String> {
        let follows = following(document);
        let order: Vec<OpId> =
            document.text().runs().flat_map(|run| (0..run.len).map(move |unit| run.first.plus(unit))).collect();
        let place: std::collections::BTreeMap<OpId, usize> =
            order.iter().enumerate().map(|(at, id)| (*id, at)).collect();
        for (first, second) in follows {
            let (Some(from), Some(to)) = (place.get(&first), place.get(&second)) else { continue };
            if from > to {
                return Err(format!("a run is out of order: {second} stands before {first}"));
            }
            for between in &order[from + 1..*to] {
                if let Some(past) = self.truth.past_of_unit(*between)
                    && between.replica != first.replica
                    && !past.contains(first)
                {
                    return Err(format!("a run is parted: {between} stands between {first} and {second}, unseen"));
                }
            }
        }
        Ok(())
    }
}

/// The pairs of characters of which the second was inserted right behind the first.
fn following(document: &Document) -> Vec<(OpId, OpId)> {
    let mut pairs = Vec::new();
    for change in (0..document.log().len()).filter_map(|position| document.log().change(position)) {
        let mut id = change.header.first_id();
        for op in &change.ops {
            if let Op::Insert { left, text, .. } = op {
                pairs.extend(left.filter(|left| left.replica == id.replica).map(|left| (left, id)));
                let chars = text.chars().count() as u64;
                pairs.extend((1..chars).map(|unit| (id.plus(unit - 1), id.plus(unit))));
            }
            id = id.plus(op.len());
        }
    }
    pairs
}
