//! The history panel, read and used as a screen reader does it.

use egui::accesskit::Role;
use egui::{Event, Modifiers, PointerButton};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use quire::editor::command::{Action, Travel};
use quire::editor::history::{Author, Compared, HistoryRequest, HistoryView, NamedRow, Speed};
use quire::editor::people::{SidePanel, TitleBarView};
use quire::editor::request::Request;
use quire::view::theme;
use quire::view::window::{self, WindowView};

/// A window that shows `view` and remembers what was asked for.
struct Shown {
    view: WindowView,
    requests: Vec<Request>,
}

fn show(history: HistoryView) -> Harness<'static, Shown> {
    let title = TitleBarView { has_document: true, side: Some(SidePanel::History), ..TitleBarView::default() };
    let view = WindowView { title, history: Some(history), ..WindowView::default() };
    let mut window = Harness::builder()
        .with_size(egui::vec2(1000.0, 900.0))
        .with_step_dt(1.0 / 60.0)
        .with_max_steps(30)
        .with_context_setup(theme::install)
        .build_ui_state(
            |ui, shown: &mut Shown| shown.requests.extend(window::show(ui, &shown.view, |_| ())),
            Shown { view, requests: Vec::new() },
        );
    window.run();
    window
}

fn author(name: &str, colour: u8) -> Author {
    Author { name: name.to_owned(), device: "laptop".to_owned(), colour }
}

/// In the middle of what two people wrote.
fn middle() -> HistoryView {
    HistoryView {
        shown: 1_204,
        total: 260_000,
        bars: (0..80_u8).map(|at| (f32::from(at) / 80.0, at % 2)).collect(),
        change: Some((author("Ana Lind", 1), "wrote 4 characters: “two”".to_owned())),
        authors: vec![(author("Ana Lind", 1), 259_000), (author("Ben Dahl", 5), 1_000)],
        shows_authors: true,
        ..HistoryView::default()
    }
}

/// Clicks and says what that asks for.
fn asked(window: &mut Harness<'static, Shown>, name: &str) -> Vec<Request> {
    window.get_by_label(name).click();
    window.run();
    std::mem::take(&mut window.state_mut().requests)
}

#[test]
fn everything_in_the_panel_has_a_name() {
    let window = show(middle());
    for label in [
        "Change 1\u{202f}204 of 260\u{202f}000",
        "You are looking at change 1\u{202f}204 of 260\u{202f}000. Nothing can be written here.",
        "wrote 4 characters: “two”",
        "259\u{202f}000 changes",
        "1\u{202f}000 changes",
        "Authors’ colours",
    ] {
        window.get_by_label(label);
    }
    assert_eq!(window.query_all_by_label("Ana Lind · laptop").count(), 2, "who made this change, and who wrote");
    window.get_by_label("Ben Dahl · laptop");
    let slider = window.get_by_role_and_label(Role::Slider, "Place in the history");
    assert_eq!(slider.accesskit_node().max_numeric_value(), Some(260_000.0));
    window.get_by_label_contains("Their times are those of their authors’ clocks.");
}

#[test]
fn each_button_asks_for_its_step() {
    let mut window = show(middle());
    for (name, travel) in [
        ("To the start of the history", Travel::Start),
        ("Back to where this author took over", Travel::TurnBack),
        ("One change back", Travel::Back),
        ("One change on", Travel::Forward),
        ("On to where the next author stops", Travel::TurnForward),
    ] {
        assert_eq!(asked(&mut window, name), [Request::Do(Action::Travel(travel))], "{name}");
    }
    assert_eq!(window.query_all_by_label("Back to now").count(), 2, "in the banner and in the panel");
    let request = |request| [Request::History(request)];
    assert_eq!(asked(&mut window, "Authors’ colours"), request(HistoryRequest::ShowAuthors(false)));
    assert_eq!(asked(&mut window, "Compare with now"), request(HistoryRequest::Compare(true)));
    assert_eq!(asked(&mut window, "Restore this version"), [Request::Do(Action::RestoreVersion)]);
    assert_eq!(asked(&mut window, "Restore what is selected"), [], "nothing is selected");
    assert_eq!(asked(&mut window, "Close the history"), [Request::Do(Action::ToggleHistory)]);
}

