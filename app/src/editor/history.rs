//! What was: a place in a document's history, the text as it was there, and how to bring it back.
//!
//! Changes carry no time of the clock: a place is a number of changes, in the order in which they came to this library.

mod compare;
mod facts;
mod past;
mod timeline;
mod view;

use std::ops::Range;

use quire_crdt::{Document, VersionVector};

pub use compare::{Mark, Trait, by_authors, merged, restoring};
pub use facts::ChangeFacts;
pub use past::Past;
pub use timeline::{BARS_MAX, Bar, Timeline};
pub use view::{AUTHORS_MAX, Author, HistoryView};

use super::command::Travel;
use super::edit::Edit;
use super::state::EditorState;

/// What the history panel asks for, besides the actions of the command table.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum HistoryRequest {
    /// Show so many changes.
    GoTo(usize),
    /// Mark who wrote what, or do not.
    ShowAuthors(bool),
    /// Mark what is gone since, and what is new, or do not.
    Compare(bool),
}

/// How much differs between what is shown and now, in chars.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Compared {
    /// What is gone.
    pub gone: usize,
    /// What is new.
    pub new: usize,
}

/// A look into a document's history.
#[derive(Clone, Debug)]
pub struct History {
    timeline: Timeline,
    shows_authors: bool,
    compares: bool,
    /// The text that was; `None`: the document itself is shown, as it is now.
    past: Option<Past>,
    /// The last change of those that are shown.
    facts: Option<ChangeFacts>,
    compared: Option<Compared>,
}

impl History {
    /// The history of a document, from now. O(turns of authors).
    pub fn new(document: &Document) -> Self {
        let timeline = Timeline::new(document.log());
        let facts = last_change(document, &timeline);
        Self { timeline, shows_authors: true, compares: false, past: None, facts, compared: None }
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
    pub const fn compares(&self) -> bool {
        self.compares
    }

    /// How much that is, where it is marked.
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

    /// Takes in what was written since. Nothing where nothing was.
    pub fn follow(&mut self, document: &Document, state: &EditorState) {
        if self.timeline.follow(document.log()) && (self.timeline.is_now() || self.compares) {
            self.refresh(document, state, false);
        }
    }

    /// Takes a step; whether it leads anywhere. `state` is that of the text of now.
    pub fn travel(&mut self, document: &Document, state: &EditorState, travel: Travel) -> bool {
        let moved = self.timeline.travel(travel);
        self.after_move(document, state, moved)
    }

    /// Shows so many changes; whether that moves the place. `state` is that of the text of now.
    pub fn go_to(&mut self, document: &Document, state: &EditorState, shown: usize) -> bool {
        let moved = self.timeline.go_to(shown);
        self.after_move(document, state, moved)
    }

    /// Shows the document as it is now, of which [`History::follow`] says more.
    pub fn end_at_now(&mut self) {
        self.timeline.go_to(usize::MAX);
        self.past = None;
        self.compared = None;
    }

    /// Marks who wrote what, or does not.
    pub fn show_authors(&mut self, document: &Document, state: &EditorState, shows: bool) {
        self.shows_authors = shows;
        self.refresh(document, state, false);
    }

    /// Marks what is gone since, and what is new, or does not.
    pub fn compare(&mut self, document: &Document, state: &EditorState, compares: bool) {
        self.compares = compares;
        self.refresh(document, state, false);
    }

    /// The version that is shown. O(log n) for each replica that wrote.
    pub fn version(&self, document: &Document) -> VersionVector {
        let last = self.timeline.shown().checked_sub(1);
        last.and_then(|last| document.log().version_after(last)).unwrap_or_default()
    }

    /// The edits of the text of now that make what is selected in the past what it was. O(n) in the history.
    pub fn restoring(&self, document: &Document) -> Vec<Edit> {
        let Some(past) = &self.past else { return Vec::new() };
        let differences = document.log().diff(&self.version(document), document.version());
        let selected: Range<usize> = past.state().selection(past.text()).range();
        restoring(&differences, &selected, self.compares)
    }

    fn after_move(&mut self, document: &Document, state: &EditorState, moved: bool) -> bool {
        if moved {
            self.refresh(document, state, true);
        }
        moved
    }

    /// Shows what is to be seen at the place, anew.
    fn refresh(&mut self, document: &Document, state: &EditorState, reveals: bool) {
        self.facts = last_change(document, &self.timeline);
        self.compared = None;
        if self.timeline.is_now() {
            self.past = None;
            return;
        }
        let (log, version) = (document.log(), self.version(document));
        let (text, marks) = if self.compares {
            let differences = log.diff(&version, document.version());
            let chars = |passages: &mut dyn Iterator<Item = &String>| passages.map(|text| text.chars().count()).sum();
            self.compared = Some(Compared {
                gone: chars(&mut differences.iter().map(|difference| &difference.deleted)),
                new: chars(&mut differences.iter().map(|difference| &difference.inserted)),
            });
            merged(&log.text_at(&version), &differences)
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

fn last_change(document: &Document, timeline: &Timeline) -> Option<ChangeFacts> {
    ChangeFacts::of(document.log(), timeline.shown().checked_sub(1)?)
}

#[cfg(test)]
mod tests;
