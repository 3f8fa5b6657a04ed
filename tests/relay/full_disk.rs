//! Real programs whose files may not grow any further: they say so, go on as far as they can, and lose nothing that they
//! had called saved.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value as Json, json};

use crate::processes::{ANSWER_TIMEOUT, Device, Editor, kill, lines_of, program};

/// What is typed at a time, in characters.
const PIECE_CHARS: u64 = 50_000;

/// After so many pieces a disk that still takes them is not full.
const PIECES_MAX: u64 = 400;

/// The same program, which may not make a file longer than this one is now. That needs no disk of its own: a write over the limit
/// fails as on a full disk, by another number.
fn with_room_of(file: &Path, command: &Command) -> Command {
    let bytes = std::fs::metadata(file).expect("the store is there").len();
    let mut limited = Command::new("sh");
    limited.args(["-c", "trap '' XFSZ; ulimit -S -f \"$0\"; exec \"$@\"", &bytes.div_ceil(512).to_string()]);
    limited.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    limited
}

/// Lets a running program make its files as long as it wants.
fn make_room(process: u32) {
    let status = Command::new("prlimit").args(["--pid", &process.to_string(), "--fsize=unlimited:unlimited"]).status();
    assert!(status.expect("prlimit of util-linux is there").success());
}

fn number(answer: &Json, name: &str) -> u64 {
    answer[name].as_u64().unwrap_or_else(|| panic!("{name} in {answer}"))
}

fn version(editor: &mut Editor) -> Json {
    editor.ask(&json!({ "version": true }))
}

fn text(editor: &mut Editor) -> String {
    editor.ask(&json!({ "text": true }))["text"].as_str().expect("a text").to_owned()
}

fn type_piece(editor: &mut Editor, number: u64) {
    let piece: String = format!("{number} ").chars().cycle().take(usize::try_from(PIECE_CHARS).unwrap()).collect();
    let at = text(editor).chars().count();
    editor.ask(&json!({ "splice": [at, 0, piece] }));
    editor.ask(&json!({ "commit": true }));
}

/// Asks until the answer is as it should be.
fn until(editor: &mut Editor, what: &str, is_right: impl Fn(&Json) -> bool) -> Json {
    let end = std::time::Instant::now() + ANSWER_TIMEOUT;
    loop {
        let answer = version(editor);
        if is_right(&answer) {
            return answer;
        }
        assert!(std::time::Instant::now() < end, "{what}: {answer}");
    }
}

/// Types until the editor says that its disk refuses; what it says.
fn type_until_full(editor: &mut Editor) -> Json {
    for number in 0..PIECES_MAX {
        type_piece(editor, number);
        let is_all = |answer: &Json| answer["saved_here"] == answer["units"] || answer["write_error"].is_string();
        let answer = until(editor, "the disk neither takes nor refuses", is_all);
        if answer["write_error"].is_string() {
            return answer;
        }
    }
    panic!("the disk is never full");
}

/// A text lacks nothing of what was typed but, at its end, what was not called saved.
fn check_kept(kept: &str, typed: &str, not_saved: u64) {
    assert!(typed.starts_with(kept), "the text is what was typed, as far as it goes");
    let lost = (typed.chars().count() - kept.chars().count()) as u64;
    assert!(lost <= not_saved, "{lost} characters are gone, {not_saved} were not called saved");
}

#[test]
fn an_editor_on_a_full_disk_says_so_and_keeps_what_is_typed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let device = Device::new(folder.path().join("device"));
    let document = device.ask(&["new", "--json"])["id"].as_str().expect("an id").to_owned();
    let library = device.folder().join("library.redb");
    let edit = |device: &Device| Editor::start(with_room_of(&library, &device.command(&["edit", &document])));

    let mut editor = edit(&device);
    let said = type_until_full(&mut editor);
    assert!(said["write_error"].as_str().is_some_and(|words| words.contains("too large")), "{said}");
    type_piece(&mut editor, 1_000);
    let (said, typed) = (version(&mut editor), text(&mut editor));
    assert!(typed.contains("1000 1000 "), "writing goes on in memory");
    let not_saved = number(&said, "units") - number(&said, "saved_here");
    assert!(not_saved > PIECE_CHARS, "{said}");
    editor.kill();
    let kept = device.run(&["cat", &document]);
    check_kept(&kept, &typed, not_saved);

    let mut editor = edit(&device);
    type_until_full(&mut editor);
    make_room(editor.id());
    let said = until(&mut editor, "it is saved when there is room", |answer| answer["saved_here"] == answer["units"]);
    assert!(said["write_error"].is_null(), "{said}");
    let typed = text(&mut editor);
    editor.kill();
    assert!(device.run(&["cat", &document]) == typed, "everything is on the disk");
}

