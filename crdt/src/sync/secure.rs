//! A replica's end of a sealed link: proves access, seals and signs what goes out, verifies and opens what comes in.
//!
//! It stands between a [`Replica`](super::Replica), which knows what was written, and the transport; it may live on another thread. Like
//! both it does no IO: [`SecureLink::seal`] takes what the replica sends, [`SecureLink::open`] what the relay sends, and
//! [`SecureLink::poll_transmit`] and [`SecureLink::poll_incoming`] give what came of it.
//!
//! **Signing once for many.** A signature vouches for everything that its author made before it. Own changes that are sealed one after
//! the other, before [`SecureLink::poll_transmit`] is asked for the last of them, therefore travel as one [run](crate::sealed): only the last is
//! signed. Who seals all that waits before it asks pays one signature for it.
//!
//! **Verifying in batches.** For the same reason, while it is being caught up, consecutive changes of one author are held until another
//! author's come, there are [`RUN_CHANGES_MAX`] of them, or anything else comes, and the last signature alone is checked, and kept:
//! what is held together is one run from here on. Live, each run is checked at once.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;

use super::frame::{Chain, ChangeReader, ChangeWriter, Frame, Proof as ProofFrame, Welcome};
use super::replica::LinkError;
use super::sealing;
use super::seals::Seal;
use super::time::Now;
use super::transmit::{Incoming, Outgoing, Transmit};
use crate::envelope::Envelope;
use crate::id::ReplicaId;
use crate::keys::{Certificate, DocumentKeys, KEY_BYTES, ReplicaKey, SIGNATURE_BYTES};
use crate::sealed::{
    self, Author, RUN_BYTES_MAX, RUN_CHANGES_MAX, SEAL_BYTES, SealError, Sealed, SignalKind, open_signal, seal_signal,
};

/// The most other replicas whose signals are told apart by their numbers; what further ones say is passed over.
const SIGNALLERS_MAX: usize = 1024;

/// The most own changes of which it is remembered how far the chain reached with them, until the relay has them for sure. Older ones are
/// forgotten: how far the relay has the chain is then written down with a newer one.
const UNACKED_MAX: usize = 4096;

/// How a replica gets in, and what for.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The document's keys.
    pub keys: DocumentKeys,
    /// The replica's own key.
    pub replica: ReplicaKey,
    /// The relay's address as it is reached, HOST:PORT.
    pub address: String,
    /// Lets the replica make a document at a relay that wants a token for that; else empty.
    pub token: Vec<u8>,
}

/// A replica's end of one sealed link.
#[derive(Debug)]
pub struct SecureLink {
    credentials: Credentials,
    certificate: Option<Certificate>,
    reader: ChangeReader,
    writer: ChangeWriter,
    /// The replica's Hello, until the relay has sent its challenge.
    hello: Option<Bytes>,
    is_challenged: bool,
    /// The relay's Welcome, until it has said how far the chains reach.
    welcome: Option<Bytes>,
    is_welcomed: bool,
    /// Whether the relay has not said yet that all was sent.
    is_catching_up: bool,
    /// How far each other author's changes are verified that came from the relay or were here before.
    verified: BTreeMap<ReplicaId, Author>,
    /// The authors of which the replica may have had part of a run when the link began, and of which no end has come since.
    begun: BTreeSet<ReplicaId>,
    /// How far those chains reach at the relay that it has less of; `None`: it has nothing of them.
    there: BTreeMap<ReplicaId, Option<Author>>,
    own: Own,
    /// How far the run of another author is sent that is not ended yet.
    passing: Option<Author>,
    held: Vec<HeldChange>,
    held_bytes: usize,
    /// A Progress that is to come after a run that is not whole yet.
    progress: Option<Bytes>,
    /// The number of the newest signal of each kind of each replica, and of the own ones.
    numbers: BTreeMap<(ReplicaId, SignalKind), u64>,
    transmits: VecDeque<Bytes>,
    incoming: VecDeque<Incoming>,
}

