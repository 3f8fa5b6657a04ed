//! Recordings of real writing, replayed through the document's own API: each ends in what its writers saw.

use quire_crdt::{Delivery, Document, Envelope, Received, ReplicaId};
use sim::trace::{Trace, Transaction};

use crate::checkpoints::{assert_same, read_checkpoint};
use crate::history::{DOCUMENT, visible};

fn read(name: &str) -> Trace {
    Trace::read(name).expect("the trace is there")
}

fn apply(transaction: &Transaction, document: &mut Document) {
    for (at, deleted, inserted) in &transaction.patches {
        assert_eq!(document.delete(*at..*at + *deleted), Ok(()));
        assert_eq!(document.insert(*at, inserted), Ok(()));
    }
    document.commit();
}

fn document(agent: usize) -> Document {
    let id = u8::try_from(agent + 1).expect("few agents");
    Document::new(DOCUMENT, ReplicaId::from_bytes([id; 16]))
}

/// Replays a recording of one writer; then a second replica receives all of it.
fn check_sequential(name: &str) {
    let trace = read(name);
    let mut writer = document(0);
    for transaction in &trace.transactions {
        apply(transaction, &mut writer);
    }
    writer.text().assert_invariants();
    assert_eq!(visible(writer.text()), trace.end);
    let mut reader = document(1);
    let mut received = Received::default();
    for envelope in writer.log() {
        assert_eq!(reader.receive(envelope, &mut received), Ok(Delivery::Delivered));
        received.patches.clear();
    }
    assert_eq!(visible(reader.text()), trace.end);
    assert_same(&read_checkpoint(&reader), &writer);
}

#[test]
fn traces_automerge_paper() {
    check_sequential("automerge-paper");
}

#[test]
fn traces_rustcode() {
    check_sequential("rustcode");
}

#[test]
fn traces_sveltecomponent() {
    check_sequential("sveltecomponent");
}

#[test]
fn traces_seph_blog1() {
    check_sequential("seph-blog1");
}

/// Two people wrote this at once: each transaction is made when exactly its parents are delivered.
#[test]
fn traces_friendsforever() {
    let trace = read("friendsforever");
    assert_eq!(trace.agents, 2);
    let mut documents: Vec<Document> = (0..trace.agents).map(document).collect();
    let mut changes: Vec<Vec<Envelope>> = Vec::new();
    let mut delivered = vec![0; trace.agents];
    for transaction in &trace.transactions {
        let own = transaction.agent;
        let others = transaction.parents.iter().filter(|parent| trace.transactions[**parent].agent != own);
        for parent in others {
            for earlier in delivered[own]..=*parent {
                deliver(&mut documents[own], &trace, &changes, earlier);
            }
            delivered[own] = delivered[own].max(parent + 1);
        }
        let before = documents[own].log().len();
        apply(transaction, &mut documents[own]);
        changes.push(documents[own].log().from(before).collect::<Vec<_>>());
    }
    for (agent, document) in documents.iter_mut().enumerate() {
        for at in delivered[agent]..changes.len() {
            deliver(document, &trace, &changes, at);
        }
        document.text().assert_invariants();
        assert_eq!(visible(document.text()), trace.end);
        assert_same(&read_checkpoint(document), document);
    }
}

/// Hands one transaction's changes to a replica, unless they are its own.
fn deliver(document: &mut Document, trace: &Trace, changes: &[Vec<Envelope>], at: usize) {
    if self::document(trace.transactions[at].agent).replica() == document.replica() {
        return;
    }
    for envelope in &changes[at] {
        let delivery = document.receive(envelope.clone(), &mut Received::default());
        assert_eq!(delivery, Ok(Delivery::Delivered));
    }
}
