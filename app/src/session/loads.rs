//! Documents that are read from the disk while the session goes on: those to be linked in the background, those that a request of
//! another copy needs, and those that a search looks through. One at a time, the background last.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use quire_crdt::DocumentId;
use quire_crdt::sync::Now;

use super::{Failure, Notice, Session, SessionError};
use crate::shell::loader::{LoadError, Loaded, MadeCheckpoint, Part, Read};
use crate::shell::store::StoreError;

/// What is asked of the loader.
#[derive(Debug, Default)]
pub(super) struct Loads {
    asked: VecDeque<(DocumentId, Part)>,
    /// The same.
    is_asked: BTreeSet<(DocumentId, Part)>,
    /// What the loader reads now; `None` also when nobody wants it any more.
    current: Option<Current>,
    /// Why documents that were asked for could not be read, until that is told.
    failed: BTreeMap<DocumentId, Failure>,
    /// Documents that could not be read, and whether that may pass: they are not read again in the background, those for which it
    /// may pass until the disk takes a write.
    pub(super) unreadable: BTreeMap<DocumentId, bool>,
}

/// What the loader reads.
#[derive(Clone, Copy, Debug)]
struct Current {
    document: DocumentId,
    part: Part,
    /// Whether somebody asked for it, and not the background.
    asked: bool,
}

impl Loads {
    /// Asks for a document, unless that was done and is not answered.
    fn ask(&mut self, document: DocumentId, part: Part) {
        if !self.awaits(document, part) {
            self.asked.push_back((document, part));
            self.is_asked.insert((document, part));
        }
    }

    fn awaits(&self, document: DocumentId, part: Part) -> bool {
        let is_it = |current: Current| current.asked && (current.document, current.part) == (document, part);
        self.current.is_some_and(is_it) || self.is_asked.contains(&(document, part))
    }

    /// The next that was asked for.
    fn take_asked(&mut self) -> Option<Current> {
        let (document, part) = self.asked.pop_front()?;
        self.is_asked.remove(&(document, part));
        Some(Current { document, part, asked: true })
    }

    /// The disk works: what could not be read for its sake may be read again.
    pub(super) fn try_again(&mut self) {
        self.unreadable.retain(|_, may_pass| !*may_pass);
    }

    /// What is being read of a document is not wanted any more: it is, or may soon be, older than what is in memory.
    pub(super) fn forget(&mut self, document: DocumentId) {
        self.asked.retain(|(asked, _)| *asked != document);
        self.is_asked.retain(|(asked, _)| *asked != document);
        self.current = self.current.filter(|current| current.document != document);
        self.failed.remove(&document);
        self.unreadable.remove(&document);
    }
}

impl Session {
    /// Asks for the visible text of a document that is not open: [`Notice::TextRead`] brings it. Does not wait for the disk.
    pub fn read_text(&mut self, id: DocumentId) {
        self.loads.ask(id, Part::Text);
        self.behind = true;
    }

    /// Whether that was asked for and has not come.
    pub fn reads_text(&self, id: DocumentId) -> bool {
        self.loads.awaits(id, Part::Text)
    }

    /// Whether the document is open. If it is not, it is asked for, and is open in a later pump unless it cannot be read.
    ///
    /// # Errors
    /// Why it could not be read, if it was asked for before.
    pub(super) fn is_loaded(&mut self, id: DocumentId) -> Result<bool, Failure> {
        if self.open.contains_key(&id) {
            return Ok(true);
        }
        if let Some(failure) = self.loads.failed.remove(&id) {
            return Err(failure);
        }
        self.loads.ask(id, Part::Whole);
        Ok(false)
    }

    /// Lets the loader read the next document: one that was asked for, else one of `background` that is not open, else one whose log has
    /// grown so long behind its checkpoint that it needs a new one.
    pub(super) fn load_next(&mut self, background: &[DocumentId]) {
        while self.loads.current.is_none() && self.loader.is_free() {
            let next = self.loads.take_asked().or_else(|| {
                let closed = |id: &&DocumentId| !self.open.contains_key(id) && !self.loads.unreadable.contains_key(id);
                let next = background.iter().find(closed).filter(|_| self.online);
                next.map(|id| Current { document: *id, part: Part::Whole, asked: false })
            });
            let next = next.or_else(|| {
                let mut open = self.open.iter();
                let (document, _) = open.find(|(_, open)| open.needs_checkpoint())?;
                Some(Current { document: *document, part: Part::Checkpoint, asked: false })
            });
            let Some(Current { document, part, .. }) = next else { return };
            let is_needed = part == Part::Checkpoint || !self.open.contains_key(&document);
            if let Some(record) = self.records.get(&document).filter(|_| is_needed) {
                if !self.loader.ask(document, record.replica, part) {
                    return;
                }
                self.loads.current = next;
            }
        }
    }

    /// Takes what the loader has read, if it is still wanted.
    pub(super) fn take_loaded(&mut self, now: Now, loaded: Loaded) {
        let Some(Current { document, asked, .. }) = self.loads.current.take() else { return };
        match loaded {
            Loaded::Text(text) => {
                // A document that cannot be read is reported when it is opened; a search goes on without it.
                self.notices.push(Notice::TextRead { document, text: text.ok() });
            }
            Loaded::Checkpoint(made) => self.take_checkpoint(document, made),
            Loaded::Whole(read) => match *read {
                Ok(read) => self.take_document(now, document, read),
                Err(error) => self.take_load_error(document, error, asked),
            },
        }
    }

    fn take_checkpoint(&mut self, document: DocumentId, made: Result<MadeCheckpoint, LoadError>) {
        let Some(open) = self.open.get_mut(&document) else { return };
        match made {
            Ok(MadeCheckpoint { position, from, bytes }) => {
                open.checkpointed = position;
                if self.store.put_checkpoint(document, position, from, bytes).is_err() {
                    tracing::debug!(%document, "the disk is behind: the next checkpoint will do");
                }
            }
            Err(error) => {
                tracing::warn!(%document, %error, "no checkpoint can be made");
                open.checkpointed = open.head();
            }
        }
    }

    fn take_document(&mut self, now: Now, id: DocumentId, read: Read) {
        if let Err(error) = self.adopt(read, false) {
            // No random numbers: whoever asked hears of it, and asks again.
            self.loads.failed.insert(id, error.into());
            return;
        }
        let in_background = self.online && self.background().contains(&id);
        if let Some(open) = self.open.get_mut(&id).filter(|_| in_background) {
            open.replica.go_online(now);
        }
        self.notices.push(Notice::ListChanged);
    }

    fn take_load_error(&mut self, document: DocumentId, error: LoadError, asked: bool) {
        let may_pass = matches!(error, LoadError::Store(StoreError::Io { .. } | StoreError::Write { .. }));
        if self.loads.unreadable.insert(document, may_pass).is_none() && !may_pass {
            self.notices.push(Notice::Unreadable { document, error: error.to_string() });
        }
        if asked {
            self.loads.failed.insert(document, SessionError::from(error).into());
        }
    }
}
