//! Requests in progress: some have to wait for the disk or a relay, and the session goes on meanwhile.

mod begin;
mod recover;

use std::collections::{BTreeMap, BTreeSet};

use quire_crdt::sync::LinkState;
use quire_crdt::{DocumentId, VersionVector};
use serde_json::{Map, Value, json};

use super::carry::Carrying;
use super::open::OpenDocument;
use super::status::set_aside_words;
use super::{Failure, Request, Session};
use crate::shell::control::{Call, Reply};

/// What a request gives.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The facts.
    pub value: Value,
    /// A document's text, if that was asked for, or what may be too long for the facts.
    pub text: Option<String>,
}

/// A request in progress.
#[derive(Debug)]
struct Job {
    request: Request,
    /// What came beside the request.
    text: String,
    /// The documents that it needs open, or makes: they stay open until it ends.
    documents: BTreeSet<DocumentId>,
    /// What was done and is waited for; `None`: it has not begun, since documents are read or made.
    begun: Option<Begun>,
    /// How far it has come with a bundle, if it is about one.
    carrying: Option<Carrying>,
    asker: Asker,
    /// When it is given up, once it has begun. Until then only this disk is waited for, which always answers.
    until_us: u64,
}

/// What was done for a request, and what is waited for.
#[derive(Debug)]
struct Begun {
    awaited: Awaited,
    documents: Vec<DocumentId>,
    /// What the relays must have on their disks at the end.
    wanted: BTreeMap<DocumentId, VersionVector>,
    answer: Answer,
    /// Whether it is about the whole library, also what its list brings meanwhile.
    is_whole: bool,
    /// Documents that came meanwhile, and are being opened.
    opening: Vec<DocumentId>,
    /// How long it waits, in milliseconds.
    within_ms: u64,
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

/// Who asked.
#[derive(Debug)]
enum Asker {
    /// Another copy of the program.
    Other(Reply),
    /// The owner of this session, who looks for the answer.
    Owner(JobId),
}

/// A request that was made by [`Session::ask`].
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct JobId(u64);

/// The requests in progress.
#[derive(Debug, Default)]
pub(super) struct Jobs {
    running: Vec<Job>,
    answers: BTreeMap<JobId, Result<Answer, Failure>>,
    last_id: u64,
}

impl Jobs {
    pub(super) fn next_timer_us(&self) -> Option<u64> {
        self.running.iter().map(|job| job.until_us).min()
    }

    /// What a document has now is to be kept in place of what was to be before: ids of units are others.
    pub(super) fn want_instead(&mut self, document: DocumentId, version: &VersionVector) {
        let begun = self.running.iter_mut().filter_map(|job| job.begun.as_mut());
        for wanted in begun.filter_map(|begun| begun.wanted.get_mut(&document)) {
            wanted.clone_from(version);
        }
    }

    /// Whether somebody needs this document to stay open.
    pub(super) fn needs(&self, document: DocumentId) -> bool {
        self.running.iter().any(|job| job.documents.contains(&document))
    }
}

impl Session {
    /// Takes a request; pumping fulfils it. `text` is what comes beside the request.
    pub fn ask(&mut self, request: Request, text: &str) -> JobId {
        self.jobs.last_id += 1;
        let id = JobId(self.jobs.last_id);
        self.take_request(request, text.to_owned(), Asker::Owner(id));
        id
    }

    /// The answer to a request, once; `None` while there is none.
    pub fn take_answer(&mut self, id: JobId) -> Option<Result<Answer, Failure>> {
        self.jobs.answers.remove(&id)
    }

    fn take_request(&mut self, request: Request, text: String, asker: Asker) {
        let (documents, until_us) = (BTreeSet::new(), u64::MAX);
        let job = Job { request, text, documents, begun: None, carrying: None, asker, until_us };
        self.jobs.running.push(job);
        self.behind = true;
    }

    fn in_ms(&self, ms: u64) -> u64 {
        self.now().monotonic_us.saturating_add(ms.saturating_mul(1000))
    }

    /// Begins with the requests whose documents are there.
    pub(super) fn begin_jobs(&mut self) {
        for mut job in std::mem::take(&mut self.jobs.running) {
            if job.begun.is_none() {
                match self.begin(&mut job) {
                    Ok(Some(begun)) => {
                        job.until_us = self.in_ms(begun.within_ms);
                        job.documents.extend(&begun.documents);
                        job.begun = Some(begun);
                    }
                    Ok(None) => {}
                    Err(failure) => {
                        self.answer(job.asker, Err(failure));
                        continue;
                    }
                }
            }
            self.jobs.running.push(job);
        }
    }

    /// Ends the requests that are fulfilled, or cannot be.
    pub(super) fn finish_jobs(&mut self) {
        for mut job in std::mem::take(&mut self.jobs.running) {
            let followed = self.follow_library(&mut job);
            match followed.err().map(Err).or_else(|| self.end_of(&job)) {
                Some(result) => self.answer(job.asker, result),
                None => self.jobs.running.push(job),
            }
        }
    }

