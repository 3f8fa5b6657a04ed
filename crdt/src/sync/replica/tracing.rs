//! What becomes of a replica whose id is used twice, because its store was copied or restored: another id takes its place.
//!
//! Neither copy knows what the other wrote. So the copy that notices links under an id that was never used, is sent what the relay has of
//! its former id, and compares: what is the same was written before there were two, and stays; what only this copy has is authored
//! again under the new id. Nothing is delivered meanwhile: what others wrote may rest on what the other copy wrote.

use alloc::vec::Vec;

use bytes::Bytes;
use thiserror::Error;

use super::link::{LinkError, Next};
use super::{LinkState, Output, Replica, ReplicaConfig};
use crate::document::{Succession, SuccessionError};
use crate::envelope::Envelope;
use crate::id::ReplicaId;
use crate::keys::{DocumentKeys, ReplicaKey};
use crate::sealed::{self, Before, Proof, SealError, Sealed};
use crate::sync::frame::{Frame, Hello, PROTOCOL_VERSION, Welcome};
use crate::sync::seals::Seal;
use crate::sync::time::Now;

/// What is known of the former id at the relay.
#[derive(Clone, Debug)]
pub(super) struct Tracing {
    heir: ReplicaId,
    /// The position in the own log behind the newest own change that was compared.
    next: usize,
    /// How many units are the same there.
    common: u64,
    /// Whether the next ones are not.
    is_apart: bool,
    /// What proves those that are.
    seals: Vec<Seal>,
    is_done: bool,
}

