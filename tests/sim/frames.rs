//! Frames as examples, and what is in a frame as JSON: for golden bytes, and for comparing with an independent decoder.

use quire_crdt::keys::{DocumentKeys, ReplicaKey, ReplicaSeed, RootSecret};
use quire_crdt::sealed::{self, Author, SEALED_VERSION, Sealed};
use quire_crdt::sync::frame::{
    Chain, ChangeReader, ChangeWriter, Frame, Hello, PROTOCOL_VERSION, Proof, Refusal, RefusalReason, Resume, Welcome,
};
use quire_crdt::{
    Change, Delivery, Document, DocumentId, Envelope, Header, Op, OpId, Received, ReplicaId, Value, VersionVector,
    open, seal,
};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;

const DOCUMENT: DocumentId = DocumentId::from_bytes([
    0xd0, 0xd1, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xd9, 0xda, 0xdb, 0xdc, 0xdd, 0xde, 0xdf,
]);
const ANA: ReplicaId = ReplicaId::from_bytes([
    0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf,
]);
const BEN: ReplicaId = ReplicaId::from_bytes([
    0xb0, 0xb1, 0xb2, 0xb3, 0xb4, 0xb5, 0xb6, 0xb7, 0xb8, 0xb9, 0xba, 0xbb, 0xbc, 0xbd, 0xbe, 0xbf,
]);
const CAI: ReplicaId = ReplicaId::from_bytes([0xc0; 16]);
const EPOCH: [u8; 16] = [0xe0; 16];

/// Of Ben's state at some version.
const DIGEST: [u8; 25] =
    [1, 0, 1, 2, 3, 4, 5, 6, 7, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0, 0, 0, 0, 0, 0, 0, 0];

/// An example: its name, and the bytes of the frame.
pub type Example = (&'static str, Vec<u8>);

/// A frame of every kind, with numbers of every length. All but the last are of one link, Ana's, as they are between the two layers,
/// and the changes rest on each other in this order. The last are of a sealed link.
pub fn examples() -> Vec<Example> {
    let mut examples = vec![
        ("hello, first time", hello(VersionVector::new(), None)),
        ("hello, again", hello(version(), Some(Resume { epoch: EPOCH, position: 70_000 }))),
        ("welcome", welcome()),
    ];
    let (mut up, mut down) = (ChangeWriter::new(ANA), ChangeWriter::new(ANA));
    let typed = typed();
    examples.push(("change, one typed character", up.frame(&typed[2]).to_vec()));
    examples.push(("change, the next one", up.frame(&typed[3]).to_vec()));
    examples.push(("change, a minute later", up.frame(&typed[4]).to_vec()));
    examples.push(("change, every operation", up.frame(&seal(DOCUMENT, &everything())).to_vec()));
    examples.push(("change, after two heads", up.frame(&seal(DOCUMENT, &after_heads())).to_vec()));
    examples.push(("change, to the replica", down.frame(&typed[1]).to_vec()));
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
        example("digest", Frame::Digest { replica: BEN, payload: &DIGEST }),
        example("pong", Frame::Pong { id: 7, sent_us: -1, received_us: 0, replied_us: 1_000 }),
    ]);
    examples.extend(REASONS.into_iter().map(|(name, reason)| {
        let refusal = Refusal { reason, limit: 10_000, value: 10_001, retry_after_ms: 2_000 };
        (name, Frame::Refused(refusal).encode().to_vec())
    }));
    examples.extend(sealed_examples());
    examples
}

/// The keys of the sealed link's document.
fn keys() -> DocumentKeys {
    DocumentKeys::editor(&RootSecret::from_bytes(*b"the root secret."))
}

