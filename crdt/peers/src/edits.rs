//! Edits made ready for the clock: one after the other in memory, positions in the unit that a library counts in.

use anyhow::Result;
use ropey::Rope;

use crate::trace::{Patch, Trace};

/// What a library's positions count.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unit {
    /// Unicode scalar values.
    Chars,
    /// Bytes of UTF-8.
    Bytes,
    /// Units of UTF-16.
    Utf16,
}

/// One edit.
#[derive(Clone, Copy, Debug)]
pub struct Edit<'a> {
    /// The position.
    pub at: usize,
    /// How much went.
    pub deleted: usize,
    /// What came.
    pub inserted: &'a str,
}

/// Many edits, one after the other.
#[derive(Clone, Debug, Default)]
pub struct Edits {
    places: Vec<Place>,
    text: String,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    at: usize,
    deleted: usize,
    /// Where its text ends in `text`; it starts where the one before ends.
    end: usize,
}

impl Edits {
    /// The edits of a recording of one writer.
    ///
    /// # Errors
    /// When an edit is outside the text.
    pub fn of(trace: &Trace, unit: Unit) -> Result<Self> {
        let patches = trace.transactions.iter().flat_map(|transaction| &transaction.patches);
        let mut edits = Self::default();
        if trace.is_ascii || unit == Unit::Chars {
            for patch in patches {
                edits.push(patch.at, patch.deleted, &patch.inserted);
            }
            return Ok(edits);
        }
        edits.push_in(&mut Rope::new(), patches, unit)?;
        Ok(edits)
    }

    /// The edits of one transaction, which are made one after the other in this text.
    ///
    /// # Errors
    /// When an edit is outside the text.
    pub fn in_text(text: &str, patches: &[Patch], unit: Unit) -> Result<Self> {
        let mut edits = Self::default();
        edits.push_in(&mut Rope::from_str(text), patches.iter(), unit)?;
        Ok(edits)
    }

    /// Adds an edit.
    pub fn push(&mut self, at: usize, deleted: usize, inserted: &str) {
        self.text.push_str(inserted);
        self.places.push(Place { at, deleted, end: self.text.len() });
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = Edit<'_>> {
        let mut start = 0;
        self.places.iter().map(move |place| {
            let inserted = &self.text[start..place.end];
            start = place.end;
            Edit { at: place.at, deleted: place.deleted, inserted }
        })
    }

    fn push_in<'a>(&mut self, text: &mut Rope, patches: impl Iterator<Item = &'a Patch>, unit: Unit) -> Result<()> {
        for patch in patches {
            let (start, end) = (patch.at, patch.at + patch.deleted);
            let at = unit.place(text, start)?;
            self.push(at, unit.place(text, end)? - at, &patch.inserted);
            text.try_remove(start..end)?;
            text.try_insert(start, &patch.inserted)?;
        }
        Ok(())
    }
}

impl Unit {
    /// How long a text is.
    pub fn len(self, text: &str) -> usize {
        match self {
            Self::Chars => text.chars().count(),
            Self::Bytes => text.len(),
            Self::Utf16 => text.encode_utf16().count(),
        }
    }

    /// Where a char starts.
    fn place(self, text: &Rope, char: usize) -> Result<usize> {
        Ok(match self {
            Self::Chars => char,
            Self::Bytes => text.try_char_to_byte(char)?,
            Self::Utf16 => text.try_char_to_utf16_cu(char)?,
        })
    }
}
