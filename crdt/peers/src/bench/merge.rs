//! Two replicas that were edited offline are merged.

use anyhow::Result;
use bytes::Bytes;

use super::{Bench, Once, PREPARE_TIMES, changes};
use crate::measure::{Deadline, Limits, Timing, measure};
use crate::peer::{Stored, Synced};
use crate::row::Row;
use crate::workload::{self, EDITS};
use changes::Changes;

const NAME: &str = "two-offline";

/// What both sides wrote offline.
struct Offline<P> {
    ana: Changes<P>,
    ben: Changes<P>,
}

impl Bench<'_> {
    pub(super) fn offline_synced<P: Synced>(&mut self) {
        if self.options.wants_trace(NAME) {
            self.merge_by_change(&mut Once::<Offline<P>>::new());
        }
    }

    pub(super) fn offline_stored<P: Stored>(&mut self) {
        if !self.options.wants_trace(NAME) {
            return;
        }
        let mut offline = Once::<Offline<P>>::new();
        self.merge_by_change(&mut offline);
        self.measure::<P>(Row::MergeWhole, NAME, false, |limits| {
            let offline = offline.get(|| Offline::new(limits))?;
            merge_whole(limits, &offline)
        });
    }

    fn merge_by_change<P: Synced>(&mut self, offline: &mut Once<Offline<P>>) {
        self.measure::<P>(Row::Merge, NAME, false, |limits| {
            let offline = offline.get(|| Offline::new(limits))?;
            merge_by_change(limits, &offline)
        });
    }
}

impl<P: Synced> Offline<P> {
    fn new(limits: Limits) -> Result<Self> {
        let deadline = Deadline::start(limits.give_up * PREPARE_TIMES);
        let write = |agent| Changes::of_one(agent, &workload::random_inserts(EDITS, agent as u64 + 10), &deadline);
        Ok(Self { ana: write(0)?, ben: write(1)? })
    }

    fn copies(&self) -> Result<(P, P)> {
        Ok((self.ana.finished.copy()?, self.ben.finished.copy()?))
    }
}

/// Each receives the other's changes, one by one.
fn merge_by_change<P: Synced>(limits: Limits, offline: &Offline<P>) -> Result<Timing> {
    let (timing, (ana, ben)) = measure(
        limits,
        || offline.copies(),
        |(mut ana, mut ben), deadline| {
            for change in &offline.ben.messages {
                ana.receive(change)?;
                deadline.check()?;
            }
            for change in &offline.ana.messages {
                ben.receive(change)?;
                deadline.check()?;
            }
            Ok((ana, ben))
        },
    )?;
    changes::agree(vec![ana, ben])?;
    Ok(timing)
}

/// Each receives the other's whole history at once, and shows its text.
fn merge_whole<P: Stored>(limits: Limits, offline: &Offline<P>) -> Result<Timing> {
    let histories: (Bytes, Bytes) = (offline.ana.finished.history()?, offline.ben.finished.history()?);
    let (timing, (ana, ben, _)) = measure(
        limits,
        || offline.copies(),
        |(mut ana, mut ben), _| {
            ana.receive_history(&histories.1)?;
            ben.receive_history(&histories.0)?;
            let texts = (ana.text()?, ben.text()?);
            Ok((ana, ben, texts))
        },
    )?;
    changes::agree(vec![ana, ben])?;
    Ok(timing)
}
