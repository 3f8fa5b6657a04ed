//! Documents of many replicas, whose changes name heads: they are what those of few are.

use quire_crdt::{Delivery, Document, Received, ReplicaId};
use sim::oracle::OracleDocument;
use sim::rng::Rng;

use crate::checkpoints::{assert_same, read_checkpoint, restarted};
use crate::history::{DOCUMENT, History, Plan};
use crate::oracle_agrees::assert_agree;
use crate::payloads::{changes, written};

const STRANGER: ReplicaId = ReplicaId::from_bytes([101; 16]);

/// Thirty who write and meet, with what each made; at the end everybody has everything.
fn crowd(seed: u64) -> (History, Vec<Document>) {
    let mut history = History::new(Plan { seed, replicas: 30, steps: 0 });
    for _ in 0..4 {
        for _ in 0..150 {
            history.step();
        }
        history.merge_all();
    }
    for _ in 0..150 {
        history.step();
    }
    for document in &mut history.documents {
        document.commit();
    }
    let before = history.documents.clone();
    history.merge_all();
    let headers = |document: &Document| (0..document.log().len()).filter_map(|at| document.log().header(at)).collect();
    let headers: Vec<_> = headers(&history.documents[0]);
    let heads = headers.iter().filter(|header| header.heads).count();
    assert!(heads > 10 && heads < headers.len(), "{heads} of {} changes name heads", headers.len());
    (history, before)
}

#[test]
fn oracle_agrees_with_a_crowd() {
    for seed in 0..6 {
        let (history, _) = crowd(seed);
        let mut all: Vec<_> = history.documents[0].log().iter().zip(changes(&history.documents[0])).collect();
        Rng::new(seed).shuffle(&mut all);
        let (mut oracle, mut stranger) = (OracleDocument::new(), Document::new(DOCUMENT, STRANGER));
        for (envelope, change) in all {
            oracle.receive(change);
            assert!(stranger.receive(envelope, &mut Received::default()).is_ok());
            assert_eq!((stranger.held_back(), stranger.version()), (oracle.held_back(), oracle.version()));
        }
        assert_agree(&stranger, &oracle);
        assert_agree(&history.documents[0], &oracle);
    }
}

#[test]
fn a_change_of_a_crowd_is_written_everywhere_as_by_its_author() {
    let (history, before) = crowd(100);
    let everything = written(&history.documents[0]);
    for document in &before {
        assert!(written(document).iter().all(|(id, bytes)| everything.get(id) == Some(bytes)));
    }
    for document in &history.documents {
        assert_eq!(written(document), everything);
    }
}

#[test]
fn a_crowd_reads_back_from_a_checkpoint_and_goes_on() {
    for seed in 200..204 {
        let (mut history, _) = crowd(seed);
        let mut read = history.clone();
        for (read, document) in read.documents.iter_mut().zip(&mut history.documents) {
            *read = read_checkpoint(document);
            assert_eq!(read.checkpoint(), document.checkpoint());
            *document = restarted(document);
        }
        for _ in 0..100 {
            history.step();
            read.step();
        }
        history.merge_all();
        read.merge_all();
        for (one, other) in history.documents.iter().zip(&read.documents) {
            assert_same(one, other);
            for at in 0..one.log().len() {
                assert_eq!(one.log().version_of(at), other.log().version_of(at));
            }
        }
    }
}

/// Whoever names a head that is not there waits for it, and not for what follows from it.
#[test]
fn a_change_waits_for_its_heads() {
    let (history, _) = crowd(300);
    let log: Vec<_> = history.documents[0].log().iter().collect();
    let with_heads = log.iter().position(|envelope| envelope.header().heads).expect("one that names heads");
    let header = log[with_heads].header();
    let (head, count) = header.deps.iter().next().expect("a head");
    let mut stranger = Document::new(DOCUMENT, STRANGER);
    let receive = |stranger: &mut Document, at: usize| stranger.receive(log[at].clone(), &mut Received::default());
    let is_later = |at: usize| {
        let other = log[at].header();
        other.replica == head && other.end_seq() >= count
    };
    let missing = (0..with_heads).find(|at| is_later(*at)).expect("the change of the head");
    for at in 0..missing {
        assert_eq!(receive(&mut stranger, at), Ok(Delivery::Delivered));
    }
    assert_eq!(receive(&mut stranger, with_heads), Ok(Delivery::HeldBack));
    for at in missing..with_heads {
        assert_eq!(receive(&mut stranger, at), Ok(Delivery::Delivered));
    }
    assert!(stranger.version().contains(header.first_id()) && stranger.held_back() == 0);
}
