//! Names for versions.

use egui::{Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use quire_crdt::{DocumentId, ReplicaId, Value, VersionVector};

use super::super::{Opened, press, type_text};
use super::{back, is_read_only, page, with_history};
use crate::editor::history::encode_named_version;

fn name_here(window: &mut Harness<'static, Opened>, name: &str) {
    press(window, Modifiers::ALT, Key::N);
    type_text(window, name);
    press(window, Modifiers::NONE, Key::Enter);
    window.run_steps(2);
}

/// Chooses something from the menu of a named version.
fn choose(window: &mut Harness<'static, Opened>, row: &str, name: &str, verb: &str) {
    window.get_by_label_contains(row).focus();
    window.run_steps(2);
    window.get_by_label(&format!("More for “{name}”")).click();
    window.run_steps(3);
    window.get_by_label(verb).click();
    window.run_steps(3);
}

fn set(window: &mut Harness<'static, Opened>, key: &str, value: Option<Value>) {
    let app = window.state_mut().app.as_mut().expect("it is open");
    let id: DocumentId = app.model.open.expect("a document is open");
    app.session.set(id, key, value).expect("it is open");
    app.session.commit(id).expect("it is open");
    app.pane.hear_of_key(key);
    window.run_steps(3);
}

#[test]
fn a_version_is_named_found_again_renamed_and_its_name_removed_and_put_back() {
    let mut window = with_history(&["one ", "two ", "three"]);
    back(&mut window, 1);
    name_here(&mut window, "First draft");
    window.get_by_label("“First draft”: change 2 of 4");
    window.get_by_label("You are looking at “First draft”: change 2 of 4. Nothing can be written here.");
    press(&mut window, Modifiers::ALT, Key::End);
    window.get_by_label("named a version “First draft”");
    window.get_by_label_contains("“First draft”, change 2").click();
    window.run_steps(3);
    assert_eq!((page(&window).as_str(), is_read_only(&window)), ("one two ", true));
    choose(&mut window, "“First draft”, change 2", "First draft", "Rename…");
    press(&mut window, Modifiers::COMMAND, Key::A);
    name_here(&mut window, "");
    window.get_by_label_contains("“First draft”, change 2");
    choose(&mut window, "“First draft”, change 2", "First draft", "Rename…");
    window.get_by_label("Rename this version");
    press(&mut window, Modifiers::COMMAND, Key::A);
    type_text(&mut window, "Sent to Ben");
    press(&mut window, Modifiers::NONE, Key::Enter);
    window.run_steps(2);
    window.get_by_label_contains("“Sent to Ben”, change 2");
    assert!(window.query_by_label_contains("“First draft”, change 2").is_none());
    choose(&mut window, "“Sent to Ben”, change 2", "Sent to Ben", "Remove the name");
    window.get_by_label("“Sent to Ben” is removed.");
    window.get_by_label("Change 2 of 6");
    window.get_by_label("Put it back").click();
    window.run_steps(3);
    window.get_by_label_contains("“Sent to Ben”, change 2");
    assert!(window.query_by_label("“Sent to Ben” is removed.").is_none());
}

#[test]
fn a_named_version_that_is_shown_is_renamed_by_the_same_keys() {
    let mut window = with_history(&["one ", "two "]);
    back(&mut window, 1);
    name_here(&mut window, "Draft");
    press(&mut window, Modifiers::ALT, Key::N);
    window.get_by_label("Rename this version");
    press(&mut window, Modifiers::NONE, Key::Escape);
    press(&mut window, Modifiers::ALT, Key::End);
    press(&mut window, Modifiers::ALT, Key::N);
    window.get_by_label("Name this version");
    type_text(&mut window, " \u{202e} ");
    press(&mut window, Modifiers::NONE, Key::Enter);
    window.get_by_label("Name this version");
    press(&mut window, Modifiers::COMMAND, Key::A);
    type_text(&mut window, "As it is now");
    press(&mut window, Modifiers::NONE, Key::Enter);
    window.run_steps(2);
    window.get_by_label_contains("“As it is now”, change 3");
    window.get_by_label("Now: change 4 of 4");
    assert!(!is_read_only(&window));
}

#[test]
fn what_is_not_here_yet_says_so_and_hostile_names_are_cleaned_or_nothing() {
    let mut window = with_history(&["one "]);
    let far: VersionVector = [(ReplicaId::from_bytes([200; 16]), 7)].into_iter().collect();
    set(&mut window, "version/far", encode_named_version("Later", &far));
    set(&mut window, "version/junk", Some(Value::Bytes(vec![1, 0xff, 0xff, 0])));
    set(&mut window, "version/text", Some(Value::Text("no version".to_owned())));
    let name = b"\x01\x00\x09a\x1b[2Jb\n\x07c";
    set(&mut window, "version/\u{7}", Some(Value::Bytes(name.to_vec())));
    window.get_by_label_contains("“a [2Jb c”, the start").click();
    window.run_steps(3);
    window.get_by_label("“a [2Jb c”: before the first of 5 changes");
    window.get_by_label_contains("“Later”, not here yet").click();
    window.run_steps(3);
    window.get_by_label("“a [2Jb c”: before the first of 5 changes");
    assert_eq!(window.query_all_by_label_contains("no version").count(), 0);
    let rows = window.query_all_by_label_contains("”, ").count();
    assert_eq!(rows, 2, "two names, and no more");
}
