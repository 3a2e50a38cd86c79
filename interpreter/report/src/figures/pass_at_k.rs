//! pass@k over k: a line a model with its band, labelled at its end, and the points from which one curve leads another.

use rlx_analysis::{Curve, CurvePoint, Measure, PassAtK};

use super::legend::{self, Swatch};
use super::spread::spread;
use crate::number::{self, Unit};
use crate::palette::Palette;
use crate::svg::{
    Anchor, Canvas, Drawing, Paint, Scale, Size, Text, fit, nice_ticks, powers_of_two, text_width,
};
use crate::words::{self, Lead};

const LABEL: f64 = 12.0;
/// Least distance of two labels at line ends.
const LABEL_GAP: f64 = 15.0;

struct Frame {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
    x: Scale,
    y: Scale,
}

pub(crate) fn draw(results: &PassAtK, palette: &Palette, size: Size) -> Drawing {
    let mut canvas = Canvas::new();
    let width = size.width();
    let labels: Vec<&str> = results.curves.iter().map(|curve| curve.model.as_str()).collect();
    let room = labels
        .iter()
        .map(|label| text_width(label, LABEL))
        .fold(0.0, f64::max)
        .min(size.pick(170.0, 84.0));
    let mut ks: Vec<u64> = results
        .curves
        .iter()
        .flat_map(|curve| curve.points.iter().map(|point| point.k))
        .collect();
    ks.sort_unstable();
    ks.dedup();
    let (first, last) = (ks.first().copied().unwrap_or(1), ks.last().copied().unwrap_or(1));

    let heading = match &results.measure {
        Measure::Pass => "pass@k".to_owned(),
        Measure::Majority => "majority of k".to_owned(),
        Measure::BestOf { by } | Measure::BestJudged { by } => format!("best of k by {by}"),
    };
    canvas.text((0.0, 12.0), Text::new(&heading).paint(Paint::Ink).bold());
    let key = legend::draw(&mut canvas, &labels, palette, 0.0, 20.0, width, Swatch::Line);
    let (left, right) = (42.0, width - room - 32.0);
    let top = 20.0 + key + 16.0;
    let bottom = top + size.pick(330.0, 250.0);
    let (ceiling, ticks) = vertical(results);
    let frame = Frame {
        left,
        right,
        top,
        bottom,
        x: Scale::logarithmic(first as f64, last as f64, left + 4.0, right),
        y: match fold(results).filter(|_| ceiling == 1.0) {
            Some(fold) => Scale::folded(ceiling, fold, bottom, top),
            None => Scale::linear(0.0, ceiling, bottom, top),
        },
    };
    axes(&mut canvas, &frame, &ticks, first, last, size);

    for curve in &results.curves {
        canvas.open("v-band", Some(&curve.model));
        band(&mut canvas, &frame, curve, palette);
        canvas.close();
    }
    crossings(&mut canvas, &frame, results, size);
    // The first model is drawn last, so that it lies on top.
    for curve in results.curves.iter().rev() {
        canvas.open("v-line", Some(&curve.model));
        line(&mut canvas, &frame, curve, palette);
        canvas.close();
    }
    end_labels(&mut canvas, &frame, results, palette, room);
    hover(&mut canvas, &frame, results, &ks);
    Drawing {
        width,
        height: bottom + 46.0,
        body: canvas.finish(),
        description: description(results, first, last),
    }
}

