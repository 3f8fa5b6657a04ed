//! Numbers and times as people say them.

/// Microseconds in a second.
const SECOND_US: u64 = 1_000_000;
/// Microseconds in a minute.
const MINUTE_US: u64 = 60 * SECOND_US;
/// Microseconds in an hour.
const HOUR_US: u64 = 60 * MINUTE_US;
/// Microseconds in a day.
const DAY_US: u64 = 24 * HOUR_US;

/// A count with its noun: `1 edit`, `14 edits`, `12 480 words` (thousands set apart by a thin space).
pub fn quantity(count: u64, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", grouped(count))
}

/// A number with its thousands set apart by a narrow no-break space.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// A length of time (in microseconds) in one rounded unit: `250 ms`, `4 s`, `3 min`, `2 h`, `5 days`.
pub fn duration(us: u64) -> String {
    if us < 1_000 {
        "under 1 ms".to_owned()
    } else if us < SECOND_US {
        format!("{} ms", us / 1_000)
    } else if us < MINUTE_US {
        format!("{} s", us / SECOND_US)
    } else if us < HOUR_US {
        format!("{} min", us / MINUTE_US)
    } else if us < DAY_US {
        format!("{} h", us / HOUR_US)
    } else {
        quantity(us / DAY_US, "day")
    }
}

/// How long ago `then_us` was at `now_us` (both wall clocks in microseconds): `just now`, `3 min ago`, `yesterday`,
/// `2 months ago`. A time in the future (somebody's clock is ahead) is `just now`.
pub fn ago(now_us: i64, then_us: i64) -> String {
    let age = elapsed(now_us, then_us);
    if age < MINUTE_US {
        "just now".to_owned()
    } else if age < DAY_US {
        format!("{} ago", duration(age))
    } else if age < 2 * DAY_US {
        "yesterday".to_owned()
    } else if age < 14 * DAY_US {
        format!("{} ago", duration(age))
    } else if age < 60 * DAY_US {
        format!("{} ago", quantity(age / (7 * DAY_US), "week"))
    } else if age < 730 * DAY_US {
        format!("{} ago", quantity(age / (30 * DAY_US), "month"))
    } else {
        format!("{} ago", quantity(age / (365 * DAY_US), "year"))
    }
}

/// After how many microseconds [`ago`] may say something else about a time that is `age_us` old.
pub fn ago_stays_true_us(age_us: u64) -> u64 {
    if age_us < MINUTE_US { MINUTE_US - age_us } else { stays_true_us(age_us) }
}

/// After how many microseconds [`duration`] may say something else about a time that is `age_us` old.
fn stays_true_us(age_us: u64) -> u64 {
    let unit = match age_us {
        0..MINUTE_US => SECOND_US,
        MINUTE_US..HOUR_US => MINUTE_US,
        _ => HOUR_US,
    };
    unit - age_us % unit
}

/// What is said of waiting up to a minute is true to so much: words that count seconds would draw a window every second.
const WAITING_STEP_US: u64 = 10 * SECOND_US;

/// How long something has waited (in microseconds): as [`duration`], but in steps of ten seconds up to a minute; `None` before
/// the first of them, when it is not worth saying.
pub fn waited(us: u64) -> Option<String> {
    let step = if us < MINUTE_US { us - us % WAITING_STEP_US } else { us };
    (step > 0).then(|| duration(step))
}

/// After how many microseconds [`waited`] may say something else about what has waited for `us`.
pub fn waited_stays_true_us(us: u64) -> u64 {
    if us < MINUTE_US { WAITING_STEP_US - us % WAITING_STEP_US } else { stays_true_us(us) }
}

/// The time from `then_us` to `now_us`, 0 when it has not come yet.
pub fn elapsed(now_us: i64, then_us: i64) -> u64 {
    u64::try_from(now_us.saturating_sub(then_us)).unwrap_or(0)
}

/// Names as a list: `Ana`, `Ana and Bo`, `Ana, Bo and 3 others`.
pub fn names(list: &[String]) -> String {
    match list {
        [] => "nobody".to_owned(),
        [one] => one.clone(),
        [one, two] => format!("{one} and {two}"),
        [one, two, three] => format!("{one}, {two} and {three}"),
        [one, two, rest @ ..] => format!("{one}, {two} and {} others", rest.len()),
    }
}

/// `text` with at most `chars_max` characters; what was cut is an ellipsis.
pub fn cut(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        Some((at, _)) => format!("{}…", text[..at].trim_end()),
        None => text.to_owned(),
    }
}

/// One or two letters that stand for a name: the first of its first and of its last word.
pub fn initials(name: &str) -> String {
    let mut words = name.split(|c: char| c.is_whitespace() || c == '-').filter(|word| !word.is_empty());
    let first = words.next().and_then(first_letter);
    let last = words.next_back().and_then(first_letter);
    match (first, last) {
        (Some(first), Some(last)) => format!("{first}{last}"),
        (Some(first), None) => first,
        _ => "?".to_owned(),
    }
}

fn first_letter(word: &str) -> Option<String> {
    use unicode_segmentation::UnicodeSegmentation as _;
    word.graphemes(true).next().map(str::to_uppercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000_000;
    const DAY: i64 = 24 * 60 * MINUTE;

    #[test]
    fn quantities_agree_with_their_noun() {
        assert_eq!(quantity(1, "edit"), "1 edit");
        assert_eq!(quantity(0, "edit"), "0 edits");
        assert_eq!(quantity(1_234_567, "word"), "1\u{202f}234\u{202f}567 words");
    }

    #[test]
    fn times_past_are_said_in_one_unit() {
        let check = |age: i64, expected: &str| assert_eq!(ago(1_000 * DAY, 1_000 * DAY - age), expected);
        check(-5 * MINUTE, "just now");
        check(30_000_000, "just now");
        check(3 * MINUTE, "3 min ago");
        check(5 * 60 * MINUTE, "5 h ago");
        check(30 * 60 * MINUTE, "yesterday");
        check(4 * DAY, "4 days ago");
        check(20 * DAY, "2 weeks ago");
        check(100 * DAY, "3 months ago");
        check(900 * DAY, "2 years ago");
    }

    #[test]
    fn a_time_is_repeated_only_when_its_words_may_change() {
        assert_eq!(stays_true_us(59_500_000), 500_000);
        assert_eq!(stays_true_us(90_000_000), 30_000_000);
        assert_eq!(ago_stays_true_us(500_000), 59_500_000);
    }

    #[test]
    fn what_waits_is_counted_in_steps_of_ten_seconds() {
        let check = |us: u64, expected: Option<&str>, stays_us: u64| {
            assert_eq!((waited(us).as_deref(), waited_stays_true_us(us)), (expected, stays_us), "{us}");
        };
        check(0, None, 10_000_000);
        check(9_000_000, None, 1_000_000);
        check(10_000_000, Some("10 s"), 10_000_000);
        check(59_999_999, Some("50 s"), 1);
        check(60_000_000, Some("1 min"), 60_000_000);
        check(190_000_000, Some("3 min"), 50_000_000);
    }

    #[test]
    fn a_long_text_is_cut_with_an_ellipsis() {
        assert_eq!(cut("garden", 6), "garden");
        assert_eq!(cut("gardén plan", 7), "gardén…");
    }

    #[test]
    fn initials_are_graphemes_of_the_first_and_last_name() {
        let check = |name: &str, expected: &str| assert_eq!(initials(name), expected);
        check("Ana", "A");
        check("ana maria silva", "AS");
        check("  ", "?");
        check("e\u{301}lodie", "E\u{301}");
        check("李雷", "李");
    }
}
