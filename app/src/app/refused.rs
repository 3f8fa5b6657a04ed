//! The documents that relays refuse for good, said in one banner however many they are.

use std::collections::BTreeMap;

use quire_crdt::DocumentId;

/// The documents that are refused, each with its title and the reason.
#[derive(Debug, Default)]
pub(super) struct Refused {
    documents: BTreeMap<DocumentId, (String, String)>,
}

impl Refused {
    /// This document is refused.
    pub(super) fn note(&mut self, document: DocumentId, title: String, reason: String) {
        self.documents.insert(document, (title, reason));
    }

    /// This document is not refused, or is not here any more; whether that changes anything.
    pub(super) fn forget(&mut self, document: DocumentId) -> bool {
        self.documents.remove(&document).is_some()
    }

    /// What to say; nothing while nothing is refused.
    pub(super) fn words(&self) -> Option<String> {
        let (title, reason) = self.documents.values().next()?;
        let is_same = self.documents.values().all(|(_, other)| other == reason);
        let rest = "Everything is still on this disk. To try again, go offline and online.";
        Some(match self.documents.len() {
            1 => format!("The relay refused “{title}”: {reason}. {rest}"),
            count if is_same => format!("The relay refused {count} documents: {reason}. {rest}"),
            count => format!(
                "The relay refused {count} documents, “{title}” among them: {reason}. The status bar says why of each. {rest}"
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_refusals_are_one_sentence_that_shrinks_again() {
        let id = |number| DocumentId::from_bytes([number; 16]);
        let mut refused = Refused::default();
        assert_eq!(refused.words(), None);
        refused.note(id(1), "Roses".to_owned(), "the relay is full".to_owned());
        assert!(
            refused.words().is_some_and(|words| words.starts_with("The relay refused “Roses”: the relay is full."))
        );
        refused.note(id(2), "Tulips".to_owned(), "the relay is full".to_owned());
        assert!(refused.words().is_some_and(|words| words.starts_with("The relay refused 2 documents: the relay is")));
        refused.note(id(2), "Tulips".to_owned(), "it is too long".to_owned());
        assert!(refused.words().is_some_and(|words| words.contains("“Roses” among them")));
        assert!(refused.forget(id(2)) && refused.forget(id(1)) && !refused.forget(id(1)));
        assert_eq!(refused.words(), None);
    }
}
