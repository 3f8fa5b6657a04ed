//! A library that was copied, and both copies that are written in.

use std::fs;
use std::path::Path;

use serde_json::json;
use tempfile::tempdir;

use crate::processes::{Device, Relay};

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("the library's folder") {
        let entry = entry.expect("a file of the library");
        if entry.file_type().expect("its kind").is_file() {
            fs::copy(entry.path(), to.join(entry.file_name())).expect("the library can be copied");
        }
    }
}

#[test]
fn both_copies_of_a_library_go_on_and_nothing_is_lost_or_doubled() {
    let folder = tempdir().expect("a temporary folder");
    let relay = Relay::start(&folder.path().join("relay"));
    let [ana, bo] = ["ana", "bo"].map(|name| Device::new(folder.path().join(name)));
    let id = ana.ask(&["new", "--json"])["id"].as_str().expect("an id").to_owned();
    let link = ana.run(&["share", &id, "--relay", &relay.url()]);
    let write = |device: &Device, text: &str| {
        let mut editor = device.edit(&id);
        editor.ask(&json!({ "splice": [0, 0, text] }));
        editor.ask(&json!({ "until_saved": true }));
        editor.quit();
    };
    write(&ana, "both");
    copy(&folder.path().join("ana"), &folder.path().join("copy"));
    let twin = Device::new(folder.path().join("copy"));
    let replica = |device: &Device| device.ask(&["list", "--json"])[0]["replica"].as_str().map(str::to_owned);
    assert_eq!(replica(&twin), replica(&ana));

    write(&ana, "ana’s ");
    write(&twin, "the twin’s ");
    assert_ne!(replica(&twin), replica(&ana), "it is a device of its own");
    write(&ana, "1");
    write(&twin, "2");
    bo.run(&["join", link.trim()]);
    let text = bo.run(&["cat", &id]);
    for part in ["both", "ana’s ", "the twin’s ", "1", "2"] {
        assert_eq!(text.matches(part).count(), 1, "{part:?} in {text:?}");
    }
    for device in [&ana, &twin] {
        device.run(&["sync", "--until-saved"]);
        assert_eq!(device.run(&["cat", &id]), text);
    }
}
