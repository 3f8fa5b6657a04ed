//! Editors and relays as real programs, over TLS: pins, roots of the system, and who does not speak it.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::Receiver;

use quire::editor::link::{RelayAddress, Security};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use super::processes::{ANSWER_TIMEOUT, Device, kill, lines_from, lines_of, program};

/// A program that listens, until the test ends.
struct Listening {
    child: Child,
    lines: Receiver<String>,
}

impl Listening {
    fn start(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("the program starts");
        let lines = lines_of(&mut child);
        Self { child, lines }
    }

    fn line(&self) -> String {
        self.lines.recv_timeout(ANSWER_TIMEOUT).expect("the program says a line")
    }

    /// The port on which it says that it listens.
    fn port(&self) -> u16 {
        let line = self.line();
        let port = line.strip_prefix("listening on 127.0.0.1:").and_then(|port| port.parse().ok());
        port.unwrap_or_else(|| panic!("{line:?}"))
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            kill(&mut self.child);
        }
    }
}

fn relay_command(data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program("quire-server"));
    command.args(["--listen", "127.0.0.1:0", "--data"]).arg(data).args(arguments).env_clear();
    command
}

/// A relay that made its own certificate: where it listens, and its pin.
fn self_signed_relay(data: &Path) -> (Listening, u16, String) {
    let relay = Listening::start(relay_command(data, &["--tls-self-signed"]));
    let (port, line) = (relay.port(), relay.line());
    let pin = line.strip_prefix("pin ").unwrap_or_else(|| panic!("{line:?}")).to_owned();
    (relay, port, pin)
}

fn import(device: &Device, text: &str) -> String {
    let file = device.folder().join("text.md");
    std::fs::write(&file, text).expect("the file is written");
    let answer = device.ask(&["import", &file.to_string_lossy(), "--json"]);
    answer["id"].as_str().expect("an id").to_owned()
}

/// What a device says that shares a text at this relay, and cannot reach it.
fn fails_to_sync(folder: &TempDir, relay: &str, roots: &Path) -> String {
    let device = Device::new(folder.path().join("failing"));
    let id = import(&device, "text");
    device.run(&["share", &id, "--relay", relay]);
    let mut command = device.command(&["sync", "--until-saved", "--timeout", "2"]);
    let output = command.env("SSL_CERT_FILE", roots).env_remove("SSL_CERT_DIR").output().expect("the program starts");
    assert_eq!(output.status.code(), Some(5));
    std::fs::remove_dir_all(device.folder()).expect("the library is removed");
    String::from_utf8(output.stderr).expect("words")
}

#[test]
fn a_link_with_a_pin_leads_to_a_relay_that_nobody_vouches_for() {
    let folder = TempDir::new().unwrap();
    let (_relay, port, pin) = self_signed_relay(&folder.path().join("relay"));
    let [ana, bo] = ["ana", "bo"].map(|name| Device::new(folder.path().join(name)));
    let id = import(&ana, "sealed");
    let link = ana.run(&["share", &id, "--relay", &format!("127.0.0.1:{port}?pin={pin}")]);
    assert!(link.contains(&format!("quire://127.0.0.1:{port}/{id}?pin={pin}#")), "{link}");
    ana.run(&["sync", "--until-saved"]);
    bo.run(&["join", link.trim()]);
    assert_eq!(bo.run(&["cat", &id]), "sealed");

    let nowhere = folder.path().join("no-roots.pem");
    let other = if pin.starts_with('A') { pin.replacen('A', "B", 1) } else { format!("A{}", &pin[1..]) };
    let said = fails_to_sync(&folder, &format!("127.0.0.1:{port}?pin={other}"), &nowhere);
    assert!(said.contains("shows another certificate than the link names"), "{said}");
}

