//! The one place where the relay's state machine lives: what happened goes in under a lock that no IO is done under, and what
//! is to be done comes out.

#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use quire_crdt::DocumentId;
use quire_crdt::sync::frame::RefusalReason;
use quire_crdt::sync::{ConnId, Gate, Now, RelayOutput, RelayPolicy, RelayStats};
use tokio::runtime::Handle;
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;

use crate::conn::Peer;
use crate::limits::Limits;
use crate::log::{Append, CommitQueue, Commits, Log, StoreError};
use crate::metrics::Counters;

/// How many frames a link takes before it lets others at the lock.
const TRANSMIT_FRAMES_MAX: usize = 256;
/// About how many bytes a link takes before it lets others at the lock.
const TRANSMIT_BYTES_MAX: usize = 64 * 1024;

/// How the hub calls a link's tasks.
#[derive(Debug, Default)]
pub(crate) struct Signal {
    /// There is something to send, or to look at.
    pub(crate) write: Notify,
    /// The link may be read again, or to its end.
    pub(crate) read: Notify,
    /// It is to be closed.
    pub(crate) closing: Notify,
    reason: OnceLock<RefusalReason>,
}

impl Signal {
    /// Why the link is to be closed, if it is.
    pub(crate) fn reason(&self) -> Option<RefusalReason> {
        self.reason.get().copied()
    }
}

#[derive(Debug)]
struct State {
    gate: Gate,
    signals: HashMap<ConnId, Arc<Signal>>,
    conns: u64,
    /// Questions to the store: at most one for each open document and each link.
    questions: JoinSet<()>,
}

/// The relay between the sockets and the disk.
#[derive(Debug)]
pub(crate) struct Hub {
    state: Mutex<State>,
    log: Arc<Log>,
    commits: Arc<CommitQueue>,
    reads: Semaphore,
    runtime: Handle,
    origin: Instant,
    /// When the timer task wakes, on the hub's monotonic clock.
    armed_us: AtomicU64,
    rearm: Notify,
    failure: OnceLock<StoreError>,
    pub(crate) failed: Notify,
    stopping: AtomicBool,
    pub(crate) counters: Counters,
}

impl Hub {
    pub(crate) fn new(
        log: Arc<Log>,
        commits: Arc<CommitQueue>,
        limits: &Limits,
        policy: RelayPolicy,
    ) -> Result<Self, StoreError> {
        let gate = Gate::new(log.epoch(), limits.relay.clone(), policy, log.documents()?);
        Ok(Self {
            state: Mutex::new(State { gate, signals: HashMap::new(), conns: 0, questions: JoinSet::new() }),
            log,
            commits,
            reads: Semaphore::new(limits.store_reads_max),
            runtime: Handle::current(),
            origin: Instant::now(),
            armed_us: AtomicU64::new(u64::MAX),
            rearm: Notify::new(),
            failure: OnceLock::new(),
            failed: Notify::new(),
            stopping: AtomicBool::new(false),
            counters: Counters::default(),
        })
    }

    /// A websocket was opened; `challenge` is random.
    pub(crate) fn connect(self: &Arc<Self>, challenge: [u8; 32], peer: Peer) -> (ConnId, Arc<Signal>) {
        let signal = Arc::new(Signal::default());
        let mut state = self.lock();
        state.conns += 1;
        let conn = ConnId(state.conns);
        state.signals.insert(conn, Arc::clone(&signal));
        state.gate.handle_connected_from(self.now(), conn, challenge, peer.reached, peer.network);
        self.settle(state);
        (conn, signal)
    }

    /// A websocket has ended.
    pub(crate) fn disconnect(self: &Arc<Self>, conn: ConnId) {
        let mut state = self.lock();
        state.gate.handle_closed(self.now(), conn);
        state.signals.remove(&conn);
        self.settle(state);
    }

