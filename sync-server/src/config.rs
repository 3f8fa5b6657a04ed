//! How a server is set up: flags before environment variables before a TOML file before defaults.

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use clap::Parser;
use quire_crdt::sync::{Creation, RelayPolicy, frame};
use serde::Deserialize;
use thiserror::Error;

use crate::limits::Limits;
use crate::tls::TlsSource;

/// Where a server listens unless told otherwise: on this machine only.
pub const DEFAULT_LISTEN: &str = "127.0.0.1:4870";

/// What a server needs besides a listener.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Config {
    /// The directory of its store.
    pub data: PathBuf,
    /// Its limits.
    pub limits: Limits,
    /// By which names it is known, and who may make documents.
    pub policy: RelayPolicy,
    /// Where its certificate comes from; `None`: connections are not encrypted.
    pub tls: Option<TlsSource>,
}

impl Config {
    /// A server with its store in this directory and the default limits, without TLS.
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Self { data: data.into(), limits: Limits::default(), policy: RelayPolicy::default(), tls: None }
    }
}

/// What the program was asked to do.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Command {
    /// Run a relay.
    Serve {
        /// The address to listen on.
        listen: String,
        /// The server.
        config: Config,
    },
    /// Read the store whole, say what it holds, and end.
    Check {
        /// The server whose store it is.
        config: Config,
    },
}

/// Why the settings make no server.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// Nobody said where to keep the data.
    #[error("say where the store is to be: --data DIR, QUIRE_DATA or `data` in the file that --config names")]
    NoData,
    /// The file cannot be read.
    #[error("{}: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The file is not what it should be.
    #[error("{}: {error}", path.display())]
    Toml {
        /// The file.
        path: PathBuf,
        /// Where and what.
        error: Box<toml::de::Error>,
    },
    /// Of a certificate and its key, one is missing.
    #[error("TLS needs two files, --tls-cert FILE and --tls-key FILE: {missing} is missing")]
    HalfOfTls {
        /// Which of the two.
        missing: &'static str,
    },
    /// There are files, and a certificate is to be made.
    #[error("--tls-self-signed makes a certificate, and --tls-cert names one: leave one of them out")]
    TwiceTls,
    /// A token is asked for, and there is none.
    #[error("--create token needs the token: write it into a file, and name that with --create-token-file FILE")]
    NoToken,
    /// There is a token, and it is not asked for.
    #[error("--create-token-file is for --create token: leave one of them out")]
    UnusedToken,
    /// A token is too short or too long.
    #[error("{}: the token in its first line has {bytes} bytes; it must have 1 to {}", path.display(), frame::TOKEN_BYTES_MAX)]
    Token {
        /// The file.
        path: PathBuf,
        /// How long the token is.
        bytes: usize,
    },
    /// A number is too small or too large to make sense.
    #[error("{name} is {value}: it must be from {least} to {most}")]
    Range {
        /// Which setting.
        name: &'static str,
        /// What it says.
        value: u64,
        /// The least that makes sense.
        least: u64,
        /// The most that makes sense.
        most: u64,
    },
}

/// Who may make documents at a relay.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum WhoCreates {
    /// Anyone.
    Anyone,
    /// Whoever knows the token.
    Token,
    /// Nobody: the relay keeps the documents that it has.
    Nobody,
}

