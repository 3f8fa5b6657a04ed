//! Somebody stores what no replica can take: two honest editors write on as if it were not there.

use quire::editor::link::Link;
use quire_crdt::sync::frame::Frame;
use quire_crdt::{Op, OpId, ReplicaId, VersionVector};
use serde_json::json;
use tempfile::tempdir;

use super::client::Client;
use super::who::Who;
use crate::processes::{Device, Editor, Relay};

/// A word behind a character that nobody has ever written.
fn forgery() -> Vec<Op> {
    let left = Some(OpId::new(ReplicaId::from_bytes([0x77; 16]), 3));
    vec![Op::Insert { left, right: None, text: "evil".to_owned() }]
}

/// Stores two forgeries at the relay, behind those that are there: by somebody who has the document's link, since nobody else gets in.
fn store_forgeries(relay: &Relay, hostile: &mut Who, stored: u64) {
    let address = relay.url().trim_start_matches("ws://").trim_end_matches('/').parse().expect("an address");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut client = Client::connect(address).await;
        client.say_hello(hostile, VersionVector::new()).await;
        client.until(|frame| matches!(frame, Frame::Welcome(_))).await;
        for _ in 0..2 {
            client.send_change(&hostile.make(forgery())).await;
        }
        client.until_durable(stored + 8).await;
    });
}

/// Types a word in one editor and waits until the other has it.
fn pass_on(from: &mut Editor, to: &mut Editor, word: &str) {
    from.ask(&json!({ "splice": [0, 0, word] }));
    let made = from.ask(&json!({ "commit": true }));
    let replica = made["replica"].as_str().expect("an id").to_owned();
    to.ask(&json!({ "until": { replica: made["units"] } }));
}

#[test]
fn a_hostile_writer_keeps_nobody_from_writing() {
    let folder = tempdir().expect("a temporary folder");
    let relay = Relay::start(&folder.path().join("relay"));
    let (ana, bo) = (Device::new(folder.path().join("ana")), Device::new(folder.path().join("bo")));
    let id = ana.ask(&["new", "--json"])["id"].as_str().expect("an id").to_owned();
    let link = ana.run(&["share", &id, "--relay", &relay.url()]);
    let keys = link.trim().parse::<Link>().expect("a link").keys.document_keys().expect("its keys");
    let mut hostile = Who::of(keys, 0x66);
    store_forgeries(&relay, &mut hostile, 0);
    ana.run(&["sync", "--until-saved"]);
    let joined = bo.ask(&["join", link.trim(), "--json"]);
    let words = joined["set_aside"][&id].as_str().expect("it is said");
    let device = &hostile.id().to_string()[..8];
    let expected = format!("Changes by device {device} cannot be read and were set aside, with what builds upon them.");
    assert_eq!(words, expected);

    let (mut first, mut second) = (ana.edit(&id), bo.edit(&id));
    pass_on(&mut first, &mut second, "one ");
    store_forgeries(&relay, &mut hostile, 8);
    pass_on(&mut second, &mut first, "two ");
    pass_on(&mut first, &mut second, "three ");
    for mut editor in [first, second] {
        assert_eq!(editor.ask(&json!({ "text": true }))["text"], "three two one ");
        editor.ask(&json!({ "until_saved": true }));
        editor.quit();
    }
    for device in [ana, bo] {
        let synced = device.ask(&["sync", "--until-saved", "--json"]);
        assert!(synced["set_aside"][&id].is_string(), "{synced}");
        assert_eq!(device.run(&["cat", &id]), "three two one ");
    }
}