/// Top of the axis and its ticks: all of 0 to 100% unless everything lies far below.
fn vertical(results: &PassAtK) -> (f64, Vec<(f64, String)>) {
    let highest = results
        .curves
        .iter()
        .flat_map(|curve| &curve.points)
        .flat_map(|point| {
            [
                point.pass.value,
                point.pass.problems_like_these.map(|interval| interval.high),
            ]
        })
        .flatten()
        .filter(|value| value.is_finite())
        .fold(0.0, f64::max);
    let ceiling = [0.02, 0.05, 0.1, 0.2, 0.4, 0.6]
        .into_iter()
        .find(|ceiling| highest <= *ceiling)
        .unwrap_or(1.0);
    let (ticks, decimals) = nice_ticks(0.0, ceiling * 100.0, 5);
    let folded = fold(results).filter(|_| ceiling == 1.0);
    let ticks = match folded {
        // Finer above the bend, where there is room.
        Some(at) => {
            let upper = (0..=20)
                .map(|step| f64::from(step) * 5.0)
                .filter(|tick| *tick >= at * 100.0);
            ticks
                .into_iter()
                .filter(|tick| *tick < at * 100.0 - 1e-9)
                .chain(upper)
                .collect()
        }
        None => ticks,
    };
    (
        ceiling,
        ticks
            .into_iter()
            .map(|tick| (tick / 100.0, format!("{tick:.decimals$}%")))
            .collect(),
    )
}

/// Where a folded axis bends: below the lowest value at the largest k, on a round tenth.
fn fold(results: &PassAtK) -> Option<f64> {
    if !results.folded {
        return None;
    }
    let lowest = results
        .curves
        .iter()
        .filter_map(|curve| curve.points.last()?.pass.value)
        .fold(1.0, f64::min);
    Some((libm::floor(lowest * 10.0 - 0.5) / 10.0).clamp(0.2, 0.8))
}

fn axes(canvas: &mut Canvas, frame: &Frame, ticks: &[(f64, String)], first: u64, last: u64, size: Size) {
    for (tick, label) in ticks {
        let y = frame.y.at(*tick);
        let paint = if *tick == 0.0 { Paint::Muted } else { Paint::Grid };
        canvas.line((frame.left, y), (frame.right, y), paint, 1.0, "");
        canvas.text((frame.left - 7.0, y + 4.0), Text::new(label).anchor(Anchor::End));
    }
    if let Some(at) = frame.y.fold() {
        // The break is drawn as what it is: two short strokes across the axis, and a dotted line.
        let y = frame.y.at(at);
        canvas.line((frame.left, y), (frame.right, y), Paint::Muted, 1.0, "1 4");
        for offset in [-2.5, 2.5] {
            canvas.line(
                (frame.left - 4.0, y + offset + 2.0),
                (frame.left + 4.0, y + offset - 2.0),
                Paint::Muted,
                1.2,
                "",
            );
        }
    }
    let mut powers = powers_of_two(first, last, size.pick(12, 9));
    if powers.is_empty() {
        powers.push(first);
    }
    for power in powers {
        let x = frame.x.at(power as f64);
        canvas.line((x, frame.bottom), (x, frame.bottom + 5.0), Paint::Muted, 1.0, "");
        canvas.text(
            (x, frame.bottom + 19.0),
            Text::new(&number::count(power)).anchor(Anchor::Middle),
        );
    }
    canvas.text(
        ((frame.left + frame.right) / 2.0, frame.bottom + 38.0),
        Text::new("k, samples a problem").anchor(Anchor::Middle),
    );
}

/// Stretches of neighbouring points for which `get` gives a value.
fn stretches<T>(points: &[CurvePoint], get: impl Fn(&CurvePoint) -> Option<T>) -> Vec<Vec<T>> {
    let mut all: Vec<Vec<T>> = vec![Vec::new()];
    for point in points {
        match (get(point), all.last_mut()) {
            (Some(item), Some(stretch)) => stretch.push(item),
            (None, Some(stretch)) if !stretch.is_empty() => all.push(Vec::new()),
            _ => {}
        }
    }
    all.retain(|stretch| !stretch.is_empty());
    all
}

