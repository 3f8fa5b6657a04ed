//! The history panel in the whole window.

mod comparing;
mod naming;
mod playing;

use std::time::Duration;

use egui::accesskit::{ActionData, ActionRequest, Role, TreeId};
use egui::{Event, Key, Modifiers, PointerButton};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};

use super::{Opened, frames_until_idle, press, text, type_text, window};
use crate::editor::command::{Command, Unit};
use crate::session::{Session, SessionOptions};
use crate::shell::host::Host;

const HISTORY: Modifiers = Modifiers { shift: true, ..Modifiers::COMMAND };

/// A window with a new document, into which these words were typed one by one, and the history panel.
fn with_history(words: &[&str]) -> Harness<'static, Opened> {
    let mut window = window();
    press(&mut window, Modifiers::COMMAND, Key::N);
    for word in words {
        type_text(&mut window, word);
    }
    press(&mut window, HISTORY, Key::H);
    window
}

fn back(window: &mut Harness<'static, Opened>, steps: usize) {
    for _ in 0..steps {
        press(window, Modifiers::ALT, Key::ArrowLeft);
    }
}

/// The text that is shown, of now or of then.
fn page(window: &Harness<'static, Opened>) -> String {
    window.get_by_role(Role::MultilineTextInput).value().unwrap_or_default()
}

fn is_read_only(window: &Harness<'static, Opened>) -> bool {
    window.get_by_role(Role::MultilineTextInput).accesskit_node().is_read_only()
}

#[test]
fn the_past_is_looked_at_step_by_step_and_left_by_escape() {
    let mut window = with_history(&["one ", "two ", "three"]);
    window.get_by_label("Now: change 3 of 3");
    assert!(!is_read_only(&window), "now can be written in");
    back(&mut window, 1);
    window.get_by_label("Change 2 of 3");
    window.get_by_label("You are looking at change 2 of 3. Nothing can be written here.");
    window.get_by_label("wrote 4 characters: “two”");
    assert_eq!((page(&window).as_str(), is_read_only(&window)), ("one two ", true));
    window.get_by_label("To the start of the history").click();
    window.run_steps(3);
    window.get_by_label("Before the first of 3 changes");
    assert_eq!(page(&window), "");
    window.get_by_label("One change on").click();
    window.run_steps(3);
    assert_eq!(page(&window), "one ");
    window.query_all_by_label("Back to now").next().expect("a button").click();
    window.run_steps(3);
    assert!(window.query_by_label_contains("You are looking at").is_none());
    back(&mut window, 2);
    press(&mut window, Modifiers::NONE, Key::Escape);
    assert!(window.query_by_label("Close the history").is_none());
    type_text(&mut window, "!");
    assert_eq!(text(&mut window), "one two three!");
}

#[test]
fn nothing_can_be_written_into_the_past_and_that_is_said() {
    let mut window = with_history(&["one ", "two "]);
    back(&mut window, 1);
    for (modifiers, key) in
        [(Modifiers::NONE, Key::Backspace), (Modifiers::COMMAND, Key::Z), (Modifiers::NONE, Key::Enter)]
    {
        press(&mut window, modifiers, key);
    }
    type_text(&mut window, "x");
    window.event(Event::Paste("pasted".to_owned()));
    window.run_steps(3);
    window.get_by_label_contains("This is the past: nothing can be written here.");
    assert_eq!((page(&window).as_str(), text(&mut window).as_str()), ("one ", "one two "));
    press(&mut window, Modifiers::COMMAND, Key::A);
    press(&mut window, Modifiers::COMMAND, Key::C);
    assert!(window.output().platform_output.commands.iter().all(|command| !format!("{command:?}").contains("pasted")));
}

#[test]
fn a_version_is_restored_as_an_edit_that_undo_takes_back() {
    let mut window = with_history(&["one ", "two ", "three"]);
    window.get_by_label("Restore this version").click();
    window.run_steps(3);
    assert_eq!(text(&mut window), "one two three", "now is no version to restore");
    back(&mut window, 2);
    window.get_by_label("Restore this version").click();
    window.run_steps(3);
    assert_eq!(text(&mut window), "one ");
    window.get_by_label("Restored, as a new edit. Undo takes it back.");
    window.get_by_label("Now: change 4 of 4");
    assert_eq!((page(&window).as_str(), is_read_only(&window)), ("one ", false));
    press(&mut window, Modifiers::COMMAND, Key::Z);
    assert_eq!(text(&mut window), "one two three");
    window.get_by_label("Now: change 5 of 5");
}

