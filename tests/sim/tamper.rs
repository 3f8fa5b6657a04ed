//! Somebody who stands between devices and relays. He reads and remembers everything, holds a viewer's link of the first document, and
//! reads and writes changes as a link does: what he leaves out or puts in is not betrayed by numbers that do not fit.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;
use quire_crdt::keys::{Certificate, PublicKey};
use quire_crdt::sealed::{self, Author, Before, Proof, Sealed};
use quire_crdt::sync::ConnId;
use quire_crdt::sync::frame::{
    Chain, ChangeReader, ChangeWriter, Frame, Hello, PROTOCOL_VERSION, Refusal, RefusalReason, Resume, Welcome,
};
use quire_crdt::{Change, DocumentId, Envelope, Header, Op, ReplicaId, VersionVector, seal};

use crate::keyring::{self, Keys};
use crate::network::Way;
use crate::plan::Attack;
use crate::rng::Rng;

/// How much of what was said is remembered, in messages and in changes.
const HEARD_MAX: usize = 400;

/// Whose connection a message is on.
#[derive(Clone, Copy, Debug)]
pub struct Victim {
    /// The device, by its number.
    pub device: usize,
    /// Its document.
    pub document: DocumentId,
    /// Its replica.
    pub replica: ReplicaId,
}

/// The one who tampers.
#[derive(Debug)]
pub struct Tamperer {
    rng: Rng,
    /// What is about to be done to messages of a device, each way.
    armed: BTreeMap<(usize, bool), VecDeque<Attack>>,
    lanes: BTreeMap<(ConnId, bool), Lane>,
    messages: VecDeque<Bytes>,
    changes: VecDeque<Envelope>,
    /// How far he knows the chain of each author.
    chains: BTreeMap<ReplicaId, Author>,
    /// The public keys that he has seen.
    public: BTreeMap<ReplicaId, PublicKey>,
    /// The connections that he has done something to.
    touched: BTreeSet<ConnId>,
    devices: Vec<ReplicaId>,
    /// His keys: a viewer's, and his own.
    keys: Keys,
    /// What he certifies himself with.
    certificate: Option<Certificate>,
}

/// One way of a connection.
#[derive(Debug)]
struct Lane {
    reader: ChangeReader,
    writer: ChangeWriter,
    /// What comes behind the next message.
    held: Option<Bytes>,
    /// Whether it leads into another world.
    is_parted: bool,
}

impl Tamperer {
    /// Somebody who has done nothing yet, with a viewer's keys, where these are the devices' ids.
    pub fn new(keys: Keys, devices: Vec<ReplicaId>, mut rng: Rng) -> Self {
        let certificate = keyring::document_keys(&mut rng).certify(&keys.own);
        Self {
            rng,
            armed: BTreeMap::new(),
            lanes: BTreeMap::new(),
            messages: VecDeque::new(),
            changes: VecDeque::new(),
            chains: BTreeMap::new(),
            public: BTreeMap::new(),
            touched: BTreeSet::new(),
            devices,
            keys,
            certificate,
        }
    }

    /// He is about to do this.
    pub fn arm(&mut self, device: usize, up: bool, attack: Attack) {
        self.armed.entry((device, up)).or_default().push_back(attack);
    }

    /// He goes away: the connections that he had something to do with.
    pub fn leave(&mut self) -> BTreeSet<ConnId> {
        self.armed.clear();
        // Whom he did not touch still speaks through him.
        let touched = std::mem::take(&mut self.touched);
        self.lanes.retain(|(conn, _), _| !touched.contains(conn));
        touched
    }

    /// A message comes by: what goes on in its place, and whether that is something else.
    pub fn pass(&mut self, conn: ConnId, way: Way, victim: Victim, message: Bytes) -> (Vec<Bytes>, bool) {
        let up = way == Way::Up;
        let mut lane = self.lanes.remove(&(conn, up)).unwrap_or_else(|| Lane::new(victim));
        let change = match Frame::decode(&message) {
            Ok(Frame::Change(body)) => lane.reader.read(body).ok(),
            _ => None,
        };
        let attack = self.next_attack((victim.device, up), change.is_some());
        let mut out = Vec::new();
        let is_hidden = lane.is_parted && change.as_ref().is_some_and(|change| is_elsewhere(change, victim));
        if let Some(attack) = attack {
            self.touched.insert(conn);
            self.attack(attack, way, victim, &mut lane, (&message, change.as_ref()), &mut out);
        } else if !is_hidden {
            out.push(lane.say(&message, change.as_ref()));
        }
        if !matches!(attack, Some(Attack::Swap)) {
            out.extend(lane.held.take());
        }
        self.follow(&message, change.as_ref());
        self.remember(message, change);
        self.lanes.insert((conn, up), lane);
        (out, attack.is_some() || is_hidden)
    }

