//! Nothing is left for later, switched off or commented out.

use crate::source::Source;
use crate::tree::{self, File};

/// Marks of unfinished work, put together here so that this file does not hold them.
const LATER: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X:"), concat!("HA", "CK:")];

/// Paths of the machine on which somebody worked.
const WORKPLACES: &[&str] = &[concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/home/", "user")];

fn left_for_later(file: &File) -> Vec<String> {
    let lines = (1..).zip(file.text.lines());
    let marked = lines.filter(|(_, line)| LATER.iter().any(|mark| line.contains(mark)));
    marked.map(|(number, line)| format!("{}:{number}: {}", file.path, line.trim())).collect()
}

fn workplaces(file: &File) -> Vec<String> {
    let lines = (1..).zip(file.text.lines());
    let named = lines.filter(|(_, line)| WORKPLACES.iter().any(|place| line.contains(place)));
    named.map(|(number, line)| format!("{}:{number}: {}", file.path, line.trim())).collect()
}

fn forbidden_code(file: &File) -> Vec<String> {
    let code = Source::read(&file.text).code;
    let mut breaches = Vec::new();
    for (number, line) in (1..).zip(code.lines()) {
        let has_word =
            |word: &str| line.split(|char: char| !char.is_alphanumeric() && char != '_').any(|found| found == word);
        let attribute = ["#[ignore", "#[allow(", "#![allow("].into_iter().find(|attribute| line.contains(attribute));
        let word = ["unsafe", "todo", "unimplemented", "dbg"].into_iter().find(|word| has_word(word));
        let macro_or_keyword = word.filter(|word| *word == "unsafe" || line.contains(&format!("{word}!")));
        let found = attribute.or(macro_or_keyword);
        breaches.extend(found.map(|found| format!("{}:{number}: {found}", file.path)));
    }
    breaches
}

fn expectations_without_reason(file: &File) -> Vec<String> {
    let code = Source::read(&file.text).code;
    let starts = code.match_indices("#[expect(").chain(code.match_indices("#![expect("));
    let attribute = |at: usize| &code[at..at + code[at..].find(']').unwrap_or(code.len() - at)];
    let bare = starts.filter(|(at, _)| !attribute(*at).contains("reason ="));
    bare.map(|(at, _)| format!("{}:{}: no reason", file.path, code[..at].matches('\n').count() + 1)).collect()
}

/// A comment that looks like a statement, and not like a sentence.
fn is_code(comment: &str) -> bool {
    let ends_like_code = comment.ends_with([';', '{', '}', ',']);
    let starts_like_code =
        ["let ", "fn ", "use ", "pub ", "return", "}", "#["].iter().any(|start| comment.starts_with(start));
    let has_code = ["::", "()", " = ", ");", "!("].iter().any(|part| comment.contains(part));
    ends_like_code && (starts_like_code || has_code)
}

fn commented_out(file: &File) -> Vec<String> {
    let comments = Source::read(&file.text).comments.into_iter();
    comments.filter(|(_, said)| is_code(said)).map(|(line, said)| format!("{}:{line}: {said}", file.path)).collect()
}

fn check_rust(rule: impl Fn(&File) -> Vec<String>) {
    crate::assert_none(&tree::rust_files().flat_map(|file| rule(&file)).collect::<Vec<_>>());
}

fn check_all(rule: impl Fn(&File) -> Vec<String>) {
    crate::assert_none(&tree::files().iter().flat_map(rule).collect::<Vec<_>>());
}

#[test]
fn nothing_is_left_for_later() {
    check_all(left_for_later);
}

#[test]
fn no_workplace_is_named() {
    check_all(workplaces);
}

#[test]
fn no_unsafe_no_ignored_test_no_allow() {
    check_rust(forbidden_code);
}

#[test]
fn every_expectation_has_a_reason() {
    check_rust(expectations_without_reason);
}

#[test]
fn no_code_is_commented_out() {
    check_rust(commented_out);
}

#[test]
fn each_would_be_found() {
    let file = |text: &str| File { path: "a.rs".to_owned(), text: text.to_owned() };
    let check = |rule: fn(&File) -> Vec<String>, text: &str, expected: usize| {
        assert_eq!(rule(&file(text)).len(), expected, "{text}");
    };
    check(left_for_later, &format!("// {}: this", LATER[0]), 1);
    check(left_for_later, "// done", 0);
    check(workplaces, &format!("see {}wt", WORKPLACES[0]), 1);
    check(workplaces, "see docs/work", 0);
    check(forbidden_code, "unsafe { f() }", 1);
    check(forbidden_code, "// unsafe\nlet s = \"unsafe\"; #![forbid(unsafe_code)]", 0);
    check(forbidden_code, "#[ignore = \"slow\"]", 1);
    check(forbidden_code, "#[allow(dead_code, reason = \"\")]", 1);
    check(forbidden_code, "todo!()", 1);
    check(expectations_without_reason, "#[expect(dead_code)]", 1);
    check(expectations_without_reason, "#[expect(\n    dead_code,\n    reason = \"shown\"\n)]", 0);
    check(commented_out, "// let a = 1;", 1);
    check(commented_out, "    // self.run();", 1);
    check(commented_out, "// It waits here; then it goes on,\n/// let a = 1;", 0);
}
