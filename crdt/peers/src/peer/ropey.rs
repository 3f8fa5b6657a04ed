//! ropey, a B-tree of strings: positions are chars.

use anyhow::Result;
use ropey::Rope;

use super::{Edit, Peer, Unit};

/// A plain rope.
pub struct Ropey(Rope);

impl Peer for Ropey {
    const NAME: &'static str = "ropey";
    const UNIT: Unit = Unit::Chars;

    fn new(_: usize) -> Result<Self> {
        Ok(Self(Rope::new()))
    }

    fn edit(&mut self, edit: Edit<'_>) -> Result<()> {
        if edit.deleted > 0 {
            self.0.try_remove(edit.at..edit.at + edit.deleted)?;
        }
        if !edit.inserted.is_empty() {
            self.0.try_insert(edit.at, edit.inserted)?;
        }
        Ok(())
    }

    fn text(&self) -> Result<String> {
        Ok(self.0.to_string())
    }
}
