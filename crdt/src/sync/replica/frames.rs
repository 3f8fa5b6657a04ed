//! What the relay says, frame by frame.

use bytes::Bytes;

use super::announce;
use super::link::{LinkError, MISSING_FRAMES_MAX, Next, RelayNotice};
use super::set_aside::SetAside;
use super::{LinkState, Output, Replica};
use crate::causal::{CausalError, Delivery};
use crate::clock::VersionVector;
use crate::document::{ReceiveError, Received};
use crate::envelope::Envelope;
use crate::id::{OpId, ReplicaId};
use crate::sealed::Author;
use crate::sync::clock_offset::Exchange;
use crate::sync::frame::{Frame, PROTOCOL_VERSION, Refusal, Resume, Welcome};
use crate::sync::seals::Seal;
use crate::sync::time::Now;

impl Replica {
    /// A frame came on the transport. One that is wrong in form or place ends the link, with [`Replica::link_error`] saying why and
    /// [`Output::Disconnect`] following; the document is then as it was before the frame. A change that cannot be taken is its
    /// author's doing and not the relay's: it is [set aside](Replica::set_aside), and the link goes on.
    pub fn handle_frame(&mut self, now: Now, frame: &Bytes) {
        self.hear_clock(now);
        if matches!(self.link.state, LinkState::Off | LinkState::Waiting { .. } | LinkState::Connecting) {
            return;
        }
        self.link.detector.hear(now);
        let outcome = match Frame::decode(frame) {
            Ok(decoded) if self.tracing.is_some() => self.take_tracing(now, &decoded),
            Ok(decoded) => self.take(now, decoded),
            Err(error) => Err(LinkError::Frame(error)),
        };
        self.notice_units();
        if let Err(error) = outcome {
            self.fail(now, error);
        }
    }

    fn take(&mut self, now: Now, frame: Frame<'_>) -> Result<(), LinkError> {
        let unexpected = LinkError::Unexpected { frame: name(&frame) };
        match (self.link.is_welcomed(), frame) {
            (_, Frame::Refused(refusal)) => self.refused(now, refusal),
            (false, Frame::Welcome(welcome)) => return self.welcomed(now, welcome),
            (true, Frame::Ack { count }) => return self.acked(now, count),
            (true, Frame::Progress { position, head }) => return self.progressed(now, position, head),
            (true, Frame::Missing { version }) => return self.missing(version),
            (true, Frame::Held { replica, version }) => self.held_by(replica, version),
            (true, Frame::Presence { replica, payload }) => self.seen(replica, payload),
            (true, Frame::Digest { replica, payload }) => self.compare_with(replica, payload),
            (true, Frame::Ping { id, sent_us }) => self.link.owe_pong(now, id, sent_us),
            (true, Frame::Pong { id, received_us, replied_us, .. }) => self.answered(now, id, received_us, replied_us),
            _ => return Err(unexpected),
        }
        Ok(())
    }

    fn welcomed(&mut self, now: Now, welcome: Welcome) -> Result<(), LinkError> {
        let Welcome { protocol, epoch, version, durable, head } = welcome;
        if protocol != PROTOCOL_VERSION {
            return Err(LinkError::Protocol { theirs: protocol });
        }
        let own = self.document.replica();
        self.check_not_cloned(version.get(own))?;
        at_most("the number of own durable units", durable, version.get(own))?;
        self.notice(epoch, durable, head);
        self.waiting.set_saved(durable, self.now_us);
        let resumed = self.outbox.resume().map_or(0, |resume| resume.position);
        let position = if version <= *self.outbox.durable_version() { head } else { resumed.min(head) };
        self.outbox.relay_keeps(version.clone());
        self.rewind(version);
        self.link.chain_due = self.seals.is_some();
        self.link.error = None;
        self.link.refusal = None;
        self.link.missing_frames = 0;
        self.set_aside = SetAside::default();
        self.link.state = LinkState::CatchingUp { position, head };
        self.link.catch_up(now, position, head);
        self.link.detector.start(now);
        self.announcements.restart();
        self.agreement.restart(now.monotonic_us);
        self.status_changed = true;
        Ok(())
    }

