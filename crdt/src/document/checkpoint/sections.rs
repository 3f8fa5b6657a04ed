//! The head of a checkpoint and the sections behind it, each compressed where that helps.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress, inflate_flags};

use super::history::TIMES_SINCE;
use super::{CHECKPOINT_VERSION, CheckpointError};
use crate::codec::{DecodeError, DecodeErrorKind, Reader, Writer};
use crate::id::{DocumentId, ID_BYTES, ReplicaId};
use crate::units::UNITS_MAX;

/// What a checkpoint starts with.
const MAGIC: [u8; 4] = *b"QCKP";

/// How hard the compressor looks for repetitions, of at most 10.
const COMPRESSION_LEVEL: u8 = 9;

/// The most bytes that all sections may decompress to, for each byte of the checkpoint, and how many more.
const EXPANSION_MAX: u64 = 64;
const EXPANSION_BYTES_MORE: u64 = 1024 * 1024;

/// The most bytes that a section may decompress to: text is counted in 32 bits.
const SECTION_BYTES_MAX: u64 = u32::MAX as u64;

/// The sections, in their order.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Section {
    /// The visible text, then the letters of deleted characters in the order in which they were inserted.
    Letters,
    Map,
    Changes,
    Deps,
    Steps,
    Near,
    Far,
    Rights,
    Writes,
    /// In a layout before [`TIMES_SINCE`] there is none.
    Times,
}

pub(super) const SECTIONS: usize = 10;

/// How many sections there are in a version of the layout.
const fn sections_of(version: u64) -> usize {
    if version < TIMES_SINCE { SECTIONS - 1 } else { SECTIONS }
}

impl Section {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Letters => "text",
            Self::Map => "map",
            Self::Changes => "list of changes",
            Self::Deps => "list of deps",
            Self::Steps => "list of steps",
            Self::Near => "list of near places",
            Self::Far => "list of far places",
            Self::Rights => "list of right origins",
            Self::Writes => "list of writes to the map",
            Self::Times => "list of times",
        }
    }

    /// For errors in what this section decompresses to.
    pub(super) fn error(self) -> impl Fn(DecodeError) -> CheckpointError {
        move |error| CheckpointError::Decode { section: self.name(), error }
    }
}

/// Where a section is, and what it is.
#[derive(Clone, Debug, Default)]
struct Stored {
    /// How many bytes it decompresses to; as many as are stored, if it is not compressed.
    raw: usize,
    at: Range<usize>,
    checksum: u32,
}

/// What stands in front of the sections.
#[derive(Clone, Debug)]
pub(super) struct Head {
    /// The version of the layout.
    pub(super) version: u64,
    pub(super) document: DocumentId,
    /// Who wrote, in the order in which they came, and how many units.
    pub(super) authors: Vec<(ReplicaId, u64)>,
    pub(super) changes: usize,
    /// How many bytes of the letters are the visible text.
    pub(super) shown: usize,
    sections: [Stored; SECTIONS],
}

const HEAD: &str = "head";

fn in_head(error: DecodeError) -> CheckpointError {
    CheckpointError::Decode { section: HEAD, error }
}

impl Head {
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, CheckpointError> {
        if !bytes.starts_with(&MAGIC) {
            return Err(CheckpointError::Magic);
        }
        let mut reader = Reader::new(bytes);
        let mut head = Self::decode_fields(&mut reader).map_err(in_head)?;
        let len = bytes.len() - reader.remaining();
        let checksum = reader.array().map(u32::from_le_bytes).map_err(in_head)?;
        if checksum != crc32fast::hash(&bytes[..len]) {
            return Err(CheckpointError::Checksum { section: HEAD });
        }
        let raw = head.sections.iter().map(|section| section.raw as u64).sum();
        let limit = EXPANSION_MAX * bytes.len() as u64 + EXPANSION_BYTES_MORE;
        if raw > limit {
            return Err(CheckpointError::Expansion { bytes: raw, limit });
        }
        let start = bytes.len() - reader.remaining();
        for section in &mut head.sections {
            section.at = section.at.start + start..section.at.end + start;
        }
        let stored = head.sections.iter().map(|section| section.at.end).max().unwrap_or(start);
        match (bytes.len().checked_sub(stored), reader.remaining()) {
            (Some(0), _) => Ok(head),
            (Some(extra), _) => Err(in_head(DecodeError { at: stored, kind: DecodeErrorKind::Trailing { extra } })),
            (None, _) => Err(in_head(DecodeError { at: bytes.len(), kind: DecodeErrorKind::Truncated })),
        }
    }

