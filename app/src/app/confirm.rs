//! What dialogs do when they are confirmed, and the files they lead to.

use std::path::{Path, PathBuf};

use quire_crdt::DocumentId;
use thiserror::Error;

use super::App;
use super::file_dialogs::file_name;
use crate::editor::command::Command;
use crate::editor::dialog::{Dialog, PathDialog, PathPurpose, SettingsDraft, ShareDialog, ShareStage, Shared};
use crate::editor::link::{Link, RelayAddress};
use crate::editor::settings::Settings;
use crate::session::SessionError;
use crate::shell::files::{self, FileError};
use crate::shell::host::Host;

/// A text with its first letter in upper case and a full stop: an error as a sentence.
pub(super) fn sentence(error: &impl ToString) -> String {
    let text = error.to_string();
    let mut chars = text.chars();
    let mut sentence: String =
        chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default();
    if !sentence.ends_with(['.', '!', '?']) {
        sentence.push('.');
    }
    sentence
}

/// Why a file did not become a document.
#[derive(Debug, Error)]
enum ImportError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Session(#[from] SessionError),
}

impl App {
    /// Does what the dialog is for; it stays open, and says why, if that cannot be done.
    pub(super) fn confirm(&mut self) {
        self.model.dialog = match self.model.dialog.take() {
            None | Some(Dialog::About { .. }) => None,
            Some(Dialog::Rename { id, title }) => {
                self.rename(id, &title);
                None
            }
            Some(Dialog::Remove { id, .. }) => {
                self.remove(id);
                None
            }
            Some(Dialog::OpenLink { link, .. }) => self.open_link(link),
            Some(Dialog::Move { link, .. }) => {
                self.move_to(&link);
                None
            }
            Some(Dialog::JoinLibrary { link }) => self.join_library(&link),
            Some(Dialog::NameVersion(draft)) => self.name_version(draft),
            Some(Dialog::Share(dialog)) => Some(Dialog::Share(self.share_by_relay(dialog))),
            Some(Dialog::GoToLine { line, lines }) => {
                if let Ok(number) = line.trim().parse::<usize>() {
                    let line = number.clamp(1, lines) - 1;
                    self.pane.command(Command::GoToLine { line });
                }
                self.pane.take_focus();
                None
            }
            Some(Dialog::Path(dialog)) => self.use_path(dialog),
            Some(Dialog::ImportLossy { paths, .. }) => self.import_all(&paths, true),
            Some(Dialog::Settings(draft)) => self.keep_settings(draft),
        };
    }

    fn remove(&mut self, id: DocumentId) {
        let title = self.session.title(id);
        if self.model.open == Some(id) {
            self.leave();
        }
        match self.session.remove(id) {
            Ok(()) => self.say(format!("“{title}” is removed from this device.")),
            Err(error) => self.warn(format!("It is still here: {}", sentence(&error))),
        }
        self.entries_stale = true;
    }

    pub(super) fn open_link(&mut self, text: String) -> Option<Dialog> {
        let link = match text.parse::<Link>() {
            Ok(link) => link,
            Err(error) => return Some(Dialog::OpenLink { link: text, error: Some(sentence(&error)) }),
        };
        if link.keys.is_library() {
            return Some(Dialog::JoinLibrary { link });
        }
        match self.session.join(&link) {
            Ok(id) => {
                self.open(id);
                None
            }
            Err(SessionError::OtherRelay { document, there, .. }) => {
                self.open(document);
                Some(Dialog::Move { link, title: self.session.title(document), there: *there })
            }
            Err(error) => Some(Dialog::OpenLink { link: text, error: Some(sentence(&error)) }),
        }
    }

    fn join_library(&mut self, link: &Link) -> Option<Dialog> {
        self.entries_stale = true;
        self.session.set_online(true);
        match self.session.join(link) {
            Ok(_) => {
                self.say("What your other devices have is on its way here.");
                None
            }
            Err(error) => Some(Dialog::OpenLink { link: link.to_string(), error: Some(sentence(&error)) }),
        }
    }

