//! The judge: what real replicas and relays did, held against the model step by step.
//!
//! The run tells what is seen from outside, in the order in which it happened: frames as they are handed to the transport and
//! taken from it, syncs, crashes, and what a replica's getters say. Each is a step of the model or it is none, and then the code and
//! the model have drifted apart. Pasts are the model's own: what the author had delivered when it made the change, whatever the
//! change's header says. O(log n) for each event, and O(replicas).

mod names;
mod wire;

use std::collections::{BTreeMap, VecDeque};

use quire_crdt::sync::frame::Resume as RealResume;
use quire_crdt::sync::{ConnId, LinkError, LinkState, Replica};
use quire_crdt::{DocumentId, Header, ReplicaId};

use self::names::Names;
use self::wire::{Said, Wire};
use super::rules::{Action, allowed};
use super::search::sends;
use super::state::{ChangeId, Frame, Here, Resume, State, There};
use super::take::take;
use crate::network::Way;

/// The most replicas of a run.
pub const REPLICAS_MAX: usize = 16;

/// What was seen.
#[derive(Clone, Copy, Debug)]
pub enum Observed<'a> {
    /// A replica after anything was done with it: what its log, its link and its getters say now.
    Replica {
        /// Which one.
        replica: usize,
        /// It.
        is: &'a Replica,
    },
    /// A replica was told that its disk has its log up to a position.
    Durable {
        /// Which one.
        replica: usize,
        /// The position.
        head: u64,
    },
    /// A replica asked its disk to remember a place.
    ResumeKept {
        /// Which one.
        replica: usize,
        /// The place.
        resume: RealResume,
    },
    /// A replica's process has ended, and the next one begins with what its disk has.
    ReplicaStarted {
        /// Which one.
        replica: usize,
        /// How many changes.
        kept: u64,
        /// The place in a relay's log that it remembers.
        resume: Option<RealResume>,
        /// The units that it remembers as saved at the relay.
        saved: u64,
    },
    /// A transport was opened.
    Connected {
        /// Its number, which is never used again.
        conn: ConnId,
        /// From which replica.
        replica: usize,
        /// To which relay.
        relay: usize,
    },
    /// A relay was told that a transport has ended.
    ClosedAtRelay {
        /// Which one.
        conn: ConnId,
    },
    /// An end of a transport gave it a frame.
    Sent {
        /// Which transport.
        conn: ConnId,
        /// Which way.
        way: Way,
        /// The frame.
        frame: &'a [u8],
    },
    /// An end of a transport was handed a frame.
    Received {
        /// Which transport.
        conn: ConnId,
        /// Which way.
        way: Way,
        /// The frame.
        frame: &'a [u8],
    },
    /// A relay asked its disk to append a change.
    Appended {
        /// Which one.
        relay: usize,
        /// At which position.
        position: u64,
        /// The change's header.
        header: &'a Header,
    },
    /// A relay was told that its disk has its log up to a position.
    RelayDurable {
        /// Which one.
        relay: usize,
        /// The position.
        head: u64,
    },
    /// A relay's process has ended.
    RelayCrashed {
        /// Which one.
        relay: usize,
        /// How many changes its disk has.
        kept: u64,
    },
    /// A relay's store is lost, and its process has ended.
    RelayForgot {
        /// Which one.
        relay: usize,
    },
    /// A relay's store is put back from an old copy, and its process has ended.
    RelayRestored {
        /// Which one.
        relay: usize,
        /// How many changes the copy has.
        kept: u64,
    },
}

/// The model beside a run.
#[derive(Debug)]
pub struct Conformance {
    state: State<REPLICAS_MAX>,
    names: Names,
    wires: BTreeMap<ConnId, Wire>,
    /// For each replica, places that it is to have remembered and that it did not ask its disk for yet.
    places: Vec<VecDeque<Resume>>,
    /// For each replica, the places that its disk was to remember, the newest last. It may have got no further than an older one.
    stored: Vec<Vec<Resume>>,
    /// For each replica, the most of its changes that it ever called saved.
    saved: Vec<u32>,
    steps: u64,
}

