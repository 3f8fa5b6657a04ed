//! Whether there can be windows, and what they need.

use std::process::Command;

use super::say;

/// The libraries that a window loads, and the packages of Debian and Ubuntu that bring them.
const NEEDED: [(&str, &str); 8] = [
    ("libX11.so.6", "libx11-6"),
    ("libX11-xcb.so.1", "libx11-xcb1"),
    ("libXcursor.so.1", "libxcursor1"),
    ("libXi.so.6", "libxi6"),
    ("libxkbcommon.so.0", "libxkbcommon0"),
    ("libxkbcommon-x11.so.0", "libxkbcommon-x11-0"),
    ("libEGL.so.1", "libegl1"),
    ("libGL.so.1", "libgl1"),
];

/// Whether this process can show windows to somebody.
pub(super) fn has_display() -> bool {
    let named = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if cfg!(any(target_os = "macos", target_os = "windows")) {
        return true;
    }
    let display = named("DISPLAY") || named("WAYLAND_DISPLAY");
    if !display {
        say("There is no display here (neither DISPLAY nor WAYLAND_DISPLAY is set): the demo runs as text.");
    }
    display
}

/// Says which packages a window lacks, as far as the system's loader knows.
pub(super) fn say_what_is_missing() {
    let Some(known) = known_libraries() else { return };
    let missing: Vec<&str> =
        NEEDED.iter().filter(|(library, _)| !known.contains(library)).map(|(_, package)| *package).collect();
    if !missing.is_empty() {
        say(&format!("These packages are missing: apt-get install {}", missing.join(" ")));
    }
}

/// The libraries that the loader knows, one in each line; `None` where it cannot be asked.
fn known_libraries() -> Option<String> {
    let asked = |program: &str| Command::new(program).arg("-p").output().ok().filter(|output| output.status.success());
    let output = asked("ldconfig").or_else(|| asked("/sbin/ldconfig"))?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}
