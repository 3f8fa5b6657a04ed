//! Gets a request fulfilled: by a session of our own, or by the copy of the program that has the library.

use std::io::{self, IsTerminal, Write};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::run::tell;
use crate::session::{Answer, Failure, Notice, Request, Session, SessionError, SessionOptions, decode_answer};
use crate::shell::control::{self, AskError};
use crate::shell::store::StoreError;

/// How long another copy may hold the library without listening: it is starting or ending.
const LIBRARY_WAIT_MAX: Duration = Duration::from_secs(5);

/// How long to wait before looking again.
const LIBRARY_WAIT_STEP: Duration = Duration::from_millis(20);

/// How long a person waits before progress is shown.
const PROGRESS_AFTER: Duration = Duration::from_millis(500);

/// Who has the library.
pub(super) enum Holder {
    /// We do.
    Us(Box<Session>),
    /// Another copy, which has answered the request.
    Other(Result<Answer, Failure>),
}

/// Opens the library, or gets the request answered by the copy that has it.
pub(super) fn open_or_ask(options: &SessionOptions, request: &Request, text: &str) -> Result<Holder, Failure> {
    let head = serde_json::to_string(request).map_err(|error| Failure::new(Failure::FAILED, error.to_string()))?;
    let started = Instant::now();
    loop {
        let in_use = match Session::open(options.clone()) {
            Ok(session) => return Ok(Holder::Us(Box::new(session))),
            Err(SessionError::Store(error @ StoreError::InUse { .. })) => error,
            Err(error) => return Err(error.into()),
        };
        match control::ask(&options.folder, &head, text) {
            Ok((head, text)) => return Ok(Holder::Other(decode_answer(&head, text))),
            Err(AskError::Closed(_)) if started.elapsed() < LIBRARY_WAIT_MAX => sleep(LIBRARY_WAIT_STEP),
            Err(AskError::Closed(_) | AskError::Unsupported) => {
                return Err(Failure::new(Failure::LIBRARY, in_use.to_string()));
            }
            Err(error @ AskError::Broken(_)) => return Err(Failure::new(Failure::FAILED, error.to_string())),
        }
    }
}

/// Opens the library for this process alone; a copy that is just ending is waited for.
pub(super) fn open(options: &SessionOptions) -> Result<Session, Failure> {
    let started = Instant::now();
    loop {
        match Session::open(options.clone()) {
            Ok(session) => return Ok(session),
            Err(SessionError::Store(StoreError::InUse { .. })) if started.elapsed() < LIBRARY_WAIT_MAX / 5 => {
                sleep(LIBRARY_WAIT_STEP);
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Fulfils a request, whoever has the library.
pub(super) fn fulfil(options: &SessionOptions, request: &Request, text: &str) -> Result<Answer, Failure> {
    match open_or_ask(options, request, text)? {
        Holder::Us(session) => work(*session, request, text),
        Holder::Other(answer) => answer,
    }
}

fn work(mut session: Session, request: &Request, text: &str) -> Result<Answer, Failure> {
    let job = session.ask(request.clone(), text);
    let mut progress = Progress::default();
    let result = loop {
        let notices = session.pump();
        notices.iter().filter(|notice| is_news(notice)).for_each(|notice| tell(&session, notice));
        if let Some(result) = session.take_answer(job) {
            break result;
        }
        progress.show(|| session.progress(job));
        let notices = session.wait(Duration::from_millis(50));
        notices.iter().filter(|notice| is_news(notice)).for_each(|notice| tell(&session, notice));
    };
    progress.clear();
    session.close();
    result
}

/// Whether it is worth saying while a request is fulfilled: what ends the request is said by its answer.
const fn is_news(notice: &Notice) -> bool {
    matches!(
        notice,
        Notice::RelayChanged { .. }
            | Notice::Cloned { .. }
            | Notice::Succeeded { .. }
            | Notice::CheckpointDamaged { .. }
    )
}

/// One line on the standard error that is written over, if a person sees it.
struct Progress {
    started: Instant,
    shown: Option<String>,
    visible: bool,
}

impl Default for Progress {
    fn default() -> Self {
        Self { started: Instant::now(), shown: None, visible: io::stderr().is_terminal() }
    }
}

impl Progress {
    fn show(&mut self, words: impl FnOnce() -> String) {
        if !self.visible || self.started.elapsed() < PROGRESS_AFTER {
            return;
        }
        let words = words();
        if self.shown.as_ref() != Some(&words) {
            show(&format!("\r\x1b[K{words}"));
            self.shown = Some(words);
        }
    }

    fn clear(&mut self) {
        if self.shown.take().is_some() {
            show("\r\x1b[K");
        }
    }
}

/// Writes progress, which is no failure if it cannot be shown.
fn show(text: &str) {
    let mut output = io::stderr().lock();
    drop(output.write_all(text.as_bytes()).and_then(|()| output.flush()));
}
