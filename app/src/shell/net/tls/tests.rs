//! Relays that prove who they are, and others.

use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use rcgen::{CertificateParams, DnType, Issuer, KeyPair, PublicKeyData, date_time_ymd};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::{ServerConfig, version};
use tokio_tungstenite::accept_async;

use super::*;
use crate::shell::net::link::open_within;

/// How long a link may take before the test fails.
const OPEN_TIME_MAX: Duration = Duration::from_secs(30);

/// What a relay shows, and with which key.
struct Identity {
    certificate: CertificateDer<'static>,
    key: KeyPair,
}

impl Identity {
    fn self_signed(params: &CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap().der().clone();
        Self { certificate, key }
    }

    fn pin(&self) -> [u8; 32] {
        digest(&SHA256, &self.key.subject_public_key_info()).as_ref().try_into().unwrap()
    }
}

fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

/// Somebody who vouches for others, and the trust in nobody else.
fn authority() -> (Issuer<'static, KeyPair>, Trust) {
    let mut params = named("authority");
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(params.self_signed(&key).unwrap().der().clone()).unwrap();
    let trust = Trust(Arc::new(OnceCell::new_with(Some(Arc::new(trusting(roots).unwrap())))));
    (Issuer::new(params, key), trust)
}

fn vouched_for(params: &CertificateParams, issuer: &Issuer<'static, KeyPair>) -> Identity {
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, issuer).unwrap().der().clone();
    Identity { certificate, key }
}

/// The port of a relay that takes one connection and shows this; TLS 1.2 alone if it is old.
fn relay(identity: &Identity, is_old: bool) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let builder = ServerConfig::builder_with_provider(Arc::new(provider::default_provider()));
    let versions = if is_old { vec![&version::TLS12] } else { vec![&version::TLS13] };
    let builder = builder.with_protocol_versions(&versions).unwrap().with_no_client_auth();
    let key = PrivateKeyDer::try_from(identity.key.serialize_der()).unwrap();
    let config = builder.with_single_cert(vec![identity.certificate.clone()], key).unwrap();
    serve(listener, |stream| async move {
        let Ok(stream) = TlsAcceptor::from(Arc::new(config)).accept(stream).await else { return };
        let mut socket = accept_async(stream).await.unwrap();
        socket.close(None).await.unwrap();
    });
    port
}

/// Serves one connection on a thread of its own.
fn serve<F: Future<Output = ()>>(listener: TcpListener, serve: impl FnOnce(TcpStream) -> F + Send + 'static) {
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            listener.set_nonblocking(true).unwrap();
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            let (stream, _) = listener.accept().await.unwrap();
            serve(stream).await;
        });
    });
}

fn address(host: &str, port: u16, security: Security) -> RelayAddress {
    RelayAddress::new(host, port).unwrap().reached_by(security)
}

/// How opening a link ends: `Ok` when it opens.
async fn opened(relay: &RelayAddress, trust: &Trust) -> Result<(), LinkEnd> {
    let mut socket = open_within(relay, trust, OPEN_TIME_MAX).await?;
    // The relay has closed it, or is about to.
    drop(socket.close(None).await);
    Ok(())
}

#[tokio::test]
async fn a_pin_is_all_that_a_pinned_link_looks_at() {
    let (_, trust) = authority();
    let mut params = named("some.other.name");
    params.not_after = date_time_ymd(2001, 1, 1);
    let identity = Identity::self_signed(&params);
    for is_old in [false, true] {
        let relay = address("127.0.0.1", relay(&identity, is_old), Security::Pinned(identity.pin()));
        assert_eq!(opened(&relay, &trust).await, Ok(()), "TLS 1.2: {is_old}");
    }
}

#[tokio::test]
async fn another_key_than_the_pinned_one_is_refused_whoever_vouches_for_it() {
    let (issuer, trust) = authority();
    let identity = vouched_for(&named("localhost"), &issuer);
    let mut pin = identity.pin();
    pin[31] ^= 1;
    let relay = address("localhost", relay(&identity, false), Security::Pinned(pin));
    let end = opened(&relay, &trust).await.unwrap_err();
    let words = format!(
        "the relay at localhost:{} shows another certificate than the link names: somebody may be in between, or its \
         operator made a new key",
        relay.port()
    );
    assert_eq!((&end, end.to_string()), (&LinkEnd::OtherCertificate { relay }, words));
}

