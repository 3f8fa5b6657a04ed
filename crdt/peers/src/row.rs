//! The rows: what is measured, in which unit, and what was promised.

/// One row of the tables.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Row {
    /// A plain rope, no CRDT.
    Floor,
    /// Local replay, an edit at a time.
    Local,
    /// Local replay, one outgoing change for each edit.
    LocalEncoded,
    /// Remote apply, one change for each edit.
    Remote,
    /// Remote apply, the whole history at once, to readable text.
    RemoteWhole,
    /// Loading a saved document with its full history, to readable text.
    Load,
    /// The same, until the first local edit and the first remote change are applied.
    LoadEdit,
    /// Bytes with full history.
    Size,
    /// Live heap after replay.
    Memory,
    /// One typed character on the wire, before sealing.
    Wire,
    /// A concurrent recording, one change for each transaction.
    Concurrent,
    /// A concurrent recording, the whole history at once.
    ConcurrentWhole,
    /// Two replicas, many random inserts each offline, merged: one change for each insert.
    Merge,
    /// The same, the whole history at once.
    MergeWhole,
    /// Many single edits that hurt.
    Worst,
    /// The cost of an edit in ever longer texts.
    Growth,
}

/// What was promised for a row.
#[derive(Clone, Copy, Debug)]
pub enum Goal {
    /// Ours ÷ the best published peer is at most this.
    Ratio(f64),
    /// Ours is at most this, in the row's unit.
    Value(f64),
    /// Nothing: the row shows where the others' figures stand.
    None,
}

impl Goal {
    /// The figure.
    pub const fn figure(self) -> Option<f64> {
        match self {
            Self::Ratio(goal) | Self::Value(goal) => Some(goal),
            Self::None => None,
        }
    }

    /// Whether it is reached; `None` without a goal or without what it is measured by.
    pub fn is_met(self, ours: Option<f64>, ratio: Option<f64>) -> Option<bool> {
        match self {
            Self::Ratio(goal) => ratio.map(|ratio| ratio <= goal),
            Self::Value(goal) => ours.map(|ours| ours <= goal),
            Self::None => None,
        }
    }
}

/// All rows, in the order of the tables.
pub const ROWS: [Row; 16] = [
    Row::Floor,
    Row::Local,
    Row::LocalEncoded,
    Row::Remote,
    Row::RemoteWhole,
    Row::Load,
    Row::LoadEdit,
    Row::Size,
    Row::Memory,
    Row::Wire,
    Row::Concurrent,
    Row::ConcurrentWhole,
    Row::Merge,
    Row::MergeWhole,
    Row::Worst,
    Row::Growth,
];

impl Row {
    /// The name by which scripts know it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Local => "local",
            Self::LocalEncoded => "local-encoded",
            Self::Remote => "remote",
            Self::RemoteWhole => "remote-whole",
            Self::Load => "load",
            Self::LoadEdit => "load-edit",
            Self::Size => "size",
            Self::Memory => "memory",
            Self::Wire => "wire",
            Self::Concurrent => "concurrent",
            Self::ConcurrentWhole => "concurrent-whole",
            Self::Merge => "merge",
            Self::MergeWhole => "merge-whole",
            Self::Worst => "worst",
            Self::Growth => "growth",
        }
    }

    /// What it is, for people.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Floor => "plain rope, no CRDT",
            Self::Local => "local replay, an edit at a time",
            Self::LocalEncoded => "local replay, one outgoing change per edit",
            Self::Remote => "remote apply, one change per edit",
            Self::RemoteWhole => "remote apply, whole history at once, to readable text",
            Self::Load => "load a saved document with full history, to readable text",
            Self::LoadEdit => "load, until the first local edit and the first remote change are applied",
            Self::Size => "size with full history, deleted text kept",
            Self::Memory => "live heap after replay",
            Self::Wire => "one typed character on the wire, before sealing (median of the recording)",
            Self::Concurrent => "concurrent recording, one change per transaction",
            Self::ConcurrentWhole => "concurrent recording, whole history at once, to readable text",
            Self::Merge => "two replicas edited offline, merged: one change per insert",
            Self::MergeWhole => "two replicas edited offline, merged: whole history at once, to readable text",
            Self::Worst => "worst cases: single edits; the peer is the best plain rope",
            Self::Growth => "cost of a random edit in a text of N characters, each typed at random",
        }
    }

    /// The unit of its figures.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::Size | Self::Wire => "bytes",
            Self::Memory => "KiB",
            Self::Growth => "ns/edit",
            _ => "ms",
        }
    }

    /// What was promised.
    pub const fn goal(self) -> Goal {
        match self {
            Self::Local => Goal::Ratio(0.35),
            Self::LocalEncoded | Self::Remote | Self::MergeWhole => Goal::Ratio(0.4),
            Self::RemoteWhole | Self::Size => Goal::Ratio(0.8),
            Self::Load | Self::ConcurrentWhole => Goal::Ratio(1.0),
            Self::LoadEdit => Goal::Value(2.0),
            Self::Memory => Goal::Ratio(0.6),
            Self::Wire => Goal::Value(14.0),
            Self::Concurrent | Self::Merge => Goal::Ratio(0.5),
            Self::Worst => Goal::Ratio(1.5),
            Self::Floor | Self::Growth => Goal::None,
        }
    }

    /// Whether its peer is a plain rope and not another CRDT.
    pub const fn is_against_ropes(self) -> bool {
        matches!(self, Self::Floor | Self::Worst | Self::Growth)
    }

    /// The row of this name.
    pub fn named(name: &str) -> Option<Self> {
        ROWS.into_iter().find(|row| row.name() == name)
    }
}
