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
