//! A simulated block device under a real store: what was synced is there after a crash, and of what was written since, anything may be.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redb::StorageBackend;

use crate::rng::Rng;

/// What survives a crash whole or not at all, in bytes.
pub const SECTOR_BYTES: usize = 512;

/// What the file system reserves at once, in bytes.
const BLOCK_BYTES: usize = 4096;

/// How many in a hundred of the unsynced writes survive a crash, one way of these for each crash.
const SURVIVORS_PERCENT: [usize; 5] = [0, 10, 50, 90, 100];

/// The device with one file on it; clones are the same one. A store works on a [`Device`] of it.
#[derive(Clone, Debug, Default)]
pub struct Storage(Arc<Mutex<State>>);

/// The file as it was on the medium at some time.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Image(Arc<[u8]>);

/// The file as one process has it open: when that was killed, or the machine stopped, everything on it fails.
#[derive(Debug)]
pub struct Device {
    storage: Storage,
    process: u64,
}

#[derive(Debug, Default)]
struct State {
    /// What is on the medium.
    durable: Vec<u8>,
    /// What reads see: the medium with the system's cache in front of it.
    cached: Vec<u8>,
    /// What was asked for since the last sync, in order.
    unsynced: Vec<Unsynced>,
    /// Blocks that have room on the medium; beyond the last, none has.
    reserved: Vec<bool>,
    is_full: bool,
    /// How many syncs succeed before one fails, and chance for what becomes of its writes.
    failing_sync: Option<(u64, Rng)>,
    power: Power,
    /// Counts the processes that had the file and were killed.
    killed: u64,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Power {
    #[default]
    On,
    /// It goes after so many writes, lengths and syncs.
    Left(u64),
    Gone,
}

#[derive(Debug)]
enum Unsynced {
    Write { at: usize, bytes: Box<[u8]> },
    Length(usize),
}

impl Storage {
    /// An empty device.
    pub fn new() -> Self {
        Self::default()
    }

    /// The file, for a process that opens it.
    pub fn device(&self) -> Device {
        Device { storage: self.clone(), process: self.state().killed }
    }

    /// Whether the file has no bytes: it was never made.
    pub fn is_empty(&self) -> bool {
        self.state().cached.is_empty()
    }

    /// The process that has the file ends here and now; what it wrote is in the system's cache.
    pub fn kill(&self) {
        self.state().killed += 1;
    }

    /// The machine stops and starts again. What was synced is there. Of what was asked for since, each write survives whole, in some of
    /// its sectors or not at all, whatever became of the others; of the lengths, the first ones. Disk and power are as before it, but
    /// what [`Storage::cut_after`] cut off is on again.
    pub fn crash(&self, rng: &mut Rng) {
        let state = &mut *self.state();
        state.settle(rng);
        state.cached.clone_from(&state.durable);
        state.power = Power::On;
        state.failing_sync = None;
        state.killed += 1;
    }

    /// The `n`-th sync from now fails (0: the next one), once. As on Linux, what it should have made durable is taken for clean: it is on the
    /// medium or not, it may still be in the cache though it is not on the medium, and no later sync writes it.
    pub fn fail_sync(&self, n: u64, rng: &mut Rng) {
        self.state().failing_sync = Some((n, rng.fork()));
    }

    /// The disk is full: the file does not grow, and what was never written in it cannot be written.
    pub fn fill(&self) {
        self.state().is_full = true;
    }

    /// There is room again.
    pub fn free(&self) {
        self.state().is_full = false;
    }

    /// The power goes at the `n`-th write, length or sync from now (0: the next one). That one may survive in part, and everything fails
    /// until the crash that must follow.
    pub fn cut_after(&self, n: u64) {
        self.state().power = Power::Left(n);
    }

    /// What is on the medium.
    pub fn image(&self) -> Image {
        Image(self.state().durable.as_slice().into())
    }

    /// The file is what it was in the image, on the medium as well; whoever had it open has it no more.
    pub fn restore(&self, image: &Image) {
        let state = &mut *self.state();
        state.put(&image.0);
        state.killed += 1;
    }

