//! Find and replace: every match as a range of chars, found window by window so that no frame waits for a large document.
//!
//! All searching is done by one regular expression (a literal is one that is escaped). A regular expression of the user's looks
//! at each line by itself; a literal may span lines. Matches follow edits: only the lines that changed are read again.

use std::ops::Range;

use quire_crdt::{Anchor, Splice, Succession, Text};
use regex::{Regex, RegexBuilder};
use thiserror::Error;

use super::edit::Edit;
use super::motion::line_end;

/// The most matches that are kept; beyond it the count says "at least".
pub const MATCHES_MAX: usize = 100_000;

/// The most bytes of memory that a compiled expression may take.
const PATTERN_BYTES_MAX: usize = 4 * 1024 * 1024;

/// How many chars are read at once, before the line ends.
const WINDOW_CHARS: usize = 16 * 1024;

/// What is looked for.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Query {
    /// The text or expression.
    pub pattern: String,
    /// Upper and lower case are different.
    pub match_case: bool,
    /// Only where words begin and end.
    pub whole_word: bool,
    /// `pattern` is a regular expression.
    pub regex: bool,
    /// Only between these places: what was selected.
    pub within: Option<(Anchor, Anchor)>,
}

/// Why nothing can be looked for.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum QueryError {
    /// Nothing to look for.
    #[error("nothing to look for")]
    Empty,
    /// The expression is wrong.
    #[error("{message}")]
    Pattern {
        /// What is wrong with it, in one line.
        message: String,
    },
}

/// A search and what it found so far.
#[derive(Clone, Debug)]
pub struct Find {
    query: Query,
    regex: Regex,
    /// Ascending, not overlapping.
    matches: Vec<Range<usize>>,
    /// What is not read yet: ascending, not overlapping.
    unread: Vec<Range<usize>>,
    /// Where matches are looked for.
    bounds: Range<usize>,
}

impl Find {
    /// Ids of units are others, and the text is the same.
    pub fn succeed(&mut self, succession: Succession) {
        let within = self.query.within;
        self.query.within = within.map(|(start, end)| (succession.anchor(start), succession.anchor(end)));
    }

    /// A search through the whole text; [`read`](Self::read) finds the matches.
    ///
    /// # Errors
    /// A [`QueryError`] when there is nothing to look for, or the expression is wrong.
    pub fn new(query: Query, text: &Text) -> Result<Self, QueryError> {
        if query.pattern.is_empty() {
            return Err(QueryError::Empty);
        }
        let pattern = if query.regex { query.pattern.clone() } else { regex::escape(&query.pattern) };
        let pattern = if query.whole_word { format!(r"\b(?:{pattern})\b") } else { pattern };
        let built = RegexBuilder::new(&pattern)
            .case_insensitive(!query.match_case)
            .multi_line(query.regex)
            .size_limit(PATTERN_BYTES_MAX)
            .build();
        let regex = built.map_err(|error| QueryError::Pattern { message: in_one_line(&error) })?;
        let end = text.len_chars();
        let bounds = query.within.map_or(0..usize::MAX, |(start, last)| {
            text.position(start).unwrap_or(0)..text.position(last).unwrap_or(end)
        });
        let unread = bounds.start..bounds.end.min(end);
        Ok(Self { query, regex, matches: Vec::new(), unread: vec![unread], bounds })
    }

    /// What is looked for.
    pub const fn query(&self) -> &Query {
        &self.query
    }

    /// What was found so far: ranges of chars, ascending, not overlapping.
    pub fn matches(&self) -> &[Range<usize>] {
        &self.matches
    }

    /// Whether everything was read.
    pub fn is_complete(&self) -> bool {
        self.unread.is_empty() || self.matches.len() >= MATCHES_MAX
    }

    /// Reads on for at most about `chars`; whether everything is read. O(chars).
    pub fn read(&mut self, text: &Text, chars: usize) -> bool {
        let mut left = chars;
        while left > 0 && !self.is_complete() {
            let Some(next) = self.unread.first().cloned() else {
                break;
            };
            left = left.saturating_sub(self.read_at(text, next.start).max(1));
        }
        self.is_complete()
    }

    /// Reads the window round a place; how many chars that were.
    fn read_at(&mut self, text: &Text, at: usize) -> usize {
        let window = self.window(text, at);
        let read = window.len();
        let rest = |unread: &Range<usize>| {
            [unread.start..unread.end.min(window.start), unread.start.max(window.end)..unread.end]
        };
        self.unread = self.unread.iter().flat_map(rest).filter(|unread| !unread.is_empty()).collect();
        self.read_window(text, window);
        read
    }

    /// As [`next`](Self::next), reading what is not read yet up to the match and no further.
    pub fn read_next(&mut self, text: &Text, at: usize) -> Option<Range<usize>> {
        for from in [at, 0] {
            while !self.is_complete() {
                let found = self.matches.get(self.matches.partition_point(|found| found.start < from));
                let until = found.map_or(usize::MAX, |found| found.start);
                let gap = self.unread.iter().find(|unread| unread.end > from && unread.start < until);
                match (gap.map(|gap| gap.start.max(from)), found) {
                    (Some(gap), _) => self.read_at(text, gap),
                    (None, Some(found)) => return Some(found.clone()),
                    (None, None) => break,
                };
            }
        }
        self.next(at)
    }

    /// Whole lines round a place: as many as fit a window, at least one, and as many more in front as a literal may span.
    fn window(&self, text: &Text, at: usize) -> Range<usize> {
        let lines = self.query.pattern.matches('\n').count();
        let first = text.char_to_line(at).saturating_sub(lines);
        let last = text.char_to_line(at.saturating_add(WINDOW_CHARS));
        text.line_to_char(first)..line_end(text, last + lines)
    }

