//! The sampling-efficiency gap as bars: what pass@1 still lacks of the base's pass@k.

use rlx_analysis::DeltaSe;

use super::bars::{self, Bar};
use crate::number::{self, Unit};
use crate::palette::Palette;
use crate::svg::{Canvas, Drawing, Size};

pub(crate) fn draw(results: &DeltaSe, palette: &Palette, size: Size) -> Drawing {
    let mut canvas = Canvas::new();
    let rows: Vec<Bar<'_>> = results
        .rows
        .iter()
        .map(|row| Bar {
            model: &row.model,
            estimate: &row.delta_se,
        })
        .collect();
    let heading = size.pick(
        format!(
            "ΔSE: pass@{} of {} minus pass@1 of each model, in points",
            number::count(results.k),
            results.against
        ),
        format!(
            "ΔSE to pass@{} of {}, points",
            number::count(results.k),
            results.against
        ),
    );
    let height = bars::draw(&mut canvas, &heading, &rows, Unit::Points, palette, size, 0.0);
    let rows: Vec<String> = results
        .rows
        .iter()
        .map(|row| format!("{}: {}", row.model, number::estimate(&row.delta_se, Unit::Points)))
        .collect();
    let description = format!("{heading}. {}.", rows.join("; "));
    Drawing {
        width: size.width(),
        height,
        body: canvas.finish(),
        description,
    }
}
