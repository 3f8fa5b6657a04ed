//! What a document was and who wrote it, as facts for the command line.

use std::collections::BTreeMap;
use std::ops::Range;

use quire_crdt::{Blame, Difference, Document, DocumentId, EditError, ReplicaId, VersionVector};
use serde_json::{Value, json};

use super::documents::device_name;
use super::request::At;
use super::{Session, SessionError};
use crate::editor::history::{ChangeFacts, Compared, named_versions};

impl Session {
    /// Makes a range of a document's text what it was at a version, by new edits that one undo takes back.
    ///
    /// # Errors
    /// A [`SessionError`] when the document is not open or the range is outside its text.
    pub fn restore(
        &mut self,
        id: DocumentId,
        range: Range<usize>,
        version: &VersionVector,
    ) -> Result<(), SessionError> {
        self.introduce(id)?;
        Ok(self.replica(id)?.restore(range, version)?)
    }

    /// Makes a range of an open document's text (all of it, if none is named) what it was at a version; what that changed.
    pub(super) fn restore_at(
        &mut self,
        id: DocumentId,
        at: &At,
        range: Option<(usize, usize)>,
    ) -> Result<Value, SessionError> {
        let version = self.version_at(id, Some(at))?;
        let document = self.document(id).ok_or(SessionError::NotOpen { document: id })?;
        let len = document.text().len_chars();
        let (start, end) = range.unwrap_or((0, len));
        if start > end || end > len {
            return Err(EditError::Range { start, end, len }.into());
        }
        let range = start..end;
        let differences = document.log().diff_within(&range, document.version(), &version);
        let Compared { gone: deleted, new: inserted } = Compared::of(&differences);
        if !differences.is_empty() {
            self.restore(id, range, &version)?;
            self.commit(id)?;
        }
        let places = differences.len();
        Ok(json!({
            "id": id.to_string(), "position": at, "range": [start, end], "places": places, "inserted": inserted,
            "deleted": deleted,
        }))
    }

    /// How the text at one version of an open document differs from that at another, or from the text now: by characters and by
    /// lines.
    pub(super) fn diff(&self, id: DocumentId, from: &At, to: Option<&At>) -> Result<Value, SessionError> {
        let document = self.document(id).ok_or(SessionError::NotOpen { document: id })?;
        let (version, to_version) = (self.version_at(id, Some(from))?, self.version_at(id, to)?);
        let differences = document.log().diff(&version, &to_version);
        let patches: Vec<Value> = differences
            .iter()
            .map(|Difference { at, deleted, inserted }| json!({ "at": at, "deleted": deleted, "inserted": inserted }))
            .collect();
        let text = document.log().text_at(&version);
        let hunks: Vec<Value> = hunks(&text, &differences).iter().map(Hunk::describe).collect();
        Ok(json!({ "from": from, "to": to, "patches": patches, "hunks": hunks }))
    }
}

/// The changes of a document's log, the newest first.
pub(super) fn log(document: &Document) -> Value {
    let log = document.log();
    let mut names: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for named in named_versions(document) {
        if let Some(position) = named.changes.and_then(|changes| changes.checked_sub(1)) {
            names.entry(position).or_default().push(named.name);
        }
    }
    let describe = |position| {
        let facts = ChangeFacts::of(log, position)?;
        Some(describe(document, position, facts, &names.remove(&position).unwrap_or_default()))
    };
    json!({ "changes": (0..log.len()).rev().filter_map(describe).collect::<Vec<Value>>() })
}

fn describe(document: &Document, position: usize, facts: ChangeFacts, names: &[String]) -> Value {
    let ChangeFacts { header, time, inserted, deleted, keys, excerpt, .. } = facts;
    json!({
        "position": position,
        "time": time,
        "author": header.replica.to_string(),
        "device": device_name(document, header.replica),
        "first_seq": header.first_seq,
        "inserted": inserted,
        "deleted": deleted,
        "keys": keys,
        "excerpt": excerpt,
        "names": names,
    })
}

/// Who wrote the text: runs of characters of one change, and for each line who wrote most of it.
pub(super) fn blame(document: &Document) -> Value {
    let text = document.text().slice(0..usize::MAX);
    let blame = document.log().blame(0..document.text().len_chars());
    let time = |run: &Blame| run.change.and_then(|change| document.log().time(change));
    let (mut at, mut runs, mut devices) = (0, Vec::new(), BTreeMap::new());
    for run in &blame {
        let name = devices.entry(run.author).or_insert_with(|| device_name(document, run.author));
        runs.push(json!({
            "at": at, "len": run.len, "author": run.author.to_string(), "device": name, "change": run.change,
            "time": time(run),
        }));
        at += run.len;
    }
    let mut written = blame.iter().flat_map(|run| std::iter::repeat_n((run.author, time(run)), run.len));
    let line = |line: &str| {
        let written: Vec<_> = written.by_ref().take(line.chars().count()).collect();
        let author = most_frequent(written.iter().map(|(author, _)| *author));
        let device = author.and_then(|author| devices.get(&author));
        json!({
            "author": author.map(|author| author.to_string()),
            "device": device,
            "time": written.iter().filter_map(|(_, time)| *time).max(),
            "text": line.strip_suffix('\n').unwrap_or(line),
        })
    };
    let lines: Vec<Value> = text.split_inclusive('\n').map(line).collect();
    json!({ "runs": runs, "lines": lines })
}

