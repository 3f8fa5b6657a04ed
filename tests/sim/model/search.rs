//! The model within bounds, as [`stateright`] looks through it: every order of every step.

use stateright::{Model, Property};

use super::heal::Healed;
use super::properties as holds;
use super::rules::{Action, Mutant, allowed};
use super::state::{ChangeId, Follower, Frame, Here, Link, Log, RELAYS, State, There};
use super::take::take;

/// How often what may happen.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Bounds<const N: usize> {
    /// Relays in use.
    pub relays: usize,
    /// Changes that each replica writes.
    pub writes: [u8; N],
    /// Links that are opened, all replicas together.
    pub connects: u8,
    /// Links that end without a crash, at either end.
    pub closes: u8,
    /// Crashes of replicas.
    pub replica_crashes: u8,
    /// Crashes of relays.
    pub relay_crashes: u8,
    /// Stores of relays that are lost.
    pub forgets: u8,
    /// Stores of relays that are put back from an older copy.
    pub restores: u8,
    /// Frames that are lost although the link goes on.
    pub frames_lost: u8,
    /// Frames on their way, in each direction of each link.
    pub in_flight: usize,
}

/// A state, and how often what may still happen.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Bounded<const N: usize> {
    /// The state.
    pub state: State<N>,
    /// What is left.
    pub left: Bounds<N>,
}

/// A model to look through.
#[derive(Debug)]
pub struct Search<const N: usize> {
    /// Its bounds.
    pub bounds: Bounds<N>,
    /// What is wrong with it, if anything.
    pub mutant: Option<Mutant>,
    begins: State<N>,
    healed: Healed,
}

impl<const N: usize> Search<N> {
    /// The model within these bounds, or a broken one.
    pub fn new(bounds: Bounds<N>, mutant: Option<Mutant>) -> Self {
        Self::from_state(State::default(), bounds, mutant)
    }

    /// The same, begun in this state.
    pub fn from_state(begins: State<N>, bounds: Bounds<N>, mutant: Option<Mutant>) -> Self {
        Self { bounds, mutant, begins, healed: Healed::default() }
    }

    fn faults(bounded: &Bounded<N>, actions: &mut Vec<Action<N>>) {
        let (state, left) = (&bounded.state, &bounded.left);
        for (at, replica) in state.replicas.iter().enumerate().filter(|_| left.replica_crashes > 0) {
            for kept in replica.log.durable..=replica.log.len() {
                let crash = |resume, saved| Action::ReplicaCrash { replica: at, kept, resume, saved };
                actions.push(crash(true, replica.saved));
                if replica.stored.is_some() || replica.saved > 0 {
                    actions.push(crash(false, 0));
                }
            }
        }
        for (relay, ends) in state.relays.iter().enumerate().filter(|(_, ends)| !ends.log.is_empty()) {
            let log = &ends.log;
            if left.relay_crashes > 0 {
                actions.extend((log.durable..=log.len()).map(|kept| Action::RelayCrash { relay, kept }));
            }
            if left.forgets > 0 {
                actions.push(Action::RelayForget(relay));
            }
            if left.restores > 0 {
                actions.extend((0..log.durable).map(|kept| Action::RelayRestore { relay, kept }));
            }
        }
        for link in &state.links {
            if left.closes > 0 && link.here != Here::Closed {
                actions.push(Action::CloseHere(link.conn));
            }
            if link.there != There::Closed && (left.closes > 0 || link.here == Here::Closed) {
                actions.push(Action::CloseThere(link.conn));
            }
            if left.frames_lost > 0 && matches!(link.up.front(), Some(Frame::Change(_))) {
                actions.push(Action::LoseUp(link.conn));
            }
        }
    }

