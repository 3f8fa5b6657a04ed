use quire_crdt::{Difference, Document, DocumentId, Received, ReplicaId, Value};

use super::*;
use crate::editor::command::Travel;

const ANA: ReplicaId = ReplicaId::from_bytes([1; 16]);
const BEN: ReplicaId = ReplicaId::from_bytes([2; 16]);

fn document(replica: ReplicaId) -> Document {
    Document::new(DocumentId::from_bytes([9; 16]), replica)
}

fn write(document: &mut Document, at: usize, text: &str) {
    assert_eq!(document.insert(at, text), Ok(()));
    document.commit();
}

fn send(from: &Document, to: &mut Document) {
    for envelope in from.log() {
        assert!(to.receive(envelope, &mut Received::default()).is_ok());
    }
}

/// Ana writes three changes, Ben two, Ana one.
fn of_two() -> Document {
    let (mut ana, mut ben) = (document(ANA), document(BEN));
    for (at, word) in ["one ", "two ", "three "].into_iter().enumerate() {
        write(&mut ana, at * 4, word);
    }
    send(&ana, &mut ben);
    write(&mut ben, 0, "Ben: ");
    assert_eq!(ben.delete(5..9), Ok(()));
    ben.commit();
    send(&ben, &mut ana);
    write(&mut ana, 0, "Ana: ");
    ana
}

fn state_of(document: &Document) -> EditorState {
    EditorState::new(document.text())
}

fn shown(history: &History) -> Option<String> {
    history.past().map(|past| past.text().slice(0..usize::MAX))
}

#[test]
fn steps_lead_by_changes_and_by_authors() {
    let document = of_two();
    let mut timeline = Timeline::new(document.log());
    assert_eq!((timeline.shown(), timeline.total(), timeline.is_now()), (6, 6, true));
    let mut check = |travel, shown: usize, moves: bool| {
        assert_eq!(timeline.travel(travel), moves, "{travel:?}");
        assert_eq!((timeline.shown(), timeline.is_now()), (shown, shown == 6), "{travel:?}");
    };
    check(Travel::Forward, 6, false);
    check(Travel::TurnForward, 6, false);
    check(Travel::Back, 5, true);
    check(Travel::TurnBack, 3, true);
    check(Travel::Back, 2, true);
    check(Travel::TurnBack, 0, true);
    check(Travel::TurnBack, 0, false);
    check(Travel::Back, 0, false);
    check(Travel::TurnForward, 3, true);
    check(Travel::Forward, 4, true);
    check(Travel::TurnForward, 5, true);
    check(Travel::TurnForward, 6, true);
    check(Travel::Start, 0, true);
    check(Travel::Now, 6, true);
    assert!(timeline.go_to(2) && !timeline.go_to(2) && timeline.go_to(99));
    assert!(timeline.is_now());
    assert_eq!(timeline.authors(), [(ANA, 4), (BEN, 2)]);
}

#[test]
fn what_comes_meanwhile_moves_nobody_but_who_is_at_now() {
    let mut document = of_two();
    let (mut at_now, mut back) = (Timeline::new(document.log()), Timeline::new(document.log()));
    back.go_to(2);
    assert!(!back.follow(document.log()), "nothing came");
    write(&mut document, 0, "more ");
    assert!(at_now.follow(document.log()) && back.follow(document.log()));
    assert_eq!((at_now.shown(), at_now.is_now()), (7, true));
    assert_eq!((back.shown(), back.total(), back.is_now()), (2, 7, false));
    assert_eq!(back, {
        let mut whole = Timeline::new(document.log());
        whole.go_to(2);
        whole
    });
}

#[test]
fn bars_are_parts_of_the_history() {
    let mut document = of_two();
    let bars = Timeline::new(document.log()).bars().to_vec();
    assert_eq!(
        bars.iter().map(|bar| (bar.units, bar.author)).collect::<Vec<_>>(),
        [(4, ANA), (4, ANA), (6, ANA), (5, BEN), (4, BEN), (5, ANA)]
    );
    (0..1000).for_each(|_| write(&mut document, 0, "x"));
    let bars = Timeline::new(document.log()).bars().to_vec();
    assert_eq!((bars.len(), bars.iter().map(|bar| bar.units).sum::<usize>()), (BARS_MAX, 1028));
    assert!(Timeline::new(self::document(ANA).log()).bars().is_empty());
}

