//! What a fuzzer gives its bytes to: every decoder behind which a stranger may stand, each with the state that its bytes meet in
//! earnest. A target panics when something is half-applied or a promise of the decoder is broken.
//!
//! `tests/fuzz` looks for new bytes; `tests/corpus` keeps those that were worth keeping, and a test gives them to the targets for ever.

#![expect(clippy::expect_used, clippy::missing_panics_doc, reason = "a target says by a panic what is broken")]

mod sealed;
mod seeds;

use bytes::Bytes;
use quire_crdt::sync::{ConnId, Now, Output, PlainLink, Relay, RelayLimits, RelayOutput, Replica, ReplicaConfig};
use quire_crdt::{Checkpoint, Delivery, Document, DocumentId, Envelope, Received, ReplicaId};

pub use self::sealed::{gate_frames, link_frames};
use self::seeds::add_frame;
pub use self::seeds::seeds;

/// The document that all targets know.
pub const DOCUMENT: DocumentId = DocumentId::from_bytes([0xd0; 16]);

/// The replicas that wrote what is there already; the bytes may go on in their name.
pub const AUTHORS: [ReplicaId; 3] =
    [ReplicaId::from_bytes([0xa0; 16]), ReplicaId::from_bytes([0xb0; 16]), ReplicaId::from_bytes([0xc0; 16])];

/// The replica that reads the bytes.
const READER: ReplicaId = ReplicaId::from_bytes([0x0e; 16]);

const NOW: Now = Now { monotonic_us: 1_000_000, wall_us: 5_000_000 };

/// What takes the bytes.
pub type Target = fn(&[u8]);

/// Every target by its name, which is that of its folder in the corpus and of its program in `tests/fuzz`.
pub const TARGETS: [(&str, Target); 8] = [
    ("checkpoint", checkpoint),
    ("envelope", envelope),
    ("gate_frames", gate_frames),
    ("link_frames", link_frames),
    ("payload", payload),
    ("relay_frames", relay_frames),
    ("replica_frames", replica_frames),
    ("sections", sections),
];

/// What the authors wrote, as the reader has it.
fn reader() -> Document {
    thread_local! {
        static READ: Document = {
            let mut document = Document::new(DOCUMENT, READER);
            for envelope in seeds::authors()[0].log() {
                document.receive(envelope, &mut Received::default()).expect("a sound change");
            }
            document
        };
    }
    READ.with(Clone::clone)
}

/// One envelope, whole: header and payload.
pub fn envelope(data: &[u8]) {
    give(&mut reader(), Bytes::copy_from_slice(data));
}

/// Payloads behind sound headers: for each, which author, how many units, and how many bytes of payload, a byte each.
pub fn payload(data: &[u8]) {
    let mut document = reader();
    let mut rest = data;
    while let [author, units, len, tail @ ..] = rest {
        let (payload, tail) = tail.split_at(usize::from(*len).min(tail.len()));
        rest = tail;
        let author = AUTHORS[usize::from(*author) % AUTHORS.len()];
        let envelope = with_header(&document, author, *units, payload);
        give(&mut document, envelope);
    }
}

/// The next change of this author, who has seen everything.
fn with_header(document: &Document, author: ReplicaId, units: u8, payload: &[u8]) -> Bytes {
    let version = document.version();
    let deps: Vec<_> = version.iter().filter(|(replica, _)| *replica != author).collect();
    let mut bytes = Vec::new();
    put_header(&mut bytes, author, version.get(author), u64::from(units.max(1)), &deps);
    bytes.extend_from_slice(payload);
    bytes.into()
}

/// An envelope's header, as `docs/FORMAT.md` has it.
fn put_header(bytes: &mut Vec<u8>, author: ReplicaId, first_seq: u64, len: u64, deps: &[(ReplicaId, u64)]) {
    bytes.push(1);
    bytes.extend_from_slice(DOCUMENT.as_bytes());
    bytes.extend_from_slice(author.as_bytes());
    for value in [first_seq, len, deps.len() as u64] {
        put(bytes, value);
    }
    for (replica, count) in deps {
        bytes.extend_from_slice(replica.as_bytes());
        put(bytes, *count);
    }
}

/// An integer as envelopes have it (LEB128).
fn put(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(u8::try_from(value & 0x7f).unwrap_or_default() | 0x80);
        value >>= 7;
    }
    bytes.push(u8::try_from(value).unwrap_or_default());
}

