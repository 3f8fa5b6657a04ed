//! From a line of text to what egui lays out: Markdown's spans as sections, merged where they look alike.

use std::ops::Range;
use std::sync::Arc;

use egui::cache::{ComputerMut, FrameCache};
use egui::text::{LayoutJob, TextFormat, TextWrapping};
use egui::{Color32, Context, FontFamily, FontId, Stroke};

use crate::editor::markdown::{self, Line, LineKind, Role, Start};
use crate::view::theme::{LINE_HEIGHT, Tokens};

/// How text is laid out; the same for all segments of a frame.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Face {
    /// The size of letters, in points.
    pub(super) size: f32,
    pub(super) monospace: bool,
    /// Where lines wrap, in points; infinite: nowhere.
    pub(super) wrap_width: f32,
    pub(super) tokens: &'static Tokens,
}

/// A line as egui is asked to lay it out.
pub(super) struct Jobs {
    pub(super) job: LayoutJob,
    /// What is strong alone, to be painted over the first a little to the side: the fonts have no bold face.
    pub(super) strong: Option<LayoutJob>,
    /// Inline code, in chars.
    pub(super) code: Vec<Range<usize>>,
    pub(super) kind: LineKind,
}

/// Letters that stand for what cannot be shown: a control character other than a tab has no glyph.
const CONTROL: char = '·';

impl Face {
    pub(super) fn row_height(&self) -> f32 {
        (self.size * LINE_HEIGHT).round()
    }

    pub(super) fn font(&self) -> FontId {
        FontId::new(self.size, if self.monospace { FontFamily::Monospace } else { FontFamily::Proportional })
    }

    /// The layout of a line, `content` without its `\n`.
    pub(super) fn jobs(&self, egui: &Context, content: &str, start: Start) -> Jobs {
        let line = styled(egui, content, start);
        let shown: String = content.chars().map(|char| if is_control(char) { CONTROL } else { char }).collect();
        let mut job = self.empty_job();
        let mut strong = None;
        let (mut from, mut shown_from, mut shown_chars) = (0, 0, 0);
        let mut code = Vec::new();
        for span in &line.spans {
            // Control characters may be shown by longer or shorter ones.
            let chars = content[from..span.end].chars().count();
            let rest = &shown[shown_from..];
            let shown_end = shown_from + rest.char_indices().nth(chars).map_or(rest.len(), |(at, _)| at);
            let part = &shown[shown_from..shown_end];
            let format = self.format(line.kind, span.style);
            job.append(part, 0.0, format);
            if is_strong(line.kind, span.style) {
                strong.get_or_insert_with(Vec::new).push(shown_from..shown_end);
            }
            if span.style.role == Role::Code && line.kind != LineKind::Code {
                code.push(shown_chars..shown_chars + chars);
            }
            (from, shown_from, shown_chars) = (span.end, shown_end, shown_chars + chars);
        }
        if line.spans.is_empty() {
            job.append("", 0.0, self.format(line.kind, markdown::Style::default()));
        }
        let strong = strong.map(|ranges| only(&job, &ranges));
        Jobs { job, strong, code, kind: line.kind }
    }

    /// The layout of what is neither Markdown nor styled: placeholder, line numbers.
    pub(super) fn plain_job(&self, content: &str, colour: Color32) -> LayoutJob {
        let mut job = self.empty_job();
        let format = TextFormat {
            font_id: self.font(),
            color: colour,
            line_height: Some(self.row_height()),
            ..TextFormat::default()
        };
        job.append(content, 0.0, format);
        job
    }

    fn empty_job(&self) -> LayoutJob {
        LayoutJob {
            wrap: TextWrapping { max_width: self.wrap_width, ..TextWrapping::default() },
            break_on_newline: false,
            keep_trailing_whitespace: true,
            ..LayoutJob::default()
        }
    }

    fn format(&self, kind: LineKind, style: markdown::Style) -> TextFormat {
        let tokens = self.tokens;
        let scale = heading_scale(kind);
        let mut font = self.font();
        font.size = (font.size * scale).round();
        let is_code = style.role == Role::Code || kind == LineKind::Code;
        if is_code {
            font.family = FontFamily::Monospace;
            font.size = (self.size * 0.93).round();
        }
        let colour = match style.role {
            Role::Markup | Role::Address | Role::Comment => tokens.quiet,
            Role::Link | Role::Marker | Role::Keyword => tokens.accent,
            Role::Literal => crate::view::theme::mix(tokens.ink, tokens.accent, 0.55),
            Role::Text if kind == LineKind::Quote => crate::view::theme::mix(tokens.ink, tokens.quiet, 0.5),
            Role::Text | Role::Code => tokens.ink,
        };
        let is_struck = style.strike && style.role != Role::Markup;
        TextFormat {
            font_id: font,
            color: colour,
            italics: style.emphasis && style.role != Role::Markup,
            strikethrough: if is_struck { Stroke::new(1.0, colour) } else { Stroke::NONE },
            line_height: Some((self.row_height() * scale).round()),
            ..TextFormat::default()
        }
    }
}

const fn heading_scale(kind: LineKind) -> f32 {
    match kind {
        LineKind::Heading(1) => 1.5,
        LineKind::Heading(2) => 1.25,
        LineKind::Heading(3) => 1.1,
        _ => 1.0,
    }
}

fn is_strong(kind: LineKind, style: markdown::Style) -> bool {
    let is_text = matches!(style.role, Role::Text | Role::Link | Role::Code);
    is_text && (style.strong || matches!(kind, LineKind::Heading(_)))
}

fn is_control(char: char) -> bool {
    char.is_control() && char != '\t'
}

/// The same layout with everything but these bytes invisible.
fn only(job: &LayoutJob, ranges: &[Range<usize>]) -> LayoutJob {
    let mut only = LayoutJob { sections: Vec::new(), text: String::new(), ..job.clone() };
    for section in &job.sections {
        let (start, end) = (section.byte_range.start.0, section.byte_range.end.0);
        let mut at = start;
        while at < end {
            let within = ranges.iter().find(|range| range.contains(&at));
            let next = ranges.iter().map(|range| range.start).find(|start| *start > at).unwrap_or(end);
            let stop = within.map_or(next, |range| range.end).min(end);
            let mut format = section.format.clone();
            if within.is_none() {
                format.color = Color32::TRANSPARENT;
                format.strikethrough = Stroke::NONE;
            }
            only.append(&job.text[at..stop], 0.0, format);
            at = stop;
        }
    }
    only
}

/// Lexes lines, for egui's cache: what was shown in the last frame is not read again.
#[derive(Default)]
struct Lexer;

impl ComputerMut<(&str, Start), Arc<Line>> for Lexer {
    fn compute(&mut self, (content, start): (&str, Start)) -> Arc<Line> {
        Arc::new(markdown::line(content, start))
    }
}

fn styled(egui: &Context, content: &str, start: Start) -> Arc<Line> {
    egui.memory_mut(|memory| {
        let cache = memory.caches.cache::<FrameCache<Arc<Line>, Lexer>>();
        Arc::clone(cache.get((content, start)))
    })
}