#[test]
fn what_is_selected_in_the_past_is_brought_back_alone() {
    let mut window = with_history(&["one two three"]);
    press(&mut window, Modifiers::COMMAND, Key::A);
    type_text(&mut window, "ONE TWO ");
    type_text(&mut window, "THREE");
    back(&mut window, 2);
    window.get_by_label("Restore what is selected").click();
    window.run_steps(3);
    assert_eq!(text(&mut window), "ONE TWO THREE", "nothing is selected");
    let app = window.state_mut().app.as_mut().expect("it is open");
    app.pane.command(Command::Place { at: 5, unit: Unit::Word, upstream: false });
    window.run_steps(3);
    window.get_by_label("Restore what is selected").click();
    window.run_steps(3);
    assert_eq!(text(&mut window), "twoONE TWO THREE");
    press(&mut window, Modifiers::COMMAND, Key::Z);
    assert_eq!(text(&mut window), "ONE TWO THREE");
}

#[test]
fn what_is_gone_and_what_is_new_is_shown_in_one_text() {
    let mut window = with_history(&["one two"]);
    for _ in 0..3 {
        press(&mut window, Modifiers::NONE, Key::Backspace);
    }
    type_text(&mut window, "three");
    window.get_by_label("Compare with now").click();
    window.run_steps(3);
    window.get_by_label("This is now: step back to compare.");
    press(&mut window, Modifiers::ALT, Key::Home);
    press(&mut window, Modifiers::ALT, Key::ArrowRight);
    assert_eq!(page(&window), "one twothree");
    window.get_by_label("New since then: 5 characters, underlined. Gone since then: 3 characters, struck through.");
    let app = window.state_mut().app.as_mut().expect("it is open");
    app.pane.command(Command::Select(4..7));
    window.run_steps(3);
    window.get_by_label("Restore what is selected").click();
    window.run_steps(3);
    assert_eq!(text(&mut window), "one twothree", "what is gone comes back, and nothing else goes");
    window.get_by_label("Compare with now").click();
    window.run_steps(3);
    back(&mut window, 2);
    assert!(window.query_by_label_contains("struck through").is_none());
}

#[test]
fn the_slider_is_dragged_moved_by_keys_and_set_by_a_screen_reader() {
    let words: Vec<String> = (0..20).map(|word| format!("w{word} ")).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut window = with_history(&words);
    let rect = window.get_by_label("Place in the history").rect();
    let button = |pressed, pos| Event::PointerButton {
        pos,
        button: PointerButton::Primary,
        pressed,
        modifiers: Modifiers::NONE,
    };
    let middle = rect.center();
    for event in
        [Event::PointerMoved(rect.right_center()), button(true, rect.right_center()), Event::PointerMoved(middle)]
    {
        window.event(event);
        window.run_steps(2);
    }
    window.get_by_label("Change 10 of 20");
    window.event(button(false, middle));
    window.run_steps(2);
    press(&mut window, Modifiers::NONE, Key::ArrowRight);
    window.get_by_label("Change 11 of 20");
    press(&mut window, Modifiers::NONE, Key::Home);
    window.get_by_label("Before the first of 20 changes");
    let slider = window.get_by_label("Place in the history");
    assert_eq!(slider.accesskit_node().max_numeric_value(), Some(20.0));
    let target_node = slider.accesskit_node().locate().0;
    let request = ActionRequest {
        action: egui::accesskit::Action::SetValue,
        target_tree: TreeId::ROOT,
        target_node,
        data: Some(ActionData::NumericValue(7.0)),
    };
    window.event(Event::AccessKitActionRequest(request));
    window.run_steps(3);
    window.get_by_label("Change 7 of 20");
    assert_eq!(window.get_by_label("Place in the history").value().as_deref(), Some("Change 7 of 20"));
    press(&mut window, Modifiers::NONE, Key::End);
    window.get_by_label("Now: change 20 of 20");
}

#[test]
fn an_empty_document_has_no_history_yet() {
    let mut window = with_history(&[]);
    window.get_by_label_contains("Nothing has been written yet.");
    assert!(window.query_by_label("Place in the history").is_none());
    back(&mut window, 1);
    press(&mut window, Modifiers::ALT, Key::Home);
    assert!(!is_read_only(&window));
    type_text(&mut window, "first");
    window.get_by_label("Now: change 1 of 1");
}

