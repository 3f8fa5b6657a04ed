//! A real screen without a display, and real windows on it: they are typed into as a person does, and pictures are taken.

use std::fmt::Debug;
use std::io::ErrorKind;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::processes::{ANSWER_TIMEOUT, Device, kill, lines_of};

/// The screen's size in pixels; a window takes 85 % of its height.
pub(crate) const SCREEN: (u32, u32) = (1700, 1000);

/// How long a window may take for what a person would see it do.
const LOOK_TIMEOUT: Duration = Duration::from_secs(45);

/// Asks until what is seen is right; it fails with `what`, and what was seen last.
pub(crate) fn until<T: Debug>(what: &str, mut look: impl FnMut() -> Result<(), T>) {
    let end = Instant::now() + LOOK_TIMEOUT;
    while let Err(seen) = look() {
        assert!(Instant::now() < end, "after {} s: {what}, but {seen:?}", LOOK_TIMEOUT.as_secs());
    }
}

/// What is right, if it is; else what is seen.
pub(crate) fn expect<T>(is_right: bool, seen: T) -> Result<(), T> {
    if is_right { Ok(()) } else { Err(seen) }
}

/// Starts a program that is no part of this project.
fn start<T>(name: &str, package: &str, started: std::io::Result<T>) -> T {
    match started {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            panic!("{name} is missing: tests/run installs it; the package is {package} on Debian and Ubuntu")
        }
        started => started.unwrap_or_else(|error| panic!("{name} does not start: {error}")),
    }
}

/// An X server of its own.
pub(crate) struct Screen {
    server: Child,
    display: String,
}

impl Screen {
    pub(crate) fn start() -> Self {
        let mut command = Command::new("Xvfb");
        // Without -noreset it would forget everything whenever its last client leaves.
        command.args(["-displayfd", "1", "-noreset", "-nolisten", "tcp", "-screen", "0"]);
        command.arg(format!("{}x{}x24", SCREEN.0, SCREEN.1)).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut server = start("Xvfb", "xvfb", command.spawn());
        let number = lines_of(&mut server).recv_timeout(ANSWER_TIMEOUT);
        let number = number.expect("the screen says its number");
        Self { server, display: format!(":{}", number.trim()) }
    }

    /// Opens a document in a window on a half of the screen, and waits until it stands there.
    pub(crate) fn open(&self, device: &Device, document: &str, half: u32) -> Window<'_> {
        let mut command = device.command(&["open", document, "--place", &format!("{half}/2")]);
        command.env("DISPLAY", &self.display).stdin(Stdio::null());
        let process = command.spawn().expect("the window's program starts");
        let mut window = Window { screen: self, process, id: String::new() };
        let of_process = ["search", "--onlyvisible", "--all", "--pid", &window.process.id().to_string(), "--name"];
        let search = [of_process.as_slice(), &["Quire$"]].concat();
        until("there is a window", || {
            window.ask(&search).lines().next().unwrap_or_default().clone_into(&mut window.id);
            expect(!window.id.is_empty(), "none")
        });
        let (width, left) = (SCREEN.0 / 2, (half - 1) * SCREEN.0 / 2);
        let place = [format!("X={left}"), format!("WIDTH={width}")];
        until("the window is in its place", || {
            let geometry = window.ask(&["getwindowgeometry", "--shell", &window.id]);
            expect(place.iter().all(|line| geometry.lines().any(|found| found == line)), geometry)
        });
        window
    }

    /// Writes what the screen shows into a PNG file, as far down as the windows go.
    pub(crate) fn picture(&self, file: &Path) {
        let part = format!("{}x{}+0+0", SCREEN.0, SCREEN.1 * 85 / 100);
        let mut command = self.program("import");
        command.args(["-window", "root", "-crop", &part, "+repage", "-strip"]).arg(file);
        done("import", &start("import", "imagemagick", command.output()));
    }

    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(name);
        command.env("DISPLAY", &self.display).stdin(Stdio::null());
        command
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        kill(&mut self.server);
    }
}

fn done(name: &str, output: &Output) {
    assert!(output.status.success(), "{name}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
}

/// A window of the editor.
pub(crate) struct Window<'a> {
    screen: &'a Screen,
    process: Child,
    id: String,
}

impl Window<'_> {
    /// Gives the window the keyboard, and presses these keys.
    pub(crate) fn press(&self, keys: &[&str]) {
        self.xdotool(&["windowfocus", "--sync", &self.id]);
        self.xdotool(&[&["key"], keys].concat());
    }

    /// Gives the window the keyboard, and types this text and Enter.
    pub(crate) fn type_line(&self, text: &str) {
        self.xdotool(&["windowfocus", "--sync", &self.id]);
        self.xdotool(&["type", "--delay", "5", "--", text]);
        self.xdotool(&["key", "Return"]);
    }

    /// The colour of the paper in the lower left corner: darker while something stands in front of the text.
    pub(crate) fn corner(&self) -> String {
        let corner = format!("1x1+8+{}", SCREEN.1 * 85 / 100 - 60);
        let mut command = self.screen.program("import");
        command.args(["-window", &self.id, "-crop", &corner, "txt:-"]);
        let output = start("import", "imagemagick", command.output());
        done("import", &output);
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Waits until the window has been closed and its program has ended with success.
    pub(crate) fn ended(mut self) {
        until("the window is gone", || {
            let open = self.ask(&["search", "--pid", &self.process.id().to_string()]);
            expect(open.is_empty(), open)
        });
        let status = self.process.wait().expect("a child can be waited for");
        assert!(status.success(), "{status}");
    }

    fn xdotool(&self, arguments: &[&str]) {
        let mut command = self.screen.program("xdotool");
        done("xdotool", &start("xdotool", "xdotool", command.args(arguments).output()));
    }

    /// What xdotool says; nothing if it found nothing.
    fn ask(&self, arguments: &[&str]) -> String {
        let mut command = self.screen.program("xdotool");
        let output = start("xdotool", "xdotool", command.args(arguments).output());
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl Drop for Window<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() && !self.id.is_empty() {
            let file = std::env::temp_dir().join(format!("quire-window-{}.png", self.id));
            let taken = self.screen.program("import").args(["-window", &self.id]).arg(&file).status();
            println!("what the window showed in the end: {} ({taken:?})", file.display());
        }
        if self.process.try_wait().is_ok_and(|status| status.is_none()) {
            kill(&mut self.process);
        }
    }
}
