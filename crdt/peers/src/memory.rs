//! Live heap after replay. It is counted by an allocator that would slow down what the clock measures, so that a program of
//! its own does it: `peers` builds and starts it.

use std::env;
use std::hint::black_box;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::bench::{Session, attempt, finish};
use crate::edits::Edits;
use crate::measure::Deadline;
use crate::options::Options;
use crate::peer::{Peer, Synced, automerge, cola, diamond_types, loro, ours, yrs};
use crate::results::{self, Outcome};
use crate::row::Row;
use crate::trace::Trace;

/// What was counted for one recording and library.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Counted {
    trace: String,
    library: String,
    kib: std::result::Result<f64, String>,
}

/// Builds and starts the program that counts.
///
/// # Errors
/// When it cannot be built, or fails.
pub fn ask(options: &Options) -> Result<Vec<results::Result>> {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["run", "--quiet", "--locked", "--manifest-path", manifest, "--bin", "peers-memory"]);
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    cargo.arg("--").arg(format!("--give-up={}", options.give_up));
    cargo.args(options.trace.iter().map(|trace| format!("--trace={trace}")));
    cargo.args(options.peer.iter().map(|peer| format!("--peer={peer}")));
    let output = cargo.stderr(Stdio::inherit()).output().context("cargo builds the program that counts memory")?;
    if !output.status.success() {
        bail!("the program that counts memory failed: {}", output.status);
    }
    let counted: Vec<Counted> = serde_json::from_slice(&output.stdout)?;
    counted.into_iter().map(Counted::result).collect()
}

/// Counts for every recording and library that is asked for.
pub fn count(options: &Options, traces: &[Trace], allocated: &dyn Fn() -> usize) -> Vec<Counted> {
    let mut counter = Counter { options, allocated, counted: Vec::new() };
    for trace in traces.iter().filter(|trace| options.wants_trace(&trace.name)) {
        counter.count::<ours::Ours>(trace);
        counter.count::<diamond_types::DiamondTypes>(trace);
        counter.count::<cola::Cola>(trace);
        counter.count::<yrs::Yrs>(trace);
        counter.count::<loro::Loro>(trace);
        counter.count::<automerge::Automerge>(trace);
    }
    counter.counted
}

struct Counter<'a> {
    options: &'a Options,
    allocated: &'a dyn Fn() -> usize,
    counted: Vec<Counted>,
}

impl Counter<'_> {
    fn count<P: Synced>(&mut self, trace: &Trace) {
        if !self.options.wants_peer(P::NAME) {
            return;
        }
        let live = attempt(|| self.live::<P>(trace));
        let kib = live.map(|bytes| u32::try_from(bytes).map_or(f64::INFINITY, f64::from) / 1024.0);
        let kib = kib.map_err(|error| format!("{error:#}"));
        self.counted.push(Counted { trace: trace.name.clone(), library: P::NAME.to_owned(), kib });
    }

    /// The bytes that a replica at the end of a recording keeps alive, once a first one has made all that is made only once.
    fn live<P: Synced>(&self, trace: &Trace) -> Result<usize> {
        let replica: Box<dyn Fn() -> Result<P>> = if trace.is_concurrent {
            let changes = Session::<P>::new(trace, self.options.limits()).changes()?;
            Box::new(move || receive_all(trace.agents, &changes.messages))
        } else {
            let edits = Edits::of(trace, P::UNIT)?;
            let limit = self.options.limits().give_up;
            Box::new(move || finish(&edits, &Deadline::start(limit)))
        };
        drop(replica()?);
        let before = (self.allocated)();
        let replica = black_box(replica()?);
        let live = (self.allocated)() - before;
        drop(replica);
        Ok(live)
    }
}

/// Each change arrives in memory of its own, which is the replica's to keep.
fn receive_all<P: Synced>(agent: usize, messages: &[Bytes]) -> Result<P> {
    let mut reader = P::new(agent)?;
    for message in messages {
        reader.receive(&Bytes::copy_from_slice(message))?;
    }
    Ok(reader)
}

impl Counted {
    fn result(self) -> Result<results::Result> {
        let library = NAMES.into_iter().find(|name| *name == self.library);
        let library = library.with_context(|| format!("{} is no library", self.library))?;
        let outcome = match self.kib {
            Ok(kib) => Outcome::Figure { best: kib, median: kib, runs: 1 },
            Err(error) => Outcome::Failed(error),
        };
        Ok(results::Result { row: Row::Memory, trace: self.trace, library, is_rope: false, outcome })
    }
}

const NAMES: [&str; 6] = [
    ours::Ours::NAME,
    diamond_types::DiamondTypes::NAME,
    cola::Cola::NAME,
    yrs::Yrs::NAME,
    loro::Loro::NAME,
    automerge::Automerge::NAME,
];
