//! What happened in a run: a hash of all of it, so that two runs can be told apart, and the lines that tell it, if somebody reads.

/// What happened so far.
#[derive(Clone, Debug)]
pub struct Story {
    hash: u64,
    lines: Option<Vec<String>>,
}

/// Mixes a number into a hash (the finaliser of `SplitMix64`).
pub const fn mix(hash: u64, number: u64) -> u64 {
    let mut bits = hash.rotate_left(23) ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits ^ (bits >> 27)
}

/// A hash of bytes, the same everywhere. Not for secrets.
pub fn hash_of(bytes: &[u8]) -> u64 {
    let mut hash = bytes.len() as u64;
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        hash = mix(hash, u64::from_le_bytes(*word));
    }
    rest.iter().fold(hash, |hash, byte| mix(hash, u64::from(*byte)))
}

impl Story {
    /// Nothing has happened. The lines are kept only if somebody will read them.
    pub const fn new(is_told: bool) -> Self {
        Self { hash: 0, lines: if is_told { Some(Vec::new()) } else { None } }
    }

    /// Something happened, which these numbers tell from everything else that may happen.
    pub fn note<const N: usize>(&mut self, at_us: u64, numbers: [u64; N], line: impl FnOnce() -> String) {
        self.hash = numbers.into_iter().fold(mix(self.hash, at_us), mix);
        if let Some(lines) = &mut self.lines {
            lines.push(format!("{:>10}.{:06} s  {}", at_us / 1_000_000, at_us % 1_000_000, line()));
        }
    }

    /// Stands for everything that happened.
    pub const fn hash(&self) -> u64 {
        self.hash
    }

    /// The lines.
    pub fn lines(&self) -> &[String] {
        self.lines.as_deref().unwrap_or_default()
    }
}
