//! The command line as scripts and people use it: the real program, libraries in temporary folders, a real relay.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use quire::editor::utc::utc_minute;
use quire::shell::clock::Clock;
use serde_json::{Value as Json, json};
use tempfile::TempDir;

/// A program of this project, as built beside this test.
fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test knows where it is");
    let built = test.parent().and_then(Path::parent).expect("a test lies in deps").join(name);
    assert!(built.is_file(), "{} is missing: build it by `cargo build --workspace --bins`", built.display());
    built
}

/// A library in a folder of its own.
struct Library(TempDir);

impl Library {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program("quire"));
        command.args(arguments).env("QUIRE_LIBRARY", self.0.path()).env("QUIRE_LOG", "error").stdin(Stdio::null());
        command.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY");
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the program starts")
    }

    /// What a command that succeeds answers.
    fn says(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "quire {arguments:?}: {}\n{complaint}", output.status);
        String::from_utf8(output.stdout).expect("the answer is UTF-8")
    }

    fn json(&self, arguments: &[&str]) -> Json {
        let said = self.says(arguments);
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("quire {arguments:?}: {error} in {said:?}"))
    }

    /// A command that fails with this exit code and with these words, and answers nothing.
    fn fails(&self, arguments: &[&str], code: i32, words: &str) {
        let output = self.run(arguments);
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "quire {arguments:?}: {complaint}");
        assert!(complaint.contains(words), "quire {arguments:?} says {complaint:?} without {words:?}");
        assert!(output.stdout.is_empty(), "quire {arguments:?} fails and answers");
    }

    /// A file in a folder beside the library's files.
    fn file(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.0.path().join(name);
        fs::write(&path, bytes).expect("the file is written");
        path.to_string_lossy().into_owned()
    }

    /// Runs a script of edits on a document.
    fn edit(&self, id: &str, lines: &[Json]) {
        let mut edit = self.command(&["edit", id]);
        let mut editor =
            Running(edit.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the program starts"));
        let mut input = editor.0.stdin.take().expect("the input is a pipe");
        for line in lines {
            writeln!(input, "{line}").expect("the editor reads");
        }
        assert!(editor.0.wait().expect("the editor ends").success());
    }

    fn import(&self, text: &str) -> String {
        let file = self.file("imported.md", text.as_bytes());
        self.json(&["import", &file, "--json"])["id"].as_str().expect("an id").to_owned()
    }
}

/// A process that is killed when the test ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().expect("a child can be killed");
        self.0.wait().expect("a child can be waited for");
    }
}

/// A relay, hosted by the editor's own program, and where it listens.
fn host(data: &Library) -> (Running, String) {
    let mut command = data.command(&["host", "--listen", "127.0.0.1:0", "--json"]);
    let mut child = command.stdout(Stdio::piped()).spawn().expect("the relay starts");
    let mut line = String::new();
    let output = child.stdout.take().expect("the output is a pipe");
    let running = Running(child);
    BufReader::new(output).read_line(&mut line).expect("the relay says where it listens");
    let said: Json = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error} in {line:?}"));
    let address = said["listening"].as_str().expect("an address").to_owned();
    (running, format!("ws://{address}"))
}

#[test]
fn a_document_goes_from_one_library_to_another() {
    let (data, ana, bo) = (Library::new(), Library::new(), Library::new());
    let (_relay, url) = host(&data);
    let text = "# Plan\n\nHouse, garden, å and 🙂.\n";
    let id = ana.import(text);
    let link = ana.says(&["share", &id, "--relay", &url]);
    assert_eq!(ana.json(&["share", &id, "--json"])["link"].as_str(), Some(link.trim()), "shared again, the same link");
    ana.says(&["sync", "--until-saved"]);

    assert_eq!(bo.says(&["join", link.trim()]).trim(), id);
    assert_eq!(bo.says(&["cat", &id[..8]]), text);
    assert_eq!(bo.says(&["join", link.trim()]).trim(), id, "joined again, the same document");
    let list = bo.json(&["list", "--json"]);
    assert_eq!((list.as_array().map(Vec::len), list[0]["title"].as_str()), (Some(1), Some("imported")));
    assert_ne!(list[0]["replica"], ana.json(&["list", "--json"])[0]["replica"]);

    let copy = bo.0.path().join("copy.md");
    let copy = copy.to_string_lossy();
    bo.says(&["export", &id, &copy]);
    assert_eq!(fs::read_to_string(copy.as_ref()).expect("it was written"), text);
    bo.fails(&["export", &id, &copy], 1, "--force");
    bo.says(&["export", &id, &copy, "--force"]);
}

