//! The documents of the library: listing, finding, opening, making, putting away.

use quire_crdt::keys::{ReplicaSeed, RootSecret};
use quire_crdt::sync::{LinkState, Now, Replica, ReplicaConfig, Seals};
use quire_crdt::{Document, DocumentId, ReplicaId, Value};

use super::open::{OpenDocument, RecordState};
use super::{DEVICE_KEY_PREFIX, DocumentStatus, Failure, Notice, Session, SessionError, TITLE_KEY};
use crate::editor::link::{LinkKeys, RelayAddress};
use crate::shell::loader::{self, Read};
use crate::shell::store::DocumentRecord;

/// The most characters that are kept of a title.
pub const TITLE_CHARS_MAX: usize = 200;

/// What the list of a library is called where something is said of it.
const LIST_TITLE: &str = "The list of this library";

/// How many characters of a text are looked at for a line that can stand for a title.
const TITLE_SEARCH_CHARS: usize = 1000;

/// A document in the list.
#[derive(Clone, Debug, PartialEq)]
pub struct DocumentSummary {
    /// Its id.
    pub id: DocumentId,
    /// Its title, or its first line; empty: neither.
    pub title: String,
    /// When it was made here, by the wall clock, in microseconds.
    pub created_us: i64,
    /// When it was last changed here, by the wall clock, in microseconds.
    pub edited_us: i64,
    /// Who changed it then; empty: this device.
    pub edited_by: String,
    /// Whether it is put away.
    pub archived: bool,
    /// Where it is shared.
    pub relay: Option<RelayAddress>,
    /// How it stands, if it is open.
    pub status: Option<DocumentStatus>,
}

/// What remains of a document when it is removed from this device.
#[derive(Clone, Debug, PartialEq)]
pub struct RemovalReport {
    /// Where it is shared.
    pub relay: Option<RelayAddress>,
    /// How many edits of this device are only here, as far as is known: they would be lost.
    pub units_only_here: u64,
    /// The devices that said they hold every edit of this one.
    pub holders: Vec<String>,
}

/// A new copy of a document whose record is on its way to the disk.
#[derive(Debug)]
pub(super) struct Made {
    record: DocumentRecord,
    /// Why the disk refused it.
    error: Option<String>,
}

impl Session {
    /// All documents, the one that was edited last first. O(n log n).
    pub fn list(&self) -> Vec<DocumentSummary> {
        let summary = |(id, record): (&DocumentId, &DocumentRecord)| DocumentSummary {
            id: *id,
            title: self.title(*id),
            created_us: record.created_us,
            edited_us: record.edited_us,
            edited_by: record.edited_by.clone(),
            archived: record.archived,
            relay: record.relay.clone(),
            status: self.status(*id),
        };
        let mut list: Vec<_> = self.records.iter().filter(|(_, record)| !record.is_library()).map(summary).collect();
        list.sort_by_key(|summary| std::cmp::Reverse(summary.edited_us));
        list
    }

    /// The document whose id starts so.
    ///
    /// # Errors
    /// [`SessionError::NoDocument`] or [`SessionError::Ambiguous`].
    pub fn find(&self, text: &str) -> Result<DocumentId, SessionError> {
        // A link in the place of an id keeps its secret.
        let text = text.split('#').next().unwrap_or_default();
        let wanted = text.trim().to_lowercase();
        let documents = self.records.iter().filter(|(_, record)| !record.is_library());
        let mut matches = documents.filter(|(id, _)| !wanted.is_empty() && id.to_string().starts_with(&wanted));
        match (matches.next(), matches.count()) {
            (None, _) => Err(SessionError::NoDocument { text: text.to_owned() }),
            (Some((id, _)), 0) => Ok(*id),
            (Some(_), more) => Err(SessionError::Ambiguous { text: text.to_owned(), matches: more + 1 }),
        }
    }

