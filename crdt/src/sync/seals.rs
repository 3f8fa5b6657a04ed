//! What a replica keeps of the proofs that came with others' changes, so that it can prove them to the next relay.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::change::Header;
use crate::id::ReplicaId;
use crate::keys::{Certificate, PublicKey, SIGNATURE_BYTES};
use crate::sealed::{Author, ChainHash};

/// The proof that came with one change.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Seal {
    /// What is known of the author with the change.
    pub author: Author,
    /// That the author may write; with its first change only.
    pub certificate: Option<Certificate>,
    /// The author's signature, unless a later one of the run vouches for the change.
    pub signature: Option<[u8; SIGNATURE_BYTES]>,
}

impl Seal {
    /// The bytes that it is stored as: what is known of the author; 0, or 1 and a signature; 0, or 1 and a certificate's signature.
    pub fn to_bytes(&self) -> Vec<u8> {
        let option = |signature: Option<&[u8; SIGNATURE_BYTES]>| {
            signature.map_or_else(|| Vec::from([0]), |signature| [&[1][..], signature].concat())
        };
        let certificate = self.certificate.as_ref().map(|certificate| &certificate.signature);
        [self.author.to_bytes(), option(self.signature.as_ref()), option(certificate)].concat()
    }

    /// What was stored as these bytes; `None` if nothing was.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        fn option(bytes: &[u8]) -> Option<(Option<[u8; SIGNATURE_BYTES]>, &[u8])> {
            match bytes.split_first()? {
                (0, rest) => Some((None, rest)),
                (1, rest) => rest.split_first_chunk().map(|(signature, rest)| (Some(*signature), rest)),
                _ => None,
            }
        }
        let (author, rest) = bytes.split_at_checked(Author::BYTES)?;
        let author = Author::from_bytes(author)?;
        let (signature, rest) = option(rest)?;
        let (certificate, rest) = option(rest)?;
        let certificate = certificate.map(|signature| Certificate { key: author.key, signature });
        rest.is_empty().then_some(Self { author, certificate, signature })
    }
}

/// The proofs of all changes of a document that others made, and how far the own chain is known.
///
/// # Cost
/// About 110 bytes for each change, and 250 for each author.
#[derive(Clone, Debug, Default)]
pub struct Seals {
    authors: BTreeMap<ReplicaId, AuthorSeals>,
    own: Option<Author>,
}

#[derive(Clone, Debug)]
struct AuthorSeals {
    key: PublicKey,
    certificate: Option<Certificate>,
    /// By the number of the author's units with the change: its hash, and its signature.
    changes: BTreeMap<u64, (ChainHash, Option<[u8; SIGNATURE_BYTES]>)>,
}

impl Seals {
    /// Keeps the proof of a change of this author, and the signature that came with it earlier, if there was one: the same change may come
    /// again as part of a run. O(log n).
    pub fn insert(&mut self, replica: ReplicaId, seal: &Seal) {
        let author = self.authors.entry(replica).or_insert_with(|| AuthorSeals {
            key: seal.author.key,
            certificate: None,
            changes: BTreeMap::new(),
        });
        author.certificate = author.certificate.or(seal.certificate);
        let known = author.changes.get(&seal.author.count).filter(|(hash, _)| *hash == seal.author.hash);
        let signature = seal.signature.or_else(|| known.and_then(|(_, signature)| *signature));
        author.changes.insert(seal.author.count, (seal.author.hash, signature));
    }

    /// The proof of the change that goes from so many units of an author to so many.
    pub(super) fn get(&self, replica: ReplicaId, first_seq: u64, count: u64) -> Option<Seal> {
        let author = self.authors.get(&replica)?;
        let (hash, signature) = *author.changes.get(&count)?;
        let certificate = author.certificate.filter(|_| first_seq == 0);
        Some(Seal { author: Author { key: author.key, count, hash }, certificate, signature })
    }

    /// Whether this change is the last of its run. One without a proof is taken for one: sealing it says what is wrong.
    pub(super) fn is_end(&self, header: &Header) -> bool {
        let seal = self.get(header.replica, header.first_seq, header.end_seq());
        seal.is_none_or(|seal| seal.signature.is_some())
    }

    /// What is known of an author with so many of its units, if one of its changes ends there.
    pub(super) fn author(&self, replica: ReplicaId, count: u64) -> Option<Author> {
        self.get(replica, 0, count).map(|seal| seal.author)
    }

    /// The own chain reaches so far, and a relay has confirmed it.
    pub const fn set_own(&mut self, own: Author) {
        self.own = Some(own);
    }

    /// Nothing is known of the own chain: it is another replica's.
    pub(super) const fn forget_own(&mut self) {
        self.own = None;
    }

    /// How far the own chain is known, if it is.
    pub const fn own(&self) -> Option<&Author> {
        self.own.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_kept_when_its_change_comes_again_inside_a_run() {
        let author = Author { key: [1; 32], count: 7, hash: [2; 32] };
        let signed = Seal { author, certificate: None, signature: Some([4; 64]) };
        let (replica, mut seals) = (ReplicaId::from_bytes([9; 16]), Seals::default());
        seals.insert(replica, &signed);
        seals.insert(replica, &Seal { signature: None, ..signed });
        assert_eq!(seals.get(replica, 3, 7), Some(signed));
    }

    #[test]
    fn a_seal_reads_back_and_nothing_else_does() {
        let author = Author { key: [1; 32], count: 7, hash: [2; 32] };
        let certificate = Certificate { key: [1; 32], signature: [3; 64] };
        for certificate in [None, Some(certificate)] {
            for signature in [None, Some([4; 64])] {
                let seal = Seal { author, certificate, signature };
                let bytes = seal.to_bytes();
                assert_eq!(Seal::from_bytes(&bytes), Some(seal));
                assert_eq!(Seal::from_bytes(&[&bytes[..], &[0]].concat()), None);
                (0..bytes.len()).for_each(|end| assert_eq!(Seal::from_bytes(&bytes[..end]), None, "{end} bytes"));
            }
        }
    }
}
