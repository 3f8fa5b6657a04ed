//! The whole window on a library in a folder of its own, used by keyboard and by what a screen reader reads.

mod history;
mod links;

use std::time::Duration;

use egui::{Event, Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use quire_crdt::sync::RelayNotice;
use quire_crdt::{Patch, ReplicaId, Splice};
use tempfile::TempDir;

use super::App;
use crate::editor::command::Command;
use crate::editor::dialog::Dialog;
use crate::editor::link::{Link, RelayAddress, Security};
use crate::editor::request::Request;
use crate::session::{Notice, Session, SessionOptions};
use crate::shell::host::Host;

/// How many frames a document may take to be read meanwhile.
const READING_STEPS_MAX: usize = 2_000;

/// A window that opens with its first frame.
struct Opened {
    app: Option<App>,
    session: Option<Session>,
    folder: TempDir,
}

fn window() -> Harness<'static, Opened> {
    let folder = tempfile::tempdir().expect("a folder");
    let options = SessionOptions { folder: folder.path().to_owned(), ..SessionOptions::default() };
    let session = Some(Session::open(options).expect("a new library"));
    let opened = Opened { app: None, session, folder };
    let mut harness = Harness::builder()
        .with_size(egui::vec2(1100.0, 700.0))
        .with_step_dt(1.0 / 60.0)
        .with_max_steps(60)
        .build_ui_state(frame, opened);
    harness.run_steps(3);
    harness
}

fn frame(ui: &mut egui::Ui, opened: &mut Opened) {
    let ctx = ui.ctx().clone();
    if let Some(session) = opened.session.take() {
        opened.app = Some(App::new(session, None, None, &ctx));
    }
    let app = opened.app.as_mut().expect("it is open");
    app.take_what_happened(&ctx);
    app.play_on(&ctx);
    app.take_chosen_files();
    app.look_further(&ctx);
    app.plan_next_frame(&ctx);
    app.frame(ui);
}

fn app_of<'a>(harness: &'a Harness<'static, Opened>) -> &'a App {
    harness.state().app.as_ref().expect("it is open")
}

fn text(harness: &mut Harness<'static, Opened>) -> String {
    let app = harness.state_mut().app.as_mut().expect("it is open");
    let id = app.model.open.expect("a document is open");
    app.session.text(id).expect("it can be read")
}

fn press(harness: &mut Harness<'static, Opened>, modifiers: Modifiers, key: Key) {
    harness.key_press_modifiers(modifiers, key);
    harness.run_steps(3);
}

fn type_text(harness: &mut Harness<'static, Opened>, text: &str) {
    harness.event(Event::Text(text.to_owned()));
    harness.run_steps(3);
}

/// Lets time pass as for a window that draws when it asked to, and not before; how many frames until it asks no more.
fn frames_until_idle(harness: &mut Harness<'static, Opened>) -> usize {
    let app = harness.state_mut().app.as_mut().expect("it is open");
    assert!(app.session.flush(Duration::from_secs(30)), "what is on its way to the disk would wake the window");
    harness.step();
    let mut now = harness.ctx.input(|input| input.time);
    for frames in 0..1_000 {
        let delay = harness.output().viewport_output[&egui::ViewportId::ROOT].repaint_delay;
        if delay == Duration::MAX {
            return frames;
        }
        now += delay.as_secs_f64().max(1.0 / 60.0);
        harness.input_mut().time = Some(now);
        harness.step();
    }
    panic!("the window never rests");
}

#[test]
fn an_idle_window_draws_nothing() {
    let mut window = window();
    press(&mut window, Modifiers::COMMAND, Key::B);
    type_text(&mut window, "My words. ");
    assert!(frames_until_idle(&mut window) <= 20, "a caret has blinked for 5 s");
    press(&mut window, Modifiers::COMMAND, Key::F);
    type_text(&mut window, "words");
    assert!(frames_until_idle(&mut window) <= 20, "a caret in a field stands");
    press(&mut window, Modifiers::NONE, Key::Escape);
    press(&mut window, Modifiers::COMMAND | Modifiers::SHIFT, Key::P);
    assert!(frames_until_idle(&mut window) <= 20, "the palette does not move");
}

