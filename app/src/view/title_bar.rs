//! The title bar: the title, who is here, and sharing.

use egui::{FontId, Frame, Id, Margin, Popup, Rect, Role, Sense, TextEdit, TextStyle, Ui, WidgetInfo, pos2, vec2};

use super::icons::Icon;
use super::theme::{RADIUS, Tokens, size, space};
use super::widgets::{self, icon_button, one_line, outlined_button, paint_initials, quiet};
use crate::editor::command::{Action, entry};
use crate::editor::library_view::{UNTITLED, title_or_untitled};
use crate::editor::people::{Person, Presence, SidePanel, TitleBarView};
use crate::editor::request::Request;
use crate::editor::words::cut;

/// The height of the bar, in points.
pub const HEIGHT: f32 = 48.0;

/// The most people shown one by one.
const FACES_MAX: usize = 5;

/// The most characters of a rival title on its button.
const RIVAL_CHARS_MAX: usize = 32;

/// The radius of a face, in points.
const FACE: f32 = 12.0;

/// What the menu of the bar offers, in groups.
const MENU: [&[Action]; 4] = [
    &[Action::Find, Action::Replace, Action::GoToLine],
    &[Action::ToggleWrap, Action::ToggleLineNumbers, Action::ToggleMonospace, Action::CycleTheme],
    &[Action::Export, Action::Archive, Action::Remove],
    &[Action::Palette, Action::Settings, Action::About],
];

/// The id of the field in which the title is edited.
pub fn title_id() -> Id {
    Id::unique("title")
}

/// Shows the bar, and under it the choice between titles that were given at once.
pub fn show(ui: &mut Ui, view: &TitleBarView) -> Vec<Request> {
    let mut requests = Vec::new();
    ui.spacing_mut().item_spacing = vec2(space::S, 0.0);
    Frame::new().inner_margin(Margin { left: 16, right: 12, top: 0, bottom: 0 }).show(ui, |ui| {
        let mut right = Vec::new();
        egui::Sides::new().height(HEIGHT).shrink_left().show(
            ui,
            |ui| left_side(ui, view, &mut requests),
            |ui| right_side(ui, view, &mut right),
        );
        requests.append(&mut right);
        if view.has_document && !view.rivals.is_empty() {
            rivals(ui, view, &mut requests);
        }
    });
    requests
}

fn left_side(ui: &mut Ui, view: &TitleBarView, requests: &mut Vec<Request>) {
    if view.library_hidden && icon_button(ui, Icon::Library, "Show the library", &view.keys.library).clicked() {
        requests.push(Request::Do(Action::ToggleLibrary));
    }
    if !view.has_document {
        return;
    }
    match &view.editing {
        Some(text) => edit_title(ui, text, requests),
        None => title(ui, view, requests),
    }
}

fn title(ui: &mut Ui, view: &TitleBarView, requests: &mut Vec<Request>) {
    let tokens = Tokens::current(ui);
    let text = title_or_untitled(if view.title.trim().is_empty() { &view.stands_in } else { &view.title });
    let ink = if view.title.trim().is_empty() { tokens.quiet } else { tokens.ink };
    let galley = one_line(ui, text, FontId::proportional(size::TITLE), ink, ui.available_width() - 2.0 * space::S);
    let (rect, response) = ui.allocate_exact_size(galley.size() + vec2(2.0 * space::S, space::S), Sense::click());
    let rect = rect.translate(vec2(-space::S, 0.0));
    if response.hovered() || response.has_focus() {
        ui.painter().rect_filled(rect, RADIUS, tokens.hover);
    }
    let elided = galley.elided;
    ui.painter().galley(pos2(rect.left() + space::S, rect.center().y - galley.size().y / 2.0), galley, ink);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("Title: {text}")));
    let hint = if elided { format!("{text}\nClick to rename") } else { "Click to rename".to_owned() };
    if response.on_hover_cursor(egui::CursorIcon::Text).on_hover_text(hint).clicked() {
        requests.push(Request::EditTitle(Some(view.title.clone())));
    }
}

fn edit_title(ui: &mut Ui, text: &str, requests: &mut Vec<Request>) {
    let tokens = Tokens::current(ui);
    let mut text = text.to_owned();
    let frame = Frame::new().inner_margin(Margin::symmetric(8, 3)).fill(tokens.paper).corner_radius(RADIUS);
    let edit = TextEdit::singleline(&mut text).id(title_id()).font(TextStyle::Heading).frame(frame);
    let width = ui.available_width() - 2.0 * space::S;
    let response = ui.add(edit.hint_text(UNTITLED).desired_width(width)).accessible_name("Title");
    widgets::focus_ring(ui.painter(), response.rect, tokens);
    widgets::focus_first(ui, &response);
    if response.lost_focus() {
        let given_up = ui.input(|input| input.key_pressed(egui::Key::Escape));
        requests.push(if given_up { Request::EditTitle(None) } else { Request::SetTitle(text) });
    } else if response.changed() {
        requests.push(Request::EditTitle(Some(text)));
    }
}

