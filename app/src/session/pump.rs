//! What moves everything: events into replicas, what replicas want into store and links.

use quire_crdt::DocumentId;
use quire_crdt::keys::ReplicaKey;
use quire_crdt::sync::frame::{Refusal, RefusalReason};
use quire_crdt::sync::{Credentials, Now, Output, SecureLink};

use super::open::{Heir, RecordState};
use super::status::set_aside_words;
use super::{Notice, Session, TITLE_KEY};
use crate::shell::inbox::Event;
use crate::shell::store::StoreEvent;

/// The most events that one pump takes from the inbox, so that a burst does not hold up a frame.
pub const EVENTS_PER_PUMP_MAX: usize = 512;

/// The most received frames of one document that one pump handles.
const FRAMES_PER_PUMP_MAX: usize = 256;

impl Session {
    /// Moves what happened outside into the replicas, and what these want into store and links. Never waits, but for whoever reads
    /// the answers of a script. What there is to show comes back in order.
    pub fn pump(&mut self) -> Vec<Notice> {
        self.behind = false;
        for taken in 0.. {
            if taken == EVENTS_PER_PUMP_MAX {
                self.behind = true;
                break;
            }
            let Some(event) = self.inbox.take() else { break };
            self.handle(event);
        }
        let now = self.now();
        let background = self.background();
        self.begin_jobs();
        self.load_next(&background);
        let ids: Vec<DocumentId> = self.open.keys().copied().collect();
        for id in &ids {
            self.drive(now, *id);
        }
        self.keep_in_step();
        self.put_records(false);
        self.run_script(now);
        self.finish_jobs();
        self.let_go(&background);
        std::mem::take(&mut self.notices)
    }

    /// Takes in one event; [`Session::pump`] does the rest.
    pub(super) fn handle(&mut self, event: Event) {
        let now = self.now();
        match event {
            Event::Store(StoreEvent::Written { document, head, record }) => {
                self.made(document, Ok(()));
                self.loads.try_again();
                self.listing.try_again();
                if self.open.get_mut(&document).is_some_and(|open| open.written(now, head, record)) {
                    self.notices.push(Notice::WriteMended { document });
                }
                // The queue has moved: whoever found it full asks again.
                for open in self.open.values_mut().filter(|open| open.writes.busy) {
                    open.retry_write(now);
                }
            }
            Event::Store(StoreEvent::Failed { document, error }) => {
                self.made(document, Err(&error));
                let Some(open) = self.open.get_mut(&document) else { return };
                open.write_refused(now, error.clone());
                self.notices.push(Notice::WriteFailed { document, error });
            }
            Event::Link(event) => {
                if let Some(open) = self.open.get_mut(&event.document) {
                    open.handle_link(now, event.number, event.what);
                }
            }
            Event::Loaded(loaded) => self.take_loaded(now, loaded),
            Event::Reported(reported) => self.reported(reported),
            Event::Carried(number, done) => self.carry.finish(number, done),
            Event::Call(call) => self.take_call(call),
            Event::Script(line) => self.take_script_line(line),
        }
    }

    /// Lets one document go on as far as it can without waiting.
    fn drive(&mut self, now: Now, id: DocumentId) {
        if let Some(open) = self.open.get_mut(&id) {
            // What arrives has own edits committed that wait for it.
            open.replica.set_time(now.wall_s());
            open.handle_timers(now);
        }
        self.drain(now, id);
        self.succeed(now, id);
        let mut handled = 0;
        while handled < FRAMES_PER_PUMP_MAX && self.handle_frame(now, id) {
            self.drain(now, id);
            handled += 1;
        }
        self.behind |= handled == FRAMES_PER_PUMP_MAX;
        self.end_link(now, id);
        self.drain(now, id);
        if let Some(open) = self.open.get_mut(&id) {
            open.transmit(now);
        }
        self.drain(now, id);
    }

