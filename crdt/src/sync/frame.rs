//! What travels on a link: one frame is one message of the transport. `docs/PROTOCOL.md` has the layout and an example.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use bincode::config::{self, Configuration, Limit, LittleEndian, Varint};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::clock::VersionVector;
use crate::envelope::ENVELOPE_BYTES_MAX;
use crate::id::{DocumentId, ReplicaId};
use crate::keys::{AccessProof, KEY_BYTES, PublicKey, SIGNATURE_BYTES};
use crate::sealed::ChainHash;

pub use self::changes::{ChangeReader, ChangeWriter, LINK_REPLICAS_MAX};
pub(in crate::sync) use self::changes::{Replicas, Sent, Short};

mod changes;

/// The version of the protocol that this program speaks.
pub const PROTOCOL_VERSION: u16 = 5;

/// The most bytes that one frame may have: an envelope and its tag, or a version vector of about forty thousand replicas.
pub const FRAME_BYTES_MAX: usize = ENVELOPE_BYTES_MAX + 256 * 1024;

/// The most bytes that a presence may have before it is sealed.
pub const PRESENCE_BYTES_MAX: usize = 1024;

/// The most bytes that a digest may have before it is sealed.
pub const DIGEST_BYTES_MAX: usize = 64;

/// By how many bytes a presence or a digest is longer when it is sealed, at most.
pub const SIGNAL_BYTES: usize = 160;

/// The most bytes that the address in a [`Proof`] may have.
pub const ADDRESS_BYTES_MAX: usize = 300;

/// The most bytes that the token in a [`Proof`] may have.
pub const TOKEN_BYTES_MAX: usize = 64;

/// The tag of [`Frame::Change`].
const CHANGE_TAG: u8 = 2;

/// One frame. The variants' order is the protocol: new ones go to the end.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub enum Frame<'a> {
    /// Replica → relay, first frame of a link. The first two fields of this variant never change, whatever the version.
    Hello(Hello),
    /// Relay → replica, the answer to [`Frame::Hello`].
    Welcome(Welcome),
    /// Both ways: one change, as a [`ChangeWriter`] writes it and a [`ChangeReader`] reads it, up to the end of the frame. This
    /// frame alone is not written field by field.
    Change(#[serde(skip)] &'a [u8]),
    /// Relay → replica: of the replica's own units, so many are on the relay's disk.
    Ack {
        /// How many units of the replica named in its Hello are durable at the relay.
        count: u64,
    },
    /// Relay → replica: everything in the log below `position` was sent, or is known to the replica already.
    Progress {
        /// The position up to which the replica is served.
        position: u64,
        /// The position at which the log ends now.
        head: u64,
    },
    /// Relay → replica: a change was refused since the relay lacks its past. The replica sends what is missing.
    Missing {
        /// What the relay has.
        version: VersionVector,
    },
    /// Both ways: a replica has so much on its own disk. The relay passes it on and keeps the newest of each connected replica.
    Held {
        /// Whose disk.
        replica: ReplicaId,
        /// What is on it.
        version: VersionVector,
    },
    /// Both ways, best effort: who is where. An empty payload: that replica has gone.
    Presence {
        /// Whose presence.
        replica: ReplicaId,
        /// What replicas make of it; at most [`PRESENCE_BYTES_MAX`] bytes.
        #[serde(borrow)]
        payload: &'a [u8],
    },
    /// Both ways: are you there, and what time is it?
    Ping {
        /// Chosen by the sender, returned in the [`Frame::Pong`].
        id: u64,
        /// The sender's wall clock when it sent this, in microseconds since the Unix epoch.
        sent_us: i64,
    },
    /// Both ways: the answer to a [`Frame::Ping`], with the four timestamps of NTP but the last.
    Pong {
        /// The Ping's id.
        id: u64,
        /// The Ping's `sent_us`.
        sent_us: i64,
        /// The answerer's wall clock when the Ping came, in microseconds since the Unix epoch.
        received_us: i64,
        /// The answerer's wall clock when it answered, in microseconds since the Unix epoch.
        replied_us: i64,
    },
    /// Relay → replica, last frame of a link: why it ends.
    Refused(Refusal),
    /// Both ways, best effort: what a replica holds at its version. The relay passes it on and keeps the newest of each connected
    /// replica.
    Digest {
        /// Whose state.
        replica: ReplicaId,
        /// What replicas make of it; at most [`DIGEST_BYTES_MAX`] bytes.
        #[serde(borrow)]
        payload: &'a [u8],
    },
    /// Relay → replica, before anything else: what the replica is to sign, fresh for each link.
    Challenge {
        /// Random bytes.
        challenge: [u8; KEY_BYTES],
    },
    /// Replica → relay, the answer to [`Frame::Challenge`], before the Hello.
    Proof(Box<Proof>),
    /// Relay → replica, right behind the Welcome: how far the chains of those authors reach in its log that the replica has more of, and
    /// the replica's own. Ascending by replica, each once.
    Chains(Vec<Chain>),
}

