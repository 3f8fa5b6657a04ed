use std::time::Duration;

use tempfile::TempDir;

use super::*;
use crate::session::SessionOptions;

const RELAY: &str = "127.0.0.1:1";

fn session_in(folder: &TempDir) -> Session {
    let folder = folder.path().to_owned();
    Session::open(SessionOptions { folder, introduces: true, ..SessionOptions::default() }).unwrap()
}

/// A library on several devices, its list open.
fn library() -> (TempDir, Session, DocumentId) {
    let folder = tempfile::tempdir().unwrap();
    let mut session = session_in(&folder);
    let link = session.share_library(RELAY.parse().ok()).unwrap();
    settle(&mut session);
    (folder, session, link.document)
}

fn settle(session: &mut Session) {
    for _ in 0..2000 {
        session.wait(Duration::from_millis(10));
        if session.listing.is_settled() && session.making.is_empty() {
            return;
        }
    }
    panic!("it is not settled");
}

fn link(byte: u8) -> Link {
    let keys = LinkKeys::Editor(RootSecret::from_bytes([byte; 16]));
    Link { relay: RELAY.parse().unwrap(), document: keys.document_keys().unwrap().document(), keys }
}

/// Another device writes into the list.
fn say(session: &mut Session, list: DocumentId, key: &str, value: Value) {
    session.set(list, key, Some(value)).unwrap();
    session.commit(list).unwrap();
    settle(session);
}

fn say_link(session: &mut Session, list: DocumentId, link: &Link) {
    say(session, list, &listing::link_key(link.document), Value::Text(link.to_string()));
}

fn in_list(session: &Session, list: DocumentId, key: &str) -> Option<Value> {
    session.document(list).unwrap().map().get(key).cloned()
}

#[test]
fn every_document_gets_into_the_list_and_is_shared_at_its_relay() {
    let (_folder, mut session, list) = library();
    let id = session.import("Notes", "words").unwrap();
    settle(&mut session);
    let link = session.link(id).expect("it is shared now");
    assert_eq!(link.relay, RELAY.parse().unwrap());
    assert_eq!(in_list(&session, list, &listing::link_key(id)), Some(Value::Text(link.to_string())));
    assert!(in_list(&session, list, &listing::edited_key(id)).is_some());
    assert_eq!(session.list().len(), 1, "the list itself is no document");
    assert!(session.find(&list.to_string()).is_err());
    assert_eq!(session.library_devices().len(), 1);
}

#[test]
fn what_is_made_elsewhere_comes_here_and_was_edited_when_it_was() {
    let (folder, mut session, list) = library();
    let link = link(7);
    say(&mut session, list, &listing::edited_key(link.document), listing::edited_value(60_000_000 * 1234));
    say_link(&mut session, list, &link);
    let record = &session.records[&link.document];
    assert_eq!((record.edited_us, record.relay.clone()), (60_000_000 * 1234, RELAY.parse().ok()));
    let told = in_list(&session, list, &listing::edited_key(link.document));
    assert_eq!(told, Some(Value::Integer(1234)), "that it came here is no edit");
    session.close();
    let session = session_in(&folder);
    assert_eq!(session.list().len(), 1);
    assert_eq!(session.library_link().map(|link| link.document), Some(list));
}

#[test]
fn what_was_removed_here_does_not_come_back_but_by_its_link() {
    let (folder, mut session, list) = library();
    let link = link(7);
    say_link(&mut session, list, &link);
    session.remove(link.document).unwrap();
    settle(&mut session);
    assert!(in_list(&session, list, &listing::link_key(link.document)).is_some(), "others keep it");
    session.close();
    let mut session = session_in(&folder);
    session.load(list, false).unwrap();
    settle(&mut session);
    assert!(session.list().is_empty());
    session.join(&link).unwrap();
    settle(&mut session);
    assert_eq!(session.list().len(), 1);
    assert!(session.records[&list].left.is_empty());
}

#[test]
fn putting_away_and_moving_are_told_and_heard() {
    let (_folder, mut session, list) = library();
    let id = session.import("Notes", "words").unwrap();
    settle(&mut session);
    let archived = listing::archived_key(id);
    assert_eq!(in_list(&session, list, &archived), None);
    session.archive(id, true).unwrap();
    assert_eq!(in_list(&session, list, &archived), Some(Value::Flag(true)));
    say(&mut session, list, &archived, Value::Flag(false));
    assert!(!session.records[&id].archived);
    let moved = session.move_to_relay(id, "127.0.0.1:2".parse().unwrap()).unwrap();
    assert_eq!(in_list(&session, list, &listing::link_key(id)), Some(Value::Text(moved.to_string())));
    let back = Link { relay: RELAY.parse().unwrap(), ..moved };
    say_link(&mut session, list, &back);
    assert_eq!(session.link(id), Some(back));
    // One that is made put away is put away from the start.
    let link = link(7);
    say(&mut session, list, &listing::archived_key(link.document), Value::Flag(true));
    say_link(&mut session, list, &link);
    assert!(session.records[&link.document].archived);
}

#[test]
fn who_has_more_keys_gives_them_to_the_others() {
    let (_folder, mut session, list) = library();
    let (editor, viewer) = (link(7), link(7).for_viewers().unwrap());
    say_link(&mut session, list, &viewer);
    assert!(!session.can_write(viewer.document));
    say_link(&mut session, list, &editor);
    assert!(session.can_write(viewer.document), "another device had the editor's link");
    say_link(&mut session, list, &viewer);
    let told = in_list(&session, list, &listing::link_key(viewer.document));
    assert_eq!(told, Some(Value::Text(editor.to_string())), "it is not taken away, and told again");
    assert!(session.can_write(viewer.document));
}

#[test]
fn entries_that_cannot_be_are_left_alone() {
    let (_folder, mut session, list) = library();
    let (one, other) = (link(7), link(8));
    for (key, value) in [
        (listing::link_key(one.document), Value::Text(other.to_string())),
        (listing::link_key(other.document), Value::Text("quire://".to_owned())),
        ("link/0".to_owned(), Value::Flag(true)),
        ("something/else".to_owned(), Value::Integer(5)),
    ] {
        say(&mut session, list, &key, value.clone());
        assert_eq!(in_list(&session, list, &key), Some(value));
    }
    assert!(session.list().is_empty());
}

#[test]
fn a_library_has_one_list_and_can_leave_it() {
    let (folder, mut session, list) = library();
    let id = session.import("Notes", "words").unwrap();
    settle(&mut session);
    let keys = LinkKeys::Library(RootSecret::from_bytes([9; 16]));
    let other = Link { relay: RELAY.parse().unwrap(), document: keys.document_keys().unwrap().document(), keys };
    assert!(matches!(session.join(&other), Err(SessionError::OtherLibrary)));
    assert_eq!(session.library_link().map(|link| link.document), Some(list));
    assert!(session.leave_library().unwrap());
    assert!(!session.leave_library().unwrap());
    assert_eq!(session.library_link(), None);
    assert_eq!(session.list().len(), 1, "documents stay");
    session.join(&other).unwrap();
    settle(&mut session);
    assert!(in_list(&session, other.document, &listing::link_key(id)).is_some());
    session.close();
    assert_eq!(session_in(&folder).library_link(), Some(other));
}
