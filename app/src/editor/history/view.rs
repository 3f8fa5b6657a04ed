//! The history panel as plain data, and its words.

use super::{Bar, ChangeFacts, Compared, History};
use crate::editor::words::{grouped, quantity};

/// The most authors that are listed.
pub const AUTHORS_MAX: usize = 40;

/// How many units a change has whose bar is as high as it can be.
const UNITS_HIGH: f32 = 2_000.0;

/// How high the bar of a keystroke is.
const HEIGHT_LOW: f32 = 0.3;

/// Somebody who made changes.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Author {
    /// Their name.
    pub name: String,
    /// The device they wrote on.
    pub device: String,
    /// Which of the eight colours.
    pub colour: u8,
}

/// The panel.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HistoryView {
    /// How many changes are shown.
    pub shown: usize,
    /// How many there are.
    pub total: usize,
    /// How much was written when: a height from 0 to 1, and the colour of who made most of it.
    pub bars: Vec<(f32, u8)>,
    /// Who made the last change of those that are shown, and what it did.
    pub change: Option<(Author, String)>,
    /// Who made changes, and how many.
    pub authors: Vec<(Author, usize)>,
    /// How many more there are than are listed.
    pub more_authors: usize,
    /// Whether it is marked who wrote what.
    pub shows_authors: bool,
    /// Whether it is marked what is gone since, and what is new.
    pub compares: bool,
    /// How much that is, where it is marked.
    pub compared: Option<Compared>,
    /// Whether something is selected in the text that was.
    pub has_selection: bool,
}

impl HistoryView {
    /// The panel of a history, whose authors are named by `author`.
    pub fn new(history: &History, mut author: impl FnMut(quire_crdt::ReplicaId) -> Author) -> Self {
        let timeline = history.timeline();
        let authors = timeline.authors();
        let selection = history.past().map(|past| past.state().selection(past.text()));
        Self {
            shown: timeline.shown(),
            total: timeline.total(),
            bars: timeline.bars().iter().map(|bar| (height(bar), author(bar.author).colour)).collect(),
            change: history.facts().map(|facts| (author(facts.header.replica), change_words(facts))),
            authors: authors.iter().take(AUTHORS_MAX).map(|(replica, count)| (author(*replica), *count)).collect(),
            more_authors: authors.len().saturating_sub(AUTHORS_MAX),
            shows_authors: history.shows_authors(),
            compares: history.compares(),
            compared: history.compared(),
            has_selection: selection.is_some_and(|selection| !selection.is_empty()),
        }
    }

    /// Whether the document is shown as it is now.
    pub const fn is_now(&self) -> bool {
        self.shown == self.total
    }

    /// `Change 1 204 of 260 000`.
    pub fn place(&self) -> String {
        let total = grouped(self.total as u64);
        match self.shown {
            0 => format!("Before the first of {}", quantity(self.total as u64, "change")),
            shown if self.is_now() => format!("Now: change {} of {total}", grouped(shown as u64)),
            shown => format!("Change {} of {total}", grouped(shown as u64)),
        }
    }

    /// What the banner over a text that was says.
    pub fn banner(&self) -> String {
        let place = match self.shown {
            0 => format!("the empty text before the first of {}", quantity(self.total as u64, "change")),
            shown => format!("change {} of {}", grouped(shown as u64), grouped(self.total as u64)),
        };
        format!("You are looking at {place}. Nothing can be written here.")
    }

    /// How the text that was differs from that of now.
    pub fn comparison(&self) -> Option<String> {
        let Compared { gone, new } = self.compared?;
        if (gone, new) == (0, 0) {
            return Some("The text was as it is now.".to_owned());
        }
        let part = |count: usize, since: &str, how: &str| {
            (count > 0).then(|| format!("{since} since then: {}, {how}.", quantity(count as u64, "character")))
        };
        let parts = [part(new, "New", "underlined"), part(gone, "Gone", "struck through")];
        Some(parts.into_iter().flatten().collect::<Vec<_>>().join(" "))
    }
}

impl Author {
    /// `Ana · laptop`.
    pub fn words(&self) -> String {
        if self.device.is_empty() { self.name.clone() } else { format!("{} · {}", self.name, self.device) }
    }
}

/// A bar's height, from 0 to 1, by how much its changes did on average: a keystroke is low, a page that was pasted is high.
#[expect(clippy::cast_precision_loss, reason = "heights of a few points")]
fn height(bar: &Bar) -> f32 {
    let average = bar.units as f32 / bar.changes.max(1) as f32;
    let size = average.max(1.0).ln() / UNITS_HIGH.ln();
    size.min(1.0).mul_add(1.0 - HEIGHT_LOW, HEIGHT_LOW)
}

/// What a change did: `wrote 5 and deleted 2 characters: “quire”`.
fn change_words(facts: &ChangeFacts) -> String {
    let chars = |count| quantity(count, "character");
    let did = match (facts.inserted, facts.deleted) {
        (0, 0) => return set_words(&facts.keys),
        (0, deleted) => return format!("deleted {}", chars(deleted)),
        (inserted, 0) => format!("wrote {}", chars(inserted)),
        (inserted, deleted) => format!("wrote {} and deleted {}", grouped(inserted), chars(deleted)),
    };
    let excerpt = facts.excerpt.trim();
    let more = if facts.inserted > facts.excerpt.chars().count() as u64 { "…" } else { "" };
    if excerpt.is_empty() { did } else { format!("{did}: “{excerpt}{more}”") }
}

fn set_words(keys: &[String]) -> String {
    match keys {
        [key] if key == "title" => "gave the title".to_owned(),
        [key] if key.starts_with("device/") => "named the device".to_owned(),
        keys => format!("set {}", keys.join(", ")),
    }
}
