//! The few small things that all parts of the window are made of, each with a name for screen readers and tests.

use egui::{
    Align2, Atom, Button, Color32, CornerRadius, FontId, Frame, Id, Margin, Modal, Painter, Pos2, Rect, Response,
    RichText, Role, Sense, Stroke, TextEdit, TextStyle, Ui, WidgetInfo, pos2, vec2,
};

use super::icons::{Icon, paint, paint_half_disc};
use super::theme::{RADIUS, Tokens, hairline, space};
use crate::editor::status::Mark;

/// The side of an icon button, in points.
pub(crate) const BUTTON: f32 = 28.0;

/// The side of a sign, in points.
pub(crate) const SIGN: f32 = 16.0;

/// The most characters of a document's title in a dialog's.
pub(crate) const TITLE_CHARS_MAX: usize = 60;

/// Text in the small size and the quiet colour.
pub(crate) fn quiet(ui: &Ui, text: impl Into<String>) -> RichText {
    RichText::new(text).text_style(TextStyle::Small).color(Tokens::current(ui).quiet)
}

/// Text in the small size and the colour of the text.
pub(crate) fn small(ui: &Ui, text: impl Into<String>) -> RichText {
    RichText::new(text).text_style(TextStyle::Small).color(Tokens::current(ui).ink)
}

/// `name`, with the keys that do the same behind it if there are any.
pub(crate) fn with_keys(name: &str, keys: &str) -> String {
    if keys.is_empty() { name.to_owned() } else { format!("{name} ({keys})") }
}

/// A button that is a sign alone; its name is the tooltip, with its keys.
pub(crate) fn icon_button(ui: &mut Ui, icon: Icon, name: &str, keys: &str) -> Response {
    icon_toggle(ui, icon, name, keys, false)
}

/// An icon button that can be on.
pub(crate) fn icon_toggle(ui: &mut Ui, icon: Icon, name: &str, keys: &str, on: bool) -> Response {
    let (rect, response) = ui.allocate_exact_size(vec2(BUTTON, BUTTON), Sense::click());
    paint_button_back(ui, rect, &response, on);
    let tokens = Tokens::current(ui);
    let color = if response.hovered() || on { tokens.ink } else { tokens.quiet };
    paint(ui.painter(), icon, Rect::from_center_size(rect.center(), vec2(SIGN, SIGN)), color);
    named(&response, ui, name, on);
    response.on_hover_text(with_keys(name, keys))
}

/// A small button of a few letters that can be on, such as `Aa` for case; `name` says what it means.
pub(crate) fn letter_toggle(ui: &mut Ui, letters: &str, name: &str, on: bool) -> Response {
    let (rect, response) = ui.allocate_exact_size(vec2(BUTTON, BUTTON), Sense::click());
    paint_button_back(ui, rect, &response, on);
    let tokens = Tokens::current(ui);
    let color = if response.hovered() || on { tokens.ink } else { tokens.quiet };
    ui.painter().text(rect.center(), Align2::CENTER_CENTER, letters, TextStyle::Small.resolve(ui.style()), color);
    named(&response, ui, name, on);
    response.on_hover_text(name)
}

fn named(response: &Response, ui: &Ui, name: &str, on: bool) {
    let enabled = ui.is_enabled();
    response.widget_info(|| {
        let info = WidgetInfo::labeled(Role::Button, enabled, name);
        if on { WidgetInfo { selected: Some(true), ..info } } else { info }
    });
}

/// What lies behind something that can be clicked: nothing, a shade, or a shade with an edge when it has the focus.
pub(crate) fn paint_button_back(ui: &Ui, rect: Rect, response: &Response, on: bool) {
    let tokens = Tokens::current(ui);
    let fill = match (on, response.hovered()) {
        (true, _) => tokens.selection,
        (false, true) => tokens.hover,
        (false, false) => Color32::TRANSPARENT,
    };
    ui.painter().rect_filled(rect, RADIUS, fill);
    if response.has_focus() {
        focus_ring(ui.painter(), rect, tokens);
    }
}

