//! crop, a B-tree of gap buffers: positions are bytes.

use anyhow::Result;
use crop::Rope;

use super::{Edit, Peer, Unit};

/// A plain rope.
pub struct Crop(Rope);

impl Peer for Crop {
    const NAME: &'static str = "crop";
    const UNIT: Unit = Unit::Bytes;

    fn new(_: usize) -> Result<Self> {
        Ok(Self(Rope::new()))
    }

    fn edit(&mut self, edit: Edit<'_>) -> Result<()> {
        if edit.deleted == 0 {
            self.0.insert(edit.at, edit.inserted);
        } else if edit.inserted.is_empty() {
            self.0.delete(edit.at..edit.at + edit.deleted);
        } else {
            self.0.replace(edit.at..edit.at + edit.deleted, edit.inserted);
        }
        Ok(())
    }

    fn text(&self) -> Result<String> {
        Ok(self.0.to_string())
    }
}
