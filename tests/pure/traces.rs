//! Recordings of real writing, replayed through the document's own API: each ends in what its writers saw.

use quire_crdt::{Delivery, Document, Envelope, Received, ReplicaId};
use serde_json::Value as Json;

use crate::cases;
use crate::history::{DOCUMENT, visible};

/// One recorded transaction: whose, after which, and what it did.
struct Transaction {
    agent: usize,
    parents: Vec<usize>,
    patches: Vec<(usize, usize, String)>,
}

/// A recording.
struct Trace {
    transactions: Vec<Transaction>,
    end: String,
    agents: usize,
}

impl Trace {
    fn read(name: &str) -> Self {
        let file = cases::folder("QUIRE_TRACES", "traces").join(format!("{name}.json.gz"));
        let json: Json = serde_json::from_reader(std::io::BufReader::new(cases::open(&file))).expect("a trace is JSON");
        assert_eq!(json["startContent"].as_str().unwrap_or_default(), "", "a trace starts empty");
        let transactions = list(&json["txns"]).iter().map(Transaction::read).collect();
        let end = json["endContent"].as_str().expect("a trace has an end").to_owned();
        Self { transactions, end, agents: number(&json["numAgents"]).max(1) }
    }
}

impl Transaction {
    fn read(json: &Json) -> Self {
        let parents = json["parents"].as_array().into_iter().flatten().map(number).collect();
        let patch =
            |patch: &Json| (number(&patch[0]), number(&patch[1]), patch[2].as_str().unwrap_or_default().to_owned());
        Self { agent: number(&json["agent"]), parents, patches: list(&json["patches"]).iter().map(patch).collect() }
    }

    fn apply(&self, document: &mut Document) {
        for (at, deleted, inserted) in &self.patches {
            assert_eq!(document.delete(*at..*at + *deleted), Ok(()));
            assert_eq!(document.insert(*at, inserted), Ok(()));
        }
        document.commit();
    }
}

fn list(json: &Json) -> &[Json] {
    json.as_array().expect("a list")
}

fn number(json: &Json) -> usize {
    usize::try_from(json.as_u64().unwrap_or(0)).expect("a number fits")
}

fn document(agent: usize) -> Document {
    let id = u8::try_from(agent + 1).expect("few agents");
    Document::new(DOCUMENT, ReplicaId::from_bytes([id; 16]))
}

/// Replays a recording of one writer; then a second replica receives all of it.
fn check_sequential(name: &str) {
    let trace = Trace::read(name);
    let mut writer = document(0);
    for transaction in &trace.transactions {
        transaction.apply(&mut writer);
    }
    writer.text().assert_invariants();
    assert_eq!(visible(writer.text()), trace.end);
    let mut reader = document(1);
    let mut received = Received::default();
    for envelope in writer.log() {
        assert_eq!(reader.receive(envelope.clone(), &mut received), Ok(Delivery::Delivered));
        received.patches.clear();
    }
    assert_eq!(visible(reader.text()), trace.end);
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
    let trace = Trace::read("friendsforever");
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
        transaction.apply(&mut documents[own]);
        changes.push(documents[own].log()[before..].to_vec());
    }
    for (agent, document) in documents.iter_mut().enumerate() {
        for at in delivered[agent]..changes.len() {
            deliver(document, &trace, &changes, at);
        }
        document.text().assert_invariants();
        assert_eq!(visible(document.text()), trace.end);
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
