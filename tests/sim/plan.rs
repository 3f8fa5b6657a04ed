//! What a run is: its machines, its knobs, and what is done to them at which moment. One seed is one plan, and a plan without some
//! of its acts is a plan too: that is how a failure is made small.

mod draw;
mod sealing;

use std::fmt;

pub use self::sealing::{Attack, Holds, Sealing};
use crate::model::conform::REPLICAS_MAX;

/// A whole run.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Plan {
    /// Where the chance comes from that the acts leave open: how long a frame takes, what a crash leaves on a disk.
    pub seed: u64,
    /// How everything behaves that nobody acts upon.
    pub knobs: Knobs,
    /// What it has if its links are sealed.
    pub sealed: Option<Sealing>,
    /// The devices, by number.
    pub devices: Vec<DevicePlan>,
    /// The relays, by number. The first is where everybody meets in the end.
    pub relays: Vec<RelayPlan>,
    /// What happens, in order of time.
    pub acts: Vec<Timed>,
}

/// How the world behaves.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Knobs {
    /// The shortest and the longest way of a frame, in microseconds.
    pub latency_us: (u64, u64),
    /// How many bytes a connection carries in a second, in each direction.
    pub bytes_per_s: u64,
    /// How many bytes a connection holds in each direction before its sender has to wait.
    pub window_bytes: usize,
    /// How many of 100 attempts to connect fail.
    pub connect_fails: usize,
    /// The longest sync of a disk, in microseconds.
    pub sync_us: u64,
    /// Changes that a relay keeps in memory, bytes that it reads at once, changes between two reports of progress.
    pub relay: (usize, usize, u64),
    /// Bytes that one link may have given and that are not on the relay's disk.
    pub unappended_bytes: usize,
    /// Whether the stores of the programs stand under the disks.
    pub real_stores: bool,
}

/// A device.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct DevicePlan {
    /// Which document it has.
    pub document: u8,
    /// When it is switched on first, in microseconds.
    pub joins_us: u64,
    /// Which relay it knows first.
    pub relay: usize,
    /// How its clock goes.
    pub clock: ClockPlan,
}

/// A relay.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RelayPlan {
    /// How its clock goes.
    pub clock: ClockPlan,
    /// Whether it keeps to no rules: it lies about everything but the changes themselves, and keeps those to itself at times.
    pub hostile: bool,
}

/// How a clock goes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ClockPlan {
    /// By how much the wall clock is ahead at first, in microseconds.
    pub ahead_us: i64,
    /// By how much the monotonic clock is too fast, in millionths.
    pub drift_ppm: i32,
}

/// An act and its moment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Timed {
    /// When, in microseconds of the run.
    pub at_us: u64,
    /// What.
    pub act: Act,
}

/// Which devices, or which relays: a bit each.
pub type Mask = u64;

/// Something that is done, by somebody at a device or by the world.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Act {
    /// Somebody does something at a device.
    Person(usize, Deed),
    /// Something befalls a device.
    Device(usize, Fate),
    /// Something befalls a relay.
    Relay(usize, RelayFate),
    /// Nothing passes between these devices and these relays, for so long, in microseconds.
    Partition {
        /// Which devices.
        devices: Mask,
        /// Which relays.
        relays: Mask,
        /// Whether frames to the relays are held up.
        up: bool,
        /// Whether frames from the relays are.
        down: bool,
        /// For how long, in microseconds.
        for_us: u64,
    },
    /// Somebody who keeps to no rules says something to a relay.
    Stranger(usize, Nonsense),
    /// Somebody who stands between a device and its relay does something to what is said next. Nothing, where links have no seals.
    Tamper {
        /// Which device.
        device: usize,
        /// Whether to what it says; else to what the relay says.
        up: bool,
        /// What he does.
        attack: Attack,
    },
}

/// What a person does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Deed {
    /// Types so many characters at one place, one every so many microseconds.
    Type {
        /// How many.
        chars: u16,
        /// How long between two, in microseconds.
        every_us: u32,
        /// Whether each is typed before the one before.
        backwards: bool,
    },
    /// Inserts so many characters at once.
    Paste(u16),
    /// Deletes up to so many characters, whoever wrote them.
    Erase(u16),
    /// Presses backspace so many times behind some place.
    Backspace(u8),
    /// Undoes so many groups.
    Undo(u8),
    /// Redoes so many.
    Redo(u8),
    /// Writes a key of the map.
    Set(u8),
    /// Removes a key.
    Unset(u8),
    /// Brings back a part of an earlier version.
    Restore,
    /// Makes so many edits of a recording of real writing.
    Replay(u16),
    /// Moves the caret, for others to see.
    Show,
    /// Works on line.
    Online,
    /// Works off line.
    Offline,
    /// Takes another relay.
    UseRelay(usize),
    /// Closes the program, for so long, in microseconds.
    Close(u64),
}

