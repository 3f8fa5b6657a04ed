//! Versions that were given a name: how the document's map keeps them, and where they stand here.
//!
//! A key starts with [`VERSION_KEY_PREFIX`]. Its value comes from anyone: what is no named version is none, and reading it never
//! panics and never believes a length.
//!
//! | field | bytes |
//! | --- | --- |
//! | layout | 1 byte, now 1 |
//! | name | 2 bytes of length, big endian, then UTF-8 |
//! | version vector | to the end, per entry, ascending by replica: 16 bytes of replica, 8 of its count, big endian |

use quire_crdt::{Document, Entry, ID_BYTES, ReplicaId, SEQ_MAX, Value, VersionVector};

/// What the keys of the map start with that hold named versions.
pub const VERSION_KEY_PREFIX: &str = "version/";

/// The most characters of a version's name; longer ones are cut.
pub const VERSION_NAME_CHARS_MAX: usize = 80;

/// The most named versions of a document that are shown.
pub const NAMED_VERSIONS_MAX: usize = 500;

/// The layout that is written, and the only one that is read.
const LAYOUT: u8 = 1;

/// The most bytes of a name that is read at all.
const NAME_BYTES_MAX: usize = 4 * VERSION_NAME_CHARS_MAX;

/// A version that somebody named.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NamedVersion {
    /// The key of the map that holds it.
    pub key: String,
    /// Its name.
    pub name: String,
    /// What else it was called at the same time elsewhere, until it is named anew.
    pub rivals: Vec<String>,
    /// The version.
    pub version: VersionVector,
    /// How many changes of the log here it takes until it is there; `None`: not all of it is here yet.
    pub changes: Option<usize>,
    /// When the last of them was made, in seconds since the start of 1970 in UTC, as its author's clock had it.
    pub time: Option<i64>,
    /// Who named it so.
    pub by: ReplicaId,
    /// Something of it that was not here.
    lacks: Option<(ReplicaId, u64)>,
}

impl NamedVersion {
    /// Whether it may be here by now, though it was not. O(log n).
    pub(super) fn may_have_come(&self, document: &Document) -> bool {
        let has_come = |(replica, count)| document.version().get(replica) >= count;
        self.changes.is_none() && self.lacks.is_none_or(has_come)
    }

    /// Whether it is this version, which is there after so many changes of the log here.
    pub fn is_at(&self, changes: usize, version: &VersionVector) -> bool {
        self.changes == Some(changes) && self.version == *version
    }
}

/// The versions of a document that have names, in the order of their places here, and behind them those that are not here yet; at
/// most [`NAMED_VERSIONS_MAX`]. What was renamed and removed at the same time stays. O(log n) for each replica of each version.
pub fn named_versions(document: &Document) -> Vec<NamedVersion> {
    let keys = document.map().starting_with(VERSION_KEY_PREFIX);
    let named = keys.filter_map(|(key, entries)| named_version(document, key, entries));
    let mut versions: Vec<NamedVersion> = named.take(NAMED_VERSIONS_MAX).collect();
    let rank = |named: &NamedVersion| (named.changes.unwrap_or(usize::MAX), named.name.clone(), named.key.clone());
    versions.sort_by_cached_key(rank);
    versions
}

fn named_version(document: &Document, key: &str, entries: &[Entry]) -> Option<NamedVersion> {
    let mut written = entries.iter().filter_map(|entry| Some((entry.id.replica, decode(entry.value.as_ref()?)?)));
    let (by, (name, version)) = written.next()?;
    let mut rivals: Vec<String> = written.map(|(_, (rival, _))| rival).filter(|rival| *rival != name).collect();
    rivals.sort_unstable();
    rivals.dedup();
    let changes = document.log().changes_up_to(&version);
    let time = changes.and_then(|changes| document.log().time(changes.checked_sub(1)?));
    let lacks = version.iter().find(|(replica, count)| document.version().get(*replica) < *count);
    Some(NamedVersion { key: key.to_owned(), name, rivals, version, changes, time, by, lacks })
}

/// A name as it is kept and shown: one line of at most [`VERSION_NAME_CHARS_MAX`] characters, none of which is a sign of control or
/// turns the direction of writing. Empty: it is no name.
pub fn clean_version_name(name: &str) -> String {
    let shown = name.chars().filter(|char| !is_invisible(*char));
    let spaced: String = shown.map(|char| if char.is_control() { ' ' } else { char }).collect();
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let name: String = words.join(" ").chars().take(VERSION_NAME_CHARS_MAX).collect();
    let is_blank = name.chars().all(|char| matches!(char, ' ' | '\u{200c}' | '\u{200d}'));
    if is_blank { String::new() } else { name.trim_end().to_owned() }
}

/// Whether a character shows nothing, or only turns the direction of what stands around it.
const fn is_invisible(char: char) -> bool {
    matches!(
        char,
        '\u{ad}' | '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
    )
}

/// The value of the map that gives a version this name; `None` if that is no name.
pub fn encode_named_version(name: &str, version: &VersionVector) -> Option<Value> {
    let name = clean_version_name(name);
    let length = u16::try_from(name.len()).ok().filter(|length| *length > 0)?;
    let mut bytes = vec![LAYOUT];
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(name.as_bytes());
    for (replica, count) in version.iter() {
        bytes.extend_from_slice(replica.as_bytes());
        bytes.extend_from_slice(&count.to_be_bytes());
    }
    Some(Value::Bytes(bytes))
}

/// A name and its version; `None` if the value is anything else.
pub(super) fn decode(value: &Value) -> Option<(String, VersionVector)> {
    let Value::Bytes(bytes) = value else { return None };
    let ([layout, length @ ..], rest) = bytes.split_first_chunk::<3>()?;
    let (name, mut rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
    if *layout != LAYOUT || name.len() > NAME_BYTES_MAX {
        return None;
    }
    let name = clean_version_name(std::str::from_utf8(name).ok()?);
    let mut entries: Vec<(ReplicaId, u64)> = Vec::new();
    while let Some((replica, behind)) = rest.split_first_chunk::<ID_BYTES>() {
        let (count, behind) = behind.split_first_chunk()?;
        let entry = (ReplicaId::from_bytes(*replica), u64::from_be_bytes(*count));
        let is_next = entries.last().is_none_or(|(last, _)| *last < entry.0);
        if !is_next || entry.1 == 0 || entry.1 > SEQ_MAX {
            return None;
        }
        entries.push(entry);
        rest = behind;
    }
    (rest.is_empty() && !name.is_empty()).then(|| (name, entries.into_iter().collect()))
}

#[cfg(test)]
mod tests;
