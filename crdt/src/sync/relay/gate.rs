//! Who gets in, and what: the [`Relay`] behind proofs of access and verified chains.
//!
//! A link is challenged, proves that it may read its document and who it is, and only then says Hello. A change of its goes on to the
//! relay only where it follows upon what the relay has of its author, was certified by the document's write key, and is signed:
//! nothing else is ever stored or passed on. What follows upon nothing here is passed on unverified, since the relay takes none of it.
//!
//! Changes of a [run](crate::sealed) wait here until the one that is signed comes: of each link at most [`RUN_CHANGES_MAX`] of them, and
//! [`RUN_BYTES_MAX`] bytes and one envelope.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;

use super::super::frame::{
    ADDRESS_BYTES_MAX, Chain, ChangeReader, Frame, Hello, Proof, RefusalReason, TOKEN_BYTES_MAX, hello_protocol,
};
use super::super::time::Now;
use super::quotas::{Network, Quotas};
use super::{ConnId, Relay, RelayLimits, RelayOutput, RelayStats, Stage};
use crate::change::Header;
use crate::clock::VersionVector;
use crate::envelope::Envelope;
use crate::id::{DocumentId, ReplicaId};
use crate::keys::{KEY_BYTES, PublicKey};
use crate::sealed::{Author, RUN_BYTES_MAX, RUN_CHANGES_MAX, SealError, Sealed};

/// Who may make a document at a relay.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Creation {
    /// Anyone.
    #[default]
    Anyone,
    /// Whoever knows this token, of at most [`TOKEN_BYTES_MAX`] bytes.
    Token(Vec<u8>),
    /// Nobody: the relay keeps the documents that it has.
    Nobody,
}

/// What a relay asks of those who link to it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct RelayPolicy {
    /// The addresses that it is known by, HOST:PORT, besides those that the shell names for a link.
    pub names: Vec<String>,
    /// Who may make a document.
    pub creation: Creation,
}

/// A relay that nobody gets through to without the keys.
#[derive(Debug)]
pub struct Gate {
    relay: Relay,
    policy: RelayPolicy,
    doors: BTreeMap<ConnId, Door>,
    /// The documents to which nobody is let in.
    closed: BTreeSet<DocumentId>,
    quotas: Quotas,
}

/// What is known of a link.
#[derive(Debug)]
struct Door {
    challenge: [u8; KEY_BYTES],
    /// Under which addresses it can have reached the relay.
    addresses: Vec<String>,
    /// Whose quotas count; `None`: nobody's.
    network: Option<Network>,
    is_challenged: bool,
    stage: Passage,
    /// What goes behind the Welcome.
    chains: Option<Bytes>,
}

#[derive(Debug)]
enum Passage {
    /// It has proved nothing.
    Proving,
    /// It has proved this, and has not said Hello.
    Proved(Proved),
    /// It follows the document.
    Greeted(Box<Visitor>),
}

#[derive(Clone, Debug)]
struct Proved {
    document: DocumentId,
    replica: ReplicaId,
    write_public: PublicKey,
    may_create: bool,
}

#[derive(Debug)]
struct Visitor {
    proved: Proved,
    changes: ChangeReader,
    run: Run,
    /// What it has, until it is welcomed.
    has: Option<VersionVector>,
}

/// Changes of one author, each following upon the one before, of which none is signed yet.
#[derive(Debug, Default)]
struct Run {
    /// What was known of the author in front of the first.
    base: Option<Author>,
    /// The frames they came in, and what is known of the author with each.
    changes: Vec<(Bytes, Header, Author)>,
    bytes: usize,
}

/// Why a link is refused: the reason, the limit and the value.
type Refused = (RefusalReason, u64, u64);

impl Gate {
    /// A relay over a store with this epoch, which holds so many documents already.
    pub fn new(epoch: [u8; 16], limits: RelayLimits, policy: RelayPolicy, documents_stored: u64) -> Self {
        let quotas = Quotas::new(limits.quotas);
        let relay = Relay::new(epoch, limits).with_documents_stored(documents_stored);
        Self { relay, policy, doors: BTreeMap::new(), closed: BTreeSet::new(), quotas }
    }

    /// From here on these documents are closed, and no others: their links end, and there are no new ones. What is stored of them stays.
    /// O(links × log closed).
    pub fn close_documents(&mut self, closed: BTreeSet<DocumentId>) {
        self.closed = closed;
        let is_closed = |door: &Door| door.document().is_some_and(|document| self.closed.contains(&document));
        let doors = self.doors.iter().filter(|(_, door)| is_closed(door));
        let conns: Vec<ConnId> = doors.map(|(conn, _)| *conn).collect();
        for conn in conns {
            self.relay.refuse(conn, RefusalReason::Closed, 0, 0);
        }
    }

