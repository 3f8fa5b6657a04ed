//! How a plan comes out of a seed: knobs first, then one sitting after the other, with pauses of seconds or months between.

use super::{Act, ClockPlan, Deed, DevicePlan, Fate, Knobs, Nonsense, Plan, RelayFate, RelayPlan, Timed};
use crate::rng::Rng;

const SECOND_US: u64 = 1_000_000;
const HOUR_US: u64 = 3_600 * SECOND_US;
const YEAR_US: u64 = 365 * 24 * HOUR_US;

/// The most acts of a sitting.
const ACTS_MAX: usize = 80;

/// Which kinds of act a run has, and how often each: drawn for each run, so that runs differ in kind and not only in degree.
#[derive(Clone, Debug)]
struct Profile {
    deeds: Vec<(usize, Deed)>,
    fates: Vec<Fate>,
    relay_fates: Vec<RelayFate>,
    nonsense: Vec<Nonsense>,
    partitions: bool,
    /// How many of 100 acts are faults.
    faults: usize,
    sittings: usize,
}

impl Plan {
    /// The plan of a seed.
    pub fn of(seed: u64) -> Self {
        let mut rng = Rng::new(seed ^ 0x5175_6972_6500_0004);
        let relays = [1, 1, 1, 2, 3][rng.below(5)];
        let hostile = relays > 1 && rng.chance(20);
        let devices = match rng.below(20) {
            0..3 => 1,
            3..16 => 2 + rng.below(3),
            16..19 => 5 + rng.below(6),
            _ => 20 + rng.below(20),
        };
        let documents = if devices > 3 && rng.chance(20) { 2 } else { 1 };
        let copies = relays == 1 && rng.chance(10);
        let mut profile = Profile::of(&mut rng, relays, devices, copies);
        let knobs = knobs(&mut rng);
        let clocks = rng.chance(50);
        let relay = |rng: &mut Rng, at| RelayPlan { clock: clock(rng, clocks), hostile: hostile && at + 1 == relays };
        let relays: Vec<RelayPlan> = (0..relays).map(|at| relay(&mut rng, at)).collect();
        let mut acts = Vec::new();
        let end_us = sittings(&mut rng, &mut profile, devices, relays.len(), &mut acts);
        let device = |rng: &mut Rng, at: usize| DevicePlan {
            document: u8::from(documents == 2 && at % 2 == 1),
            joins_us: if at > 0 && rng.chance(25) { rng.pick(&acts).map_or(0, |timed| timed.at_us) } else { 0 },
            relay: rng.below(relays.len()),
            clock: clock(rng, clocks),
        };
        let mut devices: Vec<DevicePlan> = (0..devices).map(|at| device(&mut rng, at)).collect();
        if copies && devices.len() > 1 {
            copy(&mut rng, &mut devices, end_us, &mut acts);
        }
        acts.sort_by_key(|timed| timed.at_us);
        let mut plan = Self { seed, knobs, sealed: None, devices, relays, acts };
        plan.seal();
        plan
    }
}

fn knobs(rng: &mut Rng) -> Knobs {
    let latency_us = [(100, 1_000), (5_000, 30_000), (20_000, 900_000), (600_000, 700_000)][rng.below(4)];
    let slow = latency_us.1 > 100_000;
    Knobs {
        latency_us,
        bytes_per_s: [20_000, 1_000_000, 100_000_000][rng.below(3)],
        window_bytes: if slow { [1_000, 64 * 1024][rng.below(2)] } else { [1, 300, 64 * 1024][rng.below(3)] },
        connect_fails: [0, 0, 10, 60][rng.below(4)],
        sync_us: [1_000, 15_000, 300_000][rng.below(3)],
        relay: ([3, 8_192][rng.below(2)], [200, 64 * 1024][rng.below(2)], [1, 64][rng.below(2)]),
        unappended_bytes: [200, 2 * 1024 * 1024][rng.below(2)],
        real_stores: rng.chance(15),
    }
}

fn clock(rng: &mut Rng, wrong: bool) -> ClockPlan {
    if !wrong {
        return ClockPlan::default();
    }
    let ahead_us = i64::try_from(rng.next_u64() % (6 * HOUR_US)).unwrap_or(0) - 3 * 3_600_000_000;
    let drift_ppm = i32::try_from(rng.below(100_001)).unwrap_or(0) - 50_000;
    ClockPlan { ahead_us, drift_ppm: if rng.chance(70) { drift_ppm / 500 } else { drift_ppm } }
}

