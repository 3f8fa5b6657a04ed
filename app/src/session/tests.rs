use std::sync::atomic::Ordering;
use std::time::Duration;

use quire_crdt::keys::RootSecret;
use tempfile::TempDir;

use super::*;
use crate::editor::link::{Link, LinkKeys, RelayAddress};
use crate::editor::secret::Secret;
use crate::shell::loader;
use crate::shell::store::tests::{Disk, damage_newest_checkpoint, stop, store_on};

fn session_in(folder: &TempDir) -> Session {
    let options = SessionOptions { folder: folder.path().to_owned(), introduces: true, ..SessionOptions::default() };
    Session::open(options).unwrap()
}

fn session() -> (TempDir, Session) {
    let folder = tempfile::tempdir().unwrap();
    let session = session_in(&folder);
    (folder, session)
}

/// Somebody else's link to a document at this relay.
fn link_to(relay: &str) -> Link {
    let keys = LinkKeys::Editor(RootSecret::from_bytes([9; 16]));
    Link { relay: relay.parse().unwrap(), document: keys.document_keys().unwrap().document(), keys }
}

/// Pumps until `reached` says so.
fn pump_until(session: &mut Session, mut reached: impl FnMut(&mut Session, &[Notice]) -> bool) {
    for _ in 0..2000 {
        let notices = session.wait(Duration::from_millis(10));
        if reached(session, &notices) {
            return;
        }
    }
    panic!("it was not reached");
}

#[test]
fn a_document_is_there_when_the_library_is_opened_again() {
    let (folder, mut session) = session();
    let id = session.import("Notes", "one\ntwo\n").unwrap();
    session.insert(id, 3, "!").unwrap();
    session.close();

    let mut session = session_in(&folder);
    let list = session.list();
    assert_eq!(list.iter().map(|summary| summary.title.as_str()).collect::<Vec<_>>(), ["Notes"]);
    assert_eq!(session.text(id).unwrap(), "one!\ntwo\n");
    assert!(session.status(id).is_none(), "looking at it does not keep it in memory");
    session.open_document(id).unwrap();
    let status = session.status(id).unwrap();
    assert_eq!((status.units_made, status.units_saved_here), (11, 11), "device, title, nine characters");
    assert_eq!(status.units_waiting, 11);
}

#[test]
fn a_document_without_a_title_is_called_by_its_first_line() {
    let (_folder, mut session) = session();
    let check = |session: &mut Session, text: &str, expected: &str| {
        let id = session.import("", text).unwrap();
        assert_eq!(session.title(id), expected);
    };
    check(&mut session, "", "");
    check(&mut session, "\n\n## The plan\nrest", "The plan");
    check(&mut session, "- first\n", "first");
    let id = session.import("Given", "first line").unwrap();
    assert_eq!(session.title(id), "Given");
    session.set_title(id, &"x".repeat(500)).unwrap();
    assert_eq!(session.title(id).len(), TITLE_CHARS_MAX);
}

#[test]
fn an_id_is_found_by_its_start() {
    let (_folder, mut session) = session();
    let (one, _) = (session.create().unwrap(), session.create().unwrap());
    assert_eq!(session.find(&one.to_string().to_uppercase()).unwrap(), one);
    assert_eq!(session.find(&one.to_string()[..31]).unwrap(), one);
    assert!(matches!(session.find("xyz"), Err(SessionError::NoDocument { .. })));
    assert!(matches!(session.find(""), Err(SessionError::NoDocument { .. })));
}

#[test]
fn a_removed_document_is_gone_and_its_report_says_what_is_lost() {
    let (folder, mut session) = session();
    let id = session.import("", "text").unwrap();
    assert_eq!(session.removal(id).unwrap().units_only_here, 5);
    session.remove(id).unwrap();
    session.close();
    let mut session = session_in(&folder);
    assert!(session.list().is_empty());
    assert!(matches!(session.open_document(id), Err(SessionError::NoDocument { .. })));
}

