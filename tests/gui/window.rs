//! The window round the text, read and clicked as a screen reader does it.

use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use quire::editor::command::Action;
use quire::editor::dialog::{Dialog, FindDraft, FindView, PaletteDraft, ShareDialog, ShareStage, Shared, ShownCode};
use quire::editor::library_view::{LibraryEntry, LibraryQuery, arrange};
use quire::editor::people::{Person, Presence, TitleBarView};
use quire::editor::qr::QrCode;
use quire::editor::request::{Banner, BannerOffer, Notice, Request};
use quire::editor::status::{Link, Mark, SaveFacts, StatusView, save_words};
use quire::view::theme;
use quire::view::window::{self, WindowView};
use quire_crdt::DocumentId;

/// A window that shows `view` and remembers what was asked for.
struct Shown {
    view: WindowView,
    requests: Vec<Request>,
}

fn show(view: WindowView) -> Harness<'static, Shown> {
    Harness::builder()
        .with_size(egui::vec2(1000.0, 700.0))
        .with_step_dt(1.0 / 60.0)
        .with_max_steps(30)
        .with_context_setup(theme::install)
        .build_ui_state(
            |ui, shown: &mut Shown| {
                let asked = window::show(ui, &shown.view, |_| ());
                for request in &asked {
                    follow(&mut shown.view, request);
                }
                shown.requests.extend(asked);
            },
            Shown { view, requests: Vec::new() },
        )
}

/// What the window does with what is typed, so that the next frame shows it.
fn follow(view: &mut WindowView, request: &Request) {
    match request {
        Request::Dialog(dialog) => view.dialog = Some(dialog.clone()),
        Request::ShowCode(shown) => {
            if let Some(Dialog::Share(ShareDialog { stage: ShareStage::Ready { code, .. }, .. })) = &mut view.dialog {
                code.clone_from(shown);
            }
        }
        Request::Palette(draft) => view.palette.clone_from(draft),
        Request::EditTitle(title) => view.title.editing.clone_from(title),
        Request::Find(draft) => view.find = draft.clone().map(|draft| FindView { draft, ..FindView::default() }),
        _ => {}
    }
}

fn id(number: u8) -> DocumentId {
    DocumentId::from_bytes([number; 16])
}

fn library(titles: &[&str], search: &str) -> WindowView {
    let entries: Vec<LibraryEntry> = (0_u8..)
        .zip(titles)
        .map(|(number, title)| LibraryEntry {
            id: id(number),
            title: (*title).to_owned(),
            edited_us: 0,
            edited_by: "Ana".to_owned(),
            archived: false,
            unread: false,
            mark: Mark::Here,
            mark_words: "Saved here".to_owned(),
            found: None,
        })
        .collect();
    let query = LibraryQuery { search: search.to_owned(), ..LibraryQuery::default() };
    WindowView { library: Some(arrange(&entries, &query, None, 180_000_000)), ..WindowView::default() }
}

fn document(title: &str) -> WindowView {
    let title = TitleBarView { has_document: true, title: title.to_owned(), ..TitleBarView::default() };
    WindowView { title, ..WindowView::default() }
}

#[test]
fn an_empty_library_offers_a_first_document() {
    let mut window = show(library(&[], ""));
    window.run();
    window.get_by_label("Nothing here yet");
    window.get_all_by_label("New document").next().expect("a button").click();
    window.run();
    assert_eq!(window.state().requests, [Request::Do(Action::NewDocument)]);
}

#[test]
fn a_row_says_what_it_is_and_opens_its_document() {
    let mut window = show(library(&["Garden", "Letters"], ""));
    window.run();
    window.get_by_label("2 documents");
    window.get_by_label("Letters, 3 min ago · Ana, Saved here").click();
    window.run();
    assert_eq!(window.state().requests, [Request::Open(id(1))]);
}

#[test]
fn a_search_is_asked_for_as_it_is_typed_and_says_when_nothing_is_found() {
    let mut window = show(library(&["Garden", "Letters"], "zebra"));
    window.run();
    window.get_by_label("Nothing found");
    window.get_by_label("0 of 2 documents");
    window.get_by_label("Clear the search").click();
    window.run();
    assert_eq!(window.state().requests, [Request::Search(String::new())]);
    let field = window.get_by_label("Search titles and text");
    field.focus();
    field.type_text("s");
    window.run();
    assert!(window.state().requests.contains(&Request::Search("zebras".to_owned())));
}

