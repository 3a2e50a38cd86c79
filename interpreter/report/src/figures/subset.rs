//! Which problems are solved by both models, by one or by none: a bar of problems a model.

use rlx_analysis::{Subset, SubsetRow};

use crate::number::{self, Unit};
use crate::palette::Palette;
use crate::svg::{Anchor, Canvas, Drawing, Paint, Scale, Size, Text, fit, text_width};

const ROW: f64 = 62.0;

pub(crate) fn draw(results: &Subset, palette: &Palette, size: Size) -> Drawing {
    let mut canvas = Canvas::new();
    let width = size.width();
    let counted = results
        .rows
        .iter()
        .map(|row| row.both.len() + row.only_within.len() + row.only_model.len() + row.neither);
    let total = counted.max().unwrap_or(0).max(results.problems).max(1) as f64;
    let scale = Scale::linear(0.0, total, 0.0, width);
    let heading = fit(
        &format!(
            "Problems solved at least once in {}",
            number::plural(results.samples, "sample")
        ),
        12.0,
        width,
    );
    canvas.text((0.0, 12.0), Text::new(&heading).paint(Paint::Ink).bold());
    let mut top = 24.0 + key(&mut canvas, results, palette, width);
    for row in &results.rows {
        bar(&mut canvas, results, row, palette, &scale, top, width);
        top += ROW;
    }
    let rows: Vec<String> = results.rows.iter().map(|row| sentence(results, row)).collect();
    Drawing {
        width,
        height: top - 4.0,
        body: canvas.finish(),
        description: format!("{heading}. {}", rows.join(" ")),
    }
}

/// The four kinds of problem; the row's own colour stands for "only the model".
fn key(canvas: &mut Canvas, results: &Subset, palette: &Palette, width: f64) -> f64 {
    let within = palette.style(&results.within);
    let only_within = format!("only {}", results.within);
    let entries: [(&str, Option<Paint<'_>>); 4] = [
        ("both", Some(Paint::Soft)),
        (&only_within, Some(Paint::Model(&within))),
        (
            "only the model (its colour)",
            results.rows.first().map(|_| Paint::Ground),
        ),
        ("neither", None),
    ];
    let first_model = results.rows.first().map(|row| palette.style(&row.model));
    let (mut x, mut y) = (0.0, 30.0);
    for (label, paint) in entries {
        let label = fit(label, 12.0, width - 24.0);
        let length = 24.0 + text_width(&label, 12.0);
        if x > 0.0 && x + length > width {
            x = 0.0;
            y += 20.0;
        }
        match (paint, &first_model) {
            (Some(Paint::Ground), Some(style)) => {
                canvas.rect((x, y - 6.0), (14.0, 12.0), Paint::Model(style), 1.0, 2.0)
            }
            (Some(paint), _) => canvas.rect((x, y - 6.0), (14.0, 12.0), paint, 1.0, 2.0),
            (None, _) => canvas.frame((x + 0.5, y - 5.5), (13.0, 11.0), Paint::Soft, 1.0),
        }
        canvas.text((x + 20.0, y + 4.2), Text::new(&label).paint(Paint::Ink));
        x += length + 16.0;
    }
    y
}

fn bar(
    canvas: &mut Canvas,
    results: &Subset,
    row: &SubsetRow,
    palette: &Palette,
    scale: &Scale,
    top: f64,
    width: f64,
) {
    let (model, within) = (palette.style(&row.model), palette.style(&results.within));
    canvas.open("v-row", Some(&row.model));
    let contained = format!(
        "{} inside {}",
        number::estimate(&row.contained, Unit::Share),
        results.within
    );
    let contained = fit(&contained, 12.0, width * 0.7);
    let name = fit(&row.model, 12.5, width - text_width(&contained, 12.0) - 8.0);
    canvas.text(
        (0.0, top + 13.0),
        Text::new(&name).size(12.5).paint(Paint::Ink).bold(),
    );
    canvas.text((width, top + 13.0), Text::new(&contained).anchor(Anchor::End));
    let parts = [
        (row.both.len(), Some(Paint::Soft)),
        (row.only_within.len(), Some(Paint::Model(&within))),
        (row.only_model.len(), Some(Paint::Model(&model))),
        (row.neither, None),
    ];
    let mut from = 0.0;
    for (index, (count, paint)) in parts.into_iter().enumerate() {
        if count == 0 {
            continue;
        }
        let (start, end) = (scale.at(from), scale.at(from + count as f64));
        from += count as f64;
        let gap = if end - start > 4.0 { 1.5 } else { 0.0 };
        match paint {
            Some(paint) => canvas.rect((start, top + 20.0), (end - start - gap, 22.0), paint, 1.0, 2.0),
            None => canvas.frame(
                (start + 0.5, top + 20.5),
                (end - start - 1.0, 21.0),
                Paint::Soft,
                1.0,
            ),
        }
        let label = count.to_string();
        if text_width(&label, 12.0) + 4.0 <= end - start {
            let paint = if matches!(index, 0 | 3) {
                Paint::Ink
            } else {
                Paint::Ground
            };
            canvas.text(
                ((start + end - gap) / 2.0, top + 35.4),
                Text::new(&label).paint(paint).anchor(Anchor::Middle).bold(),
            );
        }
    }
    canvas.hit((0.0, top), (width, ROW - 14.0), &sentence(results, row));
    canvas.close();
}

fn sentence(results: &Subset, row: &SubsetRow) -> String {
    format!(
        "{}: {} solved by both, {} only by {}, {} only by {}, {} by neither; {} of what {} solves lies inside {}.",
        row.model,
        row.both.len(),
        row.only_within.len(),
        results.within,
        row.only_model.len(),
        row.model,
        row.neither,
        number::estimate(&row.contained, Unit::Share),
        row.model,
        results.within
    )
}
