//! `quire log`, `diff`, `blame`, `restore`, `name` and `versions`.

use serde_json::Value;

use super::print::field;
use super::run::ask;
use crate::editor::utc::utc_minute;
use crate::session::{Answer, At, Failure, Request, SessionOptions};

/// The changes of a document, a line for each.
pub(super) fn log(options: &SessionOptions, id: String) -> Result<(Value, String), Failure> {
    let value = details(options, &Request::Log { id })?;
    let text = list(&value, "changes").iter().map(log_line).collect();
    Ok((value, text))
}

/// How two versions differ, as lines.
pub(super) fn diff(options: &SessionOptions, id: String, from: At, to: Option<At>) -> Result<(Value, String), Failure> {
    let value = details(options, &Request::Diff { id, from, to })?;
    let text = diff_lines(&value);
    Ok((value, text))
}

/// Who wrote each line.
pub(super) fn blame(options: &SessionOptions, id: String) -> Result<(Value, String), Failure> {
    let value = details(options, &Request::Blame { id })?;
    let lines = list(&value, "lines");
    let width = lines.iter().map(|line| field(line, "device").chars().count()).max().unwrap_or(0);
    let line = |line: &Value| format!("{}  {:width$}  {}\n", time(line), field(line, "device"), field(line, "text"));
    let text = lines.iter().map(line).collect();
    Ok((value, text))
}

/// Makes the text what it was, and says what that changed.
pub(super) fn restore(
    options: &SessionOptions,
    id: String,
    position: At,
    range: Option<(usize, usize)>,
) -> Result<(Value, String), Failure> {
    let value = ask(options, &Request::Restore { id, position, range })?.value;
    let at = version(&value, "position");
    let (inserted, deleted) = (number(&value, "inserted"), number(&value, "deleted"));
    let what = if range.is_some() { "this part" } else { "the text" };
    let text = match number(&value, "places") {
        0 => format!("{what} is as it was {} {at}\n", if at.starts_with('“') { "at" } else { "after" }),
        places => {
            let places = if places == 1 { "1 place".to_owned() } else { format!("{places} places") };
            format!("restored {at}: +{inserted} -{deleted} characters in {places}\n")
        }
    };
    Ok((value, text))
}

/// Names a version, or takes a name away, and says which.
pub(super) fn name(
    options: &SessionOptions,
    id: String,
    name: String,
    at: Option<At>,
    removes: bool,
) -> Result<(Value, String), Failure> {
    let value = ask(options, &Request::Name { id, name, at, removes })?.value;
    let text = match value.get("removed").and_then(Value::as_str) {
        Some(name) => format!("no version is called “{name}” any more\n"),
        None => format!("{} is called “{}”\n", version(&value, "position"), field(&value, "name")),
    };
    Ok((value, text))
}

/// The named versions, a line for each.
pub(super) fn versions(options: &SessionOptions, id: String) -> Result<(Value, String), Failure> {
    let value = details(options, &Request::Versions { id })?;
    let text = list(&value, "versions").iter().map(version_line).collect();
    Ok((value, text))
}

