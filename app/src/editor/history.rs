//! What was: a place in a document's history, the text as it was there, and how to bring it back.
//!
//! A place is a number of changes, in the order in which they came to this library: the times that they carry are what their
//! authors' clocks said, which may be wrong. A named version may lack some of the changes up to its place, since others came in between here: it is shown as it was where it was
//! named.

mod compare;
mod facts;
mod named;
mod past;
mod play;
mod timeline;
mod view;

use std::ops::Range;

use quire_crdt::{Document, VersionVector};

use compare::Comparison;
pub use compare::{Compared, Mark, Pin, Trait, by_authors, merged, restoring};
pub use facts::ChangeFacts;
pub use named::{
    NAMED_VERSIONS_MAX, NamedVersion, VERSION_KEY_PREFIX, VERSION_NAME_CHARS_MAX, clean_version_name,
    encode_named_version, named_versions,
};
pub use past::Past;
use play::Play;
pub use play::{STEP_US, Speed};
pub use timeline::{BARS_MAX, Bar, Timeline};
pub use view::{AUTHORS_MAX, Author, HistoryView, NamedRow};

use super::command::Travel;
use super::edit::Edit;
use super::state::EditorState;

/// What the history panel asks for, besides the actions of the command table. Named versions are numbered as
/// [`HistoryView::names`] lists them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum HistoryRequest {
    /// Show so many changes.
    GoTo(usize),
    /// Show a named version.
    GoToNamed(usize),
    /// Mark who wrote what, or do not.
    ShowAuthors(bool),
    /// Mark what is gone since, and what is new, or do not.
    Compare(bool),
    /// Compare what is shown with the text after so many changes.
    CompareFrom(usize),
    /// Compare what is shown with a named version.
    CompareFromNamed(usize),
    /// Play at the next speed.
    NextSpeed,
    /// Ask for another name of a named version.
    Rename(usize),
    /// Take the name of a version away.
    RemoveName(usize),
    /// Give the version its name back that it lost last.
    PutBackName,
}

/// A look into a document's history.
#[derive(Clone, Debug)]
pub struct History {
    timeline: Timeline,
    /// The named version that is shown, if it is not the one after the changes that are shown.
    apart: Option<VersionVector>,
    shows_authors: bool,
    comparison: Comparison,
    speed: Speed,
    play: Option<Play>,
    /// The text that was; `None`: the document itself is shown, as it is now.
    past: Option<Past>,
    /// The last change of those that are shown.
    facts: Option<ChangeFacts>,
    compared: Option<Compared>,
    names: Vec<NamedVersion>,
    /// Which of the names is that of what is shown.
    named: Option<usize>,
    /// The name that was taken away last.
    removed: Option<NamedVersion>,
}

impl History {
    /// The history of a document, from now. O(turns of authors), and O(log n) for each replica of each named version.
    pub fn new(document: &Document) -> Self {
        let timeline = Timeline::new(document.log());
        let facts = last_change(document, &timeline);
        Self {
            timeline,
            apart: None,
            shows_authors: true,
            comparison: Comparison::None,
            speed: Speed::Once,
            play: None,
            past: None,
            facts,
            compared: None,
            names: named_versions(document),
            named: None,
            removed: None,
        }
    }

    /// Where it is.
    pub const fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// The last change of those that are shown; `None` before the first.
    pub const fn facts(&self) -> Option<&ChangeFacts> {
        self.facts.as_ref()
    }

    /// Whether it is marked who wrote what.
    pub const fn shows_authors(&self) -> bool {
        self.shows_authors
    }

    /// Whether it is marked what is gone since, and what is new.
    pub fn compares(&self) -> bool {
        self.comparison != Comparison::None
    }

    /// The version that is compared with what is shown, if it is not that of now.
    pub const fn pin(&self) -> Option<&Pin> {
        match &self.comparison {
            Comparison::With(pin) => Some(pin),
            _ => None,
        }
    }

    /// How much differs, where it is marked.
    pub const fn compared(&self) -> Option<Compared> {
        self.compared
    }

    /// The text that was; `None`: the document itself is shown, as it is now.
    pub const fn past(&self) -> Option<&Past> {
        self.past.as_ref()
    }