fn right_side(ui: &mut Ui, view: &TitleBarView, requests: &mut Vec<Request>) {
    ui.spacing_mut().item_spacing.x = space::XS;
    let more = icon_button(ui, Icon::More, "More commands", "");
    Popup::menu(&more).show(|ui| menu(ui, view, requests));
    if !view.has_document {
        return;
    }
    let share = outlined_button(ui, Some(Icon::Share), "Share");
    if share.on_hover_text(widgets::with_keys("Share this document", &view.keys.share)).clicked() {
        requests.push(Request::Do(Action::Share));
    }
    let name = if view.side == Some(SidePanel::History) {
        "Hide the history"
    } else {
        "Show what the text was, and who wrote it"
    };
    let history = outlined_button(ui, Some(Icon::History), "History");
    if history.on_hover_text(widgets::with_keys(name, &view.keys.history)).clicked() {
        requests.push(Request::Do(Action::ToggleHistory));
    }
    ui.add_space(space::S);
    faces(ui, view, requests);
}

fn menu(ui: &mut Ui, view: &TitleBarView, requests: &mut Vec<Request>) {
    let mac = cfg!(target_os = "macos");
    ui.set_min_width(232.0);
    let groups = if view.has_document { &MENU[..] } else { &MENU[MENU.len() - 1..] };
    for (at, group) in groups.iter().enumerate() {
        if at > 0 {
            ui.separator();
        }
        for entry in group.iter().filter_map(|&action| entry(action)) {
            let keys = quiet(ui, entry.keys_label(mac).unwrap_or_default());
            if ui.add(egui::Button::new(widgets::small(ui, entry.title)).right_text(keys)).clicked() {
                requests.push(Request::Do(entry.action));
                ui.close();
            }
        }
    }
}

/// The faces of the others, the first one rightmost; a click shows the people panel.
fn faces(ui: &mut Ui, view: &TitleBarView, requests: &mut Vec<Request>) {
    let others: Vec<&Person> = view.people.iter().filter(|person| person.presence != Presence::Me).collect();
    if others.is_empty() {
        return;
    }
    let shown = others.len().min(FACES_MAX);
    let more = others.len() - shown;
    let step = 2.0 * FACE - 3.0;
    let slots = shown + usize::from(more > 0);
    let width = (0..slots).fold(5.0, |width, _| width + step);
    let (rect, response) = ui.allocate_exact_size(vec2(width, 2.0 * FACE + 4.0), Sense::click());
    let tokens = Tokens::current(ui);
    let mut middle = pos2(rect.left() + FACE + 2.0, rect.center().y);
    for (at, person) in others.iter().take(shown).enumerate() {
        let color = (person.presence == Presence::Here).then(|| tokens.person(person.color));
        paint_initials(ui, middle, FACE, &person.initials(), color, tokens.chrome);
        let face = Rect::from_center_size(middle, vec2(step, 2.0 * FACE));
        let hover = ui.interact(face, response.id.with(at), Sense::hover());
        hover.widget_info(|| WidgetInfo::labeled(Role::Image, true, person.words()));
        hover.on_hover_text(person.words());
        middle.x += step;
    }
    if more > 0 {
        paint_initials(ui, middle, FACE, &format!("+{more}"), None, tokens.chrome);
    }
    let name = if view.side == Some(SidePanel::People) { "Hide people and devices" } else { "Show people and devices" };
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, name));
    if response.has_focus() {
        widgets::focus_ring(ui.painter(), rect, tokens);
    }
    if response.clicked() {
        requests.push(Request::Do(Action::TogglePeople));
    }
}

/// Two titles that were given at once: one click settles it.
fn rivals(ui: &mut Ui, view: &TitleBarView, requests: &mut Vec<Request>) {
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = vec2(space::S, space::XS);
        ui.label(quiet(ui, "Titles given at the same time; keep:"));
        for title in std::iter::once(&view.title).chain(&view.rivals) {
            let button = outlined_button(ui, None, &cut(title_or_untitled(title), RIVAL_CHARS_MAX));
            let name = format!("Keep the title “{}”", title_or_untitled(title));
            button.widget_info(|| WidgetInfo::labeled(Role::Button, true, &name));
            if button.on_hover_text(name).clicked() {
                requests.push(Request::SetTitle(title.clone()));
            }
        }
    });
    ui.add_space(space::S);
}