#[test]
fn the_first_start_shows_a_page_that_can_be_edited() {
    let mut window = window();
    window.get_by_label("Title: Welcome to Quire");
    type_text(&mut window, "My words. ");
    assert!(text(&mut window).starts_with("My words. This page is yours"));
    window.get_by_label("1 document");
}

#[test]
fn a_new_document_is_named_by_its_first_line_or_by_hand() {
    let mut window = window();
    press(&mut window, Modifiers::COMMAND, Key::N);
    window.get_by_label("Title: Untitled");
    type_text(&mut window, "Garden plan");
    window.get_by_label("Title: Garden plan");
    press(&mut window, Modifiers::NONE, Key::F2);
    type_text(&mut window, "Roses");
    press(&mut window, Modifiers::NONE, Key::Enter);
    window.get_by_label("Title: Roses");
    type_text(&mut window, "!");
    assert!(text(&mut window).contains('!'), "the text has the keyboard again");
}

#[test]
fn finding_counts_and_replacing_replaces() {
    let mut window = window();
    press(&mut window, Modifiers::COMMAND, Key::N);
    type_text(&mut window, "rose, rose, rose");
    press(&mut window, Modifiers::COMMAND, Key::H);
    type_text(&mut window, "rose");
    window.run_steps(3);
    window.get_by_label("1 of 3");
    let field = window.get_by_label("Replace with");
    field.focus();
    field.type_text("tulip");
    window.run_steps(3);
    window.get_by_label("Replace all").click();
    window.run_steps(3);
    assert_eq!(text(&mut window), "tulip, tulip, tulip");
    window.get_by_label("Replaced in 3 places");
    press(&mut window, Modifiers::COMMAND, Key::Z);
}

#[test]
fn finding_keeps_to_what_was_selected_if_it_is_asked_to() {
    let mut window = window();
    press(&mut window, Modifiers::COMMAND, Key::N);
    type_text(&mut window, "rose, rose, rose");
    press(&mut window, Modifiers::COMMAND, Key::F);
    type_text(&mut window, "rose");
    window.run_steps(3);
    window.get_by_label("1 of 3");
    for (selected, words) in [(6..16, "2 found"), (0..0, "3 found")] {
        window.state_mut().app.as_mut().expect("it is open").pane.command(Command::Select(selected));
        window.run_steps(2);
        window.get_by_label("Only in the selection").click();
        window.run_steps(1);
        let pane = &mut window.state_mut().app.as_mut().expect("it is open").pane;
        pane.command(Command::Select(0..0));
        window.run_steps(3);
        window.get_by_label(words);
    }
}

#[test]
fn a_wrong_link_is_answered_in_words() {
    let mut window = window();
    press(&mut window, Modifiers::COMMAND, Key::O);
    type_text(&mut window, "http://example.org");
    press(&mut window, Modifiers::NONE, Key::Enter);
    window.get_by_label_contains("This is not a Quire link");
    press(&mut window, Modifiers::NONE, Key::Escape);
    assert!(window.query_by_label("Open a link").is_none());
}

#[test]
fn a_link_to_another_relay_offers_to_move_the_document() {
    let mut window = window();
    let app = window.state_mut().app.as_mut().expect("it is open");
    let id = app.model.open.expect("a document is open");
    app.session.share(id, "127.0.0.1:1".parse().ok()).expect("it is shared");
    let link = app.session.link(id).expect("it is shared");
    let elsewhere = Link { relay: "127.0.0.1:2".parse().expect("an address"), ..link };
    for button in ["Stay", "Move"] {
        press(&mut window, Modifiers::COMMAND, Key::O);
        type_text(&mut window, &elsewhere.to_string());
        press(&mut window, Modifiers::NONE, Key::Enter);
        window.get_by_label("Move “Welcome to Quire” to the link’s relay?");
        window.get_by_label(button).click();
        window.run_steps(3);
        let moved = app_of(&window).session.link(id) == Some(elsewhere.clone());
        assert_eq!(moved, button == "Move");
    }
    window.get_by_label("Shared at 127.0.0.1:2 from now on.");
}