/// A relay that is killed when the test ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        if self.0.try_wait().is_ok_and(|status| status.is_none()) {
            kill(&mut self.0);
        }
    }
}

/// Starts a relay, in the room of a file if one is named; where it listens.
fn start_relay(data: &Path, listen: &str, room: Option<&Path>) -> (Running, String) {
    let mut command = Command::new(program("quire-server"));
    command.args(["--listen", listen, "--data"]).arg(data).env("QUIRE_LOG", "error");
    if let Some(file) = room {
        command = with_room_of(file, &command);
    }
    let mut relay =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let ready = lines_of(&mut relay).recv_timeout(ANSWER_TIMEOUT).expect("the relay says where it listens");
    let address = ready.strip_prefix("listening on ").expect("the relay says where it listens").to_owned();
    (Running(relay), address)
}

/// Whether the relay says that it is well.
fn is_healthy(address: &str) -> bool {
    let Ok(mut stream) = TcpStream::connect(address) else { return false };
    let asked = stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: relay\r\nConnection: close\r\n\r\n");
    let mut answer = String::new();
    asked.and_then(|()| stream.read_to_string(&mut answer)).is_ok() && answer.starts_with("HTTP/1.1 200")
}

#[test]
fn a_relay_on_a_full_disk_stops_and_loses_nothing_that_it_acknowledged() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("relay");
    let (relay, address) = start_relay(&data, "127.0.0.1:0", None);
    let (author, reader) = (Device::new(folder.path().join("author")), Device::new(folder.path().join("reader")));
    let document = author.ask(&["new", "--json"])["id"].as_str().expect("an id").to_owned();
    let link = author.run(&["share", &document, "--relay", &format!("ws://{address}/")]);
    author.run(&["sync", "--until-saved"]);
    drop(relay);

    let (mut relay, _) = start_relay(&data, &address, Some(&data.join("relay.redb")));
    assert!(is_healthy(&address));
    let mut editor = author.edit(&document);
    let mut pieces = 0..PIECES_MAX;
    let status = loop {
        type_piece(&mut editor, pieces.next().expect("the relay's disk is full at last"));
        let is_settled = |answer: &Json| answer["saved_at_relay"] == answer["units"] || !is_healthy(&address);
        until(&mut editor, "the relay neither takes nor refuses", is_settled);
        if !is_healthy(&address) {
            break relay.0.wait().expect("a child can be waited for");
        }
    };
    let mut complaint = String::new();
    relay.0.stderr.take().expect("a pipe").read_to_string(&mut complaint).expect("it complains in words");
    assert_eq!(status.code(), Some(1), "{complaint}");
    let last = complaint.lines().last().unwrap_or_default();
    assert!(last.starts_with("quire-server: the relay stopped: ") && last.contains("relay.redb"), "{complaint}");
    let (said, typed) = (version(&mut editor), text(&mut editor));
    let not_acknowledged = number(&said, "units") - number(&said, "saved_at_relay");
    assert!(not_acknowledged > 0 && said["saved_here"] == said["units"], "{said}");
    editor.kill();

    let _relay = start_relay(&data, &address, None);
    reader.run(&["join", link.trim()]);
    check_kept(&reader.run(&["cat", &document]), &typed, not_acknowledged);
    author.run(&["sync", "--until-saved"]);
    reader.run(&["sync", "--until-saved"]);
    assert!(reader.run(&["cat", &document]) == typed, "the author has filled the relay again");
}
