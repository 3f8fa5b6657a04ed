//! Recordings of real writing.

use std::env;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use flate2::read::GzDecoder;
use serde_json::Value as Json;

/// A recording: what was done, and the text that came of it.
#[derive(Clone, Debug)]
pub struct Trace {
    /// The file's name without its endings.
    pub name: String,
    /// What was done, each behind everything that its writer had seen.
    pub transactions: Vec<Transaction>,
    /// The text at the end.
    pub end: String,
    /// How many people wrote.
    pub agents: usize,
    /// Whether some of it was written at once.
    pub is_concurrent: bool,
    /// Whether every character is ASCII, so that all units of position are one.
    pub is_ascii: bool,
}

/// What one of them did at once.
#[derive(Clone, Debug)]
pub struct Transaction {
    /// Who, from 0.
    pub agent: usize,
    /// The newest transactions that its writer had seen. Positions are those of the text that holds these and all before them.
    pub parents: Vec<usize>,
    /// One after the other.
    pub patches: Vec<Patch>,
}

/// A place where something went and something came.
#[derive(Clone, Debug)]
pub struct Patch {
    /// The position, in chars.
    pub at: usize,
    /// How many chars went.
    pub deleted: usize,
    /// What came.
    pub inserted: String,
}

/// The folder of the recordings: `QUIRE_TRACES`, seen from where the program runs, from this package or from the project's root,
/// whichever is there first; without it `../shared/traces`, seen from the project's root.
///
/// # Errors
/// When there is none.
pub fn folder() -> Result<PathBuf> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = package.join("../..");
    let Some(named) = env::var_os("QUIRE_TRACES").map(PathBuf::from) else {
        let folder = root.join("../shared/traces");
        return folder
            .canonicalize()
            .context("there are no traces in ../shared/traces; name their folder by QUIRE_TRACES");
    };
    let places = [named.clone(), root.join(&named), package.join(&named)];
    let folder = places.into_iter().find(|place| place.is_dir());
    folder.with_context(|| format!("QUIRE_TRACES names {}, which is no folder", named.display()))
}

/// Reads every recording of a folder, in the order of their names.
///
/// # Errors
/// When there is none, or one is not what a recording should be.
pub fn read_all(folder: &Path) -> Result<Vec<Trace>> {
    let entries = folder.read_dir().with_context(|| folder.display().to_string())?;
    let mut files: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    files.retain(|file| name(file).is_some());
    files.sort();
    if files.is_empty() {
        bail!("there is no trace (*.json.gz) in {}", folder.display());
    }
    files.iter().map(|file| Trace::read(file).with_context(|| file.display().to_string())).collect()
}

fn name(file: &Path) -> Option<&str> {
    file.file_name()?.to_str()?.strip_suffix(".json.gz")
}

impl Trace {
    /// Reads a recording.
    ///
    /// # Errors
    /// When it is not what a recording should be.
    pub fn read(file: &Path) -> Result<Self> {
        let json: Json = serde_json::from_reader(BufReader::new(GzDecoder::new(File::open(file)?)))?;
        let transactions = json["txns"].as_array().context("it has no list of transactions")?.iter();
        let mut transactions: Vec<Transaction> =
            transactions.map(Transaction::read).collect::<Option<_>>().context("a transaction is odd")?;
        let start = json["startContent"].as_str().unwrap_or_default();
        if let (false, Some(first)) = (start.is_empty(), transactions.first_mut()) {
            first.patches.insert(0, Patch { at: 0, deleted: 0, inserted: start.to_owned() });
        }
        let agents = transactions.iter().map(|transaction| transaction.agent + 1).max().unwrap_or(1);
        let is_ascii =
            transactions.iter().flat_map(|transaction| &transaction.patches).all(|patch| patch.inserted.is_ascii());
        let forward = |(at, transaction): (usize, &Transaction)| transaction.parents.iter().all(|parent| *parent < at);
        if !transactions.iter().enumerate().all(forward) {
            bail!("a transaction stands before one of its parents");
        }
        Ok(Self {
            name: name(file).unwrap_or_default().to_owned(),
            end: json["endContent"].as_str().context("it has no text at the end")?.to_owned(),
            is_concurrent: json["kind"].as_str() == Some("concurrent"),
            transactions,
            agents,
            is_ascii,
        })
    }
}

impl Transaction {
    fn read(json: &Json) -> Option<Self> {
        let number = |json: &Json| usize::try_from(json.as_u64()?).ok();
        let patch = |patch: &Json| {
            Some(Patch { at: number(&patch[0])?, deleted: number(&patch[1])?, inserted: patch[2].as_str()?.to_owned() })
        };
        Some(Self {
            agent: json.get("agent").map_or(Some(0), number)?,
            parents: json["parents"].as_array().into_iter().flatten().map(number).collect::<Option<_>>()?,
            patches: json["patches"].as_array()?.iter().map(patch).collect::<Option<_>>()?,
        })
    }
}
