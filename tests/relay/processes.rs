//! The real programs: a relay, libraries, and editors without a window that obey a script; each can be killed at any moment.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

/// How long a program may take to answer before the test fails.
pub(crate) const ANSWER_TIMEOUT: Duration = Duration::from_secs(150);

/// The seed of this run: `QUIRE_SEED`, or else always the same.
pub(crate) fn seed() -> u64 {
    let seed = std::env::var("QUIRE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    println!("QUIRE_SEED={seed}");
    seed
}

/// A program of this project, as built beside this test.
pub(crate) fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test knows where it is");
    let built = test.parent().and_then(Path::parent).expect("a test lies in deps").join(name);
    assert!(built.is_file(), "{} is missing: build it by `cargo build --workspace --bins`", built.display());
    built
}

/// Kills a process and waits until it is gone.
pub(crate) fn kill(child: &mut Child) {
    child.kill().expect("a child can be killed");
    child.wait().expect("a child can be waited for");
}

/// The lines that a program writes, read by a thread of their own.
pub(crate) fn lines_of(child: &mut Child) -> Receiver<String> {
    lines_from(child.stdout.take().expect("the output is a pipe"))
}

/// The lines that come from a pipe, read by a thread of their own.
pub(crate) fn lines_from(pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = channel();
    thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    lines
}

/// A relay on a port of its own, which it keeps when it is started again.
#[derive(Debug)]
pub(crate) struct Relay {
    data: PathBuf,
    listen: String,
    child: Option<Child>,
}

impl Relay {
    /// Starts a relay over this folder.
    pub(crate) fn start(data: &Path) -> Self {
        let mut relay = Self { data: data.to_owned(), listen: "127.0.0.1:0".to_owned(), child: None };
        relay.start_again();
        relay
    }

    /// Starts it after it was killed.
    pub(crate) fn start_again(&mut self) {
        let mut command = Command::new(program("quire-server"));
        command.arg("--listen").arg(&self.listen).arg("--data").arg(&self.data).env("QUIRE_LOG", "error");
        let mut child = command.stdout(Stdio::piped()).stdin(Stdio::null()).spawn().expect("the relay starts");
        let ready = lines_of(&mut child).recv_timeout(ANSWER_TIMEOUT).expect("the relay says where it listens");
        ready.strip_prefix("listening on ").expect("the relay says where it listens").clone_into(&mut self.listen);
        self.child = Some(child);
    }

    /// Kills it, as `kill -9` does.
    pub(crate) fn kill(&mut self) {
        self.child.take().iter_mut().for_each(kill);
    }

    /// The folder of its store.
    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    /// What editors are told.
    pub(crate) fn url(&self) -> String {
        format!("ws://{}/", self.listen)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A device: a library in a folder of its own.
#[derive(Clone, Debug)]
pub(crate) struct Device {
    folder: PathBuf,
}

impl Device {
    pub(crate) fn new(folder: PathBuf) -> Self {
        std::fs::create_dir_all(&folder).expect("a folder can be made");
        Self { folder }
    }

    /// The library's folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Runs a command of the command line to its end; what it wrote.
    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).stdin(Stdio::null()).output().expect("the program starts");
        let (said, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "quire {arguments:?}: {}\n{said}\n{complained}", output.status);
        said.into_owned()
    }

    /// Runs a command that cannot be obeyed; what it complains of.
    pub(crate) fn fail(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).stdin(Stdio::null()).output().expect("the program starts");
        assert!(!output.status.success(), "quire {arguments:?} was obeyed");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    /// Runs a command that answers with one JSON object.
    pub(crate) fn ask(&self, arguments: &[&str]) -> Json {
        let said = self.run(arguments);
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("quire {arguments:?}: {error} in {said:?}"))
    }

    /// Starts an editor that obeys a script.
    pub(crate) fn edit(&self, document: &str) -> Editor {
        Editor::start(self.command(&["edit", document]))
    }

    /// A command of the command line, without a display.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program("quire"));
        command.args(arguments).env("QUIRE_LIBRARY", &self.folder).env("QUIRE_LOG", "error");
        command.env("HOME", &self.folder).env("XDG_CONFIG_HOME", self.folder.join("config"));
        command.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY");
        command
    }
}

/// An editor that obeys a script, one line and one answer at a time; lines may be sent ahead of the answers.
#[derive(Debug)]
pub(crate) struct Editor {
    child: Child,
    input: Option<ChildStdin>,
    answers: Receiver<String>,
    asked: usize,
}

impl Editor {
    /// Starts an editor by this command.
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the editor starts");
        let answers = lines_of(&mut child);
        let input = child.stdin.take();
        Self { child, input, answers, asked: 0 }
    }

    /// The process's id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// How many lines are not yet answered.
    pub(crate) const fn unanswered(&self) -> usize {
        self.asked
    }

    /// Sends a line, and does not wait for its answer.
    pub(crate) fn send(&mut self, line: &Json) {
        let input = self.input.as_mut().expect("the editor is not at its end");
        writeln!(input, "{line}").and_then(|()| input.flush()).expect("the editor reads its script");
        self.asked += 1;
    }

    /// The next answer. An answer that is an error fails the test.
    pub(crate) fn answer(&mut self) -> Json {
        let line = match self.answers.recv_timeout(ANSWER_TIMEOUT) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) => panic!("the editor does not answer"),
            Err(RecvTimeoutError::Disconnected) => panic!("the editor has ended: {:?}", self.child.wait()),
        };
        self.asked -= 1;
        let answer: Json = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error} in {line:?}"));
        assert!(answer.get("error").is_none(), "{answer}");
        answer
    }

    /// The answers that have come, without waiting.
    pub(crate) fn answers_so_far(&mut self) -> Vec<Json> {
        let lines: Vec<String> = self.answers.try_iter().collect();
        self.asked -= lines.len();
        lines.iter().map(|line| serde_json::from_str(line).unwrap_or(Json::Null)).collect()
    }

    /// Sends a line and waits for its answer; those of earlier lines are passed over.
    pub(crate) fn ask(&mut self, line: &Json) -> Json {
        self.send(line);
        while self.asked > 1 {
            self.answer();
        }
        self.answer()
    }

    /// Kills it, as `kill -9` does. What it had answered before is returned.
    pub(crate) fn kill(mut self) -> Vec<Json> {
        kill(&mut self.child);
        let parse = |line: String| serde_json::from_str(&line).ok();
        self.answers.iter().filter_map(parse).collect()
    }

    /// Lets it end by itself, with success.
    pub(crate) fn quit(mut self) {
        self.ask(&json!({ "quit": true }));
        drop(self.input.take());
        let until = Instant::now() + ANSWER_TIMEOUT;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                break status;
            }
            assert!(Instant::now() < until, "the editor does not end");
            thread::sleep(Duration::from_millis(2));
        };
        assert!(status.success(), "{status}");
    }
}

impl Drop for Editor {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            kill(&mut self.child);
        }
    }
}