#[test]
fn a_click_on_the_slider_goes_there() {
    let mut window = show(middle());
    let requests = asked(&mut window, "Place in the history");
    assert!(requests.contains(&Request::History(HistoryRequest::GoTo(130_000))), "{requests:?}");
}

#[test]
fn now_has_nothing_to_restore_and_no_banner() {
    let mut window = show(HistoryView { shown: 260_000, has_selection: true, ..middle() });
    window.get_by_label("Now: change 260\u{202f}000 of 260\u{202f}000");
    assert!(window.query_by_label_contains("You are looking at").is_none());
    for name in ["Restore this version", "Restore what is selected", "One change on", "Back to now"] {
        assert_eq!(asked(&mut window, name), [], "{name}");
    }
}

#[test]
fn a_comparison_says_how_much_differs() {
    let compared = Some(Compared { gone: 3, new: 1 });
    let mut window = show(HistoryView { compares: true, compared, has_selection: true, ..middle() });
    window.get_by_label("New since then: 1 character, underlined. Gone since then: 3 characters, struck through.");
    assert_eq!(asked(&mut window, "Restore what is selected"), [Request::Do(Action::RestoreSelection)]);
    let compared = Some(Compared { gone: 1, new: 0 });
    show(HistoryView { compares: true, compared, ..middle() })
        .get_by_label("Gone since then: 1 character, struck through.");
    let same = Some(Compared::default());
    let window = show(HistoryView { compares: true, compared: same, ..middle() });
    window.get_by_label("The text was as it is now.");
}

#[test]
fn it_is_played_and_paused_by_a_button_and_by_the_space_bar() {
    let mut window = show(middle());
    let play = [Request::Do(Action::PlayHistory)];
    assert_eq!(asked(&mut window, "Play from here"), play);
    window.get_by_label("Place in the history").focus();
    window.run();
    window.key_press(egui::Key::Space);
    window.run();
    assert_eq!(std::mem::take(&mut window.state_mut().requests), play);
    for (speed, name) in [
        (Speed::Once, "Speed of playing: normal"),
        (Speed::Twice, "Speed of playing: twice as fast"),
        (Speed::FourTimes, "Speed of playing: four times as fast"),
    ] {
        let mut window = show(HistoryView { is_playing: true, speed, ..middle() });
        assert_eq!(asked(&mut window, "Pause"), play);
        assert_eq!(asked(&mut window, name), [Request::History(HistoryRequest::NextSpeed)]);
    }
    show(HistoryView { shown: 260_000, ..middle() }).get_by_label("Play from the start");
}

fn with_names() -> HistoryView {
    let row = |name: &str, changes| NamedRow {
        name: name.to_owned(),
        by: "Ana Lind".to_owned(),
        changes,
        ..NamedRow::default()
    };
    let rivals = "also called “Final”".to_owned();
    let names = vec![
        NamedRow { time: Some(1_795_384_320), ..row("Draft", Some(65_000)) },
        NamedRow { rivals, is_shown: true, ..row("Sent", Some(130_000)) },
        row("Later", None),
    ];
    HistoryView { names, shown: 130_000, removed: Some("Gone".to_owned()), ..middle() }
}

