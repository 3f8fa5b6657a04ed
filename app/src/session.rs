//! The open library: what the window and the command line both stand on.
//!
//! A session owns the store, the links, and a [`sync::Replica`](quire_crdt::sync::Replica) for every open document. Its owner
//! calls verbs, then [`Session::pump`], which moves what happened outside into the replicas and what they want into store and
//! links, and returns what there is to show. Edits and pumps never wait for disk or network; verbs that open, make or put away a
//! document wait for the disk where they say so.

mod background;
mod carry;
mod divergence;
mod documents;
mod edit;
mod error;
mod history;
mod jobs;
mod library;
mod loads;
mod open;
mod pump;
mod request;
mod script;
mod share;
mod status;
mod succession;
mod versions;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use quire_crdt::sync::{Now, RelayNotice};
use quire_crdt::{Anchor, DocumentId, Patch, Succession};

pub use self::background::BACKGROUND_LINKS_MAX;
use self::carry::Carries;
use self::documents::Made;
pub use self::documents::{DocumentSummary, RemovalReport, TITLE_CHARS_MAX};
pub use self::error::SessionError;
use self::jobs::Jobs;
pub use self::jobs::{Answer, JobId, decode as decode_answer};
use self::library::Listing;
use self::loads::Loads;
use self::open::OpenDocument;
pub use self::pump::EVENTS_PER_PUMP_MAX;
pub use self::request::{At, Failure, Request};
use self::script::Script;
pub use self::status::{CLONED_WORDS, Device, DocumentStatus, SUCCEEDED_WORDS, relay_words};
use crate::editor::secret::Secret;
use crate::editor::settings::Settings;
use crate::shell::carrier::Carrier;
use crate::shell::clock::Clock;
use crate::shell::control;
use crate::shell::inbox::Inbox;
use crate::shell::loader::Loader;
use crate::shell::net::Net;
use crate::shell::preferences::{self, PreferencesError};
use crate::shell::reports::Reports;
use crate::shell::store::{Damage, DocumentRecord, Store};

/// The key of the map that holds a document's title.
pub const TITLE_KEY: &str = "title";

/// What the keys of the map start with that hold the names of devices, by replica.
pub const DEVICE_KEY_PREFIX: &str = "device/";

/// How a session is set up.
#[derive(Clone, Debug, Default)]
pub struct SessionOptions {
    /// The library's folder.
    pub folder: PathBuf,
    /// Whether documents that have a relay are linked to it from the start, the newest in the background.
    pub online: bool,
    /// Whether this device's name is written into each document with its first edit there.
    pub introduces: bool,
    /// Whether there is a window that can show documents when another copy of the program asks.
    pub has_window: bool,
    /// A name for the person instead of the one in the settings.
    pub name: Option<String>,
}