    /// The document's title, or what stands for one: its first line. Empty: there is neither.
    pub fn title(&self, id: DocumentId) -> String {
        if self.listing.document == Some(id) {
            return LIST_TITLE.to_owned();
        }
        // A copy that has nothing yet is called what whoever gave the link, or a recovery file, called it.
        let document = self.open.get(&id).map(|open| open.replica.document()).filter(|known| !known.log().is_empty());
        let open = document.map(title_of);
        open.or_else(|| self.records.get(&id).map(|record| record.title.clone())).unwrap_or_default()
    }

    /// A new, empty document, open. Waits until its id is on disk.
    ///
    /// # Errors
    /// A [`SessionError`] when there are no random numbers or the disk refuses.
    pub fn create(&mut self) -> Result<DocumentId, SessionError> {
        self.add(new_keys()?, None)
    }

    /// A new document with this text, open; `title` is written into it unless it is empty. Waits until its id is on disk.
    ///
    /// # Errors
    /// As [`Session::create`]; or the title is too long.
    pub fn import(&mut self, title: &str, text: &str) -> Result<DocumentId, SessionError> {
        let id = self.create()?;
        self.fill_new(id, title, text)?;
        Ok(id)
    }

    /// Writes the title, unless it is empty, and the text of a new document.
    pub(super) fn fill_new(&mut self, id: DocumentId, title: &str, text: &str) -> Result<(), SessionError> {
        if !title.is_empty() {
            self.set_title(id, title)?;
        }
        if !text.is_empty() {
            self.insert(id, 0, text)?;
        }
        self.end_undo_group(id)?;
        self.commit(id)
    }

    /// Opens a document, so that it can be read and written. Waits for the disk. Nothing happens if it is open.
    ///
    /// # Errors
    /// A [`SessionError`] when there is none, or what is stored of it cannot be read.
    pub fn open_document(&mut self, id: DocumentId) -> Result<(), SessionError> {
        self.load(id, true)?;
        self.link_open(id);
        Ok(())
    }

    /// Whether the document has never had everything that its relay has: what comes is no news.
    pub fn is_arriving(&self, id: DocumentId) -> bool {
        self.records.get(&id).is_some_and(|record| record.is_shared() && record.resume.is_none())
    }

    /// Links an open document to its relay, if it has one, is not linked, and the session is on line.
    pub(super) fn link_open(&mut self, id: DocumentId) {
        let now = self.now();
        let shared = self.records.get(&id).is_some_and(DocumentRecord::is_shared);
        let is_off = |open: &&mut OpenDocument| *open.replica.link() == LinkState::Off;
        if let Some(open) = self.open.get_mut(&id).filter(|_| shared && self.online).filter(is_off) {
            open.replica.go_online(now);
        }
    }

    /// Says that nobody looks at the document any more; it stays linked in the background if it is one of the newest.
    pub fn close_document(&mut self, id: DocumentId) {
        let time_s = self.now().wall_s();
        let Some(open) = self.open.get_mut(&id) else { return };
        open.wanted = false;
        open.replica.set_time(time_s);
        open.replica.commit();
        let newest = self.background();
        self.let_go(&newest);
    }

    /// Closes every document that nobody looks at, unless it stays in the background, is not on disk yet, or its link still has
    /// something to send.
    pub(super) fn let_go(&mut self, background: &[DocumentId]) {
        let now = self.now();
        let script = self.script_document();
        let is_done = |id: &DocumentId, open: &OpenDocument| {
            let is_used = open.wanted || background.contains(id) || script == Some(*id) || self.jobs.needs(*id);
            let is_sent = open.replica.units_waiting() == 0 || *open.replica.link() == LinkState::Off;
            !is_used && is_sent && open.is_on_disk()
        };
        let done: Vec<DocumentId> =
            self.open.iter().filter(|(id, open)| is_done(id, open)).map(|(id, _)| *id).collect();
        for id in done {
            if let Some(mut open) = self.open.remove(&id) {
                open.replica.go_offline(now);
            }
            self.notices.push(Notice::ListChanged);
        }
    }

