//! The slider over the changes of a document: how much was written when, by whom, and where one is.

use egui::accesskit::{self, ActionData};
use egui::{
    CornerRadius, EventFilter, InputState, Key, Modifiers, Pos2, Rect, Response, Role, Sense, Shape, Stroke, Ui,
    WidgetInfo, pos2, vec2,
};

use crate::editor::command::Action;
use crate::editor::history::{HistoryRequest, HistoryView};
use crate::editor::request::Request;
use crate::view::theme::{Tokens, mix, size};
use crate::view::widgets::focus_ring;

/// The height of the highest bar, in points.
const BARS: f32 = 30.0;

/// The room around the bars for the handle, in points.
const HANDLE: f32 = 6.0;

/// The room above for the marks of named versions, in points.
const FLAGS: f32 = 10.0;

/// How much of the changes a step by page takes.
const PAGES: usize = 50;

/// How near the pointer must be to the mark of a named version, in points.
const NEAR: f32 = 5.0;

/// Shows the slider; what the user asks of it.
pub(super) fn show(ui: &mut Ui, view: &HistoryView) -> Vec<Request> {
    let height = BARS + 2.0 * HANDLE + FLAGS;
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::click_and_drag());
    if response.clicked() || response.dragged() {
        response.request_focus();
    }
    let line = Rect::from_min_max(rect.min + vec2(HANDLE, HANDLE + FLAGS), rect.max - vec2(HANDLE, HANDLE));
    let request = asked(ui, &response, line, view);
    paint(ui, line, &response, view);
    tell(ui, &response, view);
    if let Some(row) = flag_at(line, response.hover_pos(), view).and_then(|at| view.names.get(at)) {
        response.clone().on_hover_text_at_pointer(&row.name);
    }
    request.into_iter().collect()
}

fn asked(ui: &Ui, response: &Response, line: Rect, view: &HistoryView) -> Option<Request> {
    let has_shift = ui.input(|input| input.modifiers.shift);
    let flag = flag_at(line, response.interact_pointer_pos(), view).filter(|_| !response.dragged());
    if let Some(at) = flag {
        let request = if has_shift { HistoryRequest::CompareFromNamed(at) } else { HistoryRequest::GoToNamed(at) };
        return response.clicked().then_some(Request::History(request));
    }
    let plays = |input: &mut InputState| input.consume_key(Modifiers::NONE, Key::Space);
    if response.has_focus() && ui.input_mut(plays) {
        return Some(Request::Do(Action::PlayHistory));
    }
    let pointed = by_pointer(response, line, view.total);
    if has_shift && let Some(changes) = pointed {
        let is_new = response.clicked() || response.dragged();
        return is_new.then_some(Request::History(HistoryRequest::CompareFrom(changes)));
    }
    let moved = pointed.or_else(|| by_keys(ui, response, view)).or_else(|| by_assistance(ui, response, view));
    moved.filter(|shown| *shown != view.shown).map(|shown| Request::History(HistoryRequest::GoTo(shown)))
}

/// The named version whose mark is at a place, if there is one; the nearest.
fn flag_at(line: Rect, place: Option<Pos2>, view: &HistoryView) -> Option<usize> {
    let place = place.filter(|place| place.y < line.top() - HANDLE)?;
    let named = view.names.iter().enumerate();
    let distance = named.filter_map(|(at, row)| Some((at, (x_of(line, row.changes?, view) - place.x).abs())));
    let near = distance.filter(|(_, distance)| *distance <= NEAR);
    near.min_by(|(_, one), (_, other)| one.total_cmp(other)).map(|(at, _)| at)
}

/// Where a number of changes is on the line.
#[expect(clippy::cast_precision_loss, reason = "a place on a line of some hundred points")]
fn x_of(line: Rect, changes: usize, view: &HistoryView) -> f32 {
    line.left() + line.width() * (changes as f32 / view.total.max(1) as f32)
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a place on a line of some hundred points, between 0 and the number of changes"
)]
fn by_pointer(response: &Response, line: Rect, total: usize) -> Option<usize> {
    if !response.is_pointer_button_down_on() && !response.clicked() {
        return None;
    }
    let share = (response.interact_pointer_pos()?.x - line.left()) / line.width().max(1.0);
    Some((f64::from(share.clamp(0.0, 1.0)) * total as f64).round() as usize)
}

fn by_keys(ui: &Ui, response: &Response, view: &HistoryView) -> Option<usize> {
    if !response.has_focus() {
        return None;
    }
    let filter = EventFilter { horizontal_arrows: true, vertical_arrows: true, ..EventFilter::default() };
    ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, filter));
    let page = (view.total / PAGES).max(1);
    let to = |key, shown| ui.input(|input| input.modifiers.is_none() && input.key_pressed(key)).then_some(shown);
    to(Key::ArrowLeft, view.shown.saturating_sub(1))
        .or_else(|| to(Key::ArrowDown, view.shown.saturating_sub(1)))
        .or_else(|| to(Key::ArrowRight, view.shown + 1))
        .or_else(|| to(Key::ArrowUp, view.shown + 1))
        .or_else(|| to(Key::PageDown, view.shown.saturating_sub(page)))
        .or_else(|| to(Key::PageUp, view.shown + page))
        .or_else(|| to(Key::Home, 0))
        .or_else(|| to(Key::End, view.total))
        .map(|shown| shown.min(view.total))
}

