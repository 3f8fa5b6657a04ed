//! Versions of a document by name or position, and giving them names.

use quire_crdt::{DocumentId, Entry, Value, VersionVector};
use serde_json::json;

use super::documents::device_name;
use super::request::At;
use super::{Notice, Session, SessionError};
use crate::editor::history::{
    NamedVersion, VERSION_KEY_PREFIX, clean_version_name, encode_named_version, named_versions,
};

impl Session {
    /// Gives a version of an open document a name: a new one, or in the place of what stands at this key of its map. Nothing is
    /// written if it is called so already, and not otherwise at the same time.
    ///
    /// # Errors
    /// A [`SessionError`] when the document is not open, the name is empty, or too many replicas wrote to be told in one value.
    pub fn name_version(
        &mut self,
        id: DocumentId,
        key: Option<&str>,
        name: &str,
        version: &VersionVector,
    ) -> Result<(), SessionError> {
        let value = encode_named_version(name, version).ok_or(SessionError::NoVersionName)?;
        self.introduce(id)?;
        let document = self.document(id).ok_or(SessionError::NotOpen { document: id })?;
        let own = document.replica();
        // No other replica, and no other write of this one, makes the same key.
        let new = || format!("{VERSION_KEY_PREFIX}{own}/{}", document.version().get(own));
        let key = key.map_or_else(new, ToOwned::to_owned);
        let is_so = |entries: &[Entry]| matches!(entries, [only] if only.value.as_ref() == Some(&value));
        if is_so(document.map().entries(&key)) {
            return Ok(());
        }
        self.write_version(id, key, Some(value))
    }

    /// Takes the name that stands at this key of an open document's map away from its version.
    ///
    /// # Errors
    /// [`SessionError::NotOpen`].
    pub fn remove_version_name(&mut self, id: DocumentId, key: &str) -> Result<(), SessionError> {
        self.write_version(id, key.to_owned(), None)
    }

    fn write_version(&mut self, id: DocumentId, key: String, value: Option<Value>) -> Result<(), SessionError> {
        self.end_undo_group(id)?;
        self.set(id, &key, value)?;
        self.end_undo_group(id)?;
        self.commit(id)?;
        self.notices.push(Notice::MapChanged { document: id, key });
        Ok(())
    }

    /// Names a version of an open document, or takes that name away; where it is.
    pub(super) fn name_at(
        &mut self,
        id: DocumentId,
        name: &str,
        at: Option<&At>,
        removes: bool,
    ) -> Result<serde_json::Value, SessionError> {
        if removes {
            let key = self.named(id, name)?.key;
            self.remove_version_name(id, &key)?;
            return Ok(json!({ "id": id.to_string(), "removed": name }));
        }
        self.commit(id)?;
        let version = self.version_at(id, at)?;
        self.name_version(id, None, name, &version)?;
        let document = self.document(id).ok_or(SessionError::NotOpen { document: id })?;
        let position = document.log().changes_up_to(&version).and_then(|changes| changes.checked_sub(1));
        Ok(json!({ "id": id.to_string(), "name": clean_version_name(name), "position": position }))
    }

    /// A version of an open document; none named: that of now.
    pub(super) fn version_at(&self, id: DocumentId, at: Option<&At>) -> Result<VersionVector, SessionError> {
        let document = self.document(id).ok_or(SessionError::NotOpen { document: id })?;
        match at {
            None => Ok(document.version().clone()),
            Some(At::Position(position)) => {
                let (position, changes) = (*position, document.log().len());
                let none = SessionError::NoChange { document: id, position, changes };
                document.log().version_after(position).ok_or(none)
            }
            Some(At::Name(name)) => {
                let named = self.named(id, name)?;
                let not_here = || SessionError::VersionNotHere { name: name.clone() };
                named.changes.map(|_| named.version).ok_or_else(not_here)
            }
        }
    }

    /// The text of an open document at a version; none named: that of now.
    pub(super) fn text_at(&self, id: DocumentId, at: Option<&At>) -> Result<String, SessionError> {
        if at.is_none() {
            return Ok(self.whole_text(id));
        }
        let version = self.version_at(id, at)?;
        Ok(self.document(id).map(|document| document.log().text_at(&version)).unwrap_or_default())
    }

    /// The named version of an open document that is called so.
    fn named(&self, id: DocumentId, name: &str) -> Result<NamedVersion, SessionError> {
        let document = self.document(id).ok_or(SessionError::NotOpen { document: id })?;
        let mut called = named_versions(document).into_iter().filter(|named| named.name == name.trim());
        let Some(found) = called.next() else {
            return Err(SessionError::NoVersion { document: id, name: name.to_owned() });
        };
        match called.count() {
            0 => Ok(found),
            more => Err(SessionError::AmbiguousVersion { name: name.to_owned(), matches: more + 1 }),
        }
    }

    /// The named versions of an open document.
    pub(super) fn describe_versions(&self, id: DocumentId) -> serde_json::Value {
        let Some(document) = self.document(id) else { return serde_json::Value::Null };
        let describe = |named: NamedVersion| {
            json!({
                "name": named.name,
                "also": named.rivals,
                "here": named.changes.is_some(),
                "position": named.changes.and_then(|changes| changes.checked_sub(1)),
                "time": named.time,
                "author": named.by.to_string(),
                "device": device_name(document, named.by),
            })
        };
        json!({ "versions": named_versions(document).into_iter().map(describe).collect::<Vec<_>>() })
    }
}
