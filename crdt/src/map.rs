//! A map in which the last writer wins, and what was written at the same time stays readable.
//!
//! A last-writer-wins map (Kleppmann, *Distributed Systems* lecture notes, 2020, section 8.1) on top of a multi-value register
//! for each key (Shapiro et al., *A comprehensive study of convergent and commutative replicated data types*, INRIA RR-7506,
//! 2011): a write removes exactly the values that its author had seen.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Bound;

use crate::change::Value;
use crate::clock::{Lamport, VersionVector};
use crate::digest::{Fingerprint, Remembered};
use crate::id::OpId;

/// A value that was written to a key and that no later write has seen and replaced.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// The operation that wrote it.
    pub id: OpId,
    /// Its Lamport timestamp.
    pub lamport: Lamport,
    /// The value; `None` when the key was removed.
    pub value: Option<Value>,
}

impl Entry {
    fn rank(&self) -> (Lamport, OpId) {
        (self.lamport, self.id)
    }

    /// Takes this into a fingerprint: no two entries in the same way, nor one as the start of another.
    fn push_to(&self, print: &mut Fingerprint) {
        print.push(self.id.replica.as_bytes());
        print.push_number(self.id.seq);
        print.push_number(self.lamport.0);
        match &self.value {
            None => print.push(&[0]),
            Some(Value::Text(text)) => {
                print.push(&[1]);
                push_counted(print, text.as_bytes());
            }
            Some(Value::Integer(integer)) => {
                print.push(&[2]);
                print.push(&integer.to_be_bytes());
            }
            Some(Value::Flag(flag)) => print.push(&[3, u8::from(*flag)]),
            Some(Value::Bytes(bytes)) => {
                print.push(&[4]);
                push_counted(print, bytes);
            }
        }
    }
}

/// Takes bytes into a fingerprint, and how many they are.
fn push_counted(print: &mut Fingerprint, bytes: &[u8]) {
    print.push_number(bytes.len() as u64);
    print.push(bytes);
}

/// Keys and their values; for each key the winner first, and behind it what was written concurrently.
///
/// The winner has the largest (Lamport timestamp, replica id). Two maps that applied the same writes are equal.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct LwwMap {
    keys: BTreeMap<String, Vec<Entry>>,
    fingerprint: Remembered,
}

