//! Reading a store whole and comparing it with itself.

use std::collections::BTreeMap;

use bytes::Bytes;
use quire_crdt::{Delivery, DocumentId, Envelope, ID_BYTES, classify};
use redb::{ReadableDatabase, ReadableTable};

use super::{ENDS, ENTRIES, KEY_BYTES, Log, LogEnd, StoreError, key, unpack};

/// What a store holds.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct LogSummary {
    /// Documents with at least one change.
    pub documents: u64,
    /// Changes of all documents.
    pub changes: u64,
    /// Bytes of their envelopes.
    pub bytes: u64,
}

impl Log {
    /// Reads everything: every checksum holds, every log is complete and causally closed, and ends where its record says.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] with the first place where that is not so.
    pub fn verify(&self) -> Result<LogSummary, StoreError> {
        self.guarded(|| {
            let read = self.db.begin_read()?;
            let mut ends: BTreeMap<DocumentId, LogEnd> = BTreeMap::new();
            for entry in read.open_table(ENTRIES)?.iter()? {
                let (found, value) = entry?;
                self.verify_entry(&mut ends, found.value(), value.value())?;
            }
            let mut recorded = 0;
            for record in read.open_table(ENDS)?.iter()? {
                let (document, value) = record?;
                let document = DocumentId::from_bytes(*document.value());
                let end = LogEnd::decode(document, value.value()).ok_or_else(|| self.damaged_end(document))?;
                if ends.get(&document) != Some(&end) {
                    return Err(self.damaged_end(document));
                }
                recorded += 1;
            }
            if recorded != ends.len() {
                return Err(self.damaged("a log without a record of where it ends".to_owned()));
            }
            let (changes, bytes) = ends.values().fold((0, 0), |sum, end| (sum.0 + end.head, sum.1 + end.bytes));
            Ok(LogSummary { documents: recorded as u64, changes, bytes })
        })
    }

    fn verify_entry(
        &self,
        ends: &mut BTreeMap<DocumentId, LogEnd>,
        found: &[u8; KEY_BYTES],
        value: &[u8],
    ) -> Result<(), StoreError> {
        let document = found
            .first_chunk::<ID_BYTES>()
            .map_or_else(|| DocumentId::from_bytes([0; 16]), |id| DocumentId::from_bytes(*id));
        let end = ends.entry(document).or_default();
        let position = end.head;
        let damaged = || self.damaged(format!("document {document}: the entry at position {position}"));
        let bytes = unpack(found, value).filter(|_| *found == key(document, position)).ok_or_else(damaged)?;
        let envelope = Envelope::decode(Bytes::copy_from_slice(bytes)).map_err(|_| damaged())?;
        match classify(envelope.header(), &end.version) {
            Ok(Delivery::Delivered) if envelope.document() == document => {
                end.extend(envelope.header(), bytes.len());
                Ok(())
            }
            _ => Err(damaged()),
        }
    }
}
