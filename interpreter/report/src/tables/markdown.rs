//! Markdown pipes, for issues and READMEs.

use std::fmt::Write;

use super::{Cell, Table};
use crate::escape;

/// A table with the caption as a line below it.
pub(crate) fn markdown(table: &Table, caption: &str) -> String {
    let mut out = String::new();
    let heads: Vec<String> = table
        .columns
        .iter()
        .map(|column| escape::markdown(&column.head))
        .collect();
    let _ = writeln!(out, "| {} |", heads.join(" | "));
    let rules: Vec<&str> = table
        .columns
        .iter()
        .map(|column| if column.numeric { "--:" } else { ":--" })
        .collect();
    let _ = writeln!(out, "| {} |", rules.join(" | "));
    for row in &table.rows {
        let cells: Vec<String> = row.iter().map(cell).collect();
        let _ = writeln!(out, "| {} |", cells.join(" | "));
    }
    let _ = writeln!(out, "\n{}", escape::markdown(caption));
    out
}

fn cell(cell: &Cell) -> String {
    let text = escape::markdown(cell.text());
    match cell.interval() {
        Some(interval) => format!("{text} {}", escape::markdown(interval)),
        None => text,
    }
}
