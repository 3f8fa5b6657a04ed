//! Changes that go by file between the real programs: no relay, and then one.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value as Json, json};
use tempfile::{TempDir, tempdir};

use crate::processes::{Device, Relay};

/// A relay that nobody has ever reached.
const NOWHERE: &str = "ws://127.0.0.1:1";

/// Two devices that know of one document, and have never been linked.
struct Apart {
    folder: TempDir,
    ana: Device,
    bo: Device,
    id: String,
}

impl Apart {
    fn new() -> Self {
        let folder = tempdir().expect("a temporary folder");
        let [ana, bo] = ["ana", "bo"].map(|name| Device::new(folder.path().join(name)));
        let id = ana.ask(&["new", "--json"])["id"].as_str().expect("an id").to_owned();
        let link = ana.run(&["share", &id, "--relay", NOWHERE]);
        let waiting = bo.command(&["join", link.trim(), "--timeout", "0.1"]).output().expect("the program starts");
        assert!(!waiting.status.success(), "nobody is there to join with");
        Self { folder, ana, bo, id }
    }

    fn file(&self, name: &str) -> String {
        self.folder.path().join(name).to_string_lossy().into_owned()
    }

    /// How many changes are new and how many known.
    fn apply(&self, device: &Device, file: &str) -> (u64, u64) {
        let said = device.ask(&["apply", file, "--json"]);
        assert_eq!(
            (&said["waiting"], &said["refused"], said["id"].as_str()),
            (&json!(0), &json!(0), Some(&self.id[..]))
        );
        (said["taken"].as_u64().expect("a number"), said["known"].as_u64().expect("a number"))
    }
}

/// Writes a text in front of what is there.
fn write(device: &Device, id: &str, text: &str) {
    let mut editor = device.edit(id);
    editor.ask(&json!({ "splice": [0, 0, text] }));
    editor.quit();
}

/// A command that fails with this exit code and these words.
fn fails(device: &Device, arguments: &[&str], code: i32, words: &str) {
    let output = device.command(arguments).stdin(Stdio::null()).output().expect("the program starts");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "quire {arguments:?}: {complaint}");
    assert!(complaint.contains(words), "quire {arguments:?} says {complaint:?} without {words:?}");
}

#[test]
fn what_is_written_off_line_goes_by_stick_both_ways_and_then_to_a_relay() {
    let apart = Apart::new();
    let Apart { ana, bo, id, .. } = &apart;
    write(ana, id, "Ana’s.");
    let there = apart.file("there.bundle");
    ana.run(&["bundle", id, &there]);
    let bytes = fs::read(&there).expect("a file");
    assert!(!bytes.windows(3).any(|window| window == b"Ana"), "it is sealed");
    assert_eq!(apart.apply(bo, &there).1, 0);
    assert_eq!(bo.run(&["cat", id]), "Ana’s.");
    assert_eq!(apart.apply(bo, &there).0, 0, "applied again, it says nothing new");

    write(bo, id, "Bo’s and ");
    let back = apart.file("back.bundle");
    let said = bo.ask(&["bundle", id, &back, "--since", &there, "--json"]);
    let made = said["changes"].as_u64().expect("a number");
    assert_eq!(apart.apply(ana, &back), (made, 0), "only what the other lacks");
    assert_eq!(ana.run(&["cat", id]), "Bo’s and Ana’s.");
    let all = apart.file("all.bundle");
    let version = said["version"].as_object().expect("a version vector").iter();
    let version: Vec<String> = version.map(|(replica, units)| format!("--for={replica}:{units}")).collect();
    let arguments = [&["bundle", id, &all, "--json"][..], &version.iter().map(String::as_str).collect::<Vec<_>>()];
    assert_eq!(ana.ask(&arguments.concat())["changes"], json!(0), "Bo has said that he has it all");

    let relay = Relay::start(&apart.folder.path().join("relay"));
    for device in [bo, ana] {
        device.run(&["share", id, "--relay", &relay.url(), "--move"]);
        device.run(&["sync", "--until-saved"]);
    }
    let cy = Device::new(apart.folder.path().join("cy"));
    cy.run(&["join", ana.run(&["share", id]).trim()]);
    assert_eq!(cy.run(&["cat", id]), "Bo’s and Ana’s.");
}

