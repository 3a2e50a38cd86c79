//! SVG by hand: a canvas of a few shapes, axes, and text that is measured so that nothing is clipped.
//!
//! Every shape carries its light colour as a presentation attribute (what LaTeX converters read) and a class, which a style
//! sheet turns over for dark pages.

mod axis;
mod canvas;
mod measure;

pub(crate) use axis::{Scale, log_ticks, nice_ticks, powers_of_two};
pub(crate) use canvas::{Anchor, Canvas, Paint, Text};
pub(crate) use measure::{fit, text_width};

use crate::escape;
use crate::palette::Palette;

/// For the page and for the phone: a figure is drawn twice, so that its text keeps its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Size {
    Wide,
    Narrow,
}

impl Size {
    /// Width in CSS pixels.
    pub(crate) fn width(self) -> f64 {
        match self {
            Size::Wide => 760.0,
            Size::Narrow => 358.0,
        }
    }

    /// One of two values.
    pub(crate) fn pick<T>(self, wide: T, narrow: T) -> T {
        match self {
            Size::Wide => wide,
            Size::Narrow => narrow,
        }
    }
}

/// A finished figure.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Drawing {
    pub(crate) width: f64,
    pub(crate) height: f64,
    /// SVG elements.
    pub(crate) body: String,
    /// The text alternative: what a reader would see in it.
    pub(crate) description: String,
}

const FONT: &str =
    "system-ui,-apple-system,&quot;Segoe UI&quot;,Roboto,&quot;Helvetica Neue&quot;,Arial,sans-serif";

/// Room around a figure in a file of its own.
const MARGIN: f64 = 16.0;

/// A file of its own, on its own ground.
pub(crate) fn standalone(drawing: &Drawing, title: &str, palette: &Palette) -> String {
    let (width, height) = (drawing.width + 2.0 * MARGIN, drawing.height + 2.0 * MARGIN);
    let (corner, width, height) = (
        canvas::number(-MARGIN),
        canvas::number(width),
        canvas::number(height),
    );
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"{corner} {corner} {width} {height}\" width=\"{width}\" height=\"{height}\" \
         font-family=\"{FONT}\" role=\"img\" aria-labelledby=\"t d\">\n<title id=\"t\">{title}</title>\n<desc id=\"d\">{description}</desc>\n\
         <style>{css}</style>\n<rect class=\"v-fg\" fill=\"#ffffff\" x=\"{corner}\" y=\"{corner}\" width=\"{width}\" height=\"{height}\"/>\n{body}</svg>\n",
        title = escape::xml(title),
        description = escape::xml(&drawing.description),
        css = style_sheet(palette),
        body = drawing.body,
    )
}

/// Part of a page that holds `style_sheet` once. `id` must be unique on the page.
pub(crate) fn inline(drawing: &Drawing, title: &str, id: &str, class: &str) -> String {
    let (width, height) = (canvas::number(drawing.width), canvas::number(drawing.height));
    let id = escape::xml(id);
    format!(
        "<svg class=\"{class}\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\" aria-label=\"{title}\" \
         aria-describedby=\"{id}\"><desc id=\"{id}\">{description}</desc>\n{body}</svg>\n",
        title = escape::xml(title),
        description = escape::xml(&drawing.description),
        body = drawing.body,
    )
}

/// Dark tones of the classes that the canvas writes, and tabular figures.
pub(crate) fn style_sheet(palette: &Palette) -> String {
    use std::fmt::Write;
    let mut css =
        String::from("text{font-variant-numeric:tabular-nums}@media screen and (prefers-color-scheme:dark){");
    for paint in [Paint::Ink, Paint::Muted, Paint::Grid, Paint::Ground, Paint::Soft] {
        let (name, _, dark) = paint.fixed();
        let _ = write!(css, ".v-f{name}{{fill:{dark}}}.v-s{name}{{stroke:{dark}}}");
    }
    for style in palette.all() {
        let (index, dark) = (style.index, &style.tone.dark);
        let _ = write!(css, ".v-f{index}{{fill:{dark}}}.v-s{index}{{stroke:{dark}}}");
    }
    css.push('}');
    css
}
