//! The body of a Change frame: what both ends of a link know already is not said again.
//!
//! Each direction of a link has a table of its own that begins empty: it gives the replicas numbers in the order in which they are
//! named, and holds how many units of each were last spoken of. The sender's and the receiver's are equal at each frame, since
//! frames come whole and in order. `docs/PROTOCOL.md` has the layout.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use bytes::Bytes;

use super::{CHANGE_TAG, FrameError};
use crate::change::Header;
use crate::clock::VersionVector;
use crate::codec::{DecodeError, DecodeErrorKind, Reader, Writer, unzigzag, zigzag};
use crate::envelope::{Envelope, SEQ_MAX};
use crate::id::{DocumentId, ReplicaId};

/// The most replicas that one direction of a link may name.
pub const LINK_REPLICAS_MAX: usize = 65_536;

/// In a frame's first byte: the change has one unit, and no length.
const ONE_UNIT: u8 = 1;
/// Its first `seq` is not the one that the table says, and follows.
const FIRST_SEQ: u8 = 2;
/// It names deps.
const DEPS: u8 = 4;
/// From this bit on stands the author's number, if it is below [`NUMBER_FOLLOWS`].
const AUTHOR_AT: u8 = 3;
/// The author's number follows as a varint.
const NUMBER_FOLLOWS: u8 = 30;
/// The author has no number yet: its 16 bytes follow, and it gets the next one.
const AUTHOR_FOLLOWS: u8 = 31;

/// In front of the number of deps that are heads.
const HEADS_FOLLOW: u64 = 0;

/// Before a dep that has no number yet: its 16 bytes follow, and it gets the next one. Others say one more than their number.
const DEP_FOLLOWS: u64 = 0;

/// The field of which there is too much when too many replicas are named.
const TOO_MANY: &str = "replicas of a link";

/// Replicas, and each one's number: how many came before it.
#[derive(Clone, Debug, Default)]
pub(in crate::sync) struct Replicas {
    replicas: Vec<ReplicaId>,
    numbers: BTreeMap<ReplicaId, u32>,
}

impl Replicas {
    /// The number of a replica, which it has from now on if it had none. O(log n).
    pub(in crate::sync) fn number(&mut self, replica: ReplicaId) -> u32 {
        let next = u32::try_from(self.replicas.len()).unwrap_or(u32::MAX);
        *self.numbers.entry(replica).or_insert_with(|| {
            self.replicas.push(replica);
            next
        })
    }

    fn get(&self, number: u32) -> Option<ReplicaId> {
        self.replicas.get(number as usize).copied()
    }
}

/// What is said of a change besides its payload; its replicas are numbers in some [`Replicas`].
#[derive(Clone, Debug)]
pub(in crate::sync) struct Short {
    pub(in crate::sync) author: u32,
    pub(in crate::sync) first_seq: u64,
    pub(in crate::sync) len: u64,
    pub(in crate::sync) deps: Vec<(u32, u64)>,
    pub(in crate::sync) heads: bool,
}

impl Short {
    /// That of a header; its replicas get numbers.
    pub(in crate::sync) fn of(header: &Header, replicas: &mut Replicas) -> Self {
        let deps = header.deps.iter().map(|(replica, count)| (replicas.number(replica), count)).collect();
        let author = replicas.number(header.replica);
        Self { author, first_seq: header.first_seq, len: header.len, deps, heads: header.heads }
    }
}

/// What was sent in one direction of a link.
#[derive(Clone, Debug)]
pub(in crate::sync) struct Sent {
    /// The replica whose link it is: number 0.
    own: ReplicaId,
    /// For each replica, by its number in the [`Replicas`] that are used with this.
    slots: Vec<Slot>,
    named: u32,
}

/// What the receiver knows of a replica.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    number: Option<u32>,
    count: u64,
}

impl Sent {
    /// Nothing yet, on the link of this replica.
    pub(in crate::sync) const fn new(own: ReplicaId) -> Self {
        Self { own, slots: Vec::new(), named: 1 }
    }