    /// Looks at a document. One that is not open is read from the disk for it, and stays open only if it is to be linked in the
    /// background.
    pub(super) fn peek<T>(&mut self, id: DocumentId, look: impl FnOnce(&Self) -> T) -> Result<T, SessionError> {
        if self.open.contains_key(&id) {
            return Ok(look(self));
        }
        self.load(id, false)?;
        let seen = look(self);
        let stays = self.online && self.background().contains(&id);
        let now = self.now();
        match self.open.get_mut(&id) {
            Some(open) if stays => open.replica.go_online(now),
            _ => drop(self.open.remove(&id)),
        }
        Ok(seen)
    }

    /// An open document.
    pub fn document(&self, id: DocumentId) -> Option<&Document> {
        self.open.get(&id).map(|open| open.replica.document())
    }

    /// A document's text; it is read from the disk if it is not open. Waits for the disk then.
    ///
    /// # Errors
    /// As [`Session::open_document`].
    pub fn text(&mut self, id: DocumentId) -> Result<String, SessionError> {
        self.peek(id, |session| session.whole_text(id))
    }

    pub(super) fn whole_text(&self, id: DocumentId) -> String {
        let text = self.document(id).map(Document::text);
        text.map(|text| text.slice(0..text.len_chars())).unwrap_or_default()
    }

    /// Puts a document away, or brings it back. Waits for the disk if the document is not open.
    ///
    /// # Errors
    /// A [`SessionError`] when there is none, or the disk refuses.
    pub fn archive(&mut self, id: DocumentId, archived: bool) -> Result<(), SessionError> {
        self.change_record(id, |record| record.archived = archived)?;
        self.tell_library(id)
    }

    /// What would remain where if the document were removed from this device; it is read from the disk if it is not open. Waits
    /// for the disk then.
    ///
    /// # Errors
    /// As [`Session::open_document`].
    pub fn removal(&mut self, id: DocumentId) -> Result<RemovalReport, SessionError> {
        self.peek(id, |session| session.remains(id))
    }

    fn remains(&self, id: DocumentId) -> RemovalReport {
        let record = self.records.get(&id);
        let status = self.status(id);
        RemovalReport {
            relay: record.and_then(|record| record.relay.clone()),
            units_only_here: status
                .as_ref()
                .map_or(0, |status| if status.holders.is_empty() { status.units_waiting } else { 0 }),
            holders: status.map(|status| status.holders).unwrap_or_default(),
        }
    }

    /// Removes a document from this device; relay and other devices keep what they have. Waits for the disk.
    ///
    /// # Errors
    /// A [`SessionError`] when the disk refuses; the document is still here then.
    pub fn remove(&mut self, id: DocumentId) -> Result<(), SessionError> {
        self.leave(id, true)?;
        self.loads.forget(id);
        self.store.remove_now(id)?;
        let now = self.now();
        if let Some(mut open) = self.open.remove(&id) {
            open.replica.go_offline(now);
        }
        self.records.remove(&id);
        self.notices.push(Notice::ListChanged);
        Ok(())
    }

    /// Puts a new copy of a document into the library, with a replica id of its own that is on disk before it is used.
    pub(super) fn add(&mut self, keys: LinkKeys, relay: Option<RelayAddress>) -> Result<DocumentId, SessionError> {
        let (id, record) = self.new_record(keys, relay)?;
        self.store.put_now(id, record.clone())?;
        // What is on its way to the disk for a request came there before, and is written over.
        self.making.remove(&id);
        self.take_new(id, record)?;
        self.open_document(id)?;
        Ok(id)
    }

