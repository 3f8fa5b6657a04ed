//! A relay that lost everything, and one device that brings back what everybody wrote.

use std::fs;

use serde_json::json;
use tempfile::tempdir;

use crate::processes::{Device, Relay};

#[test]
fn what_is_said_to_be_saved_is_everybodys_and_survives_the_relays_death() {
    let folder = tempdir().expect("a temporary folder");
    let mut relay = Relay::start(&folder.path().join("relay"));
    let [ana, bo, cy] = ["ana", "bo", "cy"].map(|name| Device::new(folder.path().join(name)));
    let id = ana.ask(&["new", "--json"])["id"].as_str().expect("an id").to_owned();
    let link = ana.run(&["share", &id, "--relay", &relay.url()]);
    let write = |device: &Device, text: &str| {
        let mut editor = device.edit(&id);
        editor.ask(&json!({ "splice": [0, 0, text] }));
        editor.ask(&json!({ "until_saved": true }));
        editor.quit();
    };
    write(&ana, "Ana’s.");
    bo.run(&["join", link.trim()]);
    write(&bo, "Bo’s and ");

    relay.kill();
    fs::remove_dir_all(relay.data()).expect("the store is lost");
    relay.start_again();
    bo.run(&["sync", "--until-saved"]);
    relay.kill();
    relay.start_again();
    cy.run(&["join", link.trim()]);
    assert_eq!(cy.run(&["cat", &id]), "Bo’s and Ana’s.");
}
