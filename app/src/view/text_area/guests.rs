//! The carets of others, with their names, which hide no text.

use egui::{CornerRadius, FontId, Painter, Rect, Ui, Vec2, pos2, vec2};

use super::layout::BAR_WIDTH;
use super::paint::wake_after;
use super::{Guest, Memory, PageView, TextArea, VisiblePage};
use crate::editor::motion::Spot;
use crate::editor::words::initials;
use crate::view::theme::{RADIUS, size, space};

/// A name stands at a guest's caret for so long after it moved, in seconds, then fades.
const FLAG_SECONDS: f64 = 3.0;
const FADE_SECONDS: f64 = 0.4;

impl TextArea {
    pub(super) fn paint_guests(
        &self,
        ui: &Ui,
        painter: &Painter,
        view: PageView<'_>,
        page: &VisiblePage,
        memory: &Memory,
    ) {
        let now = ui.input(|input| input.time);
        let mouse = self.response.hover_pos();
        let mut flags = Vec::new();
        for (guest, (.., since)) in view.guests.iter().zip(&memory.guests) {
            let Some(spot) = view.text.position(guest.caret).map(Spot::at) else { continue };
            let Some((caret, row)) = self.caret_box(page, spot).zip(self.row_box(page, spot)) else { continue };
            let colour = self.layout.face.tokens.person(guest.colour);
            painter.rect_filled(caret, CornerRadius::ZERO, colour);
            let knob = Rect::from_center_size(caret.center_top(), vec2(5.0, 5.0));
            painter.rect_filled(knob, CornerRadius::same(1), colour);
            let still = now - since;
            let is_pointed_at = mouse.is_some_and(|mouse| caret.expand(6.0).contains(mouse));
            let shown = if is_pointed_at { 1.0 } else { 1.0 - ((still - FLAG_SECONDS) / FADE_SECONDS).clamp(0.0, 1.0) };
            if shown <= 0.0 {
                continue;
            }
            flags.push(self.paint_flag(painter, page, guest, (caret, row), &flags, shown as f32));
            // While the mouse points at it nothing changes, and the mouse wakes the window when it goes away.
            if still < FLAG_SECONDS && !is_pointed_at {
                wake_after(ui, FLAG_SECONDS - still);
            } else if !is_pointed_at {
                ui.ctx().request_repaint();
            }
        }
    }

    /// Paints a guest's name where it hides neither text nor the flags that are there, or, where all is full, just its initials;
    /// where that is.
    fn paint_flag(
        &self,
        painter: &Painter,
        page: &VisiblePage,
        guest: &Guest,
        at: (Rect, Rect),
        others: &[Rect],
        shown: f32,
    ) -> Rect {
        let tokens = self.layout.face.tokens;
        let margin = vec2(space::XS, 1.0);
        let lay = |text: String| painter.layout_no_wrap(text, FontId::proportional(size::SMALL), tokens.on_person);
        let mut galley = lay(guest.name.clone());
        let place = self.free_place(page, at, galley.size() + 2.0 * margin, others);
        let flag = place.unwrap_or_else(|| {
            galley = lay(initials(&guest.name));
            let [above, .., below] = places(at, galley.size() + 2.0 * margin);
            if above.top() < self.layout.rect.top() { below } else { above }
        });
        let colour = tokens.person(guest.colour).gamma_multiply(shown);
        painter.rect_filled(flag, CornerRadius::same(RADIUS / 2), colour);
        painter.galley_with_override_text_color(flag.min + margin, galley, tokens.on_person.gamma_multiply(shown));
        flag
    }

    fn free_place(&self, page: &VisiblePage, at: (Rect, Rect), size: Vec2, others: &[Rect]) -> Option<Rect> {
        let (caret, row) = at;
        let mut room = self.layout.rect;
        room.max.x -= BAR_WIDTH;
        let is_row_end = caret.right() >= row.right();
        let in_row = others.iter().filter(|other| other.center().y > row.top() && other.center().y < row.bottom());
        let row = row.with_max_x(in_row.fold(row.right(), |right, other| right.max(other.right())));
        let [above, behind, below] = places((caret, row), size);
        let order = if is_row_end { [behind, above, below] } else { [above, behind, below] };
        let is_free = |flag: &Rect| {
            let hides = |other: Rect| other.shrink(0.5).intersects(*flag);
            room.contains_rect(*flag) && !others.iter().copied().any(hides) && !self.row_boxes(page).any(hides)
        };
        order.into_iter().find(is_free)
    }

    /// The rows that can be seen and have text, on the screen.
    fn row_boxes(&self, page: &VisiblePage) -> impl Iterator<Item = Rect> {
        page.segments.iter().flat_map(move |laid| {
            let origin = page.origin(self.layout.rect, laid).to_vec2();
            let boxes = laid.rows().map(move |(_, _, row)| row.translate(origin));
            boxes.filter(|row| row.width() > 0.0)
        })
    }

    /// The row that a caret is on, on the screen.
    fn row_box(&self, page: &VisiblePage, spot: Spot) -> Option<Rect> {
        let laid = page.segment_of(spot)?;
        let origin = page.origin(self.layout.rect, laid).to_vec2();
        let row = laid.galley.layout_from_cursor(laid.cursor(spot)).row;
        Some(laid.galley.rows.get(row)?.rect().translate(origin))
    }
}

/// Where a name may stand: over the caret, behind the row that it is on, under the caret.
fn places((caret, row): (Rect, Rect), size: Vec2) -> [Rect; 3] {
    let left = caret.left();
    let places = [
        pos2(left, row.top() - size.y),
        pos2(row.right().max(caret.right()) + space::S, row.center().y - size.y / 2.0),
        pos2(left, row.bottom()),
    ];
    places.map(|at| Rect::from_min_size(at, size))
}
