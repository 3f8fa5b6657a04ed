//! One soak: the programs, the network, the small disks, the faults in their time, and the samples.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use quire_crdt::DocumentId;
use serde_json::{Value as Json, json};
use sim::rng::Rng;

use crate::disk::SmallDisk;
use crate::net::{Net, WIRE};
use crate::programs::Process;
use crate::relay::{self, Relay};
use crate::samples::Series;
use crate::schedule::{Fault, Planned, STORM_TENTHS, plan};
use crate::writer::Writer;
use crate::{EDITORS, Options};

/// The names of the namespaces of editors and crowd.
const CROWD: &str = "crowd";
const EDITOR_DISK_MEBIBYTES: usize = 48;
const RELAY_DISK_MEBIBYTES: usize = 96;
/// How long the loop rests between two looks at everything.
const TICK: Duration = Duration::from_millis(20);
/// The longest rest between two things that somebody types, in milliseconds: in the storm, and behind it, when memory must be flat. A
/// document keeps its history, so that it grows with what is typed.
const STORM_REST_MS_MAX: usize = 500;
const CALM_REST_MS_MAX: usize = 10_000;
/// How many samples there are in a run.
const SAMPLES: u64 = 360;
/// How long the programs may take to be there at the begin and after the last fault.
const READY_TIME_MAX: Duration = Duration::from_mins(2);
/// How long the crowd may take to end.
const CROWD_TIME_MAX: Duration = Duration::from_mins(6);
/// How long after a full disk has room again a program may still end because of it, in milliseconds.
const AFTERMATH_MS: u64 = 5_000;

/// What is known of the crowd from second to second.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CrowdState {
    pub(crate) at_ms: u64,
    pub(crate) live: u64,
    pub(crate) links_opened: u64,
    pub(crate) saved: u64,
}

/// Everything that runs. What is dropped first comes first: processes, then disks, then the network.
pub(crate) struct World {
    crowd: Process,
    wire: Process,
    relay: Relay,
    writers: Vec<Writer>,
    editor_disk: SmallDisk,
    relay_disk: SmallDisk,
    net: Net,
    document: DocumentId,
    rng: Rng,
    begun: Instant,
    end_ms: u64,
    interrupted: Arc<AtomicBool>,
    editor_full_until_ms: u64,
    relay_full_until_ms: u64,
    /// What has happened, and what was seen.
    pub(crate) planned: Vec<Planned>,
    pub(crate) series: Vec<Series>,
    pub(crate) crowd_states: Vec<CrowdState>,
    pub(crate) remarks: Vec<String>,
}

/// The name of an editor's namespace, samples and complaints.
fn editor_name(at: usize) -> String {
    format!("editor{}", at + 1)
}

impl World {
    /// Makes the network and the disks, starts everything, and shares a document between the editors.
    pub(crate) fn new(options: &Options, work: &Path, interrupted: Arc<AtomicBool>) -> Result<Self, String> {
        let mut net = Net::new()?;
        net.join(relay::NAME, 2)?;
        net.join(CROWD, 3)?;
        for at in 0..EDITORS {
            net.join(&editor_name(at), 11 + at)?;
        }
        let own = std::env::current_exe().map_err(|error| format!("where this program is: {error}"))?;
        let (editor_folder, relay_folder) = (work.join(editor_name(0)), work.join(relay::NAME));
        let editor_disk = SmallDisk::mount(&editor_folder, EDITOR_DISK_MEBIBYTES)?;
        let relay_disk = SmallDisk::mount(&relay_folder, RELAY_DISK_MEBIBYTES)?;
        let clock = clock_library();
        let mut remarks = Vec::new();
        if clock.is_none() {
            remarks.push("libfaketime is missing: no clock was wrong".to_owned());
        }
        let writer = |at| {
            let name = editor_name(at);
            let clock = clock.clone().filter(|_| at == EDITORS - 1);
            Writer::new(&name, &work.join(&name), &options.out, clock)
        };
        let writers: Vec<Writer> = (0..EDITORS).map(writer).collect();
        let mut relay = Relay::new(&relay_folder, &options.out);
        start_relay(&mut relay, &net)?;
        let seed = options.seed.to_string();
        let mut command = net.command_in_hub(&own);
        command.args(["wire", &seed]);
        let mut wire = Process::start("wire", command, &options.out.join("wire.log"))?;
        wire.next_line(READY_TIME_MAX)?;
        let mut command = net.command(CROWD, &own);
        command.args(["crowd", &options.clients.to_string(), &seed]);
        let crowd = Process::start(CROWD, command, &options.out.join("crowd.log"))?;
        let names = [relay::NAME.to_owned(), CROWD.to_owned()].into_iter().chain((0..EDITORS).map(editor_name));
        let end_ms = u64::try_from(options.length.as_millis()).unwrap_or(u64::MAX);
        let mut world = Self {
            crowd,
            wire,
            relay,
            writers,
            editor_disk,
            relay_disk,
            net,
            document: DocumentId::from_bytes([0; 16]),
            rng: Rng::new(options.seed),
            begun: Instant::now(),
            end_ms,
            interrupted,
            editor_full_until_ms: 0,
            relay_full_until_ms: 0,
            planned: plan(options.seed, end_ms),
            series: names.map(|name| Series::new(&name, name != CROWD)).collect(),
            crowd_states: Vec::new(),
            remarks,
        };
        world.share()?;
        Ok(world)
    }