#[test]
fn named_versions_are_listed_and_chosen_by_their_rows_and_by_their_flags() {
    let mut window = show(with_names());
    let request = |request| [Request::History(request)];
    window.get_by_label("“Sent”: change 130\u{202f}000 of 260\u{202f}000");
    assert_eq!(
        asked(&mut window, "“Draft”, change 65\u{202f}000, 2026-11-22 21:52Z, named by Ana Lind"),
        request(HistoryRequest::GoToNamed(0))
    );
    assert_eq!(
        asked(
            &mut window,
            "“Later”, not here yet, named by Ana Lind, others have changes of it that have not come here yet"
        ),
        []
    );
    assert_eq!(asked(&mut window, "Put it back"), request(HistoryRequest::PutBackName));
    assert_eq!(asked(&mut window, "Rename this version…"), [Request::Do(Action::NameVersion)]);
    let rect = window.get_by_label("Place in the history").rect();
    let quarter = egui::pos2(rect.left() + 6.0 + (rect.width() - 12.0) / 4.0 + 2.0, rect.top() + 3.0);
    for (modifiers, expected) in
        [(Modifiers::NONE, HistoryRequest::GoToNamed(0)), (Modifiers::SHIFT, HistoryRequest::CompareFromNamed(0))]
    {
        let held = Event::ModifiersChanged(modifiers);
        let button = PointerButton::Primary;
        let press = |pressed| Event::PointerButton { pos: quarter, button, pressed, modifiers };
        for event in [held, Event::PointerMoved(quarter), press(true), press(false)] {
            window.event(event);
            window.run_steps(1);
        }
        window.run();
        assert_eq!(std::mem::take(&mut window.state_mut().requests), request(expected));
    }
}

#[test]
fn each_named_version_has_a_menu() {
    for (verb, expected) in [
        ("Rename…", HistoryRequest::Rename(1)),
        ("Compare with it", HistoryRequest::CompareFromNamed(1)),
        ("Remove the name", HistoryRequest::RemoveName(1)),
    ] {
        let mut window = show(with_names());
        window.get_by_label_contains("“Sent”, change 130\u{202f}000").focus();
        window.run();
        window.get_by_label("More for “Sent”").click();
        window.run();
        window.state_mut().requests.clear();
        assert_eq!(asked(&mut window, verb), [Request::History(expected)], "{verb}");
    }
}

#[test]
fn a_place_that_is_kept_is_named_and_let_go() {
    let compared = Some(Compared { gone: 1, new: 2 });
    let pin = Some((2_000, "“Draft”".to_owned()));
    let mut window = show(HistoryView { compares: true, compared, pin, has_selection: true, ..middle() });
    window.get_by_label("You are comparing change 1\u{202f}204 with “Draft”. Nothing can be written here.");
    window.get_by_label("Compare with “Draft”");
    assert_eq!(asked(&mut window, "Restore what is selected"), [], "into which text?");
    let request = [Request::History(HistoryRequest::Compare(true))];
    assert_eq!(asked(&mut window, "Compare with now instead"), request);
    assert_eq!(asked(&mut show(middle()), "Compare from here"), [Request::Do(Action::CompareFromHere)]);
}

#[test]
fn times_are_shown_where_they_are_known_and_make_sense() {
    let noon = 1_795_348_800;
    let times = (Some(noon - 86_400), Some(noon));
    let compared = Some(Compared { gone: 1, new: 2 });
    let pin = Some((2_000, "change 2\u{202f}000".to_owned()));
    let view = HistoryView { times, time: Some(noon - 60), compares: true, compared, pin, ..middle() };
    let window = show(HistoryView { pin_time: Some(noon), ..view.clone() });
    for label in ["2026-11-21", "2026-11-22", "2026-11-22 11:59Z", "2026-11-22 11:59 – 12:00Z"] {
        window.get_by_label(label);
    }
    let wrong =
        HistoryView { times: (Some(i64::MIN), Some(i64::MAX)), time: Some(i64::MIN), pin_time: Some(noon), ..view };
    let window = show(wrong);
    window.get_by_label("at a time that is not known");
    assert_eq!(window.query_all_by_label_contains("2026").count(), 0);
}

#[test]
fn an_empty_history_says_so() {
    let window = show(HistoryView::default());
    window.get_by_label_contains("Nothing has been written yet.");
    assert!(window.query_by_label("Place in the history").is_none());
}
