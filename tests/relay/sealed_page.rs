//! `docs/PROTOCOL.md` is enough to make every key and every sealed envelope: a script written from that page alone, in another
//! language and with nothing of this project, makes the golden ones from the same secrets, and refuses them when they are changed.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

const KEYS: &str = include_str!("../golden/keys.txt");
const SEALED: &str = include_str!("../golden/sealed.txt");

fn script(arguments: &[&Path]) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("protocol/seal.py");
    Command::new("python3").arg(script).args(arguments).output().expect("python3 runs the independent script")
}

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(name)
}

/// What the script says of these lines.
fn said_of(keys: &str, sealed: &str) -> Output {
    let folder = TempDir::new().expect("a folder");
    let (at, beside) = (folder.path().join("keys.txt"), folder.path().join("sealed.txt"));
    std::fs::write(&at, keys).and_then(|()| std::fs::write(&beside, sealed)).expect("two files");
    script(&[&at, &beside])
}

fn assert_agrees(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// It says what is wrong in words, and does not fail in any other way.
fn assert_differs(what: &str, output: &Output) {
    let said = String::from_utf8_lossy(&output.stderr);
    let names_a_file = said.contains("keys.txt:") || said.contains("sealed.txt:");
    assert!(output.status.code() == Some(1) && names_a_file && !said.contains("Traceback"), "{what}: {said}");
}

/// For each line its name, and the whole text with one digit of that line changed: the first, one in the middle, or the last.
fn changed_lines(text: &str) -> impl Iterator<Item = (&str, String)> {
    let lines = text.lines().enumerate().filter_map(|(number, line)| Some((number, line.split_once(" = ")?)));
    lines.map(move |(number, (name, value))| {
        let at = [0, value.len() / 2, value.len() - 1][number % 3];
        let digit = if value[at..].starts_with('0') { "1" } else { "0" };
        let changed = format!("{name} = {}{digit}{}", &value[..at], &value[at + 1..]);
        (name, text.replace(&format!("{name} = {value}"), &changed))
    })
}

#[test]
fn independent_script_computes_what_was_published() {
    assert_agrees(&script(&[Path::new("--self-test")]));
}

#[test]
fn protocol_page_is_enough_for_golden_keys_and_sealed_envelopes() {
    assert_agrees(&script(&[&golden("keys.txt"), &golden("sealed.txt")]));
}

#[test]
fn independent_script_refuses_envelopes_with_any_byte_changed() {
    assert_agrees(&script(&[Path::new("--flips"), &golden("keys.txt"), &golden("sealed.txt")]));
}

#[test]
fn independent_script_tells_keys_that_differ() {
    for (name, changed) in changed_lines(KEYS) {
        assert_differs(name, &said_of(&changed, SEALED));
    }
}

#[test]
fn independent_script_tells_envelopes_that_differ() {
    for (name, changed) in changed_lines(SEALED) {
        assert_differs(name, &said_of(KEYS, &changed));
    }
}

#[test]
fn independent_script_tells_envelopes_that_are_missing() {
    let end = SEALED.find("ben ends a run plain").expect("a run that ends");
    assert_differs("a run without its end", &said_of(KEYS, &SEALED[..end]));
    let (start, after) = (SEALED.find("ana second plain").unwrap(), SEALED.find("ben first").unwrap());
    assert_differs("a chain without its middle", &said_of(KEYS, &[&SEALED[..start], &SEALED[after..]].concat()));
}
