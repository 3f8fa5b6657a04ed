//! One frame: model → plain view data → pixels → requests → effects.

use std::time::Duration;

use quire_crdt::sync::LinkState;

use super::App;
use super::entries::{people, saved};
use crate::editor::command::{Action, entry};
use crate::editor::dialog::Dialog;
use crate::editor::library_view::{arrange, title_or_untitled};
use crate::editor::people::{SidePanel, TitleBarKeys, TitleBarView};
use crate::editor::request::Request;
use crate::editor::status::{StatusView, clock_words};
use crate::session::DocumentStatus;
use crate::view::keys::is_mac;
use crate::view::window::{self, WindowView};

/// How long the words around the text may lag behind it.
const WORDS_MAY_LAG: Duration = Duration::from_millis(50);

/// What is said to somebody who writes into what was.
pub(super) const PAST_WORDS: &str =
    "This is the past: nothing can be written here. Escape closes the history; then you write on.";

impl App {
    /// Shows the window, and carries out what was asked for.
    pub(super) fn frame(&mut self, ui: &mut egui::Ui) {
        let covered = self.model.is_covered();
        let mut requests = Vec::new();
        if !covered {
            requests.extend(window::take_keys(ui));
            requests.extend(window::take_zoom(ui));
            let is_free = self.model.find.is_none() && self.model.editing_title.is_none();
            if is_free && self.model.open.is_some() && self.pane.shows_history() && window::take_escape(ui) {
                requests.push(Request::Do(Action::ToggleHistory));
            }
        }
        if matches!(self.model.dialog, Some(Dialog::OpenLink { .. })) {
            self.take_dropped_picture(ui);
        }
        let view = self.view(ui.ctx());
        let (pane, session, happened) = (&mut self.pane, &mut self.session, &mut self.happened);
        requests.extend(window::show(ui, &view, |ui| pane.show(ui, session, happened, covered)));
        if self.pane.take_refusal() {
            self.say(PAST_WORDS);
        }
        let has_requests = !requests.is_empty();
        let ctx = ui.ctx().clone();
        self.name_window(&ctx, &view.title);
        for request in requests {
            self.act(&ctx, request);
        }
        if has_requests {
            ctx.request_repaint();
        } else if !self.happened.is_empty() {
            // The text is shown as it is now; the words around it follow with the disk's answer, or soon.
            ctx.request_repaint_after(WORDS_MAY_LAG);
        }
    }

    /// A picture that is dropped where a link is asked for is looked at for one.
    fn take_dropped_picture(&self, ui: &egui::Ui) {
        let dropped = ui.input_mut(|input| std::mem::take(&mut input.raw.dropped_files));
        if let Some(file) = dropped.first() {
            self.files.read_picture(file.path());
        }
    }

    /// Puts the title into the window's frame, where the system lists windows.
    fn name_window(&mut self, ctx: &egui::Context, title: &TitleBarView) {
        let shown = if title.title.trim().is_empty() { &title.stands_in } else { &title.title };
        let name =
            if title.has_document { format!("{} — Quire", title_or_untitled(shown)) } else { "Quire".to_owned() };
        if name != self.window_title {
            ctx.send_viewport_cmd(egui::ViewportCommand::Title(name.clone()));
            self.window_title = name;
        }
    }

    fn view(&mut self, ctx: &egui::Context) -> WindowView {
        let now = self.session.now();
        let status = self.model.open.and_then(|id| self.session.status(id));
        let entries = self.listed(now.wall_us);
        let library = arrange(&entries, &self.model.query, self.model.open, now.wall_us);
        Self::wake_for_words(ctx, library.stays_true_us.filter(|_| self.model.library_shown));
        WindowView {
            library: self.model.library_shown.then_some(library),
            title: self.title_bar(ctx, status.as_ref()),
            status: self.status_bar(ctx, status.as_ref(), now.wall_us),
            banners: self.model.banners.clone(),
            notices: self.model.notices(now.monotonic_us),
            find: self
                .model
                .find
                .as_ref()
                .map(|draft| self.pane.find_view(&self.session, draft, self.model.find_focus)),
            history: self.pane.history_view(&self.session),
            palette: self.model.palette.clone(),
            dialog: self.model.dialog.clone(),
        }
    }

    fn title_bar(&self, ctx: &egui::Context, status: Option<&DocumentStatus>) -> TitleBarView {
        let keys = |action| entry(action).and_then(|entry| entry.keys_label(is_mac(ctx))).unwrap_or_default();
        let keys = TitleBarKeys {
            library: keys(Action::ToggleLibrary),
            history: keys(Action::ToggleHistory),
            share: keys(Action::Share),
            palette: keys(Action::Palette),
        };
        let (Some(id), Some(status)) = (self.model.open, status) else {
            return TitleBarView { library_hidden: !self.model.library_shown, keys, ..TitleBarView::default() };
        };
        let mut titles = self.session.titles(id).into_iter().map(|(title, _)| title);
        let title = titles.next().unwrap_or_default();
        let mut rivals: Vec<String> = titles.filter(|rival| *rival != title).collect();
        rivals.dedup();
        TitleBarView {
            has_document: true,
            stands_in: self.session.title(id),
            title,
            rivals,
            editing: self.model.editing_title.clone(),
            people: people(&self.session, id, status),
            library_hidden: !self.model.library_shown,
            side: if self.pane.shows_history() {
                Some(SidePanel::History)
            } else {
                self.model.people_shown.then_some(SidePanel::People)
            },
            keys,
        }
    }

    fn status_bar(&mut self, ctx: &egui::Context, status: Option<&DocumentStatus>, now_us: i64) -> StatusView {
        let Some(status) = status else { return StatusView::default() };
        let save = saved(&self.session, status, now_us);
        Self::wake_for_words(ctx, save.stays_true_us);
        let caret = self.pane.caret(&self.session);
        StatusView {
            save,
            clock: status.clock_offset_us.and_then(|(offset, uncertainty)| clock_words(offset, uncertainty)),
            round_trip_us: status.round_trip_us.filter(|_| status.link == LinkState::Live),
            caret: caret.map(|(caret, _)| caret),
            words: self.pane.words(&self.session),
            selected: caret.map_or(0, |(_, selected)| selected),
            zoom_percent: self.model.zoom_shown(),
        }
    }

    fn wake_for_words(ctx: &egui::Context, after_us: Option<u64>) {
        if let Some(us) = after_us {
            ctx.request_repaint_after(Duration::from_micros(us));
        }
    }

    /// Asks to be woken when something is due.
    pub(super) fn plan_next_frame(&self, ctx: &egui::Context) {
        let now_us = self.session.now().monotonic_us;
        let timers = [self.session.next_timer_us(), self.model.next_timer_us(), self.pane.next_timer_us()];
        for at_us in timers.into_iter().flatten() {
            ctx.request_repaint_after(Duration::from_micros(at_us.saturating_sub(now_us)));
        }
    }
}