/// What a replica says to be let in.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub struct Proof {
    /// The document.
    pub document: DocumentId,
    /// The replica.
    pub replica: ReplicaId,
    /// The relay's address as the replica reached it, HOST:PORT: the signatures hold for it alone. At most [`ADDRESS_BYTES_MAX`] bytes.
    pub address: String,
    /// Lets the replica make a document at a relay that wants one for that; else empty. At most [`TOKEN_BYTES_MAX`] bytes.
    pub token: Vec<u8>,
    write_public: PublicKey,
    access_public: PublicKey,
    replica_public: PublicKey,
    access_signature: [[u8; SIGNATURE_BYTES / 2]; 2],
    replica_signature: [[u8; SIGNATURE_BYTES / 2]; 2],
}

impl Proof {
    /// Says this to the relay at `address`.
    pub fn new(
        document: DocumentId,
        replica: ReplicaId,
        address: String,
        token: Vec<u8>,
        proof: &AccessProof,
    ) -> Box<Self> {
        let halves = |signature: &[u8; SIGNATURE_BYTES]| {
            [0, SIGNATURE_BYTES / 2].map(|from| core::array::from_fn(|at| signature[from + at]))
        };
        Box::new(Self {
            document,
            replica,
            address,
            token,
            write_public: proof.write_public,
            access_public: proof.access_public,
            replica_public: proof.replica_public,
            access_signature: halves(&proof.access_signature),
            replica_signature: halves(&proof.replica_signature),
        })
    }

    /// The keys and signatures.
    pub fn access(&self) -> AccessProof {
        let whole = |halves: &[[u8; SIGNATURE_BYTES / 2]; 2]| core::array::from_fn(|at| halves.as_flattened()[at]);
        AccessProof {
            write_public: self.write_public,
            access_public: self.access_public,
            replica_public: self.replica_public,
            access_signature: whole(&self.access_signature),
            replica_signature: whole(&self.replica_signature),
        }
    }
}

/// How far the envelopes of one author reach.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub struct Chain {
    /// The author.
    pub replica: ReplicaId,
    /// How many of its units.
    pub count: u64,
    /// The hash of the last envelope.
    pub hash: ChainHash,
}

/// What a replica says first.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub struct Hello {
    /// The version of the protocol that the replica speaks.
    pub protocol: u16,
    /// The document that the link is about.
    pub document: DocumentId,
    /// The replica itself.
    pub replica: ReplicaId,
    /// What the replica has on its disk.
    pub version: VersionVector,
    /// Up to where the replica had read this relay's log, if it had.
    pub resume: Option<Resume>,
}

/// A place in one relay's log of a document.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub struct Resume {
    /// The log's epoch, chosen at random when the relay created the store.
    pub epoch: [u8; 16],
    /// The position below which everything has been delivered and is on the replica's disk.
    pub position: u64,
}

/// The relay's answer.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub struct Welcome {
    /// The version of the protocol that the relay speaks.
    pub protocol: u16,
    /// The epoch of the relay's store: another one than last time means another relay, or one that was restored.
    pub epoch: [u8; 16],
    /// What is on the relay's disk; the replica sends what is missing.
    pub version: VersionVector,
    /// How many of the replica's own units are durable at the relay.
    pub durable: u64,
    /// The position at which the relay's log of this document ends.
    pub head: u64,
}

/// Why a relay ends a link.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub struct Refusal {
    /// What it is.
    pub reason: RefusalReason,
    /// The limit that was met, or 0 where there is none.
    pub limit: u64,
    /// The value that met it, or 0.
    pub value: u64,
    /// When to try again, in milliseconds; 0 says that trying again unchanged will not help.
    pub retry_after_ms: u32,
}

/// The kinds of refusal. The order is the protocol: new ones go to the end.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub enum RefusalReason {
    /// The replica speaks a version of the protocol that the relay does not (`value`; the relay's is `limit`).
    Protocol,
    /// A frame that cannot be read, or not in this state, or about another document or replica.
    Malformed,
    /// A frame longer than `limit` bytes.
    FrameBytes,
    /// The document has `limit` links already.
    LinksPerDocument,
    /// The relay has `limit` documents already, or as many open.
    Documents,
    /// The document's log has `limit` bytes already.
    DocumentBytes,
    /// The document knows `limit` replicas already.
    Replicas,
    /// The same replica has opened another link; the older one ends.
    Replaced,
    /// The link was silent for longer than `limit` milliseconds.
    Silent,
    /// The link sent changes whose past is missing `limit` times in a row.
    Missing,
    /// The relay is shutting down.
    ShuttingDown,
    /// The relay's disk failed.
    Storage,
    /// The replica has not proved that it may read the document.
    Access,
    /// The replica reached the relay at an address that the relay is not known by.
    Address,
    /// The replica may not make a document here.
    Create,
    /// A change is not signed by its author, or its author may not write.
    Forged,
    /// A change follows upon another one than the relay has: its author made two in one place. `limit` is how many units of the author
    /// the relay has.
    Forked,
    /// The relay's operator has closed the document.
    Closed,
    /// The network address has `limit` links already.
    AddressLinks,
    /// For the network address, `limit` bytes were stored within the hour.
    AddressBytes,
    /// From the network address, `limit` documents were made within the hour.
    AddressDocuments,
}

