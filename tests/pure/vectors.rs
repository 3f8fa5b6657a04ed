//! The golden cases of `FugueMax` order: every case gives its order and its text, in the listed order and in ten random causal
//! orders, through the engine and through the oracle.

use std::collections::{BTreeMap, BTreeSet};

use quire_crdt::{Change, Delivery, Document, DocumentId, Header, Op, OpId, Received, ReplicaId, VersionVector, seal};
use serde_json::Value as Json;
use sim::cases;
use sim::oracle::OracleDocument;
use sim::rng::Rng;

const DOCUMENT: DocumentId = DocumentId::from_bytes([7; 16]);
/// The case's own orders beside the listed one.
const RANDOM_ORDERS: usize = 10;

/// One case: its operations as changes in a causal order, and what they must give.
struct Case {
    changes: Vec<Change>,
    order: Vec<OpId>,
    text: String,
}

impl Case {
    fn read(line: &str) -> Self {
        let json: Json = serde_json::from_str(line).expect("a case is JSON");
        let mut changes = Changes::default();
        for op in list(&json["ops"]) {
            changes.push(op);
        }
        let order = list(&json["order"]).iter().map(|id| changes.ids[&case_id(id)]).collect();
        Self { changes: changes.list, order, text: text(&json["text"]).to_owned() }
    }
}

/// The operations of a case, numbered as this project does: a deletion takes a `seq` too.
#[derive(Default)]
struct Changes {
    list: Vec<Change>,
    /// The ids of the case, which count insertions only, and ours.
    ids: BTreeMap<(String, u64), OpId>,
    made: BTreeMap<ReplicaId, u64>,
    told: BTreeMap<ReplicaId, VersionVector>,
}

impl Changes {
    fn push(&mut self, op: &Json) {
        if let Some(inserted) = op.get("ins") {
            let id = case_id(inserted);
            let origin = |side: &str| Some(&op[side]).filter(|id| !id.is_null()).map(|id| self.ids[&case_id(id)]);
            let (left, right) = (origin("left"), origin("right"));
            let insert = Op::Insert { left, right, text: text(&op["ch"]).to_owned() };
            let first = self.add(named(&id.0), insert, [left, right].into_iter().flatten());
            self.ids.insert(id, first);
        } else {
            let first = self.ids[&case_id(&op["del"])];
            // The case does not say who deleted it: its author stands in, who has it in the past for sure.
            self.add(first.replica, Op::Delete { first, len: 1, backwards: false }, [first]);
        }
    }

    fn add(&mut self, replica: ReplicaId, op: Op, named: impl IntoIterator<Item = OpId>) -> OpId {
        let first_seq = self.made.get(&replica).copied().unwrap_or(0);
        let told = self.told.entry(replica).or_default();
        let mut deps = VersionVector::new();
        for id in named {
            if id.replica != replica && !told.contains(id) {
                deps.observe(id.replica, id.seq + 1);
            }
        }
        told.join(&deps);
        let header = Header { replica, first_seq, len: op.len(), deps, heads: false };
        self.made.insert(replica, header.end_seq());
        self.list.push(Change { header, ops: vec![op] });
        OpId::new(replica, first_seq)
    }
}

/// The replica of a short name; the ids are ordered as the names are.
fn named(name: &str) -> ReplicaId {
    assert!(name.len() <= 16, "the name {name} fits an id");
    let mut bytes = [0; 16];
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    ReplicaId::from_bytes(bytes)
}

fn list(json: &Json) -> &[Json] {
    json.as_array().expect("a list")
}

fn text(json: &Json) -> &str {
    json.as_str().expect("a text")
}

fn case_id(json: &Json) -> (String, u64) {
    (text(&json[0]).to_owned(), json[1].as_u64().expect("a number"))
}

/// A random order in which every change stands behind its past.
fn causal_order(changes: &[Change], rng: &mut Rng) -> Vec<Change> {
    let mut delivered = VersionVector::new();
    let mut waiting: Vec<&Change> = changes.iter().collect();
    let mut order = Vec::with_capacity(changes.len());
    while !waiting.is_empty() {
        let is_ready = |change: &&Change| {
            let header = &change.header;
            header.first_seq == delivered.get(header.replica)
                && header.deps.iter().all(|(replica, count)| delivered.get(replica) >= count)
        };
        let ready: Vec<usize> = (0..waiting.len()).filter(|at| is_ready(&waiting[*at])).collect();
        let next = waiting.remove(*rng.pick(&ready).expect("the changes have a causal order"));
        delivered.observe(next.header.replica, next.header.end_seq());
        order.push(next.clone());
    }
    order
}

fn check_engine(case: &Case, changes: &[Change]) {
    let reader = named("zz");
    let mut document = Document::new(DOCUMENT, reader);
    let mut received = Received::default();
    for change in changes {
        let delivery = document.receive(seal(DOCUMENT, change), &mut received);
        assert_eq!(delivery, Ok(Delivery::Delivered), "{change:?}");
    }
    let text = document.text();
    text.assert_invariants();
    let order: Vec<OpId> = text.runs().flat_map(|run| (0..run.len).map(move |unit| run.first.plus(unit))).collect();
    assert_eq!(order, case.order);
    assert_eq!(text.slice(0..text.len_chars()), case.text);
}

fn check_oracle(case: &Case, changes: &[Change]) {
    let mut document = OracleDocument::new();
    for change in changes {
        document.receive(change.clone());
        assert_eq!(document.held_back(), 0);
    }
    assert_eq!(document.text().order(), case.order);
    assert_eq!(document.text().visible(), case.text);
}

fn check_all(check: impl Fn(&Case, &[Change])) {
    let folder = cases::folder("QUIRE_VECTORS", "vectors").expect("the folder of the golden cases is there");
    let mut count = 0;
    for file in cases::files(&folder, ".jsonl.gz").expect("the folder has golden cases") {
        for line in cases::lines(&file).expect("a file of golden cases is gzipped text") {
            let case = Case::read(&line);
            check(&case, &case.changes);
            let mut rng = Rng::new(count);
            for _ in 0..RANDOM_ORDERS {
                check(&case, &causal_order(&case.changes, &mut rng));
            }
            count += 1;
        }
    }
    println!("{count} cases in {} orders each", RANDOM_ORDERS + 1);
}

#[test]
fn vectors_through_the_engine() {
    check_all(check_engine);
}

#[test]
fn vectors_through_the_oracle() {
    check_all(check_oracle);
}

#[test]
fn random_orders_differ_and_are_causal() {
    let line = r#"{"ops":[{"ins":["A",0],"left":null,"right":null,"ch":"a"},{"ins":["B",0],"left":null,"right":null,"ch":"b"},
        {"ins":["A",1],"left":["A",0],"right":["B",0],"ch":"c"}],"order":[["A",0],["A",1],["B",0]],"text":"acb"}"#;
    let case = Case::read(line);
    let mut rng = Rng::new(1);
    let ids = |order: Vec<Change>| order.iter().map(|change| change.header.first_id()).collect::<Vec<_>>();
    let orders: BTreeSet<_> = (0..50).map(|_| ids(causal_order(&case.changes, &mut rng))).collect();
    assert_eq!(orders.len(), 2);
}
