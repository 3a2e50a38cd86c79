//! Verdicts first: word, shape and colour, the effect with its intervals as a picture and as numbers, and the reason.

use std::fmt::Write;

use rlx_analysis::{ClaimVerdict, Estimate, Verdict};

use crate::data::ReportData;
use crate::escape::xml;
use crate::number::{self, Unit};
use crate::svg::{Anchor, Canvas, Paint, Scale, Text};
use crate::words;

pub(super) fn section(page: &mut String, data: &ReportData) {
    if data.claims.is_empty() {
        page.push_str("<div id=\"claims\"></div>\n");
        return;
    }
    let _ = write!(
        page,
        "<section id=\"claims\" aria-labelledby=\"claims-h\">\n<h2 id=\"claims-h\">Claims</h2>\n\
         <p class=\"intro\">Of {}, {}. A verdict follows from the bootstrap interval over problems like these, never from the point estimate alone.</p>\n<ol class=\"claims\">\n",
        number::plural(data.claims.len() as u64, "claim"),
        xml(&words::tally(data))
    );
    for claim in &data.claims {
        card(page, claim);
    }
    page.push_str("</ol>\n</section>\n");
}

fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Holds => "holds",
        Verdict::Refuted => "refuted",
        Verdict::Inconclusive => "open",
        Verdict::Error => "error",
    }
}

/// A shape of its own for each verdict: disc with tick, square with cross, diamond with wave, triangle.
fn icon(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Holds => {
            "<circle cx=\"11\" cy=\"11\" r=\"10\"/><path class=\"cut\" d=\"M6 11.5l3.4 3.4L16 8\"/>"
        }
        Verdict::Refuted => {
            "<rect x=\"1.5\" y=\"1.5\" width=\"19\" height=\"19\" rx=\"3\"/><path class=\"cut\" d=\"M7 7l8 8M15 7l-8 8\"/>"
        }
        Verdict::Inconclusive => {
            "<path d=\"M11 .5L21.5 11 11 21.5.5 11Z\"/><path class=\"cut\" d=\"M6.2 12c1.6-2.6 3.2-2.6 4.8-1s3.2 1.600 4.800-1\"/>"
        }
        Verdict::Error => {
            "<path d=\"M11 1.500L21.500 20.500H.500Z\"/><path class=\"cut\" d=\"M11 8v6M11 16.800v.6\"/>"
        }
    }
}

fn card(page: &mut String, claim: &ClaimVerdict) {
    let unit = words::effect_unit(&claim.text);
    let _ = write!(
        page,
        "<li class=\"claim {class}\" id=\"claim-{id}\">\n<div class=\"verdict\"><svg viewBox=\"0 0 22 22\" width=\"22\" height=\"22\" aria-hidden=\"true\">{icon}</svg>\
         <strong>{word}</strong></div>\n<div class=\"body\">\n<h3>{statement}</h3>\n<p class=\"expr\"><code>{text}</code></p>\n<p class=\"reason\">{reason}</p>\n",
        class = class(claim.verdict),
        id = crate::escape::slug(&claim.name),
        icon = icon(claim.verdict),
        word = words::verdict(claim.verdict),
        statement = xml(&sentence(&claim.statement)),
        text = xml(&claim.text),
        reason = xml(&sentence(&claim.reason)),
    );
    if claim.on_these_problems != claim.verdict {
        let _ = writeln!(
            page,
            "<p class=\"reason\">On these problems alone (sampling noise): <b>{}</b>.</p>",
            words::verdict(claim.on_these_problems).to_lowercase()
        );
    }
    page.push_str("</div>\n");
    match &claim.effect {
        Some(effect) => {
            let decimals = number::column_decimals([effect], unit);
            let confidence = number::confidence(claim.confidence);
            page.push_str("<div class=\"effect\">\n");
            page.push_str(&strip(effect, unit, decimals, &confidence));
            let _ = writeln!(
                page,
                "<dl><div><dt>left − right</dt><dd><b>{}</b>{}</dd></div>",
                number::value(effect, unit, decimals),
                if effect.value.is_some() { unit.suffix() } else { "" }
            );
            for (name, interval) in [
                ("problems like these", effect.problems_like_these),
                ("these problems", effect.these_problems),
            ] {
                if let Some(text) = number::interval(interval, unit, decimals) {
                    let _ = writeln!(page, "<div><dt>{name}</dt><dd>{text}</dd></div>");
                }
            }
            let _ = write!(
                page,
                "</dl>\n<p class=\"quiet-text\">{confidence} intervals</p></div>\n"
            );
        }
        None => page.push_str("<div class=\"effect none\">no effect could be measured</div>\n"),
    }
    page.push_str("</li>\n");
}