    /// What is to be done now. What is done to changes waits for one.
    fn next_attack(&mut self, of: (usize, bool), is_change: bool) -> Option<Attack> {
        let armed = self.armed.get_mut(&of)?;
        let wants_change = matches!(armed.front()?, Attack::AlterChange | Attack::DropChange);
        if wants_change && !is_change { None } else { armed.pop_front() }
    }

    fn remember(&mut self, message: Bytes, change: Option<Envelope>) {
        self.messages.push_back(message);
        self.changes.extend(change);
        self.messages.drain(..self.messages.len().saturating_sub(HEARD_MAX));
        self.changes.drain(..self.changes.len().saturating_sub(HEARD_MAX));
    }

    fn attack(
        &mut self,
        attack: Attack,
        way: Way,
        victim: Victim,
        lane: &mut Lane,
        (message, change): (&Bytes, Option<&Envelope>),
        out: &mut Vec<Bytes>,
    ) {
        match attack {
            Attack::Drop => drop(lane.say(message, change)),
            Attack::DropChange => {}
            Attack::Alter => out.push(flipped(&mut self.rng, &lane.say(message, change))),
            Attack::Truncate => {
                let said = lane.say(message, change);
                out.push(said.slice(..self.rng.below(said.len())));
            }
            Attack::Twice => {
                let said = lane.say(message, change);
                out.extend([said.clone(), said]);
            }
            Attack::Swap => lane.held = Some(lane.say(message, change)),
            Attack::AlterChange => {
                let altered = change.map(|change| Envelope::decode(flipped(&mut self.rng, change.bytes())));
                match altered {
                    Some(Ok(altered)) => out.push(lane.writer.frame(&altered)),
                    _ => out.push(lane.say(message, change)),
                }
            }
            Attack::Part => {
                lane.is_parted = true;
                out.push(lane.say(message, change));
            }
            Attack::Replay | Attack::Bytes | Attack::Lie | Attack::Splice | Attack::Forge | Attack::Impersonate => {
                out.extend(self.make_up(attack, way, victim, lane));
                out.push(lane.say(message, change));
            }
        }
    }

    /// What he says that nobody else does.
    fn make_up(&mut self, attack: Attack, way: Way, victim: Victim, lane: &mut Lane) -> Option<Bytes> {
        let messages = self.messages.make_contiguous();
        let changes = self.changes.make_contiguous();
        match attack {
            Attack::Replay => self.rng.pick(messages).cloned(),
            Attack::Splice => self.rng.pick(changes).map(|change| lane.writer.frame(change)),
            Attack::Forge => self.forge(None).map(|forged| lane.writer.frame(&forged)),
            Attack::Impersonate => {
                let whom = self.rng.pick(&self.devices).copied();
                self.forge(whom).map(|forged| lane.writer.frame(&forged))
            }
            Attack::Lie => Some(self.lie(way, victim)),
            _ => {
                let len = 1 + self.rng.below(300);
                Some((0..len).map(|_| self.rng.next_u64().to_le_bytes()[0]).collect())
            }
        }
    }

    /// A change of his own that he seals, and signs as well as he can. In the name of a device it is right behind that one's last: all that
    /// is wrong is the signature. Of who has written nothing yet the certificate is.
    fn forge(&mut self, whom: Option<ReplicaId>) -> Option<Envelope> {
        let (keys, own) = (&self.keys.document, &self.keys.own);
        let replica = whom.unwrap_or(own.id());
        let known = self.chains.get(&replica);
        let first_seq = known.map_or(0, |known| known.count);
        let header = Header { replica, first_seq, len: 4, deps: VersionVector::new(), heads: false };
        let ops = vec![Op::Insert { left: None, right: None, text: "evil".to_owned() }];
        let plain = seal(keys.document(), &Change { header, ops });
        let certificate = match whom {
            None => self.certificate?,
            Some(_) => Certificate { key: *self.public.get(&replica)?, signature: keyring::bytes(&mut self.rng) },
        };
        let before = known.map_or(Before::Nothing(&certificate), Before::Author);
        let signature = keyring::bytes(&mut self.rng);
        let proof = if whom.is_none() { Proof::Sign(own) } else { Proof::Known(&signature) };
        sealed::seal(&plain, keys, before, proof).ok().map(|(sealed, _)| sealed)
    }

