//! Sound inputs for every target.

use std::io::Read as _;

use quire_crdt::sync::{ConnId, PlainLink, Relay, RelayLimits, Replica, ReplicaConfig};
use quire_crdt::{Document, Envelope, Received, ReplicaId, Value};

use super::{AUTHORS, DOCUMENT, NOW, obey, put_header, reader, serve};
use crate::rng::Rng;

/// Three authors that wrote at once, and met now and then; each holds everything at the end.
pub(super) fn authors() -> Vec<Document> {
    let mut rng = Rng::new(3);
    let mut documents = AUTHORS.map(|author| Document::new(DOCUMENT, author)).to_vec();
    for round in 0..12 {
        for document in &mut documents {
            for _ in 0..3 {
                let len = document.text().len_chars();
                let at = rng.below(len + 1);
                let edited = match rng.below(4) {
                    0 if len > 4 => document.delete(at.min(len - 3)..at.min(len - 3) + 2).map(drop),
                    1 => document.set(["title", "k"][rng.below(2)], Some(Value::Text("value".to_owned()))),
                    _ => document.insert(at, ["a", "né", "word\n"][rng.below(3)]).map(drop),
                };
                edited.expect("a place in the text");
            }
            document.commit();
        }
        if round % 3 == 2 {
            meet(&mut documents);
        }
    }
    documents
}

fn meet(documents: &mut [Document]) {
    for from in 0..documents.len() {
        let envelopes: Vec<Envelope> = documents[from].log().iter().collect();
        for to in documents.iter_mut() {
            for envelope in &envelopes {
                to.receive(envelope.clone(), &mut Received::default()).expect("a sound change");
            }
        }
    }
}

/// Inputs for a target that are sound, for the fuzzer to begin with.
pub fn seeds(target: &str) -> Vec<Vec<u8>> {
    let mut ahead = authors();
    let known = ahead[0].log().len();
    for (number, document) in ahead.iter_mut().enumerate() {
        document.insert(number, "typed ").expect("a place in the text");
        document.delete(number + 2..number + 9).expect("in the text");
        document.set("k", Some(Value::Flag(true))).expect("a short value");
        document.commit();
    }
    let news: Vec<Envelope> = ahead.iter().flat_map(|document| document.log().iter().skip(known)).collect();
    match target {
        "checkpoint" => ahead
            .iter()
            .chain([&after_heads(&news)])
            .map(|document| document.checkpoint().expect("nothing waits for a commit"))
            .collect(),
        "sections" => ahead.iter().chain([&after_heads(&news)]).map(sections_seed).collect(),
        "envelope" => news
            .iter()
            .chain(&heads(&news))
            .chain(&timed(&ahead[0]))
            .map(|envelope| envelope.bytes().to_vec())
            .collect(),
        "payload" => news.iter().chain(&timed(&ahead[0])).map(payload_seed).collect(),
        "replica_frames" => ahead.into_iter().map(|document| conversation(document).0).collect(),
        "relay_frames" => ahead.into_iter().map(|document| conversation(document).1).collect(),
        "link_frames" => super::sealed::seeds(None),
        "gate_frames" => [0, 1].into_iter().flat_map(|link| super::sealed::seeds(Some(link))).collect(),
        _ => Vec::new(),
    }
}

/// The same changes, their deps told as heads.
fn heads(news: &[Envelope]) -> Vec<Envelope> {
    let with_deps = news.iter().filter(|envelope| !envelope.header().deps.is_empty());
    let told = with_deps.map(|envelope| [&[2], &envelope.bytes()[1..]].concat());
    told.map(|bytes| Envelope::decode(bytes.into()).expect("a sound envelope")).collect()
}

/// The first author's next change, if it goes on in time.
fn timed(document: &Document) -> Vec<Envelope> {
    let mut document = reader_as(document.replica());
    document.set_time(1_790_000_000);
    document.insert(0, "timed").expect("the start of the text");
    document.commit();
    document.log().iter().next_back().into_iter().collect()
}

/// What the reader has, to be written in by this author.
fn reader_as(author: ReplicaId) -> Document {
    let mut document = Document::new(DOCUMENT, author);
    for envelope in reader().log() {
        document.receive(envelope, &mut Received::default()).expect("a sound change");
    }
    document
}

/// What the first author has once it has these changes, too, as heads, and has gone on in time.
fn after_heads(news: &[Envelope]) -> Document {
    let mut document = reader_as(AUTHORS[0]);
    for envelope in heads(news) {
        document.receive(envelope, &mut Received::default()).expect("a sound change");
    }
    document.set_time(1_790_000_000);
    document.insert(0, "timed").expect("the start of the text");
    document.commit();
    document
}

