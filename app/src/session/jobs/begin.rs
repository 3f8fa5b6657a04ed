//! What a request does, once the documents that it needs are open.

use std::path::PathBuf;

use quire_crdt::DocumentId;
use serde_json::{Value, json};

use super::{Awaited, Begun, Job};
use crate::editor::link::Link;
use crate::editor::secret::Secret;
use crate::session::documents::new_keys;
use crate::session::{Failure, Notice, Request, Session, SessionError, history};
use crate::shell::carrier::Since;

impl Session {
    /// Does what is asked, once every document that it needs is open; `None` until then.
    pub(super) fn begin(&mut self, job: &mut Job) -> Result<Option<Begun>, Failure> {
        match job.request.clone() {
            Request::New { title } => self.begin_new(job, &title),
            Request::List => {
                let list: Vec<Value> = self.list().iter().map(|summary| self.describe(summary.id)).collect();
                Ok(Some(Begun::of(Awaited::Nothing, None, json!(list))))
            }
            Request::Cat { id, at } => {
                let Some(id) = self.opened(job, &id)? else { return Ok(None) };
                let mut begun = Begun::of(Awaited::Nothing, None, self.describe(id));
                begun.answer.text = Some(self.text_at(id, at.as_ref())?);
                Ok(Some(begun))
            }
            Request::Share { id, relay, moves, viewer } => {
                let Some(id) = self.opened(job, &id)? else { return Ok(None) };
                let relay = relay.as_deref().map(str::parse).transpose().map_err(SessionError::from)?;
                let link = match relay {
                    Some(relay) if moves => self.move_to_relay(id, relay)?,
                    relay => self.share(id, relay)?,
                };
                let link = if viewer { link.for_viewers().map_err(SessionError::from)? } else { link };
                let value = json!({ "id": id.to_string(), "link": link.to_string(), "relay": link.relay.to_string() });
                Ok(Some(Begun::of(Awaited::Disk, Some(id), value)))
            }
            Request::Join { link, whole_library, timeout_ms } => {
                self.begin_join(job, link.expose(), whole_library, timeout_ms)
            }
            Request::AddDevice { relay } => self.begin_add_device(job, relay.as_deref()),
            Request::LeaveLibrary => {
                let left = self.leave_library()?;
                Ok(Some(Begun::of(Awaited::Nothing, None, json!({ "left": left }))))
            }
            Request::Recover => self.begin_recover(job),
            Request::Sync { ids, timeout_ms } => self.begin_sync(job, &ids, timeout_ms),
            Request::Log { id } => self.look_back(job, &id, |this, id| Ok(this.document(id).map(history::log))),
            Request::Diff { id, from, to } => {
                self.look_back(job, &id, |this, id| this.diff(id, &from, to.as_ref()).map(Some))
            }
            Request::Blame { id } => self.look_back(job, &id, |this, id| Ok(this.document(id).map(history::blame))),
            Request::Versions { id } => self.look_back(job, &id, |this, id| Ok(Some(this.describe_versions(id)))),
            Request::Restore { id, position, range } => {
                let Some(id) = self.opened(job, &id)? else { return Ok(None) };
                let value = self.restore_at(id, &position, range)?;
                Ok(Some(Begun::of(Awaited::Disk, Some(id), value)))
            }
            Request::Name { id, name, at, removes } => {
                let Some(id) = self.opened(job, &id)? else { return Ok(None) };
                let value = self.name_at(id, &name, at.as_ref(), removes)?;
                Ok(Some(Begun::of(Awaited::Disk, Some(id), value)))
            }
            Request::Bundle { id, file, since, version } => {
                let since = since.map_or_else(|| Since::Version(version.into_iter().collect()), Since::File);
                self.begin_bundle(job, &id, file, since)
            }
            Request::Apply { file } => self.begin_apply(job, file),
            Request::Show { id, link } => self.begin_show(job, id, link),
        }
    }

    fn begin_bundle(&mut self, job: &mut Job, id: &str, file: PathBuf, since: Since) -> Result<Option<Begun>, Failure> {
        let Some(id) = self.opened(job, id)? else { return Ok(None) };
        let made = self.carry_out(&mut job.carrying, id, file, since)?;
        Ok(made.map(|value| Begun::of(Awaited::Nothing, Some(id), value)))
    }

    fn begin_apply(&mut self, job: &mut Job, file: PathBuf) -> Result<Option<Begun>, Failure> {
        let Some(id) = self.carry_in(&mut job.carrying, file)? else { return Ok(None) };
        job.documents.insert(id);
        if !self.is_loaded(id)? {
            return Ok(None);
        }
        let taken = self.take_bundled(&mut job.carrying);
        Ok(taken.map(|value| Begun::of(Awaited::Disk, Some(id), value)))
    }

    /// The document whose id starts so, once it is open.
    fn opened(&mut self, job: &mut Job, id: &str) -> Result<Option<DocumentId>, Failure> {
        let id = self.find(id)?;
        job.documents.insert(id);
        Ok(self.is_loaded(id)?.then_some(id))
    }

    fn begin_new(&mut self, job: &mut Job, title: &str) -> Result<Option<Begun>, Failure> {
        let Some(id) = job.documents.first().copied() else {
            job.documents.extend(self.make(new_keys()?, None)?);
            return Ok(None);
        };
        if !self.is_made(id)? {
            return Ok(None);
        }
        self.fill_new(id, title, &job.text)?;
        Ok(Some(Begun::of(Awaited::Disk, Some(id), json!({ "id": id.to_string(), "title": self.title(id) }))))
    }

