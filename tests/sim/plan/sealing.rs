//! Which plans have sealed links, and what is done to those. It is drawn apart from everything else, so that a plan without seals is what
//! it was before there were any, and one with seals is that plan, sealed.

use super::{Mask, Plan};
use crate::rng::Rng;

/// With this one, none of the seeds that had found something before links were sealed are.
const STREAM: u64 = 0x5175_6972_6500_010a;

/// How many of 100 plans are sealed.
const SEALED_PERCENT: usize = 35;

/// What a plan has whose links are sealed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Sealing {
    /// The devices that have no more than a viewer's link.
    pub viewers: Mask,
}

impl Plan {
    /// Seals it, or not.
    pub(super) fn seal(&mut self) {
        let mut rng = Rng::new(self.seed ^ STREAM);
        if !rng.chance(SEALED_PERCENT) {
            return;
        }
        let viewers = if rng.chance(40) { rng.next_u64() & rng.next_u64() & !1 } else { 0 };
        self.sealed = Some(Sealing { viewers });
    }
}