    fn answer(&mut self, asker: Asker, result: Result<Answer, Failure>) {
        match asker {
            Asker::Other(reply) => reply.send(encode(result)),
            Asker::Owner(id) => drop(self.jobs.answers.insert(id, result)),
        }
    }

    /// The end of a job, if it has come.
    fn end_of(&mut self, job: &Job) -> Option<Result<Answer, Failure>> {
        let now = self.now();
        let begun = job.begun.as_ref()?;
        if begun.awaited != Awaited::Nothing {
            self.put_records(true);
        }
        self.ask_relays_anew(begun);
        for id in &begun.documents {
            if let Some(failure) = self.hopeless(begun.awaited, *id) {
                return Some(Err(failure));
            }
        }
        if begun.documents.iter().all(|id| self.has_reached(begun, *id)) {
            let mut answer = begun.answer.clone();
            match (begun.awaited, begun.documents.first()) {
                (Awaited::Received, Some(_)) if begun.is_whole => {
                    answer.value = json!({ "documents": self.list().len() });
                }
                (Awaited::Received, Some(id)) => answer.value = self.describe(*id),
                _ => {}
            }
            self.add_set_aside(begun, &mut answer);
            return Some(Ok(answer));
        }
        (now.monotonic_us >= job.until_us).then(|| Err(self.overdue(begun)))
    }

    /// Says beside an answer what came for it and cannot be taken.
    fn add_set_aside(&self, job: &Begun, answer: &mut Answer) {
        let words = |id: &DocumentId| Some((id.to_string(), json!(set_aside_words(self.open.get(id)?)?)));
        let said: Map<String, Value> = job.documents.iter().filter_map(words).collect();
        if let (false, Some(fields)) = (said.is_empty(), answer.value.as_object_mut()) {
            fields.insert("set_aside".to_owned(), Value::Object(said));
        }
    }

    /// How a request stands, in words, for a person who waits.
    pub fn progress(&self, id: JobId) -> String {
        let is_it = |job: &&Job| matches!(job.asker, Asker::Owner(asker) if asker == id);
        let Some(job) = self.jobs.running.iter().find(is_it) else { return String::new() };
        let Some(begun) = &job.begun else { return "reading from this disk".to_owned() };
        let waiting = begun.documents.iter().find(|id| !self.has_reached(begun, **id));
        waiting.map(|id| self.stand(*id)).unwrap_or_default()
    }

    /// What the library's list brings while a request about the whole library waits is waited for, too.
    fn follow_library(&mut self, job: &mut Job) -> Result<(), Failure> {
        let Some(begun) = job.begun.as_mut().filter(|begun| begun.is_whole) else { return Ok(()) };
        let came: Vec<DocumentId> =
            self.shared_ones(&[])?.into_iter().filter(|id| !job.documents.contains(id)).collect();
        job.documents.extend(&came);
        begun.documents.extend(&came);
        begun.opening.extend(came);
        for id in std::mem::take(&mut begun.opening) {
            if !self.is_loaded(id)? {
                begun.opening.push(id);
                continue;
            }
            self.link_open(id);
            if begun.awaited == Awaited::Saved
                && let Some(document) = self.document(id)
            {
                begun.wanted.insert(id, document.version().clone());
            }
        }
        Ok(())
    }

    fn has_reached(&self, job: &Begun, id: DocumentId) -> bool {
        if job.is_whole && !(self.listing.is_settled() && self.making.is_empty()) {
            return false;
        }
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
    fn ask_relays_anew(&mut self, job: &Begun) {
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

    fn overdue(&self, job: &Begun) -> Failure {
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
        let relay = status.relay.map(|relay| relay.place()).unwrap_or_default();
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
        match serde_json::from_str::<Request>(&head) {
            Ok(request) => self.take_request(request, text, Asker::Other(reply)),
            Err(error) => {
                let message = format!("the other copy asks for what this one cannot: {error}");
                reply.send(encode(Err(Failure::new(Failure::FAILED, message))));
            }
        }
    }
}

impl Begun {
    fn of(awaited: Awaited, document: Option<DocumentId>, value: Value) -> Self {
        let documents = document.into_iter().collect();
        let answer = Answer { value, text: None };
        let (is_whole, opening) = (false, Vec::new());
        Self { awaited, documents, wanted: BTreeMap::new(), answer, is_whole, opening, within_ms: DISK_MS_MAX }
    }

    /// Whether the relay is known to have on its disk what it must have.
    fn is_kept(&self, id: DocumentId, open: &OpenDocument) -> bool {
        self.wanted.get(&id).is_none_or(|wanted| wanted <= open.replica.version_at_relay())
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
