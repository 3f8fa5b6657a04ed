//! The whole window: where its parts stand.

use egui::{CentralPanel, Event, Frame, Id, Key, Modifiers, Panel, Rect, Ui, vec2};

use super::keys::{action_for, is_mac};
use super::theme::{Tokens, space};
use super::{banner, dialogs, find_bar, history, library, palette, people, status_bar, title_bar, widgets};
use crate::editor::command::{Action, Group, entry};
use crate::editor::dialog::{Dialog, FindView, PaletteDraft};
use crate::editor::history::HistoryView;
use crate::editor::library_view::LibraryView;
use crate::editor::people::{SidePanel, TitleBarView};
use crate::editor::request::{Banner, Notice, Request};
use crate::editor::status::StatusView;

/// All that the window shows besides the text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WindowView {
    /// The library, unless it is hidden.
    pub library: Option<LibraryView>,
    /// The title bar.
    pub title: TitleBarView,
    /// The status bar.
    pub status: StatusView,
    /// What must be seen.
    pub banners: Vec<Banner>,
    /// What may be seen.
    pub notices: Vec<Notice>,
    /// The find bar, while it is open.
    pub find: Option<FindView>,
    /// The history panel, while it is shown.
    pub history: Option<HistoryView>,
    /// The palette, while it is open.
    pub palette: Option<PaletteDraft>,
    /// The dialog, while there is one.
    pub dialog: Option<Dialog>,
}

/// How much wheel or fingers must enlarge for one step of the zoom.
const ZOOM_STEP: f32 = 1.2;

/// The width of the library before the user drags its edge, in points.
const LIBRARY: f32 = 272.0;

/// The width of the people panel, in points.
const PEOPLE: f32 = 248.0;

/// The width of the history panel, in points.
const HISTORY: f32 = 272.0;

/// Shows the window; `text` fills the middle when a document is open.
pub fn show(ui: &mut Ui, view: &WindowView, text: impl FnOnce(&mut Ui)) -> Vec<Request> {
    let tokens = Tokens::current(ui);
    let chrome = Frame::new().fill(tokens.chrome);
    let mut requests = Vec::new();
    let bar = Panel::bottom("status").exact_size(status_bar::HEIGHT).frame(chrome);
    requests.extend(bar.show(ui, |ui| status_bar::show(ui, &view.status)).inner);
    if let Some(library_view) = &view.library {
        let widest = (ui.available_width() * 0.5).clamp(240.0, 420.0);
        let panel = Panel::left("library").default_size(LIBRARY).size_range(240.0..=widest).frame(chrome);
        requests.extend(panel.show(ui, |ui| library::show(ui, library_view)).inner);
    }
    let bar = Panel::top("title").frame(chrome).show_separator_line(true);
    requests.extend(bar.show(ui, |ui| title_bar::show(ui, &view.title)).inner);
    if !view.banners.is_empty() {
        let panel = Panel::top("banners").frame(Frame::new()).show_separator_line(true);
        requests.extend(panel.show(ui, |ui| banner::show(ui, &view.banners)).inner);
    }
    let history_view = view.history.as_ref().filter(|_| view.title.has_document);
    if let Some(past) = history_view.filter(|view| view.is_past()) {
        let panel = Panel::top("past").frame(Frame::new()).show_separator_line(true);
        requests.extend(panel.show(ui, |ui| history::show_banner(ui, past)).inner);
    }
    if let (Some(find), true) = (&view.find, view.title.has_document) {
        requests.extend(Panel::top("find").frame(chrome).show(ui, |ui| find_bar::show(ui, find)).inner);
    }
    if view.title.side == Some(SidePanel::People) && view.title.has_document {
        let panel = Panel::right("people").exact_size(PEOPLE).resizable(false).frame(chrome);
        requests.extend(panel.show(ui, |ui| people::show(ui, &view.title.people)).inner);
    }
    if let Some(history_view) = history_view {
        let panel = Panel::right("history").exact_size(HISTORY).resizable(false).frame(chrome);
        requests.extend(panel.show(ui, |ui| history::show(ui, history_view)).inner);
    }
    let page = CentralPanel::no_frame().frame(Frame::new().fill(tokens.paper)).show(ui, |ui| {
        let page = ui.max_rect();
        if view.title.has_document {
            text(ui);
        } else {
            nothing_open(ui, &mut requests);
        }
        page
    });
    in_front(ui, view, page.inner, &mut requests);
    requests
}

/// What stands in front of the window.
fn in_front(ui: &Ui, view: &WindowView, page: Rect, requests: &mut Vec<Request>) {
    requests.extend(banner::show_notices(ui, page, &view.notices));
    if let Some(dialog) = &view.dialog {
        requests.extend(dialogs::show(ui, dialog));
    }
    if let Some(draft) = &view.palette {
        requests.extend(palette::show(ui, draft));
    }
}

fn nothing_open(ui: &mut Ui, requests: &mut Vec<Request>) {
    ui.add_space((ui.available_height() * 0.36).round());
    ui.vertical_centered(|ui| {
        ui.spacing_mut().item_spacing = vec2(space::S, space::S);
        ui.label(widgets::quiet(ui, "No document is open."));
        ui.label(widgets::quiet(ui, "Choose one from the library, or start a new one."));
        ui.add_space(space::S);
        if widgets::outlined_button(ui, None, "New document").clicked() {
            requests.push(Request::Do(Action::NewDocument));
        }
    });
}

/// Takes the keys of the window's own actions out of the input, so that no field sees them, and says what they ask for.
pub fn take_keys(ui: &Ui) -> Vec<Request> {
    let mut requests = Vec::new();
    let mac = is_mac(ui.ctx());
    // With Alt held, a letter comes as text too, behind its key.
    let mut is_letter_taken = false;
    ui.input_mut(|input| {
        input.events.retain(|event| {
            if matches!(event, Event::Text(_)) {
                return !std::mem::take(&mut is_letter_taken);
            }
            let Event::Key { key, pressed: true, modifiers, .. } = event else { return true };
            let action = action_for(*key, *modifiers, mac).filter(|&action| is_of_the_window(action));
            is_letter_taken = action.is_some() && modifiers.alt;
            requests.extend(action.map(Request::Do));
            action.is_none()
        });
    });
    requests
}

/// Takes the key that closes the history panel; not while a menu is open, which it closes first.
pub fn take_escape(ui: &Ui) -> bool {
    !egui::Popup::is_any_open(ui.ctx()) && ui.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Escape))
}

/// The wheel with the key of commands held, or two fingers that spread: steps of the same zoom that the keys take.
pub fn take_zoom(ui: &Ui) -> Vec<Request> {
    let id = Id::unique("zoom by wheel");
    let by = ui.input(egui::InputState::zoom_delta);
    let total = by * ui.data(|data| data.get_temp(id)).unwrap_or(1.0_f32);
    let step = match total {
        total if total >= ZOOM_STEP => Some(Action::ZoomIn),
        total if total <= 1.0 / ZOOM_STEP => Some(Action::ZoomOut),
        _ => None,
    };
    ui.data_mut(|data| data.insert_temp(id, if step.is_some() { 1.0 } else { total }));
    step.map(Request::Do).into_iter().collect()
}

/// What belongs to the window wherever the focus is: everything but typing and moving.
fn is_of_the_window(action: Action) -> bool {
    entry(action).is_some_and(|entry| !matches!(entry.group, Group::Edit | Group::Move))
}
