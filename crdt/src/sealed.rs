//! The sealed payload of an envelope: what a relay stores and cannot read, alter or invent.
//!
//! The envelopes of one replica are a chain: the hash of each covers the hash of the one before, the header, and what is sealed. A
//! signature of one hash therefore vouches for everything up to it, so that a replica signs once for whatever it sends at once, and
//! whoever passes envelopes on need keep few signatures. A *run* is consecutive changes of one author of which the last one alone is
//! signed; whoever verifies takes a run as a whole or not at all.
//!
//! What is sealed follows from what is said: the nonce is a keyed hash of it and of everything before (a synthetic nonce in the sense
//! of Rogaway and Shrimpton, EUROCRYPT 2006). So nobody can use a nonce for two texts, not even by restoring a disk; and whoever
//! holds the history can make its envelopes again, byte by byte. The cipher is XChaCha20-Poly1305 (RFC 8439 with the extended nonce of
//! draft-irtf-cfrg-xchacha-03), with the hash before and the header as associated data.
//!
//! `docs/PROTOCOL.md` has the layout, and `tests/golden/sealed.txt` vectors.

use alloc::vec::Vec;
use core::ops::Range;

use chacha20poly1305::aead::{AeadInPlace, KeyInit};
use chacha20poly1305::{Tag, XChaCha20Poly1305, XNonce};
use thiserror::Error;

use crate::codec::{DecodeError, DecodeErrorKind, Reader, Writer};
use crate::envelope::Envelope;
use crate::id::{DocumentId, ReplicaId};
use crate::keys::{self, Certificate, DocumentKeys, KEY_BYTES, KeyError, PublicKey, ReplicaKey, SIGNATURE_BYTES};

pub use self::signal::{SignalKind, open_signal, seal_signal};

mod signal;

/// The version of a payload that is sealed.
pub const SEALED_VERSION: u64 = 4;

/// The most changes of one run.
pub const RUN_CHANGES_MAX: usize = 256;

/// The most bytes that the envelopes of a run have together, without the last one.
pub const RUN_BYTES_MAX: usize = 64 * 1024;

/// By how many bytes a sealed envelope is longer than the change it seals, at most; the first one of a replica has a certificate besides.
pub const SEAL_BYTES: usize = 2 + PREVIOUS_BYTES + NONCE_BYTES + TAG_BYTES + SIGNATURE_BYTES;

const CHAIN_START: &str = "quire v1 chain start";
const CHAIN: &str = "quire v1 chain";
const ENVELOPE: &[u8] = b"quire v1 envelope";

const PREVIOUS_BYTES: usize = 8;
const NONCE_BYTES: usize = 24;
const TAG_BYTES: usize = 16;

/// Version and flags are not part of the chain: whether a change is signed may change.
const CHAINED_FROM: usize = 2;

/// The flag of a payload that ends with a signature.
const SIGNED: u8 = 1;

/// The hash of a replica's envelopes up to one of them.
pub type ChainHash = [u8; KEY_BYTES];

/// How far somebody has verified the changes of one author.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Author {
    /// The author's public key.
    pub key: PublicKey,
    /// How many of the author's units.
    pub count: u64,
    /// The hash of the envelopes that they came in.
    pub hash: ChainHash,
}

impl Author {
    /// How many bytes it is stored as.
    pub const BYTES: usize = 2 * KEY_BYTES + 8;

    /// The bytes that it is stored as: key, hash, and the count in 8 bytes, little-endian.
    pub fn to_bytes(&self) -> Vec<u8> {
        [&self.key[..], &self.hash, &self.count.to_le_bytes()].concat()
    }

    /// What was stored as these bytes, if they are as many as that takes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (key, rest) = bytes.split_first_chunk()?;
        let (hash, count) = rest.split_first_chunk()?;
        Some(Self { key: *key, hash: *hash, count: u64::from_le_bytes(*count.as_array()?) })
    }
}

