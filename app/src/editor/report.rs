//! What is kept when two copies differ: the document's history without a word of it, for whoever looks for the fault.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use bytes::Bytes;
use quire_crdt::sync::Divergence;
use quire_crdt::{
    Change, DecodeError, Document, DocumentId, Envelope, Op, ReplicaId, StateDigest, Value, VersionVector, seal,
};
use thiserror::Error;

use super::checksum::crc32;

/// The version of reports that this program writes, and the only one that it reads.
pub const REPORT_VERSION: u32 = 1;

/// The most bytes of envelopes in a report; of a longer history it has the start.
pub const REPORT_ENVELOPES_BYTES_MAX: usize = 16 * 1024 * 1024;

const FIRST_WORDS: &str = "quire divergence ";

/// How two copies of a document differ, and how this one came about.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The version of the program that wrote it.
    pub program: String,
    /// The document.
    pub document: DocumentId,
    /// This copy of it.
    pub replica: ReplicaId,
    /// What was noticed: of which other copy, at which version, and both digests, those of the text and the map as they are.
    pub divergence: Divergence,
    /// When, on the wall clock, in microseconds since the Unix epoch.
    pub noticed_us: i64,
    /// What was delivered here by then.
    pub here: VersionVector,
    /// How many changes the document's log has.
    pub changes: usize,
    /// The first of them, all if there is room, with other letters, keys and values.
    pub envelopes: Vec<Envelope>,
}

/// A report that cannot be read.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum ReportError {
    /// It does not begin as one.
    #[error("this is no report of two copies that differ")]
    Foreign,
    /// Another version of the layout.
    #[error("a report of layout {found}; this program reads layout {REPORT_VERSION}")]
    Version {
        /// Which one.
        found: String,
    },
    /// It ends too early, or a bit of it is another one.
    #[error("the report is damaged: its checksum is another one")]
    Damaged,
    /// A line does not say what it should.
    #[error("line {line} does not say {expected}")]
    Line {
        /// Which line, from 1.
        line: usize,
        /// What it should say.
        expected: &'static str,
    },
    /// An envelope cannot be read.
    #[error("the envelope in line {line} cannot be read: {error}")]
    Envelope {
        /// Which line, from 1.
        line: usize,
        /// Why.
        error: DecodeError,
    },
}

impl Report {
    /// Of a document whose copies differ. O(n) in its history.
    pub fn of(document: &Document, divergence: Divergence, noticed_us: i64) -> Self {
        let (mut redactor, mut bytes) = (Redactor::default(), 0);
        let log = document.log();
        let redacted = (0..log.len()).map_while(|position| {
            let envelope = seal(document.id(), &redactor.change(log.change(position)?));
            bytes += envelope.bytes().len();
            (bytes <= REPORT_ENVELOPES_BYTES_MAX).then_some(envelope)
        });
        Self {
            program: env!("CARGO_PKG_VERSION").to_owned(),
            document: document.id(),
            replica: document.replica(),
            divergence,
            noticed_us,
            here: document.version().clone(),
            envelopes: redacted.collect(),
            changes: log.len(),
        }
    }

