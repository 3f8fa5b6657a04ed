//! Where the last edit is, in words: what the status bar and the library's dots say.

use super::words::{duration, elapsed, names, quantity, waited, waited_stays_true_us};

/// Where the link of a document to its relay stands.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Link {
    /// The document was never shared: it lives on this computer only.
    #[default]
    None,
    /// The user chose to stay offline.
    Off,
    /// No relay answers; the next try comes by itself.
    Waiting,
    /// The relay refused in a way that trying again unchanged does not help.
    Stopped,
    /// Somebody else writes under this device's id: it stays offline.
    Cloned,
    /// The transport is being opened.
    Connecting,
    /// What one side lacks is on its way: `done` of `total` changes.
    CatchingUp {
        /// Changes that came so far.
        done: u64,
        /// Changes there are.
        total: u64,
    },
    /// Edits travel as they are made.
    Live,
}

/// What is known about the copies of a document.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SaveFacts {
    /// The link.
    pub link: Link,
    /// Own edits that are not yet on this disk.
    pub unsaved: u64,
    /// Own edits that the relay has not acknowledged.
    pub waiting: u64,
    /// When the oldest of them was made (wall clock, microseconds).
    pub waiting_since_us: Option<i64>,
    /// Whether this person has edited the document on this device at all.
    pub edited_here: bool,
    /// The names of the other devices that hold every edit of this one on their disk.
    pub holders: Vec<String>,
    /// How many devices take part, this one included.
    pub devices: usize,
    /// Why this disk refused the last write, if it did.
    pub write_error: Option<String>,
}

/// How a state is marked beside its words (never by colour alone: each has a shape).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Mark {
    /// A ring: on this computer only, and nothing is wrong with that.
    #[default]
    Here,
    /// A half disc: on its way, or waiting for a relay.
    Waiting,
    /// A disc: held by the relay or by another device.
    Saved,
    /// A triangle: something needs the user.
    Alarm,
}

/// A state in words.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SaveWords {
    /// The mark.
    pub mark: Mark,
    /// A few words.
    pub text: String,
    /// The same as whole sentences, for a tooltip.
    pub tooltip: String,
    /// After how many microseconds the words may have to change although nothing happened.
    pub stays_true_us: Option<u64>,
}

/// Says where the last edit is, at the wall clock `now_us` (microseconds).
pub fn save_words(facts: &SaveFacts, now_us: i64) -> SaveWords {
    if let Some(error) = &facts.write_error {
        let tooltip = format!("This disk refused the last write: {error}. Your words are in memory until it succeeds.");
        return words(Mark::Alarm, "Not saved", tooltip);
    }
    if facts.unsaved > 0 {
        return words(Mark::Waiting, "Saving…", "Your last edit is on its way to this disk.");
    }
    match facts.link {
        Link::None => {
            words(Mark::Here, "Saved here", "This document is on this computer only. Share it to have it elsewhere.")
        }
        Link::Off | Link::Waiting | Link::Stopped | Link::Cloned => offline(facts, now_us),
        Link::Connecting => underway(facts, "connecting…"),
        Link::CatchingUp { done, total } => underway(facts, &format!("catching up, {}", percent(done, total))),
        Link::Live if facts.waiting > 0 => {
            words(Mark::Waiting, "Saved here", "Your last edit is on this disk and on its way to the relay.")
        }
        Link::Live => live(facts),
    }
}