/// An envelope that cannot be taken.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum SealError {
    /// Its payload cannot be read, or is not sealed.
    #[error("the sealed payload cannot be read: {0}")]
    Payload(#[from] DecodeError),
    /// Its author is not certified, or not by the document's write key.
    #[error("{0}")]
    Key(#[from] KeyError),
    /// It does not follow upon what is known of its author.
    #[error(
        "the change of {replica} at {first_seq} follows upon another one than the one that is here: two were made in one place"
    )]
    Forked {
        /// The author.
        replica: ReplicaId,
        /// The number of its first unit.
        first_seq: u64,
    },
    /// What comes before it is missing.
    #[error("the change of {replica} at {first_seq} came without what its author made before")]
    Gap {
        /// The author.
        replica: ReplicaId,
        /// The number of its first unit.
        first_seq: u64,
    },
    /// Its signature is not its author's.
    #[error("the change of {replica} at {first_seq} is not signed by its author")]
    Forged {
        /// The author.
        replica: ReplicaId,
        /// The number of its first unit.
        first_seq: u64,
    },
    /// It is signed by somebody who does not hold the content key, or was altered.
    #[error("the change of {replica} at {first_seq} does not open with the document's key")]
    Unopened {
        /// The author.
        replica: ReplicaId,
        /// The number of its first unit.
        first_seq: u64,
    },
}

/// The places in a sealed payload.
#[derive(Clone, Debug)]
struct Parts {
    certificate: Option<Certificate>,
    previous: [u8; PREVIOUS_BYTES],
    nonce: [u8; NONCE_BYTES],
    /// Ciphertext and tag, in the payload.
    sealed: Range<usize>,
    signature: Option<[u8; SIGNATURE_BYTES]>,
}

impl Parts {
    fn read(payload: &[u8], first_seq: u64) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(payload);
        let version = reader.version(SEALED_VERSION)?;
        if version != SEALED_VERSION {
            return Err(DecodeError {
                at: 0,
                kind: DecodeErrorKind::Version { found: version, newest: SEALED_VERSION },
            });
        }
        let flags = reader.byte()?;
        if flags & !SIGNED != 0 {
            return Err(reader.error(DecodeErrorKind::Range { field: "flags", value: u64::from(flags) }));
        }
        let certificate = match first_seq {
            0 => Some(Certificate { key: reader.array()?, signature: reader.array()? }),
            _ => None,
        };
        let (previous, nonce) = (reader.array()?, reader.array()?);
        let start = payload.len() - reader.remaining();
        let signature_bytes = if flags & SIGNED == 0 { 0 } else { SIGNATURE_BYTES };
        let Some(sealed) = reader.remaining().checked_sub(signature_bytes).filter(|len| *len > TAG_BYTES) else {
            return Err(reader.error(DecodeErrorKind::Truncated));
        };
        let end = start + sealed;
        let signature = payload[end..].first_chunk().copied();
        Ok(Self { certificate, previous, nonce, sealed: start..end, signature })
    }
}

/// A sealed envelope whose place in its author's chain is right. Its signature, if it has one, is still to be [verified](Sealed::verify).
#[derive(Clone, Debug)]
pub struct Sealed {
    author: Author,
    certificate: Option<Certificate>,
    signature: Option<[u8; SIGNATURE_BYTES]>,
    first_seq: u64,
    replica: ReplicaId,
}

impl Sealed {
    /// Puts an envelope behind what is known of its author: nothing, for the first. The header must follow upon it, too.
    ///
    /// # Errors
    /// A [`SealError`] when the payload is not sealed, the author not certified, or the envelope follows upon another one.
    ///
    /// # Cost
    /// O(n) in its bytes; for the first envelope of an author one verification, about 50 µs.
    pub fn new(envelope: &Envelope, write_public: &PublicKey, before: Option<&Author>) -> Result<Self, SealError> {
        let (header, payload) = (envelope.header(), envelope.payload());
        let parts = Parts::read(payload, header.first_seq)?;
        let forked = SealError::Forked { replica: header.replica, first_seq: header.first_seq };
        let (key, hash) = match (before, &parts.certificate) {
            (Some(before), None) if before.count == header.first_seq => (before.key, before.hash),
            (None, Some(certificate)) => {
                certificate.verify(envelope.document(), write_public, header.replica)?;
                (certificate.key, chain_start(envelope.document(), header.replica))
            }
            (before, None) if before.is_none_or(|before| before.count < header.first_seq) => {
                return Err(SealError::Gap { replica: header.replica, first_seq: header.first_seq });
            }
            _ => return Err(forked),
        };
        if parts.previous[..] != hash[..PREVIOUS_BYTES] {
            return Err(forked);
        }
        let hash = chain(&hash, envelope.head_bytes(), &payload[CHAINED_FROM..parts.sealed.end]);
        let author = Author { key, count: header.end_seq(), hash };
        let signature = parts.signature;
        let certificate = parts.certificate;
        Ok(Self { author, certificate, signature, first_seq: header.first_seq, replica: header.replica })
    }

