//! Looking for words in the texts of all documents, a document at a time, so that no frame waits for more than one; those that are
//! not open are read from the disk meanwhile.

use std::collections::BTreeMap;

use quire_crdt::DocumentId;

use crate::editor::library_view::find_passage;
use crate::session::Session;

/// The most bytes of texts that are remembered between two searches.
const REMEMBERED_BYTES_MAX: usize = 32 * 1024 * 1024;

/// What is known about the texts.
#[derive(Debug, Default)]
pub(super) struct Search {
    query: String,
    /// What was found where; a document that is missing was not looked into yet.
    found: BTreeMap<DocumentId, Option<String>>,
    /// Texts of documents that are not open, with the time of their last edit.
    remembered: BTreeMap<DocumentId, (i64, String)>,
    /// The document whose text is being read, and the time of its last edit.
    awaited: Option<(DocumentId, i64)>,
}

impl Search {
    /// Starts to look for these words.
    pub(super) fn look_for(&mut self, query: &str) {
        query.trim().clone_into(&mut self.query);
        self.found.clear();
    }

    /// The passage that was found in a document's text.
    pub(super) fn passage(&self, id: DocumentId) -> Option<String> {
        self.found.get(&id).cloned().flatten()
    }

    /// The text of this document has changed.
    pub(super) fn forget(&mut self, id: DocumentId) {
        self.found.remove(&id);
        self.remembered.remove(&id);
        self.awaited = self.awaited.filter(|(awaited, _)| *awaited != id);
    }

    /// Looks into one more document of `documents` (each with the time of its last edit); false when all are known, or the text of the
    /// next one is awaited.
    pub(super) fn step(&mut self, session: &mut Session, documents: &[(DocumentId, i64)]) -> bool {
        if self.query.is_empty() {
            return false;
        }
        let Some(&(id, edited_us)) = documents.iter().find(|(id, _)| !self.found.contains_key(id)) else {
            return false;
        };
        let passage = match (session.document(id), self.remembered.get(&id)) {
            (Some(document), _) => find_passage(&document.text().slice(0..document.text().len_chars()), &self.query),
            (None, Some((at, text))) if *at == edited_us => find_passage(text, &self.query),
            (None, _) => {
                if self.awaited != Some((id, edited_us)) || !session.reads_text(id) {
                    self.awaited = Some((id, edited_us));
                    session.read_text(id);
                }
                return false;
            }
        };
        self.found.insert(id, passage);
        true
    }

    /// The text of a document that is not open has come; `None`: it cannot be read, and the search goes on without it.
    pub(super) fn take_text(&mut self, id: DocumentId, text: Option<String>) {
        let Some((_, edited_us)) = self.awaited.filter(|(awaited, _)| *awaited == id) else { return };
        self.awaited = None;
        match text {
            Some(text) => self.remember(id, edited_us, text),
            None => drop(self.found.insert(id, None)),
        }
    }

    fn remember(&mut self, id: DocumentId, edited_us: i64, text: String) {
        let total: usize = self.remembered.values().map(|(_, text)| text.len()).sum();
        if total + text.len() > REMEMBERED_BYTES_MAX {
            self.remembered.clear();
        }
        self.remembered.insert(id, (edited_us, text));
    }
}
