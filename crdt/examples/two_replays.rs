//! Two short replays whose instructions `tests/instructions` counts: `two_replays written` types a made-up text edit by edit, each
//! committed; `two_replays received` does so and gives every change to another replica.

use anyhow::{Result, bail, ensure};
use quire_crdt::{Document, DocumentId, Received, ReplicaId};

/// How often somebody goes somewhere and writes.
const BURSTS: usize = 700;

/// The same numbers everywhere (Marsaglia's xorshift).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> Result<usize> {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        Ok(usize::try_from(self.0 % u64::try_from(limit)?)?)
    }
}

fn document(replica: u8) -> Document {
    Document::new(DocumentId::from_bytes([9; 16]), ReplicaId::from_bytes([replica; 16]))
}

/// Types runs of characters at many places, takes some back, and cuts a passage now and then. `after` is called after each edit.
fn write(writer: &mut Document, mut after: impl FnMut(&Document) -> Result<()>) -> Result<()> {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let mut commit = |writer: &mut Document| {
        writer.commit();
        after(writer)
    };
    for burst in 0..BURSTS {
        let mut at = numbers.below(writer.text().len_chars() + 1)?;
        for _ in 0..5 + numbers.below(30)? {
            writer.insert(at, ["e", "t", " ", "a", "ö", "\n"][numbers.below(6)?])?;
            commit(writer)?;
            at += 1;
        }
        for _ in 0..numbers.below(6)? {
            at -= 1;
            writer.delete(at..at + 1)?;
            commit(writer)?;
        }
        if burst % 8 == 7 {
            let start = numbers.below(writer.text().len_chars() - 40)?;
            writer.delete(start..start + 1 + numbers.below(40)?)?;
            commit(writer)?;
        }
    }
    Ok(())
}

fn main() -> Result<()> {
    let (mut writer, mut reader) = (document(1), document(2));
    match std::env::args().nth(1).as_deref() {
        Some("written") => write(&mut writer, |_| Ok(()))?,
        Some("received") => {
            let (mut received, mut next) = (Received::default(), 0);
            write(&mut writer, |writer| {
                for envelope in writer.log().from(next) {
                    reader.receive(envelope, &mut received)?;
                    next += 1;
                }
                received.patches.clear();
                Ok(())
            })?;
            let all = 0..usize::MAX;
            ensure!(writer.text().slice(all.clone()) == reader.text().slice(all), "the two texts differ");
        }
        _ => bail!("usage: two_replays written|received"),
    }
    println!("{} characters after {} changes", writer.text().len_chars(), writer.log().len());
    Ok(())
}
