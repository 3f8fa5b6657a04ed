use std::sync::atomic::Ordering;
use std::time::Duration;

use tempfile::TempDir;

use super::*;
use crate::editor::link::{Link, RelayAddress};
use crate::shell::store::tests::{Disk, store_on};

fn session_in(folder: &TempDir) -> Session {
    let options = SessionOptions { folder: folder.path().to_owned(), introduces: true, ..SessionOptions::default() };
    Session::open(options).unwrap()
}

fn session() -> (TempDir, Session) {
    let folder = tempfile::tempdir().unwrap();
    let session = session_in(&folder);
    (folder, session)
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
    let elsewhere = Link { relay: "127.0.0.1:2".parse().unwrap(), document: id };
    let error = session.join(&elsewhere).unwrap_err();
    assert!(matches!(&error, SessionError::OtherRelay { asked, .. } if *asked == elsewhere.relay));
    assert!(error.to_string().contains(&format!("share {id} --relay 127.0.0.1:2 --move")), "{error}");
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
    assert_eq!(session.store.log(id).unwrap().len(), session.document(id).unwrap().log().len());
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