/// What only a sealed link has: how it begins, and a run of two changes, which the replica makes.
fn sealed_examples() -> Vec<Example> {
    let (keys, own) = (keys(), ReplicaKey::new(&ReplicaSeed::from_bytes([0x5e; 32])));
    let (document, replica) = (keys.document(), own.id());
    let challenge = core::array::from_fn(|at| 0xc0 ^ u8::try_from(at).unwrap_or_default());
    let address = "relay.example.org:4870".to_owned();
    let proof = keys.prove_access(&own, &challenge, &address);
    let proof = Proof::new(document, replica, address, b"a token".to_vec(), &proof);
    let hello = Hello {
        protocol: PROTOCOL_VERSION,
        document,
        replica,
        version: [(BEN, 300)].into_iter().collect(),
        resume: None,
    };
    let chain = |replica, count, byte| Chain { replica, count, hash: [byte; 32] };
    let example = |name, frame: Frame<'_>| (name, frame.encode().to_vec());
    let mut examples = vec![
        example("challenge", Frame::Challenge { challenge }),
        example("proof", Frame::Proof(proof)),
        example("hello, sealed", Frame::Hello(hello)),
        example("chains, none", Frame::Chains(Vec::new())),
        example("chains", Frame::Chains(vec![chain(ANA, 5, 0xa1), chain(BEN, 70_000, 0xb1)])),
    ];
    let mut writer = ChangeWriter::new(replica);
    let names = ["change, sealed, the first", "change, sealed and signed"];
    examples
        .extend(names.into_iter().zip(run(&keys, &own)).map(|(name, sealed)| (name, writer.frame(&sealed).to_vec())));
    examples
}

/// A run of two changes: the first is certified, and the second signed.
fn run(keys: &DocumentKeys, own: &ReplicaKey) -> Vec<Envelope> {
    let mut document = Document::new(keys.document(), own.id());
    for (at, text) in ["Hello", "!"].into_iter().enumerate() {
        if document.insert(5 * at, text).is_ok() {
            document.commit();
        }
    }
    let (mut run, mut known) = (Vec::new(), None::<Author>);
    let (certificate, last) = (keys.certify(own), document.log().len() - 1);
    for (at, envelope) in document.log().into_iter().enumerate() {
        let Some(certificate) = &certificate else { break };
        let before = known.as_ref().map_or(sealed::Before::Nothing(certificate), sealed::Before::Author);
        let proof = if at == last { sealed::Proof::Sign(own) } else { sealed::Proof::None };
        let Ok((sealed, author)) = sealed::seal(&envelope, keys, before, proof) else { break };
        known = Some(author);
        run.push(sealed);
    }
    run
}

const REASONS: [(&str, RefusalReason); 21] = [
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
    ("refused, access", RefusalReason::Access),
    ("refused, address", RefusalReason::Address),
    ("refused, create", RefusalReason::Create),
    ("refused, forged", RefusalReason::Forged),
    ("refused, forked", RefusalReason::Forked),
    ("refused, closed", RefusalReason::Closed),
    ("refused, address links", RefusalReason::AddressLinks),
    ("refused, address bytes", RefusalReason::AddressBytes),
    ("refused, address documents", RefusalReason::AddressDocuments),
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

/// Ana's first five characters; Ben's three; Ana's é between the last two of them; her x behind it;
/// and, 70 seconds later, her y.
pub fn typed() -> Vec<Envelope> {
    let (mut ana, mut ben) = (Document::new(DOCUMENT, ANA), Document::new(DOCUMENT, BEN));
    let insert = |document: &mut Document, at, text| {
        let inserted = document.insert(at, text).map(|()| document.commit());
        inserted.map_or_else(|_| None, |_| document.log().envelope(document.log().len() - 1))
    };
    ana.set_time(1_790_000_000);
    let first = insert(&mut ana, 0, "Hello");
    let ben_s = insert(&mut ben, 0, "Ben");
    let taken = ben_s.clone().and_then(|envelope| ana.receive(envelope, &mut Received::default()).ok());
    let in_the_middle = taken.and_then(|_| insert(&mut ana, 7, "é"));
    let behind = insert(&mut ana, 8, "x");
    ana.set_time(1_790_000_070);
    let timed = insert(&mut ana, 9, "y");
    [first, ben_s, in_the_middle, behind, timed].into_iter().flatten().collect()
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
    Change { header: Header { replica: ANA, first_seq: 1_000, len, deps: VersionVector::new(), heads: false }, ops }
}

/// Of somebody who had seen what Ben and Cai had, and nothing that they had not.
fn after_heads() -> Change {
    let deps = [(BEN, 70_001), (CAI, 1)].into_iter().collect();
    let ops = vec![Op::Delete { first: OpId::new(CAI, 0), len: 1, backwards: false }];
    Change { header: Header { replica: ANA, first_seq: 2_000, len: 1, deps, heads: true }, ops }
}

/// Which way a frame goes on a link.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum To {
    /// From the replica to the relay.
    Relay,
    /// From the relay to the replica.
    Replica,
}

