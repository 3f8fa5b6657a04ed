//! Scrolling: by wheel and bar, to the caret, and standing still when others write above.

use egui::{CornerRadius, Id, Rect, Response, Sense, Ui, WidgetInfo, pos2, vec2};
use quire_crdt::{Bias, Text};

use super::TextArea;
use super::layout::BAR_WIDTH;
use crate::editor::motion::{Page, Spot};
use crate::editor::state::{EditorState, Scroll};
use crate::view::theme::space;

/// Beyond so many heights of the area a scroll is a jump, for which guessed heights are good enough.
const JUMP_PAGES: f64 = 3.0;

/// How many times unmeasured lines above are measured before what comes out is taken.
const MEASURE_ROUNDS_MAX: usize = 4;

/// The smallest handle of the bar, in points.
const HANDLE_MIN: f32 = 24.0;

/// The scroll bar.
pub(super) struct Bar {
    response: Response,
    rect: Rect,
}

impl Bar {
    pub(super) fn new(ui: &Ui, id: Id, area: Rect, state: &EditorState) -> Self {
        let rect = Rect::from_min_max(pos2(area.right() - BAR_WIDTH, area.top()), area.max);
        let response = ui.interact(rect, id.with("scroll bar"), Sense::click_and_drag());
        let height = state.segments().height();
        response.widget_info(|| WidgetInfo::slider(true, height, "Scroll position"));
        Self { response, rect }
    }

    /// The handle: where it is when `top` is at the top of the area. `None`: everything is seen.
    fn handle(&self, top: f64, range: &std::ops::RangeInclusive<f64>) -> Option<Rect> {
        let length = range.end() - range.start();
        if length < 1.0 {
            return None;
        }
        let page = f64::from(self.rect.height());
        let handle = (page * page / (length + page)).max(f64::from(HANDLE_MIN)) as f32;
        let share = ((top - range.start()) / length).clamp(0.0, 1.0) as f32;
        let y = self.rect.top() + share * (self.rect.height() - handle);
        Some(Rect::from_min_size(pos2(self.rect.left() + 3.0, y), vec2(BAR_WIDTH - 6.0, handle)))
    }

    /// Where a drag of the handle, or a click beside it, leads.
    fn target(&self, top: f64, range: &std::ops::RangeInclusive<f64>) -> Option<f64> {
        let handle = self.handle(top, range)?;
        let pointer = self.response.interact_pointer_pos()?;
        let room = f64::from(self.rect.height() - handle.height()).max(1.0);
        let per_point = (range.end() - range.start()) / room;
        if self.response.drag_started() || self.response.clicked() {
            if handle.expand(2.0).contains(pointer) {
                return None;
            }
            let y = f64::from(pointer.y - self.rect.top() - handle.height() / 2.0);
            return Some(range.start() + y * per_point);
        }
        let moved = self.response.drag_delta().y;
        self.response.dragged().then(|| top + f64::from(moved) * per_point)
    }

    pub(super) fn paint(
        &self,
        ui: &Ui,
        tokens: &crate::view::theme::Tokens,
        top: f64,
        range: &std::ops::RangeInclusive<f64>,
    ) {
        if let Some(handle) = self.handle(top, range) {
            let is_active = self.response.hovered() || self.response.dragged();
            let colour = tokens.quiet.gamma_multiply(if is_active { 0.7 } else { 0.3 });
            ui.painter().rect_filled(handle, CornerRadius::same(3), colour);
        }
    }
}

impl TextArea {
    /// What may be at the top of the area: a margin above the text, and half an area below it.
    pub(super) fn range(&self, state: &EditorState) -> std::ops::RangeInclusive<f64> {
        let start = -f64::from(space::XL);
        let page = f64::from(self.layout.rect.height());
        let end = state.segments().height() - page * 0.5;
        start..=if state.segments().height() + f64::from(space::XL) <= page { start } else { end.max(start) }
    }

    /// Scrolls as wheel and bar say.
    pub(super) fn bar_and_wheel(&mut self, ui: &Ui, text: &Text, state: &mut EditorState) {
        if self.response.contains_pointer() || self.bar.response.contains_pointer() {
            let delta = ui.input(egui::InputState::smooth_scroll_delta);
            ui.input_mut(|input| input.smooth_scroll_delta = egui::Vec2::ZERO);
            let scroll = state.scroll();
            let left = if self.layout.face.wrap_width.is_finite() { 0.0 } else { (scroll.left - delta.x).max(0.0) };
            state.set_scroll(Scroll { points: scroll.points - f64::from(delta.y), left, ..scroll });
        }
        let aside = self.drag_aside(ui);
        if aside != 0.0 {
            // Not beyond the end of the line that the caret is dragged along.
            let scroll = state.scroll();
            let spot = Spot::at(state.selection(text).head);
            let (x, _) = self.layout.caret(Page { text, segments: state.segments() }, spot);
            let most = scroll.left.max(x + space::XL - self.layout.column_width).max(0.0);
            state.set_scroll(Scroll { left: (scroll.left + aside).clamp(0.0, most), ..scroll });
        }
        let top = self.top(Page { text, segments: state.segments() }, state.scroll());
        let range = self.range(state);
        if let Some(target) = self.bar.target(top, &range) {
            self.anchor_at(text, state, target.clamp(*range.start(), *range.end()));
        }
    }

