use quire_crdt::{Document, ReplicaId};

use super::*;
use crate::editor::buffer::LocalBuffer;
use crate::editor::command::{Action, Command, Motion, Unit};
use crate::editor::motion::floor_grapheme;
use crate::editor::motion::tests::FixedRows;
use crate::editor::rng::Rng;

fn run(state: &mut EditorState, buffer: &mut LocalBuffer, command: &Command) -> Outcome {
    state.perform(command, buffer, &mut FixedRows { columns: 20 }).expect("a valid edit")
}

fn editor(text: &str) -> (LocalBuffer, EditorState) {
    let buffer = LocalBuffer::new(text);
    let state = EditorState::new(buffer.text());
    (buffer, state)
}

fn content(buffer: &LocalBuffer) -> String {
    buffer.text().slice(0..usize::MAX)
}

fn check(text: &str, commands: &[Command], expected: &str, selection: (usize, usize)) {
    let (mut buffer, mut state) = editor(text);
    for command in commands {
        run(&mut state, &mut buffer, command);
    }
    let found = state.selection(buffer.text());
    assert_eq!((content(&buffer).as_str(), (found.tail, found.head)), (expected, selection), "{commands:?}");
}

fn place(at: usize, unit: Unit) -> Command {
    Command::Place { at, unit, upstream: false }
}

fn extend(at: usize, unit: Unit) -> Command {
    Command::Extend { at, unit, upstream: false }
}

#[test]
fn typing_deleting_and_moving() {
    let insert = |text: &str| Command::Insert(text.to_owned());
    let act = Command::Do;
    check("", &[insert("a"), insert("b"), act(Action::NewLine), insert("c")], "ab\nc", (4, 4));
    check("ae\u{301}", &[act(Action::Move(Motion::DocumentEnd)), act(Action::Backspace)], "a", (1, 1));
    check("one two", &[act(Action::Select(Motion::WordRight)), insert("1")], "1 two", (1, 1));
    check("one two", &[act(Action::DeleteWordRight), act(Action::Delete)], "two", (0, 0));
    check("abc", &[act(Action::SelectAll), act(Action::Move(Motion::Right))], "abc", (3, 3));
    check("abc", &[act(Action::SelectAll), act(Action::Move(Motion::Left))], "abc", (0, 0));
    check("a\nb\nc", &[Command::GoToLine { line: 1 }, act(Action::DeleteLine)], "a\nc", (2, 2));
    check("ab", &[Command::Select(1..9), Command::Replace { range: 0..1, text: "xyz".to_owned() }], "xyzb", (3, 4));
}

#[test]
fn deleting_to_the_edge_of_a_line_takes_its_break_at_most() {
    let (start, end) = (Command::Do(Action::DeleteToLineStart), Command::Do(Action::DeleteToLineEnd));
    let at = |at: usize| Command::Select(at..at);
    check("one\ntwo", &[at(6), start.clone()], "one\no", (4, 4));
    check("one\ntwo", &[at(4), start.clone()], "onetwo", (3, 3));
    check("one\ntwo", &[at(0), start.clone()], "one\ntwo", (0, 0));
    check("one\ntwo", &[Command::Select(1..5), start], "owo", (1, 1));
    check("one\ntwo\n", &[at(1), end.clone()], "o\ntwo\n", (1, 1));
    check("one\ntwo\n", &[at(3), end.clone()], "onetwo\n", (3, 3));
    check("one\ntwo", &[at(7), end], "one\ntwo", (7, 7));
}

#[test]
fn clicks_and_drags() {
    check("one two", &[place(5, Unit::Word)], "one two", (4, 7));
    check("one two three", &[place(5, Unit::Word), extend(1, Unit::Word)], "one two three", (7, 0));
    check("one two three", &[place(5, Unit::Word), extend(9, Unit::Word)], "one two three", (4, 13));
    check("a\nb\nc", &[place(2, Unit::Line)], "a\nb\nc", (2, 4));
    check("abcd", &[place(1, Unit::Grapheme), extend(3, Unit::Grapheme)], "abcd", (1, 3));
    check("ae\u{301}", &[place(2, Unit::Grapheme)], "ae\u{301}", (1, 1));
}

