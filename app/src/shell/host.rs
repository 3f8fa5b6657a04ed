//! A relay inside this process, for the people on this network.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::thread::{self, JoinHandle};

use quire_server::{Config, OpenError, Server, TlsSource};
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::editor::link::{AddressError, RELAY_PORT_DEFAULT, RelayAddress, Security};

/// The folder of the relay's store, within the library's.
const FOLDER: &str = "relay";

/// Why no relay runs here.
#[derive(Debug, Error)]
pub enum HostError {
    /// Its store cannot be opened, or its certificate not be shown.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It cannot listen, or there can be no thread.
    #[error("this computer cannot be a relay: {0}")]
    Io(#[from] io::Error),
    /// The system gives this computer an address that no link can have.
    #[error("this computer cannot be a relay: {0}")]
    Address(#[from] AddressError),
}

/// A running relay; it stops, with everything on its disk, when this is dropped.
pub struct Host {
    address: RelayAddress,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Host {
    /// Starts a relay with its store in the library's folder, at the usual port or, if that is taken, at any; with a
    /// certificate of its own, whose pin is in its address. Waits for the disk.
    ///
    /// # Errors
    /// A [`HostError`] when the store is in use or damaged, the certificate cannot be used, or the system refuses.
    pub fn start(library: &Path) -> Result<Self, HostError> {
        let server = Server::open(&Config { tls: Some(TlsSource::SelfSigned), ..Config::new(library.join(FOLDER)) })?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = runtime.block_on(listen())?;
        let address = address_of(listener.local_addr()?, &server)?;
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = thread::Builder::new().name("relay".to_owned()).spawn(move || {
            let asked_to_stop = async {
                if stopped.await.is_err() {
                    tracing::debug!("the relay's owner is gone");
                }
            };
            if let Err(error) = runtime.block_on(server.run(listener, asked_to_stop)) {
                tracing::error!(%error, "the relay on this computer has ended");
            }
        })?;
        Ok(Self { address, stop: Some(stop), thread: Some(thread) })
    }

    /// Starts it again if it ran for this library before and one of these relays is at this computer's address.
    ///
    /// # Errors
    /// As [`Host::start`].
    pub fn resume(library: &Path, relays: &[RelayAddress]) -> Result<Option<Self>, HostError> {
        let here = host_of(reachable_address());
        if !library.join(FOLDER).is_dir() || relays.iter().all(|relay| relay.host() != here) {
            return Ok(None);
        }
        Self::start(library).map(Some)
    }

    /// Where others on this network reach it.
    pub const fn address(&self) -> &RelayAddress {
        &self.address
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if self.stop.take().is_some_and(|stop| stop.send(()).is_err()) {
            tracing::debug!("the relay had ended before");
        }
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the relay's thread ended in a panic");
        }
    }
}

async fn listen() -> io::Result<TcpListener> {
    let usual = SocketAddr::from((Ipv4Addr::UNSPECIFIED, RELAY_PORT_DEFAULT));
    match TcpListener::bind(usual).await {
        Ok(listener) => Ok(listener),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).await,
        Err(error) => Err(error),
    }
}

/// Where others reach a relay that listens here: on this computer's network if it listens on all of them.
///
/// # Errors
/// An [`AddressError`] when the address is of a kind that no link can name.
pub fn address_of(listening: SocketAddr, server: &Server) -> Result<RelayAddress, AddressError> {
    let ip = if listening.ip().is_unspecified() { reachable_address() } else { listening.ip() };
    let address = RelayAddress::new(&host_of(ip), listening.port())?;
    Ok(address.reached_by(server.tls().map_or(Security::Plain, |tls| Security::Pinned(tls.pin().0))))
}

/// An address as the host of a link.
fn host_of(address: IpAddr) -> String {
    if address.is_ipv6() { format!("[{address}]") } else { address.to_string() }
}

/// The address of this computer on its network, or the loopback address when it is on none. Nothing is sent: connecting a
/// datagram socket only asks the system which way it would go.
fn reachable_address() -> IpAddr {
    let asked = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).and_then(|socket| {
        socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9))?;
        socket.local_addr()
    });
    asked.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |address| address.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relay_starts_here_and_again_only_for_documents_that_are_shared_by_it() {
        let library = tempfile::tempdir().expect("a folder");
        let host = Host::start(library.path()).expect("a relay");
        let address = host.address().clone();
        drop(host);
        assert!(matches!(address.security(), Security::Pinned(_)), "{address}");
        let elsewhere: RelayAddress = "relay.example.org".parse().expect("an address");
        assert!(Host::resume(library.path(), &[elsewhere]).expect("nothing is started").is_none());
        let again =
            Host::resume(library.path(), std::slice::from_ref(&address)).expect("a relay").expect("it is shared");
        assert_eq!(again.address().security(), address.security(), "old links lead to it still");
    }
}
