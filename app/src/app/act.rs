//! What the window does with what was asked for.

use quire_crdt::DocumentId;

use super::App;
use super::confirm::sentence;
use super::frame::PAST_WORDS;
use crate::editor::command::{Action, Command};
use crate::editor::dialog::{
    Dialog, FindDraft, PaletteDraft, PathPurpose, SettingsDraft, ShareDialog, ShareStage, Shared,
};
use crate::editor::library_view::removal_words;
use crate::editor::link::Link;
use crate::editor::request::{Request, Verb};
use crate::editor::settings::{FontChoice, ThemeChoice};
use crate::editor::status::Mark;
use crate::editor::words::quantity;
use crate::shell::preferences;
use crate::view::title_bar::title_id;

impl App {
    /// Carries out a request. Waits for nothing but a document's disk.
    pub(super) fn act(&mut self, ctx: &egui::Context, request: Request) {
        match request {
            Request::Do(action) => self.run_action(ctx, action),
            Request::Text(command) => self.pane.command(command),
            Request::Search(words) => {
                self.search.look_for(&words);
                self.model.query.search = words;
            }
            Request::SortBy(sort) => self.model.query.sort = sort,
            Request::ShowArchive(archive) => self.model.query.archive = archive,
            Request::Open(id) => self.open(id),
            Request::Document(id, verb) => self.on_document(id, verb),
            Request::EditTitle(title) => self.edit_title(ctx, title),
            Request::SetTitle(title) => self.set_title(ctx, &title),
            Request::Find(draft) => self.set_find(draft),
            Request::ReplaceOne | Request::ReplaceAll if self.pane.is_past() => self.say(PAST_WORDS),
            Request::ReplaceOne => self.replace_one(),
            Request::ReplaceAll => self.replace_all(),
            Request::History(request) => self.ask_history(ctx, request),
            Request::Palette(draft) => {
                if draft.is_none() {
                    self.pane.take_focus();
                }
                self.model.palette = draft;
            }
            Request::Dialog(mut dialog) => {
                if let Dialog::Settings(draft) = &mut dialog {
                    draft.settings.cap_names();
                    self.preview(ctx, &draft.settings);
                }
                self.model.dialog = Some(dialog);
            }
            Request::Confirm => {
                self.confirm();
                self.apply_look(ctx);
            }
            Request::CloseDialog => {
                self.model.dialog = None;
                self.pane.take_focus();
            }
            Request::Copy(text) => self.copy_link(ctx, text),
            Request::ShowCode(shown) => {
                if let Some(Dialog::Share(ShareDialog { stage: ShareStage::Ready { code, .. }, .. })) =
                    &mut self.model.dialog
                {
                    *code = shown;
                }
            }
            Request::ChoosePicture => self.ask_for_file(PathPurpose::Picture),
            Request::HostHere => self.host_here(),
            Request::RetryWrite => self.session.retry_writes(),
            Request::Dismiss(id) => self.model.dismiss(id),
            Request::ShowMe(id) => self.show_place(id),
        }
    }

    fn run_action(&mut self, ctx: &egui::Context, action: Action) {
        match action {
            Action::NewDocument => self.new_document(),
            Action::AddDevice => self.open_add_device(),
            Action::OpenLink => self.model.dialog = Some(Dialog::OpenLink { link: String::new(), error: None }),
            Action::Import => self.ask_for_file(PathPurpose::Import),
            Action::ToggleLibrary => self.model.library_shown = !self.model.library_shown,
            Action::TogglePeople => {
                self.model.people_shown = !self.model.people_shown;
                if self.model.people_shown {
                    self.pane.show_history(&self.session, false);
                }
            }
            Action::ZoomIn | Action::ZoomOut | Action::ZoomReset => {
                match action {
                    Action::ZoomReset => self.model.zoom_reset(),
                    _ => self.model.zoom(action == Action::ZoomIn),
                }
                self.apply_look(ctx);
            }
            Action::GoOnline => self.session.set_online(true),
            Action::GoOffline => self.session.set_online(false),
            Action::Palette => self.model.palette = Some(PaletteDraft::default()),
            Action::Settings => self.open_settings(),
            Action::About => self.open_about(),
            Action::Quit => ctx.send_viewport_cmd(egui::ViewportCommand::Close),
            Action::ToggleFullScreen => {
                let full = ctx.input(|input| input.viewport().fullscreen.unwrap_or(false));
                ctx.send_viewport_cmd(egui::ViewportCommand::Fullscreen(!full));
            }
            Action::ToggleWrap | Action::ToggleLineNumbers | Action::ToggleMonospace | Action::CycleTheme => {
                self.toggle_setting(ctx, action);
            }
            _ => self.run_on_open(ctx, action),
        }
    }

