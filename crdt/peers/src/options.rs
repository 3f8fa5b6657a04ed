//! What is asked for on the command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

use crate::measure::Limits;
use crate::row::Row;

/// Measures Quire's text engine beside its peers, in one run, on every recording in `QUIRE_TRACES`.
#[derive(Clone, Debug, Parser)]
#[command(name = "peers")]
pub struct Options {
    /// Print a list of objects, one for each row and recording, and nothing else
    #[arg(long)]
    pub json: bool,
    /// Draw the cost of an edit in ever longer texts
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
    /// Write the tables to a file too, whatever is printed
    #[arg(long, value_name = "FILE")]
    pub table: Option<PathBuf>,
    /// How many runs at least; slow ones are cut
    #[arg(long, default_value_t = 7, value_name = "N")]
    pub runs: usize,
    /// After how many seconds a run is given up
    #[arg(long, default_value_t = 20, value_name = "SECONDS")]
    pub give_up: u64,
    /// Measure this row only; may be repeated
    #[arg(long, value_name = "ROW", value_parser = row)]
    pub only: Vec<Row>,
    /// Measure this recording or workload only; may be repeated
    #[arg(long, value_name = "NAME")]
    pub trace: Vec<String>,
    /// Measure this library only, and ours; may be repeated
    #[arg(long, value_name = "NAME")]
    pub peer: Vec<String>,
    /// Measure texts of ten million characters too
    #[arg(long)]
    pub large: bool,
}

impl Options {
    /// Whether a row is asked for.
    pub fn wants_row(&self, row: Row) -> bool {
        self.only.is_empty() || self.only.contains(&row)
    }

    /// Whether a recording or workload is asked for.
    pub fn wants_trace(&self, trace: &str) -> bool {
        self.trace.is_empty() || self.trace.iter().any(|wanted| wanted == trace)
    }

    /// Whether a library is asked for.
    pub fn wants_peer(&self, peer: &str) -> bool {
        self.peer.is_empty() || peer == crate::OURS || self.peer.iter().any(|wanted| wanted == peer)
    }

    /// How long and how often.
    pub fn limits(&self) -> Limits {
        Limits { runs: self.runs.max(1), give_up: Duration::from_secs(self.give_up) }
    }
}

fn row(name: &str) -> Result<Row, String> {
    Row::named(name).ok_or_else(|| format!("there is no such row; the rows are {}", names()))
}

fn names() -> String {
    crate::row::ROWS.map(Row::name).join(", ")
}
