//! What all fuzz targets share: an allocator that refuses more than a decoder may take.

use std::alloc::System;

use cap::Cap;

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

/// What a target may take at once, its own copies included: so many bytes for each byte of the input, and so many beside.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// For each byte of the input.
    pub per_byte: usize,
    /// Beside that.
    pub beside: usize,
}

/// For what is not compressed.
pub const PLAIN: Memory = Memory { per_byte: 1 << 10, beside: 8 << 20 };

/// For what may be compressed: 64 times the bytes and 1 MiB, and 128 times that, twice.
pub const COMPRESSED: Memory = Memory { per_byte: 2 * 64 * 128, beside: 2 * 128 << 20 };

/// Runs a target on this input; it ends the process when the target takes too much memory at once.
///
/// # Panics
/// When the target does.
pub fn bounded(data: &[u8], memory: Memory, target: fn(&[u8])) {
    let limit = ALLOCATOR.allocated() + data.len() * memory.per_byte + memory.beside;
    assert!(ALLOCATOR.set_limit(limit).is_ok(), "a limit is above what was just counted");
    target(data);
    assert!(ALLOCATOR.set_limit(usize::MAX).is_ok(), "everything may be taken again");
}
