//! A script that types: one command per line in JSON, one answer per line.
//!
//! While a script runs, what others wrote is delivered only when it says so, change by change, so that a test can replay a
//! history exactly as it happened.

use std::collections::{BTreeMap, VecDeque};

use quire_crdt::sync::frame::Frame;
use quire_crdt::sync::{Incoming, Now, Replica};
use quire_crdt::{Anchor, Bias, DocumentId, VersionVector};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Notice, Session, SessionError};
use crate::shell::lines::Lines;

/// The most bytes of received frames that are held for a script; beyond them the link waits.
const HELD_BYTES_MAX: usize = 64 * 1024 * 1024;

/// How long a script waits for a state, in milliseconds, unless it says otherwise.
const WAIT_MS_DEFAULT: u64 = 120_000;

/// One line of a script: exactly one of the commands, and how long it may wait.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Line {
    splice: Option<(usize, usize, String)>,
    commit: Option<bool>,
    until: Option<BTreeMap<String, u64>>,
    deliver: Option<bool>,
    offline: Option<bool>,
    online: Option<bool>,
    until_saved: Option<bool>,
    text: Option<bool>,
    version: Option<bool>,
    caret: Option<usize>,
    #[serde(rename = "type")]
    typed: Option<String>,
    backspace: Option<usize>,
    quit: Option<bool>,
    timeout_ms: Option<u64>,
}

/// What a script waits for.
#[derive(Debug)]
enum Awaited {
    Version(VersionVector),
    Saved,
}

/// A running script.
#[derive(Debug)]
pub(super) struct Script {
    document: DocumentId,
    lines: Lines,
    /// Whether what others wrote waits for the script.
    holds: bool,
    held: VecDeque<(Incoming, usize)>,
    held_bytes: usize,
    awaited: Option<(Awaited, u64)>,
    /// Where `type` and `backspace` write; others' edits move it along.
    caret: Anchor,
}

impl Script {
    /// Whether frames for this document go through [`Script::receive`].
    pub(super) fn holds(&self, document: DocumentId) -> bool {
        self.holds && self.document == document
    }

    /// Whether nothing more can be held: the link waits.
    pub(super) fn is_full(&self) -> bool {
        self.holds && self.held_bytes >= HELD_BYTES_MAX
    }

    /// Something came: a change waits, and so does a progress behind it, which would claim that it was delivered.
    pub(super) fn receive(&mut self, now: Now, replica: &mut Replica, what: Incoming) {
        let bytes = match &what {
            Incoming::Change(envelope, _) => envelope.bytes().len(),
            Incoming::Frame(frame) if matches!(Frame::decode(frame), Ok(Frame::Progress { .. })) => frame.len(),
            _ => return what.hand_to(replica, now),
        };
        self.held_bytes += bytes;
        self.held.push_back((what, bytes));
    }

    fn release_one(&mut self, now: Now, replica: &mut Replica) -> bool {
        let Some((what, bytes)) = self.held.pop_front() else { return false };
        self.held_bytes -= bytes;
        what.hand_to(replica, now);
        true
    }

    pub(super) fn next_timer_us(&self) -> Option<u64> {
        self.awaited.as_ref().map(|(_, until_us)| *until_us)
    }
}

impl Session {
    /// Obeys the commands of the standard input for this document, and answers on the standard output.
    ///
    /// # Errors
    /// A [`SessionError`] when the document cannot be opened, or there can be no thread.
    pub fn obey_script(&mut self, document: DocumentId) -> Result<(), SessionError> {
        self.open_document(document)?;
        let lines = Lines::on_standard_streams(self.inbox.outlet()).map_err(SessionError::Net)?;
        let held = VecDeque::new();
        self.script =
            Some(Script { document, lines, holds: true, held, held_bytes: 0, awaited: None, caret: Anchor::End });
        Ok(())
    }

    pub(super) fn script_document(&self) -> Option<DocumentId> {
        self.script.as_ref().map(|script| script.document)
    }

    pub(super) fn forget_held_frames(&mut self, document: DocumentId) {
        if let Some(script) = self.script.as_mut().filter(|script| script.document == document) {
            script.held.clear();
            script.held_bytes = 0;
        }
    }

    pub(super) fn take_script_line(&mut self, line: Option<String>) {
        let Some(document) = self.script_document() else { return };
        let Some(line) = line else {
            if !self.options.has_window {
                self.notices.push(Notice::Quit);
            }
            return;
        };
        let answer = match serde_json::from_str::<Line>(&line) {
            Ok(line) => self.obey(document, line),
            Err(error) => Some(json!({ "error": format!("this is no command: {error}") })),
        };
        if let Some(answer) = answer {
            self.answer_script(&answer);
        }
    }

