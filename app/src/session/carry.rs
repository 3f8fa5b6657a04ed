//! Changes as files: bundles that are made of a document, and applied to one.

use std::collections::BTreeMap;
use std::path::PathBuf;

use quire_crdt::sync::Opened;
use quire_crdt::{Delivery, DocumentId, ReplicaId, VersionVector};
use serde_json::{Map, Value, json};

use super::{Failure, Session, SessionError};
use crate::shell::carrier::{Carried, Carrier, CarryError, Since, Task};
use crate::shell::files::FileError;

/// The most changes of a bundle that one pump takes, so that a long one does not hold up a frame.
const CHANGES_PER_PUMP_MAX: usize = 256;

/// The bundles that are being made and read.
#[derive(Debug)]
pub(super) struct Carries {
    carrier: Carrier,
    begun: u64,
    done: BTreeMap<u64, Result<Carried, CarryError>>,
}

/// How far a request has come that makes or applies a bundle.
#[derive(Debug)]
pub(super) enum Carrying {
    /// The carrier is at it.
    Asked(u64),
    /// It is being applied.
    Applying(Box<Applying>),
}

/// A bundle that is being applied.
#[derive(Debug)]
pub(super) struct Applying {
    document: DocumentId,
    opened: Opened,
    /// How many of the changes were handed in.
    handed: usize,
    taken: usize,
    known: usize,
    waiting: usize,
    refused: usize,
}

impl Carries {
    pub(super) const fn new(carrier: Carrier) -> Self {
        Self { carrier, begun: 0, done: BTreeMap::new() }
    }

    /// Begins with a task; `None` while another is done.
    fn begin(&mut self, task: Task) -> Result<Option<Carrying>, Failure> {
        let refused = |error| Failure::new(Failure::FAILED, format!("there can be no thread for it: {error}"));
        let is_begun = self.carrier.begin(self.begun + 1, task).map_err(refused)?;
        self.begun += u64::from(is_begun);
        Ok(is_begun.then_some(Carrying::Asked(self.begun)))
    }

    /// The carrier has done a task.
    pub(super) fn finish(&mut self, number: u64, done: Result<Carried, CarryError>) {
        self.done.insert(number, done);
    }
}

impl Session {
    /// Makes a bundle of an open document: what came of it, once it is in the file.
    pub(super) fn carry_out(
        &mut self,
        carrying: &mut Option<Carrying>,
        document: DocumentId,
        file: PathBuf,
        since: Since,
    ) -> Result<Option<Value>, Failure> {
        let Some(Carrying::Asked(number)) = carrying else {
            if let Some(log_end) = self.all_on_disk(document)? {
                *carrying = self.carry.begin(Task::Make { document, log_end, since, file })?;
            }
            return Ok(None);
        };
        match self.carry.done.remove(number).transpose()? {
            Some(Carried::Made { changes, bytes, version }) => Ok(Some(json!({
                "id": document.to_string(), "file": file.to_string_lossy(), "changes": changes, "bytes": bytes,
                "version": as_json(&version),
            }))),
            _ => Ok(None),
        }
    }

    /// Has everything written that was typed, then gives the length of the log that is given out; `None`: the disk is not there yet.
    fn all_on_disk(&mut self, document: DocumentId) -> Result<Option<u64>, Failure> {
        let time_s = self.now().wall_s();
        let not_open = || SessionError::NotOpen { document };
        if self.records.get(&document).is_some_and(|record| record.keys.is_none() || record.seed.is_none()) {
            return Err(CarryError::NoKeys { document }.into());
        }
        let open = self.open.get_mut(&document).ok_or_else(not_open)?;
        if let Some(error) = &open.writes.error {
            return Err(Failure::new(Failure::FAILED, format!("not on disk: {error}")));
        }
        open.replica.set_time(time_s);
        open.replica.commit();
        let log = open.replica.document().log().len() as u64;
        Ok((open.head() >= log).then(|| open.replica.handle_given_out()))
    }

    /// Reads a bundle; the document that it is for, once it is verified.
    pub(super) fn carry_in(
        &mut self,
        carrying: &mut Option<Carrying>,
        file: PathBuf,
    ) -> Result<Option<DocumentId>, Failure> {
        match carrying {
            None => *carrying = self.carry.begin(Task::Read { file })?,
            Some(Carrying::Asked(number)) => {
                if let Some(Carried::Opened { document, opened }) = self.carry.done.remove(number).transpose()? {
                    let Opened { known, waiting, .. } = opened;
                    let applying = Applying { document, opened, handed: 0, taken: 0, known, waiting, refused: 0 };
                    *carrying = Some(Carrying::Applying(Box::new(applying)));
                    return Ok(Some(document));
                }
            }
            Some(Carrying::Applying(applying)) => return Ok(Some(applying.document)),
        }
        Ok(None)
    }

    /// Hands the next changes of a bundle to its document, which is open: what came of it, once all were.
    pub(super) fn take_bundled(&mut self, carrying: &mut Option<Carrying>) -> Option<Value> {
        let Some(Carrying::Applying(applying)) = carrying else { return None };
        let (now, document) = (self.now(), applying.document);
        for _ in 0..CHANGES_PER_PUMP_MAX {
            let open = self.open.get_mut(&document).filter(|open| !open.writes.busy)?;
            let Some((envelope, seal)) = applying.opened.changes.get(applying.handed) else {
                let Applying { taken, known, waiting, refused, .. } = applying.as_ref();
                return Some(json!({
                    "id": document.to_string(), "taken": taken, "known": known, "waiting": waiting, "refused": refused,
                    "version": as_json(open.replica.document().version()),
                }));
            };
            match open.replica.handle_bundled(now, envelope, seal) {
                Ok(Delivery::Delivered) => applying.taken += 1,
                Ok(Delivery::Duplicate) => applying.known += 1,
                Ok(Delivery::HeldBack) => applying.waiting += 1,
                Err(_set_aside) => applying.refused += 1,
            }
            applying.handed += 1;
            self.drain(now, document);
        }
        self.behind = true;
        None
    }
}

/// A version vector: units by replica.
fn as_json(version: &VersionVector) -> Value {
    let entries = version.iter().map(|(replica, units): (ReplicaId, u64)| (replica.to_string(), json!(units)));
    Value::Object(entries.collect::<Map<_, _>>())
}

impl From<CarryError> for Failure {
    fn from(error: CarryError) -> Self {
        match error {
            CarryError::Store(error) => SessionError::from(error).into(),
            CarryError::Load(error) => SessionError::from(error).into(),
            CarryError::NotHere { .. } => Self::new(Self::NOT_FOUND, error.to_string()),
            CarryError::File(FileError::Read { error: ref why, .. }) if why.kind() == std::io::ErrorKind::NotFound => {
                Self::new(Self::NOT_FOUND, error.to_string())
            }
            _ => Self::new(Self::FAILED, error.to_string()),
        }
    }
}
