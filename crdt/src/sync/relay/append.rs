//! How a change gets into a log, and how a lagging link gets it out again.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use bytes::Bytes;

use super::super::frame::{FrameError, RefusalReason};
use super::super::time::Now;
use super::link::{Fetch, Stage};
use super::ring::Entry;
use super::{ConnId, Relay, RelayOutput};
use crate::causal::{CausalError, Delivery, classify};
use crate::change::Header;
use crate::envelope::Envelope;
use crate::id::DocumentId;

impl Relay {
    /// A link sent a change: into the log with it, if it is new and its past is there.
    pub(super) fn receive_change(&mut self, conn: ConnId, frame_bytes: usize, body: &[u8]) {
        let malformed = (RefusalReason::Malformed, 0, frame_bytes as u64);
        let Some(Stage::Linked(member)) = self.links.get_mut(&conn).map(|link| &mut link.stage) else { return };
        let Some(log) = self.logs.get(&member.document) else { return };
        let verdict = match member.changes.read(body) {
            Ok(envelope) => {
                classify(envelope.header(), &log.version).map(|delivery| (envelope, delivery)).map_err(|error| {
                    match error {
                        CausalError::Overlap { first, delivered } => (RefusalReason::Malformed, delivered, first.seq),
                        CausalError::Full { .. } => malformed,
                    }
                })
            }
            Err(FrameError::Replicas { replicas, limit }) => {
                Err((RefusalReason::Replicas, limit as u64, replicas as u64))
            }
            Err(_) => Err(malformed),
        };
        match verdict {
            Ok((envelope, Delivery::Delivered)) => self.append(conn, &envelope),
            Ok((envelope, Delivery::Duplicate)) => {
                let header = envelope.header();
                member.known.observe(header.replica, header.end_seq());
                member.ack_due |=
                    header.replica == member.replica && header.end_seq() <= log.durable_version.get(member.replica);
                let ack_due = member.ack_due;
                self.stats.changes_duplicate += 1;
                if ack_due {
                    self.wake(conn);
                }
            }
            Ok((envelope, Delivery::HeldBack)) => {
                self.stats.changes_missing_past += 1;
                let limit = self.limits.missing_repeats_max;
                match member.note_missing(envelope.header().first_id()) {
                    Some(times) if times > limit => {
                        self.refuse(conn, RefusalReason::Missing, u64::from(limit), u64::from(times));
                    }
                    Some(_) => self.wake(conn),
                    None => {}
                }
            }
            Err((reason, limit, value)) => self.refuse(conn, reason, limit, value),
        }
    }

    fn append(&mut self, conn: ConnId, envelope: &Envelope) {
        let (document, header, bytes) = (envelope.document(), envelope.header(), envelope.bytes().len());
        if let Some((reason, limit, value)) = self.over_limit(document, header, bytes) {
            return self.refuse(conn, reason, limit, value);
        }
        let Some(log) = self.logs.get_mut(&document) else { return };
        let position = log.head();
        self.stats.documents_stored += u64::from(position == 0);
        self.stats.changes_appended += 1;
        self.stats.bytes_appended += bytes as u64;
        self.stats.unappended_bytes += bytes;
        self.stats.rings_bytes += bytes;
        let entry = Entry::new(envelope, &mut log.replicas, conn);
        log.push(entry);
        self.stats.rings_bytes -= log.trim(&self.limits, self.stats.rings_bytes);
        if let Some(link) = self.links.get_mut(&conn) {
            link.unappended_bytes += bytes;
            if let Stage::Linked(member) = &mut link.stage {
                member.known.observe(header.replica, header.end_seq());
                member.note_appended();
            }
        }
        self.outputs.push_back(RelayOutput::Append {
            document,
            position,
            envelope: envelope.bytes().clone(),
            author: None,
        });
        self.tell_document(document, Some(conn), |_| true);
    }

    pub(super) fn over_limit(
        &self,
        document: DocumentId,
        header: &Header,
        bytes: usize,
    ) -> Option<(RefusalReason, u64, u64)> {
        let log = self.logs.get(&document)?;
        let limits = &self.limits;
        let document_bytes = log.bytes + bytes as u64;
        let replicas = log.version.len() + usize::from(log.version.get(header.replica) == 0);
        if log.head() == 0 && self.stats.documents_stored >= limits.documents_stored_max {
            return Some((RefusalReason::Documents, limits.documents_stored_max, self.stats.documents_stored));
        }
        if document_bytes > limits.document_bytes_max {
            return Some((RefusalReason::DocumentBytes, limits.document_bytes_max, document_bytes));
        }
        let replicas_max = limits.replicas_per_document_max;
        (replicas > replicas_max).then_some((RefusalReason::Replicas, replicas_max as u64, replicas as u64))
    }

