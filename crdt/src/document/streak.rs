//! Short ways: a change that goes on where the newest one ended is taken in with a few steps, and what a check found is not looked for
//! again.

use super::deletions::Deletion;
use super::validate::Found;
use super::{At, Document, Patch, Received};
use crate::change::OpRef;
use crate::clock::Lamport;
use crate::codec::change::{self, Coded};
use crate::envelope::Envelope;
use crate::id::ReplicaId;
use crate::units::UNITS_MAX;

/// How the newest change ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Streak {
    /// Who made it.
    pub(super) replica: ReplicaId,
    /// The `seq` behind its last unit.
    pub(super) end_seq: u64,
    /// The timestamp of its last unit.
    pub(super) lamport: Lamport,
}

impl Document {
    /// Takes in a change that does nothing but go on where the newest one ended, which somebody else made; whether it was one. Whatever
    /// is unusual about it is left to [`Self::deliver`]: what is here is what that comes to. O(length of the text).
    pub(super) fn deliver_typed(&mut self, envelope: &Envelope, received: &mut Received) -> bool {
        let header = envelope.header();
        let goes_on = |streak: &Streak| streak.replica == header.replica && streak.end_seq == header.first_seq;
        let Some(streak) = self.streak.filter(goes_on) else { return false };
        let Some(text) = change::typed(envelope.payload()) else { return false };
        let len = if text.len() == 1 { 1 } else { text.chars().count() };
        let fits = len <= UNITS_MAX - self.text.units().len() && self.text.inserted().has_room(text.len());
        if header.replica == self.replica
            || !header.deps.is_empty()
            || header.heads
            || header.len != len as u64
            || self.pending() > 0
            || !fits
        {
            return false;
        }
        let Some(splice) = self.text.integrate_typed(header.first_id(), text) else { return false };
        let lamport = streak.lamport.plus(header.len);
        received.patches.push(Patch { splice, author: header.replica });
        self.authors.go_on(lamport);
        self.record.push_plain(self.text.units().end());
        self.version.observe(header.replica, header.end_seq());
        self.moved.observe(header.replica, header.end_seq());
        self.streak = Some(Streak { end_seq: header.end_seq(), lamport, ..streak });
        true
    }