    /// What is known of the author with it.
    pub const fn author(&self) -> &Author {
        &self.author
    }

    /// The signature that ends a run, if this is the last change of one.
    pub const fn signature(&self) -> Option<&[u8; SIGNATURE_BYTES]> {
        self.signature.as_ref()
    }

    /// What says that the author may write, if it is the author's first.
    pub const fn certificate(&self) -> Option<&Certificate> {
        self.certificate.as_ref()
    }

    /// Whether the signature is the author's: then the whole run is. False when the change is not signed.
    ///
    /// # Errors
    /// [`SealError::Forged`] when it is somebody else's.
    pub fn verify(&self) -> Result<bool, SealError> {
        let Some(signature) = &self.signature else { return Ok(false) };
        if keys::verify(&self.author.key, &signed_text(&self.author.hash), signature) {
            return Ok(true);
        }
        Err(SealError::Forged { replica: self.replica, first_seq: self.first_seq })
    }
}

/// Seals a change: the envelope as it travels to relays, and what is known of its author with it. `signer` signs it, or else
/// `signature` is its author's from before, if it ends a run.
///
/// `before` is what is known of the author in front of it. `None`, and a `certificate`, for the author's first.
///
/// # Errors
/// A [`SealError`] when the change does not follow upon what is known of its author, the keys are another document's or another
/// replica's, or the result would be too long.
pub fn seal(
    envelope: &Envelope,
    keys: &DocumentKeys,
    before: Before<'_>,
    proof: Proof<'_>,
) -> Result<(Envelope, Author), SealError> {
    let header = envelope.header();
    let gap = SealError::Gap { replica: header.replica, first_seq: header.first_seq };
    let (certificate, key, hash) = match before {
        Before::Nothing(certificate) if header.first_seq == 0 => {
            (Some(certificate), certificate.key, chain_start(envelope.document(), header.replica))
        }
        Before::Author(author) if author.count == header.first_seq && author.count > 0 => {
            (None, author.key, author.hash)
        }
        Before::Nothing(_) | Before::Author(_) => return Err(gap),
    };
    keys.check(envelope.document())?;
    keys::check_replica(&key, header.replica)?;
    if let Proof::Sign(replica) = proof {
        keys::check_replica(&key, replica.id())?;
    }
    let nonce = nonce(keys, &hash, envelope.head_bytes(), envelope.payload());
    let mut writer = Writer::with_room(envelope.payload().len() + SEAL_BYTES + certificate.map_or(0, |_| 96));
    writer.varint(SEALED_VERSION);
    writer.byte(if matches!(proof, Proof::None) { 0 } else { SIGNED });
    if let Some(certificate) = certificate {
        writer.raw(&certificate.key);
        writer.raw(&certificate.signature);
    }
    writer.raw(&hash[..PREVIOUS_BYTES]);
    writer.raw(&nonce);
    let mut text = envelope.payload().to_vec();
    let associated = [&hash[..], envelope.head_bytes()].concat();
    let tag = cipher(keys).encrypt_in_place_detached(XNonce::from_slice(&nonce), &associated, &mut text);
    let tag = tag.map_err(|_| too_long(text.len()))?;
    writer.raw(&text);
    writer.raw(&tag);
    let sealed = writer.finish();
    let hash = chain(&hash, envelope.head_bytes(), &sealed[CHAINED_FROM..]);
    let signature = match proof {
        Proof::None => None,
        Proof::Known(signature) => Some(*signature),
        Proof::Sign(replica) => Some(replica.sign(&signed_text(&hash))),
    };
    let payload = [&sealed[..], signature.as_ref().map_or(&[], |signature| &signature[..])].concat();
    let author = Author { key, count: header.end_seq(), hash };
    Ok((Envelope::put_together(envelope.document(), header.clone(), &payload)?, author))
}

