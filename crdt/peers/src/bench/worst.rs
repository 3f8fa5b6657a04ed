//! What hurts: edits that never stand where the last one stood, and ever longer texts.

use std::cell::RefCell;

use anyhow::Result;

use super::{Bench, PREPARE_TIMES, replay, verify};
use crate::measure::{Deadline, Limits, Timing, measure};
use crate::peer::Peer;
use crate::row::Row;
use crate::workload::{self, Workload};

/// The lengths of the texts, in characters.
const LENGTHS: [usize; 3] = [10_000, 100_000, 1_000_000];
/// The length that must be asked for.
const LARGE: usize = 10_000_000;
/// How many edits one run makes.
const RUN_EDITS: usize = 20_000;

impl Bench<'_> {
    pub(super) fn hard<P: Peer>(&mut self, is_rope: bool) {
        if self.wants::<P>(&[Row::Worst]) {
            for work in workload::hard().iter().filter(|work| self.options.wants_trace(work.name)) {
                self.measure::<P>(Row::Worst, work.name, is_rope, |limits| worst::<P>(limits, work));
            }
        }
        let large = self.options.large.then_some(LARGE);
        for len in LENGTHS.into_iter().chain(large) {
            let name = len.to_string();
            if !self.options.wants_trace(&name) {
                continue;
            }
            // A library that is too slow for one length is not asked for a longer one.
            if !self.measure::<P>(Row::Growth, &name, is_rope, |limits| growth::<P>(limits, len)) {
                return;
            }
        }
    }
}

fn worst<P: Peer>(limits: Limits, work: &Workload) -> Result<Timing> {
    let (timing, writer) = measure(
        limits,
        || P::new(0),
        |mut writer, deadline| {
            replay::replay(&mut writer, &work.edits, deadline)?;
            Ok(writer)
        },
    )?;
    verify(&writer.text()?, &work.end)?;
    Ok(timing)
}

/// The text is typed at random first; then each run goes on in it with other edits, and leaves it as long as it was.
fn growth<P: Peer>(limits: Limits, len: usize) -> Result<Timing> {
    let typed = workload::random_inserts(len, 5);
    let writer = replay::finish::<P>(&typed, &Deadline::start(limits.give_up * PREPARE_TIMES))?;
    verify(&writer.text()?, &workload::end(&typed))?;
    let writer = RefCell::new(writer);
    let mut seed = 100;
    let (timing, ()) = measure(
        limits,
        || {
            seed += 1;
            Ok(workload::inserts_and_deletes(len, RUN_EDITS, seed))
        },
        |edits, deadline| replay::replay(&mut *writer.borrow_mut(), &edits, deadline),
    )?;
    verify(&writer.borrow().text()?.len().to_string(), &len.to_string())?;
    let edits = u32::try_from(RUN_EDITS).map_or(f64::NAN, f64::from);
    Ok(timing.scaled(1e6 / edits))
}
