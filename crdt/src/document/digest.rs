//! What replicas that delivered the same changes must agree on, in two numbers.

use super::Document;
use crate::digest::StateDigest;

impl Document {
    /// A digest of the text and the map, the same at all replicas that delivered the same changes. Own edits that are not committed
    /// yet are part of it, as they are of [`version`](Self::version). O(n) in what changed since it was last asked for, and O(1)
    /// for each 2 KiB of text.
    pub fn digest(&self) -> StateDigest {
        StateDigest { text: self.text.fingerprint(), map: self.map.fingerprint() }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::String;
    use alloc::vec::Vec;

    use super::*;
    use crate::change::Value;
    use crate::digest::Fingerprint;
    use crate::document::{Checkpoint, Received};
    use crate::envelope::Envelope;
    use crate::id::{DocumentId, ReplicaId};

    fn document(name: u8) -> Document {
        Document::new(DocumentId::from_bytes([9; 16]), ReplicaId::from_bytes([name; 16]))
    }

    fn typed(name: u8, text: &str) -> Document {
        let mut document = document(name);
        document.insert(0, text).unwrap();
        document.commit();
        document
    }

    fn receive(to: &mut Document, envelopes: impl IntoIterator<Item = Envelope>) {
        let mut received = Received::default();
        for envelope in envelopes {
            to.receive(envelope, &mut received).unwrap();
        }
        assert!(received.refused.is_empty());
    }

    fn fresh(document: &Document) -> u64 {
        Fingerprint::of(document.text().slice(0..usize::MAX).as_bytes()).sum()
    }

    /// Three replicas that wrote at once, and keys that stand in conflict.
    fn together() -> [Document; 3] {
        let mut documents = [1, 2, 3].map(|name| typed(name, "Stimmen, é 𝄞\n"));
        for (at, document) in documents.iter_mut().enumerate() {
            document.delete(at..2 + at).unwrap();
            document.set("title", Some(Value::Integer(i64::try_from(at).unwrap()))).unwrap();
            document
                .set(["a", "b", "c"][at], [None, Some(Value::Flag(true)), Some(Value::Bytes([1].into()))][at].clone())
                .unwrap();
            document.commit();
        }
        let logs = documents.each_ref().map(|document| document.log().iter().collect::<Vec<_>>());
        for (at, document) in documents.iter_mut().enumerate() {
            // Each takes the others' in another order.
            receive(document, logs[(at + 1) % 3].iter().rev().cloned());
            receive(document, logs[(at + 2) % 3].iter().cloned());
        }
        documents
    }

    #[test]
    fn replicas_that_delivered_the_same_have_the_same_digest() {
        let [a, b, c] = together();
        assert_eq!(a.map().conflicts().collect::<Vec<_>>(), ["title"]);
        assert_eq!((a.digest(), b.digest()), (b.digest(), c.digest()));
        assert_eq!(a.digest().text, fresh(&a));
        let mut replayed = document(4);
        receive(&mut replayed, c.log().iter());
        let stored = Checkpoint::decode(b.checkpoint().unwrap().into()).unwrap();
        let loaded = stored.document(ReplicaId::from_bytes([5; 16])).unwrap();
        assert_eq!((replayed.digest(), loaded.digest()), (a.digest(), a.digest()));
    }

    #[test]
    fn another_text_or_map_has_another_digest() {
        let of = |text: &str| typed(1, text).digest();
        assert_eq!(of("abcdefgh ijklmnop"), typed(2, "abcdefgh ijklmnop").digest(), "content alone counts");
        for other in ["abcdefgh ijklmnpo", "bacdefgh ijklmnop", "abcdefgh ijklmno", "abcdefgh ijklmnop\0", ""] {
            assert_ne!(of(other).text, of("abcdefgh ijklmnop").text, "{other:?}");
            assert_eq!(of(other).map, of("").map);
        }
        let with = |entries: &[(&str, Option<Value>)]| {
            let mut document = document(1);
            for (key, value) in entries {
                document.set(key, value.clone()).unwrap();
            }
            document.digest().map
        };
        let text = |text: &str| Some(Value::Text(String::from(text)));
        let mut prints = [
            with(&[]),
            with(&[("k", None)]),
            with(&[("k", text(""))]),
            with(&[("k", text("1"))]),
            with(&[("k", Some(Value::Bytes(b"1".to_vec())))]),
            with(&[("k", Some(Value::Flag(true)))]),
            with(&[("k", Some(Value::Integer(1)))]),
            with(&[("k1", text(""))]),
            with(&[("k", text("0")), ("k", text("1"))]),
        ]
        .to_vec();
        prints.sort_unstable();
        prints.dedup();
        assert_eq!(prints.len(), 9);
    }

    #[test]
    fn a_conflict_is_part_of_the_digest() {
        let (mut a, mut b) = (document(1), document(2));
        a.set("k", Some(Value::Flag(true))).unwrap();
        b.set("k", Some(Value::Flag(false))).unwrap();
        b.commit();
        let alone = b.digest();
        receive(&mut b, {
            a.commit();
            a.log().iter().collect::<Vec<_>>()
        });
        assert_eq!((b.map().entries("k").len(), b.map().get("k")), (2, Some(&Value::Flag(false))));
        assert_ne!(b.digest().map, alone.map);
    }

    #[test]
    fn what_is_remembered_is_never_stale() {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut below = |limit: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state % limit as u64).unwrap()
        };
        let (mut a, mut b) = (document(1), document(2));
        for step in 0..600 {
            let len = a.text().len_chars();
            let at = below(len + 1);
            match below(8) {
                0..3 => a.insert(at, ["e", "é", "\n"][below(3)]).unwrap(),
                3 => a.insert(at, "a longer one, in leaves of its own 𝄞").unwrap(),
                4..7 => a.delete(at..len.min(at + below(12))).unwrap(),
                _ => drop(a.undo()),
            }
            a.set("step", Some(Value::Integer(step))).unwrap();
            a.commit();
            let has = b.log().len();
            receive(&mut b, a.log().iter().skip(has));
            assert_eq!(a.digest(), b.digest(), "step {step}");
            assert_eq!((a.digest().text, b.digest().text), (fresh(&a), fresh(&b)), "step {step}");
            if below(40) == 0 {
                b = Checkpoint::decode(a.checkpoint().unwrap().into()).unwrap().document(b.replica()).unwrap();
            }
        }
    }
}