    /// The frame of a change, which must be the next that is sent. O(deps + bytes of the payload).
    pub(in crate::sync) fn frame(&mut self, replicas: &Replicas, change: &Short, payload: &[u8]) -> Bytes {
        let author = self.slot(replicas, change.author);
        let (number, implied) = (author.number, author.count == change.first_seq);
        // Who types on needs two bytes and the payload, and gets no more.
        let is_plain = number.is_some() && implied && change.len == 1 && change.deps.is_empty();
        let mut writer = Writer::with_room(payload.len() + if is_plain { 2 } else { 64 });
        author.count = change.first_seq + change.len;
        let short = match number {
            None => AUTHOR_FOLLOWS,
            Some(number) => u8::try_from(number).unwrap_or(NUMBER_FOLLOWS).min(NUMBER_FOLLOWS),
        };
        let flag = |flag, is_set| if is_set { flag } else { 0 };
        let flags = flag(ONE_UNIT, change.len == 1) | flag(FIRST_SEQ, !implied) | flag(DEPS, !change.deps.is_empty());
        writer.byte(CHANGE_TAG);
        writer.byte(flags | (short << AUTHOR_AT));
        match number {
            None => self.introduce(&mut writer, replicas, change.author),
            Some(number) if short == NUMBER_FOLLOWS => writer.varint(u64::from(number)),
            Some(_) => {}
        }
        if !implied {
            writer.varint(change.first_seq);
        }
        if change.len != 1 {
            writer.varint(change.len);
        }
        if !change.deps.is_empty() {
            if change.heads {
                writer.varint(HEADS_FOLLOW);
            }
            self.deps(&mut writer, replicas, &change.deps);
        }
        writer.raw(payload);
        writer.into_bytes()
    }

    fn deps(&mut self, writer: &mut Writer, replicas: &Replicas, deps: &[(u32, u64)]) {
        writer.varint(deps.len() as u64);
        for (replica, count) in deps {
            if let Some(number) = self.slot(replicas, *replica).number {
                writer.varint(u64::from(number) + 1);
            } else {
                writer.varint(DEP_FOLLOWS);
                self.introduce(writer, replicas, *replica);
            }
            let slot = self.slot(replicas, *replica);
            writer.varint(zigzag(count.cast_signed() - slot.count.cast_signed()));
            slot.count = *count;
        }
    }

    fn slot(&mut self, replicas: &Replicas, replica: u32) -> &mut Slot {
        let at = replica as usize;
        if self.slots.len() <= at {
            self.slots.resize(at + 1, Slot::default());
        }
        let slot = &mut self.slots[at];
        if slot.number.is_none() && replicas.get(replica) == Some(self.own) {
            slot.number = Some(0);
        }
        slot
    }

    fn introduce(&mut self, writer: &mut Writer, replicas: &Replicas, replica: u32) {
        if let (Some(id), Some(slot)) = (replicas.get(replica), self.slots.get_mut(replica as usize)) {
            writer.raw(id.as_bytes());
            slot.number = Some(self.named);
            self.named += 1;
        }
    }
}

/// Writes the Change frames of one direction of a link, in the order in which they are sent.
#[derive(Clone, Debug)]
pub struct ChangeWriter {
    replicas: Replicas,
    sent: Sent,
}

impl ChangeWriter {
    /// At the start of the link of `replica`: the one that its Hello names, in both directions.
    pub fn new(replica: ReplicaId) -> Self {
        Self { replicas: Replicas::default(), sent: Sent::new(replica) }
    }

    /// The frame that carries a change, which must be the next that is sent. O(log n) for each of its deps.
    pub fn frame(&mut self, envelope: &Envelope) -> Bytes {
        let short = Short::of(envelope.header(), &mut self.replicas);
        self.sent.frame(&self.replicas, &short, envelope.payload())
    }
}

/// Reads the Change frames of one direction of a link, in the order in which they come.
#[derive(Clone, Debug)]
pub struct ChangeReader {
    document: DocumentId,
    replicas: Replicas,
    /// How many units of each were last spoken of.
    counts: Vec<u64>,
    /// How many replicas may be named besides the one whose link it is.
    others_max: usize,
}

impl ChangeReader {
    /// At the start of the link of `replica` for a document, as its Hello names them, in both directions.
    pub fn new(document: DocumentId, replica: ReplicaId) -> Self {
        let mut replicas = Replicas::default();
        replicas.number(replica);
        Self { document, replicas, counts: Vec::from([0]), others_max: LINK_REPLICAS_MAX }
    }

