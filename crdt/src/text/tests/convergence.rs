//! Several replicas, their operations delivered in any causal order.

use alloc::vec;

use super::naive::Naive;
use super::*;

const REPLICAS: [ReplicaId; 3] = [A, B, C];

#[derive(Clone, Debug)]
enum Edit {
    Insert { first: OpId, left: Option<OpId>, right: Option<OpId>, text: String },
    Delete { first: OpId, len: u64 },
}

/// A replica with the plain text that its splices add up to.
#[derive(Clone, Default)]
struct Replica {
    text: Text,
    plain: Vec<char>,
    delivered: [usize; 3],
}

impl Replica {
    fn deliver(&mut self, author: usize, edit: &Edit) {
        self.delivered[author] += 1;
        match edit {
            Edit::Insert { first, left, right, text } => {
                let Splice { at, deleted, inserted } = self.text.integrate_insert(*first, *left, *right, text);
                assert_eq!((deleted, inserted), (0, text.chars().count()));
                self.plain.splice(at..at, text.chars());
            }
            Edit::Delete { first, len } => {
                for Splice { at, deleted, inserted } in integrate_delete(&mut self.text, *first, *len) {
                    assert_eq!((deleted > 0, inserted), (true, 0));
                    self.plain.drain(at..at + deleted);
                }
            }
        }
        self.check();
    }

    fn check(&self) {
        self.text.assert_invariants();
        assert_eq!(shown(&self.text), self.plain.iter().collect::<String>());
    }
}

/// What each replica did, in order, and how much of each it had delivered before.
#[derive(Default)]
struct History {
    edits: [Vec<([usize; 3], Edit)>; 3],
    units: [u64; 3],
}

impl History {
    /// Delivers one edit that is ready at `to`, if there is one.
    fn deliver_any(&self, rng: &mut Rng, to: &mut Replica) -> bool {
        let start = rng.below(3);
        for author in (0..3).map(|offset| (start + offset) % 3) {
            if let Some((deps, edit)) = self.edits[author].get(to.delivered[author])
                && (0..3).all(|other| deps[other] <= to.delivered[other])
            {
                to.deliver(author, edit);
                return true;
            }
        }
        false
    }

    fn record(&mut self, by: usize, deps: [usize; 3], edit: Edit) {
        self.edits[by].push((deps, edit));
    }

    fn next_id(&mut self, by: usize, units: u64) -> OpId {
        self.units[by] += units;
        OpId::new(REPLICAS[by], self.units[by] - units)
    }

    /// An edit as an honest author makes it.
    fn edit(&mut self, rng: &mut Rng, by: usize, at_one_place: bool, replica: &mut Replica) {
        let (deps, len) = (replica.delivered, replica.plain.len());
        let at = if at_one_place { len / 2 } else { rng.below(len + 1) };
        if rng.below(4) == 0 && at < len {
            let range = at..at + 1 + rng.below((len - at).min(5));
            replica.plain.drain(range.clone());
            for run in delete(&mut replica.text, range) {
                self.next_id(by, run.len);
                self.record(by, deps, Edit::Delete { first: run.first, len: run.len });
                replica.delivered[by] += 1;
            }
        } else {
            let text = rng.pick(&["x", "yz", "äöü", "\n", "words"]);
            let first = self.next_id(by, text.chars().count() as u64);
            replica.text.type_in(at, first, text);
            let (left, right) = origins(&replica.text, first);
            replica.plain.splice(at..at, text.chars());
            self.record(by, deps, Edit::Insert { first, left, right, text: text.into() });
            replica.delivered[by] += 1;
        }
        replica.check();
    }

    /// An edit as only a hostile author makes it: between any two characters, in any order.
    fn forge(&mut self, rng: &mut Rng, by: usize, replica: &mut Replica) {
        let deps = replica.delivered;
        let mut ids: Vec<_> = characters(&replica.text).into_iter().map(|(id, _)| Some(id)).collect();
        ids.push(None);
        let (left, right, first) = (rng.pick(&ids), rng.pick(&ids), self.next_id(by, 2));
        let edit = Edit::Insert { first, left, right, text: "!?".into() };
        replica.deliver(by, &edit);
        self.record(by, deps, edit);
    }

    /// Each replica after its own part of a random history.
    fn random(rng: &mut Rng, edits: usize, forged_percent: usize) -> (Self, [Replica; 3]) {
        let (mut history, mut replicas) = (Self::default(), <[Replica; 3]>::default());
        let at_one_place = rng.below(2) == 0;
        for _ in 0..edits {
            let by = rng.below(3);
            if rng.below(100) < forged_percent {
                history.forge(rng, by, &mut replicas[by]);
            } else if rng.below(5) > 0 {
                history.edit(rng, by, at_one_place, &mut replicas[by]);
            } else {
                for _ in 0..rng.below(12) {
                    history.deliver_any(rng, &mut replicas[by]);
                }
            }
        }
        (history, replicas)
    }

