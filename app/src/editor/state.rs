//! The state of one editor on one document: carets, scroll position, layout index, search; everything but the document.
//!
//! All marks are anchors, so that remote edits move nothing of them. Each frame: [`EditorState::sync`] follows what changed,
//! [`EditorState::perform`] does what the user wants, then the view draws.

mod perform;
mod replace;

use std::ops::Range;

use quire_crdt::{Anchor, Bias, Patch, Succession, Text};

pub use perform::Outcome;

use super::buffer::Buffer;
use super::find::{Find, Query, QueryError};
use super::presence::Presence;
use super::segments::Segments;
use super::selection::{Carets, Selection, anchors};
use super::word_count::WordCount;

/// The smallest zoom.
pub const ZOOM_MIN: f32 = 0.5;
/// The largest zoom.
pub const ZOOM_MAX: f32 = 4.0;
/// How much one step of zoom changes it.
const ZOOM_STEP: f32 = 1.1;

/// How the text is shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Look {
    /// The size of letters, as a multiple of the theme's.
    pub zoom: f32,
    /// Lines are wrapped at the width of the column.
    pub wrap: bool,
    /// The width of the column, in characters of average width.
    pub column_chars: u32,
    /// Line numbers are shown.
    pub line_numbers: bool,
    /// All letters are equally wide.
    pub monospace: bool,
}

impl Default for Look {
    fn default() -> Self {
        let column_chars = super::settings::COLUMN_CHARS;
        Self { zoom: 1.0, wrap: true, column_chars, line_numbers: false, monospace: false }
    }
}

/// Where the window on the text begins.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scroll {
    /// The first char of the row that is at the top.
    pub anchor: Anchor,
    /// How far that row's top is above the window's, in points.
    pub points: f64,
    /// How far the text is moved to the left, in points; 0 where lines are wrapped.
    pub left: f32,
}

/// What the input method shows at the caret before it is text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Preedit {
    /// The text.
    pub text: String,
    /// The part that is being chosen, in chars of it.
    pub active: Option<Range<usize>>,
}

/// What the last edit was, for undo groups.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Last {
    #[default]
    Other,
    Typed {
        space: bool,
    },
    Deleted,
}

/// The state of one editor.
#[derive(Clone, Debug)]
pub struct EditorState {
    carets: Carets,
    /// Where a click began, which a drag extends from, by words or lines.
    origin: (Anchor, Anchor),
    look: Look,
    bracket_pairs: bool,
    scroll: Scroll,
    segments: Segments,
    preedit: Option<Preedit>,
    find: Option<Find>,
    words: WordCount,
    last: Last,
    reveal: bool,
    scroll_by: f64,
}

impl EditorState {
    /// A caret at the start of this text.
    pub fn new(text: &Text) -> Self {
        Self {
            carets: Carets::default(),
            origin: (Anchor::Start, Anchor::Start),
            look: Look::default(),
            bracket_pairs: false,
            // As far up as the view goes, its margin included.
            scroll: Scroll { anchor: Anchor::Start, points: f64::MIN, left: 0.0 },
            segments: Segments::new(text, super::segments::Estimate::default()),
            preedit: None,
            find: None,
            words: WordCount::new(text),
            last: Last::default(),
            reveal: false,
            scroll_by: 0.0,
        }
    }

    /// Ids of units are others, and the text is the same.
    pub fn succeed(&mut self, succession: Succession) {
        self.carets.succeed(succession);
        let (start, end) = self.origin;
        self.origin = (succession.anchor(start), succession.anchor(end));
        self.scroll.anchor = succession.anchor(self.scroll.anchor);
        if let Some(find) = &mut self.find {
            find.succeed(succession);
        }
    }

    /// Follows what changed in the text since the last call, own edits and others'; gives it for whoever shows it.
    /// O(log n + lines touched).
    pub fn sync<B: Buffer + ?Sized>(&mut self, buffer: &mut B) -> Vec<Patch> {
        let mut patches = Vec::new();
        buffer.take_patches(&mut patches);
        self.follow(&patches, buffer.text());
        patches
    }

    /// As [`sync`](Self::sync), for patches that were already taken.
    pub fn follow(&mut self, patches: &[Patch], text: &Text) {
        if patches.is_empty() {
            return;
        }
        self.segments.apply(patches.iter().map(|patch| patch.splice), text);
        for patch in patches {
            self.words.apply(patch.splice);
            if let Some(find) = &mut self.find {
                find.apply(patch.splice);
            }
        }
    }

    /// How the text is shown.
    pub const fn look(&self) -> Look {
        self.look
    }

    /// Changes how the text is shown; the zoom is kept within its bounds.
    pub fn set_look(&mut self, look: Look) {
        self.look = Look { zoom: look.zoom.clamp(ZOOM_MIN, ZOOM_MAX), ..look };
    }

