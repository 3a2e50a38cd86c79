//! The key of models: a swatch of line and sign with the label, wrapped to the width.

use crate::palette::{Palette, Style};
use crate::svg::{Canvas, Paint, Text, fit, text_width};

const SIZE: f64 = 12.0;
const SWATCH: f64 = 24.0;
const ROW: f64 = 20.0;

/// What stands before a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Swatch {
    /// A line with the model's sign.
    Line,
    /// A line alone.
    Plain,
}

/// Draws the key from `top`; gives the height it took.
pub(crate) fn draw(
    canvas: &mut Canvas,
    labels: &[&str],
    palette: &Palette,
    left: f64,
    top: f64,
    right: f64,
    swatch: Swatch,
) -> f64 {
    let mut x = left;
    let mut y = top + ROW / 2.0;
    for label in labels {
        let text = fit(label, SIZE, right - left - SWATCH - 6.0);
        let width = SWATCH + 6.0 + text_width(&text, SIZE);
        if x > left && x + width > right {
            x = left;
            y += ROW;
        }
        let style: Style = palette.style(label);
        canvas.open("v-key", Some(label));
        canvas.line((x, y), (x + SWATCH, y), Paint::Model(&style), 2.0, style.dash);
        if swatch == Swatch::Line {
            canvas.marker((x + SWATCH / 2.0, y), &style, 3.4);
        }
        canvas.text(
            (x + SWATCH + 6.0, y + 4.2),
            Text::new(&text).size(SIZE).paint(Paint::Ink),
        );
        canvas.close();
        x += width + 18.0;
    }
    if labels.is_empty() {
        0.0
    } else {
        y + ROW / 2.0 - top
    }
}