    /// Compares the relay's store with what is known of it.
    fn notice(&mut self, epoch: [u8; 16], durable: u64, head: u64) {
        let resume_at = self.outbox.resume().map_or(0, |resume| resume.position);
        let known = self.link.epoch.or(self.outbox.resume().map(|resume| resume.epoch));
        let saved_before = self.waiting.saved();
        self.link.notice = match known {
            Some(known) if known != epoch => Some(RelayNotice::Replaced),
            Some(_) if durable < saved_before || resume_at > head => {
                Some(RelayNotice::Lost { had: saved_before, has: durable })
            }
            _ => None,
        };
        if self.link.notice.is_some() {
            self.outbox.forget_resume();
        }
        self.link.epoch = Some(epoch);
    }

    /// A change came on the transport, and `seal` proves it; `None` on a link [without seals](crate::sync::PlainLink). What cannot be
    /// taken is its author's doing, as in [`Replica::handle_frame`].
    pub fn handle_change(&mut self, now: Now, envelope: &Envelope, seal: Option<&Seal>) {
        self.hear_clock(now);
        if matches!(self.link.state, LinkState::Off | LinkState::Waiting { .. } | LinkState::Connecting) {
            return;
        }
        self.link.detector.hear(now);
        let outcome = if self.link.is_welcomed() && self.tracing.is_some() {
            self.compare_traced(envelope, seal);
            Ok(())
        } else if self.link.is_welcomed() {
            self.receive(envelope, seal)
        } else {
            Err(LinkError::Unexpected { frame: "Change" })
        };
        self.notice_units();
        if let Err(error) = outcome {
            self.fail(now, error);
        }
    }

    /// Something came on the transport that says nothing yet.
    pub fn handle_heard(&mut self, now: Now) {
        self.hear_clock(now);
        self.link.detector.hear(now);
    }

    /// What came on the transport cannot be right: the link ends.
    pub fn handle_link_error(&mut self, now: Now, error: LinkError) {
        self.hear_clock(now);
        if !matches!(self.link.state, LinkState::Off | LinkState::Waiting { .. } | LinkState::Connecting) {
            self.fail(now, error);
        }
    }

    /// A relay has confirmed that the own chain reaches so far; [`Output::PersistChain`] follows.
    pub fn handle_own_chain(&mut self, own: Author) {
        if let Some(seals) = &mut self.seals {
            seals.set_own(own);
            self.outputs.push_back(Output::PersistChain { own });
        }
    }

    fn receive(&mut self, envelope: &Envelope, seal: Option<&Seal>) -> Result<(), LinkError> {
        if envelope.header().replica == self.document.replica() {
            self.check_not_cloned(envelope.header().end_seq())?;
        }
        if self.set_aside.takes(envelope.header(), self.document.version()) {
            self.status_changed = true;
            return Ok(());
        }
        let mut received = Received::default();
        let delivery = match self.document.receive(envelope.clone(), &mut received) {
            Ok(delivery) => delivery,
            Err(error) => return self.set_author_aside(envelope.header().first_id(), error),
        };
        self.outbox.relay_has(envelope);
        if let (Some(seals), Some(seal)) = (&mut self.seals, seal) {
            seals.insert(envelope.header().replica, seal);
        }
        self.outputs.extend(received.patches.into_iter().map(Output::Patched));
        self.outputs.extend(received.keys.into_iter().map(|key| Output::MapChanged { key }));
        self.status_changed |= delivery == Delivery::HeldBack;
        received.refused.into_iter().try_for_each(|(change, error)| self.set_author_aside(change, error))
    }

    /// A change cannot be taken. Where that is its author's doing, everybody else's go on.
    fn set_author_aside(&mut self, change: OpId, error: ReceiveError) -> Result<(), LinkError> {
        if let ReceiveError::Document { .. } | ReceiveError::Causal(CausalError::Full { .. }) = error {
            return Err(LinkError::Change(error));
        }
        self.set_aside.add(change, error);
        self.status_changed = true;
        Ok(())
    }

    /// Nobody can have more of this replica than it ever sent: its ids are its own.
    fn check_not_cloned(&self, there: u64) -> Result<(), LinkError> {
        let sent = self.outbox.own_sent();
        if there > sent { Err(LinkError::Cloned { sent, there }) } else { Ok(()) }
    }

