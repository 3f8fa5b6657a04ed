//! The relay of Quire: stores and forwards changes that it cannot read.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::Parser;
use quire_server::{Closed, Command, Config, Log, Server, Settings, Tls};
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let settings = Settings::parse();
    let filter = EnvFilter::try_from_env("QUIRE_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    log.with_ansi(io::stderr().is_terminal()).init();
    match run(settings) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("quire-server: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(settings: Settings) -> anyhow::Result<()> {
    match settings.resolve()? {
        Command::Serve { listen, config } => serve(&listen, &config),
        Command::Check { config } => check(&config),
    }
}

#[tokio::main]
async fn serve(listen: &str, config: &Config) -> anyhow::Result<()> {
    // From here on a signal is heard: whoever reads the line below may send one at once.
    let stop = asked_to_stop()?;
    let server = tokio::task::block_in_place(|| Server::open(config))?;
    let listener = TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
    let address = listener.local_addr()?;
    let tls = server.tls().map(Arc::clone);
    let pin = tls.as_ref().map(|tls| format!("pin {}\n", tls.pin())).unwrap_or_default();
    reload_when_asked(tls, Arc::clone(server.closed()))?;
    let mut stdout = io::stdout().lock();
    // As one piece: whoever wants the first line alone need not listen to the second.
    write!(stdout, "listening on {address}\n{pin}")?;
    stdout.flush()?;
    drop(stdout);
    tracing::info!(%address, data = %config.data.display(), "the relay is ready");
    server.run(listener, stop).await?;
    tracing::info!("the relay has stopped");
    Ok(())
}

/// Reads the certificate and the list of closed documents again whenever the program gets a SIGHUP.
#[cfg(unix)]
fn reload_when_asked(tls: Option<Arc<Tls>>, closed: Arc<Closed>) -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            tokio::task::block_in_place(|| {
                closed.reload();
                if let Some(tls) = &tls {
                    tls.reload();
                }
            });
        }
    });
    Ok(())
}

/// Where there is no such signal, that the certificate's files have changed is all that counts; the list is read at the start.
#[cfg(not(unix))]
fn reload_when_asked(_: Option<Arc<Tls>>, _: Arc<Closed>) -> io::Result<()> {
    Ok(())
}

/// Ends when the system or a person asks the program to stop.
#[cfg(unix)]
fn asked_to_stop() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("asked to stop");
    })
}

/// Ends when a person asks the program to stop.
#[cfg(not(unix))]
fn asked_to_stop() -> io::Result<impl Future<Output = ()>> {
    Ok(async {
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::warn!(%error, "Ctrl+C cannot be heard");
            std::future::pending::<()>().await;
        }
    })
}

fn check(config: &Config) -> anyhow::Result<()> {
    let log = Log::open_existing(&config.data, config.limits.store_cache_bytes, u64::MAX)?;
    let summary = log.verify()?;
    let (documents, changes, bytes) = (summary.documents, summary.changes, summary.bytes);
    writeln!(io::stdout(), "sound: {documents} documents, {changes} changes, {bytes} bytes")?;
    Ok(())
}
