//! Recordings of real writing.

use std::io;

use serde_json::Value as Json;

use crate::cases;

/// A recording: what was done, and the text that came of it.
#[derive(Clone, Debug)]
pub struct Trace {
    /// What was done, each behind everything that its writer had seen.
    pub transactions: Vec<Transaction>,
    /// The text at the end.
    pub end: String,
    /// How many people wrote.
    pub agents: usize,
}

/// What one of them did at once.
#[derive(Clone, Debug)]
pub struct Transaction {
    /// Who, from 0.
    pub agent: usize,
    /// The newest transactions that its writer had seen. Positions are those of the text that holds these and all before them.
    pub parents: Vec<usize>,
    /// Where, how many chars went, and what came; one after the other.
    pub patches: Vec<(usize, usize, String)>,
}

impl Trace {
    /// Reads a recording by its name, from the folder of `QUIRE_TRACES`.
    ///
    /// # Errors
    /// When there is none, or it is not what a recording should be.
    pub fn read(name: &str) -> io::Result<Self> {
        let file = cases::folder("QUIRE_TRACES", "traces")?.join(format!("{name}.json.gz"));
        let json: Json = serde_json::from_reader(cases::open(&file)?)?;
        let odd = || io::Error::other(format!("{} is no trace", file.display()));
        let transactions = json["txns"].as_array().ok_or_else(odd)?.iter().map(Transaction::read);
        let end = json["endContent"].as_str().ok_or_else(odd)?.to_owned();
        let agents = json["numAgents"].as_u64().map_or(Some(1), |agents| usize::try_from(agents).ok());
        Ok(Self {
            transactions: transactions.collect::<Option<_>>().ok_or_else(odd)?,
            end,
            agents: agents.ok_or_else(odd)?,
        })
    }
}

impl Transaction {
    /// How many units it has: one for each char that went or came.
    pub fn units(&self) -> u64 {
        self.patches.iter().map(|(_, deleted, inserted)| (deleted + inserted.chars().count()) as u64).sum()
    }

    fn read(json: &Json) -> Option<Self> {
        let number = |json: &Json| usize::try_from(json.as_u64()?).ok();
        let patch = |patch: &Json| Some((number(&patch[0])?, number(&patch[1])?, patch[2].as_str()?.to_owned()));
        Some(Self {
            agent: json.get("agent").map_or(Some(0), number)?,
            parents: json["parents"].as_array().into_iter().flatten().map(number).collect::<Option<_>>()?,
            patches: json["patches"].as_array()?.iter().map(patch).collect::<Option<_>>()?,
        })
    }
}