    /// A binary message came; whether the next one should be read.
    pub(crate) fn receive(self: &Arc<Self>, conn: ConnId, frame: &Bytes) -> bool {
        let mut state = self.lock();
        state.gate.handle_frame(self.now(), conn, frame);
        let more = state.gate.relay().can_read(conn);
        self.settle(state);
        more
    }

    /// Something came that cannot be a frame, of so many bytes.
    pub(crate) fn receive_unreadable(self: &Arc<Self>, conn: ConnId, bytes: usize) {
        let mut state = self.lock();
        state.gate.relay().handle_unreadable(self.now(), conn, bytes);
        self.settle(state);
    }

    /// Whether the link should be read.
    pub(crate) fn can_read(&self, conn: ConnId) -> bool {
        self.lock().gate.relay().can_read(conn)
    }

    /// Takes the next frames for a link; none when there are none.
    pub(crate) fn transmit(self: &Arc<Self>, conn: ConnId, frames: &mut Vec<Bytes>) {
        let mut bytes = 0;
        let mut state = self.lock();
        while frames.len() < TRANSMIT_FRAMES_MAX && bytes < TRANSMIT_BYTES_MAX {
            let Some(frame) = state.gate.poll_transmit(self.now(), conn) else { break };
            bytes += frame.len();
            frames.push(frame);
        }
        self.settle(state);
    }

    /// The committer's report.
    pub(crate) fn handle_commit(self: &Arc<Self>, result: Commits) {
        match result {
            Ok(committed) => {
                self.counters.note_commit(&committed);
                let mut state = self.lock();
                for (document, head) in committed.heads {
                    state.gate.relay().handle_appended(self.now(), document, head);
                }
                self.settle(state);
            }
            Err(error) => self.fail(error),
        }
    }

    /// Lets nobody to these documents, from here on; to others again.
    pub(crate) fn close_documents(self: &Arc<Self>, documents: BTreeSet<DocumentId>) {
        let mut state = self.lock();
        state.gate.close_documents(documents);
        self.settle(state);
    }

    /// Refuses every link, now and from here on.
    pub(crate) fn shut_down(self: &Arc<Self>) {
        self.stopping.store(true, Ordering::Relaxed);
        let mut state = self.lock();
        state.gate.relay().shut_down(self.now());
        self.settle(state);
    }

    /// Waits until nothing is asked of the store any more.
    pub(crate) async fn finish_questions(&self) {
        let mut questions = std::mem::take(&mut self.lock().questions);
        while questions.join_next().await.is_some() {}
    }

    /// Whether the relay takes new links.
    pub(crate) fn is_ready(&self) -> bool {
        self.is_healthy() && !self.stopping.load(Ordering::Relaxed)
    }

    /// Whether the store works.
    pub(crate) fn is_healthy(&self) -> bool {
        self.failure.get().is_none()
    }

    /// What the store's failure was.
    pub(crate) fn failure(&self) -> Option<&StoreError> {
        self.failure.get()
    }

    /// What the relay does and holds, and how many changes the slowest link lags behind.
    pub(crate) fn stats(&self) -> (RelayStats, u64) {
        let mut state = self.lock();
        (state.gate.stats(), state.gate.relay().lag_changes_max())
    }

    /// Runs the relay's timers, for ever.
    pub(crate) async fn keep_time(self: Arc<Self>) {
        loop {
            let wait = self.arm();
            tokio::select! {
                () = tokio::time::sleep(wait) => {
                    let mut state = self.lock();
                    state.gate.relay().handle_timeout(self.now());
                    self.settle(state);
                }
                () = self.rearm.notified() => {}
            }
        }
    }

    fn arm(&self) -> Duration {
        const IDLE_US: u64 = 60_000_000;
        let mut state = self.lock();
        let now_us = self.now().monotonic_us;
        let at_us = state.gate.relay().poll_timeout().unwrap_or(u64::MAX).min(now_us + IDLE_US);
        self.armed_us.store(at_us, Ordering::Relaxed);
        Duration::from_micros(at_us.saturating_sub(now_us))
    }

