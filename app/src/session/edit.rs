//! What a person does to a document. Nothing here waits.

use std::ops::Range;

use bytes::Bytes;
use quire_crdt::sync::Replica;
use quire_crdt::{DocumentId, Value};

use super::documents::device_name;
use super::open::OpenDocument;
use super::{DEVICE_KEY_PREFIX, Session, SessionError, TITLE_CHARS_MAX, TITLE_KEY};
use crate::editor::link::LinkKeys;

impl Session {
    /// Inserts text at a position in chars.
    ///
    /// # Errors
    /// A [`SessionError`] when the document is not open or the position is outside its text.
    pub fn insert(&mut self, id: DocumentId, at: usize, text: &str) -> Result<(), SessionError> {
        self.introduce(id)?;
        Ok(self.replica(id)?.insert(at, text)?)
    }

    /// Deletes a range of chars.
    ///
    /// # Errors
    /// A [`SessionError`] when the document is not open or the range is outside its text.
    pub fn delete(&mut self, id: DocumentId, range: Range<usize>) -> Result<(), SessionError> {
        self.introduce(id)?;
        Ok(self.replica(id)?.delete(range)?)
    }

    /// Writes a key of the map, or removes it.
    ///
    /// # Errors
    /// A [`SessionError`] when the document is not open, or key and value are too long.
    pub fn set(&mut self, id: DocumentId, key: &str, value: Option<Value>) -> Result<(), SessionError> {
        self.introduce(id)?;
        Ok(self.replica(id)?.set(key, value)?)
    }

    /// Gives the document a title of at most [`TITLE_CHARS_MAX`] characters (more are cut off), and settles a conflict about it.
    ///
    /// # Errors
    /// As [`Session::set`].
    pub fn set_title(&mut self, id: DocumentId, title: &str) -> Result<(), SessionError> {
        let title = title.trim().chars().filter(|c| !c.is_control()).take(TITLE_CHARS_MAX).collect();
        self.set(id, TITLE_KEY, Some(Value::Text(title)))
    }

    /// The titles that were given at once, the one that is shown first: with each, the device that gave it. More than one is a
    /// conflict, which [`Session::set_title`] settles.
    pub fn titles(&self, id: DocumentId) -> Vec<(String, String)> {
        let Some(document) = self.document(id) else { return Vec::new() };
        let entries = document.map().entries(TITLE_KEY).iter();
        entries
            .filter_map(|entry| match &entry.value {
                Some(Value::Text(title)) => Some((title.clone(), device_name(document, entry.id.replica))),
                _ => None,
            })
            .collect()
    }

    /// Undoes this device's newest group of edits; whether there was one.
    ///
    /// # Errors
    /// [`SessionError::NotOpen`].
    pub fn undo(&mut self, id: DocumentId) -> Result<bool, SessionError> {
        Ok(self.replica(id)?.undo())
    }

    /// Makes again what was undone last; whether there was something.
    ///
    /// # Errors
    /// [`SessionError::NotOpen`].
    pub fn redo(&mut self, id: DocumentId) -> Result<bool, SessionError> {
        Ok(self.replica(id)?.redo())
    }

    /// The next edit starts a new group for undo.
    ///
    /// # Errors
    /// [`SessionError::NotOpen`].
    pub fn end_undo_group(&mut self, id: DocumentId) -> Result<(), SessionError> {
        self.replica(id)?.end_undo_group();
        Ok(())
    }

    /// Seals the edits since the last commit; the next [`Session::pump`] hands them to the disk. Call it after each batch.
    ///
    /// # Errors
    /// [`SessionError::NotOpen`].
    pub fn commit(&mut self, id: DocumentId) -> Result<(), SessionError> {
        self.replica(id)?.commit();
        Ok(())
    }

    /// What others may show of this device in this document; `None` when it is gone.
    ///
    /// # Errors
    /// A [`SessionError`] when the document is not open or the payload is too long.
    pub fn set_presence(&mut self, id: DocumentId, payload: Option<Bytes>) -> Result<(), SessionError> {
        Ok(self.replica(id)?.set_presence(payload)?)
    }

    /// Whether the disk refused something that it has not taken since.
    pub fn write_failed(&self) -> bool {
        self.open.values().any(OpenDocument::write_failed)
    }

    /// Asks the disk again for everything that it refused.
    pub fn retry_writes(&mut self) {
        let now = self.now();
        for open in self.open.values_mut().filter(|open| open.writes.error.is_some()) {
            open.retry_write(now);
        }
    }

    pub(super) fn commit_all(&mut self) {
        let time_s = self.now().wall_s();
        for open in self.open.values_mut() {
            open.replica.set_time(time_s);
            open.replica.commit();
        }
    }

    pub(super) fn replica(&mut self, id: DocumentId) -> Result<&mut Replica, SessionError> {
        let time_s = self.now().wall_s();
        let open = self.open.get_mut(&id).ok_or(SessionError::NotOpen { document: id })?;
        open.replica.set_time(time_s);
        Ok(&mut open.replica)
    }

    /// Whether the document can be written here, and not only read.
    pub fn can_write(&self, id: DocumentId) -> bool {
        let keys = self.records.get(&id).and_then(|record| record.keys.as_ref());
        keys.is_none_or(LinkKeys::can_write)
    }

    /// Writes this device's name into the document before its first edit there, and before the first under another name.
    ///
    /// # Errors
    /// [`SessionError::ReadOnly`], as for every edit that follows.
    pub(super) fn introduce(&mut self, id: DocumentId) -> Result<(), SessionError> {
        if !self.can_write(id) {
            return Err(SessionError::ReadOnly { document: id });
        }
        let open = self.open.get_mut(&id).ok_or(SessionError::NotOpen { document: id })?;
        if open.introduced_as.is_some() || !self.options.introduces {
            return Ok(());
        }
        let label = self.settings.device_label();
        let value = Value::Text(label.clone());
        let key = format!("{DEVICE_KEY_PREFIX}{}", open.replica.document().replica());
        if open.replica.document().map().get(&key) != Some(&value) {
            open.replica.end_undo_group();
            open.replica.set(&key, Some(value))?;
            open.replica.end_undo_group();
        }
        open.introduced_as = Some(label);
        Ok(())
    }
}
