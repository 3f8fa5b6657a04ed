//! The recovery file: the links of all shared documents, sealed by a passphrase.
//!
//! Whoever lost every device gets back by it what the relays keep. The layout is in `docs/FORMAT.md`: a header that says how the key
//! follows from the passphrase (Argon2id, RFC 9106), then the contents as JSON in XChaCha20-Poly1305, which vouches for the header too,
//! then a CRC-32, so that a damaged file is told from a wrong passphrase.

#[cfg(test)]
mod tests;

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use zeroize::Zeroizing;

use super::checksum::crc32;
use super::secret::Secret;

/// The version of recovery files that this program writes, and the newest that it reads.
pub const RECOVERY_VERSION: u8 = 1;

/// The most bytes that a recovery file may have: those of about 50,000 documents.
pub const RECOVERY_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// The fewest characters of a passphrase for a new file.
pub const PASSPHRASE_CHARS_MIN: usize = 12;

/// The most bytes of a passphrase.
pub const PASSPHRASE_BYTES_MAX: usize = 1024;

/// How many random bytes a file's key is made with.
pub const SALT_BYTES: usize = 16;

/// How many bytes the nonce has.
pub const NONCE_BYTES: usize = 24;

const MAGIC: &[u8; 4] = b"QREC";
const HEADER_BYTES: usize = MAGIC.len() + 1 + 3 * 4 + SALT_BYTES + NONCE_BYTES;
const TAG_BYTES: usize = 16;
const CHECK_BYTES: usize = 4;

/// What it costs to try a passphrase: the parameters of Argon2id.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Cost {
    /// Memory in KiB, at least 8 for each lane.
    pub memory_kib: u32,
    /// How often the memory is gone over.
    pub passes: u32,
    /// How many lanes it has.
    pub lanes: u32,
}

impl Cost {
    /// What new files have: 64 MiB, three times; RFC 9106's second choice, with one lane.
    pub const DEFAULT: Self = Self { memory_kib: 64 * 1024, passes: 3, lanes: 1 };

    /// The most that is done for a file: it says itself what it wants, and may be anybody's.
    pub const MAX: Self = Self { memory_kib: 256 * 1024, passes: 16, lanes: 4 };

    const fn is_allowed(self) -> bool {
        let (max, lanes) = (Self::MAX, self.lanes);
        lanes >= 1
            && lanes <= max.lanes
            && self.memory_kib >= 8 * lanes
            && self.memory_kib <= max.memory_kib
            && self.passes >= 1
            && self.passes <= max.passes
    }
}

/// What a recovery file has. Unknown fields are ignored, so that it grows without a new version.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Contents {
    /// When it was made: wall clock, microseconds since the Unix epoch.
    pub made_us: i64,
    /// The shared documents of the library.
    pub documents: Vec<Entry>,
}

/// A document in a recovery file.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Entry {
    /// Its link: the editor's, or the viewer's where no other was there.
    pub link: Secret,
    /// Its title when the file was made.
    #[serde(default)]
    pub title: String,
    /// Whether it was put away.
    #[serde(default)]
    pub archived: bool,
}

/// Why there is no recovery file, or nothing can be had from one.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum RecoveryError {
    /// The passphrase for a new file is too short.
    #[error(
        "the passphrase has {chars} characters; take at least {PASSPHRASE_CHARS_MIN}: four or five words chosen by chance are good"
    )]
    Short {
        /// How many it has.
        chars: usize,
    },
    /// The passphrase is too long.
    #[error("the passphrase has {bytes} bytes; at most {PASSPHRASE_BYTES_MAX} are taken")]
    Long {
        /// How many it has.
        bytes: usize,
    },
    /// It is no recovery file.
    #[error("this is no recovery file of Quire")]
    Foreign,
    /// It is of a version that this program does not know.
    #[error(
        "the recovery file is of version {version}, this program reads up to {RECOVERY_VERSION}: a newer Quire made it; update this one"
    )]
    Version {
        /// The version found.
        version: u8,
    },
    /// It is not as it was written.
    #[error("the recovery file is damaged or cut off: take another copy of it")]
    Damaged,
    /// It asks for more work than this program does for a file.
    #[error(
        "the recovery file asks for {memory_kib} KiB of memory, {passes} passes and {lanes} lanes; at most {}, {} and {} are \
         allowed: no Quire made it so",
        Cost::MAX.memory_kib, Cost::MAX.passes, Cost::MAX.lanes
    )]
    Cost {
        /// Memory in KiB.
        memory_kib: u32,
        /// Passes.
        passes: u32,
        /// Lanes.
        lanes: u32,
    },
    /// The passphrase does not open it.
    #[error("the passphrase is not the one of this recovery file")]
    Passphrase,
    /// What is in it cannot be read, though the passphrase is right.
    #[error("what is in the recovery file cannot be read: {words}")]
    Contents {
        /// What is wrong, without what stands there.
        words: String,
    },
}

