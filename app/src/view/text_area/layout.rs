//! Segments laid out, and the answers that motions and clicks need from them.

use std::cell::Cell;
use std::ops::Range;
use std::sync::Arc;

use egui::text::CCursor;
use egui::{Context, Galley, Pos2, Rect, Vec2, pos2};

use super::job::{Face, Jobs};
use crate::editor::markdown::{Language, LineKind, Start};
use crate::editor::motion::{Page, Row, Rows, Spot};
use crate::editor::segments::{Estimate, Located};
use crate::editor::state::{Look, Preedit};
use crate::view::theme::space;

/// What letters are on average, to guess how many fit a row.
const SAMPLE: &str = "The quick brown fox jumps over the lazy dog, and then some more. ";

/// How many lines above are looked through for the fence that opens a block; farther down in a longer one there is no
/// language.
const FENCE_LOOK_BACK_LINES: usize = 4096;

/// The room for the scroll bar, in points.
pub(super) const BAR_WIDTH: f32 = 12.0;

/// The layout of one text area in one frame.
pub(super) struct Layout {
    pub(super) context: Context,
    pub(super) face: Face,
    /// All of the area.
    pub(super) rect: Rect,
    /// The left of the column, before it is scrolled.
    pub(super) left: f32,
    pub(super) column_width: f32,
    /// What the input method shows, and at which char.
    pub(super) preedit: Option<(usize, Preedit)>,
    average: f32,
    /// The block of fenced code that was asked about last.
    block: Cell<Option<Block>>,
}

/// A part of a block of fenced code, from the fence that opens it.
#[derive(Clone, Copy, Debug)]
struct Block {
    /// The number of the fence's segment.
    fence: usize,
    /// The number of the last segment that is known to be in the block.
    last: usize,
    language: Option<Language>,
}

impl Block {
    /// Whether a segment that is in some block is in this one.
    const fn holds(&self, number: usize) -> bool {
        self.fence < number && number <= self.last + 1
    }
}

/// A segment laid out.
pub(super) struct Laid {
    pub(super) located: Located,
    pub(super) galley: Arc<Galley>,
    pub(super) strong: Option<Arc<Galley>>,
    /// Inline code, in chars of the galley.
    code: Vec<Range<usize>>,
    /// Whether the line is part of a fenced block.
    pub(super) is_code: bool,
    /// Where the preedit is put in, and its length: chars from the start of the segment.
    preedit: Option<(usize, usize)>,
}

impl Layout {
    /// The layout for an area; `gutter` is the room for line numbers.
    pub(super) fn new(context: &Context, mut face: Face, rect: Rect, gutter: f32, look: Look) -> Self {
        let font = face.font();
        let width: f32 = context.fonts_mut(|fonts| SAMPLE.chars().map(|char| fonts.glyph_width(&font, char)).sum());
        let average = (width / SAMPLE.len() as f32).max(1.0);
        let room = (rect.width() - gutter - BAR_WIDTH - 2.0 * space::XL).max(4.0 * average);
        let wrap = look.wrap;
        let column_width = if wrap { room.min(look.column_chars as f32 * average).round() } else { room };
        face.wrap_width = if wrap { column_width } else { f32::INFINITY };
        let centred = rect.left() + (rect.width() - column_width) / 2.0;
        let left = if wrap { centred } else { rect.left() };
        let left = left.max(rect.left() + gutter + space::XL).round();
        Self {
            context: context.clone(),
            face,
            rect,
            left,
            column_width,
            preedit: None,
            average,
            block: Cell::new(None),
        }
    }

    /// Forgets what is known of a block: the text may have changed.
    pub(super) fn forget_block(&self) {
        self.block.set(None);
    }

    pub(super) fn estimate(&self) -> Estimate {
        let wraps = self.face.wrap_width.is_finite();
        let chars_per_row = wraps.then_some(self.column_width / self.average);
        Estimate { row_height: self.face.row_height(), chars_per_row }
    }