#[test]
fn several_carets() {
    let add = |at| Command::AddCaret { at };
    let insert = Command::Insert("x".to_owned());
    check("a\nb", &[add(2), insert.clone()], "xa\nxb", (4, 4));
    let next = Command::Do(Action::AddNextOccurrence);
    check("ab ab", &[next.clone(), next.clone(), insert.clone()], "x x", (3, 3));
    check("ab ab ab", &[next, Command::Do(Action::SelectAllOccurrences), insert.clone()], "x x x", (1, 1));
    check(
        "ab\ncd",
        &[Command::Do(Action::AddCaretBelow), insert, Command::Do(Action::ClearSelection)],
        "xab\nxcd",
        (5, 5),
    );
}

#[test]
fn what_is_typed_is_undone_by_words() {
    let (mut buffer, mut state) = editor("");
    for char in "one two".chars() {
        run(&mut state, &mut buffer, &Command::Insert(char.to_string()));
    }
    run(&mut state, &mut buffer, &Command::Do(Action::Undo));
    assert_eq!(content(&buffer), "one ");
    run(&mut state, &mut buffer, &Command::Do(Action::Undo));
    assert_eq!(content(&buffer), "");
    run(&mut state, &mut buffer, &Command::Do(Action::Redo));
    assert_eq!((content(&buffer).as_str(), state.selection(buffer.text()).head), ("one ", 4));
}

#[test]
fn composition_is_never_in_the_document() {
    let (mut buffer, mut state) = editor("ab");
    let preedit = |text: &str| Command::Preedit { text: text.to_owned(), active: None };
    run(&mut state, &mut buffer, &Command::Do(Action::SelectAll));
    run(&mut state, &mut buffer, &preedit("に"));
    assert_eq!(content(&buffer), "");
    run(&mut state, &mut buffer, &preedit("にほ"));
    assert_eq!(state.preedit().map(|preedit| preedit.text.as_str()), Some("にほ"));
    run(&mut state, &mut buffer, &Command::Insert("日本".to_owned()));
    assert_eq!((content(&buffer).as_str(), state.preedit()), ("日本", None));
    run(&mut state, &mut buffer, &Command::DeleteAround { before: 1, after: 5 });
    assert_eq!(content(&buffer), "日");
}

#[test]
fn cut_copy_and_commands_of_the_window() {
    let (mut buffer, mut state) = editor("one\ntwo");
    let copy = Command::Do(Action::Copy);
    assert_eq!(run(&mut state, &mut buffer, &copy), Outcome::Copied("one\n".to_owned()));
    run(&mut state, &mut buffer, &Command::Do(Action::Select(Motion::WordRight)));
    assert_eq!(run(&mut state, &mut buffer, &copy), Outcome::Copied("one".to_owned()));
    run(&mut state, &mut buffer, &Command::Do(Action::Cut));
    assert_eq!(content(&buffer), "\ntwo");
    for action in [Action::Paste, Action::Share, Action::Quit, Action::Find, Action::FindNext] {
        assert_eq!(run(&mut state, &mut buffer, &Command::Do(action)), Outcome::NotMine, "{action:?}");
    }
}

#[test]
fn carets_without_a_selection_cut_their_lines_once_each() {
    let (mut buffer, mut state) = editor("one\ntwo\nthree\nfour");
    let place = |at| Command::AddCaret { at };
    for command in [Command::Select(14..14), place(1), place(2)] {
        run(&mut state, &mut buffer, &command);
    }
    let taken = Outcome::Copied("one\nfour".to_owned());
    assert_eq!(run(&mut state, &mut buffer, &Command::Do(Action::Copy)), taken);
    assert_eq!(run(&mut state, &mut buffer, &Command::Do(Action::Cut)), taken);
    assert_eq!(content(&buffer), "two\nthree");
}

#[test]
fn find_and_replace() {
    let (mut buffer, mut state) = editor("a1 a2 a3");
    let query = Query { pattern: r"a(\d)".to_owned(), regex: true, ..Query::default() };
    state.set_query(buffer.text(), Some(query)).expect("a valid query");
    let next = Command::Do(Action::FindNext);
    run(&mut state, &mut buffer, &next);
    run(&mut state, &mut buffer, &next);
    assert_eq!(state.selection(buffer.text()).range(), 3..5);
    state.replace_match(&mut buffer, "$1!").expect("a valid edit");
    assert_eq!((content(&buffer).as_str(), state.selection(buffer.text()).range()), ("a1 2! a3", 6..8));
    assert_eq!(state.replace_all(&mut buffer, "b"), Ok(2));
    assert_eq!(content(&buffer), "b 2! b");
    run(&mut state, &mut buffer, &Command::Do(Action::Undo));
    assert_eq!(content(&buffer), "a1 2! a3");
}

