//! The library as plain data: which rows it shows, in which order, with which words.

use quire_crdt::DocumentId;

use super::status::Mark;
use super::words::{ago, ago_stays_true_us, elapsed, quantity};

/// What the library knows about a document.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LibraryEntry {
    /// Which.
    pub id: DocumentId,
    /// Its title; empty when nobody gave one.
    pub title: String,
    /// When it was last edited, by anybody (wall clock, microseconds).
    pub edited_us: i64,
    /// Who edited it last; empty for this person.
    pub edited_by: String,
    /// Whether it is put away.
    pub archived: bool,
    /// Whether others changed it since it was last looked at.
    pub unread: bool,
    /// Where its last edit is.
    pub mark: Mark,
    /// The same in words.
    pub mark_words: String,
    /// The passage that the search found in its text, if the search is not empty and found one.
    pub found: Option<String>,
}

/// The order of the rows.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Sort {
    /// The last edited first.
    #[default]
    Recent,
    /// By title, without regard to case.
    Title,
}

/// What the user asked the library to show.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct LibraryQuery {
    /// The words searched for, in titles and texts.
    pub search: String,
    /// The order.
    pub sort: Sort,
    /// Whether the archive is shown, instead of the documents in use.
    pub archive: bool,
}

/// The library panel.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct LibraryView {
    /// What was asked for.
    pub query: LibraryQuery,
    /// The rows, in order.
    pub rows: Vec<LibraryRow>,
    /// `12 documents`, `2 of 12 documents`, `3 in the archive`.
    pub summary: String,
    /// What to say instead of rows when there are none.
    pub empty: Option<EmptyLibrary>,
    /// How many documents are put away.
    pub archived: usize,
    /// After how many microseconds some words may have to change although nothing happened.
    pub stays_true_us: Option<u64>,
}

/// Why there are no rows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum EmptyLibrary {
    /// There is no document at all.
    NoDocuments,
    /// Nothing is put away.
    NothingArchived,
    /// The search found nothing.
    NothingFound,
}

/// A row.
#[expect(clippy::struct_excessive_bools, reason = "four facts that do not depend on each other")]
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LibraryRow {
    /// Which document.
    pub id: DocumentId,
    /// Its title, or what stands for one.
    pub title: String,
    /// Whether nobody gave it a title.
    pub untitled: bool,
    /// `3 min ago · Ana`, or the passage that the search found.
    pub detail: String,
    /// Whether it is the document in the window.
    pub open: bool,
    /// Whether it is put away.
    pub archived: bool,
    /// Whether others changed it since it was last looked at.
    pub unread: bool,
    /// Where its last edit is.
    pub mark: Mark,
    /// The same in words.
    pub mark_words: String,
}

/// What stands for a missing title.
pub const UNTITLED: &str = "Untitled";

/// A title, or what stands for one.
pub fn title_or_untitled(title: &str) -> &str {
    if title.trim().is_empty() { UNTITLED } else { title }
}

/// Arranges the library for `query` at the wall clock `now_us` (microseconds). O(n log n) in documents.
pub fn arrange(entries: &[LibraryEntry], query: &LibraryQuery, open: Option<DocumentId>, now_us: i64) -> LibraryView {
    let archived = entries.iter().filter(|entry| entry.archived).count();
    let total = if query.archive { archived } else { entries.len() - archived };
    let mut shown: Vec<&LibraryEntry> = entries.iter().filter(|entry| is_shown(entry, query)).collect();
    match query.sort {
        Sort::Recent => shown.sort_by(|a, b| b.edited_us.cmp(&a.edited_us).then(a.id.cmp(&b.id))),
        Sort::Title => shown.sort_by_cached_key(|entry| (title_or_untitled(&entry.title).to_lowercase(), entry.id)),
    }
    let stays_true_us = shown.iter().map(|entry| ago_stays_true_us(elapsed(now_us, entry.edited_us))).min();
    LibraryView {
        query: query.clone(),
        summary: summary(shown.len(), total, query),
        empty: shown.is_empty().then(|| why_empty(total, query)),
        rows: shown.into_iter().map(|entry| row(entry, open, now_us)).collect(),
        archived,
        stays_true_us,
    }
}

fn is_shown(entry: &LibraryEntry, query: &LibraryQuery) -> bool {
    let search = query.search.trim().to_lowercase();
    let found = search.is_empty() || entry.title.to_lowercase().contains(&search) || entry.found.is_some();
    entry.archived == query.archive && found
}

fn why_empty(total: usize, query: &LibraryQuery) -> EmptyLibrary {
    match (total, query.archive) {
        (0, false) => EmptyLibrary::NoDocuments,
        (0, true) => EmptyLibrary::NothingArchived,
        _ => EmptyLibrary::NothingFound,
    }
}

fn summary(shown: usize, total: usize, query: &LibraryQuery) -> String {
    let total = total as u64;
    match (query.archive, query.search.trim().is_empty()) {
        (true, _) => format!("{} in the archive", quantity(shown as u64, "document")),
        (false, true) => quantity(total, "document"),
        (false, false) => format!("{shown} of {}", quantity(total, "document")),
    }
}

fn row(entry: &LibraryEntry, open: Option<DocumentId>, now_us: i64) -> LibraryRow {
    let when = ago(now_us, entry.edited_us);
    let edited = if entry.edited_by.is_empty() { when } else { format!("{when} · {}", entry.edited_by) };
    LibraryRow {
        id: entry.id,
        title: title_or_untitled(&entry.title).to_owned(),
        untitled: entry.title.trim().is_empty(),
        detail: entry.found.clone().unwrap_or(edited),
        open: open == Some(entry.id),
        archived: entry.archived,
        unread: entry.unread,
        mark: entry.mark,
        mark_words: entry.mark_words.clone(),
    }
}

