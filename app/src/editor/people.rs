//! The people of a document as plain data.

use super::words::initials;

/// Whether a person is here.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Presence {
    /// This person, on this device.
    Me,
    /// Linked now.
    Here,
    /// Was here and left; kept so that colours keep their legend.
    Left,
}

/// A person on a device.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Person {
    /// The name they gave.
    pub name: String,
    /// The device they write on.
    pub device: String,
    /// Which of the eight colours.
    pub color: u8,
    /// Whether they are here.
    pub presence: Presence,
    /// Whether their disk holds every edit made here.
    pub holds_all: bool,
}

impl Person {
    /// One or two letters that stand for the name.
    pub fn initials(&self) -> String {
        initials(&self.name)
    }

    /// `Ana · on Ana’s laptop · here now`.
    pub fn words(&self) -> String {
        let presence = match self.presence {
            Presence::Me => "you",
            Presence::Here => "here now",
            Presence::Left => "left",
        };
        if self.device.is_empty() {
            format!("{} · {presence}", self.name)
        } else {
            format!("{} · on {} · {presence}", self.name, self.device)
        }
    }

    /// What their device holds, as a sentence.
    pub fn holds_words(&self) -> &'static str {
        match (self.presence, self.holds_all) {
            (Presence::Me, _) => "This device.",
            (_, true) => "Has every edit made here.",
            (Presence::Here, false) => "Not known to have the last edits made here.",
            (Presence::Left, false) => "Was not seen to have the last edits made here.",
        }
    }
}

/// How the people are listed: this person first, then those who are here, then those who left; by name within each.
pub fn sort_people(people: &mut [Person]) {
    people.sort_by_cached_key(|person| {
        let rank = match person.presence {
            Presence::Me => 0,
            Presence::Here => 1,
            Presence::Left => 2,
        };
        (rank, person.name.to_lowercase(), person.device.to_lowercase())
    });
}

/// A panel beside the text. There is one at a time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SidePanel {
    /// People and devices.
    People,
    /// The history.
    History,
}

/// The title bar.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct TitleBarView {
    /// Whether a document is open at all.
    pub has_document: bool,
    /// Its title, empty when nobody gave one.
    pub title: String,
    /// What stands for a title that nobody gave; empty when nothing does.
    pub stands_in: String,
    /// The other titles given at the same time, when that happened.
    pub rivals: Vec<String>,
    /// The title as it is being edited, while it is.
    pub editing: Option<String>,
    /// The people, sorted.
    pub people: Vec<Person>,
    /// Whether the library is hidden, so that the title bar offers to show it.
    pub library_hidden: bool,
    /// What is shown beside the text.
    pub side: Option<SidePanel>,
    /// The key of each of the bar's commands as shown in tooltips.
    pub keys: TitleBarKeys,
}

/// The keys shown in the title bar's tooltips.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct TitleBarKeys {
    /// Shows and hides the library.
    pub library: String,
    /// Shows and hides the history.
    pub history: String,
    /// Opens the share dialog.
    pub share: String,
    /// Opens the command palette.
    pub palette: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(name: &str, presence: Presence) -> Person {
        Person { name: name.to_owned(), device: "laptop".to_owned(), color: 0, presence, holds_all: false }
    }

    #[test]
    fn people_who_left_come_last() {
        let mut people = [person("Zoe", Presence::Here), person("Ana", Presence::Left), person("Me", Presence::Me)];
        sort_people(&mut people);
        assert_eq!(people.map(|person| person.name), ["Me", "Zoe", "Ana"]);
        assert_eq!(person("Ana", Presence::Left).words(), "Ana · on laptop · left");
    }
}