#[test]
fn a_document_that_is_not_open_is_read_before_it_is_said_what_its_removal_loses() {
    let (folder, mut session) = session();
    let id = session.import("", "text").unwrap();
    session.share(id, "127.0.0.1:1".parse().ok()).unwrap();
    session.close();
    let mut session = session_in(&folder);
    assert_eq!(session.removal(id).unwrap().units_only_here, 5);
    assert!(session.document(id).is_none());
}

#[test]
fn only_the_newest_documents_stay_in_memory_when_they_are_closed_and_those_are_linked() {
    let folder = tempfile::tempdir().unwrap();
    let options = SessionOptions { folder: folder.path().to_owned(), online: true, ..SessionOptions::default() };
    let mut session = Session::open(options).unwrap();
    let ids: Vec<DocumentId> = (0..BACKGROUND_LINKS_MAX + 3).map(|_| session.create().unwrap()).collect();
    for id in &ids {
        session.share(*id, "127.0.0.1:1".parse().ok()).unwrap();
    }
    assert_eq!(session.open.len(), ids.len());
    for id in &ids {
        session.close_document(*id);
    }
    pump_until(&mut session, |session, _| session.open.len() <= BACKGROUND_LINKS_MAX);
    let check = |session: &Session| {
        assert_eq!(session.open.keys().filter(|id| ids[..3].contains(id)).count(), 0, "the oldest are let go");
        assert_eq!(session.open.len(), BACKGROUND_LINKS_MAX);
        assert!(session.open.values().all(|open| *open.replica.link() != quire_crdt::sync::LinkState::Off));
    };
    check(&session);
    for id in &ids {
        session.text(*id).unwrap();
    }
    check(&session);
}

#[test]
fn what_is_closed_before_it_is_sent_stays_until_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let options = SessionOptions { folder: folder.path().to_owned(), online: true, ..SessionOptions::default() };
    let mut session = Session::open(options).unwrap();
    let id = session.import("", "words").unwrap();
    session.share(id, "127.0.0.1:1".parse().ok()).unwrap();
    session.archive(id, true).unwrap();
    session.close_document(id);
    pump_until(&mut session, |session, _| session.status(id).is_some_and(|status| status.trouble.is_some()));
    assert!(session.flush(Duration::from_secs(20)));
    session.pump();
    assert!(session.document(id).is_some(), "it is on disk, and not sent");
    session.set_online(false);
    pump_until(&mut session, |session, _| session.document(id).is_none());
}

#[test]
fn what_waits_for_the_relay_waits_on_after_a_restart() {
    let (folder, mut session) = session();
    let id = session.import("", "words").unwrap();
    session.share(id, "127.0.0.1:1".parse().ok()).unwrap();
    session.set_online(true);
    pump_until(&mut session, |session, _| session.status(id).unwrap().trouble.is_some());
    let since = session.status(id).unwrap().waiting_since_us.unwrap();
    session.close();
    let mut session = session_in(&folder);
    session.open_document(id).unwrap();
    let status = session.status(id).unwrap();
    assert_eq!(status.waiting_since_us, session.records[&id].waiting_since_us);
    let drift_us = status.waiting_since_us.unwrap().abs_diff(since);
    assert!(drift_us < 1_000_000, "the wall clock may have been set meanwhile: {drift_us}");
    session.insert(id, 0, "more ").unwrap();
    session.commit(id).unwrap();
    session.pump();
    assert_eq!(session.status(id).unwrap().waiting_since_us, status.waiting_since_us, "the oldest counts");
}

#[test]
fn sharing_needs_a_relay_and_keeps_it() {
    let (_folder, mut session) = session();
    let id = session.create().unwrap();
    assert!(matches!(session.share(id, None), Err(SessionError::NoRelay { .. })));
    let relay: RelayAddress = "127.0.0.1:1".parse().unwrap();
    let link = session.share(id, Some(relay.clone())).unwrap();
    assert_eq!(session.share(id, None).unwrap(), link);
    let other: RelayAddress = "127.0.0.1:2".parse().unwrap();
    assert!(matches!(session.share(id, Some(other.clone())), Err(SessionError::OtherRelay { .. })));
    assert_eq!(session.move_to_relay(id, other.clone()).unwrap().relay, other);
}