/// An answer with its details, which come as the text beside it, since there may be many.
fn details(options: &SessionOptions, request: &Request) -> Result<Value, Failure> {
    let Answer { mut value, text } = ask(options, request)?;
    let details = serde_json::from_str::<Value>(&text.unwrap_or_default());
    let details = details.map_err(|error| Failure::new(Failure::FAILED, format!("the answer is no JSON: {error}")))?;
    if let (Some(fields), Value::Object(details)) = (value.as_object_mut(), details) {
        fields.extend(details);
    }
    Ok(value)
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn number(value: &Value, name: &str) -> u64 {
    value.get(name).and_then(Value::as_u64).unwrap_or(0)
}

/// A version as people read it; the empty one before all changes has no position.
fn version(value: &Value, name: &str) -> String {
    match value.get(name) {
        Some(Value::String(name)) => format!("“{name}”"),
        Some(Value::Number(position)) => format!("change {position}"),
        _ => "the start".to_owned(),
    }
}

fn version_line(named: &Value) -> String {
    let position = match (named.get("here").and_then(Value::as_bool), named.get("position").and_then(Value::as_u64)) {
        (Some(true), Some(position)) => position.to_string(),
        (Some(true), None) => "start".to_owned(),
        _ => "not here yet".to_owned(),
    };
    let also: Vec<String> = list(named, "also").iter().filter_map(Value::as_str).map(quoted).collect();
    let also = if also.is_empty() { String::new() } else { format!("  also called {}", also.join(", ")) };
    let (time, name, device) = (time(named), quoted(field(named, "name")), field(named, "device"));
    format!("{position:>12}  {time}  {name}  {device}{also}\n")
}

fn quoted(name: &str) -> String {
    format!("“{name}”")
}

fn log_line(change: &Value) -> String {
    let (inserted, deleted) = (number(change, "inserted"), number(change, "deleted"));
    let said = if inserted + deleted > 0 {
        format!("+{inserted} -{deleted}  {}", field(change, "excerpt"))
    } else {
        let keys: Vec<&str> = list(change, "keys").iter().filter_map(Value::as_str).collect();
        format!("sets {}", keys.join(", "))
    };
    let (position, seq) = (number(change, "position"), number(change, "first_seq"));
    let mut words = vec![said.trim_end().to_owned()];
    words.extend(list(change, "names").iter().filter_map(Value::as_str).map(quoted));
    let words = words.join("  ");
    format!("{position:>6}  {}  {}  {seq}  {words}\n", time(change), field(change, "device"))
}

/// When something was written, in as many columns whether it is known or not.
fn time(value: &Value) -> String {
    let time = value.get("time").and_then(Value::as_i64).and_then(utc_minute);
    time.unwrap_or_else(|| format!("{:17}", "-"))
}

/// As `diff -U0` writes it.
fn diff_lines(value: &Value) -> String {
    let hunks = list(value, "hunks");
    if hunks.is_empty() {
        return String::new();
    }
    let to = if value.get("to").is_none_or(Value::is_null) { "now".to_owned() } else { version(value, "to") };
    let mut text = format!("--- {}\n+++ {to}\n", version(value, "from"));
    for hunk in hunks {
        let (deleted, inserted) = (list(hunk, "deleted"), list(hunk, "inserted"));
        let (from, to) = (span(hunk, "from_line", deleted.len()), span(hunk, "to_line", inserted.len()));
        text.extend(["@@ -", &from, " +", &to, " @@\n"]);
        push_lines(&mut text, '-', deleted);
        push_lines(&mut text, '+', inserted);
    }
    text
}

/// Where a hunk stands: its first line, or the one in front of it if there is none, and how many.
fn span(hunk: &Value, name: &str, count: usize) -> String {
    let first = number(hunk, name);
    format!("{},{count}", if count == 0 { first.saturating_sub(1) } else { first })
}

fn push_lines(text: &mut String, sign: char, lines: &[Value]) {
    for line in lines.iter().filter_map(Value::as_str) {
        text.push(sign);
        text.push_str(line);
        if !line.ends_with('\n') {
            text.push_str("\n\\ No newline at end of text\n");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_change_is_a_line() {
        let change = json!({
            "position": 7, "device": "Ana’s laptop", "first_seq": 30, "inserted": 5, "deleted": 2, "excerpt": "quire",
        });
        assert_eq!(log_line(&change), "     7  -                  Ana’s laptop  30  +5 -2  quire\n");
        let change = json!({ "position": 0, "device": "d", "first_seq": 0, "keys": ["title", "language"] });
        assert_eq!(log_line(&change), "     0  -                  d  0  sets title, language\n");
        let change = json!({ "position": 8, "device": "d", "first_seq": 0, "inserted": 1, "time": 1_790_000_000, "names": ["Draft", "Sent"] });
        assert_eq!(log_line(&change), "     8  2026-09-21 14:13Z  d  0  +1 -0  “Draft”  “Sent”\n");
    }

    #[test]
    fn a_named_version_is_a_line() {
        let named =
            json!({ "name": "Draft", "also": ["Sent"], "here": true, "position": 7, "device": "laptop", "time": 0 });
        assert_eq!(version_line(&named), "           7  1970-01-01 00:00Z  “Draft”  laptop  also called “Sent”\n");
        let named = json!({ "name": "Draft", "here": true, "position": null, "device": "laptop" });
        assert_eq!(version_line(&named), "       start  -                  “Draft”  laptop\n");
        let named = json!({ "name": "Draft", "here": false, "device": "laptop" });
        assert_eq!(version_line(&named), "not here yet  -                  “Draft”  laptop\n");
    }

    #[test]
    fn a_difference_looks_as_diff_writes_it() {
        let hunks = [
            json!({ "from_line": 2, "to_line": 2, "deleted": [], "inserted": ["new\n"] }),
            json!({ "from_line": 3, "to_line": 4, "deleted": ["three"], "inserted": ["th"] }),
        ];
        let value = json!({ "from": 1, "to": null, "hunks": hunks });
        let expected = "--- change 1\n+++ now\n@@ -1,0 +2,1 @@\n+new\n@@ -3,1 +4,1 @@\n-three\n\
                        \\ No newline at end of text\n+th\n\\ No newline at end of text\n";
        assert_eq!(diff_lines(&value), expected);
        assert_eq!(diff_lines(&json!({ "from": 1, "to": 1, "hunks": [] })), "");
    }
}
