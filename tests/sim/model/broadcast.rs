//! Causal broadcast alone, over a network that brings anything to anybody, in any order, any number of times.
//!
//! Deps are version vectors, as on the wire. What happened before what is kept apart from them, as the set of messages that the
//! author had delivered: happens-before by its definition, transitive because those had theirs delivered.

use quire_crdt::{Delivery, Header, ReplicaId, VersionVector, classify};
use stateright::{Model, Property};

use super::state::{ChangeId, Version};

/// The replicas.
pub const REPLICAS: usize = 3;

/// What is wrong with a broken model; a property must notice each.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mutant {
    /// What comes before its past is delivered at once.
    Hasty,
    /// What comes before its past is dropped, for good.
    HoldBackDropped,
    /// Deps name what was received, delivered or not.
    DepsOfReceived,
    /// Deps name the author's own messages only: FIFO broadcast.
    DepsOfOwn,
    /// What was delivered before is delivered again.
    Twice,
}

/// A message.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Message {
    /// Its author, and how many came before.
    pub id: ChangeId,
    /// What its author says it had delivered, itself excluded.
    pub deps: Version<REPLICAS>,
    /// What its author had delivered: a bit for each message, by its place in [`State::sent`].
    before: u16,
}

/// A replica.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct Receiver {
    /// Messages in the order of delivery, by their places in [`State::sent`].
    delivered: Vec<usize>,
    /// What those add up to.
    version: Version<REPLICAS>,
    /// What waits for its past, as bits.
    held: u16,
    /// What came and was dropped, as bits.
    dropped: u16,
}

/// Everything.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct State {
    /// All messages ever sent; the network keeps them.
    pub sent: Vec<Message>,
    /// The replicas.
    pub receivers: [Receiver; REPLICAS],
}

/// A step.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Action {
    /// A replica broadcasts a message and delivers it to itself.
    Send(usize),
    /// A message comes to a replica, for the first time or again.
    Receive(usize, usize),
}

/// The model, for so many messages of each replica.
#[derive(Clone, Copy, Debug)]
pub struct Broadcast {
    /// How many messages each replica sends.
    pub messages: [usize; REPLICAS],
    /// What is wrong with it, if anything.
    pub mutant: Option<Mutant>,
}

impl Receiver {
    fn has(&self, message: usize) -> bool {
        self.delivered.contains(&message)
    }

    fn delivered_bits(&self) -> u16 {
        self.delivered.iter().fold(0, |bits, message| bits | 1 << message)
    }

    fn deliver(&mut self, sent: &[Message], message: usize) {
        self.delivered.push(message);
        self.version.observe(sent[message].id);
        self.held &= !(1 << message);
    }

    /// Delivers whatever need not wait any longer.
    fn deliver_held(&mut self, sent: &[Message]) {
        let ready = |receiver: &Self| {
            (0..sent.len()).find(|at| receiver.held & 1 << at != 0 && is_ready(&sent[*at], &receiver.version))
        };
        while let Some(message) = ready(self) {
            self.deliver(sent, message);
        }
    }
}

/// The rule of the algorithm.
fn is_ready(message: &Message, version: &Version<REPLICAS>) -> bool {
    version.is_next(message.id) && message.deps.within(version)
}

impl Broadcast {
    fn send(&self, state: &mut State, at: usize) {
        let receiver = &state.receivers[at];
        let mut deps = receiver.version;
        match self.mutant {
            Some(Mutant::DepsOfOwn) => {
                deps = Version::default();
                deps.0[at] = receiver.version.get(at);
            }
            Some(Mutant::DepsOfReceived) => {
                let held = state.sent.iter().enumerate().filter(|(place, _)| receiver.held & 1 << place != 0);
                held.for_each(|(_, message)| deps.observe(message.id));
            }
            _ => {}
        }
        let id = ChangeId { author: at, seq: receiver.version.get(at) };
        state.sent.push(Message { id, deps, before: receiver.delivered_bits() });
        let place = state.sent.len() - 1;
        state.receivers[at].deliver(&state.sent, place);
    }

    fn receive(&self, state: &mut State, at: usize, message: usize) {
        let State { sent, receivers } = state;
        let receiver = &mut receivers[at];
        let duplicate = sent[message].id.seq < receiver.version.get(sent[message].id.author);
        if duplicate && self.mutant != Some(Mutant::Twice) || receiver.dropped & 1 << message != 0 {
            return;
        }
        let ready = is_ready(&sent[message], &receiver.version);
        match self.mutant {
            Some(Mutant::HoldBackDropped) if !ready => receiver.dropped |= 1 << message,
            Some(Mutant::Hasty) => receiver.deliver(sent, message),
            Some(Mutant::Twice) if duplicate => receiver.deliver(sent, message),
            _ => receiver.held |= 1 << message,
        }
        receiver.deliver_held(sent);
    }

