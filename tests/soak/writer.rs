//! A person at an editor: types at random places, is killed, starts again, and remembers what was called saved.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value as Json, json};
use sim::rng::Rng;

use crate::net::Net;
use crate::programs::{Process, output, program};

/// The text is not longer than about so many characters.
const TEXT_CHARS_MAX: usize = 20_000;
/// Every so many of them, it is asked what is saved, and how long the text is.
const ASK_EVERY: usize = 8;
/// No more lines are sent ahead of the answers.
const UNANSWERED_MAX: usize = 100;
/// An editor that says nothing for so long hangs, in milliseconds.
const SILENCE_MS_MAX: u64 = 60_000;
/// How long an editor rests that has ended by itself, in milliseconds.
const RESTART_MS: u64 = 2_000;
/// How long the end may take.
const SETTLE_TIME_MAX: Duration = Duration::from_mins(5);

/// How many units were said to be where.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Saved {
    pub(crate) here: u64,
    pub(crate) at_relay: u64,
}

/// One device, and its editor while it lives.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) name: String,
    folder: PathBuf,
    complaints: PathBuf,
    /// What is loaded into its programs to make their clock wrong.
    clock: Option<PathBuf>,
    document: String,
    process: Option<Process>,
    is_new: bool,
    unanswered: usize,
    heard_at_ms: u64,
    types_at_ms: u64,
    starts_at_ms: Option<u64>,
    text_chars: usize,
    pub(crate) replica: String,
    pub(crate) saved: Saved,
    /// How many things were typed, how often it was started, and how often its disk was said to refuse.
    pub(crate) typed: usize,
    pub(crate) starts: usize,
    pub(crate) refusals: usize,
}

impl Writer {
    pub(crate) fn new(name: &str, folder: &Path, out: &Path, clock: Option<PathBuf>) -> Self {
        Self {
            name: name.to_owned(),
            folder: folder.to_owned(),
            complaints: out.join(format!("{name}.log")),
            clock,
            document: String::new(),
            process: None,
            is_new: false,
            unanswered: 0,
            heard_at_ms: 0,
            types_at_ms: 0,
            starts_at_ms: None,
            text_chars: 0,
            replica: String::new(),
            saved: Saved::default(),
            typed: 0,
            starts: 0,
            refusals: 0,
        }
    }

    fn command(&self, net: &Net, arguments: &[&str]) -> Result<Command, String> {
        let mut command = net.command(&self.name, &program("quire")?);
        command.args(arguments).env("QUIRE_LIBRARY", &self.folder).env("QUIRE_LOG", "error");
        command.env("HOME", &self.folder).env("XDG_CONFIG_HOME", self.folder.join("config"));
        command.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY");
        if let Some(library) = &self.clock {
            command.env("LD_PRELOAD", library).env("FAKETIME", "-400d").env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        }
        Ok(command)
    }

    /// Runs a command of the command line to its end.
    pub(crate) fn run(&self, net: &Net, arguments: &[&str]) -> Result<String, String> {
        output(self.command(net, arguments)?)
    }

    /// This document is edited from now on.
    pub(crate) fn open(&mut self, document: &str) {
        document.clone_into(&mut self.document);
        self.starts_at_ms = Some(0);
    }

    /// Its process, while it has one.
    pub(crate) fn id(&self) -> Option<u32> {
        self.process.as_ref().map(Process::id)
    }

    /// How long the library is; 0 when that cannot be seen.
    pub(crate) fn library_bytes(&self) -> u64 {
        std::fs::metadata(self.folder.join("library.redb")).map_or(0, |file| file.len())
    }

    /// Whether the editor has answered since it was started.
    pub(crate) const fn is_up(&self) -> bool {
        self.process.is_some() && !self.is_new
    }

    /// Starts the editor when its time has come, hears what it says, and types now and then: so many milliseconds at most are between
    /// two things that are typed. It may end by itself only while its disk is full.
    pub(crate) fn tend(
        &mut self,
        net: &Net,
        now_ms: u64,
        may_end: bool,
        rest_ms_max: usize,
        rng: &mut Rng,
    ) -> Result<(), String> {
        if self.process.is_none() && self.starts_at_ms.is_some_and(|at| at <= now_ms) {
            self.begin(net, now_ms)?;
        }
        let Some(process) = &mut self.process else { return Ok(()) };
        let (lines, is_running) = (process.said(), process.is_running());
        for line in lines {
            self.hear(&line, now_ms)?;
        }
        if !is_running {
            if !may_end {
                return Err(format!("{} has ended by itself; see {}", self.name, self.complaints.display()));
            }
            self.process = None;
            self.starts_at_ms = Some(now_ms + RESTART_MS);
            return Ok(());
        }
        if self.unanswered > 0 && now_ms > self.heard_at_ms + SILENCE_MS_MAX {
            return Err(format!("{} has said nothing for {} s", self.name, SILENCE_MS_MAX / 1000));
        }
        if self.is_up() && now_ms >= self.types_at_ms && self.unanswered < UNANSWERED_MAX {
            self.write(rng);
            self.types_at_ms = now_ms + rng.below(rest_ms_max) as u64;
        }
        Ok(())
    }