    /// What needs an open document.
    fn run_on_open(&mut self, ctx: &egui::Context, action: Action) {
        let Some(id) = self.model.open else { return };
        match action {
            Action::Export => self.on_document(id, Verb::Export),
            Action::Rename => self.edit_title(ctx, Some(self.given_title(id))),
            Action::Archive => {
                let archived = self.session.list().iter().any(|summary| summary.id == id && summary.archived);
                self.on_document(id, if archived { Verb::Restore } else { Verb::Archive });
            }
            Action::Remove => self.on_document(id, Verb::Remove),
            Action::Share => self.open_share(id),
            Action::Find | Action::Replace => self.open_find(action == Action::Replace),
            Action::FindNext | Action::FindPrevious if self.model.find.is_none() => self.open_find(false),
            Action::GoToLine => {
                let lines = self.session.document(id).map_or(1, |document| document.text().len_lines());
                self.model.dialog = Some(Dialog::GoToLine { line: String::new(), lines });
            }
            Action::ToggleHistory | Action::Travel(_) => self.look_back(action),
            Action::ToggleComparison | Action::CompareFromHere | Action::PlayHistory | Action::NameVersion => {
                self.act_in_history(ctx, action);
            }
            Action::RestoreVersion | Action::RestoreSelection => self.restore(action),
            Action::Paste => {
                self.pane.take_focus();
                ctx.send_viewport_cmd(egui::ViewportCommand::RequestPaste);
            }
            _ => self.pane.command(Command::Do(action)),
        }
    }

    fn new_document(&mut self) {
        match self.session.create() {
            Ok(id) => {
                self.model.query.archive = false;
                self.open(id);
            }
            Err(error) => self.warn(format!("No document could be made: {}", sentence(&error))),
        }
    }

    /// Shows a document.
    pub(super) fn open(&mut self, id: DocumentId) {
        if self.model.open == Some(id) {
            self.pane.take_focus();
            return;
        }
        if let Err(error) = self.session.open_document(id) {
            self.warn(format!("This document cannot be opened: {}", sentence(&error)));
            return;
        }
        self.leave();
        self.model.open = Some(id);
        self.unread.remove(&id);
        self.pane.open(&self.session, id);
        self.model.find = None;
        self.entries_stale = true;
    }

    /// Leaves the open document.
    pub(super) fn leave(&mut self) {
        self.model.editing_title = None;
        if let Some(id) = self.model.open.take() {
            self.pane.close(&mut self.session);
            self.session.close_document(id);
        }
    }

    fn on_document(&mut self, id: DocumentId, verb: Verb) {
        match verb {
            Verb::Rename => self.model.dialog = Some(Dialog::Rename { id, title: self.session.title(id) }),
            Verb::Archive | Verb::Restore => {
                let put_away = verb == Verb::Archive;
                match self.session.archive(id, put_away) {
                    Ok(()) if put_away => self.say("Archived. It stays in the archive with everything in it."),
                    Ok(()) => self.say("Restored from the archive."),
                    Err(error) => self.warn(format!("The archive could not be changed: {}", sentence(&error))),
                }
            }
            Verb::Export => self.ask_for_file(PathPurpose::Export(id)),
            Verb::Remove => {
                let words = match self.session.removal(id) {
                    Ok(report) => {
                        let mark = if report.relay.is_some() { Mark::Saved } else { Mark::Here };
                        removal_words(mark, report.units_only_here, &report.holders)
                    }
                    Err(error) => format!("What would be lost is not known: {}", sentence(&error)),
                };
                self.model.dialog = Some(Dialog::Remove { id, title: self.session.title(id), words });
            }
        }
    }

    fn edit_title(&mut self, ctx: &egui::Context, title: Option<String>) {
        if title.is_none() {
            self.pane.take_focus();
        } else if self.model.editing_title.is_none() {
            self.pane.leave_focus();
            ctx.memory_mut(|memory| memory.request_focus(title_id()));
        }
        self.model.editing_title = title;
    }

    fn set_title(&mut self, ctx: &egui::Context, title: &str) {
        self.edit_title(ctx, None);
        let Some(id) = self.model.open else { return };
        let titles = self.session.titles(id);
        let settled = titles.len() <= 1 && titles.first().is_none_or(|(given, _)| given == title);
        if settled && self.given_title(id) == title.trim() {
            return;
        }
        self.rename(id, title);
    }

    pub(super) fn rename(&mut self, id: DocumentId, title: &str) {
        let renamed = self.session.open_document(id).and_then(|()| self.session.set_title(id, title));
        let renamed = renamed.and_then(|()| self.session.end_undo_group(id)).and_then(|()| self.session.commit(id));
        if let Err(error) = renamed {
            self.warn(format!("The title could not be changed: {}", sentence(&error)));
        }
        if self.model.open != Some(id) {
            self.session.close_document(id);
        }
        self.entries_stale = true;
    }

