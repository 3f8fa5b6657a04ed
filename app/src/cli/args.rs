//! What can be asked for on the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use quire_crdt::ReplicaId;

use crate::app::Place;
use crate::session::At;

/// The offline-first collaborative text editor. Without a command, its window opens.
///
/// Exit codes: 0 done; 1 something failed; 2 the command line cannot be understood; 3 there is no such document, version or file; 4 the
/// library is in use, damaged, foreign or too new; 5 the relay cannot be reached or refuses; 6 it took too long.
#[derive(Debug, Parser)]
#[command(name = "quire", version)]
pub(super) struct Arguments {
    /// The library's folder [default: in this system's place for data]
    #[arg(long, env = "QUIRE_LIBRARY", value_name = "DIR", global = true)]
    pub(super) library: Option<PathBuf>,

    /// Answer with JSON; a failure is one JSON object on the standard error then
    #[arg(long, global = true)]
    pub(super) json: bool,

    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make a new, empty document and print its id
    New {
        /// Its title
        #[arg(long, default_value = "")]
        title: String,
    },
    /// Open the window, with a document if one is named; `quire LINK` opens a link in it
    Open(Open),
    /// List all documents, the one that was edited last first
    List,
    /// Print a document's text
    Cat {
        /// The document: its id, or the start of it
        id: String,
        /// The text as it was at this version: a position in `quire log`, or a name [default: the text now]
        #[arg(long, value_name = "VERSION")]
        at: Option<At>,
    },
    /// List a document's changes, the newest first: position, time by its author's clock, device, number of its first unit there,
    /// characters inserted and deleted, and the name of the version if it has one
    Log {
        /// The document: its id, or the start of it
        id: String,
    },
    /// Show how a document's text differs from one version to another
    Diff {
        /// The document: its id, or the start of it
        id: String,
        /// The text at this version: after the change at this position of `quire log`, or a version's name
        from: At,
        /// And at this one [default: the text now]
        to: Option<At>,
    },
    /// Show which device wrote most of each line; with --json, each run of characters with its change too
    Blame {
        /// The document: its id, or the start of it
        id: String,
    },
    /// Make a document's text, or a part of it, what it was at a version: a new edit, nothing is lost
    Restore {
        /// The document: its id, or the start of it
        id: String,
        /// The version: the position of its last change in `quire log`, or its name
        #[arg(value_name = "VERSION")]
        position: At,
        /// Only this part: characters of the text as it is now, from A up to, but not including, B, counted from 0. What stood
        /// at its edges comes back with it [default: all of it]
        #[arg(long, value_name = "A..B", value_parser = range)]
        range: Option<(usize, usize)>,
    },
    /// Give a version of a document a name, which others see too
    Name {
        /// The document: its id, or the start of it
        id: String,
        /// The name
        name: String,
        /// The version: the position of its last change in `quire log`, or another name of it [default: the text now]
        #[arg(value_name = "VERSION", conflicts_with = "remove")]
        at: Option<At>,
        /// Take the name away instead; the version stays
        #[arg(long)]
        remove: bool,
    },
    /// List the named versions of a document: the position of the last change of each in `quire log` and its time, the name, and
    /// who named it
    Versions {
        /// The document: its id, or the start of it
        id: String,
    },
    /// Make a document of a text file and print its id
    Import(Import),
    /// Write a document's text into a file
    Export(Export),
    /// Put a document's changes into a file, sealed, for a device that no relay reaches: a stick, a mail. It takes the document's link
    /// to read or apply it
    Bundle(Bundle),
    /// Take the changes of a file that `bundle` made into their document, which must be here already
    Apply {
        /// The file
        file: PathBuf,
    },
    /// Share a document at a relay and print its link
    Share(Share),
    /// Bring the document that a link leads to into the library and print its id
    Join(Join),
    /// Keep another device of yours in step with this library: print a link that brings every document there, and what is made there
    /// here
    AddDevice(AddDevice),
    /// Keep documents in step with their relays, until interrupted
    Sync(Sync),
    /// Edit a document by a script: one JSON command per line on the standard input, one answer per line on the standard output
    Edit(Edit),
    /// Run a relay on this computer, until interrupted
    Host(Host),
    /// Write a recovery file: the links of all shared documents, sealed by a passphrase
    Recovery(Recovery),
    /// Bring the documents of a recovery file back from their relays; those that are here are left alone
    RestoreLibrary(RestoreLibrary),
    /// Let the desktop open quire:// links with this program (Linux)
    Register {
        /// Take that back
        #[arg(long)]
        remove: bool,
    },
    /// Show a relay and three devices that write one text at once, off line and back
    Demo {
        /// As text, without windows
        #[arg(long)]
        headless: bool,
    },
}