    /// The text that was, for the view.
    pub const fn past_mut(&mut self) -> Option<&mut Past> {
        self.past.as_mut()
    }

    /// The versions that have names.
    pub fn names(&self) -> &[NamedVersion] {
        &self.names
    }

    /// Whether what is shown lacks some of the changes up to its place.
    pub const fn is_apart(&self) -> bool {
        self.apart.is_some()
    }

    /// The name of what is shown, if it has one.
    pub fn named(&self) -> Option<&NamedVersion> {
        self.named.and_then(|named| self.names.get(named))
    }

    /// The name that was taken away last, while it is not put back.
    pub const fn removed(&self) -> Option<&NamedVersion> {
        self.removed.as_ref()
    }

    /// Remembers which name was taken away last.
    pub fn remember_removed(&mut self, removed: Option<NamedVersion>) {
        self.removed = removed;
    }

    /// How fast it is played.
    pub const fn speed(&self) -> Speed {
        self.speed
    }

    /// Whether it is being played.
    pub const fn is_playing(&self) -> bool {
        self.play.is_some()
    }

    /// Takes in what was written since; `are_names_stale`: also that versions may be called otherwise. Nothing where nothing was.
    pub fn follow(&mut self, document: &Document, state: &EditorState, are_names_stale: bool) {
        let grew = self.timeline.follow(document.log());
        if are_names_stale || (grew && self.names.iter().any(|named| named.may_have_come(document))) {
            self.names = named_versions(document);
            self.named = self.find_name(&self.version(document));
        }
        if grew && (self.timeline.is_now() || self.comparison == Comparison::Now) {
            self.refresh(document, state, false);
        }
    }

    /// Takes a step; whether it leads anywhere. `state` is that of the text of now.
    pub fn travel(&mut self, document: &Document, state: &EditorState, travel: Travel) -> bool {
        self.play = None;
        let moved = self.timeline.travel(travel);
        self.after_move(document, state, moved)
    }

    /// Shows so many changes; whether that moves the place. `state` is that of the text of now.
    pub fn go_to(&mut self, document: &Document, state: &EditorState, shown: usize) -> bool {
        self.play = None;
        let moved = self.timeline.go_to(shown);
        self.after_move(document, state, moved)
    }

    /// Shows a named version, if it is here.
    pub fn go_to_named(&mut self, document: &Document, state: &EditorState, named: usize) {
        let Some((version, changes)) = self.version_of(named) else { return };
        self.play = None;
        self.timeline.go_to(changes);
        self.apart = (version != version_after(document, changes)).then_some(version);
        self.refresh(document, state, true);
    }

    /// Shows the document as it is now, of which [`History::follow`] says more.
    pub fn end_at_now(&mut self) {
        self.timeline.go_to(usize::MAX);
        self.comparison = if self.compares() { Comparison::Now } else { Comparison::None };
        (self.past, self.compared, self.play, self.apart, self.named) = (None, None, None, None, None);
    }

    /// Marks who wrote what, or does not.
    pub fn show_authors(&mut self, document: &Document, state: &EditorState, shows: bool) {
        self.shows_authors = shows;
        self.refresh(document, state, false);
    }

    /// Marks what is gone since, and what is new now, or does not.
    pub fn compare(&mut self, document: &Document, state: &EditorState, compares: bool) {
        self.comparison = if compares { Comparison::Now } else { Comparison::None };
        self.refresh(document, state, false);
    }

    /// Marks what differs between what is shown and the text after so many changes.
    pub fn compare_from(&mut self, document: &Document, state: &EditorState, changes: usize) {
        let changes = changes.min(self.timeline.total());
        let is_here = changes == self.timeline.shown();
        let version = if is_here { self.version(document) } else { version_after(document, changes) };
        self.compare_with(document, state, changes, version);
    }

    /// Marks what differs between what is shown and a named version, if it is here.
    pub fn compare_from_named(&mut self, document: &Document, state: &EditorState, named: usize) {
        if let Some((version, changes)) = self.version_of(named) {
            self.compare_with(document, state, changes, version);
        }
    }