/// Reads the frames of a link, both ways, in the order in which they went. A Hello begins another link.
#[derive(Clone, Debug)]
pub struct Reader {
    /// What opens the changes that are sealed.
    keys: DocumentKeys,
    to_relay: ChangeReader,
    to_replica: ChangeReader,
    /// Everything that was said on the link, and before.
    document: Document,
    /// When each author's newest change was made.
    times: BTreeMap<ReplicaId, Option<i64>>,
    /// How far each author's sealed changes have come.
    authors: BTreeMap<ReplicaId, Author>,
}

impl Default for Reader {
    /// For the [`examples`].
    fn default() -> Self {
        let mut reader = Self::new(keys());
        reader.begin(DOCUMENT, ANA);
        for envelope in typed().into_iter().take(2) {
            reader.know(envelope);
        }
        reader
    }
}

impl Reader {
    /// For the links of a document with these keys, by a replica that begins with nothing.
    pub fn new(keys: DocumentKeys) -> Self {
        let (document, nobody) = (keys.document(), ReplicaId::from_bytes([0xff; 16]));
        Self {
            keys,
            to_relay: ChangeReader::new(document, nobody),
            to_replica: ChangeReader::new(document, nobody),
            document: Document::new(document, nobody),
            times: BTreeMap::new(),
            authors: BTreeMap::new(),
        }
    }

    /// A link of this replica begins. What was said before is known, if it was about the same document.
    fn begin(&mut self, document: DocumentId, replica: ReplicaId) {
        if self.document.id() != document {
            self.document = Document::new(document, self.document.replica());
            self.times.clear();
            self.authors.clear();
        }
        self.to_relay = ChangeReader::new(document, replica);
        self.to_replica = ChangeReader::new(document, replica);
    }

    /// Takes in a change; what it says, and how many seconds later than its author's previous one it was made.
    fn know(&mut self, envelope: Envelope) -> Option<(Change, Option<i64>)> {
        match self.document.receive(envelope, &mut Received::default()) {
            Ok(Delivery::Delivered) => {
                let (log, newest) = (self.document.log(), self.document.log().len() - 1);
                let change = log.change(newest)?;
                let (time, author) = (log.time(newest), change.header.replica);
                let before = std::mem::replace(self.times.entry(author).or_default(), time);
                let later = time.filter(|_| time != before).map(|time| time - before.unwrap_or(0));
                Some((change, later))
            }
            _ => None,
        }
    }

    /// What a frame says.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn to_json(&mut self, to: To, bytes: &[u8]) -> Result<Json, String> {
        match Frame::decode(bytes).map_err(|error| error.to_string())? {
            Frame::Change(body) => {
                let reader = if to == To::Relay { &mut self.to_relay } else { &mut self.to_replica };
                let envelope = reader.read(body).map_err(|error| error.to_string())?;
                Ok(json!({ "frame": "Change", "change": self.change_json(&envelope)? }))
            }
            frame => {
                if let Frame::Hello(hello) = &frame {
                    self.begin(hello.document, hello.replica);
                }
                Ok(frame_json(frame))
            }
        }
    }

    fn change_json(&mut self, envelope: &Envelope) -> Result<Json, String> {
        if envelope.payload().first().copied().map(u64::from) == Some(SEALED_VERSION) {
            return self.sealed_json(envelope);
        }
        let known = self.know(envelope.clone()).ok_or(());
        let alone = |()| open(envelope).map(|change| (change, None));
        let (change, later) = known.or_else(alone).map_err(|error| error.to_string())?;
        let header = envelope.header();
        Ok(json!({
            "replica": header.replica.to_string(), "first_seq": header.first_seq, "len": header.len,
            "deps": counts(&header.deps), "heads": header.heads, "later": later, "ops": change.ops.iter().map(op_json).collect::<Vec<_>>(),
        }))
    }
}

