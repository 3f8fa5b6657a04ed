//! How long lines are broken, or reached.

use super::*;

#[test]
fn the_column_is_as_wide_as_the_look_says() {
    let mut harness = open(&"word ".repeat(100));
    let mut rows_at = |column_chars| {
        harness.state_mut().state.set_look(Look { column_chars, ..Look::default() });
        harness.run_steps(2);
        rows(&harness).len()
    };
    let (narrow, wide) = (rows_at(30), rows_at(76));
    assert!((15..=20).contains(&narrow) && (6..=8).contains(&wide), "{narrow} rows, then {wide}");
}

#[test]
fn a_drag_beyond_the_side_of_a_long_line_scrolls_to_its_end() {
    let mut harness = open(&"word ".repeat(60));
    harness.state_mut().state.set_look(Look { wrap: false, ..Look::default() });
    harness.run_steps(2);
    let start = rows(&harness)[0].1.left_center() + vec2(1.0, 0.0);
    event(&mut harness, Event::PointerMoved(start));
    button(&mut harness, start, true, Modifiers::NONE);
    event(&mut harness, Event::PointerMoved(Pos2::new(2000.0, start.y)));
    harness.run_steps(120);
    assert_eq!(harness.state().selection(), (0, 300));
    let left = harness.state().state.scroll().left;
    harness.run_steps(5);
    assert!(left > 100.0 && (harness.state().state.scroll().left - left).abs() < 1.0, "it ends: {left}");
}

#[test]
fn code_is_coloured_by_the_language_of_its_fence() {
    let colours = |text: &str| {
        let harness = open(text);
        let mut colours = std::collections::BTreeSet::new();
        for clipped in &harness.output().shapes {
            let egui::Shape::Text(shape) = &clipped.shape else { continue };
            if shape.galley.text() == "let a = 1; // b" {
                colours.extend(shape.galley.job.sections.iter().map(|section| section.format.color.to_array()));
            }
        }
        colours.len()
    };
    let line = "let a = 1; // b";
    assert_eq!(colours(&format!("```rust\nfn\n{line}\n```\n")), 4, "word, number, comment and the rest");
    assert_eq!(colours(&format!("```poem\n{line}\n```\n")), 1);
    assert_eq!(colours(&format!("```rust\n```\n```poem\n{line}\n```\n")), 1, "the fence above it counts");
}