    /// Whether bringing everybody everything, last things first, ends with everything delivered to everybody.
    fn all_arrives(&self, state: &State) -> bool {
        let mut state = state.clone();
        for at in 0..REPLICAS {
            for message in (0..state.sent.len()).rev() {
                self.receive(&mut state, at, message);
            }
        }
        state.receivers.iter().all(|receiver| receiver.delivered.len() >= state.sent.len() && receiver.held == 0)
    }
}

fn delivery_is_causal(state: &State) -> bool {
    state.receivers.iter().all(|receiver| {
        let mut bits = 0;
        receiver.delivered.iter().all(|message| {
            let past_is_there = state.sent[*message].before & !bits == 0;
            bits |= 1 << message;
            past_is_there
        })
    })
}

fn nothing_comes_twice(state: &State) -> bool {
    let once = |receiver: &Receiver| receiver.delivered_bits().count_ones() as usize == receiver.delivered.len();
    state.receivers.iter().all(once)
}

/// Deps are the past: no less, or something is delivered too early; no more, or something concurrent seems ordered.
fn deps_are_the_past(state: &State) -> bool {
    state.sent.iter().all(|message| {
        let mut past = Version::default();
        let before = state.sent.iter().enumerate().filter(|(place, _)| message.before & 1 << place != 0);
        before.for_each(|(_, earlier)| past.observe(earlier.id));
        past == message.deps
    })
}

/// The programs' own rule says the same about every message at every replica as the definition of happens-before.
fn the_code_agrees(state: &State) -> bool {
    let id = |at: usize| ReplicaId::from_bytes([u8::try_from(at).unwrap_or(0); 16]);
    let real = |version: &Version<REPLICAS>| -> VersionVector {
        (0..REPLICAS).map(|at| (id(at), u64::from(version.get(at)))).filter(|(_, count)| *count > 0).collect()
    };
    state.receivers.iter().all(|receiver| {
        let (version, bits) = (real(&receiver.version), receiver.delivered_bits());
        state.sent.iter().enumerate().all(|(place, message)| {
            let others =
                message.deps.0.iter().enumerate().filter(|(at, count)| *at != message.id.author && **count > 0);
            let deps = others.map(|(at, count)| (id(at), u64::from(*count))).collect();
            let (replica, first_seq) = (id(message.id.author), u64::from(message.id.seq));
            let header = Header { replica, first_seq, len: 1, deps, heads: false };
            let should = match (receiver.has(place), message.before & !bits == 0) {
                (true, _) => Delivery::Duplicate,
                (false, true) => Delivery::Delivered,
                (false, false) => Delivery::HeldBack,
            };
            classify(&header, &version) == Ok(should)
        })
    })
}

impl Model for Broadcast {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::default()]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for (at, receiver) in state.receivers.iter().enumerate() {
            if (receiver.version.get(at) as usize) < self.messages[at] {
                actions.push(Action::Send(at));
            }
            actions.extend((0..state.sent.len()).map(|message| Action::Receive(at, message)));
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        match action {
            Action::Send(at) => self.send(&mut next, at),
            Action::Receive(at, message) => self.receive(&mut next, at, message),
        }
        (next != *state).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut all = vec![
            Property::<Self>::always("delivery is causal", |_, state| delivery_is_causal(state)),
            Property::<Self>::always("nothing comes twice", |_, state| nothing_comes_twice(state)),
            Property::<Self>::always("deps are the past", |_, state| deps_are_the_past(state)),
            Property::<Self>::always("all arrives", Self::all_arrives),
            Property::<Self>::sometimes("something is held back", |_, state| {
                state.receivers.iter().any(|receiver| receiver.held != 0)
            }),
        ];
        if self.mutant.is_none() {
            all.push(Property::<Self>::always("the code agrees", |_, state| the_code_agrees(state)));
        }
        all
    }

    /// A broken model may go on for ever.
    fn within_boundary(&self, state: &State) -> bool {
        state.receivers.iter().all(|receiver| receiver.delivered.len() <= self.messages.iter().sum::<usize>() + 1)
    }
}