    /// Applies a change's only operation where it was found, if that is known; whether it was.
    pub(super) fn apply_found(&mut self, at: &At, op: Coded<'_>, found: Found, received: &mut Received) -> bool {
        let author = at.id.replica;
        let splice = match (op, found) {
            (Coded::Whole(OpRef::Insert { text, .. }), Found::Between([left, right])) => {
                Some(self.text.integrate_at(at.id, left, right, text))
            }
            (Coded::Whole(OpRef::Delete { len, backwards, .. }), Found::Together(first)) => {
                // They are here, so that they can be counted.
                let len = usize::try_from(len).unwrap_or(usize::MAX);
                let start = self.text.pass(at.id, len);
                self.record.deletions.push(Deletion { start, len, first: first.unit, backwards });
                self.text.delete_together(first, len)
            }
            _ => return false,
        };
        received.patches.extend(splice.map(|splice| Patch { splice, author }));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::Header;
    use crate::clock::VersionVector;
    use crate::id::{DocumentId, OpId};
    use alloc::vec::Vec;

    fn document(name: u8) -> Document {
        Document::new(DocumentId::from_bytes([9; 16]), ReplicaId::from_bytes([name; 16]))
    }

    /// What two people send who type, delete and read each other now and then, in an order in which it may come.
    fn conversation(seed: u64) -> Vec<Envelope> {
        let (mut random, mut sent) = (seed, Vec::new());
        let mut below = |limit: usize| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) as usize % limit
        };
        let mut people = [(document(1), 0), (document(2), 0)];
        for _ in 0..300 {
            let (writer, read) = &mut people[below(2)];
            if below(4) == 0 {
                for envelope in &sent[*read..] {
                    writer.receive(Envelope::clone(envelope), &mut Received::default()).unwrap();
                }
                *read = sent.len();
            }
            let (before, mut at) = (writer.log().len(), below(writer.text().len_chars() + 1));
            let now = 1_000 + 7 * i64::try_from(sent.len()).unwrap();
            for key in 0..below(6) {
                if below(3) == 0 {
                    writer.set_time(now - i64::try_from(key).unwrap());
                }
                match below(5) {
                    0 if at > 0 => {
                        at -= 1;
                        writer.delete(at..at + 1).unwrap();
                    }
                    longer => {
                        let text = ["x", "ö", "🙂", "\n", "abc"][longer];
                        writer.insert(at, text).unwrap();
                        at += text.chars().count();
                    }
                }
                writer.commit();
            }
            sent.extend(writer.log().from(before));
        }
        sent
    }

    #[test]
    fn a_short_way_comes_to_what_the_long_one_does() {
        for seed in 0..40 {
            let (mut short, mut long, mut ways) = (document(3), document(3), [0, 0]);
            for envelope in conversation(seed) {
                let mut received = [Received::default(), Received::default()];
                long.streak = None;
                let may = short.streak.is_some_and(|streak| streak.end_seq == envelope.header().first_seq);
                ways[usize::from(may)] += 1;
                short.receive(envelope.clone(), &mut received[0]).unwrap();
                long.receive(envelope, &mut received[1]).unwrap();
                assert_eq!(received[0], received[1], "seed {seed}");
            }
            assert!(ways.iter().all(|count| *count > 20), "{ways:?}");
            assert_eq!(
                (short.version(), short.moved_of(&short.version)),
                (long.version(), long.moved_of(&long.version))
            );
            assert!(short.log().iter().eq(long.log().iter()), "seed {seed}");
            let times = |document: &Document| -> Vec<_> {
                (0..document.log().len()).map(|position| document.log().time(position)).collect()
            };
            assert_eq!(times(&short), times(&long), "seed {seed}");
            assert_eq!(short.authors.next_lamport(), long.authors.next_lamport());
            for (replica, count) in short.version().iter() {
                let lamports = |document: &Document| -> Vec<_> {
                    (0..count).map(|seq| document.lamport(OpId::new(replica, seq))).collect()
                };
                assert_eq!(lamports(&short), lamports(&long), "seed {seed}");
            }
            short.text().assert_invariants();
        }
    }

    /// What a document made of an envelope, and what it is then.
    fn judged(document: &mut Document, envelope: &Envelope) -> impl PartialEq + core::fmt::Debug + use<> {
        let mut received = Received::default();
        let result = document.receive(envelope.clone(), &mut received);
        let log: Vec<Envelope> = document.log().iter().collect();
        let text = document.text().slice(0..usize::MAX);
        (result, received, document.version().clone(), document.held_back(), log, text)
    }

    #[test]
    fn what_only_looks_like_typing_is_judged_as_any_other_change() {
        let (mut writer, mut other, mut reader) = (document(2), document(1), document(3));
        other.insert(0, "o").unwrap();
        other.commit();
        for at in 0..3 {
            writer.insert(at, "x").unwrap();
            writer.commit();
        }
        for envelope in other.log().iter().chain(writer.log()) {
            reader.receive(envelope, &mut Received::default()).unwrap();
        }
        let typed = |text: &str| [&[2, u8::try_from(text.len()).unwrap() << 3], text.as_bytes()].concat();
        let good = Header { replica: writer.replica(), first_seq: 3, len: 1, deps: VersionVector::new(), heads: false };
        let really = Envelope::put_together(reader.id(), good.clone(), &typed("y")).unwrap();
        assert!(reader.clone().deliver_typed(&really, &mut Received::default()));
        let deps = |seen| VersionVector::from_iter([(other.replica(), seen)]);
        let mut cases: Vec<(Header, Vec<u8>)> = ["y", "ö", "abc", "äöü"].map(|text| (good.clone(), typed(text))).into();
        let lengths = [1, 2, 3].map(|len| Header { len, ..good.clone() });
        cases.extend(lengths.into_iter().flat_map(|header| [(header.clone(), typed("abc")), (header, typed("ö"))]));
        let places = [0, 1, 2, 4, 9].map(|first_seq| Header { first_seq, ..good.clone() });
        cases.extend(places.map(|header| (header, typed("y"))));
        let named = [(1, false), (1, true), (2, false)];
        cases.extend(named.map(|(seen, heads)| (Header { deps: deps(seen), heads, ..good.clone() }, typed("y"))));
        let others = [other.replica(), reader.replica()];
        cases.extend(others.map(|replica| (Header { replica, ..good.clone() }, typed("y"))));
        for edits in [false, true] {
            for (header, payload) in &cases {
                let envelope = Envelope::put_together(reader.id(), header.clone(), payload).unwrap();
                let (mut short, mut long) = (reader.clone(), reader.clone());
                // What comes again has nothing more to say.
                for _ in 0..3 {
                    if edits {
                        short.insert(1, "e").unwrap();
                        long.insert(1, "e").unwrap();
                    }
                    long.streak = None;
                    assert_eq!(judged(&mut short, &envelope), judged(&mut long, &envelope), "{header:?}");
                }
            }
        }
    }
}