#[test]
fn a_final_refusal_is_a_banner_until_the_document_is_gone_and_a_passing_one_is_none() {
    let mut window = window();
    let app = window.state_mut().app.as_mut().expect("it is open");
    let document = app.model.open.expect("a document is open");
    let refused = |is_final| Notice::Refused { document, reason: "the relay is full".to_owned(), is_final };
    app.happened.push(refused(false));
    window.run_steps(2);
    assert!(window.query_by_label_contains("The relay refused").is_none());
    window.state_mut().app.as_mut().expect("it is open").happened.push(refused(true));
    window.run_steps(2);
    window.get_by_label_contains("The relay refused “Welcome to Quire”: the relay is full.");
    let app = window.state_mut().app.as_mut().expect("it is open");
    app.session.remove(document).expect("it is removed");
    app.happened.push(Notice::StatusChanged { document });
    window.run_steps(2);
    assert!(window.query_by_label_contains("The relay refused").is_none());
}

#[test]
fn what_was_found_out_about_the_relay_is_said() {
    let mut window = window();
    let app = window.state_mut().app.as_mut().expect("it is open");
    let document = app.model.open.expect("a document is open");
    app.happened.push(Notice::RelayChanged { document, notice: RelayNotice::Lost { had: 8, has: 4 } });
    app.happened.push(Notice::Cloned { document });
    window.run_steps(2);
    window.get_by_label_contains("The relay was restored from an old copy.");
    window.get_by_label_contains("“Welcome to Quire” stays offline: this library was copied");
}

#[test]
fn a_file_that_is_not_utf8_is_imported_when_its_reader_says_so() {
    let mut window = window();
    let file = window.state().folder.path().join("notes.txt");
    std::fs::write(&file, [&b"line\r\n".repeat(200)[..], b"not \xff\r\n"].concat()).expect("it is written");
    let app = window.state_mut().app.as_mut().expect("it is open");
    app.model.dialog = app.import_all(&[file], false);
    window.run_steps(2);
    window.get_by_label_contains("is not UTF-8 text: byte 0xff in line 201");
    window.get_by_label("Import").click();
    window.run_steps(3);
    assert_eq!(text(&mut window), "line\n".repeat(200) + "not \u{fffd}\n");
}

#[test]
fn the_wheel_takes_the_steps_of_the_zoom_that_the_keys_take() {
    let mut window = window();
    window.event(Event::Zoom(1.3));
    window.run_steps(2);
    assert_eq!(app_of(&window).model.zoom_shown(), Some(110));
    window.event(Event::Zoom(0.5));
    window.run_steps(2);
    assert_eq!(app_of(&window).model.zoom_shown(), None);
}

#[test]
fn the_width_of_the_column_and_short_names_are_kept_by_the_settings() {
    let mut window = window();
    let app = window.state_mut().app.as_mut().expect("it is open");
    app.open_settings();
    let Some(Dialog::Settings(mut draft)) = app.model.dialog.clone() else { panic!("no settings are shown") };
    draft.settings.column_chars = 40;
    draft.settings.name = "x".repeat(100);
    app.act(&egui::Context::default(), Request::Dialog(Dialog::Settings(draft)));
    window.run_steps(2);
    assert!(window.query_all_by_label("Column width").next().is_some());
    window.get_by_label("Done").click();
    window.run_steps(3);
    let settings = app_of(&window).session.settings();
    assert_eq!((settings.column_chars, settings.name.len()), (40, 60));
}

#[test]
fn a_paste_of_ten_megabytes_is_in_the_text_and_on_the_disk() {
    let mut window = window();
    press(&mut window, Modifiers::COMMAND, Key::N);
    let line = "Ten megabytes of prose, one line after the other.\r\n";
    let pasted = line.repeat(10_000_000 / line.len() + 1);
    window.event(Event::Paste(pasted.clone()));
    window.run_steps(3);
    assert!(text(&mut window) == pasted.replace('\r', ""), "the text differs from what was pasted");
    let app = window.state_mut().app.as_mut().expect("it is open");
    assert!(app.session.flush(Duration::from_mins(1)), "the disk has it");
    let status = app.session.status(app.model.open.expect("it is open")).expect("it is open");
    assert_eq!(status.units_made, status.units_saved_here);
    assert!(status.units_made > 9_800_000);
    press(&mut window, Modifiers::COMMAND, Key::Z);
    assert_eq!(text(&mut window), "");
}

