//! Real writing through real programs: what two people typed at once, typed again into two editors with a relay between them,
//! while the relay is killed five times and each editor three times.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::json;
use sim::rng::Rng;
use sim::trace::{Trace, Transaction};

use crate::processes::{Device, Editor, Relay, seed};

const RELAY_KILLS: usize = 5;
const EDITOR_KILLS: usize = 3;
/// How many lines an editor is sent ahead of its answers.
const AHEAD_MAX: usize = 200;

/// One of the two who write: a device, and what is known of its replica.
struct Writer {
    device: Device,
    document: String,
    replica: String,
    /// For each own transaction how many units the replica has made at its end.
    ends: Vec<u64>,
    /// The units that the program itself made before and with the first edit: the names in the map.
    extra: Known,
}

/// A number that one thread finds out and others wait for.
#[derive(Default)]
struct Known {
    value: Mutex<Option<u64>>,
    told: Condvar,
}

impl Known {
    fn tell(&self, value: u64) {
        *self.value.lock().expect("no thread failed") = Some(value);
        self.told.notify_all();
    }

    fn wait(&self) -> u64 {
        let value = self.value.lock().expect("no thread failed");
        let (value, _) = self
            .told
            .wait_timeout_while(value, Duration::from_mins(1), |value| value.is_none())
            .expect("no thread failed");
        value.expect("the other writer has begun")
    }
}

impl Writer {
    fn open(device: Device, document: &str) -> Self {
        let mut editor = device.edit(document);
        let replica = editor.ask(&json!({ "version": true }))["replica"].as_str().expect("an id").to_owned();
        editor.quit();
        Self { device, document: document.to_owned(), replica, ends: Vec::new(), extra: Known::default() }
    }

    /// Types everything that is this writer's, and is killed at these transactions.
    fn write(&self, own: &[Step<'_>], kills: &[usize], other: &Self, written: &AtomicUsize) {
        let mut kills = kills.iter().copied().peekable();
        let mut next = 0;
        loop {
            let mut editor = self.device.edit(&self.document);
            next = self.resume(&mut editor, next);
            let end = kills.next();
            while next < end.unwrap_or(own.len()) {
                self.type_one(&mut editor, next, &own[next], other);
                next += 1;
                written.fetch_add(1, Ordering::Relaxed);
            }
            if end.is_none() {
                let saved = editor.ask(&json!({ "until_saved": true }));
                assert_eq!(saved["units"].as_u64(), self.ends.last().map(|end| end + self.extra.wait()));
                editor.quit();
                return;
            }
            editor.kill();
        }
    }

    /// The transaction to go on with: the first that is not on disk.
    fn resume(&self, editor: &mut Editor, reached: usize) -> usize {
        if reached == 0 {
            return 0;
        }
        let units = editor.ask(&json!({ "version": true }))["units"].as_u64().expect("a number");
        let made = units.saturating_sub(self.extra.wait());
        let next = self.ends.partition_point(|end| *end <= made);
        assert!(next == 0 || self.ends[next - 1] == made, "a transaction is on disk whole or not at all");
        assert!(next <= reached, "nothing is on disk that was not typed");
        next
    }

    fn type_one(&self, editor: &mut Editor, at: usize, step: &Step<'_>, other: &Self) {
        if let Some(seen) = step.after {
            let count = other.ends[seen] + other.extra.wait();
            editor.send(&json!({ "until": { other.replica.as_str(): count } }));
        }
        for (at, deleted, inserted) in &step.transaction.patches {
            editor.send(&json!({ "splice": [at, deleted, inserted] }));
        }
        editor.send(&json!({ "commit": true }));
        if at == 0 {
            let mut answer = editor.answer();
            while editor.unanswered() > 0 {
                answer = editor.answer();
            }
            let made = answer["units"].as_u64().expect("a number");
            self.extra.tell(made - self.ends[0]);
        }
        while editor.unanswered() > AHEAD_MAX {
            editor.answer();
        }
    }

    /// The text once everything that the other wrote is here.
    fn final_text(&self, other: &Self) -> String {
        let mut editor = self.device.edit(&self.document);
        let count = other.ends.last().map_or(0, |end| end + other.extra.wait());
        editor.ask(&json!({ "until": { other.replica.as_str(): count } }));
        let answer = editor.ask(&json!({ "text": true }));
        editor.quit();
        answer["text"].as_str().expect("a text").to_owned()
    }
}

/// An own transaction, and the newest one of the other's that its writer had seen, if that is news.
struct Step<'a> {
    transaction: &'a Transaction,
    after: Option<usize>,
}