    /// Lays a segment out. What was laid out in the last frame comes from egui's cache.
    pub(super) fn lay(&self, page: Page<'_>, located: Located) -> Laid {
        let mut content = page.text.slice(located.visible());
        let preedit = self.preedit.as_ref().and_then(|(at, preedit)| {
            let is_here = page.segments.at_char(*at).number == located.number;
            is_here.then(|| (at - located.start, &preedit.text))
        });
        if let Some((at, text)) = preedit {
            let byte = content.char_indices().nth(at).map_or(content.len(), |(byte, _)| byte);
            content.insert_str(byte, text);
        }
        let in_fence = located.fence.is_inside();
        let language = if in_fence { self.language(page, &located) } else { None };
        let start = Start { in_fence, language, continued: !located.starts_line };
        let Jobs { job, strong, code, kind } = self.face.jobs(&self.context, &content, start);
        let (galley, strong) =
            self.context.fonts_mut(|fonts| (fonts.layout_job(job), strong.map(|strong| fonts.layout_job(strong))));
        let preedit = preedit.map(|(at, text)| (at, text.chars().count()));
        Laid { located, galley, strong, code, is_code: kind == LineKind::Code, preedit }
    }

    /// The language of the block that a segment is in: what the fence above it says. The block that was asked about last is
    /// remembered, so that the lines of a page are looked at once.
    fn language(&self, page: Page<'_>, located: &Located) -> Option<Language> {
        if let Some(block) = self.block.get().filter(|block| block.holds(located.number)) {
            self.block.set(Some(Block { last: block.last.max(located.number), ..block }));
            return block.language;
        }
        let mut above = page.segments.previous(located);
        for _ in 0..FENCE_LOOK_BACK_LINES {
            let Some(line) = above else { break };
            if !line.fence.is_inside() {
                let language = Language::of_fence(&page.text.slice(line.visible()));
                self.block.set(Some(Block { fence: line.number, last: located.number, language }));
                return language;
            }
            above = page.segments.previous(&line);
        }
        None
    }

    fn lay_at(&self, page: Page<'_>, spot: Spot) -> (Laid, CCursor) {
        let mut located = page.segments.at_char(spot.at);
        if spot.upstream
            && spot.at == located.start
            && !located.starts_line
            && let Some(previous) = page.segments.previous(&located)
        {
            located = previous;
        }
        let laid = self.lay(page, located);
        let cursor = laid.cursor(spot);
        (laid, cursor)
    }

    /// Where a caret is: its top and bottom from the top of the text, its x from the left of the column.
    pub(super) fn caret(&self, page: Page<'_>, spot: Spot) -> (f32, Range<f64>) {
        let (laid, cursor) = self.lay_at(page, spot);
        let rect = laid.galley.pos_from_cursor(cursor);
        let top = laid.located.top;
        (rect.min.x, top + f64::from(rect.min.y)..top + f64::from(rect.max.y))
    }

    /// The place in the text under a point, whose x is from the left of the column and whose y is from the top of the text.
    pub(super) fn at(&self, page: Page<'_>, x: f32, y: f64) -> Spot {
        let laid = self.lay(page, page.segments.at_y(y));
        let y = (y - laid.located.top) as f32;
        if y < 0.0 {
            return Spot::at(0);
        }
        // The last row reaches to the bottom of everything.
        let y = y.min(laid.galley.rows.last().map_or(0.0, |row| row.max_y() - 1.0)).max(0.0);
        laid.spot(laid.galley.cursor_from_pos(Vec2::new(x, y)))
    }
}

impl Laid {
    /// The number of galley chars in front of a char of the segment.
    fn shown(&self, index: usize) -> usize {
        match self.preedit {
            Some((at, length)) if index >= at => index + length,
            _ => index,
        }
    }

    fn hidden(&self, shown: usize) -> usize {
        match self.preedit {
            Some((at, length)) if shown > at => at.max(shown.saturating_sub(length)),
            _ => shown,
        }
    }

    pub(super) fn cursor(&self, spot: Spot) -> CCursor {
        let index = self.shown(spot.at.saturating_sub(self.located.start));
        CCursor { index: index.into(), prefer_next_row: !spot.upstream }
    }

    pub(super) fn spot(&self, cursor: CCursor) -> Spot {
        let at = (self.located.start + self.hidden(cursor.index.0)).min(self.located.visible().end);
        let row = self.galley.layout_from_cursor(cursor);
        let ends_row = self.galley.rows.get(row.row).is_some_and(|placed| row.column.0 == placed.glyphs.len());
        let upstream =
            ends_row && !cursor.prefer_next_row && at < self.located.end && row.row + 1 < self.galley.rows.len();
        let piece_end = at == self.located.end && !self.located.ends_line && ends_row;
        Spot { upstream: upstream || piece_end, ..Spot::at(at) }
    }

