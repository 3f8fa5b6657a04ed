//! Changes as a file: what a link would carry, for whoever has none.
//!
//! A bundle has sealed changes, byte for byte as a relay keeps them, so that whoever finds it reads no more than a relay could. It needs no
//! relay and no link on the way: a stick, a mail, a folder that is shared. [`bundle`] makes one, and [`Bundle::decode`] and
//! [`Bundle::open`] read it and take nothing that a link would not: every change has to follow upon what is here, and be certified and
//! signed by its author. `docs/FORMAT.md` has the layout.

mod open;

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use bytes::Bytes;
use thiserror::Error;

pub use self::open::Opened;
use super::frame::{ChangeReader, ChangeWriter, Frame, FrameError};
use super::replica::LinkError;
use super::runs;
use super::sealing;
use super::seals::Seals;
use crate::change::Header;
use crate::clock::VersionVector;
use crate::codec::{DecodeError, DecodeErrorKind, Reader, Writer};
use crate::document::{Document, Log};
use crate::envelope::{Envelope, SEQ_MAX};
use crate::id::{DocumentId, ReplicaId};
use crate::keys::{Certificate, DocumentKeys, KeyError, ReplicaKey};
use crate::sealed::{Author, SealError};

/// The version of the layout that this program writes, and the newest that it reads.
pub const BUNDLE_VERSION: u64 = 1;

/// The most bytes that a bundle may have.
pub const BUNDLE_BYTES_MAX: usize = 1024 * 1024 * 1024;

const MAGIC: &[u8; 4] = b"QBND";
const CHECKSUM: &str = "quire v1 bundle";
const CHECKSUM_BYTES: usize = 32;
/// In front of the length: the magic and the version in one byte.
const LENGTH_AT: usize = MAGIC.len() + 1;
/// The fewest bytes of a sealed change with its length.
const CHANGE_BYTES_MIN: usize = 50;