/// Whether a passphrase will do for a new file.
///
/// # Errors
/// [`RecoveryError::Short`] or [`RecoveryError::Long`].
pub fn check_passphrase(passphrase: &Secret) -> Result<(), RecoveryError> {
    let chars = passphrase.expose().chars().count();
    if chars < PASSPHRASE_CHARS_MIN {
        return Err(RecoveryError::Short { chars });
    }
    let bytes = passphrase.expose().len();
    if bytes > PASSPHRASE_BYTES_MAX { Err(RecoveryError::Long { bytes }) } else { Ok(()) }
}

/// The bytes of a recovery file. Salt and nonce are random. Takes as long as trying a passphrase: about 0.2 s.
///
/// # Errors
/// A [`RecoveryError`] when the passphrase will not do, or the cost is not allowed.
pub fn seal(
    contents: &Contents,
    passphrase: &Secret,
    cost: Cost,
    salt: [u8; SALT_BYTES],
    nonce: [u8; NONCE_BYTES],
) -> Result<Vec<u8>, RecoveryError> {
    check_passphrase(passphrase)?;
    let mut bytes = [&MAGIC[..], &[RECOVERY_VERSION]].concat();
    for number in [cost.memory_kib, cost.passes, cost.lanes] {
        bytes.extend(number.to_le_bytes());
    }
    bytes.extend(salt);
    bytes.extend(nonce);
    let plain = serde_json::to_vec(contents).map_err(|error| RecoveryError::Contents { words: error.to_string() })?;
    let plain = Zeroizing::new(plain);
    let payload = Payload { msg: &plain, aad: &bytes };
    let sealed = cipher(passphrase, cost, &salt)?.encrypt(XNonce::from_slice(&nonce), payload);
    bytes.extend(sealed.map_err(|_| RecoveryError::Contents { words: "it is too long".to_owned() })?);
    bytes.extend(crc32(&bytes).to_le_bytes());
    Ok(bytes)
}

/// What is in a recovery file. Checks what the file asks for before it does it; takes about 0.2 s then.
///
/// # Errors
/// A [`RecoveryError`] when it is none, is damaged or newer, asks for too much, or the passphrase is not its own.
pub fn open(bytes: &[u8], passphrase: &Secret) -> Result<Contents, RecoveryError> {
    let rest = bytes.strip_prefix(MAGIC).ok_or(RecoveryError::Foreign)?;
    match rest.first() {
        Some(&RECOVERY_VERSION) => {}
        Some(&version) if version > RECOVERY_VERSION => return Err(RecoveryError::Version { version }),
        _ => return Err(RecoveryError::Damaged),
    }
    let (body, check) = bytes.split_last_chunk::<CHECK_BYTES>().ok_or(RecoveryError::Damaged)?;
    if body.len() < HEADER_BYTES + TAG_BYTES || u32::from_le_bytes(*check) != crc32(body) {
        return Err(RecoveryError::Damaged);
    }
    let (header, sealed) = body.split_at(HEADER_BYTES);
    let (cost, salt, nonce) = parameters(header).ok_or(RecoveryError::Damaged)?;
    let payload = Payload { msg: sealed, aad: header };
    let plain = cipher(passphrase, cost, &salt)?.decrypt(XNonce::from_slice(&nonce), payload);
    let plain = Zeroizing::new(plain.map_err(|_| RecoveryError::Passphrase)?);
    // What serde says may quote what it found.
    serde_json::from_slice(&plain).map_err(|error| RecoveryError::Contents {
        words: format!("line {}, column {} of its JSON", error.line(), error.column()),
    })
}

fn parameters(header: &[u8]) -> Option<(Cost, [u8; SALT_BYTES], [u8; NONCE_BYTES])> {
    let (_, rest) = header.split_at_checked(MAGIC.len() + 1)?;
    let (memory_kib, rest) = rest.split_first_chunk()?;
    let (passes, rest) = rest.split_first_chunk()?;
    let (lanes, rest) = rest.split_first_chunk()?;
    let (salt, nonce) = rest.split_first_chunk()?;
    let [memory_kib, passes, lanes] = [memory_kib, passes, lanes].map(|number| u32::from_le_bytes(*number));
    Some((Cost { memory_kib, passes, lanes }, *salt, *nonce.as_array()?))
}

/// The cipher with the key that follows from the passphrase.
fn cipher(passphrase: &Secret, cost: Cost, salt: &[u8]) -> Result<XChaCha20Poly1305, RecoveryError> {
    let Cost { memory_kib, passes, lanes } = cost;
    let refused = RecoveryError::Cost { memory_kib, passes, lanes };
    if !cost.is_allowed() {
        return Err(refused);
    }
    let params = Params::new(memory_kib, passes, lanes, Some(32)).map_err(|_| refused.clone())?;
    let mut key = Zeroizing::new([0; 32]);
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon.hash_password_into(passphrase.expose().as_bytes(), salt, &mut *key).map_err(|_| refused)?;
    Ok(XChaCha20Poly1305::new((&*key).into()))
}