    fn steps(&self, bounded: &Bounded<N>, actions: &mut Vec<Action<N>>) {
        let (state, left) = (&bounded.state, &bounded.left);
        // Of two runs that differ in the names of replicas or relays, one is enough.
        let nothing_written = state.made.iter().all(Vec::is_empty);
        let alike = left.writes.iter().all(|writes| *writes == left.writes[0]);
        for (at, replica) in state.replicas.iter().enumerate() {
            if left.writes[at] > 0 && (at == 0 || !nothing_written || !alike) {
                actions.push(Action::Write(at));
            }
            if replica.log.durable < replica.log.len() {
                actions.push(Action::Sync(at, replica.log.len()));
            }
            if left.connects > 0 && !replica.stopped && state.link_of(at).is_none() {
                let untouched = left.connects == self.bounds.connects;
                let relays = if untouched { 1 } else { left.relays };
                let conn = conn_of_next_link(state);
                actions.extend((0..relays).map(|relay| Action::Connect { replica: at, relay, conn }));
            }
        }
        for (at, relay) in state.relays.iter().enumerate() {
            if relay.log.durable < relay.log.len() {
                actions.push(Action::RelaySync(at, relay.log.len()));
            }
        }
        for link in &state.links {
            actions.extend([Action::TakeUp(link.conn), Action::TakeDown(link.conn)]);
        }
        let from = actions.len();
        sends(state, actions);
        let room = |action: &Action<N>| match action {
            Action::SendUp(conn, _) => state.link(*conn).is_some_and(|link| link.up.len() < left.in_flight),
            Action::SendDown(conn, _) => state.link(*conn).is_some_and(|link| link.down.len() < left.in_flight),
            _ => true,
        };
        let mut sent = actions.split_off(from);
        sent.retain(room);
        actions.append(&mut sent);
    }
}

/// A number that no link has.
pub fn conn_of_next_link<const N: usize>(state: &State<N>) -> u64 {
    (0..=state.links.len() as u64).find(|conn| state.link(*conn).is_none()).unwrap_or(u64::MAX)
}

/// Steps that are taken at once, since the same step later leads to nothing else.
///
/// A replica reads at once what a relay sends: what it does before it reads might as well have been done before the relay sent, for
/// the one does not depend on the other, and a frame that it never reads might never have been sent. (The other way round that
/// does not hold: what a replica sent arrives though its end is closed, and frames that cross are different from frames that do not.)
/// A relay welcomes at once: it might as well have read the Hello later.
fn urgent<const N: usize>(state: &State<N>) -> Option<Action<N>> {
    if let Some((at, change)) = (0..N).find_map(|at| Some((at, state.ready(at)?))) {
        return Some(Action::Deliver(at, change));
    }
    state.links.iter().find_map(|link| {
        if link.here == Here::Closed && link.up.is_empty() {
            return Some(Action::CloseThere(link.conn));
        }
        if link.here != Here::Closed && link.there == There::Closed && link.down.is_empty() {
            return Some(Action::CloseHere(link.conn));
        }
        if let There::Greeting { .. } = link.there {
            return Some(welcome(state, link));
        }
        if !link.down.is_empty() {
            return Some(Action::TakeDown(link.conn));
        }
        (link.here == Here::Open).then(|| hello(state, link))
    })
}

fn hello<const N: usize>(state: &State<N>, link: &Link<N>) -> Action<N> {
    let replica = &state.replicas[link.replica];
    Action::SendUp(link.conn, Frame::Hello(replica.log.durable_version, replica.resume))
}

fn welcome<const N: usize>(state: &State<N>, link: &Link<N>) -> Action<N> {
    let relay = &state.relays[link.relay];
    let (head, version) = (relay.log.durable, relay.log.durable_version);
    Action::SendDown(link.conn, Frame::Welcome { epoch: relay.epoch, head, version })
}

/// The furthest position that a relay may say, if it is news.
fn progress<const N: usize>(log: &Log<N>, follower: &Follower<N>) -> impl Iterator<Item = Frame<N>> {
    let served = log.entries.iter().take_while(|change| follower.told.has(**change)).count();
    let news = [served.min(log.durable), served].into_iter().filter(|position| follower.progress != Some(*position));
    news.map(Frame::Progress)
}

/// Every frame that an end may send, and some that it may not.
pub fn sends<const N: usize>(state: &State<N>, actions: &mut Vec<Action<N>>) {
    let nexts = |version: &super::Version<N>| {
        let version = *version;
        (0..N).map(move |author| Frame::Change(ChangeId { author, seq: version.get(author) }))
    };
    for link in &state.links {
        match &link.here {
            Here::Open => actions.push(hello(state, link)),
            Here::Welcomed { believed } => {
                actions.extend(nexts(believed).map(|frame| Action::SendUp(link.conn, frame)));
            }
            Here::Closed | Here::Greeting => {}
        }
        if link.here == Here::Closed {
            continue;
        }
        let relay = &state.relays[link.relay];
        let mut down = |frame| actions.push(Action::SendDown(link.conn, frame));
        match &link.there {
            There::Greeting { .. } => actions.push(welcome(state, link)),
            There::Linked(follower) => {
                // An ack or a position that is said again changes nothing.
                for count in [relay.log.durable_version, relay.log.version].map(|version| version.get(link.replica)) {
                    if count > follower.acked {
                        down(Frame::Ack(count));
                    }
                }
                down(Frame::Missing(relay.log.version));
                nexts(&follower.told).for_each(&mut down);
                progress(&relay.log, follower).for_each(&mut down);
            }
            There::Replaced => down(Frame::Refused { stop: true }),
            There::Closed | There::Open => {}
        }
    }
}

