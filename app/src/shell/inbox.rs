//! The one place where everything that happened outside arrives, in order, and in bounded space.
//!
//! Every event takes a *place*, and every producer has a named number of them: [`STORE_PLACES`], [`LINK_PLACES`],
//! [`CONNECTIONS_MAX`](super::control::CONNECTIONS_MAX) for the control socket, one for the loader, one for a bundle, one for a report, one for a script. A place is free again as soon as
//! the owner of the inbox takes the event out. So the channel never holds more events than there are places, leaving an event
//! never waits, and no producer can take up another one's room.
//!
//! Who has no place waits where nobody waits for it, so that nothing can stand still for good:
//!
//! - The **owner** (the window) never waits for a producer: it takes what is there.
//! - The **store's** thread never waits for the inbox: the owner may be waiting for that thread. A request brings the place for its
//!   answer along; when all are taken the owner is told that the store is busy, and asks again as answers come out. What the
//!   owner waits for itself is answered to it alone, and needs no place.
//! - A **link** waits for a place without holding up its thread: it is not read meanwhile, and the relay waits. When its
//!   owner drops it, it stops waiting.
//! - The **loader** reads one document at a time, and is given the place for it with the request.
//! - A **connection** of the control socket and a **script** have one thing to say at a time, and wait for the answer.

use std::fmt;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::carrier::{Carried, CarryError};
use super::control::Call;
use super::loader::Loaded;
use super::net::LinkEvent;
use super::reports::Reported;
use super::store::StoreEvent;

/// The most answers of the store that are asked for and not taken out of the inbox.
pub const STORE_PLACES: usize = 4096;

/// The most events of all links together that are not taken out of the inbox.
pub const LINK_PLACES: usize = 1024;

/// Something that happened outside.
#[derive(Debug)]
pub enum Event {
    /// The store has written, or could not.
    Store(StoreEvent),
    /// A link opened, brought a frame, took one, or ended.
    Link(LinkEvent),
    /// The loader has read what it was asked for, or could not.
    Loaded(Loaded),
    /// A report was written, or could not be.
    Reported(Reported),
    /// The bundle with this number was made or read, or could not be.
    Carried(u64, Result<Carried, CarryError>),
    /// Another copy of the program asks for something.
    Call(Call),
    /// A script's next line; `None` at its end.
    Script(Option<String>),
}

type Wake = Box<dyn Fn() + Send>;

/// A way into the inbox.
#[derive(Clone)]
pub struct Outlet {
    sender: Sender<(Event, Place)>,
    wake: Arc<Mutex<Option<Wake>>>,
}

/// A way into the inbox with places of its own: one producer's.
#[derive(Clone, Debug)]
pub struct Places {
    outlet: Outlet,
    free: Arc<Semaphore>,
}

/// Room for one event, until it is taken out of the inbox.
#[derive(Debug)]
pub struct Place(#[expect(dead_code, reason = "it is held, and given back when it is dropped")] OwnedSemaphorePermit);

impl fmt::Debug for Outlet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Outlet")
    }
}

impl Outlet {
    /// So many places for one producer.
    pub fn places(self, count: usize) -> Places {
        Places { outlet: self, free: Arc::new(Semaphore::new(count)) }
    }

    /// Leaves an event in its place and wakes the owner of the [`Inbox`]; false when that is gone, and its threads may end. Never
    /// waits.
    pub fn leave(&self, place: Place, event: Event) -> bool {
        let left = self.sender.send((event, place)).is_ok();
        if let Some(wake) = self.wake.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            wake();
        }
        left
    }
}

impl Places {
    /// A place, if one is free now.
    pub fn try_take(&self) -> Option<Place> {
        Arc::clone(&self.free).try_acquire_owned().ok().map(Place)
    }

    /// The way that they are places of.
    pub(super) fn outlet(&self) -> Outlet {
        self.outlet.clone()
    }

    /// Waits for a place, then leaves the event there; false when the owner of the inbox is gone.
    pub async fn leave(&self, event: Event) -> bool {
        match Arc::clone(&self.free).acquire_owned().await {
            Ok(permit) => self.outlet.leave(Place(permit), event),
            Err(_closed) => false,
        }
    }

    /// Leaves the event if a place is free; false when none is, or the owner of the inbox is gone.
    pub fn try_leave(&self, event: Event) -> bool {
        self.try_take().is_some_and(|place| self.outlet.leave(place, event))
    }
}

/// What happened outside and is not handled yet.
pub struct Inbox {
    receiver: Receiver<(Event, Place)>,
    outlet: Outlet,
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Inbox")
    }
}

impl Default for Inbox {
    fn default() -> Self {
        Self::new()
    }
}

impl Inbox {
    /// An empty inbox.
    pub fn new() -> Self {
        let (sender, receiver) = mpsc::channel();
        Self { receiver, outlet: Outlet { sender, wake: Arc::default() } }
    }

    /// A way in, for a producer.
    pub fn outlet(&self) -> Outlet {
        self.outlet.clone()
    }

    /// `wake` is called, on the thread of whoever leaves it, after each event.
    pub fn on_event(&self, wake: impl Fn() + Send + 'static) {
        *self.outlet.wake.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(wake));
    }

    /// The next event, if there is one now; its place is free again.
    pub fn take(&self) -> Option<Event> {
        self.receiver.try_recv().ok().map(|(event, _place)| event)
    }

    /// The next event, waited for at most so long; its place is free again.
    pub fn wait(&self, at_most: Duration) -> Option<Event> {
        self.receiver.recv_timeout(at_most).ok().map(|(event, _place)| event)
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn script(line: &str) -> Event {
        Event::Script(Some(line.to_owned()))
    }

    fn taken(inbox: &Inbox) -> Option<String> {
        match inbox.take() {
            Some(Event::Script(line)) => line,
            None => None,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_producer_leaves_no_more_than_it_has_places() {
        let inbox = Inbox::new();
        let (one, other) = (inbox.outlet().places(2), inbox.outlet().places(1));
        assert!(one.try_leave(script("a")) && one.try_leave(script("b")));
        assert!(!one.try_leave(script("lost")), "both are taken");
        assert!(other.try_leave(script("c")), "nobody takes up another one's room");
        assert_eq!(taken(&inbox).as_deref(), Some("a"));
        assert!(one.try_leave(script("d")));
        assert_eq!([taken(&inbox), taken(&inbox), taken(&inbox)].map(Option::unwrap), ["b", "c", "d"]);
        assert_eq!(taken(&inbox), None);
    }

    #[test]
    fn who_waits_for_a_place_goes_on_when_an_event_is_taken_out() {
        let inbox = Inbox::new();
        let places = inbox.outlet().places(1);
        assert!(places.try_leave(script("a")));
        let mut waiting = pin!(places.leave(script("b")));
        let mut context = Context::from_waker(Waker::noop());
        assert_eq!(waiting.as_mut().poll(&mut context), Poll::Pending);
        assert_eq!(taken(&inbox).as_deref(), Some("a"));
        assert_eq!(waiting.as_mut().poll(&mut context), Poll::Ready(true));
        assert_eq!(taken(&inbox).as_deref(), Some("b"));
    }

    #[test]
    fn nobody_waits_for_an_inbox_that_is_gone() {
        let inbox = Inbox::new();
        let places = inbox.outlet().places(1);
        assert!(places.try_leave(script("a")));
        drop(inbox);
        assert!(!places.try_leave(script("b")));
        assert!(places.try_take().is_some(), "what nobody takes out gives its place back");
    }
}
