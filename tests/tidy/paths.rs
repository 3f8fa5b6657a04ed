//! The paths that code names: `use` trees unfolded, and paths written in place.

/// Every path that the code names, a `use` tree as one path for each of its leaves. Blanks are left out.
pub(crate) fn named(code: &str) -> Vec<String> {
    let mut paths = Vec::new();
    let tokens = tokens(code);
    let mut at = 0;
    while at < tokens.len() {
        if tokens[at] == "use" {
            at = unfold(&tokens, at + 1, "", &mut paths);
        } else if is_word(&tokens[at]) {
            let mut path = tokens[at].clone();
            while tokens.get(at + 1).is_some_and(|next| next == "::")
                && tokens.get(at + 2).is_some_and(|next| is_word(next))
            {
                path = format!("{path}::{}", tokens[at + 2]);
                at += 2;
            }
            paths.push(path);
            at += 1;
        } else {
            at += 1;
        }
    }
    paths
}

/// Whether a path is, or begins with, or has somewhere in it, these words in a row.
pub(crate) fn has(path: &str, words: &str) -> bool {
    format!("::{path}::").contains(&format!("::{words}::"))
}

/// Unfolds one branch of a `use` tree; where it ends.
fn unfold(tokens: &[String], start: usize, prefix: &str, paths: &mut Vec<String>) -> usize {
    let mut path = prefix.to_owned();
    let mut at = start;
    while let Some(token) = tokens.get(at) {
        match token.as_str() {
            "::" => at += 1,
            "{" => {
                at += 1;
                while tokens.get(at).is_some_and(|token| token != "}") {
                    let end = unfold(tokens, at, &path, paths);
                    // A token that has no place in a `use` tree is stepped over like a comma.
                    let is_comma = tokens.get(end).is_some_and(|token| token == ",");
                    at = end + usize::from(is_comma || end == at);
                }
                return at + 1;
            }
            "as" => at += 2,
            word if is_word(word) || word == "*" => {
                path = if path.is_empty() { word.to_owned() } else { format!("{path}::{word}") };
                at += 1;
            }
            _ => break,
        }
    }
    paths.push(path);
    at
}

fn is_word(token: &str) -> bool {
    token.starts_with(|char: char| char.is_alphabetic() || char == '_')
}

fn tokens(code: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = code.trim_start();
    while let Some(first) = rest.chars().next() {
        let word = rest.find(|char: char| !char.is_alphanumeric() && char != '_').unwrap_or(rest.len());
        let len = match word {
            0 if rest.starts_with("::") => 2,
            0 => first.len_utf8(),
            len => len,
        };
        tokens.push(rest[..len].to_owned());
        rest = rest[len..].trim_start();
    }
    tokens
}

#[test]
fn use_trees_are_unfolded() {
    let check = |code: &str, expected: &[&str]| assert_eq!(named(code), expected);
    check("use a::{b, c::{d, self}, e as f}; g", &["a::b", "a::c::d", "a::c::self", "a::e", "g"]);
    check("pub use a::b::*; x", &["pub", "a::b::*", "x"]);
    check("let t = std :: time::Instant::now();", &["let", "t", "std::time::Instant::now"]);
    check("use a::{\n    b,\n    c,\n};", &["a::b", "a::c"]);
}

#[test]
fn words_are_found_whole() {
    assert!(has("std::time::Instant", "std::time"));
    assert!(has("std::time::Instant", "Instant"));
    assert!(!has("std::timer", "std::time"));
    assert!(!has("DocumentId", "Document"));
}