#[test]
fn a_second_copy_asks_the_first() {
    let library = Library::new();
    let id = library.import("first");
    let mut editor = library.command(&["edit", &id]);
    let mut editor = Running(editor.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the editor starts"));
    let mut input = editor.0.stdin.take().expect("the input is a pipe");
    let mut answers = BufReader::new(editor.0.stdout.take().expect("the output is a pipe")).lines();
    let mut ask = |line: Json| {
        writeln!(input, "{line}").and_then(|()| input.flush()).expect("the editor reads");
        let answer = answers.next().expect("the editor answers").expect("the answer is text");
        serde_json::from_str::<Json>(&answer).expect("the answer is JSON")
    };
    assert_eq!(ask(json!({ "splice": [5, 0, " second"] }))["ok"], true);
    assert_eq!(ask(json!({ "commit": true }))["ok"], true);
    assert_eq!(library.says(&["cat", &id]), "first second", "what the first copy holds");
    let other = library.import("other");
    assert_eq!(library.json(&["list", "--json"]).as_array().map(Vec::len), Some(2));
    library.fails(&["cat", "nothing"], 3, "nothing");
    library.fails(&["edit", &id], 4, "in use by another copy of Quire (process ");
    library.fails(&["open", &id], 4, "without a window");
    assert_eq!(ask(json!({ "quit": true }))["ok"], true);
    assert!(editor.0.wait().expect("the editor ends").success());
    assert_eq!(library.says(&["cat", &other]), "other");
    assert_eq!(library.says(&["cat", &id]), "first second");
}

/// The wall clock, in seconds.
fn now_s() -> i64 {
    Clock::new().now().wall_s()
}

#[test]
fn what_a_text_was_can_be_seen_and_brought_back() {
    let library = Library::new();
    let began = now_s();
    let id = library.import("one\ntwo\nthree\n");
    library.edit(&id, &[json!({ "splice": [4, 3, "second"] }), json!({ "commit": true }), json!({ "quit": true })]);
    assert_eq!(library.says(&["cat", &id]), "one\nsecond\nthree\n");

    let log = library.json(&["log", &id, "--json"]);
    let changes = log["changes"].as_array().expect("a list").clone();
    let newest = &changes[0];
    assert_eq!((&newest["inserted"], &newest["deleted"], &newest["excerpt"]), (&json!(6), &json!(3), &json!("second")));
    let positions: Vec<u64> = changes.iter().filter_map(|change| change["position"].as_u64()).collect();
    assert!(positions.iter().rev().copied().eq(0..changes.len() as u64), "{positions:?}");
    let time = newest["time"].as_i64().expect("every change has its time");
    assert!((began..=now_s()).contains(&time), "{time} after {began}");
    let lines = library.says(&["log", &id]);
    assert_eq!(lines.lines().count(), changes.len());
    let shown = utc_minute(time).expect("a time of today");
    assert!(lines.starts_with(&format!("{:>6}  {shown}  ", changes.len() - 1)), "{lines}");

    let before = (changes.len() - 2).to_string();
    let diff = library.json(&["diff", &id, &before, "--json"]);
    assert_eq!(diff["patches"], json!([{ "at": 4, "deleted": "two", "inserted": "second" }]));
    let told = library.says(&["diff", &id, &before]);
    assert!(told.ends_with("+++ now\n@@ -2,1 +2,1 @@\n-two\n+second\n"), "{told}");
    assert_eq!(library.says(&["diff", &id, &before, &before]), "");
    let blame = library.json(&["blame", &id, "--json"]);
    assert_eq!((&blame["runs"][1]["len"], &blame["runs"][1]["change"]), (&json!(6), &newest["position"]));
    assert_eq!((&blame["runs"][1]["time"], &blame["lines"][1]["time"]), (&json!(time), &json!(time)));
    let told = library.says(&["blame", &id]);
    assert!(told.lines().nth(1).is_some_and(|line| line.starts_with(&shown) && line.ends_with("  second")), "{told}");

    let restored = format!("restored change {before}: +3 -6 characters in 1 place\n");
    assert_eq!(library.says(&["restore", &id, &before]), restored);
    assert_eq!(library.says(&["cat", &id]), "one\ntwo\nthree\n");
    library.fails(&["restore", &id, "99"], 3, "has no change 99");
    library.fails(&["diff", &id, "0", "99"], 3, "has no change 99");
    library.fails(&["log", "cafe"], 3, "cafe");
    library.fails(&["restore", &id, "first"], 3, "no version called “first”");
}

#[test]
fn a_version_is_named_and_found_by_its_name_on_every_device() {
    let (data, ana, bo) = (Library::new(), Library::new(), Library::new());
    let (_relay, url) = host(&data);
    let id = ana.import("one\ntwo\n");
    let first = ana.json(&["log", &id, "--json"])["changes"][0]["position"].to_string();
    let told = format!("change {first} is called “First draft”\n");
    assert_eq!(ana.says(&["name", &id, " First\tdraft ", &first]), told);
    ana.edit(&id, &[json!({ "splice": [4, 3, "zwei"] }), json!({ "commit": true }), json!({ "quit": true })]);
    ana.says(&["name", &id, "Second draft"]);
    let log = ana.says(&["log", &id]);
    let at_it = log.lines().find(|line| line.contains("“First draft”")).expect("it stands at its change");
    assert!(at_it.trim_start().starts_with(&format!("{first} ")), "{log}");

    let link = ana.says(&["share", &id, "--relay", &url]);
    ana.says(&["sync", "--until-saved"]);
    bo.says(&["join", link.trim()]);
    assert_eq!(bo.says(&["cat", &id, "--at", "First draft"]), "one\ntwo\n");
    assert_eq!(bo.json(&["cat", &id, "--at", "Second draft", "--json"])["text"], json!("one\nzwei\n"));
    let diff = bo.says(&["diff", &id, "First draft", "Second draft"]);
    assert_eq!(diff, "--- “First draft”\n+++ “Second draft”\n@@ -2,1 +2,1 @@\n-two\n+zwei\n");
    assert_eq!(bo.says(&["restore", &id, "First draft"]), "restored “First draft”: +3 -4 characters in 1 place\n");
    assert_eq!(bo.says(&["cat", &id]), "one\ntwo\n");
    let versions = bo.json(&["versions", &id, "--json"]);
    let names = versions["versions"].as_array().expect("a list").iter().map(|named| named["name"].as_str());
    assert_eq!(names.collect::<Vec<_>>(), [Some("First draft"), Some("Second draft")]);
    assert_eq!(versions["versions"][0]["here"], true);

    bo.says(&["name", &id, "Second draft", &first]);
    bo.fails(&["cat", &id, "--at", "Second draft"], 3, "2 versions are called “Second draft”");
    assert_eq!(bo.says(&["name", &id, "First draft", "--remove"]), "no version is called “First draft” any more\n");
    bo.fails(&["diff", &id, "First draft"], 3, "no version called “First draft”");
    bo.fails(&["name", &id, " \u{202e} "], 2, "needs a letter");
    bo.fails(&["name", &id, "Third", "99"], 3, "has no change 99");
    assert_eq!(bo.says(&["versions", &id]).lines().count(), 2);
}

#[test]
fn a_part_of_a_text_is_restored_alone() {
    let library = Library::new();
    let id = library.import("one\ntwo\nthree\n");
    let old = library.json(&["log", &id, "--json"])["changes"][0]["position"].to_string();
    let splices = [json!({ "splice": [8, 5, "drei"] }), json!({ "splice": [0, 3, "eins"] })];
    library.edit(&id, &[&splices[..], &[json!({ "commit": true }), json!({ "quit": true })]].concat());
    assert_eq!(library.says(&["cat", &id]), "eins\ntwo\ndrei\n");

    assert_eq!(
        library.says(&["restore", &id, &old, "--range", "5..8"]),
        format!("this part is as it was after change {old}\n")
    );
    let restored = library.json(&["restore", &id, &old, "--range", "0..4", "--json"]);
    assert_eq!(
        (&restored["range"], &restored["inserted"], &restored["deleted"]),
        (&json!([0, 4]), &json!(3), &json!(4))
    );
    assert_eq!(library.says(&["cat", &id]), "one\ntwo\ndrei\n", "the rest is left alone");
    library.fails(
        &["restore", &id, &old, "--range", "3..99"],
        1,
        "the range 3..99 is outside the text of 13 characters",
    );
    for wrong in ["3", "9..3", "a..b"] {
        library.fails(&["restore", &id, &old, "--range", wrong], 2, "A..B");
    }
    assert_eq!(library.says(&["cat", &id]), "one\ntwo\ndrei\n");
}

#[test]
fn a_file_that_is_no_text_is_refused_or_mended() {
    let library = Library::new();
    let file = library.file("broken.txt", b"one\ntwo \xff\n");
    library.fails(&["import", &file], 1, "broken.txt is not UTF-8 text: byte 0xff in line 2 (byte 8 of the file)");
    assert_eq!(library.says(&["list"]), "", "nothing was made");
    let id = library.says(&["import", &file, "--lossy"]);
    assert_eq!(library.says(&["cat", id.trim()]), "one\ntwo \u{fffd}\n");
    library.fails(&["import", "/nowhere/at/all.md"], 3, "/nowhere/at/all.md");
}

#[test]
fn what_is_wrong_with_a_link_is_said() {
    let library = Library::new();
    let id = library.import("text");
    library.fails(&["share", &id], 2, "no relay is known");
    library.fails(
        &["share", &id, "--relay", "ftp://relay.example"],
        2,
        "write HOST:PORT, which is encrypted, or ws://",
    );
    library.fails(&["share", &id, "--relay", "relay.example?pin=abc"], 2, "is not the pin of a relay's certificate");
    let link = library.says(&["share", &id, "--relay", "relay.example"]);
    let (other, link) = (Library::new(), link.trim());
    other.fails(&["join", &link.replace("relay.example", "relay.exampel")], 2, "typo");
    other.fails(&["join", &link[..link.len() - 3]], 2, "cut off");
    other.fails(&["join", "https://example.org/"], 2, "not a Quire link");
    assert_eq!(other.says(&["list"]), "");
    library.fails(&["fly"], 2, "fly");
}

#[test]
fn a_relay_that_cannot_be_reached_loses_nothing() {
    let library = Library::new();
    let id = library.import("kept");
    library.says(&["share", &id, "--relay", "127.0.0.1:1"]);
    library.fails(&["sync", "--until-saved", "--timeout", "0.3"], 5, "127.0.0.1:1 cannot be reached");
    assert_eq!(library.says(&["cat", &id]), "kept");
}

#[test]
fn an_unreadable_library_is_never_replaced_by_an_empty_one() {
    let library = Library::new();
    library.import("kept");
    let file = library.0.path().join("library.redb");
    let whole = fs::read(&file).expect("the library is there");
    for bad in [&b"something else entirely"[..], b"", &whole[..whole.len() / 2]] {
        fs::write(&file, bad).expect("the file is written");
        library.fails(&["list"], 4, "library.redb");
        assert_eq!(fs::read(&file).expect("it is still there"), bad);
    }
    fs::write(&file, &whole).expect("the file is written");
    assert_eq!(library.json(&["list", "--json"]).as_array().map(Vec::len), Some(1));
}

#[test]
fn json_is_an_answer_a_failure_or_a_refusal() {
    let library = Library::new();
    for (arguments, name) in [
        (&["demo", "--headless", "--json"][..], "`demo` gives no answer"),
        (&["open", "--json"], "`open` gives no answer"),
        (&["sync", "--json"], "`sync` without --until-saved gives no answer"),
    ] {
        library.fails(arguments, 2, name);
    }
    let output = library.run(&["cat", "cafe", "--json"]);
    let failure: Json = serde_json::from_slice(&output.stderr).expect("one JSON object");
    assert_eq!((output.status.code(), &failure["code"]), (Some(3), &json!(3)));
    assert!(failure["error"].as_str().is_some_and(|words| words.contains("cafe")), "{failure}");
}

#[test]
fn a_link_to_another_relay_than_the_document_s_says_how_to_move_it() {
    let library = Library::new();
    let id = library.import("text");
    let link = library.says(&["share", &id, "--relay", "127.0.0.1:2"]);
    let moved = library.json(&["share", &id, "--relay", "127.0.0.1:3", "--move", "--json"]);
    assert_eq!(moved["relay"], json!("127.0.0.1:3"));
    library.fails(&["join", link.trim()], 1, &format!("share {id} --relay '127.0.0.1:2' --move"));
}

#[test]
fn the_demo_ends_with_equal_texts() {
    let library = Library::new();
    let output = library.run(&["demo", "--headless"]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "equal\n", "{told}");
    assert!(output.status.success(), "{told}");
    assert_eq!(told.matches("CRC-32").count(), 3, "{told}");
}
