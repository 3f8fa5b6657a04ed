//! Any two versions side by side.

use egui::{Event, Key, Modifiers, PointerButton};
use egui_kittest::kittest::{NodeT as _, Queryable as _};

use super::super::{frames_until_idle, press, text, type_text};
use super::{back, is_read_only, page, with_history};

const WORDS: [&str; 4] = ["one ", "two ", "three ", "four "];

#[test]
fn a_place_that_is_kept_is_compared_with_every_other() {
    let mut window = with_history(&WORDS);
    back(&mut window, 2);
    window.get_by_label("Compare from here").click();
    window.run_steps(3);
    window.get_by_label("Both texts are the same.");
    press(&mut window, Modifiers::ALT, Key::ArrowRight);
    window.get_by_label("You are comparing change 2 with change 3. Nothing can be written here.");
    window.get_by_label("New: 6 characters, underlined.");
    assert_eq!(page(&window), "one two three ");
    back(&mut window, 2);
    window.get_by_label("You are comparing change 1 with change 2. Nothing can be written here.");
    window.get_by_label("New: 4 characters, underlined.");
    assert_eq!(page(&window), "one two ", "the earlier one is compared with the later one");
    assert!(window.get_by_label("Restore what is selected").accesskit_node().is_disabled());
    window.get_by_label("Compare with now instead").click();
    window.run_steps(3);
    window.get_by_label("New since then: 15 characters, underlined.");
    window.get_by_label("Compare from here");
}

#[test]
fn now_can_be_compared_with_a_place_and_is_left_for_writing() {
    let mut window = with_history(&WORDS);
    press(&mut window, Modifiers::COMMAND, Key::B);
    back(&mut window, 1);
    press(&mut window, Modifiers::ALT | Modifiers::SHIFT, Key::C);
    press(&mut window, Modifiers::ALT, Key::End);
    window.get_by_label("Now: change 4 of 4");
    window.get_by_label("You are comparing change 3 with now. Nothing can be written here.");
    assert!(is_read_only(&window));
    assert!(frames_until_idle(&mut window) <= 20);
    type_text(&mut window, "x");
    assert_eq!(text(&mut window), WORDS.concat(), "nothing is written into it");
    window.get_by_label("End comparing").click();
    window.run_steps(3);
    assert!(!is_read_only(&window));
    assert!(window.query_by_label_contains("You are comparing").is_none());
    press(&mut window, Modifiers::ALT, Key::C);
    back(&mut window, 1);
    window.get_by_label("New since then: 5 characters, underlined.");
}

#[test]
fn shift_and_a_click_keep_a_place_of_the_track() {
    let mut window = with_history(&WORDS);
    back(&mut window, 1);
    let rect = window.get_by_label("Place in the history").rect();
    let pos = rect.center();
    let button =
        |pressed| Event::PointerButton { pos, button: PointerButton::Primary, pressed, modifiers: Modifiers::SHIFT };
    let held = Event::ModifiersChanged;
    let click = [held(Modifiers::SHIFT), Event::PointerMoved(pos), button(true), button(false), held(Modifiers::NONE)];
    for event in click {
        window.event(event);
        window.run_steps(1);
    }
    window.run_steps(3);
    window.get_by_label("Change 3 of 4");
    window.get_by_label("You are comparing change 2 with change 3. Nothing can be written here.");
    window.get_by_label("Compare with change 2").click();
    window.run_steps(3);
    window.get_by_label("Compare with now");
    window.get_by_label("You are looking at change 3 of 4. Nothing can be written here.");
    assert_eq!(page(&window), "one two three ");
}
