//! The library: search, what makes a document, and a row for each.

use egui::{
    Align, FontId, Frame, Id, Layout, Margin, Popup, Rect, Response, RichText, Role, ScrollArea, Sense, TextStyle, Ui,
    WidgetInfo, pos2, vec2,
};

use super::icons::{self, Icon};
use super::theme::{RADIUS, Tokens, mix, size, space};
use super::widgets::{
    self, BUTTON, field_with_room, icon_button, icon_toggle, one_line, outlined_button, paint_mark, quiet, quiet_button,
};
use crate::editor::command::Action;
use crate::editor::library_view::{EmptyLibrary, LibraryRow, LibraryView, Sort};
use crate::editor::request::{Request, Verb};

/// The height of a row, in points.
const ROW: f32 = 52.0;

/// How far the content of the panel is from its edges, in points.
const MARGIN: i8 = 12;

/// The id of the search field.
pub fn search_id() -> Id {
    Id::unique("library search")
}

/// Shows the library in a panel of its own.
pub fn show(ui: &mut Ui, view: &LibraryView) -> Vec<Request> {
    let mut requests = Vec::new();
    ui.spacing_mut().item_spacing = vec2(space::XS, space::S);
    Frame::new().inner_margin(Margin { left: MARGIN, right: MARGIN, top: 10, bottom: 0 }).show(ui, |ui| {
        search(ui, view, &mut requests);
        makers(ui, &mut requests);
        summary(ui, view, &mut requests);
    });
    let footer = BUTTON + 2.0 * space::XS;
    let list = ui.available_rect_before_wrap();
    let list = Rect::from_min_max(list.min, pos2(list.right(), list.bottom() - footer));
    ui.scope_builder(egui::UiBuilder::new().max_rect(list).id_salt("rows"), |ui| match view.empty {
        Some(empty) => nothing(ui, empty, &mut requests),
        None => rows(ui, view, &mut requests),
    });
    let bottom = Rect::from_min_max(pos2(list.left(), list.bottom()), pos2(list.right(), list.bottom() + footer));
    ui.scope_builder(egui::UiBuilder::new().max_rect(bottom).id_salt("footer"), |ui| foot(ui, view, &mut requests));
    requests
}

fn search(ui: &mut Ui, view: &LibraryView, requests: &mut Vec<Request>) {
    let mut text = view.query.search.clone();
    let hint = "Search titles and text";
    let room = if text.is_empty() { 0.0 } else { BUTTON };
    ui.horizontal(|ui| {
        let width = ui.available_width() - room - if room > 0.0 { space::XS } else { 0.0 };
        let response = field_with_room(ui, search_id(), hint, hint, &mut text, width, 20);
        let sign = Rect::from_center_size(response.rect.left_center() + vec2(16.0, 0.0), vec2(14.0, 14.0));
        icons::paint(ui.painter(), Icon::Search, sign, Tokens::current(ui).quiet);
        if response.changed() {
            requests.push(Request::Search(text.clone()));
        }
        let escaped = response.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Escape));
        let cleared = room > 0.0 && icon_button(ui, Icon::Close, "Clear the search", "").clicked();
        if !text.is_empty() && (escaped || cleared) {
            requests.push(Request::Search(String::new()));
        }
    });
}

fn makers(ui: &mut Ui, requests: &mut Vec<Request>) {
    ui.horizontal(|ui| {
        if outlined_button(ui, Some(Icon::Plus), "New").on_hover_text("A new, empty document").clicked() {
            requests.push(Request::Do(Action::NewDocument));
        }
        if quiet_button(ui, Some(Icon::Link), "Open link…")
            .on_hover_text("Open a document that was shared with you")
            .clicked()
        {
            requests.push(Request::Do(Action::OpenLink));
        }
        if quiet_button(ui, Some(Icon::Import), "Import…").on_hover_text("Make documents of text files").clicked() {
            requests.push(Request::Do(Action::Import));
        }
    });
}

fn summary(ui: &mut Ui, view: &LibraryView, requests: &mut Vec<Request>) {
    ui.horizontal(|ui| {
        ui.label(quiet(ui, view.summary.clone()));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = 0.0;
            for (sort, word) in [(Sort::Title, "Title"), (Sort::Recent, "Recent")] {
                let on = view.query.sort == sort;
                let tokens = Tokens::current(ui);
                let text = RichText::new(word).text_style(TextStyle::Small);
                let text = if on { text.color(tokens.ink) } else { text.color(tokens.quiet) };
                let button = ui.add(egui::Button::new(text).frame_when_inactive(false));
                let name = format!("Sort by {}", if sort == Sort::Title { "title" } else { "last edited" });
                button.widget_info(|| WidgetInfo::selected(Role::Button, true, on, &name));
                if button.on_hover_text(name).clicked() && !on {
                    requests.push(Request::SortBy(sort));
                }
            }
        });
    });
}

fn nothing(ui: &mut Ui, empty: EmptyLibrary, requests: &mut Vec<Request>) {
    let (title, words) = match empty {
        EmptyLibrary::NoDocuments => ("Nothing here yet", "A new document needs no name, no account and no network."),
        EmptyLibrary::NothingArchived => ("The archive is empty", "Archived documents stay here and keep everything."),
        EmptyLibrary::NothingFound => ("Nothing found", "No title and no text has these words."),
    };
    Frame::new().inner_margin(Margin::symmetric(24, 0)).show(ui, |ui| {
        ui.add_space((ui.available_height() * 0.28).max(space::L));
        ui.vertical_centered(|ui| {
            ui.label(title);
            ui.label(quiet(ui, words));
            ui.add_space(space::S);
            if empty == EmptyLibrary::NoDocuments && widgets::primary_button(ui, "New document", true).clicked() {
                requests.push(Request::Do(Action::NewDocument));
            }
        });
    });
}

