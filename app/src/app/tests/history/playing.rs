//! The history as it is played.

use egui::{Event, Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;

use super::super::{Opened, frames_until_idle, press, text, type_text};
use super::{back, is_read_only, page, with_history};

const WORDS: [&str; 6] = ["one ", "two ", "three ", "four ", "five ", "six "];

/// A frame so much later, in seconds.
fn later(window: &mut Harness<'static, Opened>, seconds: f64) {
    let now = window.ctx.input(|input| input.time);
    window.input_mut().time = Some(now + seconds);
    window.step();
}

/// A space as a keyboard gives it: a key and a letter.
fn press_space(window: &mut Harness<'static, Opened>) {
    window.key_press(Key::Space);
    window.event(Event::Text(" ".to_owned()));
    window.step();
    window.step();
}

fn focus_slider(window: &mut Harness<'static, Opened>) {
    window.get_by_label("Place in the history").focus();
    window.run_steps(2);
}

#[test]
fn a_history_is_played_from_the_slider_s_place_to_now_and_stops_there() {
    let mut window = with_history(&WORDS);
    press(&mut window, Modifiers::COMMAND, Key::B);
    back(&mut window, 4);
    window.get_by_label("Play from here").click();
    window.step();
    window.step();
    window.get_by_label("Pause");
    window.get_by_label("Change 2 of 6");
    later(&mut window, 0.65);
    window.get_by_label("Change 4 of 6");
    assert_eq!((page(&window).as_str(), is_read_only(&window)), ("one two three four ", true));
    let frames = frames_until_idle(&mut window);
    assert!((2..=30).contains(&frames), "{frames} frames for two more changes");
    window.get_by_label("Now: change 6 of 6");
    window.get_by_label("Play from the start");
    assert!(!is_read_only(&window), "now can be written in");
}

#[test]
fn the_space_bar_plays_and_pauses_and_is_no_letter() {
    let mut window = with_history(&WORDS);
    press(&mut window, Modifiers::COMMAND, Key::B);
    focus_slider(&mut window);
    press_space(&mut window);
    window.get_by_label("Pause");
    window.get_by_label("Before the first of 6 changes");
    later(&mut window, 0.95);
    window.get_by_label("Change 3 of 6");
    press_space(&mut window);
    window.get_by_label("Play from here");
    assert!(frames_until_idle(&mut window) <= 20, "a pause costs nothing");
    later(&mut window, 60.0);
    window.get_by_label("Change 3 of 6");
    assert!(window.query_by_label_contains("This is the past").is_none(), "nothing was written");
    press(&mut window, Modifiers::ALT, Key::P);
    later(&mut window, 0.35);
    window.get_by_label("Change 4 of 6");
    press(&mut window, Modifiers::ALT, Key::P);
    window.get_by_label("Play from here");
}

#[test]
fn a_step_or_the_slider_pauses_and_a_closed_panel_plays_no_more() {
    let mut window = with_history(&WORDS);
    press(&mut window, Modifiers::COMMAND, Key::B);
    press(&mut window, Modifiers::ALT, Key::P);
    later(&mut window, 0.65);
    back(&mut window, 1);
    window.get_by_label("Play from here");
    window.get_by_label("Change 1 of 6");
    press(&mut window, Modifiers::ALT, Key::P);
    window.get_by_label("Pause");
    press(&mut window, Modifiers::NONE, Key::Escape);
    assert!(window.query_by_label("Pause").is_none() && !is_read_only(&window));
    assert!(frames_until_idle(&mut window) <= 20, "nothing is played");
    press(&mut window, Modifiers::ALT, Key::P);
    window.get_by_label("Pause");
    window.get_by_label("Before the first of 6 changes");
}

#[test]
fn it_is_played_twice_or_four_times_as_fast() {
    let mut window = with_history(&WORDS);
    press(&mut window, Modifiers::COMMAND, Key::B);
    window.get_by_label("Speed of playing: normal").click();
    window.run_steps(3);
    press(&mut window, Modifiers::ALT, Key::P);
    later(&mut window, 0.35);
    window.get_by_label("Change 2 of 6");
    window.get_by_label("Speed of playing: twice as fast").click();
    window.step();
    window.step();
    window.get_by_label("Speed of playing: four times as fast");
    window.get_by_label("Pause");
    later(&mut window, 0.2);
    window.get_by_label("Change 4 of 6");
}

#[test]
fn a_letter_that_is_a_command_with_alt_is_not_typed() {
    let mut window = with_history(&["one "]);
    press(&mut window, Modifiers::NONE, Key::Escape);
    for (key, letter) in [(Key::P, "p"), (Key::Z, "z"), (Key::C, "C")] {
        // As a keyboard gives them: in one frame.
        let pressed = Event::Key { key, physical_key: None, pressed: true, repeat: false, modifiers: Modifiers::ALT };
        window.input_mut().events.extend([pressed, Event::Text(letter.to_owned())]);
        window.run_steps(3);
    }
    press(&mut window, Modifiers::NONE, Key::Escape);
    type_text(&mut window, "more");
    assert_eq!(text(&mut window), "one more");
    assert!(window.query_by_label_contains("This is the past").is_none());
}
