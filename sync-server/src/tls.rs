//! TLS: the certificate that the relay shows, read again when it is renewed.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};
use std::{fmt, fs, io};

use data_encoding::BASE64URL_NOPAD;
use ring::digest::{SHA256, digest};
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::ParsedCertificate;
use tokio_rustls::rustls::{self, InvalidMessage, ServerConfig};
use tokio_rustls::server::TlsStream;

mod self_signed;

/// How long what was seen of the files counts: a renewed certificate is shown to whoever comes after so long.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);

/// What is spoken behind the handshake, for clients that ask.
const PROTOCOL: &[u8] = b"http/1.1";

/// Where a relay's certificate comes from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum TlsSource {
    /// From two PEM files.
    Files {
        /// The certificate, and those of its issuers behind it.
        certificate: PathBuf,
        /// Its private key.
        key: PathBuf,
    },
    /// The relay makes its own once, and keeps it beside its store: [`Pin`] is how its clients know it.
    SelfSigned,
}

/// Why a certificate cannot be shown.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file cannot be read or written.
    #[error("{}: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// A file is no PEM, or holds nothing of what it should.
    #[error("{}: there is no {wanted} in it, in PEM ({error})", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What was looked for.
        wanted: &'static str,
        /// What is wrong.
        error: pem::Error,
    },
    /// The two do not fit, or are of a kind that is not supported.
    #[error("{} and {} cannot be used together: {error}", certificate.display(), key.display())]
    Pair {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What is wrong.
        error: rustls::Error,
    },
    /// The relay's own certificate is there without its key.
    #[error(
        "{} is there, but its key {} is not: put the key back, or remove the certificate to have a new one, which no link of before leads to",
        certificate.display(),
        key.display()
    )]
    KeyGone {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// No certificate could be made.
    #[error("no certificate can be made: {0}")]
    Make(#[from] rcgen::Error),
}

/// By what a client knows a relay's certificate: the SHA-256 of its key's `SubjectPublicKeyInfo` (RFC 5280, section 4.1), so that a
/// certificate that is renewed for the same key has the same pin.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Pin(pub [u8; 32]);

impl fmt::Display for Pin {
    /// 43 characters, as a relay's address has them behind `?pin=`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64URL_NOPAD.encode(&self.0))
    }
}

/// The certificate that a relay shows. It can be renewed while links are open: they stay as they are.
#[derive(Debug)]
pub struct Tls {
    certificate: PathBuf,
    key: PathBuf,
    shown: Mutex<Shown>,
}

#[derive(Debug)]
struct Shown {
    config: Arc<ServerConfig>,
    pin: Pin,
    /// What the files looked like when they were last read, with or without success.
    stamps: [Option<Stamp>; 2],
    looked_at: Instant,
}

/// What changes when a file is written: its time and its length.
type Stamp = (SystemTime, u64);

impl Tls {
    /// Reads the certificate, or makes one in this folder. Blocks on the disk.
    ///
    /// # Errors
    /// A [`TlsError`] that names the file.
    pub(crate) fn open(source: &TlsSource, folder: &Path) -> Result<Self, TlsError> {
        let (certificate, key) = match source {
            TlsSource::Files { certificate, key } => (certificate.clone(), key.clone()),
            TlsSource::SelfSigned => self_signed::in_folder(folder)?,
        };
        let stamps = [&certificate, &key].map(|path| stamp(path));
        let (config, pin) = read(&certificate, &key)?;
        let shown = Mutex::new(Shown { config: Arc::new(config), pin, stamps, looked_at: Instant::now() });
        Ok(Self { certificate, key, shown })
    }