/// The edge of what has the keyboard's focus.
pub(crate) fn focus_ring(painter: &Painter, rect: Rect, tokens: &Tokens) {
    painter.rect_stroke(rect, RADIUS, Stroke::new(1.5, tokens.accent), egui::StrokeKind::Inside);
}

/// A button with a word, perhaps with a sign before it; it has no back until the pointer is over it.
pub(crate) fn quiet_button(ui: &mut Ui, icon: Option<Icon>, text: &str) -> Response {
    let label = RichText::new(text).text_style(TextStyle::Small);
    let button = match icon {
        Some(icon) => Button::new((sign(icon), label)).gap(space::XS),
        None => Button::new(label),
    };
    ui.add(button.frame_when_inactive(false))
}

/// A button with a word and an edge.
pub(crate) fn outlined_button(ui: &mut Ui, icon: Option<Icon>, text: &str) -> Response {
    let tokens = Tokens::current(ui);
    let label = RichText::new(text).text_style(TextStyle::Small);
    let button = match icon {
        Some(icon) => Button::new((sign(icon), label)).gap(space::XS),
        None => Button::new(label),
    };
    ui.add(button.fill(Color32::TRANSPARENT).stroke(hairline(tokens)))
}

/// The button that does what a dialog is for.
pub(crate) fn primary_button(ui: &mut Ui, text: &str, enabled: bool) -> Response {
    let tokens = Tokens::current(ui);
    let label = RichText::new(text).text_style(TextStyle::Small).color(tokens.on_accent);
    ui.add_enabled(enabled, Button::new(label).fill(tokens.accent).stroke(Stroke::NONE).min_size(vec2(72.0, BUTTON)))
}

/// A sign as a part of a button.
fn sign(icon: Icon) -> Atom<'static> {
    Atom::paint(vec2(14.0, 14.0), move |ui, args| paint(ui.painter(), icon, args.rect, args.fallback_text_color))
}

/// A line to type in. `name` is for screen readers.
pub(crate) fn field(ui: &mut Ui, id: Id, name: &str, hint: &str, text: &mut String, width: f32) -> Response {
    field_with_room(ui, id, name, hint, text, width, 0)
}

/// A line to type in, with room (in points) on its left for a sign.
pub(crate) fn field_with_room(
    ui: &mut Ui,
    id: Id,
    name: &str,
    hint: &str,
    text: &mut String,
    width: f32,
    room: i8,
) -> Response {
    let tokens = Tokens::current(ui);
    let frame = Frame::new()
        .fill(tokens.paper)
        .stroke(hairline(tokens))
        .corner_radius(CornerRadius::same(RADIUS))
        .inner_margin(Margin { left: 8 + room, right: 8, top: 5, bottom: 5 });
    let hint = RichText::new(hint).text_style(TextStyle::Small).color(tokens.quiet);
    let edit = TextEdit::singleline(text).id(id).hint_text(hint).font(TextStyle::Small).frame(frame);
    let response = ui.add(edit.desired_width(width).clip_text(true)).accessible_name(name);
    if response.has_focus() {
        focus_ring(ui.painter(), response.rect, tokens);
    }
    response
}

/// The sign of where an edit is: each state has its own shape.
pub(crate) fn paint_mark(painter: &Painter, middle: Pos2, mark: Mark, tokens: &Tokens) {
    const RADIUS_OF_MARK: f32 = 3.5;
    match mark {
        Mark::Here => {
            painter.circle_stroke(middle, RADIUS_OF_MARK, Stroke::new(1.35, tokens.quiet));
        }
        Mark::Waiting => paint_half_disc(painter, middle, RADIUS_OF_MARK, tokens.warning),
        Mark::Saved => {
            painter.circle_filled(middle, RADIUS_OF_MARK + 0.5, tokens.accent);
        }
        Mark::Alarm => paint(painter, Icon::Warning, Rect::from_center_size(middle, vec2(13.0, 13.0)), tokens.error),
    }
}

