//! The command palette: every command by name, with its keys.

use egui::{
    Align, Area, FontId, Frame, Id, Key, Margin, Modal, Modifiers, Order, Rect, Role, ScrollArea, Sense, Ui,
    WidgetInfo, pos2, vec2,
};

use super::theme::{RADIUS, Tokens, hairline, size, space};
use super::widgets::{self, field, focus_first, one_line};
use crate::editor::dialog::{PaletteDraft, PaletteItem, palette_items};
use crate::editor::request::Request;

/// The height of an item, in points.
const ROW: f32 = 32.0;

/// How many items are shown before they scroll.
const ROWS_MAX: usize = 10;

/// Shows the palette in front of the window.
pub fn show(ui: &Ui, draft: &PaletteDraft) -> Vec<Request> {
    let mut requests = Vec::new();
    let tokens = Tokens::current(ui);
    let screen = ui.ctx().content_rect();
    let width = (screen.width() - 48.0).min(560.0);
    let area =
        Area::new(Id::unique("palette")).order(Order::Foreground).kind(egui::UiKind::Modal).sense(Sense::hover());
    let area = area.fixed_pos(pos2(screen.center().x - width / 2.0, (screen.height() * 0.14).round()));
    let frame =
        Frame::new().fill(tokens.paper).stroke(hairline(tokens)).corner_radius(RADIUS).inner_margin(Margin::same(8));
    let frame = frame.shadow(ui.visuals().window_shadow);
    let backdrop = egui::Color32::from_black_alpha(40);
    let response =
        Modal::new(Id::unique("palette")).area(area).frame(frame).backdrop_color(backdrop).show(ui.ctx(), |ui| {
            ui.set_width(width - 16.0);
            content(ui, draft, &mut requests);
        });
    if response.should_close() {
        requests.push(Request::Palette(None));
    }
    requests
}

fn content(ui: &mut Ui, draft: &PaletteDraft, requests: &mut Vec<Request>) {
    let mut changed = draft.clone();
    let mut items = palette_items(&draft.query, cfg!(target_os = "macos"));
    let last = items.len().saturating_sub(1);
    changed.chosen = draft.chosen.min(last);
    let (up, down) = ui.input_mut(|input| {
        (input.consume_key(Modifiers::NONE, Key::ArrowUp), input.consume_key(Modifiers::NONE, Key::ArrowDown))
    });
    if down {
        changed.chosen = if changed.chosen == last { 0 } else { changed.chosen + 1 };
    } else if up {
        changed.chosen = changed.chosen.checked_sub(1).unwrap_or(last);
    }
    let response =
        field(ui, Id::unique("palette query"), "Command", "Type a command", &mut changed.query, ui.available_width());
    focus_first(ui, &response);
    if response.changed() {
        // What was typed may be followed by Enter within one frame: that means what is found now.
        items = palette_items(&changed.query, cfg!(target_os = "macos"));
        changed.chosen = 0;
    }
    let entered = response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
    ui.add_space(space::XS);
    let clicked = list(ui, &items, changed.chosen, up || down);
    if let Some(item) = clicked.or(if entered { Some(changed.chosen) } else { None }).and_then(|at| items.get(at)) {
        requests.extend([Request::Palette(None), Request::Do(item.action)]);
    } else if changed != *draft {
        requests.push(Request::Palette(Some(changed)));
    }
}

fn list(ui: &mut Ui, items: &[PaletteItem], chosen: usize, follow: bool) -> Option<usize> {
    if items.is_empty() {
        let text = widgets::quiet(ui, "No command has these letters");
        Frame::new().inner_margin(Margin::symmetric(12, 8)).show(ui, |ui| ui.label(text));
        return None;
    }
    ui.spacing_mut().item_spacing.y = 0.0;
    let mut clicked = None;
    let height = (0..items.len().min(ROWS_MAX)).fold(0.0, |height, _| height + ROW);
    let height = height.min(ui.ctx().content_rect().height() * 0.6);
    ScrollArea::vertical().max_height(height).auto_shrink([false, true]).show(ui, |ui| {
        for (at, item) in items.iter().enumerate() {
            let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::click());
            if ui.is_rect_visible(rect) {
                paint_item(ui, item, rect, at == chosen, response.hovered());
            }
            response.widget_info(|| WidgetInfo::selected(Role::Button, true, at == chosen, item.title));
            if at == chosen && follow {
                response.scroll_to_me(Some(Align::Center));
            }
            if response.clicked() {
                clicked = Some(at);
            }
        }
    });
    clicked
}

fn paint_item(ui: &Ui, item: &PaletteItem, rect: Rect, chosen: bool, hovered: bool) {
    let tokens = Tokens::current(ui);
    if chosen || hovered {
        let fill = if chosen { tokens.selection } else { tokens.hover };
        ui.painter().rect_filled(rect, RADIUS, fill);
    }
    let small = FontId::proportional(size::SMALL);
    let keys = one_line(ui, &item.keys, small.clone(), tokens.quiet, 160.0);
    let group = one_line(ui, item.group, small, tokens.quiet, 72.0);
    let left = rect.left() + space::M;
    let keys_left = rect.right() - space::M - keys.size().x;
    let title_left = left + 76.0;
    let title =
        one_line(ui, item.title, FontId::proportional(size::TEXT - 1.0), tokens.ink, keys_left - space::M - title_left);
    let y = |galley: &egui::Galley| rect.center().y - galley.size().y / 2.0;
    let quiet = if chosen { tokens.ink } else { tokens.quiet };
    ui.painter().galley_with_override_text_color(pos2(left, y(&group)), group, quiet);
    ui.painter().galley(pos2(title_left, y(&title)), title, tokens.ink);
    ui.painter().galley_with_override_text_color(pos2(keys_left, y(&keys)), keys, quiet);
}