    /// Moves a document to the relay of a link.
    fn move_to(&mut self, link: &Link) {
        match self.session.move_to_relay(link.document, link.relay.clone()) {
            Ok(link) => self.say(format!("Shared at {} from now on.", link.relay.place())),
            Err(error) => self.warn(format!("The document stays at its relay: {}", sentence(&error))),
        }
        self.entries_stale = true;
    }

    fn share_by_relay(&mut self, dialog: ShareDialog) -> ShareDialog {
        let ShareStage::Choose { relay, .. } = &dialog.stage else { return dialog };
        let shared = relay.parse::<RelayAddress>().map_err(|error| sentence(&error));
        let stage = match shared.and_then(|address| self.share(&dialog.what, address)) {
            Ok(link) => self.ready(&link),
            Err(error) => ShareStage::Choose { relay: relay.clone(), error: Some(error) },
        };
        ShareDialog { stage, ..dialog }
    }

    /// Shares the open document, or the whole library, by this relay.
    fn share(&mut self, what: &Shared, relay: RelayAddress) -> Result<Link, String> {
        self.session.set_online(true);
        self.entries_stale = true;
        let shared = match what {
            Shared::Library(_) => self.session.share_library(Some(relay)),
            Shared::Document(_) => {
                let id = self.model.open.ok_or("No document is open.")?;
                self.session.share(id, Some(relay))
            }
        };
        shared.map_err(|error| sentence(&error))
    }

    /// Starts a relay on this computer, if none runs, and shares the open document by it.
    pub(super) fn host_here(&mut self) {
        let Some(Dialog::Share(dialog)) = self.model.dialog.take() else { return };
        let started = match self.host.take() {
            Some(host) => Ok(host),
            None => Host::start(self.session.folder()).map_err(|error| sentence(&error)),
        };
        let shared = started.and_then(|host| {
            let address = host.address().clone();
            self.host = Some(host);
            self.share(&dialog.what, address)
        });
        let stage = match (shared, dialog.stage) {
            (Ok(link), _) => self.ready(&link),
            (Err(error), ShareStage::Choose { relay, .. }) => ShareStage::Choose { relay, error: Some(error) },
            (Err(_), stage) => stage,
        };
        self.model.dialog = Some(Dialog::Share(ShareDialog { what: dialog.what, stage }));
    }

    /// Starts the relay on this computer again when documents of this library are shared by it.
    pub(super) fn host_again(&mut self) {
        let documents = self.session.list().into_iter().filter_map(|summary| summary.relay);
        let library = self.session.library_link().map(|link| link.relay);
        let relays: Vec<RelayAddress> = documents.chain(library).collect();
        match Host::resume(self.session.folder(), &relays) {
            Ok(host) => self.host = host,
            Err(error) => self.warn(format!("Others cannot reach what you host here: {}", sentence(&error))),
        }
        self.follow_host();
    }

    /// Documents that were shared by the relay on this computer when it had another certificate, or none, stay with it.
    pub(super) fn follow_host(&mut self) {
        let Some(address) = self.host.as_ref().map(|host| host.address().clone()) else { return };
        let mut documents = self.session.list();
        documents.retain(|summary| {
            summary.relay.as_ref().is_some_and(|relay| *relay != address && relay.place() == address.place())
        });
        for summary in &documents {
            if let Err(error) = self.session.move_to_relay(summary.id, address.clone()) {
                self.warn(format!("“{}” cannot reach the relay on this computer: {}", summary.title, sentence(&error)));
            }
        }
        if !documents.is_empty() {
            self.say("The relay on this computer has a new certificate: give the others the new links.".to_owned());
        }
    }

