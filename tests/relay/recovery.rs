//! A library that is lost comes back by its recovery file and the relay: the real programs.

use std::fs;

use serde_json::{Value as Json, json};

use crate::links::{complaint, device, folder, run_with};
use crate::processes::{Device, Relay};

const PASSPHRASE: &[u8] = b"correct horse battery staple\n";

/// Makes a document with this text; its id.
fn written(device: &Device, title: &str, text: &str) -> String {
    let id = device.run(&["new", "--title", title]).trim().to_owned();
    let mut editor = device.edit(&id);
    editor.ask(&json!({ "splice": [0, 0, text] }));
    editor.quit();
    id
}

fn recover(device: &Device, arguments: &[&str]) -> Json {
    let output = run_with(device, arguments, PASSPHRASE);
    assert!(output.status.success(), "quire {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("the answer is JSON")
}

#[test]
fn a_lost_library_comes_back_by_its_recovery_file() {
    let world = folder();
    let (relay, ana, bo) = (Relay::start(&world.path().join("relay")), device(&world, "ana"), device(&world, "bo"));
    let plan = written(&ana, "Plan", "House, garden, å and 🙂.");
    let old = written(&bo, "Old letters", "Dear Ana,");
    let alone = written(&ana, "Diary", "Nobody else has this.");
    ana.run(&["share", &plan, "--relay", &relay.url()]);
    bo.run(&["share", &old, "--relay", &relay.url()]);
    let viewers = bo.run(&["share", &old, "--viewer"]);
    bo.run(&["sync", "--until-saved"]);
    ana.run(&["join", viewers.trim()]);
    ana.run(&["sync", "--until-saved"]);
    let file = world.path().join("recovery");
    let path = file.to_string_lossy();
    let made = recover(&ana, &["recovery", &path, "--json"]);
    assert_eq!((&made["documents"], &made["left_out"]), (&json!(2), &json!(1)));
    let said = String::from_utf8_lossy(&fs::read(&file).expect("it was written")).into_owned();
    assert!(!said.contains("quire://") && !said.contains("Plan"), "it is sealed");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(&file).expect("it is there").permissions().mode() & 0o777, 0o600);
    }
    let again = run_with(&ana, &["recovery", &path], PASSPHRASE);
    assert!(complaint(&again, 1).contains("--force"));
    recover(&ana, &["recovery", &path, "--force", "--json"]);

    fs::remove_dir_all(ana.folder()).expect("the library can be lost");
    let ana = device(&world, "ana");
    let restored = recover(&ana, &["restore-library", &path, "--json"]);
    let mut added: Vec<&str> = restored["added"].as_array().expect("a list").iter().filter_map(Json::as_str).collect();
    added.sort_unstable();
    let mut expected = [plan.as_str(), old.as_str()];
    expected.sort_unstable();
    assert_eq!((added.as_slice(), &restored["here"]), (&expected[..], &json!([])));
    assert_eq!(ana.run(&["cat", &plan]), "House, garden, å and 🙂.");
    assert_eq!(ana.run(&["cat", &old]), "Dear Ana,");
    let missing = ana.command(&["cat", &alone]).output().expect("the program starts");
    assert!(complaint(&missing, 3).contains(&alone), "what was on this computer alone is gone");

    // It writes on where the link lets it, and not where it was a viewer's.
    let mut editor = ana.edit(&plan);
    editor.ask(&json!({ "splice": [0, 5, "Barn"] }));
    editor.quit();
    let again = recover(&ana, &["restore-library", &path, "--json"]);
    assert_eq!((&again["added"], again["here"].as_array().map(Vec::len)), (&json!([]), Some(2)));
    assert_eq!(ana.run(&["cat", &plan]), "Barn, garden, å and 🙂.", "what is here is left alone");
    let link = ana.ask(&["share", &old, "--json"])["link"].to_string();
    assert!(link.contains("#2v."), "a viewer's link stays one");
}

#[test]
fn what_a_relay_cannot_give_yet_is_in_the_library_by_its_name() {
    let world = folder();
    let (mut relay, ana, bo) = (Relay::start(&world.path().join("relay")), device(&world, "ana"), device(&world, "bo"));
    let plan = written(&ana, "Plan", "House.");
    ana.run(&["share", &plan, "--relay", &relay.url()]);
    ana.run(&["sync", "--until-saved"]);
    let file = world.path().join("recovery");
    let path = file.to_string_lossy();
    recover(&ana, &["recovery", &path, "--json"]);
    relay.kill();
    let output = run_with(&bo, &["restore-library", &path, "--timeout", "0.2"], PASSPHRASE);
    let said = complaint(&output, 5);
    assert!(said.contains("1 document came into the library") && said.contains("quire sync"), "{said}");
    let list = bo.run(&["list"]);
    assert!(list.starts_with(&plan) && list.contains("  Plan  (shared at "), "{list}");
    relay.start_again();
    bo.run(&["sync", "--until-saved"]);
    assert_eq!(bo.run(&["cat", &plan]), "House.");
}

#[test]
fn a_recovery_file_that_cannot_be_used_says_why_and_changes_nothing() {
    let world = folder();
    let (ana, bo) = (device(&world, "ana"), device(&world, "bo"));
    let file = world.path().join("recovery");
    let path = file.to_string_lossy();
    let fails = |device: &Device, arguments: &[&str], passphrase: &[u8], code: i32, words: &str| {
        let said = complaint(&run_with(device, arguments, passphrase), code);
        assert!(said.contains(words), "quire {arguments:?} says {said:?} without {words:?}");
    };
    fails(&ana, &["recovery", &path], PASSPHRASE, 1, "no document of this library is shared");
    let id = written(&ana, "Plan", "House.");
    ana.run(&["share", &id, "--relay", "ws://127.0.0.1:9"]);
    fails(&ana, &["recovery", &path], b"short\n", 2, "has 5 characters");
    fails(&ana, &["recovery", &path], b"", 2, "no passphrase");
    assert!(!file.exists(), "nothing was written");
    recover(&ana, &["recovery", &path, "--json"]);

    let bytes = fs::read(&file).expect("it was written");
    let restore = ["restore-library", &path];
    fails(&bo, &restore, b"correct horse battery stable\n", 1, "the passphrase is not the one");
    fails(&bo, &restore, b"", 2, "no passphrase");
    fs::write(&file, &bytes[..bytes.len() - 1]).expect("it is written");
    fails(&bo, &restore, PASSPHRASE, 1, "damaged or cut off");
    fs::write(&file, [&bytes[..4], &[2], &bytes[5..]].concat()).expect("it is written");
    fails(&bo, &restore, PASSPHRASE, 1, "a newer Quire made it");
    fs::write(&file, "# Plan\n").expect("it is written");
    fails(&bo, &restore, PASSPHRASE, 1, "no recovery file");
    fs::File::create(&file).and_then(|file| file.set_len(17 * 1024 * 1024)).expect("it is made");
    fails(&bo, &restore, PASSPHRASE, 1, "it is no recovery file");
    fails(&bo, &["restore-library", "/nowhere/at/all"], PASSPHRASE, 3, "/nowhere/at/all");
    assert_eq!(bo.run(&["list"]), "");

    let passphrase = world.path().join("passphrase");
    fs::write(&passphrase, PASSPHRASE).expect("it is written");
    let passphrase = passphrase.to_string_lossy();
    recover(&ana, &["recovery", &path, "--force", "--json", "--passphrase-file", &passphrase]);
    fails(&bo, &["restore-library", &path, "--timeout", "0.2"], PASSPHRASE, 5, "1 document came into the library");
}
