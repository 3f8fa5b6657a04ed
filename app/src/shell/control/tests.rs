use std::os::unix::net::UnixListener;
use std::time::Duration;

use super::*;
use crate::shell::inbox::{Event, Inbox};

/// Answers one request by saying it again.
fn echo(inbox: &Inbox) {
    let Some(Event::Call(call)) = inbox.wait(Duration::from_secs(20)) else { panic!("no request came") };
    let (head, text, reply) = call.start();
    reply.send((head, text));
}

#[test]
fn a_request_and_its_answer_travel_whole() {
    let (folder, inbox) = (tempfile::tempdir().unwrap(), Inbox::new());
    let server = Server::start(folder.path(), inbox.outlet()).unwrap();
    let text = "line\n\"quoted\" å\n".repeat(10_000);
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| ask(folder.path(), "{\"a\":1}", &text));
        echo(&inbox);
        assert_eq!(asked.join().unwrap().unwrap(), ("{\"a\":1}".to_owned(), text.clone()));
    });
    drop(server);
    assert!(!folder.path().join(SOCKET_NAME).exists());
}

#[test]
fn nobody_listens_is_told_from_no_answer() {
    let (folder, inbox) = (tempfile::tempdir().unwrap(), Inbox::new());
    assert!(matches!(ask(folder.path(), "{}", ""), Err(AskError::Closed(_))));
    let _server = Server::start(folder.path(), inbox.outlet()).unwrap();
    std::thread::scope(|scope| {
        let unheard = scope.spawn(|| ask(folder.path(), "{}", ""));
        drop(inbox.wait(Duration::from_secs(20)));
        assert!(matches!(unheard.join().unwrap(), Err(AskError::Closed(_))), "a request that nobody began with");
        let begun = scope.spawn(|| ask(folder.path(), "{}", ""));
        let Some(Event::Call(call)) = inbox.wait(Duration::from_secs(20)) else { panic!("no request came") };
        drop(call.start());
        assert!(matches!(begun.join().unwrap(), Err(AskError::Broken(_))), "a request that was begun");
    });
}

#[test]
fn the_socket_of_a_copy_that_died_is_replaced() {
    let (folder, inbox) = (tempfile::tempdir().unwrap(), Inbox::new());
    drop(UnixListener::bind(folder.path().join(SOCKET_NAME)).unwrap());
    assert!(matches!(ask(folder.path(), "{}", ""), Err(AskError::Closed(_))), "a dead socket refuses");
    let _server = Server::start(folder.path(), inbox.outlet()).unwrap();
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| ask(folder.path(), "{}", "text"));
        echo(&inbox);
        assert_eq!(asked.join().unwrap().unwrap().1, "text");
    });
}

#[test]
fn a_path_too_long_for_a_socket_is_no_failure() {
    let folder = tempfile::tempdir().unwrap();
    let long = folder.path().join("long".repeat(40));
    std::fs::create_dir(&long).unwrap();
    assert!(Server::start(&long, Inbox::new().outlet()).is_none());
}