/// The own chain.
#[derive(Debug, Default)]
struct Own {
    /// How far it is made again.
    author: Option<Author>,
    /// How far it reaches at the relay.
    there: Option<Chain>,
    /// What was sent and is not acknowledged.
    unacked: VecDeque<Author>,
    /// The newest change that is to be sent: it is signed, unless another one of its run comes behind it first.
    last: Option<Envelope>,
    /// The changes of the run that were sent in front of it, and their bytes.
    run_changes: usize,
    run_bytes: usize,
}

#[derive(Debug)]
struct HeldChange {
    envelope: Envelope,
    before: Option<Author>,
    sealed: Sealed,
}

impl SecureLink {
    /// At the start of a link. `verified` is how far the changes of others are verified that the replica has:
    /// [`Replica::verified`](super::Replica::verified).
    pub fn new(credentials: Credentials, verified: BTreeMap<ReplicaId, Author>) -> Self {
        let (document, replica) = (credentials.keys.document(), credentials.replica.id());
        Self {
            certificate: credentials.keys.certify(&credentials.replica),
            credentials,
            reader: ChangeReader::new(document, replica),
            writer: ChangeWriter::new(replica),
            hello: None,
            is_challenged: false,
            welcome: None,
            is_welcomed: false,
            is_catching_up: true,
            begun: verified.keys().copied().collect(),
            verified,
            there: BTreeMap::new(),
            own: Own::default(),
            passing: None,
            held: Vec::new(),
            held_bytes: 0,
            progress: None,
            numbers: BTreeMap::new(),
            transmits: VecDeque::new(),
            incoming: VecDeque::new(),
        }
    }

    /// The next message for the transport. What is sealed from here on is another run, if this is the last one.
    pub fn poll_transmit(&mut self) -> Option<Bytes> {
        if self.transmits.is_empty() {
            self.end_run();
        }
        self.transmits.pop_front()
    }

    /// What to hand to the replica next.
    pub fn poll_incoming(&mut self) -> Option<Incoming> {
        self.incoming.pop_front()
    }

    /// Whether changes are held that no signature has vouched for yet.
    pub const fn is_holding(&self) -> bool {
        !self.held.is_empty() || self.progress.is_some()
    }

    /// The replica sends this; at most one message becomes of it, or of what waits for it.
    pub fn seal(&mut self, now: Now, transmit: Transmit) {
        let sealed = match transmit {
            Transmit::Frame(frame) => {
                self.seal_frame(now, frame);
                Ok(())
            }
            Transmit::OwnChain(own) => {
                self.own.author = own;
                self.check_own()
            }
            Transmit::Change(change) if change.envelope.header().replica == self.credentials.replica.id() => {
                self.seal_own(&change.envelope)
            }
            Transmit::Change(change) => {
                self.end_run();
                self.pass_on(&change)
            }
        };
        self.check(sealed);
    }

    fn check(&mut self, outcome: Result<(), LinkError>) {
        if let Err(error) = outcome {
            self.incoming.push_back(Incoming::Failed(error));
        }
    }

    fn seal_frame(&mut self, now: Now, frame: Bytes) {
        let (kind, payload) = match Frame::decode(&frame) {
            Ok(Frame::Hello(_)) if !self.is_challenged => {
                self.hello = Some(frame);
                return;
            }
            Ok(Frame::Presence { payload, .. }) if !payload.is_empty() => (SignalKind::Presence, payload),
            Ok(Frame::Digest { payload, .. }) => (SignalKind::Digest, payload),
            _ => return self.transmits.push_back(frame),
        };
        let Credentials { keys, replica: own, .. } = &self.credentials;
        let number = self.numbers.entry((own.id(), kind)).or_default();
        *number = (*number + 1).max(u64::try_from(now.wall_us).unwrap_or(0));
        let payload = seal_signal(keys, own, kind, *number, payload);
        self.transmits.push_back(signal(own.id(), kind, &payload).encode());
    }