fn band(canvas: &mut Canvas, frame: &Frame, curve: &Curve, palette: &Palette) {
    let style = palette.style(&curve.model);
    for stretch in stretches(&curve.points, |point| {
        point.pass.problems_like_these.map(|interval| (point.k, interval))
    }) {
        let edge = |pick: fn(&rlx_analysis::Interval) -> f64| {
            stretch
                .iter()
                .map(move |(k, interval)| (frame.x.at(*k as f64), frame.y.at(pick(interval))))
                .collect::<Vec<_>>()
        };
        let (upper, mut lower) = (edge(|interval| interval.high), edge(|interval| interval.low));
        if let ([(x, high)], [(_, low)]) = (upper.as_slice(), lower.as_slice()) {
            canvas.line((*x, *high), (*x, *low), Paint::Model(&style), 1.5, "");
            continue;
        }
        lower.reverse();
        let outline: Vec<(f64, f64)> = upper.into_iter().chain(lower).collect();
        canvas.area(&outline, Paint::Model(&style), 0.09);
    }
}

fn line(canvas: &mut Canvas, frame: &Frame, curve: &Curve, palette: &Palette) {
    let style = palette.style(&curve.model);
    let position = |point: &CurvePoint| {
        point
            .pass
            .value
            .filter(|value| value.is_finite())
            .map(|value| (frame.x.at(point.k as f64), frame.y.at(value)))
    };
    for stretch in stretches(&curve.points, position) {
        canvas.polyline(&stretch, Paint::Model(&style), 2.0, style.dash, 1.0);
        for point in stretch {
            canvas.marker(point, &style, 3.2);
        }
    }
}

/// Rings where a curve takes the lead for good, with words at the foot of the plot.
fn crossings(canvas: &mut Canvas, frame: &Frame, results: &PassAtK, size: Size) {
    let groups = words::leads(results);
    // Words for a few; more than that would cover the lines, and the caption tells them all.
    let worded = groups.len() <= size.pick(4, 3);
    let mut rows: Vec<f64> = Vec::new();
    let mut sentences: Vec<((f64, f64), String)> = Vec::new();
    for Lead { k, above, below } in &groups {
        let Some(value) = results
            .curves
            .iter()
            .find(|curve| curve.model == *above)
            .and_then(|curve| curve.points.iter().find(|point| point.k == *k))
            .and_then(|point| point.pass.value)
        else {
            continue;
        };
        let (x, y) = (frame.x.at(*k as f64), frame.y.at(value));
        canvas.line((x, y + 7.0), (x, frame.bottom), Paint::Muted, 1.0, "2 3");
        canvas.ring((x, y), 7.0, Paint::Ink, 1.4);
        if !worded {
            continue;
        }
        let full = format!(
            "{above} leads {} from k = {}",
            below.join(", "),
            number::count(*k)
        );
        let words = size.pick(full, format!("k = {}", number::count(*k)));
        let words = fit(&words, 11.5, frame.right - frame.left - 12.0);
        let length = text_width(&words, 11.5);
        let start = if x + 6.0 + length <= frame.right {
            x + 6.0
        } else {
            (x - 6.0 - length).max(frame.left + 4.0)
        };
        let row = rows
            .iter()
            .position(|end| start > *end + 8.0)
            .unwrap_or(rows.len());
        if row == rows.len() {
            rows.push(0.0);
        }
        if let Some(end) = rows.get_mut(row) {
            *end = start + length;
        }
        sentences.push(((start, frame.bottom - 9.0 - 16.0 * row as f64), words));
    }
    for (at, words) in sentences {
        canvas.text(at, Text::new(&words).size(11.5).paint(Paint::Ink).halo());
    }
}

