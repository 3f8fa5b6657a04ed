//! One library on several devices.

use serde_json::Value as Json;
use tempfile::tempdir;

use crate::processes::{Device, Relay};

/// The titles and texts that a device has, in order.
fn contents(device: &Device) -> Vec<(String, String)> {
    let list = device.ask(&["list", "--json"]);
    let documents = list.as_array().expect("a list").iter();
    let content = |document: &Json| {
        let id = document["id"].as_str().expect("an id");
        (document["title"].as_str().expect("a title").to_owned(), device.run(&["cat", id]))
    };
    let mut contents: Vec<_> = documents.map(content).collect();
    contents.sort();
    contents
}

fn import(device: &Device, name: &str, text: &str) -> String {
    let file = device.folder().join(name);
    std::fs::create_dir_all(device.folder()).expect("a folder");
    std::fs::write(&file, text).expect("a file");
    device.run(&["import", file.to_str().expect("a path")]).trim().to_owned()
}

fn is_archived(device: &Device, id: &str) -> bool {
    let list = device.ask(&["list", "--json"]);
    let document = list.as_array().expect("a list").iter().find(|document| document["id"] == id);
    document.expect("it is there")["archived"] == true
}

#[test]
fn a_link_brings_the_whole_library_to_another_device_and_keeps_it_in_step() {
    let folder = tempdir().expect("a temporary folder");
    let relay = Relay::start(&folder.path().join("relay"));
    let [laptop, desktop] = ["laptop", "desktop"].map(|name| Device::new(folder.path().join(name)));
    let shared = import(&laptop, "shared.txt", "one");
    laptop.run(&["share", &shared, "--relay", &relay.url()]);
    import(&laptop, "local.txt", "two");
    import(&desktop, "of-the-desktop.txt", "three");

    let link = laptop.run(&["add-device", "--relay", &relay.url()]);
    assert_eq!(laptop.run(&["add-device"]), link, "it stays the same");
    laptop.run(&["sync", "--until-saved"]);
    desktop.run(&["join", "--whole-library", link.trim()]);
    let [one, two, three] =
        [("shared", "one"), ("local", "two"), ("of-the-desktop", "three")].map(|(a, b)| (a.to_owned(), b.to_owned()));
    assert_eq!(contents(&desktop), [two.clone(), three.clone(), one.clone()]);
    desktop.run(&["sync", "--until-saved"]);
    laptop.run(&["sync", "--until-saved"]);
    assert_eq!(contents(&laptop), contents(&desktop));

    let later = import(&desktop, "later.txt", "four");
    desktop.run(&["sync", "--until-saved"]);
    laptop.run(&["sync", "--until-saved"]);
    assert_eq!(contents(&laptop), contents(&desktop));
    assert_eq!(laptop.run(&["cat", &later]), "four");
    assert!(!is_archived(&laptop, &later));
}

#[test]
fn the_link_of_a_library_is_not_opened_by_mistake() {
    let folder = tempdir().expect("a temporary folder");
    let relay = Relay::start(&folder.path().join("relay"));
    let [laptop, stranger] = ["laptop", "stranger"].map(|name| Device::new(folder.path().join(name)));
    let link = laptop.run(&["add-device", "--relay", &relay.url()]);
    let secret = import(&stranger, "diary.txt", "dear diary");
    let complaint = stranger.fail(&["join", link.trim()]);
    assert!(complaint.contains("--whole-library"), "{complaint}");
    stranger.run(&["sync", "--until-saved"]);
    let list = stranger.ask(&["list", "--json"]);
    assert_eq!((list[0]["id"].as_str(), &list[0]["relay"]), (Some(secret.as_str()), &Json::Null), "nothing is shared");

    let document = import(&laptop, "notes.txt", "notes");
    let of_document = laptop.run(&["share", &document, "--relay", &relay.url()]);
    let complaint = stranger.fail(&["join", "--whole-library", of_document.trim()]);
    assert!(complaint.contains("one document"), "{complaint}");
    laptop.run(&["sync", "--until-saved"]);
    let other = stranger.run(&["add-device", "--relay", &relay.url()]);
    assert_ne!(other, link);
    let complaint = stranger.fail(&["join", "--whole-library", link.trim()]);
    assert!(complaint.contains("add-device --stop"), "{complaint}");
    stranger.run(&["add-device", "--stop"]);
    stranger.run(&["join", "--whole-library", link.trim()]);
    assert_eq!(stranger.ask(&["list", "--json"]).as_array().map(Vec::len), Some(2));
}
