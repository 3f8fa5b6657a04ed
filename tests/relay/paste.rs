//! A paste of ten megabytes, through the editor's session, its disk, a relay and back.

use serde_json::json;

use crate::processes::{Device, Relay};

#[test]
fn ten_megabytes_in_one_edit_arrive_whole() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let relay = Relay::start(&folder.path().join("relay"));
    let (ana, ben) = (Device::new(folder.path().join("ana")), Device::new(folder.path().join("ben")));
    let new = ana.ask(&["new", "--title", "Long", "--json"]);
    let id = new["id"].as_str().expect("an id");
    let shared = ana.ask(&["share", id, "--relay", &relay.url(), "--json"]);
    let text: String =
        (0..).map(|line| format!("{line}: ten megabytes of prose, grüße and 世界\n")).take(200_000).collect();
    assert!(text.len() > 10_000_000, "{}", text.len());
    let mut editor = ana.edit(id);
    editor.ask(&json!({ "splice": [0, 0, text] }));
    editor.ask(&json!({ "until_saved": true }));
    editor.quit();
    let link = shared["link"].as_str().expect("a link");
    ben.run(&["join", link, "--timeout", "120"]);
    assert!(ben.run(&["cat", id]) == text, "the text that arrived is another one");
}