#[test]
fn the_system_s_roots_count_where_there_is_no_pin() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("relay");
    let (_relay, port, _) = self_signed_relay(&data);
    let device = Device::new(folder.path().join("ana"));
    let id = import(&device, "vouched for");
    device.run(&["share", &id, "--relay", &format!("wss://localhost:{port}")]);
    let mut sync = device.command(&["sync", "--until-saved"]);
    let synced = sync.env("SSL_CERT_FILE", data.join("tls-cert.pem")).env_remove("SSL_CERT_DIR").output();
    let synced = synced.expect("the program starts");
    assert!(synced.status.success(), "{}", String::from_utf8_lossy(&synced.stderr));

    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let roots = folder.path().join("other.pem");
    std::fs::write(&roots, other.cert.pem()).expect("the file is written");
    let said = fails_to_sync(&folder, &format!("wss://localhost:{port}"), &roots);
    assert!(said.contains("nobody whom this system trusts has signed its certificate"), "{said}");
    let said = fails_to_sync(&folder, &format!("wss://localhost:{port}"), &folder.path().join("no-roots.pem"));
    assert!(said.contains("knows nobody who could vouch for a relay"), "{said}");
}

#[test]
fn who_speaks_tls_and_who_does_not_is_told_apart() {
    let folder = TempDir::new().unwrap();
    let nowhere = folder.path().join("no-roots.pem");
    let (_sealed, port, pin) = self_signed_relay(&folder.path().join("sealed"));
    let said = fails_to_sync(&folder, &format!("ws://127.0.0.1:{port}"), &nowhere);
    assert!(said.contains(&format!("if it speaks TLS, write wss://127.0.0.1:{port} instead")), "{said}");

    let open = Listening::start(relay_command(&folder.path().join("open"), &[]));
    let port = open.port();
    let said = fails_to_sync(&folder, &format!("127.0.0.1:{port}?pin={pin}"), &nowhere);
    let words =
        format!("127.0.0.1:{port} does not speak TLS: if nobody on the way to it can do harm, ws://127.0.0.1:{port}");
    assert!(said.contains(&words), "{said}");
}

#[test]
fn a_relay_hosted_for_others_says_the_pin_of_its_certificate() {
    let folder = TempDir::new().unwrap();
    let host = Device::new(folder.path().join("host"));
    let relay = Listening::start(host.command(&["host", "--listen", "0.0.0.0:0", "--json"]));
    let said: Json = serde_json::from_str(&relay.line()).expect("one JSON object");
    let address: RelayAddress = said["relay"].as_str().expect("an address").parse().expect("an address of a relay");
    let Security::Pinned(_) = address.security() else { panic!("{said}") };
    // The same, from this computer: tests talk over no network.
    let here = RelayAddress::new("127.0.0.1", address.port()).unwrap().reached_by(address.security());
    let ana = Device::new(folder.path().join("ana"));
    let id = import(&ana, "hosted");
    ana.run(&["share", &id, "--relay", &here.to_string()]);
    ana.run(&["sync", "--until-saved"]);

    let data = folder.path().join("here");
    let arguments = ["host", "--listen", "127.0.0.1:0", "--json", "--data", &data.to_string_lossy()];
    let here = Listening::start(host.command(&arguments));
    let said: Json = serde_json::from_str(&here.line()).expect("one JSON object");
    assert_eq!(said["relay"], said["listening"], "what stays on this computer needs no certificate");
    assert_ne!(said["relay"], json!(null));
}

#[cfg(unix)]
#[test]
fn a_hangup_makes_the_relay_read_its_certificate_again() {
    let folder = TempDir::new().unwrap();
    let mut command = relay_command(folder.path(), &["--tls-self-signed"]);
    command.stderr(Stdio::piped());
    let mut relay = Listening::start(command);
    let (_, line) = (relay.port(), relay.line());
    let pin = line.trim_start_matches("pin ");
    let process = relay.child.id().to_string();
    let signal = |name: &str| {
        let status = Command::new("kill").args([name, &process]).status().expect("kill starts");
        assert!(status.success());
    };
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(folder.path().join("tls-cert.pem"), made.cert.pem()).expect("the file is written");
    signal("-HUP");
    let log = lines_from(relay.child.stderr.take().expect("its log is a pipe"));
    let until = |words: &str| loop {
        let line = log.recv_timeout(ANSWER_TIMEOUT).expect("the relay goes on");
        if line.contains(words) {
            return line;
        }
    };
    until("could not be read again");
    std::fs::write(folder.path().join("tls-key.pem"), made.signing_key.serialize_pem()).expect("the file is written");
    signal("-HUP");
    assert!(!until("was read again").contains(pin), "another key has another pin");
    signal("-TERM");
    until("the relay has stopped");
    assert!(relay.child.wait().expect("it ends").success());
}
