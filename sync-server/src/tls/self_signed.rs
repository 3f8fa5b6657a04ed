//! The certificate that a relay makes for itself: once, since its pin stands in links.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rcgen::{CertificateParams, DnType, KeyPair};

use super::TlsError;

const CERTIFICATE: &str = "tls-cert.pem";
const KEY: &str = "tls-key.pem";

/// The certificate and the key in this folder; what is missing is made. A certificate whose key is missing is left as it is.
///
/// # Errors
/// A [`TlsError`] that names the file.
pub(super) fn in_folder(folder: &Path) -> Result<(PathBuf, PathBuf), TlsError> {
    let (certificate, key) = (folder.join(CERTIFICATE), folder.join(KEY));
    let failed = |path: &Path, error: io::Error| TlsError::File { path: path.to_owned(), error };
    let is_there = |path: &Path| path.try_exists().map_err(|error| failed(path, error));
    match (is_there(&certificate)?, is_there(&key)?) {
        (true, true) => return Ok((certificate, key)),
        (true, false) => return Err(TlsError::KeyGone { certificate, key }),
        (false, false) => {
            let made = KeyPair::generate()?;
            write(folder, KEY, &made.serialize_pem()).map_err(|error| failed(&key, error))?;
        }
        // It was stopped between the two, or a person wants a new certificate for the old key.
        (false, true) => {}
    }
    let pair = KeyPair::from_pem(&fs::read_to_string(&key).map_err(|error| failed(&key, error))?)?;
    // Clients that know the pin look at no name; for others it is good on this machine, where the file can be given to them.
    let mut params = CertificateParams::new(["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()])?;
    params.distinguished_name.push(DnType::CommonName, "a relay of Quire");
    let made = params.self_signed(&pair)?;
    write(folder, CERTIFICATE, &made.pem()).map_err(|error| failed(&certificate, error))?;
    Ok((certificate, key))
}

/// Writes a file whole, for its owner alone, and durably.
fn write(folder: &Path, name: &str, text: &str) -> io::Result<()> {
    let unfinished = folder.join(format!("{name}.new"));
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&unfinished)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(unfinished, folder.join(name))?;
    #[cfg(unix)]
    fs::File::open(folder)?.sync_all()?;
    Ok(())
}