impl Conformance {
    /// At the start of a run, in which nobody has anything.
    ///
    /// # Errors
    /// More than [`REPLICAS_MAX`] replicas.
    pub fn new(document: DocumentId, replicas: &[ReplicaId]) -> Result<Self, String> {
        if replicas.len() > REPLICAS_MAX {
            return Err(format!("{} replicas; the model has room for {REPLICAS_MAX}", replicas.len()));
        }
        Ok(Self {
            state: State::default(),
            names: Names::new(document, replicas),
            wires: BTreeMap::new(),
            places: vec![VecDeque::new(); replicas.len()],
            stored: vec![Vec::new(); replicas.len()],
            saved: vec![0; replicas.len()],
            steps: 0,
        })
    }

    /// How many steps the model has taken.
    pub const fn steps(&self) -> u64 {
        self.steps
    }

    /// What the model knows.
    pub const fn state(&self) -> &State<REPLICAS_MAX> {
        &self.state
    }

    /// Takes in what was seen.
    ///
    /// # Errors
    /// The model has no step for it: what was seen, why not, what the model knows and what it would have allowed.
    pub fn observe(&mut self, observed: Observed<'_>) -> Result<(), String> {
        self.explain(observed).map_err(|why| match observed {
            Observed::Replica { replica, .. } => format!("replica {replica}: {why}{}", self.around(None)),
            Observed::Sent { conn, way, frame } | Observed::Received { conn, way, frame } => {
                let what = if matches!(observed, Observed::Sent { .. }) { "sent" } else { "received" };
                format!("{conn:?}, {way:?}, {what} {frame:02x?}: {why}{}", self.around(Some(conn)))
            }
            _ => format!("{observed:?}: {why}{}", self.around(None)),
        })
    }

    fn explain(&mut self, observed: Observed<'_>) -> Result<(), String> {
        match observed {
            Observed::Replica { replica, is } => self.see(replica, is),
            Observed::Durable { replica, head } => self.step_of(replica, &Action::Sync(replica, position(head))),
            Observed::ResumeKept { replica, resume } => self.kept(replica, resume),
            Observed::ReplicaStarted { replica, kept, resume, saved } => self.started(replica, kept, resume, saved),
            Observed::Connected { conn, replica, relay } => {
                self.wires.insert(conn, self.names.wire(replica)?);
                self.step(&Action::Connect { replica, relay, conn: conn.0 })
            }
            Observed::ClosedAtRelay { conn } => {
                if self.state.link(conn.0).is_some_and(|link| link.there != There::Closed) {
                    self.step(&Action::CloseThere(conn.0))?;
                }
                self.forget_wires();
                Ok(())
            }
            Observed::Sent { conn, way, frame } => self.sent(conn, way, frame),
            Observed::Received { conn, way, frame } => self.received(conn, way, frame),
            Observed::Appended { relay, position: at, header } => {
                let change = self.names.change(header)?;
                let there = self.state.relays[relay].log.entries.get(position(at));
                if there == Some(&change) { Ok(()) } else { Err(format!("the model has {there:?} at that position")) }
            }
            Observed::RelayDurable { relay, head } => self.step(&Action::RelaySync(relay, position(head))),
            Observed::RelayCrashed { relay, kept } => self.step(&Action::RelayCrash { relay, kept: position(kept) }),
            Observed::RelayForgot { relay } => self.step(&Action::RelayForget(relay)),
            Observed::RelayRestored { relay, kept } => self.step(&Action::RelayRestore { relay, kept: position(kept) }),
        }
    }

    fn step(&mut self, action: &Action<REPLICAS_MAX>) -> Result<(), String> {
        allowed(&self.state, None, action).map_err(|why| format!("{action:?} is not allowed: {why}"))?;
        take(&mut self.state, None, action);
        self.steps += 1;
        Ok(())
    }

    /// A step after which a replica may remember another place.
    fn step_of(&mut self, replica: usize, action: &Action<REPLICAS_MAX>) -> Result<(), String> {
        let before = self.state.replicas[replica].resume;
        self.step(action)?;
        if let Some(place) =
            self.state.replicas[replica].resume.filter(|_| self.state.replicas[replica].resume != before)
        {
            self.places[replica].push_back(place);
        }
        Ok(())
    }