    /// The report as a file: lines of ASCII.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        match self.write(&mut text) {
            Ok(()) => text,
            // Writing to a string cannot fail.
            Err(std::fmt::Error) => String::new(),
        }
    }

    fn write(&self, text: &mut String) -> std::fmt::Result {
        let Divergence { peer, version, ours, theirs } = self.divergence;
        writeln!(text, "{FIRST_WORDS}{REPORT_VERSION}")?;
        writeln!(text, "program {}", self.program)?;
        writeln!(text, "document {}", self.document)?;
        writeln!(text, "replica {}", self.replica)?;
        writeln!(text, "peer {peer}")?;
        writeln!(text, "noticed {}", self.noticed_us)?;
        writeln!(text, "version {version:016x}")?;
        writeln!(text, "ours {:016x} {:016x}", ours.text, ours.map)?;
        writeln!(text, "theirs {:016x} {:016x}", theirs.text, theirs.map)?;
        text.push_str("here");
        self.here.iter().try_for_each(|(replica, count)| write!(text, " {replica}:{count}"))?;
        writeln!(text, "\nchanges {}", self.changes)?;
        for envelope in &self.envelopes {
            envelope.bytes().iter().try_for_each(|byte| write!(text, "{byte:02x}"))?;
            text.push('\n');
        }
        let checksum = crc32(text.as_bytes());
        writeln!(text, "end {checksum:08x}")
    }

    /// Reads a report.
    ///
    /// # Errors
    /// A [`ReportError`] when it is none, is damaged, or of another version.
    pub fn parse(text: &str) -> Result<Self, ReportError> {
        let version =
            text.lines().next().and_then(|line| line.strip_prefix(FIRST_WORDS)).ok_or(ReportError::Foreign)?;
        if version != REPORT_VERSION.to_string() {
            return Err(ReportError::Version { found: version.to_owned() });
        }
        let whole = text.strip_suffix('\n').and_then(|text| text.rsplit_once("\nend ")).ok_or(ReportError::Damaged)?;
        let body = &text[..=whole.0.len()];
        if u32::from_str_radix(whole.1, 16) != Ok(crc32(body.as_bytes())) {
            return Err(ReportError::Damaged);
        }
        Lines { lines: body.lines(), line: 0 }.report()
    }
}

/// The lines of a report, and which is next.
struct Lines<'a> {
    lines: std::str::Lines<'a>,
    line: usize,
}

impl<'a> Lines<'a> {
    fn report(mut self) -> Result<Report, ReportError> {
        self.field(FIRST_WORDS, "which layout it has", |_| Some(()))?;
        let program = self.field("program ", "which program wrote it", |words| Some(words.to_owned()))?;
        let document = self.field("document ", "which document it is about", |id| id.parse().ok())?;
        let replica = self.field("replica ", "whose it is", |id| id.parse().ok())?;
        let peer = self.field("peer ", "whose copy differs", |id| id.parse().ok())?;
        let noticed_us = self.field("noticed ", "when that was noticed", |time| time.parse().ok())?;
        let version = self.field("version ", "at which version", fingerprint)?;
        let ours = self.field("ours ", "what is here", digest)?;
        let theirs = self.field("theirs ", "what is there", digest)?;
        let here = self.field("here", "what was delivered", counts)?;
        let changes = self.field("changes ", "how many changes there are", |count| count.parse().ok())?;
        let divergence = Divergence { peer, version, ours, theirs };
        let mut envelopes = Vec::new();
        while let Some(hex) = self.next() {
            let bytes = bytes(hex).ok_or(ReportError::Line { line: self.line, expected: "an envelope" })?;
            let envelope = Envelope::decode(bytes).map_err(|error| ReportError::Envelope { line: self.line, error })?;
            envelopes.push(envelope);
        }
        Ok(Report { program, document, replica, divergence, noticed_us, here, changes, envelopes })
    }

    fn next(&mut self) -> Option<&'a str> {
        self.line += 1;
        self.lines.next()
    }

    /// What follows the name on the next line.
    fn field<T>(
        &mut self,
        name: &str,
        expected: &'static str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, ReportError> {
        let value = self.next().and_then(|line| line.strip_prefix(name)).and_then(read);
        value.ok_or(ReportError::Line { line: self.line, expected })
    }
}

fn fingerprint(hex: &str) -> Option<u64> {
    u64::from_str_radix(hex, 16).ok().filter(|_| hex.len() == 16)
}

fn digest(words: &str) -> Option<StateDigest> {
    let (text, map) = words.split_once(' ')?;
    Some(StateDigest { text: fingerprint(text)?, map: fingerprint(map)? })
}

