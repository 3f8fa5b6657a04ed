//! The text area, as a screen reader and a keyboard know it.

mod lines;

use std::time::Duration;

use egui::accesskit::{self, ActionData, ActionRequest, Role, TextPosition, TextSelection};
use egui::{Event, Id, ImeEvent, Key, Modifiers, PointerButton, Pos2, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use quire::editor::buffer::{Buffer, LocalBuffer};
use quire::editor::command::{Action, Command};
use quire::editor::find::Query;
use quire::editor::motion::Spot;
use quire::editor::selection::Selection;
use quire::editor::state::{EditorState, Look, Outcome};
use quire::view::text_area::{Guest, PageView, TextArea};
use quire_crdt::{Anchor, Bias, Document, ReplicaId};

/// A document in a window of its own.
struct Page {
    buffer: LocalBuffer,
    state: EditorState,
    guests: Vec<Guest>,
    not_mine: Vec<Command>,
}

impl Page {
    fn text(&self) -> String {
        self.buffer.text().slice(0..usize::MAX)
    }

    fn selection(&self) -> (usize, usize) {
        let Selection { tail, head } = self.state.selection(self.buffer.text());
        (tail, head)
    }
}

fn frame(ui: &mut egui::Ui, page: &mut Page) {
    page.state.sync(&mut page.buffer);
    let mut area = TextArea::begin(ui, Id::unique("page"), page.buffer.text(), &mut page.state);
    if ui.memory(|memory| memory.focused().is_none()) {
        area.response().request_focus();
    }
    for command in std::mem::take(&mut area.commands) {
        match page.state.perform(&command, &mut page.buffer, area.rows()).expect("a valid edit") {
            Outcome::Done => {}
            Outcome::Copied(text) => ui.copy_text(text),
            Outcome::NotMine => page.not_mine.push(command),
        }
    }
    let view = PageView {
        text: page.buffer.text(),
        guests: &page.guests,
        label: "Letter to Ana",
        placeholder: "Write something",
        tints: &(),
        read_only: false,
    };
    area.show(ui, view, &mut page.state);
}

fn open(text: &str) -> Harness<'static, Page> {
    let buffer = LocalBuffer::new(text);
    let state = EditorState::new(buffer.text());
    let page = Page { buffer, state, guests: Vec::new(), not_mine: Vec::new() };
    let mut harness = Harness::builder()
        .with_size(vec2(800.0, 600.0))
        .with_step_dt(1.0 / 60.0)
        .allow_missing_glyphs()
        .build_ui_state(frame, page);
    harness.run_steps(3);
    harness
}

fn node<'a>(harness: &'a Harness<'static, Page>) -> egui_kittest::Node<'a> {
    harness.get_by_role_and_label(Role::MultilineTextInput, "Letter to Ana")
}

fn press(harness: &mut Harness<'static, Page>, modifiers: Modifiers, key: Key) {
    harness.key_press_modifiers(modifiers, key);
    harness.run_steps(1);
}

fn event(harness: &mut Harness<'static, Page>, event: Event) {
    harness.event(event);
    harness.run_steps(1);
}

fn button(harness: &mut Harness<'static, Page>, pos: Pos2, pressed: bool, modifiers: Modifiers) {
    event(harness, Event::PointerButton { pos, button: PointerButton::Primary, pressed, modifiers });
}

fn click(harness: &mut Harness<'static, Page>, pos: Pos2, modifiers: Modifiers) {
    event(harness, Event::PointerMoved(pos));
    button(harness, pos, true, modifiers);
    button(harness, pos, false, modifiers);
}

/// The rows that can be seen, as a screen reader reads them, with where they stand.
fn rows(harness: &Harness<'static, Page>) -> Vec<(String, egui::Rect)> {
    let area = node(harness);
    let runs = area.children_recursive().filter(|child| child.accesskit_node().role() == Role::TextRun);
    runs.map(|run| (run.accesskit_node().data().value().unwrap_or_default().to_owned(), run.rect())).collect()
}

#[test]
fn the_page_is_a_text_node_with_value_rows_and_caret() {
    let mut harness = open("First line\nsecond");
    assert_eq!(node(&harness).value().as_deref(), Some("First line\nsecond"));
    assert!(node(&harness).is_focused());
    let read: Vec<String> = rows(&harness).into_iter().map(|(row, _)| row).collect();
    assert_eq!(read, ["First line\n", "second"]);
    press(&mut harness, Modifiers::SHIFT, Key::ArrowDown);
    let area = node(&harness).accesskit_node();
    let mut selected = String::new();
    area.text_selection().expect("a selection").write_text(&mut selected).expect("a string takes all");
    assert_eq!(selected, "First line\n");
}

