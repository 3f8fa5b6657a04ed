//! What a replica hands to its end of a link, and what it is handed from there.

use alloc::boxed::Box;

use bytes::Bytes;

use super::frame::{ChangeReader, ChangeWriter, Frame};
use super::replica::{LinkError, Replica};
use super::seals::Seal;
use super::time::Now;
use crate::envelope::Envelope;
use crate::id::{DocumentId, ReplicaId};
use crate::sealed::Author;

/// What goes to the relay next.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Transmit {
    /// A frame that is no Change, as it travels but for its seal.
    Frame(Bytes),
    /// A change, not sealed yet.
    Change(Box<Outgoing>),
    /// Nothing goes to the relay: the own changes that follow come behind so much of the own chain; `None`: from its start.
    OwnChain(Option<Author>),
}

/// A change that goes to the relay.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Outgoing {
    /// What proved it when it came, if another replica made it.
    pub seal: Option<Box<Seal>>,
    /// The change.
    pub envelope: Envelope,
}

/// What came from the relay, for [`Incoming::hand_to`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Incoming {
    /// A frame that is no Change, opened.
    Frame(Bytes),
    /// A change, opened and verified.
    Change(Envelope, Option<Box<Seal>>),
    /// The relay has confirmed so much of the own chain.
    OwnChain(Author),
    /// Something came that is held until a signature vouches for it: the relay is there.
    Heard,
    /// What came cannot be right.
    Failed(LinkError),
}

impl Incoming {
    /// Gives it to the replica whose link it came on.
    pub fn hand_to(&self, replica: &mut Replica, now: Now) {
        match self {
            Self::Frame(frame) => replica.handle_frame(now, frame),
            Self::Change(envelope, seal) => replica.handle_change(now, envelope, seal.as_deref()),
            Self::OwnChain(own) => replica.handle_own_chain(*own),
            Self::Heard => replica.handle_heard(now),
            Self::Failed(error) => replica.handle_link_error(now, *error),
        }
    }
}

/// A replica's end of a link without seals: nothing is secret, and nobody is asked for a proof. It is for replicas and relays whose every
/// word somebody checks, as the simulator and the model do.
#[derive(Clone, Debug)]
pub struct PlainLink {
    reader: ChangeReader,
    writer: ChangeWriter,
}

impl PlainLink {
    /// At the start of a link.
    pub fn new(document: DocumentId, replica: ReplicaId) -> Self {
        Self { reader: ChangeReader::new(document, replica), writer: ChangeWriter::new(replica) }
    }

    /// The frame of what goes to the relay.
    pub fn seal(&mut self, transmit: Transmit) -> Option<Bytes> {
        match transmit {
            Transmit::Frame(frame) => Some(frame),
            Transmit::Change(change) => Some(self.writer.frame(&change.envelope)),
            Transmit::OwnChain(_) => None,
        }
    }

    /// What a frame from the relay says.
    pub fn open(&mut self, frame: &Bytes) -> Incoming {
        match Frame::decode(frame) {
            Ok(Frame::Change(body)) => match self.reader.read(body) {
                Ok(envelope) => Incoming::Change(envelope, None),
                Err(error) => Incoming::Failed(LinkError::Frame(error)),
            },
            _ => Incoming::Frame(frame.clone()),
        }
    }

    /// The next frame of a replica.
    pub fn poll_transmit(&mut self, replica: &mut Replica, now: Now) -> Option<Bytes> {
        loop {
            if let Some(frame) = self.seal(replica.poll_transmit(now)?) {
                return Some(frame);
            }
        }
    }
}