    /// Begins to play from the place that is shown, or from the start if that is now; or pauses.
    pub fn play_or_pause(&mut self, document: &Document, state: &EditorState, now_us: u64) {
        if self.play.take().is_some() {
            return;
        }
        if self.timeline.is_now() {
            self.go_to(document, state, 0);
        }
        self.play_from_here(now_us);
    }

    /// Plays at the next speed, from the place that is shown if it is being played.
    pub fn next_speed(&mut self, now_us: u64) {
        self.speed = self.speed.next();
        if self.is_playing() {
            self.play_from_here(now_us);
        }
    }

    /// Shows what is due at this moment; after how many microseconds the next step is, while it is being played.
    pub fn play_on(&mut self, document: &Document, state: &EditorState, now_us: u64) -> Option<u64> {
        let play = self.play?;
        let shown = play.shown_at(now_us);
        if shown > self.timeline.shown() {
            self.go_to(document, state, shown);
        }
        self.play = (!self.timeline.is_now()).then_some(play);
        self.play.map(|play| play.next_us(now_us))
    }

    /// The version that is shown. O(log n) for each replica that wrote.
    pub fn version(&self, document: &Document) -> VersionVector {
        self.apart.clone().unwrap_or_else(|| version_after(document, self.timeline.shown()))
    }

    /// The edits of the text of now that make what is selected in the past what it was; none where it is compared with another past.
    /// O(n) in the history.
    pub fn restoring(&self, document: &Document) -> Vec<Edit> {
        let Some(past) = self.past.as_ref().filter(|_| self.pin().is_none()) else { return Vec::new() };
        let differences = document.log().diff(&self.version(document), document.version());
        let selected: Range<usize> = past.state().selection(past.text()).range();
        restoring(&differences, &selected, self.compares())
    }

    fn compare_with(&mut self, document: &Document, state: &EditorState, changes: usize, version: VersionVector) {
        let time = changes.checked_sub(1).and_then(|last| document.log().time(last));
        self.comparison = Comparison::With(Pin { changes, time, version });
        self.refresh(document, state, false);
    }

    fn play_from_here(&mut self, now_us: u64) {
        let (shown, total) = (self.timeline.shown(), self.timeline.total());
        self.play = (shown < total).then(|| Play::new(shown, total, self.speed, now_us));
    }

    /// A named version, and how many changes it takes, if it is here.
    fn version_of(&self, named: usize) -> Option<(VersionVector, usize)> {
        let named = self.names.get(named)?;
        Some((named.version.clone(), named.changes?))
    }

    fn find_name(&self, version: &VersionVector) -> Option<usize> {
        let shown = self.timeline.shown();
        self.names.iter().position(|named| named.is_at(shown, version))
    }

    fn after_move(&mut self, document: &Document, state: &EditorState, moved: bool) -> bool {
        let was_apart = self.apart.take().is_some();
        if moved || was_apart {
            self.refresh(document, state, true);
        }
        moved
    }

    /// Shows what is to be seen at the place, anew.
    fn refresh(&mut self, document: &Document, state: &EditorState, reveals: bool) {
        self.facts = last_change(document, &self.timeline);
        self.compared = None;
        let (log, version) = (document.log(), self.version(document));
        self.named = self.find_name(&version);
        let ends = self.comparison.ends(&self.timeline, &version, document.version());
        if self.timeline.is_now() && ends.is_none() {
            self.past = None;
            return;
        }
        let (text, marks) = if let Some((from, to)) = ends {
            let differences = log.diff(from, to);
            self.compared = Some(Compared::of(&differences));
            merged(&log.text_at(from), &differences)
        } else if self.shows_authors {
            let (text, written) = log.text_and_authors_at(&version);
            (text, by_authors(0, &written))
        } else {
            (log.text_at(&version), Vec::new())
        };
        let past = self.past.get_or_insert_with(|| Past::new(document.text(), state));
        past.show(text, marks, reveals);
    }
}

fn version_after(document: &Document, changes: usize) -> VersionVector {
    let last = changes.checked_sub(1);
    last.and_then(|last| document.log().version_after(last)).unwrap_or_default()
}

fn last_change(document: &Document, timeline: &Timeline) -> Option<ChangeFacts> {
    ChangeFacts::of(document.log(), timeline.shown().checked_sub(1)?)
}

#[cfg(test)]
mod tests;
