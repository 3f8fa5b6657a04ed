//! What goes wrong when: one seed is one schedule.

use sim::rng::Rng;

use crate::EDITORS;

/// Up to so many tenths of a run somebody may be killed, and a disk may be full.
pub(crate) const STORM_TENTHS: u64 = 6;

/// Something that goes wrong. Editors are counted from 0.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fault {
    /// The cable of an editor, the relay or the crowd is out.
    CutEditor(usize),
    CutRelay,
    CutCrowd,
    /// So many packets in a hundred of an editor, or of the relay, are lost.
    LossEditor(usize, usize),
    LossRelay(usize),
    /// What an editor sends and receives is late, by so many milliseconds and up to so many more.
    Delay(usize, u64, u64),
    /// So many kilobits a second can leave an editor.
    Narrow(usize, usize),
    /// The disk of the first editor, or the relay, is full.
    FullEditor,
    FullRelay,
    /// `kill -9`. It starts again when the fault ends.
    KillEditor(usize),
    KillRelay,
}

impl Fault {
    /// What kind of fault it is, for a person.
    pub(crate) const fn kind(self) -> &'static str {
        match self {
            Self::CutEditor(_) | Self::CutRelay => "cut",
            Self::CutCrowd => "crowd cut",
            Self::LossEditor(..) | Self::LossRelay(_) => "loss",
            Self::Delay(..) => "delay",
            Self::Narrow(..) => "narrow",
            Self::FullEditor | Self::FullRelay => "disk full",
            Self::KillEditor(_) => "editor killed",
            Self::KillRelay => "relay killed",
        }
    }

    /// Whether both cannot be at once.
    fn excludes(self, other: Self) -> bool {
        let what = |fault| match fault {
            Self::CutEditor(at) => (0, at),
            Self::LossEditor(at, _) => (1, at),
            Self::Delay(at, ..) => (2, at),
            Self::Narrow(at, _) => (3, at),
            Self::KillEditor(at) => (4, at),
            Self::CutRelay => (5, 0),
            Self::LossRelay(_) => (6, 0),
            Self::CutCrowd => (7, 0),
            Self::FullEditor => (8, 0),
            Self::FullRelay | Self::KillRelay => (9, 0),
        };
        what(self) == what(other)
    }
}

/// A fault and its time, in milliseconds since the begin.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Planned {
    pub(crate) fault: Fault,
    pub(crate) begins_ms: u64,
    pub(crate) ends_ms: u64,
}

/// The schedule of a run of so many milliseconds. Nobody is killed and no disk is full behind the storm, so that the last lives are
/// long; nothing goes wrong in the last tenth.
pub(crate) fn plan(seed: u64, total_ms: u64) -> Vec<Planned> {
    let mut rng = Rng::new(seed);
    let at = |hundredths: u64, lasts_ms: u64, fault: Fault| {
        let begins_ms = total_ms * hundredths / 100;
        Planned { fault, begins_ms, ends_ms: begins_ms + lasts_ms }
    };
    // No link outlives a cut of 45 s, on either side.
    let mut planned = vec![
        at(12, 45_000, Fault::CutCrowd),
        at(18, 15_000, Fault::FullEditor),
        at(30, 3_000, Fault::KillRelay),
        at(35, 12_000, Fault::FullRelay),
        at(42, 20_000, Fault::FullEditor),
        at(50, 10_000, Fault::FullRelay),
        at(58, 3_000, Fault::KillRelay),
        at(40, 45_000, Fault::CutCrowd),
    ];
    let mut now_ms = 10_000;
    while now_ms < total_ms * 9 / 10 {
        let (fault, lasts_ms) = any(&mut rng, now_ms < total_ms * 55 / 100);
        let one = Planned { fault, begins_ms: now_ms, ends_ms: now_ms + lasts_ms };
        let overlaps = |other: &Planned| {
            one.fault.excludes(other.fault) && one.begins_ms <= other.ends_ms && other.begins_ms <= one.ends_ms
        };
        if one.ends_ms < total_ms * 9 / 10 && !planned.iter().any(overlaps) {
            planned.push(one);
        }
        now_ms += 2_000 + rng.next_u64() % 7_000;
    }
    planned.sort_by_key(|one| one.begins_ms);
    planned
}

fn any(rng: &mut Rng, may_kill: bool) -> (Fault, u64) {
    let editor = rng.below(EDITORS);
    let lasts = |rng: &mut Rng, least: u64, most: u64| least + rng.next_u64() % (most - least);
    match rng.below(if may_kill { 100 } else { 70 }) {
        0..20 => (Fault::CutEditor(editor), lasts(rng, 1_000, 25_000)),
        20..25 => (Fault::CutRelay, lasts(rng, 1_000, 12_000)),
        25..38 => (Fault::LossEditor(editor, 2 + rng.below(18)), lasts(rng, 8_000, 30_000)),
        38..43 => (Fault::LossRelay(1 + rng.below(5)), lasts(rng, 5_000, 15_000)),
        43..58 => {
            let delay = 20 + rng.next_u64() % 280;
            (Fault::Delay(editor, delay, delay / 2), lasts(rng, 10_000, 50_000))
        }
        58..70 => (Fault::Narrow(editor, 64 + rng.below(400)), lasts(rng, 8_000, 30_000)),
        70..92 => (Fault::KillEditor(editor), lasts(rng, 500, 5_000)),
        _ => (Fault::KillRelay, lasts(rng, 500, 5_000)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_a_schedule_and_the_end_is_calm() {
        let total_ms = 1_800_000;
        assert!(plan(1, total_ms) == plan(1, total_ms) && plan(1, total_ms) != plan(2, total_ms));
        for seed in 0..20 {
            let planned = plan(seed, total_ms);
            assert!(planned.len() > 150 && planned.iter().all(|one| one.ends_ms < total_ms * 9 / 10));
            let deadly = |one: &&Planned| one.fault.kind().ends_with("killed") || one.fault.kind() == "disk full";
            assert!(planned.iter().filter(deadly).all(|one| one.ends_ms < total_ms * STORM_TENTHS / 10));
            for (at, one) in planned.iter().enumerate() {
                let overlaps = |other: &&Planned| other.fault.excludes(one.fault) && other.begins_ms <= one.ends_ms;
                assert_eq!(planned[at + 1..].iter().find(overlaps), None, "{one:?}");
            }
        }
    }
}
