//! The side panel with the history of a document: a slider over its changes, who made them, and the ways back.

mod names;
mod slider;

use egui::{
    Align, Checkbox, FontId, Frame, Id, Label, Layout, Margin, RichText, Role, ScrollArea, Sense, Stroke, TextStyle,
    Ui, UiBuilder, WidgetInfo, pos2, vec2,
};

use super::icons::Icon;
use super::keys::is_mac;
use super::theme::{Tokens, mix, size, space};
use super::widgets::{
    BUTTON, icon_button, letter_toggle, outlined_button, paint_initials, primary_button, quiet, small, with_keys,
};
use crate::editor::command::{Action, Travel, entry};
use crate::editor::history::{Author, HistoryRequest, HistoryView, Speed};
use crate::editor::request::Request;
use crate::editor::words::{cut, initials, quantity};

/// The steps back, as buttons.
const STEPS_BACK: [(Icon, Travel); 3] =
    [(Icon::First, Travel::Start), (Icon::FarLeft, Travel::TurnBack), (Icon::Left, Travel::Back)];

/// The steps on, as buttons.
const STEPS_ON: [(Icon, Travel); 3] =
    [(Icon::Right, Travel::Forward), (Icon::FarRight, Travel::TurnForward), (Icon::Last, Travel::Now)];

/// How many characters of the name of what is compared stand beside its box.
const PIN_CHARS_MAX: usize = 22;

/// The height of a line with a box to tick, in points.
const MARK: f32 = 20.0;

/// What the order of changes is.
const ORDER: &str =
    "Changes stand in the order in which they came to this computer. Their times are those of their authors’ clocks.";

/// Shows the panel.
pub fn show(ui: &mut Ui, view: &HistoryView) -> Vec<Request> {
    // What has the keyboard keeps it when the banner over the text comes or goes.
    let own = UiBuilder::new().scope_id(Id::unique("history panel"));
    ui.scope_builder(own, |ui| panel(ui, view)).inner
}

fn panel(ui: &mut Ui, view: &HistoryView) -> Vec<Request> {
    let mut requests = Vec::new();
    Frame::new().inner_margin(Margin { left: 12, right: 0, top: 10, bottom: 8 }).show(ui, |ui| {
        ui.spacing_mut().item_spacing = vec2(space::S, space::S);
        ui.horizontal(|ui| {
            ui.label(RichText::new("History").text_style(TextStyle::Body));
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                ui.add_space(space::S);
                if icon_button(ui, Icon::Close, "Close the history", "").clicked() {
                    requests.push(Request::Do(Action::ToggleHistory));
                }
            });
        });
        if view.total == 0 {
            let words = "Nothing has been written yet. Every change will be kept here, and can be brought back.";
            ui.add(Label::new(quiet(ui, words)).wrap());
            return;
        }
        ScrollArea::vertical().id_salt("history").auto_shrink(false).show(ui, |ui| content(ui, view, &mut requests));
    });
    requests
}

fn content(ui: &mut Ui, view: &HistoryView, requests: &mut Vec<Request>) {
    // The scroll bar stands beside, and not over, what can be clicked.
    ui.set_max_width(ui.available_width() - space::M);
    ui.add(Label::new(small(ui, view.place())).truncate());
    requests.extend(slider::show(ui, view));
    ui.scope(|ui| axis(ui, view));
    transport(ui, view, requests);
    change(ui, view);
    ui.scope(|ui| marks(ui, view, requests));
    compare(ui, view, requests);
    ui.add_space(space::XS);
    restore(ui, view, requests);
    ui.add_space(space::S);
    names::show(ui, view, requests);
    ui.add_space(space::S);
    authors(ui, view);
    ui.add_space(space::S);
    ui.add(Label::new(quiet(ui, ORDER)).wrap());
}

/// From when to when the history goes.
fn axis(ui: &mut Ui, view: &HistoryView) {
    let (from, to) = view.stretch();
    if from.is_none() && to.is_none() {
        return;
    }
    ui.spacing_mut().interact_size.y = 0.0;
    ui.add_space(-space::S);
    ui.horizontal(|ui| {
        ui.label(quiet(ui, from.unwrap_or_default()));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| ui.label(quiet(ui, to.unwrap_or_default())));
    });
}

