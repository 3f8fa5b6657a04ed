//! What was: any version of random histories against documents that received exactly that.

use std::collections::BTreeSet;

use quire_crdt::sync::{Output, Replica, ReplicaConfig};
use quire_crdt::{Difference, Document, Envelope, Header, OpId, Patch, Received, ReplicaId, Splice, VersionVector};
use sim::rng::Rng;

use crate::history::{DOCUMENT, History, Plan, assert_patched, visible};

const READER: ReplicaId = ReplicaId::from_bytes([200; 16]);

/// A document that received these changes and no other.
fn reader_of(envelopes: impl Iterator<Item = Envelope>) -> Document {
    let mut reader = Document::new(DOCUMENT, READER);
    for envelope in envelopes {
        assert!(reader.receive(envelope, &mut Received::default()).is_ok());
    }
    assert_eq!(reader.held_back(), 0);
    reader
}

/// The changes of a log that a version contains.
fn contained<'a>(document: &'a Document, version: &'a VersionVector) -> impl Iterator<Item = Envelope> + 'a {
    let is_in = |envelope: &Envelope| envelope.header().end_seq() <= version.get(envelope.header().replica);
    document.log().iter().filter(is_in)
}

/// A history whose replicas have all received everything, each in its own order, and what each had delivered before that, change by
/// change.
fn merged(seed: u64) -> (History, Vec<VersionVector>) {
    let mut history = History::play(Plan::of(seed, 120));
    for document in &mut history.documents {
        document.commit();
    }
    history.merge_all();
    let log = |document: &Document| (0..document.log().len()).map(|at| document.log().version_after(at)).collect();
    let versions: Vec<Vec<Option<VersionVector>>> = history.documents.iter().map(log).collect();
    let versions = versions.into_iter().flatten().map(|version| version.expect("the change is there")).collect();
    (history, versions)
}

/// Two versions as often as asked, likely concurrent.
fn pairs(seed: u64, versions: &[VersionVector], count: usize) -> Vec<(&VersionVector, &VersionVector)> {
    let mut rng = Rng::new(seed);
    let pick = |rng: &mut Rng| &versions[rng.below(versions.len())];
    if versions.is_empty() { Vec::new() } else { (0..count).map(|_| (pick(&mut rng), pick(&mut rng))).collect() }
}

/// A text with these differences made.
fn applied(text: &str, differences: &[Difference]) -> String {
    let chars: Vec<char> = text.chars().collect();
    let (mut result, mut next) = (String::new(), 0);
    for (number, Difference { at, deleted, inserted }) in differences.iter().enumerate() {
        assert!(!deleted.is_empty() || !inserted.is_empty(), "no difference is empty");
        assert!(number == 0 || *at > next, "something stands between two differences");
        result.extend(&chars[next..*at]);
        next = *at + deleted.chars().count();
        assert_eq!(&String::from_iter(&chars[*at..next]), deleted);
        result.push_str(inserted);
    }
    result.extend(&chars[next..]);
    result
}

fn visible_ids(document: &Document) -> BTreeSet<OpId> {
    let runs = document.text().runs().filter(|run| !run.deleted);
    runs.flat_map(|run| (0..run.len).map(move |offset| run.first.plus(offset))).collect()
}

#[test]
fn every_prefix_of_every_log_is_the_text_of_who_received_just_that() {
    for seed in 0..150 {
        let (history, _) = merged(seed + 300_000);
        for document in &history.documents {
            let log = document.log();
            let mut reader = Document::new(DOCUMENT, READER);
            assert_eq!(log.text_at(&VersionVector::new()), "");
            for (at, envelope) in log.iter().enumerate() {
                assert!(reader.receive(envelope, &mut Received::default()).is_ok());
                let version = log.version_after(at).expect("the change is there");
                assert_eq!(&version, reader.version(), "seed {seed}, change {at}");
                assert_eq!(log.text_at(&version), visible(reader.text()), "seed {seed}, change {at}");
                let (text, written) = log.text_and_authors_at(&version);
                assert_eq!(text, visible(reader.text()), "seed {seed}, change {at}");
                assert_eq!(written, reader.log().authors(0..usize::MAX), "seed {seed}, change {at}");
            }
            assert_eq!(log.version_after(log.len()), None);
        }
    }
}

