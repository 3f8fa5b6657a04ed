//! An editor that is killed while the library takes a checkpoint of a document, or just before, or just after: whatever was said to be on this
//! disk is there, and every checkpoint that is there can be used.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use quire::shell::inbox::Inbox;
use quire::shell::loader::{self, Read};
use quire::shell::store::Store;
use quire_crdt::DocumentId;
use serde_json::json;
use sim::rng::Rng;

use crate::processes::{Device, Editor, seed};

const ROUNDS: usize = 200;
/// The longest that an editor lives once it was told to write, in microseconds.
const ROUND_US_MAX: usize = 60_000;
/// How many changes behind its checkpoint a library has when a round begins: a few fewer than bring about another checkpoint.
const BEHIND: u64 = 1_000;
/// How many are written in a round.
const WRITTEN: u64 = 40;
/// How often an editor is opened again until its checkpoint is there.
const TRIES_MAX: usize = 30;
/// How many more questions an editor answers each time before it ends.
const ASKED_LONGER: usize = 100;

/// What the library in this folder has of the document.
fn look(folder: &Path, document: DocumentId) -> Read {
    let store = Store::open(folder, Inbox::new().outlet()).expect("the library opens");
    let records = store.records().expect("the records can be read");
    let (_, record) = records.iter().find(|(id, _)| *id == document).expect("the document is there");
    let read = loader::read(&store.reader(), document, record.replica).expect("the document can be read");
    assert!(read.damaged.is_empty(), "every checkpoint that is there can be used: {:?}", read.damaged);
    read
}

fn write(editor: &mut Editor, changes: u64) {
    for _ in 0..changes {
        editor.send(&json!({ "splice": [0, 0, "x"] }));
        editor.send(&json!({ "commit": true }));
    }
    editor.send(&json!({ "version": true }));
}

/// Copies the library's file alone: nobody has it open.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder can be made");
    fs::copy(from.join("library.redb"), to.join("library.redb")).expect("the library can be copied");
}

/// Libraries that are about to take their first, second and third checkpoint.
fn libraries(folder: &Path) -> (DocumentId, Vec<Device>) {
    let device = Device::new(folder.join("writer"));
    let id = device.ask(&["new", "--json"])["id"].as_str().expect("an id").to_owned();
    let document: DocumentId = id.parse().expect("an id");
    let mut libraries = Vec::new();
    for number in 0..3 {
        let read = look(device.folder(), document);
        let behind = read.document.log().len() as u64 - read.checkpointed;
        let mut editor = device.edit(&id);
        write(&mut editor, BEHIND - behind);
        editor.quit();
        let library = folder.join(format!("library-{number}"));
        copy(device.folder(), &library);
        libraries.push(Device::new(library));
        let mut editor = device.edit(&id);
        write(&mut editor, WRITTEN);
        editor.quit();
        // A checkpoint is made beside the editor, which says nothing of it: it is given longer each time.
        let is_there = |try_number: usize| {
            let mut editor = device.edit(&id);
            for _ in 0..try_number * ASKED_LONGER {
                editor.ask(&json!({ "version": true }));
            }
            editor.quit();
            look(device.folder(), document).checkpointed > read.checkpointed
        };
        assert!((1..TRIES_MAX).any(is_there), "a long log gets a checkpoint");
    }
    (document, libraries)
}

#[test]
fn two_hundred_kills_while_checkpoints_are_written_lose_nothing() {
    let mut rng = Rng::new(seed());
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (document, libraries) = libraries(folder.path());
    let mut checkpoints = 0;
    for round in 0..ROUNDS {
        let library = &libraries[round % libraries.len()];
        let device = Device::new(folder.path().join("round"));
        copy(library.folder(), device.folder());
        let before = look(device.folder(), document);
        let mut editor = device.edit(&document.to_string());
        write(&mut editor, WRITTEN);
        thread::sleep(Duration::from_micros(rng.below(ROUND_US_MAX) as u64));
        let said = editor.kill().iter().filter_map(|answer| answer["saved_here"].as_u64()).max().unwrap_or(0);
        let after = look(device.folder(), document);
        let units = after.document.version().get(after.document.replica());
        assert!(units >= said, "round {round}: what was said to be on this disk is there: {units} of {said}");
        assert!(units >= before.document.version().get(before.document.replica()), "round {round}");
        assert!(after.checkpointed >= before.checkpointed, "round {round}");
        let written = after.document.log().len() - before.document.log().len();
        let grown = after.document.text().len_chars() - before.document.text().len_chars();
        assert_eq!(grown, written, "round {round}: a change is a character");
        checkpoints += usize::from(after.checkpointed > before.checkpointed);
    }
    println!("{ROUNDS} rounds, a new checkpoint in {checkpoints} of them");
    assert!(checkpoints > 0, "no editor lived until its checkpoint was there");
}
