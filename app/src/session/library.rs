//! A library on several devices: its list is a document that each of them has, and whatever one puts into it the others get.

use std::collections::{BTreeMap, BTreeSet};

use quire_crdt::keys::RootSecret;
use quire_crdt::{Document, DocumentId, Value};

use super::documents::random;
use super::{DEVICE_KEY_PREFIX, Notice, Session, SessionError};
use crate::editor::link::{Link, LinkKeys, RelayAddress};
use crate::editor::listing::{self, EDITED_MINUTES, Said};
use crate::shell::preferences;
use crate::shell::store::DocumentRecord;

/// How many entries of the list one pump looks at, and how many it writes.
const ENTRIES_PER_PUMP_MAX: usize = 64;

/// What is known of the list.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// The document that it is, if this library is on several devices.
    pub(super) document: Option<DocumentId>,
    /// Keys of its map that were written and not looked at since.
    heard: BTreeSet<String>,
    /// The documents that it is known to have as they are here.
    listed: BTreeSet<DocumentId>,
    /// When a device last wrote in each, as far as the list says: wall clock, microseconds since the Unix epoch.
    edited: BTreeMap<DocumentId, i64>,
    /// Whether something may be here that it lacks.
    is_behind: bool,
    /// Keys of links whose documents the disk refused: they are looked at again when it takes a write.
    refused: BTreeSet<String>,
}

impl Listing {
    /// What is known before the list was read.
    pub(super) fn of<'a>(mut records: impl Iterator<Item = (&'a DocumentId, &'a DocumentRecord)>) -> Self {
        let list = records.find(|(_, record)| record.is_library());
        Self { document: list.map(|(id, _)| *id), ..Self::default() }
    }

    /// When the document was last written in on any device, as far as the list says.
    pub(super) fn edited_us(&self, id: DocumentId) -> i64 {
        self.edited.get(&id).copied().unwrap_or(i64::MIN)
    }

    /// The list was opened: all of it is to be looked at.
    pub(super) fn opened(&mut self, list: &Document) {
        self.document = Some(list.id());
        self.heard = list.map().iter().map(|(key, _)| key.to_owned()).collect();
        self.is_behind = true;
    }

    /// A key of the list was written.
    pub(super) fn hear(&mut self, key: String) {
        self.heard.insert(key);
    }

    /// The disk refused a new document: whether the list wanted it.
    pub(super) fn refuse(&mut self, id: DocumentId) -> bool {
        let is_listed = self.listed.remove(&id);
        if is_listed {
            self.refused.insert(listing::link_key(id));
        }
        is_listed
    }

    /// The disk works: what it refused may be made.
    pub(super) fn try_again(&mut self) {
        self.heard.append(&mut self.refused);
    }

    /// Whether everything that came for it was looked at.
    pub(super) fn is_settled(&self) -> bool {
        self.heard.is_empty() && !self.is_behind
    }
}

impl Session {
    /// The link by which another device of the same person gets this library, if one was made.
    pub fn library_link(&self) -> Option<Link> {
        self.listing.document.and_then(|list| self.link(list))
    }

    /// Makes the list of this library at a relay (the one named, or else the one in the settings), if it has none, and gives its link. From then on every
    /// document of the library is shared, those that were not at the list's relay. Waits for the disk.
    ///
    /// # Errors
    /// A [`SessionError`] when there is no relay to share it at, it has another one, or the disk refuses.
    pub fn share_library(&mut self, relay: Option<RelayAddress>) -> Result<Link, SessionError> {
        if let Some(list) = self.listing.document {
            return self.share(list, relay);
        }
        let path = self.store.folder().join(preferences::FILE_NAME);
        let relay = relay.or_else(|| self.settings.relay.clone()).ok_or(SessionError::NoRelay { path })?;
        let keys = LinkKeys::Library(RootSecret::from_bytes(random()?));
        let id = self.add(keys, Some(relay))?;
        self.share(id, None)
    }

    /// This library is in step with no other device any more: its list is forgotten here, documents stay. Waits for the disk.
    ///
    /// # Errors
    /// A [`SessionError`] when the disk refuses.
    pub fn leave_library(&mut self) -> Result<bool, SessionError> {
        let Some(list) = self.listing.document else { return Ok(false) };
        self.remove(list)?;
        self.listing = Listing::default();
        Ok(true)
    }