#[test]
fn each_place_shows_the_text_that_was_and_its_authors() {
    let document = of_two();
    let state = state_of(&document);
    let mut history = History::new(&document);
    assert_eq!(shown(&history), None, "now is the document itself");
    let texts = ["", "one ", "one two ", "one two three ", "Ben: one two three ", "Ben: two three "];
    for (at, text) in texts.into_iter().enumerate().rev() {
        assert!(history.travel(&document, &state, Travel::Back));
        assert_eq!(shown(&history).as_deref(), Some(text), "after {at}");
        assert_eq!(history.past().expect("it is past").text().len_chars(), text.len());
    }
    assert_eq!(history.facts(), None);
    history.go_to(&document, &state, 5);
    let (_, _, marks) = history.past_mut().expect("it is past").page();
    let by = |chars, replica| Mark { chars, is: Trait::By(replica) };
    assert_eq!(*marks, [by(0..5, BEN), by(5..15, ANA)]);
    assert_eq!(history.facts().map(|facts| (facts.header.replica, facts.inserted, facts.deleted)), Some((BEN, 0, 4)));
    history.travel(&document, &state, Travel::Now);
    assert_eq!(shown(&history), None);
}

#[test]
fn comparing_shows_what_is_gone_and_what_is_new() {
    let mut document = of_two();
    let state = state_of(&document);
    let mut history = History::new(&document);
    history.go_to(&document, &state, 4);
    history.compare(&document, &state, true);
    assert_eq!(shown(&history).as_deref(), Some("Ana: Ben: one two three "));
    let (_, _, marks) = history.past_mut().expect("it is past").page();
    let mark = |chars, is| Mark { chars, is };
    assert_eq!(*marks, [mark(0..5, Trait::New), mark(10..14, Trait::Gone)]);
    assert_eq!(history.compared(), Some(Compared { gone: 4, new: 5 }));
    write(&mut document, 20, "four");
    history.follow(&document, &state, false);
    assert_eq!(shown(&history).as_deref(), Some("Ana: Ben: one two three four"), "what comes is new, too");
    history.compare(&document, &state, false);
    assert_eq!((shown(&history).as_deref(), history.compared()), (Some("Ben: one two three "), None));
}

#[test]
fn a_step_leaves_the_rest_of_the_page_as_it_is() {
    let lines = "a line \u{1f980}\nline 1 of two\n".repeat(100);
    let mut document = document(ANA);
    write(&mut document, 0, &lines);
    write(&mut document, 900, "é");
    write(&mut document, 900, "è");
    let state = state_of(&document);
    let mut history = History::new(&document);
    for _ in 0..3 {
        assert!(history.travel(&document, &state, Travel::Back));
        let past = history.past_mut().expect("it is past");
        past.state().segments().assert_is_of(past.text());
        let caret = past.state().selection(past.text()).head;
        assert!(caret == 900 || past.text().len_chars() == 0, "the caret is where it differs: {caret}");
    }
    let past = history.past_mut().expect("it is past");
    for at in 0..2_000 {
        let text = if at % 2 == 0 { lines.clone() } else { lines.replace("line 1", "Zeile 1") };
        past.show(text.clone(), Vec::new(), true);
        assert_eq!(past.text().slice(0..usize::MAX), text);
    }
    past.state().segments().assert_is_of(past.text());
}

