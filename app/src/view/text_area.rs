//! The text area: a page of a text of any size, of which only the visible lines are laid out.
//!
//! A frame has three steps, so that what is typed is shown in the same frame: [`TextArea::begin`] reads the input and says what
//! the user wants; the caller performs it ([`EditorState::perform`], with [`TextArea::rows`]); [`TextArea::show`] draws. Nothing here changes the
//! document.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "points on a screen are small; the places of a text are f64 until they are on it"
)]

mod accessible;
mod guests;
mod input;
mod job;
mod layout;
mod paint;
mod scroll;
mod tints;

use std::sync::Arc;

use egui::{Id, Rect, Response, Sense, Ui};
use quire_crdt::{Anchor, ReplicaId, Text};

pub use self::accessible::announce;
use self::job::Face;
use self::layout::{Laid, Layout};
use self::scroll::Bar;
pub use self::tints::{Tint, TintKind, Tints};
use crate::editor::command::Command;
use crate::editor::motion::{Page, Rows, Spot};
use crate::editor::selection::Selection;
use crate::editor::state::{EditorState, Look};
use crate::view::theme::{Tokens, size, space};

/// Somebody else in the document.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Guest {
    /// Their replica.
    pub replica: ReplicaId,
    /// Their name.
    pub name: String,
    /// The index of their colour.
    pub colour: u8,
    /// Where their caret is.
    pub caret: Anchor,
    /// Where their selection began.
    pub tail: Anchor,
}

/// What is shown.
#[derive(Clone, Copy, Debug)]
pub struct PageView<'a> {
    /// The text.
    pub text: &'a Text,
    /// Others whose carets are shown.
    pub guests: &'a [Guest],
    /// What a screen reader calls the text; the document's title.
    pub label: &'a str,
    /// What is shown while the text is empty.
    pub placeholder: &'a str,
    /// What passages are marked as.
    pub tints: &'a dyn Tints,
    /// Whether nothing can be written in it.
    pub read_only: bool,
}

/// A text area within one frame.
pub struct TextArea {
    /// What the user wants, in order. Take it, perform it, then show.
    pub commands: Vec<Command>,
    response: Response,
    layout: Layout,
    look: Look,
    bar: Bar,
}

/// What is remembered from frame to frame besides the editor's state.
#[derive(Clone, Debug, Default)]
struct Memory {
    press: Option<input::Press>,
    guests: Vec<(ReplicaId, Anchor, f64)>,
    selection: Selection,
    /// When the caret was moved last, in seconds of egui's time.
    moved: f64,
    /// What the system was told is selected.
    reported: Option<Selection>,
    /// What a screen reader was told of the text.
    runs: Arc<[accessible::Run]>,
}

impl TextArea {
    /// Takes all the room there is, and reads what the user does with it. With `id` the area has the keyboard focus.
    pub fn begin(ui: &mut Ui, id: Id, text: &Text, state: &mut EditorState) -> Self {
        let rect = ui.available_rect_before_wrap();
        let response = ui.interact(rect, id, Sense::click_and_drag());
        ui.advance_cursor_after_rect(rect);
        let layout = layout_for(ui, rect, text, state);
        let bar = Bar::new(ui, id, rect, state);
        let mut area = Self { commands: Vec::new(), response, layout, look: state.look(), bar };
        area.bar_and_wheel(ui, text, state);
        area.read_input(ui, text, state);
        area
    }

    /// The layout, for [`EditorState::perform`].
    pub fn rows(&mut self) -> &mut dyn Rows {
        &mut self.layout
    }

    /// The area as egui knows it; ask it for the keyboard focus.
    pub const fn response(&self) -> &Response {
        &self.response
    }

    /// Draws the page as it is now, tells screen readers and the input method, and returns the area's response.
    pub fn show(mut self, ui: &mut Ui, view: PageView<'_>, state: &mut EditorState) -> Response {
        if self.look != state.look() {
            self.layout = layout_for(ui, self.layout.rect, view.text, state);
        }
        self.layout.forget_block();
        let head = state.selection(view.text).head;
        self.layout.preedit = state.preedit().map(|preedit| (head, preedit.clone()));
        let top = self.settle(view.text, state);
        let page = self.lay_page(view.text, state, top);
        self.paint(ui, view, state, &page);
        self.publish(ui, view, state, &page);
        self.response
    }

    /// Lays out what can be seen, and notes the heights that are only guessed so far.
    fn lay_page(&self, text: &Text, state: &mut EditorState, top: f64) -> VisiblePage {
        let bottom = top + f64::from(self.layout.rect.height());
        let mut rows = Vec::new();
        let mut next = Some(state.segments().at_y(top));
        while let Some(located) = next {
            let mut laid = self.layout.lay(Page { text, segments: state.segments() }, located);
            let height = laid.galley.rect.height();
            if !located.measured || (located.height - f64::from(height)).abs() > 0.5 {
                state.segments_mut().measure(&located, height);
            }
            let located = state.segments().at_char(located.start);
            let is_below = located.bottom() > bottom;
            next = if is_below { None } else { state.segments().next(&located) };
            laid.located = located;
            rows.push(laid);
        }
        VisiblePage { top, left: self.layout.left - state.scroll().left, segments: rows }
    }

    fn memory(&self, ui: &Ui) -> Memory {
        ui.data_mut(|data| data.get_temp(self.response.id)).unwrap_or_default()
    }

    fn remember(&self, ui: &Ui, memory: Memory) {
        ui.data_mut(|data| data.insert_temp(self.response.id, memory));
    }
}

/// The segments that can be seen.
struct VisiblePage {
    /// What is at the top of the area, in points from the top of the text.
    top: f64,
    /// The left of the text on the screen.
    left: f32,
    segments: Vec<Laid>,
}

impl VisiblePage {
    /// Where a segment's galley is on the screen.
    fn origin(&self, area: Rect, laid: &Laid) -> egui::Pos2 {
        let y = (laid.located.top - self.top) as f32;
        egui::pos2(self.left, (area.top() + y).round())
    }

    /// The segment that a caret is in, if it can be seen.
    fn segment_of(&self, spot: Spot) -> Option<&Laid> {
        let holds = |laid: &&Laid| {
            let located = &laid.located;
            let is_end = spot.at == located.end && !located.ends_line;
            (located.start..located.end).contains(&spot.at) || (is_end && (spot.upstream || self.is_last(laid)))
        };
        if spot.upstream {
            let ends = self.segments.iter().find(|laid| laid.located.end == spot.at && !laid.located.ends_line);
            return ends.or_else(|| self.segments.iter().find(holds));
        }
        self.segments.iter().find(holds)
    }

    fn is_last(&self, laid: &Laid) -> bool {
        self.segments.last().is_some_and(|last| last.located.number == laid.located.number)
    }
}

fn layout_for(ui: &Ui, rect: Rect, text: &Text, state: &mut EditorState) -> Layout {
    let look = state.look();
    let face = Face {
        size: (size::TEXT * look.zoom * 2.0).round() / 2.0,
        monospace: look.monospace,
        wrap_width: f32::INFINITY,
        tokens: Tokens::current(ui),
    };
    let digits = text.len_lines().max(100).ilog10() + 1;
    let gutter = if look.line_numbers { digits as f32 * face.size * 0.62 + space::L } else { 0.0 };
    let layout = Layout::new(ui.ctx(), face, rect, gutter, look);
    if state.segments().estimate() != layout.estimate() {
        state.segments_mut().estimate_anew(layout.estimate());
    }
    layout
}
