//! Markdown as it is typed: spans of style for one line at a time, no character hidden.
//!
//! A lexer, not a parser: what one line and the fence state in front of it tell. It is wrong where Markdown needs the whole
//! document (lazy continuation, link definitions), and costs a microsecond a line.

mod code;
mod inline;

pub use code::Language;

/// What kind of line it is; the view gives headings their size by it.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum LineKind {
    /// Text.
    #[default]
    Text,
    /// A heading of this level, 1 to 6.
    Heading(u8),
    /// A quote.
    Quote,
    /// A fence, or a line between two.
    Code,
    /// A line across the page.
    Rule,
}

/// What a span is, besides being emphasised.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Role {
    /// Plain text.
    #[default]
    Text,
    /// A sign of the markup itself: `#`, `**`, `[`, a fence.
    Markup,
    /// Inline or fenced code.
    Code,
    /// What a link shows.
    Link,
    /// Where a link leads.
    Address,
    /// The marker of a list or a box to tick.
    Marker,
    /// In fenced code: a word of the language.
    Keyword,
    /// In fenced code: a text or a number.
    Literal,
    /// In fenced code: a comment.
    Comment,
}

/// How a span looks.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Style {
    /// What it is.
    pub role: Role,
    /// `**strong**`.
    pub strong: bool,
    /// `*emphasis*`.
    pub emphasis: bool,
    /// `~~struck~~`.
    pub strike: bool,
}

impl Style {
    const fn of(role: Role) -> Self {
        Self { role, strong: false, emphasis: false, strike: false }
    }
}

/// A part of a line in one style.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Span {
    /// The byte behind its last one; it begins where the one before it ends.
    pub end: usize,
    /// How it looks.
    pub style: Style,
}

/// A line in spans, which cover it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Line {
    /// What kind of line it is.
    pub kind: LineKind,
    /// Its spans, in order; neighbours differ.
    pub spans: Vec<Span>,
}

/// Where a line begins.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Start {
    /// Between two fences.
    pub in_fence: bool,
    /// The language that the fence above names, if it is known.
    pub language: Option<Language>,
    /// In the middle of a long line.
    pub continued: bool,
}

/// The spans of a line, which is given without its `\n`. O(length).
pub fn line(text: &str, start: Start) -> Line {
    let mut spans = Spans::default();
    if start.in_fence {
        let closes = !start.continued && super::segments::FenceLine::of(text).is_fence();
        match start.language {
            _ if closes => spans.push(text.len(), Style::of(Role::Markup)),
            Some(language) => code::spans(text, language, &mut spans),
            None => spans.push(text.len(), Style::of(Role::Code)),
        }
        return Line { kind: LineKind::Code, spans: spans.list };
    }
    if start.continued {
        inline::spans(text, 0, &mut spans);
        return Line { kind: LineKind::Text, spans: spans.list };
    }
    let kind = block(text, &mut spans);
    Line { kind, spans: spans.list }
}

/// Spans under construction.
#[derive(Default)]
struct Spans {
    list: Vec<Span>,
    end: usize,
}

impl Spans {
    /// Extends to `end` in this style.
    fn push(&mut self, end: usize, style: Style) {
        if end <= self.end {
            return;
        }
        self.end = end;
        match self.list.last_mut() {
            Some(last) if last.style == style => last.end = end,
            _ => self.list.push(Span { end, style }),
        }
    }
}

fn block(text: &str, spans: &mut Spans) -> LineKind {
    if super::segments::FenceLine::of(text).is_fence() {
        spans.push(text.len(), Style::of(Role::Markup));
        return LineKind::Code;
    }
    if is_rule(text) {
        spans.push(text.len(), Style::of(Role::Markup));
        return LineKind::Rule;
    }
    if let Some((level, marker)) = heading(text) {
        spans.push(marker, Style::of(Role::Markup));
        inline::spans(text, marker, spans);
        return LineKind::Heading(level);
    }
    let (mut at, mut kind) = (0, LineKind::Text);
    while let Some(end) = quote_marker(text, at) {
        spans.push(end, Style::of(Role::Markup));
        at = end;
        kind = LineKind::Quote;
    }
    if let Some(marker) = list_marker(&text[at..]) {
        spans.push(at + marker.indent, Style::default());
        spans.push(at + marker.end, Style::of(Role::Marker));
        at += marker.end;
    }
    inline::spans(text, at, spans);
    kind
}

fn is_rule(text: &str) -> bool {
    let signs = text.trim();
    ["-", "*", "_"].iter().any(|sign| {
        let count = signs.matches(sign).count();
        count >= 3 && signs.chars().all(|char| char == ' ' || sign.starts_with(char))
    })
}

/// The level of a heading and the bytes of its marker.
fn heading(text: &str) -> Option<(u8, usize)> {
    let indent = text.len() - text.trim_start_matches(' ').len();
    let content = &text[indent..];
    let level = content.len() - content.trim_start_matches('#').len();
    let behind = &content[level..];
    let is_heading = indent < 4 && (1..=6).contains(&level) && (behind.is_empty() || behind.starts_with([' ', '\t']));
    let marker = indent + level + usize::from(!behind.is_empty());
    is_heading.then(|| (u8::try_from(level).unwrap_or(6), marker))
}

fn quote_marker(text: &str, at: usize) -> Option<usize> {
    let rest = &text[at..];
    let content = rest.trim_start_matches(' ');
    let indent = rest.len() - content.len();
    if indent > 3 || !content.starts_with('>') {
        return None;
    }
    Some(at + indent + 1 + usize::from(content[1..].starts_with(' ')))
}

/// The marker of a list item at the start of a line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ListMarker {
    /// The bytes in front of it.
    pub indent: usize,
    /// The byte behind it, its spaces and its box to tick included.
    pub end: usize,
    /// The number of an ordered item.
    pub number: Option<u64>,
    /// Whether a box to tick belongs to it.
    pub has_box: bool,
}

/// Reads the list marker that a line begins with: `-`, `*`, `+`, `1.` or `1)` and a space, then maybe `[ ]` or `[x]`.
pub fn list_marker(text: &str) -> Option<ListMarker> {
    let content = text.trim_start_matches([' ', '\t']);
    let indent = text.len() - content.len();
    let digits = content.len() - content.trim_start_matches(|char: char| char.is_ascii_digit()).len();
    let (number, behind) = if digits == 0 {
        (None, content.strip_prefix(['-', '*', '+'])?)
    } else {
        let number = content[..digits].parse().ok().filter(|_| digits < 10)?;
        (Some(number), content[digits..].strip_prefix(['.', ')'])?)
    };
    let spaced = behind.trim_start_matches(' ');
    if spaced.len() == behind.len() {
        return None;
    }
    let has_box = ["[ ] ", "[x] ", "[X] "].iter().any(|tick| spaced.starts_with(tick));
    let end = text.len() - spaced.len() + if has_box { 4 } else { 0 };
    Some(ListMarker { indent, end, number, has_box })
}

#[cfg(test)]
mod tests;