#[derive(Args, Debug, Default)]
pub(super) struct Open {
    /// The document: its id, or the start of it; or a link to it
    pub(super) id: Option<String>,
    /// Obey JSON commands from the standard input, as `edit` does; only `-`
    #[arg(long, value_name = "-", value_parser = ["-"])]
    pub(super) script: Option<String>,
    /// The person's name, instead of the one in the settings
    #[arg(long)]
    pub(super) name: Option<String>,
    /// The column of the screen that the window takes, without the library beside the text
    #[arg(long, value_name = "COLUMN/COLUMNS")]
    pub(super) place: Option<Place>,
}

#[derive(Args, Debug)]
pub(super) struct Import {
    /// The file; `-` is the standard input
    pub(super) file: PathBuf,
    /// The title [default: the file's name]
    #[arg(long)]
    pub(super) title: Option<String>,
    /// Replace what is not UTF-8 instead of refusing the file
    #[arg(long)]
    pub(super) lossy: bool,
}

#[derive(Args, Debug)]
pub(super) struct Export {
    /// The document: its id, or the start of it
    pub(super) id: String,
    /// The file
    pub(super) file: PathBuf,
    /// Write over a file that is there
    #[arg(long)]
    pub(super) force: bool,
}

#[derive(Args, Debug)]
pub(super) struct Bundle {
    /// The document: its id, or the start of it
    pub(super) id: String,
    /// The file
    pub(super) file: PathBuf,
    /// Only what the device that made this bundle did not have
    #[arg(long, value_name = "FILE", conflicts_with = "version")]
    pub(super) since: Option<PathBuf>,
    /// Only what a device does not have that has so many units of these replicas, as `bundle` and `apply` say with --json
    #[arg(long = "for", value_name = "REPLICA:UNITS", value_parser = units)]
    pub(super) version: Vec<(ReplicaId, u64)>,
    /// Write over a file that is there
    #[arg(long)]
    pub(super) force: bool,
}

#[derive(Args, Debug)]
pub(super) struct Share {
    /// The document: its id, or the start of it
    pub(super) id: String,
    /// The relay: HOST:PORT, with ?pin=PIN behind it for a certificate that nobody vouches for; ws://HOST:PORT without encryption
    /// [default: the one it has, or the one in the settings]
    #[arg(long, value_name = "URL")]
    pub(super) relay: Option<String>,
    /// Leave the relay that the document has for this one
    #[arg(long = "move", requires = "relay")]
    pub(super) moves: bool,
    /// Print the link for those who may read and not write
    #[arg(long)]
    pub(super) viewer: bool,
    /// Print the link as a QR code too
    #[arg(long)]
    pub(super) qr: bool,
}

#[derive(Args, Debug)]
pub(super) struct Join {
    /// The link; `-` reads it from the standard input, where no other account of this computer sees it [default: you are asked
    /// for it, on a terminal]
    pub(super) link: Option<String>,
    /// Take the link from the QR code in this picture (PNG or JPEG)
    #[arg(long, value_name = "PICTURE", conflicts_with = "link")]
    pub(super) qr: Option<PathBuf>,
    /// The link is that of your own library, as `add-device` prints it: its documents come here, and those of this library go to
    /// your other devices
    #[arg(long)]
    pub(super) whole_library: bool,
    /// How long to wait for the relay, in seconds
    #[arg(long, default_value_t = 30.0, value_name = "SECONDS")]
    pub(super) timeout: f64,
}

