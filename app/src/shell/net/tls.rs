//! How a link is encrypted, and how a relay proves that it is the one that was asked for.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use ring::digest::{SHA256, digest};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::client::{ClientConfig, Resumption, WantsClientCert};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring as provider, verify_tls12_signature, verify_tls13_signature};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::server::ParsedCertificate;
use tokio_rustls::rustls::{
    CertificateError, ConfigBuilder, DigitallySignedStruct, Error, InvalidMessage, RootCertStore, SignatureScheme,
};

use super::LinkEnd;
use crate::editor::link::{RelayAddress, Security};

/// What a connection is to speak once it is encrypted: proxies ask.
const PROTOCOL: &[u8] = b"http/1.1";

/// Those whom this system trusts to vouch for a relay: read once, when the first link needs them.
#[derive(Clone, Debug, Default)]
pub(super) struct Trust(Arc<OnceCell<Arc<ClientConfig>>>);

impl Trust {
    async fn config(&self) -> Result<Arc<ClientConfig>, String> {
        let load = || async {
            let loaded = tokio::task::spawn_blocking(system_config).await;
            loaded.map_err(|error| error.to_string()).and_then(|config| config.map(Arc::new))
        };
        self.0.get_or_try_init(load).await.map(Arc::clone)
    }
}

/// Trust in those whom the system trusts. Waits for the disk.
fn system_config() -> Result<ClientConfig, String> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (usable, unusable) = roots.add_parsable_certificates(found.certs);
    tracing::debug!(usable, unusable, "the system's roots are read");
    if roots.is_empty() {
        let why = found.errors.first().map_or_else(String::new, |error| format!(" ({error})"));
        return Err(format!("this system knows nobody who could vouch for a relay{why}; install its CA certificates"));
    }
    trusting(roots).map_err(|error| error.to_string())
}

fn trusting(roots: RootCertStore) -> Result<ClientConfig, Error> {
    Ok(offering(builder()?.with_root_certificates(roots)))
}

/// Trust in whoever has the key of this pin, and nobody else.
fn pinning(pin: [u8; 32]) -> Result<ClientConfig, Error> {
    let verifier = PinVerifier { pin, provider: provider::default_provider() };
    let mut config = offering(builder()?.dangerous().with_custom_certificate_verifier(Arc::new(verifier)));
    config.resumption = Resumption::disabled();
    Ok(config)
}

fn builder() -> Result<ConfigBuilder<ClientConfig, tokio_rustls::rustls::WantsVerifier>, Error> {
    ClientConfig::builder_with_provider(Arc::new(provider::default_provider())).with_safe_default_protocol_versions()
}

fn offering(builder: ConfigBuilder<ClientConfig, WantsClientCert>) -> ClientConfig {
    let mut config = builder.with_no_client_auth();
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    config
}

/// Takes the certificate whose key has this pin. Its name, issuer and dates say nothing that the pin does not.
#[derive(Debug)]
struct PinVerifier {
    pin: [u8; 32],
    provider: CryptoProvider,
}

impl ServerCertVerifier for PinVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let key = ParsedCertificate::try_from(end_entity)?.subject_public_key_info();
        if digest(&SHA256, &key).as_ref() == self.pin {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// A connection, as its address asks for it.
pub(super) enum Wire {
    /// Unencrypted.
    Plain(TcpStream),
    /// By TLS.
    Tls(Box<TlsStream<TcpStream>>),
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if matches!(self, Self::Plain(_)) { "Plain" } else { "Tls" })
    }
}

/// Makes of a connection what its relay's address asks for.
pub(super) async fn secure(relay: &RelayAddress, stream: TcpStream, trust: &Trust) -> Result<Wire, LinkEnd> {
    let failed = |error: String| LinkEnd::Tls { relay: relay.clone(), error };
    let config = match relay.security() {
        Security::Plain => return Ok(Wire::Plain(stream)),
        Security::Tls => trust.config().await.map_err(failed)?,
        Security::Pinned(pin) => Arc::new(pinning(pin).map_err(|error| failed(error.to_string()))?),
    };
    let name = name_of(relay).ok_or_else(|| failed("no certificate can have its name".to_owned()))?;
    let shaken = TlsConnector::from(config).connect(name, stream).await;
    shaken.map(|stream| Wire::Tls(Box::new(stream))).map_err(|error| end_of(relay, &error))
}

/// The relay's name, as its certificate has it.
fn name_of(relay: &RelayAddress) -> Option<ServerName<'static>> {
    let host = relay.host().trim_start_matches('[').trim_end_matches(']');
    let without_zone = host.split('%').next().unwrap_or_default();
    ServerName::try_from(without_zone.to_owned()).ok()
}

/// Why a connection could not be encrypted, so that a person knows what to do.
fn end_of(relay: &RelayAddress, error: &io::Error) -> LinkEnd {
    let relay = relay.clone();
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    match inner {
        Some(Error::InvalidMessage(InvalidMessage::InvalidContentType)) => LinkEnd::NoTls { relay },
        Some(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure)) => {
            LinkEnd::OtherCertificate { relay }
        }
        Some(Error::InvalidCertificate(problem)) => LinkEnd::Certificate { error: in_words(problem), relay },
        Some(error) => LinkEnd::Tls { relay, error: error.to_string() },
        None if matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset) => {
            let error = "it ended the connection in the middle of the handshake; does it speak TLS?".to_owned();
            LinkEnd::Tls { relay, error }
        }
        None => LinkEnd::Tls { relay, error: error.to_string() },
    }
}

/// What is wrong with a certificate.
fn in_words(problem: &CertificateError) -> String {
    match problem {
        CertificateError::UnknownIssuer => {
            "nobody whom this system trusts has signed its certificate; if the relay made it itself, its link must carry \
             ?pin=PIN, which the relay says at its start"
                .to_owned()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "its certificate has expired; is this computer’s clock right?".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet; is this computer’s clock right?".to_owned()
        }
        CertificateError::NotValidForName => "its certificate is for another name".to_owned(),
        CertificateError::NotValidForNameContext { presented, .. } => {
            // Each as its kind with the name in quotation marks.
            let names = presented.iter().map(|name| name.split('"').nth(1).unwrap_or(name));
            format!("its certificate is for another name: {}", names.collect::<Vec<_>>().join(", "))
        }
        other => Error::InvalidCertificate(other.clone()).to_string(),
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests;
