//! jumprope, a skip list of gap buffers, with its write buffer in front: positions are chars.

use anyhow::Result;
use jumprope::JumpRopeBuf;

use super::{Edit, Peer, Unit};

/// A plain rope.
pub struct JumpRope(JumpRopeBuf);

impl Peer for JumpRope {
    const NAME: &'static str = "jumprope";
    const UNIT: Unit = Unit::Chars;

    fn new(_: usize) -> Result<Self> {
        Ok(Self(JumpRopeBuf::new()))
    }

    fn edit(&mut self, edit: Edit<'_>) -> Result<()> {
        if edit.deleted > 0 {
            self.0.remove(edit.at..edit.at + edit.deleted);
        }
        if !edit.inserted.is_empty() {
            self.0.insert(edit.at, edit.inserted);
        }
        Ok(())
    }

    /// Writes out what is in the buffer.
    fn settle(&mut self) -> Result<()> {
        self.0.borrow();
        Ok(())
    }

    fn text(&self) -> Result<String> {
        Ok(self.0.borrow().to_string())
    }
}
