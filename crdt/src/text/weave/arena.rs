//! Nodes by number, in chunks: a growing tree neither moves them nor keeps half as much room again.

use alloc::vec::Vec;

/// How many nodes a chunk has.
const CHUNK_NODES: usize = 1 << CHUNK_BITS;
const CHUNK_BITS: u32 = 6;

#[derive(Clone, Debug)]
pub(super) struct Arena<N> {
    chunks: Vec<Vec<N>>,
}

impl<N> Arena<N> {
    pub(super) const fn new() -> Self {
        Self { chunks: Vec::new() }
    }

    pub(super) fn get(&self, id: u32) -> &N {
        &self.chunks[(id >> CHUNK_BITS) as usize][id as usize % CHUNK_NODES]
    }

    pub(super) fn get_mut(&mut self, id: u32) -> &mut N {
        &mut self.chunks[(id >> CHUNK_BITS) as usize][id as usize % CHUNK_NODES]
    }

    /// Adds a node; gives its number.
    pub(super) fn add(&mut self, node: N) -> u32 {
        let id = self.len();
        if self.chunks.last().is_none_or(|chunk| chunk.len() == CHUNK_NODES) {
            // The first nodes of a small document need no whole chunk.
            let room = if self.chunks.is_empty() { 1 } else { CHUNK_NODES };
            self.chunks.push(Vec::with_capacity(room));
        }
        if let Some(chunk) = self.chunks.last_mut() {
            chunk.push(node);
        }
        id
    }

    /// How many nodes there are; the next one's number.
    pub(super) fn len(&self) -> u32 {
        let last = self.chunks.last().map_or(0, |chunk| (self.chunks.len() - 1) * CHUNK_NODES + chunk.len());
        // Memory ends long before the numbers do: a node has more than a hundred bytes.
        u32::try_from(last).unwrap_or(u32::MAX)
    }
}