#[test]
fn joining_what_is_here_makes_no_second_copy() {
    let (_folder, mut session) = session();
    let id = session.import("", "text").unwrap();
    let link = session.share(id, "127.0.0.1:1".parse().ok()).unwrap();
    session.archive(id, true).unwrap();
    assert_eq!(session.join(&link).unwrap(), id);
    assert_eq!(session.list().len(), 1);
    assert!(!session.list()[0].archived);
    let elsewhere = Link { relay: "127.0.0.1:2".parse().unwrap(), ..session.link(id).unwrap() };
    let error = session.join(&elsewhere).unwrap_err();
    assert!(matches!(&error, SessionError::OtherRelay { asked, .. } if **asked == elsewhere.relay));
    assert!(error.to_string().contains(&format!("share {id} --relay '127.0.0.1:2' --move")), "{error}");
}

#[test]
fn a_relay_that_is_not_there_is_said_in_words() {
    let (_folder, mut session) = session();
    let id = session.create().unwrap();
    session.share(id, "127.0.0.1:1".parse().ok()).unwrap();
    session.set_online(true);
    pump_until(&mut session, |session, _| session.status(id).unwrap().trouble.is_some());
    let trouble = session.status(id).unwrap().trouble.unwrap();
    assert!(trouble.starts_with("the relay 127.0.0.1:1 cannot be reached: nothing listens there"), "{trouble}");
}

#[test]
fn a_full_disk_is_a_banner_and_no_lost_word() {
    let (disk, folder, inbox) = (Disk::default(), tempfile::tempdir().unwrap(), Inbox::new());
    let store = store_on(&disk, folder.path(), &inbox);
    let options = SessionOptions { folder: folder.path().to_owned(), ..SessionOptions::default() };
    let mut session = Session::start(options, store, inbox).unwrap();
    let id = session.import("", "safe").unwrap();
    assert!(session.flush(Duration::from_secs(20)));

    disk.full.store(true, Ordering::SeqCst);
    session.insert(id, 4, " and").unwrap();
    session.commit(id).unwrap();
    pump_until(&mut session, |_, notices| notices.iter().any(|notice| matches!(notice, Notice::WriteFailed { .. })));
    session.insert(id, 8, " sound").unwrap();
    session.commit(id).unwrap();
    session.pump();
    let status = session.status(id).unwrap();
    assert!(status.write_error.is_some());
    assert_eq!((status.units_made, status.units_saved_here), (14, 4));
    assert!(session.create().is_err(), "a document whose id is not on disk is not made");

    disk.full.store(false, Ordering::SeqCst);
    session.retry_writes();
    pump_until(&mut session, |_, notices| notices.contains(&Notice::WriteMended { document: id }));
    let status = session.status(id).unwrap();
    assert_eq!((status.write_error, status.units_saved_here), (None, 14));
    assert_eq!(session.text(id).unwrap(), "safe and sound");
    let stored = loader::read(&session.store.reader(), id, session.records[&id].replica).unwrap();
    assert_eq!(stored.document.log().len(), session.document(id).unwrap().log().len());
}

/// A library with a document that is open, and a shared one that is not.
fn one_open_and_one_closed() -> (TempDir, Session, DocumentId, DocumentId) {
    let folder = tempfile::tempdir().unwrap();
    let mut session = session_in(&folder);
    let (mine, other) = (session.import("", "mine").unwrap(), session.import("", "other").unwrap());
    session.share(other, "127.0.0.1:1".parse().ok()).unwrap();
    session.close();
    let options = SessionOptions { folder: folder.path().to_owned(), online: true, ..SessionOptions::default() };
    let mut session = Session::open(options).unwrap();
    session.open_document(mine).unwrap();
    (folder, session, mine, other)
}

