use quire_crdt::Bias;

use super::*;
use crate::editor::buffer::{Buffer, LocalBuffer};
use crate::editor::rng::Rng;

fn query(pattern: &str, switches: &str) -> Query {
    let on = |sign| switches.contains(sign);
    let (match_case, whole_word, regex) = (on('c'), on('w'), on('r'));
    Query { pattern: pattern.to_owned(), match_case, whole_word, regex, within: None }
}

fn find(text: &str, pattern: &str, switches: &str) -> (LocalBuffer, Find) {
    let buffer = LocalBuffer::new(text);
    let mut find = Find::new(query(pattern, switches), buffer.text()).expect("a valid query");
    assert!(find.read(buffer.text(), usize::MAX));
    (buffer, find)
}

#[test]
fn what_is_found() {
    let check = |text, pattern, switches, expected: &[&str]| {
        let (buffer, find) = find(text, pattern, switches);
        let found: Vec<String> = find.matches().iter().map(|range| buffer.text().slice(range.clone())).collect();
        assert_eq!(found, expected, "{pattern:?} ({switches}) in {text:?}");
    };
    check("One one oNE", "one", "", &["One", "one", "oNE"]);
    check("One one oNE", "one", "c", &["one"]);
    check("one ones one", "one", "w", &["one", "one"]);
    check("a.b axb", "a.b", "", &["a.b"]);
    check("a.b axb", "a.b", "r", &["a.b", "axb"]);
    check("å1\nå22\n", r"^å\d+$", "r", &["å1", "å22"]);
    check("ab\ncd\nab\ncd", "b\nc", "", &["b\nc", "b\nc"]);
    check("aaa", "x*", "r", &[]);
    check("ÄÄ", "ää", "", &["ÄÄ"]);
}

#[test]
fn a_search_within_a_selection_follows_it_and_finds_nothing_outside() {
    let mut buffer = LocalBuffer::new("one one one one");
    let within = Some((buffer.text().anchor(4, Bias::Left), buffer.text().anchor(11, Bias::Right)));
    let mut find = Find::new(Query { within, ..query("one", "") }, buffer.text()).expect("a valid query");
    find.read(buffer.text(), usize::MAX);
    assert_eq!(find.matches(), [4..7, 8..11]);
    let mut splice = |find: &mut Find, range: Range<usize>, text: &str| {
        buffer.replace(range, text).expect("in the text");
        let mut patches = Vec::new();
        buffer.take_patches(&mut patches);
        for patch in &patches {
            find.apply(patch.splice);
        }
        find.read(buffer.text(), usize::MAX);
    };
    splice(&mut find, 0..0, "one ");
    assert_eq!(find.matches(), [8..11, 12..15]);
    splice(&mut find, 15..15, " one");
    assert_eq!(find.matches(), [8..11, 12..15, 16..19], "inserted at the edge");
    splice(&mut find, 8..19, "none");
    assert_eq!(find.matches().first(), Some(&(9..12)));
    splice(&mut find, 16..16, " one one");
    assert_eq!((find.matches().first(), find.matches().len()), (Some(&(9..12)), 1), "inserted behind it");
}

#[test]
fn a_bad_expression_says_what_is_wrong_in_one_line() {
    let message = |pattern: &str| match Find::new(query(pattern, "r"), &Text::new()) {
        Err(QueryError::Pattern { message }) => message,
        other => panic!("{other:?}"),
    };
    assert_eq!(message("(a"), "unclosed group");
    assert!(message("((a{1000}){1000}){1000}").contains("too large"));
    assert_eq!(Find::new(query("", ""), &Text::new()).err(), Some(QueryError::Empty));
}

#[test]
fn next_and_previous_go_round() {
    let (_, find) = find("a-a-a", "a", "");
    assert_eq!(find.next(1), Some(2..3));
    assert_eq!(find.next(5), Some(0..1));
    assert_eq!(find.previous(4), Some(2..3));
    assert_eq!(find.previous(0), Some(4..5));
    assert_eq!(find.number_of(&(2..3)), Some(1));
    assert_eq!(find.within(1..3).first(), Some(&(2..3)));
}

#[test]
fn groups_are_put_into_replacements() {
    let (buffer, mut find) = find("x=1\nyy=22", r"(\w+)=(\d+)", "r");
    let edits = find.replacements(buffer.text(), "$2=${1}z");
    assert_eq!(edits, [Edit::new(0..3, "1=xz"), Edit::new(4..9, "22=yyz")]);
}

#[test]
fn large_texts_are_read_in_steps() {
    let text = "needle in hay\n".repeat(5000);
    let buffer = LocalBuffer::new(&text);
    let mut find = Find::new(query("needle", ""), buffer.text()).expect("a valid query");
    assert!(!find.read(buffer.text(), 1000));
    let some = find.matches().len();
    assert!(some > 0 && some < 5000);
    let far = buffer.text().line_to_char(4000);
    assert_eq!(find.read_next(buffer.text(), far + 1), Some(far + 14..far + 20));
    assert!(!find.is_complete(), "only what is needed is read");
    while !find.read(buffer.text(), 1000) {}
    assert_eq!(find.matches().len(), 5000);
}

#[test]
fn matches_follow_edits() {
    for (pattern, switches) in [("ab", ""), (r"a.?b", "r"), ("b\na", "")] {
        for seed in 0..20 {
            let mut rng = Rng::new(seed);
            let (mut buffer, mut find) = find("ab\nab aab\n", pattern, switches);
            for _ in 0..30 {
                let len = buffer.text().len_chars();
                let start = rng.below(len + 1);
                let end = (start + rng.below(4)).min(len);
                buffer.replace(start..end, ["a", "b", "\n", "ab\na", ""][rng.below(5)]).expect("in the text");
                let mut patches = Vec::new();
                buffer.take_patches(&mut patches);
                for patch in &patches {
                    find.apply(patch.splice);
                }
                find.read(buffer.text(), usize::MAX);
                let mut again = Find::new(query(pattern, switches), buffer.text()).expect("a valid query");
                again.read(buffer.text(), usize::MAX);
                assert_eq!(again.read_next(buffer.text(), 3), again.next(3));
                let text = buffer.text().slice(0..len + 9);
                assert_eq!(find.matches(), again.matches(), "{pattern:?}, seed {seed}: {text:?}");
            }
        }
    }
}