    pub(super) fn new_record(
        &self,
        keys: LinkKeys,
        relay: Option<RelayAddress>,
    ) -> Result<(DocumentId, DocumentRecord), SessionError> {
        let id = keys.document_keys()?.document();
        let seed = ReplicaSeed::from_bytes(random()?);
        Ok((id, DocumentRecord { relay, ..DocumentRecord::sealed(keys, seed, self.now().wall_us) }))
    }

    fn take_new(&mut self, id: DocumentId, record: DocumentRecord) -> Result<(), SessionError> {
        let document = Document::new(id, record.replica);
        self.records.insert(id, record);
        self.notices.push(Notice::ListChanged);
        self.adopt(Read { document, checkpointed: 0, damaged: Vec::new(), seals: Seals::default() }, false)
    }

    /// As [`Session::add`], without waiting for the disk: [`Session::is_made`] says when the copy is there and open. `None`: the disk
    /// is behind, ask again.
    pub(super) fn make(
        &mut self,
        keys: LinkKeys,
        relay: Option<RelayAddress>,
    ) -> Result<Option<DocumentId>, SessionError> {
        let (id, record) = self.new_record(keys, relay)?;
        Ok(self.make_of(id, record).then_some(id))
    }

    /// As [`Session::make`], with this record; whether the disk will answer.
    pub(super) fn make_of(&mut self, id: DocumentId, record: DocumentRecord) -> bool {
        let is_queued = self.store.put(id, record.clone()).is_ok();
        if is_queued {
            self.making.insert(id, Made { record, error: None });
        }
        is_queued
    }

    /// The disk has answered for a document.
    pub(super) fn made(&mut self, id: DocumentId, written: Result<(), &str>) {
        let Some(made) = self.making.get_mut(&id) else { return };
        if let Err(error) = written {
            made.error = Some(error.to_owned());
            if self.listing.refuse(id) {
                self.making.remove(&id);
            }
        } else if let Some(Made { record, .. }) = self.making.remove(&id)
            && let Err(error) = self.take_new(id, record)
        {
            // It is in the library, and whoever asked for it has it read.
            tracing::warn!(document = %id, %error, "a new document could not be opened");
        } else if self.online && self.background().contains(&id) {
            self.link_open(id);
        }
    }

    /// Whether the copy that was made is on disk and open.
    ///
    /// # Errors
    /// Why the disk refused; the copy is not made.
    pub(super) fn is_made(&mut self, id: DocumentId) -> Result<bool, Failure> {
        match self.making.get_mut(&id).map(|made| made.error.take()) {
            Some(None) => Ok(false),
            Some(Some(error)) => {
                self.making.remove(&id);
                Err(Failure::new(Failure::FAILED, format!("not on disk: {error}")))
            }
            None if self.records.contains_key(&id) => self.is_loaded(id),
            None => Err(SessionError::NoDocument { text: id.to_string() }.into()),
        }
    }

    /// Changes a document's record. That of an open document goes to the disk with its next words, which nobody waits for here; for
    /// that of another one it waits until it is on disk.
    pub(super) fn change_record(
        &mut self,
        id: DocumentId,
        change: impl FnOnce(&mut DocumentRecord),
    ) -> Result<(), SessionError> {
        let now = self.now();
        let known = self.records.get_mut(&id).ok_or_else(|| SessionError::NoDocument { text: id.to_string() })?;
        if let Some(open) = self.open.get_mut(&id) {
            change(known);
            open.record = RecordState::Due(now.monotonic_us);
        } else {
            let mut record = known.clone();
            change(&mut record);
            self.store.put_now(id, record.clone())?;
            *known = record;
        }
        self.notices.push(Notice::ListChanged);
        Ok(())
    }

    /// Reads a document from the disk, if it is not open. Waits for the disk.
    pub(super) fn load(&mut self, id: DocumentId, wanted: bool) -> Result<(), SessionError> {
        if let Some(open) = self.open.get_mut(&id) {
            open.wanted |= wanted;
            return Ok(());
        }
        let record = self.records.get(&id).ok_or_else(|| SessionError::NoDocument { text: id.to_string() })?;
        let read = loader::read(&self.store.reader(), id, record.replica)?;
        self.adopt(read, wanted)
    }

