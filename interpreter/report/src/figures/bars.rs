//! Horizontal bars with both intervals: the thick whisker is these problems, the thin one problems like these.

use rlx_analysis::Estimate;

use crate::number::{self, Unit};
use crate::palette::Palette;
use crate::svg::{Anchor, Canvas, Paint, Scale, Size, Text, fit, nice_ticks, text_width};

const ROW: f64 = 34.0;

/// One bar.
pub(crate) struct Bar<'a> {
    pub(crate) model: &'a str,
    pub(crate) estimate: &'a Estimate,
}

/// Draws bars under a heading from `top`; gives the height they took.
pub(crate) fn draw(
    canvas: &mut Canvas,
    heading: &str,
    bars: &[Bar<'_>],
    unit: Unit,
    palette: &Palette,
    size: Size,
    top: f64,
) -> f64 {
    let width = size.width();
    let decimals = number::column_decimals(bars.iter().map(|bar| bar.estimate), unit);
    let widest = bars
        .iter()
        .map(|bar| text_width(bar.model, 12.5))
        .fold(0.0, f64::max)
        .min(size.pick(190.0, 104.0));
    let values: Vec<String> = bars
        .iter()
        .map(|bar| number::value(bar.estimate, unit, decimals))
        .collect();
    let value_room = values
        .iter()
        .map(|value| text_width(value, 12.5))
        .fold(0.0, f64::max);
    let (left, right) = (widest + 12.0, width - value_room - 14.0);

    let ends = bars.iter().flat_map(|bar| {
        [
            bar.estimate.value,
            bar.estimate.problems_like_these.map(|interval| interval.low),
            bar.estimate.problems_like_these.map(|interval| interval.high),
        ]
    });
    let (low, high) = ends
        .flatten()
        .filter(|end| end.is_finite())
        .fold((0.0f64, 0.0f64), |(low, high), end| (low.min(end), high.max(end)));
    let (low, high) = if high > low {
        (low, high)
    } else {
        (0.0, 1.0 / unit.scale())
    };
    let (ticks, tick_decimals) = nice_ticks(low * unit.scale(), high * unit.scale(), size.pick(6, 4));
    let scale = Scale::linear(low, high, left, right);

    canvas.text((0.0, top + 12.0), Text::new(heading).paint(Paint::Ink).bold());
    let (start, end) = (top + 26.0, top + 26.0 + ROW * bars.len() as f64);
    for tick in ticks {
        let x = scale.at(tick / unit.scale());
        canvas.line(
            (x, start),
            (x, end),
            if tick == 0.0 { Paint::Muted } else { Paint::Grid },
            1.0,
            "",
        );
        let sign = if tick < 0.0 { "−" } else { "" };
        let suffix = if unit == Unit::Share { "%" } else { "" };
        canvas.text(
            (x, end + 16.0),
            Text::new(&format!("{sign}{:.tick_decimals$}{suffix}", tick.abs())).anchor(Anchor::Middle),
        );
    }
    for (index, (bar, value)) in bars.iter().zip(&values).enumerate() {
        let middle = start + ROW * (index as f64 + 0.5);
        let style = palette.style(bar.model);
        canvas.open("v-row", Some(bar.model));
        let label = fit(bar.model, 12.5, widest);
        canvas.text(
            (left - 10.0, middle + 4.3),
            Text::new(&label).size(12.5).paint(Paint::Ink).anchor(Anchor::End),
        );
        if let Some(number) = bar.estimate.value.filter(|value| value.is_finite()) {
            let (zero, x) = (scale.at(0.0), scale.at(number));
            canvas.rect(
                (zero.min(x), middle - 8.0),
                ((x - zero).abs(), 16.0),
                Paint::Model(&style),
                0.32,
                1.5,
            );
            canvas.line(
                (x, middle - 8.0),
                (x, middle + 8.0),
                Paint::Model(&style),
                2.5,
                "",
            );
        }
        if let Some(interval) = bar.estimate.problems_like_these {
            canvas.line(
                (scale.at(interval.low), middle),
                (scale.at(interval.high), middle),
                Paint::Ink,
                1.2,
                "",
            );
        }
        if let Some(interval) = bar.estimate.these_problems {
            canvas.line(
                (scale.at(interval.low), middle),
                (scale.at(interval.high), middle),
                Paint::Ink,
                4.0,
                "",
            );
        }
        canvas.text(
            (width, middle + 4.3),
            Text::new(value)
                .size(12.5)
                .paint(Paint::Ink)
                .anchor(Anchor::End)
                .bold(),
        );
        canvas.hit((0.0, middle - ROW / 2.0), (width, ROW), &tip(bar, unit));
        canvas.close();
    }
    end + 24.0 - top
}

fn tip(bar: &Bar<'_>, unit: Unit) -> String {
    let decimals = number::column_decimals([bar.estimate], unit);
    let mut text = format!("{}: {}", bar.model, number::value(bar.estimate, unit, decimals));
    if bar.estimate.value.is_some() {
        text.push_str(unit.suffix());
    }
    for (name, interval) in [
        ("problems like these", bar.estimate.problems_like_these),
        ("these problems", bar.estimate.these_problems),
    ] {
        if let Some(interval) = number::interval(interval, unit, decimals) {
            text.push_str(&format!("\n{name}: {interval}"));
        }
    }
    text
}
