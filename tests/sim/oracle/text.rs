//! The text as the tree of the paper: Weidner and Kleppmann, *The Art of the Fugue: minimizing interleaving in collaborative text
//! editing*, IEEE TPDS 36(11), 2025; the variant `FugueMax`.
//!
//! Every character is a node with children on its left and on its right, and the text is the in-order walk. An insert names
//! the characters to its left and right at the time, tombstones included. When the right one already hangs somewhere on the
//! right side of the left one, the new character becomes a left child of the right one; otherwise it becomes a right child of
//! the left one. Left children of one parent stand in ascending order of id. Right children stand in the *reverse* order of
//! the characters that were on their right (the end of the text counts as last), and those with the same one in ascending
//! order of id. Nothing ever moves, and a deleted character stays as a tombstone.

use std::collections::BTreeMap;

use quire_crdt::{Op, OpId, ReplicaId};

/// The node above all others: it stands for the start of the text, and every other is on its right side.
const ROOT: usize = 0;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Side {
    Left,
    Right,
}

#[derive(Clone, Debug)]
struct Node {
    id: OpId,
    character: char,
    deleted: bool,
    parent: usize,
    side: Side,
    /// What stood to its right when it was inserted; `None` is the end of the text.
    right_origin: Option<usize>,
    lefts: Vec<usize>,
    rights: Vec<usize>,
}

impl Node {
    fn new(id: OpId, character: char, parent: usize, side: Side, right_origin: Option<usize>) -> Self {
        let (lefts, rights) = (Vec::new(), Vec::new());
        Self { id, character, deleted: false, parent, side, right_origin, lefts, rights }
    }
}

/// A text as a tree of all characters ever inserted.
#[derive(Clone, Debug)]
pub struct OracleText {
    nodes: Vec<Node>,
    index: BTreeMap<OpId, usize>,
}

impl Default for OracleText {
    fn default() -> Self {
        Self::new()
    }
}

impl OracleText {
    /// No characters.
    pub fn new() -> Self {
        let nobody = OpId::new(ReplicaId::from_bytes([0; 16]), 0);
        let root = Node { deleted: true, ..Node::new(nobody, '\0', ROOT, Side::Right, None) };
        Self { nodes: vec![root], index: BTreeMap::new() }
    }

    /// Applies an operation whose first unit is `id` and whose past is applied; a write to the map does nothing.
    pub fn apply(&mut self, id: OpId, op: &Op) {
        match op {
            Op::Insert { left, right, text } => self.insert(id, *left, *right, text),
            Op::Delete { first, len, .. } => (0..*len).for_each(|unit| self.delete(first.plus(unit))),
            Op::Set { .. } => {}
        }
    }

    /// Inserts a run: its first character between `left` and `right`, each further one between its predecessor and `right`.
    pub fn insert(&mut self, first: OpId, left: Option<OpId>, right: Option<OpId>, text: &str) {
        let mut left = left.map_or(ROOT, |id| self.index[&id]);
        let right = right.map(|id| self.index[&id]).filter(|right| self.stands_behind(*right, left));
        for (unit, character) in (0..).zip(text.chars()) {
            left = self.insert_one(first.plus(unit), left, right, character);
        }
    }

    /// Makes a tombstone of a character.
    pub fn delete(&mut self, id: OpId) {
        let node = self.index[&id];
        self.nodes[node].deleted = true;
    }

