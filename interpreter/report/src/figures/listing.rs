//! Bars of a listing's measured columns; where it has none to draw, its first numbers as text rows.

use rlx_analysis::{Estimate, Listing, ListingCell, ListingUnit};

use super::bars::{self, Bar};
use crate::number;
use crate::palette::Palette;
use crate::svg::{Anchor, Canvas, Drawing, Paint, Size, Text, fit};
use crate::tables::{self, scale};

/// Between two groups of bars.
const GAP: f64 = 22.0;

pub(crate) fn draw(results: &Listing, palette: &Palette, size: Size) -> Drawing {
    let mut canvas = Canvas::new();
    let labels: Vec<String> = results.rows.iter().map(|row| label(results, row)).collect();
    let mut height = 0.0;
    let mut told = Vec::new();
    for &column in &results.bars {
        let Some(head) = results.columns.get(column) else {
            continue;
        };
        let estimates: Vec<Estimate> = results
            .rows
            .iter()
            .map(|row| match row.get(column) {
                Some(ListingCell::Estimate { estimate }) => *estimate,
                Some(ListingCell::Number { value }) => Estimate {
                    value: *value,
                    these_problems: None,
                    problems_like_these: None,
                },
                _ => Estimate {
                    value: None,
                    these_problems: None,
                    problems_like_these: None,
                },
            })
            .collect();
        let rows: Vec<Bar<'_>> = labels
            .iter()
            .zip(&estimates)
            .map(|(model, estimate)| Bar { model, estimate })
            .collect();
        if height > 0.0 {
            height += GAP;
        }
        let unit = scale(head.unit);
        height += bars::draw(&mut canvas, &head.head, &rows, unit, palette, size, height);
        told.extend(rows.iter().map(|row| {
            format!(
                "{} of {}: {}",
                head.head,
                row.model,
                number::estimate(row.estimate, unit)
            )
        }));
    }
    if results.bars.is_empty() {
        height = text_rows(&mut canvas, results, size);
    }
    Drawing {
        width: size.width(),
        height: height.max(20.0),
        body: canvas.finish(),
        description: format!("{}. {}.", results.title, told.join("; ")),
    }
}

/// The model; where several rows are of one model, what else tells them apart.
fn label(results: &Listing, row: &[ListingCell]) -> String {
    let mut label = match row.first() {
        Some(ListingCell::Text { text }) => text.clone(),
        _ => String::new(),
    };
    for (cell, column) in row.iter().zip(&results.columns).skip(1) {
        if let (ListingCell::Number { value: Some(value) }, ListingUnit::Count, "k") =
            (cell, column.unit, column.name.as_str())
        {
            label.push_str(&format!(", k = {value}"));
        }
    }
    label
}

fn text_rows(canvas: &mut Canvas, results: &Listing, size: Size) -> f64 {
    let table = tables::build(&rlx_analysis::Results::Listing(results.clone()));
    let width = size.width();
    let mut y = 14.0;
    for row in &table.rows {
        let name = row.first().map_or("", |cell| cell.text());
        canvas.text(
            (0.0, y),
            Text::new(&fit(name, 12.5, width * 0.55))
                .size(12.5)
                .paint(Paint::Ink),
        );
        let value = row.get(1).map_or_else(String::new, |cell| match cell.interval() {
            Some(interval) => format!("{} {interval}", cell.text()),
            None => cell.text().to_owned(),
        });
        canvas.text(
            (width, y),
            Text::new(&fit(&value, 12.5, width * 0.45))
                .size(12.5)
                .anchor(Anchor::End),
        );
        y += 22.0;
    }
    y
}