    /// Everything of this document's log below `head` is on disk: its authors are told, and links that gave much may be read
    /// again.
    pub fn handle_appended(&mut self, _now: Now, document: DocumentId, head: u64) {
        let Some(log) = self.logs.get_mut(&document) else { return };
        let was_full = self.stats.unappended_bytes >= self.limits.unappended_bytes_max;
        let durable = log.mark_durable(head);
        self.stats.rings_bytes -= log.trim(&self.limits, self.stats.rings_bytes);
        let (mut woken, mut readable) = (Vec::new(), Vec::new());
        for (replica, source, bytes) in durable {
            self.stats.unappended_bytes -= bytes;
            if let Some(author) = log.links.get(&replica).copied()
                && let Some(link) = self.links.get_mut(&author)
                && let Stage::Linked(member) = &mut link.stage
                && !core::mem::replace(&mut member.ack_due, true)
            {
                woken.push(author);
            }
            if let Some(link) = self.links.get_mut(&source) {
                let link_was_full = link.unappended_bytes >= self.limits.link_unappended_bytes_max;
                link.unappended_bytes -= bytes;
                if link_was_full && link.unappended_bytes < self.limits.link_unappended_bytes_max {
                    readable.push(source);
                }
            }
        }
        if was_full && self.stats.unappended_bytes < self.limits.unappended_bytes_max {
            readable = self.links.keys().copied().collect();
        }
        for conn in woken {
            self.wake(conn);
        }
        for conn in readable {
            self.wake_reader(conn);
        }
        self.unload_if_idle(document);
    }

    /// Asks for the entries at a link's cursor, or puts the link in the line for it.
    pub(super) fn start_read(&mut self, conn: ConnId) {
        let bytes_max = self.limits.read_bytes_max;
        let has_room = self.has_room_to_read();
        let Some(Stage::Linked(member)) = self.links.get_mut(&conn).map(|link| &mut link.stage) else { return };
        if member.fetch != Fetch::Granted {
            if !has_room {
                member.fetch = Fetch::Queued;
                self.read_queue.push_back(conn);
                return;
            }
            member.chunk_bytes = bytes_max;
            self.stats.reads_bytes += bytes_max;
        }
        member.fetch = Fetch::Reading;
        self.stats.reads += 1;
        let (document, from) = (member.document, member.cursor);
        self.outputs.push_back(RelayOutput::Read { conn, document, from, bytes_max });
    }

    /// The answer to [`RelayOutput::Read`]: consecutive envelopes from position `from` on.
    pub fn handle_read(&mut self, _now: Now, conn: ConnId, from: u64, envelopes: Vec<Bytes>) {
        let Some(Stage::Linked(member)) = self.links.get_mut(&conn).map(|link| &mut link.stage) else { return };
        if member.fetch != Fetch::Reading || member.cursor != from {
            return;
        }
        let Some(log) = self.logs.get_mut(&member.document) else { return };
        let entry = |bytes| {
            let envelope = Envelope::decode(bytes).ok().filter(|envelope| envelope.document() == member.document)?;
            Some(Entry::new(&envelope, &mut log.replicas, conn))
        };
        let chunk: Option<VecDeque<Entry>> = envelopes.into_iter().map(entry).collect();
        let Some(chunk) = chunk.filter(|chunk| !chunk.is_empty()) else {
            return self.refuse(conn, RefusalReason::Storage, 0, from);
        };
        member.fetch = Fetch::Idle;
        member.chunk_moved = true;
        member.chunk = chunk;
        let held: usize = member.chunk.iter().map(|entry| entry.envelope_bytes).sum();
        self.stats.reads_bytes = self.stats.reads_bytes - member.chunk_bytes + held;
        member.chunk_bytes = held;
        self.serve_read_queue();
        self.wake(conn);
    }

    /// Gives back what a link's chunk counted, once the chunk is used up, and serves the line.
    pub(super) fn settle_reads(&mut self, conn: ConnId) {
        let Some(Stage::Linked(member)) = self.links.get_mut(&conn).map(|link| &mut link.stage) else { return };
        if member.chunk_bytes > 0 && member.chunk.is_empty() && member.fetch == Fetch::Idle {
            self.stats.reads_bytes -= core::mem::take(&mut member.chunk_bytes);
            self.serve_read_queue();
        }
    }

    /// Wakes links that wait for a read, as far as the limit allows, and keeps room for theirs: who has just used up a read stands
    /// behind them.
    pub(super) fn serve_read_queue(&mut self) {
        while self.has_room_to_read() {
            let Some(conn) = self.read_queue.pop_front() else { return };
            let Some(Stage::Linked(member)) = self.links.get_mut(&conn).map(|link| &mut link.stage) else { continue };
            (member.fetch, member.chunk_moved) = (Fetch::Granted, true);
            member.chunk_bytes = self.limits.read_bytes_max;
            self.stats.reads_bytes += member.chunk_bytes;
            self.wake(conn);
        }
    }

    /// Whether there is room for one more read; alone, one may be larger than all may be together.
    const fn has_room_to_read(&self) -> bool {
        self.stats.reads_bytes == 0
            || self.stats.reads_bytes + self.limits.read_bytes_max <= self.limits.reads_bytes_max
    }
}