fn most_frequent(authors: impl Iterator<Item = ReplicaId>) -> Option<ReplicaId> {
    let mut counts: BTreeMap<ReplicaId, usize> = BTreeMap::new();
    authors.for_each(|author| *counts.entry(author).or_default() += 1);
    counts.into_iter().max_by_key(|(_, count)| *count).map(|(author, _)| author)
}

/// Lines that one text has where another has others; they are counted from 1.
#[derive(Debug, Eq, PartialEq)]
struct Hunk {
    from_line: usize,
    to_line: usize,
    deleted: Vec<String>,
    inserted: Vec<String>,
}

impl Hunk {
    fn describe(&self) -> Value {
        let Self { from_line, to_line, deleted, inserted } = self;
        json!({ "from_line": from_line, "to_line": to_line, "deleted": deleted, "inserted": inserted })
    }
}

/// Whole lines of a text, as bytes of it, and what they become.
struct Region {
    bytes: Range<usize>,
    /// Up to where `new` stands for them.
    done: usize,
    new: String,
}

/// Differences by whole lines.
fn hunks(from: &str, differences: &[Difference]) -> Vec<Hunk> {
    let mut regions: Vec<Region> = Vec::new();
    let (mut chars, mut at) = (0, 0);
    for Difference { at: char, deleted, inserted } in differences {
        at += from[at..].chars().take(char - chars).map(char::len_utf8).sum::<usize>();
        chars = *char;
        let end = at + deleted.len();
        let first = from[..at].rfind('\n').map_or(0, |line_end| line_end + 1);
        let last = from[end..].find('\n').map_or(from.len(), |line_end| end + line_end + 1);
        match regions.last_mut().filter(|region| first < region.bytes.end) {
            Some(region) => {
                region.new.push_str(&from[region.done..at]);
                region.bytes.end = last;
                region.done = end;
            }
            None => regions.push(Region { bytes: first..last, done: end, new: from[first..at].to_owned() }),
        }
        if let Some(region) = regions.last_mut() {
            region.new.push_str(inserted);
        }
    }
    let (mut hunks, mut seen, mut line, mut to_line) = (Vec::new(), 0, 1, 1);
    for Region { bytes, done, mut new } in regions {
        let skipped = from[seen..bytes.start].matches('\n').count();
        (seen, line, to_line) = (bytes.end, line + skipped, to_line + skipped);
        new.push_str(&from[done..bytes.end]);
        let old = &from[bytes];
        hunks.extend(hunk(line, to_line, old, &new));
        (line, to_line) = (line + old.matches('\n').count(), to_line + new.matches('\n').count());
    }
    hunks
}

/// Two texts that begin at these lines, without the lines that both start with or both end with; `None` if they are equal.
fn hunk(from_line: usize, to_line: usize, old: &str, new: &str) -> Option<Hunk> {
    let old: Vec<&str> = old.split_inclusive('\n').collect();
    let new: Vec<&str> = new.split_inclusive('\n').collect();
    let same = |(one, other): &(&&str, &&str)| one == other;
    let head = old.iter().zip(&new).take_while(same).count();
    let (old, new) = (&old[head..], &new[head..]);
    let tail = old.iter().rev().zip(new.iter().rev()).take_while(same).count();
    let lines = |lines: &[&str]| lines[..lines.len() - tail].iter().map(ToString::to_string).collect::<Vec<String>>();
    let (deleted, inserted) = (lines(old), lines(new));
    let differs = !deleted.is_empty() || !inserted.is_empty();
    differs.then_some(Hunk { from_line: from_line + head, to_line: to_line + head, deleted, inserted })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_by_characters_become_whole_lines() {
        let check = |from: &str, differences: &[(usize, &str, &str)], expected: &[(usize, usize, &[&str], &[&str])]| {
            let difference = |(at, deleted, inserted): &(usize, &str, &str)| Difference {
                at: *at,
                deleted: (*deleted).to_owned(),
                inserted: (*inserted).to_owned(),
            };
            let lines = |lines: &[&str]| lines.iter().map(ToString::to_string).collect();
            let expected: Vec<Hunk> = expected
                .iter()
                .map(|(from_line, to_line, deleted, inserted)| Hunk {
                    from_line: *from_line,
                    to_line: *to_line,
                    deleted: lines(deleted),
                    inserted: lines(inserted),
                })
                .collect();
            assert_eq!(hunks(from, &differences.iter().map(difference).collect::<Vec<_>>()), expected, "{from:?}");
        };
        check("one\ntwo\nthree\n", &[], &[]);
        check("öne\ntwo\nthree\n", &[(5, "wo", "en")], &[(2, 2, &["two\n"], &["ten\n"])]);
        check(
            "one\ntwo\nthree",
            &[(4, "", "new\n"), (10, "ree", "")],
            &[(2, 2, &[], &["new\n"]), (3, 4, &["three"], &["th"])],
        );
        check("one\ntwo\nthree", &[(4, "two\n", "")], &[(2, 2, &["two\n"], &[])]);
        check("ab cd\n", &[(0, "a", "x"), (3, "c", "y")], &[(1, 1, &["ab cd\n"], &["xb yd\n"])]);
        check("one\ntwo", &[(3, "\n", " "), (7, "", "!")], &[(1, 1, &["one\n", "two"], &["one two!"])]);
        check("", &[(0, "", "new")], &[(1, 1, &[], &["new"])]);
    }

    #[test]
    fn a_line_is_its_who_wrote_most_of_it() {
        let [one, other] = [1, 2].map(|id| ReplicaId::from_bytes([id; 16]));
        assert_eq!(most_frequent([other, one, other].into_iter()), Some(other));
        assert_eq!(most_frequent([].into_iter()), None);
    }
}
