//! `quire host`: a relay on this computer, for the people on this network.

use std::io::{self, Write};
use std::path::Path;

use quire_server::{Config, Server};
use tokio::net::TcpListener;

use super::args::Host;
use super::say;
use crate::session::Failure;

/// Runs a relay until the process is interrupted.
pub(super) fn run(host: &Host, folder: &Path, json: bool) -> Result<String, Failure> {
    let data = host.data.clone().unwrap_or_else(|| folder.join("relay"));
    let failed = |what: &str, error: &dyn std::fmt::Display| Failure::new(Failure::FAILED, format!("{what}: {error}"));
    let server = Server::open(&Config::new(data)).map_err(|error| Failure::new(Failure::LIBRARY, error.to_string()))?;
    let runtime = tokio::runtime::Runtime::new().map_err(|error| failed("no threads", &error))?;
    runtime.block_on(async {
        let listener = TcpListener::bind(&host.listen).await;
        let listener = listener.map_err(|error| failed(&format!("cannot listen on {}", host.listen), &error))?;
        let address = listener.local_addr().map_err(|error| failed("no address", &error))?;
        announce(&address.to_string(), json).map_err(|error| failed("cannot say where the relay is", &error))?;
        if !address.ip().is_loopback() {
            say("Whoever reaches this computer over the network can use this relay: run it only in a network you trust.");
        }
        server.run(listener, interrupted()).await.map_err(|error| failed("the relay has ended", &error))
    })?;
    Ok(String::new())
}

fn announce(address: &str, json: bool) -> io::Result<()> {
    let mut output = io::stdout().lock();
    let words = format!("listening on {address}");
    let line = if json { serde_json::json!({ "listening": address }).to_string() } else { words };
    writeln!(output, "{line}")?;
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
