//! What a step does.

use super::rules::{Action, Mutant};
use super::state::{Follower, Frame, Here, Link, Missing, Reached, Resume, State, There, Version};

/// Takes a step, which must be [allowed](super::rules::allowed).
pub fn take<const N: usize>(state: &mut State<N>, mutant: Option<Mutant>, action: &Action<N>) {
    match action {
        Action::Write(replica) => {
            let log = &mut state.replicas[*replica].log;
            let change = super::ChangeId { author: *replica, seq: log.version.get(*replica) };
            state.made[*replica].push(log.version);
            log.push(change);
        }
        Action::Deliver(replica, change) => {
            let replica = &mut state.replicas[*replica];
            replica.held.retain(|held| held != change);
            replica.log.push(*change);
        }
        Action::Sync(replica, head) => {
            state.replicas[*replica].log.sync(*head);
            remember(state, mutant, *replica);
        }
        Action::Connect { replica, relay, conn } => state.links.push(Link {
            conn: *conn,
            replica: *replica,
            relay: *relay,
            losses: state.relays[*relay].losses,
            here: Here::Open,
            there: There::Open,
            up: [].into(),
            down: [].into(),
        }),
        Action::CloseHere(conn) => close_here(state, |link| link.conn == *conn),
        Action::CloseThere(conn) => close_there(state, |link| link.conn == *conn),
        Action::SendUp(conn, frame) => send_up(state, *conn, frame),
        Action::SendDown(conn, frame) => send_down(state, mutant, *conn, frame),
        Action::TakeUp(conn) => take_up(state, mutant, *conn),
        Action::TakeDown(conn) => take_down(state, mutant, *conn),
        Action::LoseUp(conn) => {
            if let Some(at) = at(state, *conn) {
                state.links[at].up.pop_front();
            }
        }
        Action::RelaySync(relay, head) => state.relays[*relay].log.sync(*head),
        Action::ReplicaCrash { replica, kept, resume, saved } => {
            replica_crash(state, *replica, *kept, *resume, *saved);
        }
        Action::RelayCrash { relay, kept } => {
            state.relays[*relay].log.keep(*kept);
            close_there(state, |link| link.relay == *relay);
        }
        Action::RelayForget(relay) => {
            let former = &mut state.relays[*relay];
            former.log.keep(0);
            former.epoch += 1;
            former.losses += 1;
            close_there(state, |link| link.relay == *relay);
        }
        Action::RelayRestore { relay, kept } => {
            state.relays[*relay].log.keep(*kept);
            state.relays[*relay].losses += 1;
            close_there(state, |link| link.relay == *relay);
        }
    }
}

fn at<const N: usize>(state: &State<N>, conn: u64) -> Option<usize> {
    state.links.iter().position(|link| link.conn == conn)
}

fn close_here<const N: usize>(state: &mut State<N>, which: impl Fn(&Link<N>) -> bool) {
    for link in state.links.iter_mut().filter(|link| which(link)) {
        link.here = Here::Closed;
        link.down.clear();
    }
    drop_closed(state);
}

fn close_there<const N: usize>(state: &mut State<N>, which: impl Fn(&Link<N>) -> bool) {
    for link in state.links.iter_mut().filter(|link| which(link)) {
        link.there = There::Closed;
        link.up.clear();
    }
    drop_closed(state);
}

fn drop_closed<const N: usize>(state: &mut State<N>) {
    state.links.retain(|link| link.here != Here::Closed || link.there != There::Closed);
}

fn send_up<const N: usize>(state: &mut State<N>, conn: u64, frame: &Frame<N>) {
    let Some(at) = at(state, conn) else { return };
    let link = &mut state.links[at];
    match (&mut link.here, frame) {
        (here, Frame::Hello(..)) => *here = Here::Greeting,
        (Here::Welcomed { believed }, Frame::Change(change)) => {
            believed.observe(*change);
            let replica = &mut state.replicas[link.replica];
            if change.author == link.replica {
                replica.sent = replica.sent.max(change.seq + 1);
            }
        }
        _ => {}
    }
    if link.there != There::Closed {
        link.up.push_back(frame.clone());
    }
}

fn send_down<const N: usize>(state: &mut State<N>, mutant: Option<Mutant>, conn: u64, frame: &Frame<N>) {
    let Some(at) = at(state, conn) else { return };
    let link = &mut state.links[at];
    let log = &state.relays[link.relay].log;
    match (&mut link.there, frame) {
        (there @ There::Greeting { .. }, Frame::Welcome { epoch, head, version }) => {
            if let There::Greeting { version: told, resume, .. } = *there {
                let trusts = mutant == Some(Mutant::ResumeTrusted);
                let here = |resume: &Resume| {
                    resume.relay == link.relay && (trusts || resume.epoch == *epoch) && resume.position <= *head
                };
                let below = resume.filter(here).map(|resume| log.version_at(resume.position)).unwrap_or_default();
                let acked = version.get(link.replica);
                *there = There::Linked(follow(told, &below, acked, trusts));
            }
        }
        (There::Linked(follower), Frame::Change(change)) => follower.told.observe(*change),
        (There::Linked(follower), Frame::Ack(count)) => follower.acked = *count,
        (There::Linked(follower), Frame::Progress(position)) => {
            follower.served = follower.served.max(*position);
            follower.progress = Some(*position);
        }
        (There::Linked(follower), Frame::Missing(_)) => follower.missing = Missing::Said,
        (there, Frame::Refused { .. }) => {
            *there = There::Closed;
            link.up.clear();
        }
        _ => {}
    }
    if link.here != Here::Closed {
        link.down.push_back(frame.clone());
    }
    drop_closed(state);
}

