//! A device's end of a connection, with seals or without.

use bytes::Bytes;
use quire_crdt::sync::{Now, PlainLink, Replica, SecureLink};
use quire_crdt::{DocumentId, ReplicaId};

use crate::keyring::Keys;

/// How much a device seals before it sends: those of its changes are signed once.
const SEALED_AT_ONCE: usize = 5;

/// A device's end of a connection.
#[derive(Debug)]
pub enum Link {
    /// Its frames travel as they are.
    Plain(PlainLink),
    /// They are sealed.
    Sealed(Box<Sealed>),
}

/// A sealed end.
#[derive(Debug)]
pub struct Sealed {
    secure: SecureLink,
    /// What was sealed since the last message that there was went out.
    waiting: usize,
    /// What would travel without seals, for those who check it.
    plain: PlainLink,
}

/// What a replica says.
#[derive(Clone, Debug)]
pub enum Said {
    /// This frame travels as it is.
    Plain(Bytes),
    /// This frame is being sealed; what becomes of it comes as [`Said::Sealed`], if anything does.
    Sealing(Bytes),
    /// This message travels.
    Sealed(Bytes),
}

impl Link {
    /// At the start of a connection to this relay.
    pub fn new(document: DocumentId, replica: ReplicaId, keys: Option<&Keys>, relay: usize, is: &Replica) -> Self {
        let plain = PlainLink::new(document, replica);
        match keys {
            None => Self::Plain(plain),
            Some(keys) => {
                let secure = SecureLink::new(keys.credentials(relay), is.verified());
                Self::Sealed(Box::new(Sealed { secure, waiting: 0, plain }))
            }
        }
    }

    /// What comes next.
    pub fn poll(&mut self, replica: &mut Replica, now: Now) -> Option<Said> {
        let sealed = match self {
            Self::Plain(plain) => return plain.poll_transmit(replica, now).map(Said::Plain),
            Self::Sealed(sealed) => sealed,
        };
        loop {
            let next = if sealed.waiting < SEALED_AT_ONCE { replica.poll_transmit(now) } else { None };
            let Some(transmit) = next else {
                let message = sealed.secure.poll_transmit();
                sealed.hand_in(replica, now);
                // All that was sealed is sent before more is.
                let was_sending = sealed.waiting == SEALED_AT_ONCE;
                sealed.waiting = if message.is_some() { SEALED_AT_ONCE } else { 0 };
                if message.is_none() && was_sending {
                    continue;
                }
                return message.map(Said::Sealed);
            };
            sealed.waiting += 1;
            let frame = sealed.plain.seal(transmit.clone());
            sealed.secure.seal(now, transmit);
            sealed.hand_in(replica, now);
            if let Some(frame) = frame {
                return Some(Said::Sealing(frame));
            }
        }
    }

    /// A message has come.
    pub fn open(&mut self, replica: &mut Replica, now: Now, message: &Bytes) {
        match self {
            Self::Plain(plain) => plain.open(message).hand_to(replica, now),
            Self::Sealed(sealed) => {
                sealed.secure.open(message);
                sealed.hand_in(replica, now);
            }
        }
    }
}

impl Sealed {
    fn hand_in(&mut self, replica: &mut Replica, now: Now) {
        while let Some(incoming) = self.secure.poll_incoming() {
            incoming.hand_to(replica, now);
        }
    }
}
