//! Taking the documents of a recovery file into the library.

use std::collections::BTreeSet;

use quire_crdt::DocumentId;
use serde_json::json;

use super::{Awaited, Begun, Job};
use crate::editor::link::Link;
use crate::editor::recovery::Contents;
use crate::session::{Failure, Session, SessionError};

impl Session {
    /// Makes a copy of each document that is not here yet, which fills as its relay is reached; those that are here are left alone.
    /// Nothing is made if one of the links cannot be read. The text beside the request is the file's contents.
    pub(super) fn begin_recover(&mut self, job: &mut Job) -> Result<Option<Begun>, Failure> {
        let unreadable = |_| Failure::new(Failure::FAILED, "the contents of the recovery file cannot be read");
        let contents: Contents = serde_json::from_str(&job.text).map_err(unreadable)?;
        let mut documents = Vec::new();
        for entry in contents.documents {
            let link: Link = entry.link.expose().parse().map_err(SessionError::from)?;
            documents.push((link, entry.title, entry.archived));
        }
        for (link, title, archived) in &documents {
            let id = link.document;
            if self.records.contains_key(&id) || self.making.contains_key(&id) {
                continue;
            }
            let (id, mut record) = self.new_record(link.keys.clone(), Some(link.relay.clone()))?;
            record.title.clone_from(title);
            record.archived = *archived;
            if !self.make_of(id, record) {
                // The disk is behind: the next pump asks again.
                return Ok(None);
            }
            job.documents.insert(id);
        }
        let added: Vec<DocumentId> = job.documents.iter().copied().collect();
        for id in &added {
            if !self.is_made(*id)? {
                return Ok(None);
            }
        }
        let all: BTreeSet<DocumentId> = documents.iter().map(|(link, ..)| link.document).collect();
        let names = |ids: &mut dyn Iterator<Item = &DocumentId>| ids.map(ToString::to_string).collect::<Vec<_>>();
        let here = names(&mut all.iter().filter(|id| !job.documents.contains(id)));
        let value = json!({ "added": names(&mut added.iter()), "here": here });
        Ok(Some(Begun { documents: added, ..Begun::of(Awaited::Disk, None, value) }))
    }
}
