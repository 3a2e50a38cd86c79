//! Which problems each model solves: a row a model, a column a problem, as dark as samples are right.
//!
//! Problems are ordered by how often the first model solves them, then the second, and so on: what the first model solves
//! stands on the left, and a dark cell on the right is a problem that only a later one solves.

use rlx_analysis::Coverage;

use crate::palette::Palette;
use crate::svg::{Anchor, Canvas, Drawing, Paint, Size, Text, fit, text_width};

const ROW: f64 = 26.0;
/// Columns of one band; more problems go into further bands.
const WIDEST: usize = 150;

pub(crate) fn draw(results: &Coverage, palette: &Palette, size: Size) -> Drawing {
    let mut canvas = Canvas::new();
    let width = size.width();
    let mut order: Vec<usize> = (0..results.problems.len()).collect();
    let key = |place: usize| -> Vec<u64> {
        results
            .rows
            .iter()
            .map(|row| row.right.get(place).copied().flatten().unwrap_or(0))
            .collect()
    };
    order.sort_by(|a, b| key(*b).cmp(&key(*a)).then(a.cmp(b)));
    let widest = results
        .rows
        .iter()
        .map(|row| text_width(&row.model, 12.0))
        .fold(0.0, f64::max)
        .min(size.pick(170.0, 84.0));
    let (left, right) = (widest + 10.0, width);
    let columns = WIDEST.min(size.pick(150, 60)).min(order.len().max(1));
    let cell = (right - left) / columns as f64;
    let gap = if cell > 5.0 { 1.0 } else { 0.0 };
    let mut y = 0.0;
    for band in order.chunks(columns) {
        for row in &results.rows {
            let style = palette.style(&row.model);
            let label = fit(&row.model, 12.0, widest);
            canvas.open("v-row", Some(&row.model));
            canvas.text(
                (left - 8.0, y + ROW / 2.0 + 4.0),
                Text::new(&label).paint(Paint::Ink).anchor(Anchor::End),
            );
            canvas.rect(
                (left, y + 2.0),
                (cell * band.len() as f64, ROW - 4.0),
                Paint::Grid,
                0.45,
                1.0,
            );
            for (column, place) in band.iter().enumerate() {
                let Some(right) = row.right.get(*place).copied().flatten() else {
                    continue;
                };
                let x = left + cell * column as f64;
                let share = right as f64 / row.of(results).max(1) as f64;
                if right > 0 {
                    // One of a thousand has to be seen: the scale begins at a fifth and follows the root.
                    let depth = 0.2 + 0.8 * share.sqrt();
                    canvas.rect(
                        (x + gap / 2.0, y + 2.0),
                        ((cell - gap).max(0.6), ROW - 4.0),
                        Paint::Model(&style),
                        depth,
                        0.0,
                    );
                }
                if order.len() <= 400 {
                    let name = results.problems.get(*place).map_or("", String::as_str);
                    let tip = format!("problem {name}\n{}: {right} of {}", row.model, results.samples);
                    canvas.hit((x, y + 2.0), (cell, ROW - 4.0), &tip);
                }
            }
            canvas.close();
            y += ROW;
        }
        y += 12.0;
    }
    let told: Vec<String> = results
        .rows
        .iter()
        .map(|row| {
            let solved = row.right.iter().flatten().filter(|right| **right > 0).count();
            format!("{} solves {solved} of {}", row.model, results.problems.len())
        })
        .collect();
    canvas.text(
        (left, y + 6.0),
        Text::new(&format!(
            "by how often {} solves them",
            results
                .rows
                .first()
                .map_or("the first model", |row| row.model.as_str())
        )),
    );
    Drawing {
        width,
        height: y + 14.0,
        body: canvas.finish(),
        description: format!("{}.", told.join("; ")),
    }
}