fn answer(session: &mut Session, job: JobId) -> Result<Answer, Failure> {
    let mut answer = None;
    pump_until(session, |session, _| {
        answer = session.take_answer(job);
        answer.is_some()
    });
    answer.unwrap()
}

#[test]
fn who_writes_waits_for_no_disk_whatever_is_read_or_asked_for_meanwhile() {
    let (_folder, mut session, mine, other) = one_open_and_one_closed();
    let reader = session.store.reader();
    let stopped = stop(&reader);
    session.read_text(other);
    let new = session.ask(Request::New { title: "New".into() }, "text");
    let cat = session.ask(Request::Cat { id: other.to_string(), at: None }, "");
    let link = link_to("127.0.0.1:1");
    let join =
        session.ask(Request::Join { link: Secret::new(link.to_string()), whole_library: false, timeout_ms: 0 }, "");
    let share = session.ask(
        Request::Share { id: mine.to_string(), relay: Some("127.0.0.1:1".into()), moves: false, viewer: false },
        "",
    );
    // Would any of these wait for the disk, it would wait for ever.
    for typed in 0..50 {
        session.insert(mine, typed, "x").unwrap();
        session.commit(mine).unwrap();
        session.pump();
    }
    assert_eq!(session.text(mine).unwrap(), "x".repeat(50) + "mine");
    assert!(session.document(other).is_none());
    assert!([new, cat, join, share].into_iter().all(|job| session.take_answer(job).is_none()));

    drop(stopped);
    assert_eq!(answer(&mut session, cat).unwrap().text.as_deref(), Some("other"));
    assert!(answer(&mut session, share).unwrap().value["link"].is_string());
    let id = answer(&mut session, new).unwrap().value["id"].as_str().unwrap().to_owned();
    let id = session.find(&id).unwrap();
    assert_eq!((session.title(id), session.text(id).unwrap()), ("New".to_owned(), "text".to_owned()));
    assert_eq!(answer(&mut session, join).unwrap_err().code, Failure::TIMED_OUT, "nobody answers there");
    pump_until(&mut session, |session, _| session.document(other).is_some());
}

#[test]
fn the_text_of_a_document_that_is_not_open_is_read_for_a_search() {
    let (_folder, mut session, _, other) = one_open_and_one_closed();
    session.set_online(false);
    session.read_text(other);
    assert!(session.reads_text(other));
    let expected = Notice::TextRead { document: other, text: Some("other".into()) };
    pump_until(&mut session, |_, notices| notices.contains(&expected));
    assert!(session.document(other).is_none() && !session.reads_text(other));
}

#[test]
fn a_document_that_was_opened_while_it_was_read_keeps_what_was_written_since() {
    let (_folder, mut session, _, other) = one_open_and_one_closed();
    session.set_online(false);
    let blame = session.ask(Request::Blame { id: other.to_string() }, "");
    session.pump();
    session.open_document(other).unwrap();
    session.insert(other, 0, "an").unwrap();
    session.commit(other).unwrap();
    assert!(answer(&mut session, blame).is_ok());
    // One request after the other: the loader is done with the first when it answers the second.
    let new = session.import("", "new").unwrap();
    session.close_document(new);
    pump_until(&mut session, |session, _| session.document(new).is_none());
    session.read_text(new);
    pump_until(&mut session, |_, notices| notices.iter().any(|notice| matches!(notice, Notice::TextRead { .. })));
    assert_eq!(session.text(other).unwrap(), "another");
    assert_eq!(session.document(other).unwrap().log().len(), 2);
}

#[test]
fn a_document_that_was_opened_for_a_request_is_let_go_when_it_is_answered() {
    let (_folder, mut session, _, other) = one_open_and_one_closed();
    session.set_online(false);
    session.archive(other, true).unwrap();
    let restore = session.ask(Request::Restore { id: other.to_string(), position: At::Position(0), range: None }, "");
    assert_eq!(answer(&mut session, restore).unwrap().value["places"], 0);
    pump_until(&mut session, |session, _| session.document(other).is_none());
}