    fn seal_own(&mut self, envelope: &Envelope) -> Result<(), LinkError> {
        if self.own.there.is_some_and(|there| envelope.header().end_seq() <= there.count) {
            self.chain_own(envelope, false)?;
            return self.check_own();
        }
        if let Some(last) = self.own.last.replace(envelope.clone()) {
            self.send_own(&last, false)?;
        }
        Ok(())
    }

    /// The newest own change is the last of its run: it is signed and sent.
    fn end_run(&mut self) {
        if let Some(last) = self.own.last.take() {
            let sent = self.send_own(&last, true);
            self.check(sent);
        }
    }

    fn send_own(&mut self, envelope: &Envelope, is_last: bool) -> Result<(), LinkError> {
        let sealed_bytes_max = envelope.bytes().len() + SEAL_BYTES + KEY_BYTES + SIGNATURE_BYTES;
        let bytes = self.own.run_bytes + sealed_bytes_max;
        let is_signed = is_last || self.own.run_changes + 2 > RUN_CHANGES_MAX || bytes > RUN_BYTES_MAX;
        let (sealed, author) = self.chain_own(envelope, is_signed)?;
        if is_signed {
            (self.own.run_changes, self.own.run_bytes) = (0, 0);
        } else {
            self.own.run_changes += 1;
            self.own.run_bytes += sealed.bytes().len();
        }
        if self.own.unacked.len() == UNACKED_MAX {
            self.own.unacked.pop_front();
        }
        self.own.unacked.push_back(author);
        self.transmits.push_back(self.writer.frame(&sealed));
        Ok(())
    }

    /// Seals the next change of the own chain.
    fn chain_own(&mut self, envelope: &Envelope, is_signed: bool) -> Result<(Envelope, Author), LinkError> {
        let Credentials { keys, replica, .. } = &self.credentials;
        let (certificate, before) = (self.certificate.as_ref(), self.own.author.as_ref());
        let (sealed, author) = sealing::seal_own(keys, certificate, before, envelope, is_signed.then_some(replica))?;
        self.own.author = Some(author);
        Ok((sealed, author))
    }

    /// Where the own chain reaches as far as it does at the relay, both must be the same: else somebody else has written under this id.
    fn check_own(&self) -> Result<(), LinkError> {
        let (count, hash) = self.own.author.map_or((0, None), |own| (own.count, Some(own.hash)));
        match self.own.there {
            Some(there) if there.count < count || (there.count == count && hash != Some(there.hash)) => {
                Err(LinkError::Forked { count: there.count })
            }
            _ => Ok(()),
        }
    }

    /// Sends what another replica made, with the proof that came with it.
    fn pass_on(&mut self, change: &Outgoing) -> Result<(), LinkError> {
        let header = change.envelope.header();
        let there = self.there.get(&header.replica).copied();
        let known = there.unwrap_or_else(|| self.verified.get(&header.replica).copied());
        // A run that was begun is ended, even if the relay has had it from elsewhere meanwhile.
        let before = self.passing.take().or(known);
        if before.is_some_and(|before| header.end_seq() <= before.count) {
            return Ok(());
        }
        let (keys, seal) = (&self.credentials.keys, change.seal.as_deref());
        let (sealed, author) = sealing::seal_known(keys, before.as_ref(), &change.envelope, seal)?;
        self.passing = seal.is_some_and(|seal| seal.signature.is_none()).then_some(author);
        let is_further = known.is_none_or(|known| known.count < author.count);
        if is_further {
            self.there.insert(header.replica, Some(author));
        }
        // It may have come otherwise than by this link, which is to know where the author goes on.
        if self.verified.get(&header.replica).is_none_or(|verified| verified.count < author.count) {
            self.verified.insert(header.replica, author);
        }
        self.transmits.push_back(self.writer.frame(&sealed));
        Ok(())
    }