fn end_labels(canvas: &mut Canvas, frame: &Frame, results: &PassAtK, palette: &Palette, room: f64) {
    let ends: Vec<(&str, f64, f64)> = results
        .curves
        .iter()
        .filter_map(|curve| {
            let last = curve
                .points
                .iter()
                .rev()
                .find(|point| point.pass.value.is_some_and(f64::is_finite))?;
            Some((
                curve.model.as_str(),
                frame.x.at(last.k as f64),
                frame.y.at(last.pass.value?),
            ))
        })
        .collect();
    let wished: Vec<f64> = ends.iter().map(|(.., y)| *y).collect();
    let places = spread(&wished, LABEL_GAP, frame.top + 2.0, frame.bottom - 2.0);
    for ((model, x, y), place) in ends.into_iter().zip(places) {
        let style = palette.style(model);
        let start = frame.right + 18.0;
        canvas.open("v-end", Some(model));
        canvas.polyline(
            &[(x + 5.0, y), (start - 1.0, place)],
            Paint::Model(&style),
            1.0,
            "",
            0.7,
        );
        canvas.marker((start + 3.0, place), &style, 3.4);
        let text = end_label(results, model, room + 2.0);
        canvas.text(
            (start + 11.0, place + 4.2),
            Text::new(&text).size(LABEL).paint(Paint::Ink),
        );
        canvas.close();
    }
}

/// A curve's label in the room there is. Among several evaluations the model's name gives way: which evaluation it is,
/// is what tells its curves apart.
fn end_label(results: &PassAtK, label: &str, room: f64) -> String {
    let of = results
        .curves
        .iter()
        .find(|curve| curve.model == label)
        .and_then(|curve| curve.of.as_ref());
    match of {
        Some(of) if text_width(label, LABEL) > room => {
            let tail = format!(" · {}", of.name);
            let left = room - text_width(&tail, LABEL);
            if left < 24.0 {
                return fit(&of.name, LABEL, room);
            }
            format!("{}{tail}", fit(&of.model, LABEL, left))
        }
        _ => fit(label, LABEL, room),
    }
}

/// A column a k that tells every model's number.
fn hover(canvas: &mut Canvas, frame: &Frame, results: &PassAtK, ks: &[u64]) {
    for (index, k) in ks.iter().enumerate() {
        let x = frame.x.at(*k as f64);
        let before = index
            .checked_sub(1)
            .and_then(|index| ks.get(index))
            .map_or(frame.left, |k| (frame.x.at(*k as f64) + x) / 2.0);
        let after = ks
            .get(index + 1)
            .map_or(frame.right + 8.0, |k| (frame.x.at(*k as f64) + x) / 2.0);
        let mut rows: Vec<(&str, &CurvePoint)> = results
            .curves
            .iter()
            .filter_map(|curve| {
                Some((
                    curve.model.as_str(),
                    curve.points.iter().find(|point| point.k == *k)?,
                ))
            })
            .collect();
        rows.sort_by(|(_, a), (_, b)| {
            b.pass
                .value
                .unwrap_or(-1.0)
                .total_cmp(&a.pass.value.unwrap_or(-1.0))
        });
        let mut text = format!("k = {}", number::count(*k));
        for (model, point) in rows {
            text.push_str(&format!(
                "\n{model}: {}",
                number::estimate(&point.pass, Unit::Share)
            ));
        }
        canvas.hit(
            (before, frame.top),
            (after - before, frame.bottom - frame.top),
            &text,
        );
    }
}

fn description(results: &PassAtK, first: u64, last: u64) -> String {
    let mut text = format!(
        "pass@k of {} on {} for k from {first} to {last}.",
        number::plural(
            results.curves.len() as u64,
            if results.curves.iter().any(|curve| curve.of.is_some()) {
                "curve"
            } else {
                "model"
            }
        ),
        results.benchmark
    );
    for curve in &results.curves {
        if let (Some(start), Some(end)) = (curve.points.first(), curve.points.last()) {
            text.push_str(&format!(
                " {}: {} at k = {}, {} at k = {}.",
                curve.model,
                number::estimate(&start.pass, Unit::Share),
                start.k,
                number::estimate(&end.pass, Unit::Share),
                end.k
            ));
        }
    }
    for crossing in &results.crossings {
        if let Some(k) = crossing.k {
            text.push_str(&format!(
                " {} is above {} from k = {k} on.",
                crossing.above, crossing.below
            ));
        }
    }
    text
}