/// Around how many characters of a found passage are shown.
const PASSAGE_CHARS: usize = 60;

/// The passage of `text` around the first place where it has `search` (without regard to case), on one line.
/// Cost: O(length of the text).
pub fn find_passage(text: &str, search: &str) -> Option<String> {
    let search = search.trim().to_lowercase();
    if search.is_empty() {
        return None;
    }
    let line = text.lines().find(|line| line.to_lowercase().contains(&search))?;
    let at = line.to_lowercase().find(&search).unwrap_or(0);
    let before = line.get(..at).map_or(0, |head| head.chars().count());
    let from = before.saturating_sub(PASSAGE_CHARS / 4);
    let passage: String = line.chars().skip(from).take(PASSAGE_CHARS).collect();
    let lead = if from > 0 { "…" } else { "" };
    let tail = if line.chars().count() > from + PASSAGE_CHARS { "…" } else { "" };
    Some(format!("{lead}{}{tail}", passage.trim()))
}

/// What removing a document from this device means, from where its edits are; shown before it is done.
pub fn removal_words(mark: Mark, waiting: u64, holders: &[String]) -> String {
    let gone = "The text and its history leave this disk.";
    let lost = "Nobody else has them, so they are gone for good. Export the text first if you may want it.";
    match mark {
        Mark::Here => format!("{gone} This document was never shared: {}", lowercase_first(lost)),
        _ if waiting > 0 => {
            let edits = quantity(waiting, "edit");
            format!(
                "{gone} The relay lacks {edits} that you made here: they are gone for good. The rest stays at the relay."
            )
        }
        _ if holders.is_empty() => format!("{gone} The relay keeps its copy: with the link you can open it again."),
        _ => {
            let names = super::words::names(holders);
            format!("{gone} Copies stay at the relay and on {names}: with the link you can open it again.")
        }
    }
}

fn lowercase_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000_000;

    fn entry(number: u8, title: &str, minutes_ago: i64) -> LibraryEntry {
        LibraryEntry {
            id: DocumentId::from_bytes([number; 16]),
            title: title.to_owned(),
            edited_us: 1_000 * MINUTE - minutes_ago * MINUTE,
            edited_by: "Ana".to_owned(),
            archived: false,
            unread: false,
            mark: Mark::Here,
            mark_words: String::new(),
            found: None,
        }
    }

    fn titles(entries: &[LibraryEntry], query: &LibraryQuery) -> Vec<String> {
        arrange(entries, query, None, 1_000 * MINUTE).rows.into_iter().map(|row| row.title).collect()
    }

    #[test]
    fn rows_are_sorted_as_asked() {
        let entries = [entry(1, "zebra", 1), entry(2, "Apple", 5), entry(3, "", 3)];
        assert_eq!(titles(&entries, &LibraryQuery::default()), ["zebra", "Untitled", "Apple"]);
        assert_eq!(
            titles(&entries, &LibraryQuery { sort: Sort::Title, ..LibraryQuery::default() }),
            ["Apple", "Untitled", "zebra"]
        );
    }

    #[test]
    fn a_search_looks_into_titles_and_texts() {
        let mut entries = [entry(1, "Garden plan", 1), entry(2, "Letters", 5), entry(3, "Other", 3)];
        entries[1].found = Some("…the garden gate…".to_owned());
        let query = LibraryQuery { search: " GARDEN ".to_owned(), ..LibraryQuery::default() };
        assert_eq!(titles(&entries, &query), ["Garden plan", "Letters"]);
        let view = arrange(&entries, &query, None, 1_000 * MINUTE);
        assert_eq!(view.summary, "2 of 3 documents");
        assert_eq!(view.rows[1].detail, "…the garden gate…");
    }

    #[test]
    fn an_empty_list_says_why() {
        let check = |entries: &[LibraryEntry], search: &str, archive: bool, expected| {
            let query = LibraryQuery { search: search.to_owned(), archive, ..LibraryQuery::default() };
            assert_eq!(arrange(entries, &query, None, 0).empty, expected);
        };
        check(&[], "", false, Some(EmptyLibrary::NoDocuments));
        check(&[entry(1, "a", 0)], "", true, Some(EmptyLibrary::NothingArchived));
        check(&[entry(1, "a", 0)], "x", false, Some(EmptyLibrary::NothingFound));
        check(&[entry(1, "a", 0)], "A", false, None);
    }

    #[test]
    fn a_passage_is_cut_around_what_was_found() {
        assert_eq!(find_passage("one\ntwo Three\n", "three").as_deref(), Some("two Three"));
        assert_eq!(find_passage("one", ""), None);
        let long = format!("{} needle {}", "a".repeat(100), "b".repeat(100));
        let passage = find_passage(&long, "needle").expect("it is there");
        assert!(passage.starts_with('…') && passage.ends_with('…') && passage.contains("needle"), "{passage}");
    }

    #[test]
    fn removing_says_what_remains_where() {
        assert!(removal_words(Mark::Here, 0, &[]).contains("gone for good"));
        assert!(
            removal_words(Mark::Saved, 0, &["Ana’s laptop".to_owned()]).contains("at the relay and on Ana’s laptop")
        );
        assert!(removal_words(Mark::Waiting, 14, &[]).contains("14 edits"));
    }
}
