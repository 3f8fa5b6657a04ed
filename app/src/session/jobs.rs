//! Requests in progress: some have to wait for the disk or a relay, and the session goes on meanwhile.

use std::collections::BTreeMap;

use quire_crdt::sync::{LinkState, Now};
use quire_crdt::{Document, DocumentId, VersionVector};
use serde_json::{Map, Value, json};

use super::open::OpenDocument;
use super::status::set_aside_words;
use super::{Failure, Notice, Request, Session, SessionError, history};
use crate::editor::link::Link;
use crate::shell::control::{Call, Reply};

/// What a request gives.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The facts.
    pub value: Value,
    /// A document's text, if that was asked for, or what may be too long for the facts.
    pub text: Option<String>,
}

impl Answer {
    fn of(value: Value) -> Self {
        Self { value, text: None }
    }
}

/// A request in progress.
#[derive(Debug)]
pub struct Job {
    awaited: Awaited,
    documents: Vec<DocumentId>,
    /// What the relays must have on their disks at the end.
    wanted: BTreeMap<DocumentId, VersionVector>,
    answer: Answer,
    until_us: u64,
}

/// What a job waits for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Awaited {
    Nothing,
    /// Everything is on this disk.
    Disk,
    /// Everything that the relay has is here.
    Received,
    /// That, and everything that was here at the start, and that this device wrote since, is on the relay's disk.
    Saved,
}

/// The requests of other copies of the program.
#[derive(Debug, Default)]
pub(super) struct Jobs {
    running: Vec<(Job, Reply)>,
}

impl Jobs {
    pub(super) fn next_timer_us(&self) -> Option<u64> {
        self.running.iter().map(|(job, _)| job.until_us).min()
    }
}

impl Session {
    /// Starts a request; [`Session::poll_job`] finishes it. `text` is what came beside the request.
    ///
    /// # Errors
    /// A [`Failure`] when it cannot even be started.
    pub fn start_job(&mut self, request: &Request, text: &str) -> Result<Job, Failure> {
        match request {
            Request::New { title } => {
                let id = self.import(title, text)?;
                Ok(self.job(Awaited::Disk, vec![id], json!({ "id": id.to_string(), "title": self.title(id) })))
            }
            Request::List => {
                let list: Vec<Value> = self.list().iter().map(|summary| self.describe(summary.id)).collect();
                Ok(self.job(Awaited::Nothing, Vec::new(), json!(list)))
            }
            Request::Cat { id } => {
                let id = self.find(id)?;
                let (text, value) = self.peek(id, |session| (session.whole_text(id), session.describe(id)))?;
                let mut job = self.job(Awaited::Nothing, Vec::new(), value);
                job.answer.text = Some(text);
                Ok(job)
            }
            Request::Share { id, relay, moves } => {
                let id = self.find(id)?;
                let relay = relay.as_deref().map(str::parse).transpose().map_err(SessionError::from)?;
                let link = match relay {
                    Some(relay) if *moves => self.move_to_relay(id, relay)?,
                    relay => self.share(id, relay)?,
                };
                let value = json!({ "id": id.to_string(), "link": link.to_string(), "relay": link.relay.to_string() });
                Ok(self.job(Awaited::Disk, vec![id], value))
            }
            Request::Join { link, timeout_ms } => {
                let link: Link = link.parse().map_err(SessionError::from)?;
                let id = self.join(&link)?;
                self.set_online(true);
                let job = self.job(Awaited::Received, vec![id], json!({ "id": id.to_string() }));
                Ok(job.within(self.now(), *timeout_ms))
            }
            Request::Sync { ids, timeout_ms } => {
                let ids = self.shared_documents(ids)?;
                self.set_online(true);
                let list: Vec<String> = ids.iter().map(ToString::to_string).collect();
                let version = |id: &DocumentId| Some((*id, self.document(*id)?.version().clone()));
                let wanted = ids.iter().filter_map(version).collect();
                let job = self.job(Awaited::Saved, ids, json!({ "synced": list })).within(self.now(), *timeout_ms);
                Ok(Job { wanted, ..job })
            }
            Request::Log { id } => self.look_back(id, |document| Ok(history::log(document))),
            Request::Diff { id, from, to } => self.look_back(id, |document| history::diff(document, *from, *to)),
            Request::Blame { id } => self.look_back(id, |document| Ok(history::blame(document))),
            Request::Restore { id, position } => {
                let id = self.find(id)?;
                self.open_document(id)?;
                let value = self.restore_position(id, *position)?;
                Ok(self.job(Awaited::Disk, vec![id], value))
            }
            Request::Show { id } => {
                if !self.options.has_window {
                    let message = "the library is in use by a copy of Quire without a window: wait until it ends";
                    return Err(Failure::new(Failure::LIBRARY, message));
                }
                let document = id.as_deref().map(|id| self.find(id)).transpose()?;
                self.notices.push(Notice::Show { document });
                Ok(self.job(Awaited::Nothing, Vec::new(), json!({ "shown": document.map(|id| id.to_string()) })))
            }
        }
    }

