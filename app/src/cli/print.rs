//! Answers as people read them.

use serde_json::Value;

use crate::session::Failure;

/// A field of an answer as text; empty if it is not there.
pub(super) fn field<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// One line of JSON.
pub(super) fn json(value: &Value) -> String {
    format!("{value}\n")
}

/// A failure as JSON: the exit code and what to say.
pub(super) fn failure(failure: &Failure) -> String {
    serde_json::json!({ "error": failure.message, "code": failure.code }).to_string()
}

/// The list of documents: a line for each.
pub(super) fn list(value: &Value) -> String {
    value.as_array().map(|list| list.iter().map(list_line).collect()).unwrap_or_default()
}

fn list_line(document: &Value) -> String {
    let edited = document.get("edited_us").and_then(Value::as_i64).unwrap_or(0);
    let title = match field(document, "title") {
        "" => "(untitled)",
        title => title,
    };
    let archived = document.get("archived").and_then(Value::as_bool).unwrap_or(false);
    let archived = if archived { "  (archived)" } else { "" };
    let relay = match field(document, "relay") {
        "" => String::new(),
        relay => format!("  (shared at {relay})"),
    };
    format!("{}  {}  {title}{relay}{archived}\n", field(document, "id"), date_and_time(edited))
}

/// A moment of the wall clock, in microseconds since the Unix epoch, as `2026-11-22 21:52 UTC`.
fn date_and_time(us: i64) -> String {
    let minutes = us.div_euclid(60_000_000);
    let (days, minute) = (minutes.div_euclid(24 * 60), minutes.rem_euclid(24 * 60));
    let (year, month, day) = civil_from_days(days);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02} UTC", minute / 60, minute % 60)
}

/// The Gregorian date of a day counted from 1970-01-01. Years are taken to begin in March, so that the leap day ends them;
/// 400 years have 146,097 days.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_moment_is_written_as_a_date() {
        assert_eq!(date_and_time(0), "1970-01-01 00:00 UTC");
        assert_eq!(date_and_time(1_709_211_599_000_000), "2024-02-29 12:59 UTC");
        assert_eq!(date_and_time(1_795_384_320_000_000), "2026-11-22 21:52 UTC");
        assert_eq!(date_and_time(-1), "1969-12-31 23:59 UTC");
    }

    #[test]
    fn a_list_has_a_line_for_each_document() {
        let value =
            json!([{ "id": "ab", "title": "", "edited_us": 0 }, { "id": "cd", "title": "Notes", "relay": "h" }]);
        let text = "ab  1970-01-01 00:00 UTC  (untitled)\ncd  1970-01-01 00:00 UTC  Notes  (shared at h)\n";
        assert_eq!(list(&value), text);
    }
}
