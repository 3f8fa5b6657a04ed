//! What crosses the wire to a relay, and what it has on its disk, searched for what people wrote. The programs and the relay are the real
//! ones; between them stands somebody who takes down every message, without the websocket's masks.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::{SinkExt as _, StreamExt as _};
use quire_crdt::sync::RelayPolicy;
use quire_server::Config;
use serde_json::json;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{accept_async, client_async};

use crate::links::{device, folder};
use crate::processes::{Device, Editor};

const WORDS: [&str; 6] = ["xylophone", "marmalade", "Überraschung", "鷹の爪", "cathedral", "hippopotamus"];

const NAME: &str = "Boadicea";

/// All that crossed the wire, in both directions.
type Taken = Arc<Mutex<Vec<u8>>>;

/// Passes on one link, and takes down what it says.
async fn pass_on(stream: TcpStream, relay: String, taken: Taken) {
    let mut ends = (
        accept_async(stream).await.expect("a device speaks websocket"),
        client_async(format!("ws://{relay}/"), TcpStream::connect(&relay).await.expect("the relay is there"))
            .await
            .expect("the relay speaks websocket")
            .0,
    );
    loop {
        let (message, is_up) = tokio::select! {
            message = ends.0.next() => (message, true),
            message = ends.1.next() => (message, false),
        };
        let Some(Ok(message)) = message else { return };
        if let Message::Binary(frame) = &message {
            taken.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(frame);
        }
        let passed = if is_up { ends.1.send(message).await } else { ends.0.send(message).await };
        if passed.is_err() {
            return;
        }
    }
}

/// A relay over this folder behind somebody who listens; under which address, and what he hears.
async fn overheard(data: &Path) -> (String, Taken) {
    let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0"));
    let [outer, inner] = futures_util::future::join_all(listeners).await.try_into().expect("two");
    let (outer, inner) = (outer.expect("a port is free"), inner.expect("a port is free"));
    let address = |listener: &TcpListener| listener.local_addr().expect("it has an address").to_string();
    let (known, relay) = (address(&outer), address(&inner));
    let policy = RelayPolicy { names: vec![known.clone()], ..RelayPolicy::default() };
    let config = Config { policy, ..Config::new(data) };
    tokio::spawn(quire_server::run(inner, config, std::future::pending()));
    let taken = Taken::default();
    let ear = Arc::clone(&taken);
    tokio::spawn(async move {
        while let Ok((stream, _)) = outer.accept().await {
            tokio::spawn(pass_on(stream, relay.clone(), Arc::clone(&ear)));
        }
    });
    (known, taken)
}

/// Everything in a folder's files, one after the other.
fn contents(folder: &Path) -> Vec<u8> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let content = |path: PathBuf| {
        if path.is_dir() { contents(&path) } else { fs::read(&path).expect("a file can be read") }
    };
    entries.flat_map(content).collect()
}

/// Those of these words that are somewhere in the bytes, in UTF-8 or UTF-16.
fn found<'a>(bytes: &[u8], words: &[&'a str]) -> Vec<&'a str> {
    let is_there = |word: &&str| {
        let wide = |order: fn(u16) -> [u8; 2]| word.encode_utf16().flat_map(order).collect::<Vec<u8>>();
        let forms = [word.as_bytes().to_vec(), wide(u16::to_le_bytes), wide(u16::to_be_bytes)];
        forms.iter().any(|form| bytes.windows(form.len()).any(|window| window == form))
    };
    words.iter().copied().filter(is_there).collect()
}

fn secret(link: &str) -> &str {
    link.split('#').nth(1).and_then(|keys| keys.split('.').nth(1)).expect("a link has a secret")
}

/// Ana writes and shares, Bo joins and writes under his name, and Ana brings her library to another device. The links that went from
/// hand to hand.
fn people(world: &TempDir, relay: &str) -> [String; 2] {
    let [ana, bo, desk]: [Device; 3] = ["ana", "bo", "desk"].map(|name| device(world, name));
    let file = world.path().join("ana/plan.txt");
    fs::write(&file, WORDS[..5].join(" ")).expect("a file");
    let id = ana.run(&["import", file.to_str().expect("a path"), "--title", "Quagmire"]);
    let id = id.trim();
    let link = ana.run(&["share", id, "--relay", relay]);
    ana.run(&["sync", "--until-saved"]);
    bo.run(&["join", link.trim()]);
    let mut editor = Editor::start(bo.command(&["edit", id, "--name", NAME]));
    for line in [json!({ "splice": [0, 0, WORDS[5]] }), json!({ "commit": true }), json!({ "until_saved": true })] {
        editor.ask(&line);
    }
    editor.quit();
    ana.run(&["sync", "--until-saved"]);
    assert_eq!(found(ana.run(&["cat", id]).as_bytes(), &WORDS), WORDS);
    let library = ana.run(&["add-device", "--relay", relay]);
    ana.run(&["sync", "--until-saved"]);
    desk.run(&["join", "--whole-library", library.trim()]);
    desk.run(&["sync", "--until-saved"]);
    assert_eq!(found(desk.run(&["cat", id]).as_bytes(), &WORDS), WORDS);
    [link, library]
}

#[test]
fn neither_the_wire_nor_a_relay_s_disk_has_a_word() {
    let world = folder();
    let data = world.path().join("relay");
    let runtime = Runtime::new().expect("a runtime");
    let (relay, taken) = runtime.block_on(overheard(&data));
    let links = people(&world, &relay);
    drop(runtime);
    let searched: Vec<&str> = WORDS.into_iter().chain(["Quagmire", "title"]).collect();
    let secrets = links.each_ref().map(|link| secret(link));
    let (wire, disk) = (taken.lock().unwrap_or_else(PoisonError::into_inner).clone(), contents(&data));
    for (place, bytes) in [("wire", &wire), ("disk", &disk)] {
        assert!(bytes.len() > 4096, "{} bytes on the {place}", bytes.len());
        assert_eq!(found(bytes, &[&searched[..], &secrets, &[NAME]].concat()), [""; 0], "on the {place}");
    }
    // Whoever may read them has them, and this search finds them there.
    assert_eq!(found(&contents(&world.path().join("ana")), &searched), searched);
}