#[test]
fn offline_is_said_in_words_and_blocks_nothing() {
    let mut view = document("Minutes");
    let facts =
        SaveFacts { link: Link::Waiting, waiting: 14, waiting_since_us: Some(0), devices: 2, ..SaveFacts::default() };
    view.status = StatusView { save: save_words(&facts, 180_000_000), caret: Some((3, 7)), ..StatusView::default() };
    let mut window = show(view);
    window.run();
    window.get_by_label("Offline · 14 edits waiting, the oldest for 3 min");
    window.get_by_label("3:7").click();
    window.run();
    assert_eq!(window.state().requests, [Request::Do(Action::GoToLine)]);
}

#[test]
fn two_titles_given_at_once_are_settled_by_one_click() {
    let mut view = document("Plan A");
    view.title.rivals = vec!["Plan B".to_owned()];
    let mut window = show(view);
    window.run();
    window.get_by_label("Title: Plan A");
    window.get_by_label("Keep the title “Plan B”").click();
    window.run();
    assert_eq!(window.state().requests, [Request::SetTitle("Plan B".to_owned())]);
}

#[test]
fn a_title_is_edited_where_it_stands() {
    let mut window = show(document("Plan"));
    window.run();
    window.get_by_label("Title: Plan").click();
    window.run();
    let field = window.get_by_label("Title");
    field.focus();
    field.type_text(" B");
    window.run();
    window.key_press(egui::Key::Enter);
    window.run();
    assert_eq!(window.state().requests.last(), Some(&Request::SetTitle("Plan B".to_owned())));
}

#[test]
fn people_are_named_whether_here_or_gone() {
    let mut view = document("Plan");
    let person = |name: &str, presence| Person {
        name: name.to_owned(),
        device: "laptop".to_owned(),
        color: 1,
        presence,
        holds_all: true,
    };
    view.title.people = vec![person("Me", Presence::Me), person("Ana", Presence::Here), person("Bo", Presence::Left)];
    let mut window = show(view);
    window.run();
    window.get_by_label("Ana · on laptop · here now");
    window.get_by_label("Bo · on laptop · left");
    assert!(window.query_by_label_contains("Me ·").is_none(), "one's own face is not shown to oneself");
}

#[test]
fn a_failed_write_is_a_banner_with_a_retry() {
    let mut view = document("Plan");
    let text = "This disk refused the last write: no space left on device.".to_owned();
    view.banners = vec![Banner { id: 1, text: text.clone(), offer: BannerOffer::Retry }];
    let mut window = show(view);
    window.run();
    window.get_by_label(&text);
    window.get_by_label("Retry").click();
    window.run();
    assert_eq!(window.state().requests, [Request::RetryWrite]);
}

#[test]
fn what_arrived_is_said_quietly_and_shown_on_demand() {
    let mut view = document("Plan");
    view.notices = vec![Notice { id: 4, text: "Ana added 3 paragraphs".to_owned(), show_me: true }];
    let mut window = show(view);
    window.run();
    window.get_by_label("Ana added 3 paragraphs");
    window.get_by_label("Show me").click();
    window.run();
    assert_eq!(window.state().requests, [Request::ShowMe(4)]);
}

#[test]
fn the_find_bar_counts_and_steps() {
    let mut view = document("Plan");
    let draft = FindDraft { query: "garden".to_owned(), replacing: true, ..FindDraft::default() };
    view.find = Some(FindView { draft, count: 17, current: Some(3), ..FindView::default() });
    let mut window = show(view);
    window.run();
    window.get_by_label("3 of 17");
    window.get_by_label("Next match").click();
    window.run();
    window.get_by_label("Replace all").click();
    window.run();
    assert_eq!(window.state().requests, [Request::Do(Action::FindNext), Request::ReplaceAll]);
    window.get_by_label("Whole words only").click();
    window.run();
    let draft = &window.state().view.find.as_ref().expect("it is open").draft;
    assert!(draft.word && !draft.case);
}

#[test]
fn the_palette_finds_a_command_by_its_name_and_runs_it() {
    let mut view = document("Plan");
    view.palette = Some(PaletteDraft::default());
    let mut window = show(view);
    window.run();
    let field = window.get_by_label("Command");
    field.focus();
    field.type_text("undo");
    window.run();
    window.get_by_label("Undo");
    window.key_press(egui::Key::Enter);
    window.run();
    let asked = &window.state().requests;
    assert_eq!(asked[asked.len() - 2..], [Request::Palette(None), Request::Do(Action::Undo)]);
}