/// A bundle that cannot be made, read or taken; nothing of it was taken.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum BundleError {
    /// It is something else.
    #[error("it is no bundle of changes")]
    Foreign,
    /// It is of a version that this program does not know.
    #[error("it is of version {found}, and this program knows version {BUNDLE_VERSION}: a newer Quire is needed")]
    Version {
        /// The version that it claims.
        found: u64,
    },
    /// It is not as long as it says.
    #[error("it has {bytes} bytes and was made with {expected}: it was cut off or altered on its way; copy it anew")]
    Length {
        /// How many bytes it has.
        bytes: u64,
        /// How many it had.
        expected: u64,
    },
    /// It is not as it was made.
    #[error("its checksum is wrong: it was altered on its way; copy it anew")]
    Altered,
    /// It is too long.
    #[error("it has {bytes} bytes; the limit is {limit}")]
    TooLong {
        /// How many bytes it has, at least.
        bytes: u64,
        /// [`BUNDLE_BYTES_MAX`].
        limit: u64,
    },
    /// It cannot be read, though it is as it was made.
    #[error("it cannot be read: {0}")]
    Malformed(#[from] DecodeError),
    /// A change in it cannot be read.
    #[error("a change in it cannot be read: {0}")]
    Change(#[from] FrameError),
    /// The keys are another document's.
    #[error("{0}")]
    Key(#[from] KeyError),
    /// A change in it is not its author's, or two were made in one place.
    #[error("it has what its author did not write: {0}")]
    Sealed(#[from] SealError),
    /// Something here cannot be sealed.
    #[error("it cannot be made: {0}")]
    Unproved(LinkError),
    /// Changes that wait for a signature are not followed by it.
    #[error("a change of {replica} at {first_seq} in it is not signed")]
    Unsigned {
        /// The author.
        replica: ReplicaId,
        /// The number of its first unit.
        first_seq: u64,
    },
    /// It has changes of this replica that this replica did not make.
    #[error(
        "it has {there} units of this device's own, which has made {here}: the library was copied or restored from a backup, and \
         both copies wrote"
    )]
    Copied {
        /// How many this replica has made.
        here: u64,
        /// How many the bundle has of it.
        there: u64,
    },
}

/// A bundle that was read, and of which nothing is verified yet.
#[derive(Clone, Debug)]
pub struct Bundle {
    document: DocumentId,
    version: VersionVector,
    changes: Vec<Envelope>,
}

impl Bundle {
    /// Reads a bundle. O(n) in its bytes, and no more memory than a few times as many.
    ///
    /// # Errors
    /// A [`BundleError`] when it is none, was cut off or altered, or is too long.
    pub fn decode(bytes: &Bytes) -> Result<Self, BundleError> {
        let body = checked(bytes)?;
        let mut reader = Reader::new(body);
        let (document, maker) = (reader.document()?, reader.replica()?);
        let version = read_version(&mut reader)?;
        let count = reader.count("changes", CHANGE_BYTES_MIN)?;
        let mut frames = ChangeReader::new(document, maker);
        let mut changes = Vec::with_capacity(count);
        for _ in 0..count {
            let frame = reader.bytes("change")?;
            let Frame::Change(change) = Frame::decode(frame)? else {
                return Err(FrameError::Malformed { bytes: frame.len() }.into());
            };
            changes.push(frames.read(change)?);
        }
        reader.finish()?;
        Ok(Self { document, version, changes })
    }

    /// The document that its changes belong to.
    pub const fn document(&self) -> DocumentId {
        self.document
    }

    /// What its maker held, as it says: whoever applies it where nothing is missing has that.
    pub const fn version(&self) -> &VersionVector {
        &self.version
    }

    /// How many changes it has.
    pub const fn len(&self) -> usize {
        self.changes.len()
    }

    /// Whether it has none: it only says what its maker held.
    pub const fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
}

/// What stands between the length and the checksum, if both are right.
fn checked(bytes: &Bytes) -> Result<&[u8], BundleError> {
    let length = bytes.len() as u64;
    let Some(rest) = bytes.strip_prefix(MAGIC) else { return Err(BundleError::Foreign) };
    let mut reader = Reader::new(rest);
    let found = reader.varint()?;
    if found != BUNDLE_VERSION {
        return Err(BundleError::Version { found });
    }
    let expected = u64::from_le_bytes(reader.array()?);
    if expected > BUNDLE_BYTES_MAX as u64 {
        return Err(BundleError::TooLong { bytes: expected, limit: BUNDLE_BYTES_MAX as u64 });
    }
    if expected != length {
        return Err(BundleError::Length { bytes: length, expected });
    }
    let (checked, checksum) = bytes.split_last_chunk::<CHECKSUM_BYTES>().ok_or(BundleError::Altered)?;
    if blake3::derive_key(CHECKSUM, checked) != *checksum {
        return Err(BundleError::Altered);
    }
    checked.get(LENGTH_AT + size_of::<u64>()..).ok_or(BundleError::Altered)
}

fn read_version(reader: &mut Reader<'_>) -> Result<VersionVector, DecodeError> {
    let count = reader.count("authors", 17)?;
    let mut entries = Vec::with_capacity(count);
    for _ in 0..count {
        let (replica, units) = (reader.replica()?, reader.varint()?);
        if units == 0 || units > SEQ_MAX {
            return Err(reader.error(DecodeErrorKind::Range { field: "units", value: units }));
        }
        if entries.last().is_some_and(|(last, _)| *last >= replica) {
            return Err(reader.error(DecodeErrorKind::Order { field: "authors" }));
        }
        entries.push((replica, units));
    }
    Ok(entries.into_iter().collect())
}

/// Makes a bundle of what the first `log_end` changes of a document's log have and `since` does not. These changes must be on the disk, and
/// from here on the replica must not be surprised that others have what it made of them:
/// [`Replica::handle_given_out`](super::Replica::handle_given_out).
///
/// `seals` proves what others made, and says how far the own chain is known; `replica` is the document's own key.
///
/// # Errors
/// A [`BundleError`] when the keys are another document's, a change has no proof, or the bundle would be too long.
///
/// # Cost
/// For each change O(its bytes), and for each of the replica's own a signature.
pub fn bundle(
    document: &Document,
    log_end: usize,
    seals: &Seals,
    keys: &DocumentKeys,
    replica: &ReplicaKey,
    since: &VersionVector,
) -> Result<Vec<u8>, BundleError> {
    keys.check(document.id())?;
    let mut sealer = Sealer::new(keys, replica, seals, since);
    let (mut frames, mut body, mut count) = (ChangeWriter::new(replica.id()), Writer::default(), 0);
    let mut version = VersionVector::new();
    let log = document.log();
    let log_end = log_end.min(log.len());
    for position in 0..log_end {
        let Some(header) = log.header(position) else { break };
        version.observe(header.replica, header.end_seq());
        for envelope in sealer.run_of(&log, log_end, position) {
            if let Some(sealed) = sealer.seal(&envelope).map_err(BundleError::Unproved)? {
                body.bytes(&frames.frame(&sealed));
                count += 1;
            }
        }
        if body.len() > BUNDLE_BYTES_MAX {
            return Err(BundleError::TooLong { bytes: body.len() as u64, limit: BUNDLE_BYTES_MAX as u64 });
        }
    }
    encode(document.id(), replica.id(), &version, count, &body.finish())
}

fn encode(
    document: DocumentId,
    maker: ReplicaId,
    version: &VersionVector,
    count: u64,
    frames: &[u8],
) -> Result<Vec<u8>, BundleError> {
    let mut head = Writer::default();
    head.raw(document.as_bytes());
    head.raw(maker.as_bytes());
    head.varint(version.len() as u64);
    for (replica, units) in version.iter() {
        head.raw(replica.as_bytes());
        head.varint(units);
    }
    head.varint(count);
    let head = head.finish();
    let length = LENGTH_AT + size_of::<u64>() + head.len() + frames.len() + CHECKSUM_BYTES;
    if length > BUNDLE_BYTES_MAX {
        return Err(BundleError::TooLong { bytes: length as u64, limit: BUNDLE_BYTES_MAX as u64 });
    }
    let mut writer = Writer::with_room(length);
    writer.raw(MAGIC);
    writer.varint(BUNDLE_VERSION);
    writer.raw(&(length as u64).to_le_bytes());
    writer.raw(&head);
    writer.raw(frames);
    let mut bytes = writer.finish();
    let checksum = blake3::derive_key(CHECKSUM, &bytes);
    bytes.extend_from_slice(&checksum);
    Ok(bytes)
}

/// Seals a log's changes one after the other, from the place on where somebody lacks them.
struct Sealer<'a> {
    keys: &'a DocumentKeys,
    replica: &'a ReplicaKey,
    certificate: Option<Certificate>,
    seals: &'a Seals,
    since: &'a VersionVector,
    own: Option<Author>,
    others: BTreeMap<ReplicaId, Author>,
}

