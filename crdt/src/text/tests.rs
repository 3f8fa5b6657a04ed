//! Whole texts: data in, data out. The nodes are tiny here, so that small texts take every path.

mod convergence;
mod editing;
mod naive;

use alloc::vec::Vec;

use super::*;
use crate::id::ReplicaId;

const A: ReplicaId = ReplicaId::from_bytes([0xa; 16]);
const B: ReplicaId = ReplicaId::from_bytes([0xb; 16]);
const C: ReplicaId = ReplicaId::from_bytes([0xc; 16]);

/// Marsaglia's xorshift: the same numbers for the same seed, everywhere.
struct Rng(u64);

impl Rng {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `limit`, which is not 0.
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).unwrap()
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

/// All of the visible text.
fn shown(text: &Text) -> String {
    text.slice(0..usize::MAX)
}

/// Every character ever inserted, in order, and whether it is deleted.
fn characters(text: &Text) -> Vec<(OpId, bool)> {
    text.runs().flat_map(|run| (0..run.len).map(move |offset| (run.first.plus(offset), run.deleted))).collect()
}