fn offline(facts: &SaveFacts, now_us: i64) -> SaveWords {
    let (mark, state, why, then) = match facts.link {
        Link::Stopped => (
            Mark::Alarm,
            "Not linked",
            "The relay does not take this document, and Quire does not try again until you go offline and online.",
            "is not sent until then",
        ),
        Link::Cloned => (
            Mark::Alarm,
            "Not linked",
            "Another copy of this library writes under this device’s id, so this document stays offline here.",
            "is not sent from here",
        ),
        Link::Off => (
            Mark::Waiting,
            "Offline",
            "You chose to work offline.",
            "will be sent when you are online and the relay answers",
        ),
        _ => (
            Mark::Waiting,
            "Offline",
            "The relay does not answer; Quire tries again by itself.",
            "will be sent when the relay answers",
        ),
    };
    if facts.waiting == 0 {
        let tooltip = format!("{why} Everything you wrote here is at the relay already.");
        return words(mark, format!("{state} · nothing waiting"), tooltip);
    }
    let edits = quantity(facts.waiting, "edit");
    let age = facts.waiting_since_us.map(|since| elapsed(now_us, since));
    let oldest = match age.and_then(waited) {
        Some(age) if facts.waiting == 1 => format!(" for {age}"),
        Some(age) => format!(", the oldest for {age}"),
        None => String::new(),
    };
    let mut said = words(
        mark,
        format!("{state} · {edits} waiting{oldest}"),
        format!("{why} Everything is safe on this disk and {then}."),
    );
    said.stays_true_us = age.map(waited_stays_true_us);
    said
}

fn underway(facts: &SaveFacts, what: &str) -> SaveWords {
    let waiting =
        if facts.waiting > 0 { format!(" · {} waiting", quantity(facts.waiting, "edit")) } else { String::new() };
    words(
        Mark::Waiting,
        format!("Saved here · {what}{waiting}"),
        "Everything you wrote is safe on this disk. You can go on writing.",
    )
}

fn live(facts: &SaveFacts) -> SaveWords {
    let subject = if facts.edited_here { "Your last edit is" } else { "Everything in this document is" };
    let others = facts.devices.saturating_sub(1);
    match facts.holders.as_slice() {
        [] => words(Mark::Saved, "Saved at relay", format!("{subject} on this disk and on the relay’s.")),
        [.., _] if facts.holders.len() >= others && facts.holders.len() > 1 => {
            let all = format!("On all {} devices", facts.holders.len() + 1);
            words(
                Mark::Saved,
                all,
                format!("{subject} on this disk, on the relay’s, and on {}.", names(&facts.holders)),
            )
        }
        [one] => {
            words(Mark::Saved, format!("On {one}"), format!("{subject} on this disk, on the relay’s, and on {one}."))
        }
        [one, rest @ ..] => words(
            Mark::Saved,
            format!("On {one} and {} more", rest.len()),
            format!("{subject} on this disk, on the relay’s, and on {}.", names(&facts.holders)),
        ),
    }
}

fn words(mark: Mark, text: impl Into<String>, tooltip: impl Into<String>) -> SaveWords {
    SaveWords { mark, text: text.into(), tooltip: tooltip.into(), stays_true_us: None }
}

/// Progress as `40 %`; rounded down, so that 100 % is never claimed early.
pub fn percent(done: u64, total: u64) -> String {
    let share = if total == 0 { 0 } else { u128::from(done.min(total)) * 100 / u128::from(total) };
    format!("{share} %")
}

/// The smallest offset of this clock that is worth a sentence, in microseconds: nothing shown here has a finer unit.
pub const CLOCK_OFFSET_SHOWN_US: u64 = 1_000_000;

/// `This clock is 3 min ahead (± 0.04 s)`, when it is off by more than its uncertainty (and by what could be noticed).
/// `offset_us` is positive when this clock is ahead; both in microseconds.
pub fn clock_words(offset_us: i64, uncertainty_us: u64) -> Option<String> {
    let off = offset_us.unsigned_abs();
    if off <= uncertainty_us || off < CLOCK_OFFSET_SHOWN_US {
        return None;
    }
    let side = if offset_us > 0 { "ahead" } else { "behind" };
    Some(format!("This clock is {} {side} (± {})", duration(off), seconds(uncertainty_us)))
}

/// Microseconds as seconds with two decimals, rounded up.
fn seconds(us: u64) -> String {
    let hundredths = us.div_ceil(10_000);
    format!("{}.{:02} s", hundredths / 100, hundredths % 100)
}

