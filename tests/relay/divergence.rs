//! Somebody says to hold something else than an editor that received the same: the editor says so once, keeps a report without a word
//! of the text, and goes on.

use std::fs;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _};
use quire::editor::link::RelayAddress;
use quire::editor::report::Report;
use quire::session::{Notice, Session, SessionOptions};
use quire_crdt::sealed::{SignalKind, open_signal, seal_signal};
use quire_crdt::sync::frame::Frame;
use quire_crdt::{DocumentId, VersionVector};
use sim::report::replay;
use tempfile::tempdir;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

use crate::processes::{ANSWER_TIMEOUT, Relay};
use crate::server::who::Who;

/// Says three times that it holds something else than the truth, which is what an editor says, or what is known of it already; then
/// shows itself.
async fn lie(address: String, liar: Who, mut truth: Option<Vec<u8>>, told: Sender<Vec<u8>>) {
    let (mut socket, _) = connect_async(format!("{address}sync")).await.expect("the relay takes a websocket");
    let at = address.trim_start_matches("ws://").trim_end_matches('/');
    let sealed = |kind, number, text: &[u8]| seal_signal(liar.keys(), liar.replica(), kind, number, text);
    while let Some(Ok(message)) = socket.next().await {
        let Message::Binary(frame) = message else { continue };
        match Frame::decode(&frame) {
            Ok(Frame::Challenge { challenge }) => {
                let hello = Frame::Hello(liar.hello(VersionVector::new()));
                for frame in [liar.proof(&challenge, at), hello] {
                    socket.send(Message::Binary(frame.encode())).await.expect("the link is open");
                }
                continue;
            }
            Ok(Frame::Digest { replica, payload }) => {
                truth = open_signal(liar.keys(), replica, SignalKind::Digest, payload).map(|(_, text)| text);
            }
            _ => {}
        }
        let Some(mut payload) = truth.take() else { continue };
        told.send(payload.clone()).expect("the test waits");
        *payload.last_mut().expect("something is said") ^= 1;
        for number in 1..=3 {
            let payload = sealed(SignalKind::Digest, number, &payload);
            let lie = Frame::Digest { replica: liar.id(), payload: &payload }.encode();
            socket.send(Message::Binary(lie)).await.expect("the link is open");
        }
        let payload = sealed(SignalKind::Presence, 1, b"here");
        let shown = Frame::Presence { replica: liar.id(), payload: &payload }.encode();
        socket.send(Message::Binary(shown)).await.expect("the link is open");
    }
}

/// Waits until so many others are seen and a report is told of; keeps what is said meanwhile.
fn listen(session: &mut Session, document: DocumentId, others: usize, said: &mut Said) {
    let began = Instant::now();
    while session.presences(document).len() < others || said.files.is_empty() {
        assert!(began.elapsed() < ANSWER_TIMEOUT, "nothing is told: {said:?}");
        for notice in session.wait(Duration::from_millis(100)) {
            match notice {
                Notice::Diverged { words, .. } => said.alarms.push(words),
                Notice::Reported { words, .. } => said.files.push(words),
                _ => {}
            }
        }
    }
}

#[derive(Debug, Default)]
struct Said {
    alarms: Vec<String>,
    files: Vec<String>,
}

#[test]
fn copies_that_differ_are_told_once_each_and_one_report_without_a_word_is_kept() {
    let folder = tempdir().expect("a temporary folder");
    let relay = Relay::start(&folder.path().join("relay"));
    let library = folder.path().join("library");
    let options = SessionOptions { folder: library.clone(), online: true, ..SessionOptions::default() };
    let mut session = Session::open(options).expect("a library");
    let document = session.import("Secret title", "secret words\n").expect("a document");
    let link = session.share(document, Some(relay.url().parse::<RelayAddress>().expect("an address"))).expect("a link");
    let keys = link.keys.document_keys().expect("its keys");
    let (liar, other) = (Who::of(keys.clone(), 0xb), Who::of(keys, 0xc));
    let liar_id = liar.id();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (told, truth) = channel();
    let liar = runtime.spawn(lie(relay.url(), liar, None, told.clone()));

    let mut said = Said::default();
    listen(&mut session, document, 1, &mut said);
    assert_eq!((said.alarms.len(), said.files.len()), (1, 1), "{said:?}");
    let other = runtime.spawn(lie(relay.url(), other, Some(truth.recv().expect("a digest")), told));
    listen(&mut session, document, 2, &mut said);
    assert_eq!(said.alarms.len(), 2, "each is told of: {said:?}");
    let Said { alarms, files } = said;
    assert!(alarms[0].contains("one of the two is wrong"), "{}", alarms[0]);
    session.insert(document, 0, "It goes on. ").expect("an edit");
    session.commit(document).expect("an open document");
    let began = Instant::now();
    while session.status(document).expect("an open document").units_waiting > 0 {
        assert!(began.elapsed() < ANSWER_TIMEOUT, "the link does not go on");
        session.wait(Duration::from_millis(100));
    }
    session.close();
    liar.abort();
    other.abort();

    let reports = fs::read_dir(&library).expect("a folder").filter_map(|entry| {
        let path = entry.expect("an entry").path();
        path.file_name()?.to_str()?.starts_with(&format!("divergence-{document}-")).then_some(path)
    });
    let reports: Vec<_> = reports.collect();
    assert_eq!(reports.len(), 1, "one for a document");
    assert!(files[0].contains(&*reports[0].to_string_lossy()), "{}", files[0]);
    let text = fs::read_to_string(&reports[0]).expect("a file");
    let report = Report::parse(&text).expect("a report");
    assert_eq!((report.document, report.divergence.peer), (document, liar_id));
    assert_ne!(report.divergence.ours, report.divergence.theirs);
    let all: Vec<u8> = report.envelopes.iter().flat_map(|envelope| envelope.bytes().to_vec()).collect();
    assert!(!String::from_utf8_lossy(&all).to_lowercase().contains("secret"));
    let verdict = replay(&report).expect("a sound history");
    assert!(verdict.agrees() && verdict.passes_version, "{verdict}");
}