    /// A link was opened, by whoever reached the relay at one of these addresses or at one of its names. `challenge` must be random and
    /// never used before.
    pub fn handle_connected(&mut self, now: Now, conn: ConnId, challenge: [u8; KEY_BYTES], addresses: Vec<String>) {
        self.handle_connected_from(now, conn, challenge, addresses, None);
    }

    /// The same, from this network, whose [quotas](crate::sync::QuotaLimits) count; `None`: nobody's.
    pub fn handle_connected_from(
        &mut self,
        now: Now,
        conn: ConnId,
        challenge: [u8; KEY_BYTES],
        addresses: Vec<String>,
        network: Option<Network>,
    ) {
        let door = Door { challenge, addresses, network, is_challenged: false, stage: Passage::Proving, chains: None };
        self.doors.insert(conn, door);
        self.relay.handle_connected(now, conn);
        self.relay.wake(conn);
        let retry_after_ms = self.relay.limits.retry_after_ms;
        let entered = network.map_or(Ok(()), |network| self.quotas.enter(now, network, retry_after_ms));
        if let Err((reason, limit, value, retry_after_ms)) = entered {
            self.relay.refuse_for(conn, reason, limit, value, retry_after_ms);
        }
    }

    /// A frame came.
    pub fn handle_frame(&mut self, now: Now, conn: ConnId, frame: &Bytes) {
        let Some(door) = self.doors.get(&conn) else { return };
        let malformed = (RefusalReason::Malformed, 0, frame.len() as u64);
        let passed = match (&door.stage, Frame::decode(frame)) {
            (Passage::Proving, Ok(Frame::Proof(proof))) => self.prove(conn, &proof),
            (Passage::Proved(_), Ok(Frame::Hello(hello))) => self.greet(now, conn, frame, &hello),
            (Passage::Greeted(_), Ok(Frame::Change(body))) => self.receive(now, conn, frame, body),
            // The relay answers: another version of the protocol, a frame that is too long, a question about the time.
            (Passage::Greeted(_), _) | (_, Ok(Frame::Ping { .. } | Frame::Pong { .. }) | Err(_)) => {
                self.relay.handle_frame(now, conn, frame);
                Ok(())
            }
            _ if hello_protocol(frame).is_some_and(|version| version != super::PROTOCOL_VERSION) => {
                self.relay.handle_frame(now, conn, frame);
                Ok(())
            }
            _ => Err(malformed),
        };
        if let Err((reason, limit, value)) = passed {
            self.relay.refuse(conn, reason, limit, value);
        }
    }

    /// The next frame for this link; see [`Relay::poll_transmit`].
    pub fn poll_transmit(&mut self, now: Now, conn: ConnId) -> Option<Bytes> {
        let door = self.doors.get_mut(&conn)?;
        if !door.is_challenged {
            door.is_challenged = true;
            return Some(Frame::Challenge { challenge: door.challenge }.encode());
        }
        if let Some(chains) = door.chains.take() {
            return Some(chains);
        }
        let is_awaited = matches!(&door.stage, Passage::Greeted(visitor) if visitor.has.is_some());
        let frame = self.relay.poll_transmit(now, conn)?;
        if is_awaited && matches!(Frame::decode(&frame), Ok(Frame::Welcome(_))) {
            self.tell_chains(conn);
        }
        Some(frame)
    }

    /// A link has ended, whoever ended it.
    pub fn handle_closed(&mut self, now: Now, conn: ConnId) {
        if let Some(network) = self.doors.remove(&conn).and_then(|door| door.network) {
            self.quotas.leave(now, network);
        }
        self.relay.handle_closed(now, conn);
    }

    /// The store's answer to [`RelayOutput::Load`]: as for [`Relay::handle_loaded`], and what it knows of the authors.
    pub fn handle_loaded(
        &mut self,
        now: Now,
        document: DocumentId,
        authors: BTreeMap<ReplicaId, Author>,
        head: u64,
        bytes: u64,
    ) {
        let version = authors.iter().map(|(replica, author)| (*replica, author.count)).collect();
        if let Some(log) = self.relay.logs.get_mut(&document).filter(|log| log.waiting.is_some()) {
            log.authors = authors;
        }
        self.relay.handle_loaded(now, document, version, head, bytes);
    }

    /// The relay behind the gate, for what needs no proof: its disk, its timers and its counters.
    pub const fn relay(&mut self) -> &mut Relay {
        &mut self.relay
    }

    /// See [`Relay::stats`].
    pub fn stats(&self) -> RelayStats {
        RelayStats { networks: self.quotas.len(), ..self.relay.stats() }
    }

    /// See [`Relay::can_read`].
    pub fn can_read(&self, conn: ConnId) -> bool {
        self.relay.can_read(conn)
    }