#[test]
fn a_named_version_is_shown_without_what_came_in_between() {
    let (mut ana, mut ben) = (document(ANA), document(BEN));
    write(&mut ana, 0, "one ");
    write(&mut ana, 4, "two ");
    let version = ana.version().clone();
    assert_eq!(ana.set("version/a", encode_named_version("Draft", &version)), Ok(()));
    ana.commit();
    write(&mut ben, 0, "Ben: ");
    send(&ana, &mut ben);
    write(&mut ben, 5, "now ");
    let state = state_of(&ben);
    let mut history = History::new(&ben);
    history.go_to_named(&ben, &state, 0);
    assert_eq!((history.timeline().shown(), shown(&history).as_deref()), (3, Some("one two ")));
    assert_eq!(history.version(&ben), version);
    let view = HistoryView::new(&history, |_| Author::default());
    assert_eq!(view.place(), "“Draft”: part of the first 3 of 5 changes");
    let banner = "You are looking at “Draft”: a part of the first 3 of 5 changes. Nothing can be written here.";
    assert_eq!(view.banner(), banner);
    history.compare_from(&ben, &state, 3);
    history.go_to(&ben, &state, 4);
    assert_eq!(history.compared(), Some(Compared { gone: 0, new: 5 }), "with the version, and not with its place");
    let view = HistoryView::new(&history, |_| Author::default());
    assert_eq!(view.comparison().as_deref(), Some("New: 5 characters, underlined."));
    history.compare(&ben, &state, false);
    history.go_to_named(&ben, &state, 0);
    history.go_to(&ben, &state, 3);
    assert_eq!(shown(&history).as_deref(), Some("one two Ben: "), "the place itself has everything");
    assert_eq!(history.named(), None);
    history.go_to_named(&ben, &state, 7);
    assert_eq!(history.timeline().shown(), 3);
}

#[test]
fn names_given_at_once_are_both_in_the_panel() {
    let (mut ana, mut ben) = (document(ANA), document(BEN));
    write(&mut ana, 0, "one ");
    let version = ana.version().clone();
    send(&ana, &mut ben);
    for (document, name) in [(&mut ana, "Draft"), (&mut ben, "Sent")] {
        assert_eq!(document.set("version/a", encode_named_version(name, &version)), Ok(()));
        document.commit();
    }
    send(&ben, &mut ana);
    let state = state_of(&ana);
    let mut history = History::new(&ana);
    history.go_to(&ana, &state, 1);
    let author = |_| Author { name: "Ben".to_owned(), ..Author::default() };
    let row = NamedRow {
        name: "Sent".to_owned(),
        rivals: "also called “Draft”".to_owned(),
        by: "Ben".to_owned(),
        changes: Some(1),
        time: None,
        is_shown: true,
    };
    assert_eq!(HistoryView::new(&history, author).names, [row]);
    assert_eq!(history.named().map(|named| named.by), Some(BEN));
}

#[test]
fn a_version_that_was_not_here_gets_its_place_when_it_has_come() {
    let (mut ana, mut ben) = (document(ANA), document(BEN));
    write(&mut ana, 0, "one ");
    write(&mut ana, 4, "two ");
    assert_eq!(ben.set("version/b", encode_named_version("To come", ana.version())), Ok(()));
    ben.commit();
    let state = state_of(&ben);
    let mut history = History::new(&ben);
    let place = |history: &History| history.names()[0].changes;
    assert_eq!(place(&history), None);
    history.go_to_named(&ben, &state, 0);
    assert!(history.timeline().is_now(), "it leads nowhere");
    for (position, expected) in [(0, None), (1, Some(3))] {
        let envelope = ana.log().envelope(position).expect("it is committed");
        assert!(ben.receive(envelope, &mut Received::default()).is_ok());
        history.follow(&ben, &state, false);
        assert_eq!(place(&history), expected);
    }
}

