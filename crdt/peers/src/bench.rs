//! What is measured: every row, for every recording and library.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use anyhow::{Error, Result, anyhow};

use crate::edits::Edits;
use crate::measure::{Deadline, Limits, Timing, TooSlow};
use crate::memory;
use crate::options::Options;
use crate::peer::{Peer, Stored, Synced, automerge, cola, crop, diamond_types, jumprope, loro, ours, ropey, yrs};
use crate::results::{self, Outcome, Results};
use crate::row::Row;
use crate::trace::Trace;
use changes::Changes;

pub mod changes;
mod merge;
mod replay;
mod store;
mod worst;

/// How many times longer than a run its preparation may take.
const PREPARE_TIMES: u32 = 3;

/// Measures all that is asked for.
///
/// # Errors
/// When the memory of the libraries cannot be measured; what a library says becomes a result.
pub fn run(options: &Options, traces: &[Trace]) -> Result<Results> {
    let mut bench = Bench { options, results: Results::default() };
    for trace in traces.iter().filter(|trace| options.wants_trace(&trace.name)) {
        bench.recording(trace);
    }
    bench.workloads();
    if options.wants_row(Row::Memory) {
        bench.results.all.extend(memory::ask(options)?);
    }
    Ok(bench.results)
}

struct Bench<'a> {
    options: &'a Options,
    results: Results,
}

impl Bench<'_> {
    fn recording(&mut self, trace: &Trace) {
        self.stored::<ours::Ours>(trace);
        self.stored::<diamond_types::DiamondTypes>(trace);
        self.synced::<cola::Cola>(trace);
        self.stored::<yrs::Yrs>(trace);
        self.stored::<loro::Loro>(trace);
        self.stored::<automerge::Automerge>(trace);
        self.rope::<jumprope::JumpRope>(trace);
        self.rope::<crop::Crop>(trace);
        self.rope::<ropey::Ropey>(trace);
    }

    fn workloads(&mut self) {
        self.offline_stored::<ours::Ours>();
        self.offline_stored::<diamond_types::DiamondTypes>();
        self.offline_synced::<cola::Cola>();
        self.offline_stored::<yrs::Yrs>();
        self.offline_stored::<loro::Loro>();
        self.offline_stored::<automerge::Automerge>();
        self.hard::<ours::Ours>(false);
        self.hard::<diamond_types::DiamondTypes>(false);
        self.hard::<cola::Cola>(false);
        self.hard::<yrs::Yrs>(false);
        self.hard::<loro::Loro>(false);
        self.hard::<automerge::Automerge>(false);
        self.hard::<jumprope::JumpRope>(true);
        self.hard::<crop::Crop>(true);
        self.hard::<ropey::Ropey>(true);
    }

    fn rope<P: Peer>(&mut self, trace: &Trace) {
        if trace.is_concurrent || !self.wants::<P>(&[Row::Floor]) {
            return;
        }
        let mut session = Session::<P>::new(trace, self.options.limits());
        self.measure::<P>(Row::Floor, &trace.name, true, |limits| {
            replay::local::<P>(limits, &*session.edits()?, trace)
        });
    }

    fn synced<P: Synced>(&mut self, trace: &Trace) {
        let mut session = Session::<P>::new(trace, self.options.limits());
        self.synced_rows(trace, &mut session);
    }

    fn stored<P: Stored>(&mut self, trace: &Trace) {
        let mut session = Session::<P>::new(trace, self.options.limits());
        self.synced_rows(trace, &mut session);
        let whole = if trace.is_concurrent { Row::ConcurrentWhole } else { Row::RemoteWhole };
        let name = &trace.name;
        self.measure::<P>(whole, name, false, |limits| store::receive_whole(limits, &mut session));
        self.measure::<P>(Row::Load, name, false, |limits| store::load(limits, &mut session));
        self.measure::<P>(Row::LoadEdit, name, false, |limits| store::load_edit(limits, &mut session));
        self.measure::<P>(Row::Size, name, false, |_| store::size(&mut session));
    }

    fn synced_rows<P: Synced>(&mut self, trace: &Trace, session: &mut Session<'_, P>) {
        let name = &trace.name;
        if trace.is_concurrent {
            self.measure::<P>(Row::Concurrent, name, false, |limits| replay::remote(limits, session));
        } else {
            self.measure::<P>(Row::Local, name, false, |limits| replay::local::<P>(limits, &*session.edits()?, trace));
            self.measure::<P>(Row::LocalEncoded, name, false, |limits| {
                replay::local_encoded::<P>(limits, &*session.edits()?, trace)
            });
            self.measure::<P>(Row::Remote, name, false, |limits| replay::remote(limits, session));
        }
        self.measure::<P>(Row::Wire, name, false, |_| replay::wire(session));
    }

    /// Whether some of these rows are asked for, of this library.
    fn wants<P: Peer>(&self, rows: &[Row]) -> bool {
        self.options.wants_peer(P::NAME) && rows.iter().any(|row| self.options.wants_row(*row))
    }

    /// Measures one row, recording and library, if it is asked for; whether that gave a figure.
    fn measure<P: Peer>(
        &mut self,
        row: Row,
        trace: &str,
        is_rope: bool,
        measure: impl FnOnce(Limits) -> Result<Timing>,
    ) -> bool {
        if !self.wants::<P>(&[row]) {
            return false;
        }
        let outcome = match attempt(|| measure(self.options.limits())) {
            Ok(timing) => Outcome::Figure { best: timing.min, median: timing.median, runs: timing.runs },
            Err(error) => self.failed(row, trace, P::NAME, &error),
        };
        eprintln!("{trace:>20} {:>16} {:>14} {}", row.name(), P::NAME, crate::report::brief(&outcome));
        let has_figure = outcome.figure().is_some();
        self.results.all.push(results::Result { row, trace: trace.to_owned(), library: P::NAME, is_rope, outcome });
        has_figure
    }

    fn failed(&mut self, row: Row, trace: &str, library: &str, error: &Error) -> Outcome {
        if let Some(slow) = error.downcast_ref::<TooSlow>() {
            return Outcome::TooSlow(slow.to_string());
        }
        if error.is::<WrongText>() {
            self.results.wrong.push(format!("{library}, {}, {trace}: {error}", row.name()));
        }
        Outcome::Failed(format!("{error:#}"))
    }
}