    /// The order of all characters by the naive tree.
    fn naive_order(&self, rng: &mut Rng) -> Vec<OpId> {
        let (mut naive, mut delivered) = (Naive::new(), [0; 3]);
        let ready = |delivered: &[usize; 3], author: usize| {
            let (deps, edit) = self.edits[author].get(delivered[author])?;
            (0..3).all(|other| deps[other] <= delivered[other]).then_some((author, edit))
        };
        loop {
            let start = rng.below(3);
            let Some((author, edit)) = (start..start + 3).find_map(|author| ready(&delivered, author % 3)) else {
                return naive.order();
            };
            delivered[author] += 1;
            if let Edit::Insert { first, left, right, text } = edit {
                naive.insert(*first, *left, *right, text.chars().count() as u64);
            }
        }
    }
}

fn converge(seed: u64, forged_percent: usize) {
    let mut rng = Rng::new(seed);
    let (history, mut replicas) = History::random(&mut rng, 60, forged_percent);
    let expected = history.naive_order(&mut rng);
    let mut fresh = Replica::default();
    for replica in replicas.iter_mut().chain([&mut fresh]) {
        while history.deliver_any(&mut rng, replica) {}
        let order: Vec<_> = characters(&replica.text).into_iter().map(|(id, _)| id).collect();
        assert_eq!(order, expected, "seed {seed}");
    }
    let [a, b, c] = replicas.map(|replica| characters(&replica.text));
    assert!(a == b && b == c && c == characters(&fresh.text), "seed {seed}: different characters are deleted");
}

#[test]
fn replicas_converge_to_the_order_of_the_naive_tree() {
    (0..100).for_each(|seed| converge(seed, 0));
}

#[test]
fn replicas_converge_whatever_a_hostile_author_names() {
    (1000..1100).for_each(|seed| converge(seed, 50));
}

/// Two authors write a word each into the gap of `[]`, seeing only their own characters; gives the text after merging.
fn written_at_once(orders: [&[usize]; 2]) -> String {
    let words = ["hello", "WORLD"];
    let mut base = Text::new();
    base.type_in(0, OpId::new(C, 0), "[]");
    let mut merged = base.clone();
    for (by, (word, order)) in words.iter().zip(orders).enumerate() {
        let mut own = base.clone();
        let mut there: Vec<usize> = Vec::new();
        for (seq, letter) in order.iter().enumerate() {
            let at = there.iter().filter(|other| *other < letter).count();
            there.push(*letter);
            let (text, first) = (&word[*letter..=*letter], OpId::new(REPLICAS[by], seq as u64));
            own.type_in(1 + at, first, text);
            let (left, right) = origins(&own, first);
            merged.integrate_insert(first, left, right, text);
            merged.assert_invariants();
        }
    }
    shown(&merged)
}

