//! Everything a user can do, as plain data.
//!
//! One [`table`] has every [`Action`] with its title, keys and group: key handling, menus and palette are read from it. What
//! comes with data of its own (typed text, a click) is a [`Command`].

mod keys;
mod table;

use std::ops::Range;

pub use keys::{Key, Keys};
pub use table::{action_of, entry, table};

/// What the user wants, in the order it was wanted. Views return these and change nothing.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Something of the [`table`].
    Do(Action),
    /// Type this text at every caret, in place of what is selected.
    Insert(String),
    /// Insert this text as it is, at every caret or, line by line, one line at each.
    Paste(String),
    /// Put a caret at this char position, alone. The text area's click.
    Place {
        /// Where, in chars.
        at: usize,
        /// What is selected around it.
        unit: Unit,
        /// Between two rows of one line: at the end of the upper one.
        upstream: bool,
    },
    /// Move the last caret's head here and keep where its selection began. Shift-click and drag.
    Extend {
        /// Where, in chars.
        at: usize,
        /// Whole words or lines are kept together.
        unit: Unit,
        /// Between two rows of one line: at the end of the upper one.
        upstream: bool,
    },
    /// Add a caret here, or remove the one that is here. Alt-click.
    AddCaret {
        /// Where, in chars.
        at: usize,
    },
    /// Select these chars, alone, and show them.
    Select(Range<usize>),
    /// Replace these chars by this text. What find and replace, and screen readers, ask for.
    Replace {
        /// Which chars.
        range: Range<usize>,
        /// By what.
        text: String,
    },
    /// The input method shows this text at the caret; it is not part of the document.
    Preedit {
        /// The text; empty: composition ended.
        text: String,
        /// The part that is being chosen, in chars of `text`.
        active: Option<Range<usize>>,
    },
    /// The input method asks to delete this many chars around the caret.
    DeleteAround {
        /// In front of the caret, in chars.
        before: usize,
        /// Behind it, in chars.
        after: usize,
    },
    /// Scroll by this many points; positive: towards the end.
    Scroll {
        /// In points.
        by: f64,
    },
    /// Go to this line, from 0.
    GoToLine {
        /// Which, from 0.
        line: usize,
    },
}

/// What a click takes at once.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Unit {
    /// A single click.
    #[default]
    Grapheme,
    /// A double click.
    Word,
    /// A triple click.
    Line,
}

/// A way to move.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Motion {
    /// A grapheme back.
    Left,
    /// A grapheme on.
    Right,
    /// A visual line up.
    Up,
    /// A visual line down.
    Down,
    /// To the start of this word, or of the one before.
    WordLeft,
    /// To the end of this word, or of the next one.
    WordRight,
    /// To the first letter of the visual line, then to its very start.
    LineStart,
    /// To the end of the visual line.
    LineEnd,
    /// To the start of this paragraph, or of the one before.
    ParagraphUp,
    /// To the end of this paragraph, or of the next one.
    ParagraphDown,
    /// A page up.
    PageUp,
    /// A page down.
    PageDown,
    /// To the start of the document.
    DocumentStart,
    /// To the end of the document.
    DocumentEnd,
}

/// A way through the history of a document.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Travel {
    /// Before the first change.
    Start,
    /// To where the author of the change that is shown took over.
    TurnBack,
    /// A change back.
    Back,
    /// A change on.
    Forward,
    /// To where the author of the next change stops.
    TurnForward,
    /// To the text as it is now.
    Now,
}

/// Where an action stands in menus and palette.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Group {
    /// Documents and files.
    Document,
    /// Changing the text.
    Edit,
    /// Finding and going somewhere.
    Find,
    /// Moving the caret.
    Move,
    /// How it looks.
    View,
    /// What was.
    History,
    /// Relay and other people.
    Share,
    /// The program itself.
    Program,
}

impl Group {
    /// All groups, in the order of menus.
    pub const ALL: [Self; 8] =
        [Self::Document, Self::Edit, Self::Find, Self::Move, Self::View, Self::History, Self::Share, Self::Program];

    /// Its heading.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Document => "Document",
            Self::Edit => "Edit",
            Self::Find => "Find",
            Self::Move => "Move",
            Self::View => "View",
            Self::History => "History",
            Self::Share => "Share",
            Self::Program => "Quire",
        }
    }
}

/// A line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// What it does.
    pub action: Action,
    /// Its name in settings and scripts; never changes.
    pub id: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// Where it stands.
    pub group: Group,
    /// Its keys on Linux and Windows, the one to show first.
    pub keys: &'static [Keys],
    /// Its keys on a Mac where they differ; empty: the same, with Cmd for Ctrl.
    pub mac_keys: &'static [Keys],
}

impl Command {
    /// Whether it changes no text, so that it can be done in one that is only read.
    pub const fn only_reads(&self) -> bool {
        match self {
            Self::Place { .. }
            | Self::Extend { .. }
            | Self::AddCaret { .. }
            | Self::Select(_)
            | Self::Scroll { .. }
            | Self::GoToLine { .. } => true,
            Self::Do(action) => action.only_reads(),
            Self::Insert(_)
            | Self::Paste(_)
            | Self::Replace { .. }
            | Self::Preedit { .. }
            | Self::DeleteAround { .. } => false,
        }
    }
}

