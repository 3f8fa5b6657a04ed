//! Which changes of a log travel together.

use alloc::vec::Vec;

use super::seals::Seals;
use crate::document::Log;

/// The positions of another author's change and of those behind it that end with the first whose signature is here: the rest of its
/// [run](crate::sealed). They stand in the order in which they were made, as a rule side by side; what was written here while a run came in
/// stands between them. `None` when the end of the run is not here, below `end`. Without `seals` each change is a run.
///
/// O(entries up to its end).
pub(super) fn run_at(log: &Log<'_>, end: usize, seals: Option<&Seals>, position: usize) -> Option<Vec<usize>> {
    let replica = log.header(position)?.replica;
    let mut run = Vec::new();
    for position in position..end {
        let Some(header) = log.header(position).filter(|header| header.replica == replica) else { continue };
        run.push(position);
        if seals.is_none_or(|seals| seals.is_end(&header)) {
            return Some(run);
        }
    }
    None
}
