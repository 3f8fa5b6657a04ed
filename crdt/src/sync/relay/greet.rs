//! How a link joins a document, and how it leaves.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::super::frame::{Frame, Hello, PROTOCOL_VERSION, Refusal, RefusalReason, Welcome};
use super::link::{Fetch, Member, Stage};
use super::log::OpenLog;
use super::{ConnId, Relay, RelayOutput};
use crate::id::DocumentId;

impl Relay {
    /// A link said Hello.
    pub(super) fn greet(&mut self, conn: ConnId, hello: Hello) {
        let (limit, value) = (self.limits.replicas_per_document_max, hello.version.len());
        if value > limit {
            return self.refuse(conn, RefusalReason::Replicas, limit as u64, value as u64);
        }
        let document = hello.document;
        let open = self.logs.len();
        let links = match self.logs.get(&document) {
            Some(log) if log.links.contains_key(&hello.replica) => log.links_len() - 1,
            Some(log) => log.links_len(),
            None if open >= self.limits.documents_open_max => {
                return self.refuse(conn, RefusalReason::Documents, self.limits.documents_open_max as u64, open as u64);
            }
            None => 0,
        };
        if links >= self.limits.links_per_document_max {
            let limit = self.limits.links_per_document_max as u64;
            return self.refuse(conn, RefusalReason::LinksPerDocument, limit, links as u64);
        }
        let Some(link) = self.links.get_mut(&conn) else { return };
        link.stage = Stage::Loading(hello);
        self.timers.remove(&(link.timer_us, conn));
        link.timer_us = link.heard_us.saturating_add(self.limits.ping_interval_us);
        self.timers.insert((link.timer_us, conn));
        match self.logs.get_mut(&document) {
            None => {
                self.logs.insert(document, OpenLog::loading(conn));
                self.outputs.push_back(RelayOutput::Load { document });
            }
            Some(log) => match &mut log.waiting {
                Some(waiting) => waiting.push(conn),
                None => self.join(conn),
            },
        }
    }

    /// The store has answered: the link follows its document from here on.
    pub(super) fn join(&mut self, conn: ConnId) {
        let Some(link) = self.links.get_mut(&conn) else { return };
        let Stage::Loading(hello) = core::mem::replace(&mut link.stage, Stage::Greeting) else { return };
        let (document, replica, opened) = (hello.document, hello.replica, link.opened);
        let other = self.logs.get(&document).and_then(|log| log.links.get(&replica).copied());
        // A Hello may come late, on a link that its replica has given up since: the newer link is the one that was opened later.
        if other.and_then(|other| self.links.get(&other)).is_some_and(|other| other.opened > opened) {
            return self.refuse(conn, RefusalReason::Replaced, 0, 0);
        }
        // The newer link goes in before the older one goes out, so that the document is never without a link and stays open.
        if let Some(older) = self.logs.get_mut(&document).and_then(|log| log.links.insert(replica, conn)) {
            self.refuse(older, RefusalReason::Replaced, 0, 0);
        }
        let (Some(link), Some(log)) = (self.links.get_mut(&conn), self.logs.get_mut(&document)) else { return };
        let here = |resume: &super::super::frame::Resume| resume.epoch == self.epoch && resume.position <= log.durable;
        let resume = hello.resume.filter(here).map(|resume| resume.position);
        let welcome = Welcome {
            protocol: PROTOCOL_VERSION,
            epoch: self.epoch,
            version: log.durable_version.clone(),
            durable: log.durable_version.get(replica),
            head: log.durable,
        };
        link.first = Some(Frame::Welcome(welcome).encode());
        link.stage = Stage::Linked(Box::new(Member::join(hello, resume, log, &self.limits)));
        self.wake_reader(conn);
    }

    /// Refuses a link: it leaves its document at once, is sent the reason, and is closed.
    pub(super) fn refuse(&mut self, conn: ConnId, reason: RefusalReason, limit: u64, value: u64) {
        let retry_after_ms = match reason {
            RefusalReason::LinksPerDocument
            | RefusalReason::Documents
            | RefusalReason::Silent
            | RefusalReason::Missing
            | RefusalReason::ShuttingDown
            | RefusalReason::Storage => self.limits.retry_after_ms,
            _ => 0,
        };
        self.refuse_for(conn, reason, limit, value, retry_after_ms);
    }

