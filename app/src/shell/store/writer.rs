//! The thread that writes: it takes whatever is queued, commits it at once, and answers when it is on disk.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::mpsc::{Receiver, SyncSender};
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use quire_crdt::DocumentId;
use redb::{Database, Durability, ReadableTable, WriteTransaction};

use super::StoreEvent;
use super::database::{CHECKPOINTS, DOCUMENTS, KEY_BYTES, LOG, log_key, position_of, with_checksum};
use super::error::StoreError;
use super::record::DocumentRecord;
use crate::shell::inbox::{Event, Outlet, Place};

/// The most requests that one commit takes.
const BATCH_REQUESTS_MAX: usize = 1024;

/// Once it has so many bytes, a commit takes no further request.
const BATCH_BYTES_MAX: usize = 8 * 1024 * 1024;

/// What the writer shall do.
#[derive(Debug)]
pub(super) enum Action {
    /// Put this envelope at this position of the document's log.
    Append { position: u64, envelope: Bytes },
    /// Put this checkpoint of the log below the position beside the sound one that it was made from (position 0: from the log alone).
    Checkpoint { position: u64, from: u64, checkpoint: Bytes },
    /// Replace the document's record.
    Record(DocumentRecord),
    /// Forget the document.
    Remove,
}

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

pub(super) type Opener = Box<dyn Fn() -> Result<Database, StoreError> + Send + Sync>;

/// The database as readers and the writer share it: `None` after a failed write, until it is opened again.
pub(super) type Shared = Arc<RwLock<Option<Database>>>;

pub(super) struct Writer {
    pub(super) shared: Shared,
    pub(super) opener: Opener,
    pub(super) requests: Receiver<Request>,
    pub(super) outlet: Outlet,
    /// The durable length of each log that was written to: nothing may be put behind a gap that a failed write left.
    pub(super) heads: BTreeMap<DocumentId, u64>,
}

impl Writer {
    /// Writes until nobody can send requests any more.
    pub(super) fn run(mut self) {
        while let Ok(first) = self.requests.recv() {
            let batch = self.fill_batch(first);
            let result = self.write(&batch);
            if result.is_err() {
                // The store refuses everything after a failed write: it must be opened anew, and what it holds be read anew.
                self.heads.clear();
                *self.shared.write().unwrap_or_else(PoisonError::into_inner) = None;
            }
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

    fn write(&mut self, batch: &[Request]) -> Result<(), String> {
        self.reopen()?;
        let shared = Arc::clone(&self.shared);
        let database = shared.read().unwrap_or_else(PoisonError::into_inner);
        let database = database.as_ref().ok_or("the library is closed")?;
        self.commit(database, batch).map_err(|error| error.to_string())
    }

    fn reopen(&self) -> Result<(), String> {
        // A reader may hold the library for long: who only looks does not wait for it.
        if self.shared.read().unwrap_or_else(PoisonError::into_inner).is_some() {
            return Ok(());
        }
        let mut database = self.shared.write().unwrap_or_else(PoisonError::into_inner);
        if database.is_none() {
            *database = Some((self.opener)().map_err(|error| error.to_string())?);
        }
        Ok(())
    }

    fn commit(&mut self, database: &Database, batch: &[Request]) -> Result<(), redb::Error> {
        let mut transaction = database.begin_write()?;
        transaction.set_durability(Durability::Immediate)?;
        transaction.set_quick_repair(true);
        let mut heads = self.heads.clone();
        for request in batch {
            apply(&transaction, &mut heads, request)?;
        }
        transaction.commit()?;
        self.heads = heads;
        Ok(())
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
                    let written = self.heads.get(&request.document).copied().unwrap_or(0);
                    *head = (*head).max(written.min(position + 1));
                }
                Action::Record(_) => *record = true,
                Action::Remove | Action::Checkpoint { .. } => {}
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
            Action::Remove => 0,
        }
    }
}

fn apply(
    transaction: &WriteTransaction,
    heads: &mut BTreeMap<DocumentId, u64>,
    request: &Request,
) -> Result<(), redb::Error> {
    let document = request.document;
    match &request.action {
        Action::Append { position, envelope } => {
            let mut log = transaction.open_table(LOG)?;
            let head = match heads.entry(document) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(unknown) => unknown.insert(head_of(&log, document)?),
            };
            // Below the head it is there already (an answer got lost); behind it, an earlier one failed and comes first.
            if *position == *head {
                let key = log_key(document, *position);
                log.insert(&key, with_checksum(&key, envelope).as_slice())?;
                *head += 1;
            }
        }
        Action::Checkpoint { position, from, checkpoint } => {
            put_checkpoint(transaction, document, *position, *from, checkpoint)?;
        }
        Action::Record(record) => {
            let value = with_checksum(document.as_bytes(), &record.encode());
            transaction.open_table(DOCUMENTS)?.insert(document.as_bytes(), value.as_slice())?;
        }
        Action::Remove => {
            transaction.open_table(DOCUMENTS)?.remove(document.as_bytes())?;
            let (first, last) = (log_key(document, 0), log_key(document, u64::MAX));
            transaction.open_table(LOG)?.retain_in::<&[u8; KEY_BYTES], _>(&first..=&last, |_, _| false)?;
            transaction.open_table(CHECKPOINTS)?.retain_in::<&[u8; KEY_BYTES], _>(&first..=&last, |_, _| false)?;
            heads.remove(&document);
        }
    }
    Ok(())
}

/// Puts a checkpoint beside the one that it was made from, which was found to be sound; all others go, and what that one holds of the log.
/// One that is not newer than what is there, was made from what is not there, or names what is not in the log, is ignored.
fn put_checkpoint(
    transaction: &WriteTransaction,
    document: DocumentId,
    position: u64,
    from: u64,
    checkpoint: &[u8],
) -> Result<(), redb::Error> {
    let (first, last) = (log_key(document, 0), log_key(document, u64::MAX));
    let mut log = transaction.open_table(LOG)?;
    let mut checkpoints = transaction.open_table(CHECKPOINTS)?;
    let newest = checkpoints.range::<&[u8; KEY_BYTES]>(&first..=&last)?.next_back().transpose()?;
    let newest = newest.map(|(key, _)| position_of(key.value()));
    let kept = log_key(document, from);
    let is_there = if from == 0 { log.get(&first)?.is_some() } else { checkpoints.get(&kept)?.is_some() };
    if newest.is_some_and(|newest| position <= newest) || !is_there || position > head_of(&log, document)? {
        return Ok(());
    }
    checkpoints.retain_in::<&[u8; KEY_BYTES], _>(&first..=&last, |key, _| *key == kept)?;
    log.retain_in::<&[u8; KEY_BYTES], _>(&first..&kept, |_, _| false)?;
    let key = log_key(document, position);
    checkpoints.insert(&key, with_checksum(&key, checkpoint).as_slice())?;
    Ok(())
}

fn head_of(
    log: &impl ReadableTable<&'static [u8; KEY_BYTES], &'static [u8]>,
    document: DocumentId,
) -> Result<u64, redb::Error> {
    let (first, last) = (log_key(document, 0), log_key(document, u64::MAX));
    let last = log.range::<&[u8; KEY_BYTES]>(&first..=&last)?.next_back().transpose()?;
    Ok(last.map_or(0, |(key, _)| position_of(key.value()) + 1))
}
