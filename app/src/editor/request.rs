//! What the window's views ask for: the table's actions, the text area's commands, and what carries data of the window.

use quire_crdt::DocumentId;

use super::command::{Action, Command};
use super::dialog::{Dialog, FindDraft, PaletteDraft, ShownCode};
use super::history::HistoryRequest;
use super::library_view::Sort;

/// What a view asks for. The window carries it out between two frames.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// Something of the command table.
    Do(Action),
    /// Something of the text area.
    Text(Command),
    /// Search the library for these words.
    Search(String),
    /// Sort the library so.
    SortBy(Sort),
    /// Show the archive, or the documents in use.
    ShowArchive(bool),
    /// Show this document.
    Open(DocumentId),
    /// Do something with a document of the library, open or not.
    Document(DocumentId, Verb),
    /// The title is being edited and says this now; `None`: give the editing up.
    EditTitle(Option<String>),
    /// Give the open document this title.
    SetTitle(String),
    /// The find bar says this now; `None`: close it.
    Find(Option<FindDraft>),
    /// Replace the current match and go to the next.
    ReplaceOne,
    /// Replace every match.
    ReplaceAll,
    /// Something of the history panel.
    History(HistoryRequest),
    /// The palette says this now; `None`: close it.
    Palette(Option<PaletteDraft>),
    /// The dialog says this now.
    Dialog(Dialog),
    /// Do what the dialog is for.
    Confirm,
    /// Close the dialog.
    CloseDialog,
    /// Put this on the clipboard.
    Copy(String),
    /// Show this code in the place of the links in the share dialog; `None`: the links again.
    ShowCode(Option<ShownCode>),
    /// Choose a picture with the QR code of a link.
    ChoosePicture,
    /// Share by a relay that runs on this computer.
    HostHere,
    /// Try again to write what the disk refused.
    RetryWrite,
    /// Take this notice or banner away.
    Dismiss(u64),
    /// Show the place that a notice speaks of, and take the notice away.
    ShowMe(u64),
}

/// What can be done with a document in the library.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verb {
    /// Ask for another title.
    Rename,
    /// Put it away.
    Archive,
    /// Take it out of the archive.
    Restore,
    /// Write its text to a file.
    Export,
    /// Ask whether to remove it from this device.
    Remove,
}

/// A short message that goes by itself, or with a click.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Notice {
    /// Its number; never used twice in a run.
    pub id: u64,
    /// What happened.
    pub text: String,
    /// Whether there is a place in the text to show.
    pub show_me: bool,
}

/// Something wrong that stays until it is right or sent away.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Banner {
    /// Its number; never used twice in a run.
    pub id: u64,
    /// What is wrong and what to do, as sentences.
    pub text: String,
    /// What its button offers.
    pub offer: BannerOffer,
}

/// The button of a banner.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum BannerOffer {
    /// Write again what the disk refused.
    Retry,
    /// Send the banner away.
    Dismiss,
}
