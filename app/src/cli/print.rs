//! Answers as people read them.

use serde_json::Value;

use crate::editor::utc::utc_minute;
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
    format!(
        "{}  {}  {title}{relay}{archived}\n",
        field(document, "id"),
        utc_minute(edited.div_euclid(1_000_000)).unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_list_has_a_line_for_each_document() {
        let value =
            json!([{ "id": "ab", "title": "", "edited_us": 0 }, { "id": "cd", "title": "Notes", "relay": "h" }]);
        let text = "ab  1970-01-01 00:00Z  (untitled)\ncd  1970-01-01 00:00Z  Notes  (shared at h)\n";
        assert_eq!(list(&value), text);
    }
}
