//! The window: inbox → model → view → commands → effects.
//!
//! Before each frame `logic` moves what happened outside into the model. The frame itself is a function of the model:
//! it gives requests, which are carried out before the next one. Nothing is drawn without an event; what changes by time
//! alone (a notice that goes, `3 min ago`) asks to be woken when it does.

mod act;
mod buffer;
mod confirm;
mod entries;
mod file_dialogs;
mod frame;
mod happened;
mod model;
mod nearby;
mod pane;
mod past;
mod place;
mod refused;
mod search;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use quire_crdt::{DocumentId, VersionVector};

use self::file_dialogs::FileDialogs;
use self::model::Model;
use self::pane::Pane;
pub use self::place::Place;
use self::refused::Refused;
use self::search::Search;
use crate::editor::library_view::LibraryEntry;
use crate::editor::settings::{Settings, ThemeChoice};
use crate::session::{Notice, Session};
use crate::shell::host::Host;
use crate::shell::store::exposure;
use crate::view::theme;

/// The size of the window at the start, in points.
const WINDOW_SIZE: [f32; 2] = [1180.0, 760.0];

/// The smallest size of the window, in points.
const WINDOW_SIZE_MIN: [f32; 2] = [560.0, 360.0];

/// How long closing the window waits for the disk.
const CLOSE_TIME_MAX: Duration = Duration::from_secs(5);

/// After what time an event is shown: at once. Asked without any delay, egui would draw two frames for each.
const AT_ONCE: Duration = Duration::from_nanos(1);

/// What a library without documents starts with.
const WELCOME: &str = include_str!("app/welcome.md");

/// The title of that document.
const WELCOME_TITLE: &str = "Welcome to Quire";

/// Opens the window on a library and returns when it is closed; `open` is the document to show first, `place` where the window
/// stands if that is not left to the desktop: it has no library beside the text then.
///
/// # Errors
/// When no window can be opened.
pub fn run(session: Session, open: Option<DocumentId>, place: Option<Place>) -> Result<(), eframe::Error> {
    let viewport = egui::ViewportBuilder::default()
        .with_title("Quire")
        .with_app_id("quire")
        .with_inner_size(WINDOW_SIZE)
        .with_min_inner_size(WINDOW_SIZE_MIN);
    let options = eframe::NativeOptions { viewport, ..eframe::NativeOptions::default() };
    eframe::run_native(
        "quire",
        options,
        Box::new(move |context| Ok(Box::new(App::new(session, open, place, &context.egui_ctx)))),
    )
}

/// The window's state.
struct App {
    session: Session,
    model: Model,
    /// Where the window is to stand and does not stand yet.
    place: Option<Place>,
    pane: Pane,
    files: FileDialogs,
    search: Search,
    host: Option<Host>,
    /// What happened and is not shown yet.
    happened: Vec<Notice>,
    /// The library as it was listed last.
    entries: Vec<LibraryEntry>,
    /// Whether it has to be listed again.
    entries_stale: bool,
    /// Documents that others changed since they were looked at.
    unread: BTreeSet<DocumentId>,
    /// What open documents had when their link went away.
    away: BTreeMap<DocumentId, VersionVector>,
    /// Documents that relays refuse for good.
    refused: Refused,
    /// What stands in the window's frame.
    window_title: String,
}

impl App {
    fn new(session: Session, open: Option<DocumentId>, place: Option<Place>, ctx: &egui::Context) -> Self {
        theme::install(ctx);
        let waker = ctx.clone();
        session.on_event(move || waker.request_repaint_after(AT_ONCE));
        let mut app = Self {
            session,
            model: Model::new(place.is_none()),
            place,
            pane: Pane::new(),
            files: FileDialogs::new(ctx),
            search: Search::default(),
            host: None,
            happened: Vec::new(),
            entries: Vec::new(),
            entries_stale: true,
            unread: BTreeSet::new(),
            away: BTreeMap::new(),
            refused: Refused::default(),
            window_title: String::new(),
        };
        app.apply_look(ctx);
        for problem in app.session.settings_problems().to_vec() {
            app.warn(problem);
        }
        if let Some(words) = exposure(app.session.folder()) {
            app.warn(confirm::sentence(&words));
        }
        app.host_again();
        if let Some(id) = app.first_document(open) {
            app.open(id);
        }
        app
    }

    /// What to show first: what was asked for, else what was edited last, else a page that says what this is.
    fn first_document(&mut self, asked: Option<DocumentId>) -> Option<DocumentId> {
        if asked.is_some() {
            return asked;
        }
        let list = self.session.list();
        if list.is_empty() {
            return match self.session.import(WELCOME_TITLE, WELCOME) {
                Ok(id) => Some(id),
                Err(error) => {
                    self.warn(format!("No document could be made: {}", confirm::sentence(&error)));
                    None
                }
            };
        }
        list.into_iter().find(|summary| !summary.archived).map(|summary| summary.id)
    }

    /// Gives egui the theme, and the text area the letters, of the settings.
    fn apply_look(&mut self, ctx: &egui::Context) {
        show_theme(ctx, self.session.settings().theme);
        self.pane.set_look(self.session.settings(), self.model.zoom_percent);
    }

    /// Shows what settings would look like.
    fn preview(&mut self, ctx: &egui::Context, settings: &Settings) {
        show_theme(ctx, settings.theme);
        self.pane.set_look(settings, self.model.zoom_percent);
    }

    fn say(&mut self, text: impl Into<String>) {
        let now_us = self.session.now().monotonic_us;
        self.model.say(now_us, text);
    }

    fn warn(&mut self, text: impl Into<String>) {
        self.model.warn(text);
    }
}

fn show_theme(ctx: &egui::Context, theme: ThemeChoice) {
    ctx.options_mut(|options| options.fallback_theme = egui::Theme::Light);
    ctx.set_theme(match theme {
        ThemeChoice::System => egui::ThemePreference::System,
        ThemeChoice::Light => egui::ThemePreference::Light,
        ThemeChoice::Dark => egui::ThemePreference::Dark,
    });
}

impl eframe::App for App {
    fn logic(&mut self, ctx: &egui::Context, _frame: &mut eframe::Frame) {
        self.place = self.place.filter(|place| !place.take(ctx));
        self.take_what_happened(ctx);
        self.play_on(ctx);
        self.take_chosen_files();
        self.look_further(ctx);
        self.plan_next_frame(ctx);
    }

    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        self.frame(ui);
    }

    fn clear_color(&self, visuals: &egui::Visuals) -> [f32; 4] {
        visuals.panel_fill.to_normalized_gamma_f32()
    }

    fn on_exit(&mut self, _gl: Option<&eframe::glow::Context>) {
        if !self.session.flush(CLOSE_TIME_MAX) {
            tracing::error!("the disk did not take everything before the window was closed");
        }
    }
}

#[cfg(test)]
mod tests;