    /// The same, for a reason that will have passed after so many milliseconds, or never (0).
    pub(super) fn refuse_for(
        &mut self,
        conn: ConnId,
        reason: RefusalReason,
        limit: u64,
        value: u64,
        retry_after_ms: u32,
    ) {
        if self.links.get(&conn).is_none_or(|link| matches!(link.stage, Stage::Closing)) {
            return;
        }
        self.detach(conn);
        let Some(link) = self.links.get_mut(&conn) else { return };
        link.stage = Stage::Closing;
        link.first = Some(Frame::Refused(Refusal { reason, limit, value, retry_after_ms }).encode());
        self.wake(conn);
        self.outputs.push_back(RelayOutput::Close { conn, reason });
    }

    /// Refuses every link, now and from here on.
    pub(super) fn end(&mut self, reason: RefusalReason) {
        self.ending = Some(reason);
        let conns: Vec<ConnId> = self.links.keys().copied().collect();
        for conn in conns {
            self.refuse(conn, reason, 0, 0);
        }
    }

    /// Takes a link out of its document; its presence is gone for the others.
    pub(super) fn detach(&mut self, conn: ConnId) {
        let Some(link) = self.links.get_mut(&conn) else { return };
        match core::mem::replace(&mut link.stage, Stage::Closing) {
            Stage::Greeting | Stage::Closing => {}
            Stage::Loading(hello) => {
                if let Some(log) = self.logs.get_mut(&hello.document)
                    && let Some(waiting) = &mut log.waiting
                {
                    waiting.retain(|waiter| *waiter != conn);
                }
            }
            Stage::Linked(member) => self.leave(conn, &member),
        }
    }

    fn leave(&mut self, conn: ConnId, member: &Member) {
        self.stats.reads_bytes -= member.chunk_bytes;
        if member.fetch == Fetch::Queued {
            self.read_queue.retain(|queued| *queued != conn);
        }
        self.serve_read_queue();
        let Some(log) = self.logs.get_mut(&member.document) else { return };
        if log.links.get(&member.replica) == Some(&conn) {
            log.links.remove(&member.replica);
        }
        log.held.remove(&member.replica);
        log.digests.remove(&member.replica);
        if log.presences.remove(&member.replica).is_some() {
            self.tell_document(member.document, None, |other| other.presences_due.insert(member.replica));
        }
        self.unload_if_idle(member.document);
    }

    /// Forgets a document that nobody follows and that is on disk as it is.
    pub(super) fn unload_if_idle(&mut self, document: DocumentId) {
        if let Some(log) = self.logs.get(&document).filter(|log| log.waiting.is_none() && log.is_idle()) {
            self.stats.rings_bytes -= log.ring.bytes();
            self.logs.remove(&document);
        }
    }

    /// Marks something as due for the other links of this link's document, and wakes them.
    pub(super) fn tell_others(&mut self, conn: ConnId, mark: impl FnMut(&mut Member) -> bool) {
        if let Some(Stage::Linked(member)) = self.links.get(&conn).map(|link| &link.stage) {
            self.tell_document(member.document, Some(conn), mark);
        }
    }

    /// Marks something as due for the links of a document but one, and wakes those whose mark returns true.
    pub(super) fn tell_document(
        &mut self,
        document: DocumentId,
        but: Option<ConnId>,
        mut mark: impl FnMut(&mut Member) -> bool,
    ) {
        let Some(log) = self.logs.get(&document) else { return };
        for conn in log.links.values().copied().filter(|conn| Some(*conn) != but) {
            let Some(link) = self.links.get_mut(&conn) else { continue };
            let Stage::Linked(member) = &mut link.stage else { continue };
            if mark(member) && !link.woken {
                link.woken = true;
                self.outputs.push_back(RelayOutput::Wake { conn });
            }
        }
    }
}
