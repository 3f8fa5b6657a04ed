//! Somebody stores what no replica can take: two honest editors write on as if it were not there.

use quire_crdt::sync::frame::{Frame, Hello};
use quire_crdt::{Change, DocumentId, Envelope, Header, Op, OpId, ReplicaId, VersionVector, seal};
use serde_json::json;
use tempfile::tempdir;

use super::client::{Client, hello};
use crate::processes::{Device, Editor, Relay};

const HOSTILE: ReplicaId = ReplicaId::from_bytes([0x66; 16]);

/// A word behind a character that nobody has ever written.
fn forgery(document: DocumentId, first_seq: u64) -> Envelope {
    let left = Some(OpId::new(ReplicaId::from_bytes([0x77; 16]), 3));
    let ops = vec![Op::Insert { left, right: None, text: "evil".to_owned() }];
    let header = Header { replica: HOSTILE, first_seq, len: 4, deps: VersionVector::new(), heads: false };
    seal(document, &Change { header, ops })
}

/// Stores two forgeries at the relay, behind those that are there.
fn store_forgeries(relay: &Relay, document: DocumentId, stored: u64) {
    let address = relay.url().trim_start_matches("ws://").trim_end_matches('/').parse().expect("an address");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut client = Client::connect(address).await;
        client.send(&Frame::Hello(Hello { document, ..hello(HOSTILE, VersionVector::new()) }).encode()).await;
        client.until(|frame| matches!(frame, Frame::Welcome(_))).await;
        for first_seq in [stored, stored + 4] {
            client.send_change(&forgery(document, first_seq)).await;
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
    let document: DocumentId = id.parse().expect("an id");
    let link = ana.run(&["share", &id, "--relay", &relay.url()]);
    store_forgeries(&relay, document, 0);
    ana.run(&["sync", "--until-saved"]);
    let joined = bo.ask(&["join", link.trim(), "--json"]);
    let words = joined["set_aside"][&id].as_str().expect("it is said");
    assert_eq!(words, "Changes by device 66666666 cannot be read and were set aside, with what builds upon them.");

    let (mut first, mut second) = (ana.edit(&id), bo.edit(&id));
    pass_on(&mut first, &mut second, "one ");
    store_forgeries(&relay, document, 8);
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