    /// Chooses whether an opening bracket that is typed brings the closing one.
    pub const fn pair_brackets(&mut self, on: bool) {
        self.bracket_pairs = on;
    }

    /// Where every line is.
    pub const fn segments(&self) -> &Segments {
        &self.segments
    }

    /// For the view, which measures heights.
    pub const fn segments_mut(&mut self) -> &mut Segments {
        &mut self.segments
    }

    /// Where the window on the text begins.
    pub const fn scroll(&self) -> Scroll {
        self.scroll
    }

    /// Moves the window on the text.
    pub const fn set_scroll(&mut self, scroll: Scroll) {
        self.scroll = scroll;
    }

    /// How far commands asked to scroll, in points, since this was asked last.
    pub const fn take_scroll_by(&mut self) -> f64 {
        std::mem::replace(&mut self.scroll_by, 0.0)
    }

    /// Whether the leading caret must be brought into view, since this was asked last.
    pub const fn take_reveal(&mut self) -> bool {
        std::mem::replace(&mut self.reveal, false)
    }

    /// The carets.
    pub const fn carets(&self) -> &Carets {
        &self.carets
    }

    /// The leading selection, in chars.
    pub fn selection(&self, text: &Text) -> Selection {
        self.carets.leading(text)
    }

    /// What the input method shows.
    pub const fn preedit(&self) -> Option<&Preedit> {
        self.preedit.as_ref()
    }

    /// The search, if there is one.
    pub const fn find(&self) -> Option<&Find> {
        self.find.as_ref()
    }

    /// Begins a search, or with `None` ends it.
    ///
    /// # Errors
    /// A [`QueryError`] when nothing can be looked for; then nothing is.
    pub fn set_query(&mut self, text: &Text, query: Option<Query>) -> Result<(), QueryError> {
        if self.find.as_ref().map(Find::query) == query.as_ref() {
            return Ok(());
        }
        self.find = None;
        self.find = query.map(|query| Find::new(query, text)).transpose()?;
        Ok(())
    }

    /// Reads on for a search, for at most about `chars`; whether everything is read.
    pub fn read_for_find(&mut self, text: &Text, chars: usize) -> bool {
        self.find.as_mut().is_none_or(|find| find.read(text, chars))
    }

    /// Counts words on, in at most about so many characters; whether all are counted.
    pub fn count_words(&mut self, text: &Text, chars: usize) -> bool {
        self.words.read(text, chars)
    }

    /// How many words the text had when they were all counted last; `None` before that.
    pub const fn words(&self) -> Option<u64> {
        self.words.words()
    }

    /// The line and the grapheme in it of the leading caret, from 0; graphemes are counted in the first few thousand chars.
    pub fn line_and_column(&self, text: &Text) -> (usize, usize) {
        use unicode_segmentation::UnicodeSegmentation;
        const EXACT_CHARS_MAX: usize = 4096;
        let head = self.selection(text).head;
        let line = text.char_to_line(head);
        let start = text.line_to_char(line);
        let counted = head.min(start + EXACT_CHARS_MAX);
        (line, text.slice(start..counted).graphemes(true).count() + head - counted)
    }

    /// Selects these chars, alone, and shows them.
    pub fn select(&mut self, text: &Text, selection: Selection) {
        self.put(text, selection, super::motion::Spot::at(selection.head));
    }

    /// The same state on another text with the same characters: carets and window stand where they stood.
    #[must_use]
    pub fn moved_to(&self, from: &Text, to: &Text) -> Self {
        let selection = self.selection(from);
        let top = from.position(self.scroll.anchor).filter(|at| *at > 0);
        let anchor = top.map_or(Anchor::Start, |at| to.anchor(at, Bias::Right));
        let mut carets = Carets::default();
        carets.set(to, selection, super::motion::Spot::at(selection.head));
        let (scroll, origin) = (Scroll { anchor, ..self.scroll }, (Anchor::Start, Anchor::Start));
        Self { carets, origin, scroll, preedit: None, last: Last::Other, reveal: false, ..self.clone() }
    }

    /// What to tell others of this caret.
    pub fn presence(&self, text: &Text, person: &str, device: &str, colour: u8) -> Presence {
        let (tail, caret) = anchors(text, self.selection(text));
        Presence { person: person.to_owned(), device: device.to_owned(), colour, caret, tail }
    }

    fn put(&mut self, text: &Text, selection: Selection, spot: super::motion::Spot) {
        self.carets.set(text, selection, spot);
        self.reveal = true;
        self.last = Last::Other;
    }

    fn set_origin(&mut self, text: &Text, range: &Range<usize>) {
        self.origin = (text.anchor(range.start, Bias::Left), text.anchor(range.end, Bias::Left));
    }
}

#[cfg(test)]
mod tests;
