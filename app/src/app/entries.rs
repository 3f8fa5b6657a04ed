//! From the session to plain view data.

use std::collections::BTreeMap;

use quire_crdt::sync::LinkState;
use quire_crdt::{Document, DocumentId, ReplicaId};

use crate::editor::history::Author;
use crate::editor::library_view::LibraryEntry;
use crate::editor::people::{Person, Presence, sort_people};
use crate::editor::presence::Presence as Shown;
use crate::editor::status::{Link, Mark, SaveFacts, SaveWords, save_words};
use crate::session::{Device, DocumentStatus, DocumentSummary, Session};

/// What is known about the copies of an open document.
pub(super) fn facts(session: &Session, status: &DocumentStatus) -> SaveFacts {
    SaveFacts {
        link: link(session, status),
        unsaved: status.units_made.saturating_sub(status.units_saved_here),
        waiting: status.units_waiting,
        waiting_since_us: status.waiting_since_us,
        edited_here: status.units_made > 0,
        holders: status.holders.clone(),
        devices: status.devices.len(),
        write_error: status.write_error.clone(),
    }
}

fn link(session: &Session, status: &DocumentStatus) -> Link {
    if status.relay.is_none() {
        return Link::None;
    }
    match status.link {
        LinkState::Off if status.is_cloned => Link::Cloned,
        LinkState::Off if session.is_online() => Link::Stopped,
        LinkState::Off => Link::Off,
        LinkState::Waiting { .. } => Link::Waiting,
        LinkState::Connecting | LinkState::Greeting => Link::Connecting,
        LinkState::CatchingUp { position, head } => Link::CatchingUp { done: position, total: head },
        LinkState::Live => Link::Live,
    }
}

/// Where the last edit of an open document is, in words; why there is no link stands in the tooltip.
pub(super) fn saved(session: &Session, status: &DocumentStatus, now_us: i64) -> SaveWords {
    let mut words = save_words(&facts(session, status), now_us);
    if let Some(trouble) = &status.trouble {
        words.tooltip = format!("{} Last try: {trouble}.", words.tooltip);
    }
    if let Some(set_aside) = &status.set_aside {
        words.tooltip = format!("{} {set_aside}", words.tooltip);
    }
    words
}

/// A document of the library.
pub(super) fn entry(session: &Session, summary: &DocumentSummary, unread: bool, now_us: i64) -> LibraryEntry {
    let words = match (&summary.status, &summary.relay) {
        (Some(status), _) => saved(session, status, now_us),
        (None, None) => save_words(&SaveFacts::default(), now_us),
        (None, Some(relay)) => {
            let text = format!("Saved here, shared at {}", relay.place());
            SaveWords { mark: Mark::Here, text, ..SaveWords::default() }
        }
    };
    LibraryEntry {
        id: summary.id,
        title: summary.title.clone(),
        edited_us: summary.edited_us,
        edited_by: summary.edited_by.clone(),
        archived: summary.archived,
        unread,
        mark: words.mark,
        mark_words: words.text,
        found: None,
    }
}

/// The people of an open document, sorted.
pub(super) fn people(session: &Session, id: DocumentId, status: &DocumentStatus) -> Vec<Person> {
    let presences = session.presences(id);
    let shown = |device: &Device| {
        let payload = presences.iter().find(|(replica, _)| *replica == device.replica)?;
        Shown::decode(&payload.1).ok()
    };
    let mut people: Vec<Person> =
        status.devices.iter().map(|device| person(session, device, shown(device).as_ref())).collect();
    sort_people(&mut people);
    people
}

/// How those who made changes of an open document are called, and their colours.
pub(super) fn authors(
    session: &Session,
    id: DocumentId,
    replicas: impl Iterator<Item = ReplicaId>,
) -> BTreeMap<ReplicaId, Author> {
    let presences: BTreeMap<ReplicaId, _> = session.presences(id).into_iter().collect();
    let own = session.document(id).map(Document::replica);
    let author = |replica| {
        let name = session.device_name(id, replica);
        let device = Device { replica, name, is_this: own == Some(replica), is_here: false, holds_all: false };
        let shown = presences.get(&replica).and_then(|payload| Shown::decode(payload).ok());
        let Person { name, device, color, .. } = person(session, &device, shown.as_ref());
        (replica, Author { name, device, colour: color })
    };
    replicas.map(author).collect()
}

fn person(session: &Session, device: &Device, shown: Option<&Shown>) -> Person {
    let settings = session.settings();
    let (name, color) = match (shown, device.is_this) {
        (_, true) => (settings.name.clone(), settings.colour),
        (Some(shown), false) => (shown.person.clone(), shown.colour),
        (None, false) => (String::new(), color_of(device)),
    };
    let presence = match (device.is_this, device.is_here) {
        (true, _) => Presence::Me,
        (false, true) => Presence::Here,
        (false, false) => Presence::Left,
    };
    let name = if name.trim().is_empty() { owner(&device.name).to_owned() } else { name };
    let own = format!("{name}’s ");
    let device_name = device.name.strip_prefix(&own).unwrap_or(&device.name).to_owned();
    Person { name, device: device_name, color, presence, holds_all: device.holds_all }
}

/// A colour for somebody who showed none: the same on every device.
fn color_of(device: &Device) -> u8 {
    device.replica.as_bytes()[0] % crate::editor::settings::COLOURS
}

/// Whose device it is, from its name: `Ana’s laptop` is Ana’s.
fn owner(device: &str) -> &str {
    device.split_once("’s ").map_or(device, |(owner, _)| owner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_named_after_its_owner() {
        assert_eq!(owner("Ana’s laptop"), "Ana");
        assert_eq!(owner("laptop"), "laptop");
    }
}