/// With a capital and a full stop, as a sentence stands on a page.
fn sentence(text: &str) -> String {
    let text = text.trim();
    let mut characters = text.chars();
    let Some(first) = characters.next() else {
        return String::new();
    };
    // A statement may open with a name that is written small: `rl@150 …` keeps it.
    let word: String = text
        .chars()
        .take_while(|character| !character.is_whitespace())
        .collect();
    let opening = if word.chars().all(char::is_alphabetic) {
        first.to_uppercase().to_string()
    } else {
        first.to_string()
    };
    let stop = if text.ends_with(['.', '?', '!']) { "" } else { "." };
    format!("{opening}{}{stop}", characters.as_str())
}

/// The effect on a line with 0 marked: thin the population's interval, thick the sampling noise.
pub(crate) fn strip(effect: &Estimate, unit: Unit, decimals: usize, confidence: &str) -> String {
    let (width, middle) = (236.0, 14.0);
    let ends = [
        effect.value,
        effect.problems_like_these.map(|interval| interval.low),
        effect.problems_like_these.map(|interval| interval.high),
        effect.these_problems.map(|interval| interval.low),
        effect.these_problems.map(|interval| interval.high),
    ];
    let (low, high) = ends
        .into_iter()
        .flatten()
        .filter(|end| end.is_finite())
        .fold((0.0f64, 0.0f64), |(low, high), end| (low.min(end), high.max(end)));
    let pad = ((high - low) * 0.12).max(1e-9);
    let scale = Scale::linear(low - pad, high + pad, 2.0, width - 2.0);
    let mut canvas = Canvas::new();
    canvas.line((2.0, middle), (width - 2.0, middle), Paint::Grid, 1.0, "");
    let zero = scale.at(0.0);
    canvas.line((zero, 3.0), (zero, 25.0), Paint::Muted, 1.0, "");
    canvas.text((zero, 37.0), Text::new("0").size(11.0).anchor(Anchor::Middle));
    if let Some(interval) = effect.problems_like_these {
        let (from, to) = (scale.at(interval.low), scale.at(interval.high));
        canvas.line((from, middle), (to, middle), Paint::Ink, 1.6, "");
        for end in [from, to] {
            canvas.line((end, middle - 4.0), (end, middle + 4.0), Paint::Ink, 1.6, "");
        }
    }
    if let Some(interval) = effect.these_problems {
        canvas.line(
            (scale.at(interval.low), middle),
            (scale.at(interval.high), middle),
            Paint::Ink,
            5.0,
            "",
        );
    }
    if let Some(value) = effect.value.filter(|value| value.is_finite()) {
        canvas.rect(
            (scale.at(value) - 5.5, middle - 5.5),
            (11.0, 11.0),
            Paint::Ground,
            1.0,
            5.5,
        );
        canvas.ring((scale.at(value), middle), 4.5, Paint::Ink, 2.0);
    }
    let label = format!(
        "Effect {} with its {confidence} interval over problems like these {}",
        number::value(effect, unit, decimals),
        number::interval(effect.problems_like_these, unit, decimals).unwrap_or_default()
    );
    format!(
        "<svg class=\"strip\" viewBox=\"0 0 {width} 40\" width=\"{width}\" height=\"40\" role=\"img\" aria-label=\"{}\">\n{}</svg>\n",
        xml(&label),
        canvas.finish()
    )
}
