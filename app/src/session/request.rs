//! What the command line asks a session for: by itself, or as a second copy of the program that asks the first.

use std::convert::Infallible;
use std::path::PathBuf;
use std::str::FromStr;

use quire_crdt::ReplicaId;
use serde::{Deserialize, Serialize};

use super::SessionError;
use crate::editor::secret::Secret;
use crate::shell::loader::LoadError;
use crate::shell::store::StoreError;

/// What the command line asks for. It travels as JSON between two copies of the program of the same user.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// A new document with the text that comes beside the request.
    New {
        /// Its title; empty: none.
        title: String,
    },
    /// All documents.
    List,
    /// A document's text.
    Cat {
        /// The start of its id.
        id: String,
        /// As it was then; else as it is now.
        at: Option<At>,
    },
    /// A link to a document.
    Share {
        /// The start of its id.
        id: String,
        /// The relay; else the one it has, else the one in the settings.
        relay: Option<String>,
        /// Whether it may leave the relay that it has.
        moves: bool,
        /// Whether the link is for viewers.
        viewer: bool,
    },
    /// The document that a link leads to, once everything that the relay has of it is here.
    Join {
        /// The link.
        link: Secret,
        /// Whether it is the link of a whole library, and meant as one.
        #[serde(default)]
        whole_library: bool,
        /// How long to wait for the relay, in milliseconds.
        timeout_ms: u64,
    },
    /// The link of this library, for another device of the same person.
    AddDevice {
        /// The relay of the library's list; else the one it has, else the one in the settings.
        relay: Option<String>,
    },
    /// No other device in step with this library any more.
    LeaveLibrary,
    /// Documents in step with their relays.
    Sync {
        /// The starts of their ids; empty: all that have a relay.
        ids: Vec<String>,
        /// How long to wait for the relays, in milliseconds.
        timeout_ms: u64,
    },
    /// A document's changes.
    Log {
        /// The start of its id.
        id: String,
    },
    /// How the text differs from one of its changes to another, or to now.
    Diff {
        /// The start of its id.
        id: String,
        /// The one.
        from: At,
        /// The other.
        to: Option<At>,
    },
    /// Who wrote a document's text.
    Blame {
        /// The start of its id.
        id: String,
    },
    /// The text, or a part of it, as it was after a change, as a new edit.
    Restore {
        /// The start of its id.
        id: String,
        /// The version.
        position: At,
        /// The first character of the part in the text of now, and the one behind it; all, if none is named.
        range: Option<(usize, usize)>,
    },
    /// A name for a version of a document, or none any more.
    Name {
        /// The start of its id.
        id: String,
        /// The name.
        name: String,
        /// The version; else that of now.
        at: Option<At>,
        /// Whether the name is taken away.
        removes: bool,
    },
    /// A document's named versions.
    Versions {
        /// The start of its id.
        id: String,
    },
    /// A document's changes, sealed, in a file.
    Bundle {
        /// The start of its id.
        id: String,
        /// The file, which is replaced if it is there.
        file: PathBuf,
        /// Only what the maker of this bundle did not have.
        since: Option<PathBuf>,
        /// Else only what is not in this: units by replica.
        version: Vec<(ReplicaId, u64)>,
    },
    /// The changes that are in such a file, into the document that they are of.
    Apply {
        /// The file.
        file: PathBuf,
    },
    /// A document in the window, or just the window.
    Show {
        /// The start of its id.
        id: Option<String>,
        /// A link to open in the window, as a person would open it there.
        #[serde(default)]
        link: Option<Secret>,
    },
    /// The documents of a recovery file, whose contents come beside the request.
    Recover,
}

/// A version of a document.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(untagged)]
pub enum At {
    /// That after the change at this position of the log.
    Position(usize),
    /// That with this name.
    Name(String),
}

impl FromStr for At {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(text.parse().map_or_else(|_| Self::Name(text.to_owned()), Self::Position))
    }
}

/// Why a request could not be fulfilled. The numbers are the exit codes of the command line.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Failure {
    /// The exit code.
    pub code: u8,
    /// What to say.
    pub message: String,
}

impl Failure {
    /// Something else failed.
    pub const FAILED: u8 = 1;
    /// The command line cannot be understood.
    pub const USAGE: u8 = 2;
    /// There is no such document, change, link or file.
    pub const NOT_FOUND: u8 = 3;
    /// The library is in use, damaged, foreign or too new.
    pub const LIBRARY: u8 = 4;
    /// The relay cannot be reached, or refuses.
    pub const RELAY: u8 = 5;
    /// It took too long.
    pub const TIMED_OUT: u8 = 6;

    /// A failure with an exit code and a message.
    pub fn new(code: u8, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

impl From<SessionError> for Failure {
    fn from(error: SessionError) -> Self {
        let code = match &error {
            SessionError::NoDocument { .. }
            | SessionError::Ambiguous { .. }
            | SessionError::NoChange { .. }
            | SessionError::NoVersion { .. }
            | SessionError::AmbiguousVersion { .. }
            | SessionError::VersionNotHere { .. } => Self::NOT_FOUND,
            SessionError::NoVersionName
            | SessionError::Link(_)
            | SessionError::Address(_)
            | SessionError::NoRelay { .. } => Self::USAGE,
            SessionError::Store(error) | SessionError::Load(LoadError::Store(error)) => match error {
                StoreError::Io { .. } | StoreError::Write { .. } => Self::FAILED,
                _ => Self::LIBRARY,
            },
            SessionError::Load(_) => Self::LIBRARY,
            _ => Self::FAILED,
        };
        Self::new(code, error.to_string())
    }
}
