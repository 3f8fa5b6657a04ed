//! Those who keep to no rules: strangers who have the document's id, and relays that lie.

use std::collections::BTreeSet;

use bytes::Bytes;
use quire_crdt::keys::Certificate;
use quire_crdt::sealed::{self, Author, Before};
use quire_crdt::sync::ConnId;
use quire_crdt::sync::frame::Hello as HelloFrame;
use quire_crdt::sync::frame::{ChangeWriter, FRAME_BYTES_MAX, Frame, PROTOCOL_VERSION, Proof, Welcome};
use quire_crdt::{Change, DocumentId, Envelope, Header, Op, OpId, ReplicaId, SEQ_MAX, VersionVector, seal};

use crate::keyring::{self, Keys};
use crate::plan::Nonsense;
use crate::rng::Rng;

/// How a stranger greets.
#[derive(Clone, Copy, Debug)]
pub enum Hello {
    /// As a replica that has nothing.
    Plain,
    /// With a version vector that cannot be.
    Lying,
}

/// Somebody who has the first document's id and writes whatever comes to mind.
#[derive(Debug)]
pub struct Stranger {
    /// The connection, while it is open.
    pub conn: Option<ConnId>,
    document: DocumentId,
    id: ReplicaId,
    seq: u64,
    writer: ChangeWriter,
    rng: Rng,
    reads: bool,
    /// What it has besides the id, on sealed links.
    keys: Option<Keys>,
    /// What it says that it may write by.
    certificate: Option<Certificate>,
    /// Its chain, change by change.
    chain: Vec<Author>,
    /// The relay, which it knows how to reach.
    relay: usize,
    /// What it says once it was challenged.
    unsaid: Vec<Bytes>,
    is_challenged: bool,
}

impl Stranger {
    /// The stranger at a relay, who knows this document's id, and may have keys of it.
    pub fn new(document: DocumentId, relay: usize, keys: Option<Keys>, mut rng: Rng) -> Self {
        let mut id = [0x66; 16];
        id[15] = u8::try_from(relay).unwrap_or(u8::MAX);
        let id = keys.as_ref().map_or(ReplicaId::from_bytes(id), |keys| keys.own.id());
        let reads = rng.chance(50);
        let certificate = keys.as_ref().and_then(|keys| {
            // Who may not write certifies himself.
            keys.document.certify(&keys.own).or_else(|| keyring::document_keys(&mut rng).certify(&keys.own))
        });
        Self {
            conn: None,
            document,
            id,
            seq: 0,
            writer: ChangeWriter::new(id),
            rng,
            reads,
            keys,
            certificate,
            chain: Vec::new(),
            relay,
            unsaid: Vec::new(),
            is_challenged: false,
        }
    }

    /// Its id, if it may write.
    pub fn author(&self) -> Option<ReplicaId> {
        self.keys.as_ref().filter(|keys| keys.document.can_write()).map(|keys| keys.own.id())
    }

    /// Whether what the relay sends is ever fetched.
    pub const fn reads(&self) -> bool {
        self.reads || (self.keys.is_some() && !self.is_challenged)
    }

    /// What it answers to a message: who is challenged and has keys proves that.
    pub fn hear(&mut self, message: &Bytes) -> Vec<Bytes> {
        let (Some(keys), Ok(Frame::Challenge { challenge })) = (&self.keys, Frame::decode(message)) else {
            return Vec::new();
        };
        self.is_challenged = true;
        let address = keyring::address(self.relay);
        let proof = keys.document.prove_access(&keys.own, &challenge, &address);
        let proof = Proof::new(self.document, self.id, address, Vec::new(), &proof);
        let unsaid = std::mem::take(&mut self.unsaid);
        [Frame::Proof(proof).encode()].into_iter().chain(unsaid).collect()
    }

    /// It says these: not before it was challenged, if it has an answer to that.
    pub fn now_or_later(&mut self, frames: Vec<Bytes>) -> Vec<Bytes> {
        if self.keys.is_none() || self.is_challenged {
            return frames;
        }
        self.unsaid.extend(frames);
        Vec::new()
    }

    /// The first frame of a connection.
    pub fn hello(&mut self, hello: Hello) -> Bytes {
        self.writer = ChangeWriter::new(self.id);
        self.is_challenged = false;
        self.unsaid.clear();
        let version = match hello {
            Hello::Plain => VersionVector::new(),
            Hello::Lying => (0..200).map(|_| (self.some_id(), SEQ_MAX)).collect(),
        };
        let (document, replica) = (self.document, self.id);
        Frame::Hello(HelloFrame { protocol: PROTOCOL_VERSION, document, replica, version, resume: None }).encode()
    }

    fn some_id(&mut self) -> ReplicaId {
        let mut id = [0x77; 16];
        id[..8].copy_from_slice(&self.rng.next_u64().to_be_bytes());
        ReplicaId::from_bytes(id)
    }