impl<'a> Sealer<'a> {
    fn new(keys: &'a DocumentKeys, replica: &'a ReplicaKey, seals: &'a Seals, since: &'a VersionVector) -> Self {
        let own = seals.own().copied().filter(|own| own.count <= since.get(replica.id()));
        let certificate = keys.certify(replica);
        Self { keys, replica, certificate, seals, since, own, others: BTreeMap::new() }
    }

    /// The change at this position of the log, with the rest of its run if another replica made it; nothing if it was given with an earlier
    /// one, or if the end of its run is not here: then it cannot be proved.
    fn run_of(&self, log: &Log<'_>, log_end: usize, position: usize) -> Vec<Envelope> {
        let Some(header) = log.header(position) else { return Vec::new() };
        let run = if header.replica == self.replica.id() {
            Vec::from([position])
        } else if self.is_lacked(&header) {
            runs::run_at(log, log_end, Some(self.seals), position).unwrap_or_default()
        } else {
            Vec::new()
        };
        run.into_iter().filter_map(|position| log.envelope(position)).collect()
    }

    /// Whether it is in nobody's hands yet, as far as this is known, and was not given before.
    fn is_lacked(&self, header: &Header) -> bool {
        let given = self.others.get(&header.replica).map_or(0, |author| author.count);
        header.end_seq() > self.since.get(header.replica).max(given)
    }

    /// A change, sealed; `None` if it is not lacked.
    fn seal(&mut self, envelope: &Envelope) -> Result<Option<Envelope>, LinkError> {
        let header = envelope.header();
        if header.replica != self.replica.id() {
            return self.seal_known(envelope).map(Some);
        }
        let is_lacked = header.end_seq() > self.since.get(header.replica);
        if self.own.is_some_and(|own| header.end_seq() <= own.count) {
            return Ok(None);
        }
        let sealed = self.seal_own(envelope, is_lacked.then_some(self.replica))?;
        Ok(is_lacked.then_some(sealed))
    }

    fn seal_own(&mut self, envelope: &Envelope, signer: Option<&ReplicaKey>) -> Result<Envelope, LinkError> {
        let (certificate, before) = (self.certificate.as_ref(), self.own.as_ref());
        let (sealed, author) = sealing::seal_own(self.keys, certificate, before, envelope, signer)?;
        self.own = Some(author);
        Ok(sealed)
    }

    fn seal_known(&mut self, envelope: &Envelope) -> Result<Envelope, LinkError> {
        let header = envelope.header();
        let seal = self.seals.get(header.replica, header.first_seq, header.end_seq());
        let before = self.others.get(&header.replica).copied();
        let before = before.or_else(|| self.seals.author(header.replica, header.first_seq));
        let (sealed, author) = sealing::seal_known(self.keys, before.as_ref(), envelope, seal.as_ref())?;
        // A change that somebody put into other bytes than we would cannot be made again.
        if seal.is_none_or(|seal| seal.author != author) {
            return Err(LinkError::Unproved { replica: header.replica });
        }
        self.others.insert(header.replica, author);
        Ok(sealed)
    }
}
