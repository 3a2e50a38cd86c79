//! Tables on the page: sortable by their heads, both intervals in each cell (a switch shows one kind).

use std::fmt::Write;

use super::model;
use crate::escape::xml;
use crate::palette::Palette;
use crate::tables::{Cell, Table};

/// A results table. The first column names rows; labels of models carry their sign.
pub(super) fn results(table: &Table, caption: &str, palette: &Palette) -> String {
    // Many columns with intervals fit the page when each interval stands below its number.
    let intervals = table.rows.first().map_or(0, |row| {
        row.iter().filter(|cell| cell.interval().is_some()).count()
    });
    let class = if intervals > 3 || table.columns.len() > 6 {
        " class=\"stacked\""
    } else {
        ""
    };
    let mut out = format!(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{0}\"><table{class}><caption class=\"quiet\">{0}</caption>\n<thead><tr>",
        xml(caption)
    );
    for column in &table.columns {
        out.push_str(&head(&column.head, column.numeric));
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for row in &table.rows {
        out.push_str("<tr>");
        for (index, (cell, column)) in row.iter().zip(&table.columns).enumerate() {
            out.push_str(&match cell {
                Cell::Text(text) => {
                    let named =
                        ["model", "responses of", "under", "training"].contains(&column.head.as_str());
                    let inner = if named { model(text, palette) } else { xml(text) };
                    if index == 0 {
                        format!("<th scope=\"row\">{inner}</th>")
                    } else {
                        format!("<td>{inner}</td>")
                    }
                }
                Cell::Number {
                    value,
                    text,
                    population,
                    sampling,
                } => number(*value, text, population.as_deref(), sampling.as_deref()),
            });
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody></table></div>\n");
    out
}

fn number(value: Option<f64>, text: &str, population: Option<&str>, sampling: Option<&str>) -> String {
    let mut out = String::from("<td class=\"n\"");
    if let Some(value) = value {
        let _ = write!(out, " data-v=\"{value}\"");
    }
    let _ = write!(out, ">{}", xml(text));
    for (class, interval) in [("iv pop", population), ("iv smp", sampling)] {
        if let Some(interval) = interval {
            let _ = write!(out, " <span class=\"{class}\">{}</span>", xml(interval));
        }
    }
    out.push_str("</td>");
    out
}

/// A head that sorts by its column.
pub(crate) fn head(text: &str, numeric: bool) -> String {
    let class = if numeric { " class=\"n\"" } else { "" };
    format!(
        "<th scope=\"col\"{class}><button type=\"button\">{}</button></th>",
        xml(text)
    )
}
