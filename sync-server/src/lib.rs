//! The relay of Quire as a library: `quire-server` runs it, and so do the editor's "host on this computer" and its demo.
//!
//! It stores changes and forwards them, and cannot read them: all judgement is [`quire_crdt::sync::Relay`]'s, which sees
//! envelopes only. This crate is its shell: sockets, the disk, the clock.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:4870").await?;
//! let config = quire_server::Config::new("relay-data");
//! quire_server::run(listener, config, async { /* until this ends */ }).await?;
//! # Ok(())
//! # }
//! ```

mod closed;
mod config;
mod conn;
mod http;
mod hub;
mod limits;
mod log;
mod metrics;
mod server;
mod tls;

pub use closed::{CLOSED_FILE_NAME, Closed, ClosedError};
pub use config::{Command, Config, ConfigError, DEFAULT_LISTEN, Settings};
pub use limits::Limits;
pub use log::{Append, Log, LogEnd, LogSummary, StoreError};
pub use server::{OpenError, RunError, Server, run};
pub use tls::{Pin, Tls, TlsError, TlsSource};