fn counts(words: &str) -> Option<VersionVector> {
    let entry =
        |entry: &str| entry.split_once(':').and_then(|(id, count)| Some((id.parse().ok()?, count.parse().ok()?)));
    words.split_whitespace().map(entry).collect()
}

fn bytes(hex: &str) -> Option<Bytes> {
    let (pairs, []) = hex.as_bytes().as_chunks::<2>() else { return None };
    let byte = |pair: &[u8; 2]| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok();
    pairs.iter().map(byte).collect::<Option<Vec<u8>>>().map(Bytes::from)
}

/// Puts other words in the place of those that were written: ids, runs, lengths and what is equal stay.
#[derive(Debug, Default)]
struct Redactor {
    keys: BTreeMap<String, usize>,
    values: BTreeMap<Value, usize>,
}

impl Redactor {
    fn change(&mut self, change: Change) -> Change {
        let Change { header, ops } = change;
        Change { header, ops: ops.into_iter().map(|op| self.op(op)).collect() }
    }

    fn op(&mut self, op: Op) -> Op {
        match op {
            Op::Insert { left, right, text } => {
                Op::Insert { left, right, text: text.chars().map(other_of_its_kind).collect() }
            }
            Op::Set { key, value } => Op::Set { key: self.key(key), value: value.map(|value| self.value(value)) },
            Op::Delete { .. } => op,
        }
    }

    fn key(&mut self, key: String) -> String {
        let (next, bytes) = (self.keys.len(), key.len());
        let number = *self.keys.entry(key).or_insert(next);
        format!("k{number:.<width$}", width = bytes.saturating_sub(1))
    }

    fn value(&mut self, value: Value) -> Value {
        let next = self.values.len();
        let number = |values: &mut BTreeMap<Value, usize>, value| *values.entry(value).or_insert(next);
        match value {
            Value::Flag(_) => value,
            Value::Integer(_) => Value::Integer(i64::try_from(number(&mut self.values, value)).unwrap_or(i64::MAX)),
            Value::Text(ref text) => {
                let width = text.len().saturating_sub(1);
                Value::Text(format!("v{:.<width$}", number(&mut self.values, value)))
            }
            Value::Bytes(ref bytes) => {
                let width = bytes.len().saturating_sub(1);
                Value::Bytes(format!("v{:.<width$}", number(&mut self.values, value)).into_bytes())
            }
        }
    }
}

