//! The real programs, and this one's own helpers, as processes that are spoken to by lines.

use std::fs::OpenOptions;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value as Json;

/// A program of this project, as built beside this one.
pub(crate) fn program(name: &str) -> Result<PathBuf, String> {
    let own = std::env::current_exe().map_err(|error| format!("where this program is: {error}"))?;
    let built = own.parent().unwrap_or(Path::new(".")).join(name);
    let missing = || format!("{} is missing: build it by `cargo build --release --workspace --bins`", built.display());
    if built.is_file() { Ok(built) } else { Err(missing()) }
}

/// A process that reads lines and writes lines. It is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Process {
    name: String,
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Process {
    /// Starts it; what it complains about goes to the end of this file.
    pub(crate) fn start(name: &str, mut command: Command, complaints: &Path) -> Result<Self, String> {
        let failed = |error: std::io::Error| format!("{name}: {error}");
        let file = OpenOptions::new().create(true).append(true).open(complaints).map_err(failed)?;
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(file).spawn().map_err(failed)?;
        let (sender, lines) = channel();
        if let Some(output) = child.stdout.take() {
            thread::spawn(move || {
                for line in BufReader::new(output).lines().map_while(Result::ok) {
                    if sender.send(line).is_err() {
                        return;
                    }
                }
            });
        }
        Ok(Self { name: name.to_owned(), input: child.stdin.take(), child, lines })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it runs still.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|status| status.is_none())
    }

    /// Sends a line; whether it could be sent.
    pub(crate) fn say(&mut self, line: &str) -> bool {
        self.input.as_mut().is_some_and(|input| writeln!(input, "{line}").and_then(|()| input.flush()).is_ok())
    }

    /// What it has said since the last time.
    pub(crate) fn said(&self) -> Vec<String> {
        self.lines.try_iter().collect()
    }

    /// The next line; an error when none comes in time, or the process has ended.
    pub(crate) fn next_line(&mut self, within: Duration) -> Result<String, String> {
        match self.lines.recv_timeout(within) {
            Ok(line) => Ok(line),
            Err(RecvTimeoutError::Timeout) => Err(format!("{}: no answer in {} s", self.name, within.as_secs())),
            Err(RecvTimeoutError::Disconnected) => Err(format!("{} has ended: {:?}", self.name, self.child.wait())),
        }
    }

    /// Sends a line and waits for its answer, the last of those to come.
    pub(crate) fn ask(&mut self, line: &Json, unanswered: usize, within: Duration) -> Result<Json, String> {
        if !self.say(&line.to_string()) {
            return Err(format!("{}: it takes no line", self.name));
        }
        for _ in 0..unanswered {
            self.next_line(within)?;
        }
        let answer = self.next_line(within)?;
        let answer: Json =
            serde_json::from_str(&answer).map_err(|error| format!("{}: {error}: {answer}", self.name))?;
        if answer.get("error").is_some() { Err(format!("{}: {line}: {answer}", self.name)) } else { Ok(answer) }
    }

    /// Kills it, as `kill -9` does; what it had said.
    pub(crate) fn kill(mut self) -> Vec<String> {
        self.end();
        self.lines.iter().collect()
    }

    /// Lets it end by itself; an error when it ends badly, or does not end.
    pub(crate) fn wait(mut self, within: Duration) -> Result<(), String> {
        drop(self.input.take());
        let until = Instant::now() + within;
        while self.is_running() && Instant::now() < until {
            thread::sleep(Duration::from_millis(10));
        }
        match self.child.try_wait() {
            Ok(Some(status)) if status.success() => Ok(()),
            Ok(Some(status)) => Err(format!("{}: {status}", self.name)),
            Ok(None) => Err(format!("{} does not end", self.name)),
            Err(error) => Err(format!("{}: {error}", self.name)),
        }
    }

    fn end(&mut self) {
        if self.is_running() {
            let ended = self.child.kill().and_then(|()| self.child.wait());
            if let Err(error) = ended {
                eprintln!("soak: {} cannot be killed: {error}", self.name);
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

/// Runs a command to its end: what it wrote.
pub(crate) fn output(mut command: Command) -> Result<String, String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("{command:?}: {error}"))?;
    let (said, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.success() {
        Ok(said.into_owned())
    } else {
        Err(format!("{command:?}: {}\n{said}{complained}", output.status))
    }
}
