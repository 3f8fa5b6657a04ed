//! How links come to the program and go from it, by its command line: the real program, and a real relay.

use std::fs;
use std::io::Write as _;
use std::process::{Output, Stdio};

use flate2::Compression;
use flate2::write::ZlibEncoder;
use quire::editor::checksum::crc32;
use serde_json::json;
use tempfile::TempDir;

use crate::processes::{Device, Relay};

/// Where the relay and the devices of a test have their folders.
pub(crate) fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

pub(crate) fn device(world: &TempDir, name: &str) -> Device {
    Device::new(world.path().join(name))
}

/// Runs a command that reads this from its standard input.
pub(crate) fn run_with(device: &Device, arguments: &[&str], input: &[u8]) -> Output {
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
pub(crate) fn complaint(output: &Output, code: i32) -> String {
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

    let other = if secret.ends_with('A') { 'Q' } else { 'A' };
    let damaged = link.trim().replace(secret, &format!("{}{other}", &secret[..secret.len() - 1]));
    for (arguments, input, words) in [
        (&["join", "-"][..], damaged.as_str(), "typo"),
        (&["join", "-"], &link[..link.len() - 4], "cut off"),
        (&["join", "-"], &link[link.len() / 2..], "not a Quire link"),
        (&["join", "-"], "", "the standard input ended before there was a link"),
        (&["join"], &link, "`quire join -`"),
        (&["join", link.trim(), link.trim()], "", "unexpected argument"),
        (&["cat", link.trim()], "", "no document"),
        (&["share", id.trim(), "--relay", link.trim()], "", "no document"),
        (&["host", "--listen", link.trim()], "", "cannot listen on"),
        (&["import", link.trim()], "", "cannot be read"),
    ] {
        let output = run_with(&bo, arguments, input.as_bytes());
        let said = complaint(&output, output.status.code().filter(|code| *code > 0).expect("it fails"));
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

/// A PNG of what half blocks show, four pixels for each module.
fn picture_of(blocks: &str) -> Vec<u8> {
    const MODULE: usize = 4;
    let width = blocks.lines().map(|line| line.chars().count()).max().expect("there are lines") * MODULE;
    let mut rows = Vec::new();
    for line in blocks.lines() {
        for half in ["▀█", "▄█"] {
            let mut row = vec![0xff; width + 1];
            row[0] = 0;
            for (at, _) in line.chars().enumerate().filter(|(_, sign)| half.contains(*sign)) {
                row[1..][at * MODULE..(at + 1) * MODULE].fill(0);
            }
            (0..MODULE).for_each(|_| rows.extend_from_slice(&row));
        }
    }
    let height = rows.len() / (width + 1);
    let mut data = ZlibEncoder::new(Vec::new(), Compression::default());
    data.write_all(&rows).expect("memory takes it");
    let mut picture = b"\x89PNG\r\n\x1a\n".to_vec();
    let size = [width, height].map(|side| u32::try_from(side).expect("it is small").to_be_bytes()).concat();
    for (kind, bytes) in [
        (b"IHDR", [&size[..], &[8, 0, 0, 0, 0]].concat()),
        (b"IDAT", data.finish().expect("memory takes it")),
        (b"IEND", Vec::new()),
    ] {
        let body = [&kind[..], &bytes].concat();
        picture.extend(u32::try_from(bytes.len()).expect("it is small").to_be_bytes());
        picture.extend_from_slice(&body);
        picture.extend(crc32(&body).to_be_bytes());
    }
    picture
}

#[test]
fn a_link_goes_by_a_code_that_is_printed_and_a_picture_of_it() {
    let world = folder();
    let (relay, ana, bo) = (Relay::start(&world.path().join("relay")), device(&world, "ana"), device(&world, "bo"));
    let id = ana.run(&["new", "--title", "Plan"]);
    let shared = ana.run(&["share", id.trim(), "--relay", &relay.url(), "--qr"]);
    ana.run(&["sync", "--until-saved"]);
    let (link, code) = shared.split_once('\n').expect("the link, and its code");
    assert!(link.starts_with("quire://") && !code.contains('\x1b'), "{shared}");

    let picture = world.path().join("code.png");
    let path = picture.to_string_lossy();
    fs::write(&picture, picture_of(code)).expect("it is written");
    assert_eq!(bo.run(&["join", "--qr", &path]), id);
    let answer = bo.ask(&["share", id.trim(), "--viewer", "--qr", "--json"]);
    assert!(answer["link"].as_str().is_some_and(|link| link.contains("#2v.")), "{answer}");

    for (blocks, words) in [("▀ ▄\n █ \n", "no QR code in"), ("", "no picture that can be read")] {
        fs::write(&picture, if blocks.is_empty() { b"hello".to_vec() } else { picture_of(blocks) })
            .expect("it is written");
        let output = bo.command(&["join", "--qr", &path]).output().expect("the program starts");
        assert!(complaint(&output, 1).contains(words), "{words}");
    }
    let output = bo.command(&["join", "--qr", "/nowhere/at/all.png"]).output().expect("the program starts");
    assert!(complaint(&output, 3).contains("/nowhere/at/all.png"));
}

#[cfg(target_os = "linux")]
#[test]
fn the_desktop_is_told_which_program_opens_links_and_told_again_that_it_does_not() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = folder();
    let ana = device(&world, "ana's");
    let (data, tools) = (world.path().join("data"), world.path().join("tools"));
    let entry = data.join("applications").join("quire.desktop");
    fs::create_dir(&tools).expect("a folder can be made");
    let run = |arguments: &[&str]| {
        let mut command = ana.command(arguments);
        command.env("XDG_DATA_HOME", &data).env("PATH", &tools).output().expect("the program starts")
    };
    let said = |output: &Output| String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said(&run(&["register"])).contains("choose Quire for them"), "there is no xdg-mime");
    let tool = tools.join("xdg-mime");
    let script = format!("#!/bin/sh\necho \"$@\" > '{}'\n", tools.join("told").display());
    fs::write(&tool, script).expect("it is written");
    fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).expect("it is ours");
    assert!(said(&run(&["register"])).contains("quire:// links open in it now"));
    let told = fs::read_to_string(tools.join("told")).expect("it was called");
    assert_eq!(told, "default quire.desktop x-scheme-handler/quire\n");
    let text = fs::read_to_string(&entry).expect("it was written");
    let exec = text.lines().find(|line| line.starts_with("Exec=")).expect("it says what to run");
    let library = ana.folder().display();
    assert!(exec.ends_with(&format!("/quire\" --library \"{library}\" open %u")), "{exec}");
    assert!(text.contains("\nMimeType=x-scheme-handler/quire;\n"), "{text}");

    assert!(said(&run(&["register", "--remove"])).starts_with("removed "));
    assert!(!entry.exists() && said(&run(&["register", "--remove"])).contains("nothing is registered"));
    fs::write(&entry, "[Desktop Entry]\nName=Another\n").expect("it is written");
    for arguments in [&["register"][..], &["register", "--remove"]] {
        assert!(complaint(&run(arguments), 1).contains("is left alone"));
    }
}

#[test]
fn a_link_that_no_window_can_open_is_said_without_its_secret() {
    let world = folder();
    let (ana, bo) = (device(&world, "ana"), device(&world, "bo"));
    let id = ana.run(&["new"]);
    let link = ana.run(&["share", id.trim(), "--relay", "ws://127.0.0.1:9"]);
    let own = bo.run(&["new"]);
    let mut editor = bo.edit(own.trim());
    editor.ask(&json!({ "commit": true }));
    for arguments in [&[link.trim()][..], &["open", link.trim()]] {
        let said = complaint(&bo.command(arguments).output().expect("the program starts"), 4);
        assert!(said.contains("without a window") && !said.contains("#2e."), "{said}");
    }
    editor.quit();
}
