//! The life of a server: open the store, take connections, stop in order.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::config::Config;
use crate::http;
use crate::hub::Hub;
use crate::limits::Limits;
use crate::log::{CommitQueue, Log, StoreError};

/// How long to wait after the system could not give a connection (too many files are open).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why a server ended otherwise than it was asked to.
#[derive(Debug, Error)]
pub enum RunError {
    /// The store cannot be opened, or failed while the relay ran. Nothing was acknowledged that it does not have.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The system refused something else.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The store failed while the relay ran. Nothing was acknowledged that it does not have.
    #[error("the relay stopped: {0}")]
    StoreFailed(String),
}

/// A relay with its store open.
#[derive(Debug)]
pub struct Server {
    log: Log,
    limits: Limits,
}

impl Server {
    /// Opens the store. Blocks on the disk.
    ///
    /// # Errors
    /// A [`StoreError`] that says what to do.
    pub fn open(config: &Config) -> Result<Self, StoreError> {
        let limits = config.limits.clone();
        let log = Log::open(&config.data, limits.store_cache_bytes, limits.store_check_bytes_max)?;
        Ok(Self { log, limits })
    }

    /// Serves connections until `shutdown` ends; then tells every link, writes what was received, and closes the store.
    ///
    /// # Errors
    /// A [`RunError`] when the store fails meanwhile.
    pub async fn run(self, listener: TcpListener, shutdown: impl Future<Output = ()>) -> Result<(), RunError> {
        let limits = Arc::new(self.limits);
        let log = Arc::new(self.log);
        let commits = Arc::new(CommitQueue::default());
        let hub = Arc::new(Hub::new(Arc::clone(&log), Arc::clone(&commits), &limits)?);
        let committer = commits.start(log, {
            let hub = Arc::clone(&hub);
            move |result| hub.handle_commit(result)
        })?;
        let timers = tokio::spawn(Arc::clone(&hub).keep_time());
        let mut connections = JoinSet::new();
        tokio::select! {
            () = accept(listener, &hub, &limits, &mut connections) => {}
            () = shutdown => {}
            () = hub.failed.notified() => {}
        }
        hub.shut_down();
        let finished = async { while connections.join_next().await.is_some() {} };
        if timeout(limits.close_timeout, finished).await.is_err() {
            tracing::warn!("some links did not end in time");
            connections.shutdown().await;
        }
        commits.close();
        finish(committer).await?;
        timers.abort();
        if let Err(error) = timers.await
            && error.is_panic()
        {
            return Err(io::Error::other(error).into());
        }
        // With these goes the last that holds the store: when this returns, it is closed and may be opened again.
        hub.finish_questions().await;
        hub.failure().map_or(Ok(()), |error| Err(RunError::StoreFailed(error.to_string())))
    }
}

/// Runs a relay on this listener until `shutdown` ends.
///
/// # Errors
/// A [`RunError`] when its store cannot be opened or fails.
pub async fn run(listener: TcpListener, config: Config, shutdown: impl Future<Output = ()>) -> Result<(), RunError> {
    let opened = tokio::task::spawn_blocking(move || Server::open(&config)).await;
    opened.map_err(io::Error::other)??.run(listener, shutdown).await
}

async fn finish(committer: JoinHandle<()>) -> io::Result<()> {
    let joined = tokio::task::spawn_blocking(move || committer.join()).await.map_err(io::Error::other)?;
    joined.map_err(|_| io::Error::other("the thread that writes the store panicked"))
}

/// Takes connections, for ever.
async fn accept(listener: TcpListener, hub: &Arc<Hub>, limits: &Arc<Limits>, connections: &mut JoinSet<()>) {
    let addresses = Arc::new(Addresses::default());
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be taken");
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let address = peer.ip().to_canonical();
        if !addresses.enter(address, limits) {
            hub.counters.connections_refused.fetch_add(1, Ordering::Relaxed);
            continue;
        }
        hub.counters.connections.fetch_add(1, Ordering::Relaxed);
        let guest = Guest { addresses: Arc::clone(&addresses), hub: Arc::clone(hub), address };
        connections.spawn(serve(stream, guest, Arc::clone(limits)));
    }
}

async fn serve(stream: TcpStream, guest: Guest, limits: Arc<Limits>) {
    http::serve(stream, Arc::clone(&guest.hub), limits).await;
}

/// How many connections each address has.
#[derive(Debug, Default)]
struct Addresses(Mutex<HashMap<IpAddr, usize>>);

impl Addresses {
    fn enter(&self, address: IpAddr, limits: &Limits) -> bool {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.values().sum::<usize>() >= limits.connections_max {
            return false;
        }
        let count = counts.entry(address).or_insert(0);
        let free = *count < limits.connections_per_address_max;
        *count += usize::from(free);
        free
    }

    fn leave(&self, address: IpAddr) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&address);
            }
        }
    }
}

/// One open connection, counted for as long as it is.
struct Guest {
    addresses: Arc<Addresses>,
    hub: Arc<Hub>,
    address: IpAddr,
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.addresses.leave(self.address);
        self.hub.counters.connections.fetch_sub(1, Ordering::Relaxed);
    }
}
