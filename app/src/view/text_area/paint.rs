//! Drawing: what is behind the text, the text, the carets over it.

use std::ops::Range;

use egui::{Align2, Color32, CornerRadius, FontId, Painter, Pos2, Rect, Stroke, Ui, pos2, vec2};

use super::{Memory, PageView, TextArea, VisiblePage};
use crate::editor::motion::Spot;
use crate::editor::selection::Selection;
use crate::editor::state::EditorState;
use crate::view::theme::{RADIUS, mix, space};

/// The caret blinks for so long after it moved, in seconds, then stands: an idle window draws nothing.
const BLINK_SECONDS: f64 = 5.0;
const BLINK_HALF_SECONDS: f64 = 0.5;

/// By so much a frame comes later than something is due, in seconds: it must not come before, and find it not yet due.
const WAKE_MARGIN_SECONDS: f64 = 0.001;

/// How much wider a box is that goes on over the end of a line, in points.
pub(super) const LINE_END_WIDTH: f32 = 6.0;

const CARET_WIDTH: f32 = 1.5;

impl TextArea {
    pub(super) fn paint(&self, ui: &Ui, view: PageView<'_>, state: &EditorState, page: &VisiblePage) {
        let rect = self.layout.rect;
        let tokens = self.layout.face.tokens;
        let painter = ui.painter_at(rect);
        painter.rect_filled(rect, CornerRadius::ZERO, tokens.paper);
        let selections = state.carets().selections(view.text);
        self.paint_current_line(&painter, state, page, &selections);
        self.paint_code(&painter, page);
        let tints = Self::visible_tints(view, page);
        self.paint_tints(&painter, page, &tints);
        self.paint_found(&painter, state, page, &selections);
        for guest in view.guests {
            let at = |anchor| view.text.position(anchor);
            if let (Some(tail), Some(head)) = (at(guest.tail), at(guest.caret)) {
                let range = Selection { tail, head }.range();
                let colour = mix(tokens.paper, tokens.person(guest.colour), 0.22);
                self.fill(&painter, page, &range, colour);
            }
        }
        for selection in &selections {
            self.fill(&painter, page, &selection.range(), tokens.selection);
        }
        self.paint_text(&painter, view, state, page);
        self.paint_tint_lines(&painter, page, &tints);
        if state.look().line_numbers {
            self.paint_line_numbers(&painter, view, state, page);
        }
        let memory = self.note(ui, view, state);
        self.paint_guests(ui, &painter, view, page, &memory);
        self.paint_carets(ui, &painter, view, state, page, &memory);
        self.remember(ui, memory);
        self.paint_bar(ui, state, page.top);
    }

    fn fill(&self, painter: &Painter, page: &VisiblePage, range: &Range<usize>, colour: Color32) {
        for filled in self.boxes(page, range, LINE_END_WIDTH) {
            painter.rect_filled(filled, CornerRadius::same(2), colour);
        }
    }

    /// The boxes behind a range of chars on the screen, as far as they can be seen; `beyond` wider where a line ends in it.
    pub(super) fn boxes(&self, page: &VisiblePage, range: &Range<usize>, beyond: f32) -> Vec<Rect> {
        let mut boxes = Vec::new();
        if range.is_empty() {
            return boxes;
        }
        for laid in &page.segments {
            let located = &laid.located;
            if located.end <= range.start && !(located.end == range.start && located.start == located.end) {
                continue;
            }
            if located.start >= range.end {
                break;
            }
            let origin = page.origin(self.layout.rect, laid).to_vec2();
            boxes.extend(laid.boxes(range, beyond).into_iter().map(|filled| filled.translate(origin)));
        }
        boxes
    }

    /// A hint of the row that the caret is on, where nothing is selected.
    fn paint_current_line(&self, painter: &Painter, state: &EditorState, page: &VisiblePage, selections: &[Selection]) {
        let is_quiet = selections.len() > 1 || selections.iter().any(|selection| !selection.is_empty());
        if is_quiet || !state.look().line_numbers || !self.response.has_focus() {
            return;
        }
        let Some(selection) = selections.last() else {
            return;
        };
        if let Some(laid) = page.segment_of(Spot::at(selection.head)) {
            let origin = page.origin(self.layout.rect, laid);
            let row = Rect::from_min_size(
                pos2(self.layout.rect.left(), origin.y),
                vec2(self.layout.rect.width(), laid.galley.rect.height()),
            );
            painter.rect_filled(row, CornerRadius::ZERO, self.layout.face.tokens.chrome);
        }
    }

    /// A ground for code, inline and in blocks.
    fn paint_code(&self, painter: &Painter, page: &VisiblePage) {
        let colour = self.layout.face.tokens.code;
        for laid in &page.segments {
            let origin = page.origin(self.layout.rect, laid);
            if laid.is_code {
                let ground = vec2(self.layout.column_width + 2.0 * space::S, laid.galley.rect.height());
                let ground = Rect::from_min_size(origin - vec2(space::S, 0.0), ground);
                painter.rect_filled(ground, CornerRadius::ZERO, colour);
            }
            for code in laid.code_boxes() {
                let inset = (code.height() * 0.1).round();
                let ground = code.translate(origin.to_vec2()).shrink2(vec2(-2.0, inset));
                painter.rect_filled(ground, CornerRadius::same(RADIUS / 2), colour);
            }
        }
    }

    fn paint_found(&self, painter: &Painter, state: &EditorState, page: &VisiblePage, selections: &[Selection]) {
        let (Some(find), Some(first), Some(last)) = (state.find(), page.segments.first(), page.segments.last()) else {
            return;
        };
        for found in find.within(first.located.start..last.located.end) {
            if !selections.iter().any(|selection| selection.range() == *found) {
                self.fill(painter, page, found, self.layout.face.tokens.found);
            }
        }
    }

