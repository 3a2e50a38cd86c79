//! pass@1 and the solved share of each model, as two groups of bars.

use rlx_analysis::Summary;

use super::bars::{self, Bar};
use crate::number::{self, Unit};
use crate::palette::Palette;
use crate::svg::{Canvas, Drawing, Size};

pub(crate) fn draw(results: &Summary, palette: &Palette, size: Size) -> Drawing {
    let mut canvas = Canvas::new();
    let pass: Vec<Bar<'_>> = results
        .rows
        .iter()
        .map(|row| Bar {
            model: &row.model,
            estimate: &row.pass_1,
        })
        .collect();
    let solved: Vec<Bar<'_>> = results
        .rows
        .iter()
        .map(|row| Bar {
            model: &row.model,
            estimate: &row.solved,
        })
        .collect();
    let mut height = bars::draw(&mut canvas, "pass@1, %", &pass, Unit::Share, palette, size, 0.0) + 22.0;
    let heading = format!(
        "solved with {}, % of problems",
        number::plural(results.samples, "sample")
    );
    height += bars::draw(&mut canvas, &heading, &solved, Unit::Share, palette, size, height);
    let rows: Vec<String> = results
        .rows
        .iter()
        .map(|row| {
            format!(
                "{}: pass@1 {}, solved {}",
                row.model,
                number::estimate(&row.pass_1, Unit::Share),
                number::estimate(&row.solved, Unit::Share)
            )
        })
        .collect();
    let description = format!(
        "Summary of {} on {}. {}.",
        results.evaluation,
        results.benchmark,
        rows.join("; ")
    );
    Drawing {
        width: size.width(),
        height,
        body: canvas.finish(),
        description,
    }
}
