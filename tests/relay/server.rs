//! The relay behind a socket: what it does for links, and what it does with links that are not what they should be.

mod client;
mod exchange;
mod hostile;
mod lifecycle;
mod program;
mod set_aside;
mod stalled;
mod tls;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use quire_crdt::{Change, DocumentId, Envelope, Header, Op, ReplicaId, VersionVector, seal};
use quire_server::{Config, Limits, RunError, Server, Tls};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

const DOCUMENT: DocumentId = DocumentId::from_bytes([0xd0; 16]);
const A: ReplicaId = ReplicaId::from_bytes([0xa; 16]);
const B: ReplicaId = ReplicaId::from_bytes([0xb; 16]);

/// A relay in this process, on a port of its own.
#[derive(Debug)]
struct Relay {
    address: SocketAddr,
    tls: Option<Arc<Tls>>,
    stop: oneshot::Sender<()>,
    running: JoinHandle<Result<(), RunError>>,
}

impl Relay {
    async fn start(data: &Path, limits: Limits) -> Self {
        Self::start_with(&Config { limits, ..Config::new(data) }).await
    }

    async fn start_with(config: &Config) -> Self {
        let server = Server::open(config).expect("the store opens");
        let tls = server.tls().cloned();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it has an address");
        let (stop, stopped) = oneshot::channel();
        let shutdown = async {
            stopped.await.expect("a relay is stopped, and not dropped");
        };
        Self { address, tls, stop, running: tokio::spawn(server.run(listener, shutdown)) }
    }

    /// Asks the relay to stop and waits until it has.
    async fn stop(self) {
        self.stop.send(()).expect("the relay runs");
        self.running.await.expect("the relay does not panic").expect("the relay stops in order");
    }
}

/// The envelope of a change of one run of text.
fn envelope(replica: ReplicaId, first_seq: u64, text: &str) -> Envelope {
    let header =
        Header { replica, first_seq, len: text.chars().count() as u64, deps: VersionVector::new(), heads: false };
    let ops = vec![Op::Insert { left: None, right: None, text: text.to_owned() }];
    seal(DOCUMENT, &Change { header, ops })
}
