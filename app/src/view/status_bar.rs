//! The status bar: where the last edit is, in words; then the link, the caret and the counts.

use egui::{Align, FontId, Frame, Label, Layout, Margin, RichText, Sense, TextStyle, Ui, vec2};

use super::theme::{Tokens, size, space};
use super::widgets::{paint_mark, quiet};
use crate::editor::command::Action;
use crate::editor::request::Request;
use crate::editor::status::{Mark, StatusView};
use crate::editor::words::{duration, quantity};

/// The height of the bar, in points.
pub const HEIGHT: f32 = 28.0;

/// Shows the bar.
pub fn show(ui: &mut Ui, view: &StatusView) -> Vec<Request> {
    let mut requests = Vec::new();
    Frame::new().inner_margin(Margin::symmetric(12, 0)).show(ui, |ui| {
        ui.spacing_mut().item_spacing = vec2(space::L, 0.0);
        let parts = fitting_parts(ui, view);
        egui::Sides::new().height(HEIGHT).shrink_left().spacing(space::L).show(
            ui,
            |ui| saved(ui, view),
            |ui| counts(ui, &parts, &mut requests),
        );
    });
    requests
}

fn saved(ui: &mut Ui, view: &StatusView) {
    ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
        if view.save.text.is_empty() {
            return;
        }
        ui.spacing_mut().item_spacing.x = space::S;
        let tokens = Tokens::current(ui);
        let (rect, _) = ui.allocate_exact_size(vec2(10.0, HEIGHT), Sense::hover());
        paint_mark(ui.painter(), rect.center(), view.save.mark, tokens);
        let color = if view.save.mark == Mark::Alarm { tokens.error } else { tokens.ink };
        let text = RichText::new(&view.save.text).text_style(TextStyle::Small).color(color);
        let label = ui.add(Label::new(text).truncate().show_tooltip_when_elided(false).sense(Sense::hover()));
        label.on_hover_text(format!("{}\n{}", view.save.text, view.save.tooltip));
        if let Some(clock) = &view.clock {
            let text = RichText::new(clock).text_style(TextStyle::Small).color(tokens.warning);
            let label = ui.add(Label::new(text).truncate().sense(Sense::hover()));
            label.on_hover_text("Compared with the relay’s clock. Times that Quire shows may be wrong; no text is.");
        }
    });
}

/// A part of the right side: what it says, what it means, what a click does.
struct Part {
    text: String,
    tooltip: String,
    action: Option<Action>,
}

/// The parts that fit beside the words on the left, which come first: the last ones are left out.
fn fitting_parts(ui: &Ui, view: &StatusView) -> Vec<Part> {
    let width_of = |text: &str| {
        let font = FontId::proportional(size::SMALL);
        ui.painter().layout_no_wrap(text.to_owned(), font, egui::Color32::PLACEHOLDER).size().x
    };
    let clock = view.clock.as_deref().map_or(0.0, |clock| width_of(clock) + space::S);
    let mut left = ui.available_width() - width_of(&view.save.text) - clock - 18.0;
    let mut parts = parts(view);
    parts.retain(|part| {
        left -= width_of(&part.text) + space::L + if part.action.is_some() { 2.0 * space::S } else { 0.0 };
        left > 0.0
    });
    parts
}

/// All parts, the most important first, which is the rightmost.
fn parts(view: &StatusView) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut part = |text: String, tooltip: &str, action| parts.push(Part { text, tooltip: tooltip.to_owned(), action });
    if let Some((line, column)) = view.caret {
        part(
            format!("{line}:{column}"),
            "Line and column of the caret. Click to go to a line.",
            Some(Action::GoToLine),
        );
    }
    if view.selected > 0 {
        part(format!("{} selected", quantity(view.selected, "character")), "What is selected", None);
    }
    if let Some(words) = view.words {
        part(quantity(words, "word"), "Words in this document", None);
    }
    if let Some(percent) = view.zoom_percent {
        part(format!("{percent} %"), "Zoom. Click for the normal size.", Some(Action::ZoomReset));
    }
    if let Some(us) = view.round_trip_us {
        part(duration(us), "Round trip to the relay", None);
    }
    parts
}

fn counts(ui: &mut Ui, parts: &[Part], requests: &mut Vec<Request>) {
    for part in parts {
        let text = quiet(ui, part.text.clone());
        match part.action {
            Some(action) => {
                let button = ui.add(egui::Button::new(text).frame_when_inactive(false).min_size(vec2(0.0, 22.0)));
                if button.on_hover_text(&part.tooltip).clicked() {
                    requests.push(Request::Do(action));
                }
            }
            None => {
                ui.add(Label::new(text).extend().sense(Sense::hover())).on_hover_text(&part.tooltip);
            }
        }
    }
}