#[test]
fn what_a_request_needs_stays_open_until_all_of_it_is_read() {
    let (_folder, mut session, mine, other) = one_open_and_one_closed();
    session.share(mine, "127.0.0.1:1".parse().ok()).unwrap();
    session.archive(mine, true).unwrap();
    session.archive(other, true).unwrap();
    session.set_online(false);
    session.close_document(mine);
    pump_until(&mut session, |session, _| session.open.is_empty());
    let sync = session.ask(Request::Sync { ids: vec![mine.to_string(), other.to_string()], timeout_ms: 0 }, "");
    let failure = answer(&mut session, sync).unwrap_err();
    assert!(failure.message.contains("127.0.0.1:1"), "it got as far as the relay: {}", failure.message);
}

/// Writes so many changes into a document, and lets the session go on now and then.
fn write_changes(session: &mut Session, id: DocumentId, changes: usize) {
    for number in 0..changes {
        session.insert(id, 0, "x").unwrap();
        session.commit(id).unwrap();
        if number % 64 == 0 {
            session.pump();
        }
    }
}

#[test]
fn a_long_log_gets_checkpoints_and_a_damaged_one_loses_nothing() {
    let (folder, mut session) = session();
    let id = session.import("Notes", "\n").unwrap();
    let reaches = |session: &mut Session, position: u64| {
        pump_until(session, |session, _| session.open[&id].checkpointed >= position);
    };
    write_changes(&mut session, id, 1_100);
    reaches(&mut session, 1_024);
    write_changes(&mut session, id, 1_100);
    reaches(&mut session, 2_048);
    write_changes(&mut session, id, 10);
    let (text, version) = (session.text(id).unwrap(), session.document(id).unwrap().version().clone());
    session.close();

    let mut session = session_in(&folder);
    let read = loader::read(&session.store.reader(), id, session.records[&id].replica).unwrap();
    assert!(read.checkpointed >= 2_048 && read.damaged.is_empty());
    assert_eq!((session.text(id).unwrap(), read.document.version()), (text.clone(), &version));
    session.close();

    damage_newest_checkpoint(folder.path());
    let mut session = session_in(&folder);
    session.open_document(id).unwrap();
    assert_eq!((session.text(id).unwrap(), session.document(id).unwrap().version()), (text, &version));
    let said = |notice: &Notice| matches!(notice, Notice::CheckpointDamaged { document, .. } if *document == id);
    assert!(session.pump().iter().any(said));
    write_changes(&mut session, id, 1_100);
    reaches(&mut session, 3_072);
    session.close();
    let session = session_in(&folder);
    let read = loader::read(&session.store.reader(), id, session.records[&id].replica).unwrap();
    assert!(read.checkpointed >= 3_072 && read.damaged.is_empty(), "a sound one takes its place");
}

#[test]
fn two_requests_for_one_link_make_one_copy() {
    let (folder, mut session) = session();
    let link = link_to("127.0.0.1:1");
    let request = Request::Join { link: Secret::new(link.to_string()), whole_library: false, timeout_ms: 0 };
    let reader = session.store.reader();
    let stopped = stop(&reader);
    let jobs = [session.ask(request.clone(), ""), session.ask(request, "")];
    session.pump();
    drop(stopped);
    for job in jobs {
        assert_eq!(answer(&mut session, job).unwrap_err().code, Failure::TIMED_OUT, "nobody answers there");
    }
    let replica = session.records[&link.document].replica;
    session.close();
    let session = session_in(&folder);
    assert_eq!(session.list().len(), 1);
    assert_eq!(session.records[&link.document].replica, replica, "it is who it was said to be on disk");
}

