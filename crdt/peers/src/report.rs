//! Tables for people: one for each row, Markdown.

use crate::results::{Outcome, Results};
use crate::row::{Goal, Row};

/// All tables.
pub fn tables(results: &Results) -> String {
    results.rows().into_iter().map(|row| table(results, row)).collect()
}

/// What came of one library, in a few words.
pub fn brief(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Figure { best, median, runs } if best < median => {
            format!("{} (median {}, {runs} runs)", show(*best), show(*median))
        }
        Outcome::Figure { best, runs: 1, .. } => show(*best),
        Outcome::Figure { best, runs, .. } => format!("{} ({runs} runs)", show(*best)),
        Outcome::TooSlow(limit) => limit.clone(),
        Outcome::Failed(reason) => format!("failed: {reason}"),
    }
}

fn table(results: &Results, row: Row) -> String {
    let traces = results.traces(row);
    let mut lines =
        vec![[vec![row.name().to_owned()], traces.iter().map(|trace| (*trace).to_owned()).collect()].concat()];
    let none = || "–".to_owned();
    for library in results.libraries(row) {
        let outcome = |trace: &&str| results.outcome(row, trace, library).map_or_else(none, cell);
        lines.push([vec![library.to_owned()], traces.iter().map(outcome).collect()].concat());
    }
    let comparisons: Vec<_> = traces.iter().map(|trace| results.compare(row, trace)).collect();
    let ratio = comparisons.iter().map(|found| {
        found.ratio.map_or_else(none, |ratio| format!("{} ({})", show(ratio), found.peer.unwrap_or_default()))
    });
    lines.push([vec!["ours ÷ best".to_owned()], ratio.collect()].concat());
    let goal = row.goal();
    let met = comparisons.iter().map(|found| match goal.is_met(found.ours, found.ratio) {
        Some(true) => "met".to_owned(),
        Some(false) => "not met".to_owned(),
        None => none(),
    });
    match goal {
        Goal::Ratio(most) => lines.push([vec![format!("goal ≤ {most}")], met.collect()].concat()),
        Goal::Value(most) => lines.push([vec![format!("goal ≤ {most} {}", row.unit())], met.collect()].concat()),
        Goal::None => {}
    }
    format!("## {}, {}\n\n{}\n", row.title(), row.unit(), aligned(&lines))
}

/// The best run, the one in the middle, and how many there were.
fn cell(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Figure { best, runs: 1, .. } => show(*best),
        Outcome::Figure { best, median, runs } => format!("{} / {} ×{runs}", show(*best), show(*median)),
        Outcome::TooSlow(limit) => limit.clone(),
        Outcome::Failed(_) => "failed".to_owned(),
    }
}

/// Three digits that mean something, all before the point.
fn show(figure: f64) -> String {
    if figure >= 1e4 {
        grouped(&format!("{figure:.0}"))
    } else if figure >= 100.0 {
        format!("{figure:.0}")
    } else if figure >= 10.0 {
        format!("{figure:.1}")
    } else if figure >= 1.0 {
        format!("{figure:.2}")
    } else {
        format!("{figure:.3}")
    }
}

fn grouped(digits: &str) -> String {
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A Markdown table whose columns are as wide as their widest cell.
fn aligned(lines: &[Vec<String>]) -> String {
    let columns = lines.first().map_or(0, Vec::len);
    let width = |column: usize| lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0).max(3)).collect();
    let mut text = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        let cells = line.iter().zip(&widths).enumerate().map(|(column, (cell, width))| match column {
            0 => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
        text.push(format!("| {} |\n", cells.collect::<Vec<_>>().join(" | ")));
        if number == 0 {
            let rule = widths.iter().enumerate().map(|(column, width)| match column {
                0 => "-".repeat(*width),
                _ => format!("{}:", "-".repeat(width - 1)),
            });
            text.push(format!("| {} |\n", rule.collect::<Vec<_>>().join(" | ")));
        }
    }
    text.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_three_digits() {
        let check = |figure, expected| assert_eq!(show(figure), expected);
        check(0.1234, "0.123");
        check(1.236, "1.24");
        check(48.94, "48.9");
        check(999.6, "1000");
        check(12_290.4, "12,290");
        check(1_234_567.0, "1,234,567");
    }

    #[test]
    fn columns_are_aligned() {
        let line = |cells: [&str; 2]| cells.map(str::to_owned).to_vec();
        let table = aligned(&[line(["row", "x"]), line(["a", "1,000"])]);
        assert_eq!(table, "| row |     x |\n| --- | ----: |\n| a   | 1,000 |\n");
    }
}