    fn begin(&mut self, net: &Net, now_ms: u64) -> Result<(), String> {
        let command = self.command(net, &["edit", &self.document])?;
        self.process = Some(Process::start(&self.name, command, &self.complaints)?);
        (self.is_new, self.unanswered, self.heard_at_ms, self.starts_at_ms) = (true, 0, now_ms, None);
        self.starts += 1;
        self.send(&json!({ "version": true }));
        self.send(&json!({ "deliver": true }));
        Ok(())
    }

    /// A line that cannot be sent is not waited for: the process is ending, which is noticed by itself.
    fn send(&mut self, line: &Json) {
        if self.process.as_mut().is_some_and(|process| process.say(&line.to_string())) {
            self.unanswered += 1;
        }
    }

    fn hear(&mut self, line: &str, now_ms: u64) -> Result<(), String> {
        self.heard_at_ms = now_ms;
        self.unanswered = self.unanswered.saturating_sub(1);
        let answer: Json = serde_json::from_str(line).map_err(|error| format!("{}: {error}: {line}", self.name))?;
        if answer.get("error").is_some() {
            return Err(format!("{}: {answer}", self.name));
        }
        if let Some(text) = answer["text"].as_str() {
            self.text_chars = text.chars().count();
        }
        if answer.get("units").is_some() {
            self.note(&answer)?;
        }
        Ok(())
    }

    /// What it says about itself: it must be who it was, and have what was called saved when it starts.
    fn note(&mut self, answer: &Json) -> Result<(), String> {
        let replica = answer["replica"].as_str().unwrap_or_default();
        let number = |name: &str| answer[name].as_u64().unwrap_or(0);
        if self.is_new {
            self.is_new = false;
            if !self.replica.is_empty() && self.replica != replica {
                return Err(format!("{} was {} and is {replica}", self.name, self.replica));
            }
            if number("units") < self.saved.here {
                return Err(format!("{} has called {} units saved, and has {answer}", self.name, self.saved.here));
            }
            replica.clone_into(&mut self.replica);
        }
        self.refusals += usize::from(answer["write_error"].is_string());
        self.saved.here = self.saved.here.max(number("saved_here"));
        self.saved.at_relay = self.saved.at_relay.max(number("saved_at_relay"));
        Ok(())
    }

    fn write(&mut self, rng: &mut Rng) {
        let backspace = if self.text_chars > TEXT_CHARS_MAX || rng.chance(30) { 1 + rng.below(40) } else { 0 };
        let word = format!("{} {} ", self.name, self.typed);
        if rng.chance(60) {
            self.send(&json!({ "caret": rng.below(self.text_chars + 1) }));
        }
        self.send(&json!({ "type": word, "backspace": backspace }));
        self.typed += 1;
        if self.typed.is_multiple_of(ASK_EVERY) {
            self.send(&json!({ "version": true }));
            self.send(&json!({ "text": true }));
        }
    }

    /// Kills the editor, as `kill -9` does; what it had said counts. It stays away until [`Writer::start`].
    pub(crate) fn kill(&mut self, now_ms: u64) -> Result<(), String> {
        self.starts_at_ms = None;
        let said = self.process.take().map(Process::kill).unwrap_or_default();
        // The last line may be cut off.
        let whole = said.iter().filter(|line| serde_json::from_str::<Json>(line).is_ok());
        whole.into_iter().try_for_each(|line| self.hear(line, now_ms))
    }

    /// The editor may start again.
    pub(crate) fn start(&mut self, now_ms: u64) {
        if self.process.is_none() {
            self.starts_at_ms = Some(now_ms);
        }
    }

    fn ask(&mut self, line: &Json) -> Result<Json, String> {
        let unanswered = std::mem::take(&mut self.unanswered);
        let Some(process) = &mut self.process else { return Err(format!("{} does not run", self.name)) };
        let answer = process.ask(line, unanswered, SETTLE_TIME_MAX)?;
        if answer.get("units").is_some() {
            self.note(&answer)?;
        }
        Ok(answer)
    }

    /// Waits until everything is on the relay's disk: how many units that is.
    pub(crate) fn settle(&mut self) -> Result<u64, String> {
        let settled = self.ask(&json!({ "until_saved": true, "timeout_ms": 240_000 }))?;
        settled["units"].as_u64().ok_or_else(|| format!("{}: {settled}", self.name))
    }

    /// Waits until it has so many units of each, and ends: its text.
    pub(crate) fn finish(&mut self, all: &serde_json::Map<String, Json>) -> Result<String, String> {
        self.ask(&json!({ "until": all, "timeout_ms": 240_000 }))?;
        let text = self.ask(&json!({ "text": true }))?["text"].as_str().unwrap_or_default().to_owned();
        self.ask(&json!({ "quit": true }))?;
        match self.process.take() {
            Some(process) => process.wait(SETTLE_TIME_MAX).map(|()| text),
            None => Err(format!("{} does not run", self.name)),
        }
    }
}
