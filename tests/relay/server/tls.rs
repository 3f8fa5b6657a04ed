//! The relay behind TLS: the same relay, and a handshake that strangers may do anything with.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use quire_server::{Config, Limits, TlsSource};
use rcgen::{CertificateParams, DnType, KeyPair};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::client::{Client, get_over};
use super::who::Who;
use super::{A, B, Relay};

/// How long the relay may take before the test fails.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// A certificate that somebody made for `localhost`, with its key.
struct Identity {
    certificate: CertificateDer<'static>,
    pems: [String; 2],
}

impl Identity {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let made = params.self_signed(&key).unwrap();
        Self { certificate: made.der().clone(), pems: [made.pem(), key.serialize_pem()] }
    }

    /// Writes both files.
    fn store(&self, folder: &Path) -> Config {
        let [certificate, key] = paths(folder);
        fs::write(&certificate, &self.pems[0]).unwrap();
        fs::write(&key, &self.pems[1]).unwrap();
        Config { tls: Some(TlsSource::Files { certificate, key }), ..Config::new(folder) }
    }
}

fn paths(folder: &Path) -> [PathBuf; 2] {
    ["cert.pem", "key.pem"].map(|name| folder.join(name))
}

/// An encrypted connection to a relay that shows one of these.
async fn connect(address: SocketAddr, known: &[&Identity]) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    for identity in known {
        roots.add(identity.certificate.clone()).unwrap();
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots);
    let connector = TlsConnector::from(Arc::new(builder.with_no_client_auth()));
    let stream = TcpStream::connect(address).await.expect("the relay listens");
    connector.connect("localhost".try_into().unwrap(), stream).await.expect("the relay shows what is known")
}

/// A link over an encrypted connection.
async fn link(address: SocketAddr, known: &Identity) -> Client<TlsStream<TcpStream>> {
    Client::over(connect(address, &[known]).await, address).await
}

fn shows(stream: &TlsStream<TcpStream>, identity: &Identity) -> bool {
    stream.get_ref().1.peer_certificates().is_some_and(|shown| shown[0] == identity.certificate)
}

/// What comes on a connection until its end.
async fn rest(mut stream: TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    // A connection may also end in a reset: what came before counts.
    drop(timeout(ANSWER_TIMEOUT, stream.read_to_end(&mut bytes)).await.expect("the relay ends the connection"));
    bytes
}

#[tokio::test]
async fn links_and_pages_are_the_same_behind_tls() {
    let data = TempDir::new().unwrap();
    let identity = Identity::new("one");
    let relay = Relay::start_with(&identity.store(data.path())).await;
    let mut author = link(relay.address, &identity).await;
    let mut reader = link(relay.address, &identity).await;
    let mut ana = Who::new(A);
    author.greet(&ana).await;
    reader.greet(&Who::new(B)).await;
    author.send_change(&ana.write("hello")).await;
    assert_eq!(reader.changes_until(5).await, [5]);
    author.until_durable(5).await;
    let page = get_over(connect(relay.address, &[&identity]).await, "/healthz").await;
    assert!(page.starts_with("HTTP/1.1 200") && page.ends_with("the store works\n"), "{page}");
    let page = get_over(connect(relay.address, &[&identity]).await, "/metrics").await;
    assert!(page.contains("quire_relay_links 2\n") && page.contains("quire_relay_connections 3\n"), "{page}");
    drop((author, reader));
    relay.stop().await;
}