    fn sent(&mut self, conn: ConnId, way: Way, frame: &[u8]) -> Result<(), String> {
        let Some(link) = self.state.link(conn.0) else { return Err("there is no such link".to_owned()) };
        let (replica, relay) = (link.replica, link.relay);
        let Some(wire) = self.wires.get_mut(&conn) else { return Err("nothing was opened there".to_owned()) };
        let epoch = self.state.relays[relay].epoch;
        let disk = &self.state.replicas[replica].log.durable_version;
        match (wire.read(&mut self.names, frame, way, (replica, relay, epoch))?, way) {
            (Said::Frame(frame), Way::Up) => self.step(&Action::SendUp(conn.0, frame)),
            (Said::Frame(frame), Way::Down) => self.step(&Action::SendDown(conn.0, frame)),
            (Said::Held(version), Way::Up) if !version.within(disk) => Err(format!("{version:?} is not on its disk")),
            (Said::Held(_) | Said::Other, _) => Ok(()),
        }
    }

    fn received(&mut self, conn: ConnId, way: Way, frame: &[u8]) -> Result<(), String> {
        let Some(link) = self.state.link(conn.0) else { return Ok(()) };
        let (is_closed, next) = match way {
            Way::Up => (link.there == There::Closed, link.up.front()),
            Way::Down => (link.here == Here::Closed, link.down.front()),
        };
        if is_closed || !wire::is_modelled(frame) {
            return Ok(());
        }
        if next.map(wire::tag) != frame.first().copied() {
            return Err(format!("the next frame on its way is {next:?}"));
        }
        match way {
            Way::Up => self.step(&Action::TakeUp(conn.0)),
            Way::Down => self.step_of(link.replica, &Action::TakeDown(conn.0)),
        }
    }

    /// What a replica wrote or delivered since, where its link stands, and whether its getters say what the model says.
    fn see(&mut self, at: usize, is: &Replica) -> Result<(), String> {
        let log = is.document().log();
        for position in self.state.replicas[at].log.len()..log.len() {
            let Some(header) = log.header(position) else { return Err(format!("its log has nothing at {position}")) };
            if self.names.number(header.replica)? == at {
                self.step(&Action::Write(at))?;
                self.names.made(at, &header)?;
            } else {
                let change = self.names.change(&header)?;
                self.step(&Action::Deliver(at, change))?;
            }
        }
        let welcomed = matches!(is.link(), LinkState::CatchingUp { .. } | LinkState::Live);
        let is_linked = welcomed || *is.link() == LinkState::Greeting;
        if let Some(link) = self.state.link_of(at) {
            let conn = link.conn;
            if is_linked && welcomed != matches!(link.here, Here::Welcomed { .. }) {
                return Err(format!("its link is {:?}, the model's {:?}", is.link(), link.here));
            }
            if !is_linked {
                self.step(&Action::CloseHere(conn))?;
                self.forget_wires();
            }
        } else if is_linked {
            return Err(format!("its link is {:?}, and the model has none", is.link()));
        }
        self.saved[at] = self.saved[at].max(self.state.replicas[at].saved);
        self.compare(at, is)
    }

    fn compare(&self, at: usize, is: &Replica) -> Result<(), String> {
        let model = &self.state.replicas[at];
        let units = |count| self.names.units(at, count);
        let pairs = [
            ("changes in its log", is.document().log().len() as u64, model.log.len() as u64),
            ("changes held back", is.document().held_back() as u64, model.held.len() as u64),
            ("units on its disk", is.units_saved_here(), units(model.log.durable_version.get(at))),
            ("units saved at the relay", is.units_saved_at_relay(), units(model.saved)),
        ];
        if let Some((what, has, should)) = pairs.into_iter().find(|(_, has, should)| has != should) {
            return Err(format!("{what}: {has}, and in the model {should}"));
        }
        if let Some(change) = self.state.ready(at) {
            return Err(format!("{change:?} waits although its past is delivered"));
        }
        match is.link_error() {
            None | Some(LinkError::Connect | LinkError::Greet | LinkError::Silent) => Ok(()),
            Some(error) => Err(format!("its link ended: {error}")),
        }
    }

