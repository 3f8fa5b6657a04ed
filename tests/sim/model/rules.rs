//! What may happen, and when: the protocol as one condition for each step.
//!
//! The conditions are what `docs/PROTOCOL.md` promises and not how the code comes by it: a relay may send any change whose past was
//! sent, the code sends them in the order of its log. So the model does whatever the code may do, and more.

use super::state::{ChangeId, Follower, Frame, Here, Link, Missing, RELAYS, State, There};

/// One step of a replica, a relay, a disk or the network.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Action<const N: usize> {
    /// A replica makes a change.
    Write(usize),
    /// A replica delivers a change that came.
    Deliver(usize, ChangeId),
    /// A replica's log is on its disk up to a position.
    Sync(usize, usize),
    /// A replica opens a link.
    Connect {
        /// Which replica.
        replica: usize,
        /// To which relay.
        relay: usize,
        /// The link's number.
        conn: u64,
    },
    /// The replica's end of a link closes; what it sent is still on its way.
    CloseHere(u64),
    /// The relay's end of a link closes; what it sent is still on its way.
    CloseThere(u64),
    /// The replica's end sends.
    SendUp(u64, Frame<N>),
    /// The relay's end sends.
    SendDown(u64, Frame<N>),
    /// The relay reads the next frame.
    TakeUp(u64),
    /// The replica reads the next frame.
    TakeDown(u64),
    /// A frame on its way to the relay is lost, and the link goes on: what no transport of the protocol does.
    LoseUp(u64),
    /// A relay's log is on its disk up to a position.
    RelaySync(usize, usize),
    /// A replica's process ends, and starts again from what its disk has.
    ReplicaCrash {
        /// Which replica.
        replica: usize,
        /// How many changes its disk has.
        kept: usize,
        /// Whether its disk remembers a place in a relay's log.
        resume: bool,
        /// How many own changes its disk remembers as saved.
        saved: u32,
    },
    /// A relay's process ends, and starts again from what its disk has.
    RelayCrash {
        /// Which relay.
        relay: usize,
        /// How many changes its disk has.
        kept: usize,
    },
    /// A relay's store is lost; the next one has another epoch.
    RelayForget(usize),
    /// A relay's store is put back from an old copy, with its epoch.
    RelayRestore {
        /// Which relay.
        relay: usize,
        /// How many changes the copy has.
        kept: usize,
    },
}

/// What is wrong with a broken model; a property must notice each.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mutant {
    /// A relay acks what is in its memory.
    AckBeforeDurable,
    /// A replica sends what is in its memory.
    SendBeforeDurable,
    /// A relay believes a place that the replica names, whatever its epoch and whatever the log holds below it.
    ResumeTrusted,
    /// A replica remembers a place before its own disk has what is below it.
    ResumeBeforeDurable,
    /// A relay names positions that are in its memory only.
    ProgressOfMemory,
    /// A replica drops what comes before its past.
    HoldBackDropped,
    /// A relay takes a change whose past it lacks.
    AppendWithoutPast,
    /// A replica sends its own changes only.
    OwnChangesOnly,
    /// A Hello that comes late, on a link that was given up, ends the replica's newer link.
    LateHelloReplaces,
}

/// Whether a step may happen in a state.
///
/// # Errors
/// Why not.
pub fn allowed<const N: usize>(
    state: &State<N>,
    mutant: Option<Mutant>,
    action: &Action<N>,
) -> Result<(), &'static str> {
    match action {
        Action::Write(replica) => settled(state, *replica),
        Action::Deliver(replica, change) => {
            let replica = &state.replicas[*replica];
            check(replica.held.contains(change), "no such change came and waits")?;
            check(state.is_ready(*change, &replica.log.version), "some of its past is not delivered")
        }
        Action::Sync(replica, head) => {
            let log = &state.replicas[*replica].log;
            settled(state, *replica)?;
            check((log.durable..=log.len()).contains(head), "its log does not reach there, or was on disk further")
        }
        Action::Connect { replica, relay, conn } => {
            check(*relay < RELAYS, "there is no such relay")?;
            check(state.link_of(*replica).is_none(), "it has a link")?;
            check(state.link(*conn).is_none(), "there is such a link")
        }
        Action::CloseHere(conn) => check(link(state, *conn)?.here != Here::Closed, "that end is closed"),
        Action::CloseThere(conn) => check(link(state, *conn)?.there != There::Closed, "that end is closed"),
        Action::SendUp(conn, frame) => may_send_up(state, mutant, link(state, *conn)?, frame),
        Action::SendDown(conn, frame) => may_send_down(state, mutant, link(state, *conn)?, frame),
        Action::TakeUp(conn) | Action::LoseUp(conn) => {
            let link = link(state, *conn)?;
            check(link.there != There::Closed, "that end is closed")?;
            check(!link.up.is_empty(), "nothing is on its way")
        }
        Action::TakeDown(conn) => {
            let link = link(state, *conn)?;
            settled(state, link.replica)?;
            may_take_down(link)
        }
        Action::RelaySync(relay, head) => {
            let log = &state.relays[*relay].log;
            check((log.durable..=log.len()).contains(head), "its log does not reach there, or was on disk further")
        }
        Action::ReplicaCrash { replica, kept, saved, .. } => {
            let replica = &state.replicas[*replica];
            check((replica.log.durable..=replica.log.len()).contains(kept), "what was on disk stays, and no more")?;
            check(*saved <= replica.saved, "it was never told so")
        }
        Action::RelayCrash { relay, kept } => {
            let log = &state.relays[*relay].log;
            check((log.durable..=log.len()).contains(kept), "what was on disk stays, and no more")
        }
        Action::RelayForget(_) => Ok(()),
        Action::RelayRestore { relay, kept } => {
            check(*kept <= state.relays[*relay].log.durable, "a copy has what was on disk once")
        }
    }
}