/// What a screen reader, or other assistance, asks for.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of changes")]
fn by_assistance(ui: &Ui, response: &Response, view: &HistoryView) -> Option<usize> {
    ui.input(|input| {
        let more = input.num_accesskit_action_requests(response.id, accesskit::Action::Increment);
        let less = input.num_accesskit_action_requests(response.id, accesskit::Action::Decrement);
        let set = input.accesskit_action_requests(response.id, accesskit::Action::SetValue);
        let set = set.filter_map(|request| match request.data {
            Some(ActionData::NumericValue(value)) => Some(value.max(0.0).round() as usize),
            _ => None,
        });
        let stepped = (more + less > 0).then(|| (view.shown + more).saturating_sub(less));
        set.last().or(stepped).map(|shown| shown.min(view.total))
    })
}

#[expect(clippy::cast_precision_loss, reason = "a place on a line of some hundred points")]
fn paint(ui: &Ui, line: Rect, response: &Response, view: &HistoryView) {
    let tokens = Tokens::current(ui);
    let painter = ui.painter();
    let x = x_of(line, view.shown, view);
    let step = line.width() / view.bars.len().max(1) as f32;
    for (at, (height, colour)) in view.bars.iter().enumerate() {
        let left = (line.left() + step * at as f32).round();
        let right = (line.left() + step * (at + 1) as f32).round();
        let top = (line.bottom() - height * line.height()).round();
        let bar = Rect::from_min_max(pos2(left, top), pos2(right, line.bottom()));
        // What is not shown is faint.
        let share = if bar.center().x <= x { 0.7 } else { 0.25 };
        painter.rect_filled(bar, CornerRadius::ZERO, mix(tokens.chrome, tokens.person(*colour), share));
    }
    painter.hline(line.x_range(), line.bottom(), Stroke::new(1.0, tokens.quiet));
    paint_marks(ui, line, view);
    let handle = |from: f32, to: f32| [Pos2::new(x, from), Pos2::new(x, to)];
    painter.line_segment(handle(line.top() - HANDLE, line.bottom() + 2.0), Stroke::new(2.0, tokens.accent));
    let knob = pos2(x, line.bottom());
    let grown = if response.hovered() || response.dragged() { 1.0 } else { 0.0 };
    painter.circle(knob, size::SMALL / 2.0 - 1.0 + grown, tokens.accent, Stroke::new(1.5, tokens.chrome));
    if response.has_focus() {
        focus_ring(painter, response.rect, tokens);
    }
}

/// The named versions as flags above the bars, and what is compared with what is shown as a second handle.
fn paint_marks(ui: &Ui, line: Rect, view: &HistoryView) {
    let (tokens, painter) = (Tokens::current(ui), ui.painter());
    for (row, changes) in view.names.iter().filter_map(|row| Some((row, row.changes?))) {
        let x = x_of(line, changes, view).round();
        let (top, foot) = (line.top() - HANDLE - FLAGS + 2.0, line.bottom());
        let colour = if row.is_shown { tokens.accent } else { mix(tokens.chrome, tokens.accent, 0.75) };
        painter.line_segment([pos2(x, top), pos2(x, foot)], Stroke::new(1.0, mix(tokens.chrome, colour, 0.6)));
        let flag = vec![pos2(x, top), pos2(x + 5.0, top + 2.5), pos2(x, top + 5.0)];
        painter.add(Shape::convex_polygon(flag, colour, Stroke::NONE));
    }
    if let Some((changes, _)) = &view.pin {
        let x = x_of(line, *changes, view);
        let ends = [pos2(x, line.top() - HANDLE), pos2(x, line.bottom())];
        painter.extend(Shape::dashed_line(&ends, Stroke::new(1.5, tokens.ink), 3.0, 2.0));
        painter.circle(pos2(x, line.bottom()), size::SMALL / 2.0 - 2.0, tokens.chrome, Stroke::new(1.5, tokens.ink));
    }
}

#[expect(clippy::cast_precision_loss, reason = "far fewer changes than 2^52")]
fn tell(ui: &Ui, response: &Response, view: &HistoryView) {
    let (shown, total) = (view.shown as f64, view.total as f64);
    response.widget_info(|| WidgetInfo::slider(ui.is_enabled(), shown, "Place in the history"));
    ui.ctx().accesskit_node_builder(response.id, |node| {
        node.set_role(Role::Slider);
        node.set_value(view.place());
        node.set_min_numeric_value(0.0);
        node.set_max_numeric_value(total);
        node.set_numeric_value_step(1.0);
        node.add_action(accesskit::Action::SetValue);
        node.add_action(accesskit::Action::Increment);
        node.add_action(accesskit::Action::Decrement);
    });
}