pub use replay::finish;

/// A text is not what it should be.
#[derive(Clone, Debug)]
pub struct WrongText(String);

impl std::fmt::Display for WrongText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for WrongText {}

/// Fails when a text is not what it should be.
fn verify(text: &str, expected: &str) -> Result<()> {
    if text == expected {
        return Ok(());
    }
    let same = text.chars().zip(expected.chars()).take_while(|(a, b)| a == b).count();
    let (len, expected) = (text.chars().count(), expected.chars().count());
    Err(WrongText(format!("the text of {len} characters differs at {same} from the expected one of {expected}")).into())
}

/// Runs what may panic inside a library.
///
/// # Errors
/// What it says, or the panic's message.
pub fn attempt<T>(run: impl FnOnce() -> Result<T>) -> Result<T> {
    let message = |panic: Box<dyn Any + Send>| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        anyhow!("panicked: {}", text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("without a message"))
    };
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| Err(message(panic)))
}

/// One library on one recording: what several rows need is made once.
pub struct Session<'a, P> {
    trace: &'a Trace,
    limits: Limits,
    edits: Once<Edits>,
    changes: Once<Changes<P>>,
    finished: Once<P>,
}

impl<'a, P: Peer> Session<'a, P> {
    /// Nothing is made yet.
    pub fn new(trace: &'a Trace, limits: Limits) -> Self {
        Self { trace, limits, edits: Once::new(), changes: Once::new(), finished: Once::new() }
    }

    /// The recording's edits, for a recording of one writer.
    fn edits(&mut self) -> Result<Rc<Edits>> {
        self.edits.get(|| Edits::of(self.trace, P::UNIT))
    }

    fn deadline(&self) -> Deadline {
        Deadline::start(self.limits.give_up * PREPARE_TIMES)
    }
}

impl<P: Synced> Session<'_, P> {
    /// What the recording's writers send.
    ///
    /// # Errors
    /// What the library says; [`TooSlow`] when it takes too long.
    pub fn changes(&mut self) -> Result<Rc<Changes<P>>> {
        let deadline = self.deadline();
        if self.trace.is_concurrent {
            return self.changes.get(|| Changes::of_many(self.trace, &deadline));
        }
        let edits = self.edits()?;
        self.changes.get(|| Changes::of_one(0, &edits, &deadline))
    }

    /// A replica at the end of the recording.
    ///
    /// # Errors
    /// What the library says; [`TooSlow`] when it takes too long.
    pub fn finished(&mut self) -> Result<Rc<P>> {
        let deadline = self.deadline();
        if self.trace.is_concurrent {
            let changes = self.changes()?;
            return self.finished.get(|| changes.finished.copy());
        }
        let edits = self.edits()?;
        self.finished.get(|| replay::finish(&edits, &deadline))
    }

    /// The text at the end: of a recording with concurrency, the one in which the library's replicas agree.
    fn end(&mut self) -> Result<String> {
        if self.trace.is_concurrent { self.changes()?.finished.text() } else { Ok(self.trace.end.clone()) }
    }
}

/// Something that is made once, or could not be made.
struct Once<T>(Option<std::result::Result<Rc<T>, Reason>>);

/// Why something could not be made, to be said as often as it is asked for.
struct Reason {
    slow: Option<TooSlow>,
    text: String,
}

impl<T> Once<T> {
    const fn new() -> Self {
        Self(None)
    }

    fn get(&mut self, make: impl FnOnce() -> Result<T>) -> Result<Rc<T>> {
        match self.0.get_or_insert_with(|| attempt(make).map(Rc::new).map_err(|error| Reason::of(&error))) {
            Ok(value) => Ok(Rc::clone(value)),
            Err(reason) => Err(reason.error()),
        }
    }
}

impl Reason {
    fn of(error: &Error) -> Self {
        Self { slow: error.downcast_ref().copied(), text: format!("{error:#}") }
    }

    fn error(&self) -> Error {
        self.slow.map_or_else(|| anyhow!("{}", self.text), Error::from)
    }
}