impl Reader {
    /// What a sealed change shows; it must be its author's next one, and open.
    fn sealed_json(&mut self, envelope: &Envelope) -> Result<Json, String> {
        let (header, before) = (envelope.header(), self.authors.get(&envelope.header().replica));
        let sealed = Sealed::new(envelope, self.keys.write_public(), before).map_err(|error| error.to_string())?;
        sealed.verify().map_err(|error| error.to_string())?;
        sealed::open(envelope, &self.keys, before).map_err(|error| error.to_string())?;
        let certificate = sealed.certificate();
        let after = if certificate.is_some() { 2 + 32 + 64 } else { 2 };
        let end = envelope.payload().len() - sealed.signature().map_or(0, |signature| signature.len());
        let [previous, nonce, text] = [(after, after + 8), (after + 8, after + 32), (after + 32, end)]
            .map(|(from, to)| envelope.payload().get(from..to).map(hex));
        let shown = json!({
            "replica": header.replica.to_string(), "first_seq": header.first_seq, "len": header.len,
            "deps": counts(&header.deps), "heads": header.heads,
            "certificate": certificate.map(|known| json!({ "key": hex(&known.key), "signature": hex(&known.signature) })),
            "previous": previous, "nonce": nonce, "sealed": text,
            "signature": sealed.signature().map(|signature| hex(signature)),
        });
        self.authors.insert(header.replica, *sealed.author());
        Ok(shown)
    }
}

/// What a frame other than a Change says.
fn frame_json(frame: Frame<'_>) -> Json {
    match frame {
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
        Frame::Change(_) => json!({ "frame": "Change" }),
        Frame::Challenge { challenge } => json!({ "frame": "Challenge", "challenge": hex(&challenge) }),
        Frame::Proof(proof) => json!({
            "frame": "Proof", "document": proof.document.to_string(), "replica": proof.replica.to_string(),
            "address": proof.address, "token": hex(&proof.token),
            "write_public": hex(&proof.access().write_public), "access_public": hex(&proof.access().access_public),
            "replica_public": hex(&proof.access().replica_public),
            "access_signature": hex(&proof.access().access_signature),
            "replica_signature": hex(&proof.access().replica_signature),
        }),
        Frame::Chains(chains) => json!({
            "frame": "Chains",
            "chains": chains.iter().map(|chain| json!([chain.replica.to_string(), chain.count, hex(&chain.hash)])).collect::<Json>(),
        }),
        Frame::Ack { count } => json!({ "frame": "Ack", "count": count }),
        Frame::Progress { position, head } => json!({ "frame": "Progress", "position": position, "head": head }),
        Frame::Missing { version } => json!({ "frame": "Missing", "version": counts(&version) }),
        Frame::Held { replica, version } => {
            json!({ "frame": "Held", "replica": replica.to_string(), "version": counts(&version) })
        }
        Frame::Presence { replica, payload } => {
            json!({ "frame": "Presence", "replica": replica.to_string(), "payload": hex(payload) })
        }
        Frame::Digest { replica, payload } => {
            json!({ "frame": "Digest", "replica": replica.to_string(), "payload": hex(payload) })
        }
        Frame::Ping { id, sent_us } => json!({ "frame": "Ping", "id": id, "sent_us": sent_us }),
        Frame::Pong { id, sent_us, received_us, replied_us } => json!({
            "frame": "Pong", "id": id, "sent_us": sent_us, "received_us": received_us, "replied_us": replied_us,
        }),
        Frame::Refused(Refusal { reason, limit, value, retry_after_ms }) => json!({
            "frame": "Refused", "reason": format!("{reason:?}"), "limit": limit, "value": value,
            "retry_after_ms": retry_after_ms,
        }),
    }
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