fn spend<const N: usize>(bounded: &mut Bounded<N>, action: &Action<N>) {
    let left = &mut bounded.left;
    let is_open = |conn: u64| {
        bounded.state.link(conn).is_some_and(|link| link.here != Here::Closed && link.there != There::Closed)
    };
    let budget = match action {
        Action::Write(replica) => &mut left.writes[*replica],
        Action::Connect { .. } => &mut left.connects,
        Action::CloseHere(conn) | Action::CloseThere(conn) if is_open(*conn) => &mut left.closes,
        Action::LoseUp(_) => &mut left.frames_lost,
        Action::ReplicaCrash { .. } => &mut left.replica_crashes,
        Action::RelayCrash { .. } => &mut left.relay_crashes,
        Action::RelayForget(_) => &mut left.forgets,
        Action::RelayRestore { .. } => &mut left.restores,
        _ => return,
    };
    *budget = budget.saturating_sub(1);
}

impl<const N: usize> Model for Search<N> {
    type State = Bounded<N>;
    type Action = Action<N>;

    fn init_states(&self) -> Vec<Self::State> {
        vec![Bounded { state: self.begins.clone(), left: self.bounds }]
    }

    fn actions(&self, bounded: &Self::State, actions: &mut Vec<Self::Action>) {
        if let Some(action) = urgent(&bounded.state) {
            actions.push(action);
        } else {
            self.steps(bounded, actions);
            Self::faults(bounded, actions);
        }
        // Both counts of an ack are tried, and both positions: the rules choose.
        actions.retain(|action| allowed(&bounded.state, self.mutant, action).is_ok());
        debug_assert!(self.bounds.relays <= RELAYS, "there are {RELAYS} relays");
    }

    fn next_state(&self, bounded: &Self::State, action: Self::Action) -> Option<Self::State> {
        let mut next = bounded.clone();
        spend(&mut next, &action);
        take(&mut next.state, self.mutant, &action);
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut all = vec![
            Property::<Self>::always("acked is durable", |_, at| holds::acked_is_durable(&at.state)),
            Property::<Self>::always("sent is durable", |_, at| holds::sent_is_durable(&at.state)),
            Property::<Self>::always("relay logs are closed", |_, at| holds::relay_logs_are_closed(&at.state)),
            Property::<Self>::always("delivery is causal", |_, at| holds::delivery_is_causal(&at.state)),
            Property::<Self>::always("nothing is lost", |_, at| holds::nothing_is_lost(&at.state)),
            Property::<Self>::always("nothing impossible is said", |_, at| {
                holds::nothing_impossible_is_said(&at.state)
            }),
            Property::<Self>::always("resume is true", |_, at| holds::resume_is_true(&at.state)),
            Property::<Self>::always("it heals", |search, at| {
                search.healed.heals(&at.state, search.mutant, search.bounds.frames_lost > 0)
            }),
            Property::<Self>::sometimes("an ack comes", |_, at| holds::an_ack_comes(&at.state)),
        ];
        if self.bounds.frames_lost == 0 {
            all.push(Property::<Self>::always("beliefs are true", |_, at| holds::beliefs_are_true(&at.state)));
        } else {
            all.push(Property::<Self>::sometimes("a missing is answered", |_, at| {
                holds::a_missing_is_answered(&at.state)
            }));
        }
        if self.bounds.forgets > 0 {
            all.push(Property::<Self>::sometimes("a relay is refilled", |_, at| holds::a_relay_is_refilled(&at.state)));
            all.push(Property::<Self>::sometimes("others' changes are sent", |_, at| {
                holds::others_changes_are_sent(&at.state)
            }));
        }
        if self.bounds.relays > 1 {
            all.push(Property::<Self>::sometimes("both relays are used", |_, at| {
                holds::both_relays_are_used(&at.state)
            }));
        }
        if N > 2 {
            all.push(Property::<Self>::sometimes("something is held back", |_, at| {
                holds::something_is_held_back(&at.state)
            }));
        }
        if self.bounds.closes > 0 && self.bounds.connects > 1 {
            all.push(Property::<Self>::sometimes("a link is replaced", |_, at| holds::a_link_is_replaced(&at.state)));
            all.push(Property::<Self>::sometimes("a place is resumed", |_, at| holds::a_place_is_resumed(&at.state)));
        }
        all
    }
}
