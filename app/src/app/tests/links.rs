//! Links that come from outside: by the desktop, and in pictures.

use super::*;
use crate::editor::command::Action;
use crate::editor::dialog::ShareStage;
use crate::editor::link::LinkKeys;
use crate::editor::qr::QrCode;
use crate::editor::secret::Secret;
use crate::session::Request as Asked;
use quire_crdt::keys::RootSecret;

fn link() -> Link {
    let keys = LinkKeys::Editor(RootSecret::from_bytes([5; 16]));
    let relay = RelayAddress::new("127.0.0.1", 9).expect("an address");
    Link { relay, document: keys.document_keys().expect("keys").document(), keys }
}

/// What another copy of the program, or this one at its start, asks of a session that has a window.
fn hand_over(harness: &mut Harness<'static, Opened>, link: &str) {
    let app = harness.state_mut().app.as_mut().expect("it is open");
    app.happened.push(Notice::OpenLink { link: Secret::new(link) });
    harness.run_steps(3);
}

#[test]
fn a_link_from_the_desktop_opens_its_document() {
    let mut harness = window();
    hand_over(&mut harness, &link().to_string());
    assert_eq!(app_of(&harness).model.open, Some(link().document));
    assert_eq!(app_of(&harness).model.dialog, None);
}

#[test]
fn a_link_from_the_desktop_that_is_wrong_or_moves_a_document_is_asked_about() {
    let mut harness = window();
    hand_over(&mut harness, "quire://127.0.0.1:9/");
    let Some(Dialog::OpenLink { error: Some(error), .. }) = &app_of(&harness).model.dialog else {
        panic!("it is said what is wrong");
    };
    assert!(error.starts_with("The link is cut off"), "{error}");
    hand_over(&mut harness, &link().to_string());
    let elsewhere = Link { relay: RelayAddress::new("127.0.0.2", 9).expect("an address"), ..link() };
    hand_over(&mut harness, &elsewhere.to_string());
    assert!(matches!(&app_of(&harness).model.dialog, Some(Dialog::Move { .. })));
    let there = app_of(&harness).session.link(link().document).map(|link| link.relay);
    assert_eq!(there, Some(link().relay), "it stays where it is until somebody says so");
}

#[test]
fn what_is_written_in_a_dialog_stays_when_a_link_comes() {
    let mut harness = window();
    let app = harness.state_mut().app.as_mut().expect("it is open");
    let typed = Dialog::GoToLine { line: "7".to_owned(), lines: 9 };
    app.model.dialog = Some(typed.clone());
    hand_over(&mut harness, &link().to_string());
    assert_eq!(app_of(&harness).model.dialog, Some(typed));
    assert_eq!(app_of(&harness).model.open, Some(link().document));
}

#[test]
fn a_session_with_a_window_hands_a_link_to_it_and_one_without_refuses() {
    let folder = tempfile::tempdir().expect("a folder");
    for has_window in [true, false] {
        let options = SessionOptions { folder: folder.path().to_owned(), has_window, ..SessionOptions::default() };
        let mut session = Session::open(options).expect("a library");
        let link = Secret::new(link().to_string());
        let job = session.ask(Asked::Show { id: None, link: Some(link.clone()) }, "");
        let notices = session.pump();
        let handed = notices.contains(&Notice::OpenLink { link });
        let answer = session.take_answer(job).expect("it is answered at once");
        assert_eq!((handed, answer.is_ok()), (has_window, has_window));
        session.close();
    }
}

#[test]
fn a_picture_that_was_dropped_opens_its_link_and_one_without_says_so() {
    let mut harness = window();
    let folder = tempfile::tempdir().expect("a folder");
    let code = QrCode::of(&link().to_string()).expect("it is short");
    let side = u32::try_from(code.side()).expect("it is small") * 4;
    let picture = image::GrayImage::from_fn(side, side, |x, y| {
        image::Luma([if code.is_dark((x / 4) as usize, (y / 4) as usize) { 0 } else { 255 }])
    });
    let path = folder.path().join("code.png");
    for (found, expected) in [(false, None), (true, Some(link().document))] {
        let picture = if found { picture.clone() } else { image::GrayImage::from_pixel(90, 90, image::Luma([255])) };
        picture.save(&path).expect("it is written");
        let app = harness.state_mut().app.as_mut().expect("it is open");
        app.files.read_picture(&path);
        let chosen = (0..2_000).find_map(|_| {
            std::thread::sleep(Duration::from_millis(5));
            app.files.take()
        });
        let Some(super::super::file_dialogs::Chosen::Link(read)) = chosen else { panic!("it is looked at") };
        app.take_picture(read);
        let error = matches!(&app.model.dialog, Some(Dialog::OpenLink { error: Some(error), .. }) if error.contains("no QR code"));
        assert_eq!((error, app.model.open.filter(|open| *open == link().document)), (!found, expected));
    }
}

fn library_link() -> Link {
    let keys = LinkKeys::Library(RootSecret::from_bytes([6; 16]));
    Link { document: keys.document_keys().expect("keys").document(), keys, ..link() }
}

#[test]
fn the_link_of_a_whole_library_is_asked_about_before_anything_goes_there() {
    let mut harness = window();
    let library = library_link();
    hand_over(&mut harness, &library.to_string());
    assert_eq!(app_of(&harness).model.dialog, Some(Dialog::JoinLibrary { link: library.clone() }));
    assert_eq!(app_of(&harness).session.library_link(), None);
    harness.get_by_label("Cancel").click();
    harness.run_steps(3);
    assert_eq!((&app_of(&harness).model.dialog, app_of(&harness).session.library_link()), (&None, None));
    let shared = |harness: &Harness<'static, Opened>| {
        app_of(harness).session.list().into_iter().filter(|summary| summary.relay.is_some()).count()
    };
    assert_eq!(shared(&harness), 0);
    hand_over(&mut harness, &library.to_string());
    harness.get_by_label("It is mine").click();
    harness.run_steps(10);
    assert_eq!(app_of(&harness).session.library_link(), Some(library));
    assert_eq!(shared(&harness), 1, "the one that is here goes there");
}

#[test]
fn adding_a_device_makes_a_link_for_the_whole_library() {
    let mut harness = window();
    let ctx = harness.ctx.clone();
    let app = harness.state_mut().app.as_mut().expect("it is open");
    app.act(&ctx, Request::Do(Action::AddDevice));
    harness.run_steps(2);
    harness.get_by_label("Add a device");
    let app = harness.state_mut().app.as_mut().expect("it is open");
    let Some(Dialog::Share(dialog)) = &mut app.model.dialog else { panic!("it asks for a relay") };
    dialog.stage = ShareStage::Choose { relay: "127.0.0.1:9".to_owned(), error: None };
    harness.run_steps(2);
    harness.get_by_label("Meet at this relay").click();
    harness.run_steps(5);
    let link = app_of(&harness).session.library_link().expect("it has a link").to_string();
    harness.get_by_label(&link);
    assert!(harness.query_by_label("Copy viewer’s link").is_none());
    harness.get_by_label("QR code").click();
    harness.run_steps(10);
    harness.get_by_label("QR code of the library’s link");
}