    /// The names of the devices that have this library, this one included, in order.
    pub fn library_devices(&self) -> Vec<String> {
        let list = self.listing.document.and_then(|list| self.document(list));
        let names = list.into_iter().flat_map(|list| list.map().iter());
        let name = |(key, value): (&str, &Value)| match value {
            Value::Text(name) if key.starts_with(DEVICE_KEY_PREFIX) => Some(name.clone()),
            _ => None,
        };
        let names: BTreeSet<String> = names.filter_map(name).collect();
        names.into_iter().collect()
    }

    /// A library is on the devices of one list.
    pub(super) fn check_library(&self, link: &Link) -> Result<(), SessionError> {
        match self.listing.document {
            Some(list) if link.keys.is_library() && list != link.document => Err(SessionError::OtherLibrary),
            _ => Ok(()),
        }
    }

    /// Does here what the list says, and writes into the list what it lacks. Each call waits for the disk once at most.
    pub(super) fn keep_in_step(&mut self) {
        let Some(list) = self.listing.document.filter(|list| self.open.contains_key(list)) else { return };
        self.listing.is_behind |= self.notices.contains(&Notice::ListChanged);
        if let Err(error) = self.take_from_list(list).and_then(|()| self.put_into_list(list)) {
            // What was not done is looked at again when something changes.
            self.listing.is_behind = false;
            tracing::warn!(%error, "the library is not in step");
        }
        self.behind |= !self.listing.is_settled() && self.making.is_empty();
    }