/// Makes [`Settings`] out of one list: each limit with its environment variable, its least value, and where it belongs.
macro_rules! settings {
    ($($(#[doc = $doc:literal])+ $name:ident = $env:literal, $least:literal, $target:ty,
        |$limits:ident, $value:ident| $set:expr;)+) => {
        /// A server's settings as they were given: `None` is the default. `docs/OPERATING.md` has them all in one table.
        #[derive(Clone, Debug, Default, Deserialize, Eq, Parser, PartialEq)]
        #[command(name = "quire-server", version, about = "The relay of Quire: stores and forwards changes that it cannot read")]
        #[serde(deny_unknown_fields)]
        pub struct Settings {
            /// The address to listen on; port 0 takes a free one [default: 127.0.0.1:4870]
            #[arg(long, env = "QUIRE_LISTEN", value_name = "HOST:PORT")]
            pub listen: Option<String>,
            /// The directory of the store; it is made if need be
            #[arg(long, env = "QUIRE_DATA", value_name = "DIR")]
            pub data: Option<PathBuf>,
            /// An address that editors reach this relay at, besides its own on the network: the name in front of a proxy, say. May be
            /// given several times; without a port, it is the one of --listen
            #[arg(long, env = "QUIRE_NAME", value_name = "HOST[:PORT]", value_delimiter = ',')]
            #[serde(default)]
            pub name: Vec<String>,
            /// Who may make documents here [default: anyone]
            #[arg(long, env = "QUIRE_CREATE", value_name = "anyone|token|nobody")]
            pub create: Option<WhoCreates>,
            /// A file with the token that those know who may make documents: its first line
            #[arg(long, env = "QUIRE_CREATE_TOKEN_FILE", value_name = "FILE")]
            pub create_token_file: Option<PathBuf>,
            /// A PEM file with the certificate to show, and its issuers' behind it; with it, connections are encrypted
            #[arg(long, env = "QUIRE_TLS_CERT", value_name = "FILE")]
            pub tls_cert: Option<PathBuf>,
            /// A PEM file with the certificate's private key
            #[arg(long, env = "QUIRE_TLS_KEY", value_name = "FILE")]
            pub tls_key: Option<PathBuf>,
            /// Encrypt with a certificate of its own, which is made once and kept in the directory of the store; clients know it by
            /// the pin that is said at the start
            #[arg(
                long,
                env = "QUIRE_TLS_SELF_SIGNED",
                value_name = "true|false",
                num_args = 0..=1,
                require_equals = true,
                default_missing_value = "true"
            )]
            pub tls_self_signed: Option<bool>,
            /// A TOML file with these settings, named as the flags with `_` for `-`
            #[arg(long, env = "QUIRE_CONFIG", value_name = "FILE")]
            #[serde(skip)]
            pub config: Option<PathBuf>,
            /// Read the whole store, say what it holds or what is damaged, and exit
            #[arg(long)]
            #[serde(skip)]
            pub check: bool,
            $(
                $(#[doc = $doc])+
                #[arg(long, env = $env, value_name = "N")]
                pub $name: Option<u64>,
            )+
        }

        impl Settings {
            fn or(self, other: Self) -> Self {
                Self {
                    listen: self.listen.or(other.listen),
                    data: self.data.or(other.data),
                    name: if self.name.is_empty() { other.name } else { self.name },
                    create: self.create.or(other.create),
                    create_token_file: self.create_token_file.or(other.create_token_file),
                    tls_cert: self.tls_cert.or(other.tls_cert),
                    tls_key: self.tls_key.or(other.tls_key),
                    tls_self_signed: self.tls_self_signed.or(other.tls_self_signed),
                    config: self.config,
                    check: self.check,
                    $($name: self.$name.or(other.$name),)+
                }
            }

            #[expect(clippy::cast_lossless, reason = "one list for integers of several sizes; none is longer than u64")]
            fn limits(&self) -> Result<Limits, ConfigError> {
                let mut limits = Limits::default();
                $(
                    if let Some(value) = self.$name {
                        let most = <$target>::MAX as u64;
                        let range = ConfigError::Range { name: stringify!($name), value, least: $least, most };
                        let ($limits, $value) = match <$target>::try_from(value) {
                            Ok(number) if ($least..=most).contains(&value) => (&mut limits, number),
                            _ => return Err(range),
                        };
                        $set;
                    }
                )+
                Ok(limits)
            }
        }
    };
}

