//! Training curves as small multiples: a panel a metric, the raw series faint and its moving mean over it.

use rlx_analysis::{Panel, TrainingCurves};

use super::legend::{self, Swatch};
use crate::number;
use crate::palette::Palette;
use crate::svg::{Anchor, Canvas, Drawing, Paint, Scale, Size, Text, fit, nice_ticks};

const PLOT: f64 = 128.0;
const PANEL: f64 = PLOT + 62.0;
/// Most points a line draws; longer series are drawn as means of equal stretches.
const MOST_POINTS: usize = 400;

/// Steps on each side of the moving mean: a twentieth of the series, none for short ones.
pub(crate) fn half_window(points: usize) -> usize {
    if points < 20 { 0 } else { (points / 40).max(1) }
}

pub(crate) fn draw(results: &TrainingCurves, palette: &Palette, size: Size) -> Drawing {
    let mut canvas = Canvas::new();
    let width = size.width();
    let mut trainings: Vec<&str> = Vec::new();
    for series in results.panels.iter().flat_map(|panel| &panel.series) {
        if !trainings.contains(&series.training.as_str()) {
            trainings.push(&series.training);
        }
    }
    let top = legend::draw(&mut canvas, &trainings, palette, 0.0, 0.0, width, Swatch::Plain) + 14.0;
    let columns = size.pick(2, 1);
    let gap = 36.0;
    let panel_width = (width - gap * (columns - 1) as f64) / columns as f64;
    for (index, one) in results.panels.iter().enumerate() {
        let at = (
            (index % columns) as f64 * (panel_width + gap),
            top + (index / columns) as f64 * PANEL,
        );
        panel(&mut canvas, one, palette, at, panel_width);
    }
    let height = top + results.panels.len().div_ceil(columns) as f64 * PANEL;
    Drawing {
        width,
        height,
        body: canvas.finish(),
        description: description(results),
    }
}

fn panel(canvas: &mut Canvas, panel: &Panel, palette: &Palette, (x0, y0): (f64, f64), width: f64) {
    let (left, right) = (x0 + 46.0, x0 + width - 4.0);
    let (top, bottom) = (y0 + 22.0, y0 + 22.0 + PLOT);
    canvas.text(
        (x0, y0 + 11.0),
        Text::new(&fit(&panel.metric, 12.0, width))
            .paint(Paint::Ink)
            .bold(),
    );
    let points = || {
        panel
            .series
            .iter()
            .flat_map(|series| &series.points)
            .filter(|(_, value)| value.is_finite())
    };
    let Some((low, high)) = points()
        .map(|(_, value)| (*value, *value))
        .reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    else {
        canvas.text(
            ((left + right) / 2.0, (top + bottom) / 2.0),
            Text::new("no values").anchor(Anchor::Middle),
        );
        return;
    };
    let first = points().map(|(step, _)| *step).min().unwrap_or(0);
    let last = points().map(|(step, _)| *step).max().unwrap_or(0);
    // An axis from 0 where that costs little room.
    let low = if low > 0.0 && low < high * 0.5 { 0.0 } else { low };
    let pad = if high > low {
        (high - low) * 0.05
    } else {
        (high.abs() * 0.1).max(1e-9)
    };
    let (low, high) = (if low == 0.0 { 0.0 } else { low - pad }, high + pad);
    let (x, y) = (
        Scale::linear(first as f64, last as f64, left, right),
        Scale::linear(low, high, bottom, top),
    );
    let (ticks, decimals) = nice_ticks(low, high, 4);
    for tick in ticks {
        canvas.line((left, y.at(tick)), (right, y.at(tick)), Paint::Grid, 1.0, "");
        canvas.text(
            (left - 6.0, y.at(tick) + 3.8),
            Text::new(&tick_label(tick, decimals))
                .size(11.0)
                .anchor(Anchor::End),
        );
    }
    let (ticks, _) = nice_ticks(first as f64, last as f64, 4);
    for tick in ticks
        .into_iter()
        .filter(|tick| tick.fract() == 0.0 && *tick >= 0.0)
    {
        canvas.line(
            (x.at(tick), bottom),
            (x.at(tick), bottom + 4.0),
            Paint::Muted,
            1.0,
            "",
        );
        canvas.text(
            (x.at(tick), bottom + 16.0),
            Text::new(&number::count(tick as u64))
                .size(11.0)
                .anchor(Anchor::Middle),
        );
    }
    for series in &panel.series {
        let style = palette.style(&series.training);
        let values: Vec<(f64, f64)> = series
            .points
            .iter()
            .filter(|(_, value)| value.is_finite())
            .map(|(step, value)| (*step as f64, *value))
            .collect();
        let draw = |points: Vec<(f64, f64)>| -> Vec<(f64, f64)> {
            thin(&points)
                .into_iter()
                .map(|(step, value)| (x.at(step), y.at(value)))
                .collect()
        };
        let half = half_window(values.len());
        canvas.open("v-line", Some(&series.training));
        if half > 0 {
            canvas.polyline(&draw(values.clone()), Paint::Model(&style), 1.0, "", 0.35);
        }
        canvas.polyline(
            &draw(moving_mean(&values, half)),
            Paint::Model(&style),
            2.0,
            "",
            1.0,
        );
        if let [(step, value)] = values.as_slice() {
            canvas.marker((x.at(*step), y.at(*value)), &style, 3.2);
        }
        canvas.close();
    }
    canvas.hit((left, top), (right - left, bottom - top), &tip(panel));
}

fn tick_label(tick: f64, decimals: usize) -> String {
    let label = if tick.abs() >= 1e5 || (tick != 0.0 && tick.abs() < 1e-4) {
        format!("{tick:.1e}")
    } else {
        format!("{tick:.decimals$}")
    };
    label.replace('-', "−")
}

fn moving_mean(values: &[(f64, f64)], half: usize) -> Vec<(f64, f64)> {
    (0..values.len())
        .map(|index| {
            let window = &values[index.saturating_sub(half)..(index + half + 1).min(values.len())];
            (
                values[index].0,
                window.iter().map(|(_, value)| value).sum::<f64>() / window.len() as f64,
            )
        })
        .collect()
}

fn thin(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let stride = points.len().div_ceil(MOST_POINTS).max(1);
    points
        .chunks(stride)
        .map(|chunk| {
            let sum = chunk
                .iter()
                .fold((0.0, 0.0), |sum, point| (sum.0 + point.0, sum.1 + point.1));
            (sum.0 / chunk.len() as f64, sum.1 / chunk.len() as f64)
        })
        .collect()
}

fn ends(panel: &Panel) -> Vec<String> {
    panel
        .series
        .iter()
        .filter_map(|series| {
            let ((first, start), (last, end)) = (series.points.first()?, series.points.last()?);
            Some(format!(
                "{}: {start:.4} at step {first}, {end:.4} at step {last}",
                series.training
            ))
        })
        .collect()
}

fn tip(panel: &Panel) -> String {
    format!("{}\n{}", panel.metric, ends(panel).join("\n"))
}

fn description(results: &TrainingCurves) -> String {
    let panels: Vec<String> = results
        .panels
        .iter()
        .map(|panel| format!("{}: {}", panel.metric, ends(panel).join("; ")))
        .collect();
    format!("Training curves over steps. {}.", panels.join(". "))
}
