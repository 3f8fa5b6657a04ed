//! A document read from its checkpoint is the document that made it, and nothing else is taken for one.

use quire_crdt::{Checkpoint, CheckpointError, Document, OpId, Received, ReplicaId};
use sim::rng::Rng;

use crate::history::{History, Plan, missing, receive_checked, visible};

/// A document without uncommitted edits as it is after a restart with its checkpoint.
pub(crate) fn read_checkpoint(document: &Document) -> Document {
    read(document.checkpoint().expect("everything is committed"), document.replica())
}

fn read(bytes: Vec<u8>, replica: ReplicaId) -> Document {
    let checkpoint = Checkpoint::decode(bytes.into()).expect("a checkpoint");
    let document = checkpoint.document(replica).expect("a whole checkpoint");
    assert_eq!(checkpoint.text().as_ref(), Ok(&visible(document.text())));
    assert_eq!(checkpoint.map().as_ref(), Ok(document.map()));
    let log = (checkpoint.document_id(), checkpoint.version(), checkpoint.changes());
    assert_eq!(log, (document.id(), document.version().clone(), document.log().len()));
    document
}

/// Fails unless two copies of a document are the same in everything that lasts.
pub(crate) fn assert_same(one: &Document, other: &Document) {
    one.text().assert_invariants();
    assert_eq!(visible(one.text()), visible(other.text()));
    assert!(characters(one).eq(characters(other)), "all characters, deleted ones too");
    assert_eq!((one.id(), one.version(), one.map()), (other.id(), other.version(), other.map()));
    assert_eq!(one.log().len(), other.log().len());
    for (one, other) in one.log().iter().zip(other.log().iter()) {
        assert_eq!(one, other);
    }
    let times = |document: &Document| (0..document.log().len()).map(|at| document.log().time(at)).collect::<Vec<_>>();
    assert_eq!(times(one), times(other));
}

fn characters(document: &Document) -> impl Iterator<Item = (OpId, bool)> {
    document.text().runs().flat_map(|run| (0..run.len).map(move |at| (run.first.plus(at), run.deleted)))
}

/// A document as it is after a restart: its log received again.
pub(crate) fn restarted(document: &Document) -> Document {
    let mut restarted = Document::new(document.id(), document.replica());
    for envelope in document.log() {
        assert!(restarted.receive(envelope, &mut Received::default()).is_ok());
    }
    restarted
}

#[test]
fn checkpoints_of_random_histories_read_back() {
    for seed in 0..150 {
        let mut history = History::play(Plan::of(seed + 700_000, 120));
        let before = history.documents.clone();
        history.merge_all();
        for mut document in before.into_iter().chain(history.documents) {
            document.commit();
            let bytes = document.checkpoint().expect("everything is committed");
            let read = read(bytes.clone(), document.replica());
            assert_same(&read, &document);
            assert_eq!(read.checkpoint(), Some(bytes), "seed {seed}");
            for at in 0..document.log().len() {
                let version = document.log().version_after(at).expect("the change is there");
                assert_eq!(read.log().text_at(&version), document.log().text_at(&version));
                assert_eq!(read.log().version_of(at), document.log().version_of(at));
                assert_eq!(
                    read.log().header(at).map(|header| read.lamport(header.first_id())),
                    document.log().header(at).map(|header| document.lamport(header.first_id()))
                );
            }
        }
    }
}

/// Whatever is done to a document that was read, it is as if it were done to one that was restarted.
#[test]
fn a_document_from_a_checkpoint_goes_on() {
    for seed in 0..150 {
        let mut history = History::play(Plan::of(seed + 800_000, 80));
        for document in &mut history.documents {
            document.commit();
        }
        let mut others = history.clone();
        for document in &mut others.documents {
            *document = restarted(document);
        }
        for document in &mut history.documents {
            *document = read_checkpoint(document);
        }
        for _ in 0..60 {
            history.step();
            others.step();
        }
        history.merge_all();
        others.merge_all();
        for (one, other) in history.documents.iter().zip(&others.documents) {
            assert_same(one, other);
        }
    }
}

#[test]
fn changes_behind_a_checkpoint_are_received_by_what_it_gives() {
    for seed in 0..200 {
        let mut history = History::play(Plan::of(seed + 900_000, 100));
        history.merge_all();
        let whole = &history.documents[0];
        let mut rng = Rng::new(seed);
        let cut = rng.below(whole.log().len() + 1);
        let mut partly = Document::new(whole.id(), whole.replica());
        for envelope in whole.log().iter().take(cut) {
            receive_checked(&mut partly, envelope);
        }
        let mut read = read_checkpoint(&partly);
        for envelope in missing(whole, &read) {
            receive_checked(&mut read, envelope);
        }
        assert_same(&read, whole);
    }
}

#[test]
fn there_is_no_checkpoint_while_edits_wait_for_their_commit() {
    let mut document = History::new(Plan::of(1, 1)).documents.remove(0);
    assert_same(&read_checkpoint(&document), &document);
    assert_eq!(document.insert(0, "quire"), Ok(()));
    assert_eq!(document.checkpoint(), None);
    document.commit();
    assert!(document.checkpoint().is_some());
}

/// Everything that can be asked of the bytes; the first error.
fn ask(bytes: Vec<u8>) -> Result<Document, CheckpointError> {
    let checkpoint = Checkpoint::decode(bytes.into())?;
    let (text, map) = (checkpoint.text()?, checkpoint.map()?);
    let document = checkpoint.document(ReplicaId::from_bytes([77; 16]))?;
    assert_eq!((visible(document.text()), document.map()), (text, &map));
    Ok(document)
}

#[test]
fn every_prefix_and_every_flipped_bit_of_a_checkpoint_is_refused() {
    for seed in 0..4 {
        let mut history = History::play(Plan::of(seed + 950_000, 150));
        history.merge_all();
        let bytes = history.documents[0].checkpoint().expect("everything is committed");
        assert!(ask(bytes.clone()).is_ok());
        for end in 0..bytes.len() {
            assert!(ask(bytes[..end].to_vec()).is_err(), "{end} of {} bytes", bytes.len());
        }
        for at in 0..8 * bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at / 8] ^= 1 << (at % 8);
            assert!(ask(flipped).is_err(), "bit {at}");
        }
        let more = [bytes.as_slice(), &[0]].concat();
        assert!(ask(more).is_err());
    }
}

#[test]
fn a_document_of_many_authors_and_one_of_another_replica_are_told_apart_by_their_moved_deps() {
    let mut history = History::play(Plan::of(960_000, 100));
    history.merge_all();
    let mut document = read_checkpoint(&history.documents[0]);
    let mut newcomer = read(document.checkpoint().expect("nothing is edited"), ReplicaId::from_bytes([99; 16]));
    for document in [&mut document, &mut newcomer] {
        assert_eq!(document.insert(0, "x"), Ok(()));
        document.commit();
    }
    receive_checked(&mut document, newcomer.log().envelope(newcomer.log().len() - 1).expect("a change"));
    let deps = newcomer.log().header(newcomer.log().len() - 1).map(|header| header.deps.len());
    assert_eq!(deps, Some(history.documents[0].version().len()), "it had delivered everything and said nothing yet");
}