settings! {
    /// Open connections of any kind [default: 16384]
    connections_max = "QUIRE_CONNECTIONS_MAX", 1, usize, |limits, n| limits.connections_max = n;
    /// Open connections from one address [default: 16384]
    connections_per_address_max = "QUIRE_CONNECTIONS_PER_ADDRESS_MAX", 1, usize,
        |limits, n| limits.connections_per_address_max = n;
    /// Documents open at once [default: 10000]
    documents_open_max = "QUIRE_DOCUMENTS_OPEN_MAX", 1, usize, |limits, n| limits.relay.documents_open_max = n;
    /// Documents stored [default: 1000000]
    documents_stored_max = "QUIRE_DOCUMENTS_STORED_MAX", 0, u64, |limits, n| limits.relay.documents_stored_max = n;
    /// Bytes of one document's log [default: 1073741824]
    document_bytes_max = "QUIRE_DOCUMENT_BYTES_MAX", 0, u64, |limits, n| limits.relay.document_bytes_max = n;
    /// Links of one document [default: 1000]
    links_per_document_max = "QUIRE_LINKS_PER_DOCUMENT_MAX", 1, usize,
        |limits, n| limits.relay.links_per_document_max = n;
    /// Replicas of one document [default: 1024]
    replicas_per_document_max = "QUIRE_REPLICAS_PER_DOCUMENT_MAX", 1, usize,
        |limits, n| limits.relay.replicas_per_document_max = n;
    /// Bytes from one link that are not on disk yet, before it is not read for a while [default: 2097152]
    link_unappended_bytes_max = "QUIRE_LINK_UNAPPENDED_BYTES_MAX", 1, usize,
        |limits, n| limits.relay.link_unappended_bytes_max = n;
    /// Bytes from all links that are not on disk yet, before none is read for a while [default: 67108864]
    unappended_bytes_max = "QUIRE_UNAPPENDED_BYTES_MAX", 1, usize,
        |limits, n| limits.relay.unappended_bytes_max = n;
    /// Bytes of recent changes in memory, for one document [default: 1048576]
    ring_bytes_max = "QUIRE_RING_BYTES_MAX", 0, usize, |limits, n| limits.relay.ring_bytes_max = n;
    /// Recent changes in memory, for one document [default: 8192]
    ring_changes_max = "QUIRE_RING_CHANGES_MAX", 0, usize, |limits, n| limits.relay.ring_changes_max = n;
    /// Bytes of recent changes in memory, for all documents [default: 134217728]
    rings_bytes_max = "QUIRE_RINGS_BYTES_MAX", 0, usize, |limits, n| limits.relay.rings_bytes_max = n;
    /// Bytes of one read of the log for a lagging link [default: 65536]
    read_bytes_max = "QUIRE_READ_BYTES_MAX", 1, usize, |limits, n| limits.relay.read_bytes_max = n;
    /// Bytes read for lagging links and not sent yet [default: 134217728]
    reads_bytes_max = "QUIRE_READS_BYTES_MAX", 1, usize, |limits, n| limits.relay.reads_bytes_max = n;
    /// Times a link may send the same change without its past [default: 8]
    missing_repeats_max = "QUIRE_MISSING_REPEATS_MAX", 1, u32, |limits, n| limits.relay.missing_repeats_max = n;
    /// Changes after which a link is told its position [default: 64]
    progress_changes = "QUIRE_PROGRESS_CHANGES", 1, u64, |limits, n| limits.relay.progress_changes = n;
    /// Links from one network address at once (an IPv4 address, or the first 64 bits of an IPv6 address) [default: 4096]
    links_per_address_max = "QUIRE_LINKS_PER_ADDRESS_MAX", 1, usize, |limits, n| limits.relay.quotas.links_max = n;
    /// Bytes stored for one network address in an hour [default: 4294967296]
    address_bytes_per_hour_max = "QUIRE_ADDRESS_BYTES_PER_HOUR_MAX", 1_048_576, u64,
        |limits, n| limits.relay.quotas.bytes_per_hour_max = n;
    /// Documents made from one network address in an hour [default: 10000]
    address_documents_per_hour_max = "QUIRE_ADDRESS_DOCUMENTS_PER_HOUR_MAX", 0, u64,
        |limits, n| limits.relay.quotas.documents_per_hour_max = n;
    /// Network addresses without links whose use is remembered [default: 65536]
    addresses_remembered_max = "QUIRE_ADDRESSES_REMEMBERED_MAX", 1, usize,
        |limits, n| limits.relay.quotas.networks_max = n;
    /// Milliseconds that a link may take to say Hello [default: 10000]
    hello_timeout_ms = "QUIRE_HELLO_TIMEOUT_MS", 1, u32,
        |limits, n| limits.relay.hello_timeout_us = u64::from(n) * 1000;
    /// Milliseconds between two pings of a link [default: 15000]
    ping_interval_ms = "QUIRE_PING_INTERVAL_MS", 100, u32,
        |limits, n| limits.relay.ping_interval_us = u64::from(n) * 1000;
    /// Milliseconds that a link may be silent [default: 45000]
    silence_timeout_ms = "QUIRE_SILENCE_TIMEOUT_MS", 100, u32,
        |limits, n| limits.relay.silence_timeout_us = u64::from(n) * 1000;
    /// Milliseconds after which a refused link should try again [default: 2000]
    retry_after_ms = "QUIRE_RETRY_AFTER_MS", 1, u32, |limits, n| limits.relay.retry_after_ms = n;
    /// Reads of the store at once [default: 8]
    store_reads_max = "QUIRE_STORE_READS_MAX", 1, u16, |limits, n| limits.store_reads_max = usize::from(n);
    /// Bytes of memory in which the store remembers pages [default: 134217728]
    store_cache_bytes = "QUIRE_STORE_CACHE_BYTES", 0, usize, |limits, n| limits.store_cache_bytes = n;
    /// The largest store that is checked whole at every start, in bytes [default: 268435456]
    store_check_bytes_max = "QUIRE_STORE_CHECK_BYTES_MAX", 0, u64, |limits, n| limits.store_check_bytes_max = n;
    /// Bytes of the kernel's send buffer for one connection [default: 131072]
    send_buffer_bytes = "QUIRE_SEND_BUFFER_BYTES", 4096, u32, |limits, n| limits.send_buffer_bytes = n as usize;
    /// Milliseconds after which a connection whose other end acknowledges nothing is given up [default: 30000]
    tcp_user_timeout_ms = "QUIRE_TCP_USER_TIMEOUT_MS", 1, u32,
        |limits, n| limits.tcp_user_timeout = Duration::from_millis(u64::from(n));
    /// Milliseconds that a TLS handshake may take [default: 10000]
    tls_handshake_timeout_ms = "QUIRE_TLS_HANDSHAKE_TIMEOUT_MS", 1, u32,
        |limits, n| limits.tls_handshake_timeout = Duration::from_millis(u64::from(n));
    /// Milliseconds that a refused link, and every link at shutdown, has to fetch the reason [default: 5000]
    close_timeout_ms = "QUIRE_CLOSE_TIMEOUT_MS", 1, u32,
        |limits, n| limits.close_timeout = Duration::from_millis(u64::from(n));
}

