//! The system's file dialogs, each on a thread of its own, so that the window never waits for one.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::editor::dialog::PathPurpose;

/// A dialog that is gone sooner than this was not closed by a person: the system has none.
const FASTEST_CANCEL: Duration = Duration::from_millis(400);

/// The extensions offered first.
const EXTENSIONS: [&str; 4] = ["md", "markdown", "txt", "text"];

/// How a dialog ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Chosen {
    /// These files.
    Paths(PathPurpose, Vec<PathBuf>),
    /// None.
    Nothing,
    /// The system has no such dialog: ask for a path instead.
    NoDialog(PathPurpose),
}

/// The open dialogs.
#[derive(Debug)]
pub(super) struct FileDialogs {
    sender: Sender<Chosen>,
    receiver: Receiver<Chosen>,
}

impl FileDialogs {
    pub(super) fn new() -> Self {
        let (sender, receiver) = channel();
        Self { sender, receiver }
    }

    /// Opens a dialog; `suggested` is the name offered for a file to write. `wake` is called when there is an answer.
    pub(super) fn ask(&self, purpose: PathPurpose, suggested: &str, wake: impl FnOnce() + Send + 'static) {
        let (sender, suggested) = (self.sender.clone(), suggested.to_owned());
        let asked = thread::Builder::new().name("file dialog".to_owned()).spawn(move || {
            let answer = Answer { sender, chosen: Some(Chosen::NoDialog(purpose)) };
            answer.give(show(purpose, &suggested));
            wake();
        });
        if asked.is_err() && self.sender.send(Chosen::NoDialog(purpose)).is_err() {
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
    let dialog = rfd::FileDialog::new().add_filter("Text", &EXTENSIONS).add_filter("All files", &["*"]);
    let paths = match purpose {
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
