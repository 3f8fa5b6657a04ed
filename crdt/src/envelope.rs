//! A change as it travels and rests: a plain header and a payload that only replicas read.
//!
//! The relay, the outbox and the stores know envelopes; [`seal`] and [`open`] are the only way between an envelope and a
//! [`Change`]. `docs/FORMAT.md` has the layout.

use alloc::vec::Vec;

use bytes::Bytes;

use crate::change::{Change, Header, Op};
use crate::clock::VersionVector;
use crate::codec::change::{Coded, Earlier, Ops};
use crate::codec::names::Names;
use crate::codec::{self, DecodeError, DecodeErrorKind, Reader, Writer, varint_bytes};
use crate::id::{DocumentId, ID_BYTES};

/// The newest version of the envelope's layout that this program reads. It writes the oldest one that can say what is to be said.
pub const ENVELOPE_VERSION: u64 = 2;

/// Deps are exact.
const EXACT: u64 = 1;
/// Deps are heads, and there are some.
const HEADS: u64 = 2;

/// The most bytes that one envelope may have. A longer edit is split into several changes.
pub const ENVELOPE_BYTES_MAX: usize = 512 * 1024;

/// The most units that a replica may ever number: ids fit a double, so that any tool can hold them.
pub const SEQ_MAX: u64 = (1 << 53) - 1;

/// A change as it travels and rests: the bytes that arrived, and their header decoded.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Envelope {
    document: DocumentId,
    header: Header,
    bytes: Bytes,
    payload_at: usize,
}

impl Envelope {
    /// Reads an envelope's header; the payload is not looked at, and the bytes are kept as they are.
    ///
    /// # Errors
    /// A [`DecodeError`] when the bytes are longer than [`ENVELOPE_BYTES_MAX`] or are no envelope of a known version.
    pub fn decode(bytes: Bytes) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(&bytes);
        if bytes.len() > ENVELOPE_BYTES_MAX {
            return Err(reader.error(DecodeErrorKind::Range { field: "envelope bytes", value: bytes.len() as u64 }));
        }
        let version = reader.version(ENVELOPE_VERSION)?;
        let document = reader.document()?;
        let header = decode_header(&mut reader, version == HEADS)?;
        let payload_at = bytes.len() - reader.remaining();
        Ok(Self { document, header, bytes, payload_at })
    }

    /// The document that the change belongs to.
    pub const fn document(&self) -> DocumentId {
        self.document
    }

    /// Who made the change, where it stands in its author's sequence, and after what.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The whole envelope as it travels and rests.
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// An envelope of a header that can be, and a payload.
    pub(crate) fn put_together(document: DocumentId, header: Header, payload: &[u8]) -> Result<Self, DecodeError> {
        let mut writer = Writer::with_room(payload.len() + 2 * ID_BYTES + 16 + header.deps.len() * (ID_BYTES + 4));
        let payload_at = start(&mut writer, document, &header);
        writer.raw(payload);
        if writer.len() > ENVELOPE_BYTES_MAX {
            let kind = DecodeErrorKind::Range { field: "envelope bytes", value: writer.len() as u64 };
            return Err(DecodeError { at: 0, kind });
        }
        Ok(Self { document, header, bytes: writer.into_bytes(), payload_at })
    }

    /// What stands in front of the payload, as it is written.
    pub(crate) fn head_bytes(&self) -> &[u8] {
        &self.bytes[..self.payload_at]
    }

    /// The operations, as they are written or sealed.
    pub fn payload(&self) -> &[u8] {
        &self.bytes[self.payload_at..]
    }

    /// The same, sharing the memory of the envelope.
    pub(crate) fn share_payload(&self) -> Bytes {
        self.bytes.slice(self.payload_at..)
    }
}

/// Puts a change into an envelope that says everything itself, as one does who knows nothing else of the change's author.
/// [`Log::envelope`](crate::Log::envelope) gives a shorter one, and tells when the change was made.
pub fn seal(document: DocumentId, change: &Change) -> Envelope {
    seal_ops(document, change.header.clone(), &Names::new(), None, change.ops.iter().map(Coded::from))
}

/// Puts a change into an envelope whose operations come one after the other. `names` are whom its author's changes up to and
/// including this one name, and so many seconds `later` than its previous one it was made.
pub(crate) fn seal_ops<'a>(
    document: DocumentId,
    header: Header,
    names: &Names,
    later: Option<i64>,
    ops: impl IntoIterator<Item = Coded<'a>>,
) -> Envelope {
    let mut writer = Writer::default();
    let payload_at = start(&mut writer, document, &header);
    codec::change::encode_ops(&mut writer, &header, names, later, ops);
    Envelope { document, header, bytes: writer.into_bytes(), payload_at }
}

