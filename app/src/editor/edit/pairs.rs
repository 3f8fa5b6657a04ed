//! Bracket pairs: an opening bracket brings the closing one, where the person has chosen so.

use quire_crdt::Text;

use super::super::selection::Selection;
use super::{Change, Edit, Plan};

const PAIRS: [(char, char); 3] = [('(', ')'), ('[', ']'), ('{', '}')];

/// Types one bracket at every caret. An opening one is put around what is selected, and brings its closing one where white space, a
/// closing bracket or the end follows; a closing one that stands there already is stepped over. `None`: this is no bracket.
pub fn type_bracket(text: &Text, selections: &[Selection], typed: &str) -> Option<Plan> {
    let mut chars = typed.chars();
    let (typed, None) = (chars.next()?, chars.next()) else { return None };
    let pair = PAIRS.iter().find(|(open, close)| typed == *open || typed == *close)?;
    let are_selected = selections.iter().all(|selection| !selection.is_empty());
    if typed == pair.0 && are_selected {
        return Some(put_around(selections, *pair));
    }
    Some(Plan::for_each(selections, |_, selection| type_one(text, selection, *pair, typed)))
}

/// The selected characters stay who they are: nothing is typed anew.
fn put_around(selections: &[Selection], (open, close): (char, char)) -> Plan {
    let mut order: Vec<usize> = (0..selections.len()).collect();
    order.sort_by_key(|at| selections[*at].range().start);
    let mut plan = Plan { edits: Vec::new(), selections: selections.to_vec() };
    for (before, at) in order.into_iter().enumerate() {
        let range = selections[at].range();
        plan.edits.push(Edit::new(range.start..range.start, open));
        plan.edits.push(Edit::new(range.end..range.end, close));
        let moved = |to: usize| to + 2 * before + 1;
        plan.selections[at] = Selection { tail: moved(selections[at].tail), head: moved(selections[at].head) };
    }
    plan
}

fn type_one(text: &Text, selection: Selection, (open, close): (char, char), typed: char) -> Change {
    let range = selection.range();
    let next = char_at(text, range.end);
    let closes = |next: char| next.is_whitespace() || PAIRS.iter().any(|(_, close)| *close == next);
    if typed == open && next.is_none_or(closes) {
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
