//! Who writes what, and how it is shown.

use std::fs;
use std::path::{Path, PathBuf};

use crate::session::Failure;
use crate::shell::preferences;

/// The width of one device's text, in characters.
const COLUMN_CHARS: usize = 38;

/// The document's title.
pub(super) const TITLE: &str = "A year on the island";

/// The text that is there when they begin.
pub(super) const START: &str = "# A year on the island\n\nSpring.\n\nSummer.\n\nWinter.\n\nVoices:\n";

/// One of the three, and what they write; what stands between `<` and `>` is a typo that is taken back.
pub(super) struct Player {
    pub(super) name: &'static str,
    /// Their colour, as in the settings.
    colour: u8,
    /// Where their window stands.
    pub(super) place: &'static str,
    /// The paragraph behind which they begin.
    pub(super) paragraph: &'static str,
    pub(super) at_once: &'static str,
    pub(super) while_cut_off: &'static str,
    pub(super) without_relay: &'static str,
}

pub(super) const PLAYERS: [Player; 3] = [
    Player {
        name: "Ana",
        colour: 0,
        place: "1/3",
        paragraph: "Spring.",
        at_once: " The first b<aot>oat came in March, with seed potatoes and the post.",
        while_cut_off: " We read every letter twice, <tehn>then aloud.",
        without_relay: "Ana: the lamp burns, and <i wrtie>I write by it.\n",
    },
    Player {
        name: "Bo",
        colour: 1,
        place: "2/3",
        paragraph: "Summer.",
        at_once: " Terns nested on the roof; we walked with um<bel>brellas.",
        while_cut_off: " In July the well ran dry for a w<ekk>eek.",
        without_relay: "Bo: no wire, no wind, and a <ful>full kettle.\n",
    },
    Player {
        name: "Cleo",
        colour: 2,
        place: "3/3",
        paragraph: "Winter.",
        at_once: " The sea took the lower path and gave back a do<ro>or.",
        while_cut_off: " I kept the log alone; it is all <heer>here, every line.",
        without_relay: "Cleo: three pens, one page — no<body>thing lost.\n",
    },
];

impl Player {
    /// The folder of this player's library.
    pub(super) fn library(&self, folder: &Path) -> PathBuf {
        folder.join(self.name)
    }

    /// Makes that folder, with the settings that tell the players apart.
    pub(super) fn settle(&self, folder: &Path) -> Result<(), Failure> {
        let library = self.library(folder);
        let settings = library.join(preferences::FILE_NAME);
        let text = format!("name = \"{}\"\ncolour = {}\n", self.name, self.colour);
        let kept = fs::create_dir(&library).and_then(|()| fs::write(&settings, text));
        kept.map_err(|error| Failure::new(Failure::FAILED, format!("{}: {error}", settings.display())))
    }
}

/// Texts in columns, each under its name.
pub(super) fn side_by_side(names: &[&str], texts: &[String]) -> String {
    let columns: Vec<Vec<String>> = texts.iter().map(|text| wrap(text)).collect();
    let height = columns.iter().map(Vec::len).max().unwrap_or(0);
    let cell = |text: &str| format!("  {text:COLUMN_CHARS$} ");
    let row = |cells: Vec<String>| cells.join("|").trim_end().to_owned();
    let head = row(names.iter().map(|name| cell(name)).collect());
    let line = row(names.iter().map(|_| cell(&"-".repeat(COLUMN_CHARS))).collect());
    let mut rows = vec![head, line];
    for at in 0..height {
        rows.push(row(columns.iter().map(|column| cell(column.get(at).map_or("", String::as_str))).collect()));
    }
    rows.join("\n")
}

/// Lines of at most [`COLUMN_CHARS`] characters, broken at blanks; empty lines are left out.
fn wrap(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.lines().filter(|line| !line.trim().is_empty()) {
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > COLUMN_CHARS {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_stand_side_by_side() {
        let shown = side_by_side(&["A", "B"], &["one two".to_owned(), "x\n\ny".to_owned()]);
        let lines: Vec<Vec<&str>> = shown.lines().map(|line| line.split('|').map(str::trim).collect()).collect();
        assert_eq!([&lines[0], &lines[2], &lines[3]], [&["A", "B"], &["one two", "x"], &["", "y"]]);
    }

    #[test]
    fn a_long_paragraph_is_broken_at_blanks() {
        let lines = wrap(&"word ".repeat(20));
        assert!(lines.len() > 1 && lines.iter().all(|line| line.chars().count() <= COLUMN_CHARS), "{lines:?}");
    }
}
