//! Looking for words in the texts of all documents, a document at a time, so that no frame waits for more than one.

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
    }

    /// Looks into one more document of `documents` (each with the time of its last edit); false when all are known.
    pub(super) fn step(&mut self, session: &mut Session, documents: &[(DocumentId, i64)]) -> bool {
        if self.query.is_empty() {
            return false;
        }
        let Some(&(id, edited_us)) = documents.iter().find(|(id, _)| !self.found.contains_key(id)) else {
            return false;
        };
        let passage = match session.document(id) {
            Some(document) => find_passage(&document.text().slice(0..document.text().len_chars()), &self.query),
            None => self.look_into_stored(session, id, edited_us),
        };
        self.found.insert(id, passage);
        true
    }

    fn look_into_stored(&mut self, session: &mut Session, id: DocumentId, edited_us: i64) -> Option<String> {
        if self.remembered.get(&id).is_none_or(|(at, _)| *at != edited_us) {
            // A document that cannot be read is reported when it is opened; a search goes on without it.
            let text = session.text(id).ok()?;
            self.remember(id, edited_us, text);
        }
        self.remembered.get(&id).and_then(|(_, text)| find_passage(text, &self.query))
    }

    fn remember(&mut self, id: DocumentId, edited_us: i64, text: String) {
        let total: usize = self.remembered.values().map(|(_, text)| text.len()).sum();
        if total + text.len() > REMEMBERED_BYTES_MAX {
            self.remembered.clear();
        }
        self.remembered.insert(id, (edited_us, text));
    }
}
