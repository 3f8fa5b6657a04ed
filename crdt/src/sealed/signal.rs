//! What a replica says of itself, best effort: sealed for whoever may read the document, and signed, so that nobody speaks for another.

use alloc::vec::Vec;

use chacha20poly1305::aead::{AeadInPlace, KeyInit};
use chacha20poly1305::{Tag, XChaCha20Poly1305, XNonce};

use super::{NONCE_BYTES, TAG_BYTES};
use crate::id::ReplicaId;
use crate::keys::{self, DocumentKeys, KEY_BYTES, ReplicaKey, SIGNATURE_BYTES};

const SIGNAL: &[u8] = b"quire v1 signal";

/// The version of the layout.
const SIGNAL_VERSION: u8 = 1;

/// What a signal is about.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum SignalKind {
    /// Who is where.
    Presence,
    /// What a replica holds.
    Digest,
}

impl SignalKind {
    const fn byte(self) -> u8 {
        match self {
            Self::Presence => 0,
            Self::Digest => 1,
        }
    }
}

/// What the seal covers besides the text.
fn associated(keys: &DocumentKeys, replica: ReplicaId, kind: SignalKind, number: u64) -> Vec<u8> {
    let number = number.to_be_bytes();
    [SIGNAL, keys.document().as_bytes(), replica.as_bytes(), &[kind.byte()], &number].concat()
}

/// Seals what `replica` says. `number` must grow with each signal of this kind.
///
/// # Cost
/// O(n), and one signature, about 20 µs. The result is 145 bytes longer.
pub fn seal_signal(keys: &DocumentKeys, replica: &ReplicaKey, kind: SignalKind, number: u64, text: &[u8]) -> Vec<u8> {
    let associated = associated(keys, replica.id(), kind, number);
    let mut hash = blake3::Hasher::new_keyed(keys.nonce.bytes());
    let hash = hash.update(&associated).update(text).finalize();
    let nonce: [u8; NONCE_BYTES] = core::array::from_fn(|at| hash.as_bytes()[at]);
    let mut sealed = text.to_vec();
    let cipher = XChaCha20Poly1305::new(keys.signal.bytes().into());
    // Only what is longer than 256 GiB cannot be sealed; what is empty says nothing.
    let Ok(tag) = cipher.encrypt_in_place_detached(XNonce::from_slice(&nonce), &associated, &mut sealed) else {
        return Vec::new();
    };
    let body = [&nonce[..], &sealed, &tag].concat();
    let signature = replica.sign(&[&associated[..], &body].concat());
    [&[SIGNAL_VERSION][..], &replica.public(), &number.to_be_bytes(), &body, &signature].concat()
}

/// Opens what is said to be a signal of `replica`: its number and its text. `None` if it is not, was altered, or was said by somebody
/// who cannot read the document.
///
/// # Cost
/// O(n), and one verification, about 50 µs.
pub fn open_signal(keys: &DocumentKeys, replica: ReplicaId, kind: SignalKind, sealed: &[u8]) -> Option<(u64, Vec<u8>)> {
    let (&[version], rest) = sealed.split_first_chunk::<1>()?;
    let (key, rest) = rest.split_first_chunk::<KEY_BYTES>()?;
    let (number, rest) = rest.split_first_chunk::<8>()?;
    let (body, signature) = rest.split_last_chunk::<SIGNATURE_BYTES>()?;
    let number = u64::from_be_bytes(*number);
    let associated = associated(keys, replica, kind, number);
    let is_theirs = version == SIGNAL_VERSION
        && keys::replica_id(key) == replica
        && keys::verify(key, &[&associated[..], body].concat(), signature);
    let (nonce, text) = body.split_first_chunk::<NONCE_BYTES>().filter(|_| is_theirs)?;
    let (text, tag) = text.split_last_chunk::<TAG_BYTES>()?;
    let mut text = text.to_vec();
    let cipher = XChaCha20Poly1305::new(keys.signal.bytes().into());
    let (nonce, tag) = (XNonce::from_slice(nonce), Tag::from_slice(tag));
    cipher.decrypt_in_place_detached(nonce, &associated, &mut text, tag).ok()?;
    Some((number, text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{ReplicaSeed, RootSecret};

    fn keys(secret: u8) -> DocumentKeys {
        DocumentKeys::editor(&RootSecret::from_bytes([secret; 16]))
    }

    fn replica(seed: u8) -> ReplicaKey {
        ReplicaKey::new(&ReplicaSeed::from_bytes([seed; 32]))
    }

    #[test]
    fn a_signal_says_who_and_opens_for_readers_alone() {
        let (keys, ana) = (keys(1), replica(1));
        let viewer = DocumentKeys::viewer(keys.read().clone(), *keys.write_public()).unwrap();
        let sealed = seal_signal(&viewer, &ana, SignalKind::Presence, 7, b"here");
        assert_eq!(sealed.len(), 4 + 145);
        let open = |keys: &DocumentKeys, id, kind| open_signal(keys, id, kind, &sealed);
        assert_eq!(open(&keys, ana.id(), SignalKind::Presence), Some((7, b"here".to_vec())));
        assert_eq!(open(&keys, replica(2).id(), SignalKind::Presence), None);
        assert_eq!(open(&keys, ana.id(), SignalKind::Digest), None);
        assert_eq!(open(&self::keys(2), ana.id(), SignalKind::Presence), None);
        for bit in 0..8 * sealed.len() {
            let mut flipped = sealed.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(open_signal(&keys, ana.id(), SignalKind::Presence, &flipped), None, "bit {bit}");
        }
        for end in 0..sealed.len() {
            assert_eq!(open_signal(&keys, ana.id(), SignalKind::Presence, &sealed[..end]), None, "{end} bytes");
        }
    }
}