/// Sittings with pauses between them; when the last one ends.
fn sittings(rng: &mut Rng, profile: &mut Profile, devices: usize, relays: usize, acts: &mut Vec<Timed>) -> u64 {
    let mut at_us = SECOND_US;
    for sitting in 0..profile.sittings {
        let length_us = [5, 30, 120][rng.below(3)] * SECOND_US;
        let (writers, count) = (1 + rng.below(devices), 5 + rng.below(ACTS_MAX / profile.sittings));
        for _ in 0..count {
            let act = profile.draw(rng, devices, writers, relays);
            acts.push(Timed { at_us: at_us + rng.next_u64() % length_us, act });
        }
        at_us += length_us;
        if sitting + 1 < profile.sittings {
            let pause_us = 1 + rng.next_u64() % [20 * SECOND_US, 600 * SECOND_US, 4 * HOUR_US, YEAR_US][rng.below(4)];
            for device in 0..devices {
                let closes = pause_us - rng.next_u64() % (pause_us / 8 + 1).min(HOUR_US);
                let closes = Act::Person(device, Deed::Close(closes));
                if pause_us > 4 * HOUR_US || rng.chance(30) {
                    acts.push(Timed { at_us: at_us + rng.next_u64() % (5 * SECOND_US), act: closes });
                }
            }
            at_us += pause_us;
        }
    }
    at_us
}

/// A device's disk is copied or put back, once. From then on neither of the two is stopped: that a copy is one can only be noticed
/// while what it sent is remembered.
fn copy(rng: &mut Rng, devices: &mut Vec<DevicePlan>, end_us: u64, acts: &mut Vec<Timed>) {
    let at_us = 1 + rng.next_u64() % end_us;
    let stops = |act: &Act| {
        matches!(act, Act::Device(_, Fate::Crash { .. } | Fate::Disk(_) | Fate::Sync) | Act::Person(_, Deed::Close(_)))
    };
    let breaks = |act: &Act| {
        matches!(
            act,
            Act::Relay(_, RelayFate::Crash { .. } | RelayFate::Disk(_) | RelayFate::Forget | RelayFate::Yesterday)
        )
    };
    acts.retain(|timed| !breaks(&timed.act) && !stops(&timed.act));
    if rng.chance(50) {
        let backup = Timed { at_us: at_us / 2, act: Act::Device(0, Fate::Backup) };
        acts.extend([backup, Timed { at_us, act: Act::Device(0, Fate::Yesterday) }]);
    } else {
        devices.push(DevicePlan { joins_us: u64::MAX, ..devices[0] });
        acts.push(Timed { at_us, act: Act::Device(0, Fate::Copied) });
    }
}

impl Profile {
    fn of(rng: &mut Rng, relays: usize, devices: usize, copies: bool) -> Self {
        let kinds = [
            Deed::Type { chars: 0, every_us: 0, backwards: false },
            Deed::Type { chars: 0, every_us: 0, backwards: true },
            Deed::Paste(0),
            Deed::Erase(0),
            Deed::Backspace(0),
            Deed::Undo(0),
            Deed::Redo(0),
            Deed::Set(0),
            Deed::Unset(0),
            Deed::Restore,
            Deed::Replay(0),
            Deed::Show,
            Deed::Online,
            Deed::Offline,
            Deed::UseRelay(0),
            Deed::Close(0),
        ];
        let deeds = kinds.into_iter().filter(|deed| relays > 1 || !matches!(deed, Deed::UseRelay(_)));
        let mut deeds: Vec<_> = deeds.map(|deed| ([0, 1, 1, 3, 9][rng.below(5)], deed)).collect();
        deeds[0].0 += 2;
        let fates = [
            (Fate::Cut, 60),
            (Fate::Silence, 30),
            (Fate::Crash { effects: 0, for_us: 0 }, 60),
            (Fate::Disk(0), 30),
            (Fate::Sync, 30),
            (Fate::Pause(0), 20),
            (Fate::Clock(0), 30),
            (Fate::Timers, 20),
            (Fate::Checkpoint, 50),
        ];
        let relay_fates = [
            (RelayFate::Crash { effects: 0, for_us: 0 }, 60),
            (RelayFate::Disk(0), 20),
            (RelayFate::ShutDown(0), 20),
            (RelayFate::Forget, 20),
            (RelayFate::Backup, 20),
            (RelayFate::Yesterday, 20),
            (RelayFate::Pause(0), 15),
        ];
        let nonsense = [
            Nonsense::Hello,
            Nonsense::Unusable,
            Nonsense::Valid,
            Nonsense::Future,
            Nonsense::Reused,
            Nonsense::Huge,
            Nonsense::Held,
            Nonsense::Presence,
            Nonsense::Bytes,
            Nonsense::Mutated,
        ];
        let strangers = !copies && rng.chance(20);
        let (fates, relay_fates) = (some(rng, &fates), some(rng, &relay_fates));
        let mut nonsense: Vec<Nonsense> = nonsense.into_iter().filter(|_| strangers && rng.chance(60)).collect();
        // Where a relay loses what it has passed on, only signatures could tell which of two contents an id stands for.
        nonsense.retain(|nonsense| !matches!(nonsense, Nonsense::Reused) || (relays == 1 && relay_fates.is_empty()));
        Self {
            deeds,
            fates,
            relay_fates,
            nonsense,
            partitions: rng.chance(30),
            faults: [0, 5, 20, 50][rng.below(4)],
            sittings: if devices > 15 || copies { 1 } else { 1 + rng.below(4) },
        }
    }