/// A letter for a letter, a digit for a digit, a sign for a sign, of as many bytes; white space stays.
fn other_of_its_kind(char: char) -> char {
    let of_each_length = match char {
        char if char.is_whitespace() => return char,
        char if char.is_alphabetic() => ['x', 'ж', '文', '𐐀'],
        char if char.is_numeric() => ['0', '٠', '０', '𝟎'],
        _ => ['.', '§', '…', '😀'],
    };
    of_each_length[char.len_utf8() - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: DocumentId = DocumentId::from_bytes([9; 16]);

    fn differing() -> Divergence {
        let state = |text| StateDigest { text, map: u64::MAX };
        Divergence { peer: ReplicaId::from_bytes([7; 16]), version: 1, ours: state(2), theirs: state(3) }
    }

    fn written() -> Document {
        let mut document = Document::new(ID, ReplicaId::from_bytes([1; 16]));
        document.set_time(1_790_000_000);
        document.insert(0, "Secret plan, Ж 𝄞\n\tfor 2027! 文").unwrap();
        document.set("title", Some(Value::Text("Secret".to_owned()))).unwrap();
        document.commit();
        document.delete(3..9).unwrap();
        document.set("secret/key", Some(Value::Integer(2027))).unwrap();
        document.set("title", Some(Value::Text("Secret".to_owned()))).unwrap();
        document.set("secret/key", Some(Value::Bytes(b"secret".to_vec()))).unwrap();
        document.set("secret/key", None).unwrap();
        document.commit();
        document
    }

    fn read_back(report: &Report) -> Document {
        let mut copy = Document::new(ID, ReplicaId::from_bytes([2; 16]));
        for envelope in &report.envelopes {
            copy.receive(envelope.clone(), &mut quire_crdt::Received::default()).unwrap();
        }
        copy
    }

    #[test]
    fn a_report_reads_back() {
        let report = Report::of(&written(), differing(), -1);
        assert_eq!(Report::parse(&report.to_text()), Ok(report));
    }

    #[test]
    fn no_word_is_in_it_and_its_shape_stays() {
        let document = written();
        let report = Report::of(&document, differing(), 0);
        let copy = read_back(&report);
        assert_eq!(copy.text().slice(0..usize::MAX), "xxxxxx, ж 😀\n\txxx 0000. 文".replace("xxxxxx, ", "xxxxx. "));
        assert_eq!(copy.version(), document.version());
        assert_eq!(copy.text().len_bytes(), document.text().len_bytes());
        assert!(copy.text().runs().eq(document.text().runs()));
        assert_eq!(copy.map().iter().collect::<Vec<_>>(), [("k0...", &Value::Text("v0....".to_owned()))]);
        let sets = |document: &Document| {
            let changes =
                (0..document.log().len()).filter_map(|at| document.log().change(at)).flat_map(|change| change.ops);
            changes
                .filter_map(|op| if let Op::Set { key, value } = op { Some((key, value)) } else { None })
                .collect::<Vec<_>>()
        };
        let text = |text: &str| Some(Value::Text(text.to_owned()));
        let expected = [
            ("k0...", text("v0....")),
            ("k1........", Some(Value::Integer(1))),
            ("k0...", text("v0....")),
            ("k1........", Some(Value::Bytes(b"v2....".to_vec()))),
            ("k1........", None),
        ];
        assert_eq!(sets(&copy), expected.map(|(key, value)| (key.to_owned(), value)));
        assert!(!report.to_text().to_lowercase().contains("secret"));
    }

    #[test]
    fn what_is_no_report_or_is_damaged_is_told() {
        let text = Report::of(&written(), differing(), 0).to_text();
        let check =
            |text: &str, expected: &ReportError| assert_eq!(Report::parse(text).as_ref(), Err(expected), "{text}");
        check("", &ReportError::Foreign);
        check("quire divergence 2\n", &ReportError::Version { found: "2".to_owned() });
        for end in 20..text.len() {
            check(&text[..end], &ReportError::Damaged);
        }
        check(&text.replace("noticed 0", "noticed 1"), &ReportError::Damaged);
        let sealed = |body: &str| format!("{body}end {:08x}\n", crc32(body.as_bytes()));
        let (body, _) = text.split_at(text.rfind("end ").unwrap());
        let line = |line, expected| ReportError::Line { line, expected };
        check(&sealed(&body.replace("peer 07", "peer 0")), &line(5, "whose copy differs"));
        check(&sealed(&body.replace("ours 0", "ours ")), &line(8, "what is here"));
        check(&sealed(&format!("{body}0g\n")), &line(14, "an envelope"));
        assert!(matches!(Report::parse(&sealed(&format!("{body}00\n"))), Err(ReportError::Envelope { line: 14, .. })));
    }

    #[test]
    fn of_a_history_that_is_too_long_the_start_is_kept() {
        let mut document = Document::new(ID, ReplicaId::from_bytes([1; 16]));
        for _ in 0..40 {
            document.insert(0, &"long ".repeat(100_000)).unwrap();
            document.commit();
        }
        let report = Report::of(&document, differing(), 0);
        let bytes: usize = report.envelopes.iter().map(|envelope| envelope.bytes().len()).sum();
        assert!((REPORT_ENVELOPES_BYTES_MAX - 600_000..=REPORT_ENVELOPES_BYTES_MAX).contains(&bytes), "{bytes}");
        assert!(report.envelopes.len() < report.changes);
    }
}
