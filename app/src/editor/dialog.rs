//! The window's dialogs, its find bar and its palette as plain data. A view clones one, lets the user change the clone and asks
//! for it to be taken over.

use std::path::PathBuf;

use quire_crdt::{DocumentId, VersionVector};

use super::command::{Action, table};
use super::link::{Link, RelayAddress};
use super::qr::QrCode;
use super::settings::Settings;

/// What is asked in front of the window.
#[derive(Clone, Debug, PartialEq)]
pub enum Dialog {
    /// A title for a document.
    Rename {
        /// Which.
        id: DocumentId,
        /// The title so far.
        title: String,
    },
    /// Whether to remove a document from this device.
    Remove {
        /// Which.
        id: DocumentId,
        /// Its title.
        title: String,
        /// What will remain where.
        words: String,
    },
    /// A link to open.
    OpenLink {
        /// What was typed or pasted.
        link: String,
        /// What is wrong with it, once it was tried.
        error: Option<String>,
    },
    /// Whether to move a document that is here to the relay that a link names.
    Move {
        /// Where the link leads.
        link: Link,
        /// The document's title.
        title: String,
        /// The relay that it is shared at.
        there: RelayAddress,
    },
    /// A name for a version.
    NameVersion(VersionDraft),
    /// Whether to put this library and another one together, on the devices of both.
    JoinLibrary {
        /// The other one's link.
        link: Link,
    },
    /// Sharing the open document, or the whole library.
    Share(ShareDialog),
    /// A line to go to.
    GoToLine {
        /// What was typed.
        line: String,
        /// How many lines there are.
        lines: usize,
    },
    /// A path, where no file dialog of the system answers.
    Path(PathDialog),
    /// Whether to import files that are not UTF-8 all the same.
    ImportLossy {
        /// The files.
        paths: Vec<PathBuf>,
        /// What is wrong with the first.
        words: String,
    },
    /// The settings.
    Settings(SettingsDraft),
    /// What Quire is.
    About {
        /// The version.
        version: String,
        /// The library's folder.
        library: String,
    },
}

/// A version, and what it is to be called.
#[derive(Clone, Debug, PartialEq)]
pub struct VersionDraft {
    /// Of which document.
    pub id: DocumentId,
    /// The key of the map that holds its name so far, if it has one.
    pub key: Option<String>,
    /// The version.
    pub version: VersionVector,
    /// The name so far.
    pub name: String,
    /// Why it could not be given.
    pub error: Option<String>,
}

/// The share dialog.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ShareDialog {
    /// What is shared.
    pub what: Shared,
    /// How far it is.
    pub stage: ShareStage,
}

/// What a link is made for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Shared {
    /// A document with this title.
    Document(String),
    /// The whole library, which these devices have.
    Library(Vec<String>),
}

impl Default for Shared {
    fn default() -> Self {
        Self::Document(String::new())
    }
}

/// How far sharing is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ShareStage {
    /// A relay is to be chosen.
    Choose {
        /// The address typed so far.
        relay: String,
        /// What is wrong with it, or why hosting failed.
        error: Option<String>,
    },
    /// There is a link.
    Ready {
        /// The link; the same as `viewers` for who cannot write.
        link: String,
        /// The link for those who may read and not write.
        viewers: String,
        /// Whether the first is an editor's.
        can_write: bool,
        /// The relay's address.
        relay: String,
        /// Whether the relay runs inside this window.
        hosted: bool,
        /// Which of the links was copied.
        copied: Option<String>,
        /// The QR code that is shown in the place of the links.
        code: Option<ShownCode>,
    },
}

/// A link as a QR code.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ShownCode {
    /// The code.
    pub code: QrCode,
    /// Whether it is the link for those who may write.
    pub can_write: bool,
}

impl Default for ShareStage {
    fn default() -> Self {
        Self::Choose { relay: String::new(), error: None }
    }
}

/// What a relay inside this window can and cannot do.
pub const HOST_LIMITS: &str = "Others on this network can reach it while this window is open, and only then. \
     Anyone on this network who has the link can read and write.";

/// A path to type.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PathDialog {
    /// What for.
    pub purpose: PathPurpose,
    /// What was typed.
    pub path: String,
    /// What is wrong with it.
    pub error: Option<String>,
}

/// What a path is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PathPurpose {
    /// Reading a file into a new document.
    Import,
    /// Reading the link in a picture of a QR code.
    Picture,
    /// Writing the text of a document.
    Export(DocumentId),
}

/// The settings as the dialog shows them.
#[derive(Clone, Debug, PartialEq)]
pub struct SettingsDraft {
    /// What is chosen; the relay is in `relay` while it is typed.
    pub settings: Settings,
    /// The relay's address as typed.
    pub relay: String,
    /// What is wrong with it, or with writing the file.
    pub error: Option<String>,
    /// Where all this is stored.
    pub file: String,
    /// Whether the keys are shown instead.
    pub keys_shown: bool,
}

