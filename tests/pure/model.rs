//! The model, looked through; broken models, each noticed; and real replicas and relays beside the model.

mod conform;
mod drive;

use sim::model::broadcast::{self, Broadcast};
use sim::model::state::Resume;
use sim::model::{Action, Bounds, Mutant, Search, State, take};
use stateright::{Checker, HasDiscoveries, Model};

/// Nothing happens but what is asked for.
const QUIET: Bounds<2> = Bounds {
    relays: 1,
    writes: [1, 1],
    connects: 2,
    closes: 0,
    replica_crashes: 0,
    relay_crashes: 0,
    forgets: 0,
    restores: 0,
    frames_lost: 0,
    in_flight: 2,
};

/// A name, the bounds, and a number of states that there must be at least: a bound that shrinks unnoticed proves less.
type Bounded<const N: usize> = (&'static str, Bounds<N>, usize);

/// Looked through by every run of the tests.
const SMALL: [Bounded<2>; 7] = [
    ("frames are lost", Bounds { writes: [2, 0], frames_lost: 1, ..QUIET }, 23_158),
    ("a replica crashes", Bounds { replica_crashes: 1, ..QUIET }, 135_652),
    ("a relay crashes", Bounds { connects: 3, relay_crashes: 1, ..QUIET }, 230_685),
    ("a relay forgets", Bounds { connects: 3, forgets: 1, ..QUIET }, 229_753),
    ("a relay is restored", Bounds { connects: 3, writes: [1, 0], restores: 1, ..QUIET }, 5_052),
    ("links end", Bounds { connects: 3, writes: [1, 0], closes: 2, ..QUIET }, 77_331),
    ("two relays", Bounds { relays: 2, connects: 3, writes: [1, 0], closes: 1, ..QUIET }, 86_836),
];

/// Looked through with `QUIRE_MODEL=large`: minutes and gigabytes.
const LARGE: [Bounded<2>; 4] = [
    (
        "two relays, one forgets",
        Bounds { relays: 2, connects: 4, writes: [1, 0], forgets: 1, closes: 1, ..QUIET },
        844_212,
    ),
    ("frames are lost", Bounds { writes: [2, 1], frames_lost: 1, ..QUIET }, 1_775_806),
    ("a replica crashes", Bounds { connects: 3, replica_crashes: 1, ..QUIET }, 1_480_418),
    ("links end", Bounds { connects: 3, closes: 1, ..QUIET }, 2_114_440),
];

fn look_through<const N: usize>(name: &str, search: Search<N>, least: usize) {
    let began = std::time::Instant::now();
    let checker = search.checker().threads(2).spawn_bfs().join();
    let (states, depth) = (checker.unique_state_count(), checker.max_depth());
    println!("{name}: {states} states, up to {depth} steps, {:.1} s", began.elapsed().as_secs_f64());
    checker.assert_properties();
    assert!(states >= least, "{name}: {states} states, and there were {least}");
}

#[test]
fn model_holds() {
    for (name, bounds, least) in SMALL {
        look_through(name, Search::new(bounds, None), least);
    }
    if std::env::var("QUIRE_MODEL").is_ok_and(|asked| asked == "large") {
        for (name, bounds, least) in LARGE {
            look_through(name, Search::new(bounds, None), least);
        }
    }
}

/// A replica remembers the first place of a log, and that log's relay has another log by now: an old copy of its store was put
/// back, and there the first place is another change, on which the second depends.
fn misled() -> State<3> {
    let mut state = State::default();
    let mut write = |at: usize| {
        take(&mut state, None, &Action::Write(at));
        let len = state.replicas[at].log.len();
        take(&mut state, None, &Action::Sync(at, len));
        state.replicas[at].sent = 1;
        sim::model::ChangeId { author: at, seq: 0 }
    };
    let (_, first) = (write(2), write(0));
    state.replicas[1].log.push(first);
    take(&mut state, None, &Action::Write(1));
    take(&mut state, None, &Action::Sync(1, 2));
    state.replicas[1].sent = 1;
    let resume = Resume { relay: 0, epoch: 0, position: 1, losses: 0 };
    (state.replicas[2].resume, state.replicas[2].stored) = (Some(resume), Some(resume));
    state.relays[0].losses = 1;
    let entries = state.replicas[1].log.entries.clone();
    for change in entries {
        state.relays[0].log.push(change);
    }
    take(&mut state, None, &Action::RelaySync(0, 2));
    state
}

const MISLED: Bounds<3> = Bounds {
    relays: 1,
    writes: [0; 3],
    connects: 2,
    closes: 0,
    replica_crashes: 0,
    relay_crashes: 0,
    forgets: 0,
    restores: 0,
    frames_lost: 0,
    in_flight: 2,
};

#[test]
fn model_holds_for_a_place_in_another_log() {
    let search = Search::from_state(misled(), MISLED, None);
    look_through("a place in another log", search, 77_830);
}

fn noticed_in<const N: usize>(search: Search<N>) {
    let (mutant, timeout) = (search.mutant, std::time::Duration::from_mins(2));
    let checker =
        search.checker().threads(2).timeout(timeout).finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
    let noticed = checker
        .discoveries()
        .into_iter()
        .find(|(name, _)| checker.discovery_classification(name).to_string() == "counterexample");
    let (name, path) = noticed.unwrap_or_else(|| panic!("{mutant:?} was not noticed"));
    println!("{mutant:?}: not \"{name}\", {} steps", path.into_actions().len());
}

#[test]
fn broken_models_are_noticed() {
    let once_more = Bounds { connects: 3, ..QUIET };
    for (mutant, bounds) in [
        (Mutant::AckBeforeDurable, QUIET),
        (Mutant::SendBeforeDurable, QUIET),
        (Mutant::ResumeTrusted, Bounds { forgets: 1, ..once_more }),
        (Mutant::ResumeBeforeDurable, QUIET),
        (Mutant::ProgressOfMemory, Bounds { relay_crashes: 1, ..QUIET }),
        (Mutant::AppendWithoutPast, Bounds { writes: [2, 0], frames_lost: 1, ..QUIET }),
        (Mutant::OwnChangesOnly, Bounds { forgets: 1, ..once_more }),
        (Mutant::LateHelloReplaces, Bounds { closes: 1, ..once_more }),
    ] {
        noticed_in(Search::new(bounds, Some(mutant)));
    }
    noticed_in(Search::from_state(misled(), MISLED, Some(Mutant::HoldBackDropped)));
}

#[test]
fn causal_broadcast_holds() {
    let checker = Broadcast { messages: [2, 1, 1], mutant: None }.checker().threads(2).spawn_bfs().join();
    println!("causal broadcast: {} states, up to {} steps", checker.unique_state_count(), checker.max_depth());
    checker.assert_properties();
    assert!(checker.unique_state_count() >= 31_965, "{} states", checker.unique_state_count());
}

#[test]
fn broken_broadcasts_are_noticed() {
    use broadcast::Mutant::{DepsOfOwn, DepsOfReceived, Hasty, HoldBackDropped, Twice};
    for mutant in [Hasty, HoldBackDropped, DepsOfReceived, DepsOfOwn, Twice] {
        let model = Broadcast { messages: [1, 1, 1], mutant: Some(mutant) };
        let checker = model.checker().finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
        let counts = |name| checker.discovery_classification(name).to_string() == "counterexample";
        assert!(checker.discoveries().into_keys().any(counts), "{mutant:?} was not noticed");
    }
}
