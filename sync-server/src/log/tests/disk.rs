//! A disk in memory that keeps an account of what was asked of it, fills up, and can be cut off.

use std::io;
use std::sync::{Arc, Mutex};

use redb::StorageBackend;

/// One thing that was asked of the disk.
#[derive(Clone, Debug)]
pub(super) enum Asked {
    Write { at: u64, bytes: Vec<u8> },
    Len(u64),
    Sync,
}

#[derive(Debug, Default)]
struct State {
    bytes: Vec<u8>,
    asked: Vec<Asked>,
    /// From how many bytes on the disk is full.
    full_at: Option<u64>,
}

/// The disk; clones are the same one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk(Arc<Mutex<State>>);

impl Disk {
    pub(crate) fn holding(bytes: Vec<u8>) -> Self {
        Self(Arc::new(Mutex::new(State { bytes, ..State::default() })))
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().bytes.clone()
    }

    pub(super) fn asked(&self) -> Vec<Asked> {
        self.0.lock().unwrap().asked.clone()
    }

    pub(super) fn asked_len(&self) -> usize {
        self.0.lock().unwrap().asked.len()
    }

    /// No byte more than it has now.
    pub(crate) fn fill(&self) {
        let mut state = self.0.lock().unwrap();
        state.full_at = Some(state.bytes.len() as u64);
    }
}

/// What a disk may hold after the power went at this point: all that was synced, and of what was written since, the parts that
/// `kept` says, by number; the last of them only half.
pub(super) fn after_power_loss(asked: &[Asked], kept: impl Fn(usize) -> bool) -> Vec<u8> {
    let synced = asked.iter().rposition(|one| matches!(one, Asked::Sync)).unwrap_or(0);
    let mut bytes = Vec::new();
    for (number, one) in asked.iter().enumerate() {
        let torn = number + 1 == asked.len() && number > synced;
        match one {
            Asked::Len(len) => bytes.resize(usize::try_from(*len).unwrap(), 0),
            Asked::Write { at, bytes: written } if number <= synced || kept(number) => {
                let (at, len) = (usize::try_from(*at).unwrap(), if torn { written.len() / 2 } else { written.len() });
                bytes[at..at + len].copy_from_slice(&written[..len]);
            }
            Asked::Sync | Asked::Write { .. } => {}
        }
    }
    bytes
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.lock().unwrap().bytes.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.0.lock().unwrap();
        let at = usize::try_from(offset).unwrap();
        let part = state.bytes.get(at..at + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(part);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        if state.full_at.is_some_and(|full_at| len > full_at) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        state.asked.push(Asked::Len(len));
        state.bytes.resize(usize::try_from(len).unwrap(), 0);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.lock().unwrap().asked.push(Asked::Sync);
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        let at = usize::try_from(offset).unwrap();
        state.bytes.get_mut(at..at + data.len()).ok_or(io::ErrorKind::UnexpectedEof)?.copy_from_slice(data);
        state.asked.push(Asked::Write { at: offset, bytes: data.to_vec() });
        Ok(())
    }
}
