//! A document of the session as the text area sees it.

use std::ops::Range;

use quire_crdt::{DocumentId, EditError, Patch, Text};

use crate::editor::buffer::Buffer;
use crate::session::{Notice, Session, SessionError};

/// An open document of the session.
pub(super) struct SessionBuffer<'a> {
    session: &'a mut Session,
    id: DocumentId,
    /// What happened besides changes of this text, for whoever shows it.
    happened: &'a mut Vec<Notice>,
    /// What stands in for the text should the document have been closed.
    empty: Text,
}

impl<'a> SessionBuffer<'a> {
    /// The document `id`; what happens besides changes of its text goes to the end of `happened`.
    pub(super) fn new(session: &'a mut Session, id: DocumentId, happened: &'a mut Vec<Notice>) -> Self {
        Self { session, id, happened, empty: Text::new() }
    }

    /// Ends a batch of edits, so that the disk gets them.
    pub(super) fn commit(&mut self) {
        if self.session.commit(self.id).is_err() {
            debug_assert!(false, "the document of the text area is open");
        }
    }

    fn edit(&mut self, range: Range<usize>, text: &str) -> Result<(), SessionError> {
        if !range.is_empty() {
            self.session.delete(self.id, range.clone())?;
        }
        if !text.is_empty() {
            self.session.insert(self.id, range.start, text)?;
        }
        Ok(())
    }
}

impl Buffer for SessionBuffer<'_> {
    fn text(&self) -> &Text {
        self.session.document(self.id).map_or(&self.empty, |document| document.text())
    }

    fn replace(&mut self, range: Range<usize>, text: &str) -> Result<(), EditError> {
        let outside = EditError::Range { start: range.start, end: range.end, len: self.text().len_chars() };
        self.edit(range, text).map_err(|error| match error {
            SessionError::Edit(error) => error,
            _ => outside,
        })
    }

    fn refuses(&mut self) -> bool {
        let refuses = !self.session.can_write(self.id);
        if refuses {
            self.happened.push(Notice::ReadOnly { document: self.id });
        }
        refuses
    }

    fn undo(&mut self) -> bool {
        self.session.undo(self.id).unwrap_or(false)
    }

    fn redo(&mut self) -> bool {
        self.session.redo(self.id).unwrap_or(false)
    }

    fn end_undo_group(&mut self) {
        if self.session.end_undo_group(self.id).is_err() {
            debug_assert!(false, "the document of the text area is open");
        }
    }

    fn take_patches(&mut self, patches: &mut Vec<Patch>) {
        for notice in self.session.pump() {
            if let Notice::Patched { document, patch } = notice
                && document == self.id
            {
                patches.push(patch);
            }
            self.happened.push(notice);
        }
    }
}
