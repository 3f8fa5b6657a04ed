//! What must hold in every state, and what must hold in some.

use super::state::{ChangeId, Frame, Here, Link, Log, Missing, Resume, State, There, Version};

/// Every ack that was heard or is on its way, and every welcome, tells what is on that relay's disk, unless the relay lost something since.
pub fn acked_is_durable<const N: usize>(state: &State<N>) -> bool {
    let durable = |relay: usize, losses, replica, count| {
        state.relays[relay].losses != losses || count <= state.relays[relay].log.durable_version.get(replica)
    };
    let heard =
        state.replicas.iter().enumerate().all(|(at, replica)| {
            replica.saved_by.is_none_or(|(relay, losses)| durable(relay, losses, at, replica.saved))
        });
    heard
        && state.links.iter().all(|link| {
            link.down.iter().all(|frame| match frame {
                Frame::Ack(count) => durable(link.relay, link.losses, link.replica, *count),
                Frame::Welcome { version, .. } => {
                    (0..N).all(|author| durable(link.relay, link.losses, author, version.get(author)))
                }
                _ => true,
            })
        })
}

/// Whatever a replica sent is on its disk.
pub fn sent_is_durable<const N: usize>(state: &State<N>) -> bool {
    state.links.iter().all(|link| {
        let disk = &state.replicas[link.replica].log.durable_version;
        link.up.iter().all(|frame| match frame {
            Frame::Change(change) => disk.has(*change),
            Frame::Hello(version, _) => version.within(disk),
            _ => true,
        })
    })
}

/// Every prefix of a relay's log holds the past of each of its changes, and no change twice; and so the prefix on its disk.
pub fn relay_logs_are_closed<const N: usize>(state: &State<N>) -> bool {
    state.relays.iter().all(|relay| is_closed(state, &relay.log))
}

/// The same for what a replica delivered.
pub fn delivery_is_causal<const N: usize>(state: &State<N>) -> bool {
    state.replicas.iter().all(|replica| is_closed(state, &replica.log))
}

fn is_closed<const N: usize>(state: &State<N>, log: &Log<N>) -> bool {
    let mut before = Version::default();
    log.entries.iter().all(|change| {
        let ready = state.is_ready(*change, &before);
        before.observe(*change);
        ready
    })
}

/// What anybody has, or what is on its way to anybody, its author has on its disk.
pub fn nothing_is_lost<const N: usize>(state: &State<N>) -> bool {
    let kept = |change: &ChangeId| state.replicas[change.author].log.durable_version.has(*change);
    let others = state.replicas.iter().enumerate().all(|(at, replica)| {
        let foreign = replica.log.entries.iter().filter(|change| change.author != at);
        foreign.chain(&replica.held).all(kept)
    });
    let moving = |link: &Link<N>| {
        link.up.iter().chain(&link.down).all(|frame| !matches!(frame, Frame::Change(change) if !kept(change)))
    };
    others && state.relays.iter().all(|relay| relay.log.entries.iter().all(kept)) && state.links.iter().all(moving)
}

/// Nobody is told of more own changes than were sent: nobody is taken for a clone.
pub fn nothing_impossible_is_said<const N: usize>(state: &State<N>) -> bool {
    state.links.iter().all(|link| {
        let sent = state.replicas[link.replica].sent;
        link.down.iter().all(|frame| match frame {
            Frame::Ack(count) => *count <= sent,
            Frame::Welcome { version, .. } | Frame::Missing(version) => version.get(link.replica) <= sent,
            _ => true,
        })
    })
}

/// Below a place that a replica remembers there is nothing that its disk lacks, unless the relay lost something since.
pub fn resume_is_true<const N: usize>(state: &State<N>) -> bool {
    state.replicas.iter().all(|replica| {
        let is_true = |resume: &Resume| {
            let relay = &state.relays[resume.relay];
            relay.losses != resume.losses
                || resume.position <= relay.log.durable
                    && relay.log.version_at(resume.position).within(&replica.log.durable_version)
        };
        replica.resume.iter().chain(&replica.stored).all(is_true)
    })
}

/// What a replica believes the relay to have, the relay has, or it is on its way there; so nothing comes without its past. (A link
/// that loses frames is none.)
pub fn beliefs_are_true<const N: usize>(state: &State<N>) -> bool {
    state.links.iter().all(|link| {
        if matches!(&link.there, There::Linked(follower) if follower.missing != Missing::Nothing) {
            return false;
        }
        let (Here::Welcomed { believed }, There::Linked(_)) = (&link.here, &link.there) else { return true };
        let mut there = state.relays[link.relay].log.version;
        for frame in &link.up {
            if let Frame::Change(change) = frame {
                there.observe(*change);
            }
        }
        believed.within(&there)
    })
}

/// An ack has come.
pub fn an_ack_comes<const N: usize>(state: &State<N>) -> bool {
    state.replicas.iter().any(|replica| replica.saved > 0)
}

/// A relay that forgot everything has everything again.
pub fn a_relay_is_refilled<const N: usize>(state: &State<N>) -> bool {
    let made = |version: &Version<N>| (0..N).all(|author| version.get(author) as usize == state.made[author].len());
    state.relays.iter().any(|relay| relay.epoch > 0 && !relay.log.is_empty() && made(&relay.log.durable_version))
}

/// A relay got a change from somebody else than its author.
pub fn others_changes_are_sent<const N: usize>(state: &State<N>) -> bool {
    let foreign =
        |link: &Link<N>, frame: &Frame<N>| matches!(frame, Frame::Change(change) if change.author != link.replica);
    state.links.iter().any(|link| link.up.iter().any(|frame| foreign(link, frame)))
}

/// A replica holds something back.
pub fn something_is_held_back<const N: usize>(state: &State<N>) -> bool {
    (0..N).any(|at| !state.replicas[at].held.is_empty() && state.ready(at).is_none())
}

/// A newer link has taken the place of an older one.
pub fn a_link_is_replaced<const N: usize>(state: &State<N>) -> bool {
    state.links.iter().any(|link| link.there == There::Replaced)
}

/// A replica went on from a place that it remembered.
pub fn a_place_is_resumed<const N: usize>(state: &State<N>) -> bool {
    let names = |frame: &Frame<N>| matches!(frame, Frame::Hello(_, Some(resume)) if resume.position > 0);
    state.links.iter().any(|link| link.up.iter().any(names))
}

/// Both relays have something.
pub fn both_relays_are_used<const N: usize>(state: &State<N>) -> bool {
    state.relays.iter().all(|relay| !relay.log.is_empty())
}

/// After a Missing the relay took a change.
pub fn a_missing_is_answered<const N: usize>(state: &State<N>) -> bool {
    let answered =
        |link: &Link<N>| matches!(&link.there, There::Linked(follower) if follower.missing == Missing::Answered);
    state.links.iter().any(answered)
}