#[test]
fn a_screen_reader_is_told_politely_who_writes_near_the_caret() {
    let mut window = window();
    assert!(window.query_by_label_contains("writes near your caret.").is_none());
    let app = window.state_mut().app.as_mut().expect("it is open");
    app.pane.hear_of(
        &app.session,
        &[Patch { splice: Splice { at: 3, deleted: 0, inserted: 1 }, author: ReplicaId::from_bytes([9; 16]) }],
    );
    window.run_steps(1);
    let said = window.get_by_label_contains("writes near your caret.");
    assert_eq!(said.accesskit_node().live(), egui::accesskit::Live::Polite);
}

#[test]
fn removing_says_what_is_lost_and_then_does_it() {
    let mut window = window();
    press(&mut window, Modifiers::COMMAND | Modifiers::SHIFT, Key::P);
    type_text(&mut window, "remove");
    press(&mut window, Modifiers::NONE, Key::Enter);
    window.get_by_label_contains("never shared");
    window.get_by_label("Remove").click();
    window.run_steps(3);
    window.get_by_label("Nothing here yet");
    assert!(app_of(&window).session.list().is_empty());
}

#[test]
fn archived_documents_leave_the_list_and_come_back() {
    let mut window = window();
    press(&mut window, Modifiers::COMMAND | Modifiers::SHIFT, Key::P);
    type_text(&mut window, "archive");
    press(&mut window, Modifiers::NONE, Key::Enter);
    type_text(&mut window, "typed behind a closed palette ");
    assert!(text(&mut window).starts_with("typed behind a closed palette"));
    window.get_by_label("Archive (1)").click();
    window.run_steps(3);
    window.get_by_label("1 document in the archive");
}

#[test]
fn a_search_finds_words_of_texts() {
    let mut window = window();
    press(&mut window, Modifiers::COMMAND, Key::N);
    type_text(&mut window, "Nothing of note");
    let field = window.get_by_label("Search titles and text");
    field.focus();
    field.type_text("carets");
    // The text of a document that is not open is read meanwhile, on another thread.
    for _ in 0..READING_STEPS_MAX {
        window.run_steps(1);
        if window.query_by_label("1 of 2 documents").is_some() {
            break;
        }
    }
    window.get_by_label("1 of 2 documents");
    window.get_by_label_contains("other's carets");
}

#[test]
fn what_is_shared_from_this_computer_follows_its_relay_to_a_new_certificate() {
    let mut window = window();
    let folder = tempfile::tempdir().expect("a folder");
    let host = Host::start(folder.path()).expect("a relay starts");
    let address = host.address().clone();
    let app = window.state_mut().app.as_mut().expect("it is open");
    let id = app.model.open.expect("a document is open");
    let other = app.session.import("other", "text").expect("it is made");
    let elsewhere = RelayAddress::new("relay.example.org", 1).expect("an address");
    app.session.share(id, Some(address.clone().reached_by(Security::Tls))).expect("it is shared");
    app.session.share(other, Some(elsewhere.clone())).expect("it is shared");
    app.host = Some(host);
    app.follow_host();
    assert_eq!(app.session.link(id).map(|link| link.relay), Some(address));
    assert_eq!(app.session.link(other).map(|link| link.relay), Some(elsewhere));
}

#[test]
fn sharing_without_a_relay_asks_for_one() {
    let mut window = window();
    press(&mut window, Modifiers::COMMAND | Modifiers::SHIFT, Key::E);
    window.get_by_label("Share “Welcome to Quire”");
    type_text(&mut window, "ftp://relay.example.org");
    press(&mut window, Modifiers::NONE, Key::Enter);
    window.get_by_label_contains("which is encrypted");
}
