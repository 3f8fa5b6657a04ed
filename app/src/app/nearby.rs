//! What others write near the caret, in words that a screen reader says in a pause.

use quire_crdt::{Patch, ReplicaId};

/// How near, in chars.
const NEAR_CHARS: usize = 200;

/// How long after the last such change somebody counts as writing, in microseconds.
const STAYS_US: u64 = 3_000_000;

/// Who writes near the caret.
#[derive(Debug, Default)]
pub(super) struct Nearby {
    words: String,
    until_us: u64,
}

impl Nearby {
    /// Takes in changes of the text: the last of somebody else's that touched what is near the caret counts.
    pub(super) fn note(
        &mut self,
        now_us: u64,
        caret: usize,
        own: ReplicaId,
        patches: &[Patch],
        name: impl Fn(ReplicaId) -> String,
    ) {
        let is_near = |patch: &&Patch| {
            let (start, end) = (patch.splice.at, patch.splice.at + patch.splice.inserted);
            patch.author != own && start <= caret + NEAR_CHARS && caret <= end + NEAR_CHARS
        };
        let Some(patch) = patches.iter().rev().find(is_near) else { return };
        self.words = format!("{} writes near your caret.", name(patch.author));
        self.until_us = now_us.saturating_add(STAYS_US);
    }

    /// What there is to say; empty: nothing.
    pub(super) fn words(&mut self, now_us: u64) -> &str {
        if now_us >= self.until_us {
            self.words.clear();
        }
        &self.words
    }

    /// When there is nothing more to say, on the monotonic clock in microseconds.
    pub(super) fn next_timer_us(&self) -> Option<u64> {
        (!self.words.is_empty()).then_some(self.until_us)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quire_crdt::Splice;

    #[test]
    fn only_others_near_the_caret_are_named_and_only_for_a_while() {
        let (own, ana) = (ReplicaId::from_bytes([1; 16]), ReplicaId::from_bytes([2; 16]));
        let patch = |author, at, inserted| Patch { splice: Splice { at, deleted: 0, inserted }, author };
        let mut nearby = Nearby::default();
        let ana_s = |_| "Ana".to_owned();
        nearby.note(10, 1000, own, &[patch(own, 1000, 1), patch(ana, 0, 700), patch(ana, 1300, 1)], ana_s);
        assert_eq!(nearby.words(10), "");
        assert_eq!(nearby.next_timer_us(), None);
        nearby.note(10, 1000, own, &[patch(ana, 100, 800)], ana_s);
        assert_eq!(nearby.words(11), "Ana writes near your caret.");
        let until_us = nearby.next_timer_us().expect("it goes");
        assert_eq!(nearby.words(until_us), "");
        assert_eq!(nearby.next_timer_us(), None);
    }
}