/// What befalls a device.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fate {
    /// The connection breaks.
    Cut,
    /// The connection falls silent, and nobody is told.
    Silence,
    /// The machine stops after so many more effects of the program, and is back after so many microseconds.
    Crash {
        /// How many effects it still has.
        effects: u8,
        /// For how long it is down, in microseconds.
        for_us: u64,
    },
    /// The disk refuses, for so many microseconds.
    Disk(u64),
    /// The next sync fails, and nobody knows what of it is on the disk.
    Sync,
    /// The machine sleeps, for so many microseconds.
    Pause(u64),
    /// The wall clock is set, by so many microseconds.
    Clock(i64),
    /// All timers fire at once.
    Timers,
    /// The library takes a checkpoint.
    Checkpoint,
    /// The disk is copied, for [`Fate::Yesterday`] and [`Fate::Copied`].
    Backup,
    /// The machine stops, and the disk is what it was at the last [`Fate::Backup`].
    Yesterday,
    /// The disk of this device as it is now becomes that of another one, the last; both go on.
    Copied,
}

/// What befalls a relay.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RelayFate {
    /// It stops after so many more effects, and is back after so many microseconds.
    Crash {
        /// How many effects it still has.
        effects: u8,
        /// For how long it is down, in microseconds.
        for_us: u64,
    },
    /// A sync fails: it says so to everybody and stops, for so many microseconds.
    Disk(u64),
    /// It is told to stop, for so many microseconds.
    ShutDown(u64),
    /// Its store is lost.
    Forget,
    /// Its disk is copied, for [`RelayFate::Yesterday`].
    Backup,
    /// Its store is the copy that was taken last.
    Yesterday,
    /// It sleeps, for so many microseconds.
    Pause(u64),
}

/// What somebody says who keeps to no rules.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Nonsense {
    /// Links, with a version vector that cannot be.
    Hello,
    /// A change whose content no replica can take.
    Unusable,
    /// A change of a valid form that writes text.
    Valid,
    /// A change that names a past which nobody has.
    Future,
    /// The ids of an earlier change of its own, with another content.
    Reused,
    /// A length that is absurd.
    Huge,
    /// What somebody has on disk, with too many entries or too large ones.
    Held,
    /// A presence that is too long.
    Presence,
    /// Random bytes.
    Bytes,
    /// A frame with some of its bytes changed.
    Mutated,
}

impl Plan {
    /// Whether links may end by silence, or cannot be made: something in the plan keeps frames or machines back.
    pub fn has_silence(&self) -> bool {
        let silences = |timed: &Timed| {
            matches!(
                timed.act,
                Act::Partition { .. }
                    | Act::Device(_, Fate::Silence | Fate::Pause(_) | Fate::Timers)
                    | Act::Relay(_, RelayFate::Pause(_))
            )
        };
        self.acts.iter().any(silences) || self.has_liars()
    }

    /// Whether a device may find out that it is not the only one with its id.
    pub fn has_clones(&self) -> bool {
        let clones = |timed: &Timed| matches!(timed.act, Act::Device(_, Fate::Yesterday | Fate::Copied));
        self.acts.iter().any(clones) || self.has_liars()
    }

    /// Whether the model knows everything that happens in the run: few machines, one document, links without seals, and everybody keeps
    /// to the rules.
    pub fn is_modelled(&self) -> bool {
        let one_document = self.devices.iter().all(|device| device.document == 0);
        let few = self.relays.len() <= 2 && self.devices.len() <= REPLICAS_MAX;
        one_document && few && self.sealed.is_none() && !self.has_strangers() && !self.has_clones()
    }

    /// Whether what a device is told may not be what a relay said.
    pub fn has_liars(&self) -> bool {
        let tampers = |timed: &Timed| matches!(timed.act, Act::Tamper { .. });
        self.relays.iter().any(|relay| relay.hostile) || (self.sealed.is_some() && self.acts.iter().any(tampers))
    }

    /// Whether somebody keeps to no rules.
    pub fn has_strangers(&self) -> bool {
        self.acts.iter().any(|timed| matches!(timed.act, Act::Stranger(..)))
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person(device, deed) => write!(f, "device {device}: {deed:?}"),
            Self::Device(device, fate) => write!(f, "device {device} suffers {fate:?}"),
            Self::Relay(relay, fate) => write!(f, "relay {relay} suffers {fate:?}"),
            Self::Partition { devices, relays, up, down, for_us } => {
                let ways = match (up, down) {
                    (true, true) => "either way",
                    (true, false) => "to the relays",
                    _ => "from the relays",
                };
                let numbers = |mask: Mask| (0..64).filter(|bit| mask >> bit & 1 == 1).collect::<Vec<u32>>();
                let (devices, relays) = (numbers(*devices), numbers(*relays));
                write!(f, "nothing passes {ways} between devices {devices:?} and relays {relays:?} for {for_us} us")
            }
            Self::Tamper { device, up, attack } => {
                let whose = if *up { "what it says" } else { "what it is told" };
                write!(f, "somebody between device {device} and its relay tampers with {whose}: {attack:?}")
            }
            Self::Stranger(relay, nonsense) => write!(f, "a stranger says to relay {relay}: {nonsense:?}"),
        }
    }
}
