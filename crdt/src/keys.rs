//! Capabilities: what a link carries, and the keys that follow from it.
//!
//! There are no accounts. Whoever holds a document's [`RootSecret`] edits it, whoever holds its [`ReadSecret`] reads it, and from the
//! outside both look like a 128-bit random number. Everything else is derived with BLAKE3 in its key derivation mode, one context
//! string for each key, so that no key tells anything about another. Signatures are Ed25519 (RFC 8032), checked strictly: no key of
//! small order, one encoding for each signature. A document's id is the hash of its two public keys: whoever shows keys that hash to
//! the id need not be believed (self-certifying names, Mazières and others, SOSP 1999).
//!
//! Secrets are wiped when they are dropped, and `Debug` shows none. `docs/PROTOCOL.md` has every derivation, and
//! `tests/golden/keys.txt` vectors of each.

use core::fmt;

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::id::{DocumentId, ID_BYTES, ReplicaId};

/// The length of a [`RootSecret`] and of a [`ReadSecret`], in bytes.
pub const SECRET_BYTES: usize = 16;

/// The length of a public key, of a symmetric key and of the seed of a secret key, in bytes.
pub const KEY_BYTES: usize = 32;

/// The length of a signature, in bytes.
pub const SIGNATURE_BYTES: usize = 64;

const WRITE_KEY: &str = "quire v1 write key";
const READ_SECRET: &str = "quire v1 read secret";
const CONTENT_KEY: &str = "quire v1 content key";
const NONCE_KEY: &str = "quire v1 nonce key";
const SIGNAL_KEY: &str = "quire v1 signal key";
const ACCESS_KEY: &str = "quire v1 access key";
const DOCUMENT_ID: &str = "quire v1 document id";
const REPLICA_ID: &str = "quire v1 replica id";
const CERTIFICATE: &[u8] = b"quire v1 certificate";
const ACCESS: &[u8] = b"quire v1 access";

/// A key that may be known to everybody, as its bytes.
pub type PublicKey = [u8; KEY_BYTES];

