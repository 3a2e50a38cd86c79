//! Accuracy histograms: bars of all models side by side in each bin, with counts on the left and per cent on the right.

use rlx_analysis::Histogram;

use super::legend::{self, Swatch};
use crate::number::{self, Unit};
use crate::palette::Palette;
use crate::svg::{Anchor, Canvas, Drawing, Paint, Scale, Size, Text, nice_ticks};

pub(crate) fn draw(results: &Histogram, palette: &Palette, size: Size) -> Drawing {
    let mut canvas = Canvas::new();
    let width = size.width();
    let labels: Vec<&str> = results
        .series
        .iter()
        .map(|series| series.model.as_str())
        .collect();
    canvas.text((0.0, 12.0), Text::new("problems").paint(Paint::Ink).bold());
    canvas.text((width, 12.0), Text::new("% of problems").anchor(Anchor::End));
    let key = legend::draw(&mut canvas, &labels, palette, 0.0, 20.0, width, Swatch::Plain);
    let (left, right) = (40.0, width - 40.0);
    let top = 20.0 + key + 14.0;
    let bottom = top + size.pick(260.0, 210.0);
    let highest = results
        .series
        .iter()
        .flat_map(|series| &series.counts)
        .flat_map(|count| {
            [
                count.value,
                count.problems_like_these.map(|interval| interval.high),
            ]
        })
        .flatten()
        .filter(|value| value.is_finite())
        .fold(1.0, f64::max);
    let y = Scale::linear(0.0, highest * 1.04, bottom, top);
    let (ticks, _) = nice_ticks(0.0, highest * 1.04, 5);
    let all = results.problems.max(1) as f64;
    for tick in ticks {
        let at = y.at(tick);
        let paint = if tick == 0.0 { Paint::Muted } else { Paint::Grid };
        canvas.line((left, at), (right, at), paint, 1.0, "");
        canvas.text(
            (left - 7.0, at + 4.0),
            Text::new(&format!("{tick:.0}")).anchor(Anchor::End),
        );
    }
    // The right axis has round shares of its own: those of the left ticks would be odd.
    let (shares, _) = nice_ticks(0.0, 100.0 * highest * 1.04 / all, 5);
    for share in shares {
        let at = y.at(share * all / 100.0);
        canvas.line((right, at), (right + 4.0, at), Paint::Muted, 1.0, "");
        canvas.text((right + 7.0, at + 4.0), Text::new(&format!("{share:.0}%")));
    }
    let bins = results.bins.len().max(1) as f64;
    let room = (right - left) / bins;
    let bar = (room * 0.82) / results.series.len().max(1) as f64;
    for (place, bin) in results.bins.iter().enumerate() {
        let start = left + room * (place as f64 + 0.09);
        let mut tip = format!("accuracy {bin}");
        for (index, series) in results.series.iter().enumerate() {
            let Some(count) = series.counts.get(place) else {
                continue;
            };
            tip.push_str(&format!(
                "\n{}: {}",
                series.model,
                number::estimate(count, Unit::Plain)
            ));
            let style = palette.style(&series.model);
            let x = start + bar * index as f64;
            canvas.open("v-row", Some(&series.model));
            if let Some(value) = count.value.filter(|value| value.is_finite()) {
                let at = y.at(value);
                canvas.rect(
                    (x + 0.5, at),
                    ((bar - 1.0).max(0.8), bottom - at),
                    Paint::Model(&style),
                    0.62,
                    1.0,
                );
                canvas.line((x + 0.5, at), (x + bar - 0.5, at), Paint::Model(&style), 1.8, "");
            }
            if let Some(interval) = count.problems_like_these.filter(|_| bar > 3.0) {
                let middle = x + bar / 2.0;
                canvas.line(
                    (middle, y.at(interval.low)),
                    (middle, y.at(interval.high)),
                    Paint::Ink,
                    1.0,
                    "",
                );
            }
            canvas.close();
        }
        // Each second name on a phone, so that they do not meet.
        if size == Size::Wide || place % 3 == 0 || place + 1 == results.bins.len() {
            let name = size.pick(bin.replace(", ", "–").replace(['(', ')', ']'], ""), short(bin));
            canvas.text(
                (start + room * 0.41, bottom + 17.0),
                Text::new(&name).anchor(Anchor::Middle).size(11.0),
            );
        }
        canvas.hit((left + room * place as f64, top), (room, bottom - top), &tip);
    }
    canvas.text(
        ((left + right) / 2.0, bottom + 37.0),
        Text::new("share of samples that are right, problem by problem").anchor(Anchor::Middle),
    );
    let told: Vec<String> = results
        .series
        .iter()
        .map(|series| {
            let counts: Vec<String> = series
                .counts
                .iter()
                .map(|count| number::value(count, Unit::Plain, 0))
                .collect();
            format!("{}: {}", series.model, counts.join(", "))
        })
        .collect();
    Drawing {
        width,
        height: bottom + 44.0,
        body: canvas.finish(),
        description: format!(
            "Problems of {} by accuracy, in the bins {}. {}.",
            results.benchmark,
            results.bins.join(" "),
            told.join("; ")
        ),
    }
}

/// The upper end alone.
fn short(bin: &str) -> String {
    let end = bin.rsplit(", ").next().unwrap_or(bin);
    end.trim_end_matches([')', ']']).to_owned()
}