/// Something to show or to act on.
#[derive(Clone, Debug, PartialEq)]
pub enum Notice {
    /// The visible text of a document changed, here or elsewhere.
    Patched {
        /// Which document.
        document: DocumentId,
        /// What changed, and whose change it was.
        patch: Patch,
    },
    /// A key of a document's map was written, here or elsewhere.
    MapChanged {
        /// Which document.
        document: DocumentId,
        /// The key.
        key: String,
    },
    /// What [`Session::status`] says has changed.
    StatusChanged {
        /// Which document.
        document: DocumentId,
    },
    /// What [`Session::list`] says has changed.
    ListChanged,
    /// The disk refused a write; it is tried again by itself, or by [`Session::retry_writes`].
    WriteFailed {
        /// Which document.
        document: DocumentId,
        /// Why, in words.
        error: String,
    },
    /// Everything of this document is on disk again.
    WriteMended {
        /// Which document.
        document: DocumentId,
    },
    /// The relay refused the document, in words.
    Refused {
        /// Which document.
        document: DocumentId,
        /// Why.
        reason: String,
        /// Whether it is not tried again by itself.
        is_final: bool,
    },
    /// The relay's store is not what it was: it was replaced, or restored from an old copy. It is filled again.
    RelayChanged {
        /// Which document.
        document: DocumentId,
        /// What was found out.
        notice: RelayNotice,
    },
    /// Somebody tried to write in a document that is here to be read.
    ReadOnly {
        /// Which document.
        document: DocumentId,
    },
    /// Somebody else writes under this device's id in a document: the library was copied, or restored from an old backup.
    Cloned {
        /// Which document.
        document: DocumentId,
    },
    /// Another replica has taken the place of this device's in a document, because its id was used twice: the text is the same, and ids of
    /// units are others.
    Succeeded {
        /// Which document.
        document: DocumentId,
        /// Whose units became whose.
        succession: Succession,
    },
    /// Changes of a document cannot be taken, or others than was said before. Everybody else's go on.
    SetAside {
        /// Which document.
        document: DocumentId,
        /// Whose, as a sentence.
        words: String,
    },
    /// Another device holds something else though it received the same: one of the two copies is wrong. The link goes on.
    Diverged {
        /// Which document.
        document: DocumentId,
        /// Which device, as sentences.
        words: String,
    },
    /// What became of the report of copies that differ.
    Reported {
        /// Of which document.
        document: DocumentId,
        /// Where it is, or why there is none, as a sentence.
        words: String,
    },
    /// A document could not be read to be linked in the background, or for another copy of the program.
    Unreadable {
        /// Which document.
        document: DocumentId,
        /// Why.
        error: String,
    },
    /// The text that [`Session::read_text`] asked for.
    TextRead {
        /// Which document.
        document: DocumentId,
        /// The text; `None`: it cannot be read.
        text: Option<String>,
    },
    /// A checkpoint on this disk cannot be used. Nothing is missing: the one before and the log were read in its place.
    CheckpointDamaged {
        /// Which document.
        document: DocumentId,
        /// What is wrong.
        damage: Damage,
    },
    /// Another copy of the program asks to show this document, or just to come to the front.
    Show {
        /// Which document.
        document: Option<DocumentId>,
    },
    /// Another copy of the program, or the desktop, asks to open a link as a person would.
    OpenLink {
        /// The link.
        link: Secret,
    },
    /// The script has placed its caret.
    CaretPlaced {
        /// In which document.
        document: DocumentId,
        /// Where.
        caret: Anchor,
    },
    /// The script asks to quit.
    Quit,
}

/// An open library.
#[derive(Debug)]
pub struct Session {
    options: SessionOptions,
    clock: Clock,
    // Fields are dropped in this order: links end before their thread does, the socket of the control goes before the lock of
    // the store does.
    open: BTreeMap<DocumentId, OpenDocument>,
    net: Net,
    _control: Option<control::Server>,
    store: Store,
    loader: Loader,
    reports: Reports,
    /// The documents of which a report of copies that differ was begun.
    reported: BTreeSet<DocumentId>,
    inbox: Inbox,
    records: BTreeMap<DocumentId, DocumentRecord>,
    /// The list of the library, if that is on several devices.
    listing: Listing,
    settings: Settings,
    settings_problems: Vec<String>,
    online: bool,
    notices: Vec<Notice>,
    loads: Loads,
    carry: Carries,
    jobs: Jobs,
    /// New copies of documents whose records are on their way to the disk.
    making: BTreeMap<DocumentId, Made>,
    script: Option<Script>,
    /// Whether the inbox may hold more than the last pump took.
    behind: bool,
}

impl Session {
    /// Opens the library in the folder, or makes one where none is. Waits for the disk.
    ///
    /// # Errors
    /// A [`SessionError`] when the library is in use, cannot be read, or there can be no threads.
    pub fn open(options: SessionOptions) -> Result<Self, SessionError> {
        let inbox = Inbox::new();
        let store = Store::open(&options.folder, inbox.outlet())?;
        Self::start(options, store, inbox)
    }