/// Puts a change into an envelope that does nothing but go on behind its author's previous unit with this text.
pub(crate) fn seal_further(document: DocumentId, header: Header, text: &str) -> Envelope {
    // Exactly as long as it becomes, while the text is short: the bytes need not be moved.
    let numbers = [header.first_seq, header.len, header.deps.len() as u64].map(varint_bytes).iter().sum::<usize>();
    let deps = header.deps.iter().map(|(_, count)| ID_BYTES + varint_bytes(count)).sum::<usize>();
    let mut writer = Writer::with_room(3 + 2 * ID_BYTES + numbers + deps + text.len());
    let payload_at = start(&mut writer, document, &header);
    codec::change::encode_further(&mut writer, text);
    Envelope { document, header, bytes: writer.into_bytes(), payload_at }
}

/// Takes the change out of its envelope, if that says everything itself: one that [`seal`] made, or of version 1 of the payload.
/// Most rest on their author's earlier changes; [`Log::change`](crate::Log::change) tells what they say.
///
/// # Errors
/// A [`DecodeError`], its offset counted from the start of the payload, when the payload rests on earlier changes, is no list of
/// operations of a known version, or their lengths do not sum up to what the header says.
pub fn open(envelope: &Envelope) -> Result<Change, DecodeError> {
    let (mut reader, mut ops) = (open_ops(envelope, Earlier::Unknown)?, Vec::new());
    while let Some(op) = reader.next()? {
        match op {
            Coded::Whole(op) => ops.push(Op::from(op)),
            Coded::Further(_) => return Err(reader.rests_on_earlier()),
        }
    }
    Ok(Change { header: envelope.header.clone(), ops })
}

/// The operations of the change in an envelope, to be read one after the other.
pub(crate) fn open_ops<'a, 'n>(envelope: &'a Envelope, earlier: Earlier<'n>) -> Result<Ops<'a, 'n>, DecodeError> {
    Ops::new(envelope.header(), envelope.payload(), earlier)
}

/// Writes what stands in front of the payload; how many bytes that has.
fn start(writer: &mut Writer, document: DocumentId, header: &Header) -> usize {
    writer.varint(if header.heads { HEADS } else { EXACT });
    writer.raw(document.as_bytes());
    encode_header(writer, header);
    writer.len()
}

fn encode_header(writer: &mut Writer, header: &Header) {
    writer.raw(header.replica.as_bytes());
    writer.varint(header.first_seq);
    writer.varint(header.len);
    writer.varint(header.deps.len() as u64);
    for (replica, count) in header.deps.iter() {
        writer.raw(replica.as_bytes());
        writer.varint(count);
    }
}

