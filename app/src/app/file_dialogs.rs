//! The system's file dialogs, and the pictures that were chosen in them: each on a thread of its own, so that the window never waits
//! for one.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::confirm::sentence;
use crate::editor::dialog::PathPurpose;
use crate::editor::link::SCHEME;
use crate::shell::picture;

/// A dialog that is gone sooner than this was not closed by a person: the system has none.
const FASTEST_CANCEL: Duration = Duration::from_millis(400);

/// The extensions offered first.
const EXTENSIONS: [&str; 4] = ["md", "markdown", "txt", "text"];

/// Those of pictures.
const PICTURE_EXTENSIONS: [&str; 3] = ["png", "jpg", "jpeg"];

/// How a dialog ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Chosen {
    /// These files.
    Paths(PathPurpose, Vec<PathBuf>),
    /// None.
    Nothing,
    /// The system has no such dialog: ask for a path instead.
    NoDialog(PathPurpose),
    /// A picture was read: the text of its QR code, or why there is none.
    Link(Result<String, String>),
}

/// The open dialogs.
#[derive(Debug)]
pub(super) struct FileDialogs {
    ctx: egui::Context,
    sender: Sender<Chosen>,
    receiver: Receiver<Chosen>,
}

impl FileDialogs {
    /// Answers wake this window.
    pub(super) fn new(ctx: &egui::Context) -> Self {
        let (sender, receiver) = channel();
        Self { ctx: ctx.clone(), sender, receiver }
    }

    /// Opens a dialog; `suggested` is the name offered for a file to write.
    pub(super) fn ask(&self, purpose: PathPurpose, suggested: &str) {
        let suggested = suggested.to_owned();
        self.begin(Chosen::NoDialog(purpose), move || show(purpose, &suggested));
    }

    /// Looks for the link in a picture.
    pub(super) fn read_picture(&self, path: &Path) {
        let path = path.to_owned();
        let failed = Chosen::Link(Err(format!("{} could not be looked at.", path.display())));
        self.begin(failed, move || Chosen::Link(picture::text_in(&path, SCHEME).map_err(|error| sentence(&error))));
    }

    /// Does this on a thread of its own; `failed` is the answer if that ends without one.
    fn begin(&self, failed: Chosen, work: impl FnOnce() -> Chosen + Send + 'static) {
        let (sender, ctx) = (self.sender.clone(), self.ctx.clone());
        let otherwise = failed.clone();
        let begun = thread::Builder::new().name("file dialog".to_owned()).spawn(move || {
            let answer = Answer { sender, chosen: Some(failed) };
            answer.give(work());
            ctx.request_repaint();
        });
        if begun.is_err() && self.sender.send(otherwise).is_err() {
            debug_assert!(false, "this holds the receiver");
        }
    }

    /// How the next dialog ended, if one did.
    pub(super) fn take(&self) -> Option<Chosen> {
        self.receiver.try_recv().ok()
    }
}

/// Gives an answer in any case, also when the dialog's library ends in a panic.
struct Answer {
    sender: Sender<Chosen>,
    chosen: Option<Chosen>,
}

impl Answer {
    fn give(mut self, chosen: Chosen) {
        self.chosen = Some(chosen);
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if let Some(chosen) = self.chosen.take()
            && self.sender.send(chosen).is_err()
        {
            tracing::debug!("the window was closed before its file dialog");
        }
    }
}

fn show(purpose: PathPurpose, suggested: &str) -> Chosen {
    let shown = Instant::now();
    let (kind, extensions) = match purpose {
        PathPurpose::Picture => ("Pictures", &PICTURE_EXTENSIONS[..]),
        PathPurpose::Import | PathPurpose::Export(_) => ("Text", &EXTENSIONS[..]),
    };
    let dialog = rfd::FileDialog::new().add_filter(kind, extensions).add_filter("All files", &["*"]);
    let paths = match purpose {
        PathPurpose::Picture => dialog.set_title("A picture of a link’s QR code").pick_file().map(|path| vec![path]),
        PathPurpose::Import => dialog.set_title("Import").pick_files(),
        PathPurpose::Export(_) => {
            dialog.set_title("Export").set_file_name(suggested).save_file().map(|path| vec![path])
        }
    };
    match paths {
        Some(paths) => Chosen::Paths(purpose, paths),
        None if shown.elapsed() < FASTEST_CANCEL => Chosen::NoDialog(purpose),
        None => Chosen::Nothing,
    }
}

/// A name for a file with this title, without characters that file systems refuse.
pub(super) fn file_name(title: &str) -> String {
    let mut name: String =
        title.chars().map(|c| if c.is_control() || "/\\:*?\"<>|".contains(c) { '-' } else { c }).collect();
    name.truncate(name.floor_char_boundary(100));
    let name = name.trim().trim_matches('.');
    if name.is_empty() { "untitled.md".to_owned() } else { format!("{name}.md") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_named_after_its_title() {
        assert_eq!(file_name("Minutes: 3/4"), "Minutes- 3-4.md");
        assert_eq!(file_name(" .. "), "untitled.md");
        assert_eq!(file_name(&"é".repeat(200)), format!("{}.md", "é".repeat(50)));
    }
}