    fn take_from_list(&mut self, list: DocumentId) -> Result<(), SessionError> {
        for _ in 0..ENTRIES_PER_PUMP_MAX {
            let Some(key) = self.listing.heard.pop_first() else { return Ok(()) };
            let value = self.document(list).and_then(|list| list.map().get(&key).cloned());
            let said = value.and_then(|value| listing::read(&key, &value));
            let waited = match said {
                None => false,
                Some((id, Said::Edited(wall_us))) => {
                    self.listing.edited.insert(id, wall_us);
                    false
                }
                Some((id, Said::Archived(archived))) => self.take_archived(id, archived)?,
                Some((id, Said::Link(link))) if self.records.contains_key(&id) => self.take_link(&link)?,
                Some((id, Said::Link(link))) if self.has_left(list, id) => {
                    tracing::debug!(document = %link.document, "it was removed from this device");
                    false
                }
                Some((id, Said::Link(link))) => {
                    if !self.making.contains_key(&id) && !self.make_listed(list, &link)? {
                        // The disk is behind: it answers, and the next pump goes on.
                        self.listing.heard.insert(key);
                        return Ok(());
                    }
                    false
                }
            };
            if waited {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Whether somebody removed the document from this device.
    fn has_left(&self, list: DocumentId, id: DocumentId) -> bool {
        self.records.get(&list).is_some_and(|record| record.left.contains(&id))
    }

    /// A copy of a document that is in the list and not here; whether the disk will answer.
    fn make_listed(&mut self, list: DocumentId, link: &Link) -> Result<bool, SessionError> {
        let (id, mut record) = self.new_record(link.keys.clone(), Some(link.relay.clone()))?;
        let archived = self.document(list).and_then(|list| list.map().get(&listing::archived_key(id)));
        record.archived = archived == Some(&Value::Flag(true));
        // That it came here is no edit.
        record.edited_us = self.listing.edited_us(id).max(0);
        self.listing.listed.insert(id);
        Ok(self.make_of(id, record))
    }

    /// Whether that waited for the disk.
    fn take_archived(&mut self, id: DocumentId, archived: bool) -> Result<bool, SessionError> {
        let differs = self.records.get(&id).is_some_and(|record| record.archived != archived);
        if differs {
            self.change_record(id, |record| record.archived = archived)?;
        }
        Ok(differs)
    }

    /// The list's link of a document that is here: whether taking it waited for the disk.
    fn take_link(&mut self, link: &Link) -> Result<bool, SessionError> {
        let id = link.document;
        let Some(here) = self.records.get(&id) else { return Ok(false) };
        let gives_keys = link.keys.can_write() && !self.can_write(id);
        let moves = here.relay.as_ref() != Some(&link.relay);
        if link.keys.can_write() || !self.can_write(id) {
            self.listing.listed.insert(id);
        } else {
            // Others can only read it so far.
            self.listing.listed.remove(&id);
            self.listing.is_behind = true;
        }
        self.take_keys(link)?;
        if here_is_shared_elsewhere(self.records.get(&id), &link.relay) {
            self.move_to_relay(id, link.relay.clone())?;
        } else if moves {
            self.change_record(id, |record| record.relay = Some(link.relay.clone()))?;
            self.link_open(id);
        }
        Ok(gives_keys || moves)
    }

    fn put_into_list(&mut self, list: DocumentId) -> Result<(), SessionError> {
        if !self.listing.is_behind || !self.listing.heard.is_empty() || !self.can_write(list) {
            return Ok(());
        }
        self.introduce(list)?;
        let relay = self.records.get(&list).and_then(|record| record.relay.clone());
        let lacks = |(id, record): &(&DocumentId, &DocumentRecord)| {
            let is_news = !self.listing.listed.contains(*id) || self.is_written_since(**id, record);
            is_news && record.keys.is_some() && !record.is_library()
        };
        let lacking: Vec<DocumentId> =
            self.records.iter().filter(lacks).map(|(id, _)| *id).take(ENTRIES_PER_PUMP_MAX).collect();
        self.listing.is_behind = !lacking.is_empty();
        for id in lacking {
            if self.records.get(&id).is_some_and(|record| record.relay.is_none()) {
                // Its first link is on disk before others have it.
                self.change_record(id, |record| record.relay.clone_from(&relay))?;
                self.link_open(id);
                break;
            }
            self.put_entry(list, id)?;
        }
        self.commit(list)
    }

    /// Whether this device has written in it since the list was told.
    fn is_written_since(&self, id: DocumentId, record: &DocumentRecord) -> bool {
        let told_us = self.listing.edited_us(id);
        record.edited_by.is_empty() && record.edited_us.saturating_sub(told_us) >= EDITED_MINUTES * 60_000_000
    }

    fn put_entry(&mut self, list: DocumentId, id: DocumentId) -> Result<(), SessionError> {
        let Some(record) = self.records.get(&id) else { return Ok(()) };
        let (archived, edited_us) = (record.archived, record.edited_us);
        let is_written = self.is_written_since(id, record);
        let link = self.link(id).map(|link| Value::Text(link.to_string()));
        let mut entries = vec![(listing::link_key(id), link)];
        if is_written {
            entries.push((listing::edited_key(id), Some(listing::edited_value(edited_us))));
            self.listing.edited.insert(id, edited_us);
        }
        if archived {
            entries.push((listing::archived_key(id), Some(Value::Flag(true))));
        }
        for (key, value) in entries {
            if self.document(list).is_some_and(|list| list.map().get(&key) != value.as_ref()) {
                self.set(list, &key, value)?;
            }
        }
        self.listing.listed.insert(id);
        Ok(())
    }

    /// Tells the other devices that a document was put away, brought back, or moved to another relay. Waits for the disk if the list is not open.
    pub(super) fn tell_library(&mut self, id: DocumentId) -> Result<(), SessionError> {
        let Some(list) = self.listing.document.filter(|list| *list != id) else { return Ok(()) };
        self.load(list, false)?;
        let archived = self.records.get(&id).map(|record| Value::Flag(record.archived));
        let link = self.link(id).map(|link| Value::Text(link.to_string()));
        for (key, value) in [(listing::archived_key(id), archived), (listing::link_key(id), link)] {
            let known = self.document(list).and_then(|list| list.map().get(&key));
            // What is as it always was need not be said.
            let is_news = known != value.as_ref() && !(known.is_none() && value == Some(Value::Flag(false)));
            if value.is_some() && is_news {
                self.set(list, &key, value)?;
            }
        }
        self.commit(list)
    }

    /// Somebody removes a document from this device, or brings it back by its link: the list does not bring it back, or may.
    pub(super) fn leave(&mut self, id: DocumentId, leaves: bool) -> Result<(), SessionError> {
        let Some(list) = self.listing.document.filter(|list| *list != id) else { return Ok(()) };
        if self.has_left(list, id) == leaves {
            return Ok(());
        }
        self.change_record(list, |record| {
            if leaves {
                record.left.insert(id);
            } else {
                record.left.remove(&id);
            }
        })
    }

    /// This device has written in a document: the list is told now and then.
    pub(super) fn note_writing(&mut self, id: DocumentId) {
        let is_told = |record: &DocumentRecord| !self.is_written_since(id, record);
        if self.listing.document.is_some_and(|list| list != id) && !self.records.get(&id).is_none_or(is_told) {
            self.listing.is_behind = true;
        }
    }
}

/// Whether the document is shared, and at another relay.
fn here_is_shared_elsewhere(record: Option<&DocumentRecord>, relay: &RelayAddress) -> bool {
    record.and_then(|record| record.relay.as_ref()).is_some_and(|there| there != relay)
}

#[cfg(test)]
mod tests;
