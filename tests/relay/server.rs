//! The relay behind a socket: what it does for links, and what it does with links that are not what they should be.

mod client;
mod closing;
mod exchange;
mod hostile;
mod lifecycle;
mod program;
mod set_aside;
mod stalled;
mod tls;
pub(crate) mod who;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use quire_server::{Closed, Config, Limits, RunError, Server, Tls};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// From what the keys of the two who meet follow.
const A: u8 = 0xa;
const B: u8 = 0xb;

/// A relay in this process, on a port of its own.
#[derive(Debug)]
struct Relay {
    address: SocketAddr,
    tls: Option<Arc<Tls>>,
    closed: Arc<Closed>,
    stop: oneshot::Sender<()>,
    running: JoinHandle<Result<(), RunError>>,
}

impl Relay {
    async fn start(data: &Path, limits: Limits) -> Self {
        Self::start_with(&Config { limits, ..Config::new(data) }).await
    }

    async fn start_with(config: &Config) -> Self {
        let server = Server::open(config).expect("the store opens");
        let (tls, closed) = (server.tls().cloned(), Arc::clone(server.closed()));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it has an address");
        let (stop, stopped) = oneshot::channel();
        let shutdown = async {
            stopped.await.expect("a relay is stopped, and not dropped");
        };
        Self { address, tls, closed, stop, running: tokio::spawn(server.run(listener, shutdown)) }
    }

    /// Asks the relay to stop and waits until it has.
    async fn stop(self) {
        self.stop.send(()).expect("the relay runs");
        self.running.await.expect("the relay does not panic").expect("the relay stops in order");
    }
}
