//! Documents that are read from the disk while the session goes on: those to be linked in the background, those that a request of
//! another copy needs, and those that a search looks through. One at a time, the background last.

use std::collections::{BTreeMap, VecDeque};

use quire_crdt::sync::Now;
use quire_crdt::{Document, DocumentId};

use super::{Failure, Notice, Session, SessionError};
use crate::shell::loader::{LoadError, Loaded, Part};

/// What is asked of the loader.
#[derive(Debug, Default)]
pub(super) struct Loads {
    asked: VecDeque<(DocumentId, Part)>,
    /// What the loader reads now; `None` also when nobody wants it any more.
    current: Option<(DocumentId, Part)>,
    /// Why documents could not be read, until they are asked for again.
    failed: BTreeMap<DocumentId, Failure>,
}

impl Loads {
    /// Asks for a document, unless that was done and is not answered.
    fn ask(&mut self, document: DocumentId, part: Part) {
        if !self.awaits(document, part) {
            self.failed.remove(&document);
            self.asked.push_back((document, part));
        }
    }

    fn awaits(&self, document: DocumentId, part: Part) -> bool {
        self.current == Some((document, part)) || self.asked.contains(&(document, part))
    }

    /// What is being read of a document is not wanted any more: it is, or may soon be, older than what is in memory.
    pub(super) fn forget(&mut self, document: DocumentId) {
        self.asked.retain(|(asked, _)| *asked != document);
        self.current = self.current.filter(|(current, _)| *current != document);
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

    /// Lets the loader read the next document: one that was asked for, else one of `background` that is not open.
    pub(super) fn load_next(&mut self, background: &[DocumentId]) {
        while self.loads.current.is_none() {
            let closed = |id: &&DocumentId| !self.open.contains_key(id) && !self.unreadable.contains(id);
            let asked = self.loads.asked.front().copied();
            let next = asked.or_else(|| {
                let next = background.iter().find(closed).filter(|_| self.online);
                next.map(|id| (*id, Part::Whole))
            });
            let Some((id, part)) = next else { return };
            match self.records.get(&id).map(|record| record.replica).filter(|_| !self.open.contains_key(&id)) {
                Some(replica) if !self.loader.ask(id, replica, part) => return,
                Some(_) => self.loads.current = next,
                None => {}
            }
            if asked.is_some() {
                self.loads.asked.pop_front();
            }
        }
    }

    /// Takes what the loader has read, if it is still wanted.
    pub(super) fn take_loaded(&mut self, now: Now, loaded: Loaded) {
        let Some((document, _)) = self.loads.current.take() else { return };
        match loaded {
            Loaded::Text(text) => {
                // A document that cannot be read is reported when it is opened; a search goes on without it.
                self.notices.push(Notice::TextRead { document, text: text.ok() });
            }
            Loaded::Whole(read) => match *read {
                Ok(read) => self.take_document(now, document, read),
                Err(error) => self.take_load_error(document, error),
            },
        }
    }

    fn take_document(&mut self, now: Now, id: DocumentId, document: Document) {
        if let Err(error) = self.adopt(document, false) {
            self.loads.failed.insert(id, error.into());
            return;
        }
        let in_background = self.online && self.background().contains(&id);
        if let Some(open) = self.open.get_mut(&id).filter(|_| in_background) {
            open.replica.go_online(now);
        }
        self.notices.push(Notice::ListChanged);
    }

    fn take_load_error(&mut self, document: DocumentId, error: LoadError) {
        if !self.unreadable.contains(&document) {
            self.unreadable.push(document);
            self.notices.push(Notice::Unreadable { document, error: error.to_string() });
        }
        self.loads.failed.insert(document, SessionError::from(error).into());
    }
}
