use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::*;
use crate::change::Value;
use crate::id::DocumentId;

const ID: DocumentId = DocumentId::from_bytes([9; 16]);

fn replica(name: u8) -> ReplicaId {
    ReplicaId::from_bytes([name; 16])
}

/// An id that stands right behind the one of the replica with this name.
fn heir_of(name: u8) -> ReplicaId {
    let mut bytes = [name; 16];
    bytes[15] += 1;
    ReplicaId::from_bytes(bytes)
}

fn text(document: &Document) -> String {
    document.text().assert_invariants();
    document.text().slice(0..usize::MAX)
}

fn pull(to: &mut Document, from: &Document) {
    for envelope in from.log() {
        to.receive(envelope, &mut Received::default()).unwrap();
    }
}

/// Numbers that look like chance.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }
}

fn edit(document: &mut Document, dice: &mut Dice) {
    let len = document.text().len_chars();
    document.set_time(i64::try_from(dice.below(1000)).unwrap());
    for _ in 0..=dice.below(3) {
        match dice.below(4) {
            0 if len > 8 => {
                let at = dice.below(len - 8);
                document.delete(at..at + 1 + dice.below(4)).unwrap();
                return;
            }
            1 => document.set(&format!("k{}", dice.below(3)), Some(Value::Integer(7))).unwrap(),
            _ => document.insert(dice.below(len + 1), ["a", "bé", "cde"][dice.below(3)]).unwrap(),
        }
    }
}

#[test]
fn the_heir_has_the_same_and_so_has_everybody_who_gets_it() {
    for seed in 0..60_u8 {
        let mut dice = Dice(u64::from(seed));
        let (mut own, mut other) = (Document::new(ID, replica(5)), Document::new(ID, replica(4 + 2 * (seed % 2))));
        for _ in 0..12 {
            edit(&mut own, &mut dice);
            edit(&mut other, &mut dice);
            own.commit();
            other.commit();
            if dice.below(2) == 0 {
                pull(&mut own, &other);
                pull(&mut other, &own);
            }
        }
        // The other goes on without seeing what this one writes, which sees the other.
        let from = other.version().get(replica(5));
        for _ in 0..12 {
            edit(&mut own, &mut dice);
            edit(&mut other, &mut dice);
            own.commit();
            other.commit();
            if dice.below(3) == 0 {
                pull(&mut own, &other);
            }
        }
        let heir = own.succeeded_by(heir_of(5), from).unwrap();
        assert_eq!(
            (text(&heir), heir.map().get("k1"), heir.log().len()),
            (text(&own), own.map().get("k1"), own.log().len())
        );
        assert_eq!(heir.version().get(replica(5)), from);
        assert_eq!(heir.version().get(heir_of(5)), own.version().get(replica(5)) - from);
        let times =
            |document: &Document| (0..document.log().len()).map(|at| document.log().time(at)).collect::<Vec<_>>();
        assert_eq!(times(&heir), times(&own));
        let mut heir = heir;
        pull(&mut other, &heir);
        pull(&mut heir, &other);
        assert_eq!((text(&other), other.held_back()), (text(&heir), 0), "seed {seed}");
        let mut newcomer = Document::new(ID, replica(1));
        pull(&mut newcomer, &heir);
        assert_eq!((text(&newcomer), newcomer.digest()), (text(&heir), heir.digest()));
        // It goes on as itself.
        edit(&mut heir, &mut dice);
        heir.commit();
        pull(&mut newcomer, &heir);
        assert_eq!(text(&newcomer), text(&heir));
    }
}

#[test]
fn a_deletion_of_both_is_two() {
    for backwards in [false, true] {
        let mut own = Document::new(ID, replica(5));
        own.insert(0, "abc").unwrap();
        own.commit();
        own.insert(3, "def").unwrap();
        own.commit();
        if backwards {
            (1..5).rev().for_each(|at| own.delete(at..at + 1).unwrap());
        } else {
            own.delete(1..5).unwrap();
        }
        own.commit();
        let heir = own.succeeded_by(heir_of(5), 3).unwrap();
        let change = heir.log().change(2).unwrap();
        let mut parts = Vec::from([
            Op::Delete { first: OpId::new(replica(5), 1), len: 2, backwards },
            Op::Delete { first: OpId::new(heir_of(5), 0), len: 2, backwards },
        ]);
        if backwards {
            parts.reverse();
        }
        assert_eq!((change.ops, text(&heir).as_str()), (parts, "af"));
    }
}

#[test]
fn what_cannot_be_authored_again_is_an_error_and_changes_nothing() {
    let (mut own, mut other) = (Document::new(ID, replica(5)), Document::new(ID, replica(6)));
    own.insert(0, "abc").unwrap();
    let succeed = |own: &Document, from| own.succeeded_by(heir_of(5), from).map(|heir| text(&heir));
    assert_eq!(succeed(&own, 0), Err(SuccessionError::Uncommitted { units: 3 }));
    own.commit();
    assert_eq!(succeed(&own, 1), Err(SuccessionError::Inside { from: 1 }));
    pull(&mut other, &own);
    other.insert(3, "d").unwrap();
    other.commit();
    pull(&mut own, &other);
    assert_eq!(succeed(&own, 0), Err(SuccessionError::BuiltUpon { position: 1 }));
    assert_eq!(succeed(&own, 3).as_deref(), Ok("abcd"));
    assert_eq!(text(&own), "abcd");
}
