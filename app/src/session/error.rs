//! Why the session cannot do something.

use std::io;

use quire_crdt::keys::KeyError;
use quire_crdt::{DocumentId, EditError};
use thiserror::Error;

use crate::editor::link::{AddressError, LinkError, RelayAddress};
use crate::shell::files::FileError;
use crate::shell::loader::LoadError;
use crate::shell::preferences::PreferencesError;
use crate::shell::store::StoreError;

/// Why the session cannot do something. Nothing was changed, unless the error says otherwise.
#[derive(Debug, Error)]
pub enum SessionError {
    /// The library cannot be opened, read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There can be no links.
    #[error("the network cannot be used: {0}")]
    Net(io::Error),
    /// There can be no thread to read documents.
    #[error("there can be no thread to read documents: {0}")]
    Thread(io::Error),
    /// The system gives no random numbers, without which there is no id.
    #[error("the system gives no random numbers: {0}")]
    Random(getrandom::Error),
    /// No document has this id.
    #[error("no document of this library has the id {text:?}; `quire list` shows those that there are")]
    NoDocument {
        /// What was looked for.
        text: String,
    },
    /// More than one document has an id that starts so.
    #[error("{matches} documents have ids that start with {text:?}: write more of it")]
    Ambiguous {
        /// What was looked for.
        text: String,
        /// How many there are.
        matches: usize,
    },
    /// The document has no relay, and none was named.
    #[error("no relay is known: name one with --relay HOST:PORT, or set `relay` in {}", path.display())]
    NoRelay {
        /// The settings' file.
        path: std::path::PathBuf,
    },
    /// The document is shared at another relay.
    #[error(
        "document {document} is here and shared at {there}, not at {asked}: `quire share {document} --relay '{asked}' --move` \
         moves it there"
    )]
    OtherRelay {
        /// Which document.
        document: DocumentId,
        /// Where it is shared.
        there: Box<RelayAddress>,
        /// Where it was asked for.
        asked: Box<RelayAddress>,
    },
    /// The library is on the devices of another list.
    #[error(
        "this library is on several devices already, and the link is that of another library: `quire add-device --stop` ends the one, \
         and documents stay"
    )]
    OtherLibrary,
    /// A library's link gives everything away, and was not opened as one.
    #[error(
        "this is the link of a whole library: if it is your own, `quire join --whole-library` puts every document of this library on \
         your other devices and theirs here; whoever else gave it to you would get all that you have"
    )]
    WholeLibrary,
    /// It was opened as a library's link, and is that of a document.
    #[error("this is the link of one document: leave --whole-library out")]
    OneDocument,
    /// The document has no keys.
    #[error(
        "document {document} was made before documents had keys, and cannot be shared: make a new one of its text, with \
         `quire cat {document} | quire import - --title TITLE`, and share that"
    )]
    NoKeys {
        /// Which document.
        document: DocumentId,
    },
    /// Only a viewer's link is here.
    #[error("document {document} is here by a viewer’s link: it can be read and not written")]
    ReadOnly {
        /// Which document.
        document: DocumentId,
    },
    /// The keys are none.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// The text is no link.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The text is no relay's address.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The edit cannot be made.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// The document is not open.
    #[error("document {document} is not open")]
    NotOpen {
        /// Which document.
        document: DocumentId,
    },
    /// The document's log has no such change.
    #[error("document {document} has no change {position}: it has {changes}, counted from 0; `quire log` shows them")]
    NoChange {
        /// Which document.
        document: DocumentId,
        /// What was asked for.
        position: usize,
        /// How many there are.
        changes: usize,
    },
    /// No version of the document has this name.
    #[error("document {document} has no version called “{name}”; `quire versions` shows those that have names")]
    NoVersion {
        /// Which document.
        document: DocumentId,
        /// What was asked for.
        name: String,
    },
    /// More than one version has this name.
    #[error("{matches} versions are called “{name}”: name the change by its position instead")]
    AmbiguousVersion {
        /// What was asked for.
        name: String,
        /// How many there are.
        matches: usize,
    },
    /// A named version has something that was not delivered here.
    #[error("not everything of the version “{name}” is here yet")]
    VersionNotHere {
        /// Its name.
        name: String,
    },
    /// The name of a version has nothing in it that can be read.
    #[error("a version’s name needs a letter, a digit or another sign")]
    NoVersionName,
    /// The document cannot be read.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The settings cannot be written.
    #[error(transparent)]
    Preferences(#[from] PreferencesError),
}