    /// The end of a job, if it has come.
    pub fn poll_job(&mut self, job: &Job) -> Option<Result<Answer, Failure>> {
        let now = self.now();
        if job.awaited != Awaited::Nothing {
            self.put_records(true);
        }
        self.ask_relays_anew(job);
        for id in &job.documents {
            if let Some(failure) = self.hopeless(job.awaited, *id) {
                return Some(Err(failure));
            }
        }
        if job.documents.iter().all(|id| self.has_reached(job, *id)) {
            let mut answer = job.answer.clone();
            if let (Awaited::Received, Some(id)) = (job.awaited, job.documents.first()) {
                answer.value = self.describe(*id);
            }
            self.add_set_aside(job, &mut answer);
            return Some(Ok(answer));
        }
        (now.monotonic_us >= job.until_us).then(|| Err(self.overdue(job)))
    }

    /// Says beside an answer what came for it and cannot be taken.
    fn add_set_aside(&self, job: &Job, answer: &mut Answer) {
        let words = |id: &DocumentId| Some((id.to_string(), json!(set_aside_words(self.open.get(id)?)?)));
        let said: Map<String, Value> = job.documents.iter().filter_map(words).collect();
        if let (false, Some(fields)) = (said.is_empty(), answer.value.as_object_mut()) {
            fields.insert("set_aside".to_owned(), Value::Object(said));
        }
    }

    /// How a job stands, in words, for a person who waits.
    pub fn progress(&self, job: &Job) -> String {
        let waiting = job.documents.iter().find(|id| !self.has_reached(job, **id));
        waiting.map(|id| self.stand(*id)).unwrap_or_default()
    }

    /// A job that is done: what is asked of a document's history, as JSON in the place of a text.
    fn look_back(
        &mut self,
        id: &str,
        look: impl FnOnce(&Document) -> Result<Value, SessionError>,
    ) -> Result<Job, Failure> {
        let id = self.find(id)?;
        let seen = self.peek(id, |session| session.document(id).map(look).transpose())??;
        let mut job = self.job(Awaited::Nothing, Vec::new(), json!({ "id": id.to_string() }));
        job.answer.text = Some(seen.unwrap_or_default().to_string());
        Ok(job)
    }

    fn job(&self, awaited: Awaited, documents: Vec<DocumentId>, value: Value) -> Job {
        let job = Job { awaited, documents, wanted: BTreeMap::new(), answer: Answer::of(value), until_us: 0 };
        job.within(self.now(), DISK_MS_MAX)
    }

    /// The documents meant by these ids (none: all that have a relay and are not put away), open.
    fn shared_documents(&mut self, ids: &[String]) -> Result<Vec<DocumentId>, SessionError> {
        let all = || {
            let shared = self.records.iter().filter(|(_, record)| record.relay.is_some() && !record.archived);
            shared.map(|(id, _)| *id).collect()
        };
        let ids =
            if ids.is_empty() { all() } else { ids.iter().map(|id| self.find(id)).collect::<Result<Vec<_>, _>>()? };
        for id in &ids {
            if self.link(*id).is_none() {
                self.share(*id, None)?;
            }
            self.open_document(*id)?;
        }
        Ok(ids)
    }

    fn has_reached(&self, job: &Job, id: DocumentId) -> bool {
        let Some(open) = self.open.get(&id) else { return job.awaited == Awaited::Nothing };
        match job.awaited {
            Awaited::Nothing => true,
            Awaited::Disk => open.is_on_disk(),
            Awaited::Received => open.has_received(),
            Awaited::Saved => open.has_sent() && job.is_kept(id, open),
        }
    }

    /// A relay acknowledges to each device its own edits. That it keeps what others wrote and this device sent it again, it says
    /// when it is greeted.
    fn ask_relays_anew(&mut self, job: &Job) {
        let now = self.now();
        for id in job.documents.iter().filter(|_| job.awaited == Awaited::Saved) {
            let Some(open) = self.open.get_mut(id) else { continue };
            if now.monotonic_us >= open.ask_anew_at_us && open.has_sent() && !job.is_kept(*id, open) {
                open.ask_anew_at_us = now.monotonic_us.saturating_add(ASK_ANEW_AFTER_US);
                open.replica.greet_again(now);
            }
        }
    }

    /// Why waiting does not help any more.
    fn hopeless(&self, awaited: Awaited, id: DocumentId) -> Option<Failure> {
        let open = self.open.get(&id)?;
        if awaited == Awaited::Nothing {
            return None;
        }
        if let Some(error) = &open.writes.error {
            return Some(Failure::new(Failure::FAILED, format!("not on disk: {error}")));
        }
        let stopped = self.online && awaited != Awaited::Disk && *open.replica.link() == LinkState::Off;
        stopped.then(|| Failure::new(Failure::RELAY, self.stand(id)))
    }

    fn overdue(&self, job: &Job) -> Failure {
        let late = job.documents.iter().find(|id| !self.has_reached(job, **id));
        let stand = late.map(|id| self.stand(*id)).unwrap_or_default();
        let unreachable = late.is_some_and(|id| self.status(*id).is_some_and(|status| status.trouble.is_some()));
        if unreachable {
            Failure::new(Failure::RELAY, stand)
        } else {
            Failure::new(Failure::TIMED_OUT, format!("it took too long: {stand}"))
        }
    }