    /// Hands the replica the next received frame, if there is one and the disk keeps up; whether it did.
    fn handle_frame(&mut self, now: Now, id: DocumentId) -> bool {
        if self.script.as_ref().is_some_and(|script| script.holds(id) && script.is_full()) {
            return false;
        }
        let Some(open) = self.open.get_mut(&id).filter(|open| !open.writes.busy) else { return false };
        let Some(received) = open.inbound.pop_front() else { return false };
        // What comes while it is found out what another copy has is delivered to nobody.
        match self.script.as_mut().filter(|script| script.holds(id) && !open.replica.is_tracing()) {
            Some(script) => script.receive(now, &mut open.replica, received.what.clone()),
            None => received.what.hand_to(&mut open.replica, now),
        }
        true
    }

    /// Tells the replica that its link has ended, once everything that came by it is handled.
    fn end_link(&mut self, now: Now, id: DocumentId) {
        let Some(open) = self.open.get_mut(&id) else { return };
        if !open.inbound.is_empty() {
            return;
        }
        if let Some(end) = open.ended.take() {
            open.last_end = Some(end);
            open.drop_link();
            open.replica.handle_disconnected(now);
            self.forget_held_frames(id);
        }
    }

    /// Does everything that the replica asks for.
    pub(super) fn drain(&mut self, now: Now, id: DocumentId) {
        while let Some(output) = self.open.get_mut(&id).and_then(|open| open.replica.poll_output()) {
            self.act(now, id, output);
        }
    }

    fn act(&mut self, now: Now, document: DocumentId, output: Output) {
        let Some(open) = self.open.get_mut(&document) else { return };
        match output {
            Output::Patched(patch) => {
                self.edited(now, document, patch.author);
                self.notices.push(Notice::Patched { document, patch });
            }
            Output::MapChanged { key } => {
                if key == TITLE_KEY {
                    open.touch_record(now);
                }
                if self.listing.document == Some(document) {
                    self.listing.hear(key.clone());
                }
                self.notices.push(Notice::MapChanged { document, key });
            }
            Output::Persist { position, envelope, seal } => {
                if self.store.append(document, position, envelope, seal).is_err() {
                    open.writes.busy = true;
                    open.replica.handle_persist_failed();
                }
            }
            Output::PersistResume { resume } => {
                let units = open.replica.units_saved_at_relay();
                if let Some(record) = self.records.get_mut(&document) {
                    record.resume = Some(resume);
                    record.units_at_relay = units;
                }
                open.touch_record(now);
            }
            Output::PersistChain { own } => {
                if let Some(record) = self.records.get_mut(&document) {
                    record.chain = Some(own);
                }
                open.touch_record(now);
            }
            Output::Connect => self.connect(now, document),
            Output::Disconnect => {
                open.drop_link();
                self.forget_held_frames(document);
            }
            // It has one link: whoever opened another one has a copy of its library.
            Output::Refused(Refusal { reason: RefusalReason::Replaced, .. }) if open.may_trace() => {
                self.trace(now, document);
            }
            Output::Refused(refusal) => {
                let is_final = refusal.retry_after_ms == 0;
                self.notices.push(Notice::Refused { document, reason: in_words(&refusal), is_final });
            }
            // As soon as everything is on disk, another id takes the place of the own one.
            Output::Traced => {}
            Output::Diverged(divergence) => self.diverged(now, document, divergence),
            Output::StatusChanged => {
                let words = set_aside_words(open).filter(|words| open.set_aside_said.as_ref() != Some(words));
                if let Some(words) = words {
                    open.set_aside_said = Some(words.clone());
                    self.notices.push(Notice::SetAside { document, words });
                }
                if open.must_trace() {
                    return self.trace(now, document);
                }
                let found = open.found_out();
                self.notices.extend(found.map(|found| found.notice(document)));
                self.notices.push(Notice::StatusChanged { document });
            }
        }
    }