    /// A session on a store that leaves its answers in this inbox.
    fn start(options: SessionOptions, store: Store, inbox: Inbox) -> Result<Self, SessionError> {
        let net = Net::start(inbox.outlet()).map_err(SessionError::Net)?;
        let loader = Loader::start(store.reader(), inbox.outlet()).map_err(SessionError::Thread)?;
        let records: BTreeMap<DocumentId, DocumentRecord> = store.records()?.into_iter().collect();
        let (mut settings, settings_problems) = preferences::load(&options.folder);
        if let Some(name) = &options.name {
            settings.name.clone_from(name);
            settings.cap_names();
        }
        let carry = Carries::new(Carrier::new(store.reader(), inbox.outlet()));
        let reports = Reports::new(&options.folder, inbox.outlet());
        let control = control::Server::start(&options.folder, inbox.outlet());
        let online = options.online;
        Ok(Self {
            options,
            clock: Clock::new(),
            open: BTreeMap::new(),
            net,
            _control: control,
            store,
            loader,
            reports,
            reported: BTreeSet::new(),
            inbox,
            listing: Listing::of(records.iter()),
            records,
            settings,
            settings_problems,
            online,
            notices: Vec::new(),
            loads: Loads::default(),
            carry,
            jobs: Jobs::default(),
            making: BTreeMap::new(),
            script: None,
            behind: true,
        })
    }

    /// The library's folder.
    pub fn folder(&self) -> &Path {
        self.store.folder()
    }

    /// What the clocks say; the session's timers run on this monotonic clock.
    pub fn now(&self) -> Now {
        self.clock.now()
    }

    /// `wake` is called, on some other thread, whenever [`Session::pump`] has something to do.
    pub fn on_event(&self, wake: impl Fn() + Send + 'static) {
        self.inbox.on_event(wake);
    }

    /// What the person has chosen.
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What of the settings' file could not be used, in words.
    pub fn settings_problems(&self) -> &[String] {
        &self.settings_problems
    }

    /// Takes over new settings and writes what differs into the file; documents get this device's new name with their next
    /// edit. Waits for the disk.
    ///
    /// # Errors
    /// A [`PreferencesError`] when the file cannot be written or must not be; the settings hold for this session all the same.
    pub fn set_settings(&mut self, settings: Settings) -> Result<(), PreferencesError> {
        self.settings = settings;
        self.open.values_mut().for_each(|open| open.introduced_as = None);
        preferences::save(self.store.folder(), &self.settings)
    }

    /// When [`Session::pump`] has something to do even if nothing happens, on the monotonic clock in microseconds.
    pub fn next_timer_us(&self) -> Option<u64> {
        if self.behind {
            return Some(0);
        }
        let open = self.open.values().filter_map(OpenDocument::next_timer_us);
        open.chain(self.jobs.next_timer_us()).chain(self.script.as_ref().and_then(Script::next_timer_us)).min()
    }

    /// Waits until something happens, a timer runs out, or so much time has passed, then pumps.
    pub fn wait(&mut self, at_most: Duration) -> Vec<Notice> {
        let timer = self.next_timer_us().map(|at| Duration::from_micros(at.saturating_sub(self.now().monotonic_us)));
        let event = self.inbox.wait(timer.map_or(at_most, |timer| timer.min(at_most)));
        if let Some(event) = event {
            self.handle(event);
        }
        self.pump()
    }

    /// Writes what is waiting, ends the links and lets others have the library. Waits for the disk, a few seconds at most.
    pub fn close(mut self) {
        self.flush(CLOSE_TIME_MAX);
        self.open.clear();
    }

    /// Waits until everything is on disk, at most so long; whether it is.
    pub fn flush(&mut self, at_most: Duration) -> bool {
        let until = self.now().monotonic_us.saturating_add(u64::try_from(at_most.as_micros()).unwrap_or(u64::MAX));
        self.commit_all();
        loop {
            let notices = self.pump();
            self.put_records(true);
            self.notices.splice(0..0, notices);
            if self.open.values().all(OpenDocument::is_on_disk) {
                return true;
            }
            let now = self.now().monotonic_us;
            if now >= until || self.open.values().any(OpenDocument::write_failed) {
                return false;
            }
            let left = Duration::from_micros(until - now).min(Duration::from_millis(100));
            if let Some(event) = self.inbox.wait(left) {
                self.handle(event);
            }
        }
    }
}

/// How long closing waits for the disk.
const CLOSE_TIME_MAX: Duration = Duration::from_secs(5);
