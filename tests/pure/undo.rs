//! Undo is mine: it never touches what others wrote.

use std::collections::BTreeSet;

use quire_crdt::{Document, OpId, ReplicaId};

use crate::history::{DOCUMENT, History, Plan, assert_patched, visible};
use crate::oracle_agrees::order;

/// The characters of others, each with whether it is deleted.
fn of_others(document: &Document) -> BTreeSet<(OpId, bool)> {
    order(document).into_iter().filter(|(id, _)| id.replica != document.replica()).collect()
}

#[test]
fn undo_and_redo_leave_the_characters_of_others() {
    let mut undone = 0;
    for seed in 0..400 {
        let mut history = History::play(Plan::of(seed + 80_000, 80));
        for document in &mut history.documents {
            let before = of_others(document);
            for _ in 0..6 {
                let text = visible(document.text());
                let patches = if seed % 3 == 0 { document.redo() } else { document.undo() };
                assert_patched(&text, patches.iter().map(|patch| patch.splice), document.text());
                assert!(patches.iter().all(|patch| patch.author == document.replica()));
                undone += patches.len();
            }
            assert_eq!(of_others(document), before, "seed {seed}");
            document.text().assert_invariants();
        }
    }
    assert!(undone > 1_000, "the histories have something to undo: {undone}");
}

/// Alone, undoing everything gives the empty text, and redoing everything gives the text.
#[test]
fn undoing_all_and_redoing_all_goes_there_and_back() {
    for seed in 0..300 {
        let mut document = History::play(Plan { seed, replicas: 1, steps: 60 }).documents.remove(0);
        while document.can_redo() {
            document.redo();
        }
        let mut texts = vec![visible(document.text())];
        while document.can_undo() {
            document.undo();
            texts.push(visible(document.text()));
        }
        assert_eq!(texts.last().map(String::as_str), Some(""), "seed {seed}");
        for expected in texts.iter().rev().skip(1) {
            document.redo();
            assert_eq!(&visible(document.text()), expected, "seed {seed}");
        }
        assert!(!document.can_redo());
    }
}

/// What I undo, others see undone; what they wrote into it stays.
#[test]
fn others_words_inside_mine_stay() {
    let new = |id: u8| Document::new(DOCUMENT, ReplicaId::from_bytes([id; 16]));
    let mut history = [new(1), new(2)];
    let send = |from: &mut Document, to: &mut Document| {
        from.commit();
        for envelope in crate::history::missing(from, to) {
            crate::history::receive_checked(to, envelope);
        }
    };
    let [mine, theirs] = &mut history;
    assert_eq!(mine.insert(0, "my words"), Ok(()));
    send(mine, theirs);
    assert_eq!(theirs.insert(2, " THEIR"), Ok(()));
    send(theirs, mine);
    mine.undo();
    assert_eq!(visible(mine.text()), " THEIR");
    send(mine, theirs);
    assert_eq!(visible(theirs.text()), " THEIR");
    mine.redo();
    send(mine, theirs);
    assert_eq!(visible(theirs.text()), visible(mine.text()));
    assert_eq!(visible(theirs.text()).matches("THEIR").count(), 1);
}
