//! cola: a CRDT of places without text, and a rope beside it that has the text. It keeps no history.

use std::ops::Range;

use anyhow::Result;
use bincode::config::{Configuration, standard};
use bincode::serde::{borrow_decode_from_slice, encode_into_std_write};
use bytes::Bytes;
use cola::{Deletion, Insertion, Replica};
use jumprope::JumpRopeBuf;
use serde::{Deserialize, Serialize};

use super::{Edit, Outbox, Peer, Synced, Unit};

const ENCODING: Configuration = standard();

/// Ids as long as those that chance makes: 64 bits.
const FIRST_REPLICA: u64 = 0xa5e5_a5e5_a5e5_a500;

/// Places, and text.
pub struct Cola {
    replica: Replica,
    text: JumpRopeBuf,
}

/// What is sent for half an edit.
#[derive(Deserialize, Serialize)]
enum Change<'a> {
    Inserted(Insertion, &'a str),
    Deleted(Deletion),
}

impl Cola {
    fn delete(&mut self, range: Range<usize>) -> Deletion {
        self.text.remove(range.clone());
        self.replica.deleted(range)
    }

    fn insert(&mut self, at: usize, text: &str) -> Insertion {
        self.text.insert(at, text);
        self.replica.inserted(at, text.chars().count())
    }
}

impl Peer for Cola {
    const NAME: &'static str = "cola";
    const UNIT: Unit = Unit::Chars;

    /// All replicas are forks of the same empty one.
    fn new(agent: usize) -> Result<Self> {
        let replica = Replica::new(FIRST_REPLICA, 0).fork(FIRST_REPLICA + 1 + agent as u64);
        Ok(Self { replica, text: JumpRopeBuf::new() })
    }

    fn edit(&mut self, edit: Edit<'_>) -> Result<()> {
        if edit.deleted > 0 {
            self.delete(edit.at..edit.at + edit.deleted);
        }
        if !edit.inserted.is_empty() {
            self.insert(edit.at, edit.inserted);
        }
        Ok(())
    }

    fn settle(&mut self) -> Result<()> {
        self.text.borrow();
        Ok(())
    }

    fn text(&self) -> Result<String> {
        Ok(self.text.borrow().to_string())
    }
}

impl Synced for Cola {
    fn transact<'a>(&mut self, edits: impl Iterator<Item = Edit<'a>>, outbox: &mut Outbox) -> Result<()> {
        outbox.write(|bytes| {
            for edit in edits {
                if edit.deleted > 0 {
                    let deletion = self.delete(edit.at..edit.at + edit.deleted);
                    encode_into_std_write(Change::Deleted(deletion), bytes, ENCODING)?;
                }
                if !edit.inserted.is_empty() {
                    let insertion = self.insert(edit.at, edit.inserted);
                    encode_into_std_write(Change::Inserted(insertion, edit.inserted), bytes, ENCODING)?;
                }
            }
            Ok(())
        })
    }

    fn receive(&mut self, change: &Bytes) -> Result<()> {
        let mut rest = change.as_ref();
        while !rest.is_empty() {
            let (change, len) = borrow_decode_from_slice::<Change<'_>, _>(rest, ENCODING)?;
            rest = &rest[len..];
            match change {
                Change::Inserted(insertion, text) => {
                    if let Some(at) = self.replica.integrate_insertion(&insertion) {
                        self.text.insert(at, text);
                    }
                }
                Change::Deleted(deletion) => {
                    for range in self.replica.integrate_deletion(&deletion).into_iter().rev() {
                        self.text.remove(range);
                    }
                }
            }
        }
        Ok(())
    }

    fn copy(&self) -> Result<Self> {
        Ok(Self { replica: self.replica.clone(), text: self.text.clone() })
    }
}
