//! The history panel as plain data, and its words.

use super::{Bar, ChangeFacts, Compared, History, NamedVersion, Pin, Speed};
use crate::editor::utc::{utc_day, utc_ends, utc_minute, utc_minutes};
use crate::editor::words::{cut, grouped, names, quantity};

/// The most authors that are listed.
pub const AUTHORS_MAX: usize = 40;

/// How many units a change has whose bar is as high as it can be.
const UNITS_HIGH: f32 = 2_000.0;

/// How many characters of the keys that a change wrote are shown.
const KEYS_CHARS_MAX: usize = 200;

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

/// A named version in the list.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct NamedRow {
    /// Its name.
    pub name: String,
    /// What else it is called, in words; empty: nothing.
    pub rivals: String,
    /// Who named it.
    pub by: String,
    /// How many changes it takes; `None`: it is not here yet.
    pub changes: Option<usize>,
    /// When the last of them was made, in seconds since the start of 1970, if that is known.
    pub time: Option<i64>,
    /// Whether it is what is shown.
    pub is_shown: bool,
}

/// The panel.
#[expect(clippy::struct_excessive_bools, reason = "each is a state of the panel, independent of the others")]
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HistoryView {
    /// How many changes are shown.
    pub shown: usize,
    /// How many there are.
    pub total: usize,
    /// Whether some of the changes up to that place are not shown.
    pub is_apart: bool,
    /// How much was written when: a height from 0 to 1, and the colour of who made most of it.
    pub bars: Vec<(f32, u8)>,
    /// Whether it is being played.
    pub is_playing: bool,
    /// How fast it is played.
    pub speed: Speed,
    /// When the first and the last change were made, in seconds since the start of 1970, if that is known.
    pub times: (Option<i64>, Option<i64>),
    /// Who made the last change of those that are shown, and what it did.
    pub change: Option<(Author, String)>,
    /// When it was made, in seconds since the start of 1970, if that is known.
    pub time: Option<i64>,
    /// The named versions.
    pub names: Vec<NamedRow>,
    /// The name that was taken away last, while it can be put back.
    pub removed: Option<String>,
    /// Who made changes, and how many.
    pub authors: Vec<(Author, usize)>,
    /// How many more there are than are listed.
    pub more_authors: usize,
    /// Whether it is marked who wrote what.
    pub shows_authors: bool,
    /// Whether it is marked what is gone since, and what is new.
    pub compares: bool,
    /// The place of what is compared with what is shown, and its name or what stands for one; `None`: now is.
    pub pin: Option<(usize, String)>,
    /// When that was, in seconds since the start of 1970, if that is known.
    pub pin_time: Option<i64>,
    /// How much differs, where it is marked.
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
        let shown = history.named();
        let row = |named| row(named, &author(named.by), shown.is_some_and(|shown| shown.key == named.key));
        Self {
            names: history.names().iter().map(row).collect(),
            shown: timeline.shown(),
            total: timeline.total(),
            is_apart: history.is_apart(),
            bars: timeline.bars().iter().map(|bar| (height(bar), author(bar.author).colour)).collect(),
            is_playing: history.is_playing(),
            speed: history.speed(),
            times: timeline.times(),
            time: history.facts().and_then(|facts| facts.time),
            change: history.facts().map(|facts| (author(facts.header.replica), change_words(facts))),
            removed: history.removed().map(|removed| removed.name.clone()),
            authors: authors.iter().take(AUTHORS_MAX).map(|(replica, count)| (author(*replica), *count)).collect(),
            more_authors: authors.len().saturating_sub(AUTHORS_MAX),
            shows_authors: history.shows_authors(),
            compares: history.compares(),
            pin: history.pin().map(|pin| (pin.changes, pin_words(pin, history.names()))),
            pin_time: history.pin().and_then(|pin| pin.time),
            compared: history.compared(),
            has_selection: selection.is_some_and(|selection| !selection.is_empty()),
        }
    }

    /// Whether the document is shown as it is now.
    pub const fn is_now(&self) -> bool {
        self.shown == self.total
    }

    /// Whether something else than the document as it is now is shown.
    pub const fn is_past(&self) -> bool {
        !self.is_now() || self.pin.is_some()
    }

    /// The name of what is shown.
    pub fn name(&self) -> Option<&str> {
        self.names.iter().find(|row| row.is_shown).map(|row| row.name.as_str())
    }

    /// `Change 1 204 of 260 000`, with the name of the version in front of it if it has one.
    pub fn place(&self) -> String {
        let total = grouped(self.total as u64);
        let place = match self.shown {
            0 => format!("Before the first of {}", quantity(self.total as u64, "change")),
            shown if self.is_now() => format!("Now: change {} of {total}", grouped(shown as u64)),
            shown if self.is_apart => format!("Part of the first {} of {total} changes", grouped(shown as u64)),
            shown => format!("Change {} of {total}", grouped(shown as u64)),
        };
        match self.name() {
            Some(name) => format!("“{name}”: {}{}", place[..1].to_lowercase(), &place[1..]),
            None => place,
        }
    }

    /// What the banner over a text that was says.
    pub fn banner(&self) -> String {
        let total = grouped(self.total as u64);
        let place = match self.shown {
            0 => format!("the empty text before the first of {}", quantity(self.total as u64, "change")),
            shown if self.is_apart => format!("a part of the first {} of {total} changes", grouped(shown as u64)),
            shown => format!("change {} of {total}", grouped(shown as u64)),
        };
        let looking = match (self.ends(), self.name()) {
            (Some((from, to)), _) => format!("comparing {from} with {to}"),
            (None, Some(name)) => format!("looking at “{name}”: {place}"),
            (None, None) => format!("looking at {place}"),
        };
        format!("You are {looking}. Nothing can be written here.")
    }

    /// How the text that was differs from the one that it is compared with.
    pub fn comparison(&self) -> Option<String> {
        let Compared { gone, new } = self.compared?;
        let since = if self.pin.is_some() { "" } else { " since then" };
        if (gone, new) == (0, 0) {
            let same = if self.pin.is_some() { "Both texts are the same." } else { "The text was as it is now." };
            return Some(same.to_owned());
        }
        let part = |count: usize, is: &str, how: &str| {
            (count > 0).then(|| format!("{is}{since}: {}, {how}.", quantity(count as u64, "character")))
        };
        let parts = [part(new, "New", "underlined"), part(gone, "Gone", "struck through")];
        Some(parts.into_iter().flatten().collect::<Vec<_>>().join(" "))
    }

    /// When the change was made, by its author's clock: `2026-11-22 21:52Z`.
    pub fn moment(&self) -> String {
        let unknown = || if self.shown == 0 { String::new() } else { "at a time that is not known".to_owned() };
        self.time.and_then(utc_minute).unwrap_or_else(unknown)
    }

    /// From when to when the history goes.
    pub fn stretch(&self) -> (Option<String>, Option<String>) {
        utc_ends(self.times.0, self.times.1)
    }

    /// The times of what is compared, the earlier place first; none where now is.
    pub fn compared_times(&self) -> Option<String> {
        let (changes, _) = self.pin.as_ref()?;
        let (here, pin) = (self.time?, self.pin_time?);
        if *changes > self.shown { utc_minutes(here, pin) } else { utc_minutes(pin, here) }
    }

    /// What is compared, the earlier first, unless it is compared with now.
    fn ends(&self) -> Option<(String, String)> {
        let (changes, pin) = self.pin.as_ref()?;
        let here = match self.name() {
            Some(name) => format!("“{name}”"),
            None if self.is_now() => "now".to_owned(),
            None => changes_words(self.shown),
        };
        Some(if *changes > self.shown { (here, pin.clone()) } else { (pin.clone(), here) })
    }
}

