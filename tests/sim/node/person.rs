//! Somebody who writes at a device, and what must hold of it at once.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::OnceLock;

use bytes::Bytes;
use quire_crdt::sync::{Now, Replica};
use quire_crdt::{Anchor, Bias, EditError, OpId, ReplicaId, Value};

use super::Node;
use crate::plan::Deed;
use crate::rng::Rng;
use crate::trace::Trace;

const KEYS: [&str; 3] = ["title", "tags", "version/7/9"];

/// The recording that [`Deed::Replay`] plays, and how many of its edits are.
const RECORDING: &str = "sveltecomponent";

/// Somebody is typing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Typing {
    left: u16,
    every_us: u64,
    backwards: bool,
    caret: Anchor,
    pub(super) next_us: u64,
}

/// Where, how many characters are deleted there, and what is inserted.
type Edit = (usize, usize, String);

/// A recording of real writing, of which the devices make one edit after the other.
#[derive(Debug, Default)]
pub struct Recording {
    edits: &'static [Edit],
    next: usize,
}

impl Recording {
    /// Reads it, once for all runs.
    ///
    /// # Errors
    /// When it is not there.
    pub fn read() -> Result<Self, String> {
        static EDITS: OnceLock<Result<Vec<Edit>, String>> = OnceLock::new();
        let edits = EDITS.get_or_init(|| {
            let trace = Trace::read(RECORDING).map_err(|error| error.to_string())?;
            Ok(trace.transactions.into_iter().flat_map(|transaction| transaction.patches).take(4_000).collect())
        });
        Ok(Self { edits: edits.as_ref().map_err(Clone::clone)?, next: 0 })
    }
}

/// A character: most are letters, some take two, three or four bytes, some end a line.
fn character(rng: &mut Rng) -> char {
    match rng.below(40) {
        0 => '\n',
        1 => 'é',
        2 => '好',
        3 => '𝄞',
        4..8 => ' ',
        _ => char::from(b'a' + u8::try_from(rng.below(26)).unwrap_or(0)),
    }
}

fn words(rng: &mut Rng, chars: u16) -> String {
    (0..chars).map(|_| character(rng)).collect()
}

fn some_range(rng: &mut Rng, len: usize, longest: usize) -> Range<usize> {
    let start = rng.below(len + 1);
    start..(start + 1 + rng.below(longest)).min(len)
}

/// The visible characters of others.
fn of_others(replica: &Replica) -> BTreeSet<OpId> {
    let (text, own): (_, ReplicaId) = (replica.document().text(), replica.document().replica());
    let runs = text.visible_runs(0..text.len_chars()).filter(|run| run.first.replica != own);
    runs.flat_map(|run| (0..run.len).map(move |unit| run.first.plus(unit))).collect()
}

impl Node {
    /// Somebody does something with the document. Deeds about links and the program are the world's.
    ///
    /// # Errors
    /// An edit inside the document that is refused, or an undo that touches what others wrote (G7).
    pub fn perform(&mut self, at_us: u64, deed: Deed, recording: &mut Recording) -> Result<(), String> {
        if !self.can_write() && !matches!(deed, Deed::Show) {
            return Ok(());
        }
        let now = self.clock.now(at_us);
        let (rng, Some(replica)) = (&mut self.rng, &mut self.replica) else { return Ok(()) };
        replica.set_time(now.wall_s());
        let len = replica.document().text().len_chars();
        let done: Result<(), EditError> = match deed {
            Deed::Type { chars, every_us, backwards } => {
                let caret = replica.document().text().anchor(rng.below(len + 1), Bias::Left);
                replica.end_undo_group();
                let every_us = u64::from(every_us);
                self.typing = Some(Typing { left: chars, every_us, backwards, caret, next_us: at_us });
                Ok(())
            }
            Deed::Paste(chars) => replica.insert(rng.below(len + 1), &words(rng, chars)),
            Deed::Erase(chars) => replica.delete(some_range(rng, len, usize::from(chars))),
            Deed::Backspace(times) => backspace(replica, rng.below(len + 1), times),
            Deed::Undo(times) => return undo(replica, times, Replica::undo),
            Deed::Redo(times) => return undo(replica, times, Replica::redo),
            Deed::Set(key) => set(replica, key, Some(Value::Text(words(rng, 5)))),
            Deed::Unset(key) => set(replica, key, None),
            Deed::Restore => {
                let position = rng.below(replica.document().log().len() + 1);
                let version = replica.document().log().version_after(position).unwrap_or_default();
                let range = some_range(rng, len, 50);
                replica.restore(range, &version)
            }
            Deed::Replay(edits) => replay(replica, recording, usize::from(edits)),
            Deed::Show => replica.set_presence(Some(Bytes::from(vec![b'x'; 1 + rng.below(9)]))),
            Deed::Online | Deed::Offline | Deed::UseRelay(_) | Deed::Close(_) => Ok(()),
        };
        done.map_err(|error| error.to_string())?;
        if rng.chance(80) {
            replica.end_undo_group();
        }
        if rng.chance(85) {
            replica.commit();
        }
        Ok(())
    }

