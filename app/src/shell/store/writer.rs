//! The thread that writes: it takes whatever is queued, commits it at once, and answers when it is on disk.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, SyncSender};

use quire_crdt::DocumentId;

use super::StoreEvent;
use super::library::{Action, Library};
use crate::shell::inbox::{Event, Outlet, Place};

/// The most requests that one commit takes.
const BATCH_REQUESTS_MAX: usize = 1024;

/// Once it has so many bytes, a commit takes no further request.
const BATCH_BYTES_MAX: usize = 8 * 1024 * 1024;

/// How the writer answers.
#[derive(Debug)]
pub(super) enum Answer {
    /// By an event, which has this place.
    Event(Place),
    /// Not at all.
    Nobody,
    /// To somebody who waits.
    Reply(SyncSender<Result<(), String>>),
}

/// What the writer shall do, and who waits for it.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) document: DocumentId,
    pub(super) action: Action,
    pub(super) answer: Answer,
}

pub(super) struct Writer {
    pub(super) library: Library,
    pub(super) requests: Receiver<Request>,
    pub(super) outlet: Outlet,
}

impl Writer {
    /// Writes until nobody can send requests any more.
    pub(super) fn run(mut self) {
        while let Ok(first) = self.requests.recv() {
            let batch = self.fill_batch(first);
            let result = self.library.commit(batch.iter().map(|request| (request.document, &request.action)));
            self.answer(batch, &result);
        }
    }

    fn fill_batch(&self, first: Request) -> Vec<Request> {
        let mut bytes = first.bytes();
        let mut batch = vec![first];
        while batch.len() < BATCH_REQUESTS_MAX && bytes < BATCH_BYTES_MAX {
            let Ok(next) = self.requests.try_recv() else { break };
            bytes += next.bytes();
            batch.push(next);
        }
        batch
    }

    fn answer(&self, batch: Vec<Request>, result: &Result<(), String>) {
        let mut answers: BTreeMap<DocumentId, (u64, bool, Place)> = BTreeMap::new();
        for request in batch {
            let place = match request.answer {
                Answer::Event(place) => place,
                Answer::Nobody => continue,
                Answer::Reply(reply) => {
                    // Whoever asked may have stopped waiting.
                    drop(reply.send(result.clone()));
                    continue;
                }
            };
            // One answer for each document: the other places are free again.
            let (head, record, _) = answers.entry(request.document).or_insert((0, false, place));
            match request.action {
                Action::Append { position, .. } => {
                    *head = (*head).max(self.library.head(request.document).min(position + 1));
                }
                Action::Record(_) => *record = true,
                Action::Remove | Action::Checkpoint { .. } | Action::Replace { .. } => {}
            }
        }
        for (document, (head, record, place)) in answers {
            let event = match result {
                Ok(()) => StoreEvent::Written { document, head, record },
                Err(error) => StoreEvent::Failed { document, error: error.clone() },
            };
            // False: nobody is there to hear of it, and what was asked for before is written all the same.
            self.outlet.leave(place, Event::Store(event));
        }
    }
}

impl Request {
    fn bytes(&self) -> usize {
        match &self.action {
            Action::Append { envelope, .. } => envelope.len(),
            Action::Checkpoint { checkpoint, .. } => checkpoint.len(),
            Action::Record(record) => record.title.len(),
            Action::Replace { log, .. } => log.iter().map(|(envelope, _)| envelope.len()).sum(),
            Action::Remove => 0,
        }
    }
}
