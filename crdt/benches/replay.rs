//! What editing costs: real recordings replayed by their writer and by somebody who receives them; and what a checkpoint of the
//! whole takes.
//!
//! `cargo bench -p quire-crdt --bench replay`, optionally with names of recordings behind `--`. Recordings are the sequential
//! `*.json.gz` in the folder named by `QUIRE_TRACES` (default `../shared/traces`, seen from the project's root). Prints the least of
//! [`RUNS`] runs in milliseconds; other libraries are measured beside ours by `crdt/peers`.

use std::io::Read as _;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use quire_crdt::{Checkpoint, Document, DocumentId, Envelope, Received, ReplicaId};

/// Runs of each kind.
const RUNS: usize = 9;

/// A recording: edits as (position, deleted, inserted), and the text that they end in.
struct Trace {
    edits: Vec<(usize, usize, String)>,
    end: String,
}

fn folder() -> PathBuf {
    let given = std::env::var_os("QUIRE_TRACES").map(PathBuf::from);
    given.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/traces"))
}

/// The recording in a file, unless it is a concurrent one.
fn read(path: &PathBuf) -> Result<Option<Trace>> {
    let mut json = String::new();
    flate2::read::GzDecoder::new(std::fs::File::open(path)?).read_to_string(&mut json)?;
    let recording: serde_json::Value = serde_json::from_str(&json)?;
    if recording["kind"] == "concurrent" {
        return Ok(None);
    }
    let patches = recording["txns"]
        .as_array()
        .context("no transactions")?
        .iter()
        .flat_map(|transaction| transaction["patches"].as_array().into_iter().flatten());
    let number = |value: &serde_json::Value| value.as_u64().and_then(|value| usize::try_from(value).ok());
    let edit =
        |patch: &serde_json::Value| Some((number(&patch[0])?, number(&patch[1])?, patch[2].as_str()?.to_owned()));
    let edits = patches.map(|patch| edit(patch).context("a patch that is none")).collect::<Result<_>>()?;
    Ok(Some(Trace { edits, end: recording["endContent"].as_str().unwrap_or_default().to_owned() }))
}

fn document(replica: u8) -> Document {
    Document::new(DocumentId::from_bytes([9; 16]), ReplicaId::from_bytes([replica; 16]))
}

/// The least time of some runs, in milliseconds, and what the last one made.
fn least<T>(mut run: impl FnMut() -> Result<T>) -> Result<(f64, T)> {
    let mut once = || {
        let started = Instant::now();
        let made = run()?;
        Ok::<_, anyhow::Error>((started.elapsed().as_secs_f64() * 1e3, made))
    };
    let mut best = once()?;
    for _ in 1..RUNS {
        let (time, made) = once()?;
        best = (best.0.min(time), made);
    }
    Ok(best)
}

/// Each edit is in the text before the next one is made.
fn one_at_a_time(trace: &Trace) -> Result<Document> {
    let mut writer = document(1);
    for (at, deleted, inserted) in &trace.edits {
        writer.delete(*at..at + deleted)?;
        writer.insert(*at, inserted)?;
    }
    Ok(writer)
}

/// What goes on with the edit before is gathered.
fn gathered(trace: &Trace) -> Result<Document> {
    let mut writer = document(1);
    let mut edits = writer.edits();
    for (at, deleted, inserted) in &trace.edits {
        edits.delete(*at..at + deleted)?;
        edits.insert(*at, inserted)?;
    }
    drop(edits);
    Ok(writer)
}

/// The envelopes of changes, one or more for each edit.
fn sent(trace: &Trace) -> Result<Vec<Envelope>> {
    let (mut writer, mut envelopes) = (document(1), Vec::with_capacity(trace.edits.len()));
    for (at, deleted, inserted) in &trace.edits {
        writer.delete(*at..at + deleted)?;
        writer.insert(*at, inserted)?;
        let before = writer.log().len();
        writer.commit();
        envelopes.extend(writer.log().from(before));
    }
    Ok(envelopes)
}

fn received(envelopes: &[Envelope]) -> Result<Document> {
    let (mut reader, mut received) = (document(2), Received::default());
    for envelope in envelopes {
        reader.receive(Envelope::decode(envelope.bytes().clone())?, &mut received)?;
        received.patches.clear();
    }
    Ok(reader)
}

/// A checkpoint of a document that was committed as a whole: its bytes, and the time to make it, to show its text, and to edit it.
fn saved(name: &str, trace: &Trace) -> Result<()> {
    let mut document = gathered(trace)?;
    document.commit();
    let (made_ms, bytes) = least(|| document.checkpoint().context("edits wait for their commit"))?;
    let len = bytes.len();
    let bytes = bytes::Bytes::from(bytes);
    let (text_ms, text) = least(|| Ok(Checkpoint::decode(bytes.clone())?.text()?))?;
    ensure!(text == trace.end, "the checkpoint of {name} shows another text");
    let (edited_ms, mut read) = least(|| {
        let mut read = Checkpoint::decode(bytes.clone())?.document(document.replica())?;
        read.insert(trace.end.chars().count() / 2, "x")?;
        Ok(read)
    })?;
    ensure!(read.commit() == 1 && read.log().len() == document.log().len() + 1, "{name} reads back as another log");
    println!("{name:20} {len:10} {made_ms:12.2} {text_ms:10.3} {edited_ms:10.2}");
    Ok(())
}

/// The recordings asked for, by name.
fn recordings() -> Result<Vec<(String, Trace)>> {
    let names: Vec<String> = std::env::args().skip(1).filter(|name| !name.starts_with('-')).collect();
    let folder = folder();
    let files = std::fs::read_dir(&folder).with_context(|| format!("no recordings in {}", folder.display()))?;
    let mut paths: Vec<PathBuf> = files.map(|file| Ok(file?.path())).collect::<Result<_>>()?;
    paths.sort();
    let mut recordings = Vec::new();
    for path in &paths {
        let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".json.gz"));
        let Some(name) = name.filter(|name| names.is_empty() || names.iter().any(|wanted| wanted == name)) else {
            continue;
        };
        recordings.extend(read(path)?.map(|trace| (name.to_owned(), trace)));
    }
    Ok(recordings)
}

fn main() -> Result<()> {
    let recordings = recordings()?;
    println!("{:20} {:>10} {:>12} {:>10} {:>10}", "least of 9, ms", "gathered", "one by one", "sent", "received");
    for (name, trace) in &recordings {
        let (gathered_ms, document) = least(|| gathered(trace))?;
        ensure!(document.text().slice(0..usize::MAX) == trace.end, "{name} ends in another text");
        let (single_ms, document) = least(|| one_at_a_time(trace))?;
        ensure!(document.text().slice(0..usize::MAX) == trace.end, "{name} ends in another text");
        let (sent_ms, envelopes) = least(|| sent(trace))?;
        let (received_ms, document) = least(|| received(&envelopes))?;
        ensure!(document.text().slice(0..usize::MAX) == trace.end, "{name} ends in another text");
        println!("{name:20} {gathered_ms:10.2} {single_ms:12.2} {sent_ms:10.2} {received_ms:10.2}");
    }
    println!("{:20} {:>10} {:>12} {:>10} {:>10}", "checkpoints, ms", "bytes", "made", "text", "edited");
    recordings.iter().try_for_each(|(name, trace)| saved(name, trace))
}
