//! Where a log ends.

use quire_crdt::{DocumentId, Header, ID_BYTES, ReplicaId, VersionVector};

use super::{pack, unpack};

/// Where a document's log ends and what it holds.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct LogEnd {
    /// What the log holds: how many units of each replica.
    pub version: VersionVector,
    /// How many envelopes it has: the position of the next one.
    pub head: u64,
    /// How many bytes they have together.
    pub bytes: u64,
}

impl LogEnd {
    /// Takes in one more envelope with this header.
    pub(super) fn extend(&mut self, header: &Header, envelope_bytes: usize) {
        self.version.observe(header.replica, header.end_seq());
        self.head += 1;
        self.bytes += envelope_bytes as u64;
    }

    /// The record: a checksum, then head, bytes and entries of the version vector, integers little-endian.
    pub(super) fn encode(&self, document: DocumentId) -> Vec<u8> {
        let mut content = Vec::with_capacity(16 + self.version.len() * (ID_BYTES + 8));
        content.extend_from_slice(&self.head.to_le_bytes());
        content.extend_from_slice(&self.bytes.to_le_bytes());
        for (replica, count) in self.version.iter() {
            content.extend_from_slice(replica.as_bytes());
            content.extend_from_slice(&count.to_le_bytes());
        }
        pack(document.as_bytes(), &content)
    }

    /// Reads the record of this document; `None` if it is damaged.
    pub(super) fn decode(document: DocumentId, value: &[u8]) -> Option<Self> {
        let content = unpack(document.as_bytes(), value)?;
        let (head, rest) = content.split_first_chunk::<8>()?;
        let (bytes, entries) = rest.split_first_chunk::<8>()?;
        let (entries, remainder) = entries.as_chunks::<{ ID_BYTES + 8 }>();
        let entry = |chunk: &[u8; ID_BYTES + 8]| {
            let (replica, count) = chunk.split_first_chunk::<ID_BYTES>()?;
            Some((ReplicaId::from_bytes(*replica), u64::from_le_bytes(*count.first_chunk::<8>()?)))
        };
        let version = entries.iter().map(entry).collect::<Option<VersionVector>>()?;
        let end = Self { version, head: u64::from_le_bytes(*head), bytes: u64::from_le_bytes(*bytes) };
        remainder.is_empty().then_some(end)
    }
}
