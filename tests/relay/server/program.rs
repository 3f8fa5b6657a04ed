//! The program itself: what it prints and how it exits.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

/// The relay as it was built beside this test.
fn program() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows where it is");
    let built = test.parent().and_then(Path::parent).expect("a test lies in deps").join("quire-server");
    assert!(built.is_file(), "{} is missing: build it by `cargo build --workspace --bins`", built.display());
    built
}

/// The program with these arguments, and nothing from the environment of this test.
fn command(arguments: &[&str], data: &Path) -> Command {
    let mut command = Command::new(program());
    command.args(arguments).arg("--data").arg(data).env_clear().stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(arguments: &[&str], data: &Path) -> Output {
    command(arguments, data).output().expect("the program starts")
}

/// A relay that runs, and where it says that it listens.
fn start(data: &Path) -> (Child, String) {
    let mut child = command(&["--listen", "127.0.0.1:0"], data).spawn().expect("the program starts");
    let mut line = String::new();
    let output = child.stdout.as_mut().expect("its output is a pipe");
    BufReader::new(output).read_line(&mut line).expect("it says where it listens");
    (child, line)
}

fn signal(child: &Child, name: &str) {
    let status = Command::new("kill").args([name, &child.id().to_string()]).status().expect("kill starts");
    assert!(status.success());
}

#[test]
fn it_says_where_it_listens_and_stops_in_order_when_asked() {
    for name in ["-TERM", "-INT"] {
        let data = TempDir::new().unwrap();
        let (mut child, line) = start(data.path());
        let address = line.strip_prefix("listening on ").and_then(|rest| rest.strip_suffix('\n'));
        assert!(address.is_some_and(|address| address.parse::<std::net::SocketAddr>().is_ok()), "{line:?}");
        signal(&child, name);
        let status = child.wait().unwrap();
        let mut log = String::new();
        child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        assert!(status.success(), "{status}: {log}");
        assert!(log.contains("asked to stop") && log.contains("the relay has stopped"), "{log}");
        assert!(!log.contains('\u{1b}'), "no colours in a file: {log:?}");
    }
}

#[test]
fn a_store_in_use_and_another_programs_file_are_refused_in_a_line() {
    let data = TempDir::new().unwrap();
    let (mut child, _) = start(data.path());
    let second = run(&[], data.path());
    child.kill().unwrap();
    child.wait().unwrap();
    let check = |output: &Output, expected: &str| {
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.starts_with("quire-server: ") && said.contains(expected) && said.lines().count() == 1, "{said}");
        assert!(output.stdout.is_empty());
    };
    check(&second, "is in use by another process: stop that relay first");

    let foreign = TempDir::new().unwrap();
    std::fs::write(foreign.path().join("relay.redb"), "my notes").unwrap();
    check(&run(&[], foreign.path()), "is damaged: it has 8 bytes");
    check(&run(&["--listen", "nowhere"], data.path()), "cannot listen on nowhere");
    check(&run(&["--config", "/nowhere/relay.toml"], data.path()), "/nowhere/relay.toml: No such file");
    check(&run(&["--ping-interval-ms", "1"], data.path()), "ping_interval_ms is 1: it must be from 100");
}

#[cfg(unix)]
#[test]
fn it_reads_again_which_documents_are_closed_when_it_is_asked() {
    let data = TempDir::new().unwrap();
    let (mut child, _) = start(data.path());
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut says = |words: &str| log.any(|line| line.unwrap().contains(words));
    let file = data.path().join("closed.txt");
    for (text, words) in
        [("00112233445566778899aabbccddeeff", "was read again closed=1"), ("0011", "line 1: an id has 32")]
    {
        std::fs::write(&file, text).unwrap();
        signal(&child, "-HUP");
        assert!(says(words), "it ended without saying {words:?}");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let output = run(&["--listen", "127.0.0.1:0"], data.path());
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "at the start, a list that cannot be read is a failure");
    assert!(said.contains("closed.txt, line 1: an id has 32"), "{said}");
}

#[test]
fn a_check_says_what_the_store_holds() {
    let data = TempDir::new().unwrap();
    let (mut child, _) = start(data.path());
    child.kill().unwrap();
    child.wait().unwrap();
    let output = run(&["--check"], data.path());
    assert!(output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stdout), "sound: 0 documents, 0 changes, 0 bytes\n");
    assert_eq!(run(&["--check"], &data.path().join("absent")).status.code(), Some(1));
}