#[derive(Args, Debug)]
pub(super) struct AddDevice {
    /// The relay where the library's devices meet, and where documents are shared that are not: as for `share`
    /// [default: the one it has, or the one in the settings]
    #[arg(long, value_name = "URL")]
    pub(super) relay: Option<String>,
    /// Print the link as a QR code too
    #[arg(long)]
    pub(super) qr: bool,
    /// Keep this library in step with no other device any more; documents stay
    #[arg(long, conflicts_with_all = ["relay", "qr"])]
    pub(super) stop: bool,
}

#[derive(Args, Debug)]
pub(super) struct Recovery {
    /// The file
    pub(super) file: PathBuf,
    /// Take the passphrase from the first line of this file [default: you are asked for it on a terminal; elsewhere the first line of
    /// the standard input]
    #[arg(long, value_name = "FILE")]
    pub(super) passphrase_file: Option<PathBuf>,
    /// Write over a file that is there
    #[arg(long)]
    pub(super) force: bool,
}

#[derive(Args, Debug)]
pub(super) struct RestoreLibrary {
    /// The recovery file
    pub(super) file: PathBuf,
    /// Take the passphrase from the first line of this file [default: as for `recovery`]
    #[arg(long, value_name = "FILE")]
    pub(super) passphrase_file: Option<PathBuf>,
    /// How long to wait for the relays, in seconds
    #[arg(long, default_value_t = 60.0, value_name = "SECONDS")]
    pub(super) timeout: f64,
}

#[derive(Args, Debug)]
pub(super) struct Sync {
    /// The documents: their ids, or the starts of them [default: all that are shared]
    pub(super) ids: Vec<String>,
    /// End when everything of the relays is here, and everything that this library held of these documents at the start (and this
    /// device wrote since) is on the relays' disks: everybody's changes, also where a relay had lost them
    #[arg(long)]
    pub(super) until_saved: bool,
    /// How long to wait for that, in seconds
    #[arg(long, default_value_t = 30.0, value_name = "SECONDS")]
    pub(super) timeout: f64,
}

#[derive(Args, Debug)]
pub(super) struct Edit {
    /// The document: its id, or the start of it
    pub(super) id: String,
    /// Share it at this relay first: HOST:PORT, HOST:PORT?pin=PIN or ws://HOST:PORT
    #[arg(long, value_name = "URL")]
    pub(super) relay: Option<String>,
    /// Introduce this device to the others with this person's name
    #[arg(long)]
    pub(super) name: Option<String>,
}

#[derive(Args, Debug)]
pub(super) struct Host {
    /// The address to listen on; port 0 takes a free one. Encrypted, with a certificate of its own, unless only this computer
    /// reaches it
    #[arg(long, default_value = "0.0.0.0:4870", value_name = "HOST:PORT")]
    pub(super) listen: String,
    /// The folder for what the relay keeps [default: `relay` in the library's folder]
    #[arg(long, value_name = "DIR")]
    pub(super) data: Option<PathBuf>,
}

impl Arguments {
    /// Whether it is a server that somebody watches.
    pub(super) const fn wants_log(&self) -> bool {
        matches!(self.command, Some(Command::Host(_)))
    }
}

/// A part of a text: `A..B`.
fn range(text: &str) -> Result<(usize, usize), &'static str> {
    let numbers = text.split_once("..").and_then(|(start, end)| Some((start.parse().ok()?, end.parse().ok()?)));
    match numbers {
        Some((start, end)) if start <= end => Ok((start, end)),
        Some(_) => Err("a part ends behind its start: A..B, as in 120..180"),
        None => Err("a part is A..B, as in 120..180: two numbers of characters"),
    }
}

/// How many units of a replica: `REPLICA:UNITS`.
fn units(text: &str) -> Result<(ReplicaId, u64), &'static str> {
    let entry = text.split_once(':').and_then(|(replica, units)| Some((replica.parse().ok()?, units.parse().ok()?)));
    entry.ok_or("32 hexadecimal digits, a colon and a number, as in 0f1e2d3c4b5a69788796a5b4c3d2e1f0:120")
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn a_part_is_two_numbers_in_order() {
        assert_eq!(range("3..17"), Ok((3, 17)));
        assert_eq!(range("4..4"), Ok((4, 4)));
        for text in ["", "3", "3..", "..3", "3-17", "3...17", "17..3", "-1..3"] {
            assert!(range(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn the_arguments_do_not_contradict_each_other() {
        Arguments::command().debug_assert();
    }
}