fn rows(ui: &mut Ui, view: &LibraryView, requests: &mut Vec<Request>) {
    ui.spacing_mut().item_spacing.y = 0.0;
    ScrollArea::vertical().id_salt("documents").auto_shrink(false).show_rows(ui, ROW, view.rows.len(), |ui, range| {
        for row in view.rows.get(range).unwrap_or_default() {
            ui.push_id(row.id.as_bytes(), |ui| show_row(ui, row, requests));
        }
    });
}

fn show_row(ui: &mut Ui, row: &LibraryRow, requests: &mut Vec<Request>) {
    let (space_rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::click());
    let rect = space_rect.shrink2(vec2(6.0, 1.0));
    let menu_rect = Rect::from_center_size(pos2(rect.right() - 18.0, rect.center().y), vec2(BUTTON, BUTTON));
    let inside = response.contains_pointer() || response.has_focus();
    paint_row(ui, row, rect, &response, inside);
    let name = format!("{}, {}, {}", row.title, row.detail, row.mark_words);
    response.widget_info(|| WidgetInfo::selected(Role::Button, true, row.open, &name));
    if response.clicked() {
        requests.push(Request::Open(row.id));
    }
    response.context_menu(|ui| verbs(ui, row, requests));
    if inside || Popup::is_id_open(ui.ctx(), menu_id(ui)) {
        let more = ui.scope_builder(egui::UiBuilder::new().max_rect(menu_rect), |ui| {
            icon_button(ui, Icon::More, &format!("More for “{}”", row.title), "")
        });
        Popup::menu(&more.inner).id(menu_id(ui)).show(|ui| verbs(ui, row, requests));
    } else {
        let dot = ui.interact(
            Rect::from_center_size(menu_rect.center(), vec2(20.0, 20.0)),
            ui.scope_id().with("mark"),
            Sense::hover(),
        );
        dot.on_hover_text(&row.mark_words);
    }
}

fn menu_id(ui: &Ui) -> Id {
    ui.scope_id().with("row menu")
}

fn paint_row(ui: &Ui, row: &LibraryRow, rect: Rect, response: &Response, inside: bool) {
    let tokens = Tokens::current(ui);
    let painter = ui.painter();
    let fill = if row.open { tokens.selection } else { tokens.hover };
    if row.open || inside {
        painter.rect_filled(rect, RADIUS, fill);
    }
    if response.has_focus() {
        widgets::focus_ring(painter, rect, tokens);
    }
    let left = rect.left() + 10.0;
    let width = rect.right() - 36.0 - left;
    let ink = if row.untitled || row.archived { tokens.quiet } else { tokens.ink };
    let quiet = if row.open { mix(tokens.quiet, tokens.ink, 0.5) } else { tokens.quiet };
    let title = one_line(ui, &row.title, FontId::proportional(size::TEXT), ink, width);
    let detail = one_line(ui, &row.detail, FontId::proportional(size::SMALL), quiet, width);
    let height = title.size().y + 2.0 + detail.size().y;
    let top = rect.center().y - height / 2.0;
    if row.unread {
        painter.circle_filled(pos2(rect.left() + 4.0, top + title.size().y / 2.0), 2.5, tokens.accent);
    }
    let elided = title.elided || detail.elided;
    let detail_top = top + title.size().y + 2.0;
    painter.galley(pos2(left, top), title, ink);
    painter.galley(pos2(left, detail_top), detail, quiet);
    if !inside {
        paint_mark(painter, pos2(rect.right() - 18.0, rect.center().y), row.mark, tokens);
    } else if elided {
        let words = format!("{}\n{}", row.title, row.detail);
        response.clone().on_hover_text_at_pointer(words);
    }
}

fn verbs(ui: &mut Ui, row: &LibraryRow, requests: &mut Vec<Request>) {
    ui.set_min_width(168.0);
    let putting_away = if row.archived { (Verb::Restore, "Restore") } else { (Verb::Archive, "Archive") };
    let verbs = [(Verb::Rename, "Rename…"), putting_away, (Verb::Export, "Export…")];
    for (verb, word) in verbs {
        if ui.button(widgets::small(ui, word)).clicked() {
            requests.push(Request::Document(row.id, verb));
            ui.close();
        }
    }
    ui.separator();
    if ui.button(widgets::small(ui, "Remove from this device…")).clicked() {
        requests.push(Request::Document(row.id, Verb::Remove));
        ui.close();
    }
}

fn foot(ui: &mut Ui, view: &LibraryView, requests: &mut Vec<Request>) {
    widgets::rule(ui, ui.max_rect().top());
    Frame::new().inner_margin(Margin { left: 8, right: 8, top: 4, bottom: 4 }).show(ui, |ui| {
        ui.horizontal(|ui| {
            let on = view.query.archive;
            let (name, word) = match (on, view.archived) {
                (true, _) => ("Show the documents in use", "Back to documents".to_owned()),
                (false, 0) => ("Show the archive", "Archive".to_owned()),
                (false, count) => ("Show the archive", format!("Archive ({count})")),
            };
            if quiet_button(ui, Some(Icon::Archive), &word).on_hover_text(name).clicked() {
                requests.push(Request::ShowArchive(!on));
            }
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                if icon_toggle(ui, Icon::Settings, "Settings", "", false).clicked() {
                    requests.push(Request::Do(Action::Settings));
                }
            });
        });
    });
}
