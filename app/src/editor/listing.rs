//! The list of a library that several devices keep in step: a document whose map says which documents there are, and no text.
//!
//! | key | value |
//! | --- | --- |
//! | `link/ID` | text: the link of the document with this id |
//! | `edited/ID` | whole number: when a device last wrote in it, in minutes since the Unix epoch; late by up to [`EDITED_MINUTES`] |
//! | `archived/ID` | flag: whether it is put away |
//!
//! Other keys are left alone, so that the list grows without a new version.

use quire_crdt::{DocumentId, Value};

use super::link::Link;

/// How many minutes of writing are told at once.
pub const EDITED_MINUTES: i64 = 10;

/// Microseconds in a minute.
const MINUTE_US: i64 = 60_000_000;

/// What an entry of the list says of a document.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Said {
    /// How it is reached, and what its keys are.
    Link(Link),
    /// When a device last wrote in it: wall clock, microseconds since the Unix epoch.
    Edited(i64),
    /// Whether it is put away.
    Archived(bool),
}

/// The key of a document's link.
pub fn link_key(document: DocumentId) -> String {
    format!("link/{document}")
}

/// The key of when it was last written in.
pub fn edited_key(document: DocumentId) -> String {
    format!("edited/{document}")
}

/// The key of whether it is put away.
pub fn archived_key(document: DocumentId) -> String {
    format!("archived/{document}")
}

/// The value under [`edited_key`] at this time, in microseconds since the Unix epoch.
pub const fn edited_value(wall_us: i64) -> Value {
    Value::Integer(wall_us.div_euclid(MINUTE_US))
}

/// What an entry says; `None`: nothing that this program knows, or what cannot be: a link that leads elsewhere, or to another list.
pub fn read(key: &str, value: &Value) -> Option<(DocumentId, Said)> {
    let (kind, id) = key.split_once('/')?;
    let document = id.parse().ok()?;
    let said = match (kind, value) {
        ("link", Value::Text(text)) => {
            let link: Link = text.parse().ok()?;
            Said::Link(Some(link).filter(|link| link.document == document && !link.keys.is_library())?)
        }
        ("edited", Value::Integer(minutes)) => Said::Edited(minutes.saturating_mul(MINUTE_US)),
        ("archived", Value::Flag(archived)) => Said::Archived(*archived),
        _ => return None,
    };
    Some((document, said))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::editor::link::{LinkKeys, RelayAddress};

    fn link(keys: &str) -> Link {
        let keys = LinkKeys::parse(keys).unwrap();
        let document = keys.document_keys().unwrap().document();
        Link { relay: RelayAddress::new("relay.example.org", 4870).unwrap(), document, keys }
    }

    #[test]
    fn entries_read_back() {
        let link = link("e.q6urq6urq6urq6urq6urqw");
        let id = link.document;
        let said = read(&link_key(id), &Value::Text(link.to_string()));
        assert_eq!(said, Some((id, Said::Link(link))));
        assert_eq!(read(&edited_key(id), &edited_value(3 * MINUTE_US + 5)), Some((id, Said::Edited(3 * MINUTE_US))));
        assert_eq!(read(&archived_key(id), &Value::Flag(true)), Some((id, Said::Archived(true))));
        assert_eq!(read(&edited_key(id), &Value::Integer(i64::MIN)), Some((id, Said::Edited(i64::MIN))));
    }

    #[test]
    fn what_cannot_be_says_nothing() {
        let (document, other) = (link("e.q6urq6urq6urq6urq6urqw"), link("e.AAAAAAAAAAAAAAAAAAAAAA"));
        let text = |link: &Link| Value::Text(link.to_string());
        assert_eq!(read(&link_key(document.document), &text(&other)), None, "it leads elsewhere");
        let list = link("l.q6urq6urq6urq6urq6urqw");
        assert_eq!(read(&link_key(list.document), &text(&list)), None, "a list in a list");
        for (key, value) in [
            (link_key(document.document), Value::Text("quire://".to_owned())),
            (link_key(document.document), Value::Integer(1)),
            (edited_key(document.document), Value::Flag(true)),
            (archived_key(document.document), Value::Integer(1)),
            ("link/12".to_owned(), text(&document)),
            ("colour/abababababababababababababababab".to_owned(), Value::Flag(true)),
            ("link".to_owned(), text(&document)),
            (String::new(), Value::Flag(true)),
        ] {
            assert_eq!(read(&key, &value), None, "{key}");
        }
    }
}
