//! Bracket pairs: an opening bracket brings the closing one, where the person has chosen so.

use quire_crdt::Text;

use super::super::selection::Selection;
use super::{Change, Plan};

const PAIRS: [(char, char); 3] = [('(', ')'), ('[', ']'), ('{', '}')];

/// Types one bracket at every caret. An opening one is put around what is selected, and brings its closing one where white space, a
/// closing bracket or the end follows; a closing one that stands there already is stepped over. `None`: this is no bracket.
pub fn type_bracket(text: &Text, selections: &[Selection], typed: &str) -> Option<Plan> {
    let mut chars = typed.chars();
    let (typed, None) = (chars.next()?, chars.next()) else { return None };
    let pair = PAIRS.iter().find(|(open, close)| typed == *open || typed == *close)?;
    Some(Plan::for_each(selections, |_, selection| type_one(text, selection, *pair, typed)))
}

fn type_one(text: &Text, selection: Selection, (open, close): (char, char), typed: char) -> Change {
    let range = selection.range();
    let next = char_at(text, range.end);
    if typed == open && !selection.is_empty() {
        let chosen = text.slice(range.clone());
        let change = Change::new(range.clone(), format!("{open}{chosen}{close}"));
        let back = |at: usize| at - range.start + 1;
        return Change { selection: Selection { tail: back(selection.tail), head: back(selection.head) }, ..change };
    }
    if typed == open && next.is_none_or(|next| next.is_whitespace() || PAIRS.iter().any(|(_, close)| *close == next)) {
        return Change { selection: Selection::caret(1), ..Change::new(range, format!("{open}{close}")) };
    }
    if typed == close && selection.is_empty() && next == Some(close) {
        return Change { selection: Selection::caret(1), ..Change::new(range, "") };
    }
    Change::new(range, typed)
}

/// Deletes the two brackets around every caret; `None` where a caret stands in no empty pair.
pub fn delete_pairs(text: &Text, selections: &[Selection]) -> Option<Plan> {
    let in_pair = |selection: &Selection| {
        let at = selection.head;
        let before = at.checked_sub(1).and_then(|before| char_at(text, before));
        selection.is_empty() && before.zip(char_at(text, at)).is_some_and(|pair| PAIRS.contains(&pair))
    };
    let around = |_, selection: Selection| Change::new(selection.head.saturating_sub(1)..selection.head + 1, "");
    selections.iter().all(in_pair).then(|| Plan::for_each(selections, around))
}

fn char_at(text: &Text, at: usize) -> Option<char> {
    (at < text.len_chars()).then(|| text.slice(at..at + 1).chars().next()).flatten()
}