    /// The same, for at most so many replicas besides the one whose link it is.
    #[must_use]
    pub const fn with_others_max(mut self, others_max: usize) -> Self {
        self.others_max = others_max;
        self
    }

    /// The envelope of the change that the body of a [`Frame::Change`](super::Frame::Change) carries. O(log n) for each of its
    /// deps, and O(its bytes).
    ///
    /// # Errors
    /// A [`FrameError`] when the body cannot be read or names more replicas than it may. Nothing more of this direction can be
    /// read then.
    pub fn read(&mut self, body: &[u8]) -> Result<Envelope, FrameError> {
        let mut reader = Reader::new(body);
        let envelope = self.header(&mut reader).and_then(|header| {
            let payload = &body[body.len() - reader.remaining()..];
            Envelope::put_together(self.document, header, payload)
        });
        envelope.map_err(|error| match error.kind {
            DecodeErrorKind::Range { field: TOO_MANY, .. } => {
                FrameError::Replicas { replicas: self.counts.len(), limit: self.others_max }
            }
            _ => FrameError::Malformed { bytes: body.len() + 1 },
        })
    }

    fn header(&mut self, reader: &mut Reader<'_>) -> Result<Header, DecodeError> {
        let first = reader.byte()?;
        let author = match first >> AUTHOR_AT {
            AUTHOR_FOLLOWS => self.introduced(reader)?,
            NUMBER_FOLLOWS => {
                let number = reader.varint()?;
                self.numbered(reader, number)?
            }
            number => self.numbered(reader, u64::from(number))?,
        };
        let first_seq = if first & FIRST_SEQ == 0 { self.counts[author] } else { reader.varint()? };
        let len = if first & ONE_UNIT == 0 { reader.varint()? } else { 1 };
        if len == 0 || len > SEQ_MAX || first_seq > SEQ_MAX - len {
            return Err(reader.error(DecodeErrorKind::Range { field: "length of the change", value: len }));
        }
        let (deps, heads) = if first & DEPS == 0 { (VersionVector::new(), false) } else { self.deps(reader, author)? };
        self.counts[author] = first_seq + len;
        Ok(Header { replica: self.replicas.replicas[author], first_seq, len, deps, heads })
    }

    /// Deps, and whether they are heads.
    fn deps(&mut self, reader: &mut Reader<'_>, author: usize) -> Result<(VersionVector, bool), DecodeError> {
        let mut count = reader.count("deps", 2)?;
        let heads = count as u64 == HEADS_FOLLOW;
        if heads {
            count = reader.count("deps", 2)?;
        }
        let mut deps = Vec::with_capacity(count);
        for _ in 0..count {
            let at = match reader.varint()? {
                DEP_FOLLOWS => self.introduced(reader)?,
                number => self.numbered(reader, number - 1)?,
            };
            let value = reader.varint()?;
            let units = self.counts[at].checked_add_signed(unzigzag(value));
            let Some(units) = units.filter(|units| (1..=SEQ_MAX).contains(units) && at != author) else {
                return Err(reader.error(DecodeErrorKind::Range { field: "dep", value }));
            };
            self.counts[at] = units;
            deps.push((self.replicas.replicas[at], units));
        }
        let deps: VersionVector = deps.into_iter().collect();
        if deps.len() != count || count == 0 {
            return Err(reader.error(DecodeErrorKind::Order { field: "deps" }));
        }
        Ok((deps, heads))
    }

    fn numbered(&self, reader: &Reader<'_>, value: u64) -> Result<usize, DecodeError> {
        let at = usize::try_from(value).ok().filter(|at| *at < self.counts.len());
        at.ok_or_else(|| reader.error(DecodeErrorKind::Range { field: "number of a replica", value }))
    }

    fn introduced(&mut self, reader: &mut Reader<'_>) -> Result<usize, DecodeError> {
        let replica = reader.replica()?;
        let at = self.counts.len();
        if at > self.others_max {
            return Err(reader.error(DecodeErrorKind::Range { field: TOO_MANY, value: at as u64 }));
        }
        // Whoever has a number is not introduced again.
        if self.replicas.number(replica) as usize != at {
            return Err(reader.error(DecodeErrorKind::Order { field: "replicas" }));
        }
        self.counts.push(0);
        Ok(at)
    }
}

#[cfg(test)]
mod tests;