macro_rules! secret_type {
    ($(#[$doc:meta])* $name:ident, $bytes:ident) => {
        $(#[$doc])*
        #[derive(Clone, Eq, PartialEq, Zeroize, ZeroizeOnDrop)]
        pub struct $name([u8; $bytes]);

        impl $name {
            /// The secret of these bytes, which must be random for a new one.
            pub const fn from_bytes(bytes: [u8; $bytes]) -> Self {
                Self(bytes)
            }

            /// Its bytes: for a link that a person asked for, or the own disk.
            pub const fn expose(&self) -> &[u8; $bytes] {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    };
}

secret_type! {
    /// What an editor's link carries: all keys of a document follow from it.
    RootSecret, SECRET_BYTES
}

secret_type! {
    /// What a viewer's link carries, beside the public write key: the keys to fetch and to read a document follow from it.
    ReadSecret, SECRET_BYTES
}

secret_type! {
    /// The seed of a replica's own key. It is random, never leaves the device, and is never used for two copies.
    ReplicaSeed, KEY_BYTES
}

/// Keys that do not belong together.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum KeyError {
    /// The bytes are no public key.
    #[error("32 bytes that are no public key")]
    PublicKey,
    /// The keys are those of another document.
    #[error("these are the keys of the document {found}, not of {expected}")]
    Document {
        /// The document that they belong to.
        found: DocumentId,
        /// The one that was asked for.
        expected: DocumentId,
    },
    /// The key is that of another replica.
    #[error("this is the key of the replica {found}, not of {expected}")]
    Replica {
        /// The replica that it belongs to.
        found: ReplicaId,
        /// The one that was asked for.
        expected: ReplicaId,
    },
    /// The write key did not sign the replica's key.
    #[error("the certificate of the replica {replica} is not signed by the document's write key")]
    Certificate {
        /// Whose certificate it is.
        replica: ReplicaId,
    },
    /// The proof of access is not signed by the document's access key and the replica's key, for this challenge and address.
    #[error("the proof of access is not signed by the keys that it names, for this challenge and address")]
    Access,
}

/// The keys of a document that a link gives.
///
/// # Cost
/// Making them takes about 50 µs: two key pairs and seven hashes.
#[derive(Clone)]
pub struct DocumentKeys {
    document: DocumentId,
    root: Option<RootSecret>,
    read: ReadSecret,
    write_public: PublicKey,
    write: Option<SigningKey>,
    access: SigningKey,
    pub(crate) content: SymmetricKey,
    pub(crate) nonce: SymmetricKey,
    pub(crate) signal: SymmetricKey,
}

/// A key of a cipher or a keyed hash.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub(crate) struct SymmetricKey([u8; KEY_BYTES]);

impl SymmetricKey {
    fn derive(context: &str, secret: &[u8]) -> Self {
        Self(blake3::derive_key(context, secret))
    }

    pub(crate) const fn bytes(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }
}

impl DocumentKeys {
    /// What whoever has an editor's link can do: read and write.
    pub fn editor(root: &RootSecret) -> Self {
        let write = signing_key(WRITE_KEY, root.expose());
        let mut secret = blake3::derive_key(READ_SECRET, root.expose());
        let read = ReadSecret(first(&secret));
        secret.zeroize();
        let write_public = write.verifying_key().to_bytes();
        Self { root: Some(root.clone()), write: Some(write), ..Self::of(read, write_public) }
    }

    /// What whoever has a viewer's link can do: read.
    ///
    /// # Errors
    /// [`KeyError::PublicKey`] when `write_public` is no key.
    pub fn viewer(read: ReadSecret, write_public: PublicKey) -> Result<Self, KeyError> {
        verifying_key(&write_public)?;
        Ok(Self::of(read, write_public))
    }

    fn of(read: ReadSecret, write_public: PublicKey) -> Self {
        let access = signing_key(ACCESS_KEY, read.expose());
        Self {
            document: document_id(&write_public, &access.verifying_key().to_bytes()),
            root: None,
            content: SymmetricKey::derive(CONTENT_KEY, read.expose()),
            nonce: SymmetricKey::derive(NONCE_KEY, read.expose()),
            signal: SymmetricKey::derive(SIGNAL_KEY, read.expose()),
            read,
            write_public,
            write: None,
            access,
        }
    }

    /// The document that they belong to.
    pub const fn document(&self) -> DocumentId {
        self.document
    }

    /// The editor's secret, if these keys came from one.
    pub const fn root(&self) -> Option<&RootSecret> {
        self.root.as_ref()
    }

    /// The viewer's secret.
    pub const fn read(&self) -> &ReadSecret {
        &self.read
    }

    /// The public half of the write key.
    pub const fn write_public(&self) -> &PublicKey {
        &self.write_public
    }

    /// Whether they allow writing.
    pub const fn can_write(&self) -> bool {
        self.write.is_some()
    }

    /// Whether they are the keys of this document.
    pub(crate) fn check(&self, expected: DocumentId) -> Result<(), KeyError> {
        let found = self.document;
        if found == expected { Ok(()) } else { Err(KeyError::Document { found, expected }) }
    }

    /// Says that a replica may write; `None` if these keys do not allow that.
    pub fn certify(&self, replica: &ReplicaKey) -> Option<Certificate> {
        let key = replica.public();
        let signature = self.write.as_ref()?.sign(&certificate_text(self.document, &key)).to_bytes();
        Some(Certificate { key, signature })
    }

    /// Proves to a relay that whoever sends this may read the document and is this replica: signs the relay's challenge, for this
    /// address of it and no other, so that who passes the proof on to another relay proves nothing.
    pub fn prove_access(&self, replica: &ReplicaKey, challenge: &[u8; KEY_BYTES], address: &str) -> AccessProof {
        let text = access_text(self.document, replica.id(), challenge, address);
        AccessProof {
            write_public: self.write_public,
            access_public: self.access.verifying_key().to_bytes(),
            replica_public: replica.public(),
            access_signature: self.access.sign(&text).to_bytes(),
            replica_signature: replica.key.sign(&text).to_bytes(),
        }
    }
}

impl fmt::Debug for DocumentKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DocumentKeys")
            .field("document", &self.document)
            .field("can_write", &self.can_write())
            .finish_non_exhaustive()
    }
}

/// The key of one replica: what it signs, nobody else can have said.
#[derive(Clone)]
pub struct ReplicaKey {
    id: ReplicaId,
    key: SigningKey,
}

impl ReplicaKey {
    /// The key that follows from this seed.
    pub fn new(seed: &ReplicaSeed) -> Self {
        let key = SigningKey::from_bytes(seed.expose());
        Self { id: replica_id(&key.verifying_key().to_bytes()), key }
    }

    /// The replica: the hash of the public key.
    pub const fn id(&self) -> ReplicaId {
        self.id
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        self.key.verifying_key().to_bytes()
    }

    pub(crate) fn sign(&self, text: &[u8]) -> [u8; SIGNATURE_BYTES] {
        self.key.sign(text).to_bytes()
    }
}

impl fmt::Debug for ReplicaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplicaKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A replica's public key, and the word of the document's write key that it may write.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Certificate {
    /// The replica's public key.
    pub key: PublicKey,
    /// The write key's signature.
    pub signature: [u8; SIGNATURE_BYTES],
}

impl Certificate {
    /// Whether this says that `replica` may write to `document`, whose write key is this.
    ///
    /// # Errors
    /// A [`KeyError`] when a key is none, or is another replica's, or the signature is not the write key's.
    pub fn verify(&self, document: DocumentId, write_public: &PublicKey, replica: ReplicaId) -> Result<(), KeyError> {
        verifying_key(&self.key)?;
        check_replica(&self.key, replica)?;
        let is_signed = verify(write_public, &certificate_text(document, &self.key), &self.signature);
        if is_signed { Ok(()) } else { Err(KeyError::Certificate { replica }) }
    }
}

/// What a replica says to be let in: that it holds the document's access key and its own.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct AccessProof {
    /// The public half of the write key.
    pub write_public: PublicKey,
    /// The public half of the access key.
    pub access_public: PublicKey,
    /// The public half of the replica's key.
    pub replica_public: PublicKey,
    /// The access key's signature.
    pub access_signature: [u8; SIGNATURE_BYTES],
    /// The replica's signature.
    pub replica_signature: [u8; SIGNATURE_BYTES],
}

