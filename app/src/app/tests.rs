//! The whole window on a library in a folder of its own, used by keyboard and by what a screen reader reads.

use std::time::Duration;

use egui::{Event, Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use tempfile::TempDir;

use super::App;
use crate::session::{Session, SessionOptions};

/// A window that opens with its first frame.
struct Opened {
    app: Option<App>,
    session: Option<Session>,
    _folder: TempDir,
}

fn window() -> Harness<'static, Opened> {
    let folder = tempfile::tempdir().expect("a folder");
    let options = SessionOptions { folder: folder.path().to_owned(), ..SessionOptions::default() };
    let session = Some(Session::open(options).expect("a new library"));
    let opened = Opened { app: None, session, _folder: folder };
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
    app.take_chosen_files();
    app.look_further(&ctx);
    app.plan_next_frame(&ctx);
    app.frame(ui);
}

fn app<'a>(harness: &'a Harness<'static, Opened>) -> &'a App {
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
fn removing_says_what_is_lost_and_then_does_it() {
    let mut window = window();
    press(&mut window, Modifiers::COMMAND | Modifiers::SHIFT, Key::P);
    type_text(&mut window, "remove");
    press(&mut window, Modifiers::NONE, Key::Enter);
    window.get_by_label_contains("never shared");
    window.get_by_label("Remove").click();
    window.run_steps(3);
    window.get_by_label("Nothing here yet");
    assert!(app(&window).session.list().is_empty());
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
    window.run_steps(6);
    window.get_by_label("1 of 2 documents");
    window.get_by_label_contains("other's carets");
}

#[test]
fn sharing_without_a_relay_asks_for_one() {
    let mut window = window();
    press(&mut window, Modifiers::COMMAND | Modifiers::SHIFT, Key::E);
    window.get_by_label("Share “Welcome to Quire”");
    type_text(&mut window, "wss://relay.example.org");
    press(&mut window, Modifiers::NONE, Key::Enter);
    window.get_by_label_contains("encrypted connection");
}
