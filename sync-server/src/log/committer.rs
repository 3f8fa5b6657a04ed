//! The thread that writes: whatever has come since its last commit goes into the next one.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use quire_crdt::DocumentId;

use super::{Append, Log, StoreError};

/// What waits for the next commit. The relay's limit on unappended bytes bounds it.
#[derive(Debug, Default)]
pub(crate) struct CommitQueue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    appends: Vec<Append>,
    closed: bool,
}

/// One commit.
#[derive(Debug)]
pub(crate) struct Committed {
    /// Where the logs that grew end on disk now.
    pub(crate) heads: Vec<(DocumentId, u64)>,
    /// How many envelopes it had.
    pub(crate) changes: usize,
    /// How long it took.
    pub(crate) took: Duration,
}

/// What the thread tells after each commit; an error is the last thing it tells.
pub(crate) type Commits = Result<Committed, StoreError>;

impl CommitQueue {
    /// Adds envelopes in the order in which they are to be in their logs.
    pub(crate) fn push(&self, mut appends: Vec<Append>) {
        self.lock().appends.append(&mut appends);
        self.changed.notify_one();
    }

    /// Nothing more will come: the thread ends when it has written what waits.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_one();
    }

    /// Starts the thread.
    pub(crate) fn start(
        self: &Arc<Self>,
        log: Arc<Log>,
        mut tell: impl FnMut(Commits) + Send + 'static,
    ) -> io::Result<JoinHandle<()>> {
        let queue = Arc::clone(self);
        thread::Builder::new().name("committer".into()).spawn(move || {
            while let Some(batch) = queue.take() {
                let begun = Instant::now();
                let result = log.append(&batch);
                let failed = result.is_err();
                tell(result.map(|heads| Committed { heads, changes: batch.len(), took: begun.elapsed() }));
                if failed {
                    return;
                }
            }
        })
    }

    /// Everything that waits, as soon as there is something; `None` at the end.
    fn take(&self) -> Option<Vec<Append>> {
        let waiting = self.lock();
        let idle = |waiting: &mut Waiting| waiting.appends.is_empty() && !waiting.closed;
        let mut waiting = self.changed.wait_while(waiting, idle).unwrap_or_else(PoisonError::into_inner);
        let batch = std::mem::take(&mut waiting.appends);
        (!batch.is_empty()).then_some(batch)
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