    /// Does what a line says; `None`: the answer comes later.
    fn obey(&mut self, document: DocumentId, line: Line) -> Option<Value> {
        let until_us =
            self.now().monotonic_us.saturating_add(line.timeout_ms.unwrap_or(WAIT_MS_DEFAULT).saturating_mul(1000));
        let result = if let Some((at, deleted, inserted)) = line.splice {
            self.splice(document, at, deleted, &inserted)
        } else if line.commit.is_some() {
            self.commit(document).map(|()| self.position(document))
        } else if let Some(counts) = line.until {
            return self.await_version(&counts, until_us);
        } else if line.until_saved.is_some() {
            if let Some(script) = &mut self.script {
                script.awaited = Some((Awaited::Saved, until_us));
            }
            return self.commit(document).err().map(|error| json!({ "error": error.to_string() }));
        } else if line.deliver.is_some() {
            self.deliver_freely();
            Ok(json!({ "ok": true }))
        } else if line.offline.is_some() || line.online.is_some() {
            self.set_online(line.online.is_some());
            Ok(json!({ "ok": true }))
        } else if line.text.is_some() {
            self.text(document).map(|text| json!({ "text": text }))
        } else if line.version.is_some() {
            Ok(self.position(document))
        } else if let Some(at) = line.caret {
            self.place_caret(document, at);
            Ok(json!({ "ok": true }))
        } else if line.typed.is_some() || line.backspace.is_some() {
            self.type_at_caret(document, line.backspace.unwrap_or(0), &line.typed.unwrap_or_default())
        } else if line.quit.is_some() {
            self.notices.push(Notice::Quit);
            Ok(json!({ "ok": true }))
        } else {
            Ok(json!({ "error": "the line has no command" }))
        };
        Some(result.unwrap_or_else(|error| json!({ "error": error.to_string() })))
    }

    fn splice(
        &mut self,
        document: DocumentId,
        at: usize,
        deleted: usize,
        inserted: &str,
    ) -> Result<Value, SessionError> {
        if deleted > 0 {
            self.delete(document, at..at.saturating_add(deleted))?;
        }
        if !inserted.is_empty() {
            self.insert(document, at, inserted)?;
        }
        Ok(json!({ "ok": true }))
    }

    fn place_caret(&mut self, document: DocumentId, at: usize) {
        let anchor = self.document(document).map(|open| open.text().anchor(at, Bias::Left));
        if let (Some(script), Some(anchor)) = (&mut self.script, anchor) {
            script.caret = anchor;
            self.notices.push(Notice::CaretPlaced { document, caret: anchor });
        }
    }

    /// Deletes so many characters before the caret, then types, and commits: one keystroke of a person.
    fn type_at_caret(&mut self, document: DocumentId, backspace: usize, text: &str) -> Result<Value, SessionError> {
        let caret = self.script.as_ref().map_or(Anchor::End, |script| script.caret);
        let open = self.document(document).ok_or(SessionError::NotOpen { document })?;
        let end = open.text().position(caret).unwrap_or_else(|| open.text().len_chars());
        let start = end.saturating_sub(backspace);
        self.splice(document, start, end - start, text)?;
        self.place_caret(document, start + text.chars().count());
        self.commit(document)?;
        Ok(json!({ "ok": true }))
    }

    /// Which replica this is, how many units it made, how many of them are on which disk, why this disk refuses, if it does, and
    /// what is delivered.
    fn position(&self, document: DocumentId) -> Value {
        let Some(open) = self.open.get(&document) else { return json!({ "error": "the document is not open" }) };
        let replica = &open.replica;
        let version = replica.document().version().iter();
        let version: BTreeMap<String, u64> = version.map(|(replica, count)| (replica.to_string(), count)).collect();
        json!({
            "ok": true,
            "replica": replica.document().replica().to_string(),
            "units": replica.units_made(),
            "saved_here": replica.units_saved_here(),
            "saved_at_relay": replica.units_saved_at_relay(),
            "write_error": open.writes.error,
            "version": version,
        })
    }

    fn await_version(&mut self, counts: &BTreeMap<String, u64>, until_us: u64) -> Option<Value> {
        let mut version = VersionVector::new();
        for (replica, count) in counts {
            match replica.parse() {
                Ok(replica) => version.observe(replica, *count),
                Err(error) => return Some(json!({ "error": format!("{replica}: {error}") })),
            }
        }
        if let Some(script) = &mut self.script {
            script.awaited = Some((Awaited::Version(version), until_us));
        }
        None
    }

    fn deliver_freely(&mut self) {
        let now = self.now();
        let Some(script) = &mut self.script else { return };
        script.holds = false;
        let document = script.document;
        if let Some(open) = self.open.get_mut(&document) {
            while script.release_one(now, &mut open.replica) {}
        }
        self.drain(now, document);
    }

    /// Goes on with what the script waits for.
    pub(super) fn run_script(&mut self, now: Now) {
        let Some(mut script) = self.script.take() else { return };
        let document = script.document;
        let answer = match (&script.awaited, self.open.get_mut(&document)) {
            (None, _) => None,
            (Some(_), None) => Some(json!({ "error": "the document is not open" })),
            (Some((awaited, until_us)), Some(open)) => {
                let (late, target) = (now.monotonic_us >= *until_us, awaited);
                let reached = match target {
                    Awaited::Saved => open.replica.units_saved_at_relay() >= open.replica.units_made(),
                    Awaited::Version(version) => {
                        let version = version.clone();
                        let reached = |replica: &Replica| version <= *replica.document().version();
                        while !reached(&open.replica) && script.release_one(now, &mut open.replica) {}
                        reached(&open.replica)
                    }
                };
                match (reached, late) {
                    (true, _) => Some(self.position(document)),
                    (false, true) => Some(json!({ "error": "timed out", "state": self.position(document) })),
                    (false, false) => None,
                }
            }
        };
        if answer.is_some() {
            script.awaited = None;
        }
        self.script = Some(script);
        if let Some(answer) = answer {
            self.answer_script(&answer);
            self.behind = true;
        }
        self.drain(now, document);
    }

    fn answer_script(&mut self, answer: &Value) {
        let Some(script) = &self.script else { return };
        if script.lines.answer(&answer.to_string()).is_err() {
            // Nobody reads the answers: whoever ran the script is gone.
            self.script = None;
            self.notices.push(Notice::Quit);
        }
    }
}
