//! Reports of copies that differ are replayed from the file alone.

use quire::editor::report::Report;
use quire_crdt::sync::Divergence;
use quire_crdt::{Document, StateDigest, seal};
use sim::report::replay;

use crate::history::{History, Plan};

fn report(seed: u64, steps: usize) -> Report {
    let mut history = History::play(Plan { seed, replicas: 3, steps });
    let all = history.envelopes();
    let mut document: Document = history.documents.swap_remove(0);
    for envelope in all {
        document.receive(envelope, &mut quire_crdt::Received::default()).expect("a change that was made");
    }
    document.commit();
    let (ours, version) = (document.digest(), document.version().digest());
    let theirs = StateDigest { text: ours.text ^ 1, ..ours };
    let peer = document.replica();
    let text = Report::of(&document, Divergence { peer, version, ours, theirs }, 0).to_text();
    Report::parse(&text).expect("what was written")
}

#[test]
fn a_report_of_a_sound_history_agrees_in_every_order() {
    for seed in 0..40 {
        let report = report(seed, 120);
        let verdict = replay(&report).expect("a sound history");
        assert!(verdict.agrees() && verdict.judged && verdict.passes_version, "seed {seed}: {verdict}");
        assert_eq!(verdict.changes, (report.changes, report.changes));
        assert!(verdict.to_string().contains("agree: this history alone"), "{verdict}");
    }
}

#[test]
fn a_history_that_does_not_hang_together_is_told() {
    let mut report = report(3, 60);
    let gap = report.envelopes.len() / 2;
    report.envelopes.remove(gap);
    let error = replay(&report).expect_err("a gap");
    assert!(error.starts_with("change ") && error.contains("not delivered"), "{error}");
}

#[test]
fn a_version_that_was_never_here_is_told() {
    let mut report = report(4, 30);
    report.divergence.version ^= 1;
    let verdict = replay(&report).expect("a sound history");
    assert!(!verdict.passes_version && verdict.to_string().contains("was not passed"), "{verdict}");
}

/// The lines that a report of version 1 has had from the first.
#[test]
fn golden_report_reads_as_ever() {
    let report = Report::parse(include_str!("../golden/report-v1.txt")).expect("a report of version 1");
    let again: Vec<_> =
        report.envelopes.iter().map(|envelope| quire_crdt::open(envelope).expect("sealed alone")).collect();
    assert!(again.iter().zip(&report.envelopes).all(|(change, envelope)| seal(report.document, change) == *envelope));
    let verdict = replay(&report).expect("a sound history");
    assert!(verdict.agrees() && verdict.passes_version, "{verdict}");
}
