//! Frames as examples, and what is in a frame as JSON: for golden bytes, and for comparing with an independent decoder.

use quire_crdt::sync::frame::{Frame, Hello, PROTOCOL_VERSION, Refusal, RefusalReason, Resume, Welcome};
use quire_crdt::{Change, DocumentId, Envelope, Header, Op, OpId, ReplicaId, Value, VersionVector, open, seal};
use serde_json::{Value as Json, json};

const DOCUMENT: DocumentId = DocumentId::from_bytes([
    0xd0, 0xd1, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xd9, 0xda, 0xdb, 0xdc, 0xdd, 0xde, 0xdf,
]);
const ANA: ReplicaId = ReplicaId::from_bytes([
    0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf,
]);
const BEN: ReplicaId = ReplicaId::from_bytes([
    0xb0, 0xb1, 0xb2, 0xb3, 0xb4, 0xb5, 0xb6, 0xb7, 0xb8, 0xb9, 0xba, 0xbb, 0xbc, 0xbd, 0xbe, 0xbf,
]);
const EPOCH: [u8; 16] = [0xe0; 16];

/// An example: its name, and the bytes of the frame.
pub type Example = (&'static str, Vec<u8>);

/// A frame of every kind, with numbers of every length.
pub fn examples() -> Vec<Example> {
    let mut examples = vec![
        ("hello, first time", hello(VersionVector::new(), None)),
        ("hello, again", hello(version(), Some(Resume { epoch: EPOCH, position: 70_000 }))),
        ("welcome", welcome()),
        ("change, one typed character", change(&typed())),
        ("change, every operation", change(&everything())),
    ];
    let example = |name, frame: Frame<'_>| (name, frame.encode().to_vec());
    let payload = b"\x01Ben";
    examples.extend([
        example("ack", Frame::Ack { count: 300 }),
        example("progress", Frame::Progress { position: 250, head: 5_000_000_000 }),
        example("missing", Frame::Missing { version: version() }),
        example("held", Frame::Held { replica: ANA, version: version() }),
        example("presence", Frame::Presence { replica: BEN, payload }),
        example("presence, gone", Frame::Presence { replica: BEN, payload: &[] }),
        example("ping", Frame::Ping { id: 7, sent_us: 1_790_000_000_000_000 }),
        example("pong", Frame::Pong { id: 7, sent_us: -1, received_us: 0, replied_us: 1_000 }),
    ]);
    examples.extend(REASONS.into_iter().map(|(name, reason)| {
        let refusal = Refusal { reason, limit: 10_000, value: 10_001, retry_after_ms: 2_000 };
        (name, Frame::Refused(refusal).encode().to_vec())
    }));
    examples
}

const REASONS: [(&str, RefusalReason); 12] = [
    ("refused, protocol", RefusalReason::Protocol),
    ("refused, malformed", RefusalReason::Malformed),
    ("refused, frame bytes", RefusalReason::FrameBytes),
    ("refused, links per document", RefusalReason::LinksPerDocument),
    ("refused, documents", RefusalReason::Documents),
    ("refused, document bytes", RefusalReason::DocumentBytes),
    ("refused, replicas", RefusalReason::Replicas),
    ("refused, replaced", RefusalReason::Replaced),
    ("refused, silent", RefusalReason::Silent),
    ("refused, missing", RefusalReason::Missing),
    ("refused, shutting down", RefusalReason::ShuttingDown),
    ("refused, storage", RefusalReason::Storage),
];

fn version() -> VersionVector {
    [(ANA, 251), (BEN, 65_536)].into_iter().collect()
}

fn hello(version: VersionVector, resume: Option<Resume>) -> Vec<u8> {
    let hello = Hello { protocol: PROTOCOL_VERSION, document: DOCUMENT, replica: ANA, version, resume };
    Frame::Hello(hello).encode().to_vec()
}

fn welcome() -> Vec<u8> {
    let welcome = Welcome { protocol: PROTOCOL_VERSION, epoch: EPOCH, version: version(), durable: 250, head: 65_535 };
    Frame::Welcome(welcome).encode().to_vec()
}

fn change(change: &Change) -> Vec<u8> {
    Frame::Change(seal(DOCUMENT, change).bytes()).encode().to_vec()
}

fn typed() -> Change {
    let header = Header { replica: ANA, first_seq: 5, len: 1, deps: [(BEN, 3)].into_iter().collect() };
    let op = Op::Insert { left: Some(OpId::new(ANA, 4)), right: Some(OpId::new(BEN, 2)), text: "é".to_owned() };
    Change { header, ops: vec![op] }
}

fn everything() -> Change {
    let set = |key: &str, value: Option<Value>| Op::Set { key: key.to_owned(), value };
    let ops = vec![
        Op::Insert { left: None, right: None, text: "Quire 𝄞\n".to_owned() },
        Op::Insert { left: Some(OpId::new(BEN, 70_000)), right: None, text: "x".to_owned() },
        Op::Delete { first: OpId::new(BEN, 10), len: 200, backwards: false },
        Op::Delete { first: OpId::new(ANA, 1_000), len: 3, backwards: true },
        set("title", Some(Value::Text("A sheet".to_owned()))),
        set("pages", Some(Value::Integer(-3))),
        set("done", Some(Value::Flag(true))),
        set("open", Some(Value::Flag(false))),
        set("cover", Some(Value::Bytes(vec![0, 0xff]))),
        set("tags", None),
    ];
    let len = ops.iter().map(Op::len).sum();
    Change { header: Header { replica: ANA, first_seq: 1_000, len, deps: VersionVector::new() }, ops }
}

/// What a frame says.
///
/// # Errors
/// Why it cannot be read.
pub fn to_json(bytes: &[u8]) -> Result<Json, String> {
    let frame = Frame::decode(bytes).map_err(|error| error.to_string())?;
    Ok(match frame {
        Frame::Hello(Hello { protocol, document, replica, version, resume }) => {
            let resume = resume.map(|resume| json!({ "epoch": hex(&resume.epoch), "position": resume.position }));
            json!({
                "frame": "Hello", "protocol": protocol, "document": document.to_string(), "replica": replica.to_string(),
                "version": counts(&version), "resume": resume,
            })
        }
        Frame::Welcome(Welcome { protocol, epoch, version, durable, head }) => json!({
            "frame": "Welcome", "protocol": protocol, "epoch": hex(&epoch), "version": counts(&version),
            "durable": durable, "head": head,
        }),
        Frame::Change(envelope) => json!({ "frame": "Change", "envelope": envelope_json(envelope)? }),
        Frame::Ack { count } => json!({ "frame": "Ack", "count": count }),
        Frame::Progress { position, head } => json!({ "frame": "Progress", "position": position, "head": head }),
        Frame::Missing { version } => json!({ "frame": "Missing", "version": counts(&version) }),
        Frame::Held { replica, version } => {
            json!({ "frame": "Held", "replica": replica.to_string(), "version": counts(&version) })
        }
        Frame::Presence { replica, payload } => {
            json!({ "frame": "Presence", "replica": replica.to_string(), "payload": hex(payload) })
        }
        Frame::Ping { id, sent_us } => json!({ "frame": "Ping", "id": id, "sent_us": sent_us }),
        Frame::Pong { id, sent_us, received_us, replied_us } => json!({
            "frame": "Pong", "id": id, "sent_us": sent_us, "received_us": received_us, "replied_us": replied_us,
        }),
        Frame::Refused(Refusal { reason, limit, value, retry_after_ms }) => json!({
            "frame": "Refused", "reason": format!("{reason:?}"), "limit": limit, "value": value,
            "retry_after_ms": retry_after_ms,
        }),
    })
}

fn envelope_json(bytes: &[u8]) -> Result<Json, String> {
    let envelope = Envelope::decode(bytes.to_vec().into()).map_err(|error| error.to_string())?;
    let change = open(&envelope).map_err(|error| error.to_string())?;
    let header = envelope.header();
    Ok(json!({
        "document": envelope.document().to_string(), "replica": header.replica.to_string(),
        "first_seq": header.first_seq, "len": header.len, "deps": counts(&header.deps),
        "ops": change.ops.iter().map(op_json).collect::<Vec<_>>(),
    }))
}

fn op_json(op: &Op) -> Json {
    match op {
        Op::Insert { left, right, text } => {
            json!({ "op": "insert", "left": left.map(id_json), "right": right.map(id_json), "text": text })
        }
        Op::Delete { first, len, backwards } => {
            json!({ "op": "delete", "first": id_json(*first), "len": len, "backwards": backwards })
        }
        Op::Set { key, value: None } => json!({ "op": "remove", "key": key }),
        Op::Set { key, value: Some(value) } => json!({ "op": "set", "key": key, "value": value_json(value) }),
    }
}

fn value_json(value: &Value) -> Json {
    match value {
        Value::Text(text) => json!({ "text": text }),
        Value::Integer(integer) => json!({ "integer": integer }),
        Value::Flag(flag) => json!({ "flag": flag }),
        Value::Bytes(bytes) => json!({ "bytes": hex(bytes) }),
    }
}

fn id_json(id: OpId) -> Json {
    json!([id.replica.to_string(), id.seq])
}

fn counts(version: &VersionVector) -> Json {
    version.iter().map(|(replica, count)| json!([replica.to_string(), count])).collect()
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from_digit(u32::from(half), 16).unwrap_or('?');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 0xf)]).collect()
}
