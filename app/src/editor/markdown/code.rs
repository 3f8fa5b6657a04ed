//! Fenced code by language: keywords, strings, numbers and comments of one line at a time.
//!
//! What begins in one line and ends in another (a long comment, a string over lines) is seen only where it begins.

use super::{Role, Spans, Style};

/// A language that is known by its words.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Language {
    /// Rust.
    Rust,
    /// JavaScript and TypeScript.
    Script,
    /// Python.
    Python,
    /// C and C++.
    C,
    /// JSON.
    Json,
    /// TOML.
    Toml,
    /// The shell.
    Shell,
}

impl Language {
    /// The language that a fence names: the first word behind its signs.
    pub fn of_fence(line: &str) -> Option<Self> {
        let info = line.trim_start_matches([' ', '`', '~']);
        let word =
            info.split(|char: char| char.is_whitespace() || matches!(char, ',' | '{')).next().unwrap_or_default();
        Some(match word.to_ascii_lowercase().as_str() {
            "rust" | "rs" => Self::Rust,
            "javascript" | "js" | "jsx" | "typescript" | "ts" | "tsx" => Self::Script,
            "python" | "py" => Self::Python,
            "c" | "h" | "cpp" | "c++" | "cc" | "hpp" => Self::C,
            "json" | "jsonc" | "json5" => Self::Json,
            "toml" => Self::Toml,
            "bash" | "sh" | "shell" | "zsh" => Self::Shell,
            _ => return None,
        })
    }

    /// Its words, with a blank between two.
    const fn keywords(self) -> &'static str {
        match self {
            Self::Rust => {
                "as async await break const continue crate dyn else enum extern false fn for if impl in let \
                 loop match mod move mut pub ref return self Self static struct super trait true type unsafe \
                 use where while"
            }
            Self::Script => {
                "as async await break case catch class const continue default delete do else enum export \
                 extends false finally for from function if implements import in instanceof interface let new \
                 null of return static super switch this throw true try type typeof undefined var void while \
                 yield"
            }
            Self::Python => {
                "and as assert async await break class continue def del elif else except False finally for from \
                 global if import in is lambda None nonlocal not or pass raise return True try while with yield"
            }
            Self::C => {
                "auto bool break case char class const continue default delete do double else enum extern false \
                 float for goto if inline int long namespace new nullptr private protected public return short \
                 signed sizeof static struct switch template this true typedef typename union unsigned using \
                 virtual void volatile while"
            }
            Self::Json => "true false null",
            Self::Toml => "true false inf nan",
            Self::Shell => {
                "break case continue do done elif else esac export fi for function if in local readonly return \
                 set shift then until while"
            }
        }
    }

    /// What a comment to the end of the line begins with.
    const fn comment(self) -> &'static str {
        match self {
            Self::Rust | Self::Script | Self::C | Self::Json => "//",
            Self::Python | Self::Toml | Self::Shell => "#",
        }
    }

    const fn has_block_comments(self) -> bool {
        matches!(self, Self::Rust | Self::Script | Self::C)
    }

    /// Whether a text may stand between these signs.
    const fn quotes(self, sign: char) -> bool {
        match sign {
            '"' => true,
            // In Rust it begins a lifetime as often as a character.
            '\'' => !matches!(self, Self::Rust | Self::Json),
            '`' => matches!(self, Self::Script),
            _ => false,
        }
    }
}

/// Pushes the spans of a line of code. O(length).
pub(super) fn spans(text: &str, language: Language, spans: &mut Spans) {
    let mut at = 0;
    let mut behind_word = false;
    while let Some(sign) = text[at..].chars().next() {
        let rest = &text[at..];
        let (length, role) = token(rest, sign, language, behind_word);
        behind_word = is_word(sign) && role != Role::Keyword;
        at += length;
        spans.push(at, Style::of(role));
    }
}