/// Why no other replica can take the place of this one.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum HeirError {
    /// It is not known yet what the relay has.
    #[error("what the relay has is not known yet")]
    NotTraced,
    /// Its changes cannot be authored again.
    #[error(transparent)]
    Succession(#[from] SuccessionError),
    /// What it wrote cannot be proved.
    #[error(transparent)]
    Seal(#[from] SealError),
}

impl Replica {
    /// Links as `heir`, an id that nobody has used, to learn what the relay has of this replica's own id: nothing is sent, and nothing that comes
    /// is delivered. [`Output::Connect`] follows at once, and [`Output::Traced`] when it is known; attempts that fail are repeated.
    /// The link needs credentials of `heir`'s, and [`Replica::verified`] as any.
    pub fn trace(&mut self, now: Now, heir: ReplicaId) {
        self.hear_clock(now);
        self.end_link(now, Next::Stop);
        let tracing = Tracing { heir, next: 0, common: 0, is_apart: false, seals: Vec::new(), is_done: false };
        self.tracing = Some(tracing);
        self.link.cloned = true;
        self.connect(now);
    }

    /// Whether this is a replica whose id is used twice and which is finding out what of it is common to both.
    pub const fn is_tracing(&self) -> bool {
        self.tracing.is_some()
    }

    /// Whether [`Output::Traced`] came, and no other attempt was made since.
    pub fn is_traced(&self) -> bool {
        self.tracing.as_ref().is_some_and(|tracing| tracing.is_done)
    }

    /// It goes on as a replica whose id is used twice, and stays off line.
    pub fn stop_tracing(&mut self, now: Now) {
        self.tracing = None;
        self.end_link(now, Next::Stop);
    }

    /// The replica that takes this one's place after [`Output::Traced`], off line, and whose units became whose: with the same text, and with everything that only this copy had
    /// written under its own id. Its whole log is to be made durable, as [`Replica::stored`] gives it, in place of this one's, before it
    /// is used. `former` is this replica's key.
    ///
    /// # Errors
    /// A [`HeirError`]; an edit that was not committed is one, and somebody else's change that rests on what the relay has otherwise.
    /// This replica stays as it is in any case.
    ///
    /// # Cost
    /// That of receiving the whole log.
    pub fn heir(
        &self,
        config: ReplicaConfig,
        keys: &DocumentKeys,
        former: &ReplicaKey,
    ) -> Result<(Self, Succession), HeirError> {
        let tracing = self.tracing.as_ref().filter(|tracing| tracing.is_done).ok_or(HeirError::NotTraced)?;
        let mut proved = tracing.seals.clone();
        let own = self.document.replica();
        let (log, published) = (self.document.log(), self.published());
        let mut from = tracing.common;
        // What the relay lost others may have, or another relay: it stays as it is, and can be proved to the relay again.
        for envelope in log.from(tracing.next).filter(|envelope| envelope.header().replica == own) {
            if tracing.is_apart || envelope.header().end_seq() > published {
                break;
            }
            from = envelope.header().end_seq();
            proved.push(prove(&envelope, keys, former, proved.last())?);
        }
        let document = self.document.succeeded_by(tracing.heir, from)?;
        let mut seals = self.seals.clone().unwrap_or_default();
        seals.forget_own();
        for seal in &proved {
            seals.insert(own, seal);
        }
        let succession = Succession { former: own, heir: tracing.heir, from };
        Ok((Self::new(document, config).with_seals(seals), succession))
    }

    /// Everything of the log as it is to be on disk, in order: each envelope, and whose it is and what proves it, if another replica made it.
    pub fn stored(&self) -> impl Iterator<Item = (Bytes, Option<(ReplicaId, Seal)>)> {
        self.document.log().iter().map(|envelope| (envelope.bytes().clone(), self.seal_of(&envelope)))
    }

    /// How many units of this replica somebody else may have for sure.
    fn published(&self) -> u64 {
        let (log, own) = (self.document.log(), self.document.replica());
        let seen = (0..log.len()).filter_map(|position| log.header(position)).map(|header| header.deps.get(own)).max();
        seen.unwrap_or(0).max(self.waiting.saved())
    }

    /// The Hello of the id that is to take this one's place: it has all but what this one wrote.
    pub(super) fn tracing_hello(&self, tracing: &Tracing) -> Hello {
        let own = self.document.replica();
        let others = self.outbox.durable_version().iter().filter(|(replica, _)| *replica != own);
        Hello {
            protocol: PROTOCOL_VERSION,
            document: self.document.id(),
            replica: tracing.heir,
            version: others.collect(),
            resume: None,
        }
    }

    /// The relay's frames while tracing.
    pub(super) fn take_tracing(&mut self, now: Now, frame: &Frame<'_>) -> Result<(), LinkError> {
        match (self.link.is_welcomed(), frame) {
            (_, Frame::Refused(refusal)) => self.refused(now, *refusal),
            (false, Frame::Welcome(Welcome { protocol, head, .. })) => {
                if *protocol != PROTOCOL_VERSION {
                    return Err(LinkError::Protocol { theirs: *protocol });
                }
                self.link.error = None;
                self.link.refusal = None;
                self.link.detector.start(now);
                self.link.state = LinkState::CatchingUp { position: 0, head: *head };
                if let Some(Tracing { heir, .. }) = self.tracing {
                    // What an earlier attempt compared comes again.
                    let again =
                        Tracing { heir, next: 0, common: 0, is_apart: false, seals: Vec::new(), is_done: false };
                    self.tracing = Some(again);
                }
            }
            (true, Frame::Progress { position, head }) if position >= head => self.traced(now),
            (true, Frame::Ping { id, sent_us }) => self.link.owe_pong(now, *id, *sent_us),
            (true, Frame::Pong { id, .. }) => drop(self.link.detector.answer(now, *id)),
            (true, frame) if !matches!(frame, Frame::Welcome(_) | Frame::Hello(_)) => {}
            _ => return Err(LinkError::Unexpected { frame: "frame before the Welcome" }),
        }
        self.status_changed = true;
        Ok(())
    }

    /// A change came while tracing: it is compared, if it is of the own id.
    pub(super) fn compare_traced(&mut self, envelope: &Envelope, seal: Option<&Seal>) {
        let own = self.document.replica();
        let Some(tracing) = self.tracing.as_mut().filter(|_| envelope.header().replica == own) else { return };
        let log = self.document.log();
        while log.header(tracing.next).is_some_and(|header| header.replica != own) {
            tracing.next += 1;
        }
        tracing.is_apart |= log.envelope(tracing.next).is_none_or(|ours| ours != *envelope);
        if !tracing.is_apart {
            tracing.next += 1;
            tracing.common = envelope.header().end_seq();
            tracing.seals.extend(seal.copied());
        }
    }

    fn traced(&mut self, now: Now) {
        if let Some(tracing) = &mut self.tracing {
            tracing.is_done = true;
        }
        self.outputs.push_back(Output::Traced);
        self.end_link(now, Next::Stop);
    }
}

/// What proves a change of a replica that has its key, behind what proves the one before it.
fn prove(
    envelope: &Envelope,
    keys: &DocumentKeys,
    former: &ReplicaKey,
    last: Option<&Seal>,
) -> Result<Seal, SealError> {
    let replica = envelope.header().replica;
    let gap = SealError::Gap { replica, first_seq: envelope.header().first_seq };
    let certificate = keys.certify(former).ok_or(gap)?;
    let before = last.map(|seal| seal.author);
    let behind = before.as_ref().map_or(Before::Nothing(&certificate), Before::Author);
    let (envelope, author) = sealed::seal(envelope, keys, behind, Proof::Sign(former))?;
    let sealed = Sealed::new(&envelope, keys.write_public(), before.as_ref())?;
    Ok(Seal { author, certificate: sealed.certificate().copied(), signature: sealed.signature().copied() })
}