#[tokio::test]
async fn a_certificate_without_its_key_is_worth_nothing() {
    let identity = Identity::self_signed(&named("localhost"));
    let thief = KeyPair::generate().unwrap();
    for is_old in [false, true] {
        let provider = provider::default_provider();
        let key = provider.key_provider.load_private_key(PrivateKeyDer::try_from(thief.serialize_der()).unwrap());
        let stolen = tokio_rustls::rustls::sign::CertifiedKey::new(vec![identity.certificate.clone()], key.unwrap());
        let resolver = Arc::new(tokio_rustls::rustls::sign::SingleCertAndKey::from(stolen));
        let versions = if is_old { vec![&version::TLS12] } else { vec![&version::TLS13] };
        let builder = ServerConfig::builder_with_provider(Arc::new(provider)).with_protocol_versions(&versions);
        let config = builder.unwrap().with_no_client_auth().with_cert_resolver(resolver);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        serve(listener, |stream| async move {
            drop(TlsAcceptor::from(Arc::new(config)).accept(stream).await);
        });
        let relay = address("127.0.0.1", port, Security::Pinned(identity.pin()));
        let end = opened(&relay, &Trust::default()).await.unwrap_err();
        assert!(matches!(&end, LinkEnd::Certificate { .. }), "TLS 1.2: {is_old}: {end}");
    }
}

#[tokio::test]
async fn whoever_the_system_trusts_vouches_for_the_name_of_a_relay() {
    let (issuer, trust) = authority();
    let good = vouched_for(&named("localhost"), &issuer);
    assert_eq!(opened(&address("localhost", relay(&good, false), Security::Tls), &trust).await, Ok(()));
    let good = vouched_for(&named("127.0.0.1"), &issuer);
    assert_eq!(opened(&address("127.0.0.1", relay(&good, true), Security::Tls), &trust).await, Ok(()));

    let mut expired = named("localhost");
    expired.not_after = date_time_ymd(2001, 1, 1);
    let mut early = named("localhost");
    early.not_before = date_time_ymd(4000, 1, 1);
    let bad = [
        (Identity::self_signed(&named("localhost")), "nobody whom this system trusts"),
        (vouched_for(&expired, &issuer), "its certificate has expired"),
        (vouched_for(&early, &issuer), "its certificate is not valid yet"),
        (vouched_for(&named("other.example.org"), &issuer), "for another name: other.example.org"),
    ];
    for (identity, words) in bad {
        let end = opened(&address("localhost", relay(&identity, false), Security::Tls), &trust).await.unwrap_err();
        assert!(matches!(end, LinkEnd::Certificate { .. }) && end.to_string().contains(words), "{end}");
        assert!(end.to_string().starts_with("the relay localhost:"), "{end}");
    }
}

#[tokio::test]
async fn a_relay_without_tls_is_named_with_the_way_to_ask_for_it() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    serve(listener, |mut stream| async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        assert!(stream.read_u8().await.is_ok());
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        // Until the other end has read it.
        drop(stream.read_to_end(&mut Vec::new()).await);
    });
    let relay = address("127.0.0.1", port, Security::Pinned([0; 32]));
    let end = opened(&relay, &Trust::default()).await.unwrap_err();
    assert_eq!(end, LinkEnd::NoTls { relay });
    assert!(end.to_string().contains(&format!("ws://127.0.0.1:{port} asks for an unencrypted link by name")), "{end}");

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    serve(listener, |stream| async move { drop(stream) });
    let end = opened(&address("127.0.0.1", port, Security::Pinned([0; 32])), &Trust::default()).await.unwrap_err();
    assert!(matches!(end, LinkEnd::Tls { .. }), "{end}");
}

#[tokio::test]
async fn a_relay_with_tls_is_named_to_whoever_asks_without() {
    let port = relay(&Identity::self_signed(&named("localhost")), false);
    let relay = address("127.0.0.1", port, Security::Plain);
    let end = opened(&relay, &Trust::default()).await.unwrap_err();
    assert_eq!(end, LinkEnd::NoHttp { relay });
    assert!(end.to_string().contains(&format!("write wss://127.0.0.1:{port} instead")), "{end}");
}

#[tokio::test]
async fn a_relay_that_stalls_in_the_handshake_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let relay = address("127.0.0.1", port, Security::Pinned([0; 32]));
    let opened = open_within(&relay, &Trust::default(), Duration::from_millis(200)).await;
    assert_eq!(opened.map(|_| "open"), Err(LinkEnd::Timeout { relay, seconds: 0 }));
    drop(listener);
}
