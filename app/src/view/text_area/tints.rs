//! Passages that are marked: who wrote them, or what became of them.

use std::fmt::Debug;
use std::ops::Range;

use egui::{Color32, CornerRadius, Painter, Pos2, Rect, Stroke};

use super::paint::LINE_END_WIDTH;
use super::{PageView, TextArea, VisiblePage};
use crate::view::theme::{Tokens, mix};

/// How strong the ground of what somebody wrote is, of their colour on the paper.
const AUTHOR_SHARE: f32 = 0.13;

/// How strong the ground of what is gone or new is.
const CHANGED_SHARE: f32 = 0.14;

/// What a passage is marked as.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TintKind {
    /// Written by whoever has this colour.
    Author(u8),
    /// Gone: struck through.
    Gone,
    /// New: underlined.
    New,
}

/// A marked passage.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Tint {
    /// Its chars.
    pub chars: Range<usize>,
    /// What it is marked as.
    pub kind: TintKind,
}

/// The marked passages of a text.
pub trait Tints: Debug {
    /// Those that touch this range of chars, in order. It is asked for what can be seen.
    fn within(&self, chars: Range<usize>) -> Vec<Tint>;
}

/// No passage is marked.
impl Tints for () {
    fn within(&self, _: Range<usize>) -> Vec<Tint> {
        Vec::new()
    }
}

impl TintKind {
    fn ground(self, tokens: &Tokens) -> Color32 {
        match self {
            Self::Author(colour) => mix(tokens.paper, tokens.person(colour), AUTHOR_SHARE),
            Self::Gone => mix(tokens.paper, tokens.error, CHANGED_SHARE),
            Self::New => mix(tokens.paper, tokens.accent, CHANGED_SHARE),
        }
    }

    /// The colour of a line over what is marked, and where it stands from the top (0) to the bottom (1) of a row.
    const fn line(self, tokens: &Tokens) -> Option<(Color32, f32)> {
        match self {
            Self::Author(_) => None,
            Self::Gone => Some((tokens.error, 0.54)),
            Self::New => Some((tokens.accent, 0.86)),
        }
    }
}

impl TextArea {
    /// The marked passages that can be seen.
    pub(super) fn visible_tints(view: PageView<'_>, page: &VisiblePage) -> Vec<Tint> {
        match (page.segments.first(), page.segments.last()) {
            (Some(first), Some(last)) => view.tints.within(first.located.start..last.located.end),
            _ => Vec::new(),
        }
    }

    /// What is behind marked passages.
    pub(super) fn paint_tints(&self, painter: &Painter, page: &VisiblePage, tints: &[Tint]) {
        for Tint { chars, kind } in tints {
            // Nobody's colour goes on over the end of a line: it would look as if something stood there.
            let beyond = if matches!(kind, TintKind::Author(_)) { 0.0 } else { LINE_END_WIDTH };
            for row in self.boxes(page, chars, beyond) {
                painter.rect_filled(row, CornerRadius::ZERO, kind.ground(self.layout.face.tokens));
            }
        }
    }

    /// The lines through and under marked passages.
    pub(super) fn paint_tint_lines(&self, painter: &Painter, page: &VisiblePage, tints: &[Tint]) {
        for Tint { chars, kind } in tints {
            let Some((colour, height)) = kind.line(self.layout.face.tokens) else { continue };
            for row in self.boxes(page, chars, LINE_END_WIDTH) {
                let y = (row.top() + row.height() * height).round();
                let line = Rect::from_min_max(Pos2::new(row.left(), y), Pos2::new(row.right(), y + 1.0));
                painter.rect(line, CornerRadius::ZERO, colour, Stroke::NONE, egui::StrokeKind::Inside);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::theme::{DARK, LIGHT};

    #[test]
    fn what_is_marked_looks_different_by_more_than_colour() {
        for tokens in [&LIGHT, &DARK] {
            let line = |kind: TintKind| kind.line(tokens).map(|(_, height)| height.to_bits());
            assert_ne!(line(TintKind::Gone), line(TintKind::New));
            assert_eq!(line(TintKind::Author(3)), None);
            assert_ne!(TintKind::Author(0).ground(tokens), tokens.paper);
        }
    }
}
