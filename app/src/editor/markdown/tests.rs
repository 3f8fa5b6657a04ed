use super::*;

fn shown(text: &str, start: Start) -> (LineKind, Vec<(String, String)>) {
    let line = line(text, start);
    let mut at = 0;
    let spans = line.spans.iter().map(|span| {
        let part = text[at..span.end].to_owned();
        at = span.end;
        let mut style = format!("{:?}", span.style.role);
        for (on, name) in [(span.style.strong, "+s"), (span.style.emphasis, "+e"), (span.style.strike, "+x")] {
            style.push_str(if on { name } else { "" });
        }
        (part, style)
    });
    let spans = spans.collect();
    assert_eq!(at, text.len(), "the spans cover the line {text:?}");
    (line.kind, spans)
}

fn check(text: &str, kind: LineKind, expected: &[(&str, &str)]) {
    let (found, spans) = shown(text, Start::default());
    let expected: Vec<_> = expected.iter().map(|(part, style)| ((*part).to_owned(), (*style).to_owned())).collect();
    assert_eq!((found, spans), (kind, expected), "{text:?}");
}

#[test]
fn blocks() {
    check("plain", LineKind::Text, &[("plain", "Text")]);
    check("## Title", LineKind::Heading(2), &[("## ", "Markup"), ("Title", "Text")]);
    check("#tag", LineKind::Text, &[("#tag", "Text")]);
    check("> said", LineKind::Quote, &[("> ", "Markup"), ("said", "Text")]);
    check("  - item", LineKind::Text, &[("  ", "Text"), ("- ", "Marker"), ("item", "Text")]);
    check("3. [x] done", LineKind::Text, &[("3. [x] ", "Marker"), ("done", "Text")]);
    check("---", LineKind::Rule, &[("---", "Markup")]);
    check("```rust", LineKind::Code, &[("```rust", "Markup")]);
    check("", LineKind::Text, &[]);
}

#[test]
fn inline_styles() {
    let signs = ("**", "Markup");
    check("a **b** c", LineKind::Text, &[("a ", "Text"), signs, ("b", "Text+s"), ("**", "Markup+s"), (" c", "Text")]);
    check("2 * 3 * 4", LineKind::Text, &[("2 * 3 * 4", "Text")]);
    check("snake_case_name", LineKind::Text, &[("snake_case_name", "Text")]);
    check("*open", LineKind::Text, &[("*open", "Text")]);
    check("`a*b`", LineKind::Text, &[("`", "Markup"), ("a*b", "Code"), ("`", "Markup")]);
    check("``a`b``", LineKind::Text, &[("``", "Markup"), ("a`b", "Code"), ("``", "Markup")]);
    let link = [("[", "Markup"), ("text", "Link"), ("](", "Markup"), ("to", "Address"), (")", "Markup")];
    check("[text](to)", LineKind::Text, &link);
    check("see https://a.b/c.", LineKind::Text, &[("see ", "Text"), ("https://a.b/c", "Link"), (".", "Text")]);
    check("~~x~~", LineKind::Text, &[("~~", "Markup"), ("x", "Text+x"), ("~~", "Markup+x")]);
    check(r"\*a", LineKind::Text, &[("\\", "Markup"), ("*a", "Text")]);
}

#[test]
fn code_between_fences_and_pieces_of_long_lines() {
    let fenced = Start { in_fence: true, ..Start::default() };
    assert_eq!(shown("# no heading", fenced), (LineKind::Code, vec![("# no heading".to_owned(), "Code".to_owned())]));
    assert_eq!(shown("```", fenced), (LineKind::Code, vec![("```".to_owned(), "Markup".to_owned())]));
    let continued = Start { continued: true, ..Start::default() };
    assert_eq!(shown("# no heading", continued).0, LineKind::Text);
}

#[test]
fn any_line_is_covered_in_linear_time() {
    for sign in ["*", "_", "`", "[", "](", "<", "~~", "é", "**a ", "[a](", "\\", "h", "> ", "- "] {
        shown(&sign.repeat(1000), Start::default());
    }
}

#[test]
fn list_markers() {
    let check = |text, expected: Option<(usize, usize, Option<u64>, bool)>| {
        let found = list_marker(text).map(|marker| (marker.indent, marker.end, marker.number, marker.has_box));
        assert_eq!(found, expected, "{text:?}");
    };
    check("- a", Some((0, 2, None, false)));
    check("  12) a", Some((2, 6, Some(12), false)));
    check("* [ ] a", Some((0, 6, None, true)));
    check("-a", None);
    check("1.", None);
    check("a - b", None);
}
