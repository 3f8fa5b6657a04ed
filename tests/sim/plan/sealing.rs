//! Which plans have sealed links, and what is done to those. It is drawn apart from everything else, so that a plan without seals is what
//! it was before there were any, and one with seals is that plan, sealed.

use super::{Act, Mask, Plan, Timed};
use crate::rng::Rng;

/// With this one, none of the seeds that had found something before links were sealed are.
const STREAM: u64 = 0x5175_6972_6500_010a;

/// How many of 100 plans are sealed.
const SEALED_PERCENT: usize = 35;

/// The most messages that are tampered with.
const ATTACKS_MAX: usize = 40;

/// How long behind some other act one of these comes at most, in microseconds.
const BEHIND_US: u64 = 3_000_000;

/// What a plan has whose links are sealed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Sealing {
    /// The devices that have no more than a viewer's link.
    pub viewers: Mask,
    /// What the strangers have.
    pub strangers: Holds,
}

/// What a stranger has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Holds {
    /// The document's id.
    Id,
    /// A viewer's link; it writes all the same.
    Viewer,
    /// An editor's link.
    Editor,
}

/// What somebody does who stands between a device and its relay, or is that relay: he reads a viewer's link.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Attack {
    /// Alters a bit of the next message.
    Alter,
    /// Leaves out its end.
    Truncate,
    /// Leaves it out.
    Drop,
    /// Passes it on twice.
    Twice,
    /// Passes it on behind the one that comes next.
    Swap,
    /// Says in front of it what was said on some link before.
    Replay,
    /// Says random bytes in front of it.
    Bytes,
    /// Says in front of it what only this end can say, and makes up what.
    Lie,
    /// Says in front of it a change that somebody wrote before, in this document or another one, in the way of this link.
    Splice,
    /// Says in front of it a change of his own, with a certificate that he made himself.
    Forge,
    /// Says in front of it a change of his own, in the name of one of the devices.
    Impersonate,
    /// Alters a bit of the next change and says it in the way of the link.
    AlterChange,
    /// Leaves out the next change, and goes on as if it had never been.
    DropChange,
    /// Shows the device another world from now on: it gets the changes of half of the authors.
    Part,
}

/// All attacks.
const ATTACKS: [Attack; 14] = [
    Attack::Alter,
    Attack::Truncate,
    Attack::Drop,
    Attack::Twice,
    Attack::Swap,
    Attack::Replay,
    Attack::Bytes,
    Attack::Lie,
    Attack::Splice,
    Attack::Forge,
    Attack::Impersonate,
    Attack::AlterChange,
    Attack::DropChange,
    Attack::Part,
];

impl Plan {
    /// Seals it, or not.
    pub(super) fn seal(&mut self) {
        let mut rng = Rng::new(self.seed ^ STREAM);
        if !rng.chance(SEALED_PERCENT) {
            return;
        }
        let viewers = if rng.chance(40) { rng.next_u64() & rng.next_u64() & !1 } else { 0 };
        let strangers = [Holds::Id, Holds::Viewer, Holds::Editor][rng.below(3)];
        self.sealed = Some(Sealing { viewers, strangers });
        if rng.chance(60) {
            self.tamper(&mut rng);
        }
    }

    /// Somebody tampers with links of one device, or of several.
    fn tamper(&mut self, rng: &mut Rng) {
        let kinds: Vec<Attack> = ATTACKS.into_iter().filter(|_| rng.chance(40)).collect();
        let victims = 1 + rng.below(self.devices.len());
        let down_percent = [20, 50, 80][rng.below(3)];
        for _ in 0..=rng.below(ATTACKS_MAX) {
            let (Some(attack), Some(after)) = (rng.pick(&kinds), rng.pick(&self.acts)) else { return };
            let at_us = after.at_us + rng.next_u64() % BEHIND_US;
            let act = Act::Tamper { device: rng.below(victims), up: !rng.chance(down_percent), attack: *attack };
            self.acts.push(Timed { at_us, act });
        }
        self.acts.sort_by_key(|timed| timed.at_us);
    }
}
