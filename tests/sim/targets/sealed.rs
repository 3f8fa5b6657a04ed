//! Sealed links. Nobody finds a signature by trying, so the bytes say what an editor who keeps to no rules seals and signs, with his
//! own key, as well as what anybody could say without one. Whatever that is, only what he sealed may arrive.
//!
//! An input has [frames](super::frames). The first byte of each says what it is: bytes that travel as they are; the payload of his next change, signed or not, behind
//! a byte that says how many units it claims; the same signed and then altered by somebody else, behind two bytes that say where and how; a signal; or, to a relay, that he links anew and proves who he is.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use quire_crdt::keys::{DocumentKeys, ReplicaKey, ReplicaSeed, RootSecret};
use quire_crdt::sealed::{Author, Before, Proof, SignalKind, seal, seal_signal};
use quire_crdt::sync::frame::{ChangeWriter, Frame, Hello, PROTOCOL_VERSION, Proof as ProofFrame, Welcome};
use quire_crdt::sync::{
    ConnId, Credentials, Gate, RelayLimits, RelayOutput, RelayPolicy, Replica, ReplicaConfig, Seals, SecureLink,
};
use quire_crdt::{Document, Envelope, ReplicaId, VersionVector};

use super::{NOW, add_frame, frames, obey, put};

const ADDRESS: &str = "relay.example.org:4870";
const CHALLENGE: [u8; 32] = [5; 32];

/// What the first byte of a frame says.
const RAW: u8 = 0;
const SIGNED: u8 = 1;
const UNSIGNED: u8 = 2;
const SIGNAL: u8 = 3;
const LINKS: u8 = 4;
const ALTERED: u8 = 5;
const KINDS: u8 = 6;

fn keys() -> DocumentKeys {
    DocumentKeys::editor(&RootSecret::from_bytes([7; 16]))
}

fn key(number: u8) -> ReplicaKey {
    ReplicaKey::new(&ReplicaSeed::from_bytes([number; 32]))
}

/// Who holds an editor's link.
struct Editor {
    keys: DocumentKeys,
    own: ReplicaKey,
    /// How far he has gone on.
    author: Option<Author>,
    writer: ChangeWriter,
    number: u64,
    /// All that he sealed.
    sealed: BTreeSet<Bytes>,
    /// Where it stands among what he wrote: the first unit, and how many.
    places: BTreeSet<(u64, u64)>,
}

impl Editor {
    /// He says something on a link of this replica's.
    fn new(replica: ReplicaId) -> Self {
        let writer = ChangeWriter::new(replica);
        Self {
            keys: keys(),
            own: key(1),
            author: None,
            writer,
            number: 0,
            sealed: BTreeSet::new(),
            places: BTreeSet::new(),
        }
    }

    /// A new link of this replica's, whose other end knows so much of him.
    fn start_again(&mut self, replica: ReplicaId, author: Option<Author>) {
        self.writer = ChangeWriter::new(replica);
        self.author = author;
    }

    /// The message that a frame of the input stands for.
    fn say(&mut self, frame: &[u8]) -> Option<Bytes> {
        let (kind, rest) = frame.split_first()?;
        match kind % KINDS {
            SIGNED => self.change(rest, true),
            UNSIGNED => self.change(rest, false),
            ALTERED => {
                let [at, how, rest @ ..] = rest else { return None };
                Some(altered(&self.change(rest, true)?, usize::from(*at), *how))
            }
            SIGNAL => {
                self.number += 1;
                let payload = seal_signal(&self.keys, &self.own, SignalKind::Presence, self.number, rest);
                Some(Frame::Presence { replica: self.own.id(), payload: &payload }.encode())
            }
            _ => Some(Bytes::copy_from_slice(rest)),
        }
    }

    fn change(&mut self, claim: &[u8], is_signed: bool) -> Option<Bytes> {
        let (units, payload) = claim.split_first()?;
        let mut bytes = vec![1];
        bytes.extend_from_slice(self.keys.document().as_bytes());
        bytes.extend_from_slice(self.own.id().as_bytes());
        for value in [self.author.map_or(0, |author| author.count), u64::from((*units).max(1)), 0] {
            put(&mut bytes, value);
        }
        bytes.extend_from_slice(payload);
        let plain = Envelope::decode(bytes.into()).ok()?;
        let certificate = self.keys.certify(&self.own)?;
        let before = self.author.as_ref().map_or(Before::Nothing(&certificate), Before::Author);
        let proof = if is_signed { Proof::Sign(&self.own) } else { Proof::None };
        let (sealed, author) = seal(&plain, &self.keys, before, proof).ok()?;
        self.author = Some(author);
        self.sealed.insert(sealed.bytes().clone());
        self.places.insert((plain.header().first_seq, plain.header().len));
        Some(self.writer.frame(&sealed))
    }
}