#[test]
fn the_panel_says_when_its_changes_were_made() {
    let mut document = document(ANA);
    let noon = 1_795_348_800;
    write(&mut document, 0, "at an unknown time");
    for (text, time) in [("one ", noon), ("two ", noon + 86_400), ("three ", i64::MAX)] {
        document.set_time(time);
        write(&mut document, 0, text);
    }
    let version = document.log().version_after(2).expect("it is there");
    assert_eq!(document.set("version/a", encode_named_version("Draft", &version)), Ok(()));
    document.commit();
    let state = state_of(&document);
    let mut history = History::new(&document);
    history.go_to(&document, &state, 2);
    history.compare_from(&document, &state, 3);
    let view = |history: &History| HistoryView::new(history, |_| Author::default());
    assert_eq!(view(&history).moment(), "2026-11-22 12:00Z");
    let both = "2026-11-22 12:00 – 2026-11-23 12:00Z";
    assert_eq!(view(&history).compared_times().as_deref(), Some(both));
    assert_eq!(view(&history).names[0].moment().as_deref(), Some("2026-11-23 12:00Z"));
    assert_eq!(view(&history).stretch(), (None, None), "the first time is not known, the last one no date");
    for shown in [1, 4] {
        history.go_to(&document, &state, shown);
        assert_eq!(view(&history).moment(), "at a time that is not known", "{shown}");
    }
    history.go_to(&document, &state, 0);
    assert_eq!(view(&history).moment(), "");
    document.set_time(noon + 90_000);
    write(&mut document, 0, "last ");
    history.follow(&document, &state, false);
    assert_eq!(view(&history).stretch(), (None, Some("2026-11-23".to_owned())));
}

#[test]
fn what_is_compared_stays_when_others_write() {
    let mut document = of_two();
    let state = state_of(&document);
    let mut history = History::new(&document);
    history.go_to(&document, &state, 3);
    history.compare_from(&document, &state, 99);
    assert_eq!(history.pin().map(|pin| pin.changes), Some(6));
    let before = history.compared();
    write(&mut document, 0, "more ");
    history.follow(&document, &state, false);
    assert_eq!((history.compared(), shown(&history).is_some()), (before, true));
    history.travel(&document, &state, Travel::Now);
    assert_eq!(history.compared(), Some(Compared { gone: 0, new: 5 }));
    write(&mut document, 0, "and ");
    history.follow(&document, &state, false);
    assert_eq!(history.compared(), Some(Compared { gone: 0, new: 9 }), "now goes on");
    assert_eq!(history.restoring(&document), []);
    history.end_at_now();
    assert_eq!((shown(&history), history.pin(), history.compares()), (None, None, true));
}

#[test]
fn it_is_played_from_a_place_to_now_while_others_write() {
    let mut document = of_two();
    let state = state_of(&document);
    let mut history = History::new(&document);
    assert_eq!(history.play_on(&document, &state, 0), None);
    history.play_or_pause(&document, &state, 1_000_000);
    assert_eq!((history.is_playing(), history.timeline().shown()), (true, 0), "at now, it begins at the start");
    let (mut now_us, mut seen) = (1_000_000, vec![0]);
    while let Some(after_us) = history.play_on(&document, &state, now_us) {
        now_us += after_us;
        if history.timeline().shown() == 3 && document.log().len() == 6 {
            write(&mut document, 0, "more ");
            history.follow(&document, &state, false);
        }
        seen.push(history.timeline().shown());
    }
    seen.dedup();
    assert_eq!(seen, [0, 1, 2, 3, 4, 5, 6]);
    assert_eq!((history.is_playing(), history.timeline().is_now(), shown(&history)), (false, true, None));
    assert!(now_us >= 3_100_000);
    history.play_or_pause(&document, &state, now_us);
    history.play_or_pause(&document, &state, now_us);
    assert!(!history.is_playing());
    let empty = self::document(ANA);
    let mut history = History::new(&empty);
    history.play_or_pause(&empty, &state_of(&empty), 0);
    assert!(!history.is_playing(), "there is nothing to play");
}

fn difference(at: usize, deleted: &str, inserted: &str) -> Difference {
    Difference { at, deleted: deleted.to_owned(), inserted: inserted.to_owned() }
}