/// A frame that cannot be read.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum FrameError {
    /// It is too long.
    #[error("a frame of {bytes} bytes; the limit is {limit}")]
    TooLong {
        /// Its length in bytes.
        bytes: usize,
        /// [`FRAME_BYTES_MAX`].
        limit: usize,
    },
    /// It is no frame of this version of the protocol.
    #[error("{bytes} bytes that are no frame of protocol version {PROTOCOL_VERSION}")]
    Malformed {
        /// Its length in bytes.
        bytes: usize,
    },
    /// It names more replicas than one direction of a link may.
    #[error("{replicas} replicas named on a link; the limit is {limit}")]
    Replicas {
        /// How many are named.
        replicas: usize,
        /// How many may be.
        limit: usize,
    },
    /// Something follows the frame.
    #[error("{extra} bytes follow the frame")]
    Trailing {
        /// How many bytes.
        extra: usize,
    },
}

const CONFIG: Configuration<LittleEndian, Varint, Limit<FRAME_BYTES_MAX>> =
    config::standard().with_limit::<FRAME_BYTES_MAX>();

impl<'a> Frame<'a> {
    /// Reads a frame; it borrows from `bytes`.
    ///
    /// # Errors
    /// A [`FrameError`] when the bytes are too long, are no frame, or go on behind it.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, FrameError> {
        if bytes.len() > FRAME_BYTES_MAX {
            return Err(FrameError::TooLong { bytes: bytes.len(), limit: FRAME_BYTES_MAX });
        }
        if let [CHANGE_TAG, body @ ..] = bytes {
            return Ok(Frame::Change(body));
        }
        let malformed = |_| FrameError::Malformed { bytes: bytes.len() };
        let (frame, read) = bincode::serde::borrow_decode_from_slice(bytes, CONFIG).map_err(malformed)?;
        match bytes.len() - read {
            0 if matches!(frame, Frame::Change(_)) => Err(FrameError::Malformed { bytes: bytes.len() }),
            0 => Ok(frame),
            extra => Err(FrameError::Trailing { extra }),
        }
    }

    /// The frame's bytes.
    ///
    /// A frame longer than [`FRAME_BYTES_MAX`] cannot be made: envelopes and presences are limited where they are made, and a
    /// version vector that long comes back empty here, which the receiver refuses.
    pub fn encode(&self) -> Bytes {
        if let Frame::Change(body) = self {
            return Bytes::from([&[CHANGE_TAG], *body].concat());
        }
        bincode::serde::encode_to_vec(self, CONFIG).map_or_else(|_| Bytes::new(), Bytes::from)
    }
}

/// The version of the protocol that a Hello names, whatever that version is; `None` for any other frame.
pub(crate) fn hello_protocol(frame: &[u8]) -> Option<u16> {
    let decoded = bincode::serde::borrow_decode_from_slice::<(u32, u16, DocumentId), _>(frame, CONFIG);
    decoded.ok().filter(|((tag, ..), _)| *tag == 0).map(|((_, protocol, _), _)| protocol)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn a_frame_reads_back() {
        let frame = Frame::Presence { replica: ReplicaId::from_bytes([7; 16]), payload: b"here" };
        assert_eq!(Frame::decode(&frame.encode()), Ok(frame));
    }

    #[test]
    fn what_follows_a_frame_is_refused() {
        let mut bytes: Vec<u8> = Frame::Ack { count: 300 }.encode().to_vec();
        bytes.push(0);
        assert_eq!(Frame::decode(&bytes), Err(FrameError::Trailing { extra: 1 }));
    }

    #[test]
    fn a_length_that_the_bytes_do_not_hold_is_refused() {
        // Tag of Presence, a replica, then a length of 2^40.
        let bytes = [&[7; 17][..], &[253, 0, 0, 0, 0, 0, 1, 0, 0]].concat();
        assert_eq!(Frame::decode(&bytes), Err(FrameError::Malformed { bytes: 26 }));
    }

    #[test]
    fn a_change_is_its_tag_in_one_byte_and_what_follows() {
        let frame = Frame::Change(b"body");
        assert_eq!(frame.encode(), b"\x02body"[..]);
        assert_eq!(Frame::decode(b"\x02body"), Ok(frame));
        assert_eq!(Frame::decode(&[251, 2, 0]), Err(FrameError::Malformed { bytes: 3 }));
    }

    #[test]
    fn a_frame_may_be_as_long_as_the_limit_says() {
        let bytes = alloc::vec![CHANGE_TAG; FRAME_BYTES_MAX + 1];
        assert_eq!(Frame::decode(&bytes[1..]), Ok(Frame::Change(&bytes[2..])));
        let too_long = FrameError::TooLong { bytes: FRAME_BYTES_MAX + 1, limit: FRAME_BYTES_MAX };
        assert_eq!(Frame::decode(&bytes), Err(too_long));
    }
}
