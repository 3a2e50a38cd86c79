//! The end of `rlx run` on a terminal: tables with their intervals, then the verdicts. No colour, no escape sequences.

use std::fmt::Write;

use rlx_analysis::{Results, Verdict};

use crate::data::ReportData;
use crate::escape::terminal;
use crate::number::{self, duration, short_count};
use crate::tables::{self, Cell, Table};
use crate::words;

/// Widest line that a table may take; wider ones are printed in blocks of columns.
const WIDTH: usize = 100;

/// A summary in plain text, ending with the list of verdicts.
pub fn render_text(data: &ReportData) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{}\n", terminal(&data.title));
    for output in &data.outputs {
        let _ = writeln!(
            out,
            "{}: {}",
            terminal(&output.name),
            terminal(&words::title(output))
        );
        if let Some(note) = note(&output.results) {
            let _ = writeln!(out, "  {}", terminal(&note));
        }
        let built = tables::build(&output.results);
        for block in blocks(&built) {
            out.push_str(&block);
        }
        if let Results::PassAtK(results) = &output.results {
            for crossing in words::crossings(results) {
                let _ = writeln!(out, "  {}", terminal(&crossing));
            }
        }
        for warning in tables::warnings(&output.results) {
            let _ = writeln!(out, "  warning: {}", terminal(warning));
        }
        out.push('\n');
    }
    if !data.claims.is_empty() {
        let _ = writeln!(out, "Claims: {}", words::tally(data));
        for claim in &data.claims {
            let _ = writeln!(
                out,
                "  {} {:<12} {}: {}",
                sign(claim.verdict),
                word(claim.verdict),
                terminal(&claim.name),
                terminal(&claim.statement)
            );
            if let Some(effect) = &claim.effect {
                let unit = words::effect_unit(&claim.text);
                let _ = writeln!(
                    out,
                    "{:17}left - right = {} at {}",
                    "",
                    dash(&number::estimate(effect, unit)),
                    number::confidence(claim.confidence)
                );
            }
            let _ = writeln!(out, "{:17}{}", "", terminal(&claim.reason));
        }
        out.push('\n');
    }
    for warning in &data.warnings {
        let _ = writeln!(out, "warning: {}", terminal(warning));
    }
    let _ = writeln!(
        out,
        "{} on {} ({}), {} tokens sampled, {} trained on, seed {}",
        duration(data.wall_seconds),
        terminal(&data.machine.device),
        terminal(&data.machine.precision),
        short_count(data.cost.tokens_sampled),
        short_count(data.cost.tokens_trained),
        data.seed
    );
    out
}

fn note(results: &Results) -> Option<String> {
    let size = match results {
        Results::PassAtK(results) => Some((&results.benchmark, results.problems, results.samples)),
        Results::Summary(results) => Some((&results.benchmark, results.problems, results.samples)),
        _ => None,
    };
    let confidence = tables::confidence(results)?;
    let intervals = format!(
        "[low, high]: {} interval over problems like these",
        number::confidence(confidence)
    );
    let unit = if matches!(results, Results::PassAtK(_)) {
        "%, "
    } else {
        ""
    };
    Some(match size {
        Some((benchmark, problems, samples)) => {
            format!(
                "{unit}{} of {benchmark}, {} each; {intervals}",
                number::plural(problems as u64, "problem"),
                number::plural(samples, "sample")
            )
        }
        None => intervals,
    })
}

fn sign(verdict: Verdict) -> char {
    match verdict {
        Verdict::Holds => '+',
        Verdict::Refuted => 'x',
        Verdict::Inconclusive => '?',
        Verdict::Error => '!',
    }
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Holds => "holds",
        Verdict::Refuted => "refuted",
        Verdict::Inconclusive => "inconclusive",
        Verdict::Error => "error",
    }
}

/// A plain hyphen-minus: terminals and `grep` know it.
fn dash(text: &str) -> String {
    text.replace('−', "-")
}

/// Columns of padded cells: head first, numbers set right.
fn grid(table: &Table) -> Vec<Vec<String>> {
    table
        .columns
        .iter()
        .enumerate()
        .map(|(index, column)| {
            let mut cells = vec![terminal(&column.head)];
            cells.extend(
                table
                    .rows
                    .iter()
                    .map(|row| row.get(index).map_or_else(String::new, cell)),
            );
            let width = cells.iter().map(|cell| cell.chars().count()).max().unwrap_or(0);
            cells
                .into_iter()
                .map(|cell| {
                    if column.numeric {
                        format!("{cell:>width$}")
                    } else {
                        format!("{cell:<width$}")
                    }
                })
                .collect()
        })
        .collect()
}

fn cell(cell: &Cell) -> String {
    match cell.interval() {
        Some(interval) => dash(&terminal(&format!("{} {interval}", cell.text()))),
        None => dash(&terminal(cell.text())),
    }
}

/// The grid as lines; where its columns need more than one block, what the rows are called stands in each: the columns of
/// text that come first, or one of them where they are wide.
fn blocks(table: &Table) -> Vec<String> {
    let columns = grid(table);
    let width = |columns: &[Vec<String>]| -> usize {
        let heads = columns.iter().filter_map(|column| column.first());
        heads.map(|head| 2 + head.chars().count()).sum()
    };
    let named = table.columns.iter().take_while(|column| !column.numeric).count();
    let named = match named.clamp(1, columns.len().max(1)) {
        named if named < columns.len() && width(&columns[..named]) <= WIDTH / 2 => named,
        _ => 1,
    };
    let (names, numbers) = columns.split_at(named.min(columns.len()));
    let mut all: Vec<Vec<&Vec<String>>> = Vec::new();
    let mut taken = usize::MAX;
    for column in numbers {
        let wide = width(std::slice::from_ref(column));
        if taken.saturating_add(wide) > WIDTH || all.is_empty() {
            all.push(names.iter().collect());
            taken = width(names);
        }
        taken += wide;
        if let Some(block) = all.last_mut() {
            block.push(column);
        }
    }
    all.into_iter()
        .map(|block| {
            let mut text = String::new();
            for row in 0..=table.rows.len() {
                let mut line = String::new();
                for column in &block {
                    line.push_str("  ");
                    line.push_str(column.get(row).map_or("", String::as_str));
                }
                text.push_str(line.trim_end());
                text.push('\n');
            }
            text
        })
        .collect()
}
