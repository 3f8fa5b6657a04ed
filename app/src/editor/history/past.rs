//! A text that was, as a page that can be read: stepping changes only what differs, so that the window on it stays.

use quire_crdt::Text;

use super::compare::Mark;
use crate::editor::buffer::{Buffer, LocalBuffer};
use crate::editor::selection::Selection;
use crate::editor::state::EditorState;

/// After so many replaced bytes the page is made anew: it would remember all that it ever showed.
const REPLACED_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What each step adds to the replaced bytes, however little it changes.
const STEP_BYTES: usize = 64;

/// A page of a text that was.
#[derive(Clone, Debug)]
pub struct Past {
    buffer: LocalBuffer,
    state: EditorState,
    text: String,
    marks: Vec<Mark>,
    replaced_bytes: usize,
}

impl Past {
    /// A page that shows this text with carets and window as they stand in it. O(n).
    pub fn new(text: &Text, state: &EditorState) -> Self {
        let content = text.slice(0..text.len_chars());
        let buffer = LocalBuffer::new(&content);
        let state = state.moved_to(text, buffer.text());
        Self { buffer, state, text: content, marks: Vec::new(), replaced_bytes: 0 }
    }

    /// Shows another text with these marks; `reveals`: the caret goes to where it differs, and is brought into view. O(n), by
    /// comparing bytes.
    pub fn show(&mut self, text: String, marks: Vec<Mark>, reveals: bool) {
        self.marks = marks;
        let (start, end) = differing(&self.text, &text);
        if self.text.len() == text.len() && start == self.text.len() {
            return;
        }
        let old = start..self.text.len() - end;
        let new = &text[start..text.len() - end];
        if self.replaced_bytes > REPLACED_BYTES_MAX {
            *self = Self { marks: std::mem::take(&mut self.marks), ..Self::new(self.buffer.text(), &self.state) };
        }
        self.replaced_bytes += old.len() + new.len() + STEP_BYTES;
        let at = text[..start].chars().count();
        let chars = at..at + self.text[old].chars().count();
        let replaced = self.buffer.replace(chars, new);
        debug_assert!(replaced.is_ok(), "what is replaced was compared: {replaced:?}");
        self.state.sync(&mut self.buffer);
        if reveals {
            self.state.select(self.buffer.text(), Selection::caret(at + new.chars().count()));
        }
        self.text = text;
    }

    /// The text.
    pub fn text(&self) -> &Text {
        self.buffer.text()
    }

    /// Carets, window and search.
    pub const fn state(&self) -> &EditorState {
        &self.state
    }

    /// Text and state, for the view.
    pub const fn page(&mut self) -> (&mut LocalBuffer, &mut EditorState, &Vec<Mark>) {
        (&mut self.buffer, &mut self.state, &self.marks)
    }
}

/// How many bytes two texts start with alike, and then, how many they end with; whole characters.
fn differing(one: &str, other: &str) -> (usize, usize) {
    let same = |(one, other): &(&u8, &u8)| one == other;
    let mut start = one.bytes().zip(other.bytes()).take_while(|(one, other)| one == other).count();
    while !one.is_char_boundary(start) {
        start -= 1;
    }
    let (one_rest, other_rest) = (&one.as_bytes()[start..], &other.as_bytes()[start..]);
    let mut end = one_rest.iter().rev().zip(other_rest.iter().rev()).take_while(same).count();
    while !one.is_char_boundary(one.len() - end) {
        end -= 1;
    }
    (start, end)
}