/// What the status bar shows.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct StatusView {
    /// Where the last edit is.
    pub save: SaveWords,
    /// The clock sentence, if there is one.
    pub clock: Option<String>,
    /// The round trip to the relay, in microseconds, when there is a link.
    pub round_trip_us: Option<u64>,
    /// Line and column of the caret, both from 1.
    pub caret: Option<(usize, usize)>,
    /// How many words the document has.
    pub words: Option<u64>,
    /// How many characters are selected.
    pub selected: u64,
    /// The zoom in percent, when it is not 100.
    pub zoom_percent: Option<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(facts: &SaveFacts, mark: Mark, text: &str) {
        let said = save_words(facts, 200_000_000);
        assert_eq!((said.mark, said.text.as_str()), (mark, text));
        assert!(said.tooltip.ends_with('.'), "a tooltip is a sentence: {}", said.tooltip);
    }

    fn shared(link: Link) -> SaveFacts {
        SaveFacts { link, edited_here: true, devices: 3, ..SaveFacts::default() }
    }

    fn holders(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn the_way_of_an_edit_is_said_in_words() {
        check(&SaveFacts { unsaved: 1, ..SaveFacts::default() }, Mark::Waiting, "Saving…");
        check(&SaveFacts::default(), Mark::Here, "Saved here");
        check(&SaveFacts { waiting: 2, ..shared(Link::Live) }, Mark::Waiting, "Saved here");
        check(&shared(Link::Live), Mark::Saved, "Saved at relay");
        check(&SaveFacts { holders: holders(&["Ana’s laptop"]), ..shared(Link::Live) }, Mark::Saved, "On Ana’s laptop");
        let all = holders(&["Ana’s laptop", "Bo’s desktop"]);
        check(&SaveFacts { holders: all.clone(), ..shared(Link::Live) }, Mark::Saved, "On all 3 devices");
        check(&SaveFacts { holders: all, devices: 5, ..shared(Link::Live) }, Mark::Saved, "On Ana’s laptop and 1 more");
    }

    #[test]
    fn offline_says_what_waits_and_for_how_long() {
        let waiting = SaveFacts { waiting: 14, waiting_since_us: Some(10_000_000), ..shared(Link::Waiting) };
        check(&waiting, Mark::Waiting, "Offline · 14 edits waiting, the oldest for 3 min");
        let one = SaveFacts { waiting: 1, waiting_since_us: Some(190_000_000), ..shared(Link::Off) };
        check(&one, Mark::Waiting, "Offline · 1 edit waiting for 10 s");
        let new = SaveFacts { waiting_since_us: Some(191_000_000), ..one };
        check(&new, Mark::Waiting, "Offline · 1 edit waiting");
        check(&shared(Link::Off), Mark::Waiting, "Offline · nothing waiting");
        let stopped = SaveFacts { link: Link::Stopped, ..waiting.clone() };
        check(&stopped, Mark::Alarm, "Not linked · 14 edits waiting, the oldest for 3 min");
        assert!(save_words(&stopped, 0).tooltip.contains("does not try again"));
        check(&shared(Link::Cloned), Mark::Alarm, "Not linked · nothing waiting");
        assert_eq!(save_words(&waiting, 200_000_000).stays_true_us, Some(50_000_000));
    }

    #[test]
    fn coming_back_shows_progress() {
        check(&shared(Link::Connecting), Mark::Waiting, "Saved here · connecting…");
        let catching_up = SaveFacts { waiting: 3, ..shared(Link::CatchingUp { done: 999, total: 1000 }) };
        check(&catching_up, Mark::Waiting, "Saved here · catching up, 99 % · 3 edits waiting");
    }

    #[test]
    fn a_refused_write_comes_before_everything_else() {
        let facts = SaveFacts { write_error: Some("no space left".to_owned()), unsaved: 4, ..shared(Link::Live) };
        check(&facts, Mark::Alarm, "Not saved");
        assert!(save_words(&facts, 0).tooltip.contains("no space left"));
    }

    #[test]
    fn a_clock_is_mentioned_only_beyond_its_uncertainty() {
        assert_eq!(clock_words(180_000_000, 40_000).as_deref(), Some("This clock is 3 min ahead (± 0.04 s)"));
        assert_eq!(clock_words(-7_200_000_000, 1).as_deref(), Some("This clock is 2 h behind (± 0.01 s)"));
        assert_eq!(clock_words(1_500_000, 2_000_000), None);
        assert_eq!(clock_words(20_000, 1_000), None);
    }
}