    fn acked(&mut self, now: Now, count: u64) -> Result<(), LinkError> {
        at_most("the number of own durable units", count, self.outbox.own_sent())?;
        self.outbox.relay_keeps_own(self.document.replica(), count);
        if count > self.waiting.saved() {
            self.waiting.set_saved(count, now.monotonic_us);
            self.link.missing_frames = 0;
            self.status_changed = true;
            if self.units_waiting() == 0
                && let Some(resume) = self.outbox.resume()
            {
                self.outputs.push_back(Output::PersistResume { resume });
            }
        }
        Ok(())
    }

    fn progressed(&mut self, now: Now, position: u64, head: u64) -> Result<(), LinkError> {
        at_most("the position served", position, head)?;
        self.link.catch_up(now, position, head);
        if let (Some(epoch), 0) = (self.link.epoch, self.document.held_back()) {
            // Never beyond what is set aside: the relay is to send that again, to a program that may be able to read it.
            if self.set_aside.is_empty() {
                self.outbox.reach(&self.document, Resume { epoch, position });
            } else if self.outbox.resume().is_none() {
                self.outbox.reach(&self.document, Resume { epoch, position: 0 });
            }
            self.persist_resume();
        }
        self.status_changed = true;
        Ok(())
    }

    fn missing(&mut self, version: VersionVector) -> Result<(), LinkError> {
        self.link.missing_frames += 1;
        if self.link.missing_frames > MISSING_FRAMES_MAX {
            return Err(LinkError::Missing { frames: self.link.missing_frames });
        }
        self.check_not_cloned(version.get(self.document.replica()))?;
        if self.seals.is_some() {
            // The chains that this link has sent are ahead of what the relay has: the next link says from where on to go.
            return Err(LinkError::Missing { frames: self.link.missing_frames });
        }
        self.rewind(version);
        Ok(())
    }

    /// Everything that the relay lacks is to be sent. Of its own, a replica that seals hands out whatever is behind the place where its
    /// chain is known.
    fn rewind(&mut self, version: VersionVector) {
        let there = version.get(self.document.replica());
        let known = self.seals.as_ref().map_or(there, |seals| match seals.own() {
            Some(own) if own.count <= there => own.count,
            _ => 0,
        });
        self.outbox.rewind(version, known);
    }

    fn held_by(&mut self, replica: ReplicaId, version: VersionVector) {
        if replica != self.document.replica() {
            announce::hold(&mut self.peers, replica, version);
            self.status_changed = true;
        }
    }

    fn seen(&mut self, replica: ReplicaId, payload: &[u8]) {
        if replica != self.document.replica() {
            announce::see(&mut self.peers, replica, payload);
            self.status_changed = true;
        }
    }

    fn answered(&mut self, now: Now, id: u64, received_us: i64, replied_us: i64) {
        if let Some(sent) = self.link.detector.answer(now, id) {
            self.link.clock_offset.observe(&Exchange { sent, received_us, replied_us, returned: now });
            self.status_changed = true;
        }
    }

    pub(super) fn refused(&mut self, now: Now, refusal: Refusal) {
        self.link.refusal = Some(refusal);
        self.outputs.push_back(Output::Refused(refusal));
        let next = if refusal.retry_after_ms == 0 { Next::Stop } else { Next::RetryAfter(refusal.retry_after_ms) };
        self.end_link(now, next);
    }
}

fn at_most(field: &'static str, value: u64, limit: u64) -> Result<(), LinkError> {
    if value > limit { Err(LinkError::Impossible { field, value, limit }) } else { Ok(()) }
}

const fn name(frame: &Frame<'_>) -> &'static str {
    match frame {
        Frame::Hello(_) => "Hello",
        Frame::Welcome(_) => "Welcome",
        Frame::Change(_) => "Change",
        Frame::Ack { .. } => "Ack",
        Frame::Progress { .. } => "Progress",
        Frame::Missing { .. } => "Missing",
        Frame::Held { .. } => "Held",
        Frame::Presence { .. } => "Presence",
        Frame::Ping { .. } => "Ping",
        Frame::Pong { .. } => "Pong",
        Frame::Refused(_) => "Refused",
        Frame::Digest { .. } => "Digest",
        Frame::Challenge { .. } => "Challenge",
        Frame::Proof(_) => "Proof",
        Frame::Chains(_) => "Chains",
    }
}