    /// The pin of the certificate that is shown now.
    pub fn pin(&self) -> Pin {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).pin
    }

    /// Reads the certificate again, and goes on with the one of before, and says so in the log, if that cannot be. Blocks on the disk.
    pub fn reload(&self) {
        // Looked at before they are read: what is written meanwhile is seen next time.
        let stamps = self.stamps();
        let read = read(&self.certificate, &self.key);
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        shown.stamps = stamps;
        match read {
            Ok((config, pin)) => {
                shown.config = Arc::new(config);
                shown.pin = pin;
                tracing::info!(certificate = %self.certificate.display(), %pin, "the certificate was read again");
            }
            Err(error) => tracing::error!(%error, "the certificate could not be read again; the one of before stays"),
        }
    }

    fn stamps(&self) -> [Option<Stamp>; 2] {
        [&self.certificate, &self.key].map(|path| stamp(path))
    }

    /// Reads the certificate again if its files are others than they were. Blocks on the disk.
    fn reload_if_changed(&self) {
        let stamps = self.stamps();
        let is_new = self.shown.lock().unwrap_or_else(PoisonError::into_inner).stamps != stamps;
        if is_new {
            self.reload();
        }
    }

    /// Whether it is time to look at the files; true once in a while, for one of those who ask.
    fn is_due(&self) -> bool {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = shown.looked_at.elapsed() >= LOOK_INTERVAL;
        if is_due {
            shown.looked_at = Instant::now();
        }
        is_due
    }

    async fn acceptor(self: &Arc<Self>) -> TlsAcceptor {
        if self.is_due() {
            let tls = Arc::clone(self);
            if let Err(error) = tokio::task::spawn_blocking(move || tls.reload_if_changed()).await {
                tracing::error!(%error, "the certificate's files could not be looked at");
            }
        }
        Arc::clone(&self.shown.lock().unwrap_or_else(PoisonError::into_inner).config).into()
    }

    /// The encrypted stream of a connection; `None` when the other end does not do its part in time.
    pub(crate) async fn shake(self: &Arc<Self>, stream: TcpStream, at_most: Duration) -> Option<TlsStream<TcpStream>> {
        let acceptor = self.acceptor().await;
        match timeout(at_most, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => return Some(stream),
            Ok(Err(error)) if is_no_tls(&error) => {
                tracing::debug!("a client spoke no TLS, and this port speaks nothing else");
            }
            Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
            Err(_) => tracing::debug!(?at_most, "a TLS handshake took too long"),
        }
        None
    }
}

fn is_no_tls(error: &io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    matches!(inner, Some(rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType)))
}

fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

/// What to show, and its pin.
fn read(certificate: &Path, key: &Path) -> Result<(ServerConfig, Pin), TlsError> {
    let pem = |path: &Path, wanted, error| TlsError::Pem { path: path.to_owned(), wanted, error };
    let bytes = bytes_of(certificate)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let chain = chain.and_then(|chain| if chain.is_empty() { Err(pem::Error::NoItemsFound) } else { Ok(chain) });
    let chain = chain.map_err(|error| pem(certificate, "certificate", error))?;
    let private = PrivateKeyDer::from_pem_slice(&bytes_of(key)?).map_err(|error| pem(key, "private key", error))?;
    let unfit = |error| TlsError::Pair { certificate: certificate.to_owned(), key: key.to_owned(), error };
    let pin = pin_of(&chain[0]).map_err(unfit)?;
    let config = config(chain, private).map_err(unfit)?;
    Ok((config, pin))
}

fn bytes_of(path: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|error| TlsError::File { path: path.to_owned(), error })
}

fn pin_of(certificate: &CertificateDer<'_>) -> Result<Pin, rustls::Error> {
    let key = ParsedCertificate::try_from(certificate)?.subject_public_key_info();
    let mut pin = Pin([0; 32]);
    pin.0.copy_from_slice(digest(&SHA256, &key).as_ref());
    Ok(pin)
}

fn config(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<ServerConfig, rustls::Error> {
    let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()));
    let builder = builder.with_safe_default_protocol_versions()?.with_no_client_auth();
    let mut config = builder.with_single_cert(chain, key)?;
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    Ok(config)
}

#[cfg(test)]
mod tests;