    fn keep_settings(&mut self, mut draft: SettingsDraft) -> Option<Dialog> {
        draft.settings.relay = match draft.relay.trim() {
            "" => None,
            typed => match typed.parse::<RelayAddress>() {
                Ok(address) => Some(address),
                Err(error) => {
                    draft.error = Some(sentence(&error));
                    return Some(Dialog::Settings(draft));
                }
            },
        };
        self.store_settings(draft.settings);
        None
    }

    /// Keeps these settings.
    pub(super) fn store_settings(&mut self, settings: Settings) {
        if let Err(error) = self.session.set_settings(settings) {
            self.warn(format!("The settings hold until Quire ends, but could not be stored: {}", sentence(&error)));
        }
        self.entries_stale = true;
    }

    /// Asks for a file, by the system's dialog if there is one.
    pub(super) fn ask_for_file(&self, purpose: PathPurpose) {
        let suggested = match purpose {
            PathPurpose::Import | PathPurpose::Picture => String::new(),
            PathPurpose::Export(id) => file_name(&self.session.title(id)),
        };
        self.files.ask(purpose, &suggested);
    }

    /// Opens the link that was found in a picture, or says why there is none.
    pub(super) fn take_picture(&mut self, found: Result<String, String>) {
        self.model.dialog = match found {
            Ok(link) => self.open_link(link),
            Err(error) => Some(Dialog::OpenLink { link: String::new(), error: Some(error) }),
        };
    }

    fn use_path(&mut self, dialog: PathDialog) -> Option<Dialog> {
        let path = expanded(dialog.path.trim());
        let path = Path::new(&path);
        let used = match dialog.purpose {
            PathPurpose::Import => match self.import(path, false) {
                Err(error @ ImportError::File(FileError::NotUtf8 { .. })) => {
                    return Some(Dialog::ImportLossy { paths: vec![path.to_owned()], words: sentence(&error) });
                }
                imported => imported.map_err(|error| sentence(&error)),
            },
            PathPurpose::Export(id) => self.export(id, path),
            PathPurpose::Picture => {
                self.files.read_picture(path);
                Ok(())
            }
        };
        used.err().map(|error| Dialog::Path(PathDialog { error: Some(error), ..dialog }))
    }

    /// Makes a document of each file; what to ask if some are not UTF-8.
    pub(super) fn import_all(&mut self, paths: &[PathBuf], lossy: bool) -> Option<Dialog> {
        let mut others: Vec<(PathBuf, String)> = Vec::new();
        for path in paths {
            match self.import(path, lossy) {
                Ok(()) => {}
                Err(error @ ImportError::File(FileError::NotUtf8 { .. })) => {
                    others.push((path.clone(), sentence(&error)));
                }
                Err(error) => self.warn(sentence(&error)),
            }
        }
        let words = others.first()?.1.clone();
        Some(Dialog::ImportLossy { paths: others.into_iter().map(|(path, _)| path).collect(), words })
    }

    /// Makes a document of a file, and shows it.
    fn import(&mut self, path: &Path, lossy: bool) -> Result<(), ImportError> {
        let read = files::import(path, lossy)?;
        let title = path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let id = self.session.import(&title, &read.text)?;
        self.open(id);
        self.say(format!("Imported {}", path.display()));
        Ok(())
    }

    /// Writes the text of a document to a file.
    pub(super) fn export(&mut self, id: DocumentId, path: &Path) -> Result<(), String> {
        let text = self.session.text(id).map_err(|error| sentence(&error))?;
        files::write_whole(path, text.as_bytes()).map_err(|error| sentence(&error))?;
        self.say(format!("Exported to {}", path.display()));
        Ok(())
    }
}

/// A path with `~/` at its start as the person's own folder.
fn expanded(path: &str) -> String {
    let home = directories::UserDirs::new();
    match (path.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => home.home_dir().join(rest).display().to_string(),
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_shown_as_a_sentence() {
        assert_eq!(sentence(&"the link is empty"), "The link is empty.");
        assert_eq!(sentence(&"Done!"), "Done!");
    }
}
