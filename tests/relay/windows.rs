//! Two real windows on a real screen, typed into by keys: one is cut off and comes back, and both end with the same text.

use std::path::{Path, PathBuf};

use quire::shell::preferences;
use serde_json::Value as Json;

use crate::processes::{Device, Relay};
use crate::screen::{Screen, Window, expect, until};

/// How many frames a window needs until what came to the front, or is there again, has the keyboard.
const FRAMES_UNTIL_FOCUS: usize = 4;

const START: &str = "# Harbour notes\nTide at six. The ferry waits for nobody.\n";

/// Somebody at a window.
struct Writer<'a> {
    device: Device,
    document: String,
    window: Window<'a>,
}

impl Writer<'_> {
    /// The facts about the document, as the program in the window gives them: it answers once a frame.
    fn facts(&self) -> Json {
        self.device.ask(&["list", "--json"])[0].take()
    }

    fn text(&self) -> String {
        self.device.run(&["cat", &self.document])
    }

    /// Types a line at the end of the text, and waits until it is there.
    fn write(&self, line: &str) {
        self.window.press(&["ctrl+End"]);
        self.window.type_line(line);
        self.until_it_reads(line);
    }

    fn until_it_reads(&self, line: &str) {
        until(&format!("the text has {line:?}"), || {
            let text = self.text();
            expect(text.contains(&format!("{line}\n")), text)
        });
    }

    fn until_saved(&self) {
        until("the relay has everything", || {
            let facts = self.facts();
            expect(facts["linked"] == true && facts["waiting"] == 0, facts)
        });
    }

    /// Runs a command by its name, and gives the keyboard back to the text.
    fn command(&self, name: &str) {
        let paper = self.window.corner();
        self.window.press(&["ctrl+shift+p"]);
        until("the palette is open", || expect(self.window.corner() != paper, "it is not"));
        self.frames(FRAMES_UNTIL_FOCUS);
        self.window.type_line(name);
        until("the palette is closed", || expect(self.window.corner() == paper, "it is not"));
        self.frames(FRAMES_UNTIL_FOCUS);
    }

    /// Waits until the window has drawn so many frames.
    fn frames(&self, count: usize) {
        for _ in 0..count {
            self.facts();
        }
    }
}

/// A device that says whose it is.
fn device(folder: &Path, person: &str, device: &str, colour: u8) -> Device {
    let made = Device::new(folder.join(device));
    let settings = format!("name = \"{person}\"\ndevice = \"{device}\"\ncolour = {colour}\n");
    std::fs::write(made.folder().join(preferences::FILE_NAME), settings).expect("the settings are written");
    made
}

/// Where the pictures go: into the documentation if that is asked for.
fn pictures(folder: &Path) -> PathBuf {
    match std::env::var_os("QUIRE_PICTURES") {
        Some(_) => Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/images"),
        None => folder.to_owned(),
    }
}

/// Takes a picture of what both windows show now.
fn picture(screen: &Screen, writers: [&Writer<'_>; 2], file: &Path) -> Vec<u8> {
    for writer in writers {
        writer.frames(2);
    }
    screen.picture(file);
    std::fs::read(file).expect("the picture is there")
}

#[test]
fn two_windows_one_cut_off_and_back_end_with_the_same_text() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let pictures = pictures(folder.path());
    let relay = Relay::start(&folder.path().join("relay"));
    let ana = device(folder.path(), "Ana Lind", "laptop", 1);
    let ben = device(folder.path(), "Ben Dahl", "desktop", 5);
    let file = folder.path().join("Harbour notes.md");
    std::fs::write(&file, START).expect("the file is written");
    let made = ana.ask(&["import", &file.to_string_lossy(), "--json"]);
    let document = made["id"].as_str().expect("an id").to_owned();
    let link = ana.run(&["share", &document, "--relay", &relay.url()]);
    ana.run(&["sync", "--until-saved"]);
    ben.run(&["join", link.trim()]);

    let screen = Screen::start();
    let open = |device: Device, half| {
        let window = screen.open(&device, &document, half);
        Writer { device, document: document.clone(), window }
    };
    let (ana, ben) = (open(ana, 1), open(ben, 2));
    ana.write("Ana: two lamps, one lantern.");
    ben.until_it_reads("Ana: two lamps, one lantern.");
    ben.write("Ben: bring the blue rope.");
    ana.until_it_reads("Ben: bring the blue rope.");

    ben.command("offline");
    until("the window is cut off", || expect(ben.facts()["linked"] == false, "it is linked"));
    ana.write("Ana, meanwhile: the tide table is on the wall.");
    ben.write("Written on the pier, without a network.");
    ana.until_saved();
    assert!(ben.facts()["waiting"].as_u64() > Some(0));
    assert!(!ana.text().contains("on the pier") && !ben.text().contains("on the wall"), "they are apart");
    let cut_off = picture(&screen, [&ana, &ben], &pictures.join("two-windows-cut-off.png"));

    ben.command("online");
    ana.until_it_reads("Written on the pier, without a network.");
    ben.until_it_reads("Ana, meanwhile: the tide table is on the wall.");
    ana.until_saved();
    ben.until_saved();
    let back = picture(&screen, [&ana, &ben], &pictures.join("two-windows-back.png"));
    assert!(cut_off != back, "the windows show something else than before");

    let ended = [ana, ben].map(|writer| {
        writer.window.press(&["ctrl+q"]);
        writer.window.ended();
        writer.device
    });
    let [ana, ben] = ended.map(|device| device.run(&["cat", &document]));
    assert_eq!(ana, ben, "the copies on both disks");
    let lines: Vec<&str> = ana.lines().collect();
    assert_eq!(lines[..4].join("\n"), format!("{START}Ana: two lamps, one lantern.\nBen: bring the blue rope."));
    let mut apart = lines[4..].to_vec();
    apart.sort_unstable();
    assert_eq!(apart, ["Ana, meanwhile: the tide table is on the wall.", "Written on the pier, without a network."]);
}