/// What is known of an author in front of a change that is sealed.
#[derive(Clone, Copy, Debug)]
pub enum Before<'a> {
    /// Nothing: it is the first, and says by this that its author may write.
    Nothing(&'a Certificate),
    /// So much.
    Author(&'a Author),
}

/// How a change that is sealed is proved to be its author's.
#[derive(Clone, Copy, Debug)]
pub enum Proof<'a> {
    /// By what follows it in its run.
    None,
    /// By this signature of its author's, which somebody else passes on.
    Known(&'a [u8; SIGNATURE_BYTES]),
    /// By the author itself.
    Sign(&'a ReplicaKey),
}

/// Opens a sealed envelope that [`Sealed::new`] took: the change as it rests on the reader's disk. `before` is what was known of its
/// author, `None` for the first.
///
/// # Errors
/// [`SealError::Unopened`] when it was sealed with another key, or not as [`seal`] does it.
pub fn open(envelope: &Envelope, keys: &DocumentKeys, before: Option<&Author>) -> Result<Envelope, SealError> {
    let header = envelope.header();
    let unopened = SealError::Unopened { replica: header.replica, first_seq: header.first_seq };
    let parts = Parts::read(envelope.payload(), header.first_seq)?;
    let hash = before.map_or_else(|| chain_start(envelope.document(), header.replica), |before| before.hash);
    let sealed = &envelope.payload()[parts.sealed];
    let (text, tag) = sealed.split_at_checked(sealed.len() - TAG_BYTES).ok_or(unopened)?;
    let mut text = text.to_vec();
    let associated = [&hash[..], envelope.head_bytes()].concat();
    let (at, tag) = (XNonce::from_slice(&parts.nonce), Tag::from_slice(tag));
    cipher(keys).decrypt_in_place_detached(at, &associated, &mut text, tag).map_err(|_| unopened)?;
    // Whoever seals otherwise would have made a change that nobody can make again from what it says.
    if nonce(keys, &hash, envelope.head_bytes(), &text) != parts.nonce {
        return Err(unopened);
    }
    Ok(Envelope::put_together(envelope.document(), header.clone(), &text)?)
}

fn cipher(keys: &DocumentKeys) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(keys.content.bytes().into())
}

fn nonce(keys: &DocumentKeys, before: &ChainHash, head: &[u8], text: &[u8]) -> [u8; NONCE_BYTES] {
    let mut hash = blake3::Hasher::new_keyed(keys.nonce.bytes());
    hash.update(before).update(head).update(text);
    let hash = hash.finalize();
    core::array::from_fn(|at| hash.as_bytes()[at])
}

/// The hash in front of a replica's first envelope.
fn chain_start(document: DocumentId, replica: ReplicaId) -> ChainHash {
    blake3::derive_key(CHAIN_START, &[document.as_bytes().as_slice(), replica.as_bytes()].concat())
}

fn chain(before: &ChainHash, head: &[u8], sealed: &[u8]) -> ChainHash {
    let mut hash = blake3::Hasher::new_derive_key(CHAIN);
    hash.update(before).update(head).update(sealed);
    *hash.finalize().as_bytes()
}

fn signed_text(hash: &ChainHash) -> Vec<u8> {
    [ENVELOPE, hash].concat()
}

fn too_long(bytes: usize) -> DecodeError {
    DecodeError { at: 0, kind: DecodeErrorKind::Range { field: "payload bytes", value: bytes as u64 } }
}

#[cfg(test)]
mod tests;
