//! LaTeX with booktabs: the number with its interval behind it in small type, the meaning in the caption.

use std::fmt::Write;

use super::{Cell, Table};
use crate::escape;

/// A `table` environment for `\input`; needs `\usepackage{booktabs}`.
pub(crate) fn latex(table: &Table, caption: &str, label: &str) -> String {
    let mut out = String::from("% \\usepackage{booktabs}\n\\begin{table}\n  \\centering\n");
    let _ = writeln!(out, "  \\caption{{{}}}", escape::latex(caption));
    let _ = writeln!(out, "  \\label{{tab:{}}}", escape::slug(label));
    let columns: String = table
        .columns
        .iter()
        .map(|column| if column.numeric { 'r' } else { 'l' })
        .collect();
    let _ = writeln!(out, "  \\begin{{tabular}}{{{columns}}}\n    \\toprule");
    let heads: Vec<String> = table
        .columns
        .iter()
        .map(|column| escape::latex(&column.head))
        .collect();
    let _ = writeln!(out, "    {} \\\\\n    \\midrule", heads.join(" & "));
    for row in &table.rows {
        let cells: Vec<String> = row.iter().map(cell).collect();
        let _ = writeln!(out, "    {} \\\\", cells.join(" & "));
    }
    out.push_str("    \\bottomrule\n  \\end{tabular}\n\\end{table}\n");
    out
}

fn cell(cell: &Cell) -> String {
    let mut text = escape::latex(cell.text());
    // After the `\\` of the line before, these would be read as its argument or its star.
    if text.starts_with(['[', '*']) {
        text.insert_str(0, "{}");
    }
    match cell.interval() {
        Some(interval) => format!(
            "{text} {{\\scriptsize [{}]}}",
            escape::latex(interval.trim_matches(['[', ']']))
        ),
        None => text,
    }
}