#[test]
fn an_empty_page_has_a_placeholder() {
    let harness = open("");
    assert_eq!(node(&harness).accesskit_node().data().placeholder(), Some("Write something"));
    assert_eq!(rows(&harness).len(), 1);
}

#[test]
fn what_is_typed_is_there_and_undone() {
    let mut harness = open("");
    for letter in ["H", "e", "y"] {
        node(&harness).type_text(letter);
        harness.run_steps(1);
    }
    press(&mut harness, Modifiers::NONE, Key::Enter);
    node(&harness).type_text("you");
    harness.run_steps(1);
    assert_eq!(node(&harness).value().as_deref(), Some("Hey\nyou"));
    press(&mut harness, Modifiers::COMMAND, Key::Z);
    press(&mut harness, Modifiers::COMMAND, Key::Z);
    assert_eq!(harness.state().text(), "Hey");
    press(&mut harness, Modifiers::COMMAND | Modifiers::SHIFT, Key::Z);
    assert_eq!(harness.state().text(), "Hey\n");
    press(&mut harness, Modifiers::NONE, Key::Tab);
    assert_eq!(harness.state().text(), "Hey\n    ", "tab stays in the page");
}

#[test]
fn keys_select_copy_cut_and_paste() {
    let mut harness = open("one two");
    press(&mut harness, Modifiers::COMMAND | Modifiers::SHIFT, Key::ArrowRight);
    assert_eq!(harness.state().selection(), (0, 3));
    event(&mut harness, Event::Copy);
    let copied = harness.output().platform_output.commands.iter().find_map(|command| match command {
        egui::OutputCommand::CopyText(text) => Some(text.clone()),
        _ => None,
    });
    assert_eq!(copied.as_deref(), Some("one"));
    event(&mut harness, Event::Cut);
    assert_eq!(harness.state().text(), " two");
    event(&mut harness, Event::Paste("1\r\n".to_owned()));
    assert_eq!(harness.state().text(), "1\n two");
    press(&mut harness, Modifiers::COMMAND, Key::A);
    assert_eq!(harness.state().selection(), (0, 6));
}

#[test]
fn the_mouse_places_selects_and_adds_carets() {
    let mut harness = open("one two three\nfour five\nsix");
    let (first, second) = (rows(&harness)[0].1, rows(&harness)[1].1);
    click(&mut harness, first.left_center() + vec2(1.0, 0.0), Modifiers::NONE);
    assert_eq!(harness.state().selection(), (0, 0));
    click(&mut harness, second.right_center() - vec2(1.0, 0.0), Modifiers::SHIFT);
    assert_eq!(harness.state().selection(), (0, 23));
    harness.run_steps(60);
    click(&mut harness, first.left_center() + vec2(3.0, 0.0), Modifiers::NONE);
    click(&mut harness, first.left_center() + vec2(3.0, 0.0), Modifiers::NONE);
    assert_eq!(harness.state().selection(), (0, 3), "a double click takes a word");
    click(&mut harness, first.left_center() + vec2(3.0, 0.0), Modifiers::NONE);
    assert_eq!(harness.state().selection(), (0, 14), "a triple click takes a line");
    harness.run_steps(60);
    click(&mut harness, first.left_center() + vec2(1.0, 0.0), Modifiers::NONE);
    click(&mut harness, second.left_center() + vec2(1.0, 0.0), Modifiers::ALT);
    node(&harness).type_text("> ");
    harness.run_steps(1);
    assert_eq!(harness.state().text(), "> one two three\n> four five\nsix");
}

#[test]
fn a_drag_selects_and_scrolls() {
    let mut harness = open(&"line\n".repeat(200));
    let first = rows(&harness)[0].1;
    event(&mut harness, Event::PointerMoved(first.left_center()));
    button(&mut harness, first.left_center() + vec2(1.0, 0.0), true, Modifiers::NONE);
    event(&mut harness, Event::PointerMoved(first.left_center() + vec2(5.0, 50.0)));
    harness.run_steps(1);
    assert_eq!(harness.state().selection().0, 0);
    let near = harness.state().selection().1;
    assert!(near >= 10, "the drag selects: {near}");
    event(&mut harness, Event::PointerMoved(Pos2::new(first.left(), 640.0)));
    harness.run_steps(30);
    let far = harness.state().selection().1;
    assert!(far > near + 50, "the drag scrolls: {far}");
    button(&mut harness, Pos2::new(first.left(), 640.0), false, Modifiers::NONE);
}