#[test]
fn the_newest_version_is_the_text_with_what_is_not_committed() {
    for seed in 0..150 {
        for document in History::play(Plan::of(seed + 310_000, 120)).documents {
            assert_eq!(document.log().text_at(document.version()), visible(document.text()), "seed {seed}");
        }
    }
}

/// What an author had seen is what stands in front of the change in its own log.
#[test]
fn what_an_author_had_seen_is_what_it_had_delivered() {
    for seed in 0..150 {
        let (history, _) = merged(seed + 320_000);
        for author in &history.documents {
            let own = |at: &usize| author.log().header(*at).is_some_and(|header| header.replica == author.replica());
            for at in (0..author.log().len()).filter(own) {
                let header = author.log().header(at);
                for other in &history.documents {
                    let there = (0..other.log().len()).find(|there| other.log().header(*there) == header);
                    let seen = there.and_then(|there| other.log().version_of(there));
                    assert_eq!(seen, author.log().version_after(at), "seed {seed}, change {at}");
                }
            }
            assert_eq!(author.log().version_of(author.log().len()), None);
        }
    }
}

#[test]
fn a_version_of_another_log_has_a_place_in_this_one() {
    for seed in 0..20 {
        let (history, versions) = merged(seed);
        for document in &history.documents {
            let log = document.log();
            for at in 0..log.len() {
                let version = log.version_after(at).expect("the change is there");
                assert_eq!(log.changes_up_to(&version), Some(at + 1), "seed {seed}");
            }
            for version in &versions {
                let changes = log.changes_up_to(version).expect("everything is here");
                let there = |changes: usize| changes.checked_sub(1).and_then(|last| log.version_after(last));
                assert!(there(changes).is_some_and(|there| *version <= there), "seed {seed}");
                assert!(
                    !there(changes - 1).is_some_and(|there| *version <= there),
                    "seed {seed}: fewer do not suffice"
                );
            }
        }
        let log = history.documents[0].log();
        assert_eq!(log.changes_up_to(&VersionVector::new()), Some(0));
        let mut more = history.documents[0].version().clone();
        more.observe(READER, 1);
        assert_eq!(log.changes_up_to(&more), None, "nothing of this replica is here");
        let own = history.documents[0].replica();
        let more = [(own, u64::MAX)].into_iter().collect();
        assert_eq!(log.changes_up_to(&more), None, "this replica never made so much");
    }
}

#[test]
fn a_difference_leads_from_one_version_to_the_other() {
    let mut differences = 0;
    for seed in 0..150 {
        let (history, versions) = merged(seed + 330_000);
        let log = history.documents[0].log();
        for (from, to) in pairs(seed, &versions, 12) {
            let diff = log.diff(from, to);
            differences += diff.len();
            assert_eq!(applied(&log.text_at(from), &diff), log.text_at(to), "seed {seed}");
            let back = log.diff(to, from);
            assert_eq!(applied(&log.text_at(to), &back), log.text_at(from), "seed {seed}");
            assert_eq!(log.diff(from, from), []);
        }
    }
    assert!(differences > 1_000, "versions differ: {differences}");
}