impl NamedRow {
    /// `change 1 204`, or that it is not here yet.
    pub fn place(&self) -> String {
        self.changes.map_or_else(|| "not here yet".to_owned(), changes_words)
    }

    /// The day of its last change, or else its place.
    pub fn day(&self) -> String {
        self.time.and_then(utc_day).unwrap_or_else(|| self.place())
    }

    /// When its last change was made, by its author's clock.
    pub fn moment(&self) -> Option<String> {
        self.time.and_then(utc_minute)
    }
}

fn row(named: &NamedVersion, by: &Author, is_shown: bool) -> NamedRow {
    let rivals: Vec<String> = named.rivals.iter().map(|rival| format!("“{rival}”")).collect();
    NamedRow {
        name: named.name.clone(),
        rivals: if rivals.is_empty() { String::new() } else { format!("also called {}", names(&rivals)) },
        by: by.words(),
        changes: named.changes,
        time: named.time,
        is_shown,
    }
}

/// The name of what is compared, or its place.
fn pin_words(pin: &Pin, versions: &[NamedVersion]) -> String {
    let named = versions.iter().find(|named| named.is_at(pin.changes, &pin.version));
    named.map_or_else(|| changes_words(pin.changes), |named| format!("“{}”", named.name))
}

fn changes_words(changes: usize) -> String {
    if changes == 0 { "the start".to_owned() } else { format!("change {}", grouped(changes as u64)) }
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
        (0, 0) => return set_words(&facts.keys, &facts.names),
        (0, deleted) => return format!("deleted {}", chars(deleted)),
        (inserted, 0) => format!("wrote {}", chars(inserted)),
        (inserted, deleted) => format!("wrote {} and deleted {}", grouped(inserted), chars(deleted)),
    };
    let excerpt = facts.excerpt.trim();
    let more = if facts.inserted > facts.excerpt.chars().count() as u64 { "…" } else { "" };
    if excerpt.is_empty() { did } else { format!("{did}: “{excerpt}{more}”") }
}

fn set_words(keys: &[String], names: &[Option<String>]) -> String {
    if let ([_], [name]) = (keys, names) {
        return name
            .as_ref()
            .map_or_else(|| "took a version’s name away".to_owned(), |name| format!("named a version “{name}”"));
    }
    match keys {
        [key] if key == "title" => "gave the title".to_owned(),
        [key] if key.starts_with("device/") => "named the device".to_owned(),
        keys => cut(&format!("set {}", keys.join(", ")).replace(char::is_control, " "), KEYS_CHARS_MAX),
    }
}