impl AccessProof {
    /// Whether this proves that `replica` may read `document`, for this challenge and this address of a relay.
    ///
    /// # Errors
    /// A [`KeyError`] when the keys are of another document or replica, or a signature is not theirs.
    ///
    /// # Cost
    /// Two verifications, about 0.1 ms.
    pub fn verify(
        &self,
        document: DocumentId,
        replica: ReplicaId,
        challenge: &[u8; KEY_BYTES],
        address: &str,
    ) -> Result<(), KeyError> {
        verifying_key(&self.write_public)?;
        let found = document_id(&self.write_public, &self.access_public);
        if found != document {
            return Err(KeyError::Document { found, expected: document });
        }
        check_replica(&self.replica_public, replica)?;
        let text = access_text(document, replica, challenge, address);
        let is_proved = verify(&self.access_public, &text, &self.access_signature)
            && verify(&self.replica_public, &text, &self.replica_signature);
        if is_proved { Ok(()) } else { Err(KeyError::Access) }
    }
}

/// Whether this is the key's signature of the text. O(n) in the text, and about 50 µs.
pub(crate) fn verify(key: &PublicKey, text: &[u8], signature: &[u8; SIGNATURE_BYTES]) -> bool {
    let Ok(key) = verifying_key(key) else { return false };
    key.verify_strict(text, &Signature::from_bytes(signature)).is_ok()
}

fn verifying_key(bytes: &PublicKey) -> Result<VerifyingKey, KeyError> {
    // Decoding takes coordinates of p and more, too: one key has one encoding here.
    let is_good = |key: &VerifyingKey| !key.is_weak() && key.to_edwards().compress().as_bytes() == bytes;
    VerifyingKey::from_bytes(bytes).ok().filter(is_good).ok_or(KeyError::PublicKey)
}

fn signing_key(context: &str, secret: &[u8]) -> SigningKey {
    let mut seed = blake3::derive_key(context, secret);
    let key = SigningKey::from_bytes(&seed);
    seed.zeroize();
    key
}

/// The id of the document that has these public keys.
fn document_id(write_public: &PublicKey, access_public: &PublicKey) -> DocumentId {
    let mut hash = blake3::Hasher::new_derive_key(DOCUMENT_ID);
    hash.update(write_public).update(access_public);
    DocumentId::from_bytes(first(hash.finalize().as_bytes()))
}

/// The id of the replica that has this public key.
pub(crate) fn replica_id(key: &PublicKey) -> ReplicaId {
    ReplicaId::from_bytes(first(&blake3::derive_key(REPLICA_ID, key)))
}

/// Whether this is the replica's key.
pub(crate) fn check_replica(key: &PublicKey, expected: ReplicaId) -> Result<(), KeyError> {
    let found = replica_id(key);
    if found == expected { Ok(()) } else { Err(KeyError::Replica { found, expected }) }
}

fn first(hash: &[u8; KEY_BYTES]) -> [u8; ID_BYTES] {
    core::array::from_fn(|at| hash[at])
}

fn certificate_text(document: DocumentId, key: &PublicKey) -> alloc::vec::Vec<u8> {
    [CERTIFICATE, document.as_bytes(), key].concat()
}

fn access_text(
    document: DocumentId,
    replica: ReplicaId,
    challenge: &[u8; KEY_BYTES],
    address: &str,
) -> alloc::vec::Vec<u8> {
    [ACCESS, document.as_bytes(), replica.as_bytes(), challenge, address.as_bytes()].concat()
}

#[cfg(test)]
mod tests;
