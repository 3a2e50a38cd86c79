//! Perplexity of responses as boxes (5, 25, 50, 75 and 95 per cent points), a panel for each model that reads them.

use rlx_analysis::{Perplexity, PerplexityGroup};

use crate::number::{self, Unit};
use crate::palette::Palette;
use crate::svg::{Anchor, Canvas, Drawing, Paint, Scale, Size, Text, fit, log_ticks, nice_ticks, text_width};

const ROW: f64 = 32.0;

pub(crate) fn draw(results: &Perplexity, palette: &Palette, size: Size) -> Drawing {
    let mut canvas = Canvas::new();
    let width = size.width();
    let mut unders: Vec<&str> = Vec::new();
    for group in &results.groups {
        if !unders.contains(&group.under.as_str()) {
            unders.push(&group.under);
        }
    }
    let widest = results
        .groups
        .iter()
        .map(|group| text_width(&group.of, 12.5))
        .fold(0.0, f64::max)
        .min(size.pick(190.0, 104.0));
    let decimals = number::column_decimals(results.groups.iter().map(|group| &group.median), Unit::Plain);
    let value_room = results
        .groups
        .iter()
        .map(|group| text_width(&number::value(&group.median, Unit::Plain, decimals), 12.5))
        .fold(0.0, f64::max);
    let (left, right) = (widest + 12.0, width - value_room - 14.0);
    let (scale, ticks, tick_decimals) = axis(results, left, right, size);

    let mut top = 0.0;
    for under in unders {
        canvas.text(
            (0.0, top + 12.0),
            Text::new(&fit(&format!("under {under}"), 12.0, width * 0.6))
                .paint(Paint::Ink)
                .bold(),
        );
        canvas.text((width, top + 12.0), Text::new("median").anchor(Anchor::End));
        let groups: Vec<&PerplexityGroup> = results
            .groups
            .iter()
            .filter(|group| group.under == under)
            .collect();
        let (start, end) = (top + 22.0, top + 22.0 + ROW * groups.len() as f64);
        for tick in &ticks {
            canvas.line(
                (scale.at(*tick), start),
                (scale.at(*tick), end),
                Paint::Grid,
                1.0,
                "",
            );
            canvas.text(
                (scale.at(*tick), end + 16.0),
                Text::new(&format!("{tick:.tick_decimals$}")).anchor(Anchor::Middle),
            );
        }
        for (index, group) in groups.into_iter().enumerate() {
            row(
                &mut canvas,
                group,
                palette,
                &scale,
                (left, widest, width),
                start + ROW * (index as f64 + 0.5),
                decimals,
            );
        }
        top = end + 40.0;
    }
    canvas.text(
        ((left + right) / 2.0, top - 4.0),
        Text::new("perplexity of a response").anchor(Anchor::Middle),
    );
    Drawing {
        width,
        height: top + 4.0,
        body: canvas.finish(),
        description: description(results),
    }
}

/// Logarithmic when the numbers span more than a factor of 4.
fn axis(results: &Perplexity, left: f64, right: f64, size: Size) -> (Scale, Vec<f64>, usize) {
    let ends = results
        .groups
        .iter()
        .flat_map(PerplexityGroup::points)
        .filter(|value| value.is_finite() && *value > 0.0);
    let (low, high) = ends.fold((f64::INFINITY, 0.0f64), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    let (low, high) = if high >= low { (low, high) } else { (1.0, 2.0) };
    if high / low > 4.0 {
        let (low, high) = (low / 1.08, high * 1.08);
        let (ticks, decimals) = log_ticks(low, high, size.pick(9, 5));
        (Scale::logarithmic(low, high, left, right), ticks, decimals)
    } else {
        let pad = ((high - low) * 0.04).max(1e-6);
        let (low, high) = (low - pad, high + pad);
        let (ticks, decimals) = nice_ticks(low, high, size.pick(7, 4));
        (Scale::linear(low, high, left, right), ticks, decimals)
    }
}

fn row(
    canvas: &mut Canvas,
    group: &PerplexityGroup,
    palette: &Palette,
    scale: &Scale,
    (left, widest, width): (f64, f64, f64),
    middle: f64,
    decimals: usize,
) {
    let style = palette.style(&group.of);
    let paint = Paint::Model(&style);
    canvas.open("v-row", Some(&group.of));
    canvas.text(
        (left - 10.0, middle + 4.3),
        Text::new(&fit(&group.of, 12.5, widest))
            .size(12.5)
            .paint(Paint::Ink)
            .anchor(Anchor::End),
    );
    let points = group.points();
    if points.iter().all(|value| value.is_finite()) {
        let [lowest, lower, median, upper, highest] = points.map(|value| scale.at(value));
        canvas.line((lowest, middle), (lower, middle), paint, 1.4, "");
        canvas.line((upper, middle), (highest, middle), paint, 1.4, "");
        for end in [lowest, highest] {
            canvas.line((end, middle - 4.0), (end, middle + 4.0), paint, 1.4, "");
        }
        canvas.rect((lower, middle - 8.0), (upper - lower, 16.0), paint, 0.3, 2.0);
        canvas.line((median, middle - 9.0), (median, middle + 9.0), paint, 3.0, "");
    }
    let value = number::value(&group.median, Unit::Plain, decimals);
    canvas.text(
        (width, middle + 4.3),
        Text::new(&value)
            .size(12.5)
            .paint(Paint::Ink)
            .anchor(Anchor::End)
            .bold(),
    );
    canvas.hit((0.0, middle - ROW / 2.0), (width, ROW), &tip(group));
    canvas.close();
}

fn tip(group: &PerplexityGroup) -> String {
    let quantiles = group.points().map(|value| number::number(value, Unit::Plain, 3));
    format!(
        "{} under {}: median {}\nmean {}\n5–25–50–75–95% points: {}\n{}",
        group.of,
        group.under,
        number::estimate(&group.median, Unit::Plain),
        number::estimate(&group.mean, Unit::Plain),
        quantiles.join(" · "),
        number::plural(group.responses as u64, "response")
    )
}

fn description(results: &Perplexity) -> String {
    let rows: Vec<String> = results
        .groups
        .iter()
        .map(|group| {
            format!(
                "{} under {}: median {}",
                group.of,
                group.under,
                number::estimate(&group.median, Unit::Plain)
            )
        })
        .collect();
    format!(
        "Perplexity of {}responses of {}. {}.",
        if results.only_correct { "correct " } else { "" },
        results.evaluation,
        rows.join("; ")
    )
}