    /// The galley's rows with the chars of the text that each shows.
    pub(super) fn rows(&self) -> impl Iterator<Item = (usize, Range<usize>, Rect)> + '_ {
        let mut shown = 0;
        self.galley.rows.iter().enumerate().map(move |(number, row)| {
            let start = shown;
            shown += row.char_count_including_newline().0;
            let chars = self.located.start + self.hidden(start)..self.located.start + self.hidden(shown);
            (number, chars.start..chars.end.min(self.located.visible().end), row.rect())
        })
    }

    /// The boxes behind a range of chars, in the galley's coordinates. Where the range goes on behind the end of the line, the
    /// last box is `beyond` wider.
    pub(super) fn boxes(&self, range: &Range<usize>, beyond: f32) -> Vec<Rect> {
        let mut boxes = Vec::new();
        let count = self.galley.rows.len();
        for (number, chars, rect) in self.rows() {
            let is_last = number + 1 == count;
            let (start, end) = (range.start.max(chars.start), range.end.min(chars.end));
            let goes_on = is_last && self.located.ends_line && range.end > chars.end && range.start <= chars.end;
            if start > end || (start == end && !goes_on) {
                continue;
            }
            let x = |at: usize| {
                let column =
                    self.shown(at - self.located.start).saturating_sub(self.shown(chars.start - self.located.start));
                rect.min.x + self.galley.rows[number].x_offset(column.into())
            };
            let right = x(end) + if goes_on { beyond } else { 0.0 };
            boxes.push(Rect::from_min_max(pos2(x(start), rect.min.y), pos2(right, rect.max.y)));
        }
        boxes
    }

    /// The boxes behind inline code.
    pub(super) fn code_boxes(&self) -> impl Iterator<Item = Rect> + '_ {
        let char = |shown: usize| self.located.start + self.hidden(shown);
        self.code.iter().flat_map(move |code| self.boxes(&(char(code.start)..char(code.end)), 0.0))
    }

    /// The boxes under the preedit, and where its caret is.
    pub(super) fn preedit_boxes(&self, active: Option<&Range<usize>>) -> (Vec<Rect>, Option<Rect>) {
        let Some((at, length)) = self.preedit else {
            return (Vec::new(), None);
        };
        let cursor = |index: usize| CCursor { index: index.into(), prefer_next_row: true };
        let mut boxes = Vec::new();
        for index in at..at + length {
            let from = self.galley.pos_from_cursor(cursor(index));
            let to = self.galley.pos_from_cursor(CCursor { index: (index + 1).into(), prefer_next_row: false });
            boxes.push(Rect::from_min_max(from.min, Pos2::new(to.max.x.max(from.min.x), from.max.y)));
        }
        let caret = at + active.map_or(length, |active| active.end.min(length));
        (boxes, Some(self.galley.pos_from_cursor(cursor(caret))))
    }
}

impl Rows for Layout {
    fn row(&mut self, page: Page<'_>, spot: Spot) -> Row {
        let (laid, cursor) = self.lay_at(page, spot);
        let number = laid.galley.layout_from_cursor(cursor).row;
        let is_last = number + 1 >= laid.galley.rows.len();
        let found = laid.rows().find(|(row, ..)| *row == number).map(|(_, chars, _)| chars);
        let chars = found.unwrap_or_else(|| laid.located.visible());
        let is_end = chars.end == page.text.len_chars();
        Row { chars, ends_line: is_last && (laid.located.ends_line || is_end) }
    }

    fn x(&mut self, page: Page<'_>, spot: Spot) -> f32 {
        self.caret(page, spot).0
    }

    fn at_x(&mut self, page: Page<'_>, row: &Row, x: f32) -> Spot {
        let start = Spot::at(row.chars.start);
        let (laid, cursor) = self.lay_at(page, start);
        let rect = laid.galley.pos_from_cursor(cursor);
        let spot = laid.spot(laid.galley.cursor_from_pos(Vec2::new(x, rect.center().y)));
        let at = crate::editor::motion::floor_grapheme(page.text, spot.at.clamp(row.chars.start, row.chars.end));
        Spot { upstream: at == row.chars.end && !row.ends_line, ..Spot::at(at) }
    }

    fn y(&mut self, page: Page<'_>, spot: Spot) -> f64 {
        self.caret(page, spot).1.start
    }

    fn row_at_y(&mut self, page: Page<'_>, y: f64) -> Row {
        let spot = self.at(page, 0.0, y);
        self.row(page, spot)
    }

    fn page_height(&self) -> f64 {
        let row = f64::from(self.face.row_height());
        (f64::from(self.rect.height()) - 2.0 * row).max(row)
    }
}