#[test]
fn line_and_column_count_graphemes() {
    let (mut buffer, mut state) = editor("a\n👩‍👩‍👧e\u{301}x");
    run(&mut state, &mut buffer, &Command::Do(Action::Move(Motion::DocumentEnd)));
    assert_eq!(state.line_and_column(buffer.text()), (1, 3));
}

/// Two replicas of one document; what one commits the other delivers.
fn exchange(buffer: &mut LocalBuffer, other: &mut Document) {
    buffer.document_mut().commit();
    other.commit();
    let (mine, theirs) = (buffer.document().log().iter().collect::<Vec<_>>(), other.log().iter().collect::<Vec<_>>());
    let mut received = quire_crdt::Received::default();
    for envelope in mine {
        other.receive(envelope, &mut received).expect("a valid change");
    }
    let mut received = quire_crdt::Received::default();
    for envelope in theirs {
        buffer.document_mut().receive(envelope, &mut received).expect("a valid change");
    }
    buffer.note(received.patches);
}

fn any_command(rng: &mut Rng, len: usize) -> Command {
    let texts = ["x", " ", "\n", "å", "e\u{301}", "👩‍👩‍👧", "- item\n", "one two"];
    let actions = [
        Action::Backspace,
        Action::Delete,
        Action::DeleteWordLeft,
        Action::NewLine,
        Action::Undo,
        Action::Redo,
        Action::MoveLineUp,
        Action::MoveLineDown,
        Action::DuplicateLine,
        Action::Indent,
        Action::Outdent,
        Action::AddCaretBelow,
        Action::AddNextOccurrence,
        Action::Select(Motion::WordRight),
        Action::Move(Motion::Up),
        Action::Move(Motion::Down),
        Action::Select(Motion::Left),
        Action::ClearSelection,
    ];
    match rng.below(6) {
        0 => Command::Insert(texts[rng.below(texts.len())].to_owned()),
        1 => Command::Place { at: rng.below(len + 1), unit: Unit::Grapheme, upstream: false },
        2 => Command::AddCaret { at: rng.below(len + 1) },
        3 => Command::Preedit { text: ["", "に", "ほん"][rng.below(3)].to_owned(), active: None },
        _ => Command::Do(actions[rng.below(actions.len())]),
    }
}

#[test]
fn after_any_steps_of_anyone_all_marks_are_in_the_text_and_the_sums_are_right() {
    for seed in 0..25 {
        let mut rng = Rng::new(seed);
        let (mut buffer, mut state) = editor("one å two\n- three\n");
        let id = buffer.document().id();
        let mut other = Document::new(id, ReplicaId::from_bytes([2; 16]));
        for _ in 0..60 {
            if rng.below(4) == 0 {
                let len = other.text().len_chars();
                let at = floor_grapheme(other.text(), rng.below(len + 1));
                other.insert(at, ["ü", "\n", "remote "][rng.below(3)]).expect("in the text");
                let end = (at + rng.below(8)).min(other.text().len_chars());
                other.delete(at..end).expect("in the text");
                exchange(&mut buffer, &mut other);
            } else {
                let command = any_command(&mut rng, buffer.text().len_chars());
                run(&mut state, &mut buffer, &command);
            }
            state.sync(&mut buffer);
            state.segments().assert_is_of(buffer.text());
            let len = buffer.text().len_chars();
            for selection in state.carets().selections(buffer.text()) {
                assert!(selection.tail <= len && selection.head <= len, "seed {seed}");
            }
            let presence = state.presence(buffer.text(), "Ana", "laptop", 1);
            assert!(buffer.text().position(presence.caret).is_some(), "seed {seed}");
        }
        exchange(&mut buffer, &mut other);
        exchange(&mut buffer, &mut other);
        assert_eq!(content(&buffer), other.text().slice(0..usize::MAX), "seed {seed}");
    }
}

#[test]
fn brackets_are_closed_only_where_that_is_chosen() {
    let commands = [Command::Insert("(".into()), Command::Insert("x".into()), Command::Insert(")".into())];
    check("", &commands, "(x)", (3, 3));
    check("", &commands[..1], "(", (1, 1));
    let (mut buffer, mut state) = editor("");
    state.pair_brackets(true);
    run(&mut state, &mut buffer, &commands[0]);
    assert_eq!(content(&buffer), "()");
    run(&mut state, &mut buffer, &Command::Do(Action::Backspace));
    assert_eq!(content(&buffer), "");
    for command in &commands {
        run(&mut state, &mut buffer, command);
    }
    assert_eq!((content(&buffer).as_str(), state.selection(buffer.text()).head), ("(x)", 3));
}