fn decode_header(reader: &mut Reader<'_>, heads: bool) -> Result<Header, DecodeError> {
    let replica = reader.replica()?;
    let first_seq = reader.varint()?;
    let len = reader.varint()?;
    if len == 0 || len > SEQ_MAX || first_seq > SEQ_MAX - len {
        return Err(reader.error(DecodeErrorKind::Range { field: "length of the change", value: len }));
    }
    let count = reader.count("deps", ID_BYTES + 1)?;
    if heads && count == 0 {
        return Err(reader.error(DecodeErrorKind::Range { field: "deps", value: 0 }));
    }
    let mut deps = VersionVector::new();
    let mut previous = None;
    for _ in 0..count {
        let other = reader.replica()?;
        if previous.is_some_and(|previous| previous >= other) || other == replica {
            return Err(reader.error(DecodeErrorKind::Order { field: "deps" }));
        }
        previous = Some(other);
        let units = reader.varint()?;
        if units == 0 || units > SEQ_MAX {
            return Err(reader.error(DecodeErrorKind::Range { field: "dep", value: units }));
        }
        deps.observe(other, units);
    }
    Ok(Header { replica, first_seq, len, deps, heads })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{OpId, ReplicaId};
    use alloc::string::String;
    use alloc::vec;

    const DOCUMENT: DocumentId = DocumentId::from_bytes([9; 16]);
    const A: ReplicaId = ReplicaId::from_bytes([1; 16]);
    const B: ReplicaId = ReplicaId::from_bytes([2; 16]);

    fn change() -> Change {
        let deps = [(B, 300)].into_iter().collect();
        let ops = vec![Op::Insert { left: Some(OpId::new(B, 299)), right: None, text: String::from("hi") }];
        Change { header: Header { replica: A, first_seq: 5, len: 2, deps, heads: false }, ops }
    }

    fn kind(bytes: Vec<u8>) -> DecodeErrorKind {
        Envelope::decode(Bytes::from(bytes)).unwrap_err().kind
    }

    #[test]
    fn what_is_sealed_opens_and_its_bytes_are_kept() {
        let sealed = seal(DOCUMENT, &change());
        let arrived = Envelope::decode(sealed.bytes().clone()).unwrap();
        assert_eq!(arrived, sealed);
        assert_eq!((arrived.document(), arrived.header().end_seq()), (DOCUMENT, 7));
        assert_eq!(open(&arrived), Ok(change()));
    }

    #[test]
    fn a_header_that_cannot_be_is_an_error() {
        let good = seal(DOCUMENT, &change()).bytes().to_vec();
        let with = |at: usize, byte: u8| {
            let mut bytes = good.clone();
            bytes[at] = byte;
            kind(bytes)
        };
        assert_eq!(with(0, 3), DecodeErrorKind::Version { found: 3, newest: ENVELOPE_VERSION });
        assert_eq!(with(0, 0), DecodeErrorKind::Version { found: 0, newest: ENVELOPE_VERSION });
        assert_eq!(with(34, 0), DecodeErrorKind::Range { field: "length of the change", value: 0 });
        assert_eq!(with(35, 100), DecodeErrorKind::Range { field: "deps", value: 100 });
        let own: Vec<u8> = good[..36].iter().chain(A.as_bytes()).chain(&good[52..]).copied().collect();
        assert_eq!(kind(own), DecodeErrorKind::Order { field: "deps" });
        let payload_at = 54;
        for end in 0..payload_at {
            kind(good[..end].to_vec());
        }
        assert_eq!(
            kind(vec![0; ENVELOPE_BYTES_MAX + 1]),
            DecodeErrorKind::Range { field: "envelope bytes", value: ENVELOPE_BYTES_MAX as u64 + 1 }
        );
    }

    #[test]
    fn deps_that_are_heads_are_a_version_of_their_own() {
        let exact = seal(DOCUMENT, &change());
        let mut change = change();
        change.header.heads = true;
        let heads = seal(DOCUMENT, &change);
        assert_eq!((exact.bytes()[0], heads.bytes()[0]), (1, 2));
        assert_eq!(heads.bytes()[1..], exact.bytes()[1..]);
        let arrived = Envelope::decode(heads.bytes().clone()).unwrap();
        assert_eq!((arrived.header(), open(&arrived)), (&change.header, Ok(change.clone())));
        let none = seal(DOCUMENT, &Change { header: Header { deps: VersionVector::new(), ..change.header }, ..change });
        assert_eq!(kind(none.bytes().to_vec()), DecodeErrorKind::Range { field: "deps", value: 0 });
    }

    fn bytes_of(header: &Header) -> Vec<u8> {
        let mut writer = Writer::default();
        start(&mut writer, DOCUMENT, header);
        writer.finish()
    }

    #[test]
    fn ids_go_up_to_the_largest_and_one_beyond_it_is_an_error() {
        let header = |first_seq, len, seen| {
            let deps = [(B, seen)].into_iter().collect();
            Header { replica: A, first_seq, len, deps, heads: false }
        };
        for good in [header(0, SEQ_MAX, 1), header(SEQ_MAX - 1, 1, 1), header(0, 1, SEQ_MAX)] {
            assert_eq!(Envelope::decode(bytes_of(&good).into()).map(|envelope| envelope.header), Ok(good));
        }
        let length = |value| DecodeErrorKind::Range { field: "length of the change", value };
        assert_eq!(kind(bytes_of(&header(SEQ_MAX, 1, 1))), length(1));
        assert_eq!(kind(bytes_of(&header(0, SEQ_MAX + 1, 1))), length(SEQ_MAX + 1));
        let dep = DecodeErrorKind::Range { field: "dep", value: SEQ_MAX + 1 };
        assert_eq!(kind(bytes_of(&header(0, 1, SEQ_MAX + 1))), dep);
    }

    #[test]
    fn an_envelope_has_at_most_so_many_bytes() {
        let header = change().header;
        let payload = vec![0; ENVELOPE_BYTES_MAX - bytes_of(&header).len()];
        let longest = Envelope::put_together(DOCUMENT, header.clone(), &payload).unwrap();
        assert_eq!(longest.bytes().len(), ENVELOPE_BYTES_MAX);
        assert_eq!(Envelope::decode(longest.bytes().clone()), Ok(longest));
        let longer = [&payload[..], &[0]].concat();
        let kind = DecodeErrorKind::Range { field: "envelope bytes", value: ENVELOPE_BYTES_MAX as u64 + 1 };
        let refused = Envelope::put_together(DOCUMENT, header, &longer);
        assert_eq!(refused, Err(DecodeError { at: 0, kind }));
    }

    #[test]
    fn deps_that_the_bytes_cannot_hold_are_refused_by_their_number() {
        let mut bytes = bytes_of(&change().header);
        bytes.truncate(35);
        bytes.push(2);
        for byte in [2, 3] {
            bytes.extend([byte; 16]);
        }
        assert_eq!(kind(bytes), DecodeErrorKind::Range { field: "deps", value: 2 });
    }
}
