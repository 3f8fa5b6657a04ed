//! How a document stands: where its edits are, who takes part, what is wrong. Plain data.

use std::collections::BTreeMap;

use quire_crdt::sync::{LinkState, RelayNotice};
use quire_crdt::{DocumentId, ReplicaId, Value};

use super::documents::device_name;
use super::open::OpenDocument;
use super::pump::in_words;
use super::{DEVICE_KEY_PREFIX, Session};
use crate::editor::link::RelayAddress;
use crate::editor::words::{cut, names};

/// How much of a name is shown in a sentence.
pub(super) const NAME_CHARS_MAX: usize = 40;

/// How an open document stands.
#[derive(Clone, Debug, PartialEq)]
pub struct DocumentStatus {
    /// Where it is shared.
    pub relay: Option<RelayAddress>,
    /// Where the link stands.
    pub link: LinkState,
    /// Why there is no link, in words, if one was tried.
    pub trouble: Option<String>,
    /// How many units this device has made.
    pub units_made: u64,
    /// How many of them are on this disk.
    pub units_saved_here: u64,
    /// How many of them are on the relay's disk, as far as is known.
    pub units_at_relay: u64,
    /// How many of them are not.
    pub units_waiting: u64,
    /// When the oldest of those was made, by the wall clock, in microseconds.
    pub waiting_since_us: Option<i64>,
    /// The names of the other devices that hold every edit of this one on their disks.
    pub holders: Vec<String>,
    /// The devices that take part, this one first.
    pub devices: Vec<Device>,
    /// The round trip to the relay and back, in microseconds.
    pub round_trip_us: Option<u64>,
    /// By how much this clock is ahead of the relay's, and how uncertain that is, in microseconds.
    pub clock_offset_us: Option<(i64, u64)>,
    /// Why the disk refused, if it did and has not taken everything since.
    pub write_error: Option<String>,
    /// What was found out about the relay's store when the link was made.
    pub relay_notice: Option<RelayNotice>,
    /// Whether somebody else writes under this device's id: the library was copied, or restored from an old backup.
    pub is_cloned: bool,
    /// Whose changes cannot be taken, as a sentence for a person, if there are any.
    pub set_aside: Option<String>,
}

/// A device that takes part in a document.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Device {
    /// Its copy.
    pub replica: ReplicaId,
    /// Its name.
    pub name: String,
    /// Whether it is this one.
    pub is_this: bool,
    /// Whether it is linked now.
    pub is_here: bool,
    /// Whether it holds every edit of this device on its disk.
    pub holds_all: bool,
}

impl Session {
    /// How an open document stands; `None` if it is not open. O(devices).
    pub fn status(&self, id: DocumentId) -> Option<DocumentStatus> {
        let open = self.open.get(&id)?;
        let replica = &open.replica;
        let devices = self.devices(open);
        let holders = devices.iter().filter(|device| device.holds_all && !device.is_this);
        Some(DocumentStatus {
            relay: self.records.get(&id).and_then(|record| record.relay.clone()),
            link: *replica.link(),
            trouble: trouble(open),
            units_made: replica.units_made(),
            units_saved_here: replica.units_saved_here(),
            units_at_relay: replica.units_saved_at_relay(),
            units_waiting: replica.units_waiting(),
            waiting_since_us: open.waiting_since_us(self.now()),
            holders: holders.map(|device| device.name.clone()).collect(),
            devices,
            round_trip_us: replica.round_trip_us(),
            clock_offset_us: replica.clock_offset_us(),
            write_error: open.writes.error.clone(),
            relay_notice: replica.relay_notice(),
            is_cloned: replica.clone_detected(),
            set_aside: set_aside_words(open),
        })
    }

    /// The presences that others show in a document, by replica.
    pub fn presences(&self, id: DocumentId) -> Vec<(ReplicaId, bytes::Bytes)> {
        let Some(open) = self.open.get(&id) else { return Vec::new() };
        let shown = open.replica.peers().iter();
        shown.filter_map(|(replica, peer)| Some((*replica, peer.presence.clone()?))).collect()
    }

    /// The name of the device that a replica of an open document lives on.
    pub fn device_name(&self, id: DocumentId, replica: ReplicaId) -> String {
        let open = self.open.get(&id).map(|open| open.replica.document());
        match open {
            Some(document) if document.replica() == replica => self.settings.device_label(),
            Some(document) => device_name(document, replica),
            None => String::new(),
        }
    }

    fn devices(&self, open: &OpenDocument) -> Vec<Device> {
        let document = open.replica.document();
        let this = document.replica();
        let mut names: BTreeMap<ReplicaId, Option<&str>> = BTreeMap::new();
        for (key, value) in document.map().iter() {
            let replica = key.strip_prefix(DEVICE_KEY_PREFIX).and_then(|hex| hex.parse().ok());
            if let (Some(replica), Value::Text(name)) = (replica, value) {
                names.insert(replica, Some(name));
            }
        }
        for replica in open.replica.peers().keys() {
            names.entry(*replica).or_default();
        }
        names.remove(&this);
        let holders = open.replica.holders();
        let here = |replica| open.replica.peers().get(&replica).is_some_and(|peer| peer.presence.is_some());
        let others = names.into_iter().map(|(replica, name)| Device {
            replica,
            name: name.map_or_else(|| device_name(document, replica), str::to_owned),
            is_this: false,
            is_here: here(replica),
            holds_all: holders.contains(&replica),
        });
        let label = self.settings.device_label();
        let own = Device { replica: this, name: label, is_this: true, is_here: true, holds_all: true };
        std::iter::once(own).chain(others).collect()
    }
}

/// Whose changes cannot be taken, as a sentence.
pub(super) fn set_aside_words(open: &OpenDocument) -> Option<String> {
    let set_aside = open.replica.set_aside();
    if set_aside.is_empty() {
        return None;
    }
    let name = |(author, _)| cut(&device_name(open.replica.document(), author), NAME_CHARS_MAX);
    let authors: Vec<String> = set_aside.authors().map(name).collect();
    let whose = if authors.is_empty() { "Some changes".to_owned() } else { format!("Changes by {}", names(&authors)) };
    Some(if set_aside.needs_newer() {
        format!("{whose} need a newer Quire and were set aside: they come as soon as this one is updated.")
    } else {
        format!("{whose} cannot be read and were set aside, with what builds upon them.")
    })
}

/// What was found out about a relay's store, as a sentence.
pub const fn relay_words(notice: RelayNotice) -> &'static str {
    match notice {
        RelayNotice::Replaced => "The relay is another one than last time, or it lost everything.",
        RelayNotice::Lost { .. } => "The relay was restored from an old copy.",
    }
}

/// What a clone means, in words.
pub const CLONED_WORDS: &str = "this library was copied or restored from an old backup, and others have read what another copy wrote \
     where this one wrote something else. To go on with the others, export the text, remove the document from this device and open its \
     link again";

/// What it means that another id took the place of this device's, in words.
pub const SUCCEEDED_WORDS: &str =
    "This library was copied, or restored from a backup: from here on it is a device of its own. Nothing is lost.";

/// Why there is no link, in words: what the relay says comes before what the protocol, and that before what the network says.
fn trouble(open: &OpenDocument) -> Option<String> {
    if matches!(open.replica.link(), LinkState::CatchingUp { .. } | LinkState::Live) {
        return None;
    }
    let refusal = open.replica.refusal().map(|refusal| in_words(&refusal));
    let error = || open.replica.link_error().map(ToString::to_string);
    let end = || open.last_end.as_ref().map(ToString::to_string);
    refusal.or_else(error).or_else(end)
}