/// The steps, and between them what plays; at the end, how fast.
fn transport(ui: &mut Ui, view: &HistoryView, requests: &mut Vec<Request>) {
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = ((ui.available_width() - 8.0 * BUTTON) / 7.0).max(0.0);
        steps(ui, STEPS_BACK, view.shown > 0, requests);
        let (icon, name) = match (view.is_playing, view.is_now()) {
            (true, _) => (Icon::Pause, "Pause"),
            (false, true) => (Icon::Play, "Play from the start"),
            (false, false) => (Icon::Play, "Play from here"),
        };
        if icon_button(ui, icon, name, &keys_of(ui, Action::PlayHistory)).clicked() {
            requests.push(Request::Do(Action::PlayHistory));
        }
        steps(ui, STEPS_ON, !view.is_now(), requests);
        let (letters, name) = match view.speed {
            Speed::Once => ("1×", "Speed of playing: normal"),
            Speed::Twice => ("2×", "Speed of playing: twice as fast"),
            Speed::FourTimes => ("4×", "Speed of playing: four times as fast"),
        };
        if letter_toggle(ui, letters, name, false).clicked() {
            requests.push(Request::History(HistoryRequest::NextSpeed));
        }
    });
}

fn steps(ui: &mut Ui, steps: [(Icon, Travel); 3], possible: bool, requests: &mut Vec<Request>) {
    for (icon, travel) in steps {
        let Some(entry) = entry(Action::Travel(travel)) else { continue };
        let keys = keys_of(ui, entry.action);
        let button = ui.add_enabled_ui(possible, |ui| icon_button(ui, icon, entry.title, &keys)).inner;
        if button.clicked() {
            requests.push(Request::Do(entry.action));
        }
    }
}

fn keys_of(ui: &Ui, action: Action) -> String {
    entry(action).and_then(|entry| entry.keys_label(is_mac(ui.ctx()))).unwrap_or_default()
}

/// Who made the change, what it did, and when. Always three lines, so that nothing below moves with each step.
fn change(ui: &mut Ui, view: &HistoryView) {
    let (author, words) = match &view.change {
        Some((author, words)) => (author.words(), words.as_str()),
        None => ("Nothing was written yet.".to_owned(), ""),
    };
    ui.horizontal(|ui| {
        let tokens = Tokens::current(ui);
        let (rect, _) = ui.allocate_exact_size(vec2(28.0, 36.0), Sense::hover());
        if let Some((author, _)) = &view.change {
            disc(ui, rect.center(), 13.0, author, tokens);
        }
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing.y = 2.0;
            ui.add(Label::new(small(ui, author)).truncate());
            ui.add(Label::new(quiet(ui, words)).truncate());
            ui.add(Label::new(quiet(ui, view.moment())).truncate());
        });
    });
}

fn disc(ui: &Ui, middle: egui::Pos2, radius: f32, author: &Author, tokens: &Tokens) {
    paint_initials(ui, middle, radius, &initials(&author.name), Some(tokens.person(author.colour)), tokens.chrome);
}

fn marks(ui: &mut Ui, view: &HistoryView, requests: &mut Vec<Request>) {
    let tokens = Tokens::current(ui);
    ui.visuals_mut().widgets.inactive.bg_fill = tokens.paper;
    ui.visuals_mut().widgets.inactive.bg_stroke = Stroke::new(1.0, tokens.quiet);
    ui.spacing_mut().interact_size.y = MARK;
    let mut shows = view.shows_authors && !view.compares;
    let text = small(ui, "Authors’ colours");
    if ui.add_enabled(!view.compares, Checkbox::new(&mut shows, text)).changed() {
        requests.push(Request::History(HistoryRequest::ShowAuthors(shows)));
    }
    let mut compares = view.compares;
    let with = view.pin.as_ref().map_or("now", |(_, words)| words);
    let text = small(ui, format!("Compare with {}", cut(with, PIN_CHARS_MAX)));
    if ui.add(Checkbox::new(&mut compares, text)).changed() {
        requests.push(Request::History(HistoryRequest::Compare(compares)));
    }
}

