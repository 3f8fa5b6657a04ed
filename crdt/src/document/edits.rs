//! Many own edits one after the other, of which the last run is not in the document yet.

use alloc::string::String;
use core::ops::Range;

use super::{Document, EditError};
use crate::text::Text;

/// The most bytes of room that are kept for the letters of a run.
const LETTERS_BYTES_KEPT: usize = 4096;

/// Own edits that are made in a row, as by somebody who types: what goes on with the edit before it is gathered, and costs a copy of
/// its letters. The document has everything when this value is dropped or [`text`](Self::text) is asked for.
#[derive(Debug)]
pub struct Edits<'a> {
    document: &'a mut Document,
    run: Run,
    /// The letters of the run, if it inserts.
    letters: String,
    /// How many chars are visible, with the run.
    len: usize,
}

/// What the document lacks.
#[derive(Clone, Copy, Debug)]
enum Run {
    None,
    /// The letters stand here; this many chars.
    Insert {
        at: usize,
        chars: usize,
    },
    /// This many chars from here on are gone.
    Delete {
        at: usize,
        chars: usize,
        backwards: bool,
    },
}

impl<'a> Edits<'a> {
    pub(super) fn new(document: &'a mut Document) -> Self {
        let (len, letters) = (document.text.len_chars(), core::mem::take(&mut document.letters));
        Self { document, run: Run::None, letters, len }
    }

    /// Inserts text before the char at `at`. O(n) in the text where the edit before ended, else as [`Document::insert`].
    ///
    /// # Errors
    /// As [`Document::insert`]; what was edited before stands.
    pub fn insert(&mut self, at: usize, text: &str) -> Result<(), EditError> {
        if at > self.len {
            return Err(EditError::Range { start: at, end: at, len: self.len });
        }
        if text.is_empty() {
            return Ok(());
        }
        self.document.check_room(self.pending().max(self.letters.len()) + text.len())?;
        let more = if text.len() == 1 { 1 } else { text.chars().count() };
        match &mut self.run {
            Run::Insert { at: start, chars } if *start + *chars == at => *chars += more,
            _ => {
                self.flush();
                self.run = Run::Insert { at, chars: more };
            }
        }
        self.letters.push_str(text);
        self.len += more;
        Ok(())
    }

    /// Deletes a range of chars. O(1) where it goes on with the edit before, in either direction, else as [`Document::delete`].
    ///
    /// # Errors
    /// As [`Document::delete`]; what was edited before stands.
    pub fn delete(&mut self, range: Range<usize>) -> Result<(), EditError> {
        if range.start > range.end || range.end > self.len {
            return Err(EditError::Range { start: range.start, end: range.end, len: self.len });
        }
        if range.is_empty() {
            return Ok(());
        }
        let more = range.len();
        self.document.check_room(self.pending() + more)?;
        match &mut self.run {
            Run::Delete { at, chars, backwards } if range.start == *at && (!*backwards || *chars == 1) => {
                (*chars, *backwards) = (*chars + more, false);
            }
            Run::Delete { at, chars, backwards } if range.end == *at && more == 1 && (*backwards || *chars == 1) => {
                (*at, *chars, *backwards) = (range.start, *chars + 1, true);
            }
            _ => {
                self.flush();
                self.run = Run::Delete { at: range.start, chars: more, backwards: false };
            }
        }
        self.len -= more;
        Ok(())
    }

    /// The text, with everything edited so far.
    pub fn text(&mut self) -> &Text {
        self.flush();
        self.document.text()
    }

    /// How many units the document lacks.
    const fn pending(&self) -> usize {
        match self.run {
            Run::None => 0,
            Run::Insert { chars, .. } | Run::Delete { chars, .. } => chars,
        }
    }

    fn flush(&mut self) {
        match core::mem::replace(&mut self.run, Run::None) {
            Run::None => {}
            Run::Insert { at, chars } => {
                self.document.insert_inside(at, &self.letters, chars);
                self.letters.clear();
            }
            Run::Delete { at, chars, backwards } => self.document.delete_inside(at..at + chars, backwards),
        }
    }
}

impl Drop for Edits<'_> {
    fn drop(&mut self) {
        self.flush();
        // Room for the next ones, unless this was a paste.
        if self.letters.capacity() <= LETTERS_BYTES_KEPT {
            self.document.letters = core::mem::take(&mut self.letters);
        }
    }
}
