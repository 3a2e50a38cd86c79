//! The shapes that figures are made of.

use std::fmt::Write;

use crate::escape;
use crate::palette::{Marker, Style};

/// A colour by its meaning.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Paint<'a> {
    /// Text and axes.
    Ink,
    /// Secondary text.
    Muted,
    /// Grid lines.
    Grid,
    /// What the figure stands on.
    Ground,
    /// A quiet area.
    Soft,
    /// A model's.
    Model(&'a Style),
}

impl Paint<'_> {
    /// Class letter, light and dark tone of the colours that belong to no model.
    pub(crate) fn fixed(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Paint::Ink | Paint::Model(_) => ("i", "#1d2126", "#e4e7eb"),
            Paint::Muted => ("m", "#5b636d", "#a2abb6"),
            Paint::Grid => ("r", "#e3e6ea", "#2d333a"),
            Paint::Ground => ("g", "#ffffff", "#15181c"),
            Paint::Soft => ("o", "#d3d8de", "#3b434c"),
        }
    }

    fn attributes(self, property: &str) -> (String, String) {
        let letter = &property[..1];
        match self {
            Paint::Model(style) => (
                format!("v-{letter}{}", style.index),
                format!("{property}=\"{}\"", style.tone.light),
            ),
            other => {
                let (name, light, _) = other.fixed();
                (format!("v-{letter}{name}"), format!("{property}=\"{light}\""))
            }
        }
    }
}

/// Where a text's x lies in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// A line of text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Text<'a> {
    pub(crate) text: &'a str,
    pub(crate) size: f64,
    pub(crate) paint: Paint<'a>,
    pub(crate) anchor: Anchor,
    pub(crate) bold: bool,
    /// A rim in the ground's colour, for text over lines.
    pub(crate) halo: bool,
}

impl<'a> Text<'a> {
    /// Start-anchored, secondary, 12 px.
    pub(crate) fn new(text: &'a str) -> Text<'a> {
        Text {
            text,
            size: 12.0,
            paint: Paint::Muted,
            anchor: Anchor::Start,
            bold: false,
            halo: false,
        }
    }

    pub(crate) fn anchor(self, anchor: Anchor) -> Text<'a> {
        Text { anchor, ..self }
    }

    pub(crate) fn paint(self, paint: Paint<'a>) -> Text<'a> {
        Text { paint, ..self }
    }

    pub(crate) fn size(self, size: f64) -> Text<'a> {
        Text { size, ..self }
    }

    pub(crate) fn bold(self) -> Text<'a> {
        Text { bold: true, ..self }
    }

    pub(crate) fn halo(self) -> Text<'a> {
        Text { halo: true, ..self }
    }
}

/// SVG text in the making.
#[derive(Debug, Default)]
pub(crate) struct Canvas {
    body: String,
}

/// A coordinate with at most two decimals; a number that is none is drawn at 0.
pub(super) fn number(value: f64) -> String {
    if !value.is_finite() {
        return "0".to_owned();
    }
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" {
        "0".to_owned()
    } else {
        text.to_owned()
    }
}

impl Canvas {
    pub(crate) fn new() -> Canvas {
        Canvas::default()
    }

    pub(crate) fn finish(self) -> String {
        self.body
    }

    /// Opens a group; `model` lets the page dim the others.
    pub(crate) fn open(&mut self, class: &str, model: Option<&str>) {
        let _ = write!(self.body, "<g class=\"{class}\"");
        if let Some(model) = model {
            let _ = write!(self.body, " data-m=\"{}\"", escape::xml(model));
        }
        self.body.push_str(">\n");
    }

    pub(crate) fn close(&mut self) {
        self.body.push_str("</g>\n");
    }

    pub(crate) fn line(
        &mut self,
        from: (f64, f64),
        to: (f64, f64),
        paint: Paint<'_>,
        width: f64,
        dash: &str,
    ) {
        let (class, stroke) = paint.attributes("stroke");
        let _ = write!(
            self.body,
            "<line class=\"{class}\" x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\" {stroke} stroke-width=\"{}\"",
            number(from.0),
            number(from.1),
            number(to.0),
            number(to.1),
            number(width)
        );
        self.dash(dash);
        self.body.push_str("/>\n");
    }

    fn dash(&mut self, dash: &str) {
        if !dash.is_empty() {
            let _ = write!(self.body, " stroke-dasharray=\"{dash}\"");
        }
    }

    /// A line through points.
    pub(crate) fn polyline(
        &mut self,
        points: &[(f64, f64)],
        paint: Paint<'_>,
        width: f64,
        dash: &str,
        opacity: f64,
    ) {
        if points.is_empty() {
            return;
        }
        let (class, stroke) = paint.attributes("stroke");
        let _ = write!(
            self.body,
            "<path class=\"{class}\" d=\"{}\" fill=\"none\" {stroke} stroke-width=\"{}\" stroke-linejoin=\"round\" stroke-linecap=\"round\"",
            path(points),
            number(width)
        );
        if opacity < 1.0 {
            let _ = write!(self.body, " stroke-opacity=\"{}\"", number(opacity));
        }
        self.dash(dash);
        self.body.push_str("/>\n");
    }