#[test]
fn blame_names_the_change_that_wrote_each_character() {
    for seed in 0..80 {
        for document in History::play(Plan::of(seed + 340_000, 120)).documents {
            let len = document.text().len_chars();
            let range = len / 3..usize::MAX;
            let blame = document.log().blame(range.clone());
            assert_eq!(blame.iter().map(|run| run.len).sum::<usize>(), len - range.start);
            let of_chars = blame.iter().flat_map(|run| vec![(run.author, run.change); run.len]);
            for (at, (author, change)) in (range.start..).zip(of_chars) {
                let id = document.text().id_at(at).expect("the character is there");
                let wrote = |change: &usize| {
                    let header = document.log().header(*change).expect("the change is there");
                    header.replica == id.replica && (header.first_seq..header.end_seq()).contains(&id.seq)
                };
                let expected = (0..document.log().len()).find(wrote);
                assert_eq!((author, change), (id.replica, expected), "seed {seed}, char {at}");
            }
            assert!(blame.is_sorted_by(|one, next| (one.author, one.change) != (next.author, next.change)));
        }
    }
}

#[test]
fn the_authors_of_a_text_are_those_that_blame_names() {
    for seed in 0..80 {
        for document in History::play(Plan::of(seed + 370_000, 120)).documents {
            let range = document.text().len_chars() / 3..usize::MAX;
            let blamed = document.log().blame(range.clone());
            let blamed: Vec<_> = blamed.iter().flat_map(|run| vec![run.author; run.len]).collect();
            let written = document.log().authors(range);
            assert!(
                written.is_sorted_by(|one, next| one.author != next.author),
                "neighbours of one author are together"
            );
            assert_eq!(written.iter().flat_map(|run| vec![run.author; run.len]).collect::<Vec<_>>(), blamed);
        }
    }
}

#[test]
fn turns_are_the_changes_by_author() {
    for seed in 0..150 {
        let (history, _) = merged(seed + 380_000);
        for document in &history.documents {
            let log = document.log();
            let headers: Vec<_> = (0..log.len()).filter_map(|at| log.header(at)).collect();
            for from in [0, log.len() / 2, log.len()] {
                let turns = log.turns(from);
                assert!(
                    turns.is_sorted_by(|one, next| one.author != next.author && one.changes.end == next.changes.start)
                );
                let authors = turns.iter().flat_map(|turn| turn.changes.clone().map(|at| (at, turn.author)));
                let expected = (from..).zip(&headers[from..]).map(|(at, header)| (at, header.replica));
                assert_eq!(authors.collect::<Vec<_>>(), expected.collect::<Vec<_>>(), "seed {seed}");
                let len = |headers: &[Header]| headers.iter().map(|header| header.len).sum::<u64>();
                assert_eq!(log.len_units(from..usize::MAX) as u64, len(&headers[from..]), "seed {seed}");
                assert_eq!(log.len_units(0..from) as u64, len(&headers[..from]), "seed {seed}");
            }
        }
    }
}

#[test]
fn a_restored_text_is_the_version_s_and_one_undo_takes_it_back() {
    for seed in 0..150 {
        let (history, versions) = merged(seed + 350_000);
        for (version, _) in pairs(seed, &versions, 6) {
            let mut document = history.documents[1].clone();
            let (before, ids) = (visible(document.text()), visible_ids(&document));
            let then = reader_of(contained(&document, version));
            let patches = document.restore(0..document.text().len_chars(), version).expect("the text has room");
            let restored = visible(document.text());
            assert_eq!(restored, visible(then.text()), "seed {seed}");
            assert_patched(&before, patches.iter().map(|patch| patch.splice), document.text());
            let stood: BTreeSet<OpId> = visible_ids(&then).intersection(&ids).copied().collect();
            assert!(visible_ids(&document).is_superset(&stood), "seed {seed}: what stood stands");
            document.text().assert_invariants();
            if !patches.is_empty() {
                document.undo();
                assert_eq!(visible(document.text()), before, "seed {seed}");
                document.redo();
            }
            assert_eq!(visible(document.text()), restored, "seed {seed}");
            document.commit();
            let mut other = history.documents[0].clone();
            for envelope in crate::history::missing(&document, &other) {
                crate::history::receive_checked(&mut other, envelope);
            }
            assert_eq!(visible(other.text()), restored, "seed {seed}");
        }
    }
}

