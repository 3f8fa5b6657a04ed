//! The one place where everything that happened outside arrives, in order.
//!
//! The channel itself has no bound; each of its producers has: the store answers once per request (and its requests are
//! bounded), a link holds a permit for every frame that is not handled yet, and each client of the control socket and each
//! script waits for its answer before it sends more.

use std::fmt;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::control::Call;
use super::net::LinkEvent;
use super::store::StoreEvent;

/// Something that happened outside.
#[derive(Debug)]
pub enum Event {
    /// The store has written, or could not.
    Store(StoreEvent),
    /// A link opened, brought a frame, took one, or ended.
    Link(LinkEvent),
    /// Another copy of the program asks for something.
    Call(Call),
    /// A script's next line; `None` at its end.
    Script(Option<String>),
}

type Wake = Box<dyn Fn() + Send>;

/// Where the threads leave what happened.
#[derive(Clone)]
pub struct Outlet {
    sender: Sender<Event>,
    wake: Arc<Mutex<Option<Wake>>>,
}

impl fmt::Debug for Outlet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Outlet")
    }
}

impl Outlet {
    /// Leaves an event and wakes the owner of the [`Inbox`]; false when that is gone, and its threads may end.
    pub fn leave(&self, event: Event) -> bool {
        let left = self.sender.send(event).is_ok();
        if let Some(wake) = self.wake.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            wake();
        }
        left
    }
}

/// What happened outside and is not handled yet.
pub struct Inbox {
    receiver: Receiver<Event>,
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

    /// A place to leave events in, for a thread.
    pub fn outlet(&self) -> Outlet {
        self.outlet.clone()
    }

    /// `wake` is called, on the thread of whoever leaves it, after each event.
    pub fn on_event(&self, wake: impl Fn() + Send + 'static) {
        *self.outlet.wake.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(wake));
    }

    /// The next event, if there is one now.
    pub fn take(&self) -> Option<Event> {
        self.receiver.try_recv().ok()
    }

    /// The next event, waited for at most so long.
    pub fn wait(&self, at_most: Duration) -> Option<Event> {
        self.receiver.recv_timeout(at_most).ok()
    }
}