/// A person's initials on a disc in their colour; those who left are grey.
pub(crate) fn paint_initials(
    ui: &Ui,
    middle: Pos2,
    radius: f32,
    initials: &str,
    color: Option<Color32>,
    edge: Color32,
) {
    let tokens = Tokens::current(ui);
    ui.painter().circle_filled(middle, radius + 1.5, edge);
    let (fill, ink) = color.map_or((tokens.line, tokens.quiet), |color| (color, tokens.on_person));
    ui.painter().circle_filled(middle, radius, fill);
    let font = FontId::proportional(radius * if initials.chars().count() > 1 { 0.92 } else { 1.1 });
    ui.painter().text(middle, Align2::CENTER_CENTER, initials, font, ink);
}

/// Cuts `text` to `width` points with an ellipsis; whether something was cut is the galley's `elided`.
pub(crate) fn one_line(ui: &Ui, text: &str, font: FontId, color: Color32, width: f32) -> std::sync::Arc<egui::Galley> {
    let mut job = egui::text::LayoutJob::simple_singleline(text.to_owned(), font, color);
    job.wrap = egui::text::TextWrapping::truncate_at_width(width.max(0.0));
    ui.painter().layout_job(job)
}

/// What a dialog was answered with by keyboard or backdrop.
pub(crate) struct Answer<T> {
    /// What its content gave.
    pub(crate) inner: T,
    /// Escape, or a click beside it.
    pub(crate) dismissed: bool,
}

/// A dialog in front of the window with a title, at most `width` points wide.
pub(crate) fn dialog<T>(ui: &Ui, name: &str, title: &str, width: f32, content: impl FnOnce(&mut Ui) -> T) -> Answer<T> {
    let tokens = Tokens::current(ui);
    let screen = ui.ctx().content_rect();
    let frame = Frame::new()
        .fill(tokens.paper)
        .stroke(hairline(tokens))
        .corner_radius(CornerRadius::same(RADIUS))
        .shadow(ui.visuals().window_shadow)
        .inner_margin(Margin::same(24));
    let response = Modal::new(Id::unique(name)).frame(frame).show(ui.ctx(), |ui| {
        ui.set_width(width.min(screen.width() - 96.0));
        ui.spacing_mut().item_spacing.y = space::M;
        ui.add(egui::Label::new(RichText::new(title).text_style(TextStyle::Heading)).wrap());
        content(ui)
    });
    let dismissed = response.should_close();
    Answer { inner: response.inner, dismissed }
}

/// Gives the focus to `field` when nothing in this window has it; not in the frame in which Enter or Escape took it away.
pub(crate) fn focus_first(ui: &Ui, field: &Response) {
    if !field.lost_focus() && ui.memory(|memory| memory.focused().is_none()) {
        field.request_focus();
    }
}

/// The row of buttons that closes a dialog: from the right, `primary` and *Cancel*. What was clicked, `true`: the primary.
pub(crate) fn dialog_buttons(ui: &mut Ui, cancel: &str, primary: &str, enabled: bool) -> Option<bool> {
    button_row(ui, |ui| {
        let primary = primary_button(ui, primary, enabled).clicked();
        let cancelled = outlined_button(ui, None, cancel).clicked();
        if primary { Some(true) } else { cancelled.then_some(false) }
    })
}

/// A row of buttons at the bottom of a dialog, from the right.
pub(crate) fn button_row<T>(ui: &mut Ui, buttons: impl FnOnce(&mut Ui) -> T) -> T {
    ui.add_space(space::XS);
    let row = vec2(ui.available_width(), BUTTON);
    ui.allocate_ui_with_layout(row, egui::Layout::right_to_left(egui::Align::Center), buttons).inner
}

/// A horizontal hairline over the whole width of `rect` at its bottom.
pub(crate) fn rule(ui: &Ui, y: f32) {
    let rect = ui.max_rect();
    ui.painter().line_segment([pos2(rect.left(), y), pos2(rect.right(), y)], hairline(Tokens::current(ui)));
}

/// An error under a field.
pub(crate) fn error_line(ui: &mut Ui, error: &str) {
    let tokens = Tokens::current(ui);
    ui.add(egui::Label::new(RichText::new(error).text_style(TextStyle::Small).color(tokens.error)).wrap());
}