#[test]
fn a_document_is_read_before_the_window_is_asked_to_show_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut session = session_in(&folder);
    let id = session.import("", "words").unwrap();
    session.close();
    let options = SessionOptions { folder: folder.path().to_owned(), has_window: true, ..SessionOptions::default() };
    let mut session = Session::open(options).unwrap();
    let show = session.ask(Request::Show { id: Some(id.to_string()), link: None }, "");
    let expected = Notice::Show { document: Some(id) };
    pump_until(&mut session, |session, notices| {
        let shown = notices.contains(&expected);
        assert_eq!(shown, session.document(id).is_some(), "it is open when it is to be shown");
        shown
    });
    assert!(answer(&mut session, show).is_ok());
    session.pump();
    assert!(session.document(id).is_some(), "it stays open for the window");
}

#[test]
fn what_cannot_be_read_while_the_disk_fails_can_be_read_afterwards() {
    let (disk, folder, inbox) = (Disk::default(), tempfile::tempdir().unwrap(), Inbox::new());
    let store = store_on(&disk, folder.path(), &inbox);
    let options = SessionOptions { folder: folder.path().to_owned(), ..SessionOptions::default() };
    let mut session = Session::start(options, store, inbox).unwrap();
    let (mine, other) = (session.import("", "mine").unwrap(), session.import("", "other").unwrap());
    session.close_document(other);
    pump_until(&mut session, |session, _| session.document(other).is_none());
    disk.full.store(true, Ordering::SeqCst);
    session.insert(mine, 0, "x").unwrap();
    session.commit(mine).unwrap();
    pump_until(&mut session, |_, notices| notices.iter().any(|notice| matches!(notice, Notice::WriteFailed { .. })));
    let cat = session.ask(Request::Cat { id: other.to_string(), at: None }, "");
    let failure = answer(&mut session, cat).unwrap_err();
    assert!(failure.message.contains("the last write failed"), "{}", failure.message);
    disk.full.store(false, Ordering::SeqCst);
    session.retry_writes();
    pump_until(&mut session, |_, notices| notices.contains(&Notice::WriteMended { document: mine }));
    let cat = session.ask(Request::Cat { id: other.to_string(), at: None }, "");
    assert_eq!(answer(&mut session, cat).unwrap().text.as_deref(), Some("other"));
    assert!(session.loads.unreadable.is_empty());
}

#[test]
fn a_request_says_that_the_disk_refused() {
    let (disk, folder, inbox) = (Disk::default(), tempfile::tempdir().unwrap(), Inbox::new());
    let store = store_on(&disk, folder.path(), &inbox);
    let options = SessionOptions { folder: folder.path().to_owned(), ..SessionOptions::default() };
    let mut session = Session::start(options, store, inbox).unwrap();
    disk.full.store(true, Ordering::SeqCst);
    let new = session.ask(Request::New { title: String::new() }, "text");
    let failure = answer(&mut session, new).unwrap_err();
    assert!(failure.message.starts_with("not on disk: "), "{}", failure.message);
    assert!(session.list().is_empty());
}

#[test]
fn settings_are_kept_and_name_the_device() {
    let (folder, mut session) = session();
    let settings = Settings { name: "Ana".into(), device: "laptop".into(), ..Settings::default() };
    session.set_settings(settings.clone()).unwrap();
    let id = session.import("", "x").unwrap();
    let names: Vec<_> = session.document(id).unwrap().map().iter().map(|(_, value)| value.clone()).collect();
    assert_eq!(names, [quire_crdt::Value::Text("Ana’s laptop".into())]);
    let settings = Settings { device: "desktop".into(), ..settings };
    session.set_settings(settings.clone()).unwrap();
    session.insert(id, 1, "y").unwrap();
    session.insert(id, 2, "z").unwrap();
    let names: Vec<_> = session.document(id).unwrap().map().iter().map(|(_, value)| value.clone()).collect();
    assert_eq!(names, [quire_crdt::Value::Text("Ana’s desktop".into())]);
    assert_eq!(session.document(id).unwrap().log().iter().map(|sealed| sealed.header().len).sum::<u64>(), 2);
    session.close();
    assert_eq!(*session_in(&folder).settings(), settings);
}