    /// Makes a document at the first editor, which all others join.
    fn share(&mut self) -> Result<(), String> {
        let (net, first) = (&self.net, &self.writers[0]);
        let made: Json =
            serde_json::from_str(&first.run(net, &["new", "--json"])?).map_err(|error| error.to_string())?;
        let id = made["id"].as_str().unwrap_or_default().to_owned();
        self.document = id.parse().map_err(|error| format!("{made}: {error}"))?;
        let link = first.run(net, &["share", &id, "--relay", &format!("ws://{WIRE}/")])?;
        first.run(net, &["sync", "--until-saved"])?;
        for writer in &mut self.writers {
            if writer.name != editor_name(0) {
                writer.run(net, &["join", link.trim()])?;
            }
            writer.open(&id);
        }
        Ok(())
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// How long it has run, in seconds.
    pub(crate) fn elapsed_s(&self) -> u64 {
        self.begun.elapsed().as_secs()
    }

    /// The whole soak. What was seen up to a failure stays.
    pub(crate) fn run(&mut self) -> Result<(), String> {
        self.begun = Instant::now();
        let mut faults = self.planned.clone().into_iter().peekable();
        let mut under_way: Vec<Planned> = Vec::new();
        let mut sampled = 0;
        while self.now_ms() < self.end_ms {
            let now_ms = self.now_ms();
            let (over, left): (Vec<Planned>, Vec<Planned>) = under_way.iter().partition(|one| one.ends_ms <= now_ms);
            under_way = left;
            for one in over {
                self.set(one.fault, false)?;
            }
            while let Some(one) = faults.next_if(|one| one.begins_ms <= now_ms) {
                self.set(one.fault, true)?;
                under_way.push(one);
            }
            self.tend()?;
            if now_ms >= sampled * self.end_ms / SAMPLES {
                sampled += 1;
                self.sample();
            }
            thread::sleep(TICK);
        }
        under_way.iter().try_for_each(|one| self.set(one.fault, false))?;
        self.settle()
    }

    /// Looks after everything once.
    fn tend(&mut self) -> Result<(), String> {
        if self.interrupted.load(Ordering::Relaxed) {
            return Err("interrupted".to_owned());
        }
        let now_ms = self.now_ms();
        let relay_may_end = now_ms <= self.relay_full_until_ms;
        self.relay.tend(&self.net, now_ms, relay_may_end)?;
        let is_storm = now_ms < self.calm_ms();
        let rest_ms_max = if is_storm { STORM_REST_MS_MAX } else { CALM_REST_MS_MAX };
        for (at, writer) in self.writers.iter_mut().enumerate() {
            let may_end = at == 0 && now_ms <= self.editor_full_until_ms;
            writer.tend(&self.net, now_ms, may_end, rest_ms_max, &mut self.rng)?;
        }
        for line in self.crowd.said() {
            let state: Json = serde_json::from_str(&line).unwrap_or_default();
            let number = |name: &str| state[name].as_u64().unwrap_or(0);
            let (live, links_opened, saved) = (number("live"), number("links_opened"), number("saved"));
            self.crowd_states.push(CrowdState { at_ms: now_ms, live, links_opened, saved });
        }
        if self.crowd.is_running() && self.wire.is_running() { Ok(()) } else { Err("a helper has ended".to_owned()) }
    }

    fn sample(&mut self) {
        let now_ms = self.now_ms();
        let ids = [self.relay.id(), Some(self.crowd.id())].into_iter().chain(self.writers.iter().map(Writer::id));
        for (series, id) in self.series.iter_mut().zip(ids) {
            if let Some(id) = id {
                series.look(now_ms, id);
            }
        }
    }

    /// Begins or ends a fault.
    fn set(&mut self, fault: Fault, begins: bool) -> Result<(), String> {
        let now_ms = self.now_ms();
        let (net, percent) = (&self.net, |percent| if begins { percent } else { 0 });
        match fault {
            Fault::CutEditor(at) => net.set_link(&editor_name(at), !begins),
            Fault::CutRelay => net.set_link(relay::NAME, !begins),
            Fault::CutCrowd => net.set_link(CROWD, !begins),
            Fault::LossEditor(at, lost) => net.set_loss(&editor_name(at), percent(lost)),
            Fault::LossRelay(lost) => net.set_loss(relay::NAME, percent(lost)),
            Fault::Narrow(at, kilobits) => net.set_rate(&editor_name(at), begins.then_some(kilobits)),
            Fault::Delay(at, delay, jitter) => {
                let (delay, jitter) = if begins { (delay, jitter) } else { (0, 0) };
                let told = self.wire.say(&format!("10.77.0.{} {delay} {jitter}", 11 + at));
                if told { Ok(()) } else { Err("the wire has ended".to_owned()) }
            }
            Fault::FullEditor if begins => {
                self.editor_full_until_ms = u64::MAX;
                self.editor_disk.fill()
            }
            Fault::FullEditor => {
                self.editor_full_until_ms = now_ms + AFTERMATH_MS;
                self.editor_disk.free()
            }
            Fault::FullRelay if begins => {
                self.relay_full_until_ms = u64::MAX;
                self.relay_disk.fill()
            }
            Fault::FullRelay => {
                self.relay_full_until_ms = now_ms + AFTERMATH_MS;
                self.relay_disk.free()
            }
            Fault::KillEditor(at) if begins => self.writers[at].kill(now_ms),
            Fault::KillEditor(at) => {
                self.writers[at].start(now_ms);
                Ok(())
            }
            Fault::KillRelay if begins => {
                self.relay.kill();
                self.check_relay()
            }
            Fault::KillRelay => {
                self.relay.start(now_ms);
                Ok(())
            }
        }
    }

    /// The relay's store, while nobody has it open, holds all that was called saved there.
    fn check_relay(&self) -> Result<(), String> {
        let version = self.relay.holds(self.document)?;
        for writer in self.writers.iter().filter(|writer| !writer.replica.is_empty()) {
            let replica = writer.replica.parse().map_err(|error| format!("{}: {error}", writer.replica))?;
            let (holds, saved) = (version.get(replica), writer.saved.at_relay);
            if holds < saved {
                return Err(format!("the relay has called {saved} units of {} saved, and holds {holds}", writer.name));
            }
        }
        Ok(())
    }

    /// Nothing goes wrong any more: everybody comes to have everything, and ends.
    fn settle(&mut self) -> Result<(), String> {
        let until = Instant::now() + READY_TIME_MAX;
        while !(self.relay.is_up() && self.writers.iter().all(Writer::is_up)) {
            self.tend()?;
            if Instant::now() > until {
                return Err("the programs are not back after the last fault".to_owned());
            }
            thread::sleep(TICK);
        }
        let mut all = serde_json::Map::new();
        for writer in &mut self.writers {
            let units = writer.settle()?;
            all.insert(writer.replica.clone(), json!(units));
        }
        let texts =
            self.writers.iter_mut().map(|writer| writer.finish(&all)).collect::<Result<Vec<String>, String>>()?;
        for (writer, text) in self.writers.iter().zip(&texts) {
            let on_disk = writer.run(&self.net, &["cat", &self.document.to_string()])?;
            if *text != texts[0] || on_disk != texts[0] {
                return Err(format!("the text of {} is not that of {}", writer.name, self.writers[0].name));
            }
        }
        let units: u64 = all.values().filter_map(Json::as_u64).sum();
        let chars = texts[0].chars().count();
        self.remarks.push(format!("{EDITORS} editors made {units} units; their texts of {chars} characters are equal"));
        self.finish_crowd()?;
        self.relay.stop()?;
        self.check_relay()?;
        let mebibytes = |bytes: u64| bytes.div_ceil(1024 * 1024);
        self.remarks.push(format!(
            "the relay ended in order, and its store of {} MiB holds all that was acknowledged; the first library has {} MiB",
            mebibytes(self.relay.store_bytes()),
            mebibytes(self.writers[0].library_bytes())
        ));
        Ok(())
    }

    fn finish_crowd(&mut self) -> Result<(), String> {
        if !self.crowd.say("finish") {
            return Err("the crowd has ended".to_owned());
        }
        let until = Instant::now() + CROWD_TIME_MAX;
        while Instant::now() < until {
            let line = self.crowd.next_line(CROWD_TIME_MAX)?;
            let state: Json = serde_json::from_str(&line).unwrap_or_default();
            if state["finished"] == json!(true) {
                self.remarks.push(format!("the crowd at its end: {line}"));
                return if state["equal"] == json!(true) { Ok(()) } else { Err(format!("the crowd: {line}")) };
            }
        }
        Err("the crowd does not end".to_owned())
    }

    /// When the storm is over, in milliseconds since the begin.
    pub(crate) const fn calm_ms(&self) -> u64 {
        self.end_ms * STORM_TENTHS / 10
    }

    /// What happened, for a person.
    pub(crate) fn report(&self) -> Vec<String> {
        let mut lines = self.remarks.clone();
        let count = |kind: &str| self.planned.iter().filter(|one| one.fault.kind() == kind).count();
        let kinds = ["cut", "loss", "delay", "narrow", "disk full", "editor killed", "relay killed", "crowd cut"];
        let faults: Vec<String> = kinds.iter().map(|kind| format!("{kind} {}", count(kind))).collect();
        lines.push(format!("planned: {}", faults.join(", ")));
        lines.push(format!(
            "the relay was started {} times, and gave up {} times on its full disk",
            self.relay.starts, self.relay.gave_up
        ));
        for writer in &self.writers {
            lines.push(format!(
                "{}: {} things typed, started {} times, {} answers that its disk refuses, {:?}",
                writer.name, writer.typed, writer.starts, writer.refusals, writer.saved
            ));
        }
        if let Some(last) = self.crowd_states.last() {
            let most = self.crowd_states.iter().map(|state| state.live).max().unwrap_or(0);
            lines.push(format!(
                "crowd: up to {most} links at once, {} opened, {} units saved",
                last.links_opened, last.saved
            ));
        }
        lines
    }
}

fn start_relay(relay: &mut Relay, net: &Net) -> Result<(), String> {
    let until = Instant::now() + READY_TIME_MAX;
    while !relay.is_up() {
        relay.tend(net, 0, false)?;
        if Instant::now() > until {
            return Err("the relay does not say where it listens".to_owned());
        }
        thread::sleep(TICK);
    }
    Ok(())
}

/// The library that makes the clock of a program wrong, where Debian puts it.
fn clock_library() -> Option<PathBuf> {
    let places = fs::read_dir("/usr/lib").ok()?.filter_map(Result::ok);
    places.map(|place| place.path().join("faketime/libfaketime.so.1")).find(|path| path.is_file())
}
