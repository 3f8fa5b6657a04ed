//! The document as the editor sees it.

use std::ops::Range;

use quire_crdt::{Document, DocumentId, EditError, Patch, ReplicaId, Splice, Text};

/// A text that can be edited, whoever else edits it too.
///
/// Positions are chars. The editor reads [`text`](Self::text), edits by [`replace`](Self::replace), and follows all changes,
/// own and others', by [`take_patches`](Self::take_patches).
pub trait Buffer {
    /// The text as it is now.
    fn text(&self) -> &Text;

    /// Replaces a range of chars by this text, as an own edit.
    ///
    /// # Errors
    /// When the range is not within the text; nothing was changed.
    fn replace(&mut self, range: Range<usize>, text: &str) -> Result<(), EditError>;

    /// Whether the text may only be read. Asked before each edit; whoever tried one is told why, if so.
    fn refuses(&mut self) -> bool {
        false
    }

    /// Undoes the newest own group of edits; whether there was one.
    fn undo(&mut self) -> bool;

    /// Redoes the group that was undone last; whether there was one.
    fn redo(&mut self) -> bool;

    /// The next edit begins a new undo group.
    fn end_undo_group(&mut self);

    /// Moves all that changed since the last call, own edits and others', in order, to the end of `patches`.
    fn take_patches(&mut self, patches: &mut Vec<Patch>);
}

/// A document that is nowhere but in memory, as a [`Buffer`]: for tests, measurements and pages that are not stored.
#[derive(Clone, Debug)]
pub struct LocalBuffer {
    document: Document,
    patches: Vec<Patch>,
}

impl LocalBuffer {
    /// A new document with this text, which cannot be undone.
    pub fn new(text: &str) -> Self {
        let mut document = Document::new(DocumentId::from_bytes([1; 16]), ReplicaId::from_bytes([1; 16]));
        if document.insert(0, text).is_err() {
            debug_assert!(false, "an insert at 0 is within any text");
        }
        document.end_undo_group();
        Self { document, patches: Vec::new() }
    }

    /// The document.
    pub const fn document(&self) -> &Document {
        &self.document
    }

    /// The document, for what others do to it; note what changed with [`note`](Self::note).
    pub const fn document_mut(&mut self) -> &mut Document {
        &mut self.document
    }

    /// Notes what others changed, in order.
    pub fn note(&mut self, patches: impl IntoIterator<Item = Patch>) {
        self.patches.extend(patches);
    }
}

impl Buffer for LocalBuffer {
    fn text(&self) -> &Text {
        self.document.text()
    }

    fn replace(&mut self, range: Range<usize>, text: &str) -> Result<(), EditError> {
        let splice = Splice { at: range.start, deleted: range.len(), inserted: text.chars().count() };
        if !range.is_empty() {
            self.document.delete(range.clone())?;
        }
        if !text.is_empty() {
            self.document.insert(range.start, text)?;
        }
        self.patches.push(Patch { splice, author: self.document.replica() });
        Ok(())
    }

    fn undo(&mut self) -> bool {
        let patches = self.document.undo();
        self.patches.extend_from_slice(&patches);
        !patches.is_empty()
    }

    fn redo(&mut self) -> bool {
        let patches = self.document.redo();
        self.patches.extend_from_slice(&patches);
        !patches.is_empty()
    }

    fn end_undo_group(&mut self) {
        self.document.end_undo_group();
    }

    fn take_patches(&mut self, patches: &mut Vec<Patch>) {
        patches.append(&mut self.patches);
    }
}