    /// See [`Relay::poll_timeout`].
    pub fn poll_timeout(&self) -> Option<u64> {
        self.relay.poll_timeout()
    }

    /// See [`Relay::poll_output`].
    pub fn poll_output(&mut self) -> Option<RelayOutput> {
        self.relay.poll_output()
    }

    /// A link shows that it may read its document, and who it is.
    fn prove(&mut self, conn: ConnId, proof: &Proof) -> Result<(), Refused> {
        let Some(door) = self.doors.get_mut(&conn) else { return Ok(()) };
        for (limit, bytes) in [(ADDRESS_BYTES_MAX, proof.address.len()), (TOKEN_BYTES_MAX, proof.token.len())] {
            if bytes > limit {
                return Err((RefusalReason::FrameBytes, limit as u64, bytes as u64));
            }
        }
        if !door.addresses.iter().chain(&self.policy.names).any(|name| *name == proof.address) {
            return Err((RefusalReason::Address, 0, 0));
        }
        let access = proof.access();
        let verified = access.verify(proof.document, proof.replica, &door.challenge, &proof.address);
        verified.map_err(|_| (RefusalReason::Access, 0, 0))?;
        if self.closed.contains(&proof.document) {
            return Err((RefusalReason::Closed, 0, 0));
        }
        let may_create = match &self.policy.creation {
            Creation::Anyone => true,
            Creation::Nobody => false,
            // Hashes, so that the time that it takes tells nothing of the token.
            Creation::Token(token) => blake3::hash(token) == blake3::hash(&proof.token),
        };
        let (document, replica, write_public) = (proof.document, proof.replica, access.write_public);
        door.stage = Passage::Proved(Proved { document, replica, write_public, may_create });
        Ok(())
    }

    fn greet(&mut self, now: Now, conn: ConnId, frame: &Bytes, hello: &Hello) -> Result<(), Refused> {
        let Some(door) = self.doors.get_mut(&conn) else { return Ok(()) };
        let Passage::Proved(proved) = &door.stage else { return Ok(()) };
        if (hello.document, hello.replica) != (proved.document, proved.replica) {
            return Err((RefusalReason::Access, 0, 0));
        }
        let changes = ChangeReader::new(hello.document, hello.replica);
        let visitor = Visitor {
            changes: changes.with_others_max(self.relay.limits.replicas_per_document_max),
            proved: proved.clone(),
            run: Run::default(),
            has: Some(hello.version.clone()),
        };
        door.stage = Passage::Greeted(Box::new(visitor));
        self.relay.handle_frame(now, conn, frame);
        Ok(())
    }

    /// Says how far the chains reach that the replica may go on with: its own, and those that it has more of.
    fn tell_chains(&mut self, conn: ConnId) {
        let Some(door) = self.doors.get_mut(&conn) else { return };
        let Passage::Greeted(visitor) = &mut door.stage else { return };
        let (Some(has), Some(log)) = (visitor.has.take(), self.relay.logs.get(&visitor.proved.document)) else {
            return;
        };
        let own = visitor.proved.replica;
        let is_behind =
            |(replica, author): &(&ReplicaId, &Author)| **replica == own || author.count < has.get(**replica);
        let chain = |(replica, author): (&ReplicaId, &Author)| Chain {
            replica: *replica,
            count: author.count,
            hash: author.hash,
        };
        let chains = log.authors.iter().filter(is_behind).map(chain).collect();
        door.chains = Some(Frame::Chains(chains).encode());
    }

    /// A change came: on to the relay with it, when it is certain whose it is.
    fn receive(&mut self, now: Now, conn: ConnId, frame: &Bytes, body: &[u8]) -> Result<(), Refused> {
        let Some(Door { stage: Passage::Greeted(visitor), .. }) = self.doors.get_mut(&conn) else { return Ok(()) };
        let is_linked = matches!(self.relay.links.get(&conn).map(|link| &link.stage), Some(Stage::Linked(_)));
        let log = self.relay.logs.get(&visitor.proved.document).filter(|_| is_linked);
        let (Ok(envelope), Some(log)) = (visitor.changes.read(body), log) else {
            self.relay.handle_frame(now, conn, frame);
            return Ok(());
        };
        let header = envelope.header();
        let known = log.authors.get(&header.replica);
        if visitor.run.changes.is_empty() && known.map_or(0, |author| author.count) != header.first_seq {
            self.relay.handle_frame(now, conn, frame);
            return Ok(());
        }
        if known.is_none() && log.head() == 0 && !visitor.proved.may_create {
            return Err((RefusalReason::Create, 0, 0));
        }
        if visitor.run.take(&visitor.proved.write_public, known, frame, &envelope)? {
            let run = core::mem::take(&mut visitor.run);
            let document = visitor.proved.document;
            return self.append(now, conn, document, &run);
        }
        Ok(())
    }