    /// How a document stands with its relay, in words.
    fn stand(&self, id: DocumentId) -> String {
        let Some(status) = self.status(id) else { return format!("document {id} is not open") };
        let relay = status.relay.map(|relay| relay.to_string()).unwrap_or_default();
        let waiting = status.units_waiting;
        match (status.link, status.trouble) {
            (LinkState::Live, _) if waiting == 0 => {
                format!("{relay} is asked whether it has everything of document {id}")
            }
            (LinkState::Live, _) => format!("{waiting} edits of document {id} are on their way to {relay}"),
            (LinkState::CatchingUp { position, head }, _) => {
                format!("{position} of {head} changes have come from {relay}")
            }
            (LinkState::Off, None) => format!("document {id} is off line"),
            (LinkState::Connecting | LinkState::Greeting | LinkState::Waiting { .. }, None) => {
                format!("connecting to {relay}")
            }
            (_, Some(trouble)) => format!("{trouble}; {waiting} edits wait on this disk, nothing is lost"),
        }
    }

    /// The facts about a document; of an open one also how long it is, whether it is linked to its relay, and how many edits of
    /// this device are not on the relay's disk.
    fn describe(&self, id: DocumentId) -> Value {
        let Some(record) = self.records.get(&id) else { return Value::Null };
        let mut value = json!({
            "id": id.to_string(),
            "title": self.title(id),
            "created_us": record.created_us,
            "edited_us": record.edited_us,
            "edited_by": record.edited_by,
            "archived": record.archived,
            "relay": record.relay.as_ref().map(ToString::to_string),
            "link": self.link(id).map(|link| link.to_string()),
            "replica": record.replica.to_string(),
        });
        if let (Some(open), Some(fields)) = (self.open.get(&id), value.as_object_mut()) {
            fields.insert("chars".to_owned(), json!(open.replica.document().text().len_chars()));
            fields.insert("linked".to_owned(), json!(*open.replica.link() == LinkState::Live));
            fields.insert("waiting".to_owned(), json!(open.replica.units_waiting()));
        }
        value
    }

    /// Another copy of the program asks for something.
    pub(super) fn take_call(&mut self, call: Call) {
        let (head, text, reply) = call.start();
        let job = match serde_json::from_str::<Request>(&head) {
            Ok(request) => self.start_job(&request, &text),
            Err(error) => {
                Err(Failure::new(Failure::FAILED, format!("the other copy asks for what this one cannot: {error}")))
            }
        };
        match job {
            Ok(job) => self.jobs.running.push((job, reply)),
            Err(failure) => reply.send(encode(Err(failure))),
        }
    }

    pub(super) fn run_jobs(&mut self, _now: Now) {
        for (job, reply) in std::mem::take(&mut self.jobs.running) {
            match self.poll_job(&job) {
                Some(result) => reply.send(encode(result)),
                None => self.jobs.running.push((job, reply)),
            }
        }
    }
}

impl Job {
    /// Whether the relay is known to have on its disk what it must have.
    fn is_kept(&self, id: DocumentId, open: &OpenDocument) -> bool {
        self.wanted.get(&id).is_none_or(|wanted| wanted <= open.replica.version_at_relay())
    }

    fn within(mut self, now: Now, ms: u64) -> Self {
        self.until_us = now.monotonic_us.saturating_add(ms.saturating_mul(1000));
        self
    }
}

/// How long a relay has to write before it is asked anew what it keeps, in microseconds.
const ASK_ANEW_AFTER_US: u64 = 1_000_000;

/// How long a request waits for the disk, in milliseconds.
const DISK_MS_MAX: u64 = 30_000;

/// The answer as it travels: facts or failure as JSON, and a text beside it.
fn encode(result: Result<Answer, Failure>) -> (String, String) {
    match result {
        Ok(answer) => {
            let has_text = answer.text.is_some();
            (json!({ "value": answer.value, "has_text": has_text }).to_string(), answer.text.unwrap_or_default())
        }
        Err(failure) => (json!({ "failure": failure }).to_string(), String::new()),
    }
}

/// The answer that came from the other copy.
///
/// # Errors
/// The [`Failure`] that the other copy met, or that its answer cannot be read.
pub fn decode(head: &str, text: String) -> Result<Answer, Failure> {
    let unreadable =
        || Failure::new(Failure::FAILED, "the other copy of Quire gave an answer that this one cannot read");
    let mut head: Value = serde_json::from_str(head).map_err(|_| unreadable())?;
    if let Some(failure) = head.get_mut("failure") {
        return Err(serde_json::from_value(failure.take()).unwrap_or_else(|_| unreadable()));
    }
    let value = head.get_mut("value").map(Value::take).ok_or_else(unreadable)?;
    let has_text = head.get("has_text").and_then(Value::as_bool).unwrap_or(false);
    Ok(Answer { value, text: has_text.then_some(text) })
}
