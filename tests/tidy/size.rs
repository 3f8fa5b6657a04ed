//! Files and functions are short enough to be read.

use crate::source::Source;
use crate::tree::{self, File, has_ending};

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 70;

fn long_file(file: &File) -> Option<String> {
    let lines = file.text.lines().count();
    (lines > FILE_LINES_MAX).then(|| format!("{} has {lines} lines; the limit is {FILE_LINES_MAX}", file.path))
}

fn long_functions(file: &File) -> Vec<String> {
    let code = Source::read(&file.text).code;
    let too_long = functions(&code).into_iter().filter(|(_, _, lines)| *lines > FUNCTION_LINES_MAX);
    let breach = |(name, line, lines)| {
        format!("{}:{line}: `{name}` has {lines} lines; the limit is {FUNCTION_LINES_MAX}", file.path)
    };
    too_long.map(breach).collect()
}

/// The name, the line and the number of lines of every function that has a body.
fn functions(code: &str) -> Vec<(String, usize, usize)> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("fn ") {
        let is_word_inside = code[..at].ends_with(|char: char| char.is_alphanumeric() || char == '_');
        let signature = &code[at..];
        let name: String = signature[3..].chars().take_while(|char| char.is_alphanumeric() || *char == '_').collect();
        if is_word_inside || name.is_empty() {
            continue;
        }
        if let Some(len) = body_end(signature) {
            let line = code[..at].matches('\n').count() + 1;
            found.push((name, line, signature[..len].matches('\n').count() + 1));
        }
    }
    found
}

/// Where the body that follows a signature ends; `None` when there is no body.
fn body_end(signature: &str) -> Option<usize> {
    let (mut parentheses, mut braces) = (0, 0);
    for (at, char) in signature.char_indices() {
        match char {
            '(' | '[' => parentheses += 1,
            ')' | ']' => parentheses -= 1,
            ';' if parentheses == 0 && braces == 0 => return None,
            '{' => braces += 1,
            '}' => {
                braces -= 1;
                if braces == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

#[test]
fn files_are_short() {
    let is_code = |file: &File| {
        ["rs", "py", "sh"].iter().any(|ending| has_ending(&file.path, ending)) || file.text.starts_with("#!")
    };
    let breaches: Vec<String> = tree::files().iter().filter(|file| is_code(file)).filter_map(long_file).collect();
    crate::assert_none(&breaches);
}

#[test]
fn functions_are_short() {
    let breaches: Vec<String> = tree::rust_files().flat_map(|file| long_functions(&file)).collect();
    crate::assert_none(&breaches);
}

#[test]
fn a_long_file_or_function_would_be_found() {
    let file = |text: String| File { path: "a.rs".to_owned(), text };
    assert!(long_file(&file("\n".repeat(FILE_LINES_MAX))).is_none());
    assert!(long_file(&file("\n".repeat(FILE_LINES_MAX + 1))).is_some());
    let function = |lines: usize| format!("fn f(a: [u8; 2]) -> u8 {{{}}}\nfn g() {{}}\n", "\n".repeat(lines - 1));
    assert!(long_functions(&file(function(FUNCTION_LINES_MAX))).is_empty());
    assert_eq!(long_functions(&file(function(FUNCTION_LINES_MAX + 1))), ["a.rs:1: `f` has 71 lines; the limit is 70"]);
    assert!(functions("trait T { fn f(&self); } let f: fn (u8);").is_empty());
}