fn follow<const N: usize>(mut told: Version<N>, below: &Version<N>, acked: u32, trusts: bool) -> Follower<N> {
    let misled = !below.within(&told) && !trusts;
    if trusts {
        told.join(below);
    }
    Follower { told, misled, acked, progress: None, served: 0, missing: Missing::Nothing }
}

fn take_up<const N: usize>(state: &mut State<N>, mutant: Option<Mutant>, conn: u64) {
    let Some(at) = at(state, conn) else { return };
    let Some(frame) = state.links[at].up.pop_front() else { return };
    let (replica, relay) = (state.links[at].replica, state.links[at].relay);
    let is_linked = matches!(state.links[at].there, There::Linked(_));
    match frame {
        Frame::Hello(version, resume) if state.links[at].there == There::Open => {
            let head = state.relays[relay].log.durable;
            let is_other = |link: &Link<N>| (link.replica, link.relay) == (replica, relay) && link.there.is_greeted();
            // The link that was opened later stays, whichever Hello came first.
            let late = state.links[at + 1..].iter().any(is_other) && mutant != Some(Mutant::LateHelloReplaces);
            if late {
                state.links[at].there = There::Replaced;
                return;
            }
            for older in state.links.iter_mut().filter(|link| is_other(link)) {
                older.there = There::Replaced;
            }
            state.links[at].there = There::Greeting { version, resume, head };
        }
        Frame::Change(change) if is_linked => {
            let (version, blind) = (state.relays[relay].log.version, mutant == Some(Mutant::AppendWithoutPast));
            let taken = !version.has(change) && (blind || state.is_ready(change, &version));
            if taken {
                state.relays[relay].log.push(change);
            }
            let There::Linked(follower) = &mut state.links[at].there else { return };
            if taken || version.has(change) {
                follower.told.observe(change);
            } else {
                follower.missing = Missing::Due;
            }
            if taken {
                let answered = matches!(follower.missing, Missing::Said | Missing::Answered);
                follower.missing = if answered { Missing::Answered } else { Missing::Nothing };
            }
        }
        _ => {}
    }
}

fn take_down<const N: usize>(state: &mut State<N>, mutant: Option<Mutant>, conn: u64) {
    let Some(at) = at(state, conn) else { return };
    let Some(frame) = state.links[at].down.pop_front() else { return };
    let (at_replica, relay, losses) = (state.links[at].replica, state.links[at].relay, state.links[at].losses);
    if let Frame::Change(change) = frame {
        let version = &state.replicas[at_replica].log.version;
        let drops = mutant == Some(Mutant::HoldBackDropped) && !state.is_ready(change, version);
        if !version.has(change) && !drops {
            let held = &mut state.replicas[at_replica].held;
            if let Err(place) = held.binary_search(&change) {
                held.insert(place, change);
            }
        }
    }
    let replica = &mut state.replicas[at_replica];
    match (&mut state.links[at].here, frame) {
        (here, Frame::Welcome { epoch, head, version }) => {
            *here = Here::Welcomed { believed: version };
            let known = replica.seen.or(replica.resume.map(|resume| (resume.relay, resume.epoch)));
            let durable = version.get(at_replica);
            let lost = durable < replica.saved || replica.resume.is_some_and(|resume| resume.position > head);
            if known.is_some_and(|known| known != (relay, epoch) || lost) {
                (replica.resume, replica.reached) = (None, [None; 2]);
            }
            replica.seen = Some((relay, epoch));
            replica.saved = durable;
            replica.saved_by = Some((relay, losses));
        }
        (Here::Welcomed { believed }, Frame::Change(change)) => believed.observe(change),
        (Here::Welcomed { believed }, Frame::Missing(version)) => *believed = version,
        (_, Frame::Ack(count)) if count > replica.saved => {
            replica.saved = count;
            replica.saved_by = Some((relay, losses));
        }
        (_, Frame::Progress(position)) if replica.held.is_empty() => {
            if let Some((_, epoch)) = replica.seen {
                let resume = Resume { relay, epoch, position, losses };
                let slot = usize::from(replica.reached[0].is_some());
                replica.reached[slot] = Some(Reached { resume, needs: replica.log.len() });
                remember(state, mutant, at_replica);
            }
        }
        (_, Frame::Refused { stop }) => {
            replica.stopped = stop;
            close_here(state, |link| link.conn == conn);
        }
        _ => {}
    }
}

/// Places that have come to be on disk.
fn remember<const N: usize>(state: &mut State<N>, mutant: Option<Mutant>, replica: usize) {
    let replica = &mut state.replicas[replica];
    let hasty = mutant == Some(Mutant::ResumeBeforeDurable);
    while let Some(reached) = replica.reached[0].filter(|reached| hasty || reached.needs <= replica.log.durable) {
        (replica.resume, replica.stored) = (Some(reached.resume), Some(reached.resume));
        replica.reached = [replica.reached[1], None];
    }
}

fn replica_crash<const N: usize>(state: &mut State<N>, at: usize, kept: usize, resume: bool, saved: u32) {
    let replica = &mut state.replicas[at];
    replica.log.keep(kept);
    let own = replica.log.version.get(at);
    replica.stored = replica.stored.filter(|_| resume);
    (replica.held, replica.reached, replica.seen, replica.stopped) = (Vec::new(), [None; 2], None, false);
    (replica.resume, replica.sent, replica.saved) = (replica.stored, own, saved);
    replica.saved_by = replica.saved_by.filter(|_| saved > 0);
    state.made[at].truncate(own as usize);
    close_here(state, |link| link.replica == at);
}