impl Settings {
    /// What these settings, and the file that they name, ask for.
    ///
    /// # Errors
    /// A [`ConfigError`] when the file cannot be read, or a value makes no sense.
    pub fn resolve(self) -> Result<Command, ConfigError> {
        let file = self.config.as_deref().map(read).transpose()?.unwrap_or_default();
        let settings = self.or(file);
        let limits = settings.limits()?;
        let tls = settings.tls()?;
        let listen = settings.listen.clone().unwrap_or_else(|| DEFAULT_LISTEN.to_owned());
        let policy = settings.policy(&listen)?;
        let config = Config { data: settings.data.ok_or(ConfigError::NoData)?, limits, policy, tls };
        if settings.check {
            return Ok(Command::Check { config });
        }
        Ok(Command::Serve { listen, config })
    }

    fn policy(&self, listen: &str) -> Result<RelayPolicy, ConfigError> {
        let port = listen.rsplit_once(':').map_or("", |(_, port)| port);
        let names = self.name.iter().map(|name| with_port(name, port)).collect();
        let creation = match (self.create, &self.create_token_file) {
            (None | Some(WhoCreates::Anyone), None) => Creation::Anyone,
            (Some(WhoCreates::Nobody), None) => Creation::Nobody,
            (None | Some(WhoCreates::Token), Some(path)) => Creation::Token(read_token(path)?),
            (Some(WhoCreates::Token), None) => return Err(ConfigError::NoToken),
            (Some(_), Some(_)) => return Err(ConfigError::UnusedToken),
        };
        Ok(RelayPolicy { names, creation })
    }

    fn tls(&self) -> Result<Option<TlsSource>, ConfigError> {
        let self_signed = self.tls_self_signed.unwrap_or(false);
        match (self.tls_cert.clone(), self.tls_key.clone()) {
            (None, None) => Ok(self_signed.then_some(TlsSource::SelfSigned)),
            _ if self_signed => Err(ConfigError::TwiceTls),
            (Some(certificate), Some(key)) => Ok(Some(TlsSource::Files { certificate, key })),
            (None, Some(_)) => Err(ConfigError::HalfOfTls { missing: "--tls-cert" }),
            (Some(_), None) => Err(ConfigError::HalfOfTls { missing: "--tls-key" }),
        }
    }
}

/// A name as editors say it when they prove access: in lower case, and with its port.
fn with_port(name: &str, port: &str) -> String {
    let name = name.trim().to_lowercase();
    let behind_brackets = name.rfind(']').map_or(0, |at| at + 1);
    if name[behind_brackets..].contains(':') { name } else { format!("{name}:{port}") }
}

fn read_token(path: &Path) -> Result<Vec<u8>, ConfigError> {
    let text = fs::read_to_string(path).map_err(|error| ConfigError::File { path: path.to_owned(), error })?;
    let token = text.lines().next().unwrap_or_default().trim().as_bytes().to_vec();
    if (1..=frame::TOKEN_BYTES_MAX).contains(&token.len()) {
        Ok(token)
    } else {
        Err(ConfigError::Token { path: path.to_owned(), bytes: token.len() })
    }
}

fn read(path: &Path) -> Result<Settings, ConfigError> {
    let text = fs::read_to_string(path).map_err(|error| ConfigError::File { path: path.to_owned(), error })?;
    toml::from_str(&text).map_err(|error| ConfigError::Toml { path: path.to_owned(), error: Box::new(error) })
}

#[cfg(test)]
mod tests;