    fn draw(&self, rng: &mut Rng, devices: usize, writers: usize, relays: usize) -> Act {
        if rng.chance(self.faults) {
            let device = rng.below(devices);
            let fault = match rng.below(8) {
                0..4 => rng.pick(&self.fates).copied().map(|fate| Act::Device(device, of_fate(rng, fate))),
                4..6 => {
                    let fate = rng.pick(&self.relay_fates).copied();
                    fate.map(|fate| Act::Relay(rng.below(relays), of_relay_fate(rng, fate)))
                }
                6 => rng.pick(&self.nonsense).map(|nonsense| Act::Stranger(rng.below(relays), *nonsense)),
                _ => self.partitions.then(|| partition(rng)),
            };
            if let Some(fault) = fault {
                return fault;
            }
        }
        let all: usize = self.deeds.iter().map(|(weight, _)| weight).sum();
        let mut left = rng.below(all);
        for (weight, deed) in &self.deeds {
            if left < *weight {
                return Act::Person(rng.below(writers), of_deed(rng, *deed, relays));
            }
            left -= weight;
        }
        Act::Person(0, Deed::Show)
    }
}

fn some<T: Copy>(rng: &mut Rng, all: &[(T, usize)]) -> Vec<T> {
    all.iter().filter(|(_, percent)| rng.chance(*percent)).map(|(one, _)| *one).collect()
}

fn number<T: TryFrom<usize>>(rng: &mut Rng, from: usize, below: usize) -> Option<T> {
    T::try_from(from + rng.below(below - from)).ok()
}

/// A deed of this kind, with its numbers.
fn of_deed(rng: &mut Rng, deed: Deed, relays: usize) -> Deed {
    let small = |rng: &mut Rng| number(rng, 1, 5).unwrap_or(1);
    match deed {
        Deed::Type { backwards, .. } => Deed::Type {
            chars: number(rng, 1, 30).unwrap_or(1),
            every_us: number(rng, 30_000, 400_000).unwrap_or(100_000),
            backwards,
        },
        Deed::Paste(_) => Deed::Paste(number(rng, 1, 200).unwrap_or(1)),
        Deed::Erase(_) => Deed::Erase(number(rng, 1, 30).unwrap_or(1)),
        Deed::Backspace(_) => Deed::Backspace(small(rng)),
        Deed::Undo(_) => Deed::Undo(small(rng)),
        Deed::Redo(_) => Deed::Redo(small(rng)),
        Deed::Set(_) => Deed::Set(number(rng, 0, 3).unwrap_or(0)),
        Deed::Unset(_) => Deed::Unset(number(rng, 0, 3).unwrap_or(0)),
        Deed::Replay(_) => Deed::Replay(number(rng, 1, 100).unwrap_or(1)),
        Deed::UseRelay(_) => Deed::UseRelay(rng.below(relays)),
        Deed::Close(_) => Deed::Close(while_down(rng)),
        Deed::Restore | Deed::Show | Deed::Online | Deed::Offline => deed,
    }
}

fn while_down(rng: &mut Rng) -> u64 {
    100_000 + rng.next_u64() % [SECOND_US, 10 * SECOND_US, 60 * SECOND_US][rng.below(3)]
}

fn of_fate(rng: &mut Rng, fate: Fate) -> Fate {
    match fate {
        Fate::Crash { .. } => Fate::Crash { effects: number(rng, 0, 12).unwrap_or(0), for_us: while_down(rng) },
        Fate::Disk(_) => Fate::Disk(while_down(rng)),
        Fate::Pause(_) => Fate::Pause(while_down(rng)),
        Fate::Clock(_) => {
            let by_us = i64::try_from(rng.next_u64() % (2 * YEAR_US)).unwrap_or(0) - 31_536_000_000_000;
            Fate::Clock([by_us, by_us / 10_000_000][rng.below(2)])
        }
        other => other,
    }
}

fn of_relay_fate(rng: &mut Rng, fate: RelayFate) -> RelayFate {
    match fate {
        RelayFate::Crash { .. } => {
            RelayFate::Crash { effects: number(rng, 0, 12).unwrap_or(0), for_us: while_down(rng) }
        }
        RelayFate::Disk(_) => RelayFate::Disk(while_down(rng)),
        RelayFate::ShutDown(_) => RelayFate::ShutDown(while_down(rng)),
        RelayFate::Pause(_) => RelayFate::Pause(while_down(rng)),
        other => other,
    }
}

fn partition(rng: &mut Rng) -> Act {
    let (devices, relays) = (rng.next_u64(), rng.next_u64());
    let (up, down) = [(true, true), (true, true), (true, false), (false, true)][rng.below(4)];
    Act::Partition { devices, relays, up, down, for_us: while_down(rng) * 2 }
}