    /// Types the next character, if it is time.
    ///
    /// # Errors
    /// An edit inside the document that is refused.
    pub fn type_on(&mut self, at_us: u64, now: Now) -> Result<bool, String> {
        let Some(mut typing) = self.typing.filter(|typing| typing.next_us <= at_us) else { return Ok(false) };
        let Some(replica) = &mut self.replica else { return Ok(false) };
        replica.set_time(now.wall_s());
        let text = replica.document().text();
        let at = text.position(typing.caret).unwrap_or(0).min(text.len_chars());
        let mut letter = [0; 4];
        replica
            .insert(at, character(&mut self.rng).encode_utf8(&mut letter))
            .map_err(|error| format!("typing at {at}: {error}"))?;
        let text = replica.document().text();
        typing.caret = if typing.backwards { text.anchor(at, Bias::Right) } else { text.anchor(at + 1, Bias::Left) };
        if self.rng.chance(70) {
            replica.commit();
        }
        typing.left = typing.left.saturating_sub(1);
        typing.next_us = at_us + typing.every_us;
        if typing.left == 0 {
            replica.commit();
        }
        self.typing = Some(typing).filter(|typing| typing.left > 0);
        Ok(true)
    }

    /// Nobody types any more, and what was typed is committed.
    pub fn rest(&mut self) {
        self.typing = None;
        if let Some(replica) = &mut self.replica {
            replica.commit();
        }
    }
}

fn backspace(replica: &mut Replica, from: usize, times: u8) -> Result<(), EditError> {
    (0..usize::from(times).min(from)).try_for_each(|deleted| replica.delete(from - deleted - 1..from - deleted))
}

fn set(replica: &mut Replica, key: u8, value: Option<Value>) -> Result<(), EditError> {
    replica.set(KEYS[usize::from(key) % KEYS.len()], value)
}

fn replay(replica: &mut Replica, recording: &mut Recording, edits: usize) -> Result<(), EditError> {
    for (at, deleted, inserted) in recording.edits.iter().skip(recording.next).take(edits) {
        let len = replica.document().text().len_chars();
        let at = (*at).min(len);
        replica.delete(at..(at + deleted).min(len))?;
        replica.insert(at, inserted)?;
        replica.commit();
    }
    recording.next += edits;
    Ok(())
}

/// Undo is mine: nothing that others wrote and that is visible goes.
fn undo(replica: &mut Replica, times: u8, step: impl Fn(&mut Replica) -> bool) -> Result<(), String> {
    for _ in 0..times {
        let before = of_others(replica);
        step(replica);
        let after = of_others(replica);
        if let Some(gone) = before.difference(&after).next() {
            return Err(format!("an undo took {gone}, which somebody else wrote"));
        }
    }
    replica.commit();
    Ok(())
}