#[tokio::test]
async fn a_renewed_certificate_is_shown_to_who_comes_and_ends_no_link() {
    let data = TempDir::new().unwrap();
    let [first, second, third] = ["one", "two", "three"].map(Identity::new);
    let known = [&first, &second, &third];
    let relay = Relay::start_with(&first.store(data.path())).await;
    let mut author = link(relay.address, &first).await;
    let mut ana = Who::new(A);
    author.greet(&ana).await;

    second.store(data.path());
    let until = Instant::now() + ANSWER_TIMEOUT;
    while !shows(&connect(relay.address, &known).await, &second) {
        assert!(Instant::now() < until, "the relay looks at its files");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    third.store(data.path());
    let tls = relay.tls.as_ref().unwrap();
    let before = tls.pin();
    tls.reload();
    assert!(shows(&connect(relay.address, &known).await, &third), "it is told to look");
    assert_ne!(tls.pin(), before);

    author.send_change(&ana.write("still here")).await;
    author.until_durable(10).await;
    drop(author);
    relay.stop().await;
}

#[tokio::test]
async fn a_certificate_that_cannot_be_used_leaves_the_one_of_before() {
    let data = TempDir::new().unwrap();
    let [first, second] = ["one", "two"].map(Identity::new);
    let relay = Relay::start_with(&first.store(data.path())).await;
    let [certificate, key] = paths(data.path());
    let tls = relay.tls.as_ref().unwrap();
    let check = || async {
        tls.reload();
        assert!(shows(&connect(relay.address, &[&first]).await, &first));
    };
    fs::write(&certificate, &second.pems[0]).unwrap();
    check().await;
    fs::write(&key, "no key").unwrap();
    check().await;
    fs::write(&certificate, b"\xff\0").unwrap();
    check().await;
    fs::remove_file(&certificate).unwrap();
    check().await;
    second.store(data.path());
    tls.reload();
    assert!(shows(&connect(relay.address, &[&second]).await, &second), "in the end they fit");
    relay.stop().await;
}

#[tokio::test]
async fn what_is_no_handshake_is_ended_and_a_bystander_notices_nothing() {
    let data = TempDir::new().unwrap();
    let identity = Identity::new("one");
    let relay = Relay::start_with(&identity.store(data.path())).await;
    let mut bystander = link(relay.address, &identity).await;
    let mut ben = Who::new(B);
    bystander.greet(&ben).await;

    let mut long = vec![0x16, 3, 1, 0x40, 0];
    long.resize(5 + 0x4000, 1);
    let hello = [0x16, 3, 1, 0, 4, 1, 0xff, 0xff, 0xff];
    for bytes in
        [&b"GET /healthz HTTP/1.1\r\n\r\n"[..], &[0; 64], &[0xff; 2000], &hello, &long, &[0x16, 3, 1, 0xff, 0xff]]
    {
        let mut stream = TcpStream::connect(relay.address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        stream.shutdown().await.unwrap();
        let answer = rest(stream).await;
        assert!(answer.is_empty() || answer[0] == 0x15, "nothing, or an alert: {answer:?}");
    }
    let page = get_over(connect(relay.address, &[&identity]).await, "/metrics").await;
    assert!(page.contains("quire_relay_tls_handshakes_failed_total 6\n"), "{page}");
    bystander.send_change(&ben.write("still here")).await;
    bystander.until_durable(10).await;
    drop(bystander);
    relay.stop().await;
}

#[tokio::test]
async fn a_handshake_that_stalls_counts_as_a_connection_and_is_ended_in_time() {
    let data = TempDir::new().unwrap();
    let identity = Identity::new("one");
    let limits = Limits { connections_max: 2, tls_handshake_timeout: Duration::from_secs(4), ..Limits::default() };
    let relay = Relay::start_with(&Config { limits, ..identity.store(data.path()) }).await;
    let silent = TcpStream::connect(relay.address).await.unwrap();
    let mut half = TcpStream::connect(relay.address).await.unwrap();
    half.write_all(&[0x16, 3, 1, 2, 0, 1]).await.unwrap();
    let third = TcpStream::connect(relay.address).await.unwrap();
    assert!(rest(third).await.is_empty(), "two others are there");
    assert!(rest(silent).await.is_empty());
    assert!(rest(half).await.is_empty());
    let page = get_over(connect(relay.address, &[&identity]).await, "/healthz").await;
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    relay.stop().await;
}
