//! Liveness: once nothing goes wrong any more, everybody ends up with everything.
//!
//! From each state one fair schedule is run: disks sync, links are made to the first relay, what is on its way arrives, what is to be
//! sent is sent, until nothing is left to do.

use std::collections::HashSet;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::Mutex;

use super::rules::{Action, Mutant, allowed};
use super::search::{conn_of_next_link, sends};
use super::state::{Here, State, There};
use super::take::take;

/// No schedule of the bounded models takes so many steps.
const STEPS_MAX: usize = 10_000;

/// States from which all is known to end well.
#[derive(Debug, Default)]
pub struct Healed(Mutex<HashSet<u64>>);

impl Healed {
    /// Whether the fair schedule from this state ends with everybody equal and nothing left to send.
    pub fn heals<const N: usize>(&self, state: &State<N>, mutant: Option<Mutant>, anew: bool) -> bool {
        let mut state = state.clone();
        let mut passed = Vec::new();
        if anew {
            for link in state.links.clone() {
                take(&mut state, mutant, &Action::CloseThere(link.conn));
            }
        }
        for _ in 0..STEPS_MAX {
            let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(&state);
            if self.0.lock().is_ok_and(|healed| healed.contains(&hash)) {
                return self.remember(&passed);
            }
            passed.push(hash);
            match next(&state, mutant) {
                Some(action) => take(&mut state, mutant, &action),
                None => return is_well(&state) && self.remember(&passed),
            }
        }
        false
    }

    fn remember(&self, passed: &[u64]) -> bool {
        self.0.lock().is_ok_and(|mut healed| {
            healed.extend(passed);
            true
        })
    }
}

/// The next step of the schedule, which follows from the state alone.
pub fn next<const N: usize>(state: &State<N>, mutant: Option<Mutant>) -> Option<Action<N>> {
    for (at, replica) in state.replicas.iter().enumerate() {
        if let Some(change) = state.ready(at) {
            return Some(Action::Deliver(at, change));
        }
        if replica.log.durable < replica.log.len() {
            return Some(Action::Sync(at, replica.log.len()));
        }
    }
    for (at, relay) in state.relays.iter().enumerate() {
        if relay.log.durable < relay.log.len() {
            return Some(Action::RelaySync(at, relay.log.len()));
        }
    }
    for link in &state.links {
        if link.here != Here::Closed && (link.relay != 0 || link.there == There::Closed && link.down.is_empty()) {
            return Some(Action::CloseHere(link.conn));
        }
        if link.here == Here::Closed && link.up.is_empty() {
            return Some(Action::CloseThere(link.conn));
        }
        if !link.up.is_empty() {
            return Some(Action::TakeUp(link.conn));
        }
        if !link.down.is_empty() {
            return Some(Action::TakeDown(link.conn));
        }
    }
    for (replica, ends) in state.replicas.iter().enumerate() {
        if state.link_of(replica).is_none() && !ends.stopped {
            return Some(Action::Connect { replica, relay: 0, conn: conn_of_next_link(state) });
        }
    }
    let mut sendable = Vec::new();
    sends(state, &mut sendable);
    sendable.into_iter().find(|action| allowed(state, mutant, action).is_ok())
}

fn is_well<const N: usize>(state: &State<N>) -> bool {
    let log = &state.relays[0].log;
    state.replicas.iter().enumerate().all(|(at, replica)| {
        let own = u32::try_from(state.made[at].len()).ok();
        replica.log.version == log.version
            && replica.held.is_empty()
            && Some(log.version.get(at)) == own
            && Some(replica.saved) == own
    })
}