    fn read_window(&mut self, text: &Text, window: Range<usize>) {
        let content = text.slice(window.clone());
        let mut found = Vec::new();
        let mut at = Position { byte: 0, char: window.start };
        if self.query.regex {
            let mut start = 0;
            for line in content.split('\n') {
                self.search(&content, start, line, &mut at, &mut found);
                start += line.len() + 1;
            }
        } else {
            self.search(&content, 0, &content, &mut at, &mut found);
        }
        // What reaches over the window's edge was found in another, and stays.
        let from = self.matches.partition_point(|known| known.start < window.start);
        let to = self.matches.partition_point(|known| known.end <= window.end).max(from);
        let before = from.checked_sub(1).and_then(|last| self.matches.get(last)).map_or(0, |known| known.end);
        let behind = self.matches.get(to).map_or(usize::MAX, |known| known.start);
        let (start, end) = (before.max(self.bounds.start), behind.min(self.bounds.end));
        found.retain(|found| found.start >= start && found.end <= end);
        self.matches.splice(from..to, found);
        self.matches.truncate(MATCHES_MAX);
    }

    fn search(&self, content: &str, start: usize, part: &str, at: &mut Position, found: &mut Vec<Range<usize>>) {
        for hit in self.regex.find_iter(part).filter(|hit| !hit.is_empty()) {
            let first = at.advance(content, start + hit.start());
            let last = at.advance(content, start + hit.end());
            found.push(first..last);
        }
    }

    /// Follows a change of the text: matches that it touched are forgotten, its place is read again. O(matches).
    pub fn apply(&mut self, splice: Splice) {
        let Splice { at, deleted, inserted } = splice;
        let end = at + deleted;
        let follow = |range: &mut Range<usize>| {
            let moved =
                |position: usize| if position >= end { position - deleted + inserted } else { position.min(at) };
            *range = moved(range.start)..moved(range.end);
        };
        self.matches.retain(|known| known.end <= at || known.start >= end);
        let from = self.matches.partition_point(|known| known.end <= at);
        self.matches[from..].iter_mut().for_each(follow);
        self.unread.iter_mut().for_each(follow);
        self.unread.push(at..at + inserted);
        if self.query.within.is_some() {
            let (start, last) = (self.bounds.start, self.bounds.end);
            follow(&mut self.bounds);
            // What is inserted at an edge is within.
            if inserted > 0 && (at == start || at == last) {
                self.bounds = self.bounds.start.min(at)..self.bounds.end.max(at + inserted);
            }
        }
        self.unread.sort_by_key(|range| range.start);
        self.unread.dedup_by(|next, last| {
            let joined = next.start <= last.end;
            if joined {
                last.end = last.end.max(next.end);
            }
            joined
        });
    }

    /// The first match that begins at this char or behind it; behind the last, the first of all.
    pub fn next(&self, at: usize) -> Option<Range<usize>> {
        let behind = self.matches.partition_point(|found| found.start < at);
        self.matches.get(behind).or_else(|| self.matches.first()).cloned()
    }

    /// The last match that ends at this char or in front of it; in front of the first, the last of all.
    pub fn previous(&self, at: usize) -> Option<Range<usize>> {
        let behind = self.matches.partition_point(|found| found.end <= at);
        behind.checked_sub(1).and_then(|last| self.matches.get(last)).or_else(|| self.matches.last()).cloned()
    }

    /// The number of the match that is exactly this range, from 0.
    pub fn number_of(&self, range: &Range<usize>) -> Option<usize> {
        let at = self.matches.partition_point(|found| found.start < range.start);
        (self.matches.get(at) == Some(range)).then_some(at)
    }

    /// The matches that touch a range.
    pub fn within(&self, range: Range<usize>) -> &[Range<usize>] {
        let from = self.matches.partition_point(|found| found.end <= range.start);
        let to = self.matches.partition_point(|found| found.start < range.end).max(from);
        &self.matches[from..to]
    }

    /// The edit that replaces a match; with a regular expression `$1` and `$name` in `by` are the groups of the match.
    pub fn replacement(&self, text: &Text, found: &Range<usize>, by: &str) -> Edit {
        let line = text.char_to_line(found.start);
        let start = text.line_to_char(line);
        let groups = self.query.regex.then(|| text.slice(start..line_end(text, line))).and_then(|content| {
            let at: usize = content.chars().take(found.start - start).map(char::len_utf8).sum();
            let groups = self.regex.captures_at(&content, at)?;
            let mut expanded = String::new();
            groups.expand(by, &mut expanded);
            Some(expanded)
        });
        Edit::new(found.clone(), groups.unwrap_or_else(|| by.to_owned()))
    }

    /// The edits that replace every match, ascending. Reads what is not read yet. O(n).
    pub fn replacements(&mut self, text: &Text, by: &str) -> Vec<Edit> {
        self.read(text, usize::MAX);
        self.matches.iter().map(|found| self.replacement(text, found, by)).collect()
    }
}

/// A place in a window, as byte and as char.
struct Position {
    byte: usize,
    char: usize,
}

impl Position {
    /// Goes on to a byte, which is not in front; gives its char.
    fn advance(&mut self, content: &str, byte: usize) -> usize {
        self.char += content[self.byte..byte].chars().count();
        self.byte = byte;
        self.char
    }
}

fn in_one_line(error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(limit) => format!("the expression is too large (more than {limit} bytes)"),
        error => {
            let text = error.to_string();
            let last = text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("the expression is wrong");
            last.trim().trim_start_matches("error: ").to_owned()
        }
    }
}

#[cfg(test)]
mod tests;
