//! The processes of the demo: they are ended by their ids, whatever happens.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::session::Failure;

/// How long a process may take for an answer.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(25);

/// How long a process may take until it says its first word.
const START_TIME_MAX: Duration = Duration::from_secs(15);

/// The time between two keystrokes.
const KEYSTROKE: Duration = Duration::from_millis(22);

fn failed(what: &str, error: impl std::fmt::Display) -> Failure {
    Failure::new(Failure::FAILED, format!("{what}: {error}"))
}

fn this_program(library: &Path) -> Result<Command, Failure> {
    let program = std::env::current_exe().map_err(|error| failed("this program cannot be found", error))?;
    let mut command = Command::new(program);
    command.arg("--library").arg(library);
    Ok(command)
}

/// Runs one command of the command line to its end; its answer.
pub(super) fn quire(library: &Path, arguments: &[&str]) -> Result<Value, Failure> {
    let output = this_program(library)?.arg("--json").args(arguments).stdin(Stdio::null()).output();
    let output = output.map_err(|error| failed("quire cannot be started", error))?;
    if !output.status.success() {
        return Err(failed(&format!("quire {}", arguments.join(" ")), String::from_utf8_lossy(&output.stderr)));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| failed("quire answers what is no JSON", error))
}

/// A process that answers line by line. It is killed when this is dropped.
struct Process {
    name: String,
    child: Child,
    lines: Receiver<String>,
}

impl Process {
    fn start(name: &str, command: &mut Command) -> Result<Self, Failure> {
        let spawned = command.stdout(Stdio::piped()).spawn();
        let mut child = spawned.map_err(|error| failed(&format!("{name} cannot be started"), error))?;
        let (sender, lines) = sync_channel(16);
        if let Some(output) = child.stdout.take() {
            thread::spawn(move || {
                BufReader::new(output).lines().map_while(Result::ok).all(|line| sender.send(line).is_ok())
            });
        }
        Ok(Self { name: name.to_owned(), child, lines })
    }

    fn line(&self, at_most: Duration) -> Result<Value, Failure> {
        let line = self.lines.recv_timeout(at_most);
        let line = line.map_err(|_| Failure::new(Failure::FAILED, format!("{} does not answer", self.name)))?;
        serde_json::from_str(&line).map_err(|error| failed(&format!("{} answers {line:?}", self.name), error))
    }

    fn end(&mut self) -> std::io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(drop)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A process that has ended already cannot be killed: that is what was wanted.
        drop(self.end());
    }
}

/// The relay.
pub(super) struct Relay {
    process: Process,
    address: String,
}

impl Relay {
    pub(super) fn start(data: &Path, listen: &str) -> Result<Self, Failure> {
        let mut command = this_program(data)?;
        command.arg("--json").arg("host").arg("--listen").arg(listen).arg("--data").arg(data);
        command.env("QUIRE_LOG", "error").stdin(Stdio::null());
        let process = Process::start("the relay", &mut command)?;
        let address = process.line(START_TIME_MAX)?["listening"].as_str().unwrap_or_default().to_owned();
        Ok(Self { process, address })
    }

    /// `HOST:PORT`.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Kills it at once, without a word to it.
    pub(super) fn kill(&mut self) -> Result<(), Failure> {
        self.process.end().map_err(|error| failed("the relay cannot be killed", error))
    }
}

/// A device: an editor that obeys a script.
pub(super) struct Device {
    process: Process,
    input: ChildStdin,
}

impl Device {
    /// Starts the editor, with or without a window, and waits until it listens.
    /// A window takes its `place` on the screen.
    pub(super) fn start(name: &str, library: &Path, id: &str, place: Option<&str>) -> Result<Self, Failure> {
        let mut command = this_program(library)?;
        match place {
            Some(place) => command.args(["open", id, "--name", name, "--script", "-", "--place", place]),
            None => command.args(["edit", id, "--name", name]),
        };
        command.stdin(Stdio::piped());
        let mut process = Process::start(&format!("{name}'s editor"), &mut command)?;
        let input = process.child.stdin.take();
        let input = input.ok_or_else(|| Failure::new(Failure::FAILED, "an editor without a standard input"))?;
        let mut device = Self { process, input };
        device.tell(&json!({ "version": true }))?;
        device.process.line(START_TIME_MAX)?;
        Ok(device)
    }

    fn tell(&mut self, command: &Value) -> Result<(), Failure> {
        let told = writeln!(self.input, "{command}").and_then(|()| self.input.flush());
        told.map_err(|error| failed(&self.process.name, error))
    }

    /// Gives a command and waits for its answer.
    pub(super) fn ask(&mut self, command: &Value) -> Result<Value, Failure> {
        self.tell(command)?;
        let answer = self.process.line(ANSWER_TIME_MAX)?;
        match answer.get("error") {
            Some(error) => Err(failed(&format!("{} cannot do {command}", self.process.name), error)),
            None => Ok(answer),
        }
    }

    pub(super) fn text(&mut self) -> Result<String, Failure> {
        Ok(self.ask(&json!({ "text": true }))?["text"].as_str().unwrap_or_default().to_owned())
    }

    /// Puts the caret behind the paragraph that starts so.
    pub(super) fn place_caret_behind(&mut self, paragraph: &str) -> Result<(), Failure> {
        let text = self.text()?;
        let end = text.find(paragraph).map_or(text.len(), |at| at + paragraph.len());
        self.ask(&json!({ "caret": text[..end].chars().count() })).map(drop)
    }

    pub(super) fn place_caret_at_end(&mut self) -> Result<(), Failure> {
        let chars = self.text()?.chars().count();
        self.ask(&json!({ "caret": chars })).map(drop)
    }

    /// Types key by key. What stands between `<` and `>` is a typo: it is typed, looked at, and taken back.
    pub(super) fn type_like_a_person(&mut self, text: &str) -> Result<(), Failure> {
        let mut typo = None;
        for key in text.chars() {
            match (key, typo) {
                ('<', _) => typo = Some(0),
                ('>', Some(length)) => {
                    thread::sleep(6 * KEYSTROKE);
                    for _ in 0..length {
                        self.ask(&json!({ "backspace": 1 }))?;
                        thread::sleep(KEYSTROKE);
                    }
                    typo = None;
                }
                (key, _) => {
                    self.ask(&json!({ "type": key }))?;
                    typo = typo.map(|length| length + 1);
                    thread::sleep(KEYSTROKE);
                }
            }
        }
        Ok(())
    }

    pub(super) fn has_ended(&mut self) -> bool {
        !matches!(self.process.child.try_wait(), Ok(None))
    }

    pub(super) fn quit(mut self) -> Result<(), Failure> {
        if !self.has_ended() {
            self.ask(&json!({ "quit": true }))?;
        }
        Ok(())
    }
}
