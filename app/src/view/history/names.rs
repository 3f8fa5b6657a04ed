//! The list of named versions: a click shows one, a menu renames it, compares with it, or takes its name away.

use egui::{
    Align, FontId, Id, Label, Layout, Popup, Rect, Response, Role, Sense, Ui, UiBuilder, WidgetInfo, pos2, vec2,
};

use crate::editor::command::Action;
use crate::editor::history::{HistoryRequest, HistoryView, NamedRow};
use crate::editor::request::Request;
use crate::view::icons::{self, Icon};
use crate::view::theme::{RADIUS, Tokens, mix, size, space};
use crate::view::widgets::{
    BUTTON, SIGN, focus_ring, icon_button, one_line, outlined_button, quiet, quiet_button, small, with_keys,
};

/// The height of a row, and of one that says more, in points.
const ROW: [f32; 2] = [28.0, 44.0];

/// Shows the list, and what names the version that is shown.
pub(super) fn show(ui: &mut Ui, view: &HistoryView, requests: &mut Vec<Request>) {
    ui.label(small(ui, "Named versions"));
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        for (at, row) in view.names.iter().enumerate() {
            ui.push_id(("named version", at), |ui| show_row(ui, at, row, requests));
        }
    });
    if let Some(name) = &view.removed {
        ui.horizontal(|ui| {
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                if quiet_button(ui, None, "Put it back").clicked() {
                    requests.push(Request::History(HistoryRequest::PutBackName));
                }
                ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                    ui.add(Label::new(quiet(ui, format!("“{name}” is removed."))).truncate());
                });
            });
        });
    }
    let word = if view.name().is_some() { "Rename this version…" } else { "Name this version…" };
    let words = with_keys("A name that everyone who has this document sees", &super::keys_of(ui, Action::NameVersion));
    if outlined_button(ui, None, word).on_hover_text(words).clicked() {
        requests.push(Request::Do(Action::NameVersion));
    }
}

fn show_row(ui: &mut Ui, at: usize, row: &NamedRow, requests: &mut Vec<Request>) {
    let height = ROW[usize::from(!row.rivals.is_empty())];
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::click());
    let name = words(row).join(", ");
    response.widget_info(|| WidgetInfo::selected(Role::Button, true, row.is_shown, &name));
    if response.clicked() && row.changes.is_some() {
        requests.push(Request::History(HistoryRequest::GoToNamed(at)));
    }
    response.context_menu(|ui| verbs(ui, at, row, requests));
    if !ui.is_rect_visible(rect) {
        return;
    }
    let has_menu = response.contains_pointer() || response.has_focus() || Popup::is_id_open(ui.ctx(), menu_id(ui));
    paint_row(ui, row, rect, &response, has_menu);
    if has_menu {
        let middle = pos2(rect.right() - BUTTON / 2.0, rect.top() + ROW[0] / 2.0);
        let place = UiBuilder::new().max_rect(Rect::from_center_size(middle, vec2(BUTTON, BUTTON)));
        let words = format!("More for “{}”", row.name);
        let more = ui.scope_builder(place, |ui| icon_button(ui, Icon::More, &words, "")).inner;
        Popup::menu(&more).id(menu_id(ui)).show(|ui| verbs(ui, at, row, requests));
    }
}

fn menu_id(ui: &Ui) -> Id {
    ui.scope_id().with("named version menu")
}

fn paint_row(ui: &Ui, row: &NamedRow, rect: Rect, response: &Response, has_menu: bool) {
    let (tokens, painter) = (Tokens::current(ui), ui.painter());
    if row.is_shown || has_menu {
        let fill = if row.is_shown { tokens.selection } else { tokens.hover };
        painter.rect_filled(rect, RADIUS, fill);
    }
    if response.has_focus() {
        focus_ring(painter, rect, tokens);
    }
    let is_here = row.changes.is_some();
    let ink = if is_here { tokens.ink } else { tokens.quiet };
    let faint = if row.is_shown { mix(tokens.quiet, tokens.ink, 0.5) } else { tokens.quiet };
    let middle = rect.top() + ROW[0] / 2.0;
    let sign = Rect::from_center_size(pos2(rect.left() + 12.0, middle), vec2(SIGN - 2.0, SIGN - 2.0));
    icons::paint(painter, Icon::Flag, sign, if is_here { tokens.accent } else { tokens.quiet });
    let (left, font) = (rect.left() + 24.0, FontId::proportional(size::SMALL));
    let right = if has_menu {
        rect.right() - BUTTON
    } else {
        let place = one_line(ui, &row.day(), font.clone(), faint, rect.width() / 2.0);
        let left = rect.right() - space::XS - place.size().x;
        painter.galley(pos2(left, middle - place.size().y / 2.0), place, faint);
        left
    };
    let name = one_line(ui, &row.name, font.clone(), ink, right - space::S - left);
    let top = middle - name.size().y / 2.0;
    let rivals = one_line(ui, &row.rivals, font, tokens.warning, rect.right() - space::XS - left);
    let below = pos2(left, top + name.size().y + 1.0);
    painter.galley(pos2(left, top), name, ink);
    painter.galley(below, rivals, tokens.warning);
    if response.hovered() {
        response.clone().on_hover_text_at_pointer(words(row).join("\n"));
    }
}

/// All that there is to say of a version.
fn words(row: &NamedRow) -> Vec<String> {
    let mut lines = vec![format!("“{}”, {}", row.name, row.place())];
    lines.extend(row.moment());
    lines.push(format!("named by {}", row.by));
    if row.changes.is_none() {
        lines.push("others have changes of it that have not come here yet".to_owned());
    }
    if !row.rivals.is_empty() {
        lines.push(format!("{}, given at the same time: rename it to settle that", row.rivals));
    }
    lines
}

fn verbs(ui: &mut Ui, at: usize, row: &NamedRow, requests: &mut Vec<Request>) {
    ui.set_min_width(168.0);
    let verbs = [("Rename…", HistoryRequest::Rename(at)), ("Compare with it", HistoryRequest::CompareFromNamed(at))];
    for (word, request) in verbs {
        let is_possible = row.changes.is_some() || request == HistoryRequest::Rename(at);
        if ui.add_enabled(is_possible, egui::Button::new(small(ui, word))).clicked() {
            requests.push(Request::History(request));
            ui.close();
        }
    }
    ui.separator();
    if ui.button(small(ui, "Remove the name")).clicked() {
        requests.push(Request::History(HistoryRequest::RemoveName(at)));
        ui.close();
    }
}
