//! Fingerprints of bytes that are put together from those of their parts.
//!
//! Karp and Rabin, *Efficient randomized pattern-matching algorithms*, IBM Journal of Research and Development 31(2), 1987. The
//! base is the same everywhere: whoever wants two texts with one fingerprint can make them. It finds mistakes, not forgers.

use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering};

/// 2⁶¹ − 1, a prime.
const PRIME: u64 = (1 << 61) - 1;

/// What a byte's place counts.
const BASE: u64 = 0x0e4c_51a7_93d6_0b2f;

/// So many bytes are taken in at once.
const BLOCK_BYTES: usize = 8;

/// The powers of the base, from 0 on.
const POWERS: [u64; BLOCK_BYTES + 1] = powers();

/// What a document holds at some version, told by two numbers: replicas that delivered the same changes have the same ones,
/// however they store it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct StateDigest {
    /// The fingerprint of the visible text.
    pub text: u64,
    /// The fingerprint of the map, with everything that stands at each key.
    pub map: u64,
}

impl fmt::Display for StateDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}{:016x}", self.text, self.map)
    }
}

/// The fingerprint of a stretch of bytes b₀ … bₙ₋₁: the sum of (bᵢ + 1) · BASEⁿ⁻¹⁻ⁱ modulo [`PRIME`].
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Fingerprint {
    sum: u64,
    bytes: usize,
}

impl Fingerprint {
    /// That of these bytes.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let mut print = Self::default();
        print.push(bytes);
        print
    }

    /// Takes in bytes behind. O(n).
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len();
        let mut blocks = bytes.chunks_exact(BLOCK_BYTES);
        for block in &mut blocks {
            let places = POWERS[..BLOCK_BYTES].iter().rev();
            // Each product has at most 70 bits.
            let sum: u128 = block.iter().zip(places).map(|(byte, place)| product(u64::from(*byte) + 1, *place)).sum();
            self.sum = reduce(product(self.sum, POWERS[BLOCK_BYTES]) + sum);
        }
        for byte in blocks.remainder() {
            self.sum = reduce(product(self.sum, BASE) + u128::from(*byte) + 1);
        }
    }

    /// Takes in a number, in eight bytes.
    pub(crate) fn push_number(&mut self, number: u64) {
        self.push(&number.to_be_bytes());
    }

    /// Takes in a stretch that stands behind. O(log n) in its bytes.
    pub(crate) fn append(&mut self, sum: u64, bytes: usize) {
        self.sum = reduce(product(self.sum, power(bytes)) + u128::from(sum));
        self.bytes += bytes;
    }

    /// The number.
    pub(crate) const fn sum(&self) -> u64 {
        self.sum
    }
}

/// A fingerprint's number that was found once and holds until it is forgotten. It says nothing that is not known: what remembers
/// it equals what does not.
#[derive(Debug)]
pub(crate) struct Remembered(AtomicU64);

impl Remembered {
    /// No fingerprint has it: all are below [`PRIME`].
    const NONE: u64 = u64::MAX;

    /// Nothing is remembered.
    pub(crate) const fn nothing() -> Self {
        Self(AtomicU64::new(Self::NONE))
    }

    /// What it was found for has changed.
    pub(crate) fn forget(&mut self) {
        *self.0.get_mut() = Self::NONE;
    }

    /// What is remembered, or what is found now.
    pub(crate) fn or_find(&self, find: impl FnOnce() -> u64) -> u64 {
        let known = self.0.load(Ordering::Relaxed);
        if known != Self::NONE {
            return known;
        }
        let found = find();
        // Whoever finds it at the same time finds the same.
        self.0.store(found, Ordering::Relaxed);
        found
    }
}

impl Default for Remembered {
    fn default() -> Self {
        Self::nothing()
    }
}

impl Clone for Remembered {
    fn clone(&self) -> Self {
        Self(AtomicU64::new(self.0.load(Ordering::Relaxed)))
    }
}

impl PartialEq for Remembered {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Remembered {}

const fn product(a: u64, b: u64) -> u128 {
    a as u128 * b as u128
}

/// A number below 2¹²⁴ modulo [`PRIME`].
#[expect(clippy::cast_possible_truncation, reason = "the lower bits, and what is left of fewer than 124 without them")]
const fn reduce(number: u128) -> u64 {
    let folded = (number as u64 & PRIME) + (number >> 61) as u64;
    let folded = (folded & PRIME) + (folded >> 61);
    if folded >= PRIME { folded - PRIME } else { folded }
}

const fn powers() -> [u64; BLOCK_BYTES + 1] {
    let mut powers = [1; BLOCK_BYTES + 1];
    let mut at = 1;
    while at < powers.len() {
        powers[at] = reduce(product(powers[at - 1], BASE));
        at += 1;
    }
    powers
}

/// A power of the base, by squaring.
const fn power(mut exponent: usize) -> u64 {
    let (mut power, mut square) = (1, BASE);
    while exponent > 0 {
        if exponent & 1 == 1 {
            power = reduce(product(power, square));
        }
        square = reduce(product(square, square));
        exponent >>= 1;
    }
    power
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    /// As the definition says it, a byte at a time.
    fn naive(bytes: &[u8]) -> u64 {
        let sum =
            bytes.iter().fold(0, |sum, byte| (sum * u128::from(BASE) + u128::from(*byte) + 1) % u128::from(PRIME));
        u64::try_from(sum).unwrap()
    }

    #[test]
    fn blocks_and_parts_give_what_single_bytes_give() {
        let bytes: Vec<u8> =
            (0..700_u32).map(|at| (at.wrapping_mul(0x9e37_79b9) >> 24) as u8).chain([0xff; 40]).collect();
        for end in 0..bytes.len() {
            assert_eq!(Fingerprint::of(&bytes[..end]).sum(), naive(&bytes[..end]), "{end} bytes");
        }
        for cut in 0..bytes.len() {
            let (mut whole, behind) = (Fingerprint::of(&bytes[..cut]), Fingerprint::of(&bytes[cut..]));
            whole.append(behind.sum(), behind.bytes);
            assert_eq!(whole, Fingerprint::of(&bytes), "cut at {cut}");
        }
    }

    #[test]
    fn every_byte_and_its_place_count() {
        let sums = [&b""[..], b"\0", b"\0\0", b"ab", b"ba", b"ab\0"].map(|bytes| Fingerprint::of(bytes).sum());
        let mut apart = sums.to_vec();
        apart.sort_unstable();
        apart.dedup();
        assert_eq!(apart.len(), sums.len());
    }

    #[test]
    fn a_reduced_number_is_the_rest() {
        for number in [0, 1, u128::from(PRIME), u128::from(PRIME) + 1, (1 << 124) - 1, product(PRIME - 1, PRIME - 1)] {
            assert_eq!(u128::from(reduce(number)), number % u128::from(PRIME), "{number}");
        }
    }

    #[test]
    fn what_a_document_holds_is_shown_in_32_digits() {
        use alloc::string::ToString;
        assert_eq!(StateDigest { text: 0xab, map: 1 }.to_string(), "00000000000000ab0000000000000001");
    }
}
