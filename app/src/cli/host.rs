//! `quire host`: a relay on this computer, for the people on this network.

use std::io::{self, Write};
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::Path;

use quire_server::{Config, Server, TlsSource};
use tokio::net::TcpListener;

use super::args::Host;
use super::say;
use crate::editor::link::RelayAddress;
use crate::session::Failure;
use crate::shell::host::address_of;

/// Runs a relay until the process is interrupted.
pub(super) fn run(host: &Host, folder: &Path, json: bool) -> Result<String, Failure> {
    let data = host.data.clone().unwrap_or_else(|| folder.join("relay"));
    let failed = |what: &str, error: &dyn std::fmt::Display| Failure::new(Failure::FAILED, format!("{what}: {error}"));
    let config = Config { tls: (!stays_here(&host.listen)).then_some(TlsSource::SelfSigned), ..Config::new(data) };
    let server = Server::open(&config).map_err(|error| Failure::new(Failure::LIBRARY, error.to_string()))?;
    let runtime = tokio::runtime::Runtime::new().map_err(|error| failed("no threads", &error))?;
    runtime.block_on(async {
        let listener = TcpListener::bind(&host.listen).await;
        let listener = listener.map_err(|error| failed(&format!("cannot listen on {}", host.listen), &error))?;
        let address = listener.local_addr().map_err(|error| failed("no address", &error))?;
        let relay = address_of(address, &server).map_err(|error| failed("no link can lead here", &error))?;
        announce(address, &relay, json).map_err(|error| failed("cannot say where the relay is", &error))?;
        if !address.ip().is_loopback() {
            say("Whoever reaches this computer over the network can use this relay: run it only in a network you trust.");
        }
        server.run(listener, interrupted()).await.map_err(|error| failed("the relay has ended", &error))
    })?;
    Ok(String::new())
}

/// Whether only programs on this computer reach who listens there.
fn stays_here(listen: &str) -> bool {
    listen.to_socket_addrs().is_ok_and(|mut addresses| addresses.all(|address| address.ip().is_loopback()))
}

fn announce(address: SocketAddr, relay: &RelayAddress, json: bool) -> io::Result<()> {
    let mut output = io::stdout().lock();
    let words = format!("listening on {address}\nits address for others is {relay}\n");
    let said = serde_json::json!({ "listening": address.to_string(), "relay": relay.to_string() });
    // As one piece: whoever wants the first line alone need not listen to the second.
    output.write_all(if json { format!("{said}\n") } else { words }.as_bytes())?;
    output.flush()
}

/// Ends when the system or a person asks the process to stop.
async fn interrupted() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = terminate.recv() => return,
                heard = tokio::signal::ctrl_c() => if heard.is_ok() { return },
            }
        }
    }
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