    fn begin_show(
        &mut self,
        job: &mut Job,
        id: Option<String>,
        link: Option<Secret>,
    ) -> Result<Option<Begun>, Failure> {
        if !self.options.has_window {
            let message = "the library is in use by a copy of Quire without a window: wait until it ends";
            return Err(Failure::new(Failure::LIBRARY, message));
        }
        let document = match id {
            None => None,
            Some(id) => match self.opened(job, &id)? {
                None => return Ok(None),
                opened => opened,
            },
        };
        if let Some(open) = document.and_then(|id| self.open.get_mut(&id)) {
            open.wanted = true;
        }
        self.notices.push(match link {
            Some(link) => Notice::OpenLink { link },
            None => Notice::Show { document },
        });
        let value = json!({ "shown": document.map(|id| id.to_string()) });
        Ok(Some(Begun::of(Awaited::Nothing, None, value)))
    }

    fn begin_add_device(&mut self, job: &mut Job, relay: Option<&str>) -> Result<Option<Begun>, Failure> {
        let relay = relay.map(str::parse).transpose().map_err(SessionError::from)?;
        let link = self.share_library(relay)?;
        job.documents.insert(link.document);
        let value = json!({ "link": link.to_string(), "relay": link.relay.to_string() });
        let begun = Begun::of(Awaited::Disk, Some(link.document), value);
        Ok(Some(Begun { is_whole: true, ..begun }))
    }

    fn begin_join(
        &mut self,
        job: &mut Job,
        link: &str,
        whole_library: bool,
        timeout_ms: u64,
    ) -> Result<Option<Begun>, Failure> {
        let link: Link = link.parse().map_err(SessionError::from)?;
        match (link.keys.is_library(), whole_library) {
            (true, false) => return Err(SessionError::WholeLibrary.into()),
            (false, true) => return Err(SessionError::OneDocument.into()),
            _ => {}
        }
        self.check_relay(&link)?;
        self.check_library(&link)?;
        let id = link.document;
        job.documents.insert(id);
        let is_ready = if self.records.contains_key(&id) {
            self.is_loaded(id)?
        } else if self.making.contains_key(&id) {
            self.is_made(id)?
        } else {
            // If the disk is behind, the next pump asks again.
            self.make(link.keys.clone(), Some(link.relay.clone()))?;
            false
        };
        if !is_ready {
            return Ok(None);
        }
        self.join(&link)?;
        self.set_online(true);
        let begun = Begun::of(Awaited::Received, Some(id), json!({ "id": id.to_string() }));
        Ok(Some(Begun { is_whole: whole_library, within_ms: timeout_ms, ..begun }))
    }

    fn begin_sync(&mut self, job: &mut Job, ids: &[String], timeout_ms: u64) -> Result<Option<Begun>, Failure> {
        let is_whole = ids.is_empty();
        let ids = self.shared_ones(ids)?;
        job.documents.extend(&ids);
        let mut are_open = true;
        for id in &ids {
            are_open &= self.is_loaded(*id)?;
        }
        if !are_open {
            return Ok(None);
        }
        self.link_all(&ids)?;
        let documents = ids.iter().filter(|id| self.listing.document != Some(**id));
        let list: Vec<String> = documents.map(ToString::to_string).collect();
        let version = |id: &DocumentId| Some((*id, self.document(*id)?.version().clone()));
        let wanted = ids.iter().filter_map(version).collect();
        let begun = Begun::of(Awaited::Saved, None, json!({ "synced": list }));
        Ok(Some(Begun { wanted, documents: ids, is_whole, within_ms: timeout_ms, ..begun }))
    }

    /// What is asked of a document's history, as JSON in the place of a text.
    fn look_back(
        &mut self,
        job: &mut Job,
        id: &str,
        look: impl FnOnce(&Self, DocumentId) -> Result<Option<Value>, SessionError>,
    ) -> Result<Option<Begun>, Failure> {
        let Some(id) = self.opened(job, id)? else { return Ok(None) };
        let seen = look(self, id)?;
        let mut begun = Begun::of(Awaited::Nothing, None, json!({ "id": id.to_string() }));
        begun.answer.text = Some(seen.unwrap_or_default().to_string());
        Ok(Some(begun))
    }

    /// Links documents to their relays for as long as the session lives: those with ids that start so, or all that are shared and not
    /// put away. Waits for the disk.
    ///
    /// # Errors
    /// A [`SessionError`] when there is no such document, it cannot be read, or it has no relay.
    pub fn keep_linked(&mut self, ids: &[String]) -> Result<(), SessionError> {
        let ids = self.shared_ones(ids)?;
        for id in &ids {
            self.open_document(*id)?;
        }
        self.link_all(&ids)
    }

    /// The documents meant by these ids; none: all that have a relay and are not put away.
    pub(super) fn shared_ones(&self, ids: &[String]) -> Result<Vec<DocumentId>, SessionError> {
        if !ids.is_empty() {
            return ids.iter().map(|id| self.find(id)).collect();
        }
        let shared = self.records.iter().filter(|(_, record)| record.relay.is_some() && !record.archived);
        Ok(shared.map(|(id, _)| *id).collect())
    }

    /// Links these open documents, sharing those that are not shared.
    fn link_all(&mut self, ids: &[DocumentId]) -> Result<(), SessionError> {
        self.set_online(true);
        for id in ids {
            self.share(*id, None)?;
        }
        Ok(())
    }
}
