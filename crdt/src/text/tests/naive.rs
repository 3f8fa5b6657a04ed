//! The order as the paper's tree gives it: slow and obvious.

use core::cmp::Reverse;

use super::*;

/// A tree of characters; node 0 is the start of the text.
pub(super) struct Naive {
    nodes: Vec<Node>,
}

struct Node {
    id: Option<OpId>,
    left: Option<OpId>,
    right: Option<OpId>,
    children: [Vec<usize>; 2],
}

impl Naive {
    pub(super) fn new() -> Self {
        Self { nodes: alloc::vec![Node { id: None, left: None, right: None, children: [Vec::new(), Vec::new()] }] }
    }

    /// All characters in order.
    pub(super) fn order(&self) -> Vec<OpId> {
        let mut order = Vec::new();
        self.visit(0, &mut order);
        order.into_iter().flatten().collect()
    }

    pub(super) fn insert(&mut self, first: OpId, left: Option<OpId>, right: Option<OpId>, len: u64) {
        let order = self.order();
        let stands = |id: OpId| order.iter().position(|other| *other == id);
        let right = right.filter(|right| left.is_none_or(|left| stands(left) < stands(*right)));
        self.insert_one(first, left, right);
        (1..len).for_each(|offset| self.insert_one(first.plus(offset), Some(first.plus(offset - 1)), right));
    }

    fn insert_one(&mut self, id: OpId, left: Option<OpId>, right: Option<OpId>) {
        let node = |id: Option<OpId>| self.nodes.iter().position(|node| node.id == id).unwrap();
        let is_left_child = right.is_some() && self.nodes[node(right)].left == left;
        let (parent, side) = if is_left_child { (node(right), 0) } else { (node(left), 1) };
        let order = self.order();
        self.nodes.push(Node { id: Some(id), left, right, children: [Vec::new(), Vec::new()] });
        let mut children = self.nodes[parent].children[side].clone();
        children.push(self.nodes.len() - 1);
        // The end of the text is further away than any character.
        let stands = |id: OpId| order.iter().position(|other| *other == id).unwrap();
        let distance = |node: usize| Reverse(self.nodes[node].right.map_or(usize::MAX, stands));
        children.sort_by_key(|node| (distance(*node), self.nodes[*node].id));
        self.nodes[parent].children[side] = children;
    }

    fn visit(&self, node: usize, order: &mut Vec<Option<OpId>>) {
        let Node { id, children: [lefts, rights], .. } = &self.nodes[node];
        for child in lefts {
            self.visit(*child, order);
        }
        order.push(*id);
        for child in rights {
            self.visit(*child, order);
        }
    }
}