    fn paint_text(&self, painter: &Painter, view: PageView<'_>, state: &EditorState, page: &VisiblePage) {
        let face = &self.layout.face;
        for laid in &page.segments {
            let origin = page.origin(self.layout.rect, laid);
            painter.galley(origin, laid.galley.clone(), face.tokens.ink);
            if let Some(strong) = &laid.strong {
                let aside = (face.size * 0.035).clamp(0.4, 1.2);
                painter.galley(origin + vec2(aside, 0.0), strong.clone(), face.tokens.ink);
            }
        }
        if view.text.len_chars() == 0 && state.preedit().is_none() {
            let job = face.plain_job(view.placeholder, face.tokens.quiet);
            let galley = self.layout.context.fonts_mut(|fonts| fonts.layout_job(job));
            let top = self.layout.rect.top() - page.top as f32;
            painter.galley(pos2(page.left, top.round()), galley, face.tokens.quiet);
        }
    }

    fn paint_line_numbers(&self, painter: &Painter, view: PageView<'_>, state: &EditorState, page: &VisiblePage) {
        let face = &self.layout.face;
        let own = view.text.char_to_line(state.selection(view.text).head);
        let font = FontId::monospace((face.size * 0.8).round());
        for laid in page.segments.iter().filter(|laid| laid.located.starts_line) {
            let origin = page.origin(self.layout.rect, laid);
            let row = laid.galley.rows.first().map_or(face.row_height(), |row| row.rect().height());
            let at = pos2(self.layout.left - space::L, origin.y + row / 2.0);
            let line = laid.located.line;
            let colour = if line == own { face.tokens.ink } else { face.tokens.quiet };
            painter.text(at, Align2::RIGHT_CENTER, line + 1, font.clone(), colour);
        }
    }

    /// Notes what moved since the last frame.
    fn note(&self, ui: &Ui, view: PageView<'_>, state: &EditorState) -> Memory {
        let now = ui.input(|input| input.time);
        let mut memory = self.memory(ui);
        let selection = state.selection(view.text);
        if memory.selection != selection || state.preedit().is_some() || self.response.gained_focus() {
            memory.moved = now;
            memory.selection = selection;
        }
        let known = std::mem::take(&mut memory.guests);
        memory.guests = view
            .guests
            .iter()
            .map(|guest| {
                let still = known.iter().find(|(replica, caret, _)| *replica == guest.replica && *caret == guest.caret);
                (guest.replica, guest.caret, still.map_or(now, |(.., since)| *since))
            })
            .collect();
        memory
    }

    fn paint_carets(
        &self,
        ui: &Ui,
        painter: &Painter,
        view: PageView<'_>,
        state: &EditorState,
        page: &VisiblePage,
        memory: &Memory,
    ) {
        let tokens = self.layout.face.tokens;
        if let Some(preedit) = state.preedit() {
            self.paint_preedit(painter, view, state, page, preedit.active.as_ref());
            return;
        }
        if !self.response.has_focus() {
            return;
        }
        let still = ui.input(|input| input.time) - memory.moved;
        let phase = (still / BLINK_HALF_SECONDS).floor();
        let is_off = still < BLINK_SECONDS && phase % 2.0 >= 1.0;
        if still < BLINK_SECONDS {
            wake_after(ui, (phase + 1.0) * BLINK_HALF_SECONDS - still);
        }
        if is_off {
            return;
        }
        for spot in state.carets().spots(view.text) {
            if let Some(caret) = self.caret_box(page, spot) {
                painter.rect_filled(caret, CornerRadius::ZERO, tokens.accent);
            }
        }
    }

    fn paint_preedit(
        &self,
        painter: &Painter,
        view: PageView<'_>,
        state: &EditorState,
        page: &VisiblePage,
        active: Option<&Range<usize>>,
    ) {
        let tokens = self.layout.face.tokens;
        let Some(laid) = page.segment_of(Spot::at(state.selection(view.text).head)) else {
            return;
        };
        let origin = page.origin(self.layout.rect, laid).to_vec2();
        let (boxes, caret) = laid.preedit_boxes(active);
        for (number, found) in boxes.into_iter().enumerate() {
            let found = found.translate(origin);
            let is_active = active.is_some_and(|active| active.contains(&number));
            let stroke = Stroke::new(if is_active { 2.0 } else { 1.0 }, tokens.accent);
            let y = found.bottom() - 3.0;
            painter.line_segment([Pos2::new(found.left(), y), Pos2::new(found.right(), y)], stroke);
        }
        if let Some(caret) = caret {
            painter.rect_filled(caret_of(caret.translate(origin)), CornerRadius::ZERO, tokens.accent);
        }
    }

    /// A caret on the screen, if it can be seen.
    pub(super) fn caret_box(&self, page: &VisiblePage, spot: Spot) -> Option<Rect> {
        let laid = page.segment_of(spot)?;
        let origin = page.origin(self.layout.rect, laid).to_vec2();
        Some(caret_of(laid.galley.pos_from_cursor(laid.cursor(spot)).translate(origin)))
    }
}

/// Asks for one frame when something is due in so many seconds.
pub(super) fn wake_after(ui: &Ui, seconds: f64) {
    ui.ctx().request_repaint_after_secs((seconds + WAKE_MARGIN_SECONDS) as f32);
}

/// A caret is a little less tall than its row.
fn caret_of(row: Rect) -> Rect {
    let inset = (row.height() * 0.12).round();
    Rect::from_min_size(
        pos2(row.left() - CARET_WIDTH / 2.0, row.top() + inset),
        vec2(CARET_WIDTH, row.height() - 2.0 * inset),
    )
}
