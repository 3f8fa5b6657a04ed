//! Anchors: a place in the text stays with its neighbour, whatever is written or deleted around it.

use quire_crdt::{Anchor, Bias, Document, OpId, ReplicaId};

use crate::history::{History, Plan};
use crate::oracle_agrees::order;

/// Where an anchor stands, by counting.
fn counted(document: &Document, anchor: Anchor) -> Option<usize> {
    let order = order(document);
    let visible_before = |end: usize| order[..end].iter().filter(|(_, deleted)| !deleted).count();
    let place = |id: OpId| order.iter().position(|(other, _)| *other == id);
    match anchor {
        Anchor::Start => Some(0),
        Anchor::End => Some(visible_before(order.len())),
        Anchor::After(id) => place(id).map(|at| visible_before(at + 1)),
        Anchor::Before(id) => place(id).map(visible_before),
    }
}

#[test]
fn an_anchor_stands_where_counting_says() {
    for seed in 0..300 {
        let history = History::play(Plan::of(seed + 90_000, 70));
        let everybody = order(&history.documents[0]);
        for document in &history.documents {
            let ids = everybody.iter().chain(&order(document)).map(|(id, _)| *id).collect::<Vec<_>>();
            for id in ids {
                for anchor in [Anchor::After(id), Anchor::Before(id)] {
                    assert_eq!(document.text().position(anchor), counted(document, anchor), "seed {seed}: {anchor:?}");
                }
            }
        }
    }
}

#[test]
fn an_anchor_is_where_it_was_made() {
    for seed in 0..300 {
        let history = History::play(Plan::of(seed + 100_000, 70));
        for document in &history.documents {
            let text = document.text();
            let visible: Vec<OpId> =
                order(document).into_iter().filter(|(_, deleted)| !deleted).map(|(id, _)| id).collect();
            assert_eq!(visible.len(), text.len_chars());
            for at in 0..=visible.len() {
                let left = at.checked_sub(1).map_or(Anchor::Start, |before| Anchor::After(visible[before]));
                let right = visible.get(at).map_or(Anchor::End, |id| Anchor::Before(*id));
                assert_eq!((text.anchor(at, Bias::Left), text.anchor(at, Bias::Right)), (left, right));
                assert_eq!((text.position(left), text.position(right)), (Some(at), Some(at)));
                assert_eq!(text.id_at(at), visible.get(at).copied());
            }
            assert_eq!(text.anchor(visible.len() + 5, Bias::Right), Anchor::End, "a place behind the end is the end");
        }
    }
}

/// Marks made in the middle of a history keep their neighbours to its end.
#[test]
fn anchors_keep_their_neighbours_through_a_history() {
    for seed in 0..300 {
        let plan = Plan::of(seed + 110_000, 60);
        let mut history = History::play(plan);
        let mut marks = Vec::new();
        for (at, document) in history.documents.iter().enumerate() {
            for place in 0..=document.text().len_chars() {
                marks.push((at, document.text().anchor(place, Bias::Left)));
                marks.push((at, document.text().anchor(place, Bias::Right)));
            }
        }
        for _ in 0..plan.steps {
            history.step();
        }
        history.merge_all();
        for (at, anchor) in marks {
            let document = &history.documents[at];
            let position = document.text().position(anchor);
            assert!(position.is_some() && position == counted(document, anchor), "seed {seed}: {anchor:?}");
        }
    }
}

#[test]
fn an_anchor_at_an_unknown_character_stands_nowhere() {
    let nobody = OpId::new(ReplicaId::from_bytes([200; 16]), 3);
    for document in &History::play(Plan::of(1, 40)).documents {
        assert_eq!(document.text().position(Anchor::After(nobody)), None);
        assert_eq!(document.text().position(Anchor::Before(nobody)), None);
        let unmade = OpId::new(document.replica(), document.version().get(document.replica()));
        assert_eq!(document.text().position(Anchor::Before(unmade)), None);
    }
}
