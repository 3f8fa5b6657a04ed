//! What was measured.

use serde::Serialize;

use crate::OURS;
use crate::row::{ROWS, Row};

/// What came of one row, recording and library.
#[derive(Clone, Debug)]
pub struct Result {
    /// The row.
    pub row: Row,
    /// The recording or workload.
    pub trace: String,
    /// The library.
    pub library: &'static str,
    /// Whether it is a plain rope.
    pub is_rope: bool,
    /// What came of it.
    pub outcome: Outcome,
}

/// A figure, or why there is none.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// Measured, in the row's unit.
    Figure {
        /// The best run.
        best: f64,
        /// The run in the middle.
        median: f64,
        /// How many runs.
        runs: usize,
    },
    /// It took longer than this, and was given up.
    TooSlow(String),
    /// The library said this, or came to another text.
    Failed(String),
}

impl Outcome {
    /// The best run.
    pub const fn figure(&self) -> Option<f64> {
        match self {
            Self::Figure { best, .. } => Some(*best),
            Self::TooSlow(_) | Self::Failed(_) => None,
        }
    }
}

/// All that was measured.
#[derive(Clone, Debug, Default)]
pub struct Results {
    /// One for each row, recording and library.
    pub all: Vec<Result>,
    /// What is wrong: texts that are not what they should be.
    pub wrong: Vec<String>,
}

/// One row and recording: ours beside the best published peer.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// The row's name.
    pub row: &'static str,
    /// The recording or workload.
    pub trace: String,
    /// The unit of both figures.
    pub unit: &'static str,
    /// Ours; null where the row has none.
    pub ours: Option<f64>,
    /// The best published peer; null where none can do it.
    pub peer: Option<&'static str>,
    /// Its figure.
    pub peer_value: Option<f64>,
    /// Ours ÷ its.
    pub ratio: Option<f64>,
    /// What was promised: the largest ratio; in the rows `load-edit` and `wire` the largest figure of ours, in the row's unit.
    pub goal: Option<f64>,
}

impl Results {
    /// The rows that were measured, in the order of the tables.
    pub fn rows(&self) -> Vec<Row> {
        ROWS.into_iter().filter(|row| self.all.iter().any(|result| result.row == *row)).collect()
    }

    /// The recordings of a row, in the order in which they were measured.
    pub fn traces(&self, row: Row) -> Vec<&str> {
        let mut traces: Vec<&str> = Vec::new();
        for result in self.of(row).filter(|result| result.row == row) {
            if !traces.contains(&result.trace.as_str()) {
                traces.push(&result.trace);
            }
        }
        traces
    }

    /// The libraries of a row: ours, then the others in the order in which they were measured.
    pub fn libraries(&self, row: Row) -> Vec<&'static str> {
        let mut libraries: Vec<&'static str> = Vec::new();
        for result in self.of(row) {
            if !libraries.contains(&result.library) {
                libraries.push(result.library);
            }
        }
        libraries.sort_by_key(|library| *library != OURS);
        libraries
    }

    /// What came of a library.
    pub fn outcome(&self, row: Row, trace: &str, library: &str) -> Option<&Outcome> {
        let result = self.of(row).find(|result| result.trace == trace && result.library == library)?;
        Some(&result.outcome)
    }

    /// Ours beside the best peer.
    pub fn compare(&self, row: Row, trace: &str) -> Comparison {
        let ours = self.outcome(row, trace, OURS).and_then(Outcome::figure);
        let peers = self.of(row).filter(|result| {
            result.trace == trace && result.library != OURS && result.is_rope == row.is_against_ropes()
        });
        let figures = peers.filter_map(|result| Some((result.library, result.outcome.figure()?)));
        let best = figures.min_by(|(_, a), (_, b)| a.total_cmp(b));
        let ratio = ours.zip(best).map(|(ours, (_, peer))| ours / peer);
        Comparison {
            row: row.name(),
            trace: trace.to_owned(),
            unit: row.unit(),
            ours: ours.map(round),
            peer: best.map(|(library, _)| library),
            peer_value: best.map(|(_, figure)| round(figure)),
            ratio: ratio.map(round),
            goal: row.goal().figure(),
        }
    }

    /// All comparisons, in the order of the tables.
    pub fn comparisons(&self) -> Vec<Comparison> {
        let rows = self.rows().into_iter();
        rows.flat_map(|row| self.traces(row).into_iter().map(move |trace| self.compare(row, trace))).collect()
    }

    fn of(&self, row: Row) -> impl Iterator<Item = &Result> {
        self.all.iter().filter(move |result| result.row == row)
    }
}

/// Four digits that mean something.
fn round(figure: f64) -> f64 {
    format!("{figure:.3e}").parse().unwrap_or(figure)
}
