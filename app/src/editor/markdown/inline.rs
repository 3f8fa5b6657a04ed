//! Emphasis, code and links within a line.

use super::{Role, Spans, Style};

/// How many bytes the closing sign of a span is looked for: a line without one must not cost its square.
const LOOK_AHEAD_BYTES_MAX: usize = 2048;

/// Pushes the spans of `text[from..]`.
pub(super) fn spans(text: &str, from: usize, spans: &mut Spans) {
    let mut lexer = Lexer { text, at: from, style: Style::default(), spans, failed: [0; 3] };
    while lexer.at < text.len() {
        lexer.step();
    }
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    style: Style,
    spans: &'a mut Spans,
    /// For code, brackets and angles: there is no closing sign in front of this byte, so that it is not looked for again.
    failed: [usize; 3],
}

impl Lexer<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn push(&mut self, bytes: usize, style: Style) {
        self.at += bytes;
        self.spans.push(self.at, style);
    }

    fn step(&mut self) {
        let bytes = self.rest().as_bytes();
        match bytes[0] {
            b'\\' if bytes.get(1).is_some_and(u8::is_ascii_punctuation) => {
                self.push(1, Style { role: Role::Markup, ..self.style });
                self.push(1, self.style);
            }
            b'`' => self.code(),
            b'*' | b'_' | b'~' => self.emphasis(bytes[0]),
            b'[' => self.link(),
            b'!' if bytes.get(1) == Some(&b'[') => self.push(1, Style { role: Role::Markup, ..self.style }),
            b'<' => self.angle(),
            b'h' if !self.is_within_word() && starts_with_address(self.rest()) => {
                let end = self.rest().find(|char: char| char.is_whitespace() || "<>)\"".contains(char));
                let end = end.unwrap_or(self.rest().len());
                let end = self.rest()[..end].trim_end_matches(['.', ',', ';', ':', '!', '?']).len();
                self.push(end, Style { role: Role::Link, ..self.style });
            }
            _ => {
                let rest = self.rest();
                let first = rest.chars().next().map_or(1, char::len_utf8);
                let plain = rest[first..].find(|char: char| "\\`*_~[!<h".contains(char));
                let bytes = plain.map_or(rest.len(), |plain| plain + first);
                self.push(bytes, self.style);
            }
        }
    }

    fn is_within_word(&self) -> bool {
        self.text[..self.at].chars().next_back().is_some_and(char::is_alphanumeric)
    }

    fn code(&mut self) {
        let text = self.text;
        let rest = &text[self.at..];
        let ticks = rest.len() - rest.trim_start_matches('`').len();
        let close = self.find(0, &rest[..ticks], ticks, |behind| !behind.starts_with('`'));
        let markup = Style { role: Role::Markup, ..self.style };
        let Some(close) = close else {
            self.push(ticks, self.style);
            return;
        };
        self.push(ticks, markup);
        self.push(close - ticks, Style { role: Role::Code, ..self.style });
        self.push(ticks, markup);
    }

    fn emphasis(&mut self, sign: u8) {
        let rest = self.rest();
        let count = rest.bytes().take_while(|byte| *byte == sign).count();
        let before = self.text[..self.at].chars().next_back();
        let behind = rest[count..].chars().next();
        let opens = behind.is_some_and(|char| !char.is_whitespace());
        let closes = before.is_some_and(|char| !char.is_whitespace());
        let within = before.is_some_and(char::is_alphanumeric) && behind.is_some_and(char::is_alphanumeric);
        let is_markup = match sign {
            b'~' => count == 2,
            b'_' => count <= 3 && !within,
            _ => count <= 3,
        };
        let style = self.style;
        let (strong, emphasis) = if sign == b'~' { (false, false) } else { (count >= 2, count % 2 == 1) };
        let strike = sign == b'~';
        let is_open = (!strong || style.strong) && (!emphasis || style.emphasis) && (!strike || style.strike);
        if !is_markup || !(if is_open { closes } else { opens && self.closes_later(count) }) {
            self.push(count, style);
            return;
        }
        self.style.strong = if strong { !is_open } else { style.strong };
        self.style.emphasis = if emphasis { !is_open } else { style.emphasis };
        self.style.strike = if strike { !is_open } else { style.strike };
        self.push(count, Style { role: Role::Markup, ..style });
    }

    /// Whether the same signs stand behind something further on.
    fn closes_later(&self, count: usize) -> bool {
        let rest = self.rest();
        let (signs, behind) = rest.split_at(count);
        let behind = &behind[..behind.floor_char_boundary(LOOK_AHEAD_BYTES_MAX)];
        behind.match_indices(signs).any(|(at, _)| behind[..at].chars().next_back().is_some_and(|c| !c.is_whitespace()))
    }

    fn link(&mut self) {
        let markup = Style { role: Role::Markup, ..self.style };
        let text_end = self.find(1, "](", 1, |_| true);
        let Some(text_end) = text_end else {
            self.push(1, self.style);
            return;
        };
        let address = &self.rest()[text_end + 2..];
        let Some(address_end) = address[..address.floor_char_boundary(LOOK_AHEAD_BYTES_MAX)].find(')') else {
            self.push(1, self.style);
            return;
        };
        self.push(1, markup);
        self.push(text_end - 1, Style { role: Role::Link, ..self.style });
        self.push(2, markup);
        self.push(address_end, Style { role: Role::Address, ..self.style });
        self.push(1, markup);
    }

    fn angle(&mut self) {
        let markup = Style { role: Role::Markup, ..self.style };
        let end = self.find(2, ">", 1, |_| true);
        match end {
            Some(end) if starts_with_address(&self.rest()[1..]) || self.rest()[1..end].contains('@') => {
                self.push(1, markup);
                self.push(end - 1, Style { role: Role::Link, ..self.style });
                self.push(1, markup);
            }
            _ => self.push(1, self.style),
        }
    }

    /// Where `sign` stands in the rest, from byte `from`, and what is behind it is right.
    fn find(&mut self, which: usize, sign: &str, from: usize, is_right: impl Fn(&str) -> bool) -> Option<usize> {
        if self.failed[which] > self.at {
            return None;
        }
        let rest = &self.text[self.at..];
        let window = &rest[..rest.floor_char_boundary(LOOK_AHEAD_BYTES_MAX)];
        let mut start = from.min(window.len());
        while let Some(found) = window[start..].find(sign) {
            let end = start + found + sign.len();
            if is_right(&window[end..]) {
                return Some(start + found);
            }
            start = end + window[end..].len() - window[end..].trim_start_matches('`').len();
        }
        if from == 1 {
            self.failed[which] = self.at + window.len();
        }
        None
    }
}

fn starts_with_address(text: &str) -> bool {
    ["https://", "http://"].iter().any(|scheme| text.starts_with(scheme))
}
