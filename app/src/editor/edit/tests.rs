use super::*;
use crate::editor::buffer::{Buffer, LocalBuffer};

/// `{` tail and `|` head; a lone `|` is a caret. Several may be marked.
fn marked(text: &str) -> (String, Vec<Selection>) {
    let (mut plain, mut selections, mut tail, mut at) = (String::new(), Vec::new(), None, 0);
    for char in text.chars() {
        match char {
            '{' => tail = Some(at),
            '|' => selections.push(Selection { tail: tail.take().unwrap_or(at), head: at }),
            _ => {
                plain.push(char);
                at += 1;
            }
        }
    }
    (plain, selections)
}

fn shown(text: &str, selections: &[Selection]) -> String {
    let mut signs: Vec<(usize, char)> = selections
        .iter()
        .flat_map(|s| if s.is_empty() { vec![(s.head, '|')] } else { vec![(s.tail, '{'), (s.head, '|')] })
        .collect();
    signs.sort_by_key(|(at, _)| *at);
    let mut shown: Vec<char> = text.chars().collect();
    for (at, sign) in signs.into_iter().rev() {
        shown.insert(at.min(shown.len()), sign);
    }
    shown.into_iter().collect()
}

fn check(before: &str, after: &str, plan: impl Fn(&Text, &[Selection]) -> Plan) {
    let (text, selections) = marked(before);
    let mut buffer = LocalBuffer::new(&text);
    let plan = plan(buffer.text(), &selections);
    for edit in plan.edits.iter().rev() {
        buffer.replace(edit.range.clone(), &edit.text).expect("in the text");
    }
    let text = buffer.text().slice(0..usize::MAX);
    assert_eq!(shown(&text, &plan.selections), after, "from {before:?}");
}

#[test]
fn typing_and_pasting_at_several_carets() {
    check("a|b {cd|", "ax|b x|", |_, at| insert(at, "x"));
    check("a|b|", "a1|b2|", |_, at| paste(at, "1\r\n2\n"));
    check("a|b|", "a1\n|b1\n|", |_, at| paste(at, "1\n"));
    check("{a|", "x\ny|", |_, at| paste(at, "x\ry"));
}

#[test]
fn deleting() {
    check("ab|c", "a|c", |_, at| delete(at, |at| at - 1..at));
    check("a{b|c", "a|c", |_, at| delete(at, |at| at - 1..at));
    check("ab||c", "a||c", |_, at| delete(at, |at| at - 1..at));
}

#[test]
fn a_new_line_goes_on_with_indent_list_and_quote() {
    let check = |before, after| check(before, after, |text, at| new_line(text, at, |_| false));
    check("ab|c", "ab\n|c");
    check("  ab|", "  ab\n  |");
    check("- a|", "- a\n- |");
    check("- a|b", "- a\n- |b");
    check("  9. a|", "  9. a\n  10. |");
    check("- [x] a|", "- [x] a\n- [ ] |");
    check("- |", "|");
    check("a\n- |\nb", "a\n|\nb");
    check("|- a", "\n|- a");
    check("> a|", "> a\n> |");
}

#[test]
fn indent_and_outdent() {
    check("a|", "a   |", indent);
    check("- a\n- |b", "- a\n  - |b", indent);
    check("{a\nb|", "    {a\n    b|", indent);
    check("{a\n\nb\n|c", "    {a\n\n    b\n|c", indent);
    check("      a|", "  a|", outdent);
    check("\ta|", "a|", outdent);
    check("  - a|", "- a|", outdent);
    check("a|", "a|", outdent);
}

#[test]
fn whole_lines() {
    check("a\nb|\nc", "a\n|c", delete_lines);
    check("a\nb|", "a|", delete_lines);
    check("a|", "|", delete_lines);
    check("a\nb|\nc", "a\nb\nb|\nc", duplicate_lines);
    check("{a\nb|", "a\nb\n{a\nb|", duplicate_lines);
    let up = |text: &Text, at: &[Selection]| move_lines(text, at, false);
    let down = |text: &Text, at: &[Selection]| move_lines(text, at, true);
    check("a\nb|\nc", "b|\na\nc", up);
    check("a\n|b", "|b\na", up);
    check("a|\nb", "a|\nb", up);
    check("a|\nb\nc", "b\na|\nc", down);
    check("{a\nb|\nc", "c\n{a\nb|", down);
    check("a\nb|", "a\nb|", down);
}

#[test]
fn what_is_copied() {
    let check = |before: &str, expected| {
        let (text, selections) = marked(before);
        assert_eq!(copied(LocalBuffer::new(&text).text(), &selections), expected, "{before:?}");
    };
    check("a{bc|d", "bc");
    check("ab\nc|d\ne", "cd\n");
    check("{a|b{c|", "a\nc");
}

#[test]
fn brackets_come_in_pairs_where_that_is_chosen() {
    let typed = |typed: &'static str| {
        move |text: &Text, selections: &[Selection]| {
            type_bracket(text, selections, typed).unwrap_or_else(|| insert(selections, typed))
        }
    };
    check("a |", "a (|)", typed("("));
    check("|word", "(|word", typed("("));
    check("[|]", "[(|)]", typed("("));
    check("(a|)", "(a)|", typed(")"));
    check("a|b", "a)|b", typed(")"));
    check("{one| {two|", "[{one|] [{two|]", typed("["));
    let around = type_bracket(LocalBuffer::new("word").text(), &[Selection { tail: 4, head: 0 }], "(").unwrap();
    assert!(around.edits.iter().all(|edit| edit.range.is_empty()), "what is selected is not typed anew");
    assert_eq!(around.selections, [Selection { tail: 5, head: 1 }]);
    check("a|", "ab|", typed("b"));
    let delete = |text: &Text, selections: &[Selection]| {
        let left = |at: usize| at.saturating_sub(1)..at;
        delete_pairs(text, selections).unwrap_or_else(|| super::delete(selections, left))
    };
    check("([|])", "(|)", delete);
    check("(a|)", "(|)", delete);
    check("(|]", "|]", delete);
    check("|", "|", delete);
}
