//! What the window does with the history of the open document: looking back, bringing back, and names for versions.

use super::App;
use super::confirm::sentence;
use crate::editor::command::Action;
use crate::editor::dialog::{Dialog, VersionDraft};
use crate::editor::history::{HistoryRequest, NamedVersion};
use crate::session::SessionError;

impl App {
    /// Shows the history, or another moment of it.
    pub(super) fn look_back(&mut self, action: Action) {
        let session = &self.session;
        if let Action::Travel(travel) = action {
            self.pane.travel(session, travel);
        } else {
            self.pane.show_history(session, !self.pane.shows_history());
            self.pane.take_focus();
        }
        self.model.people_shown &= !self.pane.shows_history();
    }

    /// Compares, plays, or asks for a name, in the history, which is shown for it.
    pub(super) fn act_in_history(&mut self, ctx: &egui::Context, action: Action) {
        if action == Action::NameVersion {
            if !self.pane.shows_history() {
                self.look_back(Action::ToggleHistory);
            }
            self.ask_for_name();
        } else {
            self.pane.act_in_history(&self.session, action, moment_us(ctx));
        }
        self.model.people_shown &= !self.pane.shows_history();
    }

    /// Does what the panel asks for.
    pub(super) fn ask_history(&mut self, ctx: &egui::Context, request: HistoryRequest) {
        let named = |named: usize| self.pane.history().and_then(|history| history.names().get(named).cloned());
        match request {
            HistoryRequest::Rename(at) => {
                if let Some(named) = named(at) {
                    self.ask_for_rename(named);
                }
            }
            HistoryRequest::RemoveName(at) => {
                if let Some(named) = named(at) {
                    self.remove_name(named);
                }
            }
            HistoryRequest::PutBackName => self.put_back_name(),
            request => self.pane.ask_history(&self.session, request, moment_us(ctx)),
        }
    }

    /// Shows what is due of a history that is played, and asks for the frame of the next step.
    pub(super) fn play_on(&mut self, ctx: &egui::Context) {
        if let Some(after_us) = self.pane.play_on(&self.session, moment_us(ctx)) {
            ctx.request_repaint_after(std::time::Duration::from_micros(after_us));
        }
    }

    /// Brings back what was.
    pub(super) fn restore(&mut self, action: Action) {
        let is_now = self.pane.history().is_none_or(|history| history.timeline().is_now());
        if is_now {
            self.say("This is the text as it is now: step back in the history first.");
            return;
        }
        let has_pin = self.pane.history().is_some_and(|history| history.pin().is_some());
        if has_pin && action == Action::RestoreSelection {
            self.say("Compare with now first: what is selected is brought back into the text of now.");
            return;
        }
        let (session, happened) = (&mut self.session, &mut self.happened);
        let restored = match action {
            Action::RestoreVersion => self.pane.restore_version(session, happened).map_err(|error| sentence(&error)),
            _ => self.pane.restore_selection(session, happened).map_err(|error| sentence(&error)),
        };
        match restored {
            Ok(true) => self.say("Restored, as a new edit. Undo takes it back."),
            Ok(false) => self.say("Nothing to restore: it is as it was."),
            Err(error) => self.warn(format!("This could not be restored: {error}")),
        }
    }

    /// Asks for a name for the version that is shown; for another one, if it has one.
    fn ask_for_name(&mut self) {
        let Some(id) = self.model.open else { return };
        if let Err(error) = self.session.commit(id) {
            self.warn(sentence(&error));
            return;
        }
        let Some((history, document)) = self.pane.history().zip(self.session.document(id)) else { return };
        if history.timeline().total() == 0 && document.log().is_empty() {
            self.say("Nothing has been written yet that could be named.");
            return;
        }
        if let Some(named) = history.named().cloned() {
            self.ask_for_rename(named);
            return;
        }
        let is_now = history.timeline().is_now();
        let version = if is_now { document.version().clone() } else { history.version(document) };
        self.model.dialog =
            Some(Dialog::NameVersion(VersionDraft { id, key: None, name: String::new(), version, error: None }));
    }

    fn ask_for_rename(&mut self, named: NamedVersion) {
        let Some(id) = self.model.open else { return };
        let NamedVersion { key, name, version, .. } = named;
        self.model.dialog = Some(Dialog::NameVersion(VersionDraft { id, key: Some(key), name, version, error: None }));
    }

    /// Gives a version its name; the dialog again, with what is wrong, if that cannot be done.
    pub(super) fn name_version(&mut self, draft: VersionDraft) -> Option<Dialog> {
        let VersionDraft { id, key, name, version, .. } = &draft;
        let named = self.session.name_version(*id, key.as_deref(), name, version);
        self.pane.take_focus();
        named.err().map(|error| Dialog::NameVersion(VersionDraft { error: Some(sentence(&error)), ..draft }))
    }

    /// Takes a version's name away. The panel offers to put it back.
    fn remove_name(&mut self, named: NamedVersion) {
        let removed = self.model.open.map(|id| self.session.remove_version_name(id, &named.key));
        if self.is_written(removed) {
            self.pane.remember_removed(Some(named));
        }
    }

    fn put_back_name(&mut self) {
        let Some(removed) = self.pane.history().and_then(|history| history.removed()).cloned() else { return };
        let NamedVersion { key, name, version, .. } = &removed;
        let written = self.model.open.map(|id| self.session.name_version(id, Some(key), name, version));
        if self.is_written(written) {
            self.pane.remember_removed(None);
        }
    }

    /// Whether something was written; says why not.
    fn is_written(&mut self, written: Option<Result<(), SessionError>>) -> bool {
        match written {
            None => false,
            Some(Ok(())) => true,
            Some(Err(error)) => {
                self.warn(format!("The names of versions could not be changed: {}", sentence(&error)));
                false
            }
        }
    }
}

/// The time of the frame, in microseconds.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "seconds since the start of the program")]
fn moment_us(ctx: &egui::Context) -> u64 {
    (ctx.input(|input| input.time) * 1e6) as u64
}