    /// Gives the file's name to another file that is complete and on the medium: all of it, or nothing, is there after a crash.
    ///
    /// # Errors
    /// When the power goes, or the disk is full.
    pub fn rename_from(&self, other: &Self) -> io::Result<()> {
        let image = other.image();
        let state = &mut *self.state();
        if state.spend()? {
            return Err(dark());
        }
        if state.is_full {
            return Err(io::ErrorKind::StorageFull.into());
        }
        state.put(&image.0);
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn put(&mut self, bytes: &[u8]) {
        self.durable = bytes.to_vec();
        self.cached = bytes.to_vec();
        self.unsynced.clear();
        self.reserved = bytes.chunks(BLOCK_BYTES).map(|block| block.iter().any(|byte| *byte != 0)).collect();
    }

    /// An operation begins: whether it is the one in which the power goes.
    fn spend(&mut self) -> io::Result<bool> {
        match self.power {
            Power::On => return Ok(false),
            Power::Left(0) => self.power = Power::Gone,
            Power::Left(left) => self.power = Power::Left(left - 1),
            Power::Gone => return Err(dark()),
        }
        Ok(self.power == Power::Gone)
    }

    fn read(&self, at: usize, out: &mut [u8]) -> io::Result<()> {
        if self.power == Power::Gone {
            return Err(dark());
        }
        let bytes = self.cached.get(at..at.saturating_add(out.len())).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(bytes);
        Ok(())
    }

    fn write(&mut self, at: usize, data: &[u8]) -> io::Result<()> {
        let end = at.saturating_add(data.len());
        let blocks = at / BLOCK_BYTES..end.div_ceil(BLOCK_BYTES);
        let has_room = |block: usize| self.reserved.get(block).is_some_and(|reserved| *reserved);
        if self.is_full && !blocks.clone().all(has_room) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        if end > self.cached.len() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let is_last = self.spend()?;
        self.cached[at..end].copy_from_slice(data);
        self.unsynced.push(Unsynced::Write { at, bytes: data.into() });
        self.reserved.resize(self.reserved.len().max(blocks.end), false);
        self.reserved[blocks].fill(true);
        if is_last { Err(dark()) } else { Ok(()) }
    }

    fn set_len(&mut self, len: usize) -> io::Result<()> {
        if self.is_full && len > self.cached.len() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let is_last = self.spend()?;
        self.cached.resize(len, 0);
        self.unsynced.push(Unsynced::Length(len));
        self.reserved.truncate(len.div_ceil(BLOCK_BYTES));
        if is_last { Err(dark()) } else { Ok(()) }
    }

    fn sync(&mut self) -> io::Result<()> {
        if self.spend()? {
            return Err(dark());
        }
        match self.failing_sync.take() {
            Some((0, mut rng)) => {
                self.fail_sync(&mut rng);
                return Err(io::Error::other("the disk did not take it"));
            }
            left => self.failing_sync = left.map(|(left, rng)| (left - 1, rng)),
        }
        for one in std::mem::take(&mut self.unsynced) {
            one.reaches(&mut self.durable, |_| true);
        }
        // Lengths are never lost by a sync that failed: a later one makes them durable.
        self.durable.resize(self.cached.len(), 0);
        Ok(())
    }

    /// What is unsynced reaches the medium or does not, and is clean from now on; what did not may leave the cache.
    fn fail_sync(&mut self, rng: &mut Rng) {
        let written: Vec<(usize, usize)> = self.unsynced.iter().filter_map(Unsynced::written).collect();
        self.settle(rng);
        self.durable.resize(self.cached.len(), 0);
        let leaves_percent = rng.pick(&SURVIVORS_PERCENT).copied().unwrap_or(0);
        for (at, end) in written {
            let end = end.min(self.cached.len());
            if at < end && rng.chance(leaves_percent) {
                self.cached[at..end].copy_from_slice(&self.durable[at..end]);
            }
        }
    }

    /// Decides what of the unsynced is on the medium. Nothing is unsynced then.
    fn settle(&mut self, rng: &mut Rng) {
        let unsynced = std::mem::take(&mut self.unsynced);
        let is_length = |one: &&Unsynced| matches!(one, Unsynced::Length(_));
        let mut lengths = rng.below(unsynced.iter().filter(is_length).count() + 1);
        let survive_percent = rng.pick(&SURVIVORS_PERCENT).copied().unwrap_or(0);
        for one in &unsynced {
            if is_length(&one) {
                one.reaches(&mut self.durable, |_| lengths > 0);
                lengths = lengths.saturating_sub(1);
            } else if rng.chance(survive_percent) {
                let is_torn = rng.chance(20);
                one.reaches(&mut self.durable, |_| !is_torn || rng.chance(50));
            }
        }
    }
}

impl Unsynced {
    fn written(&self) -> Option<(usize, usize)> {
        match self {
            Self::Write { at, bytes } => Some((*at, at + bytes.len())),
            Self::Length(_) => None,
        }
    }

    /// Those parts of it reach the medium that `survives` says, by number.
    fn reaches(&self, medium: &mut Vec<u8>, mut survives: impl FnMut(usize) -> bool) {
        match self {
            Self::Length(len) if survives(0) => medium.resize(*len, 0),
            Self::Length(_) => {}
            Self::Write { at, bytes } => {
                let mut from = *at;
                for number in 0.. {
                    // Behind the file's end there is nothing: its length did not survive.
                    let end =
                        (from / SECTOR_BYTES + 1).saturating_mul(SECTOR_BYTES).min(at + bytes.len()).min(medium.len());
                    if from >= end {
                        break;
                    }
                    if survives(number) {
                        medium[from..end].copy_from_slice(&bytes[from - at..end - at]);
                    }
                    from = end;
                }
            }
        }
    }
}

impl Device {
    /// Asks the file something, if the process is alive.
    fn ask<T>(&self, ask: impl FnOnce(&mut State) -> io::Result<T>) -> io::Result<T> {
        let mut state = self.storage.state();
        if state.killed == self.process { ask(&mut state) } else { Err(io::Error::other("the process was killed")) }
    }
}

impl StorageBackend for Device {
    fn len(&self) -> io::Result<u64> {
        self.ask(|state| Ok(state.cached.len() as u64))
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.ask(|state| state.read(place(offset), out))
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.ask(|state| state.set_len(place(len)))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.ask(State::sync)
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.ask(|state| state.write(place(offset), data))
    }
}

fn place(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

fn dark() -> io::Error {
    io::Error::other("the power is gone")
}