#[test]
fn a_command_and_enter_within_one_frame_run_that_command() {
    let mut view = document("Plan");
    view.palette = Some(PaletteDraft::default());
    let mut window = show(view);
    window.run();
    window.get_by_label("Command").focus();
    window.run();
    let enter = |pressed| egui::Event::Key {
        key: egui::Key::Enter,
        physical_key: None,
        pressed,
        repeat: false,
        modifiers: egui::Modifiers::NONE,
    };
    window.input_mut().events.extend([egui::Event::Text("go offline".to_owned()), enter(true), enter(false)]);
    window.run();
    assert_eq!(window.state().requests.last(), Some(&Request::Do(Action::GoOffline)));
}

#[test]
fn sharing_asks_for_a_relay_or_hosts_one_here() {
    let mut view = document("Plan");
    view.dialog =
        Some(Dialog::Share(ShareDialog { what: Shared::Document("Plan".to_owned()), stage: ShareStage::default() }));
    let mut window = show(view);
    window.run();
    window.get_by_label("Share “Plan”");
    let field = window.get_by_label("Relay address");
    field.focus();
    field.type_text("relay.example.org");
    window.run();
    window.get_by_label("Share by this relay").click();
    window.run();
    assert_eq!(window.state().requests.last(), Some(&Request::Confirm));
    window.get_by_label("Host on this computer").click();
    window.run();
    assert_eq!(window.state().requests.last(), Some(&Request::HostHere));
}

#[test]
fn a_shared_document_has_a_link_to_copy() {
    let link = "quire://192.168.1.20/00000000000000000000000000000000#1.12345678".to_owned();
    let stage = ShareStage::Ready {
        link: link.clone(),
        viewers: "quire://for-viewers".to_owned(),
        can_write: true,
        relay: "192.168.1.20:4870".to_owned(),
        hosted: true,
        copied: None,
        code: None,
    };
    let mut view = document("Plan");
    view.dialog = Some(Dialog::Share(ShareDialog { what: Shared::Document("Plan".to_owned()), stage }));
    let mut window = show(view);
    window.run();
    window.get_by_label(&link);
    window.get_by_label("Copy link").click();
    window.run();
    window.get_by_label("quire://for-viewers");
    window.get_by_label("Copy viewer’s link").click();
    window.run();
    assert_eq!(window.state().requests, [Request::Copy(link), Request::Copy("quire://for-viewers".to_owned())]);
}

#[test]
fn each_link_has_a_code_of_its_own_that_stands_in_the_links_place() {
    let stage = ShareStage::Ready {
        link: "quire://relay.example.org/for-editors".to_owned(),
        viewers: "quire://relay.example.org/for-viewers".to_owned(),
        can_write: true,
        relay: "relay.example.org:4870".to_owned(),
        hosted: false,
        copied: None,
        code: None,
    };
    let mut view = document("Plan");
    view.dialog = Some(Dialog::Share(ShareDialog { what: Shared::Document("Plan".to_owned()), stage }));
    let mut window = show(view);
    for (at, text, name) in [
        (0, "quire://relay.example.org/for-editors", "QR code of the link"),
        (1, "quire://relay.example.org/for-viewers", "QR code of the viewer’s link"),
    ] {
        window.run();
        window.get_all_by_label("QR code").nth(at).expect("a button for each").click();
        window.run();
        let code = QrCode::of(text).expect("it is short");
        assert_eq!(window.state().requests, [Request::ShowCode(Some(ShownCode { code, can_write: at == 0 }))]);
        window.get_by_label(name);
        assert!(window.query_by_label(text).is_none(), "the links are gone");
        window.get_by_label("Back to the links").click();
        window.run();
        window.get_by_label(text);
        assert_eq!(window.state_mut().requests.drain(..).nth(1), Some(Request::ShowCode(None)));
    }
}

#[test]
fn a_link_can_be_taken_from_a_picture() {
    let mut view = document("Plan");
    view.dialog = Some(Dialog::OpenLink { link: String::new(), error: None });
    let mut window = show(view);
    window.run();
    window.get_by_label("From a picture…").click();
    window.run();
    assert_eq!(window.state().requests, [Request::ChoosePicture]);
}

#[test]
fn a_wrong_link_says_what_is_wrong_with_it() {
    let mut view = document("Plan");
    let error = "a quire link begins with quire://".to_owned();
    view.dialog = Some(Dialog::OpenLink { link: "http://x".to_owned(), error: Some(error.clone()) });
    let mut window = show(view);
    window.run();
    window.get_by_label(&error);
    window.key_press(egui::Key::Escape);
    window.run();
    assert_eq!(window.state().requests, [Request::CloseDialog]);
}