#[test]
fn composition_is_shown_but_not_in_the_document() {
    let mut harness = open("ab");
    press(&mut harness, Modifiers::NONE, Key::ArrowRight);
    let preedit = |text: &str| Event::Ime(ImeEvent::Preedit { text: text.to_owned(), active_range_chars: Some(0..1) });
    event(&mut harness, preedit("ni"));
    assert_eq!(harness.state().text(), "ab");
    assert_eq!(rows(&harness)[0].0, "anib", "what is composed is shown at the caret");
    let ime = harness.output().platform_output.ime.expect("the input method is told where the caret is");
    let row = rows(&harness)[0].1;
    assert!(row.contains(ime.cursor_rect.center()), "{:?} in {row:?}", ime.cursor_rect);
    event(&mut harness, Event::Ime(ImeEvent::Commit("日".to_owned())));
    assert_eq!((harness.state().text().as_str(), harness.state().selection()), ("a日b", (2, 2)));
    event(&mut harness, preedit("x"));
    event(&mut harness, preedit(""));
    assert_eq!((harness.state().text().as_str(), rows(&harness)[0].0.as_str()), ("a日b", "a日b"));
}

/// Somebody else writes at the start of the document.
fn write_remotely(harness: &mut Harness<'static, Page>, text: &str) {
    let page = harness.state_mut();
    page.buffer.document_mut().commit();
    let mut other = Document::new(page.buffer.document().id(), ReplicaId::from_bytes([9; 16]));
    let mut received = quire_crdt::Received::default();
    for envelope in page.buffer.document().log() {
        other.receive(envelope, &mut received).expect("a valid change");
    }
    let known = other.log().len();
    other.insert(0, text).expect("in the text");
    other.commit();
    let mut received = quire_crdt::Received::default();
    for envelope in other.log().from(known) {
        page.buffer.document_mut().receive(envelope, &mut received).expect("a valid change");
    }
    page.buffer.note(received.patches);
    harness.run_steps(3);
}

#[test]
fn others_above_move_neither_the_view_nor_the_caret() {
    let lines: String = (0..500).flat_map(|line| ["line ".to_owned(), line.to_string(), "\n".to_owned()]).collect();
    let mut harness = open(&lines);
    let command = Command::GoToLine { line: 250 };
    harness.state_mut().state.perform(&command, &mut LocalBuffer::new(&lines), &mut NoRows).expect("no edit");
    let page = harness.state_mut();
    let at = page.buffer.text().line_to_char(250);
    page.state.select(page.buffer.text(), Selection::caret(at));
    harness.run_steps(5);
    let before = rows(&harness);
    assert!(before.iter().any(|(row, _)| row == "line 250\n"), "{before:?}");
    write_remotely(&mut harness, &"new paragraph of someone else\n".repeat(40));
    let after = rows(&harness);
    assert_eq!(after, before);
    let head = harness.state().selection().1;
    assert_eq!(harness.state().buffer.text().char_to_line(head), 290);
}

/// For commands that ask for no row.
struct NoRows;

impl quire::editor::motion::Rows for NoRows {
    fn row(&mut self, page: quire::editor::motion::Page<'_>, _: Spot) -> quire::editor::motion::Row {
        quire::editor::motion::Row { chars: 0..page.text.len_chars(), ends_line: true }
    }

    fn x(&mut self, _: quire::editor::motion::Page<'_>, _: Spot) -> f32 {
        0.0
    }

    fn at_x(&mut self, _: quire::editor::motion::Page<'_>, row: &quire::editor::motion::Row, _: f32) -> Spot {
        Spot::at(row.chars.start)
    }

    fn y(&mut self, _: quire::editor::motion::Page<'_>, _: Spot) -> f64 {
        0.0
    }

    fn row_at_y(&mut self, page: quire::editor::motion::Page<'_>, _: f64) -> quire::editor::motion::Row {
        self.row(page, Spot::at(0))
    }

    fn page_height(&self) -> f64 {
        1.0
    }
}