    /// What is at the top of the area, in points from the top of the text.
    pub(super) fn top(&self, page: Page<'_>, scroll: Scroll) -> f64 {
        let at = page.text.position(scroll.anchor).unwrap_or(0);
        let (_, rows) = self.layout.caret(page, Spot::at(at));
        rows.start + scroll.points
    }

    /// Does what was asked of scrolling, and gives what is at the top. What is on the screen stays where it is when heights
    /// above turn out otherwise than guessed, or others write there.
    pub(super) fn settle(&mut self, text: &Text, state: &mut EditorState) -> f64 {
        let height = f64::from(self.layout.rect.height());
        let by = state.take_scroll_by();
        let scroll = state.scroll();
        state.set_scroll(Scroll { points: scroll.points + by, ..scroll });
        if state.take_reveal() {
            self.reveal(text, state);
        }
        let range = self.range(state);
        let mut top = self.top(Page { text, segments: state.segments() }, state.scroll());
        if state.scroll().points.abs() > JUMP_PAGES * height {
            top = top.clamp(*range.start(), *range.end());
        } else {
            top = self.measure_above(text, state, top).clamp(*range.start(), *range.end());
        }
        self.anchor_at(text, state, top);
        self.top(Page { text, segments: state.segments() }, state.scroll())
    }

    /// Measures what comes into view above the anchor, so that the anchor stays.
    fn measure_above(&self, text: &Text, state: &mut EditorState, mut top: f64) -> f64 {
        for _ in 0..MEASURE_ROUNDS_MAX {
            let anchor = text.position(state.scroll().anchor).unwrap_or(0);
            let last = state.segments().at_char(anchor).number;
            let mut next = Some(state.segments().at_y(top.max(0.0)));
            let mut measured = false;
            while let Some(located) = next.filter(|located| located.number <= last) {
                if !located.measured {
                    let laid = self.layout.lay(Page { text, segments: state.segments() }, located);
                    state.segments_mut().measure(&located, laid.galley.rect.height());
                    measured = true;
                }
                next = state.segments().next(&located);
            }
            top = self.top(Page { text, segments: state.segments() }, state.scroll());
            if !measured {
                break;
            }
        }
        top
    }

    /// Makes the row at this height the anchor.
    fn anchor_at(&self, text: &Text, state: &mut EditorState, top: f64) {
        let page = Page { text, segments: state.segments() };
        let spot = self.layout.at(page, 0.0, top.max(0.0));
        let spot = Spot { upstream: false, ..spot };
        let (_, row) = self.layout.caret(page, spot);
        let left = if self.layout.face.wrap_width.is_finite() { 0.0 } else { state.scroll().left };
        let anchor = if spot.at == 0 { quire_crdt::Anchor::Start } else { text.anchor(spot.at, Bias::Right) };
        state.set_scroll(Scroll { anchor, points: top - row.start, left });
    }

    /// Scrolls as little as brings the leading caret into view, with a line of surroundings; far away: to the middle.
    fn reveal(&mut self, text: &Text, state: &mut EditorState) {
        let height = f64::from(self.layout.rect.height());
        let row_height = f64::from(self.layout.face.row_height());
        let Some(spot) = state.carets().spots(text).pop() else {
            return;
        };
        let page = Page { text, segments: state.segments() };
        let (x, rows) = self.layout.caret(page, spot);
        let top = self.top(page, state.scroll());
        let margin = row_height.min(height / 4.0);
        let (above, below) = (rows.start - margin, rows.end + margin - height);
        let far = rows.end < top - height || rows.start > top + 2.0 * height;
        let wanted = if far {
            rows.start - height * 0.4
        } else if above < top {
            above
        } else if below > top {
            below
        } else {
            top
        };
        if (wanted - top).abs() > f64::EPSILON {
            let range = self.range(state);
            self.anchor_at(text, state, wanted.clamp(*range.start(), range.end().max(below)));
        }
        if self.layout.face.wrap_width.is_infinite() {
            let scroll = state.scroll();
            let width = self.layout.column_width;
            let left = scroll.left.min((x - space::XL).max(0.0)).max(x + space::XL - width);
            state.set_scroll(Scroll { left: left.max(0.0), ..scroll });
        }
    }

    pub(super) fn paint_bar(&self, ui: &Ui, state: &EditorState, top: f64) {
        self.bar.paint(ui, self.layout.face.tokens, top, &self.range(state));
    }
}