    /// What is said.
    pub fn say(&mut self, nonsense: Nonsense) -> Vec<Bytes> {
        let text = |text: &str, left| Op::Insert { left, right: None, text: text.to_owned() };
        let nowhere = Some(OpId::new(self.id, SEQ_MAX - 1));
        let frame = match nonsense {
            Nonsense::Hello => return Vec::new(),
            Nonsense::Unusable => self.change(self.seq, 4, VersionVector::new(), text("evil", nowhere)),
            Nonsense::Valid => self.change(self.seq, 4, VersionVector::new(), text("good", None)),
            Nonsense::Future => {
                let deps = [(self.some_id(), 7)].into_iter().collect();
                self.change(self.seq, 4, deps, text("soon", None))
            }
            Nonsense::Reused => self.change(self.seq.saturating_sub(4), 4, VersionVector::new(), text("once", None)),
            Nonsense::Huge => self.change(self.seq, SEQ_MAX - self.seq, VersionVector::new(), text("long", None)),
            Nonsense::Held => {
                let version = (0..50).map(|_| (self.some_id(), SEQ_MAX)).collect();
                Frame::Held { replica: self.id, version }.encode()
            }
            Nonsense::Presence => Frame::Presence { replica: self.id, payload: &[7; 2_000] }.encode(),
            Nonsense::Bytes => {
                let len = [1, 40, 3_000, FRAME_BYTES_MAX + 1][self.rng.below(4)];
                Bytes::from((0..len).map(|_| self.rng.next_u64().to_le_bytes()[0]).collect::<Vec<u8>>())
            }
            Nonsense::Mutated => {
                let sound = Frame::Held { replica: self.id, version: [(self.id, 4)].into_iter().collect() }.encode();
                let mut bytes = sound.to_vec();
                let at = self.rng.below(bytes.len());
                bytes[at] ^= 1 << self.rng.below(8);
                Bytes::from(bytes)
            }
        };
        if matches!(nonsense, Nonsense::Valid | Nonsense::Unusable) {
            self.seq += 4;
        }
        vec![frame]
    }

    fn change(&mut self, first_seq: u64, len: u64, deps: VersionVector, op: Op) -> Bytes {
        let header = Header { replica: self.id, first_seq, len, deps, heads: false };
        let envelope: Envelope = seal(self.document, &Change { header, ops: vec![op] });
        let sealed = self.sealed(&envelope);
        self.writer.frame(&sealed.unwrap_or(envelope))
    }

    /// The change as its keys seal it, behind what it said before.
    fn sealed(&mut self, plain: &Envelope) -> Option<Envelope> {
        let (keys, first_seq) = (self.keys.as_ref()?, plain.header().first_seq);
        let before = match first_seq {
            0 => Before::Nothing(self.certificate.as_ref()?),
            _ => Before::Author(self.chain.iter().find(|author| author.count == first_seq)?),
        };
        let proof = sealed::Proof::Sign(&keys.own);
        let (sealed, author) = sealed::seal(plain, &keys.document, before, proof).ok()?;
        if self.chain.last().map_or(0, |last| last.count) == first_seq {
            self.chain.push(author);
        }
        Some(sealed)
    }
}

/// What a relay that lies sends in place of a frame: about everything but changes it says what it likes, and those it keeps to itself at
/// times, for the rest of the connection.
pub fn lies(
    rng: &mut Rng,
    withheld: &mut BTreeSet<ConnId>,
    conn: ConnId,
    ids: &[ReplicaId],
    frame: Bytes,
) -> Vec<Bytes> {
    let Ok(decoded) = Frame::decode(&frame) else { return vec![frame] };
    if matches!(decoded, Frame::Change(_)) {
        if rng.chance(3) {
            withheld.insert(conn);
        }
        return if withheld.contains(&conn) { Vec::new() } else { vec![frame] };
    }
    if !rng.chance(15) {
        return vec![frame];
    }
    let version: VersionVector = ids.iter().map(|id| (*id, rng.next_u64() % 40)).collect();
    let number = rng.next_u64() % 60;
    let lie = match rng.below(8) {
        0 => Frame::Ack { count: number }.encode(),
        1 => Frame::Progress { position: number, head: number }.encode(),
        2 => Frame::Missing { version }.encode(),
        3 => rng.pick(ids).map_or(frame, |id| Frame::Held { replica: *id, version }.encode()),
        4 => Frame::Pong { id: number, sent_us: i64::MAX, received_us: i64::MIN, replied_us: 7 }.encode(),
        5 => {
            let (protocol, epoch) = (PROTOCOL_VERSION, [9; 16]);
            let durable = ids.first().map_or(0, |id| version.get(*id));
            Frame::Welcome(Welcome { protocol, epoch, version, durable, head: number }).encode()
        }
        6 => Bytes::from(rng.next_u64().to_le_bytes().to_vec()),
        _ => return Vec::new(),
    };
    vec![lie]
}

/// The name of a frame, for a story.
pub fn name_of(frame: &Bytes) -> String {
    match Frame::decode(frame) {
        Ok(Frame::Change(_)) => "Change".to_owned(),
        Ok(frame) => {
            let said = format!("{frame:?}");
            if said.len() > 160 { said.chars().take(160).chain("…".chars()).collect() } else { said }
        }
        Err(error) => error.to_string(),
    }
}