#[test]
fn a_guests_caret_has_a_name_that_goes_when_it_is_still() {
    let mut harness = open("shared text");
    let anchor = |page: &Page, at| page.buffer.text().anchor(at, Bias::Left);
    let (tail, caret) = (anchor(harness.state(), 0), anchor(harness.state(), 6));
    let replica = ReplicaId::from_bytes([9; 16]);
    harness.state_mut().guests = vec![Guest { replica, name: "Ana".to_owned(), colour: 2, caret, tail }];
    harness.run_steps(2);
    let shows_name = |harness: &Harness<'static, Page>| {
        let is_name = |shape: &egui::Shape| matches!(shape, egui::Shape::Text(text) if text.galley.text() == "Ana");
        harness.output().shapes.iter().any(|clipped| is_name(&clipped.shape))
    };
    assert!(shows_name(&harness));
    harness.run_steps(5 * 60);
    assert!(!shows_name(&harness));
    harness.state_mut().guests[0].caret = Anchor::End;
    harness.run_steps(2);
    assert!(shows_name(&harness), "it moved");
}

/// Lets time pass as for a window that draws when it asked to, and not before; how many frames that takes until it asks no more,
/// and how many seconds.
fn until_idle(harness: &mut Harness<'static, Page>) -> (usize, f64) {
    let start = harness.ctx.input(|input| input.time);
    let mut now = start;
    for frames in 0..1_000 {
        let delay = harness.output().viewport_output[&egui::ViewportId::ROOT].repaint_delay;
        if delay == Duration::MAX {
            return (frames, now - start);
        }
        now += delay.as_secs_f64().max(1.0 / 60.0);
        harness.input_mut().time = Some(now);
        harness.step();
    }
    panic!("the window never rests");
}

#[test]
fn a_window_that_nobody_touches_draws_nothing() {
    let mut harness = open("some text");
    node(&harness).type_text("x");
    harness.run_steps(1);
    let (frames, seconds) = until_idle(&mut harness);
    assert!(frames <= 14 && seconds < 6.0, "a caret blinks twice a second for 5 s: {frames} frames in {seconds} s");
    harness.event(Event::WindowFocused(true));
    harness.step();
    assert!(until_idle(&mut harness).0 <= 2, "it has stopped");
}

fn guest(harness: &Harness<'static, Page>, number: u8, name: &str, at: usize) -> Guest {
    let caret = harness.state().buffer.text().anchor(at, Bias::Left);
    Guest { replica: ReplicaId::from_bytes([number; 16]), name: name.to_owned(), colour: 2, caret, tail: caret }
}

/// What is written on flags, with where they stand.
fn flags(harness: &Harness<'static, Page>, names: &[&str]) -> Vec<(String, egui::Rect)> {
    let flag = |clipped: &egui::epaint::ClippedShape| match &clipped.shape {
        egui::Shape::Text(text) if names.contains(&text.galley.text()) => {
            Some((text.galley.text().to_owned(), text.visual_bounding_rect()))
        }
        _ => None,
    };
    harness.output().shapes.iter().filter_map(flag).collect()
}

#[test]
fn names_fade_and_are_then_drawn_no_more() {
    let mut harness = open("shared text");
    until_idle(&mut harness);
    harness.state_mut().guests = vec![guest(&harness, 9, "Ana", 6)];
    harness.step();
    let (frames, seconds) = until_idle(&mut harness);
    assert!(frames <= 30 && (3.0..4.0).contains(&seconds), "{frames} frames in {seconds} s");
    let page = harness.state_mut();
    page.state.select(page.buffer.text(), Selection::caret(6));
    harness.step();
    let caret = harness.output().platform_output.ime.expect("my own caret is there, too").cursor_rect;
    harness.event(Event::PointerMoved(caret.center()));
    harness.step();
    assert_eq!(flags(&harness, &["Ana"]).len(), 1, "the mouse points at the caret");
    assert!(until_idle(&mut harness).1 < 6.0, "a name that stands is not drawn again");
}

#[test]
fn a_name_hides_no_text() {
    let paragraph =
        "A paragraph of many words that goes on over the end of its row, and then over the next one. ".repeat(4);
    let text = format!("{paragraph}\n\n{paragraph}");
    let chars = text.chars().count();
    let mut harness = open(&text);
    let names = ["Ana", "Bo", "Ana Lind", "AL"];
    for at in [0, 40, 150, 380, chars / 2, chars - 200, chars] {
        harness.state_mut().guests = vec![guest(&harness, 9, "Ana Lind", at), guest(&harness, 8, "Bo", at)];
        harness.run_steps(2);
        let shown = flags(&harness, &names);
        let said: Vec<&str> = shown.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(said, ["Ana Lind", "Bo"], "at {at}");
        assert!(!shown[0].1.intersects(shown[1].1), "at {at}: {shown:?}");
        for (row, place) in rows(&harness).iter().filter(|(row, _)| row.trim() != "") {
            let hides = shown.iter().any(|(_, flag)| flag.intersects(place.shrink(0.5)));
            assert!(!hides, "at {at}: {row:?} {place:?} and {shown:?}");
        }
    }
}