    /// A filled shape.
    pub(crate) fn area(&mut self, points: &[(f64, f64)], paint: Paint<'_>, opacity: f64) {
        let (class, fill) = paint.attributes("fill");
        let _ = writeln!(
            self.body,
            "<path class=\"{class}\" d=\"{}Z\" {fill} fill-opacity=\"{}\"/>",
            path(points),
            number(opacity)
        );
    }

    pub(crate) fn rect(
        &mut self,
        at: (f64, f64),
        size: (f64, f64),
        paint: Paint<'_>,
        opacity: f64,
        radius: f64,
    ) {
        let (class, fill) = paint.attributes("fill");
        let _ = write!(
            self.body,
            "<rect class=\"{class}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" {fill}",
            number(at.0),
            number(at.1),
            number(size.0.max(0.0)),
            number(size.1.max(0.0))
        );
        if radius > 0.0 {
            let _ = write!(self.body, " rx=\"{}\"", number(radius));
        }
        if opacity < 1.0 {
            let _ = write!(self.body, " fill-opacity=\"{}\"", number(opacity));
        }
        self.body.push_str("/>\n");
    }

    /// A frame without filling.
    pub(crate) fn frame(&mut self, at: (f64, f64), size: (f64, f64), paint: Paint<'_>, width: f64) {
        let (class, stroke) = paint.attributes("stroke");
        let _ = writeln!(
            self.body,
            "<rect class=\"{class}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"none\" {stroke} stroke-width=\"{}\"/>",
            number(at.0),
            number(at.1),
            number(size.0.max(0.0)),
            number(size.1.max(0.0)),
            number(width)
        );
    }

    /// A ring.
    pub(crate) fn ring(&mut self, at: (f64, f64), radius: f64, paint: Paint<'_>, width: f64) {
        let (class, stroke) = paint.attributes("stroke");
        let _ = writeln!(
            self.body,
            "<circle class=\"{class}\" cx=\"{}\" cy=\"{}\" r=\"{}\" fill=\"none\" {stroke} stroke-width=\"{}\"/>",
            number(at.0),
            number(at.1),
            number(radius),
            number(width)
        );
    }

    /// A point in a model's shape and colour with a rim in the ground's.
    pub(crate) fn marker(&mut self, at: (f64, f64), style: &Style, radius: f64) {
        let (x, y) = at;
        let (class, fill) = Paint::Model(style).attributes("fill");
        let (rim, stroke) = Paint::Ground.attributes("stroke");
        let shape = match style.marker {
            Marker::Circle => format!(
                "circle cx=\"{}\" cy=\"{}\" r=\"{}\"",
                number(x),
                number(y),
                number(radius)
            ),
            Marker::Square => {
                let half = radius * 0.9;
                let side = number(2.0 * half);
                format!(
                    "rect x=\"{}\" y=\"{}\" width=\"{side}\" height=\"{side}\"",
                    number(x - half),
                    number(y - half)
                )
            }
            Marker::Diamond => {
                let half = radius * 1.3;
                format!(
                    "path d=\"{}Z\"",
                    path(&[(x, y - half), (x + half, y), (x, y + half), (x - half, y)])
                )
            }
            Marker::Triangle => {
                let half = radius * 1.2;
                format!(
                    "path d=\"{}Z\"",
                    path(&[
                        (x, y - half),
                        (x + half, y + half * 0.8),
                        (x - half, y + half * 0.8)
                    ])
                )
            }
        };
        let _ = writeln!(
            self.body,
            "<{shape} class=\"{class} {rim}\" {fill} {stroke} stroke-width=\"0.8\"/>"
        );
    }

    pub(crate) fn text(&mut self, at: (f64, f64), text: Text<'_>) {
        let (class, fill) = text.paint.attributes("fill");
        let _ = write!(
            self.body,
            "<text x=\"{}\" y=\"{}\" font-size=\"{}\" {fill}",
            number(at.0),
            number(at.1),
            number(text.size)
        );
        match text.anchor {
            Anchor::Start => {}
            Anchor::Middle => self.body.push_str(" text-anchor=\"middle\""),
            Anchor::End => self.body.push_str(" text-anchor=\"end\""),
        }
        if text.bold {
            self.body.push_str(" font-weight=\"600\"");
        }
        if text.halo {
            let (rim, stroke) = Paint::Ground.attributes("stroke");
            let _ = write!(
                self.body,
                " class=\"{class} {rim}\" {stroke} stroke-width=\"3\" stroke-linejoin=\"round\" paint-order=\"stroke\""
            );
        } else {
            let _ = write!(self.body, " class=\"{class}\"");
        }
        let _ = writeln!(self.body, ">{}</text>", escape::xml(text.text));
    }

    /// An invisible area that says its text when pointed at.
    pub(crate) fn hit(&mut self, at: (f64, f64), size: (f64, f64), text: &str) {
        let _ = writeln!(
            self.body,
            "<rect class=\"v-hit\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"#888888\" fill-opacity=\"0\" pointer-events=\"all\"><title>{}</title></rect>",
            number(at.0),
            number(at.1),
            number(size.0.max(0.0)),
            number(size.1.max(0.0)),
            escape::xml(text)
        );
    }
}

fn path(points: &[(f64, f64)]) -> String {
    let mut text = String::with_capacity(points.len() * 14);
    for (index, (x, y)) in points.iter().enumerate() {
        let _ = write!(
            text,
            "{}{} {}",
            if index == 0 { "M" } else { "L" },
            number(*x),
            number(*y)
        );
    }
    text
}