    /// A place comes again when everything is saved.
    fn kept(&mut self, replica: usize, resume: RealResume) -> Result<(), String> {
        let is = |place: &Resume| self.names.is_place(place, &resume);
        if let Some(at) = self.places[replica].iter().position(is) {
            self.stored[replica].extend(self.places[replica].drain(..=at).next_back());
            Ok(())
        } else if self.stored[replica].last().is_some_and(is) {
            Ok(())
        } else {
            Err(format!(
                "the places that it may remember are {:?} and {:?}",
                self.stored[replica].last(),
                self.places[replica]
            ))
        }
    }

    fn started(&mut self, at: usize, kept: u64, resume: Option<RealResume>, saved: u64) -> Result<(), String> {
        let is = |resume: RealResume| self.stored[at].iter().rposition(|place| self.names.is_place(place, &resume));
        let remembered = resume.map(is);
        if remembered == Some(None) {
            return Err(format!("{resume:?} was not kept; its disk may have {:?}", self.stored[at]));
        }
        let remembered = remembered.flatten();
        self.stored[at].truncate(remembered.map_or(0, |place| place + 1));
        let stored = self.stored[at].last().copied();
        let saved = self.names.count(at, saved)?;
        // The model's disk remembers at once; a real one may have got no further than the place before.
        self.state.replicas[at].stored = stored;
        if saved <= self.saved[at] {
            let remembered = &mut self.state.replicas[at].saved;
            *remembered = saved.max(*remembered);
        }
        let (kept, resume) = (position(kept), stored.is_some());
        self.step(&Action::ReplicaCrash { replica: at, kept, resume, saved })?;
        self.names.unmade(at, self.state.made[at].len());
        self.places[at].clear();
        self.forget_wires();
        Ok(())
    }

    fn forget_wires(&mut self) {
        self.wires.retain(|conn, _| self.state.link(conn.0).is_some());
    }

    /// What the model knows of a link, or of everybody, and what it would have allowed there.
    fn around(&self, conn: Option<ConnId>) -> String {
        let devices = self.state.replicas.iter().take(self.names.replicas()).enumerate().map(|(at, replica)| {
            let (has, disk) = (self.counts(replica.log.version), self.counts(replica.log.durable_version));
            let (saved, held, resume, reached) = (replica.saved, &replica.held, replica.resume, replica.reached);
            format!(
                "replica {at} has {has}, on disk {disk}, saved {saved}, held back {held:?}, resume {resume:?}, {reached:?}"
            )
        });
        let hosts = self.state.relays.iter().enumerate().map(|(at, relay)| {
            let (has, disk) = (self.counts(relay.log.version), self.counts(relay.log.durable_version));
            let (head, durable, store) = (relay.log.len(), relay.log.durable, relay.epoch);
            format!("relay {at} (store {store}) has {has}, on disk {disk}, head {head}, on disk {durable}")
        });
        let links = self.state.links.iter().filter(|link| conn.is_none_or(|conn| conn.0 == link.conn));
        let links = links.map(|link| format!("{link:?}"));
        let mut may = Vec::new();
        sends(&self.state, &mut may);
        may.retain(|action| match (action, conn) {
            (Action::SendUp(of, frame) | Action::SendDown(of, frame), Some(conn)) => {
                let real = !matches!(frame, Frame::Change(ChangeId { author, .. }) if *author >= self.names.replicas());
                *of == conn.0 && real && allowed(&self.state, None, action).is_ok()
            }
            _ => false,
        });
        let known: Vec<String> = devices.chain(hosts).chain(links).collect();
        format!("\nthe model:\n  {}\n  and would have allowed {may:?}", known.join("\n  "))
    }

    fn counts(&self, version: super::Version<REPLICAS_MAX>) -> String {
        format!("{:?}", &version.0[..self.names.replicas()])
    }
}

fn position(at: u64) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}