/// The length in bytes of what a rest of a line begins with, and what it is; `behind_word`: a word ends right in front of it.
fn token(rest: &str, sign: char, language: Language, behind_word: bool) -> (usize, Role) {
    // In the shell `#` is a comment only where a word could begin.
    if rest.starts_with(language.comment()) && !(language == Language::Shell && behind_word) {
        return (rest.len(), Role::Comment);
    }
    if language.has_block_comments() && rest.starts_with("/*") {
        let end = rest[2..].find("*/").map_or(rest.len(), |end| end + 4);
        return (end, Role::Comment);
    }
    if language.quotes(sign) {
        return (quoted(rest, sign), Role::Literal);
    }
    if !is_word(sign) {
        return (sign.len_utf8(), Role::Code);
    }
    let word = &rest[..rest.find(|char| !is_word(char)).unwrap_or(rest.len())];
    if sign.is_ascii_digit() {
        return (number(rest), Role::Literal);
    }
    let is_keyword = language.keywords().split(' ').any(|keyword| keyword == word);
    (word.len(), if is_keyword { Role::Keyword } else { Role::Code })
}

const fn is_word(sign: char) -> bool {
    sign.is_ascii_alphanumeric() || sign == '_' || !sign.is_ascii()
}

/// The length of a text between two of these signs; to the end of the line where the second is missing.
fn quoted(rest: &str, sign: char) -> usize {
    let mut escaped = false;
    for (at, char) in rest.char_indices().skip(1) {
        match char {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            char if char == sign => return at + char.len_utf8(),
            _ => {}
        }
    }
    rest.len()
}

/// The length of a number: letters, digits, and points between digits.
fn number(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let goes_on = |at: usize| match bytes[at] {
        b'.' => bytes.get(at + 1).is_some_and(u8::is_ascii_digit),
        byte => byte.is_ascii_alphanumeric() || byte == b'_',
    };
    (0..bytes.len()).find(|at| !goes_on(*at)).unwrap_or(bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(language: Language, text: &str, expected: &[(&str, Role)]) {
        let mut found = Spans::default();
        spans(text, language, &mut found);
        let mut at = 0;
        let parts: Vec<(&str, Role)> = found
            .list
            .iter()
            .map(|span| (&text[std::mem::replace(&mut at, span.end)..span.end], span.style.role))
            .filter(|(_, role)| *role != Role::Code)
            .collect();
        assert_eq!((parts.as_slice(), at), (expected, text.len()), "{text:?}");
    }

    #[test]
    fn languages_are_named_by_their_fences() {
        assert_eq!(Language::of_fence("```rust"), Some(Language::Rust));
        assert_eq!(Language::of_fence("  ~~~~ TS {1,2}"), Some(Language::Script));
        assert_eq!(Language::of_fence("```rust,no_run"), Some(Language::Rust));
        assert_eq!(Language::of_fence("```"), None);
        assert_eq!(Language::of_fence("```poem"), None);
    }

    #[test]
    fn keywords_texts_numbers_and_comments() {
        use Role::{Comment, Keyword, Literal};
        check(
            Language::Rust,
            "let x: &'a str = \"a \\\" b\"; // letter",
            &[("let", Keyword), ("\"a \\\" b\"", Literal), ("// letter", Comment)],
        );
        check(Language::Rust, "outlet(1..0x1f, 2.5e3)", &[("1", Literal), ("0x1f", Literal), ("2.5e3", Literal)]);
        check(Language::C, "int a /* two */ = 'b';", &[("int", Keyword), ("/* two */", Comment), ("'b'", Literal)]);
        check(Language::Script, "return `a ${b}`", &[("return", Keyword), ("`a ${b}`", Literal)]);
        check(Language::Python, "if größe2 # ja", &[("if", Keyword), ("# ja", Comment)]);
        check(
            Language::Json,
            "{\"a\": true, \"b\": -1}",
            &[("\"a\"", Literal), ("true", Keyword), ("\"b\"", Literal), ("1", Literal)],
        );
        check(Language::Toml, "a = 'b' # c", &[("'b'", Literal), ("# c", Comment)]);
        check(Language::Shell, "echo a#b \"c # d", &[("\"c # d", Literal)]);
    }
}