impl Action {
    /// Whether it changes no text, so that it can be done in one that is only read.
    const fn only_reads(self) -> bool {
        !matches!(
            self,
            Self::Undo
                | Self::Redo
                | Self::Cut
                | Self::Paste
                | Self::NewLine
                | Self::PlainNewLine
                | Self::NewLineBelow
                | Self::Backspace
                | Self::Delete
                | Self::DeleteWordLeft
                | Self::DeleteWordRight
                | Self::DeleteToLineStart
                | Self::DeleteToLineEnd
                | Self::DeleteLine
                | Self::MoveLineUp
                | Self::MoveLineDown
                | Self::DuplicateLine
                | Self::Indent
                | Self::Outdent
                | Self::Replace
        )
    }
}

impl Entry {
    /// Its keys on this kind of machine, the one to show first.
    pub const fn keys(&self, mac: bool) -> &'static [Keys] {
        if mac && !self.mac_keys.is_empty() { self.mac_keys } else { self.keys }
    }

    /// Its first keys as people write them, if it has any.
    pub fn keys_label(&self, mac: bool) -> Option<String> {
        self.keys(mac).first().map(|keys| keys.label(mac))
    }
}

/// Something that can be done without more data than the editor's state.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Action {
    /// A new, empty document.
    NewDocument,
    /// Ask for a link and open it.
    OpenLink,
    /// Choose files and make documents of them.
    Import,
    /// Save the text to a file.
    Export,
    /// Edit the title.
    Rename,
    /// Put the document into the archive, or take it out.
    Archive,
    /// Remove the document from this device.
    Remove,
    /// Undo the newest own edit.
    Undo,
    /// Redo what was undone.
    Redo,
    /// Copy what is selected (or the line) and delete it.
    Cut,
    /// Copy what is selected (or the line).
    Copy,
    /// Insert the clipboard.
    Paste,
    /// Select everything.
    SelectAll,
    /// Select the line, then the next one too.
    SelectLine,
    /// Select the word, then add a caret at its next occurrence.
    AddNextOccurrence,
    /// A caret at every occurrence of what is selected.
    SelectAllOccurrences,
    /// Add a caret on the visual line above.
    AddCaretAbove,
    /// Add a caret on the visual line below.
    AddCaretBelow,
    /// One caret, nothing selected.
    ClearSelection,
    /// A new line, with the indent and the list marker of this one.
    NewLine,
    /// A new line without indent or list marker.
    PlainNewLine,
    /// A new line below this one, wherever in it the caret is.
    NewLineBelow,
    /// Delete the selection or the grapheme in front of the caret.
    Backspace,
    /// Delete the selection or the grapheme behind the caret.
    Delete,
    /// Delete to the start of the word.
    DeleteWordLeft,
    /// Delete to the end of the word.
    DeleteWordRight,
    /// Delete to the start of the line.
    DeleteToLineStart,
    /// Delete to the end of the line.
    DeleteToLineEnd,
    /// Delete the lines that the selection touches.
    DeleteLine,
    /// Move the lines that the selection touches up by one.
    MoveLineUp,
    /// Move the lines that the selection touches down by one.
    MoveLineDown,
    /// Duplicate the lines that the selection touches.
    DuplicateLine,
    /// Indent the lines that the selection touches; without a selection: to the next tab stop.
    Indent,
    /// Outdent the lines that the selection touches.
    Outdent,
    /// Open the find bar.
    Find,
    /// Select the next match.
    FindNext,
    /// Select the match before.
    FindPrevious,
    /// Open the find bar with replacement.
    Replace,
    /// Ask for a line and go there.
    GoToLine,
    /// Move the carets and select nothing.
    Move(Motion),
    /// Move the carets and keep where their selections began.
    Select(Motion),
    /// Show or hide the library.
    ToggleLibrary,
    /// Show or hide the people and devices.
    TogglePeople,
    /// Larger text.
    ZoomIn,
    /// Smaller text.
    ZoomOut,
    /// Text in its own size.
    ZoomReset,
    /// Soft wrap on or off.
    ToggleWrap,
    /// Line numbers on or off.
    ToggleLineNumbers,
    /// Monospace or proportional.
    ToggleMonospace,
    /// The next of: as the system has it, light, dark.
    CycleTheme,
    /// Full screen on or off.
    ToggleFullScreen,
    /// Show or hide the history.
    ToggleHistory,
    /// Show the text as it was at another moment.
    Travel(Travel),
    /// Show the text as it became what it is, or stop that.
    PlayHistory,
    /// Show what is gone since, and what is new, or the text alone.
    ToggleComparison,
    /// Compare the moment that is shown with those that will be.
    CompareFromHere,
    /// Ask for a name for the version that is shown.
    NameVersion,
    /// Make the text what it was at the moment that is shown.
    RestoreVersion,
    /// Make what is selected what it was at the moment that is shown.
    RestoreSelection,
    /// Make or copy a link.
    Share,
    /// Make or copy the link of the whole library.
    AddDevice,
    /// Link to the relay.
    GoOnline,
    /// Unlink from the relay.
    GoOffline,
    /// Every action with its keys.
    Palette,
    /// The settings.
    Settings,
    /// What Quire is.
    About,
    /// Close the window.
    Quit,
}