    /// Every character ever inserted, tombstones included, in document order: its id, itself, and whether it is deleted.
    pub fn characters(&self) -> impl Iterator<Item = (OpId, char, bool)> + '_ {
        self.walk().into_iter().map(|node| &self.nodes[node]).map(|node| (node.id, node.character, node.deleted))
    }

    /// Every id ever inserted, tombstones included, in document order.
    pub fn order(&self) -> Vec<OpId> {
        self.characters().map(|(id, ..)| id).collect()
    }

    /// What is visible.
    pub fn visible(&self) -> String {
        self.characters().filter(|(.., deleted)| !deleted).map(|(_, character, _)| character).collect()
    }

    fn insert_one(&mut self, id: OpId, left: usize, right: Option<usize>, character: char) -> usize {
        let (parent, side) = match right {
            Some(right) if self.hangs_on_the_right_of(right, left) => (right, Side::Left),
            _ => (left, Side::Right),
        };
        let new = self.nodes.len();
        let at = match side {
            Side::Left => self.nodes[parent].lefts.iter().take_while(|other| self.nodes[**other].id < id).count(),
            Side::Right => self.place_among_rights(parent, id, right),
        };
        self.nodes.push(Node::new(id, character, parent, side, right));
        match side {
            Side::Left => self.nodes[parent].lefts.insert(at, new),
            Side::Right => self.nodes[parent].rights.insert(at, new),
        }
        self.index.insert(id, new);
        new
    }

    /// How many right children of `parent` stand before a new one: those whose right origin is further right than its own, and
    /// those with the same one and a lower id.
    fn place_among_rights(&self, parent: usize, id: OpId, right_origin: Option<usize>) -> usize {
        let siblings = &self.nodes[parent].rights;
        if siblings.is_empty() {
            return 0;
        }
        let walk = self.walk();
        let position = |origin: Option<usize>| {
            origin.map_or(walk.len(), |origin| walk.iter().take_while(|node| **node != origin).count())
        };
        let stands_before = |other: &usize| {
            let other = &self.nodes[*other];
            let (theirs, ours) = (position(other.right_origin), position(right_origin));
            theirs > ours || (theirs == ours && other.id < id)
        };
        siblings.iter().take_while(|other| stands_before(other)).count()
    }

    fn hangs_on_the_right_of(&self, node: usize, above: usize) -> bool {
        let mut node = node;
        while node != ROOT {
            let Node { parent, side, .. } = self.nodes[node];
            if parent == above {
                return side == Side::Right;
            }
            node = parent;
        }
        false
    }

    fn stands_behind(&self, node: usize, other: usize) -> bool {
        if other == ROOT {
            return node != ROOT;
        }
        let walk = self.walk();
        let position = |node: usize| walk.iter().position(|other| *other == node);
        position(node) > position(other)
    }

    /// The in-order walk without the root, by an explicit stack: a long text typed forwards is a deep tree.
    fn walk(&self) -> Vec<usize> {
        enum Step {
            Enter(usize),
            Visit(usize),
        }
        let mut order = Vec::with_capacity(self.nodes.len());
        let mut stack = vec![Step::Enter(ROOT)];
        while let Some(step) = stack.pop() {
            match step {
                Step::Visit(ROOT) => {}
                Step::Visit(node) => order.push(node),
                Step::Enter(node) => {
                    stack.extend(self.nodes[node].rights.iter().rev().map(|child| Step::Enter(*child)));
                    stack.push(Step::Visit(node));
                    stack.extend(self.nodes[node].lefts.iter().rev().map(|child| Step::Enter(*child)));
                }
            }
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn id(replica: u8, seq: u64) -> OpId {
        OpId::new(ReplicaId::from_bytes([replica; 16]), seq)
    }

    fn check(inserts: &[(OpId, Option<OpId>, Option<OpId>, &str)], expected: &str) {
        let mut text = OracleText::new();
        for (first, left, right, run) in inserts {
            text.insert(*first, *left, *right, run);
        }
        assert_eq!(text.visible(), expected);
    }

    #[test]
    fn runs_typed_forwards_stay_whole() {
        check(&[(id(1, 0), None, None, "abc"), (id(2, 0), None, None, "xyz")], "abcxyz");
        check(&[(id(2, 0), None, None, "xyz"), (id(1, 0), None, None, "abc")], "abcxyz");
    }

    #[test]
    fn runs_typed_backwards_stay_whole() {
        let backwards =
            |replica| [(id(replica, 0), None, None, "c"), (id(replica, 1), None, Some(id(replica, 0)), "b")];
        check(&[backwards(1), backwards(2)].concat(), "bcbc");
        let [a0, a1] = [(id(1, 0), None, None, "C"), (id(1, 1), None, Some(id(1, 0)), "B")];
        let [b0, b1] = backwards(2);
        check(&[a0, b0, a1, b1], "BCbc");
    }

    #[test]
    fn right_children_stand_in_the_reverse_order_of_their_right_origins() {
        // "a" and "D" were inserted before the "d" at once. Then "y" came behind the "a" with the "D" seen, and "x" without.
        let (d, a, other) = (id(1, 0), id(1, 1), id(2, 0));
        let before = [(d, None, None, "d"), (a, None, Some(d), "a"), (other, None, Some(d), "D")];
        let [y, x] = [(id(3, 0), Some(a), Some(other), "y"), (id(4, 0), Some(a), Some(d), "x")];
        check(&[before.as_slice(), &[y, x]].concat(), "axyDd");
        check(&[before.as_slice(), &[x, y]].concat(), "axyDd");
    }
}