fn payload_seed(envelope: &Envelope) -> Vec<u8> {
    let header = envelope.header();
    let deps: Vec<_> = header.deps.iter().collect();
    let mut before = Vec::new();
    put_header(&mut before, header.replica, header.first_seq, header.len, &deps);
    let payload = &envelope.bytes()[before.len()..];
    let author = AUTHORS.iter().position(|author| *author == header.replica).unwrap_or_default();
    let byte = |value: usize| u8::try_from(value).unwrap_or(u8::MAX);
    let mut seed = vec![byte(author), u8::try_from(header.len).unwrap_or(u8::MAX), byte(payload.len())];
    seed.extend_from_slice(payload);
    seed
}

/// The parts of a document's checkpoint, as [`sections`] takes them.
fn sections_seed(document: &Document) -> Vec<u8> {
    let bytes = document.checkpoint().expect("nothing waits for a commit");
    let mut at = 5 + 16;
    let authors = take(&bytes, &mut at);
    let mut units = [0; AUTHORS.len()];
    for _ in 0..authors {
        let author = AUTHORS.iter().position(|author| author.as_bytes()[..] == bytes[at..at + 16]).expect("an author");
        at += 16;
        units[author] = take(&bytes, &mut at);
    }
    let counts = [take(&bytes, &mut at), take(&bytes, &mut at)];
    let sections = if bytes[4] < 3 { 9 } else { 10 };
    let lens: Vec<(usize, usize)> = (0..sections)
        .map(|_| {
            let lens = (take(&bytes, &mut at), take(&bytes, &mut at));
            at += 4;
            lens
        })
        .collect();
    at += 4;
    let two = |value: usize| u16::try_from(value).unwrap_or(u16::MAX).to_be_bytes();
    let mut seed: Vec<u8> = units.into_iter().chain(counts).flat_map(two).collect();
    for (raw, stored) in lens {
        let mut section = bytes[at..at + stored].to_vec();
        at += stored;
        if stored < raw {
            let mut inflated = Vec::new();
            let read = flate2::read::DeflateDecoder::new(&section[..]).read_to_end(&mut inflated);
            assert_eq!(read.ok(), Some(raw), "a section has as many bytes as is said");
            section = inflated;
        }
        seed.extend(two(section.len()));
        seed.extend(section);
    }
    seed
}

/// The integer (LEB128) at this place, which moves behind it.
fn take(bytes: &[u8], at: &mut usize) -> usize {
    let (mut value, mut shift) = (0, 0);
    loop {
        let byte = bytes[*at];
        *at += 1;
        value |= usize::from(byte & 0x7f) << shift;
        shift += 7;
        if byte < 0x80 {
            return value;
        }
    }
}

/// What a relay and a replica say to each other until they are of one mind: inputs for [`replica_frames`] and [`relay_frames`].
fn conversation(document: Document) -> (Vec<u8>, Vec<u8>) {
    let mut relay = Relay::new([7; 16], RelayLimits::default());
    let mut disk = reader().log().iter().map(|envelope| envelope.bytes().clone()).collect();
    let mut replica = Replica::new(document, ReplicaConfig::default());
    let mut link = PlainLink::new(DOCUMENT, replica.document().replica());
    let (conn, mut to_replica, mut to_relay) = (ConnId(0), Vec::new(), Vec::new());
    relay.handle_connected(NOW, conn);
    replica.go_online(NOW);
    replica.handle_connected(NOW);
    loop {
        obey(&mut replica);
        let mut moved = false;
        while let Some(frame) = link.poll_transmit(&mut replica, NOW) {
            moved = true;
            add_frame(&mut to_relay, &[&[0], &frame[..]].concat());
            relay.handle_frame(NOW, conn, &frame);
        }
        let mut sent = Vec::new();
        serve(&mut relay, &mut disk, &[conn], &mut sent);
        for frame in sent {
            moved = true;
            add_frame(&mut to_replica, &frame);
            link.open(&frame).hand_to(&mut replica, NOW);
        }
        if !moved {
            return (to_replica, to_relay);
        }
    }
}

pub(super) fn add_frame(input: &mut Vec<u8>, frame: &[u8]) {
    input.extend_from_slice(&u16::try_from(frame.len()).unwrap_or(u16::MAX).to_be_bytes());
    input.extend_from_slice(frame);
}
