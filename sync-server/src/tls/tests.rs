//! The certificate that a relay makes for itself.

use std::fs;

use tempfile::TempDir;

use super::*;

fn open(folder: &TempDir) -> Result<Pin, String> {
    Tls::open(&TlsSource::SelfSigned, folder.path()).map(|tls| tls.pin()).map_err(|error| error.to_string())
}

#[test]
fn a_certificate_of_its_own_is_made_once() {
    let folder = TempDir::new().unwrap();
    let pin = open(&folder).unwrap();
    assert_eq!(pin.to_string().len(), 43);
    assert_eq!(open(&folder).unwrap(), pin);
    let certificate = fs::read(folder.path().join("tls-cert.pem")).unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "the certificate and its key");

    fs::remove_file(folder.path().join("tls-cert.pem")).unwrap();
    assert_eq!(open(&folder).unwrap(), pin, "the pin is the key's");
    assert_ne!(fs::read(folder.path().join("tls-cert.pem")).unwrap(), certificate, "it was signed anew");

    fs::remove_file(folder.path().join("tls-key.pem")).unwrap();
    let error = open(&folder).unwrap_err();
    assert!(error.contains("put the key back"), "{error}");
    fs::remove_file(folder.path().join("tls-cert.pem")).unwrap();
    assert_ne!(open(&folder).unwrap(), pin);
}

#[cfg(unix)]
#[test]
fn nobody_else_reads_the_key() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("tls-key.pem.new"), "left over, and open to all").unwrap();
    open(&folder).unwrap();
    let mode = fs::metadata(folder.path().join("tls-key.pem")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn what_cannot_be_used_is_named() {
    let folder = TempDir::new().unwrap();
    open(&folder).unwrap();
    let [certificate, key] = ["tls-cert.pem", "tls-key.pem"].map(|name| folder.path().join(name));
    let check = |certificate: &Path, key: &Path, expected: &str| {
        let source = TlsSource::Files { certificate: certificate.to_owned(), key: key.to_owned() };
        let error = Tls::open(&source, folder.path()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    check(&key, &key, "tls-key.pem: there is no certificate in it");
    check(&certificate, &certificate, "tls-cert.pem: there is no private key in it");
    check(&folder.path().join("absent.pem"), &key, "absent.pem: No such file");
    let other = TempDir::new().unwrap();
    open(&other).unwrap();
    check(&certificate, &other.path().join("tls-key.pem"), "cannot be used together");
}
