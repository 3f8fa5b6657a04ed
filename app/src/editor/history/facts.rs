//! What a change did, in numbers.

use quire_crdt::{Change, Header, Log, Op};

use super::named::{VERSION_KEY_PREFIX, decode};

/// How much of what a change inserted is shown, in chars.
const EXCERPT_CHARS_MAX: usize = 40;

/// What a change did.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ChangeFacts {
    /// Who made it, and where it stands in its author's sequence.
    pub header: Header,
    /// When it was made, in seconds since the start of 1970 in UTC, as its author's clock had it.
    pub time: Option<i64>,
    /// How many characters it inserted.
    pub inserted: u64,
    /// How many characters it deleted.
    pub deleted: u64,
    /// The keys of the map that it wrote.
    pub keys: Vec<String>,
    /// The names that it gave to versions; `None`: it took one away.
    pub names: Vec<Option<String>>,
    /// The start of what it inserted, in one line.
    pub excerpt: String,
}

impl ChangeFacts {
    /// What the change at a position of the log did, if there is one. O(its length × log n).
    pub fn of(log: Log<'_>, position: usize) -> Option<Self> {
        let Change { header, ops } = log.change(position)?;
        let (mut inserted, mut deleted) = (0, 0);
        let (mut keys, mut names, mut excerpt) = (Vec::new(), Vec::new(), String::new());
        for op in ops {
            let len = op.len();
            match op {
                Op::Insert { text, .. } => {
                    inserted += len;
                    let room = EXCERPT_CHARS_MAX - excerpt.chars().count();
                    excerpt.extend(text.chars().take(room).map(|char| if char.is_control() { ' ' } else { char }));
                }
                Op::Delete { .. } => deleted += len,
                Op::Set { key, value } => {
                    if key.starts_with(VERSION_KEY_PREFIX) {
                        names.push(value.as_ref().and_then(decode).map(|(name, _)| name));
                    }
                    keys.push(key);
                }
            }
        }
        Some(Self { header, time: log.time(position), inserted, deleted, keys, names, excerpt })
    }
}