/// The message with some bits of one byte flipped; cut off there if it is to be none of them.
fn altered(message: &Bytes, at: usize, how: u8) -> Bytes {
    if how == 0 {
        return message.slice(..at.min(message.len()));
    }
    let mut bytes = message.to_vec();
    bytes.get_mut(at).into_iter().for_each(|byte| *byte ^= how);
    bytes.into()
}

/// Messages of a relay, on one sealed link after the other, as they reach a replica that has something to say itself.
pub fn link_frames(data: &[u8]) {
    let own = key(2);
    let mut editor = Editor::new(own.id());
    let document = Document::new(editor.keys.document(), own.id());
    let mut replica = Replica::new(document, ReplicaConfig::default()).with_seals(Seals::default());
    replica.insert(0, "mine").expect("the start of the text");
    replica.commit();
    replica.go_online(NOW);
    let mut link: Option<SecureLink> = None;
    for frame in frames(data) {
        let secure = link.get_or_insert_with(|| welcomed(&mut replica, &own));
        let Some(message) = editor.say(&frame) else { continue };
        secure.open(&message);
        if !settle(&mut replica, secure) {
            let known = replica.verified().get(&editor.own.id()).copied();
            editor.start_again(own.id(), known);
            link = None;
        }
        replica.document().text().assert_invariants();
    }
    for envelope in replica.document().log() {
        let header = envelope.header();
        let is_his = header.replica == editor.own.id() && editor.places.contains(&(header.first_seq, header.len));
        assert!(is_his || header.replica == own.id(), "what nobody sealed is here");
    }
}

/// A link of the replica's to a relay that has nothing.
fn welcomed(replica: &mut Replica, own: &ReplicaKey) -> SecureLink {
    let credentials =
        Credentials { keys: keys(), replica: own.clone(), address: ADDRESS.to_owned(), token: Vec::new() };
    let mut link = SecureLink::new(credentials, replica.verified());
    replica.handle_connected(NOW);
    let welcome =
        Welcome { protocol: PROTOCOL_VERSION, epoch: [7; 16], version: VersionVector::new(), durable: 0, head: 0 };
    for frame in [Frame::Challenge { challenge: CHALLENGE }, Frame::Welcome(welcome), Frame::Chains(Vec::new())] {
        settle(replica, &mut link);
        link.open(&frame.encode());
    }
    link
}

/// Hands on what came and sends what is to be sent; whether the link lives.
fn settle(replica: &mut Replica, link: &mut SecureLink) -> bool {
    let mut lives = true;
    loop {
        while let Some(incoming) = link.poll_incoming() {
            incoming.hand_to(replica, NOW);
        }
        lives &= obey(replica);
        match replica.poll_transmit(NOW) {
            Some(transmit) => link.seal(NOW, transmit),
            None if link.poll_transmit().is_none() => return lives,
            None => {}
        }
    }
}

/// Messages of two sealed links that reach a relay: before each, a byte says which link.
pub fn gate_frames(data: &[u8]) {
    let policy = RelayPolicy { names: vec![ADDRESS.to_owned()], ..RelayPolicy::default() };
    let mut gate = Gate::new([7; 16], RelayLimits::default(), policy, 0);
    let mut editors = [key(1), key(3)].map(|own| Editor { own: own.clone(), ..Editor::new(own.id()) });
    let (mut conns, mut next) = ([0, 1].map(ConnId), 2);
    for conn in conns {
        gate.handle_connected(NOW, conn, CHALLENGE, Vec::new());
    }
    let mut store = Store::default();
    for frame in frames(data) {
        let Some((link, frame)) = frame.split_first() else { continue };
        let at = usize::from(*link) % conns.len();
        if frame.first().is_some_and(|kind| kind % KINDS == LINKS) {
            for message in greeting(&editors[at]) {
                gate.handle_frame(NOW, conns[at], &message);
            }
        } else if let Some(message) = editors[at].say(frame) {
            gate.handle_frame(NOW, conns[at], &message);
        }
        for closed in store.serve(&mut gate, &conns) {
            gate.handle_closed(NOW, conns[closed]);
            conns[closed] = ConnId(next);
            gate.handle_connected(NOW, conns[closed], CHALLENGE, Vec::new());
            next += 1;
            let own = editors[closed].own.id();
            editors[closed].start_again(own, store.authors.get(&own).copied());
        }
    }
    let is_theirs = |entry: &&Bytes| editors.iter().any(|editor| editor.sealed.contains(*entry));
    assert!(store.log.iter().all(|entry| is_theirs(&entry)), "a relay has what nobody sealed");
}