    /// Does what the relay asks for, and lets go of the lock; links are called after that.
    fn settle(self: &Arc<Self>, mut state: MutexGuard<'_, State>) {
        while state.questions.try_join_next().is_some() {}
        let mut appends = Vec::new();
        let mut woken: Vec<Arc<Signal>> = Vec::new();
        while let Some(output) = state.gate.poll_output() {
            match output {
                RelayOutput::Append { document, position, envelope, author } => {
                    appends.push(Append { document, position, envelope, author });
                }
                RelayOutput::Wake { conn } => woken.extend(state.signals.get(&conn).cloned()),
                RelayOutput::Load { document } => self.load(&mut state.questions, document),
                RelayOutput::Read { conn, document, from, bytes_max } => {
                    self.read(&mut state.questions, conn, document, from, bytes_max);
                }
                RelayOutput::Close { conn, reason } => {
                    self.counters.note_refusal(reason);
                    if let Some(signal) = state.signals.get(&conn)
                        && signal.reason.set(reason).is_ok()
                    {
                        signal.closing.notify_one();
                        woken.push(Arc::clone(signal));
                    }
                }
            }
        }
        if !appends.is_empty() {
            self.commits.push(appends);
        }
        if state.gate.relay().poll_timeout().is_some_and(|at_us| at_us < self.armed_us.load(Ordering::Relaxed)) {
            self.rearm.notify_one();
        }
        drop(state);
        for signal in woken {
            signal.write.notify_one();
            signal.read.notify_one();
        }
    }

    /// Asks the store where a document's log ends.
    fn load(self: &Arc<Self>, questions: &mut JoinSet<()>, document: DocumentId) {
        let hub = Arc::clone(self);
        let question = async move {
            let Some(result) = hub.ask_store(move |log| Ok((log.end(document)?, log.authors(document)?))).await else {
                return;
            };
            match result {
                Ok((end, authors)) => {
                    let mut state = hub.lock();
                    state.gate.handle_loaded(hub.now(), document, authors, end.head, end.bytes);
                    hub.settle(state);
                }
                Err(error) => hub.fail(error),
            }
        };
        questions.spawn_on(question, &self.runtime);
    }

    /// Reads a log for a lagging link.
    fn read(
        self: &Arc<Self>,
        questions: &mut JoinSet<()>,
        conn: ConnId,
        document: DocumentId,
        from: u64,
        bytes_max: usize,
    ) {
        let hub = Arc::clone(self);
        let question = async move {
            let Some(result) = hub.ask_store(move |log| log.read(document, from, bytes_max)).await else { return };
            match result {
                Ok(envelopes) => {
                    let mut state = hub.lock();
                    state.gate.relay().handle_read(hub.now(), conn, from, envelopes);
                    hub.settle(state);
                }
                Err(error) => hub.fail(error),
            }
        };
        questions.spawn_on(question, &self.runtime);
    }

    /// Has a blocking thread ask the store; `None` when the program is ending.
    async fn ask_store<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Log) -> Result<T, StoreError> + Send + 'static,
    ) -> Option<Result<T, StoreError>> {
        let _permit = self.reads.acquire().await.ok()?;
        let log = Arc::clone(&self.log);
        tokio::task::spawn_blocking(move || question(&log)).await.ok()
    }

    /// The store failed: nothing is acknowledged from here on.
    fn fail(self: &Arc<Self>, error: StoreError) {
        tracing::error!(%error, "the store failed; the relay stops");
        if self.failure.set(error).is_ok() {
            let mut state = self.lock();
            state.gate.relay().handle_storage_failed(self.now());
            self.settle(state);
            self.failed.notify_one();
        }
    }

    fn now(&self) -> Now {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now {
            monotonic_us: u64::try_from(self.origin.elapsed().as_micros()).unwrap_or(u64::MAX),
            wall_us: i64::try_from(wall.as_micros()).unwrap_or(i64::MAX),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