/// What each of the two does, in order.
fn steps(trace: &Trace) -> [Vec<Step<'_>>; 2] {
    let mut steps = [Vec::new(), Vec::new()];
    let mut place = Vec::new();
    for transaction in &trace.transactions {
        let other = 1 - transaction.agent;
        let seen = transaction.parents.iter().filter(|parent| trace.transactions[**parent].agent == other);
        let after = seen.map(|parent| place[*parent]).max();
        place.push(steps[transaction.agent].len());
        steps[transaction.agent].push(Step { transaction, after });
    }
    steps
}

/// How many units the replica has made at the end of each of these.
fn ends(steps: &[Step<'_>]) -> Vec<u64> {
    let mut made = 0;
    let mut end = |step: &Step<'_>| {
        made += step.transaction.units();
        made
    };
    steps.iter().map(&mut end).collect()
}

/// A few different numbers below `bound`, in ascending order.
fn moments(rng: &mut Rng, count: usize, bound: usize) -> Vec<usize> {
    let part = bound / (count + 1);
    (1..=count).map(|at| at * part + rng.below(part / 2)).collect()
}

/// Kills the relay and starts it again whenever so many transactions are written; how often. It ends when a writer has failed
/// and the other has given up.
fn kill_relay(
    relay: &mut Relay,
    moments: &[usize],
    written: &AtomicUsize,
    has_ended: impl Fn() -> bool,
    rng: &mut Rng,
) -> usize {
    for (kills, moment) in moments.iter().enumerate() {
        while written.load(Ordering::Relaxed) < *moment {
            if has_ended() {
                return kills;
            }
            thread::sleep(Duration::from_millis(5));
        }
        relay.kill();
        thread::sleep(Duration::from_millis(rng.below(200) as u64));
        relay.start_again();
    }
    moments.len()
}

/// Two devices with one document; the first has the lower replica id, as the recording wants it.
fn two_writers(folder: &std::path::Path, relay: &Relay) -> [Writer; 2] {
    let (a, b) = (Device::new(folder.join("a")), Device::new(folder.join("b")));
    let document = a.ask(&["new", "--json"])["id"].as_str().expect("an id").to_owned();
    let link = a.run(&["share", &document, "--relay", &relay.url()]);
    a.run(&["sync", "--until-saved"]);
    b.run(&["join", link.trim()]);
    let mut writers = [Writer::open(a, &document), Writer::open(b, &document)];
    writers.sort_by(|one, other| one.replica.cmp(&other.replica));
    writers
}

#[test]
fn writing_survives_five_dead_relays_and_six_dead_editors() {
    let mut rng = Rng::new(seed());
    let trace = Trace::read("friendsforever").expect("the trace is there");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut relay = Relay::start(&folder.path().join("relay"));
    let mut writers = two_writers(folder.path(), &relay);
    let steps = steps(&trace);
    for (writer, steps) in writers.iter_mut().zip(&steps) {
        writer.ends = ends(steps);
    }
    let all = trace.transactions.len();
    let written = AtomicUsize::new(0);
    let kills = [0, 1].map(|agent: usize| moments(&mut rng, EDITOR_KILLS, steps[agent].len()));
    let relay_kills = moments(&mut rng, RELAY_KILLS, all);
    let [first, second] = &writers;
    thread::scope(|scope| {
        let one = scope.spawn(|| first.write(&steps[0], &kills[0], second, &written));
        let two = scope.spawn(|| second.write(&steps[1], &kills[1], first, &written));
        let has_ended = || one.is_finished() && two.is_finished();
        let kills = kill_relay(&mut relay, &relay_kills, &written, has_ended, &mut rng);
        assert_eq!(kills, RELAY_KILLS);
    });
    for (writer, other) in [(first, second), (second, first)] {
        assert!(writer.final_text(other) == trace.end, "the text ends as it did when it was written");
        assert!(writer.device.run(&["cat", &writer.document]) == trace.end, "and so does its copy on disk");
    }
}

#[test]
fn moments_are_inside_and_ascend() {
    let moments = moments(&mut Rng::new(1), 5, 100);
    assert!(moments.len() == 5 && moments.is_sorted() && moments.iter().all(|at| *at < 100), "{moments:?}");
}
