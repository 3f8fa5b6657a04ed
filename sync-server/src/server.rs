//! The life of a server: open the store, take connections, stop in order.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use quire_crdt::DocumentId;
use quire_crdt::sync::{Network, RelayPolicy};
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::closed::{Closed, ClosedError};
use crate::config::Config;
use crate::conn::Peer;
use crate::http;
use crate::hub::Hub;
use crate::limits::Limits;
use crate::log::{CommitQueue, Log, StoreError};
use crate::tls::{Tls, TlsError};

/// How long to wait after the system could not give a connection (too many files are open).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why a server cannot be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// Its store cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It is not known which documents are closed.
    #[error(transparent)]
    Closed(#[from] ClosedError),
    /// Its certificate cannot be shown.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// Why a server ended otherwise than it was asked to.
#[derive(Debug, Error)]
pub enum RunError {
    /// It cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The store cannot be read. Nothing was acknowledged that it does not have.
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
    policy: RelayPolicy,
    tls: Option<Arc<Tls>>,
    closed: Arc<Closed>,
}

impl Server {
    /// Opens the store, and reads the certificate if there is to be one. Blocks on the disk.
    ///
    /// # Errors
    /// An [`OpenError`] that says what to do.
    pub fn open(config: &Config) -> Result<Self, OpenError> {
        let limits = config.limits.clone();
        let log = Log::open(&config.data, limits.store_cache_bytes, limits.store_check_bytes_max)?;
        let tls = config.tls.as_ref().map(|source| Tls::open(source, &config.data)).transpose()?;
        let closed = Arc::new(Closed::open(&config.data)?);
        Ok(Self { log, limits, policy: config.policy.clone(), tls: tls.map(Arc::new), closed })
    }

    /// Its certificate, if connections are encrypted.
    pub const fn tls(&self) -> Option<&Arc<Tls>> {
        self.tls.as_ref()
    }

    /// The documents that are closed here.
    pub const fn closed(&self) -> &Arc<Closed> {
        &self.closed
    }

    /// Serves connections until `shutdown` ends; then tells every link, writes what was received, and closes the store.
    ///
    /// # Errors
    /// A [`RunError`] when the store fails meanwhile.
    pub async fn run(self, listener: TcpListener, shutdown: impl Future<Output = ()>) -> Result<(), RunError> {
        let address = listener.local_addr()?;
        if self.tls.is_none() && !address.ip().is_loopback() {
            tracing::warn!(%address, "connections are not encrypted: whoever is on the way can read and alter them");
        }
        let limits = Arc::new(self.limits);
        let log = Arc::new(self.log);
        let commits = Arc::new(CommitQueue::default());
        let hub = Arc::new(Hub::new(Arc::clone(&log), Arc::clone(&commits), &limits, self.policy)?);
        let committer = commits.start(log, {
            let hub = Arc::clone(&hub);
            move |result| hub.handle_commit(result)
        })?;
        let timers = tokio::spawn(Arc::clone(&hub).keep_time());
        let mut closed = self.closed.watch();
        hub.close_documents(closed.borrow_and_update().clone());
        let mut connections = JoinSet::new();
        tokio::select! {
            () = accept(listener, &hub, &limits, self.tls.as_ref(), &mut connections) => {}
            () = keep_closed(&hub, closed) => {}
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

/// Closes documents, and opens them again, as the operator wants it; for ever.
async fn keep_closed(hub: &Arc<Hub>, mut closed: watch::Receiver<BTreeSet<DocumentId>>) {
    while closed.changed().await.is_ok() {
        let documents = closed.borrow_and_update().clone();
        hub.close_documents(documents);
    }
    std::future::pending::<()>().await;
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
async fn accept(
    listener: TcpListener,
    hub: &Arc<Hub>,
    limits: &Arc<Limits>,
    tls: Option<&Arc<Tls>>,
    connections: &mut JoinSet<()>,
) {
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
        let address = counted(peer.ip());
        if !addresses.enter(address, limits) {
            hub.counters.connections_refused.fetch_add(1, Ordering::Relaxed);
            continue;
        }
        hub.counters.connections.fetch_add(1, Ordering::Relaxed);
        let guest = Guest { addresses: Arc::clone(&addresses), hub: Arc::clone(hub), address };
        connections.spawn(serve(stream, guest, Arc::clone(limits), tls.cloned()));
    }
}

async fn serve(stream: TcpStream, guest: Guest, limits: Arc<Limits>, tls: Option<Arc<Tls>>) {
    if let Err(error) = set_up(&stream, &limits) {
        tracing::debug!(%error, "a connection ended before it began");
        return;
    }
    let hub = Arc::clone(&guest.hub);
    let reached = stream.local_addr().map(reached_at).unwrap_or_default();
    let peer = Peer { reached, network: Network::of(guest.address) };
    let Some(tls) = tls else { return http::serve(stream, peer, hub, limits).await };
    // On the heap, so that connections without TLS have no room for it.
    Box::pin(async {
        match tls.shake(stream, limits.tls_handshake_timeout).await {
            Some(stream) => http::serve(stream, peer, hub, limits).await,
            None => _ = hub.counters.tls_handshakes_failed.fetch_add(1, Ordering::Relaxed),
        }
    })
    .await;
}

/// The address as which a connection is counted: of those of one network the lowest.
fn counted(address: IpAddr) -> IpAddr {
    Network::of(address).map_or_else(|| address.to_canonical(), Network::address)
}

/// What whoever connected to this address can have called the relay.
fn reached_at(address: SocketAddr) -> Vec<String> {
    let address = SocketAddr::new(address.ip().to_canonical(), address.port());
    let mut names = vec![address.to_string()];
    if address.ip().is_loopback() {
        names.push(format!("localhost:{}", address.port()));
    }
    names
}

/// No delay for small frames, a bound on what the kernel keeps for a reader that has stalled, and on how long it tries.
fn set_up(stream: &TcpStream, limits: &Limits) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = socket2::SockRef::from(stream);
    socket.set_send_buffer_size(limits.send_buffer_bytes)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(limits.tcp_user_timeout))?;
    Ok(())
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