    /// A run is whole and its author's: the relay gets all of it or nothing.
    fn append(&mut self, now: Now, conn: ConnId, document: DocumentId, run: &Run) -> Result<(), Refused> {
        let (Some(log), Some((_, first, _))) = (self.relay.logs.get(&document), run.changes.first()) else {
            return Ok(());
        };
        let replica = first.replica;
        let known = log.authors.get(&replica).copied();
        // Another link may have brought some of it meanwhile, or all of it and more, or something else in its place.
        let is_overtaken =
            run.changes.last().is_some_and(|(.., last)| known.is_some_and(|known| known.count > last.count));
        if known != run.base && !is_overtaken && !run.changes.iter().any(|(.., author)| Some(*author) == known) {
            return Err((RefusalReason::Forked, known.map_or(0, |author| author.count), first.first_seq));
        }
        let has_past = |header: &Header| header.deps.iter().all(|(other, units)| units <= log.version.get(other));
        if run.changes.len() > 1 && !run.changes.iter().all(|(_, header, _)| has_past(header)) {
            return Err((RefusalReason::Missing, 0, first.first_seq));
        }
        if let Some(refused) = self.relay.over_limit(document, first, run.bytes) {
            return Err(refused);
        }
        let is_new = run.changes.last().is_some_and(|(.., last)| known.is_none_or(|known| known.count < last.count));
        let is_first = log.head() == 0;
        let network = self.doors.get(&conn).and_then(|door| door.network).filter(|_| is_new);
        let checked = network.map_or(Ok(()), |network| self.quotas.check(now, network, run.bytes as u64, is_first));
        if let Err((reason, limit, value, retry_after_ms)) = checked {
            self.relay.refuse_for(conn, reason, limit, value, retry_after_ms);
            return Ok(());
        }
        let (before, outputs) = (self.relay.stats, self.relay.outputs.len());
        for (frame, ..) in &run.changes {
            self.relay.handle_frame(now, conn, frame);
        }
        if let Some(network) = network {
            let RelayStats { bytes_appended, documents_stored, .. } = self.relay.stats;
            let documents = documents_stored - before.documents_stored;
            self.quotas.spend(network, bytes_appended - before.bytes_appended, documents);
        }
        let Some(log) = self.relay.logs.get_mut(&document) else { return Ok(()) };
        let count = log.version.get(replica);
        let Some((.., last)) = run.changes.iter().find(|(.., author)| author.count == count) else { return Ok(()) };
        log.authors.insert(replica, *last);
        let mut appended = self.relay.outputs.iter_mut().skip(outputs).rev();
        if let Some(author) = appended.find_map(RelayOutput::author) {
            *author = Some(*last);
        }
        Ok(())
    }
}

impl Door {
    /// The document that it has proved to be about.
    const fn document(&self) -> Option<DocumentId> {
        match &self.stage {
            Passage::Proving => None,
            Passage::Proved(proved) => Some(proved.document),
            Passage::Greeted(visitor) => Some(visitor.proved.document),
        }
    }
}

impl Run {
    /// Takes one more change; whether the run is whole with it.
    fn take(
        &mut self,
        write_public: &PublicKey,
        known: Option<&Author>,
        frame: &Bytes,
        envelope: &Envelope,
    ) -> Result<bool, Refused> {
        let header = envelope.header();
        let last = self.changes.last().map(|(_, last, author)| (last.replica, *author));
        let before = match last {
            None => {
                self.base = known.copied();
                self.base
            }
            Some((replica, author)) if replica == header.replica && author.count == header.first_seq => Some(author),
            Some(_) => return Err((RefusalReason::Malformed, 0, frame.len() as u64)),
        };
        let refused = |error: SealError| refusal(&error, before, frame);
        let sealed = Sealed::new(envelope, write_public, before.as_ref()).map_err(refused)?;
        let is_whole = sealed.verify().map_err(refused)?;
        self.bytes += envelope.bytes().len();
        self.changes.push((frame.clone(), header.clone(), *sealed.author()));
        for (limit, value) in [(RUN_CHANGES_MAX, self.changes.len() + 1), (RUN_BYTES_MAX, self.bytes)] {
            if !is_whole && value > limit {
                return Err((RefusalReason::Malformed, limit as u64, value as u64));
            }
        }
        Ok(is_whole)
    }
}

fn refusal(error: &SealError, before: Option<Author>, frame: &Bytes) -> Refused {
    match error {
        SealError::Payload(_) | SealError::Gap { .. } => (RefusalReason::Malformed, 0, frame.len() as u64),
        SealError::Forked { first_seq, .. } => {
            (RefusalReason::Forked, before.map_or(0, |author| author.count), *first_seq)
        }
        SealError::Key(_) | SealError::Forged { .. } | SealError::Unopened { .. } => (RefusalReason::Forged, 0, 0),
    }
}