    /// Takes a document of the library that was read into memory.
    pub(super) fn adopt(&mut self, read: Read, wanted: bool) -> Result<(), SessionError> {
        let Read { document, checkpointed, damaged, mut seals } = read;
        let id = document.id();
        self.loads.forget(id);
        let record = self.records.get(&id).ok_or_else(|| SessionError::NoDocument { text: id.to_string() })?;
        let mut seed = [0; 8];
        getrandom::fill(&mut seed).map_err(SessionError::Random)?;
        let config = ReplicaConfig {
            seed: u64::from_le_bytes(seed),
            resume: record.resume,
            saved_at_relay: record.units_at_relay,
        };
        if let Some(chain) = record.chain {
            seals.set_own(chain);
        }
        if record.is_library() {
            self.listing.opened(&document);
        }
        let replica = Replica::new(document, config).with_seals(seals);
        let open = OpenDocument::new(replica, wanted, checkpointed, record.waiting_since_us);
        self.open.insert(id, open);
        let damaged = damaged.into_iter().map(|damage| Notice::CheckpointDamaged { document: id, damage });
        self.notices.extend(damaged);
        Ok(())
    }

    /// Somebody has changed the text just now.
    pub(super) fn edited(&mut self, now: Now, id: DocumentId, author: ReplicaId) {
        let Some(open) = self.open.get_mut(&id) else { return };
        let document = open.replica.document();
        let by = if author == document.replica() { String::new() } else { device_name(document, author) };
        let told_us = self.listing.edited_us(id);
        if let Some(record) = self.records.get_mut(&id) {
            // What comes to a new copy was written some time ago, and the list says when.
            let is_new = record.resume.is_none() && !by.is_empty() && told_us >= 0;
            record.edited_us = if is_new { told_us } else { now.wall_us };
            record.edited_by = by;
        }
        open.touch_record(now);
        self.note_writing(id);
    }

    /// Takes the title as it is now into the record.
    pub(super) fn refresh_title(&mut self, id: DocumentId) {
        let title = self.title(id);
        if let Some(record) = self.records.get_mut(&id).filter(|record| record.title != title) {
            record.title = title;
            self.notices.push(Notice::ListChanged);
        }
    }
}

/// The keys of a new document: nobody else has them.
pub(super) fn new_keys() -> Result<LinkKeys, SessionError> {
    Ok(LinkKeys::Editor(RootSecret::from_bytes(random()?)))
}

/// Random bytes from the system.
pub(super) fn random<const N: usize>() -> Result<[u8; N], SessionError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(SessionError::Random)?;
    Ok(bytes)
}

/// A document's title: what is written as such, or else its first line with something on it, without the marks of a heading
/// or a list.
pub(super) fn title_of(document: &Document) -> String {
    let short = |text: &str| text.trim().chars().take(TITLE_CHARS_MAX).collect::<String>();
    if let Some(Value::Text(title)) = document.map().get(TITLE_KEY)
        && !title.trim().is_empty()
    {
        return short(title);
    }
    let start = document.text().slice(0..TITLE_SEARCH_CHARS);
    let bare = |line: &str| line.trim_start_matches(|c: char| c.is_whitespace() || "#>-*=_`".contains(c)).to_owned();
    start.lines().map(bare).find(|line| !line.trim().is_empty()).map(|line| short(&line)).unwrap_or_default()
}

/// The name of the device that a replica lives on, as it introduced itself, or the start of its id.
pub(super) fn device_name(document: &Document, replica: ReplicaId) -> String {
    match document.map().get(&format!("{DEVICE_KEY_PREFIX}{replica}")) {
        Some(Value::Text(name)) => name.clone(),
        _ => format!("device {}", replica.to_string().chars().take(8).collect::<String>()),
    }
}