    /// A message came.
    pub fn open(&mut self, bytes: &Bytes) {
        let opened = match Frame::decode(bytes) {
            Ok(Frame::Refused(_)) => {
                self.incoming.push_back(Incoming::Frame(bytes.clone()));
                Ok(())
            }
            Ok(Frame::Challenge { challenge }) if !self.is_challenged => {
                self.prove(&challenge);
                Ok(())
            }
            Ok(Frame::Welcome(_)) if self.is_challenged && !self.is_welcomed && self.welcome.is_none() => {
                self.welcome = Some(bytes.clone());
                Ok(())
            }
            Ok(Frame::Chains(chains)) if self.welcome.is_some() => self.take_chains(&chains),
            Ok(Frame::Challenge { .. }) => Err(LinkError::Unexpected { frame: "Challenge" }),
            Ok(Frame::Chains(_)) => Err(LinkError::Unexpected { frame: "Chains" }),
            Ok(frame) if self.is_welcomed => self.take(&frame, bytes),
            Ok(_) => Err(LinkError::Unexpected { frame: "frame before the Welcome" }),
            Err(error) => Err(LinkError::Frame(error)),
        };
        self.check(opened);
    }

    fn prove(&mut self, challenge: &[u8; 32]) {
        self.is_challenged = true;
        let Credentials { keys, replica, address, token } = &self.credentials;
        let proof = keys.prove_access(replica, challenge, address);
        let proof = ProofFrame::new(keys.document(), replica.id(), address.clone(), token.clone(), &proof);
        self.transmits.push_back(Frame::Proof(proof).encode());
        self.transmits.extend(self.hello.take());
    }

    fn take_chains(&mut self, chains: &[Chain]) -> Result<(), LinkError> {
        let own = self.credentials.replica.id();
        for chain in chains {
            if chain.replica == own {
                self.own.there = Some(*chain);
            } else if let Some(known) = self.verified.get(&chain.replica) {
                let author = Author { key: known.key, count: chain.count, hash: chain.hash };
                if known.count == chain.count && known.hash != chain.hash {
                    return Err(SealError::Forked { replica: chain.replica, first_seq: chain.count }.into());
                }
                self.there.insert(chain.replica, Some(author));
            }
        }
        self.is_welcomed = true;
        let Some(welcome) = self.welcome.take() else { return Ok(()) };
        if let Ok(Frame::Welcome(Welcome { version, .. })) = Frame::decode(&welcome) {
            for replica in self.verified.keys().filter(|replica| version.get(**replica) == 0) {
                self.there.entry(*replica).or_insert(None);
            }
        }
        self.incoming.push_back(Incoming::Frame(welcome));
        Ok(())
    }

    fn take(&mut self, frame: &Frame<'_>, bytes: &Bytes) -> Result<(), LinkError> {
        if let Frame::Change(body) = frame {
            return self.take_change(body);
        }
        let is_whole = self.held.last().is_none_or(|last| last.sealed.signature().is_some());
        if is_whole {
            self.release()?;
        }
        match frame {
            Frame::Progress { position, head } => {
                self.is_catching_up &= position < head;
                if !is_whole {
                    self.progress = Some(bytes.clone());
                    return Ok(());
                }
            }
            Frame::Presence { replica, payload } if !payload.is_empty() => {
                self.hear(*replica, SignalKind::Presence, payload);
                return Ok(());
            }
            Frame::Digest { replica, payload } => {
                self.hear(*replica, SignalKind::Digest, payload);
                return Ok(());
            }
            _ => {}
        }
        self.incoming.push_back(Incoming::Frame(bytes.clone()));
        if let Frame::Ack { count } = frame {
            self.acked(*count);
        }
        Ok(())
    }