/// Gives a document an envelope. What is refused changes nothing; what is taken can be passed on, and gives the same there.
fn give(document: &mut Document, bytes: Bytes) {
    let Ok(envelope) = Envelope::decode(bytes) else { return };
    let before = (document.version().clone(), whole(document), document.log().len(), document.held_back());
    let mut other = document.clone();
    let delivery = document.receive(envelope.clone(), &mut Received::default());
    document.text().assert_invariants();
    match delivery {
        Ok(Delivery::Delivered) => {
            for position in before.2..document.log().len() {
                let passed_on = document.log().envelope(position).expect("it was just taken");
                other.receive(passed_on, &mut Received::default()).expect("what was taken here is taken there");
            }
            assert_eq!((document.version(), whole(document)), (other.version(), whole(&other)));
        }
        Ok(Delivery::HeldBack | Delivery::Duplicate) => {
            assert_eq!((&before.0, &before.1, before.2), (document.version(), &whole(document), document.log().len()));
        }
        Err(_) => {
            assert_eq!(
                before,
                (document.version().clone(), whole(document), document.log().len(), document.held_back())
            );
        }
    }
}

fn whole(document: &Document) -> String {
    document.text().slice(0..usize::MAX)
}

/// Frames as the input has them: a length in two bytes, big-endian, and the bytes, until it ends.
fn frames(mut data: &[u8]) -> impl Iterator<Item = Bytes> {
    std::iter::from_fn(move || {
        let [high, low, rest @ ..] = data else { return None };
        let (frame, rest) = rest.split_at(usize::from(u16::from_be_bytes([*high, *low])).min(rest.len()));
        data = rest;
        Some(Bytes::copy_from_slice(frame))
    })
}

/// Frames of a relay, on one link after the other, as they reach a replica that has something to say itself.
pub fn replica_frames(data: &[u8]) {
    let mut replica = Replica::new(reader(), ReplicaConfig::default());
    replica.insert(0, "mine").expect("the start of the text");
    replica.commit();
    replica.go_online(NOW);
    replica.handle_connected(NOW);
    let mut linked = settle(&mut replica);
    let mut link = PlainLink::new(DOCUMENT, replica.document().replica());
    for frame in frames(data) {
        if !linked {
            replica.handle_connected(NOW);
            link = PlainLink::new(DOCUMENT, replica.document().replica());
        }
        link.open(&frame).hand_to(&mut replica, NOW);
        linked = settle(&mut replica);
        replica.document().text().assert_invariants();
    }
}

/// Sends what the replica has to send, and does what it asks for; whether its link lives.
fn settle(replica: &mut Replica) -> bool {
    while replica.poll_transmit(NOW).is_some() {}
    obey(replica)
}

/// Does what the replica asks for, with a disk that writes at once; whether its link lives.
fn obey(replica: &mut Replica) -> bool {
    let mut linked = true;
    while let Some(output) = replica.poll_output() {
        match output {
            Output::Persist { position, .. } => replica.handle_persisted(NOW, position + 1),
            Output::Disconnect => linked = false,
            _ => {}
        }
    }
    linked
}

/// Frames of three links that reach a relay which has a document already: before each, a byte says which link.
pub fn relay_frames(data: &[u8]) {
    let mut relay = Relay::new([7; 16], RelayLimits::default());
    let log: Vec<Bytes> = reader().log().iter().map(|envelope| envelope.bytes().clone()).collect();
    let mut disk = log.clone();
    let mut conns = [0, 1, 2].map(ConnId);
    for conn in &conns {
        relay.handle_connected(NOW, *conn);
    }
    let mut next = 3;
    for frame in frames(data) {
        let Some((link, frame)) = frame.split_first() else { continue };
        let at = usize::from(*link) % conns.len();
        relay.handle_frame(NOW, conns[at], &Bytes::copy_from_slice(frame));
        for closed in serve(&mut relay, &mut disk, &conns, &mut Vec::new()) {
            relay.handle_closed(NOW, conns[closed]);
            conns[closed] = ConnId(next);
            relay.handle_connected(NOW, conns[closed]);
            next += 1;
        }
    }
    assert_eq!(&disk[..log.len()], &log[..], "nothing is written over");
}

