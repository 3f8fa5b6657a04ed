//! What comes and goes otherwise than by the link: in a [bundle](crate::sync::Bundle).

use super::{Output, Replica};
use crate::causal::{Delivery, classify};
use crate::document::{ReceiveError, Received};
use crate::envelope::Envelope;
use crate::sync::seals::Seal;
use crate::sync::time::Now;

impl Replica {
    /// A change came in a bundle, and `seal` proves it: [`Bundle::open`](crate::sync::Bundle::open) has verified both. It goes to the disk,
    /// and from there to the relay, as what the link brings. One whose past is not here is not held back, but left: whoever has the
    /// bundle can bring it again.
    ///
    /// # Errors
    /// A [`ReceiveError`] when it cannot be taken, which is its author's doing: he is [set aside](Replica::set_aside) as on a link.
    pub fn handle_bundled(&mut self, now: Now, envelope: &Envelope, seal: &Seal) -> Result<Delivery, ReceiveError> {
        self.hear_clock(now);
        match classify(envelope.header(), self.document.version()) {
            Ok(Delivery::Delivered) => {}
            Ok(left) => return Ok(left),
            Err(overlap) => return Err(overlap.into()),
        }
        let mut received = Received::default();
        let delivery = match self.document.receive(envelope.clone(), &mut received) {
            Ok(delivery) => delivery,
            Err(error) => {
                self.set_aside.add(envelope.header().first_id(), error);
                self.status_changed = true;
                return Err(error);
            }
        };
        if let Some(seals) = &mut self.seals {
            seals.insert(envelope.header().replica, seal);
        }
        self.outputs.extend(received.patches.into_iter().map(Output::Patched));
        self.outputs.extend(received.keys.into_iter().map(|key| Output::MapChanged { key }));
        for (change, error) in received.refused {
            self.set_aside.add(change, error);
        }
        self.status_changed = true;
        self.notice_units();
        Ok(delivery)
    }

    /// Everything of this replica that is on its disk is given out in a bundle, and may come to a relay by somebody else before this
    /// replica has sent it itself. Gives the length of the log up to which that is so. Call it before the bundle is there.
    pub fn handle_given_out(&mut self) -> u64 {
        self.outbox.give_out()
    }
}
