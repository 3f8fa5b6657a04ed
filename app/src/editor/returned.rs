//! What others wrote while this device was away, in words.

use quire_crdt::{Document, ReplicaId, VersionVector};

use super::words::quantity;

/// What somebody added.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Added {
    /// Whose replica it came from.
    pub author: ReplicaId,
    /// Where the first of it stands, in chars.
    pub at: usize,
    /// How many paragraphs it has; 0 when it is no whole one.
    pub paragraphs: u64,
    /// How many words it has.
    pub words: u64,
}

/// What others added since `before` and is still there, by author in the order of the text.
/// Cost: O(runs of the text), and the length of what was added.
pub fn added_since(document: &Document, before: &VersionVector) -> Vec<Added> {
    let mut all: Vec<(Added, String)> = Vec::new();
    let mut at = 0;
    let text = document.text();
    for run in text.visible_runs(0..text.len_chars()) {
        let len = usize::try_from(run.len).unwrap_or(usize::MAX);
        let author = run.first.replica;
        let known = before.get(author).saturating_sub(run.first.seq).min(run.len);
        let new = usize::try_from(run.len - known).unwrap_or(usize::MAX);
        if author != document.replica() && new > 0 {
            let start = at + len - new;
            let passage = text.slice(start..at + len);
            match all.iter_mut().find(|(added, _)| added.author == author) {
                Some((_, passages)) => passages.push_str(&passage),
                None => all.push((Added { author, at: start, paragraphs: 0, words: 0 }, passage)),
            }
        }
        at += len;
    }
    all.into_iter().map(|(added, passages)| count(added, &passages)).collect()
}

fn count(added: Added, passages: &str) -> Added {
    let filled = passages.lines().filter(|line| !line.trim().is_empty()).count() as u64;
    let paragraphs = if passages.contains('\n') { filled } else { 0 };
    Added { paragraphs, words: passages.split_whitespace().count() as u64, ..added }
}

/// `Ana added 3 paragraphs`.
pub fn added_words(name: &str, added: &Added) -> String {
    let what = match (added.paragraphs, added.words) {
        (0, 0) => "a few characters".to_owned(),
        (0, words) => quantity(words, "word"),
        (paragraphs, _) => quantity(paragraphs, "paragraph"),
    };
    format!("{name} added {what}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use quire_crdt::{DocumentId, Received};

    fn replica(number: u8) -> ReplicaId {
        ReplicaId::from_bytes([number; 16])
    }

    fn document(number: u8) -> Document {
        Document::new(DocumentId::from_bytes([9; 16]), replica(number))
    }

    fn deliver(from: &Document, to: &mut Document) {
        let mut received = Received::default();
        for envelope in from.log() {
            to.receive(envelope, &mut received).expect("it is a change of this document");
        }
    }

    #[test]
    fn only_what_others_added_since_is_counted() {
        let (mut mine, mut anas) = (document(1), document(2));
        anas.insert(0, "old. ").expect("in range");
        anas.commit();
        deliver(&anas, &mut mine);
        let before = mine.version().clone();
        mine.insert(0, "my own\n").expect("in range");
        anas.insert(5, "one\n\ntwo\nthree\n").expect("in range");
        anas.commit();
        deliver(&anas, &mut mine);
        let added = added_since(&mine, &before);
        assert_eq!(added, [Added { author: replica(2), at: 12, paragraphs: 3, words: 3 }]);
        assert_eq!(added_words("Ana", &added[0]), "Ana added 3 paragraphs");
        assert_eq!(added_since(&mine, mine.version()), []);
    }

    #[test]
    fn less_than_a_paragraph_is_counted_in_words() {
        let added = Added { author: replica(1), at: 0, paragraphs: 0, words: 1 };
        assert_eq!(added_words("Bo", &added), "Bo added 1 word");
        assert_eq!(added_words("Bo", &Added { words: 0, ..added }), "Bo added a few characters");
    }
}