impl LwwMap {
    /// The value that wins, unless that is a removal. O(log n).
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.entries(key).first().and_then(|entry| entry.value.as_ref())
    }

    /// Everything that stands at this key, the winner first; more than one entry is a conflict. O(log n).
    pub fn entries(&self, key: &str) -> &[Entry] {
        self.keys.get(key).map_or(&[], Vec::as_slice)
    }

    /// The keys that have a value, with the value that wins, in the order of the keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> + '_ {
        self.keys.iter().filter_map(|(key, entries)| {
            let value = entries.first()?.value.as_ref()?;
            Some((key.as_str(), value))
        })
    }

    /// The keys that start so, in their order, with everything that stands at each, the winner first; those too where a removal
    /// wins. O(log n), and O(1) for each.
    pub fn starting_with<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a [Entry])> + 'a {
        let from = self.keys.range::<str, _>((Bound::Included(prefix), Bound::Unbounded));
        let entries = from.map(|(key, entries)| (key.as_str(), entries.as_slice()));
        entries.take_while(move |(key, _)| key.starts_with(prefix))
    }

    /// The keys with more than one entry, in their order. O(n).
    pub fn conflicts(&self) -> impl Iterator<Item = &str> + '_ {
        self.keys.iter().filter(|(_, entries)| entries.len() > 1).map(|(key, _)| key.as_str())
    }

    /// All keys ever written, with everything that stands there.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &[Entry])> + '_ {
        self.keys.iter().map(|(key, entries)| (key.as_str(), entries.as_slice()))
    }

    /// The fingerprint of everything that stands here. O(n), O(1) if nothing was written since it was last asked for.
    pub(crate) fn fingerprint(&self) -> u64 {
        self.fingerprint.or_find(|| {
            let mut print = Fingerprint::default();
            for (key, entries) in &self.keys {
                push_counted(&mut print, key.as_bytes());
                print.push_number(entries.len() as u64);
                for entry in entries {
                    entry.push_to(&mut print);
                }
            }
            print.sum()
        })
    }

    /// Adds a key behind all others with what stands there, the winner first; whether that is their order.
    pub(crate) fn append(&mut self, key: String, entries: Vec<Entry>) -> bool {
        let behind = self.keys.last_key_value().is_none_or(|(last, _)| *last < key);
        let in_order = !entries.is_empty() && entries.is_sorted_by(|winner, other| winner.rank() > other.rank());
        self.fingerprint.forget();
        self.keys.insert(key, entries);
        behind && in_order
    }

    /// Applies a write whose author had `seen` some of the writes before.
    pub(crate) fn apply(&mut self, key: &str, entry: Entry, seen: impl Fn(OpId) -> bool) {
        self.fingerprint.forget();
        let entries = match self.keys.get_mut(key) {
            Some(entries) => entries,
            None => self.keys.entry(String::from(key)).or_default(),
        };
        entries.retain(|other| !seen(other.id) && other.id != entry.id);
        let at = entries.partition_point(|other| other.rank() > entry.rank());
        entries.insert(at, entry);
    }

    /// Takes in another replica's whole map: afterwards this is the map that results from the writes of both.
    ///
    /// `ours` and `theirs` are the version vectors at which the two maps stand. A value that only one side has stays if the other
    /// side never saw its write, and goes if it did, since then it was replaced there. O(n).
    pub fn merge(&mut self, ours: &VersionVector, other: &Self, theirs: &VersionVector) {
        self.fingerprint.forget();
        for (key, entries) in &mut self.keys {
            let others = other.entries(key);
            entries.retain(|entry| !theirs.contains(entry.id) || others.contains(entry));
        }
        for (key, others) in &other.keys {
            let news = others.iter().filter(|entry| !ours.contains(entry.id));
            let entries = self.keys.entry(key.clone()).or_default();
            entries.extend(news.cloned());
            entries.sort_by_key(|entry| core::cmp::Reverse(entry.rank()));
        }
        self.keys.retain(|_, entries| !entries.is_empty());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ReplicaId;

    const A: ReplicaId = ReplicaId::from_bytes([1; 16]);
    const B: ReplicaId = ReplicaId::from_bytes([2; 16]);

    fn entry(replica: ReplicaId, seq: u64, lamport: u64, value: i64) -> Entry {
        Entry { id: OpId::new(replica, seq), lamport: Lamport(lamport), value: Some(Value::Integer(value)) }
    }

    fn vector(entries: &[(ReplicaId, u64)]) -> VersionVector {
        entries.iter().copied().collect()
    }

    #[test]
    fn a_write_replaces_what_its_author_had_seen_and_nothing_else() {
        let mut map = LwwMap::default();
        map.apply("k", entry(A, 0, 1, 10), |id| vector(&[]).contains(id));
        map.apply("k", entry(B, 0, 1, 20), |id| vector(&[]).contains(id));
        assert_eq!(map.get("k"), Some(&Value::Integer(20)), "equal timestamps: the larger replica id wins");
        assert_eq!(map.conflicts().collect::<Vec<_>>(), ["k"]);
        map.apply("k", entry(A, 1, 2, 30), |id| vector(&[(A, 1)]).contains(id));
        assert_eq!(map.entries("k"), [entry(A, 1, 2, 30), entry(B, 0, 1, 20)]);
        map.apply("k", entry(B, 1, 3, 40), |id| vector(&[(A, 2), (B, 1)]).contains(id));
        assert_eq!(map.entries("k"), [entry(B, 1, 3, 40)]);
    }

    #[test]
    fn a_removal_can_win_and_what_it_competes_with_stays_visible() {
        let mut map = LwwMap::default();
        map.apply("k", entry(A, 0, 1, 10), |id| vector(&[]).contains(id));
        let removal = Entry { id: OpId::new(B, 0), lamport: Lamport(1), value: None };
        map.apply("k", removal.clone(), |id| vector(&[]).contains(id));
        assert_eq!((map.get("k"), map.iter().count()), (None, 0));
        assert_eq!(map.entries("k"), [removal, entry(A, 0, 1, 10)]);
    }

    #[test]
    fn keys_that_start_alike_are_found_together() {
        let mut map = LwwMap::default();
        for (seq, key) in (0..).zip(["a", "b", "b/", "b/1", "b/2", "b0", "c"]) {
            map.apply(key, entry(A, seq, seq + 1, 0), |_| false);
        }
        let removal = Entry { value: None, ..entry(A, 7, 8, 0) };
        map.apply("b/1", removal, |id| vector(&[(A, 7)]).contains(id));
        let keys = |prefix| map.starting_with(prefix).map(|(key, _)| key).collect::<Vec<_>>();
        assert_eq!(keys("b/"), ["b/", "b/1", "b/2"]);
        assert_eq!(keys("d"), [""; 0]);
        assert_eq!(keys("").len(), 7);
        assert!(map.starting_with("b/1").all(|(_, entries)| entries[0].value.is_none()));
    }

    #[test]
    fn merging_states_gives_what_delivering_the_writes_gives() {
        let first = entry(A, 0, 1, 1);
        let mut at_a = LwwMap::default();
        at_a.apply("k", first.clone(), |id| vector(&[]).contains(id));
        let mut at_b = at_a.clone();
        at_a.apply("k", entry(A, 1, 2, 2), |id| vector(&[(A, 1)]).contains(id));
        at_b.apply("k", entry(B, 0, 2, 3), |id| vector(&[(A, 1)]).contains(id));
        at_b.apply("other", entry(B, 1, 3, 4), |id| vector(&[(A, 1), (B, 1)]).contains(id));

        let mut delivered = at_a.clone();
        delivered.apply("k", entry(B, 0, 2, 3), |id| vector(&[(A, 1)]).contains(id));
        delivered.apply("other", entry(B, 1, 3, 4), |id| vector(&[(A, 1), (B, 1)]).contains(id));

        let (version_a, version_b) = (vector(&[(A, 2)]), vector(&[(A, 1), (B, 2)]));
        let mut merged = at_a.clone();
        merged.merge(&version_a, &at_b, &version_b);
        assert_eq!(merged, delivered);
        let mut other_way = at_b.clone();
        other_way.merge(&version_b, &at_a, &version_a);
        assert_eq!(other_way, delivered);
        merged.merge(&vector(&[(A, 2), (B, 2)]), &at_b, &version_b);
        assert_eq!(merged, delivered, "merging again changes nothing");
    }

    #[test]
    fn keys_and_what_stands_there_are_added_in_their_order_alone() {
        let check = |keys: &[&str], entries: &[Entry], expected| {
            let mut map = LwwMap::default();
            let in_order = keys.iter().map(|key| map.append(String::from(*key), entries.to_vec()));
            assert_eq!(in_order.collect::<Vec<_>>().last(), Some(&expected), "{keys:?} {entries:?}");
        };
        let (winner, other) = (entry(B, 0, 1, 20), entry(A, 0, 1, 10));
        check(&["k", "l"], &[winner.clone(), other.clone()], true);
        check(&["k"], &[other.clone(), winner.clone()], false);
        check(&["k"], &[winner.clone(), winner.clone()], false);
        check(&["k"], &[], false);
        check(&["l", "k"], core::slice::from_ref(&winner), false);
        check(&["k", "k"], core::slice::from_ref(&winner), false);
    }
}