    /// The title that somebody gave, empty if nobody did.
    pub(super) fn given_title(&self, id: DocumentId) -> String {
        self.session.titles(id).into_iter().next().map(|(title, _)| title).unwrap_or_default()
    }

    fn open_find(&mut self, replacing: bool) {
        let mut draft = self.model.find.take().unwrap_or_default();
        draft.replacing |= replacing;
        if let Some(selected) = self.pane.selected_line(&self.session) {
            draft.query = selected;
        }
        self.model.find_focus += 1;
        self.set_find(Some(draft));
        self.pane.leave_focus();
    }

    fn set_find(&mut self, draft: Option<FindDraft>) {
        self.pane.find(&self.session, draft.as_ref());
        if draft.is_none() {
            self.pane.take_focus();
        }
        // Where nothing is selected there is nothing to search within.
        let within = self.pane.searches_selection();
        self.model.find = draft.map(|draft| FindDraft { within, ..draft });
    }

    fn replace_one(&mut self) {
        let by = self.model.find.as_ref().map(|draft| draft.replacement.clone()).unwrap_or_default();
        if let Err(error) = self.pane.replace_one(&mut self.session, &mut self.happened, &by) {
            self.warn(sentence(&error));
        }
    }

    fn replace_all(&mut self) {
        let by = self.model.find.as_ref().map(|draft| draft.replacement.clone()).unwrap_or_default();
        match self.pane.replace_all(&mut self.session, &mut self.happened, &by) {
            Ok(count) => self.say(format!("Replaced in {}", quantity(count as u64, "place"))),
            Err(error) => self.warn(sentence(&error)),
        }
    }

    fn show_place(&mut self, id: u64) {
        if let Some((document, at)) = self.model.place_of(id) {
            self.open(document);
            self.pane.command(Command::Select(at..at));
            self.pane.take_focus();
        }
        self.model.dismiss(id);
    }

    fn toggle_setting(&mut self, ctx: &egui::Context, action: Action) {
        let mut settings = self.session.settings().clone();
        match action {
            Action::ToggleWrap => settings.wrap = !settings.wrap,
            Action::ToggleLineNumbers => settings.line_numbers = !settings.line_numbers,
            Action::ToggleMonospace => {
                settings.font = match settings.font {
                    FontChoice::Proportional => FontChoice::Monospace,
                    FontChoice::Monospace => FontChoice::Proportional,
                };
            }
            _ => {
                settings.theme = match settings.theme {
                    ThemeChoice::System => ThemeChoice::Light,
                    ThemeChoice::Light => ThemeChoice::Dark,
                    ThemeChoice::Dark => ThemeChoice::System,
                };
            }
        }
        self.store_settings(settings);
        self.apply_look(ctx);
    }

    pub(super) fn open_settings(&mut self) {
        let settings = self.session.settings().clone();
        let relay = settings.relay.as_ref().map(ToString::to_string).unwrap_or_default();
        let file = self.session.folder().join(preferences::FILE_NAME).display().to_string();
        self.model.dialog =
            Some(Dialog::Settings(SettingsDraft { settings, relay, error: None, file, keys_shown: false }));
    }

    fn open_about(&mut self) {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let library = self.session.folder().display().to_string();
        self.model.dialog = Some(Dialog::About { version, library });
    }

    fn open_share(&mut self, id: DocumentId) {
        let title = self.session.title(id);
        let stage = match self.session.link(id) {
            Some(link) => self.ready(&link),
            None => self.choose_relay(),
        };
        self.model.dialog = Some(Dialog::Share(ShareDialog { what: Shared::Document(title), stage }));
    }

    fn open_add_device(&mut self) {
        let stage = match self.session.library_link() {
            Some(link) => self.ready(&link),
            None => self.choose_relay(),
        };
        let what = Shared::Library(self.session.library_devices());
        self.model.dialog = Some(Dialog::Share(ShareDialog { what, stage }));
    }

    /// The stage that asks for a relay.
    fn choose_relay(&self) -> ShareStage {
        let relay = self.session.settings().relay.as_ref().map(ToString::to_string).unwrap_or_default();
        ShareStage::Choose { relay, error: None }
    }

    pub(super) fn ready(&self, link: &Link) -> ShareStage {
        let hosted = self.host.as_ref().is_some_and(|host| *host.address() == link.relay);
        let viewers = link.clone().for_viewers().map(|link| link.to_string()).unwrap_or_default();
        let (text, can_write) = (link.to_string(), link.keys.can_write());
        ShareStage::Ready {
            link: text,
            viewers,
            can_write,
            relay: link.relay.place(),
            hosted,
            copied: None,
            code: None,
        }
    }

    fn copy_link(&mut self, ctx: &egui::Context, text: String) {
        ctx.copy_text(text.clone());
        if let Some(Dialog::Share(ShareDialog { stage: ShareStage::Ready { copied, .. }, .. })) = &mut self.model.dialog
        {
            *copied = Some(text);
        }
    }
}