/// He proves who he is, and says Hello.
fn greeting(editor: &Editor) -> [Bytes; 2] {
    let (document, replica) = (editor.keys.document(), editor.own.id());
    let access = editor.keys.prove_access(&editor.own, &CHALLENGE, ADDRESS);
    let proof = ProofFrame::new(document, replica, ADDRESS.to_owned(), Vec::new(), &access);
    let version = VersionVector::new();
    let hello = Hello { protocol: PROTOCOL_VERSION, document, replica, version, resume: None };
    [Frame::Proof(proof), Frame::Hello(hello)].map(|frame| frame.encode())
}

/// A relay's disk, which answers at once.
#[derive(Default)]
struct Store {
    log: Vec<Bytes>,
    authors: BTreeMap<ReplicaId, Author>,
}

impl Store {
    /// Does what the relay asks for. Which links it wants closed.
    fn serve(&mut self, gate: &mut Gate, conns: &[ConnId]) -> Vec<usize> {
        let mut closed = Vec::new();
        while let Some(output) = gate.poll_output() {
            match output {
                RelayOutput::Load { document } if document == keys().document() => {
                    let bytes = self.log.iter().map(|entry| entry.len() as u64).sum();
                    gate.handle_loaded(NOW, document, self.authors.clone(), self.log.len() as u64, bytes);
                }
                RelayOutput::Load { document } => gate.handle_loaded(NOW, document, BTreeMap::new(), 0, 0),
                RelayOutput::Append { document, position, envelope, author } => {
                    assert_eq!((document, position), (keys().document(), self.log.len() as u64), "a log has no gap");
                    let replica = Envelope::decode(envelope.clone()).expect("an envelope").header().replica;
                    self.authors.extend(author.map(|author| (replica, author)));
                    self.log.push(envelope);
                    gate.relay().handle_appended(NOW, document, position + 1);
                }
                RelayOutput::Read { conn, from, .. } => {
                    let skipped = usize::try_from(from).unwrap_or(usize::MAX);
                    gate.relay().handle_read(NOW, conn, from, self.log.iter().skip(skipped).cloned().collect());
                }
                RelayOutput::Wake { conn } => while gate.poll_transmit(NOW, conn).is_some() {},
                RelayOutput::Close { conn, .. } => closed.extend(conns.iter().position(|known| *known == conn)),
            }
        }
        closed
    }
}

/// What he typed, as he seals it: alone, in runs, and with signals between; behind a link's byte, if `link` is one.
pub(super) fn seeds(link: Option<u8>) -> Vec<Vec<u8>> {
    let author = key(1);
    let mut document = Document::new(keys().document(), author.id());
    for word in ["a", "né", "word\n", "more"] {
        document.insert(0, word).expect("the start of the text");
        document.commit();
    }
    document.delete(1..4).expect("in the text");
    document.commit();
    let said = |kinds: [u8; 2]| {
        let mut input = Vec::new();
        let mut add = |kind: u8, rest: &[u8]| add_frame(&mut input, &[link.as_slice(), &[kind], rest].concat());
        if link.is_some() {
            add(LINKS, &[]);
        }
        for (at, envelope) in document.log().iter().enumerate() {
            let units = u8::try_from(envelope.header().len).unwrap_or(u8::MAX);
            add(kinds[at % 2], &[&[units], envelope.payload()].concat());
            add(SIGNAL, b"somewhere");
        }
        add(SIGNED, &[1, 0]);
        add(RAW, &Frame::Progress { position: 9, head: 9 }.encode());
        input
    };
    let mut altered = Vec::new();
    for (at, how) in (1..=u8::MAX).step_by(7).flat_map(|at| [(at, 0), (at, 1), (at, 0x80)]) {
        let mut add = |kind: u8, rest: &[u8]| add_frame(&mut altered, &[link.as_slice(), &[kind], rest].concat());
        if link.is_some() {
            add(LINKS, &[]);
        }
        add(ALTERED, &[at, how, 1, 0]);
    }
    [[SIGNED, SIGNED], [UNSIGNED, SIGNED], [UNSIGNED, UNSIGNED]].map(said).into_iter().chain([altered]).collect()
}