#[test]
fn a_restored_range_leaves_the_rest_alone() {
    let mut changed = 0;
    for seed in 0..150 {
        let (history, versions) = merged(seed + 360_000);
        let mut rng = Rng::new(seed);
        for (version, _) in pairs(seed, &versions, 6) {
            let mut document = history.documents[0].clone();
            let before: Vec<char> = visible(document.text()).chars().collect();
            let start = rng.below(before.len() + 1);
            let end = start + rng.below(before.len() - start + 1);
            let patches = document.restore(start..end, version).expect("the range is inside");
            changed += patches.len();
            let after: Vec<char> = visible(document.text()).chars().collect();
            assert!(after.starts_with(&before[..start]) && after.ends_with(&before[end..]), "seed {seed}");
            let new_end = after.len() - (before.len() - end);
            let middle = String::from_iter(&after[start..new_end]);
            assert!(document.log().text_at(version).contains(&middle), "seed {seed}: {middle:?}");
            assert!(document.restore(start..after.len() + 1, version).is_err());
        }
    }
    assert!(changed > 300, "ranges were restored: {changed}");
}

/// Deletions that go on with each other are kept as one run, whichever changes they are part of.
#[test]
fn a_key_held_down_over_many_changes_can_be_looked_at_change_by_change() {
    for backwards in [true, false] {
        let mut document = Document::new(DOCUMENT, READER);
        let mut texts = Vec::new();
        assert_eq!(document.insert(0, "quire and choir"), Ok(()));
        for left in (3..12).rev() {
            document.commit();
            texts.push(visible(document.text()));
            let at = if backwards { left } else { 3 };
            assert_eq!(document.delete(at..at + 1), Ok(()));
        }
        for (at, text) in texts.iter().enumerate() {
            let version = document.log().version_after(at).expect("the change is there");
            assert_eq!(&document.log().text_at(&version), text);
        }
    }
}

/// Also if they are of several authors, of whom a version knows only the last.
#[test]
fn deletions_of_two_authors_side_by_side_can_be_told_apart() {
    let new = |id: u8| Document::new(DOCUMENT, ReplicaId::from_bytes([id; 16]));
    let (mut one, mut other) = (new(1), new(2));
    let send = |from: &mut Document, to: &mut Document| {
        from.commit();
        for envelope in crate::history::missing(from, to) {
            crate::history::receive_checked(to, envelope);
        }
    };
    assert_eq!(one.insert(0, "abcdef"), Ok(()));
    send(&mut one, &mut other);
    assert_eq!((one.delete(2..3), other.delete(3..4)), (Ok(()), Ok(())));
    let (knew_one, knew_other) = (one.version().clone(), other.version().clone());
    send(&mut other, &mut one);
    let log = one.log();
    assert_eq!((log.text_at(&knew_one), log.text_at(&knew_other)), ("abdef".to_owned(), "abcef".to_owned()));
    let difference = |at, deleted: &str, inserted: &str| Difference {
        at,
        deleted: deleted.to_owned(),
        inserted: inserted.to_owned(),
    };
    assert_eq!(log.diff(&knew_one, &knew_other), [difference(2, "d", "c")]);
}

#[test]
fn a_replica_that_restores_says_what_it_changed() {
    let mut replica = Replica::new(Document::new(DOCUMENT, READER), ReplicaConfig::default());
    assert_eq!(replica.insert(0, "quire and choir"), Ok(()));
    replica.commit();
    let version = replica.document().version().clone();
    assert_eq!(replica.delete(5..9), Ok(()));
    replica.commit();
    while replica.poll_output().is_some() {}
    assert_eq!(replica.restore(0..11, &version), Ok(()));
    let splice = Splice { at: 5, deleted: 0, inserted: 4 };
    assert_eq!(replica.poll_output(), Some(Output::Patched(Patch { splice, author: READER })));
    assert_eq!(visible(replica.document().text()), "quire and choir");
}