#[test]
fn another_document_is_looked_at_from_now_and_a_closed_one_has_no_panel() {
    let mut window = with_history(&["one ", "two "]);
    back(&mut window, 1);
    press(&mut window, Modifiers::COMMAND, Key::N);
    window.get_by_label_contains("Nothing has been written yet.");
    assert!(!is_read_only(&window));
    type_text(&mut window, "other");
    back(&mut window, 1);
    let app = window.state_mut().app.as_mut().expect("it is open");
    let id = app.model.open.expect("a document is open");
    app.session.remove(id).expect("it is removed");
    window.run_steps(3);
    window.get_by_label("No document is open.");
    assert!(window.query_by_label("Close the history").is_none());
    assert!(window.query_by_label_contains("You are looking at").is_none());
}

#[test]
fn one_side_panel_is_shown_at_a_time() {
    let mut window = with_history(&["one "]);
    back(&mut window, 1);
    press(&mut window, Modifiers::COMMAND | Modifiers::ALT, Key::P);
    window.get_by_label("Close people and devices");
    assert!(window.query_by_label("Close the history").is_none() && !is_read_only(&window));
    window.get_by_label("History").click();
    window.run_steps(3);
    window.get_by_label("Close the history");
    assert!(window.query_by_label("Close people and devices").is_none());
}

#[test]
fn the_past_is_searched_as_it_is_shown() {
    let mut window = with_history(&["rose rose "]);
    press(&mut window, Modifiers::COMMAND, Key::A);
    type_text(&mut window, "tulip");
    back(&mut window, 1);
    press(&mut window, Modifiers::COMMAND, Key::F);
    type_text(&mut window, "rose");
    window.run_steps(3);
    window.get_by_label("1 of 2");
    press(&mut window, Modifiers::NONE, Key::Escape);
    window.get_by_label("Close the history");
    press(&mut window, Modifiers::NONE, Key::Escape);
    assert!(window.query_by_label("Close the history").is_none());
}

#[test]
fn a_window_that_looks_at_the_past_rests() {
    let mut window = with_history(&["one ", "two "]);
    press(&mut window, Modifiers::COMMAND, Key::B);
    assert!(frames_until_idle(&mut window) <= 20, "now");
    back(&mut window, 1);
    assert!(frames_until_idle(&mut window) <= 20, "then");
    window.get_by_label("Compare with now").click();
    window.run_steps(3);
    assert!(frames_until_idle(&mut window) <= 20, "then beside now");
}

#[test]
fn what_others_write_meanwhile_makes_the_history_longer_and_moves_nothing() {
    let mut window = with_history(&["one ", "two "]);
    let folder = tempfile::tempdir().expect("a folder");
    let host = Host::start(folder.path()).expect("a relay starts");
    let app = window.state_mut().app.as_mut().expect("it is open");
    let id = app.model.open.expect("a document is open");
    let link = app.session.share(id, Some(host.address().clone())).expect("it is shared");
    app.session.set_online(true);
    let options = SessionOptions {
        folder: folder.path().join("ben"),
        online: true,
        introduces: true,
        name: Some("Ben".to_owned()),
        ..SessionOptions::default()
    };
    let mut ben = Session::open(options).expect("a new library");
    let there = ben.join(&link).expect("it is joined");
    until(&mut window, &mut ben, |_, ben| ben.text(there).is_ok_and(|text| text == "one two "));
    back(&mut window, 1);
    ben.insert(there, 8, "three, by Ben").expect("it is open");
    ben.commit(there).expect("it is open");
    until(&mut window, &mut ben, |window, _| text(window).ends_with("by Ben"));
    window.run_steps(2);
    window.get_by_label_contains("You are looking at change 1 of ");
    assert!(window.query_by_label_contains("change 1 of 2").is_none(), "the history grew");
    assert_eq!((page(&window).as_str(), is_read_only(&window)), ("one ", true));
    press(&mut window, Modifiers::ALT, Key::End);
    assert_eq!(page(&window), "one two three, by Ben");
    assert!(window.query_all_by_label_contains("Ben · ").next().is_some(), "Ben is among who wrote");
}

/// Lets both go on until something is so.
fn until(
    window: &mut Harness<'static, Opened>,
    other: &mut Session,
    mut reached: impl FnMut(&mut Harness<'static, Opened>, &mut Session) -> bool,
) {
    for _ in 0..2_000 {
        other.wait(Duration::from_millis(10));
        window.step();
        if reached(window, other) {
            return;
        }
    }
    panic!("it was not reached");
}