    /// The fields up to the checksum; the sections are counted from the end of the head.
    fn decode_fields(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.array::<{ MAGIC.len() }>()?;
        let version = reader.version(CHECKPOINT_VERSION)?;
        let document = reader.document()?;
        let count = reader.count("authors", ID_BYTES + 1)?;
        let mut authors = Vec::with_capacity(count);
        for _ in 0..count {
            let (replica, units) = (reader.replica()?, reader.varint()?);
            if units == 0 || units > UNITS_MAX as u64 {
                return Err(reader.error(DecodeErrorKind::Range { field: "units of an author", value: units }));
            }
            authors.push((replica, units));
        }
        let mut ids: Vec<ReplicaId> = authors.iter().map(|(replica, _)| *replica).collect();
        ids.sort_unstable();
        if ids.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(reader.error(DecodeErrorKind::Order { field: "authors" }));
        }
        let value = reader.varint()?;
        let too_many = reader.error(DecodeErrorKind::Range { field: "changes", value });
        let changes = usize::try_from(value).ok().filter(|changes| *changes <= UNITS_MAX).ok_or(too_many)?;
        let shown = size(reader)?;
        let (mut sections, mut at) = ([const { Stored { raw: 0, at: 0..0, checksum: 0 } }; SECTIONS], 0);
        for section in sections.iter_mut().take(sections_of(version)) {
            let (raw, stored) = (size(reader)?, size(reader)?);
            if stored > raw {
                return Err(reader.error(DecodeErrorKind::Range { field: "length of a section", value: stored as u64 }));
            }
            let checksum = u32::from_le_bytes(reader.array()?);
            *section = Stored { raw, at: at..at + stored, checksum };
            at += stored;
        }
        if shown > sections[Section::Letters as usize].raw {
            return Err(
                reader.error(DecodeErrorKind::Range { field: "bytes of the visible text", value: shown as u64 })
            );
        }
        Ok(Self { version, document, authors, changes, shown, sections })
    }

    /// A section as it was before it was compressed. `bytes` are those that the head was read from.
    pub(super) fn raw(&self, bytes: &[u8], section: Section) -> Result<Vec<u8>, CheckpointError> {
        self.prefix(bytes, section, self.sections[section as usize].raw)
    }

    /// The first bytes of a section, of which there must be so many.
    fn prefix(&self, bytes: &[u8], section: Section, len: usize) -> Result<Vec<u8>, CheckpointError> {
        let Stored { raw, at, checksum } = &self.sections[section as usize];
        let stored = &bytes[at.clone()];
        if crc32fast::hash(stored) != *checksum {
            return Err(CheckpointError::Checksum { section: section.name() });
        }
        if stored.len() == *raw {
            return Ok(stored[..len].to_vec());
        }
        let mut out = vec![0; len];
        let flags = inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
        let (status, _, written) = decompress(&mut DecompressorOxide::new(), stored, &mut out, 0, flags);
        let whole = status == TINFLStatus::Done || (status == TINFLStatus::HasMoreOutput && len < *raw);
        if written == len && whole {
            Ok(out)
        } else {
            Err(CheckpointError::Compression { section: section.name(), bytes: len })
        }
    }

    /// The visible text.
    pub(super) fn text(&self, bytes: &[u8]) -> Result<String, CheckpointError> {
        text(self.prefix(bytes, Section::Letters, self.shown)?, 0)
    }

    /// The visible text, and the letters of deleted characters.
    pub(super) fn letters(&self, bytes: &[u8]) -> Result<(String, String), CheckpointError> {
        let mut shown = self.raw(bytes, Section::Letters)?;
        let deleted = shown.split_off(self.shown);
        Ok((text(shown, 0)?, text(deleted, self.shown)?))
    }
}

/// Text that stands at an offset in the letters.
fn text(bytes: Vec<u8>, at: usize) -> Result<String, CheckpointError> {
    String::from_utf8(bytes).map_err(|error| {
        let at = at + error.utf8_error().valid_up_to();
        Section::Letters.error()(DecodeError { at, kind: DecodeErrorKind::Utf8 })
    })
}

/// A length of a section.
fn size(reader: &mut Reader<'_>) -> Result<usize, DecodeError> {
    let value = reader.varint()?;
    let error = reader.error(DecodeErrorKind::Range { field: "length of a section", value });
    usize::try_from(value).ok().filter(|_| value <= SECTION_BYTES_MAX).ok_or(error)
}

/// A checkpoint of these sections, in this version of the layout.
pub(super) fn encode(
    version: u64,
    document: DocumentId,
    authors: &[(ReplicaId, u64)],
    [changes, shown]: [usize; 2],
    raw: &[Vec<u8>; SECTIONS],
) -> Vec<u8> {
    let compress = |raw: &Vec<u8>| {
        let packed = miniz_oxide::deflate::compress_to_vec(raw, COMPRESSION_LEVEL);
        if packed.len() < raw.len() { packed } else { raw.clone() }
    };
    let stored: Vec<Vec<u8>> = raw.iter().map(compress).collect();
    let len = |sections: &[Vec<u8>]| sections.iter().map(|section| section.len() as u64).sum::<u64>();
    if len(raw) <= EXPANSION_MAX * len(&stored) + EXPANSION_BYTES_MORE {
        join(version, document, authors, [changes, shown], raw, &stored)
    } else {
        // Whoever reads it would not believe that so much is in so few bytes.
        join(version, document, authors, [changes, shown], raw, raw)
    }
}

pub(super) fn join(
    version: u64,
    document: DocumentId,
    authors: &[(ReplicaId, u64)],
    counts: [usize; 2],
    raw: &[Vec<u8>],
    stored: &[Vec<u8>],
) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.raw(&MAGIC);
    writer.varint(version);
    writer.raw(document.as_bytes());
    writer.varint(authors.len() as u64);
    for (replica, units) in authors {
        writer.raw(replica.as_bytes());
        writer.varint(*units);
    }
    for count in counts {
        writer.varint(count as u64);
    }
    for (raw, stored) in raw.iter().zip(stored).take(sections_of(version)) {
        writer.varint(raw.len() as u64);
        writer.varint(stored.len() as u64);
        writer.raw(&crc32fast::hash(stored).to_le_bytes());
    }
    let mut bytes = writer.finish();
    bytes.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
    for stored in stored {
        bytes.extend_from_slice(stored);
    }
    bytes
}