/// What is compared, how to choose it, and how much differs.
fn compare(ui: &mut Ui, view: &HistoryView, requests: &mut Vec<Request>) {
    let asked = if view.pin.is_some() {
        let button = outlined_button(ui, None, "Compare with now instead");
        button.clicked().then_some(Request::History(HistoryRequest::Compare(true)))
    } else {
        let keys = keys_of(ui, Action::CompareFromHere);
        let button = outlined_button(ui, None, "Compare from here");
        let words = "Keeps this place, to compare others with it. Shift and a click on the track keep another one.";
        let button = button.on_hover_text(with_keys(words, &keys));
        button.clicked().then_some(Request::Do(Action::CompareFromHere))
    };
    requests.extend(asked);
    if let Some(words) = view.comparison() {
        ui.add(Label::new(quiet(ui, words)).wrap());
        if let Some(times) = view.compared_times() {
            ui.add(Label::new(quiet(ui, times)).wrap());
        }
    } else if view.compares {
        ui.add(Label::new(quiet(ui, "This is now: step back to compare.")).wrap());
    }
}

fn restore(ui: &mut Ui, view: &HistoryView, requests: &mut Vec<Request>) {
    if primary_button(ui, "Restore this version", !view.is_now()).clicked() {
        requests.push(Request::Do(Action::RestoreVersion));
    }
    let is_possible = !view.is_now() && view.has_selection && view.pin.is_none();
    let button = ui.add_enabled_ui(is_possible, |ui| outlined_button(ui, None, "Restore what is selected")).inner;
    let why = match view.pin {
        Some(_) => "Compare with now to bring back a passage.",
        None => "Select something in the text that was.",
    };
    if button.on_disabled_hover_text(why).clicked() {
        requests.push(Request::Do(Action::RestoreSelection));
    }
    ui.add(Label::new(quiet(ui, "As a new edit, which undo takes back.")).wrap());
}

fn authors(ui: &mut Ui, view: &HistoryView) {
    ui.label(small(ui, "Who wrote"));
    for (author, changes) in &view.authors {
        let words = author.words();
        ui.horizontal(|ui| {
            let tokens = Tokens::current(ui);
            let (rect, _) = ui.allocate_exact_size(vec2(20.0, 20.0), Sense::hover());
            disc(ui, rect.center(), 9.0, author, tokens);
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                ui.label(quiet(ui, quantity(*changes as u64, "change")));
                ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                    ui.add(Label::new(small(ui, &words)).truncate());
                });
            });
        });
    }
    if view.more_authors > 0 {
        ui.label(quiet(ui, format!("and {} more", view.more_authors)));
    }
}

/// Shows over a text that was that it is one, and the way back.
pub fn show_banner(ui: &mut Ui, view: &HistoryView) -> Vec<Request> {
    let mut requests = Vec::new();
    let tokens = Tokens::current(ui);
    let fill = mix(tokens.paper, tokens.accent, 0.12);
    Frame::new().fill(fill).inner_margin(Margin::symmetric(16, 6)).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.horizontal(|ui| {
            let (sign, _) = ui.allocate_exact_size(vec2(16.0, 16.0), Sense::hover());
            super::icons::paint(ui.painter(), Icon::History, sign, tokens.accent);
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                let (word, request) = if view.is_now() {
                    ("End comparing", Request::History(HistoryRequest::Compare(false)))
                } else {
                    ("Back to now", Request::Do(Action::Travel(Travel::Now)))
                };
                if outlined_button(ui, None, word).clicked() {
                    requests.push(request);
                }
                let (words, width) = (view.banner(), ui.available_width());
                let galley = ui.painter().layout(words.clone(), FontId::proportional(size::SMALL), tokens.ink, width);
                let room = vec2(width, galley.size().y.max(BUTTON));
                let (rect, response) = ui.allocate_exact_size(room, Sense::hover());
                response.widget_info(|| WidgetInfo::labeled(Role::Status, true, &words));
                ui.painter().galley(pos2(rect.left(), rect.center().y - galley.size().y / 2.0), galley, tokens.ink);
            });
        });
    });
    requests
}
