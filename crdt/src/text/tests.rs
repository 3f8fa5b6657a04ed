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

impl Text {
    /// Inserts an own run.
    fn type_in(&mut self, at: usize, first: OpId, text: &str) {
        self.insert(at, first, text, text.chars().count());
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

/// Deletes a range; gives what was deleted.
fn delete(text: &mut Text, range: Range<usize>) -> Vec<Run> {
    let mut parts = Vec::new();
    text.delete(range, |first, len| parts.push((first, len)));
    parts.into_iter().flat_map(|(first, len)| text.runs_of(first, len, true).collect::<Vec<_>>()).collect()
}

/// Deletes characters as another replica asks for it.
fn integrate_delete(text: &mut Text, first: OpId, len: u64) -> Vec<Splice> {
    let (mut splices, mut next, mut left) = (Vec::new(), first, usize::try_from(len).unwrap());
    while let Some((unit, run)) = text.units().run(next).filter(|_| left > 0) {
        let part = run.min(left);
        text.integrate_delete(unit, part, |splice| splices.push(splice));
        (next, left) = (next.plus(part as u64), left - part);
    }
    splices
}

/// The number of a character.
fn unit(text: &Text, id: OpId) -> Unit {
    text.units().unit(id).unwrap()
}

/// The origins that a character was inserted with.
fn origins(text: &Text, id: OpId) -> (Option<OpId>, Option<OpId>) {
    let unit = unit(text, id);
    let id = |unit: Option<Unit>| unit.map(|unit| text.units().id(unit));
    (id(text.inserted().left(unit)), id(text.inserted().right(unit)))
}