pub(super) fn check(holds: bool, otherwise: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(otherwise) }
}

fn link<const N: usize>(state: &State<N>, conn: u64) -> Result<&Link<N>, &'static str> {
    state.link(conn).ok_or("there is no such link")
}

/// A replica delivers what it can before it does anything else.
fn settled<const N: usize>(state: &State<N>, replica: usize) -> Result<(), &'static str> {
    check(state.ready(replica).is_none(), "it holds back a change whose past is delivered")
}

fn may_send_up<const N: usize>(
    state: &State<N>,
    mutant: Option<Mutant>,
    link: &Link<N>,
    frame: &Frame<N>,
) -> Result<(), &'static str> {
    let replica = &state.replicas[link.replica];
    match (&link.here, frame) {
        (Here::Closed, _) => Err("that end is closed"),
        (Here::Open, Frame::Hello(version, resume)) => {
            check(*version == replica.log.durable_version, "its disk has something else")?;
            let same = match (resume, &replica.resume) {
                (Some(said), Some(has)) => said.is(has),
                (said, has) => said.is_none() && has.is_none(),
            };
            check(same, "it has read up to somewhere else")
        }
        (Here::Welcomed { believed }, Frame::Change(change)) => {
            let in_memory = mutant == Some(Mutant::SendBeforeDurable);
            let sendable = if in_memory { &replica.log.version } else { &replica.log.durable_version };
            check(sendable.has(*change), "it is not on its disk")?;
            let kept_back = mutant == Some(Mutant::OwnChangesOnly) && change.author != link.replica;
            check(believed.is_next(*change) && !kept_back, "it is not the next that the relay lacks of its author")?;
            let lone = matches!(mutant, Some(Mutant::OwnChangesOnly | Mutant::SendBeforeDurable));
            check(lone || state.is_ready(*change, believed), "the relay is believed to lack its past")
        }
        _ => Err("that frame has no place there"),
    }
}

fn may_send_down<const N: usize>(
    state: &State<N>,
    mutant: Option<Mutant>,
    link: &Link<N>,
    frame: &Frame<N>,
) -> Result<(), &'static str> {
    let relay = &state.relays[link.relay];
    match (&link.there, frame) {
        (There::Closed, _) => Err("that end is closed"),
        (There::Greeting { head: least, .. }, Frame::Welcome { epoch, head, version }) => {
            check(*epoch == relay.epoch, "its store has another epoch")?;
            check((*least..=relay.log.durable).contains(head), "its log on disk ends somewhere else")?;
            check(*version == relay.log.version_at(*head), "that is not what its disk has there")
        }
        (There::Linked(follower), Frame::Change(change)) => {
            check(relay.log.version.has(*change), "it is not in its log")?;
            check(follower.told.is_next(*change), "it is not the next that the replica lacks of its author")?;
            check(follower.misled || state.is_ready(*change, &follower.told), "its past was not sent")
        }
        (There::Linked(follower), Frame::Ack(count)) => {
            let in_memory = mutant == Some(Mutant::AckBeforeDurable);
            let version = if in_memory { &relay.log.version } else { &relay.log.durable_version };
            check(*count == version.get(link.replica), "its disk has another number")?;
            check(*count >= follower.acked, "it said more before")
        }
        (There::Linked(follower), Frame::Progress(position)) => {
            let in_memory = mutant == Some(Mutant::ProgressOfMemory);
            let head = if in_memory { relay.log.len() } else { relay.log.durable };
            check(*position <= head, "its log on disk ends before")?;
            check(follower.progress.is_none_or(|before| before <= *position), "it said more before")?;
            check(is_served(&relay.log.entries, follower, *position), "not everything below was sent")
        }
        (There::Linked(follower), Frame::Missing(version)) => {
            check(follower.missing == Missing::Due, "no change came without its past")?;
            check(*version == relay.log.version, "that is not what it has")
        }
        (There::Replaced, Frame::Refused { .. }) => Ok(()),
        (_, Frame::Refused { stop }) => check(!stop, "there is no reason to refuse for good"),
        _ => Err("that frame has no place there"),
    }
}

/// Whether the replica has everything below a position, as far as the relay knows.
fn is_served<const N: usize>(entries: &[ChangeId], follower: &Follower<N>, position: usize) -> bool {
    let unseen = entries.get(follower.served..position.max(follower.served)).unwrap_or(&[]);
    unseen.iter().all(|change| follower.told.has(*change))
}

fn may_take_down<const N: usize>(link: &Link<N>) -> Result<(), &'static str> {
    let Some(frame) = link.down.front() else { return Err("nothing is on its way") };
    match (&link.here, frame) {
        (Here::Closed, _) => Err("that end is closed"),
        (Here::Greeting, Frame::Welcome { .. }) | (_, Frame::Refused { .. }) => Ok(()),
        (Here::Welcomed { .. }, frame) if !matches!(frame, Frame::Welcome { .. }) => Ok(()),
        _ => Err("that frame has no place there"),
    }
}