#[test]
fn where_all_is_full_of_text_a_name_is_its_initials() {
    let mut harness = open(&"word ".repeat(200));
    harness.set_size(vec2(300.0, 400.0));
    harness.run_steps(2);
    harness.state_mut().guests = vec![guest(&harness, 9, "Ana Maria Lindqvist-Sandoval", 402)];
    harness.run_steps(2);
    assert_eq!(flags(&harness, &["Ana Maria Lindqvist-Sandoval"]), []);
    assert_eq!(flags(&harness, &["AS"]).len(), 1);
}

#[test]
fn find_marks_and_selects_matches() {
    let mut harness = open("one two one");
    let page = harness.state_mut();
    let query = Query { pattern: "one".to_owned(), ..Query::default() };
    page.state.set_query(page.buffer.text(), Some(query)).expect("a valid query");
    page.state.read_for_find(page.buffer.text(), usize::MAX);
    for expected in [(0, 3), (8, 11), (0, 3)] {
        let page = harness.state_mut();
        let next = Command::Do(Action::FindNext);
        page.state.perform(&next, &mut page.buffer, &mut NoRows).expect("no edit");
        harness.run_steps(1);
        assert_eq!(harness.state().selection(), expected);
    }
}

#[test]
fn keys_of_the_window_are_left_to_it() {
    let mut harness = open("text");
    for (modifiers, key) in [(Modifiers::COMMAND, Key::N), (Modifiers::COMMAND, Key::F), (Modifiers::NONE, Key::F3)] {
        press(&mut harness, modifiers, key);
    }
    assert_eq!((harness.state().text().as_str(), harness.state().not_mine.len()), ("text", 0));
}

#[test]
fn a_large_page_lays_out_only_what_is_seen() {
    let mut harness = open(&"A line of some words, as people write them.\n".repeat(50_000));
    assert!(rows(&harness).len() < 60);
    press(&mut harness, Modifiers::COMMAND, Key::End);
    harness.run_steps(3);
    assert!(rows(&harness).len() < 60);
    node(&harness).type_text("the end");
    harness.run_steps(1);
    assert!(rows(&harness).iter().any(|(row, _)| row == "the end"));
    press(&mut harness, Modifiers::NONE, Key::PageUp);
    press(&mut harness, Modifiers::NONE, Key::PageUp);
    let line = harness.state().buffer.text().char_to_line(harness.state().selection().1);
    assert!((49_900..49_990).contains(&line), "two pages up: {line}");
}

#[test]
fn any_look_can_be_shown() {
    let mut harness =
        open("# Title\n\n- **strong** and *emphasis*, `code`, [link](to)\n\n```rust\nfn main() {}\n```\n> quote\n");
    for look in [
        Look { zoom: 2.0, ..Look::default() },
        Look { wrap: false, line_numbers: true, ..Look::default() },
        Look { monospace: true, zoom: 0.5, ..Look::default() },
    ] {
        harness.state_mut().state.set_look(look);
        harness.run_steps(2);
        assert_eq!(rows(&harness)[0].0, "# Title\n", "{look:?}");
        press(&mut harness, Modifiers::COMMAND, Key::End);
        press(&mut harness, Modifiers::NONE, Key::ArrowUp);
    }
}

#[test]
fn a_screen_reader_can_select() {
    let mut harness = open("First line\nsecond");
    let position = |harness: &Harness<'static, Page>, row: usize, character_index| {
        let area = node(harness);
        let mut runs = area.children_recursive().filter(|child| child.accesskit_node().role() == Role::TextRun);
        let run = runs.nth(row).expect("a row");
        TextPosition { node: run.accesskit_node().locate().0, character_index }
    };
    let selection = TextSelection { anchor: position(&harness, 1, 3), focus: position(&harness, 0, 6) };
    let target_node = node(&harness).accesskit_node().locate().0;
    let request = ActionRequest {
        action: accesskit::Action::SetTextSelection,
        target_tree: accesskit::TreeId::ROOT,
        target_node,
        data: Some(ActionData::SetTextSelection(selection)),
    };
    event(&mut harness, Event::AccessKitActionRequest(request));
    assert_eq!(harness.state().selection(), (14, 6));
}
