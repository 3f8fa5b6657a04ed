//! The relay, as whoever looks after a server does: it is started again when it has ended, and what it says is believed and checked.

use std::path::{Path, PathBuf};

use quire_crdt::{DocumentId, VersionVector};
use quire_server::Log;

use crate::net::{Net, RELAY, WIRE};
use crate::programs::{Process, program};

/// The name of its namespace, its samples and its complaints.
pub(crate) const NAME: &str = "relay";
/// How long it rests when it has ended, in milliseconds.
const RESTART_MS: u64 = 2_000;
const CACHE_BYTES: usize = 1024 * 1024;

/// The relay's program and its store.
#[derive(Debug)]
pub(crate) struct Relay {
    process: Option<Process>,
    is_up: bool,
    starts_at_ms: Option<u64>,
    data: PathBuf,
    complaints: PathBuf,
    /// How often it was started.
    pub(crate) starts: usize,
    /// How often it ended by itself because its disk was full.
    pub(crate) gave_up: usize,
}

impl Relay {
    pub(crate) fn new(data: &Path, out: &Path) -> Self {
        let complaints = out.join("relay.log");
        Self {
            process: None,
            is_up: false,
            starts_at_ms: Some(0),
            data: data.to_owned(),
            complaints,
            starts: 0,
            gave_up: 0,
        }
    }

    /// Its process, while it has one.
    pub(crate) fn id(&self) -> Option<u32> {
        self.process.as_ref().map(Process::id)
    }

    /// Whether it listens.
    pub(crate) const fn is_up(&self) -> bool {
        self.is_up
    }

    /// Starts it when its time has come, and notices when it listens or has ended. It may end by itself only while its disk is full.
    pub(crate) fn tend(&mut self, net: &Net, now_ms: u64, may_end: bool) -> Result<(), String> {
        if self.process.is_none() && self.starts_at_ms.is_some_and(|at| at <= now_ms) {
            let mut command = net.command(NAME, &program("quire-server")?);
            command.args(["--listen", RELAY, "--name", WIRE, "--data"]).arg(&self.data).env("QUIRE_LOG", "warn");
            self.process = Some(Process::start(NAME, command, &self.complaints)?);
            self.starts_at_ms = None;
            self.starts += 1;
        }
        let Some(process) = &mut self.process else { return Ok(()) };
        self.is_up |= process.said().iter().any(|line| line.starts_with("listening on "));
        if !process.is_running() {
            if !may_end {
                return Err(format!("the relay has ended by itself; see {}", self.complaints.display()));
            }
            self.gave_up += usize::from(self.is_up);
            self.process = None;
            self.is_up = false;
            self.starts_at_ms = Some(now_ms + RESTART_MS);
        }
        Ok(())
    }

    /// Kills it, as `kill -9` does. It stays away until [`Relay::start`].
    pub(crate) fn kill(&mut self) {
        self.is_up = false;
        self.starts_at_ms = None;
        if let Some(process) = self.process.take() {
            drop(process.kill());
        }
    }

    /// It may start again.
    pub(crate) fn start(&mut self, now_ms: u64) {
        if self.process.is_none() {
            self.starts_at_ms = Some(now_ms);
        }
    }

    /// Lets it end in order, as a server is stopped.
    pub(crate) fn stop(&mut self) -> Result<(), String> {
        let Some(process) = self.process.take() else { return Err("the relay does not run".to_owned()) };
        self.is_up = false;
        crate::net::run("kill", &["-TERM", &process.id().to_string()])?;
        process.wait(std::time::Duration::from_mins(1))
    }

    /// How long its store is; 0 when that cannot be seen.
    pub(crate) fn store_bytes(&self) -> u64 {
        std::fs::metadata(self.data.join("relay.redb")).map_or(0, |file| file.len())
    }

    /// What its store holds of a document, while it does not run. The whole store is held against itself.
    pub(crate) fn holds(&self, document: DocumentId) -> Result<VersionVector, String> {
        let in_words = |error: quire_server::StoreError| error.to_string();
        let log = Log::open_existing(&self.data, CACHE_BYTES, u64::MAX).map_err(in_words)?;
        log.verify().map_err(in_words)?;
        Ok(log.end(document).map_err(in_words)?.version)
    }
}