#[test]
fn a_passage_is_brought_back_as_it_is_seen() {
    // Then: "the cat sat", now: "oh the dog sat down".
    let differences = [difference(0, "", "oh "), difference(4, "cat", "dog"), difference(11, "", " down")];
    let check = |selected: Range<usize>, is_merged: bool, expected: &[(Range<usize>, &str)]| {
        let edits = restoring(&differences, &selected, is_merged);
        let edits: Vec<_> = edits.iter().map(|edit| (edit.range.clone(), edit.text.as_str())).collect();
        assert_eq!(edits, expected, "{selected:?}, merged: {is_merged}");
    };
    check(0..0, false, &[]);
    check(0..4, false, &[]);
    check(4..7, false, &[(7..10, "cat")]);
    check(4..6, false, &[(7..7, "ca")]);
    check(0..11, false, &[(7..10, "cat")]);
    // Merged: "oh the catdog sat down".
    let (text, marks) = merged("the cat sat", &differences);
    assert_eq!(text, "oh the catdog sat down");
    let marks: Vec<_> = marks.iter().map(|mark| (mark.chars.clone(), mark.is)).collect();
    assert_eq!(marks, [(0..3, Trait::New), (7..10, Trait::Gone), (10..13, Trait::New), (17..22, Trait::New)]);
    check(0..22, true, &[(0..3, ""), (7..10, "cat"), (14..19, "")]);
    check(1..2, true, &[(1..2, "")]);
    check(8..9, true, &[(7..7, "a")]);
    check(11..12, true, &[(8..9, "")]);
    check(8..12, true, &[(7..9, "at")]);
    // Then: "ab", now: "a new b".
    let differences = [difference(1, "", " new ")];
    assert_eq!(restoring(&differences, &(0..2), false), [Edit::new(1..6, "")]);
    assert_eq!(restoring(&differences, &(0..1), false), [], "what stands at the edge stays");
    let (text, _) = merged("äb", &[difference(1, "b", "ö")]);
    assert_eq!(text, "äbö");
}

#[test]
fn what_is_restored_is_what_was_selected() {
    let document = of_two();
    let state = state_of(&document);
    let mut history = History::new(&document);
    history.go_to(&document, &state, 4);
    let past = history.past_mut().expect("it is past");
    let (buffer, state, _) = past.page();
    state.select(crate::editor::buffer::Buffer::text(buffer), crate::editor::selection::Selection { tail: 5, head: 9 });
    assert_eq!(history.restoring(&document), [Edit::new(10..10, "one ")]);
}

#[test]
fn the_panel_says_where_it_is_and_what_was_done() {
    let mut document = of_two();
    assert!(document.set("title", Some(Value::Text("Letter".to_owned()))).is_ok());
    document.commit();
    let state = state_of(&document);
    let mut history = History::new(&document);
    let view = |history: &History| {
        HistoryView::new(history, |replica| Author {
            name: if replica == ANA { "Ana" } else { "Ben" }.to_owned(),
            device: "laptop".to_owned(),
            colour: replica.as_bytes()[0],
        })
    };
    let mut check = |shown, place: &str, change: Option<(&str, &str)>| {
        history.go_to(&document, &state, shown);
        let view = view(&history);
        assert_eq!(view.place(), place);
        let words = view.change.as_ref().map(|(author, words)| (author.words(), words.as_str()));
        assert_eq!(words, change.map(|(author, words)| (author.to_owned(), words)));
    };
    check(9, "Now: change 7 of 7", Some(("Ana · laptop", "gave the title")));
    check(5, "Change 5 of 7", Some(("Ben · laptop", "deleted 4 characters")));
    check(2, "Change 2 of 7", Some(("Ana · laptop", "wrote 4 characters: “two”")));
    check(0, "Before the first of 7 changes", None);
    let view = view(&history);
    assert_eq!(
        view.authors.iter().map(|(author, count)| (author.name.as_str(), *count)).collect::<Vec<_>>(),
        [("Ana", 5), ("Ben", 2)]
    );
    assert!(view.banner().starts_with("You are looking at the empty text"), "{}", view.banner());
    assert!(view.bars.iter().all(|(height, _)| (0.3..0.6).contains(height)), "{:?}", view.bars);
    let mut document = self::document(ANA);
    (0..10).for_each(|_| write(&mut document, 0, "x"));
    write(&mut document, 0, &"paste".repeat(1_000));
    let bars = HistoryView::new(&History::new(&document), |_| Author::default()).bars;
    assert_eq!((bars[0].0.to_bits(), bars[10].0.to_bits()), (0.3_f32.to_bits(), 1.0_f32.to_bits()));
}
