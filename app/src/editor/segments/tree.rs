//! Segments in chunks under a binary tree of sums.

use super::{Fence, Segment};

/// How many segments a chunk may hold.
#[cfg(not(test))]
const CHUNK_MAX: usize = 128;
/// Small, so that few lines make many chunks.
#[cfg(test)]
const CHUNK_MAX: usize = 4;

/// What some neighbouring segments are together.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Sum {
    pub(super) segments: usize,
    pub(super) chars: usize,
    pub(super) line_ends: usize,
    pub(super) height: u64,
    pub(super) dirty: usize,
    pub(super) fence: Fence,
}

impl Sum {
    fn then(self, next: Self) -> Self {
        Self {
            segments: self.segments + next.segments,
            chars: self.chars + next.chars,
            line_ends: self.line_ends + next.line_ends,
            height: self.height + next.height,
            dirty: self.dirty + next.dirty,
            fence: self.fence.then(next.fence),
        }
    }

    fn of(segments: &[Segment]) -> Self {
        segments.iter().fold(Self::default(), |sum, segment| sum.then(segment.sum()))
    }
}

/// Which segment; valid until segments come or go.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Place {
    chunk: usize,
    at: usize,
}

/// At least one segment, always.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    chunks: Vec<Vec<Segment>>,
    /// A complete binary tree: the sum of node `i` is that of nodes `2i` and `2i + 1`; chunk `c` is node `leaves + c`.
    sums: Vec<Sum>,
    leaves: usize,
}

impl Tree {
    pub(super) fn new(segments: Vec<Segment>) -> Self {
        let mut tree = Self { chunks: chunked(segments), sums: Vec::new(), leaves: 0 };
        tree.sum_all();
        tree
    }

    pub(super) fn sum(&self) -> Sum {
        self.sums[1]
    }

    pub(super) fn segment(&self, place: Place) -> &Segment {
        &self.chunks[place.chunk][place.at]
    }

    pub(super) fn previous(&self, place: Place) -> Option<&Segment> {
        match place.at.checked_sub(1) {
            Some(at) => self.chunks[place.chunk].get(at),
            None => place.chunk.checked_sub(1).and_then(|chunk| self.chunks[chunk].last()),
        }
    }

    /// The segment within which this measure passes `target`, and the sum of all before it; the last one at and beyond the
    /// end. O(log n).
    pub(super) fn find(&self, target: u64, measure: impl Fn(&Sum) -> u64) -> (Place, Sum) {
        self.descend(|before, next| measure(before) + measure(next) > target)
    }

    /// The first segment that is not read, and the sum of all before it. O(log n).
    pub(super) fn find_dirty(&self) -> Option<(Place, Sum)> {
        (self.sum().dirty > 0).then(|| self.descend(|_, next| next.dirty > 0))
    }

    /// Goes down to the first segment for which `is_in(before, it)`; if there is none, to the last one.
    fn descend(&self, is_in: impl Fn(&Sum, &Sum) -> bool) -> (Place, Sum) {
        let mut before = Sum::default();
        let mut node = 1;
        while node < self.leaves {
            let left = self.sums[2 * node];
            let right_is_empty = self.sums[2 * node + 1].segments == 0;
            if right_is_empty || is_in(&before, &left) {
                node *= 2;
            } else {
                before = before.then(left);
                node = 2 * node + 1;
            }
        }
        let chunk = node - self.leaves;
        let segments = &self.chunks[chunk];
        for (at, segment) in segments.iter().enumerate() {
            let sum = segment.sum();
            if at + 1 == segments.len() || is_in(&before, &sum) {
                return (Place { chunk, at }, before);
            }
            before = before.then(sum);
        }
        (Place { chunk, at: 0 }, before)
    }

    pub(super) fn change(&mut self, place: Place, change: impl FnOnce(&mut Segment)) {
        change(&mut self.chunks[place.chunk][place.at]);
        self.sum_up(place.chunk);
    }

    pub(super) fn change_all(&mut self, change: impl Fn(&mut Segment)) {
        self.chunks.iter_mut().flatten().for_each(change);
        self.sum_all();
    }

    /// Puts `new` in the place of `count` segments. O(log n + what is replaced), and O(n / chunk) when chunks come or go.
    pub(super) fn replace(&mut self, start: Place, count: usize, new: Vec<Segment>) {
        let (mut end, mut left) = (start.chunk, start.at + count);
        while left > self.chunks[end].len() {
            left -= self.chunks[end].len();
            end += 1;
        }
        let mut segments: Vec<Segment> = self.chunks[start.chunk][..start.at].to_vec();
        segments.extend(new);
        segments.extend_from_slice(&self.chunks[end][left..]);
        if start.chunk == end && !segments.is_empty() && segments.len() <= CHUNK_MAX {
            self.chunks[end] = segments;
            self.sum_up(end);
            return;
        }
        let chunks = if segments.is_empty() { Vec::new() } else { chunked(segments) };
        self.chunks.splice(start.chunk..=end, chunks);
        self.sum_all();
    }

    fn sum_up(&mut self, chunk: usize) {
        let mut node = self.leaves + chunk;
        self.sums[node] = Sum::of(&self.chunks[chunk]);
        while node > 1 {
            node /= 2;
            self.sums[node] = self.sums[2 * node].then(self.sums[2 * node + 1]);
        }
    }

    fn sum_all(&mut self) {
        self.leaves = self.chunks.len().next_power_of_two();
        self.sums.clear();
        self.sums.resize(2 * self.leaves, Sum::default());
        for (chunk, segments) in self.chunks.iter().enumerate() {
            self.sums[self.leaves + chunk] = Sum::of(segments);
        }
        for node in (1..self.leaves).rev() {
            self.sums[node] = self.sums[2 * node].then(self.sums[2 * node + 1]);
        }
    }

    pub(super) fn assert_sums(&self) {
        let all: Vec<Segment> = self.chunks.iter().flatten().copied().collect();
        assert_eq!(self.sum(), Sum::of(&all), "the sum of all segments");
        assert_eq!(self.sum().dirty, 0, "unread segments");
        assert!(self.chunks.iter().all(|chunk| !chunk.is_empty() && chunk.len() <= CHUNK_MAX), "sizes of chunks");
    }
}

/// Chunks that have room to grow.
fn chunked(segments: Vec<Segment>) -> Vec<Vec<Segment>> {
    if segments.len() <= CHUNK_MAX {
        return vec![segments];
    }
    segments.chunks(CHUNK_MAX * 3 / 4).map(<[Segment]>::to_vec).collect()
}