/// Does what the relay asks for, with a disk that answers at once; what it sends goes to `sent`. Which links it wants closed.
fn serve(relay: &mut Relay, disk: &mut Vec<Bytes>, conns: &[ConnId], sent: &mut Vec<Bytes>) -> Vec<usize> {
    let mut closed = Vec::new();
    while let Some(output) = relay.poll_output() {
        match output {
            RelayOutput::Load { document } if document == DOCUMENT => {
                let version = reader().version().clone();
                let bytes = disk.iter().map(|envelope| envelope.len() as u64).sum();
                relay.handle_loaded(NOW, document, version, disk.len() as u64, bytes);
            }
            RelayOutput::Load { document } => relay.handle_loaded(NOW, document, [].into_iter().collect(), 0, 0),
            RelayOutput::Append { document, position, envelope, .. } => {
                if document == DOCUMENT {
                    assert_eq!(position, disk.len() as u64, "a log has no gap");
                    disk.push(envelope);
                }
                relay.handle_appended(NOW, document, position + 1);
            }
            RelayOutput::Read { conn, document, from, .. } => {
                let from = usize::try_from(from).unwrap_or(usize::MAX);
                let envelopes = disk.iter().skip(from).filter(|_| document == DOCUMENT).cloned().collect();
                relay.handle_read(NOW, conn, from as u64, envelopes);
            }
            RelayOutput::Wake { conn } => sent.extend(std::iter::from_fn(|| relay.poll_transmit(NOW, conn))),
            RelayOutput::Close { conn, .. } => closed.extend(conns.iter().position(|known| *known == conn)),
        }
    }
    closed
}

/// A checkpoint, whole.
pub fn checkpoint(data: &[u8]) {
    load(Bytes::copy_from_slice(data));
}

/// What a checkpoint says, sealed as it should be: how many units each author wrote, how many changes there are, how many bytes of text, and the
/// nine sections, or ten, each with its length; numbers have two bytes, big-endian.
pub fn sections(data: &[u8]) {
    let mut rest = data;
    let mut number = || {
        let (number, tail) = rest.split_first_chunk::<2>()?;
        rest = tail;
        Some(u16::from_be_bytes(*number))
    };
    let mut head = [0; 5];
    for field in &mut head {
        let Some(number) = number() else { return };
        *field = u64::from(number);
    }
    let mut raw = Vec::new();
    while let Some((len, tail)) = rest.split_first_chunk::<2>().filter(|_| raw.len() < 10) {
        let len = usize::from(u16::from_be_bytes(*len)).min(tail.len());
        let (section, tail) = tail.split_at(len);
        raw.push(section);
        rest = tail;
    }
    if raw.len() >= 9 {
        load(sealed(head, &raw).into());
    }
}

/// A checkpoint of these parts, as `docs/FORMAT.md` has it, with nothing compressed.
fn sealed([a, b, c, changes, text]: [u64; 5], sections: &[&[u8]]) -> Vec<u8> {
    let mut bytes = b"QCKP".to_vec();
    bytes.push(if sections.len() == 9 { 2 } else { 3 });
    bytes.extend_from_slice(DOCUMENT.as_bytes());
    let authors: Vec<_> = AUTHORS.into_iter().zip([a, b, c]).filter(|(_, units)| *units > 0).collect();
    put(&mut bytes, authors.len() as u64);
    for (author, units) in authors {
        bytes.extend_from_slice(author.as_bytes());
        put(&mut bytes, units);
    }
    put(&mut bytes, changes);
    put(&mut bytes, text);
    for section in sections {
        put(&mut bytes, section.len() as u64);
        put(&mut bytes, section.len() as u64);
        bytes.extend_from_slice(&crc(section).to_le_bytes());
    }
    let head = crc(&bytes).to_le_bytes();
    bytes.extend_from_slice(&head);
    bytes.extend(sections.concat());
    bytes
}

fn crc(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// Loads a checkpoint. What is taken is sound: it can be written in, saved and loaded again, and its log makes the same document.
fn load(bytes: Bytes) {
    let Ok(checkpoint) = Checkpoint::decode(bytes) else { return };
    let shown = checkpoint.text();
    let Ok(mut document) = checkpoint.document(READER) else { return };
    document.text().assert_invariants();
    assert_eq!(Ok(whole(&document)), shown, "what is shown before the history is read is the text");
    assert_eq!((document.log().len(), document.version()), (checkpoint.changes(), &checkpoint.version()));
    let mut received = Document::new(document.id(), READER);
    for envelope in document.log() {
        assert_eq!(received.receive(envelope, &mut Received::default()), Ok(Delivery::Delivered));
    }
    assert_eq!((document.version(), whole(&document)), (received.version(), whole(&received)));
    document.insert(0, "x").expect("the start of the text");
    document.commit();
    let again = Checkpoint::decode(document.checkpoint().expect("nothing waits for a commit").into());
    let again = again.and_then(|again| again.document(READER)).expect("what was taken can be saved");
    assert_eq!(whole(&document), whole(&again));
}