    /// A signal that is not its replica's, or not newer than the last, is passed over: whoever sent it is not the relay.
    fn hear(&mut self, replica: ReplicaId, kind: SignalKind, payload: &[u8]) {
        if self.numbers.len() >= 2 * SIGNALLERS_MAX && !self.numbers.contains_key(&(replica, kind)) {
            return;
        }
        let Some((number, text)) = open_signal(&self.credentials.keys, replica, kind, payload) else { return };
        let last = self.numbers.entry((replica, kind)).or_default();
        if number > *last {
            *last = number;
            self.incoming.push_back(Incoming::Frame(signal(replica, kind, &text).encode()));
        }
    }

    fn acked(&mut self, count: u64) {
        let mut newest = None;
        while let Some(author) = self.own.unacked.front().filter(|author| author.count <= count) {
            newest = Some(*author);
            self.own.unacked.pop_front();
        }
        self.incoming.extend(newest.map(Incoming::OwnChain));
    }

    fn take_change(&mut self, body: &[u8]) -> Result<(), LinkError> {
        let envelope = self.reader.read(body)?;
        let (replica, end_seq) = (envelope.header().replica, envelope.header().end_seq());
        if replica == self.credentials.replica.id() {
            return Err(LinkError::Forked { count: end_seq });
        }
        if let Some(last) = self.held.last().filter(|last| last.envelope.header().replica != replica) {
            if last.sealed.signature().is_none() {
                return Err(LinkError::Unexpected { frame: "Change inside the run of another replica" });
            }
            self.release()?;
        }
        let before = match self.held.last() {
            Some(last) => Some(*last.sealed.author()),
            None => self.verified.get(&replica).copied(),
        };
        if before.is_some_and(|before| end_seq <= before.count) {
            return Ok(());
        }
        let write_public = self.credentials.keys.write_public();
        let sealed = Sealed::new(&envelope, write_public, before.as_ref())?;
        let is_signed = sealed.signature().is_some();
        // A run has all the room for itself.
        if !is_signed && self.held.last().is_some_and(|last| last.sealed.signature().is_some()) {
            self.release()?;
        }
        self.held_bytes += envelope.bytes().len();
        self.held.push(HeldChange { envelope, before, sealed });
        let is_full = self.held.len() >= RUN_CHANGES_MAX || self.held_bytes > RUN_BYTES_MAX;
        match (is_signed, is_full) {
            // What is here of a run that was cut off, and all that is held, could be more than a run may have.
            (true, _) if is_full || !self.is_catching_up || self.begun.contains(&replica) => self.release(),
            (false, true) => Err(LinkError::Unexpected { frame: "Change beyond the length of a run" }),
            _ => {
                self.incoming.push_back(Incoming::Heard);
                Ok(())
            }
        }
    }

    /// The changes that are held are verified and handed on, if there are any.
    fn release(&mut self) -> Result<(), LinkError> {
        if let Some(last) = self.held.last() {
            last.sealed.verify()?;
            let (replica, author) = (last.envelope.header().replica, *last.sealed.author());
            self.verified.insert(replica, author);
            self.begun.remove(&replica);
            if let Some(there) = self.there.get_mut(&replica) {
                *there = Some(author);
            }
        }
        self.held_bytes = 0;
        let mut held = self.held.drain(..);
        while let Some(HeldChange { envelope, before, sealed }) = held.next() {
            let plain = sealed::open(&envelope, &self.credentials.keys, before.as_ref())?;
            // Only the last one was verified, and no chain covers a signature: anybody may have altered the others.
            let signature = sealed.signature().copied().filter(|_| held.len() == 0);
            let certificate = sealed.certificate().copied();
            let seal = Seal { author: *sealed.author(), certificate, signature };
            self.incoming.push_back(Incoming::Change(plain, Some(Box::new(seal))));
        }
        self.incoming.extend(self.progress.take().map(Incoming::Frame));
        Ok(())
    }
}

const fn signal(replica: ReplicaId, kind: SignalKind, payload: &[u8]) -> Frame<'_> {
    match kind {
        SignalKind::Presence => Frame::Presence { replica, payload },
        SignalKind::Digest => Frame::Digest { replica, payload },
    }
}

#[cfg(test)]
mod tests;