#[test]
fn a_file_that_is_not_as_it_was_is_not_taken() {
    let apart = Apart::new();
    let Apart { ana, bo, id, .. } = &apart;
    write(ana, id, "secret");
    let (good, bad) = (apart.file("good.bundle"), apart.file("bad.bundle"));
    ana.run(&["bundle", id, &good]);
    fails(ana, &["bundle", id, &good], 1, "is there already; --force writes over it");
    ana.run(&["bundle", id, &good, "--force"]);
    let bytes = fs::read(&good).expect("a file");
    for at in (0..bytes.len()).step_by(bytes.len() / 8) {
        let mut changed = bytes.clone();
        changed[at] ^= 0x10;
        fs::write(&bad, changed).expect("a file is written");
        fails(bo, &["apply", &bad], 1, "bad.bundle: it");
        fs::write(&bad, &bytes[..at]).expect("a file is written");
        fails(bo, &["apply", &bad], 1, "bad.bundle: it");
    }
    fails(bo, &["apply", &apart.file("none")], 3, "none cannot be read");
    let cy = Device::new(apart.folder.path().join("cy"));
    fails(&cy, &["apply", &good], 3, "is not here: bring it here first");
    let other = ana.ask(&["new", "--json"])["id"].as_str().expect("an id").to_owned();
    fails(ana, &["bundle", &other, &bad, "--since", &good, "--force"], 1, "not of");
    assert_eq!(bo.run(&["cat", id]), "", "nothing was taken");
    apart.apply(bo, &good);
    assert_eq!(bo.run(&["cat", id]), "secret");
}

#[test]
fn the_copy_that_has_the_library_makes_and_applies_them_meanwhile() {
    let apart = Apart::new();
    let Apart { ana, bo, id, .. } = &apart;
    let (first, second) = (apart.file("first.bundle"), apart.file("second.bundle"));
    let (mut at_ana, mut at_bo) = (ana.edit(id), bo.edit(id));
    at_ana.ask(&json!({ "splice": [0, 0, "typed"] }));
    ana.run(&["bundle", id, &first]);
    apart.apply(bo, &first);
    at_ana.ask(&json!({ "splice": [5, 0, " on"] }));
    let said = ana.ask(&["bundle", id, &second, "--since", &first, "--json"]);
    assert_eq!(said["changes"], json!(1));
    assert_eq!(apart.apply(bo, &second), (1, 0));
    assert_eq!(at_bo.ask(&json!({ "text": true }))["text"], Json::from("typed on"));
    at_bo.quit();
    at_ana.quit();
    assert_eq!(bo.run(&["cat", id]), "typed on", "it was on the disk");
}

#[test]
fn format_page_is_enough_for_the_golden_bundle() {
    let of = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    let script = |bundle: &Path| {
        let mut command = Command::new("python3");
        command.arg(of("protocol/bundle.py")).arg(of("golden/keys.txt")).arg(bundle);
        command.output().expect("python3 runs the independent script")
    };
    let output = script(&of("golden/bundle-v1.txt"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let golden = fs::read_to_string(of("golden/bundle-v1.txt")).expect("a golden file");
    let folder = tempdir().expect("a temporary folder");
    let file = folder.path().join("changed.txt");
    for at in (9..golden.lines().next().map_or(0, str::len)).step_by(97) {
        let digit = if golden[at..].starts_with('0') { "1" } else { "0" };
        fs::write(&file, [&golden[..at], digit, &golden[at + 1..]].concat()).expect("a file is written");
        let output = script(&file);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(1) && !said.contains("Traceback"), "digit {at}: {said}");
    }
}
