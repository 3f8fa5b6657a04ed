//! Sharing a document, joining one, going on line and off line.

use quire_crdt::DocumentId;

use super::{Notice, Session, SessionError};
use crate::editor::link::{Link, RelayAddress};
use crate::shell::preferences;
use crate::shell::store::DocumentRecord;

impl Session {
    /// Shares a document at a relay (the one named, else its own, else the one in the settings), and gives its link. Does not wait
    /// for the relay, but for the disk if the document is not open.
    ///
    /// # Errors
    /// A [`SessionError`] when there is no relay to share it at, it is shared at another one, or the disk refuses.
    pub fn share(&mut self, id: DocumentId, relay: Option<RelayAddress>) -> Result<Link, SessionError> {
        let record = self.records.get(&id).ok_or_else(|| SessionError::NoDocument { text: id.to_string() })?;
        let keys = record.keys.clone().ok_or(SessionError::NoKeys { document: id })?;
        let relay = match (record.relay.clone(), relay) {
            (Some(there), Some(asked)) if there != asked => {
                return Err(SessionError::OtherRelay { document: id, there: there.into(), asked: asked.into() });
            }
            (Some(there), _) => there,
            (None, asked) => {
                let path = self.store.folder().join(preferences::FILE_NAME);
                let relay = asked.or_else(|| self.settings.relay.clone()).ok_or(SessionError::NoRelay { path })?;
                self.change_record(id, |record| record.relay = Some(relay.clone()))?;
                relay
            }
        };
        self.load(id, false)?;
        self.link_open(id);
        self.notices.push(Notice::StatusChanged { document: id });
        Ok(Link { relay, document: id, keys })
    }

    /// Moves a shared document to another relay: the new one is filled with everything that is here, and old links lead to the
    /// old one still. Waits for the disk.
    ///
    /// # Errors
    /// A [`SessionError`] when there is no such document, or the disk refuses.
    pub fn move_to_relay(&mut self, id: DocumentId, relay: RelayAddress) -> Result<Link, SessionError> {
        let now = self.now();
        self.load(id, false)?;
        self.replica(id)?.go_offline(now);
        self.drain(now, id);
        self.change_record(id, |record| record.relay = None)?;
        let link = self.share(id, Some(relay))?;
        self.tell_library(id)?;
        Ok(link)
    }

    /// The link of a document that is shared.
    pub fn link(&self, id: DocumentId) -> Option<Link> {
        let record = self.records.get(&id)?;
        Some(Link { relay: record.relay.clone()?, document: id, keys: record.keys.clone()? })
    }

    /// The document that a link leads to: at once if it is in the library, else an empty copy that fills as the relay is reached.
    /// Waits for the disk, not for the relay.
    ///
    /// # Errors
    /// A [`SessionError`] when the document is here and shared at another relay than the link's, the disk refuses, or there are
    /// no random numbers.
    pub fn join(&mut self, link: &Link) -> Result<DocumentId, SessionError> {
        let id = link.document;
        self.check_relay(link)?;
        self.check_library(link)?;
        self.leave(id, false)?;
        match self.records.get(&id).map(|record| (record.relay.is_some(), record.archived)) {
            None => drop(self.add(link.keys.clone(), Some(link.relay.clone()))?),
            Some((shared, archived)) => {
                self.take_keys(link)?;
                if archived {
                    self.archive(id, false)?;
                }
                if !shared {
                    self.change_record(id, |record| record.relay = Some(link.relay.clone()))?;
                }
                self.load(id, false)?;
                self.link_open(id);
            }
        }
        Ok(id)
    }

    /// An editor's link makes an editor of who had a viewer's.
    pub(super) fn take_keys(&mut self, link: &Link) -> Result<(), SessionError> {
        let known = self.records.get(&link.document).and_then(|record| record.keys.as_ref());
        if known.is_some_and(|known| link.keys.can_write() && !known.can_write()) {
            let keys = link.keys.clone();
            self.change_record(link.document, |record| record.keys = Some(keys))?;
        }
        Ok(())
    }

    /// A link may not lead to another relay than the one at which its document is shared.
    pub(super) fn check_relay(&self, link: &Link) -> Result<(), SessionError> {
        match self.link(link.document).map(|known| known.relay) {
            Some(there) if there != link.relay => Err(SessionError::OtherRelay {
                document: link.document,
                there: there.into(),
                asked: link.relay.clone().into(),
            }),
            _ => Ok(()),
        }
    }

    /// Whether documents are to be linked to their relays.
    pub const fn is_online(&self) -> bool {
        self.online
    }

    /// Links all open documents that have a relay, or ends all links and makes no more.
    pub fn set_online(&mut self, online: bool) {
        self.online = online;
        let now = self.now();
        for (id, open) in &mut self.open {
            let shared = self.records.get(id).is_some_and(DocumentRecord::is_shared);
            if !online {
                open.replica.go_offline(now);
            } else if shared {
                open.replica.go_online(now);
            }
            self.notices.push(Notice::StatusChanged { document: *id });
        }
    }
}