    /// Follows the chains of the document that he can read, and the keys of those who prove who they are.
    fn follow(&mut self, message: &Bytes, change: Option<&Envelope>) {
        if let Ok(Frame::Proof(proof)) = Frame::decode(message) {
            self.public.insert(proof.replica, proof.access().replica_public);
        }
        let Some(change) = change else { return };
        let known = self.chains.get(&change.header().replica);
        if let Ok(sealed) = Sealed::new(change, self.keys.document.write_public(), known)
            && change.document() == self.keys.document.document()
        {
            self.chains.insert(change.header().replica, *sealed.author());
        }
    }

    /// A frame that only the end could say that the message comes from.
    fn lie(&mut self, way: Way, victim: Victim) -> Bytes {
        let rng = &mut self.rng;
        let version: VersionVector = self.devices.iter().map(|id| (*id, rng.next_u64() % 60)).collect();
        let number = rng.next_u64() % 60;
        let some = rng.pick(&self.devices).copied().unwrap_or(victim.replica);
        let (protocol, document, replica) = (PROTOCOL_VERSION, victim.document, victim.replica);
        let frame = match (way, rng.below(7)) {
            (Way::Up, 0) => {
                let resume = Some(Resume { epoch: keyring::bytes(rng), position: number });
                Frame::Hello(Hello { protocol, document, replica, version, resume })
            }
            (Way::Up, 1) => Frame::Presence { replica: some, payload: &[7; 30] },
            (Way::Up, 2) => Frame::Digest { replica, payload: &[1; 25] },
            (Way::Up, _) => Frame::Held { replica, version },
            (Way::Down, 0) => Frame::Ack { count: number },
            (Way::Down, 1) => Frame::Progress { position: number, head: number },
            (Way::Down, 2) => Frame::Missing { version },
            (Way::Down, 3) => Frame::Held { replica: some, version },
            (Way::Down, 4) => {
                let (epoch, durable) = (keyring::bytes(rng), version.get(replica));
                Frame::Welcome(Welcome { protocol, epoch, version, durable, head: number })
            }
            (Way::Down, 5) => {
                let chain = |id: &ReplicaId| Chain { replica: *id, count: number, hash: keyring::bytes(rng) };
                Frame::Chains(self.devices.iter().map(chain).collect())
            }
            (Way::Down, _) => {
                let reason = [RefusalReason::Forged, RefusalReason::Storage, RefusalReason::Replaced][rng.below(3)];
                let retry_after_ms = [0, 500][rng.below(2)];
                Frame::Refused(Refusal { reason, limit: 0, value: 0, retry_after_ms })
            }
        };
        frame.encode()
    }
}

impl Lane {
    fn new(victim: Victim) -> Self {
        let reader = ChangeReader::new(victim.document, victim.replica);
        Self { reader, writer: ChangeWriter::new(victim.replica), held: None, is_parted: false }
    }

    /// A message as it is to travel: a change refers to what was let through.
    fn say(&mut self, message: &Bytes, change: Option<&Envelope>) -> Bytes {
        change.map_or_else(|| message.clone(), |change| self.writer.frame(change))
    }
}

/// Whether a change was not made in the world that a device is shown.
fn is_elsewhere(change: &Envelope, victim: Victim) -> bool {
    let side = |replica: ReplicaId| replica.as_bytes()[0] & 1;
    side(change.header().replica) != side(victim.replica)
}

fn flipped(rng: &mut Rng, bytes: &Bytes) -> Bytes {
    let mut bytes = bytes.to_vec();
    let at = rng.below(bytes.len());
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= 1 << rng.below(8);
    }
    bytes.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_goes_away_leaves_alone_what_he_did_not_touch() {
        let mut rng = Rng::new(1);
        let keys = Keys { document: keyring::document_keys(&mut rng), own: keyring::replica_key(&mut rng) };
        let [own, other] = [(); 2].map(|()| keyring::replica_key(&mut rng).id());
        let document = keys.document.document();
        let mut tamperer = Tamperer::new(keys.as_viewer(), vec![own, other], rng);
        let mut writer = ChangeWriter::new(own);
        let mut passes = |tamperer: &mut Tamperer, replica, first_seq, deps| {
            let header = Header { replica, first_seq, len: 1, deps, heads: false };
            let ops = vec![Op::Insert { left: None, right: None, text: "x".to_owned() }];
            let frame = writer.frame(&seal(document, &Change { header, ops }));
            let victim = Victim { device: 0, document, replica: own };
            assert_eq!(tamperer.pass(ConnId(1), Way::Up, victim, frame.clone()), (vec![frame], false));
        };
        passes(&mut tamperer, own, 0, VersionVector::new());
        tamperer.leave();
        passes(&mut tamperer, other, 0, VersionVector::from_iter([(own, 1)]));
        passes(&mut tamperer, other, 1, VersionVector::new());
    }
}
