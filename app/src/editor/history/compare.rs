//! A text that was, beside the one that is: what came since, what went since, and the way back for a passage.

use std::ops::Range;

use quire_crdt::{Difference, ReplicaId, VersionVector, Written};

use super::Timeline;
use crate::editor::edit::Edit;

/// How much differs between two versions, in chars.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Compared {
    /// What is gone.
    pub gone: usize,
    /// What is new.
    pub new: usize,
}

impl Compared {
    /// How much these are.
    pub fn of(differences: &[Difference]) -> Self {
        let chars =
            |passage: fn(&Difference) -> &str| differences.iter().map(|each| passage(each).chars().count()).sum();
        Self { gone: chars(|each| &each.deleted), new: chars(|each| &each.inserted) }
    }
}

/// A version that stays, to compare others with it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Pin {
    /// How many changes of the log here it takes until it is there.
    pub changes: usize,
    /// When the last of them was made, in seconds since the start of 1970 in UTC.
    pub time: Option<i64>,
    /// The version.
    pub version: VersionVector,
}

/// What the text that is shown is compared with.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) enum Comparison {
    /// Nothing.
    #[default]
    None,
    /// The text of now.
    Now,
    /// Another one.
    With(Pin),
}

impl Comparison {
    /// The two versions, the one of the earlier place first; `None`: nothing is compared, or now with itself.
    pub(super) fn ends<'a>(
        &'a self,
        timeline: &Timeline,
        shown: &'a VersionVector,
        now: &'a VersionVector,
    ) -> Option<(&'a VersionVector, &'a VersionVector)> {
        let is_now = timeline.is_now();
        match self {
            Self::None => None,
            Self::Now => (!is_now).then_some((shown, now)),
            Self::With(pin) if is_now => Some((&pin.version, now)),
            Self::With(pin) if pin.changes > timeline.shown() => Some((shown, &pin.version)),
            Self::With(pin) => Some((&pin.version, shown)),
        }
    }
}

/// What a passage of a text is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Trait {
    /// It was written by this replica.
    By(ReplicaId),
    /// It stood here then, and does not now.
    Gone,
    /// It stands here now, and did not then.
    New,
}

/// A passage of a text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Mark {
    /// Its chars.
    pub chars: Range<usize>,
    /// What it is.
    pub is: Trait,
}

/// Who wrote a text, as passages from `start` on.
pub fn by_authors(start: usize, written: &[Written]) -> Vec<Mark> {
    let mut end = start;
    let mark = |written: &Written| {
        let start = end;
        end += written.len;
        Mark { chars: start..end, is: Trait::By(written.author) }
    };
    written.iter().map(mark).collect()
}

/// A text that was and that of now in one: what is gone stands in front of what is new in its place.
pub fn merged(then: &str, differences: &[Difference]) -> (String, Vec<Mark>) {
    let (mut text, mut marks) = (String::with_capacity(then.len()), Vec::new());
    let (mut rest, mut past, mut shown) = (then, 0, 0);
    for Difference { at, deleted, inserted } in differences {
        let (kept, behind) = rest.split_at(bytes_of(rest, at - past));
        text.push_str(kept);
        shown += at - past;
        for (passage, is) in [(deleted, Trait::Gone), (inserted, Trait::New)] {
            let len = passage.chars().count();
            if len > 0 {
                text.push_str(passage);
                marks.push(Mark { chars: shown..shown + len, is });
                shown += len;
            }
        }
        rest = &behind[deleted.len().min(behind.len())..];
        past = at + deleted.chars().count();
    }
    text.push_str(rest);
    (text, marks)
}

/// The edits of the text of now, in ascending order, that make a selected passage what it was.
///
/// `differences` lead from the text that was to that of now. The selection is of the text that was, or (`is_merged`) of both as
/// [`merged`] shows them: then what is selected of the new goes. In the text that was, what is new goes where it stands inside
/// the selection, or in the place of something that is selected whole.
pub fn restoring(differences: &[Difference], selected: &Range<usize>, is_merged: bool) -> Vec<Edit> {
    let mut edits = Vec::new();
    let (mut past, mut now, mut shown) = (0, 0, 0);
    for Difference { at, deleted, inserted } in differences {
        now += at - past;
        shown += at - past;
        let (gone, new) = (deleted.chars().count(), inserted.chars().count());
        let back = overlap(selected, &(shown..shown + gone));
        let removed = if is_merged {
            overlap(selected, &(shown + gone..shown + gone + new))
        } else if back.len() == gone && (gone > 0 || (selected.start < shown && shown < selected.end)) {
            0..new
        } else {
            0..0
        };
        let back: String = deleted.chars().skip(back.start).take(back.len()).collect();
        let removed = now + removed.start..now + removed.end;
        if removed.start == now {
            if !back.is_empty() || !removed.is_empty() {
                edits.push(Edit::new(removed, back));
            }
        } else {
            edits.extend((!back.is_empty()).then(|| Edit::new(now..now, back)));
            edits.push(Edit::new(removed, ""));
        }
        past = at + gone;
        now += new;
        shown += gone + if is_merged { new } else { 0 };
    }
    edits
}

/// The part of `range` that `selected` holds, counted from the start of `range`.
fn overlap(selected: &Range<usize>, range: &Range<usize>) -> Range<usize> {
    let (start, end) = (selected.start.max(range.start), selected.end.min(range.end));
    if start < end { start - range.start..end - range.start } else { 0..0 }
}

/// How many bytes the first chars of a text have.
fn bytes_of(text: &str, chars: usize) -> usize {
    text.char_indices().nth(chars).map_or(text.len(), |(at, _)| at)
}
