//! Which documents are linked without being looked at.

use quire_crdt::DocumentId;

use super::Session;
use crate::shell::store::DocumentRecord;

/// The most documents that are linked without being looked at: those that were edited last.
pub const BACKGROUND_LINKS_MAX: usize = 16;

/// The most documents that are linked in the background because they were never in step with their relay.
const ARRIVING_LINKS_MAX: usize = 8;

/// For how long such a document is linked while others wait, in microseconds.
const ARRIVING_TURN_US: u64 = 60_000_000;

impl Session {
    /// The documents that are linked without being looked at: the library's list; of those that are shared and not put away, the ones
    /// that were edited last, here or on another device of this library; and, of a library on several devices, a few that were never in step with their relay. None in a
    /// session that was not opened to be on line. O(n log n).
    pub(super) fn background(&self) -> Vec<DocumentId> {
        if !self.options.online {
            return Vec::new();
        }
        let documents = || self.records.iter().filter(|(_, record)| record.is_shared() && !record.is_library());
        let edited_us = |id: &DocumentId, record: &DocumentRecord| record.edited_us.max(self.listing.edited_us(*id));
        let newest = documents().filter(|(_, record)| !record.archived);
        let mut newest: Vec<_> = newest.map(|(id, record)| (edited_us(id, record), *id)).collect();
        newest.sort_unstable_by_key(|(edited_us, _)| std::cmp::Reverse(*edited_us));
        newest.truncate(BACKGROUND_LINKS_MAX);
        let newest: Vec<DocumentId> = newest.into_iter().map(|(_, id)| id).collect();
        let has_list = self.listing.document.is_some();
        let is_new =
            |(id, record): &(&DocumentId, &DocumentRecord)| has_list && record.resume.is_none() && !newest.contains(id);
        let mut arriving: Vec<DocumentId> = documents().filter(is_new).map(|(id, _)| *id).collect();
        if arriving.len() > ARRIVING_LINKS_MAX {
            // Those whose relay does not answer make way for the others after a while.
            let turn = self.now().monotonic_us / ARRIVING_TURN_US * ARRIVING_LINKS_MAX as u64;
            let first = usize::try_from(turn % arriving.len() as u64).unwrap_or(0);
            arriving.rotate_left(first);
            arriving.truncate(ARRIVING_LINKS_MAX);
        }
        let list = self.listing.document.into_iter();
        list.chain(newest).chain(arriving).collect()
    }
}