#[test]
fn words_written_at_one_place_stay_whole() {
    let (forwards, backwards, mixed) = ([0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [2, 3, 1, 4, 0]);
    for one in [forwards, backwards, mixed] {
        for other in [forwards, backwards, mixed] {
            let text = written_at_once([&one, &other]);
            assert!(["[helloWORLD]", "[WORLDhello]"].contains(&text.as_str()), "{one:?} and {other:?} give {text}");
        }
    }
    assert_eq!(written_at_once([&forwards, &forwards]), "[helloWORLD]");
}

#[test]
fn a_right_origin_that_is_not_behind_the_left_one_counts_as_none() {
    let integrated = |right| {
        let mut text = Text::new();
        text.type_in(0, OpId::new(A, 0), "abcd");
        text.integrate_insert(OpId::new(B, 0), Some(OpId::new(A, 2)), right, "X");
        text.assert_invariants();
        characters(&text)
    };
    let expected = integrated(None);
    for hostile in [Some(OpId::new(A, 0)), Some(OpId::new(A, 2)), Some(OpId::new(C, 5))] {
        assert_eq!(integrated(hostile), expected);
    }
}

#[test]
fn deleting_the_same_characters_twice_changes_nothing() {
    let mut text = Text::new();
    text.type_in(0, OpId::new(A, 0), "abcdef");
    text.type_in(3, OpId::new(B, 0), "--");
    let mut deleted = |first, len| {
        let splices = integrate_delete(&mut text, OpId::new(A, first), len);
        text.assert_invariants();
        (splices, shown(&text))
    };
    let splice = |at, deleted| Splice { at, deleted, inserted: 0 };
    assert_eq!(deleted(1, 4), (vec![splice(1, 2), splice(3, 2)], "a--f".into()));
    assert_eq!(deleted(2, 2), (vec![], "a--f".into()));
    assert_eq!(deleted(0, 6), (vec![splice(0, 1), splice(2, 1)], "--".into()));
}

#[test]
fn undo_finds_its_characters_and_their_place() {
    let mut text = Text::new();
    text.type_in(0, OpId::new(A, 0), "abcdef");
    text.type_in(3, OpId::new(B, 0), "--");
    delete(&mut text, 1..2);
    let a = |text: &Text, seq| unit(text, OpId::new(A, seq));
    assert_eq!(text.visible_ranges(a(&text, 0), 5), [0..2, 4..6]);
    text.type_in(0, OpId::new(A, 6), "in front");
    assert_eq!(text.visible_ranges(a(&text, 5), 1).first(), Some(&(14..15)));
    assert_eq!(text.neighbours(a(&text, 0), 6).len(), 4);
    delete(&mut text, 0..8);
    let (b, f) = (a(&text, 1), a(&text, 5));
    assert_eq!(text.insert_behind(b, OpId::new(A, 20), "B"), (1, 1));
    assert_eq!(origins(&text, OpId::new(A, 20)), (Some(OpId::new(A, 1)), Some(OpId::new(A, 2))));
    assert_eq!(text.insert_behind(f, OpId::new(A, 21), "!"), (8, 1));
    assert_eq!(origins(&text, OpId::new(A, 21)), (Some(OpId::new(A, 5)), None));
    text.assert_invariants();
    assert_eq!(shown(&text), "aBc--def!");
}

/// Origins and letters of a run as the page names them.
type Written = (OpId, Option<OpId>, Option<OpId>, &'static str);

fn write(text: &mut Text, at: usize, (first, left, right, letters): Written) {
    text.type_in(at, first, letters);
    assert_eq!(origins(text, first), (left, right));
}

fn receive(text: &mut Text, runs: &[Written]) {
    for (first, left, right, letters) in runs {
        text.integrate_insert(*first, *left, *right, letters);
        text.assert_invariants();
    }
}

#[test]
fn the_worked_example_of_the_page() {
    let id = OpId::new;
    let (mut at_a, mut at_b, mut at_c) = (Text::new(), Text::new(), Text::new());
    let greeting: Written = (id(A, 0), None, None, "hi!");
    let by_b: Written = (id(B, 0), Some(id(A, 1)), Some(id(A, 2)), "xy");
    let by_c: [Written; 2] =
        [(id(C, 0), Some(id(A, 1)), Some(id(A, 2)), "q"), (id(C, 1), Some(id(A, 1)), Some(id(C, 0)), "p")];
    let by_a: [Written; 2] = [(id(A, 4), Some(id(A, 2)), None, "?"), (id(A, 5), Some(id(B, 0)), Some(id(C, 1)), "w")];

    write(&mut at_a, 0, greeting);
    receive(&mut at_b, &[greeting]);
    receive(&mut at_c, &[greeting]);
    write(&mut at_b, 2, by_b);
    write(&mut at_c, 2, by_c[0]);
    write(&mut at_c, 2, by_c[1]);
    delete(&mut at_a, 1..2);
    write(&mut at_a, 2, by_a[0]);
    receive(&mut at_a, &by_c);
    receive(&mut at_a, &[(by_b.0, by_b.1, by_b.2, "x")]);
    assert_eq!(shown(&at_a), "hxpq!?");
    write(&mut at_a, 2, by_a[1]);
    receive(&mut at_a, &[(id(B, 1), Some(id(B, 0)), Some(id(A, 2)), "y")]);
    receive(&mut at_b, &by_c);
    receive(&mut at_c, &[by_b]);

    let order = [id(A, 0), id(A, 1), id(B, 0), id(B, 1), id(A, 5), id(C, 1), id(C, 0), id(A, 2), id(A, 4)];
    let levels = [(1, 0), (2, 0), (3, 1), (4, 0), (4, 0), (3, 2), (3, 1), (3, 0), (4, 0)];
    receive(&mut at_b, &by_a);
    receive(&mut at_c, &by_a);
    for text in [&mut at_a, &mut at_b, &mut at_c] {
        integrate_delete(text, id(A, 1), 1);
        assert_eq!(shown(text), "hxywpq!?");
        let characters = characters(text);
        assert!(characters.iter().map(|(id, _)| *id).eq(order), "{characters:?}");
        let levels_here = (0..order.len()).map(|at| text.weave.level(text.weave.at(at)));
        assert!(levels_here.map(|level| (level.left(), level.right())).eq(levels), "other levels than on the page");
    }
}