    fn connect(&mut self, now: Now, document: DocumentId) {
        let token = self.settings.relay_token.clone().into_bytes();
        let record = self.records.get(&document);
        let Some(open) = self.open.get_mut(&document) else { return };
        open.drop_link();
        let secured = record.and_then(|record| {
            let (relay, keys, seed) = (record.relay.clone()?, record.keys.as_ref()?, record.seed.as_ref()?);
            let seed = match &open.heir {
                Heir::Chosen(heir) if open.replica.is_tracing() => heir,
                _ => seed,
            };
            let (keys, replica) = (keys.document_keys().ok()?, ReplicaKey::new(seed));
            let credentials = Credentials { keys, replica, address: relay.proved(), token };
            Some((relay, SecureLink::new(credentials, open.replica.verified())))
        });
        open.link = secured.and_then(|(relay, link)| self.net.open(document, relay, link));
        if open.link.is_none() {
            open.replica.handle_disconnected(now);
        }
    }

    /// Queues the records that are due (or all that changed) for the disk.
    pub(super) fn put_records(&mut self, all: bool) {
        let now = self.now();
        let due = |state: RecordState| match state {
            RecordState::Due(at) => all || now.monotonic_us >= at,
            RecordState::Saved | RecordState::Asked => false,
        };
        let ids: Vec<DocumentId> = self
            .open
            .iter()
            .filter(|(_, open)| due(open.record) && !open.writes.record_asked)
            .map(|(document, _)| *document)
            .collect();
        for document in ids {
            self.refresh_title(document);
            let Some(record) = self.records.get_mut(&document) else { continue };
            let Some(open) = self.open.get_mut(&document) else { continue };
            record.waiting_since_us = open.waiting_since_us(now);
            match self.store.put(document, record.clone()) {
                Ok(()) => {
                    open.record = RecordState::Asked;
                    open.writes.record_asked = true;
                }
                Err(_busy) => open.writes.busy = true,
            }
        }
    }
}

/// Why a relay refuses, in words.
pub(super) fn in_words(refusal: &Refusal) -> String {
    let Refusal { reason, limit, value, .. } = *refusal;
    match reason {
        RefusalReason::Protocol => {
            format!(
                "the relay speaks protocol version {limit}, this program version {value}: update the older of the two"
            )
        }
        RefusalReason::Malformed => "the relay could not read what this program sent".to_owned(),
        RefusalReason::FrameBytes => {
            format!("a frame of {value} bytes is too long for the relay: its limit is {limit}")
        }
        RefusalReason::LinksPerDocument => {
            format!("{limit} devices are linked to this document already, the relay's limit")
        }
        RefusalReason::Documents => format!("the relay is full: it keeps at most {limit} documents"),
        RefusalReason::DocumentBytes => format!("the document is too long for the relay: its limit is {limit} bytes"),
        RefusalReason::Replicas => format!("{limit} devices have taken part in this document, the relay's limit"),
        RefusalReason::Replaced => "another link of this device took the place of this one".to_owned(),
        RefusalReason::Silent => format!("nothing was heard of this device for {limit} ms"),
        RefusalReason::Missing => "the relay lacks the past of what this device sends".to_owned(),
        RefusalReason::ShuttingDown => "the relay is shutting down".to_owned(),
        RefusalReason::Access => {
            "this device has not proved that it may read the document: is the link the right one?".to_owned()
        }
        RefusalReason::Address => {
            "the relay is not known by the address in the link: whoever runs it can add that with --name".to_owned()
        }
        RefusalReason::Create => {
            "the relay takes new documents only from those who know its token: set `relay_token` in the settings"
                .to_owned()
        }
        RefusalReason::Forged => "the relay takes no change that its author did not sign".to_owned(),
        RefusalReason::AddressLinks => {
            format!("{value} links come from this network address, and the relay takes {limit}: it is tried again")
        }
        RefusalReason::AddressBytes => {
            format!("the relay stores at most {limit} bytes in an hour for one network address: the rest follows later")
        }
        RefusalReason::AddressDocuments => {
            format!(
                "the relay takes at most {limit} new documents in an hour from one network address: this one follows later"
            )
        }
        RefusalReason::Closed => {
            "whoever runs the relay has closed this document there: nothing is lost here, and another relay can have it"
                .to_owned()
        }
        RefusalReason::Forked => {
            format!(
                "a device wrote two things in one place: the relay has another change than this device behind unit {limit}"
            )
        }
        RefusalReason::Storage => "the relay's disk has failed: tell whoever runs it".to_owned(),
    }
}
