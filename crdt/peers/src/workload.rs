//! Edits that nobody wrote: by chance, from a fixed seed.

use ropey::Rope;

use crate::edits::Edits;

/// How many edits a hard workload has, and how many each side of a merge.
pub const EDITS: usize = 100_000;

/// A workload: its name, its edits, all of them ASCII, and the text that comes of them.
#[derive(Clone, Debug)]
pub struct Workload {
    /// Its name.
    pub name: &'static str,
    /// Its edits.
    pub edits: Edits,
    /// The text at the end.
    pub end: String,
}

/// Numbers by chance: splitmix64 (Steele, Lea and Flood, OOPSLA 2014).
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// From a seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `bound`, which is not 0.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let product = u128::from(mixed ^ (mixed >> 31)) * bound as u128;
        usize::try_from(product >> 64).unwrap_or(0)
    }

    fn letter(&mut self) -> &'static str {
        let at = self.below(LETTERS.len());
        &LETTERS[at..=at]
    }
}

const LETTERS: &str = "abcdefghijklmnopqrstuvwxyz";

/// The hard ones.
pub fn hard() -> [Workload; 3] {
    [insert_at_start(), named("random-inserts", random_inserts(EDITS, 1)), random_inserts_and_deletes()]
}

/// Characters, each typed anywhere in those before it.
pub fn random_inserts(count: usize, seed: u64) -> Edits {
    let mut chance = Chance::new(seed);
    let mut edits = Edits::default();
    for len in 0..count {
        edits.push(chance.below(len + 1), 0, chance.letter());
    }
    edits
}

/// By turns, a character typed anywhere and one deleted anywhere, in a text of `len` characters.
pub fn inserts_and_deletes(len: usize, count: usize, seed: u64) -> Edits {
    let mut edits = Edits::default();
    push_inserts_and_deletes(&mut edits, len, count, seed);
    edits
}

/// The text that comes of edits that start with nothing.
pub fn end(edits: &Edits) -> String {
    let mut rope = Rope::new();
    for edit in edits.iter() {
        rope.remove(edit.at..edit.at + edit.deleted);
        rope.insert(edit.at, edit.inserted);
    }
    rope.to_string()
}

fn insert_at_start() -> Workload {
    let mut chance = Chance::new(2);
    let mut edits = Edits::default();
    for _ in 0..EDITS {
        edits.push(0, 0, chance.letter());
    }
    named("insert-at-start", edits)
}

/// The text that they are made in is pasted in one edit before them.
fn random_inserts_and_deletes() -> Workload {
    let mut chance = Chance::new(3);
    let mut edits = Edits::default();
    let pasted: String = (0..EDITS).map(|_| chance.letter()).collect();
    edits.push(0, 0, &pasted);
    push_inserts_and_deletes(&mut edits, EDITS, EDITS, 4);
    named("random-inserts-deletes", edits)
}

fn push_inserts_and_deletes(edits: &mut Edits, len: usize, count: usize, seed: u64) {
    let mut chance = Chance::new(seed);
    for turn in 0..count {
        if turn % 2 == 0 {
            edits.push(chance.below(len + 1), 0, chance.letter());
        } else {
            edits.push(chance.below(len + 1), 1, "");
        }
    }
}

fn named(name: &'static str, edits: Edits) -> Workload {
    Workload { name, end: end(&edits), edits }
}
