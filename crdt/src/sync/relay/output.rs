//! What the relay asks of its shell.

use bytes::Bytes;

use super::super::frame::RefusalReason;
use crate::id::DocumentId;
use crate::sealed::Author;

/// One link, named by the shell; a number is never used for two links.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ConnId(pub u64);

/// What the shell must do, in this order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RelayOutput {
    /// Load what the store knows of this document, then call [`Relay::handle_loaded`](super::Relay::handle_loaded).
    Load {
        /// Which document.
        document: DocumentId,
    },
    /// Append this envelope at this position, make it durable, then call
    /// [`Relay::handle_appended`](super::Relay::handle_appended); one call may cover many.
    Append {
        /// Whose log.
        document: DocumentId,
        /// The position, from 0, consecutive.
        position: u64,
        /// The envelope.
        envelope: Bytes,
        /// What is known of the envelope's author with it, from a [`Gate`](super::Gate): to be stored with where the log ends. `None` from a
        /// gate: it belongs to the run that the next one belongs to, and is to be stored with that at once or not at all.
        author: Option<Author>,
    },
    /// Read envelopes of the log from position `from` on, at least one, as many as are there and fit `bytes_max` bytes, then
    /// call [`Relay::handle_read`](super::Relay::handle_read). They are durable already.
    Read {
        /// For which link.
        conn: ConnId,
        /// Whose log.
        document: DocumentId,
        /// The first position.
        from: u64,
        /// The bytes that are enough.
        bytes_max: usize,
    },
    /// The link has something to send, or may be read again: call [`Relay::poll_transmit`](super::Relay::poll_transmit), as the
    /// socket takes it, until it returns `None`, and then look at [`Relay::can_read`](super::Relay::can_read).
    Wake {
        /// Which link.
        conn: ConnId,
    },
    /// Send what `poll_transmit` still has, within a time of the shell's choice, close the transport, and call
    /// [`Relay::handle_closed`](super::Relay::handle_closed).
    Close {
        /// Which link.
        conn: ConnId,
        /// Why.
        reason: RefusalReason,
    },
}

impl RelayOutput {
    /// Where it says what is known of an author.
    pub(super) const fn author(&mut self) -> Option<&mut Option<Author>> {
        match self {
            Self::Append { author, .. } => Some(author),
            _ => None,
        }
    }
}
