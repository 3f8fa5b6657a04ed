//! The find bar: what to find, how, how often it is there, and what to put in its place.

use egui::{Align, Frame, Id, Key, Label, Layout, Margin, Modifiers, RichText, Sense, TextStyle, Ui, vec2};

use super::icons::Icon;
use super::theme::{Tokens, space};
use super::widgets::{field, icon_button, letter_toggle, outlined_button};
use crate::editor::command::Action;
use crate::editor::dialog::{FindDraft, FindView};
use crate::editor::request::Request;
use crate::editor::words::quantity;

/// The id of the field for what to find.
pub fn query_id() -> Id {
    Id::unique("find query")
}

/// The narrowest the query field gets, in points.
const FIELD_MIN: f32 = 120.0;

/// The widest it gets, in points.
const FIELD_MAX: f32 = 320.0;

/// Shows the bar.
pub fn show(ui: &mut Ui, view: &FindView) -> Vec<Request> {
    let mut requests = Vec::new();
    let mut draft = view.draft.clone();
    ui.spacing_mut().item_spacing = vec2(space::XS, space::XS);
    Frame::new().inner_margin(Margin { left: 16, right: 12, top: 6, bottom: 6 }).show(ui, |ui| {
        let width = (ui.available_width() - 332.0).clamp(FIELD_MIN, FIELD_MAX);
        ui.horizontal(|ui| find_row(ui, view, &mut draft, width, &mut requests));
        if draft.replacing {
            ui.horizontal(|ui| replace_row(ui, view, &mut draft, width, &mut requests));
        }
    });
    if draft != view.draft {
        requests.push(Request::Find(Some(draft)));
    }
    if ui.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Escape)) {
        requests.push(Request::Find(None));
    }
    requests
}

fn find_row(ui: &mut Ui, view: &FindView, draft: &mut FindDraft, width: f32, requests: &mut Vec<Request>) {
    let response = field(ui, query_id(), "Find", "Find", &mut draft.query, width);
    take_focus(ui, view, &response);
    if response.lost_focus() {
        step_by_enter(ui, &response, requests);
    }
    if letter_toggle(ui, "Aa", "Upper and lower case differ", draft.case).clicked() {
        draft.case = !draft.case;
    }
    if letter_toggle(ui, "ab|", "Whole words only", draft.word).clicked() {
        draft.word = !draft.word;
    }
    if letter_toggle(ui, ".*", "Regular expression", draft.regex).clicked() {
        draft.regex = !draft.regex;
    }
    if letter_toggle(ui, "[ ]", "Only in the selection", draft.within).clicked() {
        draft.within = !draft.within;
    }
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        if icon_button(ui, Icon::Close, "Close the find bar", "Esc").clicked() {
            requests.push(Request::Find(None));
        }
        let some = view.count > 0;
        ui.add_enabled_ui(some, |ui| {
            for (icon, action, name) in
                [(Icon::Down, Action::FindNext, "Next match"), (Icon::Up, Action::FindPrevious, "Match before")]
            {
                let keys =
                    crate::editor::command::entry(action).and_then(|entry| entry.keys_label(cfg!(target_os = "macos")));
                if icon_button(ui, icon, name, &keys.unwrap_or_default()).clicked() {
                    requests.push(Request::Do(action));
                }
            }
        });
        count(ui, view);
    });
}

/// The query field takes the focus once whenever it is asked to.
fn take_focus(ui: &Ui, view: &FindView, response: &egui::Response) {
    let seen_id = query_id().with("focus taken");
    let seen = ui.data(|data| data.get_temp::<u64>(seen_id));
    if seen != Some(view.focus) {
        ui.data_mut(|data| data.insert_temp(seen_id, view.focus));
        response.request_focus();
    }
}

/// Enter goes to the next match, with shift to the one before; the field keeps the focus.
fn step_by_enter(ui: &Ui, response: &egui::Response, requests: &mut Vec<Request>) {
    let (enter, shift) = ui.input(|input| (input.key_pressed(Key::Enter), input.modifiers.shift));
    if enter {
        requests.push(Request::Do(if shift { Action::FindPrevious } else { Action::FindNext }));
        response.request_focus();
    }
}

fn count(ui: &mut Ui, view: &FindView) {
    let tokens = Tokens::current(ui);
    let words = view.count_words();
    let wrong = view.error.is_some() || (view.count == 0 && !view.draft.query.is_empty());
    let color = if wrong { tokens.error } else { tokens.quiet };
    let text = RichText::new(&words).text_style(TextStyle::Small).color(color);
    let label = ui.add(Label::new(text).truncate().sense(Sense::hover()));
    if view.error.is_some() {
        label.on_hover_text(words);
    }
}

fn replace_row(ui: &mut Ui, view: &FindView, draft: &mut FindDraft, width: f32, requests: &mut Vec<Request>) {
    let id = Id::unique("find replacement");
    let response = field(ui, id, "Replace with", "Replace with", &mut draft.replacement, width);
    if response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter)) {
        requests.push(Request::ReplaceOne);
        response.request_focus();
    }
    ui.add_enabled_ui(view.count > 0, |ui| {
        if outlined_button(ui, None, "Replace").clicked() {
            requests.push(Request::ReplaceOne);
        }
        let all = outlined_button(ui, None, "Replace all");
        if all.on_hover_text(format!("Replace in {}", quantity(view.count as u64, "place"))).clicked() {
            requests.push(Request::ReplaceAll);
        }
    });
}