/// The find bar as the user filled it in.
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the bar, independent of the others")]
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct FindDraft {
    /// What to find.
    pub query: String,
    /// What to put in its place.
    pub replacement: String,
    /// Whether the replacement is shown.
    pub replacing: bool,
    /// Whether upper and lower case differ.
    pub case: bool,
    /// Whether only whole words count.
    pub word: bool,
    /// Whether the query is a regular expression.
    pub regex: bool,
    /// Whether only what was selected is searched.
    pub within: bool,
}

/// The find bar.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct FindView {
    /// What was filled in.
    pub draft: FindDraft,
    /// How many matches there are.
    pub count: usize,
    /// Whether there may be more than were found so far.
    pub at_least: bool,
    /// The number of the selected one, from 1.
    pub current: Option<usize>,
    /// What is wrong with the query.
    pub error: Option<String>,
    /// Counts up when the query field is to have the focus.
    pub focus: u64,
}

impl FindView {
    /// `3 of 17`, `17 found`, `Nothing found`, what is wrong, or nothing while there is no query.
    pub fn count_words(&self) -> String {
        let more = if self.at_least { "+" } else { "" };
        match (&self.error, self.count, self.current) {
            (Some(error), ..) => error.clone(),
            _ if self.draft.query.is_empty() => String::new(),
            (None, 0, _) if self.at_least => "Looking…".to_owned(),
            (None, 0, _) => "Nothing found".to_owned(),
            (None, count, Some(current)) => format!("{current} of {count}{more}"),
            (None, count, None) => format!("{count}{more} found"),
        }
    }
}

/// The palette as the user filled it in.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct PaletteDraft {
    /// The words.
    pub query: String,
    /// Which of the items is chosen, from 0.
    pub chosen: usize,
}

/// A line of the palette.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PaletteItem {
    /// What it does.
    pub action: Action,
    /// Its name.
    pub title: &'static str,
    /// Where it stands in menus.
    pub group: &'static str,
    /// Its keys, if any.
    pub keys: String,
}

/// The commands that match `query`, the best first, all when it is empty.
pub fn palette_items(query: &str, mac: bool) -> Vec<PaletteItem> {
    let query = query.trim().to_lowercase();
    let mut ranked: Vec<(u32, usize, PaletteItem)> = Vec::new();
    for (at, entry) in table().iter().enumerate() {
        let group = entry.group.title();
        let Some(rank) = rank(&query, &entry.title.to_lowercase(), &group.to_lowercase()) else { continue };
        let keys = entry.keys_label(mac).unwrap_or_default();
        ranked.push((rank, at, PaletteItem { action: entry.action, title: entry.title, group, keys }));
    }
    ranked.sort_by_key(|&(rank, at, _)| (rank, at));
    ranked.into_iter().map(|(_, _, item)| item).collect()
}

/// How well `query` fits; smaller is better.
fn rank(query: &str, title: &str, group: &str) -> Option<u32> {
    if query.is_empty() || title.starts_with(query) {
        Some(0)
    } else if title.split_whitespace().any(|word| word.starts_with(query)) {
        Some(1)
    } else if title.contains(query) {
        Some(2)
    } else if group.starts_with(query) {
        Some(3)
    } else if is_subsequence(query, title) {
        Some(4)
    } else {
        None
    }
}

/// Whether the letters of `query` come in this order in `title`.
fn is_subsequence(query: &str, title: &str) -> bool {
    let mut letters = title.chars();
    query.chars().filter(|c| !c.is_whitespace()).all(|wanted| letters.any(|letter| letter == wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_palette_has_every_command_and_puts_the_best_first() {
        assert_eq!(palette_items("", false).len(), table().len());
        let first = |query: &str| palette_items(query, false).first().map(|item| item.action);
        assert_eq!(first("und"), Some(Action::Undo));
        assert_eq!(first("link"), Some(Action::OpenLink));
        assert_eq!(first("qqq"), None);
        let share = palette_items("share", false);
        assert_eq!((share[0].title, share[0].keys.as_str()), ("Share…", "Ctrl+Shift+E"));
    }

    #[test]
    fn the_find_bar_counts_in_words() {
        let view = |query: &str, count, current| FindView {
            draft: FindDraft { query: query.to_owned(), ..FindDraft::default() },
            count,
            current,
            ..FindView::default()
        };
        assert_eq!(view("", 0, None).count_words(), "");
        assert_eq!(view("a", 0, None).count_words(), "Nothing found");
        assert_eq!(view("a", 17, Some(3)).count_words(), "3 of 17");
        let bad = FindView { error: Some("unclosed group".to_owned()), ..view("(", 0, None) };
        assert_eq!(bad.count_words(), "unclosed group");
    }
}
