//! How links come to the program and go from it, by its command line: the real program, and a real relay.

use std::fs;
use std::io::Write as _;
use std::process::{Output, Stdio};

use tempfile::TempDir;

use crate::processes::{Device, Relay};

/// Where the relay and the devices of a test have their folders.
fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn device(world: &TempDir, name: &str) -> Device {
    Device::new(world.path().join(name))
}

/// Runs a command that reads this from its standard input.
fn run_with(device: &Device, arguments: &[&str], input: &[u8]) -> Output {
    let mut command = device.command(arguments);
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let mut pipe = child.stdin.take().expect("the input is a pipe");
    // A program that refuses before it reads has closed its end.
    drop(pipe.write_all(input));
    drop(pipe);
    child.wait_with_output().expect("the program ends")
}

/// What a command that fails with this exit code complains of.
fn complaint(output: &Output, code: i32) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(output.stdout.is_empty(), "it fails and answers");
    said
}

#[test]
fn a_link_is_read_from_the_standard_input_and_no_complaint_shows_it() {
    let world = folder();
    let (relay, ana, bo) = (Relay::start(&world.path().join("relay")), device(&world, "ana"), device(&world, "bo"));
    let id = ana.run(&["new", "--title", "Plan"]);
    let link = ana.run(&["share", id.trim(), "--relay", &relay.url()]);
    ana.run(&["sync", "--until-saved"]);
    let secret = link.split('#').nth(1).and_then(|keys| keys.split('.').nth(1)).expect("a link has a secret");

    let damaged = link.trim().replace(secret, &format!("{}A", &secret[..secret.len() - 1]));
    for (arguments, input, words) in [
        (&["join", "-"][..], damaged.as_str(), "typo"),
        (&["join", "-"], &link[..link.len() - 4], "cut off"),
        (&["join", "-"], &link[link.len() / 2..], "not a Quire link"),
        (&["join", "-"], "", "the standard input ended before there was a link"),
        (&["join"], &link, "`quire join -`"),
        (&["join", link.trim(), link.trim()], "", "unexpected argument"),
    ] {
        let said = complaint(&run_with(&bo, arguments, input.as_bytes()), 2);
        assert!(said.contains(words), "{said:?} without {words:?}");
        assert!(!said.contains(secret) && !said.contains(&secret[..secret.len() - 1]), "{said}");
    }
    assert_eq!(bo.run(&["list"]), "", "nothing was made");

    let joined = run_with(&bo, &["join", "-"], format!("\n{link}").as_bytes());
    assert!(joined.status.success(), "{}", String::from_utf8_lossy(&joined.stderr));
    assert_eq!(String::from_utf8_lossy(&joined.stdout), id);
}

#[cfg(unix)]
#[test]
fn a_library_that_others_may_read_is_said_beside_every_answer_that_is_not_json() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = folder();
    let ana = device(&world, "ana");
    let id = ana.run(&["new", "--title", "Plan"]);
    let allow = |path: &std::path::Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("it is ours");
    };
    let said = |arguments: &[&str]| {
        let output = ana.command(arguments).output().expect("the program starts");
        assert!(output.status.success(), "quire {arguments:?}");
        (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    allow(ana.folder(), 0o755);
    assert_eq!(said(&["list"]).1, "", "its file is its owner's");
    allow(&ana.folder().join("library.redb"), 0o644);
    let (answer, complaint) = said(&["list"]);
    assert!(answer.starts_with(id.trim()), "{answer}");
    assert!(complaint.contains("may read your library") && complaint.contains("`chmod go= '"), "{complaint}");
    assert_eq!(said(&["list", "--json"]).1, "");
}
